/*
 * Snapshots: SNAPSHOT.md says what the octets mean. A file is checked as a whole before any of it
 * is used, so that a torn or forged one changes nothing.
 */
#include "libclient/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crc.h"
#include "dns/rrtype.h"
#include "libclient/error.h"

#define FORMAT 1
#define HEADER_SIZE 40
#define CRC_AT 36
#define ENTRY_FIXED 17 /* octets of an entry but its name and records */
#define WRITE_TRIES 3

static const char magic[8] = "WGLSNAP";

/* ---- encoding ---------------------------------------------------------------------------- */

static bool is_kept(const struct wgl_rrset *set, uint64_t now_ms)
{
	return set->known == WGL_RECORDS && now_ms < set->keep_ms;
}

static uint64_t wall_of(const struct wgl_rrset *set, const struct wgl_now *now)
{
	const uint64_t age_s = (now->mono_ms - set->said_ms) / 1000;

	return now->wall_s > age_s ? now->wall_s - age_s : 0;
}

static void write_entry(struct buf_writer *out, const struct wgl_rrset *set,
			const struct wgl_now *now)
{
	buf_write_u8(out, set->name_size);
	buf_write(out, wgl_rrset_name(set), set->name_size);
	buf_write_u16(out, set->type);
	buf_write_u32(out, set->ttl_s);
	buf_write_u64(out, wall_of(set, now));
	buf_write_u16(out, set->count);
	buf_write(out, set->records, set->size);
}

static void write_header(uint8_t *data, uint32_t count, size_t size, uint64_t wall_s)
{
	uint8_t header[HEADER_SIZE];
	struct buf_writer out = buf_writer(header, sizeof(header));

	buf_write(&out, magic, sizeof(magic));
	buf_write_u32(&out, FORMAT);
	buf_write_u32(&out, count);
	buf_write_u64(&out, size);
	buf_write_u64(&out, wall_s);
	buf_write_u32(&out, 0);
	buf_write_u32(&out, crc32c(crc32c(0, header, CRC_AT), data + HEADER_SIZE, size));
	memcpy(data, header, sizeof(header));
}

int wgl_snapshot_encode(struct wgl_cache *cache, const struct wgl_now *now, uint8_t **out,
			size_t *size)
{
	struct buf_writer writer;
	uint32_t count = 0;
	size_t entries = 0;

	for (struct list *link = cache->seen.next; link != &cache->seen; link = link->next) {
		const struct wgl_rrset *set = list_entry(link, struct wgl_rrset, link);

		if (is_kept(set, now->mono_ms)) {
			entries += ENTRY_FIXED + set->name_size + set->size;
			count++;
		}
	}
	*size = HEADER_SIZE + entries;
	*out = malloc(*size);
	if (*out == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	writer = buf_writer(*out + HEADER_SIZE, entries);
	for (struct list *link = cache->seen.next; link != &cache->seen; link = link->next) {
		const struct wgl_rrset *set = list_entry(link, struct wgl_rrset, link);

		if (is_kept(set, now->mono_ms)) {
			write_entry(&writer, set, now);
		}
	}
	write_header(*out, count, entries, now->wall_s);
	return WAGGLE_OK;
}

/* ---- decoding ---------------------------------------------------------------------------- */

/* An entry as it stands in the file. */
struct entry {
	struct wgl_news news;
	uint64_t said_s;
};

static bool is_type(uint16_t type)
{
	return type == DNS_TYPE_A || type == DNS_TYPE_AAAA || type == DNS_TYPE_SRV ||
	       type == DNS_TYPE_TXT || type == DNS_TYPE_PTR || type == DNS_TYPE_SOA;
}

/* What is wrong with it, or NULL. */
static const char *read_entry(struct buf_reader *reader, struct entry *entry)
{
	const uint8_t name_size = buf_read_u8(reader);
	struct wgl_news *news = &entry->news;

	*news = (struct wgl_news){.known = WGL_RECORDS, .is_from_snapshot = true};
	news->name = buf_read(reader, name_size);
	news->type = buf_read_u16(reader);
	news->ttl_s = buf_read_u32(reader);
	entry->said_s = buf_read_u64(reader);
	news->count = buf_read_u16(reader);
	if (reader->failed) {
		return "an entry is cut";
	}
	if (dns_name_check(news->name, name_size) != 0) {
		return "an entry has no valid name";
	}
	if (!is_type(news->type) || news->count == 0) {
		return "an entry has no known type, or no records";
	}
	news->records = reader->at;
	for (uint16_t i = 0; i < news->count; i++) {
		const uint16_t size = buf_read_u16(reader);
		const uint8_t *rdata = buf_read(reader, size);

		if (rdata == NULL || dns_rdata_check(news->type, rdata, size) != 0) {
			return "a record is malformed";
		}
	}
	news->size = (size_t)(reader->at - news->records);
	return NULL;
}

/* Checks all but the entries' insides; *entries: the reader of these. */
static const char *read_header(struct buf_reader *entries, uint32_t *count, const uint8_t *data,
			       size_t size)
{
	struct buf_reader reader = buf_reader(data, size);
	const uint8_t *start = buf_read(&reader, sizeof(magic));
	const uint32_t format = buf_read_u32(&reader);
	uint64_t entries_size;

	if (start == NULL || memcmp(start, magic, sizeof(magic)) != 0) {
		return "not a snapshot of libwaggle";
	}
	if (reader.failed) {
		return "cut in the header";
	}
	if (format != FORMAT) {
		return format < FORMAT ? "an older format" : "a newer format";
	}
	*count = buf_read_u32(&reader);
	entries_size = buf_read_u64(&reader);
	buf_read_u64(&reader);
	buf_read_u32(&reader);
	const uint32_t crc = buf_read_u32(&reader);
	if (reader.failed) {
		return "cut in the header";
	}
	if (entries_size != buf_left(&reader)) {
		return "not as long as it should be";
	}
	if (crc != crc32c(crc32c(0, data, CRC_AT), reader.at, buf_left(&reader))) {
		return "damaged (wrong checksum)";
	}
	*entries = buf_reader(reader.at, buf_left(&reader));
	return NULL;
}

static const char *check_entries(struct buf_reader reader, uint32_t count)
{
	struct entry entry;

	for (; count > 0; count--) {
		const char *why = read_entry(&reader, &entry);

		if (why != NULL) {
			return why;
		}
	}
	return buf_left(&reader) > 0 ? "octets behind the last entry" : NULL;
}

static int put_entry(struct wgl_cache *cache, const struct wgl_now *now, const struct entry *entry)
{
	const uint64_t age_s = now->wall_s > entry->said_s ? now->wall_s - entry->said_s : 0;

	/* The cache cuts TTLs again; this only keeps the difference below from wrapping. */
	if (age_s >= (uint64_t)entry->news.ttl_s + cache->max_stale_s ||
	    age_s >= now->mono_ms / 1000) {
		return WAGGLE_OK;
	}
	return wgl_cache_put(cache, &entry->news, now->mono_ms - age_s * 1000, now->mono_ms);
}

int wgl_snapshot_decode(struct wgl_cache *cache, const struct wgl_now *now, const uint8_t *data,
			size_t size, struct waggle_error *error)
{
	struct buf_reader reader;
	struct entry entry;
	uint32_t count = 0;
	const char *why = read_header(&reader, &count, data, size);

	if (why == NULL) {
		why = check_entries(reader, count);
	}
	if (why != NULL) {
		return wgl_error_set(error, WAGGLE_ERR_SNAPSHOT, "%s", why);
	}
	for (; count > 0; count--) {
		(void)read_entry(&reader, &entry);
		if (put_entry(cache, now, &entry) != WAGGLE_OK) {
			return wgl_error_code(error, WAGGLE_ERR_NOMEM);
		}
	}
	return WAGGLE_OK;
}

/* ---- files ------------------------------------------------------------------------------- */

static bool is_trusted_owner(uid_t owner)
{
	return owner == 0 || owner == geteuid();
}

/* What is wrong with an open file, or NULL. */
static const char *judge_file(const struct stat *status, size_t size_max)
{
	if (!S_ISREG(status->st_mode)) {
		return "not a plain file";
	}
	if (!is_trusted_owner(status->st_uid)) {
		return "belongs to another user";
	}
	if ((status->st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		return "others may write it";
	}
	if ((uint64_t)status->st_size > size_max) {
		return "too large";
	}
	return NULL;
}

static int system_error(struct waggle_error *error, const char *path)
{
	return wgl_error_set(error, WAGGLE_ERR_SYSTEM, "%s: %s", path, strerror(errno));
}

/* Fills `data` as far as the file goes. The octets read, or -1. */
static ssize_t read_fully(int file, uint8_t *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		const ssize_t got = read(file, data + done, size - done);

		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got < 0) {
			return -1;
		}
		if (got == 0) {
			break;
		}
		done += (size_t)got;
	}
	return (ssize_t)done;
}

static int read_open(const char *path, int file, size_t size_max, uint8_t **out, size_t *size,
		     struct waggle_error *error)
{
	struct stat status;
	const char *why;
	ssize_t got;

	if (fstat(file, &status) != 0) {
		return system_error(error, path);
	}
	why = judge_file(&status, size_max);
	if (why != NULL) {
		return wgl_error_set(error, WAGGLE_ERR_SNAPSHOT, "%s: %s", path, why);
	}
	*out = malloc((size_t)status.st_size + 1);
	if (*out == NULL) {
		return wgl_error_code(error, WAGGLE_ERR_NOMEM);
	}
	got = read_fully(file, *out, (size_t)status.st_size);
	if (got < 0) {
		const int ret = system_error(error, path);

		free(*out);
		*out = NULL;
		return ret;
	}
	*size = (size_t)got;
	return WAGGLE_OK;
}

int wgl_snapshot_read(const char *path, size_t size_max, uint8_t **out, size_t *size,
		      struct waggle_error *error)
{
	/* Without O_NONBLOCK a pipe of that name would hold the caller up. */
	const int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int ret;

	*out = NULL;
	*size = 0;
	if (file < 0 && errno == ENOENT) {
		return WAGGLE_OK;
	}
	if (file < 0 && errno == ELOOP) {
		return wgl_error_set(error, WAGGLE_ERR_SNAPSHOT, "%s: not a plain file", path);
	}
	if (file < 0) {
		return system_error(error, path);
	}
	ret = read_open(path, file, size_max, out, size, error);
	close(file);
	return ret;
}

static int write_fully(int file, const uint8_t *data, size_t size)
{
	while (size > 0) {
		const ssize_t put = write(file, data, size);

		if (put < 0 && errno == EINTR) {
			continue;
		}
		if (put < 0) {
			return -1;
		}
		data += put;
		size -= (size_t)put;
	}
	return 0;
}

static int sync_directory(const char *path)
{
	char directory[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int file;
	int ret;

	if (slash == NULL) {
		snprintf(directory, sizeof(directory), ".");
	} else {
		/* "/FILE" stands in "/". */
		const size_t size = slash == path ? 1 : (size_t)(slash - path);

		snprintf(directory, sizeof(directory), "%.*s", (int)size, path);
	}
	file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file < 0) {
		return -1;
	}
	ret = fsync(file);
	close(file);
	return ret;
}

/*
 * Opens and locks the file beside it. -1: errno; EWOULDBLOCK when another process has the lock, or
 * had it just now and renamed the file away.
 */
static int open_beside(const char *beside)
{
	const int file = open(beside, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat ours;
	struct stat there;

	if (file < 0) {
		return -1;
	}
	if (flock(file, LOCK_EX | LOCK_NB) != 0 || fstat(file, &ours) != 0) {
		goto failed;
	}
	if (lstat(beside, &there) != 0 || there.st_ino != ours.st_ino ||
	    there.st_dev != ours.st_dev) {
		errno = EWOULDBLOCK;
		goto failed;
	}
	if (!S_ISREG(ours.st_mode) || ours.st_uid != geteuid() || ours.st_nlink != 1) {
		errno = EPERM;
		goto failed;
	}
	return file;
failed:;
	const int saved = errno;
	close(file);
	errno = saved;
	return -1;
}

static int replace(const char *path, const char *beside, int file, const uint8_t *data, size_t size)
{
	if (ftruncate(file, 0) != 0 || fchmod(file, 0600) != 0 ||
	    write_fully(file, data, size) != 0 || fsync(file) != 0) {
		return -1;
	}
	return rename(beside, path) != 0 ? -1 : sync_directory(path);
}

int wgl_snapshot_write(const char *path, const uint8_t *data, size_t size,
		       struct waggle_error *error)
{
	char beside[PATH_MAX];
	struct stat status;
	int file;
	int ret = WAGGLE_OK;

	if (snprintf(beside, sizeof(beside), "%s.tmp", path) >= (int)sizeof(beside)) {
		errno = ENAMETOOLONG;
		return system_error(error, path);
	}
	if (lstat(path, &status) == 0 && !is_trusted_owner(status.st_uid)) {
		return wgl_error_set(error, WAGGLE_ERR_SYSTEM, "%s: belongs to another user", path);
	}
	file = open_beside(beside);
	for (int i = 1; file < 0 && errno == EWOULDBLOCK && i < WRITE_TRIES; i++) {
		file = open_beside(beside);
	}
	if (file < 0) {
		return errno == EWOULDBLOCK ? WAGGLE_OK : system_error(error, beside);
	}
	if (replace(path, beside, file, data, size) != 0) {
		ret = system_error(error, path);
		(void)unlink(beside);
	}
	close(file);
	return ret;
}
