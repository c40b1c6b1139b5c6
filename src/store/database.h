/*
 * The database of the log: a row for each entry, and which snapshot the rows go on from. The only
 * place that speaks SQL; its tables are in FORMAT.md. Thread: one at a time; while waggled runs,
 * the store thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "registry/log.h"

struct database;

/*
 * Opens or creates the file, takes SQLite's exclusive lock. A file of another program or format is
 * left as it is. *out: returns owned. ERR_BUSY, ERR_DAMAGED, ERR_FOREIGN, ERR_DENIED, ERR_FULL,
 * ERR_IO, ERR_NOMEM; *error filled.
 */
int database_open(struct database **out, const char *path, struct log_error *error);

/* Index of the snapshot that the rows go on from; 0: none. */
uint64_t database_snapshot(const struct database *database);

/* Makes a snapshot, whose file is whole, the one that the rows go on from. */
int database_set_snapshot(struct database *database, uint64_t index);

/* Inserts one row and syncs. ERR_FULL, ERR_IO, ERR_NOMEM: it is not there. */
int database_append(struct database *database, uint64_t index, const void *entry, size_t size);

/*
 * Calls for each row behind the snapshot, checked, in order. *last: index of the newest. ERR_DAMAGED,
 * ERR_IO, ERR_NOMEM, or what `fn` returned; *error filled.
 */
int database_scan(struct database *database, log_entry_fn fn, void *context, uint64_t *last,
		  struct log_error *error);

/* Octets of the entries behind the snapshot. */
int database_size(struct database *database, uint64_t *octets);

/*
 * Deletes the oldest rows that the snapshot stands for, about DATABASE_TRIM_MAX octets of them.
 * *is_done: none is left.
 */
#define DATABASE_TRIM_MAX (1u << 20)
int database_trim(struct database *database, bool *is_done);

/* Checkpoints and closes. Takes NULL. */
void database_close(struct database *database);
