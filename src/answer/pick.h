/*
 * Which members of a pool a client is shown (design section 6, "Large pools").
 *
 * The members of a priority stand on a ring, by a keyed hash; a client has its place there by the
 * hash of its network, and is shown what follows: the lowest priority first, the next when that one
 * is exhausted. So it sees the same members each time, from each thread and after each restart, all
 * members are seen by somebody, and one change in the pool changes one entry of what it sees at
 * most. SRV records carry their weights; where a part of an address view is shown, its members are
 * picked by weight, which keeps that promise as long as the largest weight does not pass a power of
 * two. Pure: no clock, no random number, no allocation. Thread: any reader of the root.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "zone/zone.h"

#define PICK_MAX 1000 /* the largest answer-max */

/* Members in the order of the ring. */
struct pick {
	uint32_t max;
	uint32_t low; /* members of the lowest priority, which come first */
	uint32_t count;
	const void *member[PICK_MAX]; /* for set_rdata() */
};

/* Picks at most `max` members of a derived SRV or address set for the client with this hash. */
void pick_members(struct pick *pick, const struct set *set, uint64_t client, uint32_t max);

/* Leaves the first members, those whose records fit into `room` octets. */
void pick_fit(struct pick *pick, const struct set *set, size_t room);
