#include "registry/recent.h"

#include "base/err.h"
#include "dns/types.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"

#define LIMIT 8
#define START 1000u

static const struct command_result done = {.is_change = true,
					   .lease = {.present = true, .lease_s = 60}};

static enum recent_state see(struct recent *recent, uint64_t fingerprint, uint64_t now_ms)
{
	struct command_result result;

	return recent_see(recent, fingerprint, now_ms, &result);
}

START_TEST(what_was_said_is_said_again)
{
	struct recent recent;
	struct command_result result = {.rcode = 99};
	struct command_result refused = {
		.rcode = DNS_RCODE_REFUSED, .has_ede = true, .ede = 18, .ede_text = "why"};

	ck_assert_int_eq(recent_init(&recent, LIMIT, 0), OK);
	ck_assert_int_eq(see(&recent, 1, START), RECENT_NEW);
	ck_assert_int_eq(see(&recent, 1, START), RECENT_UNDERWAY);
	ck_assert_int_eq(see(&recent, 1 + LIMIT, START), RECENT_NEW); /* in the same chain */
	recent_done(&recent, 1, &done);
	recent_done(&recent, 1 + LIMIT, &refused);
	ck_assert_int_eq(recent_see(&recent, 1, START, &result), RECENT_DONE);
	ck_assert_uint_eq(result.rcode, DNS_RCODE_NOERROR);
	ck_assert(result.is_change && !result.has_ede && result.lease.present);
	ck_assert_uint_eq(result.lease.lease_s, 60);
	ck_assert_int_eq(recent_see(&recent, 1 + LIMIT, START, &result), RECENT_DONE);
	ck_assert_uint_eq(result.rcode, DNS_RCODE_REFUSED);
	ck_assert_str_eq(result.ede_text, "why");
	recent_deinit(&recent);
}
END_TEST

START_TEST(it_is_known_for_five_seconds)
{
	struct recent recent;

	ck_assert_int_eq(recent_init(&recent, LIMIT, 0), OK);
	see(&recent, 1, START);
	recent_done(&recent, 1, &done);
	ck_assert_int_eq(see(&recent, 1, START + RECENT_MS - 1), RECENT_DONE);
	ck_assert_int_eq(see(&recent, 1, START + RECENT_MS), RECENT_NEW);
	recent_deinit(&recent);
}
END_TEST

START_TEST(the_oldest_gives_way)
{
	struct recent recent;

	ck_assert_int_eq(recent_init(&recent, LIMIT, 0), OK);
	/* Chains of any length, around the ring more than once. */
	for (uint64_t i = 0; i < 5 * LIMIT; i++) {
		ck_assert_int_eq(see(&recent, i * 3, START), RECENT_NEW);
		recent_done(&recent, i * 3, &done);
		for (uint64_t k = i < LIMIT ? 0 : i - LIMIT + 1; k <= i; k++) {
			ck_assert_int_eq(see(&recent, k * 3, START), RECENT_DONE);
		}
	}
	ck_assert_int_eq(see(&recent, 4 * LIMIT * 3 - 3, START), RECENT_NEW);
	recent_deinit(&recent);
}
END_TEST

START_TEST(what_came_to_nothing_is_new_again)
{
	struct recent recent;

	ck_assert_int_eq(recent_init(&recent, LIMIT, 0), OK);
	for (unsigned i = 0; i < 3 * LIMIT; i++) {
		ck_assert_int_eq(see(&recent, 5, START), RECENT_NEW);
		recent_forget(&recent, 5);
	}
	recent_forget(&recent, 6);
	recent_done(&recent, 6, &done);
	ck_assert_int_eq(see(&recent, 6, START), RECENT_NEW);
	recent_deinit(&recent);
}
END_TEST

START_TEST(without_memory_there_is_none)
{
	struct recent recent;

	for (unsigned i = 0; i < 2; i++) {
		fail_alloc_after(i);
		ck_assert_int_eq(recent_init(&recent, LIMIT, 0), ERR_NOMEM);
		fail_alloc_off();
		recent_deinit(&recent);
	}
	/* A refusal that cannot be kept is not taken for anything else. */
	const struct command_result refused = {.rcode = DNS_RCODE_REFUSED};
	ck_assert_int_eq(recent_init(&recent, LIMIT, 0), OK);
	see(&recent, 1, START);
	fail_alloc_after(0);
	recent_done(&recent, 1, &refused);
	fail_alloc_off();
	ck_assert_int_eq(see(&recent, 1, START), RECENT_NEW);
	recent_deinit(&recent);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_was_said_is_said_again,  it_is_known_for_five_seconds,
		the_oldest_gives_way,         what_came_to_nothing_is_new_again,
		without_memory_there_is_none,
	};

	return run_tests("recent", tests, COUNT_OF(tests));
}
