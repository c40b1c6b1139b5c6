/*
 * Net over real sockets on loopback, with a real core whose log is in memory, for tests: at first
 * without a root, then with one.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "conf/conf.h"
#include "dns/types.h"
#include "net/net.h"
#include "registry/command.h"
#include "registry/core.h"
#include "store/ram.h"
#include "store/store.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"

#define OPT "00 0029 04d0 00000000 0000"
#define QUERY(id) id " 0100 0001 0000 0000 0000 03737663 00 0006 0001"
#define QUERY_OPT(id) id " 0100 0001 0000 0000 0001 03737663 00 0006 0001 " OPT
#define UPDATE_OPT(id) id " 2800 0001 0000 0000 0001 03737663 00 0006 0001 " OPT
#define LEASE "00 0029 04d0 00000000 0008 0002 0004 0000003c"

enum { DEADLINE_MS = 5000, QUEUE = 100 };

/* ---- a server ----------------------------------------------------------------------------- */

struct server {
	struct conf *conf;
	struct log *log;
	struct core *core;
	struct net *net;
};

static inline struct conf *make_conf(const char *listen, const char *more)
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

static inline void server_start_core(struct server *server, unsigned queue)
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

/* With room for so many UPDATEs before the core. */
static inline struct server server_start_queued(const char *listen, const char *more,
						unsigned queue)
{
	struct server server = {.conf = make_conf(listen, more)};
	struct net_error error;

	server_start_core(&server, queue);
	ck_assert_msg(net_open(&server.net, server.conf, &error) == OK, "%s", error.text);
	ck_assert_int_eq(net_start(server.net, server.core), OK);
	return server;
}

static inline struct server server_start_with(const char *listen, const char *more)
{
	return server_start_queued(listen, more, QUEUE);
}

static inline struct server server_start(void)
{
	return server_start_with("\"127.0.0.1@0\"", "");
}

static inline void server_stop(struct server *server)
{
	net_stop(server->net);
	core_stop(server->core);
	net_free(server->net);
	core_free(server->core);
	conf_unref(server->conf);
}

static inline struct net_counters server_count(const struct server *server)
{
	struct net_counters counters;

	net_count(server->net, &counters);
	return counters;
}

/* Makes the zone, and lets readers see it. */
static inline void server_publish(struct server *server)
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

static inline struct server server_start_published(void)
{
	struct server server = server_start();

	server_publish(&server);
	return server;
}

/* Keeps the core busy from hold() to release(), so that UPDATEs wait. */
struct hold {
	struct server *server;
	pthread_t thread;
	sem_t held;
	sem_t released;
};

static inline int hold_edit(struct root_writer *writer, void *context)
{
	struct hold *hold = context;

	(void)writer;
	sem_post(&hold->held);
	sem_wait(&hold->released);
	return ERR_CLOSED;
}

static inline void *hold_run(void *context)
{
	struct hold *hold = context;

	core_edit(hold->server->core, hold_edit, hold);
	return NULL;
}

static inline void hold_core(struct hold *hold, struct server *server)
{
	hold->server = server;
	sem_init(&hold->held, 0, 0);
	sem_init(&hold->released, 0, 0);
	ck_assert_int_eq(pthread_create(&hold->thread, NULL, hold_run, hold), 0);
	sem_wait(&hold->held);
}

static inline void release_core(struct hold *hold)
{
	sem_post(&hold->released);
	pthread_join(hold->thread, NULL);
}

/* ---- clients ------------------------------------------------------------------------------ */

static inline int dial(const char *address, uint16_t port, int type)
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

static inline int dial_udp(const struct server *server)
{
	return dial("127.0.0.1", net_port(server->net), SOCK_DGRAM);
}

static inline int dial_tcp(const struct server *server)
{
	return dial("127.0.0.1", net_port(server->net), SOCK_STREAM);
}

static inline void send_hex(int fd, const char *text)
{
	uint8_t octets[512];
	const size_t size = hex_read(octets, sizeof(octets), text);

	ck_assert_int_eq(send(fd, octets, size, 0), (ssize_t)size);
}

/* One reply by UDP; its size. */
static inline size_t receive(int fd, uint8_t reply[DNS_UDP_SAFE])
{
	const ssize_t size = recv(fd, reply, DNS_UDP_SAFE, 0);

	ck_assert_msg(size >= DNS_HEADER_SIZE, "no reply");
	return (size_t)size;
}

static inline unsigned id_of(const uint8_t *reply)
{
	return (unsigned)(reply[0] << 8 | reply[1]);
}

static inline unsigned rcode_of(const uint8_t *reply)
{
	return reply[3] & 0xfu;
}

/* Frames the messages, one a line of hex. */
static inline size_t frame(uint8_t *out, size_t room, const char *const *texts, size_t count_)
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

static inline void receive_exactly(int fd, uint8_t *out, size_t size)
{
	while (size > 0) {
		const ssize_t got = recv(fd, out, size, 0);

		ck_assert_msg(got > 0, "no reply: %s", got == 0 ? "closed" : strerror(errno));
		out += got;
		size -= (size_t)got;
	}
}

/* One reply by TCP; its size. */
static inline size_t receive_framed(int fd, uint8_t *reply)
{
	uint8_t head[2];

	receive_exactly(fd, head, sizeof(head));
	const size_t size = (size_t)(head[0] << 8 | head[1]);

	receive_exactly(fd, reply, size);
	return size;
}

static inline void send_framed(int fd, const char *text)
{
	uint8_t stream[512];
	const size_t size = frame(stream, sizeof(stream), &text, 1);

	ck_assert_int_eq(send(fd, stream, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* Does the server close within the deadline? */
static inline bool is_closed(int fd)
{
	uint8_t octet;
	const ssize_t got = recv(fd, &octet, 1, 0);

	return got == 0 || (got < 0 && errno == ECONNRESET);
}

/* ---- UPDATE ------------------------------------------------------------------------------- */

/* UPDATE that adds A at the name of this number (below 256), lease 60 s; and the query for it. */
static inline const char *add_text(char out[256], unsigned id, unsigned number)
{
	snprintf(out, 256,
		 "%04x 2800 0001 0000 0001 0001 03737663 00 0006 0001"
		 " 02%02x%02x 03737663 00 0001 0001 0000003c 0004 0a000001 " LEASE,
		 id, 'a' + number / 16, 'a' + number % 16);
	return out;
}

static inline const char *ask_text(char out[256], unsigned id, unsigned number)
{
	snprintf(out, 256, "%04x 0100 0001 0000 0000 0000 02%02x%02x 03737663 00 0001 0001", id,
		 'a' + number / 16, 'a' + number % 16);
	return out;
}

/* Waits until so many UPDATEs have come in. */
static inline void wait_for_updates(const struct server *server, uint64_t wanted)
{
	const uint64_t start_ms = clock_mono_ms();

	while (server_count(server).updates < wanted) {
		ck_assert_uint_lt(clock_mono_ms() - start_ms, DEADLINE_MS);
	}
}
