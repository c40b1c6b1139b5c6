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

static bool is_known_opcode(unsigned opcode)
{
	return opcode == DNS_OPCODE_QUERY || opcode == DNS_OPCODE_NOTIFY ||
	       opcode == DNS_OPCODE_UPDATE;
}

static uint16_t load_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* The first fault is the one that is told. */
static int fault(struct dns_message *message, const char *text)
{
	if (message->fault == NULL) {
		message->fault = text;
	}
	return DNS_RCODE_FORMERR;
}

static void start_sections(struct dns_message *message, size_t at)
{
	message->start[DNS_ANSWER] = at;
	message->start[DNS_AUTHORITY] = at;
	message->start[DNS_ADDITIONAL] = at;
}

static void read_header(struct dns_message *message, struct buf_reader *reader)
{
	const uint8_t *head = buf_read(reader, DNS_HEADER_SIZE);

	message->id = load_u16(head);
	message->flags = load_u16(head + FLAGS_AT);
	message->count[DNS_QUESTION] = load_u16(head + COUNTS_AT);
	message->count[DNS_ANSWER] = load_u16(head + COUNTS_AT + 2);
	message->count[DNS_AUTHORITY] = load_u16(head + COUNTS_AT + 4);
	message->count[DNS_ADDITIONAL] = load_u16(head + COUNTS_AT + 6);
	message->start[DNS_QUESTION] = DNS_HEADER_SIZE;
	start_sections(message, DNS_HEADER_SIZE);
	message->end = DNS_HEADER_SIZE;
	message->has_question = false;
	message->edns = (struct dns_edns){0};
	message->tsig_at = 0;
	message->fault = NULL;
	message->records = NULL;
	message->record_count = 0;
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
	if (message->count[DNS_QUESTION] != 1) {
		return fault(message, "not exactly one question");
	}
	if (reader->failed) {
		return fault(message, "the question is malformed, or cut");
	}
	message->has_question = true;
	return OK;
}

/* Up to its RDATA, where the reader then stands. Says whether its owner is the root, as one octet. */
static bool read_record(struct dns_rr *rr, struct buf_reader *reader)
{
	const bool is_root = !reader->failed && buf_left(reader) > 0 && *reader->at == 0;

	if (is_root) {
		rr->owner[0] = *reader->at++;
	} else {
		dns_name_read(reader, rr->owner);
	}
	const uint8_t *fixed = buf_read(reader, FIXED_SIZE);

	if (fixed != NULL) {
		rr->type = load_u16(fixed);
		rr->class = load_u16(fixed + 2);
		rr->ttl = (uint32_t)load_u16(fixed + 4) << 16 | load_u16(fixed + 6);
		rr->rdata_size = load_u16(fixed + 8);
		rr->rdata_at = buf_offset(reader);
	}
	return is_root;
}

/* What stands before its options. */
static void take_opt(struct dns_edns *edns, uint16_t class, uint8_t version, uint8_t flags)
{
	edns->present = true;
	edns->udp_size = class < DNS_UDP_PLAIN ? DNS_UDP_PLAIN : class;
	edns->version = version;
	edns->dnssec_ok = (flags & 0x80) != 0;
}

static int read_opt(struct dns_message *message, struct buf_reader *reader, const struct dns_rr *rr,
		    bool has_root_owner)
{
	struct dns_edns *edns = &message->edns;

	if (edns->present || !has_root_owner) {
		return fault(message, "OPT comes twice, or has an owner");
	}
	take_opt(edns, rr->class, (uint8_t)(rr->ttl >> 16), (uint8_t)(rr->ttl >> 8));
	/* Nothing is known of the options of another version. */
	if (edns->version > 0 ? buf_read(reader, rr->rdata_size) == NULL
			      : dns_edns_read(edns, reader, rr->rdata_size) != OK) {
		return fault(message, "an EDNS option is malformed");
	}
	return OK;
}

/* One record; `is_last` of the whole message. */
static int check_record(struct dns_message *message, struct buf_reader *reader,
			enum dns_section section, bool is_last)
{
	const size_t at = buf_offset(reader);
	const bool is_kept = message->records != NULL && section != DNS_ADDITIONAL;
	struct dns_rr passing;
	struct dns_rr *rr = is_kept ? &message->records[message->record_count++] : &passing;
	const bool has_root_owner = read_record(rr, reader);

	if (reader->failed) {
		return fault(message, "a record is malformed, or cut");
	}
	if (rr->type == DNS_TYPE_OPT) {
		return section == DNS_ADDITIONAL
			       ? read_opt(message, reader, rr, has_root_owner)
			       : fault(message, "OPT is not in the additional section");
	}
	if (rr->type == DNS_TYPE_TSIG && (section != DNS_ADDITIONAL || !is_last)) {
		return fault(message, "TSIG is not the last record");
	}
	if (buf_read(reader, rr->rdata_size) == NULL) {
		return fault(message, "a record is malformed, or cut");
	}
	if (rr->type == DNS_TYPE_TSIG) {
		message->tsig_at = at;
	}
	return OK;
}

/*
 * As nearly all queries have it: behind the question stands nothing, or an OPT of version 0 without
 * options. false: it has to be looked at record by record.
 */
static bool read_plain(struct dns_message *message, struct buf_reader *reader)
{
	const uint8_t *at = reader->at;
	const unsigned others = message->count[DNS_ANSWER] | message->count[DNS_AUTHORITY];
	const unsigned count = message->count[DNS_ADDITIONAL];

	if (others > 0 || count > 1 || reader->failed) {
		return false;
	}
	if (count == 1) {
		if (buf_left(reader) < 1 + FIXED_SIZE || at[0] != 0 ||
		    load_u16(at + 1) != DNS_TYPE_OPT || at[6] != 0 || load_u16(at + 9) != 0) {
			return false;
		}
		take_opt(&message->edns, load_u16(at + 3), 0, at[7]);
	}
	start_sections(message, buf_offset(reader));
	buf_read(reader, count * (1 + FIXED_SIZE));
	message->end = buf_offset(reader);
	return true;
}

static int check_records(struct dns_message *message, struct buf_reader *reader)
{
	if (read_plain(message, reader)) {
		return OK;
	}
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
	message->fault = NULL;
	return DNS_RCODE_NOTIMP;
}

int dns_message_parse(struct dns_message *message, const uint8_t *wire, size_t size)
{
	return dns_message_parse_keep(message, wire, size, NULL, 0);
}

int dns_message_parse_keep(struct dns_message *message, const uint8_t *wire, size_t size,
			   struct dns_rr *records, size_t room)
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
	if ((size_t)message->count[DNS_ANSWER] + message->count[DNS_AUTHORITY] <= room) {
		message->records = records;
	}
	opcode = dns_message_opcode(message);
	if (!is_known_opcode(opcode)) {
		return read_strange(message, &reader);
	}
	questions = read_questions(message, &reader);
	if (reader.failed || check_records(message, &reader) != OK || questions != OK) {
		return DNS_RCODE_FORMERR;
	}
	if (opcode == DNS_OPCODE_UPDATE && buf_left(&reader) > 0) {
		return fault(message, "octets stand behind the last record");
	}
	if (message->edns.version > 0) {
		message->fault = "this is EDNS version 0";
		return DNS_RCODE_BADVERS;
	}
	return OK;
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

	if (walk->left == 0) {
		return 0;
	}
	reader = reader_at(walk->message, walk->at);
	(void)read_record(rr, &reader);
	if (reader.failed || buf_read(&reader, rr->rdata_size) == NULL) {
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

int dns_rr_name(const struct dns_message *message, const struct dns_rr *rr,
		uint8_t out[DNS_NAME_MAX])
{
	struct buf_reader reader = reader_at(message, rr->rdata_at);
	const int size = dns_name_read(&reader, out);

	return buf_offset(&reader) == rr->rdata_at + rr->rdata_size ? size : ERR_FORMAT;
}
