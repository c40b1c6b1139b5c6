/*
 * The whole of net over real sockets on loopback, with a real core whose log is in memory: at
 * first without a root, then with one.
 */
#include "net/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "dns/message.h"
#include "dns/types.h"
#include "net/inner.h"
#include "net/source.h"
#include "net/ticket.h"
#include "registry/command.h"
#include "registry/core.h"
#include "store/store.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"

#define OPT "00 0029 04d0 00000000 0000"
#define QUERY(id) id " 0100 0001 0000 0000 0000 03737663 00 0006 0001"
#define QUERY_OPT(id) id " 0100 0001 0000 0000 0001 03737663 00 0006 0001 " OPT
#define UPDATE_OPT(id) id " 2800 0001 0000 0000 0001 03737663 00 0006 0001 " OPT
#define RESPONSE(id) id " 8100 0001 0000 0000 0000 03737663 00 0006 0001"
#define NOT_READY_SIZE (12 + 5 + 4 + 11) /* and the extended error */

enum { DEADLINE_MS = 5000, QUEUE = 100 };

static unsigned queue = QUEUE; /* of the next start() */

/* ---- a server ----------------------------------------------------------------------------- */

struct server {
	struct conf *conf;
	struct log *log;
	struct core *core;
	struct net *net;
};

static struct conf *make_conf(const char *listen, const char *more)
{
	char text[1024];
	struct conf_error error;
	struct conf *conf;

	snprintf(text, sizeof(text),
		 "server:\n"
		 "  listen: [%s]\n"
		 "  threads: 2\n"
		 "%s"
		 "  name: ns.example\n"
		 "  data: .\n"
		 "%s"
		 "zone:\n"
		 "  - {name: svc, registry: {}}\n",
		 listen, strstr(more, "stream-threads") == NULL ? "  stream-threads: 2\n" : "",
		 more);
	ck_assert_msg(conf_parse(&conf, text, strlen(text), "test", "/tmp", &error) == OK, "%s",
		      error.text);
	return conf;
}

static void start_core(struct server *server)
{
	static unsigned number;
	char directory[32];
	const struct log_options options = {.directory = directory, .budget = 1 << 20};
	struct log_error error;

	snprintf(directory, sizeof(directory), "net-%u", number++);
	ck_assert_int_eq(store_ram.open(&server->log, &options, &error), OK);
	ck_assert_int_eq(core_new(&server->core,
				  &(struct core_options){
					  .log_ops = &store_ram,
					  .log = server->log,
					  .queue = queue,
				  }),
			 OK);
	ck_assert_int_eq(core_restore(server->core, &error), OK);
	ck_assert_int_eq(core_start(server->core), OK);
}

static struct server start_with(const char *listen, const char *more)
{
	struct server server = {.conf = make_conf(listen, more)};
	struct net_error error;

	start_core(&server);
	ck_assert_msg(net_open(&server.net, server.conf, &error) == OK, "%s", error.text);
	ck_assert_int_eq(net_start(server.net, server.core), OK);
	return server;
}

static struct server start(void)
{
	return start_with("\"127.0.0.1@0\"", "");
}

static void stop(struct server *server)
{
	net_stop(server->net);
	core_stop(server->core);
	net_free(server->net);
	core_free(server->core);
	conf_unref(server->conf);
}

static struct net_counters count(const struct server *server)
{
	struct net_counters counters;

	net_count(server->net, &counters);
	return counters;
}

/* Makes the zone, and lets readers see it. */
static void publish(struct server *server)
{
	const struct zone_soa soa = {.ttl = 5, .minimum = 5};
	const struct command_base base = {
		.zone = server->conf->zones[0].name,
		.shape =
			{
				.ttl_derived_s = 10,
				.ttl_max_s = 86400,
				.lease_min_s = 30,
				.lease_max_s = 7200,
				.key_lease_max_s = 7200,
				.answer_max = 100,
				.change_max = 1000,
				.pool_label = "\4pool",
			},
		.soa = &soa,
	};
	const size_t size = command_base_size(&base);
	uint8_t *command = malloc(size);
	struct buf_writer out = buf_writer(command, size);
	struct command_result result;

	command_write_base(&out, &base);
	ck_assert(!out.failed);
	ck_assert_int_eq(core_submit_wait(server->core, command, size, &result), OK);
	ck_assert_uint_eq(result.rcode, DNS_RCODE_NOERROR);
	ck_assert_int_eq(core_publish(server->core), OK);
}

static struct server start_published(void)
{
	struct server server = start();

	publish(&server);
	return server;
}

/* Keeps the core busy from hold() to release(), so that UPDATEs wait. */
struct hold {
	struct server *server;
	pthread_t thread;
	sem_t held;
	sem_t released;
};

static int hold_edit(struct root_writer *writer, void *context)
{
	struct hold *hold = context;

	(void)writer;
	sem_post(&hold->held);
	sem_wait(&hold->released);
	return ERR_CLOSED;
}

static void *hold_run(void *context)
{
	struct hold *hold = context;

	core_edit(hold->server->core, hold_edit, hold);
	return NULL;
}

static void hold_core(struct hold *hold, struct server *server)
{
	hold->server = server;
	sem_init(&hold->held, 0, 0);
	sem_init(&hold->released, 0, 0);
	ck_assert_int_eq(pthread_create(&hold->thread, NULL, hold_run, hold), 0);
	sem_wait(&hold->held);
}

static void release_core(struct hold *hold)
{
	sem_post(&hold->released);
	pthread_join(hold->thread, NULL);
}

/* ---- clients ------------------------------------------------------------------------------ */

static int dial(const char *address, uint16_t port, int type)
{
	const int fd = socket(AF_INET, type, 0);
	const struct timeval wait = {.tv_sec = DEADLINE_MS / 1000};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(inet_pton(AF_INET, address, &to.sin_addr), 1);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}

static int dial_udp(const struct server *server)
{
	return dial("127.0.0.1", net_port(server->net), SOCK_DGRAM);
}

static int dial_tcp(const struct server *server)
{
	return dial("127.0.0.1", net_port(server->net), SOCK_STREAM);
}

static void send_hex(int fd, const char *text)
{
	uint8_t octets[512];
	const size_t size = hex_read(octets, sizeof(octets), text);

	ck_assert_int_eq(send(fd, octets, size, 0), (ssize_t)size);
}

/* One reply by UDP; its size. */
static size_t receive(int fd, uint8_t reply[DNS_UDP_SAFE])
{
	const ssize_t size = recv(fd, reply, DNS_UDP_SAFE, 0);

	ck_assert_msg(size >= DNS_HEADER_SIZE, "no reply");
	return (size_t)size;
}

static unsigned id_of(const uint8_t *reply)
{
	return (unsigned)(reply[0] << 8 | reply[1]);
}

static unsigned rcode_of(const uint8_t *reply)
{
	return reply[3] & 0xfu;
}

/* Frames the messages, one a line of hex. */
static size_t frame(uint8_t *out, size_t room, const char *const *texts, size_t count_)
{
	size_t size = 0;

	for (size_t i = 0; i < count_; i++) {
		const size_t one = hex_read(out + size + 2, room - size - 2, texts[i]);

		out[size] = (uint8_t)(one >> 8);
		out[size + 1] = (uint8_t)one;
		size += 2 + one;
	}
	return size;
}

static void receive_exactly(int fd, uint8_t *out, size_t size)
{
	while (size > 0) {
		const ssize_t got = recv(fd, out, size, 0);

		ck_assert_msg(got > 0, "no reply: %s", got == 0 ? "closed" : strerror(errno));
		out += got;
		size -= (size_t)got;
	}
}

/* One reply by TCP; its size. */
static size_t receive_framed(int fd, uint8_t *reply)
{
	uint8_t head[2];

	receive_exactly(fd, head, sizeof(head));
	const size_t size = (size_t)(head[0] << 8 | head[1]);

	receive_exactly(fd, reply, size);
	return size;
}

static void send_framed(int fd, const char *text)
{
	uint8_t stream[512];
	const size_t size = frame(stream, sizeof(stream), &text, 1);

	ck_assert_int_eq(send(fd, stream, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* Does the server close within the deadline? */
static bool is_closed(int fd)
{
	uint8_t octet;
	const ssize_t got = recv(fd, &octet, 1, 0);

	return got == 0 || (got < 0 && errno == ECONNRESET);
}

static void check_not_ready(const uint8_t *reply, size_t size, unsigned id)
{
	ck_assert_uint_eq(id_of(reply), id);
	ck_assert_uint_eq(reply[2] & 0x80, 0x80);
	ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_SERVFAIL);
	ck_assert_uint_gt(size, NOT_READY_SIZE + 6);
	ck_assert_mem_eq(reply + NOT_READY_SIZE, "\0\x0f", 2);
	ck_assert_mem_eq(reply + NOT_READY_SIZE + 4, "\0\x0e", 2);
}

/* ---- not restored ------------------------------------------------------------------------- */

START_TEST(until_restored_all_is_servfail_with_the_reason)
{
	static const char *const texts[] = {QUERY_OPT("0001"), UPDATE_OPT("0002")};
	struct server server = start();
	const int udp = dial_udp(&server);
	const int tcp = dial_tcp(&server);
	uint8_t stream[512];
	uint8_t reply[DNS_UDP_SAFE];

	for (unsigned i = 0; i < COUNT_OF(texts); i++) {
		send_hex(udp, texts[i]);
		check_not_ready(reply, receive(udp, reply), i + 1);
	}
	const size_t size = frame(stream, sizeof(stream), texts, COUNT_OF(texts));

	ck_assert_int_eq(send(tcp, stream, size, 0), (ssize_t)size);
	for (unsigned i = 0; i < COUNT_OF(texts); i++) {
		check_not_ready(reply, receive_framed(tcp, reply), i + 1);
	}
	const struct net_counters counters = count(&server);

	ck_assert_uint_eq(counters.udp_received, 2);
	ck_assert_uint_eq(counters.tcp_received, 2);
	ck_assert_uint_eq(counters.servfail, 4);
	ck_assert_uint_eq(counters.queries, 2);
	ck_assert_uint_eq(counters.updates, 2);
	close(udp);
	close(tcp);
	stop(&server);
}
END_TEST

START_TEST(responses_are_not_answered)
{
	struct server server = start();
	const int fd = dial_udp(&server);
	uint8_t reply[DNS_UDP_SAFE];

	const int tcp = dial_tcp(&server);

	send_hex(fd, RESPONSE("0001"));
	send_hex(fd, "0002 81");
	/* Whatever the opcode, and however the rest looks. */
	for (unsigned flags = 0x80; flags < 0x100; flags++) {
		char text[64];

		snprintf(text, sizeof(text), "0001 %02x00 0001 0000 0000 0000 00 0006 0001", flags);
		send_hex(fd, text);
		send_framed(tcp, text);
	}
	send_hex(fd, QUERY("0003"));
	send_framed(tcp, QUERY("0003"));
	receive(fd, reply);
	ck_assert_uint_eq(id_of(reply), 3);
	ck_assert_int_eq(recv(fd, reply, sizeof(reply), MSG_DONTWAIT), -1);
	receive_framed(tcp, reply);
	ck_assert_uint_eq(id_of(reply), 3);
	ck_assert_int_eq(recv(tcp, reply, sizeof(reply), MSG_DONTWAIT), -1);
	close(tcp);
	close(fd);
	stop(&server);
}
END_TEST

START_TEST(malformed_messages_get_their_rcode)
{
	static const struct {
		const char *request;
		unsigned rcode;
		size_t size;
	} cases[] = {
		{"0001 0100 0001 0000 0000 0000", DNS_RCODE_FORMERR, 12},
		{"0001 0100 0001 0000 0000 0000 c00c 0001 0001", DNS_RCODE_FORMERR, 12},
		{"0001 1000 0001 0000 0000 0000 00 0001 0001", DNS_RCODE_NOTIMP, 17},
		{"0001 2400 0001 0000 0000 0000 00 0006 0001", DNS_RCODE_NOTAUTH, 17},
	};
	struct server server = start();
	const int fd = dial_udp(&server);
	uint8_t reply[DNS_UDP_SAFE];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		send_hex(fd, cases[i].request);
		ck_assert_uint_eq(receive(fd, reply), cases[i].size);
		ck_assert_uint_eq(rcode_of(reply), cases[i].rcode);
	}
	close(fd);
	stop(&server);
}
END_TEST

START_TEST(a_second_server_on_the_address_is_refused)
{
	struct server server = start();
	struct net_error error;
	struct net *second = NULL;
	char listen[64];

	snprintf(listen, sizeof(listen), "\"%s\"", net_address(server.net, 0));
	struct conf *conf = make_conf(listen, "");

	ck_assert_int_eq(net_open(&second, conf, &error), ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(error.text, net_address(server.net, 0)));
	conf_unref(conf);
	stop(&server);
}
END_TEST

START_TEST(all_addresses_are_served_and_named)
{
	struct server server = start_with("\"127.0.0.1@0\", \"127.0.0.2@0\"", "");
	uint8_t reply[DNS_UDP_SAFE];

	ck_assert_ptr_null(net_address(server.net, 2));
	for (size_t i = 0; i < 2; i++) {
		char address[64];

		snprintf(address, sizeof(address), "%s", net_address(server.net, i));
		*strchr(address, '@') = '\0';
		const char *port = strchr(net_address(server.net, i), '@') + 1;
		const int fd = dial(address, (uint16_t)atoi(port), SOCK_DGRAM);

		send_hex(fd, QUERY("0001"));
		receive(fd, reply);
		close(fd);
	}
	stop(&server);
}
END_TEST

START_TEST(a_wildcard_answers_from_the_address_that_was_asked)
{
	struct server server = start_with("\"0.0.0.0@0\"", "");
	uint8_t reply[DNS_UDP_SAFE];

	/* A connected socket takes nothing from elsewhere. */
	for (unsigned i = 1; i < 5; i++) {
		char address[32];

		snprintf(address, sizeof(address), "127.0.0.%u", i);
		const int fd = dial(address, net_port(server.net), SOCK_DGRAM);

		send_hex(fd, QUERY("0001"));
		receive(fd, reply);
		close(fd);
	}
	stop(&server);
}
END_TEST

/* ---- TCP ---------------------------------------------------------------------------------- */

START_TEST(any_split_of_a_stream_is_understood)
{
	static const char *const texts[] = {QUERY("0000"), QUERY_OPT("0001"), QUERY("0002")};
	struct server server = start();
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
	stop(&server);
}
END_TEST

START_TEST(who_sends_no_more_is_still_answered)
{
	static const char *const texts[] = {QUERY("0001"), QUERY("0002")};
	struct server server = start();
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
	stop(&server);
}
END_TEST

START_TEST(idle_and_half_messages_end_a_connection)
{
	struct server server = start_with("\"127.0.0.1@0\"", "  tcp-idle: 1s\n  tcp-read: 1s\n");
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
		ck_assert_int_eq(send(half, stream + at, 1, MSG_NOSIGNAL), 1);
	}
	ck_assert(is_closed(half));
	ck_assert(is_closed(silent));
	ck_assert(is_closed(asked));
	ck_assert_uint_lt(clock_mono_ms() - start_ms, 3000);
	const struct net_counters counters = count(&server);

	ck_assert_uint_eq(counters.tcp_idle, 2);
	ck_assert_uint_eq(counters.tcp_unfinished, 1);
	ck_assert_uint_eq(counters.tcp_dropped, 0);
	close(half);
	close(silent);
	close(asked);
	stop(&server);
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
	struct server server = start_with("\"127.0.0.1@0\"",
					  "  stream-threads: 1\n  tcp-max: 2\n  tcp-idle: 60s\n");
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
	const struct net_counters counters = count(&server);

	ck_assert_uint_eq(counters.tcp_evicted, 1);
	ck_assert_uint_eq(counters.tcp_refused, 0);
	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		close(fds[i]);
	}
	stop(&server);
}
END_TEST

START_TEST(at_the_limit_with_nobody_idle_the_new_one_is_refused)
{
	struct server server = start_with("\"127.0.0.1@0\"", "  stream-threads: 1\n  tcp-max: 2\n");
	int fds[2];

	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		fds[i] = dial_tcp(&server);
		ck_assert(is_served(fds[i]));
		/* Half a message: under way, until tcp-read is over. */
		ck_assert_int_eq(send(fds[i], "", 1, MSG_NOSIGNAL), 1);
	}
	const uint64_t start_ms = clock_mono_ms();

	while (count(&server).tcp_refused == 0) {
		const int over = dial_tcp(&server);

		ck_assert(is_closed(over));
		close(over);
		ck_assert_uint_lt(clock_mono_ms() - start_ms, DEADLINE_MS);
	}
	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		close(fds[i]);
	}
	stop(&server);
}
END_TEST

START_TEST(one_address_gets_so_many_and_room_again)
{
	struct server server = start_with("\"127.0.0.1@0\"", "  tcp-max-client: 2\n");
	int fds[2];

	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		fds[i] = dial_tcp(&server);
		ck_assert(is_served(fds[i]));
	}
	const int over = dial_tcp(&server);

	ck_assert(is_closed(over));
	ck_assert_uint_eq(count(&server).tcp_refused_client, 1);
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
	stop(&server);
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
	struct server server = start_with("\"127.0.0.1@0\"", "  tcp-idle: 20s\n");
	uint8_t reply[DNS_UDP_SAFE];

	publish(&server);
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
	stop(&server);
}
END_TEST

START_TEST(who_never_reads_is_dropped_and_costs_the_others_nothing)
{
	struct server server = start_with("\"127.0.0.1@0\"", "  tcp-write: 1s\n");
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

	while (count(&server).tcp_unread == 0) {
		ck_assert_uint_lt(clock_mono_ms() - start_ms, DEADLINE_MS);
		const int fd = dial_tcp(&server);
		const uint64_t ask_ms = clock_mono_ms();

		ck_assert_int_eq(send(fd, stream, size, 0), (ssize_t)size);
		receive_framed(fd, reply);
		ck_assert_uint_lt(clock_mono_ms() - ask_ms, 500);
		close(fd);
	}
	close(deaf);
	stop(&server);
}
END_TEST

/* ---- UPDATE ------------------------------------------------------------------------------- */

#define LEASE "00 0029 04d0 00000000 0008 0002 0004 0000003c"

/* UPDATE that adds A at the name of this number (below 256), lease 60 s; and the query for it. */
static const char *add_text(char out[256], unsigned id, unsigned number)
{
	snprintf(out, 256,
		 "%04x 2800 0001 0000 0001 0001 03737663 00 0006 0001"
		 " 02%02x%02x 03737663 00 0001 0001 0000003c 0004 0a000001 " LEASE,
		 id, 'a' + number / 16, 'a' + number % 16);
	return out;
}

static const char *ask_text(char out[256], unsigned id, unsigned number)
{
	snprintf(out, 256, "%04x 0100 0001 0000 0000 0000 02%02x%02x 03737663 00 0001 0001", id,
		 'a' + number / 16, 'a' + number % 16);
	return out;
}

/* Waits until so many UPDATEs have come in. */
static void wait_for_updates(const struct server *server, uint64_t wanted)
{
	const uint64_t start_ms = clock_mono_ms();

	while (count(server).updates < wanted) {
		ck_assert_uint_lt(clock_mono_ms() - start_ms, DEADLINE_MS);
	}
}

START_TEST(who_has_his_answer_finds_his_change_on_every_socket)
{
	struct server server = start_published();
	uint8_t reply[DNS_UDP_SAFE];
	char text[256];

	for (unsigned number = 1; number < 250; number++) {
		const int one = dial_udp(&server);
		const int other = dial_udp(&server);

		send_hex(one, add_text(text, number, number));
		const size_t size = receive(one, reply);

		ck_assert_uint_eq(id_of(reply), number);
		ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
		/* The lease as granted. */
		ck_assert_mem_eq(reply + size - 8, "\0\2\0\4\0\0\0\x3c", 8);
		send_hex(other, ask_text(text, number, number));
		receive(other, reply);
		ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
		ck_assert_uint_eq(reply[7], 1);
		close(one);
		close(other);
	}
	stop(&server);
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
	struct server server = start_published();
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
	stop(&server);
}
END_TEST

START_TEST(a_reply_of_many_messages_that_cannot_go_on_ends_its_connection)
{
	static uint8_t reply[DNS_MESSAGE_MAX];
	struct server server = start_published();
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
	stop(&server);
}
END_TEST

START_TEST(a_reply_of_many_messages_is_freed_with_its_connection)
{
	struct server server = start_published();
	struct hold hold;
	_Atomic(unsigned) made = 0;
	_Atomic(unsigned) freed = 0;

	hold_core(&hold, &server);
	const int fd = stream_many(&server, UINT_MAX, 0, &made, &freed);

	wait_for(&made, 4);
	close(fd);
	wait_for(&freed, 2);
	release_core(&hold);
	stop(&server);
}
END_TEST

START_TEST(queries_allocate_nothing)
{
	/* A name that is there, one that is not; with EDNS and without. */
	static const char *const texts[] = {
		"0001 0100 0001 0000 0000 0000 026162 03737663 00 0001 0001",
		"0002 0100 0001 0000 0000 0000 027878 03737663 00 0001 0001",
		QUERY_OPT("0003"),
	};
	struct server server = start_published();
	const int fd = dial_udp(&server);
	uint8_t queries[COUNT_OF(texts)][64];
	size_t sizes[COUNT_OF(texts)];
	uint8_t reply[DNS_UDP_SAFE];
	char text[256];
	unsigned answered = 0;

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		sizes[i] = hex_read(queries[i], sizeof(queries[i]), texts[i]);
	}
	send_hex(fd, add_text(text, 1, 1));
	receive(fd, reply);
	fail_alloc_after(UINT_MAX);
	for (unsigned round = 0; round < 300; round++) {
		const size_t i = round % COUNT_OF(texts);

		if (send(fd, queries[i], sizes[i], 0) > 0 &&
		    recv(fd, reply, sizeof(reply), 0) > 0) {
			answered++;
		}
	}
	fail_alloc_off();
	ck_assert_uint_eq(answered, 300);
	ck_assert_uint_eq(fail_alloc_count(), 0);
	close(fd);
	stop(&server);
}
END_TEST

START_TEST(the_same_again_is_a_heartbeat)
{
	struct server server = start_published();
	const int udp = dial_udp(&server);
	const int tcp = dial_tcp(&server);
	uint8_t reply[DNS_UDP_SAFE];
	struct core_counters counters;
	char text[256];

	add_text(text, 1, 10);
	send_hex(udp, text);
	receive(udp, reply);
	send_hex(udp, text);
	receive(udp, reply);
	ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
	send_framed(tcp, text);
	receive_framed(tcp, reply);
	ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(count(&server).beats, 2);
	core_count(server.core, &counters);
	/* The base, and the first. */
	ck_assert_uint_eq(counters.commands, 2);
	close(udp);
	close(tcp);
	stop(&server);
}
END_TEST

START_TEST(no_heartbeat_overtakes_a_logged_update)
{
	struct server server = start_published();
	const int fd = dial_tcp(&server);
	uint8_t reply[DNS_UDP_SAFE];
	struct hold hold;
	char text[256];

	send_framed(fd, add_text(text, 1, 10));
	receive_framed(fd, reply);
	hold_core(&hold, &server);
	send_framed(fd, add_text(text, 2, 11));
	send_framed(fd, add_text(text, 3, 10));
	wait_for_updates(&server, 3);
	release_core(&hold);
	for (unsigned id = 2; id < 4; id++) {
		receive_framed(fd, reply);
		ck_assert_uint_eq(id_of(reply), id);
		ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
	}
	ck_assert_uint_eq(count(&server).beats, 0);
	close(fd);
	stop(&server);
}
END_TEST

START_TEST(a_query_overtakes_an_update_that_waits)
{
	struct server server = start_published();
	const int fd = dial_tcp(&server);
	uint8_t reply[DNS_UDP_SAFE];
	struct hold hold;
	char text[256];

	hold_core(&hold, &server);
	send_framed(fd, add_text(text, 1, 10));
	send_framed(fd, ask_text(text, 2, 10));
	receive_framed(fd, reply);
	ck_assert_uint_eq(id_of(reply), 2);
	ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NXDOMAIN);
	release_core(&hold);
	receive_framed(fd, reply);
	ck_assert_uint_eq(id_of(reply), 1);
	ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
	close(fd);
	stop(&server);
}
END_TEST

START_TEST(a_connection_may_end_before_its_updates)
{
	static const struct linger at_once = {.l_onoff = 1};
	struct server server = start_published();
	uint8_t reply[DNS_UDP_SAFE];
	struct hold hold;
	char text[256];

	for (unsigned round = 0; round < 20; round++) {
		const int fd = dial_tcp(&server);

		hold_core(&hold, &server);
		for (unsigned number = 1; number < 6; number++) {
			send_framed(fd, add_text(text, number, round * 5 + number));
		}
		wait_for_updates(&server, (round + 1) * 5);
		if (round % 2 == 0) {
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		}
		close(fd);
		release_core(&hold);
	}
	/* All were applied, and the threads live. */
	for (unsigned number = 1; number < 101; number++) {
		const int fd = dial_tcp(&server);

		send_framed(fd, ask_text(text, 7, number));
		receive_framed(fd, reply);
		ck_assert_uint_eq(reply[7], 1);
		close(fd);
	}
	stop(&server);
}
END_TEST

START_TEST(who_sends_no_more_gets_the_answers_to_his_updates)
{
	struct server server = start_published();
	const int fd = dial_tcp(&server);
	uint8_t reply[DNS_UDP_SAFE];
	struct hold hold;
	char text[256];

	hold_core(&hold, &server);
	send_framed(fd, add_text(text, 1, 10));
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	wait_for_updates(&server, 1);
	release_core(&hold);
	receive_framed(fd, reply);
	ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
	ck_assert(is_closed(fd));
	close(fd);
	stop(&server);
}
END_TEST

/* What comes behind the 256th stays unread, and is answered in its time. */
START_TEST(so_many_updates_of_a_connection_wait_and_the_others_are_not_read)
{
	queue = 1000;
	struct server server = start_published();
	const int fd = dial_tcp(&server);
	uint8_t reply[DNS_UDP_SAFE];
	struct hold hold;
	char text[256];

	hold_core(&hold, &server);
	for (unsigned id = 0; id < 300; id++) {
		send_framed(fd, add_text(text, id, id % 256));
	}
	wait_for_updates(&server, 256);
	/* Each question is a turn of the connection's thread. */
	for (unsigned i = 0; i < 20; i++) {
		const int other = dial_tcp(&server);

		send_framed(other, ask_text(text, 1, 1));
		receive_framed(other, reply);
		close(other);
	}
	ck_assert_uint_eq(count(&server).updates, 256);
	release_core(&hold);
	for (unsigned left = 300; left > 0; left--) {
		receive_framed(fd, reply);
		ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
	}
	close(fd);
	stop(&server);
	queue = QUEUE;
}
END_TEST

START_TEST(a_stop_answers_what_is_under_way)
{
	struct server server = start_published();
	const int udp = dial_udp(&server);
	const int tcp = dial_tcp(&server);
	uint8_t reply[DNS_UDP_SAFE];
	char text[256];
	unsigned done = 0;
	unsigned late = 0;

	for (unsigned number = 1; number < 40; number++) {
		send_hex(udp, add_text(text, number, number));
		send_framed(tcp, add_text(text, number, 100 + number));
	}
	wait_for_updates(&server, 78);
	stop(&server);
	for (unsigned number = 1; number < 40; number++) {
		receive(udp, reply);
		late += rcode_of(reply) == DNS_RCODE_SERVFAIL;
		done += rcode_of(reply) == DNS_RCODE_NOERROR;
		receive_framed(tcp, reply);
		late += rcode_of(reply) == DNS_RCODE_SERVFAIL;
		done += rcode_of(reply) == DNS_RCODE_NOERROR;
	}
	/* Counted and not handed over yet is one of each thread at most. */
	ck_assert_uint_le(late, 2);
	ck_assert_uint_eq(done + late, 78);
	ck_assert(is_closed(tcp));
	close(udp);
	close(tcp);
}
END_TEST

START_TEST(a_full_queue_is_said_at_once)
{
	struct server server = start_published();
	const int fd = dial_udp(&server);
	uint8_t reply[DNS_UDP_SAFE];
	struct hold hold;
	char text[256];
	unsigned refused = 0;

	hold_core(&hold, &server);
	/* The queue of start_core() and more. */
	for (unsigned id = 0; id < QUEUE + 20; id++) {
		send_hex(fd, add_text(text, id, id % 256));
		if (id % 64 == 0) {
			wait_for_updates(&server, id);
		}
	}
	wait_for_updates(&server, QUEUE + 20);
	/* What is counted is on its way, if not yet here. */
	while (refused < 20 || refused < count(&server).queue_full) {
		receive(fd, reply);
		ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_SERVFAIL);
		refused++;
	}
	ck_assert_uint_eq(count(&server).queue_full, refused);
	release_core(&hold);
	for (unsigned left = QUEUE + 20 - refused; left > 0; left--) {
		receive(fd, reply);
		ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
	}
	close(fd);
	stop(&server);
}
END_TEST

/* ---- the threads -------------------------------------------------------------------------- */

START_TEST(stopping_takes_no_time)
{
	struct server server = start_with("\"127.0.0.1@0\", \"127.0.0.2@0\"", "");
	int fds[8];

	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		fds[i] = dial_tcp(&server);
	}
	const uint64_t start_ms = clock_mono_ms();

	net_stop(server.net);
	ck_assert_uint_lt(clock_mono_ms() - start_ms, 500);
	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		ck_assert(is_closed(fds[i]));
		close(fds[i]);
	}
	stop(&server);
}
END_TEST

static atomic_bool is_over;

/* Asks by UDP until told to stop, once at least; how often. */
static void *ask(void *context)
{
	const int fd = dial_udp(context);
	uint8_t reply[DNS_UDP_SAFE];
	uintptr_t asked = 0;

	do {
		send_hex(fd, QUERY("0001"));
		receive(fd, reply);
		asked++;
	} while (!is_over);
	close(fd);
	return (void *)asked;
}

START_TEST(the_configuration_changes_under_load)
{
	struct server server = start();
	pthread_t clients[2];
	void *asked;

	for (size_t i = 0; i < COUNT_OF(clients); i++) {
		ck_assert_int_eq(pthread_create(&clients[i], NULL, ask, &server), 0);
	}
	for (unsigned i = 0; i < 200; i++) {
		struct conf *conf = make_conf("\"127.0.0.1@0\"", "");

		net_set_conf(server.net, conf);
		conf_unref(conf);
	}
	is_over = true;
	for (size_t i = 0; i < COUNT_OF(clients); i++) {
		ck_assert_int_eq(pthread_join(clients[i], &asked), 0);
		ck_assert_ptr_nonnull(asked);
	}
	stop(&server);
}
END_TEST

START_TEST(opened_and_never_started_is_freed)
{
	struct conf *conf = make_conf("\"127.0.0.1@0\"", "");
	struct net_error error;
	struct net *net;

	ck_assert_int_eq(net_open(&net, conf, &error), OK);
	ck_assert_uint_ne(net_port(net), 0);
	net_free(net);
	net_free(NULL);
	conf_unref(conf);
}
END_TEST

START_TEST(every_counter_stands_in_the_manual)
{
#define COUNTER_NAME(name, text) #name,
	static const char *const names[] = {NET_COUNTERS(COUNTER_NAME)};
	const char *srcdir = getenv("srcdir");
	static char page[65536];
	char path[512];

	snprintf(path, sizeof(path), "%s/src/man/waggled.8", srcdir == NULL ? "." : srcdir);
	FILE *file = fopen(path, "r");

	ck_assert_msg(file != NULL, "%s", path);
	ck_assert_uint_lt(fread(page, 1, sizeof(page) - 1, file), sizeof(page) - 1);
	fclose(file);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char entry[64];

		snprintf(entry, sizeof(entry), "\n.It Cm %s\n", names[i]);
		ck_assert_msg(strstr(page, entry) != NULL, "%s is missing", names[i]);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_counter_stands_in_the_manual,
		until_restored_all_is_servfail_with_the_reason,
		responses_are_not_answered,
		malformed_messages_get_their_rcode,
		a_second_server_on_the_address_is_refused,
		all_addresses_are_served_and_named,
		a_wildcard_answers_from_the_address_that_was_asked,
		any_split_of_a_stream_is_understood,
		who_sends_no_more_is_still_answered,
		idle_and_half_messages_end_a_connection,
		at_the_limit_whoever_is_idle_longest_makes_room,
		at_the_limit_with_nobody_idle_the_new_one_is_refused,
		one_address_gets_so_many_and_room_again,
		keepalive_is_told_by_TCP_to_who_asks,
		who_never_reads_is_dropped_and_costs_the_others_nothing,
		who_has_his_answer_finds_his_change_on_every_socket,
		a_reply_of_many_messages_is_made_as_it_is_read_and_others_come_between,
		a_reply_of_many_messages_that_cannot_go_on_ends_its_connection,
		a_reply_of_many_messages_is_freed_with_its_connection,
		queries_allocate_nothing,
		the_same_again_is_a_heartbeat,
		no_heartbeat_overtakes_a_logged_update,
		a_query_overtakes_an_update_that_waits,
		a_connection_may_end_before_its_updates,
		who_sends_no_more_gets_the_answers_to_his_updates,
		so_many_updates_of_a_connection_wait_and_the_others_are_not_read,
		a_stop_answers_what_is_under_way,
		a_full_queue_is_said_at_once,
		stopping_takes_no_time,
		the_configuration_changes_under_load,
		opened_and_never_started_is_freed,
	};

	return run_tests("net", tests, COUNT_OF(tests));
}
