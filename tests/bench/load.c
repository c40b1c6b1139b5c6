/*
 * The generator: keeps a number of requests in flight, or sends at a rate, by sendmmsg(2) and
 * recvmmsg(2) on one socket, and says what came back and how fast. It never sleeps, so that the
 * server pays for no wake-up of ours; give it a core of its own.
 *
 *	load MODE PORT [-w WINDOW] [-r RATE] [-t SECONDS | -n COUNT] [-i INSTANCES] [-f FIRST]
 *	     [-m MEMBERS] [-z ZONE] [-q FILE]
 *
 * MODE query: SRV questions for instances FIRST .. FIRST + INSTANCES - 1 in random order, or those
 * of FILE (each behind its length in two octets). MODE update: registrations of these instances in
 * turn, over and over: PTR, SRV, TXT and A with a lease (RFC 9664). So a first pass registers and
 * every further one is a heartbeat. All are of one type, or each MEMBERS have one. Ends after SECONDS, or COUNT requests. Prints one JSON object.
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "dns/name.h"
#include "dns/types.h"

enum {
	BATCH = 64,
	ROOM = 4096,
	WINDOW_MAX = 4096,
	LOST_NS = 1000 * 1000 * 1000, /* a request without an answer is given up */
	LEASE_S = 7200,
	TTL_S = 120,
	BUCKETS = 64 * 16,
	RCODES = 16,
};

struct options {
	bool is_update;
	uint16_t port;
	unsigned window;
	uint64_t rate; /* requests a second; 0: as the window lets */
	double seconds;
	uint64_t count;
	uint32_t instances;
	uint32_t first;
	uint32_t members; /* of a type; 0: all have one type */
	const char *zone;
	const char *file;
};

/* All requests, one behind the other. */
struct packets {
	uint8_t *octets;
	size_t *start; /* count + 1 */
	size_t count;
};

struct flight {
	uint64_t sent_ns; /* 0: free */
	uint16_t id;
};

struct run {
	const struct options *options;
	const struct packets *packets;
	int fd;
	struct flight flights[WINDOW_MAX];
	uint16_t free[WINDOW_MAX];
	unsigned free_count;
	uint64_t random;
	uint64_t next; /* packet, in turn */
	uint64_t start_ns;
	uint64_t sent;
	uint64_t answered;
	uint64_t lost;
	uint64_t octets;
	uint64_t rcodes[RCODES];
	uint64_t histogram[BUCKETS]; /* of latencies, see bucket_of() */
	struct mmsghdr in[BATCH];
	struct iovec in_pieces[BATCH];
	uint8_t in_wire[BATCH][ROOM];
	struct mmsghdr out[BATCH];
	struct iovec out_pieces[BATCH][2]; /* ID, and the rest */
	uint8_t out_ids[BATCH][2];
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

/* ---- latencies: 16 buckets for each power of two, so within 6 % ----------------------------- */

static unsigned bucket_of(uint64_t value)
{
	if (value < 16) {
		return (unsigned)value;
	}
	const unsigned power = 63 - (unsigned)__builtin_clzll(value);

	return (power - 3) * 16 + (unsigned)(value >> (power - 4) & 15);
}

static uint64_t bucket_value(unsigned bucket)
{
	return bucket < 16 ? bucket : (uint64_t)(16 + bucket % 16) << (bucket / 16 - 1);
}

static double percentile_us(const struct run *run, double part)
{
	const uint64_t wanted = (uint64_t)((double)run->answered * part);
	uint64_t seen = 0;

	for (unsigned i = 0; i < BUCKETS; i++) {
		seen += run->histogram[i];
		if (seen > wanted) {
			return (double)bucket_value(i) / 1000;
		}
	}
	return 0;
}

/* ---- packets --------------------------------------------------------------------------------- */

static void write_name(struct buf_writer *out, const char *text, const uint8_t *zone)
{
	uint8_t name[DNS_NAME_MAX];
	const int size = dns_name_from_text(name, text, zone);

	if (size < 0) {
		fprintf(stderr, "load: %s: no name\n", text);
		exit(EXIT_FAILURE);
	}
	buf_write(out, name, (size_t)size);
}

static void write_header(struct buf_writer *out, uint16_t flags, uint16_t authority)
{
	buf_write_u16(out, 0);
	buf_write_u16(out, flags);
	buf_write_u16(out, 1);
	buf_write_u16(out, 0);
	buf_write_u16(out, authority);
	buf_write_u16(out, 1);
}

static void write_opt(struct buf_writer *out, uint32_t lease_s)
{
	buf_write_u8(out, 0);
	buf_write_u16(out, DNS_TYPE_OPT);
	buf_write_u16(out, DNS_UDP_SAFE);
	buf_write_u32(out, 0);
	buf_write_u16(out, lease_s > 0 ? 8 : 0);
	if (lease_s > 0) {
		buf_write_u16(out, DNS_OPTION_UPDATE_LEASE);
		buf_write_u16(out, 4);
		buf_write_u32(out, lease_s);
	}
}

/* "_http._tcp", or the type that this one has with its neighbours. */
static void type_text(char *out, size_t size, uint32_t number, const struct options *options)
{
	if (options->members == 0) {
		snprintf(out, size, "_http._tcp");
	} else {
		snprintf(out, size, "_t%u._tcp", number / options->members);
	}
}

static void write_query(struct buf_writer *out, uint32_t number, const uint8_t *zone,
			const struct options *options)
{
	char type[32];
	char text[64];

	type_text(type, sizeof(type), number, options);
	write_header(out, 0, 0);
	snprintf(text, sizeof(text), "web-%06u.%s", number, type);
	write_name(out, text, zone);
	buf_write_u16(out, DNS_TYPE_SRV);
	buf_write_u16(out, DNS_CLASS_IN);
	write_opt(out, 0);
}

/* Type, class and TTL of a record, and room for its length. */
static uint8_t *begin_rr(struct buf_writer *out, uint16_t type)
{
	buf_write_u16(out, type);
	buf_write_u16(out, DNS_CLASS_IN);
	buf_write_u32(out, TTL_S);
	return buf_reserve(out, 2);
}

static void end_rr(const struct buf_writer *out, uint8_t *length)
{
	const size_t size = (size_t)(out->at - length) - 2;

	length[0] = (uint8_t)(size >> 8);
	length[1] = (uint8_t)size;
}

static void write_update(struct buf_writer *out, uint32_t number, const uint8_t *zone,
			 const struct options *options)
{
	char type[32];
	char instance[64];
	char host[64];
	uint8_t *length;

	type_text(type, sizeof(type), number, options);
	snprintf(instance, sizeof(instance), "web-%06u.%s", number, type);
	snprintf(host, sizeof(host), "host-%06u", number);
	write_header(out, DNS_OPCODE_UPDATE << 11, 4);
	buf_write(out, zone, dns_name_size(zone));
	buf_write_u16(out, DNS_TYPE_SOA);
	buf_write_u16(out, DNS_CLASS_IN);

	write_name(out, type, zone);
	length = begin_rr(out, DNS_TYPE_PTR);
	write_name(out, instance, zone);
	end_rr(out, length);

	write_name(out, instance, zone);
	length = begin_rr(out, DNS_TYPE_SRV);
	buf_write_u16(out, 0);
	buf_write_u16(out, 0);
	buf_write_u16(out, 8080);
	write_name(out, host, zone);
	end_rr(out, length);

	write_name(out, instance, zone);
	length = begin_rr(out, DNS_TYPE_TXT);
	buf_write(out, "\x06path=/", 7);
	end_rr(out, length);

	write_name(out, host, zone);
	length = begin_rr(out, DNS_TYPE_A);
	buf_write_u32(out, 10u << 24 | (number & 0xffffff));
	end_rr(out, length);
	write_opt(out, LEASE_S);
}

static void make_packets(struct packets *packets, const struct options *options)
{
	const size_t most = options->is_update ? 512 : 128;
	const size_t room = most * options->instances;
	uint8_t zone[DNS_NAME_MAX];

	packets->octets = malloc(room);
	packets->start = calloc(options->instances + 1, sizeof(*packets->start));
	if (packets->octets == NULL || packets->start == NULL ||
	    dns_name_from_text(zone, options->zone, NULL) < 0) {
		fail("load: packets");
	}
	struct buf_writer out = buf_writer(packets->octets, room);

	for (uint32_t i = 0; i < options->instances; i++) {
		if (options->is_update) {
			write_update(&out, options->first + i, zone, options);
		} else {
			write_query(&out, options->first + i, zone, options);
		}
		packets->start[++packets->count] = buf_written(&out);
	}
	if (out.failed) {
		fprintf(stderr, "load: the zone's name is too long\n");
		exit(EXIT_FAILURE);
	}
}

/* Takes the framed messages of a file. */
static void read_packets(struct packets *packets, const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t head[2];
	size_t end = 0;

	if (file == NULL) {
		fail(path);
	}
	packets->start = calloc(1, sizeof(*packets->start));
	while (fread(head, sizeof(head), 1, file) == 1) {
		const size_t size = (size_t)(head[0] << 8 | head[1]);

		packets->octets = realloc(packets->octets, end + size);
		packets->start =
			realloc(packets->start, (packets->count + 2) * sizeof(*packets->start));
		if (packets->octets == NULL || packets->start == NULL || size < DNS_HEADER_SIZE ||
		    fread(packets->octets + end, size, 1, file) != 1) {
			fail(path);
		}
		end += size;
		packets->start[++packets->count] = end;
	}
	fclose(file);
}

/* ---- sending and receiving -------------------------------------------------------------------- */

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

static void init_run(struct run *run, const struct options *options, const struct packets *packets)
{
	run->options = options;
	run->packets = packets;
	run->fd = dial(options->port);
	run->random = 0x9e3779b97f4a7c15u;
	for (unsigned i = 0; i < options->window; i++) {
		run->flights[i].id = (uint16_t)i;
		run->free[run->free_count++] = (uint16_t)i;
	}
	for (size_t i = 0; i < BATCH; i++) {
		run->in_pieces[i] = (struct iovec){.iov_base = run->in_wire[i], .iov_len = ROOM};
		run->in[i].msg_hdr.msg_iov = &run->in_pieces[i];
		run->in[i].msg_hdr.msg_iovlen = 1;
		run->out[i].msg_hdr.msg_iov = run->out_pieces[i];
		run->out[i].msg_hdr.msg_iovlen = 2;
	}
	run->start_ns = now_ns();
}

static size_t choose(struct run *run)
{
	if (run->options->is_update) {
		return run->next++ % run->packets->count;
	}
	run->random ^= run->random << 13;
	run->random ^= run->random >> 7;
	run->random ^= run->random << 17;
	return run->random % run->packets->count;
}

static void put(struct run *run, unsigned at, uint64_t now)
{
	const struct packets *packets = run->packets;
	const size_t number = choose(run);
	const uint16_t slot = run->free[--run->free_count];
	struct flight *flight = &run->flights[slot];

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
}

/* How many may be sent now. */
static unsigned allowance(const struct run *run, uint64_t now)
{
	const struct options *options = run->options;
	uint64_t count = run->free_count < BATCH ? run->free_count : BATCH;

	if (options->rate > 0) {
		const double passed = (double)(now - run->start_ns) / 1e9;
		const uint64_t due = (uint64_t)(passed * (double)options->rate);

		count = due <= run->sent ? 0 : due - run->sent < count ? due - run->sent : count;
	}
	if (options->count > 0 && options->count - run->sent < count) {
		count = options->count - run->sent;
	}
	return (unsigned)count;
}

static void send_some(struct run *run, uint64_t now)
{
	const unsigned count = allowance(run, now);

	for (unsigned i = 0; i < count; i++) {
		put(run, i, now);
	}
	for (unsigned sent = 0; sent < count;) {
		const int got = sendmmsg(run->fd, run->out + sent, count - sent, 0);

		if (got < 0) {
			fail("load: sendmmsg");
		}
		sent += (unsigned)got;
	}
	run->sent += count;
}

static void receive_one(struct run *run, const uint8_t *wire, size_t size, uint64_t now)
{
	const uint16_t id = (uint16_t)(wire[0] << 8 | wire[1]);
	const uint16_t slot = id % WINDOW_MAX;
	struct flight *flight = &run->flights[slot];

	if (size < DNS_HEADER_SIZE || slot >= run->options->window || flight->sent_ns == 0 ||
	    flight->id != id) {
		return;
	}
	run->histogram[bucket_of(now - flight->sent_ns)]++;
	run->rcodes[wire[3] & 0xf]++;
	run->answered++;
	run->octets += size;
	flight->sent_ns = 0;
	run->free[run->free_count++] = slot;
}

static void receive_some(struct run *run)
{
	const int count = recvmmsg(run->fd, run->in, BATCH, MSG_DONTWAIT, NULL);
	const uint64_t now = count > 0 ? now_ns() : 0;

	for (int i = 0; i < count; i++) {
		receive_one(run, run->in_wire[i], run->in[i].msg_len, now);
	}
}

static void give_up(struct run *run, uint64_t now)
{
	for (unsigned i = 0; i < run->options->window; i++) {
		struct flight *flight = &run->flights[i];

		if (flight->sent_ns != 0 && now - flight->sent_ns > LOST_NS) {
			flight->sent_ns = 0;
			run->free[run->free_count++] = (uint16_t)i;
			run->lost++;
		}
	}
}

static bool is_over(const struct run *run, uint64_t now)
{
	const struct options *options = run->options;

	return options->count > 0 ? run->sent >= options->count
				  : (double)(now - run->start_ns) / 1e9 >= options->seconds;
}

/* Sends until it is over, then waits for what is on its way. */
static double drive(struct run *run)
{
	uint64_t now = run->start_ns;
	uint64_t looked = now;

	while (!is_over(run, now) || run->free_count < run->options->window) {
		if (!is_over(run, now)) {
			send_some(run, now);
		}
		receive_some(run);
		now = now_ns();
		if (now - looked > LOST_NS / 10) {
			give_up(run, now);
			looked = now;
		}
	}
	return (double)(now - run->start_ns) / 1e9;
}

static void print(const struct run *run, double seconds)
{
	printf("{\"sent\": %llu, \"answered\": %llu, \"lost\": %llu, \"seconds\": %.3f, "
	       "\"rate\": %.0f, \"mean_size\": %.1f, ",
	       (unsigned long long)run->sent, (unsigned long long)run->answered,
	       (unsigned long long)run->lost, seconds, (double)run->answered / seconds,
	       run->answered > 0 ? (double)run->octets / (double)run->answered : 0);
	printf("\"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, "
	       "\"rcodes\": {",
	       percentile_us(run, 0.5), percentile_us(run, 0.9), percentile_us(run, 0.99),
	       percentile_us(run, 0.999));
	for (unsigned i = 0, printed = 0; i < RCODES; i++) {
		if (run->rcodes[i] > 0) {
			printf("%s\"%u\": %llu", printed++ > 0 ? ", " : "", i,
			       (unsigned long long)run->rcodes[i]);
		}
	}
	printf("}}\n");
}

/* ---- the command line -------------------------------------------------------------------------- */

static void usage(void)
{
	fprintf(stderr, "usage: load query|update PORT [-w WINDOW] [-r RATE] [-t SECONDS | "
			"-n COUNT]\n            [-i INSTANCES] [-f FIRST] [-m MEMBERS] [-z ZONE] "
			"[-q FILE]\n");
	exit(EXIT_FAILURE);
}

static struct options read_options(int argc, char **argv)
{
	struct options options = {
		.window = 64,
		.seconds = 1,
		.instances = 10000,
		.zone = "svc.example",
	};
	int letter;

	if (argc < 3 || (strcmp(argv[1], "query") != 0 && strcmp(argv[1], "update") != 0)) {
		usage();
	}
	options.is_update = strcmp(argv[1], "update") == 0;
	options.port = (uint16_t)strtoul(argv[2], NULL, 10);
	while ((letter = getopt(argc - 2, argv + 2, "w:r:t:n:i:f:m:z:q:")) != -1) {
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
		case 'i':
			options.instances = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'f':
			options.first = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'm':
			options.members = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 'z':
			options.zone = optarg;
			break;
		case 'q':
			options.file = optarg;
			break;
		default:
			usage();
		}
	}
	if (options.port == 0 || options.window == 0 || options.window > WINDOW_MAX ||
	    options.instances == 0) {
		usage();
	}
	return options;
}

int main(int argc, char **argv)
{
	const struct options options = read_options(argc, argv);
	struct packets packets = {0};
	struct run *run = calloc(1, sizeof(*run));

	if (run == NULL) {
		fail("load");
	}
	if (options.file != NULL) {
		read_packets(&packets, options.file);
	} else {
		make_packets(&packets, &options);
	}
	if (packets.count == 0) {
		fprintf(stderr, "load: nothing to send\n");
		return EXIT_FAILURE;
	}
	init_run(run, &options, &packets);
	print(run, drive(run));
	close(run->fd);
	free(packets.octets);
	free(packets.start);
	free(run);
	return EXIT_SUCCESS;
}
