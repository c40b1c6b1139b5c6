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
 * put.c says what of a set is written, and in what order; additional.c what is added to it.
 */
#include "answer/answer.h"

#include <assert.h>
#include <string.h>

#include "answer/inside.h"
#include "base/err.h"

/* For this client there are no names in other zones than the question's. */
static void confine(const struct answer_query *query, const struct zone *zone,
		    struct zone_find *find)
{
	if (query->is_confined && find->zone != zone) {
		find->zone = NULL;
		find->node = NULL;
		find->cut = NULL;
		find->wildcard = NULL;
	}
}

/* The host that the one RR of a set names; NULL: none, or there are several. */
static const uint8_t *lone_host(const struct set *set)
{
	const int offset = answer_target_offset(set->type);
	uint8_t scratch[SET_SCRATCH];
	uint16_t size;

	if (set->count != 1 || set_is_walked(set) || offset == NO_TARGET ||
	    set->type == DNS_TYPE_PTR) {
		return NULL;
	}
	const uint8_t *name = set_member(set, 0, scratch, &size) + offset;
	return name[0] == 0 ? NULL : name;
}

/* The set asked for, where the name is there and nothing stands between; its host, or NULL. */
static const uint8_t *find_set(struct answer_query *query)
{
	const struct zone_find *find = &query->find;

	query->node = NULL;
	query->has_set = false;
	query->target.name = NULL;
	if (find->node == NULL || find->cut != NULL || !zone_is_served(find->zone)) {
		return NULL;
	}
	query->node = find->node;
	query->has_set = node_set(find->zone, find->node, query->message->qtype, &query->set);
	return query->has_set ? lone_host(&query->set) : NULL;
}

/* Hosts are looked up for the batch as well: one by one, each would wait for its own misses. */
static void find_targets(const struct root *root, struct answer_query *queries, size_t count)
{
	struct zone_find finds[BATCH];
	uint8_t of[BATCH];
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		const uint8_t *host = find_set(&queries[i]);

		if (host != NULL) {
			of[found] = (uint8_t)i;
			finds[found++].name = host;
		}
	}
	if (found == 0) {
		return;
	}
	zone_find_near(root, queries[of[0]].find.zone, finds, found);
	for (size_t i = 0; i < found; i++) {
		struct answer_query *query = &queries[of[i]];

		query->target = finds[i];
		confine(query, query->find.zone, &query->target);
	}
}

/* DS at the apex of a zone of ours is asked of the zone above, if that is ours too. */
static void find_parent(const struct root *root, struct zone_find *find)
{
	const struct zone *parent;
	const struct node *node;

	if (find->zone == NULL || find->name[0] == 0 ||
	    !dns_name_equal(find->name, zone_apex(find->zone))) {
		return;
	}
	parent = root_zone_for(root, dns_name_parent(find->name));
	node = parent == NULL || !zone_is_served(parent) ? NULL : zone_node(parent, find->name);
	if (node != NULL) {
		find->zone = parent;
		find->node = node;
		find->cut = NULL;
	}
}

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
			if (queries[i].message->qtype == DNS_TYPE_DS) {
				find_parent(root, &queries[i].find);
			}
		}
		find_targets(root, queries, some);
		queries += some;
		count -= some;
	}
}

static void set_rcode(struct reply *reply, unsigned rcode)
{
	reply->result->rcode = rcode;
	dns_writer_rcode(reply->writer, rcode);
}

static void refuse(struct reply *reply, unsigned rcode, enum dns_ede ede, const char *text)
{
	set_rcode(reply, rcode);
	set_ede(reply, ede, text);
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
		answer_fill(reply);
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
	answer_put_set(reply, DNS_AUTHORITY, node_name(reply->find.cut), servers);
	return false;
}

void answer_look_up(const struct reply *reply, struct zone_find *finds, size_t count)
{
	const struct answer_query *query = reply->query;

	zone_find_near(query->root, query->find.zone, finds, count);
	for (size_t i = 0; i < count; i++) {
		confine(query, query->find.zone, &finds[i]);
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
	answer_look_up(reply, &reply->find, 1);
	return reply->find.zone != NULL && zone_is_served(reply->find.zone);
}

static bool follow_cname(struct reply *reply, const struct set *cname)
{
	uint8_t scratch[SET_SCRATCH];
	uint16_t size;
	const uint8_t *target = set_member(cname, 0, scratch, &size);

	/* It stays until the reply is written: a view into the root. */
	assert(target != scratch);
	answer_put_set(reply, DNS_ANSWER, asked(reply), cname);
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
		answer_put_set(reply, DNS_ANSWER, node_name(node), dname);
	}
	reply->dname[reply->hops] = node;
	if (size < 0) {
		set_rcode(reply, DNS_RCODE_YXDOMAIN);
		return false;
	}
	if (!reply->is_full &&
	    put_rr(reply, DNS_ANSWER, asked(reply), &cname, made, (uint16_t)size) != OK) {
		answer_fill(reply);
	}
	/* What was asked for may be the CNAME (RFC 6672 3.1). */
	return qtype_of(reply) != DNS_TYPE_CNAME && follow(reply, made);
}

/* By UDP one RRset, the CNAME where there is one (RFC 8482 4.1); by TCP all. */
static bool answer_any(struct reply *reply, const struct node *node)
{
	const struct zone *zone = reply->find.zone;
	struct set set;
	uint64_t at = 0;

	if (!reply->query->is_stream && node_set(zone, node, DNS_TYPE_CNAME, &set)) {
		answer_put_set(reply, DNS_ANSWER, asked(reply), &set);
		return false;
	}
	if (!node_next_set(zone, node, &at, &set)) {
		return put_no_data(reply);
	}
	do {
		answer_put_set(reply, DNS_ANSWER, asked(reply), &set);
	} while (reply->query->is_stream && !reply->is_full &&
		 node_next_set(zone, node, &at, &set));
	return false;
}

/* From a node that stands for the name, itself or as the wildcard. */
static bool answer_node(struct reply *reply, const struct node *node)
{
	const struct answer_query *query = reply->query;
	const struct zone *zone = reply->find.zone;
	const bool is_looked = reply->hops == 0 && node == query->node;
	const struct set *shown = &query->set;
	struct set set;

	reply->answer = node;
	if (!is_looked) {
		shown = &set;
	}
	if (is_looked ? query->has_set : node_set(zone, node, qtype_of(reply), &set)) {
		answer_put_set(reply, DNS_ANSWER, asked(reply), shown);
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
	result->is_common = true;
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
	dns_writer_flags(writer, DNS_FLAG_AA, 0);
	while (answer_name(&reply)) {
		continue;
	}
	answer_add_all(&reply);
	answer_fit_remark(&reply);
}
