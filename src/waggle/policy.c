/*
 * `policy test`: what the rules say of a registration: those of the running configuration, asked
 * over the control socket, or those of a file, read here as waggled would. Nothing is registered.
 */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "conf/conf.h"
#include "ctl/policy.h"
#include "waggle/client.h"
#include "waggle/command.h"
#include "waggle/control.h"
#include "waggle/grid.h"
#include "waggle/json.h"

static enum ending refuse(const struct options *options, const char *problem)
{
	return client_refuse(options, "usage", problem, END_USAGE);
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

/* Reads the file as waggled does. Unless END_OK it has said what is wrong, and where. */
static enum ending load(struct conf **out, const struct options *options)
{
	struct conf_error error = {{0}};
	const int ret = conf_load(out, options->config, &error);

	if (ret == OK) {
		return END_OK;
	}
	if (ret == ERR_NOMEM) {
		return client_fail_memory(options);
	}
	return client_refuse(options, "argument", error.text, END_USAGE);
}

/* As control_ask(), of a file. */
static enum ending ask_file(const struct options *options, const json_t *request, json_t **out)
{
	struct conf *conf = NULL;
	enum ending ending = load(&conf, options);

	*out = NULL;
	if (ending != END_OK) {
		return ending;
	}
	json_t *answer = json_pack("{s:b}", "ok", 1);
	if (answer == NULL || policy_judge(conf, request, answer) != OK) {
		ending = client_fail_memory(options);
	} else if (json_is_false(json_object_get(answer, "ok"))) {
		ending = control_refused(options, answer);
	}
	conf_unref(conf);
	if (ending == END_OK) {
		*out = answer;
	} else {
		json_decref(answer);
	}
	return ending;
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
	ending = options->config == NULL ? control_ask(options, request, &answer)
					 : ask_file(options, request, &answer);
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
