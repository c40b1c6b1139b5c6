/*
 * The map: linear probing over a power of two of slots, at most three quarters of them taken.
 *
 * A removed slot stays as a gravestone, so that probing goes on over it, until it is reused or the
 * table is made anew. The hash folds 128-bit products (eight octets a step) with a factor that
 * strangers do not know.
 */
#include "base/map.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define FIRST_ROOM 16

struct map_slot {
	const void *key;
	size_t key_size;
	uint64_t hash;
	void *value; /* NULL: free, or dead when `key` is &grave */
};

static const char grave;

static uint64_t fold_product(uint64_t one, uint64_t other)
{
	const unsigned __int128 product = (unsigned __int128)one * other;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t map_hash(uint64_t seed, const void *octets, size_t size)
{
	const uint8_t *data = octets;
	const uint64_t factor = (seed ^ 0x9e3779b97f4a7c15u) | 1;
	uint64_t hash = fold_product(seed ^ 0xd1b54a32d192ed03u, factor ^ size << 1);
	uint64_t word;

	for (; size >= sizeof(word); size -= sizeof(word), data += sizeof(word)) {
		memcpy(&word, data, sizeof(word));
		hash = fold_product(hash ^ word, factor);
	}
	word = 0;
	if (size > 0) {
		memcpy(&word, data, size);
	}
	return fold_product(hash ^ word, factor);
}

void map_init(struct map *map, uint64_t seed)
{
	*map = (struct map){.seed = seed};
}

void map_deinit(struct map *map)
{
	if (map == NULL) {
		return;
	}
	free(map->slots);
	map_init(map, map->seed);
}

static bool is_dead(const struct map_slot *slot)
{
	return slot->value == NULL && slot->key == &grave;
}

/* The slot of the key; else the one where it belongs, or NULL when there are no slots. */
static struct map_slot *find(const struct map *map, const void *key, size_t key_size, uint64_t hash)
{
	struct map_slot *first_dead = NULL;

	if (map->room == 0) {
		return NULL;
	}
	for (size_t at = hash & (map->room - 1);; at = (at + 1) & (map->room - 1)) {
		struct map_slot *slot = &map->slots[at];

		if (is_dead(slot)) {
			first_dead = first_dead == NULL ? slot : first_dead;
		} else if (slot->value == NULL) {
			return first_dead == NULL ? slot : first_dead;
		} else if (slot->hash == hash && slot->key_size == key_size &&
			   (key_size == 0 || memcmp(slot->key, key, key_size) == 0)) {
			return slot;
		}
	}
}

void *map_get(const struct map *map, const void *key, size_t key_size)
{
	struct map_slot *slot;

	if (map->count == 0) {
		return NULL;
	}
	slot = find(map, key, key_size, map_hash(map->seed, key, key_size));
	return slot->value;
}

/* A fresh table, half full at most after one more key. */
static int rebuild(struct map *map)
{
	struct map fresh = {.count = map->count, .seed = map->seed, .room = FIRST_ROOM};

	while (fresh.room / 2 < map->count + 1) {
		fresh.room *= 2;
	}
	fresh.slots = calloc(fresh.room, sizeof(*fresh.slots));
	if (fresh.slots == NULL) {
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < map->room; i++) {
		const struct map_slot *slot = &map->slots[i];

		if (slot->value != NULL) {
			*find(&fresh, slot->key, slot->key_size, slot->hash) = *slot;
		}
	}
	free(map->slots);
	*map = fresh;
	return OK;
}

int map_put(struct map *map, const void *key, size_t key_size, void *value)
{
	const uint64_t hash = map_hash(map->seed, key, key_size);
	struct map_slot *slot = find(map, key, key_size, hash);

	assert(value != NULL);
	if (slot == NULL || slot->value == NULL) {
		if ((map->count + map->dead + 1) > map->room / 4 * 3) {
			const int ret = rebuild(map);

			if (ret != OK) {
				return ret;
			}
			slot = find(map, key, key_size, hash);
		}
		map->dead -= is_dead(slot) ? 1 : 0;
		map->count++;
	}
	*slot = (struct map_slot){.key = key, .key_size = key_size, .hash = hash, .value = value};
	return OK;
}

void *map_remove(struct map *map, const void *key, size_t key_size)
{
	struct map_slot *slot;
	void *value;

	if (map->count == 0) {
		return NULL;
	}
	slot = find(map, key, key_size, map_hash(map->seed, key, key_size));
	value = slot->value;
	if (value != NULL) {
		*slot = (struct map_slot){.key = &grave};
		map->count--;
		map->dead++;
	}
	return value;
}

void *map_next(const struct map *map, size_t *at)
{
	while (*at < map->room) {
		void *value = map->slots[(*at)++].value;

		if (value != NULL) {
			return value;
		}
	}
	return NULL;
}
