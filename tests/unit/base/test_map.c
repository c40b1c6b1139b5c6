#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "base/rand.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"

#define KEYS 3000

START_TEST(keys_are_octets_of_any_length)
{
	static const uint8_t octets[40] = {1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 9};
	static int values[sizeof(octets) + 1];
	struct map map;

	map_init(&map, 7);
	ck_assert_ptr_null(map_get(&map, "", 0));
	ck_assert_ptr_null(map_remove(&map, "", 0));
	for (size_t size = 0; size <= sizeof(octets); size++) {
		ck_assert_int_eq(map_put(&map, octets, size, &values[size]), OK);
	}
	for (size_t size = 0; size <= sizeof(octets); size++) {
		const uint8_t copy[41] = {1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 9};

		ck_assert_ptr_eq(map_get(&map, copy, size), &values[size]);
	}
	ck_assert_ptr_eq(map_get(&map, NULL, 0), &values[0]);
	ck_assert_uint_eq(map.count, sizeof(octets) + 1);
	map_deinit(&map);
	map_deinit(NULL);
}
END_TEST

START_TEST(a_put_replaces_value_and_key)
{
	char old[] = "key";
	struct map map;
	int one;
	int two;

	map_init(&map, 7);
	ck_assert_int_eq(map_put(&map, old, 3, &one), OK);
	ck_assert_int_eq(map_put(&map, "key", 3, &two), OK);
	memset(old, 'x', 3);
	ck_assert_ptr_eq(map_get(&map, "key", 3), &two);
	ck_assert_uint_eq(map.count, 1);
	ck_assert_ptr_eq(map_remove(&map, "key", 3), &two);
	ck_assert_ptr_null(map_remove(&map, "key", 3));
	map_deinit(&map);
}
END_TEST

START_TEST(any_order_of_changes_agrees_with_a_plain_array)
{
	static uint32_t keys[KEYS];
	static bool in[KEYS];
	struct map map;
	struct rand rand;
	size_t count = 0;

	map_init(&map, 42);
	rand_init(&rand, 3);
	for (uint32_t i = 0; i < KEYS; i++) {
		keys[i] = i * 2654435761u;
	}
	for (int step = 0; step < 100000; step++) {
		/* The range of keys moves, so that graves have to be cleared. */
		const size_t i = (rand_below(&rand, KEYS / 4) + (size_t)step / 50) % KEYS;

		if (rand_below(&rand, 2) == 0) {
			ck_assert_int_eq(map_put(&map, &keys[i], 4, &keys[i]), OK);
			count += !in[i];
			in[i] = true;
		} else {
			ck_assert_ptr_eq(map_remove(&map, &keys[i], 4), in[i] ? &keys[i] : NULL);
			count -= in[i];
			in[i] = false;
		}
		ck_assert_uint_eq(map.count, count);
	}
	for (size_t i = 0; i < KEYS; i++) {
		ck_assert_ptr_eq(map_get(&map, &keys[i], 4), in[i] ? &keys[i] : NULL);
	}
	ck_assert_uint_le(map.room, 4 * KEYS);
	map_deinit(&map);
}
END_TEST

START_TEST(iteration_gives_every_value_once)
{
	static int values[KEYS];
	static char keys[KEYS][8];
	struct map map;
	size_t at = 0;
	int *value;

	map_init(&map, 0);
	ck_assert_ptr_null(map_next(&map, &at));
	for (int i = 0; i < KEYS; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%d", i);
		ck_assert_int_eq(map_put(&map, keys[i], strlen(keys[i]), &values[i]), OK);
	}
	at = 0;
	while ((value = map_next(&map, &at)) != NULL) {
		(*value)++;
	}
	for (size_t i = 0; i < KEYS; i++) {
		ck_assert_int_eq(values[i], 1);
	}
	map_deinit(&map);
}
END_TEST

START_TEST(any_failed_allocation_leaves_the_map_as_it_was)
{
	static uint8_t keys[200];

	for (size_t i = 0; i < sizeof(keys); i++) {
		keys[i] = (uint8_t)i;
	}
	for (unsigned n = 0;; n++) {
		struct map map;
		int results[sizeof(keys)];
		size_t in = 0;

		map_init(&map, n);
		fail_alloc_after(n);
		for (size_t i = 0; i < sizeof(keys); i++) {
			results[i] = map_put(&map, &keys[i], 1, &keys[i]);
		}
		fail_alloc_off();
		for (size_t i = 0; i < sizeof(keys); i++) {
			const bool is_in = map_get(&map, &keys[i], 1) == &keys[i];

			ck_assert_int_eq(results[i], is_in ? OK : ERR_NOMEM);
			in += is_in;
		}
		ck_assert_uint_eq(map.count, in);
		map_deinit(&map);
		if (!fail_alloc_hit()) {
			ck_assert_uint_eq(in, sizeof(keys));
			break;
		}
		ck_assert_uint_eq(in, sizeof(keys) - 1);
	}
}
END_TEST

START_TEST(replacing_needs_no_memory)
{
	static char keys[12];
	struct map map;
	int failed = 0;

	map_init(&map, 1);
	for (size_t i = 0; i < sizeof(keys); i++) {
		keys[i] = (char)i;
		ck_assert_int_eq(map_put(&map, &keys[i], 1, &keys[i]), OK);
	}
	fail_alloc_after(0);
	for (size_t i = 0; i < sizeof(keys); i++) {
		failed += map_put(&map, &keys[i], 1, &map) != OK;
	}
	fail_alloc_off();
	ck_assert_int_eq(failed, 0);
	map_deinit(&map);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		keys_are_octets_of_any_length,
		a_put_replaces_value_and_key,
		any_order_of_changes_agrees_with_a_plain_array,
		iteration_gives_every_value_once,
		any_failed_allocation_leaves_the_map_as_it_was,
		replacing_needs_no_memory,
	};

	return run_tests("map", tests, COUNT_OF(tests));
}
