#include <limits.h>
#include <string.h>

#include "base/err.h"
#include "tests/unit/run.h"

START_TEST(every_error_has_a_text_of_its_own)
{
	static const int errors[] = {OK,
#define ERR_ROW(name, value, text) ERR_##name,
				     ERR_TABLE(ERR_ROW)
#undef ERR_ROW
	};

	for (size_t i = 0; i < COUNT_OF(errors); i++) {
		ck_assert_int_eq(errors[i], -(int)i);
		ck_assert_str_ne(err_text(errors[i]), "unknown error");
		for (size_t j = 0; j < i; j++) {
			ck_assert_str_ne(err_text(errors[i]), err_text(errors[j]));
		}
	}
	ck_assert_str_eq(err_text(ERR_DENIED), "permission denied");
}
END_TEST

START_TEST(other_numbers_are_unknown_errors)
{
	static const int numbers[] = {1, INT_MAX, INT_MIN, INT_MIN + 1, -1000};

	for (size_t i = 0; i < COUNT_OF(numbers); i++) {
		ck_assert_str_eq(err_text(numbers[i]), "unknown error");
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_error_has_a_text_of_its_own,
		other_numbers_are_unknown_errors,
	};

	return run_tests("err", tests, COUNT_OF(tests));
}
