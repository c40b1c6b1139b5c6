/*
 * The generator: keeps a number of requests in flight, or sends at a rate, by sendmmsg(2) and
 * recvmmsg(2), and says what came back and how fast. It never sleeps, so that the server pays for
 * no wake-up of ours; give it a core of its own.
 *
 *	load query|update PORT [-w WINDOW] [-r RATE] [-t SECONDS] [-n COUNT] [-l SECONDS] [-i INSTANCES]
 *	     [-f FIRST] [-m MEMBERS | -T TYPES] [-z ZONE] [-q FILE] [-d] [-c PORT] [-x] [-a] [-k SECRET]
 *	     [-u INSTANCES [-F FIRST] [-M MEMBERS] [-R RATE]]
 *
 * query: SRV questions for instances FIRST .. FIRST + INSTANCES - 1 in random order, or those of
 * FILE (each behind its length in two octets). With -d no question is sent twice: each names another
 * size in its OPT, all of them larger than any answer. update: registrations of these instances in turn,
 * over and over: PTR, SRV, TXT and A with a lease (RFC 9664). So a first pass registers and every
 * further one is a heartbeat; with -c they change the port, with -x they remove, with -a all of an
 * instance and its host is deleted and added in the same message. -k: signed by the key "bench" with
 * this secret, in BASE64. All are of one type, or each MEMBERS have one, or of TYPES in turn. Ends after SECONDS (1
 * where nothing is said) or COUNT requests, what comes first; one without an answer is lost after a second, or -l. -u registers that many once, beside the queries, on a socket of its own: at -R a
 * second, or 64 in flight.
 *
 * Prints one JSON object; that of -u is its field "updates".
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "crypto/base64.h"
#include "crypto/hmac.h"
#include "dns/tsig.h"
#include "dns/types.h"
#include "tests/bench/latency.h"
#include "tests/bench/packets.h"

enum {
	BATCH = 64,
	ROOM = 4096,
	WINDOW_MAX = 4096,
	UPDATE_WINDOW = 64,
	RCODES = 16,
	OPT_REST = 8, /* octets of an OPT without options from its size on */
	OPT_SIZES = 1 << 15, /* that are named in turn, from as many on */
};

struct options {
	struct packet_options packets;
	uint16_t port;
	unsigned window;
	uint64_t rate; /* requests a second; 0: as the window lets */
	double seconds;
	uint64_t count;
	uint64_t lost_ns; /* a request without an answer is given up */
	const char *file;
	bool is_distinct;
	struct hmac_key *key; /* NULL: unsigned */
	struct packet_options updates; /* registrations beside the queries */
	uint64_t update_rate;
};

struct flight {
	uint64_t sent_ns; /* 0: free */
	uint16_t id;
};

/* Requests of one kind, on one socket. */
struct flow {
	struct packets packets;
	bool is_random; /* order; else in turn */
	bool is_distinct;
	const struct hmac_key *key;
	int fd;
	unsigned window;
	uint64_t rate;
	uint64_t count; /* to be sent; 0: no limit */
	struct flight flights[WINDOW_MAX];
	uint16_t free[WINDOW_MAX];
	unsigned free_count;
	uint64_t random;
	uint64_t next; /* packet, in turn */
	uint64_t sent;
	uint64_t answered;
	uint64_t lost;
	uint64_t octets;
	uint64_t rcodes[RCODES];
	struct latency latency;
};

struct run {
	uint64_t start_ns;
	double seconds; /* until nothing more is sent; 0: until the counts are reached */
	uint64_t lost_ns;
	size_t flows;
	struct flow flow[2];
	struct mmsghdr in[BATCH];
	struct iovec in_pieces[BATCH];
	uint8_t in_wire[BATCH][ROOM];
	struct mmsghdr out[BATCH];
	struct iovec out_pieces[BATCH][3]; /* ID, the rest; the end, where it is not the packet's */
	uint8_t out_ids[BATCH][2];
	uint8_t out_opts[BATCH][OPT_REST];
	uint8_t out_signed[BATCH][ROOM];
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

static int dial(uint16_t port)
{
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);
	const int room = 4 << 20;
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
		fail("load: socket");
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return fd;
}

static struct flow *add_flow(struct run *run, uint16_t port, unsigned window)
{
	struct flow *flow = &run->flow[run->flows++];

	flow->fd = dial(port);
	flow->window = window;
	flow->random = 0x9e3779b97f4a7c15u;
	for (unsigned i = 0; i < window; i++) {
		flow->flights[i].id = (uint16_t)i;
		flow->free[flow->free_count++] = (uint16_t)i;
	}
	return flow;
}

static void init_run(struct run *run, const struct options *options)
{
	struct flow *flow = add_flow(run, options->port, options->window);

	flow->rate = options->rate;
	flow->count = options->count;
	flow->is_random = !options->packets.is_update;
	flow->is_distinct = options->is_distinct;
	flow->key = options->key;
	if (options->file != NULL) {
		packets_read(&flow->packets, options->file);
	} else {
		packets_make(&flow->packets, &options->packets);
	}
	if (options->updates.instances > 0) {
		flow = add_flow(run, options->port,
				options->update_rate > 0 ? WINDOW_MAX : UPDATE_WINDOW);
		flow->rate = options->update_rate;
		flow->count = options->updates.instances;
		packets_make(&flow->packets, &options->updates);
	}
	for (size_t i = 0; i < BATCH; i++) {
		run->in_pieces[i] = (struct iovec){.iov_base = run->in_wire[i], .iov_len = ROOM};
		run->in[i].msg_hdr.msg_iov = &run->in_pieces[i];
		run->in[i].msg_hdr.msg_iovlen = 1;
		run->out[i].msg_hdr.msg_iov = run->out_pieces[i];
		run->out[i].msg_hdr.msg_iovlen = 2;
	}
	run->seconds = options->seconds > 0 || options->count > 0 ? options->seconds : 1;
	run->lost_ns = options->lost_ns;
	run->start_ns = now_ns();
}

static size_t choose(struct flow *flow)
{
	if (!flow->is_random) {
		return flow->next++ % flow->packets.count;
	}
	flow->random ^= flow->random << 13;
	flow->random ^= flow->random >> 7;
	flow->random ^= flow->random << 17;
	return flow->random % flow->packets.count;
}

/* Another end for a packet: its OPT names this size. */
static void put_size(struct run *run, unsigned at, uint64_t size)
{
	struct iovec *rest = &run->out_pieces[at][1];
	uint8_t *end = run->out_opts[at];

	rest->iov_len -= OPT_REST;
	memcpy(end, (uint8_t *)rest->iov_base + rest->iov_len, OPT_REST);
	end[0] = (uint8_t)(size >> 8);
	end[1] = (uint8_t)size;
	run->out_pieces[at][2] = (struct iovec){.iov_base = end, .iov_len = OPT_REST};
}

/* The packet with its ID and a TSIG (RFC 8945 4.2, 4.3) instead of what was put. */
static void put_signed(struct run *run, const struct hmac_key *key, unsigned at)
{
	struct iovec *pieces = run->out_pieces[at];
	uint8_t *octets = run->out_signed[at];
	const size_t size = 2 + pieces[1].iov_len;
	struct dns_tsig tsig = {.time_s = (uint64_t)time(NULL),
				.fudge_s = 300,
				.mac_size = 32,
				.original_id =
					(uint16_t)(run->out_ids[at][0] << 8 | run->out_ids[at][1])};
	uint8_t variables[DNS_TSIG_VARIABLES_MAX];

	memcpy(tsig.key_name, "\5bench", 7);
	memcpy(tsig.algorithm, "\13hmac-sha256", 13);
	memcpy(octets, run->out_ids[at], 2);
	memcpy(octets + 2, pieces[1].iov_base, pieces[1].iov_len);
	const struct hmac_piece digested[] = {{octets, size},
					      {variables, dns_tsig_variables(variables, &tsig)}};
	if (hmac_compute(key, digested, 2, tsig.mac) != 0) {
		fail("load: hmac");
	}
	struct buf_writer out = buf_writer(octets + size, ROOM - size);
	dns_tsig_write(&out, &tsig);
	octets[11]++; /* additional records: the OPT alone before */
	pieces[0] = (struct iovec){.iov_base = octets, .iov_len = size + buf_written(&out)};
	run->out[at].msg_hdr.msg_iovlen = 1;
}

static void put(struct run *run, struct flow *flow, unsigned at, uint64_t now)
{
	const struct packets *packets = &flow->packets;
	const size_t number = choose(flow);
	const uint16_t slot = flow->free[--flow->free_count];
	struct flight *flight = &flow->flights[slot];

	/* Another ID for the next use of the slot, lest a late answer be taken for its own. */
	flight->id = (uint16_t)(flight->id + WINDOW_MAX);
	flight->sent_ns = now;
	run->out_ids[at][0] = (uint8_t)(flight->id >> 8);
	run->out_ids[at][1] = (uint8_t)flight->id;
	run->out_pieces[at][0] = (struct iovec){.iov_base = run->out_ids[at], .iov_len = 2};
	run->out_pieces[at][1] = (struct iovec){
		.iov_base = packets->octets + packets->start[number] + 2,
		.iov_len = packets->start[number + 1] - packets->start[number] - 2,
	};
	run->out[at].msg_hdr.msg_iovlen = flow->is_distinct ? 3 : 2;
	if (flow->key != NULL) {
		put_signed(run, flow->key, at);
	}
	if (flow->is_distinct) {
		put_size(run, at, OPT_SIZES + (flow->sent + at) % OPT_SIZES);
	}
}

static bool is_over(const struct run *run, const struct flow *flow, uint64_t now)
{
	if (flow->count > 0 && flow->sent >= flow->count) {
		return true;
	}
	return run->seconds > 0 && (double)(now - run->start_ns) / 1e9 >= run->seconds;
}

/* How many may be sent now. */
static unsigned allowance(const struct run *run, const struct flow *flow, uint64_t now)
{
	uint64_t count = flow->free_count < BATCH ? flow->free_count : BATCH;

	if (flow->rate > 0) {
		const double passed = (double)(now - run->start_ns) / 1e9;
		const uint64_t due = (uint64_t)(passed * (double)flow->rate);

		count = due <= flow->sent ? 0 : due - flow->sent < count ? due - flow->sent : count;
	}
	if (flow->count > 0 && flow->count - flow->sent < count) {
		count = flow->count - flow->sent;
	}
	return (unsigned)count;
}

static void send_some(struct run *run, struct flow *flow, uint64_t now)
{
	const unsigned count = allowance(run, flow, now);

	for (unsigned i = 0; i < count; i++) {
		put(run, flow, i, now);
	}
	for (unsigned sent = 0; sent < count;) {
		const int got = sendmmsg(flow->fd, run->out + sent, count - sent, 0);

		if (got < 0) {
			fail("load: sendmmsg");
		}
		sent += (unsigned)got;
	}
	flow->sent += count;
}

static void receive_one(struct flow *flow, const uint8_t *wire, size_t size, uint64_t now)
{
	const uint16_t id = (uint16_t)(wire[0] << 8 | wire[1]);
	const uint16_t slot = id % WINDOW_MAX;
	struct flight *flight = &flow->flights[slot];

	if (size < DNS_HEADER_SIZE || slot >= flow->window || flight->sent_ns == 0 ||
	    flight->id != id) {
		return;
	}
	latency_add(&flow->latency, now - flight->sent_ns);
	flow->rcodes[wire[3] & 0xf]++;
	flow->answered++;
	flow->octets += size;
	flight->sent_ns = 0;
	flow->free[flow->free_count++] = slot;
}

static void receive_some(struct run *run, struct flow *flow)
{
	const int count = recvmmsg(flow->fd, run->in, BATCH, MSG_DONTWAIT, NULL);
	const uint64_t now = count > 0 ? now_ns() : 0;

	for (int i = 0; i < count; i++) {
		receive_one(flow, run->in_wire[i], run->in[i].msg_len, now);
	}
}

static void give_up(struct flow *flow, uint64_t now, uint64_t lost_ns)
{
	for (unsigned i = 0; i < flow->window; i++) {
		struct flight *flight = &flow->flights[i];

		if (flight->sent_ns != 0 && now - flight->sent_ns > lost_ns) {
			flight->sent_ns = 0;
			flow->free[flow->free_count++] = (uint16_t)i;
			flow->lost++;
		}
	}
}

/* One turn of a flow; true: it has something to do yet, if only to wait for answers. */
static bool turn(struct run *run, struct flow *flow, uint64_t now)
{
	const bool is_done = is_over(run, flow, now);

	if (is_done && flow->free_count == flow->window) {
		return false;
	}
	if (!is_done) {
		send_some(run, flow, now);
	}
	receive_some(run, flow);
	return true;
}

/* Sends until it is over, then waits for what is on its way. */
static double drive(struct run *run)
{
	uint64_t now = run->start_ns;
	uint64_t looked = now;
	bool is_going = true;

	while (is_going) {
		is_going = false;
		for (size_t i = 0; i < run->flows; i++) {
			is_going |= turn(run, &run->flow[i], now);
		}
		now = now_ns();
		if (now - looked > run->lost_ns / 10) {
			for (size_t i = 0; i < run->flows; i++) {
				give_up(&run->flow[i], now, run->lost_ns);
			}
			looked = now;
		}
	}
	return (double)(now - run->start_ns) / 1e9;
}

static void print(const struct flow *flow, double seconds)
{
	const struct latency *latency = &flow->latency;

	printf("{\"sent\": %llu, \"answered\": %llu, \"lost\": %llu, \"seconds\": %.3f, "
	       "\"rate\": %.0f, \"mean_size\": %.1f, ",
	       (unsigned long long)flow->sent, (unsigned long long)flow->answered,
	       (unsigned long long)flow->lost, seconds, (double)flow->answered / seconds,
	       flow->answered > 0 ? (double)flow->octets / (double)flow->answered : 0);
	printf("\"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, "
	       "\"rcodes\": {",
	       latency_us(latency, 0.5), latency_us(latency, 0.9), latency_us(latency, 0.99),
	       latency_us(latency, 0.999));
	for (unsigned i = 0, printed = 0; i < RCODES; i++) {
		if (flow->rcodes[i] > 0) {
			printf("%s\"%u\": %llu", printed++ > 0 ? ", " : "", i,
			       (unsigned long long)flow->rcodes[i]);
		}
	}
	printf("}");
}

/* ---- the command line -------------------------------------------------------------------------- */

static void usage(void)
{
	fprintf(stderr,
		"usage: load query|update PORT [-w WINDOW] [-r RATE] [-t SECONDS] "
		"[-n COUNT]\n            [-l SECONDS] [-i INSTANCES] [-f FIRST] [-m MEMBERS "
		"| -T TYPES] [-z ZONE] "
		"[-q FILE] [-d]\n            [-c PORT] [-x] [-a] [-k SECRET] [-u INSTANCES "
		"[-F FIRST] [-M MEMBERS] [-R RATE]]\n");
	exit(EXIT_FAILURE);
}

static struct hmac_key *read_key(const char *text)
{
	uint8_t secret[128];
	struct hmac_key *key = NULL;
	const int size = base64_decode(secret, sizeof(secret), text, strlen(text));

	if (size <= 0 || hmac_key_new(&key, HMAC_SHA256, secret, (size_t)size) != 0) {
		usage();
	}
	return key;
}

static struct options read_options(int argc, char **argv)
{
	struct options options = {
		.window = 64,
		.lost_ns = 1000000000,
		.packets = {.instances = 10000, .zone = "svc.example"},
		.updates = {.is_update = true, .zone = "svc.example"},
	};
	int letter;

	if (argc < 3 || (strcmp(argv[1], "query") != 0 && strcmp(argv[1], "update") != 0)) {
		usage();
	}
	options.packets.is_update = strcmp(argv[1], "update") == 0;
	options.port = (uint16_t)strtoul(argv[2], NULL, 10);
	while ((letter = getopt(argc - 2, argv + 2, "w:r:t:n:l:i:f:m:T:z:q:dc:xak:u:F:M:R:")) !=
	       -1) {
		switch (letter) {
		case 'w':
			options.window = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'r':
			options.rate = strtoull(optarg, NULL, 10);
			break;
		case 't':
			options.seconds = strtod(optarg, NULL);
			break;
		case 'n':
			options.count = strtoull(optarg, NULL, 10);
			break;
		case 'l':
			options.lost_ns = strtoull(optarg, NULL, 10) * 1000000000;
			break;
		case 'i':
			options.packets.instances = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'f':
			options.packets.first = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'm':
			options.packets.members = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'T':
			options.packets.types = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'c':
			options.packets.form = PACKET_CHANGE;
			options.packets.port = (uint16_t)strtoul(optarg, NULL, 10);
			break;
		case 'x':
			options.packets.form = PACKET_REMOVE;
			break;
		case 'a':
			options.packets.is_whole = true;
			break;
		case 'k':
			options.key = read_key(optarg);
			break;
		case 'z':
			options.packets.zone = optarg;
			options.updates.zone = optarg;
			break;
		case 'q':
			options.file = optarg;
			break;
		case 'd':
			options.is_distinct = true;
			break;
		case 'u':
			options.updates.instances = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'F':
			options.updates.first = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'M':
			options.updates.members = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'R':
			options.update_rate = strtoull(optarg, NULL, 10);
			break;
		default:
			usage();
		}
	}
	if (options.port == 0 || options.window == 0 || options.window > WINDOW_MAX ||
	    options.packets.instances == 0) {
		usage();
	}
	return options;
}

int main(int argc, char **argv)
{
	const struct options options = read_options(argc, argv);
	struct run *run = calloc(1, sizeof(*run));

	if (run == NULL) {
		fail("load");
	}
	init_run(run, &options);
	const double seconds = drive(run);

	print(&run->flow[0], seconds);
	if (run->flows > 1) {
		printf(", \"updates\": ");
		print(&run->flow[1], seconds);
		printf("}");
	}
	printf("}\n");
	for (size_t i = 0; i < run->flows; i++) {
		close(run->flow[i].fd);
		packets_free(&run->flow[i].packets);
	}
	free(run);
	return EXIT_SUCCESS;
}
