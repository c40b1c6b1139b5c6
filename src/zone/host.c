/*
 * Hosts: who points to a name, so that its addresses are in the address views of the types that
 * use it, and it stays as long as an instance of its owner does. Uses are keys with counts. The few
 * that a host commonly has are packed behind its name; when they pass PACKED_MAX octets all go into
 * a tree, where they stay.
 */
#include <assert.h>
#include <string.h>

#include "zone/inside.h"

enum { PACKED_MAX = 256 };

/* Before a packed use's key. */
struct use_head {
	uint32_t count;
	uint16_t key_size;
};

enum { HEAD_SIZE = 6 }; /* octets of it in memory: uses stand at any address */

struct host *host_find(const struct zone *zone, const uint8_t *name, uint64_t hash)
{
	return pmap_get(&zone->hosts, hash, name, dns_name_size(name));
}

static size_t host_size(const struct host *host)
{
	return sizeof(*host) + host->named.name_size + host->named.sets;
}

static uint8_t *packed_of(const struct host *host)
{
	return (uint8_t *)(host + 1) + host->named.name_size;
}

static struct use_head head_at(const uint8_t *use)
{
	struct use_head head;

	memcpy(&head, use, HEAD_SIZE);
	return head;
}

static void write_use(uint8_t *to, uint32_t count, const struct tree_entry *use)
{
	const struct use_head head = {.count = count, .key_size = use->key_size};

	memcpy(to, &head, HEAD_SIZE);
	memcpy(to + HEAD_SIZE, use->key, use->key_size);
}

/* The packed use of this key, or NULL. */
static uint8_t *packed_find(const struct host *host, const uint8_t *key, uint16_t size)
{
	uint8_t *use = packed_of(host);
	const uint8_t *end = use + host->named.sets;

	while (use < end) {
		const struct use_head head = head_at(use);
		if (head.key_size == size && memcmp(use + HEAD_SIZE, key, size) == 0) {
			return use;
		}
		use += HEAD_SIZE + head.key_size;
	}
	return NULL;
}

bool host_next_use(const struct host *host, uint32_t *at, const uint8_t **key, uint16_t *size)
{
	if (host->uses != NULL) {
		if (*at >= tree_size(host->uses)) {
			return false;
		}
		const struct tree *use = tree_at(host->uses, (*at)++);
		*key = tree_key(use);
		*size = use->key_size;
		return true;
	}
	if (*at >= host->named.sets) {
		return false;
	}
	const uint8_t *use = packed_of(host) + *at;
	*key = use + HEAD_SIZE;
	*size = head_at(use).key_size;
	*at += HEAD_SIZE + (uint32_t)*size;
	return true;
}

uint32_t host_count(const struct host *host, const uint8_t *key, uint16_t size)
{
	if (host->uses != NULL) {
		const struct tree *use = tree_get(host->uses, key, size);
		return use == NULL ? 0 : use->count;
	}
	const uint8_t *use = packed_find(host, key, size);
	return use == NULL ? 0 : head_at(use).count;
}

struct host *host_first(struct txn *txn, const uint8_t *name, uint64_t hash,
			const struct tree_entry *uses, size_t count)
{
	const size_t size = dns_name_size(name);
	size_t packed = 0;

	for (size_t i = 0; i < count; i++) {
		packed += HEAD_SIZE + uses[i].key_size;
	}
	struct host *host = txn_new(txn, sizeof(*host) + size + packed);
	if (host == NULL) {
		return NULL;
	}
	memcpy(host + 1, name, size);
	host->named.name_at = sizeof(*host);
	host->named.name_size = (uint8_t)size;
	host->named.hash = hash;
	host->named.sets = (uint16_t)packed;
	uint8_t *to = packed_of(host);
	for (size_t i = 0; i < count; i++) {
		write_use(to, 1, &uses[i]);
		to += HEAD_SIZE + uses[i].key_size;
	}
	return host;
}

/* ---- changes ----------------------------------------------------------------------------- */

/* A host of this name, by its hash, with room for `packed` octets of uses. */
static struct host *host_make(struct txn *txn, struct zone *zone, const uint8_t *name,
			      uint64_t hash, size_t packed)
{
	const size_t size = dns_name_size(name);
	struct host *host = txn_new(txn, sizeof(*host) + size + packed);

	if (host == NULL) {
		return NULL;
	}
	memcpy(host + 1, name, size);
	host->named.name_at = sizeof(*host);
	host->named.name_size = (uint8_t)size;
	host->named.hash = hash;
	host->named.sets = (uint16_t)packed;
	pmap_put(txn, &zone->hosts, &host->named);
	return host;
}

/* The same in the place of the old one, which the caller drops. */
static struct host *host_remake(struct txn *txn, struct zone *zone, const struct host *old,
				size_t packed)
{
	return host_make(txn, zone, named_name(&old->named), old->named.hash, packed);
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

static void pack_first(struct txn *txn, struct zone *zone, const uint8_t *name, uint64_t hash,
		       const struct tree_entry *use)
{
	struct host *host = host_make(txn, zone, name, hash, HEAD_SIZE + use->key_size);

	if (host != NULL) {
		write_use(packed_of(host), 1, use);
	}
}

static void pack_more(struct txn *txn, struct zone *zone, struct host *old,
		      const struct tree_entry *use)
{
	const size_t before = old->named.sets;
	struct host *host = host_remake(txn, zone, old, before + HEAD_SIZE + use->key_size);

	if (host != NULL) {
		memcpy(packed_of(host), packed_of(old), before);
		write_use(packed_of(host) + before, 1, use);
		txn_scrap(txn, old);
	}
}

/* Takes out the packed use `use` of the old host. */
static void pack_less(struct txn *txn, struct zone *zone, struct host *old, const uint8_t *use)
{
	const size_t size = HEAD_SIZE + (size_t)head_at(use).key_size;
	const size_t before = (size_t)(use - packed_of(old));

	if (size == old->named.sets) {
		host_remove(txn, zone, old);
		return;
	}
	struct host *host = host_remake(txn, zone, old, old->named.sets - size);
	if (host != NULL) {
		memcpy(packed_of(host), packed_of(old), before);
		memcpy(packed_of(host) + before, use + size, old->named.sets - before - size);
		txn_scrap(txn, old);
	}
}

/* The packed uses, and one more, in a tree. */
static void plant(struct txn *txn, struct zone *zone, struct host *old,
		  const struct tree_entry *more)
{
	struct host *host = host_remake(txn, zone, old, 0);
	const uint8_t *use = packed_of(old);

	for (size_t at = 0; host != NULL && at < old->named.sets;) {
		const struct use_head head = head_at(use + at);
		const struct tree_entry entry = {.key = use + at + HEAD_SIZE,
						 .key_size = head.key_size};
		tree_add_many(txn, &host->uses, &entry, head.count);
		at += HEAD_SIZE + (size_t)head.key_size;
	}
	if (host != NULL) {
		tree_add(txn, &host->uses, more);
		txn_scrap(txn, old);
	}
}

static uint32_t use_packed(struct txn *txn, struct zone *zone, struct host *host,
			   const struct tree_entry *use, int sign)
{
	const uint8_t *there = packed_find(host, use->key, use->key_size);
	const uint32_t count = there == NULL ? 0 : head_at(there).count;

	assert(sign > 0 || count > 0);
	if (there == NULL) {
		if (host->named.sets + HEAD_SIZE + use->key_size > PACKED_MAX) {
			plant(txn, zone, host, use);
		} else {
			pack_more(txn, zone, host, use);
		}
		return 1;
	}
	if (sign < 0 && count == 1) {
		pack_less(txn, zone, host, there);
		return 0;
	}
	struct host *mine = host_own(txn, zone, host);
	if (mine != NULL) {
		uint8_t *mine_use = packed_find(mine, use->key, use->key_size);
		write_use(mine_use, count + (uint32_t)sign, use);
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
		pack_first(txn, zone, name, hash, use);
		return 1;
	}
	if (host->uses == NULL) {
		return use_packed(txn, zone, host, use, sign);
	}
	host = host_own(txn, zone, host);
	if (host == NULL) {
		return 0;
	}
	const uint32_t count = sign > 0 ? tree_add(txn, &host->uses, use)
					: tree_sub(txn, &host->uses, use->key, use->key_size);
	if (host->uses == NULL) {
		host_remove(txn, zone, host);
	}
	return count;
}

void host_free(struct slabs *slabs, void *value)
{
	struct host *host = value;

	tree_free(slabs, host->uses);
	object_free(slabs, host);
}
