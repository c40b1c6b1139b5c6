/*
 * What an UPDATE would do: where it goes, its prerequisites, and is it a heartbeat?
 */
#include "tests/unit/fail_alloc.h"
#include "tests/unit/registry/script.h"

/* ---- where it goes ----------------------------------------------------------------------- */

START_TEST(a_zone_that_is_not_here_is_notauth)
{
	struct play *play = play_new_empty();

	ck_assert_uint_eq(evaluate(play, "a", "add h 60 A 192.0.2.1\n"), DNS_RCODE_NOTAUTH);
	play_free(play);
}
END_TEST

START_TEST(a_static_zone_takes_no_updates)
{
	const struct zone_soa soa = stage_soa(1);
	struct play *play = play_new_empty();

	stage_begin(&play->stage);
	must(zone_open(play->stage.writer, stage_apex, NULL, NULL));
	must(zone_set_soa(play->stage.writer, stage_apex, &soa));
	must(zone_set_served(play->stage.writer, stage_apex, true));
	stage_commit(&play->stage);
	ck_assert_uint_eq(evaluate(play, "a", "add h 60 A 192.0.2.1\n"), DNS_RCODE_REFUSED);
	ck_assert(play->result.has_ede);
	play_free(play);
}
END_TEST

START_TEST(a_retired_zone_is_not_in_service)
{
	struct play *play = play_new();

	retire(play);
	ck_assert_uint_eq(evaluate(play, "a", "add h 60 A 192.0.2.1\n"), DNS_RCODE_SERVFAIL);
	ck_assert_uint_eq(play->result.ede, DNS_EDE_NOT_READY);
	play_free(play);
}
END_TEST

START_TEST(what_does_not_decode_is_damage)
{
	struct play *play = play_new();

	write_update(play, "a", "used h\nadd h 60 A 192.0.2.1\n");
	for (size_t size = 0; size < play->size; size++) {
		ck_assert_int_eq(registry_evaluate(play->stage.root, play->command, size, 1, 1,
						   &play->arena, &play->plan),
				 ERR_DAMAGED);
	}
	play_free(play);
}
END_TEST

START_TEST(evaluating_changes_nothing)
{
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB_TXT);
	ck_assert_uint_eq(evaluate(play, "a", "del web._http._tcp\nadd h 60 A 192.0.2.2\n"),
			  DNS_RCODE_NOERROR);
	ck_assert(play->result.is_change);
	ck_assert_uint_eq(play->plan.count, 2);
	expect_zone(&play->stage, WEB_TXT_IS_THERE);
	play_free(play);
}
END_TEST

/* ---- prerequisites ----------------------------------------------------------------------- */

START_TEST(each_prerequisite_has_its_rcode)
{
	static const struct {
		const char *lines;
		unsigned rcode;
	} cases[] = {
		{"used h\n", DNS_RCODE_NOERROR},
		{"used H\n", DNS_RCODE_NOERROR},
		{"used @\n", DNS_RCODE_NOERROR},
		{"used nope\n", DNS_RCODE_NXDOMAIN},
		{"used y.k\n", DNS_RCODE_NXDOMAIN},
		{"unused nope\n", DNS_RCODE_NOERROR},
		{"unused y.k\n", DNS_RCODE_NOERROR},
		{"unused h\n", DNS_RCODE_YXDOMAIN},
		{"exists h A\n", DNS_RCODE_NOERROR},
		{"exists h TXT\n", DNS_RCODE_NXRRSET},
		{"exists nope A\n", DNS_RCODE_NXRRSET},
		{"exists @ SOA\n", DNS_RCODE_NOERROR},
		{"missing h TXT\n", DNS_RCODE_NOERROR},
		{"missing h A\n", DNS_RCODE_YXRRSET},
		{"equals h A 192.0.2.1\n", DNS_RCODE_NXRRSET},
		{"equals h A 192.0.2.1\nequals h A 192.0.2.2\n", DNS_RCODE_NOERROR},
		{"equals h A 192.0.2.2\nused h\nequals H A 192.0.2.1\n", DNS_RCODE_NOERROR},
		{"equals h A 192.0.2.1\nequals h A 192.0.2.2\nequals h A 192.0.2.3\n",
		 DNS_RCODE_NXRRSET},
		{"equals h A 192.0.2.1\nequals h A 192.0.2.1\nequals h A 192.0.2.2\n",
		 DNS_RCODE_NOERROR},
		{"equals nope A 192.0.2.1\n", DNS_RCODE_NXRRSET},
		{"equals web._http._tcp SRV 0 0 80 H\n", DNS_RCODE_NOERROR},
		{"equals web._http._tcp TXT \"V=1\"\n", DNS_RCODE_NXRRSET},
		{"equals web._http._tcp TXT \"v=1\"\nequals web._http._tcp SRV 0 0 80 h\n",
		 DNS_RCODE_NOERROR},
		/* in order, and values after all others (RFC 2136 3.2.5) */
		{"used nope\nexists h TXT\n", DNS_RCODE_NXDOMAIN},
		{"exists h TXT\nused nope\n", DNS_RCODE_NXRRSET},
		{"equals h A 192.0.2.9\nunused h\n", DNS_RCODE_YXDOMAIN},
		{"equals nope A 192.0.2.9\nused nope\n", DNS_RCODE_NXDOMAIN},
	};
	struct play *play = play_new();

	updated(play, "a", REGISTER_WEB_TXT "add h 60 A 192.0.2.2\nadd x.y.k 60 A 192.0.2.1\n");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char lines[300];

		snprintf(lines, sizeof(lines), "%sadd new 60 A 192.0.2.1\n", cases[i].lines);
		const unsigned rcode = evaluate(play, "a", lines);
		ck_assert_msg(rcode == cases[i].rcode, "%s: %u", cases[i].lines, rcode);
		ck_assert(play->result.is_change == (rcode == DNS_RCODE_NOERROR));
		ck_assert(rcode == DNS_RCODE_NOERROR || play->plan.count == 0);
	}
	play_free(play);
}
END_TEST

START_TEST(prerequisites_see_derived_records)
{
	static const struct {
		const char *lines;
		unsigned rcode;
	} cases[] = {
		{"used _http._tcp\n", DNS_RCODE_NOERROR},
		{"used http.pool\n", DNS_RCODE_NOERROR},
		{"used _tcp\n", DNS_RCODE_NXDOMAIN},
		{"exists _http._tcp SRV\n", DNS_RCODE_NOERROR},
		{"exists _http._tcp TXT\n", DNS_RCODE_NXRRSET},
		{"missing _http._tcp PTR\n", DNS_RCODE_YXRRSET},
		{"unused _services._dns-sd._udp\n", DNS_RCODE_YXDOMAIN},
		{"equals _http._tcp PTR web._http._tcp\n", DNS_RCODE_NOERROR},
		{"equals _http._tcp PTR WEB._http._tcp\n", DNS_RCODE_NOERROR},
		{"equals _http._tcp PTR two._http._tcp\n", DNS_RCODE_NXRRSET},
		{"equals _http._tcp SRV 0 0 80 h\n", DNS_RCODE_NOERROR},
		{"equals http.pool A 192.0.2.1\n", DNS_RCODE_NOERROR},
		{"equals http.pool A 192.0.2.2\n", DNS_RCODE_NXRRSET},
	};
	struct play *play = play_new();

	updated(play, "a", REGISTER_WEB_TXT);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		ck_assert_msg(evaluate(play, "a", cases[i].lines) == cases[i].rcode, "%s",
			      cases[i].lines);
	}
	play_free(play);
}
END_TEST

START_TEST(values_of_a_set_over_a_thousand_are_not_compared)
{
	static char lines[100000];
	struct play *play = play_new();

	for (int i = 0; i < 1001; i++) {
		snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines),
			 "add _http._tcp 60 PTR i%d._http._tcp\n"
			 "add i%d._http._tcp 60 SRV 0 0 80 h\n",
			 i, i);
	}
	updated(play, "a", lines);
	ck_assert_uint_eq(set_count(&play->stage, "_http._tcp", DNS_TYPE_PTR), 1001);
	refused(play, "a", "equals _http._tcp PTR i1._http._tcp\nadd h 60 A 192.0.2.1\n",
		"1000 members");
	ck_assert_uint_eq(evaluate(play, "a", "exists _http._tcp PTR\n"), DNS_RCODE_NOERROR);
	updated(play, "a", "del i0._http._tcp\n");
	ck_assert_uint_eq(evaluate(play, "a", "equals _http._tcp PTR i1._http._tcp\n"),
			  DNS_RCODE_NXRRSET);
	play_free(play);
}
END_TEST

/* ---- heartbeats -------------------------------------------------------------------------- */

START_TEST(the_same_again_is_no_change)
{
	static const char *const forms[] = {REGISTER_WEB_TXT, SRP_WEB};

	for (size_t i = 0; i < COUNT_OF(forms); i++) {
		struct play *play = play_new();

		updated(play, "a lease:60 key-lease:1000", forms[i]);
		ck_assert(play->result.is_change);
		ck_assert_uint_eq(evaluate(play, "a lease:60 key-lease:1000", forms[i]),
				  DNS_RCODE_NOERROR);
		ck_assert(!play->result.is_change);
		ck_assert_uint_eq(play->result.lease.lease_s, 60);
		ck_assert_uint_eq(play->plan.count, 2);
		ck_assert(play->plan.names[0].is_renewed);
		ck_assert(play->plan.names[1].is_renewed);
		play_free(play);
	}
}
END_TEST

START_TEST(other_letters_are_a_heartbeat_and_the_first_spelling_stays)
{
	struct play *play = play_new();

	updated(play, "a lease:60", SRP_WEB);
	ck_assert_uint_eq(evaluate(play, "a lease:60",
				   "add _HTTP._TCP 60 PTR WEB._http._tcp\n"
				   "add _RED._sub._http._tcp 60 PTR Web._HTTP._tcp\n"
				   "del WEB._http._tcp\n"
				   "add Web._http._tcp 60 SRV 0 0 80 H\n"
				   "add web._http._tcp 60 TXT \"v=1\"\n"
				   "del H\n"
				   "add H 60 A 192.0.2.1\n"),
			  DNS_RCODE_NOERROR);
	ck_assert(!play->result.is_change);
	ck_assert_uint_eq(apply(play), DNS_RCODE_NOERROR);
	expect_zone(&play->stage, WEB_TXT_IS_THERE "_red._sub._http._tcp 10 PTR web._http._tcp\n");
	play_free(play);
}
END_TEST

START_TEST(another_lease_ttl_or_record_is_a_change)
{
	static const struct {
		const char *who;
		const char *lines;
	} cases[] = {
		{"a lease:90", "add h 60 A 192.0.2.1\n"},
		{"a lease:60 key-lease:90", "add h 60 A 192.0.2.1\n"},
		{"a lease:60", "add h 50 A 192.0.2.1\n"},
		{"a lease:60", "add h 60 A 192.0.2.2\n"},
		{"a lease:60", "add web._http._tcp 60 TXT \"V=1\"\n"},
		{"a lease:60", "add _red._sub._http._tcp 60 PTR web._http._tcp\n"},
		{"a lease:60", "del _http._tcp PTR web._http._tcp\n"},
		{"b lease:60 takeover", "add h 60 A 192.0.2.1\n"},
	};
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB_TXT);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		ck_assert_uint_eq(evaluate(play, cases[i].who, cases[i].lines), DNS_RCODE_NOERROR);
		ck_assert_msg(play->result.is_change, "%s %s", cases[i].who, cases[i].lines);
		ck_assert(!registry_beat(&play->plan, 1));
	}
	play_free(play);
}
END_TEST

START_TEST(a_heartbeat_renews_the_cells_of_what_it_names)
{
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB_TXT "add other 60 A 192.0.2.1\n");
	struct lease *web =
		node_lease(zone_entry(stage_zone(&play->stage), wire("web._http._tcp")));
	struct lease *h = node_lease(zone_entry(stage_zone(&play->stage), wire("h")));
	struct lease *other = node_lease(zone_entry(stage_zone(&play->stage), wire("other")));
	evaluate(play, "a lease:60", REGISTER_WEB_TXT);
	ck_assert(registry_beat(&play->plan, 12345));
	ck_assert_uint_eq(web->renewed_ms, 12345);
	ck_assert_uint_eq(h->renewed_ms, 12345);
	ck_assert_uint_eq(other->renewed_ms, 0);
	evaluate(play, "a lease:60", "del h TXT\n");
	ck_assert(registry_beat(&play->plan, 20000));
	ck_assert_uint_eq(h->renewed_ms, 12345);
	play_free(play);
}
END_TEST

START_TEST(a_heartbeat_of_an_expiring_lease_takes_the_logged_path)
{
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB_TXT);
	struct lease *h = node_lease(zone_entry(stage_zone(&play->stage), wire("h")));
	struct lease *web =
		node_lease(zone_entry(stage_zone(&play->stage), wire("web._http._tcp")));
	h->renewed_ms = LEASE_EXPIRING;
	evaluate(play, "a lease:60", REGISTER_WEB_TXT);
	ck_assert(!registry_beat(&play->plan, 12345));
	ck_assert_uint_eq(h->renewed_ms, LEASE_EXPIRING);
	ck_assert_uint_eq(web->renewed_ms, 12345); /* renewed before it was seen */
	play_free(play);
}
END_TEST

/* Beside it, each UPDATE of these suites that is taken for one is evaluated, too: check_plain(). */
START_TEST(a_heartbeat_that_is_plain_needs_no_evaluation)
{
	static const struct {
		const char *who;
		const char *lines;
		bool is_plain;
	} cases[] = {
		{"a lease:60", REGISTER_WEB, true},
		{"a lease:60 hold", REGISTER_WEB, true},
		{"a lease:60 takeover", "add H 60 A 192.0.2.1\n", true},
		{"a lease:60", "add _HTTP._tcp 9 PTR WEB._http._tcp\n", true},
		{"a lease:60", "add web._http._tcp 99 SRV 0 0 80 H\n", true},
		{"a lease:60", "", false},
		{"a", REGISTER_WEB, false},
		{"a lease:90", REGISTER_WEB, false},
		{"a lease:0", REGISTER_WEB, false},
		{"a lease:60 key-lease:90", REGISTER_WEB, false},
		{"b lease:60", REGISTER_WEB, false},
		{"a lease:60 signed:999", REGISTER_WEB, false},
		{"a lease:60", "used h\nadd h 60 A 192.0.2.1\n", false},
		{"a lease:60", "add h 60 A 192.0.2.2\n", false},
		{"a lease:60", "add h 50 A 192.0.2.1\n", false},
		{"a lease:60", "add h 60 TXT \"v=1\"\n", false},
		{"a lease:60", "add new 60 A 192.0.2.1\n", false},
		{"a lease:60", "add _ipp._tcp 60 PTR web._http._tcp\n", false},
		{"a lease:60", "add _http._tcp 60 PTR other._http._tcp\n", false},
		{"a lease:60", REGISTER_WEB "del h TXT\n", false},
		{"a lease:60", SRP_WEB, false},
		{"a lease:50 key-lease:90", "add k 40 A 192.0.2.9\n", false},
		{"a lease:60 key-lease:90", "add k 40 A 192.0.2.9\n", true},
		{"a lease:60", "add _http._tcp 60 PTR alone._http._tcp\n", false},
		{"a lease:60", "add _http._tcp 60 PTR waits._http._tcp\n", true},
		{"a lease:60", "add waits._http._tcp 60 SRV 0 0 80 h\n", false},
		{"a lease:60", "add long 60 A 192.0.2.1\n", false},
	};
	struct play *play = play_new();

	updated(play, "a lease:60",
		REGISTER_WEB "add alone._http._tcp 60 SRV 0 0 80 h\n"
			     "add _http._tcp 60 PTR waits._http._tcp\n");
	/* As an import may have it: the evaluation would bound the TTL of the TXT record. */
	stage_put(&play->stage, "long", "a lease:60", "60 A 192.0.2.1\n600 TXT \"x\"\n");
	updated(play, "a lease:60 key-lease:90", "add k 40 A 192.0.2.9\n");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		evaluate(play, cases[i].who, cases[i].lines);
		ck_assert_msg(play->is_plain == cases[i].is_plain, "%s %s", cases[i].who,
			      cases[i].lines);
	}
	struct lease *h = node_lease(zone_entry(stage_zone(&play->stage), wire("h")));
	ck_assert_uint_eq(h->renewed_ms, 1);
	h->renewed_ms = LEASE_EXPIRING;
	evaluate(play, "a lease:60", REGISTER_WEB);
	ck_assert(!play->is_plain);
	ck_assert_uint_eq(h->renewed_ms, LEASE_EXPIRING);
	play_free(play);
}
END_TEST

/* Of names with so many records that change-max refuses the message, whatever of them is said. */
START_TEST(a_heartbeat_is_plain_within_change_max)
{
	struct zone_shape shape = stage_shape();
	struct play *play = play_new_with(&shape, "");

	updated(play, "a lease:60", REGISTER_WEB_TXT);
	shape.change_max = 3;
	based(play, &shape, 1, "");
	ck_assert_uint_eq(evaluate(play, "a lease:60", REGISTER_WEB), DNS_RCODE_NOERROR);
	ck_assert(play->is_plain);
	shape.change_max = 2;
	based(play, &shape, 1, "");
	ck_assert_uint_eq(evaluate(play, "a lease:60", REGISTER_WEB), DNS_RCODE_REFUSED);
	ck_assert(!play->is_plain);
	ck_assert_uint_eq(evaluate(play, "a lease:60", "add web._http._tcp 60 TXT \"v=1\"\n"),
			  DNS_RCODE_NOERROR);
	ck_assert(play->is_plain);
	play_free(play);
}
END_TEST

/* Here, too: each UPDATE of these suites that is taken for one is evaluated. */
START_TEST(a_change_that_is_plain_needs_no_evaluation)
{
	static const struct {
		const char *who;
		const char *lines;
		bool is_plain;
	} cases[] = {
		{"a lease:60", "add new 60 A 192.0.2.1\n", true},
		{"a", "add new 60 A 192.0.2.1\n", true},
		{"net", "add new 60 A 192.0.2.1\n", true},
		{"b", "add h 60 A 192.0.2.2\n", true},
		{"a lease:60", "add h 60 A 192.0.2.2\n", true},
		{"a lease:60", "add h 60 TXT \"v=1\"\n", true},
		{"a lease:60", "add _http._tcp 60 PTR alone._http._tcp\n", true},
		{"a lease:60", "del web._http._tcp SRV\nadd web._http._tcp 60 SRV 0 0 81 h\n",
		 true},
		{"a lease:60", "del new\nadd new 60 A 192.0.2.1\n", true},
		{"a", "del _http._tcp PTR web._http._tcp\ndel web._http._tcp\ndel h\n", true},
		{"net", "del h\n", true},
		{"a lease:60", REGISTER_WEB, false},
		{"a lease:60", "add h 50 A 192.0.2.1\n", false},
		{"a lease:60", SRP_WEB, false},
		{"a lease:60", "add new 60 A 192.0.2.1\ndel new\n", false},
		{"a lease:60 signed:999", "add new 60 A 192.0.2.1\nadd h 60 A 192.0.2.2\n", false},
		{"a signed:999", "del h\n", false},
		{"a signed:999", "add gone 60 A 192.0.2.1\n", false},
		{"a", "add gone 60 A 192.0.2.1\n", true},
		{"a", "del new\n", false},
		{"a", "del h TXT\n", false},
		{"a", "add new 60 CNAME h\n", false},
		{"a", "add c 60 CNAME k\nadd c 60 A 192.0.2.1\n", false},
		{"a", "add _red._sub._http._tcp 60 PTR web._http._tcp\n", false},
		{"a", "add _http._tcp 60 TXT \"v=1\"\n", false},
		{"a", "add @ 60 TXT \"v=1\"\n", false},
		{"a", "", false},
	};
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB "add alone._http._tcp 60 SRV 0 0 80 h\n");
	updated(play, "a", "add c 60 CNAME h\nadd gone 60 A 192.0.2.1\n");
	updated(play, "a", "del gone\n");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		evaluate(play, cases[i].who, cases[i].lines);
		ck_assert_msg(play->is_plain_change == cases[i].is_plain, "%s %s", cases[i].who,
			      cases[i].lines);
	}
	play_free(play);
}
END_TEST

START_TEST(a_refusal_is_no_heartbeat)
{
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB_TXT);
	ck_assert_uint_eq(evaluate(play, "b lease:60", REGISTER_WEB_TXT), DNS_RCODE_REFUSED);
	ck_assert(!registry_beat(&play->plan, 1));
	play_free(play);
}
END_TEST

/* ---- memory ------------------------------------------------------------------------------ */

START_TEST(nth_allocation_fails_cleanly)
{
	struct play *play = play_new();
	unsigned failures = 0;

	updated(play, "a lease:60", SRP_WEB);
	write_update(play, "a lease:60",
		     "used h\nequals h A 192.0.2.1\n" SRP_WEB
		     "add _blue._sub._http._tcp 60 PTR web._http._tcp\n"
		     "del _red._sub._http._tcp PTR web._http._tcp\n"
		     "add h 60 A 192.0.2.2\nadd h 60 A 192.0.2.3\nadd new 60 TXT \"x\"\n");
	for (unsigned n = 0;; n++) {
		struct arena arena;

		arena_init(&arena, 64); /* small blocks: each allocation may fail */
		fail_alloc_after(n);
		const int ret = registry_evaluate(play->stage.root, play->command, play->size, 1, 1,
						  &arena, &play->plan);
		fail_alloc_off();
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(ret, OK);
			ck_assert_uint_eq(play->plan.count, 3);
			arena_deinit(&arena);
			break;
		}
		ck_assert_int_eq(ret, ERR_NOMEM);
		failures++;
		arena_deinit(&arena);
	}
	ck_assert_uint_gt(failures, 10);
	play_free(play);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_zone_that_is_not_here_is_notauth,
		a_static_zone_takes_no_updates,
		a_retired_zone_is_not_in_service,
		what_does_not_decode_is_damage,
		evaluating_changes_nothing,
		each_prerequisite_has_its_rcode,
		prerequisites_see_derived_records,
		values_of_a_set_over_a_thousand_are_not_compared,
		the_same_again_is_no_change,
		other_letters_are_a_heartbeat_and_the_first_spelling_stays,
		another_lease_ttl_or_record_is_a_change,
		a_heartbeat_renews_the_cells_of_what_it_names,
		a_heartbeat_of_an_expiring_lease_takes_the_logged_path,
		a_heartbeat_that_is_plain_needs_no_evaluation,
		a_heartbeat_is_plain_within_change_max,
		a_change_that_is_plain_needs_no_evaluation,
		a_refusal_is_no_heartbeat,
		nth_allocation_fails_cleanly,
	};

	return run_tests("registry/evaluate", tests, COUNT_OF(tests));
}
