/*
 * The additional section: SRV and TXT of the instances that PTRs name, then addresses of targets.
 *
 * What does not fit is left out in whole sets, silently, except for the glue of a referral, whose
 * lack sets TC (RFC 2181 9, RFC 9471 3). A host is told about once, however many records name it.
 */
#include "answer/inside.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"

#define SLOTS (2 * 1024) /* of the table of hosts seen; twice TARGETS_MAX, a power of two */
#define RR_MIN 12 /* octets of the shortest record in a message */
#define EDE_FIXED 6 /* octets of an extended error before its text */

/* Hosts whose addresses were dealt with: open addressing, by node. */
struct seen {
	size_t count;
	size_t mask;
	const struct node *node[TARGETS_MAX + 1];
	const uint8_t *name[TARGETS_MAX + 1];
	uint16_t slot[SLOTS]; /* index + 1; 0: free */
};

/* A set of one: there is nothing to take back. */
static bool add_single(struct reply *reply, const uint8_t *owner, const struct set *set)
{
	uint8_t scratch[SET_SCRATCH];
	uint16_t size;
	const uint8_t *rdata = set_member(set, 0, scratch, &size);

	if (put_rr(reply, DNS_ADDITIONAL, owner, set, rdata, size) != OK) {
		return false;
	}
	if (set->type == DNS_TYPE_SRV) {
		answer_note_target(reply, &reply->hosts, set, rdata, size);
	}
	return true;
}

/* Writes a whole set, or nothing. */
static bool add_set(struct reply *reply, const uint8_t *owner, const struct set *set)
{
	if (set->count == 1) {
		return add_single(reply, owner, set);
	}
	struct dns_writer *writer = reply->writer;
	const struct dns_mark mark = dns_writer_mark(writer);
	const size_t hosts = reply->hosts.count;
	const uint32_t low = is_pool(set) ? set->lowest : set->count;
	const struct order order = order_of(reply, set->type, low, set->count);
	uint8_t scratch[SET_SCRATCH];

	if (order.total > (writer->limit - writer->at) / RR_MIN) {
		return false;
	}
	for (uint32_t at = 0; at < order.total; at++) {
		uint16_t size;
		const uint8_t *rdata = set_member(set, order_index(&order, at), scratch, &size);

		if (put_rr(reply, DNS_ADDITIONAL, owner, set, rdata, size) != OK) {
			dns_writer_rollback(writer, &mark);
			/* Their names stand in what was taken back. */
			reply->hosts.count = hosts;
			return false;
		}
		if (set->type == DNS_TYPE_SRV) {
			answer_note_target(reply, &reply->hosts, set, rdata, size);
		}
	}
	return true;
}

/* A set that a zone does not show as a whole is left to a question of its own. */
static bool is_addable(const struct zone *zone, const struct node *node, uint16_t type,
		       struct set *set)
{
	return node_set(zone, node, type, set) && set->count <= answer_max(zone);
}

/* Looks up the next targets, in a batch. Returns how many. */
static size_t find_targets(const struct reply *reply, const struct targets *targets, size_t from,
			   struct zone_find finds[BATCH])
{
	const size_t left = targets->count - from;
	const size_t some = left < BATCH ? left : BATCH;

	for (size_t i = 0; i < some; i++) {
		const size_t at = targets->first + from + i;

		finds[i].name = targets->name[at < targets->count ? at : at - targets->count];
	}
	answer_look_up(reply, finds, some);
	return some;
}

/* RFC 6763 12.1: SRV and TXT of an instance that a PTR names. */
static bool add_instance(struct reply *reply, const struct zone_find *find)
{
	const struct node *node = find->node;
	struct set set;

	if (node == NULL || find->cut != NULL || node == reply->answer ||
	    !zone_is_served(find->zone) || !is_addable(find->zone, node, DNS_TYPE_SRV, &set)) {
		return true;
	}
	if (!add_set(reply, find->name, &set)) {
		return false;
	}
	return !is_addable(find->zone, node, DNS_TYPE_TXT, &set) ||
	       add_set(reply, find->name, &set);
}

static bool add_instances(struct reply *reply)
{
	const struct targets *targets = &reply->instances;
	struct zone_find finds[BATCH];

	for (size_t from = 0; from < targets->count;) {
		const size_t some = find_targets(reply, targets, from, finds);

		for (size_t i = 0; i < some; i++) {
			if (!add_instance(reply, &finds[i])) {
				return false;
			}
		}
		from += some;
	}
	return true;
}

static void seen_init(struct seen *seen, size_t count)
{
	seen->count = 0;
	seen->mask = 15;
	while (seen->mask < 2 * count) {
		seen->mask = seen->mask << 1 | 1;
	}
	assert(seen->mask < SLOTS);
	memset(seen->slot, 0, (seen->mask + 1) * sizeof(seen->slot[0]));
}

/* Adds a host; false when it was there. A wildcard stands for many, so its name counts as well. */
static bool seen_add(struct seen *seen, const struct node *node, const uint8_t *wild_name)
{
	size_t at = (size_t)(((uint64_t)(uintptr_t)node * 0x9e3779b97f4a7c15u) >> 40) & seen->mask;

	for (; seen->slot[at] != 0; at = (at + 1) & seen->mask) {
		const size_t index = seen->slot[at] - 1u;

		if (seen->node[index] == node &&
		    (wild_name == NULL || dns_name_equal(seen->name[index], wild_name))) {
			return false;
		}
	}
	seen->node[seen->count] = node;
	seen->name[seen->count] = wild_name;
	seen->slot[at] = (uint16_t)++seen->count;
	return true;
}

/* The node that has a host's addresses; NULL: none of ours. */
static const struct node *host_node(const struct reply *reply, const struct zone_find *find)
{
	if (find->zone == NULL || !zone_is_served(find->zone)) {
		return NULL;
	}
	if (find->cut != NULL) {
		/* Glue is about name servers alone (RFC 1034 4.2.1); below a DNAME nothing is seen. */
		const bool is_glue = (reply->is_referral || qtype_of(reply) == DNS_TYPE_NS) &&
				     node_has_type(find->zone, find->cut, DNS_TYPE_NS);

		return is_glue ? find->node : NULL;
	}
	return find->node != NULL ? find->node : find->wildcard;
}

/* Addresses without which the servers of a referral cannot be reached (RFC 9471 3). */
static bool is_required(const struct reply *reply, const uint8_t *host)
{
	return reply->is_referral && dns_name_is_in(host, node_name(reply->find.cut));
}

/* Without `seen` it is the only one. */
static bool add_host(struct reply *reply, const struct zone_find *find, struct seen *seen)
{
	const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA, qtype_of(reply)};
	const struct node *node = host_node(reply, find);
	/* The services of a target as well (RFC 9460 4.1). */
	const size_t count = is_svcb(qtype_of(reply)) && node != reply->answer ? 3 : 2;
	struct set set;

	if (node == NULL ||
	    (seen != NULL && !seen_add(seen, node, find->node == NULL ? find->name : NULL))) {
		return true;
	}
	for (size_t i = 0; i < count; i++) {
		if (!is_addable(find->zone, node, types[i], &set) ||
		    add_set(reply, find->name, &set)) {
			continue;
		}
		if (is_required(reply, find->name)) {
			answer_fill(reply);
		}
		return false;
	}
	return true;
}

/* One, as most answers have: it cannot come again. */
static void add_lone_host(struct reply *reply)
{
	const struct answer_query *query = reply->query;
	struct zone_find find = query->target;
	const bool is_found = reply->hops == 0 && find.name != NULL;

	/* As it stands in the message: so its owner is a pointer there. */
	find.name = reply->hosts.name[0];
	if (!is_found) {
		answer_look_up(reply, &find, 1);
	}
	add_host(reply, &find, NULL);
}

static void add_hosts(struct reply *reply)
{
	const struct targets *targets = &reply->hosts;
	struct zone_find finds[BATCH];
	struct seen seen;

	if (targets->count == 1 && qtype_of(reply) != DNS_TYPE_ANY) {
		add_lone_host(reply);
		return;
	}
	seen_init(&seen, targets->count);
	/* ANY may have shown its addresses. */
	if (qtype_of(reply) == DNS_TYPE_ANY && reply->answer != NULL) {
		seen_add(&seen, reply->answer, NULL);
	}
	for (size_t from = 0; from < targets->count;) {
		const size_t some = find_targets(reply, targets, from, finds);

		for (size_t i = 0; i < some; i++) {
			if (!add_host(reply, &finds[i], &seen)) {
				return;
			}
		}
		from += some;
	}
}

/* Octets that the extended error takes within OPT (RFC 8914 2). */
static size_t remark_size(const struct answer_result *result)
{
	const size_t text_size = result->ede_text == NULL ? 0 : strlen(result->ede_text);

	return result->has_ede ? EDE_FIXED + text_size : 0;
}

void answer_fit_remark(struct reply *reply)
{
	const size_t room = reply->writer->limit - reply->writer->at;
	struct answer_result *result = reply->result;

	if (result->rcode == DNS_RCODE_NOERROR && remark_size(result) > room) {
		result->ede_text = NULL;
		result->has_ede = result->has_ede && room >= EDE_FIXED;
	}
}

void answer_add_all(struct reply *reply)
{
	const size_t kept = remark_size(reply->result);

	if (reply->is_full || !dns_writer_reserve(reply->writer, kept)) {
		return;
	}
	if (reply->instances.count > 0) {
		add_instances(reply);
	}
	if (reply->hosts.count > 0) {
		add_hosts(reply);
	}
	dns_writer_release(reply->writer, kept);
}
