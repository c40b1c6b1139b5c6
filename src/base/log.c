/*
 * Log lines: put together in a buffer of fixed size, written by one write(2). A line that is too
 * long loses its end but never its newline. Where the journal reads standard error it keeps the
 * time itself; elsewhere each line starts with it.
 */
#include "base/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 2048

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

static enum log_level highest_level = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	highest_level = level;
}

/* JOURNAL_STREAM names the device and inode of the journal's socket; it is inherited, so compare. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device;
	unsigned long long inode;
	struct stat status;

	return stream != NULL && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
	       status.st_ino == inode;
}

/* Adds to the line; what does not fit is cut. One octet is kept for the newline. */
static void __attribute__((format(printf, 3, 0)))
add_list(char *line, size_t *at, const char *format, va_list arguments)
{
	const size_t room = LINE_SIZE - 1 - *at;
	const int size = vsnprintf(line + *at, room, format, arguments);

	if (size > 0) {
		*at += (size_t)size < room ? (size_t)size : room - 1;
	}
}

static void __attribute__((format(printf, 3, 4)))
add(char *line, size_t *at, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add_list(line, at, format, arguments);
	va_end(arguments);
}

static void add_time(char *line, size_t *at)
{
	struct timespec now;
	struct tm utc;

	clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &utc) == NULL) {
		return;
	}
	add(line, at, "time=%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ ", utc.tm_year + 1900,
	    utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
	    now.tv_nsec / 1000000);
}

void log_line(enum log_level level, const char *subject, const char *format, ...)
{
	const int saved_errno = errno;
	char line[LINE_SIZE];
	size_t at = 0;
	va_list arguments;

	if (level > highest_level) {
		return;
	}
	if (!is_journal()) {
		add_time(line, &at);
	}
	add(line, &at, "level=%s msg=\"%s\"%s", level_names[level], subject,
	    format[0] == '\0' ? "" : " ");
	va_start(arguments, format);
	add_list(line, &at, format, arguments);
	va_end(arguments);
	/* Foreign text that was not quoted must not make a line of its own. */
	for (size_t i = 0; i < at; i++) {
		if (line[i] == '\n' || line[i] == '\r') {
			line[i] = ' ';
		}
	}
	line[at++] = '\n';
	if (write(STDERR_FILENO, line, at) < 0) {
		/* There is nobody left to tell. */
	}
	errno = saved_errno;
}

/* One octet as it stands between quotes; the octets it takes. */
static size_t quote_octet(char out[5], uint8_t octet)
{
	if (octet == '"' || octet == '\\') {
		return (size_t)snprintf(out, 5, "\\%c", octet);
	}
	if (octet == '\n') {
		return (size_t)snprintf(out, 5, "\\n");
	}
	if (octet < 0x20 || octet > 0x7e) {
		return (size_t)snprintf(out, 5, "\\x%02x", octet);
	}
	return (size_t)snprintf(out, 5, "%c", octet);
}

static bool is_plain(const char *text)
{
	if (text[0] == '\0') {
		return false;
	}
	for (; *text != '\0'; text++) {
		if (*text <= ' ' || *text > '~' || strchr("\"\\=", *text) != NULL) {
			return false;
		}
	}
	return true;
}

const char *log_quote(char *out, size_t size, const char *text)
{
	size_t at = 0;

	if (is_plain(text) && size > 0) {
		snprintf(out, size, "%s", text);
		return out;
	}
	if (size < 3) {
		return "\"\"";
	}
	out[at++] = '"';
	for (; *text != '\0'; text++) {
		char octet[5];
		const size_t length = quote_octet(octet, (uint8_t)*text);

		if (at + length + 2 > size) {
			break;
		}
		memcpy(out + at, octet, length);
		at += length;
	}
	out[at++] = '"';
	out[at] = '\0';
	return out;
}

uint32_t log_room(struct log_limit *limit, uint64_t now_ms, uint32_t burst)
{
	const uint64_t second = now_ms / 1000;

	if (limit->second != second) {
		limit->second = second;
		limit->used = 0;
	}
	return limit->used < burst ? burst - limit->used : 0;
}

int log_may(struct log_limit *limit, uint64_t now_ms, uint32_t burst, uint32_t *left_out)
{
	if (log_room(limit, now_ms, burst) == 0) {
		limit->left_out++;
		*left_out = 0;
		return 0;
	}
	limit->used++;
	*left_out = limit->left_out;
	limit->left_out = 0;
	return 1;
}
