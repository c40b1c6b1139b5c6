#include "dns/rrtype.h"
#include "tests/unit/zone/stage.h"

#define WEB_IS_THERE                                                                               \
	"web._http._tcp 60 SRV 0 0 80 h\n"                                                         \
	"_http._tcp 10 PTR web._http._tcp\n"                                                       \
	"_http._tcp 10 SRV 0 0 80 h\n"                                                             \
	"_services._dns-sd._udp 10 PTR _http._tcp\n"

START_TEST(a_published_instance_is_seen_from_all_sides)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n60 AAAA 2001:db8::1\n");
	stage_put(&stage, "web._http._tcp", "a ptr sub:_red", "60 SRV 0 0 80 h\n60 TXT \"v=1\"\n");
	expect_zone(&stage, WEB_IS_THERE "h 60 A 192.0.2.1\n"
					 "h 60 AAAA 2001:db8::1\n"
					 "web._http._tcp 60 TXT \"v=1\"\n"
					 "_red._sub._http._tcp 10 PTR web._http._tcp\n"
					 "http.pool 10 A 192.0.2.1\n"
					 "http.pool 10 AAAA 2001:db8::1\n");
	expect_delta(&stage, "+web._http._tcp 60 SRV 0 0 80 h\n"
			     "+web._http._tcp 60 TXT \"v=1\"\n"
			     "+_http._tcp 10 PTR web._http._tcp\n"
			     "+_http._tcp 10 SRV 0 0 80 h\n"
			     "+_services._dns-sd._udp 10 PTR _http._tcp\n"
			     "+_red._sub._http._tcp 10 PTR web._http._tcp\n"
			     "+http.pool 10 A 192.0.2.1\n"
			     "+http.pool 10 AAAA 2001:db8::1\n");
	ck_assert(node_is_published(stage_zone(&stage),
				    zone_entry(stage_zone(&stage), wire("web._http._tcp"))));
	stage_remove(&stage, "web._http._tcp");
	expect_zone(&stage, "h 60 A 192.0.2.1\nh 60 AAAA 2001:db8::1\n");
	ck_assert_ptr_null(zone_node(stage_zone(&stage), wire("_tcp")));
	ck_assert_ptr_null(zone_node(stage_zone(&stage), wire("pool")));
	stage_deinit(&stage);
}
END_TEST

START_TEST(udp_types_have_a_view_of_their_own)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	stage_put(&stage, "x._ipp._UDP", "a ptr", "60 SRV 0 0 631 h\n");
	stage_put(&stage, "x._ipp._tcp", "a ptr", "60 SRV 0 0 631 h\n");
	ck_assert_uint_eq(set_count(&stage, "ipp.udp.pool", DNS_TYPE_A), 1);
	ck_assert_uint_eq(set_count(&stage, "ipp.pool", DNS_TYPE_A), 1);
	ck_assert_uint_eq(set_count(&stage, "_services._dns-sd._udp", DNS_TYPE_PTR), 2);
	stage_deinit(&stage);
}
END_TEST

START_TEST(deeper_names_derive_nothing)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	stage_put(&stage, "web._http._tcp.office", "a ptr", "60 SRV 0 0 80 h\n");
	expect_zone(&stage, "h 60 A 192.0.2.1\nweb._http._tcp.office 60 SRV 0 0 80 h\n");
	stage_deinit(&stage);
}
END_TEST

START_TEST(two_instances_on_one_host_and_port_give_one_srv)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 0 0 80 h\n");
	stage_put(&stage, "two._http._tcp", "a ptr", "60 SRV 0 0 80 H\n");
	expect_delta(&stage, "+two._http._tcp 60 SRV 0 0 80 H\n"
			     "+_http._tcp 10 PTR two._http._tcp\n");
	ck_assert_uint_eq(set_count(&stage, "_http._tcp", DNS_TYPE_SRV), 1);
	stage_remove(&stage, "web._http._tcp");
	expect_delta(&stage, "-web._http._tcp 60 SRV 0 0 80 h\n"
			     "-_http._tcp 10 PTR web._http._tcp\n");
	ck_assert_uint_eq(set_count(&stage, "_http._tcp", DNS_TYPE_SRV), 1);
	stage_remove(&stage, "two._http._tcp");
	ck_assert_uint_eq(set_count(&stage, "_http._tcp", DNS_TYPE_SRV), 0);
	expect_zone(&stage, "h 60 A 192.0.2.1\n");
	stage_deinit(&stage);
}
END_TEST

START_TEST(srvs_that_differ_in_any_field_are_members_of_their_own)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "web._http._tcp", "a ptr",
		  "60 SRV 0 0 80 h\n60 SRV 0 0 81 h\n60 SRV 0 1 80 h\n60 SRV 1 0 80 h\n"
		  "60 SRV 0 0 80 i\n");
	ck_assert_uint_eq(set_count(&stage, "_http._tcp", DNS_TYPE_SRV), 5);
	stage_deinit(&stage);
}
END_TEST

START_TEST(the_lowest_priority_of_srvs_comes_first)
{
	const struct node *node;
	struct stage stage;
	struct set set;

	stage_init(&stage);
	stage_put(&stage, "web._http._tcp", "a ptr",
		  "60 SRV 5 0 80 a\n60 SRV 5 0 80 b\n60 SRV 300 0 80 c\n60 SRV 0 0 80 d\n"
		  "60 SRV 0 0 80 e\n60 SRV 0 0 80 f\n");
	node = zone_node(stage_zone(&stage), wire("_http._tcp"));
	ck_assert(node_set(stage_zone(&stage), node, DNS_TYPE_SRV, &set));
	ck_assert_uint_eq(set.count, 6);
	ck_assert_uint_eq(set.lowest, 3);
	uint16_t last = 0;
	for (uint32_t i = 0; i < set.count; i++) {
		uint8_t scratch[SET_SCRATCH];
		uint16_t size;
		const struct dns_srv srv = dns_srv_view(set_member(&set, i, scratch, &size));

		ck_assert_uint_ge(srv.priority, last);
		ck_assert((i < set.lowest) == (srv.priority == 0));
		last = srv.priority;
	}
	stage_deinit(&stage);
}
END_TEST

static uint32_t ring_start(const struct set *set, uint64_t point)
{
	const struct set_level level = set_level(set, 0);

	return set_ring_start(set, &level, point);
}

START_TEST(a_place_on_the_ring_is_an_index_of_its_priority)
{
	struct stage stage;
	struct set set;
	uint32_t last = 0;

	stage_init(&stage);
	stage_put(&stage, "web._http._tcp", "a ptr",
		  "60 SRV 0 0 80 a\n60 SRV 0 0 80 b\n60 SRV 0 0 80 c\n60 SRV 0 0 80 d\n"
		  "60 SRV 7 0 80 e\n60 SRV 7 0 80 f\n");
	ck_assert(node_set(stage_zone(&stage), zone_node(stage_zone(&stage), wire("_http._tcp")),
			   DNS_TYPE_SRV, &set));
	ck_assert_uint_eq(ring_start(&set, 0), 0);
	ck_assert_uint_eq(ring_start(&set, UINT64_MAX), 0);
	for (uint64_t point = 0; point < 64; point++) {
		const uint32_t start = ring_start(&set, point << 58);

		ck_assert_uint_lt(start, 4);
		ck_assert(start >= last || start == 0);
		last = start;
	}
	const struct set_level level = set_level(&set, 5);
	ck_assert_uint_eq(level.first, 4);
	ck_assert_uint_eq(level.count, 2);
	ck_assert_uint_eq(set_ring_start(&set, &level, 0), 4);
	ck_assert_uint_eq(set_ring_start(&set, &level, UINT64_MAX), 4);
	stage_deinit(&stage);
}
END_TEST

START_TEST(one_member_more_moves_the_ring_by_one_at_most)
{
	char lines[4000] = "";
	uint32_t before[64];
	struct stage stage;
	struct set set;

	stage_init(&stage);
	for (int i = 0; i < 40; i++) {
		snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines),
			 "60 SRV 0 0 80 h%d\n", i);
	}
	stage_put(&stage, "web._http._tcp", "a ptr", lines);
	ck_assert(node_set(stage_zone(&stage), zone_node(stage_zone(&stage), wire("_http._tcp")),
			   DNS_TYPE_SRV, &set));
	for (uint64_t point = 0; point < 64; point++) {
		before[point] = ring_start(&set, point << 58);
	}
	stage_put(&stage, "two._http._tcp", "a ptr", "60 SRV 0 0 80 another\n");
	ck_assert(node_set(stage_zone(&stage), zone_node(stage_zone(&stage), wire("_http._tcp")),
			   DNS_TYPE_SRV, &set));
	ck_assert_uint_eq(set.count, 41);
	for (uint64_t point = 0; point < 64; point++) {
		const uint32_t now = ring_start(&set, point << 58);

		ck_assert(now == before[point] || now == before[point] + 1 || now == 0);
	}
	stage_deinit(&stage);
}
END_TEST

START_TEST(ptrs_are_in_canonical_order)
{
	static const char *const order[] = {"a", "B", "c\\.d", "\\200", "aa"};
	static const uint32_t ranks[] = {0, 2, 3, 4, 1};
	struct stage stage;
	struct set set;

	stage_init(&stage);
	for (size_t i = 0; i < COUNT_OF(order); i++) {
		char name[60];

		snprintf(name, sizeof(name), "%s._http._tcp", order[i]);
		stage_put(&stage, name, "a ptr", "60 SRV 0 0 80 h\n");
	}
	ck_assert(node_set(stage_zone(&stage), zone_node(stage_zone(&stage), wire("_http._tcp")),
			   DNS_TYPE_PTR, &set));
	for (size_t i = 0; i < COUNT_OF(order); i++) {
		uint8_t scratch[SET_SCRATCH];
		char name[60];
		uint16_t size;

		snprintf(name, sizeof(name), "%s._http._tcp", order[i]);
		ck_assert(dns_name_equal(set_member(&set, ranks[i], scratch, &size), wire(name)));
		ck_assert(set_has(&set, wire(name), (uint16_t)dns_name_size(wire(name))));
	}
	ck_assert(!set_has(&set, wire("x._http._tcp"), 15));
	stage_deinit(&stage);
}
END_TEST

START_TEST(no_ptr_no_pool_and_the_ptr_may_come_first_or_last)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "web._http._tcp", "a", "60 SRV 0 0 80 h\n");
	expect_zone(&stage, "web._http._tcp 60 SRV 0 0 80 h\n");
	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 0 0 80 h\n");
	expect_zone(&stage, WEB_IS_THERE);
	stage_put(&stage, "web._http._tcp", "a", "60 SRV 0 0 80 h\n");
	expect_zone(&stage, "web._http._tcp 60 SRV 0 0 80 h\n");
	expect_delta(&stage, "-_http._tcp 10 PTR web._http._tcp\n"
			     "-_http._tcp 10 SRV 0 0 80 h\n"
			     "-_services._dns-sd._udp 10 PTR _http._tcp\n");

	stage_remove(&stage, "web._http._tcp");
	stage_put(&stage, "web._http._tcp", "a ptr", "");
	expect_zone(&stage, "");
	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 0 0 80 h\n");
	expect_zone(&stage, WEB_IS_THERE);
	stage_put(&stage, "web._http._tcp", "a ptr", "60 TXT \"x\"\n");
	expect_zone(&stage, "web._http._tcp 60 TXT \"x\"\n");
	stage_deinit(&stage);
}
END_TEST

START_TEST(what_is_held_is_withheld_until_released)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "web._http._tcp", "a ptr held", "60 SRV 0 0 80 h\n");
	expect_zone(&stage, "web._http._tcp 60 SRV 0 0 80 h\n");
	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 0 0 80 h\n");
	expect_zone(&stage, WEB_IS_THERE);
	stage_deinit(&stage);
}
END_TEST

START_TEST(subtypes_come_and_go_with_their_instance)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "web._http._tcp", "a ptr sub:_red sub:_blue", "60 SRV 0 0 80 h\n");
	stage_put(&stage, "two._http._tcp", "a ptr sub:_red", "60 SRV 0 0 80 h\n");
	ck_assert_uint_eq(set_count(&stage, "_red._sub._http._tcp", DNS_TYPE_PTR), 2);
	ck_assert_uint_eq(set_count(&stage, "_blue._sub._http._tcp", DNS_TYPE_PTR), 1);
	stage_put(&stage, "web._http._tcp", "a ptr sub:_green", "60 SRV 0 0 80 h\n");
	expect_delta(&stage, "-_red._sub._http._tcp 10 PTR web._http._tcp\n"
			     "-_blue._sub._http._tcp 10 PTR web._http._tcp\n"
			     "+_green._sub._http._tcp 10 PTR web._http._tcp\n");
	ck_assert_ptr_null(zone_node(stage_zone(&stage), wire("_blue._sub._http._tcp")));
	stage_put(&stage, "web._http._tcp", "a sub:_green", "60 SRV 0 0 80 h\n");
	ck_assert_uint_eq(set_count(&stage, "_green._sub._http._tcp", DNS_TYPE_PTR), 0);
	stage_remove(&stage, "two._http._tcp");
	ck_assert_ptr_null(zone_node(stage_zone(&stage), wire("_sub._http._tcp")));
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_type_is_listed_from_its_first_instance_to_its_last)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 0 0 80 h\n");
	stage_put(&stage, "two._http._tcp", "a ptr", "60 SRV 0 0 81 h\n");
	expect_delta(&stage, "+two._http._tcp 60 SRV 0 0 81 h\n"
			     "+_http._tcp 10 PTR two._http._tcp\n"
			     "+_http._tcp 10 SRV 0 0 81 h\n");
	stage_remove(&stage, "web._http._tcp");
	ck_assert_uint_eq(set_count(&stage, "_services._dns-sd._udp", DNS_TYPE_PTR), 1);
	stage_remove(&stage, "two._http._tcp");
	ck_assert_uint_eq(set_count(&stage, "_services._dns-sd._udp", DNS_TYPE_PTR), 0);
	stage_deinit(&stage);
}
END_TEST

/* ---- the address view -------------------------------------------------------------------- */

START_TEST(a_host_may_come_after_its_instance_and_change)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 0 0 80 h\n");
	ck_assert_uint_eq(set_count(&stage, "http.pool", DNS_TYPE_A), 0);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	expect_delta(&stage, "+h 60 A 192.0.2.1\n+http.pool 10 A 192.0.2.1\n");
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n60 A 192.0.2.2\n60 AAAA 2001:db8::1\n");
	expect_delta(&stage, "+h 60 A 192.0.2.2\n"
			     "+h 60 AAAA 2001:db8::1\n"
			     "+http.pool 10 A 192.0.2.2\n"
			     "+http.pool 10 AAAA 2001:db8::1\n");
	stage_put(&stage, "h", "a", "30 A 192.0.2.2\n");
	expect_delta(&stage, "-h 60 A 192.0.2.1\n"
			     "-h 60 A 192.0.2.2\n"
			     "-h 60 AAAA 2001:db8::1\n"
			     "-http.pool 10 A 192.0.2.1\n"
			     "-http.pool 10 AAAA 2001:db8::1\n"
			     "+h 30 A 192.0.2.2\n");
	stage_remove(&stage, "h");
	expect_zone(&stage, WEB_IS_THERE);
	stage_deinit(&stage);
}
END_TEST

START_TEST(an_address_of_two_hosts_is_there_until_both_are_gone)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	stage_put(&stage, "i", "a", "60 A 192.0.2.1\n");
	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 0 0 80 h\n60 SRV 0 0 81 h\n");
	stage_put(&stage, "two._http._tcp", "a ptr", "60 SRV 0 0 80 i\n");
	ck_assert_uint_eq(set_count(&stage, "http.pool", DNS_TYPE_A), 1);
	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 0 0 81 h\n");
	ck_assert_uint_eq(set_count(&stage, "http.pool", DNS_TYPE_A), 1);
	stage_remove(&stage, "web._http._tcp");
	ck_assert_uint_eq(set_count(&stage, "http.pool", DNS_TYPE_A), 1);
	stage_remove(&stage, "i");
	ck_assert_uint_eq(set_count(&stage, "http.pool", DNS_TYPE_A), 0);
	stage_deinit(&stage);
}
END_TEST

START_TEST(the_next_priority_enters_whole_when_the_lowest_empties)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	stage_put(&stage, "i", "a", "60 A 192.0.2.2\n60 AAAA 2001:db8::2\n");
	stage_put(&stage, "j", "a", "60 A 192.0.2.3\n");
	stage_put(&stage, "two._http._tcp", "a ptr", "60 SRV 7 0 80 i\n");
	stage_put(&stage, "three._http._tcp", "a ptr", "60 SRV 7 0 80 j\n60 SRV 9 0 80 h\n");
	ck_assert_uint_eq(set_count(&stage, "http.pool", DNS_TYPE_A), 2);
	ck_assert_uint_eq(set_count(&stage, "http.pool", DNS_TYPE_AAAA), 1);

	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 0 0 80 h\n");
	expect_delta(&stage, "+web._http._tcp 60 SRV 0 0 80 h\n"
			     "+_http._tcp 10 PTR web._http._tcp\n"
			     "+_http._tcp 10 SRV 0 0 80 h\n"
			     "-http.pool 10 A 192.0.2.2\n"
			     "-http.pool 10 A 192.0.2.3\n"
			     "-http.pool 10 AAAA 2001:db8::2\n"
			     "+http.pool 10 A 192.0.2.1\n");

	stage_remove(&stage, "web._http._tcp");
	expect_delta(&stage, "-web._http._tcp 60 SRV 0 0 80 h\n"
			     "-_http._tcp 10 PTR web._http._tcp\n"
			     "-_http._tcp 10 SRV 0 0 80 h\n"
			     "-http.pool 10 A 192.0.2.1\n"
			     "+http.pool 10 A 192.0.2.2\n"
			     "+http.pool 10 A 192.0.2.3\n"
			     "+http.pool 10 AAAA 2001:db8::2\n");
	stage_deinit(&stage);
}
END_TEST

START_TEST(the_lowest_priority_is_the_lowest_with_an_address)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "i", "a", "60 A 192.0.2.2\n");
	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 0 0 80 h\n60 SRV 1 0 80 i\n");
	ck_assert_uint_eq(set_count(&stage, "http.pool", DNS_TYPE_A), 1);
	stage_put(&stage, "h", "a", "60 AAAA 2001:db8::1\n");
	expect_delta(&stage, "+h 60 AAAA 2001:db8::1\n"
			     "-http.pool 10 A 192.0.2.2\n"
			     "+http.pool 10 AAAA 2001:db8::1\n");
	ck_assert_uint_eq(set_count(&stage, "http.pool", DNS_TYPE_A), 0);
	stage_remove(&stage, "h");
	expect_delta(&stage, "-h 60 AAAA 2001:db8::1\n"
			     "-http.pool 10 AAAA 2001:db8::1\n"
			     "+http.pool 10 A 192.0.2.2\n");
	stage_deinit(&stage);
}
END_TEST

START_TEST(priorities_up_to_the_highest_are_told_apart)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	stage_put(&stage, "i", "a", "60 A 192.0.2.2\n");
	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 65535 0 80 h\n");
	ck_assert_uint_eq(set_count(&stage, "http.pool", DNS_TYPE_A), 1);
	stage_put(&stage, "two._http._tcp", "a ptr", "60 SRV 255 0 80 i\n");
	expect_delta(&stage, "+two._http._tcp 60 SRV 255 0 80 i\n"
			     "+_http._tcp 10 PTR two._http._tcp\n"
			     "+_http._tcp 10 SRV 255 0 80 i\n"
			     "-http.pool 10 A 192.0.2.1\n"
			     "+http.pool 10 A 192.0.2.2\n");
	stage_deinit(&stage);
}
END_TEST

START_TEST(an_instance_may_be_its_own_host)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "web._http._tcp", "a ptr",
		  "60 SRV 0 0 80 web._http._tcp\n60 A 192.0.2.1\n");
	ck_assert_uint_eq(set_count(&stage, "http.pool", DNS_TYPE_A), 1);
	stage_put(&stage, "web._http._tcp", "a ptr",
		  "60 SRV 1 0 80 web._http._tcp\n60 A 192.0.2.2\n");
	expect_delta(&stage, "-web._http._tcp 60 SRV 0 0 80 web._http._tcp\n"
			     "-web._http._tcp 60 A 192.0.2.1\n"
			     "-_http._tcp 10 SRV 0 0 80 web._http._tcp\n"
			     "-http.pool 10 A 192.0.2.1\n"
			     "+web._http._tcp 60 SRV 1 0 80 web._http._tcp\n"
			     "+web._http._tcp 60 A 192.0.2.2\n"
			     "+_http._tcp 10 SRV 1 0 80 web._http._tcp\n"
			     "+http.pool 10 A 192.0.2.2\n");
	stage_remove(&stage, "web._http._tcp");
	expect_zone(&stage, "");
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_host_outside_the_zone_has_no_addresses_here)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "web._http._tcp", "a ptr",
		  "60 SRV 0 0 80 host.example.\n60 SRV 0 0 0 .\n");
	ck_assert_uint_eq(set_count(&stage, "_http._tcp", DNS_TYPE_SRV), 2);
	ck_assert_ptr_null(zone_node(stage_zone(&stage), wire("pool")));
	stage_deinit(&stage);
}
END_TEST

/* ---- weights ----------------------------------------------------------------------------- */

/* "a:5 b:0 max 5": the last octet of each address and its weight, in the order of octets. */
static void expect_weights(const struct stage *stage, uint16_t type, const char *wanted)
{
	const struct zone *zone = stage_zone(stage);
	const struct node *node = zone_node(zone, wire("http.pool"));
	unsigned weights[256];
	bool is_there[256] = {0};
	char text[400] = "";
	uint8_t scratch[SET_SCRATCH];
	struct set_walk walk;
	const void *member;
	struct set set;

	ck_assert(node != NULL && node_set(zone, node, type, &set));
	set_walk_start(&walk, &set, 0);
	for (uint32_t i = 0; i < set.count && (member = set_walk_next(&walk)) != NULL; i++) {
		uint16_t size;
		const uint8_t *rdata = set_rdata(&set, member, scratch, &size);

		weights[rdata[size - 1]] = set_weight(member);
		is_there[rdata[size - 1]] = true;
	}
	for (unsigned i = 0; i < COUNT_OF(weights); i++) {
		if (is_there[i]) {
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u:%u ", i,
				 weights[i]);
		}
	}
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "max %u", set.heaviest);
	ck_assert_str_eq(text, wanted);
}

START_TEST(an_address_weighs_what_its_srvs_weigh_together)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n60 AAAA 2001:db8::1\n");
	stage_put(&stage, "i", "a", "60 A 192.0.2.2\n");
	stage_put(&stage, "one._http._tcp", "a ptr", "60 SRV 0 0 80 h\n");
	stage_put(&stage, "two._http._tcp", "a ptr", "60 SRV 0 0 80 i\n");
	expect_weights(&stage, DNS_TYPE_A, "1:0 2:0 max 0");
	stage_put(&stage, "one._http._tcp", "a ptr", "60 SRV 0 5 80 h\n");
	expect_weights(&stage, DNS_TYPE_A, "1:5 2:0 max 5");
	expect_weights(&stage, DNS_TYPE_AAAA, "1:5 max 5");
	/* A second port counts; the same SRV again is the same. */
	stage_put(&stage, "tri._http._tcp", "a ptr", "60 SRV 0 7 81 h\n");
	stage_put(&stage, "for._http._tcp", "a ptr", "60 SRV 0 7 81 h\n");
	expect_weights(&stage, DNS_TYPE_A, "1:12 2:0 max 12");
	/* An address that two hosts have. */
	stage_put(&stage, "two._http._tcp", "a ptr", "60 SRV 0 3 80 i\n");
	stage_put(&stage, "i", "a", "60 A 192.0.2.1\n60 A 192.0.2.2\n");
	expect_weights(&stage, DNS_TYPE_A, "1:15 2:3 max 15");
	stage_put(&stage, "i", "a", "60 A 192.0.2.2\n");
	expect_weights(&stage, DNS_TYPE_A, "1:12 2:3 max 12");
	stage_remove(&stage, "tri._http._tcp");
	expect_weights(&stage, DNS_TYPE_A, "1:12 2:3 max 12");
	stage_remove(&stage, "for._http._tcp");
	expect_weights(&stage, DNS_TYPE_A, "1:5 2:3 max 5");
	stage_remove(&stage, "one._http._tcp");
	expect_weights(&stage, DNS_TYPE_A, "2:3 max 3");
	stage_put(&stage, "two._http._tcp", "a ptr", "60 SRV 0 0 80 i\n");
	expect_weights(&stage, DNS_TYPE_A, "2:0 max 0");
	stage_deinit(&stage);
}
END_TEST

START_TEST(an_instance_that_changes_its_port_counts_as_before)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n60 AAAA 2001:db8::1\n");
	stage_put(&stage, "i", "a", "60 A 192.0.2.2\n");
	stage_put(&stage, "one._http._tcp", "a ptr", "60 SRV 0 5 80 h\n");
	stage_put(&stage, "one._http._tcp", "a ptr", "60 SRV 0 5 81 h\n");
	expect_weights(&stage, DNS_TYPE_A, "1:5 max 5");
	expect_weights(&stage, DNS_TYPE_AAAA, "1:5 max 5");
	/* To the port of another, and away from it. */
	stage_put(&stage, "two._http._tcp", "a ptr", "60 SRV 0 5 80 h\n");
	expect_weights(&stage, DNS_TYPE_A, "1:10 max 10");
	stage_put(&stage, "two._http._tcp", "a ptr", "60 SRV 0 5 81 h\n");
	expect_weights(&stage, DNS_TYPE_A, "1:5 max 5");
	stage_put(&stage, "one._http._tcp", "a ptr", "60 SRV 0 5 82 h\n");
	expect_weights(&stage, DNS_TYPE_A, "1:10 max 10");
	/* To another host: the addresses are others. */
	stage_put(&stage, "one._http._tcp", "a ptr", "60 SRV 0 5 82 i\n");
	expect_weights(&stage, DNS_TYPE_A, "1:5 2:5 max 5");
	/* Two SRVs that change places; and the host's address with the port. */
	stage_put(&stage, "one._http._tcp", "a ptr", "60 SRV 0 5 82 i\n60 SRV 0 5 83 i\n");
	stage_put(&stage, "one._http._tcp", "a ptr", "60 SRV 0 5 83 i\n60 SRV 0 5 82 i\n");
	expect_weights(&stage, DNS_TYPE_A, "1:5 2:10 max 10");
	stage_put(&stage, "i", "a", "60 A 192.0.2.3\n");
	stage_put(&stage, "one._http._tcp", "a ptr", "60 SRV 0 5 84 i\n");
	expect_weights(&stage, DNS_TYPE_A, "1:5 3:5 max 5");
	stage_remove(&stage, "one._http._tcp");
	stage_remove(&stage, "two._http._tcp");
	ck_assert_ptr_null(zone_node(stage_zone(&stage), wire("http.pool")));
	stage_deinit(&stage);
}
END_TEST

START_TEST(the_largest_weight_is_that_of_the_priority_shown)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	stage_put(&stage, "i", "a", "60 A 192.0.2.2\n");
	stage_put(&stage, "one._http._tcp", "a ptr", "60 SRV 0 5 80 h\n");
	stage_put(&stage, "two._http._tcp", "a ptr", "60 SRV 65535 900 80 i\n");
	expect_weights(&stage, DNS_TYPE_A, "1:5 max 5");
	stage_remove(&stage, "one._http._tcp");
	expect_weights(&stage, DNS_TYPE_A, "2:900 max 900");
	stage_put(&stage, "one._http._tcp", "a ptr", "60 SRV 3 0 80 h\n");
	expect_weights(&stage, DNS_TYPE_A, "1:0 max 0");
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_weight_ends_at_the_largest_that_a_record_has)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	stage_put(&stage, "one._http._tcp", "a ptr", "60 SRV 0 65535 80 h\n60 SRV 0 65535 81 h\n");
	expect_weights(&stage, DNS_TYPE_A, "1:65535 max 65535");
	stage_put(&stage, "one._http._tcp", "a ptr", "60 SRV 0 65535 80 h\n60 SRV 0 2 81 h\n");
	expect_weights(&stage, DNS_TYPE_A, "1:65535 max 65535");
	stage_put(&stage, "one._http._tcp", "a ptr", "60 SRV 0 2 81 h\n");
	expect_weights(&stage, DNS_TYPE_A, "1:2 max 2");
	stage_deinit(&stage);
}
END_TEST

/* ---- explicit records in derived sets ---------------------------------------------------- */

START_TEST(an_explicit_record_and_a_derived_one_are_one)
{
	struct stage stage;
	struct set set;

	stage_init(&stage);
	stage_put(
		&stage, "_http._tcp", "-",
		"10 PTR web._http._tcp\n10 PTR printer.example.\n10 SRV 0 0 80 h\n10 TXT \"x\"\n");
	ck_assert(node_set(stage_zone(&stage), zone_node(stage_zone(&stage), wire("_http._tcp")),
			   DNS_TYPE_SRV, &set));
	ck_assert(!set_is_derived(&set));
	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 0 0 80 h\n");
	expect_delta(&stage, "+web._http._tcp 60 SRV 0 0 80 h\n"
			     "+_services._dns-sd._udp 10 PTR _http._tcp\n");
	ck_assert_uint_eq(set_count(&stage, "_http._tcp", DNS_TYPE_PTR), 2);
	ck_assert(node_set(stage_zone(&stage), zone_node(stage_zone(&stage), wire("_http._tcp")),
			   DNS_TYPE_SRV, &set));
	ck_assert(set_is_derived(&set));
	ck_assert(node_set(stage_zone(&stage), zone_node(stage_zone(&stage), wire("_http._tcp")),
			   DNS_TYPE_TXT, &set));
	ck_assert(!set_is_derived(&set));
	stage_remove(&stage, "_http._tcp");
	expect_delta(&stage, "-_http._tcp 10 PTR printer.example.\n-_http._tcp 10 TXT \"x\"\n");
	expect_zone(&stage, WEB_IS_THERE);
	stage_deinit(&stage);
}
END_TEST

/* ---- who points to a host ---------------------------------------------------------------- */

START_TEST(pointers_are_counted_by_owner_published_or_not)
{
	const struct owner a = owner_named("a");
	const struct owner b = owner_named("b");
	const struct owner net = owner_named("net");
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 0 0 80 h\n");
	stage_put(&stage, "two._http._tcp", "a", "60 SRV 0 0 80 H\n60 SRV 0 0 81 h\n");
	stage_put(&stage, "x._ipp._udp", "b ptr held", "60 SRV 0 0 80 h\n");
	stage_put(&stage, "plain", "net", "60 SRV 0 0 80 h\n");
	ck_assert_uint_eq(zone_pointers(stage_zone(&stage), wire("h"), &a), 3);
	ck_assert_uint_eq(zone_pointers(stage_zone(&stage), wire("h"), &b), 1);
	ck_assert_uint_eq(zone_pointers(stage_zone(&stage), wire("h"), &net), 0);
	ck_assert_uint_eq(zone_pointers(stage_zone(&stage), wire("i"), &a), 0);
	stage_put(&stage, "two._http._tcp", "b", "60 SRV 0 0 80 h\n");
	ck_assert_uint_eq(zone_pointers(stage_zone(&stage), wire("h"), &a), 1);
	ck_assert_uint_eq(zone_pointers(stage_zone(&stage), wire("h"), &b), 2);
	stage_remove(&stage, "web._http._tcp");
	ck_assert_uint_eq(zone_pointers(stage_zone(&stage), wire("h"), &a), 0);
	stage_deinit(&stage);
}
END_TEST

/* Few uses are packed, many stand in a tree; nothing tells which. */
START_TEST(a_host_of_many_types_is_in_the_view_of_each)
{
	enum { TYPES = 60 };
	const struct owner a = owner_named("a");
	struct stage stage;
	char name[40];

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	for (int i = 0; i < TYPES; i++) {
		snprintf(name, sizeof(name), "web._t%d._tcp", i);
		stage_put(&stage, name, "a ptr", "60 SRV 0 0 80 h\n");
		snprintf(name, sizeof(name), "more._t%d._tcp", i);
		stage_put(&stage, name, "a ptr", "60 SRV 0 0 80 h\n");
		ck_assert_uint_eq(zone_pointers(stage_zone(&stage), wire("h"), &a),
				  2u * (unsigned)i + 2);
	}
	stage_put(&stage, "h", "a", "60 A 192.0.2.2\n");
	for (int i = 0; i < TYPES; i++) {
		struct set set;
		snprintf(name, sizeof(name), "t%d.pool", i);
		const struct node *node = zone_node(stage_zone(&stage), wire(name));
		ck_assert_ptr_nonnull(node);
		ck_assert(node_set(stage_zone(&stage), node, DNS_TYPE_A, &set));
		ck_assert_uint_eq(set.count, 1);
		ck_assert(set_has(&set, (const uint8_t *)"\xc0\0\2\2", 4));
	}
	for (int i = 0; i < TYPES; i++) {
		snprintf(name, sizeof(name), "web._t%d._tcp", i);
		stage_remove(&stage, name);
		snprintf(name, sizeof(name), "more._t%d._tcp", i);
		stage_remove(&stage, name);
	}
	ck_assert_uint_eq(zone_pointers(stage_zone(&stage), wire("h"), &a), 0);
	expect_zone(&stage, "h 60 A 192.0.2.2\n");
	stage_deinit(&stage);
}
END_TEST

/* One owner may have more uses of a host than a packed count holds. */
START_TEST(a_host_of_many_instances_is_counted_to_the_last)
{
	enum { INSTANCES = 300 };
	const struct owner a = owner_named("a");
	struct stage stage;
	char name[40];

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	for (unsigned i = 0; i < INSTANCES; i++) {
		snprintf(name, sizeof(name), "i%u._t._tcp", i);
		stage_put(&stage, name, "a ptr", "60 SRV 0 0 80 h\n");
		ck_assert_uint_eq(zone_pointers(stage_zone(&stage), wire("h"), &a), i + 1);
	}
	for (unsigned i = 0; i < INSTANCES; i++) {
		ck_assert_ptr_nonnull(zone_node(stage_zone(&stage), wire("t.pool")));
		snprintf(name, sizeof(name), "i%u._t._tcp", i);
		stage_remove(&stage, name);
		ck_assert_uint_eq(zone_pointers(stage_zone(&stage), wire("h"), &a),
				  INSTANCES - 1 - i);
	}
	expect_zone(&stage, "h 60 A 192.0.2.1\n");
	stage_deinit(&stage);
}
END_TEST

/* The instance's node is another then, and is what the sets at the type are made of. */
START_TEST(a_name_below_an_instance_changes_no_derived_set)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "web._http._tcp", "a ptr sub:_p", "60 SRV 0 0 80 h\n");
	stage_put(&stage, "deep.web._http._tcp", "a", "60 A 192.0.2.1\n");
	stage_put(&stage, "other", "a", "60 A 192.0.2.2\n");
	expect_zone(&stage, "web._http._tcp 60 SRV 0 0 80 h\n"
			    "deep.web._http._tcp 60 A 192.0.2.1\n"
			    "other 60 A 192.0.2.2\n"
			    "_http._tcp 10 PTR web._http._tcp\n"
			    "_http._tcp 10 SRV 0 0 80 h\n"
			    "_p._sub._http._tcp 10 PTR web._http._tcp\n"
			    "_services._dns-sd._udp 10 PTR _http._tcp\n");
	stage_remove(&stage, "deep.web._http._tcp");
	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 0 0 80 h\n60 SRV 0 0 81 h\n");
	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 0 0 81 h\n");
	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 0 0 81 h\n60 TXT \"x\"\n");
	stage_remove(&stage, "other");
	expect_zone(&stage, "web._http._tcp 60 SRV 0 0 81 h\n"
			    "web._http._tcp 60 TXT \"x\"\n"
			    "_http._tcp 10 PTR web._http._tcp\n"
			    "_http._tcp 10 SRV 0 0 81 h\n"
			    "_services._dns-sd._udp 10 PTR _http._tcp\n");
	stage_remove(&stage, "web._http._tcp");
	expect_zone(&stage, "");
	stage_deinit(&stage);
}
END_TEST

/* ---- another shape ----------------------------------------------------------------------- */

static void reshape(struct stage *stage, uint32_t ttl_derived_s, const char *pool_label)
{
	struct zone_shape shape = stage_shape();

	shape.ttl_derived_s = ttl_derived_s;
	memcpy(shape.pool_label, pool_label, strlen(pool_label) + 1);
	stage_begin(stage);
	must(zone_open(stage->writer, stage_apex, &shape, NULL));
	stage_commit(stage);
}

START_TEST(derived_sets_follow_their_ttl)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a lease:60 version:3", "60 A 192.0.2.1\n");
	stage_put(&stage, "web._http._tcp", "a ptr lease:60", "60 SRV 0 0 80 h\n");
	stage_put(&stage, "_http._tcp", "-", "10 TXT \"x\"\n");
	stage_put(&stage, "late._http._tcp", "a ptr", "");
	reshape(&stage, 20, "\4pool");
	expect_delta(&stage, "-_http._tcp 10 PTR web._http._tcp\n"
			     "-_http._tcp 10 SRV 0 0 80 h\n"
			     "-_http._tcp 10 TXT \"x\"\n"
			     "-_services._dns-sd._udp 10 PTR _http._tcp\n"
			     "-http.pool 10 A 192.0.2.1\n"
			     "+_http._tcp 20 PTR web._http._tcp\n"
			     "+_http._tcp 20 SRV 0 0 80 h\n"
			     "+_http._tcp 20 TXT \"x\"\n"
			     "+_services._dns-sd._udp 20 PTR _http._tcp\n"
			     "+http.pool 20 A 192.0.2.1\n");
	ck_assert_ptr_nonnull(zone_entry(stage_zone(&stage), wire("late._http._tcp")));
	struct content content;
	node_content(zone_entry(stage_zone(&stage), wire("h")), &content, NULL, 0);
	ck_assert_uint_eq(content.version, 3);
	ck_assert_uint_eq(zone_lease_count(stage_zone(&stage)), 2);
	ck_assert_uint_eq(zone_instance_count(stage_zone(&stage)), 2);
	stage_deinit(&stage);
}
END_TEST

START_TEST(the_address_view_follows_the_pools_label)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	stage_put(&stage, "http.vip", "b", "60 A 192.0.2.9\n");
	stage_put(&stage, "x.vip", "b", "60 TXT \"x\"\n");
	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 0 0 80 h\n");
	reshape(&stage, 10, "\3VIP");
	expect_zone(&stage, WEB_IS_THERE "h 60 A 192.0.2.1\nhttp.VIP 10 A 192.0.2.1\n");
	expect_delta(&stage, "-http.pool 10 A 192.0.2.1\n"
			     "-http.vip 60 A 192.0.2.9\n"
			     "-x.vip 60 TXT \"x\"\n"
			     "+http.VIP 10 A 192.0.2.1\n");
	ck_assert_int_eq(zone_role(stage_zone(&stage), wire("pool")), ROLE_PLAIN);
	stage_deinit(&stage);
}
END_TEST

START_TEST(the_same_shape_again_changes_nothing)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "web._http._tcp", "a ptr", "60 SRV 0 0 80 h\n");
	reshape(&stage, 10, "\4POOL");
	ck_assert_uint_eq(stage_serial(&stage), 2);
	expect_zone(&stage, WEB_IS_THERE);
	stage_deinit(&stage);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_published_instance_is_seen_from_all_sides,
		udp_types_have_a_view_of_their_own,
		deeper_names_derive_nothing,
		two_instances_on_one_host_and_port_give_one_srv,
		srvs_that_differ_in_any_field_are_members_of_their_own,
		the_lowest_priority_of_srvs_comes_first,
		a_place_on_the_ring_is_an_index_of_its_priority,
		one_member_more_moves_the_ring_by_one_at_most,
		ptrs_are_in_canonical_order,
		no_ptr_no_pool_and_the_ptr_may_come_first_or_last,
		what_is_held_is_withheld_until_released,
		subtypes_come_and_go_with_their_instance,
		a_type_is_listed_from_its_first_instance_to_its_last,
		a_host_may_come_after_its_instance_and_change,
		an_address_of_two_hosts_is_there_until_both_are_gone,
		the_next_priority_enters_whole_when_the_lowest_empties,
		the_lowest_priority_is_the_lowest_with_an_address,
		priorities_up_to_the_highest_are_told_apart,
		an_instance_may_be_its_own_host,
		a_host_outside_the_zone_has_no_addresses_here,
		an_address_weighs_what_its_srvs_weigh_together,
		an_instance_that_changes_its_port_counts_as_before,
		the_largest_weight_is_that_of_the_priority_shown,
		a_weight_ends_at_the_largest_that_a_record_has,
		an_explicit_record_and_a_derived_one_are_one,
		pointers_are_counted_by_owner_published_or_not,
		a_host_of_many_types_is_in_the_view_of_each,
		a_host_of_many_instances_is_counted_to_the_last,
		a_name_below_an_instance_changes_no_derived_set,
		derived_sets_follow_their_ttl,
		the_address_view_follows_the_pools_label,
		the_same_shape_again_changes_nothing,
	};

	return run_tests("zone/derive", tests, COUNT_OF(tests));
}
