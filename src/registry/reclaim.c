/*
 * Versions in a list, oldest first. The oldest but one may give up its garbage, and the oldest
 * leave the list, as soon as nobody holds the oldest and the grace period has passed; then the
 * next, and so on: a version that is held keeps the garbage behind it. Not all of it: what was made
 * after the newest hold, and dropped again, is in no version that is held, and goes with its grace
 * period; so a snapshot that takes long keeps one copy of what changes, not one for each change.
 */
#ifndef WAGGLE_TSAN
#define _LGPL_SOURCE /* inline; ThreadSanitizer is to see our accesses, not liburcu's own */
#endif

#include "registry/reclaim.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <urcu-qsbr.h>

#include "base/err.h"
#include "base/list.h"
#include "registry/order.h"
#include "zone/zone.h"

struct version {
	struct list link;
	uint64_t number;
	struct root *root;
	unsigned holds;
	struct garbage *garbage; /* of the version before */
};

struct reclaim {
	struct list versions; /* never empty */
	size_t count;
	size_t holds; /* of all */
	uint64_t sifted; /* the newest version whose garbage was looked through for what may go */
	struct version *spare;
	bool has_readers;
	bool is_waiting; /* for a grace period */
	uint64_t waits_to; /* the newest version that it covers */
	uint64_t graced; /* the newest version with a grace period behind it */
	struct rcu_head head;
	reclaim_fn fn;
	void *context;
};

static struct version *version_at(struct list *link)
{
	return list_entry(link, struct version, link);
}

static struct version *newest(const struct reclaim *reclaim)
{
	return version_at(reclaim->versions.prev);
}

int reclaim_new(struct reclaim **out, struct root *root, reclaim_fn fn, void *context)
{
	struct reclaim *reclaim = calloc(1, sizeof(*reclaim));

	if (reclaim == NULL) {
		return ERR_NOMEM;
	}
	list_init(&reclaim->versions);
	reclaim->fn = fn;
	reclaim->context = context;
	if (reclaim_reserve(reclaim) != OK) {
		free(reclaim);
		return ERR_NOMEM;
	}
	reclaim_advance(reclaim, root, NULL);
	*out = reclaim;
	return OK;
}

void reclaim_free(struct reclaim *reclaim)
{
	struct root *root;

	if (reclaim == NULL) {
		return;
	}
	assert(!reclaim->has_readers);
	root = newest(reclaim)->root;
	while (!list_is_empty(&reclaim->versions)) {
		struct version *version = version_at(reclaim->versions.next);

		list_remove(&version->link);
		garbage_free(version->garbage);
		free(version);
	}
	root_free(root);
	free(reclaim->spare);
	free(reclaim);
}

struct root *reclaim_root(const struct reclaim *reclaim)
{
	return newest(reclaim)->root;
}

size_t reclaim_versions(const struct reclaim *reclaim)
{
	return reclaim->count;
}

/* ---- making and freeing versions ----------------------------------------------------------- */

int reclaim_reserve(struct reclaim *reclaim)
{
	if (reclaim->spare == NULL) {
		reclaim->spare = calloc(1, sizeof(*reclaim->spare));
	}
	return reclaim->spare == NULL ? ERR_NOMEM : OK;
}

void reclaim_advance(struct reclaim *reclaim, struct root *root, struct garbage *garbage)
{
	struct version *version = reclaim->spare;

	assert(version != NULL);
	reclaim->spare = NULL;
	version->number = list_is_empty(&reclaim->versions) ? 1 : newest(reclaim)->number + 1;
	version->root = root;
	version->garbage = garbage;
	list_append(&reclaim->versions, &version->link);
	reclaim->count++;
}

/* false: some of it is left. */
static bool free_oldest(struct reclaim *reclaim, struct version *oldest, struct version *next,
			size_t *left)
{
	/* Versions cost something, too. */
	*left -= *left > 0;
	if (!garbage_free_some(next->garbage, left)) {
		return false;
	}
	next->garbage = NULL;
	list_remove(&oldest->link);
	reclaim->count--;
	free(oldest);
	return true;
}

static bool is_graced(const struct reclaim *reclaim, const struct version *version)
{
	return !reclaim->has_readers || version->number <= reclaim->graced;
}

/* Behind a version that is held; true: there is more. */
static bool sift(struct reclaim *reclaim, size_t *left)
{
	struct version *version = newest(reclaim);

	while (version->number > reclaim->sifted + 1 && version->link.prev != &reclaim->versions) {
		version = version_at(version->link.prev);
	}
	for (; version->number > reclaim->sifted && is_graced(reclaim, version);
	     version = version_at(version->link.next)) {
		if (*left == 0) {
			return true;
		}
		*left -= 1;
		garbage_free_young(version->garbage, left);
		reclaim->sifted = version->number;
		if (version == newest(reclaim)) {
			break;
		}
	}
	return false;
}

static void grace_over(struct rcu_head *head)
{
	const struct reclaim *reclaim = list_entry(head, struct reclaim, head);

	order_acquire();
	reclaim->fn(reclaim->context);
}

/* call_rcu() wants to be called by a reader that is online. */
static void wait_for_grace(struct reclaim *reclaim)
{
	reclaim->is_waiting = true;
	reclaim->waits_to = newest(reclaim)->number;
	urcu_qsbr_thread_online();
	urcu_qsbr_call_rcu(&reclaim->head, grace_over);
	urcu_qsbr_thread_offline();
}

bool reclaim_collect(struct reclaim *reclaim)
{
	struct version *oldest = version_at(reclaim->versions.next);
	size_t left = reclaim->has_readers ? RECLAIM_MAX : SIZE_MAX;

	while (oldest != newest(reclaim) && oldest->holds == 0) {
		struct version *next = version_at(oldest->link.next);

		if (!is_graced(reclaim, next)) {
			break;
		}
		if (!free_oldest(reclaim, oldest, next, &left)) {
			return true;
		}
		oldest = next;
	}
	if (reclaim->has_readers && !reclaim->is_waiting &&
	    newest(reclaim)->number > reclaim->graced && oldest != newest(reclaim)) {
		wait_for_grace(reclaim);
	}
	return oldest->holds > 0 && sift(reclaim, &left);
}

bool reclaim_graced(struct reclaim *reclaim)
{
	reclaim->is_waiting = false;
	reclaim->graced = reclaim->waits_to;
	return reclaim_collect(reclaim);
}

void reclaim_start(struct reclaim *reclaim)
{
	urcu_qsbr_register_thread();
	urcu_qsbr_thread_offline();
	reclaim->has_readers = true;
}

void reclaim_stop(struct reclaim *reclaim)
{
	urcu_qsbr_barrier();
	urcu_qsbr_unregister_thread();
	reclaim->has_readers = false;
}

/* ---- holding ------------------------------------------------------------------------------- */

const struct root *reclaim_hold(struct reclaim *reclaim)
{
	newest(reclaim)->holds++;
	reclaim->holds++;
	root_hold(newest(reclaim)->root);
	return newest(reclaim)->root;
}

bool reclaim_release(struct reclaim *reclaim, const struct root *root)
{
	struct list *link = reclaim->versions.next;

	/* The root of one that nobody holds may be gone, and its place another's. */
	while (link != &reclaim->versions &&
	       (version_at(link)->holds == 0 || version_at(link)->root != root)) {
		link = link->next;
	}
	assert(link != &reclaim->versions);
	version_at(link)->holds--;
	if (--reclaim->holds == 0) {
		root_unhold(newest(reclaim)->root);
	}
	return reclaim_collect(reclaim);
}

/* ---- readers ------------------------------------------------------------------------------- */

void reader_register(void)
{
	urcu_qsbr_register_thread();
}

void reader_unregister(void)
{
	order_release();
	urcu_qsbr_unregister_thread();
}

void reader_online(void)
{
	urcu_qsbr_thread_online();
}

void reader_offline(void)
{
	order_release();
	urcu_qsbr_thread_offline();
}

void reader_synchronize(void)
{
	urcu_qsbr_synchronize_rcu();
	order_acquire();
}
