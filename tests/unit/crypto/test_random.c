#include <string.h>

#include "crypto/random.h"
#include "tests/unit/run.h"

START_TEST(all_octets_are_filled_and_no_more)
{
	static uint8_t octets[100000];
	unsigned seen[256] = {0};

	random_fill(octets, sizeof(octets) - 1);
	ck_assert_uint_eq(octets[sizeof(octets) - 1], 0);
	for (size_t i = 0; i + 1 < sizeof(octets); i++) {
		seen[octets[i]]++;
	}
	for (size_t i = 0; i < COUNT_OF(seen); i++) {
		ck_assert_uint_gt(seen[i], 200);
	}
	random_fill(octets, 0);
}
END_TEST

START_TEST(numbers_differ)
{
	ck_assert_uint_ne(random_u64(), random_u64());
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		all_octets_are_filled_and_no_more,
		numbers_differ,
	};

	return run_tests("random", tests, COUNT_OF(tests));
}
