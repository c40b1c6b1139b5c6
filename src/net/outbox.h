/*
 * Replies by UDP on their way: written one behind the other, sent with one sendmmsg(2) on the
 * socket that the requests came in by. Thread: its owner's.
 */
#pragma once

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define OUTBOX_COUNT 64

/* Room for the ancillary data that says which of our addresses was asked. */
#define OUTBOX_CONTROL CMSG_SPACE(sizeof(struct in6_pktinfo))

/* Where a reply goes, and from which address. */
struct outbox_peer {
	struct sockaddr_storage address;
	socklen_t size;
	size_t control_size; /* 0: the socket has one address only */
	_Alignas(struct cmsghdr) uint8_t control[OUTBOX_CONTROL];
};

struct outbox; /* about 80 KiB */

/* *out: returns owned. ERR_NOMEM. */
int outbox_new(struct outbox **out);
void outbox_free(struct outbox *outbox);

/* Where the next reply is to be written, room for DNS_UDP_SAFE octets; NULL when it is full. */
uint8_t *outbox_next(struct outbox *outbox);

/* Adds what was written there; keeps `peer` until sent. */
void outbox_add(struct outbox *outbox, size_t size, struct outbox_peer *peer);

/* Sends all, never waits. Returns how many the kernel did not take; they are gone. */
size_t outbox_send(struct outbox *outbox, int fd);
