#include "base/err.h"
#include "base/heap.h"
#include "base/rand.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"

#define ITEMS 500

static void check_places(const struct heap *heap)
{
	for (size_t i = 0; i < heap->count; i++) {
		ck_assert_uint_eq(heap->items[i]->place, i + 1);
		ck_assert_uint_le(heap->items[i == 0 ? 0 : (i - 1) / 2]->key, heap->items[i]->key);
	}
}

START_TEST(items_come_out_by_key)
{
	static struct heap_item items[ITEMS];
	struct heap heap;
	struct rand rand;
	uint64_t last = 0;

	heap_init(&heap);
	rand_init(&rand, 1);
	ck_assert_ptr_null(heap_first(&heap));
	for (size_t i = 0; i < ITEMS; i++) {
		ck_assert_int_eq(heap_insert(&heap, &items[i], rand_below(&rand, 100)), OK);
	}
	check_places(&heap);
	for (size_t i = 0; i < ITEMS; i++) {
		struct heap_item *first = heap_first(&heap);

		ck_assert_uint_ge(first->key, last);
		last = first->key;
		heap_remove(&heap, first);
		ck_assert_uint_eq(first->place, 0);
	}
	ck_assert_ptr_null(heap_first(&heap));
	heap_deinit(&heap);
}
END_TEST

START_TEST(any_order_of_changes_keeps_the_heap)
{
	static struct heap_item items[ITEMS];
	struct heap heap;
	struct rand rand;

	heap_init(&heap);
	rand_init(&rand, 2);
	for (int step = 0; step < 20000; step++) {
		struct heap_item *item = &items[rand_below(&rand, ITEMS)];
		const uint64_t key = rand_below(&rand, 1000);

		if (item->place == 0) {
			ck_assert_int_eq(heap_insert(&heap, item, key), OK);
		} else if (rand_below(&rand, 2) == 0) {
			heap_move(&heap, item, key);
			ck_assert_uint_eq(item->key, key);
		} else {
			heap_remove(&heap, item);
			heap_remove(&heap, item);
		}
		if (step % 100 == 0) {
			check_places(&heap);
		}
	}
	heap_deinit(&heap);
	heap_deinit(NULL);
	for (size_t i = 0; i < ITEMS; i++) {
		ck_assert_uint_eq(items[i].place, 0);
	}
}
END_TEST

START_TEST(reserved_inserts_cannot_fail)
{
	static struct heap_item items[ITEMS];
	struct heap heap;
	int failed = 0;

	heap_init(&heap);
	ck_assert_int_eq(heap_reserve(&heap, ITEMS), OK);
	ck_assert_int_eq(heap_reserve(&heap, SIZE_MAX), ERR_NOMEM);
	ck_assert_int_eq(heap_reserve(&heap, SIZE_MAX / sizeof(void *)), ERR_NOMEM);
	fail_alloc_after(0);
	for (size_t i = 0; i < ITEMS; i++) {
		failed += heap_insert(&heap, &items[i], ITEMS - i) != OK;
	}
	fail_alloc_off();
	ck_assert_int_eq(failed, 0);
	check_places(&heap);
	heap_deinit(&heap);
}
END_TEST

START_TEST(any_failed_allocation_leaves_the_heap_as_it_was)
{
	for (unsigned n = 0;; n++) {
		struct heap_item items[100] = {0};
		struct heap heap;
		int results[COUNT_OF(items)];
		size_t in = 0;

		heap_init(&heap);
		fail_alloc_after(n);
		for (size_t i = 0; i < COUNT_OF(items); i++) {
			results[i] = heap_insert(&heap, &items[i], COUNT_OF(items) - i);
		}
		fail_alloc_off();
		for (size_t i = 0; i < COUNT_OF(items); i++) {
			ck_assert_int_eq(results[i], items[i].place != 0 ? OK : ERR_NOMEM);
			in += results[i] == OK;
		}
		ck_assert_uint_eq(heap.count, in);
		check_places(&heap);
		heap_deinit(&heap);
		if (!fail_alloc_hit()) {
			ck_assert_uint_eq(in, COUNT_OF(items));
			break;
		}
		ck_assert_uint_eq(in, COUNT_OF(items) - 1);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		items_come_out_by_key,
		any_order_of_changes_keeps_the_heap,
		reserved_inserts_cannot_fail,
		any_failed_allocation_leaves_the_heap_as_it_was,
	};

	return run_tests("heap", tests, COUNT_OF(tests));
}
