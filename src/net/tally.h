/*
 * One thread's counters (net.h NET_COUNTERS). Each has one writer, so counting needs no locked
 * instruction; readers sum them over the threads. Thread: its owner's for adding, any for reading.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "net/net.h"

struct tally {
#define TALLY_FIELD(name, text) _Atomic(uint64_t) name;
	NET_COUNTERS(TALLY_FIELD)
#undef TALLY_FIELD
};

static inline void tally_add(_Atomic(uint64_t) *counter, uint64_t count)
{
	const uint64_t now = atomic_load_explicit(counter, memory_order_relaxed);

	atomic_store_explicit(counter, now + count, memory_order_relaxed);
}
