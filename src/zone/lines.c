/*
 * One pass over the octets. Outside quotes a blank, a parenthesis, a comment or the line's end
 * ends a word; an escape takes the next octet along whatever it is. What ldns would read in
 * silence and differently from other servers (an open quote, a quote within a word, NUL) is
 * refused here.
 */
#include "zone/lines.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"

void lines_init(struct lines *lines, const char *text, size_t size)
{
	lines->at = text;
	lines->end = text + size;
	lines->line = 1;
	lines->start = 1;
	lines->has_owner = false;
	lines->size = 0;
	lines->text[0] = '\0';
}

/* What one logical line is made of, apart from where it is read. */
struct scan {
	struct lines *lines;
	const char *why;
	int depth; /* of parentheses */
	bool is_quoted;
	bool in_word;
};

static bool is_blank(char octet)
{
	return octet == ' ' || octet == '\t' || octet == '\r';
}

static void scan_put(struct scan *scan, char octet)
{
	struct lines *lines = scan->lines;

	if (lines->size == LINES_MAX) {
		scan->why = "a record of over 65000 characters";
		return;
	}
	lines->text[lines->size++] = octet;
}

/* The first octet of a word: a blank stands before it, unless it is the first. */
static void scan_start_word(struct scan *scan)
{
	if (!scan->in_word && scan->lines->size > 0) {
		scan_put(scan, ' ');
	}
	scan->in_word = true;
}

static void scan_escape(struct scan *scan)
{
	struct lines *lines = scan->lines;

	if (lines->at == lines->end || *lines->at == '\n' || *lines->at == '\r') {
		scan->why = "a backslash at the end of the line";
		return;
	}
	if (*lines->at == '\0') {
		scan->why = "a NUL octet";
		return;
	}
	scan_put(scan, '\\');
	scan_put(scan, *lines->at++);
}

static void scan_quoted(struct scan *scan, char octet)
{
	if (octet == '\n') {
		scan->why = "a quote that is not closed";
	} else if (octet == '\\') {
		scan_escape(scan);
	} else {
		scan_put(scan, octet);
		if (octet == '"') {
			scan->is_quoted = false;
			scan->in_word = false;
		}
	}
}

static void scan_parenthesis(struct scan *scan, char octet)
{
	scan->in_word = false;
	scan->depth += octet == '(' ? 1 : -1;
	if (scan->depth < 0) {
		scan->why = "a closing parenthesis without an opening one";
	}
}

static void scan_comment(struct scan *scan)
{
	struct lines *lines = scan->lines;

	scan->in_word = false;
	while (lines->at < lines->end && *lines->at != '\n') {
		lines->at++;
	}
}

static void scan_plain(struct scan *scan, char octet)
{
	if (is_blank(octet) || octet == '\n') {
		scan->in_word = false;
	} else if (octet == '(' || octet == ')') {
		scan_parenthesis(scan, octet);
	} else if (octet == ';') {
		scan_comment(scan);
	} else if (octet == '"' && scan->in_word) {
		/* RFC 9460 2.1: key="value" is one word. */
		scan->is_quoted = scan->lines->text[scan->lines->size - 1] == '=';
		scan->why = scan->is_quoted ? NULL : "a quote within a word: write \\\"";
		scan_put(scan, octet);
	} else {
		scan_start_word(scan);
		scan->is_quoted = octet == '"';
		if (octet == '\\') {
			scan_escape(scan);
		} else {
			scan_put(scan, octet);
		}
	}
}

/* Reads one logical line, which may be empty. */
static void scan_line(struct scan *scan)
{
	struct lines *lines = scan->lines;

	lines->start = lines->line;
	lines->size = 0;
	lines->has_owner = !is_blank(*lines->at);
	while (scan->why == NULL && lines->at < lines->end) {
		const char octet = *lines->at++;

		if (octet == '\0') {
			scan->why = "a NUL octet";
			break;
		}
		if (scan->is_quoted) {
			scan_quoted(scan, octet);
		} else {
			scan_plain(scan, octet);
		}
		if (octet == '\n') {
			lines->line++;
			if (scan->depth == 0) {
				break;
			}
		}
	}
	if (scan->why == NULL && scan->is_quoted) {
		scan->why = "a quote that is not closed";
	}
	if (scan->why == NULL && scan->depth > 0) {
		scan->why = "a parenthesis that is not closed";
	}
	lines->text[lines->size] = '\0';
}

int lines_next(struct lines *lines, const char **why)
{
	while (lines->at < lines->end) {
		struct scan scan = {.lines = lines};

		scan_line(&scan);
		if (scan.why != NULL) {
			*why = scan.why;
			return ERR_CONF;
		}
		if (lines->size > 0) {
			return 1;
		}
	}
	return 0;
}

bool lines_word(const char **at, struct word *word)
{
	const char *end = *at;
	bool is_inside = false;

	word->is_quoted = *end == '"';
	word->has_quotes = false;
	word->text = end + word->is_quoted;
	end = word->text;
	while (*end != '\0' && (is_inside || *end != (word->is_quoted ? '"' : ' '))) {
		if (*end == '"') {
			is_inside = !is_inside;
			word->has_quotes = true;
		}
		end += *end == '\\' && end[1] != '\0' ? 2 : 1;
	}
	word->size = (size_t)(end - word->text);
	end += word->is_quoted && *end == '"';
	*at = *end == ' ' ? end + 1 : end;
	return word->is_quoted || word->size > 0;
}

bool word_is(const struct word *word, const char *text)
{
	return !word->is_quoted && word->size == strlen(text) &&
	       strncasecmp(word->text, text, word->size) == 0;
}

bool word_copy(char out[WORD_MAX], const struct word *word)
{
	if (word->size >= WORD_MAX) {
		return false;
	}
	memcpy(out, word->text, word->size);
	out[word->size] = '\0';
	return true;
}

/* The octet at *at, which moves behind it; -1: an escape that is none. */
static int unescape(const char **at, const char *end)
{
	const char *text = *at;
	int value = 0;

	if (*text != '\\') {
		*at += 1;
		return (unsigned char)*text;
	}
	if (end - text < 2) {
		return -1;
	}
	if (!isdigit((unsigned char)text[1])) {
		*at += 2;
		return (unsigned char)text[1];
	}
	for (int i = 1; i <= 3; i++) {
		if (end - text <= i || !isdigit((unsigned char)text[i])) {
			return -1;
		}
		value = value * 10 + (text[i] - '0');
	}
	*at += 4;
	return value <= UINT8_MAX ? value : -1;
}

bool word_octets(struct buf_writer *out, const struct word *word)
{
	const char *end = word->text + word->size;

	for (const char *at = word->text; at < end;) {
		const int octet = unescape(&at, end);

		if (octet < 0) {
			return false;
		}
		buf_write_u8(out, (uint8_t)octet);
	}
	return true;
}

int word_name(uint8_t out[DNS_NAME_MAX], const struct word *word, const uint8_t *origin)
{
	char text[WORD_MAX];

	if (word->is_quoted || word->has_quotes || !word_copy(text, word)) {
		return ERR_FORMAT;
	}
	return dns_name_from_text(out, text, origin);
}

int word_seconds(const struct word *word, uint32_t *out)
{
	static const char units[] = "smhdw";
	static const uint32_t scale[] = {1, 60, 3600, 86400, 604800};
	uint64_t sum = 0;
	size_t at = 0;
	size_t parts = 0;

	if (word->is_quoted || word->size == 0) {
		return ERR_FORMAT;
	}
	while (at < word->size) {
		const char *unit;
		uint64_t number = 0;
		bool has_unit;

		if (!isdigit((unsigned char)word->text[at])) {
			return ERR_FORMAT;
		}
		for (; at < word->size && isdigit((unsigned char)word->text[at]); at++) {
			number = number * 10 + (uint64_t)(word->text[at] - '0');
			if (number > UINT32_MAX) {
				return ERR_RANGE;
			}
		}
		has_unit = at < word->size;
		if (!has_unit && parts > 0) {
			return ERR_FORMAT;
		}
		parts++;
		unit = has_unit ? strchr(units, tolower((unsigned char)word->text[at++])) : units;
		if (unit == NULL || *unit == '\0') {
			return ERR_FORMAT;
		}
		sum += number * scale[unit - units];
		if (sum > UINT32_MAX) {
			return ERR_RANGE;
		}
	}
	*out = (uint32_t)sum;
	return OK;
}

const char *word_shown(char out[WORD_SHOWN], const char *text, size_t size)
{
	size_t at = 0;

	for (; at < size && at < WORD_SHOWN - 1; at++) {
		out[at] = (unsigned char)text[at] >= ' ' && text[at] != 0x7f ? text[at] : '?';
	}
	out[at] = '\0';
	if (size >= WORD_SHOWN) {
		memcpy(out + WORD_SHOWN - 4, "...", 3);
	}
	return out;
}
