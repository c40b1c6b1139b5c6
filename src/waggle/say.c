/* Lines, endings and the table of advice. */
#include "waggle/say.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#define LINE_MAX_SIZE 2048

void say(const char *format, ...)
{
	char text[LINE_MAX_SIZE];
	char clean[LINE_MAX_SIZE];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	fprintf(stderr, "waggle: %s\n", printable(clean, sizeof(clean), text, strlen(text), true));
}

/* ---- errors ------------------------------------------------------------------------------ */

struct row {
	int code;
	enum ending ending;
	const char *word;
	const char *advice;
};

static const struct row rows[] = {
	{WAGGLE_OK, END_OK, "ok", NULL},
	{WAGGLE_ERR_NOMEM, END_FAILED, "memory", NULL},
	{WAGGLE_ERR_ARGUMENT, END_USAGE, "argument", NULL},
	{WAGGLE_ERR_NAME, END_USAGE, "name",
	 "write a type as _http._tcp, an instance as web-1._http._tcp, a dot in its label as \\."},
	{WAGGLE_ERR_CONFIG, END_USAGE, "config",
	 "the zone is said by -z or WAGGLE_ZONE, the server by -s or WAGGLE_SERVER"},
	{WAGGLE_ERR_KEY, END_USAGE, "key",
	 "the key file is said by -k or WAGGLE_KEY; waggle(1) shows its two forms"},
	{WAGGLE_ERR_SYSTEM, END_FAILED, "system", NULL},
	{WAGGLE_ERR_TIMEOUT, END_NO_ANSWER, "timeout",
	 "is it the right server? -s ADDRESS@PORT or WAGGLE_SERVER says another"},
	{WAGGLE_ERR_UNREACHABLE, END_NO_ANSWER, "unreachable",
	 "does waggled run there? -s ADDRESS@PORT or WAGGLE_SERVER says another server"},
	{WAGGLE_ERR_SERVER, END_NO_ANSWER, "server",
	 "the server's log says more; try again when it is ready"},
	{WAGGLE_ERR_REFUSED, END_REFUSED, "refused",
	 "is it the right server (-s) for the zone (-z)? its rules may also want a key (-k)"},
	{WAGGLE_ERR_TAKEN, END_REFUSED, "taken",
	 "say the key that holds it (-k), take another name, or wait until its lease is over"},
	{WAGGLE_ERR_SIGNATURE, END_REFUSED, "signature",
	 "do both sides have the same key (name, algorithm, secret), and the same time?"},
	{WAGGLE_ERR_NO_REGISTRAR, END_USAGE, "no-registrar",
	 "the server is said by -s or WAGGLE_SERVER"},
	{WAGGLE_ERR_ADDRESS, END_USAGE, "address", "the address is said by --address"},
	{WAGGLE_ERR_FULL, END_FAILED, "full", NULL},
	{WAGGLE_ERR_CANCELLED, END_FAILED, "cancelled", NULL},
	{WAGGLE_ERR_CLOSED, END_FAILED, "closed", NULL},
	{WAGGLE_ERR_DEADLOCK, END_FAILED, "deadlock", NULL},
	{WAGGLE_ERR_SNAPSHOT, END_FAILED, "snapshot", NULL},
};

static const struct row *find_row(int code)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].code == code) {
			return &rows[i];
		}
	}
	return NULL;
}

enum ending ending_of(int code)
{
	const struct row *row = find_row(code);

	return row == NULL ? END_FAILED : row->ending;
}

const char *advice(int code)
{
	const struct row *row = find_row(code);

	return row == NULL ? NULL : row->advice;
}

const char *word_of(int code)
{
	const struct row *row = find_row(code);

	return row == NULL ? "unknown" : row->word;
}

enum ending say_error(const char *subject, const struct waggle_error *error)
{
	const char *next = advice(error->code);

	say("%s%s%s", subject == NULL ? "" : subject, subject == NULL ? "" : ": ", error->text);
	if (next != NULL) {
		say("%s", next);
	}
	return ending_of(error->code);
}

/* ---- text -------------------------------------------------------------------------------- */

char *duration_text(char out[DURATION_TEXT], uint64_t seconds)
{
	static const struct {
		uint64_t scale;
		const char *unit;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	size_t i = 0;

	while (seconds < units[i].scale && units[i].scale > 1) {
		i++;
	}
	const uint64_t rest = seconds % units[i].scale;
	/* Seconds matter below ten minutes only. */
	if (units[i].scale == 1 || (units[i].scale == 60 && seconds >= 600) ||
	    rest / units[i + 1].scale == 0) {
		snprintf(out, DURATION_TEXT, "%" PRIu64 " %s", seconds / units[i].scale,
			 units[i].unit);
	} else {
		snprintf(out, DURATION_TEXT, "%" PRIu64 " %s %" PRIu64 " %s",
			 seconds / units[i].scale, units[i].unit, rest / units[i + 1].scale,
			 units[i + 1].unit);
	}
	return out;
}

/* Octets of the character at `text`, and whether it may be shown. */
static size_t next_character(const char *text, size_t size, bool is_raw, bool *is_printable)
{
	const unsigned char first = (unsigned char)*text;
	mbstate_t state = {0};
	wchar_t character;

	if (first < 0x80) {
		*is_printable = first >= 0x20 && first != 0x7f;
		return 1;
	}
	if (MB_CUR_MAX == 1) {
		*is_printable = is_raw;
		return 1;
	}
	const size_t got = mbrtowc(&character, text, size, &state);
	if (got == 0 || got == (size_t)-1 || got == (size_t)-2) {
		*is_printable = false;
		return 1;
	}
	*is_printable = iswprint((wint_t)character) != 0;
	return got;
}

char *printable(char *out, size_t room, const char *text, size_t size, bool is_raw)
{
	size_t used = 0;

	for (size_t at = 0; at < size;) {
		bool is_printable;
		const size_t octets = next_character(text + at, size - at, is_raw, &is_printable);

		if (used + (is_printable ? octets : 4 * octets) >= room) {
			break;
		}
		for (size_t i = 0; i < octets; i++, at++) {
			used += (size_t)snprintf(out + used, room - used,
						 is_printable ? "%c" : "\\%03u",
						 (unsigned char)text[at]);
		}
	}
	out[used] = '\0';
	return out;
}
