/*
 * `status`: one question over waggled's control socket, its answer as tables, or as it came.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "waggle/client.h"
#include "waggle/command.h"
#include "waggle/control.h"
#include "waggle/grid.h"
#include "waggle/say.h"

/* ---- tables ------------------------------------------------------------------------------ */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

static json_int_t number_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

#define NUMBER_TEXT 24

static const char *number_text(char out[NUMBER_TEXT], const json_t *object, const char *key)
{
	snprintf(out, NUMBER_TEXT, "%" JSON_INTEGER_FORMAT, number_of(object, key));
	return out;
}

/* Seconds for a person, or for a program; "" for null: no lease. */
static const char *seconds_text(char out[DURATION_TEXT], const json_t *object, const char *key,
				const struct style *style)
{
	const json_t *value = json_object_get(object, key);
	const json_int_t seconds = json_integer_value(value);

	if (!json_is_integer(value) || seconds < 0) {
		return "";
	}
	if (style->is_terminal) {
		return duration_text(out, (uint64_t)seconds);
	}
	snprintf(out, DURATION_TEXT, "%" JSON_INTEGER_FORMAT, seconds);
	return out;
}

static void print_server(const json_t *status, const struct style *style)
{
	char up[DURATION_TEXT];
	char addresses[1024] = "";
	const json_t *listen = json_object_get(status, "listen");
	size_t used = 0;

	for (size_t i = 0; i < json_array_size(listen) && used < sizeof(addresses); i++) {
		const char *address = json_string_value(json_array_get(listen, i));

		used += (size_t)snprintf(addresses + used, sizeof(addresses) - used, "%s%s",
					 i == 0               ? ""
					 : style->is_terminal ? ", "
							      : ",",
					 address == NULL ? "" : address);
	}
	seconds_text(up, status, "uptime_s", style);
	if (style->is_terminal) {
		printf("waggled %s, up %s, on %s\n\n", text_of(status, "version"), up, addresses);
	} else {
		printf("server\t%s\t%s\t%s\n", text_of(status, "version"), up, addresses);
	}
}

/* The first column says what a row is; a terminal's tables have heads instead. */
static void add_row(struct grid *grid, const struct style *style, const char **cells)
{
	grid_add(grid, style->is_terminal ? cells + 1 : cells);
}

static int print_zones(const json_t *zones, const struct style *style)
{
	static const struct grid_head heads[] = {
		{"", false},         {"ZONE", false}, {"KIND", false},  {"SERIAL", true},
		{"PUBLISHED", true}, {"HOSTS", true}, {"LEASES", true}, {"SERVED", false}};
	struct grid grid;

	grid_init(&grid, style->is_terminal ? heads + 1 : heads, style->is_terminal ? 7 : 8, style);
	for (size_t i = 0; i < json_array_size(zones); i++) {
		const json_t *zone = json_array_get(zones, i);
		char serial[NUMBER_TEXT];
		char published[NUMBER_TEXT];
		char hosts[NUMBER_TEXT];
		char leases[NUMBER_TEXT];
		const char *cells[] = {"zone",
				       text_of(zone, "name"),
				       text_of(zone, "kind"),
				       number_text(serial, zone, "serial"),
				       number_text(published, zone, "published"),
				       number_text(hosts, zone, "hosts"),
				       number_text(leases, zone, "leases"),
				       json_is_true(json_object_get(zone, "served")) ? "yes"
										     : "no"};

		add_row(&grid, style, cells);
	}
	const int ret = grid_print(&grid, stdout, style);
	grid_deinit(&grid);
	return ret;
}

/* Types that are shown in part, or that BIND refuses; nothing where there are none. */
static int print_large(const json_t *zones, const struct style *style)
{
	static const struct grid_head heads[] = {
		{"", false}, {"LARGE TYPE", false}, {"MEMBERS", true}, {"ANSWER-MAX", true}};
	struct grid grid;

	grid_init(&grid, style->is_terminal ? heads + 1 : heads, style->is_terminal ? 3 : 4, style);
	for (size_t i = 0; i < json_array_size(zones); i++) {
		const json_t *large = json_object_get(json_array_get(zones, i), "large");

		for (size_t k = 0; k < json_array_size(large); k++) {
			const json_t *type = json_array_get(large, k);
			char members[NUMBER_TEXT];
			char answer_max[NUMBER_TEXT];
			const char *cells[] = {"large", text_of(type, "type"),
					       number_text(members, type, "members"),
					       number_text(answer_max, type, "answer_max")};

			add_row(&grid, style, cells);
		}
	}
	int ret = OK;
	if (grid.row_count > 0) {
		fputs(style->is_terminal ? "\n" : "", stdout);
		ret = grid_print(&grid, stdout, style);
	}
	grid_deinit(&grid);
	return ret;
}

static void add_instances(struct grid *grid, const json_t *zone, const struct style *style)
{
	const json_t *instances = json_object_get(zone, "instances");

	for (size_t i = 0; i < json_array_size(instances); i++) {
		const json_t *instance = json_array_get(instances, i);
		char left[DURATION_TEXT];
		char lease[DURATION_TEXT];
		const char *cells[] = {"instance",
				       text_of(instance, "name"),
				       seconds_text(left, instance, "lease_left_s", style),
				       seconds_text(lease, instance, "lease_s", style),
				       text_of(instance, "owner"),
				       text_of(instance, "why"),
				       text_of(instance, "registered")};

		add_row(grid, style, cells);
	}
}

static int print_instances(const json_t *zones, const struct style *style)
{
	static const struct grid_head heads[] = {
		{"", false},      {"INSTANCE", false}, {"LEFT", true},       {"LEASE", true},
		{"OWNER", false}, {"STATE", false},    {"REGISTERED", false}};
	struct grid grid;

	grid_init(&grid, style->is_terminal ? heads + 1 : heads, style->is_terminal ? 6 : 7, style);
	for (size_t i = 0; i < json_array_size(zones); i++) {
		add_instances(&grid, json_array_get(zones, i), style);
	}
	int ret = OK;
	if (grid.row_count > 0) {
		fputs(style->is_terminal ? "\n" : "", stdout);
		ret = grid_print(&grid, stdout, style);
	}
	grid_deinit(&grid);
	return ret;
}

static void say_left_out(const json_t *zones)
{
	for (size_t i = 0; i < json_array_size(zones); i++) {
		const json_t *zone = json_array_get(zones, i);

		if (number_of(zone, "left_out") > 0) {
			say("%s: %" JSON_INTEGER_FORMAT " more instances are not shown",
			    text_of(zone, "name"), number_of(zone, "left_out"));
		}
	}
}

static enum ending show(const struct options *options, const json_t *status)
{
	const struct style style = style_of(stdout);
	const json_t *zones = json_object_get(status, "zones");

	print_server(status, &style);
	if (print_zones(zones, &style) != OK || print_large(zones, &style) != OK ||
	    print_instances(zones, &style) != OK) {
		return client_fail_memory(options);
	}
	say_left_out(zones);
	return END_OK;
}

/* ---- the command ------------------------------------------------------------------------- */

int status_run(const struct options *options)
{
	json_t *request = json_pack("{s:s}", "command", "status");
	json_t *status = NULL;
	enum ending ending = control_ask(options, request, &status);

	json_decref(request);
	if (ending == END_OK && options->is_json) {
		ending = control_print(options, status);
	} else if (ending == END_OK) {
		ending = show(options, status);
	}
	json_decref(status);
	return (int)ending;
}
