/*
 * A type is a row of letters, one for each field of its text, much as in the record table: what a
 * letter reads, the same letter writes. The parameters of SVCB are the last field of two of them;
 * each has a value of a form that hangs on its key, and they may come in any order.
 *
 *   1 2 4  number of so many octets    n  name          t  one or more strings
 *   b    bitmap of types, to the end
 *   g    string without quotes (the tag of CAA)         q  the rest, as one string
 *   v    the parameters of SVCB
 *   r    an AMT relay: whether discovery is optional, its kind, and the relay by its kind
 */
#include "zone/present.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "crypto/base64.h"
#include "dns/name.h"
#include "dns/rrtype.h"
#include "zone/lines.h"
#include "zone/present_inside.h"

static const struct {
	uint16_t type;
	const char *form;
} forms[] = {
	{DNS_TYPE_NSAP_PTR, "n"},  {DNS_TYPE_NINFO, "t"},   {DNS_TYPE_CSYNC, "42b"},
	{DNS_TYPE_SVCB, "2nv"},    {DNS_TYPE_HTTPS, "2nv"}, {DNS_TYPE_CAA, "1gq"},
	{DNS_TYPE_AVC, "t"},       {DNS_TYPE_RESINFO, "t"}, {DNS_TYPE_WALLET, "t"},
	{DNS_TYPE_AMTRELAY, "1r"},
};

const char *present_form(uint16_t type)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (forms[i].type == type) {
			return forms[i].form;
		}
	}
	return NULL;
}

bool present_knows(uint16_t type)
{
	return present_form(type) != NULL;
}

/* ---- reading ----------------------------------------------------------------------------- */

/* A record in the making. */
struct source {
	const char *at; /* the next word */
	const uint8_t *origin;
	struct buf_writer out;
	char *why;
};

/* Puts the sentence into `why`. */
static int fail(const struct source *source, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int fail(const struct source *source, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(source->why, RDATA_WHY_MAX, format, args);
	va_end(args);
	return ERR_CONF;
}

static int fail_word(const struct source *source, const struct word *word, const char *what)
{
	char show[WORD_SHOWN];

	return fail(source, "\"%s\" is not %s", word_shown(show, word->text, word->size), what);
}

static int read_number(struct source *source, const struct word *word, size_t octets)
{
	uint64_t value = 0;

	for (size_t i = 0; i < word->size; i++) {
		if (!isdigit((unsigned char)word->text[i])) {
			return fail_word(source, word, "a number");
		}
		value = value * 10 + (uint64_t)(word->text[i] - '0');
		if (value >> (octets * 8) != 0) {
			return fail_word(source, word, "a number in its range");
		}
	}
	if (word->size == 0) {
		return fail_word(source, word, "a number");
	}
	for (size_t left = octets; left > 0; left--) {
		buf_write_u8(&source->out, (uint8_t)(value >> ((left - 1) * 8)));
	}
	return OK;
}

static int read_name(struct source *source, const struct word *word)
{
	uint8_t name[DNS_NAME_MAX];
	const int size = word_name(name, word, source->origin);

	if (size < 0) {
		return fail_word(source, word,
				 size == ERR_RANGE ? "a name: it is too long" : "a name");
	}
	buf_write(&source->out, name, (size_t)size);
	return OK;
}

/* The octets of a word, escapes undone; with a length octet before them if so. */
static int read_string(struct source *source, const struct word *word, bool has_length)
{
	uint8_t *length = has_length ? buf_reserve(&source->out, 1) : NULL;
	const uint8_t *start = source->out.at;
	size_t size;

	if (!word_octets(&source->out, word)) {
		return fail_word(source, word, "a string: \\DDD goes up to 255");
	}
	size = (size_t)(source->out.at - start);
	if (has_length && size > UINT8_MAX) {
		return fail(source, "a string of over 255 octets");
	}
	if (length != NULL) {
		*length = (uint8_t)size;
	}
	return OK;
}

/* ---- parameters of SVCB, in ------------------------------------------------------------- */

const char *const present_svcb_names[SVCB_NAMES] = {
	"mandatory", "alpn",     "no-default-alpn", "port",  "ipv4hint",
	"ech",       "ipv6hint", "dohpath",         "ohttp",
};

#define SVCB_PARAMS_MAX 64

/* A parameter as it stands in the text. */
struct param {
	uint32_t key;
	bool is_raw; /* given as key123: its value is the octets (RFC 9460 2.1) */
	bool has_value;
	struct word value;
};

/* By name, or as key123 without leading zeros; SVCB_NONE. */
static uint32_t svcb_key(const char *text, size_t size, bool *is_raw)
{
	uint32_t key = 0;

	*is_raw = false;
	for (uint32_t i = 0; i < SVCB_NAMES; i++) {
		if (strlen(present_svcb_names[i]) == size &&
		    strncasecmp(text, present_svcb_names[i], size) == 0) {
			return i;
		}
	}
	if (size < 4 || size > 8 || strncasecmp(text, "key", 3) != 0 ||
	    (text[3] == '0' && size > 4)) {
		return SVCB_NONE;
	}
	for (size_t i = 3; i < size; i++) {
		if (!isdigit((unsigned char)text[i])) {
			return SVCB_NONE;
		}
		key = key * 10 + (uint32_t)(text[i] - '0');
	}
	*is_raw = true;
	return key <= UINT16_MAX ? key : SVCB_NONE;
}

/* key, key=value or key="value" */
static int split_param(const struct source *source, const struct word *word, struct param *param)
{
	const char *equals = memchr(word->text, '=', word->size);
	const size_t key_size = equals != NULL ? (size_t)(equals - word->text) : word->size;

	param->key = word->is_quoted ? SVCB_NONE : svcb_key(word->text, key_size, &param->is_raw);
	if (param->key == SVCB_NONE) {
		return fail_word(source, word, "a parameter, such as alpn=h2 or key667=x");
	}
	param->has_value = equals != NULL;
	param->value = (struct word){.text = "", .size = 0};
	if (equals != NULL) {
		const char *value = equals + 1;

		param->value.text = value;
		param->value.size = word->size - key_size - 1;
		if (param->value.size >= 2 && value[0] == '"') {
			param->value.text++;
			param->value.size -= 2;
		}
	}
	return OK;
}

/*
 * The next item of a value list (RFC 9460 A.1), from octets whose escapes are undone once. True
 * when there was one; a comma or a backslash behind a backslash belongs to the item.
 */
static bool next_item(const uint8_t **at, const uint8_t *end, uint8_t item[UINT8_MAX + 1],
		      size_t *size)
{
	const uint8_t *next = *at;

	*size = 0;
	if (next > end) {
		return false;
	}
	while (next < end && *next != ',') {
		next += *next == '\\' && next + 1 < end ? 1 : 0;
		if (*size <= UINT8_MAX) {
			item[(*size)++] = *next;
		}
		next++;
	}
	*at = next + 1; /* beyond the end: there is no more */
	return true;
}

static int compare_keys(const void *one, const void *other)
{
	return (int)*(const uint16_t *)one - (int)*(const uint16_t *)other;
}

/* One item of the list that is the value of `key`. */
static int svcb_item(struct source *source, uint32_t key, const uint8_t *item, size_t size)
{
	char text[INET6_ADDRSTRLEN] = {0};
	char show[WORD_SHOWN];
	uint8_t address[16];
	bool is_raw;
	uint32_t named;

	switch (key) {
	case SVCB_ALPN:
		if (size == 0 || size > UINT8_MAX) {
			return fail(source, "alpn: a protocol has 1 to 255 octets");
		}
		buf_write_u8(&source->out, (uint8_t)size);
		buf_write(&source->out, item, size);
		return OK;
	case SVCB_MANDATORY:
		named = svcb_key((const char *)item, size, &is_raw);
		if (named == SVCB_NONE) {
			return fail(source, "mandatory: a key that is not known by name");
		}
		buf_write_u16(&source->out, (uint16_t)named);
		return OK;
	default:
		if (size < sizeof(text)) {
			memcpy(text, item, size);
		}
		if (strlen(text) != size ||
		    inet_pton(key == SVCB_IPV4HINT ? AF_INET : AF_INET6, text, address) != 1) {
			return fail(source, "%s: \"%s\" is not an address", present_svcb_names[key],
				    word_shown(show, (const char *)item, size));
		}
		buf_write(&source->out, address, key == SVCB_IPV4HINT ? 4 : 16);
		return OK;
	}
}

static int svcb_list(struct source *source, const struct param *param)
{
	static const size_t most = DNS_MESSAGE_MAX;
	uint8_t *octets = malloc(most);
	struct buf_writer plain = buf_writer(octets, octets != NULL ? most : 0);
	uint8_t *start = source->out.at;
	const uint8_t *at;
	uint8_t item[UINT8_MAX + 1];
	size_t size;
	int ret = ERR_NOMEM;

	if (octets != NULL) {
		ret = word_octets(&plain, &param->value)
			      ? OK
			      : fail_word(source, &param->value, "a list of values");
	}
	at = octets;
	while (ret == OK && next_item(&at, plain.at, item, &size)) {
		ret = svcb_item(source, param->key, item, size);
	}
	if (ret == OK && param->key == SVCB_MANDATORY && !source->out.failed) {
		/* Any order in text, ascending on the wire. */
		const size_t count = (size_t)(source->out.at - start) / 2;
		uint16_t *keys = calloc(count, sizeof(*keys));

		for (size_t i = 0; keys != NULL && i < count; i++) {
			keys[i] = (uint16_t)(start[2 * i] << 8 | start[2 * i + 1]);
		}
		if (keys != NULL) {
			qsort(keys, count, sizeof(*keys), compare_keys);
		}
		source->out.at = start;
		for (size_t i = 0; keys != NULL && i < count; i++) {
			buf_write_u16(&source->out, keys[i]);
		}
		ret = keys == NULL ? ERR_NOMEM : OK;
		free(keys);
	}
	free(octets);
	return ret;
}

static int svcb_base64(struct source *source, const struct word *value)
{
	const size_t room = (size_t)(source->out.end - source->out.at);
	const int size = base64_decode(source->out.at, room, value->text, value->size);

	if (size == ERR_FORMAT) {
		return fail_word(source, value, "BASE64");
	}
	/* Where it does not fit, this fails, and the record is too long. */
	buf_reserve(&source->out, size < 0 ? room + 1 : (size_t)size);
	return OK;
}

static int svcb_value(struct source *source, const struct param *param)
{
	if (param->is_raw) {
		return read_string(source, &param->value, false);
	}
	switch (param->key) {
	case SVCB_NO_DEFAULT_ALPN:
	case SVCB_OHTTP:
		return param->value.size == 0
			       ? OK
			       : fail(source, "%s has no value", present_svcb_names[param->key]);
	case SVCB_PORT:
		return read_number(source, &param->value, 2);
	case SVCB_ECH:
		return svcb_base64(source, &param->value);
	case SVCB_MANDATORY:
	case SVCB_ALPN:
	case SVCB_IPV4HINT:
	case SVCB_IPV6HINT:
		return svcb_list(source, param);
	default:
		return read_string(source, &param->value, false);
	}
}

static int compare_params(const void *one, const void *other)
{
	return (int)((const struct param *)one)->key - (int)((const struct param *)other)->key;
}

/* All words that are left. */
static int read_params(struct source *source)
{
	struct param params[SVCB_PARAMS_MAX];
	struct word word;
	size_t count = 0;
	int ret = OK;

	while (ret == OK && lines_word(&source->at, &word)) {
		if (count == SVCB_PARAMS_MAX) {
			return fail(source, "over %d parameters", SVCB_PARAMS_MAX);
		}
		ret = split_param(source, &word, &params[count++]);
	}
	if (count > 0) {
		qsort(params, count, sizeof(params[0]), compare_params);
	}
	for (size_t i = 0; ret == OK && i < count; i++) {
		uint8_t *length;
		const uint8_t *start;
		size_t size;

		if (i > 0 && params[i].key == params[i - 1].key) {
			return fail(source, "a parameter twice: key%u", params[i].key);
		}
		buf_write_u16(&source->out, (uint16_t)params[i].key);
		length = buf_reserve(&source->out, 2);
		start = source->out.at;
		ret = svcb_value(source, &params[i]);
		if (ret == OK && length != NULL) {
			size = (size_t)(source->out.at - start);
			length[0] = (uint8_t)(size >> 8);
			length[1] = (uint8_t)size;
		}
	}
	return ret;
}

/* ---- a record, in ------------------------------------------------------------------------ */

static int read_strings(struct source *source)
{
	struct word word;
	int ret = OK;

	while (ret == OK && lines_word(&source->at, &word)) {
		ret = read_string(source, &word, true);
	}
	return ret;
}

/* RFC 4034 4.1.2. ldns takes a type that it does not know for type 0, without a word. */
static int read_bitmap(struct source *source)
{
	uint8_t bits[8192] = {0};
	char text[WORD_MAX];
	struct word word;

	while (lines_word(&source->at, &word)) {
		uint16_t type;

		if (word.is_quoted || !word_copy(text, &word) ||
		    (type = rdata_type_from_text(text)) == 0) {
			return fail_word(source, &word, "a type");
		}
		bits[type / 8] |= (uint8_t)(0x80 >> type % 8);
	}
	for (size_t window = 0; window < 256; window++) {
		const uint8_t *start = bits + window * 32;
		uint8_t size = 32;

		while (size > 0 && start[size - 1] == 0) {
			size--;
		}
		if (size > 0) {
			buf_write_u8(&source->out, (uint8_t)window);
			buf_write_u8(&source->out, size);
			buf_write(&source->out, start, size);
		}
	}
	return OK;
}

static int read_address(struct source *source, const struct word *word, int family)
{
	char text[WORD_MAX];
	uint8_t address[16];

	if (!word_copy(text, word) || inet_pton(family, text, address) != 1) {
		return fail_word(source, word,
				 family == AF_INET ? "an IPv4 address" : "an IPv6 address");
	}
	buf_write(&source->out, address, family == AF_INET ? 4 : 16);
	return OK;
}

/* RFC 8777 4.3.1: the bit D and the kind are words of their own, and no relay is ".". */
static int read_relay(struct source *source)
{
	struct word optional;
	struct word kind;
	struct word relay;

	if (!lines_word(&source->at, &optional) || !lines_word(&source->at, &kind) ||
	    !lines_word(&source->at, &relay)) {
		return fail(source, "fields are missing");
	}
	if (!word_is(&optional, "0") && !word_is(&optional, "1")) {
		return fail_word(source, &optional, "0 or 1");
	}
	if (kind.size != 1 || kind.text[0] < '0' || kind.text[0] > '3') {
		return fail_word(source, &kind, "a kind of relay: 0 to 3");
	}
	buf_write_u8(&source->out, (uint8_t)((optional.text[0] - '0') << 7 | (kind.text[0] - '0')));
	switch (kind.text[0]) {
	case '0':
		return word_is(&relay, ".")
			       ? OK
			       : fail_word(source, &relay, "\".\": kind 0 is no relay");
	case '3':
		return read_name(source, &relay);
	default:
		return read_address(source, &relay, kind.text[0] == '1' ? AF_INET : AF_INET6);
	}
}

static int read_field(struct source *source, char letter)
{
	struct word word;

	if (letter == 'b') {
		return read_bitmap(source);
	}
	if (letter == 'v') {
		return read_params(source);
	}
	if (letter == 't') {
		return read_strings(source);
	}
	if (letter == 'r') {
		return read_relay(source);
	}
	if (!lines_word(&source->at, &word)) {
		return fail(source, "fields are missing");
	}
	switch (letter) {
	case '1':
	case '2':
	case '4':
		return word.is_quoted ? fail_word(source, &word, "a number")
				      : read_number(source, &word, (size_t)(letter - '0'));
	case 'n':
		return read_name(source, &word);
	case 'g':
		return word.is_quoted ? fail_word(source, &word, "a tag: no quotes there")
				      : read_string(source, &word, true);
	default:
		return read_string(source, &word, false);
	}
}

int present_read(struct rdata *out, uint16_t type, const char *text, const uint8_t *origin,
		 char why[RDATA_WHY_MAX])
{
	struct source source = {
		.at = text,
		.origin = origin,
		.out = buf_writer(out->data, sizeof(out->data)),
		.why = why,
	};
	struct word word;
	int ret = OK;

	for (const char *letter = present_form(type); ret == OK && *letter != '\0'; letter++) {
		ret = read_field(&source, *letter);
	}
	if (ret == OK && lines_word(&source.at, &word)) {
		ret = fail_word(&source, &word, "part of this record");
	}
	if (ret == OK && source.out.failed) {
		ret = fail(&source, "a record of over 65535 octets");
	}
	out->size = buf_written(&source.out);
	return ret;
}
