/*
 * TCP connections: how they are read, how long and how many they may be, and how a reply of many
 * messages goes out.
 */
#include "net/connection.h"

#include <limits.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/ioctl.h>

#include "base/list.h"
#include "net/inner.h"
#include "net/source.h"
#include "net/ticket.h"
#include "tests/unit/net/server.h"

START_TEST(any_split_of_a_stream_is_understood)
{
	static const char *const texts[] = {QUERY("0000"), QUERY_OPT("0001"), QUERY("0002")};
	struct server server = server_start();
	uint8_t stream[512];
	uint8_t reply[DNS_UDP_SAFE];
	const size_t size = frame(stream, sizeof(stream), texts, COUNT_OF(texts));
	const int one = 1;

	for (size_t step = 1; step <= size; step += step < 8 ? 1 : 11) {
		const int fd = dial_tcp(&server);

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		for (size_t at = 0; at < size; at += step) {
			const size_t left = size - at < step ? size - at : step;

			ck_assert_int_eq(send(fd, stream + at, left, 0), (ssize_t)left);
		}
		for (unsigned i = 0; i < COUNT_OF(texts); i++) {
			receive_framed(fd, reply);
			ck_assert_uint_eq(id_of(reply), i);
		}
		close(fd);
	}
	server_stop(&server);
}
END_TEST

START_TEST(who_sends_no_more_is_still_answered)
{
	static const char *const texts[] = {QUERY("0001"), QUERY("0002")};
	struct server server = server_start();
	const int fd = dial_tcp(&server);
	uint8_t stream[512];
	uint8_t reply[DNS_UDP_SAFE];
	const size_t size = frame(stream, sizeof(stream), texts, COUNT_OF(texts));

	ck_assert_int_eq(send(fd, stream, size, 0), (ssize_t)size);
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	receive_framed(fd, reply);
	receive_framed(fd, reply);
	ck_assert(is_closed(fd));
	close(fd);
	server_stop(&server);
}
END_TEST

START_TEST(idle_and_half_messages_end_a_connection)
{
	struct server server =
		server_start_with("\"127.0.0.1@0\"", "  tcp-idle: 1s\n  tcp-read: 1s\n");
	static const char *const texts[] = {QUERY("0001")};
	uint8_t stream[512];
	uint8_t reply[DNS_UDP_SAFE];
	const size_t size = frame(stream, sizeof(stream), texts, 1);
	const int silent = dial_tcp(&server);
	const int asked = dial_tcp(&server);
	const int half = dial_tcp(&server);
	const uint64_t start_ms = clock_mono_ms();

	ck_assert_int_eq(send(asked, stream, size, 0), (ssize_t)size);
	receive_framed(asked, reply);
	/* An octet now and then completes nothing, and does not help. */
	for (size_t at = 0; at < size - 1; at++) {
		struct pollfd poll_ = {.fd = half, .events = POLLIN};

		if (poll(&poll_, 1, 100) == 1) {
			break;
		}
		if (send(half, stream + at, 1, MSG_NOSIGNAL) != 1) {
			break; /* it is closed just now */
		}
	}
	ck_assert(is_closed(half));
	ck_assert(is_closed(silent));
	ck_assert(is_closed(asked));
	ck_assert_uint_lt(clock_mono_ms() - start_ms, 6000); /* the default would be 10 s */
	const struct net_counters counters = server_count(&server);

	ck_assert_uint_eq(counters.tcp_idle, 2);
	ck_assert_uint_eq(counters.tcp_unfinished, 1);
	ck_assert_uint_eq(counters.tcp_dropped, 0);
	close(half);
	close(silent);
	close(asked);
	server_stop(&server);
}
END_TEST

/* A query there and back. false: the connection is closed. */
static bool is_served(int fd)
{
	static const char *const texts[] = {QUERY("0001")};
	uint8_t stream[512];
	uint8_t reply[DNS_UDP_SAFE];
	const size_t size = frame(stream, sizeof(stream), texts, 1);

	return send(fd, stream, size, MSG_NOSIGNAL) == (ssize_t)size &&
	       recv(fd, reply, sizeof(reply), 0) > 0;
}

START_TEST(at_the_limit_whoever_is_idle_longest_makes_room)
{
	struct server server = server_start_with(
		"\"127.0.0.1@0\"", "  stream-threads: 1\n  tcp-max: 2\n  tcp-idle: 60s\n");
	int fds[3];

	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		fds[i] = dial_tcp(&server);
		ck_assert(is_served(fds[i]));
		if (i == 1) {
			ck_assert(is_served(fds[0]));
		}
	}
	ck_assert(is_closed(fds[1]));
	ck_assert(is_served(fds[0]));
	ck_assert(is_served(fds[2]));
	const struct net_counters counters = server_count(&server);

	ck_assert_uint_eq(counters.tcp_evicted, 1);
	ck_assert_uint_eq(counters.tcp_refused, 0);
	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		close(fds[i]);
	}
	server_stop(&server);
}
END_TEST

START_TEST(at_the_limit_with_nobody_idle_the_new_one_is_refused)
{
	struct server server =
		server_start_with("\"127.0.0.1@0\"", "  stream-threads: 1\n  tcp-max: 2\n");
	int fds[2];

	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		fds[i] = dial_tcp(&server);
		ck_assert(is_served(fds[i]));
		/* Half a message: under way, until tcp-read is over. */
		ck_assert_int_eq(send(fds[i], "", 1, MSG_NOSIGNAL), 1);
	}
	const uint64_t start_ms = clock_mono_ms();

	while (server_count(&server).tcp_refused == 0) {
		const int over = dial_tcp(&server);

		ck_assert(is_closed(over));
		close(over);
		ck_assert_uint_lt(clock_mono_ms() - start_ms, DEADLINE_MS);
	}
	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		close(fds[i]);
	}
	server_stop(&server);
}
END_TEST

START_TEST(one_address_gets_so_many_and_room_again)
{
	struct server server = server_start_with("\"127.0.0.1@0\"", "  tcp-max-client: 2\n");
	int fds[2];

	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		fds[i] = dial_tcp(&server);
		ck_assert(is_served(fds[i]));
	}
	const int over = dial_tcp(&server);

	ck_assert(is_closed(over));
	ck_assert_uint_eq(server_count(&server).tcp_refused_client, 1);
	close(over);
	close(fds[0]);
	/* There is room again as soon as the server has seen that. */
	for (const uint64_t start_ms = clock_mono_ms();;) {
		ck_assert_uint_lt(clock_mono_ms() - start_ms, DEADLINE_MS);
		const int again = dial_tcp(&server);
		const bool is_in = is_served(again);

		close(again);
		if (is_in) {
			break;
		}
	}
	close(fds[1]);
	server_stop(&server);
}
END_TEST

#define KEEPALIVE(id, option) id " 0100 0001 0000 0000 0001 03737663 00 0006 0001 " option
#define OPT_KEEPALIVE "00 0029 04d0 00000000 0004 000b 0000"
#define OPT_KEEPALIVE_ODD "00 0029 04d0 00000000 0005 000b 0001 00"

START_TEST(keepalive_is_told_by_TCP_to_who_asks)
{
	static const struct {
		const char *text;
		bool is_told;
		unsigned rcode;
	} cases[] = {
		{KEEPALIVE("0001", OPT_KEEPALIVE), true, DNS_RCODE_NOERROR},
		{KEEPALIVE("0001", OPT), false, DNS_RCODE_NOERROR},
		{KEEPALIVE("0001", OPT_KEEPALIVE_ODD), false, DNS_RCODE_FORMERR},
	};
	struct server server = server_start_with("\"127.0.0.1@0\"", "  tcp-idle: 20s\n");
	uint8_t reply[DNS_UDP_SAFE];

	server_publish(&server);
	const int tcp = dial_tcp(&server);
	const int udp = dial_udp(&server);

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		send_framed(tcp, cases[i].text);
		const size_t size = receive_framed(tcp, reply);

		ck_assert_uint_eq(rcode_of(reply), cases[i].rcode);
		ck_assert_int_eq(memcmp(reply + size - 6, "\0\x0b\0\2\0\xc8", 6) == 0,
				 cases[i].is_told);
		/* RFC 7828 3.2.2: ignored by UDP, whatever its length. */
		send_hex(udp, cases[i].text);
		const size_t udp_size = receive(udp, reply);

		ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
		ck_assert_mem_eq(reply + udp_size - 11, "\0\0\x29\4\xd0\0\0\0\0\0\0", 11);
	}
	close(tcp);
	close(udp);
	server_stop(&server);
}
END_TEST

START_TEST(who_never_reads_is_dropped_and_costs_the_others_nothing)
{
	struct server server = server_start_with("\"127.0.0.1@0\"", "  tcp-write: 1s\n");
	static const char *const texts[] = {QUERY("0001")};
	static uint8_t flood[64 * 1024];
	uint8_t stream[512];
	uint8_t reply[DNS_UDP_SAFE];
	const size_t size = frame(stream, sizeof(stream), texts, 1);
	const int small = 4096;
	const int deaf = dial_tcp(&server);
	size_t sent = 0;

	setsockopt(deaf, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (size_t at = 0; at < sizeof(flood); at++) {
		flood[at] = stream[at % size];
	}
	/* Until the server does not read any more. Every send goes on where the stream stood. */
	for (;;) {
		const size_t at = sent % size;
		struct pollfd poll_ = {.fd = deaf, .events = POLLOUT};

		if (poll(&poll_, 1, 200) != 1 || (poll_.revents & POLLHUP) != 0) {
			break;
		}
		const ssize_t got =
			send(deaf, flood + at, sizeof(flood) - size, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (got <= 0) {
			break;
		}
		sent += (size_t)got;
		ck_assert_uint_lt(sent, 100 << 20);
	}
	const uint64_t start_ms = clock_mono_ms();
	uint64_t fastest_ms = UINT64_MAX; /* any but that may have met a machine that was away */

	while (server_count(&server).tcp_unread == 0) {
		ck_assert_uint_lt(clock_mono_ms() - start_ms, DEADLINE_MS);
		const int fd = dial_tcp(&server);
		const uint64_t ask_ms = clock_mono_ms();
		uint64_t took_ms;

		ck_assert_int_eq(send(fd, stream, size, 0), (ssize_t)size);
		receive_framed(fd, reply);
		took_ms = clock_mono_ms() - ask_ms;
		fastest_ms = took_ms < fastest_ms ? took_ms : fastest_ms;
		close(fd);
	}
	ck_assert_uint_lt(fastest_ms, 500);
	close(deaf);
	server_stop(&server);
}
END_TEST

/* ---- replies of many messages -------------------------------------------------------------- */

/* Messages of one size, numbered; then an end, or an error. */
struct count_source {
	struct source source;
	unsigned most;
	int last; /* what `next` says after them */
	_Atomic(unsigned) *made;
	_Atomic(unsigned) *freed;
};

enum { COUNT_SIZE = 60000 };

static int count_next(struct source *source, struct request_desk *desk, uint8_t *wire)
{
	struct count_source *counting = list_entry(source, struct count_source, source);
	const unsigned number = atomic_load(counting->made);

	(void)desk;
	if (number == counting->most) {
		return counting->last;
	}
	memset(wire, 0, COUNT_SIZE);
	wire[0] = (uint8_t)(number >> 8);
	wire[1] = (uint8_t)number;
	atomic_store(counting->made, number + 1);
	return COUNT_SIZE;
}

static void count_free(struct source *source)
{
	struct count_source *counting = list_entry(source, struct count_source, source);

	atomic_fetch_add(counting->freed, 1);
	free(counting);
}

static const struct source_ops count_ops = {.next = count_next, .free = count_free};

/*
 * A connection whose UPDATE the core does not answer; in its stead every stream thread gets a
 * ticket for its first connection that has a source. One of them finds it, the other frees its.
 */
static int stream_many(struct server *server, unsigned most, int last, _Atomic(unsigned) *made,
		       _Atomic(unsigned) *freed)
{
	const int fd = dial_tcp(server);
	char text[256];

	send_framed(fd, add_text(text, 1, 1));
	wait_for_updates(server, 1);
	for (size_t i = 0; i < server->net->stream_count; i++) {
		struct ticket *ticket = calloc(1, sizeof(*ticket));
		struct count_source *counting = calloc(1, sizeof(*counting));

		*counting = (struct count_source){
			.source.ops = &count_ops,
			.most = most,
			.last = last,
			.made = made,
			.freed = freed,
		};
		ticket->net = server->net;
		ticket->conf = conf_ref(server->conf);
		ticket->connection = 1;
		ticket->source = &counting->source;
		ck_assert_int_eq(stream_thread_post(server->net->streams[i], ticket), OK);
	}
	return fd;
}

static void wait_for(const _Atomic(unsigned) *number, unsigned wanted)
{
	const uint64_t start_ms = clock_mono_ms();

	while (atomic_load(number) < wanted) {
		ck_assert_uint_lt(clock_mono_ms() - start_ms, DEADLINE_MS);
		poll(NULL, 0, 1);
	}
}

START_TEST(a_reply_of_many_messages_is_made_as_it_is_read_and_others_come_between)
{
	static uint8_t reply[DNS_MESSAGE_MAX];
	struct server server = server_start_published();
	struct hold hold;
	_Atomic(unsigned) made = 0;
	_Atomic(unsigned) freed = 0;
	unsigned number = 0;
	bool is_answered = false;

	hold_core(&hold, &server);
	const int fd = stream_many(&server, 1000, 0, &made, &freed);

	/* Sockets hold some MB, the connection 256 KiB: 60 MB have to be waited for. */
	wait_for(&made, 4);
	for (unsigned before = 0; before != atomic_load(&made);) {
		before = atomic_load(&made);
		poll(NULL, 0, 100);
	}
	ck_assert_uint_lt(atomic_load(&made), 500);
	send_framed(fd, QUERY("ffff"));
	while (number < 1000) {
		const size_t size = receive_framed(fd, reply);

		if (id_of(reply) == 0xffff) {
			is_answered = true;
			continue;
		}
		ck_assert_uint_eq(size, COUNT_SIZE);
		ck_assert_uint_eq(id_of(reply), number++);
	}
	ck_assert(is_answered);
	wait_for(&freed, 2);
	close(fd);
	release_core(&hold);
	server_stop(&server);
}
END_TEST

START_TEST(a_reply_of_many_messages_that_cannot_go_on_ends_its_connection)
{
	static uint8_t reply[DNS_MESSAGE_MAX];
	struct server server = server_start_published();
	struct hold hold;
	_Atomic(unsigned) made = 0;
	_Atomic(unsigned) freed = 0;

	hold_core(&hold, &server);
	const int fd = stream_many(&server, 2, ERR_NOMEM, &made, &freed);

	receive_framed(fd, reply);
	receive_framed(fd, reply);
	ck_assert(is_closed(fd));
	wait_for(&freed, 2);
	close(fd);
	release_core(&hold);
	server_stop(&server);
}
END_TEST

START_TEST(a_reply_of_many_messages_is_freed_with_its_connection)
{
	struct server server = server_start_published();
	struct hold hold;
	_Atomic(unsigned) made = 0;
	_Atomic(unsigned) freed = 0;

	hold_core(&hold, &server);
	const int fd = stream_many(&server, UINT_MAX, 0, &made, &freed);

	wait_for(&made, 4);
	close(fd);
	wait_for(&freed, 2);
	release_core(&hold);
	server_stop(&server);
}
END_TEST

/* ---- turns --------------------------------------------------------------------------------- */

enum { GATE_CALLS = 5, GATE_SIZE = 20000 /* more than a turn's 16 KiB */ };

/* A message in each turn of its connection; the thread stands still in the second one. */
struct gate {
	struct source source;
	sem_t reached;
	sem_t opened;
	_Atomic(unsigned) calls;
	uint64_t received[GATE_CALLS + 1]; /* messages of all connections by then, at each call */
};

static int gate_next(struct source *source, struct request_desk *desk, uint8_t *wire)
{
	struct gate *gate = list_entry(source, struct gate, source);
	const unsigned call = atomic_load(&gate->calls) + 1;

	gate->received[call] = atomic_load(&desk->tally->tcp_received);
	atomic_store(&gate->calls, call);
	if (call == 2) {
		sem_post(&gate->reached);
		sem_wait(&gate->opened);
	}
	memset(wire, 0, GATE_SIZE);
	return call < GATE_CALLS ? GATE_SIZE : 0;
}

static void gate_free(struct source *source)
{
	(void)source;
}

static const struct source_ops gate_ops = {.next = gate_next, .free = gate_free};

/* A connection, the first one, that is answered by `gate`; its UPDATE waits with the core. */
static int dial_gate(struct server *server, struct gate *gate)
{
	const int fd = dial_tcp(server);
	char text[256];

	send_framed(fd, add_text(text, 1, 1));
	wait_for_updates(server, 1);
	gate->source.ops = &gate_ops;
	sem_init(&gate->reached, 0, 0);
	sem_init(&gate->opened, 0, 0);
	return fd;
}

static void post_gate(struct server *server, struct gate *gate)
{
	struct ticket *ticket = calloc(1, sizeof(*ticket));

	ticket->net = server->net;
	ticket->conf = conf_ref(server->conf);
	ticket->connection = 1;
	ticket->source = &gate->source;
	ck_assert_int_eq(stream_thread_post(server->net->streams[0], ticket), OK);
	sem_wait(&gate->reached);
}

/* Until all that was sent is where the server reads it. */
static void wait_for_arrival(int fd)
{
	const uint64_t start_ms = clock_mono_ms();
	int left = 1;

	while (left > 0) {
		ck_assert_uint_lt(clock_mono_ms() - start_ms, DEADLINE_MS);
		ck_assert_int_eq(ioctl(fd, SIOCOUTQ, &left), 0);
		poll(NULL, 0, 1);
	}
}

START_TEST(who_sends_much_waits_for_a_turn_and_who_asks_little_does_not)
{
	enum { MANY = 50 }; /* 23 octets each: over 1 KiB */
	static uint8_t reply[DNS_MESSAGE_MAX];
	static struct gate gate;
	const char *texts[MANY];
	uint8_t stream[MANY * 32];
	struct server server = server_start_with("\"127.0.0.1@0\"", "  stream-threads: 1\n");
	struct hold hold;

	for (unsigned i = 0; i < MANY; i++) {
		texts[i] = QUERY("0001");
	}
	const size_t size = frame(stream, sizeof(stream), texts, MANY);
	ck_assert_uint_gt(size, 1024);
	server_publish(&server);
	hold_core(&hold, &server);
	const int gated = dial_gate(&server, &gate);
	const int much = dial_tcp(&server);
	const int little = dial_tcp(&server);

	ck_assert(is_served(much) && is_served(little));
	post_gate(&server, &gate);
	ck_assert_int_eq(send(much, stream, size, 0), (ssize_t)size);
	send_framed(little, QUERY("0002"));
	wait_for_arrival(much);
	wait_for_arrival(little);
	sem_post(&gate.opened);
	for (unsigned i = 0; i < MANY; i++) {
		receive_framed(much, reply);
		ck_assert_uint_eq(id_of(reply), 1);
	}
	receive_framed(little, reply);
	ck_assert_uint_eq(id_of(reply), 2);
	wait_for(&gate.calls, GATE_CALLS);
	/* Both came while the gate had its turn. Of one the answer was not waited for; the other was
	 * behind the gate, and had all of its turn. */
	ck_assert_uint_eq(gate.received[3] - gate.received[2], 1);
	ck_assert_uint_eq(gate.received[4] - gate.received[2], 1 + MANY);
	close(gated);
	close(much);
	close(little);
	release_core(&hold);
	server_stop(&server);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		any_split_of_a_stream_is_understood,
		who_sends_no_more_is_still_answered,
		idle_and_half_messages_end_a_connection,
		at_the_limit_whoever_is_idle_longest_makes_room,
		at_the_limit_with_nobody_idle_the_new_one_is_refused,
		one_address_gets_so_many_and_room_again,
		keepalive_is_told_by_TCP_to_who_asks,
		who_never_reads_is_dropped_and_costs_the_others_nothing,
		a_reply_of_many_messages_is_made_as_it_is_read_and_others_come_between,
		a_reply_of_many_messages_that_cannot_go_on_ends_its_connection,
		a_reply_of_many_messages_is_freed_with_its_connection,
		who_sends_much_waits_for_a_turn_and_who_asks_little_does_not,
	};

	return run_tests("connection", tests, COUNT_OF(tests));
}
