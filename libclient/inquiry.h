/*
 * Rounds of planning and asking until something is known: what waggle_resolve(), waggle_browse()
 * and the search for a registrar have in common. Thread: loop.
 */
#pragma once

#include "libclient/client.h"

struct wgl_inquiry;

/*
 * Puts the result together from the cache; with the lock held. WAGGLE_OK, WGL_WAIT with
 * sight->needs, or a code and *error.
 */
typedef int (*wgl_plan_fn)(struct wgl_inquiry *inquiry, struct wgl_sight *sight,
			   struct waggle_error *error);

/* Is what the plan made good enough to do without the questions that are still under way? */
typedef bool (*wgl_enough_fn)(const struct wgl_inquiry *inquiry);

/* The end; the inquiry is over, and may be freed. `error` has the code. */
typedef void (*wgl_over_fn)(struct wgl_inquiry *inquiry, const struct waggle_error *error);

struct wgl_inquiry {
	struct list link; /* of the client */
	struct waggle *client;
	wgl_plan_fn plan;
	wgl_enough_fn is_enough;
	wgl_over_fn over;
	bool is_refresh; /* what the cache has does not count as fresh */
	struct wgl_timer timer;
	uint64_t begin_ms;
	uint64_t since; /* changes of the cache when it began */
	uint64_t stale_ms; /* then stale data will do */
	uint64_t end_ms;
	unsigned rounds;
	unsigned asked; /* questions */
	unsigned waiting; /* of this round, not yet ended */
	struct list waits;
};

/*
 * Begins; the caller has set plan, is_enough, over and is_refresh. `over` comes once, maybe from
 * inside this call.
 */
void wgl_inquiry_start(struct waggle *client, struct wgl_inquiry *inquiry);

/* Ends it without a word; what is under way goes on for the cache. */
void wgl_inquiry_stop(struct wgl_inquiry *inquiry);
