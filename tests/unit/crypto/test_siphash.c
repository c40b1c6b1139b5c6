#include <string.h>

#include "crypto/siphash.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"

START_TEST(the_published_check_value_comes_out)
{
	uint8_t octets[16];
	struct siphash_key key;

	for (uint8_t i = 0; i < 16; i++) {
		octets[i] = i;
	}
	key = siphash_key(octets);
	ck_assert_uint_eq(siphash(&key, octets, 15), 0xa129ca6149be45e5u);
	ck_assert_uint_eq(siphash(&key, octets, 0), 0x726fdb47dd0e0e31u);
	ck_assert_uint_eq(siphash(&key, NULL, 0), 0x726fdb47dd0e0e31u);
	ck_assert_uint_eq(siphash(&key, octets, 8), 0x93f5f5799a932462u);
}
END_TEST

START_TEST(one_and_three_rounds_hash_as_python_does_with_a_key_of_zeros)
{
	/* PYTHONHASHSEED=0 python3 -c "print(hex(hash(bytes(range(15))) & 2**64-1))", and so on. */
	static const struct {
		size_t size;
		uint64_t hash;
	} cases[] = {
		{8, 0xead411e67ebe2eeau},
		{15, 0xf30eb725bb91c9eau},
		{16, 0x8972188433a5c5b7u},
		{40, 0x95bc321ab41d8206u},
	};
	const struct siphash_key key = {0};
	uint8_t octets[40];

	for (uint8_t i = 0; i < sizeof(octets); i++) {
		octets[i] = i;
	}
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct siphash_state state = siphash_begin(&key);
		const size_t size = cases[i].size;
		const uint8_t *at = octets;

		for (; at + 8 <= octets + size; at += 8) {
			siphash_word(&state, siphash_load(at), 1);
		}
		siphash_word(&state, (uint64_t)size << 56 | siphash_load_rest(at, size), 1);
		ck_assert_uint_eq(siphash_end(&state, 3), cases[i].hash);
	}
}
END_TEST

START_TEST(server_cookies_of_rfc_9018_come_out)
{
	/* Appendix A: client cookie, version, reserved, time, address; then the hash. */
	static const struct {
		const char *secret;
		const char *input;
		const char *hash;
	} cases[] = {
		{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957010000005cf79f11c6336464",
		 "1f8130c3eee29480"},
		{"e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957010000005cf7a871c6336464",
		 "d4a564a1442aca77"},
		{"e5e973e5a6b2a43f48e7dc849e37bfcf", "fc93fc62807ddb8601abcdef5cf78f71cb0071cb",
		 "a314227b6679ebf5"},
		{"e5e973e5a6b2a43f48e7dc849e37bfcf", "fc93fc62807ddb86010000005cf7a9accb0071cb",
		 "f73a7810aca2381e"},
		{"dd3bdf9344b678b185a6f5cb60fca715",
		 "22681ab97d52c298010000005cf7c57920010db802200001 59ded0f4876982b8",
		 "26556bd0934c72f8"},
		{"445536bcd2513298075a5d379663c962",
		 "22681ab97d52c298010000005cf7c60920010db802200001 59ded0f4876982b8",
		 "a6bb79d16625507a"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t secret[SIPHASH_KEY_SIZE];
		uint8_t input[32];
		uint8_t hash[8];
		const size_t size = hex_read(input, sizeof(input), cases[i].input);
		struct siphash_key key;
		uint64_t got;

		ck_assert_uint_eq(hex_read(secret, sizeof(secret), cases[i].secret), 16);
		hex_read(hash, sizeof(hash), cases[i].hash);
		key = siphash_key(secret);
		got = siphash(&key, input, size);
		for (size_t octet = 0; octet < 8; octet++) {
			ck_assert_uint_eq((uint8_t)(got >> 8 * octet), hash[octet]);
		}
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_published_check_value_comes_out,
		one_and_three_rounds_hash_as_python_does_with_a_key_of_zeros,
		server_cookies_of_rfc_9018_come_out,
	};

	return run_tests("siphash", tests, COUNT_OF(tests));
}
