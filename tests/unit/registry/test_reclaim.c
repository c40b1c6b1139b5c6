#include "registry/reclaim.h"

#include <stdatomic.h>
#include <stdbool.h>

#include "base/err.h"
#include "loop/call.h"
#include "loop/loop.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"
#include "zone/inside.h"

/* The grace periods that ended: what the core's mailbox does in life. */
struct world {
	struct reclaim *reclaim;
	struct call graced; /* the one that is waited for */
	_Atomic(unsigned) count;
};

static void graced(void *context)
{
	struct world *world = context;

	world->count++;
	call_end(&world->graced, OK);
}

static void world_init(struct world *world)
{
	struct root *root;

	*world = (struct world){.reclaim = NULL};
	call_init(&world->graced);
	ck_assert_int_eq(root_new(&root), OK);
	ck_assert_int_eq(reclaim_new(&world->reclaim, root, graced, world), OK);
}

/* The next version. */
static void advance(struct world *world)
{
	struct root_writer *writer;
	struct root *root;
	struct garbage *garbage;

	ck_assert_int_eq(root_begin(&writer, reclaim_root(world->reclaim)), OK);
	ck_assert_int_eq(reclaim_reserve(world->reclaim), OK);
	ck_assert_int_eq(root_commit(writer, 1, &root, &garbage), OK);
	reclaim_advance(world->reclaim, root, garbage);
	reclaim_collect(world->reclaim);
}

/* Waits for one grace period and takes notice of it. */
static void wait_for_grace(struct world *world)
{
	ck_assert_int_eq(call_wait(&world->graced), OK);
	call_deinit(&world->graced);
	call_init(&world->graced);
	reclaim_graced(world->reclaim);
}

START_TEST(without_readers_only_what_is_held_stays)
{
	struct world world;
	const struct root *held;

	world_init(&world);
	advance(&world);
	advance(&world);
	ck_assert_uint_eq(reclaim_versions(world.reclaim), 1);
	held = reclaim_hold(world.reclaim);
	ck_assert_ptr_eq(held, reclaim_root(world.reclaim));
	ck_assert_ptr_eq(held, reclaim_hold(world.reclaim));
	for (unsigned i = 0; i < 5; i++) {
		advance(&world);
	}
	ck_assert_uint_eq(reclaim_versions(world.reclaim), 6);
	reclaim_release(world.reclaim, held);
	ck_assert_uint_eq(reclaim_versions(world.reclaim), 6);
	reclaim_release(world.reclaim, held);
	ck_assert_uint_eq(reclaim_versions(world.reclaim), 1);
	/* A holder of a younger one keeps that, and not what is older. */
	advance(&world);
	held = reclaim_hold(world.reclaim);
	advance(&world);
	advance(&world);
	ck_assert_uint_eq(reclaim_versions(world.reclaim), 3);
	reclaim_free(world.reclaim);
	reclaim_free(NULL);
}
END_TEST

START_TEST(one_grace_period_covers_what_was_published_before_it)
{
	struct world world;

	world_init(&world);
	reclaim_start(world.reclaim);
	advance(&world);
	ck_assert_uint_eq(reclaim_versions(world.reclaim), 2);
	advance(&world);
	advance(&world);
	wait_for_grace(&world);
	/* The first commit began it; those behind it wait for the next. */
	ck_assert_uint_eq(reclaim_versions(world.reclaim), 3);
	wait_for_grace(&world);
	ck_assert_uint_eq(reclaim_versions(world.reclaim), 1);
	ck_assert_uint_eq(world.count, 2);
	reclaim_stop(world.reclaim);
	reclaim_free(world.reclaim);
}
END_TEST

struct reader {
	struct call begun;
	struct call go_on;
};

/* Holds something of a root until it is told to go on. */
static void read_slowly(void *context)
{
	struct reader *reader = context;

	reader_register();
	reader_offline();
	reader_online();
	call_end(&reader->begun, OK);
	call_wait(&reader->go_on);
	reader_unregister();
}

START_TEST(a_reader_that_is_online_holds_everything)
{
	struct world world;
	struct reader reader;
	struct thread *thread;

	world_init(&world);
	reclaim_start(world.reclaim);
	call_init(&reader.begun);
	call_init(&reader.go_on);
	ck_assert_int_eq(thread_start(&thread, "reader", read_slowly, &reader), OK);
	call_wait(&reader.begun);
	for (unsigned i = 0; i < 50; i++) {
		advance(&world);
	}
	ck_assert_uint_eq(world.count, 0);
	ck_assert_uint_eq(reclaim_versions(world.reclaim), 51);
	call_end(&reader.go_on, OK);
	wait_for_grace(&world);
	wait_for_grace(&world);
	ck_assert_uint_eq(reclaim_versions(world.reclaim), 1);
	thread_join(thread);
	reclaim_stop(world.reclaim);
	reclaim_free(world.reclaim);
}
END_TEST

START_TEST(held_past_the_grace_period_it_goes_with_the_release)
{
	struct world world;
	const struct root *held;

	world_init(&world);
	reclaim_start(world.reclaim);
	held = reclaim_hold(world.reclaim);
	advance(&world);
	wait_for_grace(&world);
	ck_assert_uint_eq(reclaim_versions(world.reclaim), 2);
	reclaim_release(world.reclaim, held);
	ck_assert_uint_eq(reclaim_versions(world.reclaim), 1);
	reclaim_stop(world.reclaim);
	reclaim_free(world.reclaim);
}
END_TEST

START_TEST(any_failed_allocation_is_reported)
{
	for (unsigned n = 0;; n++) {
		struct reclaim *reclaim = NULL;
		struct root *root;
		int ret;

		ck_assert_int_eq(root_new(&root), OK);
		fail_alloc_after(n);
		ret = reclaim_new(&reclaim, root, graced, NULL);
		if (ret == OK) {
			ret = reclaim_reserve(reclaim);
		}
		fail_alloc_off();
		if (reclaim == NULL) {
			root_free(root);
		}
		reclaim_free(reclaim);
		ck_assert_int_eq(ret, fail_alloc_hit() ? ERR_NOMEM : OK);
		if (ret == OK) {
			break;
		}
	}
}
END_TEST

START_TEST(what_was_held_for_long_is_freed_in_portions)
{
	const size_t count = 2 * RECLAIM_MAX;
	struct world world;
	const struct root *held;
	unsigned calls = 1;
	size_t before;

	world_init(&world);
	reclaim_start(world.reclaim);
	held = reclaim_hold(world.reclaim);
	for (size_t i = 0; i < count; i++) {
		advance(&world);
	}
	wait_for_grace(&world);
	/* Another one, for those that were published after the first began. */
	advance(&world);
	wait_for_grace(&world);
	before = reclaim_versions(world.reclaim);
	ck_assert_uint_gt(before, count);
	bool is_more = reclaim_release(world.reclaim, held);
	for (; is_more; calls++) {
		const size_t now = reclaim_versions(world.reclaim);
		ck_assert_uint_le(before - now, RECLAIM_MAX);
		before = now;
		is_more = reclaim_collect(world.reclaim);
	}
	ck_assert_uint_ge(calls, 3);
	ck_assert_uint_le(reclaim_versions(world.reclaim), 2);
	reclaim_stop(world.reclaim);
	reclaim_free(world.reclaim);
}
END_TEST

START_TEST(a_hold_keeps_what_it_holds_and_not_what_comes_and_goes)
{
	struct world world;

	if (slab_class(sizeof(struct root)) == 0) {
		return; /* no slabs, so as to see each object by itself: all is kept */
	}
	world_init(&world);
	const struct root *held = reclaim_hold(world.reclaim);
	const struct slabs *slabs = held->slabs;
	const uint64_t version = held->version;
	const size_t before = slabs_count(slabs);
	for (size_t i = 0; i < 5 * SLAB_APART; i++) {
		advance(&world);
	}
	ck_assert_uint_eq(reclaim_versions(world.reclaim), 5 * SLAB_APART + 1);
	ck_assert_uint_lt(slabs_count(slabs), before + SLAB_APART + 10);
	/* A second hold keeps what there is by then, and the first goes on. */
	const struct root *second = reclaim_hold(world.reclaim);
	for (size_t i = 0; i < 5 * SLAB_APART; i++) {
		advance(&world);
	}
	ck_assert_uint_lt(slabs_count(slabs), before + 2 * SLAB_APART + 10);
	ck_assert_uint_eq(held->version, version);
	ck_assert_uint_eq(second->version, version + 5 * SLAB_APART);
	reclaim_release(world.reclaim, second);
	reclaim_release(world.reclaim, held);
	ck_assert_uint_eq(reclaim_versions(world.reclaim), 1);
	ck_assert_uint_eq(slabs_count(slabs), before);
	reclaim_free(world.reclaim);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		without_readers_only_what_is_held_stays,
		one_grace_period_covers_what_was_published_before_it,
		a_reader_that_is_online_holds_everything,
		held_past_the_grace_period_it_goes_with_the_release,
		any_failed_allocation_is_reported,
		what_was_held_for_long_is_freed_in_portions,
		a_hold_keeps_what_it_holds_and_not_what_comes_and_goes,
	};

	return run_tests("reclaim", tests, COUNT_OF(tests));
}
