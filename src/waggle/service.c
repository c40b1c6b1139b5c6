/*
 * The settings table and its two readers. A value is text in both; the row knows what it means.
 *
 * What can fail: the file (named, with its line), a value (named, with what would be right). Whether
 * names and addresses are right is left to the library, which says it as well.
 */
#include "waggle/service.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "conf/tree.h"
#include "conf/value.h"

#define FILE_MAX (4u << 20)
#define BLOCK_SIZE 4096
#define LIST_MAX 256 /* addresses, subtypes or pairs of one service */

__attribute__((format(printf, 2, 3))) static int refuse(char problem[PROBLEM_SIZE],
							const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(problem, PROBLEM_SIZE, format, arguments);
	va_end(arguments);
	return ERR_CONF;
}

/* ---- the table --------------------------------------------------------------------------- */

struct row {
	const char *key;
	bool is_list; /* may be given several times; a list in the file */
	int (*set)(struct services *services, struct service *service, const struct row *row,
		   const char *text, char *problem);
	const struct value_unit *units; /* of a number */
	uint64_t least;
	uint64_t most;
	size_t offset; /* of the field in struct waggle_service */
	size_t size; /* of a number's field */
};

static int set_text(struct services *services, struct service *service, const struct row *row,
		    const char *text, char *problem)
{
	(void)services;
	(void)problem;
	memcpy((char *)&service->wanted + row->offset, &text, sizeof(text));
	return OK;
}

static int set_number(struct services *services, struct service *service, const struct row *row,
		      const char *text, char *problem)
{
	char least[VALUE_TEXT_MAX];
	char most[VALUE_TEXT_MAX];
	char quoted[VALUE_QUOTE_MAX];
	uint64_t number;
	char *field = (char *)&service->wanted + row->offset;

	(void)services;
	if (value_number(&number, text, row->units) != OK || number < row->least ||
	    number > row->most) {
		return refuse(problem, "%s is no %s; %s to %s are possible",
			      value_quote(quoted, text), row->key,
			      value_number_text(least, row->least, row->units),
			      value_number_text(most, row->most, row->units));
	}
	if (row->size == sizeof(uint16_t)) {
		const uint16_t value = (uint16_t)number;
		memcpy(field, &value, sizeof(value));
	} else {
		const uint32_t value = (uint32_t)number;
		memcpy(field, &value, sizeof(value));
	}
	return OK;
}

/* Room for one more in an array that doubles, in the arena. ERR_NOMEM, ERR_FULL. */
static int grow(struct arena *arena, void **array, size_t count, size_t item_size)
{
	if (count >= LIST_MAX) {
		return ERR_FULL;
	}
	if (count > 0 && (count < 4 || (count & (count - 1)) != 0)) {
		return OK;
	}
	void *bigger = arena_calloc(arena, count == 0 ? 4 : count * 2, item_size);
	if (bigger == NULL) {
		return ERR_NOMEM;
	}
	if (count > 0) {
		memcpy(bigger, *array, count * item_size);
	}
	*array = bigger;
	return OK;
}

static int add_text(struct services *services, const char ***texts, size_t *count, const char *what,
		    const char *text, char *problem)
{
	void *array = *texts;
	const int ret = grow(&services->arena, &array, *count, sizeof(**texts));

	if (ret == ERR_FULL) {
		return refuse(problem, "more than %d times %s", LIST_MAX, what);
	}
	if (ret == OK) {
		*texts = array;
		(*texts)[(*count)++] = text;
	}
	return ret;
}

static int add_address(struct services *services, struct service *service, const struct row *row,
		       const char *text, char *problem)
{
	return add_text(services, &service->addresses, &service->wanted.address_count, row->key,
			text, problem);
}

static int add_subtype(struct services *services, struct service *service, const struct row *row,
		       const char *text, char *problem)
{
	return add_text(services, &service->subtypes, &service->wanted.subtype_count, row->key,
			text, problem);
}

#define FIELD(field)                                                                               \
	.offset = offsetof(struct waggle_service, field),                                          \
	.size = sizeof(((struct waggle_service *)NULL)->field)
#define COUNT(from, to) .set = set_number, .units = value_plain, .least = (from), .most = (to)
#define SECONDS(from, to) .set = set_number, .units = value_duration, .least = (from), .most = (to)

#define WEEK 604800u

/* clang-format off */
static const struct row rows[] = {
{"name", false, .set = set_text, FIELD(instance)},
{"type", false, .set = set_text, FIELD(type)},
{"port", false, COUNT(1, 65535), FIELD(port)},
{"host", false, .set = set_text, FIELD(host)},
{"address", true, .set = add_address},
{"priority", false, COUNT(0, 65535), FIELD(priority)},
{"weight", false, COUNT(0, 65535), FIELD(weight)},
{"subtype", true, .set = add_subtype},
{"lease", false, SECONDS(1, WEEK), FIELD(lease_s)},
{"ttl", false, SECONDS(1, WEEK), FIELD(ttl_s)},
};
/* clang-format on */

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))
#define ROW_NAME 0
#define ROW_TYPE 1
#define ROW_PORT 2

static const struct row *find_row(const char *key)
{
	for (size_t i = 0; i < ROW_COUNT; i++) {
		if (strcmp(rows[i].key, key) == 0) {
			return &rows[i];
		}
	}
	return NULL;
}

const char *service_key(size_t i)
{
	return i < ROW_COUNT ? rows[i].key : NULL;
}

/* ---- one service ------------------------------------------------------------------------- */

void services_init(struct services *services)
{
	*services = (struct services){.count = 0};
	arena_init(&services->arena, BLOCK_SIZE);
}

void services_deinit(struct services *services)
{
	if (services != NULL) {
		arena_deinit(&services->arena);
	}
}

void service_init(struct service *service)
{
	*service = (struct service){.wanted = WAGGLE_SERVICE_INIT};
}

static bool is_given(const struct service *service, size_t row)
{
	return (service->given & 1u << row) != 0;
}

int service_set(struct services *services, struct service *service, const char *key,
		const char *text, char problem[PROBLEM_SIZE])
{
	const struct row *row = find_row(key);

	if (row == NULL) {
		return refuse(problem, "%s is no setting of a service", key);
	}
	const size_t i = (size_t)(row - rows);
	if (is_given(service, i) && !row->is_list) {
		return refuse(problem, "%s is given twice; keep one", key);
	}
	if (*text == '\0') {
		return refuse(problem, "%s is empty", key);
	}
	service->given |= 1u << i;
	return row->set(services, service, row, text, problem);
}

/* Takes a pair whose parts stay where they are. */
static int add_pair(struct services *services, struct service *service,
		    const struct waggle_txt *pair, char *problem)
{
	void *array = service->txt;
	const int ret = grow(&services->arena, &array, service->wanted.txt_count, sizeof(*pair));

	if (ret == ERR_FULL) {
		return refuse(problem, "more than %d TXT pairs", LIST_MAX);
	}
	if (ret == OK) {
		service->txt = array;
		service->txt[service->wanted.txt_count++] = *pair;
	}
	return ret;
}

int service_add_pair(struct services *services, struct service *service, const char *text,
		     char problem[PROBLEM_SIZE])
{
	const char *equals = strchr(text, '=');
	char quoted[VALUE_QUOTE_MAX];

	if (equals == NULL || equals == text) {
		return refuse(problem, "%s is no KEY=VALUE; a command to run stands behind --",
			      value_quote(quoted, text));
	}
	char *key = arena_dup(&services->arena, text, (size_t)(equals - text) + 1);
	if (key == NULL) {
		return ERR_NOMEM;
	}
	key[equals - text] = '\0';
	const struct waggle_txt pair = {
		.key = key, .value = equals + 1, .value_size = strlen(equals + 1)};
	return add_pair(services, service, &pair, problem);
}

/* The first label of this machine's name. */
static const char *machine_name(struct services *services)
{
	char name[256] = "";

	if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0' || name[0] == '.') {
		return NULL;
	}
	name[strcspn(name, ".")] = '\0';
	return arena_dup(&services->arena, name, strlen(name) + 1);
}

int service_finish(struct services *services, struct service *service, char problem[PROBLEM_SIZE])
{
	static const size_t required[] = {ROW_TYPE, ROW_PORT};

	for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++) {
		if (!is_given(service, required[i])) {
			return refuse(problem, "the service has no %s", rows[required[i]].key);
		}
	}
	if (!is_given(service, ROW_NAME)) {
		service->wanted.instance = machine_name(services);
		if (service->wanted.instance == NULL) {
			return refuse(problem,
				      "the service has no name, and this machine has none");
		}
	}
	service->wanted.txt = service->txt;
	service->wanted.addresses = service->addresses;
	service->wanted.subtypes = service->subtypes;
	return OK;
}

/* ---- the file ---------------------------------------------------------------------------- */

struct reader {
	struct services *services;
	char *problem;
};

/* The tree goes when the file is read; the services stay. */
static int keep_text(const struct reader *reader, const char **out, const char *text)
{
	*out = arena_dup(&reader->services->arena, text, strlen(text) + 1);
	return *out == NULL ? ERR_NOMEM : OK;
}

__attribute__((format(printf, 3, 4))) static int refuse_at(const struct reader *reader, int line,
							   const char *format, ...)
{
	char text[PROBLEM_SIZE / 2];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	return refuse(reader->problem, "%s:%d: %s", reader->services->path, line, text);
}

static int read_value(const struct reader *reader, struct service *service, const char *key,
		      const struct node *node)
{
	char problem[PROBLEM_SIZE] = "";
	const char *text;

	if (node->kind != NODE_SCALAR) {
		return refuse_at(reader, node->line, "%s takes a plain value", key);
	}
	int ret = keep_text(reader, &text, node->text);
	if (ret == OK) {
		ret = service_set(reader->services, service, key, text, problem);
	}
	return ret == ERR_CONF ? refuse_at(reader, node->line, "%s", problem) : ret;
}

static int read_list(const struct reader *reader, struct service *service, const struct node *node)
{
	int ret = OK;

	for (const struct node *item = node->first; item != NULL && ret == OK; item = item->next) {
		ret = read_value(reader, service, node->key, item);
	}
	return ret;
}

/* `txt: {path: /, secure: }`; a key with nothing behind it has no value (RFC 6763 6.4). */
static int read_pair(const struct reader *reader, struct service *service, const struct node *node)
{
	char problem[PROBLEM_SIZE] = "";
	struct waggle_txt pair = {.key = NULL};

	if (node->kind != NODE_SCALAR && node->kind != NODE_EMPTY) {
		return refuse_at(reader, node->line, "%s takes a plain value, or nothing",
				 node->key);
	}
	int ret = keep_text(reader, &pair.key, node->key);
	if (ret == OK && node->kind == NODE_SCALAR) {
		ret = keep_text(reader, &pair.value, node->text);
		pair.value_size = strlen(node->text);
	}
	if (ret == OK) {
		ret = add_pair(reader->services, service, &pair, problem);
	}
	return ret == ERR_CONF ? refuse_at(reader, node->line, "%s", problem) : ret;
}

static int read_pairs(const struct reader *reader, struct service *service, const struct node *node)
{
	int ret = OK;

	if (node->kind != NODE_MAP && node->kind != NODE_EMPTY) {
		return refuse_at(reader, node->line, "txt takes a mapping: {path: /}");
	}
	for (const struct node *pair = node->first; pair != NULL && ret == OK; pair = pair->next) {
		ret = read_pair(reader, service, pair);
	}
	return ret;
}

static int read_setting(const struct reader *reader, struct service *service,
			const struct node *node)
{
	const struct row *row = find_row(node->key);
	char quoted[VALUE_QUOTE_MAX];

	if (strcmp(node->key, "txt") == 0) {
		return read_pairs(reader, service, node);
	}
	if (row == NULL) {
		return refuse_at(reader, node->line,
				 "%s is no key of a service; waggle(1) lists them",
				 value_quote(quoted, node->key));
	}
	if (row->is_list && node->kind == NODE_LIST) {
		return read_list(reader, service, node);
	}
	return read_value(reader, service, node->key, node);
}

static int read_service(const struct reader *reader, struct service *service,
			const struct node *node)
{
	char problem[PROBLEM_SIZE] = "";
	int ret = OK;

	service_init(service);
	service->line = node->line;
	if (node->kind != NODE_MAP) {
		return refuse_at(reader, node->line,
				 "a service is a mapping: {type: _http._tcp, ...}");
	}
	for (const struct node *child = node->first; child != NULL && ret == OK;
	     child = child->next) {
		ret = read_setting(reader, service, child);
	}
	if (ret != OK) {
		return ret;
	}
	ret = service_finish(reader->services, service, problem);
	return ret == ERR_CONF ? refuse_at(reader, node->line, "%s", problem) : ret;
}

static int read_services(const struct reader *reader, const struct node *node)
{
	struct services *services = reader->services;
	const struct node *item = node->kind == NODE_LIST ? node->first : node;
	const size_t count = node->kind == NODE_LIST ? node->count : 1;
	int ret = OK;

	if (count > SERVICES_MAX) {
		return refuse_at(reader, node->line, "more than %d services", SERVICES_MAX);
	}
	services->items = arena_calloc(&services->arena, count + 1, sizeof(services->items[0]));
	if (services->items == NULL) {
		return ERR_NOMEM;
	}
	for (size_t i = 0; i < count && ret == OK; i++, item = item->next) {
		ret = read_service(reader, &services->items[services->count++], item);
	}
	return ret;
}

/* A path of the file, which starts where the file is. */
static int keep_path(const struct reader *reader, const char **out, const char *path)
{
	const char *slash = strrchr(reader->services->path, '/');
	const size_t size = slash == NULL ? 0 : (size_t)(slash - reader->services->path) + 1;

	if (*path == '/' || size == 0) {
		return keep_text(reader, out, path);
	}
	char *text = arena_alloc(&reader->services->arena, size + strlen(path) + 1);
	if (text == NULL) {
		return ERR_NOMEM;
	}
	memcpy(text, reader->services->path, size);
	strcpy(text + size, path);
	*out = text;
	return OK;
}

static int read_root(const struct reader *reader, const struct node *root)
{
	struct services *services = reader->services;
	char quoted[VALUE_QUOTE_MAX];
	int ret = OK;

	for (const struct node *node = root->first; node != NULL && ret == OK; node = node->next) {
		const bool is_text = node->kind == NODE_SCALAR;

		if (root->kind != NODE_MAP) {
			break;
		}
		if (strcmp(node->key, "service") == 0) {
			ret = read_services(reader, node);
		} else if (strcmp(node->key, "server") == 0 && is_text) {
			ret = keep_text(reader, &services->server, node->text);
		} else if (strcmp(node->key, "zone") == 0 && is_text) {
			ret = keep_text(reader, &services->zone, node->text);
		} else if (strcmp(node->key, "key") == 0 && is_text) {
			ret = keep_path(reader, &services->key, node->text);
		} else {
			ret = refuse_at(reader, node->line,
					"%s is no key here; server, zone and key with a plain "
					"value, and service, are",
					value_quote(quoted, node->key));
		}
	}
	if (ret == OK && services->count == 0) {
		return refuse_at(reader, root->line,
				 "no service; write service: [{type: _http._tcp, port: 8080}]");
	}
	return ret;
}

int services_parse(struct services *services, const char *text, size_t size, const char *path,
		   char problem[PROBLEM_SIZE])
{
	const struct reader reader = {.services = services, .problem = problem};
	struct tree_problem wrong;
	struct tree tree;

	services->path = path;
	int ret = tree_init(&tree, text, size, &wrong);
	if (ret == ERR_CONF) {
		ret = refuse_at(&reader, wrong.line, "%s", wrong.text);
	} else if (ret == OK) {
		ret = read_root(&reader, tree.root);
	}
	tree_deinit(&tree);
	return ret;
}

int services_read(struct services *services, const char *path, char problem[PROBLEM_SIZE])
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char *text = NULL;
	size_t size;
	int ret = ERR_NOMEM;

	if (file == NULL) {
		return refuse(problem, "%s: cannot be read: %s", path, strerror(errno));
	}
	text = malloc(FILE_MAX);
	if (text == NULL) {
		goto out;
	}
	size = fread(text, 1, FILE_MAX, file);
	if (ferror(file) != 0) {
		ret = refuse(problem, "%s: cannot be read: %s", path, strerror(errno));
	} else if (size == FILE_MAX) {
		ret = refuse(problem, "%s: too large; 4 MiB are the limit", path);
	} else {
		ret = services_parse(services, text, size, path, problem);
	}
out:
	free(text);
	if (file != stdin) {
		fclose(file);
	}
	return ret;
}
