/*
 * `export` and `import`: a registry zone as text (registry/text.h) leaves piece by piece, from a
 * root that is held meanwhile; a text that came whole is read, and becomes one command.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/memory.h"
#include "ctl/inside.h"
#include "dns/types.h"
#include "registry/text.h"

#define PIECE 32768 /* octets of text in one line, about */
#define GARBAGE_MAX ((uint64_t)1 << 30) /* octets of old versions that one export may keep */

/* ---- export ------------------------------------------------------------------------------ */

struct export_answer {
	struct answer answer;
	struct core *core;
	const struct root *root; /* held */
	uint64_t garbage; /* core_garbage() when it began */
	struct export *export;
	bool is_last; /* the text is over, the last line is not sent */
	bool is_over;
};

/* One line, newline included; takes `line` (NULL: no memory). */
static int dump_line(char **out, json_t *line)
{
	char *text = line == NULL ? NULL : json_dumps(line, JSON_COMPACT);

	json_decref(line);
	if (text == NULL) {
		return ERR_NOMEM;
	}
	const size_t size = strlen(text);
	*out = realloc(text, size + 2);
	if (*out == NULL) {
		free(text);
		return ERR_NOMEM;
	}
	memcpy(*out + size, "\n", 2);
	return OK;
}

static int next_piece(struct export_answer *export, char **out)
{
	struct memory_stream stream;
	char *text;
	int ret = memory_open(&stream);

	if (ret != OK) {
		return ret;
	}
	ret = export_piece(export->export, stream.file, PIECE, &export->is_last);
	const int kept = memory_close(&stream, &text, NULL);
	ret = ret == OK ? kept : ret;
	if (ret == OK) {
		ret = dump_line(out, json_pack("{s:s}", "text", text));
	}
	free(text);
	return ret;
}

static int export_next(struct answer *answer, char **out)
{
	struct export_answer *export = (struct export_answer *)answer;

	*out = NULL;
	if (export->is_over) {
		return OK;
	}
	if (core_garbage(export->core) - export->garbage > GARBAGE_MAX) {
		export->is_over = true;
		return command_error(out, "it was read too slowly, while much changed: try again");
	}
	if (!export->is_last) {
		return next_piece(export, out);
	}
	export->is_over = true;
	return dump_line(out, json_pack("{s:b, s:I}", "ok", 1, "names",
					(json_int_t)export_count(export->export)));
}

static void answer_end(struct answer *answer)
{
	struct export_answer *export = (struct export_answer *)answer;

	export_free(export->export);
	if (export->root != NULL) {
		core_release(export->core, export->root);
	}
	free(export);
}

int export_open(const struct ctl_options *options, const json_t *request, json_t *reply,
		struct answer **more)
{
	struct export_answer *export = calloc(1, sizeof(*export));
	const struct zone *zone;
	int ret;

	if (export == NULL) {
		return ERR_NOMEM;
	}
	export->answer = (struct answer){.next = export_next, .free = answer_end};
	export->core = options->core;
	export->garbage = core_garbage(options->core);
	export->root = core_hold(options->core);
	ret = export->root == NULL ? ERR_NOMEM : ctl_find_zone(export->root, request, reply, &zone);
	ret = ret == OK ? export_new(&export->export, zone) : ret;
	if (ret != OK) {
		answer_end(&export->answer);
		return ret == ERR_FORMAT ? OK : ret; /* it is refused */
	}
	*more = &export->answer;
	return OK;
}

/* ---- import ------------------------------------------------------------------------------ */

/* Takes `command`. */
static int submit(const struct ctl_options *options, uint8_t *command, size_t size,
		  const struct import_result *read, json_t *reply)
{
	struct command_result result = {0};
	char zone[DNS_NAME_TEXT_MAX];
	const int ret = core_submit_wait(options->core, command, size, &result);

	if (ret == ERR_FULL) {
		return ctl_refuse(reply, NULL, "%s",
				  "too much waits for the log now; nothing has changed, try again");
	}
	if (ret != OK) {
		return ret;
	}
	if (result.rcode != DNS_RCODE_NOERROR) {
		return ctl_refuse(reply, NULL, "%s; nothing has changed", result.ede_text);
	}
	log_line(LOG_LEVEL_INFO, "zone imported", "zone=%s names=%zu",
		 log_quote(zone, sizeof(zone), read->zone), read->names);
	return json_object_set_new(reply, "zone", json_string(read->zone)) == 0 &&
			       json_object_set_new(reply, "names",
						   json_integer((json_int_t)read->names)) == 0
		       ? OK
		       : ERR_NOMEM;
}

int import_take(const struct ctl_options *options, const struct upload *upload, json_t *reply)
{
	const json_t *request = upload->request;
	const char *path = json_string_value(json_object_get(request, "file"));
	struct import_options wanted = {
		.root = core_hold(options->core),
		.path = path == NULL ? "import" : path,
		.is_replace = json_is_true(json_object_get(request, "replace")),
		.is_unwanted = &upload->is_unwanted,
	};
	struct import_result read;
	uint8_t *command = NULL;
	size_t command_size = 0;
	int ret;

	if (wanted.root == NULL) {
		return ERR_NOMEM;
	}
	ret = import_read(&command, &command_size, &wanted, upload->octets, upload->size, &read);
	core_release(options->core, wanted.root);
	if (ret == ERR_CLOSED) {
		log_line(LOG_LEVEL_INFO, "import given up", "size=%zu", upload->size);
	}
	if (ret == ERR_CONF) {
		return ctl_refuse(reply, NULL, "%s; nothing has changed", read.error);
	}
	return ret == OK ? submit(options, command, command_size, &read, reply) : ret;
}
