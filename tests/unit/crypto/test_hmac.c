#include <pthread.h>
#include <string.h>

#include "base/err.h"
#include "crypto/hmac.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"

/* Test cases 1, 2, 6 of RFC 4231. */
static const struct {
	enum hmac_algorithm algorithm;
	const char *key;
	size_t key_size;
	const char *data;
	const char *mac;
} cases[] = {
	{HMAC_SHA256, "\x0b", 20, "Hi There",
	 "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	{HMAC_SHA384, "\x0b", 20, "Hi There",
	 "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
	 "faea9ea9076ede7f4af152e8b2fa9cb6"},
	{HMAC_SHA512, "\x0b", 20, "Hi There",
	 "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
	 "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854"},
	{HMAC_SHA256, "Jefe", 4, "what do ya want for nothing?",
	 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{HMAC_SHA256, "\xaa", 131, "Test Using Larger Than Block-Size Key - Hash Key First",
	 "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	{HMAC_SHA256, "", 0, "",
	 "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"},
};

static void case_key(uint8_t out[131], size_t i)
{
	if (cases[i].key_size == 4) {
		memcpy(out, cases[i].key, 4);
	} else {
		memset(out, (uint8_t)cases[i].key[0], cases[i].key_size);
	}
}

START_TEST(macs_are_those_of_rfc_4231)
{
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct hmac_piece piece = {cases[i].data, strlen(cases[i].data)};
		const size_t size = hmac_size(cases[i].algorithm);
		uint8_t secret[131];
		uint8_t expected[HMAC_MAX_SIZE];
		uint8_t mac[HMAC_MAX_SIZE];
		struct hmac_key *key;

		case_key(secret, i);
		ck_assert_uint_eq(hex_read(expected, sizeof(expected), cases[i].mac), size);
		ck_assert_int_eq(hmac_key_new(&key, cases[i].algorithm, secret, cases[i].key_size),
				 OK);
		memset(secret, 0, sizeof(secret));
		for (int round = 0; round < 2; round++) {
			ck_assert_int_eq(hmac_compute(key, &piece, 1, mac), OK);
			ck_assert_mem_eq(mac, expected, size);
		}
		hmac_key_free(key);
	}
	hmac_key_free(NULL);
}
END_TEST

START_TEST(pieces_are_joined)
{
	static const char data[] = "what do ya want for nothing?";
	uint8_t whole[HMAC_MAX_SIZE];
	uint8_t mac[HMAC_MAX_SIZE];
	struct hmac_key *key;

	ck_assert_int_eq(hmac_key_new(&key, HMAC_SHA384, "Jefe", 4), OK);
	ck_assert_int_eq(hmac_compute(key, &(struct hmac_piece){data, 28}, 1, whole), OK);
	for (size_t cut = 0; cut <= 28; cut++) {
		const struct hmac_piece pieces[] = {{data, cut}, {NULL, 0}, {data + cut, 28 - cut}};

		ck_assert_int_eq(hmac_compute(key, pieces, COUNT_OF(pieces), mac), OK);
		ck_assert_mem_eq(mac, whole, 48);
	}
	hmac_key_free(key);
}
END_TEST

static void *compute_often(void *argument)
{
	const struct hmac_key *key = argument;
	const struct hmac_piece piece = {cases[3].data, strlen(cases[3].data)};
	uint8_t expected[HMAC_MAX_SIZE];
	uint8_t mac[HMAC_MAX_SIZE];

	hex_read(expected, sizeof(expected), cases[3].mac);
	for (int i = 0; i < 2000; i++) {
		if (hmac_compute(key, &piece, 1, mac) != OK || memcmp(mac, expected, 32) != 0) {
			return NULL;
		}
	}
	return argument;
}

START_TEST(threads_share_a_key)
{
	pthread_t threads[4];
	struct hmac_key *key;

	ck_assert_int_eq(hmac_key_new(&key, HMAC_SHA256, "Jefe", 4), OK);
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		ck_assert_int_eq(pthread_create(&threads[i], NULL, compute_often, key), 0);
	}
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		void *result;

		ck_assert_int_eq(pthread_join(threads[i], &result), 0);
		ck_assert_ptr_eq(result, key);
	}
	hmac_key_free(key);
}
END_TEST

START_TEST(comparison_sees_every_octet)
{
	uint8_t one[32] = {0};
	uint8_t other[32] = {0};

	ck_assert(hmac_equal(one, other, sizeof(one)));
	ck_assert(hmac_equal(one, other, 0));
	for (size_t i = 0; i < sizeof(one); i++) {
		other[i] = 0x80;
		ck_assert(!hmac_equal(one, other, sizeof(one)));
		ck_assert(hmac_equal(one, other, i));
		other[i] = 0;
	}
	memset(one, 7, sizeof(one));
	secret_wipe(one, sizeof(one));
	ck_assert_mem_eq(one, other, sizeof(one));
}
END_TEST

START_TEST(any_failed_allocation_is_reported)
{
	const struct hmac_piece piece = {"data", 4};
	uint8_t expected[HMAC_MAX_SIZE];
	uint8_t mac[HMAC_MAX_SIZE];
	struct hmac_key *key;

	ck_assert_int_eq(hmac_key_new(&key, HMAC_SHA256, "Jefe", 4), OK);
	ck_assert_int_eq(hmac_compute(key, &piece, 1, expected), OK);
	hmac_key_free(key);
	for (unsigned n = 0;; n++) {
		int ret;

		fail_alloc_after(n);
		ret = hmac_key_new(&key, HMAC_SHA256, "Jefe", 4);
		if (ret == OK) {
			ret = hmac_compute(key, &piece, 1, mac);
		}
		fail_alloc_off();
		ck_assert(ret == OK || key == NULL || fail_alloc_hit());
		if (ret == OK) {
			ck_assert_mem_eq(mac, expected, 32);
		} else {
			ck_assert_int_eq(ret, ERR_NOMEM);
		}
		hmac_key_free(key);
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(ret, OK);
			ck_assert_uint_ge(n, 1);
			break;
		}
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		macs_are_those_of_rfc_4231,
		pieces_are_joined,
		threads_share_a_key,
		comparison_sees_every_octet,
		any_failed_allocation_is_reported,
	};

	return run_tests("hmac", tests, COUNT_OF(tests));
}
