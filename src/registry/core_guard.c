/*
 * The core's side of the protection against mass expiry: which leases count, which stay, what the
 * log says. It keeps leases from being proposed; what was proposed, apply ends as ever.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/random.h"
#include "registry/core_inside.h"

#define SWEEP_MS 1000

/* ---- which type ---------------------------------------------------------------------------- */

/* The type of the instance that has this lease; NULL: it is no instance's. */
static const uint8_t *type_of(const struct core *core, const struct lease *lease,
			      const struct zone **zone, const struct node **node)
{
	*node = root_lease_node(reclaim_root(core->reclaim), lease, zone);
	if (*node == NULL || zone_role(*zone, node_name(*node)) != ROLE_INSTANCE) {
		return NULL;
	}
	return zone_type_of(ROLE_INSTANCE, node_name(*node));
}

static uint32_t size_of(void *context, const uint8_t *name)
{
	const struct core *core = context;
	const struct zone *zone = root_zone_for(reclaim_root(core->reclaim), name);

	return zone == NULL ? 0 : zone_type_size(zone, name);
}

/* ---- beginning and end --------------------------------------------------------------------- */

static void show_counts(struct core *core)
{
	counter_set(&core->counters.guarded_types, core->guard.holding);
	counter_set(&core->counters.guarded_leases, core->guard.held);
	counter_set(&core->counters.guards, core->guard.begun);
}

static void say(void *context, const struct guard_type *type)
{
	char text[DNS_NAME_TEXT_MAX];
	char quoted[DNS_NAME_TEXT_MAX];

	(void)context;
	log_quote(quoted, sizeof(quoted), dns_name_to_text(text, type->name));
	if (type->state == GUARD_HOLDING) {
		log_line(LOG_LEVEL_WARNING, "protection against mass expiry begins",
			 "type=%s instances=%" PRIu32 " term_s=%" PRIu32, quoted, type->size,
			 type->term_s);
	} else {
		const char *why = type->is_given_up ? "an operator says that they are gone"
				  : type->state == GUARD_SPENT ? "its time is over"
				  : type->size == 0            ? "all are withdrawn"
							       : "they beat again";

		log_line(LOG_LEVEL_WARNING, "protection against mass expiry ends",
			 "type=%s instances=%" PRIu32 " over=%" PRIu32 " reason=\"%s\"", quoted,
			 type->size, type->held, why);
	}
}

/* ---- what is due --------------------------------------------------------------------------- */

/* A kept lease was renewed, or is dropped; the newest root has it still. */
static void back(void *context, struct lease *lease, bool is_renewed)
{
	struct core *core = context;
	const struct zone *zone;
	const struct node *node;
	const uint8_t *type = type_of(core, lease, &zone, &node);

	guard_back(&core->guard, type == NULL ? NULL : guard_find(&core->guard, type), is_renewed);
	show_counts(core);
}

void core_guard_init(struct core *core)
{
	guard_init(&core->guard, random_u64());
	core->leases.back = back;
	core->leases.context = core;
}

static struct guard_type *note_due(struct core *core, const struct lease *lease, uint64_t now_ms)
{
	const struct zone *zone;
	const struct node *node;
	const uint8_t *type = type_of(core, lease, &zone, &node);

	if (type == NULL || !node_is_published(zone, node)) {
		return NULL;
	}
	if (lease->is_kept) {
		return guard_find(&core->guard, type);
	}
	return guard_due(&core->guard, type, zone_type_size(zone, type), lease->lease_s, now_ms,
			 say, core);
}

static void keep(struct core *core, struct lease *lease, struct guard_type *type, uint64_t now_ms)
{
	if (!lease->is_kept) {
		guard_keep(&core->guard, type);
	}
	leases_keep(&core->leases, lease, now_ms, guard_again_ms(type));
}

size_t core_guard(struct core *core, size_t count, uint64_t now_ms)
{
	size_t left = 0;

	/* First all are counted: they are one crowd. */
	for (size_t i = 0; i < count; i++) {
		core->due_types[i] = note_due(core, core->due[i], now_ms);
	}
	for (size_t i = 0; i < count; i++) {
		struct guard_type *type = core->due_types[i];

		if (type != NULL && type->state == GUARD_HOLDING) {
			keep(core, core->due[i], type, now_ms);
			continue;
		}
		if (type != NULL) {
			guard_let_go(type);
		}
		core->due[left++] = core->due[i];
	}
	if (count > 0) {
		show_counts(core);
	}
	return left;
}

void core_guard_sweep(struct core *core, uint64_t now_ms)
{
	if (now_ms - core->swept_ms < SWEEP_MS) {
		return;
	}
	core->swept_ms = now_ms;
	guard_sweep(&core->guard, now_ms, size_of, say, core);
	show_counts(core);
}

bool core_guard_end(struct core *core, const uint8_t *name, bool is_confirmed, uint32_t *kept)
{
	struct guard_type *type = guard_held(&core->guard, name);

	if (type == NULL) {
		return false;
	}
	*kept = type->held;
	if (is_confirmed) {
		guard_give_up(&core->guard, type, clock_mono_ms(), say, core);
		show_counts(core);
	}
	return true;
}

size_t core_guard_list(const struct core *core, struct core_guarded *out, size_t room)
{
	const struct guard_type *type;
	size_t count = 0;
	size_t at = 0;

	while (count < room && (type = map_next(&core->guard.types, &at)) != NULL) {
		if (type->state == GUARD_HOLDING) {
			out[count] = (struct core_guarded){.instances = type->size,
							   .kept = type->held,
							   .since_ms = type->since_ms};
			memcpy(out[count++].type, type->name, type->name_size);
		}
	}
	return count;
}
