/*
 * A view of one received message, parsed in place.
 *
 * dns_message_parse() checks the header, the question (the zone, in an UPDATE), and walks all
 * records once: their bounds, OPT and TSIG. What it finds wrong it names as the rcode to answer
 * (RFC 1035 4.1, RFC 6891 6.1.1, RFC 8945 5.2). Records are then read one by one. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "dns/edns.h"
#include "dns/name.h"
#include "dns/types.h"

enum dns_section { DNS_QUESTION, DNS_ANSWER, DNS_AUTHORITY, DNS_ADDITIONAL, DNS_SECTIONS };

/* The same four in an UPDATE (RFC 2136 section 2). */
#define DNS_ZONE DNS_QUESTION
#define DNS_PREREQUISITE DNS_ANSWER
#define DNS_UPDATE DNS_AUTHORITY

struct dns_rr {
	uint8_t owner[DNS_NAME_MAX];
	uint16_t type;
	uint16_t class;
	uint32_t ttl;
	uint16_t rdata_size; /* on the wire, maybe compressed */
	size_t rdata_at; /* offset in the message */
};

struct dns_message {
	const uint8_t *wire; /* kept */
	size_t size;
	uint16_t id;
	uint16_t flags;
	uint16_t count[DNS_SECTIONS];
	size_t start[DNS_SECTIONS]; /* offset of each section's first record */
	size_t end; /* offset behind the last record; more octets may follow */
	bool has_question;
	uint16_t qname_size;
	uint8_t qname[DNS_NAME_MAX]; /* as spelled */
	uint16_t qtype;
	uint16_t qclass;
	struct dns_edns edns; /* of the request; edns.present */
	size_t tsig_at; /* offset of the TSIG record, always the last; 0: none */
	const char *fault; /* with FORMERR and BADVERS: what is wrong, in words; else NULL */
	struct dns_rr *records; /* of answer and authority, in order; NULL: they were not kept */
	size_t record_count;
};

static inline unsigned dns_message_opcode(const struct dns_message *message)
{
	return message->flags >> 11 & 0xf;
}

/*
 * Parses `size` octets at `wire`. Returns
 *   ERR_CLOSED  drop it without a word: under 12 octets, or a response (QR=1)
 *   a positive rcode to answer, FORMERR, NOTIMP or BADVERS: what could be read is in `message`
 *   OK
 * A query has exactly one question (RFC 9619). Octets behind the last record are FORMERR in an
 * UPDATE and ignored otherwise. Opcodes other than QUERY, NOTIFY and UPDATE are NOTIMP, with
 * question and OPT where they are as in a query (RFC 6891 6.1.1).
 */
int dns_message_parse(struct dns_message *message, const uint8_t *wire, size_t size);

/*
 * The same, and keeps the records of answer and authority (prerequisites and updates) as it meets
 * them in the caller's `records`, if they are `room` at most: who wants all need not walk again.
 */
int dns_message_parse_keep(struct dns_message *message, const uint8_t *wire, size_t size,
			   struct dns_rr *records, size_t room);

/* Walks one section of a parsed message. */
struct dns_walk {
	const struct dns_message *message;
	size_t at;
	uint16_t left;
};

struct dns_walk dns_walk(const struct dns_message *message, enum dns_section section);

/* 1 and the next record, 0 at the end; ERR_FORMAT cannot happen on a parsed message. */
int dns_walk_next(struct dns_walk *walk, struct dns_rr *rr);

/* RDATA that is one name: its size uncompressed, ERR_FORMAT. */
int dns_rr_name(const struct dns_message *message, const struct dns_rr *rr,
		uint8_t out[DNS_NAME_MAX]);

/* The RDATA checked and uncompressed (see dns_rdata_read): its size, ERR_FORMAT, ERR_SPACE. */
int dns_rr_rdata(const struct dns_message *message, const struct dns_rr *rr,
		 struct buf_writer *out);
