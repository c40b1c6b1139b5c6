/*
 * An inquiry in rounds: plan; ask what the plan needs; when all of that has ended, plan again. It
 * ends when a plan needs nothing, and in any case at end_ms with what there is. At stale_ms (RFC
 * 8767 section 5, the client response timer) stale data is taken where there is some; then the
 * questions that did not end are put on hold, so that nobody else waits for them as long.
 */
#include "libclient/inquiry.h"

#include <stdio.h>
#include <stdlib.h>

#include "libclient/error.h"

#define ROUNDS_MAX 10
#define ASKED_MAX 300 /* questions for one answer */

/* One question that an inquiry waits for. */
struct wait {
	struct wgl_wait wait; /* first */
	struct list link; /* of the inquiry */
	struct wgl_inquiry *inquiry;
	struct wgl_need need;
};

static void run(struct wgl_inquiry *inquiry);

static void stop_waits(struct wgl_inquiry *inquiry)
{
	while (!list_is_empty(&inquiry->waits)) {
		struct wait *wait = list_entry(inquiry->waits.next, struct wait, link);

		wgl_wait_cancel(&wait->wait);
		list_remove(&wait->link);
		free(wait);
	}
	inquiry->waiting = 0;
}

void wgl_inquiry_stop(struct wgl_inquiry *inquiry)
{
	stop_waits(inquiry);
	wgl_timer_stop(&inquiry->client->reactor.timers, &inquiry->timer);
	list_remove(&inquiry->link);
}

static void end(struct wgl_inquiry *inquiry, const struct waggle_error *error)
{
	wgl_inquiry_stop(inquiry);
	inquiry->over(inquiry, error);
}

static int plan(struct wgl_inquiry *inquiry, struct wgl_sight *sight, struct waggle_error *error)
{
	struct waggle *client = inquiry->client;
	int ret;

	sight->cache = &client->cache;
	sight->needs = client->needs;
	sight->now_ms = wgl_now_ms();
	sight->since = inquiry->since;
	sight->is_refresh = inquiry->is_refresh;
	wgl_error_clear(error);
	wgl_lock(client);
	ret = inquiry->plan(inquiry, sight, error);
	wgl_unlock(client);
	return ret;
}

/* Plans with what there is. */
static int plan_final(struct wgl_inquiry *inquiry, int excuse, const char *text,
		      struct waggle_error *error)
{
	struct wgl_sight sight = {.is_final = true, .excuse = excuse, .excuse_text = text};

	return plan(inquiry, &sight, error);
}

/*
 * Ends it with what the cache has, as if all time were over; `excuse` says why, for people, after
 * "nothing is known, and". Comes to `over`.
 */
static void finish(struct wgl_inquiry *inquiry, int excuse, const char *text)
{
	struct waggle_error error;

	(void)plan_final(inquiry, excuse, text, &error);
	end(inquiry, &error);
}

/* "no answer from 127.0.0.1@53 within 1.8 s", for what has not ended. */
static void say_slow(const struct wgl_inquiry *inquiry, char *out, size_t size)
{
	const uint64_t ms = wgl_now_ms() - inquiry->begin_ms;

	snprintf(out, size, "no answer from %s within %u.%u s",
		 inquiry->client->settings.server_text, (unsigned)(ms / 1000),
		 (unsigned)(ms / 100 % 10));
}

/* Puts what has not ended on hold, so that the next one who asks has stale data at once. */
static void hold_waits(struct wgl_inquiry *inquiry, const char *why)
{
	struct waggle *client = inquiry->client;
	const uint64_t until_ms = wgl_now_ms() + client->settings.retry_after_ms;
	struct waggle_error failure;

	wgl_error_set(&failure, WAGGLE_ERR_TIMEOUT, "%s", why);
	wgl_lock(client);
	for (struct list *link = inquiry->waits.next; link != &inquiry->waits; link = link->next) {
		const struct wait *wait = list_entry(link, struct wait, link);

		wgl_cache_fail(&client->cache, wait->need.name, wait->need.type, until_ms,
			       &failure);
	}
	wgl_unlock(client);
}

static void on_time(struct wgl_timer *timer)
{
	struct wgl_inquiry *inquiry =
		(struct wgl_inquiry *)((char *)timer - offsetof(struct wgl_inquiry, timer));
	const bool is_end = wgl_now_ms() >= inquiry->end_ms;
	struct waggle_error error;
	char why[sizeof(error.text)];
	int ret;

	say_slow(inquiry, why, sizeof(why));
	ret = plan_final(inquiry, WAGGLE_ERR_TIMEOUT, why, &error);
	if (is_end) {
		end(inquiry, &error);
		return;
	}
	if (ret == WAGGLE_OK && inquiry->is_enough(inquiry)) {
		hold_waits(inquiry, why);
		end(inquiry, &error);
		return;
	}
	if (wgl_timer_set(&inquiry->client->reactor.timers, timer, inquiry->end_ms) != WAGGLE_OK) {
		end(inquiry, &error);
	}
}

static void on_done(struct wgl_wait *done)
{
	struct wait *wait = (struct wait *)done;
	struct wgl_inquiry *inquiry = wait->inquiry;

	list_remove(&wait->link);
	free(wait);
	if (--inquiry->waiting == 0) {
		run(inquiry);
	}
}

static int ask(struct wgl_inquiry *inquiry, const struct wgl_need *need)
{
	struct wait *wait = calloc(1, sizeof(*wait));

	if (wait == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	wait->wait.done = on_done;
	wait->inquiry = inquiry;
	wait->need = *need;
	if (wgl_ask(&inquiry->client->asker, need, &wait->wait) != WAGGLE_OK) {
		free(wait);
		return WAGGLE_ERR_NOMEM;
	}
	list_append(&inquiry->waits, &wait->link);
	inquiry->waiting++;
	inquiry->asked++;
	return WAGGLE_OK;
}

static void run(struct wgl_inquiry *inquiry)
{
	struct wgl_sight sight = {.excuse_text = ""};
	struct waggle_error error;
	int ret = plan(inquiry, &sight, &error);

	if (ret != WGL_WAIT) {
		end(inquiry, &error);
		return;
	}
	if (++inquiry->rounds > ROUNDS_MAX || inquiry->asked + sight.need_count > ASKED_MAX) {
		finish(inquiry, WAGGLE_ERR_FULL, "too many questions would be needed");
		return;
	}
	for (size_t i = 0; i < sight.need_count && ret != WAGGLE_ERR_NOMEM; i++) {
		ret = ask(inquiry, &sight.needs[i]);
	}
	if (inquiry->waiting == 0) {
		finish(inquiry, WAGGLE_ERR_NOMEM, "memory is out");
	}
}

void wgl_inquiry_start(struct waggle *client, struct wgl_inquiry *inquiry)
{
	const struct wgl_settings *settings = &client->settings;
	const uint64_t now_ms = wgl_now_ms();

	inquiry->client = client;
	list_append(&client->inquiries, &inquiry->link);
	list_init(&inquiry->waits);
	wgl_timer_init(&inquiry->timer, on_time);
	inquiry->begin_ms = now_ms;
	wgl_lock(client);
	inquiry->since = client->cache.changes;
	wgl_unlock(client);
	inquiry->stale_ms = now_ms + settings->stale_after_ms;
	inquiry->end_ms = now_ms + settings->timeout_ms;
	inquiry->rounds = 0;
	inquiry->asked = 0;
	inquiry->waiting = 0;
	if (wgl_timer_set(&client->reactor.timers, &inquiry->timer, inquiry->stale_ms) !=
	    WAGGLE_OK) {
		struct waggle_error error;

		wgl_error_code(&error, WAGGLE_ERR_NOMEM);
		end(inquiry, &error);
		return;
	}
	run(inquiry);
}
