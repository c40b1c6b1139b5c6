/*
 * A zone and the model of it, side by side: records, owners, leases, what is published. A
 * difference is shown and ends the test.
 */
#pragma once

#include "tests/sim/model.h"
#include "tests/sim/page.h"
#include "zone/zone.h"

struct compared {
	const struct root *root;
	const struct zone *zone;
	const struct model *model;
	const struct model_view *view; /* of the model */
	void (*tell)(const void *context); /* what led to it, before the end */
	const void *context;
};

/* Sorts them. */
void compare_pages(const struct compared *these, struct page *is, struct page *wanted,
		   const char *what);

/* All records of the zone, and the sets that are found by name. */
void compare_content(const struct compared *these);

/* What is known of names beside their records. */
void compare_state(const struct compared *these);

/* Adds a record as a line. */
int compare_add_delta(void *page, const struct delta_rr *rr);
void compare_add(struct page *page, const struct model_rr *rr);
