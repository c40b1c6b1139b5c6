#include "tests/unit/fail_alloc.h"
#include "tests/unit/registry/script.h"

#define REGISTER_WEB                                                                               \
	"add _http._tcp 60 PTR web._http._tcp\n"                                                   \
	"add web._http._tcp 60 SRV 0 0 80 h\n"                                                     \
	"add web._http._tcp 60 TXT \"v=1\"\n"                                                      \
	"add h 60 A 192.0.2.1\n"

/* As SRP clients send it: everything anew, PTRs first. */
#define SRP_WEB                                                                                    \
	"add _http._tcp 60 PTR web._http._tcp\n"                                                   \
	"add _red._sub._http._tcp 60 PTR web._http._tcp\n"                                         \
	"del web._http._tcp\n"                                                                     \
	"add web._http._tcp 60 SRV 0 0 80 h\n"                                                     \
	"add web._http._tcp 60 TXT \"v=1\"\n"                                                      \
	"del h\n"                                                                                  \
	"add h 60 A 192.0.2.1\n"

#define WEB_IS_THERE                                                                               \
	"web._http._tcp 60 SRV 0 0 80 h\n"                                                         \
	"web._http._tcp 60 TXT \"v=1\"\n"                                                          \
	"h 60 A 192.0.2.1\n"                                                                       \
	"_http._tcp 10 PTR web._http._tcp\n"                                                       \
	"_http._tcp 10 SRV 0 0 80 h\n"                                                             \
	"_services._dns-sd._udp 10 PTR _http._tcp\n"                                               \
	"http.pool 10 A 192.0.2.1\n"

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

	updated(play, "a lease:60", REGISTER_WEB);
	ck_assert_uint_eq(evaluate(play, "a", "del web._http._tcp\nadd h 60 A 192.0.2.2\n"),
			  DNS_RCODE_NOERROR);
	ck_assert(play->result.is_change);
	ck_assert_uint_eq(play->plan.count, 2);
	expect_zone(&play->stage, WEB_IS_THERE);
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

	updated(play, "a", REGISTER_WEB "add h 60 A 192.0.2.2\nadd x.y.k 60 A 192.0.2.1\n");
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

	updated(play, "a", REGISTER_WEB);
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

	updated(play, "a", REGISTER_WEB);
	ck_assert_uint_eq(update(play, "b",
				 "del _http._tcp SRV 0 0 80 h\n"
				 "del _services._dns-sd._udp PTR _http._tcp\n"
				 "del http.pool A 192.0.2.1\n"),
			  DNS_RCODE_NOERROR);
	ck_assert(!play->result.is_change);
	expect_zone(&play->stage, WEB_IS_THERE);
	play_free(play);
}
END_TEST

START_TEST(an_explicit_set_at_a_type_is_deletable_until_an_instance_shares_it)
{
	struct play *play = play_new();

	updated(play, "b", "add _http._tcp 60 SRV 0 0 80 h\n");
	updated(play, "b", "del _http._tcp SRV\n");
	updated(play, "b", "add _http._tcp 60 SRV 0 0 80 h\n");
	updated(play, "a", REGISTER_WEB);
	refused(play, "b", "del _http._tcp SRV\n", "follow from instances");
	updated(play, "b", "del _http._tcp SRV 0 0 80 h\n");
	expect_zone(&play->stage, WEB_IS_THERE);
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

	updated(play, "a lease:60", REGISTER_WEB);
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

	updated(play, "a lease:60", REGISTER_WEB);
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
	expect_zone(&play->stage, WEB_IS_THERE);
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
	expect_zone(&play->stage, WEB_IS_THERE); /* and its subtypes are gone */
	play_free(play);
}
END_TEST

START_TEST(subtypes_are_added_and_deleted_one_by_one)
{
	struct play *play = play_new();

	updated(play, "a",
		REGISTER_WEB "add _red._sub._http._tcp 60 PTR web._http._tcp\n"
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
		REGISTER_WEB "add _red._sub._http._tcp 60 PTR web._http._tcp\n"
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

/* ---- leases ------------------------------------------------------------------------------ */

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
	updated(play, "a", REGISTER_WEB);
	ck_assert_uint_eq(content_of(play, "h").lease_s, 45);
	ck_assert_uint_eq(content_of(play, "web._http._tcp").lease_s, 45);
	ck_assert(!play->result.lease.present);
	play_free(play);

	shape.lease_default = ZONE_LEASE_REFUSE;
	play = play_new_with(&shape, "");
	refused(play, "a", REGISTER_WEB, "RFC 9664");
	updated(play, "a lease:60", REGISTER_WEB);
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
	play_free(play);
}
END_TEST

/* ---- heartbeats -------------------------------------------------------------------------- */

START_TEST(the_same_again_is_no_change)
{
	static const char *const forms[] = {REGISTER_WEB, SRP_WEB};

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
	expect_zone(&play->stage, WEB_IS_THERE "_red._sub._http._tcp 10 PTR web._http._tcp\n");
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

	updated(play, "a lease:60", REGISTER_WEB);
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

	updated(play, "a lease:60", REGISTER_WEB "add other 60 A 192.0.2.1\n");
	struct lease *web =
		node_lease(zone_entry(stage_zone(&play->stage), wire("web._http._tcp")));
	struct lease *h = node_lease(zone_entry(stage_zone(&play->stage), wire("h")));
	struct lease *other = node_lease(zone_entry(stage_zone(&play->stage), wire("other")));
	evaluate(play, "a lease:60", REGISTER_WEB);
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

	updated(play, "a lease:60", REGISTER_WEB);
	struct lease *h = node_lease(zone_entry(stage_zone(&play->stage), wire("h")));
	struct lease *web =
		node_lease(zone_entry(stage_zone(&play->stage), wire("web._http._tcp")));
	h->renewed_ms = LEASE_EXPIRING;
	evaluate(play, "a lease:60", REGISTER_WEB);
	ck_assert(!registry_beat(&play->plan, 12345));
	ck_assert_uint_eq(h->renewed_ms, LEASE_EXPIRING);
	ck_assert_uint_eq(web->renewed_ms, 12345); /* renewed before it was seen */
	play_free(play);
}
END_TEST

START_TEST(a_refusal_is_no_heartbeat)
{
	struct play *play = play_new();

	updated(play, "a lease:60", REGISTER_WEB);
	ck_assert_uint_eq(evaluate(play, "b lease:60", REGISTER_WEB), DNS_RCODE_REFUSED);
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
		changes_are_made_in_order,
		deleting_what_is_not_there_is_no_error,
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
		leases_are_granted_within_bounds,
		a_lease_of_zero_takes_away_what_it_names,
		srp_removal_is_a_lease_of_zero_with_all_that_was_registered,
		an_update_without_lease_changes_no_lease,
		a_lease_covers_what_was_permanent_before,
		without_a_lease_the_zone_says_what_it_is,
		a_lease_at_a_shared_name_is_for_what_was_added_with_it,
		ttls_are_bounded_by_lease_and_zone,
		the_same_again_is_no_change,
		other_letters_are_a_heartbeat_and_the_first_spelling_stays,
		another_lease_ttl_or_record_is_a_change,
		a_heartbeat_renews_the_cells_of_what_it_names,
		a_heartbeat_of_an_expiring_lease_takes_the_logged_path,
		a_refusal_is_no_heartbeat,
		nth_allocation_fails_cleanly,
	};

	return run_tests("registry/evaluate", tests, COUNT_OF(tests));
}
