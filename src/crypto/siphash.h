/* SipHash-2-4 (keyed; for tables and cookies). Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_KEY_SIZE 16

struct siphash_key {
	uint64_t k0;
	uint64_t k1;
};

/* From 16 octets, little-endian words as the published vectors have them. */
struct siphash_key siphash_key(const uint8_t octets[SIPHASH_KEY_SIZE]);

/* The check value: key 00..0f, input 00..0e gives 0xa129ca6149be45e5. */
uint64_t siphash(const struct siphash_key *key, const void *data, size_t size);
