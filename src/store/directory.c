/*
 * The data directory and its lock: flock(2) on a file of its own, which the kernel drops with the
 * process however that ends. SQLite's own lock stands behind it, against other programs.
 */
#include "store/directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "store/say.h"

#define DIRECTORY_MODE 0750
#define FILE_MODE 0640

static int make(const char *path, struct log_error *error)
{
	if (mkdir(path, DIRECTORY_MODE) == 0 || errno == EEXIST) {
		return OK;
	}
	if (errno == ENOENT) {
		return say(error, ERR_IO,
			   "cannot make the data directory %s: the directory above it is missing",
			   path);
	}
	return say(error, say_errno(errno), "cannot make the data directory %s: %s", path,
		   strerror(errno));
}

static int open_path(struct directory *directory, const char *path, struct log_error *error)
{
	const int ret = make(path, error);

	if (ret != OK) {
		return ret;
	}
	directory->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory->fd < 0) {
		return say(error, say_errno(errno), "cannot open the data directory %s: %s", path,
			   strerror(errno));
	}
	return OK;
}

/* Number of the process that has the lock; 0: not known. */
static long lock_holder(int fd)
{
	char text[16] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 ? strtol(text, NULL, 10) : 0;
}

static int lock(struct directory *directory, const char *path, struct log_error *error)
{
	directory->lock_fd = openat(directory->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
	if (directory->lock_fd < 0) {
		return say(error, say_errno(errno), "cannot write in the data directory %s: %s",
			   path, strerror(errno));
	}
	if (flock(directory->lock_fd, LOCK_EX | LOCK_NB) == 0) {
		if (ftruncate(directory->lock_fd, 0) == 0) {
			dprintf(directory->lock_fd, "%ld\n", (long)getpid());
		}
		return OK;
	}
	if (errno == EWOULDBLOCK) {
		return say(error, ERR_BUSY,
			   "the data directory %s is in use by process %ld (%s/lock): stop that "
			   "first, or give this one a directory of its own",
			   path, lock_holder(directory->lock_fd), path);
	}
	return say(error, say_errno(errno), "cannot lock %s/lock: %s", path, strerror(errno));
}

int directory_open(struct directory *directory, const char *path, struct log_error *error)
{
	int ret;

	directory->fd = -1;
	directory->lock_fd = -1;
	ret = open_path(directory, path, error);
	if (ret == OK) {
		ret = lock(directory, path, error);
	}
	if (ret != OK) {
		directory_close(directory);
	}
	return ret;
}

ino_t directory_inode(const struct directory *directory, const char *name)
{
	struct stat status;

	return fstatat(directory->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 ? status.st_ino : 0;
}

bool directory_has(const struct directory *directory, const char *name, ino_t inode)
{
	return inode != 0 && directory_inode(directory, name) == inode;
}

void directory_close(struct directory *directory)
{
	if (directory->lock_fd >= 0) {
		close(directory->lock_fd);
	}
	if (directory->fd >= 0) {
		close(directory->fd);
	}
	directory->lock_fd = -1;
	directory->fd = -1;
}
