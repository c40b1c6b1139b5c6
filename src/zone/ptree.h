/*
 * Persistent ordered tree of counted entries: a treap whose shape follows from a keyed hash of the
 * keys, so that its depth cannot be chosen from outside. Keys compare as octets. Members have
 * ranks, which random starts and stable subsets use. Looking up is for any thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "zone/object.h"

struct tree {
	struct object object;
	uint16_t key_size;
	uint16_t height; /* upper bits of the key's hash: a parent's hash is greater */
	uint32_t size; /* entries here and below */
	uint32_t count; /* how often this entry was added */
	struct tree *left;
	struct tree *right;
	uint8_t data[]; /* key */
};

static inline const uint8_t *tree_key(const struct tree *entry)
{
	return entry->data;
}

static inline uint32_t tree_size(const struct tree *tree)
{
	return tree == NULL ? 0 : tree->size;
}

struct tree_entry {
	const uint8_t *key;
	uint16_t key_size;
};

/* Adds to the count of an entry, making it where it is new. The count after, 0: failed. */
uint32_t tree_add(struct txn *txn, struct tree **tree, const struct tree_entry *entry);
uint32_t tree_add_many(struct txn *txn, struct tree **tree, const struct tree_entry *entry,
		       uint32_t many);

/* Takes one from the count of an entry that is there; it goes at 0. The count after, or failed. */
uint32_t tree_sub(struct txn *txn, struct tree **tree, const uint8_t *key, uint16_t key_size);

const struct tree *tree_get(const struct tree *tree, const uint8_t *key, uint16_t key_size);

/* The entry of rank `rank`, which is below tree_size(). */
const struct tree *tree_at(const struct tree *tree, uint32_t rank);

/* How many entries have a key below this one: the rank of the first that has not. */
uint32_t tree_rank(const struct tree *tree, const uint8_t *key, uint16_t key_size);

void tree_free(struct slabs *slabs, struct tree *tree);
void tree_drop(struct txn *txn, struct tree *tree);
