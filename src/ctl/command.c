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
#include "ctl/policy.h"

#define NAME_SHOWN 64 /* octets; a longer one is nobody's typing error */

struct command {
	const char *name;
	int (*run)(const struct ctl_options *options, const json_t *request, json_t *reply);
};

/* By the rules of the configuration that runs. */
static int policy_run(const struct ctl_options *options, const json_t *request, json_t *reply)
{
	return policy_judge(options->conf, request, reply);
}

/* clang-format off */
static const struct command commands[] = {
	{"status", status_run},
	{"show", show_run},
	{"why", why_run},
	{"metrics", metrics_run},
	{"policy", policy_run},
	{"expire", expire_run},
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
	{"export", export_open},
};

/* Those that take "size" octets, which follow the request. */
struct taker {
	const char *name;
	size_t most; /* octets */
	int (*take)(const struct ctl_options *options, const struct upload *upload, json_t *reply);
};

static const struct taker takers[] = {
	{"import", IMPORT_MAX, import_take},
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

static const struct taker *taker_find(const char *name)
{
	for (size_t i = 0; i < sizeof(takers) / sizeof(takers[0]); i++) {
		if (strcmp(takers[i].name, name) == 0) {
			return &takers[i];
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

/* ---- uploads ----------------------------------------------------------------------------- */

void upload_free(struct upload *upload)
{
	if (upload != NULL) {
		json_decref(upload->request);
		free(upload->octets);
		free(upload);
	}
}

static int begin_upload(const struct taker *taker, const json_t *request, struct outcome *out)
{
	const json_t *size = json_object_get(request, "size");
	const json_int_t octets = json_integer_value(size);
	struct upload *upload;

	if (!json_is_integer(size) || octets < 0 || (uint64_t)octets > taker->most) {
		char error[128];

		snprintf(error, sizeof(error), "\"size\" has to be 0 to %zu octets", taker->most);
		return command_error(&out->text, error);
	}
	upload = calloc(1, sizeof(*upload));
	if (upload != NULL) {
		upload->size = (size_t)octets;
		upload->octets = malloc(upload->size + 1);
		upload->request = json_deep_copy(request);
	}
	if (upload == NULL || upload->octets == NULL || upload->request == NULL) {
		upload_free(upload);
		return ERR_NOMEM; /* its octets would be taken for requests */
	}
	out->upload = upload;
	return OK;
}

int command_take(const struct ctl_options *options, const struct upload *upload, char **text)
{
	const char *name = json_string_value(json_object_get(upload->request, "command"));
	json_t *reply = json_pack("{s:b}", "ok", 1);
	int ret = reply == NULL ? ERR_NOMEM : taker_find(name)->take(options, upload, reply);

	if (ret == OK) {
		return dump(text, reply);
	}
	json_decref(reply);
	return command_error(text, err_text(ret));
}

/* ---- requests ---------------------------------------------------------------------------- */

static int refuse_command(const char *name, char **out)
{
	char error[128];

	snprintf(error, sizeof(error), "unknown command%s%s", strlen(name) > NAME_SHOWN ? "" : ": ",
		 strlen(name) > NAME_SHOWN ? "" : name);
	return command_error(out, error);
}

static int answer_request(const struct ctl_options *options, const json_t *request,
			  struct outcome *out)
{
	const char *name = json_string_value(json_object_get(request, "command"));
	const struct command *command = name == NULL ? NULL : command_find(name);
	const struct opener *opener = name == NULL ? NULL : opener_find(name);
	const struct taker *taker = name == NULL ? NULL : taker_find(name);
	json_t *reply;
	int ret;

	if (name == NULL) {
		return command_error(&out->text, "the request has no \"command\"");
	}
	if (taker != NULL) {
		return begin_upload(taker, request, out);
	}
	if (command == NULL && opener == NULL) {
		return refuse_command(name, &out->text);
	}
	reply = json_pack("{s:b}", "ok", 1);
	if (reply == NULL) {
		ret = ERR_NOMEM;
	} else if (command != NULL) {
		ret = command->run(options, request, reply);
	} else {
		ret = opener->open(options, request, reply, &out->more);
	}
	if (ret == OK && out->more == NULL) {
		return dump(&out->text, reply);
	}
	json_decref(reply);
	return out->more != NULL ? OK : command_error(&out->text, err_text(ret));
}

int command_answer(const struct ctl_options *options, const char *line, size_t size,
		   struct outcome *out)
{
	json_error_t error;
	json_t *request = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
	int ret;

	*out = (struct outcome){.text = NULL};
	if (!json_is_object(request)) {
		ret = command_error(&out->text, "a request is one JSON object on one line");
	} else {
		ret = answer_request(options, request, out);
	}
	json_decref(request);
	return ret;
}
