/*
 * The text of an export becomes a command. Nothing is believed: each line is checked as the line of
 * a zone file is, and against the comment before it; what is wrong is said with file and line, and
 * nothing has happened then.
 */
#include "registry/import_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define ARENA_BLOCK 65536
#define HEX_LINE 200000 /* characters that RDATA may have in hexadecimal */

int import_fail(struct reading *reading, const char *format, ...)
{
	char *text = reading->result->error;
	const size_t size = sizeof(reading->result->error);
	va_list arguments;
	const int used = snprintf(text, size, "%.200s:%d: ", reading->options->path, reading->line);

	va_start(arguments, format);
	vsnprintf(text + used, size - (size_t)used, format, arguments);
	va_end(arguments);
	return ERR_CONF;
}

uint8_t *import_room(struct octets *octets, size_t size)
{
	if (octets->used + size > octets->room) {
		const size_t room = (octets->used + size) * 2;
		uint8_t *data = realloc(octets->data, room);

		if (data == NULL) {
			return NULL;
		}
		octets->data = data;
		octets->room = room;
	}
	octets->used += size;
	return octets->data + octets->used - size;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

bool import_hex(uint8_t *out, size_t size, const char *text)
{
	for (size_t i = 0; i < size; i++) {
		const int high = hex_digit(text[2 * i]);
		const int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

		if (low < 0) {
			return false;
		}
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

/* ---- lines ------------------------------------------------------------------------------- */

/* Is it NAME TTL IN TYPE \# ...? */
static bool is_generic(const char *line, size_t size)
{
	const char *generic = memmem(line, size, " \\# ", 4);
	unsigned blanks = 0;

	for (const char *at = line; generic != NULL && at < generic; at++) {
		blanks += *at == ' ';
	}
	return generic != NULL && blanks == 3;
}

/* The line as words one blank apart; in hexadecimal it may be longer than a zone file's. */
static int read_words(struct reading *reading, const char *line, size_t size)
{
	const char *why = NULL;

	if (size > LINES_MAX / 2 && size < HEX_LINE && is_generic(line, size)) {
		char *copy = strndup(line, size);
		const int ret = copy == NULL ? ERR_NOMEM : import_record(reading, copy);

		free(copy);
		return ret;
	}
	lines_init(&reading->lines, line, size);
	const int more = lines_next(&reading->lines, &why);
	if (more < 0) {
		return import_fail(reading, "%s", why);
	}
	return more == 0 ? OK : import_record(reading, reading->lines.text);
}

static int read_line(struct reading *reading, const char *line, size_t size)
{
	if (reading->has_end && size > 0 && line[0] != ';') {
		return import_fail(reading, "something behind the end");
	}
	if (size < 2 || line[0] != ';' || line[1] != ':') {
		return read_words(reading, line, size);
	}
	char *copy = strndup(line + 2, size - 2);
	const int ret = copy == NULL ? ERR_NOMEM : import_comment(reading, copy);
	free(copy);
	return ret;
}

static bool is_unwanted(const struct import_options *options)
{
	return options->is_unwanted != NULL &&
	       atomic_load_explicit(options->is_unwanted, memory_order_relaxed);
}

static int read_all(struct reading *reading, const char *text, size_t size)
{
	const char *end = text + size;
	struct place place = {reading->options->path, 0};
	char why[GATHER_WHY_MAX];
	int ret = OK;

	while (ret == OK && text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = newline == NULL ? end : newline;

		reading->line++;
		ret = is_unwanted(reading->options)
			      ? ERR_CLOSED
			      : read_line(reading, text, (size_t)(line_end - text));
		text = line_end + 1;
	}
	if (ret == OK && !reading->has_end) {
		ret = import_fail(reading, "the file ends without \";: end\": it is not whole");
	}
	if (ret == OK && gather_check(&reading->gather, &place, why) != OK) {
		reading->line = place.line;
		ret = import_fail(reading, "%s", why);
	}
	return ret;
}

static int make_command(struct reading *reading, uint8_t **command, size_t *command_size)
{
	const size_t size =
		command_import_size(&reading->import) + reading->names.used + reading->marks.used;
	uint8_t *octets = malloc(size);

	if (octets == NULL) {
		return ERR_NOMEM;
	}
	struct buf_writer out = buf_writer(octets, size);
	command_write_import(&out, &reading->import);
	buf_write(&out, reading->names.data, reading->names.used);
	buf_write(&out, reading->marks.data, reading->marks.used);
	reading->result->names = reading->import.count;
	*command = octets;
	*command_size = size;
	return OK;
}

int import_read(uint8_t **command, size_t *command_size, const struct import_options *options,
		const char *text, size_t size, struct import_result *result)
{
	struct reading *reading = calloc(1, sizeof(*reading));

	*result = (struct import_result){.names = 0};
	if (reading == NULL) {
		return ERR_NOMEM;
	}
	reading->options = options;
	reading->result = result;
	reading->import.is_replace = options->is_replace;
	arena_init(&reading->arena, ARENA_BLOCK);
	map_init(&reading->seen, size);
	int ret = read_all(reading, text, size);
	if (ret == OK) {
		ret = make_command(reading, command, command_size);
	}
	if (reading->zone != NULL && reading->import.zone != NULL) {
		gather_deinit(&reading->gather);
	}
	map_deinit(&reading->seen);
	arena_deinit(&reading->arena);
	free(reading->records);
	free(reading->names.data);
	free(reading->marks.data);
	free(reading);
	return ret;
}
