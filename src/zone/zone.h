/*
 * The root: one immutable version of everything the registry knows, and the writer that makes the
 * next one.
 *
 * Reading: any thread that holds a root (RCU or a counted reference) may look into it; nothing in
 * it ever changes. Writing: the core alone begins a writer, puts names, and commits, which gives a
 * new root and the garbage of the old one; abort leaves the old root as it was. A name's whole
 * content is put at once (zone_put); the records that the zone derives from it (PTR, SRV at the
 * type, address view: RFC 6763, RFC 2782, design section 6), the empty non-terminals, the counts
 * and the delta follow from that one call. Thread: core for the writer, any for the rest.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "crypto/siphash.h"
#include "dns/name.h"
#include "zone/roster.h"

struct root;
struct zone;
struct node;
struct root_writer;
struct garbage;

/* What makes a name's records somebody's. */
enum owner_kind {
	OWNER_NONE = 0,
	OWNER_BASE = 1, /* the base file */
	OWNER_NET = 2, /* unsigned, let in by its network */
	OWNER_KEY = 3, /* a TSIG key; id: its name, folded wire form */
	OWNER_OPERATOR = 4,
};

struct owner {
	enum owner_kind kind;
	uint8_t id_size;
	const uint8_t *id;
};

bool owner_equal(const struct owner *one, const struct owner *other);

/* "key ops", "net", "base": for messages. Returns `out`. */
char *owner_text(char out[DNS_NAME_TEXT_MAX + 8], const struct owner *owner);

/* Settings that shape a registry zone; they travel in the log. */
struct zone_shape {
	uint32_t ttl_derived_s;
	uint32_t ttl_max_s;
	uint32_t lease_min_s;
	uint32_t lease_max_s;
	uint32_t key_lease_max_s;
	uint8_t lease_default; /* enum zone_lease_default */
	uint32_t lease_default_s; /* with ZONE_LEASE_DURATION */
	uint32_t answer_max;
	uint32_t change_max;
	uint8_t pool_label[DNS_LABEL_MAX + 1];
};

enum zone_lease_default { ZONE_LEASE_PERMANENT, ZONE_LEASE_DURATION, ZONE_LEASE_REFUSE };

/* The SOA, apart from the serial, which the root counts. */
struct zone_soa {
	uint32_t ttl;
	uint8_t mname[DNS_NAME_MAX];
	uint8_t rname[DNS_NAME_MAX];
	uint32_t serial; /* of the file */
	uint32_t refresh;
	uint32_t retry;
	uint32_t expire;
	uint32_t minimum;
};

/*
 * A lease: the one word that lives outside the versions. Workers move `renewed_ms` by
 * compare-and-swap; the core alone reads and writes the rest.
 */
#define LEASE_EXPIRING UINT64_MAX /* its end is on its way: a heartbeat takes the logged path */
#define LEASE_KEPT 0 /* over, not renewed since, and it stays: registry/guard.h */

struct lease {
	struct object object; /* inside */
	uint8_t zone_tag; /* inside: for root_lease_node() */
	bool is_kept; /* core: was over at the last look, and stays */
	uint32_t lease_s; /* core */
	_Atomic(uint64_t) renewed_ms; /* clock_mono_ms() of the last heartbeat, or one of the two */
	struct heap_item due; /* core: when to look, ms */
	uint64_t name_hash; /* inside: for root_lease_node() */
};

/* An explicit record as handed in and out. */
enum record_flags {
	RECORD_BASE = 1, /* from the base file (only the apex mixes) */
	RECORD_LEASED = 2, /* at names without owner: goes with the lease */
};

struct record {
	uint16_t type;
	uint16_t size;
	uint32_t ttl;
	uint8_t flags;
	const uint8_t *rdata;
};

enum name_flags {
	NAME_PTR = 1, /* instance: registered with the PTR at its type */
	NAME_HELD = 2, /* withheld until released */
	NAME_OVERDUE = 4, /* host: its lease is over, an instance of its owner keeps it */
};

/* The whole content of a name. No records and no NAME_PTR: the name goes. */
struct content {
	const uint8_t *name;
	uint64_t hash; /* zone_name_hash() of it in the zone it is put into; 0: not known */
	const struct record *records; /* sets in any order; RRs of one set have one TTL */
	size_t count;
	struct owner owner;
	uint8_t flags;
	uint32_t lease_s; /* 0: permanent */
	uint32_t key_lease_s; /* as granted; kept for later use */
	uint64_t version; /* of the registration: moved by each logged command about it */
	uint64_t changed_s; /* wall clock of that command, below 2^40 */
	uint64_t signed_s; /* its mark: what the owner's key signed earlier is a replay */
	const uint8_t *subtypes; /* instance: labels one behind the other */
	uint16_t subtypes_size;
};

/* What a name is in a registry zone, by its shape alone. */
enum name_role {
	ROLE_PLAIN,
	ROLE_APEX,
	ROLE_TYPE, /* _http._tcp.APEX */
	ROLE_SUBTYPE, /* _printer._sub._http._tcp.APEX */
	ROLE_INSTANCE, /* web._http._tcp.APEX */
	ROLE_SERVICES, /* _services._dns-sd._udp.APEX */
	ROLE_POOL, /* pool.APEX and below: reserved */
};

enum name_role zone_role(const struct zone *zone, const uint8_t *name);

/* The same of a name in the registry zone `apex`, as this label of the pool has it. */
enum name_role zone_role_with(const uint8_t *apex, const uint8_t *pool_label, const uint8_t *name);

/* Is the name in the zone, and what is it then? */
bool zone_place(const struct zone *zone, const uint8_t *name, enum name_role *role);

/*
 * Why a record of this type may not stand at `name`, a name in a registry zone: what follows the
 * name in a sentence; NULL: it may. For the base file and for updates.
 */
const char *zone_place_refusal(const uint8_t *apex, const uint8_t *pool_label, const uint8_t *name,
			       uint16_t type);

/* The same for a name in `zone` whose role is known. */
const char *zone_role_refusal(const struct zone *zone, enum name_role role, const uint8_t *name,
			      uint16_t type);

/* The type of an instance or subtype: the name from its service label on. Points into `name`. */
const uint8_t *zone_type_of(enum name_role role, const uint8_t *name);

/* Names of these roles have no owner: apex, type, subtype, services. */
bool zone_role_is_shared(enum name_role role);

/* Is the name an instance of this type, which is a name with ROLE_TYPE? */
bool zone_is_instance_of(const uint8_t *name, const uint8_t *type);

/* ---- reading ---------------------------------------------------------------------------- */

uint64_t root_version(const struct root *root);
uint64_t root_index(const struct root *root); /* of the last log entry in it */
size_t root_zone_count(const struct root *root);

/* Walks the zones in no order: start with *at = 0; NULL at the end. */
const struct zone *root_next_zone(const struct root *root, size_t *at);

/* The zone of exactly this name, or the deepest that holds `name`; NULL: none. */
const struct zone *root_zone(const struct root *root, const uint8_t *apex);
const struct zone *root_zone_for(const struct root *root, const uint8_t *name);

const uint8_t *zone_apex(const struct zone *zone);
bool zone_is_registry(const struct zone *zone);
bool zone_is_served(const struct zone *zone); /* has its base, is not retired */
uint32_t zone_serial(const struct zone *zone);
const uint8_t *zone_ring_key(const struct zone *zone); /* SIPHASH_KEY_SIZE octets */
const struct zone_shape *zone_shape(const struct zone *zone);
const struct zone_soa *zone_soa(const struct zone *zone);
size_t zone_instance_count(const struct zone *zone);
size_t zone_lease_count(const struct zone *zone);

/* The node of a name: also empty non-terminals; NULL: no such name. */
const struct node *zone_node(const struct zone *zone, const uint8_t *name);

/*
 * The node with what was put for a name. Also one without records, which does not exist for
 * queries: a PTR at the type whose instance has no SRV yet. NULL: nothing was put.
 */
const struct node *zone_entry(const struct zone *zone, const uint8_t *name);

/* The keyed hash of a name in the zone, and the entry by it; names that are equal have one. */
uint64_t zone_name_hash(const struct zone *zone, const uint8_t *name);
const struct node *zone_entry_at(const struct zone *zone, const uint8_t *name, uint64_t hash);

/* The entries of a few names of these sizes, at once, so that their cache misses pass together. */
#define ZONE_ENTRIES 16
void zone_entries(const struct zone *zone, const uint8_t *const *names, const size_t *sizes,
		  const struct node **entries, size_t count);

/* Hash of the base that made the zone what it is; 0: none yet. For noticing that it changed. */
uint64_t zone_base_hash(const struct zone *zone);

const uint8_t *node_name(const struct node *node);

/* Anything that can be answered here? false: an empty non-terminal. */
bool node_has_records(const struct node *node);
bool node_has_type(const struct zone *zone, const struct node *node, uint16_t type);

/* What was put, as views into the node; `records` is filled up to `room`, *count says how many. */
size_t node_content(const struct node *node, struct content *content, struct record *records,
		    size_t room);

/* How a name is held, for who asks whether it stays so. */
struct holding {
	enum name_role role;
	struct owner owner;
	uint8_t flags;
	uint32_t lease_s; /* 0: it has none */
	uint32_t key_lease_s;
	uint64_t signed_s;
	size_t count; /* explicit records */
	uint32_t ttl_max; /* the longest of their TTLs */
};
void node_holding(const struct node *node, struct holding *holding);

/* Was this put for the name, with its TTL and flags? Its value compares as dns_rdata_equal(). */
bool node_has_record(const struct node *node, const struct record *record);

/* The same, whatever its TTL and flags; NULL has nothing. */
bool node_has_value(const struct node *node, uint16_t type, const uint8_t *rdata, uint16_t size);

/* Number of explicit records; room for node_content(). */
size_t node_record_count(const struct node *node);

/* Are all of these the base file's? Also where there are none. */
bool node_is_of_base(const struct node *node);

/* The lease, or NULL for a permanent name. Valid as long as the root. */
struct lease *node_lease(const struct node *node);

/* The name that has the lease, and its zone; NULL: none in this root. */
const struct node *root_lease_node(const struct root *root, const struct lease *lease,
				   const struct zone **zone);

/* Is this instance in its type's pool? */
bool node_is_published(const struct zone *zone, const struct node *node);

/* How many instances of `owner` point to the host `name`. */
size_t zone_pointers(const struct zone *zone, const uint8_t *host, const struct owner *owner);

/*
 * One RRset as queries, prerequisites and transfers see it: explicit and derived together.
 * Members are numbered 0 .. count-1; derived ones in the order of their tree.
 */
struct set {
	uint16_t type;
	uint32_t ttl;
	uint32_t count;
	uint32_t
		lowest; /* derived SRV and addresses: members of the lowest priority, which come first */
	uint16_t heaviest; /* derived addresses: largest weight of a member */
	const struct zone *zone;
	const void *source; /* inside */
	uint8_t kind; /* inside */
	uint16_t said; /* inside: of its members, explicit ones */
};

/* false: no such set at the node. SOA at the apex comes with the present serial. */
bool node_set(const struct zone *zone, const struct node *node, uint16_t type, struct set *set);

/* All sets of a node, derived ones first: start with *at = 0; false at the end. O(1) for each. */
bool node_next_set(const struct zone *zone, const struct node *node, uint64_t *at, struct set *set);

/*
 * RDATA of member `index`; `scratch` is used where it has to be composed. The size is *size.
 * Explicit sets O(1) amortised when walked in order, derived ones O(log n).
 */
#define SET_SCRATCH 600
const uint8_t *set_member(const struct set *set, uint32_t index, uint8_t scratch[SET_SCRATCH],
			  uint16_t *size);

/* Does any member follow from instances, explicit or not? Then it cannot be deleted as a set. */
bool set_is_derived(const struct set *set);

/* Is this RDATA in the set? */
bool set_has(const struct set *set, const uint8_t *rdata, uint16_t size);

/*
 * Walks a derived set from member `index` on: O(log n) to start, then O(1) amortised for each. What
 * `next` gives stands for the member as long as the root; NULL behind the last.
 */
struct set_walk {
	struct roster_walk roster; /* inside */
};

bool set_is_walked(const struct set *set); /* Is it a derived one? */
void set_walk_start(struct set_walk *walk, const struct set *set, uint32_t index);
const void *set_walk_next(struct set_walk *walk);

/* RDATA of a member that was walked over, as set_member() has it. */
const uint8_t *set_rdata(const struct set *set, const void *member, uint8_t scratch[SET_SCRATCH],
			 uint16_t *size);

/* Of a member of a derived SRV or address set that was walked over: its place on the ring. */
uint64_t set_place(const struct set *set, const void *member);

/* Of a derived address: its weight. */
uint16_t set_weight(const void *member);

/* The members of one priority of a derived SRV or address set. */
struct set_level {
	uint32_t first;
	uint32_t count;
};

/* The priority that member `index` belongs to. */
struct set_level set_level(const struct set *set, uint32_t index);

/*
 * Where a client's stable subset begins on the ring of a priority: the index of its first member
 * whose hash is not below `point`, and behind the last the first again.
 */
uint32_t set_ring_start(const struct set *set, const struct set_level *level, uint64_t point);

/* The types of a registry zone: its PTRs at _services._dns-sd._udp. false: it has none. */
bool zone_types(const struct zone *zone, struct set *set);

/* Members of a type, as its name shows them: PTRs or SRVs, what is more. */
uint32_t zone_type_size(const struct zone *zone, const uint8_t *type);

/* ---- marks of withdrawn names ------------------------------------------------------------ */

#define ZONE_MARK_KEPT UINT64_C(1) /* bit of the hash: nobody else has the name meanwhile */

struct zone_mark {
	uint64_t hash; /* of name and key, by the key of the zone's ring; see marks.c */
	uint64_t signed_s; /* what the key signed earlier about the name is a replay */
	uint64_t until_s; /* wall clock: how long that is remembered */
};

/* When a message of this owner about the name must have been signed at least; 0: at any time. */
uint64_t zone_mark(const struct zone *zone, const uint8_t *name, const struct owner *owner,
		   uint64_t now_s);

/* Until when the name is kept for a key that is not `owner`; 0: it is not. */
uint64_t zone_kept(const struct zone *zone, const uint8_t *name, const struct owner *owner,
		   uint64_t now_s);

/* Calls for each mark in an order that makes the same again when they are loaded in it. */
typedef int (*zone_mark_fn)(void *context, const struct zone_mark *mark);
int zone_walk_marks(const struct zone *zone, zone_mark_fn fn, void *context);

/* ---- finding, for a batch of queries ---------------------------------------------------- */

struct zone_find {
	const uint8_t *name; /* in: as asked */
	const struct zone *zone; /* out: deepest zone that holds it, or NULL */
	const struct node *node; /* exact match, or NULL */
	const struct node *encloser; /* closest existing ancestor-or-self */
	const struct node *cut; /* highest NS or DNAME below the apex on the way, or NULL */
	const struct node *wildcard; /* *.encloser where there is no exact match, or NULL */
};

/* Fills the out fields of each. No allocation, no lock. */
void zone_find(const struct root *root, struct zone_find *finds, size_t count);

/* The same, sooner where they are in the zone `near` of this root, as targets mostly are. */
void zone_find_near(const struct root *root, const struct zone *near, struct zone_find *finds,
		    size_t count);

/* ---- deltas ------------------------------------------------------------------------------ */

struct delta_rr {
	const uint8_t *name;
	uint16_t type;
	uint16_t size;
	uint32_t ttl;
	const uint8_t *rdata;
};

/* What one commit changed in one zone; SOA apart. */
struct delta {
	uint32_t serial_from;
	uint32_t serial_to;
	uint32_t removed;
	uint32_t added;
	const struct delta_rr *rrs; /* first those removed, then those added */
};

/* One of the newest deltas (at most 100, 1 MiB): `back` 0 is the newest; NULL behind the oldest. */
const struct delta *zone_delta(const struct zone *zone, size_t back);

/* ---- walking ----------------------------------------------------------------------------- */

/* Calls for every node of the zone, in no order; stops at the first result that is not 0. */
typedef int (*zone_walk_fn)(void *context, const struct zone *zone, const struct node *node);
int zone_walk(const struct zone *zone, zone_walk_fn fn, void *context);

/*
 * The same, each node once, in an order that zone_load() likes: the instances of each type one after
 * another, as the type's PTR set has them, then all other names.
 */
int zone_walk_in_order(const struct zone *zone, zone_walk_fn fn, void *context);

/*
 * The nodes that exist, empty non-terminals too, in no order: start with *at = 0; NULL at the end.
 * `at` is a place in this version of the zone, to be kept as long as that is held.
 */
const struct node *zone_next_node(const struct zone *zone, size_t *at);

/* Calls for every RR of the zone, derived ones and the SOA included. */
typedef int (*zone_rr_fn)(void *context, const struct delta_rr *rr);
int zone_walk_rrs(const struct zone *zone, zone_rr_fn fn, void *context);

/* ---- writing (core) ---------------------------------------------------------------------- */

/* An empty first root. *out: returns owned. ERR_NOMEM. */
int root_new(struct root **out);

/* Frees a root and all it holds; the last one, at the end of the process or a test. Takes NULL. */
void root_free(struct root *root);

/* Starts the next version of `root`. *out: returns owned. ERR_NOMEM. */
int root_begin(struct root_writer **out, const struct root *root);

/* The version under work, to read what was put so far; its pointers end with the next write. */
const struct root *root_draft(const struct root_writer *writer);

/*
 * Ends the writing: serials step where content changed, deltas are made. *root: the new one.
 * *garbage: what the old root held and the new does not; free it when nobody reads the old one any
 * more. ERR_NOMEM: nothing happened, abort. The writer is freed unless there is an error.
 */
int root_commit(struct root_writer *writer, uint64_t index, struct root **root,
		struct garbage **garbage);

/* Forgets all that was written. Takes NULL. */
void root_abort(struct root_writer *writer);
void garbage_free(struct garbage *garbage);

/* Frees *left objects at most, which it counts down; true: all of it is gone. Takes NULL. */
bool garbage_free_some(struct garbage *garbage, size_t *left);

/*
 * Frees of it what no held version has (root_hold()); counts down what it looked at. Only behind the
 * grace period of the version that dropped it. Takes NULL.
 */
void garbage_free_young(struct garbage *garbage, size_t *left);

/*
 * `root`, the newest version, is held for long, beside those held before; none is any more. What is made
 * meanwhile goes to memory of its own. Thread: core.
 */
void root_hold(const struct root *root);
void root_unhold(const struct root *root);

/* Octets that it keeps. */
size_t garbage_size(const struct garbage *garbage);

/* Leases that this writing made new and that it dropped, for the core's timer; after commit they
 * are gone from the lists. `fn` is called for each. */
typedef void (*lease_fn)(void *context, struct lease *lease, bool is_new);
void root_each_lease(const struct root_writer *writer, lease_fn fn, void *context);

/*
 * Makes the zone or changes what shapes it; names are put separately. `shape` NULL: a static zone.
 * When ttl.derived or the pool's label change, the sets follow, and leases go on. ERR_NOMEM.
 */
int zone_open(struct root_writer *writer, const uint8_t *apex, const struct zone_shape *shape,
	      const uint8_t ring_key[SIPHASH_KEY_SIZE]);

/* Sets the SOA; a greater serial (RFC 1982) becomes the zone's, also when nothing else moves. */
int zone_set_soa(struct root_writer *writer, const uint8_t *apex, const struct zone_soa *soa);

/* Served from the next root on, or not (its base is not in yet, or it is retired). */
int zone_set_served(struct root_writer *writer, const uint8_t *apex, bool is_served);

/* Drops a zone and all its names (static zones at a reload). */
int zone_drop(struct root_writer *writer, const uint8_t *apex);

/*
 * Puts the whole content of a name (see struct content). O(what changes), ERR_NOMEM only; the
 * content has been judged before. The lease's cell is kept over changes of the same owner.
 */
int zone_put(struct root_writer *writer, const uint8_t *apex, const struct content *content);

/*
 * The same for many names into a zone that this writing made, as a restart does, or cleared:
 * nothing is seen of them before zone_load_end(), which builds maps and derived sets from all at
 * once and is many times as fast. Each name comes once, with records or NAME_PTR or an owner. No zone_put() before the
 * end. ERR_DAMAGED at the end: a name came twice.
 */
int zone_load(struct root_writer *writer, const uint8_t *apex, const struct content *content);
int zone_load_end(struct root_writer *writer);

/*
 * Takes all names out of a registry zone, for zone_load() to put others; their leases end. What was
 * there stays readable until the commit. The history keeps what differs if that is not too much.
 */
int zone_clear(struct root_writer *writer, const uint8_t *apex);

/* Another key for the ring of a registry zone, in which no name but the apex has anything now. */
int zone_set_ring(struct root_writer *writer, const uint8_t *apex,
		  const uint8_t ring_key[SIPHASH_KEY_SIZE]);

int zone_set_base_hash(struct root_writer *writer, const uint8_t *apex, uint64_t hash);

/*
 * Remembers that `owner`, a key, has a name no more (of mark->hash only ZONE_MARK_KEPT counts); `now_s` is that
 * of the batch, what is over its time may be forgotten. Of too many at once the oldest are.
 */
int zone_set_mark(struct root_writer *writer, const uint8_t *apex, const uint8_t *name,
		  const struct owner *owner, const struct zone_mark *mark, uint64_t now_s);

/* The name is kept for nobody any more (zone_kept()); what is a replay stays one. */
int zone_unkeep(struct root_writer *writer, const uint8_t *apex, const uint8_t *name);

/* While restoring: a mark as it was walked over. */
int zone_load_mark(struct root_writer *writer, const uint8_t *apex, const struct zone_mark *mark);

/* This writing restores: it makes no deltas and moves no serial. */
void root_silence(struct root_writer *writer);

/* While restoring: the serial counts on from here. */
int zone_set_serial(struct root_writer *writer, const uint8_t *apex, uint32_t serial);
