/*
 * UPDATEs through the whole line: parse, receive, apply, commit, answer. An input is a sequence of
 * messages, each as one octet of flags (who sends it), its size in two octets, and the message.
 *
 * After each message: what was refused changed nothing; the serial moved when content did and only
 * then; the delta leads from the old content to the new; all that is there is valid, and every
 * name is answered.
 */
#undef NDEBUG
#include <assert.h>
#include <netinet/in.h>

#include "answer/answer.h"
#include "dns/rrtype.h"
#include "tests/unit/answer/world.h"
#include "update/update.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MESSAGES_MAX 16
#define NOW_S 1000

enum flag { FLAG_KEY = 1, FLAG_AFAR = 2, FLAG_NO_BEAT = 4, FLAG_OLD = 8 };

static const uint8_t apex[] = "\3svc\7example";

static const char conf_text[] = "server: {listen: [127.0.0.1], name: n, data: d}\n"
				"key: [{name: ops, secret: AAEC}]\n"
				"zone: [{name: svc.example, registry: {rules: [{allow: {key: ops}, "
				"takeover: true}, {allow: {net: 0.0.0.0/0}}]}}]\n";

static const char base_text[] = "$ORIGIN svc.example.\n$TTL 300\n"
				"@ SOA ns admin 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.1\n";

static const char first_text[] = "$ORIGIN svc.example.\n$TTL 60\n"
				 "_http._tcp PTR web._http._tcp\nweb._http._tcp SRV 0 0 80 h\n"
				 "web._http._tcp TXT \"a\"\nh A 192.0.2.9\nalias CNAME h\n";

/* ---- what a zone holds ------------------------------------------------------------------- */

static uint64_t rr_hash(const struct delta_rr *rr)
{
	static const struct siphash_key key = {1, 2};
	static uint8_t octets[DNS_NAME_MAX + 6 + UINT16_MAX];
	struct buf_writer out = buf_writer(octets, sizeof(octets));
	uint8_t name[DNS_NAME_MAX];

	buf_write(&out, name, dns_name_fold(name, rr->name));
	buf_write_u16(&out, rr->type);
	buf_write_u32(&out, rr->ttl);
	/* Bit by bit: the first spelling stays, so a delta says what is there. */
	buf_write(&out, rr->rdata, rr->size);
	return siphash(&key, octets, buf_written(&out));
}

struct content_sum {
	const struct zone *zone;
	uint64_t sum; /* of all RRs but the SOA */
	uint64_t soa; /* of the SOA, its serial apart */
	unsigned soas;
	unsigned servers;
};

static int add_rr(void *context, const struct delta_rr *rr)
{
	struct content_sum *sum = context;
	const bool is_apex = dns_name_equal(rr->name, apex);

	assert(dns_name_is_in(rr->name, apex));
	assert(!dns_rrtype_is_meta(rr->type) && rr->ttl <= DNS_TTL_MAX);
	assert(dns_rdata_check(rr->type, rr->rdata, rr->size) == OK);
	sum->servers += is_apex && rr->type == DNS_TYPE_NS;
	if (rr->type != DNS_TYPE_SOA) {
		sum->sum += rr_hash(rr);
		return OK;
	}
	assert(is_apex);
	uint8_t soa[2 * DNS_NAME_MAX + 20];
	struct delta_rr copy = *rr;
	memcpy(soa, rr->rdata, rr->size);
	memset(soa + rr->size - 20, 0, 4);
	copy.rdata = soa;
	sum->soa = rr_hash(&copy);
	sum->soas++;
	return OK;
}

static struct content_sum sum_of(const struct root *root)
{
	struct content_sum sum = {.zone = root_zone(root, apex)};

	assert(sum.zone != NULL && zone_walk_rrs(sum.zone, add_rr, &sum) == OK);
	assert(sum.soas == 1 && sum.servers >= 1);
	return sum;
}

static int check_node(void *context, const struct zone *zone, const struct node *node)
{
	uint8_t scratch[SET_SCRATCH];
	uint64_t at = 0;
	struct set set;

	(void)context;
	while (node_next_set(zone, node, &at, &set)) {
		assert(set.count > 0 && set.zone == zone);
		for (uint32_t i = 0; i < set.count; i++) {
			uint16_t size;
			const uint8_t *rdata = set_member(&set, i, scratch, &size);

			assert(set_has(&set, rdata, size));
		}
	}
	return OK;
}

/* ---- asking ------------------------------------------------------------------------------ */

static void ask(const struct root *root, const uint8_t *name, uint16_t type, bool is_stream)
{
	static uint8_t question[DNS_NAME_MAX + 64];
	static uint8_t wire[DNS_MESSAGE_MAX];
	static struct dns_message message;
	struct answer_query query = {.message = &message, .is_stream = is_stream};
	struct answer_result result;
	struct dns_writer writer;
	struct rand rand;

	rand_init(&rand, 1);
	dns_writer_init(&writer, question, sizeof(question));
	assert(dns_writer_question(&writer, name, type, DNS_CLASS_IN) == OK);
	assert(dns_message_parse(&message, question, dns_writer_finish(&writer)) == OK);
	answer_find(root, &query, 1);
	dns_writer_reply(&writer, wire, is_stream ? sizeof(wire) : DNS_UDP_PLAIN, &message);
	answer_write(&query, &rand, &writer, &result);
	assert(result.rcode == DNS_RCODE_NOERROR || result.rcode == DNS_RCODE_NXDOMAIN ||
	       result.rcode == DNS_RCODE_YXDOMAIN || result.rcode == DNS_RCODE_REFUSED);
	const size_t size = dns_writer_finish(&writer);
	wire[2] &= 0x7f;
	assert(dns_message_parse(&message, wire, size) == OK);
}

static void ask_all(const struct root *root, const struct dns_message *sent)
{
	static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_PTR, DNS_TYPE_SRV, DNS_TYPE_ANY};
	struct dns_walk walk = dns_walk(sent, DNS_UPDATE);
	struct dns_rr rr;

	while (dns_walk_next(&walk, &rr) == 1) {
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
			ask(root, rr.owner, types[i], i % 2 == 0);
		}
	}
}

/* ---- one message ------------------------------------------------------------------------- */

/* The delta that leads from one content to the other. */
static void check_delta(const struct content_sum *before, const struct content_sum *now)
{
	const struct delta *delta = zone_delta(now->zone, 0);
	uint64_t sum = before->sum;

	assert(delta != NULL && delta->serial_to == zone_serial(now->zone));
	for (uint32_t i = 0; i < delta->removed; i++) {
		sum -= rr_hash(&delta->rrs[i]);
	}
	for (uint32_t i = 0; i < delta->added; i++) {
		sum += rr_hash(&delta->rrs[delta->removed + i]);
	}
	assert(sum == now->sum);
}

static void apply(struct world *world, const struct update_answer *answer)
{
	const struct content_sum before = sum_of(world->root);
	const uint32_t serial = zone_serial(before.zone);
	struct command_result result;

	world_apply(world, answer->command, answer->command_size, &result);
	const struct content_sum now = sum_of(world->root);
	const bool is_content = before.sum != now.sum;
	const bool is_moved = serial != zone_serial(now.zone);

	assert(result.rcode == DNS_RCODE_NOERROR || (!is_content && !result.is_change));
	assert(!is_content || (result.is_change && is_moved));
	assert(!is_moved || is_content || result.is_change);
	assert((before.soa == now.soa) || is_moved);
	/* A new SOA is in no delta: the history begins anew with it. */
	if (is_content && before.soa == now.soa) {
		check_delta(&before, &now);
	}
	assert(zone_walk(now.zone, check_node, NULL) == OK);
}

static struct sockaddr_storage address_of(bool is_afar)
{
	const struct sockaddr_in v4 = {.sin_family = AF_INET,
				       .sin_addr = {htonl(is_afar ? 0xc0000201 : 0x7f000001)}};
	struct sockaddr_storage address = {.ss_family = AF_INET};

	memcpy(&address, &v4, sizeof(v4));
	return address;
}

static void receive(struct world *world, struct arena *arena, const struct conf *conf,
		    const struct dns_message *message, uint8_t flags)
{
	const struct sockaddr_storage peer = address_of((flags & FLAG_AFAR) != 0);
	const struct access_identity identity = {.peer = &peer,
						 .transport = ACCESS_TCP,
						 .key = (flags & FLAG_KEY) != 0 ? &conf->keys[0]
										: NULL};
	const struct update_request request = {.root = world->root,
					       .conf = conf,
					       .message = message,
					       .identity = &identity,
					       .signed_s =
						       NOW_S - ((flags & FLAG_OLD) != 0 ? 5 : 0),
					       .now_s = NOW_S,
					       .now_ms = NOW_S * 1000,
					       .may_beat = (flags & FLAG_NO_BEAT) == 0};
	struct update_answer answer;

	arena_reset(arena);
	if (update_receive(&request, arena, &answer) == UPDATE_SUBMIT) {
		apply(world, &answer);
		free(answer.command);
		ask_all(world->root, message);
		return;
	}
	assert(answer.command == NULL);
	assert(answer.result.rcode != DNS_RCODE_SERVFAIL);
	assert(!answer.is_denied || answer.result.rcode == DNS_RCODE_REFUSED);
	assert(!answer.result.is_stale || answer.result.rcode == DNS_RCODE_NOTAUTH);
	assert(!answer.is_beat || answer.result.rcode == DNS_RCODE_NOERROR);
}

/* ---- the world --------------------------------------------------------------------------- */

/* Built once as commands, since the text takes its time. */
struct start {
	struct conf *conf;
	uint8_t *base;
	size_t base_size;
	uint8_t *first;
	size_t first_size;
};

static void make_start(struct start *start)
{
	struct zone_shape shape = world_shape();
	struct conf_error error;
	struct world_text text;

	shape.answer_max = 3;
	start->base = malloc(4096);
	start->first = malloc(4096);
	assert(start->base != NULL && start->first != NULL);
	world_must(conf_parse(&start->conf, conf_text, strlen(conf_text), "fuzz", ".", &error));
	world_read(&text, apex, base_text, true);
	const struct command_base base = {
		.zone = apex, .shape = shape, .soa = &text.soa, .count = (uint32_t)text.count};
	struct buf_writer out = buf_writer(start->base, 4096);
	command_write_base(&out, &base);
	world_write_adds(&out, &text);
	start->base_size = buf_written(&out);
	world_forget(&text);
	world_read(&text, apex, first_text, true);
	const struct command_update first = {.zone = apex,
					     .owner = {.kind = OWNER_NET},
					     .lease = {.present = true, .lease_s = 60},
					     .update_count = (uint16_t)text.count};
	out = buf_writer(start->first, 4096);
	command_write_update(&out, &first);
	world_write_adds(&out, &text);
	start->first_size = buf_written(&out);
	world_forget(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct start start;
	static struct arena arena;
	struct buf_reader reader = buf_reader(data, size);
	struct command_result result;
	struct world world;

	if (start.conf == NULL) {
		make_start(&start);
		arena_init(&arena, 65536);
	}
	world_init(&world);
	world_apply(&world, start.base, start.base_size, &result);
	world_apply(&world, start.first, start.first_size, &result);
	for (int i = 0; i < MESSAGES_MAX && buf_left(&reader) > 0; i++) {
		const uint8_t flags = buf_read_u8(&reader);
		const uint16_t wire_size = buf_read_u16(&reader);
		const uint8_t *wire = buf_read(&reader, wire_size);
		struct dns_message message;
		struct dns_rr records[8];

		if (wire == NULL) {
			break;
		}
		if (dns_message_parse_keep(&message, wire, wire_size, records, 8) == OK &&
		    dns_message_opcode(&message) == DNS_OPCODE_UPDATE) {
			receive(&world, &arena, start.conf, &message, flags);
		}
	}
	world_deinit(&world);
	return 0;
}
