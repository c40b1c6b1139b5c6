/*
 * Log lines in logfmt on standard error: level, subject first, then key=value. One line, one
 * write(2), so lines of several threads never mix. Nothing on the query path calls this.
 * Thread: any.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/*
 * `subject` is a few plain words; `format` gives the key=value pairs, "" for none. Values that may
 * hold spaces or foreign text go through %s of log_quote() first.
 */
void log_line(enum log_level level, const char *subject, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Lines above this level are dropped; LOG_LEVEL_INFO at first. Call before threads start. */
void log_set_level(enum log_level level);

/* Text as a logfmt value: quoted where needed, control characters escaped, cut to fit `size`. */
const char *log_quote(char *out, size_t size, const char *text);

/* A bound on the rate of one kind of line: at most `burst` a second, the rest is counted. */
struct log_limit {
	uint64_t second; /* of clock_mono_ms()/1000 */
	uint32_t used;
	uint32_t left_out; /* since the last line that was let through */
};

/*
 * May one more line be written? On yes *left_out says how many were suppressed before it, for a
 * `left_out=` pair. One limit belongs to one thread.
 */
int log_may(struct log_limit *limit, uint64_t now_ms, uint32_t burst, uint32_t *left_out);

/* How many lines more this second has. */
uint32_t log_room(struct log_limit *limit, uint64_t now_ms, uint32_t burst);
