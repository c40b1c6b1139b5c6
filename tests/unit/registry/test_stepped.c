/*
 * A core whose clock, disk and heartbeats are stepped by hand, in every order that a seed draws: it
 * has no thread, its mailboxes are emptied and its timers are rung here.
 *
 * Whatever the order, nothing ends before its lease has passed since the last renewal that was
 * acknowledged, nothing that has ended is acknowledged, and what is not heard of ends within one
 * more term.
 *
 * WAGGLE_SEED=n runs one seed.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "registry/core_inside.h"
#include "tests/unit/registry/core_world.h"

#define SEEDS 60
#define STEPS 1500
#define NAMES 6
#define LEASE_S 2
#define LEASE_MS (LEASE_S * 1000u)
#define TICK_SLACK_MS 1000 /* a tick may be so late that it is not late yet */

static uint64_t now_ms;

uint64_t __wrap_clock_mono_ms(void);
uint64_t __wrap_clock_mono_ms(void)
{
	return now_ms;
}

/* ---- a disk that answers when it is told ------------------------------------------------- */

struct log {
	uint64_t last;
	log_done_fn done; /* of the append under way; NULL: none is */
	void *context;
};

static int disk_restore(struct log *log, log_snapshot_fn snapshot, log_entry_fn entry,
			void *context, struct log_error *error)
{
	(void)log, (void)snapshot, (void)entry, (void)context, (void)error;
	return OK;
}

static uint64_t disk_last(const struct log *log)
{
	return log->last;
}

static int disk_append(struct log *log, const void *entry, size_t size, log_done_fn done,
		       void *context)
{
	(void)entry, (void)size;
	ck_assert_ptr_null(log->done);
	log->done = done;
	log->context = context;
	return OK;
}

static int disk_wants_snapshot(const struct log *log)
{
	(void)log;
	return 0;
}

static uint64_t disk_size(const struct log *log)
{
	(void)log;
	return 0;
}

static void disk_close(struct log *log)
{
	(void)log;
}

static const struct log_ops disk_ops = {.name = "stepped",
					.restore = disk_restore,
					.last = disk_last,
					.append = disk_append,
					.wants_snapshot = disk_wants_snapshot,
					.size = disk_size,
					.close = disk_close};

/* ---- the world ---------------------------------------------------------------------------- */

/* A heartbeat that is under way in its thread: it looked at a root, and renews later. */
struct beat {
	const struct root *root; /* NULL: none is under way */
	uint64_t received_ms;
	uint64_t stalled_ms; /* sim's then */
};

/* A name, and what is known of it from outside. */
struct known {
	bool is_there; /* as the newest root has it */
	uint64_t renewed_ms; /* the last renewal that was acknowledged */
	uint64_t stalled_ms; /* sim's then, or when its end was under way */
	uint64_t bound_ms; /* sim's then */
	uint64_t refused_ms; /* when the disk refused its end last */
	struct beat beat;
};

struct sim {
	struct core_world world;
	struct log log;
	struct rand rand;
	struct known names[NAMES];
	struct arena arena;
	uint64_t stalled_ms; /* for which nobody could be heard, in all */
	unsigned ended;
	unsigned beats;
};

struct sim_job {
	struct core_job job;
	struct sim *sim;
	unsigned number;
};

static void label_of(char out[32], unsigned number)
{
	snprintf(out, 32, number % 2 == 0 ? "host-%u" : "w-%u._http._tcp", number);
}

static struct buf_writer registration(struct sim *sim, unsigned number)
{
	char master[200];

	if (number % 2 == 0) {
		return core_host(&sim->world, LEASE_S, number);
	}
	snprintf(master, sizeof(master),
		 "_http._tcp 60 PTR w-%u._http._tcp\nw-%u._http._tcp 60 SRV 0 0 80 elsewhere.\n",
		 number, number);
	return core_update(&sim->world, LEASE_S, master);
}

static void acknowledge(struct sim *sim, unsigned number, uint64_t renewed_ms, uint64_t stalled_ms)
{
	struct known *known = &sim->names[number];

	ck_assert_msg(known->is_there, "%u: acknowledged, but it has ended", number);
	if (renewed_ms > known->renewed_ms) {
		known->renewed_ms = renewed_ms;
		known->stalled_ms = stalled_ms;
		known->bound_ms = stalled_ms;
	}
}

/* Looks at the newest root: what has ended? */
static void look(struct sim *sim)
{
	for (unsigned i = 0; i < NAMES; i++) {
		struct known *known = &sim->names[i];
		char label[32];

		label_of(label, i);
		const bool is_there = core_has(&sim->world, label);
		if (known->is_there && !is_there) {
			const uint64_t stalled_ms = sim->stalled_ms - known->stalled_ms;

			ck_assert_msg(now_ms >= known->renewed_ms + LEASE_MS + stalled_ms,
				      "%s: ended %u ms after its renewal", label,
				      (unsigned)(now_ms - known->renewed_ms));
			sim->ended++;
		}
		known->is_there = is_there;
	}
}

static void job_done(struct list *jobs)
{
	while (!list_is_empty(jobs)) {
		struct sim_job *job = list_entry(jobs->next, struct sim_job, job.mail.link);

		list_remove(&job->job.mail.link);
		if (job->job.result.rcode == DNS_RCODE_NOERROR && job->number < NAMES) {
			look(job->sim);
			acknowledge(job->sim, job->number, now_ms, job->sim->stalled_ms);
		}
		free(job);
	}
}

static const struct core_job_ops job_ops = {.done = job_done};

static void submit(struct sim *sim, unsigned number, struct buf_writer command)
{
	struct sim_job *job = calloc(1, sizeof(*job));

	job->job.command = command.start;
	job->job.command_size = buf_written(&command);
	job->job.ops = &job_ops;
	job->sim = sim;
	job->number = number;
	ck_assert_int_eq(core_submit(sim->world.core, &job->job), OK);
	mailbox_flush(sim->world.core->jobs);
}

/* The disk answers, if it was asked. */
static void answer(struct sim *sim, int status)
{
	struct log *log = &sim->log;
	const log_done_fn done = log->done;

	if (done == NULL) {
		return;
	}
	log->done = NULL;
	log->last += status == OK;
	for (unsigned i = 0; status != OK && sim->world.core->is_expiring && i < NAMES; i++) {
		sim->names[i].refused_ms = now_ms;
	}
	done(log->context, status, log->last);
	mailbox_flush(sim->world.core->turns);
	look(sim);
}

static void ring(struct sim *sim)
{
	core_end_gathering(sim->world.core);
	if (now_ms >= sim->world.core->tick_ms) {
		core_tick(sim->world.core);
		look(sim);
	}
}

static void sim_init(struct sim *sim, uint64_t seed)
{
	struct core_options options = {.log_ops = &disk_ops, .log = &sim->log, .queue = 1000};

	*sim = (struct sim){0};
	rand_init(&sim->rand, seed);
	now_ms = 1000000 + seed;
	core_world_init(&sim->world);
	arena_init(&sim->arena, 16384);
	ck_assert_int_eq(core_new(&sim->world.core, &options), OK);
	ck_assert_int_eq(core_restore(sim->world.core, &sim->world.error), OK);
	submit(sim, NAMES, core_base(&sim->world));
	answer(sim, OK);
	ck_assert_int_eq(core_publish(sim->world.core), OK);
}

static void sim_deinit(struct sim *sim)
{
	for (unsigned i = 0; i < NAMES; i++) {
		if (sim->names[i].beat.root != NULL) {
			core_release(sim->world.core, sim->names[i].beat.root);
		}
	}
	answer(sim, OK);
	core_end_gathering(sim->world.core);
	answer(sim, OK);
	core_free(sim->world.core);
	arena_deinit(&sim->arena);
}

/* ---- heartbeats ---------------------------------------------------------------------------- */

static void begin_beat(struct sim *sim, unsigned number)
{
	struct beat *beat = &sim->names[number].beat;

	if (beat->root == NULL) {
		beat->root = core_hold(sim->world.core);
		beat->received_ms = now_ms;
		beat->stalled_ms = sim->stalled_ms;
	}
}

/* What a worker does with a heartbeat, by the root that it has. */
static void end_beat(struct sim *sim, unsigned number)
{
	struct beat *beat = &sim->names[number].beat;
	struct plan plan;

	if (beat->root == NULL) {
		return;
	}
	const struct buf_writer command = registration(sim, number);
	ck_assert_int_eq(registry_evaluate(beat->root, command.start, buf_written(&command), 1000,
					   1000, &sim->arena, &plan),
			 OK);
	const bool is_beat = registry_beat(&plan, beat->received_ms);
	if (is_beat) {
		acknowledge(sim, number, beat->received_ms, beat->stalled_ms);
		sim->beats++;
	}
	arena_reset(&sim->arena);
	core_release(sim->world.core, beat->root);
	beat->root = NULL;
	if (is_beat) {
		free(command.start);
	} else {
		submit(sim, number, command);
	}
}

/* ---- steps --------------------------------------------------------------------------------- */

/* Nobody is heard for a while, and the timer rings late. */
static void stall(struct sim *sim)
{
	const uint64_t late_ms = TICK_SLACK_MS + 1 + rand_below(&sim->rand, 10000);
	struct core *core = sim->world.core;

	now_ms = (core->tick_ms > now_ms ? core->tick_ms : now_ms) + late_ms;
	sim->stalled_ms += late_ms;
	/* What was proposed before that goes on. */
	for (unsigned i = 0; core->is_expiring && i < NAMES; i++) {
		sim->names[i].stalled_ms = sim->stalled_ms;
	}
	ring(sim);
}

/* What is over by more than a term, without the disk's doing, has ended. */
static void expect_ended(const struct sim *sim)
{
	for (unsigned i = 0; i < NAMES; i++) {
		const struct known *known = &sim->names[i];
		const uint64_t since_ms = known->renewed_ms > known->refused_ms ? known->renewed_ms
										: known->refused_ms;

		ck_assert_msg(!known->is_there ||
				      now_ms <= since_ms + 2 * LEASE_MS +
							2 * (sim->stalled_ms - known->bound_ms) +
							2 * TICK_SLACK_MS,
			      "%u is %u ms old", i, (unsigned)(now_ms - since_ms));
	}
}

static void step(struct sim *sim, unsigned silent)
{
	const unsigned number = rand_below(&sim->rand, NAMES);
	const bool is_silent = number < silent;

	switch (rand_below(&sim->rand, 12)) {
	case 0:
	case 1:
		now_ms += rand_below(&sim->rand, 300);
		break;
	case 2:
	case 3:
	case 4:
		if (!is_silent) {
			begin_beat(sim, number);
		}
		break;
	case 5:
	case 6:
		end_beat(sim, number);
		break;
	case 7:
		if (!is_silent && rand_below(&sim->rand, 4) == 0) {
			submit(sim, number, registration(sim, number));
		}
		break;
	case 8:
	case 9:
		answer(sim, rand_below(&sim->rand, 8) == 0 ? ERR_FULL : OK);
		break;
	default:
		ring(sim);
		break;
	}
	if (rand_below(&sim->rand, 400) == 0) {
		stall(sim);
	}
	/* A tick that is later than this would be a stall. */
	if (now_ms > sim->world.core->tick_ms + TICK_SLACK_MS / 2) {
		ring(sim);
		answer(sim, OK);
	}
	expect_ended(sim);
}

static void run_seed(uint64_t seed, unsigned *ended, unsigned *beats)
{
	struct sim sim;

	sim_init(&sim, seed);
	for (unsigned i = 0; i < STEPS; i++) {
		/* Some fall silent for a while. */
		step(&sim, (unsigned)(i / 300 + seed) % (NAMES + 1));
	}
	/* Nobody beats any more, the disk is well. */
	for (unsigned i = 0; i < NAMES; i++) {
		end_beat(&sim, i);
	}
	for (unsigned i = 0; i < 2 * LEASE_S * 10 + 20; i++) {
		answer(&sim, OK);
		now_ms += 100;
		ring(&sim);
	}
	answer(&sim, OK);
	for (unsigned i = 0; i < NAMES; i++) {
		ck_assert(!sim.names[i].is_there);
	}
	ck_assert_uint_eq(core_counted(&sim.world).leases, 0);
	*ended += sim.ended;
	*beats += sim.beats;
	sim_deinit(&sim);
}

/* How many jobs the disk has now. */
static size_t flying(const struct sim *sim)
{
	return sim->world.core->flying == NULL ? 0 : sim->world.core->flying->count;
}

static void submit_some(struct sim *sim, unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++) {
		submit(sim, i, registration(sim, i));
	}
}

START_TEST(who_is_alone_is_not_kept_waiting)
{
	struct sim sim;

	sim_init(&sim, 1);
	for (unsigned i = 0; i < NAMES; i++) {
		submit_some(&sim, i, 1);
		ck_assert_uint_eq(flying(&sim), 1);
		answer(&sim, OK);
		ck_assert(sim.names[i].is_there);
	}
	sim_deinit(&sim);
}
END_TEST

START_TEST(senders_that_come_back_with_their_answers_become_one_batch)
{
	struct sim sim;

	sim_init(&sim, 1);
	submit_some(&sim, 0, 1);
	submit_some(&sim, 1, 3);
	ck_assert_uint_eq(flying(&sim), 1);
	answer(&sim, OK);
	ck_assert_uint_eq(flying(&sim), 0);
	submit_some(&sim, 4, 1);
	ck_assert_uint_eq(flying(&sim), 4);
	answer(&sim, OK);
	/* Fewer came back: the timer ends it, and after two such batches one alone goes at once. */
	submit_some(&sim, 0, 1);
	ck_assert_uint_eq(flying(&sim), 0);
	core_end_gathering(sim.world.core);
	ck_assert_uint_eq(flying(&sim), 1);
	answer(&sim, OK);
	submit_some(&sim, 1, 1);
	core_end_gathering(sim.world.core);
	answer(&sim, OK);
	submit_some(&sim, 2, 1);
	ck_assert_uint_eq(flying(&sim), 1);
	sim_deinit(&sim);
}
END_TEST

START_TEST(whatever_the_order_nothing_ends_early_and_nothing_stays)
{
	const char *only = getenv("WAGGLE_SEED");
	unsigned ended = 0;
	unsigned beats = 0;

	for (uint64_t seed = 1; seed <= SEEDS; seed++) {
		if (only == NULL || strtoull(only, NULL, 10) == seed) {
			fprintf(stderr, only == NULL ? "" : "seed %s\n", only);
			run_seed(seed, &ended, &beats);
		}
	}
	fprintf(stderr, "%u ended, %u heartbeats\n", ended, beats);
	/* It has seen what it is about. */
	ck_assert(only != NULL || (ended > 10 * SEEDS && beats > 20 * SEEDS));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		who_is_alone_is_not_kept_waiting,
		senders_that_come_back_with_their_answers_become_one_batch,
		whatever_the_order_nothing_ends_early_and_nothing_stays,
	};

	log_set_level(LOG_LEVEL_ERROR); /* refusals of the disk */
	return run_tests("stepped", tests, COUNT_OF(tests));
}
