#include "registry/inside.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/hex.h"
#include "tests/unit/registry/script.h"

#define ROOM (1u << 20)

/* Takes up what is saved. */
struct sink {
	uint8_t *octets;
	size_t size;
	size_t calls;
	size_t fails_at; /* call that fails; 0: none */
};

static int keep(void *context, const void *data, size_t size)
{
	struct sink *sink = context;

	if (++sink->calls == sink->fails_at) {
		return ERR_IO;
	}
	if (sink->size + size > ROOM) {
		abort();
	}
	memcpy(sink->octets + sink->size, data, size);
	sink->size += size;
	return OK;
}

/* A zone with one of everything. */
static struct play *play_full(void)
{
	const struct zone_shape shape = stage_shape();
	struct play *play = play_new_with(&shape, "@ 60 NS ns\nns 60 A 192.0.2.53\n"
						  "fixed._http._tcp 60 SRV 0 0 80 ns\n"
						  "_http._tcp 60 PTR fixed._http._tcp\n"
						  "_red._sub._http._tcp 60 PTR fixed._http._tcp\n");

	updated(play, "a lease:60 key-lease:1000",
		"add _http._tcp 60 PTR web._http._tcp\n"
		"add _red._sub._http._tcp 60 PTR web._http._tcp\n"
		"add _blue._sub._http._tcp 60 PTR web._http._tcp\n"
		"add web._http._tcp 60 SRV 0 5 80 h\nadd web._http._tcp 60 TXT \"x\"\n"
		"add h 60 A 192.0.2.1\nadd h 60 AAAA 2001:db8::1\n");
	updated(play, "b lease:90",
		"add _ipp._udp 60 PTR late._ipp._udp\n"
		"add @ 60 TXT \"leased\"\nadd x.y 60 TXT \"x\"\n");
	updated(play, "net",
		"add @ 60 TXT \"stays\"\nadd *.k 60 A 192.0.2.7\n"
		"add c 60 CNAME h\nadd d 60 DNAME h\n");
	updated(play, "operator", "add big 60 TYPE65280 \\# 4 00ff00ff\nadd cut 60 NS ns\n");
	updated(play, "a", "add gone 60 A 192.0.2.1\nadd left 60 A 192.0.2.1\n");
	play->time_s = 2000;
	updated(play, "a signed:1900", "del gone\ndel left\n");
	updated(play, "b signed:1950", "add _ipp._udp 60 PTR late._ipp._udp\n");
	expire(play, "h");
	return play;
}

static struct sink save(const struct play *play)
{
	struct sink sink = {.octets = malloc(ROOM)};

	must(registry_save(play->stage.root, keep, &sink));
	return sink;
}

/* Loads in pieces of `step` octets into a fresh root, or says what is wrong. */
static int load(const struct sink *sink, size_t step, struct root **out, uint64_t *index)
{
	struct registry_loader *loader;
	struct root_writer *writer;
	struct garbage *garbage;
	struct root *root;

	must(root_new(&root));
	must(root_begin(&writer, root));
	must(registry_loader_new(&loader, writer));
	int ret = OK;
	for (size_t at = 0; ret == OK && at < sink->size; at += step) {
		const size_t left = sink->size - at;

		ret = registry_loader_put(loader, sink->octets + at, left < step ? left : step);
	}
	if (ret == OK) {
		ret = registry_loader_end(loader, index);
	}
	registry_loader_free(loader);
	if (ret != OK) {
		root_abort(writer);
		root_free(root);
		return ret;
	}
	must(root_commit(writer, *index, &root, &garbage));
	garbage_free(garbage);
	*out = root;
	return OK;
}

static void expect_same(const struct root *one, const struct root *other)
{
	static struct sorted a;
	static struct sorted b;

	sorted_zone(&a, root_zone(one, stage_apex));
	sorted_zone(&b, root_zone(other, stage_apex));
	expect_sorted(&a, &b, "the zone that was loaded");
}

struct marks {
	struct zone_mark marks[8];
	size_t count;
};

static int note_mark(void *context, const struct zone_mark *mark)
{
	struct marks *marks = context;

	ck_assert_uint_lt(marks->count, COUNT_OF(marks->marks));
	marks->marks[marks->count++] = *mark;
	return OK;
}

static void expect_same_marks(const struct zone *one, const struct zone *other)
{
	struct marks a = {.count = 0};
	struct marks b = {.count = 0};

	must(zone_walk_marks(one, note_mark, &a));
	must(zone_walk_marks(other, note_mark, &b));
	ck_assert_uint_eq(a.count, 2);
	ck_assert_uint_eq(a.marks[0].signed_s, 1900);
	ck_assert_uint_eq(a.marks[0].until_s, 2600);
	ck_assert_uint_eq(b.count, 2);
	ck_assert_mem_eq(a.marks, b.marks, sizeof(a.marks[0]) * 2);
}

static int compare_entry(void *context, const struct zone *zone, const struct node *node)
{
	static struct record records[100];
	const struct zone *other = context;
	struct content one;
	struct content two;

	(void)zone;
	node_content(node, &one, records, COUNT_OF(records));
	const struct node *same = zone_entry(other, one.name);
	ck_assert((same != NULL) == (zone_entry(zone, one.name) != NULL));
	if (same == NULL) {
		return OK;
	}
	node_content(same, &two, records, COUNT_OF(records));
	ck_assert(owner_equal(&one.owner, &two.owner));
	ck_assert_uint_eq(one.flags, two.flags);
	ck_assert_uint_eq(one.count, two.count);
	ck_assert_uint_eq(one.lease_s, two.lease_s);
	ck_assert_uint_eq(one.key_lease_s, two.key_lease_s);
	ck_assert_uint_eq(one.version, two.version);
	ck_assert_uint_eq(one.changed_s, two.changed_s);
	ck_assert_uint_eq(one.signed_s, two.signed_s);
	ck_assert_uint_eq(one.subtypes_size, two.subtypes_size);
	ck_assert((node_lease(node) == NULL) == (node_lease(same) == NULL));
	if (node_lease(node) != NULL) {
		ck_assert_uint_eq(node_lease(node)->lease_s, node_lease(same)->lease_s);
	}
	return OK;
}

START_TEST(what_is_saved_is_loaded_the_same)
{
	struct play *play = play_full();
	struct sink sink = save(play);
	static const size_t steps[] = {1, 7, 4096, ROOM};

	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		struct root *root;
		uint64_t index;

		must(load(&sink, steps[i], &root, &index));
		const struct zone *zone = stage_zone(&play->stage);
		struct zone *loaded = (struct zone *)(uintptr_t)root_zone(root, stage_apex);
		ck_assert_uint_eq(index, root_index(play->stage.root));
		ck_assert_uint_eq(root_index(root), index);
		expect_same(root, play->stage.root);
		ck_assert_uint_eq(zone_serial(loaded), zone_serial(zone));
		ck_assert_uint_eq(zone_base_hash(loaded), zone_base_hash(zone));
		ck_assert_uint_eq(zone_lease_count(loaded), zone_lease_count(zone));
		ck_assert_uint_eq(zone_instance_count(loaded), zone_instance_count(zone));
		ck_assert(zone_is_served(loaded));
		ck_assert_mem_eq(zone_ring_key(loaded), zone_ring_key(zone), SIPHASH_KEY_SIZE);
		ck_assert(dns_name_equal(zone_soa(loaded)->mname, zone_soa(zone)->mname));
		ck_assert(dns_name_equal(zone_soa(loaded)->rname, zone_soa(zone)->rname));
		ck_assert_uint_eq(zone_soa(loaded)->ttl, zone_soa(zone)->ttl);
		ck_assert_uint_eq(zone_soa(loaded)->expire, zone_soa(zone)->expire);
		ck_assert_uint_eq(zone_soa(loaded)->minimum, zone_soa(zone)->minimum);
		must(zone_walk(zone, compare_entry, loaded));
		must(zone_walk(loaded, compare_entry, (void *)(uintptr_t)zone));
		ck_assert_ptr_null(zone_delta(loaded, 0));
		expect_same_marks(zone, loaded);
		root_free(root);
	}
	free(sink.octets);
	play_free(play);
}
END_TEST

START_TEST(a_loaded_zone_goes_on_where_it_was)
{
	struct play *play = play_full();
	struct sink sink = save(play);
	struct root *root;
	uint64_t index;

	must(load(&sink, 1000, &root, &index));
	const uint32_t serial = serial_of(play);
	root_free(play->stage.root);
	play->stage.root = root;
	expire(play, "web._http._tcp");
	ck_assert_uint_eq(serial_of(play), serial + 1);
	ck_assert(!is_there(play, "h")); /* overdue before */
	updated(play, "b lease:90 signed:1950", "add late._ipp._udp 60 SRV 0 0 631 ns\n");
	ck_assert_uint_eq(set_count(&play->stage, "ipp.udp.pool", DNS_TYPE_A), 1);
	refused(play, "a", "add x.y 60 TXT \"y\"\n", "key b.");
	free(sink.octets);
	play_free(play);
}
END_TEST

START_TEST(retired_zones_are_kept_and_static_ones_are_not)
{
	static const uint8_t other[] = "\6static";
	const struct zone_soa soa = stage_soa(1);
	struct play *play = play_full();
	struct root *root;
	uint64_t index;

	stage_begin(&play->stage);
	must(zone_open(play->stage.writer, other, NULL, NULL));
	must(zone_set_soa(play->stage.writer, other, &soa));
	stage_commit(&play->stage);
	retire(play);
	struct sink sink = save(play);
	must(load(&sink, 1000, &root, &index));
	ck_assert_uint_eq(root_zone_count(root), 1);
	ck_assert(!zone_is_served(root_zone(root, stage_apex)));
	expect_same(root, play->stage.root);
	root_free(root);
	free(sink.octets);
	play_free(play);
}
END_TEST

START_TEST(an_empty_root_is_a_snapshot_too)
{
	struct play *play = play_new_empty();
	struct sink sink = save(play);
	struct root *root;
	uint64_t index;

	must(load(&sink, 3, &root, &index));
	ck_assert_uint_eq(index, 0);
	ck_assert_uint_eq(root_zone_count(root), 0);
	root_free(root);
	free(sink.octets);
	play_free(play);
}
END_TEST

START_TEST(a_snapshot_that_is_not_whole_is_damage)
{
	struct play *play = play_full();
	struct sink sink = save(play);
	const size_t whole = sink.size;
	struct root *root;
	uint64_t index;

	for (sink.size = 0; sink.size < whole; sink.size++) {
		ck_assert_int_eq(load(&sink, ROOM, &root, &index), ERR_DAMAGED);
	}
	sink.octets[whole] = 0;
	sink.size = whole + 1;
	ck_assert_int_eq(load(&sink, ROOM, &root, &index), ERR_DAMAGED);
	free(sink.octets);
	play_free(play);
}
END_TEST

/* Any damage ends in an error or in a zone, never in a crash (the sanitizers look on). */
START_TEST(octets_turned_around_do_no_harm)
{
	struct play *play = play_full();
	struct sink sink = save(play);
	size_t refusals = 0;

	for (size_t i = 0; i < sink.size; i++) {
		static const uint8_t turns[] = {0x01, 0x80, 0xff};

		for (size_t k = 0; k < COUNT_OF(turns); k++) {
			struct root *root;
			uint64_t index;

			sink.octets[i] ^= turns[k];
			if (load(&sink, ROOM, &root, &index) == OK) {
				root_free(root);
			} else {
				refusals++;
			}
			sink.octets[i] ^= turns[k];
		}
	}
	ck_assert_uint_gt(refusals, sink.size);
	free(sink.octets);
	play_free(play);
}
END_TEST

START_TEST(another_format_is_foreign)
{
	struct play *play = play_new_empty();
	struct sink sink = save(play);
	struct root *root;
	uint64_t index;

	sink.octets[6]++; /* behind size and kind: the format */
	ck_assert_int_eq(load(&sink, ROOM, &root, &index), ERR_FOREIGN);
	free(sink.octets);
	play_free(play);
}
END_TEST

/* The name of the frame at `at`, which is a NAME, as text; *at: the next one. */
static const char *frame_name(const struct sink *sink, size_t *at, char out[DNS_NAME_TEXT_MAX])
{
	struct buf_reader in = buf_reader(sink->octets + *at, sink->size - *at);
	const uint32_t size = buf_read_u32(&in);
	const uint8_t kind = buf_read_u8(&in);

	*at += 4 + (size_t)size;
	return kind == 3 ? dns_name_to_text(out, in.at) : NULL;
}

START_TEST(instances_are_saved_type_by_type_in_their_order)
{
	struct play *play = play_new();
	char seen[40][DNS_NAME_TEXT_MAX];
	size_t count = 0;

	for (unsigned i = 0; i < 40; i++) {
		char lines[200];
		const char *type = i % 2 == 0 ? "_http._tcp" : "_ipp._tcp";

		snprintf(lines, sizeof(lines),
			 "add %s 60 PTR w%02u.%s\nadd w%02u.%s 60 SRV 0 0 80 h\n", type, i * 7 % 40,
			 type, i * 7 % 40, type);
		updated(play, "a lease:60", lines);
	}
	struct sink sink = save(play);
	for (size_t at = 0; at < sink.size && count < 40;) {
		const char *name = frame_name(&sink, &at, seen[count]);
		count += name != NULL && strncmp(name, "w", 1) == 0;
	}
	ck_assert_uint_eq(count, 40);
	for (size_t i = 1; i < 40; i++) {
		ck_assert(i == 20 || strcmp(seen[i - 1], seen[i]) < 0);
	}
	free(sink.octets);
	play_free(play);
}
END_TEST

START_TEST(a_failing_sink_ends_the_saving)
{
	struct play *play = play_full();
	struct sink sink = {.octets = malloc(ROOM), .fails_at = 1};

	ck_assert_int_eq(registry_save(play->stage.root, keep, &sink), ERR_IO);
	ck_assert_uint_eq(sink.calls, 1);
	free(sink.octets);
	play_free(play);
}
END_TEST

START_TEST(a_name_larger_than_the_buffer_is_saved_whole)
{
	static char lines[SCRIPT_MAX / 2];
	struct play *play = play_new();
	struct root *root;
	uint64_t index;

	for (int i = 0; i < 900; i++) {
		snprintf(lines + strlen(lines), 300, "add h 60 TXT \"%0200d\"\n", i);
	}
	updated(play, "a", lines);
	struct sink sink = save(play);
	ck_assert_uint_gt(sink.size, 180000);
	must(load(&sink, 5000, &root, &index));
	expect_same(root, play->stage.root);
	root_free(root);
	free(sink.octets);
	play_free(play);
}
END_TEST

START_TEST(nth_allocation_of_saving_fails_cleanly)
{
	struct play *play = play_full();
	struct sink sink = {.octets = malloc(ROOM)};

	for (unsigned n = 0;; n++) {
		sink.size = 0;
		fail_alloc_after(n);
		const int ret = registry_save(play->stage.root, keep, &sink);
		fail_alloc_off();
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(ret, OK);
			ck_assert_uint_gt(n, 1);
			break;
		}
		ck_assert_int_eq(ret, ERR_NOMEM);
	}
	free(sink.octets);
	play_free(play);
}
END_TEST

START_TEST(nth_allocation_of_loading_fails_cleanly)
{
	struct play *play = play_full();
	struct sink sink = save(play);

	for (unsigned n = 0;; n++) {
		struct registry_loader *loader = NULL;
		struct root_writer *writer = NULL;
		struct root *root;

		must(root_new(&root));
		must(root_begin(&writer, root));
		fail_alloc_after(n);
		int ret = registry_loader_new(&loader, writer);
		if (ret == OK) {
			ret = registry_loader_put(loader, sink.octets, sink.size);
		}
		fail_alloc_off();
		registry_loader_free(loader);
		root_abort(writer);
		root_free(root);
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(ret, OK);
			ck_assert_uint_gt(n, 40);
			break;
		}
		ck_assert_int_eq(ret, ERR_NOMEM);
	}
	free(sink.octets);
	play_free(play);
}
END_TEST

/* ---- src/registry/FORMAT.md --------------------------------------------------------------- */

START_TEST(the_example_of_the_format_is_true)
{
	static const char example[] =
		"0000000b 01 0001 0000000000000002"
		"00000073 02 01 00000002 738cdf786779a31b 02 017a00 0000000a 00015180 0000001e"
		"00001c20 00093a80 00 00000000 00000064 00030d40 04706f6f6c"
		"73746167652072696e67206b65790000 00000005 026e73017a00 0561646d696e017a00"
		"00000001 00000e10 00000258 00015180 00000005 00000000"
		"00000058 03 03776562055f68747470045f746370017a00 01 03 03 016100 0000003c 0000003c"
		"0000000000000002 00000000000003e8 00000000000003e8 0005 045f726564 00000001"
		"0021 0000003c 00 000b 0000000100500168017a00"
		"00000009 04 0000000000000001";
	struct play *play = play_new();
	static uint8_t want[512];
	const size_t want_size = hex_read(want, sizeof(want), example);

	updated(play, "a lease:60",
		"add _http._tcp 60 PTR web._http._tcp\n"
		"add _red._sub._http._tcp 60 PTR web._http._tcp\n"
		"add web._http._tcp 60 SRV 0 1 80 h\n");
	struct sink sink = save(play);
	ck_assert_uint_eq(sink.size, want_size);
	ck_assert_mem_eq(sink.octets, want, want_size);
	free(sink.octets);
	play_free(play);
}
END_TEST

/* Labels of 63 octets, of which the last goes over the end, and over what 16 bits count. */
START_TEST(subtypes_that_go_over_their_end_are_damage)
{
	static uint8_t subtypes[UINT16_MAX];
	static uint8_t octets[UINT16_MAX + 512];
	const struct content content = {
		.name = (const uint8_t *)"\3web\5_http\4_tcp\1z",
		.subtypes = subtypes,
		.subtypes_size = sizeof(subtypes),
	};
	struct buf_writer out = buf_writer(octets, sizeof(octets));
	struct content_room room = {.count = 0};
	struct content got;

	memset(subtypes, DNS_LABEL_MAX, sizeof(subtypes));
	content_write(&out, &content);
	ck_assert(!out.failed);
	struct buf_reader in = buf_reader(octets, buf_written(&out));
	ck_assert_int_eq(content_read(&in, (const uint8_t *)"\1z", &room, &got), ERR_DAMAGED);
	content_room_free(&room);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		subtypes_that_go_over_their_end_are_damage,
		what_is_saved_is_loaded_the_same,
		a_loaded_zone_goes_on_where_it_was,
		retired_zones_are_kept_and_static_ones_are_not,
		an_empty_root_is_a_snapshot_too,
		a_snapshot_that_is_not_whole_is_damage,
		octets_turned_around_do_no_harm,
		another_format_is_foreign,
		instances_are_saved_type_by_type_in_their_order,
		a_failing_sink_ends_the_saving,
		a_name_larger_than_the_buffer_is_saved_whole,
		nth_allocation_of_saving_fails_cleanly,
		nth_allocation_of_loading_fails_cleanly,
		the_example_of_the_format_is_true,
	};

	return run_tests("registry/save", tests, COUNT_OF(tests));
}
