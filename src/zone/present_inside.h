/*
 * What present.c, which reads, and present_write.c know together. Thread: any.
 */
#pragma once

#include <stdint.h>

#include "dns/rrcheck.h"

/* A letter for each field of the type's text; NULL: not a type of ours. */
const char *present_form(uint16_t type);

#define SVCB_NONE 65536 /* no key */
#define SVCB_NAMES 9 /* keys that have a name: 0 and on */

extern const char *const present_svcb_names[SVCB_NAMES];
