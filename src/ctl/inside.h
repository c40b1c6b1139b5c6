/* What the commands share: for the files of this module only. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "ctl/command.h"
#include "ctl/ctl.h"
#include "dns/name.h"
#include "zone/zone.h"

/*
 * The functions of the table: they fill `reply`, an object with "ok" true; OK also when they made
 * it a refusal. ERR_NOMEM.
 */

/* What the server is and has. */
int status_run(const struct ctl_options *options, const json_t *request, json_t *reply);

/* Instances, line by line. */
int list_open(const struct ctl_options *options, const json_t *request, json_t *reply,
	      struct answer **more);

/* All that is known of a name; and what a client is answered, and why. */
int show_run(const struct ctl_options *options, const json_t *request, json_t *reply);
int why_run(const struct ctl_options *options, const json_t *request, json_t *reply);

/* All numbers, as OpenMetrics text. */
int metrics_run(const struct ctl_options *options, const json_t *request, json_t *reply);

/* The text of a zone, piece by piece; and such a text into a zone (registry/text.h). */
int export_open(const struct ctl_options *options, const json_t *request, json_t *reply,
		struct answer **more);
#define IMPORT_MAX ((size_t)512 << 20) /* octets of text */
int import_take(const struct ctl_options *options, const struct upload *upload, json_t *reply);

/* operator.c: a held instance is published; what is registered at a name goes. */
int expire_run(const struct ctl_options *options, const json_t *request, json_t *reply);
int release_run(const struct ctl_options *options, const json_t *request, json_t *reply);
int remove_run(const struct ctl_options *options, const json_t *request, json_t *reply);

/* ---- refuse.c ---- */

/* Makes the reply a refusal: "ok" false, "error", and "code" unless that is NULL. OK, ERR_NOMEM. */
int ctl_refuse(json_t *reply, const char *code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define CTL_NOT_FOUND "not-found" /* the code for what is not there */
#define CTL_ARGUMENT "argument" /* for a request that is wrong in itself */

/* ---- name.c ---- */

/*
 * Reads the "name" of a request: in full, or relative to its "zone", or to the only registry zone
 * that there is. *zone: the registry zone that holds it, served or not. ERR_FORMAT: there is none,
 * and the reply is a refusal; ERR_NOMEM.
 */
int ctl_find_name(const struct root *root, const json_t *request, json_t *reply,
		  uint8_t name[DNS_NAME_MAX], const struct zone **zone);

/*
 * The registry zone that a request names by "zone", or the only one there is. ERR_FORMAT: there is
 * none, and the reply is a refusal; ERR_NOMEM.
 */
int ctl_find_zone(const struct root *root, const json_t *request, json_t *reply,
		  const struct zone **zone);

/* ---- metrics.c ---- */

/* The rows of a group, "core" or "net", as `status` has them. NULL: no memory. */
json_t *metrics_group(const struct ctl_options *options, const char *group);

/* One row of the table, for the manual's check. */
struct metrics_row {
	const char *key; /* NULL: not in a group of `status` */
	const char *group;
	const char *name;
	const char *unit; /* NULL: none */
	const char *help;
};

/* The `index`-th row; false behind the last. */
bool metrics_row(size_t index, struct metrics_row *out);

/* ---- show.c ---- */

/*
 * Fills `reply` with all that is known of the name of a request; `more` (may be NULL) adds to it.
 * The result of a command.
 */
typedef int (*show_fn)(const struct ctl_options *options, json_t *reply, const struct root *root,
		       const struct zone *zone, const uint8_t *name);
int show_name(const struct ctl_options *options, const json_t *request, json_t *reply,
	      show_fn more);

/* ---- describe.c: names and instances as JSON; NULL: no memory ---- */

/* RFC 3339, in UTC; null when it is not known. */
json_t *describe_time(uint64_t time_s);

json_t *describe_name(const uint8_t *name);

/* Name, owner, lease and what is left of it. */
json_t *describe_holding(const struct node *node, const struct core_moment *now);

/* The same of an instance, whether it is published and why not, and since when. */
json_t *describe_instance(const struct zone *zone, const struct node *node,
			  const struct core_moment *now);

/* Adds host, port, priority, weight and addresses of the instance's first SRV. ERR_NOMEM. */
int describe_endpoint(json_t *out, const struct root *root, const struct zone *zone,
		      const struct node *node);

/* {"type","ttl","data"} */
json_t *describe_record(uint16_t type, uint32_t ttl, const uint8_t *rdata, uint16_t size);
