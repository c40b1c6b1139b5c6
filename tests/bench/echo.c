/*
 * The bound: what a UDP server costs that does nothing. It receives a batch, answers each message
 * with a fixed number of octets (the request's ID, then anything), and sends the batch.
 *
 *	echo SIZE [FILE SYNCS]	binds 127.0.0.1 on a port of the kernel's choice and prints it
 *
 * With a file, another thread writes a page to it and waits until that is on the disk, SYNCS times a
 * second: the bound for latency beside what must be durable.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	BATCH = 64,
	ROOM = 2048,
	PAGE = 4096,
	PAGES = 4096, /* of the file, which is written round and round */
};

struct slot {
	struct sockaddr_storage peer;
	struct iovec in;
	struct iovec out;
	uint8_t request[ROOM];
	uint8_t reply[ROOM];
};

struct syncs {
	int fd;
	double rate; /* a second */
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

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void *sync_for_ever(void *arg)
{
	static const uint8_t page[PAGE] = {1};
	const struct syncs *syncs = arg;
	const double begin = now_s();

	for (uint64_t done = 0;;) {
		const double early = (double)done / syncs->rate - (now_s() - begin);

		if (early > 0) {
			nanosleep(&(struct timespec){.tv_nsec = (long)(early * 1e9)}, NULL);
			continue;
		}
		if (pwrite(syncs->fd, page, PAGE, (off_t)(done % PAGES * PAGE)) != PAGE ||
		    fdatasync(syncs->fd) != 0) {
			perror("echo: the file");
			exit(EXIT_FAILURE);
		}
		done++;
	}
	return NULL;
}

/* The file has its size before: as in a log that is used again, no sync writes metadata. */
static void start_syncs(struct syncs *syncs, const char *path)
{
	static const uint8_t page[PAGE];
	pthread_t thread;

	syncs->fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	for (int i = 0; i < PAGES && syncs->fd >= 0; i++) {
		if (write(syncs->fd, page, PAGE) != PAGE) {
			close(syncs->fd);
			syncs->fd = -1;
		}
	}
	if (syncs->fd < 0 || fsync(syncs->fd) != 0 ||
	    pthread_create(&thread, NULL, sync_for_ever, syncs) != 0) {
		perror(path);
		exit(EXIT_FAILURE);
	}
}

int main(int argc, char **argv)
{
	const long size = argc == 2 || argc == 4 ? strtol(argv[1], NULL, 10) : 0;
	struct syncs syncs = {.rate = argc == 4 ? strtod(argv[3], NULL) : 1};

	if (size < 12 || size > ROOM || syncs.rate < 1) {
		fprintf(stderr, "usage: echo SIZE (12 to %d) [FILE SYNCS (1 or more)]\n", ROOM);
		return EXIT_FAILURE;
	}
	if (argc == 4) {
		start_syncs(&syncs, argv[2]);
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
