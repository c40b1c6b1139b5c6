/*
 * A registry zone as text, and back: zone-file lines for everybody, and comments of our own before
 * them with what a zone file cannot say. FORMAT.md has the form. Thread: any.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "zone/zone.h"

/* ---- out --------------------------------------------------------------------------------- */

struct export;

/* Begins; the zone's root is held by the caller until the end. *out: returns owned. ERR_NOMEM. */
int export_new(struct export **out, const struct zone *zone);

/* Writes some more, `about` so many octets; *is_over: that was all. ERR_NOMEM. */
int export_piece(struct export *export, FILE *stream, size_t about, bool *is_over);

/* How many names it has. */
size_t export_count(const struct export *export);
void export_free(struct export *export); /* takes NULL */

/* ---- in ---------------------------------------------------------------------------------- */

struct import_options {
	const struct root *root; /* what the zones are now */
	const char *path; /* for messages */
	bool is_replace; /* what is registered in the zone goes */
	const atomic_bool *is_unwanted; /* looked at before each line; NULL: it is wanted */
};

struct import_result {
	char zone[DNS_NAME_TEXT_MAX];
	size_t names;
	char error[512]; /* "FILE:LINE: what is wrong" */
};

/*
 * Reads all of the text and makes a command of it (COMMAND_IMPORT): *command returns owned. Nothing
 * has changed then. ERR_CONF with result->error filled; ERR_CLOSED: it became unwanted; ERR_NOMEM.
 */
int import_read(uint8_t **command, size_t *command_size, const struct import_options *options,
		const char *text, size_t size, struct import_result *result);
