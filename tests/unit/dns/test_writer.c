#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "dns/rrtype.h"
#include "dns/writer.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"

static const uint8_t *name(const char *text)
{
	static uint8_t names[4][DNS_NAME_MAX];
	static size_t next;
	uint8_t *out = names[next++ % COUNT_OF(names)];

	ck_assert_int_gt(dns_name_from_text(out, text, NULL), 0);
	return out;
}

/* RDATA from hex, each "name" between < and > in text form. */
static uint16_t rdata_read(uint8_t *out, const char *text)
{
	size_t size = 0;

	while (*text != '\0') {
		const char *end = strchr(text, '>');

		if (*text == '<') {
			char part[256];

			snprintf(part, sizeof(part), "%.*s", (int)(end - text - 1), text + 1);
			size += (size_t)dns_name_from_text(out + size, part, NULL);
			text = end + 1;
		} else {
			size += hex_read(out + size, 256, text);
			text += strcspn(text, "<");
		}
	}
	return (uint16_t)size;
}

static int add(struct dns_writer *writer, enum dns_section section, const char *owner,
	       uint16_t type, const char *rdata)
{
	uint8_t octets[512];
	const uint16_t size = rdata_read(octets, rdata);

	ck_assert_int_eq(dns_rdata_check(type, octets, size), OK);
	return dns_writer_rr(writer, section, name(owner), type, DNS_CLASS_IN, 60, octets, size);
}

/* A parsed query for `qname`. */
static struct dns_message query(const char *qname, uint16_t flags)
{
	struct dns_message request = {.id = 0xbeef,
				      .flags = flags,
				      .has_question = true,
				      .qtype = DNS_TYPE_SRV,
				      .qclass = DNS_CLASS_IN};

	request.qname_size = (uint16_t)dns_name_from_text(request.qname, qname, NULL);
	return request;
}

static void check_wire(const uint8_t *wire, size_t size, const char *expected)
{
	uint8_t right[1024];

	ck_assert_uint_eq(size, hex_read(right, sizeof(right), expected));
	ck_assert_mem_eq(wire, right, size);
}

START_TEST(a_reply_copies_what_it_must)
{
	static const struct {
		uint16_t flags;
		const char *wire;
	} cases[] = {
		{0x0000, "beef 8000 0001 0000 0000 0000 0141 0474457374 00 0021 0001"},
		{0x7fff, "beef f910 0001 0000 0000 0000 0141 0474457374 00 0021 0001"},
		{0x0110, "beef 8110 0001 0000 0000 0000 0141 0474457374 00 0021 0001"},
		{0x2800, "beef a800 0001 0000 0000 0000 0141 0474457374 00 0021 0001"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct dns_message request = query("A.tEst.", cases[i].flags);
		struct dns_writer writer;
		uint8_t wire[64];

		dns_writer_reply(&writer, wire, sizeof(wire), &request);
		check_wire(wire, dns_writer_finish(&writer), cases[i].wire);
		request.has_question = false;
		dns_writer_reply(&writer, wire, 12, &request);
		ck_assert_uint_eq(dns_writer_finish(&writer), 12);
		ck_assert_uint_eq(wire[5], 0);
	}
}
END_TEST

START_TEST(flags_and_rcode_change_alone)
{
	struct dns_writer writer;
	uint8_t wire[12];

	dns_writer_init(&writer, wire, sizeof(wire));
	dns_writer_flags(&writer, DNS_FLAG_AA | DNS_FLAG_TC, 0);
	dns_writer_rcode(&writer, DNS_RCODE_NXDOMAIN);
	check_wire(wire, 12, "0000 0603 0000 0000 0000 0000");
	dns_writer_flags(&writer, DNS_FLAG_QR, DNS_FLAG_TC);
	dns_writer_rcode(&writer, DNS_RCODE_BADVERS);
	check_wire(wire, 12, "0000 8400 0000 0000 0000 0000");
}
END_TEST

START_TEST(owners_point_at_the_question_in_its_spelling)
{
	const struct dns_message request = query("A.tEst.", 0);
	struct dns_writer writer;
	uint8_t wire[128];

	dns_writer_reply(&writer, wire, sizeof(wire), &request);
	ck_assert_int_eq(add(&writer, DNS_ANSWER, "a.test.", DNS_TYPE_A, "c0000201"), OK);
	ck_assert_int_eq(add(&writer, DNS_ANSWER, "b.TEST.", DNS_TYPE_A, "c0000202"), OK);
	ck_assert_int_eq(add(&writer, DNS_AUTHORITY, ".", DNS_TYPE_A, "c0000203"), OK);
	check_wire(wire, dns_writer_finish(&writer),
		   "beef 8000 0001 0002 0001 0000 0141 0474457374 00 0021 0001"
		   "c00c 0001 0001 0000003c 0004 c0000201"
		   "0162 c00e 0001 0001 0000003c 0004 c0000202"
		   "00 0001 0001 0000003c 0004 c0000203");
}
END_TEST

START_TEST(only_names_of_rfc_1035_are_compressed)
{
	static const struct {
		uint16_t type;
		const char *rdata;
		const char *written;
	} cases[] = {
		{DNS_TYPE_NS, "<a.test.>", "c00c"},
		{DNS_TYPE_CNAME, "<b.A.test.>", "0162 c00c"},
		{DNS_TYPE_PTR, "<b.test.>", "0162 c00e"},
		{DNS_TYPE_MX, "000a <a.test.>", "000a c00c"},
		{DNS_TYPE_MX, "000a <.>", "000a 00"},
		{DNS_TYPE_MINFO, "<x.test.><y.x.test.>", "0178 c00e 0179 c024"},
		{DNS_TYPE_SOA, "<ns.test.><ns.test.>0000000100000002000000030000000400000005",
		 "026e73 c00e c024 0000000100000002000000030000000400000005"},
		{DNS_TYPE_SRV, "000000010035 <a.test.>", "000000010035 0161 0474657374 00"},
		{DNS_TYPE_DNAME, "<a.test.>", "0161 0474657374 00"},
		{DNS_TYPE_NAPTR, "0001 0002 00 00 00 <a.test.>",
		 "0001 0002 00 00 00 0161 0474657374 00"},
		{DNS_TYPE_RP, "<a.test.><a.test.>", "0161 0474657374 00 0161 0474657374 00"},
		{DNS_TYPE_AFSDB, "0001 <a.test.>", "0001 0161 0474657374 00"},
		{DNS_TYPE_KX, "0001 <a.test.>", "0001 0161 0474657374 00"},
		{DNS_TYPE_RRSIG, "0001 05 00 00000000 00000001 00000002 03e8 <a.test.> ffff",
		 "0001 05 00 00000000 00000001 00000002 03e8 0161 0474657374 00 ffff"},
		{DNS_TYPE_SVCB, "0001 <a.test.>", "0001 0161 0474657374 00"},
		{DNS_TYPE_TXT, "0161 0474657374", "0161 0474657374"},
		{65280, "0161 0474657374 00", "0161 0474657374 00"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct dns_message request = query("a.test.", 0);
		uint8_t wire[256];
		uint8_t right[256];
		const size_t right_size = hex_read(right, sizeof(right), cases[i].written);
		struct dns_writer writer;
		size_t size;

		dns_writer_reply(&writer, wire, sizeof(wire), &request);
		ck_assert_int_eq(add(&writer, DNS_ANSWER, "a.test.", cases[i].type, cases[i].rdata),
				 OK);
		size = dns_writer_finish(&writer);
		/* header, question, then owner to RDLENGTH */
		ck_assert_msg(size == 12 + 12 + 12 + right_size, "type %u", cases[i].type);
		ck_assert_uint_eq(wire[35], right_size);
		ck_assert_mem_eq(wire + 36, right, right_size);
	}
}
END_TEST

START_TEST(targets_of_older_types_serve_later_names)
{
	const struct dns_message request = query("s.test.", 0);
	struct dns_writer writer;
	uint8_t wire[256];

	dns_writer_reply(&writer, wire, sizeof(wire), &request);
	ck_assert_int_eq(
		add(&writer, DNS_ANSWER, "s.test.", DNS_TYPE_SRV, "000000010035 <h.test.>"), OK);
	ck_assert_int_eq(add(&writer, DNS_ADDITIONAL, "h.test.", DNS_TYPE_A, "c0000201"), OK);
	ck_assert_int_eq(add(&writer, DNS_ADDITIONAL, "h.test.", DNS_TYPE_SVCB, "0001<p.test.>"),
			 OK);
	ck_assert_int_eq(add(&writer, DNS_ADDITIONAL, "p.test.", DNS_TYPE_A, "c0000202"), OK);
	check_wire(wire, dns_writer_finish(&writer),
		   "beef 8000 0001 0001 0000 0003 0173 0474657374 00 0021 0001"
		   "c00c 0021 0001 0000003c 000e 000000010035 0168 0474657374 00"
		   "c02a 0001 0001 0000003c 0004 c0000201"
		   "c02a 0040 0001 0000003c 000a 0001 0170 0474657374 00"
		   "0170 c00e 0001 0001 0000003c 0004 c0000202");
}
END_TEST

/* Some records with names of all kinds, as far as they fit; how many did. */
static size_t fill(struct dns_writer *writer)
{
	static const struct {
		enum dns_section section;
		const char *owner;
		uint16_t type;
		const char *rdata;
	} rrs[] = {
		{DNS_ANSWER, "_http._tcp.test.", DNS_TYPE_PTR, "<one._http._tcp.test.>"},
		{DNS_ANSWER, "_http._tcp.test.", DNS_TYPE_PTR, "<two._http._tcp.test.>"},
		{DNS_ANSWER, "two._http._tcp.test.", DNS_TYPE_SRV, "000000000050<h2.test.>"},
		{DNS_AUTHORITY, "test.", DNS_TYPE_SOA,
		 "<ns.test.><host.ns.test.>0000000100000002000000030000000400000005"},
		{DNS_ADDITIONAL, "one._http._tcp.test.", DNS_TYPE_TXT, "03613d31"},
		{DNS_ADDITIONAL, "h2.test.", DNS_TYPE_A, "7f000001"},
		{DNS_ADDITIONAL, "ns.test.", DNS_TYPE_AAAA, "00000000000000000000000000000001"},
	};
	size_t in = 0;

	for (size_t i = 0; i < COUNT_OF(rrs); i++) {
		const struct dns_writer before = *writer;
		const int ret =
			add(writer, rrs[i].section, rrs[i].owner, rrs[i].type, rrs[i].rdata);

		if (ret == OK) {
			in++;
			continue;
		}
		ck_assert_int_eq(ret, ERR_SPACE);
		ck_assert_uint_eq(writer->at, before.at);
		ck_assert_uint_eq(writer->noted.targets, before.noted.targets);
		ck_assert_mem_eq(writer->count, before.count, sizeof(before.count));
	}
	return in;
}

/* Every name of the message leads to labels, never to a bare pointer; the records. */
static size_t check_sound(uint8_t *wire, size_t size)
{
	struct dns_message message;
	size_t count = 0;

	wire[2] &= 0x7f;
	ck_assert_int_eq(dns_message_parse(&message, wire, size), OK);
	ck_assert_uint_eq(message.end, size);
	for (enum dns_section section = DNS_ANSWER; section < DNS_SECTIONS; section++) {
		struct dns_walk walk = dns_walk(&message, section);
		struct dns_rr rr;
		size_t at = walk.at;

		while (dns_walk_next(&walk, &rr) == 1) {
			uint8_t rdata[4096];
			struct buf_writer out = buf_writer(rdata, sizeof(rdata));

			ck_assert_int_ge(dns_rr_rdata(&message, &rr, &out), 0);
			while (wire[at] != 0) {
				if (wire[at] < 0xc0) {
					at += wire[at] + 1u;
					continue;
				}
				at = (wire[at] & 0x3fu) << 8 | wire[at + 1];
				ck_assert_uint_lt(wire[at], 0x40);
			}
			at = walk.at;
			count++;
		}
	}
	return count;
}

START_TEST(a_record_that_does_not_fit_changes_nothing)
{
	const struct dns_message request = query("_http._tcp.test.", 0);
	uint8_t wire[512];
	struct dns_writer writer;
	size_t whole;
	size_t last_in = 0;

	dns_writer_reply(&writer, wire, sizeof(wire), &request);
	ck_assert_uint_eq(fill(&writer), 7);
	whole = dns_writer_finish(&writer);
	for (size_t size = 40; size <= whole; size++) {
		uint8_t *exact = malloc(size);
		size_t in;

		dns_writer_reply(&writer, exact, size, &request);
		in = fill(&writer);
		ck_assert_uint_le(dns_writer_finish(&writer), size);
		ck_assert_uint_eq(check_sound(exact, dns_writer_finish(&writer)), in);
		last_in = in;
		free(exact);
	}
	ck_assert_uint_eq(last_in, 7);
}
END_TEST

START_TEST(a_rollback_forgets_records_and_targets)
{
	const struct dns_message request = query("a.test.", 0);
	struct dns_writer writer;
	struct dns_mark mark;
	uint8_t wire[512];

	dns_writer_reply(&writer, wire, sizeof(wire), &request);
	ck_assert_int_eq(add(&writer, DNS_ANSWER, "a.test.", DNS_TYPE_A, "c0000201"), OK);
	mark = dns_writer_mark(&writer);
	ck_assert_int_eq(add(&writer, DNS_ANSWER, "x.y.test.", DNS_TYPE_NS, "<z.y.test.>"), OK);
	ck_assert_int_eq(add(&writer, DNS_ADDITIONAL, "z.y.test.", DNS_TYPE_A, "c0000201"), OK);
	dns_writer_rollback(&writer, &mark);
	ck_assert_int_eq(add(&writer, DNS_AUTHORITY, "z.y.test.", DNS_TYPE_A, "c0000202"), OK);
	check_wire(wire, dns_writer_finish(&writer),
		   "beef 8000 0001 0001 0001 0000 0161 0474657374 00 0021 0001"
		   "c00c 0001 0001 0000003c 0004 c0000201"
		   "017a 0179 c00e 0001 0001 0000003c 0004 c0000202");
}
END_TEST

START_TEST(reserved_octets_stay_free)
{
	const struct dns_message request = query("_http._tcp.test.", 0);
	const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};

	for (size_t size = 64; size < 300; size++) {
		uint8_t *exact = malloc(size);
		struct dns_writer writer;
		size_t in;

		dns_writer_reply(&writer, exact, size, &request);
		ck_assert(!dns_writer_reserve(&writer, size));
		ck_assert(dns_writer_reserve(&writer, sizeof(opt)));
		in = fill(&writer);
		dns_writer_release(&writer, sizeof(opt));
		ck_assert_int_eq(dns_writer_raw(&writer, opt, sizeof(opt)), OK);
		ck_assert_uint_eq(check_sound(exact, dns_writer_finish(&writer)), in + 1);
		free(exact);
	}
}
END_TEST

START_TEST(a_message_is_finished_more_than_once)
{
	const struct dns_message request = query("a.test.", 0);
	struct dns_writer writer;
	uint8_t wire[512];

	dns_writer_reply(&writer, wire, sizeof(wire), &request);
	ck_assert_uint_eq(dns_writer_finish(&writer), 24);
	ck_assert_int_eq(add(&writer, DNS_ANSWER, "a.test.", DNS_TYPE_A, "c0000201"), OK);
	ck_assert_uint_eq(dns_writer_finish(&writer), 40);
	ck_assert_uint_eq(wire[7], 1);
}
END_TEST

START_TEST(large_messages_are_read_as_they_were_written)
{
	static uint8_t wire[100000];
	const struct dns_message request = query("test.", 0);
	struct dns_writer writer;
	struct dns_message message;
	struct dns_walk walk;
	struct dns_rr rr;
	unsigned count = 0;
	unsigned seen = 0;
	char owner[64];

	/* A message ends at 65,535 octets, and pointers reach 16,383 of them. */
	dns_writer_reply(&writer, wire, sizeof(wire), &request);
	do {
		snprintf(owner, sizeof(owner), "n%u.sub%u.test.", count, count % 100);
		count++;
	} while (add(&writer, DNS_ANSWER, owner, DNS_TYPE_NS, "<ns.later.test.>") == OK);
	count--;
	ck_assert_uint_gt(count, 1800);
	ck_assert_uint_le(dns_writer_finish(&writer), 65535);
	ck_assert_uint_gt(dns_writer_finish(&writer), 65480);
	ck_assert_uint_eq(check_sound(wire, writer.at), count);
	ck_assert_int_eq(dns_message_parse(&message, wire, writer.at), OK);
	walk = dns_walk(&message, DNS_ANSWER);
	while (dns_walk_next(&walk, &rr) == 1) {
		snprintf(owner, sizeof(owner), "n%u.sub%u.test.", seen, seen % 100);
		ck_assert(dns_name_equal(rr.owner, name(owner)));
		seen++;
	}
	ck_assert_uint_eq(seen, count);
}
END_TEST

START_TEST(look_ups_are_bounded)
{
	static uint8_t wire[65535];
	uint8_t rdata[DNS_NAME_MAX];
	struct dns_writer writer;
	uint32_t budget;
	size_t count = 0;
	size_t size;

	/* Every suffix meets a target that differs from it in its very last octet. */
	for (size_t i = 0; i < 126; i++) {
		rdata[2 * i] = 1;
		rdata[2 * i + 1] = 'a';
	}
	rdata[252] = 1;
	rdata[254] = 0;
	dns_writer_init(&writer, wire, sizeof(wire));
	ck_assert_int_eq(dns_writer_question(&writer, (const uint8_t *)"", 1, 1), OK);
	budget = writer.budget;
	do {
		rdata[253] = (uint8_t)count++;
	} while (dns_writer_rr(&writer, DNS_ANSWER, rdata, DNS_TYPE_NS, 1, 0, rdata, 255) == OK);
	size = dns_writer_finish(&writer);
	ck_assert_uint_le(writer.budget, budget);
	ck_assert_uint_le(budget, 20000);
	ck_assert_uint_eq(check_sound(wire, size), count - 1);
}
END_TEST

START_TEST(an_owner_that_stands_in_the_message_costs_no_look_up)
{
	static const uint8_t srv[] = "\0\0\0\0\0\1\1h\4test";
	static const uint8_t address[] = {127, 0, 0, 1};
	const struct dns_message request = query("a.test.", 0);
	struct dns_writer writer;
	uint8_t wire[128];
	uint32_t budget;

	dns_writer_reply(&writer, wire, sizeof(wire), &request);
	budget = writer.budget;
	dns_writer_rr(&writer, DNS_ANSWER, wire + 12, DNS_TYPE_SRV, 1, 60, srv, sizeof(srv));
	dns_writer_rr(&writer, DNS_ADDITIONAL, wire + writer.at - 8, DNS_TYPE_A, 1, 60, address, 4);
	ck_assert_uint_eq(writer.budget, budget);
	check_wire(wire, dns_writer_finish(&writer),
		   "beef 8000 0001 0001 0000 0001 0161 0474657374 00 0021 0001"
		   "c00c 0021 0001 0000003c 000e 0000 0000 0001 0168 0474657374 00"
		   "c02a 0001 0001 0000003c 0004 7f000001");
}
END_TEST

START_TEST(names_written_without_a_look_up_are_found_by_the_next_also_after_a_rollback)
{
	static const char right[] = "beef 8000 0001 0001 0000 0000 0161 0474657374 00 0021 0001"
				    "c00c 0002 0001 0000003c 0004 0162 c00e";
	const struct dns_message request = query("a.test.", 0);
	struct dns_writer writer;
	struct dns_mark mark;
	uint8_t wire[128];

	dns_writer_reply(&writer, wire, sizeof(wire), &request);
	mark = dns_writer_mark(&writer);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(add(&writer, DNS_ANSWER, "a.test.", DNS_TYPE_NS, "<b.test.>"), OK);
		check_wire(wire, dns_writer_finish(&writer), right);
		if (i == 0) {
			dns_writer_rollback(&writer, &mark);
		}
	}
}
END_TEST

START_TEST(nothing_is_allocated)
{
	const struct dns_message request = query("a.test.", 0);
	const uint8_t address[] = {127, 0, 0, 1};
	struct dns_writer writer;
	uint8_t wire[512];

	fail_alloc_after(0);
	dns_writer_reply(&writer, wire, sizeof(wire), &request);
	dns_writer_rr(&writer, DNS_ANSWER, request.qname, DNS_TYPE_A, 1, 60, address, 4);
	dns_writer_rr(&writer, DNS_ANSWER, request.qname, DNS_TYPE_NS, 1, 60, request.qname,
		      request.qname_size);
	dns_writer_finish(&writer);
	fail_alloc_off();
	ck_assert_uint_eq(fail_alloc_count(), 0);
	ck_assert_uint_eq(writer.count[DNS_ANSWER], 2);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_reply_copies_what_it_must,
		flags_and_rcode_change_alone,
		owners_point_at_the_question_in_its_spelling,
		only_names_of_rfc_1035_are_compressed,
		targets_of_older_types_serve_later_names,
		a_record_that_does_not_fit_changes_nothing,
		a_rollback_forgets_records_and_targets,
		reserved_octets_stay_free,
		a_message_is_finished_more_than_once,
		large_messages_are_read_as_they_were_written,
		look_ups_are_bounded,
		an_owner_that_stands_in_the_message_costs_no_look_up,
		names_written_without_a_look_up_are_found_by_the_next_also_after_a_rollback,
		nothing_is_allocated,
	};

	return run_tests("writer", tests, COUNT_OF(tests));
}
