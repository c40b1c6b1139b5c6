/*
 * The loop, its timers and signals, over libuv; threads over pthread.
 *
 * A handle of libuv may be freed only in its close callback, so every free function here starts
 * closing, and the memory goes in a later round; at the latest in loop_free(), which closes what
 * is left and runs the loop until it is empty.
 */
#include "loop/loop.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "base/list.h"
#include "loop/inside.h"

struct loop_timer {
	struct loop_owned owned;
	uv_timer_t uv;
	loop_timer_fn fn;
	void *context;
};

struct loop_turn {
	struct loop_owned owned;
	uv_idle_t uv;
	loop_timer_fn fn;
	void *context;
};

struct loop_signal {
	struct loop_owned owned;
	uv_signal_t uv;
	loop_timer_fn fn;
	void *context;
};

#define THREAD_NAME_MAX 15
#define THREAD_PROMPT_NS 100000 /* the shortest turn that there is */

struct thread {
	pthread_t id;
	char name[THREAD_NAME_MAX + 1];
	thread_fn fn;
	void *context;
};

/* ---- loop ---------------------------------------------------------------------------------- */

static void keep_close(struct loop_owned *owned)
{
	struct loop *loop = list_entry(owned, struct loop, keep_owned);

	uv_close((uv_handle_t *)&loop->keep, NULL);
}

int loop_new(struct loop **out)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (loop == NULL) {
		return ERR_NOMEM;
	}
	if (uv_loop_init(&loop->uv) != 0) {
		free(loop);
		return ERR_SYSTEM;
	}
	loop->keep_owned.close = keep_close;
	loop->keep.data = &loop->keep_owned;
	if (uv_async_init(&loop->uv, &loop->keep, NULL) != 0) {
		uv_loop_close(&loop->uv);
		free(loop);
		return ERR_SYSTEM;
	}
	*out = loop;
	return OK;
}

/* Who writes to a connection that is gone gets an error, not a signal. */
static void block_sigpipe(void)
{
	sigset_t pipe;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, NULL);
}

void loop_run(struct loop *loop)
{
	block_sigpipe();
	while (!loop->is_stopped) {
		uv_run(&loop->uv, UV_RUN_DEFAULT);
	}
	loop->is_stopped = false;
}

void loop_stop(struct loop *loop)
{
	loop->is_stopped = true;
	uv_stop(&loop->uv);
}

static void close_left(uv_handle_t *handle, void *context)
{
	struct loop_owned *owned = handle->data;

	(void)context;
	if (!uv_is_closing(handle)) {
		owned->close(owned);
	}
}

void loop_free(struct loop *loop)
{
	int left;

	if (loop == NULL) {
		return;
	}
	uv_walk(&loop->uv, close_left, NULL);
	do {
		left = uv_run(&loop->uv, UV_RUN_DEFAULT);
	} while (left != 0);
	left = uv_loop_close(&loop->uv);
	assert(left == 0);
	(void)left;
	free(loop->input);
	free(loop);
}

uint64_t loop_now_ms(const struct loop *loop)
{
	return uv_now(&loop->uv);
}

/* ---- timers -------------------------------------------------------------------------------- */

static void timer_closed(uv_handle_t *handle)
{
	free(list_entry(handle->data, struct loop_timer, owned));
}

static void timer_close(struct loop_owned *owned)
{
	struct loop_timer *timer = list_entry(owned, struct loop_timer, owned);

	uv_close((uv_handle_t *)&timer->uv, timer_closed);
}

static void timer_rang(uv_timer_t *handle)
{
	const struct loop_timer *timer = list_entry(handle->data, struct loop_timer, owned);

	timer->fn(timer->context);
}

int loop_timer_new(struct loop_timer **out, struct loop *loop, loop_timer_fn fn, void *context)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (timer == NULL) {
		return ERR_NOMEM;
	}
	timer->owned.close = timer_close;
	timer->fn = fn;
	timer->context = context;
	uv_timer_init(&loop->uv, &timer->uv);
	timer->uv.data = &timer->owned;
	*out = timer;
	return OK;
}

void loop_timer_set(struct loop_timer *timer, uint64_t delay_ms)
{
	/* The time of the round may be old by now: it would ring too early by that much. */
	uv_update_time(timer->uv.loop);
	/* With 0, one that sets itself anew would ring for ever before the loop looks elsewhere. */
	uv_timer_start(&timer->uv, timer_rang, delay_ms == 0 ? 1 : delay_ms, 0);
}

void loop_timer_clear(struct loop_timer *timer)
{
	uv_timer_stop(&timer->uv);
}

void loop_timer_free(struct loop_timer *timer)
{
	if (timer != NULL) {
		timer_close(&timer->owned);
	}
}

/* ---- turns --------------------------------------------------------------------------------- */

static void turn_closed(uv_handle_t *handle)
{
	free(list_entry(handle->data, struct loop_turn, owned));
}

static void turn_close(struct loop_owned *owned)
{
	struct loop_turn *turn = list_entry(owned, struct loop_turn, owned);

	uv_close((uv_handle_t *)&turn->uv, turn_closed);
}

static void turn_came(uv_idle_t *handle)
{
	const struct loop_turn *turn = list_entry(handle->data, struct loop_turn, owned);

	turn->fn(turn->context);
}

int loop_turn_new(struct loop_turn **out, struct loop *loop, loop_timer_fn fn, void *context)
{
	struct loop_turn *turn = calloc(1, sizeof(*turn));

	if (turn == NULL) {
		return ERR_NOMEM;
	}
	turn->owned.close = turn_close;
	turn->fn = fn;
	turn->context = context;
	uv_idle_init(&loop->uv, &turn->uv);
	turn->uv.data = &turn->owned;
	*out = turn;
	return OK;
}

void loop_turn_set(struct loop_turn *turn, bool is_on)
{
	if (is_on) {
		uv_idle_start(&turn->uv, turn_came);
	} else {
		uv_idle_stop(&turn->uv);
	}
}

void loop_turn_free(struct loop_turn *turn)
{
	if (turn != NULL) {
		turn_close(&turn->owned);
	}
}

/* ---- signals ------------------------------------------------------------------------------- */

static void signal_closed(uv_handle_t *handle)
{
	free(list_entry(handle->data, struct loop_signal, owned));
}

static void signal_close(struct loop_owned *owned)
{
	struct loop_signal *signal = list_entry(owned, struct loop_signal, owned);

	uv_close((uv_handle_t *)&signal->uv, signal_closed);
}

static void signal_came(uv_signal_t *handle, int signum)
{
	const struct loop_signal *signal = list_entry(handle->data, struct loop_signal, owned);

	(void)signum;
	signal->fn(signal->context);
}

int loop_signal(struct loop *loop, int signum, loop_timer_fn fn, void *context)
{
	struct loop_signal *signal = calloc(1, sizeof(*signal));

	if (signal == NULL) {
		return ERR_NOMEM;
	}
	signal->owned.close = signal_close;
	signal->fn = fn;
	signal->context = context;
	if (uv_signal_init(&loop->uv, &signal->uv) != 0) {
		free(signal);
		return ERR_SYSTEM;
	}
	signal->uv.data = &signal->owned;
	if (uv_signal_start(&signal->uv, signal_came, signum) != 0) {
		signal_close(&signal->owned);
		return ERR_SYSTEM;
	}
	return OK;
}

/* ---- threads ------------------------------------------------------------------------------- */

static void *thread_main(void *context)
{
	const struct thread *thread = context;

	pthread_setname_np(pthread_self(), thread->name);
	thread->fn(thread->context);
	return NULL;
}

/* All but those that a fault of the thread itself raises, which nobody could block anyway. */
static void fill_blocked(sigset_t *set)
{
	sigfillset(set);
	sigdelset(set, SIGSEGV);
	sigdelset(set, SIGBUS);
	sigdelset(set, SIGFPE);
	sigdelset(set, SIGILL);
	sigdelset(set, SIGABRT);
}

int thread_start(struct thread **out, const char *name, thread_fn fn, void *context)
{
	struct thread *thread = calloc(1, sizeof(*thread));
	sigset_t blocked;
	sigset_t before;
	int status;

	if (thread == NULL) {
		return ERR_SYSTEM;
	}
	assert(strlen(name) <= THREAD_NAME_MAX);
	memcpy(thread->name, name, strlen(name));
	thread->fn = fn;
	thread->context = context;
	fill_blocked(&blocked);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	status = pthread_create(&thread->id, NULL, thread_main, thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (status != 0) {
		free(thread);
		return ERR_SYSTEM;
	}
	*out = thread;
	return OK;
}

/* sched_setattr(2), which not every libc has: the first version of its structure. */
struct thread_schedule {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t turn_ns;
	uint64_t deadline_ns;
	uint64_t period_ns;
};

void thread_be_prompt(void)
{
	struct thread_schedule schedule = {.size = sizeof(schedule)};

	/* All but the turn is given back as it is. */
	if (syscall(SYS_sched_getattr, 0, &schedule, sizeof(schedule), 0) != 0) {
		return;
	}
	schedule.turn_ns = THREAD_PROMPT_NS;
	(void)syscall(SYS_sched_setattr, 0, &schedule, 0);
}

void thread_give_way(void)
{
	(void)sched_yield();
}

void thread_join(struct thread *thread)
{
	if (thread == NULL) {
		return;
	}
	pthread_join(thread->id, NULL);
	free(thread);
}
