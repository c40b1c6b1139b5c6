/*
 * Text to RDATA and back, by present.c or by ldns. ldns takes some things in silence: a number out of range is cut to its
 * width, a relative name may grow too long, a length that does not fit. So each field is compared
 * with its word again, names are ours in both directions, and the generic form (RFC 3597 5) never
 * reaches ldns. What comes out has passed dns_rdata_check().
 */
#include "zone/rdata.h"

#include <ctype.h>
#include <ldns/ldns.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "dns/rrtype.h"
#include "zone/lines.h"
#include "zone/present.h"
#include "zone/text.h"

/* Puts the sentence into `why`. */
static int fail(char why[RDATA_WHY_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int fail(char why[RDATA_WHY_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, RDATA_WHY_MAX, format, args);
	va_end(args);
	return ERR_CONF;
}

uint16_t rdata_type_from_text(const char *text)
{
	uint16_t type;

	if (dns_rrtype_from_text(&type, text) == OK) {
		return type;
	}
	if (strncasecmp(text, "TYPE", 4) == 0) {
		return 0;
	}
	return (uint16_t)ldns_get_rr_type_by_name(text);
}

const char *rdata_type_text(char out[16], uint16_t type)
{
	const ldns_rr_descriptor *row = ldns_rr_descript(type);

	dns_rrtype_to_text(out, type);
	if (dns_rrtype(type)->name[0] == '\0' && row != NULL && row->_name != NULL) {
		snprintf(out, 16, "%s", row->_name);
	}
	return out;
}

/* What the text is read with. */
struct source {
	const uint8_t *origin;
	char *why;
};

/* RFC 3123 5: [!]family:address/prefix, against what ldns made of both numbers. */
static bool is_prefix(const ldns_rdf *field, const struct word *word)
{
	const uint8_t *data = ldns_rdf_data(field);
	const char *end = word->text + word->size;
	const char *slash = memchr(word->text, '/', word->size);

	return slash != NULL && ldns_rdf_size(field) >= 3 && slash + 1 < end &&
	       strtoul(word->text + (word->text[0] == '!'), NULL, 10) ==
		       ((unsigned)data[0] << 8 | data[1]) &&
	       strtoul(slash + 1, NULL, 10) == data[2];
}

/* What one field of ldns may hide: numbers cut to their width, names cut or misread. */
static int check_field(const struct source *source, const ldns_rdf *field, const struct word *word,
		       struct rdata *rdata)
{
	uint8_t name[DNS_NAME_MAX];
	char show[WORD_SHOWN];
	uint64_t value = 0;
	uint32_t seconds = 0;
	int ret;

	word_shown(show, word->text, word->size);
	switch (ldns_rdf_get_type(field)) {
	case LDNS_RDF_TYPE_ALG:
	case LDNS_RDF_TYPE_CERT_ALG:
	case LDNS_RDF_TYPE_CERTIFICATE_USAGE:
	case LDNS_RDF_TYPE_SELECTOR:
	case LDNS_RDF_TYPE_MATCHING_TYPE:
		if (word->size > 0 && !isdigit((unsigned char)word->text[0])) {
			return OK; /* by its name, which ldns knows */
		}
		/* fall through */
	case LDNS_RDF_TYPE_INT8:
	case LDNS_RDF_TYPE_INT16:
	case LDNS_RDF_TYPE_INT32:
	case LDNS_RDF_TYPE_PERIOD:
		for (size_t i = 0; i < ldns_rdf_size(field); i++) {
			value = value << 8 | ldns_rdf_data(field)[i];
		}
		ret = word_seconds(word, &seconds);
		if (ret != OK || seconds != value) {
			return fail(source->why, "\"%s\" is not a number in its range", show);
		}
		return OK;
	case LDNS_RDF_TYPE_APL:
		return is_prefix(field, word)
			       ? OK
			       : fail(source->why, "\"%s\" is not an address prefix", show);
	case LDNS_RDF_TYPE_DNAME:
		ret = word_name(name, word, source->origin);
		if (ret < 0) {
			return fail(source->why, "\"%s\" is %s", show,
				    ret == ERR_RANGE
					    ? "too long for a name (63 octets a label, 255 in all)"
					    : "not a name");
		}
		rdata->size -= ldns_rdf_size(field);
		memcpy(rdata->data + rdata->size, name, (size_t)ret);
		rdata->size += (size_t)ret;
		return OK;
	default:
		return OK;
	}
}

/* Fields that are one word each; what follows another kind is not told apart any more. */
static bool field_is_word(const ldns_rdf *field)
{
	switch (ldns_rdf_get_type(field)) {
	case LDNS_RDF_TYPE_INT8:
	case LDNS_RDF_TYPE_INT16:
	case LDNS_RDF_TYPE_INT32:
	case LDNS_RDF_TYPE_PERIOD:
	case LDNS_RDF_TYPE_DNAME:
	case LDNS_RDF_TYPE_STR:
	case LDNS_RDF_TYPE_TAG:
	case LDNS_RDF_TYPE_A:
	case LDNS_RDF_TYPE_AAAA:
	case LDNS_RDF_TYPE_ALG:
	case LDNS_RDF_TYPE_CERT_ALG:
	case LDNS_RDF_TYPE_CERTIFICATE_USAGE:
	case LDNS_RDF_TYPE_SELECTOR:
	case LDNS_RDF_TYPE_MATCHING_TYPE:
	case LDNS_RDF_TYPE_APL:
		return true;
	default:
		return false;
	}
}

static int collect_fields(const struct source *source, const ldns_rr *rr, const char *text,
			  struct rdata *rdata)
{
	bool is_aligned = true;

	rdata->size = 0;
	for (size_t i = 0; i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *field = ldns_rr_rdf(rr, i);
		const size_t size = ldns_rdf_size(field);
		struct word word;

		/* Room for the longest name, which may stand in for what ldns made of it. */
		if (size + DNS_NAME_MAX > sizeof(rdata->data) - rdata->size) {
			return fail(source->why, "a record of over 65000 octets");
		}
		if (size > 0) { /* an empty field has no data */
			memcpy(rdata->data + rdata->size, ldns_rdf_data(field), size);
		}
		rdata->size += size;
		is_aligned = is_aligned && field_is_word(field) && lines_word(&text, &word);
		if (is_aligned) {
			const int ret = check_field(source, field, &word, rdata);

			if (ret != OK) {
				return ret;
			}
		}
	}
	return OK;
}

/* Numbers that no field of ldns shows by itself, or none that comes behind a word of another kind. */
static int check_hidden(const struct source *source, uint16_t type, const char *text)
{
	static const struct {
		uint16_t type;
		uint16_t word; /* from 0 */
		uint32_t most;
	} numbers[] = {
		{DNS_TYPE_SIG, 1, UINT8_MAX},      {DNS_TYPE_SIG, 2, UINT8_MAX},
		{DNS_TYPE_SIG, 6, UINT16_MAX},     {DNS_TYPE_IPSECKEY, 0, UINT8_MAX},
		{DNS_TYPE_IPSECKEY, 1, UINT8_MAX}, {DNS_TYPE_IPSECKEY, 2, UINT8_MAX},
	};
	struct word word;

	for (uint16_t at = 0; lines_word(&text, &word); at++) {
		for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
			char show[WORD_SHOWN];
			uint32_t value = 0;

			if (numbers[i].type == type && numbers[i].word == at && word.size > 0 &&
			    isdigit((unsigned char)word.text[0]) &&
			    (word_seconds(&word, &value) != OK || value > numbers[i].most)) {
				return fail(source->why, "\"%s\" is not a number in its range",
					    word_shown(show, word.text, word.size));
			}
		}
	}
	return OK;
}

/* ldns wants the key of IPSECKEY, the fifth field, in one word; RFC 4025 3.1 allows blanks. */
static void join_key(char *text)
{
	size_t words = 1;
	char *to = text;

	for (const char *at = text; *at != '\0'; at++) {
		if (*at == ' ' && ++words > 5) {
			continue;
		}
		*to++ = *at;
	}
	*to = '\0';
}

/* ldns wants the algorithm of KEY, the third field, as a number; RFC 2535 7.1 allows its name. */
static void number_algorithm(char *text)
{
	const ldns_lookup_table *row;
	const char *at = text;
	char name[WORD_MAX];
	struct word word;
	char *to;

	for (int i = 0; i < 3; i++) {
		if (!lines_word(&at, &word)) {
			return;
		}
	}
	row = !word.is_quoted && word_copy(name, &word) ? ldns_lookup_by_name(ldns_algorithms, name)
							: NULL;
	if (row == NULL || snprintf(name, sizeof(name), "%d", row->id) > (int)word.size) {
		return;
	}
	to = text + (word.text - text);
	memmove(to + strlen(name), to + word.size, strlen(to + word.size) + 1);
	memcpy(to, name, strlen(name));
}

static int from_ldns(const struct source *source, const char *type, const char *text,
		     struct rdata *rdata)
{
	const size_t room = strlen(type) + strlen(text) + 32;
	char *line = malloc(room);
	ldns_rdf *origin = ldns_rdf_new_frm_data(LDNS_RDF_TYPE_DNAME, dns_name_size(source->origin),
						 source->origin);
	ldns_rdf *previous = NULL;
	ldns_rr *rr = NULL;
	int ret = ERR_NOMEM;

	if (line != NULL && origin != NULL) {
		ldns_status status;

		const int behind = snprintf(line, room, ". 0 IN %s ", type);

		strcpy(line + behind, text);
		if (strcmp(type, "IPSECKEY") == 0) {
			join_key(line + behind);
		} else if (strcmp(type, "KEY") == 0) {
			number_algorithm(line + behind);
		}
		status = ldns_rr_new_frm_str(&rr, line, 0, origin, &previous);
		if (status == LDNS_STATUS_OK) {
			ret = collect_fields(source, rr, line + behind, rdata);
		} else if (status != LDNS_STATUS_MEM_ERR) {
			char show[WORD_SHOWN];

			ret = fail(source->why, "this is no %s record: \"%s\"", type,
				   word_shown(show, text, strlen(text)));
		}
	}
	ldns_rr_free(rr);
	ldns_rdf_deep_free(origin);
	ldns_rdf_deep_free(previous);
	free(line);
	return ret;
}

static int hex_value(char digit)
{
	if (isdigit((unsigned char)digit)) {
		return digit - '0';
	}
	return isxdigit((unsigned char)digit) ? tolower((unsigned char)digit) - 'a' + 10 : -1;
}

/* Behind "\#": the length, then hexadecimal digits with blanks anywhere (RFC 3597 5). */
static int from_generic(const struct source *source, const char *text, struct rdata *rdata)
{
	struct word word = {.size = 0};
	uint32_t expected = 0;
	int high = -1;

	rdata->size = 0;
	if (!lines_word(&text, &word) || word_seconds(&word, &expected) != OK ||
	    expected > sizeof(rdata->data)) {
		return fail(source->why,
			    "\\# wants a length, at most 65535, and hexadecimal digits");
	}
	for (; *text != '\0'; text++) {
		const int value = hex_value(*text);

		if (*text == ' ') {
			continue;
		}
		if (value < 0 || rdata->size == expected) {
			break;
		}
		if (high < 0) {
			high = value;
		} else {
			rdata->data[rdata->size++] = (uint8_t)(high << 4 | value);
			high = -1;
		}
	}
	if (*text != '\0' || high >= 0 || rdata->size != expected) {
		return fail(source->why, "\\# %u wants %u hexadecimal digits", expected,
			    expected * 2);
	}
	return OK;
}

/* key="value" means something to SVCB alone; elsewhere servers differ in what it is. */
static bool has_inner_quotes(const char *text)
{
	struct word word;

	while (lines_word(&text, &word)) {
		if (word.has_quotes) {
			return true;
		}
	}
	return false;
}

int rdata_from_text(struct rdata *out, uint16_t type, const char *text, const uint8_t *origin,
		    char why[RDATA_WHY_MAX])
{
	const struct source source = {.origin = origin, .why = why};
	const char *behind = text;
	char name[16];
	struct word word;
	int ret;

	rdata_type_text(name, type);
	if (!lines_word(&behind, &word) && type == DNS_TYPE_APL) {
		out->size = 0; /* RFC 3123 4: a list of no prefixes */
		return OK;
	}
	behind = text;
	if (!lines_word(&behind, &word)) {
		return fail(why, "%s without data", name);
	}
	if (word_is(&word, "\\#")) {
		ret = from_generic(&source, behind, out);
	} else if (type != DNS_TYPE_SVCB && type != DNS_TYPE_HTTPS && has_inner_quotes(text)) {
		ret = fail(why, "a quote within a word: write \\\"");
	} else if (present_knows(type)) {
		ret = present_read(out, type, text, origin, why);
	} else if (ldns_rr_descript(type)->_name == NULL) {
		ret = fail(why, "%s is read as \\# LENGTH HEX only (RFC 3597 section 5)", name);
	} else {
		ret = check_hidden(&source, type, text);
		if (ret == OK) {
			ret = from_ldns(&source, name, text, out);
		}
	}
	if (ret == OK && dns_rdata_check(type, out->data, (uint16_t)out->size) != OK) {
		ret = fail(why, "this is no valid %s record", name);
	}
	return ret;
}

/* ---- the other way ----------------------------------------------------------------------- */

/* \# LENGTH HEX */
static int generic_text(char **out, const uint8_t *rdata, uint16_t size)
{
	static const char digits[] = "0123456789abcdef";
	char *at = malloc((size_t)size * 2 + 16);

	*out = at;
	if (at == NULL) {
		return ERR_NOMEM;
	}
	at += sprintf(at, "\\# %u%s", size, size > 0 ? " " : "");
	for (uint16_t i = 0; i < size; i++) {
		*at++ = digits[rdata[i] >> 4];
		*at++ = digits[rdata[i] & 15];
	}
	*at = '\0';
	return OK;
}

/* Field by field: names as we write them, everything else as ldns does. */
static int fields_text(char **out, const ldns_rr *rr)
{
	ldns_buffer *buffer = ldns_buffer_new(1024);
	ldns_status status = buffer == NULL ? LDNS_STATUS_MEM_ERR : LDNS_STATUS_OK;

	for (size_t i = 0; status == LDNS_STATUS_OK && i < ldns_rr_rd_count(rr); i++) {
		const ldns_rdf *field = ldns_rr_rdf(rr, i);

		if (i > 0) {
			ldns_buffer_printf(buffer, " ");
		}
		if (ldns_rdf_get_type(field) == LDNS_RDF_TYPE_DNAME) {
			char text[DNS_NAME_TEXT_MAX];

			dns_name_to_text(text, ldns_rdf_data(field));
			ldns_buffer_printf(buffer, "%s", text);
		} else {
			status = ldns_rdf2buffer_str(buffer, field);
		}
	}
	*out = NULL;
	if (status == LDNS_STATUS_OK) {
		char *text = ldns_buffer_export2str(buffer);

		/* From ldns's allocator to ours, and without a blank at the end. */
		if (text != NULL) {
			size_t size = strlen(text);

			while (size > 0 && text[size - 1] == ' ') {
				size--;
			}
			*out = strndup(text, size);
			LDNS_FREE(text);
		}
		status = *out == NULL ? LDNS_STATUS_MEM_ERR : LDNS_STATUS_OK;
	}
	ldns_buffer_free(buffer);
	if (status == LDNS_STATUS_OK) {
		return OK;
	}
	return status == LDNS_STATUS_MEM_ERR ? ERR_NOMEM : ERR_FORMAT;
}

static int by_ldns(char **out, uint16_t type, const uint8_t *rdata, uint16_t size)
{
	const size_t wire_size = (size_t)size + 2;
	uint8_t *wire = malloc(wire_size);
	ldns_rr *rr = ldns_rr_new();
	size_t at = 0;
	int ret = ERR_NOMEM;

	if (wire != NULL && rr != NULL) {
		wire[0] = (uint8_t)(size >> 8);
		wire[1] = (uint8_t)size;
		memcpy(wire + 2, rdata, size);
		ldns_rr_set_type(rr, type);
		ret = ERR_FORMAT;
		if (ldns_wire2rdf(rr, wire, wire_size, &at) == LDNS_STATUS_OK) {
			ret = fields_text(out, rr);
		}
	}
	ldns_rr_free(rr);
	free(wire);
	return ret;
}

/* Does the text read as what it was made of? ldns has types where it does not (WKS, NXT). */
static int reads_back(const char *text, uint16_t type, const uint8_t *rdata, uint16_t size)
{
	static const uint8_t root[] = {0};
	struct rdata *again = malloc(sizeof(*again));
	char why[RDATA_WHY_MAX];
	int ret = ERR_NOMEM;

	if (again != NULL) {
		ret = rdata_from_text(again, type, text, root, why);
	}
	if (ret == ERR_CONF ||
	    (ret == OK && (again->size != size || memcmp(again->data, rdata, size) != 0))) {
		ret = ERR_FORMAT;
	}
	free(again);
	return ret;
}

int text_rdata(char **out, uint16_t type, const uint8_t *rdata, uint16_t size)
{
	int ret = ERR_FORMAT;

	*out = NULL;
	if (dns_rdata_check(type, rdata, size) != OK) {
		return ERR_FORMAT;
	}
	if (present_knows(type)) {
		return present_write(out, type, rdata, size);
	}
	/* What ldns has no row for, and the empty RDATA that it cannot say, are generic. */
	if (size > 0 && ldns_rr_descript(type)->_name != NULL) {
		ret = by_ldns(out, type, rdata, size);
		if (ret == OK) {
			ret = reads_back(*out, type, rdata, size);
		}
		if (ret != OK) {
			free(*out);
			*out = NULL;
		}
	}
	return ret == ERR_FORMAT ? generic_text(out, rdata, size) : ret;
}
