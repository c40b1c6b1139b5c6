/*
 * Persistent map from names to objects: a hash trie, six bits of a keyed hash a level, at most 11
 * levels deep (four at a million names). Looking up is for any thread, changing copies the path
 * (zone/object.h).
 *
 * Two names with one 64-bit hash cannot both be in; the key is drawn for each process, so the
 * transaction that meets this (once in 10^7 lives of a registry of a million names) fails, and the
 * next start is free of it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/object.h"

/* What a map holds begins with this. */
struct named {
	struct object object;
	uint16_t name_at; /* the name's place behind this */
	uint8_t name_size;
	uint8_t role; /* of nodes: enum name_role */
	uint16_t sets; /* of nodes */
	uint64_t hash;
};

static inline const uint8_t *named_name(const struct named *named)
{
	return (const uint8_t *)named + named->name_at;
}

struct branch;

struct pmap {
	struct branch *top; /* NULL: empty */
	size_t count;
};

void *pmap_get(const struct pmap *map, uint64_t hash, const uint8_t *name, size_t size);

/*
 * One of many look-ups that go down together: each asks for the memory it will read next, then the
 * others have their turn, so that the misses of all pass at the same time.
 */
struct pmap_look {
	uint64_t hash;
	const struct pmap *map; /* NULL: nothing is found */
	const void *at; /* inside; then what has this hash, or NULL */
	bool is_done; /* inside */
};

/* Finds, by hash alone, what each of them looks for; pmap_is() says whether it is that name's. */
void pmap_look(struct pmap_look *looks, size_t count);
bool pmap_is(const struct named *value, uint64_t hash, const uint8_t *name, size_t size);

/* The value with this hash, or NULL. */
void *pmap_get_hash(const struct pmap *map, uint64_t hash);

/* Puts `value` in the place of the one with its name, if any, which is not dropped. */
void pmap_put(struct txn *txn, struct pmap *map, struct named *value);

struct pmap_item {
	uint64_t hash;
	void *value;
};

/* The value for items of one hash, mostly one item; NULL: there is none, the map is not built. */
typedef struct named *(*pmap_leaf_fn)(void *context, const struct pmap_item *items, size_t count);

/*
 * Builds an empty map of all items at once; `spare` has room for as many, both are disordered. A
 * few steps for each item, and memory is met in order. false: failed, or a leaf was NULL.
 */
bool pmap_build(struct txn *txn, struct pmap *map, struct pmap_item *items, struct pmap_item *spare,
		size_t count, pmap_leaf_fn leaf, void *context);

/* Takes out the value with this name, if any; it is not dropped. */
void pmap_remove(struct txn *txn, struct pmap *map, uint64_t hash, const uint8_t *name,
		 size_t size);

/* The values in no order: start with *at = 0; NULL at the end. O(depth) each. */
void *pmap_next(const struct pmap *map, size_t *at);

/* Calls `fn` for each value; ends at the first result that is not 0 and returns it. */
int pmap_walk(const struct pmap *map, int (*fn)(void *context, void *value), void *context);

/* Frees the branches at the end of a root's life; values are freed by `fn`. */
void pmap_free(struct slabs *slabs, struct pmap *map, void (*fn)(struct slabs *slabs, void *value));

/* The same inside a transaction: drops the branches, not the values. */
void pmap_drop(struct txn *txn, struct pmap *map);
