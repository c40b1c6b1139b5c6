/*
 * The cache on disk, so that a restart does not forget it: format in SNAPSHOT.md. Coding is pure;
 * reading and writing files is a thin skin. Thread: coding: whoever holds the client's lock;
 * files: any.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libclient/cache.h"

/* Time as both clocks have it at one moment. */
struct wgl_now {
	uint64_t mono_ms;
	uint64_t wall_s;
};

/*
 * All records that may still be used, in the order of their last use. *out: returns owned, free().
 * WAGGLE_ERR_NOMEM.
 */
int wgl_snapshot_encode(struct wgl_cache *cache, const struct wgl_now *now, uint8_t **out,
			size_t *size);

/*
 * Puts what a snapshot has into the cache, marked so; nothing when any of it is wrong.
 * WAGGLE_ERR_SNAPSHOT, and why; WAGGLE_ERR_NOMEM.
 */
int wgl_snapshot_decode(struct wgl_cache *cache, const struct wgl_now *now, const uint8_t *data,
			size_t size, struct waggle_error *error);

/*
 * Reads a whole file. *out: returns owned, free(); NULL when there is no such file, which is
 * WAGGLE_OK. WAGGLE_ERR_SNAPSHOT: not a plain file, not ours, others may write it, too large;
 * _SYSTEM, _NOMEM. The error names the file.
 */
int wgl_snapshot_read(const char *path, size_t size_max, uint8_t **out, size_t *size,
		      struct waggle_error *error);

/*
 * Replaces the file: written beside it, synced, renamed, its directory synced. When another
 * process writes the same one just now, that one's is as good: WAGGLE_OK. WAGGLE_ERR_SYSTEM.
 */
int wgl_snapshot_write(const char *path, const uint8_t *data, size_t size,
		       struct waggle_error *error);
