/*
 * Nodes: a name with all that was put for it, in one allocation where it is not large, and the
 * empty non-terminals that lead to it. An ancestor counts the nodes one label below, so that
 * NXDOMAIN (RFC 8020) and NODATA can be told apart at once.
 *
 * The parts of a node stand in this order: struct node; a pointer to faces, in nodes of names that
 * may have derived sets; the registration; the place on the ring, in instances with an SRV; a
 * pointer to the block, if the sets have one; the name; the owner's id and the subtypes; at a multiple of 4 the sets, unless they are in the block. All
 * is found by offsets, so a copy of the octets is a copy of the node.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dns/rrtype.h"
#include "zone/inside.h"

enum { INLINE_MAX = 640 }; /* octets of sets in the node itself */

/* Sets too large for their node. */
struct block {
	struct object object;
	uint32_t size;
	uint32_t sets[]; /* struct rrset, one behind the other */
};

struct node *names_get(const struct zone *zone, const uint8_t *name)
{
	return names_get_at(zone, name, zone_name_hash(zone, name));
}

struct node *names_get_at(const struct zone *zone, const uint8_t *name, uint64_t hash)
{
	return pmap_get(&zone->names, hash, name, dns_name_size(name));
}

/* ---- RRsets ------------------------------------------------------------------------------ */

static size_t round_up(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

/* Offsets are there where a member could not be found without. */
static size_t rrset_size(size_t count, size_t octets)
{
	const size_t offsets = count > 1 ? count * sizeof(uint32_t) : 0;

	return round_up(sizeof(struct rrset) + offsets + octets);
}

static const uint8_t *members(const struct rrset *set)
{
	return (const uint8_t *)(set->at + (set->count > 1 ? set->count : 0));
}

/* Of all members. */
static inline size_t octets_of(const struct rrset *set)
{
	if (set->count > 1) {
		return set->at[0];
	}
	const uint8_t *member = members(set);
	return 3u + (size_t)(member[1] << 8 | member[2]);
}

const uint8_t *rrset_member(const struct rrset *set, uint32_t index, uint16_t *size, uint8_t *flags)
{
	const uint8_t *member = members(set) + (index > 0 ? set->at[index] : 0);

	*size = (uint16_t)(member[1] << 8 | member[2]);
	if (flags != NULL) {
		*flags = member[0];
	}
	return member + 3;
}

bool rrset_equal(const struct rrset *one, const struct rrset *other)
{
	if (one == NULL || other == NULL) {
		return one == other;
	}
	const size_t octets = octets_of(one);
	return one->type == other->type && one->ttl == other->ttl && one->count == other->count &&
	       octets == octets_of(other) && memcmp(members(one), members(other), octets) == 0;
}

const struct rrset *rrset_next(const struct rrset *set)
{
	return (const struct rrset *)((const char *)set + rrset_size(set->count, octets_of(set)));
}

/* Writes the set of `count` records of one type and TTL; where it ends. */
static char *rrset_write(char *to, const struct record *const *records, size_t count)
{
	struct rrset *set = (struct rrset *)to;
	size_t octets = 0;

	for (size_t i = 0; i < count; i++) {
		octets += 3u + records[i]->size;
	}
	*set = (struct rrset){
		.type = records[0]->type, .ttl = records[0]->ttl, .count = (uint16_t)count};
	struct buf_writer out = buf_writer((uint8_t *)members(set), octets);
	for (size_t i = 0; i < count; i++) {
		if (count > 1) {
			set->at[i] = (uint32_t)(i == 0 ? octets : buf_written(&out));
		}
		buf_write_u8(&out, records[i]->flags);
		buf_write_u16(&out, records[i]->size);
		buf_write(&out, records[i]->rdata, records[i]->size);
	}
	assert(!out.failed);
	return to + rrset_size(count, octets);
}

/* How many of the sorted records from `from` on make one set. */
static size_t run_of(const struct draft *draft, size_t from)
{
	size_t to = from + 1;

	while (to < draft->count && draft->records[to]->type == draft->records[from]->type) {
		to++;
	}
	return to - from;
}

static size_t sets_size(const struct draft *draft, uint16_t *sets)
{
	size_t size = 0;

	*sets = 0;
	for (size_t from = 0, some; from < draft->count; from += some) {
		size_t octets = 0;
		some = run_of(draft, from);
		for (size_t i = from; i < from + some; i++) {
			octets += 3u + draft->records[i]->size;
		}
		size += rrset_size(some, octets);
		++*sets;
	}
	return size;
}

static void sets_write(char *to, const struct draft *draft)
{
	for (size_t from = 0, some; from < draft->count; from += some) {
		some = run_of(draft, from);
		to = rrset_write(to, draft->records + from, some);
	}
}

/* ---- parts of a node --------------------------------------------------------------------- */

static size_t registration_at(uint8_t parts)
{
	return sizeof(struct node) + ((parts & NODE_FACES) != 0 ? sizeof(struct faces *) : 0);
}

static size_t ring_at(uint8_t parts)
{
	return registration_at(parts) +
	       ((parts & NODE_REGISTRATION) != 0 ? sizeof(struct registration) : 0);
}

static size_t block_at(uint8_t parts)
{
	return ring_at(parts) + ((parts & NODE_RING) != 0 ? sizeof(uint64_t) : 0);
}

static size_t name_place(uint8_t parts)
{
	return block_at(parts) + ((parts & NODE_BLOCK) != 0 ? sizeof(struct block *) : 0);
}

static struct block **block_of(const struct node *node)
{
	return (struct block **)((char *)node + block_at(node->parts));
}

const struct registration *node_registration(const struct node *node)
{
	if (node == NULL || (node->parts & NODE_REGISTRATION) == 0) {
		return NULL;
	}
	return (const struct registration *)((const char *)node + registration_at(node->parts));
}

static uint64_t *ring_of(const struct node *node)
{
	assert((node->parts & NODE_RING) != 0);
	return (uint64_t *)((char *)node + ring_at(node->parts));
}

uint64_t node_ring(const struct node *node)
{
	return *ring_of(node);
}

/* Where the owner's id begins, behind the name. */
static const uint8_t *tail_of(const struct node *node)
{
	return named_name(&node->named) + node->named.name_size;
}

struct owner node_owner(const struct node *node)
{
	const struct registration *registration = node_registration(node);

	if (registration == NULL) {
		return (struct owner){.kind = OWNER_NONE};
	}
	return (struct owner){.kind = (enum owner_kind)registration->owner_kind,
			      .id_size = registration->owner_size,
			      .id = tail_of(node)};
}

const uint8_t *node_subtypes(const struct node *node, uint16_t *size)
{
	const struct registration *registration = node_registration(node);

	*size = registration == NULL ? 0 : registration->subtypes_size;
	return registration == NULL ? NULL : tail_of(node) + registration->owner_size;
}

static size_t sets_at(const struct node *node)
{
	const struct registration *registration = node_registration(node);
	const size_t tail = registration == NULL ? 0
						 : (size_t)registration->owner_size +
							   registration->subtypes_size;

	return round_up((size_t)node->named.name_at + node->named.name_size + tail);
}

static inline const struct rrset *first_set(const struct node *node)
{
	if ((node->parts & NODE_BLOCK) != 0) {
		return (const struct rrset *)(*block_of(node))->sets;
	}
	return (const struct rrset *)((const char *)node + sets_at(node));
}

const struct rrset *node_sets(const struct node *node)
{
	return first_set(node);
}

const struct rrset *node_rrset(const struct node *node, uint16_t type)
{
	if (node == NULL || node->named.sets == 0) {
		return NULL;
	}
	const struct rrset *set = first_set(node);
	for (uint16_t left = node->named.sets; set->type < type && --left > 0;) {
		set = rrset_next(set);
	}
	return set->type == type ? set : NULL;
}

static size_t node_size(const struct node *node)
{
	size_t size = sets_at(node);

	if ((node->parts & NODE_BLOCK) != 0) {
		return size;
	}
	const struct rrset *set = node_sets(node);
	for (uint16_t i = 0; i < node->named.sets; i++) {
		size += rrset_size(set->count, octets_of(set));
		set = rrset_next(set);
	}
	return size;
}

bool faces_are_empty(const struct faces *faces)
{
	return faces == NULL || (faces->ptr == NULL && faces->srv == NULL && faces->a == NULL &&
				 faces->aaaa == NULL);
}

/* ---- making nodes ------------------------------------------------------------------------ */

static bool may_have_faces(const struct zone *zone, enum name_role role)
{
	return zone->is_registry && (role == ROLE_TYPE || role == ROLE_SUBTYPE ||
				     role == ROLE_SERVICES || role == ROLE_POOL);
}

static void registration_write(struct node *node, const struct draft *draft)
{
	const struct content *content = draft->content;
	struct registration *registration = (struct registration *)node_registration(node);

	*registration = (struct registration){
		.version = content->version,
		.lease = draft->lease,
		.changed_low = (uint32_t)content->changed_s,
		.lease_s = content->lease_s,
		.key_lease_s = content->key_lease_s,
		.subtypes_size = content->subtypes_size,
		.owner_size = content->owner.id_size,
		.owner_kind = content->owner.kind & 0xfu,
		.flags = content->flags & 0xfu,
	};
	node->changed_high = (uint8_t)(content->changed_s >> 32);
	/* A fudge has 16 bits, so no mark that matters lies further back (RFC 8945 4.2). */
	const uint64_t back =
		content->changed_s > content->signed_s ? content->changed_s - content->signed_s : 0;
	node->signed_back = (uint16_t)(back < UINT16_MAX ? back : UINT16_MAX);
	uint8_t *tail = (uint8_t *)tail_of(node);
	if (content->owner.id_size > 0) {
		memcpy(tail, content->owner.id, content->owner.id_size);
	}
	if (content->subtypes_size > 0) {
		memcpy(tail + content->owner.id_size, content->subtypes, content->subtypes_size);
	}
}

static struct block *block_new(struct txn *txn, const struct draft *draft, size_t size)
{
	struct block *block = txn_new(txn, sizeof(*block) + size);

	if (block != NULL) {
		block->size = (uint32_t)size;
		sets_write((char *)block->sets, draft);
	}
	return block;
}

/* The first SRV of an instance; NULL: none, or no instance. */
static const struct record *ring_record(const struct zone *zone, enum name_role role,
					const struct draft *draft)
{
	for (size_t i = 0; zone->is_registry && role == ROLE_INSTANCE && i < draft->count; i++) {
		if (draft->records[i]->type == DNS_TYPE_SRV) {
			return draft->records[i];
		}
	}
	return NULL;
}

struct node *node_make(struct txn *txn, const struct zone *zone, const uint8_t *name, uint64_t hash,
		       const struct draft *draft)
{
	const enum name_role role = zone_role(zone, name);
	const size_t name_size = dns_name_size(name);
	uint16_t sets;
	const size_t octets = sets_size(draft, &sets);
	const struct record *srv = ring_record(zone, role, draft);
	const uint8_t parts =
		(uint8_t)((may_have_faces(zone, role) ? NODE_FACES : 0) |
			  (draft->has_registration ? NODE_REGISTRATION : 0) |
			  (srv != NULL ? NODE_RING : 0) | (octets > INLINE_MAX ? NODE_BLOCK : 0));
	const struct content *content = draft->content;
	const size_t tail = draft->has_registration
				    ? (size_t)content->owner.id_size + content->subtypes_size
				    : 0;
	const size_t fixed = round_up(name_place(parts) + name_size + tail);
	struct block *block = NULL;

	if ((parts & NODE_BLOCK) != 0) {
		block = block_new(txn, draft, octets);
		if (block == NULL) {
			return NULL;
		}
	}
	struct node *node = txn_new(txn, fixed + (block == NULL ? octets : 0));
	if (node == NULL) {
		return NULL;
	}
	node->parts = parts;
	node->named.sets = sets;
	node->named.role = (uint8_t)role;
	node->named.name_at = (uint16_t)name_place(parts);
	node->named.name_size = (uint8_t)name_size;
	node->named.hash = hash;
	memcpy((uint8_t *)node + node->named.name_at, name, name_size);
	if (draft->has_registration) {
		registration_write(node, draft);
	}
	if (srv != NULL) {
		*ring_of(node) = srv_ring(zone, srv->rdata, srv->size);
	}
	if (block != NULL) {
		*block_of(node) = block;
	} else {
		sets_write((char *)node + fixed, draft);
	}
	return node;
}

/* The ancestor of a new node, made where it is missing, has one child more. */
static void adopt(struct root_writer *writer, struct zone_work *work, const struct node *node)
{
	struct node *parent = node_own(writer, work, dns_name_parent(named_name(&node->named)));

	if (parent != NULL) {
		parent->children++;
	}
}

struct node *node_put(struct root_writer *writer, struct zone_work *work, const uint8_t *name,
		      uint64_t hash, const struct draft *draft)
{
	struct txn *txn = &writer->txn;
	struct node *old = names_get_at(work->zone, name, hash);
	struct node *node = node_make(txn, work->zone, old == NULL ? name : named_name(&old->named),
				      hash, draft);

	if (node == NULL) {
		return NULL;
	}
	if (old != NULL) {
		node->children = old->children;
		if ((node->parts & NODE_FACES) != 0) {
			*node_faces_slot(node) = node_faces(old);
		}
	}
	pmap_put(txn, &work->zone->names, &node->named);
	if (old != NULL) {
		node_drop(txn, old);
	} else if (node->named.role != ROLE_APEX) {
		adopt(writer, work, node);
	}
	return txn->failed ? NULL : node;
}

/* One of those that node_own() gave before, if it was not replaced or dropped since. */
static struct node *owned_find(const struct zone_work *work, const uint8_t *name)
{
	const size_t size = dns_name_size(name);

	for (unsigned i = 0; i < NODES_OWNED; i++) {
		struct node *node = work->owned[i];
		if (node != NULL && node->named.name_size == size &&
		    txn_made(&node->named.object) &&
		    dns_octets_equal(named_name(&node->named), name, size)) {
			return node;
		}
	}
	return NULL;
}

static struct node *own_at(struct root_writer *writer, struct zone_work *work, const uint8_t *name,
			   uint64_t hash)
{
	static const struct draft nothing;
	struct node *old = names_get_at(work->zone, name, hash);

	if (old == NULL) {
		return node_put(writer, work, name, hash, &nothing);
	}
	struct node *node = txn_own(&writer->txn, old, node_size(old));
	if (node != NULL && node != old) {
		pmap_put(&writer->txn, &work->zone->names, &node->named);
		derive_repoint(writer, work, old, node);
	}
	return node;
}

struct node *node_own(struct root_writer *writer, struct zone_work *work, const uint8_t *name)
{
	struct node *node = owned_find(work, name);

	if (node == NULL) {
		node = own_at(writer, work, name, zone_name_hash(work->zone, name));
		work->owned[work->owned_next++ % NODES_OWNED] = node;
	}
	return node;
}

static bool is_bare(const struct node *node)
{
	return node->named.sets == 0 && node->children == 0 && faces_are_empty(node_faces(node)) &&
	       node->named.role != ROLE_APEX;
}

void node_drop(struct txn *txn, struct node *node)
{
	if ((node->parts & NODE_BLOCK) != 0) {
		txn_drop(txn, *block_of(node));
	}
	txn_drop(txn, node);
}

void node_prune(struct root_writer *writer, struct zone_work *work, const uint8_t *name,
		uint64_t hash)
{
	struct txn *txn = &writer->txn;
	struct zone *zone = work->zone;

	for (;;) {
		struct node *node = names_get_at(zone, name, hash);
		if (txn->failed || node == NULL || !is_bare(node)) {
			return;
		}
		assert(node_registration(node) == NULL);
		pmap_remove(txn, &zone->names, node->named.hash, named_name(&node->named),
			    node->named.name_size);
		txn_drop(txn, node_faces(node));
		name = dns_name_parent(named_name(&node->named));
		node_drop(txn, node);
		struct node *parent = node_own(writer, work, name);
		if (parent == NULL) {
			return;
		}
		assert(parent->children > 0);
		parent->children--;
		name = named_name(&parent->named);
		hash = parent->named.hash;
	}
}

int node_free_faces(void *context, void *value)
{
	struct slabs *slabs = context;
	struct node *node = value;
	struct faces *faces = node_faces(node);

	if (faces != NULL) {
		members_free(slabs, faces->ptr);
		members_free(slabs, faces->srv);
		roster_free(slabs, faces->a, object_free);
		roster_free(slabs, faces->aaaa, object_free);
		tree_free(slabs, faces->weights);
		object_free(slabs, faces);
		*node_faces_slot(node) = NULL;
	}
	return 0;
}

void node_free(struct slabs *slabs, void *value)
{
	struct node *node = value;
	const struct registration *registration = node_registration(node);

	assert(node_faces(node) == NULL);
	if ((node->parts & NODE_BLOCK) != 0) {
		object_free(slabs, *block_of(node));
	}
	if (registration != NULL) {
		object_free(slabs, registration->lease);
	}
	object_free(slabs, node);
}
