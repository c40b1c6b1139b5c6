#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "loop/call.h"
#include "loop/loop.h"
#include "loop/stream.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/loop/deadline.h"
#include "tests/unit/run.h"

#define LARGE ((size_t)32 << 20) /* more than the kernel takes for one connection */

/* The side under test, and a client on a thread of its own with blocking sockets. */
struct world {
	struct loop *loop;
	struct stream_listener *listener;
	struct sockaddr_storage address;
	socklen_t address_size;
	struct stream_events events;
	void (*client)(struct world *world, int fd);
	struct thread *thread;
	struct call over; /* the stream is closed */

	struct stream *stream; /* accepted last */
	uint64_t idle_ms;
	bool is_refusing;
	unsigned accepted;
	unsigned closed;
	unsigned drained;
	unsigned ended;
	size_t received;
	size_t unsent_most;

	size_t got; /* by the client, until the end */
	bool is_end_clean;
};

/* ---- the side under test ------------------------------------------------------------------- */

static void fill_pattern(uint8_t *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		data[i] = (uint8_t)(i * 31 >> 3);
	}
}

static void send_pattern(struct world *world, struct stream *stream, size_t size)
{
	uint8_t *data = malloc(size);

	ck_assert_ptr_nonnull(data);
	fill_pattern(data, size);
	ck_assert_int_eq(stream_write(stream, data, size), OK);
	if (stream_unsent(stream) > world->unsent_most) {
		world->unsent_most = stream_unsent(stream);
	}
}

static void accepted(void *context, struct stream *stream)
{
	struct world *world = context;

	world->accepted++;
	world->stream = stream;
	if (world->is_refusing) {
		stream_close(stream);
		loop_stop(world->loop);
		return;
	}
	stream_set_context(stream, world);
	stream_set_idle(stream, world->idle_ms);
}

static void closed(void *context, struct stream *stream)
{
	struct world *world = context;

	ck_assert_ptr_eq(stream, world->stream);
	world->closed++;
	world->stream = NULL;
	call_end(&world->over, OK);
	loop_stop(world->loop);
}

static void echo(void *context, struct stream *stream, const uint8_t *data, size_t size)
{
	struct world *world = context;
	uint8_t *copy = malloc(size);

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, data, size);
	world->received += size;
	ck_assert_int_eq(stream_write(stream, copy, size), OK);
}

static void send_large(void *context, struct stream *stream, const uint8_t *data, size_t size)
{
	struct world *world = context;

	(void)data;
	world->received += size;
	send_pattern(world, stream, LARGE);
}

static void drained(void *context, struct stream *stream)
{
	struct world *world = context;

	ck_assert_uint_eq(stream_unsent(stream), 0);
	world->drained++;
}

static int listen_tcp(struct world *world)
{
	struct sockaddr_in *address = (struct sockaddr_in *)&world->address;
	const int fd = socket(AF_INET, SOCK_STREAM, 0);

	address->sin_family = AF_INET;
	address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	world->address_size = sizeof(*address);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
	ck_assert_int_eq(listen(fd, 10), 0);
	getsockname(fd, (struct sockaddr *)address, &world->address_size);
	return fd;
}

static int listen_unix(struct world *world)
{
	struct sockaddr_un *address = (struct sockaddr_un *)&world->address;
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	address->sun_family = AF_UNIX;
	/* In the abstract name space: nothing to remove. */
	snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1, "waggle-%d", (int)getpid());
	world->address_size = sizeof(*address);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)address, sizeof(*address)), 0);
	return fd;
}

static const struct stream_events echo_events = {
	.accepted = accepted,
	.received = echo,
	.drained = drained,
	.closed = closed,
};

static void world_init(struct world *world, int (*bound)(struct world *),
		       void (*client)(struct world *, int))
{
	*world = (struct world){.events = echo_events, .client = client};
	call_init(&world->over);
	ck_assert_int_eq(loop_new(&world->loop), OK);
	ck_assert_int_eq(
		stream_listen(&world->listener, world->loop, bound(world), &world->events, world),
		OK);
}

/* ---- the client ---------------------------------------------------------------------------- */

static void run_client(void *context)
{
	struct world *world = context;
	const struct timeval limit = {.tv_sec = DEADLINE_MS / 1000};
	const int fd = socket(world->address.ss_family, SOCK_STREAM, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) != 0 ||
	    connect(fd, (struct sockaddr *)&world->address, world->address_size) != 0) {
		abort();
	}
	world->client(world, fd);
	close(fd);
}

static void start_client(struct world *world)
{
	ck_assert_int_eq(thread_start(&world->thread, "client", run_client, world), OK);
}

static void world_deinit(struct world *world)
{
	thread_join(world->thread);
	stream_listener_free(world->listener);
	loop_free(world->loop);
	call_deinit(&world->over);
}

static void must_send(int fd, const void *data, size_t size)
{
	if (send(fd, data, size, MSG_NOSIGNAL) != (ssize_t)size) {
		abort();
	}
}

/* Reads to the end; what comes must be the pattern, when `is_pattern`. */
static void read_to_end(struct world *world, int fd, bool is_pattern)
{
	static uint8_t buffer[65536];

	for (;;) {
		const ssize_t count = read(fd, buffer, sizeof(buffer));

		if (count <= 0) {
			world->is_end_clean = count == 0;
			return;
		}
		for (ssize_t i = 0; i < count; i++) {
			const size_t at = world->got + (size_t)i;

			if (is_pattern && buffer[i] != (uint8_t)(at * 31 >> 3)) {
				abort();
			}
		}
		world->got += (size_t)count;
	}
}

static void ask_and_read(struct world *world, int fd)
{
	must_send(fd, "hello", 5);
	shutdown(fd, SHUT_WR);
	read_to_end(world, fd, false);
}

static void ask_and_read_pattern(struct world *world, int fd)
{
	must_send(fd, "hello", 5);
	shutdown(fd, SHUT_WR);
	read_to_end(world, fd, true);
}

static void only_read(struct world *world, int fd)
{
	read_to_end(world, fd, false);
}

/* ---- tests --------------------------------------------------------------------------------- */

START_TEST(bytes_go_in_and_out)
{
	int (*const bound[])(struct world *) = {listen_tcp, listen_unix};

	for (size_t i = 0; i < COUNT_OF(bound); i++) {
		struct world world;

		world_init(&world, bound[i], ask_and_read);
		start_client(&world);
		run_until_stopped(world.loop);
		world_deinit(&world);
		ck_assert_uint_eq(world.received, 5);
		ck_assert_uint_eq(world.got, 5);
		ck_assert_uint_eq(world.closed, 1);
		ck_assert(world.is_end_clean);
	}
}
END_TEST

static void note_peer(void *context, struct stream *stream)
{
	struct world *world = context;

	accepted(context, stream);
	ck_assert_int_eq(stream_peer(stream)->ss_family, world->address.ss_family);
	if (world->address.ss_family == AF_INET) {
		const struct sockaddr_in *peer = (const struct sockaddr_in *)stream_peer(stream);

		ck_assert_uint_eq(ntohl(peer->sin_addr.s_addr), INADDR_LOOPBACK);
		ck_assert_uint_ne(peer->sin_port, 0);
	}
}

START_TEST(the_other_ends_address_is_known)
{
	int (*const bound[])(struct world *) = {listen_tcp, listen_unix};

	for (size_t i = 0; i < COUNT_OF(bound); i++) {
		struct world world;

		world_init(&world, bound[i], ask_and_read);
		world.events.accepted = note_peer;
		start_client(&world);
		run_until_stopped(world.loop);
		world_deinit(&world);
	}
}
END_TEST

START_TEST(what_the_kernel_does_not_take_waits_and_all_arrives_after_half_close)
{
	struct world world;

	world_init(&world, listen_tcp, ask_and_read_pattern);
	world.events.received = send_large;
	start_client(&world);
	run_until_stopped(world.loop);
	world_deinit(&world);
	ck_assert_uint_gt(world.unsent_most, 0);
	ck_assert_uint_eq(world.drained, 1);
	ck_assert_uint_eq(world.got, LARGE);
	ck_assert(world.is_end_clean);
}
END_TEST

static void answer_later(void *context)
{
	struct world *world = context;

	send_pattern(world, world->stream, 1000);
	stream_close(world->stream);
}

static void note_end(void *context, struct stream *stream)
{
	struct world *world = context;
	struct loop_timer *timer;

	(void)stream;
	world->ended++;
	/* The answer is not there yet, as with an UPDATE on its way. Freed with the loop. */
	ck_assert_int_eq(loop_timer_new(&timer, world->loop, answer_later, world), OK);
	loop_timer_set(timer, 5);
}

static void swallow(void *context, struct stream *stream, const uint8_t *data, size_t size)
{
	struct world *world = context;

	(void)stream;
	(void)data;
	world->received += size;
}

static void send_large_borrowed(void *context, struct stream *stream, const uint8_t *data,
				size_t size)
{
	struct world *world = context;
	uint8_t *pattern = malloc(LARGE);

	(void)data;
	world->received += size;
	fill_pattern(pattern, LARGE);
	ck_assert_int_eq(stream_send(stream, pattern, LARGE), OK);
	world->unsent_most = stream_unsent(stream);
	memset(pattern, 0, LARGE);
	free(pattern);
}

START_TEST(what_is_sent_stays_the_callers_and_arrives_all_the_same)
{
	struct world world;

	world_init(&world, listen_tcp, ask_and_read_pattern);
	world.events.received = send_large_borrowed;
	start_client(&world);
	run_until_stopped(world.loop);
	world_deinit(&world);
	ck_assert_uint_gt(world.unsent_most, 0);
	ck_assert_uint_eq(world.got, LARGE);
	ck_assert(world.is_end_clean);
}
END_TEST

START_TEST(who_wants_to_know_of_the_end_answers_after_it)
{
	struct world world;

	world_init(&world, listen_tcp, ask_and_read_pattern);
	world.events.received = swallow;
	world.events.ended = note_end;
	start_client(&world);
	run_until_stopped(world.loop);
	world_deinit(&world);
	ck_assert_uint_eq(world.ended, 1);
	ck_assert_uint_eq(world.got, 1000);
}
END_TEST

START_TEST(a_silent_client_is_closed)
{
	struct world world;

	world_init(&world, listen_tcp, only_read);
	world.idle_ms = 30;
	start_client(&world);
	run_until_stopped(world.loop);
	world_deinit(&world);
	ck_assert_uint_eq(world.closed, 1);
	ck_assert_uint_eq(world.got, 0);
	ck_assert(world.is_end_clean);
}
END_TEST

/* Not one octet is taken, until the other side gives up. */
static void ask_and_wait(struct world *world, int fd)
{
	must_send(fd, "hello", 5);
	call_wait(&world->over);
}

START_TEST(a_client_that_takes_nothing_is_closed)
{
	struct world world;

	world_init(&world, listen_tcp, ask_and_wait);
	world.events.received = send_large;
	world.idle_ms = 50;
	start_client(&world);
	run_until_stopped(world.loop);
	world_deinit(&world);
	ck_assert_uint_eq(world.closed, 1);
	ck_assert_uint_eq(world.drained, 0);
}
END_TEST

static void resume(void *context)
{
	struct world *world = context;

	ck_assert_uint_eq(world->received, 5);
	stream_resume(world->stream);
}

static void pause_once(void *context, struct stream *stream, const uint8_t *data, size_t size)
{
	struct world *world = context;
	struct loop_timer *timer;

	(void)data;
	world->received += size;
	if (world->received == 5) {
		stream_pause(stream);
		ck_assert_int_eq(loop_timer_new(&timer, world->loop, resume, world), OK);
		loop_timer_set(timer, 50);
		send_pattern(world, stream, 1);
	}
}

static void ask_twice(struct world *world, int fd)
{
	char octet;

	must_send(fd, "hello", 5);
	if (read(fd, &octet, 1) != 1) {
		abort();
	}
	must_send(fd, "again", 5);
	shutdown(fd, SHUT_WR);
	read_to_end(world, fd, false);
}

START_TEST(a_paused_stream_is_not_read_until_it_is_resumed)
{
	struct world world;

	world_init(&world, listen_tcp, ask_twice);
	world.events.received = pause_once;
	start_client(&world);
	run_until_stopped(world.loop);
	world_deinit(&world);
	ck_assert_uint_eq(world.received, 10);
}
END_TEST

START_TEST(refused_at_accept_there_is_no_further_call)
{
	struct world world;

	world_init(&world, listen_tcp, only_read);
	world.is_refusing = true;
	start_client(&world);
	run_until_stopped(world.loop);
	world_deinit(&world);
	ck_assert_uint_eq(world.accepted, 1);
	ck_assert_uint_eq(world.closed, 0);
}
END_TEST

static void reset(struct world *world, int fd)
{
	const struct linger linger = {.l_onoff = 1};

	(void)world;
	must_send(fd, "hello", 5);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

START_TEST(a_reset_closes_and_writes_to_it_fail)
{
	struct world world;

	world_init(&world, listen_tcp, reset);
	world.events.received = swallow;
	start_client(&world);
	run_until_stopped(world.loop);
	world_deinit(&world);
	ck_assert_uint_eq(world.closed, 1);
}
END_TEST

static void close_and_write(void *context, struct stream *stream, const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(1);

	(void)context;
	(void)data;
	(void)size;
	stream_close(stream);
	stream_close(stream);
	stream_resume(stream);
	stream_pause(stream);
	ck_assert_int_eq(stream_write(stream, copy, 1), ERR_CLOSED);
}

START_TEST(a_closed_stream_takes_nothing_more)
{
	struct world world;

	world_init(&world, listen_tcp, ask_and_read);
	world.events.received = close_and_write;
	start_client(&world);
	run_until_stopped(world.loop);
	world_deinit(&world);
	ck_assert_uint_eq(world.closed, 1);
	ck_assert_uint_eq(world.got, 0);
}
END_TEST

static void stop_at_once(void *context, struct stream *stream)
{
	accepted(context, stream);
	loop_stop(((struct world *)context)->loop);
}

START_TEST(connections_outlive_the_listener_and_end_with_the_loop)
{
	struct world world;

	world_init(&world, listen_tcp, ask_and_read);
	world.events.accepted = stop_at_once;
	start_client(&world);
	run_until_stopped(world.loop);
	stream_listener_free(world.listener);
	world.listener = NULL;
	ck_assert_uint_eq(world.closed, 0);
	loop_free(world.loop);
	ck_assert_uint_eq(world.closed, 1);
	thread_join(world.thread);
}
END_TEST

START_TEST(a_connection_that_finds_no_memory_is_accepted_later)
{
	struct world world;
	struct loop_timer *deadline;

	world_init(&world, listen_tcp, ask_and_read);
	start_client(&world);
	ck_assert_int_eq(loop_timer_new(&deadline, world.loop, deadline_passed, NULL), OK);
	loop_timer_set(deadline, DEADLINE_MS);
	fail_alloc_after(0);
	loop_run(world.loop);
	fail_alloc_off();
	ck_assert(fail_alloc_hit());
	loop_timer_free(deadline);
	world_deinit(&world);
	ck_assert_uint_eq(world.got, 5);
}
END_TEST

static void write_without_memory(void *context, struct stream *stream, const uint8_t *data,
				 size_t size)
{
	uint8_t *large = calloc(1, LARGE);
	int ret;

	swallow(context, stream, data, size);
	fail_alloc_after(0);
	ret = stream_write(stream, large, LARGE);
	fail_alloc_off();
	ck_assert_int_eq(ret, ERR_NOMEM);
}

START_TEST(half_a_message_that_finds_no_memory_ends_the_stream)
{
	struct world world;

	world_init(&world, listen_tcp, ask_and_read);
	world.events.received = write_without_memory;
	start_client(&world);
	run_until_stopped(world.loop);
	world_deinit(&world);
	ck_assert_uint_eq(world.closed, 1);
	ck_assert_uint_lt(world.got, LARGE);
}
END_TEST

START_TEST(listening_fails_cleanly)
{
	struct world world = {.events = echo_events};
	int ret;

	ck_assert_int_eq(loop_new(&world.loop), OK);
	ck_assert_int_eq(stream_listen(&world.listener, world.loop, dup(0), &world.events, NULL),
			 ERR_SYSTEM);
	for (unsigned n = 0;; n++) {
		const int fd = listen_tcp(&world);

		fail_alloc_after(n);
		ret = stream_listen(&world.listener, world.loop, fd, &world.events, NULL);
		fail_alloc_off();
		if (!fail_alloc_hit()) {
			break;
		}
		ck_assert_int_eq(ret, ERR_SYSTEM);
	}
	ck_assert_int_eq(ret, OK);
	loop_free(world.loop);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		bytes_go_in_and_out,
		the_other_ends_address_is_known,
		what_the_kernel_does_not_take_waits_and_all_arrives_after_half_close,
		what_is_sent_stays_the_callers_and_arrives_all_the_same,
		who_wants_to_know_of_the_end_answers_after_it,
		a_silent_client_is_closed,
		a_client_that_takes_nothing_is_closed,
		a_paused_stream_is_not_read_until_it_is_resumed,
		refused_at_accept_there_is_no_further_call,
		a_reset_closes_and_writes_to_it_fail,
		a_closed_stream_takes_nothing_more,
		connections_outlive_the_listener_and_end_with_the_loop,
		a_connection_that_finds_no_memory_is_accepted_later,
		half_a_message_that_finds_no_memory_ends_the_stream,
		listening_fails_cleanly,
	};

	return run_tests("stream", tests, COUNT_OF(tests));
}
