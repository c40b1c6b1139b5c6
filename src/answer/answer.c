/*
 * Answering a query, by the algorithm of RFC 1034 4.3.2 as revised:
 *
 *   1. zone        the deepest of ours that holds the name; none: REFUSED
 *   2. cut         a delegation on the way: referral (RFC 1034 4.2.1); a DNAME: its synthesised
 *                  CNAME, and again from 1 (RFC 6672 3.2)
 *   3. node        the RRset asked for; else a CNAME, and again from 1; else NODATA
 *   4. wildcard    the same at *.<closest encloser>, owner as asked (RFC 4592 3.3)
 *   5. NXDOMAIN    with the SOA (RFC 2308 2.1), also at the end of a chain
 *   6. additional  addresses of the targets of SRV, MX, NS and those like them; SRV, TXT and
 *                  addresses of what a PTR names
 *
 * A chain of names ends after HOPS_MAX steps, or where it comes back to a name it has had: what
 * was collected is the answer, NOERROR.
 *
 * Derived SRV and address sets are shown up to answer-max, as a subset that is stable for the
 * client: the members that follow its place on the ring, the lowest priority first. Addresses are
 * picked by weight. Sets of SRV and addresses begin at a random member. What does not fit: of the
 * answer and the authority section as many whole RRs as do, with TC by UDP; in the additional
 * section whole sets, silently, except for the glue of a referral (RFC 2181 9, RFC 9471). The part
 * of a pool that fits is stable as well: there are clients that take it for the whole.
 */
#include "answer/answer.h"

#include <assert.h>
#include <string.h>

#include "answer/pick.h"
#include "base/err.h"

#define HOPS_MAX 16
#define BATCH 64
#define TARGETS_MAX 1000 /* names looked up for the additional section */
#define SLOTS (2 * 1024) /* of the table of hosts seen; twice TARGETS_MAX, a power of two */
#define ANSWER_MAX 100 /* where a zone has no shape: static ones */
#define RR_MIN 12 /* octets of the shortest record in a message */
#define SRV_FIXED 6 /* octets of SRV RDATA before the target */
#define PREFERENCE 2 /* octets of MX RDATA, and of those like it, before the target */
#define EDE_FIXED 6 /* octets of an extended error before its text */
#define NO_TARGET (-1)

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

/* Hosts whose addresses were dealt with: open addressing, by node. */
struct seen {
	size_t count;
	size_t mask;
	const struct node *node[TARGETS_MAX + 1];
	const uint8_t *name[TARGETS_MAX + 1];
	uint16_t slot[SLOTS]; /* index + 1; 0: free */
};

/* ---- finding ----------------------------------------------------------------------------- */

void answer_find(const struct root *root, struct answer_query *queries, size_t count)
{
	struct zone_find finds[BATCH];

	while (count > 0) {
		const size_t some = count < BATCH ? count : BATCH;

		for (size_t i = 0; i < some; i++) {
			finds[i].name = queries[i].message->qname;
		}
		zone_find(root, finds, some);
		for (size_t i = 0; i < some; i++) {
			queries[i].root = root;
			queries[i].find = finds[i];
		}
		queries += some;
		count -= some;
	}
}

/* ---- small things ------------------------------------------------------------------------ */

static uint16_t qtype_of(const struct reply *reply)
{
	return reply->query->message->qtype;
}

/* The name asked for now: the question's, or where a chain has led. */
static const uint8_t *asked(const struct reply *reply)
{
	return reply->name[reply->hops];
}

static uint32_t answer_max(const struct zone *zone)
{
	const uint32_t max = zone_is_registry(zone) ? zone_shape(zone)->answer_max : ANSWER_MAX;

	if (max == 0) {
		return ANSWER_MAX;
	}
	return max < PICK_MAX ? max : PICK_MAX;
}

static void set_rcode(struct reply *reply, unsigned rcode)
{
	reply->result->rcode = rcode;
	dns_writer_rcode(reply->writer, rcode);
}

static void set_ede(struct reply *reply, enum dns_ede ede, const char *text)
{
	reply->result->has_ede = true;
	reply->result->ede = (uint16_t)ede;
	reply->result->ede_text = text;
}

static void refuse(struct reply *reply, unsigned rcode, enum dns_ede ede, const char *text)
{
	set_rcode(reply, rcode);
	set_ede(reply, ede, text);
}

/* A required record did not fit. By TCP there is nothing to try again with: never TC. */
static void fill(struct reply *reply)
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

static int put_rr(struct reply *reply, enum dns_section section, const uint8_t *owner,
		  const struct set *set, const uint8_t *rdata, uint16_t size)
{
	return dns_writer_rr(reply->writer, section, owner, set->type, DNS_CLASS_IN, set->ttl,
			     rdata, size);
}

/* ---- order ------------------------------------------------------------------------------- */

static bool is_turned(uint16_t type)
{
	return type == DNS_TYPE_A || type == DNS_TYPE_AAAA || type == DNS_TYPE_SRV;
}

/* A set written from a pool: SRV at a type, an address view. */
static bool is_pool(const struct set *set)
{
	return set->lowest > 0 && is_turned(set->type);
}

static struct order order_of(struct reply *reply, uint16_t type, uint32_t low, uint32_t total)
{
	struct order order = {.low = low < total ? low : total, .total = total};

	if (order.low > 1 && is_turned(type)) {
		order.turn = rand_below(reply->rand, order.low);
	}
	return order;
}

/* The index of the member written as number `at`. */
static uint32_t order_index(const struct order *order, uint32_t at)
{
	const uint32_t index = at + order->turn;

	if (at >= order->low) {
		return at;
	}
	return index < order->low ? index : index - order->low;
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
	pick_members(pick, set, reply->query->client, max);
}

/* ---- targets ----------------------------------------------------------------------------- */

static bool is_svcb(uint16_t type)
{
	return type == DNS_TYPE_SVCB || type == DNS_TYPE_HTTPS;
}

/*
 * Where in RDATA the name stands about which the additional section tells, or NO_TARGET: RFC 1035
 * 3.3, 1183, 2230 for KX, 2782, 6763 12, 9460 4.1.
 */
static int target_offset(uint16_t type)
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

/*
 * Remembers the target of the record just written. SRV may be composed for each answer, but stands
 * uncompressed in the message; the others are views into the root.
 */
static void note_target(struct reply *reply, struct targets *targets, const struct set *set,
			const uint8_t *rdata, uint16_t size)
{
	const size_t offset = (size_t)target_offset(set->type);
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
	if (target_offset(set->type) == NO_TARGET) {
		return NULL;
	}
	if (set->type != DNS_TYPE_PTR) {
		return &reply->hosts;
	}
	/* An enumeration of types: RFC 6763 12.1 is about instances. */
	return dns_label_is(owner, "_services") ? NULL : &reply->instances;
}

/* ---- the answer and authority sections --------------------------------------------------- */

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
			fill(reply);
			return;
		}
		if (targets != NULL) {
			note_target(reply, targets, set, rdata, size);
		}
	}
	if (pick.count < wanted) {
		fill(reply);
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
		fill(reply);
	} else if (targets != NULL) {
		targets->first = targets->count;
		note_target(reply, targets, set, rdata, size);
	}
}

/* Writes a set whose every record is required, and notes its targets, at most answer-max. */
static void put_set(struct reply *reply, enum dns_section section, const uint8_t *owner,
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
	const uint32_t from = order.total > 1 && set->type == DNS_TYPE_PTR
				      ? rand_below(reply->rand, order.total)
				      : 0;
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
			fill(reply);
			return;
		}
		if (distance == 0 && targets != NULL) {
			targets->first = targets->count;
		}
		if (distance < max) {
			note_target(reply, targets, set, rdata, size);
		}
	}
}

/* The SOA of a negative answer, with the TTL that the answer may be cached for (RFC 2308 5). */
static void put_negative_soa(struct reply *reply)
{
	const struct zone *zone = reply->find.zone;
	const struct node *apex = zone_node(zone, zone_apex(zone));
	const uint32_t minimum = zone_soa(zone)->minimum;
	uint8_t scratch[SET_SCRATCH];
	const uint8_t *rdata;
	struct set set;
	uint16_t size;

	if (apex == NULL || !node_set(zone, apex, DNS_TYPE_SOA, &set)) {
		return;
	}
	set.ttl = set.ttl < minimum ? set.ttl : minimum;
	rdata = set_member(&set, 0, scratch, &size);
	if (put_rr(reply, DNS_AUTHORITY, zone_apex(zone), &set, rdata, size) != OK) {
		fill(reply);
	}
}

static bool put_no_data(struct reply *reply)
{
	put_negative_soa(reply);
	return false;
}

static bool put_no_name(struct reply *reply)
{
	set_rcode(reply, DNS_RCODE_NXDOMAIN);
	put_negative_soa(reply);
	return false;
}

/* Referral: the servers of the zone below, and their addresses as far as we have them. */
static bool put_referral(struct reply *reply, const struct set *servers)
{
	/* AA is about the first owner of the answer (RFC 1035 4.1.1). */
	if (reply->hops == 0) {
		dns_writer_flags(reply->writer, 0, DNS_FLAG_AA);
	}
	reply->is_referral = true;
	put_set(reply, DNS_AUTHORITY, node_name(reply->find.cut), servers);
	return false;
}

/* ---- chains ------------------------------------------------------------------------------ */

/* Names that the answer leads to. Of a confined one those of other zones lead to nothing. */
static void look_up(const struct reply *reply, struct zone_find *finds, size_t count)
{
	zone_find(reply->query->root, finds, count);
	for (size_t i = 0; reply->query->is_confined && i < count; i++) {
		if (finds[i].zone != reply->query->find.zone) {
			finds[i].zone = NULL;
			finds[i].node = NULL;
			finds[i].cut = NULL;
			finds[i].wildcard = NULL;
		}
	}
}

/* Goes on with `target`, if the chain may. Says whether there is more to look up. */
static bool follow(struct reply *reply, const uint8_t *target)
{
	if (reply->is_full || reply->hops + 1 == HOPS_MAX) {
		return false;
	}
	for (size_t i = 0; i <= reply->hops; i++) {
		if (dns_name_equal(reply->name[i], target)) {
			return false;
		}
	}
	reply->name[++reply->hops] = target;
	reply->dname[reply->hops] = NULL;
	reply->find.name = target;
	look_up(reply, &reply->find, 1);
	return reply->find.zone != NULL && zone_is_served(reply->find.zone);
}

static bool follow_cname(struct reply *reply, const struct set *cname)
{
	uint8_t scratch[SET_SCRATCH];
	uint16_t size;
	const uint8_t *target = set_member(cname, 0, scratch, &size);

	/* It stays until the reply is written: a view into the root. */
	assert(target != scratch);
	put_set(reply, DNS_ANSWER, asked(reply), cname);
	return follow(reply, target);
}

/* `name` with its end `from` replaced by `to`. The size, or ERR_RANGE. */
static int rewrite(uint8_t out[DNS_NAME_MAX], const uint8_t *name, const uint8_t *from,
		   const uint8_t *to)
{
	const size_t kept = dns_name_size(name) - dns_name_size(from);
	uint8_t prefix[DNS_NAME_MAX];

	memcpy(prefix, name, kept);
	prefix[kept] = 0;
	return dns_name_join(out, prefix, to);
}

static bool is_dname_put(const struct reply *reply, const struct node *node)
{
	for (size_t i = 0; i < reply->hops; i++) {
		if (reply->dname[i] == node) {
			return true;
		}
	}
	return false;
}

/* RFC 6672 3.2: the DNAME, and the CNAME that it makes for this name. */
static bool follow_dname(struct reply *reply, const struct node *node, const struct set *dname)
{
	uint8_t *made = reply->made[reply->hops];
	const struct set cname = {.type = DNS_TYPE_CNAME, .ttl = dname->ttl, .count = 1};
	uint8_t scratch[SET_SCRATCH];
	uint16_t rdata_size;
	const uint8_t *target = set_member(dname, 0, scratch, &rdata_size);
	const int size = rewrite(made, asked(reply), node_name(node), target);

	if (!is_dname_put(reply, node)) {
		put_set(reply, DNS_ANSWER, node_name(node), dname);
	}
	reply->dname[reply->hops] = node;
	if (size < 0) {
		set_rcode(reply, DNS_RCODE_YXDOMAIN);
		return false;
	}
	if (!reply->is_full &&
	    put_rr(reply, DNS_ANSWER, asked(reply), &cname, made, (uint16_t)size) != OK) {
		fill(reply);
	}
	/* What was asked for may be the CNAME (RFC 6672 3.1). */
	return qtype_of(reply) != DNS_TYPE_CNAME && follow(reply, made);
}

/* ---- one name ---------------------------------------------------------------------------- */

/* By UDP one RRset, the CNAME where there is one (RFC 8482 4.1); by TCP all. */
static bool answer_any(struct reply *reply, const struct node *node)
{
	const struct zone *zone = reply->find.zone;
	struct set set;
	uint32_t at = 0;

	if (!reply->query->is_stream && node_set(zone, node, DNS_TYPE_CNAME, &set)) {
		put_set(reply, DNS_ANSWER, asked(reply), &set);
		return false;
	}
	if (!node_next_set(zone, node, &at, &set)) {
		return put_no_data(reply);
	}
	do {
		put_set(reply, DNS_ANSWER, asked(reply), &set);
	} while (reply->query->is_stream && !reply->is_full &&
		 node_next_set(zone, node, &at, &set));
	return false;
}

/* From a node that stands for the name, itself or as the wildcard. */
static bool answer_node(struct reply *reply, const struct node *node)
{
	const struct zone *zone = reply->find.zone;
	struct set set;

	reply->answer = node;
	if (node_set(zone, node, qtype_of(reply), &set)) {
		put_set(reply, DNS_ANSWER, asked(reply), &set);
		return false;
	}
	if (qtype_of(reply) == DNS_TYPE_ANY) {
		return answer_any(reply, node);
	}
	if (node_set(zone, node, DNS_TYPE_CNAME, &set)) {
		return follow_cname(reply, &set);
	}
	return put_no_data(reply);
}

static bool answer_missing(struct reply *reply)
{
	if (reply->find.wildcard != NULL) {
		return answer_node(reply, reply->find.wildcard);
	}
	return put_no_name(reply);
}

static bool is_apex(const struct zone *zone, const struct node *node)
{
	return dns_name_size(node_name(node)) == dns_name_size(zone_apex(zone));
}

/* The way to the name goes through a delegation or a DNAME. */
static bool answer_cut(struct reply *reply)
{
	const struct zone_find *find = &reply->find;
	struct set set;

	if (is_apex(find->zone, find->cut) || !node_set(find->zone, find->cut, DNS_TYPE_NS, &set)) {
		const bool is_dname = node_set(find->zone, find->cut, DNS_TYPE_DNAME, &set);

		/* Its own name is not redirected (RFC 6672 2.3). */
		assert(is_dname && find->cut != find->node);
		return is_dname && follow_dname(reply, find->cut, &set);
	}
	/* DS belongs to the side above (RFC 4035 3.1.4.1). */
	if (find->cut == find->node && qtype_of(reply) == DNS_TYPE_DS) {
		return answer_node(reply, find->node);
	}
	return put_referral(reply, &set);
}

/* One step of the algorithm; true: a chain leads on. */
static bool answer_name(struct reply *reply)
{
	if (reply->find.cut != NULL) {
		return answer_cut(reply);
	}
	if (reply->find.node != NULL) {
		return answer_node(reply, reply->find.node);
	}
	return answer_missing(reply);
}

/* ---- the additional section -------------------------------------------------------------- */

/* Writes a whole set, or nothing. */
static bool add_set(struct reply *reply, const uint8_t *owner, const struct set *set)
{
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
			note_target(reply, &reply->hosts, set, rdata, size);
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
	look_up(reply, finds, some);
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

static bool add_host(struct reply *reply, const struct zone_find *find, struct seen *seen)
{
	const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA, qtype_of(reply)};
	const struct node *node = host_node(reply, find);
	/* The services of a target as well (RFC 9460 4.1). */
	const size_t count = is_svcb(qtype_of(reply)) && node != reply->answer ? 3 : 2;
	struct set set;

	if (node == NULL || !seen_add(seen, node, find->node == NULL ? find->name : NULL)) {
		return true;
	}
	for (size_t i = 0; i < count; i++) {
		if (!is_addable(find->zone, node, types[i], &set) ||
		    add_set(reply, find->name, &set)) {
			continue;
		}
		if (is_required(reply, find->name)) {
			fill(reply);
		}
		return false;
	}
	return true;
}

static void add_hosts(struct reply *reply)
{
	const struct targets *targets = &reply->hosts;
	struct zone_find finds[BATCH];
	struct seen seen;

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

/*
 * RFC 8914 3 would have TC for an extended error that does not fit. Of an answer that has all it
 * needs it is a remark, and not worth another question by TCP: it goes, its text first.
 */
static void fit_remark(struct reply *reply)
{
	const size_t room = reply->writer->limit - reply->writer->at;
	struct answer_result *result = reply->result;

	if (result->rcode == DNS_RCODE_NOERROR && remark_size(result) > room) {
		result->ede_text = NULL;
		result->has_ede = result->has_ede && room >= EDE_FIXED;
	}
}

/* Addresses come last: without them a client has what to ask for (RFC 6763 12). */
static void add_all(struct reply *reply)
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

/* ---- all of it --------------------------------------------------------------------------- */

/* DS at the apex of a zone of ours is asked of the zone above, if that is ours too. */
static void find_parent(struct reply *reply)
{
	struct zone_find *find = &reply->find;
	const struct zone *parent;
	const struct node *node;

	if (find->name[0] == 0 || !dns_name_equal(find->name, zone_apex(find->zone))) {
		return;
	}
	parent = root_zone_for(reply->query->root, dns_name_parent(find->name));
	node = parent == NULL || !zone_is_served(parent) ? NULL : zone_node(parent, find->name);
	if (node != NULL) {
		find->zone = parent;
		find->node = node;
		find->cut = NULL;
	}
}

/* Questions that are answered without looking. */
static bool is_refused(struct reply *reply)
{
	switch (qtype_of(reply)) {
	case DNS_TYPE_OPT:
	case DNS_TYPE_NXNAME:
	case DNS_TYPE_TKEY:
	case DNS_TYPE_TSIG:
		set_rcode(reply, DNS_RCODE_FORMERR);
		return true;
	case DNS_TYPE_AXFR:
	case DNS_TYPE_IXFR:
		refuse(reply, DNS_RCODE_REFUSED, DNS_EDE_NOT_SUPPORTED,
		       "zone transfers are not offered");
		return true;
	default:
		break;
	}
	if (reply->find.zone == NULL) {
		refuse(reply, DNS_RCODE_REFUSED, DNS_EDE_NOT_AUTHORITATIVE, NULL);
		return true;
	}
	if (!zone_is_served(reply->find.zone)) {
		refuse(reply, DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY, "the zone is not ready");
		return true;
	}
	return false;
}

static void begin(struct reply *reply)
{
	struct answer_result *result = reply->result;

	result->rcode = DNS_RCODE_NOERROR;
	result->has_ede = false;
	result->ede = 0;
	result->ede_text = NULL;
	result->is_truncated = false;
	result->is_sampled = false;
	result->is_short = false;
	result->pool = 0;
	reply->find = reply->query->find;
	reply->answer = NULL;
	reply->is_full = false;
	reply->is_referral = false;
	reply->hops = 0;
	/* The question as it stands in the reply, so that its owner is a pointer there. */
	reply->name[0] = reply->writer->count[DNS_QUESTION] > 0
				 ? reply->writer->wire + DNS_HEADER_SIZE
				 : reply->find.name;
	reply->dname[0] = NULL;
	reply->instances.count = 0;
	reply->instances.first = 0;
	reply->hosts.count = 0;
	reply->hosts.first = 0;
}

void answer_write(const struct answer_query *query, struct rand *rand, struct dns_writer *writer,
		  struct answer_result *result)
{
	struct reply reply; /* large: only what begin() sets is read unset */

	reply.query = query;
	reply.rand = rand;
	reply.writer = writer;
	reply.result = result;
	begin(&reply);
	if (is_refused(&reply)) {
		return;
	}
	if (qtype_of(&reply) == DNS_TYPE_DS) {
		find_parent(&reply);
	}
	dns_writer_flags(writer, DNS_FLAG_AA, 0);
	while (answer_name(&reply)) {
		continue;
	}
	add_all(&reply);
	fit_remark(&reply);
}
