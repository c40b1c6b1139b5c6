#include <string.h>

#include "libclient/error.h"
#include "libclient/target.h"
#include "libclient/waggle.h"
#include "tests/unit/run.h"

START_TEST(a_name_says_what_it_is)
{
	static const struct {
		const char *text;
		enum wgl_kind kind;
		bool is_relative;
		const char *full; /* in the zone svc.example */
	} cases[] = {
		{"_http._tcp", WGL_TYPE, true, "_http._tcp.svc.example."},
		{"_HTTP._Tcp.", WGL_TYPE, true, "_HTTP._Tcp.svc.example."},
		{"_http._tcp.other", WGL_TYPE, false, "_http._tcp.other."},
		{"_sip._udp.a.b.", WGL_TYPE, false, "_sip._udp.a.b."},
		{"web-1._http._tcp", WGL_INSTANCE, true, "web-1._http._tcp.svc.example."},
		{"web-1._http._tcp.x", WGL_INSTANCE, false, "web-1._http._tcp.x."},
		{"J\\.Smith's Printer._ipp._tcp", WGL_INSTANCE, true,
		 "J\\.Smith's\\032Printer._ipp._tcp.svc.example."},
		{"Caf\xc3\xa9._http._tcp", WGL_INSTANCE, true,
		 "Caf\\195\\169._http._tcp.svc.example."},
		{"a\\092b._http._tcp", WGL_INSTANCE, true, "a\\\\b._http._tcp.svc.example."},
		{"_printer._sub._http._tcp", WGL_SUBTYPE, true,
		 "_printer._sub._http._tcp.svc.example."},
		/* The last pair counts: what stands before it may look like another. */
		{"_a._tcp._b._tcp.x", WGL_TYPE, false, NULL},
		{"_x._http._tcp", WGL_INSTANCE, true, "_x._http._tcp.svc.example."},
		{"example.org", WGL_DOMAIN, false, "example.org."},
		{"_http.example", WGL_DOMAIN, false, "_http.example."},
		{".", WGL_DOMAIN, false, "."},
	};
	static const uint8_t zone[] = "\3svc\7example";

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct wgl_target target;
		uint8_t full[DNS_NAME_MAX];
		char text[DNS_NAME_TEXT_MAX];

		if (cases[i].full == NULL) {
			ck_assert_int_eq(wgl_target_parse(&target, cases[i].text), WAGGLE_ERR_NAME);
			continue;
		}
		ck_assert_msg(wgl_target_parse(&target, cases[i].text) == WAGGLE_OK, "%s",
			      cases[i].text);
		ck_assert_msg(target.kind == cases[i].kind, "%s", cases[i].text);
		ck_assert_msg(target.is_relative == cases[i].is_relative, "%s", cases[i].text);
		ck_assert_int_eq(wgl_target_full(full, &target, zone), WAGGLE_OK);
		ck_assert_str_eq(dns_name_to_text(text, full), cases[i].full);
	}
}
END_TEST

START_TEST(what_is_no_name_is_refused)
{
	static const char *const cases[] = {
		"",
		"@",
		"a..b",
		"\\",
		"\\25",
		"\\256",
		"a.b._http._tcp",
		"a._sub.b._http._tcp",
		"0123456789012345678901234567890123456789012345678901234567890123._http._tcp",
	};
	struct wgl_target target;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		ck_assert_msg(wgl_target_parse(&target, cases[i]) == WAGGLE_ERR_NAME, "%s",
			      cases[i]);
	}
}
END_TEST

START_TEST(a_name_too_long_for_the_zone_is_refused)
{
	uint8_t zone[DNS_NAME_MAX];
	struct wgl_target target;
	uint8_t full[DNS_NAME_MAX];
	char text[256];

	memset(text, 'a', sizeof(text));
	text[63] = text[127] = text[191] = '.';
	text[250] = '\0';
	ck_assert_int_eq(wgl_domain_from_text(zone, text), WAGGLE_OK);
	ck_assert_int_eq(wgl_target_parse(&target, "_http._tcp"), WAGGLE_OK);
	ck_assert_int_eq(wgl_target_full(full, &target, zone), WAGGLE_ERR_NAME);
}
END_TEST

START_TEST(the_domain_stands_behind_the_service)
{
	static const uint8_t with[] = "\5web-1\5_http\4_tcp\3svc\7example";
	static const uint8_t without[] = "\2h1\3svc\7example";

	ck_assert(dns_name_equal(wgl_domain_of(with), (const uint8_t *)"\3svc\7example"));
	ck_assert(dns_name_equal(wgl_domain_of(without), without));
}
END_TEST

START_TEST(a_label_is_text_without_escapes)
{
	uint8_t label[DNS_LABEL_MAX + 1];
	char long_text[65];

	ck_assert_int_eq(wgl_label_from_text(label, "a.b\\c d"), WAGGLE_OK);
	ck_assert_int_eq(label[0], 7);
	ck_assert_int_eq(memcmp(label + 1, "a.b\\c d", 7), 0);
	memset(long_text, 'x', 64);
	long_text[64] = '\0';
	ck_assert_int_eq(wgl_label_from_text(label, long_text), WAGGLE_ERR_NAME);
	long_text[63] = '\0';
	ck_assert_int_eq(wgl_label_from_text(label, long_text), WAGGLE_OK);
	ck_assert_int_eq(wgl_label_from_text(label, ""), WAGGLE_ERR_NAME);
	ck_assert_int_eq(wgl_label_from_text(label, "a\tb"), WAGGLE_ERR_NAME);
	ck_assert_int_eq(wgl_label_from_text(label, "\xff"), WAGGLE_ERR_NAME);
}
END_TEST

START_TEST(text_of_strangers_is_cleaned_and_cut_between_characters)
{
	static const struct {
		const char *text;
		size_t room;
		const char *clean;
	} cases[] = {
		{"plain", 16, "plain"},
		{"a\nb\x1b[1m\x7f", 16, "a?b?[1m?"},
		{"\xc3\xa9\xc3", 16, "\xc3\xa9?"},
		{"\xed\xa0\x80", 16, "???"}, /* a surrogate */
		{"\xc0\xaf", 16, "??"}, /* too long a form */
		{"\xc2\x85", 16, "??"}, /* C1 */
		{"ab\xc3\xa9", 4, "ab"}, /* half a character does not fit */
		{"\xf0\x9f\x90\x9d", 8, "\xf0\x9f\x90\x9d"},
		{"", 1, ""},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char out[16];

		wgl_text_clean(out, cases[i].room, (const uint8_t *)cases[i].text,
			       strlen(cases[i].text));
		ck_assert_str_eq(out, cases[i].clean);
	}
}
END_TEST

START_TEST(every_code_has_a_text)
{
	for (int code = 0; code >= WAGGLE_ERR_SNAPSHOT; code--) {
		ck_assert_str_ne(waggle_error_text(code), "unknown error");
	}
	ck_assert_str_eq(waggle_error_text(1), "unknown error");
	ck_assert_str_eq(waggle_error_text(WAGGLE_ERR_SNAPSHOT - 1), "unknown error");
	ck_assert_str_eq(waggle_error_text(-1000000), "unknown error");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_name_says_what_it_is,
		what_is_no_name_is_refused,
		a_name_too_long_for_the_zone_is_refused,
		the_domain_stands_behind_the_service,
		a_label_is_text_without_escapes,
		text_of_strangers_is_cleaned_and_cut_between_characters,
		every_code_has_a_text,
	};

	return run_tests("target", tests, COUNT_OF(tests));
}
