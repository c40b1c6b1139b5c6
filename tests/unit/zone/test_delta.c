#include "tests/unit/fail_alloc.h"
#include "tests/unit/zone/stage.h"

START_TEST(one_commit_is_one_step_whatever_it_changes)
{
	struct stage stage;

	stage_init(&stage);
	ck_assert_uint_eq(stage_serial(&stage), 1);
	stage_begin(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	stage_put(&stage, "i", "a", "60 A 192.0.2.2\n");
	stage_put(&stage, "h", "a", "60 A 192.0.2.3\n");
	stage_commit(&stage);
	ck_assert_uint_eq(stage_serial(&stage), 2);
	ck_assert_uint_eq(zone_delta(stage_zone(&stage), 0)->serial_from, 1);
	expect_delta(&stage, "+h 60 A 192.0.2.3\n+i 60 A 192.0.2.2\n");
	stage_deinit(&stage);
}
END_TEST

START_TEST(what_came_and_went_is_in_no_delta)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	stage_begin(&stage);
	stage_remove(&stage, "h");
	stage_put(&stage, "x", "a", "60 A 192.0.2.1\n");
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	stage_remove(&stage, "x");
	stage_commit(&stage);
	ck_assert_uint_eq(stage_serial(&stage), 2);
	expect_delta(&stage, "+h 60 A 192.0.2.1\n");
	stage_deinit(&stage);
}
END_TEST

START_TEST(what_nobody_can_see_moves_no_serial)
{
	static const char *const hows[] = {"a lease:60", "a lease:90", "a version:7", "b",
					   "b overdue"};
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n60 A 192.0.2.2\n");
	for (size_t i = 0; i < COUNT_OF(hows); i++) {
		stage_put(&stage, "h", hows[i], "60 A 192.0.2.1\n60 A 192.0.2.2\n");
		ck_assert_uint_eq(stage_serial(&stage), 2);
	}
	stage_put(&stage, "h", "b", "60 A 192.0.2.2\n60 A 192.0.2.1\n");
	ck_assert_uint_eq(stage_serial(&stage), 2);
	stage_put(&stage, "H", "b", "60 CNAME Other\n");
	stage_put(&stage, "h", "b", "60 CNAME oTHER\n");
	ck_assert_uint_eq(stage_serial(&stage), 3);
	stage_deinit(&stage);
}
END_TEST

START_TEST(another_ttl_is_another_record)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n60 A 192.0.2.2\n60 TXT \"x\"\n");
	stage_put(&stage, "h", "a", "30 A 192.0.2.1\n30 A 192.0.2.2\n60 TXT \"x\"\n");
	expect_delta(&stage, "-h 60 A 192.0.2.1\n"
			     "-h 60 A 192.0.2.2\n"
			     "+h 30 A 192.0.2.1\n"
			     "+h 30 A 192.0.2.2\n");
	stage_deinit(&stage);
}
END_TEST

START_TEST(removed_records_stand_before_added_ones)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	stage_begin(&stage);
	stage_put(&stage, "a", "a", "60 A 192.0.2.2\n");
	stage_put(&stage, "h", "a", "60 TXT \"x\"\n");
	stage_commit(&stage);
	const struct delta *delta = zone_delta(stage_zone(&stage), 0);
	ck_assert_uint_eq(delta->removed, 1);
	ck_assert_uint_eq(delta->added, 2);
	ck_assert(dns_name_equal(delta->rrs[0].name, wire("h")));
	ck_assert_uint_eq(delta->rrs[0].type, DNS_TYPE_A);
	stage_deinit(&stage);
}
END_TEST

START_TEST(serials_go_from_the_greatest_to_one)
{
	struct stage stage;

	stage_init(&stage);
	stage_begin(&stage);
	must(zone_set_serial(stage.writer, stage_apex, UINT32_MAX));
	stage_commit(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	ck_assert_uint_eq(stage_serial(&stage), 1);
	ck_assert_uint_eq(zone_delta(stage_zone(&stage), 0)->serial_from, UINT32_MAX);
	stage_deinit(&stage);
}
END_TEST

static void put_number(struct stage *stage, int number)
{
	char line[40];

	snprintf(line, sizeof(line), "60 TXT \"%d\"\n", number);
	stage_put(stage, "h", "a", line);
}

START_TEST(the_newest_hundred_deltas_are_kept_in_a_chain)
{
	struct stage stage;

	stage_init(&stage);
	for (int i = 0; i < 250; i++) {
		put_number(&stage, i);
		const size_t kept = i < 100 ? (size_t)i + 1 : 100;
		ck_assert_ptr_nonnull(zone_delta(stage_zone(&stage), kept - 1));
		ck_assert_ptr_null(zone_delta(stage_zone(&stage), kept));
	}
	for (size_t back = 0; back < 100; back++) {
		const struct delta *delta = zone_delta(stage_zone(&stage), back);

		ck_assert_uint_eq(delta->serial_to, 251 - back);
		ck_assert_uint_eq(delta->serial_from, 250 - back);
		ck_assert_uint_eq(delta->added, 1);
		ck_assert_uint_eq(delta->removed, 1);
	}
	stage_deinit(&stage);
}
END_TEST

START_TEST(deltas_are_kept_up_to_a_size)
{
	static char lines[200000];
	struct stage stage;
	size_t kept = 0;

	stage_init(&stage);
	for (int i = 0; i < 1000; i++) {
		snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines),
			 "60 TXT \"%0100d\"\n", i);
	}
	for (int i = 0; i < 20; i++) {
		if (i % 2 == 0) {
			stage_put(&stage, "h", "a", lines);
		} else {
			stage_remove(&stage, "h");
		}
	}
	while (zone_delta(stage_zone(&stage), kept) != NULL) {
		kept++;
	}
	ck_assert_uint_gt(kept, 3);
	ck_assert_uint_lt(kept, 10);
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_delta_over_the_size_breaks_the_chain)
{
	struct stage stage;

	stage_init(&stage);
	put_number(&stage, 1);
	stage_begin(&stage);
	for (int i = 0; i < 8000; i++) {
		char name[20];
		snprintf(name, sizeof(name), "h%d", i);
		stage_put(&stage, name, "a",
			  "60 TXT \""
			  "0123456789012345678901234567890123456789"
			  "012345678901234567890123456789012345678901"
			  "0123456789012345678901234567890123456789"
			  "\"\n");
	}
	stage_commit(&stage);
	ck_assert_ptr_null(zone_delta(stage_zone(&stage), 0));
	put_number(&stage, 2);
	ck_assert_ptr_nonnull(zone_delta(stage_zone(&stage), 0));
	ck_assert_ptr_null(zone_delta(stage_zone(&stage), 1));
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_change_of_the_soa_breaks_the_chain)
{
	struct zone_soa soa = stage_soa(1);
	struct stage stage;

	stage_init(&stage);
	put_number(&stage, 1);
	put_number(&stage, 2);
	stage_begin(&stage);
	soa.refresh = 60;
	must(zone_set_soa(stage.writer, stage_apex, &soa));
	stage_put(&stage, "i", "a", "60 A 192.0.2.1\n");
	stage_commit(&stage);
	ck_assert_uint_eq(stage_serial(&stage), 4);
	ck_assert_ptr_null(zone_delta(stage_zone(&stage), 0));
	put_number(&stage, 3);
	ck_assert_uint_eq(zone_delta(stage_zone(&stage), 0)->serial_from, 4);
	ck_assert_ptr_null(zone_delta(stage_zone(&stage), 1));
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_silent_writing_makes_no_delta_and_moves_no_serial)
{
	struct stage stage;

	stage_init(&stage);
	stage_begin(&stage);
	root_silence(stage.writer);
	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 0 0 80 h\n");
	stage_commit(&stage);
	ck_assert_uint_eq(stage_serial(&stage), 1);
	ck_assert_ptr_null(zone_delta(stage_zone(&stage), 0));
	ck_assert_uint_eq(set_count(&stage, "_http._tcp", DNS_TYPE_SRV), 1);
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_failed_commit_can_be_aborted)
{
	struct stage stage;
	unsigned failures = 0;

	stage_init(&stage);
	put_number(&stage, 1);
	for (unsigned n = 0;; n++) {
		struct root *root = NULL;
		struct garbage *garbage = NULL;

		stage_begin(&stage);
		put_number(&stage, 2);
		fail_alloc_after(n);
		const int ret = root_commit(stage.writer, 9, &root, &garbage);
		fail_alloc_off();
		if (ret == OK) {
			stage.root = root;
			stage.writer = NULL;
			garbage_free(garbage);
			break;
		}
		ck_assert_int_eq(ret, ERR_NOMEM);
		root_abort(stage.writer);
		stage.writer = NULL;
		expect_zone(&stage, "h 60 TXT \"1\"\n");
		expect_delta(&stage, "+h 60 TXT \"1\"\n");
		failures++;
	}
	ck_assert_uint_ge(failures, 2);
	expect_delta(&stage, "-h 60 TXT \"1\"\n+h 60 TXT \"2\"\n");
	stage_deinit(&stage);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		one_commit_is_one_step_whatever_it_changes,
		what_came_and_went_is_in_no_delta,
		what_nobody_can_see_moves_no_serial,
		another_ttl_is_another_record,
		removed_records_stand_before_added_ones,
		serials_go_from_the_greatest_to_one,
		the_newest_hundred_deltas_are_kept_in_a_chain,
		deltas_are_kept_up_to_a_size,
		a_delta_over_the_size_breaks_the_chain,
		a_change_of_the_soa_breaks_the_chain,
		a_silent_writing_makes_no_delta_and_moves_no_serial,
		a_failed_commit_can_be_aborted,
	};

	return run_tests("zone/delta", tests, COUNT_OF(tests));
}
