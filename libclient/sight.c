/*
 * Looking: fresh is used; what is not fresh is asked for, unless that failed of late or nothing
 * can be asked any more; then what is stale is used (RFC 8767), and what is unknown has failed.
 */
#include "libclient/sight.h"

#include <string.h>

#include "libclient/error.h"

void wgl_sight_begin(struct wgl_sight *sight)
{
	sight->is_resigned = false;
	sight->need_count = 0;
	sight->mark = WAGGLE_FRESH;
	sight->said_ms = sight->now_ms;
	sight->fresh_ms = UINT64_MAX;
	sight->hold_ms = UINT64_MAX;
	sight->has_failed = false;
	wgl_error_clear(&sight->failure);
}

bool wgl_is_new(const struct wgl_sight *sight, const struct wgl_rrset *set)
{
	return !set->is_from_snapshot && set->said_number > sight->since;
}

static bool is_current(const struct wgl_sight *sight, const struct wgl_rrset *set)
{
	return wgl_is_new(sight, set) || (!sight->is_refresh && sight->now_ms < set->fresh_ms);
}

static enum waggle_mark mark_of(const struct wgl_sight *sight, const struct wgl_rrset *set)
{
	if (set->is_from_snapshot) {
		return WAGGLE_SNAPSHOT;
	}
	return set->is_stale || (sight->now_ms >= set->fresh_ms && !wgl_is_new(sight, set))
		       ? WAGGLE_STALE
		       : WAGGLE_FRESH;
}

static void note_use(struct wgl_sight *sight, const struct wgl_rrset *set)
{
	const enum waggle_mark mark = mark_of(sight, set);

	sight->mark = mark > sight->mark ? mark : sight->mark;
	sight->said_ms = set->said_ms < sight->said_ms ? set->said_ms : sight->said_ms;
	if (mark == WAGGLE_FRESH && set->fresh_ms < sight->fresh_ms) {
		sight->fresh_ms = set->fresh_ms;
	}
}

/* What a server said tells more than silence. */
static void note_failure(struct wgl_sight *sight, const struct waggle_error *failure)
{
	if (failure != NULL && (sight->failure.code == WAGGLE_OK ||
				(sight->failure.rcode == WAGGLE_NO_CODE &&
				 failure->rcode != WAGGLE_NO_CODE))) {
		sight->failure = *failure;
	}
}

static bool can_ask(const struct wgl_sight *sight, const struct wgl_found *found)
{
	const bool is_held =
		found->is_held && !(sight->is_refresh && found->fail_number <= sight->since);

	return !sight->is_final && !sight->is_resigned && !is_held;
}

const struct wgl_rrset *wgl_look(struct wgl_sight *sight, const uint8_t *name, uint16_t type)
{
	const struct wgl_found found = wgl_cache_find(sight->cache, name, type, sight->now_ms);

	if (found.set != NULL && is_current(sight, found.set)) {
		note_use(sight, found.set);
		return found.set;
	}
	if (can_ask(sight, &found)) {
		wgl_need(sight, name, type, false);
		return NULL;
	}
	if (!found.is_held && !sight->is_resigned) {
		sight->hold_ms = 0;
	} else if (found.is_held && found.hold_ms < sight->hold_ms) {
		sight->hold_ms = found.hold_ms;
	}
	note_failure(sight, found.failure);
	if (found.set == NULL) {
		sight->has_failed = true;
		return NULL;
	}
	note_use(sight, found.set);
	return found.set;
}

const struct wgl_rrset *wgl_glance(const struct wgl_sight *sight, const uint8_t *name,
				   uint16_t type)
{
	return wgl_cache_find(sight->cache, name, type, sight->now_ms).set;
}

bool wgl_may_ask(const struct wgl_sight *sight, const uint8_t *name, uint16_t type)
{
	const struct wgl_found found = wgl_cache_find(sight->cache, name, type, sight->now_ms);

	return can_ask(sight, &found);
}

bool wgl_would_ask(const struct wgl_sight *sight, const uint8_t *name, uint16_t type)
{
	const struct wgl_found found = wgl_cache_find(sight->cache, name, type, sight->now_ms);

	return can_ask(sight, &found) && (found.set == NULL || !is_current(sight, found.set));
}

void wgl_need(struct wgl_sight *sight, const uint8_t *name, uint16_t type, bool is_whole)
{
	struct wgl_need *need = &sight->needs[sight->need_count];

	if (sight->need_count == WGL_NEEDS_MAX) {
		return;
	}
	sight->need_count++;
	need->type = type;
	need->is_whole = is_whole;
	memcpy(need->name, name, dns_name_size(name));
}
