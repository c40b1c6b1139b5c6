/*
 * A cell holds the time at which its network will have paid for its replies: each costs a second
 * divided by the rate, paid from now on or from when the one before is. Who has a second or more to
 * pay gets none. A cell of zero, or one whose time is over, is of somebody who owes nothing; so
 * nothing has to be swept. (The generic cell rate algorithm of ATM.)
 *
 * The lowest bit says that the network has met its limit since it owed nothing.
 */
#include "net/rate.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/err.h"
#include "crypto/random.h"
#include "net/prefix.h"

#define RATE_CELLS 65536
#define RATE_SECOND 1000000000ull /* ns */
#define RATE_MS 1000000ull /* ns */
#define RATE_IS_OVER 1ull

struct rate {
	struct siphash_key key;
	_Atomic(uint64_t) cells[RATE_CELLS];
};

int rate_new(struct rate **out)
{
	struct rate *rate = calloc(1, sizeof(*rate));
	uint8_t key[SIPHASH_KEY_SIZE];

	if (rate == NULL) {
		return ERR_NOMEM;
	}
	random_fill(key, sizeof(key));
	rate->key = siphash_key(key);
	*out = rate;
	return OK;
}

void rate_free(struct rate *rate)
{
	free(rate);
}

bool rate_take(struct rate *rate, const struct conf_rate *limit,
	       const struct sockaddr_storage *peer, uint64_t now_ms, bool *is_first)
{
	const uint64_t hash = prefix_hash(&rate->key, peer, limit->prefix_v4, limit->prefix_v6);
	_Atomic(uint64_t) *cell = &rate->cells[hash % RATE_CELLS];
	uint64_t word = atomic_load_explicit(cell, memory_order_relaxed);
	const uint64_t now = now_ms * RATE_MS;
	uint64_t cost;
	uint64_t next;
	bool is_over;

	assert(limit->responses > 0);
	cost = RATE_SECOND / limit->responses;
	do {
		const bool owes = (word & ~RATE_IS_OVER) > now;
		const uint64_t paid = owes ? word & ~RATE_IS_OVER : now;
		const uint64_t was_over = owes ? word & RATE_IS_OVER : 0;

		is_over = paid + cost > now + RATE_SECOND;
		if (is_over && was_over != 0) {
			*is_first = false;
			return false;
		}
		next = is_over ? paid | RATE_IS_OVER : ((paid + cost) & ~RATE_IS_OVER) | was_over;
	} while (!atomic_compare_exchange_weak_explicit(cell, &word, next, memory_order_relaxed,
							memory_order_relaxed));
	*is_first = is_over;
	return !is_over;
}
