/*
 * Opening takes two steps where a snapshot is kept: which file it is depends on the servers and the
 * zone, and the library alone knows where these come from. Nobody is asked by either.
 *
 * What can fail: the options (said), the place of the snapshot (it is then done without: a
 * service's user has no home).
 */
#include "waggle/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crc.h"
#include "waggle/json.h"

#define PATH_SIZE 4096
#define STALE_AFTER_MS 1800 /* the library's default */
#define NAME_CUT 200 /* octets of a name before it ends in a checksum */

enum ending client_fail(const struct options *options, const char *subject,
			const struct waggle_error *error)
{
	if (options->is_json) {
		(void)json_error(stdout, error);
	}
	return say_error(subject, error);
}

enum ending client_refuse(const struct options *options, const char *code, const char *text,
			  enum ending ending)
{
	if (options->is_json) {
		(void)json_failure(stdout, code, text, (int)ending);
	}
	say("%s", text);
	return ending;
}

enum ending client_fail_memory(const struct options *options)
{
	struct waggle_error error = {WAGGLE_ERR_NOMEM, WAGGLE_NO_CODE, WAGGLE_NO_CODE,
				     WAGGLE_NO_CODE, "out of memory"};

	return client_fail(options, NULL, &error);
}

/* ---- the snapshot's file ----------------------------------------------------------------- */

/* Appends text, letters folded, what does not belong into a file's name as %XX. */
static size_t append_name(char *out, size_t used, size_t room, const char *text)
{
	static const char good[] = "abcdefghijklmnopqrstuvwxyz0123456789-._@:,";

	for (; *text != '\0' && used + 4 < room; text++) {
		const char c = *text >= 'A' && *text <= 'Z' ? (char)(*text + 32) : *text;

		used += (size_t)snprintf(out + used, room - used,
					 strchr(good, c) != NULL ? "%c" : "%%%02X",
					 (unsigned char)c);
	}
	return used;
}

char *snapshot_name(char out[SNAPSHOT_NAME_MAX], const char *server, const char *zone)
{
	char full[PATH_SIZE];
	size_t used = append_name(full, 0, sizeof(full), server == NULL ? "" : server);

	if (zone != NULL) {
		used = append_name(full, used, sizeof(full), ",");
		used = append_name(full, used, sizeof(full), zone);
	}
	full[used] = '\0';
	if (used <= NAME_CUT) {
		memcpy(out, full, used + 1);
	} else {
		snprintf(out, SNAPSHOT_NAME_MAX, "%.*s%%%08x", NAME_CUT, full,
			 (unsigned)crc32c(0, full, used));
	}
	return out;
}

/* Makes the directories of a path that ends with a slash, for this user alone. */
static bool make_directories(char *path)
{
	for (char *at = path + 1; *at != '\0'; at++) {
		if (*at != '/') {
			continue;
		}
		*at = '\0';
		const bool is_made = mkdir(path, 0700) == 0 || errno == EEXIST;
		*at = '/';
		if (!is_made) {
			return false;
		}
	}
	return true;
}

/* False: there is no place for it. */
static bool snapshot_path(char out[PATH_SIZE], const struct waggle *client)
{
	const char *cache = secure_getenv("XDG_CACHE_HOME");
	const char *home = secure_getenv("HOME");
	char name[SNAPSHOT_NAME_MAX];
	int size;

	/* Relative paths there are invalid, as its specification has it. */
	if (cache != NULL && *cache == '/') {
		size = snprintf(out, PATH_SIZE, "%s/waggle/", cache);
	} else if (home != NULL && *home == '/') {
		size = snprintf(out, PATH_SIZE, "%s/.cache/waggle/", home);
	} else {
		return false;
	}
	snapshot_name(name, waggle_setting(client, WAGGLE_SETTING_SERVER),
		      waggle_setting(client, WAGGLE_SETTING_ZONE));
	if (size < 0 || (size_t)size + strlen(name) >= PATH_SIZE || !make_directories(out)) {
		return false;
	}
	strcpy(out + size, name);
	return true;
}

static void say_refused_snapshot(struct waggle *client)
{
	struct waggle_error error;

	if (waggle_snapshot_status(client, &error) != WAGGLE_OK) {
		say("%s; it is done without", error.text);
	}
}

/* ---- opening ----------------------------------------------------------------------------- */

static const char *first_of(const char *one, const char *other)
{
	return one != NULL ? one : other;
}

enum ending client_open(struct waggle **out, const struct options *options,
			const struct services *services, bool has_snapshot)
{
	struct waggle_options wanted = WAGGLE_OPTIONS_INIT;
	struct waggle_error error;
	char path[PATH_SIZE];

	wanted.server = options->server;
	wanted.zone = options->zone;
	wanted.key = options->key;
	wanted.control = options->control;
	wanted.timeout_ms = options->timeout_ms;
	if (services != NULL) {
		wanted.server = first_of(wanted.server, services->server);
		wanted.zone = first_of(wanted.zone, services->zone);
		wanted.key = first_of(wanted.key, services->key);
	}
	if (options->timeout_ms > 0 && options->timeout_ms < 2 * STALE_AFTER_MS) {
		wanted.stale_after_ms = options->timeout_ms / 2;
	}
	if (waggle_open(out, &wanted, &error) != WAGGLE_OK) {
		return client_fail(options, NULL, &error);
	}
	if (!has_snapshot || options->is_without_snapshot || !snapshot_path(path, *out)) {
		return END_OK;
	}
	waggle_close(*out);
	*out = NULL;
	wanted.snapshot = path;
	if (waggle_open(out, &wanted, &error) != WAGGLE_OK) {
		return client_fail(options, NULL, &error);
	}
	say_refused_snapshot(*out);
	return END_OK;
}
