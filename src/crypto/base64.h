/* BASE64 (RFC 4648 section 4), for secrets in text. Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * Decodes `size` characters: the alphabet and padding, nothing else, no stray bits in the last
 * one. `out` has room for 3 octets for each 4 characters. The octets, or ERR_FORMAT, ERR_SPACE.
 */
int base64_decode(uint8_t *out, size_t room, const char *text, size_t size);
