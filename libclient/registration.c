/*
 * Registrations. One message's way, on the loop's thread:
 *
 *   begin()     the time has come, or somebody asked
 *   locate      which server takes updates for the zone (an inquiry, mostly from the cache)
 *   prepare()   by which address is this machine reached, what are the names
 *   probe       before a heartbeat, where reports are wanted: does the registry still have it?
 *   send_update() the UPDATE, over an exchange
 *   settle()    the machine in beat.c says what is next; the timer is set, a report is made
 *
 * A withdrawal waits for the message that is under way, for GRACE_MS at most, so that it is the
 * last that the server hears.
 */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "crypto/random.h"
#include "libclient/beat.h"
#include "libclient/client.h"
#include "libclient/error.h"
#include "libclient/exchange.h"
#include "libclient/inquiry.h"
#include "libclient/locate.h"
#include "libclient/update.h"

#define REGISTER_MS 10000 /* of waggle_register() */
#define WITHDRAW_MS 10000
#define WITHDRAW_AGAIN_MS 500
#define GRACE_MS 2000
#define MACHINE_MAX 256 /* octets of this machine's name */
#define NEVER UINT64_MAX

enum activity { IDLE, LOCATING, PROBING, SENDING, WITHDRAWING };

/* A blocking caller; on its stack. */
struct call {
	struct wgl_post post;
	struct list link; /* of the registration */
	struct waggle_registration *registration;
	struct wgl_latch latch;
	struct waggle_error error;
};

struct waggle_registration {
	struct wgl_inquiry inquiry; /* first */
	struct list link; /* of the client */
	struct waggle *client;
	struct wgl_offer *offer;
	waggle_report_fn report;
	void *context;
	atomic_bool is_silent; /* nothing is reported any more */
	struct wgl_post start;
	struct wgl_post heartbeat;
	struct wgl_post withdraw;
	struct wgl_post abandon;
	struct call *first; /* of waggle_register(), until it is told */
	uint64_t first_end_ms;
	struct list heartbeat_calls;
	struct call *withdraw_call;
	struct wgl_beat beat;
	struct wgl_timer timer;
	enum activity activity;
	struct wgl_registrar registrar;
	struct wgl_exchange *exchange;
	char machine[MACHINE_MAX];
	struct wgl_record record; /* as it would be registered now */
	bool has_record;
	bool is_sent; /* at least one message went, whether or not it arrived */
	struct wgl_record sent; /* what it had */
	uint64_t sent_ms;
	bool was_forgotten;
	bool is_withdrawn; /* a withdrawal was asked for */
	uint64_t grace_ms; /* then it begins */
	uint64_t withdraw_end_ms;
	union waggle_address server; /* that was asked last */
	bool has_server;
	struct waggle_error error; /* of the last message */
};

static void begin_withdrawal(struct waggle_registration *registration);

/* ---- telling ----------------------------------------------------------------------------- */

/* Takes the call off; its caller goes on. */
static void answer(struct waggle *client, struct call *call, const struct waggle_error *error)
{
	wgl_lock(client);
	call->error = *error;
	wgl_latch_open(&call->latch);
	wgl_unlock(client);
}

static void answer_heartbeats(struct waggle_registration *registration,
			      const struct waggle_error *error)
{
	while (!list_is_empty(&registration->heartbeat_calls)) {
		struct call *call =
			list_entry(registration->heartbeat_calls.next, struct call, link);

		list_remove(&call->link);
		answer(registration->client, call, error);
	}
}

static uint32_t seconds_left(uint64_t end_ms, uint64_t now_ms)
{
	return end_ms > now_ms ? (uint32_t)((end_ms - now_ms) / 1000) : 0;
}

static uint32_t until(uint64_t at_ms, uint64_t now_ms)
{
	const uint64_t left_ms = at_ms > now_ms ? at_ms - now_ms : 1;

	return left_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)left_ms;
}

static void report(struct waggle_registration *registration, enum waggle_state state)
{
	const struct wgl_beat *beat = &registration->beat;
	const struct wgl_record *record = &registration->record;
	const uint64_t now_ms = wgl_now_ms();
	const bool is_end = state == WAGGLE_PLANNED || state == WAGGLE_WITHDRAWN;
	char name[DNS_NAME_TEXT_MAX];
	char host[DNS_NAME_TEXT_MAX];
	char server[WAGGLE_ADDRESS_TEXT];
	struct waggle_report made = {
		.state = state,
		.lease_s = beat->granted_s,
		.left_s = seconds_left(beat->lease_end_ms, now_ms),
		.next_ms = is_end ? 0 : until(beat->next_ms, now_ms),
		.beats = beat->beats,
		.was_forgotten = registration->was_forgotten,
		.is_leased = beat->is_leased,
		.error = &registration->error,
	};

	if (registration->report == NULL || atomic_load(&registration->is_silent)) {
		return;
	}
	if (registration->has_record) {
		made.name = dns_name_to_text(name, record->instance);
		made.host = dns_name_to_text(host, record->host);
		made.address_count = record->address_count;
		made.addresses = record->addresses;
	}
	if (registration->has_server) {
		made.server = waggle_address_text(server, &registration->server);
	}
	registration->report(registration, &made, registration->context);
}

/* ---- ending ------------------------------------------------------------------------------ */

static void stop_activity(struct waggle_registration *registration)
{
	if (registration->activity == LOCATING) {
		wgl_inquiry_stop(&registration->inquiry);
	}
	wgl_exchange_cancel(registration->exchange);
	registration->exchange = NULL;
	registration->activity = IDLE;
}

/* Frees it; who still waits is told `error`. */
static void dissolve(struct waggle_registration *registration, const struct waggle_error *error)
{
	struct waggle *client = registration->client;

	stop_activity(registration);
	wgl_timer_stop(&client->reactor.timers, &registration->timer);
	list_remove(&registration->link);
	wgl_lock(client);
	wgl_post_cancel(&registration->start);
	wgl_post_cancel(&registration->heartbeat);
	wgl_post_cancel(&registration->withdraw);
	wgl_post_cancel(&registration->abandon);
	wgl_unlock(client);
	answer_heartbeats(registration, error);
	if (registration->first != NULL) {
		answer(client, registration->first, error);
	}
	if (registration->withdraw_call != NULL) {
		answer(client, registration->withdraw_call, error);
	}
	free(registration->offer);
	free(registration);
}

void wgl_registrations_close(struct waggle *client)
{
	struct waggle_error error;

	wgl_error_code(&error, WAGGLE_ERR_CLOSED);
	while (!list_is_empty(&client->registrations)) {
		dissolve(list_entry(client->registrations.next, struct waggle_registration, link),
			 &error);
	}
}

/* ---- time -------------------------------------------------------------------------------- */

static void arm(struct waggle_registration *registration)
{
	const struct wgl_beat *beat = &registration->beat;
	uint64_t at_ms = registration->activity == IDLE && !registration->is_withdrawn &&
					 beat->state != WAGGLE_PLANNED
				 ? beat->next_ms
				 : NEVER;

	if (beat->state == WAGGLE_REGISTERED || beat->state == WAGGLE_LATE) {
		at_ms = beat->lease_end_ms < at_ms ? beat->lease_end_ms : at_ms;
	}
	if (registration->first != NULL && registration->first_end_ms < at_ms) {
		at_ms = registration->first_end_ms;
	}
	if (registration->is_withdrawn && registration->grace_ms < at_ms) {
		at_ms = registration->grace_ms;
	}
	/* Set once at the start, so there is memory for it. */
	(void)wgl_timer_set(&registration->client->reactor.timers, &registration->timer, at_ms);
}

/* Errors that no second try will change. */
static bool is_definite(int code)
{
	return code == WAGGLE_ERR_REFUSED || code == WAGGLE_ERR_TAKEN ||
	       code == WAGGLE_ERR_SIGNATURE || code == WAGGLE_ERR_NO_REGISTRAR ||
	       code == WAGGLE_ERR_ADDRESS || code == WAGGLE_ERR_NAME || code == WAGGLE_ERR_CONFIG;
}

/*
 * A message has come to its end, registration->error says how. False: the registration is gone
 * with it.
 */
static bool settle(struct waggle_registration *registration)
{
	const struct waggle_error error = registration->error;

	registration->activity = IDLE;
	report(registration, registration->beat.state);
	answer_heartbeats(registration, &error);
	if (registration->first != NULL && error.code == WAGGLE_OK) {
		answer(registration->client, registration->first, &error);
		registration->first = NULL;
	}
	if (registration->first != NULL && is_definite(error.code)) {
		dissolve(registration, &error);
		return false;
	}
	if (registration->is_withdrawn) {
		begin_withdrawal(registration);
		return false;
	}
	arm(registration);
	return true;
}

static void fail(struct waggle_registration *registration, const struct waggle_error *error)
{
	registration->error = *error;
	if (error->code == WAGGLE_ERR_SIGNATURE) {
		wgl_beat_refusal(&registration->beat, wgl_now_ms());
	} else {
		wgl_beat_failure(&registration->beat, wgl_now_ms());
	}
	(void)settle(registration);
}

/* ---- sending ----------------------------------------------------------------------------- */

/* Is it an answer that says no for good, rather than not now? */
static bool is_refusal(int rcode)
{
	return rcode != DNS_RCODE_SERVFAIL;
}

static void on_sent(void *context, const struct wgl_reply *reply,
		    const union waggle_address *server, const struct waggle_error *error)
{
	struct waggle_registration *registration = context;
	const uint64_t now_ms = wgl_now_ms();
	struct wgl_beat *beat = &registration->beat;

	registration->exchange = NULL;
	registration->server = *server;
	registration->has_server = true;
	if (reply == NULL) {
		fail(registration, error);
		return;
	}
	if (reply->rcode == DNS_RCODE_NOERROR) {
		const struct dns_lease *lease = &reply->message.edns.lease;

		registration->was_forgotten =
			registration->was_forgotten || beat->state == WAGGLE_LAPSED;
		wgl_error_clear(&registration->error);
		wgl_beat_success(beat, lease->present, lease->lease_s, registration->sent_ms,
				 now_ms);
	} else {
		wgl_reply_error(&registration->error, reply, server);
		if (registration->error.code == WAGGLE_ERR_SERVER && is_refusal(reply->rcode)) {
			registration->error.code = WAGGLE_ERR_REFUSED;
		}
		if (is_refusal(reply->rcode)) {
			wgl_beat_refusal(beat, now_ms);
		} else {
			wgl_beat_failure(beat, now_ms);
		}
	}
	(void)settle(registration);
}

/* The registrar's servers, the one that answered last first. */
static size_t order_servers(const struct waggle_registration *registration,
			    union waggle_address out[WGL_REGISTRARS_MAX])
{
	const struct wgl_registrar *registrar = &registration->registrar;
	size_t count = 0;

	for (size_t i = 0; registration->has_server && i < registrar->server_count; i++) {
		if (wgl_address_equal(&registrar->servers[i], &registration->server)) {
			out[count++] = registrar->servers[i];
		}
	}
	for (size_t i = 0; i < registrar->server_count; i++) {
		if (count == 0 || !wgl_address_equal(&registrar->servers[i], &out[0])) {
			out[count++] = registrar->servers[i];
		}
	}
	return count;
}

static int exchange(struct waggle_registration *registration, const struct wgl_message *message,
		    bool is_probe, wgl_exchange_fn done)
{
	union waggle_address servers[WGL_REGISTRARS_MAX];
	const struct wgl_exchange_conf conf = {
		.reactor = &registration->client->reactor,
		.servers = servers,
		.server_count = order_servers(registration, servers),
		.wire = message->wire,
		.size = message->size,
		.key = is_probe ? NULL : registration->client->settings.key,
		.signature = &message->signature,
		.is_probe = is_probe,
		.done = done,
		.context = registration,
	};

	return wgl_exchange_start(&registration->exchange, &conf);
}

static void send_update(struct waggle_registration *registration)
{
	struct wgl_message message;
	struct waggle_error error;
	int ret = wgl_message_register(&message, registration->offer, &registration->record,
				       registration->client->settings.key, clock_wall_s());

	if (ret == WAGGLE_OK) {
		registration->sent = registration->record;
		registration->is_sent = true;
		registration->sent_ms = wgl_now_ms();
		registration->activity = SENDING;
		ret = exchange(registration, &message, false, on_sent);
		wgl_message_deinit(&message);
	}
	if (ret != WAGGLE_OK) {
		wgl_error_code(&error, ret);
		fail(registration, &error);
	}
}

static void on_probed(void *context, const struct wgl_reply *reply,
		      const union waggle_address *server, const struct waggle_error *error)
{
	struct waggle_registration *registration = context;

	(void)server;
	(void)error;
	registration->exchange = NULL;
	registration->was_forgotten =
		reply != NULL && (reply->message.flags & DNS_FLAG_AA) != 0 &&
		(reply->rcode == DNS_RCODE_NXDOMAIN ||
		 (reply->rcode == DNS_RCODE_NOERROR && reply->message.count[DNS_ANSWER] == 0));
	send_update(registration);
}

static void probe(struct waggle_registration *registration)
{
	struct wgl_message message;
	int ret = wgl_message_probe(&message, &registration->record);

	if (ret == WAGGLE_OK) {
		registration->activity = PROBING;
		ret = exchange(registration, &message, true, on_probed);
		wgl_message_deinit(&message);
	}
	if (ret != WAGGLE_OK) {
		send_update(registration);
	}
}

/* ---- preparing --------------------------------------------------------------------------- */

/* The address towards the first server that there is a route to. */
static int find_source(struct waggle_registration *registration, union waggle_address *source,
		       struct waggle_error *error)
{
	union waggle_address servers[WGL_REGISTRARS_MAX];
	const size_t count = order_servers(registration, servers);
	int ret = WAGGLE_ERR_UNREACHABLE;

	for (size_t i = 0; i < count && ret != WAGGLE_OK; i++) {
		ret = wgl_source_of(source, &servers[i], error);
	}
	return ret;
}

static int prepare(struct waggle_registration *registration, struct waggle_error *error)
{
	const struct wgl_key *key = registration->client->settings.key;
	const struct wgl_registrar *registrar = &registration->registrar;
	union waggle_address source;
	struct wgl_record record;
	int ret = find_source(registration, &source, error);

	if (ret == WAGGLE_OK) {
		ret = wgl_record_make(&record, registration->offer, registrar->zone,
				      registrar->domain, registration->machine,
				      key == NULL ? NULL : wgl_key_name(key), &source, error);
	}
	if (ret == WAGGLE_OK) {
		registration->record = record;
		registration->has_record = true;
	}
	if (ret == WAGGLE_OK && !registration->has_server) {
		registration->server = registrar->servers[0];
		registration->has_server = true;
	}
	return ret;
}

static void on_located(struct wgl_inquiry *inquiry, const struct waggle_error *error)
{
	struct waggle_registration *registration = (struct waggle_registration *)inquiry;
	struct waggle_error failure = *error;

	registration->activity = IDLE;
	registration->was_forgotten = false;
	if (failure.code == WAGGLE_OK) {
		(void)prepare(registration, &failure);
	}
	if (failure.code != WAGGLE_OK) {
		fail(registration, &failure);
	} else if ((registration->offer->flags & WAGGLE_DRY_RUN) != 0) {
		wgl_error_clear(&registration->error);
		registration->beat.state = WAGGLE_PLANNED;
		(void)settle(registration);
	} else if (registration->beat.state == WAGGLE_REGISTERED && registration->report != NULL) {
		probe(registration);
	} else {
		send_update(registration);
	}
}

static int plan(struct wgl_inquiry *inquiry, struct wgl_sight *sight, struct waggle_error *error)
{
	struct waggle_registration *registration = (struct waggle_registration *)inquiry;
	const struct wgl_offer *offer = registration->offer;

	return wgl_locate(&registration->registrar, offer->has_domain ? offer->domain : NULL,
			  &inquiry->client->settings, sight, error);
}

static bool is_enough(const struct wgl_inquiry *inquiry)
{
	(void)inquiry;
	return true;
}

static void begin(struct waggle_registration *registration)
{
	registration->activity = LOCATING;
	registration->inquiry.plan = plan;
	registration->inquiry.is_enough = is_enough;
	registration->inquiry.over = on_located;
	wgl_inquiry_start(registration->client, &registration->inquiry);
}

/* ---- withdrawing ------------------------------------------------------------------------- */

/* Does another registration of this client share the host? */
static bool is_host_shared(const struct waggle_registration *registration)
{
	const struct list *all = &registration->client->registrations;

	for (struct list *link = all->next; link != all; link = link->next) {
		const struct waggle_registration *other =
			list_entry(link, struct waggle_registration, link);

		if (other != registration && other->is_sent &&
		    dns_name_equal(other->sent.host, registration->sent.host)) {
			return true;
		}
	}
	return false;
}

static void end_withdrawal(struct waggle_registration *registration,
			   const struct waggle_error *error)
{
	const struct waggle_error copy = *error;

	registration->error = copy;
	report(registration, WAGGLE_WITHDRAWN);
	dissolve(registration, &copy);
}

static void on_withdrawn(void *context, const struct wgl_reply *reply,
			 const union waggle_address *server, const struct waggle_error *error)
{
	struct waggle_registration *registration = context;
	const uint64_t now_ms = wgl_now_ms();
	struct waggle_error failure = *error;

	registration->exchange = NULL;
	registration->activity = IDLE;
	registration->server = *server;
	if (reply != NULL && reply->rcode != DNS_RCODE_NOERROR) {
		wgl_reply_error(&failure, reply, server);
	}
	if (failure.code == WAGGLE_OK || is_definite(failure.code) ||
	    now_ms + WITHDRAW_AGAIN_MS >= registration->withdraw_end_ms) {
		end_withdrawal(registration, &failure);
		return;
	}
	registration->error = failure;
	registration->grace_ms = now_ms + WITHDRAW_AGAIN_MS;
	arm(registration);
}

static void begin_withdrawal(struct waggle_registration *registration)
{
	struct wgl_message message;
	struct waggle_error error;
	bool all;
	int ret;

	wgl_error_clear(&error);
	if (!registration->is_sent) {
		end_withdrawal(registration, &error);
		return;
	}
	/* A server without leases would keep the shared host's addresses for ever. */
	all = registration->beat.beats > 0 && !registration->beat.is_leased &&
	      !is_host_shared(registration);
	ret = wgl_message_withdraw(&message, registration->offer, &registration->sent, all,
				   registration->client->settings.key, clock_wall_s());
	if (ret == WAGGLE_OK) {
		registration->activity = WITHDRAWING;
		registration->grace_ms = NEVER;
		arm(registration);
		ret = exchange(registration, &message, false, on_withdrawn);
		wgl_message_deinit(&message);
	}
	if (ret != WAGGLE_OK) {
		wgl_error_code(&error, ret);
		end_withdrawal(registration, &error);
	}
}

/* ---- on the loop: time and posts --------------------------------------------------------- */

static void give_up_first(struct waggle_registration *registration)
{
	struct waggle_error error = registration->error;

	if (error.code == WAGGLE_OK) {
		wgl_error_set(&error, WAGGLE_ERR_TIMEOUT, "no answer within %d s",
			      REGISTER_MS / 1000);
	}
	dissolve(registration, &error);
}

static void on_time(struct wgl_timer *timer)
{
	struct waggle_registration *registration =
		(struct waggle_registration *)((char *)timer -
					       offsetof(struct waggle_registration, timer));
	const uint64_t now_ms = wgl_now_ms();

	if (registration->first != NULL && now_ms >= registration->first_end_ms) {
		give_up_first(registration);
		return;
	}
	if (registration->is_withdrawn && now_ms >= registration->grace_ms) {
		stop_activity(registration);
		begin_withdrawal(registration);
		return;
	}
	if (wgl_beat_tick(&registration->beat, now_ms) && !registration->is_withdrawn) {
		report(registration, registration->beat.state);
	}
	if (registration->activity == IDLE && !registration->is_withdrawn &&
	    registration->beat.state != WAGGLE_PLANNED && now_ms >= registration->beat.next_ms) {
		/* In the heap again before anything else is, so that arm() needs no memory. */
		arm(registration);
		begin(registration);
		return;
	}
	arm(registration);
}

static void run_start(struct waggle *client, struct wgl_post *post)
{
	struct waggle_registration *registration =
		(struct waggle_registration *)((char *)post -
					       offsetof(struct waggle_registration, start));
	struct waggle_error error;

	list_append(&client->registrations, &registration->link);
	wgl_beat_init(&registration->beat, registration->offer->lease_s,
		      registration->offer->spread_ms, random_u64(), wgl_now_ms());
	registration->first_end_ms = wgl_now_ms() + REGISTER_MS;
	if (wgl_timer_set(&client->reactor.timers, &registration->timer,
			  registration->beat.next_ms) != WAGGLE_OK) {
		/* A caller that does not block learns of it when it withdraws. */
		wgl_error_code(&error, WAGGLE_ERR_NOMEM);
		registration->error = error;
		report(registration, WAGGLE_PENDING);
		if (registration->first != NULL) {
			dissolve(registration, &error);
		}
	}
}

/* Now, unless one is under way. */
static void hurry(struct waggle_registration *registration)
{
	registration->beat.next_ms = wgl_now_ms();
	arm(registration);
}

static void run_heartbeat(struct waggle *client, struct wgl_post *post)
{
	(void)client;
	hurry((struct waggle_registration *)((char *)post -
					     offsetof(struct waggle_registration, heartbeat)));
}

static void run_heartbeat_call(struct waggle *client, struct wgl_post *post)
{
	struct call *call = (struct call *)((char *)post - offsetof(struct call, post));

	if (call->registration->beat.state == WAGGLE_PLANNED) {
		/* Nothing is ever sent of it. */
		answer(client, call, &call->registration->error);
		return;
	}
	list_append(&call->registration->heartbeat_calls, &call->link);
	hurry(call->registration);
}

static void withdraw(struct waggle_registration *registration)
{
	const uint64_t now_ms = wgl_now_ms();

	registration->is_withdrawn = true;
	registration->grace_ms = registration->activity == IDLE ? now_ms : now_ms + GRACE_MS;
	registration->withdraw_end_ms = now_ms + WITHDRAW_MS;
	arm(registration);
}

static void run_withdraw(struct waggle *client, struct wgl_post *post)
{
	(void)client;
	withdraw((struct waggle_registration *)((char *)post -
						offsetof(struct waggle_registration, withdraw)));
}

static void run_withdraw_call(struct waggle *client, struct wgl_post *post)
{
	struct call *call = (struct call *)((char *)post - offsetof(struct call, post));

	(void)client;
	call->registration->withdraw_call = call;
	withdraw(call->registration);
}

static void run_abandon(struct waggle *client, struct wgl_post *post)
{
	struct waggle_error error;

	(void)client;
	wgl_error_code(&error, WAGGLE_ERR_CANCELLED);
	dissolve((struct waggle_registration *)((char *)post -
						offsetof(struct waggle_registration, abandon)),
		 &error);
}

/* ---- public ------------------------------------------------------------------------------ */

static int new_registration(struct waggle_registration **out, struct waggle *client,
			    const struct waggle_service *service, struct waggle_error *error)
{
	struct waggle_registration *registration;
	struct wgl_offer *offer;
	int ret = wgl_offer_new(&offer, service, error);

	*out = NULL;
	if (ret != WAGGLE_OK) {
		return ret;
	}
	if (!offer->has_domain && client->settings.zone_count == 0) {
		free(offer);
		return wgl_error_set(error, WAGGLE_ERR_CONFIG,
				     "no zone is known: give one, set WAGGLE_ZONE, or write the "
				     "type in full");
	}
	registration = calloc(1, sizeof(*registration));
	if (registration == NULL) {
		free(offer);
		return wgl_error_code(error, WAGGLE_ERR_NOMEM);
	}
	registration->client = client;
	registration->offer = offer;
	list_init(&registration->link);
	list_init(&registration->heartbeat_calls);
	wgl_post_init(&registration->start, run_start);
	wgl_post_init(&registration->heartbeat, run_heartbeat);
	wgl_post_init(&registration->withdraw, run_withdraw);
	wgl_post_init(&registration->abandon, run_abandon);
	wgl_timer_init(&registration->timer, on_time);
	wgl_error_clear(&registration->error);
	if (gethostname(registration->machine, sizeof(registration->machine)) != 0) {
		registration->machine[0] = '\0';
	}
	registration->machine[sizeof(registration->machine) - 1] = '\0';
	*out = registration;
	return WAGGLE_OK;
}

static int post(struct waggle *client, struct wgl_post *item)
{
	int ret;

	wgl_lock(client);
	ret = wgl_post(client, item);
	wgl_unlock(client);
	return ret;
}

int waggle_register_start(struct waggle *client, const struct waggle_service *service,
			  waggle_report_fn report_fn, void *context,
			  struct waggle_registration **out, struct waggle_error *error)
{
	struct waggle_registration *registration;
	int ret;

	*out = NULL;
	if (error != NULL) {
		wgl_error_clear(error);
	}
	ret = new_registration(&registration, client, service, error);
	if (ret != WAGGLE_OK) {
		return ret;
	}
	registration->report = report_fn;
	registration->context = context;
	/* Set first: a report may come before this returns. */
	*out = registration;
	ret = post(client, &registration->start);
	if (ret != WAGGLE_OK) {
		*out = NULL;
		free(registration->offer);
		free(registration);
		return wgl_error_code(error, ret);
	}
	return WAGGLE_OK;
}

/* Posts `item` and waits until `call` is answered. */
static int post_and_wait(struct waggle *client, struct call *call, struct wgl_post *item,
			 bool *is_posted, struct waggle_error *error)
{
	const int ret = post(client, item);

	*is_posted = ret == WAGGLE_OK;
	if (ret != WAGGLE_OK) {
		return wgl_error_code(error, ret);
	}
	wgl_latch_wait(client, &call->latch);
	if (error != NULL) {
		*error = call->error;
	}
	return call->error.code;
}

int waggle_register(struct waggle *client, const struct waggle_service *service,
		    waggle_report_fn report_fn, void *context, struct waggle_registration **out,
		    struct waggle_error *error)
{
	struct waggle_registration *registration;
	struct call call = {0};
	bool is_posted;
	int ret;

	*out = NULL;
	if (error != NULL) {
		wgl_error_clear(error);
	}
	ret = new_registration(&registration, client, service, error);
	if (ret != WAGGLE_OK) {
		return ret;
	}
	registration->report = report_fn;
	registration->context = context;
	registration->first = &call;
	ret = wgl_latch_init(client, &call.latch);
	if (ret != WAGGLE_OK) {
		free(registration->offer);
		free(registration);
		return wgl_error_code(error, ret);
	}
	ret = post_and_wait(client, &call, &registration->start, &is_posted, error);
	wgl_latch_deinit(client, &call.latch);
	if (!is_posted) {
		free(registration->offer);
		free(registration);
	}
	/* Else the loop has freed it when it failed. */
	*out = ret == WAGGLE_OK ? registration : NULL;
	return ret;
}

void waggle_heartbeat_start(struct waggle_registration *registration)
{
	(void)post(registration->client, &registration->heartbeat);
}

/* A blocking call about a registration. */
static int call_registration(struct waggle_registration *registration,
			     void (*run)(struct waggle *, struct wgl_post *),
			     struct waggle_error *error)
{
	struct waggle *client = registration->client;
	struct call call = {.registration = registration};
	bool is_posted;
	int ret = wgl_latch_init(client, &call.latch);

	if (ret != WAGGLE_OK) {
		return wgl_error_code(error, ret);
	}
	list_init(&call.link);
	wgl_post_init(&call.post, run);
	ret = post_and_wait(client, &call, &call.post, &is_posted, error);
	wgl_latch_deinit(client, &call.latch);
	return ret;
}

int waggle_heartbeat(struct waggle_registration *registration, struct waggle_error *error)
{
	return call_registration(registration, run_heartbeat_call, error);
}

void waggle_withdraw_start(struct waggle_registration *registration)
{
	if (registration != NULL) {
		(void)post(registration->client, &registration->withdraw);
	}
}

int waggle_withdraw(struct waggle_registration *registration, struct waggle_error *error)
{
	if (registration == NULL) {
		return WAGGLE_OK;
	}
	return call_registration(registration, run_withdraw_call, error);
}

void waggle_abandon(struct waggle_registration *registration)
{
	if (registration != NULL) {
		atomic_store(&registration->is_silent, true);
		(void)post(registration->client, &registration->abandon);
	}
}
