/*
 * Between the schema table and the functions that decode one form of value each. Inside conf only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "conf/conf.h"
#include "conf/tree.h"
#include "conf/value.h"

/* One pass over one file. */
struct decoder {
	struct conf *conf; /* being filled */
	struct arena *arena; /* of conf: for all that stays */
	const char *directory; /* where relative paths start */
	struct conf_error *error;
};

struct row;

/*
 * Decodes `node`, which has the row's shape, into the structure at `target`. `path` is where it
 * stands, for errors. ERR_CONF with the error filled, or ERR_NOMEM.
 */
typedef int (*decode_fn)(const struct decoder *decoder, const struct row *row, const char *path,
			 const struct node *node, void *target);

/* A row of the schema table: one key. */
struct row {
	const char *in; /* the mapping that holds it: "", "server", ... */
	const char *key;
	enum node_kind shape;
	decode_fn decode;
	const char *inside; /* a mapping: `in` of the rows below it */
	size_t offset; /* of the field in the structure that `in` fills */
	size_t size; /* of the field */
	const struct value_unit *unit; /* of a number */
	uint64_t least;
	uint64_t most;
	bool is_required;
	const char *standard; /* decoded when the key is missing */
	const char *standard_text; /* where the default is not a text that could stand there */
	const char *help;
};

#define DECODE_PATH_MAX 160

/* Fills the error: "FILE:LINE: PATH: what is wrong, and what to do". Returns ERR_CONF. */
__attribute__((format(printf, 4, 5))) int refuse(const struct decoder *decoder, const char *path,
						 int line, const char *format, ...);

/* The rows of `in`, applied to a mapping. An empty node is a mapping without keys. */
int decode_map(const struct decoder *decoder, const char *in, const char *path,
	       const struct node *node, void *target);

/* A domain name as spelled; relative text is completed by the root. */
int decode_name(const struct decoder *decoder, const char *path, const struct node *node,
		uint8_t out[DNS_NAME_MAX]);

/* Forms of values, decode.c. */
int decode_inside(const struct decoder *decoder, const struct row *row, const char *path,
		  const struct node *node, void *target);
/* "off" is 0. */
int decode_pause(const struct decoder *decoder, const struct row *row, const char *path,
		 const struct node *node, void *target);

int decode_number(const struct decoder *decoder, const struct row *row, const char *path,
		  const struct node *node, void *target);
int decode_bool(const struct decoder *decoder, const struct row *row, const char *path,
		const struct node *node, void *target);
int decode_path(const struct decoder *decoder, const struct row *row, const char *path,
		const struct node *node, void *target);
int decode_listen(const struct decoder *decoder, const struct row *row, const char *path,
		  const struct node *node, void *target);
int decode_server_name(const struct decoder *decoder, const struct row *row, const char *path,
		       const struct node *node, void *target);

int decode_said(const struct decoder *decoder, const struct row *row, const char *path,
		const struct node *node, void *target);

/* A text of 1 to `most` octets without control characters. *out: of the arena. */
int decode_text(const struct decoder *decoder, const char *path, const struct node *node,
		size_t most, char **out);

/* Keys and their secrets, keys.c. */
int decode_keys(const struct decoder *decoder, const struct row *row, const char *path,
		const struct node *node, void *target);
int decode_key_name(const struct decoder *decoder, const struct row *row, const char *path,
		    const struct node *node, void *target);
int decode_algorithm(const struct decoder *decoder, const struct row *row, const char *path,
		     const struct node *node, void *target);
int decode_secret(const struct decoder *decoder, const struct row *row, const char *path,
		  const struct node *node, void *target);
int decode_secret_file(const struct decoder *decoder, const struct row *row, const char *path,
		       const struct node *node, void *target);

/*
 * Reads the file of secrets that the node names, of at most `most` octets; warns when all may read
 * it. `make`: how openssl rand makes one, for the error. `file` is its path, the arena's; the text:
 * returns owned, to be wiped by secret_done(). ERR_CONF, ERR_NOMEM.
 */
struct secret_text {
	char *file;
	char *text;
	size_t size;
};
int secret_read(struct secret_text *out, const struct decoder *decoder, const char *path,
		const struct node *node, size_t most, const char *make);
void secret_done(struct secret_text *secret);

/* Secrets of cookies, cookies.c. */
int decode_cookie_secrets(const struct decoder *decoder, const struct row *row, const char *path,
			  const struct node *node, void *target);
int decode_cookie_file(const struct decoder *decoder, const struct row *row, const char *path,
		       const struct node *node, void *target);

/* Zones, zones.c. */
int decode_zones(const struct decoder *decoder, const struct row *row, const char *path,
		 const struct node *node, void *target);
int decode_zone_name(const struct decoder *decoder, const struct row *row, const char *path,
		     const struct node *node, void *target);
int decode_zone_file(const struct decoder *decoder, const struct row *row, const char *path,
		     const struct node *node, void *target);
int decode_registry(const struct decoder *decoder, const struct row *row, const char *path,
		    const struct node *node, void *target);
int decode_lease_default(const struct decoder *decoder, const struct row *row, const char *path,
			 const struct node *node, void *target);
int decode_pool_label(const struct decoder *decoder, const struct row *row, const char *path,
		      const struct node *node, void *target);

/* Rules, rules.c. */
int decode_rules(const struct decoder *decoder, const struct row *row, const char *path,
		 const struct node *node, void *target);
int decode_whole_zone(const struct decoder *decoder, const struct row *row, const char *path,
		      const struct node *node, void *target);
int decode_rule_name(const struct decoder *decoder, const struct row *row, const char *path,
		     const struct node *node, void *target);
int decode_deny(const struct decoder *decoder, const struct row *row, const char *path,
		const struct node *node, void *target);
int decode_hold(const struct decoder *decoder, const struct row *row, const char *path,
		const struct node *node, void *target);
int decode_environment_key(const struct decoder *decoder, const struct row *row, const char *path,
			   const struct node *node, void *target);
int decode_environment(const struct decoder *decoder, const struct row *row, const char *path,
		       const struct node *node, void *target);
int decode_net(const struct decoder *decoder, const struct row *row, const char *path,
	       const struct node *node, void *target);
int decode_rule_key(const struct decoder *decoder, const struct row *row, const char *path,
		    const struct node *node, void *target);
int decode_type(const struct decoder *decoder, const struct row *row, const char *path,
		const struct node *node, void *target);
int decode_instance(const struct decoder *decoder, const struct row *row, const char *path,
		    const struct node *node, void *target);

/* What only the whole file shows: data, name, control and threads of the server. */
int check_server(const struct decoder *decoder, const struct node *root);

/*
 * Reads a whole file of at most `most` octets from `descriptor`. *out: returns owned, with a NUL
 * behind. ERR_NOMEM, or ERR_IO with errno set.
 */
int file_read(char **out, size_t *size, int descriptor, size_t most);
