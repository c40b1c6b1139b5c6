/*
 * The message writer. Everything is written behind writer->at through a cursor that ends at the
 * limit; only a record that fitted as a whole moves writer->at.
 *
 * Compression remembers where a run of labels stands in the message, with a hash of the first
 * label and of the size from there on. A name is looked up from its longest suffix to its
 * shortest, and the first that stands in the message already ends it with a pointer. Suffixes
 * written out become targets themselves; pointers never do, so none leads to a pointer alone.
 * Names that are written without a look-up (the question, those that may not be compressed, owners
 * that stand in the message) are only noted: most answers never look anything up.
 * Names in types younger than RFC 1035 are written in full (RFC 3597 section 4), but others may
 * point at those that every decoder knows.
 */
#include "dns/writer.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"
#include "dns/rrtype.h"

#define COUNTS_AT 4
#define FIXED_SIZE 10 /* of a record: type, class, TTL, RDLENGTH */
#define QUESTION_FIXED 4 /* type, class */
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
	writer->noted = (struct dns_noted){0};
	writer->budget = BUDGET;
	writer->keeps_case = false;
	memset(wire, 0, DNS_HEADER_SIZE);
}

static uint16_t load_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static struct buf_writer begin(const struct dns_writer *writer)
{
	return buf_writer(writer->wire + writer->at, writer->limit - writer->at);
}

struct dns_mark dns_writer_mark(const struct dns_writer *writer)
{
	struct dns_mark mark = {.at = writer->at, .noted = writer->noted};

	memcpy(mark.count, writer->count, sizeof(mark.count));
	return mark;
}

void dns_writer_rollback(struct dns_writer *writer, const struct dns_mark *mark)
{
	writer->at = mark->at;
	writer->noted = mark->noted;
	memcpy(writer->count, mark->count, sizeof(writer->count));
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
	if (writer->noted.targets < DNS_WRITER_TARGETS && offset < POINTER_LIMIT) {
		writer->target[writer->noted.targets].offset = (uint16_t)offset;
		writer->target[writer->noted.targets].hash = hash;
		writer->noted.targets++;
	}
}

/*
 * Makes targets of the suffixes of a name that stands, or is about to, at `offset`, down to the
 * first that is one already: its offset is *known, else 0. Returns the octets before that one.
 */
static size_t add_suffixes(struct dns_writer *writer, size_t offset, const uint8_t *name,
			   size_t size, size_t *known)
{
	const uint16_t targets = writer->noted.targets;
	size_t at = 0;

	*known = 0;
	for (; name[at] != 0; at += name[at] + 1u) {
		const uint16_t hash = suffix_hash(name + at, size - at);

		*known = look_up(writer, targets, name + at, size - at, hash);
		if (*known != 0) {
			break;
		}
		add_target(writer, offset + at, hash);
	}
	return at;
}

/* A name that stands in full at `offset` is taken up when something is looked up. */
static void note_name(struct dns_writer *writer, size_t offset)
{
	if (writer->noted.names < DNS_WRITER_TARGETS && offset < POINTER_LIMIT) {
		writer->name[writer->noted.names++] = (uint16_t)offset;
	}
}

static void take_up_names(struct dns_writer *writer)
{
	for (; writer->noted.names_known < writer->noted.names; writer->noted.names_known++) {
		const size_t offset = writer->name[writer->noted.names_known];
		const uint8_t *name = writer->wire + offset;
		size_t known;

		add_suffixes(writer, offset, name, dns_name_size(name), &known);
	}
}

static void write_pointer(struct buf_writer *out, size_t offset)
{
	buf_write_u16(out, (uint16_t)(POINTER << 8 | offset));
}

static void write_name(struct dns_writer *writer, struct buf_writer *out, const uint8_t *name,
		       size_t size)
{
	const size_t offset = (size_t)(out->at - writer->wire);
	size_t known;

	if (out->failed) {
		return;
	}
	take_up_names(writer);
	const size_t at = add_suffixes(writer, offset, name, size, &known);

	if (known != 0) {
		buf_write(out, name, at);
		write_pointer(out, known);
	} else {
		buf_write(out, name, size);
	}
}

static void write_owner(struct dns_writer *writer, struct buf_writer *out, const uint8_t *owner)
{
	const uintptr_t offset = (uintptr_t)owner - (uintptr_t)writer->wire;

	if (offset < writer->at && offset < POINTER_LIMIT) {
		write_pointer(out, offset);
	} else {
		write_name(writer, out, owner, dns_name_size(owner));
	}
}

/* Keeps what was written, or forgets it with the names noted since `before`. */
static int end(struct dns_writer *writer, const struct buf_writer *out, struct dns_noted before,
	       enum dns_section section)
{
	if (out->failed || writer->count[section] == UINT16_MAX) {
		writer->noted = before;
		return ERR_SPACE;
	}
	writer->at = (size_t)(out->at - writer->wire);
	writer->count[section]++;
	return OK;
}

static int write_question(struct dns_writer *writer, const uint8_t *name, size_t size,
			  uint16_t type, uint16_t class)
{
	uint8_t *at = writer->wire + writer->at;

	if (writer->limit - writer->at < size + QUESTION_FIXED ||
	    writer->count[DNS_QUESTION] == UINT16_MAX) {
		return ERR_SPACE;
	}
	if (size > 1) {
		note_name(writer, writer->at);
	}
	memcpy(at, name, size);
	buf_store_u16(at + size, type);
	buf_store_u16(at + size + 2, class);
	writer->at += size + QUESTION_FIXED;
	writer->count[DNS_QUESTION]++;
	return OK;
}

int dns_writer_question(struct dns_writer *writer, const uint8_t *name, uint16_t type,
			uint16_t class)
{
	return write_question(writer, name, dns_name_size(name), type, class);
}

void dns_writer_reply(struct dns_writer *writer, uint8_t *wire, size_t size,
		      const struct dns_message *request)
{
	const unsigned copied = OPCODE_MASK | DNS_FLAG_RD | DNS_FLAG_CD;

	dns_writer_init(writer, wire, size);
	buf_store_u16(wire, request->id);
	buf_store_u16(wire + DNS_WRITER_FLAGS, (uint16_t)((request->flags & copied) | DNS_FLAG_QR));
	if (request->has_question) {
		write_question(writer, request->qname, request->qname_size, request->qtype,
			       request->qclass);
	}
}

/* Octets up to the next name that is compressed or pointed at; *letter is then that name's. */
static size_t plain_size(const char **letter, const uint8_t *rdata, size_t left)
{
	size_t size = 0;

	for (; size < left && **letter != 'n' && **letter != 'd'; (*letter)++) {
		/* Numbers by themselves: they are most of what there is. */
		size += **letter <= '4' ? (size_t)(**letter - '0')
					: dns_field_size(**letter, rdata + size, left - size);
	}
	return size < left ? size : left;
}

/* RDATA with names, as the layout says; in runs, that only a compressed name ends. */
static void write_fields(struct dns_writer *writer, struct buf_writer *out, const char *letter,
			 const uint8_t *rdata, size_t left)
{
	size_t run = 0;

	for (;;) {
		run += plain_size(&letter, rdata + run, left - run);
		if (run == left) {
			break;
		}
		const uint8_t *name = rdata + run;
		const size_t size =
			letter[1] == '\0' ? left - run : dns_field_size(*letter, name, left - run);
		if (*letter++ == 'n') {
			buf_write(out, rdata, run);
			write_name(writer, out, name, size);
			rdata = name + size;
			left -= run + size;
			run = 0;
		} else {
			if (size > 1) {
				note_name(writer, (size_t)(out->at - writer->wire) + run);
			}
			run += size;
		}
	}
	buf_write(out, rdata, run);
}

static inline void write_rdata(struct dns_writer *writer, struct buf_writer *out, uint16_t type,
			       const uint8_t *rdata, size_t size)
{
	const struct dns_rrtype *row = dns_rrtype(type);

	/* What does not fold has no name that is compressed. */
	if (row->fold) {
		write_fields(writer, out, row->layout, rdata, size);
	} else {
		buf_write(out, rdata, size);
	}
}

int dns_writer_rr(struct dns_writer *writer, enum dns_section section, const uint8_t *owner,
		  uint16_t type, uint16_t class, uint32_t ttl, const uint8_t *rdata,
		  uint16_t rdata_size)
{
	const struct dns_noted before = writer->noted;
	struct buf_writer out = begin(writer);
	uint8_t *fixed;

	assert(section != DNS_QUESTION);
	write_owner(writer, &out, owner);
	fixed = buf_reserve(&out, FIXED_SIZE);
	write_rdata(writer, &out, type, rdata, rdata_size);
	if (!out.failed) {
		buf_store_u16(fixed, type);
		buf_store_u16(fixed + 2, class);
		buf_store_u32(fixed + 4, ttl);
		buf_store_u16(fixed + 8, (uint16_t)(out.at - fixed - FIXED_SIZE));
	}
	return end(writer, &out, before, section);
}

struct buf_writer dns_writer_raw_begin(const struct dns_writer *writer)
{
	return begin(writer);
}

int dns_writer_raw_end(struct dns_writer *writer, const struct buf_writer *out)
{
	return end(writer, out, writer->noted, DNS_ADDITIONAL);
}

int dns_writer_raw(struct dns_writer *writer, const uint8_t *rr, size_t size)
{
	struct buf_writer out = begin(writer);

	buf_write(&out, rr, size);
	return dns_writer_raw_end(writer, &out);
}

size_t dns_writer_finish(struct dns_writer *writer)
{
	for (size_t i = 0; i < DNS_SECTIONS; i++) {
		buf_store_u16(writer->wire + COUNTS_AT + 2 * i, writer->count[i]);
	}
	return writer->at;
}
