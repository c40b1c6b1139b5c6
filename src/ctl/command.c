/*
 * The table of commands, and the way from a line to its answer: JSON, the name, the row, JSON. A
 * command fills an object that has "ok" already; a text as its result is an error to its caller.
 */
#include "ctl/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "ctl/inside.h"

#define NAME_SHOWN 64 /* octets; a longer one is nobody's typing error */

struct command {
	const char *name;
	int (*run)(const struct ctl_options *options, const json_t *request, json_t *reply);
};

static const struct command commands[] = {
	{"status", status_run},
	{"release", release_run},
	{"remove", remove_run},
};

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			return &commands[i];
		}
	}
	return NULL;
}

/* Takes `reply`, which may be NULL where memory was out. */
static int dump(char **out, json_t *reply)
{
	size_t size = json_dumpb(reply, NULL, 0, JSON_COMPACT);
	char *text = reply == NULL || size == 0 ? NULL : malloc(size + 2);

	if (text != NULL && json_dumpb(reply, text, size, JSON_COMPACT) == size) {
		text[size] = '\n';
		text[size + 1] = '\0';
	} else {
		free(text);
		text = NULL;
	}
	json_decref(reply);
	*out = text;
	return text == NULL ? ERR_NOMEM : OK;
}

int command_error(char **out, const char *error)
{
	return dump(out, json_pack("{s:b, s:s}", "ok", 0, "error", error));
}

static int answer_request(const struct ctl_options *options, const json_t *request, char **out)
{
	const char *name = json_string_value(json_object_get(request, "command"));
	const struct command *command;
	json_t *reply;
	int ret;

	if (name == NULL) {
		return command_error(out, "the request has no \"command\"");
	}
	command = command_find(name);
	if (command == NULL) {
		char error[128];

		snprintf(error, sizeof(error), "unknown command%s%s",
			 strlen(name) > NAME_SHOWN ? "" : ": ",
			 strlen(name) > NAME_SHOWN ? "" : name);
		return command_error(out, error);
	}
	reply = json_pack("{s:b}", "ok", 1);
	ret = reply == NULL ? ERR_NOMEM : command->run(options, request, reply);
	if (ret == OK) {
		return dump(out, reply);
	}
	json_decref(reply);
	return command_error(out, err_text(ret));
}

int command_answer(const struct ctl_options *options, const char *line, size_t size, char **out)
{
	json_error_t error;
	json_t *request = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
	int ret;

	if (!json_is_object(request)) {
		ret = command_error(out, "a request is one JSON object on one line");
	} else {
		ret = answer_request(options, request, out);
	}
	json_decref(request);
	return ret;
}
