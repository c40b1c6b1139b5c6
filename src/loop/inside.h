/* The inside of a loop: for the files of this module only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "loop/loop.h"

/*
 * What stands behind a handle: `data` of every uv handle of a loop points to one, so that
 * loop_free() can close what its owner left open. It starts closing and is called once at most.
 */
struct loop_owned {
	void (*close)(struct loop_owned *owned);
};

struct loop {
	uv_loop_t uv;
	uv_async_t keep; /* keeps an otherwise empty loop waiting */
	struct loop_owned keep_owned;
	bool is_stopped;
	uint8_t *input; /* what a stream reads goes here first; NULL: no stream yet */
	size_t input_size; /* octets */
};
