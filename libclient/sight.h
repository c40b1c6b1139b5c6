/*
 * One look at the cache by who puts an answer together: what can be used, what would have to be
 * asked first, and how good the whole is. Pure but for the cache's order of use. Thread: whoever
 * holds the client's lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libclient/cache.h"

#define WGL_NEEDS_MAX 128 /* questions of one round */

struct wgl_need {
	uint16_t type;
	bool is_whole; /* by TCP, for an answer with all of its additional section */
	uint8_t name[DNS_NAME_MAX];
};

struct wgl_sight {
	/* Given: */
	struct wgl_cache *cache;
	uint64_t now_ms;
	uint64_t since; /* what came into the cache after so many changes of it is fresh, whatever its
			   TTL */
	bool is_refresh; /* and nothing else is; failures before that do not count either */
	bool is_final; /* nothing can be asked any more: what is stale has to do */
	bool is_resigned; /* what led here is stale: what it leads to is not asked for */
	int excuse; /* when final: the code for what is not known ... */
	const char *excuse_text; /* ... and why nobody can be asked */
	struct wgl_need *needs; /* room for WGL_NEEDS_MAX */
	/* Found: */
	size_t need_count; /* above 0: nothing is known yet, ask these first */
	enum waggle_mark mark; /* of what was used; worst */
	uint64_t said_ms; /* oldest */
	uint64_t fresh_ms; /* of the fresh: earliest end */
	uint64_t hold_ms; /* of what is not to be asked: earliest end; 0: some is being asked */
	bool has_failed; /* something could be neither used nor asked ... */
	struct waggle_error failure; /* ... why; also why something stale was used */
};

void wgl_sight_begin(struct wgl_sight *sight);

/*
 * The set, to be used; or NULL: it has been added to the needs, or (has_failed) it is not to be
 * had. Valid until the cache changes.
 */
const struct wgl_rrset *wgl_look(struct wgl_sight *sight, const uint8_t *name, uint16_t type);

/* What is known, of any age; leaves no trace. */
const struct wgl_rrset *wgl_glance(const struct wgl_sight *sight, const uint8_t *name,
				   uint16_t type);

/* Has it come in since the request began? Then asking again is of no use. */
bool wgl_is_new(const struct wgl_sight *sight, const struct wgl_rrset *set);

/* May the question be asked at all? Would wgl_look() ask it? */
bool wgl_may_ask(const struct wgl_sight *sight, const uint8_t *name, uint16_t type);
bool wgl_would_ask(const struct wgl_sight *sight, const uint8_t *name, uint16_t type);

/* Adds a question. Ignored above WGL_NEEDS_MAX: the next round has room. */
void wgl_need(struct wgl_sight *sight, const uint8_t *name, uint16_t type, bool is_whole);
