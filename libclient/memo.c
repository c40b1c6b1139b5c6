/* Memos: a map and a list in the order of last use, as the cache has it. */
#include "libclient/memo.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

struct memo {
	struct list link;
	struct wgl_body *body;
	uint64_t changes; /* of the cache, when it was put together */
	size_t key_size;
	uint8_t key[];
};

void wgl_memos_init(struct wgl_memos *memos, size_t count_max, uint64_t seed)
{
	memos->count_max = count_max;
	map_init(&memos->by_key, seed);
	list_init(&memos->seen);
}

static void release(struct memo *memo)
{
	list_remove(&memo->link);
	wgl_body_unref(memo->body);
	free(memo);
}

static void drop(struct wgl_memos *memos, struct memo *memo)
{
	map_remove(&memos->by_key, memo->key, memo->key_size);
	release(memo);
}

void wgl_memos_deinit(struct wgl_memos *memos)
{
	while (!list_is_empty(&memos->seen)) {
		drop(memos, list_entry(memos->seen.next, struct memo, link));
	}
	map_deinit(&memos->by_key);
}

struct wgl_body *wgl_memos_find(struct wgl_memos *memos, const void *key, size_t key_size,
				uint64_t now_ms, uint64_t changes)
{
	struct memo *memo = map_get(&memos->by_key, key, key_size);
	const struct wgl_quality *quality;

	if (memo == NULL) {
		return NULL;
	}
	quality = wgl_body_quality(memo->body);
	if (now_ms >= quality->until_ms ||
	    (quality->mark != WAGGLE_FRESH && memo->changes != changes)) {
		drop(memos, memo);
		return NULL;
	}
	list_remove(&memo->link);
	list_append(&memos->seen, &memo->link);
	return wgl_body_ref(memo->body);
}

void wgl_memos_put(struct wgl_memos *memos, const void *key, size_t key_size, struct wgl_body *body,
		   uint64_t changes)
{
	struct memo *old = map_get(&memos->by_key, key, key_size);
	struct memo *memo = malloc(sizeof(*memo) + key_size);

	if (memo == NULL) {
		return;
	}
	memo->changes = changes;
	memo->key_size = key_size;
	memcpy(memo->key, key, key_size);
	if (map_put(&memos->by_key, memo->key, key_size, memo) != OK) {
		free(memo);
		return;
	}
	memo->body = wgl_body_ref(body);
	list_append(&memos->seen, &memo->link);
	if (old != NULL) {
		release(old);
	} else if (memos->by_key.count > memos->count_max) {
		drop(memos, list_entry(memos->seen.next, struct memo, link));
	}
}
