#include <locale.h>
#include <string.h>

#include "tests/unit/run.h"
#include "waggle/client.h"
#include "waggle/say.h"

START_TEST(durations_have_the_two_units_that_matter)
{
	static const struct {
		uint64_t seconds;
		const char *expected;
	} cases[] = {
		{0, "0 s"},         {59, "59 s"},        {60, "1 min"},
		{90, "1 min 30 s"}, {599, "9 min 59 s"}, {601, "10 min"},
		{3600, "1 h"},      {3660, "1 h 1 min"}, {86399, "23 h 59 min"},
		{86400, "1 d"},     {90000, "1 d 1 h"},  {UINT64_MAX, "213503982334601 d 7 h"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char text[DURATION_TEXT];

		ck_assert_str_eq(duration_text(text, cases[i].seconds), cases[i].expected);
	}
}
END_TEST

START_TEST(what_would_move_the_cursor_is_escaped)
{
	char out[64];

	setlocale(LC_CTYPE, "C.UTF-8");
	ck_assert_str_eq(printable(out, sizeof(out), "a\tb\n\033[2J", 8, false),
			 "a\\009b\\010\\027[2J");
	ck_assert_str_eq(printable(out, sizeof(out), "Caf\xc3\xa9", 5, false), "Caf\xc3\xa9");
	ck_assert_str_eq(printable(out, sizeof(out),
				   "\xc2\x9b"
				   "2J",
				   4, true),
			 "\\194\\155"
			 "2J");
	ck_assert_str_eq(printable(out, sizeof(out), "\xff", 1, false), "\\255");
	ck_assert_str_eq(printable(out, sizeof(out), "\xff", 1, true), "\\255");
}
END_TEST

START_TEST(without_a_locale_a_terminal_gets_ascii_and_a_pipe_gets_octets)
{
	char out[64];

	setlocale(LC_CTYPE, "C");
	ck_assert_str_eq(printable(out, sizeof(out), "\xc3\xa9", 2, false), "\\195\\169");
	ck_assert_str_eq(printable(out, sizeof(out), "\xc3\xa9", 2, true), "\xc3\xa9");
}
END_TEST

START_TEST(text_that_does_not_fit_is_cut_between_characters)
{
	char out[6];

	setlocale(LC_CTYPE, "C.UTF-8");
	ck_assert_str_eq(printable(out, sizeof(out), "abcdefgh", 8, false), "abcde");
	ck_assert_str_eq(printable(out, sizeof(out), "abcd\xc3\xa9", 6, false), "abcd");
	ck_assert_str_eq(printable(out, sizeof(out), "ab\n", 3, false), "ab");
}
END_TEST

START_TEST(every_error_has_a_word_and_an_ending)
{
	for (int code = WAGGLE_ERR_SNAPSHOT; code <= WAGGLE_OK; code++) {
		ck_assert_str_ne(word_of(code), "unknown");
		ck_assert_int_eq(ending_of(code) == END_OK, code == WAGGLE_OK);
		for (int other = code + 1; other <= WAGGLE_OK; other++) {
			ck_assert_str_ne(word_of(code), word_of(other));
		}
	}
	ck_assert_int_eq(ending_of(WAGGLE_ERR_TIMEOUT), END_NO_ANSWER);
	ck_assert_int_eq(ending_of(WAGGLE_ERR_TAKEN), END_REFUSED);
	ck_assert_int_eq(ending_of(-1000), END_FAILED);
	ck_assert_str_eq(word_of(-1000), "unknown");
}
END_TEST

START_TEST(each_server_and_zone_has_a_snapshot_of_its_own)
{
	char one[SNAPSHOT_NAME_MAX];
	char other[SNAPSHOT_NAME_MAX];

	ck_assert_str_eq(snapshot_name(one, "127.0.0.1@5300", "SVC.example."),
			 "127.0.0.1@5300,svc.example.");
	ck_assert_str_eq(snapshot_name(one, "::1@53,10.0.0.1@53", NULL), "::1@53,10.0.0.1@53");
	ck_assert_str_eq(snapshot_name(one, "::1@53", "../a/b%."), "::1@53,..%2Fa%2Fb%25.");

	char zone[600];
	memset(zone, 'a', sizeof(zone));
	zone[sizeof(zone) - 1] = '\0';
	snapshot_name(one, "::1@53", zone);
	zone[sizeof(zone) - 2] = 'b';
	snapshot_name(other, "::1@53", zone);
	ck_assert_uint_le(strlen(one), 209);
	ck_assert_str_ne(one, other);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		durations_have_the_two_units_that_matter,
		what_would_move_the_cursor_is_escaped,
		without_a_locale_a_terminal_gets_ascii_and_a_pipe_gets_octets,
		text_that_does_not_fit_is_cut_between_characters,
		every_error_has_a_word_and_an_ending,
		each_server_and_zone_has_a_snapshot_of_its_own,
	};

	return run_tests("waggle say", tests, COUNT_OF(tests));
}
