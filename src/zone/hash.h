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

/*
 * The hash of the name, and in hashes[n] that of its n last labels for each n from 0 to `suffixes`,
 * which is at most the name's count of labels.
 */
uint64_t name_hashes(const struct siphash_key *key, const uint8_t *name,
		     const struct labels *labels, uint64_t *hashes, size_t suffixes);
