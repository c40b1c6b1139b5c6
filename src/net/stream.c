/*
 * A stream thread: accepts TCP connections and has each of them from there to its close. The
 * threads share nothing but the listening sockets and the number of connections.
 *
 * What happens on a connection is in connection.c. Here is what concerns all of a thread: who is
 * accepted, whose turn it is, whose time has come, tickets that come back from the core by mail (a
 * ticket names its connection by number, so one that is closed by then is simply not found), and
 * the stop.
 *
 * The thread is an RCU reader, online only in the calls that handle messages.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "crypto/random.h"
#include "loop/loop.h"
#include "net/connection.h"
#include "net/ticket.h"
#include "registry/reclaim.h"

enum {
	STREAM_STOP_MS = 2000, /* what is under way at the stop may take so long */
};

/* ---- rounds ------------------------------------------------------------------------------- */

/* Connections at a time: no more than there are files for. */
static uint64_t stream_most(const struct stream_thread *thread)
{
	const uint64_t most = thread->desk.conf->tcp_max;

	return most < thread->net->tcp_room ? most : thread->net->tcp_room;
}

static void stream_take_limits(struct stream_thread *thread)
{
	const struct conf *conf = thread->desk.conf;
	const unsigned used = atomic_load_explicit(&thread->net->connections, memory_order_relaxed);
	const uint64_t idle_ms = (uint64_t)conf->tcp_idle_s * 1000;

	thread->limits_ms[WAIT_REQUEST] = stream_idle_ms(idle_ms, used, stream_most(thread));
	thread->limits_ms[WAIT_REST] = (uint64_t)conf->tcp_read_s * 1000;
	thread->limits_ms[WAIT_READER] = (uint64_t)conf->tcp_write_s * 1000;
	thread->unread_max = conf->tcp_unread;
	thread->desk.idle_ms = thread->is_stopping ? 0 : thread->limits_ms[WAIT_REQUEST];
}

/* Between these two root and configuration may be used. */
void stream_enter(struct stream_thread *thread)
{
	struct net *net = thread->net;

	reader_online();
	request_round(&thread->desk, atomic_load_explicit(&net->view->root, memory_order_acquire),
		      atomic_load_explicit(&net->conf, memory_order_acquire));
	stream_take_limits(thread);
}

void stream_leave(void)
{
	reader_offline();
}

void stream_set_timer(struct stream_thread *thread)
{
	const uint64_t now = loop_now_ms(thread->loop);
	uint64_t due = UINT64_MAX;

	for (size_t i = 0; i < WAIT_KINDS; i++) {
		if (!list_is_empty(&thread->waits[i])) {
			const struct connection *first =
				list_entry(thread->waits[i].next, struct connection, link);
			const uint64_t first_due = first->since_ms + thread->limits_ms[i];

			due = first_due < due ? first_due : due;
		}
	}
	if (due < thread->timer_ms) {
		thread->timer_ms = due;
		loop_timer_set(thread->timer, due > now ? due - now : 0);
	}
}

/* ---- accepting ---------------------------------------------------------------------------- */

/* Makes room: whoever is idle longest goes. false: nobody of this thread is idle. */
static bool stream_evict(struct stream_thread *thread)
{
	const struct list *idle = &thread->waits[WAIT_REQUEST];

	if (list_is_empty(idle)) {
		return false;
	}
	connection_drop(list_entry(idle->next, struct connection, link),
			&thread->tally.tcp_evicted);
	return true;
}

/* Counts one more connection, of this client and of all. NULL, or the counter of the refusal. */
static _Atomic(uint64_t) *stream_admit(struct stream_thread *thread,
				       const struct sockaddr_storage *peer)
{
	struct net *net = thread->net;
	const uint64_t most = stream_most(thread);

	if (!clients_enter(net->clients, peer, thread->desk.conf->tcp_max_client)) {
		return &thread->tally.tcp_refused_client;
	}
	if (atomic_fetch_add_explicit(&net->connections, 1, memory_order_relaxed) >= most &&
	    !stream_evict(thread)) {
		clients_leave(net->clients, peer);
		atomic_fetch_sub_explicit(&net->connections, 1, memory_order_relaxed);
		return &thread->tally.tcp_refused;
	}
	return NULL;
}

static void stream_accepted(void *listener_context, struct stream *stream)
{
	struct stream_thread *thread = listener_context;
	const struct sockaddr_storage *peer = stream_peer(stream);
	_Atomic(uint64_t) *refusal;
	struct connection *connection;

	stream_enter(thread);
	refusal = stream_admit(thread, peer);
	stream_leave();
	if (refusal == NULL && connection_new(&connection, thread, stream) != OK) {
		clients_leave(thread->net->clients, peer);
		atomic_fetch_sub_explicit(&thread->net->connections, 1, memory_order_relaxed);
		refusal = &thread->tally.tcp_refused;
	}
	if (refusal != NULL) {
		tally_add(refusal, 1);
		stream_close(stream);
		return;
	}
	tally_add(&thread->tally.tcp_accepted, 1);
	stream_set_context(stream, connection);
}

/* Whoever has more to do gets his turn, one in each round, so that new requests come in between. */
static void stream_turn(void *context)
{
	struct stream_thread *thread = context;

	if (list_is_empty(&thread->turns)) {
		loop_turn_set(thread->turn, false);
		return;
	}
	stream_enter(thread);
	connection_go(list_entry(thread->turns.next, struct connection, turn));
	stream_leave();
}

static const struct stream_events stream_events = {
	.accepted = stream_accepted,
	.received = connection_received,
	.ended = connection_ended,
	.drained = connection_drained,
	.closed = connection_closed,
};

/* ---- limits of time ----------------------------------------------------------------------- */

static void stream_tick(void *context)
{
	struct stream_thread *thread = context;
	const uint64_t now = loop_now_ms(thread->loop);

	stream_enter(thread);
	stream_leave();
	for (size_t i = 0; i < WAIT_KINDS; i++) {
		struct list *wait = &thread->waits[i];

		while (!list_is_empty(wait)) {
			struct connection *first = list_entry(wait->next, struct connection, link);

			if (first->since_ms + thread->limits_ms[i] > now) {
				break;
			}
			connection_late(first);
		}
	}
	thread->timer_ms = UINT64_MAX;
	stream_set_timer(thread);
}

/* ---- stopping ----------------------------------------------------------------------------- */

static void stream_stop_late(void *context)
{
	struct stream_thread *thread = context;
	struct connection *connection;
	size_t at = 0;

	while ((connection = map_next(&thread->connections, &at)) != NULL) {
		connection_drop(connection, &thread->tally.tcp_dropped);
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

	if (connection == NULL || connection->is_closing) {
		return NULL;
	}
	connection_answer(connection, ticket);
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
	thread->timer_ms = UINT64_MAX;
	list_init(&thread->turns);
	for (size_t i = 0; i < WAIT_KINDS; i++) {
		list_init(&thread->waits[i]);
	}
	map_init(&thread->connections, random_u64());
	request_desk_init(&thread->desk, &thread->tally);
	thread->desk.cookie_base = net->cookie_base;
	thread->desk.rate = net->rate;
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
	if (ret == OK) {
		ret = loop_turn_new(&thread->turn, thread->loop, stream_turn, thread);
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

/* The loop goes last: closing it ends the connections, which are still in lists and map. */
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
	loop_turn_free(thread->turn);
	loop_free(thread->loop);
	map_deinit(&thread->connections);
	request_desk_deinit(&thread->desk);
	free(thread->listeners);
	free(thread->out);
	free(thread);
}

const struct tally *stream_thread_tally(const struct stream_thread *thread)
{
	return &thread->tally;
}
