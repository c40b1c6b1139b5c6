/*
 * The responder's thread waits in poll() for datagrams, connections, and the time of answers that
 * it holds back. What tests set and count is atomic.
 */
#include "tests/unit/libclient/responder.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rand.h"
#include "libclient/waggle.h"
#include "tests/unit/libclient/packet.h"

#define LINES_MAX 32 /* TCP connections at a time */
#define LATE_MAX 256 /* answers held back at a time */
#define LATE_SIZE 1500
#define ZONE "svc.example."
#define TYPE "_http._tcp." ZONE
#define UPDATE_FLAGS (DNS_OPCODE_UPDATE << 11)

/* Where an answer goes. */
struct way {
	int socket;
	bool is_tcp;
	struct sockaddr_in peer; /* UDP */
};

struct late {
	uint64_t at_ms; /* 0: free */
	struct way way;
	size_t size;
	uint8_t wire[LATE_SIZE];
};

struct tcp_line {
	int socket; /* -1: free */
	size_t filled;
	uint8_t request[2048];
};

struct responder {
	pthread_t thread;
	int udp;
	int tcp;
	int stop[2]; /* pipe */
	char server[WAGGLE_ADDRESS_TEXT];
	uint16_t port;
	struct rand rand; /* the thread's */
	struct tcp_line lines[LINES_MAX];
	struct late late[LATE_MAX];
	struct packet packet;
	uint8_t framed[2 + DNS_MESSAGE_MAX];
	atomic_int fault;
	atomic_uint delay_ms;
	atomic_uint instances;
	atomic_uint ttl_s;
	atomic_bool has_additional;
	atomic_int lease_s;
	atomic_uint update_rcode;
	atomic_uint udp_seen;
	atomic_uint tcp_seen;
	atomic_uint updates;
	atomic_uint removals;
};

static void must(bool is_good, const char *what)
{
	if (!is_good) {
		perror(what);
		abort();
	}
}

/* ---- the zone ---------------------------------------------------------------------------- */

/* The number in "i12" or "h12", or -1. */
static int number_of(const struct responder *responder, const uint8_t *label, char kind)
{
	char digits[8] = "";

	if (label[0] < 2 || label[0] > 6 || dns_fold(label[1]) != kind) {
		return -1;
	}
	memcpy(digits, label + 2, label[0] - 1u);
	return (unsigned)atoi(digits) < atomic_load(&responder->instances) ? atoi(digits) : -1;
}

static void name_of(char out[64], char kind, unsigned number)
{
	snprintf(out, 64, kind == 'i' ? "i%u." TYPE : "h%u." ZONE, number);
}

static void add_srv(struct responder *responder, enum dns_section section, const char *owner,
		    unsigned number)
{
	char host[64];
	char text[96];

	name_of(host, 'h', number);
	snprintf(text, sizeof(text), "0 0 %u %s", 1000 + number, host);
	packet_rr(&responder->packet, section, owner, DNS_TYPE_SRV, atomic_load(&responder->ttl_s),
		  text);
}

static void add_txt(struct responder *responder, enum dns_section section, unsigned number)
{
	char name[64];
	char text[32];

	name_of(name, 'i', number);
	snprintf(text, sizeof(text), "n=%u", number);
	packet_rr(&responder->packet, section, name, DNS_TYPE_TXT, atomic_load(&responder->ttl_s),
		  text);
}

static void add_a(struct responder *responder, enum dns_section section, unsigned number)
{
	char name[64];
	char text[32];

	name_of(name, 'h', number);
	snprintf(text, sizeof(text), "10.0.%u.%u", number / 250, number % 250);
	packet_rr(&responder->packet, section, name, DNS_TYPE_A, atomic_load(&responder->ttl_s),
		  text);
}

/* As much as fits into `limit`. */
static void add_details(struct responder *responder, bool with_names, size_t limit)
{
	char name[64];

	for (unsigned i = 0;
	     i < atomic_load(&responder->instances) && atomic_load(&responder->has_additional) &&
	     responder->packet.size + 160 < limit;
	     i++) {
		name_of(name, 'i', i);
		if (with_names) {
			add_srv(responder, DNS_ADDITIONAL, name, i);
			add_txt(responder, DNS_ADDITIONAL, i);
		}
		add_a(responder, DNS_ADDITIONAL, i);
	}
}

static void answer_type(struct responder *responder, uint16_t type, size_t limit)
{
	const unsigned count = atomic_load(&responder->instances);
	char name[64];

	for (unsigned i = 0; i < count; i++) {
		if (responder->packet.size + 100 > limit) {
			packet_flags(&responder->packet, DNS_FLAG_TC, 0, 0);
			return;
		}
		name_of(name, 'i', i);
		if (type == DNS_TYPE_PTR) {
			packet_rr(&responder->packet, DNS_ANSWER, TYPE, type,
				  atomic_load(&responder->ttl_s), name);
		} else {
			add_srv(responder, DNS_ANSWER, TYPE, i);
		}
	}
	add_details(responder, type == DNS_TYPE_PTR, limit);
}

/* True: there is such a name, and what it has of the type has been added. */
static bool answer_name(struct responder *responder, const uint8_t *name, uint16_t type,
			size_t limit)
{
	const int instance = dns_name_equal(dns_name_parent(name), packet_name(TYPE))
				     ? number_of(responder, name, 'i')
				     : -1;
	const int host = dns_name_equal(dns_name_parent(name), packet_name(ZONE))
				 ? number_of(responder, name, 'h')
				 : -1;
	char text[64];

	if (dns_name_equal(name, packet_name(TYPE))) {
		if (type == DNS_TYPE_PTR || type == DNS_TYPE_SRV) {
			answer_type(responder, type, limit);
		}
		return atomic_load(&responder->instances) > 0;
	}
	if (instance >= 0) {
		name_of(text, 'i', (unsigned)instance);
		if (type == DNS_TYPE_SRV) {
			add_srv(responder, DNS_ANSWER, text, (unsigned)instance);
		} else if (type == DNS_TYPE_TXT) {
			add_txt(responder, DNS_ANSWER, (unsigned)instance);
		}
		return true;
	}
	if (host >= 0 && type == DNS_TYPE_A) {
		add_a(responder, DNS_ANSWER, (unsigned)host);
	}
	if (dns_name_equal(name, packet_name("_services._dns-sd._udp." ZONE)) &&
	    type == DNS_TYPE_PTR) {
		packet_rr(&responder->packet, DNS_ANSWER, "_services._dns-sd._udp." ZONE, type, 5,
			  TYPE);
		return true;
	}
	if (dns_name_equal(name, packet_name("_dns-update._udp." ZONE)) && type == DNS_TYPE_SRV) {
		snprintf(text, sizeof(text), "0 0 %u ns." ZONE, responder->port);
		packet_rr(&responder->packet, DNS_ANSWER, "_dns-update._udp." ZONE, type, 60, text);
		packet_rr(&responder->packet, DNS_ADDITIONAL, "ns." ZONE, DNS_TYPE_A, 60,
			  "127.0.0.1");
		return true;
	}
	return host >= 0 || dns_name_equal(name, packet_name("ns." ZONE));
}

/* ---- answers ----------------------------------------------------------------------------- */

/* What an UPDATE is answered with. */
static void answer_update(struct responder *responder, const struct dns_message *message)
{
	const int lease_s = atomic_load(&responder->lease_s);
	struct dns_walk walk = dns_walk(message, DNS_UPDATE);
	const struct dns_edns_reply edns = {
		.udp_size = DNS_UDP_SAFE,
		.lease = {.present = lease_s >= 0, .lease_s = (uint32_t)lease_s}};
	bool has_adds = false;
	struct dns_rr rr;
	uint8_t opt[64];
	struct buf_writer out = buf_writer(opt, sizeof(opt));

	while (dns_walk_next(&walk, &rr) == 1) {
		has_adds = has_adds || rr.class == DNS_CLASS_IN;
	}
	atomic_fetch_add(&responder->updates, 1);
	atomic_fetch_add(&responder->removals, has_adds ? 0 : 1);
	dns_writer_init(&responder->packet.writer, responder->packet.wire, DNS_MESSAGE_MAX);
	packet_flags(&responder->packet, DNS_FLAG_QR | UPDATE_FLAGS, 0,
		     atomic_load(&responder->update_rcode));
	dns_edns_write(&out, &edns, 0);
	(void)dns_writer_raw(&responder->packet.writer, opt, buf_written(&out));
	responder->packet.size = dns_writer_finish(&responder->packet.writer);
}

/* The truth; with `fault`, something else. */
static void answer_query(struct responder *responder, const struct dns_message *message,
			 enum fault fault, bool is_tcp)
{
	struct packet *packet = &responder->packet;
	const size_t limit = is_tcp ? DNS_MESSAGE_MAX - 100 : DNS_UDP_SAFE - 100;
	char name[DNS_NAME_TEXT_MAX];
	bool is_there;

	packet_begin(packet, dns_name_to_text(name, message->qname), message->qtype);
	switch (fault) {
	case FAULT_SERVFAIL:
		packet_flags(packet, 0, DNS_FLAG_AA, DNS_RCODE_SERVFAIL);
		packet_opt(packet, 14, "not ready yet", DNS_RCODE_SERVFAIL);
		return;
	case FAULT_REFUSED:
		packet_flags(packet, 0, DNS_FLAG_AA, DNS_RCODE_REFUSED);
		return;
	case FAULT_LAME:
		packet_flags(packet, 0, DNS_FLAG_AA, 0);
		packet_rr(packet, DNS_AUTHORITY, "example.", DNS_TYPE_NS, 60, "ns.elsewhere.");
		return;
	case FAULT_TRUNCATED:
		if (!is_tcp) {
			packet_flags(packet, DNS_FLAG_TC, 0, 0);
			return;
		}
		break;
	default:
		break;
	}
	is_there = fault != FAULT_NXDOMAIN &&
		   answer_name(responder, message->qname, message->qtype, limit);
	if (!is_there || packet->writer.count[DNS_ANSWER] == 0) {
		packet_flags(packet, 0, 0, is_there ? DNS_RCODE_NOERROR : DNS_RCODE_NXDOMAIN);
		packet_rr(packet, DNS_AUTHORITY, ZONE, DNS_TYPE_SOA, 5, "ns." ZONE " 5");
	}
	packet_opt(packet, fault == FAULT_STALE ? 3 : -1, "old", 0);
}

/* Damage that is done to a whole answer. */
static void spoil(struct responder *responder, enum fault fault, size_t question_end)
{
	struct packet *packet = &responder->packet;

	switch (fault) {
	case FAULT_WRONG_ID:
		packet->wire[1] ^= 1;
		break;
	case FAULT_WRONG_QUESTION:
		packet->wire[DNS_HEADER_SIZE + 1] ^= 1;
		break;
	case FAULT_GARBAGE:
		for (size_t at = question_end; at < packet->size; at++) {
			packet->wire[at] = (uint8_t)rand_next(&responder->rand);
		}
		packet->wire[7] = 3; /* answers, it says */
		break;
	case FAULT_CUT:
		packet->size = question_end + (packet->size - question_end) / 2;
		break;
	default:
		break;
	}
}

static void send_now(struct responder *responder, const struct way *way, const uint8_t *wire,
		     size_t size)
{
	if (!way->is_tcp) {
		(void)sendto(way->socket, wire, size, 0, (const struct sockaddr *)&way->peer,
			     sizeof(way->peer));
		return;
	}
	responder->framed[0] = (uint8_t)(size >> 8);
	responder->framed[1] = (uint8_t)size;
	memcpy(responder->framed + 2, wire, size);
	(void)send(way->socket, responder->framed, size + 2, MSG_NOSIGNAL);
}

static void send_late(struct responder *responder, const struct way *way)
{
	for (size_t i = 0; i < LATE_MAX && responder->packet.size <= LATE_SIZE; i++) {
		struct late *late = &responder->late[i];

		if (late->at_ms == 0) {
			late->at_ms = clock_mono_ms() + atomic_load(&responder->delay_ms);
			late->way = *way;
			late->size = responder->packet.size;
			memcpy(late->wire, responder->packet.wire, late->size);
			return;
		}
	}
	send_now(responder, way, responder->packet.wire, responder->packet.size);
}

static enum fault draw(struct responder *responder)
{
	const int fault = atomic_load(&responder->fault);

	if (fault != FAULT_ANY) {
		return (enum fault)fault;
	}
	return rand_below(&responder->rand, 2) == 0
		       ? FAULT_NONE
		       : (enum fault)rand_below(&responder->rand, FAULTS);
}

/* One message. */
static void handle(struct responder *responder, const struct way *way, const uint8_t *wire,
		   size_t size)
{
	const enum fault fault = draw(responder);
	struct packet *packet = &responder->packet;
	struct dns_message message;
	size_t question_end = DNS_HEADER_SIZE;

	if (dns_message_parse(&message, wire, size) != 0) {
		return;
	}
	if (dns_message_opcode(&message) == DNS_OPCODE_UPDATE) {
		answer_update(responder, &message);
	} else {
		atomic_fetch_add(way->is_tcp ? &responder->tcp_seen : &responder->udp_seen, 1);
		answer_query(responder, &message, fault, way->is_tcp);
		question_end += message.qname_size + 4u;
	}
	if (fault == FAULT_NO_EDNS && message.edns.present) {
		packet->size = question_end;
		memset(packet->wire + 6, 0, 6);
		packet_flags(packet, 0, DNS_FLAG_AA, DNS_RCODE_FORMERR);
	}
	packet->wire[0] = wire[0];
	packet->wire[1] = wire[1];
	spoil(responder, fault, question_end);
	if (fault == FAULT_DROP || (fault == FAULT_SILENT_UDP && !way->is_tcp)) {
		return;
	}
	if (fault == FAULT_DELAY) {
		send_late(responder, way);
	} else {
		send_now(responder, way, packet->wire, packet->size);
	}
}

/* ---- the thread -------------------------------------------------------------------------- */

static void close_tcp_line(struct responder *responder, struct tcp_line *line)
{
	for (size_t i = 0; i < LATE_MAX; i++) {
		if (responder->late[i].way.is_tcp &&
		    responder->late[i].way.socket == line->socket) {
			responder->late[i].at_ms = 0;
		}
	}
	close(line->socket);
	line->socket = -1;
}

static void accept_tcp_line(struct responder *responder)
{
	const int socket = accept(responder->tcp, NULL, NULL);

	for (size_t i = 0; i < LINES_MAX && socket >= 0; i++) {
		if (responder->lines[i].socket < 0) {
			responder->lines[i].socket = socket;
			responder->lines[i].filled = 0;
			return;
		}
	}
	close(socket);
}

static void read_tcp_line(struct responder *responder, struct tcp_line *line)
{
	const ssize_t got = recv(line->socket, line->request + line->filled,
				 sizeof(line->request) - line->filled, 0);
	const struct way way = {.socket = line->socket, .is_tcp = true};

	if (got <= 0) {
		close_tcp_line(responder, line);
		return;
	}
	line->filled += (size_t)got;
	while (line->filled >= 2) {
		const size_t size = (size_t)(line->request[0] << 8 | line->request[1]);

		if (line->filled < 2 + size) {
			break;
		}
		handle(responder, &way, line->request + 2, size);
		memmove(line->request, line->request + 2 + size, line->filled - 2 - size);
		line->filled -= 2 + size;
	}
}

static void read_datagram(struct responder *responder)
{
	struct way way = {.socket = responder->udp};
	socklen_t peer_size = sizeof(way.peer);
	uint8_t wire[4096];
	const ssize_t got = recvfrom(responder->udp, wire, sizeof(wire), 0,
				     (struct sockaddr *)&way.peer, &peer_size);

	if (got > 0) {
		handle(responder, &way, wire, (size_t)got);
	}
}

/* Sends what is due; milliseconds until more is, or -1. */
static int send_due(struct responder *responder)
{
	const uint64_t now_ms = clock_mono_ms();
	int wait_ms = -1;

	for (size_t i = 0; i < LATE_MAX; i++) {
		struct late *late = &responder->late[i];

		if (late->at_ms == 0) {
			continue;
		}
		if (late->at_ms <= now_ms) {
			send_now(responder, &late->way, late->wire, late->size);
			late->at_ms = 0;
		} else if (wait_ms < 0 || late->at_ms - now_ms < (uint64_t)wait_ms) {
			wait_ms = (int)(late->at_ms - now_ms);
		}
	}
	return wait_ms;
}

static void *run(void *argument)
{
	struct responder *responder = argument;

	for (;;) {
		struct pollfd polls[3 + LINES_MAX] = {
			{.fd = responder->stop[0], .events = POLLIN},
			{.fd = responder->udp, .events = POLLIN},
			{.fd = responder->tcp, .events = POLLIN},
		};

		for (size_t i = 0; i < LINES_MAX; i++) {
			polls[3 + i] =
				(struct pollfd){.fd = responder->lines[i].socket, .events = POLLIN};
		}
		(void)poll(polls, 3 + LINES_MAX, send_due(responder));
		if (polls[0].revents != 0) {
			return NULL;
		}
		if (polls[1].revents != 0) {
			read_datagram(responder);
		}
		for (size_t i = 0; i < LINES_MAX; i++) {
			if (polls[3 + i].revents != 0) {
				read_tcp_line(responder, &responder->lines[i]);
			}
		}
		if (polls[2].revents != 0) {
			accept_tcp_line(responder);
		}
	}
}

/* ---- from outside ------------------------------------------------------------------------ */

/* UDP and TCP at one port; the one that UDP got may be taken for TCP. */
static bool open_sockets(struct responder *responder)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	responder->udp = socket(AF_INET, SOCK_DGRAM, 0);
	responder->tcp = socket(AF_INET, SOCK_STREAM, 0);
	must(responder->udp >= 0 && responder->tcp >= 0, "socket");
	if (bind(responder->udp, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    getsockname(responder->udp, (struct sockaddr *)&address, &size) == 0 &&
	    bind(responder->tcp, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(responder->tcp, LINES_MAX) == 0) {
		responder->port = ntohs(address.sin_port);
		return true;
	}
	close(responder->udp);
	close(responder->tcp);
	return false;
}

struct responder *responder_start(uint64_t seed)
{
	struct responder *responder = calloc(1, sizeof(*responder));
	int tries = 100;

	must(responder != NULL, "calloc");
	while (!open_sockets(responder)) {
		must(--tries > 0, "bind");
	}
	snprintf(responder->server, sizeof(responder->server), "127.0.0.1@%u", responder->port);
	for (size_t i = 0; i < LINES_MAX; i++) {
		responder->lines[i].socket = -1;
	}
	rand_init(&responder->rand, seed);
	atomic_store(&responder->instances, 3);
	atomic_store(&responder->ttl_s, 5);
	atomic_store(&responder->has_additional, true);
	atomic_store(&responder->lease_s, 60);
	must(pipe(responder->stop) == 0, "pipe");
	must(pthread_create(&responder->thread, NULL, run, responder) == 0, "pthread_create");
	return responder;
}

void responder_stop(struct responder *responder)
{
	must(write(responder->stop[1], "", 1) == 1, "write");
	pthread_join(responder->thread, NULL);
	for (size_t i = 0; i < LINES_MAX; i++) {
		if (responder->lines[i].socket >= 0) {
			close(responder->lines[i].socket);
		}
	}
	close(responder->udp);
	close(responder->tcp);
	close(responder->stop[0]);
	close(responder->stop[1]);
	free(responder);
}

const char *responder_server(const struct responder *responder)
{
	return responder->server;
}

uint16_t responder_port(const struct responder *responder)
{
	return responder->port;
}

void responder_fail(struct responder *responder, enum fault fault)
{
	atomic_store(&responder->fault, (int)fault);
}

void responder_delay(struct responder *responder, unsigned ms)
{
	atomic_store(&responder->delay_ms, ms);
}

void responder_instances(struct responder *responder, unsigned count)
{
	atomic_store(&responder->instances, count);
}

void responder_additional(struct responder *responder, bool is_on)
{
	atomic_store(&responder->has_additional, is_on);
}

void responder_ttl(struct responder *responder, unsigned ttl_s)
{
	atomic_store(&responder->ttl_s, ttl_s);
}

void responder_lease(struct responder *responder, int lease_s)
{
	atomic_store(&responder->lease_s, lease_s);
}

void responder_update_rcode(struct responder *responder, unsigned rcode)
{
	atomic_store(&responder->update_rcode, rcode);
}

unsigned responder_udp(const struct responder *responder)
{
	return atomic_load(&responder->udp_seen);
}

unsigned responder_tcp(const struct responder *responder)
{
	return atomic_load(&responder->tcp_seen);
}

unsigned responder_updates(const struct responder *responder)
{
	return atomic_load(&responder->updates);
}

unsigned responder_removals(const struct responder *responder)
{
	return atomic_load(&responder->removals);
}

int responder_knows(const struct waggle_endpoint *endpoint)
{
	const unsigned number = endpoint->port - 1000u;
	char address[WAGGLE_ADDRESS_TEXT];
	char text[WAGGLE_ADDRESS_TEXT];
	char host[64];
	char name[64];

	name_of(host, 'h', number);
	name_of(name, 'i', number);
	snprintf(address, sizeof(address), "10.0.%u.%u@%u", number / 250, number % 250,
		 endpoint->port);
	if (strcmp(endpoint->host, host) != 0 ||
	    (endpoint->name != NULL && strcmp(endpoint->name, name) != 0) ||
	    endpoint->address_count > 1 ||
	    (endpoint->address_count == 1 &&
	     strcmp(waggle_address_text(text, &endpoint->addresses[0]), address) != 0)) {
		return -1;
	}
	return (int)number;
}
