/*
 * How many TCP connections each client has, over all stream threads. A client is an address, or a
 * /64 network of IPv6, all of which one machine may have.
 *
 * Fixed room, whoever comes: two rows of counters, a client has one in each, and the smaller of
 * the two counts. It is never less than what he has, and more only when others share both, of
 * which a key drawn at the start gives nobody the choice. The counters are single relaxed atomic
 * words, like the number of all connections: nothing else is published through them. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

struct clients; /* 256 KiB */

/* *out: returns owned. ERR_NOMEM. */
int clients_new(struct clients **out);

/* Takes NULL. */
void clients_free(struct clients *clients);

/* Counts one more, unless he has `most` already: false. */
bool clients_enter(struct clients *clients, const struct sockaddr_storage *peer, unsigned most);

/* One less. */
void clients_leave(struct clients *clients, const struct sockaddr_storage *peer);
