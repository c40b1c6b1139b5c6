#include "base/rand.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/zone/stage.h"

#define LINES 20000
#define LINE 256

/* Every RR of a zone with its place in its set, sorted: two zones that answer alike have the same. */
struct dump {
	char (*lines)[LINE];
	size_t count;
};

static int dump_node(void *context, const struct zone *zone, const struct node *node)
{
	struct dump *dump = context;
	char name[DNS_NAME_TEXT_MAX];
	uint8_t folded[DNS_NAME_MAX];
	uint8_t scratch[SET_SCRATCH];
	struct set set;
	uint64_t at = 0;

	dns_name_fold(folded, node_name(node));
	dns_name_to_text(name, folded);
	while (node_next_set(zone, node, &at, &set)) {
		const bool is_address = set_is_walked(&set) &&
					(set.type == DNS_TYPE_A || set.type == DNS_TYPE_AAAA);
		struct set_walk walk;

		if (set.type == DNS_TYPE_SOA) {
			continue; /* its serial is the one of the last commit */
		}
		if (is_address) {
			set_walk_start(&walk, &set, 0);
		}
		for (uint32_t i = 0; i < set.count; i++) {
			uint16_t size;
			const uint8_t *rdata = set_member(&set, i, scratch, &size);
			char text[160] = "";
			for (uint16_t k = 0; k < size && k < 70; k++) {
				snprintf(text + 2 * k, 3, "%02x", dns_fold(rdata[k]));
			}
			ck_assert_uint_lt(dump->count, LINES);
			snprintf(dump->lines[dump->count++], LINE, "%.60s %u %u.%u/%u %u %s", name,
				 set.type, i, set.lowest, set.heaviest,
				 is_address ? set_weight(set_walk_next(&walk)) : 0, text);
		}
	}
	return 0;
}

static int order_lines(const void *one, const void *other)
{
	return strcmp(one, other);
}

static struct dump dump_of(const struct stage *stage)
{
	struct dump dump = {.lines = calloc(LINES, LINE)};
	const struct zone *zone = stage_zone(stage);

	must(zone_walk(zone, dump_node, &dump));
	qsort(dump.lines, dump.count, LINE, order_lines);
	return dump;
}

static void expect_same(const struct stage *one, const struct stage *other)
{
	struct dump first = dump_of(one);
	struct dump second = dump_of(other);

	for (size_t i = 0; i < first.count && i < second.count; i++) {
		ck_assert_str_eq(first.lines[i], second.lines[i]);
	}
	ck_assert_uint_eq(first.count, second.count);
	ck_assert_uint_eq(zone_instance_count(stage_zone(one)),
			  zone_instance_count(stage_zone(other)));
	ck_assert_uint_eq(zone_lease_count(stage_zone(one)), zone_lease_count(stage_zone(other)));
	free(first.lines);
	free(second.lines);
}

/* ---- the same zone, loaded --------------------------------------------------------------- */

struct copier {
	struct root_writer *writer;
	const struct node **nodes;
	size_t count;
};

static int collect(void *context, const struct zone *zone, const struct node *node)
{
	struct copier *copier = context;

	(void)zone;
	copier->nodes[copier->count++] = node;
	return 0;
}

static int load_node(struct root_writer *writer, const struct node *node)
{
	struct record records[STAGE_RECORDS];
	struct content content;

	node_content(node, &content, records, STAGE_RECORDS);
	return zone_load(writer, stage_apex, &content);
}

/* In the order of a snapshot, or in any. */
static int load_copy(struct stage *copy, const struct stage *from, struct rand *shuffle)
{
	static const struct node *nodes[LINES];
	struct copier copier = {.nodes = nodes};
	int ret = zone_walk_in_order(stage_zone(from), collect, &copier);

	for (size_t i = copier.count; shuffle != NULL && i > 1; i--) {
		const size_t k = rand_below(shuffle, (uint32_t)i);
		const struct node *swap = copier.nodes[k];
		copier.nodes[k] = copier.nodes[i - 1];
		copier.nodes[i - 1] = swap;
	}
	for (size_t i = 0; i < copier.count && ret == OK; i++) {
		ret = load_node(copy->writer, copier.nodes[i]);
	}
	return ret;
}

static void begin_copy(struct stage *copy)
{
	static const uint8_t ring_key[SIPHASH_KEY_SIZE] = "stage ring key";
	const struct zone_shape shape = stage_shape();
	const struct zone_soa soa = stage_soa(1);

	stage_init_empty(copy);
	stage_begin(copy);
	root_silence(copy->writer);
	must(zone_open(copy->writer, stage_apex, &shape, ring_key));
	must(zone_set_soa(copy->writer, stage_apex, &soa));
	must(zone_set_served(copy->writer, stage_apex, true));
}

/* ---- what is put ------------------------------------------------------------------------- */

static void put_both(struct stage *stages, size_t count, const char *name, const char *how,
		     const char *lines)
{
	for (size_t i = 0; i < count; i++) {
		stage_put(&stages[i], name, how, lines);
	}
}

/* An instance in any state, with hosts of its own, shared, missing, or elsewhere. */
static void put_instance(struct stage *stages, size_t count, struct rand *rand)
{
	static const char *const flags[] = {"ptr", "ptr",         "ptr",
					    "ptr", "ptr held",    "",
					    "ptr", "ptr sub:red", "ptr sub:red sub:blue"};
	static const char *const owners[] = {"a", "b", "net"};
	const uint32_t number = rand_below(rand, 300);
	char name[64];
	char how[64];
	char lines[300];
	size_t at = 0;

	snprintf(name, sizeof(name), "w%u.%s", number,
		 (const char *[]){"_http._tcp", "_HTTP._tcp", "_ipp._udp"}[number % 3]);
	snprintf(how, sizeof(how), "%s %s%s", flags[rand_below(rand, COUNT_OF(flags))],
		 owners[rand_below(rand, 3)], rand_below(rand, 2) == 0 ? " lease:60" : "");
	const uint32_t srvs = rand_below(rand, 12);
	for (uint32_t i = 0; i < (srvs == 0 ? 0 : srvs == 11 ? 2 : 1); i++) {
		char host[32];
		snprintf(host, sizeof(host), rand_below(rand, 5) == 0 ? "h%u.elsewhere." : "h%u",
			 rand_below(rand, 4) == 0 ? rand_below(rand, 5) : number);
		at += (size_t)snprintf(lines + at, sizeof(lines) - at, "60 SRV %u %u %u %s\n",
				       rand_below(rand, 8) == 0 ? 1 : 0, rand_below(rand, 4),
				       80 + i, host);
	}
	snprintf(lines + at, sizeof(lines) - at, srvs % 2 == 0 ? "60 TXT \"x\"\n" : "");
	put_both(stages, count, name, how, lines);
}

static void put_host(struct stage *stages, size_t count, struct rand *rand)
{
	char name[64];
	char lines[200];
	const uint32_t number = rand_below(rand, 300);
	const uint32_t kind = rand_below(rand, 4);

	/* h7.h6: a host that is an ancestor too. */
	snprintf(name, sizeof(name), rand_below(rand, 6) == 0 ? "h%u.h6" : "h%u", number);
	snprintf(lines, sizeof(lines), "%s60 A 192.0.2.%u\n",
		 kind == 0   ? "60 AAAA 2001:db8::1\n"
		 : kind == 1 ? "60 A 192.0.2.200\n"
			     : "",
		 rand_below(rand, 3) == 0 ? 7 : number % 200);
	put_both(stages, count, name, rand_below(rand, 2) == 0 ? "a lease:60" : "net",
		 kind == 3 && number % 2 == 0 ? "" : lines);
}

static void put_other(struct stage *stages, size_t count, struct rand *rand)
{
	static const struct {
		const char *name;
		const char *how;
		const char *lines;
	} others[] = {
		{"@", "-base", "60 NS ns\n60 TXT \"top\"\n"},
		{"@", "-base", "60 NS ns\n"},
		{"_http._tcp", "-base", "10 PTR w1._http._tcp\n10 SRV 0 0 80 h6\n"},
		{"_http._tcp", "-base", "10 PTR gone._http._tcp\n10 PTR w5._ipp._udp\n"},
		{"_http._tcp", "-base", ""},
		{"_red._sub._http._tcp", "-base", "10 PTR w1._http._tcp\n"},
		{"_services._dns-sd._udp", "-base", "10 PTR _http._tcp\n10 PTR _x._tcp\n"},
		{"cut", "operator", "60 NS ns\n"},
		{"cut", "operator", ""},
		{"a.b.c.d", "net", "60 TXT \"deep\"\n"},
		{"c.d", "net", "60 TXT \"between\"\n"},
		{"*.k", "net", "60 A 192.0.2.9\n"},
		{"dname", "net", "60 DNAME k\n"},
	};
	const uint32_t which = rand_below(rand, COUNT_OF(others));

	put_both(stages, count, others[which].name, others[which].how, others[which].lines);
}

static void put_some(struct stage *stages, size_t count, struct rand *rand, unsigned steps)
{
	for (unsigned i = 0; i < steps; i++) {
		const uint32_t kind = rand_below(rand, 20);
		if (kind < 11) {
			put_instance(stages, count, rand);
		} else if (kind < 18) {
			put_host(stages, count, rand);
		} else {
			put_other(stages, count, rand);
		}
	}
}

/* ---- tests ------------------------------------------------------------------------------- */

START_TEST(a_loaded_zone_is_the_one_that_was_put_and_goes_on_like_it)
{
	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct stage stages[2];
		struct rand rand;

		rand_init(&rand, seed);
		stage_init(&stages[0]);
		put_some(stages, 1, &rand, 20 + 30 * (unsigned)seed);
		begin_copy(&stages[1]);
		must(load_copy(&stages[1], &stages[0], seed % 2 == 0 ? NULL : &rand));
		must(zone_load_end(stages[1].writer));
		stage_commit(&stages[1]);
		expect_same(&stages[0], &stages[1]);
		put_some(stages, 2, &rand, 200);
		expect_same(&stages[0], &stages[1]);
		stage_deinit(&stages[0]);
		stage_deinit(&stages[1]);
	}
}
END_TEST

START_TEST(large_types_are_loaded_in_order)
{
	struct stage stages[2];
	struct rand rand;

	rand_init(&rand, 5);
	stage_init(&stages[0]);
	stage_begin(&stages[0]);
	for (unsigned i = 0; i < 3000; i++) {
		char name[32];
		char lines[64];
		snprintf(name, sizeof(name), "w%u._http._tcp", i);
		snprintf(lines, sizeof(lines), "60 SRV 0 0 80 h%u\n", i);
		stage_put(&stages[0], name, "ptr lease:60", lines);
		snprintf(name, sizeof(name), "h%u", i);
		snprintf(lines, sizeof(lines), "60 A 198.51.%u.%u\n", i / 250, i % 250);
		stage_put(&stages[0], name, "lease:60", lines);
	}
	stage_commit(&stages[0]);
	begin_copy(&stages[1]);
	must(load_copy(&stages[1], &stages[0], NULL));
	must(zone_load_end(stages[1].writer));
	stage_commit(&stages[1]);
	expect_same(&stages[0], &stages[1]);
	put_some(stages, 2, &rand, 300);
	expect_same(&stages[0], &stages[1]);
	stage_deinit(&stages[0]);
	stage_deinit(&stages[1]);
}
END_TEST

START_TEST(a_name_that_comes_twice_is_damage)
{
	for (unsigned with_others = 0; with_others < 2; with_others++) {
		struct stage stages[2];
		struct rand rand;

		rand_init(&rand, 3);
		stage_init(&stages[0]);
		put_some(stages, 1, &rand, with_others * 400);
		stage_put(&stages[0], "double", "net", "60 A 192.0.2.1\n");
		begin_copy(&stages[1]);
		must(load_copy(&stages[1], &stages[0], NULL));
		must(load_node(stages[1].writer,
			       zone_entry(stage_zone(&stages[0]), wire("double"))));
		ck_assert_int_eq(zone_load_end(stages[1].writer), ERR_DAMAGED);
		stage_deinit(&stages[0]);
		stage_deinit(&stages[1]);
	}
}
END_TEST

START_TEST(a_zone_that_is_not_there_is_not_found)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "x", "net", "60 A 192.0.2.1\n");
	struct stage copy;
	stage_init_empty(&copy);
	stage_begin(&copy);
	ck_assert_int_eq(load_node(copy.writer, zone_entry(stage_zone(&stage), wire("x"))),
			 ERR_NOTFOUND);
	stage_deinit(&copy);
	stage_deinit(&stage);
}
END_TEST

START_TEST(nth_allocation_fails_cleanly)
{
	struct stage from;
	struct rand rand;
	bool is_done = false;

	rand_init(&rand, 9);
	stage_init(&from);
	put_some(&from, 1, &rand, 60);
	for (unsigned n = 0; !is_done; n++) {
		struct stage copy;
		begin_copy(&copy);
		fail_alloc_after(n);
		int ret = load_copy(&copy, &from, NULL);
		if (ret == OK) {
			ret = zone_load_end(copy.writer);
		}
		is_done = !fail_alloc_hit();
		fail_alloc_off();
		ck_assert(ret == OK || ret == ERR_NOMEM);
		ck_assert(ret != OK || is_done);
		stage_deinit(&copy);
	}
	stage_deinit(&from);
}
END_TEST

/* ---- a zone's names all anew ---------------------------------------------------------------- */

START_TEST(a_cleared_zone_is_loaded_with_others_and_goes_on_like_theirs)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct stage stages[2];
		struct rand rand;

		rand_init(&rand, seed);
		stage_init(&stages[0]);
		stage_init(&stages[1]);
		put_some(&stages[0], 1, &rand, 300);
		put_some(&stages[1], 1, &rand, 300);
		const uint32_t serial = stage_serial(&stages[1]);
		stage_begin(&stages[1]);
		/* What came in the same writing goes too. */
		put_some(&stages[1], 1, &rand, seed % 2 == 0 ? 0 : 50);
		must(zone_clear(stages[1].writer, stage_apex));
		ck_assert_uint_eq(zone_instance_count(stage_zone(&stages[1])), 0);
		must(load_copy(&stages[1], &stages[0], NULL));
		must(zone_load_end(stages[1].writer));
		put_some(stages, 2, &rand, seed % 3 == 0 ? 0 : 20);
		stage_commit(&stages[1]);
		expect_same(&stages[0], &stages[1]);
		ck_assert_uint_eq(stage_serial(&stages[1]), serial + 1);
		ck_assert_uint_eq(zone_delta(stage_zone(&stages[1]), 0)->serial_from, serial);
		put_some(stages, 2, &rand, 200);
		expect_same(&stages[0], &stages[1]);
		stage_deinit(&stages[0]);
		stage_deinit(&stages[1]);
	}
}
END_TEST

static void put_hosts(struct stage *stage, unsigned count)
{
	stage_begin(stage);
	for (unsigned i = 0; i < count; i++) {
		char name[32];

		snprintf(name, sizeof(name), "h%u", i);
		stage_put(stage, name, "lease:60", "60 A 192.0.2.1\n");
	}
	stage_commit(stage);
}

static void note_new(void *context, struct lease *lease, bool is_new)
{
	int *counts = context;

	(void)lease;
	counts[is_new]++;
}

START_TEST(only_what_the_history_can_keep_has_a_delta)
{
	static const unsigned sizes[] = {4000, 6000};

	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct stage stages[2];
		int counts[2] = {0};

		stage_init(&stages[0]);
		stage_init(&stages[1]);
		put_hosts(&stages[0], sizes[i]);
		put_hosts(&stages[1], sizes[i]);
		const uint32_t serial = stage_serial(&stages[1]);
		stage_put(&stages[0], "more", "net", "60 A 192.0.2.9\n");
		stage_begin(&stages[1]);
		must(zone_clear(stages[1].writer, stage_apex));
		must(load_copy(&stages[1], &stages[0], NULL));
		must(zone_load_end(stages[1].writer));
		root_each_lease(stages[1].writer, note_new, counts);
		ck_assert_int_eq(counts[true], (int)sizes[i]);
		ck_assert_int_eq(counts[false], (int)sizes[i]);
		stage_commit(&stages[1]);
		ck_assert_uint_eq(stage_serial(&stages[1]), serial + 1);
		if (sizes[i] < 5000) {
			expect_delta(&stages[1], "+more 60 A 192.0.2.9\n");
		} else {
			ck_assert_ptr_null(zone_delta(stage_zone(&stages[1]), 0));
		}
		stage_deinit(&stages[0]);
		stage_deinit(&stages[1]);
	}
}
END_TEST

START_TEST(after_a_failed_allocation_the_old_zone_is_as_it_was)
{
	struct stage from;
	struct stage into;
	struct stage like;
	struct rand rand;
	bool is_done = false;

	rand_init(&rand, 11);
	stage_init(&from);
	stage_init(&into);
	stage_init(&like);
	put_some(&from, 1, &rand, 60);
	for (unsigned i = 0; i < 60; i++) {
		struct stage both[2] = {into, like};
		put_some(both, 2, &rand, 1);
		into = both[0];
		like = both[1];
	}
	for (unsigned n = 0; !is_done; n++) {
		stage_begin(&into);
		fail_alloc_after(n);
		int ret = zone_clear(into.writer, stage_apex);
		if (ret == OK) {
			ret = load_copy(&into, &from, NULL);
		}
		if (ret == OK) {
			ret = zone_load_end(into.writer);
		}
		is_done = !fail_alloc_hit();
		fail_alloc_off();
		ck_assert(ret == OK || ret == ERR_NOMEM);
		ck_assert(ret != OK || is_done);
		root_abort(into.writer);
		into.writer = NULL;
		expect_same(&into, &like);
	}
	stage_deinit(&from);
	stage_deinit(&into);
	stage_deinit(&like);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_loaded_zone_is_the_one_that_was_put_and_goes_on_like_it,
		large_types_are_loaded_in_order,
		a_name_that_comes_twice_is_damage,
		a_zone_that_is_not_there_is_not_found,
		nth_allocation_fails_cleanly,
		a_cleared_zone_is_loaded_with_others_and_goes_on_like_theirs,
		only_what_the_history_can_keep_has_a_delta,
		after_a_failed_allocation_the_old_zone_is_as_it_was,
	};

	return run_tests("load", tests, COUNT_OF(tests));
}
