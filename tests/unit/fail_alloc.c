/* The wrappers that the linker puts before the allocator of the C library. */
#include "fail_alloc.h"

#include <stdatomic.h>
#include <stddef.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

static atomic_bool is_on;
static atomic_uint seen;
static atomic_uint limit;

void fail_alloc_after(unsigned count)
{
	limit = count;
	seen = 0;
	is_on = true;
}

void fail_alloc_off(void)
{
	is_on = false;
}

bool fail_alloc_hit(void)
{
	return seen > limit;
}

unsigned fail_alloc_count(void)
{
	return seen;
}

bool fail_alloc_now(void)
{
	return is_on && atomic_fetch_add(&seen, 1) == limit;
}

void *__wrap_malloc(size_t size)
{
	return fail_alloc_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fail_alloc_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fail_alloc_now() ? NULL : __real_realloc(old, size);
}
