/* A loop that a test waits on, for events and never for time: after the deadline it fails. */
#pragma once

#include <stdlib.h>

#include "base/err.h"
#include "loop/loop.h"
#include "tests/unit/run.h"

#define DEADLINE_MS 20000

static inline void deadline_passed(void *context)
{
	(void)context;
	abort();
}

/* Runs until something stops the loop. */
static inline void run_until_stopped(struct loop *loop)
{
	struct loop_timer *deadline;

	ck_assert_int_eq(loop_timer_new(&deadline, loop, deadline_passed, NULL), OK);
	loop_timer_set(deadline, DEADLINE_MS);
	loop_run(loop);
	loop_timer_free(deadline);
}
