/* Octets from hex text, as tests write them down. */
#pragma once

#include <ctype.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Spaces are skipped; stops at the end of the line or at what is no hex. The count of octets. */
static inline size_t hex_read(uint8_t *out, size_t room, const char *text)
{
	size_t size = 0;

	for (; size < room; text += 2) {
		while (*text == ' ') {
			text++;
		}
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1])) {
			break;
		}
		out[size++] = (uint8_t)strtoul((const char[]){text[0], text[1], '\0'}, NULL, 16);
	}
	return size;
}

/* A copy of exactly `size` octets on the heap, so that a read too far is seen. Free it. */
static inline uint8_t *hex_exact(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size == 0 ? 1 : size);

	if (copy == NULL) {
		abort();
	}
	memcpy(copy, data, size);
	return copy;
}
