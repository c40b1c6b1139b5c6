/*
 * HMAC (RFC 2104) over libcrypto's SHA-2. A key is the state of the inner and the outer hash behind
 * the padded secret; each computation works on a copy of these, 112 or 216 octets, so nothing is
 * allocated for it and threads share the key.
 *
 * The functions below are deprecated for programs that want other providers of an algorithm; EVP_MAC
 * costs such a copy eight allocations and more instructions than the hash itself for messages of our
 * size.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "crypto/hmac.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "base/err.h"

#define BLOCK_MAX SHA512_CBLOCK

union hash {
	SHA256_CTX sha256;
	SHA512_CTX sha512; /* of SHA-384, too */
};

struct hmac_key {
	enum hmac_algorithm algorithm;
	union hash inner;
	union hash outer;
};

static const struct {
	size_t size;
	size_t block;
} algorithms[] = {
	[HMAC_SHA256] = {SHA256_DIGEST_LENGTH, SHA256_CBLOCK},
	[HMAC_SHA384] = {SHA384_DIGEST_LENGTH, SHA512_CBLOCK},
	[HMAC_SHA512] = {SHA512_DIGEST_LENGTH, SHA512_CBLOCK},
};

size_t hmac_size(enum hmac_algorithm algorithm)
{
	return algorithms[algorithm].size;
}

/* ---- hashes: libcrypto's, each returns 1 when it is done ----------------------------------- */

static int hash_begin(enum hmac_algorithm algorithm, union hash *hash)
{
	switch (algorithm) {
	case HMAC_SHA256:
		return SHA256_Init(&hash->sha256);
	case HMAC_SHA384:
		return SHA384_Init(&hash->sha512);
	default:
		return SHA512_Init(&hash->sha512);
	}
}

static int hash_add(enum hmac_algorithm algorithm, union hash *hash, const void *data, size_t size)
{
	switch (algorithm) {
	case HMAC_SHA256:
		return SHA256_Update(&hash->sha256, data, size);
	case HMAC_SHA384:
		return SHA384_Update(&hash->sha512, data, size);
	default:
		return SHA512_Update(&hash->sha512, data, size);
	}
}

static int hash_end(enum hmac_algorithm algorithm, union hash *hash, uint8_t *out)
{
	switch (algorithm) {
	case HMAC_SHA256:
		return SHA256_Final(out, &hash->sha256);
	case HMAC_SHA384:
		return SHA384_Final(out, &hash->sha512);
	default:
		return SHA512_Final(out, &hash->sha512);
	}
}

/* ---- keys ---------------------------------------------------------------------------------- */

/* The secret as one block; one that is longer counts by its hash. */
static int pad_secret(enum hmac_algorithm algorithm, const void *secret, size_t size,
		      uint8_t out[BLOCK_MAX])
{
	union hash hash;
	int done = 1;

	memset(out, 0, BLOCK_MAX);
	if (size <= algorithms[algorithm].block) {
		memcpy(out, size == 0 ? "" : secret, size);
		return done;
	}
	done = hash_begin(algorithm, &hash) && hash_add(algorithm, &hash, secret, size) &&
	       hash_end(algorithm, &hash, out);
	secret_wipe(&hash, sizeof(hash));
	return done;
}

/* A hash that has taken in the block, each octet xor `mask`. */
static int prepare(enum hmac_algorithm algorithm, union hash *hash, const uint8_t *padded,
		   uint8_t mask)
{
	uint8_t block[BLOCK_MAX];
	int done;

	for (size_t i = 0; i < algorithms[algorithm].block; i++) {
		block[i] = padded[i] ^ mask;
	}
	done = hash_begin(algorithm, hash) &&
	       hash_add(algorithm, hash, block, algorithms[algorithm].block);
	secret_wipe(block, sizeof(block));
	return done;
}

int hmac_key_new(struct hmac_key **out, enum hmac_algorithm algorithm, const void *secret,
		 size_t size)
{
	struct hmac_key *key = calloc(1, sizeof(*key));
	uint8_t padded[BLOCK_MAX];
	int done;

	*out = NULL;
	if (key == NULL) {
		return ERR_NOMEM;
	}
	key->algorithm = algorithm;
	done = pad_secret(algorithm, secret, size, padded) &&
	       prepare(algorithm, &key->inner, padded, 0x36) &&
	       prepare(algorithm, &key->outer, padded, 0x5c);
	secret_wipe(padded, sizeof(padded));
	if (!done) {
		hmac_key_free(key);
		return ERR_NOMEM;
	}
	*out = key;
	return OK;
}

void hmac_key_free(struct hmac_key *key)
{
	if (key != NULL) {
		secret_wipe(key, sizeof(*key));
		free(key);
	}
}

int hmac_compute(const struct hmac_key *key, const struct hmac_piece *pieces, size_t count,
		 uint8_t out[HMAC_MAX_SIZE])
{
	const enum hmac_algorithm algorithm = key->algorithm;
	uint8_t digest[HMAC_MAX_SIZE];
	union hash hash = key->inner;
	int done = 1;

	for (size_t i = 0; i < count; i++) {
		done = done && hash_add(algorithm, &hash, pieces[i].data, pieces[i].size);
	}
	done = done && hash_end(algorithm, &hash, digest);
	hash = key->outer;
	done = done && hash_add(algorithm, &hash, digest, algorithms[algorithm].size) &&
	       hash_end(algorithm, &hash, out);
	return done ? OK : ERR_NOMEM;
}

bool hmac_equal(const void *one, const void *other, size_t size)
{
	return CRYPTO_memcmp(one, other, size) == 0;
}

void secret_wipe(void *data, size_t size)
{
	OPENSSL_cleanse(data, size);
}
