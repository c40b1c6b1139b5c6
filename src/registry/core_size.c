/*
 * Types that grow over a limit: answer-max, from where on a client is shown a part, and the 100
 * records at which BIND stops. One line of the log when a type crosses one of them, and a counter.
 *
 * The delta of a commit has the types that grew. Where it is too large to be kept, and where
 * answer-max itself has changed, all types of the zone are looked at.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "dns/types.h"
#include "registry/core_inside.h"

#define LINES 10 /* a second */
#define BIND_MAX 100 /* its max-records-per-type, unless it is told otherwise */

struct growth {
	struct core *core;
	const struct zone *before; /* NULL: there was none */
	const struct zone *after;
	uint32_t added; /* at most so many members, with the limits as they were; else UINT32_MAX */
};

static uint32_t limit_of(const struct zone *zone)
{
	return zone == NULL ? 0 : zone_shape(zone)->answer_max;
}

static void say(const struct growth *growth, const uint8_t *type, uint32_t size, const char *what,
		uint32_t limit)
{
	struct core *core = growth->core;
	char text[DNS_NAME_TEXT_MAX];
	char quoted[DNS_NAME_TEXT_MAX];
	uint32_t left_out;

	counter_add(&core->counters.outgrown, 1);
	if (!log_may(&core->growth_limit, clock_mono_ms(), LINES, &left_out)) {
		return;
	}
	dns_name_to_text(text, type);
	log_line(LOG_LEVEL_WARNING, what,
		 "type=%s members=%" PRIu32 " limit=%" PRIu32 " left_out=%" PRIu32,
		 log_quote(quoted, sizeof(quoted), text), size, limit, left_out);
}

static void look(const struct growth *growth, const uint8_t *type)
{
	const uint32_t limit = limit_of(growth->after);
	const uint32_t limit_before = limit_of(growth->before);
	const uint32_t size = zone_type_size(growth->after, type);
	uint32_t before;

	if (size <= limit && size <= BIND_MAX) {
		return;
	}
	if (growth->added < size && size - growth->added > limit &&
	    size - growth->added > BIND_MAX) {
		return; /* it was over both before */
	}
	before = growth->before == NULL ? 0 : zone_type_size(growth->before, type);
	if (size > limit && (before <= limit_before || growth->before == NULL)) {
		say(growth, type, size, "a type is larger than answer-max", limit);
	}
	if (size > BIND_MAX && before <= BIND_MAX && limit != BIND_MAX) {
		say(growth, type, size, "a type is larger than what BIND takes", BIND_MAX);
	}
}

static void look_at_all(const struct growth *growth)
{
	uint8_t scratch[SET_SCRATCH];
	struct set_walk walk;
	struct set types;
	uint16_t size;

	if (!zone_types(growth->after, &types)) {
		return;
	}
	set_walk_start(&walk, &types, 0);
	for (uint32_t i = 0; i < types.count; i++) {
		look(growth, set_rdata(&types, set_walk_next(&walk), scratch, &size));
	}
}

static void look_at_delta(struct growth *growth, const struct delta *delta)
{
	const size_t labels = dns_name_labels(zone_apex(growth->after)) + 2;
	const uint8_t *last = NULL; /* that was looked at */

	growth->added = delta->added;
	for (uint32_t i = delta->removed; i < delta->removed + delta->added; i++) {
		const struct delta_rr *rr = &delta->rrs[i];

		if ((rr->type != DNS_TYPE_PTR && rr->type != DNS_TYPE_SRV) ||
		    dns_name_labels(rr->name) != labels ||
		    (last != NULL && dns_name_equal(last, rr->name))) {
			continue;
		}
		last = rr->name;
		if (zone_role(growth->after, last) == ROLE_TYPE) {
			look(growth, last);
		}
	}
}

static void look_at_zone(struct growth *growth)
{
	const struct zone *before = growth->before;
	const struct zone *after = growth->after;
	const struct delta *delta = zone_delta(after, 0);

	if (before == NULL || limit_of(before) != limit_of(after) || delta == NULL ||
	    delta->serial_to != zone_serial(after)) {
		look_at_all(growth);
	} else {
		look_at_delta(growth, delta);
	}
}

static void look_from(struct core *core, const struct root *before, const struct zone *after)
{
	struct growth growth = {
		.core = core,
		.added = UINT32_MAX,
		.before = before == NULL ? NULL : root_zone(before, zone_apex(after)),
		.after = after,
	};

	if (zone_is_registry(after) && growth.before != after) {
		look_at_zone(&growth);
	}
}

void core_note_change(struct core *core, const struct zone *zone)
{
	struct changed_zones *changed = &core->changed;

	for (size_t i = 0; zone != NULL && i < changed->count && i < CHANGED_ZONES; i++) {
		if (dns_name_equal(changed->apex[i], zone_apex(zone))) {
			return;
		}
	}
	if (zone == NULL || changed->count >= CHANGED_ZONES) {
		changed->count = CHANGED_ZONES + 1;
		return;
	}
	memcpy(changed->apex[changed->count++], zone_apex(zone), dns_name_size(zone_apex(zone)));
}

void core_look_at_sizes(struct core *core, const struct root *before)
{
	const struct root *after = reclaim_root(core->reclaim);
	const struct changed_zones *changed = &core->changed;
	const struct zone *zone;
	size_t at = 0;

	for (size_t i = 0; changed->count <= CHANGED_ZONES && i < changed->count; i++) {
		zone = root_zone(after, changed->apex[i]);
		if (zone != NULL) {
			look_from(core, before, zone);
		}
	}
	while (changed->count > CHANGED_ZONES && (zone = root_next_zone(after, &at)) != NULL) {
		look_from(core, before, zone);
	}
	core->changed.count = 0;
}
