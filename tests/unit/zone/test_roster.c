#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/rand.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"
#include "zone/roster.h"

#define KEYS 3000

static const struct siphash_key key = {.k0 = 1, .k1 = 2};
static struct slabs *slabs;
static int numbers[KEYS]; /* members: pointers to these */
static int others[KEYS]; /* equal to them */

static int compare(const void *number, const void *member)
{
	return *(const int *)number - *(const int *)member;
}

static void put(struct txn *txn, struct roster **roster, int number)
{
	roster_put(txn, roster, compare, &number, &numbers[number]);
}

static void take(struct txn *txn, struct roster **roster, int number)
{
	roster_take(txn, roster, compare, &number);
}

static void commit(struct txn *txn)
{
	ck_assert(!txn->failed);
	bag_free(slabs, txn_commit(txn));
}

static void nobody(struct slabs *of, void *member)
{
	(void)of;
	(void)member;
}

/* The roster holds exactly the numbers that are marked, in order. */
static void expect(const struct roster *roster, const bool in[KEYS])
{
	struct roster_walk walk;
	uint32_t rank = 0;

	roster_walk_start(&walk, roster, 0);
	for (int i = 0; i < KEYS; i++) {
		ck_assert_uint_eq(roster_rank(roster, compare, &i), rank);
		ck_assert_ptr_eq(roster_get(roster, compare, &i), in[i] ? &numbers[i] : NULL);
		if (in[i]) {
			ck_assert_ptr_eq(roster_at(roster, rank), &numbers[i]);
			ck_assert_ptr_eq(roster_walk_next(&walk), &numbers[i]);
			rank++;
		}
	}
	ck_assert_ptr_null(roster_walk_next(&walk));
	ck_assert_uint_eq(roster_size(roster), rank);
}

START_TEST(members_stand_in_order_whatever_comes_and_goes)
{
	bool in[KEYS] = {false};
	struct roster *roster = NULL;
	struct rand rand;
	struct txn txn;

	rand_init(&rand, 1);
	txn_begin(&txn, slabs, &key);
	expect(roster, in);
	for (int round = 0; round < 8; round++) {
		/* Grows, shrinks to a few, grows again. */
		const uint32_t chance = round % 2 == 0 ? 80 : 10;
		for (int step = 0; step < 6000; step++) {
			const int number = (int)rand_below(&rand, KEYS);
			const bool is_wanted = rand_below(&rand, 100) < chance;
			if (is_wanted && !in[number]) {
				put(&txn, &roster, number);
			} else if (!is_wanted && in[number]) {
				take(&txn, &roster, number);
			}
			in[number] = is_wanted;
		}
		expect(roster, in);
		commit(&txn);
		txn_begin(&txn, slabs, &key);
	}
	for (int i = 0; i < KEYS; i++) {
		if (in[i]) {
			take(&txn, &roster, i);
		}
	}
	ck_assert_ptr_null(roster);
	commit(&txn);
	ck_assert_uint_eq(slabs_count(slabs), 0);
}
END_TEST

START_TEST(a_member_put_at_a_key_that_is_there_takes_its_place)
{
	struct roster *roster = NULL;
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < KEYS; i++) {
		put(&txn, &roster, i);
	}
	commit(&txn);
	struct roster *new = roster;
	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < KEYS; i += 7) {
		roster_put(&txn, &new, compare, &i, &others[i]);
	}
	ck_assert_uint_eq(roster_size(new), KEYS);
	for (int i = 0; i < KEYS; i++) {
		ck_assert_ptr_eq(roster_get(new, compare, &i),
				 i % 7 == 0 ? &others[i] : &numbers[i]);
		ck_assert_ptr_eq(roster_get(roster, compare, &i), &numbers[i]);
	}
	commit(&txn);
	/* Also where the first member shows the way. */
	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < KEYS; i++) {
		take(&txn, &new, i);
	}
	ck_assert_ptr_null(new);
	commit(&txn);
}
END_TEST

START_TEST(a_member_gives_its_place_to_another_only_if_it_is_the_one_named)
{
	struct roster *roster = NULL;
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < KEYS; i += 2) {
		put(&txn, &roster, i);
	}
	commit(&txn);
	struct roster *new = roster;
	txn_begin(&txn, slabs, &key);
	/* Nothing is there; or it is another: the version before, all of it. */
	for (int i = 0; i < KEYS; i++) {
		roster_swap(&txn, &new, compare, &i, &others[i], &others[i]);
		ck_assert_ptr_eq(new, roster);
	}
	for (int i = 0; i < KEYS; i += 4) {
		roster_swap(&txn, &new, compare, &i, &numbers[i], &others[i]);
	}
	ck_assert_uint_eq(roster_size(new), KEYS / 2);
	for (int i = 0; i < KEYS; i += 2) {
		ck_assert_ptr_eq(roster_get(new, compare, &i),
				 i % 4 == 0 ? &others[i] : &numbers[i]);
		ck_assert_ptr_eq(roster_get(roster, compare, &i), &numbers[i]);
	}
	for (int i = 0; i < KEYS; i += 2) {
		void *taken = roster_take(&txn, &new, compare, &i);
		ck_assert_ptr_eq(taken, i % 4 == 0 ? &others[i] : &numbers[i]);
	}
	ck_assert_ptr_null(new);
	roster_swap(&txn, &new, compare, &numbers[0], &numbers[0], &others[0]);
	ck_assert_ptr_null(new);
	commit(&txn);
}
END_TEST

START_TEST(a_version_stays_as_it_was_while_the_next_is_made)
{
	bool before[KEYS];
	bool after[KEYS];
	struct roster *old = NULL;
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < KEYS; i++) {
		before[i] = i % 3 != 0;
		after[i] = i % 2 == 0;
		if (before[i]) {
			put(&txn, &old, i);
		}
	}
	commit(&txn);
	struct roster *new = old;
	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < KEYS; i++) {
		if (after[i] && !before[i]) {
			put(&txn, &new, i);
		} else if (before[i] && !after[i]) {
			take(&txn, &new, i);
		}
	}
	expect(old, before);
	expect(new, after);
	commit(&txn);
	expect(new, after);
	roster_free(slabs, new, nobody);
	ck_assert_uint_eq(slabs_count(slabs), 0);
}
END_TEST

START_TEST(a_walk_starts_at_any_rank)
{
	struct roster *roster = NULL;
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < KEYS; i++) {
		put(&txn, &roster, i);
	}
	for (uint32_t rank = 0; rank <= KEYS; rank += 13) {
		struct roster_walk walk;
		roster_walk_start(&walk, roster, rank);
		for (uint32_t i = rank; i < KEYS && i < rank + 100; i++) {
			ck_assert_ptr_eq(roster_walk_next(&walk), &numbers[i]);
		}
	}
	commit(&txn);
	roster_free(slabs, roster, nobody);
}
END_TEST

START_TEST(nth_allocation_fails_cleanly)
{
	bool in[KEYS] = {false};
	struct roster *old = NULL;
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < 200; i++) {
		in[i * 2] = true;
		put(&txn, &old, i * 2);
	}
	commit(&txn);
	for (unsigned n = 0;; n++) {
		struct roster *new = old;

		txn_begin(&txn, slabs, &key);
		fail_alloc_after(n);
		for (int i = 0; i < 60 && !txn.failed; i++) {
			put(&txn, &new, i * 2 + 1);
			if (!txn.failed) {
				take(&txn, &new, i * 4);
			}
		}
		fail_alloc_off();
		ck_assert(txn.failed == fail_alloc_hit());
		txn_abort(&txn);
		expect(old, in);
		if (!fail_alloc_hit()) {
			break;
		}
	}
	ck_assert_uint_gt(fail_alloc_count(), 15);
	roster_free(slabs, old, nobody);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		members_stand_in_order_whatever_comes_and_goes,
		a_member_put_at_a_key_that_is_there_takes_its_place,
		a_member_gives_its_place_to_another_only_if_it_is_the_one_named,
		a_version_stays_as_it_was_while_the_next_is_made,
		a_walk_starts_at_any_rank,
		nth_allocation_fails_cleanly,
	};

	for (int i = 0; i < KEYS; i++) {
		numbers[i] = i;
		others[i] = i;
	}
	if (slabs_new(&slabs) != OK) {
		return EXIT_FAILURE;
	}
	const int ret = run_tests("zone/roster", tests, COUNT_OF(tests));
	slabs_free(slabs);
	return ret;
}
