#include "conf/conf.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"

/* Files that are right but for what a case adds. */
#define BARE "server: {listen: [127.0.0.1]}\n"
#define FULL "server: {listen: [127.0.0.1], name: n, data: d}\n"
#define SERVER(more) "server: {listen: [127.0.0.1], " more "}\n"
#define REGISTRY(keys) FULL "zone: [{name: a, registry: " keys "}]\n"
#define RULE(rule) REGISTRY("{rules: [" rule "]}")

static int parse(struct conf **out, const char *text, struct conf_error *error)
{
	return conf_parse(out, text, strlen(text), "w.conf", "dir", error);
}

/* A configuration that must be right. */
static struct conf *parsed(const char *text)
{
	struct conf_error error;
	struct conf *conf = NULL;

	const int ret = parse(&conf, text, &error);
	ck_assert_msg(ret == OK, "%s\n%s", error.text, text);
	return conf;
}

/* A directory of its own, removed by remove_directory(). */
static char *make_directory(char path[64])
{
	snprintf(path, 64, "/tmp/waggle-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(path));
	return path;
}

static void make_file(const char *directory, const char *name, const char *text, mode_t mode)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static void remove_directory(const char *directory)
{
	DIR *entries = opendir(directory);

	ck_assert_ptr_nonnull(entries);
	for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
		if (entry->d_name[0] != '.') {
			ck_assert_int_eq(unlinkat(dirfd(entries), entry->d_name, 0), 0);
		}
	}
	closedir(entries);
	ck_assert_int_eq(rmdir(directory), 0);
}

/* A file of the source tree as text; free it. */
static char *source_text(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[512];
	char *text = calloc(1, 65536);

	snprintf(path, sizeof(path), "%s/%s", srcdir == NULL ? "." : srcdir, name);
	FILE *file = fopen(path, "r");
	ck_assert_msg(file != NULL && text != NULL, "%s", path);
	ck_assert_uint_lt(fread(text, 1, 65535, file), 65535);
	fclose(file);
	return text;
}

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
	{RULE("{}"), "2: zone.registry.rules: a rule with neither allow nor deny; write one of "
		     "them, as {allow: {net: 10.0.0.0/8}} or {deny: {}}"},
	{RULE("deny"), "2: zone.registry.rules: holds one value; write keys and values, in braces "
		       "or one to a line below it"},
	{RULE("{allow: {}, deny: {}}"),
	 "2: zone.registry.rules: a rule with both allow and deny; write one of them, as {allow: "
	 "{net: 10.0.0.0/8}} or {deny: {}}"},
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
	{BARE "zone: [{name: a, file: f, transfer: [{allow: {type: _http._tcp}}]}]\n",
	 "2: zone.transfer: a transfer is of the whole zone; write net and key only"},
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
	{BARE "zone:\n  -\n", "3: zone.name: is missing; write the name of the zone"},
	{"server:\n  listen:\n    - 1.2.3.4\n  \"\\e[1mx\": 5\n",
	 "4: server.?[1mx: unknown key; the nearest known one is \"name\""},
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

/* Everything that can be written, each value other than its default. */
static const char whole_file[] =
	"server:\n"
	"  listen: [\"127.0.0.1@5300\", \"::1@5301\", \"[2001:db8::1]@5302\", 192.0.2.1, \"::\"]\n"
	"  threads: 3\n"
	"  stream-threads: 5\n"
	"  data: state\n"
	"  name: NS1.example\n"
	"  change-max: 7\n"
	"  update-queue: 8\n"
	"  tcp-max: 9\n"
	"  tcp-idle: 1m\n"
	"  log-max: 1GiB\n"
	"zone:\n"
	"  - {name: Static.Example, file: /etc/static.zone}\n"
	"  - name: svc.example.\n"
	"    registry:\n"
	"      base: zones/base.zone\n"
	"      rules:\n"
	"        - {allow: {net: 127.0.0.0/8}}\n"
	"        - {allow: {key: OPS, type: \"_HTTP._tcp\", instance: \"web-*\"}, name: web}\n"
	"        - {allow: {key: ops., net: \"2001:db8::/32\"}, takeover: true}\n"
	"        - {deny: {}}\n"
	"      lease: {min: 60, max: 1d, default: 3h, key-max: 2w}\n"
	"      ttl: {derived: 20s, max: 2d}\n"
	"      answer-max: 50\n"
	"      pool-label: Addresses\n"
	"    transfer: [{allow: {net: 192.0.2.53, key: second}}, {deny: }]\n"
	"key:\n"
	"  - {name: Ops, algorithm: hmac-sha512, secret: AAECAwQFBgcICQoLDA0ODw==}\n"
	"  - {name: second, secret: \"AAEC AwQF\"}\n";

START_TEST(the_server_is_as_written)
{
	static const char *const listen[] = {"127.0.0.1@5300", "::1@5301", "2001:db8::1@5302",
					     "192.0.2.1@53", "::@53"};
	struct conf *conf = parsed(whole_file);
	struct sockaddr_in v4;

	ck_assert_str_eq(conf->path, "w.conf");
	ck_assert_uint_eq(conf->listen_count, COUNT_OF(listen));
	for (size_t i = 0; i < COUNT_OF(listen); i++) {
		ck_assert_str_eq(conf->listen[i].text, listen[i]);
	}
	ck_assert_uint_eq(conf->listen[0].size, sizeof(v4));
	memcpy(&v4, &conf->listen[0].address, sizeof(v4));
	ck_assert_int_eq(v4.sin_family, AF_INET);
	ck_assert_uint_eq(ntohs(v4.sin_port), 5300);
	ck_assert_uint_eq(ntohl(v4.sin_addr.s_addr), INADDR_LOOPBACK);
	ck_assert_int_eq(conf->listen[1].address.ss_family, AF_INET6);
	ck_assert_uint_eq(conf->threads, 3);
	ck_assert_uint_eq(conf->stream_threads, 5);
	ck_assert_str_eq(conf->data, "dir/state");
	ck_assert_str_eq(conf->control, "dir/state/control");
	ck_assert(conf->has_name);
	ck_assert_mem_eq(conf->name, "\3NS1\7example", 13);
	ck_assert_uint_eq(conf->change_max, 7);
	ck_assert_uint_eq(conf->update_queue, 8);
	ck_assert_uint_eq(conf->tcp_max, 9);
	ck_assert_uint_eq(conf->tcp_idle_s, 60);
	ck_assert_uint_eq(conf->log_max, 1u << 30);
	conf_unref(conf);
}
END_TEST

START_TEST(the_zones_are_as_written)
{
	struct conf *conf = parsed(whole_file);
	const struct conf_zone *fixed = &conf->zones[0];
	const struct conf_zone *registry = &conf->zones[1];

	ck_assert_uint_eq(conf->zone_count, 2);
	ck_assert_str_eq(fixed->text, "static.example.");
	ck_assert(!fixed->is_registry);
	ck_assert_str_eq(fixed->file, "/etc/static.zone");
	ck_assert_int_eq(fixed->line, 13);
	ck_assert_int_eq(fixed->file_line, 13);
	ck_assert(!fixed->transfer.is_written);
	ck_assert_str_eq(registry->text, "svc.example.");
	ck_assert(registry->is_registry);
	ck_assert_ptr_null(registry->file);
	ck_assert_str_eq(registry->base, "dir/zones/base.zone");
	ck_assert_int_eq(registry->file_line, 16);
	ck_assert_uint_eq(registry->lease_min_s, 60);
	ck_assert_uint_eq(registry->lease_max_s, 86400);
	ck_assert_uint_eq(registry->key_lease_max_s, 1209600);
	ck_assert_int_eq(registry->lease_default, CONF_LEASE_DURATION);
	ck_assert_uint_eq(registry->lease_default_s, 10800);
	ck_assert_uint_eq(registry->ttl_derived_s, 20);
	ck_assert_uint_eq(registry->ttl_max_s, 172800);
	ck_assert_uint_eq(registry->answer_max, 50);
	ck_assert_mem_eq(registry->pool_label, "\11addresses", 10);
	ck_assert(registry->transfer.is_written);
	ck_assert_uint_eq(registry->transfer.count, 2);
	ck_assert_ptr_eq(registry->transfer.rules[0].key, &conf->keys[1]);
	ck_assert_uint_eq(registry->transfer.rules[0].net.prefix, 32);
	ck_assert_int_eq(registry->transfer.rules[1].verdict, CONF_DENY);
	conf_unref(conf);
}
END_TEST

START_TEST(the_rules_are_as_written)
{
	struct conf *conf = parsed(whole_file);
	const struct conf_rules *rules = &conf->zones[1].update;

	ck_assert(rules->is_written);
	ck_assert_uint_eq(rules->count, 4);
	ck_assert_int_eq(rules->rules[0].verdict, CONF_ALLOW);
	ck_assert(rules->rules[0].has_net);
	ck_assert_int_eq(rules->rules[0].net.family, AF_INET);
	ck_assert_uint_eq(rules->rules[0].net.prefix, 8);
	ck_assert_mem_eq(rules->rules[0].net.octets, "\177\0\0\0", 4);
	ck_assert_ptr_null(rules->rules[0].name);
	ck_assert_int_eq(rules->rules[0].line, 18);
	ck_assert_ptr_eq(rules->rules[1].key, &conf->keys[0]);
	ck_assert_mem_eq(rules->rules[1].type, "\5_http\4_tcp", 12);
	ck_assert_str_eq(rules->rules[1].instance, "web-*");
	ck_assert_str_eq(rules->rules[1].name, "web");
	ck_assert(!rules->rules[1].has_net);
	ck_assert(!rules->rules[1].takeover);
	ck_assert(rules->rules[2].takeover);
	ck_assert_int_eq(rules->rules[2].net.family, AF_INET6);
	ck_assert_uint_eq(rules->rules[2].net.prefix, 32);
	ck_assert_int_eq(rules->rules[3].verdict, CONF_DENY);
	ck_assert(!rules->rules[3].has_net);
	ck_assert_ptr_null(rules->rules[3].key);
	conf_unref(conf);
}
END_TEST

START_TEST(the_keys_are_as_written)
{
	static const uint8_t secret[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	const struct hmac_piece piece = {"text", 4};
	struct conf *conf = parsed(whole_file);
	struct hmac_key *same;
	uint8_t one[HMAC_MAX_SIZE];
	uint8_t other[HMAC_MAX_SIZE];

	ck_assert_uint_eq(conf->key_count, 2);
	ck_assert_mem_eq(conf->keys[0].name, "\3ops", 5);
	ck_assert_int_eq(conf->keys[0].algorithm, HMAC_SHA512);
	ck_assert_mem_eq(conf->keys[0].algorithm_name, "\13hmac-sha512", 13);
	ck_assert_int_eq(conf->keys[1].algorithm, HMAC_SHA256);
	ck_assert_mem_eq(conf->keys[1].algorithm_name, "\13hmac-sha256", 13);
	ck_assert_int_eq(hmac_key_new(&same, HMAC_SHA512, secret, sizeof(secret)), OK);
	ck_assert_int_eq(hmac_compute(same, &piece, 1, one), OK);
	ck_assert_int_eq(hmac_compute(conf->keys[0].secret, &piece, 1, other), OK);
	ck_assert_mem_eq(one, other, hmac_size(HMAC_SHA512));
	hmac_key_free(same);
	conf_unref(conf);
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
	ck_assert_uint_eq(conf->tcp_max, 1000);
	ck_assert_uint_eq(conf->tcp_idle_s, 10);
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

START_TEST(paths_start_at_the_directory_of_the_file)
{
	static const struct {
		const char *directory;
		const char *written;
		const char *resolved;
	} cases[] = {
		{"/etc/waggle", "x.zone", "/etc/waggle/x.zone"},
		{"/etc/waggle", "./x.zone", "/etc/waggle/x.zone"},
		{"/etc/waggle", "../x.zone", "/etc/waggle/../x.zone"},
		{"/etc/waggle", "/x.zone", "/x.zone"},
		{".", "./waggle-dev", "./waggle-dev"},
		{".", ".hidden", "./.hidden"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf *conf = NULL;
		struct conf_error error;
		char text[256];

		snprintf(text, sizeof(text), BARE "zone: [{name: a, file: \"%s\"}]\n",
			 cases[i].written);
		ck_assert_int_eq(
			conf_parse(&conf, text, strlen(text), "w.conf", cases[i].directory, &error),
			OK);
		ck_assert_str_eq(conf->zones[0].file, cases[i].resolved);
		conf_unref(conf);
	}
}
END_TEST

START_TEST(zones_and_keys_are_found_without_case)
{
	static const char *const missing[] = {"\3abc", "", "\1b\7example", "\4aaaa"};
	struct conf *conf =
		parsed(BARE "key: [{name: b, secret: AAAA}, {name: a.b, secret: AAAA}]\n"
			    "zone: [{name: svc.example, file: f}, {name: example, file: f},\n"
			    "  {name: a, file: f}]\n");

	ck_assert_ptr_eq(conf_zone_find(conf, (const uint8_t *)"\3SVC\7Example"), &conf->zones[0]);
	ck_assert_ptr_eq(conf_zone_find(conf, (const uint8_t *)"\7example"), &conf->zones[1]);
	ck_assert_ptr_eq(conf_zone_find(conf, (const uint8_t *)"\1a"), &conf->zones[2]);
	ck_assert_ptr_eq(conf_key_find(conf, (const uint8_t *)"\1B"), &conf->keys[0]);
	ck_assert_ptr_eq(conf_key_find(conf, (const uint8_t *)"\1a\1b"), &conf->keys[1]);
	for (size_t i = 0; i < COUNT_OF(missing); i++) {
		const uint8_t *name = (const uint8_t *)missing[i];

		ck_assert_ptr_null(conf_zone_find(conf, name));
		ck_assert_ptr_null(conf_key_find(conf, name));
	}
	conf_unref(conf);
}
END_TEST

START_TEST(a_reference_keeps_the_configuration)
{
	struct conf *conf = parsed(BARE);
	struct conf *other = conf_ref(conf);

	ck_assert_ptr_eq(other, conf);
	conf_unref(conf);
	ck_assert_str_eq(other->listen[0].text, "127.0.0.1@53");
	conf_unref(other);
	conf_unref(NULL);
}
END_TEST

/* Loads `text` from a file beside `secret`; what the load wrote to standard error is in `log`. */
static int load_with_secret(const char *secret, mode_t mode, struct conf_error *error, char *log,
			    size_t log_size)
{
	static const char text[] = BARE "key:\n  - {name: k, secret-file: k.key}\n";
	char directory[64];
	char path[128];
	struct conf *conf = NULL;
	FILE *capture = tmpfile();
	const int saved = dup(STDERR_FILENO);

	make_directory(directory);
	make_file(directory, "w.conf", text, 0644);
	make_file(directory, "k.key", secret, mode);
	snprintf(path, sizeof(path), "%s/w.conf", directory);
	ck_assert_ptr_nonnull(capture);
	ck_assert_int_ge(dup2(fileno(capture), STDERR_FILENO), 0);
	const int ret = conf_load(&conf, path, error);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(capture);
	log[fread(log, 1, log_size - 1, capture)] = 0;
	fclose(capture);
	remove_directory(directory);
	conf_unref(conf);
	return ret;
}

START_TEST(a_secret_file_holds_base64)
{
	static const struct {
		const char *text;
		const char *error; /* the end of it, or NULL */
	} cases[] = {
		{"AAEC", NULL},
		{"  AAEC\r\n\n", NULL},
		{"AAEC\nAAEC\n", NULL},
		{"AQ==", NULL},
		{"", "is empty; write what \"openssl rand -base64 32\" prints"},
		{"\n", "is empty; write what \"openssl rand -base64 32\" prints"},
		{"key \"ops\" {\n\talgorithm hmac-sha256;\n};\n",
		 "is not BASE64; write what \"openssl rand -base64 32\" prints, or the text "
		 "between the quotes of tsig-keygen's \"secret\""},
	};
	char log[512];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf_error error;
		const int ret = load_with_secret(cases[i].text, 0600, &error, log, sizeof(log));

		ck_assert_int_eq(ret, cases[i].error == NULL ? OK : ERR_CONF);
		ck_assert_str_eq(log, "");
		if (cases[i].error != NULL) {
			const size_t size = strlen(error.text);
			const size_t end = strlen(cases[i].error);

			ck_assert_ptr_nonnull(strstr(error.text, "w.conf:3: key.secret-file: "));
			ck_assert_uint_gt(size, end);
			ck_assert_str_eq(error.text + size - end, cases[i].error);
		}
	}
}
END_TEST

START_TEST(a_secret_file_is_bounded)
{
	struct conf_error error;
	char log[512];
	char text[4098];

	memset(text, 'A', sizeof(text));
	text[4096] = 0;
	ck_assert_int_eq(load_with_secret(text, 0600, &error, log, sizeof(log)), OK);
	text[4096] = 'A';
	text[4097] = 0;
	ck_assert_int_eq(load_with_secret(text, 0600, &error, log, sizeof(log)), ERR_CONF);
	ck_assert_ptr_nonnull(strstr(error.text, "cannot be read (File too large)"));
}
END_TEST

START_TEST(a_secret_that_everybody_can_read_is_taken_with_a_warning)
{
	struct conf_error error;
	char log[512];

	ck_assert_int_eq(load_with_secret("AAEC", 0640, &error, log, sizeof(log)), OK);
	ck_assert_str_eq(log, "");
	ck_assert_int_eq(load_with_secret("AAEC", 0644, &error, log, sizeof(log)), OK);
	ck_assert_ptr_nonnull(strstr(log, "k.key"));
	ck_assert_ptr_nonnull(strstr(log, "mode=0644"));
	ck_assert_ptr_null(strstr(log, "AAEC"));
}
END_TEST

START_TEST(a_file_that_is_not_there_is_named)
{
	struct conf *conf = NULL;
	struct conf_error error;

	ck_assert_int_eq(conf_load(&conf, "/nowhere/w.conf", &error), ERR_CONF);
	ck_assert_str_eq(error.text, "/nowhere/w.conf: cannot be read (No such file or "
				     "directory); see to its path and its permissions");
	ck_assert_int_eq(conf_load(&conf, "/", &error), ERR_CONF);
	ck_assert_str_eq(error.text, "/: cannot be read (Is a directory); see to its path and "
				     "its permissions");
}
END_TEST

START_TEST(each_failed_allocation_fails_the_load_alone)
{
	char directory[64];
	char path[128];
	struct conf_error error;
	unsigned n = 0;

	make_directory(directory);
	make_file(directory, "w.conf", whole_file, 0644);
	snprintf(path, sizeof(path), "%s/w.conf", directory);
	for (;; n++) {
		struct conf *conf = NULL;

		fail_alloc_after(n);
		const int ret = conf_load(&conf, path, &error);
		fail_alloc_off();
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(ret, OK);
			conf_unref(conf);
			break;
		}
		ck_assert_int_eq(ret, ERR_NOMEM);
		ck_assert_ptr_null(conf);
	}
	ck_assert_uint_gt(n, 8);
	remove_directory(directory);
}
END_TEST

START_TEST(every_sample_is_right)
{
	static const char key[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
	const char *srcdir = getenv("srcdir");
	char directory[64];
	char zones[256];
	int count = 0;

	make_directory(directory);
	make_file(directory, "ops.key", key, 0600);
	snprintf(zones, sizeof(zones), "%s/zones", srcdir == NULL ? "." : srcdir);
	DIR *entries = opendir(zones);
	ck_assert_msg(entries != NULL, "%s", zones);
	for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
		const char *end = strrchr(entry->d_name, '.');
		struct conf *conf = NULL;
		struct conf_error error;
		char name[300];

		if (end == NULL || strcmp(end, ".yaml") != 0) {
			continue;
		}
		snprintf(name, sizeof(name), "zones/%s", entry->d_name);
		char *text = source_text(name);
		const int ret = conf_parse(&conf, text, strlen(text), name, directory, &error);
		ck_assert_msg(ret == OK, "%s", error.text);
		/* The zone files that it names are beside it. */
		for (size_t i = 0; i < conf->zone_count; i++) {
			const struct conf_zone *zone = &conf->zones[i];
			const char *file = zone->is_registry ? zone->base : zone->file;

			if (file != NULL) {
				ck_assert_int_eq(
					faccessat(dirfd(entries), strrchr(file, '/') + 1, R_OK, 0),
					0);
			}
		}
		conf_unref(conf);
		free(text);
		count++;
	}
	closedir(entries);
	remove_directory(directory);
	ck_assert_int_ge(count, 2);
}
END_TEST

START_TEST(dev_is_the_quickstart)
{
	char *text = source_text("zones/quickstart.yaml");
	struct conf *dev = NULL;
	struct conf *file = NULL;
	struct conf_error error;

	ck_assert_int_eq(
		conf_parse(&dev, conf_dev_text, strlen(conf_dev_text), "(built in)", ".", &error),
		OK);
	ck_assert_int_eq(conf_parse(&file, text, strlen(text), "quickstart.yaml", ".", &error), OK);
	ck_assert_uint_eq(dev->listen_count, file->listen_count);
	for (size_t i = 0; i < dev->listen_count; i++) {
		ck_assert_str_eq(dev->listen[i].text, file->listen[i].text);
	}
	ck_assert_uint_eq(dev->threads, file->threads);
	ck_assert_uint_eq(dev->stream_threads, file->stream_threads);
	ck_assert_str_eq(dev->data, "./waggle-dev");
	ck_assert_str_eq(dev->data, file->data);
	ck_assert_str_eq(dev->control, file->control);
	ck_assert(dev->has_name && file->has_name && dns_name_equal(dev->name, file->name));
	ck_assert_uint_eq(dev->change_max, file->change_max);
	ck_assert_uint_eq(dev->update_queue, file->update_queue);
	ck_assert_uint_eq(dev->tcp_max, file->tcp_max);
	ck_assert_uint_eq(dev->tcp_idle_s, file->tcp_idle_s);
	ck_assert_uint_eq(dev->log_max, file->log_max);
	ck_assert_uint_eq(dev->key_count, 0);
	ck_assert_uint_eq(file->key_count, 0);
	ck_assert_uint_eq(dev->zone_count, 1);
	ck_assert_uint_eq(file->zone_count, 1);
	/* All but where it stands in the file; neither holds a path or a rule. */
	ck_assert_str_eq(dev->zones[0].text, "svc.example.");
	dev->zones[0].line = file->zones[0].line;
	ck_assert_mem_eq(&dev->zones[0], &file->zones[0], sizeof(dev->zones[0]));
	ck_assert_uint_eq(dev->zones[0].lease_min_s, 5);
	ck_assert_uint_eq(dev->zones[0].ttl_derived_s, 5);
	conf_unref(dev);
	conf_unref(file);
	free(text);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		each_bad_file_is_refused_with_line_key_and_advice,
		a_file_of_too_many_values_is_refused,
		a_mapping_of_too_many_keys_is_refused,
		errors_of_default_values_show_the_line_that_is_written,
		the_server_is_as_written,
		the_zones_are_as_written,
		the_rules_are_as_written,
		the_keys_are_as_written,
		what_is_not_written_has_its_default,
		what_is_right_is_taken,
		paths_start_at_the_directory_of_the_file,
		zones_and_keys_are_found_without_case,
		a_reference_keeps_the_configuration,
		a_secret_file_holds_base64,
		a_secret_file_is_bounded,
		a_secret_that_everybody_can_read_is_taken_with_a_warning,
		a_file_that_is_not_there_is_named,
		each_failed_allocation_fails_the_load_alone,
		every_sample_is_right,
		dev_is_the_quickstart,
	};

	return run_tests("conf", tests, COUNT_OF(tests));
}
