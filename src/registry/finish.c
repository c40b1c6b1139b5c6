/*
 * Each draft to its end: lease and owner, the first spelling, and is it a change?
 */
#include <string.h>

#include "base/err.h"
#include "dns/rrtype.h"
#include "registry/inside.h"

static bool record_is(const struct record *one, const struct record *other)
{
	return one->type == other->type && one->size == other->size && one->ttl == other->ttl &&
	       one->flags == other->flags && memcmp(one->rdata, other->rdata, one->size) == 0;
}

/*
 * The same records in any order? A set's members are distinct, so counting is enough. Most stand in
 * the order of the others, so each is looked for behind the one that was found last.
 */
static bool records_are(const struct record *one, size_t one_count, const struct record *other,
			size_t other_count)
{
	size_t at = 0;

	if (one_count != other_count) {
		return false;
	}
	for (size_t i = 0; i < one_count; i++) {
		size_t left = other_count;
		while (left > 0 && !record_is(&one[i], &other[at])) {
			at = at + 1 < other_count ? at + 1 : 0;
			left--;
		}
		if (left == 0) {
			return false;
		}
		at = at + 1 < other_count ? at + 1 : 0;
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
	size_t at = 0;

	for (size_t i = draft->kept; i < draft->count; i++) {
		struct record *record = &draft->records[i];
		for (size_t left = before->count; left > 0; left--) {
			const struct record *old = &before->records[at];
			at = at + 1 < before->count ? at + 1 : 0;
			if (old->type == record->type &&
			    dns_rdata_equal(old->type, old->rdata, old->size, record->rdata,
					    record->size)) {
				record->rdata = old->rdata;
				break;
			}
		}
	}
}

/* `before` has its records where the draft is_rewritten. */
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
	       (draft->is_rewritten &&
		!records_are(before->records, before->count, now->records, now->count));
}

/* A new instance is held when its rule says so; one that is there stays as it is. */
static void hold(const struct evaluation *evaluation, struct draft *draft)
{
	const bool is_new = draft->content.count == 0 && (draft->content.flags & NAME_PTR) == 0;

	if (evaluation->update.hold && is_new && draft->is_added_to &&
	    draft->role == ROLE_INSTANCE) {
		draft->flags |= NAME_HELD;
	}
}

/* What goes when an instance loses its SRV: it keeps no subtypes, only the PTR that waits. */
static void settle(struct draft *draft)
{
	const bool is_waiting = draft->role == ROLE_INSTANCE && (draft->flags & NAME_PTR) != 0;

	if (draft->count == 0) {
		draft->subtypes_size = 0;
		draft->flags &= is_waiting ? NAME_PTR | NAME_HELD : 0;
	}
}

/* Something was added to a name of an owner: the name and its lease are whose this command is. */
static void set_owner(const struct evaluation *evaluation, const struct draft *draft,
		      struct content *now)
{
	const struct command_update *update = &evaluation->update;

	now->flags &= (uint8_t)~NAME_OVERDUE;
	now->lease_s = lease_for(evaluation, draft);
	if (update->lease.present) {
		now->key_lease_s = evaluation->plan->result.lease.key_lease_s;
	} else if (!owner_equal(&now->owner, &update->owner)) {
		now->key_lease_s = 0; /* that was another's */
	}
	now->owner = update->owner;
}

/* A shared name has no owner, and one lease for all that was added with one. */
static void set_shared_lease(const struct evaluation *evaluation, const struct draft *draft,
			     struct content *now)
{
	bool is_leased = false;

	if (draft->is_added_to && evaluation->update.lease.present) {
		now->lease_s = evaluation->plan->result.lease.lease_s;
		now->key_lease_s = evaluation->plan->result.lease.key_lease_s;
	} else if (draft->is_added_to && now->lease_s == 0) {
		now->lease_s = lease_for(evaluation, draft);
	}
	for (size_t i = 0; i < draft->count; i++) {
		is_leased = is_leased || (draft->records[i].flags & RECORD_LEASED) != 0;
	}
	now->lease_s = is_leased ? now->lease_s : 0;
	now->key_lease_s = is_leased ? now->key_lease_s : 0;
}

/* A lease covers all records at its name, and bounds their TTL. */
static void bound_ttls(struct draft *draft, const struct content *now)
{
	if (zone_role_is_shared(draft->role) || now->lease_s == 0) {
		return;
	}
	for (size_t i = 0; i < draft->count; i++) {
		struct record *record = &draft->records[i];
		if (record->ttl > now->lease_s) {
			record->ttl = now->lease_s;
			draft->is_rewritten = true;
		}
	}
}

/* What the owner's key signed before this command is a replay from now on (design 7). */
static uint64_t mark_of(const struct evaluation *evaluation, const struct content *before,
			const struct owner *now)
{
	const uint64_t mark_s = evaluation->plan->signed_s;

	return owner_equal(&before->owner, now) && before->signed_s > mark_s ? before->signed_s
									     : mark_s;
}

static int finish_name(struct evaluation *evaluation, struct draft *draft, struct plan_name *name)
{
	const bool is_shared = zone_role_is_shared(draft->role);
	struct content *now = &name->content;
	struct content before = draft->content;

	hold(evaluation, draft);
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
	if (is_shared) {
		set_shared_lease(evaluation, draft, now);
	} else if (draft->is_added_to) {
		set_owner(evaluation, draft, now);
	}
	now->signed_s = mark_of(evaluation, &draft->content, &now->owner);
	bound_ttls(draft, now);
	if (now->count == 0 && now->flags == 0) {
		*now = (struct content){.name = now->name, .hash = now->hash};
	}
	if (draft->old != NULL && draft->is_rewritten) {
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
	/* What is permanent at a shared name renews nobody's lease. */
	name->is_renewed =
		draft->is_added_to && now->lease_s > 0 && (!is_shared || draft->lease_s > 0);
	name->is_change = is_changed(draft, now, &before);
	name->is_takeover = name->is_change && before.owner.kind != OWNER_NONE &&
			    !owner_equal(&before.owner, &evaluation->update.owner);
	return OK;
}

int finish(struct evaluation *evaluation)
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
