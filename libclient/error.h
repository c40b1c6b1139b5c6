/*
 * Errors of the library: filling struct waggle_error, and codes of what servers say.
 * Internal functions return enum waggle_code like the public ones. Thread: any.
 */
#pragma once

#include <stdint.h>

#include "libclient/waggle.h"

/* Nothing wrong. */
void wgl_error_clear(struct waggle_error *error);

/* Fills all but what a server said. `error` may be NULL. Returns `code`. */
int wgl_error_set(struct waggle_error *error, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The text of the code alone. Returns `code`. */
int wgl_error_code(struct waggle_error *error, int code);

/* The code for an rcode that is no answer; and the rcode's name, "SERVFAIL" or "RCODE 23". */
int wgl_code_of_rcode(int rcode);
const char *wgl_rcode_text(char out[16], int rcode);

/*
 * Copies text of strangers: control characters become "?", it is cut to fit and stays UTF-8 where
 * it was. Returns `out`.
 */
char *wgl_text_clean(char *out, size_t room, const uint8_t *text, size_t size);
