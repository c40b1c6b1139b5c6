/*
 * The client of waggled's control socket. Lines are read into one buffer that grows to the longest;
 * each has to come within the timeout.
 *
 * What can fail: the socket (its path and what to do are said), an answer that is none.
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
#define LINE_MAX_SIZE (64u << 20)
#define LINE_ROOM 131072

struct control {
	const struct options *options;
	const char *path;
	int socket;
	uint32_t timeout_ms;
	char *buffer;
	size_t room;
	size_t at; /* of the line that was given last, or of what comes next */
	size_t size; /* octets in the buffer */
};

/* ---- what goes wrong --------------------------------------------------------------------- */

static enum ending fail(const struct options *options, enum ending ending, const char *path,
			const char *what)
{
	char text[1024];
	const char *code = ending == END_REFUSED  ? "refused"
			   : ending == END_USAGE  ? "argument"
			   : ending == END_FAILED ? "system"
						  : "unreachable";

	snprintf(text, sizeof(text), "%s: %s", path, what);
	return client_refuse(options, code, text, ending);
}

static enum ending control_fail(const struct control *control, enum ending ending, const char *what)
{
	return fail(control->options, ending, control->path, what);
}

/* ---- connecting -------------------------------------------------------------------------- */

static const char *control_path(const struct options *options)
{
	const char *path = options->control;

	if (path == NULL) {
		path = secure_getenv("WAGGLE_CONTROL");
	}
	return path == NULL || *path == '\0' ? CONTROL_STANDARD : path;
}

static enum ending fail_connect(const struct control *control, int error)
{
	const enum ending ending = control_fail(
		control, error == EACCES || error == EPERM ? END_REFUSED : END_NO_ANSWER,
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

static enum ending connect_to(struct control *control)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(control->path) >= sizeof(address.sun_path)) {
		return control_fail(control, END_USAGE, "a socket's path has at most 107 octets");
	}
	strcpy(address.sun_path, control->path);
	control->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (control->socket < 0 ||
	    connect(control->socket, (struct sockaddr *)&address, sizeof(address)) != 0) {
		return fail_connect(control, errno);
	}
	return END_OK;
}

enum ending control_open(struct control **out, const struct options *options, uint32_t timeout_ms)
{
	struct control *control = calloc(1, sizeof(*control));
	enum ending ending;

	*out = control;
	if (control == NULL) {
		return client_fail_memory(options);
	}
	control->options = options;
	control->path = control_path(options);
	control->socket = -1;
	control->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : timeout_ms;
	control->room = LINE_ROOM;
	control->buffer = malloc(control->room);
	ending = control->buffer == NULL ? client_fail_memory(options) : connect_to(control);
	if (ending != END_OK) {
		control_close(control);
		*out = NULL;
	}
	return ending;
}

void control_close(struct control *control)
{
	if (control == NULL) {
		return;
	}
	if (control->socket >= 0) {
		close(control->socket);
	}
	free(control->buffer);
	free(control);
}

/* ---- sending ----------------------------------------------------------------------------- */

enum ending control_send_octets(struct control *control, const void *octets, size_t size)
{
	const char *at = octets;

	while (size > 0) {
		const ssize_t sent = send(control->socket, at, size, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR) {
			continue;
		}
		if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) {
			return END_OK; /* it hears no more: what it said of that is read next */
		}
		if (sent <= 0) {
			return control_fail(control, END_NO_ANSWER, strerror(errno));
		}
		at += sent;
		size -= (size_t)sent;
	}
	return END_OK;
}

enum ending control_send(struct control *control, const json_t *request)
{
	char *text = request == NULL ? NULL : json_dumps(request, JSON_COMPACT);
	enum ending ending;

	if (text == NULL) {
		return client_fail_memory(control->options);
	}
	const size_t size = strlen(text);
	text[size] = '\n'; /* at once, for its NUL */
	ending = control_send_octets(control, text, size + 1);
	free(text);
	return ending;
}

/* ---- reading ----------------------------------------------------------------------------- */

/* Room for more behind what is there; ERR_FULL, ERR_NOMEM. */
static int make_room(struct control *control)
{
	if (control->at > 0) {
		control->size -= control->at;
		memmove(control->buffer, control->buffer + control->at, control->size);
		control->at = 0;
	}
	if (control->size < control->room) {
		return OK;
	}
	if (control->room >= LINE_MAX_SIZE) {
		return ERR_FULL;
	}
	char *bigger = realloc(control->buffer, control->room * 2);
	if (bigger == NULL) {
		return ERR_NOMEM;
	}
	control->buffer = bigger;
	control->room *= 2;
	return OK;
}

/* Reads some more; ERR_CLOSED, ERR_IO (errno), ERR_FULL, ERR_NOMEM. */
static int read_more(struct control *control, uint64_t end_ms)
{
	struct pollfd wait = {.fd = control->socket, .events = POLLIN};
	const uint64_t now_ms = clock_mono_ms();
	ssize_t got = -1;
	const int ret = make_room(control);

	if (ret != OK) {
		return ret;
	}
	errno = ETIMEDOUT;
	if (now_ms < end_ms && poll(&wait, 1, (int)(end_ms - now_ms)) > 0) {
		got = read(control->socket, control->buffer + control->size,
			   control->room - control->size);
	}
	if (got <= 0) {
		return got == 0 ? ERR_CLOSED : ERR_IO;
	}
	control->size += (size_t)got;
	return OK;
}

/* *out: the next line, ended by a NUL for its newline. */
static int read_line(struct control *control, char **out)
{
	const uint64_t end_ms = clock_mono_ms() + control->timeout_ms;
	size_t looked = 0;

	for (;;) {
		char *begin = control->buffer + control->at;
		const size_t left = control->size - control->at;
		char *end = memchr(begin + looked, '\n', left - looked);

		if (end != NULL) {
			*end = '\0';
			*out = begin;
			control->at += (size_t)(end - begin) + 1;
			return OK;
		}
		looked = left;
		const int ret = read_more(control, end_ms);
		if (ret != OK) {
			return ret;
		}
	}
}

enum ending control_put(const char *text, const char *end)
{
	return fputs(text, stdout) < 0 || fputs(end, stdout) < 0 ? END_FAILED : END_OK;
}

enum ending control_refused(const struct options *options, const json_t *answer)
{
	const char *code = control_text(answer, "code");
	enum ending ending = END_REFUSED;

	if (strcmp(code, "not-found") == 0) {
		ending = END_NOTHING;
	} else if (strcmp(code, "argument") == 0) {
		ending = END_USAGE;
	} else {
		code = "refused";
	}
	return client_refuse(options, code, control_text(answer, "error"), ending);
}

enum ending control_read(struct control *control, const char **line, json_t **out)
{
	char *text = NULL;
	const int ret = read_line(control, &text);
	enum ending ending = END_OK;

	*out = NULL;
	if (ret != OK) {
		return control_fail(control, ret == ERR_NOMEM ? END_FAILED : END_NO_ANSWER,
				    ret == ERR_IO ? strerror(errno) : err_text(ret));
	}
	*out = json_loads(text, 0, NULL);
	if (!json_is_object(*out)) {
		ending = control_fail(control, END_NO_ANSWER, "this is no waggled: no JSON came");
	} else if (json_is_false(json_object_get(*out, "ok"))) {
		ending = control_refused(control->options, *out);
	}
	if (ending != END_OK) {
		json_decref(*out);
		*out = NULL;
	}
	*line = text;
	return ending;
}

enum ending control_ask(const struct options *options, const json_t *request, json_t **out)
{
	struct control *control;
	const char *line;
	enum ending ending = control_open(&control, options, CONTROL_TIMEOUT_MS);

	*out = NULL;
	if (ending == END_OK) {
		ending = control_send(control, request);
	}
	if (ending == END_OK) {
		ending = control_read(control, &line, out);
	}
	if (ending == END_OK && !json_is_true(json_object_get(*out, "ok"))) {
		ending = control_fail(control, END_NO_ANSWER, "this is no waggled: no \"ok\"");
		json_decref(*out);
		*out = NULL;
	}
	control_close(control);
	return ending;
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

/* ---- members of answers ------------------------------------------------------------------ */

const char *control_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text == NULL ? "" : text;
}

json_int_t control_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

const char *control_number_text(char out[CONTROL_NUMBER], const json_t *object, const char *key)
{
	if (!json_is_integer(json_object_get(object, key))) {
		return "";
	}
	snprintf(out, CONTROL_NUMBER, "%" JSON_INTEGER_FORMAT, control_number(object, key));
	return out;
}

const char *control_seconds(char out[DURATION_TEXT], const json_t *object, const char *key,
			    bool is_terminal)
{
	const json_t *value = json_object_get(object, key);
	const json_int_t seconds = json_integer_value(value);

	if (!json_is_integer(value) || seconds < 0) {
		return "";
	}
	if (is_terminal) {
		return duration_text(out, (uint64_t)seconds);
	}
	snprintf(out, DURATION_TEXT, "%" JSON_INTEGER_FORMAT, seconds);
	return out;
}
