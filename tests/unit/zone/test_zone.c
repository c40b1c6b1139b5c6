#include "crypto/random.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/zone/stage.h"
#include "tests/unit/zone/walk_leases.h"

static const struct zone_find *find(const struct stage *stage, const char *name)
{
	static struct zone_find finds[2];

	/* Two at once: a batch of one would not show that they are apart. */
	finds[0] = (struct zone_find){.name = wire("elsewhere.example.")};
	finds[1] = (struct zone_find){.name = wire(name)};
	zone_find(stage->root, finds, 2);
	ck_assert_ptr_null(finds[0].zone);
	return &finds[1];
}

static bool exists(const struct stage *stage, const char *name)
{
	return zone_node(stage_zone(stage), wire(name)) != NULL;
}

START_TEST(a_name_has_what_was_put)
{
	struct record records[8];
	struct content content;
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a lease:60 version:9",
		  "60 TXT \"x\"\n30 A 192.0.2.1\n30 A 192.0.2.2\n");
	const struct node *node = zone_entry(stage_zone(&stage), wire("H"));
	ck_assert_ptr_nonnull(node);
	ck_assert_ptr_eq(node, zone_node(stage_zone(&stage), wire("h")));
	ck_assert_uint_eq(node_record_count(node), 3);
	ck_assert_uint_eq(node_content(node, &content, records, 8), 3);
	ck_assert(dns_name_equal(content.name, wire("h")));
	const struct owner owner = owner_named("a");
	ck_assert(owner_equal(&content.owner, &owner));
	ck_assert_uint_eq(content.lease_s, 60);
	ck_assert_uint_eq(content.version, 9);
	ck_assert_uint_eq(records[0].type, DNS_TYPE_A);
	ck_assert_uint_eq(records[0].ttl, 30);
	ck_assert_mem_eq(records[1].rdata, "\300\0\2\2", 4);
	ck_assert_uint_eq(records[2].type, DNS_TYPE_TXT);
	ck_assert_uint_eq(node_content(node, &content, records, 2), 2);
	expect_zone(&stage, "h 30 A 192.0.2.1\nh 30 A 192.0.2.2\nh 60 TXT \"x\"\n");
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_put_replaces_the_whole_name)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 TXT \"x\"\n30 A 192.0.2.1\n");
	stage_put(&stage, "h", "b", "20 A 192.0.2.2\n");
	expect_zone(&stage, "h 20 A 192.0.2.2\n");
	stage_remove(&stage, "h");
	expect_zone(&stage, "");
	ck_assert(!exists(&stage, "h"));
	stage_deinit(&stage);
}
END_TEST

START_TEST(ancestors_exist_as_long_as_something_is_below)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "x.y.k", "net", "60 A 192.0.2.1\n");
	ck_assert(exists(&stage, "x.y.k"));
	ck_assert(exists(&stage, "y.k"));
	ck_assert(exists(&stage, "k"));
	ck_assert(!node_has_records(zone_node(stage_zone(&stage), wire("y.k"))));
	stage_put(&stage, "w.y.k", "net", "60 A 192.0.2.1\n");
	stage_put(&stage, "k", "net", "60 TXT \"k\"\n");
	stage_remove(&stage, "x.y.k");
	ck_assert(!exists(&stage, "x.y.k"));
	ck_assert(exists(&stage, "y.k"));
	stage_remove(&stage, "w.y.k");
	ck_assert(!exists(&stage, "y.k"));
	ck_assert(exists(&stage, "k"));
	stage_remove(&stage, "k");
	ck_assert(!exists(&stage, "k"));
	ck_assert(exists(&stage, "@"));
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_name_that_loses_its_records_stays_for_what_is_below)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "k", "net", "60 TXT \"k\"\n");
	stage_put(&stage, "x.k", "net", "60 A 192.0.2.1\n");
	stage_remove(&stage, "k");
	ck_assert(exists(&stage, "k"));
	ck_assert(!node_has_records(zone_node(stage_zone(&stage), wire("k"))));
	ck_assert_ptr_null(zone_entry(stage_zone(&stage), wire("k")));
	stage_deinit(&stage);
}
END_TEST

START_TEST(finding_names_the_way_to_a_name)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "x.y", "net", "60 A 192.0.2.1\n");
	stage_put(&stage, "*.y", "net", "60 TXT \"wild\"\n");
	const struct zone_find *found = find(&stage, "X.y");
	ck_assert_ptr_eq(found->zone, stage_zone(&stage));
	ck_assert_ptr_eq(found->node, zone_node(stage_zone(&stage), wire("x.y")));
	ck_assert_ptr_eq(found->encloser, found->node);
	ck_assert_ptr_null(found->wildcard);
	ck_assert_ptr_null(found->cut);

	found = find(&stage, "a.b.y");
	ck_assert_ptr_null(found->node);
	ck_assert_ptr_eq(found->encloser, zone_node(stage_zone(&stage), wire("y")));
	ck_assert_ptr_eq(found->wildcard, zone_node(stage_zone(&stage), wire("*.y")));

	found = find(&stage, "a.x.y");
	ck_assert_ptr_eq(found->encloser, zone_node(stage_zone(&stage), wire("x.y")));
	ck_assert_ptr_null(found->wildcard);

	found = find(&stage, "nope");
	ck_assert_ptr_eq(found->encloser, zone_node(stage_zone(&stage), wire("@")));
	stage_deinit(&stage);
}
END_TEST

START_TEST(the_highest_cut_on_the_way_is_found)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "@", "-", "60 NS ns\n");
	ck_assert_ptr_null(find(&stage, "a.b")->cut);
	stage_put(&stage, "k", "net", "60 NS ns\n");
	stage_put(&stage, "x.k", "net", "60 NS ns\n");
	stage_put(&stage, "d", "net", "60 DNAME k\n");
	ck_assert_ptr_eq(find(&stage, "a.x.k")->cut, zone_node(stage_zone(&stage), wire("k")));
	ck_assert_ptr_eq(find(&stage, "k")->cut, zone_node(stage_zone(&stage), wire("k")));
	ck_assert_ptr_eq(find(&stage, "a.d")->cut, zone_node(stage_zone(&stage), wire("d")));
	ck_assert_ptr_null(find(&stage, "d")->cut);
	ck_assert_ptr_null(find(&stage, "h")->cut);
	stage_remove(&stage, "k");
	ck_assert_ptr_eq(find(&stage, "a.x.k")->cut, zone_node(stage_zone(&stage), wire("x.k")));
	stage_deinit(&stage);
}
END_TEST

START_TEST(the_deepest_zone_holds_a_name)
{
	static const uint8_t deep[] = "\1k\1z";
	struct stage stage;

	stage_init(&stage);
	stage_begin(&stage);
	must(zone_open(stage.writer, deep, NULL, NULL));
	stage_commit(&stage);
	ck_assert_uint_eq(root_zone_count(stage.root), 2);
	ck_assert(dns_name_equal(zone_apex(find(&stage, "a.k")->zone), deep));
	ck_assert(dns_name_equal(zone_apex(find(&stage, "k")->zone), deep));
	ck_assert(dns_name_equal(zone_apex(find(&stage, "a.b")->zone), stage_apex));
	ck_assert_ptr_eq(root_zone_for(stage.root, wire("x.k")), root_zone(stage.root, deep));
	stage_deinit(&stage);
}
END_TEST

/* z. and a zone of so many labels below it. */
static void find_between(size_t labels)
{
	uint8_t deep[DNS_NAME_MAX];
	uint8_t *end = deep;
	struct stage stage;

	for (; labels > 1; labels--) {
		*end++ = 1;
		*end++ = 'k';
	}
	memcpy(end, stage_apex, sizeof(stage_apex));
	stage_init(&stage);
	stage_begin(&stage);
	must(zone_open(stage.writer, deep, NULL, NULL));
	stage_commit(&stage);
	const struct zone *zone = root_zone(stage.root, deep);
	struct zone_find finds[] = {
		{.name = wire("web")}, {.name = deep}, {.name = deep + 2},
		{.name = deep},        {.name = deep}, {.name = wire("elsewhere.example.")},
		{.name = wire("a")},
	};
	zone_find(stage.root, finds, COUNT_OF(finds));
	ck_assert_ptr_eq(finds[0].zone, stage_zone(&stage));
	ck_assert_ptr_eq(finds[1].zone, zone);
	ck_assert_ptr_eq(finds[2].zone, stage_zone(&stage));
	ck_assert_ptr_eq(finds[3].zone, zone);
	ck_assert_ptr_eq(finds[4].zone, zone);
	ck_assert_ptr_null(finds[5].zone);
	ck_assert_ptr_eq(finds[6].zone, stage_zone(&stage));
	zone_find_near(stage.root, stage_zone(&stage), finds, 2);
	ck_assert_ptr_eq(finds[0].zone, stage_zone(&stage));
	ck_assert_ptr_eq(finds[1].zone, zone);
	stage_deinit(&stage);
}

START_TEST(the_zone_of_a_name_does_not_depend_on_the_one_before)
{
	static const size_t labels[] = {2, 3, 62, 63, 64, 65, 127};

	for (size_t i = 0; i < COUNT_OF(labels); i++) {
		find_between(labels[i]);
	}
}
END_TEST

START_TEST(each_set_of_a_node_comes_once)
{
	uint8_t scratch[SET_SCRATCH];
	struct stage stage;
	struct set set;
	uint64_t at = 0;
	uint32_t soas = 0;
	uint32_t sets = 0;

	stage_init(&stage);
	stage_put(&stage, "@", "-", "60 NS ns1\n60 NS ns2\n30 TXT \"x\"\n30 A 192.0.2.1\n");
	const struct zone *zone = stage_zone(&stage);
	const struct node *node = zone_node(zone, wire("@"));
	while (node_next_set(zone, node, &at, &set)) {
		struct set same;

		ck_assert(node_set(zone, node, set.type, &same));
		ck_assert_uint_eq(set.count, set.type == DNS_TYPE_NS ? 2 : 1);
		ck_assert_uint_eq(same.count, set.count);
		soas += set.type == DNS_TYPE_SOA;
		sets++;
	}
	ck_assert_uint_eq(sets, 4);
	ck_assert_uint_eq(soas, 1);
	ck_assert(!node_has_type(zone, node, DNS_TYPE_AAAA));
	ck_assert(node_set(zone, node, DNS_TYPE_SOA, &set));
	uint16_t size;
	const uint8_t *soa = set_member(&set, 0, scratch, &size);
	ck_assert_mem_eq(soa + size - 20, "\0\0\0\2", 4);
	ck_assert_uint_eq(stage_serial(&stage), 2);
	ck_assert(set_has(&set, soa, size));
	stage_deinit(&stage);
}
END_TEST

START_TEST(old_roots_stay_as_they_were_until_their_garbage_goes)
{
	struct garbage *garbage;
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "web._http._tcp", "a ptr lease:60", "60 SRV 0 0 80 h\n");
	stage_put(&stage, "h", "a lease:60", "60 A 192.0.2.1\n");
	const struct root *old = stage.root;
	const char *text = "web._http._tcp 60 SRV 0 0 80 h\n"
			   "h 60 A 192.0.2.1\n"
			   "_http._tcp 10 PTR web._http._tcp\n"
			   "_http._tcp 10 SRV 0 0 80 h\n"
			   "_services._dns-sd._udp 10 PTR _http._tcp\n"
			   "http.pool 10 A 192.0.2.1\n";
	stage_begin(&stage);
	stage_put(&stage, "h", "a lease:60", "60 A 192.0.2.2\n");
	stage_remove(&stage, "web._http._tcp");
	stage_put(&stage, "x.y", "b", "60 A 192.0.2.1\n");
	must(root_commit(stage.writer, 9, &stage.root, &garbage));
	stage.writer = NULL;
	expect_zone_of(old, text);
	expect_zone(&stage, "h 60 A 192.0.2.2\nx.y 60 A 192.0.2.1\n");
	ck_assert_uint_eq(root_index(stage.root), 9);
	ck_assert_uint_eq(root_version(stage.root), root_version(old) + 1);
	garbage_free(garbage);
	expect_zone(&stage, "h 60 A 192.0.2.2\nx.y 60 A 192.0.2.1\n");
	stage_deinit(&stage);
}
END_TEST

START_TEST(an_abort_leaves_the_root_as_it_was)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a lease:60", "60 A 192.0.2.1\n");
	stage_begin(&stage);
	stage_put(&stage, "h", "a lease:60", "60 A 192.0.2.2\n");
	stage_put(&stage, "x.y", "b", "60 A 192.0.2.1\n");
	root_abort(stage.writer);
	stage.writer = NULL;
	expect_zone(&stage, "h 60 A 192.0.2.1\n");
	ck_assert_uint_eq(stage_serial(&stage), 2);
	root_abort(NULL);
	stage_deinit(&stage);
}
END_TEST

struct lease_counts {
	size_t fresh;
	size_t dropped;
	struct lease *last;
};

static void count_lease(void *context, struct lease *lease, bool is_new)
{
	struct lease_counts *counts = context;

	counts->fresh += is_new;
	counts->dropped += !is_new;
	counts->last = lease;
}

static struct lease_counts put_and_count(struct stage *stage, const char *name, const char *how,
					 const char *lines)
{
	struct lease_counts counts = {0};

	stage_begin(stage);
	stage_put(stage, name, how, lines);
	root_each_lease(stage->writer, count_lease, &counts);
	stage_commit(stage);
	return counts;
}

static uint64_t version_of(const struct stage *stage, const char *name)
{
	struct content content;

	node_content(zone_entry(stage_zone(stage), wire(name)), &content, NULL, 0);
	return content.version;
}

static struct lease *lease_of(const struct stage *stage, const char *name)
{
	return node_lease(zone_entry(stage_zone(stage), wire(name)));
}

START_TEST(a_lease_keeps_its_cell_while_its_owner_keeps_the_name)
{
	struct stage stage;

	stage_init(&stage);
	struct lease_counts counts =
		put_and_count(&stage, "h", "a lease:60 version:5", "60 A 192.0.2.1\n");
	struct lease *lease = lease_of(&stage, "h");
	ck_assert_uint_eq(counts.fresh, 1);
	ck_assert_ptr_eq(counts.last, lease);
	ck_assert_uint_eq(lease->lease_s, 60);
	const struct zone *zone;
	const struct node *node = root_lease_node(stage.root, lease, &zone);
	ck_assert_ptr_eq(zone, stage_zone(&stage));
	ck_assert_ptr_eq(node, zone_entry(zone, wire("h")));
	ck_assert_uint_eq(version_of(&stage, "h"), 5);
	ck_assert_uint_eq(zone_lease_count(stage_zone(&stage)), 1);

	counts = put_and_count(&stage, "h", "a lease:90 version:6", "60 A 192.0.2.2\n");
	ck_assert_uint_eq(counts.fresh + counts.dropped, 0);
	ck_assert_ptr_eq(lease_of(&stage, "h"), lease);
	ck_assert_uint_eq(lease->lease_s, 90);
	ck_assert_uint_eq(version_of(&stage, "h"), 6);

	counts = put_and_count(&stage, "h", "b lease:90 version:7", "60 A 192.0.2.2\n");
	ck_assert_uint_eq(counts.fresh, 1);
	ck_assert_uint_eq(counts.dropped, 1);

	counts = put_and_count(&stage, "h", "b version:8", "60 A 192.0.2.2\n");
	ck_assert_uint_eq(counts.dropped, 1);
	ck_assert_ptr_null(lease_of(&stage, "h"));
	ck_assert_uint_eq(zone_lease_count(stage_zone(&stage)), 0);
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_lease_has_another_length_from_the_commit_on)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a lease:60", "60 A 192.0.2.1\n");
	const struct lease *lease = lease_of(&stage, "h");
	stage_begin(&stage);
	stage_put(&stage, "h", "a lease:90", "60 A 192.0.2.1\n");
	ck_assert_uint_eq(lease->lease_s, 60);
	root_abort(stage.writer);
	ck_assert_uint_eq(lease->lease_s, 60);
	stage_begin(&stage);
	stage_put(&stage, "h", "a lease:90", "60 A 192.0.2.1\n");
	/* One that comes and goes meanwhile. */
	stage_put(&stage, "k", "a lease:30", "60 A 192.0.2.1\n");
	stage_put(&stage, "h", "a lease:120", "60 A 192.0.2.1\n");
	stage_put(&stage, "k", "", "");
	stage_commit(&stage);
	ck_assert_uint_eq(lease->lease_s, 120);
	stage_begin(&stage);
	stage_put(&stage, "h", "a lease:90", "60 A 192.0.2.1\n");
	stage_put(&stage, "h", "a lease:120", "60 A 192.0.2.1\n");
	stage_commit(&stage);
	ck_assert_uint_eq(lease->lease_s, 120);
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_lease_made_and_dropped_in_one_writing_is_nobodys_news)
{
	struct lease_counts counts = {0};
	struct stage stage;

	stage_init(&stage);
	stage_begin(&stage);
	stage_put(&stage, "h", "a lease:60", "60 A 192.0.2.1\n");
	stage_remove(&stage, "h");
	root_each_lease(stage.writer, count_lease, &counts);
	ck_assert_uint_eq(counts.fresh + counts.dropped, 0);
	stage_commit(&stage);
	root_walk_leases(stage.root, count_lease, &counts);
	ck_assert_uint_eq(counts.fresh, 0);
	stage_deinit(&stage);
}
END_TEST

START_TEST(all_leases_of_a_root_can_be_walked)
{
	struct lease_counts counts = {0};
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a lease:60", "60 A 192.0.2.1\n");
	stage_put(&stage, "web._http._tcp", "a ptr lease:60", "");
	stage_put(&stage, "x", "a", "60 A 192.0.2.1\n");
	root_walk_leases(stage.root, count_lease, &counts);
	ck_assert_uint_eq(counts.fresh, 2);
	stage_deinit(&stage);
}
END_TEST

START_TEST(an_entry_without_records_does_not_exist_for_queries)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "web._http._tcp", "a ptr lease:60 version:3", "");
	ck_assert(!exists(&stage, "web._http._tcp"));
	ck_assert(!exists(&stage, "_tcp"));
	const struct node *node = zone_entry(stage_zone(&stage), wire("web._http._tcp"));
	struct content content;
	node_content(node, &content, NULL, 0);
	ck_assert_uint_eq(content.flags, NAME_PTR);
	ck_assert_uint_eq(content.version, 3);
	ck_assert(!node_is_published(stage_zone(&stage), node));
	ck_assert_uint_eq(zone_instance_count(stage_zone(&stage)), 1);
	ck_assert_uint_eq(stage_serial(&stage), 1);
	stage_remove(&stage, "web._http._tcp");
	ck_assert_ptr_null(zone_entry(stage_zone(&stage), wire("web._http._tcp")));
	ck_assert_uint_eq(zone_instance_count(stage_zone(&stage)), 0);
	stage_deinit(&stage);
}
END_TEST

START_TEST(an_entry_without_records_may_stand_at_an_empty_non_terminal)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "below.web._http._tcp", "a", "60 TXT \"x\"\n");
	stage_put(&stage, "web._http._tcp", "a ptr", "");
	ck_assert(!node_has_records(zone_node(stage_zone(&stage), wire("web._http._tcp"))));
	ck_assert_ptr_nonnull(zone_entry(stage_zone(&stage), wire("web._http._tcp")));
	stage_put(&stage, "web._http._tcp", "a ptr", "60 TXT \"y\"\n");
	ck_assert_ptr_eq(zone_entry(stage_zone(&stage), wire("web._http._tcp")),
			 zone_node(stage_zone(&stage), wire("web._http._tcp")));
	stage_put(&stage, "web._http._tcp", "a ptr", "");
	stage_remove(&stage, "below.web._http._tcp");
	ck_assert(!exists(&stage, "web._http._tcp"));
	ck_assert_ptr_nonnull(zone_entry(stage_zone(&stage), wire("web._http._tcp")));
	stage_deinit(&stage);
}
END_TEST

START_TEST(the_first_spelling_of_a_name_stays)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "Host.Sub", "a", "60 A 192.0.2.1\n");
	stage_put(&stage, "hOST.sUB", "a", "60 A 192.0.2.2\n");
	stage_put(&stage, "x.SUB", "a", "60 A 192.0.2.2\n");
	expect_zone(&stage, "Host.Sub 60 A 192.0.2.2\nx.SUB 60 A 192.0.2.2\n");
	ck_assert_mem_eq(node_name(zone_node(stage_zone(&stage), wire("SUB"))), "\3Sub", 4);
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_soa_moves_the_serial_only_forward_and_never_to_zero)
{
	struct zone_soa soa = stage_soa(100);
	struct stage stage;

	stage_init(&stage);
	stage_begin(&stage);
	must(zone_set_soa(stage.writer, stage_apex, &soa));
	stage_commit(&stage);
	ck_assert_uint_eq(stage_serial(&stage), 100);
	soa.serial = 50;
	stage_begin(&stage);
	must(zone_set_soa(stage.writer, stage_apex, &soa));
	stage_commit(&stage);
	ck_assert_uint_eq(stage_serial(&stage), 100);
	soa.minimum = 6;
	stage_begin(&stage);
	must(zone_set_soa(stage.writer, stage_apex, &soa));
	stage_commit(&stage);
	ck_assert_uint_eq(stage_serial(&stage), 101);
	ck_assert_uint_eq(zone_soa(stage_zone(&stage))->minimum, 6);
	soa.serial = 0x7fffffff;
	stage_begin(&stage);
	must(zone_set_soa(stage.writer, stage_apex, &soa));
	stage_commit(&stage);
	soa.serial = 0xfffffffe;
	stage_begin(&stage);
	must(zone_set_soa(stage.writer, stage_apex, &soa));
	stage_commit(&stage);
	ck_assert_uint_eq(stage_serial(&stage), 0xfffffffe);
	soa.serial = 0;
	stage_begin(&stage);
	must(zone_set_soa(stage.writer, stage_apex, &soa));
	stage_commit(&stage);
	ck_assert_uint_eq(stage_serial(&stage), 1);
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_soa_changed_and_changed_back_moves_nothing)
{
	struct zone_soa soa = stage_soa(1);
	struct stage stage;

	stage_init(&stage);
	stage_begin(&stage);
	soa.minimum = 6;
	must(zone_set_soa(stage.writer, stage_apex, &soa));
	soa.minimum = 5;
	must(zone_set_soa(stage.writer, stage_apex, &soa));
	stage_commit(&stage);
	ck_assert_uint_eq(stage_serial(&stage), 1);
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_static_zone_has_its_files_serial_and_can_be_dropped)
{
	static const uint8_t apex[] = "\6static";
	struct zone_soa soa = stage_soa(0);
	const struct record record = {
		.type = DNS_TYPE_A, .ttl = 60, .size = 4, .rdata = (const uint8_t *)"\300\0\2\1"};
	const struct content content = {
		.name = (const uint8_t *)"\1x\1y\6static", .records = &record, .count = 1};
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	for (uint32_t serial = 10; serial > 8; serial--) {
		soa.serial = serial;
		stage_begin(&stage);
		must(zone_open(stage.writer, apex, NULL, NULL));
		must(zone_set_soa(stage.writer, apex, &soa));
		must(zone_put(stage.writer, apex, &content));
		must(zone_set_served(stage.writer, apex, true));
		stage_commit(&stage);
		const struct zone *zone = root_zone(stage.root, apex);
		ck_assert(!zone_is_registry(zone));
		ck_assert(zone_is_served(zone));
		ck_assert_uint_eq(zone_serial(zone), serial);
		ck_assert_ptr_nonnull(zone_node(zone, content.name));
		ck_assert_ptr_null(zone_delta(zone, 0));
	}
	stage_begin(&stage);
	must(zone_drop(stage.writer, apex));
	ck_assert_int_eq(zone_drop(stage.writer, apex), ERR_NOTFOUND);
	stage_commit(&stage);
	ck_assert_ptr_null(root_zone(stage.root, apex));
	ck_assert_uint_eq(root_zone_count(stage.root), 1);
	expect_zone(&stage, "h 60 A 192.0.2.1\n");
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_zone_dropped_and_read_again_in_one_writing_is_the_new_one)
{
	static const uint8_t apex[] = "\6static";
	const struct zone_soa soa = stage_soa(1);
	const struct record record = {
		.type = DNS_TYPE_A, .ttl = 60, .size = 4, .rdata = (const uint8_t *)"\300\0\2\1"};
	struct content content = {
		.name = (const uint8_t *)"\1x\6static", .records = &record, .count = 1};
	struct stage stage;

	stage_init_empty(&stage);
	for (int round = 0; round < 3; round++) {
		stage_begin(&stage);
		if (round > 0) {
			must(zone_drop(stage.writer, apex));
		}
		content.name = (const uint8_t *)(round % 2 == 0 ? "\1x\6static" : "\1y\6static");
		must(zone_open(stage.writer, apex, NULL, NULL));
		must(zone_set_soa(stage.writer, apex, &soa));
		must(zone_put(stage.writer, apex, &content));
		stage_commit(&stage);
		const struct zone *zone = root_zone(stage.root, apex);
		ck_assert((zone_node(zone, (const uint8_t *)"\1x\6static") != NULL) ==
			  (round % 2 == 0));
		ck_assert((zone_node(zone, (const uint8_t *)"\1y\6static") != NULL) ==
			  (round % 2 == 1));
	}
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_zone_is_served_with_a_soa_and_until_it_is_not)
{
	const struct zone_shape shape = stage_shape();
	const struct zone_soa soa = stage_soa(1);
	struct stage stage;

	stage_init_empty(&stage);
	stage_begin(&stage);
	ck_assert_int_eq(zone_set_served(stage.writer, stage_apex, true), ERR_NOTFOUND);
	ck_assert_int_eq(zone_set_soa(stage.writer, stage_apex, &soa), ERR_NOTFOUND);
	must(zone_open(stage.writer, stage_apex, &shape, NULL));
	must(zone_set_served(stage.writer, stage_apex, true));
	stage_commit(&stage);
	ck_assert(!zone_is_served(stage_zone(&stage)));
	stage_begin(&stage);
	must(zone_set_soa(stage.writer, stage_apex, &soa));
	stage_commit(&stage);
	ck_assert(zone_is_served(stage_zone(&stage)));
	ck_assert(exists(&stage, "@"));
	stage_begin(&stage);
	must(zone_set_served(stage.writer, stage_apex, false));
	stage_commit(&stage);
	ck_assert(!zone_is_served(stage_zone(&stage)));
	stage_deinit(&stage);
}
END_TEST

START_TEST(two_zones_under_work_are_kept_apart)
{
	static const uint8_t other[] = "\5other";
	const struct zone_shape shape = stage_shape();
	const struct zone_soa soa = stage_soa(7);
	const struct record record = {
		.type = DNS_TYPE_A, .ttl = 60, .size = 4, .rdata = (const uint8_t *)"\300\0\2\1"};
	const struct content content = {
		.name = (const uint8_t *)"\1h\5other", .records = &record, .count = 1};
	struct stage stage;

	stage_init(&stage);
	stage_begin(&stage);
	must(zone_open(stage.writer, other, &shape, NULL));
	must(zone_set_soa(stage.writer, other, &soa));
	stage_commit(&stage);
	stage_begin(&stage);
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n");
	must(zone_put(stage.writer, other, &content));
	stage_put(&stage, "i", "a", "60 A 192.0.2.2\n");
	stage_commit(&stage);
	expect_delta(&stage, "+h 60 A 192.0.2.1\n+i 60 A 192.0.2.2\n");
	ck_assert_uint_eq(zone_serial(root_zone(stage.root, other)), 8);
	ck_assert_uint_eq(zone_delta(root_zone(stage.root, other), 0)->added, 1);
	stage_deinit(&stage);
}
END_TEST

START_TEST(owners_have_a_text)
{
	static const struct {
		struct owner owner;
		const char *text;
	} cases[] = {
		{{.kind = OWNER_NONE}, "nobody"},
		{{.kind = OWNER_BASE}, "base"},
		{{.kind = OWNER_NET}, "net"},
		{{.kind = OWNER_OPERATOR}, "operator"},
		{{OWNER_KEY, 5, (const uint8_t *)"\3ops"}, "key ops."},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char out[DNS_NAME_TEXT_MAX + 8];

		ck_assert_str_eq(owner_text(out, &cases[i].owner), cases[i].text);
	}
}
END_TEST

/* Everything a put can move at once. */
static const struct {
	const char *name;
	const char *how;
	const char *lines;
} much[] = {
	{"web._http._tcp", "a ptr lease:60 sub:_red", "60 SRV 0 0 80 h\n60 SRV 1 0 80 i\n"},
	{"h", "a lease:90", "60 A 192.0.2.2\n60 AAAA 2001:db8::2\n"},
	{"db._http._tcp", "-", ""},
	{"new._ipp._udp", "b ptr sub:_x sub:_y", "60 SRV 0 0 631 h\n60 TXT \"\"\n"},
	{"_http._tcp", "- leased lease:60", "10 PTR other\n10 SRV 0 0 1 h\n"},
	{"x.y.k", "b lease:30", "30 TXT \"x\"\n"},
	{"k", "-", ""},
};

static int change_much(struct stage *stage, struct made *const made[COUNT_OF(much)])
{
	int ret = OK;

	for (size_t i = 0; ret == OK && i < COUNT_OF(much); i++) {
		ret = zone_put(stage->writer, stage_apex, &made[i]->content);
	}
	return ret;
}

START_TEST(nth_allocation_fails_cleanly)
{
	static struct sorted before;
	static struct sorted now;
	struct made *made[COUNT_OF(much)];
	struct stage stage;
	unsigned failures = 0;

	for (size_t i = 0; i < COUNT_OF(much); i++) {
		made[i] = made_new(much[i].name, much[i].how, much[i].lines);
	}
	stage_init(&stage);
	stage_put(&stage, "h", "a lease:60", "60 A 192.0.2.1\n60 A 192.0.2.2\n");
	stage_put(&stage, "i", "a lease:60", "60 A 192.0.2.3\n");
	stage_put(&stage, "k", "a lease:60", "60 A 192.0.2.3\n");
	stage_put(&stage, "web._http._tcp", "a ptr lease:60 sub:_blue", "60 SRV 1 0 80 h\n");
	stage_put(&stage, "db._http._tcp", "a ptr lease:60", "60 SRV 0 0 80 i\n");
	for (unsigned n = 0;; n++) {
		struct root *root = NULL;
		struct garbage *garbage = NULL;

		fail_alloc_after(n);
		int ret = root_begin(&stage.writer, stage.root);
		if (ret == OK) {
			ret = change_much(&stage, made);
		}
		if (ret == OK) {
			ret = root_commit(stage.writer, 9, &root, &garbage);
		}
		fail_alloc_off();
		if (ret == OK) {
			ck_assert(!fail_alloc_hit());
			garbage_free(garbage);
			stage.root = root;
			stage.writer = NULL;
			break;
		}
		ck_assert_int_eq(ret, ERR_NOMEM);
		ck_assert(fail_alloc_hit());
		root_abort(stage.writer);
		stage.writer = NULL;
		sorted_zone(&now, stage_zone(&stage));
		if (n == 0) {
			sorted_zone(&before, stage_zone(&stage));
		}
		ck_assert_uint_eq(now.count, before.count);
		for (size_t i = 0; i < now.count; i++) {
			ck_assert_str_eq(now.lines[i], before.lines[i]);
		}
		sorted_free(&now);
		failures++;
	}
	sorted_free(&before);
	for (size_t i = 0; i < COUNT_OF(much); i++) {
		made_free(made[i]);
	}
	ck_assert_uint_gt(failures, 80);
	ck_assert_uint_eq(set_count(&stage, "http.pool", DNS_TYPE_A), 1);
	stage_deinit(&stage);
}
END_TEST

START_TEST(nth_allocation_of_a_first_root_fails_cleanly)
{
	struct root *root = NULL;

	fail_alloc_after(0);
	const int ret = root_new(&root);
	fail_alloc_off();
	ck_assert_int_eq(ret, ERR_NOMEM);
	root_free(NULL);
	garbage_free(NULL);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_name_has_what_was_put,
		a_put_replaces_the_whole_name,
		ancestors_exist_as_long_as_something_is_below,
		a_name_that_loses_its_records_stays_for_what_is_below,
		finding_names_the_way_to_a_name,
		the_highest_cut_on_the_way_is_found,
		the_deepest_zone_holds_a_name,
		the_zone_of_a_name_does_not_depend_on_the_one_before,
		each_set_of_a_node_comes_once,
		old_roots_stay_as_they_were_until_their_garbage_goes,
		an_abort_leaves_the_root_as_it_was,
		a_lease_keeps_its_cell_while_its_owner_keeps_the_name,
		a_lease_has_another_length_from_the_commit_on,
		a_lease_made_and_dropped_in_one_writing_is_nobodys_news,
		all_leases_of_a_root_can_be_walked,
		an_entry_without_records_does_not_exist_for_queries,
		an_entry_without_records_may_stand_at_an_empty_non_terminal,
		the_first_spelling_of_a_name_stays,
		a_soa_moves_the_serial_only_forward_and_never_to_zero,
		a_soa_changed_and_changed_back_moves_nothing,
		a_static_zone_has_its_files_serial_and_can_be_dropped,
		a_zone_dropped_and_read_again_in_one_writing_is_the_new_one,
		a_zone_is_served_with_a_soa_and_until_it_is_not,
		two_zones_under_work_are_kept_apart,
		owners_have_a_text,
		nth_allocation_fails_cleanly,
		nth_allocation_of_a_first_root_fails_cleanly,
	};

	return run_tests("zone/zone", tests, COUNT_OF(tests));
}
