/*
 * `list`: the instances, a line for each, in the order of their names, zone by zone, and a last
 * line that counts them. What matches is gathered once, as pointers into a root that is held until
 * the client has taken the last line; the lines are made as they are taken. A client that is so
 * slow that the old version keeps too much memory alive is cut off, with a sentence.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/memory.h"
#include "ctl/inside.h"
#include "dns/types.h"

#define PIECE 65536 /* octets of lines made at a time, about */
#define GARBAGE_MAX (256u << 20) /* octets of old versions that one list may keep alive */

struct found {
	const struct zone *zone;
	const struct node *node;
};

struct list_answer {
	struct answer answer;
	struct core *core;
	struct core_moment now; /* stalls: as they were when it began */
	const struct root *root; /* held */
	uint64_t garbage; /* core_garbage() when it began */
	struct found *found;
	size_t count;
	size_t room;
	size_t at;
	bool is_over;
	const char *match; /* while gathering; NULL: all */
};

/* ---- what matches ------------------------------------------------------------------------ */

static char fold(char octet)
{
	return (char)dns_fold((uint8_t)octet);
}

/* * and ?; at a mismatch only the last * is tried again, one octet further. */
static bool matches_glob(const char *pattern, const char *text, const char *end)
{
	const char *star = NULL;
	const char *star_at = NULL;

	while (text < end) {
		if (*pattern == '*') {
			star = ++pattern;
			star_at = text;
		} else if (*pattern != '\0' && (*pattern == '?' || fold(*pattern) == fold(*text))) {
			pattern++;
			text++;
		} else if (star != NULL) {
			pattern = star;
			text = ++star_at;
		} else {
			return false;
		}
	}
	while (*pattern == '*') {
		pattern++;
	}
	return *pattern == '\0';
}

/* `text` or what stands before its last `tail` octets and a dot, with and without that dot. */
static bool matches_part(const char *pattern, const char *text, const char *end, size_t tail)
{
	const char *cut = end - tail;

	return matches_glob(pattern, text, end) || matches_glob(pattern, text, end - 1) ||
	       (cut > text && matches_glob(pattern, text, cut - 1));
}

/* A type or an instance, or a glob over it; the zone may be left out. */
static bool matches(const char *pattern, const struct zone *zone, const uint8_t *name)
{
	char text[DNS_NAME_TEXT_MAX];
	char apex[DNS_NAME_TEXT_MAX];
	char type[DNS_NAME_TEXT_MAX];
	const size_t apex_size = strlen(dns_name_to_text(apex, zone_apex(zone)));

	dns_name_to_text(text, name);
	dns_name_to_text(type, zone_type_of(ROLE_INSTANCE, name));
	const size_t size = strlen(text);
	const size_t type_size = strlen(type);
	return matches_part(pattern, text, text + size, apex_size) ||
	       matches_part(pattern, type, type + type_size, apex_size) ||
	       matches_glob(pattern, text, text + size - type_size - 1);
}

static int gather(void *context, const struct zone *zone, const struct node *node)
{
	struct list_answer *list = context;
	const uint8_t *name = node_name(node);

	if (zone_role(zone, name) != ROLE_INSTANCE || zone_entry(zone, name) == NULL ||
	    (list->match != NULL && !matches(list->match, zone, name))) {
		return OK;
	}
	if (list->count == list->room) {
		const size_t room = list->room == 0 ? 64 : list->room * 2;
		struct found *found = realloc(list->found, room * sizeof(*found));

		if (found == NULL) {
			return ERR_NOMEM;
		}
		list->found = found;
		list->room = room;
	}
	list->found[list->count++] = (struct found){.zone = zone, .node = node};
	return OK;
}

static int compare_zones(const void *one, const void *other)
{
	return dns_name_compare(zone_apex(*(const struct zone *const *)one),
				zone_apex(*(const struct zone *const *)other));
}

static int compare_found(const void *one, const void *other)
{
	return dns_name_compare(node_name(((const struct found *)one)->node),
				node_name(((const struct found *)other)->node));
}

static int gather_zone(struct list_answer *list, const struct zone *zone)
{
	const size_t begin = list->count;
	const int ret = zone_walk(zone, gather, list);

	if (ret == OK && list->count > begin) {
		qsort(list->found + begin, list->count - begin, sizeof(list->found[0]),
		      compare_found);
	}
	return ret;
}

/* All zones, or this one. */
static int gather_all(struct list_answer *list, const uint8_t *apex)
{
	const size_t room = root_zone_count(list->root);
	const struct zone **zones = calloc(room + 1, sizeof(struct zone *));
	const struct zone *zone;
	size_t count = 0;
	size_t at = 0;
	int ret = zones == NULL ? ERR_NOMEM : OK;

	while (ret == OK && count < room && (zone = root_next_zone(list->root, &at)) != NULL) {
		if (zone_is_registry(zone) &&
		    (apex == NULL || dns_name_equal(apex, zone_apex(zone)))) {
			zones[count++] = zone;
		}
	}
	if (count > 0) {
		qsort(zones, count, sizeof(struct zone *), compare_zones);
	}
	for (size_t i = 0; ret == OK && i < count; i++) {
		ret = gather_zone(list, zones[i]);
	}
	free(zones);
	return ret;
}

/* ---- lines ------------------------------------------------------------------------------- */

/* Writes `line` (takes it; NULL: no memory) and a newline. */
static int put_line(FILE *stream, json_t *line)
{
	const int failed = line == NULL || json_dumpf(line, stream, JSON_COMPACT) != 0 ||
			   fputc('\n', stream) == EOF;

	json_decref(line);
	return failed ? ERR_NOMEM : OK;
}

static int put_instance(FILE *stream, const struct list_answer *list, const struct found *found)
{
	json_t *line = describe_instance(found->zone, found->node, &list->now);

	if (line != NULL && describe_endpoint(line, list->root, found->zone, found->node) != OK) {
		json_decref(line);
		line = NULL;
	}
	return put_line(stream, line);
}

static int put_piece(FILE *stream, struct list_answer *list)
{
	int ret = OK;

	while (ret == OK && list->at < list->count && ftell(stream) < PIECE) {
		ret = put_instance(stream, list, &list->found[list->at++]);
	}
	if (ret == OK && list->at == list->count) {
		list->is_over = true;
		ret = put_line(stream,
			       json_pack("{s:b, s:I}", "ok", 1, "count", (json_int_t)list->count));
	}
	return ret;
}

static int list_next(struct answer *answer, char **out)
{
	struct list_answer *list = (struct list_answer *)answer;
	struct memory_stream stream;

	*out = NULL;
	list->now.now_ms = clock_mono_ms();
	if (list->is_over) {
		return OK;
	}
	if (core_garbage(list->core) - list->garbage > GARBAGE_MAX) {
		list->is_over = true;
		return command_error(out, "it was read too slowly, while much changed: try again");
	}
	int ret = memory_open(&stream);
	if (ret != OK) {
		return ret;
	}
	ret = put_piece(stream.file, list);
	const int kept = memory_close(&stream, out, NULL);
	ret = ret == OK ? kept : ret;
	if (ret != OK) {
		free(*out);
		*out = NULL;
	}
	return ret;
}

static void list_free(struct answer *answer)
{
	struct list_answer *list = (struct list_answer *)answer;

	if (list->root != NULL) {
		core_release(list->core, list->root);
	}
	free(list->found);
	free(list);
}

/* The zone that the request names, or NULL for all. ERR_FORMAT: the reply is a refusal. */
static int read_zone(const json_t *request, json_t *reply, uint8_t apex[DNS_NAME_MAX],
		     const uint8_t **out)
{
	const char *text = json_string_value(json_object_get(request, "zone"));

	*out = text == NULL ? NULL : apex;
	if (text == NULL || dns_name_from_text(apex, text, NULL) > 0) {
		return OK;
	}
	const int ret = ctl_refuse(reply, CTL_ARGUMENT, "the zone is no name");
	return ret == OK ? ERR_FORMAT : ret;
}

int list_open(const struct ctl_options *options, const json_t *request, json_t *reply,
	      struct answer **more)
{
	struct list_answer *list = calloc(1, sizeof(*list));
	uint8_t apex[DNS_NAME_MAX];
	const uint8_t *zone;
	int ret;

	if (list == NULL) {
		return ERR_NOMEM;
	}
	list->answer = (struct answer){.next = list_next, .free = list_free};
	list->core = options->core;
	list->match = json_string_value(json_object_get(request, "match"));
	ret = read_zone(request, reply, apex, &zone);
	if (ret == OK) {
		list->garbage = core_garbage(options->core);
		list->root = core_hold(options->core);
		core_moment(options->core, &list->now);
		ret = list->root == NULL ? ERR_NOMEM : gather_all(list, zone);
	}
	if (ret != OK) {
		list_free(&list->answer);
		return ret == ERR_FORMAT ? OK : ret; /* it is refused */
	}
	list->match = NULL;
	*more = &list->answer;
	return OK;
}
