/*
 * What a client goes by: options, then the environment, then resolv.conf, checked and in the form
 * that the rest works with. Immutable once loaded. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/types.h"
#include "libclient/key.h"
#include "libclient/waggle.h"

#define WGL_SERVERS_MAX 4
#define WGL_ZONES_MAX 6 /* of a search list, as resolvers take */

struct wgl_settings {
	union waggle_address servers[WGL_SERVERS_MAX];
	size_t server_count; /* at least 1 */
	bool has_server; /* from option or environment: registrations go there too */
	union waggle_address registrar;
	bool has_registrar;
	uint8_t zones[WGL_ZONES_MAX][DNS_NAME_MAX];
	size_t zone_count;
	bool has_zone; /* from option or environment; else the zones are a search list */
	struct wgl_key *key; /* or NULL */
	char *server_text;
	char *zone_text; /* these may be NULL */
	char *key_text;
	char *control;
	char *snapshot;
	uint32_t timeout_ms;
	uint32_t stale_after_ms;
	uint32_t retry_after_ms;
	uint32_t max_stale_s;
	uint32_t max_ttl_s;
	uint32_t snapshot_every_s;
	size_t cache_max;
	size_t requests_max;
};

/*
 * Loads; reads resolv.conf and the key file. `options` may be NULL. WAGGLE_ERR_ARGUMENT, _CONFIG,
 * _KEY, _NOMEM; nothing is left then.
 */
int wgl_settings_load(struct wgl_settings *out, const struct waggle_options *options,
		      struct waggle_error *error);
void wgl_settings_deinit(struct wgl_settings *settings);

/*
 * "192.0.2.53", "192.0.2.53@5300", "2001:db8::53@53", "[::1]@53" up to `size` octets; `port` where
 * none is said. WAGGLE_ERR_ARGUMENT.
 */
int wgl_address_parse(union waggle_address *out, const char *text, size_t size, uint16_t port);

/*
 * The nameserver and search lines of a resolv.conf: the last search or domain line counts. What
 * cannot be used is passed over, as resolvers do.
 */
void wgl_resolv_parse(struct wgl_settings *out, const char *text, size_t size);

/* Same family, address, port and scope? */
bool wgl_address_equal(const union waggle_address *one, const union waggle_address *other);

/* 127.0.0.0/8, ::1, or the first mapped into IPv6? */
bool wgl_address_is_loopback(const union waggle_address *address);
