#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "access/access.h"
#include "base/err.h"
#include "tests/unit/run.h"

/* Port 5300 of a host. */
static struct sockaddr_storage address_of(const char *text)
{
	struct sockaddr_storage address = {.ss_family = AF_INET};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(5300)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(5300)};

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		memcpy(&address, &v4, sizeof(v4));
	} else {
		ck_assert_int_eq(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
		memcpy(&address, &v6, sizeof(v6));
	}
	return address;
}

/* A configuration whose one zone has these rules; NULL: none are written. */
static struct conf *conf_of(const char *rules)
{
	char text[1024];
	struct conf_error error;
	struct conf *conf = NULL;

	snprintf(text, sizeof(text),
		 "server: {listen: [127.0.0.1], name: n, data: d}\n"
		 "key: [{name: ops, secret: AAEC}, {name: dev, secret: AAEC}]\n"
		 "zone:\n- name: a\n  registry:\n    %s%s\n",
		 rules == NULL ? "" : "rules: ", rules == NULL ? "" : rules);
	const int ret = conf_parse(&conf, text, strlen(text), "w.conf", ".", &error);
	ck_assert_msg(ret == OK, "%s", error.text);
	return conf;
}

static const struct conf_key *key_of(const struct conf *conf, const char *name)
{
	if (name == NULL) {
		return NULL;
	}
	for (size_t i = 0; i < conf->key_count; i++) {
		if (dns_label_is(conf->keys[i].name, name)) {
			return &conf->keys[i];
		}
	}
	ck_abort_msg("no key %s", name);
}

/* Who asks for what, and what the rules answer. */
struct question {
	const char *rules;
	const char *peer;
	const char *transport; /* "udp" or "tcp" */
	const char *key;
	const char *type; /* wire form, or NULL */
	const char *instance; /* with its length octet, or NULL */
	const char *answer; /* "allow", or why not */
};

#define HTTP "\5_http\4_tcp"
#define WEB "\5web-1"

static void check_question(const struct question *question)
{
	struct conf *conf = conf_of(question->rules);
	const struct conf_rules *rules = &conf->zones[0].update;
	const struct sockaddr_storage peer = address_of(question->peer);
	const struct access_identity identity = {
		.peer = &peer,
		.transport = strcmp(question->transport, "tcp") == 0 ? ACCESS_TCP : ACCESS_UDP,
		.key = key_of(conf, question->key),
	};
	const struct access_subject subject = {
		.type = (const uint8_t *)question->type,
		.instance = (const uint8_t *)question->instance,
	};
	char text[128];

	const struct access_verdict verdict = access_judge(rules, &identity, &subject);
	if (verdict.verdict != CONF_DENY) {
		strcpy(text, verdict.verdict == CONF_ALLOW ? "allow" : "hold");
		ck_assert(!verdict.is_unproven);
	} else {
		ck_assert_ptr_eq(access_explain(text, sizeof(text), rules, &verdict), text);
	}
	ck_assert_msg(strcmp(text, question->answer) == 0, "%s from %s by %s: %s",
		      question->rules == NULL ? "(none)" : question->rules, question->peer,
		      question->transport, text);
	conf_unref(conf);
}

static void check_questions(const struct question *questions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		check_question(&questions[i]);
	}
}

START_TEST(without_rules_only_loopback_may)
{
	static const char why[] = "default: loopback only";
	static const struct question cases[] = {
		{NULL, "127.0.0.1", "udp", NULL, HTTP, WEB, "allow"},
		{NULL, "127.255.255.255", "udp", NULL, HTTP, WEB, "allow"},
		{NULL, "::1", "udp", NULL, NULL, NULL, "allow"},
		{NULL, "::ffff:127.0.0.1", "udp", NULL, NULL, NULL, "allow"},
		{NULL, "127.0.0.1", "udp", "ops", HTTP, WEB, "allow"},
		{NULL, "126.255.255.255", "udp", NULL, HTTP, WEB, why},
		{NULL, "128.0.0.0", "tcp", NULL, HTTP, WEB, why},
		{NULL, "::2", "tcp", NULL, HTTP, WEB, why},
		{NULL, "::ffff:128.0.0.1", "tcp", NULL, HTTP, WEB, why},
		{NULL, "192.0.2.1", "tcp", "ops", HTTP, WEB, why},
	};

	check_questions(cases, COUNT_OF(cases));
}
END_TEST

START_TEST(what_no_rule_matches_is_denied)
{
	static const struct question cases[] = {
		{"[]", "127.0.0.1", "tcp", "ops", HTTP, WEB, "no rule allows this"},
		{"[{allow: {key: dev}}]", "127.0.0.1", "tcp", "ops", HTTP, WEB,
		 "no rule allows this"},
	};

	check_questions(cases, COUNT_OF(cases));
}
END_TEST

START_TEST(the_first_rule_that_matches_decides)
{
	static const struct question cases[] = {
		{"[{deny: {key: ops}}, {allow: {}}]", "192.0.2.1", "udp", "ops", HTTP, WEB,
		 "rule 1 (line 6)"},
		{"[{deny: {key: ops}}, {allow: {}}]", "192.0.2.1", "udp", "dev", HTTP, WEB,
		 "allow"},
		{"[{allow: {key: ops}}, {deny: {}}]", "192.0.2.1", "udp", "ops", HTTP, WEB,
		 "allow"},
		{"[{allow: {key: ops}}, {deny: {}}]", "192.0.2.1", "udp", NULL, HTTP, WEB,
		 "rule 2 (line 6)"},
		{"[{allow: {key: ops}}, {deny: {}, name: rest}]", "192.0.2.1", "udp", NULL, HTTP,
		 WEB, "rule rest"},
		{"[{allow: {}}]", "192.0.2.1", "udp", NULL, NULL, NULL, "allow"},
	};

	check_questions(cases, COUNT_OF(cases));
}
END_TEST

START_TEST(a_network_ends_at_its_prefix)
{
	static const char no[] = "no rule allows this";
	static const struct question cases[] = {
		{"[{allow: {net: 10.0.0.0/8}}]", "10.0.0.0", "tcp", NULL, HTTP, WEB, "allow"},
		{"[{allow: {net: 10.0.0.0/8}}]", "10.255.255.255", "tcp", NULL, HTTP, WEB, "allow"},
		{"[{allow: {net: 10.0.0.0/8}}]", "9.255.255.255", "tcp", NULL, HTTP, WEB, no},
		{"[{allow: {net: 10.0.0.0/8}}]", "11.0.0.0", "tcp", NULL, HTTP, WEB, no},
		{"[{allow: {net: 10.0.0.0/8}}]", "::ffff:10.1.2.3", "tcp", NULL, HTTP, WEB,
		 "allow"},
		{"[{allow: {net: 192.0.2.64/26}}]", "192.0.2.127", "tcp", NULL, HTTP, WEB, "allow"},
		{"[{allow: {net: 192.0.2.64/26}}]", "192.0.2.63", "tcp", NULL, HTTP, WEB, no},
		{"[{allow: {net: 192.0.2.64/26}}]", "192.0.2.128", "tcp", NULL, HTTP, WEB, no},
		{"[{allow: {net: 192.0.2.1}}]", "192.0.2.1", "tcp", NULL, HTTP, WEB, "allow"},
		{"[{allow: {net: 192.0.2.1}}]", "192.0.2.0", "tcp", NULL, HTTP, WEB, no},
		{"[{allow: {net: 0.0.0.0/0}}]", "255.255.255.255", "tcp", NULL, HTTP, WEB, "allow"},
		{"[{allow: {net: 0.0.0.0/0}}]", "2001:db8::1", "tcp", NULL, HTTP, WEB, no},
		{"[{allow: {net: \"::/0\"}}]", "2001:db8::1", "tcp", NULL, HTTP, WEB, "allow"},
		{"[{allow: {net: \"::/0\"}}]", "192.0.2.1", "tcp", NULL, HTTP, WEB, no},
		{"[{allow: {net: \"::/0\"}}]", "::ffff:192.0.2.1", "tcp", NULL, HTTP, WEB, no},
		{"[{allow: {net: \"2001:db8::/33\"}}]", "2001:db8:7fff::", "tcp", NULL, HTTP, WEB,
		 "allow"},
		{"[{allow: {net: \"2001:db8::/33\"}}]", "2001:db8:8000::", "tcp", NULL, HTTP, WEB,
		 no},
		{"[{allow: {net: \"2001:db8::1\"}}]", "2001:db8::1", "tcp", NULL, HTTP, WEB,
		 "allow"},
		{"[{allow: {net: \"2001:db8::1\"}}]", "2001:db8::", "tcp", NULL, HTTP, WEB, no},
	};

	check_questions(cases, COUNT_OF(cases));
}
END_TEST

START_TEST(a_network_without_key_counts_where_the_address_is_proven)
{
	static const char unproven[] = "rule 1 (line 6) counts by TCP, with a cookie or a key only";
	static const struct question cases[] = {
		{"[{allow: {net: 10.0.0.0/8}}]", "10.1.2.3", "tcp", NULL, HTTP, WEB, "allow"},
		{"[{allow: {net: 10.0.0.0/8}}]", "10.1.2.3", "udp", NULL, HTTP, WEB, unproven},
		{"[{allow: {net: 10.0.0.0/8}, name: lan}]", "10.1.2.3", "udp", NULL, HTTP, WEB,
		 "rule lan counts by TCP, with a cookie or a key only"},
		/* A signature proves the key, not the address. */
		{"[{allow: {net: 10.0.0.0/8}}]", "10.1.2.3", "udp", "ops", HTTP, WEB, unproven},
		{"[{allow: {net: 10.0.0.0/8, key: ops}}]", "10.1.2.3", "udp", "ops", HTTP, WEB,
		 "allow"},
		{"[{allow: {net: 127.0.0.0/8}}]", "127.0.0.1", "udp", NULL, HTTP, WEB, "allow"},
		{"[{allow: {net: \"::1\"}}]", "::1", "udp", NULL, HTTP, WEB, "allow"},
		/* Passed over: the next one may allow; a refusal names the one that was meant. */
		{"[{allow: {net: 10.0.0.0/8}}, {allow: {key: ops}}]", "10.1.2.3", "udp", "ops",
		 HTTP, WEB, "allow"},
		{"[{allow: {net: 10.0.0.0/8}}, {deny: {}}]", "10.1.2.3", "udp", NULL, HTTP, WEB,
		 unproven},
		{"[{allow: {net: 10.0.0.0/8}}, {allow: {net: 10.1.0.0/16}}]", "10.1.2.3", "udp",
		 NULL, HTTP, WEB, unproven},
		{"[{allow: {net: 10.0.0.0/8}}, {deny: {}}]", "192.0.2.1", "udp", NULL, HTTP, WEB,
		 "rule 2 (line 6)"},
		/* A rule that denies needs no proof. */
		{"[{deny: {net: 10.0.0.0/8}}, {allow: {}}]", "10.1.2.3", "udp", NULL, HTTP, WEB,
		 "rule 1 (line 6)"},
		{"[{deny: {net: 10.0.0.0/8}}, {allow: {}}]", "192.0.2.1", "udp", NULL, HTTP, WEB,
		 "allow"},
	};

	check_questions(cases, COUNT_OF(cases));
}
END_TEST

START_TEST(a_type_is_that_type_and_no_other_name)
{
	static const char rules[] = "[{allow: {type: _http._tcp}}]";
	static const char no[] = "no rule allows this";
	static const struct question cases[] = {
		{rules, "192.0.2.1", "udp", NULL, HTTP, WEB, "allow"},
		{rules, "192.0.2.1", "udp", NULL, HTTP, NULL, "allow"},
		{rules, "192.0.2.1", "udp", NULL, "\5_HTTP\4_TCP", WEB, "allow"},
		{rules, "192.0.2.1", "udp", NULL, "\5_http\4_udp", WEB, no},
		{rules, "192.0.2.1", "udp", NULL, "\6_https\4_tcp", WEB, no},
		{rules, "192.0.2.1", "udp", NULL, "\4_htt\4_tcp", WEB, no},
		{rules, "192.0.2.1", "udp", NULL, NULL, WEB, no},
		{rules, "192.0.2.1", "udp", NULL, NULL, NULL, no},
	};

	check_questions(cases, COUNT_OF(cases));
}
END_TEST

START_TEST(all_conditions_of_a_rule_must_hold)
{
	static const char rules[] = "[{allow: {net: 10.0.0.0/8, key: ops, type: _http._tcp, "
				    "instance: \"web-*\"}}]";
	static const char no[] = "no rule allows this";
	static const struct question cases[] = {
		{rules, "10.1.2.3", "udp", "ops", HTTP, WEB, "allow"},
		{rules, "11.1.2.3", "udp", "ops", HTTP, WEB, no},
		{rules, "10.1.2.3", "udp", "dev", HTTP, WEB, no},
		{rules, "10.1.2.3", "tcp", NULL, HTTP, WEB, no},
		{rules, "10.1.2.3", "udp", "ops", "\4_ftp\4_tcp", WEB, no},
		{rules, "10.1.2.3", "udp", "ops", HTTP, "\4db-1", no},
		{rules, "10.1.2.3", "udp", "ops", HTTP, NULL, no},
	};

	check_questions(cases, COUNT_OF(cases));
}
END_TEST

START_TEST(a_pattern_matches_the_whole_label)
{
	static const struct {
		const char *pattern;
		const char *label;
		bool matches;
	} cases[] = {
		{"web", "web", true},
		{"web", "WEB", true},
		{"WEB", "web", true},
		{"web", "web1", false},
		{"web", "we", false},
		{"web", "", false},
		{"*", "", true},
		{"*", "anything", true},
		{"**", "x", true},
		{"web-*", "web-", true},
		{"web-*", "web-1", true},
		{"web-*", "web", false},
		{"web-*", "xweb-1", false},
		{"*-web", "1-web", true},
		{"*-web", "1-web1", false},
		{"*-web", "a-web-web", true},
		{"web-?", "web-1", true},
		{"web-?", "web-", false},
		{"web-?", "web-12", false},
		{"?*", "", false},
		{"?*", "x", true},
		{"*?", "", false},
		{"*?", "x", true},
		{"a*b*c", "abc", true},
		{"a*b*c", "aXbYbZc", true},
		{"a*b*c", "acb", false},
		{"a*a", "a", false},
		{"a*a", "aa", true},
		{"*ab*ab", "abab", true},
		{"*ab*ab", "aba", false},
		{"w.b", "w.b", true},
		{"w.b", "web", false},
		{"[a-z]", "b", false},
		{"[a-z]", "[A-Z]", true},
		{"web\\*", "web*", false},
		{"????", "\xc3\xa4\xc3\xb6", true},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf_rule rule = {.instance = (char[64]){0}};
		const struct conf_rules rules = {.rules = &rule, .count = 1, .is_written = true};
		const struct sockaddr_storage peer = address_of("192.0.2.1");
		const struct access_identity identity = {.peer = &peer};
		uint8_t label[DNS_LABEL_MAX + 2];
		const struct access_subject subject = {.instance = label};

		strcpy(rule.instance, cases[i].pattern);
		label[0] = (uint8_t)strlen(cases[i].label);
		/* What follows the label is no part of it. */
		memcpy(label + 1, cases[i].label, label[0]);
		label[1 + label[0]] = 'b';
		const struct access_verdict verdict = access_judge(&rules, &identity, &subject);
		ck_assert_msg((verdict.verdict == CONF_ALLOW) == cases[i].matches, "%s %s",
			      cases[i].pattern, cases[i].label);
	}
}
END_TEST

START_TEST(what_is_held_is_no_denial_and_needs_a_proven_address)
{
	static const char by_net[] = "[{hold: {net: 192.0.2.0/24}}]";
	static const struct question cases[] = {
		{"[{hold: {key: dev}}, {allow: {}}]", "192.0.2.1", "udp", "dev", HTTP, WEB, "hold"},
		{"[{hold: {key: dev}}, {allow: {}}]", "192.0.2.1", "udp", "ops", HTTP, WEB,
		 "allow"},
		{"[{deny: {key: dev}}, {hold: {}}]", "192.0.2.1", "udp", "dev", HTTP, WEB,
		 "rule 1 (line 6)"},
		{by_net, "192.0.2.1", "tcp", NULL, HTTP, WEB, "hold"},
		{by_net, "192.0.2.1", "udp", NULL, HTTP, WEB,
		 "rule 1 (line 6) counts by TCP, with a cookie or a key only"},
	};

	check_questions(cases, COUNT_OF(cases));
}
END_TEST

/* ---- environments ------------------------------------------------------------------------ */

/* TXT records, apart by "|", each of strings apart by blanks. */
struct said {
	const char *texts;
	const char *answer; /* by rules that deny prod, hold new, allow test */
};

static size_t read_texts(struct access_text out[8], const char *texts)
{
	static uint8_t octets[1024];
	size_t count = 0;
	size_t used = 0;

	while (*texts != '\0') {
		const size_t begin = used;

		for (;;) {
			const size_t size = strcspn(texts, " |");

			octets[used] = (uint8_t)size;
			memcpy(octets + used + 1, texts, size);
			used += size + 1;
			texts += size;
			if (*texts != ' ') {
				break;
			}
			texts++;
		}
		out[count++] = (struct access_text){octets + begin, used - begin};
		texts += *texts == '|';
	}
	return count;
}

START_TEST(an_environment_is_what_the_first_pair_of_a_record_says)
{
	static const char none[] = "no rule allows this";
	static const char prod[] = "rule 1 (line 6)";
	static const struct said cases[] = {
		{"env=test", "allow"},
		{"env=prod", prod},
		{"env=new", "hold"},
		{"", none},
		{"x=1", none},
		{"env", none},
		{"env=", none},
		{"environment=test", none},
		{"en=test", none},
		{"ENV=test", "allow"},
		{"env=Test", none},
		{"env=test1", none},
		{"env=tes", none},
		{"a=1 env=test b=2", "allow"},
		/* a second pair of a record counts for nothing (RFC 6763 6.4) */
		{"env=test env=prod", "allow"},
		{"env env=test", "allow"},
		/* of several records one is enough to deny or hold, to allow all have to agree */
		{"env=test|env=prod", prod},
		{"env=test|env=new", "hold"},
		{"env=test|env=other", none},
		{"env=test|x=1", "allow"},
		{"x=1|env=test|env=test", "allow"},
	};
	struct conf *conf = conf_of("[{deny: {environment: prod}}, {hold: {environment: new}}, "
				    "{allow: {environment: test}}]\n    environment: Env");
	const struct conf_rules *rules = &conf->zones[0].update;
	const struct sockaddr_storage peer = address_of("192.0.2.1");
	const struct access_identity identity = {.peer = &peer, .transport = ACCESS_TCP};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct access_text texts[8];
		const struct access_subject subject = {.type = (const uint8_t *)HTTP,
						       .instance = (const uint8_t *)WEB,
						       .texts = texts,
						       .text_count =
							       read_texts(texts, cases[i].texts)};
		const struct access_verdict verdict = access_judge(rules, &identity, &subject);
		char text[128];

		access_explain(text, sizeof(text), rules, &verdict);
		ck_assert_msg(strcmp(verdict.verdict == CONF_ALLOW  ? "allow"
				     : verdict.verdict == CONF_HOLD ? "hold"
								    : text,
				     cases[i].answer) == 0,
			      "%s: %s", cases[i].texts, text);
	}
	conf_unref(conf);
}
END_TEST

START_TEST(a_record_that_ends_in_the_middle_of_a_string_says_no_more)
{
	static const uint8_t octets[] = {8, 'e', 'n', 'v', '=', 't', 'e', 's', 't'};
	struct conf *conf = conf_of("[{allow: {environment: test}}]\n    environment: env");
	const struct sockaddr_storage peer = address_of("192.0.2.1");
	const struct access_identity identity = {.peer = &peer, .transport = ACCESS_TCP};

	for (size_t size = 0; size <= sizeof(octets); size++) {
		uint8_t *copy = malloc(size + 1);
		const struct access_text text = {copy, size};
		const struct access_subject subject = {
			.instance = (const uint8_t *)WEB, .texts = &text, .text_count = 1};

		memcpy(copy, octets, size);
		ck_assert((access_judge(&conf->zones[0].update, &identity, &subject).verdict ==
			   CONF_ALLOW) == (size == sizeof(octets)));
		free(copy);
	}
	conf_unref(conf);
}
END_TEST

START_TEST(the_deciding_rule_is_told)
{
	struct conf *conf = conf_of("[{allow: {key: dev}}, {allow: {key: ops}, takeover: true}]");
	const struct conf_rules *rules = &conf->zones[0].update;
	const struct sockaddr_storage peer = address_of("192.0.2.1");
	struct access_identity identity = {.peer = &peer, .key = key_of(conf, "ops")};
	const struct access_subject subject = {.type = NULL};

	struct access_verdict verdict = access_judge(rules, &identity, &subject);
	ck_assert_ptr_eq(verdict.rule, &rules->rules[1]);
	ck_assert(verdict.rule->takeover);
	identity.key = NULL;
	verdict = access_judge(rules, &identity, &subject);
	ck_assert_int_eq(verdict.verdict, CONF_DENY);
	ck_assert_ptr_null(verdict.rule);
	conf_unref(conf);
}
END_TEST

START_TEST(a_reason_is_cut_to_its_room)
{
	struct conf *conf = conf_of("[{deny: {}, name: long}]");
	const struct conf_rules *rules = &conf->zones[0].update;
	const struct sockaddr_storage peer = address_of("192.0.2.1");
	const struct access_identity identity = {.peer = &peer};
	const struct access_subject subject = {.type = NULL};
	const struct access_verdict verdict = access_judge(rules, &identity, &subject);
	char text[8] = "xxxxxxx";

	ck_assert_str_eq(access_explain(text, 7, rules, &verdict), "rule l");
	conf_unref(conf);
}
END_TEST

START_TEST(addresses_are_shown_as_they_are_configured)
{
	static const struct {
		const char *address;
		const char *text;
		bool is_loopback;
	} cases[] = {
		{"127.0.0.1", "127.0.0.1@5300", true},
		{"255.255.255.255", "255.255.255.255@5300", false},
		{"::1", "::1@5300", true},
		{"::ffff:127.0.0.1", "127.0.0.1@5300", true},
		{"2001:db8::1", "2001:db8::1@5300", false},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct sockaddr_storage address = address_of(cases[i].address);
		char text[64];

		ck_assert_str_eq(access_address_text(text, &address), cases[i].text);
		ck_assert(access_is_loopback(&address) == cases[i].is_loopback);
	}
	const struct sockaddr_storage local = {.ss_family = AF_UNIX};
	char text[64];
	ck_assert_str_eq(access_address_text(text, &local), "unknown");
	ck_assert(!access_is_loopback(&local));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		without_rules_only_loopback_may,
		what_no_rule_matches_is_denied,
		the_first_rule_that_matches_decides,
		a_network_ends_at_its_prefix,
		a_network_without_key_counts_where_the_address_is_proven,
		a_type_is_that_type_and_no_other_name,
		all_conditions_of_a_rule_must_hold,
		a_pattern_matches_the_whole_label,
		what_is_held_is_no_denial_and_needs_a_proven_address,
		an_environment_is_what_the_first_pair_of_a_record_says,
		a_record_that_ends_in_the_middle_of_a_string_says_no_more,
		the_deciding_rule_is_told,
		a_reason_is_cut_to_its_room,
		addresses_are_shown_as_they_are_configured,
	};

	return run_tests("rules", tests, COUNT_OF(tests));
}
