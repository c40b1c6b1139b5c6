/*
 * The network: sockets, UDP workers, stream threads. Here a request's straight line can be read:
 * receive a batch, parse, verify, answer, sign, send (udp.c, stream.c, request.c).
 *
 * Thread: net_open/net_start/net_set_conf/net_stop belong to the main thread.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "registry/core.h"

struct net;

struct net_error {
	char text[256];
};

/*
 * Binds all addresses of the configuration, UDP and TCP, so that a second server on one of them is
 * refused now: ERR_BUSY; ERR_DENIED (port below 1024), ERR_SYSTEM; *error names the address. Port 0
 * takes one that the kernel chooses, the same for UDP and TCP. *out: returns owned.
 */
int net_open(struct net **out, struct conf *conf, struct net_error *error);

/* The address number `index` as bound, "127.0.0.1@5300", or NULL behind the last. */
const char *net_address(const struct net *net, size_t index);

/* Port of the first address as bound. */
uint16_t net_port(const struct net *net);

/* Starts the threads. While the core's view holds no root, queries and updates get SERVFAIL. */
int net_start(struct net *net, struct core *core);

/* Requests that come from now on see this configuration (keeps a reference of its own); waits
 * until no reader uses the old one. Addresses and threads do not change. */
void net_set_conf(struct net *net, struct conf *conf);

/* Stops receiving, waits for the threads. UPDATEs in flight are answered when the core has. */
void net_stop(struct net *net);

/* After core_stop(). Takes NULL. */
void net_free(struct net *net);

/* Counted by all threads, summed. Thread: any. */
/* clang-format off */
#define NET_COUNTERS(row)                                                                         \
	row(udp_received, "messages by UDP")                                                       \
	row(tcp_received, "messages by TCP")                                                       \
	row(dropped, "not answered: short, or responses")                                          \
	row(queries, "queries answered")                                                           \
	row(updates, "UPDATEs received")                                                           \
	row(beats, "UPDATEs that only renewed leases")                                             \
	row(denied, "UPDATEs refused by a rule, or for an address that they register")             \
	row(denied_unproven, "of those, such that a proven source address would be let in")        \
	row(denied_address, "of those, for an address that makes no sense from afar")              \
	row(refusals_unsaid, "refused UPDATEs of strangers not answered: over refusal-rate")       \
	row(cookies, "requests with a valid server cookie")                                        \
	row(cookies_wrong, "requests with a server cookie that is old, or not ours")               \
	row(badcookie, "UPDATEs answered BADCOOKIE, as with a cookie they are allowed")            \
	row(denied_queries, "queries refused by a zone's query rules")                             \
	row(limited, "requests not answered: their network is over its rate")                      \
	row(slipped, "requests over the rate answered with TC or BADCOOKIE")                       \
	row(noerror, "replies NOERROR")                                                            \
	row(formerr, "replies FORMERR")                                                            \
	row(servfail, "replies SERVFAIL")                                                          \
	row(nxdomain, "replies NXDOMAIN")                                                          \
	row(refused, "replies REFUSED")                                                            \
	row(other, "replies with another rcode")                                                   \
	row(truncated, "replies with TC")                                                          \
	row(sampled, "answers with a subset of a large pool")                                      \
	row(cut, "answers by TCP that end where a message does")                                   \
	row(send_failed, "replies that the kernel did not take")                                   \
	row(transfers, "zone transfers made to the end")                                           \
	row(transfers_denied, "zone transfers refused by a rule")                                  \
	row(transfers_full, "zone transfers answered SERVFAIL, so many being under way")           \
	row(transfers_cut, "zone transfers cut: too slow, too long, or the connection ended")      \
	row(queue_full, "UPDATEs answered SERVFAIL, the queue being full")                         \
	row(tcp_accepted, "TCP connections accepted")                                              \
	row(tcp_closed, "TCP connections closed, for whatever reason")                             \
	row(tcp_refused, "TCP connections refused: tcp-max are open, and none is idle")            \
	row(tcp_refused_client, "TCP connections refused: their address has tcp-max-client")       \
	row(tcp_evicted, "idle TCP connections closed to make room")                               \
	row(tcp_idle, "TCP connections closed: idle for tcp-idle")                                 \
	row(tcp_unfinished, "TCP connections closed: a message not whole within tcp-read")         \
	row(tcp_unread, "TCP connections closed: replies not read within tcp-write")               \
	row(tcp_dropped, "TCP connections closed: no memory, a reply cut short, or the stop")
/* clang-format on */

struct net_counters {
#define NET_COUNTER(name, text) uint64_t name;
	NET_COUNTERS(NET_COUNTER)
#undef NET_COUNTER
};
void net_count(const struct net *net, struct net_counters *counters);
