/*
 * Prerequisites (RFC 2136 3.2): in order, the first that fails answers; those that name values are
 * gathered by name and type, and compared as sets after all others.
 */
#include <string.h>

#include "base/err.h"
#include "base/map.h"
#include "dns/rrtype.h"
#include "dns/update.h"
#include "registry/inside.h"

#define VALUE_MEMBERS_MAX 1000

/* The members that a message says of one set. */
struct wanted {
	struct wanted *next;
	struct set set;
	uint32_t count; /* distinct */
	bool is_wrong; /* no such set, or a member that it has not */
};

struct values {
	struct map sets; /* name, type -> struct wanted */
	struct map members; /* name, type, RDATA -> anything */
	struct wanted *first;
};

static int fail(struct evaluation *evaluation, uint16_t rcode)
{
	evaluation->plan->result.rcode = rcode;
	return REFUSAL;
}

static bool is_used(const struct zone *zone, const uint8_t *name)
{
	const struct node *node = zone_node(zone, name);

	return node != NULL && node_has_records(node);
}

static bool has_set(const struct zone *zone, const uint8_t *name, uint16_t type, struct set *set)
{
	const struct node *node = zone_node(zone, name);

	return node != NULL && node_set(zone, node, type, set);
}

/* Key: folded name, type, folded RDATA. */
static uint8_t *member_key(struct evaluation *evaluation, const struct command_prereq *prereq,
			   size_t *set_size, size_t *size)
{
	const size_t name_size = dns_name_size(prereq->name);
	uint8_t *key = arena_alloc(evaluation->arena, name_size + 2 + prereq->rdata_size);

	if (key == NULL) {
		return NULL;
	}
	dns_name_fold(key, prereq->name);
	key[name_size] = (uint8_t)(prereq->type >> 8);
	key[name_size + 1] = (uint8_t)prereq->type;
	dns_rdata_fold(key + name_size + 2, prereq->type, prereq->rdata, prereq->rdata_size);
	*set_size = name_size + 2;
	*size = name_size + 2 + prereq->rdata_size;
	return key;
}

static int gather(struct evaluation *evaluation, struct values *values,
		  const struct command_prereq *prereq)
{
	size_t set_size;
	size_t size;
	uint8_t *key = member_key(evaluation, prereq, &set_size, &size);

	if (key == NULL) {
		return ERR_NOMEM;
	}
	struct wanted *wanted = map_get(&values->sets, key, set_size);
	if (wanted == NULL) {
		wanted = arena_calloc(evaluation->arena, 1, sizeof(*wanted));
		if (wanted == NULL) {
			return ERR_NOMEM;
		}
		wanted->is_wrong =
			!has_set(evaluation->plan->zone, prereq->name, prereq->type, &wanted->set);
		if (wanted->set.count > VALUE_MEMBERS_MAX) {
			return result_refuse(
				&evaluation->plan->result, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED,
				"a prerequisite on the values of a set over %d members",
				VALUE_MEMBERS_MAX);
		}
		wanted->next = values->first;
		values->first = wanted;
		if (map_put(&values->sets, key, set_size, wanted) != OK) {
			return ERR_NOMEM;
		}
	}
	if (wanted->is_wrong || map_get(&values->members, key, size) != NULL) {
		return OK; /* also when said twice: a set has no duplicates */
	}
	if (!set_has(&wanted->set, prereq->rdata, prereq->rdata_size)) {
		wanted->is_wrong = true;
		return OK;
	}
	wanted->count++;
	return map_put(&values->members, key, size, wanted) == OK ? OK : ERR_NOMEM;
}

static int check_one(struct evaluation *evaluation, struct values *values,
		     const struct command_prereq *prereq)
{
	const struct zone *zone = evaluation->plan->zone;
	struct set set;

	switch ((enum dns_prereq_form)prereq->form) {
	case DNS_PREREQ_NAME_USED:
		return is_used(zone, prereq->name) ? OK : fail(evaluation, DNS_RCODE_NXDOMAIN);
	case DNS_PREREQ_NAME_UNUSED:
		return is_used(zone, prereq->name) ? fail(evaluation, DNS_RCODE_YXDOMAIN) : OK;
	case DNS_PREREQ_RRSET_EXISTS:
		return has_set(zone, prereq->name, prereq->type, &set)
			       ? OK
			       : fail(evaluation, DNS_RCODE_NXRRSET);
	case DNS_PREREQ_RRSET_MISSING:
		return has_set(zone, prereq->name, prereq->type, &set)
			       ? fail(evaluation, DNS_RCODE_YXRRSET)
			       : OK;
	case DNS_PREREQ_RRSET_EQUALS:
		return gather(evaluation, values, prereq);
	}
	return ERR_DAMAGED;
}

int check_prereqs(struct evaluation *evaluation)
{
	struct values values = {0};
	uint64_t seed;
	int ret = OK;

	if (evaluation->update.prereq_count == 0) {
		return OK;
	}
	memcpy(&seed, zone_ring_key(evaluation->plan->zone), sizeof(seed));
	map_init(&values.sets, seed);
	map_init(&values.members, seed);
	for (size_t i = 0; ret == OK && i < evaluation->update.prereq_count; i++) {
		ret = check_one(evaluation, &values, &evaluation->prereqs[i]);
	}
	for (const struct wanted *wanted = values.first; ret == OK && wanted != NULL;
	     wanted = wanted->next) {
		if (wanted->is_wrong || wanted->count != wanted->set.count) {
			ret = fail(evaluation, DNS_RCODE_NXRRSET);
		}
	}
	map_deinit(&values.members);
	map_deinit(&values.sets);
	return ret;
}
