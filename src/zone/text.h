/*
 * Zones as text: master files in, sorted text out. Not on any hot path. Thread: any.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "zone/zone.h"

/* What is wrong and where: "FILE:LINE: ..." */
struct text_error {
	char text[512];
};

/* One record of a file: names and RDATA in wire form, uncompressed, valid; for the call only. */
typedef int (*text_record_fn)(void *context, const uint8_t *name, uint16_t type, uint32_t ttl,
			      const uint8_t *rdata, uint16_t size);

/* What is odd in a file but loads: "FILE:LINE: ...", for the call only. */
typedef void (*text_warning_fn)(void *context, const char *text);

/* Who takes what a file gives. */
struct text_sink {
	text_record_fn record;
	text_warning_fn warning; /* NULL: nobody wants to know */
	void *context; /* for both */
};

/*
 * Reads a master file (RFC 1035 5) for the zone `apex` and calls for each record in order. Files
 * that it includes are found from the directory of the one that includes them. Checks what one
 * record can tell: in the zone, class IN, a type that may be stored, TTL; and what the file can
 * tell: exactly one SOA at the apex, NS at the apex, no CNAME beside other types, nothing below a
 * DNAME, one TTL for a set (the first wins, as other servers do), no duplicates. `is_base`: SOA
 * and NS may be missing. ERR_CONF with *error filled, about the included file where it is there;
 * what `record` returns other than OK ends it. ERR_NOMEM.
 * `record` is called once the whole file is found good. It may leave a sentence in error->text,
 * which is given the place in front. ERR_IO: the file cannot be read, *error says why.
 */
int text_load(const char *path, const uint8_t *apex, int is_base, const struct text_sink *sink,
	      struct text_error *error);

/* The same from memory, without $INCLUDE; `path` is for messages. */
int text_parse(const char *text, size_t size, const char *path, const uint8_t *apex, int is_base,
	       text_record_fn fn, void *context, struct text_error *error);

/* RDATA in presentation form. *out: malloc'd, the caller's. ERR_NOMEM, ERR_FORMAT. */
int text_rdata(char **out, uint16_t type, const uint8_t *rdata, uint16_t size);
