/*
 * The schema: one row for each key of the file, and the one loop that applies rows to a mapping.
 *
 * Rows of a mapping are applied in the order of the table, whatever the order of the file, so
 * keys are known before the rules that name them.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "conf/decode.h"

#define FIELD(type, field) .offset = offsetof(type, field), .size = sizeof(((type *)NULL)->field)
#define COUNT(from, to) .decode = decode_number, .unit = value_plain, .least = (from), .most = (to)
#define DURATION(from, to)                                                                         \
	.decode = decode_number, .unit = value_duration, .least = (from), .most = (to)

#define WEEK 604800u
#define YEAR (52 * WEEK)

/* clang-format off */
static const struct row rows[] = {
{"", "server", NODE_MAP, decode_inside, .inside = "server", .is_required = true,
	.help = "settings of this process: addresses, threads, directory, limits"},
{"", "key", NODE_LIST, decode_keys,
	.help = "TSIG keys that rules may name"},
{"", "zone", NODE_LIST, decode_zones,
	.help = "the zones served, static or registry"},

{"server", "listen", NODE_LIST, decode_listen, .is_required = true,
	.help = "addresses to answer on, ADDRESS@PORT, by UDP and TCP"},
{"server", "threads", NODE_SCALAR, COUNT(1, 64), FIELD(struct conf, threads),
	.standard_text = "one for each core", .help = "UDP workers for each address"},
{"server", "stream-threads", NODE_SCALAR, COUNT(1, 64), FIELD(struct conf, stream_threads),
	.standard_text = "one for two cores", .help = "threads that serve TCP connections"},
{"server", "udp-pause", NODE_SCALAR, decode_pause, .unit = value_micros, .least = 100,
	.most = 500, FIELD(struct conf, udp_pause_us),
	.standard = "off", .help = "rest of a UDP worker after a short batch, to gather more"},
{"server", "data", NODE_SCALAR, decode_path, FIELD(struct conf, data),
	.help = "directory of the log, the snapshots and the control socket"},
{"server", "name", NODE_SCALAR, decode_server_name, FIELD(struct conf, name),
	.help = "name of this server, for NS and SOA of registry zones without a base"},
{"server", "identity", NODE_SCALAR, decode_said, FIELD(struct conf, identity),
	.standard_text = "not said",
	.help = "what it calls itself, by NSID and to CH TXT id.server and hostname.bind"},
{"server", "version", NODE_SCALAR, decode_said, FIELD(struct conf, version),
	.standard_text = "not said",
	.help = "what it answers to CH TXT version.server and version.bind"},
{"server", "change-max", NODE_SCALAR, COUNT(1, 10000000), FIELD(struct conf, change_max),
	.standard = "200000", .help = "records that one UPDATE may change"},
{"server", "update-queue", NODE_SCALAR, COUNT(1, 1000000), FIELD(struct conf, update_queue),
	.standard = "10000", .help = "UPDATEs that may wait to be logged"},
{"server", "refusal-rate", NODE_SCALAR, COUNT(1, 1000000), FIELD(struct conf, refusal_rate),
	.standard = "1000",
	.help = "refused UPDATEs of strangers that a thread answers a second by UDP"},
{"server", "tcp-max", NODE_SCALAR, COUNT(1, 1000000), FIELD(struct conf, tcp_max),
	.standard = "1000", .help = "TCP connections at a time"},
{"server", "tcp-max-client", NODE_SCALAR, COUNT(1, 1000000), FIELD(struct conf, tcp_max_client),
	.standard = "200", .help = "TCP connections of one address at a time"},
{"server", "tcp-idle", NODE_SCALAR, DURATION(1, 3600), FIELD(struct conf, tcp_idle_s),
	.standard = "10s", .help = "time after which an idle TCP connection is closed"},
{"server", "tcp-read", NODE_SCALAR, DURATION(1, 3600), FIELD(struct conf, tcp_read_s),
	.standard = "5s", .help = "time for a message to come whole by TCP"},
{"server", "tcp-write", NODE_SCALAR, DURATION(1, 3600), FIELD(struct conf, tcp_write_s),
	.standard = "10s", .help = "time for a client to read what it was sent by TCP"},
{"server", "tcp-unread", NODE_SCALAR, decode_number, .unit = value_octets,
	.least = 64 << 10, .most = 64 << 20, FIELD(struct conf, tcp_unread),
	.standard = "256KiB", .help = "replies unread over which a TCP connection is not read from"},
{"server", "cookie", NODE_MAP, decode_inside, .inside = "server.cookie",
	.help = "DNS Cookies: secrets shared with other servers of the same zones"},
{"server", "rate-limit", NODE_MAP, decode_inside, .inside = "server.rate-limit",
	.standard_text = "no limit", .help = "limit on the rate of replies by UDP to a network"},
{"server", "transfer-max", NODE_SCALAR, COUNT(1, 1000), FIELD(struct conf, transfer_max),
	.standard = "10", .help = "zone transfers at a time"},
{"server", "transfer-time", NODE_SCALAR, DURATION(1, 86400), FIELD(struct conf, transfer_time_s),
	.standard = "10m", .help = "longest time that a zone transfer may take"},
{"server", "transfer-memory", NODE_SCALAR, decode_number, .unit = value_octets,
	.least = 1 << 20, .most = 64ull << 30, FIELD(struct conf, transfer_memory),
	.standard = "256MiB", .help = "memory that a zone transfer may keep from being freed"},
{"server", "log-max", NODE_SCALAR, decode_number, .unit = value_octets,
	.least = 64 << 10, .most = 64ull << 30, FIELD(struct conf, log_max),
	.standard = "16MiB", .help = "size of the log at which a snapshot is made"},

{"server.cookie", "secrets", NODE_LIST, decode_cookie_secrets,
	.standard_text = "drawn at the start, changed every day",
	.help = "1 to 4 secrets of 32 hexadecimal digits; the first signs, all are accepted"},
{"server.cookie", "secrets-file", NODE_SCALAR, decode_cookie_file,
	.help = "file that holds the secrets, between white space"},

{"server.rate-limit", "responses", NODE_SCALAR, COUNT(1, 1000000),
	FIELD(struct conf, rate.responses), .is_required = true,
	.help = "replies a second to a network"},
{"server.rate-limit", "slip", NODE_SCALAR, COUNT(0, 100), FIELD(struct conf, rate.slip),
	.standard = "2", .help = "of the requests over the limit every so-many-th is answered with TC"},
{"server.rate-limit", "prefix-v4", NODE_SCALAR, COUNT(8, 32), FIELD(struct conf, rate.prefix_v4),
	.standard = "24", .help = "bits of an IPv4 address that make a network"},
{"server.rate-limit", "prefix-v6", NODE_SCALAR, COUNT(16, 128), FIELD(struct conf, rate.prefix_v6),
	.standard = "56", .help = "bits of an IPv6 address that make a network"},

{"key", "name", NODE_SCALAR, decode_key_name, .is_required = true,
	.help = "name of the key, as both sides have it"},
{"key", "algorithm", NODE_SCALAR, decode_algorithm, FIELD(struct conf_key, algorithm),
	.standard = "hmac-sha256", .help = "hmac-sha256, hmac-sha384 or hmac-sha512"},
{"key", "secret", NODE_SCALAR, decode_secret,
	.help = "the secret in BASE64"},
{"key", "secret-file", NODE_SCALAR, decode_secret_file,
	.help = "file that holds the secret in BASE64"},

{"zone", "name", NODE_SCALAR, decode_zone_name, .is_required = true,
	.help = "name of the zone"},
{"zone", "file", NODE_SCALAR, decode_zone_file, FIELD(struct conf_zone, file),
	.help = "master file of a static zone"},
{"zone", "registry", NODE_MAP, decode_registry, .inside = "zone.registry",
	.help = "makes it a registry zone, changed by UPDATE"},
{"zone", "query", NODE_LIST, decode_whole_zone, FIELD(struct conf_zone, query),
	.standard_text = "everybody", .help = "rules for who may ask for what is in the zone"},
{"zone", "transfer", NODE_LIST, decode_whole_zone, FIELD(struct conf_zone, transfer),
	.standard_text = "nobody", .help = "rules for who may transfer the zone"},

{"zone.registry", "base", NODE_SCALAR, decode_zone_file, FIELD(struct conf_zone, base),
	.help = "master file of the records that are written by hand"},
{"zone.registry", "environment", NODE_SCALAR, decode_environment_key,
	FIELD(struct conf_zone, update.environment),
	.help = "TXT key by which instances say their environment"},
{"zone.registry", "rules", NODE_LIST, decode_rules, FIELD(struct conf_zone, update),
	.standard_text = "loopback may register, nobody else",
	.help = "rules for who may register what"},
{"zone.registry", "lease", NODE_MAP, decode_inside, .inside = "zone.registry.lease",
	.standard = "", .help = "bounds of leases"},
{"zone.registry", "ttl", NODE_MAP, decode_inside, .inside = "zone.registry.ttl",
	.standard = "", .help = "bounds of times to live"},
{"zone.registry", "answer-max", NODE_SCALAR, COUNT(1, 1000),
	FIELD(struct conf_zone, answer_max),
	.standard = "100", .help = "members of a pool in one answer"},
{"zone.registry", "pool-label", NODE_SCALAR, decode_pool_label,
	FIELD(struct conf_zone, pool_label),
	.standard = "pool", .help = "label of the subtree that shows pools as addresses"},

{"zone.registry.lease", "min", NODE_SCALAR, DURATION(1, YEAR),
	FIELD(struct conf_zone, lease_min_s),
	.standard = "30s", .help = "shortest lease granted"},
{"zone.registry.lease", "max", NODE_SCALAR, DURATION(1, YEAR),
	FIELD(struct conf_zone, lease_max_s),
	.standard = "2h", .help = "longest lease granted"},
{"zone.registry.lease", "default", NODE_SCALAR, decode_lease_default, .unit = value_duration,
	.standard = "permanent", .help = "lease of an UPDATE without one: permanent, refuse or a duration"},
{"zone.registry.lease", "key-max", NODE_SCALAR, DURATION(1, YEAR),
	FIELD(struct conf_zone, key_lease_max_s),
	.standard = "1w", .help = "longest time that a name is kept for its key"},

{"zone.registry.ttl", "derived", NODE_SCALAR, DURATION(1, WEEK),
	FIELD(struct conf_zone, ttl_derived_s),
	.standard = "10s", .help = "TTL of the records that the zone derives"},
{"zone.registry.ttl", "max", NODE_SCALAR, DURATION(1, YEAR), FIELD(struct conf_zone, ttl_max_s),
	.standard = "1d", .help = "longest TTL of a registered record"},

{"rule", "name", NODE_SCALAR, decode_rule_name, FIELD(struct conf_rule, name),
	.help = "name of the rule, for refusals and the log"},
{"rule", "allow", NODE_MAP, decode_inside, .inside = "rule.allow",
	.help = "allows what meets all conditions"},
{"rule", "deny", NODE_MAP, decode_deny, .inside = "rule.allow",
	.help = "denies what meets all conditions"},
{"rule", "hold", NODE_MAP, decode_hold, .inside = "rule.allow",
	.help = "takes what meets all conditions, and publishes it when it is released"},
{"rule", "takeover", NODE_SCALAR, decode_bool, FIELD(struct conf_rule, takeover),
	.standard = "false", .help = "may change names that belong to another owner"},

{"rule.allow", "net", NODE_SCALAR, decode_net, FIELD(struct conf_rule, net),
	.help = "condition: the network that the request comes from"},
{"rule.allow", "key", NODE_SCALAR, decode_rule_key, FIELD(struct conf_rule, key),
	.help = "condition: the TSIG key that signed it"},
{"rule.allow", "type", NODE_SCALAR, decode_type, FIELD(struct conf_rule, type),
	.help = "condition: the service type, such as _http._tcp"},
{"rule.allow", "instance", NODE_SCALAR, decode_instance, FIELD(struct conf_rule, instance),
	.help = "condition: pattern of the instance's label, with * and ?"},
{"rule.allow", "environment", NODE_SCALAR, decode_environment,
	FIELD(struct conf_rule, environment),
	.help = "condition: the environment that the instance's TXT record says"},
};
/* clang-format on */

#define STANDARD_MAX 32 /* octets of a default, NUL included */
#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))

int refuse(const struct decoder *decoder, const char *path, int line, const char *format, ...)
{
	char *text = decoder->error->text;
	const size_t room = sizeof(decoder->error->text);
	va_list args;

	snprintf(text, room, "%s:%d: %s%s", decoder->conf->path, line, path,
		 path[0] == 0 ? "" : ": ");
	const size_t used = strlen(text);
	va_start(args, format);
	vsnprintf(text + used, room - used, format, args);
	va_end(args);
	/* Paths are in it as they were written. */
	for (; *text != 0; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f) {
			*text = '?';
		}
	}
	return ERR_CONF;
}

static const struct row *find_row(const char *in, const char *key)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (strcmp(rows[i].in, in) == 0 && strcmp(rows[i].key, key) == 0) {
			return &rows[i];
		}
	}
	return NULL;
}

/* Edits that lead from one text to the other; texts over NEAR_MAX characters are far. */
#define NEAR_MAX 31

#define KEYS_TEXT_MAX 400

static size_t distance(const char *one, const char *other)
{
	size_t cost[NEAR_MAX + 1];
	const size_t size = strlen(one);

	if (size > NEAR_MAX) {
		return SIZE_MAX;
	}
	for (size_t i = 0; i <= size; i++) {
		cost[i] = i;
	}
	for (; *other != 0; other++) {
		size_t diagonal = cost[0]++;

		for (size_t i = 1; i <= size; i++) {
			const size_t replaced = diagonal + (one[i - 1] != *other);
			const size_t added = 1 + (cost[i] < cost[i - 1] ? cost[i] : cost[i - 1]);

			diagonal = cost[i];
			cost[i] = replaced < added ? replaced : added;
		}
	}
	return cost[size];
}

/* NULL: none is like it. */
static const char *nearest_key(const char *in, const char *key)
{
	const char *best = NULL;
	size_t best_distance = SIZE_MAX;

	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (strcmp(rows[i].in, in) != 0) {
			continue;
		}
		const size_t now = distance(key, rows[i].key);
		if (now < best_distance && now <= (strlen(key) + 1) / 2) {
			best = rows[i].key;
			best_distance = now;
		}
	}
	return best;
}

/* The mapping inside `in` whose key this is, such as allow for net of a rule; NULL: none is. */
static const char *inside_of(const char *in, const char *key)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (strcmp(rows[i].in, in) == 0 && rows[i].inside != NULL &&
		    find_row(rows[i].inside, key) != NULL) {
			return rows[i].key;
		}
	}
	return NULL;
}

/* All keys of a mapping, with commas; as many as there is room for. */
static const char *list_keys(char *out, size_t size, const char *in)
{
	size_t used = 0;

	out[0] = 0;
	for (size_t i = 0; i < ROW_COUNT; i++) {
		const size_t more = strlen(rows[i].key) + 2;

		if (strcmp(rows[i].in, in) == 0 && used + more < size) {
			used += (size_t)snprintf(out + used, size - used, "%s%s",
						 used == 0 ? "" : ", ", rows[i].key);
		}
	}
	return out;
}

static int refuse_unknown(const struct decoder *decoder, const char *in, const char *path,
			  const struct node *node)
{
	char text[VALUE_QUOTE_MAX];
	char inner[DECODE_PATH_MAX];
	char known[KEYS_TEXT_MAX];
	const char *inside = inside_of(in, node->key);
	const char *nearest = nearest_key(in, node->key);

	value_quote(text, node->key);
	snprintf(inner, sizeof(inner), "%s%s%.*s", path, path[0] == 0 ? "" : ".",
		 (int)strlen(text) - 2, text + 1);
	if (inside != NULL) {
		return refuse(decoder, inner, node->line,
			      "unknown key; it stands one level below, in \"%s\"", inside);
	}
	if (nearest == NULL) {
		return refuse(decoder, inner, node->line, "unknown key; known ones are %s",
			      list_keys(known, sizeof(known), in));
	}
	return refuse(decoder, inner, node->line, "unknown key; the nearest known one is \"%s\"",
		      nearest);
}

/* An empty value counts as a mapping without keys, so "registry:" needs no braces. */
static int check_shape(const struct decoder *decoder, enum node_kind shape, const char *path,
		       const struct node *node)
{
	static const char *const wanted[] = {
		[NODE_SCALAR] = "one value, as in \"key: value\"",
		[NODE_LIST] = "a list, in brackets or with a \"- \" before each entry",
		[NODE_MAP] = "keys and values, in braces or one to a line below it",
	};
	static const char *const found[] = {
		[NODE_EMPTY] = "nothing",
		[NODE_SCALAR] = "one value",
		[NODE_LIST] = "a list",
		[NODE_MAP] = "keys and values",
	};

	if (node->kind == shape || (node->kind == NODE_EMPTY && shape == NODE_MAP)) {
		return OK;
	}
	return refuse(decoder, path, node->line, "holds %s; write %s", found[node->kind],
		      wanted[shape]);
}

/* One row: the value that is there, or the default, or the error that it is missing. */
static int apply_row(const struct decoder *decoder, const struct row *row, const char *path,
		     const struct node *map, void *target)
{
	const struct node *node = node_get(map, row->key);
	char inner[DECODE_PATH_MAX];

	snprintf(inner, sizeof(inner), "%s%s%s", path, path[0] == 0 ? "" : ".", row->key);
	if (node != NULL) {
		const int ret = check_shape(decoder, row->shape, inner, node);

		return ret == OK ? row->decode(decoder, row, inner, node, target) : ret;
	}
	if (row->is_required) {
		return refuse(decoder, inner, map->line, "is missing; write the %s", row->help);
	}
	if (row->standard != NULL) {
		char text[STANDARD_MAX];
		snprintf(text, sizeof(text), "%s", row->standard);
		const struct node standard = {
			.kind = row->shape == NODE_MAP ? NODE_EMPTY : NODE_SCALAR,
			.line = map->line,
			.key = row->key,
			.text = text,
		};

		return row->decode(decoder, row, inner, &standard, target);
	}
	return OK;
}

int decode_map(const struct decoder *decoder, const char *in, const char *path,
	       const struct node *node, void *target)
{
	int ret = check_shape(decoder, NODE_MAP, path, node);

	for (const struct node *child = node->first; ret == OK && child != NULL;
	     child = child->next) {
		if (find_row(in, child->key) == NULL) {
			ret = refuse_unknown(decoder, in, path, child);
		}
	}
	for (size_t i = 0; ret == OK && i < ROW_COUNT; i++) {
		if (strcmp(rows[i].in, in) == 0) {
			ret = apply_row(decoder, &rows[i], path, node, target);
		}
	}
	return ret;
}

static const char *standard_of(const struct row *row)
{
	if (row->is_required) {
		return "required";
	}
	if (row->standard_text != NULL) {
		return row->standard_text;
	}
	return row->standard == NULL || row->standard[0] == 0 ? "none" : row->standard;
}

bool conf_setting(size_t index, struct conf_setting *out)
{
	char least[VALUE_TEXT_MAX];
	char most[VALUE_TEXT_MAX];

	if (index >= ROW_COUNT) {
		return false;
	}
	const struct row *row = &rows[index];
	*out = (struct conf_setting){.standard = standard_of(row), .help = row->help};
	snprintf(out->path, sizeof(out->path), "%s%s%s", row->in, row->in[0] == 0 ? "" : ".",
		 row->key);
	if (row->most > 0) {
		snprintf(out->range, sizeof(out->range), "%s to %s",
			 value_number_text(least, row->least, row->unit),
			 value_number_text(most, row->most, row->unit));
	}
	return true;
}
