/*
 * The way of a command through the core:
 *
 * 1. it waits with others while a batch is in flight, and then for as many as were here at once
 *    lately, GATHER_MS at most; who is alone waits for nobody;
 * 2. what waits becomes one entry, and the log makes it durable (core_propose);
 * 3. meanwhile it is applied command by command to a draft of the next root (draft_ahead): the time
 *    that the disk takes is not lost;
 * 4. when the log has it, the next batch goes there if it is full already, and the draft is committed,
 *    its leases go to the timer, and it is published (settle);
 * 5. the results are handed out (finish).
 *
 * A sync costs as much as four commands, and the disk's time. Senders that wait for their answers would
 * part in two halves, of which one is synced while the other comes; so they are one batch again.
 *
 * When the log fails, the draft is dropped, the batch is answered SERVFAIL, and the next tries again.
 * Whoever else writes to the root meanwhile drops the draft, too, and it is made when the log has the
 * batch. When applying fails then, memory is out or the log is damaged: the process stops, and a start
 * replays.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "dns/types.h"
#include "registry/core_inside.h"

static struct core_job *job_at(struct list *link)
{
	return list_entry(link, struct core_job, mail.link);
}

/* ---- results ------------------------------------------------------------------------------- */

/* Takes those of the same kind as the first out of `jobs`, in order. */
static const struct core_job_ops *take_kind(struct list *jobs, struct list *kind)
{
	const struct core_job_ops *ops = job_at(jobs->next)->ops;
	struct list *link = jobs->next;

	list_init(kind);
	while (link != jobs) {
		struct list *next = link->next;

		if (job_at(link)->ops == ops) {
			list_remove(link);
			list_append(kind, link);
		}
		link = next;
	}
	return ops;
}

/* A retransmission of this message gets the same answer, unless the answer was that we could not. */
static void remember(struct core *core, const struct core_job *job)
{
	if (job->fingerprint == 0 || job->is_silent) {
		return;
	}
	if (job->result.rcode == DNS_RCODE_SERVFAIL) {
		recent_forget(&core->recent, job->fingerprint);
	} else {
		recent_done(&core->recent, job->fingerprint, &job->result);
	}
}

/* Hands out the results, each kind of job in one call. */
static void finish(struct core *core, struct list *jobs)
{
	for (struct list *link = jobs->next; link != jobs; link = link->next) {
		struct core_job *job = job_at(link);

		if (job == &core->expiry) {
			core_settle_expiry(core);
		}
		remember(core, job);
		free(job->command);
		job->command = NULL;
	}
	while (!list_is_empty(jobs)) {
		struct list kind;
		const struct core_job_ops *ops = take_kind(jobs, &kind);

		ops->done(&kind);
	}
}

static void await(struct core *core, struct core_job *job)
{
	list_append(&core->waiting, &job->mail.link);
	core->waiting_count++;
	const size_t here = core->waiting_count + (core->flying == NULL ? 0 : core->flying->count);
	if (here > core->company) {
		core->company = here < GATHER_MAX ? here : GATHER_MAX;
	}
}

void core_take(struct core *core, struct list *jobs)
{
	const uint64_t now_ms = clock_mono_ms();
	struct list answered;

	list_init(&answered);
	while (!list_is_empty(jobs)) {
		struct list *link = jobs->next;
		struct core_job *job = job_at(link);
		enum recent_state state = RECENT_NEW;

		list_remove(link);
		job->is_silent = false;
		if (job->fingerprint != 0) {
			state = recent_see(&core->recent, job->fingerprint, now_ms, &job->result);
		}
		if (state == RECENT_NEW) {
			await(core, job);
			continue;
		}
		job->is_silent = state == RECENT_UNDERWAY;
		core->queued--;
		core->queued_octets -= job->command_size;
		list_append(&answered, link);
	}
	if (!list_is_empty(&answered)) {
		finish(core, &answered);
	}
}

const char *core_reason(int status)
{
	switch (status) {
	case ERR_FULL:
		return "the registry's disk is full";
	case ERR_NOMEM:
		return "the registry is out of memory";
	case ERR_CLOSED:
		return "the registry is stopping";
	default:
		return "the registry's disk failed to write";
	}
}

void core_refuse(struct core *core, struct list *jobs, int status)
{
	const char *text = core_reason(status);

	for (struct list *link = jobs->next; link != jobs; link = link->next) {
		struct command_result *result = &job_at(link)->result;

		*result = (struct command_result){
			.rcode = DNS_RCODE_SERVFAIL,
			.has_ede = true,
			.ede = status == ERR_CLOSED ? DNS_EDE_NOT_READY : DNS_EDE_OTHER,
		};
		memcpy(result->ede_text, text, strlen(text) + 1);
	}
	finish(core, jobs);
}

/* ---- applying ------------------------------------------------------------------------------ */

/* Law 3 of the design: what is in the log is applied, or the node stops and replays. */
static _Noreturn void stop_now(uint64_t index, int status)
{
	log_line(LOG_LEVEL_ERROR, "the registry cannot apply its log and stops",
		 "index=%" PRIu64 " error=\"%s\"", index, err_text(status));
	_exit(EXIT_FAILURE);
}

static void count_new(void *context, struct lease *lease, bool is_new)
{
	size_t *count = context;

	(void)lease;
	*count += is_new;
}

struct lease_notes {
	struct core *core;
	uint64_t now_ms;
};

static void note_lease(void *context, struct lease *lease, bool is_new)
{
	const struct lease_notes *notes = context;

	if (is_new) {
		leases_add(&notes->core->leases, lease, notes->now_ms);
	} else {
		leases_drop(&notes->core->leases, lease);
	}
}

static void unnote_lease(void *context, struct lease *lease, bool is_new)
{
	note_lease(context, lease, !is_new);
}

int core_commit(struct core *core, struct root_writer *writer, uint64_t index)
{
	struct lease_notes notes = {.core = core, .now_ms = clock_mono_ms()};
	struct root *root;
	struct garbage *garbage;
	size_t count = 0;
	int ret;

	root_each_lease(writer, count_new, &count);
	ret = leases_reserve(&core->leases, count);
	if (ret == OK) {
		ret = reclaim_reserve(core->reclaim);
	}
	if (ret != OK) {
		return ret;
	}
	root_each_lease(writer, note_lease, &notes);
	ret = root_commit(writer, index, &root, &garbage);
	if (ret != OK) {
		root_each_lease(writer, unnote_lease, &notes);
		return ret;
	}
	counter_add(&core->counters.garbage, garbage_size(garbage));
	reclaim_advance(core->reclaim, root, garbage);
	counter_set(&core->counters.leases, core->leases.count);
	return OK;
}

static void note_takeovers(struct core *core, const struct plan *plan)
{
	struct takeovers *takeovers = &core->takeovers;

	for (size_t i = 0; i < plan->count; i++) {
		if (plan->names[i].is_takeover && takeovers->count++ < TAKEOVER_LINES) {
			takeovers->items[takeovers->count - 1].before = plan->names[i].old;
			takeovers->items[takeovers->count - 1].by = plan->owner;
		}
	}
}

/* A line for each name that changed by a right to take over, or the base's, so that its owner can be told. */
static void say_takeovers(struct core *core)
{
	const struct takeovers *takeovers = &core->takeovers;
	char name[DNS_NAME_TEXT_MAX];
	char quoted[2 * DNS_NAME_TEXT_MAX];
	char from[DNS_NAME_TEXT_MAX + 8];
	char by[DNS_NAME_TEXT_MAX + 8];

	for (size_t i = 0; i < takeovers->count; i++) {
		struct content before;
		uint32_t left_out;

		counter_add(&core->counters.takeovers, 1);
		if (!log_may(&core->takeover_limit, clock_mono_ms(), TAKEOVER_LINES, &left_out) ||
		    i >= TAKEOVER_LINES) {
			continue;
		}
		node_content(takeovers->items[i].before, &before, NULL, 0);
		dns_name_to_text(name, before.name);
		const bool is_base = takeovers->items[i].by.kind == OWNER_BASE;
		log_line(is_base ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
			 is_base ? "base file takes over a registered name"
				 : "registered name taken over",
			 "name=%s owner=\"%s\" by=\"%s\" left_out=%" PRIu32,
			 log_quote(quoted, sizeof(quoted), name), owner_text(from, &before.owner),
			 owner_text(by, &takeovers->items[i].by), left_out);
	}
}

static void take_result(void *context, size_t number, const struct command_result *result,
			const struct plan *plan)
{
	struct core *core = context;
	struct core_job *job = job_at(core->next_job);

	(void)number;
	job->result = *result;
	core->next_job = core->next_job->next;
	if (result->rcode == DNS_RCODE_NOERROR) {
		core_touch(core, plan);
		note_takeovers(core, plan);
		core_note_news(core, job, plan);
		core_note_change(core, plan->zone);
	}
}

static void forget_notes(struct core *core)
{
	core->touched.used = 0;
	core->touched.failed = false;
	core->changed.count = 0;
	core->takeovers.count = 0;
}

void core_drop_draft(struct core *core)
{
	root_abort(core->draft);
	core->draft = NULL;
	forget_notes(core);
}

/* Applies the batch to the newest root; nothing of it is seen yet. */
static int draft(struct core *core, struct batch *batch, uint64_t index)
{
	int ret = root_begin(&core->draft, reclaim_root(core->reclaim));

	if (ret != OK) {
		return ret;
	}
	core->draft_index = index;
	core->next_job = batch->jobs.next;
	core_open_news(core);
	ret = registry_apply_batch(core->draft, index, batch->entry, batch->size, &core->arena,
				   take_result, core);
	arena_reset(&core->arena);
	if (ret == OK && core->touched.failed) {
		ret = ERR_NOMEM;
	}
	if (ret != OK) {
		core_drop_draft(core);
	}
	return ret;
}

/* While the disk has the batch; what fails now is tried again when it is there. */
static void draft_ahead(struct core *core)
{
	if (core->flying != NULL && core->draft == NULL) {
		(void)draft(core, core->flying, core->flying_index);
	}
}

static void count_results(struct core *core, const struct batch *batch)
{
	for (struct list *link = batch->jobs.next; link != &batch->jobs; link = link->next) {
		const struct command_result *result = &job_at(link)->result;

		counter_add(&core->counters.commands, 1);
		if (result->rcode != DNS_RCODE_NOERROR) {
			counter_add(&core->counters.refused, 1);
			counter_add(&core->counters.prohibited, result->rcode == DNS_RCODE_REFUSED);
			counter_add(&core->counters.owned, result->is_owned);
		}
	}
	counter_add(&core->counters.batches, 1);
}

/* The log has the batch: it counts, and everybody sees it. */
static void settle(struct core *core, struct batch *batch, uint64_t index)
{
	const struct root *before = reclaim_root(core->reclaim);
	struct root_writer *writer;
	int ret = OK;

	if (core->draft != NULL && core->draft_index != index) {
		core_drop_draft(core);
	}
	if (core->draft == NULL) {
		ret = draft(core, batch, index);
	}
	writer = core->draft;
	core->draft = NULL;
	if (ret == OK) {
		say_takeovers(core);
		ret = core_commit(core, writer, index);
	}
	if (ret != OK) {
		stop_now(index, ret);
	}
	count_results(core, batch);
	core_renew_touched(core);
	/* While there is the root before. */
	core_look_at_sizes(core, before);
	core_say_news(core, before);
	core_show(core);
	forget_notes(core);
}

/* ---- the log ------------------------------------------------------------------------------- */

/* On the store thread. */
static void appended(void *context, int status, uint64_t index)
{
	struct core *core = context;

	core->appended.status = status;
	core->appended.index = index;
	mailbox_post_always(core->turns, &core->appended.turn.mail);
}

static void say_failure(struct core *core, const struct batch *batch, int status)
{
	uint32_t left_out;

	counter_add(&core->counters.failed, 1);
	if (log_may(&core->failure_limit, clock_mono_ms(), 1, &left_out)) {
		log_line(LOG_LEVEL_ERROR, "the log did not take a batch",
			 "error=\"%s\" commands=%zu octets=%zu left_out=%" PRIu32,
			 core_reason(status), batch->count, batch->size, left_out);
	}
}

/* The batch is answered and its storage free for the next. */
static void end_batch(struct core *core, struct batch *batch, int status)
{
	struct list jobs;

	list_init(&jobs);
	list_splice(&jobs, &batch->jobs);
	if (status == OK) {
		finish(core, &jobs);
	} else {
		say_failure(core, batch, status);
		core_refuse(core, &jobs, status);
	}
	batch_clear(batch);
}

static void run_appended(struct core *core, struct turn *turn);

/* A batch that is neither in flight nor being applied. */
static struct batch *free_batch(struct core *core)
{
	return core->batches[0].count == 0 ? &core->batches[0] : &core->batches[1];
}

/* It halves with each batch that has fewer. */
static size_t company_after(size_t company, size_t count)
{
	const size_t least = company / 2 > count ? company / 2 : count;

	return least < GATHER_MAX ? least : GATHER_MAX;
}

static int fly(struct core *core, struct batch *batch)
{
	int ret = batch_gather(batch, &core->waiting, clock_wall_s());

	core->queued -= batch->count;
	core->queued_octets -= batch->octets;
	core->waiting_count -= batch->count;
	core->company = company_after(core->company, batch->count);
	if (core->is_gathering) {
		core->is_gathering = false;
		loop_timer_clear(core->gathered);
	}
	if (ret != OK) {
		return ret;
	}
	core->flying = batch;
	core->flying_index = core->log_ops->last(core->log) + 1;
	core->appended.turn.run = run_appended;
	ret = core->log_ops->append(core->log, batch->entry, batch->size, appended, core);
	if (ret != OK) {
		core->flying = NULL;
		return ret;
	}
	/* The disk begins now, not when we sleep, where both have one processor. */
	thread_give_way();
	return OK;
}

static bool is_complete(const struct core *core)
{
	return !core->is_gathering || core->waiting_count >= core->company;
}

static void propose(struct core *core)
{
	while (core->flying == NULL && !list_is_empty(&core->waiting) && is_complete(core)) {
		struct batch *batch = free_batch(core);
		const int ret = fly(core, batch);

		if (ret != OK) {
			end_batch(core, batch, ret);
		}
	}
}

void core_propose(struct core *core)
{
	propose(core);
	draft_ahead(core);
}

/* The answers are out: whoever got one may be back soon. */
static void gather(struct core *core)
{
	core_propose(core);
	if (core->is_gathering && core->company > 1) {
		loop_timer_set(core->gathered, GATHER_MS);
	} else {
		core->is_gathering = false;
	}
}

void core_end_gathering(void *context)
{
	struct core *core = context;

	core->is_gathering = false;
	core_propose(core);
}

/* The log's answer, on our thread. */
static void run_appended(struct core *core, struct turn *turn)
{
	struct batch *batch = core->flying;
	const int status = core->appended.status;
	const uint64_t index = core->appended.index;

	(void)turn;
	core->flying = NULL;
	core->is_gathering = true;
	if (status == OK) {
		/* The disk works on the next while this one is settled. */
		propose(core);
		settle(core, batch, index);
	} else {
		core_drop_draft(core);
	}
	end_batch(core, batch, status);
	if (core->flying == NULL && !core->is_stopping) {
		gather(core);
	}
	draft_ahead(core);
	core_save(core);
	core_end_when_idle(core);
}

void core_enqueue(struct core *core, struct core_job *job)
{
	core->queued++;
	core->queued_octets += job->command_size;
	await(core, job);
	core_propose(core);
}
