/*
 * Loading a zone: nodes are made as the names come, everything that leads to them at the end.
 *
 * zone_load() makes the node and its lease, counts it at its parent, and notes it: by hash for the
 * map of names; an instance in the pool with one SRV and no subtype, as nearly all are, for the
 * faces of its type and as a use of its host. zone_load_end() then
 *
 * 1. builds the map of names, taking in the ancestors made meanwhile;
 * 2. builds the PTR and SRV faces of each type, sorted only where they did not come in order;
 * 3. builds the map of hosts from the first use of each;
 * 4. looks up the hosts' addresses, many at a time, and builds the address views;
 * 5. gives the other names, and further uses of a host, their shares one by one.
 *
 * What fails leaves the writer to be aborted.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dns/rrtype.h"
#include "zone/inside.h"
#include "zone/pages.h"

#define LOOKS 64

/* An array that grows. */
struct heap_array {
	void *items;
	size_t count;
	size_t room;
	size_t paged; /* octets from pages.h; 0: it is malloc'd */
};

/* A type and its instances, as they came. */
struct load_type {
	uint64_t hash; /* of its name */
	const uint8_t *name; /* in its first instance */
	struct heap_array nodes; /* struct node * */
	struct heap_array a; /* struct ring_item, of entries */
	struct heap_array aaaa;
	bool is_disordered;
};

/* The use of a host by an instance. */
struct load_use {
	uint64_t hash; /* of the host's name */
	const struct node *node; /* the instance */
	struct load_type *type;
	struct host *host; /* made for this use; NULL: another was first */
};

/* Memory for one step after the other. */
struct space {
	void *memory;
	size_t size; /* of pages.h */
};

struct load {
	struct root_writer *writer;
	struct zone_work *work;
	struct heap_array names; /* struct pmap_item */
	struct heap_array uses; /* struct load_use */
	struct heap_array later; /* struct node *: shares one by one */
	struct heap_array doubles; /* struct node *: made as ancestors first */
	struct map types; /* hash -> struct load_type */
	struct load_type *type; /* of the last instance */
	struct space spaces[2];
	bool is_damaged;
};

/* Octets in whole pages; 0: it is not worth it. */
static size_t paged_size(size_t octets)
{
	return octets < PAGES_GRAIN ? 0 : (octets + PAGES_GRAIN - 1) / PAGES_GRAIN * PAGES_GRAIN;
}

/* Room for `room` items; false: none left. */
static bool array_grow(struct heap_array *array, size_t size, size_t room)
{
	const size_t paged = paged_size(room * size);
	void *items;

	if (array->paged > 0) {
		items = pages_grow(array->items, array->paged, paged);
	} else if (paged == 0) {
		items = realloc(array->items, room * size);
	} else {
		items = pages_alloc(paged);
		if (items != NULL && array->count > 0) {
			memcpy(items, array->items, array->count * size);
		}
		if (items != NULL) {
			free(array->items);
		}
	}
	if (items == NULL) {
		return false;
	}
	array->items = items;
	array->room = room;
	array->paged = paged;
	return true;
}

/* A cleared item behind the last. NULL: failed. */
static void *array_add(struct txn *txn, struct heap_array *array, size_t size)
{
	if (array->count == array->room &&
	    !array_grow(array, size, array->room == 0 ? 16 : array->room * 2)) {
		txn->failed = true;
		return NULL;
	}
	return memset((char *)array->items + array->count++ * size, 0, size);
}

static void array_free(struct heap_array *array)
{
	if (array->paged > 0) {
		pages_free(array->items, array->paged);
	} else {
		free(array->items);
	}
	*array = (struct heap_array){0};
}

static void add_node(struct txn *txn, struct heap_array *array, const struct node *node)
{
	const struct node **item = array_add(txn, array, sizeof(*item));

	if (item != NULL) {
		*item = node;
	}
}

static void add_name(struct txn *txn, struct heap_array *array, struct node *node)
{
	struct pmap_item *item = array_add(txn, array, sizeof(*item));

	if (item != NULL) {
		*item = (struct pmap_item){.hash = node->named.hash, .value = node};
	}
}

/* ---- life -------------------------------------------------------------------------------- */

static struct load *load_of(struct root_writer *writer, struct zone_work *work)
{
	if (work->load == NULL) {
		struct load *load = calloc(1, sizeof(*load));
		if (load == NULL) {
			writer->txn.failed = true;
			return NULL;
		}
		load->writer = writer;
		load->work = work;
		map_init(&load->types, work->zone->named.hash);
		work->load = load;
	}
	return work->load;
}

static void type_free(struct load_type *type)
{
	array_free(&type->nodes);
	array_free(&type->a);
	array_free(&type->aaaa);
	free(type);
}

void load_free(struct load *load)
{
	struct load_type *type;
	size_t at = 0;

	if (load == NULL) {
		return;
	}
	while ((type = map_next(&load->types, &at)) != NULL) {
		type_free(type);
	}
	map_deinit(&load->types);
	array_free(&load->names);
	array_free(&load->uses);
	array_free(&load->later);
	array_free(&load->doubles);
	pages_free(load->spaces[0].memory, load->spaces[0].size);
	pages_free(load->spaces[1].memory, load->spaces[1].size);
	free(load);
}

/* `count` items in one of the two spaces, whatever was there; NULL: failed. */
static void *space_for(struct load *load, int which, size_t count, size_t item_size)
{
	struct space *space = &load->spaces[which];
	const size_t size = count * item_size;

	if (size > space->size) {
		pages_free(space->memory, space->size);
		space->size = (size + PAGES_GRAIN - 1) / PAGES_GRAIN * PAGES_GRAIN;
		space->memory = pages_alloc(space->size);
		if (space->memory == NULL) {
			space->size = 0;
			load->writer->txn.failed = true;
		}
	}
	return space->memory;
}

/* ---- a name comes ------------------------------------------------------------------------ */

static struct load_type *type_of(struct load *load, uint64_t hash, const uint8_t *name)
{
	if (load->type != NULL && load->type->hash == hash) {
		return load->type;
	}
	struct load_type *type = map_get(&load->types, &hash, sizeof(hash));
	if (type == NULL) {
		type = calloc(1, sizeof(*type));
		if (type != NULL) {
			type->hash = hash;
			type->name = name;
		}
		if (type == NULL ||
		    map_put(&load->types, &type->hash, sizeof(type->hash), type) != OK) {
			load->writer->txn.failed = true;
			free(type);
			return NULL;
		}
	}
	load->type = type;
	return type;
}

/* The hash of an SRV's target in the zone. */
static uint64_t host_hash(const struct zone *zone, const uint8_t *target)
{
	struct siphash_state state = zone->apex_state;
	struct labels labels;

	labels_of(&labels, target);
	return name_hash_on(&state, zone->apex_labels, labels.count, target, &labels);
}

static struct dns_srv srv_of(const struct node *node)
{
	uint16_t size;

	return dns_srv_view(member_value(FACE_SRV, node, &size));
}

/* The host of an instance in the pool, as if it were the first that uses it. */
static struct host *make_host(struct load *load, const struct node *node, const struct dns_srv *srv,
			      uint64_t hash)
{
	const uint8_t *type = zone_type_of(ROLE_INSTANCE, named_name(&node->named));
	const struct owner owner = node_owner(node);
	uint8_t pool[DNS_NAME_MAX + 16];
	uint8_t owned[OWNER_KEY_MAX];
	const struct tree_entry uses[] = {
		{.key = owned,
		 .key_size = owner_key(owned, (uint8_t)owner.kind, owner.id, owner.id_size)},
		{.key = pool, .key_size = pool_key_size(type)},
	};

	pool_key(pool, type, srv);
	return host_first(&load->writer->txn, srv->target, hash, uses, 2);
}

static void note_use(struct load *load, const struct node *node, struct load_type *type)
{
	const struct zone *zone = load->work->zone;
	const struct dns_srv srv = srv_of(node);

	if (!dns_name_is_in(srv.target, zone->apex)) {
		return;
	}
	struct load_use *use = array_add(&load->writer->txn, &load->uses, sizeof(*use));
	if (use != NULL) {
		const uint64_t hash = host_hash(zone, srv.target);
		*use = (struct load_use){.hash = hash,
					 .node = node,
					 .type = type,
					 .host = make_host(load, node, &srv, hash)};
	}
}

/* An instance in the pool, with one SRV and no subtype. */
static void note_member(struct load *load, struct node *node, uint64_t type_hash)
{
	struct txn *txn = &load->writer->txn;
	struct load_type *type =
		type_of(load, type_hash, zone_type_of(ROLE_INSTANCE, named_name(&node->named)));

	if (type == NULL) {
		return;
	}
	struct node *const *nodes = type->nodes.items;
	if (type->nodes.count > 0 && !type->is_disordered) {
		type->is_disordered = members_order(nodes[type->nodes.count - 1], node) > 0;
	}
	add_node(txn, &type->nodes, node);
	note_use(load, node, type);
}

static void note_shares(struct load *load, struct node *node, uint64_t parent_hash)
{
	struct txn *txn = &load->writer->txn;
	const struct rrset *srv = node_rrset(node, DNS_TYPE_SRV);
	uint16_t subtypes;

	switch ((enum name_role)node->named.role) {
	case ROLE_INSTANCE:
		node_subtypes(node, &subtypes);
		if (srv != NULL && srv->count == 1 && subtypes == 0 && node_is_in_pool(node)) {
			note_member(load, node, parent_hash);
		} else if (srv != NULL) {
			add_node(txn, &load->later, node);
		}
		break;
	case ROLE_TYPE:
	case ROLE_SUBTYPE:
	case ROLE_SERVICES:
		add_node(txn, &load->later, node);
		break;
	case ROLE_PLAIN:
	case ROLE_APEX:
	case ROLE_POOL:
		break;
	}
}

/* The parent of a name has one child more, and is made where it is missing. */
static void count_child(struct load *load, const uint8_t *name, uint64_t parent_hash)
{
	static const struct draft nothing;
	struct zone_work *work = load->work;
	const uint8_t *parent_name = dns_name_parent(name);
	struct node *parent = names_get_at(work->zone, parent_name, parent_hash);

	if (parent == NULL) {
		parent = node_put(load->writer, work, parent_name, parent_hash, &nothing);
	}
	if (parent != NULL) {
		assert(txn_made(&parent->named.object));
		parent->children++;
	}
}

/* The hash of the name; *parent: of its parent, where it is not the apex. */
static uint64_t hash_name(const struct zone *zone, const uint8_t *name, uint64_t *parent)
{
	struct siphash_state state = zone->apex_state;
	const size_t known = zone->apex_labels;
	struct labels labels;

	labels_of(&labels, name);
	if (labels.count == known) {
		return zone->named.hash;
	}
	*parent = name_hash_on(&state, known, labels.count - 1u, name, &labels);
	return name_hash_on(&state, labels.count - 1u, labels.count, name, &labels);
}

/* Puts the node where it is found once all are here. */
static void note_node(struct load *load, struct node *node, uint64_t parent_hash)
{
	struct zone *zone = load->work->zone;

	if (node->named.sets == 0) {
		pmap_put(&load->writer->txn, &zone->pending, &node->named);
		return;
	}
	add_name(&load->writer->txn, &load->names, node);
	if (node->named.role != ROLE_APEX) {
		count_child(load, named_name(&node->named), parent_hash);
	}
	if (zone->is_registry) {
		note_shares(load, node, parent_hash);
	}
	zone->cuts += node_is_cut(node);
}

int load_over(struct root_writer *writer, struct zone_work *work, const struct content *content,
	      const struct node *before)
{
	struct load *load = load_of(writer, work);
	uint64_t parent_hash = 0;
	struct draft draft;

	if (load == NULL) {
		return ERR_NOMEM;
	}
	arena_reset(&writer->scratch);
	struct zone *zone = work->zone;
	const uint64_t hash = hash_name(zone, content->name, &parent_hash);
	if (!draft_make(writer, zone, before, content, hash, &draft)) {
		return ERR_NOMEM;
	}
	if (draft.count == 0 && !draft.has_registration) {
		return OK;
	}
	struct node *node = node_make(&writer->txn, zone, content->name, hash, &draft);
	if (node == NULL) {
		return ERR_NOMEM;
	}
	note_node(load, node, parent_hash);
	zone->instances += node->named.role == ROLE_INSTANCE;
	zone->leases += draft.lease != NULL;
	return writer->txn.failed ? ERR_NOMEM : OK;
}

int zone_load(struct root_writer *writer, const uint8_t *apex, const struct content *content)
{
	struct zone_work *work = work_of(writer, apex);

	if (work == NULL) {
		return writer->txn.failed ? ERR_NOMEM : ERR_NOTFOUND;
	}
	return load_over(writer, work, content, NULL);
}

/* ---- the map of names -------------------------------------------------------------------- */

static int add_ancestor(void *context, void *value)
{
	struct load *load = context;

	add_name(&load->writer->txn, &load->names, value);
	return 0;
}

/* A name that has records, and was made as an ancestor as well: one of both. */
static struct named *name_leaf(void *context, const struct pmap_item *items, size_t count)
{
	struct load *load = context;
	struct node *node = items[0].value;

	if (count == 1) {
		return &node->named;
	}
	struct node *bare = items[1].value;
	if (node->named.sets == 0) {
		bare = node;
		node = items[1].value;
	}
	if (count > 2 || bare->named.sets > 0 ||
	    !pmap_is(&bare->named, node->named.hash, named_name(&node->named),
		     node->named.name_size)) {
		load->is_damaged = true;
		return NULL;
	}
	node->children = bare->children;
	if (node->named.role != ROLE_APEX) {
		add_node(&load->writer->txn, &load->doubles, node);
	}
	node_drop(&load->writer->txn, bare);
	return &node->named;
}

static void build_names(struct load *load)
{
	struct txn *txn = &load->writer->txn;
	struct zone *zone = load->work->zone;

	pmap_walk(&zone->names, add_ancestor, load);
	struct pmap_item *spare =
		txn->failed ? NULL : space_for(load, 0, load->names.count + 1, sizeof(*spare));
	if (spare == NULL) {
		return;
	}
	pmap_drop(txn, &zone->names);
	if (!pmap_build(txn, &zone->names, load->names.items, spare, load->names.count, name_leaf,
			load)) {
		txn->failed = true;
	}
	array_free(&load->names);
	/* Their parents have counted them twice. */
	struct node *const *doubles = load->doubles.items;
	for (size_t i = 0; i < load->doubles.count && !txn->failed; i++) {
		struct node *parent =
			names_get(zone, dns_name_parent(named_name(&doubles[i]->named)));
		parent->children--;
	}
}

/* ---- faces ------------------------------------------------------------------------------- */

static int by_name(const void *one, const void *other)
{
	return members_order(*(const struct node *const *)one, *(const struct node *const *)other);
}

static int compare_srvs(const struct ring_item *one, const struct ring_item *other)
{
	uint16_t size;
	uint16_t other_size;
	const uint8_t *rdata = member_value(FACE_SRV, one->value, &size);
	const uint8_t *other_rdata = member_value(FACE_SRV, other->value, &other_size);
	const int order = memcmp(rdata + 2, other_rdata + 2, 4);

	if (order != 0 || size != other_size) {
		return order != 0 ? order : (int)size - (int)other_size;
	}
	return dns_name_compare(rdata + 6, other_rdata + 6);
}

static int compare_entries(const struct ring_item *one, const struct ring_item *other)
{
	const struct pool_entry *entry = one->value;
	const struct pool_entry *second = other->value;

	return memcmp(entry->address, second->address, entry->size);
}

/* How items on one place of the ring compare. */
typedef int (*tie_fn)(const struct ring_item *one, const struct ring_item *other);

static int compare_items(const void *one, const void *other, void *context)
{
	const struct ring_item *item = one;
	const struct ring_item *second = other;
	const tie_fn *tie = context;

	if (item->priority != second->priority) {
		return item->priority < second->priority ? -1 : 1;
	}
	if (item->ring != second->ring) {
		return item->ring < second->ring ? -1 : 1;
	}
	return (*tie)(item, second);
}

static bool is_one_priority(const struct ring_item *items, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (items[i].priority != items[0].priority) {
			return false;
		}
	}
	return true;
}

/* For the few that fell together. */
static void insert_sort(struct ring_item *items, size_t count, tie_fn tie)
{
	for (size_t i = 1; i < count; i++) {
		const struct ring_item item = items[i];
		size_t k = i;
		for (; k > 0 && compare_items(&items[k - 1], &item, &tie) > 0; k--) {
			items[k] = items[k - 1];
		}
		items[k] = item;
	}
}

/* Four or so in a bucket: places on the ring are as good as random. */
static unsigned bucket_bits(size_t count)
{
	unsigned bits = 1;

	while (bits < 24 && ((size_t)8 << bits) < count) {
		bits++;
	}
	return bits;
}

/* Deals `items` out into `out` by the upper bits of their places. false: it could not. */
static bool deal(const struct ring_item *items, struct ring_item *out, size_t count, tie_fn tie)
{
	const unsigned bits = bucket_bits(count);
	const size_t buckets = (size_t)1 << bits;
	uint32_t *end = calloc(buckets + 1, sizeof(*end));
	size_t from = 0;

	if (end == NULL) {
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		end[(items[i].ring >> (64 - bits)) + 1]++;
	}
	for (size_t i = 0; i < buckets; i++) {
		end[i + 1] += end[i];
	}
	for (size_t i = 0; i < count; i++) {
		out[end[items[i].ring >> (64 - bits)]++] = items[i];
	}
	for (size_t i = 0; i < buckets; i++) {
		insert_sort(out + from, end[i] - from, tie);
		from = end[i];
	}
	free(end);
	return true;
}

/* Sorted, in `items` or in the space `spare`. NULL: failed. */
static struct ring_item *sort_ring(struct load *load, struct ring_item *items, size_t count,
				   int spare, tie_fn tie)
{
	struct ring_item *out = space_for(load, spare, count + 1, sizeof(*items));

	if (out == NULL) {
		return NULL;
	}
	if (count > LOOKS && is_one_priority(items, count) && deal(items, out, count, tie)) {
		return out;
	}
	if (count > 1) {
		qsort_r(items, count, sizeof(*items), compare_items, &tie);
	}
	return items;
}

static struct roster *build_srv(struct load *load, const struct heap_array *nodes)
{
	struct txn *txn = &load->writer->txn;
	struct node *const *node = nodes->items;
	struct ring_item *items = space_for(load, 0, nodes->count, sizeof(*items));

	for (size_t i = 0; items != NULL && i < nodes->count; i++) {
		uint16_t size;
		items[i] = (struct ring_item){.ring = node_ring(node[i]), .value = node[i]};
		items[i].priority = srv_priority(member_value(FACE_SRV, node[i], &size));
	}
	if (items != NULL) {
		items = sort_ring(load, items, nodes->count, 1, compare_srvs);
	}
	return items == NULL ? NULL : members_build_srv(txn, items, nodes->count);
}

static void build_type(struct load *load, struct load_type *type)
{
	static const uint8_t services[] = "\x09_services\x07_dns-sd\x04_udp";
	struct root_writer *writer = load->writer;
	const size_t count = type->nodes.count;

	arena_reset(&writer->scratch);
	if (type->is_disordered) {
		qsort(type->nodes.items, count, sizeof(struct node *), by_name);
	}
	struct faces *faces = faces_own(writer, load->work, type->name);
	if (faces != NULL) {
		faces->srv = build_srv(load, &type->nodes);
		faces->ptr = members_build_ptr(&writer->txn, type->nodes.items, count);
	}
	const uint8_t *at = derive_join(writer, services, load->work->zone->apex);
	faces = at == NULL ? NULL : faces_own(writer, load->work, at);
	if (faces != NULL) {
		const struct member_key key = ptr_key(type->name);
		members_add_many(&writer->txn, &faces->ptr, &key, (uint32_t)count);
	}
}

/* ---- hosts ------------------------------------------------------------------------------- */

/* The host of the use that came first; the others come later. */
static struct named *host_leaf(void *context, const struct pmap_item *items, size_t count)
{
	struct load *load = context;
	struct load_use *first = items[0].value;

	for (size_t i = 1; i < count; i++) {
		struct load_use *other = items[i].value;
		const bool is_before = other < first;
		struct load_use *later = is_before ? first : other;
		first = is_before ? other : first;
		txn_drop(&load->writer->txn, later->host);
		later->host = NULL;
	}
	return &first->host->named;
}

static void build_hosts(struct load *load)
{
	struct txn *txn = &load->writer->txn;
	const size_t count = load->uses.count;
	struct load_use *uses = load->uses.items;
	struct pmap_item *items = space_for(load, 0, count + 1, sizeof(*items));
	struct pmap_item *spare = space_for(load, 1, count + 1, sizeof(*items));

	if (items == NULL || spare == NULL) {
		return;
	}
	for (size_t i = 0; i < count; i++) {
		items[i] = (struct pmap_item){.hash = uses[i].hash, .value = &uses[i]};
	}
	if (!pmap_build(txn, &load->work->zone->hosts, items, spare, count, host_leaf, load)) {
		txn->failed = true;
	}
}

/* ---- address views ----------------------------------------------------------------------- */

struct entries {
	struct txn *txn;
	struct load_type *type;
};

static bool add_entry(void *context, struct pool_entry *entry)
{
	struct entries *entries = context;
	struct heap_array *array = entry->size == 4 ? &entries->type->a : &entries->type->aaaa;
	struct ring_item *item = array_add(entries->txn, array, sizeof(*item));

	if (item != NULL) {
		*item = (struct ring_item){.ring = entry->ring,
					   .value = entry,
					   .priority = entry->priority,
					   .weight = entry->weight};
	}
	return item != NULL;
}

/* The addresses of the hosts of some first uses. */
static void find_addresses(struct load *load, const struct load_use *uses, size_t count)
{
	struct txn *txn = &load->writer->txn;
	const struct zone *zone = load->work->zone;
	struct pmap_look looks[LOOKS];

	for (size_t i = 0; i < count; i++) {
		looks[i] = (struct pmap_look){.hash = uses[i].hash,
					      .map = uses[i].host == NULL ? NULL : &zone->names};
	}
	pmap_look(looks, count);
	for (size_t i = 0; i < count && !txn->failed; i++) {
		const struct node *node = looks[i].at;
		const struct dns_srv srv = srv_of(uses[i].node);
		struct entries entries = {.txn = txn, .type = uses[i].type};
		if (node != NULL &&
		    pmap_is(&node->named, uses[i].hash, srv.target, dns_name_size(srv.target))) {
			pool_entries(txn, zone, node, &srv, add_entry, &entries);
		}
	}
}

static void build_view(struct load *load, const struct load_type *type, struct heap_array *array)
{
	struct ring_item *items = array->items;

	arena_reset(&load->writer->scratch);
	if (array->count == 0) {
		return;
	}
	items = sort_ring(load, items, array->count, 0, compare_entries);
	if (items == NULL) {
		return;
	}
	pool_build(load->writer, load->work, type->name, items, array->count, array == &type->aaaa);
	array_free(array);
}

static void build_views(struct load *load)
{
	struct txn *txn = &load->writer->txn;
	const struct load_use *uses = load->uses.items;
	struct load_type *type;
	size_t at = 0;

	for (size_t i = 0; i < load->uses.count && !txn->failed; i += LOOKS) {
		const size_t left = load->uses.count - i;
		find_addresses(load, uses + i, left < LOOKS ? left : LOOKS);
	}
	while (!txn->failed && (type = map_next(&load->types, &at)) != NULL) {
		build_view(load, type, &type->a);
		build_view(load, type, &type->aaaa);
	}
}

/* ---- what comes one by one --------------------------------------------------------------- */

static void build_rest(struct load *load)
{
	struct root_writer *writer = load->writer;
	const struct load_use *uses = load->uses.items;
	struct node *const *later = load->later.items;
	struct shares none = {0};
	struct shares shares;

	for (size_t i = 0; i < load->uses.count && !writer->txn.failed; i++) {
		if (uses[i].host == NULL) {
			arena_reset(&writer->scratch);
			shares_of(writer, load->work->zone, uses[i].node, &shares);
			shares_use(writer, load->work, &shares);
		}
	}
	for (size_t i = 0; i < load->later.count && !writer->txn.failed; i++) {
		arena_reset(&writer->scratch);
		shares_of(writer, load->work->zone, later[i], &shares);
		shares_move(writer, load->work, &none, &shares);
	}
}

static int load_end(struct load *load)
{
	struct txn *txn = &load->writer->txn;
	struct load_type *type;
	size_t at = 0;

	build_names(load);
	while (!txn->failed && (type = map_next(&load->types, &at)) != NULL) {
		build_type(load, type);
	}
	if (!txn->failed) {
		build_hosts(load);
	}
	if (!txn->failed) {
		build_views(load);
		build_rest(load);
	}
	if (load->is_damaged) {
		return ERR_DAMAGED;
	}
	return txn->failed ? ERR_NOMEM : OK;
}

int zone_load_end(struct root_writer *writer)
{
	int ret = OK;

	for (struct zone_work *work = writer->works; work != NULL && ret == OK; work = work->next) {
		if (work->load != NULL) {
			ret = load_end(work->load);
			load_free(work->load);
			work->load = NULL;
		}
	}
	return ret;
}
