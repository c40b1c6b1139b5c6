/*
 * `why`: all of `show`, and beside it in sentences what keeps a name from being found, the rule of
 * the present configuration that decides about it, and what a client would be answered now: by the
 * same code that answers clients, by TCP, without the zone's query rules.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "access/access.h"
#include "answer/answer.h"
#include "base/err.h"
#include "base/rand.h"
#include "conf/conf.h"
#include "ctl/inside.h"
#include "dns/rrtype.h"
#include "dns/types.h"

#define RECORDS_MAX 20 /* told of one answer */
#define QUERY_MAX (DNS_HEADER_SIZE + DNS_NAME_MAX + 4)

/* ---- what is in the way ------------------------------------------------------------------ */

__attribute__((format(printf, 2, 3))) static int add_note(json_t *notes, const char *format, ...)
{
	char text[2 * DNS_NAME_TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return json_array_append_new(notes, json_string(text)) == 0 ? OK : ERR_NOMEM;
}

static int note_host(json_t *notes, const struct root *root, const uint8_t *host)
{
	const struct zone *zone = root_zone_for(root, host);
	const struct node *node = zone == NULL ? NULL : zone_node(zone, host);
	char text[DNS_NAME_TEXT_MAX];

	dns_name_to_text(text, host);
	if (zone == NULL) {
		return add_note(notes,
				"its host %s is in no zone served here: clients ask for its "
				"address elsewhere, and the pool's address view lacks it",
				text);
	}
	if (node == NULL ||
	    (!node_has_type(zone, node, DNS_TYPE_A) && !node_has_type(zone, node, DNS_TYPE_AAAA))) {
		return add_note(notes, "its host %s has no address here", text);
	}
	return OK;
}

/* What keeps an instance from being found, beside its state. */
static int note_instance(json_t *notes, const struct root *root, const struct zone *zone,
			 const struct node *node)
{
	uint8_t scratch[SET_SCRATCH];
	struct content content;
	struct set set;
	int ret = OK;

	(void)node_content(node, &content, NULL, 0);
	if (!zone_is_served(zone)) {
		ret = add_note(notes, "its zone is not served: every query is answered SERVFAIL");
	}
	if ((content.flags & NAME_HELD) != 0) {
		ret = add_note(notes, "it is held: found by its own name, and in no list and pool "
				      "until it is released");
	}
	if ((content.flags & NAME_PTR) == 0) {
		ret = add_note(notes, "its PTR at the type was never sent, or was deleted: it is "
				      "found by its own name alone");
	}
	if (!node_set(zone, node, DNS_TYPE_SRV, &set)) {
		return add_note(notes, "it has no SRV: there is no host and no port to tell");
	}
	for (uint32_t i = 0; ret == OK && i < set.count && i < RECORDS_MAX; i++) {
		uint16_t size;

		ret = note_host(notes, root,
				dns_srv_view(set_member(&set, i, scratch, &size)).target);
	}
	return ret;
}

static int note_other(json_t *notes, const struct zone *zone, const struct node *node)
{
	struct content content;

	(void)node_content(node, &content, NULL, 0);
	if (content.owner.kind <= OWNER_BASE) {
		return OK;
	}
	const size_t pointers = zone_pointers(zone, node_name(node), &content.owner);
	int ret = add_note(notes, "instances of its owner that point to it: %zu", pointers);
	if (ret == OK && (content.flags & NAME_OVERDUE) != 0) {
		ret = add_note(notes, "its lease is over: it goes with the last of these");
	}
	return ret;
}

/* ---- the rule ---------------------------------------------------------------------------- */

#define TEXTS_MAX 32 /* TXT records of an instance that rules are shown */

/* The TXT records at a node, by which rules know its environment. */
static size_t node_texts(const struct zone *zone, const struct node *node,
			 struct access_text out[TEXTS_MAX])
{
	uint8_t scratch[SET_SCRATCH];
	struct set set;
	size_t count = 0;

	if (!node_set(zone, node, DNS_TYPE_TXT, &set)) {
		return 0;
	}
	for (uint32_t i = 0; i < set.count && count < TEXTS_MAX; i++) {
		uint16_t size;

		out[count].rdata = set_member(&set, i, scratch, &size);
		out[count++].size = size;
	}
	return count;
}

/* As its owner would be judged today, by TCP and from this machine; null where nobody is. */
static json_t *judge(const struct ctl_options *options, const struct zone *zone,
		     const struct node *node)
{
	const struct conf_zone *conf = conf_zone_find(options->conf, zone_apex(zone));
	const struct sockaddr_in here = {.sin_family = AF_INET,
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const bool is_instance = zone_role(zone, node_name(node)) == ROLE_INSTANCE;
	struct sockaddr_storage peer = {0};
	struct access_identity identity = {.peer = &peer, .transport = ACCESS_TCP};
	struct access_subject subject = {.type = NULL};
	struct access_text texts[TEXTS_MAX];
	uint8_t type[DNS_NAME_MAX];
	struct content content;
	char as[DNS_NAME_TEXT_MAX + 8];
	char text[256];

	(void)node_content(node, &content, NULL, 0);
	if (conf == NULL || (content.owner.kind != OWNER_NET && content.owner.kind != OWNER_KEY)) {
		return json_null();
	}
	memcpy(&peer, &here, sizeof(here));
	owner_text(as, &content.owner);
	if (content.owner.kind == OWNER_KEY) {
		identity.key = conf_key_find(options->conf, content.owner.id);
		if (identity.key == NULL) {
			return json_pack("{s:s, s:s, s:s}", "verdict", "deny", "text",
					 "its key is in the configuration no more", "judged", as);
		}
	}
	if (is_instance) {
		const uint8_t *full = zone_type_of(ROLE_INSTANCE, node_name(node));
		const size_t size = full[0] + 1u + dns_name_parent(full)[0] + 1u;

		memcpy(type, full, size);
		type[size] = 0;
		subject = (struct access_subject){.type = type,
						  .instance = node_name(node),
						  .texts = texts,
						  .text_count = node_texts(zone, node, texts)};
	}
	const struct access_verdict verdict = access_judge(&conf->update, &identity, &subject);
	access_explain(text, sizeof(text), &conf->update, &verdict);
	return json_pack("{s:s, s:s, s:s}", "verdict", access_verdict_text(verdict.verdict), "text",
			 text, "judged", as);
}

/* ---- what a client is answered ----------------------------------------------------------- */

/* The answer section as records; *count: how many it has. NULL: no memory. */
static json_t *list_answer(uint8_t *wire, size_t size, size_t *count)
{
	json_t *list = json_array();
	uint8_t *rdata = malloc(DNS_MESSAGE_MAX);
	struct dns_message reply;
	struct dns_rr rr;

	*count = 0;
	wire[DNS_WRITER_FLAGS] &= 0x7f; /* the parser is for requests */
	if (list == NULL || rdata == NULL || dns_message_parse(&reply, wire, size) != OK) {
		goto fail;
	}
	struct dns_walk walk = dns_walk(&reply, DNS_ANSWER);
	while (dns_walk_next(&walk, &rr) == 1) {
		struct buf_writer out = buf_writer(rdata, DNS_MESSAGE_MAX);
		const int got = dns_rr_rdata(&reply, &rr, &out);

		if (got < 0 || (*count)++ >= RECORDS_MAX) {
			continue;
		}
		if (json_array_append_new(
			    list, describe_record(rr.type, rr.ttl, rdata, (uint16_t)got)) != 0) {
			goto fail;
		}
	}
	free(rdata);
	return list;
fail:
	free(rdata);
	json_decref(list);
	return NULL;
}

static size_t write_query(uint8_t wire[QUERY_MAX], const uint8_t *name, uint16_t type)
{
	struct dns_writer writer;

	dns_writer_init(&writer, wire, QUERY_MAX);
	(void)dns_writer_question(&writer, name, type, DNS_CLASS_IN);
	return dns_writer_finish(&writer);
}

/* Asks and adds what came. */
static int add_answer(json_t *answers, const struct root *root, const uint8_t *name, uint16_t type)
{
	static const char *const rcodes[] = {
		[DNS_RCODE_NOERROR] = "NOERROR",   [DNS_RCODE_FORMERR] = "FORMERR",
		[DNS_RCODE_SERVFAIL] = "SERVFAIL", [DNS_RCODE_NXDOMAIN] = "NXDOMAIN",
		[DNS_RCODE_NOTIMP] = "NOTIMP",     [DNS_RCODE_REFUSED] = "REFUSED"};
	uint8_t wire[QUERY_MAX];
	uint8_t *reply = malloc(DNS_MESSAGE_MAX);
	struct dns_message message;
	struct answer_query query = {.message = &message, .is_stream = true};
	struct answer_result result = {0};
	struct dns_writer writer;
	struct rand rand;
	char type_text[16];
	size_t count = 0;
	json_t *answer = NULL;

	if (reply == NULL ||
	    dns_message_parse(&message, wire, write_query(wire, name, type)) != OK) {
		free(reply);
		return ERR_NOMEM;
	}
	rand_init(&rand, 1);
	answer_find(root, &query, 1);
	dns_writer_reply(&writer, reply, DNS_MESSAGE_MAX, &message);
	answer_write(&query, &rand, &writer, &result);
	json_t *list = list_answer(reply, dns_writer_finish(&writer), &count);
	if (list != NULL) {
		answer = json_pack("{s:o, s:s, s:s, s:o, s:I, s:s?}", "name", describe_name(name),
				   "type", dns_rrtype_to_text(type_text, type), "rcode",
				   result.rcode < sizeof(rcodes) / sizeof(rcodes[0])
					   ? rcodes[result.rcode]
					   : "other",
				   "answer", list, "count", (json_int_t)count, "text",
				   result.has_ede ? result.ede_text : NULL);
	}
	free(reply);
	return answer != NULL && json_array_append_new(answers, answer) == 0 ? OK : ERR_NOMEM;
}

/* SRV and TXT of an instance, the list that it should be in, the addresses of its first host. */
static int ask_instance(json_t *answers, const struct root *root, const struct zone *zone,
			const struct node *node)
{
	const uint8_t *name = node_name(node);
	uint8_t scratch[SET_SCRATCH];
	uint16_t size;
	struct set set;
	int ret = add_answer(answers, root, name, DNS_TYPE_SRV);

	ret = ret == OK ? add_answer(answers, root, name, DNS_TYPE_TXT) : ret;
	if (ret == OK) {
		ret = add_answer(answers, root, zone_type_of(ROLE_INSTANCE, name), DNS_TYPE_PTR);
	}
	if (ret == OK && node_set(zone, node, DNS_TYPE_SRV, &set)) {
		const uint8_t *host = dns_srv_view(set_member(&set, 0, scratch, &size)).target;

		ret = add_answer(answers, root, host, DNS_TYPE_A);
		ret = ret == OK ? add_answer(answers, root, host, DNS_TYPE_AAAA) : ret;
	}
	return ret;
}

static int ask_other(json_t *answers, const struct root *root, enum name_role role,
		     const uint8_t *name)
{
	static const uint16_t of_types[] = {DNS_TYPE_PTR, DNS_TYPE_SRV};
	static const uint16_t of_hosts[] = {DNS_TYPE_A, DNS_TYPE_AAAA, DNS_TYPE_TXT};
	const bool is_type = role == ROLE_TYPE || role == ROLE_SUBTYPE || role == ROLE_SERVICES;
	const uint16_t *types = is_type ? of_types : of_hosts;
	int ret = OK;

	for (size_t i = 0; ret == OK && i < (is_type ? 2u : 3u); i++) {
		ret = add_answer(answers, root, name, types[i]);
	}
	return ret;
}

/* ---- the command ------------------------------------------------------------------------- */

static int explain(const struct ctl_options *options, json_t *reply, const struct root *root,
		   const struct zone *zone, const uint8_t *name)
{
	const enum name_role role = zone_role(zone, name);
	const struct node *entry = zone_entry(zone, name);
	json_t *notes = json_array();
	json_t *answers = json_array();
	json_t *rule = entry == NULL ? json_null() : judge(options, zone, entry);
	int ret = notes != NULL && answers != NULL && rule != NULL ? OK : ERR_NOMEM;

	if (ret == OK && entry != NULL) {
		ret = role == ROLE_INSTANCE ? note_instance(notes, root, zone, entry)
					    : note_other(notes, zone, entry);
	}
	if (ret == OK) {
		ret = role == ROLE_INSTANCE && entry != NULL
			      ? ask_instance(answers, root, zone, entry)
			      : ask_other(answers, root, role, name);
	}
	if (ret == OK && (json_object_set(reply, "notes", notes) != 0 ||
			  json_object_set(reply, "rule", rule) != 0 ||
			  json_object_set(reply, "answers", answers) != 0)) {
		ret = ERR_NOMEM;
	}
	json_decref(rule);
	json_decref(notes);
	json_decref(answers);
	return ret;
}

int why_run(const struct ctl_options *options, const json_t *request, json_t *reply)
{
	return show_name(options, request, reply, explain);
}
