/* What `waggle register --dry-run` prints: the records, and why they are these. Thread: main. */
#pragma once

#include <stdio.h>

#include "waggle/news.h"
#include "waggle/service.h"

/* Prints one planned service as master-file text with comments; `key` is a key's name, or NULL. */
void plan_print(FILE *stream, const struct service *service, const struct waggle_report *report,
		const char *key);

/* Where the addresses are from: "given", "route", or "none" for a host that others look after. */
const char *plan_address_source(const struct service *service);
