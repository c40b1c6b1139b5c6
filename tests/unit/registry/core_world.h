/*
 * A core on a disk in memory, with the registry zone svc.example, for tests.
 */
#pragma once

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/call.h"
#include "registry/core.h"
#include "registry/reclaim.h"
#include "store/ram.h"
#include "store/store.h"
#include "tests/unit/answer/world.h"
#include "tests/unit/run.h"

#define CORE_WAIT_MS 20000
#define CORE_DISK "disk"

/* Looks often for what other threads do. */
#define WAIT_FOR(condition)                                                                        \
	for (const uint64_t begin_ms = clock_mono_ms(); !(condition); usleep(1000)) {              \
		ck_assert_uint_lt(clock_mono_ms() - begin_ms, CORE_WAIT_MS);                       \
	}

struct core_world {
	struct core *core;
	struct log_options log_options;
	size_t queue;
	uint8_t apex[DNS_NAME_MAX];
	struct log_error error;
};

static inline void core_world_init(struct core_world *world)
{
	*world = (struct core_world){.log_options = {.directory = CORE_DISK, .budget = UINT64_MAX},
				     .queue = 1000};
	world_name(world->apex, "svc.example.");
}

/* The error of the first step that failed; *world is then as before. */
static inline int core_world_open(struct core_world *world)
{
	struct core_options options = {
		.log_ops = &store_ram, .queue = world->queue};
	int ret = store_ram.open(&options.log, &world->log_options, &world->error);

	if (ret != OK) {
		return ret;
	}
	ret = core_new(&world->core, &options);
	if (ret != OK) {
		store_ram.close(options.log);
		return ret;
	}
	ret = core_restore(world->core, &world->error);
	if (ret != OK) {
		core_free(world->core);
		world->core = NULL;
	}
	return ret;
}

static inline void core_world_start(struct core_world *world)
{
	ck_assert_int_eq(core_world_open(world), OK);
	ck_assert_int_eq(core_start(world->core), OK);
}

static inline void core_world_close(struct core_world *world)
{
	core_stop(world->core);
	core_free(world->core);
	world->core = NULL;
}

/* ---- commands ------------------------------------------------------------------------------ */

static inline struct buf_writer core_command(void)
{
	const size_t room = 16384;
	uint8_t *octets = malloc(room);

	if (octets == NULL) {
		abort();
	}
	return buf_writer(octets, room);
}

/* Leases from 1 second on, so that a test can see one end. */
static inline struct buf_writer core_base(const struct core_world *world)
{
	struct buf_writer out = core_command();
	struct command_base base = {
		.zone = world->apex, .shape = world_shape(), .ring_key = "waggle ring key"};
	struct world_text text;

	world_read(&text, world->apex,
		   "@ 3600 SOA ns1 host 7 3600 600 86400 5\n"
		   "@ 3600 NS ns1\n"
		   "ns1 3600 A 192.0.2.1\n",
		   true);
	base.shape.lease_min_s = 1;
	base.soa = &text.soa;
	base.count = (uint32_t)text.count;
	command_write_base(&out, &base);
	world_write_adds(&out, &text);
	world_forget(&text);
	return out;
}

/* An UPDATE that adds the records of `master`. */
static inline struct buf_writer core_update(const struct core_world *world, uint32_t lease_s,
					    const char *master)
{
	struct buf_writer out = core_command();
	struct command_update update = {
		.zone = world->apex,
		.owner = {.kind = OWNER_NET},
		.lease = {.present = lease_s > 0, .lease_s = lease_s},
	};
	struct world_text text;

	world_read(&text, world->apex, master, true);
	update.update_count = (uint16_t)text.count;
	command_write_update(&out, &update);
	world_write_adds(&out, &text);
	world_forget(&text);
	return out;
}

static inline struct buf_writer core_host(const struct core_world *world, uint32_t lease_s,
					  unsigned number)
{
	char master[64];

	snprintf(master, sizeof(master), "host-%u 60 A 198.51.100.%u\n", number, number % 250 + 1);
	return core_update(world, lease_s, master);
}

static inline uint16_t core_wait(struct core_world *world, struct buf_writer command)
{
	struct command_result result;

	ck_assert_int_eq(
		core_submit_wait(world->core, command.start, buf_written(&command), &result), OK);
	return result.rcode;
}

static inline void core_begin(struct core_world *world)
{
	ck_assert_uint_eq(core_wait(world, core_base(world)), DNS_RCODE_NOERROR);
	ck_assert_int_eq(core_publish(world->core), OK);
}

static inline bool root_has(const struct core_world *world, const struct root *root,
			    const char *label)
{
	char text[DNS_NAME_TEXT_MAX];
	uint8_t name[DNS_NAME_MAX];
	const struct zone *zone = root_zone(root, world->apex);

	snprintf(text, sizeof(text), "%s.svc.example.", label);
	world_name(name, text);
	return zone != NULL && zone_node(zone, name) != NULL;
}

/* Does the newest root have it? */
static inline bool core_has(struct core_world *world, const char *label)
{
	const struct root *root = core_hold(world->core);
	const bool has = root_has(world, root, label);

	core_release(world->core, root);
	return has;
}

static inline struct core_counters core_counted(struct core_world *world)
{
	struct core_counters counters;

	core_count(world->core, &counters);
	return counters;
}

/* ---- jobs that are not waited for one by one ----------------------------------------------- */

struct tester;

struct test_job {
	struct core_job job;
	struct tester *tester;
	unsigned number;
};

/* Counts what comes back; everything but `limit` and `core` is written by one thread at a time. */
struct tester {
	struct core_world *world;
	struct call call; /* ends when `limit` jobs are back */
	unsigned limit;
	uint64_t fingerprint; /* of all jobs; 0: none */
	_Atomic(unsigned) back;
	unsigned deliveries;
	unsigned order[64];
	uint16_t rcode[64];
	bool was_published[64]; /* was the host in the view when its job came back? */
	char text[160];
};

static inline void tester_init(struct tester *tester, struct core_world *world, unsigned limit)
{
	*tester = (struct tester){.world = world, .limit = limit};
	call_init(&tester->call);
}

static inline void tester_done(struct list *jobs)
{
	struct tester *tester = NULL;

	while (!list_is_empty(jobs)) {
		struct test_job *job = list_entry(jobs->next, struct test_job, job.mail.link);
		const struct root *root;
		char label[16];

		tester = job->tester;
		list_remove(&job->job.mail.link);
		root = atomic_load_explicit(&core_view(tester->world->core)->root,
					    memory_order_acquire);
		snprintf(label, sizeof(label), "host-%u", job->number);
		tester->order[tester->back] = job->number;
		tester->rcode[tester->back] = job->job.result.rcode;
		tester->was_published[tester->back] =
			root != NULL && root_has(tester->world, root, label);
		memcpy(tester->text, job->job.result.ede_text, sizeof(tester->text));
		free(job);
		tester->back++;
	}
	tester->deliveries++;
	if (tester->back == tester->limit) {
		call_end(&tester->call, OK);
	}
}

static const struct core_job_ops tester_ops = {.done = tester_done};

/* Posts a command; takes it. */
static inline int tester_post(struct tester *tester, const struct core_job_ops *ops,
			      unsigned number, struct buf_writer command)
{
	struct test_job *job = calloc(1, sizeof(*job));
	int ret;

	if (job == NULL) {
		abort();
	}
	job->job.command = command.start;
	job->job.command_size = buf_written(&command);
	job->job.ops = ops;
	job->job.fingerprint = tester->fingerprint;
	job->tester = tester;
	job->number = number;
	ret = core_submit(tester->world->core, &job->job);
	if (ret != OK) {
		free(job->job.command);
		free(job);
	}
	return ret;
}

/* Posts a registration of host-NUMBER. */
static inline int tester_submit(struct tester *tester, const struct core_job_ops *ops,
				unsigned number)
{
	return tester_post(tester, ops, number, core_host(tester->world, 0, number));
}
