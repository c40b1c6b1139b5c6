/*
 * The control socket of a real core and net, for tests that ask over the socket itself.
 */
#pragma once

#include <jansson.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/err.h"
#include "ctl/ctl.h"
#include "net/net.h"
#include "tests/unit/registry/core_world.h"

struct house {
	struct core_world core;
	struct conf *conf;
	struct net *net;
	char directory[64];
	char path[80];
	struct ctl_options options;
	struct ctl *ctl;
};

static inline void house_open(struct house *house)
{
	static const char text[] = "server: {listen: [127.0.0.1@0], threads: 1, name: ns.example, "
				   "data: .}\nzone: [{name: svc.example, registry: {}}]\n";
	struct conf_error conf_error;
	struct net_error net_error;

	memset(house, 0, sizeof(*house));
	core_world_init(&house->core);
	core_world_start(&house->core);
	ck_assert_int_eq(conf_parse(&house->conf, text, strlen(text), "f", "/tmp", &conf_error),
			 OK);
	ck_assert_int_eq(net_open(&house->net, house->conf, &net_error), OK);
	snprintf(house->directory, sizeof(house->directory), "/tmp/waggle-ctl-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(house->directory));
	snprintf(house->path, sizeof(house->path), "%s/control", house->directory);
	house->options = (struct ctl_options){
		.core = house->core.core,
		.net = house->net,
		.conf = house->conf,
		.path = house->path,
		.version = "1.2.3",
		.start_ms = clock_mono_ms(),
	};
}

static inline void house_start(struct house *house)
{
	char error[256] = "";

	ck_assert_msg(ctl_start(&house->ctl, &house->options, error, sizeof(error)) == OK, "%s",
		      error);
}

static inline void house_close(struct house *house)
{
	ctl_stop(house->ctl);
	core_stop(house->core.core);
	net_free(house->net);
	core_free(house->core.core);
	conf_unref(house->conf);
	unlink(house->path);
	ck_assert_int_eq(rmdir(house->directory), 0);
}

static inline int client_open(const struct house *house)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(address.sun_path, house->path, strlen(house->path));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* All octets up to the next newline, or to the end; free it. */
static inline char *client_line(int fd)
{
	size_t room = 65536;
	size_t size = 0;
	char *line = malloc(room);

	for (;;) {
		struct pollfd wait = {.fd = fd, .events = POLLIN};

		ck_assert_int_eq(poll(&wait, 1, CORE_WAIT_MS), 1);
		if (size + 1 == room) {
			room *= 2;
			line = realloc(line, room);
		}
		/* One at a time would be slow, several would read into the next line: peek. */
		ssize_t got = recv(fd, line + size, room - size - 1, MSG_PEEK);
		if (got <= 0) {
			break;
		}
		const char *end = memchr(line + size, '\n', (size_t)got);
		const size_t take = end == NULL ? (size_t)got : (size_t)(end - line) - size + 1;
		ck_assert_int_eq(recv(fd, line + size, take, 0), (ssize_t)take);
		size += take;
		if (end != NULL) {
			break;
		}
	}
	line[size] = '\0';
	return line;
}

/* The answer to one request, parsed. */
static inline json_t *ask(const struct house *house, const void *request, size_t size)
{
	const int fd = client_open(house);
	char *line;
	json_t *answer;

	ck_assert_int_eq(send(fd, request, size, MSG_NOSIGNAL), (ssize_t)size);
	ck_assert_int_eq(send(fd, "\n", 1, MSG_NOSIGNAL), 1);
	line = client_line(fd);
	answer = json_loads(line, 0, NULL);
	ck_assert_msg(json_is_object(answer), "%s", line);
	free(line);
	close(fd);
	return answer;
}

static inline json_t *status(const struct house *house)
{
	static const char request[] = "{\"command\":\"status\"}";
	json_t *answer = ask(house, request, strlen(request));

	ck_assert(json_is_true(json_object_get(answer, "ok")));
	return answer;
}

static inline const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	ck_assert_msg(text != NULL, "%s", key);
	return text;
}

static inline json_int_t number_of(const json_t *object, const char *key)
{
	const json_t *number = json_object_get(object, key);

	ck_assert_msg(json_is_integer(number), "%s", key);
	return json_integer_value(number);
}

static inline void make_zone(struct house *house)
{
	ck_assert_int_eq(core_wait(&house->core, core_base(&house->core)), 0);
	ck_assert_int_eq(core_publish(house->core.core), OK);
}

static inline void registered(struct house *house, uint32_t lease_s, const char *master)
{
	ck_assert_int_eq(core_wait(&house->core, core_update(&house->core, lease_s, master)), 0);
}
