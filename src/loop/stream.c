/*
 * Streams over libuv's TCP and pipe handles.
 *
 * A connection: accepted, read into the loop's one input buffer (libuv asks for it right before it
 * reads, so all streams of a loop share it), written at once where the kernel has room, queued
 * where not. It ends by stream_close(), an error, the other end's end when all is written, or the
 * idle timer, and is freed when its two handles, socket and timer, have been closed.
 * What can fail: memory at accept (the connection waits in the kernel and is tried again), memory
 * at write (the caller is told; where half a message is out already the stream closes).
 */
#include "loop/stream.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/list.h"
#include "loop/inside.h"

#define BACKLOG 511
#define INPUT_SIZE 65536
#define RETRY_MS 100 /* after an accept that found no memory */

union socket {
	uv_handle_t handle;
	uv_stream_t stream;
	uv_tcp_t tcp;
	uv_pipe_t pipe;
};

struct stream_listener {
	struct loop_owned owned; /* of both handles */
	union socket socket;
	uv_timer_t retry;
	unsigned open_handles;
	int family;
	struct loop *loop;
	const struct stream_events *events;
	void *context;
};

struct stream {
	struct loop_owned owned; /* of both handles */
	union socket socket;
	uv_timer_t idle;
	unsigned open_handles;
	bool is_closing;
	bool is_paused;
	bool is_ended; /* the other end sends no more */
	struct loop *loop;
	const struct stream_events *events;
	void *context;
	unsigned writes; /* not yet called back */
	size_t unsent; /* when the idle timer looked last */
	uint64_t idle_ms;
	uint64_t active_ms; /* time of the last sign of life */
	struct sockaddr_storage peer;
};

struct stream_write {
	uv_write_t uv;
	struct stream *stream;
	uint8_t *data;
};

/* ---- both ---------------------------------------------------------------------------------- */

static void socket_init(union socket *socket, struct loop *loop, int family)
{
	if (family == AF_UNIX) {
		uv_pipe_init(&loop->uv, &socket->pipe, 0);
	} else {
		uv_tcp_init(&loop->uv, &socket->tcp);
	}
}

static int socket_open(union socket *socket, int family, int fd)
{
	return family == AF_UNIX ? uv_pipe_open(&socket->pipe, fd) : uv_tcp_open(&socket->tcp, fd);
}

static int socket_family(int fd)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);

	return getsockname(fd, (struct sockaddr *)&address, &size) == 0 ? address.ss_family : -1;
}

/* ---- the end of a stream ------------------------------------------------------------------- */

static void stream_handle_closed(uv_handle_t *handle)
{
	struct stream *stream = list_entry(handle->data, struct stream, owned);

	if (--stream->open_handles > 0) {
		return;
	}
	if (stream->context != NULL) {
		stream->events->closed(stream->context, stream);
	}
	free(stream);
}

void stream_close(struct stream *stream)
{
	if (stream->is_closing) {
		return;
	}
	stream->is_closing = true;
	uv_close(&stream->socket.handle, stream_handle_closed);
	uv_close((uv_handle_t *)&stream->idle, stream_handle_closed);
}

static void stream_close_owned(struct loop_owned *owned)
{
	stream_close(list_entry(owned, struct stream, owned));
}

bool stream_is_gone(const struct stream *stream)
{
	struct pollfd wanted = {.events = 0}; /* POLLHUP and POLLERR come unasked */

	return stream->is_closing ||
	       (uv_fileno(&stream->socket.handle, &wanted.fd) == 0 && poll(&wanted, 1, 0) == 1);
}

/* ---- idle ---------------------------------------------------------------------------------- */

static void idle_rang(uv_timer_t *handle)
{
	struct stream *stream = list_entry(handle->data, struct stream, owned);
	const uint64_t now_ms = uv_now(&stream->loop->uv);
	const size_t unsent = stream_unsent(stream);

	if (unsent < stream->unsent) {
		stream->active_ms = now_ms;
	}
	stream->unsent = unsent;
	if (now_ms - stream->active_ms >= stream->idle_ms) {
		stream_close(stream);
		return;
	}
	uv_timer_start(&stream->idle, idle_rang, stream->idle_ms - (now_ms - stream->active_ms), 0);
}

void stream_set_idle(struct stream *stream, uint64_t timeout_ms)
{
	stream->idle_ms = timeout_ms;
	if (stream->is_closing) {
		return;
	}
	if (timeout_ms == 0) {
		uv_timer_stop(&stream->idle);
		return;
	}
	stream->active_ms = uv_now(&stream->loop->uv);
	uv_timer_start(&stream->idle, idle_rang, timeout_ms, 0);
}

/* ---- reading ------------------------------------------------------------------------------- */

static void input_wanted(uv_handle_t *handle, size_t hint, uv_buf_t *buffer)
{
	const struct stream *stream = list_entry(handle->data, struct stream, owned);

	(void)hint;
	buffer->base = (char *)stream->loop->input;
	buffer->len = stream->loop->input_size;
}

static void input_ended(struct stream *stream)
{
	stream->is_ended = true;
	if (stream->events->ended != NULL) {
		stream->events->ended(stream->context, stream);
	} else if (stream->writes == 0) {
		stream_close(stream);
	}
}

static void input_came(uv_stream_t *handle, ssize_t size, const uv_buf_t *buffer)
{
	struct stream *stream = list_entry(handle->data, struct stream, owned);

	if (size == UV_EOF) {
		input_ended(stream);
	} else if (size < 0) {
		stream_close(stream);
	} else if (size > 0) {
		stream->active_ms = uv_now(&stream->loop->uv);
		stream->events->received(stream->context, stream, (const uint8_t *)buffer->base,
					 (size_t)size);
	}
}

void stream_pause(struct stream *stream)
{
	stream->is_paused = true;
	if (!stream->is_closing) {
		uv_read_stop(&stream->socket.stream);
	}
}

void stream_resume(struct stream *stream)
{
	stream->is_paused = false;
	if (!stream->is_closing && !stream->is_ended) {
		uv_read_start(&stream->socket.stream, input_wanted, input_came);
	}
}

/* ---- writing ------------------------------------------------------------------------------- */

size_t stream_unsent(const struct stream *stream)
{
	return uv_stream_get_write_queue_size(&stream->socket.stream);
}

static void written(uv_write_t *uv, int status)
{
	struct stream_write *request = list_entry(uv, struct stream_write, uv);
	struct stream *stream = request->stream;

	free(request->data);
	free(request);
	stream->writes--;
	if (stream->is_closing) {
		return;
	}
	if (status != 0) {
		stream_close(stream);
		return;
	}
	stream->active_ms = uv_now(&stream->loop->uv);
	if (stream->writes > 0) {
		return;
	}
	if (stream->events->drained != NULL) {
		stream->events->drained(stream->context, stream);
	}
	if (stream->is_ended && stream->events->ended == NULL && stream->writes == 0) {
		stream_close(stream);
	}
}

/* Queues what the kernel did not take: `data` from `sent` on. Takes `data`. */
static int queue_write(struct stream *stream, uint8_t *data, size_t size, size_t sent)
{
	struct stream_write *request = malloc(sizeof(*request));
	const uv_buf_t buffer = {.base = (char *)data + sent, .len = size - sent};

	if (request == NULL) {
		goto failed;
	}
	request->stream = stream;
	request->data = data;
	if (uv_write(&request->uv, &stream->socket.stream, &buffer, 1, written) != 0) {
		goto failed;
	}
	stream->writes++;
	stream->unsent = stream_unsent(stream);
	return OK;
failed:
	free(request);
	free(data);
	/* A message that broke off cannot be followed by another. */
	if (sent > 0) {
		stream_close(stream);
	}
	return ERR_NOMEM;
}

/* Writes at once what the kernel takes: *sent octets. ERR_CLOSED. */
static int write_now(struct stream *stream, const uint8_t *data, size_t size, size_t *sent)
{
	const uv_buf_t buffer = {.base = (char *)data, .len = size};
	int ret = UV_EAGAIN;

	*sent = 0;
	if (stream->is_closing) {
		return ERR_CLOSED;
	}
	if (stream->writes == 0) {
		ret = uv_try_write(&stream->socket.stream, &buffer, 1);
	}
	if (ret < 0 && ret != UV_EAGAIN) {
		stream_close(stream);
		return ERR_CLOSED;
	}
	if (ret > 0) {
		*sent = (size_t)ret;
		stream->active_ms = uv_now(&stream->loop->uv);
	}
	return OK;
}

int stream_write(struct stream *stream, uint8_t *data, size_t size)
{
	size_t sent;
	const int ret = write_now(stream, data, size, &sent);

	if (ret != OK || sent == size) {
		free(data);
		return ret;
	}
	return queue_write(stream, data, size, sent);
}

int stream_send(struct stream *stream, const uint8_t *data, size_t size)
{
	uint8_t *rest;
	size_t sent;
	const int ret = write_now(stream, data, size, &sent);

	if (ret != OK || sent == size) {
		return ret;
	}
	rest = malloc(size - sent);
	if (rest == NULL) {
		/* A message that broke off cannot be followed by another. */
		if (sent > 0) {
			stream_close(stream);
		}
		return ERR_NOMEM;
	}
	memcpy(rest, data + sent, size - sent);
	if (queue_write(stream, rest, size - sent, 0) == OK) {
		return OK;
	}
	if (sent > 0) {
		stream_close(stream);
	}
	return ERR_NOMEM;
}

/* ---- accepting ----------------------------------------------------------------------------- */

static void fill_peer(struct stream *stream, int family)
{
	int size = sizeof(stream->peer);

	if (family == AF_UNIX) {
		stream->peer.ss_family = AF_UNIX;
		return;
	}
	uv_tcp_getpeername(&stream->socket.tcp, (struct sockaddr *)&stream->peer, &size);
	uv_tcp_nodelay(&stream->socket.tcp, 1);
}

static struct stream *stream_new(const struct stream_listener *listener)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (stream == NULL) {
		return NULL;
	}
	stream->owned.close = stream_close_owned;
	stream->loop = listener->loop;
	stream->events = listener->events;
	socket_init(&stream->socket, listener->loop, listener->family);
	uv_timer_init(&listener->loop->uv, &stream->idle);
	stream->open_handles = 2;
	stream->socket.handle.data = &stream->owned;
	stream->idle.data = &stream->owned;
	return stream;
}

static void accept_retry(uv_timer_t *handle);

static void accept_one(struct stream_listener *listener)
{
	struct stream *stream = stream_new(listener);

	if (stream == NULL) {
		/* libuv accepts no more until this one is taken. */
		uv_timer_start(&listener->retry, accept_retry, RETRY_MS, 0);
		return;
	}
	if (uv_accept(&listener->socket.stream, &stream->socket.stream) != 0) {
		stream_close(stream);
		return;
	}
	fill_peer(stream, listener->family);
	listener->events->accepted(listener->context, stream);
	if (!stream->is_closing && !stream->is_paused) {
		stream_resume(stream);
	}
}

static void accept_retry(uv_timer_t *handle)
{
	accept_one(list_entry(handle->data, struct stream_listener, owned));
}

static void connection_came(uv_stream_t *handle, int status)
{
	if (status == 0) {
		accept_one(list_entry(handle->data, struct stream_listener, owned));
	}
}

static void listener_handle_closed(uv_handle_t *handle)
{
	struct stream_listener *listener = list_entry(handle->data, struct stream_listener, owned);

	if (--listener->open_handles == 0) {
		free(listener);
	}
}

static void listener_close(struct loop_owned *owned)
{
	struct stream_listener *listener = list_entry(owned, struct stream_listener, owned);

	uv_close(&listener->socket.handle, listener_handle_closed);
	uv_close((uv_handle_t *)&listener->retry, listener_handle_closed);
}

static struct stream_listener *listener_new(struct loop *loop, int family,
					    const struct stream_events *events, void *context)
{
	struct stream_listener *listener = calloc(1, sizeof(*listener));

	if (listener == NULL) {
		return NULL;
	}
	listener->owned.close = listener_close;
	listener->family = family;
	listener->loop = loop;
	listener->events = events;
	listener->context = context;
	socket_init(&listener->socket, loop, family);
	uv_timer_init(&loop->uv, &listener->retry);
	listener->open_handles = 2;
	listener->socket.handle.data = &listener->owned;
	listener->retry.data = &listener->owned;
	return listener;
}

static int make_input(struct loop *loop)
{
	if (loop->input == NULL) {
		loop->input = malloc(INPUT_SIZE);
		loop->input_size = INPUT_SIZE;
	}
	return loop->input == NULL ? ERR_NOMEM : OK;
}

int stream_listen(struct stream_listener **out, struct loop *loop, int fd,
		  const struct stream_events *events, void *context)
{
	const int family = socket_family(fd);
	struct stream_listener *listener = NULL;

	if (family < 0 || make_input(loop) != OK) {
		close(fd);
		return ERR_SYSTEM;
	}
	listener = listener_new(loop, family, events, context);
	if (listener == NULL || socket_open(&listener->socket, family, fd) != 0) {
		stream_listener_free(listener);
		close(fd);
		return ERR_SYSTEM;
	}
	if (uv_listen(&listener->socket.stream, BACKLOG, connection_came) != 0) {
		stream_listener_free(listener);
		return ERR_SYSTEM;
	}
	*out = listener;
	return OK;
}

void stream_listener_free(struct stream_listener *listener)
{
	if (listener != NULL) {
		listener_close(&listener->owned);
	}
}

void stream_set_context(struct stream *stream, void *context)
{
	stream->context = context;
}

const struct sockaddr_storage *stream_peer(const struct stream *stream)
{
	return &stream->peer;
}
