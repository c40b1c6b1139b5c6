/*
 * A transfer has a place of net->transfers from its submission until its source is freed; its
 * memory lives on until the core has the version back.
 *
 * A receiver that reads slowly costs a place and the memory that the version keeps, nothing else:
 * time and memory are looked at with each message, and who reads nothing at all is dropped by the
 * connection. A transfer that is cut ends its connection without the SOA that would close it, so
 * what was sent is never taken for the whole (RFC 5936 section 6).
 */
#include "net/transfer.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "net/source.h"
#include "net/ticket.h"
#include "xfr/xfr.h"

#define TRANSFER_LINES 10 /* log lines a second and thread */

struct transfer {
	struct source source;
	struct core_loan loan;
	struct net *net;
	struct request_desk *desk; /* of the thread that has it; NULL: not begun */
	struct ticket *ticket; /* until it is lent: on its way to the connection */
	struct conf *conf; /* counted: the signer's key and the limits are in it */
	struct dns_message message; /* the head of it; no octets */
	struct access_signer signer;
	struct reply_extra extra;
	struct sockaddr_storage peer;
	struct xfr xfr; /* once begun */
	uint64_t begun_ms;
	uint32_t serial;
	uint64_t messages;
	uint64_t octets;
	const char *cut; /* why it ends too early; NULL: it does not, or with its connection */
	bool is_over; /* all is written */
};

/* ---- the end ------------------------------------------------------------------------------ */

static void transfer_returned(struct core_loan *loan)
{
	struct transfer *transfer = list_entry(loan, struct transfer, loan);

	conf_unref(transfer->conf);
	free(transfer);
}

/* One line for each, for it is rare and the operator has to see who has the zone. */
static void transfer_log(const struct transfer *transfer)
{
	const struct conf_key *key = transfer->signer.reply_tsig ? transfer->signer.key : NULL;
	const char *cut = transfer->cut != NULL ? transfer->cut : "the connection ended";
	const uint64_t now_ms = clock_mono_ms();
	uint32_t left_out;
	char zone[DNS_NAME_TEXT_MAX];
	char peer[64];
	char key_name[DNS_NAME_TEXT_MAX];
	char reason[128];

	if (!log_may(&transfer->desk->lines, now_ms, TRANSFER_LINES, &left_out)) {
		return;
	}
	log_line(transfer->is_over ? LOG_LEVEL_INFO : LOG_LEVEL_WARNING,
		 transfer->is_over ? "zone transferred" : "zone transfer cut",
		 "zone=%s peer=%s key=%s serial=%" PRIu32 " records=%" PRIu64 " messages=%" PRIu64
		 " octets=%" PRIu64 " ms=%" PRIu64 " reason=%s left_out=%u",
		 request_name_text(zone, sizeof(zone), transfer->message.qname),
		 access_address_text(peer, &transfer->peer),
		 request_name_text(key_name, sizeof(key_name), key == NULL ? NULL : key->name),
		 transfer->serial, transfer->xfr.records, transfer->messages, transfer->octets,
		 now_ms - transfer->begun_ms,
		 transfer->is_over ? "-" : log_quote(reason, sizeof(reason), cut), left_out);
}

static void transfer_free(struct source *source)
{
	struct transfer *transfer = list_entry(source, struct transfer, source);

	if (transfer->desk != NULL) {
		struct tally *tally = transfer->desk->tally;

		transfer_log(transfer);
		tally_add(transfer->is_over ? &tally->transfers : &tally->transfers_cut, 1);
	}
	atomic_fetch_sub_explicit(&transfer->net->transfers, 1, memory_order_relaxed);
	core_return(transfer->net->core, &transfer->loan);
}

/* ---- messages ----------------------------------------------------------------------------- */

/* Why it may not go on, or NULL. */
static const char *transfer_limit(const struct transfer *transfer)
{
	const struct conf *conf = transfer->conf;

	if (clock_mono_ms() - transfer->begun_ms > (uint64_t)conf->transfer_time_s * 1000) {
		return "server.transfer-time is over";
	}
	if (core_garbage(transfer->net->core) - transfer->loan.garbage > conf->transfer_memory) {
		return "server.transfer-memory is used up";
	}
	return NULL;
}

/* Looks the zone up in the version that was lent. ERR_NOTFOUND: it went since it was asked for. */
static int transfer_begin(struct transfer *transfer)
{
	const struct zone *zone = root_zone(transfer->loan.root, transfer->message.qname);

	if (zone == NULL || !zone_is_served(zone)) {
		return ERR_NOTFOUND;
	}
	transfer->serial = zone_serial(zone);
	xfr_begin(&transfer->xfr, zone);
	return OK;
}

/* Writes records, or makes it the message that says why there are no more (RFC 5936 2.2). */
static void transfer_fill(struct transfer *transfer, struct reply *reply)
{
	int ret = transfer->messages == 0 ? transfer_begin(transfer) : OK;

	if (ret == OK) {
		ret = xfr_fill(&transfer->xfr, &reply->writer);
	}
	if (ret >= 0) {
		dns_writer_flags(&reply->writer, DNS_FLAG_AA, 0);
		transfer->is_over = ret == OK;
		return;
	}
	transfer->cut = ret == ERR_SPACE ? "a record is larger than a message" : err_text(ret);
	reply->outcome.rcode = DNS_RCODE_SERVFAIL;
	reply->outcome.has_ede = true;
	reply->outcome.ede = DNS_EDE_OTHER;
	reply->outcome.ede_text = transfer->cut;
}

static int transfer_next(struct source *source, struct request_desk *desk, uint8_t *wire)
{
	struct transfer *transfer = list_entry(source, struct transfer, source);
	struct reply reply = {
		.request = &transfer->message,
		.signer = &transfer->signer,
		.extra = &transfer->extra,
		.nsid = transfer->conf->identity,
		.is_stream = true,
		.is_more = transfer->messages > 0,
		.wire = wire,
		.room = DNS_MESSAGE_MAX,
	};

	transfer->desk = desk;
	if (transfer->is_over || transfer->cut != NULL) {
		return 0;
	}
	transfer->cut = transfer_limit(transfer);
	if (transfer->cut != NULL) {
		return ERR_FULL;
	}
	reply_begin(&reply);
	transfer_fill(transfer, &reply);
	const size_t size = reply_end(&reply, request_wall_s(desk), desk->tally);
	transfer->messages++;
	transfer->octets += size;
	return size > 0 ? (int)size : ERR_NOMEM;
}

/* ---- the beginning ------------------------------------------------------------------------ */

/* In the core's thread. */
static bool transfer_lent(struct core_loan *loan)
{
	struct transfer *transfer = list_entry(loan, struct transfer, loan);
	struct ticket *ticket = transfer->ticket;

	transfer->ticket = NULL;
	ticket->source = &transfer->source;
	if (stream_thread_post(ticket->stream, ticket) == OK) {
		return true;
	}
	ticket->source = NULL;
	ticket_free(ticket);
	atomic_fetch_sub_explicit(&transfer->net->transfers, 1, memory_order_relaxed);
	return false;
}

static struct transfer *transfer_new(struct net *net, struct ticket *ticket)
{
	static const struct source_ops ops = {.next = transfer_next, .free = transfer_free};
	struct transfer *transfer = calloc(1, sizeof(*transfer));

	if (transfer == NULL) {
		return NULL;
	}
	transfer->source.ops = &ops;
	transfer->loan.lent = transfer_lent;
	transfer->loan.returned = transfer_returned;
	transfer->net = net;
	transfer->ticket = ticket;
	transfer->conf = conf_ref(ticket->conf);
	transfer->message = ticket->message;
	transfer->signer = ticket->signer;
	transfer->extra = ticket->extra;
	transfer->peer = ticket->peer.address;
	transfer->begun_ms = clock_mono_ms();
	return transfer;
}

bool transfer_submit(struct stream_thread *stream, uint64_t connection, struct net *net,
		     struct request_desk *desk, struct request *request)
{
	const unsigned before = atomic_fetch_add_explicit(&net->transfers, 1, memory_order_relaxed);
	struct transfer *transfer = NULL;
	struct ticket *ticket = NULL;

	if (before < desk->conf->transfer_max) {
		ticket = ticket_new(net, desk, request);
		transfer = ticket == NULL ? NULL : transfer_new(net, ticket);
	}
	if (transfer != NULL) {
		ticket->stream = stream;
		ticket->connection = connection;
		core_borrow(net->core, &transfer->loan);
		return true;
	}
	ticket_free(ticket);
	atomic_fetch_sub_explicit(&net->transfers, 1, memory_order_relaxed);
	if (before >= desk->conf->transfer_max) {
		tally_add(&desk->tally->transfers_full, 1);
	}
	request_reply_ede(request, DNS_RCODE_SERVFAIL, DNS_EDE_OTHER,
			  before < desk->conf->transfer_max ? err_text(ERR_NOMEM)
							    : "too many zone transfers at a time");
	return false;
}
