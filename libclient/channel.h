/*
 * One server, asked through c-ares on the loop: retransmission, TCP after a truncated answer, and
 * sockets are its business; what is asked, and what an answer means, is not. Thread: loop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libclient/reactor.h"
#include "libclient/waggle.h"

struct wgl_channel;

/*
 * The end of one exchange: WAGGLE_OK and the reply, valid in the call, whose ID and question are
 * those sent; else WAGGLE_ERR_TIMEOUT, _UNREACHABLE, _NOMEM, _CLOSED. It may come from inside
 * wgl_channel_send().
 */
typedef void (*wgl_channel_fn)(void *context, int code, const uint8_t *wire, size_t size);

struct wgl_channel_conf {
	struct wgl_reactor *reactor;
	union waggle_address server;
	bool is_tcp; /* from the start */
};

/* Opens nothing yet. *out: returns owned, wgl_channel_free(). WAGGLE_ERR_NOMEM. */
int wgl_channel_new(struct wgl_channel **out, const struct wgl_channel_conf *conf);

/* Ends what is under way with WAGGLE_ERR_CLOSED. Not from inside a wgl_channel_fn. */
void wgl_channel_free(struct wgl_channel *channel);

/* Sends a query that ends with an OPT record of 11 octets, or has none. `done` comes once. */
void wgl_channel_send(struct wgl_channel *channel, const uint8_t *wire, size_t size,
		      wgl_channel_fn done, void *context);
