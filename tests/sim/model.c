/*
 * What commands do to the flat arrays: UPDATE as RFC 2136 3.2 and 3.4 and design sections 6, 7 and
 * 14 say, base changes, expiries.
 */
#include "tests/sim/model.h"

#include <stdlib.h>
#include <string.h>

#include "dns/types.h"

void model_init(struct model *model)
{
	memset(model, 0, sizeof(*model));
}

void model_copy(struct model *to, const struct model *from)
{
	memcpy(to, from, offsetof(struct model, records) + from->count * sizeof(from->records[0]));
}

/* ---- small questions --------------------------------------------------------------------- */

static const char *text_of(int name)
{
	return model_names[name].text;
}

static uint16_t type_of(const struct model_record *record)
{
	return model_rdatas[record->rdata].type;
}

enum model_place model_place(const struct model *model, int name)
{
	const char *pool = model_names[name].pool;

	if (pool != NULL && strcmp(pool, model->shape.pool_label) == 0) {
		return PLACE_POOL;
	}
	return model_names[name].place;
}

/* Names that nobody owns. */
static bool is_shared(const struct model *model, int name)
{
	const enum model_place place = model_place(model, name);

	return place == PLACE_APEX || place == PLACE_TYPE || place == PLACE_SUBTYPE ||
	       place == PLACE_SERVICES;
}

static bool has_records(const struct model *model, int name)
{
	for (size_t i = 0; i < model->count; i++) {
		if (model->records[i].name == name) {
			return true;
		}
	}
	return false;
}

bool model_has_entry(const struct model *model, int name)
{
	return has_records(model, name) || model->entries[name].has_ptr;
}

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

int model_instance_of_ptr(const struct model *model, int name, int rdata)
{
	const enum model_place place = model_place(model, name);

	if (rdata == NONE || model_rdatas[rdata].type != DNS_TYPE_PTR ||
	    (place != PLACE_TYPE && place != PLACE_SUBTYPE)) {
		return NONE;
	}
	const int instance = model_name_of(model_rdatas[rdata].text);
	if (instance == NONE || model_place(model, instance) != PLACE_INSTANCE) {
		return NONE;
	}
	const char *type = place == PLACE_TYPE ? text_of(name) : model_names[name].type;
	return strcmp(model_names[instance].type, type) == 0 ? instance : NONE;
}

static void drop_record(struct model *model, size_t index)
{
	model->count--;
	memmove(&model->records[index], &model->records[index + 1],
		(model->count - index) * sizeof(model->records[0]));
}

static void add_record(struct model *model, const struct model_record *record)
{
	if (model->count == RECORDS_MAX) {
		abort();
	}
	model->records[model->count++] = *record;
}

/* The name with all that is known of it goes. */
static void drop_name(struct model *model, int name)
{
	for (size_t i = model->count; i-- > 0;) {
		if (model->records[i].name == name) {
			drop_record(model, i);
		}
	}
	model->entries[name] = (struct model_entry){0};
}

static uint64_t later(uint64_t one, uint64_t other)
{
	return one > other ? one : other;
}

static bool is_key(enum model_owner owner)
{
	return owner == MODEL_KEY_A || owner == MODEL_KEY_B;
}

/* Instances of the owner that point to the host. */
static size_t pointers(const struct model *model, int host, enum model_owner owner)
{
	size_t count = 0;

	for (size_t i = 0; i < model->count; i++) {
		const struct model_record *record = &model->records[i];

		if (type_of(record) == DNS_TYPE_SRV &&
		    model_place(model, record->name) == PLACE_INSTANCE &&
		    model->entries[record->name].owner == owner &&
		    strcmp(strrchr(model_rdatas[record->rdata].text, ' ') + 1, text_of(host)) ==
			    0) {
			count++;
		}
	}
	return count;
}

/* A key has the name no more: what it signed before `signed_s` is a replay for 600 s. */
static void remember(struct model *model, int name, const struct model_entry *had,
		     uint64_t signed_s, bool frees)
{
	const uint64_t stay_s = had->key_lease_s > 600 ? had->key_lease_s : 600;
	const bool is_kept = !frees && had->key_lease_s > had->lease_s;
	struct model_mark fresh = {later(had->signed_s, signed_s), model->time_s + stay_s, is_kept,
				   model->now_s + stay_s};

	if (!is_key(had->owner)) {
		return;
	}
	struct model_mark *mark = &model->marks[name][had->owner - MODEL_KEY_A];
	if (mark->until_s > model->time_s) {
		fresh.signed_s = later(fresh.signed_s, mark->signed_s);
		fresh.until_s = later(fresh.until_s, mark->until_s);
	}
	if (mark->kept_s > model->now_s) {
		fresh.kept_s = later(fresh.kept_s, mark->kept_s);
	}
	*mark = fresh;
}

/* Hosts whose lease is over go with the last instance of their owner that points to them. */
static void release_hosts(struct model *model, uint64_t signed_s, bool frees)
{
	for (int i = 0; i < (int)model_name_count; i++) {
		const struct model_entry *entry = &model->entries[i];

		if (entry->is_overdue && pointers(model, i, entry->owner) == 0) {
			remember(model, i, entry, signed_s, frees);
			drop_name(model, i);
		}
	}
}

/* A shared name without leased records has no lease; a name without any, nothing at all. */
static void tidy(struct model *model, int name)
{
	struct model_entry *entry = &model->entries[name];
	bool is_leased = false;

	for (size_t i = 0; i < model->count; i++) {
		is_leased = is_leased ||
			    (model->records[i].name == name && model->records[i].is_leased);
	}
	if (is_shared(model, name) && !is_leased) {
		entry->lease_s = 0;
		entry->key_lease_s = 0;
	}
	if (!has_records(model, name)) {
		entry->subtypes = 0;
		if (!entry->has_ptr) {
			drop_name(model, name);
		}
	}
}

/* ---- prerequisites (RFC 2136 3.2) -------------------------------------------------------- */

static size_t set_size(const struct model_view *view, int name, uint16_t type)
{
	size_t count = 0;

	for (size_t i = 0; i < view->count; i++) {
		count += strcmp(view->rrs[i].name, text_of(name)) == 0 &&
			 (type == DNS_TYPE_ANY || view->rrs[i].type == type);
	}
	return count;
}

static bool set_has(const struct model_view *view, const struct model_prereq *prereq)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct model_rr *rr = &view->rrs[i];

		if (strcmp(rr->name, text_of(prereq->name)) == 0 && rr->type == prereq->type &&
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
	return said == set_size(view, prereq->name, prereq->type);
}

static unsigned check_prereqs(const struct model_view *view, const struct model_update *update)
{
	for (size_t i = 0; i < update->prereq_count; i++) {
		const struct model_prereq *prereq = &update->prereqs[i];
		const bool is_there = set_size(view, prereq->name, prereq->type) > 0;

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
	const bool is_own = entry->owner == turn->update->owner || is_shared(turn->before, name);

	if (turn->update->has_lease) {
		return turn->lease_s;
	}
	if (entry->lease_s > 0 && is_own) {
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
	return is_kept && !is_shared(model, name);
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

	if (!is_key(owner) || is_shared(model, name)) {
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
			drop_record(&derived, i);
		}
	}
	model_look(&derived, &view);
	return strcmp(text_of(name), APEX) != 0 && set_size(&view, name, type) > 0;
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
		const uint16_t other = type_of(&model->records[i]);

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

	if (is_shared(turn->before, name) && strcmp(text_of(name), APEX) != 0) {
		return shape->ttl_derived_s;
	}
	if (lease_s > 0 && ttl > lease_s) {
		ttl = lease_s;
	}
	return ttl > shape->ttl_max_s ? shape->ttl_max_s : ttl;
}

/* One TTL for a set (RFC 2181 5.2): the base's where it has a part in it. */
static void set_ttl(struct model *model, int name, uint16_t type, uint32_t ttl)
{
	for (size_t i = 0; i < model->count; i++) {
		const struct model_record *record = &model->records[i];

		if (record->name == name && type_of(record) == type && record->is_base) {
			ttl = record->ttl;
		}
	}
	for (size_t i = 0; i < model->count; i++) {
		if (model->records[i].name == name && type_of(&model->records[i]) == type) {
			model->records[i].ttl = ttl;
		}
	}
}

static unsigned add(struct turn *turn, const struct model_change *change)
{
	struct model *model = turn->model;
	struct model_record fresh = {.name = change->name,
				     .rdata = change->rdata,
				     .is_leased = is_shared(model, change->name) &&
						  lease_at(turn, change->name) > 0};

	if (!is_placeable(model, change->name, change->type)) {
		return DNS_RCODE_REFUSED;
	}
	if (change->type == DNS_TYPE_SOA) {
		const uint32_t present = turn->has_soa ? turn->soa.serial : model->serial;
		if (strcmp(text_of(change->name), APEX) == 0 &&
		    (int32_t)(change->soa.serial - present) > 0) {
			turn->has_soa = true;
			turn->soa = change->soa;
		}
		return DNS_RCODE_NOERROR;
	}
	if (is_ignored(turn, change)) {
		return DNS_RCODE_NOERROR;
	}
	for (size_t i = model->count; i-- > 0;) {
		const struct model_record *record = &model->records[i];

		if (record->name != change->name || type_of(record) != change->type) {
			continue;
		}
		if (record->rdata == change->rdata && record->is_base) {
			return DNS_RCODE_REFUSED;
		}
		if (record->rdata == change->rdata || change->type == DNS_TYPE_CNAME ||
		    change->type == DNS_TYPE_DNAME) {
			drop_record(model, i);
		}
	}
	add_record(model, &fresh);
	set_ttl(model, change->name, change->type, own_ttl(turn, change->name, change->ttl));
	turn->is_added_to[change->name] = true;
	return DNS_RCODE_NOERROR;
}

/* SOA and NS at the apex stay (RFC 2136 3.4.2.3, 3.4.2.4). */
static bool is_protected(const struct model_change *change, uint16_t type)
{
	return strcmp(text_of(change->name), APEX) == 0 &&
	       (type == DNS_TYPE_SOA || type == DNS_TYPE_NS);
}

static unsigned delete_rr(struct turn *turn, const struct model_change *change)
{
	struct model *model = turn->model;
	size_t left = 0;

	for (size_t i = 0; i < model->count; i++) {
		left += model->records[i].name == change->name &&
			type_of(&model->records[i]) == change->type;
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
		drop_record(model, i);
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

		if (record->name != change->name || is_protected(change, type_of(record)) ||
		    (type != DNS_TYPE_ANY && type_of(record) != type)) {
			continue;
		}
		if (record->is_base) {
			return DNS_RCODE_REFUSED;
		}
		drop_record(model, i);
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
	const bool is_own = !is_shared(model, name);

	if (turn->is_added_to[name]) {
		entry->is_held = entry->is_held ||
				 (turn->update->hold && !model_has_entry(turn->before, name) &&
				  model_place(model, name) == PLACE_INSTANCE);
		entry->is_overdue = false;
		entry->lease_s = lease_at(turn, name);
		if (turn->update->has_lease) {
			entry->key_lease_s = turn->key_lease_s;
			entry->renewed = version;
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
	tidy(model, name);
	const bool is_change = differs(turn->before, model, name);
	const struct model_entry *before = &turn->before->entries[name];
	if (is_change || (turn->is_added_to[name] && entry->lease_s > 0)) {
		entry->version = version;
		entry->signed_s = before->owner == entry->owner
					  ? later(before->signed_s, mark_of(turn))
					  : mark_of(turn);
	}
	if (before->owner != entry->owner) {
		remember(model, name, before, mark_of(turn),
			 gives_up(turn->update) || entry->owner != MODEL_NOBODY);
	}
	return is_change;
}

/* A SOA from the base or an UPDATE: its serial counts when it is greater (RFC 1982). */
static void take_soa(struct model *model, const struct model_soa *soa)
{
	const bool is_first = model->soa.ttl == 0;

	model->soa = *soa;
	if (is_first || (int32_t)(soa->serial - model->serial) > 0) {
		model->serial = soa->serial == 0 ? 1 : soa->serial;
		model->is_serial_set = true;
	}
}

static unsigned apply_update(struct model *model, const struct model_update *update,
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
		take_soa(model, &turn.soa);
		*is_change = true;
	}
	release_hosts(model, mark_of(&turn), gives_up(update));
	return DNS_RCODE_NOERROR;
}

/* ---- the rest ---------------------------------------------------------------------------- */

static void apply_expire(struct model *model, const struct model_expire *expire)
{
	for (size_t i = 0; i < expire->count; i++) {
		const int name = expire->leases[i].name;
		struct model_entry *entry = &model->entries[name];

		/* Half a lease ago: between its last heartbeat and now. */
		const uint64_t half_s = entry->lease_s / 2;
		const uint64_t signed_s = model->time_s > half_s ? model->time_s - half_s : 0;

		if (entry->lease_s == 0 || entry->version != expire->leases[i].version) {
			continue;
		}
		if (is_shared(model, name)) {
			for (size_t k = model->count; k-- > 0;) {
				if (model->records[k].name == name && model->records[k].is_leased) {
					drop_record(model, k);
				}
			}
			tidy(model, name);
		} else if (model_place(model, name) != PLACE_INSTANCE &&
			   pointers(model, name, entry->owner) > 0) {
			entry->is_overdue = true;
		} else {
			remember(model, name, entry, signed_s, false);
			drop_name(model, name);
		}
		release_hosts(model, signed_s, false);
	}
}

/* What a record of the base is about: the instance of a PTR, else its name. */
static int subject_of(const struct model *model, const struct model_base *base, size_t index)
{
	const int instance =
		model_instance_of_ptr(model, base->records[index].name, base->records[index].rdata);

	return instance != NONE ? instance : base->records[index].name;
}

/* The base holds a name by records or by the PTR at its type; a subtype alone says nothing. */
static void find_held(const struct model *model, const struct model_base *base,
		      bool is_held[NAMES_MAX])
{
	for (size_t i = 0; i < base->count; i++) {
		const int subject = subject_of(model, base, i);

		if (subject == base->records[i].name ||
		    model_place(model, base->records[i].name) == PLACE_TYPE) {
			is_held[subject] = true;
		}
	}
}

static void put_base_record(struct model *model, const struct model_base *base, size_t index,
			    const bool is_held[NAMES_MAX])
{
	const int name = base->records[index].name;
	const int subject = subject_of(model, base, index);
	struct model_record record = {.name = name,
				      .rdata = base->records[index].rdata,
				      .ttl = base->records[index].ttl,
				      .is_base = true};

	if (subject != name) {
		if (model_place(model, name) == PLACE_TYPE) {
			model->entries[subject].has_ptr = true;
		} else if (is_held[subject]) {
			model->entries[subject].subtypes |= UINT64_C(1) << name;
		}
		return;
	}
	for (size_t i = model->count; i-- > 0;) {
		if (model->records[i].name == name && model->records[i].rdata == record.rdata) {
			drop_record(model, i);
		}
	}
	add_record(model, &record);
	set_ttl(model, name, type_of(&record), record.ttl);
}

static void apply_base(struct model *model, const struct model_base *base)
{
	bool is_held[NAMES_MAX] = {false};

	model->shape = base->shape;
	model->is_served = true;
	take_soa(model, &base->soa);
	for (size_t i = model->count; i-- > 0;) {
		if (model->records[i].is_base) {
			drop_record(model, i);
		}
	}
	find_held(model, base, is_held);
	for (int i = 0; i < (int)model_name_count; i++) {
		if (model->entries[i].owner == MODEL_BASE || model_place(model, i) == PLACE_POOL) {
			drop_name(model, i);
		}
		if (is_held[i] && !is_shared(model, i)) {
			drop_name(model, i);
			model->entries[i].owner = MODEL_BASE;
		}
	}
	for (size_t i = 0; i < base->count; i++) {
		put_base_record(model, base, i, is_held);
	}
	for (size_t i = 0; i < model->count; i++) {
		const int name = model->records[i].name;

		if (is_shared(model, name) && model_place(model, name) != PLACE_APEX) {
			model->records[i].ttl = base->shape.ttl_derived_s;
		}
	}
	for (int i = 0; i < (int)model_name_count; i++) {
		tidy(model, i);
	}
	release_hosts(model, model->time_s, false);
}

static unsigned release(struct model *model, int name, bool *is_change)
{
	if (model_place(model, name) != PLACE_INSTANCE || !model_has_entry(model, name)) {
		return DNS_RCODE_NXDOMAIN;
	}
	*is_change = model->entries[name].is_held;
	model->entries[name].is_held = false;
	return DNS_RCODE_NOERROR;
}

/* A name that is kept for a key, and has nothing, is kept no more. */
static unsigned give_back(struct model *model, int name, bool *is_change)
{
	model->marks[name][0].is_kept = false;
	model->marks[name][1].is_kept = false;
	*is_change = true;
	return DNS_RCODE_NOERROR;
}

/* What a provider has at the name goes; the base's words stay. */
static unsigned remove_name(struct model *model, int name, bool *is_change)
{
	static struct model_view view;

	if (model_place(model, name) == PLACE_APEX || model->entries[name].owner == MODEL_BASE) {
		return DNS_RCODE_REFUSED;
	}
	if (!is_shared(model, name)) {
		*is_change = model_has_entry(model, name);
		for (int i = 0; i < 2 && !*is_change; i++) {
			struct model_mark *mark = &model->marks[name][i];

			if (mark->is_kept && mark->kept_s > model->now_s) {
				return give_back(model, name, is_change);
			}
		}
		remember(model, name, &model->entries[name], model->time_s, true);
		drop_name(model, name);
	}
	for (size_t i = model->count; i-- > 0;) {
		if (model->records[i].name == name && !model->records[i].is_base) {
			drop_record(model, i);
			*is_change = true;
		}
	}
	if (!*is_change) {
		model_look(model, &view);
		return set_size(&view, name, DNS_TYPE_ANY) > 0 ? DNS_RCODE_REFUSED
							       : DNS_RCODE_NXDOMAIN;
	}
	tidy(model, name);
	release_hosts(model, model->time_s, true);
	return DNS_RCODE_NOERROR;
}

unsigned model_apply(struct model *model, const struct model_command *command, uint64_t version,
		     bool *is_change)
{
	*is_change = false;
	switch (command->kind) {
	case MODEL_UPDATE:
		return apply_update(model, &command->update, version, is_change);
	case MODEL_SET_BASE:
		apply_base(model, &command->base);
		break;
	case MODEL_EXPIRE:
		apply_expire(model, &command->expire);
		break;
	case MODEL_RETIRE:
		model->is_served = false;
		break;
	case MODEL_RELEASE:
		return release(model, command->name, is_change);
	case MODEL_REMOVE:
		return remove_name(model, command->name, is_change);
	}
	return DNS_RCODE_NOERROR;
}

void model_end_batch(struct model *model, const struct model *before)
{
	static struct model_view now;
	static struct model_view then;
	bool is_change = false;

	if (model->is_serial_set) {
		return;
	}
	model_look(model, &now);
	model_look(before, &then);
	is_change = now.count != then.count;
	for (size_t i = 0; !is_change && i < now.count; i++) {
		bool is_there = false;

		for (size_t k = 0; k < then.count && !is_there; k++) {
			is_there = now.rrs[i].type == then.rrs[k].type &&
				   now.rrs[i].ttl == then.rrs[k].ttl &&
				   strcmp(now.rrs[i].name, then.rrs[k].name) == 0 &&
				   strcmp(now.rrs[i].rdata, then.rrs[k].rdata) == 0;
		}
		is_change = !is_there;
	}
	if (is_change) {
		model->serial = model->serial + 1 == 0 ? 1 : model->serial + 1;
	}
}
