/* A client of the library's by the options of the command line. Thread: main. */
#pragma once

#include "libclient/waggle.h"
#include "waggle/command.h"
#include "waggle/say.h"

/*
 * Opens a client; `services` (may be NULL) says what the options leave open. With `has_snapshot` it
 * keeps one where the user's caches are, unless --no-snapshot. On failure it has said why.
 * *out: returns owned, waggle_close().
 */
enum ending client_open(struct waggle **out, const struct options *options,
			const struct services *services, bool has_snapshot);

/* Says an error, on standard output too with --json. The ending. */
enum ending client_fail(const struct options *options, const char *subject,
			const struct waggle_error *error);

/* The same in words of our own, under this code for programs. `ending`, as it came. */
enum ending client_refuse(const struct options *options, const char *code, const char *text,
			  enum ending ending);

/* The same for memory that is out. */
enum ending client_fail_memory(const struct options *options);

#define SNAPSHOT_NAME_MAX 224

/*
 * The name of the snapshot's file for these servers and this zone (or NULL), as waggle_setting()
 * has them: one for each pair, and no other octets than letters, digits and "-._@:,%". Returns
 * `out`.
 */
char *snapshot_name(char out[SNAPSHOT_NAME_MAX], const char *server, const char *zone);
