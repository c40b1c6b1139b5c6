/*
 * EDNS(0). Options that we implement must be well formed (RFC 6891 section 7); all others are
 * stepped over, and never echoed.
 */
#include "dns/edns.h"

#include <stddef.h>
#include <string.h>

#include "base/err.h"
#include "dns/types.h"

#define OPT_FIXED_SIZE 11 /* root, type, class, TTL, RDLENGTH */
#define OPTION_FIXED_SIZE 4 /* code, length */
#define EDNS_DO 0x8000u /* in the lower half of the TTL field */
#define KEEPALIVE_SIZE 2
#define COOKIE_CLIENT 8
#define COOKIE_MIN 16
#define COOKIE_MAX 40

/* RFC 9664 section 4: 4 octets, or 8 with the key's lease; without it both are the same. */
static int read_lease(struct dns_edns *edns, struct buf_reader option)
{
	const size_t size = buf_left(&option);

	if (size != 4 && size != 8) {
		return ERR_FORMAT;
	}
	if (edns->lease.present) {
		return OK;
	}
	edns->lease.present = true;
	edns->lease.has_key = size == 8;
	edns->lease.lease_s = buf_read_u32(&option);
	edns->lease.key_lease_s = size == 8 ? buf_read_u32(&option) : edns->lease.lease_s;
	return OK;
}

/* RFC 7873 section 5.2.2: any other length is FORMERR; 5.2: of several the first counts. */
static int read_cookie(struct dns_edns *edns, struct buf_reader option)
{
	const size_t size = buf_left(&option);

	if (size != COOKIE_CLIENT && (size < COOKIE_MIN || size > COOKIE_MAX)) {
		return ERR_FORMAT;
	}
	if (edns->cookie_size == 0) {
		edns->cookie_size = (uint8_t)size;
		edns->cookie = buf_read(&option, size);
	}
	return OK;
}

static int read_option(struct dns_edns *edns, uint16_t code, struct buf_reader option)
{
	switch (code) {
	case DNS_OPTION_UPDATE_LEASE:
		return read_lease(edns, option);
	case DNS_OPTION_NSID:
		/* RFC 5001 section 2.1: what the request carries in it is ignored. */
		edns->has_nsid = true;
		return OK;
	case DNS_OPTION_COOKIE:
		return read_cookie(edns, option);
	case DNS_OPTION_KEEPALIVE:
		/* RFC 7828 section 3.2.2: by UDP it is ignored, whatever it is. */
		edns->has_keepalive = true;
		edns->is_keepalive_odd = buf_left(&option) != 0 && buf_left(&option) != 2;
		return OK;
	default:
		return OK;
	}
}

int dns_edns_read(struct dns_edns *edns, struct buf_reader *reader, uint16_t size)
{
	const uint8_t *rdata = buf_read(reader, size);
	struct buf_reader options;

	if (rdata == NULL) {
		return ERR_FORMAT;
	}
	options = buf_reader(rdata, size);
	while (buf_left(&options) > 0) {
		const uint16_t code = buf_read_u16(&options);
		const uint16_t length = buf_read_u16(&options);
		const uint8_t *data = buf_read(&options, length);

		if (data == NULL || read_option(edns, code, buf_reader(data, length)) != OK) {
			reader->failed = true;
			return ERR_FORMAT;
		}
	}
	return OK;
}

/* Octets of the text that are sent; never half a character (RFC 3629: 10xxxxxx continues one). */
static size_t text_size(const char *text)
{
	size_t size;

	if (text == NULL) {
		return 0;
	}
	size = strnlen(text, DNS_EDE_TEXT_MAX + 1);
	if (size <= DNS_EDE_TEXT_MAX) {
		return size;
	}
	size = DNS_EDE_TEXT_MAX;
	while (size > 0 && ((uint8_t)text[size] & 0xc0) == 0x80) {
		size--;
	}
	return size;
}

static size_t lease_size(const struct dns_lease *lease)
{
	return lease->has_key ? 8 : 4;
}

size_t dns_edns_size(const struct dns_edns_reply *reply)
{
	size_t size = OPT_FIXED_SIZE;

	if (reply->lease.present) {
		size += OPTION_FIXED_SIZE + lease_size(&reply->lease);
	}
	if (reply->cookie != NULL) {
		size += OPTION_FIXED_SIZE + DNS_COOKIE_SIZE;
	}
	if (reply->has_keepalive) {
		size += OPTION_FIXED_SIZE + KEEPALIVE_SIZE;
	}
	if (reply->nsid != NULL) {
		size += OPTION_FIXED_SIZE + strlen(reply->nsid);
	}
	if (reply->has_ede) {
		size += OPTION_FIXED_SIZE + 2 + text_size(reply->ede_text);
	}
	return size;
}

void dns_edns_write(struct buf_writer *out, const struct dns_edns_reply *reply, unsigned rcode)
{
	uint8_t *fixed = buf_reserve(out, OPT_FIXED_SIZE);

	if (fixed == NULL) {
		return;
	}
	fixed[0] = 0;
	buf_store_u16(fixed + 1, DNS_TYPE_OPT);
	buf_store_u16(fixed + 3, reply->udp_size);
	buf_store_u16(fixed + 5, (uint16_t)(rcode >> 4 << 8));
	buf_store_u16(fixed + 7, reply->dnssec_ok ? EDNS_DO : 0);
	if (reply->lease.present) {
		buf_write_u16(out, DNS_OPTION_UPDATE_LEASE);
		buf_write_u16(out, (uint16_t)lease_size(&reply->lease));
		buf_write_u32(out, reply->lease.lease_s);
		if (reply->lease.has_key) {
			buf_write_u32(out, reply->lease.key_lease_s);
		}
	}
	if (reply->cookie != NULL) {
		buf_write_u16(out, DNS_OPTION_COOKIE);
		buf_write_u16(out, DNS_COOKIE_SIZE);
		buf_write(out, reply->cookie, DNS_COOKIE_SIZE);
	}
	if (reply->has_keepalive) {
		buf_write_u16(out, DNS_OPTION_KEEPALIVE);
		buf_write_u16(out, KEEPALIVE_SIZE);
		buf_write_u16(out, reply->keepalive);
	}
	if (reply->nsid != NULL) {
		const size_t size = strlen(reply->nsid);

		buf_write_u16(out, DNS_OPTION_NSID);
		buf_write_u16(out, (uint16_t)size);
		buf_write(out, reply->nsid, size);
	}
	if (reply->has_ede) {
		const size_t size = text_size(reply->ede_text);

		buf_write_u16(out, DNS_OPTION_EDE);
		buf_write_u16(out, (uint16_t)(2 + size));
		buf_write_u16(out, reply->ede);
		buf_write(out, reply->ede_text, size);
	}
	buf_store_u16(fixed + 9, (uint16_t)(out->at - fixed - OPT_FIXED_SIZE));
}
