/*
 * The message writer. Everything is written behind writer->at through a cursor that ends at the
 * limit; only a record that fitted as a whole moves writer->at.
 *
 * Compression remembers where a run of labels stands in the message, with a hash of the first
 * label and of the size from there on. A name is looked up from its longest suffix to its
 * shortest, and the first that stands in the message already ends it with a pointer. Suffixes
 * written out become targets themselves; pointers never do, so none leads to a pointer alone.
 * Names in types younger than RFC 1035 are written in full (RFC 3597 section 4), but others may
 * point at those that every decoder knows.
 */
#include "dns/writer.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "dns/rrtype.h"

#define FLAGS_AT 2
#define COUNTS_AT 4
#define FIXED_SIZE 10 /* of a record: type, class, TTL, RDLENGTH */
#define RCODE_MASK 0x000fu
#define OPCODE_MASK 0x7800u
#define POINTER 0xc0u
#define POINTER_LIMIT 0x4000u /* offsets from here on cannot be pointed at */
#define BUDGET 16384 /* look-ups and comparisons for one message */

void dns_writer_init(struct dns_writer *writer, uint8_t *wire, size_t size)
{
	assert(size >= DNS_HEADER_SIZE);
	writer->wire = wire;
	writer->limit = size < DNS_MESSAGE_MAX ? size : DNS_MESSAGE_MAX;
	writer->at = DNS_HEADER_SIZE;
	memset(writer->count, 0, sizeof(writer->count));
	writer->targets = 0;
	writer->budget = BUDGET;
	writer->keeps_case = false;
	memset(wire, 0, DNS_HEADER_SIZE);
}

static uint16_t load_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void store_u16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

void dns_writer_reply(struct dns_writer *writer, uint8_t *wire, size_t size,
		      const struct dns_message *request)
{
	const unsigned copied = OPCODE_MASK | DNS_FLAG_RD | DNS_FLAG_CD;

	dns_writer_init(writer, wire, size);
	store_u16(wire, request->id);
	store_u16(wire + FLAGS_AT, (uint16_t)((request->flags & copied) | DNS_FLAG_QR));
	if (request->has_question) {
		dns_writer_question(writer, request->qname, request->qtype, request->qclass);
	}
}

bool dns_writer_reserve(struct dns_writer *writer, size_t size)
{
	if (writer->limit - writer->at < size) {
		return false;
	}
	writer->limit -= size;
	return true;
}

void dns_writer_release(struct dns_writer *writer, size_t size)
{
	writer->limit += size;
}

static struct buf_writer begin(const struct dns_writer *writer)
{
	return buf_writer(writer->wire + writer->at, writer->limit - writer->at);
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
	/* Upper and lower case of a letter differ in this bit alone. */
	hash = (hash ^ (word | 0x2020202020202020u)) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

/* Of the suffix of `size` octets at `name`: by its first label, and by its size. */
static uint16_t suffix_hash(const uint8_t *name, size_t size)
{
	const size_t label = name[0] + 1u;
	uint64_t hash = size;
	uint64_t word = 0;
	size_t at = 0;

	for (; label - at >= sizeof(word); at += sizeof(word)) {
		memcpy(&word, name + at, sizeof(word));
		hash = mix(hash, word);
	}
	word = 0;
	for (; at < label; at++) {
		word = word << 8 | name[at];
	}
	return (uint16_t)mix(hash, word);
}

static bool is_equal(const struct dns_writer *writer, const uint8_t *one, const uint8_t *other,
		     size_t size)
{
	return writer->keeps_case ? memcmp(one, other, size) == 0
				  : dns_octets_equal(one, other, size);
}

/* Does the name at `offset` of our own message equal the `size` octets at `name`? */
static bool is_at(const struct dns_writer *writer, size_t offset, const uint8_t *name, size_t size)
{
	const uint8_t *wire = writer->wire;

	for (;;) {
		size_t run = 0; /* of labels, which are compared at once */

		while (run < size && wire[offset + run] - 1u < DNS_LABEL_MAX) {
			run += wire[offset + run] + 1u;
		}
		if (run >= size || !is_equal(writer, wire + offset, name, run)) {
			return false;
		}
		offset += run;
		name += run;
		size -= run;
		if (wire[offset] == 0) {
			return size == 1;
		}
		offset = load_u16(wire + offset) & (POINTER_LIMIT - 1);
	}
}

/* The offset of this suffix, if one of the first `count` targets, or 0. */
static size_t look_up(struct dns_writer *writer, size_t count, const uint8_t *name, size_t size,
		      uint16_t hash)
{
	if (writer->budget == 0) {
		return 0;
	}
	writer->budget--;
	for (size_t i = 0; i < count; i++) {
		if (writer->target[i].hash != hash) {
			continue;
		}
		if (writer->budget == 0) {
			return 0;
		}
		writer->budget--;
		if (is_at(writer, writer->target[i].offset, name, size)) {
			return writer->target[i].offset;
		}
	}
	return 0;
}

static void add_target(struct dns_writer *writer, size_t offset, uint16_t hash)
{
	if (writer->targets < DNS_WRITER_TARGETS && offset < POINTER_LIMIT) {
		writer->target[writer->targets].offset = (uint16_t)offset;
		writer->target[writer->targets].hash = hash;
		writer->targets++;
	}
}

/*
 * Writes a name of `size` octets. Without `compress` it is written in full, yet those of its
 * suffixes that are new to the message become targets.
 */
static void write_name(struct dns_writer *writer, struct buf_writer *out, const uint8_t *name,
		       size_t size, bool compress)
{
	const size_t offset = (size_t)(out->at - writer->wire);
	const uint16_t targets = writer->targets;
	size_t at = 0;
	size_t known = 0;

	if (out->failed) {
		return;
	}
	for (; name[at] != 0; at += name[at] + 1u) {
		const uint16_t hash = suffix_hash(name + at, size - at);

		known = look_up(writer, targets, name + at, size - at, hash);
		if (known != 0) {
			break;
		}
		add_target(writer, offset + at, hash);
	}
	if (compress && known != 0) {
		buf_write(out, name, at);
		buf_write_u16(out, (uint16_t)(POINTER << 8 | known));
	} else {
		buf_write(out, name, size);
	}
}

/* Keeps what was written, or forgets it with the targets it had. */
static int end(struct dns_writer *writer, const struct buf_writer *out, uint16_t targets,
	       enum dns_section section)
{
	if (out->failed || writer->count[section] == UINT16_MAX) {
		writer->targets = targets;
		return ERR_SPACE;
	}
	writer->at = (size_t)(out->at - writer->wire);
	writer->count[section]++;
	return OK;
}

int dns_writer_question(struct dns_writer *writer, const uint8_t *name, uint16_t type,
			uint16_t class)
{
	const uint16_t targets = writer->targets;
	struct buf_writer out = begin(writer);

	write_name(writer, &out, name, dns_name_size(name), true);
	buf_write_u16(&out, type);
	buf_write_u16(&out, class);
	return end(writer, &out, targets, DNS_QUESTION);
}

/* RDATA, its names as the table says. */
static void write_rdata(struct dns_writer *writer, struct buf_writer *out, uint16_t type,
			const uint8_t *rdata, size_t left)
{
	for (const char *letter = dns_rrtype(type)->layout; left > 0; letter++) {
		const size_t size = dns_field_size(*letter, rdata, left);

		if (*letter == 'n' || *letter == 'd') {
			write_name(writer, out, rdata, size, *letter == 'n');
		} else {
			buf_write(out, rdata, size);
		}
		rdata += size;
		left -= size;
	}
}

int dns_writer_rr(struct dns_writer *writer, enum dns_section section, const uint8_t *owner,
		  uint16_t type, uint16_t class, uint32_t ttl, const uint8_t *rdata,
		  uint16_t rdata_size)
{
	const uint16_t targets = writer->targets;
	struct buf_writer out = begin(writer);
	uint8_t *fixed;

	assert(section != DNS_QUESTION);
	write_name(writer, &out, owner, dns_name_size(owner), true);
	fixed = buf_reserve(&out, FIXED_SIZE);
	write_rdata(writer, &out, type, rdata, rdata_size);
	if (!out.failed) {
		store_u16(fixed, type);
		store_u16(fixed + 2, class);
		store_u16(fixed + 4, (uint16_t)(ttl >> 16));
		store_u16(fixed + 6, (uint16_t)ttl);
		store_u16(fixed + 8, (uint16_t)(out.at - fixed - FIXED_SIZE));
	}
	return end(writer, &out, targets, section);
}

int dns_writer_raw(struct dns_writer *writer, const uint8_t *rr, size_t size)
{
	struct buf_writer out = begin(writer);

	buf_write(&out, rr, size);
	return end(writer, &out, writer->targets, DNS_ADDITIONAL);
}

struct dns_mark dns_writer_mark(const struct dns_writer *writer)
{
	struct dns_mark mark = {.at = writer->at, .targets = writer->targets};

	memcpy(mark.count, writer->count, sizeof(mark.count));
	return mark;
}

void dns_writer_rollback(struct dns_writer *writer, const struct dns_mark *mark)
{
	writer->at = mark->at;
	writer->targets = mark->targets;
	memcpy(writer->count, mark->count, sizeof(writer->count));
}

void dns_writer_flags(struct dns_writer *writer, uint16_t set, uint16_t clear)
{
	uint8_t *flags = writer->wire + FLAGS_AT;

	store_u16(flags, (uint16_t)((load_u16(flags) & ~clear) | set));
}

void dns_writer_rcode(struct dns_writer *writer, unsigned rcode)
{
	dns_writer_flags(writer, (uint16_t)(rcode & RCODE_MASK), (uint16_t)(~rcode & RCODE_MASK));
}

size_t dns_writer_finish(struct dns_writer *writer)
{
	for (size_t i = 0; i < DNS_SECTIONS; i++) {
		store_u16(writer->wire + COUNTS_AT + 2 * i, writer->count[i]);
	}
	return writer->at;
}
