/*
 * A region of 1 MiB from malloc() is cut into slabs of 16 KiB, each at a multiple of its size, so
 * that an object's address leads to its slab. A slab is empty (any class may take it), partial (in
 * its class's list) or full (in no list).
 */
#include "zone/slab.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"

#define SLAB_SIZE ((size_t)16 * 1024)
#define REGION_SLABS 64

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define OBJECT_MAX 0
#else
#define OBJECT_MAX SLAB_OBJECT_MAX
#endif

struct free_object {
	struct free_object *next;
};

struct slab {
	struct list link;
	struct free_object *free;
	uint32_t fresh; /* offset of what was never given out */
	uint16_t used;
	uint8_t class_of;
};

struct region {
	struct region *next;
};

struct slabs {
	struct region *regions;
	uintptr_t fresh; /* what was never cut, of the newest region */
	size_t fresh_count; /* slabs */
	struct list empty;
	struct list partial[SLAB_CLASSES];
	size_t count;
};

uint8_t slab_class(size_t size)
{
	return size > OBJECT_MAX ? 0 : (uint8_t)((size + SLAB_GRAIN - 1) / SLAB_GRAIN);
}

static struct slab *slab_at(struct list *link)
{
	return list_entry(link, struct slab, link);
}

int slabs_new(struct slabs **out)
{
	struct slabs *slabs = calloc(1, sizeof(*slabs));

	if (slabs == NULL) {
		return ERR_NOMEM;
	}
	list_init(&slabs->empty);
	for (size_t i = 0; i < SLAB_CLASSES; i++) {
		list_init(&slabs->partial[i]);
	}
	*out = slabs;
	return OK;
}

void slabs_free(struct slabs *slabs)
{
	if (slabs == NULL) {
		return;
	}
	assert(slabs->count == 0);
	while (slabs->regions != NULL) {
		struct region *next = slabs->regions->next;
		free(slabs->regions);
		slabs->regions = next;
	}
	free(slabs);
}

size_t slabs_count(const struct slabs *slabs)
{
	return slabs->count;
}

/* ---- slabs ------------------------------------------------------------------------------- */

/* An empty slab, in no list; NULL: none left. */
static struct slab *empty_slab(struct slabs *slabs)
{
	if (!list_is_empty(&slabs->empty)) {
		struct slab *slab = slab_at(slabs->empty.next);
		list_remove(&slab->link);
		return slab;
	}
	if (slabs->fresh_count == 0) {
		const size_t size = sizeof(struct region) + (REGION_SLABS + 1) * SLAB_SIZE;
		struct region *region = malloc(size);
		if (region == NULL) {
			return NULL;
		}
		region->next = slabs->regions;
		slabs->regions = region;
		slabs->fresh = ((uintptr_t)(region + 1) + SLAB_SIZE - 1) / SLAB_SIZE * SLAB_SIZE;
		slabs->fresh_count = REGION_SLABS;
	}
	struct slab *slab = (struct slab *)slabs->fresh;
	slabs->fresh += SLAB_SIZE;
	slabs->fresh_count--;
	return slab;
}

/* A slab of the class that has room; NULL: none left. */
static struct slab *with_room(struct slabs *slabs, uint8_t class_of)
{
	struct list *partial = &slabs->partial[class_of];

	if (!list_is_empty(partial)) {
		return slab_at(partial->next);
	}
	struct slab *slab = empty_slab(slabs);
	if (slab != NULL) {
		*slab = (struct slab){.class_of = class_of, .fresh = sizeof(struct slab)};
		list_append(partial, &slab->link);
	}
	return slab;
}

static bool is_full(const struct slab *slab)
{
	return slab->free == NULL && slab->fresh + slab_size(slab->class_of) > SLAB_SIZE;
}

void *slabs_alloc(struct slabs *slabs, size_t size, uint8_t *class_of)
{
	*class_of = slab_class(size);
	if (*class_of == 0) {
		void *large = calloc(1, size);
		slabs->count += large != NULL;
		return large;
	}
	struct slab *slab = with_room(slabs, *class_of);
	if (slab == NULL) {
		return NULL;
	}
	void *object = slab->free;
	if (object != NULL) {
		slab->free = slab->free->next;
	} else {
		object = (char *)slab + slab->fresh;
		slab->fresh += (uint32_t)slab_size(*class_of);
	}
	slab->used++;
	if (is_full(slab)) {
		list_remove(&slab->link);
	}
	slabs->count++;
	return memset(object, 0, slab_size(*class_of));
}

void slabs_release(struct slabs *slabs, void *object, uint8_t class_of)
{
	slabs->count--;
	if (class_of == 0) {
		free(object);
		return;
	}
	struct slab *slab = (struct slab *)((uintptr_t)object / SLAB_SIZE * SLAB_SIZE);
	struct free_object *released = object;
	assert(slab->class_of == class_of && slab->used > 0);
	if (is_full(slab)) {
		list_append(&slabs->partial[class_of], &slab->link);
	}
	released->next = slab->free;
	slab->free = released;
	if (--slab->used == 0) {
		list_remove(&slab->link);
		list_append(&slabs->empty, &slab->link);
	}
}
