/*
 * The table of commands, and the way from a line to its answer: JSON, the name, the row, JSON. A
 * command fills an object that has "ok" already, or refuses by ctl_refuse(). One that answers
 * with many lines opens them instead; each is an object, and only the last one has "ok".
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

/* clang-format off */
static const struct command commands[] = {
	{"status", status_run},
	{"show", show_run},
	{"why", why_run},
	{"metrics", metrics_run},
	{"policy", policy_run},
	{"release", release_run},
	{"remove", remove_run},
};
/* clang-format on */

/* Those that answer with many lines; *more stays NULL where `reply` was made a refusal. */
struct opener {
	const char *name;
	int (*open)(const struct ctl_options *options, const json_t *request, json_t *reply,
		    struct answer **more);
};

static const struct opener openers[] = {
	{"list", list_open},
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

static const struct opener *opener_find(const char *name)
{
	for (size_t i = 0; i < sizeof(openers) / sizeof(openers[0]); i++) {
		if (strcmp(openers[i].name, name) == 0) {
			return &openers[i];
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

void answer_free(struct answer *answer)
{
	if (answer != NULL) {
		answer->free(answer);
	}
}

static int answer_request(const struct ctl_options *options, const json_t *request, char **out,
			  struct answer **more)
{
	const char *name = json_string_value(json_object_get(request, "command"));
	const struct command *command;
	const struct opener *opener;
	json_t *reply;
	int ret;

	if (name == NULL) {
		return command_error(out, "the request has no \"command\"");
	}
	command = command_find(name);
	opener = opener_find(name);
	if (command == NULL && opener == NULL) {
		char error[128];

		snprintf(error, sizeof(error), "unknown command%s%s",
			 strlen(name) > NAME_SHOWN ? "" : ": ",
			 strlen(name) > NAME_SHOWN ? "" : name);
		return command_error(out, error);
	}
	reply = json_pack("{s:b}", "ok", 1);
	if (reply == NULL) {
		ret = ERR_NOMEM;
	} else if (command != NULL) {
		ret = command->run(options, request, reply);
	} else {
		ret = opener->open(options, request, reply, more);
	}
	if (ret == OK && *more == NULL) {
		return dump(out, reply);
	}
	json_decref(reply);
	return *more != NULL ? OK : command_error(out, err_text(ret));
}

int command_answer(const struct ctl_options *options, const char *line, size_t size, char **out,
		   struct answer **more)
{
	json_error_t error;
	json_t *request = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
	int ret;

	*out = NULL;
	*more = NULL;
	if (!json_is_object(request)) {
		ret = command_error(out, "a request is one JSON object on one line");
	} else {
		ret = answer_request(options, request, out, more);
	}
	json_decref(request);
	return ret;
}
