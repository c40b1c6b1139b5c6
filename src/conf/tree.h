/*
 * YAML text as a small tree of nodes that know their lines. The door of libyaml.
 *
 * The text is foreign: depth, number of nodes and keys of one mapping are bounded, nothing
 * recurses, and what a configuration does not need (anchors, aliases, tags, several documents, a
 * key twice) is refused. Every scalar is text; what it means, the schema says. Thread: any.
 */
#pragma once

#include <stddef.h>

#include "base/arena.h"

#define TREE_DEPTH_MAX 12
#define TREE_NODES_MAX 200000
#define TREE_KEYS_MAX 64 /* of one mapping */

enum node_kind { NODE_EMPTY, NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	int line;
	const char *key; /* in a mapping: its key */
	char *text; /* of a scalar; holds no NUL */
	struct node *first; /* of a list or mapping: its children in order */
	struct node *last;
	struct node *next; /* sibling */
	struct node *older; /* made before; for the wiping */
	size_t count; /* of children */
};

struct tree {
	struct arena arena;
	struct node *root; /* NODE_EMPTY for an empty text */
	struct node *newest;
	size_t count;
};

struct tree_problem {
	int line;
	char text[224];
};

/*
 * Parses `size` octets of UTF-8. ERR_CONF with *problem filled, ERR_NOMEM; the tree is to be
 * deinitialised in each case.
 */
int tree_init(struct tree *tree, const char *text, size_t size, struct tree_problem *problem);

/* Wipes all scalars, since some are secrets, and frees the tree. */
void tree_deinit(struct tree *tree);

/* The value of a key of a mapping, or NULL; NULL also for anything else than a mapping. */
const struct node *node_get(const struct node *node, const char *key);

/*
 * The node that a path of keys such as "registry.lease.min" leads to, or NULL. *line: its line, or
 * that of the last node on the way that is there; for errors about defaults.
 */
const struct node *node_find(const struct node *node, const char *path, int *line);
