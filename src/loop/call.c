/* A call between threads: a mutex and a condition. */
#include "loop/call.h"

#include "base/err.h"

void call_init(struct call *call)
{
	pthread_mutex_init(&call->lock, NULL);
	pthread_cond_init(&call->ended, NULL);
	call->is_ended = false;
	call->status = OK;
}

void call_deinit(struct call *call)
{
	pthread_cond_destroy(&call->ended);
	pthread_mutex_destroy(&call->lock);
}

int call_wait(struct call *call)
{
	int status;

	pthread_mutex_lock(&call->lock);
	while (!call->is_ended) {
		pthread_cond_wait(&call->ended, &call->lock);
	}
	status = call->status;
	pthread_mutex_unlock(&call->lock);
	return status;
}

void call_end(struct call *call, int status)
{
	/* Signalled under the lock: the waiter frees the call as soon as he gets it. */
	pthread_mutex_lock(&call->lock);
	call->is_ended = true;
	call->status = status;
	pthread_cond_signal(&call->ended);
	pthread_mutex_unlock(&call->lock);
}
