/*
 * Finding services: what is asked and what is not, faults, staleness; callbacks and cancelling.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "dns/types.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/libclient/client_world.h"

#define HURRY_MS 300 /* TIMEOUT_MS where no answer will come */

/* ---- finding ----------------------------------------------------------------------------- */

START_TEST(one_question_is_asked_and_the_cache_answers_the_rest)
{
	struct waggle_answer *answer;

	begin();
	check(WAGGLE_FRESH, 3);
	ck_assert_uint_eq(responder_udp(responder), 1);
	for (int i = 0; i < 100; i++) {
		check(WAGGLE_FRESH, 3);
	}
	ck_assert_int_eq(resolve("_HTTP._tcp.svc.example.", 0, &answer), WAGGLE_OK);
	ck_assert_uint_eq(answer->count, 3);
	waggle_answer_free(answer);
	/* An instance's details came with its type. */
	ck_assert_int_eq(resolve("i1._http._tcp", 0, &answer), WAGGLE_OK);
	ck_assert_str_eq(answer->endpoints[0]->instance, "i1");
	ck_assert_str_eq(waggle_txt_find(answer->endpoints[0], "n")->value, "1");
	waggle_answer_free(answer);
	ck_assert_uint_eq(responder_udp(responder), 1);
	/* And answers stay valid when the client is gone. */
	ck_assert_int_eq(resolve("_http._tcp", WAGGLE_REFRESH, &answer), WAGGLE_OK);
	ck_assert_uint_eq(responder_udp(responder), 2);
	end();
	ck_assert_int_ge(responder_knows(answer->endpoints[0]), 0);
	waggle_answer_free(answer);
}
END_TEST

START_TEST(what_is_not_there_is_known_to_be_empty)
{
	struct waggle_answer *answer;
	struct waggle_list *list;

	begin();
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(resolve("_ftp._tcp", 0, &answer), WAGGLE_OK);
		ck_assert_uint_eq(answer->count, 0);
		ck_assert_int_eq(answer->mark, WAGGLE_FRESH);
		ck_assert_ptr_null(waggle_pick(client, answer));
		waggle_answer_free(answer);
	}
	ck_assert_uint_eq(responder_udp(responder), 1);
	ck_assert_int_eq(waggle_browse(client, "_ftp._tcp", 0, &list, &error), WAGGLE_OK);
	ck_assert_uint_eq(list->count, 0);
	waggle_list_free(list);
	ck_assert_uint_eq(responder_udp(responder), 1);
	end();
}
END_TEST

START_TEST(browsing_gives_types_and_instances)
{
	struct waggle_list *list;

	begin();
	ck_assert_int_eq(waggle_browse(client, NULL, 0, &list, &error), WAGGLE_OK);
	ck_assert_uint_eq(list->count, 1);
	ck_assert_str_eq(list->entries[0]->label, "_http._tcp");
	waggle_list_free(list);
	ck_assert_int_eq(waggle_browse(client, "_http._tcp", 0, &list, &error), WAGGLE_OK);
	ck_assert_uint_eq(list->count, 3);
	ck_assert_str_eq(list->entries[2]->label, "i2");
	ck_assert_int_eq(list->mark, WAGGLE_FRESH);
	waggle_list_free(list);
	ck_assert_int_eq(waggle_browse(client, "i1._http._tcp", 0, &list, &error), WAGGLE_ERR_NAME);
	ck_assert_ptr_null(list);
	end();
}
END_TEST

START_TEST(details_that_do_not_fit_are_asked_for_by_tcp)
{
	begin();
	responder_instances(responder, 15);
	check(WAGGLE_FRESH, 15);
	ck_assert_uint_eq(responder_udp(responder), 1);
	ck_assert_uint_eq(responder_tcp(responder), 1);
	end();
	/* The answer itself does not fit: TC, and TCP (RFC 2181 section 9). */
	begin();
	responder_instances(responder, 300);
	check(WAGGLE_FRESH, 300);
	ck_assert_uint_eq(responder_udp(responder), 1);
	ck_assert_uint_eq(responder_tcp(responder), 1);
	end();
}
END_TEST

START_TEST(without_additional_records_all_is_asked_for)
{
	struct waggle_answer *answer;

	begin();
	responder_additional(responder, false);
	check(WAGGLE_FRESH, 3);
	/* PTR, again by TCP in vain, SRV and TXT of three, A and AAAA of three. */
	ck_assert_uint_eq(responder_udp(responder), 1 + 6 + 6);
	ck_assert_uint_eq(responder_tcp(responder), 1);
	ck_assert_int_eq(resolve("_http._tcp", WAGGLE_BARE, &answer), WAGGLE_OK);
	ck_assert_uint_eq(answer->count, 3);
	ck_assert_ptr_null(answer->endpoints[0]->instance);
	waggle_answer_free(answer);
	ck_assert_uint_eq(responder_udp(responder), 1 + 6 + 6 + 1);
	end();
}
END_TEST

/* Each fault by itself, of a client that knows nothing: an answer, or a clear error. */
START_TEST(every_fault_ends_in_an_answer_or_a_clear_error)
{
	static const struct {
		enum fault fault;
		int code;
		int count; /* of endpoints, on success */
		int rcode;
		const char *text;
	} cases[] = {
		{FAULT_NONE, WAGGLE_OK, 3, -1, ""},
		{FAULT_DROP, WAGGLE_ERR_TIMEOUT, 0, -1, "no answer from 127.0.0.1@"},
		{FAULT_WRONG_ID, WAGGLE_ERR_TIMEOUT, 0, -1, "no answer"},
		{FAULT_WRONG_QUESTION, WAGGLE_ERR_TIMEOUT, 0, -1, "no answer"},
		{FAULT_TRUNCATED, WAGGLE_OK, 3, -1, ""},
		{FAULT_SERVFAIL, WAGGLE_ERR_SERVER, 0, DNS_RCODE_SERVFAIL,
		 "answered SERVFAIL: not ready yet"},
		{FAULT_REFUSED, WAGGLE_ERR_REFUSED, 0, DNS_RCODE_REFUSED, "answered REFUSED"},
		{FAULT_NXDOMAIN, WAGGLE_OK, 0, -1, ""},
		{FAULT_LAME, WAGGLE_ERR_SERVER, 0, -1, "referral"},
		{FAULT_GARBAGE, WAGGLE_ERR_SERVER, 0, -1, "malformed"},
		{FAULT_CUT, WAGGLE_ERR_SERVER, 0, -1, "malformed"},
		{FAULT_NO_EDNS, WAGGLE_OK, 3, -1, ""},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct waggle_options options;
		struct waggle_answer *answer;
		int ret;

		responder = responder_start(1);
		options = options_of(responder_server(responder));
		if (cases[i].code == WAGGLE_ERR_TIMEOUT) {
			options.timeout_ms = HURRY_MS;
			options.stale_after_ms = HURRY_MS;
		}
		open_client(&options);
		responder_fail(responder, cases[i].fault);
		ret = resolve("_http._tcp", 0, &answer);
		ck_assert_msg(ret == cases[i].code, "case %zu: %s", i, error.text);
		if (ret == WAGGLE_OK) {
			ck_assert_int_eq((int)answer->count, cases[i].count);
			waggle_answer_free(answer);
		} else {
			ck_assert_ptr_null(answer);
			ck_assert_msg(strstr(error.text, cases[i].text) != NULL, "%s", error.text);
			ck_assert_int_eq(error.rcode, cases[i].rcode);
		}
		end();
	}
}
END_TEST

START_TEST(another_server_answers_for_one_that_fails)
{
	static const enum fault faults[] = {FAULT_DROP,    FAULT_SERVFAIL, FAULT_REFUSED,
					    FAULT_LAME,    FAULT_GARBAGE,  FAULT_CUT,
					    FAULT_WRONG_ID};

	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		struct responder *second = responder_start(2);
		struct waggle_options options;
		char servers[2 * WAGGLE_ADDRESS_TEXT];

		responder = responder_start(1);
		snprintf(servers, sizeof(servers), "%s,%s", responder_server(responder),
			 responder_server(second));
		options = options_of(servers);
		open_client(&options);
		responder_fail(responder, faults[i]);
		check(WAGGLE_FRESH, 3);
		/* From now on the one that answered is asked first. */
		const unsigned seen = responder_udp(responder);
		struct waggle_answer *answer;
		ck_assert_int_eq(resolve("_http._tcp", WAGGLE_REFRESH, &answer), WAGGLE_OK);
		waggle_answer_free(answer);
		ck_assert_uint_eq(responder_udp(responder), seen);
		end();
		responder_stop(second);
	}
}
END_TEST

/* RFC 8767 section 5. */
START_TEST(stale_data_is_given_after_the_response_time_and_then_at_once)
{
	uint64_t begin_ms;

	begin();
	responder_ttl(responder, 0);
	check(WAGGLE_FRESH, 3);
	responder_fail(responder, FAULT_DROP);
	begin_ms = clock_mono_ms();
	check(WAGGLE_STALE, 3);
	ck_assert_uint_ge(clock_mono_ms() - begin_ms, STALE_MS - 1);
	begin_ms = clock_mono_ms();
	for (int i = 0; i < 20; i++) {
		check(WAGGLE_STALE, 3);
	}
	/* If each of them had waited, it would be twice as long. */
	ck_assert_uint_lt(clock_mono_ms() - begin_ms, 10 * STALE_MS);
	/* And it is asked again by and by, and found again. */
	responder_fail(responder, FAULT_NONE);
	enum waggle_mark mark = WAGGLE_STALE;
	for (int i = 0; i < 100 && mark == WAGGLE_STALE; i++) {
		struct waggle_answer *answer;

		usleep(50000);
		ck_assert_int_eq(resolve("_http._tcp", 0, &answer), WAGGLE_OK);
		ck_assert_uint_eq(answer->count, 3);
		mark = answer->mark;
		waggle_answer_free(answer);
	}
	ck_assert_int_eq(mark, WAGGLE_FRESH);
	end();
}
END_TEST

START_TEST(failures_leave_the_data_and_nxdomain_replaces_it)
{
	static const enum fault faults[] = {FAULT_SERVFAIL, FAULT_REFUSED, FAULT_LAME,
					    FAULT_GARBAGE, FAULT_CUT};
	struct waggle_answer *answer;

	begin();
	responder_ttl(responder, 0);
	check(WAGGLE_FRESH, 3);
	for (size_t i = 0; i < COUNT_OF(faults); i++) {
		responder_fail(responder, faults[i]);
		ck_assert_int_eq(resolve("_http._tcp", WAGGLE_REFRESH, &answer), WAGGLE_OK);
		ck_assert_int_eq(answer->mark, WAGGLE_STALE);
		ck_assert_uint_eq(answer->count, 3);
		ck_assert_ptr_nonnull(strstr(answer->reason, "127.0.0.1@"));
		waggle_answer_free(answer);
	}
	responder_fail(responder, FAULT_NXDOMAIN);
	ck_assert_int_eq(resolve("_http._tcp", WAGGLE_REFRESH, &answer), WAGGLE_OK);
	ck_assert_int_eq(answer->mark, WAGGLE_FRESH);
	ck_assert_uint_eq(answer->count, 0);
	waggle_answer_free(answer);
	end();
}
END_TEST

START_TEST(what_a_server_gives_out_stale_is_marked)
{
	struct waggle_answer *answer;

	begin();
	responder_fail(responder, FAULT_STALE);
	ck_assert_int_eq(resolve("_http._tcp", 0, &answer), WAGGLE_OK);
	ck_assert_int_eq(answer->mark, WAGGLE_STALE);
	ck_assert_uint_eq(answer->count, 3);
	waggle_answer_free(answer);
	end();
}
END_TEST

START_TEST(offline_asks_nobody)
{
	struct waggle_answer *answer;

	begin();
	ck_assert_int_eq(resolve("_http._tcp", WAGGLE_OFFLINE, &answer), WAGGLE_ERR_UNREACHABLE);
	ck_assert_ptr_nonnull(strstr(error.text, "nobody was asked"));
	ck_assert_uint_eq(responder_udp(responder), 0);
	check(WAGGLE_FRESH, 3);
	ck_assert_int_eq(resolve("_http._tcp", WAGGLE_OFFLINE, &answer), WAGGLE_OK);
	waggle_answer_free(answer);
	ck_assert_uint_eq(responder_udp(responder), 1);
	end();
}
END_TEST

START_TEST(nobody_there_is_said_at_once)
{
	struct waggle_options options;
	struct waggle_answer *answer;
	char server[WAGGLE_ADDRESS_TEXT];
	uint64_t begin_ms;

	responder = responder_start(1);
	snprintf(server, sizeof(server), "%s", responder_server(responder));
	responder_stop(responder);
	options = options_of(server);
	open_client(&options);
	begin_ms = clock_mono_ms();
	ck_assert_int_eq(resolve("_http._tcp", 0, &answer), WAGGLE_ERR_UNREACHABLE);
	ck_assert_uint_lt(clock_mono_ms() - begin_ms, TIMEOUT_MS);
	waggle_close(client);
	waggle_close(NULL);
}
END_TEST

/* ---- callbacks, cancelling, closing ------------------------------------------------------ */

struct told {
	atomic_uint count;
	atomic_int code;
	atomic_int blocking; /* what a blocking call said inside the callback */
};

static void on_answer(struct waggle *from, struct waggle_answer *answer,
		      const struct waggle_error *failure, void *context)
{
	struct told *told = context;
	struct waggle_answer *other;

	atomic_store(&told->blocking, waggle_resolve(from, "_elsewhere._tcp", 0, &other, NULL));
	atomic_store(&told->code, failure->code);
	waggle_answer_free(answer);
	atomic_fetch_add(&told->count, 1);
}

static void on_list(struct waggle *from, struct waggle_list *list,
		    const struct waggle_error *failure, void *context)
{
	struct told *told = context;

	(void)from;
	atomic_store(&told->code, failure->code);
	ck_assert_int_eq(list != NULL, failure->code == WAGGLE_OK);
	waggle_list_free(list);
	atomic_fetch_add(&told->count, 1);
}

START_TEST(callbacks_come_once_and_may_not_block)
{
	struct told told = {0};
	uint64_t numbers[2];

	begin();
	ck_assert_int_eq(waggle_resolve_start(client, "_http._tcp", 0, on_answer, &told,
					      &numbers[0], &error),
			 WAGGLE_OK);
	wait_for(&told.count, 1);
	ck_assert_int_eq(atomic_load(&told.code), WAGGLE_OK);
	ck_assert_int_eq(atomic_load(&told.blocking), WAGGLE_ERR_DEADLOCK);
	ck_assert_int_eq(waggle_browse_start(client, NULL, 0, on_list, &told, &numbers[1], &error),
			 WAGGLE_OK);
	wait_for(&told.count, 2);
	ck_assert_uint_ne(numbers[0], numbers[1]);
	ck_assert_int_eq(waggle_resolve_start(client, "no name", 0, on_answer, &told, NULL, &error),
			 WAGGLE_ERR_NAME);
	waggle_cancel(client, numbers[0]);
	end();
	ck_assert_uint_eq(atomic_load(&told.count), 2);
}
END_TEST

START_TEST(equal_questions_in_flight_are_one)
{
	struct told told = {0};

	begin();
	responder_fail(responder, FAULT_DELAY);
	responder_delay(responder, 150);
	for (int i = 0; i < 50; i++) {
		ck_assert_int_eq(waggle_resolve_start(client, "_http._tcp", 0, on_answer, &told,
						      NULL, &error),
				 WAGGLE_OK);
	}
	wait_for(&told.count, 50);
	ck_assert_int_eq(atomic_load(&told.code), WAGGLE_OK);
	/* One, and one for what the callbacks asked in vain: those never reached the loop. */
	ck_assert_uint_eq(responder_udp(responder), 1);
	end();
}
END_TEST

START_TEST(a_request_can_be_cancelled)
{
	struct told told = {0};
	uint64_t number;

	begin();
	responder_fail(responder, FAULT_DROP);
	ck_assert_int_eq(
		waggle_resolve_start(client, "_http._tcp", 0, on_answer, &told, &number, &error),
		WAGGLE_OK);
	waggle_cancel(client, number);
	waggle_cancel(client, number);
	wait_for(&told.count, 1);
	ck_assert_int_eq(atomic_load(&told.code), WAGGLE_ERR_CANCELLED);
	waggle_cancel(client, number);
	end();
	ck_assert_uint_eq(atomic_load(&told.count), 1);
}
END_TEST

START_TEST(closing_ends_what_is_under_way)
{
	struct told told = {0};

	begin();
	responder_fail(responder, FAULT_DROP);
	for (int i = 0; i < 20; i++) {
		ck_assert_int_eq(waggle_resolve_start(client, "_http._tcp", 0, on_answer, &told,
						      NULL, &error),
				 WAGGLE_OK);
	}
	end();
	ck_assert_uint_eq(atomic_load(&told.count), 20);
	ck_assert_int_eq(atomic_load(&told.code), WAGGLE_ERR_CLOSED);
}
END_TEST

static void *resolve_blocking(void *argument)
{
	struct waggle_answer *answer;

	*(int *)argument = waggle_resolve(client, "_http._tcp", 0, &answer, NULL);
	return NULL;
}

START_TEST(a_caller_that_waits_is_let_go_when_the_client_closes)
{
	pthread_t thread;
	int code = 1;

	begin();
	responder_fail(responder, FAULT_DROP);
	ck_assert_int_eq(pthread_create(&thread, NULL, resolve_blocking, &code), 0);
	while (responder_udp(responder) == 0) {
		usleep(1000);
	}
	waggle_close(client);
	pthread_join(thread, NULL);
	ck_assert_int_eq(code, WAGGLE_ERR_CLOSED);
	responder_stop(responder);
}
END_TEST

START_TEST(there_is_a_limit_on_requests)
{
	struct waggle_options options;
	struct told told = {0};

	responder = responder_start(1);
	responder_fail(responder, FAULT_DROP);
	options = options_of(responder_server(responder));
	options.requests_max = 3;
	open_client(&options);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(waggle_resolve_start(client, "_http._tcp", 0, on_answer, &told,
						      NULL, &error),
				 i < 3 ? WAGGLE_OK : WAGGLE_ERR_FULL);
	}
	end();
	ck_assert_uint_eq(atomic_load(&told.count), 3);
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------ */

/* In whatever thread and at whatever step it is: an answer or an error, and the next one works. */
START_TEST(resolving_survives_any_failed_allocation)
{
	struct waggle_options options;

	responder = responder_start(1);
	options = options_of(responder_server(responder));
	for (unsigned n = 0;; n++) {
		struct waggle_answer *answer = NULL;
		struct waggle_list *list = NULL;
		bool was_hit;
		int ret;

		open_client(&options);
		fail_alloc_after(n);
		ret = waggle_resolve(client, "_http._tcp", 0, &answer, &error);
		(void)waggle_browse(client, NULL, 0, &list, NULL);
		fail_alloc_off();
		was_hit = fail_alloc_hit();
		ck_assert_int_eq(answer != NULL, ret == WAGGLE_OK);
		ck_assert(was_hit || ret == WAGGLE_OK);
		waggle_answer_free(answer);
		waggle_list_free(list);
		ck_assert_int_eq(resolve("_http._tcp", WAGGLE_REFRESH, &answer), WAGGLE_OK);
		waggle_answer_free(answer);
		waggle_close(client);
		if (!was_hit) {
			break;
		}
	}
	responder_stop(responder);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		one_question_is_asked_and_the_cache_answers_the_rest,
		what_is_not_there_is_known_to_be_empty,
		browsing_gives_types_and_instances,
		details_that_do_not_fit_are_asked_for_by_tcp,
		without_additional_records_all_is_asked_for,
		every_fault_ends_in_an_answer_or_a_clear_error,
		another_server_answers_for_one_that_fails,
		stale_data_is_given_after_the_response_time_and_then_at_once,
		failures_leave_the_data_and_nxdomain_replaces_it,
		what_a_server_gives_out_stale_is_marked,
		offline_asks_nobody,
		nobody_there_is_said_at_once,
		callbacks_come_once_and_may_not_block,
		equal_questions_in_flight_are_one,
		a_request_can_be_cancelled,
		closing_ends_what_is_under_way,
		a_caller_that_waits_is_let_go_when_the_client_closes,
		there_is_a_limit_on_requests,
		resolving_survives_any_failed_allocation,
	};

	return run_client_tests("request", tests, COUNT_OF(tests));
}
