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
#include "zone/slab.h"

enum object_state {
	OBJECT_KEPT, /* of a version that was committed */
	OBJECT_MADE, /* by the transaction under work */
	OBJECT_UNMADE, /* made, and dropped again */
};

struct object {
	uint8_t state; /* core */
	uint8_t class_of; /* where its memory came from */
};

/* Objects, in no order. */
struct bag {
	struct bag *next;
	size_t count;
	struct object *objects[];
};

struct txn {
	struct slabs *slabs;
	struct bag *made;
	struct bag *dropped;
	struct object *scrap[SLAB_CLASSES]; /* unmade, to be made again */
	struct siphash_key hash; /* of names */
	bool is_bulk; /* what is made is not in `made` */
	bool failed;
};

void txn_begin(struct txn *txn, struct slabs *slabs, const struct siphash_key *hash);

/*
 * So much will be made that a note of each costs more than to look through all memory at the end,
 * as a restart does.
 */
void txn_bulk(struct txn *txn);

/* A cleared object of `size` octets, or NULL (and failed). */
void *txn_new(struct txn *txn, size_t size);

/* A copy of `object`, `size` octets, which is dropped; the object itself when this one made it. */
void *txn_own(struct txn *txn, void *object, size_t size);

/* No longer in the version under work; its memory stays until the commit. Takes NULL. */
void txn_drop(struct txn *txn, void *object);

/* The same for what nobody looks at any more: its memory may serve again at once. */
void txn_scrap(struct txn *txn, void *object);

static inline bool txn_made(const struct object *object)
{
	return object->state == OBJECT_MADE;
}

/* Frees what was made and dropped again; the garbage that stays: returns owned. */
struct bag *txn_commit(struct txn *txn);
void txn_abort(struct txn *txn);

/* Octets of the objects in all bags. Takes NULL. */
size_t bag_size(const struct bag *bag);

/* Frees the objects and the bags. Takes NULL. */
void bag_free(struct slabs *slabs, struct bag *bag);

/* The same with *left objects at most, which it counts down; the bags that remain. Takes NULL. */
struct bag *bag_free_some(struct slabs *slabs, struct bag *bag, size_t *left);

/*
 * Frees those of its objects that nobody holds (slabs_is_young()), and counts down for each that it
 * looks at; what remains. Takes NULL.
 */
struct bag *bag_free_young(struct slabs *slabs, struct bag *bag, size_t *left);

/* Frees one object at the end of a root's life. Takes NULL. */
void object_free(struct slabs *slabs, void *object);
