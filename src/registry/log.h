/*
 * The log as the registry needs it: a const table of functions, implemented by store/.
 *
 * Entries are opaque octets with consecutive indexes from 1. One append is in flight at a time.
 * A snapshot stands for all entries up to its index. Callbacks marked (store) come on the log's
 * own thread and only post to a mailbox. Thread: core, unless said otherwise.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct log;

struct log_options {
	const char *directory;
	uint64_t budget; /* octets of entries after which wants_snapshot() says so */
};

/* What went wrong, as one sentence that names the file. */
struct log_error {
	char text[512];
};

/* Takes octets of a snapshot, any sizes; an error ends the snapshot. */
typedef int (*log_sink_fn)(void *sink, const void *data, size_t size);

/* Writes a whole snapshot into the sink. Runs on the snapshot thread. */
typedef int (*log_produce_fn)(void *context, log_sink_fn put, void *sink);

/* Called while restoring, on the caller's thread. An error ends the restoring with that error. */
typedef int (*log_snapshot_fn)(void *context, const void *data, size_t size);
typedef int (*log_entry_fn)(void *context, uint64_t index, const void *entry, size_t size);

/* (store) The append or snapshot of `index` ended: OK, or ERR_FULL, ERR_IO: nothing was kept. */
typedef void (*log_done_fn)(void *context, int status, uint64_t index);

struct log_ops {
	const char *name;

	/*
	 * Opens or creates, locks against a second process. *out: returns owned. ERR_BUSY,
	 * ERR_DAMAGED, ERR_FOREIGN, ERR_IO, ERR_DENIED, with *error filled.
	 */
	int (*open)(struct log **out, const struct log_options *options, struct log_error *error);

	/*
	 * Gives back what is stored: the newest snapshot, if any (a piece may come as several
	 * calls), then each entry behind it. Once, before the first append. A gap, a bad checksum:
	 * ERR_DAMAGED by name.
	 */
	int (*restore)(struct log *log, log_snapshot_fn snapshot, log_entry_fn entry, void *context,
		       struct log_error *error);

	/* Index of the newest entry or snapshot; 0: none. After restore. */
	uint64_t (*last)(const struct log *log);

	/* Makes `entry` durable as last()+1; keeps it until `done` (store) has been called. */
	int (*append)(struct log *log, const void *entry, size_t size, log_done_fn done,
		      void *context);

	/* Has the log passed its budget, and no snapshot is under way? */
	int (*wants_snapshot)(const struct log *log);

	/*
	 * Writes a snapshot that stands for the entries up to `index` on a thread of its own, then
	 * drops these entries between appends. `done` (store) at the end.
	 */
	int (*snapshot)(struct log *log, uint64_t index, log_produce_fn produce, void *context,
			log_done_fn done, void *done_context);

	/* Octets of entries since the last snapshot. */
	uint64_t (*size)(const struct log *log);

	/* Waits for what is under way, checkpoints, unlocks, frees. Takes NULL. */
	void (*close)(struct log *log);
};
