/*
 * From a file to an immutable configuration: read, parse into a tree (tree.c), decode by the
 * schema (schema.c), check what only the whole shows, drop the tree.
 *
 * A configuration is one arena and its counted head; only the prepared keys live outside.
 */
#include "conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "conf/decode.h"
#include "conf/index.h"
#include "conf/tree.h"

#define FILE_MAX (4u << 20)
#define CONF_BLOCK_SIZE 16384

const char conf_dev_text[] = "server:\n"
			     "  listen: [\"127.0.0.1@5300\", \"::1@5300\"]\n"
			     "  data: ./waggle-dev\n"
			     "  name: localhost.\n"
			     "zone:\n"
			     "  - name: svc.example\n"
			     "    registry:\n"
			     "      lease: {min: 5s, max: 2h, default: permanent}\n"
			     "      ttl: {derived: 5s}\n";

/* What conf_ref() counts; the configuration comes first, so one pointer is the other. */
struct counted {
	struct conf conf;
	struct arena arena;
	atomic_uint refs;
};

static struct counted *counted_new(const char *path)
{
	struct counted *counted = calloc(1, sizeof(*counted));

	if (counted == NULL) {
		return NULL;
	}
	arena_init(&counted->arena, CONF_BLOCK_SIZE);
	atomic_init(&counted->refs, 1);
	counted->conf.path = arena_dup(&counted->arena, path, strlen(path) + 1);
	if (counted->conf.path == NULL) {
		conf_unref(&counted->conf);
		return NULL;
	}
	return counted;
}

static int decode(struct counted *counted, const struct node *root, const char *directory,
		  struct conf_error *error)
{
	const struct decoder decoder = {
		.conf = &counted->conf,
		.arena = &counted->arena,
		.directory = directory,
		.error = error,
	};
	const int ret = decode_map(&decoder, "", "", root, &counted->conf);

	return ret == OK ? check_server(&decoder, root) : ret;
}

int conf_parse(struct conf **out, const char *text, size_t size, const char *path,
	       const char *directory, struct conf_error *error)
{
	struct tree_problem problem;
	struct tree tree;
	struct counted *counted = NULL;

	error->text[0] = 0;
	int ret = tree_init(&tree, text, size, &problem);
	if (ret == ERR_CONF) {
		snprintf(error->text, sizeof(error->text), "%s:%d: %s", path, problem.line,
			 problem.text);
	}
	if (ret != OK) {
		goto out;
	}
	ret = ERR_NOMEM;
	counted = counted_new(path);
	if (counted == NULL) {
		goto out;
	}
	ret = decode(counted, tree.root, directory, error);
	if (ret == OK) {
		*out = &counted->conf;
		counted = NULL;
	}
out:
	conf_unref((struct conf *)counted);
	tree_deinit(&tree);
	return ret;
}

/* Where relative paths of this file start; the caller's to free. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *text = slash == NULL ? "." : slash == path ? "/" : path;
	const size_t size = text == path ? (size_t)(slash - path) : 1;
	char *out = malloc(size + 1);

	if (out != NULL) {
		memcpy(out, text, size);
		out[size] = 0;
	}
	return out;
}

static int read_text(char **out, size_t *size, const char *path, struct conf_error *error)
{
	const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int ret = ERR_IO;

	if (descriptor >= 0) {
		ret = file_read(out, size, descriptor, FILE_MAX);
	}
	if (ret == ERR_IO) {
		snprintf(error->text, sizeof(error->text),
			 "%s: cannot be read (%m); see to its path and its permissions", path);
		ret = ERR_CONF;
	}
	if (descriptor >= 0) {
		close(descriptor);
	}
	return ret;
}

int conf_load(struct conf **out, const char *path, struct conf_error *error)
{
	char *directory = NULL;
	char *text = NULL;
	size_t size = 0;

	error->text[0] = 0;
	int ret = read_text(&text, &size, path, error);
	if (ret != OK) {
		return ret;
	}
	directory = directory_of(path);
	ret = directory == NULL ? ERR_NOMEM : conf_parse(out, text, size, path, directory, error);
	free(directory);
	secret_wipe(text, size);
	free(text);
	return ret;
}

struct conf *conf_ref(struct conf *conf)
{
	struct counted *counted = (struct counted *)conf;

	atomic_fetch_add_explicit(&counted->refs, 1, memory_order_relaxed);
	return conf;
}

void conf_unref(struct conf *conf)
{
	struct counted *counted = (struct counted *)conf;

	if (conf == NULL ||
	    atomic_fetch_sub_explicit(&counted->refs, 1, memory_order_acq_rel) > 1) {
		return;
	}
	for (size_t i = 0; i < conf->key_count; i++) {
		hmac_key_free(conf->keys[i].secret);
	}
	secret_wipe(&conf->cookie, sizeof(conf->cookie));
	arena_deinit(&counted->arena);
	free(counted);
}

const struct conf_zone *conf_zone_find(const struct conf *conf, const uint8_t *name)
{
	return (const struct conf_zone *)index_find(conf->zones_by_name, conf->zone_count, name);
}

const struct conf_key *conf_key_find(const struct conf *conf, const uint8_t *name)
{
	return (const struct conf_key *)index_find(conf->keys_by_name, conf->key_count, name);
}
