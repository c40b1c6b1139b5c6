/*
 * Heartbeats that are plain to see: an UPDATE that only adds, with a lease, what stands there
 * already, of the same owner, with that lease. It is compared with the nodes as they are, where an
 * evaluation copies what a name has, changes the copy and compares the two. Whatever is not plain
 * (prerequisites, deletions, shared names, another lease, a name that is overdue) is none of these,
 * and the evaluation says what it is: it says of each of these that nothing changes, too.
 */
#include <string.h>

#include "dns/update.h"
#include "registry/inside.h"

enum { NAMES_MAX = 8 };

/* A name that the message adds to, once. */
struct beat_name {
	const uint8_t *name;
	size_t size;
	const struct node *node;
	struct holding holding;
};

struct beat {
	const struct zone *zone;
	const struct command_update *update;
	struct dns_lease lease; /* granted */
	struct beat_name names[NAMES_MAX];
	size_t count;
	size_t records; /* of all names */
};

/* One that the sender's key signed before it did more to the name is for the evaluation. */
static bool is_in_order(const struct command_update *update, const struct holding *holding)
{
	return update->owner.kind != OWNER_KEY || update->signed_s >= holding->signed_s;
}

/* Would it be as it is, whatever of it is added again? */
static bool is_settled(struct beat *beat, const struct beat_name *name)
{
	const struct holding *holding = &name->holding;

	beat->records += holding->count;
	return holding->ttl_max <= holding->lease_s &&
	       owner_equal(&holding->owner, &beat->update->owner) &&
	       holding->lease_s == beat->lease.lease_s &&
	       holding->key_lease_s == beat->lease.key_lease_s &&
	       (holding->flags & NAME_OVERDUE) == 0 && is_in_order(beat->update, holding) &&
	       beat->records <= zone_shape(beat->zone)->change_max;
}

/* The name, looked up where it is the first time; NULL: it is not plain. */
static const struct beat_name *name_of(struct beat *beat, const uint8_t *name)
{
	const size_t size = dns_name_size(name);

	for (size_t i = beat->count; i > 0; i--) {
		const struct beat_name *known = &beat->names[i - 1];
		if (known->size == size && dns_octets_equal(known->name, name, size)) {
			return known;
		}
	}
	if (beat->count == NAMES_MAX) {
		return NULL;
	}
	struct beat_name *fresh = &beat->names[beat->count++];
	fresh->name = name;
	fresh->size = size;
	fresh->node = zone_entry_at(beat->zone, name, zone_name_hash(beat->zone, name));
	if (fresh->node == NULL) {
		return NULL;
	}
	node_holding(fresh->node, &fresh->holding);
	return is_settled(beat, fresh) ? fresh : NULL;
}

/* The PTR at a type to an instance of it, which has been registered with it. */
static bool is_known_ptr(struct beat *beat, const struct command_change *change)
{
	if (change->type != DNS_TYPE_PTR || !zone_is_instance_of(change->rdata, change->name)) {
		return false;
	}
	const struct beat_name *name = name_of(beat, change->rdata);
	return name != NULL && (name->holding.flags & NAME_PTR) != 0;
}

static bool is_known_record(struct beat *beat, const struct command_change *change,
			    enum name_role role)
{
	const struct record record = {
		.type = change->type,
		.size = change->rdata_size,
		.ttl = ttl_within(zone_shape(beat->zone), beat->lease.lease_s, change->ttl),
		.rdata = change->rdata};

	if (zone_role_refusal(beat->zone, role, change->name, change->type) != NULL) {
		return false;
	}
	const struct beat_name *name = name_of(beat, change->name);
	return name != NULL && node_has_record(name->node, &record);
}

static bool is_known(struct beat *beat, const struct command_change *change, enum name_role role)
{
	if (change->form != DNS_UPDATE_ADD) {
		return false;
	}
	switch (role) {
	case ROLE_TYPE:
		return is_known_ptr(beat, change);
	case ROLE_INSTANCE:
	case ROLE_PLAIN:
		return is_known_record(beat, change, role);
	case ROLE_APEX:
	case ROLE_SUBTYPE:
	case ROLE_SERVICES:
	case ROLE_POOL:
		break;
	}
	return false;
}

bool lease_renew(struct lease *lease, uint64_t now_ms)
{
	uint64_t seen = atomic_load_explicit(&lease->renewed_ms, memory_order_relaxed);

	do {
		if (seen == LEASE_EXPIRING) {
			return false;
		}
	} while (!atomic_compare_exchange_weak(&lease->renewed_ms, &seen, now_ms));
	return true;
}

bool registry_beat_plain(const struct zone *zone, const struct registry_update *parts,
			 uint64_t now_ms, struct dns_lease *granted)
{
	const struct command_update *update = parts->head;
	struct beat beat;

	if (update->prereq_count > 0 || update->update_count == 0 || !update->lease.present ||
	    update->lease.lease_s == 0) {
		return false;
	}
	beat.zone = zone;
	beat.update = update;
	beat.count = 0;
	beat.records = 0;
	grant_lease(zone_shape(zone), &update->lease, &beat.lease);
	for (size_t i = 0; i < update->update_count; i++) {
		if (!is_known(&beat, &parts->changes[i], parts->roles[i])) {
			return false;
		}
	}
	for (size_t i = 0; i < beat.count; i++) {
		struct lease *lease = node_lease(beat.names[i].node);
		if (lease == NULL || !lease_renew(lease, now_ms)) {
			return false;
		}
	}
	*granted = beat.lease;
	return true;
}
