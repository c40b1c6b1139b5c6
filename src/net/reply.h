/*
 * A reply from its first octet to its last: header and question, whatever sections the caller
 * writes in between, OPT, TSIG. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access/access.h"
#include "dns/edns.h"
#include "dns/message.h"
#include "dns/writer.h"
#include "net/tally.h"
#include "registry/command.h"

/* What a request came to, apart from records. */
struct outcome {
	unsigned rcode;
	bool has_ede;
	uint16_t ede; /* enum dns_ede */
	const char *ede_text; /* or NULL */
	struct dns_lease lease;
};

/* Options of the reply's OPT that answer options of the request's. */
struct reply_extra {
	bool has_cookie;
	uint8_t cookie[DNS_COOKIE_SIZE];
	bool has_keepalive;
	uint16_t keepalive; /* RFC 7828: units of 100 ms */
};

/* The outcome of an UPDATE; keeps the text in `result`. */
void outcome_from_result(struct outcome *outcome, const struct command_result *result);

struct reply {
	struct dns_message *request;
	struct access_signer *signer;
	const struct reply_extra *extra; /* or NULL */
	bool is_stream;
	bool is_more; /* one before it was counted: of several messages, not the first */
	uint8_t *wire; /* room for what reply_room() says */
	size_t room;
	struct outcome outcome;
	const char *nsid; /* for those who ask for it (RFC 5001), or NULL */
	struct dns_edns_reply opt; /* without its extended error until the end */
	size_t opt_size; /* kept for it; 0: the request has none */
	struct dns_writer writer; /* between begin and end: for the sections */
};

/* Octets that a reply to `request` may have on this transport. */
size_t reply_room(const struct dns_message *request, bool is_stream);

/*
 * Starts a reply whose fields down to `room` are set, and whose outcome has the lease; keeps room
 * for what reply_end() adds. Where not even question and TSIG fit, the question is dropped from the
 * request, then the TSIG from the signer.
 */
void reply_begin(struct reply *reply);

/*
 * Ends it: rcode, OPT if the request had one, TSIG; and counts it. `now_s` is used by TSIG only.
 * The size, or 0 when it could not be signed: nothing may be sent then.
 */
size_t reply_end(struct reply *reply, uint64_t now_s, struct tally *tally);

/* Counts a reply by rcode and TC. */
void reply_count(struct tally *tally, unsigned rcode, const uint8_t *wire);
