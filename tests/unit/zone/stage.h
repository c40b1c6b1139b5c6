/*
 * A registry zone "z." for tests: names put as text, the zone and its deltas read as text.
 *
 *	stage_put(&stage, "web._http._tcp", "ptr key:a lease:60", "60 SRV 0 0 80 h\n");
 *	expect_zone(&stage, "web._http._tcp 60 SRV 0 0 80 h\n" ...);
 *
 * In what is expected names are relative to "z.", which itself is "@"; lines stand in any order,
 * and the SOA is left out.
 */
#pragma once

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tests/unit/run.h"
#include "tests/unit/zone/zone_text.h"
#include "zone/rdata.h"
#include "zone/text.h"
#include "zone/zone.h"

#define STAGE_RECORDS 1100

struct stage {
	struct root *root;
	struct root_writer *writer; /* NULL: each put commits by itself */
	uint64_t index;
};

static const uint8_t stage_apex[] = "\1z";

static inline void must(int ret)
{
	if (ret != OK) {
		ck_abort_msg("unexpected: %s", err_text(ret));
	}
}

/* A name relative to z., valid until 32 more were made. */
static inline const uint8_t *wire(const char *text)
{
	static uint8_t names[32][DNS_NAME_MAX];
	static unsigned next;
	uint8_t *out = names[next++ % COUNT_OF(names)];

	ck_assert_int_gt(dns_name_from_text(out, text, stage_apex), 0);
	return out;
}

static inline struct owner owner_named(const char *text)
{
	static const uint8_t keys[][3] = {"\1a", "\1b"};

	if (strcmp(text, "a") == 0 || strcmp(text, "b") == 0) {
		return (struct owner){OWNER_KEY, 3, keys[text[0] - 'a']};
	}
	if (strcmp(text, "operator") == 0) {
		return (struct owner){.kind = OWNER_OPERATOR};
	}
	return (struct owner){.kind = strcmp(text, "base") == 0 ? OWNER_BASE : OWNER_NET};
}

static inline struct zone_shape stage_shape(void)
{
	return (struct zone_shape){.ttl_derived_s = 10,
				   .ttl_max_s = 86400,
				   .lease_min_s = 30,
				   .lease_max_s = 7200,
				   .key_lease_max_s = 604800,
				   .answer_max = 100,
				   .change_max = 200000,
				   .pool_label = "\4pool"};
}

static inline struct zone_soa stage_soa(uint32_t serial)
{
	return (struct zone_soa){.ttl = 5,
				 .mname = "\2ns\1z",
				 .rname = "\5admin\1z",
				 .serial = serial,
				 .refresh = 3600,
				 .retry = 600,
				 .expire = 86400,
				 .minimum = 5};
}

static inline void stage_begin(struct stage *stage)
{
	must(root_begin(&stage->writer, stage->root));
}

static inline void stage_commit(struct stage *stage)
{
	struct garbage *garbage;

	must(root_commit(stage->writer, ++stage->index, &stage->root, &garbage));
	garbage_free(garbage);
	stage->writer = NULL;
}

/* A root without zones. */
static inline void stage_init_empty(struct stage *stage)
{
	*stage = (struct stage){0};
	must(root_new(&stage->root));
}

/* A served registry zone with a SOA, serial 1, and nothing else. */
static inline void stage_init(struct stage *stage)
{
	static const uint8_t ring_key[SIPHASH_KEY_SIZE] = "stage ring key";
	const struct zone_shape shape = stage_shape();
	const struct zone_soa soa = stage_soa(1);

	stage_init_empty(stage);
	stage_begin(stage);
	must(zone_open(stage->writer, stage_apex, &shape, ring_key));
	must(zone_set_soa(stage->writer, stage_apex, &soa));
	must(zone_set_served(stage->writer, stage_apex, true));
	stage_commit(stage);
}

static inline void stage_deinit(struct stage *stage)
{
	root_abort(stage->writer);
	root_free(stage->root);
}

static inline const struct zone *stage_zone(const struct stage *stage)
{
	return root_zone(stage->writer != NULL ? root_draft(stage->writer) : stage->root,
			 stage_apex);
}

static inline uint32_t stage_serial(const struct stage *stage)
{
	return zone_serial(stage_zone(stage));
}

/* ---- putting ----------------------------------------------------------------------------- */

/* Records of lines "TTL TYPE RDATA"; the RDATA is malloc'd and freed by records_free(). */
static inline size_t records_read(struct record *records, const char *lines)
{
	static struct rdata rdata;
	size_t count = 0;

	while (*lines != '\0') {
		char line[600];
		char type[16];
		char why[RDATA_WHY_MAX];
		unsigned ttl;
		int at;
		const size_t size = strcspn(lines, "\n");

		ck_assert_uint_lt(size, sizeof(line));
		snprintf(line, sizeof(line), "%.*s", (int)size, lines);
		lines += size + (lines[size] == '\n');
		ck_assert_int_eq(sscanf(line, "%u %15s %n", &ttl, type, &at), 2);
		struct record *record = &records[count++];
		*record = (struct record){.type = rdata_type_from_text(type), .ttl = ttl};
		must(rdata_from_text(&rdata, record->type, line + at, stage_apex, why));
		uint8_t *copy = malloc(rdata.size + 1);
		memcpy(copy, rdata.data, rdata.size);
		record->rdata = copy;
		record->size = (uint16_t)rdata.size;
	}
	return count;
}

static inline void records_free(struct record *records, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free((void *)(uintptr_t)records[i].rdata);
	}
}

/* One word of `how`: ptr held overdue leased base net a b operator lease:N version:N sub:LABEL */
static inline void content_word(struct content *content, const char *word, uint8_t *subtypes,
				uint8_t *record_flags)
{
	if (strcmp(word, "ptr") == 0) {
		content->flags |= NAME_PTR;
	} else if (strcmp(word, "held") == 0) {
		content->flags |= NAME_HELD;
	} else if (strcmp(word, "overdue") == 0) {
		content->flags |= NAME_OVERDUE;
	} else if (strcmp(word, "leased") == 0) {
		*record_flags = RECORD_LEASED;
	} else if (strncmp(word, "lease:", 6) == 0) {
		content->lease_s = (uint32_t)atoi(word + 6);
	} else if (strncmp(word, "version:", 8) == 0) {
		content->version = (uint64_t)atoi(word + 8);
	} else if (strncmp(word, "sub:", 4) == 0) {
		uint8_t *at = subtypes + content->subtypes_size;
		at[0] = (uint8_t)strlen(word + 4);
		memcpy(at + 1, word + 4, at[0]);
		content->subtypes_size = (uint16_t)(content->subtypes_size + at[0] + 1);
		content->subtypes = subtypes;
	} else {
		content->owner = owner_named(word);
	}
}

/* A content made from text. */
struct made {
	struct content content;
	uint8_t name[DNS_NAME_MAX];
	uint8_t subtypes[300];
	struct record records[STAGE_RECORDS];
};

/* A name as `how` says ("net" unless an owner is named; "-": nobody's). Free it. */
static inline struct made *made_new(const char *name, const char *how, const char *lines)
{
	struct made *made = calloc(1, sizeof(*made));
	struct content *content = &made->content;
	uint8_t flags = 0;
	char words[300];

	memcpy(made->name, wire(name), dns_name_size(wire(name)));
	content->name = made->name;
	content->records = made->records;
	content->owner.kind = strncmp(how, "-", 1) == 0 ? OWNER_NONE : OWNER_NET;
	snprintf(words, sizeof(words), "%s", how);
	for (char *word = strtok(words, " -"); word != NULL; word = strtok(NULL, " ")) {
		content_word(content, word, made->subtypes, &flags);
	}
	content->count = records_read(made->records, lines);
	for (size_t i = 0; i < content->count; i++) {
		made->records[i].flags = flags;
	}
	return made;
}

static inline void made_free(struct made *made)
{
	records_free(made->records, made->content.count);
	free(made);
}

/* Puts a name; without a writing under way, in one of its own. */
static inline void stage_put(struct stage *stage, const char *name, const char *how,
			     const char *lines)
{
	const bool is_alone = stage->writer == NULL;

	if (is_alone) {
		stage_begin(stage);
	}
	struct made *made = made_new(name, how, lines);
	must(zone_put(stage->writer, stage_apex, &made->content));
	made_free(made);
	if (is_alone) {
		stage_commit(stage);
	}
}

/* Nothing at the name from now on. */
static inline void stage_remove(struct stage *stage, const char *name)
{
	stage_put(stage, name, "-", "");
}

/* ---- reading ----------------------------------------------------------------------------- */

#define STAGE_LINES 8000

struct sorted {
	size_t count;
	char *lines[STAGE_LINES];
};

static inline void sorted_free(struct sorted *sorted)
{
	for (size_t i = 0; i < sorted->count; i++) {
		free(sorted->lines[i]);
	}
	sorted->count = 0;
}

/* One word of a zone's text in the form of expectations. */
static inline void shorten_word(char *out, const char *word, size_t size)
{
	static const char end[] = ".z.";
	const bool is_apex = size == 2 && strncmp(word, "z.", 2) == 0;

	if (is_apex) {
		strcat(out, "@");
	} else if (size > 3 && strncmp(word + size - 3, end, 3) == 0) {
		strncat(out, word, size - 3);
	} else {
		strncat(out, word, size);
	}
}

/* "web.z. 60 IN A 192.0.2.1" becomes "web 60 A 192.0.2.1". */
static inline char *shorten(const char *line, size_t size)
{
	char *out = calloc(1, size + 2);
	size_t number = 0;

	for (size_t at = 0; at < size; number++) {
		size_t word = strcspn(line + at, " \n");

		word = word < size - at ? word : size - at;
		if (number != 2) {
			if (number > 0) {
				strcat(out, " ");
			}
			shorten_word(out, line + at, word);
		}
		at += word + 1;
	}
	return out;
}

static inline int compare_lines(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

static inline void sorted_add(struct sorted *sorted, char *line)
{
	ck_assert_uint_lt(sorted->count, STAGE_LINES);
	sorted->lines[sorted->count++] = line;
}

static inline void sorted_expected(struct sorted *sorted, const char *text)
{
	while (*text != '\0') {
		const size_t size = strcspn(text, "\n");

		sorted_add(sorted, strndup(text, size));
		text += size + (text[size] == '\n');
	}
}

static inline void sorted_zone(struct sorted *sorted, const struct zone *zone)
{
	char *text;

	must(text_zone(&text, zone));
	for (const char *line = text; *line != '\0';) {
		const size_t size = strcspn(line, "\n");
		char *shorter = shorten(line, size);

		if (strncmp(shorter, "@ 5 SOA ", 8) == 0) {
			free(shorter);
		} else {
			sorted_add(sorted, shorter);
		}
		line += size + (line[size] == '\n');
	}
	free(text);
}

/* Compares and frees both. */
static inline void expect_sorted(struct sorted *is, struct sorted *wanted, const char *what)
{
	bool is_equal = is->count == wanted->count;

	qsort(is->lines, is->count, sizeof(is->lines[0]), compare_lines);
	qsort(wanted->lines, wanted->count, sizeof(wanted->lines[0]), compare_lines);
	for (size_t i = 0; is_equal && i < is->count; i++) {
		is_equal = strcmp(is->lines[i], wanted->lines[i]) == 0;
	}
	if (!is_equal) {
		for (size_t i = 0; i < is->count; i++) {
			fprintf(stderr, "  is:     %s\n", is->lines[i]);
		}
		for (size_t i = 0; i < wanted->count; i++) {
			fprintf(stderr, "  wanted: %s\n", wanted->lines[i]);
		}
		ck_abort_msg("%s differs", what);
	}
	sorted_free(is);
	sorted_free(wanted);
}

static inline void expect_zone_of(const struct root *root, const char *lines)
{
	static struct sorted is;
	static struct sorted wanted;

	sorted_zone(&is, root_zone(root, stage_apex));
	sorted_expected(&wanted, lines);
	expect_sorted(&is, &wanted, "the zone");
}

static inline void expect_zone(const struct stage *stage, const char *lines)
{
	expect_zone_of(stage->root, lines);
}

/* The newest delta: "-web 60 A 192.0.2.1" left, "+..." came. */
static inline void expect_delta(const struct stage *stage, const char *lines)
{
	const struct delta *delta = zone_delta(stage_zone(stage), 0);
	static struct sorted is;
	static struct sorted wanted;

	sorted_expected(&wanted, lines);
	ck_assert_ptr_nonnull(delta);
	ck_assert_uint_eq(delta->serial_to, stage_serial(stage));
	for (uint32_t i = 0; i < delta->removed + delta->added; i++) {
		const struct delta_rr *rr = &delta->rrs[i];
		char owner[DNS_NAME_TEXT_MAX];
		char line[2000];
		char type[16];
		char *rdata;

		must(text_rdata(&rdata, rr->type, rr->rdata, rr->size));
		const int size = snprintf(line, sizeof(line), "%s %u IN %s %s",
					  dns_name_to_text(owner, rr->name), rr->ttl,
					  rdata_type_text(type, rr->type), rdata);
		free(rdata);
		char *shorter = shorten(line, (size_t)size);
		char *signed_line = calloc(1, strlen(shorter) + 2);
		signed_line[0] = i < delta->removed ? '-' : '+';
		strcpy(signed_line + 1, shorter);
		free(shorter);
		sorted_add(&is, signed_line);
	}
	expect_sorted(&is, &wanted, "the delta");
}

/* The content of a set, for names and types that text does not show: its count, or 0. */
static inline uint32_t set_count(const struct stage *stage, const char *name, uint16_t type)
{
	const struct node *node = zone_node(stage_zone(stage), wire(name));
	struct set set;

	return node != NULL && node_set(stage_zone(stage), node, type, &set) ? set.count : 0;
}
