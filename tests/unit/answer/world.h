/*
 * A small world for tests: a root with zones made from master-file text. Static zones are put
 * name by name, registry zones go through commands, as in life.
 */
#pragma once

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/update.h"
#include "registry/registry.h"
#include "zone/text.h"

#define WORLD_RECORDS 20000
#define WORLD_COMMAND (4u << 20)

struct world {
	struct root *root;
	struct arena arena;
	uint64_t index;
};

/* Ends the test: something that has nothing to do with what it is about went wrong. */
static inline void world_must(int ret)
{
	if (ret != OK) {
		abort();
	}
}

static inline void world_init(struct world *world)
{
	arena_init(&world->arena, 65536);
	world->index = 0;
	world_must(root_new(&world->root));
}

static inline void world_deinit(struct world *world)
{
	root_free(world->root);
	arena_deinit(&world->arena);
}

static inline struct root_writer *world_begin(struct world *world)
{
	struct root_writer *writer;

	world_must(root_begin(&writer, world->root));
	return writer;
}

static inline void world_commit(struct world *world, struct root_writer *writer)
{
	struct garbage *garbage;

	world_must(root_commit(writer, ++world->index, &world->root, &garbage));
	garbage_free(garbage);
	arena_reset(&world->arena);
}

static inline void world_name(uint8_t out[DNS_NAME_MAX], const char *text)
{
	if (dns_name_from_text(out, text, NULL) < 0) {
		abort();
	}
}

/* ---- records of a text ------------------------------------------------------------------- */

struct world_record {
	const uint8_t *name;
	struct record record;
	bool is_done;
};

struct world_text {
	struct arena arena;
	struct world_record *records;
	size_t count;
	struct zone_soa soa;
	bool has_soa;
};

static inline void world_read_soa(struct zone_soa *soa, uint32_t ttl, const uint8_t *rdata,
				  uint16_t size)
{
	struct buf_reader reader = buf_reader(rdata, size);

	soa->ttl = ttl;
	dns_name_read_plain(&reader, soa->mname);
	dns_name_read_plain(&reader, soa->rname);
	soa->serial = buf_read_u32(&reader);
	soa->refresh = buf_read_u32(&reader);
	soa->retry = buf_read_u32(&reader);
	soa->expire = buf_read_u32(&reader);
	soa->minimum = buf_read_u32(&reader);
}

static inline int world_take(void *context, const uint8_t *name, uint16_t type, uint32_t ttl,
			     const uint8_t *rdata, uint16_t size)
{
	struct world_text *text = context;
	struct world_record *record;

	if (type == DNS_TYPE_SOA) {
		world_read_soa(&text->soa, ttl, rdata, size);
		text->has_soa = true;
		return OK;
	}
	if (text->count == WORLD_RECORDS) {
		abort();
	}
	record = &text->records[text->count++];
	record->name = arena_dup(&text->arena, name, dns_name_size(name));
	record->record = (struct record){.type = type, .size = size, .ttl = ttl};
	record->record.rdata = arena_dup(&text->arena, rdata, size);
	record->is_done = false;
	return OK;
}

static inline void world_read(struct world_text *text, const uint8_t *apex, const char *master,
			      bool is_base)
{
	struct text_error error;

	*text = (struct world_text){.count = 0};
	arena_init(&text->arena, 65536);
	text->records = malloc(WORLD_RECORDS * sizeof(text->records[0]));
	if (text->records == NULL || text_parse(master, strlen(master), "world", apex, is_base,
						world_take, text, &error) != OK) {
		abort();
	}
}

static inline void world_forget(struct world_text *text)
{
	free(text->records);
	arena_deinit(&text->arena);
}

/* ---- static zones ------------------------------------------------------------------------ */

static inline void world_put_name(struct root_writer *writer, const uint8_t *apex,
				  struct world_text *text, size_t first)
{
	struct record *records = arena_calloc(&text->arena, text->count, sizeof(*records));
	struct content content = {.name = text->records[first].name, .records = records};

	for (size_t i = first; i < text->count; i++) {
		struct world_record *record = &text->records[i];

		if (!record->is_done && dns_name_equal(record->name, content.name)) {
			records[content.count++] = record->record;
			record->is_done = true;
		}
	}
	world_must(zone_put(writer, apex, &content));
}

static inline void world_static(struct world *world, const char *apex_text, const char *master)
{
	static const uint8_t ring_key[SIPHASH_KEY_SIZE];
	struct root_writer *writer = world_begin(world);
	uint8_t apex[DNS_NAME_MAX];
	struct world_text text;

	world_name(apex, apex_text);
	world_read(&text, apex, master, false);
	world_must(zone_open(writer, apex, NULL, ring_key));
	world_must(zone_set_soa(writer, apex, &text.soa));
	for (size_t i = 0; i < text.count; i++) {
		if (!text.records[i].is_done) {
			world_put_name(writer, apex, &text, i);
		}
	}
	world_must(zone_set_served(writer, apex, true));
	world_commit(world, writer);
	world_forget(&text);
}

/* ---- registry zones ---------------------------------------------------------------------- */

/* What conf.h has as defaults. */
static inline struct zone_shape world_shape(void)
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

static inline void world_apply(struct world *world, const uint8_t *command, size_t size,
			       struct command_result *result)
{
	struct root_writer *writer = world_begin(world);
	struct plan plan;

	world_must(registry_apply(writer, command, size, (world->index + 1) << 20, 1000,
				  &world->arena, result, &plan));
	world_commit(world, writer);
}

static inline void world_write_adds(struct buf_writer *out, const struct world_text *text)
{
	for (size_t i = 0; i < text->count; i++) {
		const struct world_record *record = &text->records[i];
		const struct command_change change = {.form = DNS_UPDATE_ADD,
						      .name = record->name,
						      .type = record->record.type,
						      .ttl = record->record.ttl,
						      .rdata_size = record->record.size,
						      .rdata = record->record.rdata};

		command_write_change(out, &change);
	}
	if (out->failed) {
		abort();
	}
}

/* The base must have its SOA. */
static inline void world_registry(struct world *world, const char *apex_text,
				  const struct zone_shape *shape, const char *master)
{
	uint8_t *octets = malloc(WORLD_COMMAND);
	struct buf_writer out = buf_writer(octets, octets == NULL ? 0 : WORLD_COMMAND);
	struct command_result result;
	uint8_t apex[DNS_NAME_MAX];
	struct world_text text;

	world_name(apex, apex_text);
	world_read(&text, apex, master, true);
	const struct command_base base = {.zone = apex,
					  .shape = *shape,
					  .ring_key = "waggle ring key",
					  .soa = &text.soa,
					  .count = (uint32_t)text.count};
	command_write_base(&out, &base);
	world_write_adds(&out, &text);
	world_apply(world, octets, buf_written(&out), &result);
	world_forget(&text);
	free(octets);
}

/* Adds all records of a text by one UPDATE. */
static inline void world_update(struct world *world, const char *apex_text,
				const struct owner *owner, uint32_t lease_s, const char *master,
				struct command_result *result)
{
	uint8_t *octets = malloc(WORLD_COMMAND);
	struct buf_writer out = buf_writer(octets, octets == NULL ? 0 : WORLD_COMMAND);
	uint8_t apex[DNS_NAME_MAX];
	struct world_text text;

	world_name(apex, apex_text);
	world_read(&text, apex, master, true);
	const struct command_update update = {.zone = apex,
					      .owner = *owner,
					      .lease = {.present = lease_s > 0, .lease_s = lease_s},
					      .update_count = (uint16_t)text.count};
	command_write_update(&out, &update);
	world_write_adds(&out, &text);
	world_apply(world, octets, buf_written(&out), result);
	world_forget(&text);
	free(octets);
}
