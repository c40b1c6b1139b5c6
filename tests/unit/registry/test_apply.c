#include "base/log.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/registry/script.h"

/* ---- UPDATEs ----------------------------------------------------------------------------- */

START_TEST(a_refused_update_changes_nothing)
{
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB);
	updated(play, "b", "add other 60 A 192.0.2.9\n");
	const uint64_t version = version_of(play, "h");
	refused(play, "a lease:90",
		"del web._http._tcp\nadd h 60 A 192.0.2.2\nadd new 60 A 192.0.2.1\n"
		"del other\n",
		"key b.");
	expect_zone(&play->stage, WEB_IS_THERE "other 60 A 192.0.2.9\n");
	ck_assert_uint_eq(version_of(play, "h"), version);
	ck_assert_uint_eq(content_of(play, "h").lease_s, 60);
	play_free(play);
}
END_TEST

START_TEST(two_that_want_one_name_in_one_batch_cannot_both_win)
{
	struct play *play = play_new();

	batch_begin(play);
	ck_assert_uint_eq(update(play, "a", "unused x\nadd x 60 A 192.0.2.1\n"), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(update(play, "b", "unused x\nadd x 60 A 192.0.2.2\n"),
			  DNS_RCODE_YXDOMAIN);
	ck_assert_uint_eq(update(play, "b", "add x 60 A 192.0.2.2\n"), DNS_RCODE_REFUSED);
	batch_commit(play);
	expect_zone(&play->stage, "x 60 A 192.0.2.1\n");
	play_free(play);
}
END_TEST

START_TEST(a_batch_is_one_step_of_the_serial)
{
	struct play *play = play_new();
	const uint32_t serial = serial_of(play);

	batch_begin(play);
	updated(play, "a", REGISTER_WEB);
	updated(play, "a", "add x 60 A 192.0.2.1\n");
	updated(play, "b", "add y 60 A 192.0.2.1\n");
	batch_commit(play);
	ck_assert_uint_eq(serial_of(play), serial + 1);
	batch_begin(play);
	updated(play, "a", "add z 60 A 192.0.2.1\n");
	updated(play, "a", "del z\n");
	batch_commit(play);
	ck_assert_uint_eq(serial_of(play), serial + 1);
	play_free(play);
}
END_TEST

START_TEST(a_logged_heartbeat_moves_the_version_and_no_serial)
{
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB);
	const uint32_t serial = serial_of(play);
	const struct lease *lease = node_lease(zone_entry(stage_zone(&play->stage), wire("h")));
	updated(play, "a lease:60", REGISTER_WEB);
	ck_assert(!play->result.is_change);
	ck_assert_uint_eq(serial_of(play), serial);
	ck_assert_uint_eq(version_of(play, "h"), play->version);
	ck_assert_uint_eq(version_of(play, "web._http._tcp"), play->version);
	ck_assert_ptr_eq(node_lease(zone_entry(stage_zone(&play->stage), wire("h"))), lease);
	updated(play, "a", "del h TXT\n");
	ck_assert_uint_eq(version_of(play, "h"), play->version - 1);
	play_free(play);
}
END_TEST

/* ---- expiry ------------------------------------------------------------------------------ */

START_TEST(a_name_goes_with_its_lease)
{
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB);
	expire(play, "web._http._tcp");
	ck_assert(play->result.is_change);
	expect_zone(&play->stage, "h 60 A 192.0.2.1\n");
	expect_delta(&play->stage, "-web._http._tcp 60 SRV 0 0 80 h\n"
				   "-_http._tcp 10 PTR web._http._tcp\n"
				   "-_http._tcp 10 SRV 0 0 80 h\n"
				   "-_services._dns-sd._udp 10 PTR _http._tcp\n"
				   "-http.pool 10 A 192.0.2.1\n");
	expire(play, "h");
	expect_zone(&play->stage, "");
	ck_assert_uint_eq(zone_lease_count(stage_zone(&play->stage)), 0);
	play_free(play);
}
END_TEST

START_TEST(a_ptr_that_waits_goes_with_its_lease)
{
	struct play *play = play_new();

	updated(play, "a lease:60", "add _http._tcp 60 PTR web._http._tcp\n");
	expire(play, "web._http._tcp");
	ck_assert(!is_there(play, "web._http._tcp"));
	ck_assert_uint_eq(zone_instance_count(stage_zone(&play->stage)), 0);
	play_free(play);
}
END_TEST

START_TEST(an_expiry_that_means_an_older_version_does_nothing)
{
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB);
	updated(play, "a lease:60", REGISTER_WEB);
	write_expire(play, "web._http._tcp h", 1);
	ck_assert_uint_eq(apply(play), DNS_RCODE_NOERROR);
	ck_assert(!play->result.is_change);
	expect_zone(&play->stage, WEB_IS_THERE);
	ck_assert_uint_eq(content_of(play, "h").flags & NAME_OVERDUE, 0);
	play_free(play);
}
END_TEST

START_TEST(an_expiry_of_what_has_no_lease_does_nothing)
{
	struct play *play = play_new();

	updated(play, "a", REGISTER_WEB);
	expire(play, "web._http._tcp h nope");
	expect_zone(&play->stage, WEB_IS_THERE);
	play_free(play);
}
END_TEST

START_TEST(of_a_shared_name_what_was_leased_goes)
{
	struct play *play = play_new();

	updated(play, "a", "add @ 60 TXT \"stays\"\nadd _http._tcp 60 TXT \"stays\"\n");
	updated(play, "b lease:60",
		"add @ 60 TXT \"goes\"\nadd _http._tcp 60 TXT \"goes\"\n"
		"add _http._tcp 60 PTR printer.example.\n");
	expire(play, "@ _http._tcp");
	expect_zone(&play->stage, "@ 60 TXT \"stays\"\n_http._tcp 10 TXT \"stays\"\n");
	ck_assert_uint_eq(zone_lease_count(stage_zone(&play->stage)), 0);
	play_free(play);
}
END_TEST

/* ---- hosts ------------------------------------------------------------------------------- */

START_TEST(an_overdue_host_stays_until_its_last_instance_goes)
{
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB "add two._http._tcp 60 SRV 0 0 81 h\n");
	expire(play, "h");
	ck_assert(!play->result.is_change);
	ck_assert_uint_eq(content_of(play, "h").flags, NAME_OVERDUE);
	ck_assert_uint_eq(zone_lease_count(stage_zone(&play->stage)), 3);
	expire(play, "web._http._tcp");
	ck_assert(is_there(play, "h"));
	expire(play, "two._http._tcp");
	ck_assert(!is_there(play, "h"));
	expect_delta(&play->stage, "-two._http._tcp 60 SRV 0 0 81 h\n-h 60 A 192.0.2.1\n");
	ck_assert_uint_eq(zone_lease_count(stage_zone(&play->stage)), 0);
	play_free(play);
}
END_TEST

START_TEST(host_and_instance_may_expire_in_one_command_in_any_order)
{
	static const char *const orders[] = {"h web._http._tcp", "web._http._tcp h"};

	for (size_t i = 0; i < COUNT_OF(orders); i++) {
		struct play *play = play_new();

		updated(play, "a lease:60", REGISTER_WEB);
		expire(play, orders[i]);
		expect_zone(&play->stage, "");
		play_free(play);
	}
}
END_TEST

START_TEST(an_overdue_host_that_is_said_again_lives_on)
{
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB);
	expire(play, "h");
	ck_assert_uint_eq(evaluate(play, "a lease:60", "add h 60 A 192.0.2.1\n"),
			  DNS_RCODE_NOERROR);
	ck_assert(play->result.is_change);
	updated(play, "a lease:60", "add h 60 A 192.0.2.1\n");
	ck_assert_uint_eq(content_of(play, "h").flags, 0);
	expire(play, "web._http._tcp");
	expect_zone(&play->stage, "h 60 A 192.0.2.1\n");
	play_free(play);
}
END_TEST

START_TEST(an_overdue_host_goes_when_an_update_takes_its_last_instance)
{
	static const char *const lines[] = {
		"del web._http._tcp\n",
		"del web._http._tcp SRV\n",
		"del web._http._tcp SRV 0 0 80 h\nadd web._http._tcp 60 SRV 0 0 80 i\n",
	};

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		struct play *play = play_new();

		updated(play, "a lease:60", REGISTER_WEB);
		expire(play, "h");
		updated(play, "a", lines[i]);
		ck_assert_msg(!is_there(play, "h"), "%s", lines[i]);
		play_free(play);
	}
}
END_TEST

START_TEST(an_overdue_host_stays_when_the_update_brings_another_instance)
{
	static const char *const lines[] = {
		"del web._http._tcp\nadd two._http._tcp 60 SRV 0 0 80 h\n",
		"add two._http._tcp 60 SRV 0 0 80 h\ndel web._http._tcp\n",
		"del web._http._tcp\nadd web._http._tcp 60 SRV 0 0 90 h\n",
	};

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		struct play *play = play_new();

		updated(play, "a lease:60", REGISTER_WEB);
		expire(play, "h");
		updated(play, "a lease:60", lines[i]);
		ck_assert_msg(is_there(play, "h"), "%s", lines[i]);
		play_free(play);
	}
}
END_TEST

START_TEST(instances_of_another_owner_do_not_keep_a_host)
{
	struct play *play = play_new();

	updated(play, "a lease:60", "add h 60 A 192.0.2.1\n");
	updated(play, "b lease:60", "add two._http._tcp 60 SRV 0 0 80 h\n");
	expire(play, "h");
	ck_assert(!is_there(play, "h"));
	updated(play, "a lease:60", REGISTER_WEB);
	expire(play, "h");
	ck_assert(is_there(play, "h"));
	updated(play, "b takeover lease:60", "add web._http._tcp 60 TXT \"mine\"\n");
	ck_assert(!is_there(play, "h"));
	play_free(play);
}
END_TEST

/* ---- retiring ---------------------------------------------------------------------------- */

START_TEST(a_retired_zone_keeps_what_it_has_and_serves_it_again)
{
	const struct zone_shape shape = stage_shape();
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB);
	const uint32_t serial = serial_of(play);
	retire(play);
	ck_assert(!zone_is_served(stage_zone(&play->stage)));
	ck_assert_uint_eq(zone_base_hash(stage_zone(&play->stage)), 0);
	ck_assert_uint_eq(update(play, "a", "del h\n"), DNS_RCODE_SERVFAIL);
	based(play, &shape, 1, "");
	ck_assert(zone_is_served(stage_zone(&play->stage)));
	expect_zone(&play->stage, WEB_IS_THERE);
	ck_assert_uint_eq(serial_of(play), serial);
	play_free(play);
}
END_TEST

START_TEST(retiring_what_is_not_there_is_no_error)
{
	struct play *play = play_new_empty();

	retire(play);
	ck_assert_uint_eq(root_zone_count(play->stage.root), 0);
	play_free(play);
}
END_TEST

/* ---- batches ----------------------------------------------------------------------------- */

struct seen {
	size_t count;
	unsigned rcodes[4];
};

static void note(void *context, size_t number, const struct command_result *result,
		 const struct plan *plan)
{
	struct seen *seen = context;

	(void)plan;
	ck_assert_uint_eq(number, seen->count);
	seen->rcodes[seen->count++] = result->rcode;
}

static size_t write_batch(struct play *play, uint8_t *entry, size_t room)
{
	static const char *const lines[] = {"add x 60 A 192.0.2.1\n", "unused x\n",
					    "add y 60 A 192.0.2.1\n"};
	struct buf_writer out = buf_writer(entry, room);

	command_write_batch(&out, COUNT_OF(lines), 1000);
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		write_update(play, "a lease:60", lines[i]);
		command_write_next(&out, play->command, play->size);
	}
	return buf_written(&out);
}

START_TEST(each_command_of_a_batch_has_its_result_and_version)
{
	struct play *play = play_new();
	uint8_t entry[1000];
	const size_t size = write_batch(play, entry, sizeof(entry));
	struct seen seen = {0};

	stage_begin(&play->stage);
	must(registry_apply_batch(play->stage.writer, 77, entry, size, &play->arena, note, &seen));
	stage_commit(&play->stage);
	ck_assert_uint_eq(seen.count, 3);
	ck_assert_uint_eq(seen.rcodes[0], DNS_RCODE_NOERROR);
	ck_assert_uint_eq(seen.rcodes[1], DNS_RCODE_YXDOMAIN);
	ck_assert_uint_eq(seen.rcodes[2], DNS_RCODE_NOERROR);
	ck_assert_uint_lt(version_of(play, "x"), version_of(play, "y"));
	ck_assert_uint_ge(version_of(play, "x"), 77u << 20);
	ck_assert_uint_lt(version_of(play, "y"), 78u << 20);
	ck_assert_uint_eq(content_of(play, "y").changed_s, 1000);
	play_free(play);
}
END_TEST

START_TEST(a_damaged_batch_is_named_and_nothing_of_it_stays)
{
	struct play *play = play_new();
	uint8_t entry[1000];
	const size_t size = write_batch(play, entry, sizeof(entry));

	for (size_t cut = 0; cut < size; cut++) {
		stage_begin(&play->stage);
		ck_assert_int_eq(registry_apply_batch(play->stage.writer, 77, entry, cut,
						      &play->arena, NULL, NULL),
				 ERR_DAMAGED);
		root_abort(play->stage.writer);
	}
	entry[1] ^= 0x80;
	stage_begin(&play->stage);
	ck_assert_int_eq(
		registry_apply_batch(play->stage.writer, 77, entry, size, &play->arena, NULL, NULL),
		ERR_FOREIGN);
	root_abort(play->stage.writer);
	play->stage.writer = NULL;
	expect_zone(&play->stage, "");
	play_free(play);
}
END_TEST

START_TEST(a_command_of_no_kind_is_damage)
{
	struct play *play = play_new();

	stage_begin(&play->stage);
	ck_assert_int_eq(registry_apply(play->stage.writer, (const uint8_t *)"\11", 1, 1, 1,
					&play->arena, &play->result, &play->plan),
			 ERR_DAMAGED);
	play_free(play);
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------ */

struct case_of_failure {
	const char *what;
	const char *who; /* NULL: an expiry of the lines */
	const char *lines;
};

static void fail_each_allocation(struct play *play, const struct case_of_failure *one)
{
	static struct sorted before;
	static struct sorted after;

	if (one->who == NULL) {
		write_expire(play, one->lines, 0);
	} else if (strcmp(one->who, "base") == 0) {
		const struct zone_shape shape = stage_shape();

		write_base(play, &shape, 9, one->lines);
	} else {
		write_update(play, one->who, one->lines);
	}
	for (unsigned n = 0;; n++) {
		struct arena arena;

		arena_init(&arena, 64);
		stage_begin(&play->stage);
		fail_alloc_after(n);
		const int ret = registry_apply(play->stage.writer, play->command, play->size, 1000,
					       1000, &arena, &play->result, &play->plan);
		fail_alloc_off();
		sorted_zone(&before, root_zone(play->stage.root, stage_apex));
		root_abort(play->stage.writer);
		play->stage.writer = NULL;
		arena_deinit(&arena);
		sorted_zone(&after, stage_zone(&play->stage));
		expect_sorted(&after, &before, one->what);
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(ret, OK);
			ck_assert_uint_gt(n, 10);
			break;
		}
		ck_assert_msg(ret == ERR_NOMEM, "%s, allocation %u: %s", one->what, n,
			      err_text(ret));
	}
}

START_TEST(nth_allocation_fails_and_the_old_root_is_as_it_was)
{
	static const struct case_of_failure cases[] = {
		{"a registration", "b lease:60",
		 "add _ipp._udp 60 PTR x._ipp._udp\nadd _red._sub._ipp._udp 60 PTR x._ipp._udp\n"
		 "add x._ipp._udp 60 SRV 0 0 631 i\nadd x._ipp._udp 60 SRV 1 0 631 h\n"
		 "add i 60 A 192.0.2.7\nadd i 60 AAAA 2001:db8::7\n"},
		{"a change", "a lease:90",
		 "del web._http._tcp\nadd web._http._tcp 60 SRV 0 0 80 j\n"
		 "add j 60 A 192.0.2.2\ndel h A 192.0.2.1\nadd h 60 A 192.0.2.3\n"},
		{"a withdrawal", "a", "del web._http._tcp\ndel _http._tcp PTR web._http._tcp\n"},
		{"an expiry", NULL, "web._http._tcp h @"},
		{"a base", "base",
		 "h 60 A 192.0.2.9\n_http._tcp 60 TXT \"base\"\n"
		 "_http._tcp 60 PTR web._http._tcp\nweb._http._tcp 60 SRV 5 0 80 h\n"},
	};
	struct play *play = play_new();

	updated(play, "a lease:60",
		REGISTER_WEB "add _red._sub._http._tcp 60 PTR "
			     "web._http._tcp\nadd @ 60 TXT \"x\"\n"
			     "add two._http._tcp 60 SRV 1 0 80 i\n"
			     "add _http._tcp 60 PTR two._http._tcp\n"
			     "add web._http._tcp 60 SRV 2 0 80 i\n");
	updated(play, "b lease:60", "add i 60 A 192.0.2.4\nadd i 60 A 192.0.2.5\n");
	log_set_level(LOG_LEVEL_ERROR);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		fail_each_allocation(play, &cases[i]);
	}
	play_free(play);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_refused_update_changes_nothing,
		two_that_want_one_name_in_one_batch_cannot_both_win,
		a_batch_is_one_step_of_the_serial,
		a_logged_heartbeat_moves_the_version_and_no_serial,
		a_name_goes_with_its_lease,
		a_ptr_that_waits_goes_with_its_lease,
		an_expiry_that_means_an_older_version_does_nothing,
		an_expiry_of_what_has_no_lease_does_nothing,
		of_a_shared_name_what_was_leased_goes,
		an_overdue_host_stays_until_its_last_instance_goes,
		host_and_instance_may_expire_in_one_command_in_any_order,
		an_overdue_host_that_is_said_again_lives_on,
		an_overdue_host_goes_when_an_update_takes_its_last_instance,
		an_overdue_host_stays_when_the_update_brings_another_instance,
		instances_of_another_owner_do_not_keep_a_host,
		a_retired_zone_keeps_what_it_has_and_serves_it_again,
		retiring_what_is_not_there_is_no_error,
		each_command_of_a_batch_has_its_result_and_version,
		a_damaged_batch_is_named_and_nothing_of_it_stays,
		a_command_of_no_kind_is_damage,
		nth_allocation_fails_and_the_old_root_is_as_it_was,
	};

	return run_tests("registry/apply", tests, COUNT_OF(tests));
}
