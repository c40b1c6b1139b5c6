/*
 * What is remembered of withdrawn names: for a name and the key that had it, how early a message of
 * that key may be signed, so that none which was recorded before brings the name back; and, where
 * its key lease goes on, that the name is kept for it.
 *
 * A mark's hash is 48 bits of the name, 15 of the key, and 1 that says whether the name is kept; so
 * all marks of a name are in one place.
 * Bounded: a trie over the upper 16 bits of a hash by the zone's own key, which is the same on
 * every node; 65,536 places of 16 marks each, 25 MB when all are full. What is over its time leaves
 * a place when the next comes to it; from a full one the mark goes that would have ended first.
 */
#include <string.h>

#include "zone/inside.h"

#define FANOUT 16
#define LEVELS 4
#define PLACE_MAX 16
#define NOT_NAME UINT64_C(0xffff) /* bits of a hash that are not the name's */

struct fork {
	struct object object;
	void *next[FANOUT]; /* forks; from the last level on places; NULL: nothing */
};

struct place {
	struct object object;
	uint32_t count;
	struct zone_mark marks[];
};

static size_t digit(uint64_t hash, unsigned level)
{
	return hash >> (60 - 4 * level) & (FANOUT - 1);
}

static uint64_t mark_hash(const struct zone *zone, const uint8_t *name, const struct owner *owner)
{
	const uint64_t key = owner->kind == OWNER_KEY ? name_hash(&zone->ring, owner->id) : 0;

	return (name_hash(&zone->ring, name) & ~NOT_NAME) | (key & NOT_NAME & ~ZONE_MARK_KEPT);
}

/* The place where the marks of this name are; NULL: there are none. */
static const struct place *place_of(const struct zone *zone, uint64_t hash)
{
	const void *at = zone->marks;

	for (unsigned level = 0; at != NULL && level < LEVELS; level++) {
		at = ((const struct fork *)at)->next[digit(hash, level)];
	}
	return at;
}

uint64_t zone_mark(const struct zone *zone, const uint8_t *name, const struct owner *owner,
		   uint64_t now_s)
{
	if (zone->marks == NULL || owner->kind != OWNER_KEY) {
		return 0;
	}
	const uint64_t hash = mark_hash(zone, name, owner);
	const struct place *place = place_of(zone, hash);
	for (uint32_t i = 0; place != NULL && i < place->count; i++) {
		const struct zone_mark *mark = &place->marks[i];
		if ((mark->hash & ~ZONE_MARK_KEPT) == hash && mark->until_s > now_s) {
			return mark->signed_s;
		}
	}
	return 0;
}

uint64_t zone_kept(const struct zone *zone, const uint8_t *name, const struct owner *owner,
		   uint64_t now_s)
{
	uint64_t until_s = 0;

	if (zone->marks == NULL) {
		return 0;
	}
	const uint64_t hash = mark_hash(zone, name, owner);
	const struct place *place = place_of(zone, hash);
	for (uint32_t i = 0; place != NULL && i < place->count; i++) {
		const struct zone_mark *mark = &place->marks[i];
		const bool is_others =
			((mark->hash ^ hash) & ~NOT_NAME) == 0 &&
			(owner->kind != OWNER_KEY || (mark->hash & ~ZONE_MARK_KEPT) != hash);
		if (is_others && (mark->hash & ZONE_MARK_KEPT) != 0 && mark->until_s > now_s &&
		    mark->until_s > until_s) {
			until_s = mark->until_s;
		}
	}
	return until_s;
}

/* `marks` with one more, those over their time without; how many there are. */
static uint32_t merge(struct zone_mark marks[PLACE_MAX + 1], const struct place *old,
		      struct zone_mark mark, uint64_t now_s)
{
	uint32_t count = 0;
	uint32_t first = 0; /* that ends first */

	for (uint32_t i = 0; old != NULL && i < old->count; i++) {
		const struct zone_mark *there = &old->marks[i];
		if (there->until_s <= now_s) {
			continue;
		}
		if ((there->hash & ~ZONE_MARK_KEPT) == (mark.hash & ~ZONE_MARK_KEPT)) {
			mark.signed_s =
				mark.signed_s > there->signed_s ? mark.signed_s : there->signed_s;
			mark.until_s =
				mark.until_s > there->until_s ? mark.until_s : there->until_s;
			continue;
		}
		first = count > 0 && there->until_s < marks[first].until_s ? count : first;
		marks[count++] = *there;
	}
	if (count == PLACE_MAX) {
		count--;
		memmove(&marks[first], &marks[first + 1], (count - first) * sizeof(marks[0]));
	}
	marks[count++] = mark;
	return count;
}

static struct place *place_put(struct txn *txn, struct place *old, const struct zone_mark *mark,
			       uint64_t now_s)
{
	struct zone_mark marks[PLACE_MAX + 1];
	const uint32_t count = merge(marks, old, *mark, now_s);
	struct place *place = txn_new(txn, sizeof(*place) + count * sizeof(marks[0]));

	if (place == NULL) {
		return old;
	}
	place->count = count;
	memcpy(place->marks, marks, count * sizeof(marks[0]));
	if (old != NULL) {
		txn_scrap(txn, old);
	}
	return place;
}

/* A fork of this writer in the place of *slot. NULL: failed. */
static struct fork *fork_own(struct txn *txn, void **slot)
{
	struct fork *fork =
		*slot == NULL ? txn_new(txn, sizeof(*fork)) : txn_own(txn, *slot, sizeof(*fork));

	if (fork != NULL) {
		*slot = fork;
	}
	return fork;
}

void marks_put(struct txn *txn, struct zone *zone, const struct zone_mark *mark, uint64_t now_s)
{
	void **slot = &zone->marks;

	for (unsigned level = 0; level < LEVELS; level++) {
		struct fork *fork = fork_own(txn, slot);
		if (fork == NULL) {
			return;
		}
		slot = &fork->next[digit(mark->hash, level)];
	}
	*slot = place_put(txn, *slot, mark, now_s);
}

void marks_note(struct txn *txn, struct zone *zone, const uint8_t *name, const struct owner *owner,
		const struct zone_mark *mark, uint64_t now_s)
{
	const struct zone_mark whole = {.hash = mark_hash(zone, name, owner) |
						(mark->hash & ZONE_MARK_KEPT),
					.signed_s = mark->signed_s,
					.until_s = mark->until_s};

	marks_put(txn, zone, &whole, now_s);
}

void marks_unkeep(struct txn *txn, struct zone *zone, const uint8_t *name)
{
	const struct owner nobody = {.kind = OWNER_NONE};
	const uint64_t hash = mark_hash(zone, name, &nobody);
	const struct place *place = place_of(zone, hash);
	struct zone_mark marks[PLACE_MAX];
	const uint32_t count = place == NULL ? 0 : place->count;

	if (count > 0) {
		memcpy(marks, place->marks, count * sizeof(marks[0]));
	}
	for (uint32_t i = 0; i < count; i++) {
		if (((marks[i].hash ^ hash) & ~NOT_NAME) == 0 &&
		    (marks[i].hash & ZONE_MARK_KEPT) != 0) {
			marks[i].hash &= ~ZONE_MARK_KEPT;
			marks_put(txn, zone, &marks[i], 0);
		}
	}
}

static int walk(void *at, unsigned level, zone_mark_fn fn, void *context)
{
	int ret = OK;

	if (at == NULL) {
		return OK;
	}
	if (level == LEVELS) {
		const struct place *place = at;
		for (uint32_t i = 0; ret == OK && i < place->count; i++) {
			ret = fn(context, &place->marks[i]);
		}
		return ret;
	}
	const struct fork *fork = at;
	for (size_t i = 0; ret == OK && i < FANOUT; i++) {
		ret = walk(fork->next[i], level + 1, fn, context);
	}
	return ret;
}

int zone_walk_marks(const struct zone *zone, zone_mark_fn fn, void *context)
{
	return walk(zone->marks, 0, fn, context);
}

static void free_from(struct slabs *slabs, void *at, unsigned level)
{
	for (size_t i = 0; at != NULL && level < LEVELS && i < FANOUT; i++) {
		free_from(slabs, ((struct fork *)at)->next[i], level + 1);
	}
	object_free(slabs, at);
}

void marks_free(struct slabs *slabs, struct zone *zone)
{
	free_from(slabs, zone->marks, 0);
	zone->marks = NULL;
}
