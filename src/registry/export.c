/*
 * A registry zone as text: its names in order, each behind a comment with owner and lease, then its
 * PTRs and records as any zone file has them. A record that would not come back octet for octet
 * from its usual form is written in that of RFC 3597.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "registry/text.h"
#include "zone/rdata.h"
#include "zone/text.h"

#define LINE_LONG 60000 /* characters of RDATA; longer ones are written in hexadecimal */

struct export
{
	const struct zone *zone;
	const struct node **nodes;
	size_t count;
	size_t room;
	size_t at;
	bool has_head;
	struct record *records;
	size_t record_room;
	struct rdata rdata; /* what a line would come back as */
};

/* ---- what there is ----------------------------------------------------------------------- */

static int gather(void *context, const struct zone *zone, const struct node *node)
{
	struct export *export = context;
	struct content content;

	(void)zone;
	(void)node_content(node, &content, NULL, 0);
	if (node_record_count(node) == 0 && content.flags == 0 &&
	    content.owner.kind == OWNER_NONE) {
		return OK; /* an empty non-terminal, a derived set */
	}
	if (export->count == export->room) {
		const size_t room = export->room == 0 ? 64 : export->room * 2;
		const struct node **nodes = realloc(export->nodes, room * sizeof(*nodes));

		if (nodes == NULL) {
			return ERR_NOMEM;
		}
		export->nodes = nodes;
		export->room = room;
	}
	export->nodes[export->count++] = node;
	return OK;
}

static int compare_nodes(const void *one, const void *other)
{
	return dns_name_compare(node_name(*(const struct node *const *)one),
				node_name(*(const struct node *const *)other));
}

int export_new(struct export **out, const struct zone *zone)
{
	struct export *export = calloc(1, sizeof(*export));

	if (export == NULL) {
		return ERR_NOMEM;
	}
	export->zone = zone;
	const int ret = zone_walk(zone, gather, export);
	if (ret != OK) {
		export_free(export);
		return ret;
	}
	if (export->count > 0) {
		qsort(export->nodes, export->count, sizeof(struct node *), compare_nodes);
	}
	*out = export;
	return OK;
}

size_t export_count(const struct export *export)
{
	return export->count;
}

void export_free(struct export *export)
{
	if (export != NULL) {
		free(export->nodes);
		free(export->records);
		free(export);
	}
}

/* ---- lines ------------------------------------------------------------------------------- */

static void put_generic(FILE *stream, const uint8_t *rdata, uint16_t size)
{
	fprintf(stream, "\\# %u%s", size, size > 0 ? " " : "");
	for (uint16_t i = 0; i < size; i++) {
		fprintf(stream, "%02x", rdata[i]);
	}
}

/* Does the text read as the same octets? */
static bool is_faithful(struct export *export, uint16_t type, const char *text,
			const uint8_t *rdata, uint16_t size)
{
	char why[RDATA_WHY_MAX];

	return strlen(text) <= LINE_LONG && strchr(text, '\n') == NULL &&
	       rdata_from_text(&export->rdata, type, text, zone_apex(export->zone), why) == OK &&
	       export->rdata.size == size && memcmp(export->rdata.data, rdata, size) == 0;
}

static int put_record(struct export *export, FILE *stream, const uint8_t *owner, uint16_t type,
		      uint32_t ttl, const uint8_t *rdata, uint16_t size)
{
	char name[DNS_NAME_TEXT_MAX];
	char type_text[16];
	char *text = NULL;
	const int ret = text_rdata(&text, type, rdata, size);

	if (ret == ERR_NOMEM) {
		return ret;
	}
	fprintf(stream, "%s %u IN %s ", dns_name_to_text(name, owner), ttl,
		rdata_type_text(type_text, type));
	if (ret == OK && is_faithful(export, type, text, rdata, size)) {
		fputs(text, stream);
	} else {
		put_generic(stream, rdata, size);
	}
	fputc('\n', stream);
	free(text);
	return OK;
}

static int put_ptr(struct export *export, FILE *stream, const uint8_t *owner,
		   const uint8_t *instance)
{
	return put_record(export, stream, owner, DNS_TYPE_PTR,
			  zone_shape(export->zone)->ttl_derived_s, instance,
			  (uint16_t)dns_name_size(instance));
}

static int put_subtypes(struct export *export, FILE *stream, const struct content *content)
{
	const uint8_t *type = zone_type_of(ROLE_INSTANCE, content->name);
	int ret = OK;

	for (uint16_t at = 0; ret == OK && at < content->subtypes_size;
	     at = (uint16_t)(at + content->subtypes[at] + 1)) {
		uint8_t prefix[DNS_NAME_MAX];
		uint8_t name[DNS_NAME_MAX];
		const size_t size = content->subtypes[at] + 1u;

		memcpy(prefix, content->subtypes + at, size);
		memcpy(prefix + size, "\4_sub", sizeof("\4_sub"));
		if (dns_name_join(name, prefix, type) > 0) {
			ret = put_ptr(export, stream, name, content->name);
		}
	}
	return ret;
}

static void put_owner(FILE *stream, const struct owner *owner)
{
	static const char *const kinds[] = {
		[OWNER_NONE] = "none", [OWNER_BASE] = "base",         [OWNER_NET] = "net",
		[OWNER_KEY] = "key:",  [OWNER_OPERATOR] = "operator",
	};
	char name[DNS_NAME_TEXT_MAX];

	fprintf(stream, " owner=%s%s", kinds[owner->kind],
		owner->kind == OWNER_KEY ? dns_name_to_text(name, owner->id) : "");
}

static void put_time(FILE *stream, const char *what, uint64_t time_s)
{
	const time_t time = (time_t)time_s;
	char text[40];
	struct tm parts;

	if (time_s != 0 && gmtime_r(&time, &parts) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) > 0) {
		fprintf(stream, " %s=%s", what, text);
	}
}

static void put_comment(FILE *stream, const struct content *content)
{
	char name[DNS_NAME_TEXT_MAX];

	fprintf(stream, ";: name %s", dns_name_to_text(name, content->name));
	put_owner(stream, &content->owner);
	if (content->lease_s > 0) {
		fprintf(stream, " lease=%u", content->lease_s);
	}
	if (content->key_lease_s > 0) {
		fprintf(stream, " key-lease=%u", content->key_lease_s);
	}
	if (content->owner.kind != OWNER_BASE) {
		put_time(stream, "registered", content->changed_s);
	}
	if (content->signed_s > 0 && content->owner.kind == OWNER_KEY) {
		put_time(stream, "signed", content->signed_s);
	}
	fputs((content->flags & NAME_HELD) != 0 ? " held" : "", stream);
	fputs((content->flags & NAME_OVERDUE) != 0 ? " overdue" : "", stream);
	fputc('\n', stream);
}

/* By type, then by octets, so that the same content gives the same text. */
static int compare_records(const void *one, const void *other)
{
	const struct record *left = one;
	const struct record *right = other;
	const size_t least = left->size < right->size ? left->size : right->size;
	int order = (int)left->type - (int)right->type;

	if (order == 0 && least > 0) {
		order = memcmp(left->rdata, right->rdata, least);
	}
	return order != 0 ? order : (int)left->size - (int)right->size;
}

static int read_records(struct export *export, const struct node *node, struct content *content)
{
	const size_t count = node_record_count(node);

	if (count > export->record_room) {
		struct record *records = realloc(export->records, count * sizeof(*records));

		if (records == NULL) {
			return ERR_NOMEM;
		}
		export->records = records;
		export->record_room = count;
	}
	node_content(node, content, export->records, count);
	if (count > 0) {
		qsort(export->records, count, sizeof(export->records[0]), compare_records);
	}
	return OK;
}

static int put_name(struct export *export, FILE *stream, const struct node *node)
{
	struct content content;
	int ret = read_records(export, node, &content);

	if (ret != OK) {
		return ret;
	}
	put_comment(stream, &content);
	if ((content.flags & NAME_PTR) != 0) {
		ret = put_ptr(export, stream, zone_type_of(ROLE_INSTANCE, content.name),
			      content.name);
	}
	ret = ret == OK ? put_subtypes(export, stream, &content) : ret;
	for (size_t i = 0; ret == OK && i < content.count; i++) {
		const struct record *record = &export->records[i];

		if (content.owner.kind == OWNER_NONE && record->flags != 0) {
			fprintf(stream, ";: %s\n",
				(record->flags & RECORD_BASE) != 0 ? "base" : "leased");
		}
		ret = put_record(export, stream, content.name, record->type, record->ttl,
				 record->rdata, record->size);
	}
	return ret;
}

static int put_mark(void *context, const struct zone_mark *mark)
{
	FILE *stream = context;

	fprintf(stream, ";: mark %016" PRIx64, mark->hash);
	put_time(stream, "signed", mark->signed_s);
	put_time(stream, "until", mark->until_s);
	fputc('\n', stream);
	return OK;
}

static int put_head(struct export *export, FILE *stream)
{
	const struct zone *zone = export->zone;
	const struct node *apex = zone_node(zone, zone_apex(zone));
	const uint8_t *ring = zone_ring_key(zone);
	uint8_t scratch[SET_SCRATCH];
	char name[DNS_NAME_TEXT_MAX];
	struct set set;
	uint16_t size;

	fprintf(stream, ";: waggle-export 1\n;: zone %s serial=%u ring=",
		dns_name_to_text(name, zone_apex(zone)), zone_serial(zone));
	for (size_t i = 0; i < SIPHASH_KEY_SIZE; i++) {
		fprintf(stream, "%02x", ring[i]);
	}
	fputc('\n', stream);
	if (apex == NULL || !node_set(zone, apex, DNS_TYPE_SOA, &set)) {
		return OK;
	}
	const uint8_t *rdata = set_member(&set, 0, scratch, &size);
	return put_record(export, stream, zone_apex(zone), DNS_TYPE_SOA, set.ttl, rdata, size);
}

int export_piece(struct export *export, FILE *stream, size_t about, bool *is_over)
{
	int ret = export->has_head ? OK : put_head(export, stream);

	export->has_head = true;
	while (ret == OK && export->at < export->count && (size_t)ftell(stream) < about) {
		ret = put_name(export, stream, export->nodes[export->at++]);
	}
	*is_over = export->at == export->count;
	if (ret == OK && *is_over) {
		(void)zone_walk_marks(export->zone, put_mark, stream);
		fprintf(stream, ";: end names=%zu\n", export->count);
	}
	return ret == OK && ferror(stream) ? ERR_NOMEM : ret;
}
