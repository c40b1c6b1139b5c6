#include "base/rand.h"
#include "tests/unit/run.h"

START_TEST(numbers_are_those_of_the_published_algorithm)
{
	/* The generator's first numbers for the state 1, 2, 3, 4. */
	static const uint64_t expected[] = {11520, 0, 1509978240, 1215971899390074240};
	struct rand rand = {.state = {1, 2, 3, 4}};

	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		ck_assert_uint_eq(rand_next(&rand), expected[i]);
	}
}
END_TEST

START_TEST(the_seed_decides_the_numbers)
{
	struct rand one;
	struct rand same;
	struct rand other;

	rand_init(&one, 5);
	rand_init(&same, 5);
	rand_init(&other, 6);
	/* splitmix64 of 0 begins with this number. */
	rand_init(&other, 0);
	ck_assert_uint_eq(other.state[0], 0xe220a8397b1dcdafu);
	for (int i = 0; i < 100; i++) {
		const uint64_t number = rand_next(&one);

		ck_assert_uint_eq(rand_next(&same), number);
		ck_assert_uint_ne(rand_next(&other), number);
	}
}
END_TEST

START_TEST(numbers_below_a_limit_are_even)
{
	static const uint32_t limits[] = {1, 2, 3, 7, 100};
	struct rand rand;

	rand_init(&rand, 9);
	for (size_t i = 0; i < COUNT_OF(limits); i++) {
		unsigned seen[100] = {0};

		for (unsigned round = 0; round < limits[i] * 1000; round++) {
			const uint32_t number = rand_below(&rand, limits[i]);

			ck_assert_uint_lt(number, limits[i]);
			seen[number]++;
		}
		for (size_t number = 0; number < limits[i]; number++) {
			ck_assert_uint_gt(seen[number], 850);
			ck_assert_uint_lt(seen[number], 1150);
		}
	}
	for (int i = 0; i < 1000; i++) {
		ck_assert_uint_lt(rand_below(&rand, 0xc0000000u), 0xc0000000u);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		numbers_are_those_of_the_published_algorithm,
		the_seed_decides_the_numbers,
		numbers_below_a_limit_are_even,
	};

	return run_tests("rand", tests, COUNT_OF(tests));
}
