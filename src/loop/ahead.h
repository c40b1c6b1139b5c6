/*
 * Things made ahead of need, by a thread of its own: who needs one takes what is ready and goes on
 * at once, with or without. Thread: its owner's.
 */
#pragma once

#include <stddef.h>

#define AHEAD_MAX 16

struct ahead;

struct ahead_ops {
	void *(*make)(void); /* on the other thread; NULL: none can be had, it makes no more */
	void (*drop)(void *thing); /* that nobody took */
};

/* Keeps up to `room` things ready. *out: returns owned. ERR_NOMEM, ERR_SYSTEM. */
int ahead_new(struct ahead **out, const char *name, const struct ahead_ops *ops, size_t room);

/* Ends the thread. Takes NULL. */
void ahead_free(struct ahead *ahead);

/* One that is ready, the caller's; NULL: none is. */
void *ahead_take(struct ahead *ahead);
