/*
 * A message's way, for each server:
 *
 *   1. UDP, unless the message is large, or unsigned and for another machine (a registry does not
 *      believe that a datagram comes from where it says)
 *   2. the same datagram again after 500 ms, and after 1 s more (RFC 8085 section 3.1.1)
 *   3. TCP: after 1.5 s more of silence, after a truncated reply, or after an unsigned one to a
 *      signed request, which anybody could have forged (RFC 8945 section 5.4)
 *   4. nothing within 2.5 s, no way to it, or nobody there: the next server
 *
 * It is the same message every time, with one ID and one signature, so a server that had it
 * already answers as before. Replies are taken from a connected socket alone; what is not the
 * reply is passed over.
 */
#include "libclient/exchange.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "dns/types.h"
#include "libclient/error.h"
#include "libclient/settings.h"

#define AGAIN_MS 500
#define AGAIN_SECOND_MS 1000
#define UDP_END_MS 1500
#define TCP_MS 2500
#define PROBE_MS 1000
#define LENGTH_SIZE 2

enum step { UDP_FIRST, UDP_SECOND, UDP_THIRD, TCP, PROBE };

struct wgl_exchange {
	struct wgl_reactor *reactor;
	union waggle_address servers[WGL_EXCHANGE_SERVERS_MAX];
	size_t server_count;
	size_t server; /* the present one */
	const struct wgl_key *key;
	struct wgl_signature signature;
	bool is_probe;
	bool is_over;
	wgl_exchange_fn done;
	void *context;
	enum step step;
	struct wgl_timer timer;
	uint64_t end_ms;
	struct line *line; /* the socket in use, or NULL */
	struct waggle_error failure; /* the most telling one yet */
	size_t size;
	uint8_t wire[]; /* its length in two octets for TCP, then the message */
};

/* One socket; lives until its handle is closed, which may be after its exchange. */
struct line {
	struct wgl_exchange *exchange; /* NULL: nobody listens any more */
	struct wgl_reactor *reactor;
	bool is_tcp;
	union {
		uv_handle_t any;
		uv_stream_t stream;
		uv_udp_t udp;
		uv_tcp_t tcp;
	} handle;
	uv_connect_t connect;
	uv_write_t write;
	uv_udp_send_t send;
	size_t filled; /* octets of the reply */
	uint8_t *out; /* what is written: the exchange may be gone by then */
	uint8_t reply[LENGTH_SIZE + DNS_MESSAGE_MAX];
};

static void next_server(struct wgl_exchange *exchange);
static void start_tcp(struct wgl_exchange *exchange);

/* ---- ends -------------------------------------------------------------------------------- */

static void on_line_closed(uv_handle_t *handle)
{
	struct line *line = handle->data;
	struct wgl_reactor *reactor = line->reactor;

	free(line->out);
	free(line);
	wgl_reactor_release(reactor);
}

static void close_line(struct wgl_exchange *exchange)
{
	struct line *line = exchange->line;

	if (line != NULL) {
		exchange->line = NULL;
		line->exchange = NULL;
		uv_close(&line->handle.any, on_line_closed);
	}
}

void wgl_exchange_cancel(struct wgl_exchange *exchange)
{
	if (exchange == NULL) {
		return;
	}
	close_line(exchange);
	wgl_timer_stop(&exchange->reactor->timers, &exchange->timer);
	free(exchange);
}

static const union waggle_address *server_of(const struct wgl_exchange *exchange)
{
	const size_t last = exchange->server_count - 1;

	return &exchange->servers[exchange->server < last ? exchange->server : last];
}

static void finish(struct wgl_exchange *exchange, const struct wgl_reply *reply)
{
	const union waggle_address server = *server_of(exchange);
	struct waggle_error error = exchange->failure;
	const wgl_exchange_fn done = exchange->done;
	void *context = exchange->context;

	if (reply != NULL) {
		wgl_error_clear(&error);
	}
	/* The reply stands in the line, which stays until the loop's next turn. */
	wgl_exchange_cancel(exchange);
	done(context, reply, &server, &error);
}

/* Ends in failure on the loop's next turn. */
static void fail_later(struct wgl_exchange *exchange)
{
	close_line(exchange);
	exchange->is_over = true;
	(void)wgl_timer_set(&exchange->reactor->timers, &exchange->timer, 0);
}

/* A wrong signature tells more than silence. */
static void note(struct wgl_exchange *exchange, const struct waggle_error *failure)
{
	if (exchange->failure.code == WAGGLE_OK || failure->code == WAGGLE_ERR_SIGNATURE ||
	    exchange->failure.code == WAGGLE_ERR_UNREACHABLE) {
		exchange->failure = *failure;
	}
}

static void note_code(struct wgl_exchange *exchange, int code, const char *what)
{
	char address[WAGGLE_ADDRESS_TEXT];
	struct waggle_error failure;

	wgl_error_set(&failure, code, "%s %s", waggle_address_text(address, server_of(exchange)),
		      what);
	note(exchange, &failure);
}

static void note_system(struct wgl_exchange *exchange, int status)
{
	const bool is_absent = status == UV_ECONNREFUSED || status == UV_ENETUNREACH ||
			       status == UV_EHOSTUNREACH || status == UV_ETIMEDOUT ||
			       status == UV_ECONNRESET || status == UV_EADDRNOTAVAIL;

	note_code(exchange,
		  status == UV_ENOMEM ? WAGGLE_ERR_NOMEM
		  : is_absent	      ? WAGGLE_ERR_UNREACHABLE
				      : WAGGLE_ERR_SYSTEM,
		  uv_strerror(status));
}

/* ---- replies ----------------------------------------------------------------------------- */

static bool is_reply(const struct wgl_exchange *exchange, const struct wgl_reply *reply)
{
	const uint8_t *sent = exchange->wire + LENGTH_SIZE;
	const struct dns_message *message = &reply->message;

	return message->id == (sent[0] << 8 | sent[1]) &&
	       dns_message_opcode(message) == (sent[2] >> 3 & 0xfu);
}

static void note_tsig(struct wgl_exchange *exchange, uint16_t tsig_error)
{
	struct waggle_error failure;
	char address[WAGGLE_ADDRESS_TEXT];

	wgl_error_set(&failure, WAGGLE_ERR_SIGNATURE, "%s: %s",
		      waggle_address_text(address, server_of(exchange)),
		      tsig_error == DNS_TSIG_BADKEY ? "does not know this key"
		      : tsig_error == DNS_TSIG_BADSIG
			      ? "finds the signature wrong: another secret?"
			      : "does not sign its answers");
	failure.tsig = tsig_error == 0 ? WAGGLE_NO_CODE : tsig_error;
	note(exchange, &failure);
}

static void note_clock(struct wgl_exchange *exchange, uint64_t server_s, uint64_t now_s)
{
	const uint64_t apart_s = server_s > now_s ? server_s - now_s : now_s - server_s;
	struct waggle_error failure;
	char address[WAGGLE_ADDRESS_TEXT];

	waggle_address_text(address, server_of(exchange));
	if (apart_s > WGL_FUDGE_S) {
		wgl_error_set(
			&failure, WAGGLE_ERR_SIGNATURE,
			"%s: the clocks differ by %llu s, over the 300 s that signatures allow",
			address, (unsigned long long)apart_s);
	} else {
		/* RFC 8945 5.2.3: with a clock behind, what another machine signs is newer. */
		wgl_error_set(&failure, WAGGLE_ERR_SIGNATURE,
			      "%s: this key has signed a later change of the same name; the clocks "
			      "differ by %llu s",
			      address, (unsigned long long)apart_s);
	}
	failure.tsig = DNS_TSIG_BADTIME;
	note(exchange, &failure);
}

enum judgement { TAKE, PASS_OVER, SWITCH, GIVE_UP };

/* Steps of RFC 8945 section 5.3 and 5.4. */
static enum judgement judge_signature(struct wgl_exchange *exchange, const struct wgl_reply *reply)
{
	const uint64_t now_s = clock_wall_s();
	const bool is_tcp = exchange->step == TCP;
	uint16_t tsig_error;
	uint64_t server_s;

	switch (wgl_verify(exchange->key, &exchange->signature, &reply->message, now_s,
			   &tsig_error, &server_s)) {
	case WGL_GENUINE:
		if (tsig_error == DNS_TSIG_BADTIME) {
			note_clock(exchange, server_s, now_s);
			return GIVE_UP;
		}
		return TAKE;
	case WGL_UNSIGNED:
		note_tsig(exchange, tsig_error);
		return is_tcp ? GIVE_UP : SWITCH;
	case WGL_UNTIMELY:
		note_code(exchange, WAGGLE_ERR_SIGNATURE, "signed at another time than now");
		return is_tcp ? GIVE_UP : PASS_OVER;
	default:
		note_code(exchange, WAGGLE_ERR_SIGNATURE, "sent an answer with a wrong signature");
		return is_tcp ? GIVE_UP : PASS_OVER;
	}
}

static void take(struct wgl_exchange *exchange, const uint8_t *wire, size_t size)
{
	enum judgement judgement = TAKE;
	struct wgl_reply reply;

	if (wgl_reply_parse(&reply, wire, size) != WAGGLE_OK || !is_reply(exchange, &reply)) {
		note_code(exchange, WAGGLE_ERR_SERVER, "sent what is no reply");
		judgement = exchange->step == TCP ? GIVE_UP : PASS_OVER;
	} else if (exchange->key != NULL) {
		judgement = judge_signature(exchange, &reply);
	}
	if (judgement == TAKE && (reply.message.flags & DNS_FLAG_TC) != 0 &&
	    exchange->step != TCP && !exchange->is_probe) {
		judgement = SWITCH;
	}
	switch (judgement) {
	case TAKE:
		finish(exchange, &reply);
		break;
	case SWITCH:
		start_tcp(exchange);
		break;
	case GIVE_UP:
		next_server(exchange);
		break;
	case PASS_OVER:
		break;
	}
}

/* ---- UDP --------------------------------------------------------------------------------- */

static void on_udp_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct line *line = handle->data;

	(void)suggested;
	*buffer = uv_buf_init((char *)line->reply, sizeof(line->reply));
}

static void on_datagram(uv_udp_t *handle, ssize_t got, const uv_buf_t *buffer,
			const struct sockaddr *from, unsigned flags)
{
	const struct line *line = handle->data;

	(void)from;
	if (line->exchange == NULL || (got == 0 && from == NULL)) {
		return;
	}
	if (got < 0) {
		/* Nobody listens on UDP there; on TCP somebody might. */
		note_system(line->exchange, (int)got);
		if (line->exchange->is_probe) {
			next_server(line->exchange);
		} else {
			start_tcp(line->exchange);
		}
		return;
	}
	if ((flags & UV_UDP_PARTIAL) == 0) {
		take(line->exchange, (const uint8_t *)buffer->base, (size_t)got);
	}
}

static struct line *new_line(struct wgl_exchange *exchange, bool is_tcp)
{
	struct line *line = calloc(1, sizeof(*line));
	int ret;

	if (line == NULL) {
		return NULL;
	}
	ret = is_tcp ? uv_tcp_init(exchange->reactor->loop, &line->handle.tcp)
		     : uv_udp_init(exchange->reactor->loop, &line->handle.udp);
	if (ret != 0) {
		free(line);
		return NULL;
	}
	line->exchange = exchange;
	line->reactor = exchange->reactor;
	line->is_tcp = is_tcp;
	line->handle.any.data = line;
	wgl_reactor_hold(exchange->reactor);
	exchange->line = line;
	return line;
}

/* A failed send shows as silence, or as an error of the socket. */
static void send_datagram(struct wgl_exchange *exchange)
{
	const uv_buf_t buffer =
		uv_buf_init((char *)exchange->wire + LENGTH_SIZE, (unsigned)exchange->size);

	(void)uv_udp_try_send(&exchange->line->handle.udp, &buffer, 1, NULL);
}

static int start_udp(struct wgl_exchange *exchange)
{
	const union waggle_address *server = server_of(exchange);
	struct line *line = new_line(exchange, false);
	int ret;

	if (line == NULL) {
		return UV_ENOMEM;
	}
	ret = uv_udp_connect(&line->handle.udp, &server->any);
	if (ret == 0) {
		ret = uv_udp_recv_start(&line->handle.udp, on_udp_buffer, on_datagram);
	}
	if (ret == 0) {
		send_datagram(exchange);
	}
	return ret;
}

/* ---- TCP --------------------------------------------------------------------------------- */

static void on_tcp_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct line *line = handle->data;

	(void)suggested;
	*buffer = uv_buf_init((char *)line->reply + line->filled,
			      (unsigned)(sizeof(line->reply) - line->filled));
}

static void on_octets(uv_stream_t *stream, ssize_t got, const uv_buf_t *buffer)
{
	struct line *line = stream->data;
	struct wgl_exchange *exchange = line->exchange;
	size_t size;

	(void)buffer;
	if (exchange == NULL || got == 0) {
		return;
	}
	if (got < 0) {
		if (got == UV_EOF) {
			note_code(exchange, WAGGLE_ERR_SERVER, "closed the connection");
		} else {
			note_system(exchange, (int)got);
		}
		next_server(exchange);
		return;
	}
	line->filled += (size_t)got;
	size = line->filled < LENGTH_SIZE ? DNS_MESSAGE_MAX
					  : (size_t)(line->reply[0] << 8 | line->reply[1]);
	if (line->filled >= LENGTH_SIZE + size) {
		take(exchange, line->reply + LENGTH_SIZE, size);
	}
}

static void on_sent(uv_write_t *request, int status)
{
	const struct line *line = request->handle->data;

	if (status != 0 && line->exchange != NULL) {
		note_system(line->exchange, status);
		next_server(line->exchange);
	}
}

static void on_connected(uv_connect_t *request, int status)
{
	struct line *line = request->handle->data;
	struct wgl_exchange *exchange = line->exchange;
	uv_buf_t buffer;

	if (exchange == NULL) {
		return;
	}
	if (status == 0) {
		buffer = uv_buf_init((char *)line->out, (unsigned)(LENGTH_SIZE + exchange->size));
		status = uv_write(&line->write, &line->handle.stream, &buffer, 1, on_sent);
	}
	if (status == 0) {
		status = uv_read_start(&line->handle.stream, on_tcp_buffer, on_octets);
	}
	if (status != 0) {
		note_system(exchange, status);
		next_server(exchange);
	}
}

static int connect_tcp(struct wgl_exchange *exchange)
{
	struct line *line = new_line(exchange, true);

	if (line == NULL) {
		return UV_ENOMEM;
	}
	line->out = malloc(LENGTH_SIZE + exchange->size);
	if (line->out == NULL) {
		return UV_ENOMEM;
	}
	memcpy(line->out, exchange->wire, LENGTH_SIZE + exchange->size);
	return uv_tcp_connect(&line->connect, &line->handle.tcp, &server_of(exchange)->any,
			      on_connected);
}

/* ---- steps ------------------------------------------------------------------------------- */

static void wait_for(struct wgl_exchange *exchange, uint64_t ms)
{
	const uint64_t at_ms = wgl_now_ms() + ms;

	/* The timer was set once already, so there is memory for it. */
	(void)wgl_timer_set(&exchange->reactor->timers, &exchange->timer,
			    at_ms < exchange->end_ms ? at_ms : exchange->end_ms);
}

static void start_tcp(struct wgl_exchange *exchange)
{
	int ret;

	close_line(exchange);
	exchange->step = TCP;
	ret = connect_tcp(exchange);
	if (ret != 0) {
		note_system(exchange, ret);
		next_server(exchange);
		return;
	}
	wait_for(exchange, TCP_MS);
}

static bool prefers_tcp(const struct wgl_exchange *exchange)
{
	return exchange->size > DNS_UDP_SAFE ||
	       (exchange->key == NULL && !wgl_address_is_loopback(server_of(exchange)));
}

static void start_server(struct wgl_exchange *exchange)
{
	int ret;

	if (!exchange->is_probe && prefers_tcp(exchange)) {
		start_tcp(exchange);
		return;
	}
	exchange->step = exchange->is_probe ? PROBE : UDP_FIRST;
	ret = start_udp(exchange);
	if (ret != 0) {
		note_system(exchange, ret);
		next_server(exchange);
		return;
	}
	wait_for(exchange, exchange->is_probe ? PROBE_MS : AGAIN_MS);
}

static void next_server(struct wgl_exchange *exchange)
{
	close_line(exchange);
	if (exchange->is_over) {
		return;
	}
	if (exchange->server + 1 >= exchange->server_count || exchange->is_probe) {
		fail_later(exchange);
		return;
	}
	exchange->server++;
	start_server(exchange);
}

/* The time of a step is over. */
static void on_time(struct wgl_timer *timer)
{
	struct wgl_exchange *exchange =
		(struct wgl_exchange *)((char *)timer - offsetof(struct wgl_exchange, timer));

	/* It was in the heap until now, so putting it back needs no memory. */
	if (exchange->is_over) {
		finish(exchange, NULL);
		return;
	}
	if (wgl_now_ms() >= exchange->end_ms) {
		note_code(exchange, WAGGLE_ERR_TIMEOUT, "did not answer");
		finish(exchange, NULL);
		return;
	}
	switch (exchange->step) {
	case UDP_FIRST:
		exchange->step = UDP_SECOND;
		send_datagram(exchange);
		wait_for(exchange, AGAIN_SECOND_MS);
		break;
	case UDP_SECOND:
		exchange->step = UDP_THIRD;
		send_datagram(exchange);
		wait_for(exchange, UDP_END_MS);
		break;
	case UDP_THIRD:
		start_tcp(exchange);
		break;
	default:
		note_code(exchange, WAGGLE_ERR_TIMEOUT, "did not answer");
		next_server(exchange);
		break;
	}
}

int wgl_exchange_start(struct wgl_exchange **out, const struct wgl_exchange_conf *conf)
{
	struct wgl_exchange *exchange = calloc(1, sizeof(*exchange) + LENGTH_SIZE + conf->size);

	*out = NULL;
	if (exchange == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	exchange->reactor = conf->reactor;
	exchange->server_count = conf->server_count < WGL_EXCHANGE_SERVERS_MAX
					 ? conf->server_count
					 : WGL_EXCHANGE_SERVERS_MAX;
	memcpy(exchange->servers, conf->servers,
	       exchange->server_count * sizeof(exchange->servers[0]));
	exchange->key = conf->key;
	if (conf->key != NULL) {
		exchange->signature = *conf->signature;
	}
	exchange->is_probe = conf->is_probe;
	exchange->done = conf->done;
	exchange->context = conf->context;
	exchange->size = conf->size;
	exchange->wire[0] = (uint8_t)(conf->size >> 8);
	exchange->wire[1] = (uint8_t)conf->size;
	memcpy(exchange->wire + LENGTH_SIZE, conf->wire, conf->size);
	exchange->end_ms = wgl_now_ms() + WGL_EXCHANGE_MS;
	wgl_error_clear(&exchange->failure);
	wgl_timer_init(&exchange->timer, on_time);
	if (wgl_timer_set(&exchange->reactor->timers, &exchange->timer, exchange->end_ms) !=
	    WAGGLE_OK) {
		free(exchange);
		return WAGGLE_ERR_NOMEM;
	}
	*out = exchange;
	start_server(exchange);
	return WAGGLE_OK;
}

/* ---- the route --------------------------------------------------------------------------- */

int wgl_source_of(union waggle_address *out, const union waggle_address *server,
		  struct waggle_error *error)
{
	const int file = socket(server->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(*out);
	char address[WAGGLE_ADDRESS_TEXT];
	int ret = WAGGLE_OK;

	memset(out, 0, sizeof(*out));
	if (file < 0) {
		return wgl_error_set(error, WAGGLE_ERR_SYSTEM, "no socket: %s", strerror(errno));
	}
	/* Connecting a datagram socket sends nothing; it only chooses the route. */
	if (connect(file, &server->any, waggle_address_size(server)) != 0 ||
	    getsockname(file, &out->any, &size) != 0) {
		ret = wgl_error_set(error, WAGGLE_ERR_UNREACHABLE, "%s: %s",
				    waggle_address_text(address, server), strerror(errno));
	}
	close(file);
	if (out->any.sa_family == AF_INET6) {
		out->v6.sin6_port = 0;
		out->v6.sin6_flowinfo = 0;
	} else {
		out->v4.sin_port = 0;
	}
	return ret;
}
