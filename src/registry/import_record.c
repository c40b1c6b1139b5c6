/*
 * The records of an exported text: each is judged as that of a zone file is, and by the name that
 * the comment before it began.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/rrtype.h"
#include "registry/import_inside.h"

/* What a record line says before its data. */
struct head {
	uint8_t owner[DNS_NAME_MAX];
	uint32_t ttl;
	uint16_t type;
	const char *data;
};

static int read_head(struct reading *reading, const char *text, struct head *head)
{
	struct word words[4];
	char type[WORD_MAX];

	for (size_t i = 0; i < 4; i++) {
		if (!lines_word(&text, &words[i])) {
			return import_fail(reading, "a record is NAME TTL IN TYPE DATA");
		}
	}
	if (word_name(head->owner, &words[0], zone_apex(reading->zone)) < 0 ||
	    !dns_name_is_in(head->owner, zone_apex(reading->zone))) {
		return import_fail(reading, "the record's name is none in the zone");
	}
	if (word_seconds(&words[1], &head->ttl) != OK || head->ttl > DNS_TTL_MAX ||
	    !word_is(&words[2], "IN")) {
		return import_fail(reading, "a TTL and IN should follow the name");
	}
	head->type = word_copy(type, &words[3]) ? rdata_type_from_text(type) : 0;
	if (head->type == 0 || dns_rrtype_is_meta(head->type)) {
		return import_fail(reading, "%.40s is no type of data", type);
	}
	head->data = text;
	return OK;
}

/* \# LENGTH HEX, of any length: lines of zone files are shorter. */
static int read_generic(struct reading *reading, const char *text)
{
	char *end;
	const unsigned long size = strtoul(text + 3, &end, 10);

	end += *end == ' ';
	if (size > UINT16_MAX || strlen(end) != 2 * size ||
	    !import_hex(reading->rdata.data, size, end)) {
		return import_fail(reading, "\\# and a length that the data has not");
	}
	reading->rdata.size = size;
	return OK;
}

static int read_data(struct reading *reading, const struct head *head)
{
	char why[RDATA_WHY_MAX] = "";
	int ret;

	if (strncmp(head->data, "\\# ", 3) == 0) {
		ret = read_generic(reading, head->data);
	} else {
		ret = rdata_from_text(&reading->rdata, head->type, head->data,
				      zone_apex(reading->zone), why);
	}
	if (ret == ERR_CONF && why[0] != '\0') {
		return import_fail(reading, "%s", why);
	}
	if (ret == OK &&
	    dns_rdata_check(head->type, reading->rdata.data, (uint16_t)reading->rdata.size) != OK) {
		return import_fail(reading, "this is no valid record of its type");
	}
	return ret;
}

/* Records that a zone file may have and a registry does not take (SIGNED ZONES, waggled.conf(5)). */
static bool is_signers(uint16_t type)
{
	return type == DNS_TYPE_RRSIG || type == DNS_TYPE_NSEC || type == DNS_TYPE_DNSKEY ||
	       type == DNS_TYPE_NSEC3 || type == DNS_TYPE_NSEC3PARAM || type == DNS_TYPE_SOA;
}

/* The instance's PTR at its type, or at a subtype. */
static int read_ptr(struct reading *reading, const struct head *head)
{
	struct content *content = &reading->name.content;
	const enum name_role role = zone_role(reading->zone, head->owner);
	const uint8_t *type = zone_type_of(ROLE_INSTANCE, content->name);
	const size_t size = head->owner[0] + 1u;

	if (reading->name.role != ROLE_INSTANCE || head->type != DNS_TYPE_PTR ||
	    (role != ROLE_TYPE && role != ROLE_SUBTYPE) ||
	    !dns_name_equal(zone_type_of(role, head->owner), type) ||
	    !dns_name_equal(reading->rdata.data, content->name)) {
		return import_fail(reading, "this record is not of the name in line %d",
				   reading->name.line);
	}
	if (role == ROLE_TYPE) {
		content->flags |= NAME_PTR;
		return OK;
	}
	if (labels_find(content->subtypes, content->subtypes_size, head->owner) != NULL) {
		return import_fail(reading, "this record was there before");
	}
	if (content->subtypes_size + size > sizeof(reading->name.subtypes)) {
		return import_fail(reading, "more subtypes than an instance may have");
	}
	memcpy(reading->name.subtypes + content->subtypes_size, head->owner, size);
	content->subtypes_size = (uint16_t)(content->subtypes_size + size);
	return OK;
}

/* May the record stand there, beside the others? */
static int check_record(struct reading *reading, struct head *head)
{
	const struct place place = {reading->options->path, reading->line};
	const struct zone *zone = reading->zone;
	struct entry **last = reading->gather.last;
	const char *refusal = zone_place_refusal(zone_apex(zone), zone_shape(zone)->pool_label,
						 head->owner, head->type);
	char name[DNS_NAME_TEXT_MAX];
	char why[GATHER_WHY_MAX] = "";

	if (refusal != NULL) {
		return import_fail(reading, "%.200s %s", dns_name_to_text(name, head->owner),
				   refusal);
	}
	if (is_signers(head->type)) {
		return import_fail(reading, "records of this type are not registered");
	}
	const int ret = gather_add(&reading->gather, place, head->owner, head->type, head->ttl,
				   &reading->rdata, why);
	if (ret != OK) {
		return ret == ERR_CONF ? import_fail(reading, "%s", why) : ret;
	}
	if (last == reading->gather.last) {
		return import_fail(reading, "this record was there before");
	}
	head->ttl = (*last)->ttl; /* that of its set */
	return OK;
}

static int add_record(struct reading *reading, const struct head *head, uint8_t flags)
{
	if (reading->record_count == NAME_RECORDS_MAX) {
		return import_fail(reading, "more records than a name may have, %d",
				   NAME_RECORDS_MAX);
	}
	if (reading->record_count == reading->record_room) {
		const size_t room = reading->record_room == 0 ? 64 : reading->record_room * 2;
		struct record *records = realloc(reading->records, room * sizeof(*records));

		if (records == NULL) {
			return ERR_NOMEM;
		}
		reading->records = records;
		reading->record_room = room;
	}
	const uint8_t *rdata = arena_dup(&reading->arena, reading->rdata.data, reading->rdata.size);
	if (rdata == NULL) {
		return ERR_NOMEM;
	}
	reading->records[reading->record_count++] =
		(struct record){.type = head->type,
				.size = (uint16_t)reading->rdata.size,
				.ttl = head->ttl,
				.flags = flags,
				.rdata = rdata};
	reading->name.has_leased = reading->name.has_leased || (flags & RECORD_LEASED) != 0;
	return OK;
}

int import_record(struct reading *reading, const char *text)
{
	const uint8_t flags = reading->has_next ? reading->next_flags : 0;
	struct head head;
	int ret = reading->zone == NULL ? import_fail(reading, "a record before the zone")
					: read_head(reading, text, &head);

	reading->has_next = false;
	ret = ret == OK ? read_data(reading, &head) : ret;
	if (ret != OK) {
		return ret;
	}
	if (!reading->name.is_open) {
		return head.type == DNS_TYPE_SOA
			       ? OK
			       : import_fail(reading,
					     "a record without the comment before its name");
	}
	if (reading->name.content.owner.kind == OWNER_BASE || flags == RECORD_BASE) {
		return OK;
	}
	if (!dns_name_equal(head.owner, reading->name.name)) {
		return read_ptr(reading, &head);
	}
	ret = check_record(reading, &head);
	return ret == OK ? add_record(reading, &head, flags) : ret;
}
