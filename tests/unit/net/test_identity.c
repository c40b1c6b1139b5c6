#include <string.h>

#include "base/err.h"
#include "dns/types.h"
#include "net/identity.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"

#define HEAD "1234 0000 0001 0000 0000 0000"
#define VERSION_BIND "0776657273696f6e 0462696e64 00"
#define VERSION_SERVER "0756455253494f4e 06736572766572 00" /* in capitals (RFC 4343) */
#define ID_SERVER "026964 06736572766572 00"
#define HOSTNAME_BIND "08686f73746e616d65 0462696e64 00"

static struct dns_message question(const char *text)
{
	static uint8_t octets[100];
	const size_t size = hex_read(octets, sizeof(octets), text);
	struct dns_message message;

	ck_assert_int_eq(dns_message_parse(&message, octets, size), OK);
	return message;
}

START_TEST(only_what_is_switched_on_is_said) /* RFC 4892 */
{
	static const struct {
		const char *question;
		bool is_identity;
		bool is_version;
	} cases[] = {
		{HEAD VERSION_BIND "0010 0003", false, true},
		{HEAD VERSION_SERVER "0010 0003", false, true},
		{HEAD VERSION_SERVER "00ff 0003", false, true},
		{HEAD ID_SERVER "0010 0003", true, false},
		{HEAD HOSTNAME_BIND "0010 0003", true, false},
		{HEAD HOSTNAME_BIND "0001 0003", false, false},
		{HEAD "0462696e64 00 0010 0003", false, false},
		{HEAD "00 0010 0003", false, false},
	};
	const struct conf silent = {.path = NULL};
	const struct conf open = {.identity = (char *)"me", .version = (char *)"one"};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct dns_message message = question(cases[i].question);
		const char *text = identity_text(&open, &message);

		ck_assert_ptr_null(identity_text(&silent, &message));
		if (cases[i].is_identity || cases[i].is_version) {
			ck_assert_str_eq(text, cases[i].is_identity ? "me" : "one");
		} else {
			ck_assert_ptr_null(text);
		}
	}
}
END_TEST

START_TEST(the_answer_is_a_text_of_class_ch_with_authority)
{
	const struct dns_message message = question(HEAD ID_SERVER "0010 0003");
	uint8_t wire[512];
	uint8_t expected[512];
	const size_t size = hex_read(expected, sizeof(expected),
				     "1234 8400 0001 0001 0000 0000" ID_SERVER "0010 0003"
				     "c00c 0010 0003 00000000 0003 026d65");
	struct dns_writer writer;

	dns_writer_reply(&writer, wire, sizeof(wire), &message);
	identity_write(&writer, &message, "me");
	ck_assert_uint_eq(dns_writer_finish(&writer), size);
	ck_assert_mem_eq(wire, expected, size);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		only_what_is_switched_on_is_said,
		the_answer_is_a_text_of_class_ch_with_authority,
	};

	return run_tests("identity", tests, COUNT_OF(tests));
}
