/*
 * Arena: memory for one request, given back all at once.
 *
 * Blocks are kept over a reset, so a steady worker allocates nothing. Thread: its owner's.
 */
#pragma once

#include <stddef.h>

struct arena_block;

struct arena {
	struct arena_block *first; /* kept until deinit */
	struct arena_block *now; /* where the next allocation is tried */
	size_t used; /* bytes taken from `now` */
	size_t block_size; /* of a fresh block; a larger request gets a block of its own */
};

/* Allocates nothing yet. */
void arena_init(struct arena *arena, size_t block_size);
void arena_deinit(struct arena *arena);

/* Forgets all that was given out; keeps the blocks, but those of over eight times block_size. */
void arena_reset(struct arena *arena);

/* `size` bytes, aligned for any object, not cleared; NULL when memory is out. Valid until reset. */
void *arena_alloc(struct arena *arena, size_t size);

/* The same for `count` items of `size` bytes each, cleared; NULL also when the product overflows. */
void *arena_calloc(struct arena *arena, size_t count, size_t size);

/* A copy of `size` bytes. */
void *arena_dup(struct arena *arena, const void *data, size_t size);
