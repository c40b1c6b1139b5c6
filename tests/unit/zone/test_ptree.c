#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rand.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"
#include "zone/ptree.h"

#define KEYS 500

static const struct siphash_key key = {.k0 = 1, .k1 = 2};
static struct slabs *slabs;

/* Key number `number`, 2 to 4 octets, in the order of the numbers. */
static uint16_t make_key(uint8_t out[4], int number)
{
	out[0] = (uint8_t)(number >> 8);
	out[1] = (uint8_t)number;
	out[2] = 0;
	out[3] = 0;
	return (uint16_t)(2 + number % 3);
}

static uint32_t add(struct txn *txn, struct tree **tree, int number)
{
	uint8_t octets[4];
	const struct tree_entry entry = {.key = octets, .key_size = make_key(octets, number)};

	return tree_add(txn, tree, &entry);
}

static uint32_t sub(struct txn *txn, struct tree **tree, int number)
{
	uint8_t octets[4];
	const uint16_t size = make_key(octets, number);

	return tree_sub(txn, tree, octets, size);
}

static void commit(struct txn *txn)
{
	ck_assert(!txn->failed);
	bag_free(slabs, txn_commit(txn));
}

/* The tree holds exactly the keys with a count above 0, in order. */
static void expect(const struct tree *tree, const uint32_t counts[KEYS])
{
	uint32_t rank = 0;

	for (int i = 0; i < KEYS; i++) {
		uint8_t octets[4];
		const uint16_t size = make_key(octets, i);
		const struct tree *entry = tree_get(tree, octets, size);

		ck_assert_uint_eq(tree_rank(tree, octets, size), rank);
		ck_assert((entry != NULL) == (counts[i] > 0));
		if (entry != NULL) {
			ck_assert_uint_eq(entry->count, counts[i]);
			ck_assert_ptr_eq(tree_at(tree, rank), entry);
			ck_assert_mem_eq(tree_key(entry), octets, size);
			rank++;
		}
	}
	ck_assert_uint_eq(tree_size(tree), rank);
}

START_TEST(entries_stand_in_order_with_their_counts)
{
	uint32_t counts[KEYS] = {0};
	struct tree *tree = NULL;
	struct rand rand;
	struct txn txn;

	rand_init(&rand, 1);
	txn_begin(&txn, slabs, &key);
	expect(tree, counts);
	for (int step = 0; step < 8000; step++) {
		const int number = (int)rand_below(&rand, KEYS);

		if (rand_below(&rand, 2) == 0) {
			ck_assert_uint_eq(add(&txn, &tree, number), ++counts[number]);
		} else if (counts[number] > 0) {
			ck_assert_uint_eq(sub(&txn, &tree, number), --counts[number]);
		}
		if (step % 400 == 0) {
			expect(tree, counts);
		}
	}
	expect(tree, counts);
	commit(&txn);
	tree_free(slabs, tree);
}
END_TEST

START_TEST(a_prefix_comes_before_what_it_begins)
{
	struct tree *tree = NULL;
	struct txn txn;
	const struct tree_entry entries[] = {
		{.key = (const uint8_t *)"ab", .key_size = 2},
		{.key = (const uint8_t *)"a", .key_size = 1},
		{.key = (const uint8_t *)"ab\0", .key_size = 3},
		{.key = (const uint8_t *)"b", .key_size = 1},
	};
	static const uint16_t sizes[] = {1, 2, 3, 1};

	txn_begin(&txn, slabs, &key);
	for (size_t i = 0; i < COUNT_OF(entries); i++) {
		tree_add(&txn, &tree, &entries[i]);
	}
	for (uint32_t i = 0; i < COUNT_OF(sizes); i++) {
		ck_assert_uint_eq(tree_at(tree, i)->key_size, sizes[i]);
	}
	ck_assert_uint_eq(tree_rank(tree, (const uint8_t *)"ab", 2), 1);
	ck_assert_uint_eq(tree_rank(tree, (const uint8_t *)"aba", 3), 3);
	ck_assert_uint_eq(tree_rank(tree, (const uint8_t *)"c", 1), 4);
	commit(&txn);
	tree_free(slabs, tree);
}
END_TEST

START_TEST(a_version_stays_as_it_was_while_the_next_is_made)
{
	uint32_t old_counts[KEYS] = {0};
	uint32_t new_counts[KEYS] = {0};
	struct tree *old = NULL;
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < KEYS; i++) {
		new_counts[i] = old_counts[i] = add(&txn, &old, i);
	}
	commit(&txn);

	struct tree *new = old;
	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < KEYS; i += 2) {
		new_counts[i] = sub(&txn, &new, i);
		new_counts[i + 1] = add(&txn, &new, i + 1);
	}
	expect(old, old_counts);
	expect(new, new_counts);
	commit(&txn);
	expect(new, new_counts);
	tree_free(slabs, new);
}
END_TEST

static unsigned depth(const struct tree *tree)
{
	if (tree == NULL) {
		return 0;
	}
	const unsigned left = depth(tree->left);
	const unsigned right = depth(tree->right);
	return 1 + (left > right ? left : right);
}

START_TEST(sorted_keys_do_not_make_it_deep)
{
	struct tree *tree = NULL;
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < 20000; i++) {
		add(&txn, &tree, i);
	}
	ck_assert_uint_lt(depth(tree), 60);
	commit(&txn);
	tree_free(slabs, tree);
}
END_TEST

START_TEST(a_dropped_tree_goes_with_the_commit)
{
	struct tree *old = NULL;
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < KEYS; i++) {
		add(&txn, &old, i);
	}
	commit(&txn);
	txn_begin(&txn, slabs, &key);
	tree_drop(&txn, old);
	commit(&txn);
	ck_assert_uint_eq(slabs_count(slabs), 0);
}
END_TEST

START_TEST(nth_allocation_fails_cleanly)
{
	uint32_t counts[KEYS] = {0};
	struct tree *old = NULL;
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < 50; i++) {
		counts[i] = add(&txn, &old, i);
	}
	commit(&txn);
	for (unsigned n = 0;; n++) {
		struct tree *new = old;

		txn_begin(&txn, slabs, &key);
		fail_alloc_after(n);
		for (int i = 0; i < 25; i++) {
			sub(&txn, &new, i);
		}
		for (int i = 40; i < 70; i++) {
			add(&txn, &new, i);
		}
		fail_alloc_off();
		ck_assert(txn.failed == fail_alloc_hit());
		txn_abort(&txn);
		expect(old, counts);
		if (!fail_alloc_hit()) {
			break;
		}
	}
	ck_assert_uint_gt(fail_alloc_count(), 40);
	tree_free(slabs, old);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		entries_stand_in_order_with_their_counts,
		a_prefix_comes_before_what_it_begins,
		a_version_stays_as_it_was_while_the_next_is_made,
		sorted_keys_do_not_make_it_deep,
		a_dropped_tree_goes_with_the_commit,
		nth_allocation_fails_cleanly,
	};

	if (slabs_new(&slabs) != OK) {
		return EXIT_FAILURE;
	}
	const int ret = run_tests("zone/ptree", tests, COUNT_OF(tests));
	slabs_free(slabs);
	return ret;
}
