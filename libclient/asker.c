/*
 * A question's life:
 *
 *   1. asked of the server that answered last, by UDP, or by TCP where the whole is wanted
 *   2. after HEDGE_MS without an answer of the next one too, and so on; the first answer counts
 *   3. a server that fails (no answer at all, SERVFAIL, REFUSED, a referral, garbage) is followed
 *      by the next at once; one that does not understand EDNS is asked again without it
 *   4. an answer, or the failure of all servers, or the end of its time, ends it: who waits is
 *      told on the next turn of the loop, so that nobody is told from inside a call
 *
 * An exchange with a server that c-ares still has when the question ends goes on by itself; what
 * comes of it is dropped.
 */
#include "libclient/asker.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "crypto/random.h"
#include "dns/edns.h"
#include "dns/writer.h"
#include "libclient/error.h"

#define HEDGE_MS 700
#define QUERY_MAX (DNS_HEADER_SIZE + DNS_NAME_MAX + 4 + 11)
#define KEY_MAX (3 + DNS_NAME_MAX)

struct question {
	struct list link;
	struct wgl_asker *asker;
	struct wgl_need need;
	struct wgl_timer timer; /* next server, end of time, or telling who waits */
	uint64_t end_ms;
	struct list waits;
	struct list attempts; /* that may still answer */
	size_t first; /* server */
	size_t tried; /* servers */
	bool is_ended;
	bool is_answered;
	struct waggle_error failure; /* the most telling one yet; code WAGGLE_OK: none */
	size_t key_size;
	uint8_t key[KEY_MAX];
};

/* One server's try; outlives its question when c-ares is slower. */
struct attempt {
	struct list link;
	struct question *question; /* NULL: it has ended */
	size_t server;
	bool is_plain; /* without EDNS */
	size_t size;
	uint8_t wire[QUERY_MAX];
};

static void try_next(struct question *question);

/* ---- the end ----------------------------------------------------------------------------- */

/* Ends on the next turn of the loop. The timer is in the heap, so moving it cannot fail. */
static void end(struct question *question, bool is_answered)
{
	question->is_ended = true;
	question->is_answered = is_answered;
	(void)wgl_timer_set(&question->asker->reactor->timers, &question->timer, 0);
}

static void drop_attempts(struct question *question)
{
	while (!list_is_empty(&question->attempts)) {
		struct attempt *attempt =
			list_entry(question->attempts.next, struct attempt, link);

		list_remove(&attempt->link);
		attempt->question = NULL;
	}
}

static void free_question(struct question *question)
{
	drop_attempts(question);
	wgl_timer_stop(&question->asker->reactor->timers, &question->timer);
	list_remove(&question->link);
	map_remove(&question->asker->by_key, question->key, question->key_size);
	free(question);
}

static void tell(struct question *question)
{
	struct wgl_asker *asker = question->asker;
	struct list waits;

	if (!question->is_answered) {
		asker->fail(asker->context, &question->need, &question->failure);
	}
	list_init(&waits);
	list_splice(&waits, &question->waits);
	free_question(question);
	while (!list_is_empty(&waits)) {
		struct wgl_wait *wait = list_entry(waits.next, struct wgl_wait, link);

		list_remove(&wait->link);
		wait->done(wait);
	}
}

static void on_time(struct wgl_timer *timer)
{
	struct question *question =
		(struct question *)((char *)timer - offsetof(struct question, timer));
	const uint64_t now_ms = wgl_now_ms();
	uint64_t next_ms = now_ms + HEDGE_MS;

	if (!question->is_ended && now_ms >= question->end_ms) {
		if (question->failure.code == WAGGLE_OK) {
			wgl_error_set(&question->failure, WAGGLE_ERR_TIMEOUT,
				      "no answer from %s within %u.%u s",
				      question->asker->settings->server_text,
				      question->asker->settings->timeout_ms / 1000,
				      question->asker->settings->timeout_ms / 100 % 10);
		}
		question->is_ended = true;
	}
	if (question->is_ended) {
		tell(question);
		return;
	}
	next_ms = next_ms < question->end_ms ? next_ms : question->end_ms;
	if (wgl_timer_set(&question->asker->reactor->timers, timer, next_ms) != WAGGLE_OK) {
		wgl_error_code(&question->failure, WAGGLE_ERR_NOMEM);
		tell(question);
		return;
	}
	try_next(question);
}

/* ---- attempts ---------------------------------------------------------------------------- */

/* What a server said tells more than its silence, and its silence more than nothing. */
static void note_failure(struct question *question, const struct waggle_error *failure)
{
	struct waggle_error *known = &question->failure;

	if (known->code == WAGGLE_OK ||
	    (known->rcode == WAGGLE_NO_CODE && failure->rcode != WAGGLE_NO_CODE)) {
		*known = *failure;
	}
}

static void note_silence(struct question *question, int code, const union waggle_address *server)
{
	struct waggle_error failure;
	char address[WAGGLE_ADDRESS_TEXT];

	waggle_address_text(address, server);
	switch (code) {
	case WAGGLE_ERR_TIMEOUT:
		wgl_error_set(&failure, code, "no answer from %s", address);
		break;
	case WAGGLE_ERR_UNREACHABLE:
		wgl_error_set(&failure, code, "%s cannot be reached, or nobody listens there",
			      address);
		break;
	default:
		wgl_error_code(&failure, code);
		break;
	}
	note_failure(question, &failure);
}

static int build(struct attempt *attempt, const struct wgl_need *need)
{
	const struct dns_edns_reply edns = {.udp_size = DNS_UDP_SAFE};
	struct dns_writer writer;

	dns_writer_init(&writer, attempt->wire, sizeof(attempt->wire));
	random_fill(attempt->wire, 2);
	dns_writer_flags(&writer, DNS_FLAG_RD, 0);
	if (dns_writer_question(&writer, need->name, need->type, DNS_CLASS_IN) != OK) {
		return WAGGLE_ERR_NAME;
	}
	if (!attempt->is_plain) {
		uint8_t opt[16];
		struct buf_writer out = buf_writer(opt, sizeof(opt));

		dns_edns_write(&out, &edns, 0);
		if (dns_writer_raw(&writer, opt, buf_written(&out)) != OK) {
			return WAGGLE_ERR_NAME;
		}
	}
	attempt->size = dns_writer_finish(&writer);
	return WAGGLE_OK;
}

static struct wgl_channel *channel_of(struct wgl_asker *asker, size_t server, bool is_tcp)
{
	struct wgl_channel **channel = &asker->servers[server].channels[is_tcp ? 1 : 0];
	const struct wgl_channel_conf conf = {
		.reactor = asker->reactor,
		.server = asker->settings->servers[server],
		.is_tcp = is_tcp,
	};

	if (*channel == NULL) {
		(void)wgl_channel_new(channel, &conf);
	}
	return *channel;
}

static void on_reply(void *context, int code, const uint8_t *wire, size_t size);

/* Asks one server; a failure is noted. */
static void attempt_start(struct question *question, size_t server, bool is_plain)
{
	struct wgl_channel *channel = channel_of(question->asker, server, question->need.is_whole);
	struct attempt *attempt = calloc(1, sizeof(*attempt));
	int ret = WAGGLE_ERR_NOMEM;

	if (channel != NULL && attempt != NULL) {
		attempt->server = server;
		attempt->is_plain = is_plain;
		ret = build(attempt, &question->need);
	}
	if (ret != WAGGLE_OK) {
		free(attempt);
		note_silence(question, ret, &question->asker->settings->servers[server]);
		return;
	}
	attempt->question = question;
	list_append(&question->attempts, &attempt->link);
	wgl_channel_send(channel, attempt->wire, attempt->size, on_reply, attempt);
}

/* WAGGLE_OK: the question is answered. */
static int judge(struct question *question, const struct attempt *attempt, const uint8_t *wire,
		 size_t size, bool *is_again)
{
	struct wgl_asker *asker = question->asker;
	const union waggle_address *server = &asker->settings->servers[attempt->server];
	struct waggle_error failure;
	char address[WAGGLE_ADDRESS_TEXT];
	struct wgl_reply reply;
	int ret;

	if (wgl_reply_parse(&reply, wire, size) != WAGGLE_OK ||
	    !wgl_reply_is_to(&reply, question->need.name, question->need.type)) {
		wgl_error_set(&failure, WAGGLE_ERR_SERVER, "%s sent a malformed answer",
			      waggle_address_text(address, server));
		note_failure(question, &failure);
		return WAGGLE_ERR_SERVER;
	}
	if ((reply.rcode == DNS_RCODE_FORMERR || reply.rcode == DNS_RCODE_NOTIMP) &&
	    !reply.message.edns.present && !attempt->is_plain) {
		asker->servers[attempt->server].is_plain = true;
		*is_again = true;
		return WAGGLE_ERR_SERVER;
	}
	ret = asker->learn(asker->context, &question->need, &reply, server, &failure);
	if (ret != WAGGLE_OK) {
		note_failure(question, &failure);
	}
	return ret;
}

static void on_reply(void *context, int code, const uint8_t *wire, size_t size)
{
	struct attempt *attempt = context;
	struct question *question = attempt->question;
	bool is_again = false;

	list_remove(&attempt->link);
	if (question == NULL || question->is_ended || code == WAGGLE_ERR_CLOSED) {
		free(attempt);
		return;
	}
	if (code != WAGGLE_OK) {
		note_silence(question, code, &question->asker->settings->servers[attempt->server]);
	} else if (judge(question, attempt, wire, size, &is_again) == WAGGLE_OK) {
		question->asker->first = attempt->server;
		end(question, true);
	}
	if (is_again) {
		attempt_start(question, attempt->server, true);
	}
	free(attempt);
	if (!question->is_ended && list_is_empty(&question->attempts)) {
		try_next(question);
	}
}

/* Asks the next server that was not asked yet; the failure of the last one ends the question. */
static void try_next(struct question *question)
{
	struct wgl_asker *asker = question->asker;
	const size_t count = asker->settings->server_count;

	while (!question->is_ended && question->tried < count) {
		const size_t server = (question->first + question->tried) % count;

		question->tried++;
		attempt_start(question, server, asker->servers[server].is_plain);
		if (!list_is_empty(&question->attempts)) {
			return;
		}
	}
	if (!question->is_ended && list_is_empty(&question->attempts)) {
		end(question, false);
	}
}

/* ---- asking ------------------------------------------------------------------------------ */

static size_t make_key(uint8_t key[KEY_MAX], const struct wgl_need *need)
{
	key[0] = need->is_whole;
	key[1] = (uint8_t)(need->type >> 8);
	key[2] = (uint8_t)need->type;
	return 3 + dns_name_fold(key + 3, need->name);
}

static int make_question(struct question **out, struct wgl_asker *asker,
			 const struct wgl_need *need)
{
	struct question *question = calloc(1, sizeof(*question));

	*out = NULL;
	if (question == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	question->asker = asker;
	question->first = asker->first;
	question->need = *need;
	list_init(&question->waits);
	list_init(&question->attempts);
	wgl_error_clear(&question->failure);
	wgl_timer_init(&question->timer, on_time);
	question->key_size = make_key(question->key, need);
	question->end_ms = wgl_now_ms() + asker->settings->timeout_ms;
	if (wgl_timer_set(&asker->reactor->timers, &question->timer, wgl_now_ms() + HEDGE_MS) !=
		    WAGGLE_OK ||
	    map_put(&asker->by_key, question->key, question->key_size, question) != OK) {
		wgl_timer_stop(&asker->reactor->timers, &question->timer);
		free(question);
		return WAGGLE_ERR_NOMEM;
	}
	list_append(&asker->questions, &question->link);
	*out = question;
	return WAGGLE_OK;
}

int wgl_ask(struct wgl_asker *asker, const struct wgl_need *need, struct wgl_wait *wait)
{
	uint8_t key[KEY_MAX];
	struct question *question = map_get(&asker->by_key, key, make_key(key, need));
	const bool is_new = question == NULL;

	if (is_new && make_question(&question, asker, need) != WAGGLE_OK) {
		return WAGGLE_ERR_NOMEM;
	}
	list_append(&question->waits, &wait->link);
	if (is_new) {
		try_next(question);
	}
	return WAGGLE_OK;
}

void wgl_wait_cancel(struct wgl_wait *wait)
{
	list_remove(&wait->link);
}

void wgl_asker_init(struct wgl_asker *asker, struct wgl_reactor *reactor,
		    const struct wgl_settings *settings, uint64_t seed)
{
	*asker = (struct wgl_asker){.reactor = reactor, .settings = settings};
	list_init(&asker->questions);
	map_init(&asker->by_key, seed);
}

void wgl_asker_deinit(struct wgl_asker *asker)
{
	while (!list_is_empty(&asker->questions)) {
		free_question(list_entry(asker->questions.next, struct question, link));
	}
	for (size_t i = 0; i < WGL_SERVERS_MAX; i++) {
		wgl_channel_free(asker->servers[i].channels[0]);
		wgl_channel_free(asker->servers[i].channels[1]);
	}
	map_deinit(&asker->by_key);
}
