#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conf/conf.h"
#include "tests/unit/conf/parsed.h"
#include "tests/unit/run.h"

/* Each bad file with its whole error, but for the name of the file before it. */
static const struct {
	const char *text;
	const char *error;
} bad_files[] = {
	{"", "1: server: is missing; write the settings of this process: addresses, threads, "
	     "directory, limits"},
	{"[]\n", "1: holds a list; write keys and values, in braces or one to a line below it"},
	{"server: [\n", "2: not YAML: did not find expected node content, while parsing a flow "
			"node that begins on line 2"},
	{"server: {listen: [127.0.0.1]\nzone: x\n",
	 "2: not YAML: did not find expected ',' or '}', while parsing a flow mapping that begins "
	 "on line 1"},
	{"server:\n\tlisten: []\n",
	 "2: not YAML: found character that cannot start any token, while scanning for the next "
	 "token that begins on line 2; indent with spaces, not tabs"},
	{"server: &a {listen: [127.0.0.1]}\n",
	 "1: anchors and aliases (& and *) are not taken; write the value out, or in quotes if it "
	 "is meant as text"},
	{"server: *a\n", "1: anchors and aliases (& and *) are not taken; write the value out, or "
			 "in quotes if it is meant as text"},
	{"server: !!map {}\n",
	 "1: tags (!) are not taken; write the value without, or in quotes if it is meant as text"},
	{"server: {}\nserver: {}\n",
	 "2: \"server\" is a key of this mapping already, on line 1; keep one"},
	{"server: {listen: [1.2.3.4]}\n---\nx\n", "2: a second document; a file holds one"},
	{"[a]: b\n", "1: a key must be plain text, not a list or a mapping"},
	{"? {a: b}\n: c\n", "1: a key must be plain text, not a list or a mapping"},
	{"a: [[[[[[[[[[[[[[[[[[\n", "1: nested deeper than 12 levels; no key lies so deep"},
	{"server: \"a\\0b\"\n", "1: a NUL octet in a text; take it out"},
	{"srever: {}\n", "1: srever: unknown key; the nearest known one is \"server\""},
	{"server: {listen: [127.0.0.1@53], treads: 2}\n",
	 "1: server.treads: unknown key; the nearest known one is \"threads\""},
	{"server: {listen: [127.0.0.1@53]}\n"
	 "zone: [{name: a.example, file: a, transfer: [{net: 10.0.0.0/8}]}]\n",
	 "2: zone.transfer.net: unknown key; it stands one level below, in \"allow\""},
	{"server: {listen: [127.0.0.1@53]}\nzone: [{name: a.example, ttl: {max: 1d}}]\n",
	 "2: zone.ttl: unknown key; it stands one level below, in \"registry\""},
	{"server: x\n",
	 "1: server: holds one value; write keys and values, in braces or one to a line below it"},
	{"zone: []\n", "1: server: is missing; write the settings of this process: addresses, "
		       "threads, directory, limits"},
	{"server:\n", "1: server.listen: is missing; write the addresses to answer on, "
		      "ADDRESS@PORT, by UDP and TCP"},
	{"server: {listen: }\n", "1: server.listen: holds nothing; write a list, in brackets or "
				 "with a \"- \" before each entry"},
	{"server: {listen: 127.0.0.1}\n", "1: server.listen: holds one value; write a list, in "
					  "brackets or with a \"- \" before each entry"},
	{"server: {listen: []}\n",
	 "1: server.listen: 0 addresses; write 1 to 64, as [\"127.0.0.1@53\", \"::1@53\"]"},
	{"server: {listen: [localhost@53]}\n",
	 "1: server.listen: \"localhost@53\" is no address; write IPv4@PORT or IPv6@PORT, as "
	 "\"127.0.0.1@53\" or \"::1@53\""},
	{"server: {listen: [\"::1@99999\"]}\n",
	 "1: server.listen: \"::1@99999\" is no address; write IPv4@PORT or IPv6@PORT, as "
	 "\"127.0.0.1@53\" or \"::1@53\""},
	{"server: {listen: [\"[127.0.0.1]@53\"]}\n",
	 "1: server.listen: \"[127.0.0.1]@53\" is no address; write IPv4@PORT or IPv6@PORT, as "
	 "\"127.0.0.1@53\" or \"::1@53\""},
	{"server: {listen: [\"::ffff:127.0.0.1@53\"]}\n",
	 "1: server.listen: \"::ffff:127.0.0.1@53\" is no address; write IPv4@PORT or IPv6@PORT, "
	 "as \"127.0.0.1@53\" or \"::1@53\""},
	{"server: {listen: [{a: b}]}\n",
	 "1: server.listen: an entry is no address; write \"127.0.0.1@53\" or \"::1@53\""},
	{"server: {listen: [\"::1@53\", \"[::1]\"]}\n",
	 "1: server.listen: ::1@53 is there twice; write it once"},
	{SERVER("threads: 0"), "1: server.threads: \"0\" is out of range; write 1 to 64"},
	{SERVER("threads: two"), "1: server.threads: \"two\" is not a number; write digits only"},
	{SERVER("threads: 99999999999999999999999"),
	 "1: server.threads: \"99999999999999999999999\" is out of range; write 1 to 64"},
	{SERVER("threads: [1]"),
	 "1: server.threads: holds a list; write one value, as in \"key: value\""},
	{SERVER("tcp-idle: 10ms"), "1: server.tcp-idle: \"10ms\" is not a duration; write one as "
				   "10s, 5m, 2h, 1d, 1w, or in seconds"},
	{SERVER("udp-pause: 0"),
	 "1: server.udp-pause: \"0\" is not a pause; write one as 200us, or off"},
	{SERVER("udp-pause: 99us"),
	 "1: server.udp-pause: \"99us\" is out of range; write 100us to 500us"},
	{SERVER("tcp-idle: 2h"), "1: server.tcp-idle: \"2h\" is out of range; write 1s to 1h"},
	{SERVER("log-max: 16MB"), "1: server.log-max: \"16MB\" is not a size; write one as 64KiB, "
				  "16MiB, 1GiB, or in octets"},
	{SERVER("log-max: 1KiB"),
	 "1: server.log-max: \"1KiB\" is out of range; write 64KiB to 64GiB"},
	{SERVER("data: \"\""), "1: server.data: is empty; write a path"},
	{SERVER("name: ."),
	 "1: server.name: is the root; write the name of a host, as ns1.example."},
	{SERVER("name: a..b"), "1: server.name: \"a..b\" is not a domain name; labels have 1 to 63 "
			       "octets, the whole 255"},
	{BARE "key: [{name: k}]\n", "2: key: key k. has no secret; write secret-file, or secret"},
	{BARE "key: [{algorithm: hmac-sha256}]\n",
	 "2: key.name: is missing; write the name of the key, as both sides have it"},
	{BARE "key: [{name: k, algorithm: hmac-md5, secret: AAAA}]\n",
	 "2: key.algorithm: \"hmac-md5\" is not taken; write hmac-sha256, hmac-sha384 or "
	 "hmac-sha512"},
	{BARE "key: [{name: k, algorithm: hmac-sha1, secret: AAAA}]\n",
	 "2: key.algorithm: \"hmac-sha1\" is not taken; write hmac-sha256, hmac-sha384 or "
	 "hmac-sha512"},
	{BARE "key: [{name: k, secret: AAA}]\n",
	 "2: key.secret: this is not BASE64; write what \"openssl rand -base64 32\" prints, or the "
	 "text between the quotes of tsig-keygen's \"secret\""},
	{BARE "key: [{name: k, secret: \"\"}]\n",
	 "2: key.secret: this is empty; write what \"openssl rand -base64 32\" prints"},
	{BARE "key: [{name: k, secret: AAAA, secret-file: x}]\n",
	 "2: key.secret-file: stands beside secret; keep one of the two"},
	{BARE "key: [{name: k, secret-file: x}]\n",
	 "2: key.secret-file: dir/x cannot be read (No such file or directory); make it with "
	 "\"openssl rand -base64 32\""},
	{BARE "key: [{name: k, secret-file: /}]\n",
	 "2: key.secret-file: / is not a regular file; write the path of one"},
	{BARE "key:\n- {name: k, secret: AAAA}\n- {name: \"K.\", secret: AAAA}\n",
	 "4: key: a second key k.; give it another name, or keep one"},
	{BARE "zone: [{name: a}]\n",
	 "2: zone: zone a. has neither file nor registry; write file for a static zone or registry "
	 "for one that is changed by UPDATE"},
	{BARE "zone: [{file: a}]\n", "2: zone.name: is missing; write the name of the zone"},
	{BARE "zone: [{name: a, file: b, registry: }]\n",
	 "2: zone: zone a. has both file and registry; write file for a static zone or registry "
	 "for one that is changed by UPDATE"},
	{BARE "zone:\n- {name: a.example, file: b}\n- {name: b.example, file: b}\n- {name: "
	      "A.example., file: b}\n",
	 "5: zone: a second zone a.example.; a name can be one zone only"},
	{BARE "zone: [{name: a, registry: }]\n",
	 "1: server.name: is missing; registry zone a. (line 2) has no base, so its NS and SOA "
	 "need the name of this server"},
	{"server: {listen: [127.0.0.1], name: n}\nzone:\n- {name: a, registry: }\n",
	 "1: server.data: is missing; registry zone a. (line 3) needs a directory for its log"},
	{REGISTRY("{lease: {min: 1h, max: 10m}}"),
	 "2: zone.registry.lease.min: 1h is above registry.lease.max, 10m; lower the one or raise "
	 "the other"},
	{REGISTRY("{lease: {max: 10s}}"),
	 "2: zone.registry.lease.min: the default of 30s is above registry.lease.max, 10s; lower "
	 "the one or raise the other"},
	{REGISTRY("{lease: {default: 10s}}"),
	 "2: zone.registry.lease.min: the default of 30s is above registry.lease.default, 10s; "
	 "lower the one or raise the other"},
	{REGISTRY("{lease: {default: 1d}}"),
	 "2: zone.registry.lease.default: 1d is above registry.lease.max, 2h; lower the one or "
	 "raise the other"},
	{REGISTRY("{lease: {default: forever}}"),
	 "2: zone.registry.lease.default: \"forever\" is none of these: permanent, refuse, a "
	 "duration such as 2h"},
	{REGISTRY("{lease: {default: 0}}"), "2: zone.registry.lease.default: \"0\" is none of "
					    "these: permanent, refuse, a duration such as 2h"},
	{REGISTRY("{lease: {max: 4w}}"),
	 "2: zone.registry.lease.max: 4w is above registry.lease.key-max, 1w; lower the one or "
	 "raise the other"},
	{FULL "zone:\n  - name: a\n    registry:\n      lease:\n        min: 5s\n",
	 "6: zone.registry.ttl.derived: the default of 10s is above registry.lease.min, 5s; lower "
	 "the one or raise the other"},
	{REGISTRY("{ttl: {derived: 31}}"),
	 "2: zone.registry.ttl.derived: 31s is above registry.lease.min, 30s; lower the one or "
	 "raise the other"},
	{REGISTRY("{answer-max: 1001}"),
	 "2: zone.registry.answer-max: \"1001\" is out of range; write 1 to 1000"},
	{REGISTRY("{pool-label: a.b}"), "2: zone.registry.pool-label: \"a.b\" is no label; write 1 "
					"to 63 letters, digits and hyphens"},
	{REGISTRY("{rules: }"), "2: zone.registry.rules: holds nothing; write a list, in brackets "
				"or with a \"- \" before each entry"},
	{RULE("{}"), "2: zone.registry.rules: a rule with none of allow, deny and hold; write "
		     "one of them, as {allow: {net: 10.0.0.0/8}} or {deny: {}}"},
	{RULE("deny"), "2: zone.registry.rules: holds one value; write keys and values, in braces "
		       "or one to a line below it"},
	{RULE("{allow: {}, deny: {}}"),
	 "2: zone.registry.rules: a rule with more than one of allow, deny and hold; write one of "
	 "them, as {allow: {net: 10.0.0.0/8}} or {deny: {}}"},
	{RULE("{hold: {}, takeover: true}"),
	 "2: zone.registry.rules: takeover beside hold; only what is allowed can take over"},
	{RULE("{deny: {environment: prod}}"),
	 "2: zone.registry.rules: a rule by environment, and no TXT key that says it; write "
	 "\"environment: env\" beside \"rules\""},
	{REGISTRY("{environment: a=b}"),
	 "2: zone.registry.environment: \"a=b\" is no key of a TXT record; write printable ASCII "
	 "without \"=\", as env"},
	{REGISTRY("{environment: \"\"}"),
	 "2: zone.registry.environment: has 0 octets; write 1 to 64"},
	{BARE "zone: [{name: a, file: f, query: [{hold: {}}]}]\n",
	 "2: zone.query: hold is for registrations; write allow or deny"},
	{BARE "zone: [{name: a, file: f, query: [{deny: {environment: x}}]}]\n",
	 "2: zone.query: a rule by environment, and no TXT key that says it; write "
	 "\"environment: env\" beside \"rules\""},
	{RULE("{deny: {}, takeover: true}"),
	 "2: zone.registry.rules: takeover beside deny; only what is allowed can take over"},
	{RULE("{allow: {}, takeover: yes}"),
	 "2: zone.registry.rules.takeover: \"yes\" is neither true nor false; write one of them"},
	{RULE("{allow: {net: 10.0.0.1/8}}"), "2: zone.registry.rules.allow.net: \"10.0.0.1/8\" has "
					     "bits behind its prefix; write 10.0.0.0/8"},
	{RULE("{allow: {net: 10.0.0.0/33}}"), "2: zone.registry.rules.allow.net: \"10.0.0.0/33\" "
					      "is no network; write one as 10.0.0.0/8 or fd00::/8"},
	{RULE("{allow: {net: \"::ffff:10.0.0.0/104\"}}"),
	 "2: zone.registry.rules.allow.net: \"::ffff:10.0.0.0/104\" is an IPv4 network in IPv6 "
	 "form; write it as IPv4"},
	{RULE("{allow: {key: ops}}"), "2: zone.registry.rules.allow.key: no key is called \"ops\"; "
				      "add it to the list \"key\", or see to the spelling"},
	{RULE("{allow: {type: http}}"), "2: zone.registry.rules.allow.type: \"http\" is no service "
					"type; write one as _http._tcp or _sip._udp"},
	{RULE("{allow: {instance: \"\"}}"),
	 "2: zone.registry.rules.allow.instance: has 0 octets; write 1 to 64"},
	{RULE("{allow: {nett: 1.2.3.4}}"),
	 "2: zone.registry.rules.allow.nett: unknown key; the nearest known one is \"net\""},
	{RULE("{name: \"a\\eb\", allow: }"),
	 "2: zone.registry.rules.name: holds a control character; take it out"},
	{BARE "zone: [{name: a, file: f, query: [{allow: {instance: x}}]}]\n",
	 "2: zone.query: this is about the whole zone; write net and key only"},
	{SERVER("identity: ''"), "1: server.identity: has 0 octets; write 1 to 63"},
	{SERVER("version: "
		"1234567890123456789012345678901234567890123456789012345678901234"),
	 "1: server.version: has 64 octets; write 1 to 63"},
	{BARE "zone: [{name: a, file: f, transfer: [{allow: {type: _http._tcp}}]}]\n",
	 "2: zone.transfer: this is about the whole zone; write net and key only"},
	{SERVER("data: "
		"/aaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbba"
		"aaaaaaaaabbbbbbbbb"),
	 "1: server.data: the path of the socket, \"control\" in this directory, has 108 octets "
	 "and may have 107; choose a shorter path"},
	{"server: \xff\n", "1: not UTF-8 text: invalid leading UTF-8 octet"},
	{"server:\n  listen: [::1@53]\n",
	 "2: not YAML: did not find expected node content, while parsing a flow node that begins "
	 "on line 2; write IPv6 addresses in quotes"},
	{BARE "zone:\n  - {name: a, file: f, registry: }\n  -\n",
	 "3: zone: zone a. has both file and registry; write file for a static zone or registry "
	 "for one that is changed by UPDATE"},
	{BARE "zone: [{name: a, registry: {rules: [{permit: {}}]}}]\n",
	 "2: zone.registry.rules.permit: unknown key; known ones are name, allow, deny, hold, "
	 "takeover"},
	{BARE "zone:\n  -\n", "3: zone.name: is missing; write the name of the zone"},
	{"server:\n  listen:\n    - 1.2.3.4\n  \"\\e[1mnames\": 5\n",
	 "4: server.?[1mnames: unknown key; the nearest known one is \"name\""},
	{BARE "key: [{name: k, secret-file: \"a\\nb\"}]\n",
	 "2: key.secret-file: dir/a?b cannot be read (No such file or directory); make it with "
	 "\"openssl rand -base64 32\""},
};

START_TEST(each_bad_file_is_refused_with_line_key_and_advice)
{
	for (size_t i = 0; i < COUNT_OF(bad_files); i++) {
		struct conf *conf = NULL;
		struct conf_error error;
		char expected[sizeof(error.text)];

		snprintf(expected, sizeof(expected), "w.conf:%s", bad_files[i].error);
		ck_assert_int_eq(parse(&conf, bad_files[i].text, &error), ERR_CONF);
		ck_assert_str_eq(error.text, expected);
		ck_assert_ptr_null(conf);
	}
}
END_TEST

START_TEST(a_file_of_too_many_values_is_refused)
{
	const size_t count = 200001;
	char *text = malloc(16 + 2 * count);
	struct conf *conf = NULL;
	struct conf_error error;

	ck_assert_ptr_nonnull(text);
	char *at = stpcpy(text, "zone: [");
	for (size_t i = 0; i < count; i++) {
		at = stpcpy(at, "a,");
	}
	strcpy(at, "]");
	ck_assert_int_eq(parse(&conf, text, &error), ERR_CONF);
	ck_assert_str_eq(error.text,
			 "w.conf:1: more than 200000 values; this is too much for one file");
	free(text);
}
END_TEST

START_TEST(a_mapping_of_too_many_keys_is_refused)
{
	char text[2048] = "server:\n";
	char *at = text + strlen(text);
	struct conf *conf = NULL;
	struct conf_error error;

	for (int i = 0; i < 65; i++) {
		at += sprintf(at, "  k%d: x\n", i);
	}
	ck_assert_int_eq(parse(&conf, text, &error), ERR_CONF);
	ck_assert_str_eq(error.text,
			 "w.conf:66: more than 64 keys in one mapping; no mapping has so many");
}
END_TEST

START_TEST(errors_of_default_values_show_the_line_that_is_written)
{
	struct conf *conf = NULL;
	struct conf_error error;

	ck_assert_int_eq(parse(&conf,
			       FULL "zone:\n  - name: a\n    registry:\n      lease:\n"
				    "        max: 4h\n        min: 5s\n",
			       &error),
			 ERR_CONF);
	ck_assert_str_eq(error.text,
			 "w.conf:7: zone.registry.ttl.derived: the default of 10s is above "
			 "registry.lease.min, 5s; lower the one or raise the other");
}
END_TEST

/* Each of these is right. */
static const char *const good_files[] = {
	BARE,
	BARE "zone: []\nkey: []\n",
	"\xef\xbb\xbf" BARE,
	"# first\n%YAML 1.1\n---\n" BARE "...\n",
	"server:\n  listen:\n    - ::1@53\n    - 0.0.0.0@0\n    - 0.0.0.0@0\n",
	BARE "zone: [{name: ., file: root.zone}]\n",
	BARE "zone: [{name: example, file: e}, {name: sub.example, file: s}]\n",
	SERVER("threads: 64, tcp-idle: 3600, log-max: 65536"),
	SERVER("udp-pause: off"),
	/* 107 octets with /control */
	SERVER("data: /aaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaabbbbbbbbbbaaaaaaaaaa"
	       "bbbbbbbbbbaaaaaaaaaabbbbbbbbb"),
	/* a base stands in for server.name */
	"server: {listen: [127.0.0.1], data: d}\nzone: [{name: a, registry: {base: b}}]\n",
	REGISTRY("{}"),
	REGISTRY("{lease: , ttl: }"),
	REGISTRY("{rules: []}"),
	REGISTRY("{lease: {min: 1m, max: 1m, default: 1m, key-max: 1m}, ttl: {derived: 1m}}"),
	REGISTRY("{lease: {default: refuse}}"),
	RULE("{allow: {instance: \"web-*\"}}"),
	RULE("{allow: {net: 0.0.0.0/0}}, {deny: {net: \"::/0\"}}"),
	RULE("{deny: }"),
};

START_TEST(what_is_right_is_taken)
{
	for (size_t i = 0; i < COUNT_OF(good_files); i++) {
		conf_unref(parsed(good_files[i]));
	}
}
END_TEST

START_TEST(what_is_not_written_has_its_default)
{
	struct conf *conf = parsed(FULL "zone: [{name: a, registry: }]\n");
	const struct conf_zone *zone = &conf->zones[0];

	ck_assert_str_eq(conf->listen[0].text, "127.0.0.1@53");
	ck_assert_uint_ge(conf->threads, 1);
	ck_assert_uint_le(conf->threads, 64);
	ck_assert_uint_ge(conf->stream_threads, 1);
	ck_assert_uint_le(conf->stream_threads, conf->threads);
	ck_assert_uint_eq(conf->change_max, 200000);
	ck_assert_uint_eq(conf->update_queue, 10000);
	ck_assert_uint_eq(conf->refusal_rate, 1000);
	ck_assert_uint_eq(conf->tcp_max, 1000);
	ck_assert_uint_eq(conf->tcp_idle_s, 10);
	ck_assert_uint_eq(conf->udp_pause_us, 0);
	ck_assert_uint_eq(conf->transfer_max, 10);
	ck_assert_uint_eq(conf->transfer_time_s, 600);
	ck_assert_uint_eq(conf->transfer_memory, 256 << 20);
	ck_assert_uint_eq(conf->log_max, 16 << 20);
	ck_assert_uint_eq(conf->key_count, 0);
	ck_assert(zone->is_registry);
	ck_assert_ptr_null(zone->base);
	ck_assert(!zone->update.is_written);
	ck_assert_uint_eq(zone->lease_min_s, 30);
	ck_assert_uint_eq(zone->lease_max_s, 7200);
	ck_assert_uint_eq(zone->key_lease_max_s, 604800);
	ck_assert_int_eq(zone->lease_default, CONF_LEASE_PERMANENT);
	ck_assert_uint_eq(zone->ttl_derived_s, 10);
	ck_assert_uint_eq(zone->ttl_max_s, 86400);
	ck_assert_uint_eq(zone->answer_max, 100);
	ck_assert_mem_eq(zone->pool_label, "\4pool", 5);
	conf_unref(conf);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		each_bad_file_is_refused_with_line_key_and_advice,
		a_file_of_too_many_values_is_refused,
		a_mapping_of_too_many_keys_is_refused,
		errors_of_default_values_show_the_line_that_is_written,
		what_is_not_written_has_its_default,
		what_is_right_is_taken,
	};

	return run_tests("schema", tests, COUNT_OF(tests));
}
