#include "base/memory.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"

START_TEST(what_is_written_is_there_and_ends_with_nul)
{
	struct memory_stream stream;
	size_t size = 7;
	char *text;

	ck_assert_int_eq(memory_open(&stream), OK);
	ck_assert_int_eq(memory_close(&stream, &text, &size), OK);
	ck_assert_uint_eq(size, 0);
	ck_assert_str_eq(text, "");
	free(text);
	ck_assert_int_eq(memory_open(&stream), OK);
	for (int i = 0; i < 10000; i++) {
		ck_assert_int_eq(ftell(stream.file), i * 6);
		fprintf(stream.file, "%05d\n", i);
	}
	ck_assert_int_eq(memory_close(&stream, &text, &size), OK);
	ck_assert_uint_eq(size, 60000);
	ck_assert_uint_eq(strlen(text), size);
	ck_assert_mem_eq(text + 6 * 4711, "04711\n", 6);
	free(text);
}
END_TEST

/* Each step of its growth fails once, at the end as well as in the midst. */
START_TEST(what_is_lost_is_told)
{
	unsigned failures = 0;

	for (unsigned n = 0;; n++) {
		struct memory_stream stream;
		char *text;

		ck_assert_int_eq(memory_open(&stream), OK);
		fail_alloc_after(n);
		for (int i = 0; i < 10000; i++) {
			fprintf(stream.file, "%05d\n", i);
		}
		const int ret = memory_close(&stream, &text, NULL);
		fail_alloc_off();
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(ret, OK);
			free(text);
			break;
		}
		ck_assert_int_eq(ret, ERR_NOMEM);
		ck_assert_ptr_null(text);
		failures++;
	}
	ck_assert_uint_gt(failures, 2);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_is_written_is_there_and_ends_with_nul,
		what_is_lost_is_told,
	};

	return run_tests("memory", tests, COUNT_OF(tests));
}
