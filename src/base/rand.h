/*
 * Fast random numbers for rotation and jitter, never for secrets (those: crypto/random.h).
 * One state for each thread. Thread: its owner's.
 */
#pragma once

#include <stdint.h>

struct rand {
	uint64_t state[4];
};

/* The same seed gives the same numbers. */
void rand_init(struct rand *rand, uint64_t seed);
uint64_t rand_next(struct rand *rand);

/* Uniform in 0 .. limit-1; limit > 0. */
uint32_t rand_below(struct rand *rand, uint32_t limit);
