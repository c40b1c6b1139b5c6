/*
 * What an answer costs, in instructions: two registries, and questions counted under callgrind,
 * started with --instr-atstart=no and --collect-atstart=no. The small one has as many members as
 * are shown; the large one 100,000 members of _http._tcp, as many with weights of _weighted._tcp,
 * and 200 types more. Each question is one dump and a line "NUMBER-OF-RECORDS QUESTION"; nothing
 * else is counted.
 */
#include <arpa/inet.h>
#include <stdio.h>
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else /* what is built without it counts nothing, and its case fails */
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_TOGGLE_COLLECT
#define CALLGRIND_ZERO_STATS
#define CALLGRIND_DUMP_STATS_AT(label)
#endif

#include "answer/answer.h"
#include "dns/rrtype.h"
#include "tests/unit/answer/world.h"

#define QUERIES 64
#define MEMBERS 100000
#define TYPES 200
#define OTHERS 40 /* members of each of these */
#define AT_ONCE 500 /* SRVs of one name */

static const uint8_t apex[] = "\3svc\4test";
static const struct owner owner = {.kind = OWNER_NET};

static void put(struct root_writer *writer, const char *text, uint8_t flags,
		const struct record *records, size_t count)
{
	uint8_t name[DNS_NAME_MAX];
	const struct content content = {
		.name = name, .records = records, .count = count, .owner = owner, .flags = flags};

	world_name(name, text);
	world_must(zone_put(writer, apex, &content));
}

static void put_host(struct root_writer *writer, unsigned number)
{
	const uint8_t address[] = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8),
				   (uint8_t)number};
	const struct record record = {
		.type = DNS_TYPE_A, .ttl = 60, .rdata = address, .size = sizeof(address)};
	char text[40];

	snprintf(text, sizeof(text), "h%06u.svc.test.", number);
	put(writer, text, 0, &record, 1);
}

/* `count` SRVs to the hosts from `first` on, at one name: the pool has as many members. */
static void put_members(struct root_writer *writer, const char *type, unsigned first,
			unsigned count, bool is_weighted)
{
	static uint8_t rdata[AT_ONCE][6 + DNS_NAME_MAX];
	static struct record records[AT_ONCE];
	char text[80];

	for (unsigned i = 0; i < count; i++) {
		struct buf_writer out = buf_writer(rdata[i], 6);

		buf_write_u16(&out, 0);
		buf_write_u16(&out, (uint16_t)(is_weighted ? 1 + (first + i) % 10 : 0));
		buf_write_u16(&out, 80);
		snprintf(text, sizeof(text), "h%06u.svc.test.", first + i);
		world_name(rdata[i] + 6, text);
		records[i] = (struct record){.type = DNS_TYPE_SRV, .ttl = 60, .rdata = rdata[i]};
		records[i].size = (uint16_t)(6 + dns_name_size(rdata[i] + 6));
	}
	snprintf(text, sizeof(text), "i%u.%s.svc.test.", first, type);
	put(writer, text, NAME_PTR, records, count);
}

static struct zone_shape shape_of(uint32_t answer_max)
{
	struct zone_shape shape = world_shape();

	shape.answer_max = answer_max;
	return shape;
}

static struct root_writer *make(struct world *world, unsigned hosts)
{
	const struct zone_shape shape = shape_of(100);
	struct root_writer *writer;

	world_init(world);
	world_registry(world, "svc.test.", &shape,
		       "$ORIGIN svc.test.\n@ 60 SOA ns admin 1 60 60 60 5\n@ 60 NS ns\n");
	writer = world_begin(world);
	root_silence(writer);
	for (unsigned i = 0; i < hosts; i++) {
		put_host(writer, i);
	}
	return writer;
}

static void put_type(struct root_writer *writer, const char *type, unsigned members,
		     bool is_weighted)
{
	for (unsigned first = 0; first < members; first += AT_ONCE) {
		const unsigned left = members - first;

		put_members(writer, type, first, left < AT_ONCE ? left : AT_ONCE, is_weighted);
	}
}

static void make_small(struct world *world, unsigned members)
{
	struct root_writer *writer = make(world, members);

	put_type(writer, "_http._tcp", members, false);
	world_commit(world, writer);
}

static void make_large(struct world *world)
{
	struct root_writer *writer = make(world, MEMBERS);
	char type[20];

	put_type(writer, "_http._tcp", MEMBERS, false);
	put_type(writer, "_weighted._tcp", MEMBERS, true);
	for (unsigned i = 0; i < TYPES; i++) {
		snprintf(type, sizeof(type), "_t%u._tcp", i);
		put_type(writer, type, OTHERS, false);
	}
	world_commit(world, writer);
}

/* No set changes with it. */
static void set_answer_max(struct world *world, uint32_t answer_max)
{
	const struct zone_shape shape = shape_of(answer_max);
	struct root_writer *writer = world_begin(world);

	world_must(zone_open(writer, apex, &shape, NULL));
	world_commit(world, writer);
}

/* The records of the answers are summed, so that who compares sees that he may. */
static unsigned ask(const struct world *world, const char *name_text, uint16_t type, bool is_stream)
{
	static uint8_t octets[600];
	static uint8_t wire[DNS_MESSAGE_MAX];
	static struct dns_message message;
	uint8_t name[DNS_NAME_MAX];
	struct answer_result result;
	struct dns_writer writer;
	struct rand rand;
	unsigned records = 0;

	rand_init(&rand, 1);
	world_name(name, name_text);
	dns_writer_init(&writer, octets, sizeof(octets));
	world_must(dns_writer_question(&writer, name, type, DNS_CLASS_IN));
	world_must(dns_message_parse(&message, octets, dns_writer_finish(&writer)));
	for (unsigned i = 0; i < QUERIES; i++) {
		struct answer_query query = {
			.message = &message, .is_stream = is_stream, .client = rand_next(&rand)};

		CALLGRIND_TOGGLE_COLLECT;
		answer_find(world->root, &query, 1);
		dns_writer_reply(&writer, wire, is_stream ? sizeof(wire) : 1232, &message);
		answer_write(&query, &rand, &writer, &result);
		dns_writer_finish(&writer);
		CALLGRIND_TOGGLE_COLLECT;
		records += writer.count[DNS_ANSWER];
	}
	return records;
}

static void ask_all(const struct world *world, const char *label, const char *type)
{
	char srv[80];
	char pool[80];
	char text[120];

	snprintf(srv, sizeof(srv), "_%s._tcp.svc.test.", type);
	snprintf(pool, sizeof(pool), "%s.pool.svc.test.", type);
	for (unsigned i = 0; i < 4; i++) {
		const bool is_srv = i < 2;
		const bool is_stream = i % 2 == 1;

		CALLGRIND_ZERO_STATS;
		const unsigned records = ask(world, is_srv ? srv : pool,
					     is_srv ? DNS_TYPE_SRV : DNS_TYPE_A, is_stream);
		snprintf(text, sizeof(text), "%s %s %s", label, is_srv ? "SRV" : "A",
			 is_stream ? "tcp" : "udp");
		CALLGRIND_DUMP_STATS_AT(text);
		printf("%u %s\n", records / QUERIES, text);
	}
}

int main(void)
{
	static const uint32_t maxima[] = {10, 100};
	struct world large;

	make_large(&large);
	CALLGRIND_START_INSTRUMENTATION;
	for (size_t i = 0; i < sizeof(maxima) / sizeof(maxima[0]); i++) {
		struct world small;
		char label[40];

		make_small(&small, maxima[i]);
		set_answer_max(&small, maxima[i]);
		set_answer_max(&large, maxima[i]);
		snprintf(label, sizeof(label), "small %u", maxima[i]);
		ask_all(&small, label, "http");
		snprintf(label, sizeof(label), "large %u", maxima[i]);
		ask_all(&large, label, "http");
		snprintf(label, sizeof(label), "weighted %u", maxima[i]);
		ask_all(&large, label, "weighted");
		world_deinit(&small);
	}
	world_deinit(&large);
	return 0;
}
