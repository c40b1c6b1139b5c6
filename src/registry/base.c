/*
 * A zone's base: its shape, SOA and hand-written records, as one command.
 *
 * What the old base held and the new does not, goes; what the new one holds is put, and wins over
 * what providers had at these names (at the apex and at types, where both may stand, record by
 * record). A PTR from a type to an instance of the base makes that instance published, as a
 * provider's would.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "crypto/siphash.h"
#include "dns/rrtype.h"
#include "registry/inside.h"

uint64_t registry_base_hash(const uint8_t *command, size_t size)
{
	static const struct siphash_key key = {.k0 = 0x776167676c652d62, .k1 = 1};
	struct command_base base;
	struct zone_soa soa;

	if (command_read_base(&base, &soa, command, size) != OK) {
		return 0;
	}
	/* The ring's key is drawn anew each time and used once: it says nothing. */
	uint8_t *copy = malloc(size);
	if (copy == NULL) {
		return 0;
	}
	memcpy(copy, command, size);
	memset(base.ring_key, 0, sizeof(base.ring_key));
	struct buf_writer out = buf_writer(copy, size);
	command_write_base(&out, &base);
	const uint64_t hash = siphash(&key, copy, size);
	free(copy);
	return hash == 0 ? 1 : hash;
}

/* A name of the new base, or of the old one. */
struct base_name {
	struct base_name *next;
	const uint8_t *name;
	struct record *records;
	size_t count;
	size_t room;
	uint8_t flags;
	uint8_t *subtypes;
	uint16_t subtypes_size;
};

struct base_work {
	struct root_writer *writer;
	const struct command_base *base;
	struct arena *arena;
	struct map names;
	struct base_name *first;
	struct base_name **end;
	struct targets targets; /* of instances that it takes over */
	uint64_t version;
	uint64_t time_s;
	struct command_result *result;
	struct plan *plan; /* names that it takes from who registered them */
};

static int base_name_of(struct base_work *work, const uint8_t *name, struct base_name **out)
{
	const size_t size = dns_name_size(name);
	uint8_t folded[DNS_NAME_MAX];

	dns_name_fold(folded, name);
	*out = map_get(&work->names, folded, size);
	if (*out != NULL) {
		return OK;
	}
	struct base_name *fresh = arena_calloc(work->arena, 1, sizeof(*fresh));
	const uint8_t *key = arena_dup(work->arena, folded, size);
	if (fresh == NULL || key == NULL || map_put(&work->names, key, size, fresh) != OK) {
		return ERR_NOMEM;
	}
	fresh->name = arena_dup(work->arena, name, size);
	if (fresh->name == NULL) {
		return ERR_NOMEM;
	}
	*work->end = fresh;
	work->end = &fresh->next;
	*out = fresh;
	return OK;
}

static int add_record(struct base_work *work, struct base_name *name, const struct record *record)
{
	if (name->count == name->room) {
		const size_t room = name->room * 2 + 4;
		struct record *records = arena_calloc(work->arena, room, sizeof(*records));
		if (records == NULL) {
			return ERR_NOMEM;
		}
		if (name->count > 0) {
			memcpy(records, name->records, name->count * sizeof(*records));
		}
		name->records = records;
		name->room = room;
	}
	name->records[name->count++] = *record;
	return OK;
}

static int add_subtype(struct base_work *work, struct base_name *name, const uint8_t *label)
{
	const size_t size = label[0] + 1u;

	if (name->subtypes_size + size > SUBTYPES_MAX) {
		char text[DNS_NAME_TEXT_MAX];

		return result_refuse(work->result, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED,
				     "%.100s has too many subtypes in the base file",
				     dns_name_to_text(text, name->name));
	}
	uint8_t *subtypes = arena_alloc(work->arena, name->subtypes_size + size);
	if (subtypes == NULL) {
		return ERR_NOMEM;
	}
	if (name->subtypes_size > 0) {
		memcpy(subtypes, name->subtypes, name->subtypes_size);
	}
	memcpy(subtypes + name->subtypes_size, label, size);
	name->subtypes = subtypes;
	name->subtypes_size = (uint16_t)(name->subtypes_size + size);
	return OK;
}

static int gather(struct base_work *work, const struct command_change *change)
{
	const enum name_role role =
		zone_role_with(work->base->zone, work->base->shape.pool_label, change->name);
	const bool is_ptr = change->type == DNS_TYPE_PTR &&
			    (role == ROLE_TYPE || role == ROLE_SUBTYPE) &&
			    zone_is_instance_of(change->rdata, zone_type_of(role, change->name));
	struct base_name *name;
	int ret = base_name_of(work, is_ptr ? change->rdata : change->name, &name);

	if (ret != OK) {
		return ret;
	}
	if (is_ptr && role == ROLE_TYPE) {
		name->flags |= NAME_PTR;
		return OK;
	}
	if (is_ptr) {
		return add_subtype(work, name, change->name);
	}
	const bool is_shared = zone_role_is_shared(role);
	const bool is_derived_ttl = is_shared && role != ROLE_APEX;
	const struct record record = {
		.type = change->type,
		.size = change->rdata_size,
		.ttl = is_derived_ttl ? work->base->shape.ttl_derived_s : change->ttl,
		.flags = RECORD_BASE,
		.rdata = change->rdata,
	};
	return add_record(work, name, &record);
}

/* OK, REFUSAL, ERR_NOMEM, ERR_DAMAGED. */
static int gather_new(struct base_work *work)
{
	struct buf_reader reader = work->base->records;
	struct command_change change;
	int ret = OK;

	for (uint32_t left = work->base->count; ret == OK && left > 0; left--) {
		ret = command_read_change(&reader, &change);
		if (ret == OK) {
			ret = gather(work, &change);
		}
	}
	return ret;
}

/* Names that the old base held: they are put anew, maybe as nothing. */
static int gather_old(void *context, const struct zone *zone, const struct node *node)
{
	struct base_work *work = context;
	struct base_name *name;
	struct content content;

	node_content(node, &content, NULL, 0);
	if (content.owner.kind == OWNER_BASE ||
	    zone_role_is_shared(zone_role(zone, content.name))) {
		return base_name_of(work, content.name, &name);
	}
	return OK;
}

/* At a name that both may use: what is not the base's stays, but for what the base says too. */
static int merge_shared(struct base_work *work, struct base_name *name, struct content *content,
			const struct node *old)
{
	if (old == NULL) {
		return OK;
	}
	const size_t room = node_record_count(old);
	struct record *records = arena_calloc(work->arena, room + 1, sizeof(*records));
	if (records == NULL) {
		return ERR_NOMEM;
	}
	const size_t base_count = name->count;
	const size_t count = node_content(old, content, records, room);
	bool is_leased = false;
	for (size_t i = 0; i < count; i++) {
		struct record record = records[i];
		bool is_said = (record.flags & RECORD_BASE) != 0;
		for (size_t k = 0; k < base_count && !is_said; k++) {
			const struct record *base = &name->records[k];
			if (base->type != record.type) {
				continue;
			}
			record.ttl = base->ttl;
			is_said = dns_rdata_equal(record.type, record.rdata, record.size,
						  base->rdata, base->size);
		}
		const int ret = is_said ? OK : add_record(work, name, &record);
		if (ret != OK) {
			return ret;
		}
		is_leased = is_leased || (!is_said && (record.flags & RECORD_LEASED) != 0);
	}
	if (!is_leased) {
		content->lease_s = 0;
		content->key_lease_s = 0;
	}
	return OK;
}

/* At a name that is its alone: what a provider had there is gone. */
static int take_name(struct base_work *work, const struct base_name *name, struct content *content,
		     const struct node *old)
{
	const bool is_held = name->count > 0 || name->flags != 0;
	struct content before = {0};

	if (old != NULL) {
		node_content(old, &before, NULL, 0);
	}
	if (before.owner.kind > OWNER_BASE) {
		work->plan->names[work->plan->count++] =
			(struct plan_name){.old = old, .is_takeover = true};
	}
	if (name->count > 0) {
		content->subtypes = name->subtypes;
		content->subtypes_size = name->subtypes_size;
	}
	content->flags = name->flags;
	content->owner.kind = is_held ? OWNER_BASE : OWNER_NONE;
	content->version = work->version;
	content->changed_s = work->time_s;
	return targets_note(&work->targets, old, work->arena);
}

/* Does neither base say more of the name than a subtype, which alone makes no instance? */
static bool is_untouched(const struct base_name *name, const struct node *old)
{
	struct content before = {0};

	if (old != NULL) {
		node_content(old, &before, NULL, 0);
	}
	return name->count == 0 && name->flags == 0 && before.owner.kind != OWNER_BASE;
}

static int put_name(struct base_work *work, const struct zone *zone, struct base_name *name)
{
	const struct node *old = zone_entry(zone, name->name);
	struct content content = {.name = name->name};
	int ret;

	if (zone_role_is_shared(zone_role(zone, name->name))) {
		ret = merge_shared(work, name, &content, old);
	} else if (is_untouched(name, old)) {
		return OK;
	} else {
		ret = take_name(work, name, &content, old);
	}
	if (ret != OK) {
		return ret;
	}
	content.records = name->records;
	content.count = name->count;
	return zone_put(work->writer, work->base->zone, &content);
}

/* Every name: what it takes from others is in the plan, for who says so. */
static int put_names(struct base_work *work, const struct zone *zone)
{
	struct plan *plan = work->plan;
	int ret = OK;

	plan->owner = (struct owner){.kind = OWNER_BASE};
	plan->names = arena_calloc(work->arena, work->names.count + 1, sizeof(plan->names[0]));
	if (plan->names == NULL) {
		return ERR_NOMEM;
	}
	for (struct base_name *name = work->first; ret == OK && name != NULL; name = name->next) {
		ret = put_name(work, zone, name);
	}
	return ret;
}

static int put_all(struct base_work *work)
{
	const uint8_t *apex = work->base->zone;
	int ret = zone_open(work->writer, apex, &work->base->shape, work->base->ring_key);

	if (ret == OK) {
		ret = zone_set_soa(work->writer, apex, work->base->soa);
	}
	const struct zone *zone = root_zone(root_draft(work->writer), apex);
	if (ret == OK) {
		ret = zone_walk(zone, gather_old, work);
	}
	if (ret == OK) {
		ret = put_names(work, zone);
	}
	if (ret == OK) {
		const struct parting parting = {work->time_s, work->time_s, false};

		ret = targets_release(&work->targets, work->writer, apex, &parting);
	}
	if (ret == OK) {
		ret = zone_set_served(work->writer, apex, true);
	}
	return ret;
}

int apply_base(struct root_writer *writer, const uint8_t *command, size_t size, uint64_t version,
	       uint64_t time_s, struct arena *arena, struct command_result *result,
	       struct plan *plan)
{
	struct command_base base;
	struct zone_soa soa;
	struct base_work work = {.writer = writer,
				 .base = &base,
				 .arena = arena,
				 .version = version,
				 .time_s = time_s,
				 .result = result,
				 .plan = plan};
	int ret = command_read_base(&base, &soa, command, size);

	if (ret != OK) {
		return ret;
	}
	const uint64_t hash = registry_base_hash(command, size);
	if (hash == 0) {
		return ERR_NOMEM;
	}
	work.end = &work.first;
	map_init(&work.names, hash);
	ret = gather_new(&work);
	if (ret == OK) {
		ret = put_all(&work);
	}
	map_deinit(&work.names);
	if (ret == OK) {
		ret = zone_set_base_hash(writer, base.zone, hash);
	}
	result->is_change = ret == OK;
	return ret == REFUSAL ? OK : ret;
}
