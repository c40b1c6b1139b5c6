/*
 * Snapshot files.
 *
 * Writing: to a temporary name, head, chunks with a checksum each, an end record with the length
 * and a checksum over all; sync, rename, sync of the directory. Reading goes the same way and hands
 * a chunk on only when its checksum is right; what came before a bad one has to be thrown away by
 * the reader's caller, who starts from nothing.
 */
#include "store/snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crc.h"
#include "base/err.h"
#include "store/say.h"

#define SNAPSHOT_FORMAT 1
#define HEAD_SIZE 24
#define CHUNK_HEAD_SIZE 8
#define CHUNK_MAX 65536 /* octets of data in a chunk */
#define END_SIZE 20
#define NAME_SIZE 40
#define SYNC_OCTETS (4u << 20) /* the disk gets its share as it comes, not all at the end */

static const uint8_t magic[8] = {'w', 'a', 'g', 'g', 'l', 'e', 0x0d, 0x0a};
static const char prefix[] = "snapshot-";

struct sink {
	int fd;
	uint32_t crc; /* of all data so far */
	uint64_t length; /* of all data so far */
	uint64_t octets; /* of the file */
	size_t unsynced;
	size_t used; /* octets of data in `chunk` */
	uint8_t chunk[CHUNK_HEAD_SIZE + CHUNK_MAX];
};

/* ---- names --------------------------------------------------------------------------------- */

static void name_final(char out[NAME_SIZE], uint64_t index)
{
	snprintf(out, NAME_SIZE, "%s%" PRIu64, prefix, index);
}

static void name_temporary(char out[NAME_SIZE], uint64_t index)
{
	snprintf(out, NAME_SIZE, "%s%" PRIu64 ".tmp", prefix, index);
}

enum file_kind { FILE_OTHER, FILE_FINAL, FILE_TEMPORARY };

static enum file_kind file_kind(const char *name)
{
	const char *at = name + strlen(prefix);

	if (strncmp(name, prefix, strlen(prefix)) != 0 || *at < '0' || *at > '9') {
		return FILE_OTHER;
	}
	at += strspn(at, "0123456789");
	if (*at == '\0') {
		return FILE_FINAL;
	}
	return strcmp(at, ".tmp") == 0 ? FILE_TEMPORARY : FILE_OTHER;
}

static DIR *open_directory(int directory_fd)
{
	const int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);

	if (directory == NULL && fd >= 0) {
		close(fd);
	}
	return directory;
}

void snapshot_remove(int directory_fd, uint64_t index)
{
	char name[NAME_SIZE];

	name_final(name, index);
	unlinkat(directory_fd, name, 0);
}

void snapshot_remove_others(int directory_fd, uint64_t index)
{
	char kept[NAME_SIZE];
	DIR *directory = open_directory(directory_fd);
	const struct dirent *entry;

	if (directory == NULL) {
		return;
	}
	name_final(kept, index);
	while ((entry = readdir(directory)) != NULL) {
		if (file_kind(entry->d_name) != FILE_OTHER && strcmp(entry->d_name, kept) != 0) {
			unlinkat(directory_fd, entry->d_name, 0);
		}
	}
	closedir(directory);
}

bool snapshot_is_any(int directory_fd)
{
	DIR *directory = open_directory(directory_fd);
	const struct dirent *entry;
	bool is_any = false;

	if (directory == NULL) {
		return false;
	}
	while (!is_any && (entry = readdir(directory)) != NULL) {
		is_any = file_kind(entry->d_name) == FILE_FINAL;
	}
	closedir(directory);
	return is_any;
}

/* ---- writing ------------------------------------------------------------------------------- */

static int write_all(struct sink *sink, const uint8_t *data, size_t size)
{
	size_t left = size;

	while (left > 0) {
		const ssize_t count = write(sink->fd, data, left);

		if (count < 0 && errno == EINTR) {
			continue;
		}
		if (count <= 0) {
			return count == 0 ? ERR_IO : say_errno(errno);
		}
		data += count;
		left -= (size_t)count;
	}
	sink->octets += size;
	sink->unsynced += size;
	if (sink->unsynced < SYNC_OCTETS) {
		return OK;
	}
	sink->unsynced = 0;
	return fdatasync(sink->fd) == 0 ? OK : say_errno(errno);
}

static int write_head(struct sink *sink, uint64_t index)
{
	uint8_t head[HEAD_SIZE];
	struct buf_writer out = buf_writer(head, sizeof(head));

	buf_write(&out, magic, sizeof(magic));
	buf_write_u32(&out, SNAPSHOT_FORMAT);
	buf_write_u64(&out, index);
	buf_write_u32(&out, crc32c(0, head, buf_written(&out)));
	return write_all(sink, head, sizeof(head));
}

/* The chunk's checksum is over its size and its data. */
static uint32_t chunk_crc(const uint8_t *chunk, size_t size)
{
	return crc32c(crc32c(0, chunk, 4), chunk + CHUNK_HEAD_SIZE, size);
}

static int flush(struct sink *sink)
{
	struct buf_writer out = buf_writer(sink->chunk, CHUNK_HEAD_SIZE);
	const size_t size = sink->used;

	if (size == 0) {
		return OK;
	}
	buf_write_u32(&out, (uint32_t)size);
	buf_write_u32(&out, chunk_crc(sink->chunk, size));
	sink->crc = crc32c(sink->crc, sink->chunk + CHUNK_HEAD_SIZE, size);
	sink->length += size;
	sink->used = 0;
	return write_all(sink, sink->chunk, CHUNK_HEAD_SIZE + size);
}

static int put(void *context, const void *data, size_t size)
{
	struct sink *sink = context;
	const uint8_t *at = data;

	while (size > 0) {
		const size_t room = CHUNK_MAX - sink->used;
		const size_t count = size < room ? size : room;
		int ret = OK;

		memcpy(sink->chunk + CHUNK_HEAD_SIZE + sink->used, at, count);
		sink->used += count;
		at += count;
		size -= count;
		if (sink->used == CHUNK_MAX) {
			ret = flush(sink);
		}
		if (ret != OK) {
			return ret;
		}
	}
	return OK;
}

static int write_end(struct sink *sink)
{
	uint8_t end[END_SIZE];
	struct buf_writer out = buf_writer(end, sizeof(end));

	buf_write_u32(&out, 0);
	buf_write_u64(&out, sink->length);
	buf_write_u32(&out, sink->crc);
	buf_write_u32(&out, crc32c(0, end, buf_written(&out)));
	return write_all(sink, end, sizeof(end));
}

static int write_file(struct sink *sink, uint64_t index, log_produce_fn produce, void *context)
{
	int ret = write_head(sink, index);

	if (ret == OK) {
		ret = produce(context, put, sink);
	}
	if (ret == OK) {
		ret = flush(sink);
	}
	if (ret == OK) {
		ret = write_end(sink);
	}
	if (ret == OK && fsync(sink->fd) != 0) {
		ret = say_errno(errno);
	}
	return ret;
}

int snapshot_write(int directory_fd, uint64_t index, log_produce_fn produce, void *context,
		   uint64_t *octets)
{
	char temporary[NAME_SIZE];
	char final[NAME_SIZE];
	struct sink *sink = calloc(1, sizeof(*sink));
	int ret = ERR_NOMEM;

	if (sink == NULL) {
		return ERR_NOMEM;
	}
	name_temporary(temporary, index);
	name_final(final, index);
	sink->fd = openat(directory_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (sink->fd < 0) {
		ret = say_errno(errno);
		goto out;
	}
	ret = write_file(sink, index, produce, context);
	if (close(sink->fd) != 0 && ret == OK) {
		ret = say_errno(errno);
	}
	if (ret == OK && renameat(directory_fd, temporary, directory_fd, final) != 0) {
		ret = say_errno(errno);
	}
	if (ret == OK && fsync(directory_fd) != 0) {
		ret = say_errno(errno);
		unlinkat(directory_fd, final, 0);
	}
	if (ret != OK) {
		unlinkat(directory_fd, temporary, 0);
	}
	*octets = sink->octets;
out:
	free(sink);
	return ret;
}

/* ---- reading ------------------------------------------------------------------------------- */

struct source {
	FILE *file;
	const char *directory;
	const char *name;
	struct log_error *error;
	uint32_t crc;
	uint64_t length;
	uint64_t octets;
	uint8_t data[CHUNK_MAX];
};

static int damaged(const struct source *source, const char *what)
{
	return say(source->error, ERR_DAMAGED, "%s/%s is damaged: %s", source->directory,
		   source->name, what);
}

static int read_exactly(struct source *source, uint8_t *out, size_t size)
{
	if (fread(out, 1, size, source->file) == size) {
		source->octets += size;
		return OK;
	}
	if (ferror(source->file)) {
		return say(source->error, ERR_IO, "cannot read %s/%s: %s", source->directory,
			   source->name, strerror(errno));
	}
	return damaged(source, "it breaks off");
}

static int read_head(struct source *source, uint64_t index)
{
	uint8_t head[HEAD_SIZE];
	struct buf_reader reader = buf_reader(head, sizeof(head));
	const int ret = read_exactly(source, head, sizeof(head));
	uint32_t format;

	if (ret != OK) {
		return ret;
	}
	if (memcmp(buf_read(&reader, sizeof(magic)), magic, sizeof(magic)) != 0) {
		return damaged(source, "it does not begin as a snapshot does");
	}
	format = buf_read_u32(&reader);
	if (format != SNAPSHOT_FORMAT) {
		return say(source->error, ERR_FOREIGN,
			   "%s/%s has format %" PRIu32 ", and this waggled knows format %d only",
			   source->directory, source->name, format, SNAPSHOT_FORMAT);
	}
	if (buf_read_u64(&reader) != index) {
		return damaged(source, "it stands for another index than its name says");
	}
	if (buf_read_u32(&reader) != crc32c(0, head, HEAD_SIZE - 4)) {
		return damaged(source, "its head does not match its checksum");
	}
	return OK;
}

static int read_end(struct source *source, const uint8_t begin[4])
{
	uint8_t end[END_SIZE];
	struct buf_reader reader = buf_reader(end, sizeof(end));
	int ret;

	memcpy(end, begin, 4);
	ret = read_exactly(source, end + 4, END_SIZE - 4);
	if (ret != OK) {
		return ret;
	}
	buf_read_u32(&reader);
	if (buf_read_u64(&reader) != source->length || buf_read_u32(&reader) != source->crc ||
	    buf_read_u32(&reader) != crc32c(0, end, END_SIZE - 4)) {
		return damaged(source, "its end does not match what is before it");
	}
	if (fgetc(source->file) != EOF) {
		return damaged(source, "something stands behind its end");
	}
	return OK;
}

/* One chunk or the end. 1: there is more, OK: that was the end. */
static int read_piece(struct source *source, log_snapshot_fn fn, void *context)
{
	uint8_t head[CHUNK_HEAD_SIZE];
	struct buf_reader reader = buf_reader(head, sizeof(head));
	int ret = read_exactly(source, head, 4);
	uint32_t size;

	if (ret != OK) {
		return ret;
	}
	size = buf_read_u32(&reader);
	if (size == 0) {
		return read_end(source, head);
	}
	if (size > CHUNK_MAX) {
		return damaged(source, "a chunk is too long");
	}
	ret = read_exactly(source, head + 4, 4);
	if (ret == OK) {
		ret = read_exactly(source, source->data, size);
	}
	if (ret != OK) {
		return ret;
	}
	if (buf_read_u32(&reader) != crc32c(crc32c(0, head, 4), source->data, size)) {
		return damaged(source, "a chunk does not match its checksum");
	}
	source->crc = crc32c(source->crc, source->data, size);
	source->length += size;
	ret = fn(context, source->data, size);
	if (ret != OK) {
		return say(source->error, ret, "%s/%s was refused: %s", source->directory,
			   source->name, err_text(ret));
	}
	return 1;
}

static int open_source(struct source *source, int directory_fd)
{
	const int fd = openat(directory_fd, source->name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT) {
		return say(source->error, ERR_DAMAGED,
			   "%s/%s is missing, and the log goes on from it", source->directory,
			   source->name);
	}
	if (fd < 0) {
		return say(source->error, say_errno(errno), "cannot open %s/%s: %s",
			   source->directory, source->name, strerror(errno));
	}
	source->file = fdopen(fd, "rb");
	if (source->file == NULL) {
		close(fd);
		return say(source->error, ERR_NOMEM, "out of memory");
	}
	return OK;
}

int snapshot_read(int directory_fd, const char *directory, uint64_t index, log_snapshot_fn fn,
		  void *context, uint64_t *octets, struct log_error *error)
{
	char name[NAME_SIZE];
	struct source *source = calloc(1, sizeof(*source));
	int ret;

	if (source == NULL) {
		return say(error, ERR_NOMEM, "out of memory");
	}
	name_final(name, index);
	source->directory = directory;
	source->name = name;
	source->error = error;
	ret = open_source(source, directory_fd);
	if (ret == OK) {
		ret = read_head(source, index);
	}
	if (ret == OK) {
		do {
			ret = read_piece(source, fn, context);
		} while (ret == 1);
	}
	*octets = source->octets;
	if (source->file != NULL) {
		fclose(source->file);
	}
	free(source);
	return ret;
}
