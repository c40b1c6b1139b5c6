/*
 * The straight line of a request, the same for UDP and TCP: parse, verify, refuse, find, write.
 *
 * A thread calls request_begin() for each message it has, request_find() once for all of them, so
 * that their look-ups overlap, and request_finish() for each. An UPDATE that must go through the
 * log comes out of request_begin() as REQUEST_SUBMIT; ticket.h takes it to the core.
 * Thread: any reader of the root, online from request_begin() to request_finish().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "access/access.h"
#include "answer/answer.h"
#include "base/arena.h"
#include "base/log.h"
#include "base/rand.h"
#include "net/reply.h"
#include "net/tally.h"
#include "registry/command.h"
#include "update/update.h"

struct rate;

enum { REQUEST_RECORDS = 16 }; /* that are kept of an UPDATE as it is parsed: most have no more */

/* What a thread has for its requests; `root` and `conf` are loaded anew for each round. */
struct request_desk {
	const struct root *root; /* NULL: being restored */
	struct conf *conf;
	struct arena arena;
	struct rand rand;
	struct tally *tally;
	struct log_limit lines;
	uint64_t wall_s; /* of this round; 0: not read yet */
	uint64_t mono_ms; /* likewise */
	struct siphash_key cookie_base; /* of the secrets drawn, the same in all threads */
	struct conf_cookie drawn;
	uint64_t drawn_s; /* when they were; 0: not yet */
	struct rate *rate; /* of all threads */
	uint32_t over; /* requests over the limit of their network, for the slip */
	uint64_t refusing_s; /* the second in which `refused` refusals of UPDATEs were said */
	uint32_t refused;
	struct log_limit unsaid_lines;
	struct log_limit over_lines;
	uint64_t idle_ms; /* by TCP: how long a connection may be idle */
	struct update_seen seen; /* in this round */
	struct dns_rr records[REQUEST_RECORDS]; /* of the request that was begun last */
};

void request_desk_init(struct request_desk *desk, struct tally *tally);
void request_desk_deinit(struct request_desk *desk);

/* Starts a round with what is in force now; ends the memory of the last. */
void request_round(struct request_desk *desk, const struct root *root, struct conf *conf);

/* The clocks as of this round, read when first asked for. */
uint64_t request_wall_s(struct request_desk *desk);

enum request_state {
	REQUEST_DROP, /* no answer: too short, or a response */
	REQUEST_FIND, /* a query for the root */
	REQUEST_REPLY, /* the outcome is known */
	REQUEST_SUBMIT, /* an UPDATE for the core */
	REQUEST_SOA, /* the SOA of `zone` alone */
	REQUEST_TRANSFER, /* by TCP: the zone, for transfer.h */
	REQUEST_AGAIN, /* answered as the one before it, by its caller */
};

struct request {
	/* set by the caller */
	const uint8_t *wire;
	size_t size;
	const struct sockaddr_storage *peer;
	bool is_stream;
	bool is_cut; /* the message was longer than `size` */
	bool may_beat; /* no logged UPDATE of this connection waits for its answer */
	/* kept between the calls */
	enum request_state state;
	struct answer_query *query; /* with REQUEST_FIND, after request_find() */
	struct outcome outcome;
	struct reply_extra extra;
	bool is_slip; /* the reply has TC and nothing else */
	bool is_common; /* after request_finish(): see request_is_shared() */
	bool has_cookie; /* a cookie of ours, for this address */
	const char *said; /* with REQUEST_REPLY: of the server itself (class CH), or NULL */
	struct dns_message message;
	struct access_identity identity;
	struct access_signer signer;
	struct command_result result; /* the outcome's text may be in it */
	const struct zone *zone; /* with REQUEST_SOA */
	uint8_t *command; /* with REQUEST_SUBMIT: malloc'd, the caller's */
	size_t command_size;
};

/*
 * Does it matter in this round who asks, or when? If not, a reply that is_common goes to all who
 * send the same octets, ID apart, as long as root and configuration stay.
 */
bool request_is_shared(const struct request_desk *desk);

/* Counts a query that is answered by such a reply, the octets at `wire`. */
void request_count_again(struct request_desk *desk, const uint8_t *wire);

void request_begin(struct request_desk *desk, struct request *request);

/* Looks up those of `requests` that are REQUEST_FIND, and may ask; `queries` has room for `count`. */
void request_find(struct request_desk *desk, struct request *requests, size_t count,
		  struct answer_query *queries);

/*
 * Writes the reply into `wire`, which has room for what the request allows (reply_room()). Its size,
 * 0: send nothing. Not for REQUEST_DROP and REQUEST_SUBMIT.
 */
size_t request_finish(struct request_desk *desk, struct request *request, uint8_t *wire);

/* Decides what a request comes to: a reply with an extended error. */
void request_reply_ede(struct request *request, unsigned rcode, enum dns_ede ede, const char *text);

/* A name as a value of a log line, "-" for NULL: `out`, or a literal. */
const char *request_name_text(char *out, size_t size, const uint8_t *name);

/* A client's place on the ring of large pools: the same in every thread, node and run. */
uint64_t request_client(const struct sockaddr_storage *peer);
