/*
 * The control socket: a thread with a loop, a listener, at most CLIENTS_MAX clients, each with the
 * line it is sending. A client's next line is read when the answer to the last one has left, so
 * one answer for each client is all that waits, and of a long one no more than a piece. What can fail: the socket's place (named to the
 * caller), memory (the client gets no answer and is closed).
 */
#include "ctl/ctl.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/list.h"
#include "ctl/command.h"
#include "ctl/taking.h"
#include "loop/call.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "loop/stream.h"

#define CLIENTS_MAX 16
#define UPLOADS_MAX 1
#define LINE_MAX_SIZE 65536 /* octets of a request, newline included */
#define BUFFER_SIZE 131072 /* a line in the making, and one read behind it */
#define IDLE_MS 60000
#define WATCH_MS 100 /* between looks whether who waits for a taking is still there */
#define SOCKET_MODE 0660

struct client {
	struct ctl *ctl;
	struct stream *stream;
	struct answer *answer; /* the rest of it is still to be made; or NULL */
	struct upload *upload; /* its octets are coming; or NULL */
	size_t size;
	bool is_waiting; /* for its answer to leave */
	bool is_ended; /* sends no more */
	char buffer[BUFFER_SIZE];
};

struct ctl {
	struct ctl_options options;
	struct sockaddr_un address; /* its path is the options' */
	struct stat made; /* the socket file, to know it again */
	struct loop *loop;
	struct mailbox *mailbox; /* of struct order */
	struct stream_listener *listener;
	struct thread *thread;
	unsigned clients;
	unsigned uploads; /* that come, or are taken */
	struct taking *taking; /* NULL: none */
	struct client *taker; /* whose it is; NULL: he is gone */
	struct mailbox *taken; /* of struct taking */
	struct loop_timer *watch;
};

/* What main has for the thread. */
struct order {
	struct mail mail;
	struct call call;
	struct conf *conf; /* to use from now on; NULL: stop */
};

/* ---- clients ----------------------------------------------------------------------------- */

/* Takes `text`. */
static void send_text(struct stream *stream, char *text)
{
	(void)stream_write(stream, (uint8_t *)text, strlen(text));
}

static void send_error(struct stream *stream, const char *error)
{
	char *text = NULL;

	if (command_error(&text, error) == OK) {
		send_text(stream, text);
	}
}

static void refuse_length(struct stream *stream)
{
	send_error(stream, "a request is at most 65536 octets long");
	stream_close(stream);
}

/* Sends of a long answer what the client takes; false: it ends here. */
static bool client_go_on(struct client *client, struct stream *stream)
{
	while (client->answer != NULL && !client->is_waiting) {
		char *text = NULL;

		if (client->answer->next(client->answer, &text) != OK) {
			stream_close(stream);
			return false;
		}
		if (text == NULL) {
			answer_free(client->answer);
			client->answer = NULL;
		} else {
			send_text(stream, text);
			client->is_waiting = stream_unsent(stream) > 0;
		}
	}
	return true;
}

/* Ends an upload that did not become whole. */
static void client_drop_upload(struct client *client)
{
	if (client->upload != NULL) {
		upload_free(client->upload);
		client->upload = NULL;
		client->ctl->uploads--;
	}
}

/* Who is gone while his upload is read does not want it any more. */
static void watch_rang(void *context)
{
	struct ctl *ctl = context;

	if (ctl->taker == NULL) {
		return;
	}
	if (stream_is_gone(ctl->taker->stream)) {
		stream_close(ctl->taker->stream);
	} else {
		loop_timer_set(ctl->watch, WATCH_MS);
	}
}

/* Has the whole upload answered; takes it. false: it ends here. */
static bool client_begin_taking(struct client *client, struct upload *upload)
{
	struct ctl *ctl = client->ctl;

	if (taking_start(&ctl->taking, &ctl->options, upload, ctl->taken) != OK) {
		ctl->uploads--;
		stream_close(client->stream);
		return false;
	}
	ctl->taker = client;
	client->is_waiting = true;
	stream_set_idle(client->stream, 0);
	loop_timer_set(ctl->watch, WATCH_MS);
	return true;
}

/* Octets of an upload, up to `size` at `at`; what it took, or -1: it ends here. */
static ptrdiff_t client_take(struct client *client, const char *at, size_t size)
{
	struct upload *upload = client->upload;
	const size_t lack = upload->size - upload->got;
	const size_t taken = size < lack ? size : lack;

	memcpy(upload->octets + upload->got, at, taken);
	upload->got += taken;
	if (upload->got < upload->size) {
		return (ptrdiff_t)taken;
	}
	client->upload = NULL;
	return client_begin_taking(client, upload) ? (ptrdiff_t)taken : -1;
}

static bool client_begin_upload(struct client *client, struct stream *stream, struct upload *upload)
{
	if (client->ctl->uploads == UPLOADS_MAX) {
		upload_free(upload);
		send_error(stream, "another import is under way");
		stream_close(stream);
		return false;
	}
	client->ctl->uploads++;
	client->upload = upload;
	return upload->size > 0 || client_take(client, "", 0) == 0;
}

/* Answers the line of `size` octets at the buffer's offset `at`; false: it ends here. */
static bool client_answer(struct client *client, struct stream *stream, size_t at, size_t size)
{
	struct outcome outcome;

	if (size >= LINE_MAX_SIZE) {
		refuse_length(stream);
		return false;
	}
	if (command_answer(&client->ctl->options, client->buffer + at, size, &outcome) != OK) {
		stream_close(stream);
		return false;
	}
	if (outcome.upload != NULL) {
		return client_begin_upload(client, stream, outcome.upload);
	}
	if (outcome.more != NULL) {
		client->answer = outcome.more;
		return client_go_on(client, stream);
	}
	send_text(stream, outcome.text);
	client->is_waiting = stream_unsent(stream) > 0;
	return true;
}

/* One line, or a piece of an upload, `size` octets at most; what it took, or -1: it ends here. */
static ptrdiff_t client_step(struct client *client, struct stream *stream, size_t at, size_t size)
{
	const char *line = client->buffer + at;
	const char *end;

	if (client->upload != NULL) {
		return client_take(client, line, size);
	}
	end = memchr(line, '\n', size);
	if (end == NULL) {
		return 0;
	}
	return client_answer(client, stream, at, (size_t)(end - line)) ? end - line + 1 : -1;
}

/* Answers lines from the buffer for as long as the answers leave. */
static void client_serve(struct client *client, struct stream *stream)
{
	size_t at = 0;

	while (!client->is_waiting && at < client->size) {
		const ptrdiff_t taken = client_step(client, stream, at, client->size - at);

		if (taken < 0) {
			return;
		}
		if (taken == 0) {
			break;
		}
		at += (size_t)taken;
	}
	client->size -= at;
	memmove(client->buffer, client->buffer + at, client->size);
	if (client->is_waiting) {
		stream_pause(stream);
	} else if (client->size >= LINE_MAX_SIZE) {
		refuse_length(stream);
	} else if (client->is_ended) {
		stream_close(stream);
	} else {
		stream_resume(stream);
	}
}

static void client_received(void *context, struct stream *stream, const uint8_t *data, size_t size)
{
	struct client *client = context;

	if (size > sizeof(client->buffer) - client->size) {
		refuse_length(stream);
		return;
	}
	memcpy(client->buffer + client->size, data, size);
	client->size += size;
	client_serve(client, stream);
}

static void client_drained(void *context, struct stream *stream)
{
	struct client *client = context;

	client->is_waiting = false;
	if (client_go_on(client, stream)) {
		client_serve(client, stream);
	}
}

/* The taking has its answer. */
static void takings_ended(void *context, struct list *mails)
{
	struct ctl *ctl = context;
	struct taking *taking = list_entry(mails->next, struct taking, mail.link);
	struct client *client = ctl->taker;
	char *text = taking->text;

	list_remove(&taking->mail.link);
	taking->text = NULL;
	taking_free(taking);
	ctl->taking = NULL;
	ctl->taker = NULL;
	ctl->uploads--;
	if (client == NULL || text == NULL) {
		free(text);
		if (client != NULL) {
			stream_close(client->stream);
		}
		return;
	}
	stream_set_idle(client->stream, IDLE_MS);
	send_text(client->stream, text);
	client->is_waiting = stream_unsent(client->stream) > 0;
	client_serve(client, client->stream);
}

static void client_ended(void *context, struct stream *stream)
{
	struct client *client = context;

	client->is_ended = true;
	if (!client->is_waiting) {
		stream_close(stream);
	}
}

static void client_closed(void *context, struct stream *stream)
{
	struct client *client = context;

	(void)stream;
	if (client->ctl->taker == client) {
		client->ctl->taker = NULL;
		taking_abandon(client->ctl->taking);
	}
	client->ctl->clients--;
	answer_free(client->answer);
	client_drop_upload(client);
	free(client);
}

static void client_accepted(void *context, struct stream *stream)
{
	struct ctl *ctl = context;
	struct client *client;

	if (ctl->clients == CLIENTS_MAX) {
		send_error(stream, "too many clients: 16 are the limit");
		stream_close(stream);
		return;
	}
	client = malloc(sizeof(*client));
	if (client == NULL) {
		stream_close(stream);
		return;
	}
	client->ctl = ctl;
	client->stream = stream;
	client->answer = NULL;
	client->upload = NULL;
	client->size = 0;
	client->is_waiting = false;
	client->is_ended = false;
	ctl->clients++;
	stream_set_context(stream, client);
	stream_set_idle(stream, IDLE_MS);
}

static const struct stream_events client_events = {
	.accepted = client_accepted,
	.received = client_received,
	.ended = client_ended,
	.drained = client_drained,
	.closed = client_closed,
};

/* ---- the socket -------------------------------------------------------------------------- */

static int fill_address(struct sockaddr_un *address, const char *path, char *error, size_t size)
{
	const size_t length = strlen(path);

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	if (length >= sizeof(address->sun_path)) {
		snprintf(error, size,
			 "the path of the control socket has %zu octets, 107 are the limit: %s",
			 length, path);
		return ERR_RANGE;
	}
	memcpy(address->sun_path, path, length);
	return OK;
}

static int refuse(int ret, const char *path, const char *why, char *error, size_t size)
{
	snprintf(error, size, "%s: %s", path, why);
	return ret;
}

/* Nobody may listen where the socket will be; a file that a dead one left is removed. */
static int clear_place(const struct sockaddr_un *address, char *error, size_t size)
{
	const char *path = address->sun_path;
	struct stat status;
	int probe;
	int failure;

	if (lstat(path, &status) != 0) {
		return OK; /* nothing there, or bind() will say what is wrong */
	}
	if (!S_ISSOCK(status.st_mode)) {
		return refuse(ERR_BUSY, path, "is there already, and no socket", error, size);
	}
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (probe < 0) {
		return refuse(ERR_SYSTEM, path, strerror(errno), error, size);
	}
	failure =
		connect(probe, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
	close(probe);
	/* EAGAIN: its backlog is full, so it is alive. */
	if (failure == 0 || failure == EAGAIN) {
		return refuse(ERR_BUSY, path, "another waggled listens there", error, size);
	}
	if (failure != ECONNREFUSED || unlink(path) != 0) {
		return refuse(ERR_DENIED, path, strerror(failure != ECONNREFUSED ? failure : errno),
			      error, size);
	}
	return OK;
}

/* *out: the bound socket. */
static int open_socket(struct ctl *ctl, int *out, char *error, size_t size)
{
	const char *path = ctl->address.sun_path;
	int ret = clear_place(&ctl->address, error, size);
	int fd;

	if (ret != OK) {
		return ret;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	/* The mode before bind() is what the file begins with, so nobody slips in before chmod(). */
	if (fd >= 0 && fchmod(fd, SOCKET_MODE) == 0 &&
	    bind(fd, (const struct sockaddr *)&ctl->address, sizeof(ctl->address)) == 0 &&
	    chmod(path, SOCKET_MODE) == 0 && lstat(path, &ctl->made) == 0) {
		*out = fd;
		return OK;
	}
	ret = errno == EACCES || errno == EPERM || errno == EROFS ? ERR_DENIED : ERR_SYSTEM;
	(void)refuse(ret, path, strerror(errno), error, size);
	if (fd >= 0) {
		close(fd);
	}
	return ret;
}

/* Removes the socket's file, unless another one stands there now. */
static void remove_socket(const struct ctl *ctl)
{
	struct stat status;

	if (ctl->made.st_ino != 0 && lstat(ctl->address.sun_path, &status) == 0 &&
	    status.st_ino == ctl->made.st_ino && status.st_dev == ctl->made.st_dev) {
		unlink(ctl->address.sun_path);
	}
}

/* ---- the thread -------------------------------------------------------------------------- */

static void use_conf(struct ctl *ctl, struct conf *conf)
{
	conf_unref(ctl->options.conf);
	ctl->options.conf = conf;
}

static void orders_came(void *context, struct list *mails)
{
	struct ctl *ctl = context;

	while (!list_is_empty(mails)) {
		struct order *order = list_entry(mails->next, struct order, mail.link);

		list_remove(&order->mail.link);
		if (order->conf != NULL) {
			use_conf(ctl, order->conf);
		} else {
			stream_listener_free(ctl->listener);
			ctl->listener = NULL;
			loop_stop(ctl->loop);
		}
		call_end(&order->call, OK);
	}
}

static void run(void *context)
{
	struct ctl *ctl = context;

	loop_run(ctl->loop);
}

static void ctl_free(struct ctl *ctl)
{
	/* Who waits for a taking is not told any more, and gets no other. */
	if (ctl->taking != NULL) {
		ctl->taker = NULL;
		taking_abandon(ctl->taking);
		taking_join(ctl->taking);
	}
	mailbox_free(ctl->taken);
	loop_timer_free(ctl->watch);
	/* Clients end with the loop, and their last call wants the ctl. */
	stream_listener_free(ctl->listener);
	mailbox_free(ctl->mailbox);
	loop_free(ctl->loop);
	conf_unref(ctl->options.conf);
	remove_socket(ctl);
	free(ctl);
}

int ctl_start(struct ctl **out, const struct ctl_options *options, char *error, size_t size)
{
	struct ctl *ctl = calloc(1, sizeof(*ctl));
	int fd = -1;
	int ret;

	if (ctl == NULL) {
		return refuse(ERR_NOMEM, options->path, err_text(ERR_NOMEM), error, size);
	}
	ctl->options = *options;
	conf_ref(ctl->options.conf);
	ret = fill_address(&ctl->address, options->path, error, size);
	if (ret == OK) {
		ret = open_socket(ctl, &fd, error, size);
	}
	if (ret != OK) {
		ctl_free(ctl);
		return ret;
	}
	ctl->options.path = ctl->address.sun_path;
	ret = loop_new(&ctl->loop);
	if (ret == OK) {
		ret = mailbox_new(&ctl->mailbox, ctl->loop, 1, orders_came, ctl);
	}
	if (ret == OK) {
		ret = mailbox_new(&ctl->taken, ctl->loop, UPLOADS_MAX, takings_ended, ctl);
	}
	if (ret == OK) {
		ret = loop_timer_new(&ctl->watch, ctl->loop, watch_rang, ctl);
	}
	if (ret == OK) {
		ret = stream_listen(&ctl->listener, ctl->loop, fd, &client_events, ctl);
		fd = -1;
	}
	if (ret == OK) {
		ret = thread_start(&ctl->thread, "background", run, ctl);
	}
	if (ret != OK) {
		if (fd >= 0) {
			close(fd);
		}
		(void)refuse(ret, options->path, err_text(ret), error, size);
		ctl_free(ctl);
		return ret;
	}
	*out = ctl;
	return OK;
}

/* Has the thread do it, and waits. Takes `conf`. */
static void order(struct ctl *ctl, struct conf *conf)
{
	struct order order = {.conf = conf};

	call_init(&order.call);
	(void)mailbox_post_always(ctl->mailbox, &order.mail);
	(void)call_wait(&order.call);
	call_deinit(&order.call);
}

void ctl_set_conf(struct ctl *ctl, struct conf *conf)
{
	if (ctl != NULL) {
		order(ctl, conf_ref(conf));
	}
}

void ctl_stop(struct ctl *ctl)
{
	if (ctl == NULL) {
		return;
	}
	order(ctl, NULL);
	thread_join(ctl->thread);
	ctl_free(ctl);
}
