/*
 * The cache is made of two containers: a map for finding, and a list in the order of last use for
 * evicting. An entry is one allocation; the key stands in it, type before name, folded.
 */
#include "libclient/cache.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define TYPE_SIZE 2
#define KEY_MAX (TYPE_SIZE + DNS_NAME_MAX)
#define SLOT_SIZE 64 /* octets that an entry costs in the map, about */
#define NEGATIVE_MAX_S 3600 /* RFC 2308 section 5: hours at most; ours: one */

static size_t make_key(uint8_t key[KEY_MAX], const uint8_t *name, uint16_t type)
{
	key[0] = (uint8_t)(type >> 8);
	key[1] = (uint8_t)type;
	return TYPE_SIZE + dns_name_fold(key + TYPE_SIZE, name);
}

static size_t cost(const struct wgl_rrset *set)
{
	return sizeof(*set) + SLOT_SIZE + TYPE_SIZE + 2u * set->name_size + set->size +
	       (set->failure == NULL ? 0 : sizeof(*set->failure));
}

void wgl_cache_init(struct wgl_cache *cache, size_t size_max, uint32_t max_ttl_s,
		    uint32_t max_stale_s, uint64_t seed)
{
	*cache = (struct wgl_cache){
		.size_max = size_max, .max_ttl_s = max_ttl_s, .max_stale_s = max_stale_s};
	map_init(&cache->sets, seed);
	list_init(&cache->seen);
}

static void release(struct wgl_rrset *set)
{
	free(set->failure);
	free(set);
}

/* Lets an entry go that is in the map no more. */
static void forget(struct wgl_cache *cache, struct wgl_rrset *set)
{
	list_remove(&set->link);
	cache->size -= cost(set);
	release(set);
}

static void drop(struct wgl_cache *cache, struct wgl_rrset *set)
{
	map_remove(&cache->sets, set->key, TYPE_SIZE + (size_t)set->name_size);
	forget(cache, set);
}

static struct wgl_rrset *oldest(struct wgl_cache *cache)
{
	return list_entry(cache->seen.next, struct wgl_rrset, link);
}

void wgl_cache_deinit(struct wgl_cache *cache)
{
	while (!list_is_empty(&cache->seen)) {
		drop(cache, oldest(cache));
	}
	map_deinit(&cache->sets);
}

static void evict(struct wgl_cache *cache)
{
	while (cache->size > cache->size_max) {
		drop(cache, oldest(cache));
	}
}

static struct wgl_rrset *look_up(struct wgl_cache *cache, const uint8_t *name, uint16_t type)
{
	uint8_t key[KEY_MAX];
	const size_t size = make_key(key, name, type);

	return map_get(&cache->sets, key, size);
}

static bool is_usable(const struct wgl_rrset *set, uint64_t now_ms)
{
	return (set->known != WGL_UNKNOWN && now_ms < set->keep_ms) || now_ms < set->hold_ms;
}

/* The entry, if it is of any use yet. */
static struct wgl_rrset *use(struct wgl_cache *cache, struct wgl_rrset *set, uint64_t now_ms)
{
	if (set == NULL) {
		return NULL;
	}
	if (!is_usable(set, now_ms)) {
		drop(cache, set);
		return NULL;
	}
	if (now_ms >= set->keep_ms) {
		set->known = WGL_UNKNOWN;
	}
	list_remove(&set->link);
	list_append(&cache->seen, &set->link);
	return set;
}

struct wgl_found wgl_cache_find(struct wgl_cache *cache, const uint8_t *name, uint16_t type,
				uint64_t now_ms)
{
	const struct wgl_rrset *gone = use(cache, look_up(cache, name, 0), now_ms);
	const struct wgl_rrset *set = use(cache, look_up(cache, name, type), now_ms);
	struct wgl_found found = {.set = set};

	if (set != NULL) {
		found.is_held = now_ms < set->hold_ms;
		found.hold_ms = set->hold_ms;
		found.fail_number = set->fail_number;
		found.failure = found.is_held ? set->failure : NULL;
		found.set = set->known == WGL_UNKNOWN ? NULL : set;
	}
	/* The younger word counts: a name may have come back, or gone, since the other. */
	if (gone != NULL && gone->known == WGL_NXDOMAIN &&
	    (found.set == NULL || gone->said_ms > found.set->said_ms)) {
		found.set = gone;
		if (gone->hold_ms > found.hold_ms) {
			found.hold_ms = gone->hold_ms;
			found.fail_number = gone->fail_number;
		}
		found.is_held = now_ms < found.hold_ms;
	}
	return found;
}

const uint8_t *wgl_rrset_name(const struct wgl_rrset *set)
{
	return set->key + TYPE_SIZE + set->name_size;
}

const uint8_t *wgl_rrset_next(const struct wgl_rrset *set, size_t *at, uint16_t *size)
{
	const uint8_t *record = set->records + *at;

	if (*at >= set->size) {
		return NULL;
	}
	*size = (uint16_t)(record[0] << 8 | record[1]);
	*at += 2u + *size;
	return record + 2;
}

/* An entry with room for `size` octets of records; not yet in the cache. */
static struct wgl_rrset *make(const uint8_t *name, uint16_t type, size_t size)
{
	const size_t name_size = dns_name_size(name);
	struct wgl_rrset *set = malloc(sizeof(*set) + TYPE_SIZE + 2 * name_size + size);

	if (set == NULL) {
		return NULL;
	}
	*set = (struct wgl_rrset){.type = type, .name_size = (uint8_t)name_size, .size = size};
	make_key(set->key, name, type);
	memcpy(set->key + TYPE_SIZE + name_size, name, name_size);
	set->records = set->key + TYPE_SIZE + 2 * name_size;
	return set;
}

/* Takes `set`, in place of the entry with its key. */
static int insert(struct wgl_cache *cache, struct wgl_rrset *set)
{
	const size_t key_size = TYPE_SIZE + (size_t)set->name_size;
	struct wgl_rrset *old = map_get(&cache->sets, set->key, key_size);

	if (map_put(&cache->sets, set->key, key_size, set) != OK) {
		release(set);
		return WAGGLE_ERR_NOMEM;
	}
	if (old != NULL) {
		forget(cache, old);
	}
	list_append(&cache->seen, &set->link);
	cache->size += cost(set);
	set->said_number = ++cache->changes;
	return WAGGLE_OK;
}

int wgl_cache_put(struct wgl_cache *cache, const struct wgl_news *news, uint64_t said_ms,
		  uint64_t now_ms)
{
	const bool is_negative = news->known != WGL_RECORDS;
	const uint16_t type = news->known == WGL_NXDOMAIN ? 0 : news->type;
	uint32_t ttl_s = news->ttl_s < cache->max_ttl_s ? news->ttl_s : cache->max_ttl_s;
	struct wgl_rrset *set;
	int ret;

	assert(news->known != WGL_UNKNOWN && said_ms <= now_ms);
	if (is_negative && ttl_s > NEGATIVE_MAX_S) {
		ttl_s = NEGATIVE_MAX_S;
	}
	set = make(news->name, type, news->size);
	if (set == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	set->known = news->known;
	set->count = news->count;
	set->is_from_snapshot = news->is_from_snapshot;
	set->is_stale = news->is_stale;
	set->is_whole = news->is_whole;
	set->is_direct = news->is_direct;
	set->said_ms = said_ms;
	set->ttl_s = ttl_s;
	/* What a snapshot or a stale server says is no reason not to ask. */
	set->fresh_ms = news->is_from_snapshot || news->is_stale ? said_ms
								 : said_ms + ttl_s * 1000ull;
	set->hold_ms = news->is_stale ? said_ms + ttl_s * 1000ull : 0;
	set->keep_ms = said_ms + (ttl_s + (uint64_t)cache->max_stale_s) * 1000;
	if (news->size > 0) {
		memcpy(set->records, news->records, news->size);
	}
	ret = insert(cache, set);
	if (ret == WAGGLE_OK) {
		cache->puts++;
		evict(cache);
	}
	return ret;
}

void wgl_cache_fail(struct wgl_cache *cache, const uint8_t *name, uint16_t type, uint64_t hold_ms,
		    const struct waggle_error *failure)
{
	struct waggle_error *copy = malloc(sizeof(*copy));
	struct wgl_rrset *set = look_up(cache, name, type);

	if (set == NULL) {
		set = make(name, type, 0);
		if (set == NULL || insert(cache, set) != WAGGLE_OK) {
			free(copy);
			return;
		}
	}
	cache->size -= cost(set);
	free(set->failure);
	set->failure = copy;
	if (copy != NULL) {
		*copy = *failure;
	}
	set->hold_ms = hold_ms;
	set->fail_number = ++cache->changes;
	cache->size += cost(set);
	evict(cache);
}

void wgl_cache_sweep(struct wgl_cache *cache, uint64_t now_ms)
{
	struct list *link = cache->seen.next;

	while (link != &cache->seen) {
		struct wgl_rrset *set = list_entry(link, struct wgl_rrset, link);

		link = link->next;
		if (!is_usable(set, now_ms)) {
			drop(cache, set);
		}
	}
}
