#include <string.h>

#include "base/err.h"
#include "dns/edns.h"
#include "dns/types.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"

START_TEST(options_are_read)
{
	static const struct {
		const char *options;
		int result;
		struct dns_edns edns;
	} cases[] = {
		{"", OK, {0}},
		{"0002 0004 00000e10",
		 OK,
		 {.lease = {.present = true, .lease_s = 3600, .key_lease_s = 3600}}},
		{"0002 0008 00000e10 00093a80",
		 OK,
		 {.lease = {.present = true,
			    .has_key = true,
			    .lease_s = 3600,
			    .key_lease_s = 604800}}},
		{"0002 0004 00000001 0002 0004 00000002",
		 OK, /* the first one counts */
		 {.lease = {.present = true, .lease_s = 1, .key_lease_s = 1}}},
		{"0002 0000", ERR_FORMAT, {0}},
		{"0002 0005 0000000000", ERR_FORMAT, {0}},
		{"0002 000c 000000000000000000000000", ERR_FORMAT, {0}},
		{"0003 0000", OK, {.has_nsid = true}},
		{"0003 0002 6161", OK, {.has_nsid = true}},
		{"000a 0008 0102030405060708", OK, {0}},
		{"000a 0010 01020304050607080102030405060708", OK, {0}},
		{"000a 0009 010203040506070809", ERR_FORMAT, {0}},
		{"000a 0000", ERR_FORMAT, {0}},
		{"000a 000f 010203040506070801020304050607", ERR_FORMAT, {0}},
		{"0008 0001 00", OK, {0}}, /* client subnet, cut: not ours */
		{"fea2 0004 00000001", OK, {0}}, /* private use */
		{"ffff 0000 0003 0000", OK, {.has_nsid = true}},
		{"0003", ERR_FORMAT, {0}},
		{"0003 00", ERR_FORMAT, {0}},
		{"0003 0001", ERR_FORMAT, {0}},
		{"fea2 0004 000000", ERR_FORMAT, {0}},
		{"fea2 ffff 000000", ERR_FORMAT, {0}},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t octets[64];
		const size_t size = hex_read(octets, sizeof(octets), cases[i].options);
		uint8_t *exact = hex_exact(octets, size);
		struct buf_reader reader = buf_reader(exact, size);
		struct dns_edns edns = {0};

		ck_assert_int_eq(dns_edns_read(&edns, &reader, (uint16_t)size), cases[i].result);
		ck_assert(reader.failed == (cases[i].result != OK));
		if (cases[i].result == OK) {
			const struct dns_lease *lease = &cases[i].edns.lease;

			ck_assert(edns.has_nsid == cases[i].edns.has_nsid);
			ck_assert(edns.lease.present == lease->present);
			ck_assert(edns.lease.has_key == lease->has_key);
			ck_assert_uint_eq(edns.lease.lease_s, lease->lease_s);
			ck_assert_uint_eq(edns.lease.key_lease_s, lease->key_lease_s);
			ck_assert_uint_eq(buf_left(&reader), 0);
		}
		free(exact);
	}
}
END_TEST

START_TEST(a_keepalive_is_noted_with_its_length)
{
	static const struct {
		const char *text;
		bool is_odd;
	} cases[] = {
		{"000b 0000", false},
		{"000b 0002 0000", false},
		{"000b 0001 00", true},
		{"000b 0003 000000", true},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t octets[64];
		const size_t size = hex_read(octets, sizeof(octets), cases[i].text);
		struct buf_reader reader = buf_reader(octets, size);
		struct dns_edns edns = {0};

		ck_assert_int_eq(dns_edns_read(&edns, &reader, (uint16_t)size), OK);
		ck_assert(edns.has_keepalive);
		ck_assert_int_eq(edns.is_keepalive_odd, cases[i].is_odd);
	}
}
END_TEST

START_TEST(options_end_with_the_rdata)
{
	const uint8_t octets[] = {0, 3, 0, 1, 0x61, 0, 3, 0, 0};
	struct buf_reader reader = buf_reader(octets, sizeof(octets));
	struct dns_edns edns = {0};

	ck_assert_int_eq(dns_edns_read(&edns, &reader, 4), ERR_FORMAT);
	reader = buf_reader(octets, sizeof(octets));
	ck_assert_int_eq(dns_edns_read(&edns, &reader, 5), OK);
	ck_assert_uint_eq(buf_offset(&reader), 5);
	ck_assert_int_eq(dns_edns_read(&edns, &reader, 5), ERR_FORMAT);
}
END_TEST

START_TEST(replies_are_written_in_their_size)
{
	static const struct {
		struct dns_edns_reply reply;
		unsigned rcode;
		const char *wire;
	} cases[] = {
		{{.udp_size = 1232}, 0, "00 0029 04d0 00000000 0000"},
		{{.udp_size = 1232, .dnssec_ok = true},
		 DNS_RCODE_BADVERS,
		 "00 0029 04d0 01008000 0000"},
		{{.udp_size = 512, .lease = {.present = true, .lease_s = 1, .key_lease_s = 2}},
		 3,
		 "00 0029 0200 00000000 0008 0002 0004 00000001"},
		{{.udp_size = 512,
		  .lease = {.present = true, .has_key = true, .lease_s = 1, .key_lease_s = 2}},
		 0,
		 "00 0029 0200 00000000 000c 0002 0008 00000001 00000002"},
		{{.udp_size = 512, .has_ede = true, .ede = DNS_EDE_PROHIBITED},
		 5,
		 "00 0029 0200 00000000 0006 000f 0002 0012"},
		{{.udp_size = 512, .has_ede = true, .ede = DNS_EDE_OTHER, .ede_text = "rule"},
		 5,
		 "00 0029 0200 00000000 000a 000f 0006 0000 72756c65"},
		{{.udp_size = 512, .cookie = (const uint8_t *)"abcdefghijklmnopqrstuvwx"},
		 0,
		 "00 0029 0200 00000000 001c 000a 0018 "
		 "6162636465666768696a6b6c6d6e6f707172737475767778"},
		{{.udp_size = 512, .has_keepalive = true, .keepalive = 100},
		 0,
		 "00 0029 0200 00000000 0006 000b 0002 0064"},
		{{.udp_size = 512, .nsid = "ns1", .has_ede = true}, /* RFC 5001 2.3 */
		 0,
		 "00 0029 0200 00000000 000d 0003 0003 6e7331 000f 0002 0000"},
		{{.udp_size = 512, .has_ede = true, .ede_text = "", .lease = {.present = true}},
		 0,
		 "00 0029 0200 00000000 000e 0002 0004 00000000 000f 0002 0000"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t expected[64];
		uint8_t got[64];
		const size_t size = hex_read(expected, sizeof(expected), cases[i].wire);
		struct buf_writer out = buf_writer(got, size);

		ck_assert_uint_eq(dns_edns_size(&cases[i].reply), size);
		dns_edns_write(&out, &cases[i].reply, cases[i].rcode);
		ck_assert(!out.failed);
		ck_assert_uint_eq(buf_written(&out), size);
		ck_assert_mem_eq(got, expected, size);
	}
}
END_TEST

START_TEST(a_long_text_is_cut_between_characters)
{
	/* Octets of plain text, then characters of two octets. */
	for (size_t plain = 230; plain <= 242; plain++) {
		char text[400];
		uint8_t got[512];
		struct dns_edns_reply reply = {.has_ede = true, .ede_text = text};
		struct buf_writer out = buf_writer(got, sizeof(got));
		const size_t kept = plain >= 240 ? 240 : 240 - (240 - plain) % 2;

		memset(text, 'x', plain);
		for (size_t i = 0; i < 20; i++) {
			memcpy(text + plain + 2 * i, "\xc3\xa9", 3);
		}
		dns_edns_write(&out, &reply, 0);
		ck_assert_uint_eq(buf_written(&out), 11 + 4 + 2 + kept);
		ck_assert_uint_eq(dns_edns_size(&reply), buf_written(&out));
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		options_are_read,
		a_keepalive_is_noted_with_its_length,
		options_end_with_the_rdata,
		replies_are_written_in_their_size,
		a_long_text_is_cut_between_characters,
	};

	return run_tests("edns", tests, COUNT_OF(tests));
}
