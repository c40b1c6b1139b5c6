/*
 * Versions of the root, and when what they held may be freed. The only file of the house that
 * speaks liburcu (QSBR flavour).
 *
 * The commit that makes a version brings the garbage of the one before it. It is freed when no
 * older version is held by count (core_hold) and a grace period that began after the new one was
 * published has passed. One grace period is waited for at a time; it covers all that was published
 * before it began. Thread: core, but the reader_ functions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct garbage;
struct reclaim;
struct root;

/* A grace period is over; on liburcu's thread: only posts, to who calls reclaim_graced(). */
typedef void (*reclaim_fn)(void *context);

/* Takes `root`, the first version, unless there is an error. *out: returns owned. ERR_NOMEM. */
int reclaim_new(struct reclaim **out, struct root *root, reclaim_fn fn, void *context);

/* Frees the present root and all garbage. There are no readers. Takes NULL. */
void reclaim_free(struct reclaim *reclaim);

/*
 * From now on, and until the stop, there are readers. On the thread that collects; the stop waits
 * until `fn` is not called any more.
 */
void reclaim_start(struct reclaim *reclaim);
void reclaim_stop(struct reclaim *reclaim);

/* The newest version. */
struct root *reclaim_root(const struct reclaim *reclaim);

/* Makes sure that the next reclaim_advance() cannot fail. ERR_NOMEM. */
int reclaim_reserve(struct reclaim *reclaim);

/* A new version, with the garbage of the one before. Takes both. */
void reclaim_advance(struct reclaim *reclaim, struct root *root, struct garbage *garbage);

/*
 * Frees what can be freed and sees to it that the rest will be. After publishing. With readers about
 * RECLAIM_MAX objects at a time, or a version that was held for long would hold up the core when it
 * goes; true: there is more, call again soon.
 */
#define RECLAIM_MAX 20000
bool reclaim_collect(struct reclaim *reclaim);

/* What `fn` announced, back on the core's thread. As reclaim_collect(). */
bool reclaim_graced(struct reclaim *reclaim);

/* Counts one more, or one less, who holds a version: hold gives the newest. As reclaim_collect(). */
const struct root *reclaim_hold(struct reclaim *reclaim);
bool reclaim_release(struct reclaim *reclaim, const struct root *root);

/* Versions that are not freed yet, the newest counted. */
size_t reclaim_versions(const struct reclaim *reclaim);

/*
 * Readers. A thread that loads the published root registers, is then online, and is offline where it
 * holds nothing of a root: around every call that may block. Thread: any.
 */
void reader_register(void);
void reader_unregister(void);
void reader_online(void);
void reader_offline(void);

/*
 * Waits until every reader that is online now has been offline: what was unpublished before
 * is in nobody's hands. Thread: any that is no reader.
 */
void reader_synchronize(void);
