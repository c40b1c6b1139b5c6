/*
 * `policy test`: what the rules of the running configuration say of a registration, asked over the
 * control socket. Nothing is registered.
 */
#include <stdio.h>
#include <string.h>

#include "waggle/client.h"
#include "waggle/command.h"
#include "waggle/control.h"
#include "waggle/grid.h"
#include "waggle/json.h"

static enum ending refuse(const struct options *options, const char *problem)
{
	if (options->is_json) {
		(void)json_failure(stdout, "usage", problem, END_USAGE);
	}
	say("%s", problem);
	return END_USAGE;
}

/* The words behind NAME and TYPE. NULL: memory is out. */
static json_t *pairs_of(const struct options *options)
{
	json_t *pairs = json_array();

	for (size_t i = 3; pairs != NULL && i < options->argument_count; i++) {
		if (json_array_append_new(pairs, json_string(options->arguments[i])) != 0) {
			json_decref(pairs);
			return NULL;
		}
	}
	return pairs;
}

static void show(const json_t *answer)
{
	const bool is_terminal = style_of(stdout).is_terminal;

	printf(is_terminal ? "%s, by %s\n" : "%s\t%s\n", control_text(answer, "verdict"),
	       control_text(answer, "reason"));
}

int policy_run(const struct options *options)
{
	json_t *answer = NULL;
	enum ending ending;

	if (strcmp(options->arguments[0], "test") != 0) {
		return (int)refuse(options, "it is: waggle policy test NAME TYPE [KEY=VALUE ...]");
	}
	json_t *request = json_pack(
		"{s:s, s:s, s:s, s:o, s:s*, s:s*, s:s*, s:b, s:b}", "command", "policy", "name",
		options->arguments[1], "type", options->arguments[2], "txt", pairs_of(options),
		"zone", control_zone(options), "from", options->from, "key", options->signer, "tcp",
		options->is_tcp, "cookie", options->is_cookie);
	if (request == NULL) {
		return (int)refuse(options, "a name, a type or a pair is no UTF-8");
	}
	ending = control_ask(options, request, &answer);
	json_decref(request);
	if (ending == END_OK && options->is_json) {
		ending = control_print(options, answer);
	} else if (ending == END_OK) {
		show(answer);
	}
	if (ending == END_OK && strcmp(control_text(answer, "verdict"), "deny") == 0) {
		ending = END_REFUSED;
	}
	json_decref(answer);
	return (int)ending;
}
