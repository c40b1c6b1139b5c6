/*
 * The address view of a type, NAME.pool.APEX: for programs that know getaddrinfo() only.
 *
 * A host is used in the pool of a type by what the SRVs of its instances say: priority, weight and
 * port. Its addresses are entries of the view at each of these priorities, with the count of uses
 * that lead to them and the sum of their weights; an address weighs 65,535 at most. The view shows
 * its lowest priority: when that empties, the whole next one enters in one delta.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dns/rrtype.h"
#include "zone/inside.h"

#define USE_TCP 't'
#define USE_UDP 'u'
#define USE_FIXED 6 /* octets behind the type: priority, weight, port */

/* ---- entries ----------------------------------------------------------------------------- */

/* Without an address: the first place at a priority and on its ring. */
struct pool_place {
	uint16_t priority;
	uint64_t ring;
	const uint8_t *address;
	uint16_t size;
};

static int compare(const void *key, const void *member)
{
	const struct pool_place *place = key;
	const struct pool_entry *entry = member;

	if (place->priority != entry->priority) {
		return place->priority < entry->priority ? -1 : 1;
	}
	if (place->ring != entry->ring || place->address == NULL) {
		return place->ring <= entry->ring ? -1 : 1;
	}
	return memcmp(place->address, entry->address, place->size);
}

uint32_t pool_rank(const struct roster *face, uint16_t priority, uint64_t ring)
{
	const struct pool_place place = {.priority = priority, .ring = ring};

	return roster_rank(face, compare, &place);
}

static uint16_t weight_shown(uint32_t weight)
{
	return weight < UINT16_MAX ? (uint16_t)weight : UINT16_MAX;
}

uint16_t pool_weight(const struct pool_entry *entry)
{
	return weight_shown(entry->weight);
}

/* The entry `there` at the place, to be written. NULL: failed. */
static struct pool_entry *entry_own(struct txn *txn, struct roster **face,
				    const struct pool_place *place, struct pool_entry *there)
{
	struct pool_entry *entry = txn_own(txn, there, sizeof(*entry) + place->size);

	if (entry != NULL && entry != there) {
		roster_put(txn, face, compare, place, entry);
	}
	return txn->failed ? NULL : entry;
}

/* The same, made where it is new, as most are. */
static struct pool_entry *entry_at(struct txn *txn, struct roster **face,
				   const struct pool_place *place)
{
	struct pool_entry *entry = txn_new(txn, sizeof(*entry) + place->size);

	if (entry == NULL) {
		return NULL;
	}
	entry->size = (uint8_t)place->size;
	entry->priority = place->priority;
	entry->ring = place->ring;
	memcpy(entry->address, place->address, place->size);
	struct pool_entry *there = roster_add(txn, face, compare, place, entry);
	if (there != NULL) {
		txn_scrap(txn, entry);
		return entry_own(txn, face, place, there);
	}
	return txn->failed ? NULL : entry;
}

/* ---- the level that is shown ------------------------------------------------------------- */

static int first_level(const struct roster *face)
{
	return face == NULL ? -1 : ((const struct pool_entry *)roster_at(face, 0))->priority;
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
	const struct roster *views[] = {faces->a, faces->aaaa};
	const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA};

	for (int i = 0; i < 2; i++) {
		const struct pool_entry *entry;
		struct roster_walk walk;

		roster_walk_start(&walk, views[i], 0);
		while ((entry = roster_walk_next(&walk)) != NULL && entry->priority == level) {
			derive_say(writer, work, sign, name, types[i], entry->address, entry->size);
		}
	}
}

/* ---- uses -------------------------------------------------------------------------------- */

/* How an address is used: by which type, and what its SRV says. */
struct use {
	const uint8_t *label; /* the type's first */
	bool is_udp;
	uint16_t priority;
	uint16_t weight;
};

static bool is_udp_type(const uint8_t *type)
{
	return dns_label_is(dns_name_parent(type), "_udp");
}

uint16_t pool_key_size(const uint8_t *type)
{
	return (uint16_t)(1 + type[0] + 1 + USE_FIXED);
}

void pool_key(uint8_t *out, const uint8_t *type, const struct dns_srv *srv)
{
	const size_t size = type[0] + 1u;
	struct buf_writer fixed = buf_writer(out + 1 + size, USE_FIXED);

	out[0] = is_udp_type(type) ? USE_UDP : USE_TCP;
	dns_octets_fold(out + 1, type, size);
	buf_write_u16(&fixed, srv->priority);
	buf_write_u16(&fixed, srv->weight);
	buf_write_u16(&fixed, srv->port);
}

/* Does this key say a use in a pool? */
static bool is_pool_key(const uint8_t *key)
{
	return key[0] == USE_TCP || key[0] == USE_UDP;
}

bool pool_key_is_alike(const struct tree_entry *one, const struct tree_entry *other)
{
	return one->key_size == other->key_size &&
	       memcmp(one->key, other->key, one->key_size - sizeof(uint16_t)) == 0;
}

static struct use use_view(const uint8_t *key, uint16_t key_size)
{
	const uint8_t *fixed = key + key_size - USE_FIXED;

	return (struct use){.label = key + 1,
			    .is_udp = key[0] == USE_UDP,
			    .priority = (uint16_t)(fixed[0] << 8 | fixed[1]),
			    .weight = (uint16_t)(fixed[2] << 8 | fixed[3])};
}

/* http.pool.APEX for _http._tcp, http.udp.pool.APEX for _http._udp. */
static const uint8_t *pool_name(struct root_writer *writer, const struct zone *zone,
				const uint8_t *label, bool is_udp)
{
	uint8_t prefix[3 * (DNS_LABEL_MAX + 1) + 1];
	uint8_t *at = prefix;

	*at++ = (uint8_t)(label[0] - 1);
	memcpy(at, label + 2, label[0] - 1u);
	at += label[0] - 1;
	if (is_udp) {
		memcpy(at, "\x03udp", 4);
		at += 4;
	}
	memcpy(at, zone->shape.pool_label, zone->shape.pool_label[0] + 1u);
	at[zone->shape.pool_label[0] + 1] = 0;
	return derive_join(writer, prefix, zone->apex);
}

/* ---- addresses --------------------------------------------------------------------------- */

/* An entry of this weight came, or went. */
static void move_weight(struct root_writer *writer, struct faces *faces, int sign,
			uint16_t priority, uint16_t weight)
{
	const uint8_t key[4] = {(uint8_t)(priority >> 8), (uint8_t)priority, (uint8_t)(weight >> 8),
				(uint8_t)weight};
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

/* Where an address stands in the view of a type. */
struct spot {
	const uint8_t *name; /* of the view */
	struct faces *faces;
	struct roster **face;
	uint16_t rr_type;
	struct pool_place place;
};

static bool spot_find(struct spot *spot, struct root_writer *writer, struct zone_work *work,
		      const struct use *use, const uint8_t *address, uint16_t size)
{
	spot->name = pool_name(writer, work->zone, use->label, use->is_udp);
	spot->faces = spot->name == NULL ? NULL : faces_own(writer, work, spot->name);
	if (spot->faces == NULL) {
		return false;
	}
	spot->face = size == 4 ? &spot->faces->a : &spot->faces->aaaa;
	spot->rr_type = size == 4 ? DNS_TYPE_A : DNS_TYPE_AAAA;
	spot->place = (struct pool_place){.priority = use->priority,
					  .ring = siphash(&work->zone->ring, address, size),
					  .address = address,
					  .size = size};
	return true;
}

/* The entry weighs more, or less. */
static void weigh(struct root_writer *writer, struct faces *faces, struct pool_entry *entry,
		  int sign, uint16_t weight)
{
	const uint16_t before = pool_weight(entry);

	entry->weight = sign > 0 ? entry->weight + weight : entry->weight - weight;
	const uint16_t after = pool_weight(entry);
	if (after != before) {
		move_weight(writer, faces, 1, entry->priority, after);
		move_weight(writer, faces, -1, entry->priority, before);
	}
}

/* One more use of an address. */
static void pool_add(struct root_writer *writer, struct zone_work *work, const struct use *use,
		     const uint8_t *address, uint16_t size)
{
	struct spot spot;

	if (!spot_find(&spot, writer, work, use, address, size)) {
		return;
	}
	const int before = pool_level(spot.faces);
	if (before >= 0 && use->priority < before) {
		say_level(writer, work, -1, spot.name, spot.faces, before);
	}
	struct pool_entry *entry = entry_at(&writer->txn, spot.face, &spot.place);
	if (entry == NULL) {
		return;
	}
	entry->count++;
	weigh(writer, spot.faces, entry, 1, use->weight);
	if (entry->count == 1 && (before < 0 || use->priority <= before)) {
		derive_say(writer, work, 1, spot.name, spot.rr_type, address, size);
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
	struct pool_entry *there = roster_get(*spot.face, compare, &spot.place);
	assert(there != NULL && there->count > 0);
	struct pool_entry *entry = entry_own(&writer->txn, spot.face, &spot.place, there);
	if (entry == NULL) {
		return;
	}
	weigh(writer, spot.faces, entry, -1, use->weight);
	if (--entry->count > 0) {
		return;
	}
	roster_take(&writer->txn, spot.face, compare, &spot.place);
	if (writer->txn.failed) {
		return;
	}
	txn_drop(&writer->txn, entry);
	if (use->priority == before) {
		derive_say(writer, work, -1, spot.name, spot.rr_type, address, size);
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
	for (uint32_t i = 0; set != NULL && i < set->count && !writer->txn.failed; i++) {
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

void pool_move(struct root_writer *writer, struct zone_work *work, int sign,
	       const struct node *host, const struct tree_entry *key)
{
	const struct use use = use_view(key->key, key->key_size);

	move_addresses(writer, work, sign, node_rrset(host, DNS_TYPE_A), NULL, &use);
	move_addresses(writer, work, sign, node_rrset(host, DNS_TYPE_AAAA), NULL, &use);
}

void pool_readdress(struct root_writer *writer, struct zone_work *work, const uint8_t *name,
		    uint64_t hash, const struct rrset *before, const struct rrset *after)
{
	const struct host *host;
	const uint8_t *key;
	uint16_t key_size;
	uint32_t at = 0;

	if (rrset_equal(before, after)) {
		return;
	}
	host = host_find(work->zone, name, hash);
	while (host != NULL && host_next_use(host, &at, &key, &key_size)) {
		if (!is_pool_key(key)) {
			continue;
		}
		const struct use use = use_view(key, key_size);
		move_addresses(writer, work, 1, after, before, &use);
		move_addresses(writer, work, -1, before, after, &use);
	}
}

/* ---- all at once ------------------------------------------------------------------------- */

bool pool_entries(struct txn *txn, const struct zone *zone, const struct node *host,
		  const struct dns_srv *srv, pool_entry_fn fn, void *context)
{
	static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA};

	for (int kind = 0; kind < 2; kind++) {
		const struct rrset *set = node_rrset(host, types[kind]);
		for (uint32_t i = 0; set != NULL && i < set->count; i++) {
			uint16_t size;
			const uint8_t *address = rrset_member(set, i, &size, NULL);
			struct pool_entry *entry = txn_new(txn, sizeof(*entry) + size);
			if (entry == NULL) {
				return false;
			}
			entry->size = (uint8_t)size;
			entry->priority = srv->priority;
			entry->ring = siphash(&zone->ring, address, size);
			entry->count = 1;
			entry->weight = srv->weight;
			memcpy(entry->address, address, size);
			if (!fn(context, entry)) {
				txn->failed = true;
				return false;
			}
		}
	}
	return true;
}

/* Are these entries for one address? */
static bool is_one(const struct ring_item *one, const struct ring_item *other)
{
	if (one->ring != other->ring || one->priority != other->priority) {
		return false;
	}
	const struct pool_entry *entry = one->value;
	return memcmp(entry->address, ((const struct pool_entry *)other->value)->address,
		      entry->size) == 0;
}

/* Makes one of entries with the same address at the same priority; how many are left. */
static size_t join(struct txn *txn, struct ring_item *items, size_t count)
{
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		if (used > 0 && is_one(&items[used - 1], &items[i])) {
			struct pool_entry *last = items[used - 1].value;
			const struct pool_entry *entry = items[i].value;
			last->count += entry->count;
			last->weight += entry->weight;
			items[used - 1].weight = last->weight;
			txn_drop(txn, items[i].value);
		} else {
			items[used++] = items[i];
		}
	}
	return used;
}

void pool_build(struct root_writer *writer, struct zone_work *work, const uint8_t *type,
		struct ring_item *items, size_t count, bool is_aaaa)
{
	const uint8_t *name = pool_name(writer, work->zone, type, is_udp_type(type));
	struct faces *faces = name == NULL || count == 0 ? NULL : faces_own(writer, work, name);
	void **entries = faces == NULL ? NULL : calloc(count, sizeof(*entries));

	if (name == NULL) {
		/* It would be too long: there is no view. */
		for (size_t i = 0; i < count; i++) {
			txn_drop(&writer->txn, items[i].value);
		}
		return;
	}
	if (entries == NULL) {
		writer->txn.failed |= count > 0;
		return;
	}
	const size_t used = join(&writer->txn, items, count);
	for (size_t i = 0; i < used && !writer->txn.failed; i++) {
		entries[i] = items[i].value;
		move_weight(writer, faces, 1, items[i].priority, weight_shown(items[i].weight));
	}
	*(is_aaaa ? &faces->aaaa : &faces->a) = roster_build(&writer->txn, entries, used);
	free(entries);
}
