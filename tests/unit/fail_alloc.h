/*
 * Allocations that fail on demand. Test programs are linked with --wrap for malloc, calloc and
 * realloc, so every call from our own code comes here first.
 *
 *	for (unsigned n = 0;; n++) {
 *		fail_alloc_after(n);
 *		ret = thing_new(&thing);
 *		fail_alloc_off();
 *		if (!fail_alloc_hit()) {
 *			break;		all allocations were made: it must have succeeded
 *		}
 *		...			it must have failed cleanly, or done without
 *	}
 *
 * No ck_assert between on and off: Check allocates too.
 */
#pragma once

#include <stdbool.h>

/* The next `count` allocations succeed, the one after them fails, then they succeed again. */
void fail_alloc_after(unsigned count);

/* No more failures; how many allocations were seen, and whether one failed, stays. */
void fail_alloc_off(void);

/* Has an allocation failed since fail_alloc_after()? */
bool fail_alloc_hit(void);

/* Allocations tried from fail_alloc_after() to fail_alloc_off(). */
unsigned fail_alloc_count(void);

/* One allocation more is tried: must it fail? For allocators of our own. */
bool fail_alloc_now(void);
