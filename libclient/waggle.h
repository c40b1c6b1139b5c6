/*
 * libwaggle: find services, and be found, by DNS.
 *
 * A consumer asks for a service type or an instance and gets endpoints: addresses, port, priority,
 * weight and TXT pairs (DNS-SD, RFC 6763; SRV, RFC 2782). Answers are kept for their TTL; when no
 * server can be reached they are given out after it, marked stale (RFC 8767), and a snapshot on
 * disk carries them over a restart. A provider registers an instance with a lease (RFC 2136, RFC
 * 9664); the library repeats that as a heartbeat until it is withdrawn.
 *
 *	struct waggle *client;
 *	struct waggle_answer *answer;
 *
 *	if (waggle_open(&client, NULL, NULL) == WAGGLE_OK) {
 *		if (waggle_resolve(client, "_http._tcp", 0, &answer, NULL) == WAGGLE_OK) {
 *			const struct waggle_endpoint *endpoint = waggle_pick(client, answer);
 *			...
 *			waggle_answer_free(answer);
 *		}
 *		waggle_close(client);
 *	}
 *
 * Threads. A client works on one event loop: by default on a thread of its own, else on a libuv
 * loop of the caller's (struct waggle_options). Every function may be called from any thread, at
 * the same time as others with the same client, but for waggle_close(), which is the last one.
 * Callbacks run on the loop's thread, one at a time, never from inside the call that asked for
 * them. In a callback all functions may be called but those that block: they are named "blocking"
 * here and return WAGGLE_ERR_DEADLOCK there.
 *
 * Memory. Parameters are borrowed for the call unless one of three words is said: "takes" (the
 * library owns it from now, also on error), "returns owned" (free it with the function named),
 * "keeps" (must stay until the event named). Every free function takes NULL. There is no global
 * state: clients share nothing. A failed allocation fails the call, never the process.
 *
 * Errors. Functions return WAGGLE_OK or a negative enum waggle_code. Where there is a last
 * parameter `struct waggle_error *error` it may be NULL; else it is filled on failure with the
 * same code, what the server said, and a sentence for people.
 *
 * Growth. Structures that the caller makes begin with `size` and are initialised by their _INIT
 * macro; the library takes any size that it knows a version of. Structures that the library makes
 * grow at their end only. Those marked "fixed" never change.
 */
#ifndef WAGGLE_H
#define WAGGLE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

struct waggle; /* a client: servers, cache, loop */
struct waggle_registration; /* an instance that is kept registered */
struct uv_loop_s; /* uv_loop_t of libuv */

/* ---- errors ------------------------------------------------------------------------------- */

enum waggle_code {
	WAGGLE_OK = 0,
	WAGGLE_ERR_NOMEM = -1, /* out of memory */
	WAGGLE_ERR_ARGUMENT = -2, /* a parameter is out of its range */
	WAGGLE_ERR_NAME = -3, /* neither a service type nor an instance name */
	WAGGLE_ERR_CONFIG = -4, /* options, environment or resolv.conf cannot be used */
	WAGGLE_ERR_KEY = -5, /* the key file cannot be used */
	WAGGLE_ERR_SYSTEM = -6, /* the system refused a socket, a thread or a file */
	WAGGLE_ERR_TIMEOUT = -7, /* no answer in time */
	WAGGLE_ERR_UNREACHABLE = -8, /* no way to any server, or nobody listens there */
	WAGGLE_ERR_SERVER = -9, /* the servers answer, but cannot say (SERVFAIL and the like) */
	WAGGLE_ERR_REFUSED = -10, /* the server may not, or will not (REFUSED, NOTAUTH) */
	WAGGLE_ERR_TAKEN = -11, /* the name belongs to somebody else (YXDOMAIN) */
	WAGGLE_ERR_SIGNATURE = -12, /* no answer with a valid signature (TSIG, RFC 8945) */
	WAGGLE_ERR_NO_REGISTRAR = -13, /* nothing says which server takes updates for the zone */
	WAGGLE_ERR_ADDRESS = -14, /* no address that others could reach this machine by */
	WAGGLE_ERR_FULL = -15, /* a limit of the client is reached */
	WAGGLE_ERR_CANCELLED = -16, /* by waggle_cancel() */
	WAGGLE_ERR_CLOSED = -17, /* the client is being closed */
	WAGGLE_ERR_DEADLOCK = -18, /* a blocking call from the loop's own thread */
	WAGGLE_ERR_SNAPSHOT = -19, /* the snapshot file is torn, foreign, or not ours */
};

#define WAGGLE_NO_CODE (-1) /* in struct waggle_error: the server said none */

/* What went wrong in one call. Fixed. */
struct waggle_error {
	int code; /* enum waggle_code */
	int rcode; /* of the server's answer (RFC 1035, 2136, 6891), or WAGGLE_NO_CODE */
	int info; /* INFO-CODE of its extended error (RFC 8914), or WAGGLE_NO_CODE */
	int tsig; /* its TSIG error (RFC 8945 section 3), or WAGGLE_NO_CODE */
	char text[256]; /* for people, UTF-8, one line, without control characters; never empty */
};

/* The text of a code: a few words in lower case. Never NULL; static. */
const char *waggle_error_text(int code);

/* The version of the library that runs: "0.1.0". Static. */
const char *waggle_version(void);

/* ---- options ------------------------------------------------------------------------------ */

/* options.flags */
#define WAGGLE_NO_ENVIRONMENT 0x1u /* WAGGLE_SERVER and the others are not looked at */

/*
 * How a client finds things. All zero is right for most: each member that is NULL or 0 has the
 * default that stands beside it. Programs with raised privileges never look at the environment.
 *
 * Servers and zone: what is given here; else WAGGLE_SERVER, WAGGLE_ZONE, WAGGLE_KEY and
 * WAGGLE_CONTROL of the environment; else /etc/resolv.conf, its nameserver and search lines
 * (`domain` counts as a search list of one). With a search list a relative name is tried below
 * each domain in turn until one has it.
 *
 * The server for registrations: `registrar`; else `server`, where that is given by option or
 * environment; else what the zone names by SRV at _dns-update._udp.ZONE, and without that the
 * primary server in its SOA record, port 53 (RFC 2136 section 4.3).
 */
struct waggle_options {
	size_t size; /* sizeof(struct waggle_options), set by WAGGLE_OPTIONS_INIT */
	unsigned flags; /* WAGGLE_NO_ENVIRONMENT */
	struct uv_loop_s *loop; /* keeps it until the client is closed; NULL: a thread of its own */
	const char *server; /* "ADDRESS[@PORT]", several with commas: WAGGLE_SERVER */
	const char *registrar; /* the same, one, for registrations only; NULL: see above */
	const char *zone; /* "svc.example", the zone of relative names: WAGGLE_ZONE */
	const char *key; /* path of a key file, see waggle_key_file: WAGGLE_KEY */
	const char *control; /* path of waggled's control socket: WAGGLE_CONTROL */
	const char *resolv_conf; /* path; "/etc/resolv.conf" */
	const char *snapshot; /* path of the snapshot file; NULL: none is read or written */
	uint32_t timeout_ms; /* for a whole resolve or browse: 5000; 100 .. 600000 */
	uint32_t
		stale_after_ms; /* then stale data is given, if any (RFC 8767: 1800); <= timeout_ms */
	uint32_t retry_after_ms; /* after a failure, stale data is given unasked: 30000 */
	uint32_t max_stale_s; /* how long data is kept after its TTL: 86400; UINT32_MAX: none */
	uint32_t max_ttl_s; /* longer TTLs are cut to this: 86400 */
	uint32_t snapshot_every_s; /* a changed cache is written this often at most: 30 */
	size_t cache_max; /* octets of the cache: 8 MiB; at least 256 KiB */
	size_t requests_max; /* resolves and browses at a time: 10000; then WAGGLE_ERR_FULL */
};

#define WAGGLE_OPTIONS_INIT                                                                        \
	{                                                                                          \
		.size = sizeof(struct waggle_options)                                              \
	}

/*
 * A key file holds one TSIG key (RFC 8945), hmac-sha256, hmac-sha384 or hmac-sha512, in one of two
 * forms, as tsig-keygen prints it and as nsupdate -y takes it:
 *
 *	key "ops" { algorithm hmac-sha256; secret "BASE64"; };
 *	hmac-sha256:ops:BASE64
 *
 * Lines that begin with # or // are skipped. With a key every registration is signed, and answers
 * without a valid signature are not believed.
 */

/*
 * Opens a client. `options` may be NULL: all defaults. Reads resolv.conf, key and snapshot, and
 * asks nothing yet. A snapshot that cannot be used is no failure, see waggle_snapshot_status().
 * With a loop of the caller's: on the thread that runs it.
 * *out: returns owned, waggle_close(). WAGGLE_ERR_CONFIG, _KEY, _ARGUMENT, _SYSTEM, _NOMEM.
 */
int waggle_open(struct waggle **out, const struct waggle_options *options,
		struct waggle_error *error);

/*
 * Blocking. Ends all requests with WAGGLE_ERR_CLOSED, stops all heartbeats (without withdrawing:
 * the leases run out), writes the snapshot, and frees the client; its answers stay valid. All
 * callbacks have run when it returns. Registrations must not be used any more. With a loop of the
 * caller's that loop has to run meanwhile, on another thread; else use waggle_close_start().
 */
void waggle_close(struct waggle *client);

typedef void (*waggle_closed_fn)(void *context);

/* The same without waiting; `closed` (may be NULL) is the last that is heard of the client. */
void waggle_close_start(struct waggle *client, waggle_closed_fn closed, void *context);

/* What a client was told or found, for showing it. */
enum waggle_setting {
	WAGGLE_SETTING_SERVER, /* "192.0.2.53@53,2001:db8::53@53" */
	WAGGLE_SETTING_ZONE, /* "svc.example.", or the search list with commas, or NULL */
	WAGGLE_SETTING_KEY, /* the key's name, or NULL; never the secret */
	WAGGLE_SETTING_CONTROL, /* path, or NULL */
	WAGGLE_SETTING_SNAPSHOT, /* path, or NULL */
};

/* The text of a setting, or NULL. Valid until the client is closed. */
const char *waggle_setting(const struct waggle *client, enum waggle_setting setting);

/* ---- finding ------------------------------------------------------------------------------ */

/*
 * Names. A service type is "_http._tcp" (_tcp or _udp), a subtype "_printer._sub._http._tcp", an
 * instance "web-1._http._tcp". What ends with _tcp or _udp is relative, to the zone; what goes on
 * behind that is absolute, with or without a final dot: "_http._tcp.svc.example". In an instance
 * label a dot is written \. and a backslash \\ ; \DDD is any octet (RFC 1035 section 5.1), and
 * UTF-8 stands for itself. Letter case makes no difference.
 */

/* How good is it? */
enum waggle_mark {
	WAGGLE_FRESH, /* a server said it, and its TTL runs */
	WAGGLE_STALE, /* its TTL is over, and no server could be asked (RFC 8767) */
	WAGGLE_SNAPSHOT, /* from the snapshot of an earlier run, and no server could be asked */
};

/* "fresh", "stale", "snapshot". Static. */
const char *waggle_mark_text(enum waggle_mark mark);

/* An address with its port, ready for connect(). Fixed. */
union waggle_address {
	struct sockaddr any;
	struct sockaddr_in v4; /* any.sa_family == AF_INET */
	struct sockaddr_in6 v6; /* any.sa_family == AF_INET6 */
};

/* Octets of the address, for connect(). */
socklen_t waggle_address_size(const union waggle_address *address);

#define WAGGLE_ADDRESS_TEXT 64

/* "192.0.2.1@8080", "2001:db8::1@8080" into `out`, which it returns. */
char *waggle_address_text(char out[WAGGLE_ADDRESS_TEXT], const union waggle_address *address);

/*
 * One pair of a TXT record (RFC 6763 section 6). "key" alone has no value, "key=" an empty one.
 * A zero follows behind the value, so that text can be used as such. Fixed.
 */
struct waggle_txt {
	const char *key; /* as spelled; compares without letter case */
	const char *value; /* any octets; NULL: none */
	size_t value_size; /* without the zero */
};

/* Where an instance is: one SRV record with all that belongs to it. */
struct waggle_endpoint {
	const char *instance; /* label, unescaped: "web-1"; NULL: not known, see waggle_resolve() */
	const char *name; /* in full, escaped: "web-1._http._tcp.svc.example."; NULL likewise */
	const char *host; /* target of the SRV: "h1.svc.example." */
	uint16_t port;
	uint16_t priority; /* lower ones first */
	uint16_t weight; /* share among those of one priority */
	size_t address_count; /* may be 0: the host has no address, or it could not be asked for */
	const union waggle_address *addresses;
	size_t txt_count; /* each key once, the first (RFC 6763 section 6.4) */
	const struct waggle_txt *txt;
};

/*
 * What a resolve found; immutable. Known to be empty is an answer too: count 0, and WAGGLE_OK.
 * Endpoints are in no meaningful order; take one by waggle_pick(), or all by waggle_order().
 */
struct waggle_answer {
	enum waggle_mark mark; /* the worst of all that it is made of */
	uint32_t ttl_s; /* may be used for so long: at least 1; 30 for what is not fresh */
	uint32_t age_s; /* since a server said the oldest part of it */
	bool is_complete; /* all that was announced is here; else some could not be asked for,
				  or there were too many */
	const char *reason; /* why it is not fresh or not complete: one line; else NULL */
	const char *name; /* what was found, in full: "_http._tcp.svc.example." */
	size_t count;
	const struct waggle_endpoint *const *endpoints;
};

void waggle_answer_free(struct waggle_answer *answer);

/* flags of waggle_resolve() and waggle_browse() */
#define WAGGLE_BARE 0x1u /* no TXT pairs and no instance names: fewer questions */
#define WAGGLE_OFFLINE 0x2u /* asks nobody: cache and snapshot alone */
#define WAGGLE_REFRESH 0x4u /* asks even if the cache knows; the cache serves on failure */

/*
 * Blocking: the endpoints of a service type, subtype or instance. It ends within `timeout_ms`:
 * with fresh data, with stale or snapshot data after `stale_after_ms` or once all servers failed,
 * or with an error when nothing is known. What is fresh in the cache costs no question.
 *
 * Questions. A type: PTR, whose additional section brings the SRV, TXT and addresses of all
 * instances (RFC 6763 section 12.1) - one question, where the server says all of it. What does not
 * fit into a UDP answer is asked for once more by TCP; what is lacking then, instance by instance.
 * A type without PTR records, or of which more than 32 instances lack details, is asked for as RFC
 * 2782 has it: by SRV at the type, whose endpoints have no instance name. With WAGGLE_BARE that is
 * done at once. An instance: SRV and TXT; with WAGGLE_BARE, SRV alone.
 *
 * *out: returns owned, waggle_answer_free(). WAGGLE_ERR_NAME, _TIMEOUT, _UNREACHABLE, _SERVER,
 * _REFUSED, _FULL, _CLOSED, _DEADLOCK, _NOMEM; _CONFIG: a relative name, and no zone is known.
 */
int waggle_resolve(struct waggle *client, const char *name, unsigned flags,
		   struct waggle_answer **out, struct waggle_error *error);

/*
 * The end of a request. `answer`: returns owned, NULL on failure. `error`: valid in the callback,
 * and of code WAGGLE_OK on success.
 */
typedef void (*waggle_answer_fn)(struct waggle *client, struct waggle_answer *answer,
				 const struct waggle_error *error, void *context);

/*
 * The same by a callback, which comes exactly once when this returns WAGGLE_OK, and never
 * otherwise. *request (may be NULL) is set to its number, for waggle_cancel().
 */
int waggle_resolve_start(struct waggle *client, const char *name, unsigned flags,
			 waggle_answer_fn done, void *context, uint64_t *request,
			 struct waggle_error *error);

/* One entry of a list. */
struct waggle_entry {
	const char *label; /* instance label unescaped, "web-1"; or type, "_http._tcp" */
	const char *name; /* in full, escaped */
};

/* What a browse found; immutable. The first members mean what they do in struct waggle_answer. */
struct waggle_list {
	enum waggle_mark mark;
	uint32_t ttl_s;
	uint32_t age_s;
	bool is_complete;
	const char *reason;
	const char *name; /* where it was found: "_services._dns-sd._udp.svc.example." */
	size_t count;
	const struct waggle_entry *const *entries; /* in the order of the answer */
};

void waggle_list_free(struct waggle_list *list);

/*
 * Blocking: the instances of a service type or subtype; with `name` NULL the types of the zone
 * (RFC 6763 section 9); with the name of a domain ("svc.example.") the types there. One question.
 * Time limits, *out (waggle_list_free()) and errors as of waggle_resolve().
 */
int waggle_browse(struct waggle *client, const char *name, unsigned flags, struct waggle_list **out,
		  struct waggle_error *error);

typedef void (*waggle_list_fn)(struct waggle *client, struct waggle_list *list,
			       const struct waggle_error *error, void *context);

/* The same by a callback, as waggle_resolve_start(). */
int waggle_browse_start(struct waggle *client, const char *name, unsigned flags,
			waggle_list_fn done, void *context, uint64_t *request,
			struct waggle_error *error);

/*
 * Ends a request early: its callback comes with WAGGLE_ERR_CANCELLED, unless it came already.
 * Numbers are never used twice, so a number that is no more is no error.
 */
void waggle_cancel(struct waggle *client, uint64_t request);

/* The pair with this key (without letter case), or NULL. Valid as long as the answer. */
const struct waggle_txt *waggle_txt_find(const struct waggle_endpoint *endpoint, const char *key);

/* ---- choosing ----------------------------------------------------------------------------- */

/*
 * One endpoint that has an address, or NULL where none has: of the lowest priority, at random by
 * weight, exactly as RFC 2782 says ("Usage rules"; among weights of 0 alone, evenly). Valid as
 * long as the answer. Takes no lock and allocates nothing.
 */
const struct waggle_endpoint *waggle_pick(struct waggle *client,
					  const struct waggle_answer *answer);

/*
 * The whole order in which a caller should try, by the same rules: fills `order` with answer->count
 * indexes into answer->endpoints and returns how many have an address; these stand first, the
 * others behind them. A caller that could not reach one goes on with the next.
 */
size_t waggle_order(struct waggle *client, const struct waggle_answer *answer, size_t *order);

/* ---- snapshot ----------------------------------------------------------------------------- */

/*
 * Was the snapshot usable when the client was opened? WAGGLE_OK: it was read, or none was there
 * yet, or none is wanted. WAGGLE_ERR_SNAPSHOT: it was refused; the error says why, and the next
 * write replaces it, unless the file belongs to another user.
 */
int waggle_snapshot_status(struct waggle *client, struct waggle_error *error);

/*
 * Writes the snapshot now, on the calling thread; else that happens every `snapshot_every_s` when
 * the cache has changed, and at close. The file is replaced whole or not at all. WAGGLE_OK also
 * when no snapshot is wanted. WAGGLE_ERR_SYSTEM, _NOMEM.
 */
int waggle_snapshot_save(struct waggle *client, struct waggle_error *error);

/* ---- registering -------------------------------------------------------------------------- */

/* service.flags */
#define WAGGLE_NO_ADDRESS 0x1u /* `host` has its addresses from elsewhere: none are registered */
#define WAGGLE_DRY_RUN 0x2u /* finds out all, sends nothing: ends with WAGGLE_PLANNED */

/* One instance to register. Begin with WAGGLE_SERVICE_INIT; the library copies what it needs. */
struct waggle_service {
	size_t size; /* sizeof(struct waggle_service) */
	unsigned flags; /* WAGGLE_NO_ADDRESS, WAGGLE_DRY_RUN */
	const char *instance; /* its label, 1 to 63 octets of UTF-8, not escaped: "web-1" */
	const char *type; /* "_http._tcp"; with a domain behind it, that is the zone */
	uint16_t port; /* 1 .. 65535 */
	uint16_t priority; /* RFC 2782; 0 */
	uint16_t weight; /* RFC 2782; 1 by WAGGLE_SERVICE_INIT, since some consumers (HAProxy) send
			    nobody to an instance of weight 0 */
	uint16_t spread_ms; /* random delay before the first message, for fleets that start
				   together (RFC 9664 section 4.2: 3000); 0: none */
	const struct waggle_txt *txt; /* pairs, at most 255 octets each with its `=` */
	size_t txt_count;
	const char *const *subtypes; /* labels, not escaped: "_printer" */
	size_t subtype_count;
	const char *host; /* target: "h1", relative to the zone, or "h1.example."; NULL: a name
				   made of this machine's name, see waggle_register() */
	const char *const *addresses; /* "192.0.2.1", "2001:db8::1"; none: the one by which the
					 registry is reached */
	size_t address_count;
	uint32_t lease_s; /* to ask for: 60; 1 .. 604800. The server grants what it likes */
	uint32_t key_lease_s; /* how long the name stays reserved after it; 0: as the lease, and
				   the short form of the option is sent (RFC 9664 section 4) */
	uint32_t ttl_s; /* of the records: 60, at most the lease */
};

#define WAGGLE_SERVICE_INIT                                                                        \
	{                                                                                          \
		.size = sizeof(struct waggle_service), .weight = 1                                 \
	}

enum waggle_state {
	WAGGLE_PENDING, /* no answer yet; it goes on trying */
	WAGGLE_REGISTERED, /* the registry has it, and its lease runs */
	WAGGLE_LATE, /* a heartbeat failed; the lease still runs, it goes on trying */
	WAGGLE_LAPSED, /* the lease ran out unrenewed; it goes on trying */
	WAGGLE_DENIED, /* the server refused, see error; it goes on trying, slowly */
	WAGGLE_PLANNED, /* what would be registered (WAGGLE_DRY_RUN). The end */
	WAGGLE_WITHDRAWN, /* it is withdrawn, or that was given up, see error. The end */
};

/* "pending", "registered", ... Static. */
const char *waggle_state_text(enum waggle_state state);

/* What is told of a registration. Valid in the callback. */
struct waggle_report {
	enum waggle_state state;
	const char *name; /* "web-1._http._tcp.svc.example."; NULL: the zone is not yet known */
	const char *host; /* "h1-3fa9c2.svc.example."; NULL: not yet known */
	const char *server; /* "192.0.2.53@53"; NULL: not yet known */
	size_t address_count;
	const union waggle_address *addresses; /* that are registered for the host */
	uint32_t lease_s; /* granted; 0: none yet */
	uint32_t left_s; /* of the lease */
	uint32_t next_ms; /* until the next message; 0: none is planned */
	uint64_t beats; /* messages that were answered with success */
	bool was_forgotten; /* WAGGLE_REGISTERED: the registry had lost it, and has it again */
	bool is_leased; /* the server knows leases; else what is registered stays for ever */
	const struct waggle_error *error; /* code WAGGLE_OK when all is well */
};

/* Told at each change of state, and after each message that was answered or given up. */
typedef void (*waggle_report_fn)(struct waggle_registration *registration,
				 const struct waggle_report *report, void *context);

/*
 * Registers an instance, and keeps it registered: PTR at the type and subtypes, SRV and TXT at the
 * instance, addresses at the host, with a lease, in one UPDATE; the same again as a heartbeat at
 * 80 to 85 % of the lease granted (RFC 9664 section 5.2); after a failure again with growing
 * pauses, at random. Each heartbeat is a whole registration, so a registry that forgot learns it
 * anew. `report` (may be NULL) tells how it goes, from the loop's thread.
 *
 * The host. By default its name is made of this machine's name and of six digits that stand for
 * its addresses and the key: providers of one machine share it where they agree, and never meet
 * where they do not. It is left to its lease at the end, since others may point to it. A host that
 * is named in `service` is this provider's alone: its addresses are replaced, and removed at the
 * end.
 *
 * Transport. Signed messages, and those to the same machine, go by UDP, and by TCP when they are
 * large, or not answered; unsigned ones to another machine by TCP, since registries believe no UDP
 * source address.
 *
 * This form returns at once, and goes on trying until waggle_withdraw*() or waggle_abandon().
 * *out: returns owned, valid until one of them. WAGGLE_ERR_ARGUMENT, _NAME, _NOMEM, _CLOSED;
 * _CONFIG: a relative type, and no zone is known.
 */
int waggle_register_start(struct waggle *client, const struct waggle_service *service,
			  waggle_report_fn report, void *context, struct waggle_registration **out,
			  struct waggle_error *error);

/*
 * Blocking: the same until it is registered (or planned) for the first time. When the server
 * refuses, or none answers within 10 s, it fails, nothing is left and *out is NULL; further errors:
 * _TIMEOUT, _UNREACHABLE, _SERVER, _REFUSED, _TAKEN, _SIGNATURE, _NO_REGISTRAR, _ADDRESS,
 * _DEADLOCK.
 */
int waggle_register(struct waggle *client, const struct waggle_service *service,
		    waggle_report_fn report, void *context, struct waggle_registration **out,
		    struct waggle_error *error);

/* Sends a heartbeat now; how it goes is told by `report`. One that is under way counts as this. */
void waggle_heartbeat_start(struct waggle_registration *registration);

/* Blocking: the same, until it is answered or given up. Errors as of waggle_register(). */
int waggle_heartbeat(struct waggle_registration *registration, struct waggle_error *error);

/*
 * Removes exactly what was registered (also what no answer came for), then frees the registration,
 * which the call takes. It tries for 10 s; after that the lease runs out by itself. The last
 * report is WAGGLE_WITHDRAWN, with an error if it was given up.
 */
void waggle_withdraw_start(struct waggle_registration *registration);

/* Blocking: the same; takes the registration, also on failure. */
int waggle_withdraw(struct waggle_registration *registration, struct waggle_error *error);

/*
 * Takes the registration and stops its heartbeat without a word: the lease runs out, or another
 * process goes on with it. Nothing is reported any more once this returns, but for a report that
 * another thread is in.
 */
void waggle_abandon(struct waggle_registration *registration);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif
