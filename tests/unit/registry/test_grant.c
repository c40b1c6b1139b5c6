/*
 * Leases and TTLs: what is granted, and what it covers.
 */
#include "tests/unit/registry/script.h"

START_TEST(leases_are_granted_within_bounds)
{
	static const struct {
		const char *who;
		uint32_t lease_s;
		uint32_t key_lease_s;
	} cases[] = {
		{"a lease:60", 60, 60},
		{"a lease:30", 30, 30},
		{"a lease:1", 30, 30},
		{"a lease:7200", 7200, 7200},
		{"a lease:4294967295", 7200, 7200},
		{"a lease:60 key-lease:1000", 60, 1000},
		{"a lease:60 key-lease:10", 60, 60},
		{"a lease:60 key-lease:4294967295", 60, 604800},
		{"a lease:1 key-lease:0", 30, 30},
	};
	struct play *play = play_new();

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		updated(play, cases[i].who, "add h 60 A 192.0.2.1\n");
		ck_assert(play->result.lease.present);
		ck_assert(play->result.lease.has_key ==
			  (strstr(cases[i].who, "key-lease") != NULL));
		ck_assert_uint_eq(play->result.lease.lease_s, cases[i].lease_s);
		ck_assert_uint_eq(play->result.lease.key_lease_s, cases[i].key_lease_s);
		ck_assert_uint_eq(content_of(play, "h").lease_s, cases[i].lease_s);
		ck_assert_uint_eq(content_of(play, "h").key_lease_s, cases[i].key_lease_s);
	}
	play_free(play);
}
END_TEST

START_TEST(a_lease_of_zero_takes_away_what_it_names)
{
	struct play *play = play_new();

	updated(play, "a lease:60", SRP_WEB);
	refused(play, "b lease:0", "add web._http._tcp 60 SRV 0 0 80 h\n", "key a.");
	updated(play, "a lease:0", "add web._http._tcp 0 TXT \"v=1\"\n");
	ck_assert_uint_eq(play->result.lease.lease_s, 0);
	ck_assert(play->result.lease.present);
	ck_assert_uint_eq(set_count(&play->stage, "web._http._tcp", DNS_TYPE_TXT), 0);
	updated(play, "a lease:0",
		"add _http._tcp 60 PTR web._http._tcp\n"
		"add web._http._tcp 60 SRV 0 0 80 h\nadd h 60 A 192.0.2.1\n");
	expect_zone(&play->stage, "");
	ck_assert(!is_there(play, "web._http._tcp"));
	ck_assert_uint_eq(zone_lease_count(stage_zone(&play->stage)), 0);
	updated(play, "a lease:0", "add new 60 A 192.0.2.1\nadd http.pool 60 A 192.0.2.1\n");
	ck_assert(!play->result.is_change);
	play_free(play);
}
END_TEST

START_TEST(srp_removal_is_a_lease_of_zero_with_all_that_was_registered)
{
	struct play *play = play_new();

	updated(play, "a lease:60", SRP_WEB);
	updated(play, "a lease:0", SRP_WEB);
	expect_zone(&play->stage, "");
	ck_assert(!is_there(play, "web._http._tcp"));
	play_free(play);
}
END_TEST

START_TEST(an_update_without_lease_changes_no_lease)
{
	struct play *play = play_new();

	updated(play, "a lease:60", "add h 60 A 192.0.2.1\nadd x 60 A 192.0.2.1\n");
	updated(play, "a", "add h 600 TXT \"x\"\nadd i 600 A 192.0.2.1\ndel x TXT\n");
	ck_assert(!play->result.lease.present);
	ck_assert_uint_eq(content_of(play, "h").lease_s, 60);
	ck_assert_uint_eq(content_of(play, "i").lease_s, 0);
	expect_zone(&play->stage, "h 60 A 192.0.2.1\n"
				  "h 60 TXT \"x\"\n"
				  "i 600 A 192.0.2.1\n"
				  "x 60 A 192.0.2.1\n");
	play_free(play);
}
END_TEST

START_TEST(a_lease_covers_what_was_permanent_before)
{
	struct play *play = play_new();

	updated(play, "a", "add h 600 A 192.0.2.1\n");
	updated(play, "a lease:60", "add h 30 TXT \"x\"\n");
	ck_assert_uint_eq(content_of(play, "h").lease_s, 60);
	expect_zone(&play->stage, "h 60 A 192.0.2.1\nh 30 TXT \"x\"\n");
	play_free(play);
}
END_TEST

START_TEST(without_a_lease_the_zone_says_what_it_is)
{
	struct zone_shape shape = stage_shape();

	shape.lease_default = ZONE_LEASE_DURATION;
	shape.lease_default_s = 45;
	struct play *play = play_new_with(&shape, "");
	updated(play, "a", REGISTER_WEB_TXT);
	ck_assert_uint_eq(content_of(play, "h").lease_s, 45);
	ck_assert_uint_eq(content_of(play, "web._http._tcp").lease_s, 45);
	ck_assert(!play->result.lease.present);
	play_free(play);

	shape.lease_default = ZONE_LEASE_REFUSE;
	play = play_new_with(&shape, "");
	refused(play, "a", REGISTER_WEB_TXT, "RFC 9664");
	updated(play, "a lease:60", REGISTER_WEB_TXT);
	updated(play, "a", "del h\n");
	play_free(play);
}
END_TEST

START_TEST(a_lease_at_a_shared_name_is_for_what_was_added_with_it)
{
	struct play *play = play_new();

	updated(play, "a", "add @ 60 TXT \"stays\"\n");
	updated(play, "b lease:60", "add @ 600 TXT \"goes\"\nadd _http._tcp 60 TXT \"goes\"\n");
	ck_assert_uint_eq(content_of(play, "@").lease_s, 60);
	ck_assert_int_eq(content_of(play, "@").owner.kind, OWNER_NONE);
	updated(play, "b", "del @ TXT \"goes\"\n");
	ck_assert_uint_eq(content_of(play, "@").lease_s, 0);
	ck_assert_uint_eq(content_of(play, "_http._tcp").lease_s, 60);
	ck_assert_uint_eq(zone_lease_count(stage_zone(&play->stage)), 1);
	play_free(play);
}
END_TEST

START_TEST(what_is_permanent_at_a_shared_name_outlives_its_lease)
{
	struct play *play = play_new();

	updated(play, "b lease:60 key-lease:90",
		"add @ 600 TXT \"goes\"\nadd _http._tcp 60 TXT \"goes\"\n");
	evaluate(play, "a", "add @ 600 TXT \"stays\"\n");
	ck_assert(!play->plan.names[0].is_renewed);
	updated(play, "a", "add @ 600 TXT \"stays\"\nadd _http._tcp 60 TXT \"stays\"\n");
	ck_assert_uint_eq(content_of(play, "@").lease_s, 60);
	ck_assert_uint_eq(content_of(play, "@").key_lease_s, 90);
	/* What has a lease is not made permanent by who says nothing of leases. */
	evaluate(play, "b", "add _http._tcp 60 TXT \"goes\"\n");
	ck_assert(!play->result.is_change);
	expire(play, "@ _http._tcp");
	expect_zone(&play->stage, "@ 600 TXT \"stays\"\n_http._tcp 10 TXT \"stays\"\n");
	ck_assert_uint_eq(zone_lease_count(stage_zone(&play->stage)), 0);
	play_free(play);
}
END_TEST

START_TEST(a_default_lease_at_a_shared_name_begins_and_is_renewed_as_any)
{
	struct zone_shape shape = stage_shape();

	shape.lease_default = ZONE_LEASE_DURATION;
	shape.lease_default_s = 45;
	struct play *play = play_new_with(&shape, "");
	updated(play, "a", "add @ 60 TXT \"a\"\n");
	ck_assert_uint_eq(content_of(play, "@").lease_s, 45);
	updated(play, "b lease:90", "add @ 60 TXT \"b\"\n");
	updated(play, "a", "add @ 60 TXT \"c\"\n");
	ck_assert_uint_eq(content_of(play, "@").lease_s, 90);
	evaluate(play, "a", "add @ 60 TXT \"a\"\n");
	ck_assert(!play->result.is_change);
	ck_assert(play->plan.names[0].is_renewed);
	expire(play, "@");
	expect_zone(&play->stage, "");
	play_free(play);
}
END_TEST

START_TEST(ttls_are_bounded_by_lease_and_zone)
{
	struct zone_shape shape = stage_shape();

	shape.ttl_max_s = 300;
	struct play *play = play_new_with(&shape, "");
	updated(play, "a", "add h 600 A 192.0.2.1\nadd i 0 A 192.0.2.1\n");
	updated(play, "a lease:60", "add j 600 A 192.0.2.1\nadd k 5 A 192.0.2.1\n");
	updated(play, "a lease:600",
		"add l 5000 A 192.0.2.1\nadd _http._tcp 600 TXT \"x\"\n"
		"add @ 5000 TXT \"x\"\n");
	expect_zone(&play->stage, "h 300 A 192.0.2.1\n"
				  "i 0 A 192.0.2.1\n"
				  "j 60 A 192.0.2.1\n"
				  "k 5 A 192.0.2.1\n"
				  "l 300 A 192.0.2.1\n"
				  "_http._tcp 10 TXT \"x\"\n"
				  "@ 300 TXT \"x\"\n");
	updated(play, "a", "add @ 5000 SOA ns admin 7 1 2 3 4\n");
	ck_assert_uint_eq(zone_soa(stage_zone(&play->stage))->ttl, 300);
	play_free(play);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		leases_are_granted_within_bounds,
		a_lease_of_zero_takes_away_what_it_names,
		srp_removal_is_a_lease_of_zero_with_all_that_was_registered,
		an_update_without_lease_changes_no_lease,
		a_lease_covers_what_was_permanent_before,
		without_a_lease_the_zone_says_what_it_is,
		a_lease_at_a_shared_name_is_for_what_was_added_with_it,
		what_is_permanent_at_a_shared_name_outlives_its_lease,
		a_default_lease_at_a_shared_name_begins_and_is_renewed_as_any,
		ttls_are_bounded_by_lease_and_zone,
	};

	return run_tests("registry/grant", tests, COUNT_OF(tests));
}
