/*
 * A whole zone as text, for tests: a line for each RR, the SOA first, sorted, derived records
 * included.
 */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/name.h"
#include "zone/rdata.h"
#include "zone/text.h"
#include "zone/zone.h"

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

static inline int zone_lines_add(struct zone_lines *all, char *text, bool is_soa)
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

static inline int add_line(void *context, const struct delta_rr *rr)
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
static inline int line_compare(const void *one, const void *other)
{
	const struct zone_line *left = one;
	const struct zone_line *right = other;
	const int order = right->is_soa - left->is_soa;

	return order != 0 ? order : strcmp(left->text, right->text);
}

/* malloc'd. ERR_NOMEM. */
static inline int text_zone(char **out, const struct zone *zone)
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
