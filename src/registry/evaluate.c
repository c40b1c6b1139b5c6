/*
 * Evaluating an UPDATE: what each touched name would become (RFC 2136 3.2 to 3.4, design 6 and 7).
 *
 *   1. the zone                                       check_zone()
 *   2. prerequisites                                  prereq.c
 *   3. the lease granted                              grant.c
 *   4. each change in order, upon a draft (draft.c)   change.c
 *   5. each name to its end: lease, owner, change?    finish.c
 *
 * The first refusal ends it, and nothing of the plan is written then. Pure: the same root and
 * command give the same plan on every node.
 */
#include <stdio.h>

#include "base/err.h"
#include "registry/inside.h"

int result_refuse(struct command_result *result, uint16_t rcode, uint16_t ede, const char *format,
		  ...)
{
	va_list arguments;

	va_start(arguments, format);
	command_refuse(result, rcode, ede, format, arguments);
	va_end(arguments);
	return REFUSAL;
}

static int check_zone(struct plan *plan)
{
	if (plan->zone == NULL) {
		plan->result.rcode = DNS_RCODE_NOTAUTH;
		return REFUSAL;
	}
	if (!zone_is_registry(plan->zone)) {
		return result_refuse(&plan->result, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED,
				     "a static zone takes no updates");
	}
	if (!zone_is_served(plan->zone)) {
		return result_refuse(&plan->result, DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY,
				     "the zone is not in service");
	}
	return OK;
}

int registry_evaluate_parts(const struct zone *zone, const struct registry_update *parts,
			    uint64_t version, uint64_t time_s, struct arena *arena,
			    struct plan *plan)
{
	struct evaluation evaluation = {
		.update = *parts->head,
		.prereqs = parts->prereqs,
		.changes = parts->changes,
		.roles = parts->roles,
		.arena = arena,
		.plan = plan,
		.version = version,
		.time_s = time_s,
	};

	*plan = (struct plan){.zone = zone, .owner = evaluation.update.owner};
	evaluation.drafts_end = &evaluation.drafts;
	/*
	 * RFC 8945 5.2.3 would have the signing time alone. But a clock ahead of ours must not shut
	 * out another machine with the same key, nor its own once it was set right: its heartbeats
	 * would be refused until its leases are over. The price: what it signed can be replayed for
	 * as long as it is ahead, which is the fudge at most.
	 */
	plan->signed_s = evaluation.update.signed_s < time_s ? evaluation.update.signed_s : time_s;
	int ret = check_zone(plan);
	if (ret == OK) {
		ret = check_prereqs(&evaluation);
	}
	if (ret == OK) {
		ret = grant(&evaluation);
	}
	if (ret == OK) {
		ret = apply_changes(&evaluation);
	}
	if (ret == OK) {
		ret = finish(&evaluation);
	}
	if (ret == REFUSAL) {
		plan->count = 0;
		plan->has_soa = false;
		plan->result.is_change = false;
		plan->result.lease = (struct dns_lease){0};
		return OK;
	}
	return ret;
}

int registry_evaluate(const struct root *root, const uint8_t *command, size_t size,
		      uint64_t version, uint64_t time_s, struct arena *arena, struct plan *plan)
{
	struct command_update update;
	int ret = command_read_update_head(&update, command, size);

	*plan = (struct plan){0};
	if (ret != OK) {
		return ret;
	}
	struct command_prereq *prereqs =
		arena_calloc(arena, update.prereq_count + 1u, sizeof(*prereqs));
	struct command_change *changes =
		arena_calloc(arena, update.update_count + 1u, sizeof(*changes));
	enum name_role *roles = arena_calloc(arena, update.update_count + 1u, sizeof(*roles));
	if (prereqs == NULL || changes == NULL || roles == NULL) {
		return ERR_NOMEM;
	}
	ret = command_read_update_records(&update, prereqs, changes);
	if (ret != OK) {
		return ret;
	}
	const struct zone *zone = root_zone(root, update.zone);
	for (size_t i = 0; zone != NULL && i < update.update_count; i++) {
		roles[i] = zone_role(zone, changes[i].name);
	}
	const struct registry_update parts = {&update, prereqs, changes, roles};
	return registry_evaluate_parts(zone, &parts, version, time_s, arena, plan);
}

bool registry_beat(const struct plan *plan, uint64_t now_ms)
{
	if (plan->result.rcode != DNS_RCODE_NOERROR || plan->result.is_change) {
		return false;
	}
	for (size_t i = 0; i < plan->count; i++) {
		const struct plan_name *name = &plan->names[i];
		if (!name->is_renewed) {
			continue;
		}
		struct lease *lease = node_lease(name->old);
		if (lease == NULL || !lease_renew(lease, now_ms)) {
			return false;
		}
	}
	return true;
}
