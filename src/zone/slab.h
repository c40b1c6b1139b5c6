/*
 * Memory for the objects of a root: millions of small things of a few sizes, which live in slabs
 * of one size each, so that none carries a header of the allocator and what is put in together lies
 * together. A size over SLAB_OBJECT_MAX comes from malloc(); so does every one under
 * AddressSanitizer, which is to see each object by itself. A slab whose last object went serves
 * any size again; the system gets memory back at the end only. Thread: core.
 *
 * While somebody holds what there is now, what is made later comes from slabs of its own: so it can
 * be told what cannot be in anybody's hands by that hold, and need not wait for its end.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLAB_OBJECT_MAX 1024
#define SLAB_GRAIN 8
#define SLAB_CLASSES (SLAB_OBJECT_MAX / SLAB_GRAIN + 1) /* class 0: from malloc() */

struct slabs;

/* *out: returns owned. ERR_NOMEM. */
int slabs_new(struct slabs **out);

/* Frees all slabs. Nothing is in them any more. Takes NULL. */
void slabs_free(struct slabs *slabs);

/* The class of a size, 0 where it is none of ours, and the size of a class. */
uint8_t slab_class(size_t size);

static inline size_t slab_size(uint8_t class_of)
{
	return (size_t)class_of * SLAB_GRAIN;
}

/* Cleared memory; *class_of says where it came from. NULL: none left. */
void *slabs_alloc(struct slabs *slabs, size_t size, uint8_t *class_of);

void slabs_release(struct slabs *slabs, void *object, uint8_t class_of);

/*
 * Much is to come, until it is said that no more is: a thread makes memory ready meanwhile, which
 * takes the kernel about as long as a restart takes to fill it.
 */
void slabs_grow(struct slabs *slabs, bool is_growing);

/* Somebody holds all objects that there are now, beside those who held some before. */
void slabs_hold(struct slabs *slabs);

/* Nobody holds any more. */
void slabs_unhold(struct slabs *slabs);

/*
 * Was it made after the newest hold? No is said also of some that were: the first SLAB_APART after a
 * hold, so that short ones take no memory, and what came from malloc().
 */
#define SLAB_APART 2000
bool slabs_is_young(const struct slabs *slabs, const void *object, uint8_t class_of);

/* Objects that are not released. */
size_t slabs_count(const struct slabs *slabs);

/*
 * Calls for every place of an object in slabs, in the order of their addresses within one; also for
 * those that are released, whose first octet is a multiple of 8. Not for what came from malloc().
 * `fn` may release the object.
 */
typedef void (*slab_fn)(void *context, struct slabs *slabs, void *object);
void slabs_each(struct slabs *slabs, slab_fn fn, void *context);
