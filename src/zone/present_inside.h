/*
 * What present.c, which reads, and present_write.c know together. Thread: any.
 */
#pragma once

#include <stdint.h>

/* A letter for each field of the type's text; NULL: not a type of ours. */
const char *present_form(uint16_t type);

enum svcb_key {
	SVCB_MANDATORY = 0,
	SVCB_ALPN = 1,
	SVCB_NO_DEFAULT_ALPN = 2,
	SVCB_PORT = 3,
	SVCB_IPV4HINT = 4,
	SVCB_ECH = 5,
	SVCB_IPV6HINT = 6,
	SVCB_OHTTP = 8,
	SVCB_NONE = 65536,
};

#define SVCB_NAMES 9 /* keys that have a name: 0 and on */

extern const char *const present_svcb_names[SVCB_NAMES];
