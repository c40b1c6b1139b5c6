/* SipHash-2-4 as its authors published it: two rounds for each word, four at the end. */
#include "crypto/siphash.h"

struct siphash_key siphash_key(const uint8_t octets[SIPHASH_KEY_SIZE])
{
	return (struct siphash_key){.k0 = siphash_load(octets), .k1 = siphash_load(octets + 8)};
}

uint64_t siphash(const struct siphash_key *key, const void *data, size_t size)
{
	struct siphash_state state = siphash_begin(key);
	const uint8_t *at = data;

	for (size_t left = size; left >= 8; left -= 8, at += 8) {
		siphash_word(&state, siphash_load(at), 2);
	}
	siphash_word(&state, (uint64_t)size << 56 | siphash_load_rest(at, size), 2);
	return siphash_end(&state, 4);
}
