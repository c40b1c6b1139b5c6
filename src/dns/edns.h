/* EDNS(0): the OPT record of a request as parsed, and the one of a reply (RFC 6891). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Update Lease, RFC 9664: 4 octets (lease) or 8 (lease and key lease), seconds. */
struct dns_lease {
	bool present;
	bool has_key; /* the form of 8 octets */
	uint32_t lease_s;
	uint32_t key_lease_s;
};

struct dns_edns {
	bool present;
	uint8_t version;
	bool dnssec_ok;
	uint16_t udp_size; /* as sent; below 512 counts as 512 */
	bool has_nsid;
	uint8_t cookie_size; /* octets; 0: none (RFC 7873) */
	const uint8_t *cookie; /* in the message as received */
	bool has_keepalive; /* edns-tcp-keepalive, RFC 7828; means nothing by UDP */
	bool is_keepalive_odd; /* of a length that it cannot have */
	struct dns_lease lease;
};

/* What goes into the OPT record of a reply. */
struct dns_edns_reply {
	uint16_t udp_size; /* ours */
	bool dnssec_ok; /* copied from the request */
	struct dns_lease lease;
	bool has_keepalive;
	uint16_t keepalive; /* RFC 7828: units of 100 ms */
	const uint8_t *cookie; /* DNS_COOKIE_SIZE octets, or NULL */
	const char *nsid; /* RFC 5001; NULL: none */
	bool has_ede;
	uint16_t ede; /* enum dns_ede */
	const char *ede_text; /* UTF-8, may be NULL; cut at DNS_EDE_TEXT_MAX octets */
};

#define DNS_COOKIE_SIZE 24 /* the client's 8 and the server's 16 (RFC 9018) */
#define DNS_EDE_TEXT_MAX 240

/*
 * Reads the options in `size` octets of RDATA at reader->at into `edns`. ERR_FORMAT when one runs
 * over, or one that we implement is malformed (RFC 6891 section 7). Unknown ones are skipped.
 */
int dns_edns_read(struct dns_edns *edns, struct buf_reader *reader, uint16_t size);

/* Octets of the OPT record that dns_edns_write() will make. */
size_t dns_edns_size(const struct dns_edns_reply *reply);

/* Writes the whole OPT record, with the upper bits of `rcode`. */
void dns_edns_write(struct buf_writer *out, const struct dns_edns_reply *reply, unsigned rcode);
