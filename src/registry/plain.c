/*
 * Changes that are plain to see: an UPDATE that adds what is not there, and does not delete it again;
 * or one that adds nothing and deletes a name that has records. What apply makes of such a command is
 * a change or a refusal, never a heartbeat; so nobody has to evaluate it before it goes into the log.
 * Only a replay must not get there, since whoever has one has no key: those are evaluated.
 */
#include "dns/update.h"
#include "registry/inside.h"

/* The name that is added to or deleted from: of an instance's PTR the instance; NULL: a shared one. */
static const uint8_t *subject_of(const struct command_change *change, enum name_role role)
{
	switch (role) {
	case ROLE_INSTANCE:
	case ROLE_PLAIN:
		return change->name;
	case ROLE_TYPE:
	case ROLE_SUBTYPE:
		return change->type == DNS_TYPE_PTR && change->rdata_size > 0 &&
				       zone_is_instance_of(change->rdata,
							   zone_type_of(role, change->name))
			       ? change->rdata
			       : NULL;
	case ROLE_APEX:
	case ROLE_SERVICES:
	case ROLE_POOL:
		break;
	}
	return NULL;
}

/* Of names next to each other most are the same. */
struct subject {
	const uint8_t *name;
	const struct node *node; /* NULL: nothing is there */
};

static void look(struct subject *subject, const struct zone *zone, const uint8_t *name)
{
	if (subject->name == NULL || !dns_name_equal(subject->name, name)) {
		subject->name = name;
		subject->node = zone_entry(zone, name);
	}
}

/* Was it signed before the last that its key did to the name? */
static bool is_replay(const struct zone *zone, const struct command_update *update,
		      const struct subject *subject, uint64_t now_s)
{
	struct holding holding = {.count = 0};

	if (update->owner.kind != OWNER_KEY) {
		return false;
	}
	if (subject->node != NULL) {
		node_holding(subject->node, &holding);
	}
	const uint64_t mark_s = subject->node != NULL && owner_equal(&holding.owner, &update->owner)
					? holding.signed_s
					: zone_mark(zone, subject->name, &update->owner, now_s);
	return update->signed_s < mark_s;
}

/* Is it not there yet, and will be? Of some types nothing may come of it (RFC 2136 3.4.2.2). */
static bool is_new(const struct zone *zone, const struct subject *subject,
		   const struct command_change *change, enum name_role role)
{
	struct holding holding;

	if (change->type == DNS_TYPE_CNAME || change->type == DNS_TYPE_SOA) {
		return false;
	}
	if (subject->node == NULL) {
		return role != ROLE_SUBTYPE;
	}
	if (role == ROLE_TYPE) {
		node_holding(subject->node, &holding);
		return (holding.flags & NAME_PTR) == 0;
	}
	return role != ROLE_SUBTYPE &&
	       !node_has_value(subject->node, change->type, change->rdata, change->rdata_size) &&
	       !node_has_type(zone, subject->node, DNS_TYPE_CNAME);
}

/* How many changes there are up to the last deletion. */
static size_t deletions_end(const struct registry_update *parts)
{
	size_t end = parts->head->update_count;

	while (end > 0 && parts->changes[end - 1].form == DNS_UPDATE_ADD) {
		end--;
	}
	return end;
}

static bool adds_nothing(const struct registry_update *parts)
{
	for (size_t i = 0; i < parts->head->update_count; i++) {
		if (parts->changes[i].form == DNS_UPDATE_ADD) {
			return false;
		}
	}
	return true;
}

bool registry_is_plain_change(const struct zone *zone, const struct registry_update *parts,
			      uint64_t now_s)
{
	const size_t end = deletions_end(parts);
	const bool is_removal = end > 0 && adds_nothing(parts);
	struct subject subject = {.name = NULL};
	bool is_change = false;

	/* With a lease of 0 what it adds is taken away (RFC 9664). */
	if (parts->head->lease.present && parts->head->lease.lease_s == 0) {
		return false;
	}
	for (size_t i = 0; i < parts->head->update_count; i++) {
		const struct command_change *change = &parts->changes[i];
		const enum name_role role = parts->roles[i];
		const uint8_t *name = subject_of(change, role);
		if (name == NULL) {
			continue;
		}
		look(&subject, zone, name);
		if (is_replay(zone, parts->head, &subject, now_s)) {
			return false;
		}
		if (i >= end) {
			is_change = is_change || is_new(zone, &subject, change, role);
		} else if (is_removal && change->form == DNS_UPDATE_DELETE_NAME) {
			is_change = is_change ||
				    (subject.node != NULL && node_record_count(subject.node) > 0);
		}
		if (is_change && parts->head->owner.kind != OWNER_KEY) {
			return true;
		}
	}
	return is_change;
}
