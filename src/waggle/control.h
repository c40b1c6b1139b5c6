/*
 * Questions to waggled over its control socket: a JSON object on a line there, one or many back.
 * What goes wrong is said here, with what to do about it. Thread: main.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "waggle/command.h"
#include "waggle/say.h"

#define CONTROL_TIMEOUT_MS 5000 /* for one line, where --timeout does not say */
#define CONTROL_LONG_MS 60000 /* the same for what takes waggled a while */

/*
 * Sends `request` (NULL: memory is out) and waits for the answer. Unless END_OK it has said why: a
 * request refused is END_REFUSED, what is not there END_NOTHING. *out: an object with "ok" true,
 * returns owned.
 */
enum ending control_ask(const struct options *options, const json_t *request, json_t **out);

/*
 * Prints a piece of an answer. END_FAILED, with errno for main(), when standard output takes no
 * more: the next answer that is read would lose why.
 */
enum ending control_put(const char *text, const char *end);

/* Says an answer with "ok" false; the code is "not-found" or "argument" where it says so. */
enum ending control_refused(const struct options *options, const json_t *answer);

/* Prints an answer as it came, for --json. Unless END_OK it has said why. */
enum ending control_print(const struct options *options, const json_t *answer);

/* The zone that completes names, by option or environment; NULL: waggled knows its own. */
const char *control_zone(const struct options *options);

/*
 * A name as a person writes it, for a request: octets that are no ASCII become \DDD, whatever the
 * locale. NULL: memory is out. Returns owned.
 */
json_t *control_name(const char *text);

/* ---- step by step ------------------------------------------------------------------------ */

struct control;

/* Connects. `timeout_ms`: for each line, unless --timeout says. *out: returns owned. */
enum ending control_open(struct control **out, const struct options *options, uint32_t timeout_ms);

/* Takes NULL. */
void control_close(struct control *control);

/* Sends a request (NULL: memory is out). */
enum ending control_send(struct control *control, const json_t *request);

/* Sends octets as they are, behind a request that says how many. */
enum ending control_send_octets(struct control *control, const void *octets, size_t size);

/*
 * The next line, as it came (valid until the next one) and as an object: returns owned. One with
 * "ok" false has been said, see control_ask().
 */
enum ending control_read(struct control *control, const char **line, json_t **out);

/* ---- members of answers ------------------------------------------------------------------ */

/* "" where there is none. */
const char *control_text(const json_t *object, const char *key);
json_int_t control_number(const json_t *object, const char *key);

#define CONTROL_NUMBER 24

/* A number as text; "" where there is none. Returns `out`. */
const char *control_number_text(char out[CONTROL_NUMBER], const json_t *object, const char *key);

/* Seconds for a person (`is_terminal`) or for a program; "" for null: no lease. */
const char *control_seconds(char out[DURATION_TEXT], const json_t *object, const char *key,
			    bool is_terminal);
