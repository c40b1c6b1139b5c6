/* `status`: one question over waggled's control socket, its answer as tables, or as it came. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "waggle/client.h"
#include "waggle/command.h"
#include "waggle/control.h"
#include "waggle/grid.h"

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
	control_seconds(up, status, "uptime_s", style->is_terminal);
	if (style->is_terminal) {
		printf("waggled %s, up %s, on %s\n\n", control_text(status, "version"), up,
		       addresses);
	} else {
		printf("server\t%s\t%s\t%s\n", control_text(status, "version"), up, addresses);
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
		char serial[CONTROL_NUMBER];
		char published[CONTROL_NUMBER];
		char hosts[CONTROL_NUMBER];
		char leases[CONTROL_NUMBER];
		const char *cells[] = {"zone",
				       control_text(zone, "name"),
				       control_text(zone, "kind"),
				       control_number_text(serial, zone, "serial"),
				       control_number_text(published, zone, "published"),
				       control_number_text(hosts, zone, "hosts"),
				       control_number_text(leases, zone, "leases"),
				       json_is_true(json_object_get(zone, "served")) ? "yes"
										     : "no"};

		add_row(&grid, style, cells);
	}
	const int ret = grid_print(&grid, stdout, style);
	grid_deinit(&grid);
	return ret;
}

/* A table behind another, and its end; nothing where it has no rows. */
static int print_further(struct grid *grid, const struct style *style)
{
	int ret = OK;

	if (grid->row_count > 0) {
		fputs(style->is_terminal ? "\n" : "", stdout);
		ret = grid_print(grid, stdout, style);
	}
	grid_deinit(grid);
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
			char members[CONTROL_NUMBER];
			char answer_max[CONTROL_NUMBER];
			const char *cells[] = {"large", control_text(type, "type"),
					       control_number_text(members, type, "members"),
					       control_number_text(answer_max, type, "answer_max")};

			add_row(&grid, style, cells);
		}
	}
	return print_further(&grid, style);
}

/* Types that are protected against mass expiry; nothing where there are none. */
static int print_protected(const json_t *types, const struct style *style)
{
	static const struct grid_head heads[] = {{"", false},
						 {"PROTECTED TYPE", false},
						 {"INSTANCES", true},
						 {"OVER", true},
						 {"FOR", true}};
	struct grid grid;

	grid_init(&grid, style->is_terminal ? heads + 1 : heads, style->is_terminal ? 4 : 5, style);
	for (size_t i = 0; i < json_array_size(types); i++) {
		const json_t *type = json_array_get(types, i);
		char instances[CONTROL_NUMBER];
		char kept[CONTROL_NUMBER];
		char time[DURATION_TEXT];
		const char *cells[] = {"protected", control_text(type, "type"),
				       control_number_text(instances, type, "instances"),
				       control_number_text(kept, type, "kept"),
				       control_seconds(time, type, "for_s", style->is_terminal)};

		add_row(&grid, style, cells);
	}
	return print_further(&grid, style);
}

static void add_instances(struct grid *grid, const json_t *zone, const struct style *style)
{
	const json_t *instances = json_object_get(zone, "instances");

	for (size_t i = 0; i < json_array_size(instances); i++) {
		const json_t *instance = json_array_get(instances, i);
		char left[DURATION_TEXT];
		char lease[DURATION_TEXT];
		const char *cells[] = {
			"instance",
			control_text(instance, "name"),
			control_seconds(left, instance, "lease_left_s", style->is_terminal),
			control_seconds(lease, instance, "lease_s", style->is_terminal),
			control_text(instance, "owner"),
			control_text(instance, "why"),
			control_text(instance, "registered")};

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
	return print_further(&grid, style);
}

static void say_left_out(const json_t *zones)
{
	for (size_t i = 0; i < json_array_size(zones); i++) {
		const json_t *zone = json_array_get(zones, i);

		if (control_number(zone, "left_out") > 0) {
			say("%s: %" JSON_INTEGER_FORMAT " more instances are not shown",
			    control_text(zone, "name"), control_number(zone, "left_out"));
		}
	}
}

static enum ending show(const struct options *options, const json_t *status)
{
	const struct style style = style_of(stdout);
	const json_t *zones = json_object_get(status, "zones");

	print_server(status, &style);
	if (print_zones(zones, &style) != OK || print_large(zones, &style) != OK ||
	    print_protected(json_object_get(status, "protected"), &style) != OK ||
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
