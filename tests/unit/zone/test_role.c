#include "tests/unit/zone/stage.h"

START_TEST(a_name_is_what_its_labels_say)
{
	static const struct {
		const char *name;
		enum name_role role;
	} cases[] = {
		{"@", ROLE_APEX},
		{"h", ROLE_PLAIN},
		{"_tcp", ROLE_PLAIN},
		{"_http._tcp", ROLE_TYPE},
		{"_HTTP._TCP", ROLE_TYPE},
		{"_http._udp", ROLE_TYPE},
		{"http._tcp", ROLE_PLAIN},
		{"_._tcp", ROLE_PLAIN},
		{"_http._sctp", ROLE_PLAIN},
		{"_http._tcp.office", ROLE_PLAIN},
		{"web._http._tcp.office", ROLE_PLAIN},
		{"web._http._tcp", ROLE_INSTANCE},
		{"My\\ Printer.\\ 2nd._http._tcp", ROLE_PLAIN},
		{"My\\ Printer\\.\\ 2nd._http._tcp", ROLE_INSTANCE},
		{"_http\\._tcp._http._tcp", ROLE_INSTANCE},
		{"_http._tcp._http._tcp", ROLE_PLAIN},
		{"_ipp._http._tcp", ROLE_INSTANCE},
		{"_sub._http._tcp", ROLE_PLAIN},
		{"_red._sub._http._tcp", ROLE_SUBTYPE},
		{"red._SUB._http._tcp", ROLE_SUBTYPE},
		{"x._red._sub._http._tcp", ROLE_PLAIN},
		{"_red._sub._http._tcp.office", ROLE_PLAIN},
		{"_sub._tcp", ROLE_TYPE},
		{"_dns-sd._udp", ROLE_PLAIN},
		{"_services._dns-sd._udp", ROLE_SERVICES},
		{"_services._DNS-SD._udp", ROLE_SERVICES},
		{"_services._dns-sd._tcp", ROLE_INSTANCE},
		{"_services._dns-sd._udp.office", ROLE_PLAIN},
		{"b._dns-sd._udp", ROLE_PLAIN},
		{"x._services._dns-sd._udp", ROLE_PLAIN},
		{"pool", ROLE_POOL},
		{"POOL", ROLE_POOL},
		{"http.pool", ROLE_POOL},
		{"a.b.c.pool", ROLE_POOL},
		{"pools", ROLE_PLAIN},
		{"pool.office", ROLE_PLAIN},
		{"*", ROLE_PLAIN},
	};
	struct stage stage;

	stage_init(&stage);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		ck_assert_msg(zone_role(stage_zone(&stage), wire(cases[i].name)) == cases[i].role,
			      "%s", cases[i].name);
	}
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_static_zone_has_plain_names_only)
{
	struct stage stage;
	const struct zone *zone;

	stage_init_empty(&stage);
	stage_begin(&stage);
	must(zone_open(stage.writer, stage_apex, NULL, NULL));
	zone = stage_zone(&stage);
	ck_assert_int_eq(zone_role(zone, wire("@")), ROLE_APEX);
	ck_assert_int_eq(zone_role(zone, wire("web._http._tcp")), ROLE_PLAIN);
	ck_assert_int_eq(zone_role(zone, wire("pool")), ROLE_PLAIN);
	stage_deinit(&stage);
}
END_TEST

START_TEST(the_type_of_an_instance_begins_at_its_service_label)
{
	const uint8_t *instance = wire("web._http._tcp");
	const uint8_t *subtype = wire("_red._sub._http._tcp");
	const uint8_t *type = wire("_http._tcp");

	ck_assert(dns_name_equal(zone_type_of(ROLE_INSTANCE, instance), type));
	ck_assert(dns_name_equal(zone_type_of(ROLE_SUBTYPE, subtype), type));
	ck_assert_ptr_eq(zone_type_of(ROLE_TYPE, type), type);
}
END_TEST

START_TEST(only_names_of_derived_sets_and_the_apex_are_shared)
{
	ck_assert(zone_role_is_shared(ROLE_APEX));
	ck_assert(zone_role_is_shared(ROLE_TYPE));
	ck_assert(zone_role_is_shared(ROLE_SUBTYPE));
	ck_assert(zone_role_is_shared(ROLE_SERVICES));
	ck_assert(!zone_role_is_shared(ROLE_INSTANCE));
	ck_assert(!zone_role_is_shared(ROLE_PLAIN));
	ck_assert(!zone_role_is_shared(ROLE_POOL));
}
END_TEST

START_TEST(records_stand_where_they_cannot_hide_what_is_derived)
{
	static const struct {
		const char *name;
		uint16_t type;
		bool may;
	} cases[] = {
		{"h", DNS_TYPE_A, true},
		{"h", DNS_TYPE_CNAME, true},
		{"h", DNS_TYPE_NS, true},
		{"@", DNS_TYPE_NS, true},
		{"@", DNS_TYPE_TXT, true},
		{"@", DNS_TYPE_DNAME, false},
		{"pool", DNS_TYPE_A, false},
		{"x.pool", DNS_TYPE_TXT, false},
		{"_tcp", DNS_TYPE_TXT, true},
		{"_tcp", DNS_TYPE_NS, false},
		{"_udp", DNS_TYPE_CNAME, false},
		{"_sctp", DNS_TYPE_CNAME, true},
		{"_http._tcp", DNS_TYPE_TXT, true},
		{"_http._tcp", DNS_TYPE_CNAME, false},
		{"_http._tcp", DNS_TYPE_DNAME, false},
		{"_http._tcp", DNS_TYPE_NS, false},
		{"_sub._http._tcp", DNS_TYPE_NS, false},
		{"_red._sub._http._tcp", DNS_TYPE_CNAME, false},
		{"_dns-sd._udp", DNS_TYPE_NS, false},
		{"_services._dns-sd._udp", DNS_TYPE_CNAME, false},
		{"b._dns-sd._udp", DNS_TYPE_CNAME, true},
		{"web._http._tcp", DNS_TYPE_CNAME, true},
		{"*", DNS_TYPE_A, false},
		{"*._tcp", DNS_TYPE_TXT, false},
		{"*._http._tcp", DNS_TYPE_SRV, false},
		{"*.web._http._tcp", DNS_TYPE_TXT, false},
		{"*._sub._ipp._udp", DNS_TYPE_PTR, false},
		{"*.office", DNS_TYPE_A, true},
		{"*.h", DNS_TYPE_CNAME, true},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *why = zone_place_refusal(stage_apex, (const uint8_t *)"\4pool",
						     wire(cases[i].name), cases[i].type);

		ck_assert_msg((why == NULL) == cases[i].may, "%s type %u: %s", cases[i].name,
			      cases[i].type, why == NULL ? "may" : why);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_name_is_what_its_labels_say,
		a_static_zone_has_plain_names_only,
		the_type_of_an_instance_begins_at_its_service_label,
		only_names_of_derived_sets_and_the_apex_are_shared,
		records_stand_where_they_cannot_hide_what_is_derived,
	};

	return run_tests("zone/role", tests, COUNT_OF(tests));
}
