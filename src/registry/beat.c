/*
 * Heartbeats that are plain to see: an UPDATE that only adds, with a lease, what stands there
 * already, of the same owner, with that lease. It is compared with the nodes as they are, where an
 * evaluation copies what a name has, changes the copy and compares the two. Whatever is not plain
 * (prerequisites, deletions, shared names, another lease, a name that is overdue) is none of these,
 * and the evaluation says what it is: it says of each of these that nothing changes, too.
 */
#include "dns/update.h"
#include "registry/inside.h"

struct search {
	const struct zone *zone;
	const struct command_update *update;
	const struct dns_lease *lease; /* granted */
	size_t count; /* of the names that the message adds to, each once */
	const uint8_t *asked[REGISTRY_BEAT_NAMES];
	size_t sizes[REGISTRY_BEAT_NAMES];
	const struct node *nodes[REGISTRY_BEAT_NAMES];
	struct holding holdings[REGISTRY_BEAT_NAMES];
	uint8_t of[REGISTRY_BEAT_CHANGES]; /* which of the names each change is about */
	bool is_ptr[REGISTRY_BEAT_CHANGES]; /* at the type of that name */
	size_t records; /* of all names */
};

/* ---- which names ------------------------------------------------------------------------- */

/* A PTR at a type is about an instance of it. */
static bool is_about_instance(const struct command_change *change)
{
	return change->type == DNS_TYPE_PTR && zone_is_instance_of(change->rdata, change->name);
}

/* The number of a name, which may be new; REGISTRY_BEAT_NAMES: there are too many. */
static size_t note_name(struct search *search, const uint8_t *name)
{
	const size_t size = dns_name_size(name);

	for (size_t i = search->count; i > 0; i--) {
		if (search->sizes[i - 1] == size &&
		    dns_octets_equal(search->asked[i - 1], name, size)) {
			return i - 1;
		}
	}
	if (search->count < REGISTRY_BEAT_NAMES) {
		search->asked[search->count] = name;
		search->sizes[search->count] = size;
		return search->count++;
	}
	return REGISTRY_BEAT_NAMES;
}

static bool note_names(struct search *search, const struct command_change *changes)
{
	for (size_t i = 0; i < search->update->update_count; i++) {
		const struct command_change *change = &changes[i];
		if (change->form != DNS_UPDATE_ADD) {
			return false;
		}
		search->is_ptr[i] = is_about_instance(change);
		const size_t number =
			note_name(search, search->is_ptr[i] ? change->rdata : change->name);
		if (number == REGISTRY_BEAT_NAMES) {
			return false;
		}
		search->of[i] = (uint8_t)number;
	}
	return true;
}

/* ---- what is there ----------------------------------------------------------------------- */

/* One that the sender's key signed before it did more to the name is for the evaluation. */
static bool is_in_order(const struct command_update *update, const struct holding *holding)
{
	return update->owner.kind != OWNER_KEY || update->signed_s >= holding->signed_s;
}

/* Would it be as it is, whatever of it is added again? */
static bool is_settled(struct search *search, const struct holding *holding)
{
	search->records += holding->count;
	return holding->ttl_max <= holding->lease_s &&
	       owner_equal(&holding->owner, &search->update->owner) &&
	       holding->lease_s == search->lease->lease_s &&
	       holding->key_lease_s == search->lease->key_lease_s &&
	       (holding->flags & NAME_OVERDUE) == 0 && is_in_order(search->update, holding) &&
	       search->records <= zone_shape(search->zone)->change_max;
}

/* All names are there, and settled; their leases are asked for on the way. */
static bool find_names(struct search *search, struct registry_beat *beat)
{
	zone_entries(search->zone, search->asked, search->sizes, search->nodes, search->count);
	beat->count = search->count;
	for (size_t i = 0; i < search->count; i++) {
		const struct node *node = search->nodes[i];
		beat->leases[i] = node == NULL ? NULL : node_lease(node);
		if (beat->leases[i] == NULL) {
			return false;
		}
		__builtin_prefetch(beat->leases[i], 1);
	}
	for (size_t i = 0; i < search->count; i++) {
		struct holding *holding = &search->holdings[i];
		node_holding(search->nodes[i], holding);
		if (!is_settled(search, holding)) {
			return false;
		}
	}
	return true;
}

static bool is_known_record(const struct search *search, const struct command_change *change,
			    const struct node *node, enum name_role role)
{
	const struct record record = {
		.type = change->type,
		.size = change->rdata_size,
		.ttl = ttl_within(zone_shape(search->zone), search->lease->lease_s, change->ttl),
		.rdata = change->rdata};

	return (role == ROLE_INSTANCE || role == ROLE_PLAIN) &&
	       zone_role_refusal(search->zone, role, change->name, change->type) == NULL &&
	       node_has_record(node, &record);
}

/* Is it said already? */
static bool is_known(const struct search *search, const struct command_change *changes, size_t at)
{
	const size_t number = search->of[at];
	const struct holding *holding = &search->holdings[number];

	if (search->is_ptr[at]) {
		return holding->role == ROLE_INSTANCE && (holding->flags & NAME_PTR) != 0;
	}
	return is_known_record(search, &changes[at], search->nodes[number], holding->role);
}

/* ---- both -------------------------------------------------------------------------------- */

bool registry_beat_find(const struct zone *zone, const struct command_update *update,
			const struct command_change *changes, struct registry_beat *beat)
{
	struct search search; /* large: only what is counted is set */

	if (update->prereq_count > 0 || update->update_count == 0 ||
	    update->update_count > REGISTRY_BEAT_CHANGES || !update->lease.present ||
	    update->lease.lease_s == 0) {
		return false;
	}
	search.zone = zone;
	search.update = update;
	search.lease = &beat->lease;
	search.count = 0;
	search.records = 0;
	grant_lease(zone_shape(zone), &update->lease, &beat->lease);
	if (!note_names(&search, changes) || !find_names(&search, beat)) {
		return false;
	}
	for (size_t i = 0; i < update->update_count; i++) {
		if (!is_known(&search, changes, i)) {
			return false;
		}
	}
	return true;
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

bool registry_beat_renew(const struct registry_beat *beat, uint64_t now_ms)
{
	for (size_t i = 0; i < beat->count; i++) {
		if (!lease_renew(beat->leases[i], now_ms)) {
			return false;
		}
	}
	return true;
}
