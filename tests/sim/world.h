/*
 * The world as a simulation has it: one thread plays all threads, and a seed says whose turn it is.
 *
 * world.c is linked instead of base/clock.c, base/log.c, loop/loop.c, loop/mailbox.c, loop/call.c and
 * liburcu's grace periods, so the core, its timer and store/ram.c run unchanged, a turn at a time: a thread
 * is its loop, a turn is one mailbox handed over, one timer that rings, or one grace period that
 * ends. Who waits for a call lets the others have their turns meanwhile.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A new world, at a time drawn from the seed. The one before has been left empty. */
void world_begin(uint64_t seed);

/* Nothing is left of it: loops, mailboxes, timers, grace periods. */
bool world_is_empty(void);

uint64_t world_now_ms(void);

/* Time passes, and nobody has a turn: a process that was stopped. */
void world_jump(uint64_t ms);

/* Time passes; timers ring when they are due, beside others' turns. `each` comes after each turn. */
void world_pass(uint64_t ms, void (*each)(void));

/* One turn of somebody; false: nobody has anything to do now. */
bool world_turn(void);

/* Turns until nobody has anything to do. */
void world_settle(void);

/* While somebody reads, no grace period ends. */
void world_read(bool is_reading);
