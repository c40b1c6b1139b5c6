/*
 * The writer: begins the next version of a root, puts names into it, commits or aborts.
 *
 * zone_put() in order: sets, registration and lease, node, delta of the explicit records, address
 * views of the types that use this host, shares in derived sets, counts. Failed allocations stick
 * in the transaction; the public functions turn them into ERR_NOMEM at their end.
 */
#include <assert.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/random.h"
#include "dns/rrtype.h"
#include "zone/inside.h"

static int outcome(const struct root_writer *writer)
{
	return writer->txn.failed ? ERR_NOMEM : OK;
}

/* ---- roots ------------------------------------------------------------------------------- */

int root_new(struct root **out)
{
	struct root *root = calloc(1, sizeof(*root));
	uint8_t key[SIPHASH_KEY_SIZE];

	if (root == NULL) {
		return ERR_NOMEM;
	}
	random_fill(key, sizeof(key));
	root->hash = siphash_key(key);
	root->version = 1;
	root->object.version = 1;
	*out = root;
	return OK;
}

static void host_free(void *value)
{
	struct host *host = value;

	tree_free(host->uses);
	free(host);
}

static void zone_free(void *value)
{
	struct zone *zone = value;

	for (size_t i = 0; i < zone->history_count; i++) {
		struct history *older = zone->history->older;
		free(zone->history);
		zone->history = older;
	}
	pmap_free(&zone->names, node_free);
	pmap_free(&zone->pending, node_free);
	pmap_free(&zone->hosts, host_free);
	free(zone->soa);
	free(zone);
}

void root_free(struct root *root)
{
	if (root == NULL) {
		return;
	}
	pmap_free(&root->zones, zone_free);
	free(root);
}

int root_begin(struct root_writer **out, const struct root *root)
{
	struct root_writer *writer = calloc(1, sizeof(*writer));

	if (writer == NULL) {
		return ERR_NOMEM;
	}
	txn_begin(&writer->txn, root->version + 1, &root->hash);
	arena_init(&writer->scratch, 16384);
	writer->root = txn_own(&writer->txn, (struct root *)root, sizeof(*root));
	if (writer->root == NULL) {
		root_abort(writer);
		return ERR_NOMEM;
	}
	writer->root->version = writer->txn.version;
	*out = writer;
	return OK;
}

const struct root *root_draft(const struct root_writer *writer)
{
	return writer->root;
}

static void writer_free(struct root_writer *writer)
{
	struct zone_work *next;

	for (struct zone_work *work = writer->works; work != NULL; work = next) {
		next = work->next;
		changes_deinit(&work->changes);
		free(work);
	}
	arena_deinit(&writer->scratch);
	free(writer->leases);
	free(writer);
}

int root_commit(struct root_writer *writer, uint64_t index, struct root **root,
		struct garbage **garbage)
{
	struct garbage *bag = calloc(1, sizeof(*bag));

	for (struct zone_work *work = writer->works; work != NULL; work = work->next) {
		zone_finish(writer, work);
	}
	if (bag == NULL || writer->txn.failed) {
		free(bag);
		return ERR_NOMEM;
	}
	bag->first = txn_commit(&writer->txn);
	writer->root->index = index;
	*root = writer->root;
	*garbage = bag;
	writer_free(writer);
	return OK;
}

void root_abort(struct root_writer *writer)
{
	if (writer == NULL) {
		return;
	}
	txn_abort(&writer->txn);
	writer_free(writer);
}

void garbage_free(struct garbage *garbage)
{
	struct object *next;

	if (garbage == NULL) {
		return;
	}
	for (struct object *object = garbage->first; object != NULL; object = next) {
		next = object->next;
		free(object);
	}
	free(garbage);
}

size_t garbage_size(const struct garbage *garbage)
{
	size_t size = 0;

	for (struct object *object = garbage->first; object != NULL; object = object->next) {
		size += malloc_usable_size(object);
	}
	return size;
}

void root_silence(struct root_writer *writer)
{
	writer->is_silent = true;
}

/* ---- zones ------------------------------------------------------------------------------- */

static struct zone_work *work_new(struct root_writer *writer, struct zone *zone)
{
	struct zone_work *work = calloc(1, sizeof(*work));

	if (work == NULL) {
		writer->txn.failed = true;
		return NULL;
	}
	zone->named.name = zone->apex;
	pmap_put(&writer->txn, &writer->root->zones, &zone->named);
	changes_init(&work->changes, &writer->txn.hash);
	work->zone = zone;
	work->serial_from = zone->serial;
	work->soa_from = zone->soa;
	work->next = writer->works;
	writer->works = work;
	writer->last = work;
	return work;
}

static struct zone *zone_find_in(const struct root *root, const uint8_t *apex)
{
	const size_t size = dns_name_size(apex);

	return pmap_get(&root->zones, name_hash(&root->hash, apex, size), apex, size);
}

/* The zone under work; NULL: no such zone, or failed. */
static struct zone_work *work_of(struct root_writer *writer, const uint8_t *apex)
{
	if (writer->last != NULL && dns_name_equal(writer->last->zone->apex, apex)) {
		return writer->last;
	}
	for (struct zone_work *work = writer->works; work != NULL; work = work->next) {
		if (dns_name_equal(work->zone->apex, apex)) {
			writer->last = work;
			return work;
		}
	}
	struct zone *old = zone_find_in(writer->root, apex);
	if (old == NULL) {
		return NULL;
	}
	struct zone *zone = txn_own(&writer->txn, old, sizeof(*zone));
	return zone == NULL ? NULL : work_new(writer, zone);
}

static struct zone_work *zone_new(struct root_writer *writer, const uint8_t *apex,
				  const uint8_t ring_key[SIPHASH_KEY_SIZE])
{
	struct zone *zone = txn_new(&writer->txn, sizeof(*zone));

	if (zone == NULL) {
		return NULL;
	}
	const size_t size = dns_name_size(apex);
	memcpy(zone->apex, apex, size);
	zone->named.name_size = (uint16_t)size;
	zone->named.hash = name_hash(&writer->root->hash, apex, size);
	zone->apex_labels = (uint8_t)dns_name_labels(apex);
	if (zone->apex_labels > writer->root->labels_max) {
		writer->root->labels_max = zone->apex_labels;
	}
	zone->hash = writer->root->hash;
	if (ring_key != NULL) {
		zone->ring = siphash_key(ring_key);
		memcpy(zone->ring_key, ring_key, SIPHASH_KEY_SIZE);
	}
	return work_new(writer, zone);
}

static bool shape_moves_sets(const struct zone_shape *one, const struct zone_shape *other)
{
	return one->ttl_derived_s != other->ttl_derived_s ||
	       one->pool_label[0] != other->pool_label[0] ||
	       !dns_octets_equal(one->pool_label, other->pool_label, one->pool_label[0] + 1u);
}

struct collected {
	const struct node **nodes;
	size_t count;
	size_t room;
};

static int collect(void *context, void *value)
{
	struct collected *collected = context;
	const struct node *node = value;

	if (node->sets == 0 && node->registration == NULL) {
		return 0;
	}
	if (collected->count == collected->room) {
		const size_t room = collected->room == 0 ? 64 : collected->room * 2;
		const struct node **nodes = realloc(collected->nodes, room * sizeof(*nodes));
		if (nodes == NULL) {
			return ERR_NOMEM;
		}
		collected->nodes = nodes;
		collected->room = room;
	}
	collected->nodes[collected->count++] = node;
	return 0;
}

static int put_again(struct root_writer *writer, struct zone *zone, const struct node *node)
{
	const size_t room = node_record_count(node);
	struct record *records = calloc(room + 1, sizeof(*records));
	struct content content;

	if (records == NULL) {
		return ERR_NOMEM;
	}
	node_content(node, &content, records, room);
	const enum name_role role = zone_role(zone, content.name);
	for (size_t i = 0; i < room; i++) {
		if (role != ROLE_APEX && zone_role_is_shared(role)) {
			records[i].ttl = zone->shape.ttl_derived_s;
		}
	}
	/* What the pool's new label reserves is nobody's any more. */
	const int ret = role == ROLE_POOL ? OK : zone_put(writer, zone->apex, &content);
	free(records);
	return ret;
}

/* All names are taken out and put again under the new shape; the delta is what differs. */
static int reshape(struct root_writer *writer, struct zone_work *work,
		   const struct zone_shape *shape)
{
	struct zone *zone = work->zone;
	struct collected all = {0};
	int ret = pmap_walk(&zone->names, collect, &all);

	if (ret == OK) {
		ret = pmap_walk(&zone->pending, collect, &all);
	}
	/* What this transaction made is changed in place: look at copies. */
	struct node **copies = calloc(all.count + 1, sizeof(*copies));
	for (size_t i = 0; copies != NULL && ret == OK && i < all.count; i++) {
		const struct node *node = all.nodes[i];
		const size_t size =
			sizeof(*node) + node->sets * sizeof(node->set[0]) + node->named.name_size;
		copies[i] = malloc(size);
		if (copies[i] == NULL) {
			ret = ERR_NOMEM;
			break;
		}
		memcpy(copies[i], node, size);
		copies[i]->named.name = (uint8_t *)(copies[i]->set + node->sets);
	}
	ret = copies == NULL ? ERR_NOMEM : ret;
	for (size_t i = 0; ret == OK && i < all.count; i++) {
		const struct content gone = {.name = copies[i]->named.name};
		ret = zone_put(writer, zone->apex, &gone);
	}
	zone->shape = *shape;
	for (size_t i = 0; ret == OK && i < all.count; i++) {
		ret = put_again(writer, zone, copies[i]);
	}
	for (size_t i = 0; copies != NULL && i < all.count; i++) {
		free(copies[i]);
	}
	free(copies);
	free(all.nodes);
	return ret;
}

int zone_open(struct root_writer *writer, const uint8_t *apex, const struct zone_shape *shape,
	      const uint8_t ring_key[SIPHASH_KEY_SIZE])
{
	struct zone_work *work = work_of(writer, apex);

	if (writer->txn.failed) {
		return ERR_NOMEM;
	}
	if (work == NULL) {
		work = zone_new(writer, apex, ring_key);
		if (work == NULL) {
			return ERR_NOMEM;
		}
	}
	struct zone *zone = work->zone;
	if (shape != NULL && zone->is_registry && zone->names.count > 0 &&
	    shape_moves_sets(&zone->shape, shape)) {
		return reshape(writer, work, shape);
	}
	zone->is_registry = shape != NULL;
	if (shape != NULL) {
		zone->shape = *shape;
	}
	return outcome(writer);
}

static bool serial_is_newer(uint32_t serial, uint32_t than)
{
	return (int32_t)(serial - than) > 0;
}

int zone_set_soa(struct root_writer *writer, const uint8_t *apex, const struct zone_soa *soa)
{
	struct zone_work *work = work_of(writer, apex);

	if (work == NULL) {
		return writer->txn.failed ? ERR_NOMEM : ERR_NOTFOUND;
	}
	struct zone *zone = work->zone;
	const bool is_first = zone->soa == NULL;
	struct soa *fresh = txn_new(&writer->txn, sizeof(*fresh));
	if (fresh == NULL) {
		return ERR_NOMEM;
	}
	fresh->soa = *soa;
	txn_drop(&writer->txn, zone->soa);
	zone->soa = fresh;
	if (is_first || serial_is_newer(soa->serial, zone->serial) || !zone->is_registry) {
		/* Never 0 where serials are counted (RFC 2136 7.11). */
		zone->serial = soa->serial == 0 && zone->is_registry ? 1 : soa->serial;
		work->is_serial_set = true;
	}
	/* The apex exists from now on. */
	const struct node *there = names_get(zone, zone->apex);
	if (there == NULL) {
		node_own(writer, work, zone->apex, 0);
	}
	return outcome(writer);
}

int zone_set_served(struct root_writer *writer, const uint8_t *apex, bool is_served)
{
	struct zone_work *work = work_of(writer, apex);

	if (work == NULL) {
		return writer->txn.failed ? ERR_NOMEM : ERR_NOTFOUND;
	}
	work->zone->is_served = is_served;
	return OK;
}

int zone_set_serial(struct root_writer *writer, const uint8_t *apex, uint32_t serial)
{
	struct zone_work *work = work_of(writer, apex);

	if (work == NULL) {
		return writer->txn.failed ? ERR_NOMEM : ERR_NOTFOUND;
	}
	work->zone->serial = serial;
	work->is_serial_set = true;
	return OK;
}

int zone_set_base_hash(struct root_writer *writer, const uint8_t *apex, uint64_t hash)
{
	struct zone_work *work = work_of(writer, apex);

	if (work == NULL) {
		return writer->txn.failed ? ERR_NOMEM : ERR_NOTFOUND;
	}
	work->zone->base_hash = hash;
	return OK;
}

struct dropping {
	struct txn *txn;
};

static int drop_node(void *context, void *value)
{
	struct dropping *dropping = context;
	struct node *node = value;

	for (uint16_t i = 0; i < node->sets; i++) {
		txn_drop(dropping->txn, node->set[i]);
	}
	txn_drop(dropping->txn, node);
	return 0;
}

int zone_drop(struct root_writer *writer, const uint8_t *apex)
{
	struct txn *txn = &writer->txn;
	struct zone_work *work = work_of(writer, apex);
	struct dropping dropping = {.txn = txn};

	if (work == NULL) {
		return writer->txn.failed ? ERR_NOMEM : ERR_NOTFOUND;
	}
	struct zone *zone = work->zone;
	assert(!zone->is_registry); /* registries are retired, never dropped */
	pmap_walk(&zone->names, drop_node, &dropping);
	pmap_drop(txn, &zone->names);
	txn_drop(txn, zone->soa);
	pmap_remove(txn, &writer->root->zones, zone->named.hash, zone->apex, zone->named.name_size);
	for (struct zone_work **at = &writer->works; *at != NULL; at = &(*at)->next) {
		if (*at == work) {
			*at = work->next;
			break;
		}
	}
	writer->last = NULL;
	changes_deinit(&work->changes);
	free(work);
	txn_drop(txn, zone);
	return outcome(writer);
}

/* ---- leases ------------------------------------------------------------------------------ */

static void note_lease(struct root_writer *writer, struct lease *lease, bool is_new)
{
	if (writer->lease_count == writer->lease_room) {
		const size_t room = writer->lease_room == 0 ? 64 : writer->lease_room * 2;
		struct lease_change *leases =
			realloc(writer->leases, room * sizeof(writer->leases[0]));
		if (leases == NULL) {
			writer->txn.failed = true;
			return;
		}
		writer->leases = leases;
		writer->lease_room = room;
	}
	writer->leases[writer->lease_count++] =
		(struct lease_change){.lease = lease, .is_new = is_new};
}

static void lease_drop(struct root_writer *writer, struct lease_box *box)
{
	if (!txn_made(&writer->txn, &box->object)) {
		note_lease(writer, &box->lease, false);
		txn_drop(&writer->txn, box);
		return;
	}
	for (size_t i = writer->lease_count; i-- > 0;) {
		if (writer->leases[i].lease == &box->lease) {
			writer->leases[i] = writer->leases[--writer->lease_count];
			break;
		}
	}
	txn_drop(&writer->txn, box);
}

static struct lease_box *lease_new(struct root_writer *writer, const struct zone *zone,
				   const struct content *content)
{
	const size_t size = dns_name_size(content->name);
	struct lease_box *box = txn_new(&writer->txn, sizeof(*box) + size);

	if (box == NULL) {
		return NULL;
	}
	memcpy(box->name, content->name, size);
	box->lease.name = box->name;
	box->lease.apex_at = (uint16_t)(size - zone->named.name_size);
	note_lease(writer, &box->lease, true);
	return box;
}

/* The lease that the new content has: the one there, a new one, or none. */
static struct lease_box *lease_for(struct root_writer *writer, const struct zone *zone,
				   const struct registration *old, const struct content *content)
{
	struct lease_box *box = old == NULL ? NULL : old->lease;

	if (box != NULL) {
		const struct owner owner = {
			.kind = old->owner_kind, .id_size = old->owner_size, .id = old->data};
		if (content->lease_s == 0 || !owner_equal(&owner, &content->owner)) {
			lease_drop(writer, box);
			box = NULL;
		}
	}
	if (content->lease_s > 0 && box == NULL) {
		box = lease_new(writer, zone, content);
	}
	if (box != NULL) {
		box->lease.lease_s = content->lease_s;
		box->lease.version = content->version;
	}
	return box;
}

void root_each_lease(const struct root_writer *writer, lease_fn fn, void *context)
{
	for (size_t i = 0; i < writer->lease_count; i++) {
		fn(context, writer->leases[i].lease, writer->leases[i].is_new);
	}
}

/* ---- putting a name ---------------------------------------------------------------------- */

static struct registration *registration_for(struct root_writer *writer, const struct zone *zone,
					     const struct registration *old,
					     const struct content *content)
{
	struct lease_box *lease = lease_for(writer, zone, old, content);

	if (content->owner.kind == OWNER_NONE && content->flags == 0 && lease == NULL &&
	    content->subtypes_size == 0) {
		return NULL;
	}
	const size_t size = content->owner.id_size + (size_t)content->subtypes_size;
	struct registration *registration =
		txn_new(&writer->txn, sizeof(struct registration) + size);
	if (registration == NULL) {
		return NULL;
	}
	registration->version = content->version;
	registration->changed_s = content->changed_s;
	registration->lease_s = content->lease_s;
	registration->key_lease_s = content->key_lease_s;
	registration->lease = lease;
	registration->subtypes_size = content->subtypes_size;
	registration->flags = content->flags;
	registration->owner_kind = (uint8_t)content->owner.kind;
	registration->owner_size = content->owner.id_size;
	if (content->owner.id_size > 0) {
		memcpy(registration->data, content->owner.id, content->owner.id_size);
	}
	if (content->subtypes_size > 0) {
		memcpy(registration->data + content->owner.id_size, content->subtypes,
		       content->subtypes_size);
	}
	return registration;
}

static int by_type(const void *one, const void *other)
{
	const struct record *a = *(const struct record *const *)one;
	const struct record *b = *(const struct record *const *)other;

	if (a->type != b->type) {
		return a->type < b->type ? -1 : 1;
	}
	return a < b ? -1 : a > b; /* as they came */
}

static bool set_is(const struct rrset *set, const struct record *const *records, size_t count)
{
	if (set == NULL || set->count != count || set->ttl != records[0]->ttl) {
		return false;
	}
	for (uint32_t i = 0; i < count; i++) {
		uint16_t size;
		uint8_t flags;
		const uint8_t *rdata = rrset_member(set, i, &size, &flags);
		if (flags != records[i]->flags || size != records[i]->size ||
		    memcmp(rdata, records[i]->rdata, size) != 0) {
			return false;
		}
	}
	return true;
}

/* The sets of a name before and after, side by side. */
struct sets {
	struct rrset **list;
	uint16_t count;
};

static struct rrset *sets_get(const struct sets *sets, uint16_t type)
{
	for (uint16_t i = 0; i < sets->count; i++) {
		if (sets->list[i]->type == type) {
			return sets->list[i];
		}
	}
	return NULL;
}

/* Sets of the records, by type; a set that stays the same stays the same object. */
static bool make_sets(struct root_writer *writer, const struct content *content,
		      const struct sets *old, struct sets *new)
{
	const size_t count = content->count;
	const struct record **sorted = arena_calloc(&writer->scratch, count + 1, sizeof(*sorted));

	new->list = arena_calloc(&writer->scratch, count + 1, sizeof(struct rrset *));
	if (sorted == NULL || new->list == NULL) {
		writer->txn.failed = true;
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		sorted[i] = &content->records[i];
	}
	qsort(sorted, count, sizeof(*sorted), by_type);
	for (size_t from = 0, to; from < count; from = to) {
		const uint16_t type = sorted[from]->type;
		for (to = from + 1; to < count && sorted[to]->type == type; to++) {
		}
		struct rrset *set = sets_get(old, type);
		if (!set_is(set, sorted + from, to - from)) {
			set = rrset_make(&writer->txn, sorted + from, to - from);
		}
		if (set == NULL) {
			return false;
		}
		new->list[new->count++] = set;
	}
	return true;
}

static void say_set(struct root_writer *writer, struct zone_work *work, int sign,
		    const uint8_t *name, const struct rrset *set)
{
	for (uint32_t i = 0; i < set->count; i++) {
		struct delta_rr rr = {.name = name, .type = set->type, .ttl = set->ttl};
		rr.rdata = rrset_member(set, i, &rr.size, NULL);
		changes_add(writer, work, sign, &rr);
	}
}

/* Explicit records that are shares of a derived set are in the delta as that set's. */
static bool is_shared_set(enum name_role role, uint16_t type)
{
	return (type == DNS_TYPE_PTR &&
		(role == ROLE_TYPE || role == ROLE_SUBTYPE || role == ROLE_SERVICES)) ||
	       (type == DNS_TYPE_SRV && role == ROLE_TYPE);
}

static void say_sets(struct root_writer *writer, struct zone_work *work, const uint8_t *name,
		     const struct sets *old, const struct sets *new)
{
	const enum name_role role = zone_role(work->zone, name);

	if (!work->zone->is_registry) {
		return;
	}
	for (uint16_t i = 0; i < old->count; i++) {
		const uint16_t type = old->list[i]->type;
		if (sets_get(new, type) != old->list[i] && !is_shared_set(role, type)) {
			say_set(writer, work, -1, name, old->list[i]);
		}
	}
	for (uint16_t i = 0; i < new->count; i++) {
		const uint16_t type = new->list[i]->type;
		if (sets_get(old, type) != new->list[i] && !is_shared_set(role, type)) {
			say_set(writer, work, 1, name, new->list[i]);
		}
	}
}

static bool is_cut(enum name_role role, const struct sets *sets)
{
	return (role != ROLE_APEX && sets_get(sets, DNS_TYPE_NS) != NULL) ||
	       sets_get(sets, DNS_TYPE_DNAME) != NULL;
}

static struct node *pending_find(const struct zone *zone, const uint8_t *name)
{
	const size_t size = dns_name_size(name);

	return pmap_get(&zone->pending, name_hash(&zone->hash, name, size), name, size);
}

static void pending_take(struct root_writer *writer, struct zone *zone, struct node *node)
{
	pmap_remove(&writer->txn, &zone->pending, node->named.hash, node->named.name,
		    node->named.name_size);
	txn_drop(&writer->txn, node);
}

static struct node *pending_put(struct root_writer *writer, struct zone *zone, const uint8_t *name,
				struct registration *registration)
{
	const size_t size = dns_name_size(name);
	struct node *node = txn_new(&writer->txn, sizeof(*node) + size);

	if (node == NULL) {
		return NULL;
	}
	uint8_t *at = (uint8_t *)node->set;
	memcpy(at, name, size);
	node->named.name = at;
	node->named.name_size = (uint16_t)size;
	node->named.hash = name_hash(&zone->hash, name, size);
	node->role = (uint8_t)zone_role(zone, name);
	node->registration = registration;
	pmap_put(&writer->txn, &zone->pending, &node->named);
	return node;
}

/* Puts sets and registration where they belong: at the name, or among the pending. */
static const struct node *install(struct root_writer *writer, struct zone_work *work,
				  const uint8_t *name, const struct sets *sets,
				  struct registration *registration)
{
	struct zone *zone = work->zone;
	struct node *waiting = pending_find(zone, name);
	const struct node *there = names_get(zone, name);

	if (waiting != NULL) {
		pending_take(writer, zone, waiting);
	}
	if (sets->count > 0 || there != NULL) {
		struct node *node = node_own(writer, work, name, sets->count);
		if (node == NULL) {
			return NULL;
		}
		memcpy(node->set, sets->list, sets->count * sizeof(struct rrset *));
		node->registration = sets->count > 0 ? registration : NULL;
		if (sets->count > 0) {
			return node;
		}
	}
	return registration == NULL ? NULL : pending_put(writer, zone, name, registration);
}

static const struct node *entry_find(const struct zone *zone, const uint8_t *name)
{
	const struct node *node = names_get(zone, name);

	if (node != NULL && node->sets > 0) {
		return node;
	}
	return pending_find(zone, name);
}

const struct node *zone_entry(const struct zone *zone, const uint8_t *name)
{
	return entry_find(zone, name);
}

int zone_put(struct root_writer *writer, const uint8_t *apex, const struct content *content)
{
	struct zone_work *work = work_of(writer, apex);

	if (work == NULL) {
		return writer->txn.failed ? ERR_NOMEM : ERR_NOTFOUND;
	}
	assert(dns_name_is_in(content->name, apex));
	arena_reset(&writer->scratch);
	struct zone *zone = work->zone;
	const struct node *before = entry_find(zone, content->name);
	const enum name_role role = zone_role(zone, content->name);
	struct registration *registered = before == NULL ? NULL : before->registration;
	struct shares shares_before;
	struct shares shares_after;
	shares_of(writer, zone, before, &shares_before);

	/* The node itself may be changed in place: keep what it held. */
	struct sets old = {0};
	struct sets new = {0};
	if (before != NULL && before->sets > 0) {
		const size_t size = before->sets * sizeof(struct rrset *);
		old.list = arena_dup(&writer->scratch, before->set, size);
		old.count = before->sets;
		if (old.list == NULL) {
			writer->txn.failed = true;
			return ERR_NOMEM;
		}
	}
	if (!make_sets(writer, content, &old, &new)) {
		return ERR_NOMEM;
	}
	const bool had_lease = registered != NULL && registered->lease != NULL;
	struct registration *registration = registration_for(writer, zone, registered, content);
	const bool was_entry = before != NULL;
	/* `name` outlives the node that is replaced: dropped objects live until the commit. */
	const uint8_t *name = before != NULL ? before->named.name : content->name;
	const struct node *after = install(writer, work, name, &new, registration);
	if (writer->txn.failed) {
		return ERR_NOMEM;
	}
	for (uint16_t i = 0; i < old.count; i++) {
		if (sets_get(&new, old.list[i]->type) != old.list[i]) {
			txn_drop(&writer->txn, old.list[i]);
		}
	}
	txn_drop(&writer->txn, registered);

	say_sets(writer, work, name, &old, &new);
	derive_addresses(writer, work, name, sets_get(&old, DNS_TYPE_A),
			 sets_get(&new, DNS_TYPE_A));
	derive_addresses(writer, work, name, sets_get(&old, DNS_TYPE_AAAA),
			 sets_get(&new, DNS_TYPE_AAAA));
	shares_of(writer, zone, after, &shares_after);
	shares_move(writer, work, &shares_before, &shares_after);
	zone->cuts = zone->cuts + is_cut(role, &new) - is_cut(role, &old);
	if (role == ROLE_INSTANCE) {
		zone->instances = zone->instances + (after != NULL) - was_entry;
	}
	zone->leases =
		zone->leases + (registration != NULL && registration->lease != NULL) - had_lease;
	node_prune(writer, work, name);
	return outcome(writer);
}
