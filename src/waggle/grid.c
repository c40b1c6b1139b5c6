/*
 * Widths are counted in columns of the terminal, since a character may take two of them. A table
 * that is too wide loses columns' ends: always of the widest, until it fits.
 */
#include "waggle/grid.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "base/err.h"
#include "waggle/say.h"

#define BLOCK_SIZE 16384
#define WIDTH_STANDARD 80
#define COLUMN_LEAST 8 /* is never cut below this */
#define GAP 2 /* between columns */
#define CUT_MARK "~"

struct grid_row {
	struct grid_row *next;
	const char *cells[];
};

/* ---- style ------------------------------------------------------------------------------- */

static size_t terminal_width(int descriptor)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");
	const long wanted = columns == NULL ? 0 : strtol(columns, NULL, 10);

	if (wanted > 0 && wanted < 10000) {
		return (size_t)wanted;
	}
	if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
		return size.ws_col;
	}
	return WIDTH_STANDARD;
}

struct style style_of(FILE *stream)
{
	const char *terminal = getenv("TERM");
	const char *no_color = getenv("NO_COLOR");
	struct style style = {.is_terminal = isatty(fileno(stream)) == 1};

	if (style.is_terminal) {
		style.width = terminal_width(fileno(stream));
		style.is_coloured = (no_color == NULL || *no_color == '\0') && terminal != NULL &&
				    *terminal != '\0' && strcmp(terminal, "dumb") != 0;
	}
	return style;
}

const char *style_bold(const struct style *style)
{
	return style->is_coloured ? "\033[1m" : "";
}

const char *style_warning(const struct style *style)
{
	return style->is_coloured ? "\033[33m" : "";
}

const char *style_plain(const struct style *style)
{
	return style->is_coloured ? "\033[0m" : "";
}

/* ---- characters -------------------------------------------------------------------------- */

/* Octets of the character at `text`; *columns: what it takes of the screen. */
static size_t next_character(const char *text, size_t *columns)
{
	mbstate_t state = {0};
	wchar_t character;
	const size_t got = mbrtowc(&character, text, strlen(text), &state);

	*columns = 1;
	if (got == (size_t)-1 || got == (size_t)-2 || got == 0) {
		return 1;
	}
	const int width = wcwidth(character);
	*columns = width < 0 ? 1 : (size_t)width;
	return got;
}

static size_t text_width(const char *text)
{
	size_t width = 0;
	size_t columns;

	while (*text != '\0') {
		text += next_character(text, &columns);
		width += columns;
	}
	return width;
}

/* Octets of the longest beginning that takes at most `width` columns; *used: what it takes. */
static size_t text_fit(const char *text, size_t width, size_t *used)
{
	size_t size = 0;
	size_t columns;

	*used = 0;
	while (text[size] != '\0') {
		const size_t octets = next_character(text + size, &columns);

		if (*used + columns > width) {
			break;
		}
		*used += columns;
		size += octets;
	}
	return size;
}

/* ---- rows -------------------------------------------------------------------------------- */

void grid_init(struct grid *grid, const struct grid_head *heads, size_t column_count,
	       const struct style *style)
{
	*grid = (struct grid){
		.heads = heads, .column_count = column_count, .is_raw = !style->is_terminal};
	arena_init(&grid->arena, BLOCK_SIZE);
}

void grid_deinit(struct grid *grid)
{
	if (grid != NULL) {
		arena_deinit(&grid->arena);
	}
}

static const char *keep_cell(struct grid *grid, const char *cell)
{
	if (cell == NULL || *cell == '\0') {
		return "-";
	}
	const size_t size = strlen(cell);
	const size_t room = 4 * size + 5;
	char *text = arena_alloc(&grid->arena, room);
	return text == NULL ? NULL : printable(text, room, cell, size, grid->is_raw);
}

void grid_add(struct grid *grid, const char *const *cells)
{
	struct grid_row *row = arena_calloc(
		&grid->arena, 1, sizeof(*row) + grid->column_count * sizeof(row->cells[0]));

	for (size_t i = 0; row != NULL && i < grid->column_count; i++) {
		row->cells[i] = keep_cell(grid, cells[i]);
		if (row->cells[i] == NULL) {
			row = NULL;
		}
	}
	if (row == NULL) {
		grid->is_out_of_memory = true;
		return;
	}
	if (grid->first == NULL) {
		grid->first = row;
	} else {
		grid->last->next = row;
	}
	grid->last = row;
	grid->row_count++;
}

/* ---- printing ---------------------------------------------------------------------------- */

static void fit_widths(size_t *widths, size_t count, size_t most)
{
	size_t total = (count - 1) * GAP;

	for (size_t i = 0; i < count; i++) {
		total += widths[i];
	}
	while (total > most) {
		size_t widest = 0;

		for (size_t i = 1; i < count; i++) {
			if (widths[i] >= widths[widest]) {
				widest = i;
			}
		}
		if (widths[widest] <= COLUMN_LEAST) {
			return;
		}
		widths[widest]--;
		total--;
	}
}

static void measure(const struct grid *grid, size_t *widths)
{
	for (size_t i = 0; i < grid->column_count; i++) {
		widths[i] = strlen(grid->heads[i].text);
	}
	for (const struct grid_row *row = grid->first; row != NULL; row = row->next) {
		for (size_t i = 0; i < grid->column_count; i++) {
			const size_t width = text_width(row->cells[i]);

			widths[i] = width > widths[i] ? width : widths[i];
		}
	}
}

static void print_spaces(FILE *stream, size_t count)
{
	fprintf(stream, "%*s", (int)count, "");
}

/* A cell of a terminal's row; the last one of a row is not filled up. */
static void print_cell(FILE *stream, const char *text, size_t width, bool is_number, bool is_last)
{
	size_t used;
	size_t size = text_fit(text, width, &used);
	const bool is_cut = text[size] != '\0';

	if (is_cut) {
		size = text_fit(text, width - 1, &used);
		used++;
	}
	if (is_number) {
		print_spaces(stream, width - used);
	}
	fprintf(stream, "%.*s%s", (int)size, text, is_cut ? CUT_MARK : "");
	if (!is_last) {
		print_spaces(stream, (is_number ? 0 : width - used) + GAP);
	}
}

static void print_head(const struct grid *grid, FILE *stream, const struct style *style,
		       const size_t *widths)
{
	fputs(style_bold(style), stream);
	for (size_t i = 0; i < grid->column_count; i++) {
		print_cell(stream, grid->heads[i].text, widths[i], grid->heads[i].is_number,
			   i + 1 == grid->column_count);
	}
	fprintf(stream, "%s\n", style_plain(style));
}

static void print_row(const struct grid *grid, const struct grid_row *row, FILE *stream,
		      const size_t *widths)
{
	for (size_t i = 0; i < grid->column_count; i++) {
		if (widths == NULL) {
			fprintf(stream, "%s%s", i == 0 ? "" : "\t", row->cells[i]);
		} else {
			print_cell(stream, row->cells[i], widths[i], grid->heads[i].is_number,
				   i + 1 == grid->column_count);
		}
	}
	fputc('\n', stream);
}

int grid_print(const struct grid *grid, FILE *stream, const struct style *style)
{
	size_t widths[GRID_COLUMNS_MAX];

	if (grid->is_out_of_memory) {
		return ERR_NOMEM;
	}
	if (style->is_terminal) {
		measure(grid, widths);
		fit_widths(widths, grid->column_count, style->width);
		print_head(grid, stream, style, widths);
	}
	for (const struct grid_row *row = grid->first; row != NULL; row = row->next) {
		print_row(grid, row, stream, style->is_terminal ? widths : NULL);
	}
	return OK;
}
