/* One client, eight threads, all calls at once: for ThreadSanitizer, and for what it does not see. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rand.h"
#include "libclient/waggle.h"
#include "tests/unit/libclient/responder.h"
#include "tests/unit/run.h"

#define THREADS 8
#define CALLS 120
#define CALLS_THAT_FAIL 30

static struct responder *responder;
static struct waggle *client;
static atomic_uint told;
static atomic_uint asked;
static char path[64];
static unsigned calls;

static void on_answer(struct waggle *from, struct waggle_answer *answer,
		      const struct waggle_error *error, void *context)
{
	(void)from;
	(void)context;
	ck_assert_int_eq(answer != NULL, error->code == WAGGLE_OK);
	waggle_answer_free(answer);
	atomic_fetch_add(&told, 1);
}

static void on_report(struct waggle_registration *registration, const struct waggle_report *report,
		      void *context)
{
	(void)registration;
	(void)context;
	ck_assert_ptr_nonnull(report->error);
}

static void resolve_some(struct rand *rand)
{
	static const char *const names[] = {"_http._tcp", "i0._http._tcp", "_none._udp"};
	const unsigned flags = rand_below(rand, 4) == 0 ? WAGGLE_REFRESH : 0;
	struct waggle_answer *answer;
	struct waggle_error error;
	size_t order[64];

	if (waggle_resolve(client, names[rand_below(rand, 3)], flags, &answer, &error) !=
	    WAGGLE_OK) {
		ck_assert_str_ne(error.text, "");
		return;
	}
	for (size_t i = 0; i < answer->count; i++) {
		ck_assert_int_ge(responder_knows(answer->endpoints[i]), 0);
	}
	(void)waggle_pick(client, answer);
	ck_assert_uint_le(waggle_order(client, answer, order), answer->count);
	waggle_answer_free(answer);
}

static void start_some(struct rand *rand)
{
	uint64_t number;

	if (waggle_resolve_start(client, "i2._http._tcp", WAGGLE_REFRESH, on_answer, NULL, &number,
				 NULL) == WAGGLE_OK) {
		atomic_fetch_add(&asked, 1);
		if (rand_below(rand, 2) == 0) {
			waggle_cancel(client, number);
		}
	}
}

static void register_one(unsigned thread, unsigned call)
{
	struct waggle_service service = WAGGLE_SERVICE_INIT;
	struct waggle_registration *registration;
	char label[32];

	snprintf(label, sizeof(label), "t%u-%u", thread, call);
	service.instance = label;
	service.type = "_http._tcp";
	service.port = 80;
	if (waggle_register(client, &service, on_report, NULL, &registration, NULL) == WAGGLE_OK) {
		(void)waggle_heartbeat(registration, NULL);
		if (call % 2 == 0) {
			(void)waggle_withdraw(registration, NULL);
		} else {
			waggle_abandon(registration);
		}
	}
}

static void *run(void *argument)
{
	const unsigned thread = (unsigned)(uintptr_t)argument;
	struct waggle_list *list;
	struct rand rand;

	rand_init(&rand, thread);
	for (unsigned i = 0; i < calls; i++) {
		switch (rand_below(&rand, 8)) {
		case 0:
			start_some(&rand);
			break;
		case 1:
			if (waggle_browse(client, NULL, 0, &list, NULL) == WAGGLE_OK) {
				waggle_list_free(list);
			}
			break;
		case 2:
			(void)waggle_snapshot_status(client, NULL);
			if (i % 16 == 0) {
				(void)waggle_snapshot_save(client, NULL);
			}
			break;
		case 3:
			register_one(thread, i);
			break;
		default:
			resolve_some(&rand);
			break;
		}
	}
	return NULL;
}

START_TEST(one_client_is_used_by_eight_threads)
{
	struct waggle_options options = WAGGLE_OPTIONS_INIT;
	pthread_t threads[THREADS];

	calls = CALLS;
	responder = responder_start(1);
	responder_ttl(responder, 0);
	snprintf(path, sizeof(path), "/tmp/waggle-threads-%d", (int)getpid());
	options.flags = WAGGLE_NO_ENVIRONMENT;
	options.server = responder_server(responder);
	options.zone = "svc.example";
	options.timeout_ms = 1000;
	options.stale_after_ms = 100;
	options.retry_after_ms = 50;
	options.snapshot = path;
	options.snapshot_every_s = 1;
	ck_assert_int_eq(waggle_open(&client, &options, NULL), WAGGLE_OK);
	for (uintptr_t i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run, (void *)i), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
	waggle_close(client);
	ck_assert_uint_eq(atomic_load(&told), atomic_load(&asked));
	responder_stop(responder);
	unlink(path);
}
END_TEST

/* The same while the server fails in every way. */
START_TEST(one_client_is_used_by_eight_threads_and_fails_them)
{
	struct waggle_options options = WAGGLE_OPTIONS_INIT;
	pthread_t threads[THREADS];

	calls = CALLS_THAT_FAIL;
	responder = responder_start(2);
	responder_ttl(responder, 0);
	responder_delay(responder, 60);
	responder_fail(responder, FAULT_ANY);
	options.flags = WAGGLE_NO_ENVIRONMENT;
	options.server = responder_server(responder);
	options.zone = "svc.example";
	options.timeout_ms = 100;
	options.stale_after_ms = 30;
	options.retry_after_ms = 20;
	ck_assert_int_eq(waggle_open(&client, &options, NULL), WAGGLE_OK);
	for (uintptr_t i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run, (void *)i), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
	waggle_close(client);
	ck_assert_uint_eq(atomic_load(&told), atomic_load(&asked));
	responder_stop(responder);
}
END_TEST

/* Clients share nothing: some are opened and closed while others work. */
static void *open_and_close(void *argument)
{
	struct waggle_options options = WAGGLE_OPTIONS_INIT;

	(void)argument;
	options.flags = WAGGLE_NO_ENVIRONMENT;
	options.server = responder_server(responder);
	options.zone = "svc.example";
	for (int i = 0; i < 10; i++) {
		struct waggle_answer *answer;
		struct waggle *own;

		ck_assert_int_eq(waggle_open(&own, &options, NULL), WAGGLE_OK);
		ck_assert_int_eq(waggle_resolve(own, "_http._tcp", 0, &answer, NULL), WAGGLE_OK);
		waggle_answer_free(answer);
		if (i % 2 == 0) {
			waggle_close(own);
		} else {
			waggle_close_start(own, NULL, NULL);
		}
	}
	return NULL;
}

START_TEST(clients_share_nothing)
{
	pthread_t threads[THREADS];

	responder = responder_start(3);
	for (size_t i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_create(&threads[i], NULL, open_and_close, NULL), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
	}
	responder_stop(responder);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		one_client_is_used_by_eight_threads,
		one_client_is_used_by_eight_threads_and_fails_them,
		clients_share_nothing,
	};

	return run_tests("threads", tests, COUNT_OF(tests));
}
