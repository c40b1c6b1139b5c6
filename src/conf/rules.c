/*
 * Rules: who may register (of a registry zone), who may ask and who may transfer (of any zone).
 *
 * A rule is allow, deny or hold with conditions, all of which must be met; a rule without
 * conditions matches everything. Keys are decoded before zones, so a rule points to its key.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "conf/decode.h"

#define RULE_NAME_MAX 96 /* octets: it goes into extended errors, with the name refused */
#define RULE_TEXT_MAX 64 /* of a pattern or a value */

int decode_rule_name(const struct decoder *decoder, const struct row *row, const char *path,
		     const struct node *node, void *target)
{
	struct conf_rule *rule = target;

	(void)row;
	return decode_text(decoder, path, node, RULE_NAME_MAX, &rule->name);
}

int decode_deny(const struct decoder *decoder, const struct row *row, const char *path,
		const struct node *node, void *target)
{
	struct conf_rule *rule = target;

	rule->verdict = CONF_DENY;
	return decode_map(decoder, row->inside, path, node, target);
}

int decode_hold(const struct decoder *decoder, const struct row *row, const char *path,
		const struct node *node, void *target)
{
	struct conf_rule *rule = target;

	rule->verdict = CONF_HOLD;
	return decode_map(decoder, row->inside, path, node, target);
}

/* RFC 6763 6.4: printable ASCII without "=". */
int decode_environment_key(const struct decoder *decoder, const struct row *row, const char *path,
			   const struct node *node, void *target)
{
	char **key = (char **)((char *)target + row->offset);
	const int ret = decode_text(decoder, path, node, RULE_TEXT_MAX, key);
	char text[VALUE_QUOTE_MAX];

	for (const char *at = node->text; ret == OK && *at != '\0'; at++) {
		if (*at == '=' || (unsigned char)*at > '~') {
			return refuse(decoder, path, node->line,
				      "%s is no key of a TXT record; write printable ASCII "
				      "without \"=\", as env",
				      value_quote(text, node->text));
		}
	}
	return ret;
}

int decode_environment(const struct decoder *decoder, const struct row *row, const char *path,
		       const struct node *node, void *target)
{
	struct conf_rule *rule = target;

	(void)row;
	return decode_text(decoder, path, node, RULE_TEXT_MAX, &rule->environment);
}

int decode_net(const struct decoder *decoder, const struct row *row, const char *path,
	       const struct node *node, void *target)
{
	struct conf_rule *rule = target;
	char net[VALUE_NET_TEXT_MAX];
	char text[VALUE_QUOTE_MAX];
	const int ret = value_net(&rule->net, node->text);
	const struct conf_net mapped = {
		.family = AF_INET6, .octets = {[10] = 0xff, [11] = 0xff}, .prefix = 96};

	(void)row;
	if (ret == ERR_FORMAT) {
		return refuse(decoder, path, node->line,
			      "%s is no network; write one as 10.0.0.0/8 or fd00::/8",
			      value_quote(text, node->text));
	}
	if (ret == ERR_RANGE) {
		return refuse(decoder, path, node->line, "%s has bits behind its prefix; write %s",
			      value_quote(text, node->text), value_net_text(net, &rule->net));
	}
	/* Such peers count as v4, so this rule would never match. */
	if (conf_net_has(&mapped, &rule->net)) {
		return refuse(decoder, path, node->line,
			      "%s is an IPv4 network in IPv6 form; write it as IPv4",
			      value_quote(text, node->text));
	}
	rule->has_net = true;
	return OK;
}

int decode_rule_key(const struct decoder *decoder, const struct row *row, const char *path,
		    const struct node *node, void *target)
{
	struct conf_rule *rule = target;
	uint8_t name[DNS_NAME_MAX];
	char text[VALUE_QUOTE_MAX];
	const int ret = decode_name(decoder, path, node, name);

	(void)row;
	if (ret != OK) {
		return ret;
	}
	rule->key = conf_key_find(decoder->conf, name);
	if (rule->key == NULL) {
		return refuse(decoder, path, node->line,
			      "no key is called %s; add it to the list \"key\", or see to the "
			      "spelling",
			      value_quote(text, node->text));
	}
	return OK;
}

int decode_type(const struct decoder *decoder, const struct row *row, const char *path,
		const struct node *node, void *target)
{
	struct conf_rule *rule = target;
	uint8_t name[DNS_NAME_MAX];
	char text[VALUE_QUOTE_MAX];

	(void)row;
	if (value_type(name, node->text) != OK) {
		return refuse(decoder, path, node->line,
			      "%s is no service type; write one as _http._tcp or _sip._udp",
			      value_quote(text, node->text));
	}
	rule->type = arena_dup(decoder->arena, name, dns_name_size(name));
	return rule->type == NULL ? ERR_NOMEM : OK;
}

int decode_instance(const struct decoder *decoder, const struct row *row, const char *path,
		    const struct node *node, void *target)
{
	struct conf_rule *rule = target;

	(void)row;
	return decode_text(decoder, path, node, RULE_TEXT_MAX, &rule->instance);
}

static int decode_rule(const struct decoder *decoder, const char *path, const struct node *node,
		       const struct conf_rules *rules, struct conf_rule *rule)
{
	static const char *const verdicts[] = {"allow", "deny", "hold"};
	size_t count = 0;

	rule->line = node->line;
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++) {
		count += node_get(node, verdicts[i]) != NULL;
	}
	const int ret = decode_map(decoder, "rule", path, node, rule);
	if (ret == OK && count != 1) {
		return refuse(decoder, path, node->line,
			      "a rule with %s; write one of them, as {allow: {net: 10.0.0.0/8}} "
			      "or {deny: {}}",
			      count > 1 ? "more than one of allow, deny and hold"
					: "none of allow, deny and hold");
	}
	if (ret == OK && rule->takeover && rule->verdict != CONF_ALLOW) {
		return refuse(decoder, path, node->line,
			      "takeover beside %s; only what is allowed can take over",
			      verdicts[rule->verdict]);
	}
	if (ret == OK && rule->environment != NULL && rules->environment == NULL) {
		return refuse(decoder, path, node->line,
			      "a rule by environment, and no TXT key that says it; write "
			      "\"environment: env\" beside \"rules\"");
	}
	return ret;
}

int decode_rules(const struct decoder *decoder, const struct row *row, const char *path,
		 const struct node *node, void *target)
{
	struct conf_rules *rules = (struct conf_rules *)((char *)target + row->offset);
	int ret = OK;

	rules->is_written = true;
	if (node->count == 0) {
		return OK;
	}
	rules->rules = arena_calloc(decoder->arena, node->count, sizeof(rules->rules[0]));
	if (rules->rules == NULL) {
		return ERR_NOMEM;
	}
	for (const struct node *child = node->first; ret == OK && child != NULL;
	     child = child->next) {
		struct conf_rule *rule = &rules->rules[rules->count++];

		ret = decode_rule(decoder, path, child, rules, rule);
		rules->is_by_name |=
			rule->type != NULL || rule->instance != NULL || rule->environment != NULL;
	}
	return ret;
}

int decode_whole_zone(const struct decoder *decoder, const struct row *row, const char *path,
		      const struct node *node, void *target)
{
	const struct conf_rules *rules =
		(const struct conf_rules *)((const char *)target + row->offset);
	const int ret = decode_rules(decoder, row, path, node, target);

	for (size_t i = 0; ret == OK && i < rules->count; i++) {
		const struct conf_rule *rule = &rules->rules[i];

		if (rule->type != NULL || rule->instance != NULL || rule->takeover) {
			return refuse(decoder, path, rule->line,
				      "this is about the whole zone; write net and key only");
		}
		if (rule->verdict == CONF_HOLD) {
			return refuse(decoder, path, rule->line,
				      "hold is for registrations; write allow or deny");
		}
	}
	return ret;
}
