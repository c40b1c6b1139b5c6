#include <math.h>
#include <string.h>

#include "base/rand.h"
#include "libclient/pick.h"
#include "tests/unit/run.h"

#define DRAWS 100000
#define MOST 8

/* Endpoints of a case, as waggle_pick() gets them. */
struct pool {
	size_t count;
	struct waggle_endpoint endpoints[MOST];
	const struct waggle_endpoint *pointers[MOST];
};

static void pool_add(struct pool *pool, uint16_t priority, uint16_t weight, size_t addresses)
{
	pool->endpoints[pool->count] = (struct waggle_endpoint){
		.priority = priority, .weight = weight, .address_count = addresses};
	pool->pointers[pool->count] = &pool->endpoints[pool->count];
	pool->count++;
}

static uint64_t next(void *context)
{
	return rand_next(context);
}

/* Is `seen` of DRAWS what a share `expected` gives, within five standard deviations? */
static void check_share(size_t seen, double expected)
{
	const double deviation = sqrt(DRAWS * expected * (1 - expected));

	ck_assert_double_le(fabs((double)seen - DRAWS * expected), 5 * deviation + 0.5);
}

/* RFC 2782: the shares of the first place, by its algorithm, worked out by hand. */
START_TEST(first_place_is_shared_as_the_algorithm_says)
{
	static const struct {
		size_t count;
		uint16_t weights[4];
		double shares[4];
	} cases[] = {
		/* r in 0..4: the 0 entry has 0, the second 1, the third 2 to 4 */
		{3, {0, 1, 3}, {1.0 / 5, 1.0 / 5, 3.0 / 5}},
		{2, {3, 1}, {3.5 / 5, 1.5 / 5}}, /* r = 0 goes to either, evenly */
		{4, {0, 0, 0, 0}, {0.25, 0.25, 0.25, 0.25}},
		{1, {0}, {1}},
		{1, {65535}, {1}},
		{3, {0, 0, 1}, {0.25, 0.25, 0.5}},
		{2, {65535, 65535}, {0.5, 0.5}},
		{3,
		 {10, 60, 30},
		 {(10 + 1.0 / 3) / 101, (60 + 1.0 / 3) / 101, (30 + 1.0 / 3) / 101}},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct pool pool = {0};
		size_t seen[MOST] = {0};
		struct rand rand;

		rand_init(&rand, 7 + i);
		for (size_t k = 0; k < cases[i].count; k++) {
			pool_add(&pool, 5, cases[i].weights[k], 1);
		}
		for (int draw = 0; draw < DRAWS; draw++) {
			const struct waggle_endpoint *chosen =
				wgl_pick(pool.pointers, pool.count, next, &rand);

			seen[chosen - pool.endpoints]++;
		}
		for (size_t k = 0; k < cases[i].count; k++) {
			check_share(seen[k], cases[i].shares[k]);
		}
	}
}
END_TEST

START_TEST(the_whole_order_is_drawn_place_by_place)
{
	/* Weights 1, 2, 5: r in 0..8, 0 evenly; then the same with those that are left. */
	static const uint16_t weights[] = {1, 2, 5};
	size_t seen[3][3] = {{0}};
	struct pool pool = {0};
	struct rand rand;

	rand_init(&rand, 3);
	for (size_t k = 0; k < 3; k++) {
		pool_add(&pool, 0, weights[k], 1);
	}
	for (int draw = 0; draw < DRAWS; draw++) {
		size_t order[3];

		ck_assert_uint_eq(wgl_order(pool.pointers, 3, order, next, &rand), 3);
		ck_assert_uint_eq(order[0] + order[1] + order[2], 3);
		seen[order[0]][order[1]]++;
	}
	for (size_t a = 0; a < 3; a++) {
		for (size_t b = 0; b < 3; b++) {
			const double first = (weights[a] + 1.0 / 3) / 9;
			const double second = (weights[b] + 0.5) / (8.0 - weights[a] + 1);

			if (a != b) {
				check_share(seen[a][b], first * second);
			}
		}
	}
}
END_TEST

START_TEST(the_lowest_priority_that_has_an_address_comes_first)
{
	struct pool pool = {0};
	size_t order[MOST];
	struct rand rand;

	rand_init(&rand, 1);
	pool_add(&pool, 1, 9, 0); /* nobody can connect to it */
	pool_add(&pool, 3, 9, 1);
	pool_add(&pool, 2, 0, 1);
	pool_add(&pool, 2, 0, 2);
	pool_add(&pool, 65535, 1, 1);
	for (int i = 0; i < 1000; i++) {
		const struct waggle_endpoint *chosen = wgl_pick(pool.pointers, 5, next, &rand);

		ck_assert_uint_eq(chosen->priority, 2);
		ck_assert_uint_eq(wgl_order(pool.pointers, 5, order, next, &rand), 4);
		ck_assert_uint_eq(order[0] + order[1], 2 + 3);
		ck_assert_uint_eq(order[2], 1);
		ck_assert_uint_eq(order[3], 4);
		ck_assert_uint_eq(order[4], 0);
	}
}
END_TEST

START_TEST(of_nothing_nothing_is_chosen)
{
	struct pool pool = {0};
	size_t order[1] = {7};
	struct rand rand;

	rand_init(&rand, 1);
	ck_assert_ptr_null(wgl_pick(pool.pointers, 0, next, &rand));
	ck_assert_uint_eq(wgl_order(pool.pointers, 0, order, next, &rand), 0);
	pool_add(&pool, 0, 1, 0);
	ck_assert_ptr_null(wgl_pick(pool.pointers, 1, next, &rand));
	ck_assert_uint_eq(wgl_order(pool.pointers, 1, order, next, &rand), 0);
	ck_assert_uint_eq(order[0], 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		first_place_is_shared_as_the_algorithm_says,
		the_whole_order_is_drawn_place_by_place,
		the_lowest_priority_that_has_an_address_comes_first,
		of_nothing_nothing_is_chosen,
	};

	return run_tests("pick", tests, COUNT_OF(tests));
}
