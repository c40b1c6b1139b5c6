/* A call between threads: a mutex and a condition. */
#include "loop/call.h"

#include <time.h>

#include "base/err.h"

void call_init(struct call *call)
{
	pthread_condattr_t attributes;

	pthread_mutex_init(&call->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&call->ended, &attributes);
	pthread_condattr_destroy(&attributes);
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

bool call_wait_for(struct call *call, uint64_t wait_ms, int *status)
{
	struct timespec end;
	bool is_ended;
	int ret = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += (time_t)(wait_ms / 1000);
	end.tv_nsec += (long)(wait_ms % 1000) * 1000000;
	if (end.tv_nsec >= 1000000000) {
		end.tv_nsec -= 1000000000;
		end.tv_sec++;
	}
	pthread_mutex_lock(&call->lock);
	while (!call->is_ended && ret == 0) {
		ret = pthread_cond_timedwait(&call->ended, &call->lock, &end);
	}
	is_ended = call->is_ended;
	*status = call->status;
	pthread_mutex_unlock(&call->lock);
	return is_ended;
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
