/*
 * The record table: what each type's RDATA looks like, and where names stand in it. A new type is
 * a row in rrtype.c. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "dns/rrcheck.h"

/*
 * Layout letters, in order of the RDATA's fields:
 *   1 2 4 6 8  so many octets       a  4 octets (A)          x  16 octets (AAAA)
 *   n  name of RFC 1035: decompressed on input, compressed on output
 *   d  name decompressed on input (RFC 3597 section 4), never compressed on output
 *   p  plain name: a pointer in it is an error
 *   s  character-string              t  one or more character-strings
 *   r  the rest, any octets, may be empty       m  the same, at least one octet
 */
struct dns_rrtype {
	uint16_t type;
	const char *name;
	const char *layout;
	dns_check_fn check; /* of what the layout cannot say; NULL: nothing more */
	bool fold; /* names compare without case (RFC 3597 section 7); d and n do, p only if so */
	bool meta; /* never stored: OPT, TSIG, ANY ... */
};

/* The row; unknown types get a row with layout "r" and an empty name. Never NULL. */
const struct dns_rrtype *dns_rrtype(uint16_t type);

/* Octets of the field `letter` at the start of `left` octets of valid, uncompressed RDATA. */
size_t dns_field_size(char letter, const uint8_t *at, size_t left);

/* Types that are never stored: 0, 41, 128..255 and TSIG's kin. */
bool dns_rrtype_is_meta(uint16_t type);

/* "SRV" or "TYPE123" (RFC 3597 5), into `out`, which it returns. */
char *dns_rrtype_to_text(char out[16], uint16_t type);

/* ERR_FORMAT when it is neither a known mnemonic nor TYPEnnn. */
int dns_rrtype_from_text(uint16_t *out, const char *text);

/*
 * Reads `size` octets of RDATA at reader->at (the reader spans the message, for pointers), checks
 * them against the table and writes them with names uncompressed. The reader ends behind them.
 * Returns the octets written; ERR_FORMAT (malformed, or octets left over), ERR_SPACE.
 */
int dns_rdata_read(struct buf_reader *reader, uint16_t type, uint16_t size, struct buf_writer *out);

/* The same check for RDATA that stands alone and has no pointers. ERR_FORMAT. */
int dns_rdata_check(uint16_t type, const uint8_t *rdata, uint16_t size);

/* Same value? Names of the older types without regard to case, all else bitwise. */
bool dns_rdata_equal(uint16_t type, const uint8_t *one, uint16_t one_size, const uint8_t *other,
		     uint16_t other_size);

/*
 * The canonical form, for hashing and ordering: as dns_rdata_equal sees it (names folded). `out`
 * has room for `size` octets, and the size is the same.
 */
void dns_rdata_fold(uint8_t *out, uint16_t type, const uint8_t *rdata, uint16_t size);

/* SRV RDATA (RFC 2782): fields and target, for those who need them. `rdata` is valid. */
struct dns_srv {
	uint16_t priority;
	uint16_t weight;
	uint16_t port;
	const uint8_t *target;
};
struct dns_srv dns_srv_view(const uint8_t *rdata);
