#include "zone/hash.h"

#include <string.h>

#include "dns/name.h"
#include "zone/zone.h"

static inline uint64_t load_four(const uint8_t *octets)
{
	uint32_t word;

	memcpy(&word, octets, sizeof(word));
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word : __builtin_bswap32(word);
}

/* Less than 8 octets, without a look at those behind. */
static inline uint64_t load_some(const uint8_t *octets, size_t size)
{
	if (size < 4) {
		return siphash_load_rest(octets, size);
	}
	return load_four(octets) | load_four(octets + size - 4) << 8 * (size - 4);
}

static inline void absorb(struct siphash_state *s, const uint8_t *octets, size_t size)
{
	for (; size >= 8; size -= 8, octets += 8) {
		siphash_word(s, dns_fold_word(siphash_load(octets)), 1);
	}
	if (size > 0) {
		siphash_word(s, dns_fold_word(load_some(octets, size)), 1);
	}
}

static inline uint64_t hash_so_far(struct siphash_state s)
{
	return siphash_end(&s, 3);
}

void labels_of(struct labels *labels, const uint8_t *name)
{
	size_t at = 0;
	size_t count = 0;

	for (; name[at] != 0; at += name[at] + 1u) {
		labels->at[count++] = (uint8_t)at;
	}
	labels->at[count] = (uint8_t)at;
	labels->count = (uint8_t)count;
	labels->size = (uint8_t)(at + 1);
}

uint64_t name_hash_on(struct siphash_state *state, size_t known, size_t count, const uint8_t *name,
		      const struct labels *labels)
{
	struct siphash_state s = *state;

	for (; known < count; known++) {
		const uint8_t *label = name + labels->at[labels->count - known - 1];
		absorb(&s, label, label[0] + 1u);
	}
	*state = s;
	return hash_so_far(s);
}

uint64_t name_hashes(const struct siphash_key *key, const uint8_t *name,
		     const struct labels *labels, uint64_t *hashes, uint64_t depths)
{
	struct siphash_state s = siphash_begin(key);
	size_t known = 0;

	for (size_t n = 0; n <= labels->count; n++) {
		if ((depths & depth(n)) != 0) {
			hashes[n] = name_hash_on(&s, known, n, name, labels);
			known = n;
		}
	}
	return name_hash_on(&s, known, labels->count, name, labels);
}

uint64_t name_hash(const struct siphash_key *key, const uint8_t *name)
{
	struct siphash_state s = siphash_begin(key);
	struct labels labels;

	labels_of(&labels, name);
	return name_hash_on(&s, 0, labels.count, name, &labels);
}

struct siphash_state name_state(const struct siphash_key *key, const uint8_t *name)
{
	struct siphash_state s = siphash_begin(key);
	struct labels labels;

	labels_of(&labels, name);
	(void)name_hash_on(&s, 0, labels.count, name, &labels);
	return s;
}

uint64_t rr_hash(const struct siphash_key *key, const struct delta_rr *rr, size_t name_size)
{
	struct siphash_state s = siphash_begin(key);

	siphash_word(&s, (uint64_t)rr->type << 32 | rr->ttl, 1);
	absorb(&s, rr->name, name_size);
	absorb(&s, rr->rdata, rr->size);
	return hash_so_far(s);
}
