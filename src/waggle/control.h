/* Questions to the waggled on this machine, over its control socket. Thread: main. */
#pragma once

#include <jansson.h>

#include "waggle/command.h"
#include "waggle/say.h"

/*
 * Sends `request` (NULL: memory is out) and waits for the answer. Unless END_OK it has said why: a
 * request refused is END_REFUSED, what is not there END_NOTHING. *out: an object with "ok" true,
 * returns owned.
 */
enum ending control_ask(const struct options *options, const json_t *request, json_t **out);

/* Prints an answer as it came, for --json. Unless END_OK it has said why. */
enum ending control_print(const struct options *options, const json_t *answer);

/* The zone that completes names, by option or environment; NULL: waggled knows its own. */
const char *control_zone(const struct options *options);

/*
 * A name as a person writes it, for a request: octets that are no ASCII become \DDD, whatever the
 * locale. NULL: memory is out. Returns owned.
 */
json_t *control_name(const char *text);
