/*
 * A call to another thread whose end is waited for. It stands on the caller's stack: he inits it,
 * sends it off (in a mail, usually), waits, deinits. The other side ends it once.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct call {
	pthread_mutex_t lock; /* of the two below */
	bool is_ended;
	int status;
	pthread_cond_t ended;
};

void call_init(struct call *call);
void call_deinit(struct call *call);

/* Waits for call_end(); its status. */
int call_wait(struct call *call);

/*
 * The same for no longer than `wait_ms`: false when it has not ended by then. A call that may be
 * left so is no place on a stack.
 */
bool call_wait_for(struct call *call, uint64_t wait_ms, int *status);

/* Ends the call; do not touch it afterwards. Thread: any. */
void call_end(struct call *call, int status);
