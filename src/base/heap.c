/*
 * The heap: an array of pointers; the parent of index i is at (i - 1) / 2. Items move towards the
 * root (rise) or away from it (sink) by shifting a hole, so each step writes one pointer.
 */
#include "base/heap.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"

#define FIRST_ROOM 16

void heap_init(struct heap *heap)
{
	*heap = (struct heap){0};
}

void heap_deinit(struct heap *heap)
{
	if (heap == NULL) {
		return;
	}
	for (size_t i = 0; i < heap->count; i++) {
		heap->items[i]->place = 0;
	}
	free(heap->items);
	heap_init(heap);
}

int heap_reserve(struct heap *heap, size_t count)
{
	struct heap_item **items;
	size_t room = heap->room == 0 ? FIRST_ROOM : heap->room;

	if (count <= heap->room) {
		return OK;
	}
	while (room < count && room <= SIZE_MAX / 2) {
		room *= 2;
	}
	if (room < count || room > SIZE_MAX / sizeof(struct heap_item *)) {
		return ERR_NOMEM;
	}
	items = realloc(heap->items, room * sizeof(struct heap_item *));
	if (items == NULL) {
		return ERR_NOMEM;
	}
	heap->items = items;
	heap->room = room;
	return OK;
}

static void set(struct heap *heap, size_t index, struct heap_item *item)
{
	heap->items[index] = item;
	item->place = index + 1;
}

/* Puts `item` at the free `index` or nearer to the root. */
static void rise(struct heap *heap, size_t index, struct heap_item *item)
{
	while (index > 0) {
		const size_t parent = (index - 1) / 2;

		if (heap->items[parent]->key <= item->key) {
			break;
		}
		set(heap, index, heap->items[parent]);
		index = parent;
	}
	set(heap, index, item);
}

/* Puts `item` at the free `index` or further from the root. */
static void sink(struct heap *heap, size_t index, struct heap_item *item)
{
	for (;;) {
		size_t child = index * 2 + 1;

		if (child + 1 < heap->count &&
		    heap->items[child + 1]->key < heap->items[child]->key) {
			child++;
		}
		if (child >= heap->count || heap->items[child]->key >= item->key) {
			break;
		}
		set(heap, index, heap->items[child]);
		index = child;
	}
	set(heap, index, item);
}

/* Puts `item` where its key belongs, starting from the free `index`. */
static void settle(struct heap *heap, size_t index, struct heap_item *item)
{
	if (index > 0 && heap->items[(index - 1) / 2]->key > item->key) {
		rise(heap, index, item);
	} else {
		sink(heap, index, item);
	}
}

int heap_insert(struct heap *heap, struct heap_item *item, uint64_t key)
{
	assert(item->place == 0);
	if (heap->count == heap->room) {
		const int ret = heap_reserve(heap, heap->count + 1);

		if (ret != OK) {
			return ret;
		}
	}
	item->key = key;
	rise(heap, heap->count++, item);
	return OK;
}

void heap_remove(struct heap *heap, struct heap_item *item)
{
	size_t index;
	struct heap_item *last;

	if (item->place == 0) {
		return;
	}
	index = item->place - 1;
	assert(index < heap->count && heap->items[index] == item);
	last = heap->items[--heap->count];
	item->place = 0;
	if (last != item) {
		settle(heap, index, last);
	}
}

void heap_move(struct heap *heap, struct heap_item *item, uint64_t key)
{
	assert(item->place > 0 && item->place <= heap->count);
	assert(heap->items[item->place - 1] == item);
	item->key = key;
	settle(heap, item->place - 1, item);
}

struct heap_item *heap_first(const struct heap *heap)
{
	return heap->count == 0 ? NULL : heap->items[0];
}
