/*
 * What commands do to the flat arrays: base changes, expiries, an operator's word; UPDATEs are in
 * model_update.c.
 */
#include "tests/sim/model_inside.h"

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

enum model_place model_place(const struct model *model, int name)
{
	const char *pool = model_names[name].pool;

	if (pool != NULL && strcmp(pool, model->shape.pool_label) == 0) {
		return PLACE_POOL;
	}
	return model_names[name].place;
}

bool model_is_shared(const struct model *model, int name)
{
	const enum model_place place = model_place(model, name);

	return place == PLACE_APEX || place == PLACE_TYPE || place == PLACE_SUBTYPE ||
	       place == PLACE_SERVICES;
}

bool model_has_records(const struct model *model, int name)
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
	return model_has_records(model, name) || model->entries[name].has_ptr;
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
	const char *type = place == PLACE_TYPE ? model_text_of(name) : model_names[name].type;
	return strcmp(model_names[instance].type, type) == 0 ? instance : NONE;
}

void model_drop_record(struct model *model, size_t index)
{
	model->count--;
	memmove(&model->records[index], &model->records[index + 1],
		(model->count - index) * sizeof(model->records[0]));
}

void model_add_record(struct model *model, const struct model_record *record)
{
	if (model->count == RECORDS_MAX) {
		abort();
	}
	model->records[model->count++] = *record;
}

void model_drop_name(struct model *model, int name)
{
	for (size_t i = model->count; i-- > 0;) {
		if (model->records[i].name == name) {
			model_drop_record(model, i);
		}
	}
	model->entries[name] = (struct model_entry){0};
}

bool model_is_key(enum model_owner owner)
{
	return owner == MODEL_KEY_A || owner == MODEL_KEY_B;
}

/* Instances of the owner that point to the host. */
static size_t pointers(const struct model *model, int host, enum model_owner owner)
{
	size_t count = 0;

	for (size_t i = 0; i < model->count; i++) {
		const struct model_record *record = &model->records[i];

		if (model_type_of(record) == DNS_TYPE_SRV &&
		    model_place(model, record->name) == PLACE_INSTANCE &&
		    model->entries[record->name].owner == owner &&
		    strcmp(strrchr(model_rdatas[record->rdata].text, ' ') + 1,
			   model_text_of(host)) == 0) {
			count++;
		}
	}
	return count;
}

void model_remember(struct model *model, int name, const struct model_entry *had, uint64_t signed_s,
		    bool frees)
{
	const uint64_t stay_s = had->key_lease_s > 600 ? had->key_lease_s : 600;
	const bool is_kept = !frees && had->key_lease_s > had->lease_s;
	struct model_mark fresh = {model_later(had->signed_s, signed_s), model->time_s + stay_s,
				   is_kept, model->now_s + stay_s};

	if (!model_is_key(had->owner)) {
		return;
	}
	struct model_mark *mark = &model->marks[name][had->owner - MODEL_KEY_A];
	if (mark->until_s > model->time_s) {
		fresh.signed_s = model_later(fresh.signed_s, mark->signed_s);
		fresh.until_s = model_later(fresh.until_s, mark->until_s);
	}
	if (mark->kept_s > model->now_s) {
		fresh.kept_s = model_later(fresh.kept_s, mark->kept_s);
	}
	*mark = fresh;
}

void model_release_hosts(struct model *model, uint64_t signed_s, bool frees)
{
	for (int i = 0; i < (int)model_name_count; i++) {
		const struct model_entry *entry = &model->entries[i];

		if (entry->is_overdue && pointers(model, i, entry->owner) == 0) {
			model_remember(model, i, entry, signed_s, frees);
			model_drop_name(model, i);
		}
	}
}

void model_tidy(struct model *model, int name)
{
	struct model_entry *entry = &model->entries[name];
	bool is_leased = false;

	for (size_t i = 0; i < model->count; i++) {
		is_leased = is_leased ||
			    (model->records[i].name == name && model->records[i].is_leased);
	}
	if (model_is_shared(model, name) && !is_leased) {
		entry->lease_s = 0;
		entry->key_lease_s = 0;
	}
	if (!model_has_records(model, name)) {
		entry->subtypes = 0;
		if (!entry->has_ptr) {
			model_drop_name(model, name);
		}
	}
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
		if (model_is_shared(model, name)) {
			for (size_t k = model->count; k-- > 0;) {
				if (model->records[k].name == name && model->records[k].is_leased) {
					model_drop_record(model, k);
				}
			}
			model_tidy(model, name);
		} else if (model_place(model, name) != PLACE_INSTANCE &&
			   pointers(model, name, entry->owner) > 0) {
			entry->is_overdue = true;
		} else {
			model_remember(model, name, entry, signed_s, false);
			model_drop_name(model, name);
		}
		model_release_hosts(model, signed_s, false);
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
			model_drop_record(model, i);
		}
	}
	model_add_record(model, &record);
	model_set_ttl(model, name, model_type_of(&record), record.ttl);
}

static void apply_base(struct model *model, const struct model_base *base)
{
	bool is_held[NAMES_MAX] = {false};

	model->shape = base->shape;
	model->is_served = true;
	model_take_soa(model, &base->soa);
	for (size_t i = model->count; i-- > 0;) {
		if (model->records[i].is_base) {
			model_drop_record(model, i);
		}
	}
	find_held(model, base, is_held);
	for (int i = 0; i < (int)model_name_count; i++) {
		if (model->entries[i].owner == MODEL_BASE || model_place(model, i) == PLACE_POOL) {
			model_drop_name(model, i);
		}
		if (is_held[i] && !model_is_shared(model, i)) {
			model_drop_name(model, i);
			model->entries[i].owner = MODEL_BASE;
		}
	}
	for (size_t i = 0; i < base->count; i++) {
		put_base_record(model, base, i, is_held);
	}
	for (size_t i = 0; i < model->count; i++) {
		const int name = model->records[i].name;

		if (model_is_shared(model, name) && model_place(model, name) != PLACE_APEX) {
			model->records[i].ttl = base->shape.ttl_derived_s;
		}
	}
	for (int i = 0; i < (int)model_name_count; i++) {
		model_tidy(model, i);
	}
	model_release_hosts(model, model->time_s, false);
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
	if (!model_is_shared(model, name)) {
		*is_change = model_has_entry(model, name);
		for (int i = 0; i < 2 && !*is_change; i++) {
			struct model_mark *mark = &model->marks[name][i];

			if (mark->is_kept && mark->kept_s > model->now_s) {
				return give_back(model, name, is_change);
			}
		}
		model_remember(model, name, &model->entries[name], model->time_s, true);
		model_drop_name(model, name);
	}
	for (size_t i = model->count; i-- > 0;) {
		if (model->records[i].name == name && !model->records[i].is_base) {
			model_drop_record(model, i);
			*is_change = true;
		}
	}
	if (!*is_change) {
		model_look(model, &view);
		return model_set_size(&view, name, DNS_TYPE_ANY) > 0 ? DNS_RCODE_REFUSED
								     : DNS_RCODE_NXDOMAIN;
	}
	model_tidy(model, name);
	model_release_hosts(model, model->time_s, true);
	return DNS_RCODE_NOERROR;
}

unsigned model_apply(struct model *model, const struct model_command *command, uint64_t version,
		     bool *is_change)
{
	*is_change = false;
	switch (command->kind) {
	case MODEL_UPDATE:
		return model_apply_update(model, &command->update, version, is_change);
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
