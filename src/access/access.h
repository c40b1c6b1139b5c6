/*
 * Who asks, and may they? Authentication (TSIG, RFC 8945), rules, and the signing of replies.
 *
 * Built from a configuration, immutable, counted with it. Handlers get an identity, never a key.
 * Pure: no clock, no I/O. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "conf/conf.h"
#include "dns/message.h"
#include "dns/tsig.h"

enum access_transport { ACCESS_UDP, ACCESS_TCP };

/* Who sent a message, as far as it is proven. */
struct access_identity {
	const struct sockaddr_storage *peer;
	enum access_transport transport;
	const struct conf_key *key; /* whose TSIG verified; NULL: none */
	bool has_cookie; /* a cookie of ours proves the address (access/cookie.h) */
};

/* What is needed to sign the replies to one request. Plain data: may be copied and kept. */
struct access_signer {
	const struct conf_key *key; /* NULL: the reply is not signed, see `error` */
	bool reply_tsig; /* the reply carries a TSIG at all */
	struct dns_tsig tsig; /* of the reply: names, fudge, error, other data */
	uint16_t asked_fudge_s; /* the request's */
	bool is_chained; /* a message before this one was signed, and its MAC stands below */
	uint16_t prior_mac_size;
	uint8_t prior_mac[DNS_TSIG_MAC_MAX]; /* the request's */
};

/*
 * Verifies the TSIG of a parsed request, if it has one, in the order of RFC 8945 5.2: key, MAC
 * size, MAC, time. `wire` is the message as received. Returns OK with identity->key set (or NULL
 * for an unsigned request), or a positive rcode to answer (FORMERR, NOTAUTH); *signer says how to
 * sign whatever is answered. ERR_NOMEM: answer SERVFAIL unsigned.
 */
int access_verify(const struct conf *conf, const struct dns_message *request, uint64_t now_s,
		  struct access_identity *identity, struct access_signer *signer);

/*
 * The request that was verified is older than another of its key (5.2.3): the reply, NOTAUTH, says
 * BADTIME, signed, with our time.
 */
void access_stale(struct access_signer *signer, uint64_t now_s);

/* Octets that access_sign() will add; 0 when the reply has no TSIG. */
size_t access_sign_size(const struct access_signer *signer);

/*
 * Appends the TSIG record to a finished message of `size` octets in a buffer of `room` and counts
 * it. *signer goes on to the next message, if the request is answered by several: its MAC covers
 * the one of this (RFC 8945 5.3.1). Returns the new size, or ERR_SPACE, ERR_NOMEM.
 */
int access_sign(struct access_signer *signer, uint8_t *wire, size_t size, size_t room,
		uint64_t now_s);

/* A TXT record's RDATA. */
struct access_text {
	const uint8_t *rdata;
	size_t size;
};

/* What a registration touches: one name of an UPDATE, as the rules see it. */
struct access_subject {
	const uint8_t *type; /* relative "_http._tcp" in wire form, or NULL: no instance */
	const uint8_t *instance; /* the label with its length octet, or NULL */
	const struct access_text *texts; /* the instance's TXT records; may say its environment */
	size_t text_count;
};

/* What the rules say, and why. */
struct access_verdict {
	enum conf_verdict verdict;
	const struct conf_rule *rule; /* that decided; NULL: none matched, or the default decided */
	bool is_unproven; /* denied only because `rule` allows by network and the address is unproven */
};

/*
 * First rule that matches decides; none matches: deny. A rule that allows or holds by network without
 * a key counts only where the source address is proven: loopback, TCP, a cookie (else it can be forged);
 * elsewhere it is passed over, and named when nothing else allows. Without written rules:
 * loopback only, signed or not.
 */
struct access_verdict access_judge(const struct conf_rules *rules,
				   const struct access_identity *identity,
				   const struct access_subject *subject);

/*
 * The reason of a denial for extended errors and log lines: "rule NAME", "rule 3 (line 17)", "no
 * rule allows this", "default: loopback only", "rule 1 (line 4) counts by TCP, with a cookie or a key only".
 * Returns `out`.
 */
char *access_explain(char *out, size_t size, const struct conf_rules *rules,
		     const struct access_verdict *verdict);

/* "allow", "deny", "hold". Static. */
const char *access_verdict_text(enum conf_verdict verdict);

/* Is its address not forged? Loopback, TCP, a cookie. */
bool access_is_proven(const struct access_identity *identity);

/* Is this the loopback network (127.0.0.0/8, ::1, ::ffff:127.0.0.0/104)? */
bool access_is_loopback(const struct sockaddr_storage *address);

/* "127.0.0.1@5300" into `out`, which it returns. */
char *access_address_text(char out[64], const struct sockaddr_storage *address);
