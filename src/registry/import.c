/*
 * The text of an export becomes a command. Nothing is believed: each line is checked as the line of
 * a zone file is, and against the comment before it; what is wrong is said with file and line, and
 * nothing has happened then.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/map.h"
#include "dns/rrtype.h"
#include "registry/inside.h"
#include "registry/text.h"
#include "zone/gather.h"
#include "zone/lines.h"
#include "zone/rdata.h"

#define ARENA_BLOCK 65536
#define HEX_LINE 200000 /* characters that RDATA may have in hexadecimal */

/* The name that is being read. */
struct reading_name {
	bool is_open;
	int line;
	enum name_role role;
	struct content content; /* without its records */
	uint8_t name[DNS_NAME_MAX];
	uint8_t owner[DNS_NAME_MAX];
	uint8_t subtypes[UINT16_MAX / 4];
	bool has_leased; /* one of its records goes with the lease */
};

/* What grows. */
struct octets {
	uint8_t *data;
	size_t used;
	size_t room;
};

struct reading {
	const struct import_options *options;
	struct import_result *result;
	int line;
	bool has_format;
	bool has_end;
	const struct zone *zone; /* NULL: not named yet */
	struct command_import import;
	struct reading_name name;
	uint8_t next_flags; /* of the record behind this comment */
	bool has_next;
	struct record *records; /* of the name */
	size_t record_count;
	size_t record_room;
	struct arena arena; /* of RDATA and names */
	struct map seen; /* folded names that there were */
	struct gather gather;
	struct octets names; /* of the command */
	struct octets marks;
	struct lines lines;
	struct rdata rdata;
};

__attribute__((format(printf, 2, 3))) static int fail(struct reading *reading, const char *format,
						      ...)
{
	char *text = reading->result->error;
	const size_t size = sizeof(reading->result->error);
	va_list arguments;
	const int used = snprintf(text, size, "%.200s:%d: ", reading->options->path, reading->line);

	va_start(arguments, format);
	vsnprintf(text + used, size - (size_t)used, format, arguments);
	va_end(arguments);
	return ERR_CONF;
}

/* ---- the command ------------------------------------------------------------------------- */

/* Room for `size` more octets; NULL: no memory. */
static uint8_t *take_room(struct octets *octets, size_t size)
{
	if (octets->used + size > octets->room) {
		const size_t room = (octets->used + size) * 2;
		uint8_t *data = realloc(octets->data, room);

		if (data == NULL) {
			return NULL;
		}
		octets->data = data;
		octets->room = room;
	}
	octets->used += size;
	return octets->data + octets->used - size;
}

/* Is the lease of the name one that its records can have? */
static int check_name(struct reading *reading)
{
	struct reading_name *name = &reading->name;

	if (name->content.count == 0 && name->content.flags == 0) {
		return fail(reading, "a name without records, in line %d", name->line);
	}
	if (zone_role_is_shared(name->role) && name->has_leased != (name->content.lease_s > 0)) {
		return fail(reading, "the name in line %d has %s", name->line,
			    name->has_leased ? "leased records and no lease"
					     : "a lease and no leased record");
	}
	return OK;
}

/* The name that was read goes into the command. */
static int end_name(struct reading *reading)
{
	struct reading_name *name = &reading->name;
	struct content *content = &name->content;

	if (!name->is_open) {
		return OK;
	}
	if (reading->has_next) {
		return fail(reading, "a record should follow the comment before");
	}
	name->is_open = false;
	if (content->signed_s > content->changed_s) {
		return fail(reading, "the name in line %d was signed after it was registered",
			    name->line);
	}
	if (content->owner.kind == OWNER_BASE) {
		return OK; /* the base file here says what the base is */
	}
	content->records = reading->records;
	content->count = reading->record_count;
	if (content->owner.kind == OWNER_NONE && content->count == 0 && content->flags == 0) {
		return OK; /* all of it was the base's */
	}
	const int ret = check_name(reading);
	if (ret != OK) {
		return ret;
	}
	const size_t size = content_size(content);
	uint8_t *octets = take_room(&reading->names, size);
	if (octets == NULL) {
		return ERR_NOMEM;
	}
	struct buf_writer out = buf_writer(octets, size);
	content_write(&out, content);
	reading->import.count++;
	return OK;
}

/* ---- comments of ours -------------------------------------------------------------------- */

/* The next word of a comment, NUL behind it; NULL: none. */
static char *next_word(char **at)
{
	char *word = *at + strspn(*at, " \t\r");

	if (*word == '\0') {
		return NULL;
	}
	*at = word + strcspn(word, " \t\r");
	if (**at != '\0') {
		*(*at)++ = '\0';
	}
	return word;
}

/* "lease=60": is the word this one? *value: what follows. */
static bool is_key(const char *word, const char *key, const char **value)
{
	const size_t size = strlen(key);

	*value = word + size + 1;
	return strncmp(word, key, size) == 0 && word[size] == '=';
}

static int read_number(struct reading *reading, const char *text, uint32_t *out)
{
	char *end;
	const unsigned long long number = strtoull(text, &end, 10);

	if (!isdigit((unsigned char)*text) || *end != '\0' || number > UINT32_MAX) {
		return fail(reading, "%.40s is no number of 32 bits", text);
	}
	*out = (uint32_t)number;
	return OK;
}

static int read_time(struct reading *reading, const char *text, uint64_t *out)
{
	struct tm parts = {0};
	int end = 0;

	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &parts.tm_year, &parts.tm_mon,
		   &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &end) == 6 &&
	    end > 0 && text[end] == '\0') {
		parts.tm_year -= 1900;
		parts.tm_mon -= 1;
		const time_t time = timegm(&parts);

		if (time > 0) {
			*out = (uint64_t)time;
			return OK;
		}
	}
	return fail(reading, "%.40s is no time, such as 2026-11-24T00:55:17Z", text);
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

/* `size` octets of twice as many digits. */
static bool read_hex(uint8_t *out, size_t size, const char *text)
{
	for (size_t i = 0; i < size; i++) {
		const int high = hex_digit(text[2 * i]);
		const int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

		if (low < 0) {
			return false;
		}
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static int read_owner(struct reading *reading, const char *text)
{
	struct reading_name *name = &reading->name;
	static const struct {
		const char *text;
		enum owner_kind kind;
	} kinds[] = {{"none", OWNER_NONE},
		     {"base", OWNER_BASE},
		     {"net", OWNER_NET},
		     {"operator", OWNER_OPERATOR}};
	uint8_t key[DNS_NAME_MAX];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(text, kinds[i].text) == 0) {
			name->content.owner = (struct owner){.kind = kinds[i].kind};
			return OK;
		}
	}
	if (strncmp(text, "key:", 4) != 0 || dns_name_from_text(key, text + 4, NULL) < 0) {
		return fail(reading, "%.80s is no owner", text);
	}
	name->content.owner = (struct owner){.kind = OWNER_KEY,
					     .id_size = (uint8_t)dns_name_fold(name->owner, key),
					     .id = name->owner};
	return OK;
}

/* One word behind the name. */
static int read_property(struct reading *reading, const char *word)
{
	struct content *content = &reading->name.content;
	const char *value;

	if (is_key(word, "owner", &value)) {
		return read_owner(reading, value);
	}
	if (is_key(word, "lease", &value)) {
		return read_number(reading, value, &content->lease_s);
	}
	if (is_key(word, "key-lease", &value)) {
		return read_number(reading, value, &content->key_lease_s);
	}
	if (is_key(word, "registered", &value)) {
		return read_time(reading, value, &content->changed_s);
	}
	if (is_key(word, "signed", &value) && content->owner.kind == OWNER_KEY) {
		return read_time(reading, value, &content->signed_s);
	}
	if (strcmp(word, "held") == 0 && reading->name.role == ROLE_INSTANCE) {
		content->flags |= NAME_HELD;
		return OK;
	}
	if (strcmp(word, "overdue") == 0 && reading->name.role == ROLE_PLAIN) {
		content->flags |= NAME_OVERDUE;
		return OK;
	}
	return fail(reading, "%.80s is nothing that can be said of this name", word);
}

/* Is the name one that may be in the zone, and was not there before? */
static int check_new_name(struct reading *reading)
{
	struct reading_name *name = &reading->name;
	uint8_t folded[DNS_NAME_MAX];
	const size_t size = dns_name_fold(folded, name->name);
	const struct node *here = zone_entry(reading->zone, name->name);
	struct content before = {.name = NULL};

	if (map_get(&reading->seen, folded, size) != NULL) {
		return fail(reading, "this name was there before");
	}
	const uint8_t *key = arena_dup(&reading->arena, folded, size);
	if (key == NULL || map_put(&reading->seen, key, size, name) != OK) {
		return ERR_NOMEM;
	}
	if (name->content.owner.kind == OWNER_BASE) {
		return OK;
	}
	if (zone_role_is_shared(name->role) != (name->content.owner.kind == OWNER_NONE)) {
		return fail(reading, name->content.owner.kind == OWNER_NONE
					     ? "this name has an owner: owner=..."
					     : "this name has no owner: owner=none");
	}
	if (here != NULL) {
		(void)node_content(here, &before, NULL, 0);
	}
	return before.owner.kind == OWNER_BASE ? fail(reading, "this name is the base file's here")
					       : OK;
}

static int begin_name(struct reading *reading, char *at)
{
	struct reading_name *name = &reading->name;
	const char *text = next_word(&at);
	const char *word;
	int ret = end_name(reading);

	if (ret != OK) {
		return ret;
	}
	if (reading->zone == NULL) {
		return fail(reading, "a name before the zone");
	}
	if (text == NULL || dns_name_from_text(name->name, text, NULL) < 0 ||
	    !dns_name_is_in(name->name, zone_apex(reading->zone))) {
		return fail(reading, "a name in the zone should follow");
	}
	name->is_open = true;
	name->line = reading->line;
	name->role = zone_role(reading->zone, name->name);
	name->has_leased = false;
	name->content = (struct content){.name = name->name, .subtypes = name->subtypes};
	reading->record_count = 0;
	while (ret == OK && (word = next_word(&at)) != NULL) {
		ret = read_property(reading, word);
	}
	return ret == OK ? check_new_name(reading) : ret;
}

static int begin_zone(struct reading *reading, char *at)
{
	const char *text = next_word(&at);
	const char *serial = next_word(&at);
	const char *ring = next_word(&at);
	uint8_t apex[DNS_NAME_MAX];
	const char *value;

	if (reading->zone != NULL) {
		return fail(reading, "a second zone");
	}
	if (!reading->has_format) {
		return fail(reading, "\";: waggle-export 1\" should come before the zone");
	}
	if (text == NULL || dns_name_from_text(apex, text, NULL) < 0) {
		return fail(reading, "the name of the zone should follow");
	}
	reading->zone = root_zone(reading->options->root, apex);
	if (reading->zone == NULL || !zone_is_registry(reading->zone)) {
		return fail(reading, "%.200s is no registry zone here", text);
	}
	if (!zone_is_served(reading->zone)) {
		return fail(reading, "%.200s is not in service here", text);
	}
	if (!reading->options->is_replace && zone_has_registrations(reading->zone)) {
		return fail(reading, "names are registered in %.200s: --replace has them go", text);
	}
	if (serial == NULL || !is_key(serial, "serial", &value) ||
	    read_number(reading, value, &reading->import.serial) != OK || ring == NULL ||
	    !is_key(ring, "ring", &value) || strlen(value) != 2 * (size_t)SIPHASH_KEY_SIZE ||
	    !read_hex(reading->import.ring_key, SIPHASH_KEY_SIZE, value)) {
		return fail(reading, "serial=NUMBER ring=KEY should follow the zone's name");
	}
	dns_name_to_text(reading->result->zone, zone_apex(reading->zone));
	reading->import.zone = zone_apex(reading->zone);
	gather_init(&reading->gather, reading->import.zone, NULL, NULL);
	return OK;
}

static int read_format(struct reading *reading, char *at)
{
	const char *number = next_word(&at);

	if (number == NULL || strcmp(number, "1") != 0) {
		return fail(reading, "a format that is not known here; 1 is");
	}
	reading->has_format = true;
	return OK;
}

static int read_mark(struct reading *reading, char *at)
{
	const char *hash = next_word(&at);
	const char *when = next_word(&at);
	const char *until = next_word(&at);
	struct zone_mark mark = {.hash = 0};
	uint8_t digits[8];
	const char *value;
	int ret = end_name(reading);

	if (ret != OK) {
		return ret;
	}
	if (reading->zone == NULL || hash == NULL || strlen(hash) != 16 ||
	    !read_hex(digits, sizeof(digits), hash) || when == NULL || until == NULL) {
		return fail(reading, "a mark is HASH signed=TIME until=TIME");
	}
	struct buf_reader reader = buf_reader(digits, sizeof(digits));
	mark.hash = buf_read_u64(&reader);
	ret = is_key(when, "signed", &value) ? read_time(reading, value, &mark.signed_s)
					     : fail(reading, "signed=TIME should follow");
	if (ret == OK) {
		ret = is_key(until, "until", &value) ? read_time(reading, value, &mark.until_s)
						     : fail(reading, "until=TIME should follow");
	}
	if (ret != OK) {
		return ret;
	}
	uint8_t *octets = take_room(&reading->marks, MARK_SIZE);
	if (octets == NULL) {
		return ERR_NOMEM;
	}
	struct buf_writer out = buf_writer(octets, MARK_SIZE);
	mark_write(&out, &mark);
	reading->import.mark_count++;
	return OK;
}

static int read_end(struct reading *reading, char *at)
{
	const char *word = next_word(&at);
	const int ret = end_name(reading);
	const char *value;
	uint32_t count;

	if (ret != OK) {
		return ret;
	}
	if (word == NULL || !is_key(word, "names", &value) ||
	    read_number(reading, value, &count) != OK || count != reading->seen.count) {
		return fail(reading, "there were %zu names before: some are missing",
			    reading->seen.count);
	}
	reading->has_end = true;
	return OK;
}

static int read_comment(struct reading *reading, char *at)
{
	const char *what = next_word(&at);

	if (what == NULL) {
		return fail(reading, "an empty comment of ours");
	}
	if (strcmp(what, "name") == 0) {
		return begin_name(reading, at);
	}
	if (strcmp(what, "base") == 0 || strcmp(what, "leased") == 0) {
		if (!reading->name.is_open || !zone_role_is_shared(reading->name.role)) {
			return fail(reading, "%s is said of records of names without owner", what);
		}
		reading->has_next = true;
		reading->next_flags = what[0] == 'b' ? RECORD_BASE : RECORD_LEASED;
		return OK;
	}
	if (strcmp(what, "zone") == 0) {
		return begin_zone(reading, at);
	}
	if (strcmp(what, "waggle-export") == 0) {
		return read_format(reading, at);
	}
	if (strcmp(what, "mark") == 0) {
		return read_mark(reading, at);
	}
	return strcmp(what, "end") == 0 ? read_end(reading, at)
					: fail(reading, "%.40s: no such comment", what);
}

/* ---- records ----------------------------------------------------------------------------- */

/* What a record line says before its data. */
struct head {
	uint8_t owner[DNS_NAME_MAX];
	uint32_t ttl;
	uint16_t type;
	const char *data;
};

static int read_head(struct reading *reading, const char *text, struct head *head)
{
	struct word words[4];
	char type[WORD_MAX];

	for (size_t i = 0; i < 4; i++) {
		if (!lines_word(&text, &words[i])) {
			return fail(reading, "a record is NAME TTL IN TYPE DATA");
		}
	}
	if (word_name(head->owner, &words[0], zone_apex(reading->zone)) < 0 ||
	    !dns_name_is_in(head->owner, zone_apex(reading->zone))) {
		return fail(reading, "the record's name is none in the zone");
	}
	if (word_seconds(&words[1], &head->ttl) != OK || head->ttl > DNS_TTL_MAX ||
	    !word_is(&words[2], "IN")) {
		return fail(reading, "a TTL and IN should follow the name");
	}
	head->type = word_copy(type, &words[3]) ? rdata_type_from_text(type) : 0;
	if (head->type == 0 || dns_rrtype_is_meta(head->type)) {
		return fail(reading, "%.40s is no type of data", type);
	}
	head->data = text;
	return OK;
}

/* \# LENGTH HEX, of any length: lines of zone files are shorter. */
static int read_generic(struct reading *reading, const char *text)
{
	char *end;
	const unsigned long size = strtoul(text + 3, &end, 10);

	end += *end == ' ';
	if (size > UINT16_MAX || strlen(end) != 2 * size ||
	    !read_hex(reading->rdata.data, size, end)) {
		return fail(reading, "\\# and a length that the data has not");
	}
	reading->rdata.size = size;
	return OK;
}

static int read_data(struct reading *reading, const struct head *head)
{
	char why[RDATA_WHY_MAX] = "";
	int ret;

	if (strncmp(head->data, "\\# ", 3) == 0) {
		ret = read_generic(reading, head->data);
	} else {
		ret = rdata_from_text(&reading->rdata, head->type, head->data,
				      zone_apex(reading->zone), why);
	}
	if (ret == ERR_CONF && why[0] != '\0') {
		return fail(reading, "%s", why);
	}
	if (ret == OK &&
	    dns_rdata_check(head->type, reading->rdata.data, (uint16_t)reading->rdata.size) != OK) {
		return fail(reading, "this is no valid record of its type");
	}
	return ret;
}

/* Records that a zone file may have and a registry does not take (SIGNED ZONES, waggled.conf(5)). */
static bool is_signers(uint16_t type)
{
	return type == DNS_TYPE_RRSIG || type == DNS_TYPE_NSEC || type == DNS_TYPE_DNSKEY ||
	       type == DNS_TYPE_NSEC3 || type == DNS_TYPE_NSEC3PARAM || type == DNS_TYPE_SOA;
}

/* The instance's PTR at its type, or at a subtype. */
static int read_ptr(struct reading *reading, const struct head *head)
{
	struct content *content = &reading->name.content;
	const enum name_role role = zone_role(reading->zone, head->owner);
	const uint8_t *type = zone_type_of(ROLE_INSTANCE, content->name);
	const size_t size = head->owner[0] + 1u;

	if (reading->name.role != ROLE_INSTANCE || head->type != DNS_TYPE_PTR ||
	    (role != ROLE_TYPE && role != ROLE_SUBTYPE) ||
	    !dns_name_equal(zone_type_of(role, head->owner), type) ||
	    !dns_name_equal(reading->rdata.data, content->name)) {
		return fail(reading, "this record is not of the name in line %d",
			    reading->name.line);
	}
	if (role == ROLE_TYPE) {
		content->flags |= NAME_PTR;
		return OK;
	}
	if (content->subtypes_size + size > sizeof(reading->name.subtypes)) {
		return fail(reading, "more subtypes than an instance may have");
	}
	memcpy(reading->name.subtypes + content->subtypes_size, head->owner, size);
	content->subtypes_size = (uint16_t)(content->subtypes_size + size);
	return OK;
}

/* May the record stand there, beside the others? */
static int check_record(struct reading *reading, struct head *head)
{
	const struct place place = {reading->options->path, reading->line};
	const struct zone *zone = reading->zone;
	struct entry **last = reading->gather.last;
	const char *refusal = zone_place_refusal(zone_apex(zone), zone_shape(zone)->pool_label,
						 head->owner, head->type);
	char name[DNS_NAME_TEXT_MAX];
	char why[GATHER_WHY_MAX] = "";

	if (refusal != NULL) {
		return fail(reading, "%.200s %s", dns_name_to_text(name, head->owner), refusal);
	}
	if (is_signers(head->type)) {
		return fail(reading, "records of this type are not registered");
	}
	const int ret = gather_add(&reading->gather, place, head->owner, head->type, head->ttl,
				   &reading->rdata, why);
	if (ret != OK) {
		return ret == ERR_CONF ? fail(reading, "%s", why) : ret;
	}
	if (last == reading->gather.last) {
		return fail(reading, "this record was there before");
	}
	head->ttl = (*last)->ttl; /* that of its set */
	return OK;
}

static int add_record(struct reading *reading, const struct head *head, uint8_t flags)
{
	if (reading->record_count == reading->record_room) {
		const size_t room = reading->record_room == 0 ? 64 : reading->record_room * 2;
		struct record *records = realloc(reading->records, room * sizeof(*records));

		if (records == NULL) {
			return ERR_NOMEM;
		}
		reading->records = records;
		reading->record_room = room;
	}
	const uint8_t *rdata = arena_dup(&reading->arena, reading->rdata.data, reading->rdata.size);
	if (rdata == NULL) {
		return ERR_NOMEM;
	}
	reading->records[reading->record_count++] =
		(struct record){.type = head->type,
				.size = (uint16_t)reading->rdata.size,
				.ttl = head->ttl,
				.flags = flags,
				.rdata = rdata};
	reading->name.has_leased = reading->name.has_leased || (flags & RECORD_LEASED) != 0;
	return OK;
}

static int read_record(struct reading *reading, const char *text)
{
	const uint8_t flags = reading->has_next ? reading->next_flags : 0;
	struct head head;
	int ret = reading->zone == NULL ? fail(reading, "a record before the zone")
					: read_head(reading, text, &head);

	reading->has_next = false;
	ret = ret == OK ? read_data(reading, &head) : ret;
	if (ret != OK) {
		return ret;
	}
	if (!reading->name.is_open) {
		return head.type == DNS_TYPE_SOA
			       ? OK
			       : fail(reading, "a record without the comment before its name");
	}
	if (reading->name.content.owner.kind == OWNER_BASE || flags == RECORD_BASE) {
		return OK;
	}
	if (!dns_name_equal(head.owner, reading->name.name)) {
		return read_ptr(reading, &head);
	}
	ret = check_record(reading, &head);
	return ret == OK ? add_record(reading, &head, flags) : ret;
}

/* ---- lines ------------------------------------------------------------------------------- */

/* The line as words one blank apart; in hexadecimal it may be longer than a zone file's. */
static int read_words(struct reading *reading, const char *line, size_t size)
{
	const char *generic = size < HEX_LINE ? memmem(line, size, " \\# ", 4) : NULL;
	const char *why = NULL;

	if (generic != NULL && size > LINES_MAX / 2) {
		char *copy = strndup(line, size);
		const int ret = copy == NULL ? ERR_NOMEM : read_record(reading, copy);

		free(copy);
		return ret;
	}
	lines_init(&reading->lines, line, size);
	const int more = lines_next(&reading->lines, &why);
	if (more < 0) {
		return fail(reading, "%s", why);
	}
	return more == 0 ? OK : read_record(reading, reading->lines.text);
}

static int read_line(struct reading *reading, const char *line, size_t size)
{
	if (reading->has_end && size > 0 && line[0] != ';') {
		return fail(reading, "something behind the end");
	}
	if (size < 2 || line[0] != ';' || line[1] != ':') {
		return read_words(reading, line, size);
	}
	char *copy = strndup(line + 2, size - 2);
	const int ret = copy == NULL ? ERR_NOMEM : read_comment(reading, copy);
	free(copy);
	return ret;
}

static int read_all(struct reading *reading, const char *text, size_t size)
{
	const char *end = text + size;
	struct place place = {reading->options->path, 0};
	char why[GATHER_WHY_MAX];
	int ret = OK;

	while (ret == OK && text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *line_end = newline == NULL ? end : newline;

		reading->line++;
		ret = read_line(reading, text, (size_t)(line_end - text));
		text = line_end + 1;
	}
	if (ret == OK && !reading->has_end) {
		ret = fail(reading, "the file ends without \";: end\": it is not whole");
	}
	if (ret == OK && gather_check(&reading->gather, &place, why) != OK) {
		reading->line = place.line;
		ret = fail(reading, "%s", why);
	}
	return ret;
}

static int make_command(struct reading *reading, uint8_t **command, size_t *command_size)
{
	const size_t size =
		command_import_size(&reading->import) + reading->names.used + reading->marks.used;
	uint8_t *octets = malloc(size);

	if (octets == NULL) {
		return ERR_NOMEM;
	}
	struct buf_writer out = buf_writer(octets, size);
	command_write_import(&out, &reading->import);
	buf_write(&out, reading->names.data, reading->names.used);
	buf_write(&out, reading->marks.data, reading->marks.used);
	reading->result->names = reading->import.count;
	*command = octets;
	*command_size = size;
	return OK;
}

int import_read(uint8_t **command, size_t *command_size, const struct import_options *options,
		const char *text, size_t size, struct import_result *result)
{
	struct reading *reading = calloc(1, sizeof(*reading));

	*result = (struct import_result){.names = 0};
	if (reading == NULL) {
		return ERR_NOMEM;
	}
	reading->options = options;
	reading->result = result;
	reading->import.is_replace = options->is_replace;
	arena_init(&reading->arena, ARENA_BLOCK);
	map_init(&reading->seen, size);
	int ret = read_all(reading, text, size);
	if (ret == OK) {
		ret = make_command(reading, command, command_size);
	}
	if (reading->zone != NULL && reading->import.zone != NULL) {
		gather_deinit(&reading->gather);
	}
	map_deinit(&reading->seen);
	arena_deinit(&reading->arena);
	free(reading->records);
	free(reading->names.data);
	free(reading->marks.data);
	free(reading);
	return ret;
}
