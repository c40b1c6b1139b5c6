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
	struct tree_entry entry;
};

/* ---- what has which shares --------------------------------------------------------------- */

bool node_is_in_pool(const struct node *node)
{
	return node->role == ROLE_INSTANCE && node->registration != NULL &&
	       (node->registration->flags & (NAME_PTR | NAME_HELD)) == NAME_PTR &&
	       node_rrset(node, DNS_TYPE_SRV) != NULL;
}

static void share_add(struct root_writer *writer, struct shares *shares, enum share_kind kind,
		      const uint8_t *at, const struct tree_entry *entry)
{
	struct share *share = arena_alloc(&writer->scratch, sizeof(*share));

	if (share == NULL || entry->key == NULL) {
		writer->txn.failed = true;
		return;
	}
	*share = (struct share){.next = shares->first, .kind = kind, .at = at, .entry = *entry};
	shares->first = share;
	shares->count++;
}

static void share_ptr(struct root_writer *writer, struct shares *shares, const uint8_t *at,
		      const uint8_t *target)
{
	uint8_t *key = arena_alloc(&writer->scratch, 2 * DNS_NAME_MAX);
	struct tree_entry entry = {.key = key, .value = target};

	if (key != NULL) {
		entry.key_size = (uint16_t)dns_name_order_key(key, target);
		entry.value_size = (uint16_t)dns_name_size(target);
	}
	share_add(writer, shares, SHARE_PTR, at, &entry);
}

/* Key of the pool tree: priority, place on the ring, weight, port, target. */
static void share_srv(struct root_writer *writer, struct shares *shares, const struct zone *zone,
		      const uint8_t *at, const uint8_t *rdata, uint16_t size)
{
	uint8_t *key = arena_alloc(&writer->scratch, size + 8u);
	struct tree_entry entry = {.key = key, .value = rdata, .value_size = size};

	if (key != NULL) {
		uint8_t *rest = key + 10;
		memcpy(key, rdata, 2);
		memcpy(rest, rdata + 2, 4);
		dns_name_fold(rest + 4, rdata + 6);
		struct buf_writer out = buf_writer(key + 2, 8);
		buf_write_u64(&out, siphash(&zone->ring, rest, size - 2u));
		entry.key_size = (uint16_t)(size + 8u);
	}
	share_add(writer, shares, SHARE_SRV, at, &entry);
}

#define USE_POOL 't'
#define USE_OWNER 'o'

#define USE_FIXED 6 /* octets behind the type: priority, weight, port */

/* Key of a use in a pool: 't', type folded, priority, weight, port. */
static void share_pool(struct root_writer *writer, struct shares *shares, const uint8_t *type,
		       const struct dns_srv *srv)
{
	const size_t type_size = dns_name_size(type);
	const uint16_t key_size = (uint16_t)(1 + type_size + USE_FIXED);
	uint8_t *key = arena_alloc(&writer->scratch, key_size);
	struct tree_entry entry = {.key = key, .key_size = key_size};

	if (key != NULL) {
		struct buf_writer out = buf_writer(key + 1 + type_size, USE_FIXED);
		key[0] = USE_POOL;
		dns_name_fold(key + 1, type);
		buf_write_u16(&out, srv->priority);
		buf_write_u16(&out, srv->weight);
		buf_write_u16(&out, srv->port);
	}
	share_add(writer, shares, SHARE_POOL, srv->target, &entry);
}

#define OWNER_KEY_MAX 258

/* Key of a use by an owner: 'o', kind, id. */
static uint16_t owner_key(uint8_t out[OWNER_KEY_MAX], uint8_t kind, const uint8_t *id, uint8_t size)
{
	out[0] = USE_OWNER;
	out[1] = kind;
	if (size > 0) {
		memcpy(out + 2, id, size);
	}
	return (uint16_t)(2u + size);
}

static void share_owner(struct root_writer *writer, struct shares *shares, const struct node *node,
			const uint8_t *host)
{
	const struct registration *registration = node->registration;
	uint8_t *key = arena_alloc(&writer->scratch, OWNER_KEY_MAX);
	struct tree_entry entry = {.key = key};

	if (key != NULL) {
		entry.key_size = registration == NULL
					 ? owner_key(key, OWNER_NONE, NULL, 0)
					 : owner_key(key, registration->owner_kind,
						     registration->data, registration->owner_size);
	}
	share_add(writer, shares, SHARE_OWNER, host, &entry);
}

/* A name of `prefix` and `suffix` in the scratch; NULL: over 255 octets, or failed. */
static const uint8_t *joined(struct root_writer *writer, const uint8_t *prefix,
			     const uint8_t *suffix)
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
	const struct registration *registration = node->registration;
	const uint8_t *label = registration->data + registration->owner_size;
	const uint8_t *end = label + registration->subtypes_size;

	for (; label < end; label += label[0] + 1) {
		uint8_t prefix[DNS_LABEL_MAX + 7];
		memcpy(prefix, label, label[0] + 1u);
		memcpy(prefix + label[0] + 1, "\x04_sub", 6);
		const uint8_t *at = joined(writer, prefix, type);
		if (at != NULL) {
			share_ptr(writer, shares, at, node->named.name);
		}
	}
}

static void shares_of_instance(struct root_writer *writer, const struct zone *zone,
			       const struct node *node, struct shares *shares)
{
	const struct rrset *set = node_rrset(node, DNS_TYPE_SRV);
	const uint8_t *type = zone_type_of(ROLE_INSTANCE, node->named.name);
	const bool is_in_pool = node_is_in_pool(node);

	for (uint32_t i = 0; set != NULL && i < set->count; i++) {
		uint16_t size;
		const uint8_t *rdata = rrset_member(set, i, &size, NULL);
		const struct dns_srv srv = dns_srv_view(rdata);
		const bool is_here = dns_name_is_in(srv.target, zone->apex);
		if (is_here) {
			share_owner(writer, shares, node, srv.target);
		}
		if (is_in_pool) {
			share_srv(writer, shares, zone, type, rdata, size);
			if (is_here) {
				share_pool(writer, shares, type, &srv);
			}
		}
	}
	if (!is_in_pool) {
		return;
	}
	share_ptr(writer, shares, type, node->named.name);
	shares_of_subtypes(writer, node, type, shares);
	const uint8_t *services = joined(writer, services_prefix, zone->apex);
	if (services != NULL) {
		share_ptr(writer, shares, services, type);
	}
}

static void shares_of_explicit(struct root_writer *writer, const struct zone *zone,
			       const struct node *node, struct shares *shares)
{
	const struct rrset *ptr = node_rrset(node, DNS_TYPE_PTR);
	const struct rrset *srv = node->role == ROLE_TYPE ? node_rrset(node, DNS_TYPE_SRV) : NULL;
	uint16_t size;

	for (uint32_t i = 0; ptr != NULL && i < ptr->count; i++) {
		share_ptr(writer, shares, node->named.name, rrset_member(ptr, i, &size, NULL));
	}
	for (uint32_t i = 0; srv != NULL && i < srv->count; i++) {
		const uint8_t *rdata = rrset_member(srv, i, &size, NULL);
		share_srv(writer, shares, zone, node->named.name, rdata, size);
	}
}

void shares_of(struct root_writer *writer, const struct zone *zone, const struct node *node,
	       struct shares *shares)
{
	*shares = (struct shares){0};
	if (node == NULL || !zone->is_registry) {
		return;
	}
	switch ((enum name_role)node->role) {
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

/* The faces of the node `name`, this writer's own. NULL: failed. */
static struct faces *faces_own(struct root_writer *writer, struct zone_work *work,
			       const uint8_t *name)
{
	const struct node *there = names_get(work->zone, name);
	struct node *node = node_own(writer, work, name, there == NULL ? 0 : there->sets);

	if (node == NULL) {
		return NULL;
	}
	struct faces *faces = node->faces == NULL
				      ? txn_new(&writer->txn, sizeof(*faces))
				      : txn_own(&writer->txn, node->faces, sizeof(*faces));
	if (faces != NULL) {
		node->faces = faces;
	}
	return faces;
}

static void faces_tidy(struct root_writer *writer, struct zone_work *work, const uint8_t *name)
{
	const struct node *there = names_get(work->zone, name);

	if (writer->txn.failed || there == NULL || there->faces == NULL ||
	    !faces_are_empty(there->faces)) {
		return;
	}
	struct node *node = node_own(writer, work, name, there->sets);
	if (node == NULL) {
		return;
	}
	txn_drop(&writer->txn, node->faces);
	node->faces = NULL;
	node_prune(writer, work, name);
}

static void say(struct root_writer *writer, struct zone_work *work, int sign, const uint8_t *name,
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

/* ---- the address view -------------------------------------------------------------------- */

static int first_level(const struct tree *tree)
{
	if (tree == NULL) {
		return -1;
	}
	const uint8_t *key = tree_key(tree_at(tree, 0));
	return key[0] << 8 | key[1];
}

int pool_level(const struct faces *faces)
{
	const int a = first_level(faces->a);
	const int aaaa = first_level(faces->aaaa);

	if (a < 0 || aaaa < 0) {
		return a < 0 ? aaaa : a;
	}
	return a < aaaa ? a : aaaa;
}

static void say_level(struct root_writer *writer, struct zone_work *work, int sign,
		      const uint8_t *name, const struct faces *faces, int level)
{
	const struct tree *trees[] = {faces->a, faces->aaaa};
	const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA};

	for (int i = 0; i < 2; i++) {
		for (uint32_t rank = 0; rank < tree_size(trees[i]); rank++) {
			const struct tree *entry = tree_at(trees[i], rank);
			const uint8_t *key = tree_key(entry);
			if ((key[0] << 8 | key[1]) != level) {
				break;
			}
			say(writer, work, sign, name, types[i], key + 10,
			    (uint16_t)(entry->key_size - 10));
		}
	}
}

/* http.pool.APEX for _http._tcp, http.udp.pool.APEX for _http._udp. */
static const uint8_t *pool_name(struct root_writer *writer, const struct zone *zone,
				const uint8_t *type)
{
	uint8_t prefix[3 * (DNS_LABEL_MAX + 1) + 1];
	uint8_t *at = prefix;

	*at++ = (uint8_t)(type[0] - 1);
	memcpy(at, type + 2, type[0] - 1u);
	at += type[0] - 1;
	if (dns_label_is(dns_name_parent(type), "_udp")) {
		memcpy(at, "\x03udp", 4);
		at += 4;
	}
	memcpy(at, zone->shape.pool_label, zone->shape.pool_label[0] + 1u);
	at[zone->shape.pool_label[0] + 1] = 0;
	return joined(writer, prefix, zone->apex);
}

uint16_t pool_weight(const struct tree *entry)
{
	struct buf_reader reader = buf_reader(tree_value(entry), entry->value_size);
	const uint32_t sum = buf_read_u32(&reader);

	return sum < UINT16_MAX ? (uint16_t)sum : UINT16_MAX;
}

/* An entry of this weight came, or went. */
static void move_weight(struct root_writer *writer, struct faces *faces, int sign,
			const uint8_t priority[2], uint16_t weight)
{
	const uint8_t key[4] = {priority[0], priority[1], (uint8_t)(weight >> 8), (uint8_t)weight};
	const struct tree_entry entry = {.key = key, .key_size = sizeof(key)};

	if (weight == 0) {
		return;
	}
	if (sign > 0) {
		tree_add(&writer->txn, &faces->weights, &entry);
	} else {
		tree_sub(&writer->txn, &faces->weights, key, sizeof(key));
	}
}

/* How an address is used: by which type, and what its SRV says. */
struct use {
	const uint8_t *type;
	const uint8_t *priority; /* two octets */
	uint16_t weight;
};

static struct use use_view(const uint8_t *key, uint16_t key_size)
{
	const uint8_t *fixed = key + key_size - USE_FIXED;

	return (struct use){
		.type = key + 1, .priority = fixed, .weight = (uint16_t)(fixed[2] << 8 | fixed[3])};
}

/* Where an address stands in the view of a type. */
struct spot {
	const uint8_t *name; /* of the view */
	struct faces *faces;
	struct tree **tree;
	uint16_t rr_type;
	uint16_t key_size;
	uint8_t key[2 + 8 + 16];
};

static bool spot_find(struct spot *spot, struct root_writer *writer, struct zone_work *work,
		      const struct use *use, const uint8_t *address, uint16_t size)
{
	spot->name = pool_name(writer, work->zone, use->type);
	spot->faces = spot->name == NULL ? NULL : faces_own(writer, work, spot->name);
	if (spot->faces == NULL) {
		return false;
	}
	spot->tree = size == 4 ? &spot->faces->a : &spot->faces->aaaa;
	spot->rr_type = size == 4 ? DNS_TYPE_A : DNS_TYPE_AAAA;
	spot->key_size = (uint16_t)(10 + size);
	memcpy(spot->key, use->priority, 2);
	struct buf_writer out = buf_writer(spot->key + 2, 8);
	buf_write_u64(&out, siphash(&work->zone->ring, address, size));
	memcpy(spot->key + 10, address, size);
	return true;
}

/* The address there weighs more, or less. */
static void weigh(struct root_writer *writer, const struct spot *spot, int sign, uint16_t weight)
{
	if (weight == 0 || writer->txn.failed) {
		return;
	}
	const uint16_t before = pool_weight(tree_get(*spot->tree, spot->key, spot->key_size));
	uint8_t *value = tree_edit(&writer->txn, spot->tree, spot->key, spot->key_size);
	if (value == NULL) {
		return;
	}
	struct buf_reader reader = buf_reader(value, 4);
	struct buf_writer out = buf_writer(value, 4);
	const uint32_t sum = buf_read_u32(&reader);
	buf_write_u32(&out, sign > 0 ? sum + weight : sum - weight);
	const uint16_t after = pool_weight(tree_get(*spot->tree, spot->key, spot->key_size));
	if (after != before) {
		move_weight(writer, spot->faces, 1, spot->key, after);
		move_weight(writer, spot->faces, -1, spot->key, before);
	}
}

/* One more use of an address. */
static void pool_add(struct root_writer *writer, struct zone_work *work, const struct use *use,
		     const uint8_t *address, uint16_t size)
{
	static const uint8_t no_weight[4];
	struct spot spot;

	if (!spot_find(&spot, writer, work, use, address, size)) {
		return;
	}
	const struct tree_entry entry = {.key = spot.key,
					 .key_size = spot.key_size,
					 .value = no_weight,
					 .value_size = sizeof(no_weight)};
	const int level = use->priority[0] << 8 | use->priority[1];
	const int before = pool_level(spot.faces);
	if (before >= 0 && level < before) {
		say_level(writer, work, -1, spot.name, spot.faces, before);
	}
	const uint32_t count = tree_add(&writer->txn, spot.tree, &entry);
	weigh(writer, &spot, 1, use->weight);
	if (count == 1 && (before < 0 || level <= before)) {
		say(writer, work, 1, spot.name, spot.rr_type, address, size);
	}
}

/* One less. */
static void pool_sub(struct root_writer *writer, struct zone_work *work, const struct use *use,
		     const uint8_t *address, uint16_t size)
{
	struct spot spot;

	if (!spot_find(&spot, writer, work, use, address, size)) {
		return;
	}
	const int before = pool_level(spot.faces);
	weigh(writer, &spot, -1, use->weight);
	if (tree_sub(&writer->txn, spot.tree, spot.key, spot.key_size) != 0) {
		return;
	}
	if ((use->priority[0] << 8 | use->priority[1]) == before) {
		say(writer, work, -1, spot.name, spot.rr_type, address, size);
		const int after = pool_level(spot.faces);
		if (after >= 0 && after != before) {
			say_level(writer, work, 1, spot.name, spot.faces, after);
		}
	}
	faces_tidy(writer, work, spot.name);
}

static void move_addresses(struct root_writer *writer, struct zone_work *work, int sign,
			   const struct rrset *set, const struct rrset *but, const struct use *use)
{
	for (uint32_t i = 0; set != NULL && i < set->count; i++) {
		uint16_t size;
		uint16_t other_size;
		const uint8_t *address = rrset_member(set, i, &size, NULL);
		bool is_in_both = false;
		for (uint32_t k = 0; but != NULL && k < but->count && !is_in_both; k++) {
			const uint8_t *other = rrset_member(but, k, &other_size, NULL);
			is_in_both = memcmp(address, other, size) == 0;
		}
		if (!is_in_both && sign > 0) {
			pool_add(writer, work, use, address, size);
		} else if (!is_in_both) {
			pool_sub(writer, work, use, address, size);
		}
	}
}

static struct host *host_find(const struct zone *zone, const uint8_t *name)
{
	const size_t size = dns_name_size(name);

	return pmap_get(&zone->hosts, name_hash(&zone->hash, name, size), name, size);
}

void derive_addresses(struct root_writer *writer, struct zone_work *work, const uint8_t *name,
		      const struct rrset *before, const struct rrset *after)
{
	const struct host *host = host_find(work->zone, name);

	if (host == NULL || before == after) {
		return;
	}
	for (uint32_t rank = 0; rank < tree_size(host->uses); rank++) {
		const struct tree *entry = tree_at(host->uses, rank);
		if (tree_key(entry)[0] != USE_POOL) {
			continue;
		}
		const struct use use = use_view(tree_key(entry), entry->key_size);
		move_addresses(writer, work, 1, after, before, &use);
		move_addresses(writer, work, -1, before, after, &use);
	}
}

/* ---- moving shares ----------------------------------------------------------------------- */

static struct host *host_own(struct root_writer *writer, struct zone_work *work,
			     const uint8_t *name)
{
	struct zone *zone = work->zone;
	struct host *old = host_find(zone, name);
	const uint8_t *spelled = old == NULL ? name : old->named.name;
	const size_t size = dns_name_size(spelled);

	if (old != NULL && txn_made(&writer->txn, &old->named.object)) {
		return old;
	}
	struct host *host = txn_new(&writer->txn, sizeof(*host) + size);
	if (host == NULL) {
		return NULL;
	}
	uint8_t *at = (uint8_t *)(host + 1);
	memcpy(at, spelled, size);
	host->named.name = at;
	host->named.name_size = (uint16_t)size;
	host->named.hash = name_hash(&zone->hash, at, size);
	host->uses = old == NULL ? NULL : old->uses;
	txn_drop(&writer->txn, old);
	pmap_put(&writer->txn, &zone->hosts, &host->named);
	return host;
}

static void move_use(struct root_writer *writer, struct zone_work *work, int sign,
		     const struct share *share)
{
	struct host *host = host_own(writer, work, share->at);
	const uint8_t *key = share->entry.key;

	if (host == NULL) {
		return;
	}
	const uint32_t count =
		sign > 0 ? tree_add(&writer->txn, &host->uses, &share->entry)
			 : tree_sub(&writer->txn, &host->uses, key, share->entry.key_size);
	if (host->uses == NULL) {
		pmap_remove(&writer->txn, &work->zone->hosts, host->named.hash, host->named.name,
			    host->named.name_size);
		txn_drop(&writer->txn, host);
	}
	const struct node *node = names_get(work->zone, share->at);
	if (share->kind == SHARE_POOL && node != NULL && count == (sign > 0 ? 1u : 0u)) {
		const struct use use = use_view(key, share->entry.key_size);
		const struct rrset *a = node_rrset(node, DNS_TYPE_A);
		const struct rrset *aaaa = node_rrset(node, DNS_TYPE_AAAA);
		move_addresses(writer, work, sign, a, NULL, &use);
		move_addresses(writer, work, sign, aaaa, NULL, &use);
	}
}

static void move_member(struct root_writer *writer, struct zone_work *work, int sign,
			const struct share *share)
{
	struct faces *faces = faces_own(writer, work, share->at);
	const bool is_ptr = share->kind == SHARE_PTR;

	if (faces == NULL) {
		return;
	}
	struct tree **tree = is_ptr ? &faces->ptr : &faces->srv;
	const uint32_t count =
		sign > 0 ? tree_add(&writer->txn, tree, &share->entry)
			 : tree_sub(&writer->txn, tree, share->entry.key, share->entry.key_size);
	if (count == (sign > 0 ? 1u : 0u)) {
		say(writer, work, sign, share->at, is_ptr ? DNS_TYPE_PTR : DNS_TYPE_SRV,
		    share->entry.value, share->entry.value_size);
	}
	if (sign < 0) {
		faces_tidy(writer, work, share->at);
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
	return one->kind == other->kind && one->entry.key_size == other->entry.key_size &&
	       memcmp(one->entry.key, other->entry.key, one->entry.key_size) == 0 &&
	       dns_name_equal(one->at, other->at);
}

void shares_move(struct root_writer *writer, struct zone_work *work, struct shares *before,
		 struct shares *after)
{
	const struct share *old = before->first;
	const struct share *new = after->first;

	while (old != NULL && new != NULL && share_equal(old, new)) {
		old = old->next;
		new = new->next;
	}
	/* What comes first: a set that stays is never empty in between. */
	for (; new != NULL; new = new->next) {
		move(writer, work, 1, new);
	}
	for (; old != NULL; old = old->next) {
		move(writer, work, -1, old);
	}
}

size_t zone_pointers(const struct zone *zone, const uint8_t *host_name, const struct owner *owner)
{
	const struct host *host = host_find(zone, host_name);
	uint8_t key[OWNER_KEY_MAX];

	if (host == NULL) {
		return 0;
	}
	const uint16_t size = owner_key(key, (uint8_t)owner->kind, owner->id, owner->id_size);
	const struct tree *use = tree_get(host->uses, key, size);
	return use == NULL ? 0 : use->count;
}
