/*
 * An import: all that was registered in an exported zone is put into this one, in one delta, with
 * owners, leases (a full term each) and what is held. What the base file here says stays, and wins;
 * a name of an import that it has refuses the whole.
 *
 * All names go first, then those of the import and of the base are loaded all at once, as a restart
 * does: two microseconds a name instead of seventy. The ring's key comes with the import, so that
 * clients are shown the same parts of large pools.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "dns/rrtype.h"
#include "dns/types.h"
#include "registry/inside.h"

#define SERIAL_JUMP (1u << 24) /* design 6: a secondary never sees it go backwards */

/* A name as it is before: of it what the base says, or else its owner. */
struct kept {
	struct kept *next;
	struct content content; /* of the base: its records alone; else none are looked at */
	bool is_base; /* comes back */
	bool is_merged; /* the import has the name too */
};

struct install {
	struct root_writer *writer;
	const struct zone *zone; /* as it is before */
	const struct command_import *import;
	struct arena *arena;
	struct map names; /* folded name -> struct kept */
	struct kept *first;
	uint64_t version;
	uint64_t time_s;
	struct command_result *result;
};

/* ---- what is there ----------------------------------------------------------------------- */

/* Anything at this name that is not the base's? */
static int is_registered(void *context, const struct zone *zone, const struct node *node)
{
	struct content content;

	(void)context;
	(void)zone;
	(void)node_content(node, &content, NULL, 0);
	return content.owner.kind > OWNER_BASE ||
	       (content.owner.kind == OWNER_NONE && !node_is_of_base(node));
}

bool zone_has_registrations(const struct zone *zone)
{
	return zone_walk(zone, is_registered, NULL) == 1;
}

/* Does what the base says of this name come back? Else only its name and owner matter. */
static bool is_of_base(const struct zone *zone, const struct content *content)
{
	return content->owner.kind == OWNER_BASE ||
	       zone_role_is_shared(zone_role(zone, content->name));
}

/* The base's part of the name, with records of the arena. */
static int note_base(struct install *install, const struct zone *zone, const struct node *node,
		     struct kept *kept)
{
	const size_t room = node_record_count(node);
	struct record *records = arena_calloc(install->arena, room + 1, sizeof(*records));
	struct content *content = &kept->content;

	if (records == NULL) {
		return ERR_NOMEM;
	}
	node_content(node, content, records, room);
	if (zone_role_is_shared(zone_role(zone, content->name))) {
		content->count = records_keep(records, content->count, RECORD_BASE, true);
		content->lease_s = 0;
		content->key_lease_s = 0;
	}
	kept->is_base = content->count > 0 || content->flags != 0;
	return OK;
}

/* Takes note of a name; what is said of it stays readable until the commit. */
static int note(void *context, const struct zone *zone, const struct node *node)
{
	struct install *install = context;
	struct kept *kept = arena_calloc(install->arena, 1, sizeof(*kept));
	uint8_t folded[DNS_NAME_MAX];

	if (kept == NULL) {
		return ERR_NOMEM;
	}
	node_content(node, &kept->content, NULL, 0);
	if (node_record_count(node) == 0 && kept->content.flags == 0 &&
	    kept->content.owner.kind == OWNER_NONE) {
		return OK;
	}
	const size_t size = dns_name_fold(folded, kept->content.name);
	const uint8_t *key = arena_dup(install->arena, folded, size);
	if (key == NULL || map_put(&install->names, key, size, kept) != OK) {
		return ERR_NOMEM;
	}
	kept->next = install->first;
	install->first = kept;
	return is_of_base(zone, &kept->content) ? note_base(install, zone, node, kept) : OK;
}

/* ---- loading ----------------------------------------------------------------------------- */

/* What the base says, where the import says nothing. */
static int load_base(struct install *install)
{
	int ret = OK;

	for (struct kept *kept = install->first; ret == OK && kept != NULL; kept = kept->next) {
		if (kept->is_base && !kept->is_merged) {
			ret = zone_load(install->writer, install->import->zone, &kept->content);
		}
	}
	return ret;
}

/* At a name that both may use: what the base says, then what the import says beside it. */
static int merge(struct install *install, struct kept *kept, struct content *content)
{
	const size_t room = kept->content.count + content->count;
	struct record *records = arena_calloc(install->arena, room + 1, sizeof(*records));
	size_t count = kept->content.count;

	if (records == NULL) {
		return ERR_NOMEM;
	}
	if (count > 0) {
		memcpy(records, kept->content.records, count * sizeof(*records));
	}
	for (size_t i = 0; i < content->count; i++) {
		struct record record = content->records[i];
		bool is_said = false;

		for (size_t k = 0; k < kept->content.count && !is_said; k++) {
			const struct record *base = &records[k];

			if (base->type == record.type) {
				record.ttl = base->ttl;
				is_said = dns_rdata_equal(record.type, record.rdata, record.size,
							  base->rdata, base->size);
			}
		}
		if (!is_said) {
			records[count++] = record;
		}
	}
	content->records = records;
	content->count = count;
	return OK;
}

static struct kept *find(const struct install *install, const uint8_t *name)
{
	uint8_t folded[DNS_NAME_MAX];
	const size_t size = dns_name_fold(folded, name);

	return map_get(&install->names, folded, size);
}

/* Names that a key had and the import has not: no replay brings them back. */
static int mark_withdrawn(struct install *install)
{
	int ret = OK;

	for (struct kept *kept = install->first; ret == OK && kept != NULL; kept = kept->next) {
		const uint32_t key_lease_s = kept->content.key_lease_s;
		const struct zone_mark mark = {
			.signed_s = install->time_s,
			.until_s = install->time_s +
				   (key_lease_s > WITHDRAWN_S ? key_lease_s : WITHDRAWN_S)};

		if (!kept->is_merged && kept->content.owner.kind == OWNER_KEY) {
			ret = zone_set_mark(install->writer, install->import->zone,
					    kept->content.name, &kept->content.owner, &mark,
					    install->time_s);
		}
	}
	return ret;
}

static int load_name(struct install *install, struct content *content)
{
	struct kept *kept = find(install, content->name);
	const int ret = kept != NULL && kept->is_base ? merge(install, kept, content) : OK;

	if (kept != NULL) {
		kept->is_merged = true;
	}
	content->version = install->version;
	return ret == OK ? zone_load(install->writer, install->import->zone, content) : ret;
}

typedef int (*name_fn)(struct install *install, struct content *content);

/* Calls for each name of the import; the reader ends behind them. */
static int each_name(struct install *install, struct buf_reader *reader, name_fn fn)
{
	struct content_room room = {.count = 0};
	int ret = OK;

	for (uint32_t left = install->import->count; ret == OK && left > 0; left--) {
		struct content content;

		ret = content_read(reader, install->import->zone, &room, &content);
		ret = ret == OK ? fn(install, &content) : ret;
	}
	content_room_free(&room);
	return ret;
}

/* The marks that follow the names; nothing follows them. */
static int read_marks(struct install *install, struct buf_reader *reader, bool is_put)
{
	int ret = OK;

	for (uint32_t left = install->import->mark_count; ret == OK && left > 0; left--) {
		struct zone_mark mark;

		mark_read(reader, &mark);
		if (reader->failed) {
			return ERR_DAMAGED;
		}
		ret = is_put ? zone_load_mark(install->writer, install->import->zone, &mark) : OK;
	}
	return ret == OK && buf_left(reader) > 0 ? ERR_DAMAGED : ret;
}

/* A name that was registered there cannot be here: REFUSAL. */
static int check_name(struct install *install, struct content *content)
{
	const struct kept *kept = find(install, content->name);
	const char *why = kept != NULL && kept->content.owner.kind == OWNER_BASE
				  ? "is the base file's here"
				  : NULL;
	char text[DNS_NAME_TEXT_MAX];

	/* The label may be another since the text was read. */
	if (zone_role(install->zone, content->name) == ROLE_POOL) {
		why = "is reserved for the address view here";
	}
	return why == NULL ? OK
			   : result_refuse(install->result, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED,
					   "%.100s %s", dns_name_to_text(text, content->name), why);
}

/* ---- the whole --------------------------------------------------------------------------- */

static uint32_t next_serial(uint32_t here, uint32_t there)
{
	const uint32_t later = (int32_t)(there - here) > 0 ? there : here;
	const uint32_t serial = later + SERIAL_JUMP;

	return serial == 0 ? 1 : serial;
}

static int check_zone(struct install *install, const struct zone *zone)
{
	if (zone == NULL || !zone_is_registry(zone)) {
		return result_refuse(install->result, DNS_RCODE_NOTAUTH, DNS_EDE_NOT_AUTHORITATIVE,
				     "no registry zone of this name here");
	}
	if (!zone_is_served(zone)) {
		return result_refuse(install->result, DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY,
				     "the zone is not in service");
	}
	if (!install->import->is_replace && zone_has_registrations(zone)) {
		return result_refuse(install->result, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED,
				     "names are registered in this zone, and are to stay");
	}
	return OK;
}

static int install_all(struct install *install, uint32_t serial)
{
	const uint8_t *apex = install->import->zone;
	struct buf_reader reader = install->import->names;
	int ret = zone_clear(install->writer, apex);

	ret = ret == OK ? zone_set_ring(install->writer, apex, install->import->ring_key) : ret;
	ret = ret == OK ? each_name(install, &reader, load_name) : ret;
	ret = ret == OK ? load_base(install) : ret;
	ret = ret == OK ? zone_load_end(install->writer) : ret;
	ret = ret == OK ? read_marks(install, &reader, true) : ret;
	ret = ret == OK ? mark_withdrawn(install) : ret;
	return ret == OK ? zone_set_serial(install->writer, apex, serial) : ret;
}

int apply_import(struct root_writer *writer, const uint8_t *command, size_t size, uint64_t version,
		 uint64_t time_s, struct arena *arena, struct command_result *result)
{
	struct command_import import;
	struct install install = {.writer = writer,
				  .import = &import,
				  .arena = arena,
				  .version = version,
				  .time_s = time_s,
				  .result = result};
	int ret = command_read_import(&import, command, size);

	if (ret != OK) {
		return ret;
	}
	const struct zone *zone = root_zone(root_draft(writer), import.zone);
	struct buf_reader reader = import.names;
	install.zone = zone;
	map_init(&install.names, version);
	ret = check_zone(&install, zone);
	ret = ret == OK ? zone_walk(zone, note, &install) : ret;
	ret = ret == OK ? each_name(&install, &reader, check_name) : ret;
	ret = ret == OK ? read_marks(&install, &reader, false) : ret;
	ret = ret == OK ? install_all(&install, next_serial(zone_serial(zone), import.serial))
			: ret;
	map_deinit(&install.names);
	result->is_change = ret == OK;
	return ret == REFUSAL ? OK : ret;
}
