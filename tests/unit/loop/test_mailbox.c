#include <stdint.h>

#include "base/err.h"
#include "loop/loop.h"
#include "loop/mailbox.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/loop/deadline.h"
#include "tests/unit/run.h"

#define SENDERS 4
#define EACH 5000

struct message {
	struct mail mail;
	unsigned sender;
	unsigned number;
};

struct inbox {
	struct loop *loop;
	struct mailbox *mailbox;
	unsigned next[SENDERS]; /* number that must come next from each */
	unsigned count;
	unsigned deliveries;
	unsigned stop_at;
};

static void receive(void *context, struct list *mails)
{
	struct inbox *inbox = context;

	inbox->deliveries++;
	while (!list_is_empty(mails)) {
		struct message *message = list_entry(mails->next, struct message, mail.link);

		list_remove(&message->mail.link);
		ck_assert_uint_eq(message->number, inbox->next[message->sender]++);
		inbox->count++;
	}
	if (inbox->count == inbox->stop_at) {
		loop_stop(inbox->loop);
	}
}

static void inbox_init(struct inbox *inbox, size_t limit)
{
	*inbox = (struct inbox){.stop_at = UINT32_MAX};
	ck_assert_int_eq(loop_new(&inbox->loop), OK);
	ck_assert_int_eq(mailbox_new(&inbox->mailbox, inbox->loop, limit, receive, inbox), OK);
}

static void inbox_deinit(struct inbox *inbox)
{
	mailbox_free(inbox->mailbox);
	loop_free(inbox->loop);
}

struct sender {
	struct inbox *inbox;
	unsigned number;
	struct message messages[EACH];
};

static void send_all(void *context)
{
	struct sender *sender = context;

	for (unsigned i = 0; i < EACH; i++) {
		sender->messages[i].sender = sender->number;
		sender->messages[i].number = i;
		if (mailbox_post(sender->inbox->mailbox, &sender->messages[i].mail) != OK) {
			abort();
		}
	}
}

START_TEST(each_senders_messages_come_all_and_in_order)
{
	static struct sender senders[SENDERS];
	struct thread *threads[SENDERS];
	struct inbox inbox;

	inbox_init(&inbox, SENDERS * EACH);
	inbox.stop_at = SENDERS * EACH;
	for (unsigned i = 0; i < SENDERS; i++) {
		senders[i].inbox = &inbox;
		senders[i].number = i;
		ck_assert_int_eq(thread_start(&threads[i], "sender", send_all, &senders[i]), OK);
	}
	run_until_stopped(inbox.loop);
	for (unsigned i = 0; i < SENDERS; i++) {
		thread_join(threads[i]);
		ck_assert_uint_eq(inbox.next[i], EACH);
	}
	inbox_deinit(&inbox);
}
END_TEST

START_TEST(what_waits_is_handed_over_as_one_list)
{
	struct message messages[100] = {0};
	struct inbox inbox;

	inbox_init(&inbox, 100);
	inbox.stop_at = 100;
	for (unsigned i = 0; i < 100; i++) {
		messages[i].number = i;
		ck_assert_int_eq(mailbox_post(inbox.mailbox, &messages[i].mail), OK);
	}
	run_until_stopped(inbox.loop);
	ck_assert_uint_eq(inbox.deliveries, 1);
	inbox_deinit(&inbox);
}
END_TEST

START_TEST(a_full_mailbox_refuses_but_always_passes)
{
	struct message messages[4] = {{.number = 0}, {.number = 1}, {.number = 2}};
	struct inbox inbox;

	inbox_init(&inbox, 2);
	ck_assert_int_eq(mailbox_post(inbox.mailbox, &messages[0].mail), OK);
	ck_assert_int_eq(mailbox_post(inbox.mailbox, &messages[1].mail), OK);
	ck_assert_int_eq(mailbox_post(inbox.mailbox, &messages[3].mail), ERR_FULL);
	ck_assert_int_eq(mailbox_post(inbox.mailbox, &messages[3].mail), ERR_FULL);
	ck_assert_int_eq(mailbox_post_always(inbox.mailbox, &messages[2].mail), OK);
	mailbox_flush(inbox.mailbox);
	ck_assert_uint_eq(inbox.count, 3);
	messages[3].number = 3;
	ck_assert_int_eq(mailbox_post(inbox.mailbox, &messages[3].mail), OK);
	inbox_deinit(&inbox);
	ck_assert_uint_eq(inbox.count, 4);
}
END_TEST

START_TEST(a_closed_mailbox_refuses_but_hands_over_what_came)
{
	struct message messages[2] = {{.number = 0}, {.number = 1}};
	struct inbox inbox;

	inbox_init(&inbox, 10);
	inbox.stop_at = 1;
	ck_assert_int_eq(mailbox_post(inbox.mailbox, &messages[0].mail), OK);
	mailbox_close(inbox.mailbox);
	ck_assert_int_eq(mailbox_post(inbox.mailbox, &messages[1].mail), ERR_CLOSED);
	ck_assert_int_eq(mailbox_post_always(inbox.mailbox, &messages[1].mail), ERR_CLOSED);
	run_until_stopped(inbox.loop);
	ck_assert_uint_eq(inbox.count, 1);
	inbox_deinit(&inbox);
}
END_TEST

START_TEST(any_failed_allocation_is_reported)
{
	struct inbox inbox = {0};

	ck_assert_int_eq(loop_new(&inbox.loop), OK);
	for (unsigned n = 0;; n++) {
		int ret;

		fail_alloc_after(n);
		ret = mailbox_new(&inbox.mailbox, inbox.loop, 1, receive, &inbox);
		fail_alloc_off();
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(ret, OK);
			break;
		}
		ck_assert_int_eq(ret, ERR_NOMEM);
	}
	inbox_deinit(&inbox);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		each_senders_messages_come_all_and_in_order,
		what_waits_is_handed_over_as_one_list,
		a_full_mailbox_refuses_but_always_passes,
		a_closed_mailbox_refuses_but_hands_over_what_came,
		any_failed_allocation_is_reported,
	};

	return run_tests("mailbox", tests, COUNT_OF(tests));
}
