/*
 * Master files into records, and records into text.
 *
 * Reading goes line by line, so that every error has its line: lines.c gives words; directive,
 * owner, TTL, class and type are looked at here, and rdata.c (ldns) has the rest. The records
 * wait in an arena until the whole file is found good; only then the caller sees the first one.
 */
#include "zone/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/map.h"
#include "crypto/random.h"
#include "dns/rrtype.h"
#include "zone/lines.h"
#include "zone/rdata.h"

#define ARENA_BLOCK 65536

/* A record, in the order of the file. */
struct entry {
	struct entry *next;
	int line;
	uint32_t ttl;
	uint16_t type;
	uint16_t size;
	uint8_t *rdata;
	uint8_t name[]; /* as spelled */
};

/* What is at one name: the first record there, the first CNAME, the first of another type. */
struct owned {
	int cname_line;
	int other_line;
};

struct reading {
	struct lines *lines;
	const char *path;
	const uint8_t *apex;
	bool is_base;
	struct text_error *error;
	struct arena arena;
	struct map sets; /* type and folded name -> first entry of the set */
	struct map rrs; /* the same and folded RDATA -> entry */
	struct map names; /* folded name -> struct owned */
	struct entry *first;
	struct entry **last;
	const struct entry *soa;
	bool has_ns;
	bool has_owner;
	bool has_ttl;
	bool is_ttl_fixed; /* by $TTL (RFC 2308 4); else it is the last one given (RFC 1035 5.1) */
	uint32_t ttl;
	uint8_t origin[DNS_NAME_MAX];
	uint8_t owner[DNS_NAME_MAX];
};

/* ---- errors ------------------------------------------------------------------------------ */

static int fail_at(const struct reading *reading, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail_at(const struct reading *reading, int line, const char *format, ...)
{
	char why[sizeof(reading->error->text)];
	va_list args;

	va_start(args, format);
	vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	/* A long path must not push out the reason. */
	snprintf(reading->error->text, sizeof(reading->error->text), "%.240s:%d: %.250s",
		 reading->path, line, why);
	return ERR_CONF;
}

#define fail(reading, ...) fail_at(reading, (reading)->lines->start, __VA_ARGS__)

/* ---- words ------------------------------------------------------------------------------- */

static int read_name(const struct reading *reading, const struct word *word,
		     uint8_t out[DNS_NAME_MAX])
{
	const int size = word_name(out, word, reading->origin);
	char show[WORD_SHOWN];

	if (size >= 0) {
		return OK;
	}
	return fail(reading, "\"%s\" is %s", word_shown(show, word->text, word->size),
		    size == ERR_RANGE ? "a name of over 255 octets" : "not a name");
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
			    "%s: signed zones are not served: a secondary that signs can "
			    "sit in front",
			    name);
	case DNS_TYPE_SIG:
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

static bool is_wildcard(const uint8_t *name)
{
	return name[0] == 1 && name[1] == '*';
}

/* What a record's name and type tell by themselves. */
static int check_place(const struct reading *reading, uint16_t type)
{
	const uint8_t *owner = reading->owner;
	const bool is_apex = dns_name_equal(owner, reading->apex);
	char one[DNS_NAME_TEXT_MAX];
	char other[DNS_NAME_TEXT_MAX];

	if (!dns_name_is_in(owner, reading->apex)) {
		return fail(reading, "%.100s is not in the zone %.100s",
			    dns_name_to_text(one, owner), dns_name_to_text(other, reading->apex));
	}
	if (type == DNS_TYPE_SOA && !is_apex) {
		return fail(reading, "a SOA below the apex, at %.200s",
			    dns_name_to_text(one, owner));
	}
	if (type == DNS_TYPE_SOA && reading->soa != NULL) {
		return fail(reading, "a second SOA; the first is in line %d", reading->soa->line);
	}
	/* RFC 4592 4.2, 4.4: undefined or discouraged. */
	if ((type == DNS_TYPE_NS || type == DNS_TYPE_DNAME) && is_wildcard(owner)) {
		return fail(reading, "%s at a wildcard", type == DNS_TYPE_NS ? "NS" : "DNAME");
	}
	return OK;
}

/* RFC 1034 3.6.2; KEY may stay, RFC 2181 10.1. */
static int check_cname(struct reading *reading, const uint8_t *folded, size_t size, uint16_t type)
{
	struct owned *owned = map_get(&reading->names, folded, size);
	char text[DNS_NAME_TEXT_MAX];
	int line;

	if (owned == NULL) {
		owned = arena_calloc(&reading->arena, 1, sizeof(*owned));
		if (owned == NULL || map_put(&reading->names, folded, size, owned) != OK) {
			return ERR_NOMEM;
		}
	}
	if (type == DNS_TYPE_KEY) {
		return OK;
	}
	line = type == DNS_TYPE_CNAME ? owned->other_line : owned->cname_line;
	if (line != 0) {
		return fail(reading, "a CNAME beside other records at %.100s, see line %d",
			    dns_name_to_text(text, reading->owner), line);
	}
	if (type == DNS_TYPE_CNAME) {
		owned->cname_line = reading->lines->start;
	} else if (owned->other_line == 0) {
		owned->other_line = reading->lines->start;
	}
	return OK;
}

static bool is_single(uint16_t type)
{
	return type == DNS_TYPE_CNAME || type == DNS_TYPE_DNAME;
}

static struct entry *entry_new(struct reading *reading, uint16_t type, uint32_t ttl,
			       const struct rdata *rdata)
{
	const size_t name_size = dns_name_size(reading->owner);
	struct entry *entry = arena_alloc(&reading->arena, sizeof(*entry) + name_size);

	if (entry == NULL) {
		return NULL;
	}
	entry->rdata = arena_dup(&reading->arena, rdata->data, rdata->size);
	if (entry->rdata == NULL) {
		return NULL;
	}
	entry->next = NULL;
	entry->line = reading->lines->start;
	entry->ttl = ttl;
	entry->type = type;
	entry->size = (uint16_t)rdata->size;
	memcpy(entry->name, reading->owner, name_size);
	return entry;
}

/* Adds the record to its set, unless it is there. */
static int add_record(struct reading *reading, uint16_t type, uint32_t ttl,
		      const struct rdata *rdata)
{
	const size_t name_size = dns_name_size(reading->owner);
	const size_t set_size = 2 + name_size;
	uint8_t *key = arena_alloc(&reading->arena, set_size + rdata->size);
	const struct entry *set;
	struct entry *entry;
	int ret;

	if (key == NULL) {
		return ERR_NOMEM;
	}
	key[0] = (uint8_t)(type >> 8);
	key[1] = (uint8_t)type;
	dns_name_fold(key + 2, reading->owner);
	dns_rdata_fold(key + set_size, type, rdata->data, (uint16_t)rdata->size);
	if (map_get(&reading->rrs, key, set_size + rdata->size) != NULL) {
		return OK;
	}
	ret = check_cname(reading, key + 2, name_size, type);
	if (ret != OK) {
		return ret;
	}
	set = map_get(&reading->sets, key, set_size);
	if (set != NULL && is_single(type)) {
		return fail(reading, "a second %s at this name; the first is in line %d",
			    type == DNS_TYPE_CNAME ? "CNAME" : "DNAME", set->line);
	}
	/* RFC 2181 5.2 */
	entry = entry_new(reading, type, set != NULL ? set->ttl : ttl, rdata);
	if (entry == NULL || map_put(&reading->rrs, key, set_size + rdata->size, entry) != OK ||
	    (set == NULL && map_put(&reading->sets, key, set_size, entry) != OK)) {
		return ERR_NOMEM;
	}
	*reading->last = entry;
	reading->last = &entry->next;
	if (type == DNS_TYPE_SOA) {
		reading->soa = entry;
	}
	reading->has_ns |= type == DNS_TYPE_NS && dns_name_equal(reading->owner, reading->apex);
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
		} else if (!has_class && word_is(&word, "IN")) {
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
	struct word word;

	if (reading->lines->has_owner) {
		reading->has_owner = true;
		(void)lines_word(at, &word);
		return read_name(reading, &word, reading->owner);
	}
	if (!reading->has_owner) {
		return fail(reading, "the first record begins with a blank, so it has no name");
	}
	return OK;
}

static int read_record(struct reading *reading, struct rdata *rdata)
{
	const char *at = reading->lines->text;
	struct middle middle = {.has_ttl = false};
	char why[RDATA_WHY_MAX];
	int ret = read_owner(reading, &at);

	if (ret == OK) {
		ret = read_middle(reading, &at, &middle);
	}
	if (ret == OK) {
		ret = check_place(reading, middle.type);
	}
	if (ret == OK) {
		ret = rdata_from_text(rdata, middle.type, at, reading->origin, why);
		if (ret == ERR_CONF) {
			ret = fail(reading, "%s", why);
		}
	}
	if (ret == OK && !middle.has_ttl) {
		ret = inherit_ttl(reading, &middle, rdata);
	}
	if (ret == OK && !reading->is_ttl_fixed) {
		reading->ttl = middle.ttl;
		reading->has_ttl = true;
	}
	return ret != OK ? ret : add_record(reading, middle.type, middle.ttl, rdata);
}

/* ---- directives -------------------------------------------------------------------------- */

static int read_directive(struct reading *reading)
{
	const char *at = reading->lines->text;
	char show[WORD_SHOWN];
	struct word directive;
	struct word word = {.size = 0};
	struct word more;
	bool is_one;
	int ret;

	(void)lines_word(&at, &directive);
	is_one = lines_word(&at, &word) && !lines_word(&at, &more);
	if (word_is(&directive, "$ORIGIN")) {
		uint8_t name[DNS_NAME_MAX];

		if (!is_one) {
			return fail(reading, "$ORIGIN wants one name");
		}
		ret = read_name(reading, &word, name);
		if (ret == OK) {
			memcpy(reading->origin, name, dns_name_size(name));
		}
		return ret;
	}
	if (word_is(&directive, "$TTL")) {
		if (!is_one) {
			return fail(reading, "$TTL wants one time, such as 3600 or 1h");
		}
		ret = read_ttl(reading, &word, &reading->ttl);
		reading->has_ttl = true;
		reading->is_ttl_fixed = true;
		return ret;
	}
	if (word_is(&directive, "$INCLUDE")) {
		return fail(reading, "$INCLUDE is not read: put its records into this file");
	}
	if (word_is(&directive, "$GENERATE")) {
		return fail(reading, "$GENERATE is not read: write its records out");
	}
	return fail(reading, "unknown directive %s",
		    word_shown(show, directive.text, directive.size));
}

/* ---- a file ------------------------------------------------------------------------------ */

static int read_lines(struct reading *reading)
{
	struct rdata *rdata = malloc(sizeof(*rdata));
	int ret = rdata == NULL ? ERR_NOMEM : OK;

	while (ret == OK) {
		const char *why = NULL;
		const int more = lines_next(reading->lines, &why);

		if (more == 0) {
			break;
		}
		if (more < 0) {
			ret = fail(reading, "%s", why);
		} else if (reading->lines->has_owner && reading->lines->text[0] == '$') {
			ret = read_directive(reading);
		} else {
			ret = read_record(reading, rdata);
		}
	}
	free(rdata);
	return ret;
}

/* What the whole file must have. */
static int check_file(const struct reading *reading)
{
	char text[DNS_NAME_TEXT_MAX];
	const int line = reading->lines->line;

	if (reading->is_base) {
		return OK;
	}
	dns_name_to_text(text, reading->apex);
	if (reading->soa == NULL) {
		return fail_at(reading, line, "the file ends without a SOA at %.200s", text);
	}
	if (!reading->has_ns) {
		return fail_at(reading, line, "the file ends without NS at %.200s", text);
	}
	return OK;
}

static int hand_over(const struct reading *reading, text_record_fn fn, void *context)
{
	for (const struct entry *entry = reading->first; entry != NULL; entry = entry->next) {
		int ret;

		reading->error->text[0] = '\0';
		ret = fn(context, entry->name, entry->type, entry->ttl, entry->rdata, entry->size);
		if (ret != OK) {
			char why[sizeof(reading->error->text)];

			memcpy(why, reading->error->text, sizeof(why));
			(void)fail_at(reading, entry->line, "%s",
				      why[0] != '\0' ? why : err_text(ret));
			return ret;
		}
	}
	return OK;
}

int text_parse(const char *text, size_t size, const char *path, const uint8_t *apex, int is_base,
	       text_record_fn fn, void *context, struct text_error *error)
{
	struct reading reading = {
		.lines = malloc(sizeof(*reading.lines)),
		.path = path,
		.apex = apex,
		.is_base = is_base != 0,
		.error = error,
		.last = &reading.first,
	};
	int ret = ERR_NOMEM;

	error->text[0] = '\0';
	arena_init(&reading.arena, ARENA_BLOCK);
	map_init(&reading.sets, random_u64());
	map_init(&reading.rrs, random_u64());
	map_init(&reading.names, random_u64());
	memcpy(reading.origin, apex, dns_name_size(apex));
	if (reading.lines != NULL) {
		lines_init(reading.lines, text, size);
		ret = read_lines(&reading);
	}
	if (ret == OK) {
		ret = check_file(&reading);
	}
	if (ret == OK) {
		ret = hand_over(&reading, fn, context);
	}
	map_deinit(&reading.names);
	map_deinit(&reading.rrs);
	map_deinit(&reading.sets);
	arena_deinit(&reading.arena);
	free(reading.lines);
	return ret;
}

static int read_whole(FILE *file, char **out, size_t *size)
{
	size_t room = 65536;
	char *data = malloc(room);

	*size = 0;
	while (data != NULL) {
		char *more;

		*size += fread(data + *size, 1, room - *size, file);
		if (*size < room) {
			break;
		}
		room *= 2;
		more = realloc(data, room);
		if (more == NULL) {
			free(data);
		}
		data = more;
	}
	*out = data;
	if (data == NULL) {
		return ERR_NOMEM;
	}
	return ferror(file) ? ERR_IO : OK;
}

int text_load(const char *path, const uint8_t *apex, int is_base, text_record_fn fn, void *context,
	      struct text_error *error)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	int ret = ERR_IO;

	error->text[0] = '\0';
	if (file != NULL) {
		ret = read_whole(file, &text, &size);
	}
	if (ret == ERR_IO) {
		snprintf(error->text, sizeof(error->text), "%.400s: %s", path, strerror(errno));
	}
	if (file != NULL) {
		fclose(file);
	}
	if (ret == OK) {
		ret = text_parse(text, size, path, apex, is_base, fn, context, error);
	}
	free(text);
	return ret;
}

/* ---- text out ---------------------------------------------------------------------------- */

struct zone_line {
	char *text;
	bool is_soa;
};

struct zone_lines {
	struct zone_line *lines;
	size_t count;
	size_t room;
	size_t size; /* of all lines, with their newlines */
};

static int zone_lines_add(struct zone_lines *all, char *text, bool is_soa)
{
	if (all->count == all->room) {
		const size_t room = all->room == 0 ? 256 : all->room * 2;
		struct zone_line *lines = realloc(all->lines, room * sizeof(*lines));

		if (lines == NULL) {
			return ERR_NOMEM;
		}
		all->lines = lines;
		all->room = room;
	}
	all->lines[all->count++] = (struct zone_line){.text = text, .is_soa = is_soa};
	all->size += strlen(text) + 1;
	return OK;
}

static int add_line(void *context, const struct delta_rr *rr)
{
	char owner[DNS_NAME_TEXT_MAX];
	char type[16];
	char *rdata = NULL;
	char *line = NULL;
	size_t room;
	int ret = text_rdata(&rdata, rr->type, rr->rdata, rr->size);

	if (ret != OK) {
		return ret;
	}
	dns_name_to_text(owner, rr->name);
	rdata_type_text(type, rr->type);
	room = strlen(owner) + strlen(rdata) + sizeof(type) + 32;
	line = malloc(room);
	if (line != NULL) {
		snprintf(line, room, "%s %u IN %s %s", owner, rr->ttl, type, rdata);
	}
	free(rdata);
	ret = line == NULL ? ERR_NOMEM : zone_lines_add(context, line, rr->type == DNS_TYPE_SOA);
	if (ret != OK) {
		free(line);
	}
	return ret;
}

/* The SOA leads, as a master file wants it; the rest as text. */
static int line_compare(const void *one, const void *other)
{
	const struct zone_line *left = one;
	const struct zone_line *right = other;
	const int order = right->is_soa - left->is_soa;

	return order != 0 ? order : strcmp(left->text, right->text);
}

int text_zone(char **out, const struct zone *zone)
{
	struct zone_lines all = {.count = 0};
	int ret = zone_walk_rrs(zone, add_line, &all);

	*out = NULL;
	if (ret == OK) {
		char *at = malloc(all.size + 1);

		*out = at;
		ret = at == NULL ? ERR_NOMEM : OK;
		if (at != NULL) {
			if (all.count > 0) {
				qsort(all.lines, all.count, sizeof(*all.lines), line_compare);
			}
			for (size_t i = 0; i < all.count; i++) {
				at = stpcpy(at, all.lines[i].text);
				*at++ = '\n';
			}
			*at = '\0';
		}
	}
	for (size_t i = 0; i < all.count; i++) {
		free(all.lines[i].text);
	}
	free(all.lines);
	return ret;
}
