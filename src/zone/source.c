/*
 * A file is read whole when it is opened, so that a device, a pipe or a file that grows cannot hold
 * up the reader. A cycle is told by what a file is, not by how its path is spelled.
 */
#include "zone/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

static int read_all(int fd, char **out, size_t *size)
{
	size_t room = 65536;
	char *data = malloc(room);

	*size = 0;
	while (data != NULL) {
		const ssize_t got = read(fd, data + *size, room - *size);
		char *more;

		if (got < 0 && errno == EINTR) {
			continue;
		}
		if (got <= 0) {
			*out = data;
			return got == 0 ? OK : ERR_IO;
		}
		*size += (size_t)got;
		if (*size == room) {
			room *= 2;
			more = realloc(data, room);
			if (more == NULL) {
				free(data);
			}
			data = more;
		}
	}
	*out = NULL;
	return ERR_NOMEM;
}

static struct source *push(struct source **top, const char *path, const uint8_t *origin)
{
	struct source *source = malloc(sizeof(*source));

	if (source != NULL) {
		source->includer = *top;
		source->path = path;
		source->device = 0;
		source->inode = 0;
		source->text = NULL;
		source->has_owner = false;
		memcpy(source->origin, origin, dns_name_size(origin));
		*top = source;
	}
	return source;
}

/* Is the file one of those that are open? */
static bool is_open(const struct source *top, const struct stat *about)
{
	for (; top != NULL; top = top->includer) {
		if (top->inode == about->st_ino && top->device == about->st_dev) {
			return true;
		}
	}
	return false;
}

static int open_regular(const struct source *top, const char *path, struct stat *about,
			char why[SOURCE_WHY_MAX])
{
	/* Not to wait for the other end of a pipe. */
	const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *reason = NULL;

	if (fd < 0 || fstat(fd, about) != 0) {
		reason = strerror(errno);
	} else if (!S_ISREG(about->st_mode)) {
		reason = S_ISDIR(about->st_mode) ? strerror(EISDIR) : "not a regular file";
	} else if (is_open(top, about)) {
		reason = "it includes itself";
	}
	if (reason == NULL) {
		return fd;
	}
	snprintf(why, SOURCE_WHY_MAX, "%s", reason);
	if (fd >= 0) {
		close(fd);
	}
	return ERR_IO;
}

int source_open(struct source **top, const char *path, const uint8_t *origin, struct arena *arena,
		char why[SOURCE_WHY_MAX])
{
	const char *kept = arena_dup(arena, path, strlen(path) + 1);
	struct stat about;
	struct source *source;
	char *text = NULL;
	size_t size = 0;
	int ret = ERR_NOMEM;
	int fd;

	if (kept == NULL) {
		return ERR_NOMEM;
	}
	fd = open_regular(*top, path, &about, why);
	if (fd < 0) {
		return fd;
	}
	ret = read_all(fd, &text, &size);
	if (ret == ERR_IO) {
		snprintf(why, SOURCE_WHY_MAX, "%s", strerror(errno));
	}
	close(fd);
	if (ret == OK) {
		source = push(top, kept, origin);
		ret = source == NULL ? ERR_NOMEM : OK;
	}
	if (ret != OK) {
		free(text);
		return ret;
	}
	source->device = about.st_dev;
	source->inode = about.st_ino;
	source->text = text;
	lines_init(&source->lines, text, size);
	return OK;
}

int source_open_text(struct source **top, const char *text, size_t size, const char *path,
		     const uint8_t *origin)
{
	struct source *source = push(top, path, origin);

	if (source == NULL) {
		return ERR_NOMEM;
	}
	lines_init(&source->lines, text, size);
	return OK;
}

void source_close(struct source **top)
{
	struct source *source = *top;

	*top = source->includer;
	free(source->text);
	free(source);
}

void source_close_all(struct source **top)
{
	while (*top != NULL) {
		source_close(top);
	}
}

const char *source_path(const struct source *includer, const char *name, struct arena *arena)
{
	const char *slash = strrchr(includer->path, '/');
	const size_t directory =
		slash == NULL || name[0] == '/' ? 0 : (size_t)(slash - includer->path) + 1;
	const size_t size = directory + strlen(name) + 1;
	char *path = arena_alloc(arena, size);

	if (path != NULL) {
		memcpy(path, includer->path, directory);
		memcpy(path + directory, name, size - directory);
	}
	return path;
}
