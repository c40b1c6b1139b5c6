/*
 * What liburcu orders, said to ThreadSanitizer, which does not see its inline assembly: all that a
 * reader did before it was offline happens before the end of the grace period. Nothing in
 * ordinary builds. For reclaim.c alone. Thread: any.
 */
#pragma once

#ifdef WAGGLE_TSAN

#include <sanitizer/tsan_interface.h>

static char order_point;

static inline void order_release(void)
{
	__tsan_release(&order_point);
}

static inline void order_acquire(void)
{
	__tsan_acquire(&order_point);
}

#else

static inline void order_release(void)
{
}

static inline void order_acquire(void)
{
}

#endif
