/*
 * The inside of a root: for the files of this module only.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "zone/object.h"
#include "zone/pmap.h"
#include "zone/ptree.h"
#include "zone/zone.h"

struct root {
	struct object object;
	uint64_t version;
	uint64_t index;
	struct siphash_key hash; /* drawn for each process */
	size_t labels_max; /* of an apex: longer names need not be looked for */
	struct pmap zones; /* apex -> struct zone */
};

/* The explicit RRs of one type at one name. Members: flags u8, size u16, RDATA. */
struct rrset {
	struct object object;
	uint16_t type;
	uint16_t count;
	uint32_t ttl;
	uint32_t size; /* of the members, behind the offsets */
	uint32_t at[]; /* offset of each member */
};

/* What is known of a registered name beside its records. */
struct registration {
	struct object object;
	uint64_t version;
	uint64_t changed_s;
	uint32_t lease_s;
	uint32_t key_lease_s;
	struct lease_box *lease;
	uint16_t subtypes_size;
	uint8_t flags;
	uint8_t owner_kind;
	uint8_t owner_size;
	uint8_t data[]; /* owner's id, subtypes */
};

struct lease_box {
	struct object object;
	struct lease lease;
	uint8_t name[];
};

/*
 * Derived sets. Keys: PTR: order of the target; SRV, addresses: priority, ring, the rest. The value
 * of an address is the sum of the weights of the SRVs that lead to it.
 */
struct faces {
	struct object object;
	struct tree *ptr;
	struct tree *srv;
	struct tree *a;
	struct tree *aaaa;
	struct tree *weights; /* address view: those over 0 there are. Key: priority, weight */
};

struct node {
	struct named named;
	struct registration *registration; /* NULL: nobody's */
	struct faces *faces; /* NULL: none */
	uint32_t children; /* nodes one label below */
	uint8_t role;
	uint16_t sets;
	struct rrset *set[]; /* by type; the name stands behind */
};

/* Who points to a host. Keys: see host_use_key(). */
struct host {
	struct named named;
	struct tree *uses;
};

struct soa {
	struct object object;
	struct zone_soa soa;
};

struct history {
	struct object object;
	struct history *older; /* followed `count - 1` times at most */
	struct delta delta;
	size_t size;
};

struct zone {
	struct named named;
	bool is_registry;
	bool is_served;
	uint32_t serial;
	uint64_t base_hash;
	struct zone_shape shape;
	struct siphash_key hash; /* the root's */
	struct siphash_key ring;
	uint8_t ring_key[SIPHASH_KEY_SIZE];
	struct soa *soa; /* NULL: none yet */
	struct pmap names; /* existing names -> struct node */
	struct pmap pending; /* names that have no records, but something was put */
	struct pmap hosts; /* targets of instances -> struct host */
	size_t cuts; /* nodes with NS below the apex, or DNAME */
	size_t instances;
	size_t leases;
	struct history *history; /* newest */
	size_t history_count;
	size_t history_size;
	uint8_t apex[DNS_NAME_MAX];
	uint8_t apex_labels;
};

/* A delta in the making: RRs by name, type, TTL and RDATA, with the sum of what happened to each. */
struct change {
	struct delta_rr rr;
	int sum;
};

struct changes {
	struct arena arena;
	struct map index; /* key: see delta.c */
	struct change **list;
	size_t count;
	size_t room;
};

/* One zone under work. */
struct zone_work {
	struct zone *zone; /* made by this transaction */
	struct changes changes;
	uint32_t serial_from; /* of the version before */
	const struct soa *soa_from; /* of the version before, or NULL */
	bool is_serial_set;
	struct zone_work *next;
};

struct lease_change {
	struct lease *lease;
	bool is_new;
};

struct root_writer {
	struct txn txn;
	struct root *root; /* the draft; made by this transaction */
	struct zone_work *works;
	struct zone_work *last; /* found by the last call */
	struct arena scratch;
	struct lease_change *leases;
	size_t lease_count;
	size_t lease_room;
	bool is_silent;
};

/* delta.c */
void changes_init(struct changes *changes, const struct siphash_key *hash);
void changes_deinit(struct changes *changes);

/* Says that an RR came (sign 1) or went (-1). Sets txn->failed. */
void changes_add(struct root_writer *writer, struct zone_work *work, int sign,
		 const struct delta_rr *rr);

/* Makes the delta and steps the serial, where something changed. */
void zone_finish(struct root_writer *writer, struct zone_work *work);
void zone_clear_history(struct txn *txn, struct zone *zone);

/* node.c */
struct node *names_get(const struct zone *zone, const uint8_t *name);
const struct rrset *node_rrset(const struct node *node, uint16_t type);
const uint8_t *rrset_member(const struct rrset *set, uint32_t index, uint16_t *size,
			    uint8_t *flags);
bool faces_are_empty(const struct faces *faces);
void node_free(void *value);

/* A set of these records, which have one type and TTL. NULL: failed. */
struct rrset *rrset_make(struct txn *txn, const struct record *const *records, size_t count);

/*
 * The node of a name, made with its ancestors where it is missing, and this writer's own, with
 * room for `sets` sets. NULL: failed.
 */
struct node *node_own(struct root_writer *writer, struct zone_work *work, const uint8_t *name,
		      uint16_t sets);

/* Takes away the node of a name if it holds nothing, and then ancestors that hold nothing. */
void node_prune(struct root_writer *writer, struct zone_work *work, const uint8_t *name);

/* derive.c */

/* What a name adds to derived sets, as it stands; memory from the writer's scratch. */
struct share;
struct shares {
	struct share *first;
	size_t count;
};
void shares_of(struct root_writer *writer, const struct zone *zone, const struct node *node,
	       struct shares *shares);

/* Moves the derived sets from the shares of a name before its change to those after. */
void shares_move(struct root_writer *writer, struct zone_work *work, struct shares *before,
		 struct shares *after);

/* The addresses of a host changed from one set to the other (either may be NULL). */
void derive_addresses(struct root_writer *writer, struct zone_work *work, const uint8_t *host,
		      const struct rrset *before, const struct rrset *after);

/* Is an instance with this node in the pool? */
bool node_is_in_pool(const struct node *node);

/* Lowest priority that has an address in an address view; -1: none. */
int pool_level(const struct faces *faces);

/* Weight of an entry of an address view. */
uint16_t pool_weight(const struct tree *entry);
