#include <arpa/inet.h>
#include <string.h>

#include "dns/types.h"
#include "net/request.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"

#define NAME "03776562 03737663 076578616d706c65 00"
#define OPT "00 0029 04d0 00000000 0000"
#define NONE 0xffff

/* A configuration of nothing, and a root that is there and not to be looked into. */
static struct conf conf;
static const uint64_t no_root;

static struct sockaddr_storage address(const char *text)
{
	struct sockaddr_storage storage = {0};
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&storage;
	struct sockaddr_in *v4 = (struct sockaddr_in *)&storage;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
	} else {
		ck_assert_int_eq(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
		v6->sin6_family = AF_INET6;
	}
	return storage;
}

struct refusal {
	const char *what;
	const char *wire;
	bool is_restored;
	enum request_state state;
	unsigned rcode;
	unsigned ede; /* NONE: none */
};

static const struct refusal refusals[] = {
	{"nothing", "", true, REQUEST_DROP, 0, NONE},
	{"11 octets", "1234 0100 0001 0000 0000 00", true, REQUEST_DROP, 0, NONE},
	{"a response", "1234 8100 0001 0000 0000 0000 " NAME " 0001 0001", true, REQUEST_DROP, 0,
	 NONE},
	{"an UPDATE's response", "1234 a800 0001 0000 0000 0000 " NAME " 0006 0001", true,
	 REQUEST_DROP, 0, NONE},
	{"a header", "1234 0100 0001 0000 0000 0000", true, REQUEST_REPLY, DNS_RCODE_FORMERR,
	 DNS_EDE_OTHER},
	{"no question", "1234 0100 0000 0000 0000 0000", true, REQUEST_REPLY, DNS_RCODE_FORMERR,
	 DNS_EDE_OTHER},
	{"two questions, RFC 9619",
	 "1234 0100 0002 0000 0000 0000 " NAME " 0001 0001 " NAME " 001c 0001", true, REQUEST_REPLY,
	 DNS_RCODE_FORMERR, DNS_EDE_OTHER},
	{"opcode STATUS", "1234 1100 0001 0000 0000 0000 " NAME " 0001 0001", true, REQUEST_REPLY,
	 DNS_RCODE_NOTIMP, DNS_EDE_NOT_SUPPORTED},
	{"opcode DSO", "1234 3000 0000 0000 0000 0000", true, REQUEST_REPLY, DNS_RCODE_NOTIMP,
	 DNS_EDE_NOT_SUPPORTED},
	{"EDNS version 1",
	 "1234 0100 0001 0000 0000 0001 " NAME " 0001 0001 00 0029 04d0 00010000 0000", true,
	 REQUEST_REPLY, DNS_RCODE_BADVERS, DNS_EDE_OTHER},
	{"NOTIFY", "1234 2400 0001 0000 0000 0000 " NAME " 0006 0001", true, REQUEST_REPLY,
	 DNS_RCODE_NOTAUTH, DNS_EDE_NOT_AUTHORITATIVE},
	{"type OPT", "1234 0100 0001 0000 0000 0001 " NAME " 0029 0001 " OPT, true, REQUEST_REPLY,
	 DNS_RCODE_FORMERR, DNS_EDE_NOT_SUPPORTED},
	{"type NXNAME", "1234 0100 0001 0000 0000 0000 " NAME " 0080 0001", true, REQUEST_REPLY,
	 DNS_RCODE_FORMERR, DNS_EDE_NOT_SUPPORTED},
	{"type TKEY", "1234 0100 0001 0000 0000 0000 " NAME " 00f9 0001", true, REQUEST_REPLY,
	 DNS_RCODE_FORMERR, DNS_EDE_NOT_SUPPORTED},
	{"type TSIG", "1234 0100 0001 0000 0000 0000 " NAME " 00fa 0001", true, REQUEST_REPLY,
	 DNS_RCODE_FORMERR, DNS_EDE_NOT_SUPPORTED},
	{"class CH", "1234 0100 0001 0000 0000 0000 " NAME " 0010 0003", true, REQUEST_REPLY,
	 DNS_RCODE_REFUSED, DNS_EDE_NOT_SUPPORTED},
	{"class ANY", "1234 0100 0001 0000 0000 0000 " NAME " 0010 00ff", true, REQUEST_REPLY,
	 DNS_RCODE_REFUSED, DNS_EDE_NOT_SUPPORTED},
	{"class 0", "1234 0100 0001 0000 0000 0000 " NAME " 0010 0000", true, REQUEST_REPLY,
	 DNS_RCODE_REFUSED, DNS_EDE_NOT_SUPPORTED},
	{"AXFR by UDP", "1234 0100 0001 0000 0000 0000 " NAME " 00fc 0001", true, REQUEST_REPLY,
	 DNS_RCODE_FORMERR, DNS_EDE_NOT_SUPPORTED},
	{"IXFR without SOA", "1234 0100 0001 0000 0000 0000 " NAME " 00fb 0001", true,
	 REQUEST_REPLY, DNS_RCODE_FORMERR, DNS_EDE_OTHER},
	{"a query", "1234 0100 0001 0000 0000 0000 " NAME " 0001 0001", true, REQUEST_FIND, 0,
	 NONE},
	{"type ANY", "1234 0100 0001 0000 0000 0000 " NAME " 00ff 0001", true, REQUEST_FIND, 0,
	 NONE},
	{"type 0", "1234 0100 0001 0000 0000 0000 " NAME " 0000 0001", true, REQUEST_FIND, 0, NONE},
	{"octets behind a query", "1234 0100 0001 0000 0000 0000 " NAME " 0001 0001 00", true,
	 REQUEST_FIND, 0, NONE},
	{"a query, not restored", "1234 0100 0001 0000 0000 0000 " NAME " 0001 0001", false,
	 REQUEST_REPLY, DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY},
	{"an UPDATE, not restored", "1234 2800 0001 0000 0000 0000 " NAME " 0006 0001", false,
	 REQUEST_REPLY, DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY},
	{"a response, not restored", "1234 8100 0001 0000 0000 0000 " NAME " 0001 0001", false,
	 REQUEST_DROP, 0, NONE},
};

static void begin(struct request_desk *desk, struct request *request, const char *text,
		  uint8_t *octets, size_t room)
{
	static struct sockaddr_storage peer;

	peer = address("127.0.0.1");
	*request = (struct request){
		.wire = octets,
		.size = hex_read(octets, room, text),
		.peer = &peer,
		.may_beat = true,
	};
	request_begin(desk, request);
}

START_TEST(each_refusal_has_its_rcode_and_reason)
{
	struct tally tally = {0};
	struct request_desk desk;
	struct request request;
	uint8_t octets[512];

	request_desk_init(&desk, &tally);
	for (size_t i = 0; i < COUNT_OF(refusals); i++) {
		const struct refusal *refusal = &refusals[i];

		request_round(&desk, refusal->is_restored ? (const struct root *)&no_root : NULL,
			      &conf);
		begin(&desk, &request, refusal->wire, octets, sizeof(octets));
		ck_assert_msg(request.state == refusal->state, "%s: state %d", refusal->what,
			      (int)request.state);
		if (refusal->state == REQUEST_DROP) {
			continue;
		}
		ck_assert_msg(request.outcome.rcode == refusal->rcode, "%s: rcode %u",
			      refusal->what, request.outcome.rcode);
		ck_assert_msg((request.outcome.has_ede ? request.outcome.ede : NONE) ==
				      refusal->ede,
			      "%s: extended error", refusal->what);
	}
	ck_assert_uint_eq(tally.dropped, 5);
	request_desk_deinit(&desk);
}
END_TEST

START_TEST(a_refusal_echoes_what_could_be_read)
{
	static const struct {
		const char *request;
		const char *reply;
	} cases[] = {
		/* NOTIMP: what reads like a query comes back, with why (RFC 8914). */
		{"1234 1110 0001 0000 0000 0001 00 0001 0001 " OPT,
		 "1234 9114 0001 0000 0000 0001 00 0001 0001"
		 " 00 0029 04d0 00000000 000c 000f 0008 0015 6f70636f6465"},
		{"1234 1110 0001 0000 0000 0002 00 0001 0001 " OPT,
		 "1234 9114 0000 0000 0000 0000"},
		/* The question as spelled, RD and CD copied, AA, RA and AD clear. */
		{"1234 0530 0001 0000 0000 0000 03576542 00 00ff 0003",
		 "1234 8115 0001 0000 0000 0000 03576542 00 00ff 0003"},
		/* A question that breaks off is not echoed. */
		{"1234 0100 0001 0000 0000 0000 0377", "1234 8101 0000 0000 0000 0000"},
		/* RFC 6891 section 7: FORMERR with OPT, where the option broke. */
		{"1234 0100 0001 0000 0000 0001 00 0001 0001 00 0029 04d0 00008000 0006"
		 " 000a 0002 0000",
		 "1234 8101 0001 0000 0000 0001 00 0001 0001 00 0029 04d0 00008000 0021"
		 " 000f 001d 0000 616e2045444e53206f7074696f6e206973206d616c666f726d6564"},
		{"1234 0100 0001 0000 0000 0001 00 0001 0001 00 0029 04d0 00070000 0000",
		 "1234 8100 0001 0000 0000 0001 00 0001 0001 00 0029 04d0 01000000 001c"
		 " 000f 0018 0000 746869732069732045444e532076657273696f6e2030"},
	};
	struct tally tally = {0};
	struct request_desk desk;
	struct request request;
	uint8_t octets[512];
	uint8_t expected[512];
	uint8_t wire[DNS_UDP_SAFE];

	request_desk_init(&desk, &tally);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const size_t size = hex_read(expected, sizeof(expected), cases[i].reply);

		request_round(&desk, (const struct root *)&no_root, &conf);
		begin(&desk, &request, cases[i].request, octets, sizeof(octets));
		ck_assert_int_eq(request.state, REQUEST_REPLY);
		ck_assert_uint_eq(request_finish(&desk, &request, wire), size);
		ck_assert_mem_eq(wire, expected, size);
	}
	request_desk_deinit(&desk);
}
END_TEST

START_TEST(what_was_cut_on_its_way_is_malformed)
{
	struct tally tally = {0};
	struct request_desk desk;
	uint8_t octets[512];
	const struct sockaddr_storage peer = address("127.0.0.1");
	struct request request = {
		.wire = octets,
		.size = hex_read(octets, sizeof(octets),
				 "1234 0100 0001 0000 0000 0000 " NAME " 0001 0001"),
		.peer = &peer,
		.is_cut = true,
	};

	request_desk_init(&desk, &tally);
	request_round(&desk, (const struct root *)&no_root, &conf);
	request_begin(&desk, &request);
	ck_assert_int_eq(request.state, REQUEST_REPLY);
	ck_assert_uint_eq(request.outcome.rcode, DNS_RCODE_FORMERR);
	request_desk_deinit(&desk);
}
END_TEST

static enum request_state state_of(struct request_desk *desk, const char *text, bool is_stream)
{
	static struct sockaddr_storage peer;
	uint8_t octets[512];
	struct request request = {
		.wire = octets, .peer = &peer, .is_stream = is_stream, .may_beat = true};

	peer = address("127.0.0.1");
	request.size = hex_read(octets, sizeof(octets), text);
	request_begin(desk, &request);
	return request.state;
}

/* A flood of what is refused must not cost a reply each. */
START_TEST(refused_updates_of_strangers_are_answered_up_to_a_rate)
{
	static const char update[] = "1234 2800 0000 0000 0000 0000";
	static const char query[] = "1234 0100 0000 0000 0000 0000";
	struct tally tally = {0};
	struct request_desk desk;
	struct conf two = {.refusal_rate = 2};

	request_desk_init(&desk, &tally);
	for (uint64_t second = 5; second < 7; second++) {
		request_round(&desk, (const struct root *)&no_root, &two);
		desk.mono_ms = second * 1000;
		for (unsigned i = 0; i < 5; i++) {
			ck_assert_int_eq(state_of(&desk, update, false),
					 i < 2 ? REQUEST_REPLY : REQUEST_DROP);
		}
		ck_assert_int_eq(state_of(&desk, query, false), REQUEST_REPLY);
		ck_assert_int_eq(state_of(&desk, update, true), REQUEST_REPLY);
	}
	ck_assert_uint_eq(tally.refusals_unsaid, 6);
	ck_assert_uint_eq(tally.updates, 12);
	request_desk_deinit(&desk);
}
END_TEST

START_TEST(a_clients_place_is_its_networks)
{
	static const struct {
		const char *one;
		const char *other;
		bool is_same;
	} cases[] = {
		{"192.0.2.1", "192.0.2.255", true},
		{"192.0.2.1", "192.0.3.1", false},
		{"192.0.2.1", "::ffff:192.0.2.77", true},
		{"2001:db8:1:2ff::1", "2001:db8:1:200::2", true},
		{"2001:db8:1:2ff::1", "2001:db8:1:300::1", false},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct sockaddr_storage one = address(cases[i].one);
		const struct sockaddr_storage other = address(cases[i].other);

		ck_assert_msg((request_client(&one) == request_client(&other)) == cases[i].is_same,
			      "%s and %s", cases[i].one, cases[i].other);
	}
}
END_TEST

START_TEST(a_clients_place_is_the_same_on_every_node)
{
	const struct sockaddr_storage client = address("192.0.2.1");

	/* Written down: another value would move every client's subset at an upgrade. */
	ck_assert_uint_eq(request_client(&client), 6724865128871366030u);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		each_refusal_has_its_rcode_and_reason,
		a_refusal_echoes_what_could_be_read,
		what_was_cut_on_its_way_is_malformed,
		a_clients_place_is_its_networks,
		a_clients_place_is_the_same_on_every_node,
		refused_updates_of_strangers_are_answered_up_to_a_rate,
	};

	return run_tests("request", tests, COUNT_OF(tests));
}
