/*
 * `release`, `remove`, `expire`: one question for each name, and a line for each answer. A name that is
 * refused keeps none of the others; how the first of them ended is how the command ends.
 */
#include <stdio.h>

#include "waggle/command.h"
#include "waggle/control.h"
#include "waggle/grid.h"

/* What has come of it, behind the name. */
typedef void (*tell_fn)(const struct options *options, const json_t *answer);

static enum ending speak(const struct options *options, const char *command, const char *name,
			 tell_fn tell)
{
	json_t *request =
		json_pack("{s:s, s:o, s:s*, s:s*, s:o*}", "command", command, "name",
			  control_name(name), "zone", control_zone(options), "reason",
			  options->reason, "confirm", options->is_confirmed ? json_true() : NULL);
	json_t *answer = NULL;
	enum ending ending = control_ask(options, request, &answer);

	json_decref(request);
	if (ending == END_OK && options->is_json) {
		ending = control_print(options, answer);
	} else if (ending == END_OK) {
		const char *full = json_string_value(json_object_get(answer, "name"));

		printf("%s%s", full == NULL ? name : full,
		       style_of(stdout).is_terminal ? ": " : "\t");
		tell(options, answer);
		putchar('\n');
	}
	json_decref(answer);
	return ending;
}

static int speak_of_all(const struct options *options, const char *command, tell_fn tell)
{
	enum ending first = END_OK;

	for (size_t i = 0; i < options->argument_count; i++) {
		const enum ending ending = speak(options, command, options->arguments[i], tell);

		first = first == END_OK ? ending : first;
	}
	return (int)first;
}

static void tell_released(const struct options *options, const json_t *answer)
{
	(void)options;
	fputs(json_is_true(json_object_get(answer, "released")) ? "released" : "was not held",
	      stdout);
}

static void tell_removed(const struct options *options, const json_t *answer)
{
	(void)options;
	fputs(json_is_true(json_object_get(answer, "removed")) ? "removed" : "was not there",
	      stdout);
}

static void tell_expired(const struct options *options, const json_t *answer)
{
	printf("%" JSON_INTEGER_FORMAT " %s", json_integer_value(json_object_get(answer, "kept")),
	       options->is_confirmed ? "go" : "would go with --confirm");
}

int release_run(const struct options *options)
{
	return speak_of_all(options, "release", tell_released);
}

int remove_run(const struct options *options)
{
	return speak_of_all(options, "remove", tell_removed);
}

int expire_run(const struct options *options)
{
	return speak_of_all(options, "expire", tell_expired);
}
