/*
 * The log on one machine: database (rows), snapshot (files) and directory (lock) put together
 * behind the table of registry/log.h, with the store thread.
 *
 * Append: the core posts it, the store thread inserts the row, which is durable when the statement
 * returns, and calls `done`. Snapshot: the store thread starts a thread that writes the file, which
 * posts its end; then one small transaction names the file, `done` is called, and the rows before
 * it go in steps of about 1 MiB, each in a round of its own, so that an append waits for one step
 * at most. The older file goes last. What fails leaves everything as it was: an append may be tried
 * again at once, a snapshot waits, longer each time.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "registry/log.h"
#include "store/database.h"
#include "store/directory.h"
#include "store/say.h"
#include "store/snapshot.h"
#include "store/store.h"

#define MAIL_LIMIT 16
#define BACKOFF_FIRST_MS 5000
#define BACKOFF_MAX_MS (320 * 1000)
#define TRIM_PAUSE_MS 1 /* between steps: a round of the loop */
#define TRIM_RETRY_MS 10000 /* after a step that failed */

static const char database_name[] = "registry.db";

/* What is posted to the store thread. */
struct work {
	struct mail mail;
	void (*run)(struct log *log, struct work *work);
};

struct append {
	struct work work;
	const void *entry;
	size_t size;
	log_done_fn done;
	void *context;
};

struct snapshot {
	struct work work; /* to begin, then to end */
	uint64_t index;
	log_produce_fn produce;
	void *context;
	log_done_fn done;
	void *done_context;
	struct thread *thread; /* store; NULL: none runs */
	int status;
	uint64_t octets; /* of the file */
};

struct log {
	char *path; /* of the directory */
	struct directory directory;
	struct database *database;
	ino_t inode; /* of its file */
	uint64_t budget;

	/* Written by the store thread, read by the core too. */
	_Atomic(uint64_t) last;
	_Atomic(uint64_t) size; /* octets of entries since the last snapshot */
	_Atomic(uint64_t) snapshot_octets; /* of the last snapshot's file */
	_Atomic(uint64_t) not_before_ms; /* no snapshot earlier, after one that failed */
	atomic_bool is_snapshotting;

	struct thread *thread; /* NULL until restored */
	struct loop *loop;
	struct mailbox *mailbox;
	struct loop_timer *trim_timer;
	struct append append; /* the one in flight */
	struct snapshot snapshot; /* the one under way */
	struct work stop;
	struct log_limit vanished_limit;
	uint64_t backoff_ms; /* store */
	bool is_stopping; /* store */
};

/* ---- appending (store) --------------------------------------------------------------------- */

static void say_vanished(struct log *log)
{
	uint32_t left_out;

	if (log_may(&log->vanished_limit, clock_mono_ms(), 1, &left_out)) {
		log_line(LOG_LEVEL_ERROR, "the log's file was removed or replaced: restart waggled",
			 "directory=%s left_out=%" PRIu32, log->path, left_out);
	}
}

static void run_append(struct log *log, struct work *work)
{
	const struct append append = log->append;
	const uint64_t index = log->last + 1;
	int ret = ERR_IO;

	(void)work;
	if (directory_has(&log->directory, database_name, log->inode)) {
		ret = database_append(log->database, index, append.entry, append.size);
	} else {
		say_vanished(log);
	}
	if (ret == OK) {
		log->last = index;
		log->size += append.size;
	}
	append.done(append.context, ret, index);
}

/* ---- trimming (store) ---------------------------------------------------------------------- */

static void trim(void *context)
{
	struct log *log = context;
	bool is_done;

	if (log->is_stopping) {
		return;
	}
	if (database_trim(log->database, &is_done) != OK) {
		/* The rows cost space only; a start would take them away, too. */
		loop_timer_set(log->trim_timer, TRIM_RETRY_MS);
	} else if (!is_done) {
		loop_timer_set(log->trim_timer, TRIM_PAUSE_MS);
	} else if (!log->is_snapshotting) {
		snapshot_remove_others(log->directory.fd, database_snapshot(log->database));
	}
}

/* ---- snapshots ----------------------------------------------------------------------------- */

static void end_snapshot(struct log *log, struct work *work);

/* The snapshot thread. */
static void write_snapshot(void *context)
{
	struct log *log = context;
	struct snapshot *snapshot = &log->snapshot;

	snapshot->status = snapshot_write(log->directory.fd, snapshot->index, snapshot->produce,
					  snapshot->context, &snapshot->octets);
	snapshot->work.run = end_snapshot;
	mailbox_post_always(log->mailbox, &snapshot->work.mail);
}

/* The file is whole: from now on the log goes on from it. */
static int name_snapshot(struct log *log)
{
	struct snapshot *snapshot = &log->snapshot;
	uint64_t size = 0;
	int ret = database_set_snapshot(log->database, snapshot->index);

	if (ret != OK) {
		/*
		 * Where the disk failed, a restart may find the name written all the same, and needs
		 * the file; the next snapshot takes it away.
		 */
		if (ret != ERR_IO) {
			snapshot_remove(log->directory.fd, snapshot->index);
		}
		return ret;
	}
	ret = database_size(log->database, &size);
	if (ret == OK) {
		log->size = size;
	}
	log->snapshot_octets = snapshot->octets;
	if (log->last < snapshot->index) {
		log->last = snapshot->index;
	}
	loop_timer_set(log->trim_timer, TRIM_PAUSE_MS);
	return OK;
}

static void back_off(struct log *log)
{
	log->backoff_ms = log->backoff_ms == 0 ? BACKOFF_FIRST_MS : log->backoff_ms * 2;
	if (log->backoff_ms > BACKOFF_MAX_MS) {
		log->backoff_ms = BACKOFF_MAX_MS;
	}
	log->not_before_ms = clock_mono_ms() + log->backoff_ms;
}

/* The last snapshot of a log that stops ends it. */
static void stop_when_idle(struct log *log)
{
	if (log->is_stopping && log->snapshot.thread == NULL) {
		loop_stop(log->loop);
	}
}

static void end_snapshot(struct log *log, struct work *work)
{
	struct snapshot *snapshot = &log->snapshot;
	const log_done_fn done = snapshot->done;
	void *context = snapshot->done_context;
	const uint64_t index = snapshot->index;
	int ret = snapshot->status;

	(void)work;
	thread_join(snapshot->thread);
	snapshot->thread = NULL;
	if (ret == OK) {
		ret = name_snapshot(log);
	}
	if (ret == OK) {
		log->backoff_ms = 0;
	} else {
		back_off(log);
	}
	log->is_snapshotting = false;
	done(context, ret, index);
	stop_when_idle(log);
}

static void begin_snapshot(struct log *log, struct work *work)
{
	struct snapshot *snapshot = &log->snapshot;
	const int ret = thread_start(&snapshot->thread, "snapshot", write_snapshot, log);

	if (ret != OK) {
		snapshot->status = ret;
		end_snapshot(log, work);
	}
}

static int sqlite_snapshot(struct log *log, uint64_t index, log_produce_fn produce, void *context,
			   log_done_fn done, void *done_context)
{
	struct snapshot *snapshot = &log->snapshot;

	if (log->is_snapshotting) {
		return ERR_BUSY;
	}
	log->is_snapshotting = true;
	snapshot->work.run = begin_snapshot;
	snapshot->index = index;
	snapshot->produce = produce;
	snapshot->context = context;
	snapshot->done = done;
	snapshot->done_context = done_context;
	return mailbox_post_always(log->mailbox, &snapshot->work.mail);
}

static int sqlite_wants_snapshot(const struct log *log)
{
	const uint64_t tenth = log->snapshot_octets / 10;
	const uint64_t limit = log->budget > tenth ? log->budget : tenth;

	return !log->is_snapshotting && log->size >= limit && log->size > 0 &&
	       clock_mono_ms() >= log->not_before_ms;
}

/* ---- the store thread ---------------------------------------------------------------------- */

static void run_works(void *context, struct list *mails)
{
	struct log *log = context;

	while (!list_is_empty(mails)) {
		struct work *work = list_entry(mails->next, struct work, mail.link);

		list_remove(&work->mail.link);
		work->run(log, work);
	}
}

static void run_stop(struct log *log, struct work *work)
{
	(void)work;
	log->is_stopping = true;
	stop_when_idle(log);
}

static void run_thread(void *context)
{
	struct log *log = context;

	loop_run(log->loop);
}

static int start_thread(struct log *log)
{
	int ret = loop_new(&log->loop);

	if (ret == OK) {
		ret = mailbox_new(&log->mailbox, log->loop, MAIL_LIMIT, run_works, log);
	}
	if (ret == OK) {
		ret = loop_timer_new(&log->trim_timer, log->loop, trim, log);
	}
	if (ret == OK) {
		/* Rows that a snapshot left behind when the process ended. */
		loop_timer_set(log->trim_timer, TRIM_PAUSE_MS);
		ret = thread_start(&log->thread, "store", run_thread, log);
	}
	return ret;
}

static void stop_thread(struct log *log)
{
	if (log->thread != NULL) {
		log->stop.run = run_stop;
		mailbox_post_always(log->mailbox, &log->stop.mail);
		thread_join(log->thread);
	}
	loop_timer_free(log->trim_timer);
	mailbox_free(log->mailbox);
	loop_free(log->loop);
}

/* ---- opening, restoring, closing ----------------------------------------------------------- */

static void sqlite_close(struct log *log)
{
	if (log == NULL) {
		return;
	}
	stop_thread(log);
	database_close(log->database);
	directory_close(&log->directory);
	free(log->path);
	free(log);
}

/* The file, made here so that only the group may read it, and its name made to stay. */
static void make_file(const struct log *log)
{
	const int fd = openat(log->directory.fd, database_name, O_RDWR | O_CREAT | O_CLOEXEC, 0640);

	if (fd >= 0) {
		close(fd);
	}
	fsync(log->directory.fd);
}

static int open_database(struct log *log, struct log_error *error)
{
	const size_t size = strlen(log->path) + 1 + sizeof(database_name);
	char *path = malloc(size);
	int ret;

	if (path == NULL) {
		return say(error, ERR_NOMEM, "out of memory");
	}
	snprintf(path, size, "%s/%s", log->path, database_name);
	make_file(log);
	ret = database_open(&log->database, path, error);
	log->inode = directory_inode(&log->directory, database_name);
	free(path);
	return ret;
}

static int sqlite_open(struct log **out, const struct log_options *options, struct log_error *error)
{
	struct log *log = calloc(1, sizeof(*log));
	int ret;

	if (log == NULL) {
		return say(error, ERR_NOMEM, "out of memory");
	}
	log->directory.fd = -1;
	log->directory.lock_fd = -1;
	log->budget = options->budget;
	log->path = strdup(options->directory);
	if (log->path == NULL) {
		ret = say(error, ERR_NOMEM, "out of memory");
		goto out;
	}
	ret = directory_open(&log->directory, log->path, error);
	if (ret != OK) {
		goto out;
	}
	ret = open_database(log, error);
	if (ret != OK) {
		goto out;
	}
	*out = log;
	log = NULL;
out:
	sqlite_close(log);
	return ret;
}

/* A database that lost everything looks like a new one; the snapshot beside it tells. */
static int check_new(const struct log *log, struct log_error *error)
{
	if (log->last > 0 || !snapshot_is_any(log->directory.fd)) {
		return OK;
	}
	return say(error, ERR_DAMAGED,
		   "%s/registry.db is empty, but there is a snapshot beside it: restore the "
		   "directory from a copy, or empty it to begin anew",
		   log->path);
}

static int read_all(struct log *log, log_snapshot_fn snapshot, log_entry_fn entry, void *context,
		    struct log_error *error)
{
	const uint64_t index = database_snapshot(log->database);
	uint64_t octets = 0;
	uint64_t last = 0;
	uint64_t size = 0;
	int ret = OK;

	if (index > 0) {
		ret = snapshot_read(log->directory.fd, log->path, index, snapshot, context, &octets,
				    error);
	}
	if (ret == OK) {
		ret = database_scan(log->database, entry, context, &last, error);
	}
	if (ret == OK && database_size(log->database, &size) != OK) {
		ret = say(error, ERR_IO, "cannot read %s/registry.db", log->path);
	}
	log->snapshot_octets = octets;
	log->last = last;
	log->size = size;
	return ret == OK ? check_new(log, error) : ret;
}

static int sqlite_restore(struct log *log, log_snapshot_fn snapshot, log_entry_fn entry,
			  void *context, struct log_error *error)
{
	int ret = read_all(log, snapshot, entry, context, error);

	if (ret != OK) {
		return ret;
	}
	snapshot_remove_others(log->directory.fd, database_snapshot(log->database));
	ret = start_thread(log);
	return ret == OK ? OK : say(error, ret, "cannot start a thread: %s", err_text(ret));
}

static uint64_t sqlite_last(const struct log *log)
{
	return log->last;
}

static uint64_t sqlite_size(const struct log *log)
{
	return log->size;
}

static int sqlite_append(struct log *log, const void *entry, size_t size, log_done_fn done,
			 void *context)
{
	log->append = (struct append){
		.work.run = run_append,
		.entry = entry,
		.size = size,
		.done = done,
		.context = context,
	};
	return mailbox_post_always(log->mailbox, &log->append.work.mail);
}

const struct log_ops store_sqlite = {
	.name = "sqlite",
	.open = sqlite_open,
	.restore = sqlite_restore,
	.last = sqlite_last,
	.append = sqlite_append,
	.wants_snapshot = sqlite_wants_snapshot,
	.snapshot = sqlite_snapshot,
	.size = sqlite_size,
	.close = sqlite_close,
};
