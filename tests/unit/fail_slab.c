/* The wrapper before the allocator of the root's objects, for programs that have one. */
#include <stddef.h>
#include <stdint.h>

#include "tests/unit/fail_alloc.h"

struct slabs;

void *__real_slabs_alloc(struct slabs *slabs, size_t size, uint8_t *class_of);
void *__wrap_slabs_alloc(struct slabs *slabs, size_t size, uint8_t *class_of);

void *__wrap_slabs_alloc(struct slabs *slabs, size_t size, uint8_t *class_of)
{
	return fail_alloc_now() ? NULL : __real_slabs_alloc(slabs, size, class_of);
}
