/*
 * The files of one zone: a master file and, by $INCLUDE, what is read in the middle of it. Each has
 * its own origin and owner, which end with it (RFC 1035 5.1). Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "zone/lines.h"

#define SOURCE_DEPTH_MAX 16 /* files open within each other */
#define SOURCE_FILES_MAX 10000 /* $INCLUDEs of a zone, counted as often as they are read */

/* An open file. */
struct source {
	struct source *includer; /* NULL: the zone's own file */
	const char *path; /* in the arena, where it outlives the source */
	dev_t device;
	ino_t inode;
	char *text; /* NULL: the text is the caller's */
	bool has_owner;
	uint8_t origin[DNS_NAME_MAX];
	uint8_t owner[DNS_NAME_MAX];
	struct lines lines;
};

#define SOURCE_WHY_MAX 512

/*
 * Opens and reads a file whole and makes it the one at *top. Only a regular file will do, which is
 * none of those that are open above. ERR_IO with a sentence without the path in `why`, ERR_NOMEM.
 */
int source_open(struct source **top, const char *path, const uint8_t *origin, struct arena *arena,
		char why[SOURCE_WHY_MAX]);

/* The same for text in memory, which is borrowed, as is `path`. ERR_NOMEM. */
int source_open_text(struct source **top, const char *text, size_t size, const char *path,
		     const uint8_t *origin);

/* Goes back to the includer; NULL after the last. */
void source_close(struct source **top);

/* Closes all. */
void source_close_all(struct source **top);

/* `name` as the includer means it: from its own directory. In the arena; NULL: no memory. */
const char *source_path(const struct source *includer, const char *name, struct arena *arena);
