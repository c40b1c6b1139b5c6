/* A log under test: what it gives back, and appends and snapshots that are waited for. */
#pragma once

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "loop/call.h"
#include "registry/log.h"
#include "store/store.h"
#include "tests/unit/run.h"

#define ENTRIES_MAX 4096

struct harness {
	const struct log_ops *ops;
	struct log_options options;
	struct log *log;
	struct log_error error;

	/* As restored. */
	uint8_t *snapshot;
	size_t snapshot_size;
	size_t count;
	uint64_t index[ENTRIES_MAX];
	uint8_t *entry[ENTRIES_MAX];
	size_t size[ENTRIES_MAX];
	int refusal; /* what the callbacks return */
};

static inline void harness_init(struct harness *harness, const struct log_ops *ops,
				const char *directory)
{
	memset(harness, 0, sizeof(*harness));
	harness->ops = ops;
	harness->options = (struct log_options){.directory = directory, .budget = 1 << 20};
}

static inline void *harness_must(void *memory)
{
	if (memory == NULL) {
		abort();
	}
	return memory;
}

static inline int harness_piece(void *context, const void *data, size_t size)
{
	struct harness *harness = context;

	harness->snapshot =
		harness_must(realloc(harness->snapshot, harness->snapshot_size + size + 1));
	memcpy(harness->snapshot + harness->snapshot_size, data, size);
	harness->snapshot_size += size;
	return harness->refusal;
}

static inline int harness_entry(void *context, uint64_t index, const void *data, size_t size)
{
	struct harness *harness = context;

	ck_assert_uint_lt(harness->count, ENTRIES_MAX);
	harness->index[harness->count] = index;
	harness->entry[harness->count] = harness_must(malloc(size + 1));
	if (size > 0) {
		memcpy(harness->entry[harness->count], data, size);
	}
	harness->size[harness->count++] = size;
	return harness->refusal;
}

static inline void harness_forget(struct harness *harness)
{
	for (size_t i = 0; i < harness->count; i++) {
		free(harness->entry[i]);
	}
	free(harness->snapshot);
	harness->snapshot = NULL;
	harness->snapshot_size = 0;
	harness->count = 0;
}

static inline void harness_close(struct harness *harness)
{
	harness->ops->close(harness->log);
	harness->log = NULL;
	harness_forget(harness);
}

/* Opens and restores; an error of either, with its sentence in error.text. */
static inline int harness_open(struct harness *harness)
{
	int ret;

	harness->error.text[0] = '\0';
	ret = harness->ops->open(&harness->log, &harness->options, &harness->error);
	if (ret != OK) {
		return ret;
	}
	ret = harness->ops->restore(harness->log, harness_piece, harness_entry, harness,
				    &harness->error);
	if (ret != OK) {
		harness_close(harness);
	}
	return ret;
}

/* Opening must fail so, with one sentence that has these words. */
static inline void harness_refuses(struct harness *harness, int status, const char *words)
{
	const int ret = harness_open(harness);

	ck_assert_msg(ret == status, "%d (%s) instead of %d", ret, harness->error.text, status);
	ck_assert_msg(strstr(harness->error.text, words) != NULL, "\"%s\" does not say \"%s\"",
		      harness->error.text, words);
	ck_assert_ptr_null(strchr(harness->error.text, '\n'));
}

struct harness_call {
	struct call call;
	uint64_t index;
};

static inline void harness_done(void *context, int status, uint64_t index)
{
	struct harness_call *call = context;

	call->index = index;
	call_end(&call->call, status);
}

static inline int harness_append(struct harness *harness, const void *data, size_t size)
{
	struct harness_call call;
	const uint64_t last = harness->ops->last(harness->log);
	int ret;

	call_init(&call.call);
	ret = harness->ops->append(harness->log, data, size, harness_done, &call);
	ck_assert_int_eq(ret, OK);
	ret = call_wait(&call.call);
	call_deinit(&call.call);
	ck_assert_uint_eq(call.index, last + 1);
	ck_assert_uint_eq(harness->ops->last(harness->log), ret == OK ? last + 1 : last);
	return ret;
}

/* Entry number `index` of `size` octets: its content follows from both. */
static inline void harness_fill(uint8_t *data, uint64_t index, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		data[i] = (uint8_t)(index * 7 + i * 13 + (i >> 8));
	}
}

static inline int harness_append_next(struct harness *harness, size_t size)
{
	uint8_t *data = harness_must(malloc(size + 1));
	int ret;

	harness_fill(data, harness->ops->last(harness->log) + 1, size);
	ret = harness_append(harness, data, size);
	free(data);
	return ret;
}

static inline void harness_append_many(struct harness *harness, size_t count, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		ck_assert_int_eq(harness_append_next(harness, size), OK);
	}
}

/* What was restored is the entries behind `before` up to `last`, as filled. */
static inline void harness_holds(const struct harness *harness, uint64_t before, uint64_t last)
{
	ck_assert_uint_eq(harness->count, last - before);
	for (size_t i = 0; i < harness->count; i++) {
		uint8_t *data = harness_must(malloc(harness->size[i] + 1));

		harness_fill(data, before + 1 + i, harness->size[i]);
		ck_assert_uint_eq(harness->index[i], before + 1 + i);
		ck_assert_int_eq(memcmp(harness->entry[i], data, harness->size[i]), 0);
		free(data);
	}
	ck_assert_uint_eq(harness->ops->last(harness->log), last);
}

/* A snapshot of `size` octets, produced in pieces. */
struct harness_state {
	size_t size;
	size_t piece;
	int status; /* of the producer, at its end */
};

static inline int harness_produce(void *context, log_sink_fn put, void *sink)
{
	const struct harness_state *state = context;
	uint8_t *data = harness_must(malloc(state->size + 1));
	int ret = OK;

	harness_fill(data, 999, state->size);
	for (size_t at = 0; at < state->size && ret == OK; at += state->piece) {
		const size_t left = state->size - at;

		ret = put(sink, data + at, left < state->piece ? left : state->piece);
	}
	free(data);
	return ret == OK ? state->status : ret;
}

static inline int harness_snapshot(struct harness *harness, uint64_t index,
				   struct harness_state *state)
{
	struct harness_call call;
	int ret;

	call_init(&call.call);
	ret = harness->ops->snapshot(harness->log, index, harness_produce, state, harness_done,
				     &call);
	ck_assert_int_eq(ret, OK);
	ret = call_wait(&call.call);
	call_deinit(&call.call);
	ck_assert_uint_eq(call.index, index);
	return ret;
}

static inline void harness_has_snapshot(const struct harness *harness, size_t size)
{
	uint8_t *data = harness_must(malloc(size + 1));

	harness_fill(data, 999, size);
	ck_assert_uint_eq(harness->snapshot_size, size);
	ck_assert_int_eq(size == 0 ? 0 : memcmp(harness->snapshot, data, size), 0);
	free(data);
}
