/*
 * Questions to the servers of a client: each is asked once, however many want to know (equal
 * questions in flight are one), and goes to the next server when one fails or takes long.
 * Thread: loop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "libclient/channel.h"
#include "libclient/reply.h"
#include "libclient/settings.h"
#include "libclient/sight.h"

/*
 * One server's reply to a question. WAGGLE_OK: it is an answer, and has been learnt; else the next
 * server is tried, and `error` says why.
 */
typedef int (*wgl_learn_fn)(void *context, const struct wgl_need *need,
			    const struct wgl_reply *reply, const union waggle_address *server,
			    struct waggle_error *error);

/* No server had an answer. */
typedef void (*wgl_fail_fn)(void *context, const struct wgl_need *need,
			    const struct waggle_error *error);

struct wgl_asker {
	struct wgl_reactor *reactor;
	const struct wgl_settings *settings;
	wgl_learn_fn learn;
	wgl_fail_fn fail;
	void *context;
	struct {
		struct wgl_channel *channels[2]; /* UDP, TCP; NULL: not needed yet */
		bool is_plain; /* does not understand EDNS (RFC 6891 section 7) */
	} servers[WGL_SERVERS_MAX];
	size_t first; /* the server to begin with: the one that answered last */
	struct list questions;
	struct map by_key;
};

/* Waiting for the end of one question; in the waiter's own structure. */
struct wgl_wait {
	struct list link; /* of the question */
	void (*done)(struct wgl_wait *wait); /* the question has ended; the wait is in no list */
};

/* Keeps `settings`, `reactor` and `context`. */
void wgl_asker_init(struct wgl_asker *asker, struct wgl_reactor *reactor,
		    const struct wgl_settings *settings, uint64_t seed);

/* Ends all questions without a word: nobody may wait any more. Closes the channels. */
void wgl_asker_deinit(struct wgl_asker *asker);

/*
 * Asks, or joins who asks the same. `wait` is done later, never from inside this call.
 * WAGGLE_ERR_NOMEM: it is not.
 */
int wgl_ask(struct wgl_asker *asker, const struct wgl_need *need, struct wgl_wait *wait);

/* Waits no more; the question goes on. */
void wgl_wait_cancel(struct wgl_wait *wait);
