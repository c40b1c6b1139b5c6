/*
 * Sends the messages of a file (each behind its length in two octets), in turn, from many addresses,
 * and listens to nothing that comes back.
 *
 *	flooder ADDRESS PORT RATE SECONDS SOURCES FIRST FILE
 *
 * RATE 0: as fast as it goes. SOURCES addresses from FIRST on, which have to be routed to here (ip route
 * add local 10.0.0.0/16 dev lo; 127.0.0.0/8 is). Prints how many were sent.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, MESSAGES_MAX = 4096, MESSAGE_MAX = 2048 };

struct message {
	uint8_t octets[MESSAGE_MAX];
	size_t size;
};

/* One of a batch: where it goes, where it comes from, what it says. */
struct slot {
	struct iovec piece;
	union {
		char octets[CMSG_SPACE(sizeof(struct in_pktinfo))];
		struct cmsghdr align;
	} control;
};

static struct message messages[MESSAGES_MAX];
static size_t message_count;
static struct in_addr first;

static void fail(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void read_messages(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t head[2];

	if (file == NULL) {
		fail(path);
	}
	while (message_count < MESSAGES_MAX && fread(head, sizeof(head), 1, file) == 1) {
		struct message *message = &messages[message_count++];

		message->size = (size_t)(head[0] << 8 | head[1]);
		if (message->size > MESSAGE_MAX ||
		    fread(message->octets, message->size, 1, file) != 1) {
			fail(path);
		}
	}
	fclose(file);
}

/* The address that this message says it comes from. */
static void set_source(struct msghdr *head, struct slot *slot, uint32_t number)
{
	struct in_pktinfo info = {0};
	struct cmsghdr *control;

	head->msg_control = slot->control.octets;
	head->msg_controllen = sizeof(slot->control.octets);
	control = CMSG_FIRSTHDR(head);
	control->cmsg_level = IPPROTO_IP;
	control->cmsg_type = IP_PKTINFO;
	control->cmsg_len = CMSG_LEN(sizeof(info));
	info.ipi_spec_dst.s_addr = htonl(ntohl(first.s_addr) + number);
	memcpy(CMSG_DATA(control), &info, sizeof(info));
}

static void send_batch(int fd, struct sockaddr_in *to, uint64_t sent, uint32_t sources)
{
	static struct mmsghdr heads[BATCH];
	static struct slot slots[BATCH];

	for (unsigned i = 0; i < BATCH; i++) {
		struct message *message = &messages[(sent + i) % message_count];
		struct msghdr *head = &heads[i].msg_hdr;

		slots[i].piece = (struct iovec){message->octets, message->size};
		*head = (struct msghdr){.msg_name = to,
					.msg_namelen = sizeof(*to),
					.msg_iov = &slots[i].piece,
					.msg_iovlen = 1};
		set_source(head, &slots[i], (uint32_t)((sent + i) % sources));
	}
	if (sendmmsg(fd, heads, BATCH, 0) < 0) {
		fail("flooder: sendmmsg");
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	const int room = 4096; /* what comes back is dropped */
	uint64_t sent = 0;

	if (argc != 8 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 ||
	    inet_pton(AF_INET, argv[6], &first) != 1) {
		fprintf(stderr, "usage: flooder ADDRESS PORT RATE SECONDS SOURCES FIRST FILE\n");
		return EXIT_FAILURE;
	}
	to.sin_port = htons((uint16_t)strtoul(argv[2], NULL, 10));
	const double rate = strtod(argv[3], NULL);
	const double seconds = strtod(argv[4], NULL);
	const uint32_t sources = (uint32_t)strtoul(argv[5], NULL, 10);
	read_messages(argv[7]);
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || sources == 0 || message_count == 0) {
		fail("flooder: socket");
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	const double begin = now_s();
	for (double now = begin; now < begin + seconds; now = now_s()) {
		if (rate > 0 && (double)sent > (now - begin) * rate) {
			nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
			continue;
		}
		send_batch(fd, &to, sent, sources);
		sent += BATCH;
	}
	printf("%llu\n", (unsigned long long)sent);
	return EXIT_SUCCESS;
}
