/*
 * Events of libyaml in, nodes out. A stack of open lists and mappings stands for the recursion;
 * the key of a mapping waits in the builder until its value comes.
 *
 * What can fail: the text is no YAML (libyaml's words, with its line), or it is more than we take.
 */
#include "conf/tree.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/err.h"
#include "conf/value.h"
#include "crypto/hmac.h"

#define TREE_BLOCK_SIZE 16384

struct builder {
	struct tree *tree;
	struct tree_problem *problem;
	struct node *open[TREE_DEPTH_MAX];
	size_t depth;
	const char *key; /* of the innermost mapping, its value is awaited; or NULL */
	int key_line;
	int line; /* of the event at hand */
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct builder *builder,
							const char *format, ...)
{
	va_list args;

	va_start(args, format);
	builder->problem->line = builder->line;
	vsnprintf(builder->problem->text, sizeof(builder->problem->text), format, args);
	va_end(args);
	return ERR_CONF;
}

static bool awaits_key(const struct builder *builder)
{
	return builder->depth > 0 && builder->open[builder->depth - 1]->kind == NODE_MAP &&
	       builder->key == NULL;
}

/* Makes a node and hangs it to the innermost open one. */
static int add_node(struct builder *builder, enum node_kind kind, struct node **out)
{
	struct tree *tree = builder->tree;

	if (tree->count == TREE_NODES_MAX) {
		return refuse(builder, "more than %d values; this is too much for one file",
			      TREE_NODES_MAX);
	}
	struct node *node = arena_calloc(&tree->arena, 1, sizeof(*node));
	if (node == NULL) {
		return ERR_NOMEM;
	}
	tree->count++;
	/* In block style a list or mapping starts on a line below its key; the key is shown. */
	const bool is_below = builder->key != NULL && kind != NODE_SCALAR;
	*node = (struct node){
		.kind = kind,
		.line = is_below ? builder->key_line : builder->line,
		.key = builder->key,
		.older = tree->newest,
	};
	tree->newest = node;
	builder->key = NULL;
	*out = node;
	if (builder->depth == 0) {
		tree->root = node;
		return OK;
	}
	struct node *parent = builder->open[builder->depth - 1];
	if (parent->first == NULL) {
		parent->first = node;
	} else {
		parent->last->next = node;
	}
	parent->last = node;
	parent->count++;
	return OK;
}

static int add_key(struct builder *builder, const char *text)
{
	const struct node *map = builder->open[builder->depth - 1];
	const struct node *twin = node_get(map, text);

	if (twin != NULL) {
		char quoted[VALUE_QUOTE_MAX];

		return refuse(builder, "%s is a key of this mapping already, on line %d; keep one",
			      value_quote(quoted, text), twin->line);
	}
	if (map->count == TREE_KEYS_MAX) {
		return refuse(builder, "more than %d keys in one mapping; no mapping has so many",
			      TREE_KEYS_MAX);
	}
	builder->key = text;
	builder->key_line = builder->line;
	return OK;
}

/* "key:" with nothing, or with a null of YAML. */
static bool is_null(const char *text)
{
	return text[0] == 0 || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

static int add_scalar(struct builder *builder, const yaml_event_t *event)
{
	const size_t size = event->data.scalar.length;
	const bool is_plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	struct node *node;

	if (memchr(event->data.scalar.value, 0, size) != NULL) {
		return refuse(builder, "a NUL octet in a text; take it out");
	}
	char *text = arena_dup(&builder->tree->arena, event->data.scalar.value, size + 1);
	if (text == NULL) {
		return ERR_NOMEM;
	}
	if (awaits_key(builder)) {
		return add_key(builder, text);
	}
	const int ret =
		add_node(builder, is_plain && is_null(text) ? NODE_EMPTY : NODE_SCALAR, &node);
	if (ret == OK) {
		node->text = text;
	}
	return ret;
}

static int open_node(struct builder *builder, enum node_kind kind)
{
	struct node *node;

	if (awaits_key(builder)) {
		return refuse(builder, "a key must be plain text, not a list or a mapping");
	}
	if (builder->depth == TREE_DEPTH_MAX) {
		return refuse(builder, "nested deeper than %d levels; no key lies so deep",
			      TREE_DEPTH_MAX);
	}
	const int ret = add_node(builder, kind, &node);
	if (ret == OK) {
		builder->open[builder->depth++] = node;
	}
	return ret;
}

/* What a configuration has no use for, whatever kind of node carries it. */
static int check_marks(const struct builder *builder, const yaml_char_t *anchor,
		       const yaml_char_t *tag)
{
	if (anchor != NULL) {
		return refuse(builder, "anchors and aliases (& and *) are not taken; write the "
				       "value out, or in quotes if it is meant as text");
	}
	if (tag != NULL) {
		return refuse(builder, "tags (!) are not taken; write the value without, or in "
				       "quotes if it is meant as text");
	}
	return OK;
}

static int add_event(struct builder *builder, const yaml_event_t *event)
{
	int ret;

	builder->line = (int)event->start_mark.line + 1;
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		return builder->tree->root == NULL
			       ? OK
			       : refuse(builder, "a second document; a file holds one");
	case YAML_ALIAS_EVENT:
		return check_marks(builder, event->data.alias.anchor, NULL);
	case YAML_SCALAR_EVENT:
		ret = check_marks(builder, event->data.scalar.anchor, event->data.scalar.tag);
		return ret == OK ? add_scalar(builder, event) : ret;
	case YAML_SEQUENCE_START_EVENT:
		ret = check_marks(builder, event->data.sequence_start.anchor,
				  event->data.sequence_start.tag);
		return ret == OK ? open_node(builder, NODE_LIST) : ret;
	case YAML_MAPPING_START_EVENT:
		ret = check_marks(builder, event->data.mapping_start.anchor,
				  event->data.mapping_start.tag);
		return ret == OK ? open_node(builder, NODE_MAP) : ret;
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		builder->depth--;
		return OK;
	default:
		return OK;
	}
}

/* Line of an octet of the text; errors of libyaml's reader have no other place. */
static int line_of(const char *text, size_t size, size_t offset)
{
	int line = 1;

	for (size_t i = 0; i < offset && i < size; i++) {
		line += text[i] == '\n';
	}
	return line;
}

/* What often is behind an error of libyaml, and what its words do not say. */
static const char *hint(const char *text, size_t size, int line)
{
	const char *at = text;
	const char *end = text + size;

	for (; line > 1 && at < end; at++) {
		line -= *at == '\n';
	}
	while (at < end && *at == ' ') {
		at++;
	}
	if (at < end && *at == '\t') {
		return "; indent with spaces, not tabs";
	}
	for (; at + 1 < end && *at != '\n'; at++) {
		if (at[0] == ':' && at[1] == ':') {
			return "; write IPv6 addresses in quotes";
		}
	}
	return "";
}

/* Says libyaml's error in one line. */
static int explain(struct builder *builder, const yaml_parser_t *parser, const char *text,
		   size_t size)
{
	const char *problem = parser->problem == NULL ? "unknown error" : parser->problem;

	if (parser->error == YAML_MEMORY_ERROR) {
		return ERR_NOMEM;
	}
	if (parser->error == YAML_READER_ERROR) {
		builder->line = line_of(text, size, parser->problem_offset);
		return refuse(builder, "not UTF-8 text: %s", problem);
	}
	builder->line = (int)parser->problem_mark.line + 1;
	if (parser->context == NULL) {
		return refuse(builder, "not YAML: %s%s", problem, hint(text, size, builder->line));
	}
	return refuse(builder, "not YAML: %s, %s that begins on line %d%s", problem,
		      parser->context, (int)parser->context_mark.line + 1,
		      hint(text, size, builder->line));
}

static int read_events(struct builder *builder, yaml_parser_t *parser, const char *text,
		       size_t size)
{
	bool is_end = false;

	while (!is_end) {
		yaml_event_t event;

		if (!yaml_parser_parse(parser, &event)) {
			return explain(builder, parser, text, size);
		}
		is_end = event.type == YAML_STREAM_END_EVENT;
		const int ret = add_event(builder, &event);
		if (event.type == YAML_SCALAR_EVENT) {
			secret_wipe(event.data.scalar.value, event.data.scalar.length);
		}
		yaml_event_delete(&event);
		if (ret != OK) {
			return ret;
		}
	}
	struct node *node;
	return builder->tree->root == NULL ? add_node(builder, NODE_EMPTY, &node) : OK;
}

int tree_init(struct tree *tree, const char *text, size_t size, struct tree_problem *problem)
{
	struct builder builder = {.tree = tree, .problem = problem, .line = 1};
	yaml_parser_t parser;

	*tree = (struct tree){.count = 0};
	arena_init(&tree->arena, TREE_BLOCK_SIZE);
	if (!yaml_parser_initialize(&parser)) {
		return ERR_NOMEM;
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
	const int ret = read_events(&builder, &parser, text, size);
	/* Its buffers hold the text, and that may hold secrets. */
	secret_wipe(parser.raw_buffer.start,
		    (size_t)(parser.raw_buffer.end - parser.raw_buffer.start));
	secret_wipe(parser.buffer.start, (size_t)(parser.buffer.end - parser.buffer.start));
	yaml_parser_delete(&parser);
	return ret;
}

void tree_deinit(struct tree *tree)
{
	if (tree == NULL) {
		return;
	}
	for (const struct node *node = tree->newest; node != NULL; node = node->older) {
		if (node->text != NULL) {
			secret_wipe(node->text, strlen(node->text));
		}
	}
	arena_deinit(&tree->arena);
}

/* The child whose key is the `size` octets at `key`. */
static const struct node *get_child(const struct node *node, const char *key, size_t size)
{
	if (node == NULL || node->kind != NODE_MAP) {
		return NULL;
	}
	for (const struct node *child = node->first; child != NULL; child = child->next) {
		if (strncmp(child->key, key, size) == 0 && child->key[size] == 0) {
			return child;
		}
	}
	return NULL;
}

const struct node *node_get(const struct node *node, const char *key)
{
	return get_child(node, key, strlen(key));
}

const struct node *node_find(const struct node *node, const char *path, int *line)
{
	while (node != NULL) {
		const size_t size = strcspn(path, ".");

		*line = node->line;
		if (size == 0) {
			return node;
		}
		node = get_child(node, path, size);
		path += size + (path[size] == '.');
	}
	return NULL;
}
