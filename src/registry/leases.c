/*
 * The leases' timer: a heap by when to look.
 *
 * Lease time is the clock less all stalls. A cell holds a time of the clock, written by a worker
 * that knows nothing of stalls; so the stalls are kept for as long as a lease may go back to before
 * them, and a time of the clock is turned into lease time with those stalls that had been noticed
 * by then. A heartbeat in the midst of a stall gains by that, never loses.
 */
#include "registry/leases.h"

#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"

void leases_init(struct leases *leases)
{
	*leases = (struct leases){0};
	heap_init(&leases->heap);
}

void leases_deinit(struct leases *leases)
{
	heap_deinit(&leases->heap);
}

int leases_reserve(struct leases *leases, size_t count)
{
	return heap_reserve(&leases->heap, leases->count + count);
}

/* ---- lease time ---------------------------------------------------------------------------- */

static uint64_t lease_time(const struct lease_clock *clock, uint64_t clock_ms)
{
	uint64_t stalled_ms = clock->stalled_ms;

	for (size_t i = clock->count; i > 0 && clock_ms < clock->stalls[i - 1].at_ms; i--) {
		stalled_ms = clock->stalls[i - 1].before_ms;
	}
	/* From before all stalls that are still known: due in any case. */
	return clock_ms > stalled_ms ? clock_ms - stalled_ms : 0;
}

static uint64_t due_ms(const struct leases *leases, const struct lease *lease, uint64_t renewed_ms)
{
	return lease_time(&leases->clock, renewed_ms) + (uint64_t)lease->lease_s * 1000;
}

uint64_t lease_left_ms(const struct lease_clock *clock, uint64_t renewed_ms, uint32_t lease_s,
		       uint64_t now_ms)
{
	const uint64_t due = lease_time(clock, renewed_ms) + (uint64_t)lease_s * 1000;
	const uint64_t now = now_ms - clock->stalled_ms;

	return due > now ? due - now : 0;
}

/* Forgets stalls so old that whatever was renewed before them is due in any case. */
static void prune_stalls(struct lease_clock *clock, uint64_t longest_ms, uint64_t now_ms)
{
	const uint64_t now = now_ms - clock->stalled_ms;
	struct lease_stall *stalls = clock->stalls;
	size_t count = 0;

	while (count < clock->count &&
	       stalls[count].at_ms - stalls[count].before_ms + longest_ms <= now) {
		count++;
	}
	clock->count -= count;
	memmove(stalls, stalls + count, clock->count * sizeof(stalls[0]));
}

/* Makes the shortest stall one with the next: what was renewed between them gains the first. */
static void merge_stalls(struct lease_clock *clock)
{
	struct lease_stall *stalls = clock->stalls;
	size_t best = 0;

	for (size_t i = 1; i + 1 < clock->count; i++) {
		if (stalls[i + 1].before_ms - stalls[i].before_ms <
		    stalls[best + 1].before_ms - stalls[best].before_ms) {
			best = i;
		}
	}
	stalls[best + 1].before_ms = stalls[best].before_ms;
	clock->count--;
	memmove(stalls + best, stalls + best + 1, (clock->count - best) * sizeof(stalls[0]));
}

void leases_stall(struct leases *leases, uint64_t stalled_ms, uint64_t now_ms)
{
	struct lease_clock *clock = &leases->clock;

	/* As it was when the stall began: during it nothing came due. */
	prune_stalls(clock, leases->longest_ms, now_ms - stalled_ms);
	if (clock->count == LEASES_STALLS) {
		merge_stalls(clock);
	}
	clock->stalls[clock->count++] =
		(struct lease_stall){.at_ms = now_ms, .before_ms = clock->stalled_ms};
	clock->stalled_ms += stalled_ms;
}

/* ---- leases -------------------------------------------------------------------------------- */

static struct lease *lease_of(struct heap_item *item)
{
	return list_entry(item, struct lease, due);
}

void leases_add(struct leases *leases, struct lease *lease, uint64_t now_ms)
{
	leases->count++;
	leases_renew(leases, lease, now_ms);
}

/* It is not kept over its time any more. */
static void unkeep(struct leases *leases, struct lease *lease, bool is_renewed)
{
	if (lease->is_kept) {
		lease->is_kept = false;
		if (leases->back != NULL) {
			leases->back(leases->context, lease, is_renewed);
		}
	}
}

/* Puts it, in the heap or not, where it is looked at then. Room is reserved. */
static void look_at(struct leases *leases, struct lease *lease, uint64_t due)
{
	int ret = OK;

	if (lease->due.place > 0) {
		heap_move(&leases->heap, &lease->due, due);
	} else {
		ret = heap_insert(&leases->heap, &lease->due, due);
	}
	assert(ret == OK);
	(void)ret;
}

void leases_renew(struct leases *leases, struct lease *lease, uint64_t now_ms)
{
	const uint64_t lease_ms = (uint64_t)lease->lease_s * 1000;

	if (lease_ms > leases->longest_ms) {
		leases->longest_ms = lease_ms;
	}
	atomic_store_explicit(&lease->renewed_ms, now_ms, memory_order_relaxed);
	unkeep(leases, lease, true);
	look_at(leases, lease, due_ms(leases, lease, now_ms));
}

void leases_keep(struct leases *leases, struct lease *lease, uint64_t now_ms, uint64_t again_ms)
{
	assert(lease->due.place == 0);
	lease->is_kept = true;
	atomic_store_explicit(&lease->renewed_ms, LEASE_KEPT, memory_order_relaxed);
	look_at(leases, lease, now_ms - leases->clock.stalled_ms + again_ms);
}

void leases_drop(struct leases *leases, struct lease *lease)
{
	unkeep(leases, lease, false);
	heap_remove(&leases->heap, &lease->due);
	assert(leases->count > 0);
	leases->count--;
}

/* Looks at one lease that is due by what was known. Has it run out? */
static bool look(struct leases *leases, struct lease *lease, uint64_t now)
{
	uint64_t seen = atomic_load_explicit(&lease->renewed_ms, memory_order_relaxed);

	do {
		const uint64_t due = due_ms(leases, lease, seen);

		if (seen != LEASE_KEPT && due > now) {
			unkeep(leases, lease, true);
			heap_move(&leases->heap, &lease->due, due);
			return false;
		}
	} while (!atomic_compare_exchange_weak(&lease->renewed_ms, &seen, LEASE_EXPIRING));
	heap_remove(&leases->heap, &lease->due);
	return true;
}

size_t leases_expire(struct leases *leases, uint64_t now_ms, struct lease **out, size_t room)
{
	const uint64_t now = now_ms - leases->clock.stalled_ms;
	size_t count = 0;

	for (size_t looks = 0; count < room && looks < LEASES_LOOKS; looks++) {
		struct heap_item *item = heap_first(&leases->heap);

		if (item == NULL || item->key > now) {
			break;
		}
		if (look(leases, lease_of(item), now)) {
			out[count++] = lease_of(item);
		}
	}
	return count;
}

uint64_t leases_wait(const struct leases *leases, uint64_t now_ms, uint64_t max_ms)
{
	const uint64_t now = now_ms - leases->clock.stalled_ms;
	const struct heap_item *item = heap_first(&leases->heap);

	if (item == NULL || item->key > now + max_ms) {
		return max_ms;
	}
	return item->key > now ? item->key - now : 0;
}

uint64_t leases_late_ms(const struct leases *leases, uint64_t due, uint64_t now_ms)
{
	const uint64_t now = now_ms - leases->clock.stalled_ms;

	return due >= now ? 0 : now - due;
}

uint64_t leases_overdue_ms(const struct leases *leases, uint64_t now_ms)
{
	const struct heap_item *item = heap_first(&leases->heap);

	return item == NULL ? 0 : leases_late_ms(leases, item->key, now_ms);
}
