/*
 * Hash map from octets to a pointer; open addressing, keys borrowed. For tables that one thread
 * owns; the registry's own state is in zone/pmap.h. Thread: its owner's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct map_slot;

struct map {
	struct map_slot *slots;
	size_t count;
	size_t room; /* slots; a power of two, or 0 */
	size_t dead; /* removed slots not yet reused */
	uint64_t seed;
};

/* The hash that a map of this seed has of the octets: for who keeps a table of another form. */
uint64_t map_hash(uint64_t seed, const void *octets, size_t size);

/* `seed` should be random where the keys come from outside. */
void map_init(struct map *map, uint64_t seed);
void map_deinit(struct map *map);

/* The value, or NULL. */
void *map_get(const struct map *map, const void *key, size_t key_size);

/*
 * Sets the value (not NULL) of a key, replacing one that is there; keeps `key` until it is removed
 * or replaced. ERR_NOMEM leaves the map as it was.
 */
int map_put(struct map *map, const void *key, size_t key_size, void *value);

/* Removes; the value that was there, or NULL. */
void *map_remove(struct map *map, const void *key, size_t key_size);

/* Iterates: start with *at = 0; the next value or NULL at the end. No changes in between. */
void *map_next(const struct map *map, size_t *at);
