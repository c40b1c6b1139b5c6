#include <stdint.h>

#include "tests/unit/run.h"
#include "zone/pages.h"

static uint8_t octet_at(size_t at)
{
	return (uint8_t)(at / 4096 + 1);
}

/* What was there, in its place, and nothing behind it. */
static void look(const uint8_t *pages, size_t size, size_t larger)
{
	ck_assert_uint_eq((uintptr_t)pages % PAGES_GRAIN, 0);
	for (size_t at = 0; at < larger; at += 511) {
		ck_assert_uint_eq(pages[at], at < size ? octet_at(at) : 0);
	}
	ck_assert_uint_eq(pages[larger - 1], 0);
}

START_TEST(pages_that_grow_keep_what_they_hold)
{
	static const size_t sizes[] = {PAGES_GRAIN, 2 * PAGES_GRAIN, 8 * PAGES_GRAIN,
				       9 * PAGES_GRAIN};
	uint8_t *pages = pages_alloc(sizes[0]);

	ck_assert_ptr_nonnull(pages);
	look(pages, 0, sizes[0]);
	for (size_t i = 1; i < COUNT_OF(sizes); i++) {
		for (size_t at = 0; at < sizes[i - 1]; at++) {
			pages[at] = octet_at(at);
		}
		pages = pages_grow(pages, sizes[i - 1], sizes[i]);
		ck_assert_ptr_nonnull(pages);
		look(pages, sizes[i - 1], sizes[i]);
	}
	pages_free(pages, sizes[COUNT_OF(sizes) - 1]);
	pages_free(NULL, PAGES_GRAIN);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {pages_that_grow_keep_what_they_hold};

	return run_tests("zone/pages", tests, COUNT_OF(tests));
}
