/*
 * The forms of values that any mapping may have: numbers, paths, names; and what belongs to the
 * server alone. Each function takes a node of the right shape and fills one field.
 */
#include "conf/decode.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"

#define LISTEN_MAX 64 /* addresses */
#define THREADS_MAX 64

static void *field_of(const struct row *row, void *target)
{
	return (char *)target + row->offset;
}

int decode_inside(const struct decoder *decoder, const struct row *row, const char *path,
		  const struct node *node, void *target)
{
	return decode_map(decoder, row->inside, path, node, target);
}

static int refuse_number(const struct decoder *decoder, const struct row *row, const char *path,
			 const struct node *node)
{
	char text[VALUE_QUOTE_MAX];

	value_quote(text, node->text);
	if (row->unit == value_duration) {
		return refuse(decoder, path, node->line,
			      "%s is not a duration; write one as 10s, 5m, 2h, 1d, 1w, or in "
			      "seconds",
			      text);
	}
	if (row->unit == value_micros) {
		return refuse(decoder, path, node->line,
			      "%s is not a pause; write one as 200us, or off", text);
	}
	if (row->unit == value_octets) {
		return refuse(decoder, path, node->line,
			      "%s is not a size; write one as 64KiB, 16MiB, 1GiB, or in octets",
			      text);
	}
	return refuse(decoder, path, node->line, "%s is not a number; write digits only", text);
}

int decode_number(const struct decoder *decoder, const struct row *row, const char *path,
		  const struct node *node, void *target)
{
	char least[VALUE_TEXT_MAX];
	char most[VALUE_TEXT_MAX];
	char text[VALUE_QUOTE_MAX];
	uint64_t number;

	const int ret = value_number(&number, node->text, row->unit);
	if (ret == ERR_FORMAT) {
		return refuse_number(decoder, row, path, node);
	}
	if (ret == ERR_RANGE || number < row->least || number > row->most) {
		return refuse(decoder, path, node->line, "%s is out of range; write %s to %s",
			      value_quote(text, node->text),
			      value_number_text(least, row->least, row->unit),
			      value_number_text(most, row->most, row->unit));
	}
	if (row->size == sizeof(uint64_t)) {
		*(uint64_t *)field_of(row, target) = number;
	} else {
		*(uint32_t *)field_of(row, target) = (uint32_t)number;
	}
	return OK;
}

int decode_pause(const struct decoder *decoder, const struct row *row, const char *path,
		 const struct node *node, void *target)
{
	if (strcmp(node->text, "off") == 0) {
		*(uint32_t *)field_of(row, target) = 0;
		return OK;
	}
	return decode_number(decoder, row, path, node, target);
}

int decode_bool(const struct decoder *decoder, const struct row *row, const char *path,
		const struct node *node, void *target)
{
	char text[VALUE_QUOTE_MAX];
	const bool is_true = strcmp(node->text, "true") == 0;

	if (!is_true && strcmp(node->text, "false") != 0) {
		return refuse(decoder, path, node->line,
			      "%s is neither true nor false; write one of them",
			      value_quote(text, node->text));
	}
	*(bool *)field_of(row, target) = is_true;
	return OK;
}

int decode_path(const struct decoder *decoder, const struct row *row, const char *path,
		const struct node *node, void *target)
{
	const char *text = node->text;

	if (text[0] == 0) {
		return refuse(decoder, path, node->line, "is empty; write a path");
	}
	while (text[0] == '.' && text[1] == '/') {
		text += 2;
	}
	const size_t size = strlen(decoder->directory) + 1 + strlen(text) + 1;
	char *out = arena_alloc(decoder->arena, size);
	if (out == NULL) {
		return ERR_NOMEM;
	}
	if (text[0] == '/') {
		snprintf(out, size, "%s", text);
	} else {
		snprintf(out, size, "%s/%s", decoder->directory, text);
	}
	*(char **)field_of(row, target) = out;
	return OK;
}

static int add_listen(const struct decoder *decoder, const char *path, const struct node *node)
{
	struct conf *conf = decoder->conf;
	struct conf_listen *listen = &conf->listen[conf->listen_count];
	char text[VALUE_QUOTE_MAX];

	if (node->kind != NODE_SCALAR) {
		return refuse(decoder, path, node->line,
			      "an entry is no address; write \"127.0.0.1@53\" or \"::1@53\"");
	}
	if (value_listen(listen, node->text) != OK) {
		return refuse(decoder, path, node->line,
			      "%s is no address; write IPv4@PORT or IPv6@PORT, as "
			      "\"127.0.0.1@53\" or \"::1@53\"",
			      value_quote(text, node->text));
	}
	for (size_t i = 0; i < conf->listen_count; i++) {
		const char *port = strrchr(listen->text, '@');

		if (strcmp(conf->listen[i].text, listen->text) == 0 && strcmp(port, "@0") != 0) {
			return refuse(decoder, path, node->line, "%s is there twice; write it once",
				      listen->text);
		}
	}
	conf->listen_count++;
	return OK;
}

int decode_listen(const struct decoder *decoder, const struct row *row, const char *path,
		  const struct node *node, void *target)
{
	struct conf *conf = target;
	int ret = OK;

	(void)row;
	if (node->count == 0 || node->count > LISTEN_MAX) {
		return refuse(decoder, path, node->line,
			      "%zu addresses; write 1 to %d, as [\"127.0.0.1@53\", \"::1@53\"]",
			      node->count, LISTEN_MAX);
	}
	conf->listen = arena_calloc(decoder->arena, node->count, sizeof(conf->listen[0]));
	if (conf->listen == NULL) {
		return ERR_NOMEM;
	}
	for (const struct node *child = node->first; ret == OK && child != NULL;
	     child = child->next) {
		ret = add_listen(decoder, path, child);
	}
	return ret;
}

int decode_name(const struct decoder *decoder, const char *path, const struct node *node,
		uint8_t out[DNS_NAME_MAX])
{
	char text[VALUE_QUOTE_MAX];

	if (node->text[0] == 0 || dns_name_from_text(out, node->text, NULL) < 0) {
		return refuse(decoder, path, node->line,
			      "%s is not a domain name; labels have 1 to 63 octets, the whole 255",
			      value_quote(text, node->text));
	}
	return OK;
}

int decode_server_name(const struct decoder *decoder, const struct row *row, const char *path,
		       const struct node *node, void *target)
{
	struct conf *conf = target;
	const int ret = decode_name(decoder, path, node, conf->name);

	(void)row;
	if (ret == OK && conf->name[0] == 0) {
		return refuse(decoder, path, node->line,
			      "is the root; write the name of a host, as ns1.example.");
	}
	conf->has_name = ret == OK;
	return ret;
}

int decode_text(const struct decoder *decoder, const char *path, const struct node *node,
		size_t most, char **out)
{
	const size_t size = strlen(node->text);

	if (size == 0 || size > most) {
		return refuse(decoder, path, node->line, "has %zu octets; write 1 to %zu", size,
			      most);
	}
	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)node->text[i] < ' ' || node->text[i] == 0x7f) {
			return refuse(decoder, path, node->line,
				      "holds a control character; take it out");
		}
	}
	*out = arena_dup(decoder->arena, node->text, size + 1);
	return *out == NULL ? ERR_NOMEM : OK;
}

int decode_said(const struct decoder *decoder, const struct row *row, const char *path,
		const struct node *node, void *target)
{
	return decode_text(decoder, path, node, CONF_SAID_MAX, field_of(row, target));
}

/* Cores that this process may use. */
static unsigned core_count(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0) {
		return (unsigned)CPU_COUNT(&set);
	}
	return 1;
}

static unsigned at_most(unsigned number, unsigned most)
{
	return number < most ? number : most;
}

static int check_data(const struct decoder *decoder, const struct node *root,
		      const struct conf_zone *registry)
{
	struct conf *conf = decoder->conf;
	int line;

	node_find(root, "server.data", &line);
	if (conf->data == NULL && registry != NULL) {
		return refuse(decoder, "server.data", line,
			      "is missing; registry zone %s (line %d) needs a directory for its "
			      "log",
			      registry->text, registry->line);
	}
	if (conf->data == NULL) {
		return OK;
	}
	const size_t size = strlen(conf->data) + sizeof("/control");
	if (size > sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
		return refuse(
			decoder, "server.data", line,
			"the path of the socket, \"control\" in this directory, has %zu octets "
			"and may have 107; choose a shorter path",
			size - 1);
	}
	conf->control = arena_alloc(decoder->arena, size);
	if (conf->control == NULL) {
		return ERR_NOMEM;
	}
	snprintf(conf->control, size, "%s/control", conf->data);
	return OK;
}

int check_server(const struct decoder *decoder, const struct node *root)
{
	struct conf *conf = decoder->conf;
	const struct conf_zone *registry = NULL;
	const struct conf_zone *nameless = NULL; /* needs server.name */
	int line;

	for (size_t i = conf->zone_count; i-- > 0;) {
		if (conf->zones[i].is_registry) {
			registry = &conf->zones[i];
			nameless = registry->base == NULL ? registry : nameless;
		}
	}
	if (nameless != NULL && !conf->has_name) {
		node_find(root, "server.name", &line);
		return refuse(
			decoder, "server.name", line,
			"is missing; registry zone %s (line %d) has no base, so its NS and SOA "
			"need the name of this server",
			nameless->text, nameless->line);
	}
	if (conf->threads == 0) {
		conf->threads = at_most(core_count(), THREADS_MAX);
	}
	if (conf->stream_threads == 0) {
		conf->stream_threads = at_most((core_count() + 1) / 2, THREADS_MAX);
	}
	return check_data(decoder, root, registry);
}

int file_read(char **out, size_t *size, int descriptor, size_t most)
{
	char *text = malloc(most + 2);
	size_t used = 0;

	if (text == NULL) {
		return ERR_NOMEM;
	}
	/* One octet more than allowed shows that there is more. */
	while (used <= most) {
		const ssize_t count = read(descriptor, text + used, most + 1 - used);

		if (count < 0 && errno == EINTR) {
			continue;
		}
		if (count < 0) {
			break;
		}
		if (count == 0) {
			text[used] = 0;
			*out = text;
			*size = used;
			return OK;
		}
		used += (size_t)count;
	}
	const int reason = used > most ? EFBIG : errno;
	secret_wipe(text, used);
	free(text);
	errno = reason;
	return ERR_IO;
}
