/*
 * The consumer's commands: browse and resolve. Both ask a server first; what they have from earlier
 * serves when none can be asked, and they say so.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/memory.h"
#include "waggle/client.h"
#include "waggle/command.h"
#include "waggle/grid.h"
#include "waggle/json.h"
#include "waggle/say.h"

/* How good an answer is: the members that answers and lists share. */
struct quality {
	const char *name;
	enum waggle_mark mark;
	uint32_t age_s;
	uint32_t ttl_s;
	bool is_complete;
	const char *reason;
	size_t count;
};

#define SERVICES "_services._dns-sd._udp." /* the types of a domain, RFC 6763 section 9 */

static bool is_of_types(const char *name)
{
	return strncmp(name, SERVICES, strlen(SERVICES)) == 0;
}

/* What a person has to know, on standard error. */
static void say_quality(const struct quality *quality)
{
	const char *reason = quality->reason == NULL ? "no server could be asked" : quality->reason;
	char age[DURATION_TEXT];

	duration_text(age, quality->age_s);
	if (quality->mark == WAGGLE_STALE) {
		say("%s: stale, %s old: %s", quality->name, age, reason);
	} else if (quality->mark == WAGGLE_SNAPSHOT) {
		say("%s: from the snapshot, %s old: %s", quality->name, age, reason);
	} else if (!quality->is_complete) {
		say("%s: not complete: %s", quality->name, reason);
	}
	if (quality->count == 0 && is_of_types(quality->name)) {
		say("no services are listed in %s; this may be remembered for %s",
		    quality->name + strlen(SERVICES), duration_text(age, quality->ttl_s));
	} else if (quality->count == 0) {
		say("there is no %s; this may be remembered for %s", quality->name,
		    duration_text(age, quality->ttl_s));
	}
}

/* The line below a terminal's table. */
static void print_quality(const struct quality *quality, const struct style *style)
{
	char age[DURATION_TEXT];
	char ttl[DURATION_TEXT];

	if (style->is_terminal) {
		printf("\n%s: %s%s%s, age %s, TTL %s\n", quality->name,
		       quality->mark == WAGGLE_FRESH ? "" : style_warning(style),
		       waggle_mark_text(quality->mark), style_plain(style),
		       duration_text(age, quality->age_s), duration_text(ttl, quality->ttl_s));
	}
}

static enum ending finish(const struct options *options, int ret, const struct quality *quality)
{
	if (ret != OK) {
		return client_fail_memory(options);
	}
	say_quality(quality);
	return quality->count == 0 ? END_NOTHING : END_OK;
}

/* ---- browse ------------------------------------------------------------------------------ */

static int print_list(const struct waggle_list *list, bool is_types, const struct quality *quality)
{
	static const struct grid_head types[] = {{"TYPE", false}, {"NAME", false}};
	static const struct grid_head instances[] = {{"INSTANCE", false}, {"NAME", false}};
	const struct style style = style_of(stdout);
	struct grid grid;

	grid_init(&grid, is_types ? types : instances, 2, &style);
	for (size_t i = 0; i < list->count; i++) {
		const char *const cells[] = {list->entries[i]->label, list->entries[i]->name};

		grid_add(&grid, cells);
	}
	const int ret = list->count == 0 ? OK : grid_print(&grid, stdout, &style);
	if (ret == OK && list->count > 0) {
		print_quality(quality, &style);
	}
	grid_deinit(&grid);
	return ret;
}

int browse_run(const struct options *options)
{
	const char *type = options->argument_count > 0 ? options->arguments[0] : NULL;
	struct waggle_list *list = NULL;
	struct waggle *client = NULL;
	struct waggle_error error;
	enum ending ending = client_open(&client, options, NULL, true);

	if (ending != END_OK) {
		return (int)ending;
	}
	if (waggle_browse(client, type, WAGGLE_REFRESH, &list, &error) != WAGGLE_OK) {
		ending = client_fail(options, type, &error);
	} else {
		const struct quality quality = {list->name,  list->mark,        list->age_s,
						list->ttl_s, list->is_complete, list->reason,
						list->count};
		const bool is_types = is_of_types(list->name);
		const int ret = options->is_json ? json_list(stdout, list)
						 : print_list(list, is_types, &quality);

		ending = finish(options, ret, &quality);
	}
	waggle_list_free(list);
	waggle_close(client);
	return (int)ending;
}

/* ---- resolve ----------------------------------------------------------------------------- */

static int compare_text(const char *one, const char *other)
{
	return strcmp(one == NULL ? "" : one, other == NULL ? "" : other);
}

static int compare_endpoints(const void *a, const void *b)
{
	const struct waggle_endpoint *one = *(const struct waggle_endpoint *const *)a;
	const struct waggle_endpoint *other = *(const struct waggle_endpoint *const *)b;
	int order = (int)one->priority - (int)other->priority;

	if (order == 0) {
		order = compare_text(one->instance, other->instance);
	}
	if (order == 0) {
		order = compare_text(one->host, other->host);
	}
	return order != 0 ? order : (int)one->port - (int)other->port;
}

/* Must one pair be put into quotes, so that its end is seen? */
static bool wants_quotes(const struct waggle_txt *pair)
{
	for (size_t i = 0; i < pair->value_size; i++) {
		if (strchr(" \"\\", pair->value[i]) != NULL) {
			return true;
		}
	}
	return strchr(pair->key, ' ') != NULL;
}

static void put_octet(FILE *stream, char octet)
{
	if (octet == '\0') {
		fputs("\\000", stream);
		return;
	}
	if (octet == '"' || octet == '\\') {
		fputc('\\', stream);
	}
	fputc(octet, stream);
}

/* `path=/ note="two words"`, as one cell; free it. NULL: out of memory. */
static char *txt_text(const struct waggle_endpoint *endpoint)
{
	struct memory_stream stream;
	char *text;

	if (memory_open(&stream) != OK) {
		return NULL;
	}
	for (size_t i = 0; i < endpoint->txt_count; i++) {
		const struct waggle_txt *pair = &endpoint->txt[i];
		const bool is_quoted = wants_quotes(pair);

		fprintf(stream.file, "%s%s%s%s", i == 0 ? "" : " ", pair->key,
			pair->value == NULL ? "" : "=", is_quoted ? "\"" : "");
		for (size_t k = 0; k < pair->value_size; k++) {
			put_octet(stream.file, pair->value[k]);
		}
		fputs(is_quoted ? "\"" : "", stream.file);
	}
	(void)memory_close(&stream, &text, NULL);
	return text;
}

/* One row for each address, since that is what one connects to. */
static int add_endpoint(struct grid *grid, const struct waggle_endpoint *endpoint)
{
	char port[8];
	char priority[8];
	char weight[8];
	char address[WAGGLE_ADDRESS_TEXT];
	char *txt = txt_text(endpoint);
	const char *const cells[] = {endpoint->instance, address, port, priority, weight,
				     endpoint->host,     txt};

	if (txt == NULL) {
		return ERR_NOMEM;
	}
	snprintf(port, sizeof(port), "%u", endpoint->port);
	snprintf(priority, sizeof(priority), "%u", endpoint->priority);
	snprintf(weight, sizeof(weight), "%u", endpoint->weight);
	address[0] = '\0';
	for (size_t i = 0; i == 0 || i < endpoint->address_count; i++) {
		if (i < endpoint->address_count) {
			waggle_address_text(address, &endpoint->addresses[i]);
			address[strcspn(address, "@")] = '\0';
		}
		grid_add(grid, cells);
	}
	free(txt);
	return OK;
}

static int print_answer(const struct waggle_answer *answer, const struct quality *quality)
{
	static const struct grid_head heads[] = {
		{"INSTANCE", false}, {"ADDRESS", false}, {"PORT", true}, {"PRIORITY", true},
		{"WEIGHT", true},    {"HOST", false},    {"TXT", false}};
	const struct style style = style_of(stdout);
	const struct waggle_endpoint **sorted;
	struct grid grid;
	int ret = OK;

	if (answer->count == 0) {
		return OK;
	}
	sorted = malloc(answer->count * sizeof(*sorted));
	if (sorted == NULL) {
		return ERR_NOMEM;
	}
	memcpy(sorted, answer->endpoints, answer->count * sizeof(*sorted));
	qsort(sorted, answer->count, sizeof(*sorted), compare_endpoints);
	grid_init(&grid, heads, sizeof(heads) / sizeof(heads[0]), &style);
	for (size_t i = 0; i < answer->count && ret == OK; i++) {
		ret = add_endpoint(&grid, sorted[i]);
	}
	if (ret == OK) {
		ret = grid_print(&grid, stdout, &style);
	}
	if (ret == OK) {
		print_quality(quality, &style);
	}
	grid_deinit(&grid);
	free(sorted);
	return ret;
}

int resolve_run(const struct options *options)
{
	const char *name = options->arguments[0];
	struct waggle_answer *answer = NULL;
	struct waggle *client = NULL;
	struct waggle_error error;
	enum ending ending = client_open(&client, options, NULL, true);

	if (ending != END_OK) {
		return (int)ending;
	}
	if (waggle_resolve(client, name, WAGGLE_REFRESH, &answer, &error) != WAGGLE_OK) {
		ending = client_fail(options, name, &error);
	} else {
		const struct quality quality = {answer->name,  answer->mark,        answer->age_s,
						answer->ttl_s, answer->is_complete, answer->reason,
						answer->count};
		const int ret = options->is_json ? json_answer(stdout, answer)
						 : print_answer(answer, &quality);

		ending = finish(options, ret, &quality);
	}
	waggle_answer_free(answer);
	waggle_close(client);
	return (int)ending;
}
