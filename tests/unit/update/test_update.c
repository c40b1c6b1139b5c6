/*
 * From an UPDATE to a command, or to an answer at once.
 */
#include "tests/unit/fail_alloc.h"
#include "tests/unit/update/sending.h"

/* ---- the zone section -------------------------------------------------------------------- */

START_TEST(the_zone_is_judged_first)
{
	static const struct {
		const char *zone;
		uint16_t type;
		uint16_t class;
		const char *expected;
	} cases[] = {
		{"svc.test.", DNS_TYPE_A, DNS_CLASS_IN,
		 "FORMERR 0: the zone section is not one zone, type SOA, class IN"},
		{"svc.test.", DNS_TYPE_SOA, DNS_CLASS_ANY,
		 "FORMERR 0: the zone section is not one zone, type SOA, class IN"},
		{"svc.test.", DNS_TYPE_SOA, DNS_CLASS_NONE,
		 "FORMERR 0: the zone section is not one zone, type SOA, class IN"},
		{"svc.test.", DNS_TYPE_SOA, DNS_CLASS_CH, "NOTAUTH 20: no zone of this name here"},
		{"svc.test.", DNS_TYPE_SOA, 0, "NOTAUTH 20: no zone of this name here"},
		{"x.svc.test.", DNS_TYPE_SOA, DNS_CLASS_IN,
		 "NOTAUTH 20: no zone of this name here"},
		{"example.org.", DNS_TYPE_SOA, DNS_CLASS_IN,
		 "NOTAUTH 20: no zone of this name here"},
		{"test.", DNS_TYPE_SOA, DNS_CLASS_IN,
		 "REFUSED 18: a static zone: it changes with its file"},
		{"file.test.", DNS_TYPE_SOA, DNS_CLASS_IN,
		 "REFUSED 18: a static zone: it changes with its file"},
		{"later.test.", DNS_TYPE_SOA, DNS_CLASS_IN, "SERVFAIL 14: the zone is not ready"},
		{"absent.test.", DNS_TYPE_SOA, DNS_CLASS_IN, "SERVFAIL 14: the zone is not ready"},
		{"SVC.test.", DNS_TYPE_SOA, DNS_CLASS_IN, "submit"},
	};
	static struct sent sent;
	struct update_answer answer;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		make_message(&sent, cases[i].zone, cases[i].type, cases[i].class, 0,
			     "add x.svc.test. 60 A 192.0.2.1\n");
		const enum update_outcome outcome = receive(&local, &sent, true, &answer);

		ck_assert_str_eq(outcome_text(outcome, &answer), cases[i].expected);
	}
}
END_TEST

/* ---- prescan ----------------------------------------------------------------------------- */

#define FORM(section, rr)                                                                          \
	"FORMERR 0: x.svc.test. (" section "): type " rr ": not a form of RFC 2136"

START_TEST(forms_are_checked_as_rfc_2136_says)
{
	static const struct update_case cases[] = {
		{"add x.example.org. 60 A 192.0.2.1\n",
		 "NOTZONE 0: x.example.org. (update) is not in the zone"},
		{"yxdomain x.example.org.\n",
		 "NOTZONE 0: x.example.org. (prerequisite) is not in the zone"},
		{"update x.svc.test. A 3 0 c0000201\n",
		 FORM("update", "A, class 3, TTL 0, 4 octets")},
		{"update x.svc.test. A 255 1\n", FORM("update", "A, class 255, TTL 1, 0 octets")},
		{"update x.svc.test. A 254 1 c0000201\n",
		 FORM("update", "A, class 254, TTL 1, 4 octets")},
		{"update x.svc.test. A 255 0 c0000201\n",
		 FORM("update", "A, class 255, TTL 0, 4 octets")},
		{"update x.svc.test. ANY 1 60 00\n",
		 FORM("update", "ANY, class 1, TTL 60, 1 octets")},
		{"update x.svc.test. ANY 254 0\n",
		 FORM("update", "ANY, class 254, TTL 0, 0 octets")},
		{"update x.svc.test. MAILB 255 0\n",
		 FORM("update", "MAILB, class 255, TTL 0, 0 octets")},
		{"update x.svc.test. MAILA 254 0 00\n",
		 FORM("update", "MAILA, class 254, TTL 0, 1 octets")},
		{"update x.svc.test. TYPE0 1 60 00\n",
		 FORM("update", "TYPE0, class 1, TTL 60, 1 octets")},
		{"update x.svc.test. AXFR 1 60 00\n",
		 FORM("update", "AXFR, class 1, TTL 60, 1 octets")},
		{"prereq x.svc.test. A 1 1 c0000201\n",
		 FORM("prerequisite", "A, class 1, TTL 1, 4 octets")},
		{"prereq x.svc.test. A 255 0 c0000201\n",
		 FORM("prerequisite", "A, class 255, TTL 0, 4 octets")},
		{"prereq x.svc.test. A 254 0 c0000201\n",
		 FORM("prerequisite", "A, class 254, TTL 0, 4 octets")},
		{"prereq x.svc.test. A 3 0\n", FORM("prerequisite", "A, class 3, TTL 0, 0 octets")},
	};

	check_cases(&local, cases, COUNT_OF(cases));
}
END_TEST

START_TEST(rdata_is_checked_before_all_else)
{
#define BAD(type) "FORMERR 24: x.svc.test.: malformed RDATA of type " type
	static const struct update_case cases[] = {
		{"update x.svc.test. A 1 60 c00002\n", BAD("1")},
		{"update x.svc.test. A 1 60 c000020101\n", BAD("1")},
		{"update x.svc.test. A 1 60\n", BAD("1")},
		{"update x.svc.test. AAAA 1 60 c0000201\n", BAD("28")},
		{"update x.svc.test. TXT 1 60\n", BAD("16")},
		{"update x.svc.test. TXT 1 60 05414243\n", BAD("16")},
		{"update x.svc.test. SRV 1 60 0000000000\n", BAD("33")},
		{"update x.svc.test. SRV 254 0 000000000000ff\n", BAD("33")},
		{"prereq x.svc.test. A 1 0 c00002\n", BAD("1")},
		/* what a layout cannot say */
		{"update x.svc.test. TYPE64 1 60 00010000030001350000\n", BAD("64")},
		{"update x.svc.test. TYPE65 1 60 00010000030002003500010003026832\n", BAD("65")},
		{"update x.svc.test. TYPE43 1 60 00010802aabb\n", BAD("43")},
		{"update x.svc.test. TYPE257 1 60 00012d6361\n", BAD("257")},
		{"update x.svc.test. TYPE29 1 60 01121613800000008000000000989680\n", BAD("29")},
		{"update x.svc.test. TYPE42 1 60 00011803c00000\n", BAD("42")},
		{"update x.svc.test. TYPE62 1 60 0000000100030002c000\n", BAD("62")},
		{"update x.svc.test. TYPE65 1 60 00010000010003026832\n", "submit"},
		/* of an unknown type there is nothing to check */
		{"update x.svc.test. TYPE65280 1 60\n", "submit"},
		{"update x.svc.test. TYPE65280 1 60 00ff\n", "submit"},
	};
	static const struct update_case denied[] = {
		{"update x.svc.test. A 1 60 c00002\n", BAD("1")},
	};

	check_cases(&local, cases, COUNT_OF(cases));
	check_cases(&web, denied, COUNT_OF(denied));
}
END_TEST

START_TEST(signers_types_are_refused)
{
#define SIGNERS(type) "REFUSED 21: x.svc.test.: type " type " is a signer's, not for UPDATE"
	static const struct update_case cases[] = {
		{"update x.svc.test. TYPE24 1 60 000108030000003c000000020000000100010000\n",
		 SIGNERS("SIG")},
		{"update x.svc.test. TYPE46 1 60 000108030000003c000000020000000100010000\n",
		 SIGNERS("RRSIG")},
		{"update x.svc.test. TYPE30 1 60 0000\n", SIGNERS("NXT")},
		{"update x.svc.test. TYPE47 1 60 00000140\n", SIGNERS("NSEC")},
		{"update x.svc.test. TYPE50 1 60 010000000001aa\n", SIGNERS("NSEC3")},
		{"update x.svc.test. DNSKEY 1 60 01000308aa\n", SIGNERS("DNSKEY")},
		{"update x.svc.test. TYPE51 1 60 0100000000\n", SIGNERS("NSEC3PARAM")},
		{"del x.svc.test. NSEC\n", SIGNERS("NSEC")},
		/* KEY is SRP's, and no signer's */
		{"update x.svc.test. KEY 1 60 0000030f00\n", "submit"},
	};

	check_cases(&local, cases, COUNT_OF(cases));
}
END_TEST

START_TEST(addresses_that_make_no_sense_from_afar_are_refused)
{
#define NO(reason) "REFUSED denied 18: x.svc.test. refused by its address: " reason
	static const struct update_case afar[] = {
		{"add x.svc.test. 60 A 127.0.0.1\n", NO("loopback, from afar")},
		{"add x.svc.test. 60 A 127.1.2.3\n", NO("loopback, from afar")},
		{"add x.svc.test. 60 A 0.0.0.0\n", NO("unspecified")},
		{"add x.svc.test. 60 A 0.255.0.1\n", NO("unspecified")},
		{"add x.svc.test. 60 A 169.254.1.1\n", NO("link-local")},
		{"add x.svc.test. 60 A 224.0.0.251\n", NO("multicast")},
		{"add x.svc.test. 60 A 239.255.255.255\n", NO("multicast")},
		{"add x.svc.test. 60 A 255.255.255.255\n", NO("broadcast")},
		{"add x.svc.test. 60 AAAA ::1\n", NO("loopback, from afar")},
		{"add x.svc.test. 60 AAAA ::\n", NO("unspecified")},
		{"add x.svc.test. 60 AAAA fe80::1\n", NO("link-local")},
		{"add x.svc.test. 60 AAAA febf::1\n", NO("link-local")},
		{"add x.svc.test. 60 AAAA ff02::fb\n", NO("multicast")},
		{"add x.svc.test. 60 AAAA ::ffff:127.0.0.1\n",
		 NO("IPv4 in IPv6 form, register it by A")},
		{"add x.svc.test. 60 AAAA ::ffff:192.0.2.1\n",
		 NO("IPv4 in IPv6 form, register it by A")},
		{"add x.svc.test. 60 A 128.0.0.1\n", "submit"},
		{"add x.svc.test. 60 A 126.255.255.255\n", "submit"},
		{"add x.svc.test. 60 A 1.0.0.0\n", "submit"},
		{"add x.svc.test. 60 A 169.253.0.1\n", "submit"},
		{"add x.svc.test. 60 A 223.255.255.255\n", "submit"},
		{"add x.svc.test. 60 A 240.0.0.1\n", "submit"},
		{"add x.svc.test. 60 AAAA fec0::1\n", "submit"},
		{"add x.svc.test. 60 AAAA fe7f::1\n", "submit"},
		{"add x.svc.test. 60 AAAA feff::1\n", "submit"},
		{"add x.svc.test. 60 AAAA ::2\n", "submit"},
		{"add x.svc.test. 60 AAAA ::1:0:0\n", "submit"},
		{"add x.svc.test. 60 TXT \"127.0.0.1\"\n", "submit"},
		/* what is there may be taken away */
		{"del none.svc.test. A 127.0.0.1\n", "NOERROR beat"},
	};
	static const struct update_case near_cases[] = {
		{"add x.svc.test. 60 A 127.0.0.1\n", "submit"},
		{"add x.svc.test. 60 AAAA fe80::1\n", "submit"},
	};
	const struct sender sender = {
		.rules = "[{allow: {net: 0.0.0.0/0}}]", .peer = "192.0.2.77", .is_tcp = true};

	check_cases(&sender, afar, COUNT_OF(afar));
	check_cases(&local, near_cases, COUNT_OF(near_cases));
}
END_TEST

/* ---- the command ------------------------------------------------------------------------- */

static size_t put_rdata_text(char *out, size_t room, uint16_t type, const uint8_t *rdata,
			     uint16_t size)
{
	char *text = NULL;
	int written;

	if (size == 0) {
		return 0;
	}
	ck_assert_int_eq(text_rdata(&text, type, rdata, size), OK);
	written = snprintf(out, room, " %s", text);
	free(text);
	return (size_t)written;
}

/* The prerequisites and changes of a command, a line each. */
static const char *command_text(const uint8_t *command, size_t size)
{
	static const char *const prereqs[] = {"yxdomain", "yxrrset", "nxdomain", "nxrrset",
					      "equals"};
	static const char *const changes[] = {"add", "del-set", "del-name", "del"};
	static char out[4096];
	struct command_update update;
	struct command_prereq prereq;
	struct command_change change;
	char name[DNS_NAME_TEXT_MAX];
	char type[16];
	size_t at = 0;

	ck_assert_int_eq(command_read_update(&update, command, size), OK);
	for (uint16_t i = 0; i < update.prereq_count; i++) {
		ck_assert_int_eq(command_read_prereq(&update.prereqs, &prereq), OK);
		at += (size_t)snprintf(out + at, sizeof(out) - at, "%s %s %s", prereqs[prereq.form],
				       dns_name_to_text(name, prereq.name),
				       dns_rrtype_to_text(type, prereq.type));
		at += put_rdata_text(out + at, sizeof(out) - at, prereq.type, prereq.rdata,
				     prereq.rdata_size);
		at += (size_t)snprintf(out + at, sizeof(out) - at, "\n");
	}
	for (uint16_t i = 0; i < update.update_count; i++) {
		ck_assert_int_eq(command_read_change(&update.updates, &change), OK);
		at += (size_t)snprintf(out + at, sizeof(out) - at, "%s %s %u %s",
				       changes[change.form], dns_name_to_text(name, change.name),
				       change.ttl, dns_rrtype_to_text(type, change.type));
		at += put_rdata_text(out + at, sizeof(out) - at, change.type, change.rdata,
				     change.rdata_size);
		at += (size_t)snprintf(out + at, sizeof(out) - at, "\n");
	}
	return out;
}

START_TEST(the_command_says_what_the_message_said)
{
	static struct sent sent;
	struct update_answer answer;
	struct command_update update;

	make_message(&sent, "svc.test.", DNS_TYPE_SOA, DNS_CLASS_IN, 120,
		     "nxdomain new._http._tcp.svc.test.\nyxdomain svc.test.\n"
		     "nxrrset svc.test. TXT\nyxrrset svc.test. NS\n"
		     "yxrrset svc.test. NS ns.svc.test.\n"
		     "add _http._tcp.svc.test. 60 PTR Web-9._http._tcp.svc.test.\n"
		     "add Web-9._http._tcp.svc.test. 60 SRV 1 2 3 h9.svc.test.\n"
		     "add Web-9._http._tcp.svc.test. 60 TXT \"one\" \"two\"\n"
		     "del h9.svc.test.\ndel h9.svc.test. TXT\ndel h9.svc.test. MX 1 h9.svc.test.\n"
		     "add h9.svc.test. 30 AAAA 2001:db8::9\n");
	ck_assert_int_eq(receive(&web, &sent, true, &answer), UPDATE_SUBMIT);
	ck_assert_int_eq(command_read_update(&update, answer.command, answer.command_size), OK);
	ck_assert(owner_equal(&update.owner, &key));
	ck_assert(!update.takeover);
	ck_assert_uint_eq(update.signed_s, NOW_S);
	ck_assert(update.lease.present && !update.lease.has_key && update.lease.lease_s == 120);
	ck_assert_str_eq(command_text(answer.command, answer.command_size),
			 "nxdomain new._http._tcp.svc.test. ANY\n"
			 "yxdomain svc.test. ANY\n"
			 "nxrrset svc.test. TXT\n"
			 "yxrrset svc.test. NS\n"
			 "equals svc.test. NS ns.svc.test.\n"
			 "add _http._tcp.svc.test. 60 PTR Web-9._http._tcp.svc.test.\n"
			 "add Web-9._http._tcp.svc.test. 60 SRV 1 2 3 h9.svc.test.\n"
			 "add Web-9._http._tcp.svc.test. 60 TXT \"one\" \"two\"\n"
			 "del-name h9.svc.test. 0 ANY\n"
			 "del-set h9.svc.test. 0 TXT\n"
			 "del h9.svc.test. 0 MX 1 h9.svc.test.\n"
			 "add h9.svc.test. 30 AAAA 2001:db8::9\n");
	free(answer.command);
	ck_assert_int_eq(receive(&local, &sent, true, &answer), UPDATE_SUBMIT);
	ck_assert_int_eq(command_read_update(&update, answer.command, answer.command_size), OK);
	ck_assert(owner_equal(&update.owner, &net));
	free(answer.command);
}
END_TEST

/* ---- heartbeats -------------------------------------------------------------------------- */

#define BEAT                                                                                       \
	"add _http._tcp.svc.test. 60 PTR beat._http._tcp.svc.test.\n"                              \
	"add beat._http._tcp.svc.test. 60 SRV 0 0 80 h-beat.svc.test.\n"                           \
	"add h-beat.svc.test. 60 A 192.0.2.50\n"

static void register_beat(void)
{
	register_text(&net, 90,
		      "_http._tcp PTR beat._http._tcp\nbeat._http._tcp SRV 0 0 80 h-beat\n"
		      "h-beat A 192.0.2.50\n");
}

static struct lease *lease_of(const char *text)
{
	uint8_t name[DNS_NAME_MAX];
	const struct zone *zone;

	world_name(name, "svc.test.");
	zone = root_zone(world.root, name);
	world_name(name, text);
	return node_lease(zone_node(zone, name));
}

static const char *beat(const struct sender *sender, uint32_t lease_s, bool may_beat,
			const char *text)
{
	static struct sent sent;
	static struct update_answer answer;

	make_message(&sent, "svc.test.", DNS_TYPE_SOA, DNS_CLASS_IN, lease_s, text);
	const enum update_outcome outcome = receive(sender, &sent, may_beat, &answer);

	ck_assert(!answer.is_beat || answer.result.lease.lease_s == lease_s);
	return outcome_text(outcome, &answer);
}

START_TEST(what_changes_nothing_is_answered_here)
{
	register_beat();
	ck_assert_str_eq(beat(&local, 90, true, BEAT), "NOERROR beat");
	ck_assert_uint_eq(lease_of("beat._http._tcp.svc.test.")->renewed_ms, NOW_S * 1000);
	ck_assert_uint_eq(lease_of("h-beat.svc.test.")->renewed_ms, NOW_S * 1000);
	/* A registration in other letter case is a heartbeat. */
	ck_assert_str_eq(beat(&local, 90, true,
			      "add BEAT._http._tcp.svc.test. 60 SRV 0 0 80 H-BEAT.svc.test.\n"),
			 "NOERROR beat");
	/* In the form that SRP clients send. */
	ck_assert_str_eq(beat(&local, 90, true,
			      "del h-beat.svc.test.\nadd h-beat.svc.test. 60 A 192.0.2.50\n"),
			 "NOERROR beat");
}
END_TEST

START_TEST(what_changes_something_is_logged)
{
	const struct sender signed_one = {
		.rules = "[{allow: {}}]", .peer = "192.0.2.77", .has_key = true};

	register_beat();
	ck_assert_str_eq(beat(&local, 90, true, BEAT "add h-beat.svc.test. 60 A 192.0.2.51\n"),
			 "submit");
	ck_assert_str_eq(beat(&local, 60, true, BEAT), "submit");
	ck_assert_str_eq(beat(&local, 90, false, BEAT), "submit");
	/* Another owner's: apply refuses it. */
	ck_assert_str_eq(beat(&signed_one, 90, true, BEAT), "submit");
	lease_of("h-beat.svc.test.")->renewed_ms = LEASE_EXPIRING;
	ck_assert_str_eq(beat(&local, 90, true, BEAT), "submit");
}
END_TEST

static bool is_beat(const char *rules, const char *peer, const char *text)
{
	const struct sender sender = {.rules = rules, .peer = peer, .is_tcp = true};
	const char *outcome = beat(&sender, 90, true, text);

	ck_assert_msg(strcmp(outcome, "NOERROR beat") == 0 || strstr(outcome, "REFUSED") != NULL,
		      "%s", outcome);
	return strstr(outcome, "REFUSED") == NULL;
}

/* What stands there is not looked at closely, but who says so is asked for leave. */
START_TEST(a_heartbeat_needs_leave)
{
	static const char loop[] = "add h-loop.svc.test. 60 A 127.0.0.1\n";
	static const char beyond[] = "add h-loop.svc.test. 60 AAAA ::1\n";

	register_beat();
	register_text(&net, 90, "h-loop A 127.0.0.1\nh-loop AAAA ::1\n");
	ck_assert(is_beat("[{allow: {}}]", "192.0.2.77", BEAT));
	ck_assert(!is_beat("[{deny: {}}]", "192.0.2.77", BEAT));
	ck_assert(!is_beat("[{allow: {net: 198.51.100.0/24}}]", "192.0.2.77", BEAT));
	ck_assert(is_beat("[{allow: {net: 192.0.2.0/24}}]", "192.0.2.77", BEAT));
	ck_assert(is_beat("[{deny: {type: _ipp._tcp}}, {allow: {}}]", "192.0.2.77", BEAT));
	ck_assert(!is_beat("[{deny: {type: _http._tcp}}, {allow: {}}]", "192.0.2.77", BEAT));
	ck_assert(!is_beat("[{deny: {instance: b*}}, {allow: {}}]", "192.0.2.77", BEAT));
	ck_assert(is_beat("[{allow: {}}]", "127.0.0.1", loop));
	ck_assert(!is_beat("[{allow: {}}]", "192.0.2.77", loop));
	ck_assert(!is_beat("[{allow: {}}]", "192.0.2.77", beyond));
}
END_TEST

/* 2^31 and more is 0 (RFC 2181 8), which is another TTL than the longest that is granted. */
START_TEST(a_ttl_with_the_upper_bit_is_no_heartbeat)
{
	register_text(&net, 90, "long 90 A 192.0.2.50\n");
	ck_assert_str_eq(beat(&local, 90, true, "update long.svc.test. A 1 86400 c0000232\n"),
			 "NOERROR beat");
	ck_assert_str_eq(beat(&local, 90, true, "update long.svc.test. A 1 2147483648 c0000232\n"),
			 "submit");
}
END_TEST

START_TEST(prerequisites_alone_are_answered_here)
{
	static const struct update_case cases[] = {
		{"", "NOERROR"},
		{"yxdomain svc.test.\n", "NOERROR"},
		{"nxdomain svc.test.\n", "YXDOMAIN"},
		{"yxdomain none.svc.test.\n", "NXDOMAIN"},
		{"nxrrset h-key.svc.test. A\n", "YXRRSET"},
		{"yxrrset h-key.svc.test. TXT\n", "NXRRSET"},
		{"yxrrset h-key.svc.test. A 192.0.2.9\n", "NOERROR"},
		{"yxrrset h-key.svc.test. A 192.0.2.8\n", "NXRRSET"},
		/* a record said twice is there once */
		{"yxrrset h-key.svc.test. A 192.0.2.9\nyxrrset h-key.svc.test. A 192.0.2.9\n",
		 "NOERROR"},
		/* with a change, apply has the word */
		{"nxdomain svc.test.\nadd x.svc.test. 60 A 192.0.2.1\n", "submit"},
	};

	check_cases(&local, cases, COUNT_OF(cases));
	ck_assert_str_eq(beat(&local, 0, false, "yxdomain svc.test.\n"), "submit");
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------ */

START_TEST(nth_allocation_fails_cleanly)
{
	static struct sent sent;
	struct update_answer answer;
	const struct sockaddr_storage peer = address_of("127.0.0.1");
	struct conf *conf = conf_of("[{deny: {environment: x}}, {hold: {}}]\n    environment: env");
	const struct access_identity identity = {.peer = &peer};
	const struct update_request request = {.root = world.root,
					       .conf = conf,
					       .message = &sent.message,
					       .identity = &identity,
					       .may_beat = true};
	unsigned failures = 0;

	make_message(&sent, "svc.test.", DNS_TYPE_SOA, DNS_CLASS_IN, 0,
		     "yxrrset svc.test. NS ns.svc.test.\nadd x.svc.test. 60 A 192.0.2.1\n"
		     "add x._http._tcp.svc.test. 60 TXT \"env=y\"\n"
		     "add web-1._http._tcp.svc.test. 60 SRV 0 0 80 h-key.svc.test.\n");
	for (unsigned n = 0;; n++) {
		struct arena small;
		enum update_outcome outcome;

		arena_init(&small, 64);
		fail_alloc_after(n);
		outcome = update_receive(&request, &small, &answer);
		fail_alloc_off();
		arena_deinit(&small);
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(outcome, UPDATE_SUBMIT);
			free(answer.command);
			break;
		}
		failures++;
		ck_assert_int_eq(outcome, UPDATE_REPLY);
		ck_assert_uint_eq(answer.result.rcode, DNS_RCODE_SERVFAIL);
		ck_assert_ptr_null(answer.command);
	}
	ck_assert_uint_gt(failures, 8);
	conf_unref(conf);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_zone_is_judged_first,
		forms_are_checked_as_rfc_2136_says,
		rdata_is_checked_before_all_else,
		signers_types_are_refused,
		addresses_that_make_no_sense_from_afar_are_refused,
		the_command_says_what_the_message_said,
		what_changes_nothing_is_answered_here,
		what_changes_something_is_logged,
		a_heartbeat_needs_leave,
		a_ttl_with_the_upper_bit_is_no_heartbeat,
		prerequisites_alone_are_answered_here,
		nth_allocation_fails_cleanly,
	};
	int failed;

	set_up();
	failed = run_tests("update", tests, COUNT_OF(tests));
	tear_down();
	return failed;
}
