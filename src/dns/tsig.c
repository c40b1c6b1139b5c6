/*
 * TSIG records:
 *
 *   key name | 250 | ANY | TTL 0 | RDLENGTH | algorithm | time u48 | fudge | MAC size | MAC |
 *   original ID | error | other size | other data
 *
 * Names are kept folded, as the MAC wants them (RFC 8945 4.3.3), and are written so.
 */
#include "dns/tsig.h"

#include <string.h>

#include "base/err.h"
#include "dns/name.h"

#define FIXED_SIZE 10 /* type, class, TTL, RDLENGTH */
#define RDATA_FIXED_SIZE 16 /* all of the RDATA but the algorithm, the MAC and other data */
#define OTHER_TIME_SIZE 6

/* Reads a name and keeps it folded. */
static void read_folded(struct buf_reader *reader, uint8_t out[DNS_NAME_MAX],
			int (*read)(struct buf_reader *, uint8_t *))
{
	uint8_t name[DNS_NAME_MAX];

	if (read(reader, name) > 0) {
		dns_name_fold(out, name);
	}
}

static void read_mac(struct buf_reader *reader, struct dns_tsig *tsig)
{
	const uint8_t *mac;

	tsig->mac_size = buf_read_u16(reader);
	mac = buf_read(reader, tsig->mac_size);
	if (mac == NULL || tsig->mac_size > DNS_TSIG_MAC_MAX) {
		reader->failed = true;
		return;
	}
	memcpy(tsig->mac, mac, tsig->mac_size);
}

static void read_other(struct buf_reader *reader, struct dns_tsig *tsig)
{
	tsig->other_size = buf_read_u16(reader);
	tsig->other = 0;
	if (tsig->other_size == OTHER_TIME_SIZE) {
		tsig->other = buf_read_u48(reader);
	} else if (tsig->other_size != 0) {
		reader->failed = true;
	}
}

int dns_tsig_read(struct dns_tsig *tsig, const struct dns_message *message)
{
	struct buf_reader reader = buf_reader(message->wire, message->end);
	uint16_t class;
	uint32_t ttl;
	uint16_t size;

	buf_read(&reader, message->tsig_at);
	read_folded(&reader, tsig->key_name, dns_name_read);
	buf_read_u16(&reader);
	class = buf_read_u16(&reader);
	ttl = buf_read_u32(&reader);
	size = buf_read_u16(&reader);
	if (reader.failed || class != DNS_CLASS_ANY || ttl != 0 || size != buf_left(&reader)) {
		return ERR_FORMAT;
	}
	/* Section 4.2: never compressed. */
	read_folded(&reader, tsig->algorithm, dns_name_read_plain);
	tsig->time_s = buf_read_u48(&reader);
	tsig->fudge_s = buf_read_u16(&reader);
	read_mac(&reader, tsig);
	tsig->original_id = buf_read_u16(&reader);
	tsig->error = buf_read_u16(&reader);
	read_other(&reader, tsig);
	return reader.failed || buf_left(&reader) > 0 ? ERR_FORMAT : OK;
}

static size_t rdata_size(const struct dns_tsig *tsig)
{
	return dns_name_size(tsig->algorithm) + RDATA_FIXED_SIZE + tsig->mac_size +
	       tsig->other_size;
}

size_t dns_tsig_size(const struct dns_tsig *tsig)
{
	return dns_name_size(tsig->key_name) + FIXED_SIZE + rdata_size(tsig);
}

static void write_other(struct buf_writer *out, const struct dns_tsig *tsig)
{
	buf_write_u16(out, tsig->other_size);
	if (tsig->other_size == OTHER_TIME_SIZE) {
		buf_write_u48(out, tsig->other);
	}
}

void dns_tsig_write(struct buf_writer *out, const struct dns_tsig *tsig)
{
	buf_write(out, tsig->key_name, dns_name_size(tsig->key_name));
	buf_write_u16(out, DNS_TYPE_TSIG);
	buf_write_u16(out, DNS_CLASS_ANY);
	buf_write_u32(out, 0);
	buf_write_u16(out, (uint16_t)rdata_size(tsig));
	buf_write(out, tsig->algorithm, dns_name_size(tsig->algorithm));
	buf_write_u48(out, tsig->time_s);
	buf_write_u16(out, tsig->fudge_s);
	buf_write_u16(out, tsig->mac_size);
	buf_write(out, tsig->mac, tsig->mac_size);
	buf_write_u16(out, tsig->original_id);
	buf_write_u16(out, tsig->error);
	write_other(out, tsig);
}

size_t dns_tsig_variables(uint8_t out[DNS_TSIG_VARIABLES_MAX], const struct dns_tsig *tsig)
{
	struct buf_writer writer = buf_writer(out, DNS_TSIG_VARIABLES_MAX);

	buf_write(&writer, tsig->key_name, dns_name_size(tsig->key_name));
	buf_write_u16(&writer, DNS_CLASS_ANY);
	buf_write_u32(&writer, 0);
	buf_write(&writer, tsig->algorithm, dns_name_size(tsig->algorithm));
	buf_write_u48(&writer, tsig->time_s);
	buf_write_u16(&writer, tsig->fudge_s);
	buf_write_u16(&writer, tsig->error);
	write_other(&writer, tsig);
	return buf_written(&writer);
}

size_t dns_tsig_timers(uint8_t out[DNS_TSIG_VARIABLES_MAX], const struct dns_tsig *tsig)
{
	const uint64_t timers = tsig->time_s << 16 | tsig->fudge_s;

	for (unsigned i = 0; i < sizeof(timers); i++) {
		out[i] = (uint8_t)(timers >> (56 - 8 * i));
	}
	return sizeof(timers);
}
