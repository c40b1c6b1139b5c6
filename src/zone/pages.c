#include "zone/pages.h"

#include <assert.h>
#include <stdint.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

/* A system that cannot does it page by page, later. */
static void prepare(char *pages, size_t size)
{
	(void)madvise(pages, size, MADV_HUGEPAGE);
	(void)madvise(pages, size, MADV_POPULATE_WRITE);
}

/* Places for so much, of which nothing is there yet. NULL: none left. */
static char *reserve(size_t size)
{
	assert(size > 0 && size % PAGES_GRAIN == 0);
	char *all = mmap(NULL, size + PAGES_GRAIN, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED) {
		return NULL;
	}
	const size_t before = (PAGES_GRAIN - (uintptr_t)all % PAGES_GRAIN) % PAGES_GRAIN;
	if (before > 0) {
		munmap(all, before);
	}
	munmap(all + before + size, PAGES_GRAIN - before);
	return all + before;
}

void *pages_alloc(size_t size)
{
	char *pages = reserve(size);

	if (pages != NULL) {
		prepare(pages, size);
	}
	return pages;
}

void *pages_grow(void *pages, size_t size, size_t larger)
{
	char *more = reserve(larger);

	if (more == NULL) {
		return NULL;
	}
	/* What is there moves by its page table, and only the rest has to be cleared. */
	if (mremap(pages, size, larger, MREMAP_MAYMOVE | MREMAP_FIXED, more) == MAP_FAILED) {
		munmap(more, larger);
		return NULL;
	}
	prepare(more + size, larger - size);
	return more;
}

void pages_free(void *pages, size_t size)
{
	if (pages != NULL) {
		munmap(pages, size);
	}
}
