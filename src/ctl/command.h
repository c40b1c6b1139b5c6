/*
 * Commands of the control socket: one line of JSON in, one out. The table is in command.c.
 * Thread: background, but what is said.
 */
#pragma once

#include <stdatomic.h>
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

/* Octets that follow a request, as they are, before its answer. */
struct upload {
	char *octets;
	size_t size;
	size_t got;
	void *request; /* inside */
	atomic_bool is_unwanted; /* nobody waits for the answer. Thread: any */
};

/* Takes NULL. */
void upload_free(struct upload *upload);

/* What a request came to: one of these, the others NULL; all of them the caller's. */
struct outcome {
	char *text; /* an object with "ok" on one line, newline included */
	struct answer *more; /* many lines */
	struct upload *upload; /* its octets are to come: then command_take() */
};

/* Answers the request in `size` octets at `line`, whatever it is. ERR_NOMEM. */
int command_answer(const struct ctl_options *options, const char *line, size_t size,
		   struct outcome *out);

/*
 * Answers the request whose upload is whole; the upload stays the caller's. *text: returns owned.
 * ERR_NOMEM. Thread: any; it may take long.
 */
int command_take(const struct ctl_options *options, const struct upload *upload, char **text);

/* An answer {"ok":false,"error":...}. *out: returns owned. ERR_NOMEM. */
int command_error(char **out, const char *error);
