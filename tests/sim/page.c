#include "tests/sim/page.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void page_clear(struct page *page)
{
	page->count = 0;
	page->used = 0;
}

/* Makes a line of the `size` characters behind what is used. */
static void take_line(struct page *page, size_t size)
{
	char *line = page->text + page->used;

	if (page->count == PAGE_LINES || page->used + size >= PAGE_TEXT) {
		abort();
	}
	for (size_t i = 0; i < size; i++) {
		line[i] = (char)tolower((unsigned char)line[i]);
	}
	line[size] = '\0';
	page->lines[page->count++] = line;
	page->used += size + 1;
}

void page_add(struct page *page, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	const int size =
		vsnprintf(page->text + page->used, PAGE_TEXT - page->used, format, arguments);
	va_end(arguments);
	if (size < 0 || (size_t)size >= PAGE_TEXT - page->used) {
		abort();
	}
	take_line(page, (size_t)size);
}

void page_add_text(struct page *page, const char *text)
{
	while (*text != '\0') {
		const size_t size = strcspn(text, "\n");

		if (page->used + size >= PAGE_TEXT) {
			abort();
		}
		memcpy(page->text + page->used, text, size);
		take_line(page, size);
		text += size + (text[size] == '\n');
	}
}

bool page_remove(struct page *page, const char *line)
{
	for (size_t i = 0; i < page->count; i++) {
		if (strcasecmp(page->lines[i], line) == 0) {
			page->lines[i] = page->lines[--page->count];
			return true;
		}
	}
	return false;
}

static int compare(const void *one, const void *other)
{
	return strcmp(*(const char *const *)one, *(const char *const *)other);
}

void page_sort(struct page *page)
{
	qsort(page->lines, page->count, sizeof(page->lines[0]), compare);
}

bool page_equal(const struct page *one, const struct page *other)
{
	if (one->count != other->count) {
		return false;
	}
	for (size_t i = 0; i < one->count; i++) {
		if (strcmp(one->lines[i], other->lines[i]) != 0) {
			return false;
		}
	}
	return true;
}

void page_print_difference(FILE *out, const struct page *is, const struct page *wanted)
{
	size_t a = 0;
	size_t b = 0;

	while (a < is->count || b < wanted->count) {
		const int order = a == is->count       ? 1
				  : b == wanted->count ? -1
						       : strcmp(is->lines[a], wanted->lines[b]);
		if (order < 0) {
			fprintf(out, "  has, should not: %s\n", is->lines[a]);
		} else if (order > 0) {
			fprintf(out, "  should have: %s\n", wanted->lines[b]);
		}
		a += order <= 0;
		b += order >= 0;
	}
}
