/*
 * What is to be registered: from the command line, or from a file with one or several services.
 * One table of settings serves both: an option --weight and a key `weight:` are the same row.
 * Pure but for reading the file. Thread: its owner's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "libclient/waggle.h"

#define SERVICES_MAX 1000 /* in one file */
#define PROBLEM_SIZE 512

/* One service; all it points to is in the arena of its services, or the command line's. */
struct service {
	struct waggle_service wanted;
	struct waggle_txt *txt;
	const char **addresses;
	const char **subtypes;
	unsigned given; /* one bit for each row of the settings table */
	int line; /* in the file; 0: of the command line */
};

struct services {
	struct arena arena;
	struct service *items;
	size_t count;
	const char
		*path; /* of the file; NULL: none. The members below are its other keys, or NULL */
	const char *server;
	const char *zone;
	const char *key; /* a path; relative ones start at the file's directory */
};

/*
 * The key of the i-th row, as a file has it; but for name, type and port it is an option too. NULL
 * behind the last one.
 */
const char *service_key(size_t i);

/* Initialises: no service yet. To be deinitialised. */
void services_init(struct services *services);
void services_deinit(struct services *services);

/*
 * Sets one setting of a service by its key; keeps `text`. The functions from here on return
 * ERR_CONF with `problem` filled (a sentence that says what to do), or ERR_NOMEM.
 */
int service_set(struct services *services, struct service *service, const char *key,
		const char *text, char problem[PROBLEM_SIZE]);

/* Adds one pair of text "KEY=VALUE"; keeps it. */
int service_add_pair(struct services *services, struct service *service, const char *text,
		     char problem[PROBLEM_SIZE]);

/* Initialises a service: nothing is given. */
void service_init(struct service *service);

/*
 * Fills in the arrays and what is missing, checks what has to be there: the end of setting one.
 */
int service_finish(struct services *services, struct service *service, char problem[PROBLEM_SIZE]);

/* Reads a file: server, zone, key, and `service`, a mapping or a list of them. */
int services_read(struct services *services, const char *path, char problem[PROBLEM_SIZE]);

/* The same from text; `path` is where it is from, for errors and relative paths. */
int services_parse(struct services *services, const char *text, size_t size, const char *path,
		   char problem[PROBLEM_SIZE]);
