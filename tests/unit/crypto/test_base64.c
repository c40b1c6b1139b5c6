#include "crypto/base64.h"

#include <string.h>

#include "base/err.h"
#include "tests/unit/run.h"

/* RFC 4648 section 10. */
START_TEST(the_vectors_of_the_standard_decode)
{
	static const struct {
		const char *text;
		const char *octets;
	} cases[] = {
		{"", ""},
		{"Zg==", "f"},
		{"Zm8=", "fo"},
		{"Zm9v", "foo"},
		{"Zm9vYg==", "foob"},
		{"Zm9vYmE=", "fooba"},
		{"Zm9vYmFy", "foobar"},
		{"++//", "\xfb\xef\xff"},
		{"AAAA", "\0\0\0"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const size_t size = strlen(cases[i].text);
		const size_t padding = size - strcspn(cases[i].text, "=");
		uint8_t out[16];

		ck_assert_int_eq(base64_decode(out, sizeof(out), cases[i].text, size),
				 (int)(size / 4 * 3 - padding));
		ck_assert_mem_eq(out, cases[i].octets, size / 4 * 3 - padding);
	}
}
END_TEST

START_TEST(anything_else_is_malformed)
{
	static const char *const cases[] = {
		"A",          "AA",   "AAA",    "AAAAA",     "=",        "====",     "A===",
		"=AAA",       "A=AA", "AA=A",   "AA==AAAA",  "AAA=AAAA", "AAAA====", "AAAA=",
		"AAA ",       " AAA", "AAAA\n", "AAA\n",     "AA-_",     "AAA!",     "AAA-",
		"AA\xc3\xa4", "AB==", "AAB=",   "////////A",
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t out[16];

		ck_assert_msg(base64_decode(out, sizeof(out), cases[i], strlen(cases[i])) ==
				      ERR_FORMAT,
			      "%s", cases[i]);
	}
	uint8_t out[16];
	ck_assert_int_eq(base64_decode(out, sizeof(out), "AA\0A", 4), ERR_FORMAT);
}
END_TEST

START_TEST(no_octet_goes_behind_the_room)
{
	uint8_t out[6];

	ck_assert_int_eq(base64_decode(out, 5, "Zm9vYmFy", 8), ERR_SPACE);
	ck_assert_int_eq(base64_decode(out, 6, "Zm9vYmFy", 8), 6);
	ck_assert_int_eq(base64_decode(out, 2, "Zg==", 4), ERR_SPACE);
	ck_assert_int_eq(base64_decode(out, 3, "Zg==", 4), 1);
	ck_assert_int_eq(base64_decode(out, 0, "", 0), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_vectors_of_the_standard_decode,
		anything_else_is_malformed,
		no_octet_goes_behind_the_room,
	};

	return run_tests("base64", tests, COUNT_OF(tests));
}
