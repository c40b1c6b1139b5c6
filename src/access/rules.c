/*
 * Rules: may this identity put this name here? The first rule that matches decides; what none
 * matches is denied, so a gap in the rules opens nothing.
 *
 * A source address by UDP can be forged. A rule that lets in and rests on the network alone is
 * therefore passed over for such a request, and remembered: where nothing else lets in, the
 * refusal names it, because it is what the sender meant to use.
 */
#include "access/access.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "dns/name.h"

bool access_is_loopback(const struct sockaddr_storage *address)
{
	static const uint8_t loopback[16] = {[15] = 1};
	const struct conf_net peer = conf_net_of(address);

	return peer.family == AF_INET ? peer.octets[0] == 127
				      : memcmp(peer.octets, loopback, sizeof(loopback)) == 0;
}

char *access_address_text(char out[64], const struct sockaddr_storage *address)
{
	return conf_address_text(out, address);
}

/*
 * Does the label match the pattern? At a mismatch only the last * is tried again, one octet
 * further, so the work is at most pattern times label.
 */
static bool matches_glob(const char *pattern, const uint8_t *label)
{
	const uint8_t *at = label + 1;
	const uint8_t *end = at + label[0];
	const char *star = NULL;
	const uint8_t *star_at = NULL;

	while (at < end) {
		if (*pattern == '*') {
			star = ++pattern;
			star_at = at;
		} else if (*pattern != 0 &&
			   (*pattern == '?' || dns_fold((uint8_t)*pattern) == dns_fold(*at))) {
			pattern++;
			at++;
		} else if (star != NULL) {
			pattern = star;
			at = ++star_at;
		} else {
			return false;
		}
	}
	while (*pattern == '*') {
		pattern++;
	}
	return *pattern == 0;
}

/* Do these octets say KEY=? Keys fold letter case (RFC 6763 6.4). */
static bool has_key(const uint8_t *octets, size_t size, const char *key)
{
	size_t i = 0;

	while (key[i] != '\0' && i < size && dns_fold(octets[i]) == dns_fold((uint8_t)key[i])) {
		i++;
	}
	return key[i] == '\0' && i < size && octets[i] == '=';
}

/* The string of the record that begins with KEY=, the first (RFC 6763 6.4); NULL: none. */
static const uint8_t *find_pair(const struct access_text *text, const char *key)
{
	const uint8_t *end = text->rdata + text->size;

	for (const uint8_t *at = text->rdata; at < end && at[0] < end - at; at += at[0] + 1) {
		if (has_key(at + 1, at[0], key)) {
			return at;
		}
	}
	return NULL;
}

/*
 * Does the instance say that it is of this environment? One of several records is enough to deny
 * or to hold; to allow it none may say another.
 */
static bool is_of_environment(const struct conf_rules *rules, const struct conf_rule *rule,
			      const struct access_subject *subject)
{
	const size_t key_size = strlen(rules->environment) + 1;
	const size_t size = strlen(rule->environment);
	size_t same = 0;
	size_t other = 0;

	for (size_t i = 0; i < subject->text_count; i++) {
		const uint8_t *pair = find_pair(&subject->texts[i], rules->environment);

		if (pair == NULL) {
			continue;
		}
		if (pair[0] == key_size + size &&
		    memcmp(pair + 1 + key_size, rule->environment, size) == 0) {
			same++;
		} else {
			other++;
		}
	}
	return same > 0 && (other == 0 || rule->verdict != CONF_ALLOW);
}

/* All conditions that the rule gives are met. */
static bool matches(const struct conf_rules *rules, const struct conf_rule *rule,
		    const struct access_identity *identity, const struct conf_net *peer,
		    const struct access_subject *subject)
{
	if (rule->key != NULL && rule->key != identity->key) {
		return false;
	}
	if (rule->type != NULL &&
	    (subject->type == NULL || !dns_name_equal(rule->type, subject->type))) {
		return false;
	}
	if (rule->instance != NULL &&
	    (subject->instance == NULL || !matches_glob(rule->instance, subject->instance))) {
		return false;
	}
	if (rule->environment != NULL && !is_of_environment(rules, rule, subject)) {
		return false;
	}
	return !rule->has_net || conf_net_has(&rule->net, peer);
}

bool access_is_proven(const struct access_identity *identity)
{
	return identity->transport == ACCESS_TCP || identity->has_cookie ||
	       access_is_loopback(identity->peer);
}

struct access_verdict access_judge(const struct conf_rules *rules,
				   const struct access_identity *identity,
				   const struct access_subject *subject)
{
	const struct conf_rule *unproven = NULL;
	struct access_verdict verdict = {.verdict = CONF_DENY};

	if (!rules->is_written) {
		if (access_is_loopback(identity->peer)) {
			verdict.verdict = CONF_ALLOW;
		}
		return verdict;
	}
	const struct conf_net peer = conf_net_of(identity->peer);
	for (size_t i = 0; i < rules->count && verdict.rule == NULL; i++) {
		const struct conf_rule *rule = &rules->rules[i];

		if (!matches(rules, rule, identity, &peer, subject)) {
			continue;
		}
		if (rule->verdict != CONF_DENY && rule->has_net && rule->key == NULL &&
		    !access_is_proven(identity)) {
			unproven = unproven == NULL ? rule : unproven;
			continue;
		}
		verdict = (struct access_verdict){.verdict = rule->verdict, .rule = rule};
	}
	if (verdict.verdict == CONF_DENY && unproven != NULL) {
		verdict.rule = unproven;
		verdict.is_unproven = true;
	}
	return verdict;
}

char *access_explain(char *out, size_t size, const struct conf_rules *rules,
		     const struct access_verdict *verdict)
{
	const struct conf_rule *rule = verdict->rule;
	const char *hint =
		verdict->is_unproven ? " counts by TCP, with a cookie or a key only" : "";

	if (!rules->is_written) {
		snprintf(out, size, "default: loopback only");
	} else if (rule == NULL) {
		snprintf(out, size, "no rule allows this");
	} else if (rule->name != NULL) {
		snprintf(out, size, "rule %s%s", rule->name, hint);
	} else {
		snprintf(out, size, "rule %td (line %d)%s", rule - rules->rules + 1, rule->line,
			 hint);
	}
	return out;
}

const char *access_verdict_text(enum conf_verdict verdict)
{
	static const char *const texts[] = {
		[CONF_ALLOW] = "allow", [CONF_DENY] = "deny", [CONF_HOLD] = "hold"};

	return texts[verdict];
}
