/*
 * What the tool says beside its results: exit codes, and lines on standard error. Every line begins
 * with "waggle: "; foreign text in it never moves the cursor. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libclient/waggle.h"

/* Exit codes; waggle(1) lists them. */
enum ending {
	END_OK = 0,
	END_NOTHING = 1, /* it is known that there is none */
	END_USAGE = 2, /* command line, environment or a file of the user's */
	END_NO_ANSWER = 3, /* nobody answered in time, or nobody who could */
	END_REFUSED = 4, /* by the server, with its reason */
	END_FAILED = 5, /* the machine here: memory, files, sockets */
	END_CANNOT_RUN = 126, /* COMMAND is there, and cannot be run */
	END_NO_COMMAND = 127, /* COMMAND is not there */
	END_SIGNAL = 128, /* and the signal's number: it ended COMMAND */
};

/* One line on standard error, behind "waggle: ". */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* How to end after this error of the library's. */
enum ending ending_of(int code);

/* What a person can do about it: a sentence, or NULL. Static. */
const char *advice(int code);

/* The code as one word, for programs: "timeout". Static. */
const char *word_of(int code);

/*
 * Says an error of the library's, behind `subject` where that is not NULL, and what to do about
 * it. The ending.
 */
enum ending say_error(const char *subject, const struct waggle_error *error);

#define DURATION_TEXT 64

/* "48 s", "12 min", "3 h 5 min", "2 d 4 h". Returns `out`. */
char *duration_text(char out[DURATION_TEXT], uint64_t seconds);

/*
 * Copies text of strangers for a terminal or a line: what is not printable in the locale becomes
 * \DDD, octet by octet. With `is_raw`, for pipes, a locale that knows ASCII alone lets all octets
 * over 127 pass. Returns `out`; text that does not fit is cut.
 */
char *printable(char *out, size_t room, const char *text, size_t size, bool is_raw);
