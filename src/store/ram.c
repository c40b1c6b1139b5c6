/*
 * The log in memory, for tests: the same table, a thread of its own as the real one has, disks in
 * a table of the process, and hooks that make them fail.
 */
#include "store/ram.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc.h"
#include "base/err.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "registry/log.h"
#include "store/say.h"
#include "store/store.h"

#define MAIL_LIMIT 16
#define PIECE_MAX 1000 /* octets of a snapshot handed back in one call */

struct entry {
	struct list link;
	uint64_t index;
	size_t size;
	uint32_t crc;
	bool is_torn; /* only a part of it reached the disk */
	uint8_t data[];
};

struct disk {
	struct list link;
	struct log *log; /* who has it open; NULL: nobody */
	struct list entries;
	uint64_t snapshot_index;
	uint8_t *snapshot;
	size_t snapshot_size;
	bool is_held;
	bool is_off; /* nothing reaches it until it is opened again */
	bool tears; /* but for a part of the next entry */
	unsigned append_failures;
	int append_status;
	int snapshot_status;
	char name[];
};

enum work_kind { WORK_APPEND, WORK_SNAPSHOT, WORK_RELEASE, WORK_STOP };

struct work {
	struct mail mail;
	enum work_kind kind;
};

struct log {
	struct disk *disk;
	uint64_t budget;
	struct thread *thread;
	struct loop *loop;
	struct mailbox *mailbox;

	struct work append_work; /* one in flight */
	bool is_waiting; /* store: the disk is held */
	const void *entry;
	size_t entry_size;
	log_done_fn append_done;
	void *append_context;

	struct work snapshot_work; /* one under way */
	bool is_snapshotting; /* under the lock */
	uint64_t snapshot_index;
	log_produce_fn produce;
	void *produce_context;
	log_done_fn snapshot_done;
	void *snapshot_context;

	struct work stop_work;
};

/* Of all disks, and of what `log` says is under the lock. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list disks = {&disks, &disks};

/* ---- disks (under the lock) ---------------------------------------------------------------- */

static struct disk *disk_find(const char *name)
{
	for (struct list *link = disks.next; link != &disks; link = link->next) {
		struct disk *disk = list_entry(link, struct disk, link);

		if (strcmp(disk->name, name) == 0) {
			return disk;
		}
	}
	return NULL;
}

static struct disk *disk_get(const char *name)
{
	struct disk *disk = disk_find(name);
	const size_t size = strlen(name) + 1;

	if (disk != NULL) {
		return disk;
	}
	disk = calloc(1, sizeof(*disk) + size);
	if (disk == NULL) {
		return NULL;
	}
	memcpy(disk->name, name, size);
	list_init(&disk->entries);
	list_append(&disks, &disk->link);
	return disk;
}

static void drop_entries(struct disk *disk, uint64_t index)
{
	while (!list_is_empty(&disk->entries)) {
		struct entry *entry = list_entry(disk->entries.next, struct entry, link);

		if (entry->index > index) {
			return;
		}
		list_remove(&entry->link);
		free(entry);
	}
}

static uint64_t disk_last(const struct disk *disk)
{
	if (list_is_empty(&disk->entries)) {
		return disk->snapshot_index;
	}
	const struct entry *last = list_entry(disk->entries.prev, struct entry, link);
	return last->is_torn ? last->index - 1 : last->index;
}

static uint64_t disk_size(const struct disk *disk)
{
	uint64_t size = 0;

	for (const struct list *link = disk->entries.next; link != &disk->entries;
	     link = link->next) {
		size += list_entry(link, struct entry, link)->size;
	}
	return size;
}

static int disk_append(struct disk *disk, const void *data, size_t size)
{
	struct entry *entry;

	if (disk->append_failures > 0) {
		disk->append_failures--;
		return disk->append_status;
	}
	if (disk->is_off && !disk->tears) {
		return ERR_IO;
	}
	entry = malloc(sizeof(*entry) + size);
	if (entry == NULL) {
		return ERR_NOMEM;
	}
	entry->index = disk_last(disk) + 1;
	entry->size = size;
	entry->crc = crc32c(0, data, size);
	memcpy(entry->data, data, size);
	list_append(&disk->entries, &entry->link);
	entry->is_torn = disk->tears;
	disk->tears = false;
	return entry->is_torn ? ERR_IO : OK;
}

/* As a log ends at the first entry that is not whole. */
static void drop_torn(struct disk *disk)
{
	struct entry *last = list_entry(disk->entries.prev, struct entry, link);

	if (!list_is_empty(&disk->entries) && last->is_torn) {
		list_remove(&last->link);
		free(last);
	}
}

/* ---- hooks --------------------------------------------------------------------------------- */

void store_ram_fail_appends(const char *directory, int status, unsigned count)
{
	struct disk *disk;

	pthread_mutex_lock(&lock);
	disk = disk_get(directory);
	if (disk != NULL) {
		disk->append_status = status;
		disk->append_failures = count;
	}
	pthread_mutex_unlock(&lock);
}

void store_ram_fail_snapshot(const char *directory, int status)
{
	struct disk *disk;

	pthread_mutex_lock(&lock);
	disk = disk_get(directory);
	if (disk != NULL) {
		disk->snapshot_status = status;
	}
	pthread_mutex_unlock(&lock);
}

static void release(struct log *log)
{
	struct work *work = malloc(sizeof(*work));

	if (work == NULL) {
		return;
	}
	work->kind = WORK_RELEASE;
	if (mailbox_post_always(log->mailbox, &work->mail) != OK) {
		free(work);
	}
}

void store_ram_hold(const char *directory, bool is_held)
{
	struct disk *disk;

	pthread_mutex_lock(&lock);
	disk = disk_get(directory);
	if (disk != NULL) {
		disk->is_held = is_held;
		if (!is_held && disk->log != NULL && disk->log->mailbox != NULL) {
			release(disk->log);
		}
	}
	pthread_mutex_unlock(&lock);
}

void store_ram_crash(const char *directory, bool tears)
{
	struct disk *disk;

	pthread_mutex_lock(&lock);
	disk = disk_find(directory);
	if (disk != NULL) {
		disk->is_off = true;
		disk->tears = tears;
	}
	pthread_mutex_unlock(&lock);
}

void store_ram_damage(const char *directory, uint64_t index, size_t at)
{
	struct disk *disk;

	pthread_mutex_lock(&lock);
	disk = disk_find(directory);
	for (struct list *link = disk == NULL ? NULL : disk->entries.next;
	     link != NULL && link != &disk->entries; link = link->next) {
		struct entry *entry = list_entry(link, struct entry, link);

		if (entry->index == index && at < entry->size) {
			entry->data[at] ^= 0x10;
		}
	}
	pthread_mutex_unlock(&lock);
}

size_t store_ram_entries(const char *directory)
{
	const struct disk *disk;
	size_t count = 0;

	pthread_mutex_lock(&lock);
	disk = disk_find(directory);
	for (const struct list *link = disk == NULL ? NULL : disk->entries.next;
	     link != NULL && link != &disk->entries; link = link->next) {
		count++;
	}
	pthread_mutex_unlock(&lock);
	return count;
}

uint64_t store_ram_snapshot(const char *directory)
{
	const struct disk *disk;
	uint64_t index;

	pthread_mutex_lock(&lock);
	disk = disk_find(directory);
	index = disk == NULL ? 0 : disk->snapshot_index;
	pthread_mutex_unlock(&lock);
	return index;
}

void store_ram_forget(void)
{
	pthread_mutex_lock(&lock);
	while (!list_is_empty(&disks)) {
		struct disk *disk = list_entry(disks.next, struct disk, link);

		list_remove(&disk->link);
		drop_entries(disk, UINT64_MAX);
		free(disk->snapshot);
		free(disk);
	}
	pthread_mutex_unlock(&lock);
}

/* ---- the store thread ---------------------------------------------------------------------- */

static void run_append(struct log *log)
{
	const log_done_fn done = log->append_done;
	void *context = log->append_context;
	uint64_t index;
	int ret;

	pthread_mutex_lock(&lock);
	log->is_waiting = log->disk->is_held;
	if (log->is_waiting) {
		pthread_mutex_unlock(&lock);
		return;
	}
	index = disk_last(log->disk) + 1;
	ret = disk_append(log->disk, log->entry, log->entry_size);
	pthread_mutex_unlock(&lock);
	done(context, ret, index);
}

struct sink {
	uint8_t *data;
	size_t size;
	size_t room;
};

static int put(void *context, const void *data, size_t size)
{
	struct sink *sink = context;

	if (sink->room - sink->size < size) {
		const size_t room = (sink->room + size) * 2;
		uint8_t *grown = realloc(sink->data, room);

		if (grown == NULL) {
			return ERR_NOMEM;
		}
		sink->data = grown;
		sink->room = room;
	}
	memcpy(sink->data + sink->size, data, size);
	sink->size += size;
	return OK;
}

static int keep_snapshot(struct log *log, struct sink *sink, int status)
{
	struct disk *disk = log->disk;
	int ret = status;

	pthread_mutex_lock(&lock);
	if (ret == OK) {
		ret = disk->is_off ? ERR_IO : disk->snapshot_status;
		disk->snapshot_status = OK;
	}
	if (ret == OK) {
		free(disk->snapshot);
		disk->snapshot = sink->data;
		disk->snapshot_size = sink->size;
		disk->snapshot_index = log->snapshot_index;
		drop_entries(disk, log->snapshot_index);
		sink->data = NULL;
	}
	log->is_snapshotting = false;
	pthread_mutex_unlock(&lock);
	free(sink->data);
	return ret;
}

static void run_snapshot(struct log *log)
{
	const log_done_fn done = log->snapshot_done;
	void *context = log->snapshot_context;
	const uint64_t index = log->snapshot_index;
	struct sink sink = {0};
	int ret = log->produce(log->produce_context, put, &sink);

	ret = keep_snapshot(log, &sink, ret);
	done(context, ret, index);
}

static void run_work(struct log *log, struct work *work)
{
	switch (work->kind) {
	case WORK_APPEND:
		run_append(log);
		break;
	case WORK_SNAPSHOT:
		run_snapshot(log);
		break;
	case WORK_RELEASE:
		free(work);
		if (log->is_waiting) {
			run_append(log);
		}
		break;
	case WORK_STOP:
		loop_stop(log->loop);
		break;
	}
}

static void run_works(void *context, struct list *mails)
{
	struct log *log = context;

	while (!list_is_empty(mails)) {
		struct work *work = list_entry(mails->next, struct work, mail.link);

		list_remove(&work->mail.link);
		run_work(log, work);
	}
}

static void run_thread(void *context)
{
	struct log *log = context;

	loop_run(log->loop);
}

/* ---- the table ----------------------------------------------------------------------------- */

static void ram_close(struct log *log)
{
	if (log == NULL) {
		return;
	}
	if (log->thread != NULL) {
		log->stop_work.kind = WORK_STOP;
		mailbox_post_always(log->mailbox, &log->stop_work.mail);
		thread_join(log->thread);
	}
	pthread_mutex_lock(&lock);
	if (log->disk != NULL) {
		log->disk->log = NULL;
	}
	pthread_mutex_unlock(&lock);
	mailbox_free(log->mailbox);
	loop_free(log->loop);
	free(log);
}

static int take_disk(struct log *log, const char *name, struct log_error *error)
{
	struct disk *disk;
	int ret = OK;

	pthread_mutex_lock(&lock);
	disk = disk_get(name);
	if (disk == NULL) {
		ret = say(error, ERR_NOMEM, "out of memory");
	} else if (disk->log != NULL) {
		ret = say(error, ERR_BUSY, "%s is in use", name);
	} else {
		log->disk = disk;
		disk->log = log;
		disk->is_off = false;
		disk->tears = false;
		drop_torn(disk);
	}
	pthread_mutex_unlock(&lock);
	return ret;
}

static int start(struct log *log)
{
	int ret = loop_new(&log->loop);

	if (ret == OK) {
		ret = mailbox_new(&log->mailbox, log->loop, MAIL_LIMIT, run_works, log);
	}
	if (ret == OK) {
		ret = thread_start(&log->thread, "store", run_thread, log);
	}
	return ret;
}

static int ram_open(struct log **out, const struct log_options *options, struct log_error *error)
{
	struct log *log = calloc(1, sizeof(*log));
	int ret;

	if (log == NULL) {
		return say(error, ERR_NOMEM, "out of memory");
	}
	log->budget = options->budget;
	ret = start(log);
	if (ret != OK) {
		say(error, ret, "cannot start a thread: %s", err_text(ret));
	} else {
		ret = take_disk(log, options->directory, error);
	}
	if (ret != OK) {
		ram_close(log);
		return ret;
	}
	*out = log;
	return OK;
}

static int restore_entry(const struct disk *disk, const struct entry *entry, uint64_t last,
			 log_entry_fn fn, void *context, struct log_error *error)
{
	int ret;

	if (entry->index != last + 1) {
		return say(error, ERR_DAMAGED, "%s is damaged: an entry is missing", disk->name);
	}
	if (entry->crc != crc32c(0, entry->data, entry->size)) {
		return say(error, ERR_DAMAGED, "%s is damaged: a bad checksum", disk->name);
	}
	ret = fn(context, entry->index, entry->data, entry->size);
	return ret == OK ? OK : say(error, ret, "%s: an entry was refused", disk->name);
}

static int ram_restore(struct log *log, log_snapshot_fn snapshot, log_entry_fn entry, void *context,
		       struct log_error *error)
{
	const struct disk *disk = log->disk;
	uint64_t last = disk->snapshot_index;
	int ret = OK;

	for (size_t at = 0; at < disk->snapshot_size && ret == OK; at += PIECE_MAX) {
		const size_t left = disk->snapshot_size - at;

		ret = snapshot(context, disk->snapshot + at, left < PIECE_MAX ? left : PIECE_MAX);
		if (ret != OK) {
			say(error, ret, "%s: the snapshot was refused", disk->name);
		}
	}
	for (const struct list *link = disk->entries.next; link != &disk->entries && ret == OK;
	     link = link->next) {
		ret = restore_entry(disk, list_entry(link, struct entry, link), last, entry,
				    context, error);
		last++;
	}
	return ret;
}

static uint64_t ram_last(const struct log *log)
{
	uint64_t last;

	pthread_mutex_lock(&lock);
	last = disk_last(log->disk);
	pthread_mutex_unlock(&lock);
	return last;
}

static uint64_t ram_size(const struct log *log)
{
	uint64_t size;

	pthread_mutex_lock(&lock);
	size = disk_size(log->disk);
	pthread_mutex_unlock(&lock);
	return size;
}

static int ram_append(struct log *log, const void *entry, size_t size, log_done_fn done,
		      void *context)
{
	log->append_work.kind = WORK_APPEND;
	log->entry = entry;
	log->entry_size = size;
	log->append_done = done;
	log->append_context = context;
	return mailbox_post_always(log->mailbox, &log->append_work.mail);
}

static int ram_wants_snapshot(const struct log *log)
{
	bool is_snapshotting;

	pthread_mutex_lock(&lock);
	is_snapshotting = log->is_snapshotting;
	pthread_mutex_unlock(&lock);
	return !is_snapshotting && ram_size(log) >= log->budget && ram_size(log) > 0;
}

static int ram_snapshot(struct log *log, uint64_t index, log_produce_fn produce, void *context,
			log_done_fn done, void *done_context)
{
	pthread_mutex_lock(&lock);
	if (log->is_snapshotting) {
		pthread_mutex_unlock(&lock);
		return ERR_BUSY;
	}
	log->is_snapshotting = true;
	pthread_mutex_unlock(&lock);
	log->snapshot_work.kind = WORK_SNAPSHOT;
	log->snapshot_index = index;
	log->produce = produce;
	log->produce_context = context;
	log->snapshot_done = done;
	log->snapshot_context = done_context;
	return mailbox_post_always(log->mailbox, &log->snapshot_work.mail);
}

const struct log_ops store_ram = {
	.name = "ram",
	.open = ram_open,
	.restore = ram_restore,
	.last = ram_last,
	.append = ram_append,
	.wants_snapshot = ram_wants_snapshot,
	.snapshot = ram_snapshot,
	.size = ram_size,
	.close = ram_close,
};
