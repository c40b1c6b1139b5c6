/*
 * A TSIG key (RFC 8945): from its file, to sign requests, to verify their replies. Immutable.
 * Thread: any.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dns/tsig.h"
#include "libclient/waggle.h"

#define WGL_FUDGE_S 300 /* of our requests; RFC 8945 section 10 */

struct wgl_key; /* the secret is wiped on free */

/* Reads the text of a key file, see waggle.h. *out: returns owned. WAGGLE_ERR_KEY, _NOMEM. */
int wgl_key_parse(struct wgl_key **out, const char *text, size_t size, struct waggle_error *error);

/* The same from a file; the error names it. */
int wgl_key_load(struct wgl_key **out, const char *path, struct waggle_error *error);
void wgl_key_free(struct wgl_key *key);

/* The key's name, folded. */
const uint8_t *wgl_key_name(const struct wgl_key *key);

/* What a reply is verified against. */
struct wgl_signature {
	uint16_t mac_size;
	uint8_t mac[DNS_TSIG_MAC_MAX];
};

/*
 * Signs a finished message of `size` octets in a buffer of `room` (section 5.1). The new size;
 * WAGGLE_ERR_ARGUMENT: no room; WAGGLE_ERR_NOMEM.
 */
int wgl_sign(const struct wgl_key *key, uint8_t *wire, size_t size, size_t room, uint64_t now_s,
	     struct wgl_signature *signature);

/* What a reply's TSIG says. */
enum wgl_verdict {
	WGL_GENUINE, /* the MAC is right, and the time; its TSIG error may still be set */
	WGL_UNSIGNED, /* no TSIG, or one without a MAC: *tsig_error may give a hint */
	WGL_FORGED, /* the MAC is wrong, or it is another key's */
	WGL_UNTIMELY, /* right, but signed outside its fudge of our time */
};

/*
 * Judges a reply to what `signature` was made for (section 5.3). *tsig_error: the error field of
 * its TSIG, 0 where there is none. *server_s: the server's time with BADTIME, else 0.
 */
enum wgl_verdict wgl_verify(const struct wgl_key *key, const struct wgl_signature *signature,
			    const struct dns_message *reply, uint64_t now_s, uint16_t *tsig_error,
			    uint64_t *server_s);
