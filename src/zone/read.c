/*
 * Reading a root: sets as queries see them, contents as they were put, and the look-ups of a batch.
 */
#include <assert.h>
#include <string.h>

#include "dns/rrtype.h"
#include "zone/inside.h"

bool owner_equal(const struct owner *one, const struct owner *other)
{
	return one->kind == other->kind && one->id_size == other->id_size &&
	       (one->id_size == 0 || memcmp(one->id, other->id, one->id_size) == 0);
}

char *owner_text(char out[DNS_NAME_TEXT_MAX + 8], const struct owner *owner)
{
	static const char *const kinds[] = {
		[OWNER_NONE] = "nobody", [OWNER_BASE] = "base",         [OWNER_NET] = "net",
		[OWNER_KEY] = "key ",    [OWNER_OPERATOR] = "operator",
	};

	strcpy(out, kinds[owner->kind]);
	if (owner->kind == OWNER_KEY) {
		dns_name_to_text(out + strlen(out), owner->id);
	}
	return out;
}

/* ---- root and zones ---------------------------------------------------------------------- */

uint64_t root_version(const struct root *root)
{
	return root->version;
}

uint64_t root_index(const struct root *root)
{
	return root->index;
}

size_t root_zone_count(const struct root *root)
{
	return root->zones.count;
}

const struct zone *root_next_zone(const struct root *root, size_t *at)
{
	return pmap_next(&root->zones, at);
}

const struct zone *root_zone(const struct root *root, const uint8_t *apex)
{
	const size_t size = dns_name_size(apex);

	return pmap_get(&root->zones, name_hash(&root->hash, apex, size), apex, size);
}

const struct zone *root_zone_for(const struct root *root, const uint8_t *name)
{
	const size_t labels = dns_name_labels(name);

	if (labels > root->labels_max) {
		name = dns_name_strip(name, labels - root->labels_max);
	}
	for (;;) {
		const struct zone *zone = root_zone(root, name);
		if (zone != NULL || name[0] == 0) {
			return zone;
		}
		name = dns_name_parent(name);
	}
}

const uint8_t *zone_apex(const struct zone *zone)
{
	return zone->apex;
}

bool zone_is_registry(const struct zone *zone)
{
	return zone->is_registry;
}

bool zone_is_served(const struct zone *zone)
{
	return zone->is_served && zone->soa != NULL;
}

uint32_t zone_serial(const struct zone *zone)
{
	return zone->serial;
}

uint64_t zone_base_hash(const struct zone *zone)
{
	return zone->base_hash;
}

const uint8_t *zone_ring_key(const struct zone *zone)
{
	return zone->ring_key;
}

const struct zone_shape *zone_shape(const struct zone *zone)
{
	return &zone->shape;
}

const struct zone_soa *zone_soa(const struct zone *zone)
{
	return zone->soa == NULL ? NULL : &zone->soa->soa;
}

size_t zone_instance_count(const struct zone *zone)
{
	return zone->instances;
}

size_t zone_lease_count(const struct zone *zone)
{
	return zone->leases;
}

/* ---- nodes ------------------------------------------------------------------------------- */

const struct node *zone_node(const struct zone *zone, const uint8_t *name)
{
	return names_get(zone, name);
}

const uint8_t *node_name(const struct node *node)
{
	return node->named.name;
}

bool node_has_records(const struct node *node)
{
	return node->sets > 0 || node->role == ROLE_APEX || !faces_are_empty(node->faces);
}

bool node_has_type(const struct zone *zone, const struct node *node, uint16_t type)
{
	struct set set;

	return node_set(zone, node, type, &set);
}

size_t node_record_count(const struct node *node)
{
	size_t count = 0;

	for (uint16_t i = 0; i < node->sets; i++) {
		count += node->set[i]->count;
	}
	return count;
}

size_t node_content(const struct node *node, struct content *content, struct record *records,
		    size_t room)
{
	size_t count = 0;

	for (uint16_t i = 0; i < node->sets; i++) {
		const struct rrset *set = node->set[i];
		for (uint32_t k = 0; k < set->count && count < room; k++) {
			struct record *record = &records[count++];
			record->type = set->type;
			record->ttl = set->ttl;
			record->rdata = rrset_member(set, k, &record->size, &record->flags);
		}
	}
	*content = (struct content){
		.name = node->named.name,
		.records = records,
		.count = count,
	};
	const struct registration *registration = node->registration;
	if (registration != NULL) {
		content->owner.kind = registration->owner_kind;
		content->owner.id_size = registration->owner_size;
		content->owner.id = registration->data;
		content->flags = registration->flags;
		content->lease_s = registration->lease_s;
		content->key_lease_s = registration->key_lease_s;
		content->version = registration->version;
		content->changed_s = registration->changed_s;
		content->subtypes = registration->data + registration->owner_size;
		content->subtypes_size = registration->subtypes_size;
	}
	return count;
}

struct lease *node_lease(const struct node *node)
{
	return node->registration == NULL || node->registration->lease == NULL
		       ? NULL
		       : &node->registration->lease->lease;
}

bool node_is_published(const struct zone *zone, const struct node *node)
{
	return zone->is_registry && node_is_in_pool(node);
}

/* ---- sets -------------------------------------------------------------------------------- */

enum set_kind { SET_EXPLICIT, SET_SOA, SET_PTR, SET_SRV, SET_ADDRESS };

static uint32_t level_size(const struct tree *tree, int level)
{
	const uint8_t next[2] = {(uint8_t)((level + 1) >> 8), (uint8_t)(level + 1)};

	if (level < 0) {
		return 0;
	}
	return level == 0xffff ? tree_size(tree) : tree_rank(tree, next, 2);
}

/* Largest weight at a priority of an address view. */
static uint16_t heaviest_of(const struct faces *faces, int level)
{
	const uint32_t below = level_size(faces->weights, level);

	if (below == 0 || below == level_size(faces->weights, level - 1)) {
		return 0;
	}
	const uint8_t *key = tree_key(tree_at(faces->weights, below - 1));
	return (uint16_t)(key[2] << 8 | key[3]);
}

static const struct tree *face_of(const struct faces *faces, uint16_t type)
{
	switch (type) {
	case DNS_TYPE_PTR:
		return faces->ptr;
	case DNS_TYPE_SRV:
		return faces->srv;
	case DNS_TYPE_A:
		return faces->a;
	case DNS_TYPE_AAAA:
		return faces->aaaa;
	default:
		return NULL;
	}
}

static bool face_set(const struct zone *zone, const struct node *node, uint16_t type,
		     struct set *set)
{
	const struct tree *tree = node->faces == NULL ? NULL : face_of(node->faces, type);

	if (tree == NULL) {
		return false;
	}
	*set = (struct set){.type = type,
			    .ttl = zone->shape.ttl_derived_s,
			    .count = tree_size(tree),
			    .zone = zone,
			    .source = tree};
	set->lowest = set->count;
	if (type == DNS_TYPE_PTR) {
		set->kind = SET_PTR;
	} else if (type == DNS_TYPE_SRV) {
		const uint8_t *key = tree_key(tree_at(tree, 0));
		set->kind = SET_SRV;
		set->lowest = level_size(tree, key[0] << 8 | key[1]);
	} else {
		/* The view shows one priority, over both families. */
		const int level = pool_level(node->faces);
		set->kind = SET_ADDRESS;
		set->count = level_size(tree, level);
		set->lowest = set->count;
		set->heaviest = node->faces->weights == NULL ? 0 : heaviest_of(node->faces, level);
	}
	const struct rrset *explicit = node_rrset(node, type);
	set->said = explicit == NULL ? 0 : explicit->count;
	return set->count > 0;
}

bool node_set(const struct zone *zone, const struct node *node, uint16_t type, struct set *set)
{
	if (face_set(zone, node, type, set)) {
		return true;
	}
	if (type == DNS_TYPE_SOA && node->role == ROLE_APEX && zone->soa != NULL) {
		*set = (struct set){.type = type,
				    .ttl = zone->soa->soa.ttl,
				    .count = 1,
				    .zone = zone,
				    .kind = SET_SOA};
		return true;
	}
	const struct rrset *explicit = node_rrset(node, type);
	if (explicit == NULL) {
		return false;
	}
	*set = (struct set){.type = type,
			    .ttl = explicit->ttl,
			    .count = explicit->count,
			    .zone = zone,
			    .source = explicit,
			    .kind = SET_EXPLICIT};
	return true;
}

bool node_next_set(const struct zone *zone, const struct node *node, uint32_t *at, struct set *set)
{
	static const uint16_t first[] = {DNS_TYPE_SOA, DNS_TYPE_PTR, DNS_TYPE_SRV, DNS_TYPE_A,
					 DNS_TYPE_AAAA};
	const uint32_t firsts = sizeof(first) / sizeof(first[0]);

	while (*at < firsts) {
		const uint16_t type = first[(*at)++];
		if (node_set(zone, node, type, set) && set->kind != SET_EXPLICIT) {
			return true;
		}
	}
	while (*at - firsts < node->sets) {
		const struct rrset *explicit = node->set[(*at)++ - firsts];
		struct set shown;
		if (node_set(zone, node, explicit->type, &shown) && shown.kind == SET_EXPLICIT) {
			*set = shown;
			return true;
		}
	}
	return false;
}

static const uint8_t *soa_member(const struct zone *zone, uint8_t scratch[SET_SCRATCH],
				 uint16_t *size)
{
	const struct zone_soa *soa = &zone->soa->soa;
	struct buf_writer out = buf_writer(scratch, SET_SCRATCH);

	buf_write(&out, soa->mname, dns_name_size(soa->mname));
	buf_write(&out, soa->rname, dns_name_size(soa->rname));
	buf_write_u32(&out, zone->serial);
	buf_write_u32(&out, soa->refresh);
	buf_write_u32(&out, soa->retry);
	buf_write_u32(&out, soa->expire);
	buf_write_u32(&out, soa->minimum);
	*size = (uint16_t)buf_written(&out);
	return scratch;
}

const uint8_t *set_member(const struct set *set, uint32_t index, uint8_t scratch[SET_SCRATCH],
			  uint16_t *size)
{
	switch ((enum set_kind)set->kind) {
	case SET_SOA:
		return soa_member(set->zone, scratch, size);
	case SET_PTR:
	case SET_SRV:
	case SET_ADDRESS:
		return set_rdata(set, tree_at(set->source, index), scratch, size);
	case SET_EXPLICIT:
		break;
	}
	return rrset_member(set->source, index, size, NULL);
}

const uint8_t *set_rdata(const struct set *set, const void *member, uint8_t scratch[SET_SCRATCH],
			 uint16_t *size)
{
	const struct tree *entry = member;

	(void)scratch;
	if (set->kind == SET_ADDRESS) {
		*size = (uint16_t)(entry->key_size - 10);
		return tree_key(entry) + 10;
	}
	*size = entry->value_size;
	return tree_value(entry);
}

bool set_is_walked(const struct set *set)
{
	return set->kind != SET_EXPLICIT && set->kind != SET_SOA;
}

void set_walk_start(struct set_walk *walk, const struct set *set, uint32_t index)
{
	assert(set_is_walked(set));
	tree_walk_start(&walk->inside, set->source, index);
}

const void *set_walk_next(struct set_walk *walk)
{
	return tree_walk_next(&walk->inside);
}

uint64_t set_place(const void *member)
{
	struct buf_reader reader = buf_reader(tree_key(member) + 2, 8);

	return buf_read_u64(&reader);
}

uint16_t set_weight(const void *member)
{
	return pool_weight(member);
}

bool set_is_derived(const struct set *set)
{
	if (set->kind == SET_EXPLICIT || set->kind == SET_SOA) {
		return false;
	}
	if (set->said < set->count) {
		return true;
	}
	/* All are explicit: those that instances share as well are counted more than once. */
	for (uint32_t i = 0; i < set->count; i++) {
		if (tree_at(set->source, i)->count > 1) {
			return true;
		}
	}
	return false;
}

bool set_has(const struct set *set, const uint8_t *rdata, uint16_t size)
{
	uint8_t scratch[SET_SCRATCH];
	uint8_t key[2 * DNS_NAME_MAX];
	uint16_t other_size;

	if (set->kind == SET_PTR) {
		const size_t key_size = dns_name_order_key(key, rdata);
		return tree_get(set->source, key, (uint16_t)key_size) != NULL;
	}
	for (uint32_t i = 0; i < set->count; i++) {
		const uint8_t *other = set_member(set, i, scratch, &other_size);
		if (dns_rdata_equal(set->type, rdata, size, other, other_size)) {
			return true;
		}
	}
	return false;
}

static int level_at(const struct set *set, uint32_t index)
{
	const uint8_t *key = tree_key(tree_at(set->source, index));

	return key[0] << 8 | key[1];
}

struct set_level set_level(const struct set *set, uint32_t index)
{
	if (index < set->lowest) {
		return (struct set_level){.first = 0, .count = set->lowest};
	}
	const int level = level_at(set, index);
	const uint32_t first = level_size(set->source, level - 1);
	return (struct set_level){.first = first, .count = level_size(set->source, level) - first};
}

uint32_t set_ring_start(const struct set *set, const struct set_level *level, uint64_t point)
{
	uint8_t key[10];

	memcpy(key, tree_key(tree_at(set->source, level->first)), 2);
	struct buf_writer out = buf_writer(key + 2, 8);
	buf_write_u64(&out, point);
	const uint32_t rank = tree_rank(set->source, key, sizeof(key));
	return rank >= level->first + level->count ? level->first : rank;
}

/* ---- types ------------------------------------------------------------------------------- */

bool zone_types(const struct zone *zone, struct set *set)
{
	static const uint8_t services[] = "\x09_services\x07_dns-sd\x04_udp";
	uint8_t name[DNS_NAME_MAX];

	if (!zone->is_registry || dns_name_join(name, services, zone->apex) < 0) {
		return false;
	}
	const struct node *node = names_get(zone, name);
	return node != NULL && node_set(zone, node, DNS_TYPE_PTR, set);
}

uint32_t zone_type_size(const struct zone *zone, const uint8_t *type)
{
	const struct node *node = names_get(zone, type);
	struct set ptrs = {0};
	struct set srvs = {0};

	if (node == NULL) {
		return 0;
	}
	(void)node_set(zone, node, DNS_TYPE_PTR, &ptrs);
	(void)node_set(zone, node, DNS_TYPE_SRV, &srvs);
	return ptrs.count > srvs.count ? ptrs.count : srvs.count;
}

/* ---- finding ----------------------------------------------------------------------------- */

/* The highest node on the way from the apex to the name that cuts: NS below the apex, or DNAME. */
static const struct node *find_cut(const struct zone *zone, const uint8_t *name)
{
	const size_t labels = dns_name_labels(name);

	for (size_t below = 0; below + zone->apex_labels <= labels; below++) {
		const size_t left = labels - zone->apex_labels - below;
		const struct node *node = names_get(zone, dns_name_strip(name, left));
		if (node == NULL) {
			return NULL;
		}
		const bool has_ns = below > 0 && node_rrset(node, DNS_TYPE_NS) != NULL;
		const bool has_dname = left > 0 && node_rrset(node, DNS_TYPE_DNAME) != NULL;
		if (has_ns || has_dname) {
			return node;
		}
	}
	return NULL;
}

static const struct node *find_wildcard(const struct zone *zone, const struct node *encloser)
{
	uint8_t name[DNS_NAME_MAX + 2] = {1, '*'};

	if (encloser->named.name_size > DNS_NAME_MAX - 2) {
		return NULL;
	}
	memcpy(name + 2, encloser->named.name, encloser->named.name_size);
	return names_get(zone, name);
}

static void find_one(const struct root *root, struct zone_find *find)
{
	find->node = NULL;
	find->encloser = NULL;
	find->cut = NULL;
	find->wildcard = NULL;
	find->zone = root_zone_for(root, find->name);
	if (find->zone == NULL) {
		return;
	}
	const struct zone *zone = find->zone;
	find->node = names_get(zone, find->name);
	if (zone->cuts > 0) {
		find->cut = find_cut(zone, find->name);
	}
	if (find->node != NULL) {
		find->encloser = find->node;
		return;
	}
	for (const uint8_t *name = find->name; name[0] != 0;) {
		name = dns_name_parent(name);
		find->encloser = names_get(zone, name);
		if (find->encloser != NULL || dns_name_size(name) <= zone->named.name_size) {
			break;
		}
	}
	if (find->encloser != NULL) {
		find->wildcard = find_wildcard(zone, find->encloser);
	}
}

void zone_find(const struct root *root, struct zone_find *finds, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		find_one(root, &finds[i]);
	}
}

/* ---- walking ----------------------------------------------------------------------------- */

struct walking {
	const struct zone *zone;
	zone_walk_fn node_fn;
	zone_rr_fn rr_fn;
	lease_fn lease_fn;
	void *context;
};

static int walk_node(void *context, void *value)
{
	const struct walking *walking = context;

	return walking->node_fn(walking->context, walking->zone, value);
}

int zone_walk(const struct zone *zone, zone_walk_fn fn, void *context)
{
	struct walking walking = {.zone = zone, .node_fn = fn, .context = context};
	const int ret = pmap_walk(&zone->names, walk_node, &walking);

	return ret != 0 ? ret : pmap_walk(&zone->pending, walk_node, &walking);
}

const struct node *zone_next_node(const struct zone *zone, size_t *at)
{
	return pmap_next(&zone->names, at);
}

static int walk_rrs(void *context, void *value)
{
	const struct walking *walking = context;
	const struct node *node = value;
	uint8_t scratch[SET_SCRATCH];
	uint32_t at = 0;
	struct set set;

	while (node_next_set(walking->zone, node, &at, &set)) {
		for (uint32_t i = 0; i < set.count; i++) {
			struct delta_rr rr = {
				.name = node->named.name, .type = set.type, .ttl = set.ttl};
			rr.rdata = set_member(&set, i, scratch, &rr.size);
			const int ret = walking->rr_fn(walking->context, &rr);
			if (ret != 0) {
				return ret;
			}
		}
	}
	return 0;
}

int zone_walk_rrs(const struct zone *zone, zone_rr_fn fn, void *context)
{
	struct walking walking = {.zone = zone, .rr_fn = fn, .context = context};

	return pmap_walk(&zone->names, walk_rrs, &walking);
}

static int walk_lease(void *context, void *value)
{
	const struct walking *walking = context;
	struct lease *lease = node_lease(value);

	if (lease != NULL) {
		walking->lease_fn(walking->context, lease, true);
	}
	return 0;
}

static int walk_zone_leases(void *context, void *value)
{
	const struct zone *zone = value;
	const int ret = pmap_walk(&zone->names, walk_lease, context);

	return ret != 0 ? ret : pmap_walk(&zone->pending, walk_lease, context);
}

void root_walk_leases(const struct root *root, lease_fn fn, void *context)
{
	struct walking walking = {.lease_fn = fn, .context = context};

	pmap_walk(&root->zones, walk_zone_leases, &walking);
}
