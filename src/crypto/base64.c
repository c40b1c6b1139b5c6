/*
 * libcrypto decodes, but takes padding anywhere, spaces and stray bits; so the text is checked
 * around it.
 */
#include "crypto/base64.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>

#include "base/err.h"

static bool is_digit(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '+' || c == '/';
}

int base64_decode(uint8_t *out, size_t room, const char *text, size_t size)
{
	size_t padding = 0;

	if (size % 4 != 0 || size > INT_MAX) {
		return ERR_FORMAT;
	}
	if (size == 0) {
		return 0;
	}
	while (padding < 2 && text[size - 1 - padding] == '=') {
		padding++;
	}
	for (size_t i = 0; i < size - padding; i++) {
		if (!is_digit(text[i])) {
			return ERR_FORMAT;
		}
	}
	if (room < size / 4 * 3) {
		return ERR_SPACE;
	}
	/* Padding counts as zero octets here. */
	const int whole = EVP_DecodeBlock(out, (const unsigned char *)text, (int)size);
	if (whole < 0) {
		return ERR_FORMAT;
	}
	const int count = whole - (int)padding;
	for (int i = count; i < whole; i++) {
		if (out[i] != 0) {
			return ERR_FORMAT;
		}
	}
	return count;
}
