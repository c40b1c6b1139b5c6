/*
 * Binary heap of intrusive items, smallest key first. The item knows its place, so that a change
 * of its key and its removal are O(log n). Thread: its owner's.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct heap_item {
	uint64_t key;
	size_t place; /* 0: in no heap; else index + 1 */
};

struct heap {
	struct heap_item **items;
	size_t count;
	size_t room;
};

void heap_init(struct heap *heap);
void heap_deinit(struct heap *heap);

/* Keeps `item` until removed. ERR_NOMEM leaves the heap as it was. */
int heap_insert(struct heap *heap, struct heap_item *item, uint64_t key);

/* Makes room for `count` items, so that as many inserts cannot fail. */
int heap_reserve(struct heap *heap, size_t count);

/* No-op for an item in no heap. */
void heap_remove(struct heap *heap, struct heap_item *item);

/* Changes the key of an item that is in the heap. */
void heap_move(struct heap *heap, struct heap_item *item, uint64_t key);

/* The item with the smallest key, or NULL. */
struct heap_item *heap_first(const struct heap *heap);
