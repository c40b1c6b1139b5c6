/*
 * Nodes: a name with its RRsets, and the empty non-terminals that lead to it. An ancestor counts
 * the nodes one label below, so that NXDOMAIN (RFC 8020) and NODATA can be told apart at once.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "zone/inside.h"

struct node *names_get(const struct zone *zone, const uint8_t *name)
{
	const size_t size = dns_name_size(name);

	return pmap_get(&zone->names, name_hash(&zone->hash, name, size), name, size);
}

const struct rrset *node_rrset(const struct node *node, uint16_t type)
{
	for (uint16_t i = 0; i < node->sets; i++) {
		if (node->set[i]->type == type) {
			return node->set[i];
		}
	}
	return NULL;
}

/* ---- RRsets ------------------------------------------------------------------------------ */

static const uint8_t *members(const struct rrset *set)
{
	return (const uint8_t *)(set->at + set->count);
}

const uint8_t *rrset_member(const struct rrset *set, uint32_t index, uint16_t *size, uint8_t *flags)
{
	const uint8_t *member = members(set) + set->at[index];

	*size = (uint16_t)(member[1] << 8 | member[2]);
	if (flags != NULL) {
		*flags = member[0];
	}
	return member + 3;
}

struct rrset *rrset_make(struct txn *txn, const struct record *const *records, size_t count)
{
	size_t octets = 0;

	for (size_t i = 0; i < count; i++) {
		octets += 3u + records[i]->size;
	}
	struct rrset *set = txn_new(txn, sizeof(*set) + count * sizeof(set->at[0]) + octets);
	if (set == NULL) {
		return NULL;
	}
	set->type = records[0]->type;
	set->ttl = records[0]->ttl;
	set->count = (uint16_t)count;
	set->size = (uint32_t)octets;
	uint8_t *start = (uint8_t *)(set->at + count);
	struct buf_writer out = buf_writer(start, octets);
	for (size_t i = 0; i < count; i++) {
		set->at[i] = (uint32_t)buf_written(&out);
		buf_write_u8(&out, records[i]->flags);
		buf_write_u16(&out, records[i]->size);
		buf_write(&out, records[i]->rdata, records[i]->size);
	}
	assert(!out.failed);
	return set;
}

bool faces_are_empty(const struct faces *faces)
{
	return faces == NULL || (faces->ptr == NULL && faces->srv == NULL && faces->a == NULL &&
				 faces->aaaa == NULL);
}

/* ---- nodes ------------------------------------------------------------------------------- */

static size_t node_size(uint16_t sets, size_t name_size)
{
	return sizeof(struct node) + sets * sizeof(struct rrset *) + name_size;
}

/* A copy of `old` (or a new one of this name) with room for `sets` sets; the old one is dropped. */
static struct node *remake(struct txn *txn, const struct zone *zone, struct node *old,
			   const uint8_t *name, uint16_t sets)
{
	const uint8_t *spelled = old != NULL ? old->named.name : name;
	const size_t name_size = dns_name_size(spelled);
	struct node *node = txn_new(txn, node_size(sets, name_size));

	if (node == NULL) {
		return NULL;
	}
	if (old != NULL) {
		const size_t kept = old->sets < sets ? old->sets : sets;
		node->registration = old->registration;
		node->faces = old->faces;
		node->children = old->children;
		memcpy(node->set, old->set, kept * sizeof(node->set[0]));
	}
	uint8_t *at = (uint8_t *)(node->set + sets);
	memcpy(at, spelled, name_size);
	node->named.name = at;
	node->named.name_size = (uint16_t)name_size;
	node->named.hash = name_hash(&zone->hash, spelled, name_size);
	node->role = (uint8_t)zone_role(zone, spelled);
	node->sets = sets;
	txn_drop(txn, old);
	return node;
}

struct node *node_own(struct root_writer *writer, struct zone_work *work, const uint8_t *name,
		      uint16_t sets)
{
	struct zone *zone = work->zone;
	struct txn *txn = &writer->txn;
	struct node *old = names_get(zone, name);

	if (old != NULL && txn_made(txn, &old->named.object) && old->sets == sets) {
		return old;
	}
	struct node *node = remake(txn, zone, old, name, sets);
	if (node == NULL) {
		return NULL;
	}
	pmap_put(txn, &zone->names, &node->named);
	if (old != NULL || node->role == ROLE_APEX) {
		return node;
	}
	const uint8_t *parent_name = dns_name_parent(node->named.name);
	const struct node *there = names_get(zone, parent_name);
	struct node *parent = node_own(writer, work, parent_name, there == NULL ? 0 : there->sets);
	if (parent == NULL) {
		return NULL;
	}
	parent->children++;
	return node;
}

static bool is_bare(const struct node *node)
{
	return node->sets == 0 && node->children == 0 && faces_are_empty(node->faces) &&
	       node->role != ROLE_APEX;
}

void node_prune(struct root_writer *writer, struct zone_work *work, const uint8_t *name)
{
	struct txn *txn = &writer->txn;
	struct zone *zone = work->zone;

	for (;;) {
		struct node *node = names_get(zone, name);
		if (txn->failed || node == NULL || !is_bare(node)) {
			return;
		}
		assert(node->registration == NULL);
		pmap_remove(txn, &zone->names, node->named.hash, node->named.name,
			    node->named.name_size);
		txn_drop(txn, node->faces);
		name = dns_name_parent(node->named.name);
		txn_drop(txn, node);
		const struct node *there = names_get(zone, name);
		assert(there != NULL);
		struct node *parent = node_own(writer, work, name, there->sets);
		if (parent == NULL) {
			return;
		}
		parent->children--;
		name = parent->named.name;
	}
}

void node_free(void *value)
{
	struct node *node = value;

	for (uint16_t i = 0; i < node->sets; i++) {
		free(node->set[i]);
	}
	if (node->registration != NULL) {
		free(node->registration->lease);
		free(node->registration);
	}
	if (node->faces != NULL) {
		tree_free(node->faces->ptr);
		tree_free(node->faces->srv);
		tree_free(node->faces->a);
		tree_free(node->faces->aaaa);
		tree_free(node->faces->weights);
		free(node->faces);
	}
	free(node);
}
