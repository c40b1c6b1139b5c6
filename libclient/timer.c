/* Timers: the handle is always armed for the first of the heap. */
#include "libclient/timer.h"

#include "base/clock.h"
#include "base/err.h"
#include "libclient/error.h"

#define EPOCH_MS (1ull << 41) /* 69 years */

uint64_t wgl_now_ms(void)
{
	return clock_mono_ms() + EPOCH_MS;
}

static void arm(struct wgl_timers *timers);

static void on_timer(uv_timer_t *handle)
{
	struct wgl_timers *timers =
		(struct wgl_timers *)((char *)handle - offsetof(struct wgl_timers, handle));
	struct heap_item *item;

	while ((item = heap_first(&timers->heap)) != NULL && item->key <= wgl_now_ms()) {
		struct wgl_timer *timer =
			(struct wgl_timer *)((char *)item - offsetof(struct wgl_timer, item));

		heap_remove(&timers->heap, item);
		timer->fire(timer);
	}
	arm(timers);
}

static void arm(struct wgl_timers *timers)
{
	const struct heap_item *item = heap_first(&timers->heap);
	const uint64_t now_ms = wgl_now_ms();

	if (uv_is_closing((uv_handle_t *)&timers->handle)) {
		return;
	}
	if (item == NULL) {
		uv_timer_stop(&timers->handle);
		return;
	}
	/* The loop's own time may be older than now, by what the callbacks before this took. */
	uv_update_time(timers->handle.loop);
	uv_timer_start(&timers->handle, on_timer, item->key > now_ms ? item->key - now_ms : 0, 0);
}

void wgl_timers_init(struct wgl_timers *timers, uv_loop_t *loop)
{
	heap_init(&timers->heap);
	uv_timer_init(loop, &timers->handle);
}

void wgl_timers_deinit(struct wgl_timers *timers)
{
	heap_deinit(&timers->heap);
}

void wgl_timer_init(struct wgl_timer *timer, wgl_timer_fn fire)
{
	*timer = (struct wgl_timer){.fire = fire};
}

bool wgl_timer_is_set(const struct wgl_timer *timer)
{
	return timer->item.place != 0;
}

int wgl_timer_set(struct wgl_timers *timers, struct wgl_timer *timer, uint64_t at_ms)
{
	if (wgl_timer_is_set(timer)) {
		heap_move(&timers->heap, &timer->item, at_ms);
	} else if (heap_insert(&timers->heap, &timer->item, at_ms) != OK) {
		return WAGGLE_ERR_NOMEM;
	}
	arm(timers);
	return WAGGLE_OK;
}

void wgl_timer_stop(struct wgl_timers *timers, struct wgl_timer *timer)
{
	if (wgl_timer_is_set(timer)) {
		heap_remove(&timers->heap, &timer->item);
		arm(timers);
	}
}
