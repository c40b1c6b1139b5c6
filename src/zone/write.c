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
	uint8_t key[SIPHASH_KEY_SIZE];
	struct slabs *slabs;
	struct root *root;
	uint8_t class_of;

	if (slabs_new(&slabs) != OK) {
		return ERR_NOMEM;
	}
	root = slabs_alloc(slabs, sizeof(*root), &class_of);
	if (root == NULL) {
		slabs_free(slabs);
		return ERR_NOMEM;
	}
	random_fill(key, sizeof(key));
	root->object.class_of = class_of;
	root->slabs = slabs;
	root->hash = siphash_key(key);
	root->version = 1;
	*out = root;
	return OK;
}

static void zone_free(struct slabs *slabs, void *value)
{
	struct zone *zone = value;

	for (size_t i = 0; i < zone->history_count; i++) {
		struct history *older = zone->history->older;
		object_free(slabs, zone->history);
		zone->history = older;
	}
	pmap_walk(&zone->names, node_free_faces, slabs);
	pmap_free(slabs, &zone->names, node_free);
	pmap_free(slabs, &zone->pending, node_free);
	pmap_free(slabs, &zone->hosts, host_free);
	marks_free(slabs, zone);
	object_free(slabs, zone->soa);
	object_free(slabs, zone);
}

void root_free(struct root *root)
{
	if (root == NULL) {
		return;
	}
	struct slabs *slabs = root->slabs;
	pmap_free(slabs, &root->zones, zone_free);
	object_free(slabs, root);
	slabs_free(slabs);
}

int root_begin(struct root_writer **out, const struct root *root)
{
	struct root_writer *writer = calloc(1, sizeof(*writer));

	if (writer == NULL) {
		return ERR_NOMEM;
	}
	txn_begin(&writer->txn, root->slabs, &root->hash);
	arena_init(&writer->scratch, 16384);
	writer->root = txn_own(&writer->txn, (struct root *)root, sizeof(*root));
	if (writer->root == NULL) {
		root_abort(writer);
		return ERR_NOMEM;
	}
	writer->root->version = root->version + 1;
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
		load_free(work->load);
		free(work);
	}
	arena_deinit(&writer->scratch);
	free(writer->leases);
	free(writer);
}

/* What became of leases that both versions have. */
static void settle_leases(const struct root_writer *writer)
{
	for (size_t i = 0; i < writer->lease_count; i++) {
		const struct lease_change *change = &writer->leases[i];
		if (change->event == LEASE_LASTS) {
			change->lease->lease_s = change->lease_s;
		}
	}
}

int root_commit(struct root_writer *writer, uint64_t index, struct root **root,
		struct garbage **garbage)
{
	struct garbage *rest = calloc(1, sizeof(*rest));
	bool is_much = writer->is_silent;

	for (struct zone_work *work = writer->works; work != NULL; work = work->next) {
		is_much = is_much || work->is_anew;
		zone_finish(writer, work);
	}
	if (rest == NULL || writer->txn.failed) {
		free(rest);
		return ERR_NOMEM;
	}
	*rest = (struct garbage){.slabs = writer->txn.slabs, .bag = txn_commit(&writer->txn)};
	settle_leases(writer);
	writer->root->index = index;
	*root = writer->root;
	*garbage = rest;
	writer_free(writer);
	if (is_much) {
		malloc_trim(0); /* what all this needed meanwhile */
	}
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
	if (garbage != NULL) {
		bag_free(garbage->slabs, garbage->bag);
		free(garbage);
	}
}

bool garbage_free_some(struct garbage *garbage, size_t *left)
{
	if (garbage != NULL) {
		garbage->bag = bag_free_some(garbage->slabs, garbage->bag, left);
		if (garbage->bag != NULL) {
			return false;
		}
		free(garbage);
	}
	return true;
}

void garbage_free_young(struct garbage *garbage, size_t *left)
{
	if (garbage != NULL) {
		garbage->bag = bag_free_young(garbage->slabs, garbage->bag, left);
	}
}

void root_hold(const struct root *root)
{
	slabs_hold(root->slabs);
}

void root_unhold(const struct root *root)
{
	slabs_unhold(root->slabs);
}

size_t garbage_size(const struct garbage *garbage)
{
	return bag_size(garbage->bag);
}

void root_silence(struct root_writer *writer)
{
	writer->is_silent = true;
	txn_bulk(&writer->txn);
}

/* ---- zones ------------------------------------------------------------------------------- */

/* `from`: the zone in the version before; NULL: it is new. */
static struct zone_work *work_new(struct root_writer *writer, struct zone *zone,
				  const struct zone *from)
{
	struct zone_work *work = calloc(1, sizeof(*work));

	if (work == NULL) {
		writer->txn.failed = true;
		return NULL;
	}
	pmap_put(&writer->txn, &writer->root->zones, &zone->named);
	changes_init(&work->changes, &writer->txn.hash);
	work->zone = zone;
	work->serial_from = zone->serial;
	work->soa_from = zone->soa;
	work->from = from;
	work->next = writer->works;
	writer->works = work;
	writer->last = work;
	return work;
}

static struct zone *zone_find_in(const struct root *root, const uint8_t *apex)
{
	const size_t size = dns_name_size(apex);

	return pmap_get(&root->zones, name_hash(&root->hash, apex), apex, size);
}

struct zone_work *work_of(struct root_writer *writer, const uint8_t *apex)
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
	return zone == NULL ? NULL : work_new(writer, zone, old);
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
	zone->named.name_at = offsetof(struct zone, apex);
	zone->named.name_size = (uint8_t)size;
	zone->named.hash = name_hash(&writer->root->hash, apex);
	zone->apex_labels = (uint8_t)dns_name_labels(apex);
	writer->root->depths |= depth(zone->apex_labels);
	zone->hash = writer->root->hash;
	zone->apex_state = name_state(&zone->hash, apex);
	if (ring_key != NULL) {
		zone->ring = siphash_key(ring_key);
		memcpy(zone->ring_key, ring_key, SIPHASH_KEY_SIZE);
	}
	return work_new(writer, zone, NULL);
}

static bool shape_moves_sets(const struct zone_shape *one, const struct zone_shape *other)
{
	return one->ttl_derived_s != other->ttl_derived_s ||
	       one->pool_label[0] != other->pool_label[0] ||
	       !dns_octets_equal(one->pool_label, other->pool_label, one->pool_label[0] + 1u);
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
		return zone_reshape(writer, work, shape);
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
	node_own(writer, work, zone->apex);
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

int zone_set_ring(struct root_writer *writer, const uint8_t *apex,
		  const uint8_t ring_key[SIPHASH_KEY_SIZE])
{
	struct zone_work *work = work_of(writer, apex);

	if (work == NULL) {
		return writer->txn.failed ? ERR_NOMEM : ERR_NOTFOUND;
	}
	assert(work->zone->instances == 0);
	work->zone->ring = siphash_key(ring_key);
	memcpy(work->zone->ring_key, ring_key, SIPHASH_KEY_SIZE);
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

int zone_set_mark(struct root_writer *writer, const uint8_t *apex, const uint8_t *name,
		  const struct owner *owner, const struct zone_mark *mark, uint64_t now_s)
{
	struct zone_work *work = work_of(writer, apex);

	if (work == NULL) {
		return writer->txn.failed ? ERR_NOMEM : ERR_NOTFOUND;
	}
	marks_note(&writer->txn, work->zone, name, owner, mark, now_s);
	return outcome(writer);
}

int zone_unkeep(struct root_writer *writer, const uint8_t *apex, const uint8_t *name)
{
	struct zone_work *work = work_of(writer, apex);

	if (work == NULL) {
		return writer->txn.failed ? ERR_NOMEM : ERR_NOTFOUND;
	}
	marks_unkeep(&writer->txn, work->zone, name);
	return outcome(writer);
}

int zone_load_mark(struct root_writer *writer, const uint8_t *apex, const struct zone_mark *mark)
{
	struct zone_work *work = work_of(writer, apex);

	if (work == NULL) {
		return writer->txn.failed ? ERR_NOMEM : ERR_NOTFOUND;
	}
	marks_put(&writer->txn, work->zone, mark, 0);
	return outcome(writer);
}

struct dropping {
	struct txn *txn;
};

static int drop_node(void *context, void *value)
{
	struct dropping *dropping = context;
	struct node *node = value;

	node_drop(dropping->txn, node);
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

static void note_lease(struct root_writer *writer, struct lease *lease, enum lease_event event,
		       uint32_t lease_s)
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
		(struct lease_change){.lease = lease, .event = event, .lease_s = lease_s};
}

static void lease_drop(struct root_writer *writer, struct lease *box)
{
	if (!txn_made(&box->object)) {
		note_lease(writer, box, LEASE_ENDS, 0);
		txn_drop(&writer->txn, box);
		return;
	}
	for (size_t i = writer->lease_count; i-- > 0;) {
		if (writer->leases[i].lease == box) {
			const size_t behind = --writer->lease_count - i;
			memmove(&writer->leases[i], &writer->leases[i + 1],
				behind * sizeof(writer->leases[0]));
			break;
		}
	}
	txn_drop(&writer->txn, box);
}

void lease_end(struct root_writer *writer, struct lease *lease)
{
	if (!txn_made(&lease->object)) {
		note_lease(writer, lease, LEASE_ENDS, 0);
	}
	txn_drop(&writer->txn, lease);
}

void leases_ended(struct root_writer *writer)
{
	size_t kept = 0;

	for (size_t i = 0; i < writer->lease_count; i++) {
		const struct lease_change *change = &writer->leases[i];
		if (change->event != LEASE_BEGINS || txn_made(&change->lease->object)) {
			writer->leases[kept++] = *change;
		}
	}
	writer->lease_count = kept;
}

static struct lease *lease_new(struct root_writer *writer, const struct zone *zone, uint64_t hash)
{
	struct lease *box = txn_new(&writer->txn, sizeof(*box));

	if (box == NULL) {
		return NULL;
	}
	box->name_hash = hash;
	box->zone_tag = zone_tag(zone);
	note_lease(writer, box, LEASE_BEGINS, 0);
	return box;
}

/* The lease that the new content has: the one there, a new one, or none. */
static struct lease *lease_for(struct root_writer *writer, const struct zone *zone,
			       const struct node *old, const struct content *content, uint64_t hash)
{
	const struct registration *registration = node_registration(old);
	struct lease *box = registration == NULL ? NULL : registration->lease;

	if (box != NULL) {
		const struct owner owner = node_owner(old);
		if (content->lease_s == 0 || !owner_equal(&owner, &content->owner)) {
			lease_drop(writer, box);
			box = NULL;
		}
	}
	if (content->lease_s > 0 && box == NULL) {
		box = lease_new(writer, zone, hash);
	}
	if (box != NULL && txn_made(&box->object)) {
		box->lease_s = content->lease_s;
	} else if (box != NULL && registration->lease_s != content->lease_s) {
		/* The version before has it too. */
		note_lease(writer, box, LEASE_LASTS, content->lease_s);
	}
	return box;
}

void root_each_lease(const struct root_writer *writer, lease_fn fn, void *context)
{
	for (size_t i = 0; i < writer->lease_count; i++) {
		const struct lease_change *change = &writer->leases[i];
		if (change->event != LEASE_LASTS) {
			fn(context, change->lease, change->event == LEASE_BEGINS);
		}
	}
}

/* ---- putting a name ---------------------------------------------------------------------- */

static int by_type(const void *one, const void *other)
{
	const struct record *a = *(const struct record *const *)one;
	const struct record *b = *(const struct record *const *)other;

	if (a->type != b->type) {
		return a->type < b->type ? -1 : 1;
	}
	return a < b ? -1 : a > b; /* as they came */
}

static bool are_in_order(const struct record *const *records, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (records[i - 1]->type > records[i]->type) {
			return false;
		}
	}
	return true;
}

bool draft_make(struct root_writer *writer, const struct zone *zone, const struct node *before,
		const struct content *content, uint64_t hash, struct draft *draft)
{
	const size_t count = content->count;

	*draft = (struct draft){.content = content, .count = count};
	draft->records = arena_calloc(&writer->scratch, count + 1, sizeof(draft->records[0]));
	if (draft->records == NULL) {
		writer->txn.failed = true;
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		draft->records[i] = &content->records[i];
	}
	if (!are_in_order(draft->records, count)) {
		qsort(draft->records, count, sizeof(draft->records[0]), by_type);
	}
	draft->lease = lease_for(writer, zone, before, content, hash);
	draft->has_registration = content->owner.kind != OWNER_NONE || content->flags != 0 ||
				  draft->lease != NULL || content->subtypes_size > 0;
	return !writer->txn.failed;
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

/* The sets of `one` that `other` has not. */
static void say_sets(struct root_writer *writer, struct zone_work *work, int sign,
		     const struct node *one, const struct node *other)
{
	if (one == NULL || one->named.sets == 0 || !work->zone->is_registry) {
		return;
	}
	const struct rrset *set = node_sets(one);
	for (uint16_t left = one->named.sets; left > 0; left--, set = rrset_next(set)) {
		if (!is_shared_set((enum name_role)one->named.role, set->type) &&
		    !rrset_equal(set, node_rrset(other, set->type))) {
			say_set(writer, work, sign, named_name(&one->named), set);
		}
	}
}

bool node_is_cut(const struct node *node)
{
	return (node != NULL && node->named.role != ROLE_APEX &&
		node_rrset(node, DNS_TYPE_NS) != NULL) ||
	       node_rrset(node, DNS_TYPE_DNAME) != NULL;
}

static void pending_take(struct root_writer *writer, struct zone *zone, struct node *node)
{
	pmap_remove(&writer->txn, &zone->pending, node->named.hash, named_name(&node->named),
		    node->named.name_size);
	txn_drop(&writer->txn, node);
}

/* Puts the draft where it belongs: at the name, or among the pending. NULL: nothing, or failed. */
static const struct node *install(struct root_writer *writer, struct zone_work *work,
				  const uint8_t *name, uint64_t hash, const struct draft *draft)
{
	static const struct draft nothing;
	struct zone *zone = work->zone;
	struct node *waiting = pending_find(zone, name, hash);

	if (waiting != NULL) {
		pending_take(writer, zone, waiting);
	}
	if (draft->count > 0) {
		return node_put(writer, work, name, hash, draft);
	}
	const struct node *there = names_get_at(zone, name, hash);
	if (there != NULL && there->named.sets > 0) {
		node_put(writer, work, name, hash, &nothing);
	}
	if (!draft->has_registration) {
		return NULL;
	}
	struct node *node = node_make(&writer->txn, zone, name, hash, draft);
	if (node != NULL) {
		pmap_put(&writer->txn, &zone->pending, &node->named);
	}
	return node;
}

uint64_t zone_name_hash(const struct zone *zone, const uint8_t *name)
{
	struct siphash_state state = zone->apex_state;
	struct labels labels;

	labels_of(&labels, name);
	return name_hash_on(&state, zone->apex_labels, labels.count, name, &labels);
}

int zone_put(struct root_writer *writer, const uint8_t *apex, const struct content *content)
{
	struct zone_work *work = work_of(writer, apex);
	struct draft draft;

	if (work == NULL) {
		return writer->txn.failed ? ERR_NOMEM : ERR_NOTFOUND;
	}
	assert(dns_name_is_in(content->name, apex));
	arena_reset(&writer->scratch);
	struct zone *zone = work->zone;
	/* A node that is replaced is not changed, and stays readable until the commit. */
	const uint64_t hash =
		content->hash != 0 ? content->hash : zone_name_hash(zone, content->name);
	const struct node *before = zone_entry_at(zone, content->name, hash);
	const bool had_lease = before != NULL && node_lease(before) != NULL;
	struct shares shares_before;
	struct shares shares_after;
	shares_of(writer, zone, before, &shares_before);
	if (!draft_make(writer, zone, before, content, hash, &draft)) {
		return ERR_NOMEM;
	}
	const uint8_t *name = before != NULL ? named_name(&before->named) : content->name;
	const struct node *after = install(writer, work, name, hash, &draft);
	if (writer->txn.failed) {
		return ERR_NOMEM;
	}
	say_sets(writer, work, -1, before, after);
	say_sets(writer, work, 1, after, before);
	pool_readdress(writer, work, name, hash, node_rrset(before, DNS_TYPE_A),
		       node_rrset(after, DNS_TYPE_A));
	pool_readdress(writer, work, name, hash, node_rrset(before, DNS_TYPE_AAAA),
		       node_rrset(after, DNS_TYPE_AAAA));
	shares_of(writer, zone, after, &shares_after);
	shares_move(writer, work, &shares_before, &shares_after);
	zone->cuts = zone->cuts + node_is_cut(after) - node_is_cut(before);
	const struct node *known = after != NULL ? after : before;
	if (known != NULL && known->named.role == ROLE_INSTANCE) {
		zone->instances = zone->instances + (after != NULL) - (before != NULL);
	}
	zone->leases = zone->leases + (draft.lease != NULL) - had_lease;
	if (draft.count == 0) {
		node_prune(writer, work, name, hash);
	}
	return outcome(writer);
}
