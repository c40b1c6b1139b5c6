/*
 * Reading responses: header, question, then every record once, for its bounds, for OPT (RFC 6891)
 * and for TSIG (RFC 8945). RDATA is looked at by who needs it.
 */
#include "libclient/reply.h"

#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "libclient/error.h"

#define RCODE_MASK 0x000fu
#define EDE_STALE 3 /* RFC 8914 section 4.4 */
#define EDE_STALE_NXDOMAIN 19

static void read_ede(struct wgl_reply *reply, const uint8_t *data, uint16_t size)
{
	const int info = size < 2 ? WAGGLE_NO_CODE : data[0] << 8 | data[1];

	if (info == EDE_STALE || info == EDE_STALE_NXDOMAIN) {
		reply->is_stale = true;
	}
	if (reply->info == WAGGLE_NO_CODE && info != WAGGLE_NO_CODE) {
		reply->info = info;
		wgl_text_clean(reply->text, sizeof(reply->text), data + 2, size - 2u);
	}
}

static int read_opt(struct wgl_reply *reply, const struct dns_rr *rr)
{
	struct buf_reader reader = buf_reader(reply->message.wire, reply->message.size);
	struct dns_edns *edns = &reply->message.edns;
	struct buf_reader options;
	const uint8_t *rdata;

	if (edns->present || rr->owner[0] != 0) {
		return WAGGLE_ERR_SERVER;
	}
	edns->present = true;
	edns->udp_size = rr->class;
	reply->rcode |= (int)(rr->ttl >> 24) << 4;
	buf_read(&reader, rr->rdata_at);
	rdata = buf_read(&reader, rr->rdata_size);
	if (rdata == NULL) {
		return WAGGLE_ERR_SERVER;
	}
	options = buf_reader(rdata, rr->rdata_size);
	while (buf_left(&options) > 0) {
		const uint16_t code = buf_read_u16(&options);
		const uint16_t size = buf_read_u16(&options);
		const uint8_t *data = buf_read(&options, size);

		if (data == NULL) {
			return WAGGLE_ERR_SERVER;
		}
		if (code == DNS_OPTION_EDE) {
			read_ede(reply, data, size);
		} else if (code == DNS_OPTION_UPDATE_LEASE && (size == 4 || size == 8)) {
			struct buf_reader lease = buf_reader(data, size);

			edns->lease.present = true;
			edns->lease.has_key = size == 8;
			edns->lease.lease_s = buf_read_u32(&lease);
			edns->lease.key_lease_s =
				size == 8 ? buf_read_u32(&lease) : edns->lease.lease_s;
		}
	}
	return WAGGLE_OK;
}

static int read_question(struct wgl_reply *reply, struct buf_reader *reader)
{
	struct dns_message *message = &reply->message;
	int size;

	if (message->count[DNS_QUESTION] == 0) {
		return WAGGLE_OK;
	}
	size = dns_name_read(reader, message->qname);
	message->qtype = buf_read_u16(reader);
	message->qclass = buf_read_u16(reader);
	if (reader->failed || message->count[DNS_QUESTION] > 1) {
		return WAGGLE_ERR_SERVER;
	}
	message->qname_size = (uint16_t)size;
	message->has_question = true;
	return WAGGLE_OK;
}

/* One section, from reader->at on. */
static int read_section(struct wgl_reply *reply, struct buf_reader *reader,
			enum dns_section section)
{
	struct dns_message *message = &reply->message;
	struct dns_walk walk;
	struct dns_rr rr;
	int got;

	message->start[section] = buf_offset(reader);
	walk = dns_walk(message, section);
	for (size_t at = walk.at; (got = dns_walk_next(&walk, &rr)) == 1; at = walk.at) {
		const bool is_last = section == DNS_ADDITIONAL && walk.left == 0;

		if (rr.type == DNS_TYPE_TSIG && !is_last) {
			return WAGGLE_ERR_SERVER;
		}
		if (rr.type == DNS_TYPE_TSIG) {
			message->tsig_at = at;
		}
		if (rr.type == DNS_TYPE_OPT &&
		    (section != DNS_ADDITIONAL || read_opt(reply, &rr) != WAGGLE_OK)) {
			return WAGGLE_ERR_SERVER;
		}
	}
	buf_read(reader, walk.at - buf_offset(reader));
	return got < 0 ? WAGGLE_ERR_SERVER : WAGGLE_OK;
}

int wgl_reply_parse(struct wgl_reply *reply, const uint8_t *wire, size_t size)
{
	struct buf_reader reader = buf_reader(wire, size);
	struct dns_message *message = &reply->message;

	memset(reply, 0, sizeof(*reply));
	message->wire = wire;
	message->size = size;
	message->id = buf_read_u16(&reader);
	message->flags = buf_read_u16(&reader);
	for (int i = 0; i < DNS_SECTIONS; i++) {
		message->count[i] = buf_read_u16(&reader);
	}
	reply->rcode = (int)(message->flags & RCODE_MASK);
	reply->info = WAGGLE_NO_CODE;
	if (reader.failed || (message->flags & DNS_FLAG_QR) == 0 ||
	    read_question(reply, &reader) != WAGGLE_OK) {
		return WAGGLE_ERR_SERVER;
	}
	for (enum dns_section section = DNS_ANSWER; section < DNS_SECTIONS; section++) {
		if (read_section(reply, &reader, section) != WAGGLE_OK) {
			return WAGGLE_ERR_SERVER;
		}
	}
	message->end = buf_offset(&reader);
	return WAGGLE_OK;
}

bool wgl_reply_is_to(const struct wgl_reply *reply, const uint8_t *name, uint16_t type)
{
	const struct dns_message *message = &reply->message;

	return message->has_question && dns_message_opcode(message) == DNS_OPCODE_QUERY &&
	       message->qclass == DNS_CLASS_IN && message->qtype == type &&
	       dns_name_equal(message->qname, name);
}

int wgl_reply_error(struct waggle_error *error, const struct wgl_reply *reply,
		    const union waggle_address *server)
{
	const int code = wgl_code_of_rcode(reply->rcode);
	char address[WAGGLE_ADDRESS_TEXT];
	char rcode[16];

	if (error == NULL) {
		return code;
	}
	wgl_error_set(error, code, "%s answered %s%s%s", waggle_address_text(address, server),
		      wgl_rcode_text(rcode, reply->rcode), reply->text[0] == '\0' ? "" : ": ",
		      reply->text);
	error->rcode = reply->rcode;
	error->info = reply->info;
	return code;
}
