/*
 * Writes a message into the caller's buffer, section by section, with compression.
 *
 * A record that does not fit changes nothing; a mark takes back a whole RRset. Room for OPT and
 * TSIG is reserved first (RFC 8945 5.3), so they always fit. Look-ups for compression are
 * bounded for a message (CVE-2024-8508). Thread: its owner's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/edns.h"
#include "dns/message.h"

#define DNS_WRITER_FLAGS 2 /* where they stand */
#define DNS_WRITER_TARGETS 64 /* names remembered for compression */

/* How many names a message remembers. */
struct dns_noted {
	uint16_t targets;
	uint16_t names;
	uint16_t names_known; /* of these, whose suffixes are targets */
};

struct dns_writer {
	uint8_t *wire;
	size_t limit; /* octets that may be written, reserve not counted */
	size_t at;
	uint16_t count[DNS_SECTIONS];
	struct {
		uint16_t offset; /* of a suffix already in the message */
		uint16_t hash;
	} target[DNS_WRITER_TARGETS];
	uint16_t
		name[DNS_WRITER_TARGETS]; /* offsets of names that were written without a look-up */
	struct dns_noted noted;
	uint32_t budget; /* comparisons left */
	bool keeps_case; /* compresses by names of the same spelling only (RFC 5936 3.4) */
};

struct dns_mark {
	size_t at;
	uint16_t count[DNS_SECTIONS];
	struct dns_noted noted;
};

/* Starts a message of at most `size` octets with an empty header. size >= 12. */
void dns_writer_init(struct dns_writer *writer, uint8_t *wire, size_t size);

/*
 * Starts a reply: ID, opcode, RD and CD of the request, QR=1, and its question as spelled, where
 * it had one.
 */
void dns_writer_reply(struct dns_writer *writer, uint8_t *wire, size_t size,
		      const struct dns_message *request);

/* Keeps `size` octets at the end free for OPT or TSIG; false when there is not so much. */
static inline bool dns_writer_reserve(struct dns_writer *writer, size_t size)
{
	if (writer->limit - writer->at < size) {
		return false;
	}
	writer->limit -= size;
	return true;
}

/* Gives reserved octets back, right before they are used. */
static inline void dns_writer_release(struct dns_writer *writer, size_t size)
{
	writer->limit += size;
}

/* ERR_SPACE leaves the message as it was. `name` is compressed where a suffix is there. */
int dns_writer_question(struct dns_writer *writer, const uint8_t *name, uint16_t type,
			uint16_t class);

/*
 * Adds a record; `rdata` is uncompressed and valid, its names are compressed where the type
 * allows. An `owner` that points to where it stands in full in this message costs no look-up.
 * Sections go in order. ERR_SPACE leaves the message as it was.
 */
int dns_writer_rr(struct dns_writer *writer, enum dns_section section, const uint8_t *owner,
		  uint16_t type, uint16_t class, uint32_t ttl, const uint8_t *rdata,
		  uint16_t rdata_size);

/* A record as it stands (OPT, TSIG): counted in the additional section, not touched. */
int dns_writer_raw(struct dns_writer *writer, const uint8_t *rr, size_t size);

/* The same, written where it is to stand: the room there is, and then what was made of it. */
struct buf_writer dns_writer_raw_begin(const struct dns_writer *writer);
int dns_writer_raw_end(struct dns_writer *writer, const struct buf_writer *out);

struct dns_mark dns_writer_mark(const struct dns_writer *writer);
void dns_writer_rollback(struct dns_writer *writer, const struct dns_mark *mark);

/* Sets the flags in `set`, clears those in `clear` (DNS_FLAG_*). */
static inline void dns_writer_flags(struct dns_writer *writer, uint16_t set, uint16_t clear)
{
	uint8_t *flags = writer->wire + DNS_WRITER_FLAGS;
	const unsigned value = (unsigned)(flags[0] << 8 | flags[1]);
	const unsigned changed = (value & ~(unsigned)clear) | set;

	flags[0] = (uint8_t)(changed >> 8);
	flags[1] = (uint8_t)changed;
}

/* The lower 4 bits of an rcode. */
static inline void dns_writer_rcode(struct dns_writer *writer, unsigned rcode)
{
	uint8_t *octet = writer->wire + DNS_WRITER_FLAGS + 1;

	*octet = (uint8_t)((*octet & 0xf0) | (rcode & 0x0f));
}

/* Writes the counts; the size of the message. More may be added after, then finish again. */
size_t dns_writer_finish(struct dns_writer *writer);
