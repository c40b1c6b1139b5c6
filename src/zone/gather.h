/*
 * The records of a master file while it is read: what each must not be beside the others, and what
 * all of them must have. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/map.h"
#include "zone/rdata.h"

/* Where something stands. */
struct place {
	const char *path;
	int line;
};

/* A record, in the order of the file. */
struct entry {
	struct entry *next;
	struct place place;
	uint32_t ttl;
	uint32_t alike; /* of the first of a set: how many it has */
	uint16_t type;
	uint16_t size;
	uint8_t *rdata;
	uint8_t name[]; /* as spelled */
};

/* Records of a set: a root counts them in 16 bits, with those that providers add at a shared name. */
#define GATHER_SET_MAX 60000

#define GATHER_WHY_MAX 256

/* What is odd but loads. `text` for the call only. */
typedef void (*gather_warn_fn)(void *context, struct place place, const char *text);

struct gather {
	const uint8_t *apex;
	struct arena arena;
	struct map sets; /* type and folded name -> first entry of the set */
	struct map rrs; /* the same and folded RDATA -> entry */
	struct map names; /* folded name -> what is there */
	struct entry *first;
	struct entry **last;
	const struct entry *soa;
	bool has_ns; /* at the apex */
	bool has_delegation;
	bool has_dname;
	gather_warn_fn warn; /* NULL: nobody listens */
	void *context;
};

/* Keeps `apex`. */
void gather_init(struct gather *gather, const uint8_t *apex, gather_warn_fn warn, void *context);
void gather_deinit(struct gather *gather);

/* May a record of this type stand at `owner`? ERR_CONF with a sentence. */
int gather_check_place(const struct gather *gather, struct place place, const uint8_t *owner,
		       uint16_t type, char why[GATHER_WHY_MAX]);

/*
 * Adds the record to its set, unless it is there; the set keeps its first TTL (RFC 2181 5.2).
 * place.path is kept. ERR_CONF with a sentence about this place, ERR_NOMEM.
 */
int gather_add(struct gather *gather, struct place place, const uint8_t *owner, uint16_t type,
	       uint32_t ttl, const struct rdata *rdata, char why[GATHER_WHY_MAX]);

/* When all are there: ERR_CONF with a sentence about *place. */
int gather_check(const struct gather *gather, struct place *place, char why[GATHER_WHY_MAX]);

/* Warns of what only all of them together show. `is_base`: providers add to them. */
void gather_review(const struct gather *gather, bool is_base);
