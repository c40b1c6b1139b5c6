/*
 * The presentation form of the types that ldns does not know or misreads: SVCB and HTTPS
 * (RFC 9460 2.1), CAA (RFC 8659), NSAP-PTR (RFC 1706), RESINFO (RFC 9606), NINFO,
 * AVC, WALLET, CSYNC (RFC 7477) and AMTRELAY (RFC 8777). Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/rdata.h"

/* Ours to read and write? */
bool present_knows(uint16_t type);

/* As rdata_from_text(), for a type that present_knows(), before the check of the whole. */
int present_read(struct rdata *out, uint16_t type, const char *text, const uint8_t *origin,
		 char why[RDATA_WHY_MAX]);

/* RDATA that is valid, as text; *out: malloc'd, the caller's. ERR_NOMEM. */
int present_write(char **out, uint16_t type, const uint8_t *rdata, uint16_t size);
