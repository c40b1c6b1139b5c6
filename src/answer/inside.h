/*
 * One reply under way: what the files of this module share. answer.c goes through the algorithm,
 * put.c writes sets in their order, additional.c adds what belongs to their targets.
 */
#pragma once

#include "answer/answer.h"
#include "answer/pick.h"
#include "base/rand.h"

#define HOPS_MAX 16
#define BATCH 64
#define TARGETS_MAX 1000 /* names looked up for the additional section */
#define ANSWER_MAX 100 /* where a zone has no shape: static ones */

/* Names that were written, for the additional section. */
struct targets {
	size_t count;
	size_t first; /* where to begin, so that what is left out is not always the same */
	const uint8_t *name[TARGETS_MAX];
};

struct reply {
	const struct answer_query *query;
	struct rand *rand;
	struct dns_writer *writer;
	struct answer_result *result;
	struct zone_find find; /* of the name asked, then of each next name of a chain */
	const struct node *answer; /* the node that gave the answer */
	bool is_full; /* a required record did not fit */
	bool is_referral;
	size_t hops;
	const uint8_t *name[HOPS_MAX]; /* of each hop */
	const struct node *dname[HOPS_MAX]; /* that led on from it, or NULL */
	uint8_t made[HOPS_MAX][DNS_NAME_MAX]; /* names synthesised */
	struct targets instances; /* named by PTRs */
	struct targets hosts; /* named by SRV, MX and NS */
};

/* In what order a set is written: the lowest priority turned, then the rest as it stands. */
struct order {
	uint32_t low; /* members of the lowest priority */
	uint32_t turn; /* of these, the first to be written */
	uint32_t total; /* members in all */
};

static inline uint16_t qtype_of(const struct reply *reply)
{
	return reply->query->message->qtype;
}

/* The name asked for now: the question's, or where a chain has led. */
static inline const uint8_t *asked(const struct reply *reply)
{
	return reply->name[reply->hops];
}

static inline uint32_t answer_max(const struct zone *zone)
{
	const uint32_t max = zone_is_registry(zone) ? zone_shape(zone)->answer_max : ANSWER_MAX;

	if (max == 0) {
		return ANSWER_MAX;
	}
	return max < PICK_MAX ? max : PICK_MAX;
}

static inline void set_ede(struct reply *reply, enum dns_ede ede, const char *text)
{
	reply->result->has_ede = true;
	reply->result->ede = (uint16_t)ede;
	reply->result->ede_text = text;
}

static inline bool is_svcb(uint16_t type)
{
	return type == DNS_TYPE_SVCB || type == DNS_TYPE_HTTPS;
}

static inline int put_rr(struct reply *reply, enum dns_section section, const uint8_t *owner,
			 const struct set *set, const uint8_t *rdata, uint16_t size)
{
	return dns_writer_rr(reply->writer, section, owner, set->type, DNS_CLASS_IN, set->ttl,
			     rdata, size);
}

static inline bool is_turned(uint16_t type)
{
	return type == DNS_TYPE_A || type == DNS_TYPE_AAAA || type == DNS_TYPE_SRV;
}

/* A set written from a pool: SRV at a type, an address view. */
static inline bool is_pool(const struct set *set)
{
	return set->lowest > 0 && is_turned(set->type);
}

/* A random number below `limit`: the answer is this one's alone. */
static inline uint32_t draw(struct reply *reply, uint32_t limit)
{
	reply->result->is_common = false;
	return rand_below(reply->rand, limit);
}

static inline struct order order_of(struct reply *reply, uint16_t type, uint32_t low,
				    uint32_t total)
{
	struct order order = {.low = low < total ? low : total, .total = total};

	if (order.low > 1 && is_turned(type)) {
		order.turn = draw(reply, order.low);
	}
	return order;
}

/* The index of the member written as number `at`. */
static inline uint32_t order_index(const struct order *order, uint32_t at)
{
	const uint32_t index = at + order->turn;

	if (at >= order->low) {
		return at;
	}
	return index < order->low ? index : index - order->low;
}

/* Where in RDATA the name stands about which the additional section tells, or NO_TARGET. */
#define NO_TARGET (-1)
int answer_target_offset(uint16_t type);

/* A required record did not fit. By TCP there is nothing to try again with: never TC. */
void answer_fill(struct reply *reply);

/* Writes a set whose every record is required, and notes its targets, at most answer-max. */
void answer_put_set(struct reply *reply, enum dns_section section, const uint8_t *owner,
		    const struct set *set);

/*
 * Remembers the target of the record just written. SRV may be composed for each answer, but stands
 * uncompressed in the message; the others are views into the root.
 */
void answer_note_target(struct reply *reply, struct targets *targets, const struct set *set,
			const uint8_t *rdata, uint16_t size);

/* Names that the answer leads to. Of a confined one those of other zones lead to nothing. */
void answer_look_up(const struct reply *reply, struct zone_find *finds, size_t count);

/* Addresses come last: without them a client has what to ask for (RFC 6763 12). */
void answer_add_all(struct reply *reply);

/*
 * RFC 8914 3 would have TC for an extended error that does not fit. Of an answer that has all it
 * needs it is a remark, and not worth another question by TCP: it goes, its text first.
 */
void answer_fit_remark(struct reply *reply);
