/* A file of the source tree as text, for tests that compare it with the table of commands. */
#pragma once

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE_SIZE 131072

/* Free it. */
static inline char *file_text(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[512];
	char *text = calloc(1, PAGE_SIZE);

	snprintf(path, sizeof(path), "%s/%s", srcdir == NULL ? "." : srcdir, name);
	FILE *file = fopen(path, "r");
	ck_assert_msg(file != NULL && text != NULL, "%s", path);
	ck_assert_uint_lt(fread(text, 1, PAGE_SIZE - 1, file), PAGE_SIZE - 1);
	fclose(file);
	return text;
}
