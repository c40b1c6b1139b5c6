/*
 * RRsets by name and type, for their TTL and for a while after it; negative answers (RFC 2308);
 * and which questions failed of late (RFC 8767 section 5, RFC 9520).
 *
 * Bounded in octets: what was not looked at for longest goes first. Times are milliseconds of a
 * clock that never jumps, given by the caller. Thread: whoever holds the client's lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "dns/name.h"
#include "libclient/waggle.h"

enum wgl_known {
	WGL_UNKNOWN, /* nothing: only that asking failed */
	WGL_RECORDS, /* at least one record */
	WGL_NODATA, /* the name is there, the type is not */
	WGL_NXDOMAIN, /* the name is not there (kept at type 0, for all types) */
};

/* An RRset, or its absence; read-only outside the cache. */
struct wgl_rrset {
	struct list link; /* of the cache, the longest unseen first */
	enum wgl_known known;
	uint16_t type;
	uint16_t count; /* of records */
	bool is_from_snapshot;
	bool is_stale; /* the server itself said that it is (EDE 3, 19) */
	bool is_whole; /* came by TCP: asking again for a longer answer is of no use */
	bool is_direct; /* the server has authority over it */
	uint64_t said_number; /* cache->changes when it was put; times may be equal, this is not */
	uint64_t fail_number; /* the same of the failure */
	uint64_t said_ms; /* when a server said it */
	uint64_t fresh_ms; /* fresh before */
	uint64_t keep_ms; /* usable before */
	uint64_t hold_ms; /* asking failed: not again before; 0: it did not */
	uint32_t ttl_s; /* as said, within the limit */
	struct waggle_error *failure; /* why asking failed; may be NULL then, too */
	size_t size; /* octets of `records` */
	uint8_t name_size;
	uint8_t *records; /* each u16 size, then RDATA uncompressed and valid; behind the name */
	uint8_t key[]; /* type, folded name; then the name as spelled */
};

struct wgl_cache {
	struct map sets;
	struct list seen;
	size_t size; /* octets, all told */
	size_t size_max;
	uint32_t max_ttl_s;
	uint32_t max_stale_s;
	uint64_t changes; /* counts what was put and failed ... */
	uint64_t puts; /* ... and what was put alone */
};

/* `settings` of the limits; nothing is allocated yet. */
void wgl_cache_init(struct wgl_cache *cache, size_t size_max, uint32_t max_ttl_s,
		    uint32_t max_stale_s, uint64_t seed);
void wgl_cache_deinit(struct wgl_cache *cache);

/* What is known of a name and type. */
struct wgl_found {
	const struct wgl_rrset *set; /* records or their absence, that may still be used; or NULL */
	bool is_held; /* asking failed of late: it is not to be asked now ... */
	uint64_t hold_ms; /* ... and not before this */
	uint64_t fail_number; /* of the failure: cache->changes then */
	const struct waggle_error *failure; /* then why; NULL: no memory to say */
};

/* Looks at NXDOMAIN for the whole name, too. Valid until the next put or fail. */
struct wgl_found wgl_cache_find(struct wgl_cache *cache, const uint8_t *name, uint16_t type,
				uint64_t now_ms);

/* The name as the server spelled it. */
const uint8_t *wgl_rrset_name(const struct wgl_rrset *set);

/* Iterates over the records: start with *at = 0. The RDATA and its size, or NULL at the end. */
const uint8_t *wgl_rrset_next(const struct wgl_rrset *set, size_t *at, uint16_t *size);

/* What is put. */
struct wgl_news {
	const uint8_t *name;
	uint16_t type;
	enum wgl_known known; /* not WGL_UNKNOWN */
	uint32_t ttl_s;
	bool is_from_snapshot;
	bool is_stale;
	bool is_whole;
	bool is_direct;
	uint16_t count;
	const uint8_t *records; /* in the form of struct wgl_rrset */
	size_t size;
};

/*
 * Puts what was said at `said_ms`, in place of what is there. WAGGLE_ERR_NOMEM leaves it as it
 * was. What is put may be dropped at once when it is larger than the whole cache.
 */
int wgl_cache_put(struct wgl_cache *cache, const struct wgl_news *news, uint64_t said_ms,
		  uint64_t now_ms);

/*
 * Notes that asking failed: what is there stays, and is not to be asked for before `hold_ms`.
 * Copies `failure`. Without memory, nothing is noted.
 */
void wgl_cache_fail(struct wgl_cache *cache, const uint8_t *name, uint16_t type, uint64_t hold_ms,
		    const struct waggle_error *failure);

/* Drops what can no longer be used. */
void wgl_cache_sweep(struct wgl_cache *cache, uint64_t now_ms);
