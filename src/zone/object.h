/*
 * Objects of a root, and the transaction that makes the next version of them.
 *
 * Everything a root holds starts with a struct object and is one allocation. A transaction copies
 * what it changes; what it made itself it changes in place. On commit the objects it dropped are
 * the garbage of the version before; on abort those it made are freed and nothing has happened.
 * A failed allocation sticks in `failed`, so that the callers need not look at each step: who
 * commits looks once. Maps and trees, which it may have left half changed, are not changed any
 * more after it. Thread: core.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/siphash.h"

struct object {
	uint64_t version; /* of the transaction that made it; 0: dropped by that one again */
	struct object *next; /* in the list of the made or of the dropped; core */
};

struct garbage {
	struct object *first;
	struct garbage *next;
};

struct txn {
	uint64_t version;
	struct object *made;
	struct object *dropped;
	struct siphash_key hash; /* of names, and of the trees' shape */
	bool failed;
};

void txn_begin(struct txn *txn, uint64_t version, const struct siphash_key *hash);

/* A cleared object of `size` octets, or NULL (and failed). */
void *txn_new(struct txn *txn, size_t size);

/* A copy of `object`, `size` octets, which is dropped; the object itself when this one made it. */
void *txn_own(struct txn *txn, void *object, size_t size);

/* No longer in the version under work. Takes NULL. */
void txn_drop(struct txn *txn, void *object);

static inline bool txn_made(const struct txn *txn, const struct object *object)
{
	return object->version == txn->version;
}

/* Frees what was made and dropped again; the list of garbage that stays. */
struct object *txn_commit(struct txn *txn);
void txn_abort(struct txn *txn);
