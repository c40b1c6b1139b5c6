/*
 * Deadlines on one uv_timer: a heap of them, so that a timer needs no handle of its own and is
 * gone the moment it is stopped. Thread: loop.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "base/heap.h"

struct wgl_timer;

typedef void (*wgl_timer_fn)(struct wgl_timer *timer);

struct wgl_timer {
	struct heap_item item;
	wgl_timer_fn fire;
};

struct wgl_timers {
	struct heap heap;
	uv_timer_t handle; /* its `data` is the owner's */
};

/* Opens the handle, which the owner closes. */
void wgl_timers_init(struct wgl_timers *timers, uv_loop_t *loop);
void wgl_timers_deinit(struct wgl_timers *timers);

void wgl_timer_init(struct wgl_timer *timer, wgl_timer_fn fire);

/* Fires once, at `at_ms` (wgl_now_ms()) or soon after; set again before, it moves. _NOMEM. */
int wgl_timer_set(struct wgl_timers *timers, struct wgl_timer *timer, uint64_t at_ms);
void wgl_timer_stop(struct wgl_timers *timers, struct wgl_timer *timer);
bool wgl_timer_is_set(const struct wgl_timer *timer);

/*
 * Milliseconds that never jump; far from 0, so that what was said before the machine started has
 * a time as well. Thread: any.
 */
uint64_t wgl_now_ms(void);
