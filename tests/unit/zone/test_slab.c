#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rand.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"
#include "zone/slab.h"

#define OBJECTS 20000

struct taken {
	uint8_t *at;
	size_t size;
	uint8_t class_of;
	uint8_t mark;
};

static struct taken taken[OBJECTS];

static bool is_all(const uint8_t *octets, size_t size, uint8_t mark)
{
	for (size_t i = 0; i < size; i++) {
		if (octets[i] != mark) {
			return false;
		}
	}
	return true;
}

static void take(struct slabs *slabs, struct taken *one, size_t size, uint8_t mark)
{
	*one = (struct taken){.size = size, .mark = mark};
	one->at = slabs_alloc(slabs, size, &one->class_of);
	ck_assert_ptr_nonnull(one->at);
	ck_assert_uint_eq((uintptr_t)one->at % sizeof(void *), 0);
	ck_assert(is_all(one->at, size, 0));
	memset(one->at, mark, size);
}

static void give_back(struct slabs *slabs, struct taken *one)
{
	ck_assert(is_all(one->at, one->size, one->mark));
	slabs_release(slabs, one->at, one->class_of);
	one->at = NULL;
}

START_TEST(objects_of_all_sizes_are_cleared_and_apart)
{
	struct slabs *slabs;
	struct rand rand;
	size_t count = 0;

	rand_init(&rand, 1);
	ck_assert_int_eq(slabs_new(&slabs), OK);
	for (int step = 0; step < 4 * OBJECTS; step++) {
		struct taken *one = &taken[rand_below(&rand, OBJECTS)];
		if (one->at != NULL) {
			give_back(slabs, one);
			count--;
		} else {
			const uint32_t most = rand_below(&rand, 8) == 0 ? 2 * SLAB_OBJECT_MAX : 100;
			take(slabs, one, 1 + rand_below(&rand, most), (uint8_t)(1 + step % 255));
			count++;
		}
	}
	ck_assert_uint_eq(slabs_count(slabs), count);
	for (size_t i = 0; i < OBJECTS; i++) {
		if (taken[i].at != NULL) {
			give_back(slabs, &taken[i]);
		}
	}
	ck_assert_uint_eq(slabs_count(slabs), 0);
	slabs_free(slabs);
}
END_TEST

static bool is_young(const struct slabs *slabs, const struct taken *one)
{
	return slabs_is_young(slabs, one->at, one->class_of);
}

START_TEST(what_was_made_after_a_hold_is_told_from_it)
{
	struct slabs *slabs;
	const size_t first = 3 * SLAB_APART;

	if (slab_class(1) == 0) {
		return; /* no slabs */
	}
	ck_assert_int_eq(slabs_new(&slabs), OK);
	take(slabs, &taken[0], 100, 1);
	slabs_hold(slabs);
	for (size_t i = 1; i < first; i++) {
		take(slabs, &taken[i], 100, 1);
		ck_assert_int_eq(is_young(slabs, &taken[i]), i >= SLAB_APART);
	}
	ck_assert(!is_young(slabs, &taken[0]));
	/* A place of before the hold is not given to what came after it; one of after it is. */
	uint8_t *young = taken[first - 1].at;
	give_back(slabs, &taken[1]);
	give_back(slabs, &taken[first - 1]);
	take(slabs, &taken[1], 100, 1);
	ck_assert_ptr_eq(taken[1].at, young);
	/* One more hold: now all are old. */
	slabs_hold(slabs);
	for (size_t i = 0; i < first - 1; i++) {
		ck_assert(!is_young(slabs, &taken[i]));
	}
	slabs_unhold(slabs);
	take(slabs, &taken[first - 1], 100, 1);
	take(slabs, &taken[first], 2 * SLAB_OBJECT_MAX, 1);
	ck_assert(!is_young(slabs, &taken[first]));
	for (size_t i = 0; i <= first; i++) {
		give_back(slabs, &taken[i]);
	}
	slabs_free(slabs);
}
END_TEST

START_TEST(a_slab_that_emptied_serves_another_size)
{
	struct slabs *slabs;
	size_t regions[3];

	ck_assert_int_eq(slabs_new(&slabs), OK);
	for (size_t round = 0; round < COUNT_OF(regions); round++) {
		fail_alloc_after(1000000);
		for (size_t i = 0; i < OBJECTS; i++) {
			taken[i].at = slabs_alloc(slabs, 64 + 8 * round, &taken[i].class_of);
		}
		fail_alloc_off();
		regions[round] = fail_alloc_count();
		for (size_t i = 0; i < OBJECTS; i++) {
			slabs_release(slabs, taken[i].at, taken[i].class_of);
		}
	}
	/* Where each object is an allocation of its own there is nothing to see. */
	if (slab_class(64) != 0) {
		ck_assert_uint_gt(regions[0], 0);
		ck_assert_uint_lt(regions[1] - OBJECTS, regions[0] - OBJECTS);
		ck_assert_uint_lt(regions[2] - OBJECTS, regions[0] - OBJECTS);
	}
	slabs_free(slabs);
}
END_TEST

struct met {
	size_t there;
	size_t gone;
};

/* Of two, the second is given back while they are walked over. */
static void meet(void *context, struct slabs *slabs, void *object)
{
	struct met *met = context;
	const uint8_t state = *(const uint8_t *)object;

	met->there += state == 1;
	if (state == 2) {
		slabs_release(slabs, object, slab_class(200));
		met->gone++;
	}
	ck_assert(state == 1 || state == 2 || state % 8 == 0);
}

START_TEST(all_objects_are_met_also_of_a_large_registry)
{
	enum { MANY = 100000 }; /* 20 MB: from malloc() and in pages */
	static uint8_t *objects[MANY];
	struct met met = {0};
	struct slabs *slabs;
	uint8_t class_of = 0;

	ck_assert_int_eq(slabs_new(&slabs), OK);
	for (size_t i = 0; i < MANY; i++) {
		objects[i] = slabs_alloc(slabs, 200, &class_of);
		ck_assert(is_all(objects[i], 200, 0));
		*objects[i] = 1 + i % 2;
	}
	/* One slab and more without any object. */
	for (size_t i = 1000; i < 2000; i++) {
		slabs_release(slabs, objects[i], class_of);
	}
	slabs_each(slabs, meet, &met);
	if (class_of != 0) {
		ck_assert_uint_eq(met.there, MANY / 2 - 500);
		ck_assert_uint_eq(met.gone, MANY / 2 - 500);
	}
	for (size_t i = 0; i < MANY; i++) {
		if ((i < 1000 || i >= 2000) && (class_of == 0 || i % 2 == 0)) {
			slabs_release(slabs, objects[i], class_of);
		}
	}
	ck_assert_uint_eq(slabs_count(slabs), 0);
	slabs_free(slabs);
}
END_TEST

START_TEST(nth_allocation_fails_cleanly)
{
	for (unsigned n = 0;; n++) {
		struct slabs *slabs = NULL;
		void *object = NULL;
		uint8_t class_of = 0;

		fail_alloc_after(n);
		const int ret = slabs_new(&slabs);
		if (ret == OK) {
			object = slabs_alloc(slabs, 40, &class_of);
		}
		fail_alloc_off();
		ck_assert((ret != OK || object == NULL) == fail_alloc_hit());
		if (object != NULL) {
			slabs_release(slabs, object, class_of);
		}
		slabs_free(slabs);
		if (!fail_alloc_hit()) {
			break;
		}
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		objects_of_all_sizes_are_cleared_and_apart,
		what_was_made_after_a_hold_is_told_from_it,
		a_slab_that_emptied_serves_another_size,
		all_objects_are_met_also_of_a_large_registry,
		nth_allocation_fails_cleanly,
	};

	return run_tests("zone/slab", tests, COUNT_OF(tests));
}
