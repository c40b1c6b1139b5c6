/*
 * RDATA and types as text, by ldns or by zone/present.h. The only file of the house that knows
 * ldns. Thread: any.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dns/types.h"

/* RDATA in the making. */
struct rdata {
	size_t size;
	uint8_t data[DNS_MESSAGE_MAX];
};

#define RDATA_WHY_MAX 256

/*
 * The words of a logical line (zone/lines.h) behind the type, as RDATA, checked. Names are
 * relative to `origin`. ERR_CONF with a sentence in `why`, ERR_NOMEM.
 */
int rdata_from_text(struct rdata *out, uint16_t type, const char *text, const uint8_t *origin,
		    char why[RDATA_WHY_MAX]);

/* A type by its mnemonic or as TYPE123, any that ldns or our table knows; 0: none. */
uint16_t rdata_type_from_text(const char *text);

/* The other way, into `out`, which it returns. */
const char *rdata_type_text(char out[16], uint16_t type);
