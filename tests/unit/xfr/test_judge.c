#include <arpa/inet.h>
#include <stdio.h>

#include "tests/unit/answer/world.h"
#include "tests/unit/conf/parsed.h"
#include "tests/unit/run.h"
#include "xfr/xfr.h"

#define SERIAL 2000000000u
#define MASTER                                                                                     \
	"@ 3600 SOA ns admin 2000000000 3600 600 86400 60\n@ 3600 NS ns\nns 3600 A 192.0.2.1\n"

static const char conf_text[] =
	"server: {listen: [127.0.0.1]}\n"
	"key: [{name: ops, secret: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=},\n"
	"  {name: other, secret: AAEC}]\n"
	"zone:\n"
	"  - {name: open.test, file: f, transfer: [{allow: {net: 192.0.2.0/24}}]}\n"
	"  - {name: keyed.test, file: f, transfer: [{name: secondaries, allow: {key: ops}}]}\n"
	"  - {name: both.test, file: f, transfer: [{allow: {net: 192.0.2.0/24, key: ops}}]}\n"
	"  - {name: shut.test, file: f}\n"
	"  - {name: none.test, file: f, transfer: []}\n"
	"  - {name: late.test, file: f, transfer: [{allow: {}}]}\n"
	"  - name: first.test\n"
	"    file: f\n"
	"    transfer: [{deny: {net: 192.0.2.7}}, {allow: {net: 192.0.2.0/24}}]\n";

static struct conf *conf;
static struct world world;

/* One request, as text: zone, type, transport, address, key (or NULL), client's serial. */
struct asked {
	const char *zone;
	uint16_t type;
	enum access_transport transport;
	const char *address;
	const char *key;
	uint32_t serial;
};

static void put_soa(struct dns_writer *writer, const uint8_t *owner, uint32_t serial)
{
	uint8_t rdata[64];
	struct buf_writer out = buf_writer(rdata, sizeof(rdata));

	buf_write(&out, "\2ns", 4);
	buf_write(&out, "\5admin", 7);
	buf_write_u32(&out, serial);
	for (int i = 0; i < 4; i++) {
		buf_write_u32(&out, 60);
	}
	ck_assert_int_eq(dns_writer_rr(writer, DNS_AUTHORITY, owner, DNS_TYPE_SOA, DNS_CLASS_IN, 0,
				       rdata, (uint16_t)buf_written(&out)),
			 OK);
}

/* Once for each test, which is a process of its own. */
static void need_world(void)
{
	static const char *const zones[] = {"open.test.", "keyed.test.", "both.test.",
					    "shut.test.", "none.test.",  "first.test."};

	if (conf != NULL) {
		return;
	}
	conf = parsed(conf_text);
	world_init(&world);
	for (size_t i = 0; i < COUNT_OF(zones); i++) {
		world_static(&world, zones[i], MASTER);
	}
}

/* Judges the message in `writer`. */
static struct xfr_verdict judge_message(struct dns_writer *writer, const struct asked *asked)
{
	struct sockaddr_storage peer = {.ss_family = AF_INET};
	struct access_identity identity = {.peer = &peer, .transport = asked->transport};
	struct xfr_verdict verdict;
	struct dns_message message;
	uint8_t key[DNS_NAME_MAX];

	need_world();
	ck_assert_int_eq(
		inet_pton(AF_INET, asked->address, &((struct sockaddr_in *)&peer)->sin_addr), 1);
	if (asked->key != NULL) {
		world_name(key, asked->key);
		identity.key = conf_key_find(conf, key);
		ck_assert_ptr_nonnull(identity.key);
	}
	ck_assert_int_eq(dns_message_parse(&message, writer->wire, dns_writer_finish(writer)), OK);
	const struct xfr_request request = {
		.root = world.root, .conf = conf, .message = &message, .identity = &identity};
	xfr_judge(&request, &verdict);
	ck_assert((verdict.form == XFR_REFUSED) == (verdict.zone == NULL));
	ck_assert(verdict.form == XFR_REFUSED || verdict.rcode == DNS_RCODE_NOERROR);
	return verdict;
}

static struct xfr_verdict judge(const struct asked *asked)
{
	uint8_t wire[512];
	uint8_t name[DNS_NAME_MAX];
	struct dns_writer writer;

	world_name(name, asked->zone);
	dns_writer_init(&writer, wire, sizeof(wire));
	dns_writer_question(&writer, name, asked->type, DNS_CLASS_IN);
	if (asked->type == DNS_TYPE_IXFR) {
		put_soa(&writer, name, asked->serial);
	}
	return judge_message(&writer, asked);
}

START_TEST(the_zone_is_for_networks_and_keys_that_its_rules_name)
{
	static const struct {
		struct asked asked;
		unsigned rcode;
		const char *text;
	} cases[] = {
		{{"open.test.", DNS_TYPE_AXFR, ACCESS_TCP, "192.0.2.9", NULL, 0}, 0, ""},
		{{"OPEN.test.", DNS_TYPE_AXFR, ACCESS_TCP, "192.0.2.9", "other", 0}, 0, ""},
		{{"open.test.", DNS_TYPE_AXFR, ACCESS_TCP, "192.0.3.9", NULL, 0},
		 DNS_RCODE_REFUSED,
		 "no rule allows this"},
		{{"keyed.test.", DNS_TYPE_AXFR, ACCESS_TCP, "198.51.100.1", "ops", 0}, 0, ""},
		{{"keyed.test.", DNS_TYPE_AXFR, ACCESS_TCP, "127.0.0.1", "other", 0},
		 DNS_RCODE_REFUSED,
		 "no rule allows this"},
		{{"keyed.test.", DNS_TYPE_AXFR, ACCESS_TCP, "127.0.0.1", NULL, 0},
		 DNS_RCODE_REFUSED,
		 "no rule allows this"},
		{{"both.test.", DNS_TYPE_AXFR, ACCESS_TCP, "192.0.2.9", "ops", 0}, 0, ""},
		{{"both.test.", DNS_TYPE_AXFR, ACCESS_TCP, "192.0.2.9", NULL, 0},
		 DNS_RCODE_REFUSED,
		 "no rule allows this"},
		{{"both.test.", DNS_TYPE_AXFR, ACCESS_TCP, "192.0.3.9", "ops", 0},
		 DNS_RCODE_REFUSED,
		 "no rule allows this"},
		{{"first.test.", DNS_TYPE_AXFR, ACCESS_TCP, "192.0.2.7", NULL, 0},
		 DNS_RCODE_REFUSED,
		 "rule 1 (line 13)"},
		{{"first.test.", DNS_TYPE_AXFR, ACCESS_TCP, "192.0.2.8", NULL, 0}, 0, ""},
		{{"shut.test.", DNS_TYPE_AXFR, ACCESS_TCP, "127.0.0.1", "ops", 0},
		 DNS_RCODE_REFUSED,
		 "the zone has no transfer rules"},
		{{"none.test.", DNS_TYPE_AXFR, ACCESS_TCP, "127.0.0.1", "ops", 0},
		 DNS_RCODE_REFUSED,
		 "no rule allows this"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct xfr_verdict verdict = judge(&cases[i].asked);

		ck_assert_msg(verdict.rcode == cases[i].rcode, "case %zu: rcode %u", i,
			      verdict.rcode);
		ck_assert_str_eq(verdict.ede_text, cases[i].text);
		ck_assert(verdict.is_denied == (verdict.rcode == DNS_RCODE_REFUSED));
		if (verdict.rcode == DNS_RCODE_REFUSED) {
			ck_assert_uint_eq(verdict.ede, DNS_EDE_PROHIBITED);
		}
	}
}
END_TEST

START_TEST(what_is_no_zone_of_ours_is_NOTAUTH)
{
	/* RFC 5936 2.2.1. */
	static const char *const names[] = {"other.test.", "test.", "ns.open.test.", "."};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const struct asked asked = {names[i],    DNS_TYPE_AXFR, ACCESS_TCP,
					    "192.0.2.9", "ops",         0};
		const struct xfr_verdict verdict = judge(&asked);

		ck_assert_uint_eq(verdict.rcode, DNS_RCODE_NOTAUTH);
		ck_assert_uint_eq(verdict.ede, DNS_EDE_NOT_AUTHORITATIVE);
		ck_assert(!verdict.is_denied);
	}
}
END_TEST

START_TEST(a_zone_that_is_not_ready_is_SERVFAIL)
{
	const struct asked asked = {"late.test.", DNS_TYPE_AXFR, ACCESS_TCP, "192.0.2.9", NULL, 0};
	const struct xfr_verdict verdict = judge(&asked);

	ck_assert_uint_eq(verdict.rcode, DNS_RCODE_SERVFAIL);
	ck_assert_uint_eq(verdict.ede, DNS_EDE_NOT_READY);
}
END_TEST

START_TEST(AXFR_by_UDP_is_FORMERR)
{
	/* RFC 5936 4.2. */
	const struct asked asked = {"open.test.", DNS_TYPE_AXFR, ACCESS_UDP, "192.0.2.9", NULL, 0};

	ck_assert_uint_eq(judge(&asked).rcode, DNS_RCODE_FORMERR);
}
END_TEST

START_TEST(IXFR_is_the_zone_or_the_soa_by_the_serial_of_the_client)
{
	/* RFC 1995 2 and 4; RFC 1982. */
	static const struct {
		uint32_t serial;
		enum xfr_form form;
	} cases[] = {
		{SERIAL, XFR_SOA},
		{SERIAL + 1, XFR_SOA},
		{SERIAL + 0x7fffffff, XFR_SOA},
		{SERIAL + 0x80000000, XFR_ZONE},
		{SERIAL - 1, XFR_ZONE},
		{SERIAL - 0x7fffffff, XFR_ZONE},
		{0, XFR_ZONE},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct asked asked = {"open.test.", DNS_TYPE_IXFR, ACCESS_TCP,
				      "192.0.2.9",  NULL,          cases[i].serial};

		ck_assert_int_eq(judge(&asked).form, cases[i].form);
		asked.transport = ACCESS_UDP;
		ck_assert_int_eq(judge(&asked).form, XFR_SOA);
		asked.address = "192.0.3.9";
		ck_assert_int_eq(judge(&asked).form, XFR_REFUSED);
	}
}
END_TEST

START_TEST(IXFR_without_the_one_soa_of_its_zone_is_FORMERR)
{
	static const uint8_t zone[] = "\4open\4test";
	static const uint8_t other[] = "\5other\4test";
	const struct asked asked = {"open.test.", DNS_TYPE_IXFR, ACCESS_TCP, "192.0.2.9", NULL, 0};
	struct dns_writer writer;
	uint8_t wire[512];

	for (unsigned i = 0; i < 4; i++) {
		dns_writer_init(&writer, wire, sizeof(wire));
		dns_writer_question(&writer, zone, DNS_TYPE_IXFR, DNS_CLASS_IN);
		if (i == 1) {
			put_soa(&writer, other, 1);
		} else if (i == 2) {
			put_soa(&writer, zone, 1);
			put_soa(&writer, zone, 1);
		} else if (i == 3) {
			dns_writer_rr(&writer, DNS_AUTHORITY, zone, DNS_TYPE_SOA, DNS_CLASS_IN, 0,
				      (const uint8_t *)"", 0);
		}
		const struct xfr_verdict verdict = judge_message(&writer, &asked);

		ck_assert_uint_eq(verdict.rcode, DNS_RCODE_FORMERR);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_zone_is_for_networks_and_keys_that_its_rules_name,
		what_is_no_zone_of_ours_is_NOTAUTH,
		a_zone_that_is_not_ready_is_SERVFAIL,
		AXFR_by_UDP_is_FORMERR,
		IXFR_is_the_zone_or_the_soa_by_the_serial_of_the_client,
		IXFR_without_the_one_soa_of_its_zone_is_FORMERR,
	};

	return run_tests("judge", tests, COUNT_OF(tests));
}
