/*
 * Snapshot files: `snapshot-INDEX` in the data directory, octet by octet in FORMAT.md. A file has
 * its name only when it is whole and on the disk. Thread: writing on the snapshot thread, the rest
 * while restoring or on the store thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "registry/log.h"

/*
 * Writes, syncs, renames, syncs the directory. *octets: size of the file. ERR_FULL, ERR_IO,
 * ERR_DENIED, ERR_NOMEM, or what `produce` returned: no file is left.
 */
int snapshot_write(int directory_fd, uint64_t index, log_produce_fn produce, void *context,
		   uint64_t *octets);

/*
 * Reads the file for `index` back, checks every octet of it. *octets: size of the file. `directory`
 * is for messages. ERR_DAMAGED, ERR_FOREIGN, ERR_IO, ERR_NOMEM, or what `fn` returned; *error
 * filled.
 */
int snapshot_read(int directory_fd, const char *directory, uint64_t index, log_snapshot_fn fn,
		  void *context, uint64_t *octets, struct log_error *error);

/* Removes the file for `index`, if there is one. */
void snapshot_remove(int directory_fd, uint64_t index);

/* Removes all snapshot files, unfinished ones too, but the one for `index` (0: none is kept). */
void snapshot_remove_others(int directory_fd, uint64_t index);

/* Is there a finished file of any index? */
bool snapshot_is_any(int directory_fd);
