/*
 * Reading a root: sets as queries see them, and contents as they were put.
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
	return named_name(&node->named);
}

bool node_has_records(const struct node *node)
{
	return node->named.sets > 0 || node->named.role == ROLE_APEX ||
	       !faces_are_empty(node_faces(node));
}

bool node_has_type(const struct zone *zone, const struct node *node, uint16_t type)
{
	struct set set;

	return node_set(zone, node, type, &set);
}

size_t node_record_count(const struct node *node)
{
	size_t count = 0;

	const struct rrset *set = node_sets(node);

	for (uint16_t left = node->named.sets; left > 0; left--) {
		count += set->count;
		set = rrset_next(set);
	}
	return count;
}

bool node_is_of_base(const struct node *node)
{
	const struct rrset *set = node_sets(node);
	bool is_base = true;

	for (uint16_t left = node->named.sets; left > 0; left--, set = rrset_next(set)) {
		for (uint32_t i = 0; i < set->count && is_base; i++) {
			uint16_t size;
			uint8_t flags;
			(void)rrset_member(set, i, &size, &flags);
			is_base = (flags & RECORD_BASE) != 0;
		}
	}
	return is_base;
}

/* Of a registration's mark. */
static uint64_t signed_s(const struct node *node, const struct registration *registration)
{
	return ((uint64_t)node->changed_high << 32 | registration->changed_low) - node->signed_back;
}

void node_holding(const struct node *node, struct holding *holding)
{
	const struct registration *registration = node_registration(node);

	*holding = (struct holding){.role = (enum name_role)node->named.role,
				    .owner = node_owner(node)};
	if (registration != NULL) {
		holding->flags = registration->flags;
		holding->lease_s = registration->lease_s;
		holding->key_lease_s = registration->key_lease_s;
		holding->signed_s = signed_s(node, registration);
	}
	const struct rrset *set = node_sets(node);
	for (uint16_t left = node->named.sets; left > 0; left--) {
		holding->count += set->count;
		holding->ttl_max = set->ttl > holding->ttl_max ? set->ttl : holding->ttl_max;
		set = left > 1 ? rrset_next(set) : NULL;
	}
}

/* The flags of this value in the set; -1: it is not there. */
static int flags_of(const struct rrset *set, const uint8_t *rdata, uint16_t size)
{
	for (uint32_t i = 0; i < set->count; i++) {
		uint16_t other_size;
		uint8_t flags;
		const uint8_t *other = rrset_member(set, i, &other_size, &flags);
		if (dns_rdata_equal(set->type, other, other_size, rdata, size)) {
			return flags;
		}
	}
	return -1;
}

bool node_has_record(const struct node *node, const struct record *record)
{
	const struct rrset *set = node_rrset(node, record->type);

	return set != NULL && set->ttl == record->ttl &&
	       flags_of(set, record->rdata, record->size) == record->flags;
}

bool node_has_value(const struct node *node, uint16_t type, const uint8_t *rdata, uint16_t size)
{
	const struct rrset *set = node_rrset(node, type);

	return set != NULL && flags_of(set, rdata, size) >= 0;
}

size_t node_content(const struct node *node, struct content *content, struct record *records,
		    size_t room)
{
	size_t count = 0;

	const struct rrset *set = node_sets(node);

	for (uint16_t left = node->named.sets; left > 0; left--, set = rrset_next(set)) {
		for (uint32_t k = 0; k < set->count && count < room; k++) {
			struct record *record = &records[count++];
			record->type = set->type;
			record->ttl = set->ttl;
			record->rdata = rrset_member(set, k, &record->size, &record->flags);
		}
	}
	*content = (struct content){
		.name = named_name(&node->named),
		.hash = node->named.hash,
		.records = records,
		.count = count,
	};
	const struct registration *registration = node_registration(node);
	if (registration != NULL) {
		content->owner = node_owner(node);
		content->flags = registration->flags;
		content->lease_s = registration->lease_s;
		content->key_lease_s = registration->key_lease_s;
		content->version = registration->version;
		content->changed_s = (uint64_t)node->changed_high << 32 | registration->changed_low;
		content->signed_s = signed_s(node, registration);
		content->subtypes = node_subtypes(node, &content->subtypes_size);
	}
	return count;
}

struct lease *node_lease(const struct node *node)
{
	const struct registration *registration = node_registration(node);

	return registration == NULL ? NULL : registration->lease;
}

static const struct node *lease_in(const struct pmap *names, const struct lease *lease)
{
	const struct node *node = pmap_get_hash(names, lease->name_hash);

	return node != NULL && node_lease(node) == lease ? node : NULL;
}

const struct node *root_lease_node(const struct root *root, const struct lease *lease,
				   const struct zone **zone)
{
	const struct node *node = NULL;
	size_t at = 0;

	do {
		*zone = pmap_next(&root->zones, &at);
		if (*zone != NULL && zone_tag(*zone) == lease->zone_tag) {
			node = lease_in(&(*zone)->names, lease);
			node = node != NULL ? node : lease_in(&(*zone)->pending, lease);
		}
	} while (node == NULL && *zone != NULL);
	return node;
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

/* How many SRVs of a face have a priority up to this one. */
static uint32_t srvs_up_to(const struct roster *face, int priority)
{
	const struct member_key next = {.kind = FACE_SRV, .priority = (uint16_t)(priority + 1)};

	if (priority < 0) {
		return 0;
	}
	return priority == 0xffff ? roster_size(face) : members_rank(face, &next);
}

static int priority_at(const struct roster *face, uint32_t index)
{
	uint16_t size;

	return srv_priority(member_value(FACE_SRV, roster_at(face, index), &size));
}

static void ptr_face(const struct faces *faces, struct set *set)
{
	set->kind = SET_PTR;
	set->source = faces->ptr;
	set->count = roster_size(faces->ptr);
	set->lowest = set->count;
}

static void srv_face(const struct faces *faces, struct set *set)
{
	set->kind = SET_SRV;
	set->source = faces->srv;
	set->count = roster_size(faces->srv);
	set->lowest = set->count == 0 ? 0 : srvs_up_to(faces->srv, priority_at(faces->srv, 0));
}

/* The view shows one priority, over both families. */
static void address_face(const struct faces *faces, const struct roster *face, struct set *set)
{
	if (face == NULL) {
		return;
	}
	const int level = pool_level(faces);
	set->kind = SET_ADDRESS;
	set->source = face;
	set->count =
		level == 0xffff ? roster_size(face) : pool_rank(face, (uint16_t)(level + 1), 0);
	set->lowest = set->count;
	set->heaviest = faces->weights == NULL ? 0 : heaviest_of(faces, level);
}

/* Not in line: most nodes have no faces, and would save registers for nothing. */
__attribute__((noinline)) static bool face_set(const struct zone *zone, const struct node *node,
					       const struct faces *faces, uint16_t type,
					       struct set *set)
{
	*set = (struct set){.type = type, .ttl = zone->shape.ttl_derived_s, .zone = zone};
	switch (type) {
	case DNS_TYPE_PTR:
		ptr_face(faces, set);
		break;
	case DNS_TYPE_SRV:
		srv_face(faces, set);
		break;
	case DNS_TYPE_A:
		address_face(faces, faces->a, set);
		break;
	case DNS_TYPE_AAAA:
		address_face(faces, faces->aaaa, set);
		break;
	default:
		break;
	}
	if (set->count == 0) {
		return false;
	}
	const struct rrset *explicit = node_rrset(node, type);
	set->said = explicit == NULL ? 0 : explicit->count;
	return true;
}

static struct set explicit_set(const struct zone *zone, const struct rrset *explicit)
{
	return (struct set){.type = explicit->type,
			    .ttl = explicit->ttl,
			    .count = explicit->count,
			    .zone = zone,
			    .source = explicit,
			    .kind = SET_EXPLICIT};
}

static bool is_in(const uint16_t *types, uint32_t count, uint16_t type)
{
	for (uint32_t i = 0; i < count; i++) {
		if (types[i] == type) {
			return true;
		}
	}
	return false;
}

bool node_set(const struct zone *zone, const struct node *node, uint16_t type, struct set *set)
{
	const struct faces *faces = node_faces(node);

	if (faces != NULL && face_set(zone, node, faces, type, set)) {
		return true;
	}
	if (type == DNS_TYPE_SOA && node->named.role == ROLE_APEX && zone->soa != NULL) {
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
	*set = explicit_set(zone, explicit);
	return true;
}

bool node_next_set(const struct zone *zone, const struct node *node, uint64_t *at, struct set *set)
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
	/* From now on below how many steps there were, above the octets of the sets behind us. */
	const char *sets = (const char *)node_sets(node);
	while ((uint32_t)*at - firsts < node->named.sets) {
		const struct rrset *explicit = (const struct rrset *)(sets + (*at >> 32));
		const size_t behind = (size_t)((const char *)rrset_next(explicit) - sets);
		*at = (uint64_t)behind << 32 | ((uint32_t)*at + 1);
		if (!is_in(first, firsts, explicit->type)) {
			*set = explicit_set(zone, explicit);
			return true;
		}
		if (node_set(zone, node, explicit->type, set) && set->kind == SET_EXPLICIT) {
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
		return set_rdata(set, roster_at(set->source, index), scratch, size);
	case SET_EXPLICIT:
		break;
	}
	return rrset_member(set->source, index, size, NULL);
}

const uint8_t *set_rdata(const struct set *set, const void *member, uint8_t scratch[SET_SCRATCH],
			 uint16_t *size)
{
	(void)scratch;
	if (set->kind == SET_ADDRESS) {
		const struct pool_entry *entry = member;
		*size = entry->size;
		return entry->address;
	}
	return member_value(set->kind == SET_PTR ? FACE_PTR : FACE_SRV, member, size);
}

bool set_is_walked(const struct set *set)
{
	return set->kind != SET_EXPLICIT && set->kind != SET_SOA;
}

void set_walk_start(struct set_walk *walk, const struct set *set, uint32_t index)
{
	assert(set_is_walked(set));
	roster_walk_start(&walk->roster, set->source, index);
}

const void *set_walk_next(struct set_walk *walk)
{
	return roster_walk_next(&walk->roster);
}

uint64_t set_place(const struct set *set, const void *member)
{
	if (set->kind == SET_SRV) {
		uint16_t size;
		const uint8_t *rdata = member_value(FACE_SRV, member, &size);
		return srv_ring(set->zone, rdata, size);
	}
	return ((const struct pool_entry *)member)->ring;
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
		const void *member = roster_at(set->source, i);
		const uint32_t count = set->kind == SET_ADDRESS
					       ? ((const struct pool_entry *)member)->count
					       : member_count(member);
		if (count > 1) {
			return true;
		}
	}
	return false;
}

bool set_has(const struct set *set, const uint8_t *rdata, uint16_t size)
{
	uint8_t scratch[SET_SCRATCH];
	uint16_t other_size;

	if (set->kind == SET_PTR) {
		const struct member_key key = ptr_key(rdata);
		return members_get(set->source, &key) != NULL;
	}
	for (uint32_t i = 0; i < set->count; i++) {
		const uint8_t *other = set_member(set, i, scratch, &other_size);
		if (dns_rdata_equal(set->type, rdata, size, other, other_size)) {
			return true;
		}
	}
	return false;
}

struct set_level set_level(const struct set *set, uint32_t index)
{
	/* An address view shows one priority. */
	if (index < set->lowest || set->kind != SET_SRV) {
		return (struct set_level){.first = 0, .count = set->lowest};
	}
	const int priority = priority_at(set->source, index);
	const uint32_t first = srvs_up_to(set->source, priority - 1);
	return (struct set_level){.first = first,
				  .count = srvs_up_to(set->source, priority) - first};
}

/* The rank of the first member of this priority whose place is not below `point`. */
static uint32_t rank_of(const struct set *set, uint32_t first, uint64_t point)
{
	if (set->kind == SET_SRV) {
		const struct member_key place = {.kind = FACE_SRV,
						 .priority =
							 (uint16_t)priority_at(set->source, first),
						 .ring = point};
		return members_rank(set->source, &place);
	}
	const struct pool_entry *entry = roster_at(set->source, first);
	return pool_rank(set->source, entry->priority, point);
}

uint32_t set_ring_start(const struct set *set, const struct set_level *level, uint64_t point)
{
	const uint32_t rank = rank_of(set, level->first, point);

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
	const struct faces *faces = node == NULL ? NULL : node_faces(node);
	const uint32_t ptrs = faces == NULL ? 0 : roster_size(faces->ptr);
	const uint32_t srvs = faces == NULL ? 0 : roster_size(faces->srv);

	/* What was put there itself is in the faces, too. */
	return ptrs > srvs ? ptrs : srvs;
}

/* ---- walking ----------------------------------------------------------------------------- */

struct walking {
	const struct zone *zone;
	zone_walk_fn node_fn;
	zone_rr_fn rr_fn;
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

/* The instances in the pool of a type, by its PTR face. */
static int walk_type(const struct walking *walking, const struct node *node)
{
	const struct faces *faces = node_faces(node);
	struct roster_walk walk;
	const void *member;

	if (faces == NULL || node->named.role != ROLE_TYPE) {
		return 0;
	}
	roster_walk_start(&walk, faces->ptr, 0);
	while ((member = roster_walk_next(&walk)) != NULL) {
		uint16_t size;
		const uint8_t *name = member_value(FACE_PTR, member, &size);
		const struct node *instance =
			member_is_node(member) ? member : names_get(walking->zone, name);
		/* A PTR of the base may say anything. */
		if (instance == NULL || !node_is_in_pool(instance) ||
		    !dns_name_equal(dns_name_parent(name), named_name(&node->named))) {
			continue;
		}
		const int ret = walking->node_fn(walking->context, walking->zone, instance);
		if (ret != 0) {
			return ret;
		}
	}
	return 0;
}

static int walk_types(void *context, void *value)
{
	return walk_type(context, value);
}

static int walk_others(void *context, void *value)
{
	return node_is_in_pool(value) ? 0 : walk_node(context, value);
}

int zone_walk_in_order(const struct zone *zone, zone_walk_fn fn, void *context)
{
	struct walking walking = {.zone = zone, .node_fn = fn, .context = context};
	int ret = pmap_walk(&zone->names, walk_types, &walking);

	if (ret == 0) {
		ret = pmap_walk(&zone->names, walk_others, &walking);
	}
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
	uint64_t at = 0;
	struct set set;

	while (node_next_set(walking->zone, node, &at, &set)) {
		for (uint32_t i = 0; i < set.count; i++) {
			struct delta_rr rr = {
				.name = named_name(&node->named), .type = set.type, .ttl = set.ttl};
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
