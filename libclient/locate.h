/*
 * Which server takes the updates of a zone, put together from the cache like an answer: see struct
 * waggle_options for the order. Thread: whoever holds the client's lock.
 */
#pragma once

#include "libclient/settings.h"
#include "libclient/sight.h"

#define WGL_REGISTRARS_MAX 8

struct wgl_registrar {
	uint8_t zone[DNS_NAME_MAX]; /* apex */
	uint8_t domain[DNS_NAME_MAX]; /* where names are registered: the zone, or below it */
	union waggle_address servers[WGL_REGISTRARS_MAX]; /* to be tried in this order */
	size_t server_count;
};

/*
 * `domain`: the only one to look in, or NULL: those of the settings. WAGGLE_OK; WGL_WAIT (plan.h)
 * with sight->needs; else a code and *error: WAGGLE_ERR_NO_REGISTRAR, _CONFIG: no domain, or why
 * no server could be asked.
 */
int wgl_locate(struct wgl_registrar *out, const uint8_t *domain,
	       const struct wgl_settings *settings, struct wgl_sight *sight,
	       struct waggle_error *error);
