#include "loop/ahead.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "loop/loop.h"

struct ahead {
	const struct ahead_ops *ops;
	struct thread *thread;
	pthread_mutex_t lock;
	pthread_cond_t wanted; /* there is room, or it ends */
	void *things[AHEAD_MAX];
	size_t count;
	size_t room;
	bool is_ending;
};

/* Waits until one more is wanted. */
static bool is_wanted(struct ahead *ahead)
{
	pthread_mutex_lock(&ahead->lock);
	while (ahead->count == ahead->room && !ahead->is_ending) {
		pthread_cond_wait(&ahead->wanted, &ahead->lock);
	}
	const bool is_ending = ahead->is_ending;
	pthread_mutex_unlock(&ahead->lock);
	return !is_ending;
}

static void run(void *context)
{
	struct ahead *ahead = context;

	while (is_wanted(ahead)) {
		void *thing = ahead->ops->make();
		if (thing == NULL) {
			return;
		}
		pthread_mutex_lock(&ahead->lock);
		ahead->things[ahead->count++] = thing;
		pthread_mutex_unlock(&ahead->lock);
	}
}

int ahead_new(struct ahead **out, const char *name, const struct ahead_ops *ops, size_t room)
{
	struct ahead *ahead = calloc(1, sizeof(*ahead));

	if (ahead == NULL) {
		return ERR_NOMEM;
	}
	assert(room > 0 && room <= AHEAD_MAX);
	ahead->ops = ops;
	ahead->room = room;
	pthread_mutex_init(&ahead->lock, NULL);
	pthread_cond_init(&ahead->wanted, NULL);
	const int ret = thread_start(&ahead->thread, name, run, ahead);
	if (ret != OK) {
		ahead_free(ahead);
		return ret;
	}
	*out = ahead;
	return OK;
}

void ahead_free(struct ahead *ahead)
{
	if (ahead == NULL) {
		return;
	}
	if (ahead->thread != NULL) {
		pthread_mutex_lock(&ahead->lock);
		ahead->is_ending = true;
		pthread_cond_signal(&ahead->wanted);
		pthread_mutex_unlock(&ahead->lock);
		thread_join(ahead->thread);
	}
	while (ahead->count > 0) {
		ahead->ops->drop(ahead->things[--ahead->count]);
	}
	pthread_cond_destroy(&ahead->wanted);
	pthread_mutex_destroy(&ahead->lock);
	free(ahead);
}

void *ahead_take(struct ahead *ahead)
{
	void *thing = NULL;

	pthread_mutex_lock(&ahead->lock);
	if (ahead->count > 0) {
		thing = ahead->things[--ahead->count];
		pthread_cond_signal(&ahead->wanted);
	}
	pthread_mutex_unlock(&ahead->lock);
	return thing;
}
