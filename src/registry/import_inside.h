/*
 * The inside of reading an exported text: for import.c (lines, the whole), import_comment.c (what is
 * said of names) and import_record.c. Errors: ERR_CONF with the sentence in the result, ERR_NOMEM.
 * Thread: any.
 */
#pragma once

#include "base/map.h"
#include "registry/inside.h"
#include "registry/text.h"
#include "zone/gather.h"
#include "zone/lines.h"
#include "zone/rdata.h"

/* The name that is being read. */
struct reading_name {
	bool is_open;
	int line;
	enum name_role role;
	struct content content; /* without its records */
	uint8_t name[DNS_NAME_MAX];
	uint8_t owner[DNS_NAME_MAX];
	uint8_t subtypes[SUBTYPES_MAX];
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

/* ---- import.c ---- */

/* Says what is wrong with this line. Returns ERR_CONF. */
int import_fail(struct reading *reading, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Room for `size` more octets; NULL: no memory. */
uint8_t *import_room(struct octets *octets, size_t size);

/* `size` octets of twice as many digits; false: they are none. */
bool import_hex(uint8_t *out, size_t size, const char *text);

/* ---- import_comment.c ---- */

/* A comment of ours, which is written into. */
int import_comment(struct reading *reading, char *text);

/* ---- import_record.c ---- */

/* A record, its words one blank apart. */
int import_record(struct reading *reading, const char *text);
