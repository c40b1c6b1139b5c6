/*
 * The data directory: made where only its last component is missing, and locked, so that a second
 * waggled refuses to start. Thread: main.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "registry/log.h"

struct directory {
	int fd;
	int lock_fd; /* of the file `lock` in it; holds the process's number, for messages */
};

/* ERR_BUSY, ERR_DENIED, ERR_FULL, ERR_IO; *error filled. */
int directory_open(struct directory *directory, const char *path, struct log_error *error);

/*
 * Is the file `name` in it still the one with this inode? What is written into a file that was
 * removed or replaced would be lost in silence.
 */
bool directory_has(const struct directory *directory, const char *name, ino_t inode);

/* The inode of the file `name`; 0: there is none. */
ino_t directory_inode(const struct directory *directory, const char *name);

/* Unlocks. Twice does no harm. */
void directory_close(struct directory *directory);
