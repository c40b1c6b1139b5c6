/*
 * Sets of eight, by hash: 32 octets say which requests a set has and in which round each reply was
 * kept, so that a request that is not there costs half a line of the cache. The reply, behind the
 * request that it is for, stands in an entry of its own.
 *
 * The hash is multilinear: the sum of the message's words, each times a random number of its own, of
 * which the upper half counts. That is strongly universal (Lemire and Kaser 2014), so nobody can aim
 * at a set, and costs three instructions a word. It only says where to look; octets are compared.
 */
#include "net/memo.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "crypto/random.h"
#include "dns/types.h"

enum {
	MEMO_WAYS = 8,
	MEMO_SETS = MEMO_REPLIES / MEMO_WAYS,
	MEMO_ID = 2, /* octets of a message before those that are compared */
	MEMO_STEP = 16, /* octets hashed at a time */
	MEMO_FACTORS = (MEMO_OCTETS / MEMO_STEP + 1) * MEMO_STEP / sizeof(uint32_t),
	MEMO_LANES = 4, /* tags in a word */
	MEMO_PATIENCE = 8,
	MEMO_LINE = 64,
};

#define EACH 0x0001000100010001u /* times a tag: that tag in each lane */

struct memo_set {
	uint64_t tags[MEMO_WAYS / MEMO_LANES]; /* 16 bits of each request's hash; 0: free */
	uint16_t round[MEMO_WAYS]; /* in which the reply was kept; 0: it was not */
};

struct memo_entry {
	uint16_t request_size; /* without the ID */
	uint16_t reply_size;
	uint8_t octets[MEMO_OCTETS]; /* of the request, then of the reply */
};

struct memo {
	uint64_t root_version;
	uint64_t conf_edition;
	uint16_t round; /* 1 and up */
	uint16_t turn; /* counts those that came to a full set */
	uint64_t factor[MEMO_FACTORS];
	_Alignas(MEMO_LINE) struct memo_set sets[MEMO_SETS];
	struct memo_entry entries[MEMO_REPLIES]; /* those of a set one behind the other */
};

int memo_new(struct memo **out)
{
	struct memo *memo = aligned_alloc(MEMO_LINE, sizeof(*memo));

	if (memo == NULL) {
		return ERR_NOMEM;
	}
	/* The kernel gives the entries' pages as they are first written to. */
	memset(memo, 0, offsetof(struct memo, entries));
	random_fill(memo->factor, sizeof(memo->factor));
	memo->round = 1;
	*out = memo;
	return OK;
}

void memo_free(struct memo *memo)
{
	free(memo);
}

bool memo_is_of(const struct memo *memo, uint64_t root_version, uint64_t conf_edition)
{
	return memo->root_version == root_version && memo->conf_edition == conf_edition;
}

void memo_round(struct memo *memo, uint64_t root_version, uint64_t conf_edition)
{
	if (memo_is_of(memo, root_version, conf_edition)) {
		return;
	}
	memo->root_version = root_version;
	memo->conf_edition = conf_edition;
	if (++memo->round == 0) {
		memset(memo->sets, 0, sizeof(memo->sets));
		memo->round = 1;
	}
}

/* ---- where ------------------------------------------------------------------------------- */

static inline uint64_t memo_product(const uint8_t *octets, uint64_t factor)
{
	uint32_t word;

	memcpy(&word, octets, sizeof(word));
	return word * factor;
}

static inline uint64_t memo_products(const uint8_t *octets, const uint64_t *factor)
{
	return memo_product(octets, factor[0]) + memo_product(octets + 4, factor[1]) +
	       memo_product(octets + 8, factor[2]) + memo_product(octets + 12, factor[3]);
}

/* Of a step at least. Messages of different sizes need not differ: it only says where to look. */
static inline uint32_t memo_hash(const struct memo *memo, const uint8_t *octets, size_t size)
{
	const uint64_t *factor = memo->factor;
	const uint8_t *last = octets + size - MEMO_STEP;
	uint64_t sum = 0;

	for (; octets < last; octets += MEMO_STEP, factor += 4) {
		sum += memo_products(octets, factor);
	}
	/* It may overlap the one before it. */
	sum += memo_products(last, factor);
	return (uint32_t)(sum >> 32);
}

static inline size_t memo_number(uint32_t hash)
{
	return hash % MEMO_SETS;
}

static inline uint16_t memo_tag(uint32_t hash)
{
	return (uint16_t)(hash >> 16 | 1);
}

/* The first lane that is 0; MEMO_LANES: none. */
static inline size_t memo_zero(uint64_t word)
{
	const uint64_t zero = (word - EACH) & ~word & 0x8000 * EACH;

	return zero == 0 ? MEMO_LANES : (size_t)__builtin_ctzll(zero) / 16;
}

/* Where in its set a request is; MEMO_WAYS: nowhere. */
static inline size_t memo_way(const struct memo_set *set, uint16_t tag)
{
	const size_t way = memo_zero(set->tags[0] ^ tag * EACH);

	return way < MEMO_LANES ? way : MEMO_LANES + memo_zero(set->tags[1] ^ tag * EACH);
}

static inline bool memo_may(size_t size)
{
	return size >= MEMO_ID + MEMO_STEP && size <= MEMO_ID + MEMO_OCTETS;
}

/* ---- finding ----------------------------------------------------------------------------- */

static inline void memo_begin(const struct memo *memo, struct memo_look *look)
{
	look->entry = NULL;
	if (memo_may(look->size)) {
		look->hash = memo_hash(memo, look->wire + MEMO_ID, look->size - MEMO_ID);
		__builtin_prefetch(&memo->sets[memo_number(look->hash)]);
	}
}

static inline void memo_seek(const struct memo *memo, struct memo_look *look)
{
	const size_t number = memo_number(look->hash);
	const struct memo_set *set = &memo->sets[number];
	const size_t way = memo_way(set, memo_tag(look->hash));

	if (way < MEMO_WAYS && set->round[way] == memo->round) {
		look->entry = &memo->entries[number * MEMO_WAYS + way];
		__builtin_prefetch(look->entry);
		__builtin_prefetch((const uint8_t *)look->entry + MEMO_LINE);
		__builtin_prefetch((const uint8_t *)look->entry + 2 * MEMO_LINE);
	}
}

static inline void memo_compare(struct memo_look *look)
{
	const struct memo_entry *entry = look->entry;
	const size_t size = look->size - MEMO_ID;

	if (entry != NULL && (entry->request_size != size ||
			      memcmp(entry->octets, look->wire + MEMO_ID, size) != 0)) {
		look->entry = NULL;
	}
}

void memo_find(const struct memo *memo, struct memo_look *looks, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		memo_begin(memo, &looks[i]);
	}
	for (size_t i = 0; i < count; i++) {
		if (memo_may(looks[i].size)) {
			memo_seek(memo, &looks[i]);
		}
	}
	for (size_t i = 0; i < count; i++) {
		memo_compare(&looks[i]);
	}
}

size_t memo_take(const struct memo_look *look, uint8_t *out)
{
	const struct memo_entry *entry = look->entry;

	memcpy(out, entry->octets + entry->request_size, entry->reply_size);
	memcpy(out, look->wire, MEMO_ID);
	return entry->reply_size;
}

/* ---- keeping ----------------------------------------------------------------------------- */

/*
 * A place for a request that has none: a free one, or, one time in so many, another's. Where more
 * come again than there are places, those that have one had better keep it.
 */
static void memo_note(struct memo *memo, struct memo_set *set, uint16_t tag)
{
	size_t way = memo_way(set, 0);

	if (way == MEMO_WAYS) {
		way = memo->turn++ % (MEMO_WAYS * MEMO_PATIENCE);
	}
	if (way >= MEMO_WAYS) {
		return;
	}
	const unsigned shift = way % MEMO_LANES * 16;
	uint64_t *word = &set->tags[way / MEMO_LANES];

	*word = (*word & ~((uint64_t)0xffff << shift)) | (uint64_t)tag << shift;
	set->round[way] = 0;
}

void memo_keep(struct memo *memo, const struct memo_look *look, const uint8_t *reply, size_t size)
{
	const size_t request_size = look->size - MEMO_ID;

	if (!memo_may(look->size) || request_size + size > MEMO_OCTETS) {
		return;
	}
	const size_t number = memo_number(look->hash);
	struct memo_set *set = &memo->sets[number];
	const size_t way = memo_way(set, memo_tag(look->hash));

	if (way == MEMO_WAYS) {
		memo_note(memo, set, memo_tag(look->hash));
		return;
	}
	struct memo_entry *entry = &memo->entries[number * MEMO_WAYS + way];

	set->round[way] = memo->round;
	entry->request_size = (uint16_t)request_size;
	entry->reply_size = (uint16_t)size;
	memcpy(entry->octets, look->wire + MEMO_ID, request_size);
	memcpy(entry->octets + request_size, reply, size);
}
