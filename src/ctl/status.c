/*
 * `status`: what runs here, and what is registered. It reads a root that it holds for as long, and
 * asks core and net for what they have counted. The list of instances is bounded: a registry of a
 * million has other ways to be looked at.
 */
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "ctl/inside.h"
#include "dns/types.h"
#include "zone/zone.h"

#define INSTANCES_MAX 10000 /* listed in one answer, all zones together */
#define PROTECTED_MAX 100 /* types listed */
#define LARGE_MAX 1000 /* types listed of a zone */
#define BIND_MAX 100 /* its max-records-per-type */

/* The instances of one zone, in the order of their names once they are all here. */
struct instances {
	const struct node **nodes;
	size_t count;
	size_t room;
	size_t limit;
	size_t left_out;
	size_t published;
	size_t hosts;
};

/* ---- a zone ------------------------------------------------------------------------------ */

static int collect(void *context, const struct zone *zone, const struct node *node)
{
	const enum name_role role = zone_role(zone, node_name(node));
	struct instances *all = context;
	const struct node **nodes;

	if (role != ROLE_INSTANCE) {
		/* The pool subtree has addresses too, derived ones. */
		all->hosts += role == ROLE_PLAIN && (node_has_type(zone, node, DNS_TYPE_A) ||
						     node_has_type(zone, node, DNS_TYPE_AAAA));
		return OK;
	}
	if (zone_entry(zone, node_name(node)) == NULL) {
		return OK; /* only names below it have records */
	}
	all->published += node_is_published(zone, node);
	if (all->count == all->limit) {
		all->left_out++;
		return OK;
	}
	if (all->count == all->room) {
		all->room = all->room == 0 ? 64 : all->room * 2;
		nodes = realloc(all->nodes, all->room * sizeof(struct node *));
		if (nodes == NULL) {
			return ERR_NOMEM;
		}
		all->nodes = nodes;
	}
	all->nodes[all->count++] = node;
	return OK;
}

static int compare_nodes(const void *one, const void *other)
{
	return dns_name_compare(node_name(*(const struct node *const *)one),
				node_name(*(const struct node *const *)other));
}

static json_t *list_instances(const struct zone *zone, const struct instances *all,
			      const struct core_moment *now)
{
	json_t *list = json_array();

	if (all->count > 0) {
		qsort(all->nodes, all->count, sizeof(struct node *), compare_nodes);
	}
	for (size_t i = 0; list != NULL && i < all->count; i++) {
		if (json_array_append_new(list, describe_instance(zone, all->nodes[i], now)) != 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

/*
 * Types of which clients are shown a part, or that are more than BIND takes for a set; NULL: no
 * memory.
 */
static json_t *list_large(const struct zone *zone)
{
	const uint32_t answer_max = zone_shape(zone)->answer_max;
	const uint32_t limit = answer_max < BIND_MAX ? answer_max : BIND_MAX;
	json_t *list = json_array();
	uint8_t scratch[SET_SCRATCH];
	struct set_walk walk;
	struct set types;

	if (list == NULL || !zone_types(zone, &types)) {
		return list;
	}
	set_walk_start(&walk, &types, 0);
	for (uint32_t i = 0; i < types.count && json_array_size(list) < LARGE_MAX; i++) {
		uint16_t size;
		const uint8_t *type = set_rdata(&types, set_walk_next(&walk), scratch, &size);
		const uint32_t members = zone_type_size(zone, type);
		char name[DNS_NAME_TEXT_MAX];

		if (members > limit &&
		    json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "type",
							  dns_name_to_text(name, type), "members",
							  (json_int_t)members, "answer_max",
							  (json_int_t)answer_max)) != 0) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

/* *left: how many instances may still be listed. */
static json_t *describe_zone(const struct zone *zone, const struct core_moment *now, size_t *left)
{
	struct instances all = {.limit = *left};
	const bool is_registry = zone_is_registry(zone);
	char name[DNS_NAME_TEXT_MAX];
	json_t *out = NULL;

	dns_name_to_text(name, zone_apex(zone));
	if (!is_registry || zone_walk(zone, collect, &all) == OK) {
		out = json_pack("{s:s, s:s, s:I, s:b, s:I, s:I, s:I, s:I, s:o, s:o}", "name", name,
				"kind", is_registry ? "registry" : "static", "serial",
				(json_int_t)zone_serial(zone), "served",
				zone_is_served(zone) ? 1 : 0, "published",
				(json_int_t)all.published, "hosts", (json_int_t)all.hosts, "leases",
				(json_int_t)zone_lease_count(zone), "left_out",
				(json_int_t)all.left_out, "large", list_large(zone), "instances",
				list_instances(zone, &all, now));
		*left -= all.count;
	}
	free(all.nodes);
	return out;
}

static int compare_zones(const void *one, const void *other)
{
	return dns_name_compare(zone_apex(*(const struct zone *const *)one),
				zone_apex(*(const struct zone *const *)other));
}

static json_t *describe_zones(const struct root *root, const struct core_moment *now)
{
	const size_t room = root_zone_count(root);
	const struct zone **zones = calloc(room + 1, sizeof(struct zone *));
	json_t *list = zones == NULL ? NULL : json_array();
	size_t left = INSTANCES_MAX;
	size_t count = 0;
	size_t at = 0;

	while (zones != NULL && count < room &&
	       (zones[count] = root_next_zone(root, &at)) != NULL) {
		count++;
	}
	if (count > 0) {
		qsort(zones, count, sizeof(struct zone *), compare_zones);
	}
	for (size_t i = 0; list != NULL && i < count; i++) {
		if (json_array_append_new(list, describe_zone(zones[i], now, &left)) != 0) {
			json_decref(list);
			list = NULL;
		}
	}
	free(zones);
	return list;
}

/* ---- the server -------------------------------------------------------------------------- */

/* The types that are protected against mass expiry; NULL: no memory. */
static json_t *list_protected(struct core *core, uint64_t now_ms)
{
	struct core_guarded *types = calloc(PROTECTED_MAX, sizeof(*types));
	json_t *list = types == NULL ? NULL : json_array();
	const size_t count = list == NULL ? 0 : core_guarded(core, types, PROTECTED_MAX);

	for (size_t i = 0; i < count; i++) {
		char name[DNS_NAME_TEXT_MAX];

		if (json_array_append_new(
			    list, json_pack("{s:s, s:I, s:I, s:I}", "type",
					    dns_name_to_text(name, types[i].type), "instances",
					    (json_int_t)types[i].instances, "kept",
					    (json_int_t)types[i].kept, "for_s",
					    (json_int_t)((now_ms - types[i].since_ms) / 1000))) !=
		    0) {
			json_decref(list);
			list = NULL;
			break;
		}
	}
	free(types);
	return list;
}

static json_t *list_addresses(const struct net *net)
{
	json_t *list = json_array();
	const char *address;

	for (size_t i = 0; list != NULL && (address = net_address(net, i)) != NULL; i++) {
		if (json_array_append_new(list, json_string(address)) != 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

int status_run(const struct ctl_options *options, const json_t *request, json_t *reply)
{
	const struct root *root = core_hold(options->core);
	struct core_moment now;
	json_t *all = NULL;
	int ret = ERR_NOMEM;

	(void)request;
	if (root == NULL) {
		return ERR_NOMEM;
	}
	core_moment(options->core, &now);
	all = json_pack(
		"{s:s, s:I, s:o, s:I, s:o, s:o, s:o, s:o}", "version", options->version, "uptime_s",
		(json_int_t)((now.now_ms - options->start_ms) / 1000), "listen",
		list_addresses(options->net), "log_index", (json_int_t)root_index(root), "core",
		metrics_group(options, "core"), "net", metrics_group(options, "net"), "protected",
		list_protected(options->core, now.now_ms), "zones", describe_zones(root, &now));
	if (all != NULL && json_object_update(reply, all) == 0) {
		ret = OK;
	}
	json_decref(all);
	core_release(options->core, root);
	return ret;
}
