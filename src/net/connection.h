/*
 * A TCP connection, and the inside of the stream thread that has it: for stream.c, which accepts,
 * posts and stops, and connection.c, which takes messages and sends replies. Thread: the stream
 * thread's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
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

struct stream_thread {
	struct net *net;
	struct thread *thread;
	struct loop *loop;
	struct mailbox *mailbox;
	struct stream_listener **listeners; /* one for each endpoint */
	size_t listener_count;
	struct loop_timer *timer; /* rings for the first of `due` */
	struct loop_timer *stop_timer;
	struct loop_turn *turn; /* on while `turns` has somebody */
	struct heap due; /* connections by when to look at them */
	struct map connections; /* by number */
	struct list turns; /* connections that have more to do than one turn allows */
	uint64_t last_number;
	uint64_t idle_ms;
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
	struct heap_item due;
	struct list turn; /* of thread->turns */
	struct list sources; /* replies of many messages, the next to be asked first */
	unsigned source_count;
	unsigned waiting; /* UPDATEs with the core */
	uint64_t read_due; /* ms: a whole message, or else */
	uint64_t write_due; /* ms: octets up to `owed` taken, or else; 0: nothing is unsent */
	uint64_t owed; /* octets written when write_due was set */
	uint64_t written; /* octets of replies, all */
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

/* Looks at a connection whose time has come: closes it, or says when to look again. */
void connection_look(struct connection *connection, uint64_t now);

/* Closes if all is said that was owed; at once, counted, with drop. */
void connection_end(struct connection *connection);
void connection_drop(struct connection *connection);
