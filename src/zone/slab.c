/*
 * A region is cut into slabs of 16 KiB, each at a multiple of its size, so that an object's address
 * leads to its slab. The first regions are 1 MiB from malloc(); a large registry gets them from
 * pages.h, where memory is there before it is touched. A slab is empty (any class may take it), partial (in
 * its class's list) or full (in no list). What was released last serves first, as the processor still
 * has it at hand.
 *
 * Eras tell what is younger than a hold. A slab is of the era in which it was taken last, and the hold
 * has the number of the era in which it came; a little later a new one begins. In it objects come from
 * its own slabs only, of which those with room are in lists apart until the hold is over.
 */
#include "zone/slab.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/list.h"
#include "loop/ahead.h"
#include "zone/pages.h"

#define SLAB_SIZE ((size_t)16 * 1024)
#define REGION_SLABS 64
#define PAGED_SLABS (PAGES_GRAIN / SLAB_SIZE)
#define SMALL_REGIONS 8 /* from malloc() */
#define PAGES_AHEAD 12

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
	uint64_t era;
	uint32_t fresh; /* offset of what was never given out */
	uint16_t used;
	uint8_t class_of;
};

struct region {
	struct region *next;
	char *first; /* its slabs */
	size_t count;
	void *pages; /* NULL: it came with this */
};

struct slabs {
	struct region *regions;
	size_t region_count;
	size_t cut; /* slabs of the newest region that were in use once */
	bool is_growing; /* much is to come */
	struct ahead *ahead; /* pages for then; NULL: none yet */
	struct list empty;
	struct list partial[SLAB_CLASSES];
	struct list apart[SLAB_CLASSES]; /* the partial ones of this era; empty unless is_apart */
	uint64_t era;
	uint64_t held_era; /* of the newest hold */
	uint32_t since_hold; /* objects given out, up to SLAB_APART */
	bool is_held;
	bool is_apart; /* held, and this era began after that */
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
		list_init(&slabs->apart[i]);
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
	slabs_grow(slabs, false);
	while (slabs->regions != NULL) {
		struct region *next = slabs->regions->next;
		pages_free(slabs->regions->pages, PAGES_GRAIN);
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

static struct region *small_region(void)
{
	struct region *region = malloc(sizeof(*region) + (REGION_SLABS + 1) * SLAB_SIZE);

	if (region != NULL) {
		const uintptr_t at = (uintptr_t)(region + 1) + SLAB_SIZE - 1;
		*region = (struct region){.first = (char *)(at / SLAB_SIZE * SLAB_SIZE),
					  .count = REGION_SLABS};
	}
	return region;
}

static void *make_pages(void)
{
	return pages_alloc(PAGES_GRAIN);
}

static void drop_pages(void *pages)
{
	pages_free(pages, PAGES_GRAIN);
}

static void *take_pages(struct slabs *slabs)
{
	static const struct ahead_ops ops = {.make = make_pages, .drop = drop_pages};
	void *pages = NULL;

	if (slabs->is_growing && slabs->ahead == NULL &&
	    ahead_new(&slabs->ahead, "memory", &ops, PAGES_AHEAD) != OK) {
		slabs->is_growing = false; /* it goes without */
	}
	if (slabs->ahead != NULL) {
		pages = ahead_take(slabs->ahead);
	}
	return pages != NULL ? pages : make_pages();
}

void slabs_grow(struct slabs *slabs, bool is_growing)
{
	slabs->is_growing = is_growing;
	if (!is_growing) {
		ahead_free(slabs->ahead);
		slabs->ahead = NULL;
	}
}

static struct region *paged_region(struct slabs *slabs)
{
	struct region *region = malloc(sizeof(*region));
	void *pages = region == NULL ? NULL : take_pages(slabs);

	if (pages == NULL) {
		free(region);
		return NULL;
	}
	*region = (struct region){.first = pages, .count = PAGED_SLABS, .pages = pages};
	return region;
}

/* An empty slab, in no list; NULL: none left. */
static struct slab *empty_slab(struct slabs *slabs)
{
	if (!list_is_empty(&slabs->empty)) {
		struct slab *slab = slab_at(slabs->empty.next);
		list_remove(&slab->link);
		return slab;
	}
	if (slabs->regions == NULL || slabs->cut == slabs->regions->count) {
		struct region *region =
			slabs->region_count < SMALL_REGIONS ? small_region() : paged_region(slabs);
		if (region == NULL) {
			return NULL;
		}
		region->next = slabs->regions;
		slabs->regions = region;
		slabs->region_count++;
		slabs->cut = 0;
	}
	return (struct slab *)(slabs->regions->first + SLAB_SIZE * slabs->cut++);
}

static void each_of(struct slabs *slabs, struct slab *slab, slab_fn fn, void *context)
{
	const size_t size = slab_size(slab->class_of);

	for (size_t at = sizeof(*slab); slab->used > 0 && at + size <= slab->fresh; at += size) {
		fn(context, slabs, (char *)slab + at);
	}
}

void slabs_each(struct slabs *slabs, slab_fn fn, void *context)
{
	size_t count = slabs->cut;

	for (struct region *region = slabs->regions; region != NULL; region = region->next) {
		for (size_t i = 0; i < count; i++) {
			each_of(slabs, (struct slab *)(region->first + i * SLAB_SIZE), fn, context);
		}
		count = region->next == NULL ? 0 : region->next->count;
	}
}

/* ---- eras -------------------------------------------------------------------------------- */

/* The lists apart are no longer. */
static void join(struct slabs *slabs)
{
	for (size_t i = 0; slabs->is_apart && i < SLAB_CLASSES; i++) {
		list_splice(&slabs->partial[i], &slabs->apart[i]);
	}
	slabs->is_apart = false;
}

void slabs_hold(struct slabs *slabs)
{
	join(slabs);
	slabs->is_held = true;
	slabs->held_era = slabs->era;
	slabs->since_hold = 0;
}

void slabs_unhold(struct slabs *slabs)
{
	join(slabs);
	slabs->is_held = false;
}

/* One more is given out. */
static void step_era(struct slabs *slabs)
{
	if (slabs->is_held && !slabs->is_apart && ++slabs->since_hold == SLAB_APART) {
		slabs->era++;
		slabs->is_apart = true;
	}
}

static struct slab *slab_of(const void *object)
{
	return (struct slab *)((uintptr_t)object / SLAB_SIZE * SLAB_SIZE);
}

bool slabs_is_young(const struct slabs *slabs, const void *object, uint8_t class_of)
{
	return class_of != 0 && slab_of(object)->era > slabs->held_era;
}

/* Where those of the class are that have room, of the era that counts. */
static struct list *partial_of(struct slabs *slabs, uint8_t class_of, uint64_t era)
{
	return slabs->is_apart && era == slabs->era ? &slabs->apart[class_of]
						    : &slabs->partial[class_of];
}

/* ---- objects ----------------------------------------------------------------------------- */

/* A slab of the class that has room; NULL: none left. */
static struct slab *with_room(struct slabs *slabs, uint8_t class_of)
{
	struct list *partial = partial_of(slabs, class_of, slabs->era);

	if (!list_is_empty(partial)) {
		return slab_at(partial->next);
	}
	struct slab *slab = empty_slab(slabs);
	if (slab != NULL) {
		*slab = (struct slab){
			.era = slabs->era,
			.fresh = sizeof(struct slab),
			.class_of = class_of,
		};
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
	step_era(slabs);
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
	struct slab *slab = slab_of(object);
	struct free_object *released = object;
	assert(slab->class_of == class_of && slab->used > 0);
	if (is_full(slab)) {
		list_prepend(partial_of(slabs, class_of, slab->era), &slab->link);
	}
	released->next = slab->free;
	slab->free = released;
	if (--slab->used == 0) {
		list_remove(&slab->link);
		list_prepend(&slabs->empty, &slab->link);
	}
}
