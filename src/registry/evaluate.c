/*
 * Evaluating an UPDATE: what each touched name would become (RFC 2136 3.2 to 3.4, design 6 and 7).
 *
 * 1 the zone, 2 prerequisites (prereq.c), 3 the lease granted, 4 each change in order, upon a copy
 * of its name's content, 5 each name to its end: lease, owner, did it change? The first refusal
 * ends it, and nothing of the plan is written then. Pure: the same root and command give the same
 * plan on every node.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/rrtype.h"
#include "dns/update.h"
#include "registry/inside.h"

#define NAME_RECORDS_MAX 1000 /* explicit records at one name */

/* ---- refusing ---------------------------------------------------------------------------- */

int result_refuse(struct command_result *result, uint16_t rcode, uint16_t ede, const char *format,
		  ...)
{
	va_list arguments;

	result->rcode = rcode;
	result->has_ede = true;
	result->ede = ede;
	va_start(arguments, format);
	vsnprintf(result->ede_text, sizeof(result->ede_text), format, arguments);
	va_end(arguments);
	return REFUSAL;
}

static int refuse_name(struct evaluation *evaluation, const uint8_t *name, const char *why)
{
	char text[DNS_NAME_TEXT_MAX];

	return result_refuse(&evaluation->plan->result, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED,
			     "%.100s %s", dns_name_to_text(text, name), why);
}

/* ---- names of the plan ------------------------------------------------------------------- */

static uint32_t quick_hash(const uint8_t *name, size_t size)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < size; i++) {
		hash = (hash ^ dns_fold(name[i])) * 16777619u;
	}
	return hash;
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

static const uint8_t no_labels[1]; /* an address that NULL has not */

/* Fills a draft with what is there now. */
static int draft_load(struct evaluation *evaluation, struct draft *draft, const uint8_t *name)
{
	const struct zone *zone = evaluation->plan->zone;

	draft->name = name;
	draft->role = zone_role(zone, name);
	draft->old = zone_entry(zone, name);
	draft->content = (struct content){.name = name, .subtypes = no_labels};
	draft->subtypes = no_labels;
	if (draft->old == NULL) {
		return OK;
	}
	draft->room = node_record_count(draft->old) + 8;
	draft->records = arena_calloc(evaluation->arena, draft->room, sizeof(struct record));
	if (draft->records == NULL) {
		return ERR_NOMEM;
	}
	draft->count = node_content(draft->old, &draft->content, draft->records, draft->room);
	if (draft->content.subtypes == NULL) {
		draft->content.subtypes = no_labels;
	}
	draft->subtypes = draft->content.subtypes;
	draft->subtypes_size = draft->content.subtypes_size;
	draft->flags = draft->content.flags;
	return OK;
}

/* The draft of a name, loaded where it is not there yet. */
static int draft_of(struct evaluation *evaluation, const uint8_t *name, struct draft **out)
{
	const uint32_t hash = quick_hash(name, dns_name_size(name));

	for (struct draft *draft = evaluation->drafts; draft != NULL; draft = draft->next) {
		if (draft->hash == hash && dns_name_equal(draft->name, name)) {
			*out = draft;
			return OK;
		}
	}
	struct draft *draft = arena_calloc(evaluation->arena, 1, sizeof(*draft));
	if (draft == NULL) {
		return ERR_NOMEM;
	}
	draft->hash = hash;
	const int ret = draft_load(evaluation, draft, name);
	if (ret != OK) {
		return ret;
	}
	*evaluation->drafts_end = draft;
	evaluation->drafts_end = &draft->next;
	evaluation->draft_count++;
	*out = draft;
	return OK;
}

/* May this command touch the name? Base names and other owners' names are refused. */
static int check_owner(struct evaluation *evaluation, const struct draft *draft)
{
	const struct owner *owner = &draft->content.owner;
	char text[DNS_NAME_TEXT_MAX + 8];
	char why[DNS_NAME_TEXT_MAX + 32];

	if (draft->old == NULL || owner->kind == OWNER_NONE ||
	    owner_equal(owner, &evaluation->update.owner)) {
		return OK;
	}
	if (owner->kind == OWNER_BASE) {
		return refuse_name(evaluation, draft->name, "belongs to the zone's base file");
	}
	if (evaluation->update.takeover) {
		return OK;
	}
	snprintf(why, sizeof(why), "is registered by %s", owner_text(text, owner));
	return refuse_name(evaluation, draft->name, why);
}

static int check_place(struct evaluation *evaluation, const struct draft *draft, uint16_t type)
{
	const struct zone *zone = evaluation->plan->zone;
	const char *why = zone_place_refusal(zone_apex(zone), zone_shape(zone)->pool_label,
					     draft->name, type);

	return why == NULL ? OK : refuse_name(evaluation, draft->name, why);
}

/* ---- records of a draft ------------------------------------------------------------------ */

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
}

static uint32_t ttl_for(const struct evaluation *evaluation, const struct draft *draft,
			uint32_t ttl)
{
	const struct zone_shape *shape = zone_shape(evaluation->plan->zone);

	if (draft->role != ROLE_APEX && zone_role_is_shared(draft->role)) {
		return shape->ttl_derived_s;
	}
	const uint32_t lease_s = draft->lease_s;
	const uint32_t limit =
		lease_s > 0 && lease_s < shape->ttl_max_s ? lease_s : shape->ttl_max_s;
	return ttl < limit ? ttl : limit;
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
		if (draft->records[i].type == type) {
			draft->records[i].ttl = ttl;
		}
	}
}

static int add_soa(struct evaluation *evaluation, const struct draft *draft,
		   const struct command_change *change)
{
	struct plan *plan = evaluation->plan;
	struct buf_reader reader = buf_reader(change->rdata, change->rdata_size);
	struct zone_soa soa = {.ttl = change->ttl};

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
	if ((int32_t)(soa.serial - zone_serial(plan->zone)) > 0) {
		plan->soa = soa;
		plan->has_soa = true;
	}
	return OK;
}

static int add_record(struct evaluation *evaluation, struct draft *draft,
		      const struct command_change *change)
{
	int ret = check_place(evaluation, draft, change->type);

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
	const bool is_shared = zone_role_is_shared(draft->role);
	const uint8_t flags = is_shared && draft->lease_s > 0 ? RECORD_LEASED : 0;
	const uint32_t ttl = ttl_for(evaluation, draft, change->ttl);
	for (size_t i = 0; i < draft->count; i++) {
		struct record *record = &draft->records[i];
		if (record->type != change->type) {
			continue;
		}
		const bool is_equal = dns_rdata_equal(change->type, record->rdata, record->size,
						      change->rdata, change->rdata_size);
		if (is_equal && (record->flags & RECORD_BASE) != 0) {
			return refuse_name(evaluation, draft->name, "has this in the base file");
		}
		if (is_equal) {
			/* The first spelling stays; only the TTL is the update's. */
			record->flags = flags;
			set_ttl(draft, change->type, ttl);
			return OK;
		}
		if (change->type == DNS_TYPE_CNAME) {
			draft_remove(draft, i);
			break;
		}
	}
	if (draft->count >= NAME_RECORDS_MAX) {
		return refuse_name(evaluation, draft->name, "has too many records");
	}
	if (draft->count == draft->room) {
		ret = grow_records(evaluation, draft);
		if (ret != OK) {
			return ret;
		}
	}
	draft->records[draft->count++] = (struct record){.type = change->type,
							 .size = change->rdata_size,
							 .ttl = ttl,
							 .flags = flags,
							 .rdata = change->rdata};
	set_ttl(draft, change->type, ttl);
	return OK;
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
	const struct zone *zone = evaluation->plan->zone;
	const struct node *node = zone_node(zone, draft->name);
	uint32_t at = 0;
	struct set set;

	if (draft->role == ROLE_POOL) {
		return refuse_name(evaluation, draft->name, "is reserved for the address view");
	}
	while (node != NULL && node_next_set(zone, node, &at, &set)) {
		if ((type == DNS_TYPE_ANY || type == set.type) && set_is_derived(&set)) {
			return refuse_name(evaluation, draft->name,
					   "has records that follow from instances");
		}
	}
	return OK;
}

/* ---- an instance's PTRs ------------------------------------------------------------------ */

/* A label in a row of labels, or NULL. */
static const uint8_t *find_label(const uint8_t *labels, size_t size, const uint8_t *label)
{
	for (const uint8_t *at = labels; at < labels + size; at += at[0] + 1) {
		if (at[0] == label[0] && dns_octets_equal(at + 1, label + 1, label[0])) {
			return at;
		}
	}
	return NULL;
}

static const uint8_t *find_subtype(const struct draft *draft, const uint8_t *label)
{
	return find_label(draft->subtypes, draft->subtypes_size, label);
}

static int add_subtype(struct evaluation *evaluation, struct draft *draft, const uint8_t *label)
{
	const size_t size = label[0] + 1u;

	if (find_subtype(draft, label) != NULL) {
		return OK;
	}
	if (draft->subtypes_size + size > UINT16_MAX / 4) {
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
static bool is_instance_ptr(const struct evaluation *evaluation,
			    const struct command_change *change, enum name_role role)
{
	const struct zone *zone = evaluation->plan->zone;

	return change->type == DNS_TYPE_PTR &&
	       (change->form == DNS_UPDATE_ADD || change->form == DNS_UPDATE_DELETE_RR) &&
	       (role == ROLE_TYPE || role == ROLE_SUBTYPE) &&
	       dns_name_is_in(change->rdata, evaluation->update.zone) &&
	       zone_role(zone, change->rdata) == ROLE_INSTANCE &&
	       dns_name_equal(zone_type_of(ROLE_INSTANCE, change->rdata),
			      zone_type_of(role, change->name));
}

static int change_ptr(struct evaluation *evaluation, const struct command_change *change,
		      enum name_role role)
{
	struct draft *draft = NULL;
	int ret = draft_of(evaluation, change->rdata, &draft);

	if (ret == OK) {
		ret = check_owner(evaluation, draft);
	}
	if (ret != OK) {
		return ret;
	}
	const bool is_add = change->form == DNS_UPDATE_ADD && !evaluation->is_removal;
	draft->is_touched = true;
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

/* All of an instance goes, with its subtypes but those that the same message says, before or after. */
static int delete_subtypes(struct evaluation *evaluation, struct draft *draft)
{
	struct buf_reader reader = evaluation->update.updates;
	struct command_change change;
	uint16_t size = 0;

	if (draft->subtypes_size == 0) {
		return OK;
	}
	uint8_t *kept = arena_alloc(evaluation->arena, draft->subtypes_size);
	if (kept == NULL) {
		return ERR_NOMEM;
	}
	for (uint16_t left = evaluation->update.update_count; left > 0; left--) {
		const int ret = command_read_change(&reader, &change);
		if (ret != OK) {
			return ret;
		}
		const enum name_role role = zone_role(evaluation->plan->zone, change.name);
		if (change.form != DNS_UPDATE_ADD || role != ROLE_SUBTYPE ||
		    !is_instance_ptr(evaluation, &change, role) ||
		    !dns_name_equal(change.rdata, draft->name)) {
			continue;
		}
		const uint8_t *label = find_subtype(draft, change.name);
		if (label != NULL && find_label(kept, size, label) == NULL) {
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

/* The lease that records added to this name will have. */
static uint32_t lease_for(const struct evaluation *evaluation, const struct draft *draft)
{
	const struct zone_shape *shape = zone_shape(evaluation->plan->zone);
	const struct owner *owner = &draft->content.owner;
	const bool is_own = owner->kind == OWNER_NONE || /* a shared name has one lease for all */
			    owner_equal(owner, &evaluation->update.owner);

	if (evaluation->update.lease.present) {
		return evaluation->plan->result.lease.lease_s;
	}
	if (draft->content.lease_s > 0 && is_own) {
		return draft->content.lease_s;
	}
	return shape->lease_default == ZONE_LEASE_DURATION ? shape->lease_default_s : 0;
}

static int apply_change(struct evaluation *evaluation, const struct command_change *change)
{
	const enum name_role role = zone_role(evaluation->plan->zone, change->name);
	struct draft *draft = NULL;

	if (is_instance_ptr(evaluation, change, role)) {
		return change_ptr(evaluation, change, role);
	}
	int ret = draft_of(evaluation, change->name, &draft);
	if (ret == OK) {
		ret = check_owner(evaluation, draft);
	}
	if (ret != OK) {
		return ret;
	}
	draft->is_touched = true;
	draft->lease_s = lease_for(evaluation, draft);
	return change_name(evaluation, draft, change);
}

static int apply_changes(struct evaluation *evaluation)
{
	struct buf_reader reader = evaluation->update.updates;
	struct command_change change;
	int ret = OK;

	for (uint16_t left = evaluation->update.update_count; ret == OK && left > 0; left--) {
		ret = command_read_change(&reader, &change);
		if (ret == OK) {
			ret = apply_change(evaluation, &change);
		}
	}
	return ret;
}

/* ---- leases ------------------------------------------------------------------------------ */

static uint32_t clamp(uint32_t value, uint32_t low, uint32_t high)
{
	return value < low ? low : value > high ? high : value;
}

static bool has_adds(const struct evaluation *evaluation)
{
	struct buf_reader reader = evaluation->update.updates;
	struct command_change change;

	for (uint16_t left = evaluation->update.update_count; left > 0; left--) {
		if (command_read_change(&reader, &change) == OK && change.form == DNS_UPDATE_ADD) {
			return true;
		}
	}
	return false;
}

/* RFC 9664 4.2: more or less than asked may be granted, and 0 is a removal. */
static int grant(struct evaluation *evaluation)
{
	const struct zone_shape *shape = zone_shape(evaluation->plan->zone);
	const struct dns_lease *asked = &evaluation->update.lease;
	struct dns_lease *granted = &evaluation->plan->result.lease;

	if (!asked->present) {
		if (shape->lease_default == ZONE_LEASE_REFUSE && has_adds(evaluation)) {
			return result_refuse(
				&evaluation->plan->result, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED,
				"this zone takes registrations with a lease only (RFC 9664)");
		}
		return OK;
	}
	*granted = *asked;
	evaluation->is_removal = asked->lease_s == 0;
	if (!evaluation->is_removal) {
		granted->lease_s = clamp(asked->lease_s, shape->lease_min_s, shape->lease_max_s);
		granted->key_lease_s = asked->has_key
					       ? clamp(asked->key_lease_s, granted->lease_s,
						       shape->key_lease_max_s > granted->lease_s
							       ? shape->key_lease_max_s
							       : granted->lease_s)
					       : granted->lease_s;
	}
	return OK;
}

/* ---- the end of each name ---------------------------------------------------------------- */

static bool record_is(const struct record *one, const struct record *other)
{
	return one->type == other->type && one->size == other->size && one->ttl == other->ttl &&
	       one->flags == other->flags && memcmp(one->rdata, other->rdata, one->size) == 0;
}

/* The same records in any order? A set's members are distinct, so counting is enough. */
static bool records_are(const struct record *one, size_t one_count, const struct record *other,
			size_t other_count)
{
	if (one_count != other_count) {
		return false;
	}
	for (size_t i = 0; i < one_count; i++) {
		if (record_is(&one[i], &other[i])) {
			continue;
		}
		bool is_there = false;
		for (size_t k = 0; k < other_count && !is_there; k++) {
			is_there = record_is(&one[i], &other[k]);
		}
		if (!is_there) {
			return false;
		}
	}
	return true;
}

static bool subtypes_are(const struct draft *draft)
{
	if (draft->subtypes_size != draft->content.subtypes_size) {
		return false;
	}
	const uint8_t *at = draft->content.subtypes;
	const uint8_t *end = at + draft->content.subtypes_size;
	for (; at < end; at += at[0] + 1) {
		if (find_subtype(draft, at) == NULL) {
			return false;
		}
	}
	return true;
}

/* What went and came again in other letters keeps its first spelling. */
static void keep_spelling(struct draft *draft, const struct content *before)
{
	for (size_t i = 0; i < draft->count; i++) {
		struct record *record = &draft->records[i];
		for (size_t k = 0; k < before->count; k++) {
			const struct record *old = &before->records[k];
			if (old->type == record->type &&
			    dns_rdata_equal(old->type, old->rdata, old->size, record->rdata,
					    record->size)) {
				record->rdata = old->rdata;
				break;
			}
		}
	}
}

static bool is_changed(const struct draft *draft, const struct content *now,
		       const struct content *before)
{
	const bool is_gone = now->count == 0 && now->flags == 0;

	if (draft->old == NULL) {
		return !is_gone;
	}
	return is_gone || now->flags != before->flags || now->lease_s != before->lease_s ||
	       now->key_lease_s != before->key_lease_s ||
	       !owner_equal(&now->owner, &before->owner) || !subtypes_are(draft) ||
	       !records_are(before->records, before->count, now->records, now->count);
}

/* What goes when an instance loses its SRV: it keeps no subtypes, only the PTR that waits. */
static void settle(struct draft *draft)
{
	if (draft->count == 0) {
		draft->subtypes = no_labels;
		draft->subtypes_size = 0;
		draft->flags &= draft->role == ROLE_INSTANCE ? NAME_PTR : 0;
	}
}

/* What is added to takes its lease and owner from this command; shared names have no owner. */
static void set_lease(const struct evaluation *evaluation, const struct draft *draft,
		      struct content *now)
{
	bool is_leased = false;

	if (draft->is_added_to) {
		now->flags &= (uint8_t)~NAME_OVERDUE;
		now->lease_s = lease_for(evaluation, draft);
		if (evaluation->update.lease.present) {
			now->key_lease_s = evaluation->plan->result.lease.key_lease_s;
		}
	}
	if (!zone_role_is_shared(draft->role)) {
		if (draft->is_added_to) {
			now->owner = evaluation->update.owner;
		}
		return;
	}
	for (size_t i = 0; i < draft->count; i++) {
		is_leased = is_leased || (draft->records[i].flags & RECORD_LEASED) != 0;
	}
	now->lease_s = is_leased ? now->lease_s : 0;
	now->key_lease_s = is_leased ? now->key_lease_s : 0;
}

/* A lease covers all records at its name, and bounds their TTL. */
static void bound_ttls(const struct draft *draft, const struct content *now)
{
	if (zone_role_is_shared(draft->role) || now->lease_s == 0) {
		return;
	}
	for (size_t i = 0; i < draft->count; i++) {
		struct record *record = &draft->records[i];
		record->ttl = record->ttl < now->lease_s ? record->ttl : now->lease_s;
	}
}

static int finish_name(struct evaluation *evaluation, struct draft *draft, struct plan_name *name)
{
	struct content *now = &name->content;
	struct content before = {0};

	settle(draft);
	*now = draft->content;
	now->name = draft->old != NULL ? draft->content.name : draft->name;
	now->records = draft->records;
	now->count = draft->count;
	now->flags = draft->flags;
	now->subtypes = draft->subtypes;
	now->subtypes_size = draft->subtypes_size;
	now->version = evaluation->version;
	now->changed_s = evaluation->time_s;
	set_lease(evaluation, draft, now);
	bound_ttls(draft, now);
	if (now->count == 0 && now->flags == 0) {
		*now = (struct content){.name = now->name};
	}
	if (draft->old != NULL) {
		const size_t room = node_record_count(draft->old);
		struct record *records =
			arena_calloc(evaluation->arena, room + 1, sizeof(*records));
		if (records == NULL) {
			return ERR_NOMEM;
		}
		node_content(draft->old, &before, records, room);
		keep_spelling(draft, &before);
	}
	name->old = draft->old;
	name->is_renewed = draft->is_added_to && now->lease_s > 0;
	name->is_change = is_changed(draft, now, &before);
	return OK;
}

static int finish(struct evaluation *evaluation)
{
	struct plan *plan = evaluation->plan;
	size_t changed = 0;

	plan->names = arena_calloc(evaluation->arena, evaluation->draft_count + 1,
				   sizeof(plan->names[0]));
	if (plan->names == NULL) {
		return ERR_NOMEM;
	}
	for (struct draft *draft = evaluation->drafts; draft != NULL; draft = draft->next) {
		struct plan_name *name = &plan->names[plan->count];
		const int ret = finish_name(evaluation, draft, name);
		if (ret != OK) {
			return ret;
		}
		plan->count++;
		plan->result.is_change = plan->result.is_change || name->is_change;
		changed += name->is_change ? name->content.count + draft->content.count : 0;
	}
	plan->result.is_change = plan->result.is_change || plan->has_soa;
	if (changed > zone_shape(plan->zone)->change_max) {
		return result_refuse(&plan->result, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED,
				     "changes more than %u records at once (change-max)",
				     zone_shape(plan->zone)->change_max);
	}
	return OK;
}

/* ---- the whole --------------------------------------------------------------------------- */

static int check_zone(const struct root *root, struct evaluation *evaluation)
{
	struct plan *plan = evaluation->plan;

	plan->zone = root_zone(root, evaluation->update.zone);
	if (plan->zone == NULL) {
		plan->result.rcode = DNS_RCODE_NOTAUTH;
		return REFUSAL;
	}
	if (!zone_is_registry(plan->zone)) {
		return result_refuse(&plan->result, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED,
				     "a static zone takes no updates");
	}
	if (!zone_is_served(plan->zone)) {
		return result_refuse(&plan->result, DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY,
				     "the zone is not in service");
	}
	return OK;
}

int registry_evaluate(const struct root *root, const uint8_t *command, size_t size,
		      uint64_t version, uint64_t time_s, struct arena *arena, struct plan *plan)
{
	struct evaluation evaluation = {
		.arena = arena, .plan = plan, .version = version, .time_s = time_s};

	*plan = (struct plan){0};
	evaluation.drafts_end = &evaluation.drafts;
	int ret = command_read_update(&evaluation.update, command, size);
	if (ret == OK) {
		ret = check_zone(root, &evaluation);
	}
	if (ret == OK) {
		ret = check_prereqs(&evaluation);
	}
	if (ret == OK) {
		ret = grant(&evaluation);
	}
	if (ret == OK) {
		ret = apply_changes(&evaluation);
	}
	if (ret == OK) {
		ret = finish(&evaluation);
	}
	if (ret == REFUSAL) {
		plan->count = 0;
		plan->has_soa = false;
		plan->result.is_change = false;
		plan->result.lease = (struct dns_lease){0};
		return OK;
	}
	return ret;
}

bool registry_beat(const struct plan *plan, uint64_t now_ms)
{
	if (plan->result.rcode != DNS_RCODE_NOERROR || plan->result.is_change) {
		return false;
	}
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_name *name = &plan->names[i];
		if (!name->is_renewed) {
			continue;
		}
		struct lease *lease = node_lease(name->old);
		if (lease == NULL) {
			return false;
		}
		uint64_t seen = atomic_load_explicit(&lease->renewed_ms, memory_order_relaxed);
		do {
			if (seen == LEASE_EXPIRING) {
				return false;
			}
		} while (!atomic_compare_exchange_weak(&lease->renewed_ms, &seen, now_ms));
	}
	return true;
}
