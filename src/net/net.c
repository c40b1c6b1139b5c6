/*
 * Opening takes all sockets, starting makes all threads. They share what is in struct net
 * (inner.h); the configuration in it is replaced under RCU, so requests on their way keep the one
 * they began with.
 *
 * Stopping: the workers are woken out of their receiving, the stream threads by mail. UDP sockets
 * live on until net_free(), for the core may still answer UPDATEs by them.
 */
#include "net/net.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "base/err.h"
#include "crypto/random.h"
#include "net/inner.h"
#include "registry/reclaim.h"

enum {
	NET_FILES_KEPT = 100, /* of the limit on open files, for log, control socket and the like */
};

/* ---- opening ------------------------------------------------------------------------------ */

int net_open(struct net **out, struct conf *conf, struct net_error *error)
{
	struct net *net = calloc(1, sizeof(*net));
	uint8_t key[SIPHASH_KEY_SIZE];
	int ret = ERR_NOMEM;

	snprintf(error->text, sizeof(error->text), "%s", err_text(ERR_NOMEM));
	if (net == NULL) {
		return ret;
	}
	conf->edition = 1;
	atomic_init(&net->conf, conf_ref(conf));
	atomic_init(&net->edition, conf->edition);
	random_fill(key, sizeof(key));
	net->fingerprint_key = siphash_key(key);
	random_fill(key, sizeof(key));
	net->cookie_base = siphash_key(key);
	net->endpoints = calloc(conf->listen_count, sizeof(*net->endpoints));
	if (net->endpoints == NULL || outbox_new(&net->core_outbox) != OK ||
	    clients_new(&net->clients) != OK || rate_new(&net->rate) != OK) {
		net_free(net);
		return ret;
	}
	for (size_t i = 0; i < conf->listen_count; i++) {
		ret = endpoint_open(&net->endpoints[i], &conf->listen[i], conf->threads, error);
		if (ret != OK) {
			net_free(net);
			return ret;
		}
		net->endpoint_count++;
	}
	*out = net;
	return OK;
}

const char *net_address(const struct net *net, size_t index)
{
	return index < net->endpoint_count ? net->endpoints[index].text : NULL;
}

uint16_t net_port(const struct net *net)
{
	return endpoint_port(&net->endpoints[0]);
}

void net_free(struct net *net)
{
	if (net == NULL) {
		return;
	}
	for (size_t i = 0; i < net->stream_count; i++) {
		stream_thread_free(net->streams[i]);
	}
	for (size_t i = 0; i < net->worker_count; i++) {
		udp_worker_free(net->workers[i]);
	}
	for (size_t i = 0; i < net->endpoint_count; i++) {
		endpoint_close(&net->endpoints[i]);
	}
	outbox_free(net->core_outbox);
	clients_free(net->clients);
	rate_free(net->rate);
	conf_unref(atomic_load_explicit(&net->conf, memory_order_relaxed));
	free(net->streams);
	free(net->workers);
	free(net->endpoints);
	free(net);
}

/* ---- starting ----------------------------------------------------------------------------- */

static int net_make_workers(struct net *net)
{
	size_t count = 0;
	int ret = OK;

	for (size_t i = 0; i < net->endpoint_count; i++) {
		count += net->endpoints[i].udp_count;
	}
	net->workers = calloc(count, sizeof(struct udp_worker *));
	if (net->workers == NULL) {
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < net->endpoint_count; i++) {
		const struct endpoint *endpoint = &net->endpoints[i];

		for (unsigned k = 0; k < endpoint->udp_count && ret == OK; k++) {
			ret = udp_worker_new(&net->workers[net->worker_count], net,
					     endpoint->udp[k], endpoint->is_wildcard);
			net->worker_count += ret == OK ? 1 : 0;
		}
	}
	return ret;
}

static int net_make_streams(struct net *net, unsigned count)
{
	int ret = OK;

	net->streams = calloc(count, sizeof(struct stream_thread *));
	if (net->streams == NULL) {
		return ERR_NOMEM;
	}
	for (unsigned i = 0; i < count && ret == OK; i++) {
		ret = stream_thread_new(&net->streams[i], net);
		net->stream_count += ret == OK ? 1 : 0;
	}
	return ret;
}

/* TCP connections that the limit on open files leaves room for; the rest is the house's. */
static uint64_t net_tcp_room(const struct net *net, const struct conf *conf)
{
	struct rlimit limit;
	const rlim_t house = NET_FILES_KEPT + net->worker_count;
	rlim_t room = 1;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
		return UINT64_MAX;
	}
	if (limit.rlim_cur > 2 * house) {
		room = limit.rlim_cur - house;
	} else if (limit.rlim_cur > 2) {
		room = limit.rlim_cur / 2;
	}
	if (room < conf->tcp_max) {
		log_line(LOG_LEVEL_WARNING, "fewer TCP connections than tcp-max",
			 "tcp_max=%" PRIu32 " room=%" PRIu64 " files=%" PRIu64, conf->tcp_max,
			 (uint64_t)room, (uint64_t)limit.rlim_cur);
	}
	return room;
}

int net_start(struct net *net, struct core *core)
{
	const struct conf *conf = atomic_load_explicit(&net->conf, memory_order_relaxed);
	int ret;

	net->core = core;
	net->view = core_view(core);
	ret = net_make_workers(net);
	net->tcp_room = net_tcp_room(net, conf);
	if (ret == OK) {
		ret = net_make_streams(net, conf->stream_threads);
	}
	for (size_t i = 0; i < net->worker_count && ret == OK; i++) {
		ret = udp_worker_start(net->workers[i], i);
	}
	for (size_t i = 0; i < net->stream_count && ret == OK; i++) {
		ret = stream_thread_start(net->streams[i], i);
	}
	if (ret != OK) {
		net_stop(net);
	}
	return ret;
}

void net_set_conf(struct net *net, struct conf *conf)
{
	struct conf *old = atomic_load_explicit(&net->conf, memory_order_relaxed);

	conf->edition = old->edition + 1;
	atomic_store_explicit(&net->edition, conf->edition, memory_order_release);
	atomic_store_explicit(&net->conf, conf_ref(conf), memory_order_release);
	reader_synchronize();
	conf_unref(old);
}

void net_stop(struct net *net)
{
	atomic_store_explicit(&net->is_stopping, true, memory_order_relaxed);
	for (size_t i = 0; i < net->worker_count; i++) {
		udp_worker_wake(net->workers[i]);
	}
	for (size_t i = 0; i < net->stream_count; i++) {
		stream_thread_wake(net->streams[i]);
	}
	for (size_t i = 0; i < net->worker_count; i++) {
		udp_worker_join(net->workers[i]);
	}
	for (size_t i = 0; i < net->stream_count; i++) {
		stream_thread_join(net->streams[i]);
	}
	for (size_t i = 0; i < net->endpoint_count; i++) {
		endpoint_close_tcp(&net->endpoints[i]);
	}
}

/* ---- counting ----------------------------------------------------------------------------- */

static void net_sum(struct net_counters *counters, const struct tally *tally)
{
#define NET_ADD(name, text)                                                                        \
	counters->name += atomic_load_explicit(&tally->name, memory_order_relaxed);
	NET_COUNTERS(NET_ADD)
#undef NET_ADD
}

void net_count(const struct net *net, struct net_counters *counters)
{
	*counters = (struct net_counters){0};
	net_sum(counters, &net->core_tally);
	for (size_t i = 0; i < net->worker_count; i++) {
		net_sum(counters, udp_worker_tally(net->workers[i]));
	}
	for (size_t i = 0; i < net->stream_count; i++) {
		net_sum(counters, stream_thread_tally(net->streams[i]));
	}
}
