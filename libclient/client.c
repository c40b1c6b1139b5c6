/*
 * Clients: opening and closing, the loop's thread, the queue into it, and the snapshot.
 *
 * Closing happens on the loop's thread: requests and registrations are ended, then the handles
 * are closed; when the last is (struct wgl_reactor counts them), the snapshot is written and the
 * client freed. Whoever waits for that waits outside of the client.
 */
#include "libclient/client.h"

#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "crypto/random.h"
#include "libclient/error.h"
#include "libclient/learn.h"

#define MEMOS_MAX 1024
#define SNAPSHOT_MAX (64u << 20) /* octets of a file that is read */
#define FIRST_SAVE_MS 1000 /* after the first change */
#define UNKNOWN_HOLD_MS 1000 /* a failure where nothing is known (RFC 9520 section 3.2) */

/* A snapshot on its way to the disk. */
struct wgl_saving {
	uv_work_t work;
	struct waggle *client;
	uint64_t puts; /* of the cache that it has */
	uint8_t *data;
	size_t size;
	int result;
};

/* ---- lock, posts, latches ---------------------------------------------------------------- */

void wgl_lock(struct waggle *client)
{
	pthread_mutex_lock(&client->lock);
}

void wgl_unlock(struct waggle *client)
{
	pthread_mutex_unlock(&client->lock);
}

void wgl_post_init(struct wgl_post *post, void (*run)(struct waggle *, struct wgl_post *))
{
	list_init(&post->link);
	post->run = run;
}

int wgl_post(struct waggle *client, struct wgl_post *post)
{
	if (client->is_closing) {
		return WAGGLE_ERR_CLOSED;
	}
	if (list_is_empty(&post->link)) {
		list_append(&client->posts, &post->link);
		uv_async_send(&client->wake);
	}
	return WAGGLE_OK;
}

void wgl_post_cancel(struct wgl_post *post)
{
	list_remove(&post->link);
}

static struct wgl_post *next_post(struct waggle *client)
{
	struct wgl_post *post = NULL;

	wgl_lock(client);
	if (!list_is_empty(&client->posts)) {
		post = list_entry(client->posts.next, struct wgl_post, link);
		list_remove(&post->link);
	}
	wgl_unlock(client);
	return post;
}

int wgl_latch_init(struct waggle *client, struct wgl_latch *latch)
{
	int ret = WAGGLE_OK;

	latch->is_open = false;
	wgl_lock(client);
	if (pthread_equal(client->loop_thread, pthread_self())) {
		ret = WAGGLE_ERR_DEADLOCK;
	} else if (client->is_closing) {
		ret = WAGGLE_ERR_CLOSED;
	} else {
		client->latches++;
	}
	wgl_unlock(client);
	if (ret == WAGGLE_OK) {
		pthread_cond_init(&latch->changed, NULL);
	}
	return ret;
}

void wgl_latch_deinit(struct waggle *client, struct wgl_latch *latch)
{
	pthread_cond_destroy(&latch->changed);
	wgl_lock(client);
	if (--client->latches == 0) {
		pthread_cond_signal(&client->quiet);
	}
	wgl_unlock(client);
}

void wgl_latch_wait(struct waggle *client, struct wgl_latch *latch)
{
	wgl_lock(client);
	while (!latch->is_open) {
		pthread_cond_wait(&latch->changed, &client->lock);
	}
	wgl_unlock(client);
}

void wgl_latch_open(struct wgl_latch *latch)
{
	latch->is_open = true;
	pthread_cond_signal(&latch->changed);
}

static void save_at(struct waggle *client, uint64_t at_ms)
{
	/* Without memory for it, the next change tries again. */
	(void)wgl_timer_set(&client->reactor.timers, &client->save_timer, at_ms);
}

/* The cache may have changed: it is to be written some time. */
static void save_later(struct waggle *client)
{
	if (client->settings.snapshot != NULL && client->saving == NULL &&
	    !wgl_timer_is_set(&client->save_timer)) {
		save_at(client, wgl_now_ms() + FIRST_SAVE_MS);
	}
}

/* ---- what the asker tells ---------------------------------------------------------------- */

static int on_learn(void *context, const struct wgl_need *need, const struct wgl_reply *reply,
		    const union waggle_address *server, struct waggle_error *error)
{
	struct waggle *client = context;
	int ret;

	wgl_lock(client);
	ret = wgl_learn(&client->cache, reply, need->name, need->type, need->is_whole, server,
			wgl_now_ms(), error);
	wgl_unlock(client);
	save_later(client);
	return ret;
}

static void on_fail(void *context, const struct wgl_need *need, const struct waggle_error *error)
{
	struct waggle *client = context;
	const uint64_t now_ms = wgl_now_ms();
	uint64_t hold_ms = UNKNOWN_HOLD_MS;

	wgl_lock(client);
	if (error->code == WAGGLE_ERR_NOMEM) {
		/* No server's failure: it holds for those who waited, and not much longer. */
		hold_ms = 1;
	} else if (wgl_cache_find(&client->cache, need->name, need->type, now_ms).set != NULL) {
		hold_ms = client->settings.retry_after_ms;
	}
	wgl_cache_fail(&client->cache, need->name, need->type, now_ms + hold_ms, error);
	wgl_unlock(client);
}

/* ---- snapshot ---------------------------------------------------------------------------- */

static struct wgl_now now(void)
{
	return (struct wgl_now){.mono_ms = wgl_now_ms(), .wall_s = clock_wall_s()};
}

static void load_snapshot(struct waggle *client)
{
	const char *path = client->settings.snapshot;
	struct waggle_error *error = &client->snapshot_error;
	const struct wgl_now at = now();
	struct waggle_error inner;
	uint8_t *data = NULL;
	size_t size;

	wgl_error_clear(error);
	if (path == NULL ||
	    wgl_snapshot_read(path, SNAPSHOT_MAX, &data, &size, error) != WAGGLE_OK ||
	    data == NULL) {
		return;
	}
	if (wgl_snapshot_decode(&client->cache, &at, data, size, &inner) != WAGGLE_OK) {
		wgl_error_set(error, inner.code, "%s: %s", path, inner.text);
	}
	free(data);
	client->saved_puts = client->cache.puts;
}

/* Sweeps and encodes. *puts: of the cache, as encoded. */
static int encode(struct waggle *client, uint8_t **data, size_t *size, uint64_t *puts)
{
	const struct wgl_now at = now();
	int ret;

	wgl_lock(client);
	wgl_cache_sweep(&client->cache, at.mono_ms);
	ret = wgl_snapshot_encode(&client->cache, &at, data, size);
	*puts = client->cache.puts;
	wgl_unlock(client);
	return ret;
}

int waggle_snapshot_save(struct waggle *client, struct waggle_error *error)
{
	uint64_t puts;
	uint8_t *data;
	size_t size;
	int ret;

	if (error != NULL) {
		wgl_error_clear(error);
	}
	if (client->settings.snapshot == NULL) {
		return WAGGLE_OK;
	}
	if (encode(client, &data, &size, &puts) != WAGGLE_OK) {
		return wgl_error_code(error, WAGGLE_ERR_NOMEM);
	}
	ret = wgl_snapshot_write(client->settings.snapshot, data, size, error);
	free(data);
	return ret;
}

int waggle_snapshot_status(struct waggle *client, struct waggle_error *error)
{
	int code;

	wgl_lock(client);
	code = client->snapshot_error.code;
	if (error != NULL) {
		*error = client->snapshot_error;
	}
	wgl_unlock(client);
	return code;
}

/* On a thread of libuv's pool. */
static void write_snapshot(uv_work_t *work)
{
	struct wgl_saving *saving = work->data;

	saving->result = wgl_snapshot_write(saving->client->settings.snapshot, saving->data,
					    saving->size, NULL);
}

static void on_written(uv_work_t *work, int status)
{
	struct wgl_saving *saving = work->data;
	struct waggle *client = saving->client;

	if (status == 0 && saving->result == WAGGLE_OK) {
		client->saved_puts = saving->puts;
	}
	client->saving = NULL;
	free(saving->data);
	free(saving);
	if (!uv_is_closing((uv_handle_t *)&client->wake)) {
		save_at(client, wgl_now_ms() + client->settings.snapshot_every_s * 1000ull);
	}
	wgl_reactor_release(&client->reactor);
}

static bool has_changed(struct waggle *client)
{
	bool has;

	wgl_lock(client);
	has = client->cache.puts != client->saved_puts;
	wgl_unlock(client);
	return has;
}

static void on_save(struct wgl_timer *timer)
{
	struct waggle *client =
		(struct waggle *)((char *)timer - offsetof(struct waggle, save_timer));
	struct wgl_saving *saving;

	if (!has_changed(client)) {
		return;
	}
	saving = calloc(1, sizeof(*saving));
	if (saving == NULL ||
	    encode(client, &saving->data, &saving->size, &saving->puts) != WAGGLE_OK) {
		free(saving);
		return;
	}
	saving->client = client;
	saving->work.data = saving;
	if (uv_queue_work(client->reactor.loop, &saving->work, write_snapshot, on_written) != 0) {
		free(saving->data);
		free(saving);
		return;
	}
	client->saving = saving;
	wgl_reactor_hold(&client->reactor);
}

/* ---- closing ----------------------------------------------------------------------------- */

static void free_client(struct waggle *client)
{
	wgl_memos_deinit(&client->memos);
	wgl_cache_deinit(&client->cache);
	wgl_settings_deinit(&client->settings);
	wgl_timers_deinit(&client->reactor.timers);
	pthread_cond_destroy(&client->quiet);
	pthread_mutex_destroy(&client->lock);
	free(client);
}

/* All handles are closed: the last that happens on the loop's thread. */
static void finish(struct waggle *client)
{
	const waggle_closed_fn closed = client->closed;
	void *context = client->closed_context;

	wgl_lock(client);
	while (client->latches > 0) {
		pthread_cond_wait(&client->quiet, &client->lock);
	}
	wgl_unlock(client);
	if (has_changed(client)) {
		(void)waggle_snapshot_save(client, NULL);
	}
	free_client(client);
	if (closed != NULL) {
		closed(context);
	}
}

static void on_all_closed(struct wgl_reactor *reactor)
{
	struct waggle *client =
		(struct waggle *)((char *)reactor - offsetof(struct waggle, reactor));

	/* On a loop of our own its thread goes on to finish() when the loop has ended. */
	if (!client->owns_loop) {
		finish(client);
	}
}

static void on_wake_closed(uv_handle_t *handle)
{
	struct waggle *client = (struct waggle *)((char *)handle - offsetof(struct waggle, wake));

	wgl_reactor_release(&client->reactor);
}

static void on_timers_closed(uv_handle_t *handle)
{
	struct waggle *client =
		(struct waggle *)((char *)handle - offsetof(struct waggle, reactor.timers.handle));

	wgl_reactor_release(&client->reactor);
}

static void close_handles(struct waggle *client)
{
	wgl_requests_close(client);
	wgl_registrations_close(client);
	wgl_asker_deinit(&client->asker);
	wgl_timer_stop(&client->reactor.timers, &client->save_timer);
	uv_close((uv_handle_t *)&client->wake, on_wake_closed);
	uv_close((uv_handle_t *)&client->reactor.timers.handle, on_timers_closed);
}

/* ---- the loop's thread ------------------------------------------------------------------- */

static void on_wake(uv_async_t *handle)
{
	struct waggle *client = (struct waggle *)((char *)handle - offsetof(struct waggle, wake));
	struct wgl_post *post;
	bool is_closing;

	wgl_lock(client);
	client->loop_thread = pthread_self();
	is_closing = client->is_closing;
	wgl_unlock(client);
	/* What was posted before the closing is begun, and then ended with all the rest. */
	while ((post = next_post(client)) != NULL) {
		post->run(client, post);
	}
	if (is_closing) {
		close_handles(client);
	}
}

static void *run_thread(void *argument)
{
	struct waggle *client = argument;
	uv_loop_t *loop = &client->own_loop;

	pthread_setname_np(pthread_self(), "waggle");
	uv_run(loop, UV_RUN_DEFAULT);
	uv_loop_close(loop);
	finish(client);
	return NULL;
}

/* A thread that takes no signals: those are the caller's business. */
static int start_thread(struct waggle *client)
{
	sigset_t all;
	sigset_t before;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&client->thread, NULL, run_thread, client);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret == 0 ? WAGGLE_OK : WAGGLE_ERR_SYSTEM;
}

/* ---- opening ----------------------------------------------------------------------------- */

static struct waggle *new_client(void)
{
	struct waggle *client = calloc(1, sizeof(*client));

	if (client == NULL) {
		return NULL;
	}
	pthread_mutex_init(&client->lock, NULL);
	pthread_cond_init(&client->quiet, NULL);
	list_init(&client->inquiries);
	list_init(&client->registrations);
	list_init(&client->posts);
	list_init(&client->requests);
	wgl_timer_init(&client->save_timer, on_save);
	atomic_init(&client->random, random_u64());
	wgl_memos_init(&client->memos, MEMOS_MAX, random_u64());
	/* Its limits come with the settings; until then it is empty. */
	wgl_cache_init(&client->cache, 0, 0, 0, random_u64());
	return client;
}

static void init_parts(struct waggle *client)
{
	const struct wgl_settings *settings = &client->settings;

	client->cache.size_max = settings->cache_max;
	client->cache.max_ttl_s = settings->max_ttl_s;
	client->cache.max_stale_s = settings->max_stale_s;
	wgl_asker_init(&client->asker, &client->reactor, settings, random_u64());
	client->asker.learn = on_learn;
	client->asker.fail = on_fail;
	client->asker.context = client;
	load_snapshot(client);
}

/* WAGGLE_ERR_SYSTEM: none is open. */
static int open_handles(struct waggle *client, uv_loop_t *loop)
{
	client->reactor.loop = loop;
	client->reactor.closed = on_all_closed;
	if (uv_async_init(loop, &client->wake, on_wake) != 0) {
		return WAGGLE_ERR_SYSTEM;
	}
	wgl_timers_init(&client->reactor.timers, loop);
	wgl_reactor_hold(&client->reactor);
	wgl_reactor_hold(&client->reactor);
	return WAGGLE_OK;
}

static int open_own_loop(struct waggle *client)
{
	int ret;

	if (uv_loop_init(&client->own_loop) != 0) {
		return WAGGLE_ERR_SYSTEM;
	}
	client->owns_loop = true;
	ret = open_handles(client, &client->own_loop);
	if (ret != WAGGLE_OK) {
		uv_loop_close(&client->own_loop);
		return ret;
	}
	/* Under the lock, so that the thread finds its own name there. */
	wgl_lock(client);
	ret = start_thread(client);
	client->loop_thread = client->thread;
	wgl_unlock(client);
	if (ret != WAGGLE_OK) {
		uv_close((uv_handle_t *)&client->wake, NULL);
		uv_close((uv_handle_t *)&client->reactor.timers.handle, NULL);
		uv_run(&client->own_loop, UV_RUN_DEFAULT);
		uv_loop_close(&client->own_loop);
	}
	return ret;
}

static int open_on_loop(struct waggle *client, uv_loop_t *loop)
{
	client->loop_thread = pthread_self();
	return open_handles(client, loop);
}

int waggle_open(struct waggle **out, const struct waggle_options *options,
		struct waggle_error *error)
{
	struct waggle *client = new_client();
	int ret;

	*out = NULL;
	if (error != NULL) {
		wgl_error_clear(error);
	}
	if (client == NULL) {
		return wgl_error_code(error, WAGGLE_ERR_NOMEM);
	}
	ret = wgl_settings_load(&client->settings, options, error);
	if (ret != WAGGLE_OK) {
		free_client(client);
		return ret;
	}
	init_parts(client);
	ret = options != NULL && options->size > offsetof(struct waggle_options, loop) &&
			      options->loop != NULL
		      ? open_on_loop(client, options->loop)
		      : open_own_loop(client);
	if (ret != WAGGLE_OK) {
		wgl_asker_deinit(&client->asker);
		free_client(client);
		return wgl_error_code(error, ret);
	}
	*out = client;
	return WAGGLE_OK;
}

/* ---- closing, from outside --------------------------------------------------------------- */

static void begin_closing(struct waggle *client, waggle_closed_fn closed, void *context)
{
	wgl_lock(client);
	client->closed = closed;
	client->closed_context = context;
	client->is_closing = true;
	uv_async_send(&client->wake);
	wgl_unlock(client);
}

void waggle_close_start(struct waggle *client, waggle_closed_fn closed, void *context)
{
	if (client == NULL) {
		return;
	}
	if (client->owns_loop) {
		pthread_detach(client->thread);
	}
	begin_closing(client, closed, context);
}

/* Who waits for a client to be gone. */
struct farewell {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool is_over;
};

static void on_closed(void *context)
{
	struct farewell *farewell = context;

	pthread_mutex_lock(&farewell->lock);
	farewell->is_over = true;
	pthread_cond_signal(&farewell->changed);
	pthread_mutex_unlock(&farewell->lock);
}

static void close_and_wait(struct waggle *client)
{
	struct farewell farewell = {.lock = PTHREAD_MUTEX_INITIALIZER,
				    .changed = PTHREAD_COND_INITIALIZER};

	begin_closing(client, on_closed, &farewell);
	pthread_mutex_lock(&farewell.lock);
	while (!farewell.is_over) {
		pthread_cond_wait(&farewell.changed, &farewell.lock);
	}
	pthread_mutex_unlock(&farewell.lock);
	pthread_cond_destroy(&farewell.changed);
	pthread_mutex_destroy(&farewell.lock);
}

static bool is_on_loop(struct waggle *client)
{
	bool is;

	wgl_lock(client);
	is = pthread_equal(client->loop_thread, pthread_self());
	wgl_unlock(client);
	return is;
}

void waggle_close(struct waggle *client)
{
	if (client == NULL) {
		return;
	}
	if (is_on_loop(client)) {
		/* Waiting for itself would never end. */
		waggle_close_start(client, NULL, NULL);
	} else if (client->owns_loop) {
		const pthread_t thread = client->thread;

		begin_closing(client, NULL, NULL);
		pthread_join(thread, NULL);
	} else {
		close_and_wait(client);
	}
}

/* ---- small things ------------------------------------------------------------------------ */

const char *waggle_setting(const struct waggle *client, enum waggle_setting setting)
{
	const struct wgl_settings *settings = &client->settings;
	const char *const texts[] = {
		[WAGGLE_SETTING_SERVER] = settings->server_text,
		[WAGGLE_SETTING_ZONE] = settings->zone_text,
		[WAGGLE_SETTING_KEY] = settings->key_text,
		[WAGGLE_SETTING_CONTROL] = settings->control,
		[WAGGLE_SETTING_SNAPSHOT] = settings->snapshot,
	};

	return (size_t)setting < sizeof(texts) / sizeof(texts[0]) ? texts[setting] : NULL;
}
