/*
 * Names, as octets: uncompressed wire form with the root label, at most 255 octets, any octet in a
 * label (RFC 2181 11). A `const uint8_t *name` in any header of ours is such a name and valid:
 * it was checked where it came in. Comparison folds A-Z only (RFC 4343). Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "dns/types.h"

#define DNS_NAME_TEXT_MAX 1025 /* 4 characters for each octet, and the NUL */

/* Octets of a valid name, root included. */
size_t dns_name_size(const uint8_t *name);

/* Labels without the root; 0 for the root itself. */
size_t dns_name_labels(const uint8_t *name);

/* Checks `size` octets that should be exactly one name without pointers. ERR_FORMAT. */
int dns_name_check(const uint8_t *wire, size_t size);

/*
 * Reads a name that starts at reader->at and follows pointers inside reader->start .. end, each
 * of which must lead strictly backwards and not into the header (RFC 1035 4.1.4). Writes it
 * uncompressed to `out`, and leaves the reader behind it. The size, or ERR_FORMAT (reader failed).
 */
int dns_name_read(struct buf_reader *reader, uint8_t out[DNS_NAME_MAX]);

/* The same where pointers are not allowed: in RDATA of types that RFC 3597 does not list. */
int dns_name_read_plain(struct buf_reader *reader, uint8_t out[DNS_NAME_MAX]);

/* One letter folded: A-Z to a-z, all else as it is. */
static inline uint8_t dns_fold(uint8_t octet)
{
	return (uint8_t)(octet - 'A') < 26 ? (uint8_t)(octet | 0x20) : octet;
}

/* Eight octets folded at once; carries never leave an octet, its upper bit being masked. */
static inline uint64_t dns_fold_word(uint64_t word)
{
	const uint64_t each = 0x0101010101010101u; /* times an octet: that octet eight times */
	const uint64_t low = word & 0x7f * each;
	const uint64_t from_a = low + (0x80 - 'A') * each;
	const uint64_t above_z = low + (0x7f - 'Z') * each;
	const uint64_t upper = (from_a ^ above_z) & ~word & 0x80 * each;

	return word | upper >> 2;
}

/* Copies `size` octets with letters folded. */
void dns_octets_fold(uint8_t *out, const uint8_t *octets, size_t size);

/* Copies with letters folded; `out` has room for dns_name_size(name). The size. */
size_t dns_name_fold(uint8_t *out, const uint8_t *name);

/* Octets equal but for letter case. Length octets never fold, being below 0x40. */
bool dns_octets_equal(const uint8_t *one, const uint8_t *other, size_t size);
bool dns_name_equal(const uint8_t *one, const uint8_t *other);

/* Is `name` below or equal to `parent`? */
bool dns_name_is_in(const uint8_t *name, const uint8_t *parent);

/* Canonical order, RFC 4034 6.1: below 0, 0, above 0. */
int dns_name_compare(const uint8_t *one, const uint8_t *other);

/* The name without its first label; the root stays. Points into `name`. */
static inline const uint8_t *dns_name_parent(const uint8_t *name)
{
	return name[0] == 0 ? name : name + name[0] + 1;
}

/* The name without its first `count` labels (at most dns_name_labels). Points into `name`. */
static inline const uint8_t *dns_name_strip(const uint8_t *name, size_t count)
{
	for (; count > 0; count--) {
		name = dns_name_parent(name);
	}
	return name;
}

/* Is the first label this text (folded compare, no dots)? Inside, that a literal has its size. */
static inline bool dns_label_is(const uint8_t *label, const char *text)
{
	const size_t size = strlen(text);

	/* As it is spelled mostly, which needs no call. */
	return *label == size && (memcmp(label + 1, text, size) == 0 ||
				  dns_octets_equal(label + 1, (const uint8_t *)text, size));
}

/*
 * Joins `prefix` (a name whose root is dropped) and `suffix`; out has room for DNS_NAME_MAX.
 * The size, or ERR_RANGE when over 255 octets.
 */
int dns_name_join(uint8_t out[DNS_NAME_MAX], const uint8_t *prefix, const uint8_t *suffix);

/*
 * From master-file text with \. \\ \DDD escapes (RFC 1035 5.1); relative text is completed by
 * `origin`, or by the root when that is NULL; "@" alone is the origin. The size; ERR_FORMAT or
 * ERR_RANGE.
 */
int dns_name_from_text(uint8_t out[DNS_NAME_MAX], const char *text, const uint8_t *origin);

/* To master-file text with the final dot. Returns `out`. */
char *dns_name_to_text(char out[DNS_NAME_TEXT_MAX], const uint8_t *name);
