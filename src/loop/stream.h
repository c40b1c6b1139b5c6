/*
 * Byte streams of a loop: TCP connections and the control socket. Owned by the loop's thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "loop/loop.h"

struct stream;
struct stream_listener;

struct stream_events {
	/* A connection came; set its context and limits, or stream_close() it at once. */
	void (*accepted)(void *listener_context, struct stream *stream);
	/* `size` octets came, valid during the call. */
	void (*received)(void *context, struct stream *stream, const uint8_t *data, size_t size);
	/*
	 * The other end sends no more, but may still read: close when the last reply has left.
	 * NULL: the stream closes by itself as soon as nothing is unsent.
	 */
	void (*ended)(void *context, struct stream *stream);
	/*
	 * What had to wait has left, and stream_unsent() is 0. Not called for what stream_write()
	 * got rid of at once.
	 */
	void (*drained)(void *context, struct stream *stream);
	/*
	 * It is closed, for whatever reason, and freed when this returns. Always the last call;
	 * not made for a stream that never got a context.
	 */
	void (*closed)(void *context, struct stream *stream);
};

/*
 * Accepts on a listening or bound socket; takes `fd`. The same listening socket may be given
 * (dup'd) to several loops. Keeps `events` and `context`. *out: returns owned. ERR_SYSTEM.
 */
int stream_listen(struct stream_listener **out, struct loop *loop, int fd,
		  const struct stream_events *events, void *context);

/* Accepts no more; connections live on. Takes NULL. */
void stream_listener_free(struct stream_listener *listener);

void stream_set_context(struct stream *stream, void *context);

/*
 * Closes when for so long nothing was read, and nothing that waits to be sent was taken (this is
 * looked at no more often, so it may be seen after twice the time); 0: never.
 */
void stream_set_idle(struct stream *stream, uint64_t timeout_ms);

/* Address of the other end; family AF_UNIX on the control socket. */
const struct sockaddr_storage *stream_peer(const struct stream *stream);

/* Stops and goes on reading: a client that does not read its replies is not read from. */
void stream_pause(struct stream *stream);
void stream_resume(struct stream *stream);

/*
 * Sends `size` octets; takes `data`, a block of malloc(), also on error. ERR_NOMEM, ERR_CLOSED.
 * What the kernel takes at once is written at once, in one write(2).
 */
int stream_write(struct stream *stream, uint8_t *data, size_t size);

/*
 * The same for octets that stay the caller's: only what the kernel does not take at once is copied.
 */
int stream_send(struct stream *stream, const uint8_t *data, size_t size);

/* Octets given to stream_write() that the kernel has not taken yet. */
size_t stream_unsent(const struct stream *stream);

/* Whether the other end is closed, not only for sending; also of a stream that is not read from. */
bool stream_is_gone(const struct stream *stream);

/* Closes; `closed` is called later, from the loop. Twice does no harm. */
void stream_close(struct stream *stream);
