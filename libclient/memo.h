/*
 * Answers as they were put together last, by what was asked for: a resolve that finds one here is
 * a look-up and a reference. Thread: whoever holds the client's lock.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "libclient/body.h"

struct wgl_memos {
	struct map by_key;
	struct list seen; /* the longest unseen first */
	size_t count_max;
};

void wgl_memos_init(struct wgl_memos *memos, size_t count_max, uint64_t seed);
void wgl_memos_deinit(struct wgl_memos *memos);

/*
 * The body for this key, returns owned, or NULL. What is not fresh counts only while the cache
 * has not changed (`changes` of struct wgl_cache).
 */
struct wgl_body *wgl_memos_find(struct wgl_memos *memos, const void *key, size_t key_size,
				uint64_t now_ms, uint64_t changes);

/* Keeps a reference. Without memory, nothing is kept. */
void wgl_memos_put(struct wgl_memos *memos, const void *key, size_t key_size,
		   struct wgl_body *body, uint64_t changes);
