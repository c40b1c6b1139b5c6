#include "loop/ahead.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "tests/unit/run.h"

static _Atomic(unsigned) made;
static _Atomic(unsigned) dropped;
static unsigned limit;
static int thing;

static void *make(void)
{
	if (made == limit) {
		return NULL;
	}
	made++;
	return &thing;
}

static void drop(void *what)
{
	ck_assert_ptr_eq(what, &thing);
	dropped++;
}

static const struct ahead_ops ops = {.make = make, .drop = drop};

static struct ahead *begin(unsigned most, size_t room)
{
	struct ahead *ahead;

	made = 0;
	dropped = 0;
	limit = most;
	ck_assert_int_eq(ahead_new(&ahead, "ahead", &ops, room), OK);
	return ahead;
}

static void wait_made(unsigned count)
{
	const uint64_t end_ms = clock_mono_ms() + 20000;

	while (made < count) {
		ck_assert_uint_lt(clock_mono_ms(), end_ms);
		usleep(1000);
	}
}

/* The next that is ready. */
static void take(struct ahead *ahead)
{
	const uint64_t end_ms = clock_mono_ms() + 20000;

	while (ahead_take(ahead) == NULL) {
		ck_assert_uint_lt(clock_mono_ms(), end_ms);
		usleep(1000);
	}
}

START_TEST(so_many_are_ready_and_no_more)
{
	struct ahead *ahead = begin(1000, 4);

	wait_made(4);
	for (unsigned i = 0; i < 10; i++) {
		take(ahead);
	}
	wait_made(14);
	usleep(20000); /* time to go wrong in */
	ck_assert_uint_eq(made, 14);
	ahead_free(ahead);
	ck_assert_uint_eq(dropped, 4);
}
END_TEST

START_TEST(when_none_can_be_had_there_is_none)
{
	struct ahead *ahead = begin(2, 4);

	wait_made(2);
	take(ahead);
	take(ahead);
	ck_assert_ptr_null(ahead_take(ahead));
	ahead_free(ahead);
	ck_assert_uint_eq(dropped, 0);
}
END_TEST

START_TEST(it_ends_at_once_too)
{
	for (unsigned i = 0; i < 100; i++) {
		ahead_free(begin(1000, 1 + i % AHEAD_MAX));
		ck_assert_uint_eq(made, dropped);
	}
	ahead_free(NULL);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		so_many_are_ready_and_no_more,
		when_none_can_be_had_there_is_none,
		it_ends_at_once_too,
	};

	return run_tests("ahead", tests, COUNT_OF(tests));
}
