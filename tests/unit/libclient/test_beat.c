#include "libclient/beat.h"
#include "tests/unit/run.h"

#define START 5000000ull /* ms */

static struct wgl_beat beat;

static void begin(uint32_t lease_s)
{
	wgl_beat_init(&beat, lease_s, 0, 1, START);
	ck_assert_uint_eq(beat.next_ms, START);
	ck_assert_int_eq(beat.state, WAGGLE_PENDING);
}

START_TEST(the_first_message_is_spread)
{
	uint64_t least = UINT64_MAX;
	uint64_t most = 0;

	for (uint64_t seed = 0; seed < 500; seed++) {
		wgl_beat_init(&beat, 60, 3000, seed, START);
		least = beat.next_ms < least ? beat.next_ms : least;
		most = beat.next_ms > most ? beat.next_ms : most;
	}
	ck_assert_uint_lt(least, START + 100);
	ck_assert_uint_gt(most, START + 2900);
	ck_assert_uint_lt(most, START + 3000);
}
END_TEST

/* RFC 9664 section 5.2. */
START_TEST(a_heartbeat_goes_at_80_to_85_percent_of_the_lease_granted)
{
	static const uint32_t leases[] = {1, 5, 30, 3600, 604800};

	for (size_t i = 0; i < COUNT_OF(leases); i++) {
		begin(60);
		for (int k = 0; k < 200; k++) {
			const uint64_t lease_ms = leases[i] * 1000ull;

			wgl_beat_success(&beat, true, leases[i], START, START + 3);
			ck_assert_uint_ge(beat.next_ms, START + lease_ms * 8 / 10);
			ck_assert_uint_le(beat.next_ms, START + lease_ms * 85 / 100);
			ck_assert_uint_eq(beat.lease_end_ms, START + lease_ms);
			ck_assert_int_eq(beat.state, WAGGLE_REGISTERED);
			ck_assert(beat.is_leased);
		}
		ck_assert_uint_eq(beat.beats, 200);
	}
}
END_TEST

START_TEST(without_a_lease_in_the_answer_the_one_asked_for_counts)
{
	begin(100);
	wgl_beat_success(&beat, false, 0, START, START);
	ck_assert_uint_eq(beat.granted_s, 100);
	ck_assert(!beat.is_leased);
	wgl_beat_success(&beat, true, 0, START, START);
	ck_assert_uint_eq(beat.granted_s, 100);
}
END_TEST

START_TEST(failures_are_followed_by_growing_pauses)
{
	uint64_t now_ms = START;
	uint64_t most = 1000;

	begin(60);
	for (int i = 0; i < 40; i++) {
		wgl_beat_failure(&beat, now_ms);
		ck_assert_uint_ge(beat.next_ms - now_ms, most / 2);
		ck_assert_uint_le(beat.next_ms - now_ms, most);
		ck_assert_int_eq(beat.state, WAGGLE_PENDING);
		now_ms = beat.next_ms;
		most = most * 2 < 60000 ? most * 2 : 60000;
	}
	wgl_beat_success(&beat, true, 60, now_ms, now_ms);
	wgl_beat_failure(&beat, now_ms);
	ck_assert_uint_le(beat.next_ms - now_ms, 1000);
}
END_TEST

START_TEST(a_failed_heartbeat_is_late_until_the_lease_ran_out)
{
	begin(60);
	wgl_beat_success(&beat, true, 30, START, START);
	wgl_beat_failure(&beat, START + 24000);
	ck_assert_int_eq(beat.state, WAGGLE_LATE);
	ck_assert(!wgl_beat_tick(&beat, START + 29999));
	ck_assert(wgl_beat_tick(&beat, START + 30000));
	ck_assert_int_eq(beat.state, WAGGLE_LAPSED);
	ck_assert(!wgl_beat_tick(&beat, START + 30001));
	wgl_beat_failure(&beat, START + 40000);
	ck_assert_int_eq(beat.state, WAGGLE_LAPSED);
	wgl_beat_success(&beat, true, 30, START + 50000, START + 50000);
	ck_assert_int_eq(beat.state, WAGGLE_REGISTERED);
}
END_TEST

START_TEST(after_a_refusal_it_tries_slowly)
{
	uint64_t now_ms = START;

	begin(60);
	for (int i = 0; i < 10; i++) {
		wgl_beat_refusal(&beat, now_ms);
		ck_assert_int_eq(beat.state, WAGGLE_DENIED);
		ck_assert_uint_ge(beat.next_ms - now_ms, 15000);
		ck_assert_uint_le(beat.next_ms - now_ms, 300000);
		now_ms = beat.next_ms;
	}
	ck_assert(!wgl_beat_tick(&beat, now_ms));
	wgl_beat_failure(&beat, now_ms);
	ck_assert_int_eq(beat.state, WAGGLE_PENDING);
}
END_TEST

START_TEST(an_answer_that_took_longer_than_the_lease_is_followed_at_once)
{
	begin(60);
	wgl_beat_success(&beat, true, 2, START, START + 8000);
	ck_assert_uint_eq(beat.next_ms, START + 8000);
	ck_assert(wgl_beat_tick(&beat, START + 8000));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_first_message_is_spread,
		a_heartbeat_goes_at_80_to_85_percent_of_the_lease_granted,
		without_a_lease_in_the_answer_the_one_asked_for_counts,
		failures_are_followed_by_growing_pauses,
		a_failed_heartbeat_is_late_until_the_lease_ran_out,
		after_a_refusal_it_tries_slowly,
		an_answer_that_took_longer_than_the_lease_is_followed_at_once,
	};

	return run_tests("beat", tests, COUNT_OF(tests));
}
