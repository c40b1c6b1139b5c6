/*
 * TCP connections. Each belongs to one stream thread from accept to close; the threads share
 * nothing but the listening sockets and the number of connections.
 *
 * What comes on a connection is handled message by message, as many as are there, and the replies
 * leave in one write, each behind its length (RFC 7766 section 8). An UPDATE that goes through the
 * log leaves a ticket with the core and is answered when that comes back through the mailbox;
 * meanwhile others are answered (RFC 7766 section 7). A ticket names its connection by number, so
 * one that is closed by then is simply not found.
 *
 * What holds a client back: a connection is not read from while too many octets of replies wait to
 * be sent, or too many of its UPDATEs for the core. What ends it: nothing whole was received for
 * tcp.idle while nothing was owed to it (half a message is nothing whole), or what it was owed
 * was not taken within the same time.
 *
 * The thread is an RCU reader, online only in the calls that handle messages.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/heap.h"
#include "base/map.h"
#include "crypto/random.h"
#include "dns/types.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "loop/stream.h"
#include "net/framing.h"
#include "net/inner.h"
#include "net/request.h"
#include "net/ticket.h"
#include "registry/reclaim.h"

enum {
	STREAM_UNSENT_MAX = 256 * 1024, /* octets of replies over which a client is not read from */
	STREAM_WAITING_MAX = 256, /* UPDATEs of a connection that may wait for the core */
	STREAM_STOP_MS = 2000, /* what is under way at the stop may take so long */
};

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
	struct heap due; /* connections by when to look at them */
	struct map connections; /* by number */
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
	uint64_t read_due; /* ms: a whole message, or else */
	uint64_t write_due; /* ms: octets up to `owed` taken, or else; 0: nothing is unsent */
	uint64_t owed; /* octets written when write_due was set */
	uint64_t written; /* octets of replies, all */
	unsigned waiting; /* UPDATEs with the core */
	bool is_paused;
	bool is_ended; /* the client sends no more, but may read */
	bool is_closing;
};

/* ---- rounds ------------------------------------------------------------------------------- */

/* Between these two root and configuration may be used. */
static void stream_enter(struct stream_thread *thread)
{
	struct net *net = thread->net;

	reader_online();
	request_round(&thread->desk, atomic_load_explicit(&net->view->root, memory_order_acquire),
		      atomic_load_explicit(&net->conf, memory_order_acquire));
	thread->idle_ms = (uint64_t)thread->desk.conf->tcp_idle_s * 1000;
}

static void stream_leave(void)
{
	reader_offline();
}

/* ---- closing ------------------------------------------------------------------------------ */

static void connection_close(struct connection *connection)
{
	if (!connection->is_closing) {
		connection->is_closing = true;
		stream_close(connection->stream);
	}
}

static void connection_drop(struct connection *connection)
{
	if (!connection->is_closing) {
		tally_add(&connection->thread->tally.tcp_dropped, 1);
		connection_close(connection);
	}
}

/* Closes if all is said that was owed. */
static void connection_end(struct connection *connection)
{
	if (connection->waiting == 0 && stream_unsent(connection->stream) == 0) {
		connection_close(connection);
	}
}

static void connection_free(struct connection *connection)
{
	struct stream_thread *thread = connection->thread;

	heap_remove(&thread->due, &connection->due);
	map_remove(&thread->connections, &connection->number, sizeof(connection->number));
	framing_deinit(&connection->framing);
	atomic_fetch_sub_explicit(&thread->net->connections, 1, memory_order_relaxed);
	free(connection);
	if (thread->is_stopping && thread->connections.count == 0) {
		loop_stop(thread->loop);
	}
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
	uint8_t *data;

	thread->out_size = 0;
	if (size == 0 || connection->is_closing) {
		return;
	}
	data = malloc(size);
	if (data == NULL) {
		connection_drop(connection);
		return;
	}
	memcpy(data, thread->out, size);
	if (stream_write(connection->stream, data, size) != OK) {
		connection_drop(connection);
		return;
	}
	connection->written += size;
	if (connection->write_due == 0 && stream_unsent(connection->stream) > 0) {
		connection->write_due = loop_now_ms(thread->loop) + thread->idle_ms;
		connection->owed = connection->written;
	}
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
	connection->read_due = loop_now_ms(thread->loop) + thread->idle_ms;
	if (request->state == REQUEST_SUBMIT) {
		connection_submit(connection);
	}
	if (request->state == REQUEST_SUBMIT) {
		return;
	}
	request_find(&thread->desk, request, 1, &thread->query);
	out = connection_out(connection);
	connection_add(connection, request_finish(&thread->desk, request, out));
}

static bool connection_is_full(const struct connection *connection)
{
	return connection->is_closing || connection->thread->is_stopping ||
	       connection->waiting >= STREAM_WAITING_MAX ||
	       connection_unsent(connection) > STREAM_UNSENT_MAX;
}

/* Handles what may be handled of what was received, and reads on only if that was all. */
static void connection_go(struct connection *connection)
{
	const struct stream_thread *thread = connection->thread;
	const uint8_t *message;
	size_t size;
	int got = 0;

	while (!connection_is_full(connection)) {
		got = framing_next(&connection->framing, &message, &size);
		if (got != 1) {
			break;
		}
		connection_message(connection, message, size);
		if (connection_unsent(connection) > STREAM_UNSENT_MAX) {
			connection_flush(connection);
		}
	}
	if (got < 0 || framing_keep(&connection->framing) != OK) {
		connection_drop(connection);
	}
	connection_flush(connection);
	if (connection->is_closing) {
		return;
	}
	const bool is_full = connection_is_full(connection);

	if (is_full && !connection->is_paused) {
		stream_pause(connection->stream);
	} else if (!is_full && connection->is_paused) {
		stream_resume(connection->stream);
	}
	connection->is_paused = is_full;
	if (thread->is_stopping || (connection->is_ended && !is_full)) {
		connection_end(connection);
	}
}

/* ---- what the loop says ------------------------------------------------------------------- */

static void stream_received(void *context, struct stream *stream, const uint8_t *data, size_t size)
{
	struct connection *connection = context;

	(void)stream;
	framing_give(&connection->framing, data, size);
	stream_enter(connection->thread);
	connection_go(connection);
	stream_leave();
}

static void stream_ended(void *context, struct stream *stream)
{
	struct connection *connection = context;

	(void)stream;
	connection->is_ended = true;
	stream_enter(connection->thread);
	connection_go(connection);
	stream_leave();
}

static void stream_drained(void *context, struct stream *stream)
{
	struct connection *connection = context;
	struct stream_thread *thread = connection->thread;

	(void)stream;
	connection->write_due = 0;
	connection->read_due = loop_now_ms(thread->loop) + thread->idle_ms;
	stream_enter(thread);
	connection_go(connection);
	stream_leave();
}

static void stream_closed(void *context, struct stream *stream)
{
	(void)stream;
	connection_free(context);
}

/* Sets the timer for the connection that is due first. */
static void stream_set_timer(struct stream_thread *thread)
{
	const struct heap_item *first = heap_first(&thread->due);
	const uint64_t now = loop_now_ms(thread->loop);

	if (first != NULL) {
		loop_timer_set(thread->timer, first->key > now ? first->key - now : 0);
	}
}

static int connection_new(struct connection **out, struct stream_thread *thread,
			  struct stream *stream)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	const bool is_first = heap_first(&thread->due) == NULL;
	int ret = ERR_NOMEM;

	if (connection == NULL) {
		return ret;
	}
	connection->thread = thread;
	connection->stream = stream;
	connection->number = ++thread->last_number;
	connection->read_due = loop_now_ms(thread->loop) + thread->idle_ms;
	framing_init(&connection->framing);
	if (heap_insert(&thread->due, &connection->due, connection->read_due) != OK ||
	    map_put(&thread->connections, &connection->number, sizeof(connection->number),
		    connection) != OK) {
		heap_remove(&thread->due, &connection->due);
		free(connection);
		return ret;
	}
	if (is_first) {
		stream_set_timer(thread);
	}
	*out = connection;
	return OK;
}

static void stream_accepted(void *listener_context, struct stream *stream)
{
	struct stream_thread *thread = listener_context;
	struct net *net = thread->net;
	struct connection *connection;
	unsigned limit;

	stream_enter(thread);
	limit = thread->desk.conf->tcp_max;
	stream_leave();
	if (atomic_fetch_add_explicit(&net->connections, 1, memory_order_relaxed) >= limit ||
	    connection_new(&connection, thread, stream) != OK) {
		atomic_fetch_sub_explicit(&net->connections, 1, memory_order_relaxed);
		tally_add(&thread->tally.tcp_refused, 1);
		stream_close(stream);
		return;
	}
	tally_add(&thread->tally.tcp_accepted, 1);
	stream_set_context(stream, connection);
}

static const struct stream_events stream_events = {
	.accepted = stream_accepted,
	.received = stream_received,
	.ended = stream_ended,
	.drained = stream_drained,
	.closed = stream_closed,
};

/* ---- limits of time ----------------------------------------------------------------------- */

/* Looks at a connection whose time has come: closes it, or says when to look again. */
static void connection_look(struct connection *connection, uint64_t now)
{
	struct stream_thread *thread = connection->thread;
	const size_t unsent = stream_unsent(connection->stream);
	uint64_t due = connection->read_due;

	if (unsent > 0) {
		if (connection->write_due <= now &&
		    connection->written - unsent < connection->owed) {
			connection_drop(connection);
		} else if (connection->write_due <= now) {
			connection->write_due = now + thread->idle_ms;
			connection->owed = connection->written;
		}
		due = connection->write_due;
	} else if (connection->waiting > 0) {
		due = now + thread->idle_ms;
	} else if (due <= now) {
		connection_drop(connection);
	}
	if (connection->is_closing) {
		heap_remove(&thread->due, &connection->due);
	} else {
		heap_move(&thread->due, &connection->due, due);
	}
}

static void stream_tick(void *context)
{
	struct stream_thread *thread = context;
	const uint64_t now = loop_now_ms(thread->loop);

	for (struct heap_item *item = heap_first(&thread->due); item != NULL && item->key <= now;
	     item = heap_first(&thread->due)) {
		connection_look(list_entry(item, struct connection, due), now);
	}
	stream_set_timer(thread);
}

/* ---- stopping ----------------------------------------------------------------------------- */

static void stream_stop_late(void *context)
{
	struct stream_thread *thread = context;
	struct connection *connection;
	size_t at = 0;

	while ((connection = map_next(&thread->connections, &at)) != NULL) {
		connection_drop(connection);
	}
}

/* No more requests; what is under way may end. */
static void stream_stop(struct stream_thread *thread)
{
	struct connection *connection;
	size_t at = 0;

	thread->is_stopping = true;
	for (size_t i = 0; i < thread->listener_count; i++) {
		stream_listener_free(thread->listeners[i]);
	}
	thread->listener_count = 0;
	while ((connection = map_next(&thread->connections, &at)) != NULL) {
		stream_pause(connection->stream);
		connection_end(connection);
	}
	if (thread->connections.count == 0) {
		loop_stop(thread->loop);
	}
	loop_timer_set(thread->stop_timer, STREAM_STOP_MS);
}

/* ---- mail --------------------------------------------------------------------------------- */

/* Writes the reply; the connection, or NULL if it is gone. */
static struct connection *stream_answer(struct stream_thread *thread, struct ticket *ticket)
{
	struct connection *connection =
		map_get(&thread->connections, &ticket->connection, sizeof(ticket->connection));
	uint8_t *out;

	if (connection == NULL || connection->is_closing) {
		return NULL;
	}
	connection->waiting--;
	connection->read_due = loop_now_ms(thread->loop) + thread->idle_ms;
	out = connection_out(connection);
	connection_add(connection, ticket_reply(ticket, out, &thread->desk.wall_s, &thread->tally));
	return connection;
}

/* What came when the thread had ended: nobody is left to be answered. */
static void stream_forget(const struct stream_thread *thread, struct list *mails)
{
	while (!list_is_empty(mails)) {
		struct list *link = mails->next;

		list_remove(link);
		if (link != &thread->stop.link) {
			ticket_free(list_entry(link, struct ticket, job.mail.link));
		}
	}
}

/* Answered tickets; replies for one connection that come together leave together. */
static void stream_mail(void *context, struct list *mails)
{
	struct stream_thread *thread = context;
	struct connection *now = NULL;

	if (thread->is_over) {
		stream_forget(thread, mails);
		return;
	}
	stream_enter(thread);
	while (!list_is_empty(mails)) {
		struct list *link = mails->next;
		struct ticket *ticket = list_entry(link, struct ticket, job.mail.link);

		list_remove(link);
		const bool is_stop = link == &thread->stop.link;

		if (now != NULL && (is_stop || now->number != ticket->connection)) {
			connection_go(now);
			now = NULL;
		}
		if (is_stop) {
			stream_stop(thread);
			continue;
		}
		now = stream_answer(thread, ticket);
		ticket_free(ticket);
	}
	if (now != NULL) {
		connection_go(now);
	}
	stream_leave();
}

int stream_thread_post(struct stream_thread *thread, struct ticket *ticket)
{
	return mailbox_post_always(thread->mailbox, &ticket->job.mail);
}

/* ---- the thread --------------------------------------------------------------------------- */

static void stream_run(void *context)
{
	struct stream_thread *thread = context;

	reader_register();
	reader_offline();
	loop_run(thread->loop);
	mailbox_close(thread->mailbox);
	reader_unregister();
}

int stream_thread_new(struct stream_thread **out, struct net *net)
{
	struct stream_thread *thread = calloc(1, sizeof(*thread));
	int ret;

	if (thread == NULL) {
		return ERR_NOMEM;
	}
	thread->net = net;
	thread->is_over = true;
	heap_init(&thread->due);
	map_init(&thread->connections, random_u64());
	request_desk_init(&thread->desk, &thread->tally);
	thread->listeners = calloc(net->endpoint_count, sizeof(struct stream_listener *));
	thread->out = malloc(STREAM_OUT);
	ret = thread->listeners != NULL && thread->out != NULL ? OK : ERR_NOMEM;
	if (ret == OK) {
		ret = loop_new(&thread->loop);
	}
	if (ret == OK) {
		ret = mailbox_new(&thread->mailbox, thread->loop, 1, stream_mail, thread);
	}
	if (ret == OK) {
		ret = loop_timer_new(&thread->timer, thread->loop, stream_tick, thread);
	}
	if (ret == OK) {
		ret = loop_timer_new(&thread->stop_timer, thread->loop, stream_stop_late, thread);
	}
	if (ret != OK) {
		stream_thread_free(thread);
		return ret;
	}
	*out = thread;
	return OK;
}

/* A socket of its own for this thread's loop. */
static int stream_thread_listen(struct stream_thread *thread, const struct endpoint *endpoint)
{
	const int fd = fcntl(endpoint->tcp, F_DUPFD_CLOEXEC, 0);
	int ret;

	if (fd < 0) {
		return ERR_SYSTEM;
	}
	ret = stream_listen(&thread->listeners[thread->listener_count], thread->loop, fd,
			    &stream_events, thread);
	thread->listener_count += ret == OK ? 1 : 0;
	return ret;
}

int stream_thread_start(struct stream_thread *thread, size_t number)
{
	char name[16];
	int ret = OK;

	for (size_t i = 0; i < thread->net->endpoint_count && ret == OK; i++) {
		ret = stream_thread_listen(thread, &thread->net->endpoints[i]);
	}
	if (ret == OK) {
		snprintf(name, sizeof(name), "stream/%zu", number % 1000);
		thread->is_over = false;
		ret = thread_start(&thread->thread, name, stream_run, thread);
	}
	if (ret != OK) {
		thread->is_over = true;
	}
	return ret;
}

void stream_thread_wake(struct stream_thread *thread)
{
	if (!thread->is_over) {
		(void)mailbox_post_always(thread->mailbox, &thread->stop);
	}
}

void stream_thread_join(struct stream_thread *thread)
{
	thread_join(thread->thread);
	thread->thread = NULL;
	thread->is_over = true;
}

/* The loop goes last: closing it ends the connections, which are still in heap and map. */
void stream_thread_free(struct stream_thread *thread)
{
	if (thread == NULL) {
		return;
	}
	mailbox_free(thread->mailbox);
	for (size_t i = 0; i < thread->listener_count; i++) {
		stream_listener_free(thread->listeners[i]);
	}
	loop_timer_free(thread->timer);
	loop_timer_free(thread->stop_timer);
	loop_free(thread->loop);
	map_deinit(&thread->connections);
	heap_deinit(&thread->due);
	request_desk_deinit(&thread->desk);
	free(thread->listeners);
	free(thread->out);
	free(thread);
}

const struct tally *stream_thread_tally(const struct stream_thread *thread)
{
	return &thread->tally;
}
