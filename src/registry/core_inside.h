/*
 * The inside of the core: for core.c (life, calls from other threads), core_batch.c (propose,
 * apply, publish, reply), core_size.c (types that outgrow a limit), core_news.c (log lines of
 * instances), core_lease.c (the timer's side), core_guard.c (protection against mass expiry) and
 * core_keep.c (restore, snapshot).
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/log.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "registry/batch.h"
#include "registry/core.h"
#include "registry/guard.h"
#include "registry/leases.h"
#include "registry/recent.h"
#include "registry/reclaim.h"
#include "registry/registry.h"

#define GATHER_MAX 64 /* jobs that are worth a sync of their own, whoever else may come */
#define GATHER_MS 1 /* how long the company of the last batches is waited for */
#define EXPIRE_MAX 500 /* names in one command: about 10 ms of a turn */
#define NEWS_LINES 100 /* log lines of instances, a second; and so many of one batch */

/* What the log said on its own thread. */
struct log_turn {
	struct turn turn;
	int status;
	uint64_t index;
};

/* Names whose leases a batch renewed: offset of the apex u16, then the name; one after another. */
struct touched {
	uint8_t *octets;
	size_t used;
	size_t room;
	bool failed;
};

/* Instances that a batch changed, for the log. */
struct news_item {
	uint8_t name[DNS_NAME_MAX];
	uint8_t apex_at; /* offset of the zone's name in it */
	bool is_expired;
};

struct news {
	size_t count;
	size_t room; /* lines that this second has for the batch */
	uint32_t left_out; /* of the batch */
	struct log_limit limit;
	struct news_item items[NEWS_LINES];
};

/* Names that a batch took over from their owners, as far as there is room; count: of all. */
#define TAKEOVER_LINES 100 /* a second */

struct takeovers {
	size_t count;
	struct {
		const struct node *before;
		struct owner by;
	} items[TAKEOVER_LINES];
};

/* Zones that a batch changed; count CHANGED_ZONES + 1: any. */
#define CHANGED_ZONES 4

struct changed_zones {
	uint8_t apex[CHANGED_ZONES][DNS_NAME_MAX];
	size_t count;
};

/* struct core_counters as it is counted. */
struct counters {
	_Atomic(uint64_t) batches;
	_Atomic(uint64_t) commands;
	_Atomic(uint64_t) refused;
	_Atomic(uint64_t) prohibited;
	_Atomic(uint64_t) owned;
	_Atomic(uint64_t) failed;
	_Atomic(uint64_t) expired;
	_Atomic(uint64_t) snapshots;
	_Atomic(uint64_t) full;
	_Atomic(uint64_t) leases;
	_Atomic(uint64_t) overdue_ms;
	_Atomic(uint64_t) stalls;
	_Atomic(uint64_t) stalled_ms;
	_Atomic(uint64_t) outgrown;
	_Atomic(uint64_t) takeovers;
	_Atomic(uint64_t) longest_turn_us;
	_Atomic(uint64_t) guarded_types;
	_Atomic(uint64_t) guarded_leases;
	_Atomic(uint64_t) guards;
	_Atomic(uint64_t) garbage; /* core_garbage() */
	_Atomic(uint64_t) log_octets;
	_Atomic(uint64_t) snapshot_s;
};

struct core {
	struct core_view view;
	struct counters counters;
	const struct log_ops *log_ops;
	struct log *log;

	struct loop *loop;
	struct thread *thread;
	struct mailbox *jobs;
	struct mailbox *turns;
	atomic_bool is_running; /* there is a thread that takes turns */
	size_t queue;
	_Atomic(size_t) queued; /* jobs in the mailbox or waiting */
	_Atomic(size_t) queued_octets; /* of their commands */

	/* From here on the core's alone. */
	bool is_published;
	bool is_stopping;
	struct reclaim *reclaim;

	struct recent recent;
	struct list waiting; /* jobs for the next batch */
	size_t waiting_count;
	size_t company; /* the most jobs that were here at once, lately; up to GATHER_MAX */
	bool is_gathering; /* what waits may wait for the others */
	struct loop_timer *gathered; /* the end of that */
	struct batch batches[2];
	struct batch *flying; /* given to the log; NULL: none */
	uint64_t flying_index; /* that it gets */
	struct log_turn appended;
	struct arena arena;
	struct root_writer *draft; /* with the batch in flight applied; NULL: not yet */
	uint64_t draft_index;
	struct list *next_job; /* of the batch that is applied: whose result comes next */
	/* What is known of the draft. */
	struct touched touched;
	struct changed_zones changed;
	struct takeovers takeovers;
	struct news news;
	struct log_limit failure_limit;
	struct log_limit growth_limit;
	struct log_limit takeover_limit;
	struct log_limit stall_limit;

	struct leases leases;
	uint64_t leases_ms; /* when they got their first term */
	struct loop_timer *tick;
	uint64_t tick_ms; /* when it should ring */
	struct core_job expiry;
	bool is_expiring; /* `expiry` is on its way */
	uint64_t expiring_due; /* ms of lease time: when the first of its leases came due */
	struct lease *due[EXPIRE_MAX];
	struct guard guard;
	struct guard_type *due_types[EXPIRE_MAX]; /* of those that the guard counted, or NULL */
	uint64_t swept_ms; /* when the guard was last looked through */

	bool is_saving; /* a snapshot is under way */
	const struct root *saved_root;
	uint64_t saved_octets; /* snapshot thread */
	uint64_t saving_ms; /* when it began */
	struct log_turn saved;
	struct turn graced;
	struct turn collect;
	bool is_collecting; /* `collect` is on its way */
};

static inline void counter_add(_Atomic(uint64_t) *counter, uint64_t count)
{
	atomic_fetch_add_explicit(counter, count, memory_order_relaxed);
}

static inline void counter_set(_Atomic(uint64_t) *counter, uint64_t value)
{
	atomic_store_explicit(counter, value, memory_order_relaxed);
}

/* ---- core.c ---- */

/* The core had a turn since then (clock_mono_us()): counts how long it was. */
void core_note_turn(struct core *core, uint64_t begin_us);

/* There is more of old versions to be freed: goes on in a turn of its own. */
void core_collect_on(struct core *core, bool is_more);

/* Readers see the newest root from now on, if the registry is published. */
void core_show(struct core *core);

/* Ends the loop of a core that stops, once nothing is under way. */
void core_end_when_idle(struct core *core);

/* ---- core_batch.c ---- */

/* Makes a batch of what waits, unless one is in flight or others are about to come. */
void core_propose(struct core *core);

/* Nothing was written yet: what the log says next is applied to the newest root then. */
void core_drop_draft(struct core *core);

/* Nobody else is waited for. */
void core_end_gathering(void *context);

/* Jobs that came: those that are answered already leave, the others wait for a batch. */
void core_take(struct core *core, struct list *jobs);

/* A job of our own, in line with the others. */
void core_enqueue(struct core *core, struct core_job *job);

/* Why the log failed, for clients and operators. */
const char *core_reason(int status);

/* Answers these jobs SERVFAIL with the reason `status`. */
void core_refuse(struct core *core, struct list *jobs, int status);

/*
 * Ends `writer`: the new root is the newest version, its leases are with the timer. ERR_NOMEM:
 * nothing happened, the writer is left.
 */
int core_commit(struct core *core, struct root_writer *writer, uint64_t index);

/* ---- core_size.c ---- */

/* A command changed this zone; NULL: one that is not known. */
void core_note_change(struct core *core, const struct zone *zone);

/* Says which types of these zones have outgrown a limit since `before`; NULL: at the start. */
void core_look_at_sizes(struct core *core, const struct root *before);

/* ---- core_news.c ---- */

/* A batch is about to be applied. */
void core_open_news(struct core *core);

/* A command was applied: takes note of the instances that it changed. */
void core_note_news(struct core *core, const struct core_job *job, const struct plan *plan);

/* Logs what became of them since `before`. */
void core_say_news(struct core *core, const struct root *before);

/* ---- core_lease.c ---- */

/* Sets the timer to when it has to look next. */
void core_set_tick(struct core *core);
void core_tick(void *context);

/* An UPDATE was applied: notes the leases it renewed, not those that begin. Sets touched.failed. */
void core_touch(struct core *core, const struct plan *plan);

/* Gives the leases noted a full term, as they are in the newest root. */
void core_renew_touched(struct core *core);

/* The expiry ended, by whatever result: what it meant and still lives gets a full term. */
void core_settle_expiry(struct core *core);

/* ---- core_guard.c ---- */

void core_guard_init(struct core *core);

/* Keeps those of the leases that are due which are protected; how many are left of `count`. */
size_t core_guard(struct core *core, size_t count, uint64_t now_ms);

/* From time to time: ends what protection is to end. */
void core_guard_sweep(struct core *core, uint64_t now_ms);

size_t core_guard_list(const struct core *core, struct core_guarded *out, size_t room);

/* As core_unguard(). */
bool core_guard_end(struct core *core, const uint8_t *name, bool is_confirmed, uint32_t *kept);

/* ---- core_keep.c ---- */

/* Begins a snapshot when the log wants one. */
void core_save(struct core *core);
