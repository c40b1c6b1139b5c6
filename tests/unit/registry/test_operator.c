#include "base/log.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/registry/script.h"

static void expect_refused(struct play *play, enum operator_action action, const char *name,
			   unsigned rcode, const char *why)
{
	const uint32_t serial = serial_of(play);

	ck_assert_uint_eq(say_of(play, action, name), rcode);
	ck_assert_ptr_nonnull(strstr(play->result.ede_text, why));
	ck_assert(!play->result.is_change);
	ck_assert_uint_eq(serial_of(play), serial);
}

/* ---- release ----------------------------------------------------------------------------- */

START_TEST(a_released_instance_is_published_and_keeps_lease_and_version)
{
	struct play *play = play_new();

	stage_put(&play->stage, "web._http._tcp", "ptr held a lease:60 version:7",
		  "60 SRV 0 0 80 h\n");
	stage_put(&play->stage, "h", "a lease:60", "60 A 192.0.2.1\n");
	expect_zone(&play->stage, "web._http._tcp 60 SRV 0 0 80 h\nh 60 A 192.0.2.1\n");
	ck_assert_uint_eq(say_of(play, OPERATOR_RELEASE, "WEB._http._tcp"), DNS_RCODE_NOERROR);
	ck_assert(play->result.is_change);
	expect_zone(&play->stage, WEB_IS_THERE);
	ck_assert_uint_eq(version_of(play, "web._http._tcp"), 7);
	ck_assert_uint_eq(content_of(play, "web._http._tcp").lease_s, 60);
	ck_assert_uint_eq(content_of(play, "web._http._tcp").owner.kind, OWNER_KEY);
	play_free(play);
}
END_TEST

START_TEST(what_is_not_held_is_released_without_a_change)
{
	struct play *play = play_new();

	updated(play, "a", REGISTER_WEB);
	const uint32_t serial = serial_of(play);
	ck_assert_uint_eq(say_of(play, OPERATOR_RELEASE, "web._http._tcp"), DNS_RCODE_NOERROR);
	ck_assert(!play->result.is_change);
	ck_assert_uint_eq(serial_of(play), serial);
	expect_refused(play, OPERATOR_RELEASE, "h", DNS_RCODE_NXDOMAIN, "is no registered");
	expect_refused(play, OPERATOR_RELEASE, "x._http._tcp", DNS_RCODE_NXDOMAIN,
		       "is no registered");
	play_free(play);
}
END_TEST

/* ---- hold -------------------------------------------------------------------------------- */

#define WEB_IS_HELD "web._http._tcp 60 SRV 0 0 80 h\nh 60 A 192.0.2.1\n"

START_TEST(a_new_instance_is_held_until_it_is_released)
{
	struct play *play = play_new();

	updated(play, "a hold lease:60", REGISTER_WEB);
	expect_zone(&play->stage, WEB_IS_HELD);
	ck_assert_uint_eq(zone_lease_count(stage_zone(&play->stage)), 2);
	/* Its heartbeat is one, by this rule or another. */
	ck_assert_uint_eq(evaluate(play, "a hold lease:60", REGISTER_WEB), DNS_RCODE_NOERROR);
	ck_assert(!play->result.is_change);
	ck_assert_uint_eq(evaluate(play, "a lease:60", REGISTER_WEB), DNS_RCODE_NOERROR);
	ck_assert(!play->result.is_change);
	updated(play, "a lease:60", "add web._http._tcp 60 TXT \"x\"\n");
	expect_zone(&play->stage, WEB_IS_HELD "web._http._tcp 60 TXT \"x\"\n");
	ck_assert_uint_eq(say_of(play, OPERATOR_RELEASE, "web._http._tcp"), DNS_RCODE_NOERROR);
	expect_zone(&play->stage, WEB_IS_THERE "web._http._tcp 60 TXT \"x\"\n");
	play_free(play);
}
END_TEST

START_TEST(what_is_released_stays_so_until_it_is_gone)
{
	static const char again[] = "del web._http._tcp\n" REGISTER_WEB;
	struct play *play = play_new();

	updated(play, "a hold lease:60", REGISTER_WEB);
	ck_assert_uint_eq(say_of(play, OPERATOR_RELEASE, "web._http._tcp"), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(evaluate(play, "a hold lease:60", REGISTER_WEB), DNS_RCODE_NOERROR);
	ck_assert(!play->result.is_change);
	/* Changes, of the form that SRP clients send, and a PTR that goes and comes. */
	updated(play, "a hold lease:90", again);
	updated(play, "a hold", "del _http._tcp PTR web._http._tcp\n");
	updated(play, "a hold lease:60", REGISTER_WEB);
	expect_zone(&play->stage, WEB_IS_THERE);
	expire(play, "web._http._tcp");
	updated(play, "a hold lease:60", REGISTER_WEB);
	expect_zone(&play->stage, WEB_IS_HELD);
	ck_assert_uint_eq(say_of(play, OPERATOR_RELEASE, "web._http._tcp"), DNS_RCODE_NOERROR);
	updated(play, "a", "del web._http._tcp\ndel _http._tcp PTR web._http._tcp\n");
	updated(play, "a hold lease:60", REGISTER_WEB);
	expect_zone(&play->stage, WEB_IS_HELD);
	play_free(play);
}
END_TEST

START_TEST(a_ptr_before_its_instance_is_no_way_around)
{
	struct play *play = play_new();

	updated(play, "a hold lease:60", "add _http._tcp 60 PTR web._http._tcp\n");
	updated(play, "a hold lease:60", REGISTER_WEB);
	expect_zone(&play->stage, WEB_IS_HELD);
	/* Its records go, its PTR waits, and they come again. */
	updated(play, "a", "del web._http._tcp\n");
	updated(play, "a lease:60", REGISTER_WEB);
	expect_zone(&play->stage, WEB_IS_HELD);
	/* A subtype alone makes nothing. */
	updated(play, "a hold", "add _red._sub._http._tcp 60 PTR two._http._tcp\n");
	ck_assert_ptr_null(zone_entry(stage_zone(&play->stage), wire("two._http._tcp")));
	play_free(play);
}
END_TEST

START_TEST(what_was_published_before_the_rule_stays_so)
{
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB);
	updated(play, "a hold lease:90",
		REGISTER_WEB "add two._http._tcp 60 SRV 0 0 81 h\n"
			     "add _http._tcp 60 PTR two._http._tcp\n");
	expect_zone(&play->stage, WEB_IS_THERE "two._http._tcp 60 SRV 0 0 81 h\n");
	play_free(play);
}
END_TEST

/* ---- remove ------------------------------------------------------------------------------ */

START_TEST(a_removal_takes_all_of_an_instance_in_one_step)
{
	struct play *play = play_new();

	updated(play, "a lease:60",
		REGISTER_WEB "add _red._sub._http._tcp 60 PTR web._http._tcp\n");
	const uint32_t serial = serial_of(play);
	ck_assert_uint_eq(say_of(play, OPERATOR_REMOVE, "web._http._tcp"), DNS_RCODE_NOERROR);
	ck_assert(play->result.is_change);
	expect_zone(&play->stage, "h 60 A 192.0.2.1\n");
	ck_assert_uint_eq(serial_of(play), serial + 1);
	ck_assert_uint_eq(zone_lease_count(stage_zone(&play->stage)), 1);
	updated(play, "b", "add web._http._tcp 60 SRV 0 0 80 h\n");
	play_free(play);
}
END_TEST

START_TEST(a_host_goes_and_a_ptr_that_waits_and_any_other_name)
{
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB "add x 60 TXT \"x\"\n");
	updated(play, "a lease:60", "add _http._tcp 60 PTR two._http._tcp\n");
	ck_assert_uint_eq(say_of(play, OPERATOR_REMOVE, "h"), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(say_of(play, OPERATOR_REMOVE, "x"), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(say_of(play, OPERATOR_REMOVE, "two._http._tcp"), DNS_RCODE_NOERROR);
	expect_zone(&play->stage, "web._http._tcp 60 SRV 0 0 80 h\n"
				  "_http._tcp 10 PTR web._http._tcp\n"
				  "_http._tcp 10 SRV 0 0 80 h\n"
				  "_services._dns-sd._udp 10 PTR _http._tcp\n");
	expect_refused(play, OPERATOR_REMOVE, "two._http._tcp", DNS_RCODE_NXDOMAIN,
		       "is not registered");
	play_free(play);
}
END_TEST

START_TEST(a_host_that_waited_for_its_instance_goes_with_it)
{
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB);
	expire(play, "h");
	expect_zone(&play->stage, WEB_IS_THERE);
	ck_assert_uint_eq(say_of(play, OPERATOR_REMOVE, "web._http._tcp"), DNS_RCODE_NOERROR);
	expect_zone(&play->stage, "");
	play_free(play);
}
END_TEST

START_TEST(the_base_and_what_is_derived_cannot_be_removed)
{
	static const char base[] = "_http._tcp 60 TXT \"base\"\n"
				   "_http._tcp 60 PTR web._http._tcp\n"
				   "web._http._tcp 60 SRV 5 0 80 h\n"
				   "h 60 A 192.0.2.9\n";
	struct play *play = play_new();
	const struct zone_shape shape = stage_shape();

	based(play, &shape, 2, base);
	updated(play, "a lease:60", "add _http._tcp 60 TXT \"mine\"\n");
	expect_refused(play, OPERATOR_REMOVE, "h", DNS_RCODE_REFUSED, "base file");
	expect_refused(play, OPERATOR_REMOVE, "web._http._tcp", DNS_RCODE_REFUSED, "base file");
	expect_refused(play, OPERATOR_REMOVE, "@", DNS_RCODE_REFUSED, "the zone itself");
	expect_refused(play, OPERATOR_REMOVE, "http.pool", DNS_RCODE_REFUSED, "follow from");
	expect_refused(play, OPERATOR_REMOVE, "nobody", DNS_RCODE_NXDOMAIN, "is not registered");
	/* At a type the base's records stay, and a provider's go. */
	ck_assert_uint_eq(say_of(play, OPERATOR_REMOVE, "_http._tcp"), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(content_of(play, "_http._tcp").count, 1);
	ck_assert_uint_eq(content_of(play, "_http._tcp").lease_s, 0);
	expect_refused(play, OPERATOR_REMOVE, "_http._tcp", DNS_RCODE_REFUSED, "base file");
	play_free(play);
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------ */

START_TEST(nth_allocation_fails_and_the_old_root_is_as_it_was)
{
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB);
	expire(play, "h");
	ck_assert_uint_eq(say_of(play, OPERATOR_REMOVE, "x"), DNS_RCODE_NXDOMAIN);
	const struct command_operator word = {
		.action = OPERATOR_REMOVE, .zone = stage_apex, .name = wire("web._http._tcp")};
	struct buf_writer out = buf_writer(play->command, sizeof(play->command));

	command_write_operator(&out, &word);
	for (unsigned n = 0;; n++) {
		struct arena arena;

		arena_init(&arena, 64);
		stage_begin(&play->stage);
		fail_alloc_after(n);
		const int ret = registry_apply(play->stage.writer, play->command, buf_written(&out),
					       1000, 1000, &arena, &play->result, &play->plan);
		fail_alloc_off();
		root_abort(play->stage.writer);
		play->stage.writer = NULL;
		arena_deinit(&arena);
		expect_zone(&play->stage, WEB_IS_THERE);
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(ret, OK);
			ck_assert_uint_gt(n, 3);
			break;
		}
		ck_assert_int_eq(ret, ERR_NOMEM);
	}
	play_free(play);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_released_instance_is_published_and_keeps_lease_and_version,
		what_is_not_held_is_released_without_a_change,
		a_new_instance_is_held_until_it_is_released,
		what_is_released_stays_so_until_it_is_gone,
		a_ptr_before_its_instance_is_no_way_around,
		what_was_published_before_the_rule_stays_so,
		a_removal_takes_all_of_an_instance_in_one_step,
		a_host_goes_and_a_ptr_that_waits_and_any_other_name,
		a_host_that_waited_for_its_instance_goes_with_it,
		the_base_and_what_is_derived_cannot_be_removed,
		nth_allocation_fails_and_the_old_root_is_as_it_was,
	};

	return run_tests("registry operator", tests, COUNT_OF(tests));
}
