/*
 * An address that we listen on: one TCP socket, and a UDP socket for each worker.
 *
 * The TCP socket is the lock against a second server: it has no SO_REUSEPORT and listens from the
 * start. The UDP sockets need SO_REUSEPORT among themselves, which would let a second server in
 * to take half of the queries; so a socket without it is bound first, to see that nobody is there.
 * Thread: main.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "conf/conf.h"
#include "net/net.h"

struct endpoint {
	struct sockaddr_storage address; /* as bound */
	socklen_t size;
	char text[64];
	bool is_wildcard; /* requests say which of our addresses was asked */
	int tcp; /* listening */
	int *udp;
	unsigned udp_count;
};

/* ERR_BUSY, ERR_DENIED, ERR_SYSTEM with *error filled; ERR_NOMEM. */
int endpoint_open(struct endpoint *endpoint, const struct conf_listen *conf, unsigned udp_count,
		  struct net_error *error);

/* Closes the TCP socket: connections that nobody has accepted end. */
void endpoint_close_tcp(struct endpoint *endpoint);

/* Closes all its sockets. */
void endpoint_close(struct endpoint *endpoint);

/* The port in host order. */
uint16_t endpoint_port(const struct endpoint *endpoint);
