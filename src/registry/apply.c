/*
 * Applying commands in the order of the log: the only place that writes names of registry zones.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/rrtype.h"
#include "registry/inside.h"

/* ---- marks of withdrawn names ------------------------------------------------------------ */

int remember_withdrawn(struct root_writer *writer, const uint8_t *apex, const struct node *old,
		       const struct parting *parting)
{
	struct content gone = {0};

	if (old != NULL) {
		node_content(old, &gone, NULL, 0);
	}
	if (gone.owner.kind != OWNER_KEY) {
		return OK;
	}
	const uint32_t stay_s = gone.key_lease_s > WITHDRAWN_S ? gone.key_lease_s : WITHDRAWN_S;
	const struct zone_mark mark = {
		.hash = !parting->frees && gone.key_lease_s > gone.lease_s ? ZONE_MARK_KEPT : 0,
		.signed_s = gone.signed_s > parting->signed_s ? gone.signed_s : parting->signed_s,
		.until_s = parting->time_s + stay_s,
	};
	return zone_set_mark(writer, apex, gone.name, &gone.owner, &mark, parting->time_s);
}

/* Has the name another owner afterwards, or none? */
static bool is_withdrawn(const struct plan_name *name)
{
	struct content before = {0};

	if (name->old != NULL && name->is_change) {
		node_content(name->old, &before, NULL, 0);
	}
	return before.owner.kind == OWNER_KEY && !owner_equal(&before.owner, &name->content.owner);
}

/* Lease and key lease of 0: the names, too, are given up (RFC 9665 3.2.5.5.1). */
static bool gives_up(const struct dns_lease *lease)
{
	return lease->present && lease->lease_s == 0 && !(lease->has_key && lease->key_lease_s > 0);
}

/* A name that another owner has now is kept for nobody. */
static int withdraw(struct root_writer *writer, const uint8_t *apex, const struct plan_name *name,
		    const struct parting *parting)
{
	struct parting how = *parting;

	how.frees = how.frees || name->content.owner.kind != OWNER_NONE;
	return remember_withdrawn(writer, apex, name->old, &how);
}

/* ---- hosts that wait for their last instance --------------------------------------------- */

static int remove_name(struct root_writer *writer, const uint8_t *apex, const uint8_t *name)
{
	const struct content gone = {.name = name};

	return zone_put(writer, apex, &gone);
}

/* A host whose lease is over goes with the last instance of its owner that points to it. */
static int release_host(struct root_writer *writer, const struct zone *zone, const uint8_t *host,
			const struct parting *parting)
{
	uint8_t name[DNS_NAME_MAX];
	struct content content;
	const struct node *node = zone_entry(zone, host);

	if (node == NULL || !dns_name_is_in(host, zone_apex(zone))) {
		return OK;
	}
	node_content(node, &content, NULL, 0);
	if ((content.flags & NAME_OVERDUE) == 0 || zone_pointers(zone, host, &content.owner) > 0) {
		return OK;
	}
	memcpy(name, content.name, dns_name_size(content.name));
	const int ret = remember_withdrawn(writer, zone_apex(zone), node, parting);
	return ret != OK ? ret : remove_name(writer, zone_apex(zone), name);
}

int targets_note(struct targets *targets, const struct node *old, struct arena *arena)
{
	struct content before;

	if (old == NULL) {
		return OK;
	}
	const size_t room = node_record_count(old);
	struct record *records = arena_calloc(arena, room + 1, sizeof(*records));
	if (records == NULL) {
		return ERR_NOMEM;
	}
	const size_t count = node_content(old, &before, records, room);
	for (size_t i = 0; i < count; i++) {
		if (records[i].type != DNS_TYPE_SRV) {
			continue;
		}
		struct target *target = arena_alloc(arena, sizeof(*target));
		if (target == NULL) {
			return ERR_NOMEM;
		}
		target->name = dns_srv_view(records[i].rdata).target;
		target->next = targets->first;
		targets->first = target;
	}
	return OK;
}

int targets_release(const struct targets *targets, struct root_writer *writer, const uint8_t *apex,
		    const struct parting *parting)
{
	const struct zone *zone =
		targets->first == NULL ? NULL : root_zone(root_draft(writer), apex);
	int ret = OK;

	for (const struct target *target = targets->first; ret == OK && target != NULL;
	     target = target->next) {
		ret = release_host(writer, zone, target->name, parting);
	}
	return ret;
}

/* ---- commands ---------------------------------------------------------------------------- */

static int apply_update(struct root_writer *writer, const uint8_t *command, size_t size,
			uint64_t version, uint64_t time_s, struct arena *arena,
			struct command_result *result, struct plan *plan)
{
	int ret =
		registry_evaluate(root_draft(writer), command, size, version, time_s, arena, plan);
	struct targets targets = {0};

	if (ret != OK) {
		return ret;
	}
	*result = plan->result;
	if (result->rcode != DNS_RCODE_NOERROR) {
		return OK;
	}
	const uint8_t *apex = zone_apex(plan->zone);
	const struct parting parting = {plan->signed_s, time_s, gives_up(&result->lease)};
	for (size_t i = 0; ret == OK && i < plan->count; i++) {
		const struct plan_name *name = &plan->names[i];
		if (is_withdrawn(name)) {
			ret = withdraw(writer, apex, name, &parting);
		}
		if (ret == OK && (name->is_change || name->is_renewed)) {
			ret = targets_note(&targets, name->old, arena);
			ret = ret != OK ? ret : zone_put(writer, apex, &name->content);
		}
	}
	if (ret == OK) {
		ret = targets_release(&targets, writer, apex, &parting);
	}
	if (ret == OK && plan->has_soa) {
		ret = zone_set_soa(writer, apex, &plan->soa);
	}
	return ret;
}

size_t records_keep(struct record *records, size_t count, uint8_t flag, bool has_it)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		if (((records[i].flags & flag) != 0) == has_it) {
			records[kept++] = records[i];
		}
	}
	return kept;
}

/*
 * The heartbeats of a lease are not in the log. The last came about a lease's length ago, so with
 * half of that a clock that is wrong by the other half neither lets a replay in nor shuts its
 * provider out.
 */
static uint64_t expiry_mark(const struct content *content, uint64_t time_s)
{
	const uint64_t half_s = content->lease_s / 2;

	return time_s > half_s ? time_s - half_s : 0;
}

static int expire_one(struct root_writer *writer, const struct command_expiry *expiry,
		      uint64_t time_s, struct arena *arena, bool *is_change)
{
	const struct zone *zone = root_zone(root_draft(writer), expiry->zone);
	const struct node *node = zone == NULL ? NULL : zone_entry(zone, expiry->name);
	struct targets targets = {0};
	struct content content;

	if (node == NULL || node_lease(node) == NULL) {
		return OK;
	}
	const size_t room = node_record_count(node);
	struct record *records = arena_calloc(arena, room + 1, sizeof(*records));
	if (records == NULL) {
		return ERR_NOMEM;
	}
	node_content(node, &content, records, room);
	if (content.version != expiry->version) {
		return OK; /* renewed or changed since */
	}
	const enum name_role role = zone_role(zone, content.name);
	if (role != ROLE_INSTANCE && zone_pointers(zone, content.name, &content.owner) > 0) {
		content.flags |= NAME_OVERDUE;
		return zone_put(writer, zone_apex(zone), &content);
	}
	*is_change = true;
	if (zone_role_is_shared(role)) {
		content.count = records_keep(records, content.count, RECORD_LEASED, false);
		content.lease_s = 0;
		content.key_lease_s = 0;
		return zone_put(writer, zone_apex(zone), &content);
	}
	const struct parting parting = {expiry_mark(&content, time_s), time_s, false};
	int ret = remember_withdrawn(writer, expiry->zone, node, &parting);
	if (ret == OK) {
		ret = targets_note(&targets, node, arena);
	}
	if (ret == OK) {
		ret = remove_name(writer, expiry->zone, content.name);
	}
	return ret != OK ? ret : targets_release(&targets, writer, expiry->zone, &parting);
}

static int apply_expire(struct root_writer *writer, const uint8_t *command, size_t size,
			uint64_t time_s, struct arena *arena, struct command_result *result)
{
	struct buf_reader reader;
	uint16_t count;
	int ret = command_read_expire(&reader, &count, command, size);

	for (; ret == OK && count > 0; count--) {
		struct command_expiry expiry;
		ret = command_read_expiry(&reader, &expiry);
		if (ret == OK) {
			ret = expire_one(writer, &expiry, time_s, arena, &result->is_change);
		}
	}
	return ret;
}

static int apply_retire(struct root_writer *writer, const uint8_t *command, size_t size,
			struct command_result *result)
{
	const uint8_t *zone;
	int ret = command_read_retire(&zone, command, size);

	if (ret == OK) {
		ret = zone_set_served(writer, zone, false);
		result->is_change = ret == OK;
		/* A base that comes later is always news. */
		ret = ret == OK ? zone_set_base_hash(writer, zone, 0) : ret;
	}
	return ret == ERR_NOTFOUND ? OK : ret;
}

int registry_apply(struct root_writer *writer, const uint8_t *command, size_t size,
		   uint64_t version, uint64_t time_s, struct arena *arena,
		   struct command_result *result, struct plan *plan)
{
	*result = (struct command_result){0};
	*plan = (struct plan){0};
	switch (command_kind(command, size)) {
	case COMMAND_UPDATE:
		return apply_update(writer, command, size, version, time_s, arena, result, plan);
	case COMMAND_BASE:
		return apply_base(writer, command, size, version, time_s, arena, result, plan);
	case COMMAND_EXPIRE:
		return apply_expire(writer, command, size, time_s, arena, result);
	case COMMAND_RETIRE:
		return apply_retire(writer, command, size, result);
	case COMMAND_IMPORT:
		return apply_import(writer, command, size, version, time_s, arena, result);
	case COMMAND_OPERATOR:
		return apply_operator(writer, command, size, time_s, arena, result);
	default:
		return ERR_DAMAGED;
	}
}

int registry_apply_batch(struct root_writer *writer, uint64_t index, const uint8_t *entry,
			 size_t size, struct arena *arena, registry_result_fn each, void *context)
{
	struct command_batch batch;
	int ret = command_read_batch(&batch, entry, size);

	for (uint32_t i = 0; ret == OK && i < batch.count; i++) {
		const uint64_t version = index << 20 | i;
		struct command_result result;
		struct plan plan;
		const uint8_t *command;
		size_t command_size;
		ret = command_read_next(&batch.commands, &command, &command_size);
		if (ret != OK) {
			break;
		}
		arena_reset(arena);
		ret = registry_apply(writer, command, command_size, version, batch.time_s, arena,
				     &result, &plan);
		if (ret == OK && each != NULL) {
			each(context, i, &result, &plan);
		}
	}
	return ret;
}
