/*
 * Putting an answer together from the cache, or finding out what has to be asked first. Called
 * again after each round of answers; the questions are those that waggle.h describes at
 * waggle_resolve() and waggle_browse(). Thread: whoever holds the client's lock.
 */
#pragma once

#include <stdbool.h>

#include "libclient/body.h"
#include "libclient/settings.h"
#include "libclient/sight.h"
#include "libclient/target.h"

enum wgl_verb { WGL_RESOLVE, WGL_BROWSE };

/* What somebody asked for. */
struct wgl_goal {
	enum wgl_verb verb;
	bool is_bare; /* WAGGLE_BARE */
	struct wgl_target target;
};

/* Reads the parameters of waggle_resolve() and waggle_browse(). WAGGLE_ERR_NAME, _ARGUMENT. */
int wgl_goal_parse(struct wgl_goal *out, enum wgl_verb verb, const char *name, unsigned flags,
		   struct waggle_error *error);

#define WGL_WAIT 1 /* sight->needs are to be asked first */

/*
 * WAGGLE_OK: *out is the answer, returns owned. WGL_WAIT: not yet; never when sight->is_final.
 * Else a code, and *error says why: nothing is known, and the servers failed; _CONFIG: a relative
 * name and no zone; _NAME: too long in the zone; _NOMEM.
 */
int wgl_plan(struct wgl_body **out, const struct wgl_goal *goal,
	     const struct wgl_settings *settings, struct wgl_sight *sight,
	     struct waggle_error *error);
