/*
 * Registry, leases, rules and store in one process, in a world whose time, turns, disk faults and
 * crashes a seed draws: clients send what draw.h draws, the core batches, applies, expires, takes
 * snapshots and is killed, and the naive model of model.h says what has to come of it.
 *
 * What is compared: the rcode of each answer; whether a heartbeat was one; serials after each batch;
 * all records, owners and leases after each start and every so often. And the promises of design.md
 * section 7: no lease ends before its term, counted from the last renewal that was acknowledged;
 * none stays long behind it; what was acknowledged is there after a crash, and nothing that was not
 * sent; an old version that is held does not change.
 *
 * WAGGLE_SEED=n runs one seed, WAGGLE_SEEDS=n so many, WAGGLE_SIM_S=n ends after so many seconds,
 * WAGGLE_SIM_JOBS=n has so many processes share the seeds; the count is printed. A failure prints its seed and what was done last.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "store/ram.h"
#include "store/store.h"
#include "tests/sim/draw.h"
#include "tests/sim/judge.h"
#include "tests/sim/sim.h"
#include "tests/sim/wire.h"
#include "tests/sim/world.h"

#define SEEDS 1000
#define COMMANDS 5000
#define LIMIT_S 20
#define JOBS_MAX 8

/* Bugs there were, each with a seed that finds it when it is put back. */
static const struct {
	const char *what;
	uint64_t seed;
} found[] = {
	{"a time when the process stood still was forgotten, an expiry being in flight", 104},
	{"a second standstill made the first one too old to count", 59},
	{"a lease that the replayed log made shorter ran for its old length", 25},
};

static struct totals {
	size_t seeds, commands, beats, batches, expired, crashes, stops, failures, snapshots;
} none, *total = &none;

/* ---- life -------------------------------------------------------------------------------- */

static void start(void)
{
	static struct log_ops ops;
	struct core_options options = {.log_ops = &ops, .queue = CLIENTS + 8};
	const struct log_options log_options = {.directory = DISK, .budget = 20000};
	struct log_error error;

	ops = store_ram;
	ops.append = sim_append;
	sim_must(store_ram.open(&options.log, &log_options, &error));
	sim_must(core_new(&sim.core, &options));
	sim_must(core_restore(sim.core, &error));
	sim_must(core_start(sim.core));
	reclaim_start(sim.core->reclaim);
	sim_must(core_publish(sim.core));
	sim_begin_terms();
	if (root_index(sim_published()) != sim.index) {
		mismatch("it came back with batch %llu, not %llu",
			 (unsigned long long)root_index(sim_published()),
			 (unsigned long long)sim.index);
	}
	if (sim.index > 0) {
		sim_compare_all(sim_published());
	}
}

static void end(void)
{
	core_stop(sim.core);
	reclaim_stop(sim.core->reclaim);
	if (!sim.is_off) {
		sim_follow();
	}
	sim.counts.snapshots += sim.core->counters.snapshots;
	core_free(sim.core);
	expect(world_is_empty());
	for (size_t i = 0; i < CLIENTS; i++) {
		sim.clients[i].is_waiting = false;
	}
	sim.sent_count = 0;
}

static void stop(void)
{
	sim_note("stop");
	sim_end_readers();
	end();
	sim.counts.stops++;
	if (sim.flight_count != 0) {
		mismatch("a batch was left at the end");
	}
	start();
}

/* The batch in flight is on the disk or not; what was durable before is, answered or not. */
static void crash(void)
{
	const uint32_t dice = rand_below(&sim.rand, 3);
	bool is_written = true;

	sim_end_readers();
	while (dice == 0 && sim.flight_count > 0 && !sim_newest_flight()->is_ended) {
		sim_turn();
	}
	if (sim.flight_count > 0) {
		is_written = sim_newest_flight()->is_ended;
	}
	sim_note("crash, %s", is_written ? "nothing being written" : dice == 1 ? "torn" : "lost");
	sim.is_off = true;
	store_ram_crash(DISK, dice == 1 && !is_written);
	while (sim.flight_count > 0) {
		if (sim.flights[0].is_ended && sim.flights[0].status == OK) {
			sim_apply_batch(&sim.flights[0]);
		}
		sim_shift_flights();
	}
	end();
	sim.is_off = false;
	sim.counts.crashes++;
	start();
}

/* ---- a seed ------------------------------------------------------------------------------ */

static void fail_disk(void)
{
	static const int statuses[] = {ERR_FULL, ERR_IO, ERR_NOMEM};
	const int status = statuses[rand_below(&sim.rand, 3)];

	sim.counts.failures++;
	if (rand_below(&sim.rand, 4) == 0) {
		sim_note("the next snapshot fails");
		store_ram_fail_snapshot(DISK, status);
	} else {
		sim_note("appends fail");
		store_ram_fail_appends(DISK, status, 1 + rand_below(&sim.rand, 3));
	}
}

/* The process stood still: nobody could be heard. Who is heard before the tick notices it gains by it. */
static void stand_still(void)
{
	const uint64_t due_ms = sim.core->tick_ms;
	const uint64_t ms = 1000 + rand_below(&sim.rand, 100000);
	uint64_t late_ms;

	sim_note("stood still for %llu ms", (unsigned long long)ms);
	world_jump(ms);
	late_ms = world_now_ms() > due_ms ? world_now_ms() - due_ms : 0;
	sim.stopped_ms += late_ms > 1000 ? late_ms : 0;
	/* It may have gained from an earlier one that was longer. */
	if (sim.excuse_ms < sim_lease_time() + late_ms) {
		sim.excuse_ms = sim_lease_time() + late_ms;
	}
	for (uint32_t left = rand_below(&sim.rand, 4); left > 0; left--) {
		sim_send();
	}
	while (sim.core->tick_ms == due_ms) {
		sim_turn();
	}
}

static void step(void)
{
	const uint32_t dice = rand_below(&sim.rand, 10000);

	if (dice < 4000) {
		sim_send();
	} else if (dice < 8600) {
		sim_turn();
	} else if (dice < 9700) {
		sim_pass(rand_below(&sim.rand, 400));
	} else if (dice < 9740) {
		sim_pass(rand_below(&sim.rand, 40000));
	} else if (dice < 9780) {
		fail_disk();
	} else if (dice < 9850) {
		if (sim.slow.is_reading) {
			sim_end_slow();
		} else {
			sim_begin_slow();
		}
	} else if (dice < 9900) {
		if (sim.holder.state == HOLDER_IDLE) {
			sim_hold();
		} else if (sim.holder.state == HOLDER_HOLDS) {
			sim_let_go();
		}
	} else if (dice < 9930) {
		sim.rules = rand_below(&sim.rand,
				       (uint32_t)(sim.has_words ? judge_count : judge_count - 1));
	} else if (dice < 9950) {
		sim_check_overdue();
	} else if (dice < 9965) {
		crash();
	} else if (dice < 9972) {
		stop();
	} else if (dice < 9980) {
		stand_still();
	}
}

static void add_up(void)
{
	total->seeds++;
	total->commands += sim.commands;
	total->beats += sim.counts.beats;
	total->batches += sim.batches;
	total->expired += sim.counts.expired;
	total->crashes += sim.counts.crashes;
	total->stops += sim.counts.stops;
	total->failures += sim.counts.failures;
	total->snapshots += sim.counts.snapshots;
}

static void read_confs(void)
{
	expect(judge_count <= sizeof(sim.confs) / sizeof(sim.confs[0]));
	for (size_t i = 0; i < judge_count; i++) {
		struct conf_error error;
		char text[1000];

		snprintf(text, sizeof(text),
			 "server: {listen: [127.0.0.1], name: n, data: d}\n"
			 "key: [{name: a, secret: d2FnZ2xlIHdhZ2dsZSB3YWdnbGUgd2FnZ2xlIQ==}, "
			 "{name: b, secret: b3BzLW9wcy1vcHMtb3BzLW9wcy1vcHMtb3BzLW9wcy0=}]\n"
			 "zone: [{name: svc.example, registry: %s}]\n",
			 judge_rules[i]);
		if (conf_parse(&sim.confs[i], text, strlen(text), "w.conf", "dir", &error) != OK) {
			ck_abort_msg("%s", error.text);
		}
	}
}

static void run_seed(uint64_t seed)
{
	memset(&sim, 0, sizeof(sim));
	sim.seed = seed;
	sim.has_words = seed % 4 == 2; /* not in all: the seeds of bugs mean what they did */
	sim.is_verbose = getenv("WAGGLE_VERBOSE") != NULL;
	sim.is_looked_at = sim.is_verbose || getenv("WAGGLE_SEED") != NULL;
	rand_init(&sim.rand, seed);
	arena_init(&sim.arena, OCTETS_MAX);
	model_init(&sim.model);
	read_confs();
	world_begin(seed);
	start();
	draw_base(&sim.rand, &sim.model, &sim.clients[0].command);
	sim_command(&sim.clients[0]);
	sim_settle();
	while (sim.commands < COMMANDS) {
		step();
	}
	sim_end_readers();
	sim_settle();
	sim_compare_all(sim_published());
	end();
	add_up();
	for (size_t i = 0; i < judge_count; i++) {
		conf_unref(sim.confs[i]);
	}
	arena_deinit(&sim.arena);
	store_ram_forget();
}

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec;
}

START_TEST(bugs_found_before_stay_away)
{
	wire_prepare();
	for (size_t i = 0; i < COUNT_OF(found); i++) {
		run_seed(found[i].seed);
	}
}
END_TEST

/* What each job of several did. */
static void print_totals(const struct totals *rows, size_t count)
{
	struct totals all = {.seeds = 0};

	for (size_t i = 0; i < count; i++) {
		all.seeds += rows[i].seeds;
		all.commands += rows[i].commands;
		all.beats += rows[i].beats;
		all.batches += rows[i].batches;
		all.expired += rows[i].expired;
		all.crashes += rows[i].crashes;
		all.stops += rows[i].stops;
		all.failures += rows[i].failures;
		all.snapshots += rows[i].snapshots;
	}
	printf("%zu seeds, %zu commands, %zu heartbeats, %zu batches, %zu leases ended, %zu "
	       "crashes, "
	       "%zu stops, %zu disk faults, %zu snapshots\n",
	       all.seeds, all.commands, all.beats, all.batches, all.expired, all.crashes, all.stops,
	       all.failures, all.snapshots);
}

/* Every `jobs`-th seed from the `job`-th on. */
static void run_seeds(uint64_t job, uint64_t jobs)
{
	const bool is_one = getenv("WAGGLE_SEED") != NULL;
	const uint64_t first = number_of("WAGGLE_SEED", 1);
	const uint64_t count = is_one ? 1 : number_of("WAGGLE_SEEDS", SEEDS);
	const uint64_t end_s = seconds() + number_of("WAGGLE_SIM_S", LIMIT_S);

	for (uint64_t i = job; i < count && seconds() < end_s; i += jobs) {
		run_seed(first + i);
	}
}

START_TEST(whatever_happens_the_registry_is_what_the_model_says)
{
	const uint64_t wanted = number_of("WAGGLE_SIM_JOBS", 1);
	const uint64_t jobs = wanted < 1 ? 1 : wanted > JOBS_MAX ? JOBS_MAX : wanted;
	struct totals *rows = mmap(NULL, JOBS_MAX * sizeof(*rows), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(rows, MAP_FAILED);
	wire_prepare();
	fflush(NULL);
	for (uint64_t job = 1; job < jobs; job++) {
		const pid_t child = fork();

		ck_assert_int_ge(child, 0);
		if (child == 0) {
			total = &rows[job];
			run_seeds(job, jobs);
			exit(EXIT_SUCCESS);
		}
	}
	total = rows;
	run_seeds(0, jobs);
	for (uint64_t job = 1; job < jobs; job++) {
		int status = -1;

		ck_assert_int_gt(wait(&status), 0);
		ck_assert_msg(status == 0, "one of the others failed and has said why");
	}
	print_totals(rows, jobs);
	munmap(rows, JOBS_MAX * sizeof(*rows));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {bugs_found_before_stay_away,
				      whatever_happens_the_registry_is_what_the_model_says};

	setenv("CK_TIMEOUT_MULTIPLIER", "20", 0);
	return run_tests("sim/world", tests, COUNT_OF(tests));
}
