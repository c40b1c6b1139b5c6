#include "store/ram.h"

#include "tests/unit/fail_alloc.h"
#include "tests/unit/store/harness.h"

START_TEST(what_was_appended_is_found_under_its_name)
{
	struct harness harness;

	harness_init(&harness, &store_ram, "one");
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_append_many(&harness, 5, 100);
	ck_assert_uint_eq(harness.ops->size(harness.log), 500);
	harness_close(&harness);
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_holds(&harness, 0, 5);
	harness_close(&harness);
	harness_init(&harness, &store_ram, "other");
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_holds(&harness, 0, 0);
	harness_close(&harness);
	store_ram_forget();
}
END_TEST

START_TEST(a_disk_in_use_is_busy)
{
	struct harness one;
	struct harness other;

	harness_init(&one, &store_ram, "one");
	harness_init(&other, &store_ram, "one");
	ck_assert_int_eq(harness_open(&one), OK);
	harness_refuses(&other, ERR_BUSY, "one");
	harness_close(&one);
	ck_assert_int_eq(harness_open(&other), OK);
	harness_close(&other);
	store_ram_forget();
}
END_TEST

START_TEST(a_snapshot_takes_the_place_of_entries)
{
	struct harness_state state = {.size = 12345, .piece = 77};
	struct harness harness;

	harness_init(&harness, &store_ram, "one");
	harness.options.budget = 1000;
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_append_many(&harness, 9, 100);
	ck_assert(!harness.ops->wants_snapshot(harness.log));
	harness_append_many(&harness, 1, 100);
	ck_assert(harness.ops->wants_snapshot(harness.log));
	ck_assert_int_eq(harness_snapshot(&harness, 8, &state), OK);
	ck_assert_uint_eq(store_ram_snapshot("one"), 8);
	ck_assert_uint_eq(store_ram_entries("one"), 2);
	harness_close(&harness);
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_has_snapshot(&harness, 12345);
	harness_holds(&harness, 8, 10);
	harness_close(&harness);
	store_ram_forget();
}
END_TEST

START_TEST(failures_are_injected_and_pass)
{
	struct harness_state state = {.size = 10, .piece = 10};
	struct harness harness;

	harness_init(&harness, &store_ram, "one");
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_append_many(&harness, 1, 10);
	store_ram_fail_appends("one", ERR_FULL, 2);
	ck_assert_int_eq(harness_append_next(&harness, 10), ERR_FULL);
	ck_assert_int_eq(harness_append_next(&harness, 10), ERR_FULL);
	ck_assert_int_eq(harness_append_next(&harness, 10), OK);
	store_ram_fail_snapshot("one", ERR_IO);
	ck_assert_int_eq(harness_snapshot(&harness, 2, &state), ERR_IO);
	ck_assert_uint_eq(store_ram_snapshot("one"), 0);
	state.status = ERR_NOMEM;
	ck_assert_int_eq(harness_snapshot(&harness, 2, &state), ERR_NOMEM);
	state.status = OK;
	ck_assert_int_eq(harness_snapshot(&harness, 2, &state), OK);
	harness_close(&harness);
	store_ram_forget();
}
END_TEST

START_TEST(behind_a_crash_nothing_reaches_the_disk_and_a_torn_entry_is_dropped)
{
	struct harness_state state = {.size = 10, .piece = 10};
	struct harness harness;

	harness_init(&harness, &store_ram, "one");
	for (unsigned tears = 0; tears < 2; tears++) {
		ck_assert_int_eq(harness_open(&harness), OK);
		harness_append_many(&harness, 1, 10);
		store_ram_crash("one", tears == 1);
		ck_assert_int_eq(harness_append_next(&harness, 10), ERR_IO);
		ck_assert_int_eq(harness_append_next(&harness, 10), ERR_IO);
		ck_assert_int_eq(harness_snapshot(&harness, 1, &state), ERR_IO);
		ck_assert_uint_eq(store_ram_entries("one"), 1 + 2 * tears);
		harness_close(&harness);
	}
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_holds(&harness, 0, 2);
	harness_append_many(&harness, 1, 10);
	harness_close(&harness);
	store_ram_forget();
}
END_TEST

START_TEST(a_held_disk_answers_when_it_is_released)
{
	struct harness harness;
	struct harness_call call;

	harness_init(&harness, &store_ram, "one");
	ck_assert_int_eq(harness_open(&harness), OK);
	call_init(&call.call);
	store_ram_hold("one", true);
	ck_assert_int_eq(harness.ops->append(harness.log, "x", 1, harness_done, &call), OK);
	ck_assert_uint_eq(store_ram_entries("one"), 0);
	store_ram_hold("one", false);
	ck_assert_int_eq(call_wait(&call.call), OK);
	call_deinit(&call.call);
	ck_assert_uint_eq(store_ram_entries("one"), 1);
	harness_close(&harness);
	store_ram_forget();
}
END_TEST

START_TEST(damage_and_refusals_end_the_restoring)
{
	struct harness harness;

	harness_init(&harness, &store_ram, "one");
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_append_many(&harness, 3, 10);
	harness_close(&harness);
	harness.refusal = ERR_FOREIGN;
	harness_refuses(&harness, ERR_FOREIGN, "refused");
	harness.refusal = OK;
	store_ram_damage("one", 2, 5);
	harness_refuses(&harness, ERR_DAMAGED, "checksum");
	store_ram_forget();
}
END_TEST

START_TEST(any_failed_allocation_is_reported)
{
	struct harness harness;

	harness_init(&harness, &store_ram, "one");
	for (unsigned n = 0;; n++) {
		int ret;

		fail_alloc_after(n);
		ret = harness_open(&harness);
		fail_alloc_off();
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(ret, OK);
			break;
		}
		ck_assert(ret == ERR_NOMEM || ret == ERR_SYSTEM);
	}
	harness_close(&harness);
	store_ram_forget();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_was_appended_is_found_under_its_name,
		a_disk_in_use_is_busy,
		a_snapshot_takes_the_place_of_entries,
		failures_are_injected_and_pass,
		a_held_disk_answers_when_it_is_released,
		damage_and_refusals_end_the_restoring,
		behind_a_crash_nothing_reaches_the_disk_and_a_torn_entry_is_dropped,
		any_failed_allocation_is_reported,
	};

	return run_tests("ram", tests, COUNT_OF(tests));
}
