#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/name.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"
#include "zone/hash.h"
#include "zone/pmap.h"

#define NAMES 3000

static const struct siphash_key key = {.k0 = 1, .k1 = 2};
static struct slabs *slabs;

/* A value of the map, which says what it is. */
struct value {
	struct named named;
	int number;
	uint8_t name[DNS_NAME_MAX];
};

static size_t make_name(uint8_t out[DNS_NAME_MAX], int number)
{
	char text[40];

	snprintf(text, sizeof(text), "name-%d.example.", number);
	return (size_t)dns_name_from_text(out, text, NULL);
}

/* A value with a hash of its own, or the name's where that is 0. NULL: failed. */
static struct value *value_new(struct txn *txn, int number, uint64_t hash)
{
	struct value *value = txn_new(txn, sizeof(*value));

	if (value != NULL) {
		const size_t size = make_name(value->name, number);

		value->number = number;
		value->named.name_at = offsetof(struct value, name);
		value->named.name_size = (uint8_t)size;
		value->named.hash = hash != 0 ? hash : name_hash(&key, value->name);
	}
	return value;
}

static void put(struct txn *txn, struct pmap *map, int number, uint64_t hash)
{
	struct value *value = value_new(txn, number, hash);

	ck_assert_ptr_nonnull(value);
	pmap_put(txn, map, &value->named);
}

static struct value *get(const struct pmap *map, int number)
{
	uint8_t name[DNS_NAME_MAX];
	const size_t size = make_name(name, number);

	return pmap_get(map, name_hash(&key, name), name, size);
}

static void take(struct txn *txn, struct pmap *map, int number)
{
	struct value *value = get(map, number);

	pmap_remove(txn, map, value->named.hash, value->name, value->named.name_size);
	txn_drop(txn, value);
}

/* Ends a transaction, and the version before it with all its garbage. */
static void commit(struct txn *txn)
{
	ck_assert(!txn->failed);
	bag_free(slabs, txn_commit(txn));
}

START_TEST(what_was_put_is_found_and_nothing_else)
{
	struct pmap map = {0};
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	ck_assert_ptr_null(get(&map, 0));
	for (int i = 0; i < NAMES; i += 2) {
		put(&txn, &map, i, 0);
	}
	ck_assert_uint_eq(map.count, NAMES / 2);
	for (int i = 0; i < NAMES; i++) {
		const struct value *value = get(&map, i);

		ck_assert((value != NULL) == (i % 2 == 0));
		ck_assert(value == NULL || value->number == i);
	}
	commit(&txn);
	pmap_free(slabs, &map, object_free);
}
END_TEST

START_TEST(letters_in_the_other_case_are_the_same_name)
{
	uint8_t name[DNS_NAME_MAX];
	const size_t size = (size_t)dns_name_from_text(name, "NAME-7.Example.", NULL);
	struct pmap map = {0};
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	put(&txn, &map, 7, 0);
	ck_assert_ptr_eq(pmap_get(&map, name_hash(&key, name), name, size), get(&map, 7));
	commit(&txn);
	pmap_free(slabs, &map, object_free);
}
END_TEST

START_TEST(a_second_value_takes_the_place_of_the_first)
{
	struct pmap map = {0};
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	put(&txn, &map, 7, 0);
	struct value *old = get(&map, 7);
	put(&txn, &map, 7, 0);
	ck_assert_ptr_ne(get(&map, 7), old);
	ck_assert_uint_eq(map.count, 1);
	txn_drop(&txn, old);
	commit(&txn);
	pmap_free(slabs, &map, object_free);
}
END_TEST

START_TEST(a_version_stays_as_it_was_while_the_next_is_made)
{
	struct pmap old = {0};
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < NAMES; i++) {
		put(&txn, &old, i, 0);
	}
	commit(&txn);

	struct pmap new = old;
	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < NAMES; i += 2) {
		take(&txn, &new, i);
	}
	for (int i = 0; i < NAMES; i++) {
		put(&txn, &new, NAMES + i, 0);
	}
	for (int i = 0; i < 2 * NAMES; i++) {
		ck_assert((get(&old, i) != NULL) == (i < NAMES));
		ck_assert((get(&new, i) != NULL) == (i >= NAMES || i % 2 == 1));
	}
	ck_assert_uint_eq(old.count, NAMES);
	ck_assert_uint_eq(new.count, NAMES + NAMES / 2);
	commit(&txn);
	pmap_free(slabs, &new, object_free);
}
END_TEST

START_TEST(an_abort_leaves_what_was)
{
	struct pmap old = {0};
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < NAMES; i++) {
		put(&txn, &old, i, 0);
	}
	commit(&txn);

	struct pmap new = old;
	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < NAMES; i += 3) {
		take(&txn, &new, i);
		put(&txn, &new, NAMES + i, 0);
	}
	txn_abort(&txn);
	for (int i = 0; i < NAMES; i++) {
		ck_assert_int_eq(get(&old, i)->number, i);
	}
	pmap_free(slabs, &old, object_free);
}
END_TEST

START_TEST(nothing_is_left_when_all_were_removed)
{
	struct pmap map = {0};
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < NAMES; i++) {
		put(&txn, &map, i, 0);
	}
	for (int i = NAMES; i-- > 0;) {
		take(&txn, &map, i);
		ck_assert_ptr_null(get(&map, i));
		ck_assert_uint_eq(map.count, (size_t)i);
	}
	ck_assert_ptr_null(map.top);
	commit(&txn);
}
END_TEST

START_TEST(removing_what_is_not_there_does_nothing)
{
	uint8_t name[DNS_NAME_MAX];
	const size_t size = make_name(name, 8);
	struct pmap map = {0};
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	pmap_remove(&txn, &map, name_hash(&key, name), name, size);
	put(&txn, &map, 7, 0);
	pmap_remove(&txn, &map, name_hash(&key, name), name, size);
	ck_assert_uint_eq(map.count, 1);
	commit(&txn);
	pmap_free(slabs, &map, object_free);
}
END_TEST

static int mark(void *context, void *value)
{
	int *seen = context;

	seen[((struct value *)value)->number]++;
	return 0;
}

static int stop_at_third(void *context, void *value)
{
	(void)value;
	return ++*(int *)context == 3 ? 7 : 0;
}

START_TEST(walks_give_each_value_once)
{
	static int walked[NAMES];
	static int nexted[NAMES];
	struct pmap map = {0};
	struct value *value;
	struct txn txn;
	size_t at = 0;
	int calls = 0;

	ck_assert_ptr_null(pmap_next(&map, &at));
	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < NAMES; i++) {
		put(&txn, &map, i, 0);
	}
	commit(&txn);
	ck_assert_int_eq(pmap_walk(&map, mark, walked), 0);
	at = 0;
	while ((value = pmap_next(&map, &at)) != NULL) {
		nexted[value->number]++;
	}
	for (int i = 0; i < NAMES; i++) {
		ck_assert_int_eq(walked[i], 1);
		ck_assert_int_eq(nexted[i], 1);
	}
	ck_assert_int_eq(pmap_walk(&map, stop_at_third, &calls), 7);
	ck_assert_int_eq(calls, 3);
	pmap_free(slabs, &map, object_free);
}
END_TEST

/* Hashes that part in their last bits only: the deepest there is. */
START_TEST(names_with_nearly_one_hash_live_beside_each_other)
{
	static const uint64_t hash = UINT64_C(0x0123456789abcdef);
	struct pmap map = {0};
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	for (uint64_t i = 0; i < 16; i++) {
		put(&txn, &map, (int)i, hash | i << 60);
	}
	ck_assert(!txn.failed);
	for (uint64_t i = 0; i < 16; i++) {
		uint8_t name[DNS_NAME_MAX];
		const size_t size = make_name(name, (int)i);
		const struct value *value = pmap_get(&map, hash | i << 60, name, size);

		ck_assert_ptr_nonnull(value);
		ck_assert_int_eq(value->number, (int)i);
	}
	for (uint64_t i = 0; i < 16; i++) {
		uint8_t name[DNS_NAME_MAX];
		const size_t size = make_name(name, (int)i);
		struct value *value = pmap_get(&map, hash | i << 60, name, size);

		pmap_remove(&txn, &map, hash | i << 60, name, size);
		txn_drop(&txn, value);
	}
	ck_assert_ptr_null(map.top);
	commit(&txn);
}
END_TEST

START_TEST(two_names_with_one_hash_fail_the_transaction)
{
	struct pmap map = {0};
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	put(&txn, &map, 1, 99);
	put(&txn, &map, 2, 99);
	ck_assert(txn.failed);
	txn_abort(&txn);
}
END_TEST

static void change_much(struct txn *txn, struct pmap *map)
{
	for (int i = 0; i < 40; i += 2) {
		struct value *value = get(map, i);

		if (value != NULL) {
			pmap_remove(txn, map, value->named.hash, value->name,
				    value->named.name_size);
		}
	}
	for (int i = 0; i < 40; i++) {
		struct value *value = value_new(txn, 100 + i, 0);

		if (value != NULL) {
			pmap_put(txn, map, &value->named);
		}
	}
}

START_TEST(nth_allocation_fails_cleanly)
{
	struct pmap old = {0};
	struct txn txn;

	txn_begin(&txn, slabs, &key);
	for (int i = 0; i < 40; i++) {
		put(&txn, &old, i, 0);
	}
	commit(&txn);
	for (unsigned n = 0;; n++) {
		struct pmap new = old;

		txn_begin(&txn, slabs, &key);
		fail_alloc_after(n);
		change_much(&txn, &new);
		fail_alloc_off();
		ck_assert(txn.failed == fail_alloc_hit());
		txn_abort(&txn);
		for (int i = 0; i < 40; i++) {
			ck_assert_int_eq(get(&old, i)->number, i);
		}
		if (!fail_alloc_hit()) {
			break;
		}
	}
	ck_assert_uint_gt(fail_alloc_count(), 60);
	pmap_free(slabs, &old, object_free);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_was_put_is_found_and_nothing_else,
		letters_in_the_other_case_are_the_same_name,
		a_second_value_takes_the_place_of_the_first,
		a_version_stays_as_it_was_while_the_next_is_made,
		an_abort_leaves_what_was,
		nothing_is_left_when_all_were_removed,
		removing_what_is_not_there_does_nothing,
		walks_give_each_value_once,
		names_with_nearly_one_hash_live_beside_each_other,
		two_names_with_one_hash_fail_the_transaction,
		nth_allocation_fails_cleanly,
	};

	if (slabs_new(&slabs) != OK) {
		return EXIT_FAILURE;
	}
	const int ret = run_tests("zone/pmap", tests, COUNT_OF(tests));
	slabs_free(slabs);
	return ret;
}
