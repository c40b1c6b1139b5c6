/* Choosing among endpoints by priority and weight (RFC 2782). Pure. Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "libclient/waggle.h"

/* 64 random bits. */
typedef uint64_t (*wgl_random_fn)(void *context);

/* As waggle_pick() and waggle_order(); O(count), and O(count squared) for the whole order. */
const struct waggle_endpoint *wgl_pick(const struct waggle_endpoint *const *endpoints, size_t count,
				       wgl_random_fn random, void *context);
size_t wgl_order(const struct waggle_endpoint *const *endpoints, size_t count, size_t *order,
		 wgl_random_fn random, void *context);
