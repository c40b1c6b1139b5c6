#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "net/memo.h"
#include "net/request.h"
#include "tests/unit/answer/world.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"

#define REPLY "reply"
#define QUESTIONS 40000 /* asked of random roots */
#define CHANGE_EACH 200 /* questions between two versions of the root */

static struct memo *memo;

static void before(void)
{
	ck_assert_int_eq(memo_new(&memo), OK);
	memo_round(memo, 1, 1);
}

static void after(void)
{
	memo_free(memo);
}

/* ---- the memo alone ---------------------------------------------------------------------- */

/* A message of this size, a function of its number; the first two octets are the ID. */
static void make(uint8_t *wire, size_t size, uint32_t number)
{
	struct rand rand;

	rand_init(&rand, number);
	for (size_t i = 0; i < size; i++) {
		wire[i] = (uint8_t)rand_next(&rand);
	}
	memcpy(wire + 2, &number, sizeof(number));
}

static struct memo_look look_for(const uint8_t *wire, size_t size)
{
	struct memo_look look = {.wire = wire, .size = size};

	memo_find(memo, &look, 1);
	return look;
}

static bool is_kept(const uint8_t *wire, size_t size)
{
	return look_for(wire, size).entry != NULL;
}

static void keep(const uint8_t *wire, size_t size, const void *reply, size_t reply_size)
{
	const struct memo_look look = look_for(wire, size);

	memo_keep(memo, &look, reply, reply_size);
}

/* As a worker does: the second time counts. */
static void keep_twice(const uint8_t *wire, size_t size, const void *reply, size_t reply_size)
{
	keep(wire, size, reply, reply_size);
	keep(wire, size, reply, reply_size);
}

START_TEST(what_has_come_twice_is_kept_and_has_the_ids_of_those_who_ask)
{
	uint8_t wire[60];
	uint8_t out[MEMO_OCTETS];

	make(wire, sizeof(wire), 1);
	ck_assert(!is_kept(wire, sizeof(wire)));
	keep(wire, sizeof(wire), "IDa reply", 9);
	ck_assert(!is_kept(wire, sizeof(wire)));
	keep(wire, sizeof(wire), "IDa reply", 9);
	wire[0] = 'x';
	wire[1] = 'y';
	const struct memo_look look = look_for(wire, sizeof(wire));
	ck_assert_ptr_nonnull(look.entry);
	ck_assert_uint_eq(memo_take(&look, out), 9);
	ck_assert_mem_eq(out, "xya reply", 9);
}
END_TEST

START_TEST(another_octet_is_another_request)
{
	for (size_t size = 18; size < 100; size++) {
		uint8_t wire[101];

		make(wire, sizeof(wire), (uint32_t)size);
		keep_twice(wire, size, REPLY, 5);
		ck_assert(is_kept(wire, size));
		ck_assert(!is_kept(wire, size - 1));
		ck_assert(!is_kept(wire, size + 1));
		for (size_t bit = 16; bit < 8 * size; bit++) {
			wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
			ck_assert_msg(!is_kept(wire, size), "bit %zu of %zu octets", bit, size);
			wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}
END_TEST

START_TEST(a_reply_ends_with_its_root_and_with_its_configuration)
{
	uint8_t wire[60];

	make(wire, sizeof(wire), 1);
	keep_twice(wire, sizeof(wire), REPLY, 5);
	ck_assert(memo_is_of(memo, 1, 1) && !memo_is_of(memo, 2, 1) && !memo_is_of(memo, 1, 2));
	memo_round(memo, 1, 1);
	ck_assert(is_kept(wire, sizeof(wire)));
	memo_round(memo, 2, 1);
	ck_assert(!is_kept(wire, sizeof(wire)));
	keep(wire, sizeof(wire), REPLY, 5);
	ck_assert(is_kept(wire, sizeof(wire)));
	memo_round(memo, 2, 2);
	ck_assert(!is_kept(wire, sizeof(wire)));
	/* As often as the number of a round comes again. */
	keep(wire, sizeof(wire), REPLY, 5);
	for (uint64_t version = 3; version < 3 + 3 * 65536; version++) {
		memo_round(memo, version, 2);
		ck_assert(!is_kept(wire, sizeof(wire)));
	}
}
END_TEST

START_TEST(what_is_too_long_is_not_kept)
{
	static uint8_t wire[2 + MEMO_OCTETS + 100];
	static const uint8_t reply[MEMO_OCTETS + 1];

	make(wire, sizeof(wire), 1);
	for (size_t size = 0; size <= sizeof(wire); size += 3) {
		for (size_t reply_size = 12; reply_size <= sizeof(reply); reply_size += 16) {
			const bool fits = size >= 18 && size - 2 + reply_size <= MEMO_OCTETS;

			memo_round(memo, 2 + size * 1000 + reply_size, 1);
			keep_twice(wire, size, reply, reply_size);
			ck_assert_msg(is_kept(wire, size) == fits, "%zu and %zu", size, reply_size);
		}
	}
}
END_TEST

/* Never another's reply, however many there are; and most of as many as there is room for. */
START_TEST(many_requests_take_each_others_place_and_never_each_others_reply)
{
	const uint32_t numbers = 4 * MEMO_REPLIES;
	uint8_t wire[64];
	uint32_t kept = 0;

	for (uint32_t number = 0; number < numbers; number++) {
		make(wire, sizeof(wire), number);
		keep_twice(wire, sizeof(wire), wire, 20);
	}
	for (uint32_t number = 0; number < numbers; number++) {
		uint8_t out[MEMO_OCTETS];

		make(wire, sizeof(wire), number);
		const struct memo_look look = look_for(wire, sizeof(wire));
		if (look.entry != NULL) {
			ck_assert_uint_eq(memo_take(&look, out), 20);
			ck_assert_mem_eq(out, wire, 20);
			kept++;
		}
	}
	ck_assert_uint_gt(kept, MEMO_REPLIES * 9 / 10);
	ck_assert_uint_le(kept, MEMO_REPLIES);
}
END_TEST

/* Those that are asked once leave the others their places. */
START_TEST(half_of_what_there_is_room_for_stays)
{
	uint8_t wire[64];
	uint32_t kept = 0;

	for (int pass = 0; pass < 4; pass++) {
		kept = 0;
		for (uint32_t number = 0; number < MEMO_REPLIES / 2; number++) {
			make(wire, sizeof(wire), number);
			kept += is_kept(wire, sizeof(wire));
			keep(wire, sizeof(wire), wire, 20);
		}
	}
	ck_assert_uint_gt(kept, MEMO_REPLIES / 2 * 19 / 20);
}
END_TEST

START_TEST(a_batch_is_found_as_each_by_itself)
{
	static uint8_t wires[64][80];
	struct memo_look looks[64];

	for (uint32_t i = 0; i < 64; i++) {
		make(wires[i], sizeof(wires[i]), i);
		looks[i] = (struct memo_look){.wire = wires[i], .size = i};
		if (i % 3 == 0) {
			keep_twice(wires[i], i, REPLY, 5);
		}
	}
	memo_find(memo, looks, 64);
	for (uint32_t i = 0; i < 64; i++) {
		ck_assert_msg((looks[i].entry != NULL) == (i % 3 == 0 && i >= 18), "%u", i);
	}
}
END_TEST

/* ---- with requests and roots ------------------------------------------------------------- */

static struct conf conf;
static struct world world;
static struct tally tally;
static struct request_desk desk;
static struct sockaddr_storage peer;

#define BASE                                                                                       \
	"$TTL 60\n@ SOA ns1 host 1 3600 900 86400 5\n@ NS ns1\nns1 A 192.0.2.1\n"                  \
	"alias CNAME h1\nfar CNAME www.static.example.\n*.wild TXT wild\nchain DNAME h1\n"         \
	"sub NS ns.sub\nns.sub A 192.0.2.53\nmany A 192.0.2.1\nmany A 192.0.2.2\n"                 \
	"mail MX 10 h1\nmail MX 20 h2\n"
#define STATIC "@ 60 SOA a b 1 2 3 4 5\n@ 60 NS www\nwww 60 A 192.0.2.80\n"

static void put(struct root_writer *writer, const char *name, uint8_t flags,
		const struct record *records, size_t count)
{
	uint8_t apex[DNS_NAME_MAX];
	uint8_t wire[DNS_NAME_MAX];
	const struct content content = {.name = wire,
					.records = records,
					.count = count,
					.owner = {.kind = OWNER_NET},
					.flags = flags};

	world_name(apex, "svc.example.");
	world_name(wire, name);
	world_must(zone_put(writer, apex, &content));
}

static void put_instance(struct root_writer *writer, const char *name, const char *host,
			 uint8_t priority, uint8_t value)
{
	uint8_t srv[DNS_NAME_MAX + 6] = {0, priority, 0, 0, 1, value};
	const uint8_t text[] = {1, value};

	world_name(srv + 6, host);
	const struct record records[] = {
		{.type = DNS_TYPE_SRV,
		 .size = (uint16_t)(6 + dns_name_size(srv + 6)),
		 .ttl = 60,
		 .rdata = srv},
		{.type = DNS_TYPE_TXT, .size = sizeof(text), .ttl = 60, .rdata = text},
	};
	put(writer, name, NAME_PTR, records, COUNT_OF(records));
}

/* What one instance and its host have is replaced; now and then the instance goes. */
static void change(struct rand *rand)
{
	const unsigned number = rand_below(rand, 4);
	const uint8_t value = (uint8_t)rand_below(rand, 250);
	const uint8_t address[] = {192, 0, 2, value};
	char instance[64];
	char host[64];

	snprintf(instance, sizeof(instance), "i%u._t%u._tcp.svc.example.", number, number / 2);
	snprintf(host, sizeof(host), "h%u.svc.example.", number);
	const struct record records[] = {
		{.type = DNS_TYPE_A, .size = sizeof(address), .ttl = 60, .rdata = address},
	};
	struct root_writer *writer = world_begin(&world);
	if (value < 50) {
		put(writer, instance, 0, NULL, 0);
	} else {
		put_instance(writer, instance, host, 0, value);
	}
	put(writer, host, 0, records, 1);
	world_commit(&world, writer);
}

static void before_world(void)
{
	const struct zone_shape shape = world_shape();

	before();
	memset(&conf, 0, sizeof(conf));
	memset(&tally, 0, sizeof(tally));
	world_init(&world);
	world_registry(&world, "svc.example.", &shape, BASE);
	world_static(&world, "static.example.", STATIC);
	request_desk_init(&desk, &tally);
	peer = (struct sockaddr_storage){.ss_family = AF_INET};
}

static void after_world(void)
{
	request_desk_deinit(&desk);
	world_deinit(&world);
	after();
}

/* A query for "NAME TYPE" with these flags; edns: 0 none, else its size. */
static size_t ask(uint8_t wire[512], const char *name, uint16_t type, uint16_t flags, uint16_t edns)
{
	struct dns_writer writer;
	uint8_t wired[DNS_NAME_MAX];
	const uint8_t opt[] = {0, 0, DNS_TYPE_OPT, (uint8_t)(edns >> 8), (uint8_t)edns, 0, 0, 0, 0,
			       0, 0};

	world_name(wired, name);
	dns_writer_init(&writer, wire, 512);
	dns_writer_flags(&writer, flags, 0);
	ck_assert_int_eq(dns_writer_question(&writer, wired, type, DNS_CLASS_IN), OK);
	if (edns > 0) {
		ck_assert_int_eq(dns_writer_raw(&writer, opt, sizeof(opt)), OK);
	}
	return dns_writer_finish(&writer);
}

/* The reply as it is without a memo; *is_common: may it be kept? */
static size_t answer(const uint8_t *wire, size_t size, uint8_t *out, bool *is_common)
{
	static struct answer_query query;
	static struct request request; /* as a worker's, with what the last one left in it */

	request.wire = wire;
	request.size = size;
	request.peer = &peer;
	request_begin(&desk, &request);
	request_find(&desk, &request, 1, &query);
	if (request.state == REQUEST_DROP) {
		*is_common = false;
		return 0;
	}
	size = request_finish(&desk, &request, out);
	*is_common = request.is_common;
	return size;
}

static size_t random_question(struct rand *rand, uint8_t wire[512])
{
	static const char *const names[] = {
		"i0._t0._tcp.svc.example.",
		"I1._t0._tcp.SVC.example.",
		"i2._t1._tcp.svc.example.",
		"i3._t1._tcp.svc.example.",
		"_t0._tcp.svc.example.",
		"_t1._tcp.svc.example.",
		"h0.svc.example.",
		"h1.svc.example.",
		"h2.svc.example.",
		"h3.svc.example.",
		"t0.pool.svc.example.",
		"_services._dns-sd._udp.svc.example.",
		"svc.example.",
		"alias.svc.example.",
		"far.svc.example.",
		"x.wild.svc.example.",
		"y.chain.svc.example.",
		"a.sub.svc.example.",
		"none.svc.example.",
		"many.svc.example.",
		"mail.svc.example.",
		"www.static.example.",
		"elsewhere.",
	};
	static const uint16_t types[] = {DNS_TYPE_SRV, DNS_TYPE_A,  DNS_TYPE_TXT, DNS_TYPE_PTR,
					 DNS_TYPE_SOA, DNS_TYPE_NS, DNS_TYPE_ANY, DNS_TYPE_MX};
	static const uint16_t flags[] = {DNS_FLAG_RD, DNS_FLAG_CD};
	static const uint16_t edns[] = {0, 1232};

	return ask(wire, names[rand_below(rand, COUNT_OF(names))],
		   types[rand_below(rand, COUNT_OF(types))],
		   flags[rand_below(rand, COUNT_OF(flags))],
		   edns[rand_below(rand, COUNT_OF(edns))]);
}

/* The counters that a reply moves. */
static void expect_counted(const struct tally *one, const struct tally *other)
{
	const size_t count = sizeof(*one) / sizeof(one->queries);

	for (size_t i = 0; i < count; i++) {
		ck_assert_msg(((const _Atomic(uint64_t) *)one)[i] ==
				      ((const _Atomic(uint64_t) *)other)[i],
			      "counter %zu", i);
	}
}

START_TEST(random_questions_to_random_roots_have_the_reply_that_they_have_without)
{
	uint8_t wire[512];
	uint8_t fresh[DNS_UDP_SAFE];
	uint8_t again[MEMO_OCTETS];
	struct rand rand;
	unsigned hits = 0;

	rand_init(&rand, (uint64_t)_i);
	for (unsigned i = 0; i < QUESTIONS; i++) {
		bool is_common;

		if (i % CHANGE_EACH == 0 || rand_below(&rand, 1000) == 0) {
			change(&rand);
		}
		const size_t size = random_question(&rand, wire);
		request_round(&desk, world.root, &conf);
		ck_assert(request_is_shared(&desk));
		memo_round(memo, root_version(world.root), conf.edition);
		const struct memo_look look = look_for(wire, size);
		memset(&tally, 0, sizeof(tally));
		const size_t fresh_size = answer(wire, size, fresh, &is_common);
		if (look.entry == NULL) {
			if (is_common) {
				memo_keep(memo, &look, fresh, fresh_size);
			}
			continue;
		}
		hits++;
		const struct tally counted = tally;
		memset(&tally, 0, sizeof(tally));
		ck_assert_uint_eq(memo_take(&look, again), fresh_size);
		ck_assert_mem_eq(again, fresh, fresh_size);
		request_count_again(&desk, again);
		expect_counted(&tally, &counted);
	}
	ck_assert_uint_gt(hits, 2000);
}
END_TEST

struct exclusion {
	const char *what;
	const char *name;
	uint16_t type;
	bool is_common;
};

static const struct exclusion exclusions[] = {
	{"one address", "h0.svc.example.", DNS_TYPE_A, true},
	{"one SRV and its host", "i0._t0._tcp.svc.example.", DNS_TYPE_SRV, true},
	{"no name", "none.svc.example.", DNS_TYPE_A, true},
	{"no data", "h0.svc.example.", DNS_TYPE_TXT, true},
	{"a referral", "a.sub.svc.example.", DNS_TYPE_A, true},
	{"a chain into another zone", "far.svc.example.", DNS_TYPE_A, true},
	{"a set of MX", "mail.svc.example.", DNS_TYPE_MX, true},
	{"none of our zones", "elsewhere.", DNS_TYPE_A, true},
	{"a pool of one", "_one._tcp.svc.example.", DNS_TYPE_SRV, true},
	{"its PTR", "_one._tcp.svc.example.", DNS_TYPE_PTR, true},
	{"its address", "one.pool.svc.example.", DNS_TYPE_A, true},
	{"members in the client's order", "_p._tcp.svc.example.", DNS_TYPE_SRV, false},
	{"addresses that turn", "many.svc.example.", DNS_TYPE_A, false},
	{"a pool", "_t0._tcp.svc.example.", DNS_TYPE_SRV, false},
	{"PTRs, told about in turn", "_t0._tcp.svc.example.", DNS_TYPE_PTR, false},
	{"an address view", "t0.pool.svc.example.", DNS_TYPE_A, false},
};

/* All that change() makes, and a type with one member of the lowest priority. */
static void register_all(void)
{
	struct rand rand;

	rand_init(&rand, 6);
	for (int i = 0; i < 40; i++) {
		change(&rand);
	}
	struct root_writer *writer = world_begin(&world);
	put_instance(writer, "a._p._tcp.svc.example.", "h0.svc.example.", 0, 1);
	put_instance(writer, "b._p._tcp.svc.example.", "h1.svc.example.", 1, 1);
	put_instance(writer, "c._p._tcp.svc.example.", "h2.svc.example.", 1, 1);
	put_instance(writer, "a._one._tcp.svc.example.", "h0.svc.example.", 0, 1);
	world_commit(&world, writer);
	request_round(&desk, world.root, &conf);
}

START_TEST(what_chance_or_the_client_had_a_part_in_is_not_common)
{
	register_all();
	for (size_t i = 0; i < COUNT_OF(exclusions); i++) {
		const struct exclusion *row = &exclusions[i];
		uint8_t wire[512];
		uint8_t out[DNS_UDP_SAFE];
		bool is_common;

		const size_t size = ask(wire, row->name, row->type, 0, 1232);
		ck_assert_uint_gt(answer(wire, size, out, &is_common), 0);
		ck_assert_msg(is_common == row->is_common, "%s", row->what);
	}
}
END_TEST

START_TEST(cookies_signatures_and_what_is_no_answer_from_the_root_are_not_common)
{
	static const char *const cases[] = {
		/* a client's cookie */
		"1234 0000 0001 0000 0000 0001 02683003737663076578616d706c6500 0001 0001"
		" 00 0029 04d0 00000000 000c 000a 0008 0102030405060708",
		/* NOTIMP, FORMERR, BADVERS, REFUSED for the class */
		"1234 1000 0001 0000 0000 0000 02683003737663076578616d706c6500 0001 0001",
		"1234 0000 0002 0000 0000 0000 02683003737663076578616d706c6500 0001 0001",
		"1234 0000 0001 0000 0000 0001 02683003737663076578616d706c6500 0001 0001"
		" 00 0029 04d0 00010000 0000",
		"1234 0000 0001 0000 0000 0000 02683003737663076578616d706c6500 0001 0003",
	};
	uint8_t wire[512];
	uint8_t out[DNS_UDP_SAFE];
	bool is_common;

	register_all();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t size = ask(wire, "h0.svc.example.", DNS_TYPE_A, 0, 0);

		ck_assert_uint_gt(answer(wire, size, out, &is_common), 0);
		ck_assert(is_common);
		size = hex_read(wire, sizeof(wire), cases[i]);
		ck_assert_uint_gt(answer(wire, size, out, &is_common), 0);
		ck_assert_msg(!is_common, "%s", cases[i]);
	}
	/* A signature that verified. */
	struct answer_query query;
	struct request request = {.wire = wire,
				  .size = ask(wire, "h0.svc.example.", DNS_TYPE_A, 0, 0),
				  .peer = &peer};
	request_begin(&desk, &request);
	request.message.tsig_at = 40;
	request_find(&desk, &request, 1, &query);
	request_finish(&desk, &request, out);
	ck_assert(!request.is_common);
}
END_TEST

START_TEST(nothing_is_shared_where_rules_or_rates_look_at_who_asks)
{
	request_round(&desk, world.root, &conf);
	ck_assert(request_is_shared(&desk));
	conf.has_query_rules = true;
	ck_assert(!request_is_shared(&desk));
	conf.has_query_rules = false;
	conf.rate.responses = 1;
	ck_assert(!request_is_shared(&desk));
	conf.rate.responses = 0;
	request_round(&desk, NULL, &conf);
	ck_assert(!request_is_shared(&desk));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("memo");
	TCase *alone = tcase_create("alone");
	TCase *worldly = tcase_create("with roots");
	SRunner *runner = srunner_create(suite);

	tcase_set_timeout(alone, 60);
	tcase_set_timeout(worldly, 60);
	tcase_add_checked_fixture(alone, before, after);
	tcase_add_checked_fixture(worldly, before_world, after_world);
	suite_add_tcase(suite, alone);
	suite_add_tcase(suite, worldly);
	tcase_add_test(alone, what_has_come_twice_is_kept_and_has_the_ids_of_those_who_ask);
	tcase_add_test(alone, another_octet_is_another_request);
	tcase_add_test(alone, a_reply_ends_with_its_root_and_with_its_configuration);
	tcase_add_test(alone, what_is_too_long_is_not_kept);
	tcase_add_test(alone, many_requests_take_each_others_place_and_never_each_others_reply);
	tcase_add_test(alone, half_of_what_there_is_room_for_stays);
	tcase_add_test(alone, a_batch_is_found_as_each_by_itself);
	tcase_add_loop_test(worldly,
			    random_questions_to_random_roots_have_the_reply_that_they_have_without,
			    0, 4);
	tcase_add_test(worldly, what_chance_or_the_client_had_a_part_in_is_not_common);
	tcase_add_test(worldly,
		       cookies_signatures_and_what_is_no_answer_from_the_root_are_not_common);
	tcase_add_test(worldly, nothing_is_shared_where_rules_or_rates_look_at_who_asks);
	srunner_run_all(runner, CK_ENV);
	const int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
