/* The vectors are those of RFC 9018 appendix A. */
#include <arpa/inet.h>
#include <string.h>

#include "access/cookie.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"

static struct sockaddr_storage address_of(const char *text)
{
	struct sockaddr_storage address = {.ss_family = AF_INET};

	if (inet_pton(AF_INET, text, &((struct sockaddr_in *)&address)->sin_addr) != 1) {
		address.ss_family = AF_INET6;
		ck_assert_int_eq(
			inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&address)->sin6_addr),
			1);
	}
	return address;
}

static struct conf_cookie secrets_of(const char *const *texts, size_t count)
{
	struct conf_cookie secrets = {.count = count};

	for (size_t i = 0; i < count; i++) {
		uint8_t octets[SIPHASH_KEY_SIZE];

		ck_assert_uint_eq(hex_read(octets, sizeof(octets), texts[i]), sizeof(octets));
		secrets.keys[i] = siphash_key(octets);
	}
	return secrets;
}

#define SECRET "e5e973e5a6b2a43f48e7dc849e37bfcf"
#define SECRET_OLD "dd3bdf9344b678b185a6f5cb60fca715"
#define SECRET_NEW "445536bcd2513298075a5d379663c962"
#define V6 "2001:db8:220:1:59de:d0f4:8769:82b8"

START_TEST(the_published_cookies_are_made)
{
	static const struct {
		const char *secret;
		const char *address;
		uint64_t now_s;
		const char *cookie;
	} cases[] = {
		{SECRET, "198.51.100.100", 1559731985,
		 "2464c4abcf10c957 01000000 5cf79f11 1f8130c3eee29480"},
		{SECRET, "198.51.100.100", 1559734385,
		 "2464c4abcf10c957 01000000 5cf7a871 d4a564a1442aca77"},
		{SECRET, "::ffff:198.51.100.100", 1559734385,
		 "2464c4abcf10c957 01000000 5cf7a871 d4a564a1442aca77"},
		{SECRET, "203.0.113.203", 1559734700,
		 "fc93fc62807ddb86 01000000 5cf7a9ac f73a7810aca2381e"},
		{SECRET_NEW, V6, 1559741961, "22681ab97d52c298 01000000 5cf7c609 a6bb79d16625507a"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct conf_cookie secrets = secrets_of(&cases[i].secret, 1);
		const struct sockaddr_storage peer = address_of(cases[i].address);
		uint8_t wanted[DNS_COOKIE_SIZE];
		uint8_t got[DNS_COOKIE_SIZE];

		ck_assert_uint_eq(hex_read(wanted, sizeof(wanted), cases[i].cookie),
				  DNS_COOKIE_SIZE);
		cookie_make(got, &secrets, wanted, &peer, cases[i].now_s);
		ck_assert_mem_eq(got, wanted, DNS_COOKIE_SIZE);
		ck_assert(cookie_is_valid(&secrets, got, DNS_COOKIE_SIZE, &peer, cases[i].now_s));
	}
}
END_TEST

START_TEST(published_cookies_with_reserved_octets_and_old_secrets_are_valid)
{
	static const struct {
		const char *secrets[2];
		size_t count;
		const char *address;
		uint64_t now_s;
		const char *cookie;
		bool is_valid;
	} cases[] = {
		{{SECRET},
		 1,
		 "203.0.113.203",
		 1559731000,
		 "fc93fc62807ddb86 01abcdef 5cf78f71 a314227b6679ebf5",
		 true},
		{{SECRET},
		 1,
		 "203.0.113.204",
		 1559731000,
		 "fc93fc62807ddb86 01abcdef 5cf78f71 a314227b6679ebf5",
		 false},
		{{SECRET},
		 1,
		 "203.0.113.203",
		 1559731000,
		 "fc93fc62807ddb86 01000000 5cf78f71 a314227b6679ebf5",
		 false},
		{{SECRET_NEW, SECRET_OLD},
		 2,
		 V6,
		 1559741961,
		 "22681ab97d52c298 01000000 5cf7c579 26556bd0934c72f8",
		 true},
		{{SECRET_NEW},
		 1,
		 V6,
		 1559741961,
		 "22681ab97d52c298 01000000 5cf7c579 26556bd0934c72f8",
		 false},
		/* Another version, and the hash of it would not matter. */
		{{SECRET},
		 1,
		 "203.0.113.203",
		 1559731000,
		 "fc93fc62807ddb86 02abcdef 5cf78f71 a314227b6679ebf5",
		 false},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct conf_cookie secrets = secrets_of(cases[i].secrets, cases[i].count);
		const struct sockaddr_storage peer = address_of(cases[i].address);
		uint8_t cookie[DNS_COOKIE_SIZE];

		hex_read(cookie, sizeof(cookie), cases[i].cookie);
		ck_assert_msg(cookie_is_valid(&secrets, cookie, DNS_COOKIE_SIZE, &peer,
					      cases[i].now_s) == cases[i].is_valid,
			      "case %zu", i);
	}
}
END_TEST

START_TEST(the_length_is_looked_at_first)
{
	static const char *const texts[] = {SECRET};
	const struct conf_cookie secrets = secrets_of(texts, 1);
	const struct sockaddr_storage peer = address_of("192.0.2.1");
	uint8_t cookie[40] = {1, 2, 3};

	cookie_make(cookie, &secrets, cookie, &peer, 1000);
	for (size_t size = 0; size <= sizeof(cookie); size++) {
		ck_assert_int_eq(cookie_is_valid(&secrets, cookie, size, &peer, 1000),
				 size == DNS_COOKIE_SIZE);
	}
}
END_TEST

START_TEST(an_hour_back_and_five_minutes_ahead_are_accepted)
{
	static const struct {
		uint64_t made_s;
		uint64_t now_s;
		bool is_valid;
	} cases[] = {
		{10000, 10000, true},
		{10000, 13600, true},
		{10000, 13601, false},
		{10300, 10000, true},
		{10301, 10000, false},
		/* RFC 1982: the 32 bits wrap in 2106. */
		{0xffffff00, 0x100000100, true},
		{0x100000010, 0xfffffff0, true},
		{0xffffff00, 0x100001000, false},
	};
	static const char *const texts[] = {SECRET};
	const struct conf_cookie secrets = secrets_of(texts, 1);
	const struct sockaddr_storage peer = address_of("192.0.2.1");

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t cookie[DNS_COOKIE_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8};

		cookie_make(cookie, &secrets, cookie, &peer, cases[i].made_s);
		ck_assert_msg(cookie_is_valid(&secrets, cookie, DNS_COOKIE_SIZE, &peer,
					      cases[i].now_s) == cases[i].is_valid,
			      "case %zu", i);
	}
}
END_TEST

START_TEST(every_octet_counts)
{
	static const char *const texts[] = {SECRET};
	const struct conf_cookie secrets = secrets_of(texts, 1);
	const struct sockaddr_storage peer = address_of("192.0.2.1");
	uint8_t cookie[DNS_COOKIE_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8};

	cookie_make(cookie, &secrets, cookie, &peer, 5000);
	for (size_t at = 0; at < DNS_COOKIE_SIZE; at++) {
		cookie[at] ^= 1;
		ck_assert(!cookie_is_valid(&secrets, cookie, DNS_COOKIE_SIZE, &peer, 5000));
		cookie[at] ^= 1;
	}
	ck_assert(cookie_is_valid(&secrets, cookie, DNS_COOKIE_SIZE, &peer, 5000));
}
END_TEST

START_TEST(drawn_secrets_change_with_the_day_and_live_on_for_one)
{
	const struct siphash_key base = {.k0 = 7, .k1 = 8};
	const struct siphash_key other = {.k0 = 7, .k1 = 9};
	const struct sockaddr_storage peer = address_of("192.0.2.1");
	const uint64_t midnight_s = 20000ull * COOKIE_ROTATE_S;
	struct conf_cookie secrets;
	uint8_t cookie[DNS_COOKIE_SIZE] = {1};

	cookie_secrets_draw(&secrets, &base, midnight_s - 1);
	ck_assert(memcmp(&secrets.keys[0], &secrets.keys[1], sizeof(secrets.keys[0])) != 0);
	cookie_make(cookie, &secrets, cookie, &peer, midnight_s - 1);
	cookie_secrets_draw(&secrets, &base, midnight_s);
	ck_assert(cookie_is_valid(&secrets, cookie, DNS_COOKIE_SIZE, &peer, midnight_s));
	cookie_secrets_draw(&secrets, &base, midnight_s + COOKIE_ROTATE_S);
	ck_assert(!cookie_is_valid(&secrets, cookie, DNS_COOKIE_SIZE, &peer, midnight_s));
	cookie_secrets_draw(&secrets, &other, midnight_s);
	ck_assert(!cookie_is_valid(&secrets, cookie, DNS_COOKIE_SIZE, &peer, midnight_s));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_published_cookies_are_made,
		published_cookies_with_reserved_octets_and_old_secrets_are_valid,
		the_length_is_looked_at_first,
		an_hour_back_and_five_minutes_ahead_are_accepted,
		every_octet_counts,
		drawn_secrets_change_with_the_day_and_live_on_for_one,
	};

	return run_tests("cookie", tests, COUNT_OF(tests));
}
