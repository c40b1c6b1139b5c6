/*
 * One message to a server and its reply, over sockets of our own: what c-ares does not do, since
 * UPDATE is no query and TSIG has to be checked. UDP first, TCP where that is better or UDP stays
 * silent; then the next server. Thread: loop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libclient/key.h"
#include "libclient/reactor.h"
#include "libclient/reply.h"

struct wgl_exchange;

/*
 * The end: WAGGLE_OK and the reply, whatever its rcode, valid in the call; or a code and *error:
 * WAGGLE_ERR_TIMEOUT, _UNREACHABLE, _SIGNATURE, _SYSTEM, _NOMEM. `server`: the one that replied,
 * or was tried last. The exchange frees itself behind it.
 */
typedef void (*wgl_exchange_fn)(void *context, const struct wgl_reply *reply,
				const union waggle_address *server,
				const struct waggle_error *error);

struct wgl_exchange_conf {
	struct wgl_reactor *reactor;
	const union waggle_address *servers; /* tried in this order */
	size_t server_count; /* 1 .. WGL_EXCHANGE_SERVERS_MAX */
	const uint8_t *wire; /* of the message; ID, opcode and question are checked in the reply */
	size_t size;
	const struct wgl_key *key; /* kept; NULL: replies are not signed */
	const struct wgl_signature *signature; /* with a key */
	bool is_probe; /* one datagram, one second, no TCP, one server */
	wgl_exchange_fn done;
	void *context;
};

#define WGL_EXCHANGE_SERVERS_MAX 8
#define WGL_EXCHANGE_MS 8000 /* it ends within this */

/*
 * Starts; copies the message. `done` comes once, not from inside this call. *out: valid until
 * then. WAGGLE_ERR_NOMEM: it does not start.
 */
int wgl_exchange_start(struct wgl_exchange **out, const struct wgl_exchange_conf *conf);

/* Ends it without a word. */
void wgl_exchange_cancel(struct wgl_exchange *exchange);

/*
 * The address that this machine has towards a server; without its port. WAGGLE_ERR_UNREACHABLE:
 * there is no route. Thread: any.
 */
int wgl_source_of(union waggle_address *out, const union waggle_address *server,
		  struct waggle_error *error);
