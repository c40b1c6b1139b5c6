#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "dns/name.h"
#include "tests/unit/run.h"
#include "zone/hash.h"

static const struct siphash_key key = {.k0 = 1, .k1 = 2};

/* Labels of all sizes, letters and others. */
static void make_name(uint8_t out[DNS_NAME_MAX], struct rand *rand)
{
	const size_t room = 1 + rand_below(rand, DNS_NAME_MAX);
	size_t at = 0;

	while (at + 2 < room) {
		size_t size = 1 + rand_below(rand, rand_below(rand, 4) == 0 ? DNS_LABEL_MAX : 12);
		size = size < room - at - 2 ? size : room - at - 2;
		out[at++] = (uint8_t)size;
		for (; size > 0; size--) {
			out[at++] = (uint8_t)rand_below(rand, 256);
		}
	}
	out[at] = 0;
}

START_TEST(one_pass_gives_the_hashes_of_all_ancestors)
{
	struct rand rand;

	rand_init(&rand, 1);
	for (int i = 0; i < 2000; i++) {
		uint8_t name[DNS_NAME_MAX];
		struct labels labels;
		uint64_t hashes[DNS_LABELS_MAX + 1];

		make_name(name, &rand);
		labels_of(&labels, name);
		ck_assert_uint_eq(labels.count, dns_name_labels(name));
		ck_assert_uint_eq(labels.size, dns_name_size(name));
		const uint64_t hash = name_hashes(&key, name, &labels, hashes, DEPTHS_ALL);
		ck_assert_uint_eq(hash, name_hash(&key, name));
		for (size_t n = 0; n <= labels.count; n++) {
			const uint8_t *suffix = name + labels.at[labels.count - n];
			struct siphash_state state = name_state(&key, suffix);
			ck_assert_uint_eq(hashes[n], name_hash(&key, suffix));
			ck_assert_uint_eq(name_hash_on(&state, n, labels.count, name, &labels),
					  hash);
		}
	}
}
END_TEST

START_TEST(letter_case_makes_no_difference_and_all_else_does)
{
	struct rand rand;

	rand_init(&rand, 2);
	for (int i = 0; i < 2000; i++) {
		uint8_t name[DNS_NAME_MAX];
		uint8_t other[DNS_NAME_MAX];

		make_name(name, &rand);
		dns_name_fold(other, name);
		ck_assert_uint_eq(name_hash(&key, name), name_hash(&key, other));
		if (name[0] > 0) {
			other[1 + rand_below(&rand, name[0])] ^= 0x11;
			ck_assert_uint_ne(name_hash(&key, name), name_hash(&key, other));
		}
	}
}
END_TEST

START_TEST(where_labels_end_is_in_the_hash)
{
	static const uint8_t *const names[] = {(const uint8_t *)"",
					       (const uint8_t *)"\1a",
					       (const uint8_t *)"\2aa",
					       (const uint8_t *)"\1a\1a",
					       (const uint8_t *)"\3aaa",
					       (const uint8_t *)"\1a\2aa",
					       (const uint8_t *)"\2aa\1a",
					       (const uint8_t *)"\1a\1a\1a",
					       (const uint8_t *)"\7aaaaaaa",
					       (const uint8_t *)"\10aaaaaaaa",
					       (const uint8_t *)"\1b\7aaaaaaa"};

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		for (size_t k = 0; k < i; k++) {
			ck_assert_uint_ne(name_hash(&key, names[i]), name_hash(&key, names[k]));
		}
	}
}
END_TEST

START_TEST(another_key_gives_another_hash)
{
	const struct siphash_key other = {.k0 = 1, .k1 = 3};

	ck_assert_uint_ne(name_hash(&key, (const uint8_t *)"\1a"),
			  name_hash(&other, (const uint8_t *)"\1a"));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		one_pass_gives_the_hashes_of_all_ancestors,
		letter_case_makes_no_difference_and_all_else_does,
		where_labels_end_is_in_the_hash,
		another_key_gives_another_hash,
	};

	return run_tests("zone/hash", tests, COUNT_OF(tests));
}
