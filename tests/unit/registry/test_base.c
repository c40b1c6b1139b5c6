#include "base/log.h"
#include "tests/unit/registry/script.h"
#include "tests/unit/zone/walk_leases.h"

static struct zone_shape shape;

static void setup(void)
{
	shape = stage_shape();
	log_set_level(LOG_LEVEL_ERROR);
}

static struct play *new_with(const char *base)
{
	setup();
	return play_new_with(&shape, base);
}

START_TEST(the_first_base_makes_the_zone)
{
	setup();
	struct play *play = play_new_empty();

	based(play, &shape, 7, "@ 60 NS ns\nns 60 A 192.0.2.53\n");
	ck_assert(zone_is_served(stage_zone(&play->stage)));
	ck_assert(zone_is_registry(stage_zone(&play->stage)));
	ck_assert_uint_eq(serial_of(play), 7);
	ck_assert_uint_eq(zone_soa(stage_zone(&play->stage))->minimum, 5);
	ck_assert_mem_eq(zone_ring_key(stage_zone(&play->stage)), "stage ring key", 15);
	expect_zone(&play->stage, "@ 60 NS ns\nns 60 A 192.0.2.53\n");
	ck_assert_int_eq(content_of(play, "ns").owner.kind, OWNER_BASE);
	play_free(play);
}
END_TEST

START_TEST(a_first_serial_of_zero_becomes_one)
{
	setup();
	struct play *play = play_new_empty();

	based(play, &shape, 0, "");
	ck_assert_uint_eq(serial_of(play), 1);
	play_free(play);
}
END_TEST

START_TEST(the_same_base_again_moves_nothing)
{
	struct play *play = new_with("@ 60 NS ns\nns 60 A 192.0.2.53\n_http._tcp 60 TXT \"x\"\n");

	updated(play, "a lease:60", REGISTER_WEB);
	const uint32_t serial = serial_of(play);
	const struct lease *lease = node_lease(zone_entry(stage_zone(&play->stage), wire("h")));
	based(play, &shape, 1, "@ 60 NS ns\nns 60 A 192.0.2.53\n_http._tcp 60 TXT \"x\"\n");
	ck_assert_uint_eq(serial_of(play), serial);
	ck_assert_ptr_eq(node_lease(zone_entry(stage_zone(&play->stage), wire("h"))), lease);
	play_free(play);
}
END_TEST

START_TEST(a_bases_serial_counts_when_it_is_greater)
{
	struct play *play = new_with("");

	updated(play, "a", "add x 60 A 192.0.2.1\n");
	updated(play, "a", "add y 60 A 192.0.2.1\n");
	ck_assert_uint_eq(serial_of(play), 3);
	based(play, &shape, 2, "b 60 TXT \"x\"\n");
	ck_assert_uint_eq(serial_of(play), 4);
	based(play, &shape, 2026010100, "b 60 TXT \"x\"\n");
	ck_assert_uint_eq(serial_of(play), 2026010100);
	play_free(play);
}
END_TEST

START_TEST(what_the_old_base_held_and_the_new_does_not_goes)
{
	struct play *play = new_with("old 60 A 192.0.2.1\nboth 60 A 192.0.2.1\nboth 60 TXT \"x\"\n"
				     "@ 60 TXT \"old\"\n_http._tcp 60 TXT \"old\"\n");

	updated(play, "a", "add @ 60 TXT \"mine\"\n");
	based(play, &shape, 1, "new 60 A 192.0.2.1\nboth 60 A 192.0.2.2\n");
	expect_zone(&play->stage, "new 60 A 192.0.2.1\nboth 60 A 192.0.2.2\n@ 60 TXT \"mine\"\n");
	expect_delta(&play->stage, "-old 60 A 192.0.2.1\n"
				   "-both 60 A 192.0.2.1\n"
				   "-both 60 TXT \"x\"\n"
				   "-@ 60 TXT \"old\"\n"
				   "-_http._tcp 10 TXT \"old\"\n"
				   "+new 60 A 192.0.2.1\n"
				   "+both 60 A 192.0.2.2\n");
	updated(play, "a", "add old 60 A 192.0.2.9\n");
	play_free(play);
}
END_TEST

START_TEST(the_base_wins_over_what_providers_had_at_its_names)
{
	struct play *play = new_with("");

	updated(play, "a lease:60",
		REGISTER_WEB "add h 60 TXT \"mine\"\nadd other 60 A 192.0.2.9\n");
	batch_begin(play);
	based(play, &shape, 1, "H 300 A 192.0.2.2\nnew 300 A 192.0.2.2\n");
	/* Who applies it for good says from whom names were taken. */
	struct content before;
	char text[DNS_NAME_TEXT_MAX + 8];
	ck_assert_uint_eq(play->plan.count, 1);
	ck_assert(play->plan.names[0].is_takeover);
	ck_assert_int_eq(play->plan.owner.kind, OWNER_BASE);
	node_content(play->plan.names[0].old, &before, NULL, 0);
	ck_assert_mem_eq(before.name, "\1h\1z", 5);
	ck_assert_str_eq(owner_text(text, &before.owner), "key a.");
	batch_commit(play);
	ck_assert_int_eq(content_of(play, "h").owner.kind, OWNER_BASE);
	ck_assert_uint_eq(content_of(play, "h").lease_s, 0);
	ck_assert_uint_eq(zone_lease_count(stage_zone(&play->stage)), 2);
	expect_zone(&play->stage, "web._http._tcp 60 SRV 0 0 80 h\n"
				  "h 300 A 192.0.2.2\n"
				  "new 300 A 192.0.2.2\n"
				  "other 60 A 192.0.2.9\n"
				  "_http._tcp 10 PTR web._http._tcp\n"
				  "_http._tcp 10 SRV 0 0 80 h\n"
				  "_services._dns-sd._udp 10 PTR _http._tcp\n"
				  "http.pool 10 A 192.0.2.2\n");
	play_free(play);
}
END_TEST

START_TEST(at_shared_names_both_stand_and_what_both_say_is_the_bases)
{
	struct play *play = new_with("");

	updated(play, "a lease:60",
		"add @ 30 TXT \"mine\"\nadd @ 30 TXT \"both\"\n"
		"add _http._tcp 30 TXT \"both\"\n");
	based(play, &shape, 1,
	      "@ 60 TXT \"both\"\n@ 60 TXT \"base\"\n_http._tcp 60 TXT \"both\"\n");
	expect_zone(&play->stage, "@ 60 TXT \"mine\"\n"
				  "@ 60 TXT \"both\"\n"
				  "@ 60 TXT \"base\"\n"
				  "_http._tcp 10 TXT \"both\"\n");
	ck_assert_uint_eq(content_of(play, "@").lease_s, 60);
	ck_assert_uint_eq(content_of(play, "_http._tcp").lease_s, 0);
	ck_assert_uint_eq(zone_lease_count(stage_zone(&play->stage)), 1);
	refused(play, "a", "del @ TXT \"both\"\n", "base file");
	updated(play, "a", "del @ TXT \"mine\"\n");
	play_free(play);
}
END_TEST

START_TEST(an_instance_of_the_base_is_published_with_its_ptr)
{
	struct play *play = new_with("h 60 A 192.0.2.1\nweb._http._tcp 60 SRV 0 0 80 h\n");

	expect_zone(&play->stage, "h 60 A 192.0.2.1\nweb._http._tcp 60 SRV 0 0 80 h\n");
	based(play, &shape, 1,
	      "h 60 A 192.0.2.1\nweb._http._tcp 60 SRV 0 0 80 h\n"
	      "_http._tcp 60 PTR web._http._tcp\n_red._sub._http._tcp 60 PTR web._http._tcp\n");
	expect_zone(&play->stage, WEB_IS_THERE "_red._sub._http._tcp 10 PTR web._http._tcp\n");
	based(play, &shape, 1,
	      "h 60 A 192.0.2.1\n_http._tcp 60 PTR web._http._tcp\n"
	      "_red._sub._http._tcp 60 PTR web._http._tcp\n");
	expect_zone(&play->stage, "h 60 A 192.0.2.1\n");
	ck_assert_uint_eq(content_of(play, "web._http._tcp").subtypes_size, 0);
	ck_assert_int_eq(content_of(play, "web._http._tcp").owner.kind, OWNER_BASE);
	refused(play, "a", "add web._http._tcp 60 SRV 0 0 80 h\n", "base file");
	based(play, &shape, 1, "h 60 A 192.0.2.1\n");
	ck_assert(!is_there(play, "web._http._tcp"));
	play_free(play);
}
END_TEST

START_TEST(a_subtype_alone_in_the_base_takes_no_name)
{
	struct play *play = new_with("_red._sub._http._tcp 60 PTR web._http._tcp\n");

	ck_assert(!is_there(play, "web._http._tcp"));
	updated(play, "a lease:60", REGISTER_WEB);
	expect_zone(&play->stage, WEB_IS_THERE);
	based(play, &shape, 1, "_red._sub._http._tcp 60 PTR web._http._tcp\nx 60 TXT \"x\"\n");
	expect_zone(&play->stage, WEB_IS_THERE "x 60 TXT \"x\"\n");
	ck_assert_uint_eq(content_of(play, "web._http._tcp").lease_s, 60);
	play_free(play);
}
END_TEST

/* It is in the log: were it damage, no start would get beyond it. */
START_TEST(more_subtypes_than_an_instance_may_have_refuse_the_base)
{
	static char lines[SCRIPT_MAX / 4];
	struct play *play = new_with("h 60 A 192.0.2.1\n");
	struct zone_shape other = shape;
	char *at = lines;

	for (unsigned i = 0; i < 300; i++) {
		at += sprintf(at, "_%055u._sub._http._tcp 60 PTR web._http._tcp\n", i);
	}
	other.ttl_derived_s = 20;
	write_base(play, &other, 2, lines);
	ck_assert_uint_eq(apply(play), DNS_RCODE_REFUSED);
	ck_assert_str_eq(play->result.ede_text,
			 "web._http._tcp.z. has too many subtypes in the base file");
	ck_assert(!play->result.is_change);
	ck_assert_uint_eq(serial_of(play), 1);
	ck_assert_uint_eq(zone_shape(stage_zone(&play->stage))->ttl_derived_s, 10);
	expect_zone(&play->stage, "h 60 A 192.0.2.1\n");
	play_free(play);
}
END_TEST

START_TEST(explicit_records_of_types_are_merged_with_derived_ones)
{
	struct play *play = new_with("_http._tcp 60 PTR printer.example.\n"
				     "_http._tcp 60 SRV 0 0 80 h\n"
				     "_services._dns-sd._udp 60 PTR _http._tcp\n");

	updated(play, "a", REGISTER_WEB);
	expect_zone(&play->stage, WEB_IS_THERE "_http._tcp 10 PTR printer.example.\n");
	based(play, &shape, 1, "");
	expect_zone(&play->stage, WEB_IS_THERE);
	play_free(play);
}
END_TEST

START_TEST(an_overdue_host_goes_when_the_base_takes_its_last_instance)
{
	struct play *play = new_with("");

	updated(play, "a lease:60", REGISTER_WEB);
	expire(play, "h");
	based(play, &shape, 1, "web._http._tcp 60 TXT \"base\"\n");
	expect_zone(&play->stage, "web._http._tcp 60 TXT \"base\"\n");
	play_free(play);
}
END_TEST

START_TEST(the_shape_travels_with_the_base)
{
	struct play *play = new_with("_http._tcp 60 TXT \"x\"\n");

	updated(play, "a lease:60", REGISTER_WEB);
	updated(play, "b", "add http.vip 60 A 192.0.2.9\n");
	const uint64_t version = version_of(play, "h");
	shape.ttl_derived_s = 20;
	shape.lease_max_s = 45;
	memcpy(shape.pool_label, "\3vip", 4);
	based(play, &shape, 1, "_http._tcp 60 TXT \"x\"\n");
	expect_zone(&play->stage, "web._http._tcp 60 SRV 0 0 80 h\n"
				  "h 60 A 192.0.2.1\n"
				  "_http._tcp 20 PTR web._http._tcp\n"
				  "_http._tcp 20 SRV 0 0 80 h\n"
				  "_http._tcp 20 TXT \"x\"\n"
				  "_services._dns-sd._udp 20 PTR _http._tcp\n"
				  "http.vip 20 A 192.0.2.1\n");
	ck_assert_uint_eq(version_of(play, "h"), version);
	ck_assert_uint_eq(content_of(play, "h").lease_s, 60);
	updated(play, "a lease:60", "add h 60 A 192.0.2.1\n");
	ck_assert_uint_eq(content_of(play, "h").lease_s, 45);
	refused(play, "b", "add x.vip 60 A 192.0.2.9\n", "reserved");
	updated(play, "b", "add x.pool 60 A 192.0.2.9\n");
	play_free(play);
}
END_TEST

struct lease_sum {
	size_t count;
	uint64_t renewed;
};

static void add_lease(void *context, struct lease *lease, bool is_new)
{
	struct lease_sum *sum = context;

	(void)is_new;
	sum->count++;
	sum->renewed += lease->renewed_ms;
}

/* Nothing lives longer than its lease because the base is edited often (design 7). */
START_TEST(another_shape_renews_no_lease)
{
	struct play *play = new_with("");
	struct lease_sum sum = {0};

	updated(play, "a lease:60", REGISTER_WEB);
	updated(play, "b lease:60", "add http.vip 60 A 192.0.2.9\n");
	updated(play, "b lease:60", "add _later._tcp 60 PTR x._later._tcp\n");
	struct lease *leases[] = {
		node_lease(zone_entry(stage_zone(&play->stage), wire("h"))),
		node_lease(zone_entry(stage_zone(&play->stage), wire("web._http._tcp"))),
		node_lease(zone_entry(stage_zone(&play->stage), wire("x._later._tcp")))};
	leases[0]->renewed_ms = 7;
	leases[1]->renewed_ms = 11;
	leases[2]->renewed_ms = 13;
	shape.ttl_derived_s = 20;
	memcpy(shape.pool_label, "\3vip", 4);
	based(play, &shape, 1, "");
	ck_assert_ptr_eq(node_lease(zone_entry(stage_zone(&play->stage), wire("h"))), leases[0]);
	root_walk_leases(play->stage.root, add_lease, &sum);
	/* The name under the label that is reserved now is gone, and its lease. */
	ck_assert_uint_eq(sum.count, 3);
	ck_assert_uint_eq(sum.renewed, 7 + 11 + 13);
	ck_assert_uint_eq(zone_lease_count(stage_zone(&play->stage)), 3);
	expire(play, "web._http._tcp");
	expire(play, "h");
	ck_assert_uint_eq(zone_lease_count(stage_zone(&play->stage)), 1);
	play_free(play);
}
END_TEST

START_TEST(the_hash_tells_bases_apart_and_ignores_the_rings_key)
{
	setup();
	struct play *play = play_new_empty();
	uint64_t hashes[4];

	write_base(play, &shape, 1, "h 60 A 192.0.2.1\n");
	hashes[0] = registry_base_hash(play->command, play->size);
	ck_assert_uint_eq(apply(play), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(zone_base_hash(stage_zone(&play->stage)), hashes[0]);
	play->command[1 + 3 + 33 + 5] ^= 1; /* the first octet of the ring's key */
	ck_assert_uint_eq(registry_base_hash(play->command, play->size), hashes[0]);
	write_base(play, &shape, 1, "h 60 A 192.0.2.2\n");
	hashes[1] = registry_base_hash(play->command, play->size);
	write_base(play, &shape, 2, "h 60 A 192.0.2.1\n");
	hashes[2] = registry_base_hash(play->command, play->size);
	shape.ttl_max_s++;
	write_base(play, &shape, 1, "h 60 A 192.0.2.1\n");
	hashes[3] = registry_base_hash(play->command, play->size);
	for (size_t i = 0; i < COUNT_OF(hashes); i++) {
		ck_assert_uint_ne(hashes[i], 0);
		for (size_t k = 0; k < i; k++) {
			ck_assert_uint_ne(hashes[i], hashes[k]);
		}
	}
	ck_assert_uint_eq(registry_base_hash(play->command, play->size - 1), 0);
	play_free(play);
}
END_TEST

START_TEST(the_rings_key_is_that_of_the_first_base)
{
	struct play *play = new_with("");

	write_base(play, &shape, 1, "");
	play->command[1 + 3 + 33 + 5] ^= 1;
	ck_assert_uint_eq(apply(play), DNS_RCODE_NOERROR);
	ck_assert_mem_eq(zone_ring_key(stage_zone(&play->stage)), "stage ring key", 15);
	play_free(play);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_first_base_makes_the_zone,
		a_first_serial_of_zero_becomes_one,
		the_same_base_again_moves_nothing,
		a_bases_serial_counts_when_it_is_greater,
		what_the_old_base_held_and_the_new_does_not_goes,
		the_base_wins_over_what_providers_had_at_its_names,
		at_shared_names_both_stand_and_what_both_say_is_the_bases,
		an_instance_of_the_base_is_published_with_its_ptr,
		a_subtype_alone_in_the_base_takes_no_name,
		more_subtypes_than_an_instance_may_have_refuse_the_base,
		explicit_records_of_types_are_merged_with_derived_ones,
		an_overdue_host_goes_when_the_base_takes_its_last_instance,
		the_shape_travels_with_the_base,
		another_shape_renews_no_lease,
		the_hash_tells_bases_apart_and_ignores_the_rings_key,
		the_rings_key_is_that_of_the_first_base,
	};

	return run_tests("registry/base", tests, COUNT_OF(tests));
}
