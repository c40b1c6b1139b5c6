/*
 * Errors: one table, 0 for success and negative numbers for the rest.
 *
 * DNS rcodes are data, not errors. Foreign codes are translated at the door. Thread: any.
 */
#pragma once

/* clang-format off */
#define ERR_TABLE(row)                                               \
	row(NOMEM,    -1,  "out of memory")                          \
	row(FORMAT,   -2,  "malformed input")                        \
	row(SPACE,    -3,  "no room left in the buffer")             \
	row(NOTFOUND, -4,  "not found")                              \
	row(EXISTS,   -5,  "exists already")                         \
	row(RANGE,    -6,  "value out of range")                     \
	row(CONF,     -7,  "configuration refused")                  \
	row(IO,       -8,  "input or output failed")                 \
	row(FULL,     -9,  "limit reached")                          \
	row(DAMAGED,  -10, "stored data is damaged")                 \
	row(FOREIGN,  -11, "written by a version that is not known") \
	row(BUSY,     -12, "in use by another process")              \
	row(CLOSED,   -13, "closed")                                 \
	row(SYSTEM,   -14, "the system refused")                     \
	row(DENIED,   -15, "permission denied")
/* clang-format on */

enum err {
	OK = 0,
#define ERR_ROW(name, value, text) ERR_##name = (value),
	ERR_TABLE(ERR_ROW)
#undef ERR_ROW
};

/* The text of an error, for messages. Never NULL; static storage. */
const char *err_text(int err);
