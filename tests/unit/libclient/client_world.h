/*
 * A client and the responder that it asks, for tests; one of each in the process, since each test
 * has a process of its own.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "libclient/waggle.h"
#include "tests/unit/libclient/responder.h"
#include "tests/unit/run.h"

#define TIMEOUT_MS 6000
#define STALE_MS 500
#define RETRY_MS 1500
#define SLACK_MS 3000 /* for machines that are slow, and sanitizers */

extern struct responder *responder;
extern struct waggle *client;
extern struct waggle_error error;
extern char snapshot[128]; /* a path in a directory of this program's own */

struct waggle_options options_of(const char *server);
void open_client(const struct waggle_options *options);

/* A responder and a client of it. */
void begin(void);
void end(void);

/* Resolves; what came of it is checked against the zone, and the time against its bound. */
int resolve(const char *name, unsigned flags, struct waggle_answer **out);

/* Resolves the type; the mark and the count are as expected. */
void check(enum waggle_mark mark, size_t count);

/* Waits until there are so many, and no more. */
void wait_for(atomic_uint *count, unsigned wanted);

/* run_tests(), with a directory for `snapshot`. */
int run_client_tests(const char *name, const TTest *const *tests, size_t count);
