/*
 * The look-ups of a batch.
 *
 * 1. Each name is hashed once, from the root: that gives the hashes of its ancestors, among which
 *    its zone is looked for, and its own. In the zone of the name before, as most are, it is
 *    hashed from the apex on.
 * 2. The names go down their zones' maps together, so that the cache misses of all pass at once
 *    (pmap_look); what comes last is the memory of the node and its records.
 * 3. A name that is there, in a zone without cuts, is done. For the others the ancestors are
 *    followed down from the apex, as far as they exist: that finds the closest encloser, cuts on
 *    the way (RFC 1034 4.3.2, RFC 6672 3.2), and the wildcard (RFC 4592 3.3.1).
 */
#include <assert.h>
#include <string.h>

#include "dns/rrtype.h"
#include "zone/inside.h"

enum { TOGETHER = 64 };

static const struct zone *zone_with(const struct root *root, uint64_t hash, const uint8_t *apex,
				    size_t size)
{
	return pmap_get(&root->zones, hash, apex, size);
}

const struct zone *root_zone(const struct root *root, const uint8_t *apex)
{
	return zone_with(root, name_hash(&root->hash, apex), apex, dns_name_size(apex));
}

/* The deepest zone that holds the name whose suffixes have these hashes. */
static const struct zone *deepest(const struct root *root, const uint8_t *name,
				  const struct labels *labels, const uint64_t *hashes)
{
	for (size_t n = labels->count + 1u; n-- > 0;) {
		if ((root->depths & depth(n)) == 0) {
			continue;
		}
		const size_t at = labels->at[labels->count - n];
		const struct zone *zone = zone_with(root, hashes[n], name + at, labels->size - at);
		if (zone != NULL) {
			return zone;
		}
	}
	return NULL;
}

const struct zone *root_zone_for(const struct root *root, const uint8_t *name)
{
	struct labels labels;
	uint64_t hashes[DNS_LABELS_MAX + 1];

	labels_of(&labels, name);
	name_hashes(&root->hash, name, &labels, hashes, root->depths);
	return deepest(root, name, &labels, hashes);
}

/* ---- what the name alone does not say ----------------------------------------------------- */

static bool is_cut(const struct node *node, bool is_name)
{
	return (node->named.role != ROLE_APEX && node_rrset(node, DNS_TYPE_NS) != NULL) ||
	       (!is_name && node_rrset(node, DNS_TYPE_DNAME) != NULL);
}

static const struct node *find_wildcard(const struct zone *zone, const struct node *encloser)
{
	uint8_t name[DNS_NAME_MAX + 2] = {1, '*'};

	if (encloser->children == 0 || encloser->named.name_size > DNS_NAME_MAX - 2) {
		return NULL;
	}
	memcpy(name + 2, named_name(&encloser->named), encloser->named.name_size);
	return names_get(zone, name);
}

/* From the apex down to the name, as far as there are nodes, or to the first cut if there are. */
static void descend(const struct zone *zone, struct zone_find *find)
{
	struct labels labels;
	uint64_t hashes[DNS_LABELS_MAX + 1];

	labels_of(&labels, find->name);
	name_hashes(&zone->hash, find->name, &labels, hashes, DEPTHS_ALL);
	for (size_t n = zone->apex_labels; n <= labels.count; n++) {
		const size_t at = labels.at[labels.count - n];
		const struct node *node =
			pmap_get(&zone->names, hashes[n], find->name + at, labels.size - at);
		if (node == NULL) {
			break;
		}
		find->encloser = node;
		if (zone->cuts > 0 && find->cut == NULL && is_cut(node, n == labels.count)) {
			find->cut = node;
		}
	}
	if (find->node == NULL && find->encloser != NULL) {
		find->wildcard = find_wildcard(zone, find->encloser);
	}
}

/* ---- batches ------------------------------------------------------------------------------ */

/* Is the name in this zone, with no other of ours that it might be in below? */
static bool is_near(const struct root *root, const struct zone *zone, const uint8_t *name,
		    const struct labels *labels)
{
	if (zone == NULL || labels->count < zone->apex_labels ||
	    (root->depths & depths_over(zone->apex_labels, labels->count)) != 0) {
		return false;
	}
	const size_t at = labels->at[labels->count - zone->apex_labels];
	return labels->size - at == zone->named.name_size &&
	       dns_octets_equal(name + at, zone->apex, zone->named.name_size);
}

static void begin(const struct root *root, const struct zone *near, struct zone_find *find,
		  struct pmap_look *look, uint8_t *size)
{
	struct labels labels;

	labels_of(&labels, find->name);
	*size = labels.size;
	if (is_near(root, near, find->name, &labels)) {
		struct siphash_state state = near->apex_state;
		look->hash =
			name_hash_on(&state, near->apex_labels, labels.count, find->name, &labels);
		find->zone = near;
	} else {
		uint64_t hashes[DNS_LABELS_MAX + 1];
		look->hash = name_hashes(&root->hash, find->name, &labels, hashes, root->depths);
		find->zone = deepest(root, find->name, &labels, hashes);
	}
	look->map = find->zone == NULL ? NULL : &find->zone->names;
}

static void end(struct zone_find *find, const struct pmap_look *look, size_t size)
{
	const struct node *node = look->at;

	find->node =
		node != NULL && pmap_is(&node->named, look->hash, find->name, size) ? node : NULL;
	find->encloser = find->node;
	find->cut = NULL;
	find->wildcard = NULL;
	if (find->zone != NULL && (find->node == NULL || find->zone->cuts > 0)) {
		descend(find->zone, find);
	}
}

void zone_find_near(const struct root *root, const struct zone *near, struct zone_find *finds,
		    size_t count)
{
	struct pmap_look looks[TOGETHER];
	uint8_t sizes[TOGETHER];

	while (count > 0) {
		const size_t some = count < TOGETHER ? count : TOGETHER;
		for (size_t i = 0; i < some; i++) {
			begin(root, near, &finds[i], &looks[i], &sizes[i]);
			near = finds[i].zone;
		}
		pmap_look(looks, some);
		for (size_t i = 0; i < some; i++) {
			end(&finds[i], &looks[i], sizes[i]);
		}
		finds += some;
		count -= some;
	}
}

void zone_find(const struct root *root, struct zone_find *finds, size_t count)
{
	zone_find_near(root, NULL, finds, count);
}

/* ---- what was put ------------------------------------------------------------------------- */

struct node *pending_find(const struct zone *zone, const uint8_t *name, uint64_t hash)
{
	return zone->pending.count == 0 ? NULL
					: pmap_get(&zone->pending, hash, name, dns_name_size(name));
}

/* What is put for a name, where `node` (or NULL) is what queries find. */
static const struct node *entry_of(const struct zone *zone, const struct node *node,
				   const uint8_t *name, uint64_t hash)
{
	return node != NULL && node->named.sets > 0 ? node : pending_find(zone, name, hash);
}

const struct node *zone_entry_at(const struct zone *zone, const uint8_t *name, uint64_t hash)
{
	return entry_of(zone, names_get_at(zone, name, hash), name, hash);
}

void zone_entries(const struct zone *zone, const uint8_t *const *names, const size_t *sizes,
		  const struct node **entries, size_t count)
{
	struct pmap_look looks[ZONE_ENTRIES];

	assert(count <= ZONE_ENTRIES);
	for (size_t i = 0; i < count; i++) {
		looks[i].map = &zone->names;
		looks[i].hash = zone_name_hash(zone, names[i]);
	}
	pmap_look(looks, count);
	for (size_t i = 0; i < count; i++) {
		const struct node *node = looks[i].at;
		const bool is_here =
			node != NULL && pmap_is(&node->named, looks[i].hash, names[i], sizes[i]);
		entries[i] = entry_of(zone, is_here ? node : NULL, names[i], looks[i].hash);
	}
}

const struct node *zone_entry(const struct zone *zone, const uint8_t *name)
{
	return zone_entry_at(zone, name, zone_name_hash(zone, name));
}
