/*
 * What a caller asks for, as text: a service type, a subtype, an instance, or a domain. Pure.
 * Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"

enum wgl_kind {
	WGL_TYPE, /* _http._tcp */
	WGL_SUBTYPE, /* _printer._sub._http._tcp */
	WGL_INSTANCE, /* web-1._http._tcp */
	WGL_DOMAIN, /* a name without a service in it */
};

struct wgl_target {
	enum wgl_kind kind;
	bool is_relative; /* `name` ends behind _tcp or _udp, and the zone belongs behind it */
	uint8_t name[DNS_NAME_MAX];
};

/* Reads "web-1._http._tcp" and the like, see waggle.h. WAGGLE_ERR_NAME. */
int wgl_target_parse(struct wgl_target *out, const char *text);

/*
 * The offset in `name` of the last "_service._tcp" or "_service._udp" pair, and in *behind the
 * offset of the domain that follows; -1: there is none.
 */
int wgl_type_at(const uint8_t *name, size_t *behind);

/* The domain behind the service of a full name; the whole name when it has none. */
const uint8_t *wgl_domain_of(const uint8_t *name);

/* The full name below `zone`. WAGGLE_ERR_NAME: over 255 octets. */
int wgl_target_full(uint8_t out[DNS_NAME_MAX], const struct wgl_target *target,
		    const uint8_t *zone);

/*
 * A label of any octets from text that has no escapes, as an instance's in struct waggle_service:
 * 1 to 63 octets of UTF-8 without control characters (RFC 6763 section 4.1.1). WAGGLE_ERR_NAME.
 */
int wgl_label_from_text(uint8_t out[DNS_LABEL_MAX + 1], const char *text);

/* A domain name; a final dot makes no difference. WAGGLE_ERR_NAME. */
int wgl_domain_from_text(uint8_t out[DNS_NAME_MAX], const char *text);
