/*
 * A ticket: what is kept of an UPDATE while the core has its command, so that it can be answered
 * when nothing else of the request is left.
 *
 * The receiving thread makes it and submits it. The core's thread calls ticket_done() with those
 * that are answered: replies by UDP are written, signed and sent there, one sendmmsg(2) for each
 * socket; those by TCP go back to the thread that has the connection, which is named by a number,
 * since it may be gone by then.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "net/inner.h"
#include "net/outbox.h"
#include "net/reply.h"
#include "net/request.h"
#include "registry/core.h"

struct ticket {
	struct core_job job;
	struct net *net;
	struct conf *conf; /* counted: the signer's key is in it */
	struct dns_message message; /* the head of it; no octets */
	struct access_signer signer;
	struct reply_extra extra;
	struct outbox_peer peer; /* by TCP its address alone */
	/* by UDP */
	int fd;
	/* by TCP */
	struct stream_thread *stream; /* NULL: UDP */
	uint64_t connection;
	struct source *source; /* the answer, if it has many messages; owned, or NULL */
};

/*
 * Makes a ticket for a request that is REQUEST_SUBMIT, and takes its command. NULL: memory is out,
 * and the request is REQUEST_REPLY with SERVFAIL.
 */
struct ticket *ticket_new(struct net *net, struct request_desk *desk, struct request *request);

/*
 * Submits; takes `ticket`. false: the core has no room, and the request is REQUEST_REPLY with
 * SERVFAIL.
 */
bool ticket_submit(struct ticket *ticket, struct request_desk *desk, struct request *request);

/*
 * Writes the reply into `wire`, which has room for 65,535 octets (TCP) or DNS_UDP_SAFE. Its size;
 * 0: send nothing. *wall_s is the time, or 0 as long as nobody needed it.
 */
size_t ticket_reply(struct ticket *ticket, uint8_t *wire, uint64_t *wall_s, struct tally *tally);

void ticket_free(struct ticket *ticket);
