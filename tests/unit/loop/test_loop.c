#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "loop/call.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/loop/deadline.h"
#include "tests/unit/run.h"

struct bell {
	struct loop *loop;
	struct loop_timer *timer;
	unsigned *order; /* counts all bells */
	unsigned rung; /* as how manieth it rang last */
	unsigned count;
	unsigned again; /* so often it sets itself anew, without delay */
	bool is_last;
};

static void ring(void *context)
{
	struct bell *bell = context;

	bell->rung = ++*bell->order;
	bell->count++;
	if (bell->count <= bell->again) {
		loop_timer_set(bell->timer, 0);
	}
	if (bell->is_last) {
		loop_stop(bell->loop);
	}
}

static void hang_up(struct bell *bell, struct loop *loop, unsigned *order)
{
	*bell = (struct bell){.loop = loop, .order = order};
	ck_assert_int_eq(loop_timer_new(&bell->timer, loop, ring, bell), OK);
}

START_TEST(timers_ring_once_in_the_order_of_their_times)
{
	unsigned order = 0;
	struct loop *loop;
	struct bell bells[3];
	uint64_t begin;

	ck_assert_int_eq(loop_new(&loop), OK);
	for (size_t i = 0; i < COUNT_OF(bells); i++) {
		hang_up(&bells[i], loop, &order);
	}
	begin = clock_mono_ms();
	loop_timer_set(bells[2].timer, 60);
	loop_timer_set(bells[0].timer, 1);
	loop_timer_set(bells[1].timer, 20);
	bells[2].is_last = true;
	run_until_stopped(loop);
	for (unsigned i = 0; i < COUNT_OF(bells); i++) {
		ck_assert_uint_eq(bells[i].rung, i + 1);
		ck_assert_uint_eq(bells[i].count, 1);
		loop_timer_free(bells[i].timer);
	}
	ck_assert_uint_ge(clock_mono_ms() - begin, 58);
	loop_free(loop);
}
END_TEST

START_TEST(set_anew_counts_cleared_and_freed_stay_silent)
{
	unsigned order = 0;
	struct loop *loop;
	struct bell anew;
	struct bell cleared;
	struct bell freed;
	struct bell last;

	ck_assert_int_eq(loop_new(&loop), OK);
	hang_up(&anew, loop, &order);
	hang_up(&cleared, loop, &order);
	hang_up(&freed, loop, &order);
	hang_up(&last, loop, &order);
	last.is_last = true;
	loop_timer_set(anew.timer, 1);
	loop_timer_set(anew.timer, 10);
	loop_timer_set(cleared.timer, 1);
	loop_timer_set(freed.timer, 1);
	loop_timer_set(last.timer, 30);
	loop_timer_clear(cleared.timer);
	loop_timer_free(freed.timer);
	run_until_stopped(loop);
	ck_assert_uint_eq(anew.count, 1);
	ck_assert_uint_eq(cleared.count, 0);
	ck_assert_uint_eq(freed.count, 0);
	loop_timer_free(anew.timer);
	loop_timer_free(cleared.timer);
	loop_timer_free(last.timer);
	loop_timer_free(NULL);
	loop_free(loop);
}
END_TEST

static void stop_loop(void *context, struct list *mails)
{
	list_init(mails);
	loop_stop(context);
}

START_TEST(a_timer_without_delay_leaves_the_loop_its_turn)
{
	unsigned order = 0;
	struct loop *loop;
	struct mailbox *mailbox;
	struct mail mail;
	struct bell bell;

	ck_assert_int_eq(loop_new(&loop), OK);
	ck_assert_int_eq(mailbox_new(&mailbox, loop, 1, stop_loop, loop), OK);
	hang_up(&bell, loop, &order);
	bell.again = 1000000;
	loop_timer_set(bell.timer, 0);
	ck_assert_int_eq(mailbox_post(mailbox, &mail), OK);
	run_until_stopped(loop);
	ck_assert_uint_lt(bell.count, 1000);
	loop_timer_free(bell.timer);
	mailbox_free(mailbox);
	loop_free(loop);
}
END_TEST

struct work {
	struct loop *loop;
	struct loop_turn *turn;
	struct mailbox *mailbox;
	struct mail mail;
	unsigned turns;
	unsigned mails;
};

static void take_turn(void *context)
{
	struct work *work = context;

	/* What comes in the first turn is seen before the second. */
	if (++work->turns == 1) {
		mailbox_post(work->mailbox, &work->mail);
	} else if (work->turns == 3) {
		loop_turn_set(work->turn, false);
		loop_stop(work->loop);
	}
}

static void take_mail(void *context, struct list *mails)
{
	struct work *work = context;

	list_init(mails);
	ck_assert_uint_eq(work->turns, 1);
	work->mails++;
}

START_TEST(turns_come_one_a_round_until_they_are_off)
{
	struct work work = {0};

	ck_assert_int_eq(loop_new(&work.loop), OK);
	ck_assert_int_eq(mailbox_new(&work.mailbox, work.loop, 1, take_mail, &work), OK);
	ck_assert_int_eq(loop_turn_new(&work.turn, work.loop, take_turn, &work), OK);
	loop_turn_set(work.turn, true);
	loop_turn_set(work.turn, true);
	run_until_stopped(work.loop);
	ck_assert_uint_eq(work.turns, 3);
	ck_assert_uint_eq(work.mails, 1);
	mailbox_free(work.mailbox);
	loop_turn_free(work.turn);
	loop_turn_free(NULL);
	loop_free(work.loop);
}
END_TEST

START_TEST(an_empty_loop_waits_and_runs_again_after_a_stop)
{
	unsigned order = 0;
	struct loop *loop;
	struct bell bell;

	ck_assert_int_eq(loop_new(&loop), OK);
	hang_up(&bell, loop, &order);
	bell.is_last = true;
	for (unsigned i = 1; i <= 3; i++) {
		loop_timer_set(bell.timer, 1);
		run_until_stopped(loop);
		ck_assert_uint_eq(bell.count, i);
	}
	ck_assert_uint_le(loop_now_ms(loop), clock_mono_ms() + 1);
	loop_timer_free(bell.timer);
	loop_free(loop);
}
END_TEST

START_TEST(a_signal_is_an_event)
{
	unsigned order = 0;
	struct loop *loop;
	struct bell bell = {.order = &order, .is_last = true};

	ck_assert_int_eq(loop_new(&loop), OK);
	bell.loop = loop;
	ck_assert_int_eq(loop_signal(loop, SIGUSR1, ring, &bell), OK);
	kill(getpid(), SIGUSR1);
	run_until_stopped(loop);
	ck_assert_uint_eq(bell.count, 1);
	loop_free(loop);
}
END_TEST

START_TEST(free_closes_what_was_left_open)
{
	unsigned order = 0;
	struct loop *loop;
	struct bell bell;

	ck_assert_int_eq(loop_new(&loop), OK);
	hang_up(&bell, loop, &order);
	loop_timer_set(bell.timer, 0);
	ck_assert_int_eq(loop_signal(loop, SIGUSR2, ring, &bell), OK);
	loop_free(loop);
	loop_free(NULL);
	ck_assert_uint_eq(bell.count, 0);
}
END_TEST

struct look {
	char name[32];
	bool blocks_term;
	bool blocks_fault;
};

static void look_at_thread(void *context)
{
	struct look *look = context;
	sigset_t set;

	pthread_getname_np(pthread_self(), look->name, sizeof(look->name));
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	look->blocks_term = sigismember(&set, SIGTERM) && sigismember(&set, SIGPIPE);
	look->blocks_fault = sigismember(&set, SIGSEGV);
}

START_TEST(a_thread_has_its_name_and_no_signals)
{
	struct thread *thread;
	struct look look = {.blocks_fault = true};
	sigset_t set;

	ck_assert_int_eq(thread_start(&thread, "fifteen-letters", look_at_thread, &look), OK);
	thread_join(thread);
	thread_join(NULL);
	ck_assert_str_eq(look.name, "fifteen-letters");
	ck_assert(look.blocks_term && !look.blocks_fault);
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	ck_assert(!sigismember(&set, SIGTERM));
}
END_TEST

/* What sched_getattr(2) says of a thread. */
struct schedule {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t turn_ns; /* 0: a kernel before 6.12 */
	uint64_t others[2];
};

static void become_prompt(void *context)
{
	struct schedule *schedule = context;

	setpriority(PRIO_PROCESS, 0, 5);
	thread_be_prompt();
	if (syscall(SYS_sched_getattr, 0, schedule, sizeof(*schedule), 0) != 0) {
		schedule->size = 0;
	}
}

START_TEST(a_prompt_thread_has_short_turns_and_is_as_nice_as_before)
{
	struct schedule schedule;
	struct thread *thread;

	ck_assert_int_eq(thread_start(&thread, "prompt", become_prompt, &schedule), OK);
	thread_join(thread);
	if (schedule.size > 0) {
		ck_assert_uint_eq(schedule.policy, SCHED_OTHER);
		ck_assert_int_eq(schedule.nice, 5);
		ck_assert(schedule.turn_ns == 0 || schedule.turn_ns == 100000);
	}
}
END_TEST

static void end_call(void *context)
{
	call_end(context, ERR_BUSY);
}

START_TEST(who_waits_for_a_call_gets_its_status)
{
	for (unsigned i = 0; i < 200; i++) {
		struct thread *thread;
		struct call call;

		call_init(&call);
		ck_assert_int_eq(thread_start(&thread, "other", end_call, &call), OK);
		ck_assert_int_eq(call_wait(&call), ERR_BUSY);
		call_deinit(&call);
		thread_join(thread);
	}
}
END_TEST

static int make_all(struct loop **loop, struct bell *bell)
{
	struct thread *thread;
	struct look look;
	int ret = loop_new(loop);

	if (ret == OK) {
		ret = loop_timer_new(&bell->timer, *loop, ring, bell);
	}
	if (ret == OK) {
		ret = loop_signal(*loop, SIGUSR1, ring, bell);
	}
	if (ret == OK) {
		ret = thread_start(&thread, "other", look_at_thread, &look);
	}
	if (ret == OK) {
		thread_join(thread);
	}
	return ret;
}

START_TEST(any_failed_allocation_is_reported)
{
	for (unsigned n = 0;; n++) {
		struct loop *loop = NULL;
		struct bell bell;
		int ret;

		fail_alloc_after(n);
		ret = make_all(&loop, &bell);
		fail_alloc_off();
		loop_free(loop);
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(ret, OK);
			ck_assert_uint_ge(n, 4);
			break;
		}
		ck_assert(ret == ERR_NOMEM || ret == ERR_SYSTEM);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		timers_ring_once_in_the_order_of_their_times,
		set_anew_counts_cleared_and_freed_stay_silent,
		a_timer_without_delay_leaves_the_loop_its_turn,
		turns_come_one_a_round_until_they_are_off,
		an_empty_loop_waits_and_runs_again_after_a_stop,
		a_signal_is_an_event,
		free_closes_what_was_left_open,
		a_thread_has_its_name_and_no_signals,
		a_prompt_thread_has_short_turns_and_is_as_nice_as_before,
		who_waits_for_a_call_gets_its_status,
		any_failed_allocation_is_reported,
	};

	return run_tests("loop", tests, COUNT_OF(tests));
}
