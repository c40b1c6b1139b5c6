/*
 * A response as received: parsed in place, with what its OPT record says. dns/message.h reads
 * requests; this reads what servers send back. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/message.h"
#include "libclient/waggle.h"

struct wgl_reply {
	struct dns_message message; /* for dns_walk() */
	int rcode; /* with the upper bits of EDNS */
	int info; /* INFO-CODE of the first extended error (RFC 8914), or WAGGLE_NO_CODE */
	bool is_stale; /* one of them says Stale Answer or Stale NXDOMAIN Answer */
	char text[160]; /* EXTRA-TEXT of the first, cleaned; "" without */
};

/*
 * Parses `size` octets, which `reply` keeps. WAGGLE_ERR_SERVER: it is no whole response with one
 * question at most, or a record or option runs over.
 */
int wgl_reply_parse(struct wgl_reply *reply, const uint8_t *wire, size_t size);

/* Is it the answer to this question? */
bool wgl_reply_is_to(const struct wgl_reply *reply, const uint8_t *name, uint16_t type);

/*
 * Fills `error` for a reply with this rcode: "127.0.0.1@53 answered SERVFAIL: zone not ready".
 * Returns the code.
 */
int wgl_reply_error(struct waggle_error *error, const struct wgl_reply *reply,
		    const union waggle_address *server);
