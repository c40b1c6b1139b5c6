/*
 * A client from inside. Two kinds of threads meet here: the loop's, which does all that takes time
 * (questions, registrations, deadlines), and callers', which look at the cache and post work.
 *
 * The lock guards what stands below it in struct waggle; it is held for looking and putting,
 * never over a system call that may wait, nor over a callback. All else is the loop's thread's.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/list.h"
#include "libclient/asker.h"
#include "libclient/cache.h"
#include "libclient/memo.h"
#include "libclient/plan.h"
#include "libclient/reactor.h"
#include "libclient/settings.h"
#include "libclient/snapshot.h"
#include "libclient/waggle.h"

/* Something for the loop's thread to do; in the structure that it is about. */
struct wgl_post {
	struct list link; /* of the queue; else points to itself */
	void (*run)(struct waggle *client, struct wgl_post *post);
};

struct waggle {
	struct wgl_settings settings; /* immutable */
	atomic_uint_fast64_t random; /* of waggle_pick() */

	/* The loop's thread: */
	bool owns_loop;
	uv_loop_t own_loop;
	pthread_t thread; /* of our own loop */
	struct wgl_reactor reactor;
	uv_async_t wake;
	struct wgl_asker asker;
	struct wgl_need needs[WGL_NEEDS_MAX]; /* of the plan that is being made */
	struct list inquiries;
	struct list registrations;
	struct wgl_timer save_timer;
	struct wgl_saving *saving; /* a snapshot that is being written, or NULL */
	uint64_t saved_puts; /* cache.puts that the file has */
	waggle_closed_fn closed;
	void *closed_context;

	pthread_mutex_t lock;
	/* Under the lock: */
	pthread_t loop_thread;
	bool is_closing;
	size_t latches; /* callers that wait, and are to be gone before the client is */
	pthread_cond_t quiet; /* `latches` went to 0 */
	struct list posts;
	struct list requests; /* that a caller waits for, on whatever way */
	size_t request_count;
	uint64_t last_request; /* number */
	struct wgl_cache cache;
	struct wgl_memos memos;
	struct wgl_need caller_needs[WGL_NEEDS_MAX]; /* of a plan made in a caller's thread */
	struct waggle_error snapshot_error; /* of reading it */
};

void wgl_lock(struct waggle *client);
void wgl_unlock(struct waggle *client);

/*
 * Queues; with the lock held. WAGGLE_ERR_CLOSED: the client is being closed, and it is not queued.
 * A post that is queued already stays where it is.
 */
int wgl_post(struct waggle *client, struct wgl_post *post);
void wgl_post_init(struct wgl_post *post, void (*run)(struct waggle *, struct wgl_post *));

/* Takes it back if it has not run; with the lock held. */
void wgl_post_cancel(struct wgl_post *post);

/* A caller that waits. */
struct wgl_latch {
	bool is_open; /* under the lock */
	pthread_cond_t changed;
};

/*
 * WAGGLE_ERR_DEADLOCK: this is the loop's own thread; WAGGLE_ERR_CLOSED. The client stays until
 * the deinit, which is the last that its caller does with it.
 */
int wgl_latch_init(struct waggle *client, struct wgl_latch *latch);
void wgl_latch_deinit(struct waggle *client, struct wgl_latch *latch);

/* Waits; then, with the lock held, open. */
void wgl_latch_wait(struct waggle *client, struct wgl_latch *latch);
void wgl_latch_open(struct wgl_latch *latch);

/* Ends what others began; loop's thread. */
void wgl_requests_close(struct waggle *client);
void wgl_registrations_close(struct waggle *client);
