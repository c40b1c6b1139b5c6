/*
 * Names. Reading follows pointers in a loop whose cost is bounded twice: every pointer must lead
 * below the place where the present run of labels began, and only so many are followed, so that a
 * message made of pointers to pointers costs no more than an honest one.
 *
 * Comparison and folding go eight octets at a time: the wire form may be folded as it is, since
 * length octets are below 'A'.
 */
#include "dns/name.h"

#include <string.h>

#include "base/err.h"

#define JUMPS_MAX 128 /* more than labels are possible */
#define CASES 0x2020202020202020u /* the bits in which letters differ by case */
#define POINTER 0xc0 /* the upper two bits of a pointer (RFC 1035 4.1.4) */

size_t dns_name_size(const uint8_t *name)
{
	const uint8_t *at = name;

	while (*at != 0) {
		at += *at + 1;
	}
	return (size_t)(at - name) + 1;
}

size_t dns_name_labels(const uint8_t *name)
{
	size_t count = 0;

	for (; *name != 0; name += *name + 1) {
		count++;
	}
	return count;
}

int dns_name_check(const uint8_t *wire, size_t size)
{
	size_t at = 0;

	if (size > DNS_NAME_MAX) {
		return ERR_FORMAT;
	}
	while (at < size && wire[at] != 0) {
		if (wire[at] > DNS_LABEL_MAX) {
			return ERR_FORMAT;
		}
		at += wire[at] + 1u;
	}
	return at + 1 == size ? OK : ERR_FORMAT;
}

static int read_failed(struct buf_reader *reader)
{
	reader->failed = true;
	return ERR_FORMAT;
}

static int read_name(struct buf_reader *reader, uint8_t *out, bool pointers)
{
	const uint8_t *wire = reader->start;
	const size_t end = (size_t)(reader->end - wire);
	size_t at = buf_offset(reader);
	size_t behind = 0; /* the first pointer, where reading goes on later */
	size_t size = 0;
	unsigned jumps = pointers ? JUMPS_MAX : 0;

	if (reader->failed) {
		return ERR_FORMAT;
	}
	for (;;) {
		const size_t run = at; /* of labels; a pointer leads below it */
		const size_t stop = end - run < DNS_NAME_MAX ? end : run + DNS_NAME_MAX;

		while (at < stop && wire[at] - 1u < DNS_LABEL_MAX) {
			at += wire[at] + 1u;
		}
		/* The root still needs one octet. */
		if (at >= end || size + (at - run) >= DNS_NAME_MAX) {
			return read_failed(reader);
		}
		memcpy(out + size, wire + run, at - run);
		size += at - run;
		if (wire[at] == 0) {
			out[size++] = 0;
			at++;
			break;
		}
		if (wire[at] < POINTER || end - at < 2 || jumps-- == 0) {
			return read_failed(reader);
		}
		if (behind == 0) {
			behind = at + 2;
		}
		at = (size_t)(wire[at] & ~POINTER) << 8 | wire[at + 1];
		if (at < DNS_HEADER_SIZE || at >= run) {
			return read_failed(reader);
		}
	}
	reader->at = wire + (behind == 0 ? at : behind);
	return (int)size;
}

int dns_name_read(struct buf_reader *reader, uint8_t out[DNS_NAME_MAX])
{
	return read_name(reader, out, true);
}

int dns_name_read_plain(struct buf_reader *reader, uint8_t out[DNS_NAME_MAX])
{
	return read_name(reader, out, false);
}

static uint64_t load_word(const uint8_t *octets)
{
	uint64_t word;

	memcpy(&word, octets, sizeof(word));
	return word;
}

void dns_octets_fold(uint8_t *out, const uint8_t *octets, size_t size)
{
	for (; size >= sizeof(uint64_t); size -= sizeof(uint64_t)) {
		const uint64_t word = dns_fold_word(load_word(octets));

		memcpy(out, &word, sizeof(word));
		out += sizeof(word);
		octets += sizeof(word);
	}
	for (size_t i = 0; i < size; i++) {
		out[i] = dns_fold(octets[i]);
	}
}

size_t dns_name_fold(uint8_t *out, const uint8_t *name)
{
	const size_t size = dns_name_size(name);

	dns_octets_fold(out, name, size);
	return size;
}

/* For words that are not spelled alike; most of them differ in more than case. */
static bool word_folds_equal(uint64_t one, uint64_t other)
{
	return ((one ^ other) & ~CASES) == 0 && dns_fold_word(one) == dns_fold_word(other);
}

static inline bool word_equal(const uint8_t *one, const uint8_t *other)
{
	const uint64_t here = load_word(one);
	const uint64_t there = load_word(other);

	return here == there || word_folds_equal(here, there);
}

static uint64_t load_half(const uint8_t *octets)
{
	uint32_t half;

	memcpy(&half, octets, sizeof(half));
	return half;
}

static bool half_equal(const uint8_t *one, const uint8_t *other)
{
	const uint64_t here = load_half(one);
	const uint64_t there = load_half(other);

	return here == there || word_folds_equal(here, there);
}

/* Less than eight. */
static bool few_equal(const uint8_t *one, const uint8_t *other, size_t size)
{
	if (size >= sizeof(uint32_t)) {
		const size_t rest = size - sizeof(uint32_t); /* overlaps */

		return half_equal(one, other) && half_equal(one + rest, other + rest);
	}
	for (size_t at = 0; at < size; at++) {
		if (dns_fold(one[at]) != dns_fold(other[at])) {
			return false;
		}
	}
	return true;
}

bool dns_octets_equal(const uint8_t *one, const uint8_t *other, size_t size)
{
	size_t at = 0;

	if (size < sizeof(uint64_t)) {
		return few_equal(one, other, size);
	}
	for (; at + sizeof(uint64_t) < size; at += sizeof(uint64_t)) {
		if (!word_equal(one + at, other + at)) {
			return false;
		}
	}
	/* The last word may overlap the one before it. */
	at = size - sizeof(uint64_t);
	return word_equal(one + at, other + at);
}

bool dns_name_equal(const uint8_t *one, const uint8_t *other)
{
	if (one[0] != other[0]) {
		return false;
	}
	const size_t size = dns_name_size(one);

	return size == dns_name_size(other) && dns_octets_equal(one, other, size);
}

bool dns_name_is_in(const uint8_t *name, const uint8_t *parent)
{
	const size_t parent_size = dns_name_size(parent);
	size_t left = dns_name_size(name);

	while (left > parent_size) {
		left -= *name + 1u;
		name += *name + 1;
	}
	return left == parent_size && dns_octets_equal(name, parent, left);
}

/* Where each label begins, from the left; the count. */
static size_t label_starts(uint8_t starts[DNS_LABELS_MAX], const uint8_t *name)
{
	size_t count = 0;

	for (size_t at = 0; name[at] != 0; at += name[at] + 1u) {
		starts[count++] = (uint8_t)at;
	}
	return count;
}

static int compare_labels(const uint8_t *one, const uint8_t *other)
{
	const size_t shorter = *one < *other ? *one : *other;

	for (size_t i = 1; i <= shorter; i++) {
		const int difference = dns_fold(one[i]) - dns_fold(other[i]);

		if (difference != 0) {
			return difference;
		}
	}
	return *one - *other;
}

int dns_name_compare(const uint8_t *one, const uint8_t *other)
{
	uint8_t one_starts[DNS_LABELS_MAX];
	uint8_t other_starts[DNS_LABELS_MAX];
	size_t one_left = label_starts(one_starts, one);
	size_t other_left = label_starts(other_starts, other);

	while (one_left > 0 && other_left > 0) {
		const int difference = compare_labels(one + one_starts[--one_left],
						      other + other_starts[--other_left]);

		if (difference != 0) {
			return difference;
		}
	}
	return (one_left > 0) - (other_left > 0);
}

int dns_name_join(uint8_t out[DNS_NAME_MAX], const uint8_t *prefix, const uint8_t *suffix)
{
	const size_t prefix_size = dns_name_size(prefix) - 1;
	const size_t suffix_size = dns_name_size(suffix);

	if (prefix_size + suffix_size > DNS_NAME_MAX) {
		return ERR_RANGE;
	}
	memcpy(out, prefix, prefix_size);
	memcpy(out + prefix_size, suffix, suffix_size);
	return (int)(prefix_size + suffix_size);
}

static bool is_digit(char character)
{
	return character >= '0' && character <= '9';
}

/* One octet of a label, its escape undone. Steps *text over it; ERR_FORMAT. */
static int text_octet(const char **text)
{
	const char *at = *text;
	int value;

	if (*at != '\\') {
		*text = at + 1;
		return (uint8_t)*at;
	}
	at++;
	if (*at == '\0') {
		return ERR_FORMAT;
	}
	if (!is_digit(*at)) {
		*text = at + 1;
		return (uint8_t)*at;
	}
	if (!is_digit(at[1]) || !is_digit(at[2])) {
		return ERR_FORMAT;
	}
	value = (at[0] - '0') * 100 + (at[1] - '0') * 10 + (at[2] - '0');
	*text = at + 3;
	return value > UINT8_MAX ? ERR_FORMAT : value;
}

/* One label, behind which *text then stands. Its size with the length octet, or an error. */
static int text_label(uint8_t *out, size_t room, const char **text)
{
	size_t length = 0;

	while (**text != '\0' && **text != '.') {
		const int octet = text_octet(text);

		if (octet < 0) {
			return octet;
		}
		if (length == DNS_LABEL_MAX || length + 1 >= room) {
			return ERR_RANGE;
		}
		out[++length] = (uint8_t)octet;
	}
	if (length == 0) {
		return ERR_FORMAT;
	}
	out[0] = (uint8_t)length;
	return (int)length + 1;
}

int dns_name_from_text(uint8_t out[DNS_NAME_MAX], const char *text, const uint8_t *origin)
{
	static const uint8_t root[] = {0};
	const uint8_t *suffix = origin == NULL ? root : origin;
	size_t suffix_size;
	size_t size = 0;

	if (strcmp(text, ".") == 0) {
		out[0] = 0;
		return 1;
	}
	if (strcmp(text, "@") == 0) {
		return dns_name_join(out, root, suffix);
	}
	do {
		/* One octet stays free for the root. */
		const int label = text_label(out + size, DNS_NAME_MAX - 1 - size, &text);

		if (label < 0) {
			return label;
		}
		size += (size_t)label;
		if (*text == '.' && *++text == '\0') {
			suffix = root;
		}
	} while (*text != '\0');
	suffix_size = dns_name_size(suffix);
	if (size + suffix_size > DNS_NAME_MAX) {
		return ERR_RANGE;
	}
	memcpy(out + size, suffix, suffix_size);
	return (int)(size + suffix_size);
}

/* What means something in a master file. */
static bool is_special(uint8_t octet)
{
	switch (octet) {
	case '.':
	case '\\':
	case '"':
	case ';':
	case '(':
	case ')':
	case '@':
	case '$':
		return true;
	default:
		return false;
	}
}

/* One octet as master-file text; behind it. */
static char *octet_to_text(char *out, uint8_t octet)
{
	if (octet <= ' ' || octet > '~') {
		*out++ = '\\';
		*out++ = (char)('0' + octet / 100);
		*out++ = (char)('0' + octet / 10 % 10);
		*out++ = (char)('0' + octet % 10);
		return out;
	}
	if (is_special(octet)) {
		*out++ = '\\';
	}
	*out++ = (char)octet;
	return out;
}

char *dns_name_to_text(char out[DNS_NAME_TEXT_MAX], const uint8_t *name)
{
	char *at = out;

	if (*name == 0) {
		*at++ = '.';
	}
	for (; *name != 0; name += *name + 1) {
		for (size_t i = 1; i <= *name; i++) {
			at = octet_to_text(at, name[i]);
		}
		*at++ = '.';
	}
	*at = '\0';
	return out;
}
