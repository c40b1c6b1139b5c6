/*
 * UPDATEs as text and what comes of them, for tests: sent to one world, in a process of its own for
 * each test.
 */
#pragma once

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conf/conf.h"
#include "dns/rrtype.h"
#include "dns/writer.h"
#include "registry/command.h"
#include "tests/unit/answer/world.h"
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
	struct dns_rr records[8]; /* kept while parsing, where they suffice */
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

static inline void parse_rdata(struct line *line, const char *text)
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

static inline void parse_raw(struct line *line, const char *rest)
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
static inline void parse_add(struct line *line, const char *rest)
{
	char type[16];
	int at = 0;

	ck_assert_int_eq(sscanf(rest, "%255s %u %15s %n", line->name, &line->ttl, type, &at), 3);
	ck_assert_int_eq(dns_rrtype_from_text(&line->type, type), OK);
	line->class = DNS_CLASS_IN;
	parse_rdata(line, rest + at);
}

/* The others: ANY or NONE by what is given. */
static inline void parse_other(struct line *line, const char *word, const char *rest)
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

static inline void parse_line(struct line *line, const char *text)
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

static inline void put_lines(struct dns_writer *writer, const char *text, enum dns_section section)
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

static inline void put_lease(struct dns_writer *writer, uint32_t lease_s)
{
	const struct dns_edns_reply edns = {.udp_size = 1232,
					    .lease = {.present = true, .lease_s = lease_s}};
	uint8_t octets[64];
	struct buf_writer out = buf_writer(octets, sizeof(octets));

	dns_edns_write(&out, &edns, 0);
	ck_assert_int_eq(dns_writer_raw(writer, octets, buf_written(&out)), OK);
}

static inline void make_message(struct sent *sent, const char *zone, uint16_t type, uint16_t class,
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
	ck_assert_int_eq(dns_message_parse_keep(&sent->message, sent->wire,
						dns_writer_finish(&writer), sent->records,
						COUNT_OF(sent->records)),
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

#define WEB_RULE "[{allow: {key: ops, type: _http._tcp, instance: \"web-*\"}, name: web}]"
#define NOT(name) "REFUSED denied 18: " name " refused: no rule allows this"

static const struct sender web = {
	.rules = WEB_RULE, .peer = "192.0.2.77", .is_tcp = false, .has_key = true};

static inline struct conf *conf_of(const char *rules)
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

static inline struct sockaddr_storage address_of(const char *text)
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
static inline enum update_outcome receive(const struct sender *sender, const struct sent *sent,
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

static inline const char *rcode_text(unsigned rcode)
{
	static const char *const texts[] = {
		"NOERROR",  "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",
		"YXDOMAIN", "YXRRSET", "NXRRSET",  "NOTAUTH",  "NOTZONE",
	};

	return texts[rcode];
}

static inline const char *flags_text(const struct update_answer *answer)
{
	struct command_update update;

	ck_assert_int_eq(command_read_update(&update, answer->command, answer->command_size), OK);
	ck_assert(!update.takeover || !update.hold);
	return update.takeover ? " takeover" : update.hold ? " hold" : "";
}

/* What came of it, in a line; frees the command. */
static inline const char *outcome_text(enum update_outcome outcome, struct update_answer *answer)
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

static inline void check_cases(const struct sender *sender, const struct update_case *cases,
			       size_t count)
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

static inline void register_text(const struct owner *owner, uint32_t lease_s, const char *text)
{
	struct command_result result;
	char master[1024];

	snprintf(master, sizeof(master), "$ORIGIN svc.test.\n$TTL 60\n%s", text);
	world_update(&world, "svc.test.", owner, lease_s, master, &result);
	world_must(result.rcode);
}

static inline void set_up(void)
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

static inline void tear_down(void)
{
	world_deinit(&world);
	arena_deinit(&arena);
}
