/* xoshiro256** 1.0, its state filled by splitmix64: both public algorithms, small and fast. */
#include "base/rand.h"

#include <assert.h>

void rand_init(struct rand *rand, uint64_t seed)
{
	for (int i = 0; i < 4; i++) {
		uint64_t word = seed += 0x9e3779b97f4a7c15u;

		word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9u;
		word = (word ^ word >> 27) * 0x94d049bb133111ebu;
		rand->state[i] = word ^ word >> 31;
	}
}

static uint64_t rotate(uint64_t word, int bits)
{
	return word << bits | word >> (64 - bits);
}

uint64_t rand_next(struct rand *rand)
{
	uint64_t *state = rand->state;
	const uint64_t result = rotate(state[1] * 5, 7) * 9;
	const uint64_t shifted = state[1] << 17;

	state[2] ^= state[0];
	state[3] ^= state[1];
	state[1] ^= state[2];
	state[0] ^= state[3];
	state[2] ^= shifted;
	state[3] = rotate(state[3], 45);
	return result;
}

uint32_t rand_below(struct rand *rand, uint32_t limit)
{
	uint64_t product;

	assert(limit > 0);
	/* The upper half of a product is uniform once the few low values that come too often go. */
	do {
		product = (rand_next(rand) >> 32) * limit;
	} while ((uint32_t)product < -limit % limit);
	return (uint32_t)(product >> 32);
}
