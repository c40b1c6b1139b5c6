/*
 * A client's place on its event loop: deadlines, and a count of the handles that are open, so that
 * it is known when the last one is closed. Thread: loop.
 */
#pragma once

#include <stddef.h>

#include "libclient/timer.h"

struct wgl_reactor {
	uv_loop_t *loop;
	struct wgl_timers timers;
	size_t handles; /* not yet closed */
	void (*closed)(struct wgl_reactor *reactor); /* `handles` went to 0 */
};

/* One more handle has been opened; one is closed, called from its close callback. */
void wgl_reactor_hold(struct wgl_reactor *reactor);
void wgl_reactor_release(struct wgl_reactor *reactor);
