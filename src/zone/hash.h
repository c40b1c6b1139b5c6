/*
 * The keyed hash of names: label by label from the root, so that one pass over a name gives the
 * hashes of all its ancestors as well. SipHash-1-3 over each label with its length octet, letters
 * folded, padded to words of 8 octets; a strong hash is needed for who does not know the key only
 * (hash flooding), and nobody sees a result. Thread: any.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "crypto/siphash.h"
#include "dns/types.h"

uint64_t name_hash(const struct siphash_key *key, const uint8_t *name);

/* A name taken apart: where its labels begin, from the left. */
struct labels {
	uint8_t count; /* without the root */
	uint8_t size; /* of the name */
	uint8_t at[DNS_LABELS_MAX + 1]; /* the last: the root */
};

void labels_of(struct labels *labels, const uint8_t *name);

/* A set of counts of labels, in which all from 63 on are one. */
#define DEPTHS_ALL UINT64_MAX

static inline uint64_t depth(size_t labels)
{
	return UINT64_C(1) << (labels < 63 ? labels : 63);
}

/* Those over `low`, up to `high`; that all from 63 on are one may add to them. */
static inline uint64_t depths_over(size_t low, size_t high)
{
	return low < 63 ? 2 * depth(high) - 2 * depth(low) : depth(high);
}

/*
 * The hash of the name, and in hashes[n] that of its n last labels for each n in `depths`; no other
 * is touched.
 */
uint64_t name_hashes(const struct siphash_key *key, const uint8_t *name,
		     const struct labels *labels, uint64_t *hashes, uint64_t depths);

/* Where the hash of a name stands, so that labels before it can be hashed on from there. */
struct siphash_state name_state(const struct siphash_key *key, const uint8_t *name);

/*
 * The hash of the name's last `count` labels; *state is that of its last `known` ones, and then
 * theirs.
 */
uint64_t name_hash_on(struct siphash_state *state, size_t known, size_t count, const uint8_t *name,
		      const struct labels *labels);

/* Of type, TTL, owner and RDATA, as if all its octets were a name's: equal for equal RRs. */
struct delta_rr;
uint64_t rr_hash(const struct siphash_key *key, const struct delta_rr *rr, size_t name_size);
