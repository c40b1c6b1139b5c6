/*
 * The leases' timer: time in, expiries out. Pure: no clock, no thread, no log.
 *
 * Workers renew a lease by writing the time into its cell; nothing moves here then. The timer looks
 * at the cell when the lease comes due by what it knew, and either takes up the newer time or marks
 * the cell LEASE_EXPIRING, after which a heartbeat takes the logged path. A lease so marked is out
 * of the timer until it is renewed by leases_renew() or dropped.
 * A lease that is kept over its time (registry/guard.h) has LEASE_KEPT in its cell until a heartbeat
 * comes; `back` says when it is kept no longer.
 * Time during which nobody could be heard does not count: leases_stall() moves all leases at once.
 * Thread: core.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "zone/zone.h"

#define LEASES_STALLS 32
#define LEASES_LOOKS 20000

/* When a stall was noticed, and how long all those before it were together. */
struct lease_stall {
	uint64_t at_ms;
	uint64_t before_ms;
};

/* Lease time: the clock less all stalls. */
struct lease_clock {
	uint64_t stalled_ms; /* in all */
	struct lease_stall stalls[LEASES_STALLS]; /* oldest first; those that still matter */
	size_t count;
};

/* A lease that was kept over its time is not any more: it was renewed, or goes. */
typedef void (*leases_back_fn)(void *context, struct lease *lease, bool is_renewed);

struct leases {
	leases_back_fn back; /* NULL: nobody keeps any */
	void *context;
	struct heap heap; /* by when to look; in lease time */
	size_t count; /* leases known, in the heap or not */
	uint64_t longest_ms; /* of all leases ever known */
	struct lease_clock clock;
};

void leases_init(struct leases *leases);
void leases_deinit(struct leases *leases);

/* Makes room for `count` more leases, so that adding and renewing them cannot fail. ERR_NOMEM. */
int leases_reserve(struct leases *leases, size_t count);

/* Takes up a lease with a full term from now; keeps it until it is dropped. Room is reserved. */
void leases_add(struct leases *leases, struct lease *lease, uint64_t now_ms);

/* Gives a known lease a full term from now, also one that was expiring. */
void leases_renew(struct leases *leases, struct lease *lease, uint64_t now_ms);

/* Forgets a known lease. */
void leases_drop(struct leases *leases, struct lease *lease);

/* The last `stalled_ms` do not count for leases that were renewed before now. */
void leases_stall(struct leases *leases, uint64_t stalled_ms, uint64_t now_ms);

/* Milliseconds that a lease has yet which was renewed then, as far as is known now; 0: it is over. */
uint64_t lease_left_ms(const struct lease_clock *clock, uint64_t renewed_ms, uint32_t lease_s,
		       uint64_t now_ms);

/*
 * Marks leases that ran out and hands them out, at most `room`; how many. Looks at LEASES_LOOKS of
 * them at most, so that a million that were renewed in the same second do not stop everything: call
 * again while leases_wait() is 0.
 */
size_t leases_expire(struct leases *leases, uint64_t now_ms, struct lease **out, size_t room);

/*
 * A lease that was just handed out stays though it is over: a heartbeat renews it as always, and
 * else it is handed out again after `again_ms`.
 */
void leases_keep(struct leases *leases, struct lease *lease, uint64_t now_ms, uint64_t again_ms);

/* Milliseconds until the next look is due, at most `max_ms`. */
uint64_t leases_wait(const struct leases *leases, uint64_t now_ms, uint64_t max_ms);

/* By how much the most overdue look is late. */
uint64_t leases_overdue_ms(const struct leases *leases, uint64_t now_ms);

/* By how much one is late that was due at this key of the heap. */
uint64_t leases_late_ms(const struct leases *leases, uint64_t due, uint64_t now_ms);
