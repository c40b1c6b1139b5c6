#include "zone/pmap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"

#define BITS 6u
#define MASK 63u
#define LINE 64 /* octets in a line of the cache */
#define FULL (32 * 64) /* values in a branch with nearly full ones below */

struct branch {
	struct object object;
	uint32_t size; /* values below */
	uint64_t used; /* slots that are there */
	uint64_t leaves; /* of these, values */
	void *slot[];
};

static inline unsigned count_bits(uint64_t map)
{
	/* Not the builtin: the instruction is not in every x86-64, and its stand-in is a call. */
	map -= map >> 1 & UINT64_C(0x5555555555555555);
	map = (map & UINT64_C(0x3333333333333333)) + (map >> 2 & UINT64_C(0x3333333333333333));
	map = (map + (map >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	return (unsigned)(map * UINT64_C(0x0101010101010101) >> 56);
}

static inline unsigned place(uint64_t map, uint64_t bit)
{
	return count_bits(map & (bit - 1));
}

static inline uint64_t bit_of(uint64_t hash, unsigned shift)
{
	return UINT64_C(1) << (hash >> shift & MASK);
}

bool pmap_is(const struct named *value, uint64_t hash, const uint8_t *name, size_t size)
{
	return value->hash == hash && value->name_size == size &&
	       dns_octets_equal(named_name(value), name, size);
}

static size_t branch_size(unsigned slots)
{
	return sizeof(struct branch) + slots * sizeof(void *);
}

static unsigned slots_of(const struct branch *branch)
{
	return count_bits(branch->used);
}

void *pmap_get_hash(const struct pmap *map, uint64_t hash)
{
	const struct branch *branch = map->top;

	for (unsigned shift = 0; branch != NULL; shift += BITS) {
		const uint64_t bit = bit_of(hash, shift);
		if ((branch->used & bit) == 0) {
			return NULL;
		}
		void *slot = branch->slot[place(branch->used, bit)];
		if ((branch->leaves & bit) != 0) {
			return ((const struct named *)slot)->hash == hash ? slot : NULL;
		}
		branch = slot;
	}
	return NULL;
}

void *pmap_get(const struct pmap *map, uint64_t hash, const uint8_t *name, size_t size)
{
	void *value = pmap_get_hash(map, hash);

	return value != NULL && pmap_is(value, hash, name, size) ? value : NULL;
}

/*
 * One level down. What is read next: a branch's head and its slot, or a value up to where its records
 * mostly end. Where a branch has many values, those below it are nearly full, and the place of the
 * slot is known; else the slots are few and stand behind the head.
 */
static void step(struct pmap_look *look, unsigned shift)
{
	const struct branch *branch = look->at;
	const uint64_t bit = bit_of(look->hash, shift);

	if ((branch->used & bit) == 0) {
		look->at = NULL;
		look->is_done = true;
		return;
	}
	const char *slot = branch->slot[place(branch->used, bit)];
	look->at = slot;
	look->is_done = (branch->leaves & bit) != 0;
	__builtin_prefetch(slot);
	__builtin_prefetch(slot + LINE);
	if (look->is_done) {
		__builtin_prefetch(slot + 2 * LINE);
		__builtin_prefetch(slot + 3 * LINE);
	} else if (branch->size > FULL) {
		const size_t slots_at = offsetof(struct branch, slot);
		__builtin_prefetch(slot + slots_at +
				   sizeof(void *) * (look->hash >> (shift + BITS) & MASK));
	}
}

void pmap_look(struct pmap_look *looks, size_t count)
{
	size_t left = 0;

	if (count == 1) {
		/* Alone there is nothing to do meanwhile. */
		looks->at = looks->map == NULL ? NULL : pmap_get_hash(looks->map, looks->hash);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		looks[i].at = looks[i].map == NULL ? NULL : looks[i].map->top;
		looks[i].is_done = looks[i].at == NULL;
		left += !looks[i].is_done;
	}
	for (unsigned shift = 0; left > 0; shift += BITS) {
		for (size_t i = 0; i < count; i++) {
			if (!looks[i].is_done) {
				step(&looks[i], shift);
				left -= looks[i].is_done;
			}
		}
	}
}

/* A branch with one slot more, holding `value` there. */
static struct branch *grow(struct txn *txn, struct branch *old, uint64_t bit, void *value)
{
	const unsigned slots = slots_of(old);
	const unsigned at = place(old->used, bit);
	struct branch *branch = txn_new(txn, branch_size(slots + 1));

	if (branch == NULL) {
		return old;
	}
	branch->used = old->used | bit;
	branch->leaves = old->leaves | bit;
	branch->size = old->size + 1;
	memcpy(branch->slot, old->slot, at * sizeof(void *));
	branch->slot[at] = value;
	memcpy(branch->slot + at + 1, old->slot + at, (slots - at) * sizeof(void *));
	txn_scrap(txn, old);
	return branch;
}

/* Two values whose hashes agree up to `shift`: branches down to where they part. */
static struct branch *part(struct txn *txn, struct named *one, struct named *other, unsigned shift)
{
	if (shift >= 64) {
		txn->failed = true; /* one hash for two names: see the head of pmap.h */
		return NULL;
	}
	const uint64_t one_bit = bit_of(one->hash, shift);
	const uint64_t other_bit = bit_of(other->hash, shift);
	struct branch *branch = txn_new(txn, branch_size(one_bit == other_bit ? 1 : 2));
	if (branch == NULL) {
		return NULL;
	}
	branch->size = 2;
	branch->used = one_bit | other_bit;
	if (one_bit == other_bit) {
		branch->slot[0] = part(txn, one, other, shift + BITS);
		return branch->slot[0] == NULL ? NULL : branch;
	}
	branch->leaves = branch->used;
	branch->slot[place(branch->used, one_bit)] = one;
	branch->slot[place(branch->used, other_bit)] = other;
	return branch;
}

static struct branch *put(struct txn *txn, struct branch *branch, unsigned shift,
			  struct named *value, bool *is_new)
{
	const uint64_t bit = bit_of(value->hash, shift);

	if ((branch->used & bit) == 0) {
		*is_new = true;
		return grow(txn, branch, bit, value);
	}
	struct branch *own = txn_own(txn, branch, branch_size(slots_of(branch)));
	if (own == NULL) {
		return branch;
	}
	void **slot = &own->slot[place(own->used, bit)];
	if ((own->leaves & bit) == 0) {
		*slot = put(txn, *slot, shift + BITS, value, is_new);
	} else if (pmap_is(*slot, value->hash, named_name(value), value->name_size)) {
		*slot = value;
	} else {
		struct branch *below = part(txn, *slot, value, shift + BITS);
		if (below != NULL) {
			*slot = below;
			own->leaves &= ~bit;
			*is_new = true;
		}
	}
	own->size += *is_new;
	return own;
}

void pmap_put(struct txn *txn, struct pmap *map, struct named *value)
{
	bool is_new = false;

	if (txn->failed) {
		return;
	}
	if (map->top == NULL) {
		map->top = txn_new(txn, branch_size(0));
		if (map->top == NULL) {
			return;
		}
	}
	map->top = put(txn, map->top, 0, value, &is_new);
	map->count += is_new;
}

struct builder {
	struct txn *txn;
	pmap_leaf_fn leaf;
	void *context;
};

static bool are_one(const struct pmap_item *items, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (items[i].hash != items[0].hash) {
			return false;
		}
	}
	return true;
}

/* Sorts by the six bits from `shift` on; from[n] is where those of n begin. */
static void deal(const struct pmap_item *items, struct pmap_item *out, size_t count, unsigned shift,
		 size_t from[MASK + 2])
{
	size_t next[MASK + 1];

	memset(from, 0, (MASK + 2) * sizeof(from[0]));
	for (size_t i = 0; i < count; i++) {
		from[(items[i].hash >> shift & MASK) + 1]++;
	}
	for (unsigned n = 0; n <= MASK; n++) {
		from[n + 1] += from[n];
		next[n] = from[n];
	}
	for (size_t i = 0; i < count; i++) {
		/* The leaf will look at it. */
		__builtin_prefetch(items[i].value);
		out[next[items[i].hash >> shift & MASK]++] = items[i];
	}
}

/* NULL: failed. */
static struct branch *build(struct builder *builder, struct pmap_item *items,
			    struct pmap_item *spare, size_t count, unsigned shift)
{
	size_t from[MASK + 2];
	unsigned slots = 0;
	unsigned at = 0;

	if (shift >= 64) {
		return NULL;
	}
	deal(items, spare, count, shift, from);
	for (unsigned n = 0; n <= MASK; n++) {
		slots += from[n + 1] > from[n];
	}
	struct branch *branch = txn_new(builder->txn, branch_size(slots));
	for (unsigned n = 0; branch != NULL && n <= MASK; n++) {
		const size_t some = from[n + 1] - from[n];
		struct pmap_item *first = spare + from[n];
		if (some == 0) {
			continue;
		}
		branch->used |= UINT64_C(1) << n;
		if (are_one(first, some)) {
			branch->leaves |= UINT64_C(1) << n;
			branch->slot[at] = builder->leaf(builder->context, first, some);
			branch->size++;
		} else {
			struct branch *below =
				build(builder, first, items + from[n], some, shift + BITS);
			branch->slot[at] = below;
			branch->size += below == NULL ? 0 : below->size;
		}
		if (branch->slot[at++] == NULL) {
			return NULL;
		}
	}
	return branch;
}

bool pmap_build(struct txn *txn, struct pmap *map, struct pmap_item *items, struct pmap_item *spare,
		size_t count, pmap_leaf_fn leaf, void *context)
{
	struct builder builder = {.txn = txn, .leaf = leaf, .context = context};

	assert(map->top == NULL);
	if (count > 0) {
		map->top = build(&builder, items, spare, count, 0);
		map->count = map->top == NULL ? 0 : map->top->size;
		return map->top != NULL;
	}
	return true;
}

/* A branch without the slot `bit`; NULL when that was the last one. */
static struct branch *shrink(struct txn *txn, struct branch *old, uint64_t bit)
{
	const unsigned slots = slots_of(old);
	const unsigned at = place(old->used, bit);

	if (slots == 1) {
		txn_scrap(txn, old);
		return NULL;
	}
	struct branch *branch = txn_new(txn, branch_size(slots - 1));
	if (branch == NULL) {
		return old;
	}
	branch->used = old->used & ~bit;
	branch->leaves = old->leaves & ~bit;
	branch->size = old->size - 1;
	memcpy(branch->slot, old->slot, at * sizeof(void *));
	memcpy(branch->slot + at, old->slot + at + 1, (slots - at - 1) * sizeof(void *));
	txn_scrap(txn, old);
	return branch;
}

/* Removes a value that is known to be there. A branch left with one value gives way to it. */
static struct branch *take(struct txn *txn, struct branch *branch, unsigned shift, uint64_t hash)
{
	const uint64_t bit = bit_of(hash, shift);

	assert((branch->used & bit) != 0);
	if ((branch->leaves & bit) != 0) {
		return shrink(txn, branch, bit);
	}
	struct branch *own = txn_own(txn, branch, branch_size(slots_of(branch)));
	if (own == NULL) {
		return branch;
	}
	void **slot = &own->slot[place(own->used, bit)];
	struct branch *below = take(txn, *slot, shift + BITS, hash);
	assert(below != NULL); /* a branch of one value has given way to it */
	own->size--;
	*slot = below;
	if (below->size == 1 && below->leaves == below->used) {
		*slot = below->slot[0];
		own->leaves |= bit;
		txn_drop(txn, below);
	}
	return own;
}

void pmap_remove(struct txn *txn, struct pmap *map, uint64_t hash, const uint8_t *name, size_t size)
{
	if (txn->failed || pmap_get(map, hash, name, size) == NULL) {
		return;
	}
	map->top = take(txn, map->top, 0, hash);
	map->count--;
}

void *pmap_next(const struct pmap *map, size_t *at)
{
	const struct branch *branch = map->top;
	size_t rank = (*at)++;

	if (branch == NULL || rank >= branch->size) {
		return NULL;
	}
	for (;;) {
		const unsigned slots = slots_of(branch);
		uint64_t left = branch->used;
		const struct branch *down = NULL;
		for (unsigned i = 0; i < slots; i++, left &= left - 1) {
			const uint64_t bit = left & -left;
			void *slot = branch->slot[i];
			const bool is_leaf = (branch->leaves & bit) != 0;
			const size_t size = is_leaf ? 1 : ((struct branch *)slot)->size;
			if (rank < size) {
				if (is_leaf) {
					return slot;
				}
				down = slot;
				break;
			}
			rank -= size;
		}
		assert(down != NULL);
		branch = down;
	}
}

static int walk(const struct branch *branch, int (*fn)(void *context, void *value), void *context)
{
	const unsigned slots = slots_of(branch);
	uint64_t left = branch->used;

	for (unsigned i = 0; i < slots; i++, left &= left - 1) {
		const uint64_t bit = left & -left;
		const int ret = (branch->leaves & bit) != 0 ? fn(context, branch->slot[i])
							    : walk(branch->slot[i], fn, context);
		if (ret != 0) {
			return ret;
		}
	}
	return 0;
}

int pmap_walk(const struct pmap *map, int (*fn)(void *context, void *value), void *context)
{
	return map->top == NULL ? 0 : walk(map->top, fn, context);
}

static void free_branch(struct slabs *slabs, struct branch *branch,
			void (*fn)(struct slabs *slabs, void *value))
{
	const unsigned slots = slots_of(branch);
	uint64_t left = branch->used;

	for (unsigned i = 0; i < slots; i++, left &= left - 1) {
		const uint64_t bit = left & -left;
		if ((branch->leaves & bit) == 0) {
			free_branch(slabs, branch->slot[i], fn);
		} else if (fn != NULL) {
			fn(slabs, branch->slot[i]);
		}
	}
	object_free(slabs, branch);
}

void pmap_free(struct slabs *slabs, struct pmap *map, void (*fn)(struct slabs *slabs, void *value))
{
	if (map->top != NULL) {
		free_branch(slabs, map->top, fn);
	}
	*map = (struct pmap){0};
}

static void drop_branch(struct txn *txn, struct branch *branch)
{
	const unsigned slots = slots_of(branch);
	uint64_t left = branch->used;

	for (unsigned i = 0; i < slots; i++, left &= left - 1) {
		if ((branch->leaves & left & -left) == 0) {
			drop_branch(txn, branch->slot[i]);
		}
	}
	txn_drop(txn, branch);
}

void pmap_drop(struct txn *txn, struct pmap *map)
{
	if (map->top != NULL) {
		drop_branch(txn, map->top);
	}
	*map = (struct pmap){0};
}
