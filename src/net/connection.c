/*
 * What happens on a TCP connection, turn by turn.
 *
 * Messages are handled as they stand in what was received, and the replies leave in one write, each
 * behind its length (RFC 7766 section 8). An UPDATE that goes through the log leaves a ticket with
 * the core and is answered when that comes back; meanwhile others are answered (section 7), and so
 * they are beside replies of many messages (source.h).
 *
 * Nobody keeps the thread: a turn ends when it has made so many octets of replies, whether or not
 * the client reads them, and the connection gets the next one after all others that want one. Who
 * sends much at once waits for his first one, too; who asks little is answered when it comes, after
 * one turn at most.
 * What holds a client back: it is not read from while more than tcp-unread octets of replies wait
 * to be sent, too many of its UPDATEs for the core, or it is still to have its turn. What ends it:
 * it is idle for tcp-idle, a message that it began is not whole within tcp-read (single octets
 * change nothing, RFC 7766 section 6.2.3), or it does not read what was there within tcp-write.
 */
#include "net/connection.h"

#include <stdlib.h>

#include "base/err.h"
#include "dns/types.h"
#include "loop/loop.h"
#include "net/source.h"
#include "net/ticket.h"
#include "net/transfer.h"

enum {
	CONNECTION_WAITING_MAX = 256, /* UPDATEs that may wait for the core */
	CONNECTION_SOURCES_MAX = 16, /* replies of many messages at a time */
	CONNECTION_TURN = 16 * 1024, /* octets of replies after which a turn ends */
	CONNECTION_LITTLE = 1024, /* octets received at once that are answered at once */
	CONNECTION_IDLE_LEAST_MS = 1000, /* the shortest idle time under pressure */
};

/* ---- closing ------------------------------------------------------------------------------ */

static void connection_close(struct connection *connection)
{
	if (!connection->is_closing) {
		connection->is_closing = true;
		list_remove(&connection->link);
		list_remove(&connection->turn);
		stream_close(connection->stream);
	}
}

void connection_drop(struct connection *connection, _Atomic(uint64_t) *counter)
{
	if (!connection->is_closing) {
		tally_add(counter, 1);
		connection_close(connection);
	}
}

void connection_end(struct connection *connection)
{
	const bool has_sources = !list_is_empty(&connection->sources);

	if (connection->waiting == 0 && stream_unsent(connection->stream) == 0 &&
	    (!has_sources || connection->thread->is_stopping)) {
		connection_close(connection);
	}
}

static void connection_free_source(struct connection *connection, struct source *source)
{
	list_remove(&source->link);
	connection->source_count--;
	source->ops->free(source);
}

static void connection_free(struct connection *connection)
{
	struct stream_thread *thread = connection->thread;

	while (!list_is_empty(&connection->sources)) {
		connection_free_source(connection,
				       list_entry(connection->sources.next, struct source, link));
	}
	list_remove(&connection->link);
	list_remove(&connection->turn);
	map_remove(&thread->connections, &connection->number, sizeof(connection->number));
	framing_deinit(&connection->framing);
	clients_leave(thread->net->clients, stream_peer(connection->stream));
	atomic_fetch_sub_explicit(&thread->net->connections, 1, memory_order_relaxed);
	tally_add(&thread->tally.tcp_closed, 1);
	free(connection);
	if (thread->is_stopping && thread->connections.count == 0) {
		loop_stop(thread->loop);
	}
}

/* Something whole was done: what it waits for from now on, it waits for anew. */
static void connection_note(struct connection *connection)
{
	connection->active_ms = loop_now_ms(connection->thread->loop);
	connection->is_active = true;
}

/* ---- replying ----------------------------------------------------------------------------- */

static size_t connection_unsent(const struct connection *connection)
{
	return stream_unsent(connection->stream) + connection->thread->out_size;
}

/* Gives what was gathered to the stream. */
static void connection_flush(struct connection *connection)
{
	struct stream_thread *thread = connection->thread;
	const size_t size = thread->out_size;

	thread->out_size = 0;
	if (size == 0 || connection->is_closing) {
		return;
	}
	if (stream_send(connection->stream, thread->out, size) != OK) {
		connection_drop(connection, &thread->tally.tcp_dropped);
		return;
	}
	connection->written += size;
}

/* Where the next reply may be written; octets for its length stand before it. */
static uint8_t *connection_out(struct connection *connection)
{
	struct stream_thread *thread = connection->thread;

	if (STREAM_OUT - thread->out_size < STREAM_FRAME_MAX) {
		connection_flush(connection);
	}
	return thread->out + thread->out_size + FRAMING_HEAD;
}

/* Puts the length before what was written there. */
static void connection_add(struct connection *connection, size_t size)
{
	struct stream_thread *thread = connection->thread;
	uint8_t *head = thread->out + thread->out_size;

	if (size > 0) {
		head[0] = (uint8_t)(size >> 8);
		head[1] = (uint8_t)size;
		thread->out_size += FRAMING_HEAD + size;
	}
}

/* Takes `source`. */
static void connection_add_source(struct connection *connection, struct source *source)
{
	list_append(&connection->sources, &source->link);
	connection->source_count++;
}

/* The next message of the source whose turn it is. */
static void connection_stream(struct connection *connection)
{
	struct stream_thread *thread = connection->thread;
	struct source *source = list_entry(connection->sources.next, struct source, link);
	int size;

	arena_reset(&thread->desk.arena);
	size = source->ops->next(source, &thread->desk, connection_out(connection));
	connection_note(connection);
	if (size > 0) {
		connection_add(connection, (size_t)size);
		list_remove(&source->link);
		list_append(&connection->sources, &source->link);
		return;
	}
	connection_free_source(connection, source);
	if (size < 0) {
		connection_drop(connection, &thread->tally.tcp_dropped);
	}
}

/* ---- requests ----------------------------------------------------------------------------- */

static void connection_submit(struct connection *connection)
{
	struct stream_thread *thread = connection->thread;
	struct ticket *ticket = ticket_new(thread->net, &thread->desk, &thread->request);

	if (ticket == NULL) {
		return;
	}
	ticket->stream = thread;
	ticket->connection = connection->number;
	if (ticket_submit(ticket, &thread->desk, &thread->request)) {
		connection->waiting++;
	}
}

static void connection_transfer(struct connection *connection)
{
	struct stream_thread *thread = connection->thread;

	if (transfer_submit(thread, connection->number, thread->net, &thread->desk,
			    &thread->request)) {
		connection->waiting++;
	}
}

static void connection_message(struct connection *connection, const uint8_t *wire, size_t size)
{
	struct stream_thread *thread = connection->thread;
	struct request *request = &thread->request;
	uint8_t *out;

	tally_add(&thread->tally.tcp_received, 1);
	arena_reset(&thread->desk.arena);
	request->wire = wire;
	request->size = size;
	request->peer = stream_peer(connection->stream);
	request->is_stream = true;
	request->is_cut = false;
	request->may_beat = connection->waiting == 0;
	request_begin(&thread->desk, request);
	if (request->state == REQUEST_DROP) {
		return;
	}
	connection_note(connection);
	if (request->state == REQUEST_SUBMIT) {
		connection_submit(connection);
	} else if (request->state == REQUEST_TRANSFER) {
		connection_transfer(connection);
	}
	if (request->state == REQUEST_SUBMIT || request->state == REQUEST_TRANSFER) {
		return;
	}
	request_find(&thread->desk, request, 1, &thread->query);
	out = connection_out(connection);
	connection_add(connection, request_finish(&thread->desk, request, out));
}

void connection_answer(struct connection *connection, struct ticket *ticket)
{
	struct stream_thread *thread = connection->thread;
	uint8_t *out;

	connection->waiting--;
	connection_note(connection);
	if (ticket->source != NULL) {
		connection_add_source(connection, ticket->source);
		ticket->source = NULL;
		return;
	}
	out = connection_out(connection);
	connection_add(connection, ticket_reply(ticket, out, &thread->desk.wall_s, &thread->tally));
}

/* ---- a turn ------------------------------------------------------------------------------- */

/* Nothing more may be made for it. */
static bool connection_is_full(const struct connection *connection)
{
	return connection->is_closing || connection->thread->is_stopping ||
	       connection_unsent(connection) > connection->thread->unread_max;
}

/* No more messages may be taken from it. */
static bool connection_is_busy(const struct connection *connection)
{
	return connection_is_full(connection) || connection->waiting >= CONNECTION_WAITING_MAX ||
	       connection->source_count >= CONNECTION_SOURCES_MAX;
}

/*
 * Messages and sources take turns, so neither waits for the other. true: there is more to do now.
 */
static bool connection_work(struct connection *connection)
{
	struct stream_thread *thread = connection->thread;
	const uint64_t end = connection->written + thread->out_size + CONNECTION_TURN;
	bool has_message = true;

	for (;;) {
		const uint8_t *message;
		size_t size;

		if (connection_unsent(connection) > connection->thread->unread_max) {
			connection_flush(connection);
		}
		if (connection_is_full(connection)) {
			return false;
		}
		if (connection->written + thread->out_size >= end) {
			return true;
		}
		has_message = has_message && !connection_is_busy(connection);
		if (has_message) {
			const int got = framing_next(&connection->framing, &message, &size);

			if (got < 0) {
				connection_drop(connection, &thread->tally.tcp_dropped);
				return false;
			}
			has_message = got == 1;
		}
		if (has_message) {
			connection_message(connection, message, size);
		}
		if (!list_is_empty(&connection->sources)) {
			connection_stream(connection);
		} else if (!has_message) {
			return false;
		}
	}
}

/* What does it wait for now? The time starts anew when that is something else. */
static void connection_settle(struct connection *connection, bool is_busy)
{
	struct stream_thread *thread = connection->thread;
	const uint64_t now = loop_now_ms(thread->loop);
	enum connection_wait wait = WAIT_REQUEST;
	uint64_t since = connection->active_ms;

	if (stream_unsent(connection->stream) > 0) {
		wait = WAIT_READER;
		since = now;
	} else if (is_busy || connection->waiting > 0 || connection->source_count > 0) {
		wait = WAIT_US;
	} else if (framing_has_part(&connection->framing)) {
		wait = WAIT_REST;
		since = now;
	}
	if (wait == connection->wait && (wait == WAIT_READER || !connection->is_active)) {
		return;
	}
	connection->is_active = false;
	connection->wait = wait;
	connection->since_ms = since;
	connection->owed = connection->written;
	list_remove(&connection->link);
	if (wait != WAIT_US) {
		list_append(&thread->waits[wait], &connection->link);
		stream_set_timer(thread);
	}
}

static void connection_close_at_end(struct connection *connection, bool is_busy)
{
	if (connection->thread->is_stopping || (connection->is_ended && !is_busy)) {
		connection_end(connection);
	}
}

/* Ends a turn, or has it wait for one. */
static void connection_rest(struct connection *connection, bool has_more)
{
	struct stream_thread *thread = connection->thread;

	if (framing_keep(&connection->framing) != OK) {
		connection_drop(connection, &thread->tally.tcp_dropped);
	}
	connection_flush(connection);
	list_remove(&connection->turn);
	if (connection->is_closing) {
		return;
	}
	if (has_more) {
		list_append(&thread->turns, &connection->turn);
		loop_turn_set(thread->turn, true);
	}
	const bool is_behind = has_more && framing_has_whole(&connection->framing);
	const bool is_busy = is_behind || connection_is_busy(connection);

	if (is_busy && !connection->is_paused) {
		stream_pause(connection->stream);
	} else if (!is_busy && connection->is_paused) {
		stream_resume(connection->stream);
	}
	connection->is_paused = is_busy;
	connection_settle(connection, is_busy);
	connection_close_at_end(connection, is_busy);
}

void connection_go(struct connection *connection)
{
	connection_rest(connection, connection_work(connection));
}

/* ---- what the loop says ------------------------------------------------------------------- */

void connection_received(void *context, struct stream *stream, const uint8_t *data, size_t size)
{
	struct connection *connection = context;

	(void)stream;
	framing_give(&connection->framing, data, size);
	stream_enter(connection->thread);
	if (size > CONNECTION_LITTLE) {
		connection_rest(connection, true);
	} else {
		connection_go(connection);
	}
	stream_leave();
}

void connection_ended(void *context, struct stream *stream)
{
	struct connection *connection = context;

	(void)stream;
	connection->is_ended = true;
	stream_enter(connection->thread);
	connection_go(connection);
	stream_leave();
}

void connection_drained(void *context, struct stream *stream)
{
	struct connection *connection = context;
	struct stream_thread *thread = connection->thread;

	(void)stream;
	connection_note(connection);
	stream_enter(thread);
	connection_go(connection);
	stream_leave();
}

void connection_closed(void *context, struct stream *stream)
{
	(void)stream;
	connection_free(context);
}

int connection_new(struct connection **out, struct stream_thread *thread, struct stream *stream)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL) {
		return ERR_NOMEM;
	}
	connection->thread = thread;
	connection->stream = stream;
	connection->number = ++thread->last_number;
	connection->active_ms = loop_now_ms(thread->loop);
	connection->since_ms = connection->active_ms;
	framing_init(&connection->framing);
	list_init(&connection->link);
	list_init(&connection->turn);
	list_init(&connection->sources);
	if (map_put(&thread->connections, &connection->number, sizeof(connection->number),
		    connection) != OK) {
		free(connection);
		return ERR_NOMEM;
	}
	list_append(&thread->waits[WAIT_REQUEST], &connection->link);
	stream_set_timer(thread);
	*out = connection;
	return OK;
}

/* ---- limits of time ----------------------------------------------------------------------- */

uint64_t stream_idle_ms(uint64_t idle_ms, uint64_t used, uint64_t most)
{
	const uint64_t half = most / 2;
	const uint64_t least =
		idle_ms < CONNECTION_IDLE_LEAST_MS ? idle_ms : CONNECTION_IDLE_LEAST_MS;
	uint64_t shrunk;

	if (used <= half) {
		return idle_ms;
	}
	shrunk = used < most ? idle_ms * (most - used) / (most - half) : 0;
	return shrunk > least ? shrunk : least;
}

void connection_late(struct connection *connection)
{
	struct stream_thread *thread = connection->thread;
	_Atomic(uint64_t) *const counters[WAIT_KINDS] = {
		[WAIT_REQUEST] = &thread->tally.tcp_idle,
		[WAIT_REST] = &thread->tally.tcp_unfinished,
		[WAIT_READER] = &thread->tally.tcp_unread,
	};
	const size_t unsent = stream_unsent(connection->stream);

	if (connection->wait == WAIT_READER && connection->written - unsent >= connection->owed) {
		connection->since_ms = loop_now_ms(thread->loop);
		connection->owed = connection->written;
		list_remove(&connection->link);
		list_append(&thread->waits[WAIT_READER], &connection->link);
		return;
	}
	connection_drop(connection, counters[connection->wait]);
}
