#include <arpa/inet.h>
#include <stdio.h>

#include "base/err.h"
#include "dns/rrtype.h"
#include "dns/writer.h"
#include "tests/unit/answer/world.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"
#include "update/update.h"

#define NOW_S 1000000

/* ---- messages ---------------------------------------------------------------------------- */

/*
 * An UPDATE as text, a record a line, in the words of nsupdate: nxdomain NAME, yxdomain NAME,
 * nxrrset NAME TYPE, yxrrset NAME TYPE [RDATA], add NAME TTL TYPE RDATA, del NAME [TYPE [RDATA]].
 * prereq and update NAME TYPE CLASS TTL HEX are for what nsupdate would not send.
 */
struct sent {
	uint8_t wire[DNS_MESSAGE_MAX];
	struct dns_message message;
};

struct line {
	enum dns_section section;
	char name[256];
	uint16_t type;
	uint16_t class;
	uint32_t ttl;
	uint8_t rdata[1024];
	uint16_t size;
};

static void parse_rdata(struct line *line, const char *text)
{
	static const uint8_t root[] = {0};
	char master[2048];
	char type[16];
	struct world_text records;

	snprintf(master, sizeof(master), "%s 0 %s %s\n", line->name,
		 dns_rrtype_to_text(type, line->type), text);
	world_read(&records, root, master, true);
	ck_assert_uint_eq(records.count, 1);
	line->size = records.records[0].record.size;
	memcpy(line->rdata, records.records[0].record.rdata, line->size);
	world_forget(&records);
}

static void parse_raw(struct line *line, const char *rest)
{
	char type[16];
	char hex[2048] = "";
	unsigned class;

	ck_assert_int_ge(
		sscanf(rest, "%255s %15s %u %u %2047s", line->name, type, &class, &line->ttl, hex),
		4);
	ck_assert_int_eq(dns_rrtype_from_text(&line->type, type), OK);
	line->class = (uint16_t) class;
	line->size = (uint16_t)hex_read(line->rdata, sizeof(line->rdata), hex);
}

/* add: a TTL stands before the type. */
static void parse_add(struct line *line, const char *rest)
{
	char type[16];
	int at = 0;

	ck_assert_int_eq(sscanf(rest, "%255s %u %15s %n", line->name, &line->ttl, type, &at), 3);
	ck_assert_int_eq(dns_rrtype_from_text(&line->type, type), OK);
	line->class = DNS_CLASS_IN;
	parse_rdata(line, rest + at);
}

/* The others: ANY or NONE by what is given. */
static void parse_other(struct line *line, const char *word, const char *rest)
{
	const bool is_missing = strncmp(word, "nx", 2) == 0;
	char type[16] = "ANY";
	int at = 0;
	const int words = sscanf(rest, "%255s %15s %n", line->name, type, &at);

	ck_assert_int_ge(words, 1);
	ck_assert_int_eq(dns_rrtype_from_text(&line->type, type), OK);
	line->class = is_missing ? DNS_CLASS_NONE : DNS_CLASS_ANY;
	if (words == 2 && rest[at] != '\0') {
		line->class = strcmp(word, "del") == 0 ? DNS_CLASS_NONE : DNS_CLASS_IN;
		parse_rdata(line, rest + at);
	}
}

static void parse_line(struct line *line, const char *text)
{
	char word[16];
	int at = 0;

	*line = (struct line){.ttl = 0};
	ck_assert_int_eq(sscanf(text, "%15s %n", word, &at), 1);
	line->section =
		strcmp(word, "add") == 0 || strcmp(word, "del") == 0 || strcmp(word, "update") == 0
			? DNS_UPDATE
			: DNS_PREREQUISITE;
	if (strcmp(word, "add") == 0) {
		parse_add(line, text + at);
	} else if (strcmp(word, "prereq") == 0 || strcmp(word, "update") == 0) {
		parse_raw(line, text + at);
	} else {
		parse_other(line, word, text + at);
	}
}

static void put_lines(struct dns_writer *writer, const char *text, enum dns_section section)
{
	while (*text != '\0') {
		const size_t size = strcspn(text, "\n");
		char one[2048];
		struct line line;
		uint8_t name[DNS_NAME_MAX];

		snprintf(one, sizeof(one), "%.*s", (int)size, text);
		parse_line(&line, one);
		world_name(name, line.name);
		if (line.section == section) {
			ck_assert_int_eq(dns_writer_rr(writer, section, name, line.type, line.class,
						       line.ttl, line.rdata, line.size),
					 OK);
		}
		text += size + (text[size] == '\n' ? 1 : 0);
	}
}

static void put_lease(struct dns_writer *writer, uint32_t lease_s)
{
	const struct dns_edns_reply edns = {.udp_size = 1232,
					    .lease = {.present = true, .lease_s = lease_s}};
	uint8_t octets[64];
	struct buf_writer out = buf_writer(octets, sizeof(octets));

	dns_edns_write(&out, &edns, 0);
	ck_assert_int_eq(dns_writer_raw(writer, octets, buf_written(&out)), OK);
}

static void make_message(struct sent *sent, const char *zone, uint16_t type, uint16_t class,
			 uint32_t lease_s, const char *text)
{
	struct dns_writer writer;
	uint8_t name[DNS_NAME_MAX];

	world_name(name, zone);
	dns_writer_init(&writer, sent->wire, sizeof(sent->wire));
	dns_writer_flags(&writer, DNS_OPCODE_UPDATE << 11, 0);
	ck_assert_int_eq(dns_writer_question(&writer, name, type, class), OK);
	put_lines(&writer, text, DNS_PREREQUISITE);
	put_lines(&writer, text, DNS_UPDATE);
	if (lease_s > 0) {
		put_lease(&writer, lease_s);
	}
	ck_assert_int_eq(dns_message_parse(&sent->message, sent->wire, dns_writer_finish(&writer)),
			 OK);
}

/* ---- receiving --------------------------------------------------------------------------- */

static struct world world;
static struct arena arena;

struct sender {
	const char *rules; /* of svc.test, in YAML; NULL: the default */
	const char *peer;
	bool is_tcp;
	bool has_key; /* signed by the key ops */
	bool is_terse;
};

static const struct sender local = {.peer = "127.0.0.1"};

static struct conf *conf_of(const char *rules)
{
	char text[2048];
	struct conf_error error;
	struct conf *conf = NULL;

	snprintf(text, sizeof(text),
		 "server: {listen: [127.0.0.1], name: n, data: d}\n"
		 "key: [{name: ops, secret: AAEC}]\n"
		 "zone:\n- {name: test, file: f}\n- {name: later.test, registry: {}}\n"
		 "- {name: absent.test, registry: {}}\n- {name: file.test, file: f}\n"
		 "- name: svc.test\n  registry:\n    %s%s\n",
		 rules == NULL ? "" : "rules: ", rules == NULL ? "ttl: {max: 1d}" : rules);
	ck_assert_msg(conf_parse(&conf, text, strlen(text), "w.conf", ".", &error) == OK, "%s",
		      error.text);
	return conf;
}

static struct sockaddr_storage address_of(const char *text)
{
	struct sockaddr_storage address = {.ss_family = AF_INET};
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		memcpy(&address, &v4, sizeof(v4));
	} else {
		ck_assert_int_eq(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
		memcpy(&address, &v6, sizeof(v6));
	}
	return address;
}

/* Once; keep what is in the answer no longer than until the next. */
static enum update_outcome receive(const struct sender *sender, const struct sent *sent,
				   bool may_beat, struct update_answer *answer)
{
	const struct sockaddr_storage peer = address_of(sender->peer);
	struct conf *conf = conf_of(sender->rules);
	const struct access_identity identity = {.peer = &peer,
						 .transport =
							 sender->is_tcp ? ACCESS_TCP : ACCESS_UDP,
						 .key = sender->has_key ? &conf->keys[0] : NULL};
	const struct update_request request = {.root = world.root,
					       .conf = conf,
					       .message = &sent->message,
					       .identity = &identity,
					       .signed_s = NOW_S,
					       .now_s = NOW_S,
					       .now_ms = NOW_S * 1000,
					       .may_beat = may_beat,
					       .is_terse = sender->is_terse};
	enum update_outcome outcome;

	arena_reset(&arena);
	outcome = update_receive(&request, &arena, answer);
	conf_unref(conf);
	return outcome;
}

static const char *rcode_text(unsigned rcode)
{
	static const char *const texts[] = {
		"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",
		"YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE",
	};

	return texts[rcode];
}

static const char *flags_text(const struct update_answer *answer)
{
	struct command_update update;

	ck_assert_int_eq(command_read_update(&update, answer->command, answer->command_size), OK);
	ck_assert(!update.takeover || !update.hold);
	return update.takeover ? " takeover" : update.hold ? " hold" : "";
}

/* What came of it, in a line; frees the command. */
static const char *outcome_text(enum update_outcome outcome, struct update_answer *answer)
{
	static char out[512];
	const struct command_result *result = &answer->result;

	if (outcome == UPDATE_SUBMIT) {
		snprintf(out, sizeof(out), "submit%s", flags_text(answer));
		ck_assert(!answer->is_beat && !answer->is_denied);
		free(answer->command);
		return out;
	}
	ck_assert_ptr_null(answer->command);
	snprintf(out, sizeof(out), "%s%s%s", rcode_text(result->rcode),
		 answer->is_beat ? " beat" : "", answer->is_denied ? " denied" : "");
	if (result->has_ede) {
		snprintf(out + strlen(out), sizeof(out) - strlen(out), " %u: %s", result->ede,
			 result->ede_text);
	}
	return out;
}

struct update_case {
	const char *text;
	const char *expected;
};

static void check_cases(const struct sender *sender, const struct update_case *cases, size_t count)
{
	static struct sent sent;
	struct update_answer answer;

	for (size_t i = 0; i < count; i++) {
		make_message(&sent, "svc.test.", DNS_TYPE_SOA, DNS_CLASS_IN, 0, cases[i].text);
		const enum update_outcome outcome = receive(sender, &sent, true, &answer);
		const char *got = outcome_text(outcome, &answer);

		ck_assert_msg(strcmp(got, cases[i].expected) == 0, "%s:\n%s\ninstead of\n%s",
			      cases[i].text, got, cases[i].expected);
	}
}

/* ---- the registry ------------------------------------------------------------------------ */

static const struct owner net = {.kind = OWNER_NET};
static const struct owner key = {.kind = OWNER_KEY, .id = (const uint8_t *)"\3ops", .id_size = 5};

static void register_text(const struct owner *owner, uint32_t lease_s, const char *text)
{
	struct command_result result;
	char master[1024];

	snprintf(master, sizeof(master), "$ORIGIN svc.test.\n$TTL 60\n%s", text);
	world_update(&world, "svc.test.", owner, lease_s, master, &result);
	world_must(result.rcode);
}

static void set_up(void)
{
	static const uint8_t ring_key[SIPHASH_KEY_SIZE];
	const struct zone_shape shape = world_shape();
	struct root_writer *writer;
	uint8_t apex[DNS_NAME_MAX];

	arena_init(&arena, 65536);
	world_init(&world);
	world_static(&world, "test.",
		     "$ORIGIN test.\n@ 300 SOA ns admin 7 1 1 1 60\n@ 300 NS ns\n");
	world_registry(&world, "svc.test.", &shape,
		       "$ORIGIN svc.test.\n$TTL 300\n"
		       "@ SOA ns admin 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.1\n");
	world_name(apex, "later.test.");
	writer = world_begin(&world);
	world_must(zone_open(writer, apex, &shape, ring_key));
	world_commit(&world, writer);
	register_text(&key, 0,
		      "_http._tcp PTR web-1._http._tcp\nweb-1._http._tcp SRV 0 0 80 h-key\n"
		      "web-1._http._tcp TXT \"a\"\nh-key A 192.0.2.9\n");
	register_text(&net, 0, "other._ssh._tcp SRV 0 0 22 h-net\nh-net A 192.0.2.10\n");
}

static void tear_down(void)
{
	world_deinit(&world);
	arena_deinit(&arena);
}

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

/* ---- rules ------------------------------------------------------------------------------- */

START_TEST(without_rules_loopback_alone_may_register)
{
	static const struct update_case near_cases[] = {
		{"add x.svc.test. 60 A 192.0.2.1\n", "submit"},
		{"add _http._tcp.svc.test. 60 PTR w._http._tcp.svc.test.\n", "submit"},
		{"add svc.test. 60 TXT \"apex\"\n", "submit"},
	};
	static const struct update_case far_cases[] = {
		{"add x.svc.test. 60 A 192.0.2.1\n",
		 "REFUSED denied 18: x.svc.test. refused by default: loopback only"},
		{"del w._http._tcp.svc.test.\n",
		 "REFUSED denied 18: w._http._tcp.svc.test. refused by default: loopback only"},
	};
	const struct sender afar = {.peer = "192.0.2.77", .is_tcp = true, .has_key = true};
	const struct sender local6 = {.peer = "::1"};

	check_cases(&local, near_cases, COUNT_OF(near_cases));
	check_cases(&local6, near_cases, COUNT_OF(near_cases));
	check_cases(&afar, far_cases, COUNT_OF(far_cases));
}
END_TEST

#define WEB_RULE "[{allow: {key: ops, type: _http._tcp, instance: \"web-*\"}, name: web}]"
#define NOT(name) "REFUSED denied 18: " name " refused by no rule allows this"

static const struct sender web = {
	.rules = WEB_RULE, .peer = "192.0.2.77", .is_tcp = false, .has_key = true};

START_TEST(an_instance_is_judged_by_type_and_label)
{
	static const struct update_case cases[] = {
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 h2.svc.test.\n", "submit"},
		{"add WEB-2._HTTP._tcp.svc.test. 60 SRV 0 0 80 h2.svc.test.\n", "submit"},
		{"del web-1._http._tcp.svc.test.\n", "submit"},
		{"del web-1._http._tcp.svc.test. TXT\n", "submit"},
		{"add db-2._http._tcp.svc.test. 60 TXT \"x\"\n", NOT("db-2._http._tcp.svc.test.")},
		{"add web-2._ssh._tcp.svc.test. 60 TXT \"x\"\n", NOT("web-2._ssh._tcp.svc.test.")},
		{"add web-2._http._udp.svc.test. 60 TXT \"x\"\n",
		 NOT("web-2._http._udp.svc.test.")},
		/* deeper, and not below a type of the apex */
		{"add x.web-2._http._tcp.svc.test. 60 TXT \"x\"\n",
		 NOT("x.web-2._http._tcp.svc.test.")},
		{"add web-2._http._tcp.sub.svc.test. 60 TXT \"x\"\n",
		 NOT("web-2._http._tcp.sub.svc.test.")},
	};

	check_cases(&web, cases, COUNT_OF(cases));
}
END_TEST

START_TEST(a_ptr_at_a_type_is_judged_as_its_target)
{
	static const struct update_case cases[] = {
		{"add _http._tcp.svc.test. 60 PTR web-2._http._tcp.svc.test.\n", "submit"},
		{"add _p._sub._http._tcp.svc.test. 60 PTR web-1._http._tcp.svc.test.\n", "submit"},
		{"del _http._tcp.svc.test. PTR web-1._http._tcp.svc.test.\n", "submit"},
		{"add _http._tcp.svc.test. 60 PTR db._http._tcp.svc.test.\n",
		 NOT("db._http._tcp.svc.test.")},
		/* an instance of another type does not belong there */
		{"add _ssh._tcp.svc.test. 60 PTR web-2._http._tcp.svc.test.\n",
		 NOT("_ssh._tcp.svc.test.")},
		{"add _p._sub._ssh._tcp.svc.test. 60 PTR web-2._http._tcp.svc.test.\n",
		 NOT("_p._sub._ssh._tcp.svc.test.")},
		{"add _http._tcp.svc.test. 60 PTR web-2._http._tcp.example.org.\n",
		 NOT("_http._tcp.svc.test.")},
		{"add _http._tcp.svc.test. 60 PTR h.svc.test.\n", NOT("_http._tcp.svc.test.")},
		{"del _http._tcp.svc.test. PTR\n", NOT("_http._tcp.svc.test.")},
		{"del _http._tcp.svc.test.\n", NOT("_http._tcp.svc.test.")},
		{"add _http._tcp.svc.test. 60 TXT \"x\"\n", NOT("_http._tcp.svc.test.")},
		{"add x.svc.test. 60 PTR web-2._http._tcp.svc.test.\n", NOT("x.svc.test.")},
		{"add _services._dns-sd._udp.svc.test. 60 PTR _http._tcp.svc.test.\n",
		 NOT("_services._dns-sd._udp.svc.test.")},
	};

	check_cases(&web, cases, COUNT_OF(cases));
}
END_TEST

START_TEST(a_host_is_allowed_with_an_instance_that_points_to_it)
{
	static const struct update_case cases[] = {
		/* of this message, before or behind */
		{"add h2.svc.test. 60 A 192.0.2.2\n"
		 "add web-2._http._tcp.svc.test. 60 SRV 0 0 80 H2.svc.test.\n",
		 "submit"},
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 h2.svc.test.\n"
		 "add web-3._http._tcp.svc.test. 60 SRV 0 0 80 h3.svc.test.\n"
		 "del h3.svc.test. A\nadd h3.svc.test. 60 A 192.0.2.2\nadd h2.svc.test. 60 AAAA "
		 "2001:db8::2\n",
		 "submit"},
		/* of the registry, and of the same owner */
		{"add h-key.svc.test. 60 A 192.0.2.99\n", "submit"},
		{"del h-key.svc.test.\n", "submit"},
		{"add h-net.svc.test. 60 A 192.0.2.99\n", NOT("h-net.svc.test.")},
		/* of neither */
		{"add h2.svc.test. 60 A 192.0.2.2\n", NOT("h2.svc.test.")},
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 h2.svc.test.\n"
		 "add h3.svc.test. 60 A 192.0.2.2\n",
		 NOT("h3.svc.test.")},
		/* an SRV that is taken away, or stands elsewhere, points to nothing */
		{"del web-2._http._tcp.svc.test. SRV 0 0 80 h2.svc.test.\n"
		 "add h2.svc.test. 60 A 192.0.2.2\n",
		 NOT("h2.svc.test.")},
		{"add h2.svc.test. 60 SRV 0 0 80 h2.svc.test.\n", NOT("h2.svc.test.")},
		/* what may not be a host */
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 svc.test.\n"
		 "add svc.test. 60 A 192.0.2.2\n",
		 NOT("svc.test.")},
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 http.pool.svc.test.\n"
		 "add http.pool.svc.test. 60 A 192.0.2.2\n",
		 NOT("http.pool.svc.test.")},
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 db._http._tcp.svc.test.\n"
		 "add db._http._tcp.svc.test. 60 A 192.0.2.2\n",
		 NOT("db._http._tcp.svc.test.")},
	};

	check_cases(&web, cases, COUNT_OF(cases));
}
END_TEST

START_TEST(a_host_of_the_registry_needs_a_rule_that_lets_the_sender_in)
{
	static const struct update_case refused[] = {
		{"add h-net.svc.test. 60 A 192.0.2.99\n", NOT("h-net.svc.test.")},
	};
	static const struct update_case allowed[] = {
		{"add h-net.svc.test. 60 A 192.0.2.99\n", "submit"},
	};
	struct sender sender = {
		.rules = "[{allow: {net: 192.0.2.0/24, type: _ssh._tcp, instance: \"o?h*\"}}]",
		.peer = "198.51.100.1",
		.is_tcp = true};

	check_cases(&sender, refused, COUNT_OF(refused));
	sender.peer = "192.0.2.77";
	check_cases(&sender, allowed, COUNT_OF(allowed));
	/* By UDP the address may be forged. */
	sender.is_tcp = false;
	check_cases(&sender, refused, COUNT_OF(refused));
}
END_TEST

START_TEST(the_first_name_refused_refuses_the_message)
{
	static const struct update_case cases[] = {
		{"add web-2._http._tcp.svc.test. 60 TXT \"x\"\n"
		 "add db-1._http._tcp.svc.test. 60 TXT \"x\"\n"
		 "add db-2._http._tcp.svc.test. 60 TXT \"x\"\n",
		 NOT("db-1._http._tcp.svc.test.")},
		{"add web-2._http._tcp.svc.test. 60 TXT \"x\"\nadd svc.test. 60 TXT \"x\"\n",
		 NOT("svc.test.")},
	};
	static struct sent sent;
	struct update_answer answer;

	check_cases(&web, cases, COUNT_OF(cases));
	make_message(&sent, "svc.test.", DNS_TYPE_SOA, DNS_CLASS_IN, 0, cases[0].text);
	ck_assert_int_eq(receive(&web, &sent, true, &answer), UPDATE_REPLY);
	ck_assert_str_eq(answer.zone, "svc.test.");
	ck_assert_str_eq(answer.name, "db-1._http._tcp.svc.test.");
	ck_assert_str_eq(answer.reason, "no rule allows this");

	/* Where nobody reads why, it is refused as well. */
	struct sender terse = web;
	terse.is_terse = true;
	ck_assert_int_eq(receive(&terse, &sent, true, &answer), UPDATE_REPLY);
	ck_assert(answer.is_denied && answer.result.rcode == DNS_RCODE_REFUSED);
	ck_assert(!answer.result.has_ede && answer.reason[0] == '\0');
}
END_TEST

START_TEST(a_refusal_names_its_rule)
{
	static const struct update_case named[] = {
		{"add x.svc.test. 60 A 192.0.2.1\n",
		 "REFUSED denied 18: x.svc.test. refused by rule strangers"},
	};
	static const struct update_case unproven[] = {
		{"add x.svc.test. 60 A 192.0.2.1\n", "REFUSED denied 18: x.svc.test. refused by "
						     "rule 1 (line 10) counts by TCP, with "
						     "a cookie or a key only"},
	};
	static const struct update_case proven[] = {
		{"add x.svc.test. 60 A 192.0.2.1\n", "submit"},
	};
	const struct sender stranger = {.rules = "[{deny: {net: 192.0.2.0/24}, name: strangers}]",
					.peer = "192.0.2.77",
					.is_tcp = true};
	struct sender sender = {.rules = "[{allow: {net: 192.0.2.0/24}}]", .peer = "192.0.2.77"};

	check_cases(&stranger, named, COUNT_OF(named));
	check_cases(&sender, unproven, COUNT_OF(unproven));
	sender.is_tcp = true;
	check_cases(&sender, proven, COUNT_OF(proven));
}
END_TEST

START_TEST(a_long_name_does_not_hide_the_rule)
{
	static struct sent sent;
	struct update_answer answer;
	char text[512];
	const char *label = "123456789.123456789.123456789.123456789.123456789.";

	snprintf(text, sizeof(text), "add %s%s%s%ssvc.test. 60 A 192.0.2.1\n", label, label, label,
		 label);
	make_message(&sent, "svc.test.", DNS_TYPE_SOA, DNS_CLASS_IN, 0, text);
	ck_assert_int_eq(receive(&web, &sent, true, &answer), UPDATE_REPLY);
	ck_assert_ptr_nonnull(strstr(answer.result.ede_text, "... refused by no rule allows this"));
	ck_assert_uint_gt(strlen(answer.name), 200);
}
END_TEST

START_TEST(takeover_holds_when_every_rule_used_gives_it)
{
	static const struct update_case cases[] = {
		{"add web-1._http._tcp.svc.test. 60 TXT \"x\"\n", "submit takeover"},
		{"add web-1._http._tcp.svc.test. 60 SRV 0 0 80 h.svc.test.\n"
		 "add h.svc.test. 60 A 192.0.2.1\n",
		 "submit takeover"},
		{"add web-1._http._tcp.svc.test. 60 TXT \"x\"\n"
		 "add x._ssh._tcp.svc.test. 60 TXT \"x\"\n",
		 "submit"},
		{"add x._ssh._tcp.svc.test. 60 TXT \"x\"\n", "submit"},
		{"yxdomain svc.test.\n", "NOERROR"},
	};
	const struct sender sender = {.rules = "[{allow: {key: ops, type: _http._tcp}, takeover: "
					       "true}, {allow: {key: ops, type: _ssh._tcp}}]",
				      .peer = "192.0.2.77",
				      .has_key = true};

	check_cases(&sender, cases, COUNT_OF(cases));
}
END_TEST

START_TEST(a_rule_that_holds_lets_instances_in_and_says_so)
{
	static const struct update_case cases[] = {
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 h2.svc.test.\n"
		 "add _http._tcp.svc.test. 60 PTR web-2._http._tcp.svc.test.\n"
		 "add h2.svc.test. 60 A 192.0.2.1\n",
		 "submit hold"},
		{"add _http._tcp.svc.test. 60 PTR web-2._http._tcp.svc.test.\n", "submit hold"},
		/* one that is held holds the whole message */
		{"add x._ssh._tcp.svc.test. 60 SRV 0 0 22 h2.svc.test.\n"
		 "add web-2._http._tcp.svc.test. 60 SRV 0 0 80 h2.svc.test.\n",
		 "submit hold"},
		{"add x._ssh._tcp.svc.test. 60 SRV 0 0 22 h2.svc.test.\n", "submit"},
		/* its own host may be said again, of a stranger's nothing is said */
		{"add h-key.svc.test. 60 A 192.0.2.8\n", "submit"},
		{"add x.svc.test. 60 A 192.0.2.9\n", NOT("x.svc.test.")},
	};
	static const struct update_case general[] = {
		{"add x._ssh._tcp.svc.test. 60 SRV 0 0 22 h2.svc.test.\n", "submit hold"},
		/* whatever comes behind the instance */
		{"add x._ssh._tcp.svc.test. 60 SRV 0 0 22 h2.svc.test.\n"
		 "add x.svc.test. 60 A 192.0.2.9\n",
		 "submit hold"},
		/* a name by itself is had by that name alone */
		{"add x.svc.test. 60 A 192.0.2.9\n", "submit"},
		/* at a shared name there is nothing to hold */
		{"add _ssh._tcp.svc.test. 60 TXT \"x\"\n",
		 "REFUSED denied 18: _ssh._tcp.svc.test. refused by rule quarantine, which holds "
		 "instances only"},
	};
	struct sender sender = {.rules = "[{hold: {key: ops, type: _http._tcp}}, {allow: {key: "
					 "ops, type: _ssh._tcp}}]",
				.peer = "192.0.2.77",
				.has_key = true};

	check_cases(&sender, cases, COUNT_OF(cases));
	sender.rules = "[{hold: {}, name: quarantine}]";
	check_cases(&sender, general, COUNT_OF(general));
}
END_TEST

#define PROD(name) "REFUSED denied 18: " name " refused by rule production is elsewhere"

START_TEST(an_environment_is_what_the_message_says_else_the_registry)
{
	static const struct update_case cases[] = {
		{"add web-2._http._tcp.svc.test. 60 TXT \"env=prod\"\n",
		 PROD("web-2._http._tcp.svc.test.")},
		{"add web-2._http._tcp.svc.test. 60 TXT \"env=test\"\n", "submit"},
		/* said behind the records that it is about, and of a target */
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 h2.svc.test.\n"
		 "add a._http._tcp.svc.test. 60 TXT \"env=test\"\n"
		 "add web-2._http._tcp.svc.test. 60 TXT \"env=prod\"\n",
		 PROD("web-2._http._tcp.svc.test.")},
		{"add _http._tcp.svc.test. 60 PTR WEB-2._http._tcp.svc.test.\n"
		 "add web-2._http._tcp.svc.test. 60 TXT \"x\"\n"
		 "add web-2._http._tcp.svc.test. 60 TXT \"Env=prod\"\n",
		 PROD("WEB-2._http._tcp.svc.test.")},
		/* the registry says it, unless the message does */
		{"add _http._tcp.svc.test. 60 PTR p._http._tcp.svc.test.\n",
		 PROD("p._http._tcp.svc.test.")},
		{"del p._http._tcp.svc.test.\n", PROD("p._http._tcp.svc.test.")},
		{"add p._http._tcp.svc.test. 60 TXT \"env=test\"\n", "submit"},
		/* what is deleted is not said */
		{"del p._http._tcp.svc.test. TXT \"env=test\"\n", PROD("p._http._tcp.svc.test.")},
		/* other names are of no environment */
		{"add x.svc.test. 60 TXT \"env=prod\"\n", "submit"},
	};
	const struct sender sender = {
		.rules = "[{deny: {environment: prod}, name: production is elsewhere}, "
			 "{allow: {key: ops}}]\n    environment: env",
		.peer = "192.0.2.77",
		.has_key = true};
	const struct sender strict = {
		.rules = "[{allow: {environment: test}}]\n    environment: env",
		.peer = "192.0.2.77",
		.has_key = true};
	static const struct update_case strict_cases[] = {
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 h2.svc.test.\n"
		 "add h2.svc.test. 60 A 192.0.2.1\n",
		 NOT("web-2._http._tcp.svc.test.")},
		{"add web-2._http._tcp.svc.test. 60 SRV 0 0 80 h2.svc.test.\n"
		 "add web-2._http._tcp.svc.test. 60 TXT \"env=test\"\n"
		 "add h2.svc.test. 60 A 192.0.2.1\n",
		 "submit"},
		/* a host of its owner, who may register something */
		{"add h-key.svc.test. 60 A 192.0.2.8\n", "submit"},
	};

	register_text(&key, 0, "p._http._tcp TXT \"x=1\" \"env=prod\"\n");
	check_cases(&sender, cases, COUNT_OF(cases));
	check_cases(&strict, strict_cases, COUNT_OF(strict_cases));
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

/* A message as large as they come is judged in a time that nobody notices. */
START_TEST(thousands_of_hosts_are_judged)
{
	static struct sent sent;
	static char text[400000];
	struct update_answer answer;
	size_t at = 0;

	for (unsigned i = 0; i < 1000; i++) {
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "add web-%u._http._tcp.svc.test. 60 SRV 0 0 80 "
				       "g%u.svc.test.\nadd g%u.svc.test. 60 A 192.0.2.1\n",
				       i, i, 999 - i);
	}
	make_message(&sent, "svc.test.", DNS_TYPE_SOA, DNS_CLASS_IN, 0, text);
	ck_assert_int_eq(receive(&web, &sent, true, &answer), UPDATE_SUBMIT);
	free(answer.command);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_zone_is_judged_first,
		without_rules_loopback_alone_may_register,
		an_instance_is_judged_by_type_and_label,
		a_ptr_at_a_type_is_judged_as_its_target,
		a_host_is_allowed_with_an_instance_that_points_to_it,
		a_host_of_the_registry_needs_a_rule_that_lets_the_sender_in,
		the_first_name_refused_refuses_the_message,
		a_refusal_names_its_rule,
		a_long_name_does_not_hide_the_rule,
		takeover_holds_when_every_rule_used_gives_it,
		a_rule_that_holds_lets_instances_in_and_says_so,
		an_environment_is_what_the_message_says_else_the_registry,
		forms_are_checked_as_rfc_2136_says,
		rdata_is_checked_before_all_else,
		signers_types_are_refused,
		addresses_that_make_no_sense_from_afar_are_refused,
		the_command_says_what_the_message_said,
		what_changes_nothing_is_answered_here,
		what_changes_something_is_logged,
		prerequisites_alone_are_answered_here,
		nth_allocation_fails_cleanly,
		thousands_of_hosts_are_judged,
	};
	int failed;

	set_up();
	failed = run_tests("update", tests, COUNT_OF(tests));
	tear_down();
	return failed;
}
