/*
 * `list`, `show`, `why` and `metrics`: what a registry holds, as its operator sees it, over the control socket.
 * A list is printed as it comes, so that it may be of any length.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/memory.h"
#include "waggle/client.h"
#include "waggle/command.h"
#include "waggle/control.h"
#include "waggle/grid.h"

#define TABLE_MAX 1000 /* rows of a terminal's table; the next ones are another */

/* ---- list -------------------------------------------------------------------------------- */

static const struct grid_head list_heads[] = {
	{"INSTANCE", false}, {"HOST", false},  {"PORT", true},   {"ADDRESSES", false},
	{"LEFT", true},      {"OWNER", false}, {"STATE", false}, {"SINCE", false}};

static char *join(const json_t *list, const char *between)
{
	struct memory_stream stream;
	char *text;

	if (memory_open(&stream) != OK) {
		return NULL;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *one = json_string_value(json_array_get(list, i));

		fprintf(stream.file, "%s%s", i == 0 ? "" : between, one == NULL ? "" : one);
	}
	(void)memory_close(&stream, &text, NULL);
	return text;
}

static void add_instance(struct grid *grid, const json_t *instance, bool is_terminal)
{
	char *addresses = join(json_object_get(instance, "addresses"), ",");
	char port[CONTROL_NUMBER];
	char left[DURATION_TEXT];
	const char *cells[] = {control_text(instance, "name"),
			       control_text(instance, "host"),
			       control_number_text(port, instance, "port"),
			       addresses,
			       control_seconds(left, instance, "lease_left_s", is_terminal),
			       control_text(instance, "owner"),
			       control_text(instance, "why"),
			       control_text(instance, "registered")};

	grid_add(grid, cells);
	free(addresses);
}

/* Prints the table and empties it. */
static int flush_list(struct grid *grid, const struct style *style)
{
	const int ret = grid->row_count == 0 ? OK : grid_print(grid, stdout, style);

	grid_deinit(grid);
	grid_init(grid, list_heads, sizeof(list_heads) / sizeof(list_heads[0]), style);
	return ret;
}

/* Reads instances until the last line; *count: how many there were. */
static enum ending print_list(struct control *control, const struct options *options,
			      struct grid *grid, const struct style *style, json_int_t *count)
{
	for (;;) {
		const char *line;
		json_t *object;
		enum ending ending = control_read(control, &line, &object);

		if (ending != END_OK) {
			return ending;
		}
		const bool is_last = json_is_true(json_object_get(object, "ok"));
		*count = control_number(object, "count");
		if (options->is_json) {
			ending = control_put(line, "\n");
		} else if (!is_last) {
			add_instance(grid, object, style->is_terminal);
		}
		json_decref(object);
		if ((is_last || grid->row_count >= TABLE_MAX) && flush_list(grid, style) != OK) {
			return client_fail_memory(options);
		}
		if (ending != END_OK || is_last) {
			return ending;
		}
	}
}

int list_run(const struct options *options)
{
	const char *match = options->argument_count > 0 ? options->arguments[0] : NULL;
	const struct style style = style_of(stdout);
	struct control *control;
	struct grid grid;
	json_int_t count = 0;
	enum ending ending = control_open(&control, options, CONTROL_LONG_MS);

	if (ending != END_OK) {
		return (int)ending;
	}
	grid_init(&grid, list_heads, sizeof(list_heads) / sizeof(list_heads[0]), &style);
	json_t *request =
		json_pack("{s:s, s:o*, s:s*}", "command", "list", "match",
			  match == NULL ? NULL : control_name(match), "zone", options->zone);
	ending = control_send(control, request);
	json_decref(request);
	if (ending == END_OK) {
		ending = print_list(control, options, &grid, &style, &count);
	}
	if (ending == END_OK && count == 0) {
		say("no instance is registered%s%s", match == NULL ? "" : " that matches ",
		    match == NULL ? "" : match);
		ending = END_NOTHING;
	}
	grid_deinit(&grid);
	control_close(control);
	return (int)ending;
}

/* ---- show -------------------------------------------------------------------------------- */

/* A row "WHAT value" of what is known. */
static void add_fact(struct grid *grid, const char *what, const char *value)
{
	const char *cells[] = {what, value};

	if (value != NULL && *value != '\0') {
		grid_add(grid, cells);
	}
}

static void add_facts(struct grid *grid, const json_t *name, bool is_terminal)
{
	char *subtypes = join(json_object_get(name, "subtypes"), ",");
	char number[CONTROL_NUMBER];
	char lease[DURATION_TEXT];

	add_fact(grid, "name", control_text(name, "name"));
	add_fact(grid, "zone", control_text(name, "zone"));
	add_fact(grid, "role", control_text(name, "role"));
	add_fact(grid, "owner", control_text(name, "owner"));
	add_fact(grid, "state", control_text(name, "why"));
	add_fact(grid, "registered", control_text(name, "registered"));
	add_fact(grid, "lease", control_seconds(lease, name, "lease_s", is_terminal));
	add_fact(grid, "left", control_seconds(lease, name, "lease_left_s", is_terminal));
	add_fact(grid, "key lease", control_seconds(lease, name, "key_lease_s", is_terminal));
	add_fact(grid, "version", control_number_text(number, name, "version"));
	add_fact(grid, "subtypes", subtypes);
	free(subtypes);
}

static int print_facts(const json_t *name, const struct style *style)
{
	static const struct grid_head heads[] = {{"WHAT", false}, {"", false}};
	struct grid grid;

	grid_init(&grid, heads, 2, style);
	add_facts(&grid, name, style->is_terminal);
	const int ret = grid_print(&grid, stdout, style);
	grid_deinit(&grid);
	return ret;
}

static int print_records(const json_t *name, const struct style *style)
{
	static const struct grid_head heads[] = {
		{"TYPE", false}, {"TTL", true}, {"ORIGIN", false}, {"DATA", false}};
	const json_t *records = json_object_get(name, "records");
	struct grid grid;
	int ret = OK;

	grid_init(&grid, heads, 4, style);
	for (size_t i = 0; i < json_array_size(records); i++) {
		const json_t *record = json_array_get(records, i);
		char ttl[CONTROL_NUMBER];
		const char *cells[] = {
			control_text(record, "type"), control_number_text(ttl, record, "ttl"),
			control_text(record, "origin"), control_text(record, "data")};

		grid_add(&grid, cells);
	}
	if (grid.row_count > 0) {
		fputs(style->is_terminal ? "\n" : "", stdout);
		ret = grid_print(&grid, stdout, style);
	}
	grid_deinit(&grid);
	return ret;
}

static void say_left_out(const json_t *name)
{
	if (control_number(name, "left_out") > 0) {
		say("%" JSON_INTEGER_FORMAT " more records are not shown",
		    control_number(name, "left_out"));
	}
}

/* Asks `command` about the name that the line says; with --json the answer is printed, and NULL. */
static enum ending ask(const struct options *options, const char *command, json_t **out)
{
	json_t *request =
		json_pack("{s:s, s:o, s:s*}", "command", command, "name",
			  control_name(options->arguments[0]), "zone", control_zone(options));
	enum ending ending = control_ask(options, request, out);

	json_decref(request);
	if (ending == END_OK && options->is_json) {
		ending = control_print(options, *out);
		json_decref(*out);
		*out = NULL;
	}
	return ending;
}

int show_run(const struct options *options)
{
	const struct style style = style_of(stdout);
	json_t *name;
	enum ending ending = ask(options, "show", &name);

	if (ending == END_OK && name != NULL) {
		if (print_facts(name, &style) != OK || print_records(name, &style) != OK) {
			ending = client_fail_memory(options);
		}
		say_left_out(name);
	}
	json_decref(name);
	return (int)ending;
}

/* ---- why --------------------------------------------------------------------------------- */

static void print_rule(const json_t *rule)
{
	if (json_is_object(rule)) {
		printf("rule\t%s: %s (as the configuration is now, for %s by TCP from this "
		       "machine)\n",
		       control_text(rule, "verdict"), control_text(rule, "text"),
		       control_text(rule, "judged"));
	}
}

static void print_notes(const json_t *notes)
{
	for (size_t i = 0; i < json_array_size(notes); i++) {
		printf("note\t%s\n", json_string_value(json_array_get(notes, i)));
	}
}

static int print_answers(const json_t *answers, const struct style *style)
{
	static const struct grid_head heads[] = {{"QUERY", false},
						 {"TYPE", false},
						 {"RCODE", false},
						 {"TTL", true},
						 {"DATA", false}};
	struct grid grid;

	grid_init(&grid, heads, 5, style);
	for (size_t i = 0; i < json_array_size(answers); i++) {
		const json_t *answer = json_array_get(answers, i);
		const json_t *records = json_object_get(answer, "answer");

		for (size_t k = 0; k == 0 || k < json_array_size(records); k++) {
			const json_t *record = json_array_get(records, k);
			char ttl[CONTROL_NUMBER];
			const char *cells[] = {control_text(answer, "name"),
					       control_text(answer, "type"),
					       control_text(answer, "rcode"),
					       control_number_text(ttl, record, "ttl"),
					       control_text(record, "data")};

			grid_add(&grid, cells);
		}
	}
	fputs(style->is_terminal ? "\n" : "", stdout);
	const int ret = grid_print(&grid, stdout, style);
	grid_deinit(&grid);
	return ret;
}

int why_run(const struct options *options)
{
	const struct style style = style_of(stdout);
	json_t *name;
	enum ending ending = ask(options, "why", &name);

	if (ending == END_NOTHING) {
		say("a registration that was refused is a line in waggled's log, with the reason; "
		    "waggle policy test says what the rules make of one");
	}
	if (ending == END_OK && name != NULL) {
		int ret = print_facts(name, &style);

		print_rule(json_object_get(name, "rule"));
		print_notes(json_object_get(name, "notes"));
		ret = ret == OK ? print_records(name, &style) : ret;
		ret = ret == OK ? print_answers(json_object_get(name, "answers"), &style) : ret;
		if (ret != OK) {
			ending = client_fail_memory(options);
		}
		say_left_out(name);
	}
	json_decref(name);
	return (int)ending;
}

/* ---- metrics ----------------------------------------------------------------------------- */

int metrics_run(const struct options *options)
{
	json_t *request = json_pack("{s:s}", "command", "metrics");
	json_t *answer = NULL;
	enum ending ending = control_ask(options, request, &answer);

	json_decref(request);
	if (ending == END_OK && options->is_json) {
		ending = control_print(options, answer);
	} else if (ending == END_OK) {
		fputs(control_text(answer, "text"), stdout);
	}
	json_decref(answer);
	return (int)ending;
}
