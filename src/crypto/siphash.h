/*
 * SipHash (keyed; Aumasson and Bernstein 2012). SipHash-2-4 over octets for cookies, fingerprints
 * and places on a ring; SipHash-1-3 a word at a time for tables, whose hashes nobody sees, in line,
 * since a query hashes each of its names. Thread: any.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SIPHASH_KEY_SIZE 16

struct siphash_key {
	uint64_t k0;
	uint64_t k1;
};

/* From 16 octets, little-endian words as the published vectors have them. */
struct siphash_key siphash_key(const uint8_t octets[SIPHASH_KEY_SIZE]);

/* SipHash-2-4. The check value: key 00..0f, input 00..0e gives 0xa129ca6149be45e5. */
uint64_t siphash(const struct siphash_key *key, const void *data, size_t size);

struct siphash_state {
	uint64_t v0;
	uint64_t v1;
	uint64_t v2;
	uint64_t v3;
};

static inline uint64_t siphash_rotate(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static inline void siphash_rounds(struct siphash_state *s, int count)
{
	for (; count > 0; count--) {
		s->v0 += s->v1;
		s->v1 = siphash_rotate(s->v1, 13) ^ s->v0;
		s->v0 = siphash_rotate(s->v0, 32);
		s->v2 += s->v3;
		s->v3 = siphash_rotate(s->v3, 16) ^ s->v2;
		s->v0 += s->v3;
		s->v3 = siphash_rotate(s->v3, 21) ^ s->v0;
		s->v2 += s->v1;
		s->v1 = siphash_rotate(s->v1, 17) ^ s->v2;
		s->v2 = siphash_rotate(s->v2, 32);
	}
}

static inline struct siphash_state siphash_begin(const struct siphash_key *key)
{
	return (struct siphash_state){
		.v0 = key->k0 ^ 0x736f6d6570736575u,
		.v1 = key->k1 ^ 0x646f72616e646f6du,
		.v2 = key->k0 ^ 0x6c7967656e657261u,
		.v3 = key->k1 ^ 0x7465646279746573u,
	};
}

/* The next eight octets, with the rounds that follow them: 1 or 2. */
static inline void siphash_word(struct siphash_state *s, uint64_t word, int rounds)
{
	s->v3 ^= word;
	siphash_rounds(s, rounds);
	s->v0 ^= word;
}

/* The result after the last word, whose uppermost octet is the size: 3 or 4 rounds. */
static inline uint64_t siphash_end(struct siphash_state *s, int rounds)
{
	s->v2 ^= 0xff;
	siphash_rounds(s, rounds);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* Eight octets as a little-endian word. */
static inline uint64_t siphash_load(const uint8_t *octets)
{
	uint64_t word;

	memcpy(&word, octets, sizeof(word));
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? word : __builtin_bswap64(word);
}

/* The last `size` % 8 of `size` octets, which stand at `at`; the others are zero. */
static inline uint64_t siphash_load_rest(const uint8_t *at, size_t size)
{
	const size_t rest = size % 8;
	uint64_t word = 0;

	if (rest == 0) {
		return 0;
	}
	if (size > 8) {
		return siphash_load(at + rest - 8) >> 8 * (8 - rest);
	}
	for (size_t i = rest; i > 0; i--) {
		word = word << 8 | at[i - 1];
	}
	return word;
}
