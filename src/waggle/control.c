/*
 * The control socket from the other side: one line of JSON there, one back.
 *
 * What can fail: the socket (its path and what to do are said), an answer that is none, an answer
 * that refuses (its reason is said).
 */
#include "waggle/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "waggle/client.h"
#include "waggle/json.h"

#define CONTROL_STANDARD "/var/lib/waggle/control"
#define TIMEOUT_MS 5000
#define ANSWER_MAX (64u << 20)

static enum ending fail(const struct options *options, enum ending ending, const char *path,
			const char *what)
{
	char text[512];
	const char *code = ending == END_REFUSED  ? "refused"
			   : ending == END_USAGE  ? "argument"
			   : ending == END_FAILED ? "system"
						  : "unreachable";

	snprintf(text, sizeof(text), "%s: %s", path, what);
	if (options->is_json) {
		(void)json_failure(stdout, code, text, (int)ending);
	}
	say("%s", text);
	return ending;
}

/* ---- the socket -------------------------------------------------------------------------- */

static enum ending fail_connect(const struct options *options, const char *path, int error)
{
	const enum ending ending =
		fail(options, error == EACCES || error == EPERM ? END_REFUSED : END_NO_ANSWER, path,
		     strerror(error));

	if (ending == END_REFUSED) {
		say("waggled's user and group may ask, and root; run this as one of them");
	} else {
		say("does waggled run here? its socket is `control` in its data directory; -c PATH "
		    "or "
		    "WAGGLE_CONTROL says which");
	}
	return ending;
}

static enum ending connect_to(const struct options *options, const char *path, int *out)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path)) {
		return fail(options, END_USAGE, path, "a socket's path has at most 107 octets");
	}
	strcpy(address.sun_path, path);
	*out = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*out < 0 || connect(*out, (struct sockaddr *)&address, sizeof(address)) != 0) {
		return fail_connect(options, path, errno);
	}
	return END_OK;
}

/* Appends what comes until a newline; ERR_CLOSED, ERR_IO (errno), ERR_FULL, ERR_NOMEM. */
static int read_line(int socket, char **out, uint64_t end_ms)
{
	size_t room = 65536;
	size_t size = 0;
	char *text = malloc(room);

	while (text != NULL && (size == 0 || text[size - 1] != '\n')) {
		struct pollfd wait = {.fd = socket, .events = POLLIN};
		const uint64_t now_ms = clock_mono_ms();
		ssize_t got = -1;

		if (size + 1 == room) {
			char *bigger = room < ANSWER_MAX ? realloc(text, room * 2) : NULL;
			if (bigger == NULL) {
				free(text);
				return room < ANSWER_MAX ? ERR_NOMEM : ERR_FULL;
			}
			text = bigger;
			room *= 2;
		}
		errno = ETIMEDOUT;
		if (now_ms < end_ms && poll(&wait, 1, (int)(end_ms - now_ms)) > 0) {
			got = read(socket, text + size, room - size - 1);
		}
		if (got <= 0) {
			free(text);
			return got == 0 ? ERR_CLOSED : ERR_IO;
		}
		size += (size_t)got;
	}
	if (text == NULL) {
		return ERR_NOMEM;
	}
	text[size - 1] = '\0';
	*out = text;
	return OK;
}

/* ERR_IO (errno), ERR_NOMEM. */
static int write_line(int socket, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);
	int ret = ERR_NOMEM;

	if (text != NULL) {
		const size_t size = strlen(text);

		text[size] = '\n';
		ret = send(socket, text, size + 1, MSG_NOSIGNAL) == (ssize_t)size + 1 ? OK : ERR_IO;
		free(text);
	}
	return ret;
}

/* *out: the line, the caller's to free. */
static enum ending ask(const struct options *options, const char *path, const json_t *request,
		       char **out)
{
	const uint32_t timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : TIMEOUT_MS;
	const uint64_t end_ms = clock_mono_ms() + timeout_ms;
	int socket = -1;
	enum ending ending = connect_to(options, path, &socket);

	if (ending == END_OK) {
		int ret = write_line(socket, request);

		if (ret == OK) {
			ret = read_line(socket, out, end_ms);
		}
		if (ret != OK) {
			ending = fail(options, ret == ERR_NOMEM ? END_FAILED : END_NO_ANSWER, path,
				      ret == ERR_IO ? strerror(errno) : err_text(ret));
		}
	}
	if (socket >= 0) {
		close(socket);
	}
	return ending;
}

static const char *control_path(const struct options *options)
{
	const char *path = options->control;

	if (path == NULL) {
		path = secure_getenv("WAGGLE_CONTROL");
	}
	return path == NULL || *path == '\0' ? CONTROL_STANDARD : path;
}

/* ---- answers ----------------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

/* The answer is a refusal: with "code" where the reason has a word. */
static enum ending refused(const struct options *options, const json_t *answer)
{
	const bool is_missing = strcmp(text_of(answer, "code"), "not-found") == 0;
	const enum ending ending = is_missing ? END_NOTHING : END_REFUSED;

	if (options->is_json) {
		(void)json_failure(stdout, is_missing ? "not-found" : "refused",
				   text_of(answer, "error"), (int)ending);
	}
	say("%s", text_of(answer, "error"));
	return ending;
}

enum ending control_ask(const struct options *options, const json_t *request, json_t **out)
{
	const char *path = control_path(options);
	char *line = NULL;
	enum ending ending =
		request == NULL ? client_fail_memory(options) : ask(options, path, request, &line);

	*out = NULL;
	if (ending != END_OK) {
		return ending;
	}
	json_t *answer = json_loads(line, 0, NULL);
	free(line);
	if (!json_is_object(answer)) {
		ending = fail(options, END_NO_ANSWER, path, "this is no waggled: no JSON came");
	} else if (!json_is_true(json_object_get(answer, "ok"))) {
		ending = refused(options, answer);
	}
	if (ending != END_OK) {
		json_decref(answer);
		return ending;
	}
	*out = answer;
	return END_OK;
}

enum ending control_print(const struct options *options, const json_t *answer)
{
	char *text = json_dumps(answer, JSON_COMPACT);

	if (text == NULL) {
		return client_fail_memory(options);
	}
	puts(text);
	free(text);
	return END_OK;
}

const char *control_zone(const struct options *options)
{
	const char *zone = options->zone != NULL ? options->zone : secure_getenv("WAGGLE_ZONE");

	return zone == NULL || *zone == '\0' ? NULL : zone;
}

json_t *control_name(const char *text)
{
	const size_t room = 4 * strlen(text) + 1;
	char *out = malloc(room);
	size_t used = 0;

	if (out == NULL) {
		return NULL;
	}
	out[0] = '\0';
	for (; *text != '\0'; text++) {
		const unsigned octet = (unsigned char)*text;

		used += (size_t)snprintf(out + used, room - used, octet < 0x80 ? "%c" : "\\%03u",
					 octet);
	}
	json_t *name = json_string(out);
	free(out);
	return name;
}
