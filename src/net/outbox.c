/*
 * A reply that cannot be sent is dropped, as the network drops them: its client asks again. One
 * that the kernel refuses (no route, port 0) must not hold up those behind it.
 */
#include "net/outbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/types.h"

/* Not a power of two: the first lines of all replies would meet in one set of the cache. */
#define OUTBOX_STRIDE (DNS_UDP_SAFE + 48)

struct outbox {
	unsigned count;
	struct mmsghdr heads[OUTBOX_COUNT];
	struct iovec pieces[OUTBOX_COUNT];
	uint8_t wire[OUTBOX_COUNT][OUTBOX_STRIDE];
};

int outbox_new(struct outbox **out)
{
	struct outbox *outbox = calloc(1, sizeof(*outbox));

	if (outbox == NULL) {
		return ERR_NOMEM;
	}
	for (unsigned i = 0; i < OUTBOX_COUNT; i++) {
		outbox->pieces[i].iov_base = outbox->wire[i];
		outbox->heads[i].msg_hdr.msg_iov = &outbox->pieces[i];
		outbox->heads[i].msg_hdr.msg_iovlen = 1;
	}
	*out = outbox;
	return OK;
}

void outbox_free(struct outbox *outbox)
{
	free(outbox);
}

uint8_t *outbox_next(struct outbox *outbox)
{
	return outbox->count < OUTBOX_COUNT ? outbox->wire[outbox->count] : NULL;
}

void outbox_add(struct outbox *outbox, size_t size, struct outbox_peer *peer)
{
	struct msghdr *head = &outbox->heads[outbox->count].msg_hdr;

	assert(outbox->count < OUTBOX_COUNT && size <= DNS_UDP_SAFE);
	outbox->pieces[outbox->count].iov_len = size;
	head->msg_name = &peer->address;
	head->msg_namelen = peer->size;
	head->msg_control = peer->control_size > 0 ? peer->control : NULL;
	head->msg_controllen = peer->control_size;
	outbox->count++;
}

size_t outbox_send(struct outbox *outbox, int fd)
{
	unsigned at = 0;
	size_t failed = 0;

	while (at < outbox->count) {
		const int sent = sendmmsg(fd, outbox->heads + at, outbox->count - at, MSG_DONTWAIT);

		if (sent > 0) {
			at += (unsigned)sent;
		} else if (errno == EAGAIN || errno == ENOBUFS) {
			failed += outbox->count - at;
			break;
		} else if (errno != EINTR) {
			failed++;
			at++;
		}
	}
	outbox->count = 0;
	return failed;
}
