/*
 * On the wire: client cookie 8, version 1, reserved 3, time 4, hash 8 (RFC 9018 section 4). The
 * reserved octets are hashed as they came (4.2), the length is looked at before all (4.4).
 */
#include "access/cookie.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

enum {
	COOKIE_VERSION = 1,
	COOKIE_VERSION_AT = 8,
	COOKIE_TIME_AT = 12,
	COOKIE_HASH_AT = 16,
	COOKIE_PAST_S = 3600, /* section 4.3 */
	COOKIE_FUTURE_S = 300,
	COOKIE_INPUT_MAX = COOKIE_HASH_AT + 16,
};

static void store_be32(uint8_t *out, uint32_t word)
{
	for (int i = 0; i < 4; i++) {
		out[i] = (uint8_t)(word >> (24 - 8 * i));
	}
}

static uint32_t load_be32(const uint8_t *octets)
{
	return (uint32_t)octets[0] << 24 | (uint32_t)octets[1] << 16 | (uint32_t)octets[2] << 8 |
	       octets[3];
}

/* SipHash gives its 64 bits least significant octet first. */
static void store_le64(uint8_t *out, uint64_t word)
{
	for (int i = 0; i < 8; i++) {
		out[i] = (uint8_t)(word >> 8 * i);
	}
}

/* Octets of the address; a v4 address mapped into v6 counts as v4. */
static size_t copy_address(uint8_t *out, const struct sockaddr_storage *peer)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)peer;

	if (peer->ss_family == AF_INET) {
		memcpy(out, &((const struct sockaddr_in *)peer)->sin_addr, 4);
		return 4;
	}
	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		memcpy(out, v6->sin6_addr.s6_addr + 12, 4);
		return 4;
	}
	memcpy(out, &v6->sin6_addr, 16);
	return 16;
}

/* The hash over what stands before it, and the address. */
static void cookie_hash(uint8_t out[8], const struct siphash_key *key, const uint8_t *cookie,
			const struct sockaddr_storage *peer)
{
	uint8_t input[COOKIE_INPUT_MAX];
	size_t size;

	memcpy(input, cookie, COOKIE_HASH_AT);
	size = COOKIE_HASH_AT + copy_address(input + COOKIE_HASH_AT, peer);
	store_le64(out, siphash(key, input, size));
}

/* In a time that does not depend on where they differ. */
static bool is_same(const uint8_t one[8], const uint8_t other[8])
{
	uint8_t difference = 0;

	for (int i = 0; i < 8; i++) {
		difference |= one[i] ^ other[i];
	}
	return difference == 0;
}

void cookie_secrets_draw(struct conf_cookie *secrets, const struct siphash_key *base,
			 uint64_t now_s)
{
	const uint64_t day = now_s / COOKIE_ROTATE_S;

	secrets->count = 2;
	for (uint64_t i = 0; i < 2; i++) {
		const uint64_t low[2] = {day - i, 0};
		const uint64_t high[2] = {day - i, 1};

		secrets->keys[i] = (struct siphash_key){
			.k0 = siphash(base, low, sizeof(low)),
			.k1 = siphash(base, high, sizeof(high)),
		};
	}
}

bool cookie_is_valid(const struct conf_cookie *secrets, const uint8_t *cookie, size_t size,
		     const struct sockaddr_storage *peer, uint64_t now_s)
{
	bool is_valid = false;
	int32_t age_s;

	if (size != DNS_COOKIE_SIZE || cookie[COOKIE_VERSION_AT] != COOKIE_VERSION) {
		return false;
	}
	/* RFC 1982: what is left of the difference in 32 bits. */
	age_s = (int32_t)((uint32_t)now_s - load_be32(cookie + COOKIE_TIME_AT));
	if (age_s > COOKIE_PAST_S || age_s < -COOKIE_FUTURE_S) {
		return false;
	}
	for (size_t i = 0; i < secrets->count && !is_valid; i++) {
		uint8_t hash[8];

		cookie_hash(hash, &secrets->keys[i], cookie, peer);
		is_valid = is_same(hash, cookie + COOKIE_HASH_AT);
	}
	return is_valid;
}

void cookie_make(uint8_t out[DNS_COOKIE_SIZE], const struct conf_cookie *secrets,
		 const uint8_t client[COOKIE_CLIENT_SIZE], const struct sockaddr_storage *peer,
		 uint64_t now_s)
{
	assert(secrets->count > 0);
	memcpy(out, client, COOKIE_CLIENT_SIZE);
	memset(out + COOKIE_VERSION_AT, 0, COOKIE_TIME_AT - COOKIE_VERSION_AT);
	out[COOKIE_VERSION_AT] = COOKIE_VERSION;
	store_be32(out + COOKIE_TIME_AT, (uint32_t)now_s);
	cookie_hash(out + COOKIE_HASH_AT, &secrets->keys[0], out, peer);
}
