#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/err.h"
#include "net/rate.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"

static const struct conf_rate hundred = {.responses = 100, .prefix_v4 = 24, .prefix_v6 = 56};

static struct sockaddr_storage address_of(uint32_t v4)
{
	struct sockaddr_storage address = {.ss_family = AF_INET};

	((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(v4);
	return address;
}

/* How many of `count` requests at that time are answered, and how many were the first over. */
static unsigned take(struct rate *rate, uint32_t v4, uint64_t now_ms, unsigned count,
		     unsigned *firsts)
{
	const struct sockaddr_storage peer = address_of(v4);
	unsigned taken = 0;

	for (unsigned i = 0; i < count; i++) {
		bool is_first = false;

		taken += rate_take(rate, &hundred, &peer, now_ms, &is_first) ? 1 : 0;
		*firsts += is_first ? 1 : 0;
	}
	return taken;
}

START_TEST(a_network_has_its_rate_and_a_second_of_it_at_once)
{
	struct rate *rate;
	unsigned firsts = 0;
	unsigned taken = 0;

	ck_assert_int_eq(rate_new(&rate), OK);
	ck_assert_uint_eq(take(rate, 0x0a000001, 1000, 500, &firsts), 100);
	ck_assert_uint_eq(firsts, 1);
	/* The rest of its network shares it; the next network has its own. */
	ck_assert_uint_eq(take(rate, 0x0a0000ff, 1000, 500, &firsts), 0);
	ck_assert_uint_eq(firsts, 1);
	ck_assert_uint_eq(take(rate, 0x0a000101, 1000, 500, &firsts), 100);
	ck_assert_uint_eq(firsts, 2);
	/* Ten seconds of flood: ten times the rate, and no second first. */
	for (uint64_t ms = 1001; ms <= 11000; ms++) {
		taken += take(rate, 0x0a000001, ms, 10, &firsts);
	}
	ck_assert_uint_eq(taken, 1000);
	ck_assert_uint_eq(firsts, 2);
	/* Quiet for long enough, it has a second's worth again, never more. */
	ck_assert_uint_eq(take(rate, 0x0a000001, 20000, 500, &firsts), 100);
	ck_assert_uint_eq(firsts, 3);
	rate_free(rate);
	rate_free(NULL);
}
END_TEST

START_TEST(under_the_rate_nothing_is_ever_limited)
{
	struct rate *rate;
	unsigned firsts = 0;

	ck_assert_int_eq(rate_new(&rate), OK);
	for (uint64_t ms = 10; ms <= 100000; ms += 10) {
		ck_assert_uint_eq(take(rate, 0x0a000001, ms, 1, &firsts), 1);
	}
	ck_assert_uint_eq(firsts, 0);
	rate_free(rate);
}
END_TEST

struct flood {
	struct rate *rate;
	_Atomic(unsigned) taken;
	_Atomic(unsigned) firsts;
};

static void *flood_run(void *context)
{
	struct flood *flood = context;
	unsigned firsts = 0;
	unsigned taken = 0;

	for (uint64_t ms = 1000; ms < 2000; ms++) {
		taken += take(flood->rate, 0x0a000001, 1000, 20, &firsts);
	}
	atomic_fetch_add(&flood->taken, taken);
	atomic_fetch_add(&flood->firsts, firsts);
	return NULL;
}

START_TEST(all_threads_together_have_one_rate)
{
	struct flood flood = {0};
	pthread_t threads[4];

	ck_assert_int_eq(rate_new(&flood.rate), OK);
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		ck_assert_int_eq(pthread_create(&threads[i], NULL, flood_run, &flood), 0);
	}
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		pthread_join(threads[i], NULL);
	}
	ck_assert_uint_eq(flood.taken, 100);
	ck_assert_uint_eq(flood.firsts, 1);
	rate_free(flood.rate);
}
END_TEST

START_TEST(without_memory_there_is_no_table)
{
	struct rate *rate;
	int ret;

	fail_alloc_after(0);
	ret = rate_new(&rate);
	fail_alloc_off();
	ck_assert_int_eq(ret, ERR_NOMEM);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_network_has_its_rate_and_a_second_of_it_at_once,
		under_the_rate_nothing_is_ever_limited,
		all_threads_together_have_one_rate,
		without_memory_there_is_no_table,
	};

	return run_tests("rate", tests, COUNT_OF(tests));
}
