#include "net/prefix.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

/* The first `bits` of `size` octets. The length keeps v4 and v6 apart. */
static uint64_t prefix_hash_octets(const struct siphash_key *key, const void *octets, size_t size,
				   unsigned bits)
{
	uint8_t masked[sizeof(struct in6_addr)] = {0};
	const size_t whole = bits / 8;

	memcpy(masked, octets, whole);
	if (bits % 8 > 0) {
		const uint8_t mask = (uint8_t)(0xff00u >> bits % 8);

		masked[whole] = ((const uint8_t *)octets)[whole] & mask;
	}
	return siphash(key, masked, size);
}

uint64_t prefix_hash(const struct siphash_key *key, const struct sockaddr_storage *address,
		     unsigned v4, unsigned v6)
{
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;

	if (address->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)address;

		return prefix_hash_octets(key, &in->sin_addr, sizeof(in->sin_addr), v4);
	}
	if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		return prefix_hash_octets(key, in6->sin6_addr.s6_addr + 12, sizeof(struct in_addr),
					  v4);
	}
	return prefix_hash_octets(key, &in6->sin6_addr, sizeof(in6->sin6_addr), v6);
}
