/* What the main function of every unit test does. */
#pragma once

#include <check.h>
#include <stddef.h>
#include <stdlib.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/*
 * Runs the tests, each in a process of its own, between `before` and `after`, which may be NULL;
 * the exit status.
 */
static inline int run_tests_with(const char *name, const TTest *const *tests, size_t count,
				 SFun before, SFun after)
{
	Suite *suite = suite_create(name);
	TCase *all = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, all);
	tcase_set_timeout(all, 60);
	tcase_add_checked_fixture(all, before, after);
	for (size_t i = 0; i < count; i++) {
		tcase_add_test(all, tests[i]);
	}
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static inline int run_tests(const char *name, const TTest *const *tests, size_t count)
{
	return run_tests_with(name, tests, count, NULL, NULL);
}
