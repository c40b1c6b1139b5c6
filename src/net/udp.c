/*
 * A UDP worker: one thread for one socket, a batch at a time.
 *
 * It waits in recvmmsg(2) until a request is there and takes what has come, up to 64. What was asked
 * before, and answered to all alike, is answered from the worker's memo. Then, for the others: load
 * root and configuration, begin each request, find all, finish each; and send all replies at once. On
 * this path there is no malloc, lock, log line or system call between receiving and sending, but for
 * UPDATE and TSIG. Only where root and configuration are looked into it is online as an RCU reader,
 * else no memory could be freed as long as nobody asks; and it waits without a time limit, since each
 * wait would cost a timer: the stop shuts the socket, which ends this wait and every later one. With
 * server.udp-pause it rests after a short batch, so that the next is longer and each request in it
 * cheaper.
 *
 * What can fail: receiving (tried again a little later), and sending (dropped and counted).
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "dns/types.h"
#include "loop/loop.h"
#include "net/inner.h"
#include "net/memo.h"
#include "net/outbox.h"
#include "net/request.h"
#include "net/ticket.h"
#include "registry/reclaim.h"

enum { UDP_BATCH = OUTBOX_COUNT, UDP_FAILED_US = 10 * 1000 };

/*
 * Room for one datagram of any size. The kernel gives memory only to what is written to, and the
 * odd size keeps the first lines of all slots out of one set of the cache.
 */
#define UDP_SLOT ((size_t)DNS_MESSAGE_MAX + 1 + 192)

struct udp_worker {
	struct net *net;
	int fd;
	bool has_control;
	struct thread *thread;
	struct request_desk desk;
	struct outbox *outbox;
	struct memo *memo;
	uint8_t *wire; /* UDP_BATCH slots */
	struct mmsghdr heads[UDP_BATCH];
	struct iovec pieces[UDP_BATCH];
	struct outbox_peer peers[UDP_BATCH];
	struct answer_query queries[UDP_BATCH];
	struct request requests[UDP_BATCH];
	struct memo_look looks[UDP_BATCH];
	bool is_shared; /* as of the last round: see request_is_shared() */
	bool is_recalled; /* in this batch */
	struct tally tally;
	uint32_t pause_us; /* as of the last round */
};

/* Makes a slot ready to be received into again. */
static void udp_reset_slot(struct udp_worker *worker, size_t slot)
{
	struct msghdr *head = &worker->heads[slot].msg_hdr;

	head->msg_namelen = sizeof(worker->peers[slot].address);
	head->msg_controllen = worker->has_control ? OUTBOX_CONTROL : 0;
}

static void udp_init_slot(struct udp_worker *worker, size_t slot)
{
	struct msghdr *head = &worker->heads[slot].msg_hdr;
	struct request *request = &worker->requests[slot];

	worker->pieces[slot] = (struct iovec){
		.iov_base = worker->wire + slot * UDP_SLOT,
		.iov_len = DNS_MESSAGE_MAX,
	};
	head->msg_name = &worker->peers[slot].address;
	head->msg_iov = &worker->pieces[slot];
	head->msg_iovlen = 1;
	head->msg_control = worker->has_control ? worker->peers[slot].control : NULL;
	request->wire = worker->pieces[slot].iov_base;
	request->peer = &worker->peers[slot].address;
	request->is_stream = false;
	request->may_beat = true;
	worker->looks[slot].wire = request->wire;
	udp_reset_slot(worker, slot);
}

int udp_worker_new(struct udp_worker **out, struct net *net, int fd, bool is_wildcard)
{
	struct udp_worker *worker = calloc(1, sizeof(*worker));

	if (worker == NULL) {
		return ERR_NOMEM;
	}
	worker->net = net;
	worker->fd = fd;
	worker->has_control = is_wildcard;
	worker->wire = malloc(UDP_BATCH * UDP_SLOT);
	request_desk_init(&worker->desk, &worker->tally);
	worker->desk.cookie_base = net->cookie_base;
	worker->desk.rate = net->rate;
	if (worker->wire == NULL || outbox_new(&worker->outbox) != OK ||
	    memo_new(&worker->memo) != OK) {
		udp_worker_free(worker);
		return ERR_NOMEM;
	}
	for (size_t slot = 0; slot < UDP_BATCH; slot++) {
		udp_init_slot(worker, slot);
	}
	*out = worker;
	return OK;
}

/*
 * Turns the address that was asked into the one to answer from: the structures are the same, and
 * the interface is left to the routing, unless the address means nothing without it.
 */
static void udp_turn_control(struct outbox_peer *peer, const struct msghdr *head)
{
	struct msghdr control = *head;

	peer->control_size = 0;
	for (struct cmsghdr *item = CMSG_FIRSTHDR(&control); item != NULL;
	     item = CMSG_NXTHDR(&control, item)) {
		if (item->cmsg_level == IPPROTO_IP && item->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo *info = (struct in_pktinfo *)CMSG_DATA(item);

			info->ipi_ifindex = 0;
			peer->control_size = head->msg_controllen;
		} else if (item->cmsg_level == IPPROTO_IPV6 && item->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo *info = (struct in6_pktinfo *)CMSG_DATA(item);

			if (!IN6_IS_ADDR_LINKLOCAL(&info->ipi6_addr)) {
				info->ipi6_ifindex = 0;
			}
			peer->control_size = head->msg_controllen;
		}
	}
}

/* Hands an UPDATE to the core. */
static void udp_submit(struct udp_worker *worker, size_t slot)
{
	struct request *request = &worker->requests[slot];
	struct ticket *ticket = ticket_new(worker->net, &worker->desk, request);

	if (ticket == NULL) {
		return;
	}
	ticket->fd = worker->fd;
	ticket->peer = worker->peers[slot];
	ticket_submit(ticket, &worker->desk, request);
}

/* Where the reply goes. */
static inline void udp_turn(struct udp_worker *worker, size_t slot)
{
	const struct msghdr *head = &worker->heads[slot].msg_hdr;

	worker->peers[slot].size = head->msg_namelen;
	if (worker->has_control) {
		udp_turn_control(&worker->peers[slot], head);
	}
}

/*
 * Does the memo have what is in force? It takes numbers to say so, not what they are the numbers of:
 * nobody needs to be online for that.
 */
static bool udp_may_recall(const struct udp_worker *worker)
{
	const struct net *net = worker->net;

	return worker->is_shared &&
	       memo_is_of(worker->memo,
			  atomic_load_explicit(&net->view->version, memory_order_acquire),
			  atomic_load_explicit(&net->edition, memory_order_acquire));
}

/* Answers as before; false: it has to be answered. */
static bool udp_answer_again(struct udp_worker *worker, size_t slot)
{
	const struct memo_look *look = &worker->looks[slot];

	if (look->entry == NULL) {
		return false;
	}
	uint8_t *wire = outbox_next(worker->outbox);
	const size_t size = memo_take(look, wire);

	request_count_again(&worker->desk, wire);
	outbox_add(worker->outbox, size, &worker->peers[slot]);
	return true;
}

/* By its opcode. Nothing else is ever kept, so that a heartbeat need not be looked for. */
static inline bool udp_is_query(const uint8_t *wire)
{
	return (wire[2] >> 3 & 0xf) == DNS_OPCODE_QUERY;
}

/* Answers what it can as before; how many are left. */
static size_t udp_recall(struct udp_worker *worker, size_t count)
{
	size_t left = 0;

	for (size_t slot = 0; slot < count; slot++) {
		struct memo_look *look = &worker->looks[slot];

		look->size = udp_is_query(look->wire) ? worker->heads[slot].msg_len : 0;
	}
	memo_find(worker->memo, worker->looks, count);
	for (size_t slot = 0; slot < count; slot++) {
		left += !udp_answer_again(worker, slot);
	}
	return left;
}

static void udp_begin(struct udp_worker *worker, size_t slot)
{
	const struct mmsghdr *head = &worker->heads[slot];
	struct request *request = &worker->requests[slot];

	if (worker->is_recalled && worker->looks[slot].entry != NULL) {
		request->state = REQUEST_AGAIN;
		return;
	}
	request->size = head->msg_len;
	request->is_cut = (head->msg_hdr.msg_flags & MSG_TRUNC) != 0;
	request_begin(&worker->desk, request);
	if (request->state == REQUEST_SUBMIT) {
		udp_submit(worker, slot);
	}
}

static void udp_finish(struct udp_worker *worker, size_t slot)
{
	struct request *request = &worker->requests[slot];

	if (request->state == REQUEST_DROP || request->state == REQUEST_SUBMIT ||
	    request->state == REQUEST_AGAIN) {
		return;
	}
	uint8_t *wire = outbox_next(worker->outbox);
	const size_t size = request_finish(&worker->desk, request, wire);

	if (size == 0) {
		return;
	}
	outbox_add(worker->outbox, size, &worker->peers[slot]);
	if (worker->is_recalled && worker->is_shared && request->is_common) {
		memo_keep(worker->memo, &worker->looks[slot], wire, size);
	}
}

/* With root and configuration, the rest of a batch. */
static void udp_answer(struct udp_worker *worker, size_t count)
{
	struct net *net = worker->net;
	struct request_desk *desk = &worker->desk;

	reader_online();
	request_round(desk, atomic_load_explicit(&net->view->root, memory_order_acquire),
		      atomic_load_explicit(&net->conf, memory_order_acquire));
	worker->pause_us = desk->conf->udp_pause_us;
	worker->is_shared = request_is_shared(desk);
	if (worker->is_shared) {
		memo_round(worker->memo, root_version(desk->root), desk->conf->edition);
	}
	for (size_t slot = 0; slot < count; slot++) {
		udp_begin(worker, slot);
	}
	request_find(desk, worker->requests, count, worker->queries);
	for (size_t slot = 0; slot < count; slot++) {
		udp_finish(worker, slot);
	}
	reader_offline();
}

/* The straight line, for all that came at once. */
static void udp_batch(struct udp_worker *worker, size_t count)
{
	size_t left = count;

	tally_add(&worker->tally.udp_received, count);
	for (size_t slot = 0; slot < count; slot++) {
		udp_turn(worker, slot);
	}
	worker->is_recalled = udp_may_recall(worker);
	if (worker->is_recalled) {
		left = udp_recall(worker, count);
	}
	if (left > 0) {
		udp_answer(worker, count);
	}
	tally_add(&worker->tally.send_failed, outbox_send(worker->outbox, worker->fd));
	for (size_t slot = 0; slot < count; slot++) {
		udp_reset_slot(worker, slot);
	}
}

static void udp_rest(uint32_t us)
{
	const struct timespec pause = {.tv_nsec = us * 1000L};

	nanosleep(&pause, NULL);
}

static void udp_run(void *context)
{
	struct udp_worker *worker = context;

	/* Queries go first where registrations take all that the processor has. */
	thread_be_prompt();
	reader_register();
	reader_offline();
	for (;;) {
		const int count =
			recvmmsg(worker->fd, worker->heads, UDP_BATCH, MSG_WAITFORONE, NULL);

		if (atomic_load_explicit(&worker->net->is_stopping, memory_order_relaxed)) {
			break;
		}
		if (count > 0) {
			udp_batch(worker, (size_t)count);
			if (count < UDP_BATCH && worker->pause_us > 0) {
				udp_rest(worker->pause_us);
			}
		} else if (errno != EAGAIN && errno != EINTR) {
			/* No reason that waiting in it would heal: not to be tried flat out. */
			udp_rest(UDP_FAILED_US);
		}
	}
	reader_unregister();
}

int udp_worker_start(struct udp_worker *worker, size_t number)
{
	char name[16];

	snprintf(name, sizeof(name), "udp/%zu", number % 1000);
	return thread_start(&worker->thread, name, udp_run, worker);
}

void udp_worker_wake(struct udp_worker *worker)
{
	/* Says ENOTCONN for a socket without a peer, and wakes its readers all the same, for good. */
	(void)shutdown(worker->fd, SHUT_RD);
}

void udp_worker_join(struct udp_worker *worker)
{
	thread_join(worker->thread);
	worker->thread = NULL;
}

void udp_worker_free(struct udp_worker *worker)
{
	if (worker == NULL) {
		return;
	}
	request_desk_deinit(&worker->desk);
	outbox_free(worker->outbox);
	memo_free(worker->memo);
	free(worker->wire);
	free(worker);
}

const struct tally *udp_worker_tally(const struct udp_worker *worker)
{
	return &worker->tally;
}
