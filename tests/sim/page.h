/* Pages of lines, for comparing what a zone holds with what it should hold. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define PAGE_LINES 4000
#define PAGE_TEXT (1u << 19)

struct page {
	size_t count;
	size_t used;
	const char *lines[PAGE_LINES];
	char text[PAGE_TEXT];
};

void page_clear(struct page *page);

/* Adds one line, letters folded: the zone keeps the spelling that came first, which is no content. */
void page_add(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Adds each line of a text. */
void page_add_text(struct page *page, const char *text);

/* Takes one line out; false: it is not there. */
bool page_remove(struct page *page, const char *line);

void page_sort(struct page *page);
bool page_equal(const struct page *one, const struct page *other);

/* Lines of sorted pages that only one of them has. */
void page_print_difference(FILE *out, const struct page *is, const struct page *wanted);
