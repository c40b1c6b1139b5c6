/*
 * HMAC by libcrypto's EVP_MAC. A key is a context that has taken the secret in; each computation
 * works on a copy of it, so the hash of the padded secret is done once and threads share the key.
 * libcrypto wipes the secret when the context goes.
 */
#include "crypto/hmac.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "base/err.h"

struct hmac_key {
	EVP_MAC_CTX *prepared;
};

static const struct {
	const char *digest;
	size_t size;
} algorithms[] = {
	[HMAC_SHA256] = {"SHA256", 32},
	[HMAC_SHA384] = {"SHA384", 48},
	[HMAC_SHA512] = {"SHA512", 64},
};

size_t hmac_size(enum hmac_algorithm algorithm)
{
	return algorithms[algorithm].size;
}

int hmac_key_new(struct hmac_key **out, enum hmac_algorithm algorithm, const void *secret,
		 size_t size)
{
	char digest[8];
	OSSL_PARAM params[2];
	EVP_MAC *mac = NULL;
	struct hmac_key *key = calloc(1, sizeof(*key));
	int ret = ERR_NOMEM;

	*out = NULL;
	if (key == NULL) {
		goto out;
	}
	mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
	if (mac == NULL) {
		goto out;
	}
	key->prepared = EVP_MAC_CTX_new(mac);
	if (key->prepared == NULL) {
		goto out;
	}
	OPENSSL_strlcpy(digest, algorithms[algorithm].digest, sizeof(digest));
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0);
	params[1] = OSSL_PARAM_construct_end();
	/* A NULL secret would mean "the one from before", which a fresh context does not have. */
	if (EVP_MAC_init(key->prepared, size == 0 ? (const void *)"" : secret, size, params) != 1) {
		goto out;
	}
	*out = key;
	key = NULL;
	ret = OK;
out:
	hmac_key_free(key);
	EVP_MAC_free(mac);
	return ret;
}

void hmac_key_free(struct hmac_key *key)
{
	if (key == NULL) {
		return;
	}
	EVP_MAC_CTX_free(key->prepared);
	free(key);
}

int hmac_compute(const struct hmac_key *key, const struct hmac_piece *pieces, size_t count,
		 uint8_t out[HMAC_MAX_SIZE])
{
	EVP_MAC_CTX *work = EVP_MAC_CTX_dup(key->prepared);
	size_t size;
	int ret = ERR_NOMEM;

	if (work == NULL) {
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < count; i++) {
		if (EVP_MAC_update(work, pieces[i].data, pieces[i].size) != 1) {
			goto out;
		}
	}
	if (EVP_MAC_final(work, out, &size, HMAC_MAX_SIZE) == 1) {
		ret = OK;
	}
out:
	EVP_MAC_CTX_free(work);
	return ret;
}

bool hmac_equal(const void *one, const void *other, size_t size)
{
	return CRYPTO_memcmp(one, other, size) == 0;
}

void secret_wipe(void *data, size_t size)
{
	OPENSSL_cleanse(data, size);
}
