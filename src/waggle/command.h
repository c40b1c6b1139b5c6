/*
 * The table of commands with their options: what help prints, what the command line is read by,
 * what the manual page and the completion are compared with. Thread: main.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "waggle/service.h"

/* What the command line said. Texts point into it. */
struct options {
	const char *server; /* these may be NULL: not given */
	const char *zone;
	const char *key;
	const char *control;
	uint32_t timeout_ms; /* 0: not given */
	bool is_json;
	bool is_without_snapshot;
	bool is_help;
	bool is_version;
	const char *file; /* register */
	bool is_dry_run;
	bool is_quiet;
	const char *reason; /* release, remove */
	bool is_confirmed; /* expire */
	const char *config; /* policy test */
	const char *from;
	const char *signer;
	bool is_tcp;
	bool is_cookie;
	bool is_replace; /* import */
	struct services *services; /* holds what `service` needs */
	struct service service; /* what options say of it */
	char **arguments; /* behind the command, without the options */
	size_t argument_count;
	char **command; /* behind "--", ended by NULL; NULL: no "--" */
};

struct option_row {
	char letter; /* 0: none */
	const char *name; /* without its dashes */
	const char *value; /* what stands behind it, "ADDRESS@PORT"; NULL: nothing */
	const char *help;
	/* ERR_CONF with `problem` filled, or ERR_NOMEM. */
	int (*take)(const struct option_row *row, struct options *options, const char *value,
		    char problem[PROBLEM_SIZE]);
	size_t offset; /* of the member of struct options */
};

struct command {
	const char *name;
	const char *synopsis; /* what stands behind the name */
	const char *help; /* one line */
	const struct option_row *options; /* its own, ended by a row without name; or NULL */
	size_t least; /* arguments */
	size_t most;
	bool has_command; /* what stands behind "--" is a command to run */
	int (*run)(const struct options *options); /* the exit code, see say.h */
};

/* Ended by a row without name. */
extern const struct command commands[];

/* Options that every command takes; ended by a row without name. */
extern const struct option_row global_options[];

/* The row with this name, or NULL. */
const struct command *command_find(const char *name);

/* The command that `name` was probably meant to be, or NULL. */
const struct command *command_guess(const char *name);

/* One function for each row. */
int browse_run(const struct options *options);
int resolve_run(const struct options *options);
int register_run(const struct options *options);
int list_run(const struct options *options);
int show_run(const struct options *options);
int why_run(const struct options *options);
int status_run(const struct options *options);
int metrics_run(const struct options *options);
int policy_run(const struct options *options);
int export_run(const struct options *options);
int import_run(const struct options *options);
int expire_run(const struct options *options);
int release_run(const struct options *options);
int remove_run(const struct options *options);
int help_run(const struct options *options);
int version_run(const struct options *options);
