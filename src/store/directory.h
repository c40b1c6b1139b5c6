/*
 * The data directory: made where only its last component is missing, and locked, so that a second
 * waggled refuses to start. Thread: main.
 */
#pragma once

#include <stdbool.h>

#include "registry/log.h"

struct directory {
	int fd;
	int lock_fd; /* of the file `lock` in it; holds the process's number, for messages */
};

/* ERR_BUSY, ERR_DENIED, ERR_FULL, ERR_IO; *error filled. */
int directory_open(struct directory *directory, const char *path, struct log_error *error);

/* Is it still there? What is written into files that were removed would be lost in silence. */
bool directory_is_alive(const struct directory *directory);

/* Unlocks. Twice does no harm. */
void directory_close(struct directory *directory);
