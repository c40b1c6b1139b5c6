/*
 * Sorted index over an array of structures that begin with a folded name. Inside conf only.
 * Pure. Thread: any.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/*
 * Pointers to the names of `count` items of `size` octets each, in order; from the arena, NULL when
 * memory is out. count > 0.
 */
const uint8_t **index_new(struct arena *arena, const void *items, size_t count, size_t size);

/* A name that another item before it in the array has too, or NULL. */
const uint8_t *index_twice(const uint8_t **names, size_t count);

/* The item of this name, compared without case, or NULL. */
const uint8_t *index_find(const uint8_t **names, size_t count, const uint8_t *name);
