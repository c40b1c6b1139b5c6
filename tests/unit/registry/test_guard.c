#include "registry/guard.h"

#include <string.h>

#include "base/err.h"
#include "base/rand.h"
#include "dns/name.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"

#define START 5000000u
#define TERM_S 32
#define TERM_MS (TERM_S * 1000u)

static const uint8_t web[] = "\5_http\4_tcp\3svc\7example";
static const uint8_t web_loud[] = "\5_HTTP\4_tcp\3svc\7EXAMPLE";
static const uint8_t ssh[] = "\4_ssh\4_tcp\3svc\7example";

struct world {
	struct guard guard;
	uint32_t size; /* of the type */
	unsigned begun;
	unsigned ended;
	enum guard_state last;
};

static void world_init(struct world *world, uint32_t size)
{
	*world = (struct world){.size = size};
	guard_init(&world->guard, 7);
}

static void note(void *context, const struct guard_type *type)
{
	struct world *world = context;

	world->last = type->state;
	world->begun += type->state == GUARD_HOLDING;
	world->ended += type->state != GUARD_HOLDING;
}

static uint32_t size_of(void *context, const uint8_t *name)
{
	const struct world *world = context;

	(void)name;
	return world->size;
}

static void sweep(struct world *world, uint64_t now_ms)
{
	guard_sweep(&world->guard, now_ms, size_of, note, world);
}

/* `count` leases come due; each stays or goes. How many stayed. */
static unsigned due(struct world *world, unsigned count, uint64_t now_ms)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < count; i++) {
		struct guard_type *type =
			guard_due(&world->guard, web, world->size, TERM_S, now_ms, note, world);

		if (type->state == GUARD_HOLDING) {
			guard_keep(&world->guard, type);
			kept++;
		} else {
			guard_let_go(type);
			world->size--;
		}
	}
	return kept;
}

static void back(struct world *world, unsigned count, bool has_beaten)
{
	for (unsigned i = 0; i < count; i++) {
		guard_back(&world->guard, guard_find(&world->guard, web), has_beaten);
		world->size -= !has_beaten;
	}
}

START_TEST(over_half_of_a_type_within_a_term_is_held)
{
	struct world world;

	world_init(&world, 100);
	ck_assert_uint_eq(due(&world, 50, START), 0);
	ck_assert_uint_eq(world.begun, 0);
	ck_assert_uint_eq(due(&world, 50, START + TERM_MS / 2), 50);
	ck_assert_uint_eq(world.begun, 1);
	ck_assert_uint_eq(world.size, 50);
	ck_assert_uint_eq(world.guard.holding, 1);
	ck_assert_uint_eq(world.guard.held, 50);
	guard_deinit(&world.guard);
}
END_TEST

START_TEST(a_small_type_is_not_held_and_one_of_twenty_is)
{
	struct world world;

	world_init(&world, 19);
	ck_assert_uint_eq(due(&world, 19, START), 0);
	guard_deinit(&world.guard);
	world_init(&world, 20);
	ck_assert_uint_eq(due(&world, 20, START), 10);
	guard_deinit(&world.guard);
}
END_TEST

START_TEST(half_of_them_in_more_than_a_term_is_nothing)
{
	struct world world;
	unsigned kept = 0;

	/* A fortieth of what is left every sixteenth of a term: 33 % in one. */
	world_init(&world, 4000);
	for (unsigned i = 0; i < 60; i++) {
		kept += due(&world, world.size / 40, START + i * (TERM_MS / 16));
	}
	ck_assert_uint_eq(kept, 0);
	ck_assert_uint_lt(world.size, 1000);
	guard_deinit(&world.guard);
}
END_TEST

START_TEST(types_are_counted_each_by_itself_and_letter_case_is_none)
{
	struct world world;

	world_init(&world, 30);
	ck_assert_uint_eq(due(&world, 15, START), 0);
	for (unsigned i = 0; i < 15; i++) {
		guard_let_go(guard_due(&world.guard, ssh, 30, TERM_S, START, note, &world));
	}
	ck_assert_uint_eq(world.begun, 0);
	guard_due(&world.guard, web_loud, world.size, TERM_S, START, note, &world);
	ck_assert_uint_eq(world.begun, 1);
	ck_assert_int_eq(guard_find(&world.guard, web)->state, GUARD_HOLDING);
	ck_assert_int_eq(guard_find(&world.guard, ssh)->state, GUARD_CALM);
	guard_deinit(&world.guard);
}
END_TEST

START_TEST(it_ends_when_four_fifths_beat_again)
{
	struct world world;

	world_init(&world, 100);
	due(&world, 100, START);
	ck_assert_uint_eq(world.size, 50);
	back(&world, 39, true);
	sweep(&world, START + 5000);
	ck_assert_uint_eq(world.ended, 0);
	back(&world, 1, true);
	sweep(&world, START + 6000);
	ck_assert_uint_eq(world.ended, 1);
	ck_assert_int_eq(world.last, GUARD_CALM);
	/* The rest goes: a fifth is no crowd. */
	ck_assert_uint_eq(world.guard.held, 10);
	back(&world, 10, false);
	sweep(&world, START + 7000);
	ck_assert_ptr_null(guard_find(&world.guard, web));
	guard_deinit(&world.guard);
}
END_TEST

START_TEST(those_that_are_not_held_are_not_taken_for_beating)
{
	struct world world;

	world_init(&world, 100);
	ck_assert_uint_eq(due(&world, 90, START), 40);
	ck_assert_uint_eq(world.size, 50);
	back(&world, 30, true);
	ck_assert_uint_eq(world.guard.held, 10); /* a fifth, but of ten nobody knows */
	sweep(&world, START + 5000);
	ck_assert_uint_eq(world.ended, 0);
	back(&world, 10, true);
	sweep(&world, START + 6000);
	ck_assert_uint_eq(world.ended, 1);
	guard_deinit(&world.guard);
}
END_TEST

START_TEST(those_that_were_not_due_count_behind_a_term_only)
{
	struct world world;

	world_init(&world, 100);
	due(&world, 50, START);
	ck_assert_uint_eq(due(&world, 1, START + 1000), 1);
	sweep(&world, START + 2000);
	sweep(&world, START + TERM_MS);
	ck_assert_uint_eq(world.ended, 0);
	sweep(&world, START + 1000 + TERM_MS);
	ck_assert_uint_eq(world.ended, 1);
	guard_deinit(&world.guard);
}
END_TEST

START_TEST(withdrawals_are_no_beats_but_make_the_type_smaller)
{
	struct world world;

	world_init(&world, 100);
	due(&world, 100, START);
	back(&world, 20, true);
	back(&world, 24, false);
	sweep(&world, START + 5000);
	ck_assert_uint_eq(world.ended, 0); /* 20 of 26 */
	back(&world, 1, false);
	sweep(&world, START + 6000);
	ck_assert_uint_eq(world.ended, 1); /* 20 of 25 */
	guard_deinit(&world.guard);
}
END_TEST

START_TEST(it_ends_after_three_terms_and_begins_anew_behind_a_calm_one)
{
	struct world world;
	uint64_t now_ms = START + 3 * TERM_MS;

	world_init(&world, 100);
	ck_assert_uint_eq(due(&world, 100, START), 50);
	sweep(&world, now_ms - 1);
	ck_assert_uint_eq(world.ended, 0);
	sweep(&world, now_ms);
	ck_assert_uint_eq(world.ended, 1);
	ck_assert_int_eq(world.last, GUARD_SPENT);
	/* What was kept goes now, and others with it. */
	back(&world, 50, false);
	world.size = 100;
	ck_assert_uint_eq(due(&world, 60, now_ms + 100), 0);
	sweep(&world, now_ms + TERM_MS);
	ck_assert_uint_eq(due(&world, 10, now_ms + TERM_MS), 0);
	now_ms += 3 * TERM_MS;
	sweep(&world, now_ms);
	ck_assert_uint_eq(world.guard.types.count, 0);
	world.size = 100;
	ck_assert_uint_eq(due(&world, 100, now_ms), 50);
	guard_deinit(&world.guard);
}
END_TEST

START_TEST(an_operator_ends_it_and_what_is_over_goes)
{
	struct world world;

	world_init(&world, 40);
	ck_assert_ptr_null(guard_held(&world.guard, web));
	ck_assert_uint_gt(due(&world, 40, START), 0);
	ck_assert_uint_eq(world.guard.holding, 1);
	ck_assert_ptr_null(guard_held(&world.guard, ssh));
	guard_give_up(&world.guard, guard_held(&world.guard, web_loud), START + 1, note, &world);
	ck_assert_int_eq(world.last, GUARD_SPENT);
	ck_assert_uint_eq(world.guard.holding, 0);
	ck_assert_ptr_null(guard_held(&world.guard, web));
	ck_assert_uint_eq(world.ended, 1);
	/* It is not held again for the same crowd. */
	ck_assert_uint_eq(due(&world, 5, START + 3), 0);
	guard_deinit(&world.guard);
}
END_TEST

START_TEST(ten_minutes_are_the_longest)
{
	struct world world;

	world_init(&world, 40);
	for (unsigned i = 0; i < 40; i++) {
		guard_keep(&world.guard,
			   guard_due(&world.guard, web, 40, 3600, START, note, &world));
	}
	sweep(&world, START + GUARD_MAX_MS - 1);
	ck_assert_uint_eq(world.ended, 0);
	sweep(&world, START + GUARD_MAX_MS);
	ck_assert_uint_eq(world.ended, 1);
	guard_deinit(&world.guard);
}
END_TEST

START_TEST(a_type_of_which_nothing_comes_due_is_forgotten)
{
	struct world world;

	world_init(&world, 100);
	due(&world, 3, START);
	sweep(&world, START + TERM_MS / 2);
	ck_assert_uint_eq(world.guard.types.count, 1);
	sweep(&world, START + TERM_MS + TERM_MS / 16);
	ck_assert_uint_eq(world.guard.types.count, 0);
	guard_deinit(&world.guard);
}
END_TEST

START_TEST(without_memory_nothing_is_held)
{
	struct world world;
	const struct guard_type *type;

	world_init(&world, 100);
	fail_alloc_after(0);
	type = guard_due(&world.guard, web, 100, TERM_S, START, note, &world);
	fail_alloc_off();
	ck_assert_ptr_null(type);
	fail_alloc_after(1);
	type = guard_due(&world.guard, web, 100, TERM_S, START, note, &world);
	fail_alloc_off();
	ck_assert_ptr_null(type);
	ck_assert_uint_eq(due(&world, 1, START), 0);
	guard_deinit(&world.guard);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		over_half_of_a_type_within_a_term_is_held,
		a_small_type_is_not_held_and_one_of_twenty_is,
		half_of_them_in_more_than_a_term_is_nothing,
		types_are_counted_each_by_itself_and_letter_case_is_none,
		it_ends_when_four_fifths_beat_again,
		those_that_are_not_held_are_not_taken_for_beating,
		those_that_were_not_due_count_behind_a_term_only,
		withdrawals_are_no_beats_but_make_the_type_smaller,
		it_ends_after_three_terms_and_begins_anew_behind_a_calm_one,
		an_operator_ends_it_and_what_is_over_goes,
		ten_minutes_are_the_longest,
		a_type_of_which_nothing_comes_due_is_forgotten,
		without_memory_nothing_is_held,
	};

	return run_tests("guard", tests, COUNT_OF(tests));
}
