/*
 * waggle_resolve() and waggle_browse(), blocking and by callback.
 *
 * A blocking call looks first by itself: what is known costs no turn of the loop, only the lock.
 * Else a request is posted to the loop, where an inquiry finds out; a blocking caller waits at a
 * latch, with the request on its stack, the other form has a callback.
 */
#include <stdlib.h>
#include <string.h>

#include "libclient/client.h"
#include "libclient/error.h"
#include "libclient/inquiry.h"

#define KEY_MAX (1 + DNS_NAME_MAX)
#define NOBODY "nobody was asked" /* with WAGGLE_OFFLINE */

struct request {
	struct wgl_inquiry inquiry; /* first */
	struct list link; /* of the client's requests */
	struct wgl_post start;
	struct wgl_post cancel;
	bool is_started;
	bool is_offline;
	uint64_t number;
	struct wgl_goal goal;
	struct wgl_body *body; /* what the last plan made */
	struct wgl_latch *latch; /* of a blocking caller; else NULL, and one of these: */
	waggle_answer_fn answer_done;
	waggle_list_fn list_done;
	void *context;
	struct waggle_error error; /* for a blocking caller */
};

/* What was asked for, for the memos. */
struct key {
	size_t size;
	uint8_t octets[KEY_MAX];
};

static void make_key(struct key *key, const struct wgl_goal *goal)
{
	key->octets[0] = (uint8_t)((goal->verb == WGL_BROWSE ? 1 : 0) | (goal->is_bare ? 2 : 0) |
				   (goal->target.is_relative ? 4 : 0));
	key->size = 1 + dns_name_fold(key->octets + 1, goal->target.name);
}

/* Keeps a body for the next one who asks the same; with the lock held. */
static void remember(struct waggle *client, const struct wgl_goal *goal, struct wgl_body *body)
{
	struct key key;

	if (wgl_body_quality(body)->until_ms > wgl_now_ms()) {
		make_key(&key, goal);
		wgl_memos_put(&client->memos, key.octets, key.size, body, client->cache.changes);
	}
}

/* ---- the loop's side --------------------------------------------------------------------- */

static int plan(struct wgl_inquiry *inquiry, struct wgl_sight *sight, struct waggle_error *error)
{
	struct request *request = (struct request *)inquiry;

	if (request->is_offline) {
		sight->is_final = true;
		sight->excuse = WAGGLE_ERR_UNREACHABLE;
		sight->excuse_text = NOBODY;
	}
	wgl_body_unref(request->body);
	return wgl_plan(&request->body, &request->goal, &inquiry->client->settings, sight, error);
}

static bool is_enough(const struct wgl_inquiry *inquiry)
{
	const struct request *request = (const struct request *)inquiry;

	return wgl_body_quality(request->body)->is_complete;
}

/* Leaves the client's lists; with the lock held. */
static void leave(struct waggle *client, struct request *request)
{
	list_remove(&request->link);
	wgl_post_cancel(&request->start);
	wgl_post_cancel(&request->cancel);
	client->request_count--;
}

/* Calls back; takes the body. */
static void call_back(struct waggle *client, const struct request *request,
		      struct waggle_error *error)
{
	struct wgl_body *body = request->body;
	const bool is_good = error->code == WAGGLE_OK;
	struct waggle_answer *answer = NULL;
	struct waggle_list *list = NULL;
	int ret = WAGGLE_OK;

	if (is_good && request->list_done != NULL) {
		ret = wgl_list_new(&list, body, wgl_now_ms());
	} else if (is_good) {
		ret = wgl_answer_new(&answer, body, wgl_now_ms());
	} else {
		wgl_body_unref(body);
	}
	if (ret != WAGGLE_OK) {
		wgl_error_code(error, ret);
	}
	if (request->list_done != NULL) {
		request->list_done(client, list, error, request->context);
	} else {
		request->answer_done(client, answer, error, request->context);
	}
}

/* The end of a request, whatever led to it. */
static void finish(struct waggle *client, struct request *request, const struct waggle_error *error)
{
	struct waggle_error copy = *error;

	wgl_lock(client);
	leave(client, request);
	if (error->code == WAGGLE_OK) {
		remember(client, &request->goal, request->body);
	}
	if (request->latch != NULL) {
		/* From here on the request is the caller's again. */
		request->error = copy;
		wgl_latch_open(request->latch);
		wgl_unlock(client);
		return;
	}
	wgl_unlock(client);
	call_back(client, request, &copy);
	free(request);
}

static void over(struct wgl_inquiry *inquiry, const struct waggle_error *error)
{
	finish(inquiry->client, (struct request *)inquiry, error);
}

static void run_start(struct waggle *client, struct wgl_post *post)
{
	struct request *request =
		(struct request *)((char *)post - offsetof(struct request, start));

	request->is_started = true;
	request->inquiry.plan = plan;
	request->inquiry.is_enough = is_enough;
	request->inquiry.over = over;
	wgl_inquiry_start(client, &request->inquiry);
}

static void break_off(struct waggle *client, struct request *request, int code)
{
	struct waggle_error error;

	if (request->is_started) {
		wgl_inquiry_stop(&request->inquiry);
	}
	wgl_error_code(&error, code);
	finish(client, request, &error);
}

static void run_cancel(struct waggle *client, struct wgl_post *post)
{
	break_off(client, (struct request *)((char *)post - offsetof(struct request, cancel)),
		  WAGGLE_ERR_CANCELLED);
}

static struct request *first_request(struct waggle *client)
{
	struct request *request = NULL;

	wgl_lock(client);
	if (!list_is_empty(&client->requests)) {
		request = list_entry(client->requests.next, struct request, link);
	}
	wgl_unlock(client);
	return request;
}

void wgl_requests_close(struct waggle *client)
{
	struct request *request;

	/* No new ones come: the client is closing. */
	while ((request = first_request(client)) != NULL) {
		break_off(client, request, WAGGLE_ERR_CLOSED);
	}
}

/* ---- the callers' side ------------------------------------------------------------------- */

/*
 * What is known already: WAGGLE_OK and *out, returns owned; WGL_WAIT: servers have to be asked;
 * else the error.
 */
static int find_now(struct waggle *client, const struct wgl_goal *goal, unsigned flags,
		    struct wgl_body **out, struct waggle_error *error)
{
	struct wgl_sight sight = {
		.cache = &client->cache,
		.now_ms = wgl_now_ms(),
		.is_final = (flags & WAGGLE_OFFLINE) != 0,
		.excuse = WAGGLE_ERR_UNREACHABLE,
		.excuse_text = NOBODY,
		.needs = client->caller_needs,
	};
	struct key key;
	int ret = WAGGLE_OK;

	if ((flags & WAGGLE_REFRESH) != 0) {
		return WGL_WAIT;
	}
	make_key(&key, goal);
	wgl_lock(client);
	sight.since = client->cache.changes;
	*out = wgl_memos_find(&client->memos, key.octets, key.size, sight.now_ms,
			      client->cache.changes);
	if (client->is_closing) {
		wgl_body_unref(*out);
		ret = wgl_error_code(error, WAGGLE_ERR_CLOSED);
	} else if (*out == NULL) {
		ret = wgl_plan(out, goal, &client->settings, &sight, error);
		if (ret == WAGGLE_OK && !sight.is_final) {
			remember(client, goal, *out);
		}
	}
	wgl_unlock(client);
	return ret;
}

/* Posts a request whose goal and ways back are set. *number may be NULL. */
static int submit(struct waggle *client, struct request *request, unsigned flags, uint64_t *number,
		  struct waggle_error *error)
{
	int ret = WAGGLE_ERR_FULL;

	wgl_post_init(&request->start, run_start);
	wgl_post_init(&request->cancel, run_cancel);
	request->inquiry.is_refresh = (flags & WAGGLE_REFRESH) != 0;
	request->is_offline = (flags & WAGGLE_OFFLINE) != 0;
	wgl_lock(client);
	if (client->request_count < client->settings.requests_max) {
		ret = wgl_post(client, &request->start);
	}
	if (ret == WAGGLE_OK) {
		client->request_count++;
		request->number = ++client->last_request;
		list_append(&client->requests, &request->link);
		if (number != NULL) {
			*number = request->number;
		}
	}
	wgl_unlock(client);
	return ret == WAGGLE_OK ? ret : wgl_error_code(error, ret);
}

/* Posts and waits. *out: returns owned. */
static int find_later(struct waggle *client, const struct wgl_goal *goal, unsigned flags,
		      struct wgl_body **out, struct waggle_error *error)
{
	struct request request = {.goal = *goal};
	struct wgl_latch latch;
	int ret = wgl_latch_init(client, &latch);

	if (ret != WAGGLE_OK) {
		return wgl_error_code(error, ret);
	}
	request.latch = &latch;
	ret = submit(client, &request, flags, NULL, error);
	if (ret == WAGGLE_OK) {
		wgl_latch_wait(client, &latch);
		ret = request.error.code;
		*out = request.body;
		if (error != NULL) {
			*error = request.error;
		}
	}
	if (ret != WAGGLE_OK) {
		wgl_body_unref(request.body);
		*out = NULL;
	}
	wgl_latch_deinit(client, &latch);
	return ret;
}

static int find(struct waggle *client, enum wgl_verb verb, const char *name, unsigned flags,
		struct wgl_body **out, struct waggle_error *error)
{
	struct wgl_goal goal;
	int ret;

	*out = NULL;
	if (error != NULL) {
		wgl_error_clear(error);
	}
	ret = wgl_goal_parse(&goal, verb, name, flags, error);
	if (ret == WAGGLE_OK) {
		ret = find_now(client, &goal, flags, out, error);
	}
	return ret == WGL_WAIT ? find_later(client, &goal, flags, out, error) : ret;
}

int waggle_resolve(struct waggle *client, const char *name, unsigned flags,
		   struct waggle_answer **out, struct waggle_error *error)
{
	struct wgl_body *body;
	int ret = find(client, WGL_RESOLVE, name, flags, &body, error);

	*out = NULL;
	if (ret == WAGGLE_OK && wgl_answer_new(out, body, wgl_now_ms()) != WAGGLE_OK) {
		ret = wgl_error_code(error, WAGGLE_ERR_NOMEM);
	}
	return ret;
}

int waggle_browse(struct waggle *client, const char *name, unsigned flags, struct waggle_list **out,
		  struct waggle_error *error)
{
	struct wgl_body *body;
	int ret = find(client, WGL_BROWSE, name, flags, &body, error);

	*out = NULL;
	if (ret == WAGGLE_OK && wgl_list_new(out, body, wgl_now_ms()) != WAGGLE_OK) {
		ret = wgl_error_code(error, WAGGLE_ERR_NOMEM);
	}
	return ret;
}

/* Posts a request that `model` describes; takes nothing of it. */
static int start(struct waggle *client, enum wgl_verb verb, const char *name, unsigned flags,
		 const struct request *model, uint64_t *number, struct waggle_error *error)
{
	struct request *request = malloc(sizeof(*request));
	int ret;

	if (error != NULL) {
		wgl_error_clear(error);
	}
	if (request == NULL) {
		return wgl_error_code(error, WAGGLE_ERR_NOMEM);
	}
	*request = *model;
	ret = wgl_goal_parse(&request->goal, verb, name, flags, error);
	if (ret == WAGGLE_OK) {
		ret = submit(client, request, flags, number, error);
	}
	if (ret != WAGGLE_OK) {
		free(request);
	}
	return ret;
}

int waggle_resolve_start(struct waggle *client, const char *name, unsigned flags,
			 waggle_answer_fn done, void *context, uint64_t *request,
			 struct waggle_error *error)
{
	const struct request model = {.answer_done = done, .context = context};

	return start(client, WGL_RESOLVE, name, flags, &model, request, error);
}

int waggle_browse_start(struct waggle *client, const char *name, unsigned flags,
			waggle_list_fn done, void *context, uint64_t *request,
			struct waggle_error *error)
{
	const struct request model = {.list_done = done, .context = context};

	return start(client, WGL_BROWSE, name, flags, &model, request, error);
}

void waggle_cancel(struct waggle *client, uint64_t number)
{
	wgl_lock(client);
	for (struct list *link = client->requests.next; link != &client->requests;
	     link = link->next) {
		struct request *request = list_entry(link, struct request, link);

		if (request->number == number) {
			(void)wgl_post(client, &request->cancel);
			break;
		}
	}
	wgl_unlock(client);
}
