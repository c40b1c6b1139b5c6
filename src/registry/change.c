/*
 * Each change of an UPDATE in order, upon the draft of its name (RFC 2136 3.4.2): what is added or
 * deleted at a name, and what a PTR at a type or subtype says of its instance.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/rrtype.h"
#include "dns/update.h"
#include "registry/inside.h"

#define WKS_KEY_SIZE 5 /* address and protocol */

/* ---- records of a draft ------------------------------------------------------------------ */

/* Nothing may hide what is derived. */
static int check_place(struct evaluation *evaluation, const struct draft *draft, uint16_t type)
{
	const char *why = zone_role_refusal(evaluation->plan->zone, draft->role, draft->name, type);

	return why == NULL ? OK : refuse_name(evaluation, draft->name, why);
}

static int grow_records(struct evaluation *evaluation, struct draft *draft)
{
	const size_t room = draft->room * 2 + 8;
	struct record *records = arena_calloc(evaluation->arena, room, sizeof(*records));

	if (records == NULL) {
		return ERR_NOMEM;
	}
	if (draft->count > 0) {
		memcpy(records, draft->records, draft->count * sizeof(*records));
	}
	draft->records = records;
	draft->room = room;
	return OK;
}

static bool draft_has(const struct draft *draft, uint16_t type)
{
	for (size_t i = 0; i < draft->count; i++) {
		if (draft->records[i].type == type) {
			return true;
		}
	}
	return false;
}

/* Types that may stand beside a CNAME (RFC 2181 10.1, RFC 4035 2.5). */
static bool goes_with_cname(uint16_t type)
{
	return type == DNS_TYPE_KEY || type == DNS_TYPE_NSEC || type == DNS_TYPE_RRSIG;
}

/* Would RFC 2136 3.4.2.2 and RFC 6672 5.2 pass over this addition in silence? */
static bool is_ignored(const struct draft *draft, uint16_t type)
{
	if (type == DNS_TYPE_CNAME) {
		if (draft->role == ROLE_APEX) {
			return true;
		}
		for (size_t i = 0; i < draft->count; i++) {
			const uint16_t other = draft->records[i].type;
			if (other != DNS_TYPE_CNAME && !goes_with_cname(other)) {
				return true;
			}
		}
		return false;
	}
	return !goes_with_cname(type) && draft_has(draft, DNS_TYPE_CNAME);
}

static void draft_remove(struct draft *draft, size_t index)
{
	memmove(&draft->records[index], &draft->records[index + 1],
		(draft->count - index - 1) * sizeof(draft->records[0]));
	draft->count--;
	draft->kept -= index < draft->kept;
	draft->is_rewritten = true;
}

static uint32_t ttl_for(const struct evaluation *evaluation, const struct draft *draft,
			uint32_t ttl)
{
	const struct zone_shape *shape = zone_shape(evaluation->plan->zone);

	if (draft->role != ROLE_APEX && zone_role_is_shared(draft->role)) {
		return shape->ttl_derived_s;
	}
	return ttl_within(shape, draft->lease_s, ttl);
}

/* All RRs of a set have one TTL (RFC 2181 5.2): the newest holds, but not over the base file's. */
static void set_ttl(struct draft *draft, uint16_t type, uint32_t ttl)
{
	for (size_t i = 0; i < draft->count; i++) {
		const struct record *record = &draft->records[i];
		if (record->type == type && (record->flags & RECORD_BASE) != 0) {
			ttl = record->ttl;
		}
	}
	for (size_t i = 0; i < draft->count; i++) {
		struct record *record = &draft->records[i];
		if (record->type == type && record->ttl != ttl) {
			record->ttl = ttl;
			draft->is_rewritten = true;
		}
	}
}

static int add_soa(struct evaluation *evaluation, const struct draft *draft,
		   const struct command_change *change)
{
	struct plan *plan = evaluation->plan;
	struct buf_reader reader = buf_reader(change->rdata, change->rdata_size);
	struct zone_soa soa = {.ttl = ttl_within(zone_shape(plan->zone), 0, change->ttl)};

	if (draft->role != ROLE_APEX) {
		return OK;
	}
	dns_name_read_plain(&reader, soa.mname);
	dns_name_read_plain(&reader, soa.rname);
	soa.serial = buf_read_u32(&reader);
	soa.refresh = buf_read_u32(&reader);
	soa.retry = buf_read_u32(&reader);
	soa.expire = buf_read_u32(&reader);
	soa.minimum = buf_read_u32(&reader);
	const uint32_t present = plan->has_soa ? plan->soa.serial : zone_serial(plan->zone);
	if ((int32_t)(soa.serial - present) > 0) {
		plan->soa = soa;
		plan->has_soa = true;
	}
	return OK;
}

/* Of some types a name has one record, or one for each of its values (RFC 2136 1.1.5, 6672 2.4). */
static bool is_replaced(const struct command_change *change, const struct record *record)
{
	switch (change->type) {
	case DNS_TYPE_CNAME:
	case DNS_TYPE_DNAME:
		return true;
	case DNS_TYPE_WKS:
		return memcmp(change->rdata, record->rdata, WKS_KEY_SIZE) == 0;
	default:
		return false;
	}
}

/* The record is there: the first spelling stays; only the TTL is the update's, and its lease. */
static int add_again(struct evaluation *evaluation, struct draft *draft, struct record *record,
		     const struct record *said)
{
	if ((record->flags & RECORD_BASE) != 0) {
		return refuse_name(evaluation, draft->name, "has this in the base file");
	}
	const uint8_t flags = evaluation->update.lease.present
				      ? said->flags
				      : (uint8_t)(said->flags | record->flags);
	draft->is_rewritten = draft->is_rewritten || record->flags != flags;
	record->flags = flags;
	set_ttl(draft, said->type, said->ttl);
	return OK;
}

static int append_record(struct evaluation *evaluation, struct draft *draft,
			 const struct record *record)
{
	if (draft->count >= NAME_RECORDS_MAX) {
		return refuse_name(evaluation, draft->name, "has too many records");
	}
	if (draft->count == draft->room) {
		const int ret = grow_records(evaluation, draft);
		if (ret != OK) {
			return ret;
		}
	}
	draft->records[draft->count++] = *record;
	draft->is_rewritten = true;
	set_ttl(draft, record->type, record->ttl);
	return OK;
}

static int add_record(struct evaluation *evaluation, struct draft *draft,
		      const struct command_change *change)
{
	const int ret = check_place(evaluation, draft, change->type);

	if (ret != OK) {
		return ret;
	}
	if (change->type == DNS_TYPE_SOA) {
		return add_soa(evaluation, draft, change);
	}
	if (is_ignored(draft, change->type)) {
		return OK;
	}
	draft->is_added_to = true;
	const bool is_leased = zone_role_is_shared(draft->role) && draft->lease_s > 0;
	const struct record said = {.type = change->type,
				    .size = change->rdata_size,
				    .ttl = ttl_for(evaluation, draft, change->ttl),
				    .flags = is_leased ? RECORD_LEASED : 0,
				    .rdata = change->rdata};
	for (size_t i = 0; i < draft->count; i++) {
		struct record *record = &draft->records[i];
		if (record->type != said.type) {
			continue;
		}
		if (dns_rdata_equal(said.type, record->rdata, record->size, said.rdata,
				    said.size)) {
			return add_again(evaluation, draft, record, &said);
		}
		if (is_replaced(change, record)) {
			draft_remove(draft, i);
			break;
		}
	}
	return append_record(evaluation, draft, &said);
}

static bool is_protected(const struct draft *draft, uint16_t type)
{
	return draft->role == ROLE_APEX && (type == DNS_TYPE_SOA || type == DNS_TYPE_NS);
}

static int delete_rr(struct evaluation *evaluation, struct draft *draft,
		     const struct command_change *change)
{
	size_t of_type = 0;
	size_t found = SIZE_MAX;

	for (size_t i = 0; i < draft->count; i++) {
		const struct record *record = &draft->records[i];
		if (record->type != change->type) {
			continue;
		}
		of_type++;
		if (dns_rdata_equal(change->type, record->rdata, record->size, change->rdata,
				    change->rdata_size)) {
			found = i;
		}
	}
	if (found == SIZE_MAX || (is_protected(draft, change->type) && of_type == 1)) {
		return OK;
	}
	if ((draft->records[found].flags & RECORD_BASE) != 0) {
		return is_protected(draft, change->type)
			       ? OK
			       : refuse_name(evaluation, draft->name, "has this in the base file");
	}
	draft_remove(draft, found);
	return OK;
}

/* Removes all of one type, or of every type (ANY); at the apex SOA and NS stay. */
static int delete_sets(struct evaluation *evaluation, struct draft *draft, uint16_t type)
{
	const bool is_any = type == DNS_TYPE_ANY;

	for (size_t i = draft->count; i-- > 0;) {
		const struct record *record = &draft->records[i];
		if ((!is_any && record->type != type) || is_protected(draft, record->type)) {
			continue;
		}
		if ((record->flags & RECORD_BASE) != 0) {
			return refuse_name(evaluation, draft->name, "has records in the base file");
		}
		draft_remove(draft, i);
	}
	return OK;
}

/* Derived sets cannot be deleted as sets: they follow from the instances. */
static int check_derived(struct evaluation *evaluation, const struct draft *draft, uint16_t type)
{
	/* No others are: looking at each set of the name would cost the square of their number. */
	static const uint16_t derived[] = {DNS_TYPE_PTR, DNS_TYPE_SRV, DNS_TYPE_A, DNS_TYPE_AAAA};
	const struct zone *zone = evaluation->plan->zone;
	const struct node *node = zone_node(zone, draft->name);
	struct set set;

	if (draft->role == ROLE_POOL) {
		return refuse_name(evaluation, draft->name, "is reserved for the address view");
	}
	for (size_t i = 0; node != NULL && i < sizeof(derived) / sizeof(derived[0]); i++) {
		if ((type == DNS_TYPE_ANY || type == derived[i]) &&
		    node_set(zone, node, derived[i], &set) && set_is_derived(&set)) {
			return refuse_name(evaluation, draft->name,
					   "has records that follow from instances");
		}
	}
	return OK;
}

/* ---- an instance's PTRs ------------------------------------------------------------------ */

const uint8_t *labels_find(const uint8_t *labels, size_t size, const uint8_t *label)
{
	for (const uint8_t *at = labels; at < labels + size; at += at[0] + 1) {
		if (at[0] == label[0] && dns_octets_equal(at + 1, label + 1, label[0])) {
			return at;
		}
	}
	return NULL;
}

const uint8_t *find_subtype(const struct draft *draft, const uint8_t *label)
{
	return labels_find(draft->subtypes, draft->subtypes_size, label);
}

static int add_subtype(struct evaluation *evaluation, struct draft *draft, const uint8_t *label)
{
	const size_t size = label[0] + 1u;

	if (find_subtype(draft, label) != NULL) {
		return OK;
	}
	if (draft->subtypes_size + size > SUBTYPES_MAX) {
		return refuse_name(evaluation, draft->name, "has too many subtypes");
	}
	uint8_t *subtypes = arena_alloc(evaluation->arena, draft->subtypes_size + size);
	if (subtypes == NULL) {
		return ERR_NOMEM;
	}
	if (draft->subtypes_size > 0) {
		memcpy(subtypes, draft->subtypes, draft->subtypes_size);
	}
	memcpy(subtypes + draft->subtypes_size, label, size);
	draft->subtypes = subtypes;
	draft->subtypes_size = (uint16_t)(draft->subtypes_size + size);
	return OK;
}

static int drop_subtype(struct evaluation *evaluation, struct draft *draft, const uint8_t *label)
{
	const uint8_t *at = find_subtype(draft, label);

	if (at == NULL) {
		return OK;
	}
	const size_t before = (size_t)(at - draft->subtypes);
	const size_t size = at[0] + 1u;
	const size_t behind = draft->subtypes_size - before - size;
	uint8_t *subtypes = arena_alloc(evaluation->arena, before + behind + 1);
	if (subtypes == NULL) {
		return ERR_NOMEM;
	}
	memcpy(subtypes, draft->subtypes, before);
	memcpy(subtypes + before, at + size, behind);
	draft->subtypes = subtypes;
	draft->subtypes_size = (uint16_t)(before + behind);
	return OK;
}

/* Is this change about the PTR at a type or subtype to one of its instances? It is the instance's. */
static bool is_instance_ptr(const struct command_change *change, enum name_role role)
{
	return change->type == DNS_TYPE_PTR &&
	       (change->form == DNS_UPDATE_ADD || change->form == DNS_UPDATE_DELETE_RR) &&
	       (role == ROLE_TYPE || role == ROLE_SUBTYPE) &&
	       zone_is_instance_of(change->rdata, zone_type_of(role, change->name));
}

static int change_ptr(struct evaluation *evaluation, const struct command_change *change,
		      enum name_role role)
{
	struct draft *draft = NULL;
	const int ret = draft_touch(evaluation, change->rdata, ROLE_INSTANCE, &draft);

	if (ret != OK) {
		return ret;
	}
	const bool is_add = change->form == DNS_UPDATE_ADD && !evaluation->is_removal;
	if (role == ROLE_SUBTYPE) {
		/* A subtype alone makes no instance: it is said of one that has records. */
		draft->is_added_to = draft->is_added_to || is_add;
		return is_add ? add_subtype(evaluation, draft, change->name)
			      : drop_subtype(evaluation, draft, change->name);
	}
	if (is_add) {
		draft->is_added_to = true;
		draft->flags |= NAME_PTR;
	} else {
		draft->flags &= (uint8_t)~NAME_PTR;
	}
	return OK;
}

/* ---- changes ----------------------------------------------------------------------------- */

/* The message says that this instance has a subtype. */
static int note_subtype(struct evaluation *evaluation, const struct command_change *change)
{
	struct draft *draft = NULL;
	const int ret = draft_of(evaluation, change->rdata, ROLE_INSTANCE, &draft);

	if (ret != OK) {
		return ret;
	}
	struct said *said = arena_alloc(evaluation->arena, sizeof(*said));
	if (said == NULL) {
		return ERR_NOMEM;
	}
	*said = (struct said){.next = draft->said, .label = change->name};
	draft->said = said;
	return OK;
}

/* Once for a message, when the first instance with subtypes is deleted. */
static int note_subtypes(struct evaluation *evaluation)
{
	int ret = OK;

	for (size_t i = 0; ret == OK && i < evaluation->update.update_count; i++) {
		const struct command_change *change = &evaluation->changes[i];
		if (change->form != DNS_UPDATE_ADD || change->type != DNS_TYPE_PTR) {
			continue;
		}
		const enum name_role role = evaluation->roles[i];
		if (role == ROLE_SUBTYPE && is_instance_ptr(change, role)) {
			ret = note_subtype(evaluation, change);
		}
	}
	evaluation->has_said = true;
	return ret;
}

/* All of an instance goes, with its subtypes but those that the same message says, before or after. */
static int delete_subtypes(struct evaluation *evaluation, struct draft *draft)
{
	uint16_t size = 0;

	if (draft->subtypes_size == 0) {
		return OK;
	}
	uint8_t *kept = arena_alloc(evaluation->arena, draft->subtypes_size);
	if (kept == NULL) {
		return ERR_NOMEM;
	}
	if (!evaluation->has_said) {
		const int ret = note_subtypes(evaluation);
		if (ret != OK) {
			return ret;
		}
	}
	for (const struct said *said = draft->said; said != NULL; said = said->next) {
		const uint8_t *label = find_subtype(draft, said->label);
		if (label != NULL && labels_find(kept, size, label) == NULL) {
			memcpy(kept + size, label, label[0] + 1u);
			size = (uint16_t)(size + label[0] + 1);
		}
	}
	draft->subtypes = kept;
	draft->subtypes_size = size;
	return OK;
}

static int change_name(struct evaluation *evaluation, struct draft *draft,
		       const struct command_change *change)
{
	int ret;

	switch ((enum dns_update_form)change->form) {
	case DNS_UPDATE_ADD:
		if (evaluation->is_removal) {
			return delete_rr(evaluation, draft, change);
		}
		return add_record(evaluation, draft, change);
	case DNS_UPDATE_DELETE_RR:
		return delete_rr(evaluation, draft, change);
	case DNS_UPDATE_DELETE_RRSET:
		ret = check_derived(evaluation, draft, change->type);
		return ret != OK ? ret : delete_sets(evaluation, draft, change->type);
	case DNS_UPDATE_DELETE_NAME:
		ret = check_derived(evaluation, draft, DNS_TYPE_ANY);
		if (ret == OK) {
			ret = delete_sets(evaluation, draft, DNS_TYPE_ANY);
		}
		return ret == OK && draft->role == ROLE_INSTANCE
			       ? delete_subtypes(evaluation, draft)
			       : ret;
	}
	return ERR_DAMAGED;
}

static int apply_change(struct evaluation *evaluation, const struct command_change *change,
			enum name_role role)
{
	struct draft *draft = NULL;

	if (is_instance_ptr(change, role)) {
		return change_ptr(evaluation, change, role);
	}
	const int ret = draft_touch(evaluation, change->name, role, &draft);
	if (ret != OK) {
		return ret;
	}
	draft->lease_s = lease_for(evaluation, draft);
	return change_name(evaluation, draft, change);
}

int apply_changes(struct evaluation *evaluation)
{
	int ret = OK;

	for (size_t i = 0; ret == OK && i < evaluation->update.update_count; i++) {
		ret = apply_change(evaluation, &evaluation->changes[i], evaluation->roles[i]);
	}
	return ret;
}
