#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"

START_TEST(memory_is_aligned_and_does_not_overlap)
{
	static const size_t sizes[] = {1, 7, 16, 0, 33, 100, 500, 3, 4096, 1, 250};
	uint8_t *data[COUNT_OF(sizes)];
	struct arena arena;

	arena_init(&arena, 256);
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		data[i] = arena_alloc(&arena, sizes[i]);
		ck_assert_ptr_nonnull(data[i]);
		ck_assert_uint_eq((uintptr_t)data[i] % _Alignof(max_align_t), 0);
		memset(data[i], (int)i, sizes[i]);
	}
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		for (size_t at = 0; at < sizes[i]; at++) {
			ck_assert_uint_eq(data[i][at], i);
		}
	}
	arena_deinit(&arena);
}
END_TEST

START_TEST(the_same_work_after_a_reset_allocates_nothing)
{
	struct arena arena;

	arena_init(&arena, 128);
	for (int round = 0; round < 5; round++) {
		bool failed = false;

		fail_alloc_after(1000);
		for (size_t i = 0; i < 40; i++) {
			failed |= arena_alloc(&arena, i * 13 % 300) == NULL;
		}
		fail_alloc_off();
		ck_assert(!failed);
		ck_assert(round == 0 || fail_alloc_count() == 0);
		arena_reset(&arena);
	}
	arena_deinit(&arena);
}
END_TEST

START_TEST(differing_work_keeps_a_bounded_number_of_blocks)
{
	struct arena arena;
	unsigned late = 0;

	arena_init(&arena, 64);
	for (unsigned round = 0; round < 2000; round++) {
		fail_alloc_after(100000);
		for (unsigned i = 0; i < 10; i++) {
			arena_alloc(&arena, (round * 7 + i * 31) % 500);
		}
		fail_alloc_off();
		late += round >= 1000 ? fail_alloc_count() : 0;
		arena_reset(&arena);
	}
	ck_assert_uint_eq(late, 0);
	arena_deinit(&arena);
}
END_TEST

START_TEST(a_reset_gives_up_what_is_over_eight_times_the_block)
{
	struct arena arena;
	void *small;
	void *large;

	arena_init(&arena, 64);
	ck_assert_ptr_nonnull(arena_alloc(&arena, 16));
	ck_assert_ptr_nonnull(arena_alloc(&arena, 64 * 9));
	arena_reset(&arena);
	fail_alloc_after(0);
	small = arena_alloc(&arena, 16);
	large = arena_alloc(&arena, 64 * 9);
	fail_alloc_off();
	ck_assert_ptr_nonnull(small);
	ck_assert_ptr_null(large);
	arena_deinit(&arena);
}
END_TEST

START_TEST(sizes_that_overflow_give_null)
{
	struct arena arena;

	arena_init(&arena, 64);
	ck_assert_ptr_null(arena_alloc(&arena, SIZE_MAX));
	ck_assert_ptr_null(arena_alloc(&arena, SIZE_MAX - 64));
	ck_assert_ptr_null(arena_calloc(&arena, SIZE_MAX / 2, 3));
	ck_assert_ptr_nonnull(arena_alloc(&arena, 1));
	arena_deinit(&arena);
}
END_TEST

START_TEST(calloc_clears_and_dup_copies)
{
	static const uint8_t zeros[96];
	struct arena arena;
	void *data;

	arena_init(&arena, 256);
	memset(arena_alloc(&arena, 256), 0xff, 256);
	arena_reset(&arena);
	data = arena_calloc(&arena, 8, 12);
	ck_assert_mem_eq(data, zeros, 96);
	ck_assert_mem_eq(arena_dup(&arena, "octets", 6), "octets", 6);
	ck_assert_ptr_nonnull(arena_dup(&arena, NULL, 0));
	arena_deinit(&arena);
	arena_deinit(NULL);
}
END_TEST

START_TEST(any_failed_allocation_leaves_the_arena_usable)
{
	for (unsigned n = 0;; n++) {
		struct arena arena;
		bool failed = false;

		arena_init(&arena, 64);
		fail_alloc_after(n);
		for (size_t i = 0; i < 10; i++) {
			failed |= arena_alloc(&arena, 50) == NULL;
		}
		fail_alloc_off();
		ck_assert(failed == fail_alloc_hit());
		ck_assert_ptr_nonnull(arena_alloc(&arena, 50));
		arena_deinit(&arena);
		if (!failed) {
			ck_assert_uint_ge(n, 5);
			break;
		}
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		memory_is_aligned_and_does_not_overlap,
		the_same_work_after_a_reset_allocates_nothing,
		differing_work_keeps_a_bounded_number_of_blocks,
		a_reset_gives_up_what_is_over_eight_times_the_block,
		sizes_that_overflow_give_null,
		calloc_clears_and_dup_copies,
		any_failed_allocation_leaves_the_arena_usable,
	};

	return run_tests("arena", tests, COUNT_OF(tests));
}
