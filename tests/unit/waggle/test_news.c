#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"
#include "waggle/news.h"

START_TEST(news_are_copies_that_stay)
{
	char name[] = "web._http._tcp.svc.example.";
	union waggle_address addresses[] = {{.v4 = {.sin_family = AF_INET, .sin_port = 1}},
					    {.v6 = {.sin6_family = AF_INET6, .sin6_port = 2}}};
	struct waggle_error error = {.code = WAGGLE_ERR_TIMEOUT, .text = "no answer"};
	const struct waggle_report report = {.state = WAGGLE_LATE,
					     .name = name,
					     .server = "192.0.2.53@53",
					     .address_count = 2,
					     .addresses = addresses,
					     .beats = 7,
					     .error = &error};
	struct news *news = news_new(3, &report);

	ck_assert_ptr_nonnull(news);
	memset(name, 'x', sizeof(name) - 1);
	memset(addresses, 0, sizeof(addresses));
	memset(&error, 0, sizeof(error));
	ck_assert_uint_eq(news->index, 3);
	ck_assert_str_eq(news->report.name, "web._http._tcp.svc.example.");
	ck_assert_ptr_null(news->report.host);
	ck_assert_str_eq(news->report.server, "192.0.2.53@53");
	ck_assert_int_eq(news->report.addresses[1].any.sa_family, AF_INET6);
	ck_assert_uint_eq(news->report.beats, 7);
	ck_assert_int_eq(news->report.error->code, WAGGLE_ERR_TIMEOUT);
	ck_assert_str_eq(news->report.error->text, "no answer");
	free(news);
}
END_TEST

START_TEST(news_come_in_order_and_nobody_waits)
{
	const struct waggle_report report = {.state = WAGGLE_PENDING};
	struct news *news;
	int pipe[2];

	ck_assert_int_eq(news_open(pipe), OK);
	ck_assert_int_eq(news_receive(pipe[0], &news), ERR_NOTFOUND);
	for (size_t i = 0; i < 3; i++) {
		news_send(pipe[1], news_new(i, &report));
	}
	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(news_receive(pipe[0], &news), OK);
		ck_assert_uint_eq(news->index, i);
		free(news);
	}
	ck_assert_int_eq(news_receive(pipe[0], &news), ERR_NOTFOUND);
	close(pipe[0]);
	close(pipe[1]);
}
END_TEST

START_TEST(a_copy_that_memory_was_out_for_is_told)
{
	const struct waggle_report report = {.state = WAGGLE_PENDING};
	struct news *news;
	int pipe[2];

	ck_assert_int_eq(news_open(pipe), OK);
	fail_alloc_after(0);
	struct news *lost = news_new(0, &report);
	fail_alloc_off();
	ck_assert_ptr_null(lost);
	news_send(pipe[1], lost);
	ck_assert_int_eq(news_receive(pipe[0], &news), ERR_NOMEM);
	close(pipe[0]);
	close(pipe[1]);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		news_are_copies_that_stay,
		news_come_in_order_and_nobody_waits,
		a_copy_that_memory_was_out_for_is_told,
	};

	return run_tests("waggle news", tests, COUNT_OF(tests));
}
