/*
 * Who owns the command: the request until ticket_new(), the ticket until core_submit() has said OK,
 * then the core. After that OK the ticket itself may be answered and gone at any moment.
 */
#include "net/ticket.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "dns/types.h"
#include "net/source.h"

#define TICKET_LINES 10 /* log lines a second */

/* Tickets by UDP of one socket, as many as the outbox takes: into `sent`, which keeps them. */
static void ticket_take(struct list *jobs, struct list *sent, struct net *net, uint64_t *wall_s)
{
	const struct ticket *first = list_entry(jobs->next, struct ticket, job.mail.link);
	const int fd = first->fd;

	for (struct list *link = jobs->next, *next; link != jobs; link = next) {
		struct ticket *ticket = list_entry(link, struct ticket, job.mail.link);
		uint8_t *wire = outbox_next(net->core_outbox);
		size_t size;

		next = link->next;
		if (wire == NULL) {
			return;
		}
		if (ticket->fd != fd) {
			continue;
		}
		list_remove(link);
		list_append(sent, link);
		size = ticket_reply(ticket, wire, wall_s, &net->core_tally);
		if (size > 0) {
			outbox_add(net->core_outbox, size, &ticket->peer);
		}
	}
}

static void ticket_send(struct list *jobs)
{
	uint64_t wall_s = 0;
	struct list sent;

	list_init(&sent);
	while (!list_is_empty(jobs)) {
		struct ticket *first = list_entry(jobs->next, struct ticket, job.mail.link);
		struct net *net = first->net;
		const int fd = first->fd;

		ticket_take(jobs, &sent, net, &wall_s);
		tally_add(&net->core_tally.send_failed, outbox_send(net->core_outbox, fd));
		while (!list_is_empty(&sent)) {
			first = list_entry(sent.next, struct ticket, job.mail.link);
			list_remove(&first->job.mail.link);
			ticket_free(first);
		}
	}
}

/* One line for an UPDATE that was refused when its turn came: by an owner, a base, a limit, a mark. */
static void ticket_log_refused(const struct ticket *ticket)
{
	struct net *net = ticket->net;
	const struct conf_key *key = ticket->signer.reply_tsig ? ticket->signer.key : NULL;
	uint32_t left_out;
	char peer[64];
	char zone[DNS_NAME_TEXT_MAX];
	char key_name[DNS_NAME_TEXT_MAX];
	char reason[2 * sizeof(ticket->job.result.ede_text)];

	if (!log_may(&net->core_lines, clock_mono_ms(), TICKET_LINES, &left_out)) {
		return;
	}
	log_line(LOG_LEVEL_WARNING, "update refused",
		 "zone=%s peer=%s key=%s reason=%s left_out=%u",
		 request_name_text(zone, sizeof(zone), ticket->message.qname),
		 access_address_text(peer, &ticket->peer.address),
		 request_name_text(key_name, sizeof(key_name), key == NULL ? NULL : key->name),
		 log_quote(reason, sizeof(reason), ticket->job.result.ede_text), left_out);
}

/* In the core's thread: to the threads that have the connections, or out. */
static void ticket_done(struct list *jobs)
{
	struct list datagrams;

	list_init(&datagrams);
	while (!list_is_empty(jobs)) {
		struct ticket *ticket = list_entry(jobs->next, struct ticket, job.mail.link);

		list_remove(&ticket->job.mail.link);
		if (ticket->job.is_silent) {
			/* A copy of one that is under way: it has no result. */
			ticket_free(ticket);
			continue;
		}
		if (ticket->job.result.rcode == DNS_RCODE_REFUSED || ticket->job.result.is_stale) {
			ticket_log_refused(ticket);
		}
		if (ticket->stream == NULL) {
			list_append(&datagrams, &ticket->job.mail.link);
		} else if (stream_thread_post(ticket->stream, ticket) != OK) {
			tally_add(&ticket->net->core_tally.send_failed, 1);
			ticket_free(ticket);
		}
	}
	ticket_send(&datagrams);
}

static const struct core_job_ops ticket_ops = {.done = ticket_done};

/*
 * Of a datagram with prerequisites: sent again, it would fail by its own success (RFC 2136 7.8).
 * All others may be applied twice.
 */
static uint64_t ticket_fingerprint(const struct net *net, const struct request *request)
{
	uint64_t hashes[2];

	if (request->is_stream || request->message.count[DNS_PREREQUISITE] == 0) {
		return 0;
	}
	hashes[0] = siphash(&net->fingerprint_key, request->wire, request->size);
	hashes[1] = siphash(&net->fingerprint_key, request->peer, sizeof(*request->peer));
	return siphash(&net->fingerprint_key, hashes, sizeof(hashes)) | 1;
}

struct ticket *ticket_new(struct net *net, struct request_desk *desk, struct request *request)
{
	struct ticket *ticket = malloc(sizeof(*ticket));

	if (ticket == NULL) {
		free(request->command);
		request->command = NULL;
		request_reply_ede(request, DNS_RCODE_SERVFAIL, DNS_EDE_OTHER, err_text(ERR_NOMEM));
		return NULL;
	}
	ticket->job.command = request->command;
	ticket->job.command_size = request->command_size;
	ticket->job.ops = &ticket_ops;
	ticket->job.fingerprint = ticket_fingerprint(net, request);
	ticket->net = net;
	ticket->conf = conf_ref(desk->conf);
	ticket->message = request->message;
	ticket->message.wire = NULL;
	ticket->message.size = 0;
	ticket->extra = request->extra;
	ticket->signer.reply_tsig = false;
	if (request->signer.reply_tsig) {
		ticket->signer = request->signer;
	}
	ticket->fd = -1;
	ticket->peer.address = *request->peer;
	ticket->stream = NULL;
	ticket->source = NULL;
	request->command = NULL;
	return ticket;
}

bool ticket_submit(struct ticket *ticket, struct request_desk *desk, struct request *request)
{
	const int ret = core_submit(ticket->net->core, &ticket->job);

	if (ret == OK) {
		return true;
	}
	free(ticket->job.command);
	ticket_free(ticket);
	tally_add(&desk->tally->queue_full, ret == ERR_FULL ? 1 : 0);
	request_reply_ede(request, DNS_RCODE_SERVFAIL, DNS_EDE_OTHER,
			  ret == ERR_FULL ? "too many updates wait" : err_text(ret));
	return false;
}

size_t ticket_reply(struct ticket *ticket, uint8_t *wire, uint64_t *wall_s, struct tally *tally)
{
	struct reply reply;

	reply.request = &ticket->message;
	reply.signer = &ticket->signer;
	reply.extra = &ticket->extra;
	reply.is_stream = ticket->stream != NULL;
	reply.nsid = ticket->conf->identity;
	reply.is_more = false;
	reply.wire = wire;
	reply.room = reply_room(&ticket->message, reply.is_stream);
	outcome_from_result(&reply.outcome, &ticket->job.result);
	if (ticket->signer.reply_tsig && *wall_s == 0) {
		*wall_s = clock_wall_s();
	}
	if (ticket->job.result.is_stale) {
		access_stale(&ticket->signer, *wall_s);
	}
	reply_begin(&reply);
	return reply_end(&reply, *wall_s, tally);
}

void ticket_free(struct ticket *ticket)
{
	if (ticket == NULL) {
		return;
	}
	if (ticket->source != NULL) {
		ticket->source->ops->free(ticket->source);
	}
	conf_unref(ticket->conf);
	free(ticket);
}
