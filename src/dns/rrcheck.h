/*
 * What a layout cannot say of RDATA: lengths that hang on another field, bits, orders, alphabets.
 * The record table (dns/rrtype.h) names the check of a type. Thread: any.
 */
#pragma once

#include <stdbool.h>

#include "base/buf.h"

/* Of SvcParams (RFC 9460 14.3.2, RFC 9461, RFC 9540). */
enum svcb_key {
	SVCB_MANDATORY = 0,
	SVCB_ALPN = 1,
	SVCB_NO_DEFAULT_ALPN = 2,
	SVCB_PORT = 3,
	SVCB_IPV4HINT = 4,
	SVCB_ECH = 5,
	SVCB_IPV6HINT = 6,
	SVCB_DOHPATH = 7,
	SVCB_OHTTP = 8,
	SVCB_INVALID = 65535,
};

/*
 * Reads the RDATA, uncompressed and as its layout says, to its end. False: it is wrong, as it is
 * when `rdata` failed or does not end with what was read, which the caller looks at.
 */
typedef bool (*dns_check_fn)(struct buf_reader *rdata);

bool dns_check_isdn(struct buf_reader *rdata);
bool dns_check_key(struct buf_reader *rdata);
bool dns_check_loc(struct buf_reader *rdata);
bool dns_check_apl(struct buf_reader *rdata);
bool dns_check_ds(struct buf_reader *rdata);
bool dns_check_sshfp(struct buf_reader *rdata);
bool dns_check_ipseckey(struct buf_reader *rdata);
bool dns_check_nsec(struct buf_reader *rdata);
bool dns_check_nsec3(struct buf_reader *rdata);
bool dns_check_hip(struct buf_reader *rdata);
bool dns_check_csync(struct buf_reader *rdata);
bool dns_check_zonemd(struct buf_reader *rdata);
bool dns_check_svcb(struct buf_reader *rdata);
bool dns_check_caa(struct buf_reader *rdata);
bool dns_check_amtrelay(struct buf_reader *rdata);
