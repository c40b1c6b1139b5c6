/*
 * HMAC over several pieces, by libcrypto. A key is prepared once and used by any thread; a
 * computation belongs to one. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HMAC_MAX_SIZE 64

enum hmac_algorithm { HMAC_SHA256, HMAC_SHA384, HMAC_SHA512 };

struct hmac_key; /* immutable; the secret is wiped on free */

/* Octets of a full MAC. */
size_t hmac_size(enum hmac_algorithm algorithm);

/* Copies the secret. *out: returns owned. ERR_NOMEM. */
int hmac_key_new(struct hmac_key **out, enum hmac_algorithm algorithm, const void *secret,
		 size_t size);
void hmac_key_free(struct hmac_key *key);

struct hmac_piece {
	const void *data;
	size_t size;
};

/* MAC over the pieces in order; writes hmac_size() octets to `out`. ERR_NOMEM. */
int hmac_compute(const struct hmac_key *key, const struct hmac_piece *pieces, size_t count,
		 uint8_t out[HMAC_MAX_SIZE]);

/* Constant-time comparison of `size` octets. */
bool hmac_equal(const void *one, const void *other, size_t size);

/* Overwrites `size` octets in a way that the compiler keeps. */
void secret_wipe(void *data, size_t size);
