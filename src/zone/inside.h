/*
 * The inside of a root: for the files of this module only.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "zone/hash.h"
#include "zone/object.h"
#include "zone/pmap.h"
#include "zone/ptree.h"
#include "zone/roster.h"
#include "zone/zone.h"

struct root {
	struct object object;
	uint64_t version;
	uint64_t index;
	struct slabs *slabs; /* where all of it lives; shared by all versions */
	struct siphash_key hash; /* drawn for each process */
	uint64_t depths; /* where there are apexes: see hash.h */
	struct pmap zones; /* apex -> struct zone */
};

/* The explicit RRs of one type at one name. Members: flags u8, size u16, RDATA. */
struct rrset {
	uint16_t type;
	uint16_t count;
	uint32_t ttl;
	uint32_t at[]; /* of several: octets of all, then the offset of each but the first */
};

/* What is known of a registered name beside its records. */
struct registration {
	uint64_t version;
	struct lease *lease;
	uint32_t changed_low; /* s; the node has bits 32 to 39 */
	uint32_t lease_s;
	uint32_t key_lease_s;
	uint16_t subtypes_size;
	uint8_t owner_size;
	uint8_t owner_kind : 4;
	uint8_t flags : 4;
};

/* Derived sets. */
struct faces {
	struct object object;
	struct roster *ptr; /* see members.c */
	struct roster *srv;
	struct roster *a; /* see pool.c */
	struct roster *aaaa;
	struct tree *weights; /* address view: those over 0 there are. Key: priority, weight */
};

struct garbage {
	struct slabs *slabs;
	struct bag *bag;
};

enum node_parts { NODE_FACES = 1, NODE_REGISTRATION = 2, NODE_RING = 4, NODE_BLOCK = 8 };

struct node {
	struct named named;
	uint32_t children; /* nodes one label below */
	uint16_t signed_back; /* s, of the registration's mark before its time */
	uint8_t changed_high; /* of the registration's time */
	uint8_t parts;
	uint64_t rest[]; /* see the head of node.c */
};

/* Who points to a host: see host.c. */
struct host {
	struct named named; /* sets: octets of packed uses */
	uint64_t rest[]; /* a tree of uses, or nothing; the name; packed uses */
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
	struct siphash_state apex_state; /* of it */
	struct siphash_key ring;
	uint8_t ring_key[SIPHASH_KEY_SIZE];
	struct soa *soa; /* NULL: none yet */
	struct pmap names; /* existing names -> struct node */
	struct pmap pending; /* names that have no records, but something was put */
	struct pmap hosts; /* targets of instances -> struct host */
	void *marks; /* of withdrawn names, see marks.c; NULL: none */
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
struct change;

struct changes {
	struct arena arena;
	const struct siphash_key *hash; /* the transaction's */
	struct change *first;
	struct change **end;
	size_t count;
	struct change **slots; /* by hash */
	size_t room; /* slots; a power of two, or 0 */
};

enum { NODES_OWNED = 8 };

/* One zone under work. */
struct zone_work {
	struct zone *zone; /* made by this transaction */
	struct changes changes;
	uint32_t serial_from; /* of the version before */
	const struct soa *soa_from; /* of the version before, or NULL */
	bool is_serial_set;
	struct node *owned[NODES_OWNED]; /* that node_own() gave last, in turn; they may be gone */
	unsigned owned_next;
	bool is_anew; /* all names came anew: no changes are gathered (again.c) */
	const struct zone *from; /* in the version before; NULL: it is new */
	struct load *load; /* names that come all at once: load.c; NULL: none do */
	struct zone_work *next;
};

/* load.c: forgets what was not built. Takes NULL. */
void load_free(struct load *load);

/* The same as zone_load() for a name that had `before` in this zone: its lease goes on. */
int load_over(struct root_writer *writer, struct zone_work *work, const struct content *content,
	      const struct node *before);

/* again.c: all names again under another shape; leases go on. ERR_NOMEM. */
int zone_reshape(struct root_writer *writer, struct zone_work *work,
		 const struct zone_shape *shape);

/* Gathers what differs from the version before; false: it is too much to be kept. */
bool changes_compare(struct root_writer *writer, struct zone_work *work);

/* write.c: ends a lease, of many; leases_ended() behind the last. Sets txn->failed. */
void lease_end(struct root_writer *writer, struct lease *lease);
void leases_ended(struct root_writer *writer);

/* write.c: the zone under work; NULL: no such zone, or failed. */
struct zone_work *work_of(struct root_writer *writer, const uint8_t *apex);

enum lease_event { LEASE_BEGINS, LEASE_ENDS, LEASE_LASTS };

struct lease_change {
	struct lease *lease;
	enum lease_event event;
	uint32_t lease_s; /* from the commit on, of one that lasts */
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

/* What a lease keeps of its zone's name. */
static inline uint8_t zone_tag(const struct zone *zone)
{
	return (uint8_t)(zone->named.hash >> 56);
}

/* marks.c: puts a mark, as it is, or made for a name of `owner`, a key. Sets txn->failed. */
void marks_put(struct txn *txn, struct zone *zone, const struct zone_mark *mark, uint64_t now_s);
void marks_note(struct txn *txn, struct zone *zone, const uint8_t *name, const struct owner *owner,
		const struct zone_mark *mark, uint64_t now_s);
void marks_unkeep(struct txn *txn, struct zone *zone, const uint8_t *name);
void marks_free(struct slabs *slabs, struct zone *zone); /* at the end of a root's life */

/* find.c: what was put for a name without records. */
struct node *pending_find(const struct zone *zone, const uint8_t *name, uint64_t hash);

/* node.c */
struct node *names_get(const struct zone *zone, const uint8_t *name);
struct node *names_get_at(const struct zone *zone, const uint8_t *name, uint64_t hash);
const struct registration *node_registration(const struct node *node);
struct owner node_owner(const struct node *node);
const uint8_t *node_subtypes(const struct node *node, uint16_t *size);

/* Where a node of this writer keeps the pointer to its faces; NULL: it cannot have any. */
static inline struct faces **node_faces_slot(const struct node *node)
{
	return (node->parts & NODE_FACES) == 0 ? NULL : (struct faces **)(uintptr_t)node->rest;
}

static inline struct faces *node_faces(const struct node *node)
{
	return (node->parts & NODE_FACES) == 0 ? NULL : *node_faces_slot(node);
}

/* Of an instance with an SRV: the place of its first one on the ring. */
uint64_t node_ring(const struct node *node);

/* The sets by type: the first of node->named.sets, and the next of one that is not the last. */
const struct rrset *node_sets(const struct node *node);
const struct rrset *rrset_next(const struct rrset *set);

/* The set of a type; NULL: none, or no node. */
const struct rrset *node_rrset(const struct node *node, uint16_t type);
bool rrset_equal(const struct rrset *one, const struct rrset *other);
const uint8_t *rrset_member(const struct rrset *set, uint32_t index, uint16_t *size,
			    uint8_t *flags);
bool faces_are_empty(const struct faces *faces);

/*
 * At the end of a root's life: first the faces of all nodes, which look at the nodes in them, then
 * the nodes. For pmap_walk() and pmap_free().
 */
int node_free_faces(void *slabs, void *value);
void node_free(struct slabs *slabs, void *value);

/* write.c: the draft of a name's new content; false: failed. `hash`: of the name. */
struct draft;
bool draft_make(struct root_writer *writer, const struct zone *zone, const struct node *before,
		const struct content *content, uint64_t hash, struct draft *draft);
bool node_is_cut(const struct node *node);

/* What is about to be a name's own. */
struct draft {
	const struct content *content; /* NULL: nothing was put */
	const struct record **records; /* by type */
	size_t count;
	bool has_registration;
	struct lease *lease;
};

/* A node, in no map yet. NULL: failed. */
struct node *node_make(struct txn *txn, const struct zone *zone, const uint8_t *name, uint64_t hash,
		       const struct draft *draft);

/* Puts a node in the place of that name's, with its children and faces. NULL: failed. */
struct node *node_put(struct root_writer *writer, struct zone_work *work, const uint8_t *name,
		      uint64_t hash, const struct draft *draft);

/*
 * The node of a name, made with its ancestors where it is missing, and this writer's own: its
 * children and faces may be changed. NULL: failed.
 */
struct node *node_own(struct root_writer *writer, struct zone_work *work, const uint8_t *name);

/* Drops a node and its sets, not what else it leads to. */
void node_drop(struct txn *txn, struct node *node);

/* Takes away the node of a name if it holds nothing, and then ancestors that hold nothing. */
void node_prune(struct root_writer *writer, struct zone_work *work, const uint8_t *name,
		uint64_t hash);

/* members.c */
enum face_kind { FACE_PTR, FACE_SRV };

/* A target, or an SRV's RDATA; without `value` the first place at a priority and on its ring. */
struct member_key {
	enum face_kind kind;
	uint16_t priority;
	uint16_t size;
	uint64_t ring;
	const uint8_t *value;
};

uint16_t srv_priority(const uint8_t *rdata);
uint64_t srv_ring(const struct zone *zone, const uint8_t *rdata, uint16_t size);
struct member_key ptr_key(const uint8_t *target);
struct member_key srv_key(const struct zone *zone, const uint8_t *rdata, uint16_t size);

const uint8_t *member_value(enum face_kind kind, const void *member, uint16_t *size);

/* The node of an instance, not an entry? */
bool member_is_node(const void *member);

/* How many give this RR. */
uint32_t member_count(const void *member);

const void *members_get(const struct roster *face, const struct member_key *key);

/* How many members are before the key. */
uint32_t members_rank(const struct roster *face, const struct member_key *key);

/* One more, one less that gives an RR; `node`, if it can be the member. The count after. */
uint32_t members_add(struct txn *txn, struct roster **face, const struct member_key *key,
		     const struct node *node);
uint32_t members_sub(struct txn *txn, struct roster **face, const struct member_key *key);

/* If the member is `from`, which goes, it is now `to`, or an entry. */
void members_repoint(struct txn *txn, struct roster **face, const struct member_key *key,
		     const struct node *from, const struct node *to);
void members_free(struct slabs *slabs, struct roster *face);
void members_drop(struct txn *txn, struct roster *face);

/* Something with a place in the order of priority and ring, for building all at once. */
struct ring_item {
	uint64_t ring;
	void *value;
	uint16_t priority;
	uint32_t weight; /* of an address */
};

/*
 * The face of instances' nodes: PTR, in the order of their names; or SRV, items by priority and
 * ring. NULL: there are none, or failed.
 */
struct roster *members_build_ptr(struct txn *txn, void **nodes, size_t count);
struct roster *members_build_srv(struct txn *txn, const struct ring_item *items, size_t count);

/* Are these nodes in the order of a PTR face? */
int members_order(const struct node *one, const struct node *other);

/* `many` more that give an RR that no instance can be the member of. */
void members_add_many(struct txn *txn, struct roster **face, const struct member_key *key,
		      uint32_t many);

/* host.c */
struct host *host_find(const struct zone *zone, const uint8_t *name, uint64_t hash);

/* One more, or one less, use of a host, by the hash of its name. The count after, or failed. */
uint32_t host_use(struct txn *txn, struct zone *zone, const uint8_t *name, uint64_t hash,
		  const struct tree_entry *use, int sign);
/* A host with these first uses, each once, in no map yet. NULL: failed. */
struct host *host_first(struct txn *txn, const uint8_t *name, uint64_t hash,
			const struct tree_entry *uses, size_t count);
uint32_t host_count(const struct host *host, const uint8_t *key, uint16_t size);

/* The keys of all uses: start with *at = 0; false at the end. */
bool host_next_use(const struct host *host, uint32_t *at, const uint8_t **key, uint16_t *size);
void host_free(struct slabs *slabs, void *value);
void host_drop(struct txn *txn, struct host *host); /* with its uses, not from the map */

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

/* Only the uses of hosts among a name's shares: these begin. */
void shares_use(struct root_writer *writer, struct zone_work *work, const struct shares *shares);

/* The node of an instance was copied: its faces hold the new one from now on. */
void derive_repoint(struct root_writer *writer, struct zone_work *work, const struct node *from,
		    const struct node *to);

/* Is an instance with this node in the pool? */
bool node_is_in_pool(const struct node *node);

/* The faces of the node `name`, this writer's own. NULL: failed. */
struct faces *faces_own(struct root_writer *writer, struct zone_work *work, const uint8_t *name);

/* Takes away faces of the node that are empty, and the node if nothing else is there. */
void faces_tidy(struct root_writer *writer, struct zone_work *work, const uint8_t *name);

/* A derived RR came, or went. */
void derive_say(struct root_writer *writer, struct zone_work *work, int sign, const uint8_t *name,
		uint16_t type, const uint8_t *rdata, uint16_t size);

/* A name of `prefix` and `suffix` in the scratch; NULL: over 255 octets, or failed. */
const uint8_t *derive_join(struct root_writer *writer, const uint8_t *prefix,
			   const uint8_t *suffix);

#define OWNER_KEY_MAX 258

/* Key of a host's use by an owner: 'o', kind, id. */
uint16_t owner_key(uint8_t out[OWNER_KEY_MAX], uint8_t kind, const uint8_t *id, uint8_t size);

/* pool.c */
struct dns_srv;

/* An address in the view of a type: ordered by priority, ring, octets. */
struct pool_entry {
	struct object object;
	uint8_t size; /* of the address */
	uint16_t priority;
	uint64_t ring;
	uint32_t count; /* of uses that lead to it */
	uint32_t weight; /* sum of theirs */
	uint8_t address[];
};

/*
 * Key of a host's use in a pool: 't' for _tcp or 'u' for _udp, the type's first label folded,
 * priority, weight, port.
 */
uint16_t pool_key_size(const uint8_t *type);
void pool_key(uint8_t *out, const uint8_t *type, const struct dns_srv *srv);

/* Do two keys differ in the port at most? The view of the type has none. */
bool pool_key_is_alike(const struct tree_entry *one, const struct tree_entry *other);

/* The use `key` of a host with this node begins (sign 1) or ends: its addresses come or go. */
void pool_move(struct root_writer *writer, struct zone_work *work, int sign,
	       const struct node *host, const struct tree_entry *key);

/* The addresses of a host changed from one set to the other (either may be NULL). */
void pool_readdress(struct root_writer *writer, struct zone_work *work, const uint8_t *host,
		    uint64_t hash, const struct rrset *before, const struct rrset *after);

/* Entries for all addresses of a host's node, to be built by pool_build(); false: failed. */
typedef bool (*pool_entry_fn)(void *context, struct pool_entry *entry);
bool pool_entries(struct txn *txn, const struct zone *zone, const struct node *host,
		  const struct dns_srv *srv, pool_entry_fn fn, void *context);

/* The view of a type, which has none yet, from entries by priority and ring. */
void pool_build(struct root_writer *writer, struct zone_work *work, const uint8_t *type,
		struct ring_item *items, size_t count, bool is_aaaa);

/* Lowest priority that has an address in an address view; -1: none. */
int pool_level(const struct faces *faces);

/* How many entries are before this priority and place on its ring. */
uint32_t pool_rank(const struct roster *face, uint16_t priority, uint64_t ring);

/* Weight of an entry of an address view. */
uint16_t pool_weight(const struct pool_entry *entry);
