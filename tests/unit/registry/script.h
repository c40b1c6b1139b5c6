/*
 * A registry played from a script: commands as text, on the zone "z." of zone/stage.h.
 *
 *	update(&play, "a lease:60",
 *	       "unused web._http._tcp\n"
 *	       "add _http._tcp 60 PTR web._http._tcp\n"
 *	       "add web._http._tcp 60 SRV 0 0 80 h\n"
 *	       "del h A\n");
 *
 * Who: a, b (keys), net, operator; then lease:N, key-lease:N, takeover, hold, signed:N (1000).
 * Lines: "add NAME TTL TYPE RDATA", "del NAME [TYPE [RDATA]]", "used NAME", "unused NAME", "exists
 * NAME TYPE", "missing NAME TYPE", "equals NAME TYPE RDATA". Each command is a batch of its own,
 * unless it is between batch_begin() and batch_commit().
 */
#pragma once

#include "dns/update.h"
#include "registry/registry.h"
#include "tests/unit/zone/stage.h"

#define SCRIPT_MAX (1u << 20)

/* web._http._tcp on the host h, and what the zone has then; without TXT and with one. */
#define REGISTER_WEB                                                                               \
	"add _http._tcp 60 PTR web._http._tcp\n"                                                   \
	"add web._http._tcp 60 SRV 0 0 80 h\n"                                                     \
	"add h 60 A 192.0.2.1\n"
#define WEB_IS_THERE                                                                               \
	"web._http._tcp 60 SRV 0 0 80 h\n"                                                         \
	"h 60 A 192.0.2.1\n"                                                                       \
	"_http._tcp 10 PTR web._http._tcp\n"                                                       \
	"_http._tcp 10 SRV 0 0 80 h\n"                                                             \
	"_services._dns-sd._udp 10 PTR _http._tcp\n"                                               \
	"http.pool 10 A 192.0.2.1\n"
#define REGISTER_WEB_TXT REGISTER_WEB "add web._http._tcp 60 TXT \"v=1\"\n"
#define WEB_TXT_IS_THERE WEB_IS_THERE "web._http._tcp 60 TXT \"v=1\"\n"

/* As SRP clients send it: everything anew, PTRs first. */
#define SRP_WEB                                                                                    \
	"add _http._tcp 60 PTR web._http._tcp\n"                                                   \
	"add _red._sub._http._tcp 60 PTR web._http._tcp\n"                                         \
	"del web._http._tcp\n"                                                                     \
	"add web._http._tcp 60 SRV 0 0 80 h\n"                                                     \
	"add web._http._tcp 60 TXT \"v=1\"\n"                                                      \
	"del h\n"                                                                                  \
	"add h 60 A 192.0.2.1\n"

struct play {
	bool is_plain; /* the last UPDATE: a heartbeat without an evaluation */
	bool is_plain_change; /* it: a change without one */
	struct stage stage;
	struct arena arena;
	struct plan plan;
	struct command_result result;
	uint64_t version; /* of the last command */
	uint64_t time_s; /* of the batches to come; 1000 */
	size_t size;
	uint8_t command[SCRIPT_MAX];
};

/* ---- writing commands -------------------------------------------------------------------- */

/* A line's parts. */
struct script_line {
	char word[12];
	char name[300];
	unsigned ttl;
	uint16_t type; /* ANY: none was said */
	const uint8_t *rdata;
	uint16_t rdata_size;
};

static inline void read_rdata(struct script_line *line, const char *text)
{
	static struct rdata rdata;
	char why[RDATA_WHY_MAX];

	line->rdata = NULL;
	line->rdata_size = 0;
	if (*text != '\0') {
		must(rdata_from_text(&rdata, line->type, text, stage_apex, why));
		line->rdata = rdata.data;
		line->rdata_size = (uint16_t)rdata.size;
	}
}

/* Reads a line and steps behind it. */
static inline void read_line(struct script_line *line, const char **text, bool is_base)
{
	const size_t size = strcspn(*text, "\n");
	char copy[1200];
	char type[16] = "ANY";
	int at = 0;

	ck_assert_uint_lt(size, sizeof(copy));
	snprintf(copy, sizeof(copy), "%.*s", (int)size, *text);
	*text += size + ((*text)[size] == '\n');
	line->ttl = 0;
	strcpy(line->word, "add");
	const char *rest = copy;
	if (!is_base) {
		ck_assert_int_ge(sscanf(rest, "%11s %n", line->word, &at), 1);
		rest += at;
	}
	ck_assert_int_ge(sscanf(rest, "%299s %n", line->name, &at), 1);
	rest += at;
	if (strcmp(line->word, "add") == 0) {
		ck_assert_int_ge(sscanf(rest, "%u %n", &line->ttl, &at), 1);
		rest += at;
	}
	if (sscanf(rest, "%15s %n", type, &at) == 1) {
		rest += at;
	}
	line->type = strcmp(type, "ANY") == 0 ? DNS_TYPE_ANY : rdata_type_from_text(type);
	ck_assert_uint_ne(line->type, 0);
	read_rdata(line, rest);
}

static inline bool write_prereq(struct buf_writer *out, const struct script_line *line)
{
	static const char *const words[] = {[DNS_PREREQ_NAME_USED] = "used",
					    [DNS_PREREQ_RRSET_EXISTS] = "exists",
					    [DNS_PREREQ_NAME_UNUSED] = "unused",
					    [DNS_PREREQ_RRSET_MISSING] = "missing",
					    [DNS_PREREQ_RRSET_EQUALS] = "equals"};

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcmp(line->word, words[i]) == 0) {
			const struct command_prereq prereq = {.form = (uint8_t)i,
							      .name = wire(line->name),
							      .type = line->type,
							      .rdata = line->rdata,
							      .rdata_size = line->rdata_size};
			command_write_prereq(out, &prereq);
			return true;
		}
	}
	return false;
}

static inline void write_change(struct buf_writer *out, const struct script_line *line)
{
	struct command_change change = {.form = DNS_UPDATE_ADD,
					.name = wire(line->name),
					.type = line->type,
					.ttl = line->ttl,
					.rdata = line->rdata,
					.rdata_size = line->rdata_size};

	if (strcmp(line->word, "del") == 0) {
		change.form = line->type == DNS_TYPE_ANY ? DNS_UPDATE_DELETE_NAME
			      : line->rdata == NULL      ? DNS_UPDATE_DELETE_RRSET
							 : DNS_UPDATE_DELETE_RR;
	} else {
		ck_assert_str_eq(line->word, "add");
	}
	command_write_change(out, &change);
}

static inline void read_who(struct command_update *head, const char *who)
{
	char words[200];

	snprintf(words, sizeof(words), "%s", who);
	for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
		if (strncmp(word, "lease:", 6) == 0) {
			head->lease.present = true;
			head->lease.lease_s = (uint32_t)strtoul(word + 6, NULL, 10);
		} else if (strncmp(word, "key-lease:", 10) == 0) {
			head->lease.has_key = true;
			head->lease.key_lease_s = (uint32_t)strtoul(word + 10, NULL, 10);
		} else if (strncmp(word, "signed:", 7) == 0) {
			head->signed_s = strtoull(word + 7, NULL, 10);
		} else if (strcmp(word, "takeover") == 0) {
			head->takeover = true;
		} else if (strcmp(word, "hold") == 0) {
			head->hold = true;
		} else {
			head->owner = owner_named(word);
		}
	}
}

/* Prerequisites must stand before changes. */
static inline void write_update(struct play *play, const char *who, const char *lines)
{
	static uint8_t body[SCRIPT_MAX];
	struct buf_writer out = buf_writer(body, sizeof(body));
	struct command_update head = {.zone = stage_apex, .signed_s = 1000};
	struct script_line line;

	read_who(&head, who);
	while (*lines != '\0') {
		read_line(&line, &lines, false);
		if (write_prereq(&out, &line)) {
			ck_assert_uint_eq(head.update_count, 0);
			head.prereq_count++;
		} else {
			write_change(&out, &line);
			head.update_count++;
		}
	}
	ck_assert(!out.failed);
	struct buf_writer whole = buf_writer(play->command, sizeof(play->command));
	command_write_update(&whole, &head);
	buf_write(&whole, body, buf_written(&out));
	play->size = buf_written(&whole);
}

/* Lines: "NAME TTL TYPE RDATA". */
static inline void write_base(struct play *play, const struct zone_shape *shape, uint32_t serial,
			      const char *lines)
{
	static uint8_t body[SCRIPT_MAX];
	struct buf_writer out = buf_writer(body, sizeof(body));
	const struct zone_soa soa = stage_soa(serial);
	struct command_base head = {
		.zone = stage_apex, .shape = *shape, .ring_key = "stage ring key", .soa = &soa};
	struct script_line line;

	while (*lines != '\0') {
		read_line(&line, &lines, true);
		write_change(&out, &line);
		head.count++;
	}
	ck_assert(!out.failed);
	struct buf_writer whole = buf_writer(play->command, sizeof(play->command));
	command_write_base(&whole, &head);
	buf_write(&whole, body, buf_written(&out));
	play->size = buf_written(&whole);
}

/* ---- heartbeats -------------------------------------------------------------------------- */

/* Is the UPDATE that was written last plainly a heartbeat, or a change? What a heartbeat's reply says. */
static inline void look_plain(struct play *play, const struct root *root, struct dns_lease *granted)
{
	enum { CHANGES = 64 };
	static struct command_prereq prereqs[CHANGES];
	static struct command_change changes[CHANGES];
	static enum name_role roles[CHANGES];
	struct command_update head;

	play->is_plain = false;
	play->is_plain_change = false;
	if (command_kind(play->command, play->size) != COMMAND_UPDATE) {
		return;
	}
	must(command_read_update_head(&head, play->command, play->size));
	const struct zone *zone = root_zone(root, head.zone);
	if (zone == NULL || !zone_is_registry(zone) || !zone_is_served(zone) ||
	    head.prereq_count > CHANGES || head.update_count > CHANGES) {
		return;
	}
	must(command_read_update_records(&head, prereqs, changes));
	for (size_t i = 0; i < head.update_count; i++) {
		roles[i] = zone_role(zone, changes[i].name);
	}
	const struct registry_update parts = {&head, prereqs, changes, roles};
	play->is_plain_change = registry_is_plain_change(zone, &parts, play->time_s);
	struct registry_beat beat;
	if (registry_beat_find(zone, &head, changes, &beat)) {
		*granted = beat.lease;
		play->is_plain = registry_beat_renew(&beat, 1);
	}
}

/* Then the evaluation says the same of it. */
static inline void check_plain(const struct play *play, const struct dns_lease *granted)
{
	if (play->is_plain_change) {
		ck_assert(!play->is_plain && !play->result.is_stale);
		ck_assert(play->result.is_change || play->result.rcode != DNS_RCODE_NOERROR);
	}
	if (!play->is_plain) {
		return;
	}
	ck_assert_uint_eq(play->result.rcode, DNS_RCODE_NOERROR);
	ck_assert(!play->result.is_change);
	ck_assert(granted->present && play->result.lease.present);
	ck_assert_uint_eq(granted->lease_s, play->result.lease.lease_s);
	ck_assert_uint_eq(granted->key_lease_s, play->result.lease.key_lease_s);
	ck_assert_uint_gt(play->plan.count, 0);
	for (size_t i = 0; i < play->plan.count; i++) {
		ck_assert(!play->plan.names[i].is_change && play->plan.names[i].is_renewed);
	}
}

/* ---- applying ---------------------------------------------------------------------------- */

static inline void batch_begin(struct play *play)
{
	stage_begin(&play->stage);
}

static inline void batch_commit(struct play *play)
{
	stage_commit(&play->stage);
	arena_reset(&play->arena);
}

/* Applies the command that was written last. Its rcode. */
static inline unsigned apply(struct play *play)
{
	const bool is_alone = play->stage.writer == NULL;

	if (is_alone) {
		batch_begin(play);
	}
	struct dns_lease granted = {0};
	look_plain(play, root_draft(play->stage.writer), &granted);
	play->version++;
	must(registry_apply(play->stage.writer, play->command, play->size, play->version,
			    play->time_s, &play->arena, &play->result, &play->plan));
	check_plain(play, &granted);
	const unsigned rcode = play->result.rcode;
	if (is_alone) {
		batch_commit(play);
	}
	return rcode;
}

static inline unsigned update(struct play *play, const char *who, const char *lines)
{
	write_update(play, who, lines);
	return apply(play);
}

/* An UPDATE that must be taken. */
static inline void updated(struct play *play, const char *who, const char *lines)
{
	const unsigned rcode = update(play, who, lines);

	ck_assert_msg(rcode == DNS_RCODE_NOERROR, "rcode %u: %s", rcode, play->result.ede_text);
}

/* What an UPDATE would come to now: in play->plan. Its rcode. */
static inline unsigned evaluate(struct play *play, const char *who, const char *lines)
{
	struct dns_lease granted = {0};

	write_update(play, who, lines);
	arena_reset(&play->arena);
	look_plain(play, play->stage.root, &granted);
	must(registry_evaluate(play->stage.root, play->command, play->size, 999, play->time_s,
			       &play->arena, &play->plan));
	play->result = play->plan.result;
	check_plain(play, &granted);
	return play->result.rcode;
}

static inline void based(struct play *play, const struct zone_shape *shape, uint32_t serial,
			 const char *lines)
{
	write_base(play, shape, serial, lines);
	ck_assert_uint_eq(apply(play), DNS_RCODE_NOERROR);
}

/* The version of a name's registration, or 0. */
static inline uint64_t version_of(const struct play *play, const char *name)
{
	const struct node *node = zone_entry(stage_zone(&play->stage), wire(name));
	struct content content = {0};

	if (node != NULL) {
		node_content(node, &content, NULL, 0);
	}
	return content.version;
}

/* The leases of names, apart by blanks, run out. */
static inline void write_expire(struct play *play, const char *names, uint64_t age)
{
	struct buf_writer out = buf_writer(play->command, sizeof(play->command));
	struct command_expiry expiries[16];
	char words[600];
	uint16_t count = 0;

	snprintf(words, sizeof(words), "%s", names);
	for (char *word = strtok(words, " "); word != NULL; word = strtok(NULL, " ")) {
		expiries[count++] =
			(struct command_expiry){.zone = stage_apex,
						.name = wire(word),
						.version = version_of(play, word) - age};
	}
	command_write_expire(&out, count);
	for (uint16_t i = 0; i < count; i++) {
		command_write_expiry(&out, &expiries[i]);
	}
	play->size = buf_written(&out);
}

static inline void expire(struct play *play, const char *names)
{
	write_expire(play, names, 0);
	ck_assert_uint_eq(apply(play), DNS_RCODE_NOERROR);
}

static inline void retire(struct play *play)
{
	struct buf_writer out = buf_writer(play->command, sizeof(play->command));

	command_write_retire(&out, stage_apex);
	play->size = buf_written(&out);
	ck_assert_uint_eq(apply(play), DNS_RCODE_NOERROR);
}

/* The operator's word about a name. Its rcode. */
static inline unsigned say_of(struct play *play, enum operator_action action, const char *name)
{
	const struct command_operator word = {.action = (uint8_t)action,
					      .zone = stage_apex,
					      .name = wire(name),
					      .reason = "because",
					      .reason_size = 7};
	struct buf_writer out = buf_writer(play->command, sizeof(play->command));

	command_write_operator(&out, &word);
	play->size = buf_written(&out);
	return apply(play);
}

/* ---- the whole --------------------------------------------------------------------------- */

/* A root without zones. */
static inline struct play *play_new_empty(void)
{
	struct play *play = calloc(1, sizeof(*play));

	stage_init_empty(&play->stage);
	play->time_s = 1000;
	arena_init(&play->arena, 65536);
	return play;
}

/* The zone z. with this shape and base. */
static inline struct play *play_new_with(const struct zone_shape *shape, const char *base)
{
	struct play *play = play_new_empty();

	based(play, shape, 1, base);
	return play;
}

static inline struct play *play_new(void)
{
	const struct zone_shape shape = stage_shape();

	return play_new_with(&shape, "");
}

static inline void play_free(struct play *play)
{
	stage_deinit(&play->stage);
	arena_deinit(&play->arena);
	free(play);
}

static inline uint32_t serial_of(const struct play *play)
{
	return stage_serial(&play->stage);
}

/* What is registered for a name: valid until the next command. */
static inline struct content content_of(const struct play *play, const char *name)
{
	const struct node *node = zone_entry(stage_zone(&play->stage), wire(name));
	struct content content = {0};

	ck_assert_msg(node != NULL, "%s: nothing there", name);
	node_content(node, &content, NULL, 0);
	content.count = node_record_count(node);
	return content;
}

static inline bool is_there(const struct play *play, const char *name)
{
	return zone_entry(stage_zone(&play->stage), wire(name)) != NULL;
}

/* An UPDATE that must be refused with these words in its extended error, and change nothing. */
static inline void refused(struct play *play, const char *who, const char *lines, const char *words)
{
	static struct sorted before;
	static struct sorted after;
	const uint32_t serial = serial_of(play);

	sorted_zone(&before, stage_zone(&play->stage));
	const unsigned rcode = update(play, who, lines);
	ck_assert_msg(rcode == DNS_RCODE_REFUSED, "rcode %u, not REFUSED", rcode);
	ck_assert(play->result.has_ede);
	ck_assert_msg(strstr(play->result.ede_text, words) != NULL, "\"%s\" without \"%s\"",
		      play->result.ede_text, words);
	ck_assert(!play->result.is_change);
	ck_assert(!play->result.lease.present);
	ck_assert_uint_eq(serial_of(play), serial);
	sorted_zone(&after, stage_zone(&play->stage));
	expect_sorted(&after, &before, "the zone after a refusal");
}
