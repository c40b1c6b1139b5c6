/*
 * Mailbox: bounded queue of messages to the thread of one loop. The only lock of the house.
 * A message is the sender's structure with a `struct mail` in it. Thread: post any; the rest is
 * the loop's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "loop/loop.h"

struct mailbox;

struct mail {
	struct list link;
};

/* Gets all messages that have come, in order; the list is the callee's to empty. */
typedef void (*mailbox_fn)(void *context, struct list *mails);

/* At most `limit` messages wait; keeps `context`. *out: returns owned. ERR_NOMEM, ERR_SYSTEM. */
int mailbox_new(struct mailbox **out, struct loop *loop, size_t limit, mailbox_fn fn,
		void *context);

/*
 * Posts; the message belongs to the receiver when this returns OK. ERR_FULL, or ERR_CLOSED after
 * mailbox_close(): it stays the sender's. Thread: any.
 */
int mailbox_post(struct mailbox *mailbox, struct mail *mail);

/* The same without regard to the limit, for messages that must get through (answers to us). */
int mailbox_post_always(struct mailbox *mailbox, struct mail *mail);

/* Refuses further messages; those that came are still handed over. */
void mailbox_close(struct mailbox *mailbox);

/* Hands over what has come, now. Thread: the loop's, or any after loop_run() has returned. */
void mailbox_flush(struct mailbox *mailbox);

/*
 * After loop_run() has returned and before loop_free(); messages still there are handed to `fn`
 * first. Takes NULL.
 */
void mailbox_free(struct mailbox *mailbox);
