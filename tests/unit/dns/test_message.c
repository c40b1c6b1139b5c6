#include <string.h>

#include "base/err.h"
#include "dns/message.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"

#define FORMERR DNS_RCODE_FORMERR
#define Q "0161 00 0001 0001" /* a. A IN */
#define RR_A "c00c 0001 0001 0000003c 0004 c0000201"
#define OPT "00 0029 04d0 00000000 0000"
#define TSIG "00 00fa 00ff 00000000 0011 00 00006a000000 012c 0000 1234 0000 0000"
#define HEAD(flags, qd, an, ns, ar) "1234" flags qd an ns ar

/* What comes of a message, and what of it is known to him who answers. */
static const struct {
	const char *wire;
	int result;
	bool has_question;
	bool has_opt;
	bool has_tsig;
} cases[] = {
	/* header */
	{"", ERR_CLOSED, false, false, false},
	{"1234 0000 0001 0000 0000 00", ERR_CLOSED, false, false, false},
	{HEAD("8000", "0001", "0000", "0000", "0000") Q, ERR_CLOSED, false, false, false},
	{HEAD("a800", "0000", "0000", "0000", "0000"), ERR_CLOSED, false, false, false},
	{HEAD("0800", "0001", "0000", "0000", "0000") Q, DNS_RCODE_NOTIMP, true, false, false},
	{HEAD("1000", "0001", "0000", "0000", "0001") Q OPT, DNS_RCODE_NOTIMP, true, true, false},
	{HEAD("1000", "0001", "0000", "0000", "0002") Q OPT, DNS_RCODE_NOTIMP, false, false, false},
	{HEAD("3000", "0000", "0000", "0000", "0001") OPT, DNS_RCODE_NOTIMP, false, false, false},
	{HEAD("1000", "0000", "0000", "0000", "0000"), DNS_RCODE_NOTIMP, false, false, false},
	{HEAD("1800", "0000", "0000", "0000", "0000"), DNS_RCODE_NOTIMP, false, false, false},
	{HEAD("3000", "0000", "0000", "0000", "0000"), DNS_RCODE_NOTIMP, false, false, false},
	{HEAD("7800", "ffff", "ffff", "ffff", "ffff"), DNS_RCODE_NOTIMP, false, false, false},
	{HEAD("0100", "0001", "0000", "0000", "0000") Q, OK, true, false, false},
	{HEAD("2000", "0001", "0000", "0000", "0000") Q, OK, true, false, false},
	{HEAD("2800", "0001", "0000", "0000", "0000") Q, OK, true, false, false},
	{HEAD("077f", "0001", "0000", "0000", "0000") Q, OK, true, false, false},

	/* questions: one */
	{HEAD("0000", "0000", "0000", "0000", "0000"), FORMERR, false, false, false},
	{HEAD("2800", "0000", "0000", "0000", "0000"), FORMERR, false, false, false},
	{HEAD("0000", "0002", "0000", "0000", "0000") Q Q, FORMERR, false, false, false},
	{HEAD("2800", "0002", "0000", "0000", "0000") Q Q, FORMERR, false, false, false},
	{HEAD("0000", "0000", "0000", "0000", "0001") OPT, FORMERR, false, true, false},
	{HEAD("0000", "0002", "0000", "0000", "0001") Q Q OPT, FORMERR, false, true, false},
	{HEAD("0000", "ffff", "0000", "0000", "0000") Q, FORMERR, false, false, false},
	{HEAD("0000", "0001", "0000", "0000", "0000"), FORMERR, false, false, false},
	{HEAD("0000", "0001", "0000", "0000", "0000") "0161 00 0001 00", FORMERR, false, false,
	 false},
	{HEAD("0000", "0001", "0000", "0000", "0000") "c00c 0001 0001", FORMERR, false, false,
	 false},
	{HEAD("0000", "0001", "0000", "0000", "0000") "c000 0001 0001", FORMERR, false, false,
	 false},
	{HEAD("0000", "0001", "0000", "0000", "0000") "4161 00 0001 0001", FORMERR, false, false,
	 false},

	/* records */
	{HEAD("0000", "0001", "0001", "0000", "0000") Q RR_A, OK, true, false, false},
	{HEAD("0000", "0001", "0001", "0001", "0001") Q RR_A RR_A RR_A, OK, true, false, false},
	{HEAD("0000", "0001", "0002", "0000", "0000") Q RR_A, FORMERR, true, false, false},
	{HEAD("0000", "0001", "0001", "0000", "0000") Q "c013 0001 0001 00000000 0000", FORMERR,
	 true, false, false},
	{HEAD("0000", "0001", "0001", "0000", "0000") Q "c00c 0001 0001 00000000 0004 c00002",
	 FORMERR, true, false, false},
	{HEAD("0000", "0001", "0001", "0000", "0000") Q "c00c 0001 0001 00000000 00", FORMERR, true,
	 false, false},
	/* RDATA is not looked into here */
	{HEAD("0000", "0001", "0001", "0000", "0000") Q "c00c 0001 0001 00000000 0001 ff", OK, true,
	 false, false},
	/* octets behind the last record */
	{HEAD("0000", "0001", "0000", "0000", "0000") Q "00", OK, true, false, false},
	{HEAD("2000", "0001", "0000", "0000", "0000") Q "00", OK, true, false, false},
	{HEAD("2800", "0001", "0000", "0000", "0000") Q "00", FORMERR, true, false, false},
	{HEAD("2800", "0001", "0000", "0001", "0000") Q RR_A "00", FORMERR, true, false, false},

	/* OPT */
	{HEAD("0000", "0001", "0000", "0000", "0001") Q OPT, OK, true, true, false},
	{HEAD("0000", "0001", "0000", "0000", "0002") Q RR_A OPT, OK, true, true, false},
	{HEAD("0000", "0001", "0000", "0000", "0002") Q OPT RR_A, OK, true, true, false},
	{HEAD("0000", "0001", "0000", "0000", "0002") Q OPT OPT, FORMERR, true, true, false},
	{HEAD("0000", "0001", "0001", "0000", "0000") Q OPT, FORMERR, true, false, false},
	{HEAD("0000", "0001", "0000", "0001", "0001") Q OPT OPT, FORMERR, true, false, false},
	{HEAD("0000", "0001", "0000", "0000", "0001") Q "0161 00 0029 04d0 00000000 0000", FORMERR,
	 true, false, false},
	{HEAD("0000", "0001", "0000", "0000", "0001") Q "c00e 0029 04d0 00000000 0000", FORMERR,
	 true, false, false}, /* the root, but by a pointer */
	{HEAD("0000", "0001", "0000", "0000", "0001") Q "00 0029 04d0 00000000 0004 00030001",
	 FORMERR, true, true, false},
	{HEAD("0000", "0001", "0000", "0000", "0001") Q "00 0029 04d0 00000000 0005 0002000100",
	 FORMERR, true, true, false},
	{HEAD("0000", "0001", "0000", "0000", "0001") Q "00 0029 04d0 00000000 0004 00030000", OK,
	 true, true, false},
	{HEAD("0000", "0001", "0000", "0000", "0001") Q "00 0029 04d0 00000000 0004 000300",
	 FORMERR, true, true, false},

	/* versions */
	{HEAD("0000", "0001", "0000", "0000", "0001") Q "00 0029 04d0 00010000 0000",
	 DNS_RCODE_BADVERS, true, true, false},
	{HEAD("0000", "0001", "0000", "0000", "0001") Q "00 0029 04d0 00ff0000 0004 00020001",
	 DNS_RCODE_BADVERS, true, true, false}, /* options of that version are not ours to judge */
	{HEAD("0000", "0001", "0000", "0000", "0001") Q "00 0029 04d0 00010000 0001", FORMERR, true,
	 true, false},
	{HEAD("0000", "0001", "0000", "0000", "0002") Q "00 0029 04d0 00010000 0000 ff", FORMERR,
	 true, true, false},
	{HEAD("0000", "0000", "0000", "0000", "0001") "00 0029 04d0 00010000 0000", FORMERR, false,
	 true, false},
	{HEAD("2800", "0001", "0000", "0000", "0001") Q "00 0029 04d0 00010000 0000 00", FORMERR,
	 true, true, false},

	/* TSIG */
	{HEAD("0000", "0001", "0000", "0000", "0001") Q TSIG, OK, true, false, true},
	{HEAD("2800", "0001", "0000", "0000", "0002") Q OPT TSIG, OK, true, true, true},
	{HEAD("2800", "0001", "0000", "0000", "0002") Q TSIG OPT, FORMERR, true, false, false},
	{HEAD("2800", "0001", "0000", "0000", "0002") Q TSIG TSIG, FORMERR, true, false, false},
	{HEAD("2800", "0001", "0000", "0001", "0000") Q TSIG, FORMERR, true, false, false},
	{HEAD("2800", "0001", "0001", "0000", "0001") Q TSIG TSIG, FORMERR, true, false, false},
	{HEAD("2800", "0001", "0000", "0000", "0001") Q "00 00fa 00ff 00000000 0001", FORMERR, true,
	 false, false},
};

START_TEST(each_fault_has_its_rcode)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t wire[256];
		const size_t size = hex_read(wire, sizeof(wire), cases[i].wire);
		uint8_t *exact = hex_exact(wire, size);
		struct dns_message message;

		memset(&message, 0xa5, sizeof(message));
		ck_assert_msg(dns_message_parse(&message, exact, size) == cases[i].result,
			      "case %zu: %s", i, cases[i].wire);
		if (cases[i].result != ERR_CLOSED) {
			ck_assert_uint_eq(message.id, 0x1234);
			ck_assert(message.has_question == cases[i].has_question);
			ck_assert(message.edns.present == cases[i].has_opt);
			ck_assert((message.tsig_at != 0) == cases[i].has_tsig);
		}
		free(exact);
	}
}
END_TEST

START_TEST(each_fault_is_told_in_words)
{
	static const struct {
		const char *wire;
		const char *fault;
	} faults[] = {
		{HEAD("0000", "0000", "0000", "0000", "0000"), "not exactly one question"},
		{HEAD("0000", "0002", "0000", "0000", "0001") Q Q "00 0029",
		 "not exactly one question"},
		{HEAD("0000", "0001", "0000", "0000", "0001") "c00c 0001 0001",
		 "the question is malformed, or cut"},
		{HEAD("0000", "0001", "0001", "0000", "0001") Q "c013 0001 0001 00000000 0000" OPT,
		 "a record is malformed, or cut"},
		{HEAD("0000", "0001", "0001", "0000", "0000") Q "c00c 0001 0001 00000000 0001",
		 "a record is malformed, or cut"},
		{HEAD("0000", "0001", "0000", "0000", "0002") Q OPT OPT,
		 "OPT comes twice, or has an owner"},
		{HEAD("0000", "0001", "0001", "0000", "0000") Q OPT,
		 "OPT is not in the additional section"},
		{HEAD("0000", "0001", "0000", "0000", "0001") Q "00 0029 04d0 00000000 0001 00",
		 "an EDNS option is malformed"},
		{HEAD("0000", "0001", "0000", "0000", "0001") Q "00 0029 04d0 00010000 0001",
		 "an EDNS option is malformed"},
		{HEAD("0000", "0001", "0000", "0000", "0002") Q TSIG OPT,
		 "TSIG is not the last record"},
		{HEAD("2800", "0001", "0000", "0000", "0000") Q "00",
		 "octets stand behind the last record"},
		{HEAD("0000", "0001", "0000", "0000", "0001") Q "00 0029 04d0 00010000 0000",
		 "this is EDNS version 0"},
	};

	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		struct dns_message message;
		uint8_t octets[256];
		const size_t size = hex_read(octets, sizeof(octets), faults[i].wire);

		ck_assert_int_gt(dns_message_parse(&message, octets, size), 0);
		ck_assert_ptr_nonnull(message.fault);
		ck_assert_str_eq(message.fault, faults[i].fault);
	}
}
END_TEST

/* An OPT that is all there is behind the question is read by itself. */
START_TEST(an_OPT_alone_is_read_as_one_with_another_record)
{
	uint8_t octets[64];
	const size_t size = hex_read(octets, sizeof(octets),
				     HEAD("0000", "0001", "0000", "0000", "0001") Q OPT RR_A);
	const size_t alone =
		hex_read((uint8_t[64]){0}, 64, HEAD("0000", "0001", "0000", "0000", "0001") Q OPT);

	/* Each octet of the OPT in turn, behind its type, takes each value. */
	for (size_t at = alone - 8; at < alone; at++) {
		const uint8_t before = octets[at];

		for (unsigned value = 0; value <= UINT8_MAX; value++) {
			struct dns_message one;
			struct dns_message two;

			octets[at] = (uint8_t)value;
			octets[11] = 1;
			const int ret = dns_message_parse(&one, octets, alone);
			octets[11] = 2;
			/* Its length is right in both, or wrong in both. */
			if (at < alone - 2) {
				ck_assert_int_eq(dns_message_parse(&two, octets, size), ret);
				ck_assert_uint_eq(one.edns.present, two.edns.present);
				ck_assert_uint_eq(one.edns.version, two.edns.version);
				ck_assert_uint_eq(one.edns.dnssec_ok, two.edns.dnssec_ok);
				ck_assert_uint_eq(one.edns.udp_size, two.edns.udp_size);
				ck_assert_uint_eq(one.edns.cookie_size, two.edns.cookie_size);
				ck_assert_uint_eq(one.end, alone);
				ck_assert_uint_eq(one.start[DNS_ADDITIONAL],
						  two.start[DNS_ADDITIONAL]);
			} else {
				ck_assert_int_eq(ret, value == 0 ? OK : (int)FORMERR);
			}
		}
		octets[at] = before;
	}
}
END_TEST

START_TEST(a_cut_message_is_never_taken)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t wire[256];
		const size_t whole = hex_read(wire, sizeof(wire), cases[i].wire);
		struct dns_message message;

		if (cases[i].result != OK) {
			continue;
		}
		ck_assert_int_eq(dns_message_parse(&message, wire, whole), OK);
		for (size_t size = 0; size < message.end; size++) {
			uint8_t *exact = hex_exact(wire, size);
			struct dns_message cut;

			ck_assert_int_eq(dns_message_parse(&cut, exact, size),
					 size < DNS_HEADER_SIZE ? ERR_CLOSED : (int)FORMERR);
			free(exact);
		}
	}
}
END_TEST

START_TEST(header_question_and_edns_are_seen)
{
	uint8_t wire[256];
	struct dns_message message;
	const size_t size =
		hex_read(wire, sizeof(wire),
			 "abcd 2930 0001 0000 0000 0001 0341624300 0021 00fe"
			 "00 0029 0100 00008000 0010 0002 0008 00000001 00000002 0003 0000 00");

	ck_assert_int_eq(dns_message_parse(&message, wire, size - 1), OK);
	ck_assert_uint_eq(message.id, 0xabcd);
	ck_assert_uint_eq(message.flags, 0x2930);
	ck_assert_uint_eq(dns_message_opcode(&message), DNS_OPCODE_UPDATE);
	ck_assert_uint_eq(message.qname_size, 5);
	ck_assert_mem_eq(message.qname, "\3AbC", 5);
	ck_assert_uint_eq(message.qtype, DNS_TYPE_SRV);
	ck_assert_uint_eq(message.qclass, DNS_CLASS_NONE);
	ck_assert_uint_eq(message.edns.udp_size, 512);
	ck_assert(message.edns.dnssec_ok);
	ck_assert(message.edns.has_nsid);
	ck_assert(message.edns.lease.has_key);
	ck_assert_uint_eq(message.edns.lease.key_lease_s, 2);
	ck_assert_uint_eq(message.end, size - 1);
}
END_TEST

START_TEST(sections_are_walked_record_by_record)
{
	static const struct {
		enum dns_section section;
		const char *owner;
		uint16_t type;
		uint16_t class;
		uint32_t ttl;
		const char *rdata;
	} expected[] = {
		{DNS_PREREQUISITE, "a.", DNS_TYPE_ANY, DNS_CLASS_ANY, 0, ""},
		{DNS_UPDATE, "b.a.", DNS_TYPE_PTR, DNS_CLASS_IN, 60, "0163 0162 0161 00"},
		{DNS_UPDATE, "c.b.a.", DNS_TYPE_SRV, DNS_CLASS_IN, 60, "000000000035 0162 0161 00"},
		{DNS_ADDITIONAL, ".", DNS_TYPE_OPT, 1232, 0, ""},
	};
	uint8_t wire[256];
	struct dns_message message;
	const size_t size =
		hex_read(wire, sizeof(wire),
			 "0000 2800 0001 0001 0002 0001" Q "c00c 00ff 00ff 00000000 0000"
			 "0162 c00c 000c 0001 0000003c 0004 0163 c01f"
			 "c02d 0021 0001 0000003c 0008 000000000035 c01f" OPT);
	size_t at = 0;

	struct dns_rr kept[3];

	ck_assert_int_eq(dns_message_parse_keep(&message, wire, size, kept, 2), OK);
	ck_assert_ptr_null(message.records);
	ck_assert_int_eq(dns_message_parse_keep(&message, wire, size, kept, 3), OK);
	ck_assert_ptr_eq(message.records, kept);
	ck_assert_uint_eq(message.record_count, 3);
	for (enum dns_section section = DNS_QUESTION; section < DNS_SECTIONS; section++) {
		struct dns_walk walk = dns_walk(&message, section);
		struct dns_rr rr;

		while (dns_walk_next(&walk, &rr) == 1) {
			if (section != DNS_ADDITIONAL) {
				ck_assert(dns_name_equal(rr.owner, kept[at].owner));
				ck_assert_uint_eq(rr.type, kept[at].type);
				ck_assert_uint_eq(rr.class, kept[at].class);
				ck_assert_uint_eq(rr.ttl, kept[at].ttl);
				ck_assert_uint_eq(rr.rdata_size, kept[at].rdata_size);
				ck_assert_uint_eq(rr.rdata_at, kept[at].rdata_at);
			}
			char text[DNS_NAME_TEXT_MAX];
			uint8_t rdata[64];
			uint8_t right[64];
			const size_t right_size =
				hex_read(right, sizeof(right), expected[at].rdata);
			struct buf_writer out = buf_writer(rdata, sizeof(rdata));

			ck_assert_int_eq(section, expected[at].section);
			ck_assert_str_eq(dns_name_to_text(text, rr.owner), expected[at].owner);
			ck_assert_uint_eq(rr.type, expected[at].type);
			ck_assert_uint_eq(rr.class, expected[at].class);
			ck_assert_uint_eq(rr.ttl, expected[at].ttl);
			ck_assert_int_eq(dns_rr_rdata(&message, &rr, &out), (int)right_size);
			ck_assert_mem_eq(rdata, right, right_size);
			at++;
		}
		ck_assert_int_eq(dns_walk_next(&walk, &rr), 0);
	}
	ck_assert_uint_eq(at, COUNT_OF(expected));
}
END_TEST

START_TEST(walking_what_was_not_parsed_ends)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t wire[256];
		const size_t size = hex_read(wire, sizeof(wire), cases[i].wire);
		uint8_t *exact = hex_exact(wire, size);
		struct dns_message message;

		if (dns_message_parse(&message, exact, size) != ERR_CLOSED) {
			struct dns_walk walk = dns_walk(&message, DNS_ADDITIONAL);
			struct dns_rr rr;

			while (dns_walk_next(&walk, &rr) == 1) {
			}
			ck_assert_int_eq(dns_walk_next(&walk, &rr), 0);
		}
		free(exact);
	}
}
END_TEST

START_TEST(no_octets_do_harm)
{
	/* Every octet of good messages, set to values that mean something. */
	static const uint8_t values[] = {0, 1, 12, 0x3f, 0x40, 0x80, 0xc0, 0xff};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t wire[256];
		const size_t size = hex_read(wire, sizeof(wire), cases[i].wire);
		uint8_t *exact = hex_exact(wire, size);

		for (size_t at = 0; at < size * COUNT_OF(values); at++) {
			struct dns_message message;
			struct dns_walk walk;
			struct dns_rr rr;
			uint8_t rdata[1024];

			exact[at / COUNT_OF(values)] = values[at % COUNT_OF(values)];
			if (dns_message_parse(&message, exact, size) == OK) {
				walk = dns_walk(&message, DNS_ADDITIONAL);
				while (dns_walk_next(&walk, &rr) == 1) {
					struct buf_writer out = buf_writer(rdata, sizeof(rdata));

					dns_rr_rdata(&message, &rr, &out);
				}
				ck_assert_uint_eq(walk.left, 0);
			}
			exact[at / COUNT_OF(values)] = wire[at / COUNT_OF(values)];
		}
		free(exact);
	}
}
END_TEST

START_TEST(nothing_is_allocated)
{
	uint8_t wire[256];
	const size_t size = hex_read(wire, sizeof(wire),
				     HEAD("0000", "0001", "0001", "0001", "0001") Q RR_A RR_A OPT);
	struct dns_message message;
	struct dns_walk walk;
	struct dns_rr rr;
	uint8_t rdata[64];
	struct buf_writer out = buf_writer(rdata, sizeof(rdata));

	fail_alloc_after(0);
	dns_message_parse(&message, wire, size);
	walk = dns_walk(&message, DNS_ANSWER);
	dns_walk_next(&walk, &rr);
	dns_rr_rdata(&message, &rr, &out);
	fail_alloc_off();
	ck_assert_uint_eq(fail_alloc_count(), 0);
	ck_assert_uint_eq(buf_written(&out), 4);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		each_fault_has_its_rcode,
		each_fault_is_told_in_words,
		an_OPT_alone_is_read_as_one_with_another_record,
		a_cut_message_is_never_taken,
		header_question_and_edns_are_seen,
		sections_are_walked_record_by_record,
		walking_what_was_not_parsed_ends,
		no_octets_do_harm,
		nothing_is_allocated,
	};

	return run_tests("message", tests, COUNT_OF(tests));
}
