/*
 * DNS Cookies: proof that a client's address is not forged (RFC 7873, RFC 9018).
 *
 * The server keeps nothing: a server cookie is a time and a SipHash-2-4 over the client's cookie,
 * that time and the client's address, by a secret. All servers of a name share the secret, then
 * each knows the cookies of the others. Pure: no clock, no I/O. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "conf/conf.h"
#include "crypto/siphash.h"
#include "dns/edns.h"

#define COOKIE_CLIENT_SIZE 8 /* octets */

/*
 * Where none are configured: secrets of this day and the one before, of a key that was drawn at
 * the start. No timer: whatever thread looks at the time finds the same.
 */
#define COOKIE_ROTATE_S 86400u
void cookie_secrets_draw(struct conf_cookie *secrets, const struct siphash_key *base,
			 uint64_t now_s);

/* Whether `size` octets are a client's cookie, and ours for it: RFC 9018 section 4. */
bool cookie_is_valid(const struct conf_cookie *secrets, const uint8_t *cookie, size_t size,
		     const struct sockaddr_storage *peer, uint64_t now_s);

/* Writes the client's cookie and a fresh one of ours. */
void cookie_make(uint8_t out[DNS_COOKIE_SIZE], const struct conf_cookie *secrets,
		 const uint8_t client[COOKIE_CLIENT_SIZE], const struct sockaddr_storage *peer,
		 uint64_t now_s);
