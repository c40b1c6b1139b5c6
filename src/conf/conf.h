/*
 * The configuration: one YAML file, checked against one schema table, then immutable and counted.
 *
 * Every key has one row in schema.c (place, form, range, default, what it is); the decoder, the
 * checks and the man page's list come from these rows. Errors name file, line and key. Reading is
 * for the start and for reloads; afterwards any thread may read what it holds a reference to.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "crypto/hmac.h"
#include "crypto/siphash.h"
#include "dns/name.h"

#define CONF_ADDRESS_TEXT_MAX 64
#define CONF_SAID_MAX 63 /* octets of what the server says of itself */

/* An address to listen on; port 0 lets the kernel choose. */
struct conf_listen {
	struct sockaddr_storage address;
	socklen_t size;
	char text[CONF_ADDRESS_TEXT_MAX]; /* "127.0.0.1@5300", as logged */
};

struct conf_key {
	uint8_t name[DNS_NAME_MAX]; /* folded */
	enum hmac_algorithm algorithm;
	const uint8_t *algorithm_name; /* "hmac-sha256." in wire form; static */
	struct hmac_key *secret;
	size_t secret_size; /* octets */
	int line;
};

/* A network; a v4 network is kept as it is, prefix 0..32. */
struct conf_net {
	int family; /* AF_INET or AF_INET6 */
	uint8_t octets[16];
	uint8_t prefix;
};

/* Secrets of DNS Cookies: the first signs, all are accepted. None: they are drawn at the start. */
#define CONF_COOKIE_SECRETS_MAX 4
struct conf_cookie {
	size_t count;
	struct siphash_key keys[CONF_COOKIE_SECRETS_MAX];
};

/* How many replies by UDP a network may have. */
struct conf_rate {
	uint32_t responses; /* a second; 0: no limit */
	uint32_t slip; /* every so-many-th request over it is answered with TC; 0: none */
	uint32_t prefix_v4; /* bits that make a network; default 24 */
	uint32_t prefix_v6; /* default 56 */
};

enum conf_verdict { CONF_ALLOW, CONF_DENY, CONF_HOLD };

/* One rule: all conditions that are given must hold; none given: matches everything. */
struct conf_rule {
	enum conf_verdict verdict;
	char *name; /* `name:`, or NULL */
	int line; /* of the file */
	bool has_net;
	struct conf_net net;
	const struct conf_key *key; /* NULL: any, also none */
	uint8_t *type; /* "_http._tcp" as a relative name in wire form with root, or NULL */
	char *instance; /* glob over the instance label (* and ?), folds case; or NULL */
	char *environment; /* what the instance's TXT says of its environment; or NULL */
	bool takeover; /* may change names of another owner */
};

struct conf_rules {
	struct conf_rule *rules;
	size_t count;
	bool is_written; /* false: the default (loopback only) is in force */
	bool is_by_name; /* a rule asks for type, instance or environment */
	char *environment; /* the TXT key that says an instance's environment, or NULL */
};

enum conf_lease_default { CONF_LEASE_PERMANENT, CONF_LEASE_DURATION, CONF_LEASE_REFUSE };

struct conf_zone {
	uint8_t name[DNS_NAME_MAX]; /* folded */
	char text[DNS_NAME_TEXT_MAX];
	int line;
	bool is_registry;
	char *file; /* static: path of the master file, resolved; else NULL */
	char *base; /* registry: path of the base file, resolved; or NULL */
	int file_line; /* line of `file:` or `base:` */
	struct conf_rules update; /* registry: `rules` */
	struct conf_rules query; /* not written: everybody */
	struct conf_rules transfer; /* not written: nobody */
	uint32_t lease_min_s; /* default 30 (RFC 9664) */
	uint32_t lease_max_s; /* default 7200 */
	uint32_t key_lease_max_s; /* default 604800; with key_lease_min_s = lease_min_s */
	enum conf_lease_default lease_default;
	uint32_t lease_default_s; /* with CONF_LEASE_DURATION */
	uint32_t ttl_derived_s; /* default 10; not above lease.min */
	uint32_t ttl_max_s; /* default 86400 */
	uint32_t answer_max; /* default 100, 1..1000 */
	uint8_t pool_label[DNS_LABEL_MAX + 1]; /* length octet and label; default "pool" */
};

struct conf {
	char *path; /* "--dev" has none: "(built in)" */
	struct conf_listen *listen;
	size_t listen_count;
	unsigned threads; /* udp workers for each address; default: cores, 1..64 */
	uint32_t udp_pause_us; /* after a short batch; 0: none, the default */
	unsigned stream_threads; /* default: one per 2 cores, 1..64 */
	char *data; /* directory, resolved; NULL only without registry zones */
	char *control; /* socket path: `control` in data; checked <= 107 octets */
	bool has_name;
	uint8_t name[DNS_NAME_MAX]; /* server.name, as spelled */
	char *identity; /* NSID, CH TXT id.server; NULL: not said */
	char *version; /* CH TXT version.server; NULL: not said */
	uint32_t change_max; /* RRs that one UPDATE may change; default 200000 */
	uint32_t update_queue; /* UPDATEs waiting for the core; default 10000 */
	uint32_t refusal_rate; /* refusals said a second by each UDP worker; default 1000 */
	uint32_t tcp_max; /* TCP connections in total; default 1000 */
	uint32_t tcp_max_client; /* of one address, or IPv6 /64; default 200 */
	uint32_t tcp_idle_s; /* default 10 */
	uint32_t tcp_read_s; /* for a message to be whole; default 5 */
	uint32_t tcp_write_s; /* for replies to be read; default 10 */
	uint64_t tcp_unread; /* octets of replies over which no more is read; default 256 KiB */
	struct conf_cookie cookie;
	struct conf_rate rate;
	uint32_t transfer_max; /* zone transfers at a time; default 10 */
	uint32_t transfer_time_s; /* the longest; default 600 */
	uint64_t transfer_memory; /* octets of old versions that one may keep; default 256 MiB */
	uint64_t log_max; /* octets of log before a snapshot; default 16 MiB */
	struct conf_key *keys;
	size_t key_count;
	struct conf_zone *zones; /* in the order of the file */
	size_t zone_count;
	bool has_query_rules; /* a zone has */
	uint64_t edition; /* net's: which it is of those that it has had, 1 and up */
	const uint8_t **keys_by_name; /* sorted, for conf_key_find(); a key begins with its name */
	const uint8_t **zones_by_name; /* sorted, for conf_zone_find() */
};

/* A problem found, as "FILE:LINE: KEY: what is wrong and what to do". */
struct conf_error {
	char text[512];
};

/*
 * Reads and checks the file. *out: returns owned (one reference). ERR_CONF with *error filled, or
 * ERR_NOMEM. Secrets in files are read here; zone files only when they are loaded.
 */
int conf_load(struct conf **out, const char *path, struct conf_error *error);

/* The same from text in memory; relative paths start at `directory`. For --dev, tests, fuzzing. */
int conf_parse(struct conf **out, const char *text, size_t size, const char *path,
	       const char *directory, struct conf_error *error);

/* The configuration of --dev (what contrib/quickstart uses), data in ./waggle-dev. */
extern const char conf_dev_text[];

struct conf *conf_ref(struct conf *conf);
void conf_unref(struct conf *conf);

/* The zone of exactly this name (compared without case), or NULL. O(log n). */
const struct conf_zone *conf_zone_find(const struct conf *conf, const uint8_t *name);

/* The key of this name (compared without case), or NULL. O(log n). */
const struct conf_key *conf_key_find(const struct conf *conf, const uint8_t *name);

/* An address as a network of one; a v4 address mapped into v6 counts as v4. */
struct conf_net conf_net_of(const struct sockaddr_storage *address);

/* Is `other` (a network or an address) all in `net`? */
bool conf_net_has(const struct conf_net *net, const struct conf_net *other);

/* "127.0.0.1@5300" into `out`, which it returns. */
char *conf_address_text(char out[CONF_ADDRESS_TEXT_MAX], const struct sockaddr_storage *address);

/* One key of the file as the schema table has it, for the manual and its check. */
struct conf_setting {
	char path[48]; /* "zone.registry.lease.min" */
	char range[48]; /* "1s to 52w", or "" */
	const char *standard; /* the default as text; "required" or "none" where there is none */
	const char *help; /* what it is, one line */
};

/* The `index`-th key; false behind the last. */
bool conf_setting(size_t index, struct conf_setting *out);
