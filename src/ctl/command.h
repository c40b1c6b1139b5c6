/*
 * Commands of the control socket: one line of JSON in, one out. The table is in command.c.
 * Thread: background.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "ctl/ctl.h"

/*
 * The rest of an answer that is many lines: made as the client takes them, so that it is never
 * whole in memory.
 */
struct answer {
	/*
	 * Some more lines, each with its newline: *out returns owned; NULL: that was all. ERR_NOMEM
	 * ends it, and the client.
	 */
	int (*next)(struct answer *answer, char **out);
	void (*free)(struct answer *answer);
};

/* Takes NULL. */
void answer_free(struct answer *answer);

/*
 * Answers the request in `size` octets at `line`. Whatever it is, *out is an object with "ok" on
 * one line, newline included: returns owned. Or *out is NULL, and *more gives the lines: returns
 * owned. ERR_NOMEM.
 */
int command_answer(const struct ctl_options *options, const char *line, size_t size, char **out,
		   struct answer **more);

/* An answer {"ok":false,"error":...}. *out: returns owned. ERR_NOMEM. */
int command_error(char **out, const char *error);
