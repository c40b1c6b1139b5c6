/*
 * Nodes hold 1 to 32 slots and are as large as these. A leaf's slots are members; an inner node's
 * are its children, and behind them the first member of each, by which the way down is found, and
 * the size of each, so that ranks are added up without a look at the children. A node that would get 33 is split in two. One that falls below 8 is joined with a neighbour if both
 * fit into one; else it stays, so that depth is bounded by the most that ever was.
 */
#include "zone/roster.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

enum { SLOTS = 32, FEW = 8 };

struct roster {
	struct object object;
	uint8_t height; /* 0: a leaf */
	uint8_t count;
	uint32_t size; /* members below */
	void *slot[];
};

/* A node in the making, with room for one slot too many. */
struct draft_node {
	unsigned count;
	void *slot[SLOTS + 1];
	void *first[SLOTS + 1];
	uint32_t size[SLOTS + 1];
};

static size_t octets(unsigned height, unsigned count)
{
	const size_t each = height > 0 ? 2 * sizeof(void *) + sizeof(uint32_t) : sizeof(void *);

	return sizeof(struct roster) + count * each;
}

uint32_t roster_size(const struct roster *roster)
{
	return roster == NULL ? 0 : roster->size;
}

static struct roster *child(const struct roster *node, unsigned index)
{
	return node->slot[index];
}

static void *first_of(const struct roster *node, unsigned index)
{
	return node->slot[node->height > 0 ? node->count + index : index];
}

/* Of an inner node: the sizes of its children. */
static uint32_t *sizes_of(const struct roster *node)
{
	return (uint32_t *)(node->slot + 2 * node->count);
}

static uint32_t size_of(const struct roster *node, unsigned index)
{
	return node->height > 0 ? sizes_of(node)[index] : 1;
}

/* Puts a child, of an inner node that this transaction made, in the place of the one there. */
static void replace(struct roster *node, unsigned at, struct roster *below)
{
	node->size = node->size - size_of(node, at) + below->size;
	node->slot[at] = below;
	node->slot[node->count + at] = first_of(below, 0);
	sizes_of(node)[at] = below->size;
}

static struct roster *own(struct txn *txn, struct roster *node)
{
	return txn_own(txn, node, octets(node->height, node->count));
}

static void append(struct draft_node *draft, const struct roster *node)
{
	for (unsigned i = 0; i < node->count; i++) {
		draft->slot[draft->count] = node->slot[i];
		draft->size[draft->count] = size_of(node, i);
		draft->first[draft->count++] = first_of(node, i);
	}
}

static void unpack(struct draft_node *draft, const struct roster *node)
{
	draft->count = 0;
	append(draft, node);
}

/* The slots from `from` to `to` as a node. NULL: failed. */
static struct roster *pack(struct txn *txn, const struct draft_node *draft, unsigned height,
			   unsigned from, unsigned to)
{
	const unsigned count = to - from;
	struct roster *node = txn_new(txn, octets(height, count));

	if (node == NULL) {
		return NULL;
	}
	node->height = (uint8_t)height;
	node->count = (uint8_t)count;
	memcpy(node->slot, draft->slot + from, count * sizeof(void *));
	if (height > 0) {
		memcpy(node->slot + count, draft->first + from, count * sizeof(void *));
		memcpy(sizes_of(node), draft->size + from, count * sizeof(uint32_t));
	}
	for (unsigned i = from; i < to; i++) {
		node->size += draft->size[i];
	}
	return node;
}

/* ---- finding ----------------------------------------------------------------------------- */

/* How many slots of a node begin before the key, or at it when `at_too`. */
static unsigned slots_before(const struct roster *node, roster_fn compare, const void *key,
			     int at_too)
{
	unsigned low = 0;
	unsigned high = node->count;

	while (low < high) {
		const unsigned middle = (low + high) / 2;
		if (compare(key, first_of(node, middle)) >= (at_too ? 0 : 1)) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}

/* The child in which the key is, or would be. */
static unsigned way(const struct roster *node, roster_fn compare, const void *key)
{
	const unsigned slots = slots_before(node, compare, key, 1);

	return slots == 0 ? 0 : slots - 1;
}

void *roster_get(const struct roster *roster, roster_fn compare, const void *key)
{
	if (roster == NULL) {
		return NULL;
	}
	while (roster->height > 0) {
		roster = child(roster, way(roster, compare, key));
	}
	const unsigned at = slots_before(roster, compare, key, 0);
	return at < roster->count && compare(key, roster->slot[at]) == 0 ? roster->slot[at] : NULL;
}

uint32_t roster_rank(const struct roster *roster, roster_fn compare, const void *key)
{
	uint32_t rank = 0;

	while (roster != NULL && roster->height > 0) {
		/* A child that begins at the key has nothing before it. */
		const unsigned before = slots_before(roster, compare, key, 0);
		if (before == 0) {
			return rank;
		}
		for (unsigned i = 0; i + 1 < before; i++) {
			rank += size_of(roster, i);
		}
		roster = child(roster, before - 1);
	}
	return roster == NULL ? rank : rank + slots_before(roster, compare, key, 0);
}

void *roster_at(const struct roster *roster, uint32_t rank)
{
	assert(rank < roster_size(roster));
	while (roster->height > 0) {
		unsigned i = 0;
		while (rank >= size_of(roster, i)) {
			rank -= size_of(roster, i++);
		}
		roster = child(roster, i);
	}
	return roster->slot[rank];
}

/* ---- putting ----------------------------------------------------------------------------- */

/* What is put where. */
struct putting {
	struct txn *txn;
	roster_fn compare;
	const void *key;
	void *member;
	bool is_new; /* a member that is there stays */
	const void *old; /* nothing but this is replaced, and nothing added; NULL: all is */
	void *there; /* what was at the key */
	bool is_vain; /* nothing is to be changed */
};

/* What became of a node: one, or two where it had to be split. */
struct outcome {
	struct roster *node;
	struct roster *behind; /* NULL: not split */
};

static struct outcome pack_all(struct txn *txn, const struct draft_node *draft, unsigned height)
{
	struct outcome out = {0};

	if (draft->count <= SLOTS) {
		out.node = pack(txn, draft, height, 0, draft->count);
		return out;
	}
	out.node = pack(txn, draft, height, 0, draft->count / 2);
	out.behind = pack(txn, draft, height, draft->count / 2, draft->count);
	return out;
}

/* Makes room for a slot at `at`. */
static void open_slot(struct draft_node *draft, unsigned at)
{
	const size_t behind = draft->count - at;

	memmove(draft->slot + at + 1, draft->slot + at, behind * sizeof(void *));
	memmove(draft->first + at + 1, draft->first + at, behind * sizeof(void *));
	memmove(draft->size + at + 1, draft->size + at, behind * sizeof(uint32_t));
	draft->count++;
}

static void close_slot(struct draft_node *draft, unsigned at)
{
	const size_t behind = --draft->count - at;

	memmove(draft->slot + at, draft->slot + at + 1, behind * sizeof(void *));
	memmove(draft->first + at, draft->first + at + 1, behind * sizeof(void *));
	memmove(draft->size + at, draft->size + at + 1, behind * sizeof(uint32_t));
}

static void set_member(struct draft_node *draft, unsigned at, void *member)
{
	draft->slot[at] = member;
	draft->first[at] = member;
	draft->size[at] = 1;
}

static void set_child(struct draft_node *draft, unsigned at, struct roster *below)
{
	draft->slot[at] = below;
	draft->first[at] = first_of(below, 0);
	draft->size[at] = below->size;
}

static struct outcome put(struct putting *putting, struct roster *node);

/* The leaf with a member more at `at`; there is room. NULL: failed. */
static struct roster *leaf_with(struct txn *txn, const struct roster *leaf, unsigned at,
				void *member)
{
	struct roster *more = txn_new(txn, octets(0, leaf->count + 1u));

	if (more != NULL) {
		more->count = (uint8_t)(leaf->count + 1);
		more->size = more->count;
		memcpy(more->slot, leaf->slot, at * sizeof(void *));
		more->slot[at] = member;
		memcpy(more->slot + at + 1, leaf->slot + at, (leaf->count - at) * sizeof(void *));
	}
	return more;
}

/* The leaf without that at `at`; there are others. NULL: failed. */
static struct roster *leaf_without(struct txn *txn, const struct roster *leaf, unsigned at)
{
	struct roster *less = txn_new(txn, octets(0, leaf->count - 1u));

	if (less != NULL) {
		less->count = (uint8_t)(leaf->count - 1);
		less->size = less->count;
		memcpy(less->slot, leaf->slot, at * sizeof(void *));
		memcpy(less->slot + at, leaf->slot + at + 1, (less->count - at) * sizeof(void *));
	}
	return less;
}

static struct outcome split_leaf(struct txn *txn, const struct roster *leaf, unsigned at,
				 void *member)
{
	struct draft_node draft;

	unpack(&draft, leaf);
	open_slot(&draft, at);
	set_member(&draft, at, member);
	return pack_all(txn, &draft, 0);
}

/* With what is at the key, is there nothing to change? */
static bool is_vain(const struct putting *putting)
{
	if (putting->there == NULL) {
		return putting->old != NULL;
	}
	return putting->is_new || (putting->old != NULL && putting->old != putting->there);
}

static struct outcome put_in_leaf(struct putting *putting, struct roster *leaf)
{
	const unsigned at = slots_before(leaf, putting->compare, putting->key, 0);
	struct outcome out = {0};

	if (at < leaf->count && putting->compare(putting->key, leaf->slot[at]) == 0) {
		putting->there = leaf->slot[at];
	}
	putting->is_vain = is_vain(putting);
	if (putting->is_vain) {
		return (struct outcome){.node = leaf};
	}
	if (putting->there != NULL) {
		struct roster *mine = own(putting->txn, leaf);
		if (mine != NULL) {
			mine->slot[at] = putting->member;
		}
		return (struct outcome){.node = mine};
	}
	if (leaf->count < SLOTS) {
		out.node = leaf_with(putting->txn, leaf, at, putting->member);
	} else {
		out = split_leaf(putting->txn, leaf, at, putting->member);
	}
	if (!putting->txn->failed) {
		txn_scrap(putting->txn, leaf);
	}
	return out;
}

static struct outcome put_below(struct putting *putting, struct roster *node)
{
	const unsigned at = way(node, putting->compare, putting->key);
	const struct outcome below = put(putting, child(node, at));
	struct draft_node draft;

	if (putting->txn->failed) {
		return (struct outcome){0};
	}
	if (putting->is_vain) {
		return (struct outcome){.node = node};
	}
	if (below.behind == NULL) {
		struct roster *mine = own(putting->txn, node);
		if (mine != NULL) {
			replace(mine, at, below.node);
		}
		return (struct outcome){.node = mine};
	}
	unpack(&draft, node);
	set_child(&draft, at, below.node);
	open_slot(&draft, at + 1);
	set_child(&draft, at + 1, below.behind);
	const struct outcome out = pack_all(putting->txn, &draft, node->height);
	if (!putting->txn->failed) {
		txn_scrap(putting->txn, node);
	}
	return out;
}

static struct outcome put(struct putting *putting, struct roster *node)
{
	return node->height == 0 ? put_in_leaf(putting, node) : put_below(putting, node);
}

static void put_at_top(struct putting *putting, struct roster **roster)
{
	struct txn *txn = putting->txn;
	struct draft_node draft;

	draft.count = 0;
	if (txn->failed) {
		return;
	}
	if (*roster == NULL) {
		open_slot(&draft, 0);
		set_member(&draft, 0, putting->member);
		*roster = pack(txn, &draft, 0, 0, 1);
		return;
	}
	const struct outcome out = put(putting, *roster);
	if (txn->failed) {
		return;
	}
	*roster = out.node;
	if (out.behind != NULL) {
		draft.count = 2;
		set_child(&draft, 0, out.node);
		set_child(&draft, 1, out.behind);
		struct roster *top = pack(txn, &draft, out.node->height + 1u, 0, 2);
		*roster = top == NULL ? *roster : top;
	}
}

void roster_put(struct txn *txn, struct roster **roster, roster_fn compare, const void *key,
		void *member)
{
	struct putting putting = {.txn = txn, .compare = compare, .key = key, .member = member};

	put_at_top(&putting, roster);
}

void *roster_add(struct txn *txn, struct roster **roster, roster_fn compare, const void *key,
		 void *member)
{
	struct putting putting = {
		.txn = txn, .compare = compare, .key = key, .member = member, .is_new = true};

	put_at_top(&putting, roster);
	return putting.there;
}

void roster_swap(struct txn *txn, struct roster **roster, roster_fn compare, const void *key,
		 const void *old, void *member)
{
	struct putting putting = {
		.txn = txn, .compare = compare, .key = key, .member = member, .old = old};

	if (*roster != NULL) {
		put_at_top(&putting, roster);
	}
}

/* ---- building ---------------------------------------------------------------------------- */

enum { BUILT = 28 }; /* slots at most: there is room for some more */

/* Replaces the `count` slots by the nodes above them; how many. 0: failed. */
static size_t build_level(struct txn *txn, void **slots, size_t count, unsigned height)
{
	const size_t nodes = (count + BUILT - 1) / BUILT;
	struct draft_node draft;

	for (size_t i = 0; i < nodes; i++) {
		const size_t from = count * i / nodes;
		const size_t to = count * (i + 1) / nodes;
		draft.count = 0;
		for (size_t k = from; k < to; k++) {
			if (height == 0) {
				set_member(&draft, draft.count, slots[k]);
			} else {
				set_child(&draft, draft.count, slots[k]);
			}
			draft.count++;
		}
		slots[i] = pack(txn, &draft, height, 0, draft.count);
		if (slots[i] == NULL) {
			return 0;
		}
	}
	return nodes;
}

struct roster *roster_build(struct txn *txn, void **members, size_t count)
{
	if (count == 0 || txn->failed) {
		return NULL;
	}
	count = build_level(txn, members, count, 0);
	for (unsigned height = 1; count > 1; height++) {
		count = build_level(txn, members, count, height);
	}
	return count == 0 ? NULL : members[0];
}

/* ---- taking ------------------------------------------------------------------------------ */

static struct roster *take_from_leaf(struct txn *txn, struct roster *leaf, roster_fn compare,
				     const void *key, void **taken)
{
	const unsigned at = slots_before(leaf, compare, key, 0);

	assert(at < leaf->count && compare(key, leaf->slot[at]) == 0);
	*taken = leaf->slot[at];
	struct roster *rest = leaf->count == 1 ? NULL : leaf_without(txn, leaf, at);
	if (!txn->failed) {
		txn_scrap(txn, leaf);
	}
	return rest;
}

/* Joins the children `at` and `at + 1` if both fit into one. */
static void join(struct txn *txn, struct draft_node *draft, unsigned at)
{
	struct roster *one = draft->slot[at];
	struct roster *other = draft->slot[at + 1];
	struct draft_node both;

	if (one->count + other->count > SLOTS) {
		return;
	}
	unpack(&both, one);
	append(&both, other);
	struct roster *joined = pack(txn, &both, one->height, 0, both.count);
	if (joined == NULL) {
		return;
	}
	txn_scrap(txn, one);
	txn_scrap(txn, other);
	set_child(draft, at, joined);
	close_slot(draft, at + 1);
}

static struct roster *take(struct txn *txn, struct roster *node, roster_fn compare, const void *key,
			   void **taken)
{
	struct draft_node draft;

	if (node->height == 0) {
		return take_from_leaf(txn, node, compare, key, taken);
	}
	const unsigned at = way(node, compare, key);
	struct roster *below = take(txn, child(node, at), compare, key, taken);
	if (txn->failed) {
		return NULL;
	}
	if (below != NULL && (below->count >= FEW || node->count == 1)) {
		struct roster *mine = own(txn, node);
		if (mine != NULL) {
			replace(mine, at, below);
		}
		return mine;
	}
	unpack(&draft, node);
	if (below == NULL) {
		close_slot(&draft, at);
	} else {
		set_child(&draft, at, below);
		join(txn, &draft, at > 0 ? at - 1 : at);
	}
	struct roster *rest =
		draft.count == 0 ? NULL : pack(txn, &draft, node->height, 0, draft.count);
	if (!txn->failed) {
		txn_scrap(txn, node);
	}
	return rest;
}

void *roster_take(struct txn *txn, struct roster **roster, roster_fn compare, const void *key)
{
	void *taken;

	if (txn->failed) {
		return NULL;
	}
	assert(*roster != NULL);
	struct roster *rest = take(txn, *roster, compare, key, &taken);
	if (txn->failed) {
		return NULL;
	}
	while (rest != NULL && rest->height > 0 && rest->count == 1) {
		struct roster *only = child(rest, 0);
		txn_scrap(txn, rest);
		rest = only;
	}
	*roster = rest;
	return taken;
}

/* ---- walking ----------------------------------------------------------------------------- */

void roster_walk_start(struct roster_walk *walk, const struct roster *roster, uint32_t rank)
{
	walk->depth = 0;
	if (rank >= roster_size(roster)) {
		return;
	}
	for (;;) {
		unsigned i = 0;
		for (; roster->height > 0 && rank >= size_of(roster, i); i++) {
			rank -= size_of(roster, i);
		}
		assert(walk->depth < ROSTER_DEPTH);
		walk->path[walk->depth].node = roster;
		walk->path[walk->depth++].at = roster->height > 0 ? i : rank;
		if (roster->height == 0) {
			return;
		}
		roster = child(roster, i);
	}
}

void *roster_walk_next(struct roster_walk *walk)
{
	if (walk->depth == 0) {
		return NULL;
	}
	const struct roster *leaf = walk->path[walk->depth - 1].node;
	void *member = leaf->slot[walk->path[walk->depth - 1].at];
	const unsigned depth = walk->depth;
	while (walk->depth > 0 &&
	       ++walk->path[walk->depth - 1].at == walk->path[walk->depth - 1].node->count) {
		walk->depth--;
	}
	while (walk->depth > 0 && walk->depth < depth) {
		const struct roster *above = walk->path[walk->depth - 1].node;
		walk->path[walk->depth].node = child(above, walk->path[walk->depth - 1].at);
		walk->path[walk->depth++].at = 0;
	}
	return member;
}

void roster_free(struct slabs *slabs, struct roster *roster,
		 void (*fn)(struct slabs *slabs, void *member))
{
	if (roster == NULL) {
		return;
	}
	for (unsigned i = 0; i < roster->count; i++) {
		if (roster->height > 0) {
			roster_free(slabs, child(roster, i), fn);
		} else {
			fn(slabs, roster->slot[i]);
		}
	}
	object_free(slabs, roster);
}

void roster_drop(struct txn *txn, struct roster *roster, void (*fn)(struct txn *txn, void *member))
{
	if (roster == NULL) {
		return;
	}
	for (unsigned i = 0; i < roster->count; i++) {
		if (roster->height > 0) {
			roster_drop(txn, child(roster, i), fn);
		} else {
			fn(txn, roster->slot[i]);
		}
	}
	txn_drop(txn, roster);
}
