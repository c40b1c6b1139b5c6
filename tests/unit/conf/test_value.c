#include "conf/value.h"

#include <string.h>

#include "base/err.h"
#include "tests/unit/run.h"

START_TEST(numbers_take_the_suffixes_of_their_unit_only)
{
	static const struct {
		const char *text;
		const struct value_unit *unit;
		int ret;
		uint64_t number;
	} cases[] = {
		{"0", value_plain, OK, 0},
		{"007", value_plain, OK, 7},
		{"18446744073709551615", value_plain, OK, UINT64_MAX},
		{"18446744073709551616", value_plain, ERR_RANGE, 0},
		{"99999999999999999999999999999999", value_plain, ERR_RANGE, 0},
		{"", value_plain, ERR_FORMAT, 0},
		{"s", value_duration, ERR_FORMAT, 0},
		{"-1", value_plain, ERR_FORMAT, 0},
		{"+1", value_plain, ERR_FORMAT, 0},
		{" 1", value_plain, ERR_FORMAT, 0},
		{"1 ", value_plain, ERR_FORMAT, 0},
		{"1s", value_plain, ERR_FORMAT, 0},
		{"0x10", value_plain, ERR_FORMAT, 0},
		{"1e3", value_plain, ERR_FORMAT, 0},
		{"10", value_duration, OK, 10},
		{"10s", value_duration, OK, 10},
		{"5m", value_duration, OK, 300},
		{"2h", value_duration, OK, 7200},
		{"1d", value_duration, OK, 86400},
		{"1w", value_duration, OK, 604800},
		{"1y", value_duration, ERR_FORMAT, 0},
		{"1M", value_duration, ERR_FORMAT, 0},
		{"1h30m", value_duration, ERR_FORMAT, 0},
		{"1.5h", value_duration, ERR_FORMAT, 0},
		{"10 s", value_duration, ERR_FORMAT, 0},
		{"30500568904944w", value_duration, ERR_RANGE, 0},
		{"64KiB", value_octets, OK, 65536},
		{"16MiB", value_octets, OK, 16777216},
		{"1GiB", value_octets, OK, 1073741824},
		{"1kib", value_octets, ERR_FORMAT, 0},
		{"1K", value_octets, ERR_FORMAT, 0},
		{"1s", value_octets, ERR_FORMAT, 0},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint64_t number = 0;

		ck_assert_msg(value_number(&number, cases[i].text, cases[i].unit) == cases[i].ret,
			      "%s", cases[i].text);
		if (cases[i].ret == OK) {
			ck_assert_uint_eq(number, cases[i].number);
		}
	}
}
END_TEST

START_TEST(numbers_are_shown_in_their_largest_unit)
{
	static const struct {
		uint64_t number;
		const struct value_unit *unit;
		const char *text;
	} cases[] = {
		{0, value_duration, "0"},
		{1, value_duration, "1s"},
		{59, value_duration, "59s"},
		{60, value_duration, "1m"},
		{90, value_duration, "90s"},
		{86400, value_duration, "1d"},
		{1209600, value_duration, "2w"},
		{64, value_plain, "64"},
		{1 << 16, value_octets, "64KiB"},
		{1000, value_octets, "1000"},
		{UINT64_MAX, value_duration, "18446744073709551615s"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char text[VALUE_TEXT_MAX];

		ck_assert_str_eq(value_number_text(text, cases[i].number, cases[i].unit),
				 cases[i].text);
	}
}
END_TEST

START_TEST(a_network_is_its_octets_up_to_the_prefix)
{
	static const struct {
		const char *text;
		int ret;
		const char *network;
	} cases[] = {
		{"10.0.0.0/8", OK, "10.0.0.0/8"},
		{"10.1.2.3", OK, "10.1.2.3/32"},
		{"0.0.0.0/0", OK, "0.0.0.0/0"},
		{"10.128.0.0/9", OK, "10.128.0.0/9"},
		{"10.192.0.0/9", ERR_RANGE, "10.128.0.0/9"},
		{"255.255.255.255/31", ERR_RANGE, "255.255.255.254/31"},
		{"1.0.0.0/0", ERR_RANGE, "0.0.0.0/0"},
		{"fd00::/8", OK, "fd00::/8"},
		{"::1", OK, "::1/128"},
		{"::/0", OK, "::/0"},
		{"2001:db8::1/127", ERR_RANGE, "2001:db8::/127"},
		{"10.0.0.0/33", ERR_FORMAT, NULL},
		{"::/129", ERR_FORMAT, NULL},
		{"10.0.0.0/", ERR_FORMAT, NULL},
		{"10.0.0.0/-1", ERR_FORMAT, NULL},
		{"10.0.0/8", ERR_FORMAT, NULL},
		{"010.0.0.1", ERR_FORMAT, NULL},
		{"/8", ERR_FORMAT, NULL},
		{"", ERR_FORMAT, NULL},
		{"localhost", ERR_FORMAT, NULL},
		{"10.0.0.0/255.0.0.0", ERR_FORMAT, NULL},
		{"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", ERR_FORMAT, NULL},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf_net net;
		char text[VALUE_NET_TEXT_MAX];

		ck_assert_msg(value_net(&net, cases[i].text) == cases[i].ret, "%s", cases[i].text);
		if (cases[i].network != NULL) {
			ck_assert_str_eq(value_net_text(text, &net), cases[i].network);
		}
	}
}
END_TEST

START_TEST(a_type_is_two_labels_of_which_the_second_is_a_protocol)
{
	static const struct {
		const char *text;
		const char *name; /* NULL: none */
	} cases[] = {
		{"_http._tcp", "\5_http\4_tcp"},
		{"_HTTP._TCP.", "\5_http\4_tcp"},
		{"_sip._udp", "\4_sip\4_udp"},
		{"_http", NULL},
		{"http._tcp", NULL},
		{"_http._sctp", NULL},
		{"_http.tcp", NULL},
		{"_._tcp", NULL},
		{"_a._http._tcp", NULL},
		{"_http._tcp.example", NULL},
		{"", NULL},
		{".", NULL},
		{"_http.._tcp", NULL},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t name[DNS_NAME_MAX];
		const int ret = value_type(name, cases[i].text);

		ck_assert_msg((ret == OK) == (cases[i].name != NULL), "%s", cases[i].text);
		if (cases[i].name != NULL) {
			ck_assert_mem_eq(name, cases[i].name, strlen(cases[i].name) + 1);
		}
	}
}
END_TEST

START_TEST(foreign_text_is_quoted_cut_and_harmless)
{
	static const struct {
		const char *text;
		const char *quoted;
	} cases[] = {
		{"", "\"\""},
		{"plain", "\"plain\""},
		{"a\x1b[1m\n\x7f", "\"a?[1m??\""},
		{"\xc3\xa4", "\"\xc3\xa4\""},
		{"0123456789012345678901234567890123456789012345678901234567",
		 "\"012345678901234567890123456789012345678901234567890123456...\""},
		{"01234567890123456789012345678901234567890123456789012345\xc3\xa4",
		 "\"01234567890123456789012345678901234567890123456789012345...\""},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char text[VALUE_QUOTE_MAX];

		ck_assert_str_eq(value_quote(text, cases[i].text), cases[i].quoted);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		numbers_take_the_suffixes_of_their_unit_only,
		numbers_are_shown_in_their_largest_unit,
		a_network_is_its_octets_up_to_the_prefix,
		a_type_is_two_labels_of_which_the_second_is_a_protocol,
		foreign_text_is_quoted_cut_and_harmless,
	};

	return run_tests("value", tests, COUNT_OF(tests));
}
