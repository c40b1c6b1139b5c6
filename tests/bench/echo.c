/*
 * The bound: what a UDP server costs that does nothing. It receives a batch, answers each message
 * with a fixed number of octets (the request's ID, then anything), and sends the batch.
 *
 *	echo SIZE	binds 127.0.0.1 on a port of the kernel's choice and prints it
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, ROOM = 2048 };

struct slot {
	struct sockaddr_storage peer;
	struct iovec in;
	struct iovec out;
	uint8_t request[ROOM];
	uint8_t reply[ROOM];
};

static struct slot slots[BATCH];
static struct mmsghdr in[BATCH];
static struct mmsghdr out[BATCH];

static int open_socket(void)
{
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &size) < 0) {
		perror("echo");
		exit(EXIT_FAILURE);
	}
	printf("%u\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

static void init(size_t size)
{
	for (size_t i = 0; i < BATCH; i++) {
		struct slot *slot = &slots[i];

		slot->in = (struct iovec){.iov_base = slot->request, .iov_len = ROOM};
		slot->out = (struct iovec){.iov_base = slot->reply, .iov_len = size};
		/* A NOERROR response. */
		slot->reply[2] = 0x84;
		in[i].msg_hdr = (struct msghdr){
			.msg_name = &slot->peer,
			.msg_namelen = sizeof(slot->peer),
			.msg_iov = &slot->in,
			.msg_iovlen = 1,
		};
		out[i].msg_hdr = (struct msghdr){
			.msg_name = &slot->peer,
			.msg_iov = &slot->out,
			.msg_iovlen = 1,
		};
	}
}

int main(int argc, char **argv)
{
	const long size = argc == 2 ? strtol(argv[1], NULL, 10) : 0;

	if (size < 12 || size > ROOM) {
		fprintf(stderr, "usage: echo SIZE (12 to %d)\n", ROOM);
		return EXIT_FAILURE;
	}
	const int fd = open_socket();

	init((size_t)size);
	for (;;) {
		const int count = recvmmsg(fd, in, BATCH, MSG_WAITFORONE, NULL);

		for (int i = 0; i < count; i++) {
			memcpy(slots[i].reply, slots[i].request, 2);
			out[i].msg_hdr.msg_namelen = in[i].msg_hdr.msg_namelen;
			in[i].msg_hdr.msg_namelen = sizeof(slots[i].peer);
		}
		for (int sent = 0; sent < count;) {
			const int now = sendmmsg(fd, out + sent, (unsigned)(count - sent), 0);

			sent += now > 0 ? now : 1;
		}
	}
}
