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

#define SLOTS_FIRST 512 /* for a batch of 64 registrations */

/* An RR, its octets behind it, with the sum of what happened to it. */
struct change {
	struct change *next; /* in the order they came */
	struct change *next_alike; /* in its slot */
	uint64_t hash;
	struct delta_rr rr;
	uint32_t name_size;
	int sum;
	uint8_t octets[];
};

void changes_init(struct changes *changes, const struct siphash_key *hash)
{
	*changes = (struct changes){.hash = hash, .end = &changes->first};
	arena_init(&changes->arena, 32768);
}

void changes_deinit(struct changes *changes)
{
	free(changes->slots);
	arena_deinit(&changes->arena);
}

/* At most as many changes as slots. */
static bool slots_grow(struct changes *changes)
{
	const size_t room = changes->room == 0 ? SLOTS_FIRST : changes->room * 4;
	struct change **slots = calloc(room, sizeof(struct change *));

	if (slots == NULL) {
		return false;
	}
	for (struct change *change = changes->first; change != NULL; change = change->next) {
		struct change **slot = &slots[change->hash & (room - 1)];
		change->next_alike = *slot;
		*slot = change;
	}
	free(changes->slots);
	changes->slots = slots;
	changes->room = room;
	return true;
}

static struct change *change_find(const struct changes *changes, const struct delta_rr *rr,
				  uint64_t hash)
{
	struct change *change =
		changes->room == 0 ? NULL : changes->slots[hash & (changes->room - 1)];

	while (change != NULL &&
	       (change->hash != hash || change->rr.type != rr->type || change->rr.ttl != rr->ttl ||
		!dns_name_equal(change->rr.name, rr->name) ||
		!dns_rdata_equal(rr->type, change->rr.rdata, change->rr.size, rr->rdata,
				 rr->size))) {
		change = change->next_alike;
	}
	return change;
}

static struct change *change_new(struct changes *changes, const struct delta_rr *rr,
				 size_t name_size, uint64_t hash)
{
	struct change *change;

	if (changes->count == changes->room && !slots_grow(changes)) {
		return NULL;
	}
	change = arena_alloc(&changes->arena, sizeof(*change) + name_size + rr->size);
	if (change == NULL) {
		return NULL;
	}
	struct change **slot = &changes->slots[hash & (changes->room - 1)];
	*change = (struct change){
		.next_alike = *slot, .hash = hash, .rr = *rr, .name_size = (uint32_t)name_size};
	change->rr.name = memcpy(change->octets, rr->name, name_size);
	change->rr.rdata = change->octets + name_size;
	if (rr->size > 0) {
		memcpy(change->octets + name_size, rr->rdata, rr->size);
	}
	*slot = change;
	*changes->end = change;
	changes->end = &change->next;
	changes->count++;
	return change;
}

void changes_add(struct root_writer *writer, struct zone_work *work, int sign,
		 const struct delta_rr *rr)
{
	struct changes *changes = &work->changes;

	if (writer->is_silent || work->is_anew) {
		return;
	}
	const size_t name_size = dns_name_size(rr->name);
	const uint64_t hash = rr_hash(changes->hash, rr, name_size);
	struct change *change = change_find(changes, rr, hash);
	if (change == NULL) {
		change = change_new(changes, rr, name_size, hash);
	}
	if (change == NULL) {
		writer->txn.failed = true;
		return;
	}
	change->sum += sign;
}

/* Copies the RRs whose sum has this sign behind `rrs`; octets go to *data. */
static struct delta_rr *copy_rrs(const struct changes *changes, int sign, struct delta_rr *rrs,
				 uint8_t **data)
{
	for (const struct change *change = changes->first; change != NULL; change = change->next) {
		if (change->sum * sign <= 0) {
			continue;
		}
		*rrs = change->rr;
		memcpy(*data, change->octets, change->name_size + change->rr.size);
		rrs->name = *data;
		rrs->rdata = *data + change->name_size;
		*data += change->name_size + change->rr.size;
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

	for (const struct change *change = changes->first; change != NULL; change = change->next) {
		if (change->sum == 0) {
			continue;
		}
		removed += change->sum < 0;
		added += change->sum > 0;
		octets += change->name_size + change->rr.size;
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

static void clear_history(struct txn *txn, struct zone *zone)
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
	bool is_moved = soa_is_moved(work);

	if (writer->is_silent || !zone->is_registry) {
		return;
	}
	if (work->is_anew && !is_moved) {
		is_moved = !changes_compare(writer, work);
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
		/* The SOA is in no delta, nor is too much: the way from serial to serial ends. */
		clear_history(&writer->txn, zone);
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
