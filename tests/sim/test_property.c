/*
 * Random commands, in batches of random size, applied to a root and to the naive model of model.h:
 * rcodes, content, published state, leases, serials, deltas and answers are equal after each
 * batch; the log replayed, and a snapshot with the rest of the log, give the same zone.
 *
 * WAGGLE_SEED=n runs one seed, WAGGLE_PLAYS=n so many of each kind. A failure prints its seed and the commands
 * of the batch; WAGGLE_VERBOSE=1 prints all batches of a seed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer/answer.h"
#include "base/err.h"
#include "base/log.h"
#include "dns/rrtype.h"
#include "registry/registry.h"
#include "tests/sim/compare.h"
#include "tests/sim/draw.h"
#include "tests/sim/model.h"
#include "tests/sim/page.h"
#include "tests/sim/wire.h"
#include "tests/unit/run.h"
#include "tests/unit/zone/zone_text.h"
#include "zone/rdata.h"
#include "zone/text.h"

#define SEEDS 40
#define WORD_SEEDS 5000 /* from here on rules hold instances, and the operator has his word */
#define REPLAY_SEEDS 9000 /* from here on time passes, and recorded UPDATEs are sent again */
#define RECORDED 40
#define WORD_COUNT 20
#define FIRST_SEED 1000
#define BATCHES 60
#define BATCH_MAX 5
#define BATCH_S 25 /* from one to the next */
#define ENTRY_MAX 65536
#define SNAPSHOT_MAX (1u << 20)

/*
 * Bugs there were, each with a seed that finds it when it is put back. A seed means something as
 * long as draw.c draws the same: who changes that puts the bugs back and looks for new seeds.
 */
static const struct {
	const char *what;
	uint64_t seed;
} found[] = {
	{"the delta kept the priority that a lower one drove out of the address view", 1003},
	{"a subtype alone in the base took an instance away", 1003},
	{"an instance of the base without records kept its subtypes", 1000},
	{"names that a new pool label reserves stayed", 1004},
	{"a shared name kept its lease when the base took what was leased", 1006},
	{"a host stayed overdue when the base took its last instance", 1028},
	{"a host went although the same UPDATE brought another instance", 1002},
	{"values were compared before the other prerequisites", 1001},
	{"an addition that is ignored took the name over", 1002},
	{"a TTL stayed above a lease that became shorter", 1004},
	{"delete and add in other letters was no heartbeat", 1023},
	{"a name that was taken over kept the lease of its last owner", 1005},
	{"a set was deletable since all that instances share was explicit too", 1014},
	{"a SOA with serial 0 made it the zone's", 1003},
	{"a PTR at a plain name kept the subtype of its first label", 1042},
};

/* A log entry. */
struct entry {
	uint8_t *octets;
	size_t size;
};

/* One run of one seed. */
struct play {
	uint64_t seed;
	struct rand rand;
	struct arena arena;
	struct root *root;
	const struct zone *zone;
	struct model model;
	struct model before; /* at the last batch */
	struct model_view view;
	struct page content; /* without SOA, as the model has it */
	struct page last; /* the same before this batch */
	struct model_command previous; /* the last one drawn */
	struct model_command recorded[RECORDED]; /* UPDATEs, to be sent again */
	size_t recorded_count;
	struct model_command commands[BATCH_MAX];
	unsigned rcodes[BATCH_MAX];
	bool is_change[BATCH_MAX];
	size_t command_count;
	size_t results;
	struct entry log[BATCHES];
	size_t log_count;
	uint8_t *snapshot;
	size_t snapshot_size;
	size_t snapshot_at; /* batches in it */
	struct page snapshot_content;
};

static void must(int ret)
{
	if (ret != OK) {
		ck_abort_msg("unexpected: %s", err_text(ret));
	}
}

/* ---- failing ----------------------------------------------------------------------------- */

static void print_batch(const struct play *play)
{
	for (size_t i = 0; i < play->command_count; i++) {
		draw_print(stderr, &play->commands[i]);
		fprintf(stderr, "    -> rcode %u%s\n", play->rcodes[i],
			play->is_change[i] ? ", changes" : "");
	}
}

static void print_failure(const void *context)
{
	const struct play *play = context;

	fprintf(stderr, "WAGGLE_SEED=%llu, batch %zu:\n", (unsigned long long)play->seed,
		play->log_count);
	print_batch(play);
}

#define mismatch(play, ...) (print_failure(play), ck_abort_msg(__VA_ARGS__))

/* The zone as it is now, and what the model has for it. */
static struct compared compared(const struct play *play)
{
	return (struct compared){.root = play->root,
				 .zone = play->zone,
				 .model = &play->model,
				 .view = &play->view,
				 .tell = print_failure,
				 .context = play};
}

/* ---- applying ---------------------------------------------------------------------------- */

static void check_result(void *context, size_t number, const struct command_result *result,
			 const struct plan *plan)
{
	struct play *play = context;

	(void)plan;
	play->results++;
	if (result->rcode != play->rcodes[number]) {
		mismatch(play, "command %zu: rcode %u, not %u (%s)", number, result->rcode,
			 play->rcodes[number], result->ede_text);
	}
	if (play->commands[number].kind == MODEL_UPDATE &&
	    result->is_change != play->is_change[number]) {
		mismatch(play, "command %zu: is%s a change", number,
			 result->is_change ? "" : " not");
	}
}

/* Applies one entry of the log to a root, which it replaces. */
static void apply(struct root **root, uint64_t index, const struct entry *entry,
		  struct arena *arena, registry_result_fn each, void *context)
{
	struct root_writer *writer;
	struct garbage *garbage;

	must(root_begin(&writer, *root));
	must(registry_apply_batch(writer, index, entry->octets, entry->size, arena, each, context));
	must(root_commit(writer, index, root, &garbage));
	garbage_free(garbage);
}

/* Draws a batch, applies it to the model as it is drawn, and writes it down. */
static void draw_batch(struct play *play)
{
	static uint8_t octets[ENTRY_MAX];
	struct buf_writer out = buf_writer(octets, sizeof(octets));
	const uint64_t index = play->log_count + 1;
	const bool is_replayed = play->seed >= REPLAY_SEEDS;

	play->model.is_serial_set = false;
	play->before = play->model;
	play->command_count = 1 + rand_below(&play->rand, BATCH_MAX);
	play->model.time_s = is_replayed ? 1000 + index * BATCH_S : 0;
	play->model.now_s = play->model.time_s;
	command_write_batch(&out, (uint32_t)play->command_count, 1000 + index * BATCH_S);
	for (size_t i = 0; i < play->command_count; i++) {
		struct model_command *command = &play->commands[i];

		if (index == 1 && i == 0) {
			memset(command, 0, sizeof(*command));
			draw_base(&play->rand, &play->model, command);
		} else if (rand_below(&play->rand, 10) == 0) {
			*command = play->previous; /* often a heartbeat */
		} else if (is_replayed && play->recorded_count >= RECORDED &&
			   rand_below(&play->rand, 4) == 0) {
			*command = play->recorded[rand_below(&play->rand, RECORDED)];
		} else if (play->seed >= WORD_SEEDS && rand_below(&play->rand, 8) == 0) {
			draw_word(&play->rand, &play->model, command);
		} else {
			draw_command(&play->rand, &play->model, command);
			command->update.hold = play->seed >= WORD_SEEDS &&
					       command->kind == MODEL_UPDATE &&
					       rand_below(&play->rand, 3) == 0;
		}
		play->rcodes[i] =
			model_apply(&play->model, command, index << 20 | i, &play->is_change[i]);
		play->previous = *command;
		if (command->kind == MODEL_UPDATE) {
			play->recorded[play->recorded_count++ % RECORDED] = *command;
		}
		wire_command(&play->rand, &play->arena, &out, command);
	}
	model_end_batch(&play->model, &play->before);
	ck_assert(!out.failed);
	struct entry *entry = &play->log[play->log_count++];
	entry->size = buf_written(&out);
	entry->octets = malloc(entry->size);
	memcpy(entry->octets, octets, entry->size);
}

/* ---- comparing --------------------------------------------------------------------------- */

static void keep_content(struct play *play)
{
	page_clear(&play->content);
	for (size_t i = 0; i < play->view.count; i++) {
		if (play->view.rrs[i].type != DNS_TYPE_SOA) {
			compare_add(&play->content, &play->view.rrs[i]);
		}
	}
}

static void compare_delta(struct play *play)
{
	const struct compared these = compared(play);
	const struct delta *delta = zone_delta(play->zone, 0);
	const uint32_t from = play->before.serial;
	static struct page now;

	if (zone_serial(play->zone) == from) {
		return;
	}
	page_clear(&now);
	if (play->model.is_serial_set || play->before.soa.ttl != play->model.soa.ttl ||
	    play->before.soa.minimum != play->model.soa.minimum) {
		/* The SOA is in no delta. */
		if (delta != NULL) {
			mismatch(play, "a delta goes over a change of the SOA");
		}
		return;
	}
	if (delta == NULL || delta->serial_from != from || delta->serial_to != play->model.serial) {
		mismatch(play, "no delta from %u to %u", from, play->model.serial);
	}
	static struct page then;
	then.count = 0;
	then.used = 0;
	for (size_t i = 0; i < play->last.count; i++) {
		page_add(&then, "%s", play->last.lines[i]);
	}
	for (uint32_t i = 0; i < delta->removed + delta->added; i++) {
		page_clear(&now);
		compare_add_delta(&now, &delta->rrs[i]);
		const bool is_there = page_remove(&then, now.lines[0]);
		if (is_there != (i < delta->removed)) {
			mismatch(play, "the delta %s %s",
				 is_there ? "adds again" : "removes too much", now.lines[0]);
		}
		if (i >= delta->removed) {
			page_add(&then, "%s", now.lines[0]);
		}
	}
	compare_pages(&these, &then, &play->content, "the last content with the delta");
}

/* Each name exists if anything stands there or below, and only then. */
static void compare_existence(struct play *play)
{
	for (size_t i = 0; i < model_name_count; i++) {
		const uint8_t *name = wire_names[i];

		for (; dns_name_is_in(name, wire_apex); name = dns_name_parent(name)) {
			char text[DNS_NAME_TEXT_MAX];

			dns_name_to_text(text, name);
			if ((zone_node(play->zone, name) != NULL) !=
			    model_exists(&play->view, text)) {
				mismatch(play, "%s: exists or not", text);
			}
		}
	}
}

/* ---- answers ----------------------------------------------------------------------------- */

static void add_answer(struct page *page, const struct dns_message *reply)
{
	struct dns_walk walk = dns_walk(reply, DNS_ANSWER);
	static uint8_t octets[1024];
	struct dns_rr rr;

	while (dns_walk_next(&walk, &rr) == 1) {
		struct buf_writer out = buf_writer(octets, sizeof(octets));
		const int size = dns_rr_rdata(reply, &rr, &out);
		const struct delta_rr shown = {.name = rr.owner,
					       .type = rr.type,
					       .ttl = rr.ttl,
					       .size = (uint16_t)size,
					       .rdata = octets};
		ck_assert_int_ge(size, 0);
		compare_add_delta(page, &shown);
	}
}

static void compare_answer(struct play *play, const char *name, uint16_t type)
{
	const struct compared these = compared(play);
	static uint8_t wire[DNS_MESSAGE_MAX];
	static struct page is;
	static struct page wanted;
	static struct model_answer answer;
	uint8_t question[DNS_HEADER_SIZE + DNS_NAME_MAX + 4] = {0, 1, 0, 0, 0, 1};
	struct dns_message query;
	struct dns_message reply;
	struct dns_writer writer;
	struct answer_result result;
	struct answer_query one = {.message = &query, .is_stream = true};

	const int size = dns_name_from_text(question + DNS_HEADER_SIZE, name, NULL);
	ck_assert_int_gt(size, 0);
	uint8_t *end = question + DNS_HEADER_SIZE + size;
	end[0] = (uint8_t)(type >> 8);
	end[1] = (uint8_t)type;
	end[3] = DNS_CLASS_IN;
	must(dns_message_parse(&query, question, (size_t)(end + 4 - question)));
	answer_find(play->root, &one, 1);
	dns_writer_reply(&writer, wire, sizeof(wire), &query);
	answer_write(&one, &play->rand, &writer, &result);
	const size_t reply_size = dns_writer_finish(&writer);
	wire[2] &= 0x7f; /* a response is not parsed */
	must(dns_message_parse(&reply, wire, reply_size));

	page_clear(&is);
	page_clear(&wanted);
	page_add(&is, "rcode %u", reply.flags & 15u);
	add_answer(&is, &reply);
	if (play->model.is_served) {
		model_ask(&play->view, name, type, &answer);
		page_add(&wanted, "rcode %u", answer.rcode);
		for (size_t i = 0; i < answer.count; i++) {
			compare_add(&wanted, &answer.rrs[i]);
		}
	} else {
		page_add(&wanted, "rcode %u", DNS_RCODE_SERVFAIL);
	}
	char what[600];
	snprintf(what, sizeof(what), "the answer to %s type %u", name, type);
	compare_pages(&these, &is, &wanted, what);
}

static void compare_answers(struct play *play)
{
	static const char *const others[] = {
		"nope." APEX,          "zz._http._tcp." APEX, "q.r.w." APEX,    "deep.h2." APEX,
		"below.deep.h1." APEX, "q.x.y.z." APEX,       "a.b.c.h1." APEX, "r.sub.*.w." APEX,
	};
	static const uint16_t types[] = {DNS_TYPE_A,   DNS_TYPE_AAAA,  DNS_TYPE_SRV, DNS_TYPE_PTR,
					 DNS_TYPE_TXT, DNS_TYPE_CNAME, DNS_TYPE_NS,  DNS_TYPE_DNAME,
					 DNS_TYPE_SOA, DNS_TYPE_ANY,   DNS_TYPE_KEY};
	const bool is_all = play->log_count % 8 == 0;

	for (size_t i = 0; i < model_name_count + COUNT_OF(others); i++) {
		const char *name =
			i < model_name_count ? model_names[i].text : others[i - model_name_count];
		for (size_t k = 0; k < COUNT_OF(types); k++) {
			if (is_all || rand_below(&play->rand, 8) == 0) {
				compare_answer(play, name, types[k]);
			}
		}
	}
}

static void compare(struct play *play)
{
	play->zone = root_zone(play->root, wire_apex);
	ck_assert_ptr_nonnull(play->zone);
	play->last = play->content;
	for (size_t i = 0; i < play->last.count; i++) {
		play->last.lines[i] =
			play->last.text + (play->content.lines[i] - play->content.text);
	}
	model_look(&play->model, &play->view);
	const struct compared these = compared(play);
	compare_content(&these);
	compare_state(&these);
	keep_content(play);
	compare_existence(play);
	compare_delta(play);
	compare_answers(play);
}

/* ---- replay and snapshot ----------------------------------------------------------------- */

static int keep(void *sink, const void *data, size_t size)
{
	struct play *play = sink;

	ck_assert_uint_le(play->snapshot_size + size, SNAPSHOT_MAX);
	memcpy(play->snapshot + play->snapshot_size, data, size);
	play->snapshot_size += size;
	return OK;
}

static struct root *load_snapshot(struct play *play)
{
	struct registry_loader *loader;
	struct root_writer *writer;
	struct garbage *garbage;
	struct root *root;
	uint64_t index;

	must(root_new(&root));
	must(root_begin(&writer, root));
	must(registry_loader_new(&loader, writer));
	for (size_t at = 0; at < play->snapshot_size;) {
		const size_t left = play->snapshot_size - at;
		size_t some = 1 + rand_below(&play->rand, 3000);

		some = some < left ? some : left;
		must(registry_loader_put(loader, play->snapshot + at, some));
		at += some;
	}
	must(registry_loader_end(loader, &index));
	registry_loader_free(loader);
	ck_assert_uint_eq(index, play->snapshot_at);
	must(root_commit(writer, index, &root, &garbage));
	garbage_free(garbage);
	return root;
}

/* The rest of the log, upon an older root, comes to the same. */
static void replay(struct play *play, struct root *root, size_t from, const char *what)
{
	const struct compared these = compared(play);
	struct root *played = play->root;
	static struct page is;
	static struct page wanted;
	char *text;

	for (size_t i = from; i < play->log_count; i++) {
		apply(&root, i + 1, &play->log[i], &play->arena, NULL, NULL);
	}
	page_clear(&is);
	page_clear(&wanted);
	must(text_zone(&text, root_zone(root, wire_apex)));
	page_add_text(&is, text);
	free(text);
	must(text_zone(&text, root_zone(played, wire_apex)));
	page_add_text(&wanted, text);
	free(text);
	compare_pages(&these, &is, &wanted, what);
	play->root = root;
	play->zone = root_zone(root, wire_apex);
	const struct compared replayed = compared(play);
	compare_state(&replayed);
	play->root = played;
	root_free(root);
}

static void play_again(struct play *play)
{
	const struct compared these = compared(play);
	static struct page is;
	struct root *root;
	char *text;

	must(root_new(&root));
	replay(play, root, 0, "the log replayed");
	root = load_snapshot(play);
	must(text_zone(&text, root_zone(root, wire_apex)));
	page_clear(&is);
	page_add_text(&is, text);
	free(text);
	compare_pages(&these, &is, &play->snapshot_content, "the snapshot loaded");
	replay(play, root, play->snapshot_at, "the snapshot and the rest of the log");
}

/* ---- a seed ------------------------------------------------------------------------------ */

static void take_snapshot(struct play *play)
{
	char *text;

	play->snapshot_at = play->log_count;
	must(registry_save(play->root, keep, play));
	must(text_zone(&text, play->zone));
	page_add_text(&play->snapshot_content, text);
	free(text);
}

static void run_seed(uint64_t seed)
{
	struct play *play = calloc(1, sizeof(*play));

	play->seed = seed;
	play->snapshot = malloc(SNAPSHOT_MAX);
	rand_init(&play->rand, seed);
	arena_init(&play->arena, 65536);
	model_init(&play->model);
	must(root_new(&play->root));
	while (play->log_count < BATCHES) {
		draw_batch(play);
		if (getenv("WAGGLE_VERBOSE") != NULL) {
			fprintf(stderr, "batch %zu:\n", play->log_count);
			print_batch(play);
		}
		const struct entry *entry = &play->log[play->log_count - 1];
		play->results = 0;
		apply(&play->root, play->log_count, entry, &play->arena, check_result, play);
		ck_assert_uint_eq(play->results, play->command_count);
		arena_reset(&play->arena);
		compare(play);
		if (play->log_count == BATCHES / 2) {
			take_snapshot(play);
		}
	}
	play_again(play);
	for (size_t i = 0; i < play->log_count; i++) {
		free(play->log[i].octets);
	}
	root_free(play->root);
	arena_deinit(&play->arena);
	free(play->snapshot);
	free(play);
}

/* Index of the first bug with this seed; COUNT_OF(found): there is none. */
static size_t found_first(uint64_t seed)
{
	size_t i = 0;

	while (i < COUNT_OF(found) && found[i].seed != seed) {
		i++;
	}
	return i;
}

START_TEST(bugs_found_before_stay_away)
{
	wire_prepare();
	log_set_level(LOG_LEVEL_ERROR);
	for (size_t i = 0; i < COUNT_OF(found); i++) {
		if (found_first(found[i].seed) == i) {
			run_seed(found[i].seed);
		}
	}
}
END_TEST

START_TEST(root_and_model_agree)
{
	const char *one = getenv("WAGGLE_SEED");
	const char *many = getenv("WAGGLE_PLAYS");
	const uint64_t first = one != NULL ? strtoull(one, NULL, 10) : FIRST_SEED;
	const uint64_t count = one != NULL ? 1 : many != NULL ? strtoull(many, NULL, 10) : SEEDS;

	wire_prepare();
	log_set_level(LOG_LEVEL_ERROR);
	for (uint64_t i = 0; i < count; i++) {
		if (one != NULL || found_first(first + i) == COUNT_OF(found)) {
			run_seed(first + i); /* the others have been */
		}
	}
	for (uint64_t i = 0; one == NULL && i < WORD_COUNT && i < count; i++) {
		run_seed(WORD_SEEDS + i);
		run_seed(REPLAY_SEEDS + i);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {bugs_found_before_stay_away, root_and_model_agree};

	return run_tests("sim/property", tests, COUNT_OF(tests));
}
