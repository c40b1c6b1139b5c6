/* SipHash-2-4 as its authors published it: two rounds for each word, four at the end. */
#include "crypto/siphash.h"

struct state {
	uint64_t v0;
	uint64_t v1;
	uint64_t v2;
	uint64_t v3;
};

static uint64_t rotate(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

static uint64_t load_le(const uint8_t *octets, size_t size)
{
	uint64_t word = 0;

	for (size_t i = size; i > 0; i--) {
		word = word << 8 | octets[i - 1];
	}
	return word;
}

static void rounds(struct state *s, int count)
{
	for (; count > 0; count--) {
		s->v0 += s->v1;
		s->v1 = rotate(s->v1, 13) ^ s->v0;
		s->v0 = rotate(s->v0, 32);
		s->v2 += s->v3;
		s->v3 = rotate(s->v3, 16) ^ s->v2;
		s->v0 += s->v3;
		s->v3 = rotate(s->v3, 21) ^ s->v0;
		s->v2 += s->v1;
		s->v1 = rotate(s->v1, 17) ^ s->v2;
		s->v2 = rotate(s->v2, 32);
	}
}

static void absorb(struct state *s, uint64_t word)
{
	s->v3 ^= word;
	rounds(s, 2);
	s->v0 ^= word;
}

struct siphash_key siphash_key(const uint8_t octets[SIPHASH_KEY_SIZE])
{
	return (struct siphash_key){.k0 = load_le(octets, 8), .k1 = load_le(octets + 8, 8)};
}

uint64_t siphash(const struct siphash_key *key, const void *data, size_t size)
{
	const uint8_t *at = data;
	const uint64_t last = (uint64_t)size << 56;
	struct state s = {
		.v0 = key->k0 ^ 0x736f6d6570736575u,
		.v1 = key->k1 ^ 0x646f72616e646f6du,
		.v2 = key->k0 ^ 0x6c7967656e657261u,
		.v3 = key->k1 ^ 0x7465646279746573u,
	};

	for (; size >= 8; size -= 8, at += 8) {
		absorb(&s, load_le(at, 8));
	}
	absorb(&s, last | load_le(at, size));
	s.v2 ^= 0xff;
	rounds(&s, 4);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
