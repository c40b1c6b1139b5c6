/*
 * TSIG records (RFC 8945 section 4): reading, writing, and the octets that the MAC covers.
 * Whose key it is, and whether the MAC is right, access decides. Thread: any.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "dns/message.h"

#define DNS_TSIG_MAC_MAX 64

struct dns_tsig {
	uint8_t key_name[DNS_NAME_MAX]; /* folded */
	uint8_t algorithm[DNS_NAME_MAX]; /* folded */
	uint64_t time_s; /* signed, 48 bits */
	uint16_t fudge_s;
	uint16_t mac_size;
	uint8_t mac[DNS_TSIG_MAC_MAX];
	uint16_t original_id;
	uint16_t error;
	uint16_t other_size; /* 0 or 6 here */
	uint64_t other; /* server's time, with BADTIME */
};

/*
 * Reads the TSIG at message->tsig_at. ERR_FORMAT (FORMERR): class not ANY, TTL not 0, lengths
 * that do not fit, a MAC of over 64 octets, other data of a length other than 0 or 6.
 */
int dns_tsig_read(struct dns_tsig *tsig, const struct dns_message *message);

/* Octets of the record that dns_tsig_write() makes, for dns_writer_reserve(). */
size_t dns_tsig_size(const struct dns_tsig *tsig);

/* Writes the whole record. */
void dns_tsig_write(struct buf_writer *out, const struct dns_tsig *tsig);

#define DNS_TSIG_VARIABLES_MAX (2 * DNS_NAME_MAX + 2 + 4 + 6 + 2 + 2 + 2 + 6)

/* The "TSIG variables" of section 4.3.3, digested after the message. Octets written. */
size_t dns_tsig_variables(uint8_t out[DNS_TSIG_VARIABLES_MAX], const struct dns_tsig *tsig);

/* The "TSIG timers" of 4.3.3.1, which stand for them from the second of several messages on. */
size_t dns_tsig_timers(uint8_t out[DNS_TSIG_VARIABLES_MAX], const struct dns_tsig *tsig);
