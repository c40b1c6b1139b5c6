/*
 * A zone's names all anew: for an import, and for a base that shapes the derived sets otherwise.
 *
 * zone_clear() takes everything out; what was there is garbage and stays readable until the commit.
 * Then names come by zone_load(), which costs a fraction of putting each, and no delta is gathered
 * on the way. zone_finish() makes it by comparing the two versions where the zone is so small that
 * the history would keep it; else the history begins anew.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dns/rrtype.h"
#include "zone/inside.h"

#define NAMES_TOLD 10000 /* of both versions: more make a delta that passes the history's budget */

/* ---- taking out -------------------------------------------------------------------------- */

static int drop_faces(void *context, void *value)
{
	struct txn *txn = context;
	struct faces *faces = node_faces(value);

	if (faces != NULL) {
		members_drop(txn, faces->ptr);
		members_drop(txn, faces->srv);
		roster_drop(txn, faces->a, txn_drop);
		roster_drop(txn, faces->aaaa, txn_drop);
		tree_drop(txn, faces->weights);
		txn_drop(txn, faces);
	}
	return 0;
}

static int drop_node(void *context, void *value)
{
	node_drop(context, value);
	return 0;
}

static int drop_host(void *context, void *value)
{
	host_drop(context, value);
	return 0;
}

/* Takes out all names, but ends no lease. */
static void take_out(struct root_writer *writer, struct zone_work *work)
{
	struct txn *txn = &writer->txn;
	struct zone *zone = work->zone;

	/* The faces look at the nodes in them. */
	pmap_walk(&zone->names, drop_faces, txn);
	pmap_walk(&zone->names, drop_node, txn);
	pmap_walk(&zone->pending, drop_node, txn);
	pmap_walk(&zone->hosts, drop_host, txn);
	pmap_drop(txn, &zone->names);
	pmap_drop(txn, &zone->pending);
	pmap_drop(txn, &zone->hosts);
	zone->cuts = 0;
	zone->instances = 0;
	zone->leases = 0;
	changes_deinit(&work->changes);
	changes_init(&work->changes, &txn->hash);
	work->is_anew = true;
	if (zone->soa != NULL) {
		node_own(writer, work, zone->apex);
	}
}

static int end_lease(void *context, void *value)
{
	const struct registration *registration = node_registration(value);

	if (registration != NULL && registration->lease != NULL) {
		lease_end(context, registration->lease);
	}
	return 0;
}

int zone_clear(struct root_writer *writer, const uint8_t *apex)
{
	struct zone_work *work = work_of(writer, apex);

	if (work == NULL) {
		return writer->txn.failed ? ERR_NOMEM : ERR_NOTFOUND;
	}
	assert(work->load == NULL);
	pmap_walk(&work->zone->names, end_lease, writer);
	pmap_walk(&work->zone->pending, end_lease, writer);
	leases_ended(writer);
	take_out(writer, work);
	return writer->txn.failed ? ERR_NOMEM : OK;
}

/* ---- another shape ----------------------------------------------------------------------- */

struct reshaping {
	struct root_writer *writer;
	struct zone_work *work;
	struct record *records;
	size_t room;
};

/* What the node says, in its records; ERR_NOMEM. */
static int content_of(struct reshaping *reshaping, const struct node *node, struct content *content)
{
	const size_t room = node_record_count(node);

	if (room > reshaping->room) {
		struct record *records = realloc(reshaping->records, room * sizeof(*records));
		if (records == NULL) {
			return ERR_NOMEM;
		}
		reshaping->records = records;
		reshaping->room = room;
	}
	node_content(node, content, reshaping->records, room);
	return OK;
}

static int load_again(void *context, const struct zone *before, const struct node *node)
{
	struct reshaping *reshaping = context;
	const struct zone *zone = reshaping->work->zone;
	struct content content;

	(void)before;
	if (node->named.sets == 0 && node_registration(node) == NULL) {
		return OK;
	}
	const int ret = content_of(reshaping, node, &content);
	if (ret != OK) {
		return ret;
	}
	const enum name_role role = zone_role(zone, content.name);
	if (role == ROLE_POOL) {
		/* What the pool's new label reserves is nobody's any more. */
		(void)end_lease(reshaping->writer, (void *)(uintptr_t)node);
		return OK;
	}
	for (size_t i = 0; role != ROLE_APEX && zone_role_is_shared(role) && i < content.count;
	     i++) {
		reshaping->records[i].ttl = zone->shape.ttl_derived_s;
	}
	return load_over(reshaping->writer, reshaping->work, &content, node);
}

int zone_reshape(struct root_writer *writer, struct zone_work *work, const struct zone_shape *shape)
{
	struct reshaping reshaping = {.writer = writer, .work = work};
	const struct zone before = *work->zone;

	take_out(writer, work);
	work->zone->shape = *shape;
	int ret = writer->txn.failed ? ERR_NOMEM : OK;
	ret = ret == OK ? zone_walk_in_order(&before, load_again, &reshaping) : ret;
	leases_ended(writer);
	free(reshaping.records);
	return ret == OK ? zone_load_end(writer) : ret;
}

/* ---- what has changed -------------------------------------------------------------------- */

struct telling {
	struct root_writer *writer;
	struct zone_work *work;
	int sign;
};

static int tell(void *context, const struct delta_rr *rr)
{
	const struct telling *telling = context;

	if (rr->type != DNS_TYPE_SOA) {
		changes_add(telling->writer, telling->work, telling->sign, rr);
	}
	return telling->writer->txn.failed ? ERR_NOMEM : OK;
}

bool changes_compare(struct root_writer *writer, struct zone_work *work)
{
	const struct zone *from = work->from;
	struct telling telling = {.writer = writer, .work = work, .sign = -1};

	if (from == NULL || from->names.count + work->zone->names.count > NAMES_TOLD) {
		return false;
	}
	work->is_anew = false;
	if (zone_walk_rrs(from, tell, &telling) == OK) {
		telling.sign = 1;
		zone_walk_rrs(work->zone, tell, &telling);
	}
	return true;
}
