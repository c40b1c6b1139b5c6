/*
 * A skin over libuv: one loop for each thread that waits, its timers, and threads themselves.
 * Nobody else includes uv.h. Everything here belongs to the loop's thread, but what says "any".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct loop_timer;
struct loop_turn;
struct thread;

/* *out: returns owned. ERR_NOMEM, ERR_SYSTEM. */
int loop_new(struct loop **out);

/* Runs until loop_stop(). */
void loop_run(struct loop *loop);

/* Makes loop_run() return after the present round. From the loop's own thread. */
void loop_stop(struct loop *loop);

/*
 * Closes what is still open (streams, with their `closed`) and frees. Not while it runs; mailboxes
 * and timers are freed before. Takes NULL.
 */
void loop_free(struct loop *loop);

/* Milliseconds, monotonic, as of the present round. */
uint64_t loop_now_ms(const struct loop *loop);

typedef void (*loop_timer_fn)(void *context);

/* A timer, not yet set; keeps `context`. *out: returns owned. ERR_NOMEM. */
int loop_timer_new(struct loop_timer **out, struct loop *loop, loop_timer_fn fn, void *context);

/* Rings once, `delay_ms` from now; a timer that is set is set anew. */
void loop_timer_set(struct loop_timer *timer, uint64_t delay_ms);
void loop_timer_clear(struct loop_timer *timer);

/* Takes NULL. `fn` is not called any more. */
void loop_timer_free(struct loop_timer *timer);

/*
 * Work that is done in pieces: while it is on, `fn` is called once in every round, between which
 * the loop looks at everything else but waits for nothing. Keeps `context`. *out: returns owned.
 * ERR_NOMEM.
 */
int loop_turn_new(struct loop_turn **out, struct loop *loop, loop_timer_fn fn, void *context);

/* Turns it on or off; on twice does no harm. */
void loop_turn_set(struct loop_turn *turn, bool is_on);

/* Takes NULL. `fn` is not called any more. */
void loop_turn_free(struct loop_turn *turn);

/* Calls `fn` in the loop's thread when the process gets `signum`. Lives as long as the loop. */
int loop_signal(struct loop *loop, int signum, loop_timer_fn fn, void *context);

typedef void (*thread_fn)(void *context);

/*
 * Starts a thread named `name` (up to 15 characters; shown by ps -L) with all signals blocked.
 * *out: returns owned. ERR_SYSTEM.
 */
int thread_start(struct thread **out, const char *name, thread_fn fn, void *context);

/*
 * Asks the kernel to let the calling thread run soon after it is woken, also where another has the
 * processor and its turn is not over yet; turns of its own get shorter for that. What it may use in all
 * stays the same. A kernel that cannot (before 6.12), or may not, leaves things as they are.
 */
void thread_be_prompt(void);

/* Lets a thread begin that was just woken, where it waits for this one's processor. */
void thread_give_way(void);

/* Waits for its end and frees. Takes NULL. */
void thread_join(struct thread *thread);
