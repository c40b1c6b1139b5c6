#include "registry/batch.h"

#include <string.h>

#include "base/err.h"
#include "registry/core.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"

#define COUNT 3000

struct world {
	struct core_job jobs[COUNT];
	struct list waiting;
	struct batch batch;
	uint8_t *octets; /* all commands are the beginning of this */
};

static void world_init(struct world *world)
{
	memset(world, 0, sizeof(*world));
	list_init(&world->waiting);
	batch_init(&world->batch);
	world->octets = malloc(4 << 20);
	ck_assert_ptr_nonnull(world->octets);
	for (size_t i = 0; i < (4 << 20); i++) {
		world->octets[i] = (uint8_t)(i * 7);
	}
}

static void world_deinit(struct world *world)
{
	batch_deinit(&world->batch);
	free(world->octets);
}

static void wait_in_line(struct world *world, size_t number, size_t size)
{
	world->jobs[number].command = world->octets;
	world->jobs[number].command_size = size;
	list_append(&world->waiting, &world->jobs[number].mail.link);
}

/* The entry holds these jobs, in order and unchanged. */
static void check_batch(struct world *world, size_t first, size_t count)
{
	struct command_batch batch;
	const struct list *link = world->batch.jobs.next;
	size_t octets = 0;

	ck_assert_uint_eq(world->batch.count, count);
	ck_assert_int_eq(command_read_batch(&batch, world->batch.entry, world->batch.size), OK);
	ck_assert_uint_eq(batch.count, count);
	ck_assert_uint_eq(batch.time_s, 1234567890123);
	for (size_t i = 0; i < count; i++, link = link->next) {
		const uint8_t *command;
		size_t size;

		ck_assert_ptr_eq(link, &world->jobs[first + i].mail.link);
		ck_assert_int_eq(command_read_next(&batch.commands, &command, &size), OK);
		ck_assert_uint_eq(size, world->jobs[first + i].command_size);
		ck_assert_int_eq(memcmp(command, world->octets, size), 0);
		octets += size;
	}
	ck_assert_uint_eq(world->batch.octets, octets);
}

static int gather(struct world *world)
{
	return batch_gather(&world->batch, &world->waiting, 1234567890123);
}

static void clear(struct world *world)
{
	while (!list_is_empty(&world->batch.jobs)) {
		list_remove(world->batch.jobs.next);
	}
	batch_clear(&world->batch);
}

START_TEST(all_that_waits_goes_into_one_entry)
{
	static struct world world;

	world_init(&world);
	for (size_t i = 0; i < 100; i++) {
		wait_in_line(&world, i, i * 50);
	}
	ck_assert_int_eq(gather(&world), OK);
	ck_assert(list_is_empty(&world.waiting));
	check_batch(&world, 0, 100);
	clear(&world);
	world_deinit(&world);
}
END_TEST

START_TEST(an_entry_ends_at_its_limit_and_what_is_larger_goes_alone)
{
	static struct world world;
	size_t done = 0;

	world_init(&world);
	for (size_t i = 0; i < COUNT; i++) {
		wait_in_line(&world, i, 1000);
	}
	while (done < COUNT) {
		const size_t most = (BATCH_MAX - COMMAND_BATCH_HEAD) / (COMMAND_NEXT_HEAD + 1000);
		const size_t count = COUNT - done < most ? COUNT - done : most;

		ck_assert_int_eq(gather(&world), OK);
		ck_assert_uint_le(world.batch.size, BATCH_MAX);
		check_batch(&world, done, count);
		clear(&world);
		done += count;
	}
	wait_in_line(&world, 0, 10);
	wait_in_line(&world, 1, 3 << 20);
	wait_in_line(&world, 2, 10);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(gather(&world), OK);
		check_batch(&world, i, 1);
		clear(&world);
		ck_assert_uint_le(world.batch.room, BATCH_MAX);
	}
	world_deinit(&world);
}
END_TEST

START_TEST(a_steady_batch_allocates_nothing)
{
	static struct world world;

	world_init(&world);
	for (size_t round = 0; round < 10; round++) {
		for (size_t i = 0; i < 50; i++) {
			wait_in_line(&world, i, 500);
		}
		if (round > 0) {
			fail_alloc_after(0);
		}
		gather(&world);
		fail_alloc_off();
		ck_assert(!fail_alloc_hit());
		clear(&world);
	}
	world_deinit(&world);
}
END_TEST

START_TEST(without_memory_the_jobs_are_handed_back)
{
	static struct world world;
	int ret;

	world_init(&world);
	wait_in_line(&world, 0, 500);
	wait_in_line(&world, 1, 500);
	fail_alloc_after(0);
	ret = gather(&world);
	fail_alloc_off();
	ck_assert_int_eq(ret, ERR_NOMEM);
	ck_assert_uint_eq(world.batch.count, 2);
	ck_assert(!list_is_empty(&world.batch.jobs));
	clear(&world);
	wait_in_line(&world, 2, 500);
	ck_assert_int_eq(gather(&world), OK);
	check_batch(&world, 2, 1);
	clear(&world);
	world_deinit(&world);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		all_that_waits_goes_into_one_entry,
		an_entry_ends_at_its_limit_and_what_is_larger_goes_alone,
		a_steady_batch_allocates_nothing,
		without_memory_the_jobs_are_handed_back,
	};

	return run_tests("batch", tests, COUNT_OF(tests));
}
