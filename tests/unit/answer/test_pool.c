/*
 * Answers from registry zones: pools in all their forms, whole and in part.
 */
#include "tests/unit/answer/asking.h"
#include "tests/unit/fail_alloc.h"

static const struct owner provider = {.kind = OWNER_NET};

static void set_up_registry(uint32_t answer_max)
{
	struct zone_shape shape = world_shape();

	rand_init(&numbers, 2);
	world_init(&world);
	shape.answer_max = answer_max;
	world_registry(&world, "svc.test.", &shape,
		       "$ORIGIN svc.test.\n$TTL 300\n"
		       "@ SOA ns admin 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.1\n");
}

static void provide(const char *master)
{
	struct command_result result;
	char text[1024];

	snprintf(text, sizeof(text), "$ORIGIN svc.test.\n$TTL 300\n%s", master);
	world_update(&world, "svc.test.", &provider, 60, text, &result);
	ck_assert_uint_eq(result.rcode, DNS_RCODE_NOERROR);
}

/* Instances 0 .. count-1 of _http._tcp, each on a host of its own. */
static void provide_many(unsigned first, unsigned count, const char *priority)
{
	for (unsigned i = first; i < first + count; i++) {
		char text[512];

		snprintf(text, sizeof(text),
			 "_http._tcp PTR i%u._http._tcp\n"
			 "i%u._http._tcp SRV %s 0 80 h%u\ni%u._http._tcp TXT \"n=%u\"\n"
			 "h%u A 10.0.%u.%u\n",
			 i, i, priority, i, i, i, i, i / 256, i % 256);
		provide(text);
	}
}

START_TEST(services_are_answered_in_every_form)
{
	static const struct answer_case cases[] = {
		{UDP("_http._tcp.svc.test. PTR"),
		 "NOERROR AA\nan _http._tcp.svc.test. 10 PTR web._http._tcp.svc.test.\n"
		 "ad h1.svc.test. 60 A 192.0.2.9\n"
		 "ad web._http._tcp.svc.test. 60 SRV 0 0 80 h1.svc.test.\n"
		 "ad web._http._tcp.svc.test. 60 TXT \"a=1\"\n"},
		{UDP("_p._sub._http._tcp.svc.test. PTR"),
		 "NOERROR AA\nan _p._sub._http._tcp.svc.test. 10 PTR web._http._tcp.svc.test.\n"
		 "ad h1.svc.test. 60 A 192.0.2.9\n"
		 "ad web._http._tcp.svc.test. 60 SRV 0 0 80 h1.svc.test.\n"
		 "ad web._http._tcp.svc.test. 60 TXT \"a=1\"\n"},
		{UDP("_http._tcp.svc.test. SRV"),
		 "NOERROR AA\nan _http._tcp.svc.test. 10 SRV 0 0 80 h1.svc.test.\n"
		 "ad h1.svc.test. 60 A 192.0.2.9\n"},
		{UDP("web._http._tcp.svc.test. SRV"),
		 "NOERROR AA\nan web._http._tcp.svc.test. 60 SRV 0 0 80 h1.svc.test.\n"
		 "ad h1.svc.test. 60 A 192.0.2.9\n"},
		{UDP("web._http._tcp.svc.test. TXT"),
		 "NOERROR AA\nan web._http._tcp.svc.test. 60 TXT \"a=1\"\n"},
		{UDP("http.pool.svc.test. A"),
		 "NOERROR AA\nan http.pool.svc.test. 10 A 192.0.2.9\n"},
		{UDP("http.pool.svc.test. AAAA"), "NOERROR AA\nau svc.test. 5 SOA ns.svc.test. "
						  "admin.svc.test. 2 3600 600 86400 5\n"},
		{UDP("_services._dns-sd._udp.svc.test. PTR"),
		 "NOERROR AA\nan _services._dns-sd._udp.svc.test. 10 PTR _http._tcp.svc.test.\n"},
		{UDP("_tcp.svc.test. SRV"), "NOERROR AA\nau svc.test. 5 SOA ns.svc.test. "
					    "admin.svc.test. 2 3600 600 86400 5\n"},
		{UDP("_ssh._tcp.svc.test. SRV"), "NXDOMAIN AA\nau svc.test. 5 SOA ns.svc.test. "
						 "admin.svc.test. 2 3600 600 86400 5\n"},
	};

	set_up_registry(100);
	provide("_http._tcp PTR web._http._tcp\n_p._sub._http._tcp PTR web._http._tcp\n"
		"web._http._tcp SRV 0 0 80 h1\nweb._http._tcp TXT \"a=1\"\nh1 A 192.0.2.9\n");
	check_cases(cases, COUNT_OF(cases));
	tear_down();
}
END_TEST

/* Octet `last` of the n-th A record of the answer, or the number of the n-th SRV target's host. */
static unsigned member(const struct got *got, unsigned number)
{
	struct dns_walk walk = dns_walk(&got->message, DNS_ANSWER);
	uint8_t octets[512];
	struct dns_rr rr;

	for (unsigned i = 0; i <= number; i++) {
		ck_assert_int_eq(dns_walk_next(&walk, &rr), 1);
	}
	struct buf_writer out = buf_writer(octets, sizeof(octets));
	ck_assert_int_gt(dns_rr_rdata(&got->message, &rr, &out), 0);
	if (rr.type == DNS_TYPE_A) {
		return (unsigned)(octets[2] * 256 + octets[3]);
	}
	return (unsigned)strtoul((const char *)octets + 8, NULL, 10);
}

/* Which members the answer has, as one bit each. */
static uint64_t members(const struct got *got)
{
	uint64_t set = 0;

	for (unsigned i = 0; i < got->message.count[DNS_ANSWER]; i++) {
		set |= UINT64_C(1) << member(got, i);
	}
	return set;
}

START_TEST(sets_of_services_and_addresses_begin_anywhere)
{
	static const char *const questions[] = {"_http._tcp.svc.test. SRV", "http.pool.svc.test. A",
						"multi.svc.test. A"};
	static struct got got;

	set_up_registry(100);
	provide_many(0, 5, "0");
	provide("multi A 10.0.0.0\nmulti A 10.0.0.1\nmulti A 10.0.0.2\nmulti A 10.0.0.3\n"
		"multi A 10.0.0.4\n");
	for (size_t i = 0; i < COUNT_OF(questions); i++) {
		const struct asked asked = UDP(questions[i]);
		unsigned first[5] = {0};

		for (int round = 0; round < 500; round++) {
			ask(&got, &asked);
			ck_assert_uint_eq(members(&got), 31);
			first[member(&got, 0)]++;
		}
		for (size_t k = 0; k < COUNT_OF(first); k++) {
			ck_assert_uint_gt(first[k], 60);
		}
	}
	tear_down();
}
END_TEST

START_TEST(an_answer_begins_in_the_lowest_priority)
{
	static struct got got;
	const struct asked asked = UDP("_http._tcp.svc.test. SRV");
	unsigned first[3] = {0};

	set_up_registry(100);
	provide_many(0, 3, "1");
	provide_many(3, 3, "2");
	for (int round = 0; round < 300; round++) {
		ask(&got, &asked);
		ck_assert_uint_eq(members(&got), 63);
		ck_assert_uint_lt(member(&got, 0), 3);
		first[member(&got, 0)]++;
	}
	for (size_t i = 0; i < COUNT_OF(first); i++) {
		ck_assert_uint_gt(first[i], 60);
	}
	tear_down();
}
END_TEST

static int bits(uint64_t set)
{
	return __builtin_popcountll(set);
}

START_TEST(a_large_pool_shows_a_stable_subset)
{
	static const char *const questions[] = {"_http._tcp.svc.test. SRV",
						"http.pool.svc.test. A"};
	static struct got got;

	set_up_registry(8);
	provide_many(0, 40, "0");
	for (size_t i = 0; i < COUNT_OF(questions); i++) {
		uint64_t all = 0;

		for (uint64_t client = 0; client < 64; client++) {
			struct asked asked = {.question = questions[i], .client = client << 58};
			uint64_t subset;

			ask(&got, &asked);
			subset = members(&got);
			ck_assert_int_eq(bits(subset), 8);
			ck_assert(got.result.is_sampled && !got.result.is_truncated);
			ck_assert_uint_eq(got.result.pool, 40);
			ck_assert_uint_eq(got.result.ede, DNS_EDE_OTHER);
			/* The same for this client each time, also by TCP, in another order. */
			for (int round = 0; round < 10; round++) {
				asked.is_stream = round % 2 == 1;
				ask(&got, &asked);
				ck_assert_uint_eq(members(&got), subset);
			}
			all |= subset;
		}
		ck_assert_int_gt(bits(all), 35);
	}
	tear_down();
}
END_TEST

/* There are clients that take what came with TC for the whole (HAProxy does). */
START_TEST(the_part_of_a_pool_that_fits_is_stable_and_turned)
{
	static const char *const questions[] = {"_http._tcp.svc.test. SRV",
						"http.pool.svc.test. A"};
	static const size_t rooms[] = {200, 300, 400};
	static struct got got;

	for (int is_sampled = 0; is_sampled < 2; is_sampled++) {
		set_up_registry(is_sampled ? 30 : 100);
		provide_many(0, 60, "0");
		for (size_t i = 0; i < COUNT_OF(questions) * COUNT_OF(rooms); i++) {
			struct asked asked = {
				.question = questions[i % 2], .client = i << 60, .is_stream = true};
			uint64_t first = 0;
			uint64_t part = 0;

			ask(&got, &asked);
			const uint64_t whole = members(&got);
			asked.is_stream = false;
			asked.room = rooms[i / 2];
			for (int round = 0; round < 40; round++) {
				ask(&got, &asked);
				ck_assert(got.result.is_truncated);
				ck_assert_uint_gt(got.message.count[DNS_ANSWER], 3);
				ck_assert(got.result.is_sampled == is_sampled);
				part = round == 0 ? members(&got) : part;
				ck_assert_uint_eq(members(&got), part);
				ck_assert_uint_eq(part & ~whole, 0);
				first |= UINT64_C(1) << member(&got, 0);
			}
			ck_assert_int_gt(bits(first), 1);
		}
		tear_down();
	}
}
END_TEST

/* The extended error about a subset goes before TC comes, and addresses leave it its room. */
START_TEST(a_subset_that_fits_has_no_tc_whatever_else_does_not_fit)
{
	static struct got got;
	struct asked asked = UDP("_http._tcp.svc.test. SRV");

	set_up_registry(8);
	provide_many(0, 40, "0");
	ask(&got, &asked);
	ck_assert_uint_eq(got.message.count[DNS_ADDITIONAL], 8);
	for (size_t room = got.size + 40; room > 100; room--) {
		asked.room = room;
		ask(&got, &asked);
		ck_assert(got.result.is_truncated == (got.message.count[DNS_ANSWER] < 8));
		if (got.result.is_truncated) {
			continue;
		}
		const size_t text_size =
			got.result.ede_text == NULL ? 0 : strlen(got.result.ede_text);
		ck_assert(!got.result.has_ede || got.size + 6 + text_size <= room);
		ck_assert(got.result.has_ede || got.size + 6 > room);
		/* An address only beside the text. */
		ck_assert(got.message.count[DNS_ADDITIONAL] == 0 || text_size > 0);
	}
	tear_down();
}
END_TEST

/* RFC 2782; Go's resolver refuses an answer with a compressed target. */
START_TEST(targets_of_a_pool_are_written_in_full)
{
	static struct got got;
	const struct asked asked = TCP("_http._tcp.svc.test. SRV");
	struct dns_walk walk;
	struct dns_rr rr;
	unsigned count = 0;

	set_up_registry(100);
	provide_many(0, 40, "0");
	ask(&got, &asked);
	walk = dns_walk(&got.message, DNS_ANSWER);
	while (dns_walk_next(&walk, &rr) == 1) {
		const uint8_t *rdata = got.wire + rr.rdata_at;
		uint8_t target[DNS_NAME_MAX];
		char text[40];

		snprintf(text, sizeof(text), "h%u.svc.test.",
			 (unsigned)strtoul((const char *)rdata + 8, NULL, 10));
		world_name(target, text);
		ck_assert_uint_eq(rr.rdata_size, 6 + dns_name_size(target));
		ck_assert_mem_eq(rdata + 6, target, dns_name_size(target));
		count++;
	}
	ck_assert_uint_eq(count, 40);
	tear_down();
}
END_TEST

START_TEST(one_change_moves_at_most_one_member_of_a_subset)
{
	static struct got got;
	uint64_t before[32];

	set_up_registry(8);
	provide_many(0, 30, "0");
	for (unsigned added = 30; added < 40; added++) {
		for (uint64_t client = 0; client < 32; client++) {
			const struct asked asked = {.question = "_http._tcp.svc.test. SRV",
						    .client = client << 59};

			ask(&got, &asked);
			before[client] = members(&got);
		}
		provide_many(added, 1, "0");
		for (uint64_t client = 0; client < 32; client++) {
			const struct asked asked = {.question = "_http._tcp.svc.test. SRV",
						    .client = client << 59};

			ask(&got, &asked);
			ck_assert_int_le(bits(before[client] & ~members(&got)), 1);
		}
	}
	tear_down();
}
END_TEST

START_TEST(a_small_lowest_priority_is_shown_whole)
{
	static struct got got;

	set_up_registry(8);
	provide_many(0, 5, "1");
	provide_many(5, 20, "2");
	for (uint64_t client = 0; client < 16; client++) {
		const struct asked asked = {.question = "_http._tcp.svc.test. SRV",
					    .client = client << 60};

		ask(&got, &asked);
		ck_assert_int_eq(bits(members(&got)), 8);
		ck_assert_uint_eq(members(&got) & 31, 31);
		ck_assert_uint_lt(member(&got, 0), 5);
		ck_assert(got.result.is_sampled);
	}
	tear_down();
}
END_TEST

START_TEST(browsing_is_never_sampled_and_fills_the_message)
{
	static struct got got;
	struct asked asked = UDP("_http._tcp.svc.test. PTR");

	set_up_registry(8);
	provide_many(0, 60, "0");
	asked.is_stream = true;
	ask(&got, &asked);
	ck_assert_uint_eq(got.message.count[DNS_ANSWER], 60);
	ck_assert(!got.result.is_sampled && !got.result.has_ede);
	/* SRV, TXT and address of at most answer-max instances. */
	ck_assert_uint_eq(got.message.count[DNS_ADDITIONAL], 3 * 8);
	asked.is_stream = false;
	asked.room = 512;
	ask(&got, &asked);
	ck_assert(got.result.is_truncated);
	ck_assert_uint_gt(got.message.count[DNS_ANSWER], 20);
	ck_assert_uint_eq(got.message.count[DNS_ADDITIONAL], 0);
	asked.is_stream = true;
	ask(&got, &asked);
	ck_assert(!got.result.is_truncated && got.result.is_short && got.result.has_ede);
	tear_down();
}
END_TEST

/* Who has to know the members of a pool asks for them, and gets the part that is meant for him. */
START_TEST(a_pool_that_is_not_shown_whole_is_not_added_to_others)
{
	static const struct {
		uint32_t answer_max;
		unsigned added;
	} cases[] = {{100, 40}, {40, 40}, {39, 0}, {8, 0}};
	static struct got got;
	const struct asked asked = TCP("mail.svc.test. MX");

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		set_up_registry(cases[i].answer_max);
		provide_many(0, 40, "0");
		provide("mail 60 MX 10 http.pool\n");
		ask(&got, &asked);
		ck_assert_uint_eq(got.message.count[DNS_ANSWER], 1);
		ck_assert_uint_eq(got.message.count[DNS_ADDITIONAL], cases[i].added);
		tear_down();
	}
}
END_TEST

START_TEST(browsing_tells_about_other_instances_each_time)
{
	static struct got got;
	const struct asked asked = UDP("_http._tcp.svc.test. PTR");
	uint64_t told = 0;

	set_up_registry(100);
	provide_many(0, 20, "0");
	for (int round = 0; round < 100; round++) {
		struct dns_walk walk;
		struct dns_rr rr;

		ask(&got, &asked);
		ck_assert(!got.result.is_truncated);
		walk = dns_walk(&got.message, DNS_ADDITIONAL);
		ck_assert_int_eq(dns_walk_next(&walk, &rr), 1);
		told |= UINT64_C(1) << strtoul((const char *)rr.owner + 2, NULL, 10);
	}
	ck_assert_int_eq(bits(told), 20);
	tear_down();
}
END_TEST

START_TEST(a_zone_without_its_base_is_not_ready)
{
	static const uint8_t ring_key[SIPHASH_KEY_SIZE];
	static const struct answer_case cases[] = {
		{UDP("x.later.test. A"), "SERVFAIL EDE=14\n"},
	};
	const struct zone_shape shape = world_shape();
	struct root_writer *writer;
	uint8_t apex[DNS_NAME_MAX];

	set_up_registry(100);
	world_name(apex, "later.test.");
	writer = world_begin(&world);
	ck_assert_int_eq(zone_open(writer, apex, &shape, ring_key), OK);
	world_commit(&world, writer);
	check_cases(cases, COUNT_OF(cases));
	tear_down();
}
END_TEST

START_TEST(answering_allocates_nothing)
{
	static const char *const questions[] = {"_http._tcp.svc.test. SRV",
						"_http._tcp.svc.test. PTR", "http.pool.svc.test. A",
						"no.svc.test. A"};

	set_up_registry(8);
	provide_many(0, 40, "0");
	for (size_t i = 0; i < COUNT_OF(questions); i++) {
		static uint8_t question[600];
		static uint8_t wire[DNS_MESSAGE_MAX];
		static struct dns_message message;
		struct answer_query query = {.message = &message, .is_stream = true};
		struct answer_result result;
		struct dns_writer writer;

		parse_question(&message, question, sizeof(question), questions[i]);
		fail_alloc_after(0);
		answer_find(world.root, &query, 1);
		dns_writer_reply(&writer, wire, sizeof(wire), &message);
		answer_write(&query, &numbers, &writer, &result);
		fail_alloc_off();
		ck_assert_uint_eq(fail_alloc_count(), 0);
	}
	tear_down();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		services_are_answered_in_every_form,
		sets_of_services_and_addresses_begin_anywhere,
		an_answer_begins_in_the_lowest_priority,
		a_large_pool_shows_a_stable_subset,
		the_part_of_a_pool_that_fits_is_stable_and_turned,
		a_subset_that_fits_has_no_tc_whatever_else_does_not_fit,
		targets_of_a_pool_are_written_in_full,
		one_change_moves_at_most_one_member_of_a_subset,
		a_small_lowest_priority_is_shown_whole,
		browsing_is_never_sampled_and_fills_the_message,
		a_pool_that_is_not_shown_whole_is_not_added_to_others,
		browsing_tells_about_other_instances_each_time,
		a_zone_without_its_base_is_not_ready,
		answering_allocates_nothing,
	};

	return run_tests("pool", tests, COUNT_OF(tests));
}
