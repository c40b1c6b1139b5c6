/*
 * Deltas: what one commit changed in one zone, summed up, so that an RR which came and went again
 * within it is in no delta (RFC 1995 wants differences between versions, not a diary).
 */
#include <stdlib.h>
#include <string.h>

#include "dns/rrtype.h"
#include "zone/inside.h"

#define HISTORY_MAX 100
#define HISTORY_MAX_SIZE (1u << 20)

void changes_init(struct changes *changes, const struct siphash_key *hash)
{
	*changes = (struct changes){0};
	arena_init(&changes->arena, 16384);
	map_init(&changes->index, hash->k0);
}

void changes_deinit(struct changes *changes)
{
	map_deinit(&changes->index);
	arena_deinit(&changes->arena);
	free(changes->list);
}

/* type, TTL, owner folded, RDATA folded: equal for equal RRs. */
static uint8_t *change_key(struct arena *arena, const struct delta_rr *rr, size_t *size)
{
	const size_t name_size = dns_name_size(rr->name);
	uint8_t *key = arena_alloc(arena, 6 + name_size + rr->size);

	if (key == NULL) {
		return NULL;
	}
	struct buf_writer out = buf_writer(key, 6);
	buf_write_u16(&out, rr->type);
	buf_write_u32(&out, rr->ttl);
	dns_name_fold(key + 6, rr->name);
	dns_rdata_fold(key + 6 + name_size, rr->type, rr->rdata, rr->size);
	*size = 6 + name_size + rr->size;
	return key;
}

static bool append(struct changes *changes, struct change *change)
{
	if (changes->count == changes->room) {
		const size_t room = changes->room == 0 ? 16 : changes->room * 2;
		struct change **list = realloc(changes->list, room * sizeof(*list));
		if (list == NULL) {
			return false;
		}
		changes->list = list;
		changes->room = room;
	}
	changes->list[changes->count++] = change;
	return true;
}

void changes_add(struct root_writer *writer, struct zone_work *work, int sign,
		 const struct delta_rr *rr)
{
	struct changes *changes = &work->changes;
	size_t size = 0;

	if (writer->is_silent) {
		return;
	}
	uint8_t *key = change_key(&changes->arena, rr, &size);
	if (key == NULL) {
		writer->txn.failed = true;
		return;
	}
	struct change *change = map_get(&changes->index, key, size);
	if (change == NULL) {
		change = arena_calloc(&changes->arena, 1, sizeof(*change));
		if (change == NULL || !append(changes, change)) {
			writer->txn.failed = true;
			return;
		}
		change->rr = *rr;
		change->rr.name = arena_dup(&changes->arena, rr->name, dns_name_size(rr->name));
		change->rr.rdata = arena_dup(&changes->arena, rr->rdata, rr->size);
		if (change->rr.name == NULL || change->rr.rdata == NULL ||
		    map_put(&changes->index, key, size, change) != OK) {
			writer->txn.failed = true;
			return;
		}
	}
	change->sum += sign;
}

/* Copies the RRs whose sum has this sign behind `rrs`; octets go to *data. */
static struct delta_rr *copy_rrs(const struct changes *changes, int sign, struct delta_rr *rrs,
				 uint8_t **data)
{
	for (size_t i = 0; i < changes->count; i++) {
		const struct change *change = changes->list[i];
		if (change->sum * sign <= 0) {
			continue;
		}
		const size_t name_size = dns_name_size(change->rr.name);
		*rrs = change->rr;
		rrs->name = memcpy(*data, change->rr.name, name_size);
		*data += name_size;
		rrs->rdata = memcpy(*data, change->rr.rdata, change->rr.size);
		*data += change->rr.size;
		rrs++;
	}
	return rrs;
}

static struct history *make_history(struct root_writer *writer, struct zone_work *work)
{
	const struct changes *changes = &work->changes;
	size_t octets = 0;
	uint32_t removed = 0;
	uint32_t added = 0;

	for (size_t i = 0; i < changes->count; i++) {
		const struct change *change = changes->list[i];
		if (change->sum == 0) {
			continue;
		}
		removed += change->sum < 0;
		added += change->sum > 0;
		octets += dns_name_size(change->rr.name) + change->rr.size;
	}
	if (removed + added == 0) {
		return NULL;
	}
	const size_t rrs_size = (removed + added) * sizeof(struct delta_rr);
	const size_t size = sizeof(struct history) + rrs_size + octets;
	struct history *history = txn_new(&writer->txn, size);
	if (history == NULL) {
		return NULL;
	}
	struct delta_rr *rrs = (struct delta_rr *)(history + 1);
	uint8_t *data = (uint8_t *)(rrs + removed + added);
	copy_rrs(changes, 1, copy_rrs(changes, -1, rrs, &data), &data);
	history->size = size;
	history->delta = (struct delta){.removed = removed, .added = added, .rrs = rrs};
	return history;
}

void zone_clear_history(struct txn *txn, struct zone *zone)
{
	struct history *history = zone->history;

	for (size_t i = 0; i < zone->history_count; i++) {
		struct history *older = history->older;
		txn_drop(txn, history);
		history = older;
	}
	zone->history = NULL;
	zone->history_count = 0;
	zone->history_size = 0;
}

/* Drops what is over the budget, oldest first. */
static void trim_history(struct txn *txn, struct zone *zone)
{
	while (zone->history_count > 0 &&
	       (zone->history_count > HISTORY_MAX || zone->history_size > HISTORY_MAX_SIZE)) {
		struct history *oldest = zone->history;
		for (size_t i = 1; i < zone->history_count; i++) {
			oldest = oldest->older;
		}
		zone->history_size -= oldest->size;
		zone->history_count--;
		txn_drop(txn, oldest);
	}
	if (zone->history_count == 0) {
		zone->history = NULL;
	}
}

static bool soa_equal(const struct zone_soa *one, const struct zone_soa *other)
{
	return one->ttl == other->ttl && one->refresh == other->refresh &&
	       one->retry == other->retry && one->expire == other->expire &&
	       one->minimum == other->minimum && dns_name_equal(one->mname, other->mname) &&
	       dns_name_equal(one->rname, other->rname);
}

static bool soa_is_moved(const struct zone_work *work)
{
	const struct soa *now = work->zone->soa;

	if (work->is_serial_set || now == work->soa_from) {
		return work->is_serial_set;
	}
	return work->soa_from == NULL || !soa_equal(&now->soa, &work->soa_from->soa);
}

void zone_finish(struct root_writer *writer, struct zone_work *work)
{
	struct zone *zone = work->zone;
	const bool is_moved = soa_is_moved(work);

	if (writer->is_silent || !zone->is_registry) {
		return;
	}
	struct history *history = make_history(writer, work);
	if (history == NULL && !is_moved) {
		return;
	}
	const uint32_t from = work->serial_from;
	if (!work->is_serial_set) {
		zone->serial = from + 1 == 0 ? 1 : from + 1;
	}
	if (is_moved) {
		/* The SOA is in no delta: the way from serial to serial is broken here. */
		zone_clear_history(&writer->txn, zone);
		txn_drop(&writer->txn, history);
		return;
	}
	history->delta.serial_from = from;
	history->delta.serial_to = zone->serial;
	history->older = zone->history;
	zone->history = history;
	zone->history_count++;
	zone->history_size += history->size;
	trim_history(&writer->txn, zone);
}

const struct delta *zone_delta(const struct zone *zone, size_t back)
{
	const struct history *history = zone->history;

	if (back >= zone->history_count) {
		return NULL;
	}
	while (back-- > 0) {
		history = history->older;
	}
	return &history->delta;
}
