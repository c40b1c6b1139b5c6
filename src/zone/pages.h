/*
 * Large pieces of memory straight from the system, in whole huge pages where it has them, and there
 * before they are touched: a fault for each page of 4 KiB costs more than everything that is done
 * with what it holds. Thread: any.
 */
#pragma once

#include <stddef.h>

#define PAGES_GRAIN ((size_t)2 << 20) /* sizes are multiples of it, and places too */

/* Cleared. NULL: none left. */
void *pages_alloc(size_t size);

/* From one size to a larger one, elsewhere perhaps; what is new is cleared. NULL: none left. */
void *pages_grow(void *pages, size_t size, size_t larger);

/* Takes NULL. */
void pages_free(void *pages, size_t size);
