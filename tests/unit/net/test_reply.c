#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "dns/types.h"
#include "net/reply.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"

/* Query for web.svc.example. A, RD and CD set; the second has OPT with 1400 octets and DO. */
#define QUERY_HEAD "1234 0110 0001 0000 0000"
#define QUESTION "03776562 03737663 076578616d706c65 00 0001 0001"
#define QUERY QUERY_HEAD "0000" QUESTION
#define QUERY_OPT QUERY_HEAD "0001" QUESTION "00 0029 0578 00008000 0000"

struct fixture {
	uint8_t octets[600];
	struct dns_message request;
	struct access_signer signer;
	struct tally tally;
	uint8_t wire[DNS_MESSAGE_MAX];
	struct reply reply;
};

static struct fixture *fixture(const char *text)
{
	static struct fixture fixture;
	size_t size;

	memset(&fixture, 0, sizeof(fixture));
	memset(fixture.wire, 0xee, sizeof(fixture.wire));
	size = hex_read(fixture.octets, sizeof(fixture.octets), text);
	ck_assert_int_eq(dns_message_parse(&fixture.request, fixture.octets, size), OK);
	fixture.reply.request = &fixture.request;
	fixture.reply.signer = &fixture.signer;
	fixture.reply.wire = fixture.wire;
	fixture.reply.room = reply_room(&fixture.request, false);
	return &fixture;
}

static void expect(const struct fixture *fixture, size_t size, const char *text)
{
	uint8_t octets[600];
	const size_t expected = hex_read(octets, sizeof(octets), text);

	ck_assert_uint_eq(size, expected);
	ck_assert_mem_eq(fixture->wire, octets, size);
}

START_TEST(room_is_what_both_sides_take)
{
	static const struct {
		bool has_edns;
		uint16_t size;
		bool is_stream;
		size_t room;
	} cases[] = {
		{false, 0, false, 512},    {true, 0, false, 512},      {true, 511, false, 512},
		{true, 513, false, 513},   {true, 1231, false, 1231},  {true, 1232, false, 1232},
		{true, 1233, false, 1232}, {true, 65535, false, 1232}, {false, 0, true, 65535},
		{true, 600, true, 65535},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct dns_message message = {
			.edns = {.present = cases[i].has_edns, .udp_size = cases[i].size},
		};

		ck_assert_uint_eq(reply_room(&message, cases[i].is_stream), cases[i].room);
	}
}
END_TEST

START_TEST(without_opt_in_the_request_there_is_none_in_the_reply)
{
	struct fixture *f = fixture(QUERY);

	f->reply.outcome = (struct outcome){
		.rcode = DNS_RCODE_REFUSED,
		.has_ede = true,
		.ede = DNS_EDE_PROHIBITED,
		.ede_text = "rule 1",
		.lease = {.present = true, .lease_s = 30},
	};
	reply_begin(&f->reply);
	expect(f, reply_end(&f->reply, 0, &f->tally),
	       "1234 8115 0001 0000 0000 0000 03776562 03737663 076578616d706c65 00 0001 0001");
	ck_assert_uint_eq(f->tally.refused, 1);
	ck_assert_uint_eq(f->tally.truncated, 0);
}
END_TEST

START_TEST(opt_has_do_lease_and_extended_error)
{
	struct fixture *f = fixture(QUERY_OPT);

	f->reply.outcome = (struct outcome){
		.rcode = DNS_RCODE_REFUSED,
		.has_ede = true,
		.ede = DNS_EDE_PROHIBITED,
		.ede_text = "no",
		.lease = {.present = true, .lease_s = 30},
	};
	reply_begin(&f->reply);
	expect(f, reply_end(&f->reply, 0, &f->tally),
	       "1234 8115 0001 0000 0000 0001 03776562 03737663 076578616d706c65 00 0001 0001"
	       " 00 0029 04d0 00008000 0010 0002 0004 0000001e 000f 0004 0012 6e6f");
}
END_TEST

START_TEST(nsid_is_for_those_who_ask) /* RFC 5001 2.1 */
{
	static const struct {
		const char *request;
		const char *nsid;
		const char *opt;
	} cases[] = {
		{QUERY_HEAD "0001" QUESTION "00 0029 0578 00000000 0004 0003 0000", "n1",
		 "00 0029 04d0 00000000 0006 0003 0002 6e31"},
		{QUERY_HEAD "0001" QUESTION "00 0029 0578 00000000 0004 0003 0000", NULL,
		 "00 0029 04d0 00000000 0000"},
		{QUERY_OPT, "n1", "00 0029 04d0 00008000 0000"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct fixture *f = fixture(cases[i].request);
		char text[400];

		f->reply.nsid = cases[i].nsid;
		snprintf(text, sizeof(text), "1234 8110 0001 0000 0000 0001" QUESTION "%s",
			 cases[i].opt);
		reply_begin(&f->reply);
		expect(f, reply_end(&f->reply, 0, &f->tally), text);
	}
}
END_TEST

START_TEST(badvers_is_split_over_opt_and_header)
{
	struct fixture *f = fixture(QUERY_OPT);

	f->reply.outcome.rcode = DNS_RCODE_BADVERS;
	reply_begin(&f->reply);
	expect(f, reply_end(&f->reply, 0, &f->tally),
	       "1234 8110 0001 0000 0000 0001 03776562 03737663 076578616d706c65 00 0001 0001"
	       " 00 0029 04d0 01008000 0000");
	ck_assert_uint_eq(f->tally.other, 1);
}
END_TEST

/* Fills the message with records of 100 octets until no more fits. */
static void fill(struct dns_writer *writer)
{
	static const uint8_t rdata[88];

	while (dns_writer_rr(writer, DNS_ANSWER, (const uint8_t *)"", 65280, 1, 0, rdata,
			     sizeof(rdata)) == OK) {
	}
}

START_TEST(an_extended_error_that_does_not_fit_sets_tc_by_udp)
{
	char text[DNS_EDE_TEXT_MAX + 1];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int is_stream = 0; is_stream < 2; is_stream++) {
		struct fixture *f = fixture(QUERY_OPT);
		size_t size;

		f->reply.is_stream = is_stream;
		f->reply.outcome.has_ede = true;
		f->reply.outcome.ede_text = text;
		reply_begin(&f->reply);
		fill(&f->reply.writer);
		size = reply_end(&f->reply, 0, &f->tally);
		ck_assert_uint_le(size, 1232);
		ck_assert_uint_eq(f->tally.truncated, is_stream ? 0 : 1);
		ck_assert_uint_eq((f->wire[2] & 2) != 0, !is_stream);
		/* The OPT is there, and empty. */
		ck_assert_mem_eq(f->wire + size - 11, "\0\0\x29\x04\xd0\0\0\x80\0\0\0", 11);
	}
}
END_TEST

/* A TSIG that is not signed, with names of the given labels. */
static void set_tsig(struct access_signer *signer, unsigned labels)
{
	*signer = (struct access_signer){.reply_tsig = true};
	for (unsigned i = 0; i < labels; i++) {
		memcpy(signer->tsig.key_name + i * 10, "\011keykeykey", 10);
		memcpy(signer->tsig.algorithm + i * 10, "\011hmachmacx", 10);
	}
	signer->tsig.error = DNS_TSIG_BADKEY;
}

START_TEST(tsig_has_its_room_behind_a_full_message)
{
	struct fixture *f = fixture(QUERY_OPT);
	size_t size;

	set_tsig(&f->signer, 2);
	reply_begin(&f->reply);
	fill(&f->reply.writer);
	size = reply_end(&f->reply, 1700000000, &f->tally);
	ck_assert_uint_gt(size, 1100);
	ck_assert_uint_le(size, 1232);
	/* OPT and TSIG. */
	ck_assert_uint_eq(f->wire[11], 2);
	ck_assert(f->request.has_question);
}
END_TEST

START_TEST(where_tsig_does_not_fit_the_question_goes_first)
{
	struct fixture *f = fixture(QUERY);
	size_t size;

	/* 12 octets of header, 33 of question, 488 of TSIG; then 508. */
	set_tsig(&f->signer, 23);
	reply_begin(&f->reply);
	size = reply_end(&f->reply, 1700000000, &f->tally);
	ck_assert_uint_gt(size, 480);
	ck_assert_uint_le(size, 512);
	ck_assert_uint_eq(f->wire[5], 0);
	ck_assert_uint_eq(f->wire[11], 1);

	f = fixture(QUERY);
	set_tsig(&f->signer, 24);
	reply_begin(&f->reply);
	size = reply_end(&f->reply, 1700000000, &f->tally);
	ck_assert_uint_eq(size, 12);
	ck_assert_uint_eq(f->wire[11], 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		room_is_what_both_sides_take,
		without_opt_in_the_request_there_is_none_in_the_reply,
		opt_has_do_lease_and_extended_error,
		nsid_is_for_those_who_ask,
		badvers_is_split_over_opt_and_header,
		an_extended_error_that_does_not_fit_sets_tc_by_udp,
		tsig_has_its_room_behind_a_full_message,
		where_tsig_does_not_fit_the_question_goes_first,
	};

	return run_tests("reply", tests, COUNT_OF(tests));
}
