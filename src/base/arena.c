/*
 * The arena: a chain of blocks, filled one after the other.
 *
 * Blocks before `now` are full, those behind it are empty and kept from before the last reset. An
 * allocation goes into `now`, else into the block behind it, else into a fresh one put in between,
 * so the same requests after a reset find the same blocks again.
 */
#include "base/arena.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ALIGNMENT _Alignof(max_align_t)
#define KEEP_FACTOR 8 /* a block of more than so many times block_size goes at reset */

struct arena_block {
	struct arena_block *next;
	size_t size; /* of data */
	_Alignas(max_align_t) uint8_t data[];
};

#ifdef WAGGLE_DEBUG
static void poison(struct arena_block *block)
{
	memset(block->data, 0xdd, block->size);
}
#else
static void poison(struct arena_block *block)
{
	(void)block;
}
#endif

void arena_init(struct arena *arena, size_t block_size)
{
	assert(block_size > 0);
	*arena = (struct arena){.block_size = block_size};
}

void arena_deinit(struct arena *arena)
{
	if (arena == NULL) {
		return;
	}
	while (arena->first != NULL) {
		struct arena_block *block = arena->first;

		arena->first = block->next;
		free(block);
	}
	arena->now = NULL;
	arena->used = 0;
}

void arena_reset(struct arena *arena)
{
	struct arena_block **link = &arena->first;

	while (*link != NULL) {
		struct arena_block *block = *link;

		poison(block);
		if (block->size / KEEP_FACTOR > arena->block_size) {
			*link = block->next;
			free(block);
		} else {
			link = &block->next;
		}
	}
	arena->now = arena->first;
	arena->used = 0;
}

/* A fresh block with room for `size`, behind `now`. */
static struct arena_block *block_add(struct arena *arena, size_t size)
{
	struct arena_block **link = arena->now == NULL ? &arena->first : &arena->now->next;
	struct arena_block *block;

	if (size < arena->block_size) {
		size = arena->block_size;
	}
	if (size > PTRDIFF_MAX - sizeof(*block)) {
		return NULL;
	}
	block = malloc(sizeof(*block) + size);
	if (block == NULL) {
		return NULL;
	}
	block->size = size;
	block->next = *link;
	*link = block;
	poison(block);
	return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	void *data;

	if (size > SIZE_MAX - ALIGNMENT) {
		return NULL;
	}
	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (arena->now == NULL || arena->now->size - arena->used < size) {
		struct arena_block *block = arena->now == NULL ? NULL : arena->now->next;

		if (block == NULL || block->size < size) {
			block = block_add(arena, size);
		}
		if (block == NULL) {
			return NULL;
		}
		arena->now = block;
		arena->used = 0;
	}
	data = arena->now->data + arena->used;
	arena->used += size;
	return data;
}

void *arena_calloc(struct arena *arena, size_t count, size_t size)
{
	size_t total;
	void *data;

	if (__builtin_mul_overflow(count, size, &total)) {
		return NULL;
	}
	data = arena_alloc(arena, total);
	if (data != NULL) {
		memset(data, 0, total);
	}
	return data;
}

void *arena_dup(struct arena *arena, const void *data, size_t size)
{
	void *copy = arena_alloc(arena, size);

	if (copy != NULL && size > 0) {
		memcpy(copy, data, size);
	}
	return copy;
}
