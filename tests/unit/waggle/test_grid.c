#include <locale.h>
#include <string.h>

#include "base/err.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"
#include "waggle/grid.h"

static const struct grid_head heads[] = {{"NAME", false}, {"PORT", true}, {"TXT", false}};
static const struct style pipe_style = {.is_terminal = false};

/* The table of these rows; free it. */
static char *render(const char *const rows[][3], size_t count, const struct style *style)
{
	struct grid grid;
	char *text = NULL;
	size_t size;
	FILE *stream = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(stream);
	grid_init(&grid, heads, COUNT_OF(heads), style);
	for (size_t i = 0; i < count; i++) {
		grid_add(&grid, rows[i]);
	}
	ck_assert_int_eq(grid_print(&grid, stream, style), OK);
	grid_deinit(&grid);
	fclose(stream);
	return text;
}

static void check(const char *const rows[][3], size_t count, size_t width, const char *expected)
{
	const struct style style = {.is_terminal = width > 0, .width = width};
	char *text = render(rows, count, &style);

	ck_assert_str_eq(text, expected);
	free(text);
}

START_TEST(a_terminal_gets_heads_and_aligned_columns)
{
	static const char *const rows[][3] = {{"web-1", "8080", "path=/"}, {"w", "80", ""}};

	check(rows, 2, 80,
	      "NAME   PORT  TXT\n"
	      "web-1  8080  path=/\n"
	      "w        80  -\n");
}
END_TEST

START_TEST(a_pipe_gets_rows_with_tabs)
{
	static const char *const rows[][3] = {{"web 1", "8080", "path=/"}, {"w", "80", NULL}};

	check(rows, 2, 0, "web 1\t8080\tpath=/\nw\t80\t-\n");
}
END_TEST

START_TEST(the_widest_column_is_cut_to_fit)
{
	static const char *const rows[][3] = {{"web-1", "8080", "path=/a/very/long/path version=2"},
					      {"w", "80", "short"}};

	check(rows, 2, 30,
	      "NAME   PORT  TXT\n"
	      "web-1  8080  path=/a/very/lon~\n"
	      "w        80  short\n");
	/* No column is cut below eight. */
	check(rows, 2, 5,
	      "NAME   PORT  TXT\n"
	      "web-1  8080  path=/a~\n"
	      "w        80  short\n");
}
END_TEST

START_TEST(width_is_counted_in_columns_of_the_terminal)
{
	static const char *const rows[][3] = {{"Caf\xc3\xa9", "1", "a"},
					      {"\xe6\x9d\xb1\xe4\xba\xac", "22", "b"},
					      {"abcdef", "3", "c"}};

	setlocale(LC_CTYPE, "C.UTF-8");
	check(rows, 3, 80,
	      "NAME    PORT  TXT\n"
	      "Caf\xc3\xa9       1  a\n"
	      "\xe6\x9d\xb1\xe4\xba\xac      22  b\n"
	      "abcdef     3  c\n");
}
END_TEST

START_TEST(cells_cannot_make_rows_or_columns)
{
	static const char *const rows[][3] = {{"a\tb\nc", "1", "\033[31mred"}};

	check(rows, 1, 0, "a\\009b\\010c\t1\t\\027[31mred\n");
}
END_TEST

START_TEST(colour_is_for_heads_on_terminals_that_know_it)
{
	static const char *const rows[][3] = {{"a", "1", "b"}};
	const struct style style = {.is_terminal = true, .is_coloured = true, .width = 80};
	char *text = render(rows, 1, &style);

	ck_assert_str_eq(text, "\033[1mNAME  PORT  TXT\033[0m\na        1  b\n");
	ck_assert_str_eq(style_bold(&pipe_style), "");
	free(text);
}
END_TEST

START_TEST(out_of_memory_prints_nothing)
{
	static const char *const cells[] = {"a", "1", "b"};
	bool was_hit = true;

	for (unsigned n = 0; was_hit; n++) {
		struct grid grid;
		char out[64] = "";
		FILE *stream = fmemopen(out, sizeof(out), "w");

		ck_assert_ptr_nonnull(stream);
		grid_init(&grid, heads, COUNT_OF(heads), &pipe_style);
		fail_alloc_after(n);
		grid_add(&grid, cells);
		fail_alloc_off();
		was_hit = fail_alloc_hit();
		ck_assert_int_eq(grid_print(&grid, stream, &pipe_style), was_hit ? ERR_NOMEM : OK);
		fclose(stream);
		ck_assert_str_eq(out, was_hit ? "" : "a\t1\tb\n");
		grid_deinit(&grid);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_terminal_gets_heads_and_aligned_columns,
		a_pipe_gets_rows_with_tabs,
		the_widest_column_is_cut_to_fit,
		width_is_counted_in_columns_of_the_terminal,
		cells_cannot_make_rows_or_columns,
		colour_is_for_heads_on_terminals_that_know_it,
		out_of_memory_prints_nothing,
	};

	return run_tests("waggle grid", tests, COUNT_OF(tests));
}
