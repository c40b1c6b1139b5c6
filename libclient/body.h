/*
 * The immutable inside of answers and lists, counted: the cache and any number of callers share
 * one. Made by one thread, then read by any. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libclient/cache.h"

struct wgl_body;

/* How good it is, when it was put together. */
struct wgl_quality {
	enum waggle_mark mark;
	uint64_t said_ms; /* the oldest part */
	uint64_t until_ms; /* the same would be put together before this; 0: do not keep it */
	bool is_complete;
};

/* *out: returns owned. WAGGLE_ERR_NOMEM. */
int wgl_body_new(struct wgl_body **out);
struct wgl_body *wgl_body_ref(struct wgl_body *body);
void wgl_body_unref(struct wgl_body *body);

/* While it is made, by one thread. All return WAGGLE_ERR_NOMEM where memory is out. */

/*
 * Adds an endpoint: an SRV record; the instance it belongs to with its TXT set, or NULL for both;
 * the sets of its target's addresses, each may be NULL.
 */
struct wgl_parts {
	const uint8_t *instance; /* name */
	const uint8_t *srv; /* RDATA */
	const struct wgl_rrset *txt;
	const struct wgl_rrset *a;
	const struct wgl_rrset *aaaa;
};
int wgl_body_add_endpoint(struct wgl_body *body, const struct wgl_parts *parts);

/* Adds the target of a PTR. */
int wgl_body_add_entry(struct wgl_body *body, const uint8_t *target);

/* Ends the making. `reason` may be NULL. */
int wgl_body_finish(struct wgl_body *body, const uint8_t *name, const struct wgl_quality *quality,
		    const char *reason);

/* Afterwards. */
size_t wgl_body_count(const struct wgl_body *body);
const struct wgl_quality *wgl_body_quality(const struct wgl_body *body);

/*
 * What a caller gets: takes the reference, also on error. *out: returns owned, waggle_*_free().
 * WAGGLE_ERR_NOMEM.
 */
int wgl_answer_new(struct waggle_answer **out, struct wgl_body *body, uint64_t now_ms);
int wgl_list_new(struct waggle_list **out, struct wgl_body *body, uint64_t now_ms);
