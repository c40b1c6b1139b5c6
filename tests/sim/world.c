#include "tests/sim/world.h"

#include <assert.h>
#include <stdlib.h>
#include <urcu-qsbr.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/list.h"
#include "base/log.h"
#include "base/rand.h"
#include "crypto/random.h"
#include "loop/call.h"
#include "loop/loop.h"
#include "loop/mailbox.h"

#define WALL_S 1700000000 /* of the world's beginning */
#define NEVER UINT64_MAX

struct loop {
	size_t users; /* mailboxes and timers */
	bool is_stopped;
};

struct loop_timer {
	struct list link;
	struct loop *loop;
	uint64_t due_ms;
	loop_timer_fn fn;
	void *context;
};

struct mailbox {
	struct list link;
	struct loop *loop;
	struct list mails;
	size_t count;
	size_t limit;
	bool is_closed;
	mailbox_fn fn;
	void *context;
};

struct thread {
	int unused;
};

static struct {
	struct rand rand;
	uint64_t now_ms;
	size_t loops;
	struct list timers;
	struct list mailboxes;
	struct rcu_head *grace; /* one at a time is asked for */
	bool is_reading;
} world = {.timers = {&world.timers, &world.timers},
	   .mailboxes = {&world.mailboxes, &world.mailboxes}};

/* ---- the world --------------------------------------------------------------------------- */

void world_begin(uint64_t seed)
{
	assert(world_is_empty());
	rand_init(&world.rand, seed);
	world.now_ms = 1000 + rand_below(&world.rand, 1u << 30);
	world.is_reading = false;
}

bool world_is_empty(void)
{
	return world.loops == 0 && list_is_empty(&world.timers) &&
	       list_is_empty(&world.mailboxes) && world.grace == NULL;
}

uint64_t world_now_ms(void)
{
	return world.now_ms;
}

void world_jump(uint64_t ms)
{
	world.now_ms += ms;
}

void world_read(bool is_reading)
{
	world.is_reading = is_reading;
}

static void ring(struct loop_timer *timer)
{
	timer->due_ms = NEVER;
	timer->fn(timer->context);
}

static void end_grace(void)
{
	struct rcu_head *head = world.grace;

	world.grace = NULL;
	head->func(head);
}

/* Of `count` that wait, is it this one's turn? */
static bool is_next(size_t *count)
{
	return rand_below(&world.rand, (uint32_t)++ * count) == 0;
}

bool world_turn(void)
{
	struct mailbox *mailbox = NULL;
	struct loop_timer *timer = NULL;
	size_t count = 0;

	for (struct list *link = world.mailboxes.next; link != &world.mailboxes;
	     link = link->next) {
		struct mailbox *one = list_entry(link, struct mailbox, link);

		if (one->count > 0 && !one->loop->is_stopped && is_next(&count)) {
			mailbox = one;
		}
	}
	for (struct list *link = world.timers.next; link != &world.timers; link = link->next) {
		struct loop_timer *one = list_entry(link, struct loop_timer, link);

		if (one->due_ms <= world.now_ms && !one->loop->is_stopped && is_next(&count)) {
			timer = one;
		}
	}
	if (world.grace != NULL && !world.is_reading && is_next(&count)) {
		end_grace();
	} else if (timer != NULL) {
		ring(timer);
	} else if (mailbox != NULL) {
		mailbox_flush(mailbox);
	}
	return count > 0;
}

void world_settle(void)
{
	while (world_turn()) {
	}
}

static uint64_t next_due(void)
{
	uint64_t due_ms = NEVER;

	for (struct list *link = world.timers.next; link != &world.timers; link = link->next) {
		const struct loop_timer *one = list_entry(link, struct loop_timer, link);

		if (!one->loop->is_stopped && one->due_ms < due_ms) {
			due_ms = one->due_ms;
		}
	}
	return due_ms;
}

void world_pass(uint64_t ms, void (*each)(void))
{
	const uint64_t end_ms = world.now_ms + ms;

	for (uint64_t due_ms = next_due(); due_ms <= end_ms; due_ms = next_due()) {
		if (due_ms > world.now_ms) {
			world.now_ms = due_ms;
		}
		world_turn();
		each();
	}
	world.now_ms = end_ms;
}

/* ---- base/clock.h ------------------------------------------------------------------------ */

uint64_t clock_mono_ms(void)
{
	return world.now_ms;
}

uint64_t clock_mono_us(void)
{
	return world.now_ms * 1000;
}

uint64_t clock_wall_s(void)
{
	return WALL_S + world.now_ms / 1000;
}

/* ---- base/log.h: nobody reads it --------------------------------------------------------- */

void log_line(enum log_level level, const char *subject, const char *format, ...)
{
	(void)level;
	(void)subject;
	(void)format;
}

int log_may(struct log_limit *limit, uint64_t now_ms, uint32_t burst, uint32_t *left_out)
{
	(void)limit;
	(void)now_ms;
	(void)burst;
	*left_out = 0;
	return 0;
}

uint32_t log_room(struct log_limit *limit, uint64_t now_ms, uint32_t burst)
{
	(void)limit;
	(void)now_ms;
	return burst; /* so that what there would be to say is looked at */
}

const char *log_quote(char *out, size_t size, const char *text)
{
	(void)size;
	(void)text;
	out[0] = '\0';
	return out;
}

/* ---- crypto/random.h --------------------------------------------------------------------- */

void random_fill(void *out, size_t size)
{
	uint8_t *octets = out;

	for (size_t i = 0; i < size; i++) {
		octets[i] = (uint8_t)rand_next(&world.rand);
	}
}

uint64_t random_u64(void)
{
	return rand_next(&world.rand);
}

/* ---- loop/loop.h ------------------------------------------------------------------------- */

int loop_new(struct loop **out)
{
	*out = calloc(1, sizeof(**out));
	world.loops += *out != NULL;
	return *out == NULL ? ERR_NOMEM : OK;
}

void loop_stop(struct loop *loop)
{
	loop->is_stopped = true;
}

/* A thread that plays itself would come here; ours are played. */
void loop_run(struct loop *loop)
{
	(void)loop;
	abort();
}

void loop_free(struct loop *loop)
{
	if (loop != NULL) {
		assert(loop->users == 0);
		world.loops--;
		free(loop);
	}
}

int loop_timer_new(struct loop_timer **out, struct loop *loop, loop_timer_fn fn, void *context)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (timer == NULL) {
		return ERR_NOMEM;
	}
	*timer = (struct loop_timer){.loop = loop, .due_ms = NEVER, .fn = fn, .context = context};
	list_append(&world.timers, &timer->link);
	loop->users++;
	*out = timer;
	return OK;
}

void loop_timer_set(struct loop_timer *timer, uint64_t delay_ms)
{
	timer->due_ms = world.now_ms + delay_ms;
}

void loop_timer_clear(struct loop_timer *timer)
{
	timer->due_ms = NEVER;
}

void loop_timer_free(struct loop_timer *timer)
{
	if (timer != NULL) {
		list_remove(&timer->link);
		timer->loop->users--;
		free(timer);
	}
}

int thread_start(struct thread **out, const char *name, thread_fn fn, void *context)
{
	(void)name;
	(void)fn;
	(void)context;
	*out = calloc(1, sizeof(**out));
	return *out == NULL ? ERR_NOMEM : OK;
}

/* Nobody runs beside. */
void thread_give_way(void)
{
}

/* It has been told to stop: with enough turns it will have. */
void thread_join(struct thread *thread)
{
	if (thread != NULL) {
		world_settle();
		free(thread);
	}
}

/* ---- loop/mailbox.h ---------------------------------------------------------------------- */

int mailbox_new(struct mailbox **out, struct loop *loop, size_t limit, mailbox_fn fn, void *context)
{
	struct mailbox *mailbox = calloc(1, sizeof(*mailbox));

	if (mailbox == NULL) {
		return ERR_NOMEM;
	}
	*mailbox = (struct mailbox){.loop = loop, .limit = limit, .fn = fn, .context = context};
	list_init(&mailbox->mails);
	list_append(&world.mailboxes, &mailbox->link);
	loop->users++;
	*out = mailbox;
	return OK;
}

static int post(struct mailbox *mailbox, struct mail *mail, size_t limit)
{
	if (mailbox->is_closed) {
		return ERR_CLOSED;
	}
	if (mailbox->count >= limit) {
		return ERR_FULL;
	}
	mailbox->count++;
	list_append(&mailbox->mails, &mail->link);
	return OK;
}

int mailbox_post(struct mailbox *mailbox, struct mail *mail)
{
	return post(mailbox, mail, mailbox->limit);
}

int mailbox_post_always(struct mailbox *mailbox, struct mail *mail)
{
	return post(mailbox, mail, SIZE_MAX);
}

void mailbox_close(struct mailbox *mailbox)
{
	mailbox->is_closed = true;
}

void mailbox_flush(struct mailbox *mailbox)
{
	struct list mails;

	list_init(&mails);
	list_splice(&mails, &mailbox->mails);
	mailbox->count = 0;
	if (!list_is_empty(&mails)) {
		mailbox->fn(mailbox->context, &mails);
	}
}

void mailbox_free(struct mailbox *mailbox)
{
	if (mailbox != NULL) {
		mailbox_close(mailbox);
		mailbox_flush(mailbox);
		list_remove(&mailbox->link);
		mailbox->loop->users--;
		free(mailbox);
	}
}

/* ---- loop/call.h ------------------------------------------------------------------------- */

void call_init(struct call *call)
{
	call->is_ended = false;
	call->status = OK;
}

void call_deinit(struct call *call)
{
	(void)call;
}

int call_wait(struct call *call)
{
	while (!call->is_ended) {
		if (!world_turn()) {
			abort(); /* nobody is left who could end it */
		}
	}
	return call->status;
}

bool call_wait_for(struct call *call, uint64_t wait_ms, int *status)
{
	(void)wait_ms; /* nobody here gives up */
	*status = call_wait(call);
	return true;
}

void call_end(struct call *call, int status)
{
	call->is_ended = true;
	call->status = status;
}

/* ---- liburcu ----------------------------------------------------------------------------- */

void urcu_qsbr_call_rcu(struct rcu_head *head, void (*func)(struct rcu_head *head))
{
	assert(world.grace == NULL);
	head->func = func;
	world.grace = head;
}

void urcu_qsbr_barrier(void)
{
	if (world.grace != NULL) {
		end_grace();
	}
}
