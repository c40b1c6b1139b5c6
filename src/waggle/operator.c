/*
 * `release`, `remove`, `expire`: one question for each name, and a line for each answer. A name that is
 * refused keeps none of the others; how the first of them ended is how the command ends.
 */
#include <stdio.h>

#include "waggle/command.h"
#include "waggle/control.h"
#include "waggle/grid.h"

/* `said`: the member of the answer that is true when something has changed. */
static enum ending speak(const struct options *options, const char *command, const char *name,
			 const char *said, const char *unchanged)
{
	json_t *request =
		json_pack("{s:s, s:o, s:s*, s:s*}", "command", command, "name", control_name(name),
			  "zone", control_zone(options), "reason", options->reason);
	json_t *answer = NULL;
	enum ending ending = control_ask(options, request, &answer);

	json_decref(request);
	if (ending == END_OK && options->is_json) {
		ending = control_print(options, answer);
	} else if (ending == END_OK) {
		const char *full = json_string_value(json_object_get(answer, "name"));
		const bool is_change = json_is_true(json_object_get(answer, said));

		printf("%s%s%s\n", full == NULL ? name : full,
		       style_of(stdout).is_terminal ? ": " : "\t", is_change ? said : unchanged);
	}
	json_decref(answer);
	return ending;
}

static int speak_of_all(const struct options *options, const char *command, const char *said,
			const char *unchanged)
{
	enum ending first = END_OK;

	for (size_t i = 0; i < options->argument_count; i++) {
		const enum ending ending =
			speak(options, command, options->arguments[i], said, unchanged);

		first = first == END_OK ? ending : first;
	}
	return (int)first;
}

int release_run(const struct options *options)
{
	return speak_of_all(options, "release", "released", "was not held");
}

int remove_run(const struct options *options)
{
	return speak_of_all(options, "remove", "removed", "was not there");
}

static enum ending expire(const struct options *options, const char *type)
{
	json_t *request =
		json_pack("{s:s, s:o, s:s*, s:b}", "command", "expire", "name", control_name(type),
			  "zone", control_zone(options), "confirm", options->is_confirmed);
	json_t *answer = NULL;
	enum ending ending = control_ask(options, request, &answer);

	json_decref(request);
	if (ending == END_OK && options->is_json) {
		ending = control_print(options, answer);
	} else if (ending == END_OK) {
		const char *full = json_string_value(json_object_get(answer, "name"));

		printf("%s%s%" JSON_INTEGER_FORMAT " %s\n", full == NULL ? type : full,
		       style_of(stdout).is_terminal ? ": " : "\t",
		       json_integer_value(json_object_get(answer, "kept")),
		       options->is_confirmed ? "go" : "would go with --confirm");
	}
	json_decref(answer);
	return ending;
}

int expire_run(const struct options *options)
{
	enum ending first = END_OK;

	for (size_t i = 0; i < options->argument_count; i++) {
		const enum ending ending = expire(options, options->arguments[i]);

		first = first == END_OK ? ending : first;
	}
	return (int)first;
}
