#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/unit/run.h"

/* Standard error becomes one end of a packet socket, so that each write(2) is one packet. */
static int capture(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
	return ends[0];
}

static void be_the_journal(void)
{
	struct stat status;
	char stream[64];

	ck_assert_int_eq(fstat(STDERR_FILENO, &status), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)status.st_dev,
		 (unsigned long long)status.st_ino);
	ck_assert_int_eq(setenv("JOURNAL_STREAM", stream, 1), 0);
}

static const char *next_line(int end)
{
	static char line[8192];
	const ssize_t size = read(end, line, sizeof(line) - 1);

	line[size < 0 ? 0 : size] = '\0';
	return line;
}

START_TEST(a_line_is_one_write_in_logfmt)
{
	const int end = capture();

	be_the_journal();
	log_line(LOG_LEVEL_INFO, "zone loaded", "zone=%s serial=%u", "a.test.", 7u);
	log_line(LOG_LEVEL_ERROR, "store failed", "%s", "");
	log_line(LOG_LEVEL_WARNING, "odd", "a=%s", "b\nlevel=error msg=forged\r");
	ck_assert_str_eq(next_line(end), "level=info msg=\"zone loaded\" zone=a.test. serial=7\n");
	ck_assert_str_eq(next_line(end), "level=error msg=\"store failed\" \n");
	ck_assert_str_eq(next_line(end), "level=warning msg=\"odd\" a=b level=error msg=forged \n");
	ck_assert_str_eq(next_line(end), "");
	close(end);
}
END_TEST

START_TEST(outside_of_the_journal_the_time_comes_first)
{
	static const char *const pattern = "^time=20[0-9][0-9]-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:"
					   "[0-9]{2}\\.[0-9]{3}Z level=info msg=\"here\" a=1\n$";
	static const char *const streams[] = {NULL, "", "0:0", "words"};
	const int end = capture();
	regex_t regex;

	ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	for (size_t i = 0; i < COUNT_OF(streams); i++) {
		unsetenv("JOURNAL_STREAM");
		if (streams[i] != NULL) {
			setenv("JOURNAL_STREAM", streams[i], 1);
		}
		log_line(LOG_LEVEL_INFO, "here", "a=%d", 1);
		ck_assert_int_eq(regexec(&regex, next_line(end), 0, NULL, 0), 0);
	}
	regfree(&regex);
	close(end);
}
END_TEST

START_TEST(a_long_line_is_cut_but_ends)
{
	const int end = capture();
	char value[4096];

	memset(value, 'x', sizeof(value));
	for (size_t size = 1900; size < 2200; size++) {
		const char *line;

		log_line(LOG_LEVEL_ERROR, "long", "value=%.*s", (int)size, value);
		line = next_line(end);
		ck_assert_uint_le(strlen(line), 2048);
		ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
	}
	log_line(LOG_LEVEL_ERROR, "none", "value=%.*s", 4095, value);
	ck_assert_uint_gt(strlen(next_line(end)), 2000);
	close(end);
}
END_TEST

START_TEST(lines_above_the_level_are_dropped)
{
	const int end = capture();

	log_line(LOG_LEVEL_DEBUG, "no", "a=%d", 1);
	ck_assert_str_eq(next_line(end), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_line(LOG_LEVEL_DEBUG, "yes", "a=%d", 1);
	ck_assert_str_ne(next_line(end), "");
	log_set_level(LOG_LEVEL_ERROR);
	log_line(LOG_LEVEL_WARNING, "no", "a=%d", 1);
	ck_assert_str_eq(next_line(end), "");
	close(end);
}
END_TEST

START_TEST(errno_survives_a_line)
{
	close(STDERR_FILENO);
	errno = EXDEV;
	log_line(LOG_LEVEL_ERROR, "unheard", "a=%d", 1);
	ck_assert_int_eq(errno, EXDEV);
}
END_TEST

START_TEST(values_are_quoted_where_needed)
{
	static const struct {
		const char *text;
		size_t size;
		const char *quoted;
	} cases[] = {
		{"plain", 32, "plain"},
		{"a.b-c_d:1/2", 32, "a.b-c_d:1/2"},
		{"", 32, "\"\""},
		{"two words", 32, "\"two words\""},
		{"a=b", 32, "\"a=b\""},
		{"say \"hi\" \\", 32, "\"say \\\"hi\\\" \\\\\""},
		{"line\nbreak\x1b[0m", 32, "\"line\\nbreak\\x1b[0m\""},
		{"caf\xc3\xa9", 32, "\"caf\\xc3\\xa9\""},
		{"plainlong", 6, "plain"},
		{"two words", 6, "\"two\""},
		{"a \"b", 6, "\"a \""},
		{"a b", 3, "\"\""},
		{"a b", 2, "\"\""},
		{"a b", 0, "\"\""},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char out[33];

		memset(out, '#', sizeof(out));
		ck_assert_str_eq(log_quote(out, cases[i].size, cases[i].text), cases[i].quoted);
		ck_assert_int_eq(out[cases[i].size], '#');
	}
}
END_TEST

START_TEST(at_most_a_burst_of_lines_in_a_second)
{
	struct log_limit limit = {0};
	uint32_t left_out = 9;

	for (uint32_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(log_room(&limit, 5000, 3), 3 - i);
		ck_assert(log_may(&limit, 5000, 3, &left_out));
		ck_assert_uint_eq(left_out, 0);
	}
	ck_assert_uint_eq(log_room(&limit, 5999, 3), 0);
	for (int i = 0; i < 4; i++) {
		ck_assert(!log_may(&limit, 5999, 3, &left_out));
	}
	ck_assert(log_may(&limit, 6000, 3, &left_out));
	ck_assert_uint_eq(left_out, 4);
	ck_assert(log_may(&limit, 6000, 3, &left_out));
	ck_assert_uint_eq(left_out, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_line_is_one_write_in_logfmt,
		outside_of_the_journal_the_time_comes_first,
		a_long_line_is_cut_but_ends,
		lines_above_the_level_are_dropped,
		errno_survives_a_line,
		values_are_quoted_where_needed,
		at_most_a_burst_of_lines_in_a_second,
	};

	return run_tests("log", tests, COUNT_OF(tests));
}
