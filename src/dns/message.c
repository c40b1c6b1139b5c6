/*
 * The view of a received message. One pass over it, in this order:
 *
 *   1. the header: too short or a response is dropped; opcodes that we do not have are NOTIMP,
 *      with what of them reads like a query
 *   2. the question: exactly one (RFC 9619; RFC 2136 3.1.1)
 *   3. every record: owner and bounds; OPT (RFC 6891 6.1.1) and TSIG (RFC 8945 5.1) by their rules
 *   4. what follows the last record, in an UPDATE
 *   5. the EDNS version (RFC 6891 6.1.3), last, so that BADVERS is said of sound messages only
 *
 * After a wrong count of questions the pass goes on, since the reply needs to know of OPT.
 */
#include "dns/message.h"

#include "base/err.h"
#include "dns/rrtype.h"

#define FLAGS_AT 2
#define COUNTS_AT 4
#define FIXED_SIZE 10 /* of a record: type, class, TTL, RDLENGTH */

/* A record as the pass sees it. */
struct record {
	uint16_t type;
	uint16_t class;
	uint32_t ttl;
	uint16_t rdata_size;
	bool has_root_owner; /* as one octet, not by a pointer */
};

static bool is_known_opcode(unsigned opcode)
{
	return opcode == DNS_OPCODE_QUERY || opcode == DNS_OPCODE_NOTIFY ||
	       opcode == DNS_OPCODE_UPDATE;
}

static uint16_t load_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void read_header(struct dns_message *message, struct buf_reader *reader)
{
	const uint8_t *head = buf_read(reader, DNS_HEADER_SIZE);

	message->id = load_u16(head);
	message->flags = load_u16(head + FLAGS_AT);
	for (size_t i = 0; i < DNS_SECTIONS; i++) {
		message->count[i] = load_u16(head + COUNTS_AT + 2 * i);
		message->start[i] = DNS_HEADER_SIZE;
	}
	message->end = DNS_HEADER_SIZE;
	message->has_question = false;
	message->edns = (struct dns_edns){0};
	message->tsig_at = 0;
}

/* All questions; the first is kept if it is the only one. */
static int read_questions(struct dns_message *message, struct buf_reader *reader)
{
	uint16_t left = message->count[DNS_QUESTION];

	for (; left > 0 && !reader->failed; left--) {
		const int size = dns_name_read(reader, message->qname);
		const uint8_t *fixed = buf_read(reader, 4);

		message->qname_size = (uint16_t)(size < 0 ? 0 : size);
		message->qtype = fixed == NULL ? 0 : load_u16(fixed);
		message->qclass = fixed == NULL ? 0 : load_u16(fixed + 2);
	}
	if (reader->failed || message->count[DNS_QUESTION] != 1) {
		return DNS_RCODE_FORMERR;
	}
	message->has_question = true;
	return OK;
}

/* Up to the record's RDATA; all zero when the reader fails. */
static void read_record(struct record *record, struct buf_reader *reader, uint8_t *owner)
{
	*record = (struct record){0};
	record->has_root_owner = !reader->failed && buf_left(reader) > 0 && *reader->at == 0;
	if (record->has_root_owner) {
		owner[0] = *reader->at++;
	} else {
		dns_name_read(reader, owner);
	}
	const uint8_t *fixed = buf_read(reader, FIXED_SIZE);

	if (fixed == NULL) {
		return;
	}
	record->type = load_u16(fixed);
	record->class = load_u16(fixed + 2);
	record->ttl = (uint32_t)load_u16(fixed + 4) << 16 | load_u16(fixed + 6);
	record->rdata_size = load_u16(fixed + 8);
}

static int read_opt(struct dns_message *message, struct buf_reader *reader,
		    const struct record *record)
{
	struct dns_edns *edns = &message->edns;

	if (edns->present || !record->has_root_owner) {
		return DNS_RCODE_FORMERR;
	}
	edns->present = true;
	edns->udp_size = record->class < DNS_UDP_PLAIN ? DNS_UDP_PLAIN : record->class;
	edns->version = (uint8_t)(record->ttl >> 16);
	edns->dnssec_ok = (record->ttl & 0x8000) != 0;
	/* Nothing is known of the options of another version. */
	if (edns->version > 0) {
		return buf_read(reader, record->rdata_size) != NULL ? OK : DNS_RCODE_FORMERR;
	}
	return dns_edns_read(edns, reader, record->rdata_size) == OK ? OK : DNS_RCODE_FORMERR;
}

/* One record; `is_last` of the whole message. */
static int check_record(struct dns_message *message, struct buf_reader *reader,
			enum dns_section section, bool is_last)
{
	const size_t at = buf_offset(reader);
	uint8_t owner[DNS_NAME_MAX];
	struct record record;

	read_record(&record, reader, owner);
	if (reader->failed) {
		return DNS_RCODE_FORMERR;
	}
	if (record.type == DNS_TYPE_OPT) {
		return section == DNS_ADDITIONAL ? read_opt(message, reader, &record)
						 : DNS_RCODE_FORMERR;
	}
	if (record.type == DNS_TYPE_TSIG && (section != DNS_ADDITIONAL || !is_last)) {
		return DNS_RCODE_FORMERR;
	}
	if (buf_read(reader, record.rdata_size) == NULL) {
		return DNS_RCODE_FORMERR;
	}
	if (record.type == DNS_TYPE_TSIG) {
		message->tsig_at = at;
	}
	return OK;
}

static int check_records(struct dns_message *message, struct buf_reader *reader)
{
	for (enum dns_section section = DNS_ANSWER; section < DNS_SECTIONS; section++) {
		message->start[section] = buf_offset(reader);
		for (uint16_t left = message->count[section]; left > 0; left--) {
			const bool is_last = section == DNS_ADDITIONAL && left == 1;

			if (check_record(message, reader, section, is_last) != OK) {
				return DNS_RCODE_FORMERR;
			}
		}
	}
	message->end = buf_offset(reader);
	return OK;
}

/* The form of a strange opcode is unknown: what does not read like a query, is not there. */
static int read_strange(struct dns_message *message, struct buf_reader *reader)
{
	if (read_questions(message, reader) != OK || check_records(message, reader) != OK) {
		message->has_question = false;
		message->edns = (struct dns_edns){0};
	}
	return DNS_RCODE_NOTIMP;
}

int dns_message_parse(struct dns_message *message, const uint8_t *wire, size_t size)
{
	struct buf_reader reader;
	int questions;
	unsigned opcode;

	message->wire = wire;
	message->size = size;
	if (size < DNS_HEADER_SIZE || (wire[FLAGS_AT] & DNS_FLAG_QR >> 8) != 0) {
		return ERR_CLOSED;
	}
	reader = buf_reader(wire, size);
	read_header(message, &reader);
	opcode = dns_message_opcode(message);
	if (!is_known_opcode(opcode)) {
		return read_strange(message, &reader);
	}
	questions = read_questions(message, &reader);
	if (reader.failed || check_records(message, &reader) != OK || questions != OK) {
		return DNS_RCODE_FORMERR;
	}
	if (opcode == DNS_OPCODE_UPDATE && buf_left(&reader) > 0) {
		return DNS_RCODE_FORMERR;
	}
	return message->edns.version > 0 ? (int)DNS_RCODE_BADVERS : OK;
}

struct dns_walk dns_walk(const struct dns_message *message, enum dns_section section)
{
	return (struct dns_walk){
		.message = message,
		.at = message->start[section],
		.left = section == DNS_QUESTION ? 0 : message->count[section],
	};
}

/* Reads `size` octets of a message from offset `at` on; pointers may lead anywhere before. */
static struct buf_reader reader_at(const struct dns_message *message, size_t at)
{
	struct buf_reader reader = buf_reader(message->wire, message->size);

	buf_read(&reader, at);
	return reader;
}

int dns_walk_next(struct dns_walk *walk, struct dns_rr *rr)
{
	struct buf_reader reader;
	struct record record;

	if (walk->left == 0) {
		return 0;
	}
	reader = reader_at(walk->message, walk->at);
	read_record(&record, &reader, rr->owner);
	rr->type = record.type;
	rr->class = record.class;
	rr->ttl = record.ttl;
	rr->rdata_size = record.rdata_size;
	rr->rdata_at = buf_offset(&reader);
	buf_read(&reader, record.rdata_size);
	if (reader.failed) {
		walk->left = 0;
		return ERR_FORMAT;
	}
	walk->at = buf_offset(&reader);
	walk->left--;
	return 1;
}

int dns_rr_rdata(const struct dns_message *message, const struct dns_rr *rr, struct buf_writer *out)
{
	struct buf_reader reader = reader_at(message, rr->rdata_at);

	return dns_rdata_read(&reader, rr->type, rr->rdata_size, out);
}
