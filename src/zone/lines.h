/*
 * The logical lines of a master file (RFC 1035 5.1): parentheses joined, comments gone, words one
 * blank apart. Directives and what the words mean, text.c knows. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "dns/name.h"

#define LINES_MAX 65000 /* characters of a logical line; ldns takes no longer RDATA */

struct lines {
	const char *at;
	const char *end;
	int line; /* of the file, where `at` stands */
	int start; /* of the file, where the present logical line began */
	bool has_owner; /* the line did not begin with a blank */
	size_t size;
	char text[LINES_MAX + 1];
};

void lines_init(struct lines *lines, const char *text, size_t size);

/*
 * The next logical line that is not empty, in lines->text until the next call. 1, or 0 at the end;
 * ERR_CONF with *why a sentence (static) about line lines->start.
 */
int lines_next(struct lines *lines, const char **why);

/* A word of a logical line. */
struct word {
	const char *text; /* not terminated; escapes as they stand, quotes left out */
	size_t size;
	bool is_quoted;
	bool has_quotes; /* within, as in key="a b": of use to SVCB alone */
};

/* The word at *at, which moves behind it; false at the end of the line. */
bool lines_word(const char **at, struct word *word);

/* The word is this text, without quotes, in any letter case. */
bool word_is(const struct word *word, const char *text);

#define WORD_MAX 1100 /* octets of a word that is a name, a type or a number, and the NUL */

/* The word as a string; false: longer than any name, type or number. */
bool word_copy(char out[WORD_MAX], const struct word *word);

/* Writes the octets of the word, \X and \DDD undone. False: \DDD above 255, or cut. */
bool word_octets(struct buf_writer *out, const struct word *word);

/* A name, relative to `origin`; never a quoted word. The size; ERR_FORMAT, ERR_RANGE: too long. */
int word_name(uint8_t out[DNS_NAME_MAX], const struct word *word, const uint8_t *origin);

/* Seconds as "3600" or "1h30m". ERR_FORMAT; ERR_RANGE above 32 bits. */
int word_seconds(const struct word *word, uint32_t *out);

#define WORD_SHOWN 61

/* Foreign text for a message: printable and short. Returns `out`. */
const char *word_shown(char out[WORD_SHOWN], const char *text, size_t size);
