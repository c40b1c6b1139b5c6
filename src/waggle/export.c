/*
 * `export` and `import`: a registry zone as text to standard output, and from a file into the
 * waggled of this machine.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "waggle/client.h"
#include "waggle/command.h"
#include "waggle/control.h"
#include "waggle/json.h"

#define IMPORT_TIMEOUT_MS 600000
#define READ_SIZE 65536

/* ---- export ------------------------------------------------------------------------------ */

/* Prints pieces until the last line. */
static enum ending print_text(struct control *control, const struct options *options)
{
	for (;;) {
		const char *line;
		json_t *object;
		enum ending ending = control_read(control, &line, &object);

		if (ending != END_OK) {
			return ending;
		}
		const bool is_last = json_is_true(json_object_get(object, "ok"));
		ending = options->is_json ? control_put(line, "\n")
					  : control_put(control_text(object, "text"), "");
		json_decref(object);
		if (ending != END_OK || is_last) {
			return ending;
		}
	}
}

int export_run(const struct options *options)
{
	const char *zone =
		options->argument_count > 0 ? options->arguments[0] : control_zone(options);
	json_t *request = json_pack("{s:s, s:o*}", "command", "export", "zone",
				    zone == NULL ? NULL : control_name(zone));
	struct control *control;
	enum ending ending = control_open(&control, options, CONTROL_LONG_MS);

	if (ending == END_OK) {
		ending = control_send(control, request);
	}
	if (ending == END_OK) {
		ending = print_text(control, options);
	}
	json_decref(request);
	control_close(control);
	return (int)ending;
}

/* ---- import ------------------------------------------------------------------------------ */

struct octets {
	char *data;
	size_t size;
};

/* ERR_IO (errno), ERR_NOMEM. */
static int read_stream(FILE *file, struct octets *out)
{
	size_t room = READ_SIZE;

	out->data = malloc(room);
	while (out->data != NULL) {
		const size_t got = fread(out->data + out->size, 1, room - out->size, file);

		out->size += got;
		if (got == 0) {
			return ferror(file) ? ERR_IO : OK;
		}
		if (out->size == room) {
			char *bigger = realloc(out->data, room * 2);

			if (bigger == NULL) {
				return ERR_NOMEM;
			}
			out->data = bigger;
			room *= 2;
		}
	}
	return ERR_NOMEM;
}

static enum ending read_file(const struct options *options, const char *path, struct octets *out)
{
	const bool is_standard = strcmp(path, "-") == 0;
	FILE *file = is_standard ? stdin : fopen(path, "rb");
	int ret = file == NULL ? ERR_IO : read_stream(file, out);
	char text[512];

	if (ret == ERR_IO) {
		snprintf(text, sizeof(text), "%s: %s", path, strerror(errno));
		(void)client_refuse(options, "file", text, END_USAGE);
	}
	if (file != NULL && !is_standard) {
		fclose(file);
	}
	return ret == OK ? END_OK : ret == ERR_IO ? END_USAGE : client_fail_memory(options);
}

static enum ending send_file(const struct options *options, const char *path,
			     const struct octets *octets)
{
	json_t *request =
		json_pack("{s:s, s:o, s:I, s:b}", "command", "import", "file", control_name(path),
			  "size", (json_int_t)octets->size, "replace", options->is_replace);
	struct control *control;
	json_t *answer = NULL;
	const char *line;
	enum ending ending = control_open(&control, options, IMPORT_TIMEOUT_MS);

	if (ending == END_OK) {
		ending = control_send(control, request);
	}
	if (ending == END_OK) {
		ending = control_send_octets(control, octets->data, octets->size);
	}
	if (ending == END_OK) {
		ending = control_read(control, &line, &answer);
	}
	if (ending == END_OK && options->is_json) {
		puts(line);
	} else if (ending == END_OK) {
		printf("%s\t%" JSON_INTEGER_FORMAT "\n", control_text(answer, "zone"),
		       control_number(answer, "names"));
	}
	json_decref(request);
	json_decref(answer);
	control_close(control);
	return ending;
}

int import_run(const struct options *options)
{
	const char *path = options->arguments[0];
	struct octets octets = {.size = 0};
	enum ending ending = read_file(options, path, &octets);

	if (ending == END_OK) {
		ending = send_file(options, path, &octets);
	}
	free(octets.data);
	return (int)ending;
}
