/*
 * Tables of text. On a terminal: a header, aligned columns, cut to the width. Anywhere else: rows
 * alone, columns separated by tabs, nothing cut, for cut(1) and awk(1). Thread: its owner's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/arena.h"

#define GRID_COLUMNS_MAX 8

/* How to write to a stream. */
struct style {
	bool is_terminal;
	bool is_coloured; /* a terminal that knows colours, and no NO_COLOR */
	size_t width; /* of the terminal, in columns */
};

/* What `stream` is. Looks at the environment. */
struct style style_of(FILE *stream);

/* Begin and end of emphasis: escape sequences, or "". Static. */
const char *style_bold(const struct style *style);
const char *style_warning(const struct style *style);
const char *style_plain(const struct style *style);

/* A column's head. */
struct grid_head {
	const char *text;
	bool is_number; /* at the right side */
};

struct grid_row;

struct grid {
	struct arena arena;
	const struct grid_head *heads;
	size_t column_count;
	struct grid_row *first;
	struct grid_row *last;
	size_t row_count;
	bool is_raw; /* octets over 127 pass, whatever the locale */
	bool is_out_of_memory;
};

/* Keeps `heads` (at most GRID_COLUMNS_MAX) while the grid is used. */
void grid_init(struct grid *grid, const struct grid_head *heads, size_t column_count,
	       const struct style *style);
void grid_deinit(struct grid *grid);

/*
 * Adds a row of column_count cells, and copies them; "" and NULL are shown as "-". What is not
 * printable becomes \DDD. When memory is out, grid_print() says so.
 */
void grid_add(struct grid *grid, const char *const *cells);

/* Writes all. ERR_NOMEM: a row could not be kept, and nothing was written. */
int grid_print(const struct grid *grid, FILE *stream, const struct style *style);
