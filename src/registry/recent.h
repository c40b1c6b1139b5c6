/*
 * UPDATEs answered a moment ago, so that a retransmission gets the answer of the first (RFC 2136
 * 7.8: its prerequisites would fail by its own success). A message is known by its fingerprint:
 * a keyed hash of the peer's address and port, and all its octets (net/ticket.c); only those with
 * prerequisites have one.
 *
 * Bounded: `limit` fingerprints, each for five seconds; the oldest gives way. Pure, time comes in.
 * Thread: core.
 */
#pragma once

#include <stdint.h>

#include "registry/command.h"

#define RECENT_MS 5000

struct recent_entry;

struct recent {
	struct recent_entry *entries; /* `limit` of them */
	uint32_t *heads; /* of chains by fingerprint, `limit` of them */
	uint64_t seed;
	uint32_t limit;
	uint32_t oldest;
	uint32_t count;
};

enum recent_state {
	RECENT_NEW, /* not seen; remembered as under way from now on */
	RECENT_UNDERWAY, /* the first one will be answered: nothing is to be said */
	RECENT_DONE, /* answered: *result is what was said */
};

/* `limit` > 0; `seed` places the chains. ERR_NOMEM, and nothing needs recent_deinit() then, which takes it all the same. */
int recent_init(struct recent *recent, uint32_t limit, uint64_t seed);
void recent_deinit(struct recent *recent);

/* Looks a message up and remembers it. */
enum recent_state recent_see(struct recent *recent, uint64_t fingerprint, uint64_t now_ms,
			     struct command_result *result);

/* What a message that is under way came to. */
void recent_done(struct recent *recent, uint64_t fingerprint, const struct command_result *result);

/* It came to nothing (the log failed): a retransmission is to be tried anew. */
void recent_forget(struct recent *recent, uint64_t fingerprint);
