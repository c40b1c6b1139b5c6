/*
 * What a name is in a registry zone, by its labels alone (RFC 6763 4.1, 7.1, 9).
 *
 * Types stand directly below the apex: _NAME._tcp or _NAME._udp; the last such pair decides, so an
 * instance may be called anything. `_dns-sd._udp` is not a type: it lists domains and types.
 */
#include <string.h>

#include "zone/inside.h"

static bool is_service_pair(const uint8_t *name)
{
	const uint8_t *protocol = dns_name_parent(name);

	return name[0] >= 2 && name[1] == '_' &&
	       (dns_label_is(protocol, "_tcp") || dns_label_is(protocol, "_udp"));
}

static bool is_dns_sd(const uint8_t *name)
{
	return dns_label_is(name, "_dns-sd") && dns_label_is(dns_name_parent(name), "_udp");
}

/* The role of a name `below` labels under the apex of a registry zone. */
static enum name_role role_below(const uint8_t *name, size_t below, const uint8_t *pool)
{
	if (below == 0) {
		return ROLE_APEX;
	}
	const uint8_t *type = below < 2 ? name : dns_name_strip(name, below - 2);
	const uint8_t *top = below < 2 ? name : dns_name_parent(type);
	if (top[0] == pool[0] && dns_octets_equal(top + 1, pool + 1, pool[0])) {
		return ROLE_POOL;
	}
	if (below < 2) {
		return ROLE_PLAIN;
	}
	if (!is_service_pair(type)) {
		return ROLE_PLAIN;
	}
	if (is_dns_sd(type)) {
		return below == 3 && dns_label_is(name, "_services") ? ROLE_SERVICES : ROLE_PLAIN;
	}
	if (below == 2) {
		return ROLE_TYPE;
	}
	if (below == 3) {
		return dns_label_is(name, "_sub") ? ROLE_PLAIN : ROLE_INSTANCE;
	}
	return below == 4 && dns_label_is(dns_name_parent(name), "_sub") ? ROLE_SUBTYPE
									 : ROLE_PLAIN;
}

static enum name_role role_in(const struct zone *zone, const uint8_t *name, size_t below)
{
	if (zone->is_registry) {
		return role_below(name, below, zone->shape.pool_label);
	}
	return below == 0 ? ROLE_APEX : ROLE_PLAIN;
}

enum name_role zone_role(const struct zone *zone, const uint8_t *name)
{
	const size_t labels = dns_name_labels(name);

	return labels < zone->apex_labels ? ROLE_PLAIN
					  : role_in(zone, name, labels - zone->apex_labels);
}

enum name_role zone_role_with(const uint8_t *apex, const uint8_t *pool_label, const uint8_t *name)
{
	return role_below(name, dns_name_labels(name) - dns_name_labels(apex), pool_label);
}

bool zone_place(const struct zone *zone, const uint8_t *name, enum name_role *role)
{
	struct labels labels;

	labels_of(&labels, name);
	if (labels.count < zone->apex_labels) {
		return false;
	}
	const size_t below = (size_t)labels.count - zone->apex_labels;
	const size_t at = labels.at[below];
	if (labels.size - at != zone->named.name_size ||
	    !dns_octets_equal(name + at, zone->apex, zone->named.name_size)) {
		return false;
	}
	*role = role_in(zone, name, below);
	return true;
}

static bool is_protocol_label(const uint8_t *label)
{
	return dns_label_is(label, "_tcp") || dns_label_is(label, "_udp");
}

/* Does a record set follow from instances here, or somewhere below? The apex apart. */
static bool is_above_derived(const uint8_t *name, size_t below, enum name_role role)
{
	if (role == ROLE_TYPE || role == ROLE_SUBTYPE || role == ROLE_SERVICES) {
		return true;
	}
	if (below == 0 || !is_protocol_label(dns_name_strip(name, below - 1))) {
		return false;
	}
	return below == 1 || (below == 2 && dns_label_is(name, "_dns-sd")) ||
	       (below == 3 && dns_label_is(name, "_sub"));
}

static bool is_redirection(uint16_t type)
{
	return type == DNS_TYPE_CNAME || type == DNS_TYPE_DNAME || type == DNS_TYPE_NS;
}

static const char *place_refusal(size_t below, enum name_role role, const uint8_t *name,
				 uint16_t type)
{
	if (role == ROLE_POOL) {
		return "is reserved for the address view";
	}
	if (below > 0 && dns_label_is(name, "*") &&
	    (below == 1 || is_protocol_label(dns_name_strip(name, below - 1)))) {
		return "would be a wildcard over services";
	}
	if (type == DNS_TYPE_DNAME && role == ROLE_APEX) {
		return "cannot be redirected";
	}
	if (is_redirection(type) && is_above_derived(name, below, role)) {
		return "cannot be redirected: records there follow from instances";
	}
	return NULL;
}

const char *zone_place_refusal(const uint8_t *apex, const uint8_t *pool_label, const uint8_t *name,
			       uint16_t type)
{
	const size_t below = dns_name_labels(name) - dns_name_labels(apex);

	return place_refusal(below, role_below(name, below, pool_label), name, type);
}

const char *zone_role_refusal(const struct zone *zone, enum name_role role, const uint8_t *name,
			      uint16_t type)
{
	/* Nearly all: to be counted are the labels of what is left. */
	if (role != ROLE_POOL && !is_redirection(type) && !dns_label_is(name, "*")) {
		return NULL;
	}
	return place_refusal(dns_name_labels(name) - zone->apex_labels, role, name, type);
}

const uint8_t *zone_type_of(enum name_role role, const uint8_t *name)
{
	switch (role) {
	case ROLE_INSTANCE:
		return dns_name_strip(name, 1);
	case ROLE_SUBTYPE:
		return dns_name_strip(name, 2);
	case ROLE_PLAIN:
	case ROLE_APEX:
	case ROLE_TYPE:
	case ROLE_SERVICES:
	case ROLE_POOL:
		break;
	}
	return name;
}

bool zone_role_is_shared(enum name_role role)
{
	return role == ROLE_APEX || role == ROLE_TYPE || role == ROLE_SUBTYPE ||
	       role == ROLE_SERVICES;
}

bool zone_is_instance_of(const uint8_t *name, const uint8_t *type)
{
	return name[0] > 0 && dns_name_equal(dns_name_parent(name), type) &&
	       !dns_label_is(name, "_sub");
}
