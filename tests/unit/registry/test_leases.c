#include "registry/leases.h"

#include <stdatomic.h>

#include "base/err.h"
#include "base/rand.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"

#define COUNT 8
#define START 1000000u

/* Leases of 10, 20, ... seconds, taken up at START. */
struct world {
	struct leases leases;
	struct lease lease[COUNT];
	struct lease *out[COUNT];
};

static void world_init(struct world *world)
{
	leases_init(&world->leases);
	ck_assert_int_eq(leases_reserve(&world->leases, COUNT), OK);
	for (uint32_t i = 0; i < COUNT; i++) {
		world->lease[i] = (struct lease){.lease_s = 10 * (i + 1)};
		leases_add(&world->leases, &world->lease[i], START);
	}
}

/* A heartbeat, as a worker does it: one compare-and-swap. */
static bool beat(struct lease *lease, uint64_t now_ms)
{
	uint64_t seen = lease->renewed_ms;

	return seen != LEASE_EXPIRING &&
	       atomic_compare_exchange_strong(&lease->renewed_ms, &seen, now_ms);
}

static size_t expire(struct world *world, uint64_t now_ms)
{
	return leases_expire(&world->leases, now_ms, world->out, COUNT);
}

START_TEST(a_lease_runs_out_at_its_end_and_not_before)
{
	struct world world;

	world_init(&world);
	ck_assert_uint_eq(leases_wait(&world.leases, START, 99999), 10000);
	ck_assert_uint_eq(leases_wait(&world.leases, START, 700), 700);
	ck_assert_uint_eq(expire(&world, START + 9999), 0);
	ck_assert_uint_eq(leases_overdue_ms(&world.leases, START + 10003), 3);
	ck_assert_uint_eq(leases_wait(&world.leases, START + 10003, 700), 0);
	ck_assert_uint_eq(expire(&world, START + 10000), 1);
	ck_assert_ptr_eq(world.out[0], &world.lease[0]);
	ck_assert(world.lease[0].renewed_ms == LEASE_EXPIRING);
	ck_assert_uint_eq(expire(&world, START + 19999), 0);
	ck_assert_uint_eq(expire(&world, START + 80000), 7);
	ck_assert_uint_eq(leases_wait(&world.leases, START + 80000, 700), 700);
	ck_assert_uint_eq(leases_overdue_ms(&world.leases, START + 80000), 0);
	ck_assert_uint_eq(world.leases.count, COUNT);
	leases_deinit(&world.leases);
}
END_TEST

START_TEST(a_heartbeat_gives_a_full_term_from_its_time)
{
	struct world world;

	world_init(&world);
	ck_assert(beat(&world.lease[0], START + 4000));
	ck_assert(beat(&world.lease[0], START + 9000));
	ck_assert_uint_eq(expire(&world, START + 10000), 0);
	ck_assert_uint_eq(leases_wait(&world.leases, START + 10000, 99999), 9000);
	ck_assert_uint_eq(expire(&world, START + 18999), 0);
	ck_assert_uint_eq(expire(&world, START + 19000), 1);
	leases_deinit(&world.leases);
}
END_TEST

START_TEST(an_expiring_lease_takes_no_heartbeat_until_it_is_renewed)
{
	struct world world;

	world_init(&world);
	ck_assert_uint_eq(expire(&world, START + 10000), 1);
	ck_assert(!beat(&world.lease[0], START + 10001));
	ck_assert_uint_eq(expire(&world, START + 19999), 0);
	leases_renew(&world.leases, &world.lease[0], START + 12000);
	ck_assert(beat(&world.lease[0], START + 12001));
	ck_assert_uint_eq(expire(&world, START + 22000), 1);
	ck_assert_ptr_eq(world.out[0], &world.lease[1]);
	ck_assert_uint_eq(expire(&world, START + 22001), 1);
	ck_assert_ptr_eq(world.out[0], &world.lease[0]);
	leases_deinit(&world.leases);
}
END_TEST

START_TEST(a_renewal_may_shorten_the_lease)
{
	struct world world;

	world_init(&world);
	world.lease[7].lease_s = 5;
	leases_renew(&world.leases, &world.lease[7], START + 1000);
	ck_assert_uint_eq(expire(&world, START + 6000), 1);
	ck_assert_ptr_eq(world.out[0], &world.lease[7]);
	leases_deinit(&world.leases);
}
END_TEST

START_TEST(a_dropped_lease_is_forgotten_expiring_or_not)
{
	struct world world;

	world_init(&world);
	ck_assert_uint_eq(expire(&world, START + 10000), 1);
	leases_drop(&world.leases, &world.lease[0]);
	leases_drop(&world.leases, &world.lease[1]);
	ck_assert_uint_eq(world.leases.count, COUNT - 2);
	ck_assert_uint_eq(expire(&world, START + 30000), 1);
	ck_assert_ptr_eq(world.out[0], &world.lease[2]);
	leases_deinit(&world.leases);
}
END_TEST

START_TEST(a_burst_is_handed_out_in_pieces_the_oldest_first)
{
	struct world world;

	world_init(&world);
	for (size_t i = 0; i < 4; i++) {
		ck_assert_uint_eq(leases_expire(&world.leases, START + 90000, world.out, 2), 2);
		ck_assert_ptr_eq(world.out[0], &world.lease[2 * i]);
		ck_assert_ptr_eq(world.out[1], &world.lease[2 * i + 1]);
	}
	ck_assert_uint_eq(leases_expire(&world.leases, START + 90000, world.out, 2), 0);
	leases_deinit(&world.leases);
}
END_TEST

START_TEST(a_stall_is_added_to_every_lease_that_ran_then)
{
	struct world world;

	world_init(&world);
	ck_assert(beat(&world.lease[0], START + 2000));
	leases_stall(&world.leases, 60000, START + 63000);
	/* One that was renewed behind the stall has nothing of it. */
	ck_assert(beat(&world.lease[1], START + 64000));
	ck_assert_uint_eq(leases_overdue_ms(&world.leases, START + 63000), 0);
	ck_assert_uint_eq(expire(&world, START + 71999), 0);
	ck_assert_uint_eq(expire(&world, START + 72000), 1);
	ck_assert_ptr_eq(world.out[0], &world.lease[0]);
	ck_assert_uint_eq(expire(&world, START + 83999), 0);
	ck_assert_uint_eq(expire(&world, START + 84000), 1);
	ck_assert_ptr_eq(world.out[0], &world.lease[1]);
	ck_assert_uint_eq(expire(&world, START + 90000), 1);
	ck_assert_ptr_eq(world.out[0], &world.lease[2]);
	leases_deinit(&world.leases);
}
END_TEST

/* What must hold whatever happens: nothing ends early, and what is not heard of ends. */
START_TEST(however_stalls_and_beats_mix_nothing_ends_early)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct world world;
		struct rand rand;
		uint64_t earliest[COUNT]; /* beat + lease + stalls behind the beat */
		uint64_t now_ms = START;

		rand_init(&rand, seed);
		world_init(&world);
		for (size_t i = 0; i < COUNT; i++) {
			earliest[i] = START + (uint64_t)world.lease[i].lease_s * 1000;
		}
		for (unsigned step = 0; step < 400; step++) {
			const uint32_t who = rand_below(&rand, COUNT);
			size_t count;

			now_ms += rand_below(&rand, 3000);
			if (rand_below(&rand, 4) == 0 && beat(&world.lease[who], now_ms)) {
				earliest[who] = now_ms + (uint64_t)world.lease[who].lease_s * 1000;
			}
			if (rand_below(&rand, 3) == 0) {
				const uint32_t most = rand_below(&rand, 8) == 0 ? 100000 : 2000;
				const uint32_t stall = 1001 + rand_below(&rand, most);

				now_ms += stall;
				leases_stall(&world.leases, stall, now_ms);
				for (size_t i = 0; i < COUNT; i++) {
					earliest[i] += stall;
				}
			}
			count = expire(&world, now_ms);
			for (size_t i = 0; i < count; i++) {
				const size_t which = (size_t)(world.out[i] - world.lease);

				ck_assert_uint_ge(now_ms, earliest[which]);
				leases_renew(&world.leases, world.out[i], now_ms);
				earliest[which] = now_ms + (uint64_t)world.out[i]->lease_s * 1000;
			}
		}
		for (unsigned i = 0; i < 100; i++) {
			now_ms += 1000;
			expire(&world, now_ms);
		}
		for (size_t i = 0; i < COUNT; i++) {
			ck_assert(world.lease[i].renewed_ms == LEASE_EXPIRING);
		}
		leases_deinit(&world.leases);
	}
}
END_TEST

START_TEST(a_crowd_that_was_renewed_is_looked_at_in_portions)
{
	const size_t crowd = LEASES_LOOKS * 2;
	struct lease *leases = calloc(crowd, sizeof(*leases));
	struct lease *out[10];
	struct leases timer;
	unsigned calls = 0;

	leases_init(&timer);
	ck_assert_int_eq(leases_reserve(&timer, crowd), OK);
	for (size_t i = 0; i < crowd; i++) {
		leases[i].lease_s = 10;
		leases_add(&timer, &leases[i], START);
		beat(&leases[i], START + 5000);
	}
	while (leases_wait(&timer, START + 10000, 1000) == 0) {
		ck_assert_uint_eq(leases_expire(&timer, START + 10000, out, 10), 0);
		calls++;
	}
	ck_assert_uint_eq(calls, 2);
	leases_deinit(&timer);
	free(leases);
}
END_TEST

START_TEST(what_is_left_grows_by_the_stalls_since)
{
	struct world world;
	const struct lease_clock *clock = &world.leases.clock;

	world_init(&world);
	ck_assert_uint_eq(lease_left_ms(clock, START, 10, START + 4000), 6000);
	leases_stall(&world.leases, 25000, START + 30000);
	ck_assert_uint_eq(lease_left_ms(clock, START, 10, START + 30000), 5000);
	ck_assert_uint_eq(lease_left_ms(clock, START + 30000, 10, START + 31000), 9000);
	ck_assert_uint_eq(lease_left_ms(clock, START, 10, START + 35000), 0);
	ck_assert_uint_eq(lease_left_ms(clock, START, 10, START + 99000), 0);
	leases_deinit(&world.leases);
}
END_TEST

START_TEST(old_stalls_are_forgotten)
{
	struct world world;
	uint64_t now_ms = START;

	world_init(&world);
	for (unsigned i = 0; i < 1000; i++) {
		now_ms += 2000;
		leases_stall(&world.leases, 1500, now_ms);
		ck_assert_uint_le(world.leases.clock.count, LEASES_STALLS);
	}
	ck_assert_uint_eq(expire(&world, now_ms), COUNT);
	leases_stall(&world.leases, 1500, now_ms + 200000);
	ck_assert_uint_eq(world.leases.clock.count, 1);
	leases_deinit(&world.leases);
}
END_TEST

START_TEST(room_is_reserved_for_leases_out_of_the_timer_too)
{
	struct lease *leases = calloc(3000, sizeof(*leases));
	struct lease **out = calloc(3000, sizeof(struct lease *));
	struct leases timer;

	leases_init(&timer);
	ck_assert_int_eq(leases_reserve(&timer, 1000), OK);
	for (size_t i = 0; i < 1000; i++) {
		leases[i].lease_s = 1;
		leases_add(&timer, &leases[i], START);
	}
	ck_assert_uint_eq(leases_expire(&timer, START + 1000, out, 3000), 1000);
	fail_alloc_after(0);
	if (leases_reserve(&timer, 2000) == OK) {
		abort();
	}
	fail_alloc_off();
	ck_assert_int_eq(leases_reserve(&timer, 2000), OK);
	fail_alloc_after(0);
	for (size_t i = 1000; i < 3000; i++) {
		leases[i].lease_s = 1;
		leases_add(&timer, &leases[i], START);
	}
	for (size_t i = 0; i < 1000; i++) {
		leases_renew(&timer, &leases[i], START + 2000);
	}
	fail_alloc_off();
	ck_assert(!fail_alloc_hit());
	ck_assert_uint_eq(leases_expire(&timer, START + 2000, out, 3000), 2000);
	leases_deinit(&timer);
	free(leases);
	free(out);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_lease_runs_out_at_its_end_and_not_before,
		a_heartbeat_gives_a_full_term_from_its_time,
		an_expiring_lease_takes_no_heartbeat_until_it_is_renewed,
		a_renewal_may_shorten_the_lease,
		a_dropped_lease_is_forgotten_expiring_or_not,
		a_burst_is_handed_out_in_pieces_the_oldest_first,
		a_stall_is_added_to_every_lease_that_ran_then,
		however_stalls_and_beats_mix_nothing_ends_early,
		a_crowd_that_was_renewed_is_looked_at_in_portions,
		what_is_left_grows_by_the_stalls_since,
		old_stalls_are_forgotten,
		room_is_reserved_for_leases_out_of_the_timer_too,
	};

	return run_tests("leases", tests, COUNT_OF(tests));
}
