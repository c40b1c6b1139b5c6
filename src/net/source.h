/*
 * A reply of many messages, such as a zone transfer, made as fast as it is read.
 *
 * A ticket comes back with one in ticket->source. The connection takes it, and asks it for the
 * next message whenever the octets that wait to be read have room (server.tcp-unread), a piece at a
 * time, so that one transfer costs the other connections of its thread nothing. Other requests of
 * the connection are answered meanwhile, and several sources take turns, message by message (RFC
 * 9103 section 6.2).
 *
 * A receiver that takes nothing for server.tcp-write is dropped; then, as at every other end of
 * the connection, the source is freed. Thread: the stream thread that has the connection, online
 * as a reader of the root.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

struct request_desk;
struct source;

struct source_ops {
	/*
	 * Writes the next message, from header to TSIG, into `wire`, which has room for 65,535
	 * octets. Its size; 0: the message before was the last. ERR_*: it cannot go on, and the
	 * connection is closed, lest what was sent is taken for the whole. `desk` has clock, arena
	 * and tally; the arena's memory is gone after the call.
	 */
	int (*next)(struct source *source, struct request_desk *desk, uint8_t *wire);
	void (*free)(struct source *source);
};

/* The owner's structure has this in it. */
struct source {
	const struct source_ops *ops;
	struct list link; /* of its connection's sources; set by the connection */
};
