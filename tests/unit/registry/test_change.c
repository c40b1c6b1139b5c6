/*
 * What an UPDATE adds and deletes, and at which names it may.
 */
#include "tests/unit/registry/script.h"

/* ---- adding and deleting (RFC 2136 3.4.2) ------------------------------------------------ */

START_TEST(changes_are_made_in_order)
{
	struct play *play = play_new();

	updated(play, "a",
		"add h 60 A 192.0.2.1\ndel h A\nadd h 60 A 192.0.2.2\n"
		"add h 60 TXT \"x\"\ndel h TXT \"x\"\n");
	expect_zone(&play->stage, "h 60 A 192.0.2.2\n");
	updated(play, "a", "add h 60 A 192.0.2.3\ndel h A 192.0.2.2\n");
	expect_zone(&play->stage, "h 60 A 192.0.2.3\n");
	updated(play, "a", "add h 60 A 192.0.2.3\ndel h\n");
	expect_zone(&play->stage, "");
	play_free(play);
}
END_TEST

START_TEST(deleting_what_is_not_there_is_no_error)
{
	struct play *play = play_new();

	ck_assert_uint_eq(update(play, "a",
				 "del h\ndel h A\ndel h A 192.0.2.1\n"
				 "del _http._tcp PTR web._http._tcp\n"),
			  DNS_RCODE_NOERROR);
	ck_assert(!play->result.is_change);
	expect_zone(&play->stage, "");
	play_free(play);
}
END_TEST

/* RFC 4343 4.1: names and data stay as they were spelled first, whatever else changes with them. */
START_TEST(the_first_spelling_stays)
{
	struct play *play = play_new();

	updated(play, "a", "add Host 60 A 192.0.2.1\nadd Web._http._tcp 60 SRV 0 0 80 Host\n");
	updated(play, "a",
		"add hOST 60 A 192.0.2.2\nadd web._HTTP._tcp 60 SRV 0 0 80 hosT\n"
		"add wEB._http._TCP 60 SRV 0 0 81 hosT\n");
	expect_zone(&play->stage, "Host 60 A 192.0.2.1\n"
				  "Host 60 A 192.0.2.2\n"
				  "Web._http._tcp 60 SRV 0 0 80 Host\n"
				  "Web._http._tcp 60 SRV 0 0 81 hosT\n");
	play_free(play);
}
END_TEST

START_TEST(an_instance_without_records_has_no_subtypes_when_it_comes_back)
{
	struct play *play = play_new();

	updated(play, "a",
		"add _http._tcp 60 PTR web._http._tcp\nadd web._http._tcp 60 SRV 0 0 80 h\n"
		"add _red._sub._http._tcp 60 PTR web._http._tcp\n");
	ck_assert_uint_eq(set_count(&play->stage, "_red._sub._http._tcp", DNS_TYPE_PTR), 1);
	updated(play, "a", "del web._http._tcp SRV\n");
	updated(play, "a", "add web._http._tcp 60 SRV 0 0 80 h\n");
	ck_assert_uint_eq(set_count(&play->stage, "_http._tcp", DNS_TYPE_PTR), 1);
	ck_assert_uint_eq(set_count(&play->stage, "_red._sub._http._tcp", DNS_TYPE_PTR), 0);
	play_free(play);
}
END_TEST

START_TEST(a_set_has_one_ttl_the_newest)
{
	struct play *play = play_new();

	updated(play, "a", "add h 60 A 192.0.2.1\nadd h 30 A 192.0.2.2\n");
	expect_zone(&play->stage, "h 30 A 192.0.2.1\nh 30 A 192.0.2.2\n");
	updated(play, "a", "add h 90 A 192.0.2.2\n");
	expect_zone(&play->stage, "h 90 A 192.0.2.1\nh 90 A 192.0.2.2\n");
	play_free(play);
}
END_TEST

START_TEST(cnames_stand_alone)
{
	struct play *play = play_new();

	updated(play, "a",
		"add c 60 CNAME h\nadd c 60 A 192.0.2.1\nadd c 60 CNAME i\n"
		"add h 60 A 192.0.2.1\nadd h 60 CNAME i\n");
	expect_zone(&play->stage, "c 60 CNAME i\nh 60 A 192.0.2.1\n");
	updated(play, "a",
		"add c 60 KEY 512 3 15 AwEAAQ==\nadd c 60 CNAME j\n"
		"add k 60 KEY 512 3 15 AwEAAQ==\nadd k 60 CNAME j\n");
	expect_zone(&play->stage, "c 60 CNAME j\n"
				  "c 60 KEY 512 3 15 AwEAAQ==\n"
				  "h 60 A 192.0.2.1\n"
				  "k 60 CNAME j\n"
				  "k 60 KEY 512 3 15 AwEAAQ==\n");
	updated(play, "a",
		"add d 60 DNAME h\nadd d 60 CNAME i\nadd c 60 DNAME i\n"
		"add @ 60 CNAME h\n");
	ck_assert_uint_eq(set_count(&play->stage, "d", DNS_TYPE_CNAME), 0);
	ck_assert_uint_eq(set_count(&play->stage, "c", DNS_TYPE_DNAME), 0);
	ck_assert_uint_eq(set_count(&play->stage, "@", DNS_TYPE_CNAME), 0);
	play_free(play);
}
END_TEST

START_TEST(an_addition_that_is_ignored_renews_and_takes_nothing)
{
	struct play *play = play_new();

	updated(play, "a lease:60", "add h 60 A 192.0.2.1\n");
	ck_assert_uint_eq(evaluate(play, "a lease:90", "add h 60 CNAME i\n"), DNS_RCODE_NOERROR);
	ck_assert(!play->result.is_change);
	ck_assert(!play->plan.names[0].is_renewed);
	updated(play, "b takeover", "add h 60 CNAME i\n");
	const struct owner owner = content_of(play, "h").owner;
	const struct owner a = owner_named("a");
	ck_assert(owner_equal(&owner, &a));
	play_free(play);
}
END_TEST

START_TEST(soa_and_the_last_ns_of_the_apex_stay)
{
	struct play *play = play_new();

	updated(play, "a", "add @ 60 NS ns1\nadd @ 60 NS ns2\nadd @ 60 TXT \"x\"\n");
	updated(play, "a", "del @ NS\ndel @ SOA\ndel @\ndel @ SOA ns admin 1 3600 600 86400 5\n");
	expect_zone(&play->stage, "@ 60 NS ns1\n@ 60 NS ns2\n");
	updated(play, "a", "del @ NS ns1\ndel @ NS ns2\n");
	expect_zone(&play->stage, "@ 60 NS ns2\n");
	ck_assert_uint_eq(set_count(&play->stage, "@", DNS_TYPE_SOA), 1);
	play_free(play);
}
END_TEST

START_TEST(a_newer_soa_replaces_and_an_older_one_is_ignored)
{
	struct play *play = play_new();

	updated(play, "a", "add @ 7 SOA ns2 admin 100 1 2 3 4\n");
	ck_assert_uint_eq(serial_of(play), 100);
	ck_assert_uint_eq(zone_soa(stage_zone(&play->stage))->refresh, 1);
	ck_assert_uint_eq(zone_soa(stage_zone(&play->stage))->ttl, 7);
	updated(play, "a",
		"add @ 7 SOA ns3 admin 100 9 2 3 4\nadd @ 7 SOA ns3 admin 99 9 2 3 4\n"
		"add h 7 SOA ns3 admin 200 9 2 3 4\n");
	ck_assert_uint_eq(serial_of(play), 100);
	ck_assert_uint_eq(zone_soa(stage_zone(&play->stage))->refresh, 1);
	ck_assert(!is_there(play, "h"));
	play_free(play);
}
END_TEST

START_TEST(a_name_holds_a_thousand_records)
{
	static char lines[100000];
	struct play *play = play_new();

	for (int i = 0; i < 1000; i++) {
		snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines),
			 "add h 60 TXT \"%d\"\n", i);
	}
	updated(play, "a", lines);
	refused(play, "a", "add h 60 TXT \"more\"\n", "too many");
	updated(play, "a", "del h TXT \"7\"\nadd h 60 TXT \"more\"\n");
	ck_assert_uint_eq(set_count(&play->stage, "h", DNS_TYPE_TXT), 1000);
	play_free(play);
}
END_TEST

START_TEST(more_records_than_change_max_are_refused)
{
	struct zone_shape shape = stage_shape();

	shape.change_max = 3;
	struct play *play = play_new_with(&shape, "");
	updated(play, "a", "add h 60 A 192.0.2.1\nadd h 60 A 192.0.2.2\nadd h 60 A 192.0.2.3\n");
	refused(play, "a",
		"add i 60 A 192.0.2.1\nadd j 60 A 192.0.2.1\n"
		"add k 60 A 192.0.2.1\nadd l 60 A 192.0.2.1\n",
		"change-max");
	play_free(play);
}
END_TEST

/* ---- names that are not everybody's ------------------------------------------------------ */

START_TEST(derived_sets_cannot_be_deleted)
{
	static const char *const lines[] = {
		"del _http._tcp PTR\n",
		"del _http._tcp SRV\n",
		"del _http._tcp\n",
		"del _services._dns-sd._udp\n",
		"del _services._dns-sd._udp PTR\n",
		"del _red._sub._http._tcp PTR\n",
	};
	struct play *play = play_new();

	updated(play, "a lease:60", SRP_WEB "add _http._tcp 10 TXT \"x\"\n");
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		refused(play, "a", lines[i], "follow from instances");
		refused(play, "operator takeover", lines[i], "follow from instances");
	}
	refused(play, "a", "del http.pool A\n", "reserved");
	refused(play, "a", "del http.pool\n", "reserved");
	updated(play, "a", "del _http._tcp TXT\n");
	play_free(play);
}
END_TEST

START_TEST(one_derived_record_that_is_not_explicit_is_left_alone)
{
	struct play *play = play_new();

	updated(play, "a", REGISTER_WEB_TXT);
	ck_assert_uint_eq(update(play, "b",
				 "del _http._tcp SRV 0 0 80 h\n"
				 "del _services._dns-sd._udp PTR _http._tcp\n"
				 "del http.pool A 192.0.2.1\n"),
			  DNS_RCODE_NOERROR);
	ck_assert(!play->result.is_change);
	expect_zone(&play->stage, WEB_TXT_IS_THERE);
	play_free(play);
}
END_TEST

START_TEST(an_explicit_set_at_a_type_is_deletable_until_an_instance_shares_it)
{
	struct play *play = play_new();

	updated(play, "b", "add _http._tcp 60 SRV 0 0 80 h\n");
	updated(play, "b", "del _http._tcp SRV\n");
	updated(play, "b", "add _http._tcp 60 SRV 0 0 80 h\n");
	updated(play, "a", REGISTER_WEB_TXT);
	refused(play, "b", "del _http._tcp SRV\n", "follow from instances");
	updated(play, "b", "del _http._tcp SRV 0 0 80 h\n");
	expect_zone(&play->stage, WEB_TXT_IS_THERE);
	play_free(play);
}
END_TEST

START_TEST(nothing_is_added_where_it_would_hide_what_is_derived)
{
	static const struct {
		const char *lines;
		const char *words;
	} cases[] = {
		{"add http.pool 60 A 192.0.2.1\n", "reserved"},
		{"add x.y.pool 60 TXT \"x\"\n", "reserved"},
		{"add * 60 A 192.0.2.1\n", "wildcard"},
		{"add *._http._tcp 60 SRV 0 0 80 h\n", "wildcard"},
		{"add _http._tcp 60 CNAME h\n", "redirected"},
		{"add _tcp 60 NS ns\n", "redirected"},
		{"add @ 60 DNAME h\n", "redirected"},
	};
	struct play *play = play_new();

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		refused(play, "operator", cases[i].lines, cases[i].words);
	}
	updated(play, "a", "add *.office 60 A 192.0.2.1\n");
	play_free(play);
}
END_TEST

START_TEST(base_names_belong_to_the_base)
{
	static const char *const lines[] = {
		"add h 60 A 192.0.2.9\n",
		"add h 60 A 192.0.2.1\n",
		"del h A 192.0.2.1\n",
		"del h A\n",
		"del h\n",
		"add _http._tcp 60 PTR fixed._http._tcp\n",
		"del _http._tcp PTR fixed._http._tcp\n",
		"add _red._sub._http._tcp 60 PTR fixed._http._tcp\n",
		"add @ 60 TXT \"base\"\n",
		"del @ TXT\n",
		"del @ TXT \"base\"\n",
		"del @\n",
		"del _http._tcp TXT \"base\"\n",
	};
	const struct zone_shape shape = stage_shape();
	struct play *play = play_new_with(&shape, "h 60 A 192.0.2.1\n"
						  "@ 60 NS ns1\n"
						  "@ 60 NS ns2\n"
						  "@ 60 TXT \"base\"\n"
						  "_http._tcp 60 TXT \"base\"\n"
						  "_http._tcp 60 PTR fixed._http._tcp\n"
						  "fixed._http._tcp 60 SRV 0 0 80 h\n");

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		refused(play, "a", lines[i], "base file");
		refused(play, "operator takeover", lines[i], "base file");
	}
	updated(play, "a",
		"add @ 90 TXT \"mine\"\nadd @ 90 NS ns3\ndel @ NS ns1\n"
		"add web._http._tcp 60 SRV 0 0 80 h\n");
	ck_assert_uint_eq(set_count(&play->stage, "@", DNS_TYPE_NS), 3);
	ck_assert_uint_eq(set_count(&play->stage, "@", DNS_TYPE_TXT), 2);
	play_free(play);
}
END_TEST

START_TEST(the_bases_ttl_holds_for_a_set_it_has_a_part_in)
{
	const struct zone_shape shape = stage_shape();
	struct play *play = play_new_with(&shape, "@ 60 TXT \"base\"\n");

	updated(play, "a", "add @ 90 TXT \"mine\"\n");
	expect_zone(&play->stage, "@ 60 TXT \"base\"\n@ 60 TXT \"mine\"\n");
	play_free(play);
}
END_TEST

START_TEST(another_owners_name_is_refused_with_its_owner)
{
	static const char *const lines[] = {
		"add web._http._tcp 60 TXT \"mine\"\n",
		"del web._http._tcp\n",
		"del web._http._tcp TXT\n",
		"add _http._tcp 60 PTR web._http._tcp\n",
		"del _http._tcp PTR web._http._tcp\n",
		"add _red._sub._http._tcp 60 PTR web._http._tcp\n",
		"add h 60 A 192.0.2.2\n",
		"add new 60 A 192.0.2.1\ndel h A 192.0.2.1\n",
	};
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB_TXT);
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		refused(play, "b", lines[i], "is registered by key a.");
		refused(play, "net", lines[i], "is registered by key a.");
	}
	updated(play, "b",
		"add two._http._tcp 60 SRV 0 0 80 h\nadd _http._tcp 60 PTR "
		"two._http._tcp\n");
	play_free(play);
}
END_TEST

START_TEST(a_name_is_free_when_its_last_record_is_gone)
{
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB_TXT);
	updated(play, "a", "del h\ndel web._http._tcp\n");
	refused(play, "b", "add web._http._tcp 60 SRV 0 0 81 h\n", "key a.");
	updated(play, "a", "del _http._tcp PTR web._http._tcp\n");
	updated(play, "b", "add web._http._tcp 60 SRV 0 0 81 h\nadd h 60 A 192.0.2.2\n");
	play_free(play);
}
END_TEST

START_TEST(who_may_take_over_becomes_the_owner_by_adding)
{
	struct play *play = play_new();
	struct content content;

	updated(play, "a lease:60", "add h 60 A 192.0.2.1\n");
	updated(play, "b takeover", "del h TXT\n");
	content = content_of(play, "h");
	ck_assert_mem_eq(content.owner.id, "\1a", 3);
	updated(play, "b takeover", "add h 60 A 192.0.2.2\n");
	content = content_of(play, "h");
	ck_assert_mem_eq(content.owner.id, "\1b", 3);
	ck_assert_uint_eq(content.lease_s, 0);
	expect_zone(&play->stage, "h 60 A 192.0.2.1\nh 60 A 192.0.2.2\n");
	refused(play, "a", "add h 60 A 192.0.2.3\n", "key b.");
	play_free(play);
}
END_TEST

START_TEST(shared_names_have_no_owner)
{
	struct play *play = play_new();

	updated(play, "a", "add _http._tcp 60 TXT \"a\"\nadd @ 60 TXT \"a\"\n");
	updated(play, "b", "add _http._tcp 60 TXT \"b\"\ndel _http._tcp TXT \"a\"\ndel @ TXT\n");
	expect_zone(&play->stage, "_http._tcp 10 TXT \"b\"\n");
	play_free(play);
}
END_TEST

/* ---- an instance's PTRs ------------------------------------------------------------------ */

START_TEST(a_ptr_may_come_before_its_srv_or_after)
{
	struct play *play = play_new();

	updated(play, "a lease:60", "add _http._tcp 60 PTR web._http._tcp\n");
	expect_zone(&play->stage, "");
	ck_assert_uint_eq(content_of(play, "web._http._tcp").lease_s, 60);
	updated(play, "a lease:60",
		"add web._http._tcp 60 SRV 0 0 80 h\n"
		"add web._http._tcp 60 TXT \"v=1\"\nadd h 60 A 192.0.2.1\n");
	expect_zone(&play->stage, WEB_TXT_IS_THERE);
	updated(play, "a", "del _http._tcp PTR web._http._tcp\n");
	expect_zone(&play->stage, "web._http._tcp 60 SRV 0 0 80 h\n"
				  "web._http._tcp 60 TXT \"v=1\"\n"
				  "h 60 A 192.0.2.1\n");
	updated(play, "a", "add _HTTP._tcp 60 PTR WEB._http._tcp\n");
	expect_zone(&play->stage, "web._http._tcp 60 SRV 0 0 80 h\n"
				  "web._http._tcp 60 TXT \"v=1\"\n"
				  "h 60 A 192.0.2.1\n"
				  "_http._tcp 10 PTR web._http._tcp\n"
				  "_http._tcp 10 SRV 0 0 80 h\n"
				  "_services._dns-sd._udp 10 PTR _http._tcp\n"
				  "http.pool 10 A 192.0.2.1\n");
	play_free(play);
}
END_TEST

START_TEST(an_instance_deleted_at_its_name_leaves_its_ptr_waiting)
{
	struct play *play = play_new();

	updated(play, "a lease:60", SRP_WEB);
	updated(play, "a", "del web._http._tcp\n");
	expect_zone(&play->stage, "h 60 A 192.0.2.1\n");
	ck_assert_uint_eq(content_of(play, "web._http._tcp").flags, NAME_PTR);
	ck_assert_uint_eq(content_of(play, "web._http._tcp").lease_s, 60);
	updated(play, "a",
		"add web._http._tcp 60 SRV 0 0 80 h\nadd web._http._tcp 60 TXT "
		"\"v=1\"\n");
	expect_zone(&play->stage, WEB_TXT_IS_THERE); /* and its subtypes are gone */
	play_free(play);
}
END_TEST

START_TEST(subtypes_are_added_and_deleted_one_by_one)
{
	struct play *play = play_new();

	updated(play, "a",
		REGISTER_WEB_TXT "add _red._sub._http._tcp 60 PTR web._http._tcp\n"
				 "add _blue._sub._http._tcp 60 PTR web._http._tcp\n");
	ck_assert_uint_eq(set_count(&play->stage, "_red._sub._http._tcp", DNS_TYPE_PTR), 1);
	updated(play, "a", "del _RED._sub._http._tcp PTR web._http._tcp\n");
	ck_assert_uint_eq(set_count(&play->stage, "_red._sub._http._tcp", DNS_TYPE_PTR), 0);
	ck_assert_uint_eq(set_count(&play->stage, "_blue._sub._http._tcp", DNS_TYPE_PTR), 1);
	ck_assert_uint_eq(content_of(play, "web._http._tcp").subtypes_size, 6);
	updated(play, "a", "del web._http._tcp TXT\n");
	ck_assert_uint_eq(set_count(&play->stage, "_blue._sub._http._tcp", DNS_TYPE_PTR), 1);
	play_free(play);
}
END_TEST

START_TEST(all_of_an_instance_goes_but_the_subtypes_that_are_said_again)
{
	struct play *play = play_new();

	updated(play, "a",
		REGISTER_WEB_TXT "add _red._sub._http._tcp 60 PTR web._http._tcp\n"
				 "add _blue._sub._http._tcp 60 PTR web._http._tcp\n");
	updated(play, "a",
		"add _red 60 PTR web._http._tcp\n"
		"del web._http._tcp\nadd web._http._tcp 60 SRV 0 0 80 h\n"
		"add _BLUE._sub._http._tcp 60 PTR web._http._tcp\n");
	ck_assert_uint_eq(set_count(&play->stage, "_red._sub._http._tcp", DNS_TYPE_PTR), 0);
	ck_assert_uint_eq(set_count(&play->stage, "_blue._sub._http._tcp", DNS_TYPE_PTR), 1);
	play_free(play);
}
END_TEST

START_TEST(a_subtype_alone_makes_no_instance)
{
	struct play *play = play_new();

	updated(play, "a lease:60", "add _red._sub._http._tcp 60 PTR web._http._tcp\n");
	ck_assert(!is_there(play, "web._http._tcp"));
	ck_assert(!play->result.is_change);
	play_free(play);
}
END_TEST

START_TEST(a_ptr_to_something_else_is_a_record_of_the_type)
{
	struct play *play = play_new();

	updated(play, "a",
		"add _http._tcp 60 PTR x._ipp._tcp\n"
		"add _http._tcp 60 PTR web._http._tcp.example.\n"
		"add _red._sub._http._tcp 60 PTR h\n");
	expect_zone(&play->stage, "_http._tcp 10 PTR x._ipp._tcp\n"
				  "_http._tcp 10 PTR web._http._tcp.example.\n"
				  "_red._sub._http._tcp 10 PTR h\n");
	updated(play, "b", "del _http._tcp PTR\ndel _red._sub._http._tcp\n");
	expect_zone(&play->stage, "");
	play_free(play);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		changes_are_made_in_order,
		deleting_what_is_not_there_is_no_error,
		the_first_spelling_stays,
		an_instance_without_records_has_no_subtypes_when_it_comes_back,
		a_set_has_one_ttl_the_newest,
		cnames_stand_alone,
		an_addition_that_is_ignored_renews_and_takes_nothing,
		soa_and_the_last_ns_of_the_apex_stay,
		a_newer_soa_replaces_and_an_older_one_is_ignored,
		a_name_holds_a_thousand_records,
		more_records_than_change_max_are_refused,
		derived_sets_cannot_be_deleted,
		one_derived_record_that_is_not_explicit_is_left_alone,
		an_explicit_set_at_a_type_is_deletable_until_an_instance_shares_it,
		nothing_is_added_where_it_would_hide_what_is_derived,
		base_names_belong_to_the_base,
		the_bases_ttl_holds_for_a_set_it_has_a_part_in,
		another_owners_name_is_refused_with_its_owner,
		a_name_is_free_when_its_last_record_is_gone,
		who_may_take_over_becomes_the_owner_by_adding,
		shared_names_have_no_owner,
		a_ptr_may_come_before_its_srv_or_after,
		an_instance_deleted_at_its_name_leaves_its_ptr_waiting,
		subtypes_are_added_and_deleted_one_by_one,
		all_of_an_instance_goes_but_the_subtypes_that_are_said_again,
		a_subtype_alone_makes_no_instance,
		a_ptr_to_something_else_is_a_record_of_the_type,
	};

	return run_tests("registry/change", tests, COUNT_OF(tests));
}
