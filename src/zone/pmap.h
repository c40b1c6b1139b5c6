/*
 * Persistent map from names to objects: a hash trie, five bits of a keyed hash a level, at most
 * 13 levels deep. Looking up is for any thread, changing copies the path (zone/object.h).
 *
 * Two names with one 64-bit hash cannot both be in; the key is drawn for each process, so the
 * transaction that meets this (once in 10^7 lives of a registry of a million names) fails, and the
 * next start is free of it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "zone/object.h"

/* What a map holds begins with this. */
struct named {
	struct object object;
	uint64_t hash;
	const uint8_t *name; /* behind the object's own fields, in the same allocation */
	uint16_t name_size;
};

struct branch;

struct pmap {
	struct branch *top; /* NULL: empty */
	size_t count;
};

/* The keyed hash of a name, letters folded. */
uint64_t name_hash(const struct siphash_key *key, const uint8_t *name, size_t size);

void *pmap_get(const struct pmap *map, uint64_t hash, const uint8_t *name, size_t size);

/* Puts `value` in the place of the one with its name, if any, which is not dropped. */
void pmap_put(struct txn *txn, struct pmap *map, struct named *value);

/* Takes out the value with this name, if any; it is not dropped. */
void pmap_remove(struct txn *txn, struct pmap *map, uint64_t hash, const uint8_t *name,
		 size_t size);

/* The values in no order: start with *at = 0; NULL at the end. O(depth) each. */
void *pmap_next(const struct pmap *map, size_t *at);

/* Calls `fn` for each value; ends at the first result that is not 0 and returns it. */
int pmap_walk(const struct pmap *map, int (*fn)(void *context, void *value), void *context);

/* Frees the branches at the end of a root's life; values are freed by `fn`. */
void pmap_free(struct pmap *map, void (*fn)(void *value));

/* The same inside a transaction: drops the branches, not the values. */
void pmap_drop(struct txn *txn, struct pmap *map);
