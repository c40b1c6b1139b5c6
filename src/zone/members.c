/*
 * Members of the PTR and SRV faces of a type. An instance that alone gives an RR is the member
 * itself: its node has the name, or the SRV's RDATA and its place on the ring, so a pool is stored
 * once. An RR that several give, or an explicit record, is an entry that counts them. Who replaces
 * an instance's node replaces it in its faces (members_repoint), or the face would keep what the
 * version does not hold.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dns/rrtype.h"
#include "zone/inside.h"

#define ROLE_ENTRY 0xff /* of no node */

struct entry {
	struct named named; /* sets: octets of `data`; hash: place on the ring */
	uint32_t count;
	uint8_t data[];
};

static const struct entry *as_entry(const void *member)
{
	const struct named *named = member;

	return named->role == ROLE_ENTRY ? member : NULL;
}

bool member_is_node(const void *member)
{
	return as_entry(member) == NULL;
}

uint32_t member_count(const void *member)
{
	const struct entry *entry = as_entry(member);

	return entry == NULL ? 1 : entry->count;
}

const uint8_t *member_value(enum face_kind kind, const void *member, uint16_t *size)
{
	const struct entry *entry = as_entry(member);

	if (entry != NULL) {
		*size = entry->named.sets;
		return entry->data;
	}
	const struct node *node = member;
	if (kind == FACE_PTR) {
		*size = node->named.name_size;
		return named_name(&node->named);
	}
	return rrset_member(node_rrset(node, DNS_TYPE_SRV), 0, size, NULL);
}

static uint64_t member_ring(const void *member)
{
	const struct entry *entry = as_entry(member);

	return entry == NULL ? node_ring(member) : entry->named.hash;
}

uint16_t srv_priority(const uint8_t *rdata)
{
	return (uint16_t)(rdata[0] << 8 | rdata[1]);
}

/* ---- order ------------------------------------------------------------------------------- */

uint64_t srv_ring(const struct zone *zone, const uint8_t *rdata, uint16_t size)
{
	uint8_t rest[4 + DNS_NAME_MAX];

	memcpy(rest, rdata + 2, 4);
	dns_name_fold(rest + 4, rdata + 6);
	return siphash(&zone->ring, rest, size - 2u);
}

struct member_key ptr_key(const uint8_t *target)
{
	return (struct member_key){
		.kind = FACE_PTR, .value = target, .size = (uint16_t)dns_name_size(target)};
}

struct member_key srv_key(const struct zone *zone, const uint8_t *rdata, uint16_t size)
{
	return (struct member_key){.kind = FACE_SRV,
				   .priority = srv_priority(rdata),
				   .ring = srv_ring(zone, rdata, size),
				   .value = rdata,
				   .size = size};
}

/* Eight octets folded, so that they compare as a number. */
static inline uint64_t folded_at(const uint8_t *octets)
{
	uint64_t word;

	memcpy(&word, octets, sizeof(word));
	word = dns_fold_word(word);
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? __builtin_bswap64(word) : word;
}

static int compare_folded(const uint8_t *one, const uint8_t *other, size_t size)
{
	for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t)) {
		const uint64_t here = folded_at(one);
		const uint64_t there = folded_at(other);
		if (here != there) {
			return here < there ? -1 : 1;
		}
		one += sizeof(uint64_t);
		other += sizeof(uint64_t);
	}
	for (size_t i = 0; i < size; i++) {
		const int difference = dns_fold(one[i]) - dns_fold(other[i]);
		if (difference != 0) {
			return difference;
		}
	}
	return 0;
}

/* Priority, place on the ring, weight and port, target; without these, before all that have any. */
static int compare_srv(const struct member_key *key, const void *member)
{
	uint16_t size;
	const uint8_t *rdata = member_value(FACE_SRV, member, &size);
	const uint16_t priority = srv_priority(rdata);
	const uint64_t ring = member_ring(member);

	if (key->priority != priority) {
		return key->priority < priority ? -1 : 1;
	}
	if (key->ring != ring || key->value == NULL) {
		return key->ring <= ring ? -1 : 1;
	}
	const int order = memcmp(key->value + 2, rdata + 2, 4);
	if (order != 0 || key->size != size) {
		return order != 0 ? order : (int)key->size - (int)size;
	}
	return compare_folded(key->value + 6, rdata + 6, size - 6u);
}

/* The canonical order (RFC 4034 6.1), fast where all but the first label is the same. */
static int compare_names(const uint8_t *one, size_t one_size, const uint8_t *other,
			 size_t other_size)
{
	const size_t one_rest = one_size - one[0] - 1;
	const size_t other_rest = other_size - other[0] - 1;

	if (one_rest != other_rest || one[0] == 0 || other[0] == 0 ||
	    !dns_octets_equal(one + one[0] + 1, other + other[0] + 1, one_rest)) {
		return dns_name_compare(one, other);
	}
	const int order = compare_folded(one + 1, other + 1, one[0] < other[0] ? one[0] : other[0]);
	return order != 0 ? order : one[0] - other[0];
}

static int compare(const void *key, const void *member)
{
	const struct member_key *of = key;
	uint16_t size;

	if (of->kind == FACE_SRV) {
		return compare_srv(of, member);
	}
	const uint8_t *name = member_value(FACE_PTR, member, &size);
	return compare_names(of->value, of->size, name, size);
}

const void *members_get(const struct roster *face, const struct member_key *key)
{
	return roster_get(face, compare, key);
}

uint32_t members_rank(const struct roster *face, const struct member_key *key)
{
	return roster_rank(face, compare, key);
}

/* ---- changes ----------------------------------------------------------------------------- */

static struct entry *new_entry(struct txn *txn, const struct member_key *key, uint32_t count)
{
	struct entry *entry = txn_new(txn, sizeof(*entry) + key->size);

	if (entry != NULL) {
		entry->named.role = ROLE_ENTRY;
		entry->named.sets = key->size;
		entry->named.hash = key->ring;
		entry->count = count;
		memcpy(entry->data, key->value, key->size);
	}
	return entry;
}

static void put_entry(struct txn *txn, struct roster **face, const struct member_key *key,
		      uint32_t count)
{
	struct entry *entry = new_entry(txn, key, count);

	if (entry != NULL) {
		roster_put(txn, face, compare, key, entry);
	}
}

/* The entry counts `by` more. */
static uint32_t count_on(struct txn *txn, struct roster **face, const struct member_key *key,
			 struct entry *old, uint32_t by)
{
	struct entry *entry = txn_own(txn, old, sizeof(*old) + old->named.sets);

	if (entry == NULL) {
		return 0;
	}
	if (entry != old) {
		roster_put(txn, face, compare, key, entry);
	}
	entry->count += by;
	return entry->count;
}

uint32_t members_add(struct txn *txn, struct roster **face, const struct member_key *key,
		     const struct node *node)
{
	void *there = node != NULL ? roster_add(txn, face, compare, key, (void *)node)
				   : roster_get(*face, compare, key);

	if (txn->failed) {
		return 0;
	}
	if (there == NULL) {
		if (node == NULL) {
			put_entry(txn, face, key, 1);
		}
		return 1;
	}
	if (as_entry(there) != NULL) {
		return count_on(txn, face, key, there, 1);
	}
	/* The first spelling stays, as that is what was told. */
	struct member_key first = *key;
	first.value = member_value(key->kind, there, &first.size);
	put_entry(txn, face, &first, 2);
	return 2;
}

uint32_t members_sub(struct txn *txn, struct roster **face, const struct member_key *key)
{
	/* Nearly all count 1. */
	void *there = roster_take(txn, face, compare, key);

	if (there == NULL || as_entry(there) == NULL) {
		return 0;
	}
	struct entry *entry = there;
	if (entry->count == 1) {
		txn_drop(txn, entry);
		return 0;
	}
	entry = txn_own(txn, entry, sizeof(*entry) + entry->named.sets);
	if (entry == NULL) {
		return 0;
	}
	roster_put(txn, face, compare, key, entry);
	return --entry->count;
}

void members_repoint(struct txn *txn, struct roster **face, const struct member_key *key,
		     const struct node *from, const struct node *to)
{
	if (txn->failed) {
		return;
	}
	if (to != NULL) {
		roster_swap(txn, face, compare, key, from, (void *)to);
	} else if (roster_get(*face, compare, key) == from) {
		put_entry(txn, face, key, 1);
	}
}

void members_add_many(struct txn *txn, struct roster **face, const struct member_key *key,
		      uint32_t many)
{
	if (many > 0 && members_add(txn, face, key, NULL) > 0 && many > 1 && !txn->failed) {
		count_on(txn, face, key, roster_get(*face, compare, key), many - 1);
	}
}

/* ---- all at once ------------------------------------------------------------------------- */

int members_order(const struct node *one, const struct node *other)
{
	return compare_names(named_name(&one->named), one->named.name_size,
			     named_name(&other->named), other->named.name_size);
}

struct roster *members_build_ptr(struct txn *txn, void **nodes, size_t count)
{
	return roster_build(txn, nodes, count);
}

/* The RR of an instance with one SRV, whose place is known. */
static struct member_key item_key(const struct ring_item *item)
{
	struct member_key key = {.kind = FACE_SRV, .priority = item->priority, .ring = item->ring};

	key.value = member_value(FACE_SRV, item->value, &key.size);
	return key;
}

/* How many items from the first on give one RR. */
static size_t run_of(const struct ring_item *items, size_t count)
{
	size_t some = 1;

	/* Most stand alone on their place: then nothing is looked at. */
	if (count > 1 && items[1].ring == items[0].ring) {
		const struct member_key key = item_key(items);
		while (some < count && items[some].ring == key.ring &&
		       compare_srv(&key, items[some].value) == 0) {
			some++;
		}
	}
	return some;
}

struct roster *members_build_srv(struct txn *txn, const struct ring_item *items, size_t count)
{
	void **members = calloc(count, sizeof(*members));
	size_t used = 0;

	if (members == NULL) {
		txn->failed = true;
		return NULL;
	}
	for (size_t i = 0, some; i < count && !txn->failed; i += some) {
		some = run_of(items + i, count - i);
		members[used] = items[i].value;
		if (some > 1) {
			const struct member_key key = item_key(&items[i]);
			members[used] = new_entry(txn, &key, (uint32_t)some);
		}
		used++;
	}
	struct roster *face = roster_build(txn, members, used);
	free(members);
	return face;
}

static void free_member(struct slabs *slabs, void *member)
{
	if (as_entry(member) != NULL) {
		object_free(slabs, member);
	}
}

static void drop_member(struct txn *txn, void *member)
{
	if (as_entry(member) != NULL) {
		txn_drop(txn, member);
	}
}

void members_drop(struct txn *txn, struct roster *face)
{
	roster_drop(txn, face, drop_member);
}

void members_free(struct slabs *slabs, struct roster *face)
{
	roster_free(slabs, face, free_member);
}
