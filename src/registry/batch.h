/*
 * A batch: the jobs that go into one log entry, and the entry. Pure. Thread: core.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

#define BATCH_MAX (1u << 20) /* octets of an entry; a larger command goes alone */

struct batch {
	struct list jobs; /* struct core_job, in the order of their commands */
	size_t count;
	size_t octets; /* of their commands */
	uint8_t *entry;
	size_t size;
	size_t room;
};

void batch_init(struct batch *batch);

/* Frees the entry. There are no jobs. */
void batch_deinit(struct batch *batch);

/*
 * Moves jobs from the front of `waiting`, as many as go into one entry, at least one, and encodes
 * it. ERR_NOMEM: the jobs are moved, but there is no entry.
 */
int batch_gather(struct batch *batch, struct list *waiting, uint64_t time_s);

/* Forgets the entry, the jobs having been taken out; keeps memory of ordinary size. */
void batch_clear(struct batch *batch);
