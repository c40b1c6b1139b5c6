/*
 * The inside of a struct net, for the files of this directory.
 *
 * Who writes what: the main thread all of it before net_start() and after net_stop(); `conf` is
 * replaced by the main thread and read by all as RCU readers; `connections` is moved by all stream
 * threads; each thread has a tally of its own.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/log.h"
#include "crypto/siphash.h"
#include "net/clients.h"
#include "net/endpoint.h"
#include "net/net.h"
#include "net/outbox.h"
#include "net/rate.h"
#include "net/tally.h"

struct udp_worker;
struct stream_thread;

struct net {
	_Atomic(struct conf *) conf; /* one reference */
	_Atomic(uint64_t) edition; /* of it; moves first */
	struct core *core;
	struct core_view *view;
	struct endpoint *endpoints;
	size_t endpoint_count;
	struct udp_worker **workers;
	size_t worker_count;
	struct stream_thread **streams;
	size_t stream_count;
	_Atomic(unsigned) connections; /* TCP, of all threads */
	uint64_t tcp_room; /* how many there are files for */
	struct clients *clients; /* and whose they are */
	struct rate *rate; /* of replies by UDP, to each network */
	_Atomic(unsigned) transfers; /* of zones, of all threads */
	atomic_bool is_stopping;
	struct tally core_tally; /* of replies that the core's thread sends */
	struct outbox *core_outbox;
	struct log_limit core_lines; /* refusals that the core's thread logs */
	struct siphash_key fingerprint_key; /* drawn at the start */
	struct siphash_key cookie_base; /* likewise: access/cookie.h */
};

/* ---- udp.c -------------------------------------------------------------------------------- */

/* A worker for one socket; keeps `net`. *out: returns owned. ERR_NOMEM. */
int udp_worker_new(struct udp_worker **out, struct net *net, int fd, bool is_wildcard);

/* Starts its thread. ERR_SYSTEM. */
int udp_worker_start(struct udp_worker *worker, size_t number);

/* Wakes it so that it sees net->is_stopping; then waits for its end. */
void udp_worker_wake(struct udp_worker *worker);
void udp_worker_join(struct udp_worker *worker);
void udp_worker_free(struct udp_worker *worker);
const struct tally *udp_worker_tally(const struct udp_worker *worker);

/* ---- stream.c ----------------------------------------------------------------------------- */

struct ticket;

/* A stream thread, not yet started; keeps `net`. *out: returns owned. ERR_NOMEM, ERR_SYSTEM. */
int stream_thread_new(struct stream_thread **out, struct net *net);
int stream_thread_start(struct stream_thread *thread, size_t number);

/* Accepts and reads no more, answers what is under way within a bound; then waits for its end. */
void stream_thread_wake(struct stream_thread *thread);
void stream_thread_join(struct stream_thread *thread);
void stream_thread_free(struct stream_thread *thread);
const struct tally *stream_thread_tally(const struct stream_thread *thread);

/* Hands an answered ticket back. ERR_CLOSED: it stays the caller's. Thread: any. */
int stream_thread_post(struct stream_thread *thread, struct ticket *ticket);
