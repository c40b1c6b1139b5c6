/*
 * Persistent ordered set of things that live elsewhere: a counted B-tree of pointers. What they
 * are, and how they compare, the caller knows. Members have ranks, which random starts and stable
 * subsets use. Changing copies the path (zone/object.h); looking up is for any thread. All is
 * O(log n); a member costs about nine octets.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "zone/object.h"

struct roster; /* NULL: empty */

/* Where `key` stands to `member`: below 0 before it, 0 there, above 0 behind it. */
typedef int (*roster_fn)(const void *key, const void *member);

uint32_t roster_size(const struct roster *roster);

/* The member that is at the key, or NULL. */
void *roster_get(const struct roster *roster, roster_fn compare, const void *key);

/* Puts `member`, which stands at `key`, in the place of the one that is there, if any. */
void roster_put(struct txn *txn, struct roster **roster, roster_fn compare, const void *key,
		void *member);

/* The same where nothing is at the key yet: NULL; else the member that is there, and stays. */
void *roster_add(struct txn *txn, struct roster **roster, roster_fn compare, const void *key,
		 void *member);

/* Puts `member` in the place of `old`, if that is at the key. */
void roster_swap(struct txn *txn, struct roster **roster, roster_fn compare, const void *key,
		 const void *old, void *member);

/* Of members in order, all at once; `members` is used up. NULL: there are none, or failed. */
struct roster *roster_build(struct txn *txn, void **members, size_t count);

/* Takes out the member at the key, which is there. NULL: failed. */
void *roster_take(struct txn *txn, struct roster **roster, roster_fn compare, const void *key);

/* The member of rank `rank`, which is below roster_size(). */
void *roster_at(const struct roster *roster, uint32_t rank);

/* How many members are before the key. */
uint32_t roster_rank(const struct roster *roster, roster_fn compare, const void *key);

/* Walks the members in order from a rank on: O(depth) to start, then O(1) amortised for each. */
#define ROSTER_DEPTH 16 /* a tree of 2^32 members has no more levels */

struct roster_walk {
	struct {
		const struct roster *node;
		uint32_t at;
	} path[ROSTER_DEPTH];
	unsigned depth; /* 0: at the end */
};

void roster_walk_start(struct roster_walk *walk, const struct roster *roster, uint32_t rank);

/* The next member, or NULL behind the last. */
void *roster_walk_next(struct roster_walk *walk);

/* Frees the tree at the end of a root's life, and each member by `fn`. */
void roster_free(struct slabs *slabs, struct roster *roster,
		 void (*fn)(struct slabs *slabs, void *member));

/* The same inside a transaction: drops the tree, and each member by `fn`. */
void roster_drop(struct txn *txn, struct roster *roster, void (*fn)(struct txn *txn, void *member));
