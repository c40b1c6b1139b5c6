/*
 * `status`: one question over waggled's control socket, its answer as tables, or as it came.
 *
 * What can fail: the socket (its path and what to do are said), an answer that is none.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "waggle/client.h"
#include "waggle/command.h"
#include "waggle/grid.h"
#include "waggle/json.h"
#include "waggle/say.h"

#define CONTROL_STANDARD "/var/lib/waggle/control"
#define TIMEOUT_MS 5000
#define ANSWER_MAX (64u << 20)
#define REQUEST "{\"command\":\"status\"}\n"

static enum ending fail(const struct options *options, enum ending ending, const char *path,
			const char *what)
{
	char text[512];
	const char *code = ending == END_REFUSED  ? "refused"
			   : ending == END_USAGE  ? "argument"
			   : ending == END_FAILED ? "system"
						  : "unreachable";

	snprintf(text, sizeof(text), "%s: %s", path, what);
	if (options->is_json) {
		(void)json_failure(stdout, code, text, (int)ending);
	}
	say("%s", text);
	return ending;
}

/* ---- the socket -------------------------------------------------------------------------- */

static enum ending fail_connect(const struct options *options, const char *path, int error)
{
	const enum ending ending =
		fail(options, error == EACCES || error == EPERM ? END_REFUSED : END_NO_ANSWER, path,
		     strerror(error));

	if (ending == END_REFUSED) {
		say("waggled's user and group may ask, and root; run this as one of them");
	} else {
		say("does waggled run here? its socket is `control` in its data directory; -c PATH "
		    "or "
		    "WAGGLE_CONTROL says which");
	}
	return ending;
}

static enum ending connect_to(const struct options *options, const char *path, int *out)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path)) {
		return fail(options, END_USAGE, path, "a socket's path has at most 107 octets");
	}
	strcpy(address.sun_path, path);
	*out = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*out < 0 || connect(*out, (struct sockaddr *)&address, sizeof(address)) != 0) {
		return fail_connect(options, path, errno);
	}
	return END_OK;
}

/* Appends what comes until a newline; ERR_CLOSED, ERR_IO (errno), ERR_FULL, ERR_NOMEM. */
static int read_line(int socket, char **out, uint64_t end_ms)
{
	size_t room = 65536;
	size_t size = 0;
	char *text = malloc(room);

	while (text != NULL && (size == 0 || text[size - 1] != '\n')) {
		struct pollfd wait = {.fd = socket, .events = POLLIN};
		const uint64_t now_ms = clock_mono_ms();
		ssize_t got = -1;

		if (size + 1 == room) {
			char *bigger = room < ANSWER_MAX ? realloc(text, room * 2) : NULL;
			if (bigger == NULL) {
				free(text);
				return room < ANSWER_MAX ? ERR_NOMEM : ERR_FULL;
			}
			text = bigger;
			room *= 2;
		}
		errno = ETIMEDOUT;
		if (now_ms < end_ms && poll(&wait, 1, (int)(end_ms - now_ms)) > 0) {
			got = read(socket, text + size, room - size - 1);
		}
		if (got <= 0) {
			free(text);
			return got == 0 ? ERR_CLOSED : ERR_IO;
		}
		size += (size_t)got;
	}
	if (text == NULL) {
		return ERR_NOMEM;
	}
	text[size - 1] = '\0';
	*out = text;
	return OK;
}

/* *out: the line, the caller's to free. */
static enum ending ask(const struct options *options, const char *path, char **out)
{
	const uint32_t timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : TIMEOUT_MS;
	const uint64_t end_ms = clock_mono_ms() + timeout_ms;
	int socket = -1;
	enum ending ending = connect_to(options, path, &socket);

	if (ending == END_OK) {
		const size_t size = strlen(REQUEST);
		int ret = send(socket, REQUEST, size, MSG_NOSIGNAL) == (ssize_t)size ? OK : ERR_IO;

		if (ret == OK) {
			ret = read_line(socket, out, end_ms);
		}
		if (ret != OK) {
			ending = fail(options, ret == ERR_NOMEM ? END_FAILED : END_NO_ANSWER, path,
				      ret == ERR_IO ? strerror(errno) : err_text(ret));
		}
	}
	if (socket >= 0) {
		close(socket);
	}
	return ending;
}

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

static const char *control_path(const struct options *options)
{
	const char *path = options->control;

	if (path == NULL) {
		path = secure_getenv("WAGGLE_CONTROL");
	}
	return path == NULL || *path == '\0' ? CONTROL_STANDARD : path;
}

int status_run(const struct options *options)
{
	const char *path = control_path(options);
	char *line = NULL;
	enum ending ending = ask(options, path, &line);

	if (ending != END_OK) {
		return (int)ending;
	}
	json_t *status = json_loads(line, 0, NULL);
	if (!json_is_object(status)) {
		ending = fail(options, END_NO_ANSWER, path, "this is no waggled: no JSON came");
	} else if (!json_is_true(json_object_get(status, "ok"))) {
		ending = fail(options, END_REFUSED, path, text_of(status, "error"));
	} else if (options->is_json) {
		puts(line);
	} else {
		ending = show(options, status);
	}
	json_decref(status);
	free(line);
	return (int)ending;
}
