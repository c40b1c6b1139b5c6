#include "zone/ptree.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static int compare(const uint8_t *key, uint16_t size, const struct tree *entry)
{
	const uint16_t shorter = size < entry->key_size ? size : entry->key_size;
	const int order = memcmp(key, entry->data, shorter);

	return order != 0 ? order : (int)size - (int)entry->key_size;
}

static struct tree *own(struct txn *txn, struct tree *tree)
{
	return txn_own(txn, tree, sizeof(*tree) + tree->key_size);
}

static void measure(struct tree *tree)
{
	tree->size = 1 + tree_size(tree->left) + tree_size(tree->right);
}

static struct tree *new_entry(struct txn *txn, const struct tree_entry *entry)
{
	struct tree *tree = txn_new(txn, sizeof(*tree) + entry->key_size);

	if (tree == NULL) {
		return NULL;
	}
	tree->height = (uint16_t)(siphash(&txn->hash, entry->key, entry->key_size) >> 48);
	tree->size = 1;
	tree->count = 1;
	tree->key_size = entry->key_size;
	memcpy(tree->data, entry->key, entry->key_size);
	return tree;
}

static bool is_higher(const struct txn *txn, const struct tree *one, const struct tree *other)
{
	if (one->height != other->height) {
		return one->height > other->height;
	}
	return siphash(&txn->hash, one->data, one->key_size) >
	       siphash(&txn->hash, other->data, other->key_size);
}

/* Lifts a child that this transaction made above its parent, which it made too. */
static struct tree *lift_left(struct tree *tree)
{
	struct tree *top = tree->left;

	tree->left = top->right;
	top->right = tree;
	measure(tree);
	measure(top);
	return top;
}

static struct tree *lift_right(struct tree *tree)
{
	struct tree *top = tree->right;

	tree->right = top->left;
	top->left = tree;
	measure(tree);
	measure(top);
	return top;
}

static struct tree *add(struct txn *txn, struct tree *tree, const struct tree_entry *entry,
			uint32_t many, uint32_t *count)
{
	if (tree == NULL) {
		struct tree *fresh = new_entry(txn, entry);
		if (fresh != NULL) {
			fresh->count = many;
			*count = many;
		}
		return fresh;
	}
	struct tree *here = own(txn, tree);
	if (here == NULL) {
		return tree;
	}
	const int order = compare(entry->key, entry->key_size, here);
	if (order == 0) {
		here->count += many;
		*count = here->count;
		return here;
	}
	if (order < 0) {
		here->left = add(txn, here->left, entry, many, count);
		measure(here);
		return here->left != NULL && is_higher(txn, here->left, here) ? lift_left(here)
									      : here;
	}
	here->right = add(txn, here->right, entry, many, count);
	measure(here);
	return here->right != NULL && is_higher(txn, here->right, here) ? lift_right(here) : here;
}

uint32_t tree_add_many(struct txn *txn, struct tree **tree, const struct tree_entry *entry,
		       uint32_t many)
{
	uint32_t count = 0;

	if (!txn->failed) {
		*tree = add(txn, *tree, entry, many, &count);
	}
	return count;
}

uint32_t tree_add(struct txn *txn, struct tree **tree, const struct tree_entry *entry)
{
	return tree_add_many(txn, tree, entry, 1);
}

/* All of `left` is below all of `right`. */
static struct tree *merge(struct txn *txn, struct tree *left, struct tree *right)
{
	if (left == NULL || right == NULL) {
		return left == NULL ? right : left;
	}
	if (is_higher(txn, left, right)) {
		struct tree *top = own(txn, left);
		if (top == NULL) {
			return left;
		}
		top->right = merge(txn, top->right, right);
		measure(top);
		return top;
	}
	struct tree *top = own(txn, right);
	if (top == NULL) {
		return right;
	}
	top->left = merge(txn, left, top->left);
	measure(top);
	return top;
}

static struct tree *sub(struct txn *txn, struct tree *tree, const uint8_t *key, uint16_t size,
			uint32_t *count)
{
	assert(tree != NULL);
	const int order = compare(key, size, tree);
	if (order == 0 && tree->count == 1) {
		struct tree *rest = merge(txn, tree->left, tree->right);
		txn_drop(txn, tree);
		*count = 0;
		return rest;
	}
	struct tree *here = own(txn, tree);
	if (here == NULL) {
		return tree;
	}
	if (order == 0) {
		*count = --here->count;
	} else if (order < 0) {
		here->left = sub(txn, here->left, key, size, count);
	} else {
		here->right = sub(txn, here->right, key, size, count);
	}
	measure(here);
	return here;
}

uint32_t tree_sub(struct txn *txn, struct tree **tree, const uint8_t *key, uint16_t key_size)
{
	uint32_t count = 0;

	if (!txn->failed) {
		*tree = sub(txn, *tree, key, key_size, &count);
	}
	return count;
}

const struct tree *tree_get(const struct tree *tree, const uint8_t *key, uint16_t key_size)
{
	while (tree != NULL) {
		const int order = compare(key, key_size, tree);
		if (order == 0) {
			return tree;
		}
		tree = order < 0 ? tree->left : tree->right;
	}
	return NULL;
}

const struct tree *tree_at(const struct tree *tree, uint32_t rank)
{
	for (;;) {
		assert(tree != NULL);
		const uint32_t left = tree_size(tree->left);
		if (rank == left) {
			return tree;
		}
		if (rank < left) {
			tree = tree->left;
		} else {
			rank -= left + 1;
			tree = tree->right;
		}
	}
}

uint32_t tree_rank(const struct tree *tree, const uint8_t *key, uint16_t key_size)
{
	uint32_t rank = 0;

	while (tree != NULL) {
		if (compare(key, key_size, tree) <= 0) {
			tree = tree->left;
		} else {
			rank += 1 + tree_size(tree->left);
			tree = tree->right;
		}
	}
	return rank;
}

/* ---- the end ----------------------------------------------------------------------------- */

void tree_free(struct slabs *slabs, struct tree *tree)
{
	if (tree == NULL) {
		return;
	}
	tree_free(slabs, tree->left);
	tree_free(slabs, tree->right);
	object_free(slabs, tree);
}

void tree_drop(struct txn *txn, struct tree *tree)
{
	if (tree == NULL) {
		return;
	}
	tree_drop(txn, tree->left);
	tree_drop(txn, tree->right);
	txn_drop(txn, tree);
}
