/*
 * Zones: static ones have a file, registry ones have everything below `registry`. Limits that
 * depend on each other are compared here, once the zone is decoded.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "conf/decode.h"
#include "conf/index.h"

int decode_zone_name(const struct decoder *decoder, const struct row *row, const char *path,
		     const struct node *node, void *target)
{
	struct conf_zone *zone = target;
	uint8_t name[DNS_NAME_MAX];
	const int ret = decode_name(decoder, path, node, name);

	(void)row;
	if (ret == OK) {
		dns_name_fold(zone->name, name);
		dns_name_to_text(zone->text, zone->name);
	}
	return ret;
}

int decode_zone_file(const struct decoder *decoder, const struct row *row, const char *path,
		     const struct node *node, void *target)
{
	struct conf_zone *zone = target;

	zone->file_line = node->line;
	return decode_path(decoder, row, path, node, target);
}

int decode_registry(const struct decoder *decoder, const struct row *row, const char *path,
		    const struct node *node, void *target)
{
	struct conf_zone *zone = target;

	zone->is_registry = true;
	return decode_map(decoder, row->inside, path, node, target);
}

int decode_lease_default(const struct decoder *decoder, const struct row *row, const char *path,
			 const struct node *node, void *target)
{
	struct conf_zone *zone = target;
	char text[VALUE_QUOTE_MAX];
	uint64_t seconds;

	if (strcmp(node->text, "permanent") == 0) {
		zone->lease_default = CONF_LEASE_PERMANENT;
		return OK;
	}
	if (strcmp(node->text, "refuse") == 0) {
		zone->lease_default = CONF_LEASE_REFUSE;
		return OK;
	}
	if (value_number(&seconds, node->text, row->unit) != OK || seconds == 0 ||
	    seconds > UINT32_MAX) {
		return refuse(decoder, path, node->line,
			      "%s is none of these: permanent, refuse, a duration such as 2h",
			      value_quote(text, node->text));
	}
	zone->lease_default = CONF_LEASE_DURATION;
	zone->lease_default_s = (uint32_t)seconds;
	return OK;
}

/* A host's label: letters, digits and hyphens inside (RFC 1123 2.1). */
int decode_pool_label(const struct decoder *decoder, const struct row *row, const char *path,
		      const struct node *node, void *target)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-";
	struct conf_zone *zone = target;
	const size_t size = strlen(node->text);
	char text[VALUE_QUOTE_MAX];

	(void)row;
	if (size == 0 || size > DNS_LABEL_MAX || strspn(node->text, allowed) != size ||
	    node->text[0] == '-' || node->text[size - 1] == '-') {
		return refuse(decoder, path, node->line,
			      "%s is no label; write 1 to 63 letters, digits and hyphens",
			      value_quote(text, node->text));
	}
	zone->pool_label[0] = (uint8_t)size;
	for (size_t i = 0; i < size; i++) {
		zone->pool_label[1 + i] = dns_fold((uint8_t)node->text[i]);
	}
	return OK;
}

/* Limits of a registry of which the first may not be above the second. */
#define LIMIT(name, field) .name = offsetof(struct conf_zone, field)
static const struct {
	const char *low_path;
	const char *high_path;
	size_t low;
	size_t high;
} orders[] = {
	{"registry.lease.min", "registry.lease.max", LIMIT(low, lease_min_s),
	 LIMIT(high, lease_max_s)},
	{"registry.lease.min", "registry.lease.default", LIMIT(low, lease_min_s),
	 LIMIT(high, lease_default_s)},
	{"registry.lease.default", "registry.lease.max", LIMIT(low, lease_default_s),
	 LIMIT(high, lease_max_s)},
	{"registry.lease.max", "registry.lease.key-max", LIMIT(low, lease_max_s),
	 LIMIT(high, key_lease_max_s)},
	{"registry.ttl.derived", "registry.lease.min", LIMIT(low, ttl_derived_s),
	 LIMIT(high, lease_min_s)},
};
#undef LIMIT

/* The error stands at the limit that the file writes; a default has no line. */
static int refuse_order(const struct decoder *decoder, const char *path, const struct node *node,
			size_t index, const uint32_t limits[2])
{
	const char *low_path = orders[index].low_path;
	const char *high_path = orders[index].high_path;
	char low[VALUE_TEXT_MAX];
	char high[VALUE_TEXT_MAX];
	char inner[DECODE_PATH_MAX];
	int low_line;
	int high_line;

	const bool is_low_written = node_find(node, low_path, &low_line) != NULL;
	const bool is_high_written = node_find(node, high_path, &high_line) != NULL;
	snprintf(inner, sizeof(inner), "%s.%s", path, low_path);
	return refuse(decoder, inner, is_low_written || !is_high_written ? low_line : high_line,
		      "%s%s is above %s, %s; lower the one or raise the other",
		      is_low_written ? "" : "the default of ",
		      value_number_text(low, limits[0], value_duration), high_path,
		      value_number_text(high, limits[1], value_duration));
}

static int check_orders(const struct decoder *decoder, const char *path, const struct node *node,
			const struct conf_zone *zone)
{
	for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
		uint32_t limits[2];

		memcpy(&limits[0], (const char *)zone + orders[i].low, sizeof(limits[0]));
		memcpy(&limits[1], (const char *)zone + orders[i].high, sizeof(limits[1]));
		/* lease.default counts only where it is a duration. */
		if (limits[0] > limits[1] && limits[1] > 0) {
			return refuse_order(decoder, path, node, i, limits);
		}
	}
	return OK;
}

static int decode_zone(const struct decoder *decoder, const char *path, const struct node *node,
		       struct conf_zone *zone)
{
	const int ret = decode_map(decoder, "zone", path, node, zone);

	zone->line = node->line;
	if (ret != OK) {
		return ret;
	}
	decoder->conf->has_query_rules |= zone->query.is_written;
	if (zone->is_registry == (zone->file != NULL)) {
		return refuse(decoder, path, node->line,
			      "zone %s has %s; write file for a static zone or registry for one "
			      "that is changed by UPDATE",
			      zone->text,
			      zone->is_registry ? "both file and registry"
						: "neither file nor registry");
	}
	return zone->is_registry ? check_orders(decoder, path, node, zone) : OK;
}

int decode_zones(const struct decoder *decoder, const struct row *row, const char *path,
		 const struct node *node, void *target)
{
	struct conf *conf = target;
	int ret = OK;

	(void)row;
	if (node->count == 0) {
		return OK;
	}
	conf->zones = arena_calloc(decoder->arena, node->count, sizeof(conf->zones[0]));
	if (conf->zones == NULL) {
		return ERR_NOMEM;
	}
	for (const struct node *child = node->first; ret == OK && child != NULL;
	     child = child->next) {
		ret = decode_zone(decoder, path, child, &conf->zones[conf->zone_count++]);
	}
	if (ret != OK) {
		return ret;
	}
	conf->zones_by_name =
		index_new(decoder->arena, conf->zones, conf->zone_count, sizeof(conf->zones[0]));
	if (conf->zones_by_name == NULL) {
		return ERR_NOMEM;
	}
	static_assert(offsetof(struct conf_zone, name) == 0, "a zone begins with its name");
	const struct conf_zone *twice =
		(const struct conf_zone *)index_twice(conf->zones_by_name, conf->zone_count);
	if (twice != NULL) {
		return refuse(decoder, path, twice->line,
			      "a second zone %s; a name can be one zone only", twice->text);
	}
	return OK;
}
