/*
 * Hosts: who points to a name, so that its addresses are in the address views of the types that
 * use it, and it stays as long as an instance of its owner does. Uses are keys with counts. The few
 * that a host commonly has are packed behind its name, each as count u8, size of the key u8, key;
 * when that does not hold them all go into a tree, where they stay.
 */
#include <assert.h>
#include <string.h>

#include "zone/inside.h"

enum {
	PACKED_MAX = 256, /* octets of packed uses */
	HEAD_SIZE = 2, /* before a packed use's key */
	COUNT_MAX = UINT8_MAX, /* of a packed use */
	KEY_MAX = UINT8_MAX,
	PLANTED =
		1, /* named.role: `rest` begins with the tree; else named.sets octets are packed */
};

struct host *host_find(const struct zone *zone, const uint8_t *name, uint64_t hash)
{
	return pmap_get(&zone->hosts, hash, name, dns_name_size(name));
}

static bool is_planted(const struct host *host)
{
	return host->named.role == PLANTED;
}

static struct tree **tree_of(const struct host *host)
{
	assert(is_planted(host));
	return (struct tree **)(uintptr_t)host->rest;
}

static size_t host_size(const struct host *host)
{
	return (size_t)host->named.name_at + host->named.name_size + host->named.sets;
}

static uint8_t *packed_of(const struct host *host)
{
	return (uint8_t *)(uintptr_t)named_name(&host->named) + host->named.name_size;
}

static bool may_be_packed(const struct tree_entry *use)
{
	return use->key_size <= KEY_MAX && HEAD_SIZE + use->key_size <= PACKED_MAX;
}

/* Writes a use and returns where it ends. */
static uint8_t *write_use(uint8_t *to, uint32_t count, const struct tree_entry *use)
{
	to[0] = (uint8_t)count;
	to[1] = (uint8_t)use->key_size;
	memcpy(to + HEAD_SIZE, use->key, use->key_size);
	return to + HEAD_SIZE + use->key_size;
}

/* The packed use of this key, or NULL. */
static uint8_t *packed_find(const struct host *host, const uint8_t *key, uint16_t size)
{
	uint8_t *use = packed_of(host);
	const uint8_t *end = use + host->named.sets;

	while (use < end) {
		if (use[1] == size && memcmp(use + HEAD_SIZE, key, size) == 0) {
			return use;
		}
		use += HEAD_SIZE + use[1];
	}
	return NULL;
}

bool host_next_use(const struct host *host, uint32_t *at, const uint8_t **key, uint16_t *size)
{
	if (is_planted(host)) {
		const struct tree *uses = *tree_of(host);
		if (*at >= tree_size(uses)) {
			return false;
		}
		const struct tree *use = tree_at(uses, (*at)++);
		*key = tree_key(use);
		*size = use->key_size;
		return true;
	}
	if (*at >= host->named.sets) {
		return false;
	}
	const uint8_t *use = packed_of(host) + *at;
	*key = use + HEAD_SIZE;
	*size = use[1];
	*at += HEAD_SIZE + (uint32_t)*size;
	return true;
}

uint32_t host_count(const struct host *host, const uint8_t *key, uint16_t size)
{
	if (is_planted(host)) {
		const struct tree *use = tree_get(*tree_of(host), key, size);
		return use == NULL ? 0 : use->count;
	}
	const uint8_t *use = packed_find(host, key, size);
	return use == NULL ? 0 : use[0];
}

/* A host in no map yet, with room for `packed` octets of uses, or with a tree. NULL: failed. */
static struct host *host_new(struct txn *txn, const uint8_t *name, uint64_t hash, size_t packed,
			     bool is_in_tree)
{
	const size_t name_size = dns_name_size(name);
	const size_t name_at = sizeof(struct host) + (is_in_tree ? sizeof(struct tree *) : 0);
	struct host *host = txn_new(txn, name_at + name_size + packed);

	if (host != NULL) {
		host->named.role = is_in_tree ? PLANTED : 0;
		host->named.name_at = (uint16_t)name_at;
		host->named.name_size = (uint8_t)name_size;
		host->named.hash = hash;
		host->named.sets = (uint16_t)packed;
		memcpy((uint8_t *)host + name_at, name, name_size);
	}
	return host;
}

struct host *host_first(struct txn *txn, const uint8_t *name, uint64_t hash,
			const struct tree_entry *uses, size_t count)
{
	bool is_in_tree = false;
	size_t packed = 0;

	for (size_t i = 0; i < count; i++) {
		packed += HEAD_SIZE + uses[i].key_size;
		is_in_tree = is_in_tree || !may_be_packed(&uses[i]);
	}
	is_in_tree = is_in_tree || packed > PACKED_MAX;
	struct host *host = host_new(txn, name, hash, is_in_tree ? 0 : packed, is_in_tree);
	if (host == NULL) {
		return NULL;
	}
	uint8_t *to = packed_of(host);
	for (size_t i = 0; i < count; i++) {
		if (is_in_tree) {
			tree_add(txn, tree_of(host), &uses[i]);
		} else {
			to = write_use(to, 1, &uses[i]);
		}
	}
	return host;
}

/* ---- changes ----------------------------------------------------------------------------- */

/* The old host anew, in its place, with room for `packed` octets or a tree; the caller drops it. */
static struct host *host_remake(struct txn *txn, struct zone *zone, const struct host *old,
				size_t packed, bool is_in_tree)
{
	struct host *host =
		host_new(txn, named_name(&old->named), old->named.hash, packed, is_in_tree);

	if (host != NULL) {
		pmap_put(txn, &zone->hosts, &host->named);
	}
	return host;
}

static void host_remove(struct txn *txn, struct zone *zone, struct host *host)
{
	pmap_remove(txn, &zone->hosts, host->named.hash, named_name(&host->named),
		    host->named.name_size);
	txn_drop(txn, host);
}

static struct host *host_own(struct txn *txn, struct zone *zone, struct host *old)
{
	struct host *host = txn_own(txn, old, host_size(old));

	if (host != NULL && host != old) {
		pmap_put(txn, &zone->hosts, &host->named);
	}
	return host;
}

static void pack_more(struct txn *txn, struct zone *zone, struct host *old,
		      const struct tree_entry *use)
{
	const size_t before = old->named.sets;
	struct host *host = host_remake(txn, zone, old, before + HEAD_SIZE + use->key_size, false);

	if (host != NULL) {
		memcpy(packed_of(host), packed_of(old), before);
		write_use(packed_of(host) + before, 1, use);
		txn_scrap(txn, old);
	}
}

/* Takes out the packed use `use` of the old host. */
static void pack_less(struct txn *txn, struct zone *zone, struct host *old, const uint8_t *use)
{
	const size_t size = HEAD_SIZE + (size_t)use[1];
	const size_t before = (size_t)(use - packed_of(old));

	if (size == old->named.sets) {
		host_remove(txn, zone, old);
		return;
	}
	struct host *host = host_remake(txn, zone, old, old->named.sets - size, false);
	if (host != NULL) {
		memcpy(packed_of(host), packed_of(old), before);
		memcpy(packed_of(host) + before, use + size, old->named.sets - before - size);
		txn_scrap(txn, old);
	}
}

/* The packed uses, and one more, in a tree. The count of that one after, or failed. */
static uint32_t plant(struct txn *txn, struct zone *zone, struct host *old,
		      const struct tree_entry *more)
{
	struct host *host = host_remake(txn, zone, old, 0, true);
	const uint8_t *use = packed_of(old);
	const uint8_t *end = use + old->named.sets;

	if (host == NULL) {
		return 0;
	}
	for (; use < end; use += HEAD_SIZE + use[1]) {
		const struct tree_entry entry = {.key = use + HEAD_SIZE, .key_size = use[1]};
		tree_add_many(txn, tree_of(host), &entry, use[0]);
	}
	const uint32_t count = tree_add(txn, tree_of(host), more);
	txn_scrap(txn, old);
	return count;
}

static uint32_t use_packed(struct txn *txn, struct zone *zone, struct host *host,
			   const struct tree_entry *use, int sign)
{
	const uint8_t *there = packed_find(host, use->key, use->key_size);
	const uint32_t count = there == NULL ? 0 : there[0];

	assert(sign > 0 || count > 0);
	if (there == NULL && may_be_packed(use) &&
	    host->named.sets + HEAD_SIZE + use->key_size <= PACKED_MAX) {
		pack_more(txn, zone, host, use);
		return 1;
	}
	if (there == NULL || (sign > 0 && count == COUNT_MAX)) {
		return plant(txn, zone, host, use);
	}
	if (sign < 0 && count == 1) {
		pack_less(txn, zone, host, there);
		return 0;
	}
	struct host *mine = host_own(txn, zone, host);
	if (mine != NULL) {
		uint8_t *mine_use = packed_find(mine, use->key, use->key_size);
		mine_use[0] = (uint8_t)(count + (uint32_t)sign);
	}
	return count + (uint32_t)sign;
}

uint32_t host_use(struct txn *txn, struct zone *zone, const uint8_t *name, uint64_t hash,
		  const struct tree_entry *use, int sign)
{
	struct host *host = host_find(zone, name, hash);

	if (txn->failed) {
		return 0;
	}
	if (host == NULL) {
		assert(sign > 0);
		host = host_first(txn, name, hash, use, 1);
		if (host != NULL) {
			pmap_put(txn, &zone->hosts, &host->named);
		}
		return 1;
	}
	if (!is_planted(host)) {
		return use_packed(txn, zone, host, use, sign);
	}
	host = host_own(txn, zone, host);
	if (host == NULL) {
		return 0;
	}
	struct tree **uses = tree_of(host);
	const uint32_t count =
		sign > 0 ? tree_add(txn, uses, use) : tree_sub(txn, uses, use->key, use->key_size);
	if (*uses == NULL) {
		host_remove(txn, zone, host);
	}
	return count;
}

void host_free(struct slabs *slabs, void *value)
{
	struct host *host = value;

	if (is_planted(host)) {
		tree_free(slabs, *tree_of(host));
	}
	object_free(slabs, host);
}

void host_drop(struct txn *txn, struct host *host)
{
	if (is_planted(host)) {
		tree_drop(txn, *tree_of(host));
	}
	txn_drop(txn, host);
}
