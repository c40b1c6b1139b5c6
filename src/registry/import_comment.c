/*
 * What an export says of names beside their records, in comments of our own (FORMAT.md).
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "registry/import_inside.h"

/* ---- the end of a name ------------------------------------------------------------------- */

/* Is the lease of the name one that its records can have? */
static int check_name(struct reading *reading)
{
	struct reading_name *name = &reading->name;

	if (name->content.count == 0 && name->content.flags == 0) {
		return import_fail(reading, "a name without records, in line %d", name->line);
	}
	if (zone_role_is_shared(name->role) && name->has_leased != (name->content.lease_s > 0)) {
		return import_fail(reading, "the name in line %d has %s", name->line,
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
		return import_fail(reading, "a record should follow the comment before");
	}
	name->is_open = false;
	if (content->signed_s > content->changed_s) {
		return import_fail(reading,
				   "the name in line %d was signed after it was registered",
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
	uint8_t *octets = import_room(&reading->names, size);
	if (octets == NULL) {
		return ERR_NOMEM;
	}
	struct buf_writer out = buf_writer(octets, size);
	content_write(&out, content);
	reading->import.count++;
	return OK;
}

/* ---- words ------------------------------------------------------------------------------- */

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
		return import_fail(reading, "%.40s is no number of 32 bits", text);
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
	return import_fail(reading, "%.40s is no time, such as 2026-11-24T00:55:17Z", text);
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
		return import_fail(reading, "%.80s is no owner", text);
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
	return import_fail(reading, "%.80s is nothing that can be said of this name", word);
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
		return import_fail(reading, "this name was there before");
	}
	const uint8_t *key = arena_dup(&reading->arena, folded, size);
	if (key == NULL || map_put(&reading->seen, key, size, name) != OK) {
		return ERR_NOMEM;
	}
	if (name->content.owner.kind == OWNER_BASE) {
		return OK;
	}
	if (zone_role_is_shared(name->role) != (name->content.owner.kind == OWNER_NONE)) {
		return import_fail(reading, name->content.owner.kind == OWNER_NONE
						    ? "this name has an owner: owner=..."
						    : "this name has no owner: owner=none");
	}
	if (here != NULL) {
		(void)node_content(here, &before, NULL, 0);
	}
	return before.owner.kind == OWNER_BASE
		       ? import_fail(reading, "this name is the base file's here")
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
		return import_fail(reading, "a name before the zone");
	}
	if (text == NULL || dns_name_from_text(name->name, text, NULL) < 0 ||
	    !dns_name_is_in(name->name, zone_apex(reading->zone))) {
		return import_fail(reading, "a name in the zone should follow");
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
		return import_fail(reading, "a second zone");
	}
	if (!reading->has_format) {
		return import_fail(reading, "\";: waggle-export 1\" should come before the zone");
	}
	if (text == NULL || dns_name_from_text(apex, text, NULL) < 0) {
		return import_fail(reading, "the name of the zone should follow");
	}
	reading->zone = root_zone(reading->options->root, apex);
	if (reading->zone == NULL || !zone_is_registry(reading->zone)) {
		return import_fail(reading, "%.200s is no registry zone here", text);
	}
	if (!zone_is_served(reading->zone)) {
		return import_fail(reading, "%.200s is not in service here", text);
	}
	if (!reading->options->is_replace && zone_has_registrations(reading->zone)) {
		return import_fail(reading, "names are registered in %.200s: --replace has them go",
				   text);
	}
	if (serial == NULL || !is_key(serial, "serial", &value) ||
	    read_number(reading, value, &reading->import.serial) != OK || ring == NULL ||
	    !is_key(ring, "ring", &value) || strlen(value) != 2 * (size_t)SIPHASH_KEY_SIZE ||
	    !import_hex(reading->import.ring_key, SIPHASH_KEY_SIZE, value)) {
		return import_fail(reading, "serial=NUMBER ring=KEY should follow the zone's name");
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
		return import_fail(reading, "a format that is not known here; 1 is");
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
	    !import_hex(digits, sizeof(digits), hash) || when == NULL || until == NULL) {
		return import_fail(reading, "a mark is HASH signed=TIME until=TIME");
	}
	struct buf_reader reader = buf_reader(digits, sizeof(digits));
	mark.hash = buf_read_u64(&reader);
	ret = is_key(when, "signed", &value) ? read_time(reading, value, &mark.signed_s)
					     : import_fail(reading, "signed=TIME should follow");
	if (ret == OK) {
		ret = is_key(until, "until", &value)
			      ? read_time(reading, value, &mark.until_s)
			      : import_fail(reading, "until=TIME should follow");
	}
	if (ret != OK) {
		return ret;
	}
	uint8_t *octets = import_room(&reading->marks, MARK_SIZE);
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
	if (reading->zone == NULL) {
		return import_fail(reading, "the end before the zone");
	}
	if (word == NULL || !is_key(word, "names", &value) ||
	    read_number(reading, value, &count) != OK || count != reading->seen.count) {
		return import_fail(reading, "there were %zu names before: some are missing",
				   reading->seen.count);
	}
	reading->has_end = true;
	return OK;
}

int import_comment(struct reading *reading, char *at)
{
	const char *what = next_word(&at);

	if (what == NULL) {
		return import_fail(reading, "an empty comment of ours");
	}
	if (strcmp(what, "name") == 0) {
		return begin_name(reading, at);
	}
	if (strcmp(what, "base") == 0 || strcmp(what, "leased") == 0) {
		if (!reading->name.is_open || !zone_role_is_shared(reading->name.role)) {
			return import_fail(reading, "%s is said of records of names without owner",
					   what);
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
					: import_fail(reading, "%.40s: no such comment", what);
}
