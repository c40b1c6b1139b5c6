/*
 * The generator by TCP: each of a number of connections has one question under way, so that every
 * answer costs the server a read and a write of its own.
 *
 *	tcp kept|fresh PORT [-c CONNECTIONS] [-t SECONDS] [-i INSTANCES] [-m MEMBERS] [-z ZONE]
 *
 * kept: the connections stay. fresh: each is for one question, then closed, and another follows.
 * Like load it never sleeps; it prints one JSON object. A question that has no answer a second after
 * the end is lost. A server that closes a kept connection ends it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/latency.h"
#include "tests/bench/packets.h"

enum { CONNECTIONS_MAX = 256, ROOM = 8192, PATIENCE_S = 1 };

struct connection {
	int fd;
	bool is_connecting;
	uint64_t sent_ns;
	size_t size; /* octets in `wire` */
	uint8_t wire[ROOM];
};

struct run {
	bool is_fresh;
	unsigned connections;
	double seconds;
	struct sockaddr_in to;
	struct packet_options asked;
	struct packets packets;
	uint64_t random;
	uint64_t answered;
	uint64_t lost;
	uint64_t octets;
	uint64_t failed; /* rcodes other than NOERROR */
	struct latency latency;
	struct connection connection[CONNECTIONS_MAX];
};

static void fail(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void dial(struct run *run, struct connection *connection)
{
	const int one = 1;
	/* Closed by a reset: a port for each question would be used up within seconds. */
	const struct linger reset = {.l_onoff = 1};

	connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (connection->fd < 0) {
		fail("tcp: socket");
	}
	(void)setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (run->is_fresh) {
		(void)setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	}
	connection->is_connecting = true;
	connection->size = 0;
	connection->sent_ns = now_ns();
	if (connect(connection->fd, (struct sockaddr *)&run->to, sizeof(run->to)) < 0 &&
	    errno != EINPROGRESS) {
		fail("tcp: connect");
	}
}

static void ask(struct run *run, struct connection *connection)
{
	const struct packets *packets = &run->packets;
	uint8_t wire[2 + 512];

	run->random ^= run->random << 13;
	run->random ^= run->random >> 7;
	run->random ^= run->random << 17;
	const size_t number = run->random % packets->count;
	const size_t size = packets->start[number + 1] - packets->start[number];

	if (size > sizeof(wire) - 2) {
		fail("tcp: question");
	}
	wire[0] = (uint8_t)(size >> 8);
	wire[1] = (uint8_t)size;
	memcpy(wire + 2, packets->octets + packets->start[number], size);
	if (!run->is_fresh) {
		connection->sent_ns = now_ns();
	}
	if (send(connection->fd, wire, size + 2, MSG_NOSIGNAL) != (ssize_t)(size + 2)) {
		fail("tcp: send");
	}
}

/* The answer, once it is there as a whole. */
static bool is_answered(struct run *run, struct connection *connection)
{
	const uint8_t *wire = connection->wire;
	const size_t size = (size_t)(wire[0] << 8 | wire[1]);

	if (connection->size < 2 || connection->size < size + 2) {
		return false;
	}
	latency_add(&run->latency, now_ns() - connection->sent_ns);
	run->answered++;
	run->octets += size;
	run->failed += (wire[5] & 0xf) != 0;
	connection->size = 0;
	return true;
}

static void receive(struct run *run, struct connection *connection, bool is_over)
{
	const ssize_t got = recv(connection->fd, connection->wire + connection->size,
				 ROOM - connection->size, MSG_DONTWAIT);

	if (got == 0 || (got < 0 && errno != EAGAIN)) {
		fprintf(stderr, "tcp: the server closed a connection\n");
		exit(EXIT_FAILURE);
	}
	connection->size += got > 0 ? (size_t)got : 0;
	if (!is_answered(run, connection)) {
		return;
	}
	if (run->is_fresh || is_over) {
		close(connection->fd);
		connection->fd = -1;
	}
	if (!is_over && run->is_fresh) {
		dial(run, connection);
	} else if (!is_over) {
		ask(run, connection);
	}
}

static void serve(struct run *run, struct connection *connection, bool is_over)
{
	if (connection->is_connecting) {
		connection->is_connecting = false;
		ask(run, connection);
	} else {
		receive(run, connection, is_over);
	}
}

static void give_up(struct run *run)
{
	for (unsigned i = 0; i < run->connections; i++) {
		if (run->connection[i].fd >= 0) {
			close(run->connection[i].fd);
			run->lost++;
		}
	}
}

/* One look at all connections; false: all are closed. */
static bool turn(struct run *run, bool is_over)
{
	struct pollfd polled[CONNECTIONS_MAX];
	bool is_open = false;

	for (unsigned i = 0; i < run->connections; i++) {
		const struct connection *connection = &run->connection[i];

		polled[i].fd = connection->fd;
		polled[i].events = connection->is_connecting ? POLLOUT : POLLIN;
		is_open |= connection->fd >= 0;
	}
	if (poll(polled, run->connections, 0) < 0) {
		fail("tcp: poll");
	}
	for (unsigned i = 0; i < run->connections; i++) {
		if (polled[i].fd >= 0 && polled[i].revents != 0) {
			serve(run, &run->connection[i], is_over);
		}
	}
	return is_open;
}

static double drive(struct run *run)
{
	const uint64_t start = now_ns();
	double seconds = 0;

	for (unsigned i = 0; i < run->connections; i++) {
		dial(run, &run->connection[i]);
	}
	while (turn(run, seconds >= run->seconds)) {
		seconds = (double)(now_ns() - start) / 1e9;
		if (seconds > run->seconds + PATIENCE_S) {
			give_up(run);
			break;
		}
	}
	return seconds;
}

static void usage(void)
{
	fprintf(stderr, "usage: tcp kept|fresh PORT [-c CONNECTIONS] [-t SECONDS] [-i INSTANCES] "
			"[-m MEMBERS] [-z ZONE]\n");
	exit(EXIT_FAILURE);
}

static void read_options(struct run *run, int argc, char **argv)
{
	int letter;

	if (argc < 3 || (strcmp(argv[1], "kept") != 0 && strcmp(argv[1], "fresh") != 0)) {
		usage();
	}
	run->is_fresh = strcmp(argv[1], "fresh") == 0;
	run->to.sin_family = AF_INET;
	run->to.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	run->to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	while ((letter = getopt(argc - 2, argv + 2, "c:t:i:m:z:")) != -1) {
		switch (letter) {
		case 'c':
			run->connections = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 't':
			run->seconds = strtod(optarg, NULL);
			break;
		case 'i':
			run->asked.instances = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'm':
			run->asked.members = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'z':
			run->asked.zone = optarg;
			break;
		default:
			usage();
		}
	}
	if (run->to.sin_port == 0 || run->connections == 0 || run->connections > CONNECTIONS_MAX ||
	    run->asked.instances == 0) {
		usage();
	}
}

int main(int argc, char **argv)
{
	struct run *run = calloc(1, sizeof(*run));

	if (run == NULL) {
		fail("tcp");
	}
	run->connections = 20;
	run->seconds = 1;
	run->random = 0x9e3779b97f4a7c15u;
	run->asked = (struct packet_options){.instances = 10000, .zone = "svc.example"};
	read_options(run, argc, argv);
	packets_make(&run->packets, &run->asked);
	const double seconds = drive(run);

	printf("{\"sent\": %llu, \"answered\": %llu, \"lost\": %llu, \"seconds\": %.3f, "
	       "\"rate\": %.0f, \"mean_size\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, "
	       "\"rcodes\": {\"0\": %llu}}\n",
	       (unsigned long long)(run->answered + run->lost), (unsigned long long)run->answered,
	       (unsigned long long)run->lost, seconds, (double)run->answered / seconds,
	       run->answered > 0 ? (double)run->octets / (double)run->answered : 0,
	       latency_us(&run->latency, 0.5), latency_us(&run->latency, 0.99),
	       (unsigned long long)(run->answered - run->failed));
	packets_free(&run->packets);
	free(run);
	return EXIT_SUCCESS;
}
