/*
 * Commands of the control socket: one line of JSON in, one out. The table is in command.c.
 * Thread: background.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ctl/ctl.h"

/*
 * Answers the request in `size` octets at `line`. Whatever it is, *out is an object with "ok" on
 * one line, newline included: returns owned. ERR_NOMEM.
 */
int command_answer(const struct ctl_options *options, const char *line, size_t size, char **out);

/* An answer {"ok":false,"error":...}. *out: returns owned. ERR_NOMEM. */
int command_error(char **out, const char *error);
