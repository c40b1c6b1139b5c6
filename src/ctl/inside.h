/* What the commands share: for the files of this module only. */
#pragma once

#include <jansson.h>

#include "ctl/ctl.h"
#include "dns/name.h"
#include "zone/zone.h"

/*
 * The functions of the table: they fill `reply`, an object with "ok" true; OK also when they made
 * it a refusal. ERR_NOMEM.
 */

/* What the server is and has. */
int status_run(const struct ctl_options *options, const json_t *request, json_t *reply);

/* operator.c: a held instance is published; what is registered at a name goes. */
int release_run(const struct ctl_options *options, const json_t *request, json_t *reply);
int remove_run(const struct ctl_options *options, const json_t *request, json_t *reply);

/* ---- name.c ---- */

/* Makes the reply a refusal: "ok" false, "error", and "code" unless that is NULL. OK, ERR_NOMEM. */
int ctl_refuse(json_t *reply, const char *code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define CTL_NOT_FOUND "not-found" /* the code for what is not there */

/*
 * Reads the "name" of a request: in full, or relative to its "zone", or to the only registry zone
 * that there is. *zone: the registry zone that holds it, served or not. ERR_FORMAT: there is none,
 * and the reply is a refusal; ERR_NOMEM.
 */
int ctl_find_name(const struct root *root, const json_t *request, json_t *reply,
		  uint8_t name[DNS_NAME_MAX], const struct zone **zone);
