/*
 * `policy`: what the rules say of a registration that nobody has sent, and which of them. It asks
 * what an UPDATE is judged by (access/access.h), with an identity that is made up.
 */
#include "ctl/policy.h"

#include <string.h>

#include "access/access.h"
#include "base/err.h"
#include "conf/value.h"
#include "ctl/inside.h"

#define PAIRS_MAX 256 /* TXT pairs of a question */

/* The question, as it is read. */
struct question {
	const struct conf_zone *zone;
	struct conf_listen from;
	struct access_identity identity;
	uint8_t type[DNS_NAME_MAX];
	uint8_t label[DNS_LABEL_MAX + 1];
	uint8_t octets[PAIRS_MAX * 256]; /* of the TXT record */
	struct access_text text;
};

/* A step of reading: OK, ERR_FORMAT (the reply refuses), ERR_NOMEM. */
static int give_up(int ret)
{
	return ret == OK ? ERR_FORMAT : ret;
}

/* The zone that is said, or the only registry zone. */
static int read_zone(const struct conf *conf, const json_t *request, json_t *reply,
		     struct question *question)
{
	const char *text = json_string_value(json_object_get(request, "zone"));
	uint8_t name[DNS_NAME_MAX];
	size_t count = 0;

	if (text != NULL) {
		question->zone = dns_name_from_text(name, text, NULL) < 0
					 ? NULL
					 : conf_zone_find(conf, name);
		count = question->zone != NULL && question->zone->is_registry ? 1 : 0;
	}
	for (size_t i = 0; text == NULL && i < conf->zone_count; i++) {
		if (conf->zones[i].is_registry) {
			question->zone = &conf->zones[i];
			count++;
		}
	}
	if (count == 1) {
		return OK;
	}
	return give_up(text != NULL ? ctl_refuse(reply, CTL_NOT_FOUND,
						 "no registry zone here has this name")
				    : ctl_refuse(reply, CTL_ARGUMENT,
						 "there is not one registry zone here; say which"));
}

/* Who asks: address, transport, cookie, key. */
static int read_identity(const struct conf *conf, const json_t *request, json_t *reply,
			 struct question *question)
{
	const char *from = json_string_value(json_object_get(request, "from"));
	const char *key = json_string_value(json_object_get(request, "key"));
	struct access_identity *identity = &question->identity;
	uint8_t name[DNS_NAME_MAX];

	if (value_listen(&question->from, from == NULL ? "127.0.0.1" : from) != OK) {
		return give_up(ctl_refuse(reply, CTL_ARGUMENT,
					  "the sender's address is none; write one as 192.0.2.1"));
	}
	identity->peer = &question->from.address;
	identity->transport =
		json_is_true(json_object_get(request, "tcp")) ? ACCESS_TCP : ACCESS_UDP;
	identity->has_cookie = json_is_true(json_object_get(request, "cookie"));
	if (key == NULL) {
		return OK;
	}
	identity->key = dns_name_from_text(name, key, NULL) < 0 ? NULL : conf_key_find(conf, name);
	if (identity->key == NULL) {
		return give_up(ctl_refuse(reply, CTL_NOT_FOUND,
					  "no key of this name is in the configuration"));
	}
	return OK;
}

/* The pairs as strings of one TXT record. */
static int read_pairs(const json_t *request, json_t *reply, struct question *question)
{
	const json_t *pairs = json_object_get(request, "txt");
	uint8_t *at = question->octets;

	for (size_t i = 0; i < json_array_size(pairs); i++) {
		const char *pair = json_string_value(json_array_get(pairs, i));
		const size_t size = pair == NULL ? 256 : strlen(pair);

		if (size > 255 || i >= PAIRS_MAX) {
			return give_up(ctl_refuse(reply, CTL_ARGUMENT,
						  "a pair of a TXT record is a text of up to 255 "
						  "octets, and there are up to %d",
						  PAIRS_MAX));
		}
		*at = (uint8_t)size;
		memcpy(at + 1, pair, size);
		at += size + 1;
	}
	question->text = (struct access_text){question->octets, (size_t)(at - question->octets)};
	return OK;
}

static int read_instance(const json_t *request, json_t *reply, struct question *question)
{
	const char *name = json_string_value(json_object_get(request, "name"));
	const char *type = json_string_value(json_object_get(request, "type"));
	const size_t size = name == NULL ? 0 : strlen(name);

	if (size == 0 || size > DNS_LABEL_MAX) {
		return give_up(ctl_refuse(reply, CTL_ARGUMENT,
					  "an instance's name is a label of 1 to 63 octets"));
	}
	if (type == NULL || value_type(question->type, type) != OK) {
		return give_up(ctl_refuse(reply, CTL_ARGUMENT,
					  "this is no service type; write one as _http._tcp"));
	}
	question->label[0] = (uint8_t)size;
	memcpy(question->label + 1, name, size);
	return OK;
}

/* The answer: verdict, rule, and the reason as a sender reads it. */
static int answer(const struct question *question, json_t *reply)
{
	const struct conf_rules *rules = &question->zone->update;
	const struct access_subject subject = {
		.type = question->type,
		.instance = question->label,
		.texts = &question->text,
		.text_count = question->text.size > 0 ? 1 : 0,
	};
	const struct access_verdict verdict = access_judge(rules, &question->identity, &subject);
	const struct conf_rule *rule = verdict.rule;
	char reason[256];
	json_t *all;

	access_explain(reason, sizeof(reason), rules, &verdict);
	all = json_pack("{s:s, s:s, s:o, s:o, s:s?, s:b, s:b, s:s}", "verdict",
			access_verdict_text(verdict.verdict), "zone", question->zone->text, "rule",
			rule == NULL ? json_null() : json_integer(rule - rules->rules + 1), "line",
			rule == NULL ? json_null() : json_integer(rule->line), "rule_name",
			rule == NULL ? NULL : rule->name, "takeover",
			verdict.verdict == CONF_ALLOW && rule != NULL && rule->takeover, "proven",
			access_is_proven(&question->identity), "reason", reason);
	const int failed = all == NULL ? -1 : json_object_update(reply, all);
	json_decref(all);
	return failed == 0 ? OK : ERR_NOMEM;
}

int policy_judge(const struct conf *conf, const json_t *request, json_t *reply)
{
	struct question question = {.zone = NULL};
	int ret = read_zone(conf, request, reply, &question);

	if (ret == OK) {
		ret = read_identity(conf, request, reply, &question);
	}
	if (ret == OK) {
		ret = read_instance(request, reply, &question);
	}
	if (ret == OK) {
		ret = read_pairs(request, reply, &question);
	}
	if (ret == OK) {
		ret = answer(&question, reply);
	}
	return ret == ERR_FORMAT ? OK : ret;
}
