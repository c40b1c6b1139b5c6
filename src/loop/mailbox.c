/*
 * The mailbox: a list behind a mutex, and an async handle that wakes the loop.
 *
 * The sender that finds the list empty wakes the loop; all others know that it is awake already.
 * The loop takes the whole list at once. Waking happens under the lock, so that after
 * mailbox_free() has held it once no sender is still about to touch the handle. The handle is a
 * block of its own, since libuv lets go of it only in a later round of the loop.
 */
#include "loop/mailbox.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "loop/inside.h"

struct waker {
	struct loop_owned owned;
	uv_async_t uv;
	struct mailbox *mailbox;
};

struct mailbox {
	pthread_mutex_t lock; /* of the four below */
	struct list mails;
	size_t count;
	bool is_closed;
	struct waker *waker;
	size_t limit;
	mailbox_fn fn;
	void *context;
};

static void waker_closed(uv_handle_t *handle)
{
	free(list_entry(handle->data, struct waker, owned));
}

static void waker_close(struct loop_owned *owned)
{
	struct waker *waker = list_entry(owned, struct waker, owned);

	uv_close((uv_handle_t *)&waker->uv, waker_closed);
}

static void waker_woke(uv_async_t *handle)
{
	mailbox_flush(list_entry(handle->data, struct waker, owned)->mailbox);
}

static int waker_new(struct mailbox *mailbox, struct loop *loop)
{
	struct waker *waker = calloc(1, sizeof(*waker));

	if (waker == NULL) {
		return ERR_NOMEM;
	}
	waker->owned.close = waker_close;
	waker->mailbox = mailbox;
	if (uv_async_init(&loop->uv, &waker->uv, waker_woke) != 0) {
		free(waker);
		return ERR_SYSTEM;
	}
	waker->uv.data = &waker->owned;
	mailbox->waker = waker;
	return OK;
}

int mailbox_new(struct mailbox **out, struct loop *loop, size_t limit, mailbox_fn fn, void *context)
{
	struct mailbox *mailbox = calloc(1, sizeof(*mailbox));
	int ret;

	if (mailbox == NULL) {
		return ERR_NOMEM;
	}
	list_init(&mailbox->mails);
	mailbox->limit = limit;
	mailbox->fn = fn;
	mailbox->context = context;
	ret = waker_new(mailbox, loop);
	if (ret != OK) {
		free(mailbox);
		return ret;
	}
	pthread_mutex_init(&mailbox->lock, NULL);
	*out = mailbox;
	return OK;
}

static int post(struct mailbox *mailbox, struct mail *mail, size_t limit)
{
	int ret = OK;

	pthread_mutex_lock(&mailbox->lock);
	if (mailbox->is_closed) {
		ret = ERR_CLOSED;
	} else if (mailbox->count >= limit) {
		ret = ERR_FULL;
	} else {
		list_append(&mailbox->mails, &mail->link);
		if (mailbox->count++ == 0) {
			uv_async_send(&mailbox->waker->uv);
		}
	}
	pthread_mutex_unlock(&mailbox->lock);
	return ret;
}

int mailbox_post(struct mailbox *mailbox, struct mail *mail)
{
	return post(mailbox, mail, mailbox->limit);
}

int mailbox_post_always(struct mailbox *mailbox, struct mail *mail)
{
	return post(mailbox, mail, SIZE_MAX);
}

void mailbox_flush(struct mailbox *mailbox)
{
	struct list mails;

	list_init(&mails);
	pthread_mutex_lock(&mailbox->lock);
	list_splice(&mails, &mailbox->mails);
	mailbox->count = 0;
	pthread_mutex_unlock(&mailbox->lock);
	if (!list_is_empty(&mails)) {
		mailbox->fn(mailbox->context, &mails);
	}
}

void mailbox_close(struct mailbox *mailbox)
{
	pthread_mutex_lock(&mailbox->lock);
	mailbox->is_closed = true;
	pthread_mutex_unlock(&mailbox->lock);
}

void mailbox_free(struct mailbox *mailbox)
{
	if (mailbox == NULL) {
		return;
	}
	mailbox_close(mailbox);
	mailbox_flush(mailbox);
	waker_close(&mailbox->waker->owned);
	pthread_mutex_destroy(&mailbox->lock);
	free(mailbox);
}
