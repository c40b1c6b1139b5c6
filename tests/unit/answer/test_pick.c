/*
 * Pools of a registry zone, put and changed at random; what clients at many places are shown of
 * them. A seed that fails is printed, and can be given as the first argument.
 */
#include <stdio.h>

#include "answer/pick.h"
#include "base/rand.h"
#include "tests/unit/zone/stage.h"

#define MEMBERS 3000
#define CLIENTS 40

static uint64_t seed = 1;

/* One instance on a host of its own, and what its SRV says. */
struct member {
	bool is_there;
	uint16_t priority;
	uint16_t weight;
};

struct pool {
	struct stage stage;
	struct member member[MEMBERS];
};

/* What is checked millions of times; Check writes down each of its own. */
#define hold(what)                                                                                 \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			ck_abort_msg("seed %llu: %s", (unsigned long long)seed, #what);            \
		}                                                                                  \
	} while (0)

/* ---- making pools ------------------------------------------------------------------------ */

static void put_name(struct stage *stage, const char *text, uint8_t flags,
		     const struct record *record)
{
	const struct content content = {.name = wire(text),
					.owner = {.kind = OWNER_NET},
					.flags = flags,
					.records = record,
					.count = record == NULL ? 0 : 1};

	must(zone_put(stage->writer, stage_apex, &content));
}

static void put_host(struct stage *stage, unsigned number)
{
	const uint8_t address[4] = {10, 0, (uint8_t)(number >> 8), (uint8_t)number};
	const struct record record = {
		.type = DNS_TYPE_A, .ttl = 60, .rdata = address, .size = sizeof(address)};
	char text[40];

	snprintf(text, sizeof(text), "h%u", number);
	put_name(stage, text, 0, &record);
}

/* Member `number` as `pool` has it from now on. */
static void put_member(struct pool *pool, unsigned number)
{
	const struct member *member = &pool->member[number];
	uint8_t rdata[6 + DNS_NAME_MAX];
	struct buf_writer out = buf_writer(rdata, sizeof(rdata));
	char text[40];

	snprintf(text, sizeof(text), "h%u", number);
	buf_write_u16(&out, member->priority);
	buf_write_u16(&out, member->weight);
	buf_write_u16(&out, 80);
	buf_write(&out, wire(text), dns_name_size(wire(text)));
	const struct record record = {.type = DNS_TYPE_SRV,
				      .ttl = 60,
				      .rdata = rdata,
				      .size = (uint16_t)buf_written(&out)};
	snprintf(text, sizeof(text), "i%u._http._tcp", number);
	put_name(&pool->stage, text, NAME_PTR, member->is_there ? &record : NULL);
}

/* Puts members first .. first+count-1 of one priority and weight. */
static void fill(struct pool *pool, unsigned first, unsigned count, uint16_t priority,
		 uint16_t weight)
{
	stage_begin(&pool->stage);
	for (unsigned i = first; i < first + count; i++) {
		put_host(&pool->stage, i);
		pool->member[i] = (struct member){true, priority, weight};
		put_member(pool, i);
	}
	stage_commit(&pool->stage);
}

static struct pool *pool_new(void)
{
	struct pool *pool = calloc(1, sizeof(*pool));

	stage_init(&pool->stage);
	return pool;
}

static void pool_free(struct pool *pool)
{
	stage_deinit(&pool->stage);
	free(pool);
}

/* ---- looking at them --------------------------------------------------------------------- */

static bool view(const struct pool *pool, uint16_t type, struct set *set)
{
	const struct zone *zone = stage_zone(&pool->stage);
	const char *name = type == DNS_TYPE_SRV ? "_http._tcp" : "http.pool";
	const struct node *node = zone_node(zone, wire(name));

	return node != NULL && node_set(zone, node, type, set);
}

/* What a client is shown: the number of each member, and its record. */
struct shown {
	uint32_t count;
	uint32_t member[PICK_MAX];
	uint64_t record[MEMBERS]; /* SRV: priority and weight; 0: not shown */
};

/* SRV: the digits of the host's label; A: the last two octets. */
static uint32_t number_of(const struct set *set, const void *member)
{
	uint8_t scratch[SET_SCRATCH];
	uint16_t size;
	const uint8_t *rdata = set_rdata(set, member, scratch, &size);

	return set->type == DNS_TYPE_SRV ? (uint32_t)strtoul((const char *)rdata + 8, NULL, 10)
					 : (uint32_t)(rdata[2] << 8 | rdata[3]);
}

static uint64_t record_of(const struct set *set, const void *member)
{
	uint8_t scratch[SET_SCRATCH];
	uint16_t size;
	struct buf_reader reader = {0};

	if (set->type == DNS_TYPE_SRV) {
		reader = buf_reader(set_rdata(set, member, scratch, &size), 4);
	}
	return UINT64_C(1) << 32 | buf_read_u32(&reader);
}

static void show(struct shown *shown, const struct pool *pool, uint16_t type, uint64_t client,
		 uint32_t max)
{
	static struct pick pick;
	struct set set;

	for (uint32_t i = 0; i < shown->count; i++) {
		shown->record[shown->member[i]] = 0;
	}
	shown->count = 0;
	if (!view(pool, type, &set)) {
		return;
	}
	pick_members(&pick, &set, client, max);
	hold(pick.count == (set.count < max ? set.count : max));
	hold(pick.low == (set.lowest < pick.count ? set.lowest : pick.count));
	shown->count = pick.count;
	for (uint32_t i = 0; i < pick.count; i++) {
		const uint32_t number = number_of(&set, pick.member[i]);

		hold(shown->record[number] == 0); /* each once */
		shown->member[i] = number;
		shown->record[number] = record_of(&set, pick.member[i]);
	}
}

/* How many records of `one` are not in `other`. */
static uint32_t missing(const struct shown *one, const struct shown *other)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < one->count; i++) {
		count += other->record[one->member[i]] != one->record[one->member[i]];
	}
	return count;
}

static uint32_t power_of(const struct set *set)
{
	uint32_t power = 1;

	while (power < set->heaviest) {
		power *= 2;
	}
	return power;
}

/* ---- one change -------------------------------------------------------------------------- */

/* What the address view was like: by this it may change more than by one. */
struct state {
	uint32_t power;
	int level;
};

static struct state state_of(const struct pool *pool)
{
	struct state state = {.power = 0, .level = 65536};
	struct set set;

	if (view(pool, DNS_TYPE_A, &set)) {
		state.power = power_of(&set);
	}
	for (unsigned i = 0; i < MEMBERS; i++) {
		const struct member *member = &pool->member[i];

		if (member->is_there && member->priority < state.level) {
			state.level = member->priority;
		}
	}
	return state;
}

static uint16_t some_weight(struct rand *rand)
{
	static const uint16_t weights[] = {0, 0, 1, 5, 10, 10, 20, 63, 64, 65};

	return weights[rand_below(rand, COUNT_OF(weights))];
}

/* Adds, takes away, or changes a member. */
static void change_member(struct pool *pool, struct rand *rand, unsigned range)
{
	const unsigned number = rand_below(rand, range);
	struct member *member = &pool->member[number];

	if (!member->is_there || rand_below(rand, 3) == 0) {
		member->is_there = !member->is_there;
	} else {
		member->priority = (uint16_t)(rand_below(rand, 8) == 0 ? rand_below(rand, 3) : 0);
	}
	member->weight = some_weight(rand);
	put_member(pool, number);
}

static void change(struct pool *pool, struct rand *rand, unsigned range, unsigned count)
{
	stage_begin(&pool->stage);
	for (unsigned i = 0; i < count; i++) {
		change_member(pool, rand, range);
	}
	stage_commit(&pool->stage);
}

static void changes_move_one(struct pool *pool, struct rand *rand, unsigned range, uint32_t max)
{
	static struct shown before[2][CLIENTS];
	static struct shown after;
	static const uint16_t types[] = {DNS_TYPE_SRV, DNS_TYPE_A};
	uint64_t client[CLIENTS];

	for (unsigned c = 0; c < CLIENTS; c++) {
		client[c] = rand_next(rand);
		for (unsigned t = 0; t < 2; t++) {
			show(&before[t][c], pool, types[t], client[c], max);
		}
	}
	const struct state from = state_of(pool);
	change(pool, rand, range, 1);
	const struct state to = state_of(pool);
	for (unsigned c = 0; c < CLIENTS; c++) {
		for (unsigned t = 0; t < 2; t++) {
			show(&after, pool, types[t], client[c], max);
			if (t == 1 && (from.power != to.power || from.level != to.level)) {
				continue;
			}
			hold(missing(&before[t][c], &after) <= 1);
			hold(missing(&after, &before[t][c]) <= 1);
		}
	}
}

START_TEST(one_change_in_a_pool_changes_one_entry_of_a_subset_at_most)
{
	static const unsigned ranges[] = {3, 20, 60, 300, 1000, 3000};
	static const uint32_t maxima[] = {1, 2, 7, 25, 100, 1000};
	struct rand rand;

	rand_init(&rand, seed);
	for (size_t r = 0; r < COUNT_OF(ranges); r++) {
		struct pool *pool = pool_new();

		fill(pool, 0, ranges[r], 0, 0);
		for (unsigned step = 0; step < 200; step++) {
			const uint32_t max = maxima[rand_below(&rand, COUNT_OF(maxima))];

			change(pool, &rand, ranges[r], ranges[r] / 20);
			changes_move_one(pool, &rand, ranges[r], max);
		}
		pool_free(pool);
	}
}
END_TEST

/* ---- weights ----------------------------------------------------------------------------- */

/* How often members 0-499, 500-999, 1000-1499 and 1500-1999 are shown to many clients. */
static void count_groups(const struct pool *pool, uint32_t max, double counts[4])
{
	static struct shown shown;
	struct rand rand;

	rand_init(&rand, seed);
	memset(counts, 0, 4 * sizeof(counts[0]));
	for (unsigned c = 0; c < 3000; c++) {
		show(&shown, pool, DNS_TYPE_A, rand_next(&rand), max);
		for (uint32_t i = 0; i < shown.count; i++) {
			counts[shown.member[i] / 500]++;
		}
	}
}

static void expect_near(double got, double wanted, double percent)
{
	ck_assert_msg(got > wanted * (1 - percent / 100) && got < wanted * (1 + percent / 100),
		      "%.3f is not near %.3f", got, wanted);
}

START_TEST(addresses_are_shown_in_proportion_to_their_weights)
{
	struct pool *pool = pool_new();
	double counts[4];

	fill(pool, 0, 500, 0, 10);
	fill(pool, 500, 500, 0, 0);
	fill(pool, 1000, 500, 0, 20);
	fill(pool, 1500, 500, 0, 40);
	count_groups(pool, 50, counts);
	/* Enough have a weight: those without are not shown. */
	ck_assert_double_eq(counts[1], 0);
	expect_near(counts[2] / counts[0], 2, 10);
	expect_near(counts[3] / counts[0], 4, 10);
	pool_free(pool);
}
END_TEST

START_TEST(without_weights_all_are_shown_alike)
{
	struct pool *pool = pool_new();
	double counts[4];

	fill(pool, 0, 2000, 0, 0);
	count_groups(pool, 50, counts);
	for (unsigned i = 0; i < 4; i++) {
		expect_near(counts[i], 3000.0 * 50 / 4, 5);
	}
	pool_free(pool);
}
END_TEST

/* One that outweighs all others, and too few accepted among those looked at. */
START_TEST(what_was_passed_fills_up)
{
	static struct shown shown;
	struct pool *pool = pool_new();
	struct rand rand;

	rand_init(&rand, seed);
	fill(pool, 0, 1, 0, 65535);
	fill(pool, 1, 1999, 0, 1);
	for (unsigned c = 0; c < 200; c++) {
		/* show() looks at the count. */
		show(&shown, pool, DNS_TYPE_A, rand_next(&rand), 100);
	}
	pool_free(pool);
}
END_TEST

/* P is the power of two not below the largest weight: none of these is passed. */
START_TEST(members_that_all_weigh_a_power_of_two_are_shown_in_turn)
{
	static struct pick pick;
	struct pool *pool = pool_new();
	struct set_walk walk;
	struct rand rand;
	struct set set;

	rand_init(&rand, seed);
	fill(pool, 0, 500, 0, 16);
	ck_assert(view(pool, DNS_TYPE_A, &set));
	for (unsigned c = 0; c < 200; c++) {
		const uint64_t client = rand_next(&rand);
		const struct set_level level = set_level(&set, 0);
		const uint32_t start = set_ring_start(&set, &level, client);

		pick_members(&pick, &set, client, 100);
		set_walk_start(&walk, &set, start);
		for (uint32_t i = 0; i < 100 && start + i < set.count; i++) {
			hold(pick.member[i] == set_walk_next(&walk));
		}
	}
	pool_free(pool);
}
END_TEST

/* Of 2,000 members 800 are looked at: so many clients of 2,000 see the one that outweighs all. */
START_TEST(eight_times_as_many_as_are_shown_are_looked_at)
{
	static struct shown shown;
	struct pool *pool = pool_new();
	struct rand rand;
	double seen = 0;

	rand_init(&rand, seed);
	fill(pool, 0, 1, 0, 65535);
	fill(pool, 1, 1999, 0, 1);
	for (unsigned c = 0; c < 2000; c++) {
		show(&shown, pool, DNS_TYPE_A, rand_next(&rand), 100);
		seen += shown.record[0] != 0 ? 1 : 0;
	}
	expect_near(seen, 800, 20);
	pool_free(pool);
}
END_TEST

/* ---- who is seen by whom ----------------------------------------------------------------- */

START_TEST(each_member_is_shown_to_somebody)
{
	static const uint16_t types[] = {DNS_TYPE_SRV, DNS_TYPE_A};
	static struct shown shown;
	struct pool *pool = pool_new();

	fill(pool, 0, 2000, 0, 0);
	for (size_t t = 0; t < COUNT_OF(types); t++) {
		struct set_walk walk;
		const void *member;
		struct set set;

		ck_assert(view(pool, types[t], &set));
		set_walk_start(&walk, &set, 0);
		while ((member = set_walk_next(&walk)) != NULL) {
			show(&shown, pool, types[t], set_place(&set, member), 3);
			hold(shown.member[0] == number_of(&set, member));
		}
	}
	pool_free(pool);
}
END_TEST

START_TEST(each_member_with_a_weight_is_shown_to_somebody)
{
	static struct shown shown;
	static bool is_seen[MEMBERS];
	struct pool *pool = pool_new();
	struct rand rand;

	rand_init(&rand, seed);
	fill(pool, 0, 250, 0, 3);
	fill(pool, 250, 250, 0, 16);
	for (unsigned c = 0; c < 10000; c++) {
		show(&shown, pool, DNS_TYPE_A, rand_next(&rand), 20);
		for (uint32_t i = 0; i < shown.count; i++) {
			is_seen[shown.member[i]] = true;
		}
	}
	for (unsigned i = 0; i < 500; i++) {
		ck_assert_msg(is_seen[i], "nobody sees member %u", i);
	}
	pool_free(pool);
}
END_TEST

/* The lowest priority whole, then the next from the client's place on its ring. */
START_TEST(the_next_priority_is_shown_from_the_clients_place_too)
{
	static struct shown shown;
	static bool is_seen[MEMBERS];
	struct pool *pool = pool_new();
	struct rand rand;

	rand_init(&rand, seed);
	fill(pool, 0, 5, 1, 0);
	fill(pool, 5, 2, 2, 0);
	fill(pool, 7, 400, 3, 0);
	fill(pool, 407, 400, 4, 0);
	for (unsigned c = 0; c < 4000; c++) {
		show(&shown, pool, DNS_TYPE_SRV, rand_next(&rand), 10);
		for (uint32_t i = 0; i < shown.count; i++) {
			hold((i < 5) == (shown.member[i] < 5));
			hold((i < 7) == (shown.member[i] < 7));
			hold(shown.member[i] < 407);
			is_seen[shown.member[i]] = true;
		}
	}
	for (unsigned i = 0; i < 407; i++) {
		ck_assert_msg(is_seen[i], "nobody sees member %u", i);
	}
	/* The address view has the lowest alone. */
	show(&shown, pool, DNS_TYPE_A, 0, 10);
	ck_assert_uint_eq(shown.count, 5);
	pool_free(pool);
}
END_TEST

/* Another root, filled in another order, has the same ring: as after a restart, or elsewhere. */
START_TEST(a_subset_depends_on_the_pool_and_its_key_alone)
{
	static struct shown one;
	static struct shown other;
	struct pool *pool = pool_new();
	struct pool *again = pool_new();
	struct rand rand;

	rand_init(&rand, seed);
	fill(pool, 0, 1000, 0, 1);
	fill(pool, 1000, 1000, 0, 7);
	change(pool, &rand, 2000, 500);
	stage_begin(&again->stage);
	for (unsigned i = 2000; i-- > 0;) {
		again->member[i] = pool->member[i];
		put_member(again, i);
		put_host(&again->stage, i);
	}
	stage_commit(&again->stage);
	for (unsigned c = 0; c < 200; c++) {
		const uint64_t client = rand_next(&rand);
		const uint16_t type = c % 2 == 0 ? DNS_TYPE_SRV : DNS_TYPE_A;

		show(&one, pool, type, client, 30);
		show(&other, again, type, client, 30);
		ck_assert_uint_eq(one.count, other.count);
		ck_assert_mem_eq(one.member, other.member, one.count * sizeof(one.member[0]));
	}
	pool_free(pool);
	pool_free(again);
}
END_TEST

START_TEST(what_fits_is_the_beginning_of_the_subset)
{
	static struct pick pick;
	static struct pick part;
	struct pool *pool = pool_new();
	struct set set;

	fill(pool, 0, 30, 0, 0);
	fill(pool, 30, 100, 1, 0);
	ck_assert(view(pool, DNS_TYPE_SRV, &set));
	pick_members(&pick, &set, 12345, 100);
	for (size_t room = 0; room < 4000; room += 7) {
		size_t used = 0;

		part = pick;
		pick_fit(&part, &set, room);
		for (uint32_t i = 0; i < pick.count; i++) {
			uint8_t scratch[SET_SCRATCH];
			uint16_t size;

			set_rdata(&set, pick.member[i], scratch, &size);
			used += 12u + size;
			hold((i < part.count) == (used <= room));
		}
		hold(part.low == (part.count < 30 ? part.count : 30));
	}
	pool_free(pool);
}
END_TEST

int main(int argc, char **argv)
{
	const TTest *const tests[] = {
		one_change_in_a_pool_changes_one_entry_of_a_subset_at_most,
		addresses_are_shown_in_proportion_to_their_weights,
		without_weights_all_are_shown_alike,
		what_was_passed_fills_up,
		members_that_all_weigh_a_power_of_two_are_shown_in_turn,
		eight_times_as_many_as_are_shown_are_looked_at,
		each_member_is_shown_to_somebody,
		each_member_with_a_weight_is_shown_to_somebody,
		the_next_priority_is_shown_from_the_clients_place_too,
		a_subset_depends_on_the_pool_and_its_key_alone,
		what_fits_is_the_beginning_of_the_subset,
	};

	if (argc > 1) {
		seed = strtoull(argv[1], NULL, 0);
	}
	return run_tests("answer/pick", tests, COUNT_OF(tests));
}
