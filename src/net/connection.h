/*
 * A TCP connection, and the inside of the stream thread that has it: for stream.c, which accepts,
 * posts and stops, and connection.c, which takes messages and sends replies. Thread: the stream
 * thread's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "dns/types.h"
#include "loop/mailbox.h"
#include "loop/stream.h"
#include "net/framing.h"
#include "net/inner.h"
#include "net/request.h"

/* One reply and its length; two of the largest fit, so most writes hold many. */
#define STREAM_FRAME_MAX ((size_t)FRAMING_HEAD + DNS_MESSAGE_MAX)
#define STREAM_OUT (2 * STREAM_FRAME_MAX)

/* What a connection waits for; each has its limit. */
enum connection_wait {
	WAIT_REQUEST, /* idle: all that was asked is answered and read */
	WAIT_REST, /* half a message has come */
	WAIT_READER, /* replies are to be read */
	WAIT_KINDS,
	WAIT_US = WAIT_KINDS, /* it has no limit: the core, or its turn */
};

struct stream_thread {
	struct net *net;
	struct thread *thread;
	struct loop *loop;
	struct mailbox *mailbox;
	struct stream_listener **listeners; /* one for each endpoint */
	size_t listener_count;
	struct loop_timer *timer; /* rings for the first of `waits` */
	uint64_t timer_ms; /* when; UINT64_MAX: it is not set */
	struct loop_timer *stop_timer;
	struct loop_turn *turn; /* on while `turns` has somebody */
	struct list waits[WAIT_KINDS]; /* connections; who waits longest is first, and due first */
	uint64_t limits_ms[WAIT_KINDS];
	uint64_t unread_max; /* octets of replies over which a client is not read from */
	struct map connections; /* by number */
	struct list turns; /* connections that have more to do than one turn allows */
	uint64_t last_number;
	bool is_stopping;
	bool is_over; /* the thread has ended */
	struct mail stop;
	struct request_desk desk;
	struct request request;
	struct answer_query query;
	uint8_t *out; /* replies that leave with the next write */
	size_t out_size;
	struct tally tally;
};

struct connection {
	struct stream_thread *thread;
	struct stream *stream;
	uint64_t number;
	struct framing framing;
	struct list link; /* of thread->waits */
	enum connection_wait wait;
	uint64_t since_ms; /* waits for that */
	uint64_t active_ms; /* a request was answered, or its answer read */
	struct list turn; /* of thread->turns */
	struct list sources; /* replies of many messages, the next to be asked first */
	unsigned source_count;
	unsigned waiting; /* UPDATEs with the core */
	uint64_t written; /* octets of replies, all */
	uint64_t owed; /* with WAIT_READER: octets written at `since_ms` */
	bool is_active; /* since it was settled last */
	bool is_paused;
	bool is_ended; /* the client sends no more, but may read */
	bool is_closing;
};

/* Between these two root and configuration may be used. */
void stream_enter(struct stream_thread *thread);
void stream_leave(void);

/* For the listener's events; `accepted` has made the connection. */
int connection_new(struct connection **out, struct stream_thread *thread, struct stream *stream);
void connection_received(void *context, struct stream *stream, const uint8_t *data, size_t size);
void connection_ended(void *context, struct stream *stream);
void connection_drained(void *context, struct stream *stream);
void connection_closed(void *context, struct stream *stream);

/*
 * One turn: handles what was received and goes on with what is under way, as much as one turn
 * allows, sends it, and reads on only if that was all. Between stream_enter and stream_leave.
 */
void connection_go(struct connection *connection);

/* Writes the answer to one that waited; the turn is the caller's. */
struct ticket;
void connection_answer(struct connection *connection, struct ticket *ticket);

/* Its time has come: closes it, unless it is reading, if slowly. */
void connection_late(struct connection *connection);

/* Closes if all is said that was owed; at once, counted there, with drop. */
void connection_end(struct connection *connection);
void connection_drop(struct connection *connection, _Atomic(uint64_t) *counter);

/* Sees to it that the timer rings when the first of those that wait is due. */
void stream_set_timer(struct stream_thread *thread);

/*
 * The idle time in force with `used` of `most` connections: all of it up to the half, then ever
 * less (RFC 7766 section 6.2.3).
 */
uint64_t stream_idle_ms(uint64_t idle_ms, uint64_t used, uint64_t most);
