/*
 * What the commands print with --json: one line each, with field names that stay; waggle(1) lists
 * them. Functions return ERR_NOMEM when memory is out, and then have written nothing.
 * Thread: main.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "libclient/waggle.h"
#include "waggle/command.h"

/* {"name","mark","age_s","ttl_s","complete","reason","endpoints"} */
int json_answer(FILE *stream, const struct waggle_answer *answer);

/* {"name","mark","age_s","ttl_s","complete","reason","entries"} */
int json_list(FILE *stream, const struct waggle_list *list);

/*
 * {"state","name","host","server","addresses","lease_s",...}: one report of a registration, with
 * "address_source" where that is not NULL.
 */
int json_report(FILE *stream, const struct waggle_report *report, const char *address_source);

/* {"error":{"code","text","advice","rcode","info","tsig","exit"}} */
int json_error(FILE *stream, const struct waggle_error *error);

/* The same for what is not the library's: a code word of ours, a sentence, the exit code. */
int json_failure(FILE *stream, const char *code, const char *text, int ending);

/* {"commands":[...],"options":[...]}: the table of commands. */
int json_help(FILE *stream);

/* {"waggle","libwaggle"} */
int json_version(FILE *stream);
