/*
 * `show`: one name with all that it holds: what was put for it, by whom and for how long, and what
 * follows from instances. Of the records RECORDS_MAX are told; a type with more is had by `list`.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "ctl/inside.h"
#include "dns/rrtype.h"
#include "dns/types.h"

#define RECORDS_MAX 1000

/* The records of one name, as JSON. */
struct records {
	json_t *list;
	size_t left_out;
	struct record *said; /* what was put */
	size_t said_count;
};

static int add_record(struct records *all, uint16_t type, uint32_t ttl, const uint8_t *rdata,
		      uint16_t size, const char *origin)
{
	json_t *record;

	if (json_array_size(all->list) >= RECORDS_MAX) {
		all->left_out++;
		return OK;
	}
	record = describe_record(type, ttl, rdata, size);
	if (record == NULL || json_object_set_new(record, "origin", json_string(origin)) != 0) {
		json_decref(record);
		return ERR_NOMEM;
	}
	return json_array_append_new(all->list, record) == 0 ? OK : ERR_NOMEM;
}

/* What was put, in the order in which it is kept. */
static int add_said(struct records *all, const struct node *node)
{
	const size_t room = node_record_count(node);
	struct content content;
	int ret = OK;

	all->said = calloc(room + 1, sizeof(*all->said));
	if (all->said == NULL) {
		return ERR_NOMEM;
	}
	all->said_count = node_content(node, &content, all->said, room);
	for (size_t i = 0; ret == OK && i < all->said_count; i++) {
		const struct record *record = &all->said[i];

		ret = add_record(all, record->type, record->ttl, record->rdata, record->size,
				 content.owner.kind == OWNER_BASE ||
						 (record->flags & RECORD_BASE) != 0
					 ? "base"
					 : "registered");
	}
	return ret;
}

static bool is_said(const struct records *all, uint16_t type, const uint8_t *rdata, uint16_t size)
{
	for (size_t i = 0; i < all->said_count; i++) {
		const struct record *record = &all->said[i];

		if (record->type == type &&
		    dns_rdata_equal(type, record->rdata, record->size, rdata, size)) {
			return true;
		}
	}
	return false;
}

static int add_derived_set(struct records *all, const struct set *set)
{
	uint8_t scratch[SET_SCRATCH];
	struct set_walk walk;
	const void *member;
	uint32_t seen = 0;
	int ret = OK;

	set_walk_start(&walk, set, 0);
	while (ret == OK && seen < set->count && json_array_size(all->list) < RECORDS_MAX &&
	       (member = set_walk_next(&walk)) != NULL) {
		uint16_t size;
		const uint8_t *rdata = set_rdata(set, member, scratch, &size);

		seen++;
		if (!is_said(all, set->type, rdata, size)) {
			ret = add_record(all, set->type, set->ttl, rdata, size, "derived");
		}
	}
	all->left_out += set->count - seen;
	return ret;
}

static int add_derived(struct records *all, const struct zone *zone, const struct node *node)
{
	uint8_t scratch[SET_SCRATCH];
	struct set set;
	uint64_t at = 0;
	int ret = OK;

	while (ret == OK && node_next_set(zone, node, &at, &set)) {
		if (set_is_walked(&set)) {
			ret = add_derived_set(all, &set);
		} else if (set.type == DNS_TYPE_SOA) {
			uint16_t size;
			const uint8_t *rdata = set_member(&set, 0, scratch, &size);

			ret = add_record(all, set.type, set.ttl, rdata, size, "zone");
		}
	}
	return ret;
}

static const char *role_text(const struct zone *zone, const uint8_t *name)
{
	static const char *const texts[] = {
		[ROLE_PLAIN] = "name",
		[ROLE_APEX] = "apex",
		[ROLE_TYPE] = "type",
		[ROLE_SUBTYPE] = "subtype",
		[ROLE_INSTANCE] = "instance",
		[ROLE_SERVICES] = "list of types",
		[ROLE_POOL] = "addresses of a pool",
	};

	return texts[zone_role(zone, name)];
}

static json_t *list_subtypes(const struct content *content)
{
	json_t *list = json_array();
	uint16_t at = 0;

	while (list != NULL && at < content->subtypes_size) {
		const uint8_t size = content->subtypes[at];
		uint8_t label[DNS_LABEL_MAX + 2] = {0};
		char text[DNS_NAME_TEXT_MAX];

		memcpy(label, content->subtypes + at, size + 1u);
		dns_name_to_text(text, label);
		text[strlen(text) - 1] = '\0';
		at = (uint16_t)(at + size + 1);
		if (json_array_append_new(list, json_string(text)) != 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

/* What only names that something was put for have. */
static int add_registration(json_t *reply, const struct zone *zone, const struct node *entry,
			    const struct core_moment *now)
{
	const bool is_instance =
		zone_is_registry(zone) && zone_role(zone, node_name(entry)) == ROLE_INSTANCE;
	struct content content;
	json_t *one =
		is_instance ? describe_instance(zone, entry, now) : describe_holding(entry, now);
	int ret = one != NULL && json_object_update(reply, one) == 0 ? OK : ERR_NOMEM;

	json_decref(one);
	(void)node_content(entry, &content, NULL, 0);
	one = json_pack("{s:o, s:o, s:I, s:o, s:b}", "registered", describe_time(content.changed_s),
			"key_lease_s",
			content.key_lease_s == 0 ? json_null() : json_integer(content.key_lease_s),
			"version", (json_int_t)content.version, "subtypes", list_subtypes(&content),
			"overdue", (content.flags & NAME_OVERDUE) != 0);
	if (one == NULL || json_object_update(reply, one) != 0) {
		ret = ERR_NOMEM;
	}
	json_decref(one);
	return ret;
}

static int show(json_t *reply, const struct zone *zone, const uint8_t *name,
		const struct core_moment *now)
{
	const struct node *entry = zone_entry(zone, name);
	const struct node *node = zone_node(zone, name);
	struct records all = {.list = json_array()};
	json_t *head = json_pack("{s:o, s:o, s:s}", "name",
				 describe_name(node_name(entry != NULL ? entry : node)), "zone",
				 describe_name(zone_apex(zone)), "role", role_text(zone, name));
	int ret = all.list != NULL && head != NULL && json_object_update(reply, head) == 0
			  ? OK
			  : ERR_NOMEM;

	json_decref(head);
	if (ret == OK && entry != NULL) {
		ret = add_registration(reply, zone, entry, now);
	}
	if (ret == OK && entry != NULL) {
		ret = add_said(&all, entry);
	}
	if (ret == OK && node != NULL) {
		ret = add_derived(&all, zone, node);
	}
	if (ret == OK &&
	    (json_object_set(reply, "records", all.list) != 0 ||
	     json_object_set_new(reply, "left_out", json_integer((json_int_t)all.left_out)) != 0)) {
		ret = ERR_NOMEM;
	}
	json_decref(all.list);
	free(all.said);
	return ret;
}

int show_name(const struct ctl_options *options, const json_t *request, json_t *reply, show_fn more)
{
	const struct root *root = core_hold(options->core);
	const struct zone *zone;
	uint8_t name[DNS_NAME_MAX];
	int ret = root == NULL ? ERR_NOMEM : ctl_find_name(root, request, reply, name, &zone);

	if (ret == OK && zone_entry(zone, name) == NULL && zone_node(zone, name) == NULL) {
		char text[DNS_NAME_TEXT_MAX];

		const struct owner nobody = {.kind = OWNER_NONE};
		const uint64_t kept_s = zone_kept(zone, name, &nobody, clock_wall_s());

		ret = ctl_refuse(reply, CTL_NOT_FOUND,
				 kept_s > 0 ? "there is nothing at %.500s, which is kept for the "
					      "key that had it"
					    : "there is nothing at %.500s",
				 dns_name_to_text(text, name));
	} else if (ret == OK) {
		struct core_moment now;

		core_moment(options->core, &now);
		ret = show(reply, zone, name, &now);
		ret = ret == OK && more != NULL ? more(options, reply, root, zone, name) : ret;
	}
	if (root != NULL) {
		core_release(options->core, root);
	}
	return ret == ERR_FORMAT ? OK : ret; /* it is refused */
}

int show_run(const struct ctl_options *options, const json_t *request, json_t *reply)
{
	return show_name(options, request, reply, NULL);
}
