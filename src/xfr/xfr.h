/*
 * Zone transfers out: who may have a zone, and its records message by message (AXFR, RFC 5936;
 * IXFR, RFC 1995, answered with the whole zone).
 *
 * 1. xfr_judge() says what a request comes to: a refusal, the SOA alone, or the zone.
 * 2. xfr_begin() takes a version of the zone that the caller holds until the end.
 * 3. xfr_fill() writes as many records as one message takes; again, until none are left.
 *
 * Between two messages a transfer is a place in the zone, nothing else: no copy of it, no memory of
 * its own. Explicit and derived records are one set here, as queries see them. Pure: no clock, no
 * socket, no allocation. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access/access.h"
#include "conf/conf.h"
#include "dns/message.h"
#include "dns/writer.h"
#include "zone/zone.h"

/* What a request comes to. */
enum xfr_form {
	XFR_REFUSED, /* one message: rcode and extended error */
	XFR_SOA, /* one message: our SOA (RFC 1995 section 2) */
	XFR_ZONE, /* the zone */
};

struct xfr_request {
	const struct root *root; /* as it is now */
	const struct conf *conf;
	const struct dns_message *message; /* parsed without fault; class IN, type AXFR or IXFR */
	const struct access_identity *identity;
};

struct xfr_verdict {
	enum xfr_form form;
	const struct zone *zone; /* of request->root; NULL: refused */
	/* refused */
	unsigned rcode;
	uint16_t ede; /* enum dns_ede */
	char ede_text[160];
	bool is_denied; /* by the zone's rules */
};

void xfr_judge(const struct xfr_request *request, struct xfr_verdict *verdict);

/* Where a transfer stands. */
struct xfr {
	const struct zone *zone;
	enum { XFR_OPENS, XFR_GOES_ON, XFR_CLOSES, XFR_IS_OVER } step;
	size_t at; /* zone_next_node() */
	const struct node *node; /* under work; NULL: the next */
	uint64_t set_at; /* node_next_set() */
	struct set set; /* under work */
	uint32_t member; /* of `set`: the next */
	uint64_t records; /* written so far, both SOAs counted */
};

/* A message ends behind the record that brings it to this: so far pointers reach. */
#define XFR_MESSAGE 16384

/* Starts the transfer of a served zone, whose root stays as long as `xfr` is used. */
void xfr_begin(struct xfr *xfr, const struct zone *zone);

/*
 * Writes the next records into the answer section of a message that has room for more than a
 * record. 1: more are left, for the next message; OK: these were the last. ERR_SPACE: a record is
 * larger than the message, and the transfer cannot go on.
 */
int xfr_fill(struct xfr *xfr, struct dns_writer *writer);

/* Writes the zone's SOA into the answer section. ERR_SPACE. */
int xfr_write_soa(const struct zone *zone, struct dns_writer *writer);
