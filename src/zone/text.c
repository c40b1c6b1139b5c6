/*
 * Master files into records.
 *
 * Reading goes line by line, so that every error has its file and line: source.c has the files,
 * lines.c gives words; directive, owner, TTL, class and type are looked at here, and rdata.c has
 * the rest. The records wait in an arena (gather.c) until the whole is found good; only then the
 * caller sees the first one.
 */
#include "zone/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "dns/rrtype.h"
#include "zone/gather.h"
#include "zone/lines.h"
#include "zone/rdata.h"
#include "zone/source.h"

struct reading {
	struct source *source; /* the file that is read, and those that include it */
	bool may_include;
	size_t includes; /* read so far */
	bool is_base;
	struct gather gather;
	const struct text_sink *sink;
	struct text_error *error;
	bool has_ttl;
	bool is_ttl_fixed; /* by $TTL (RFC 2308 4); else it is the last one given (RFC 1035 5.1) */
	uint32_t ttl;
	struct rdata rdata; /* of the record that is read */
};

/* ---- errors ------------------------------------------------------------------------------ */

static struct place here(const struct reading *reading)
{
	return (struct place){reading->source->path, reading->source->lines.start};
}

static int fail_at(const struct reading *reading, struct place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail_at(const struct reading *reading, struct place place, const char *format, ...)
{
	char why[sizeof(reading->error->text)];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	/* A long path must not push out the reason. */
	snprintf(reading->error->text, sizeof(reading->error->text), "%.240s:%d: %.250s",
		 place.path, place.line, why);
	return ERR_CONF;
}

#define fail(reading, ...) fail_at(reading, here(reading), __VA_ARGS__)

static void warn(void *context, struct place place, const char *text)
{
	const struct reading *reading = context;
	char line[sizeof(reading->error->text)];

	if (reading->sink->warning != NULL) {
		snprintf(line, sizeof(line), "%.240s:%d: %.250s", place.path, place.line, text);
		reading->sink->warning(reading->sink->context, line);
	}
}

/* ---- words ------------------------------------------------------------------------------- */

static int read_name(const struct reading *reading, const struct word *word,
		     uint8_t out[DNS_NAME_MAX])
{
	const int size = word_name(out, word, reading->source->origin);
	char show[WORD_SHOWN];

	if (size >= 0) {
		return OK;
	}
	return fail(reading, "\"%s\" is %s", word_shown(show, word->text, word->size),
		    size == ERR_RANGE ? "too long for a name (63 octets a label, 255 in all)"
				      : "not a name");
}

static bool looks_like_seconds(const struct word *word)
{
	return !word->is_quoted && word->size > 0 && isdigit((unsigned char)word->text[0]);
}

static int read_ttl(const struct reading *reading, const struct word *word, uint32_t *out)
{
	char show[WORD_SHOWN];
	const int ret = word_seconds(word, out);

	word_shown(show, word->text, word->size);
	if (ret == ERR_RANGE || (ret == OK && *out > DNS_TTL_MAX)) {
		return fail(reading, "TTL %s is over %u seconds", show, DNS_TTL_MAX);
	}
	if (ret != OK) {
		return fail(reading, "\"%s\" is not a time, such as 3600 or 1h", show);
	}
	return OK;
}

/* ---- records ----------------------------------------------------------------------------- */

/* A type that a zone may hold? */
static int check_type(const struct reading *reading, uint16_t type, const struct word *word)
{
	char name[WORD_SHOWN];

	word_shown(name, word->text, word->size);
	switch (type) {
	case DNS_TYPE_RRSIG:
	case DNS_TYPE_NSEC:
	case DNS_TYPE_DNSKEY:
	case DNS_TYPE_NSEC3:
	case DNS_TYPE_NSEC3PARAM:
		return fail(reading,
			    "%s: signed zones are not served; let a secondary sign, see "
			    "SIGNED ZONES in waggled.conf(5)",
			    name);
	case DNS_TYPE_NXT:
		return fail(reading, "%s is obsolete and not stored", name);
	default:
		break;
	}
	if (type == 0) {
		return fail(reading, "unknown type \"%s\"", name);
	}
	if (dns_rrtype_is_meta(type)) {
		return fail(reading, "%s is not a type of data", name);
	}
	return OK;
}

/* A class other than IN? */
static bool is_foreign_class(const struct word *word)
{
	return word_is(word, "CH") || word_is(word, "HS") || word_is(word, "NONE") ||
	       (!word->is_quoted && word->size > 5 && strncasecmp(word->text, "CLASS", 5) == 0);
}

/* What stands between owner and RDATA. */
struct middle {
	bool has_ttl;
	uint32_t ttl;
	uint16_t type;
};

/* TTL and class, in either order, then the type. *at ends behind it. */
static int read_middle(const struct reading *reading, const char **at, struct middle *middle)
{
	bool has_class = false;
	char show[WORD_SHOWN];
	char text[WORD_MAX];
	struct word word;
	int ret = OK;

	while (ret == OK && lines_word(at, &word)) {
		if (!middle->has_ttl && looks_like_seconds(&word)) {
			ret = read_ttl(reading, &word, &middle->ttl);
			middle->has_ttl = true;
		} else if (!has_class && (word_is(&word, "IN") || word_is(&word, "CLASS1"))) {
			has_class = true;
		} else if (!has_class && is_foreign_class(&word)) {
			ret = fail(reading, "class %s: only IN is served",
				   word_shown(show, word.text, word.size));
		} else {
			if (!word.is_quoted && word_copy(text, &word)) {
				middle->type = rdata_type_from_text(text);
			}
			return check_type(reading, middle->type, &word);
		}
	}
	return ret != OK ? ret : fail(reading, "a record without a type");
}

/* MINIMUM, the last field of a SOA. */
static uint32_t soa_minimum(const struct rdata *rdata)
{
	struct buf_reader reader = buf_reader(rdata->data + rdata->size - 4, 4);

	return buf_read_u32(&reader);
}

/* The TTL of a record that has none of its own. */
static int inherit_ttl(const struct reading *reading, struct middle *middle,
		       const struct rdata *rdata)
{
	if (reading->has_ttl) {
		middle->ttl = reading->ttl;
	} else if (middle->type == DNS_TYPE_SOA) {
		middle->ttl = soa_minimum(rdata);
	} else {
		return fail(reading, "no TTL: give one here, or $TTL at the top of the file");
	}
	return OK;
}

static int read_owner(struct reading *reading, const char **at)
{
	struct source *source = reading->source;
	struct word word;

	if (source->lines.has_owner) {
		source->has_owner = true;
		(void)lines_word(at, &word);
		return read_name(reading, &word, source->owner);
	}
	if (!source->has_owner) {
		return fail(reading, "the first record begins with a blank, so it has no name");
	}
	return OK;
}

static int read_data(struct reading *reading, uint16_t type, const char *text)
{
	char why[RDATA_WHY_MAX];
	const int ret = rdata_from_text(&reading->rdata, type, text, reading->source->origin, why);

	return ret == ERR_CONF ? fail(reading, "%s", why) : ret;
}

static int read_record(struct reading *reading)
{
	const char *at = reading->source->lines.text;
	const uint8_t *owner = reading->source->owner;
	struct middle middle = {.has_ttl = false};
	char why[GATHER_WHY_MAX] = "";
	int ret = read_owner(reading, &at);

	if (ret == OK) {
		ret = read_middle(reading, &at, &middle);
	}
	if (ret == OK &&
	    gather_check_place(&reading->gather, here(reading), owner, middle.type, why) != OK) {
		ret = fail(reading, "%s", why);
	}
	if (ret == OK) {
		ret = read_data(reading, middle.type, at);
	}
	if (ret == OK && !middle.has_ttl) {
		ret = inherit_ttl(reading, &middle, &reading->rdata);
	}
	if (ret != OK) {
		return ret;
	}
	if (!reading->is_ttl_fixed) {
		reading->ttl = middle.ttl;
		reading->has_ttl = true;
	}
	ret = gather_add(&reading->gather, here(reading), owner, middle.type, middle.ttl,
			 &reading->rdata, why);
	return ret == ERR_CONF ? fail(reading, "%s", why) : ret;
}

/* ---- directives -------------------------------------------------------------------------- */

/* The words behind a directive. */
struct arguments {
	size_t count; /* those beyond the second are not kept */
	struct word words[2];
};

static int set_origin(struct reading *reading, const struct arguments *arguments)
{
	uint8_t name[DNS_NAME_MAX];
	int ret;

	if (arguments->count != 1) {
		return fail(reading, "$ORIGIN wants one name");
	}
	ret = read_name(reading, &arguments->words[0], name);
	if (ret == OK) {
		memcpy(reading->source->origin, name, dns_name_size(name));
	}
	return ret;
}

static int set_ttl(struct reading *reading, const struct arguments *arguments)
{
	int ret;

	if (arguments->count != 1) {
		return fail(reading, "$TTL wants one time, such as 3600 or 1h");
	}
	ret = read_ttl(reading, &arguments->words[0], &reading->ttl);
	reading->has_ttl = true;
	reading->is_ttl_fixed = true;
	return ret;
}

static bool is_too_deep(const struct source *source)
{
	size_t depth = 0;

	for (; source != NULL; source = source->includer) {
		depth++;
	}
	return depth >= SOURCE_DEPTH_MAX;
}

/* RFC 1035 5.1: the file's records come here; origin and owner are afterwards what they were. */
static int include(struct reading *reading, const struct arguments *arguments)
{
	uint8_t origin[DNS_NAME_MAX];
	char name[WORD_MAX];
	char why[SOURCE_WHY_MAX];
	struct buf_writer out = buf_writer(name, sizeof(name) - 1);
	const char *path;
	int ret = OK;

	if (!reading->may_include) {
		return fail(reading, "$INCLUDE works in files only");
	}
	if (arguments->count < 1 || arguments->count > 2 ||
	    !word_octets(&out, &arguments->words[0]) || out.failed || buf_written(&out) == 0 ||
	    memchr(name, '\0', buf_written(&out)) != NULL) {
		return fail(reading, "$INCLUDE wants the name of a file, and perhaps an origin");
	}
	name[buf_written(&out)] = '\0';
	memcpy(origin, reading->source->origin, sizeof(origin));
	if (arguments->count == 2) {
		ret = read_name(reading, &arguments->words[1], origin);
	}
	if (ret != OK) {
		return ret;
	}
	if (is_too_deep(reading->source)) {
		return fail(reading, "$INCLUDE: over %d files within each other", SOURCE_DEPTH_MAX);
	}
	if (reading->includes++ == SOURCE_FILES_MAX) {
		return fail(reading, "over %d times $INCLUDE in one zone", SOURCE_FILES_MAX);
	}
	path = source_path(reading->source, name, &reading->gather.arena);
	if (path == NULL) {
		return ERR_NOMEM;
	}
	ret = source_open(&reading->source, path, origin, &reading->gather.arena, why);
	return ret == ERR_IO ? fail(reading, "$INCLUDE %.150s: %s", path, why) : ret;
}

static int read_directive(struct reading *reading)
{
	const char *at = reading->source->lines.text;
	struct arguments arguments = {.count = 0};
	char show[WORD_SHOWN];
	struct word directive;
	struct word word;

	(void)lines_word(&at, &directive);
	while (lines_word(&at, &word)) {
		if (arguments.count < 2) {
			arguments.words[arguments.count] = word;
		}
		arguments.count++;
	}
	if (word_is(&directive, "$ORIGIN")) {
		return set_origin(reading, &arguments);
	}
	if (word_is(&directive, "$TTL")) {
		return set_ttl(reading, &arguments);
	}
	if (word_is(&directive, "$INCLUDE")) {
		return include(reading, &arguments);
	}
	if (word_is(&directive, "$GENERATE")) {
		return fail(reading, "$GENERATE is not read: write its records out");
	}
	return fail(reading, "unknown directive %s",
		    word_shown(show, directive.text, directive.size));
}

/* ---- a file ------------------------------------------------------------------------------ */

/* All lines of the open file and of those it includes. It is still open afterwards. */
static int read_lines(struct reading *reading)
{
	int ret = OK;

	while (ret == OK) {
		struct lines *lines = &reading->source->lines;
		const char *why = NULL;
		const int more = lines_next(lines, &why);

		if (more < 0) {
			ret = fail(reading, "%s", why);
		} else if (more > 0 && lines->has_owner && lines->text[0] == '$') {
			ret = read_directive(reading);
		} else if (more > 0) {
			ret = read_record(reading);
		} else if (reading->source->includer == NULL) {
			break;
		} else {
			source_close(&reading->source);
		}
	}
	return ret;
}

/* What the whole file must have. */
static int check_file(const struct reading *reading)
{
	const struct gather *gather = &reading->gather;
	const struct place end = {reading->source->path, reading->source->lines.line};
	struct place place;
	char text[DNS_NAME_TEXT_MAX];
	char why[GATHER_WHY_MAX];

	dns_name_to_text(text, gather->apex);
	if (!reading->is_base && gather->soa == NULL) {
		return fail_at(reading, end, "the file ends without a SOA at %.200s", text);
	}
	if (!reading->is_base && !gather->has_ns) {
		return fail_at(reading, end, "the file ends without NS at %.200s", text);
	}
	if (gather_check(gather, &place, why) != OK) {
		return fail_at(reading, place, "%s", why);
	}
	return OK;
}

static int hand_over(const struct reading *reading)
{
	const struct text_sink *sink = reading->sink;

	for (const struct entry *entry = reading->gather.first; entry != NULL;
	     entry = entry->next) {
		int ret;

		reading->error->text[0] = '\0';
		ret = sink->record(sink->context, entry->name, entry->type, entry->ttl,
				   entry->rdata, entry->size);
		if (ret != OK) {
			char why[sizeof(reading->error->text)];

			memcpy(why, reading->error->text, sizeof(why));
			(void)fail_at(reading, entry->place, "%s",
				      why[0] != '\0' ? why : err_text(ret));
			return ret;
		}
	}
	return OK;
}

static struct reading *reading_new(const uint8_t *apex, int is_base, const struct text_sink *sink,
				   struct text_error *error)
{
	struct reading *reading = malloc(sizeof(*reading));

	error->text[0] = '\0';
	if (reading != NULL) {
		reading->source = NULL;
		reading->may_include = false;
		reading->includes = 0;
		reading->is_base = is_base != 0;
		reading->sink = sink;
		reading->error = error;
		reading->has_ttl = false;
		reading->is_ttl_fixed = false;
		reading->ttl = 0;
		gather_init(&reading->gather, apex, warn, reading);
	}
	return reading;
}

static void reading_free(struct reading *reading)
{
	source_close_all(&reading->source);
	gather_deinit(&reading->gather);
	free(reading);
}

static int read_whole(struct reading *reading)
{
	int ret = read_lines(reading);

	if (ret == OK) {
		ret = check_file(reading);
	}
	if (ret == OK) {
		ret = hand_over(reading);
	}
	if (ret == OK) {
		gather_review(&reading->gather, reading->is_base);
	}
	return ret;
}

int text_parse(const char *text, size_t size, const char *path, const uint8_t *apex, int is_base,
	       text_record_fn fn, void *context, struct text_error *error)
{
	const struct text_sink sink = {.record = fn, .context = context};
	struct reading *reading = reading_new(apex, is_base, &sink, error);
	int ret;

	if (reading == NULL) {
		return ERR_NOMEM;
	}
	ret = source_open_text(&reading->source, text, size, path, apex);
	if (ret == OK) {
		ret = read_whole(reading);
	}
	reading_free(reading);
	return ret;
}

int text_load(const char *path, const uint8_t *apex, int is_base, const struct text_sink *sink,
	      struct text_error *error)
{
	struct reading *reading = reading_new(apex, is_base, sink, error);
	char why[SOURCE_WHY_MAX];
	int ret;

	if (reading == NULL) {
		return ERR_NOMEM;
	}
	reading->may_include = true;
	ret = source_open(&reading->source, path, apex, &reading->gather.arena, why);
	if (ret == ERR_IO) {
		snprintf(error->text, sizeof(error->text), "%.300s: %.200s", path, why);
	}
	if (ret == OK) {
		ret = read_whole(reading);
	}
	reading_free(reading);
	return ret;
}
