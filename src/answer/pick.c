#include "answer/pick.h"

#define LOOKS 8 /* times the maximum: members looked at, of which some are picked by weight */
#define RR_FIXED 12 /* octets before RDATA in a record whose owner is in the message already */

/* The ring of a priority, walked once around from the client's place. */
struct ring {
	const struct set *set;
	struct set_level level;
	struct set_walk walk;
	uint32_t to_end; /* members before it goes on with the first of the level */
};

static void ring_start(struct ring *ring, const struct set *set, uint32_t index, uint64_t client)
{
	ring->set = set;
	ring->level = set_level(set, index);
	const uint32_t start = set_ring_start(set, &ring->level, client);
	ring->to_end = ring->level.first + ring->level.count - start;
	set_walk_start(&ring->walk, set, start);
}

static const void *ring_next(struct ring *ring)
{
	if (ring->to_end == 0) {
		set_walk_start(&ring->walk, ring->set, ring->level.first);
		ring->to_end = ring->level.count;
	}
	ring->to_end--;
	return set_walk_next(&ring->walk);
}

/* From the lowest priority up, what follows the client's place. */
static void pick_in_turn(struct pick *pick, const struct set *set, uint64_t client)
{
	const uint32_t total = set->count < pick->max ? set->count : pick->max;
	struct ring ring;

	while (pick->count < total) {
		ring_start(&ring, set, pick->count, client);
		const uint32_t left = total - pick->count;
		const uint32_t some = ring.level.count < left ? ring.level.count : left;
		for (uint32_t i = 0; i < some; i++) {
			pick->member[pick->count++] = ring_next(&ring);
		}
	}
}

/* A number that each client has of its own for each member (the finaliser of MurmurHash3). */
static uint64_t lot(uint64_t client, uint64_t place)
{
	uint64_t hash = client * 0x9e3779b97f4a7c15u ^ place;

	hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdu;
	hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53u;
	return hash ^ hash >> 33;
}

/* Is this lot, as a fraction, below weight / 2^shift? */
static bool is_drawn(uint64_t lot, uint16_t weight, unsigned shift)
{
	return shift == 0 ? weight > 0 : lot >> (64 - shift) < weight;
}

/*
 * By weight: a member is taken with the probability weight / P, where P is the power of two not
 * below the largest weight, so that one member's weight decides about no other. So many are looked
 * at and no more; what was passed fills up.
 */
static void pick_by_weight(struct pick *pick, const struct set *set, uint64_t client)
{
	const unsigned shift =
		set->heaviest < 2 ? 0 : 32 - (unsigned)__builtin_clz(set->heaviest - 1u);
	const uint32_t window = LOOKS * pick->max;
	const uint32_t looks = set->count < window ? set->count : window;
	const void *passed[PICK_MAX];
	uint32_t passes = 0;
	struct ring ring;

	ring_start(&ring, set, 0, client);
	for (uint32_t i = 0; i < looks && pick->count < pick->max; i++) {
		const void *member = ring_next(&ring);
		if (is_drawn(lot(client, set_place(set, member)), set_weight(member), shift)) {
			pick->member[pick->count++] = member;
		} else if (passes < pick->max) {
			passed[passes++] = member;
		}
	}
	for (uint32_t i = 0; i < passes && pick->count < pick->max; i++) {
		pick->member[pick->count++] = passed[i];
	}
}

void pick_members(struct pick *pick, const struct set *set, uint64_t client, uint32_t max)
{
	pick->max = max < PICK_MAX ? max : PICK_MAX;
	pick->count = 0;
	if (set->count > pick->max && set->heaviest > 0) {
		pick_by_weight(pick, set, client);
	} else {
		pick_in_turn(pick, set, client);
	}
	pick->low = set->lowest < pick->count ? set->lowest : pick->count;
}

void pick_fit(struct pick *pick, const struct set *set, size_t room)
{
	uint8_t scratch[SET_SCRATCH];
	uint16_t size;

	for (uint32_t i = 0; i < pick->count; i++) {
		set_rdata(set, pick->member[i], scratch, &size);
		if (room < RR_FIXED + (size_t)size) {
			pick->count = i;
			break;
		}
		room -= RR_FIXED + (size_t)size;
	}
	pick->low = pick->low < pick->count ? pick->low : pick->count;
}
