/*
 * The records that a registry zone derives from what providers put (RFC 6763 4.1, 7.1, 9; RFC 2782;
 * design section 6).
 *
 * A name's content has *shares* in derived sets. An instance in the pool has
 *   - a PTR at its type, at each of its subtypes, and its type's PTR at _services._dns-sd._udp
 *   - an SRV at its type for each of its own
 *   - a use of each SRV's host, in the pool of its type: priority, weight and port
 * and every instance is counted at the hosts it points to, by owner, in the pool or not. Explicit
 * records at a type, subtype or _services name are shares as well, so that a set holds each RR
 * once, whoever it came from. Sets count their shares: an RR is there from the first to the last,
 * and only these two steps are in the delta. A host's addresses enter the address view of a type at
 * a priority with the first use there and leave with the last; the view shows its lowest priority.
 * An address weighs what the SRVs that lead to it weigh together, 65,535 at most.
 */
#include <assert.h>
#include <string.h>

#include "dns/rrtype.h"
#include "zone/inside.h"

enum share_kind { SHARE_PTR, SHARE_SRV, SHARE_POOL, SHARE_OWNER };

struct share {
	struct share *next;
	enum share_kind kind;
	const uint8_t *at; /* the node's name; the host's, for the last two kinds */
	uint64_t hash; /* of the host's name */
	struct tree_entry entry; /* uses */
	struct member_key key; /* members */
	const struct node *node; /* an instance that alone may be the member, or NULL */
	bool is_settled; /* nothing is left to be moved */
};

/* ---- what has which shares --------------------------------------------------------------- */

bool node_is_in_pool(const struct node *node)
{
	const struct registration *registration = node_registration(node);

	return node->named.role == ROLE_INSTANCE && registration != NULL &&
	       (registration->flags & (NAME_PTR | NAME_HELD)) == NAME_PTR &&
	       node_rrset(node, DNS_TYPE_SRV) != NULL;
}

static struct share *share_new(struct root_writer *writer, struct shares *shares,
			       enum share_kind kind, const uint8_t *at)
{
	struct share *share = arena_calloc(&writer->scratch, 1, sizeof(*share));

	if (share == NULL) {
		writer->txn.failed = true;
		return NULL;
	}
	share->next = shares->first;
	share->kind = kind;
	share->at = at;
	shares->first = share;
	shares->count++;
	return share;
}

/* A host that is pointed to. */
struct pointed {
	const uint8_t *name;
	uint64_t hash;
};

static void share_use(struct root_writer *writer, struct shares *shares, enum share_kind kind,
		      const struct pointed *host, const struct tree_entry *entry)
{
	if (entry->key == NULL) {
		writer->txn.failed = true;
		return;
	}
	struct share *share = share_new(writer, shares, kind, host->name);
	if (share != NULL) {
		share->hash = host->hash;
		share->entry = *entry;
	}
}

static void share_ptr(struct root_writer *writer, struct shares *shares, const uint8_t *at,
		      const uint8_t *target, const struct node *node)
{
	struct share *share = share_new(writer, shares, SHARE_PTR, at);

	if (share != NULL) {
		share->key = ptr_key(target);
		share->node = node;
	}
}

static void share_srv(struct root_writer *writer, struct shares *shares, const struct zone *zone,
		      const uint8_t *at, const uint8_t *rdata, uint16_t size,
		      const struct node *node)
{
	struct share *share = share_new(writer, shares, SHARE_SRV, at);

	if (share != NULL) {
		share->key = srv_key(zone, rdata, size);
		share->node = node;
	}
}

static void share_pool(struct root_writer *writer, struct shares *shares, const uint8_t *type,
		       const struct dns_srv *srv, const struct pointed *host)
{
	const uint16_t key_size = pool_key_size(type);
	uint8_t *key = arena_alloc(&writer->scratch, key_size);
	struct tree_entry entry = {.key = key, .key_size = key_size};

	if (key != NULL) {
		pool_key(key, type, srv);
	}
	share_use(writer, shares, SHARE_POOL, host, &entry);
}

uint16_t owner_key(uint8_t out[OWNER_KEY_MAX], uint8_t kind, const uint8_t *id, uint8_t size)
{
	out[0] = 'o';
	out[1] = kind;
	if (size > 0) {
		memcpy(out + 2, id, size);
	}
	return (uint16_t)(2u + size);
}

static void share_owner(struct root_writer *writer, struct shares *shares, const struct node *node,
			const struct pointed *host)
{
	const struct owner owner = node_owner(node);
	uint8_t *key = arena_alloc(&writer->scratch, OWNER_KEY_MAX);
	struct tree_entry entry = {.key = key};

	if (key != NULL) {
		entry.key_size = owner_key(key, (uint8_t)owner.kind, owner.id, owner.id_size);
	}
	share_use(writer, shares, SHARE_OWNER, host, &entry);
}

const uint8_t *derive_join(struct root_writer *writer, const uint8_t *prefix, const uint8_t *suffix)
{
	uint8_t *name = arena_alloc(&writer->scratch, DNS_NAME_MAX);

	if (name == NULL) {
		writer->txn.failed = true;
		return NULL;
	}
	return dns_name_join(name, prefix, suffix) < 0 ? NULL : name;
}

static const uint8_t services_prefix[] = "\x09_services\x07_dns-sd\x04_udp";

static void shares_of_subtypes(struct root_writer *writer, const struct node *node,
			       const uint8_t *type, struct shares *shares)
{
	uint16_t size;
	const uint8_t *label = node_subtypes(node, &size);
	const uint8_t *end = label + size;

	for (; label < end; label += label[0] + 1) {
		uint8_t prefix[DNS_LABEL_MAX + 7];
		memcpy(prefix, label, label[0] + 1u);
		memcpy(prefix + label[0] + 1, "\x04_sub", 6);
		const uint8_t *at = derive_join(writer, prefix, type);
		if (at != NULL) {
			share_ptr(writer, shares, at, named_name(&node->named), node);
		}
	}
}

static void shares_of_instance(struct root_writer *writer, const struct zone *zone,
			       const struct node *node, struct shares *shares)
{
	const struct rrset *set = node_rrset(node, DNS_TYPE_SRV);
	const uint8_t *type = zone_type_of(ROLE_INSTANCE, named_name(&node->named));
	const bool is_in_pool = node_is_in_pool(node);

	for (uint32_t i = 0; set != NULL && i < set->count; i++) {
		uint16_t size;
		const uint8_t *rdata = rrset_member(set, i, &size, NULL);
		const struct dns_srv srv = dns_srv_view(rdata);
		const bool is_here = dns_name_is_in(srv.target, zone->apex);
		struct pointed host = {.name = srv.target};
		if (is_here) {
			host.hash = zone_name_hash(zone, host.name);
			share_owner(writer, shares, node, &host);
		}
		if (is_in_pool) {
			share_srv(writer, shares, zone, type, rdata, size,
				  set->count == 1 ? node : NULL);
			if (is_here) {
				share_pool(writer, shares, type, &srv, &host);
			}
		}
	}
	if (!is_in_pool) {
		return;
	}
	share_ptr(writer, shares, type, named_name(&node->named), node);
	shares_of_subtypes(writer, node, type, shares);
	const uint8_t *services = derive_join(writer, services_prefix, zone->apex);
	if (services != NULL) {
		share_ptr(writer, shares, services, type, NULL);
	}
}

static void shares_of_explicit(struct root_writer *writer, const struct zone *zone,
			       const struct node *node, struct shares *shares)
{
	const struct rrset *ptr = node_rrset(node, DNS_TYPE_PTR);
	const struct rrset *srv =
		node->named.role == ROLE_TYPE ? node_rrset(node, DNS_TYPE_SRV) : NULL;
	uint16_t size;

	for (uint32_t i = 0; ptr != NULL && i < ptr->count; i++) {
		share_ptr(writer, shares, named_name(&node->named),
			  rrset_member(ptr, i, &size, NULL), NULL);
	}
	for (uint32_t i = 0; srv != NULL && i < srv->count; i++) {
		const uint8_t *rdata = rrset_member(srv, i, &size, NULL);
		share_srv(writer, shares, zone, named_name(&node->named), rdata, size, NULL);
	}
}

void shares_of(struct root_writer *writer, const struct zone *zone, const struct node *node,
	       struct shares *shares)
{
	*shares = (struct shares){0};
	if (node == NULL || !zone->is_registry) {
		return;
	}
	switch ((enum name_role)node->named.role) {
	case ROLE_INSTANCE:
		shares_of_instance(writer, zone, node, shares);
		break;
	case ROLE_TYPE:
	case ROLE_SUBTYPE:
	case ROLE_SERVICES:
		shares_of_explicit(writer, zone, node, shares);
		break;
	case ROLE_PLAIN:
	case ROLE_APEX:
	case ROLE_POOL:
		break;
	}
}

/* ---- sets at a node ---------------------------------------------------------------------- */

struct faces *faces_own(struct root_writer *writer, struct zone_work *work, const uint8_t *name)
{
	struct node *node = node_own(writer, work, name);

	if (node == NULL) {
		return NULL;
	}
	struct faces **slot = node_faces_slot(node);
	assert(slot != NULL);
	struct faces *faces = *slot == NULL ? txn_new(&writer->txn, sizeof(*faces))
					    : txn_own(&writer->txn, *slot, sizeof(*faces));
	if (faces != NULL) {
		*slot = faces;
	}
	return faces;
}

void faces_tidy(struct root_writer *writer, struct zone_work *work, const uint8_t *name)
{
	const struct node *there = names_get(work->zone, name);

	if (writer->txn.failed || there == NULL || node_faces(there) == NULL ||
	    !faces_are_empty(node_faces(there))) {
		return;
	}
	struct node *node = node_own(writer, work, name);
	if (node == NULL) {
		return;
	}
	txn_drop(&writer->txn, node_faces(node));
	*node_faces_slot(node) = NULL;
	node_prune(writer, work, name, node->named.hash);
}

void derive_say(struct root_writer *writer, struct zone_work *work, int sign, const uint8_t *name,
		uint16_t type, const uint8_t *rdata, uint16_t size)
{
	const struct delta_rr rr = {
		.name = name,
		.type = type,
		.ttl = work->zone->shape.ttl_derived_s,
		.rdata = rdata,
		.size = size,
	};

	changes_add(writer, work, sign, &rr);
}

/* ---- moving shares ----------------------------------------------------------------------- */

/* One more use of a host, or one less; is it the first, or was it the last? */
static bool count_use(struct root_writer *writer, struct zone_work *work, int sign,
		      const struct share *share)
{
	const uint32_t count =
		host_use(&writer->txn, work->zone, share->at, share->hash, &share->entry, sign);

	return count == (sign > 0 ? 1u : 0u);
}

/* The addresses of a host come into the view of a type, or go. */
static void move_pool(struct root_writer *writer, struct zone_work *work, int sign,
		      const struct share *share)
{
	const struct node *node = names_get_at(work->zone, share->at, share->hash);

	if (node != NULL) {
		pool_move(writer, work, sign, node, &share->entry);
	}
}

static void move_use(struct root_writer *writer, struct zone_work *work, int sign,
		     const struct share *share)
{
	if (count_use(writer, work, sign, share) && share->kind == SHARE_POOL) {
		move_pool(writer, work, sign, share);
	}
}

/* A use that differs in its port: mostly the view stays as it is. */
static void swap_use(struct root_writer *writer, struct zone_work *work, const struct share *old,
		     const struct share *new)
{
	const bool comes = count_use(writer, work, 1, new);
	const bool goes = !writer->txn.failed && count_use(writer, work, -1, old);

	if (!writer->txn.failed && comes != goes) {
		move_pool(writer, work, comes ? 1 : -1, comes ? new : old);
	}
}

static struct roster **face_of(struct faces *faces, const struct share *share)
{
	return share->kind == SHARE_PTR ? &faces->ptr : &faces->srv;
}

static void move_member(struct root_writer *writer, struct zone_work *work, int sign,
			const struct share *share)
{
	struct faces *faces = faces_own(writer, work, share->at);

	if (faces == NULL) {
		return;
	}
	struct roster **face = face_of(faces, share);
	const uint32_t count = sign > 0 ? members_add(&writer->txn, face, &share->key, share->node)
					: members_sub(&writer->txn, face, &share->key);
	if (count == (sign > 0 ? 1u : 0u)) {
		derive_say(writer, work, sign, share->at,
			   share->kind == SHARE_PTR ? DNS_TYPE_PTR : DNS_TYPE_SRV, share->key.value,
			   share->key.size);
	}
	if (sign < 0) {
		faces_tidy(writer, work, share->at);
	}
}

/* A share that stays, of an instance whose node is another now. */
static void repoint(struct root_writer *writer, struct zone_work *work, const struct share *old,
		    const struct share *new)
{
	if (old->node == NULL || old->node == new->node || writer->txn.failed) {
		return;
	}
	struct faces *faces = faces_own(writer, work, old->at);
	if (faces != NULL) {
		members_repoint(&writer->txn, face_of(faces, old), &new->key, old->node, new->node);
	}
}

void derive_repoint(struct root_writer *writer, struct zone_work *work, const struct node *from,
		    const struct node *to)
{
	struct shares old;
	struct shares new;

	if (!work->zone->is_registry || !node_is_in_pool(from)) {
		return;
	}
	shares_of(writer, work->zone, from, &old);
	shares_of(writer, work->zone, to, &new);
	const struct share *after = new.first;
	for (const struct share *before = old.first; before != NULL && after != NULL;
	     before = before->next, after = after->next) {
		repoint(writer, work, before, after);
	}
}

static void move(struct root_writer *writer, struct zone_work *work, int sign,
		 const struct share *share)
{
	if (writer->txn.failed) {
		return;
	}
	if (share->kind == SHARE_POOL || share->kind == SHARE_OWNER) {
		move_use(writer, work, sign, share);
	} else {
		move_member(writer, work, sign, share);
	}
}

static bool share_equal(const struct share *one, const struct share *other)
{
	if (one->kind != other->kind || one->entry.key_size != other->entry.key_size ||
	    one->key.size != other->key.size || !dns_name_equal(one->at, other->at)) {
		return false;
	}
	switch (one->kind) {
	case SHARE_PTR:
		return dns_name_equal(one->key.value, other->key.value);
	case SHARE_SRV:
		return memcmp(one->key.value, other->key.value, 6) == 0 &&
		       dns_name_equal(one->key.value + 6, other->key.value + 6);
	case SHARE_POOL:
	case SHARE_OWNER:
		break;
	}
	return memcmp(one->entry.key, other->entry.key, one->entry.key_size) == 0;
}

/* Of two shares that stand at one place in their lists: does one need no move for the other? */
static bool settle(struct root_writer *writer, struct zone_work *work, const struct share *old,
		   const struct share *new)
{
	if (share_equal(old, new)) {
		repoint(writer, work, old, new);
		return true;
	}
	if (old->kind == SHARE_POOL && new->kind == SHARE_POOL &&
	    dns_name_equal(old->at, new->at) && pool_key_is_alike(&old->entry, &new->entry)) {
		swap_use(writer, work, old, new);
		return true;
	}
	return false;
}

void shares_move(struct root_writer *writer, struct zone_work *work, struct shares *before,
		 struct shares *after)
{
	struct share *new = after->first;

	for (struct share *old = before->first; old != NULL && new != NULL; old = old->next) {
		old->is_settled = settle(writer, work, old, new);
		new->is_settled = old->is_settled;
		new = new->next;
	}
	/* What comes first: a set that stays is never empty in between. */
	for (new = after->first; new != NULL; new = new->next) {
		if (!new->is_settled) {
			move(writer, work, 1, new);
		}
	}
	for (const struct share *old = before->first; old != NULL; old = old->next) {
		if (!old->is_settled) {
			move(writer, work, -1, old);
		}
	}
}

void shares_use(struct root_writer *writer, struct zone_work *work, const struct shares *shares)
{
	for (const struct share *share = shares->first; share != NULL; share = share->next) {
		if (share->kind == SHARE_POOL || share->kind == SHARE_OWNER) {
			move(writer, work, 1, share);
		}
	}
}

size_t zone_pointers(const struct zone *zone, const uint8_t *host_name, const struct owner *owner)
{
	const struct host *host = host_find(zone, host_name, zone_name_hash(zone, host_name));
	uint8_t key[OWNER_KEY_MAX];

	if (host == NULL) {
		return 0;
	}
	return host_count(host, key,
			  owner_key(key, (uint8_t)owner->kind, owner->id, owner->id_size));
}
