/* A histogram of latencies: 16 buckets for each power of two, so within 6 %. */
#pragma once

#include <stdint.h>

enum { LATENCY_BUCKETS = 64 * 16 };

struct latency {
	uint64_t count;
	uint64_t bucket[LATENCY_BUCKETS];
};

static inline void latency_add(struct latency *latency, uint64_t ns)
{
	const unsigned power = ns < 16 ? 0 : 63 - (unsigned)__builtin_clzll(ns);

	latency->count++;
	latency->bucket[ns < 16 ? ns : (power - 3) * 16 + (ns >> (power - 4) & 15)]++;
}

/* What `part` of all stay below. */
static inline double latency_us(const struct latency *latency, double part)
{
	const uint64_t wanted = (uint64_t)((double)latency->count * part);
	uint64_t seen = 0;

	for (unsigned i = 0; i < LATENCY_BUCKETS; i++) {
		seen += latency->bucket[i];
		if (seen > wanted) {
			return (double)(i < 16 ? i : (uint64_t)(16 + i % 16) << (i / 16 - 1)) /
			       1000;
		}
	}
	return 0;
}
