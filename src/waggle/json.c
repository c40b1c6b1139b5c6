/*
 * From structures to JSON, by jansson. Texts of strangers may be no UTF-8: octets that are not
 * become \DDD in names, and a TXT value that is not is an object {"base64": ...}.
 */
#include "waggle/json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "waggle/say.h"

/*
 * Takes `value`; NULL is memory that was out. Measured first, since json_dumps() loses text where
 * its buffer cannot grow.
 */
static int print(FILE *stream, json_t *value)
{
	const size_t size = value == NULL ? 0 : json_dumpb(value, NULL, 0, JSON_COMPACT);
	char *text = size == 0 ? NULL : malloc(size + 1);
	const bool is_whole = text != NULL && json_dumpb(value, text, size, JSON_COMPACT) == size;

	if (is_whole) {
		text[size] = '\n';
		fwrite(text, 1, size + 1, stream);
		fflush(stream);
	}
	json_decref(value);
	free(text);
	return is_whole ? OK : ERR_NOMEM;
}

/* ---- text -------------------------------------------------------------------------------- */

/* Octets of the UTF-8 character at `text` (RFC 3629); 0: it is none. */
static size_t utf8_size(const uint8_t *text, size_t left)
{
	static const struct {
		uint8_t first, last; /* of the first octet */
		uint8_t least, most; /* of the second one */
		uint8_t size;
	} rows[] = {
		{0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2},
		{0xe0, 0xe0, 0xa0, 0xbf, 3}, {0xe1, 0xec, 0x80, 0xbf, 3},
		{0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
		{0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4},
		{0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	size_t i = 0;

	while (i < sizeof(rows) / sizeof(rows[0]) &&
	       (text[0] < rows[i].first || text[0] > rows[i].last)) {
		i++;
	}
	if (i == sizeof(rows) / sizeof(rows[0]) || rows[i].size > left) {
		return 0;
	}
	if (rows[i].size > 1 && (text[1] < rows[i].least || text[1] > rows[i].most)) {
		return 0;
	}
	for (size_t k = 2; k < rows[i].size; k++) {
		if ((text[k] & 0xc0) != 0x80) {
			return 0;
		}
	}
	return rows[i].size;
}

static bool is_utf8(const char *text, size_t size)
{
	for (size_t at = 0; at < size;) {
		const size_t octets = utf8_size((const uint8_t *)text + at, size - at);

		if (octets == 0) {
			return false;
		}
		at += octets;
	}
	return true;
}

/* Text that may be NULL (null) or no UTF-8. */
static json_t *text_or_null(const char *text)
{
	if (text == NULL) {
		return json_null();
	}
	if (is_utf8(text, strlen(text))) {
		return json_string(text);
	}
	const size_t room = strlen(text) * 4 + 1;
	char *escaped = malloc(room);
	size_t used = 0;
	for (size_t i = 0; escaped != NULL && text[i] != '\0'; i++) {
		const unsigned char octet = (unsigned char)text[i];

		used += (size_t)snprintf(escaped + used, room - used,
					 octet < 0x80 ? "%c" : "\\%03u", octet);
	}
	json_t *value = escaped == NULL ? NULL : json_string(escaped);
	free(escaped);
	return value;
}

static json_t *base64(const uint8_t *octets, size_t size)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char text[4 * 86 + 1]; /* a TXT string has at most 255 octets */
	size_t used = 0;

	for (size_t i = 0; i < size && used + 4 < sizeof(text); i += 3) {
		const size_t left = size - i;
		const unsigned group = (unsigned)octets[i] << 16 |
				       (left > 1 ? (unsigned)octets[i + 1] << 8 : 0) |
				       (left > 2 ? (unsigned)octets[i + 2] : 0);

		text[used++] = alphabet[group >> 18];
		text[used++] = alphabet[group >> 12 & 63];
		text[used++] = left > 1 ? alphabet[group >> 6 & 63] : '=';
		text[used++] = left > 2 ? alphabet[group & 63] : '=';
	}
	text[used] = '\0';
	return json_pack("{s:s}", "base64", text);
}

static json_t *txt_value(const struct waggle_txt *pair)
{
	if (pair->value == NULL) {
		return json_null();
	}
	return is_utf8(pair->value, pair->value_size)
		       ? json_stringn(pair->value, pair->value_size)
		       : base64((const uint8_t *)pair->value, pair->value_size);
}

static json_t *number_or_null(int number)
{
	return number == WAGGLE_NO_CODE ? json_null() : json_integer(number);
}

/* Takes both; `list` may be NULL already. NULL when memory is out. */
static json_t *append(json_t *list, json_t *value)
{
	if (list != NULL && json_array_append_new(list, value) == 0) {
		return list;
	}
	if (list == NULL) {
		json_decref(value);
	}
	json_decref(list);
	return NULL;
}

/* ---- answers ----------------------------------------------------------------------------- */

static json_t *address_list(const union waggle_address *addresses, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; list != NULL && i < count; i++) {
		char text[WAGGLE_ADDRESS_TEXT];

		waggle_address_text(text, &addresses[i]);
		text[strcspn(text, "@")] = '\0';
		list = append(list, json_string(text));
	}
	return list;
}

static json_t *txt_object(const struct waggle_endpoint *endpoint)
{
	json_t *object = json_object();

	for (size_t i = 0; object != NULL && i < endpoint->txt_count; i++) {
		const struct waggle_txt *pair = &endpoint->txt[i];

		if (json_object_set_new(object, pair->key, txt_value(pair)) != 0) {
			json_decref(object);
			object = NULL;
		}
	}
	return object;
}

static json_t *endpoint_object(const struct waggle_endpoint *endpoint)
{
	return json_pack("{s:o, s:o, s:o, s:i, s:i, s:i, s:o, s:o}", "instance",
			 text_or_null(endpoint->instance), "name", text_or_null(endpoint->name),
			 "host", text_or_null(endpoint->host), "port", (int)endpoint->port,
			 "priority", (int)endpoint->priority, "weight", (int)endpoint->weight,
			 "addresses", address_list(endpoint->addresses, endpoint->address_count),
			 "txt", txt_object(endpoint));
}

int json_answer(FILE *stream, const struct waggle_answer *answer)
{
	json_t *list = json_array();

	for (size_t i = 0; list != NULL && i < answer->count; i++) {
		list = append(list, endpoint_object(answer->endpoints[i]));
	}
	return print(stream,
		     json_pack("{s:o, s:s, s:I, s:I, s:b, s:o, s:o}", "name",
			       text_or_null(answer->name), "mark", waggle_mark_text(answer->mark),
			       "age_s", (json_int_t)answer->age_s, "ttl_s",
			       (json_int_t)answer->ttl_s, "complete", answer->is_complete ? 1 : 0,
			       "reason", text_or_null(answer->reason), "endpoints", list));
}

int json_list(FILE *stream, const struct waggle_list *found)
{
	json_t *list = json_array();

	for (size_t i = 0; list != NULL && i < found->count; i++) {
		list = append(list, json_pack("{s:o, s:o}", "label",
					      text_or_null(found->entries[i]->label), "name",
					      text_or_null(found->entries[i]->name)));
	}
	return print(stream,
		     json_pack("{s:o, s:s, s:I, s:I, s:b, s:o, s:o}", "name",
			       text_or_null(found->name), "mark", waggle_mark_text(found->mark),
			       "age_s", (json_int_t)found->age_s, "ttl_s", (json_int_t)found->ttl_s,
			       "complete", found->is_complete ? 1 : 0, "reason",
			       text_or_null(found->reason), "entries", list));
}

/* ---- registrations, errors --------------------------------------------------------------- */

static json_t *error_object(const struct waggle_error *error)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:i}", "code", word_of(error->code),
			 "text", text_or_null(error->text), "advice",
			 text_or_null(advice(error->code)), "rcode", number_or_null(error->rcode),
			 "info", number_or_null(error->info), "tsig", number_or_null(error->tsig),
			 "exit", (int)ending_of(error->code));
}

int json_report(FILE *stream, const struct waggle_report *report, const char *address_source)
{
	const bool is_good = report->error == NULL || report->error->code == WAGGLE_OK;

	return print(stream,
		     json_pack("{s:s, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:b, s:b, s:o, s:o*}",
			       "state", waggle_state_text(report->state), "name",
			       text_or_null(report->name), "host", text_or_null(report->host),
			       "server", text_or_null(report->server), "addresses",
			       address_list(report->addresses, report->address_count), "lease_s",
			       (json_int_t)report->lease_s, "left_s", (json_int_t)report->left_s,
			       "next_ms", (json_int_t)report->next_ms, "beats",
			       (json_int_t)report->beats, "forgotten",
			       report->was_forgotten ? 1 : 0, "leased", report->is_leased ? 1 : 0,
			       "error", is_good ? json_null() : error_object(report->error),
			       "address_source",
			       address_source == NULL ? NULL : json_string(address_source)));
}

int json_error(FILE *stream, const struct waggle_error *error)
{
	return print(stream, json_pack("{s:o}", "error", error_object(error)));
}

int json_failure(FILE *stream, const char *code, const char *text, int ending)
{
	return print(stream, json_pack("{s:{s:s, s:o, s:n, s:n, s:n, s:n, s:i}}", "error", "code",
				       code, "text", text_or_null(text), "advice", "rcode", "info",
				       "tsig", "exit", ending));
}

/* ---- help -------------------------------------------------------------------------------- */

static json_t *option_list(const struct option_row *row)
{
	json_t *list = json_array();

	for (; list != NULL && row != NULL && row->name != NULL; row++) {
		const char letter[2] = {row->letter, '\0'};

		list = append(list,
			      json_pack("{s:s, s:o, s:o, s:s}", "name", row->name, "letter",
					text_or_null(row->letter == 0 ? NULL : letter), "value",
					text_or_null(row->value), "help", row->help));
	}
	return list;
}

int json_help(FILE *stream)
{
	json_t *list = json_array();

	for (const struct command *row = commands; list != NULL && row->name != NULL; row++) {
		list = append(list, json_pack("{s:s, s:s, s:s, s:o}", "name", row->name, "synopsis",
					      row->synopsis, "help", row->help, "options",
					      option_list(row->options)));
	}
	return print(stream, json_pack("{s:o, s:o}", "commands", list, "options",
				       option_list(global_options)));
}

int json_version(FILE *stream)
{
	return print(stream, json_pack("{s:s, s:s}", "waggle", PACKAGE_VERSION, "libwaggle",
				       waggle_version()));
}
