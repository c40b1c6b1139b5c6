/*
 * c-ares on libuv: for each socket that c-ares has, it says what to wait for, and a uv_poll waits;
 * for its own timeouts there is one of our timers.
 *
 * A channel knows one server, so that the answer of each is seen and judged, and failing over to
 * the next can be done early. c-ares reads neither resolv.conf nor the hosts file here.
 */
#include "libclient/channel.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/list.h"
#include "dns/types.h"
#include "libclient/cares.h"

#define TIMEOUT_MS 600 /* of the first try; each further one takes twice as long */
#define TRIES 4

struct poll;

struct wgl_channel {
	struct wgl_reactor *reactor;
	ares_channel ares;
	struct wgl_timer timer;
	struct list polls;
	struct poll *spare; /* for a socket when memory is out: nobody else would hear it again */
};

struct poll {
	struct list link;
	struct wgl_channel *channel;
	struct wgl_reactor *reactor;
	ares_socket_t socket;
	uv_poll_t handle;
};

struct query {
	wgl_channel_fn done;
	void *context;
};

/* ---- sockets and time -------------------------------------------------------------------- */

/* Arms the timer for what c-ares waits for. */
static void settle(struct wgl_channel *channel)
{
	struct timeval left;

	if (ares_timeout(channel->ares, NULL, &left) == NULL) {
		wgl_timer_stop(&channel->reactor->timers, &channel->timer);
		return;
	}
	/* Rounded up, or c-ares would find itself a moment early. Without memory it is late. */
	(void)wgl_timer_set(&channel->reactor->timers, &channel->timer,
			    wgl_now_ms() + (uint64_t)left.tv_sec * 1000 +
				    (uint64_t)left.tv_usec / 1000 + 1);
}

static void on_time(struct wgl_timer *timer)
{
	struct wgl_channel *channel =
		(struct wgl_channel *)((char *)timer - offsetof(struct wgl_channel, timer));

	ares_process_fd(channel->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	settle(channel);
}

static void on_ready(uv_poll_t *handle, int status, int events)
{
	const struct poll *poll = handle->data;
	struct wgl_channel *channel = poll->channel;
	const ares_socket_t socket = poll->socket;
	const bool is_readable = status < 0 || (events & UV_READABLE) != 0;
	const bool is_writable = status < 0 || (events & UV_WRITABLE) != 0;

	ares_process_fd(channel->ares, is_readable ? socket : ARES_SOCKET_BAD,
			is_writable ? socket : ARES_SOCKET_BAD);
	settle(channel);
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct poll *poll = handle->data;
	struct wgl_reactor *reactor = poll->reactor;

	free(poll);
	wgl_reactor_release(reactor);
}

static struct poll *find_poll(struct wgl_channel *channel, ares_socket_t socket)
{
	for (struct list *link = channel->polls.next; link != &channel->polls; link = link->next) {
		struct poll *poll = list_entry(link, struct poll, link);

		if (poll->socket == socket) {
			return poll;
		}
	}
	return NULL;
}

static struct poll *take_poll(struct wgl_channel *channel)
{
	struct poll *poll = calloc(1, sizeof(*poll));

	if (poll == NULL) {
		poll = channel->spare;
		channel->spare = NULL;
	} else if (channel->spare == NULL) {
		channel->spare = calloc(1, sizeof(*poll));
	}
	return poll;
}

/* NULL: the socket cannot be waited for, and what is asked on it will time out. */
static struct poll *make_poll(struct wgl_channel *channel, ares_socket_t socket)
{
	struct poll *poll = take_poll(channel);

	if (poll == NULL || uv_poll_init(channel->reactor->loop, &poll->handle, socket) != 0) {
		free(poll);
		return NULL;
	}
	poll->channel = channel;
	poll->reactor = channel->reactor;
	poll->socket = socket;
	poll->handle.data = poll;
	list_append(&channel->polls, &poll->link);
	wgl_reactor_hold(channel->reactor);
	return poll;
}

static void on_socket(void *argument, ares_socket_t socket, int is_read, int is_written)
{
	struct wgl_channel *channel = argument;
	struct poll *poll = find_poll(channel, socket);
	const int events = (is_read ? UV_READABLE : 0) | (is_written ? UV_WRITABLE : 0);

	if (events == 0) {
		if (poll != NULL) {
			list_remove(&poll->link);
			uv_poll_stop(&poll->handle);
			uv_close((uv_handle_t *)&poll->handle, on_poll_closed);
		}
		return;
	}
	if (poll == NULL) {
		poll = make_poll(channel, socket);
	}
	if (poll != NULL) {
		uv_poll_start(&poll->handle, events, on_ready);
	}
}

/* ---- channels ---------------------------------------------------------------------------- */

/* "192.0.2.53:53", "[2001:db8::53]:53", as c-ares wants it. */
static void server_text(char out[WAGGLE_ADDRESS_TEXT + 8], const union waggle_address *server)
{
	char address[INET6_ADDRSTRLEN] = "";

	if (server->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &server->v4.sin_addr, address, sizeof(address));
		snprintf(out, WAGGLE_ADDRESS_TEXT + 8, "%s:%u", address,
			 ntohs(server->v4.sin_port));
	} else {
		inet_ntop(AF_INET6, &server->v6.sin6_addr, address, sizeof(address));
		snprintf(out, WAGGLE_ADDRESS_TEXT + 8, "[%s]:%u", address,
			 ntohs(server->v6.sin6_port));
	}
}

static int open_ares(struct wgl_channel *channel, const struct wgl_channel_conf *conf)
{
	char none[] = "/dev/null";
	char lookups[] = "b";
	char server[WAGGLE_ADDRESS_TEXT + 8];
	struct ares_options options = {
		/* The size that EDNS announces is the limit above which c-ares takes TCP. */
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP |
			 ARES_FLAG_EDNS | (conf->is_tcp ? ARES_FLAG_USEVC : 0),
		.timeout = TIMEOUT_MS,
		.tries = TRIES,
		.ednspsz = DNS_UDP_SAFE,
		.lookups = lookups,
		.resolvconf_path = none,
		.sock_state_cb = on_socket,
		.sock_state_cb_data = channel,
	};
	int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
		   ARES_OPT_LOOKUPS | ARES_OPT_RESOLVCONF | ARES_OPT_DOMAINS |
		   ARES_OPT_SOCK_STATE_CB;

	wgl_ares_tune(&options, &mask);
	if (ares_init_options(&channel->ares, &options, mask) != ARES_SUCCESS) {
		channel->ares = NULL;
		return WAGGLE_ERR_NOMEM;
	}
	server_text(server, &conf->server);
	return ares_set_servers_ports_csv(channel->ares, server) == ARES_SUCCESS ? WAGGLE_OK
										  : WAGGLE_ERR_NOMEM;
}

int wgl_channel_new(struct wgl_channel **out, const struct wgl_channel_conf *conf)
{
	struct wgl_channel *channel = calloc(1, sizeof(*channel));
	int ret;

	*out = NULL;
	if (channel == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	channel->reactor = conf->reactor;
	wgl_timer_init(&channel->timer, on_time);
	list_init(&channel->polls);
	channel->spare = calloc(1, sizeof(*channel->spare));
	ret = channel->spare == NULL ? WAGGLE_ERR_NOMEM : open_ares(channel, conf);
	if (ret != WAGGLE_OK) {
		wgl_channel_free(channel);
		return ret;
	}
	*out = channel;
	return WAGGLE_OK;
}

void wgl_channel_free(struct wgl_channel *channel)
{
	if (channel == NULL) {
		return;
	}
	if (channel->ares != NULL) {
		ares_destroy(channel->ares);
	}
	wgl_timer_stop(&channel->reactor->timers, &channel->timer);
	free(channel->spare);
	free(channel);
}

/* ---- queries ----------------------------------------------------------------------------- */

static int code_of(int status)
{
	switch (status) {
	case ARES_SUCCESS:
		return WAGGLE_OK;
	case ARES_ETIMEOUT:
		return WAGGLE_ERR_TIMEOUT;
	case ARES_ENOMEM:
		return WAGGLE_ERR_NOMEM;
	case ARES_EDESTRUCTION:
	case ARES_ECANCELLED:
		return WAGGLE_ERR_CLOSED;
	default:
		return WAGGLE_ERR_UNREACHABLE;
	}
}

static void on_reply(void *context, int status, const uint8_t *wire, size_t size)
{
	const struct query query = *(struct query *)context;

	free(context);
	query.done(query.context, code_of(status), wire, size);
}

void wgl_channel_send(struct wgl_channel *channel, const uint8_t *wire, size_t size,
		      wgl_channel_fn done, void *context)
{
	struct query *query = malloc(sizeof(*query));

	if (query == NULL) {
		done(context, WAGGLE_ERR_NOMEM, NULL, 0);
		return;
	}
	*query = (struct query){.done = done, .context = context};
	wgl_ares_send(channel->ares, wire, size, on_reply, query);
	settle(channel);
}
