/*
 * A DNS server inside a test, on a thread of its own, at 127.0.0.1 and a port that the system
 * chooses, UDP and TCP. It has the zone svc.example with instances i0, i1, ... of _http._tcp at
 * h0, h1, ..., port 1000 + number, address 10.0.x.y; and it fails as it is told. It allocates
 * nothing once it runs, so allocations that fail on demand fail in the client alone.
 */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum fault {
	FAULT_NONE,
	FAULT_DROP,
	FAULT_DELAY, /* responder_delay() */
	FAULT_WRONG_ID,
	FAULT_WRONG_QUESTION,
	FAULT_TRUNCATED, /* TC and nothing else by UDP; whole by TCP */
	FAULT_SERVFAIL, /* with an extended error */
	FAULT_REFUSED,
	FAULT_NXDOMAIN,
	FAULT_LAME, /* a referral */
	FAULT_GARBAGE, /* random octets behind a good header and question */
	FAULT_CUT, /* the first half of an answer */
	FAULT_NO_EDNS, /* FORMERR to whoever sends OPT */
	FAULT_STALE, /* a good answer that says it is stale (EDE 3) */
	FAULT_SILENT_UDP, /* answers by TCP only */
	FAULTS,
	FAULT_ANY, /* of those above, drawn anew for each question, in half of the cases none */
};

struct responder;

/* Starts; ends the test when the system refuses. */
struct responder *responder_start(uint64_t seed);
void responder_stop(struct responder *responder);

/* "127.0.0.1@PORT"; valid as long as the responder. */
const char *responder_server(const struct responder *responder);
uint16_t responder_port(const struct responder *responder);

/* May be called at any time; they count from the next question on. */
void responder_fail(struct responder *responder, enum fault fault);
void responder_delay(struct responder *responder, unsigned ms);
void responder_instances(struct responder *responder, unsigned count);
void responder_additional(struct responder *responder, bool is_on); /* on at first */
void responder_ttl(struct responder *responder, unsigned ttl_s); /* 5 at first */
void responder_lease(struct responder *responder, int lease_s); /* granted; below 0: not said */
void responder_update_rcode(struct responder *responder, unsigned rcode);

/* Questions seen since the start, by UDP and by TCP; UPDATEs; those among them that deleted. */
unsigned responder_udp(const struct responder *responder);
unsigned responder_tcp(const struct responder *responder);
unsigned responder_updates(const struct responder *responder);
unsigned responder_removals(const struct responder *responder);

/* Does an endpoint say what the zone has? Its number, or -1. */
struct waggle_endpoint;
int responder_knows(const struct waggle_endpoint *endpoint);
