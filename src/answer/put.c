/*
 * Writing the sets of the answer and the authority section, whose every record is required.
 *
 * A set of one, as most are, takes the short way. Derived SRV and address sets are shown up to
 * answer-max, as a subset that is stable for the client: the members that follow its place on the
 * ring, the lowest priority first. Addresses are picked by weight. Sets of SRV and addresses begin
 * at a random member. Of what does not fit, as many whole RRs are written as do, with TC by UDP
 * (RFC 2181 9). The part of a pool that fits is stable as well: there are clients that take it for
 * the whole. The names that records lead to are remembered for the additional section.
 */
#include "answer/inside.h"

#include "answer/pick.h"
#include "base/err.h"

#define SRV_FIXED 6 /* octets of SRV RDATA before the target */
#define PREFERENCE 2 /* octets of MX RDATA, and of those like it, before the target */

void answer_fill(struct reply *reply)
{
	reply->is_full = true;
	if (!reply->query->is_stream) {
		reply->result->is_truncated = true;
		dns_writer_flags(reply->writer, DNS_FLAG_TC, 0);
		return;
	}
	reply->result->is_short = true;
	if (!reply->result->has_ede) {
		set_ede(reply, DNS_EDE_OTHER, "the set is larger than a message");
	}
}

/* This client's part of a pool; the reply says that it is one. */
static void pick_for(struct pick *pick, struct reply *reply, const struct set *set)
{
	const uint32_t max = answer_max(set->zone);

	if (set->count > max) {
		reply->result->is_sampled = true;
		reply->result->pool = set->count;
		set_ede(reply, DNS_EDE_OTHER, "a subset of a larger pool");
	}
	/* One is the same to all. */
	reply->result->is_common &= set->count == 1;
	pick_members(pick, set, reply->query->client, max);
}

/* RFC 1035 3.3, 1183, 2230 for KX, 2782, 6763 12, 9460 4.1. */
int answer_target_offset(uint16_t type)
{
	switch (type) {
	case DNS_TYPE_SRV:
		return SRV_FIXED;
	case DNS_TYPE_MX:
	case DNS_TYPE_AFSDB:
	case DNS_TYPE_RT:
	case DNS_TYPE_KX:
	case DNS_TYPE_SVCB:
	case DNS_TYPE_HTTPS:
		return PREFERENCE;
	case DNS_TYPE_NS:
	case DNS_TYPE_PTR:
		return 0;
	default:
		return NO_TARGET;
	}
}

void answer_note_target(struct reply *reply, struct targets *targets, const struct set *set,
			const uint8_t *rdata, uint16_t size)
{
	const size_t offset = (size_t)answer_target_offset(set->type);
	const struct dns_writer *writer = reply->writer;
	const uint8_t *name = rdata + offset;

	if (set->type == DNS_TYPE_SRV) {
		name = writer->wire + writer->at - (size - offset);
	} else if (is_svcb(set->type) && name[0] == 0 && (rdata[0] | rdata[1]) != 0) {
		/* In ServiceMode, "." is the owner (RFC 9460 2.5.2). */
		name = asked(reply);
	}
	if (name[0] != 0 && targets->count < TARGETS_MAX) {
		targets->name[targets->count++] = name;
	}
}

/* Where the targets of this set are kept; NULL: the additional section has nothing to tell. */
static struct targets *targets_of(struct reply *reply, const uint8_t *owner, const struct set *set)
{
	if (answer_target_offset(set->type) == NO_TARGET) {
		return NULL;
	}
	if (set->type != DNS_TYPE_PTR) {
		return &reply->hosts;
	}
	/* An enumeration of types: RFC 6763 12.1 is about instances. */
	return dns_label_is(owner, "_services") ? NULL : &reply->instances;
}

static void put_pool(struct reply *reply, enum dns_section section, const uint8_t *owner,
		     const struct set *set)
{
	struct targets *targets = targets_of(reply, owner, set);
	uint8_t scratch[SET_SCRATCH];
	struct pick pick;

	pick_for(&pick, reply, set);
	const uint32_t wanted = pick.count;
	pick_fit(&pick, set, reply->writer->limit - reply->writer->at);
	const struct order order = order_of(reply, set->type, pick.low, pick.count);
	for (uint32_t at = 0; at < order.total; at++) {
		uint16_t size;
		const void *member = pick.member[order_index(&order, at)];
		const uint8_t *rdata = set_rdata(set, member, scratch, &size);

		if (put_rr(reply, section, owner, set, rdata, size) != OK) {
			answer_fill(reply);
			return;
		}
		if (targets != NULL) {
			answer_note_target(reply, targets, set, rdata, size);
		}
	}
	if (pick.count < wanted) {
		answer_fill(reply);
	}
}

/* A set of one, as most are: no order, no part of it. */
static void put_single(struct reply *reply, enum dns_section section, const uint8_t *owner,
		       const struct set *set)
{
	struct targets *targets = targets_of(reply, owner, set);
	uint8_t scratch[SET_SCRATCH];
	uint16_t size;
	const uint8_t *rdata = set_member(set, 0, scratch, &size);

	if (put_rr(reply, section, owner, set, rdata, size) != OK) {
		answer_fill(reply);
	} else if (targets != NULL) {
		targets->first = targets->count;
		answer_note_target(reply, targets, set, rdata, size);
	}
}

void answer_put_set(struct reply *reply, enum dns_section section, const uint8_t *owner,
		    const struct set *set)
{
	if (is_pool(set)) {
		put_pool(reply, section, owner, set);
		return;
	}
	if (set->count == 1) {
		put_single(reply, section, owner, set);
		return;
	}
	const struct order order = order_of(reply, set->type, set->count, set->count);
	struct targets *targets = targets_of(reply, owner, set);
	const uint32_t max = targets == NULL ? 0 : answer_max(set->zone);
	/* Of a large PTR set, any part may be told about. */
	const uint32_t from =
		order.total > 1 && set->type == DNS_TYPE_PTR ? draw(reply, order.total) : 0;
	const bool is_walked = set_is_walked(set);
	uint8_t scratch[SET_SCRATCH];
	struct set_walk walk;

	if (is_walked) {
		set_walk_start(&walk, set, 0);
	}
	for (uint32_t at = 0; at < order.total; at++) {
		const uint32_t distance = at >= from ? at - from : at + order.total - from;
		uint16_t size;
		const uint8_t *rdata =
			is_walked ? set_rdata(set, set_walk_next(&walk), scratch, &size)
				  : set_member(set, order_index(&order, at), scratch, &size);

		if (put_rr(reply, section, owner, set, rdata, size) != OK) {
			answer_fill(reply);
			return;
		}
		if (distance == 0 && targets != NULL) {
			targets->first = targets->count;
		}
		if (distance < max) {
			answer_note_target(reply, targets, set, rdata, size);
		}
	}
}
