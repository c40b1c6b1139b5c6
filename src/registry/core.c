/*
 * The core's life, and calls to it from other threads.
 *
 * Two mailboxes of one loop: `jobs` is bounded by the queue, `turns` takes what must get through:
 * the log's answers, the end of a grace period, calls that are waited for. A call before
 * core_start() or after core_stop() runs on the caller's thread, there being no other.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "crypto/random.h"
#include "loop/call.h"
#include "registry/core_inside.h"

#define QUEUE_OCTETS_MAX (64u << 20) /* of commands that wait; one may be larger */
#define ARENA_BLOCK 65536
#define RECENT_LIMIT 65536

/* A call from another thread: its turn, and the end it waits for. */
struct ask {
	struct turn turn;
	struct call call;
};

/* ---- messages ------------------------------------------------------------------------------ */

void core_note_turn(struct core *core, uint64_t begin_us)
{
	const uint64_t us = clock_mono_us() - begin_us;

	if (core->is_published &&
	    us > atomic_load_explicit(&core->counters.longest_turn_us, memory_order_relaxed)) {
		counter_set(&core->counters.longest_turn_us, us);
	}
}

static void take_jobs(void *context, struct list *mails)
{
	struct core *core = context;
	const uint64_t begin_us = clock_mono_us();

	core_take(core, mails);
	if (core->is_stopping) {
		core_refuse(core, &core->waiting, ERR_CLOSED);
	} else {
		core_propose(core);
	}
	core_note_turn(core, begin_us);
}

static void take_turns(void *context, struct list *mails)
{
	struct core *core = context;

	while (!list_is_empty(mails)) {
		struct turn *turn = list_entry(mails->next, struct turn, mail.link);
		const bool was_published = core->is_published;
		const uint64_t begin_us = clock_mono_us();

		list_remove(&turn->mail.link);
		turn->run(core, turn);
		if (was_published) {
			core_note_turn(core, begin_us);
		}
	}
}

/* Has `turn` done by the core; at once where no thread takes turns. */
static void post(struct core *core, struct turn *turn, void (*run)(struct core *, struct turn *))
{
	turn->run = run;
	if (core->is_running) {
		const int ret = mailbox_post_always(core->turns, &turn->mail);
		assert(ret == OK);
		(void)ret;
	} else {
		run(core, turn);
	}
}

/* The same, and waits. */
static int ask(struct core *core, struct ask *ask, void (*run)(struct core *, struct turn *))
{
	call_init(&ask->call);
	post(core, &ask->turn, run);
	const int ret = call_wait(&ask->call);
	call_deinit(&ask->call);
	return ret;
}

static struct ask *ask_of(struct turn *turn)
{
	return list_entry(turn, struct ask, turn);
}

/* ---- life ---------------------------------------------------------------------------------- */

/* On liburcu's thread. */
static void graced(void *context)
{
	struct core *core = context;

	mailbox_post_always(core->turns, &core->graced.mail);
}

static void run_graced(struct core *core, struct turn *turn)
{
	(void)turn;
	core_collect_on(core, reclaim_graced(core->reclaim));
}

static void run_collect(struct core *core, struct turn *turn)
{
	(void)turn;
	core->is_collecting = false;
	core_collect_on(core, reclaim_collect(core->reclaim));
}

void core_collect_on(struct core *core, bool is_more)
{
	if (is_more && !core->is_collecting) {
		core->is_collecting = true;
		post(core, &core->collect, run_collect);
	}
}

static int make_reclaim(struct core *core)
{
	struct root *root;
	int ret = root_new(&root);

	if (ret == OK) {
		ret = reclaim_new(&core->reclaim, root, graced, core);
		if (ret != OK) {
			root_free(root);
		}
	}
	return ret;
}

static int make_loop(struct core *core)
{
	int ret = loop_new(&core->loop);

	if (ret == OK) {
		ret = mailbox_new(&core->jobs, core->loop, core->queue, take_jobs, core);
	}
	if (ret == OK) {
		ret = mailbox_new(&core->turns, core->loop, SIZE_MAX, take_turns, core);
	}
	if (ret == OK) {
		ret = loop_timer_new(&core->tick, core->loop, core_tick, core);
	}
	if (ret == OK) {
		ret = loop_timer_new(&core->gathered, core->loop, core_end_gathering, core);
	}
	return ret;
}

int core_new(struct core **out, const struct core_options *options)
{
	struct core *core = calloc(1, sizeof(*core));
	int ret;

	if (core == NULL) {
		return ERR_NOMEM;
	}
	core->log_ops = options->log_ops;
	core->queue = options->queue;
	core->graced.run = run_graced;
	list_init(&core->waiting);
	batch_init(&core->batches[0]);
	batch_init(&core->batches[1]);
	arena_init(&core->arena, ARENA_BLOCK);
	leases_init(&core->leases);
	core_guard_init(core);
	ret = recent_init(&core->recent, RECENT_LIMIT, random_u64());
	if (ret == OK) {
		ret = make_loop(core);
	}
	if (ret == OK) {
		ret = make_reclaim(core);
	}
	if (ret != OK) {
		core_free(core);
		return ret;
	}
	core->log = options->log;
	*out = core;
	return OK;
}

void core_free(struct core *core)
{
	if (core == NULL) {
		return;
	}
	assert(!core->is_running);
	loop_timer_free(core->tick);
	loop_timer_free(core->gathered);
	mailbox_free(core->jobs);
	mailbox_free(core->turns);
	loop_free(core->loop);
	if (core->log != NULL) {
		core->log_ops->close(core->log);
	}
	leases_deinit(&core->leases);
	guard_deinit(&core->guard);
	reclaim_free(core->reclaim);
	batch_deinit(&core->batches[0]);
	batch_deinit(&core->batches[1]);
	arena_deinit(&core->arena);
	recent_deinit(&core->recent);
	free(core->touched.octets);
	free(core);
}

static void run_thread(void *context)
{
	struct core *core = context;

	reclaim_start(core->reclaim);
	loop_run(core->loop);
	reclaim_stop(core->reclaim);
}

int core_start(struct core *core)
{
	int ret;

	core->is_running = true;
	ret = thread_start(&core->thread, "core", run_thread, core);
	if (ret != OK) {
		core->is_running = false;
	}
	return ret;
}

void core_end_when_idle(struct core *core)
{
	if (core->is_stopping && core->flying == NULL && !core->is_saving) {
		loop_stop(core->loop);
	}
}

static void run_stop(struct core *core, struct turn *turn)
{
	(void)turn;
	core->is_stopping = true;
	loop_timer_clear(core->tick);
	loop_timer_clear(core->gathered);
	mailbox_close(core->jobs);
	mailbox_flush(core->jobs);
	core_refuse(core, &core->waiting, ERR_CLOSED);
	core_end_when_idle(core);
}

void core_stop(struct core *core)
{
	struct turn stop = {.run = run_stop};

	if (!core->is_running) {
		return;
	}
	mailbox_post_always(core->turns, &stop.mail);
	thread_join(core->thread);
	core->thread = NULL;
	core->is_running = false;
}

/* ---- what readers see ---------------------------------------------------------------------- */

struct core_view *core_view(struct core *core)
{
	return &core->view;
}

void core_show(struct core *core)
{
	if (core->is_published) {
		const struct root *root = reclaim_root(core->reclaim);

		atomic_store_explicit(&core->view.version, root_version(root),
				      memory_order_release);
		atomic_store_explicit(&core->view.root, root, memory_order_release);
	}
	core_collect_on(core, reclaim_collect(core->reclaim));
}

static void run_publish(struct core *core, struct turn *turn)
{
	const uint64_t now_ms = clock_mono_ms();

	if (!core->is_published) {
		core_drop_draft(core);
		/* Nobody could be heard until now: all leases begin anew. */
		leases_stall(&core->leases, now_ms - core->leases_ms, now_ms);
		core->is_published = true;
		core_note_change(core, NULL);
		core_look_at_sizes(core, NULL);
		core_show(core);
		core_set_tick(core);
	}
	call_end(&ask_of(turn)->call, OK);
}

int core_publish(struct core *core)
{
	struct ask publish;

	return ask(core, &publish, run_publish);
}

/* ---- jobs ---------------------------------------------------------------------------------- */

int core_submit(struct core *core, struct core_job *job)
{
	const size_t size = job->command_size;
	const size_t before = atomic_fetch_add(&core->queued, 1);
	const size_t octets = atomic_fetch_add(&core->queued_octets, size);
	int ret = ERR_FULL;

	if (before < core->queue && (before == 0 || octets + size <= QUEUE_OCTETS_MAX)) {
		ret = mailbox_post(core->jobs, &job->mail);
	}
	if (ret != OK) {
		core->queued--;
		core->queued_octets -= size;
	}
	if (ret == ERR_FULL) {
		counter_add(&core->counters.full, 1);
	}
	return ret;
}

#define FOREVER_MS UINT32_MAX /* 49 days: a disk that takes so long is none */

/* A job that its sender may give up: it goes with the one of the two who is done last. */
struct patient_job {
	struct core_job job;
	struct call call;
	atomic_uint holders;
};

static void patient_drop(struct patient_job *patient)
{
	if (atomic_fetch_sub(&patient->holders, 1) == 1) {
		call_deinit(&patient->call);
		free(patient);
	}
}

static void patient_done(struct list *jobs)
{
	while (!list_is_empty(jobs)) {
		struct core_job *job = list_entry(jobs->next, struct core_job, mail.link);
		struct patient_job *patient = list_entry(job, struct patient_job, job);

		list_remove(&job->mail.link);
		call_end(&patient->call, OK);
		patient_drop(patient);
	}
}

static const struct core_job_ops patient_ops = {.done = patient_done};

int core_submit_within(struct core *core, uint8_t *command, size_t size, uint64_t wait_ms,
		       struct command_result *result)
{
	struct patient_job *patient = core->is_running ? calloc(1, sizeof(*patient)) : NULL;
	int ret = core->is_running ? ERR_NOMEM : ERR_CLOSED;

	if (patient == NULL) {
		free(command);
		return ret;
	}
	patient->job =
		(struct core_job){.command = command, .command_size = size, .ops = &patient_ops};
	atomic_init(&patient->holders, 2);
	call_init(&patient->call);
	ret = core_submit(core, &patient->job);
	if (ret != OK) {
		free(command);
		patient_drop(patient);
	} else if (!call_wait_for(&patient->call, wait_ms, &ret)) {
		ret = ERR_BUSY;
	} else {
		*result = patient->job.result;
	}
	patient_drop(patient);
	return ret;
}

int core_submit_wait(struct core *core, uint8_t *command, size_t size,
		     struct command_result *result)
{
	return core_submit_within(core, command, size, FOREVER_MS, result);
}

/* ---- edits --------------------------------------------------------------------------------- */

struct ask_edit {
	struct ask ask;
	int (*edit)(struct root_writer *writer, void *context);
	void *context;
};

static void run_edit(struct core *core, struct turn *turn)
{
	struct ask_edit *request = list_entry(ask_of(turn), struct ask_edit, ask);
	const uint64_t index = root_index(reclaim_root(core->reclaim));
	struct root_writer *writer = NULL;
	int ret;

	core_drop_draft(core);
	ret = root_begin(&writer, reclaim_root(core->reclaim));
	if (ret == OK) {
		ret = request->edit(writer, request->context);
	}
	if (ret == OK) {
		ret = core_commit(core, writer, index);
	}
	if (ret == OK) {
		core_show(core);
	} else {
		root_abort(writer);
	}
	call_end(&request->ask.call, ret);
}

int core_edit(struct core *core, int (*edit)(struct root_writer *writer, void *context),
	      void *context)
{
	struct ask_edit request = {.edit = edit, .context = context};

	return ask(core, &request.ask, run_edit);
}

/* ---- long readers -------------------------------------------------------------------------- */

struct ask_root {
	struct ask ask;
	const struct root *root;
};

static void run_hold(struct core *core, struct turn *turn)
{
	struct ask_root *request = list_entry(ask_of(turn), struct ask_root, ask);

	request->root = reclaim_hold(core->reclaim);
	call_end(&request->ask.call, OK);
}

const struct root *core_hold(struct core *core)
{
	struct ask_root request = {.root = NULL};

	ask(core, &request.ask, run_hold);
	return request.root;
}

struct ask_moment {
	struct ask ask;
	struct core_moment *moment;
};

static void run_moment(struct core *core, struct turn *turn)
{
	struct ask_moment *request = list_entry(ask_of(turn), struct ask_moment, ask);

	*request->moment =
		(struct core_moment){.now_ms = clock_mono_ms(), .clock = core->leases.clock};
	call_end(&request->ask.call, OK);
}

void core_moment(struct core *core, struct core_moment *moment)
{
	struct ask_moment request = {.moment = moment};

	ask(core, &request.ask, run_moment);
}

static void run_release(struct core *core, struct turn *turn)
{
	struct ask_root *request = list_entry(ask_of(turn), struct ask_root, ask);

	core_collect_on(core, reclaim_release(core->reclaim, request->root));
	call_end(&request->ask.call, OK);
}

void core_release(struct core *core, const struct root *root)
{
	struct ask_root request = {.root = root};

	ask(core, &request.ask, run_release);
}

static struct core_loan *loan_of(struct turn *turn)
{
	return list_entry(turn, struct core_loan, turn);
}

static void run_return(struct core *core, struct turn *turn)
{
	struct core_loan *loan = loan_of(turn);

	core_collect_on(core, reclaim_release(core->reclaim, loan->root));
	loan->returned(loan);
}

static void run_borrow(struct core *core, struct turn *turn)
{
	struct core_loan *loan = loan_of(turn);

	loan->root = reclaim_hold(core->reclaim);
	loan->garbage = core_garbage(core);
	if (!loan->lent(loan)) {
		run_return(core, turn);
	}
}

void core_borrow(struct core *core, struct core_loan *loan)
{
	post(core, &loan->turn, run_borrow);
}

void core_return(struct core *core, struct core_loan *loan)
{
	post(core, &loan->turn, run_return);
}

uint64_t core_garbage(const struct core *core)
{
	return atomic_load_explicit(&core->counters.garbage, memory_order_relaxed);
}

/* ---- counters ------------------------------------------------------------------------------ */

static uint64_t count_of(const _Atomic(uint64_t) *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

struct ask_guarded {
	struct ask ask;
	struct core_guarded *out;
	size_t room;
	size_t count;
};

static void run_guarded(struct core *core, struct turn *turn)
{
	struct ask_guarded *request = list_entry(ask_of(turn), struct ask_guarded, ask);

	request->count = core_guard_list(core, request->out, request->room);
	call_end(&request->ask.call, OK);
}

size_t core_guarded(struct core *core, struct core_guarded *out, size_t room)
{
	struct ask_guarded request = {.out = out, .room = room};

	ask(core, &request.ask, run_guarded);
	return request.count;
}

struct ask_unguard {
	struct ask ask;
	const uint8_t *type;
	bool is_confirmed;
	uint32_t kept;
	bool is_held;
};

static void run_unguard(struct core *core, struct turn *turn)
{
	struct ask_unguard *request = list_entry(ask_of(turn), struct ask_unguard, ask);

	request->is_held =
		core_guard_end(core, request->type, request->is_confirmed, &request->kept);
	call_end(&request->ask.call, OK);
}

bool core_unguard(struct core *core, const uint8_t *type, bool is_confirmed, uint32_t *kept)
{
	struct ask_unguard request = {.type = type, .is_confirmed = is_confirmed};

	ask(core, &request.ask, run_unguard);
	*kept = request.kept;
	return request.is_held;
}

void core_count(struct core *core, struct core_counters *counters)
{
	*counters = (struct core_counters){
		.batches = count_of(&core->counters.batches),
		.commands = count_of(&core->counters.commands),
		.refused = count_of(&core->counters.refused),
		.prohibited = count_of(&core->counters.prohibited),
		.owned = count_of(&core->counters.owned),
		.failed = count_of(&core->counters.failed),
		.expired = count_of(&core->counters.expired),
		.snapshots = count_of(&core->counters.snapshots),
		.full = count_of(&core->counters.full),
		.leases = count_of(&core->counters.leases),
		.overdue_ms = count_of(&core->counters.overdue_ms),
		.stalls = count_of(&core->counters.stalls),
		.stalled_ms = count_of(&core->counters.stalled_ms),
		.takeovers = count_of(&core->counters.takeovers),
		.outgrown = count_of(&core->counters.outgrown),
		.longest_turn_us = count_of(&core->counters.longest_turn_us),
		.guarded_types = count_of(&core->counters.guarded_types),
		.guarded_leases = count_of(&core->counters.guarded_leases),
		.guards = count_of(&core->counters.guards),
		.queued = core->queued,
		.queued_octets = core->queued_octets,
		.log_octets = count_of(&core->counters.log_octets),
		.garbage = core_garbage(core),
		.snapshot_s = count_of(&core->counters.snapshot_s),
	};
}
