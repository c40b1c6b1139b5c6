/*
 * What a reply teaches: from the packet to RRsets in the cache. Thread: whoever holds the
 * client's lock.
 */
#pragma once

#include "libclient/cache.h"
#include "libclient/reply.h"

/*
 * Puts the answer to (name, type) into the cache: the RRset, or its absence; and of the additional
 * section what the answer leads to, as RFC 6763 section 12 has it: SRV and TXT of a PTR's targets,
 * addresses of an SRV's. Only names in the domain of the question are believed there. `is_whole`:
 * it came by TCP.
 *
 * WAGGLE_OK: it is an answer, positive or negative. Else *error (may be NULL) says why not:
 * WAGGLE_ERR_SERVER (an rcode that is none; a referral; malformed), _REFUSED, _NOMEM.
 */
int wgl_learn(struct wgl_cache *cache, const struct wgl_reply *reply, const uint8_t *name,
	      uint16_t type, bool is_whole, const union waggle_address *server, uint64_t now_ms,
	      struct waggle_error *error);
