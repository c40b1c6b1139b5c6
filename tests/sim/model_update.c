/*
 * What an UPDATE does to the flat arrays, as RFC 2136 3.2 and 3.4 and design sections 6, 7 and 14 say.
 */
#include "tests/sim/model_inside.h"

#include <stdlib.h>
#include <string.h>

#include "dns/types.h"

/* May a record of this type stand here? */
static bool is_placeable(const struct model *model, int name, uint16_t type)
{
	const bool redirects =
		type == DNS_TYPE_CNAME || type == DNS_TYPE_DNAME || type == DNS_TYPE_NS;

	if (model_names[name].is_closed || model_place(model, name) == PLACE_POOL ||
	    (redirects && model_names[name].is_above)) {
		return false;
	}
	return !(type == DNS_TYPE_DNAME && model_place(model, name) == PLACE_APEX);
}

/* ---- prerequisites (RFC 2136 3.2) -------------------------------------------------------- */

size_t model_set_size(const struct model_view *view, int name, uint16_t type)
{
	size_t count = 0;

	for (size_t i = 0; i < view->count; i++) {
		count += strcmp(view->rrs[i].name, model_text_of(name)) == 0 &&
			 (type == DNS_TYPE_ANY || view->rrs[i].type == type);
	}
	return count;
}

static bool set_has(const struct model_view *view, const struct model_prereq *prereq)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct model_rr *rr = &view->rrs[i];

		if (strcmp(rr->name, model_text_of(prereq->name)) == 0 &&
		    rr->type == prereq->type &&
		    strcmp(rr->rdata, model_rdatas[prereq->rdata].text) == 0) {
			return true;
		}
	}
	return false;
}

/* Is the set of this prerequisite what the message says of it, member by member? */
static bool set_equals(const struct model_view *view, const struct model_update *update,
		       const struct model_prereq *prereq)
{
	size_t said = 0;

	for (size_t i = 0; i < update->prereq_count; i++) {
		const struct model_prereq *other = &update->prereqs[i];
		bool is_again = false;

		if (other->form != SET_EQUALS || other->name != prereq->name ||
		    other->type != prereq->type) {
			continue;
		}
		if (!set_has(view, other)) {
			return false;
		}
		for (size_t k = 0; k < i; k++) {
			is_again = is_again || (update->prereqs[k].form == SET_EQUALS &&
						update->prereqs[k].name == other->name &&
						update->prereqs[k].rdata == other->rdata);
		}
		said += !is_again;
	}
	return said == model_set_size(view, prereq->name, prereq->type);
}

static unsigned check_prereqs(const struct model_view *view, const struct model_update *update)
{
	for (size_t i = 0; i < update->prereq_count; i++) {
		const struct model_prereq *prereq = &update->prereqs[i];
		const bool is_there = model_set_size(view, prereq->name, prereq->type) > 0;

		if (prereq->form == IS_USED && !is_there) {
			return DNS_RCODE_NXDOMAIN;
		}
		if (prereq->form == SET_EXISTS && !is_there) {
			return DNS_RCODE_NXRRSET;
		}
		if (prereq->form == IS_UNUSED && is_there) {
			return DNS_RCODE_YXDOMAIN;
		}
		if (prereq->form == SET_MISSING && is_there) {
			return DNS_RCODE_YXRRSET;
		}
	}
	for (size_t i = 0; i < update->prereq_count; i++) {
		if (update->prereqs[i].form == SET_EQUALS &&
		    !set_equals(view, update, &update->prereqs[i])) {
			return DNS_RCODE_NXRRSET;
		}
	}
	return DNS_RCODE_NOERROR;
}

/* ---- an UPDATE --------------------------------------------------------------------------- */

struct turn {
	const struct model_update *update;
	const struct model *before; /* the zone as the message found it */
	struct model *model;
	bool is_removal; /* a lease of 0 */
	uint32_t lease_s; /* granted */
	uint32_t key_lease_s;
	bool is_touched[NAMES_MAX];
	bool is_added_to[NAMES_MAX];
	bool has_soa;
	struct model_soa soa;
};

static uint32_t clamp(uint32_t value, uint32_t low, uint32_t high)
{
	if (value < low) {
		return low;
	}
	return value > high ? high : value;
}

static unsigned grant(struct turn *turn)
{
	const struct model_update *update = turn->update;
	const struct model_shape *shape = &turn->before->shape;

	if (!update->has_lease) {
		for (size_t i = 0; i < update->change_count; i++) {
			if (shape->refuses_permanent && update->changes[i].form == ADD) {
				return DNS_RCODE_REFUSED;
			}
		}
		return DNS_RCODE_NOERROR;
	}
	turn->is_removal = update->lease_s == 0;
	turn->lease_s = clamp(update->lease_s, shape->lease_min_s, shape->lease_max_s);
	turn->key_lease_s = turn->lease_s;
	if (update->has_key_lease && update->key_lease_s > turn->lease_s) {
		const uint32_t max = shape->key_lease_max_s;

		turn->key_lease_s = clamp(update->key_lease_s, turn->lease_s,
					  max > turn->lease_s ? max : turn->lease_s);
	}
	return DNS_RCODE_NOERROR;
}

/* The lease of what is added to a name; 0: none. */
static uint32_t lease_at(const struct turn *turn, int name)
{
	const struct model_entry *entry = &turn->before->entries[name];

	if (turn->update->has_lease) {
		return turn->lease_s;
	}
	if (entry->lease_s > 0 && entry->owner == turn->update->owner) {
		return entry->lease_s;
	}
	return turn->before->shape.lease_default_s;
}

/* Another key's lease of the name itself goes on. */
static bool is_kept_from(const struct turn *turn, int name)
{
	const struct model *model = turn->before;
	bool is_kept = false;

	for (int key = MODEL_KEY_A; key <= MODEL_KEY_B; key++) {
		const struct model_mark *mark = &model->marks[name][key - MODEL_KEY_A];

		is_kept = is_kept || (mark->is_kept && mark->kept_s > model->now_s &&
				      key != (int)turn->update->owner);
	}
	return is_kept && !model_is_shared(model, name);
}

static bool may_touch(const struct turn *turn, int name)
{
	const enum model_owner owner = turn->before->entries[name].owner;

	if (owner == turn->update->owner) {
		return true;
	}
	if (owner == MODEL_NOBODY) {
		return turn->update->takeover || !is_kept_from(turn, name);
	}
	return owner != MODEL_BASE && turn->update->takeover;
}

/* RFC 8945 5.2.3 for each name: signed before the last that its key did to it, or to lose it? */
static bool is_replay(const struct turn *turn, int name)
{
	const struct model *model = turn->before;
	const struct model_entry *entry = &model->entries[name];
	const enum model_owner owner = turn->update->owner;

	if (!model_is_key(owner) || model_is_shared(model, name)) {
		return false;
	}
	if (entry->owner == owner) {
		return turn->update->signed_s < entry->signed_s;
	}
	const struct model_mark *mark = &model->marks[name][owner - MODEL_KEY_A];
	return mark->until_s > model->time_s && turn->update->signed_s < mark->signed_s;
}

/* Does any record of this set follow from instances? */
static bool is_derived(const struct model *model, int name, uint16_t type)
{
	static struct model derived;
	static struct model_view view;

	model_copy(&derived, model);

	/* What is there without anything explicit, follows. */
	for (size_t i = derived.count; i-- > 0;) {
		if (derived.records[i].name == name) {
			model_drop_record(&derived, i);
		}
	}
	model_look(&derived, &view);
	return strcmp(model_text_of(name), APEX) != 0 && model_set_size(&view, name, type) > 0;
}

static bool goes_with_cname(uint16_t type)
{
	return type == DNS_TYPE_KEY || type == DNS_TYPE_NSEC || type == DNS_TYPE_RRSIG;
}

/* RFC 2136 3.4.2.2: a CNAME beside other types, other types beside a CNAME. */
static bool is_ignored(const struct turn *turn, const struct model_change *change)
{
	const struct model *model = turn->model;
	const bool is_cname = change->type == DNS_TYPE_CNAME;

	if (is_cname && model_place(model, change->name) == PLACE_APEX) {
		return true; /* the SOA stands there */
	}
	for (size_t i = 0; i < model->count; i++) {
		const uint16_t other = model_type_of(&model->records[i]);

		if (model->records[i].name == change->name && !goes_with_cname(change->type) &&
		    !goes_with_cname(other) && is_cname != (other == DNS_TYPE_CNAME)) {
			return true;
		}
	}
	return false;
}

static uint32_t own_ttl(const struct turn *turn, int name, uint32_t ttl)
{
	const struct model_shape *shape = &turn->before->shape;
	const uint32_t lease_s = lease_at(turn, name);

	if (model_is_shared(turn->before, name) && strcmp(model_text_of(name), APEX) != 0) {
		return shape->ttl_derived_s;
	}
	if (lease_s > 0 && ttl > lease_s) {
		ttl = lease_s;
	}
	return ttl > shape->ttl_max_s ? shape->ttl_max_s : ttl;
}

void model_set_ttl(struct model *model, int name, uint16_t type, uint32_t ttl)
{
	for (size_t i = 0; i < model->count; i++) {
		const struct model_record *record = &model->records[i];

		if (record->name == name && model_type_of(record) == type && record->is_base) {
			ttl = record->ttl;
		}
	}
	for (size_t i = 0; i < model->count; i++) {
		if (model->records[i].name == name && model_type_of(&model->records[i]) == type) {
			model->records[i].ttl = ttl;
		}
	}
}

static unsigned add(struct turn *turn, const struct model_change *change)
{
	struct model *model = turn->model;
	struct model_record fresh = {.name = change->name,
				     .rdata = change->rdata,
				     .is_leased = model_is_shared(model, change->name) &&
						  lease_at(turn, change->name) > 0};

	if (!is_placeable(model, change->name, change->type)) {
		return DNS_RCODE_REFUSED;
	}
	if (change->type == DNS_TYPE_SOA) {
		const uint32_t present = turn->has_soa ? turn->soa.serial : model->serial;
		if (strcmp(model_text_of(change->name), APEX) == 0 &&
		    (int32_t)(change->soa.serial - present) > 0) {
			const uint32_t max = turn->before->shape.ttl_max_s;

			turn->has_soa = true;
			turn->soa = change->soa;
			turn->soa.ttl = turn->soa.ttl < max ? turn->soa.ttl : max;
		}
		return DNS_RCODE_NOERROR;
	}
	if (is_ignored(turn, change)) {
		return DNS_RCODE_NOERROR;
	}
	for (size_t i = model->count; i-- > 0;) {
		const struct model_record *record = &model->records[i];

		if (record->name != change->name || model_type_of(record) != change->type) {
			continue;
		}
		if (record->rdata == change->rdata && record->is_base) {
			return DNS_RCODE_REFUSED;
		}
		/* Said again without a lease, it goes with the one that it has. */
		fresh.is_leased |= record->rdata == change->rdata && record->is_leased &&
				   !turn->update->has_lease;
		if (record->rdata == change->rdata || change->type == DNS_TYPE_CNAME ||
		    change->type == DNS_TYPE_DNAME) {
			model_drop_record(model, i);
		}
	}
	model_add_record(model, &fresh);
	model_set_ttl(model, change->name, change->type, own_ttl(turn, change->name, change->ttl));
	turn->is_added_to[change->name] = true;
	return DNS_RCODE_NOERROR;
}

/* SOA and NS at the apex stay (RFC 2136 3.4.2.3, 3.4.2.4). */
static bool is_protected(const struct model_change *change, uint16_t type)
{
	return strcmp(model_text_of(change->name), APEX) == 0 &&
	       (type == DNS_TYPE_SOA || type == DNS_TYPE_NS);
}

static unsigned delete_rr(struct turn *turn, const struct model_change *change)
{
	struct model *model = turn->model;
	size_t left = 0;

	for (size_t i = 0; i < model->count; i++) {
		left += model->records[i].name == change->name &&
			model_type_of(&model->records[i]) == change->type;
	}
	for (size_t i = 0; i < model->count; i++) {
		const struct model_record *record = &model->records[i];

		if (record->name != change->name || record->rdata != change->rdata) {
			continue;
		}
		if (is_protected(change, change->type) && (record->is_base || left == 1)) {
			return DNS_RCODE_NOERROR;
		}
		if (record->is_base) {
			return DNS_RCODE_REFUSED;
		}
		model_drop_record(model, i);
		return DNS_RCODE_NOERROR;
	}
	return DNS_RCODE_NOERROR;
}

/* Subtypes that no record of this message says go with all of their instance. */
static void drop_subtypes(struct turn *turn, int instance)
{
	uint64_t said = 0;

	for (size_t i = 0; i < turn->update->change_count; i++) {
		const struct model_change *change = &turn->update->changes[i];

		if (change->form == ADD &&
		    model_place(turn->model, change->name) == PLACE_SUBTYPE &&
		    model_instance_of_ptr(turn->model, change->name, change->rdata) == instance) {
			said |= UINT64_C(1) << change->name;
		}
	}
	turn->model->entries[instance].subtypes &= said;
}

static unsigned delete_sets(struct turn *turn, const struct model_change *change)
{
	const uint16_t type = change->form == DELETE_NAME ? DNS_TYPE_ANY : change->type;
	struct model *model = turn->model;

	if (model_place(model, change->name) == PLACE_POOL ||
	    is_derived(turn->before, change->name, type)) {
		return DNS_RCODE_REFUSED;
	}
	for (size_t i = model->count; i-- > 0;) {
		const struct model_record *record = &model->records[i];

		if (record->name != change->name || is_protected(change, model_type_of(record)) ||
		    (type != DNS_TYPE_ANY && model_type_of(record) != type)) {
			continue;
		}
		if (record->is_base) {
			return DNS_RCODE_REFUSED;
		}
		model_drop_record(model, i);
	}
	if (change->form == DELETE_NAME) {
		drop_subtypes(turn, change->name);
	}
	return DNS_RCODE_NOERROR;
}

/* The PTR of an instance at its type or a subtype is an attribute of the instance. */
static void change_ptr(struct turn *turn, const struct model_change *change, int instance,
		       bool is_add)
{
	struct model_entry *entry = &turn->model->entries[instance];
	const uint64_t bit = UINT64_C(1) << change->name;

	if (model_place(turn->model, change->name) == PLACE_TYPE) {
		entry->has_ptr = is_add;
	} else {
		entry->subtypes = is_add ? entry->subtypes | bit : entry->subtypes & ~bit;
	}
	turn->is_added_to[instance] = turn->is_added_to[instance] || is_add;
}

static unsigned apply_change(struct turn *turn, const struct model_change *change)
{
	const bool is_add = change->form == ADD && !turn->is_removal;
	const bool is_rr = change->form == ADD || change->form == DELETE_RR;
	const int instance =
		is_rr ? model_instance_of_ptr(turn->model, change->name, change->rdata) : NONE;
	const int subject = instance != NONE ? instance : change->name;

	turn->is_touched[subject] = true;
	if (!may_touch(turn, subject)) {
		return DNS_RCODE_REFUSED;
	}
	if (is_replay(turn, subject)) {
		return DNS_RCODE_NOTAUTH;
	}
	if (instance != NONE) {
		change_ptr(turn, change, instance, is_add);
		return DNS_RCODE_NOERROR;
	}
	if (is_add) {
		return add(turn, change);
	}
	return is_rr ? delete_rr(turn, change) : delete_sets(turn, change);
}

static bool has_same_records(const struct model *one, const struct model *other, int name)
{
	for (size_t i = 0; i < one->count; i++) {
		const struct model_record *a = &one->records[i];
		bool is_there = false;

		for (size_t k = 0; a->name == name && k < other->count; k++) {
			const struct model_record *b = &other->records[k];

			is_there = is_there || (a->name == b->name && a->rdata == b->rdata &&
						a->ttl == b->ttl && a->is_base == b->is_base &&
						a->is_leased == b->is_leased);
		}
		if (a->name == name && !is_there) {
			return false;
		}
	}
	return true;
}

/* Does anything differ but the version? */
static bool differs(const struct model *one, const struct model *other, int name)
{
	const struct model_entry *a = &one->entries[name];
	const struct model_entry *b = &other->entries[name];

	return a->owner != b->owner || a->lease_s != b->lease_s ||
	       a->key_lease_s != b->key_lease_s || a->subtypes != b->subtypes ||
	       a->has_ptr != b->has_ptr || a->is_overdue != b->is_overdue ||
	       a->is_held != b->is_held || !has_same_records(one, other, name) ||
	       !has_same_records(other, one, name);
}

/* A clock ahead of ours shuts nobody out. */
static uint64_t mark_of(const struct turn *turn)
{
	const uint64_t time_s = turn->before->time_s;

	return turn->update->signed_s < time_s ? turn->update->signed_s : time_s;
}

/* Lease and key lease of 0. */
static bool gives_up(const struct model_update *update)
{
	return update->has_lease && update->lease_s == 0 &&
	       !(update->has_key_lease && update->key_lease_s > 0);
}

/* The end of a touched name: owner, lease, TTLs. Says whether it changed. */
static bool finish_name(struct turn *turn, int name, uint64_t version)
{
	struct model *model = turn->model;
	struct model_entry *entry = &model->entries[name];
	const bool is_own = !model_is_shared(model, name);
	const uint32_t lease_s = lease_at(turn, name);

	if (turn->is_added_to[name]) {
		entry->is_held = entry->is_held ||
				 (turn->update->hold && !model_has_entry(turn->before, name) &&
				  model_place(model, name) == PLACE_INSTANCE);
		entry->is_overdue = false;
		/* Those at a shared name that asked for a lease have one together. */
		if (is_own || turn->update->has_lease || entry->lease_s == 0) {
			entry->lease_s = lease_s;
		}
		if (turn->update->has_lease) {
			entry->key_lease_s = turn->key_lease_s;
			entry->renewed = version;
		} else if (is_own && entry->owner != turn->update->owner) {
			entry->key_lease_s = 0;
		}
		if (is_own) {
			entry->owner = turn->update->owner;
		}
	}
	for (size_t i = 0; i < model->count; i++) {
		struct model_record *record = &model->records[i];

		if (record->name == name && is_own && entry->lease_s > 0 &&
		    record->ttl > entry->lease_s) {
			record->ttl = entry->lease_s;
		}
	}
	model_tidy(model, name);
	const bool is_change = differs(turn->before, model, name);
	const struct model_entry *before = &turn->before->entries[name];
	if (is_change || (turn->is_added_to[name] && entry->lease_s > 0 && lease_s > 0)) {
		entry->version = version;
		entry->signed_s = before->owner == entry->owner
					  ? model_later(before->signed_s, mark_of(turn))
					  : mark_of(turn);
	}
	if (before->owner != entry->owner) {
		model_remember(model, name, before, mark_of(turn),
			       gives_up(turn->update) || entry->owner != MODEL_NOBODY);
	}
	return is_change;
}

void model_take_soa(struct model *model, const struct model_soa *soa)
{
	const bool is_first = model->soa.ttl == 0;

	model->soa = *soa;
	if (is_first || (int32_t)(soa->serial - model->serial) > 0) {
		model->serial = soa->serial == 0 ? 1 : soa->serial;
		model->is_serial_set = true;
	}
}

unsigned model_apply_update(struct model *model, const struct model_update *update,
			    uint64_t version, bool *is_change)
{
	static struct model before;
	struct turn turn = {.update = update, .before = &before, .model = model};
	static struct model_view view;

	if (!model->is_served) {
		return DNS_RCODE_SERVFAIL;
	}
	model_copy(&before, model);
	view.count = 0;
	if (update->prereq_count > 0) {
		model_look(model, &view);
	}
	unsigned rcode = check_prereqs(&view, update);
	if (rcode == DNS_RCODE_NOERROR) {
		rcode = grant(&turn);
	}
	for (size_t i = 0; rcode == DNS_RCODE_NOERROR && i < update->change_count; i++) {
		rcode = apply_change(&turn, &update->changes[i]);
	}
	if (rcode != DNS_RCODE_NOERROR) {
		model_copy(model, &before);
		return rcode;
	}
	for (int i = 0; i < (int)model_name_count; i++) {
		if (turn.is_touched[i] && finish_name(&turn, i, version)) {
			*is_change = true;
		}
	}
	if (turn.has_soa) {
		model_take_soa(model, &turn.soa);
		*is_change = true;
	}
	model_release_hosts(model, mark_of(&turn), gives_up(update));
	return DNS_RCODE_NOERROR;
}
