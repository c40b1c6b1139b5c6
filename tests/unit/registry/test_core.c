/*
 * The core: the way of a command, failures, restarts, and who reads beside it.
 */
#include <sys/wait.h>

#include "base/log.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/registry/core_world.h"

/* ---- the way of a command ------------------------------------------------------------------ */

START_TEST(a_result_means_durable_and_published)
{
	struct core_world world;
	struct tester tester;
	struct core_counters counters;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	tester_init(&tester, &world, 1);
	ck_assert_int_eq(tester_submit(&tester, &tester_ops, 1), OK);
	call_wait(&tester.call);
	ck_assert_uint_eq(tester.rcode[0], DNS_RCODE_NOERROR);
	ck_assert(tester.was_published[0]);
	ck_assert_uint_eq(store_ram_entries(CORE_DISK), 2);
	counters = core_counted(&world);
	ck_assert_uint_eq(counters.batches, 2);
	ck_assert_uint_eq(counters.commands, 2);
	ck_assert_uint_eq(counters.refused, 0);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

START_TEST(nothing_is_seen_before_it_is_published)
{
	struct core_world world;

	core_world_init(&world);
	core_world_start(&world);
	ck_assert_uint_eq(core_wait(&world, core_base(&world)), DNS_RCODE_NOERROR);
	ck_assert_ptr_null(atomic_load(&core_view(world.core)->root));
	ck_assert_int_eq(core_publish(world.core), OK);
	ck_assert_ptr_nonnull(atomic_load(&core_view(world.core)->root));
	ck_assert_int_eq(core_publish(world.core), OK);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

/* For so many jobs, of which the first is with the log, that waits for store_ram_hold(). */
static void first_with_log(struct tester *tester, struct core_world *world, unsigned count)
{
	tester_init(tester, world, count);
	store_ram_hold(CORE_DISK, true);
	ck_assert_int_eq(tester_submit(tester, &tester_ops, 0), OK);
	/* A call takes its turn behind the job: the first batch is with the log now. */
	core_release(world->core, core_hold(world->core));
}

START_TEST(what_comes_while_a_batch_is_in_flight_is_the_next)
{
	struct core_world world;
	struct tester tester;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	first_with_log(&tester, &world, 21);
	for (unsigned i = 1; i <= 20; i++) {
		ck_assert_int_eq(tester_submit(&tester, &tester_ops, i), OK);
	}
	core_release(world.core, core_hold(world.core));
	ck_assert_uint_eq(tester.back, 0);
	store_ram_hold(CORE_DISK, false);
	call_wait(&tester.call);
	ck_assert_uint_eq(store_ram_entries(CORE_DISK), 3);
	ck_assert_uint_eq(tester.deliveries, 2);
	for (unsigned i = 0; i <= 20; i++) {
		ck_assert_uint_eq(tester.order[i], i);
		ck_assert_uint_eq(tester.rcode[i], DNS_RCODE_NOERROR);
		ck_assert(tester.was_published[i]);
	}
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

static void other_done(struct list *jobs)
{
	tester_done(jobs);
}

static const struct core_job_ops other_ops = {.done = other_done};

START_TEST(each_kind_of_job_comes_back_in_one_call_and_in_order)
{
	static const unsigned expected[] = {0, 1, 3, 5, 2, 4, 6};
	struct core_world world;
	struct tester tester;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	first_with_log(&tester, &world, COUNT_OF(expected));
	for (unsigned i = 1; i < COUNT_OF(expected); i++) {
		ck_assert_int_eq(tester_submit(&tester, i % 2 == 1 ? &tester_ops : &other_ops, i),
				 OK);
	}
	core_release(world.core, core_hold(world.core));
	store_ram_hold(CORE_DISK, false);
	call_wait(&tester.call);
	ck_assert_uint_eq(tester.deliveries, 3);
	for (unsigned i = 0; i < COUNT_OF(expected); i++) {
		ck_assert_uint_eq(tester.order[i], expected[i]);
	}
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

START_TEST(a_refusal_is_a_result_and_changes_nothing)
{
	struct core_world world;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	ck_assert_uint_eq(core_wait(&world, core_update(&world, 0,
							"@ 60 NS elsewhere\n"
							"ns1 60 A 192.0.2.9\n")),
			  DNS_RCODE_REFUSED);
	ck_assert_uint_eq(core_counted(&world).refused, 1);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

START_TEST(a_full_queue_refuses_and_counts)
{
	struct core_world world;
	struct tester tester;
	unsigned taken = 0;

	core_world_init(&world);
	world.queue = 10;
	core_world_start(&world);
	core_begin(&world);
	first_with_log(&tester, &world, 11);
	while (tester_submit(&tester, &tester_ops, taken + 1) == OK) {
		taken++;
		/* Also those that the core has taken out of the mailbox count. */
		core_release(world.core, core_hold(world.core));
	}
	ck_assert_uint_eq(taken, 10);
	ck_assert_uint_eq(core_counted(&world).full, 1);
	store_ram_hold(CORE_DISK, false);
	call_wait(&tester.call);
	ck_assert_uint_eq(core_wait(&world, core_host(&world, 0, 99)), DNS_RCODE_NOERROR);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

/* An UPDATE of 22 to 32 MiB, for one name: too many records, so it is refused in the end. */
static struct buf_writer core_long(const struct core_world *world)
{
	enum { COUNT = 60000, SIZE = 600 };
	const size_t room = (size_t)COUNT * (SIZE + 64);
	uint8_t rdata[SIZE] = {0}; /* strings of no octets */
	uint8_t name[DNS_NAME_MAX];
	uint8_t *octets = malloc(room);
	struct buf_writer out = buf_writer(octets, room);
	const struct command_update update = {
		.zone = world->apex, .owner = {.kind = OWNER_NET}, .update_count = COUNT};

	ck_assert_ptr_nonnull(octets);
	world_name(name, "long.svc.example.");
	command_write_update(&out, &update);
	for (unsigned i = 0; i < COUNT; i++) {
		const struct command_change change = {.form = DNS_UPDATE_ADD,
						      .name = name,
						      .type = DNS_TYPE_TXT,
						      .ttl = 60,
						      .rdata_size = (uint16_t)(SIZE - i % 300),
						      .rdata = rdata};

		command_write_change(&out, &change);
	}
	ck_assert(!out.failed && buf_written(&out) > 22u << 20 && buf_written(&out) < 32u << 20);
	return out;
}

START_TEST(octets_that_wait_are_bounded_too)
{
	struct core_world world;
	struct tester tester;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	first_with_log(&tester, &world, 4);
	ck_assert_int_eq(tester_post(&tester, &tester_ops, 1, core_long(&world)), OK);
	ck_assert_int_eq(tester_post(&tester, &tester_ops, 2, core_long(&world)), OK);
	ck_assert_int_eq(tester_post(&tester, &tester_ops, 3, core_long(&world)), ERR_FULL);
	ck_assert_uint_eq(core_counted(&world).full, 1);
	ck_assert_int_eq(tester_submit(&tester, &tester_ops, 4), OK);
	store_ram_hold(CORE_DISK, false);
	call_wait(&tester.call);
	ck_assert_uint_eq(core_counted(&world).queued_octets, 0);
	ck_assert(core_has(&world, "host-4"));
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

/* ---- failures ------------------------------------------------------------------------------ */

START_TEST(a_full_disk_is_servfail_with_its_reason_and_passes)
{
	static const struct {
		int status;
		const char *text;
	} cases[] = {
		{ERR_FULL, "the registry's disk is full"},
		{ERR_IO, "the registry's disk failed to write"},
		{ERR_NOMEM, "the registry is out of memory"},
	};
	struct core_world world;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	for (unsigned i = 0; i < COUNT_OF(cases); i++) {
		struct tester tester;

		tester_init(&tester, &world, 1);
		store_ram_fail_appends(CORE_DISK, cases[i].status, 1);
		ck_assert_int_eq(tester_submit(&tester, &tester_ops, i), OK);
		call_wait(&tester.call);
		ck_assert_uint_eq(tester.rcode[0], DNS_RCODE_SERVFAIL);
		ck_assert(!tester.was_published[0]);
		ck_assert_str_eq(tester.text, cases[i].text);
		call_deinit(&tester.call);
	}
	ck_assert_uint_eq(core_counted(&world).failed, COUNT_OF(cases));
	ck_assert(!core_has(&world, "host-0"));
	ck_assert_uint_eq(core_wait(&world, core_host(&world, 0, 0)), DNS_RCODE_NOERROR);
	ck_assert(core_has(&world, "host-0"));
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

static void stop_core(void *context)
{
	core_stop(context);
}

START_TEST(a_stop_finishes_the_batch_in_flight_and_refuses_what_waits)
{
	struct core_world world;
	struct tester tester;
	struct thread *stopper;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	first_with_log(&tester, &world, 4);
	for (unsigned i = 1; i < 4; i++) {
		ck_assert_int_eq(tester_submit(&tester, &tester_ops, i), OK);
	}
	ck_assert_int_eq(thread_start(&stopper, "stopper", stop_core, world.core), OK);
	WAIT_FOR(tester.back == 3);
	ck_assert_int_eq(tester_submit(&tester, &tester_ops, 9), ERR_CLOSED);
	store_ram_hold(CORE_DISK, false);
	call_wait(&tester.call);
	thread_join(stopper);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(tester.order[i], i + 1);
		ck_assert_uint_eq(tester.rcode[i], DNS_RCODE_SERVFAIL);
	}
	ck_assert_uint_eq(tester.rcode[3], DNS_RCODE_NOERROR);
	ck_assert(core_has(&world, "host-0"));
	ck_assert_int_eq(tester_submit(&tester, &tester_ops, 9), ERR_CLOSED);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

START_TEST(a_sender_may_wait_no_longer_than_he_likes)
{
	struct core_world world;
	struct command_result result = {.rcode = 77};
	struct buf_writer command;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	command = core_host(&world, 0, 1);
	ck_assert_int_eq(core_submit_within(world.core, command.start, buf_written(&command),
					    CORE_WAIT_MS, &result),
			 OK);
	ck_assert_uint_eq(result.rcode, DNS_RCODE_NOERROR);
	store_ram_hold(CORE_DISK, true);
	command = core_host(&world, 0, 2);
	ck_assert_int_eq(
		core_submit_within(world.core, command.start, buf_written(&command), 50, &result),
		ERR_BUSY);
	store_ram_hold(CORE_DISK, false);
	/* What he gave up comes all the same. */
	WAIT_FOR(core_has(&world, "host-2"));
	core_stop(world.core);
	command = core_host(&world, 0, 3);
	ck_assert_int_eq(
		core_submit_within(world.core, command.start, buf_written(&command), 50, &result),
		ERR_CLOSED);
	core_free(world.core);
	store_ram_forget();
}
END_TEST

/* A command that does not decode is in the log: the process must end and say why. */
static void apply_damage(void)
{
	struct core_world world;
	struct command_result result;

	core_world_init(&world);
	core_world_start(&world);
	core_submit_wait(world.core, calloc(1, 10), 10, &result);
	_exit(0);
}

START_TEST(what_cannot_be_applied_stops_the_process)
{
	const pid_t child = fork();
	int status;

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		apply_damage();
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 1);
}
END_TEST

START_TEST(any_failed_allocation_at_the_start_is_reported)
{
	struct core_world world;

	core_world_init(&world);
	world.log_options.budget = 1;
	core_world_start(&world);
	core_begin(&world);
	ck_assert_uint_eq(core_wait(&world, core_host(&world, 100, 1)), DNS_RCODE_NOERROR);
	WAIT_FOR(store_ram_snapshot(CORE_DISK) > 0);
	world.log_options.budget = UINT64_MAX;
	core_world_close(&world);
	for (unsigned n = 0;; n++) {
		int ret;

		fail_alloc_after(n);
		ret = core_world_open(&world);
		fail_alloc_off();
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(ret, OK);
			break;
		}
		if (ret == OK) {
			core_world_close(&world); /* done without */
			continue;
		}
		ck_assert(ret == ERR_NOMEM || ret == ERR_SYSTEM);
	}
	ck_assert(core_has(&world, "host-1"));
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

/* ---- restarts ------------------------------------------------------------------------------ */

START_TEST(a_restart_finds_what_was_acknowledged)
{
	struct core_world world;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	for (unsigned i = 0; i < 30; i++) {
		ck_assert_uint_eq(core_wait(&world, core_host(&world, i % 2 * 100, i)),
				  DNS_RCODE_NOERROR);
	}
	core_world_close(&world);
	core_world_start(&world);
	ck_assert(core_has(&world, "host-0"));
	ck_assert(core_has(&world, "host-29"));
	ck_assert(!core_has(&world, "host-30"));
	ck_assert_uint_eq(core_counted(&world).leases, 15);
	ck_assert_uint_eq(core_wait(&world, core_host(&world, 0, 30)), DNS_RCODE_NOERROR);
	core_world_close(&world);
	core_world_start(&world);
	ck_assert(core_has(&world, "host-30"));
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

START_TEST(a_snapshot_is_taken_at_the_budget_and_a_restart_begins_with_it)
{
	struct core_world world;

	core_world_init(&world);
	world.log_options.budget = 2000;
	core_world_start(&world);
	core_begin(&world);
	for (unsigned i = 0; i < 200; i++) {
		ck_assert_uint_eq(core_wait(&world, core_host(&world, 100, i)), DNS_RCODE_NOERROR);
	}
	WAIT_FOR(core_counted(&world).snapshots >= 3);
	core_world_close(&world);
	ck_assert_uint_gt(store_ram_snapshot(CORE_DISK), 100);
	ck_assert_uint_lt(store_ram_entries(CORE_DISK), 100);
	core_world_start(&world);
	for (unsigned i = 0; i < 200; i++) {
		char label[16];

		snprintf(label, sizeof(label), "host-%u", i);
		ck_assert(core_has(&world, label));
	}
	ck_assert_uint_eq(core_counted(&world).leases, 200);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

START_TEST(a_snapshot_that_fails_is_survived)
{
	struct core_world world;

	core_world_init(&world);
	world.log_options.budget = 1;
	store_ram_fail_snapshot(CORE_DISK, ERR_FULL);
	core_world_start(&world);
	core_begin(&world);
	for (unsigned i = 0; core_counted(&world).snapshots == 0; i++) {
		ck_assert_uint_lt(i, 1000);
		ck_assert_uint_eq(core_wait(&world, core_host(&world, 0, i)), DNS_RCODE_NOERROR);
	}
	core_world_close(&world);
	core_world_start(&world);
	ck_assert(core_has(&world, "host-0"));
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

START_TEST(a_damaged_log_is_refused)
{
	struct core_world world;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	core_world_close(&world);
	store_ram_damage(CORE_DISK, 1, 20);
	ck_assert_int_eq(core_world_open(&world), ERR_DAMAGED);
	store_ram_forget();
}
END_TEST

START_TEST(a_batch_that_the_disk_refuses_is_servfail_for_each_of_it)
{
	struct core_world world;
	struct tester tester;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	tester_init(&tester, &world, 41);
	store_ram_hold(CORE_DISK, true);
	for (unsigned i = 0; i <= 40; i++) {
		ck_assert_int_eq(tester_submit(&tester, &tester_ops, i), OK);
	}
	core_release(world.core, core_hold(world.core));
	store_ram_fail_appends(CORE_DISK, ERR_FULL, 2);
	store_ram_hold(CORE_DISK, false);
	call_wait(&tester.call);
	for (unsigned i = 1; i <= 40; i++) {
		ck_assert_uint_eq(tester.rcode[i], DNS_RCODE_SERVFAIL);
		ck_assert(!tester.was_published[i]);
	}
	ck_assert(!core_has(&world, "host-40"));
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

/* A client that had SERVFAIL sends the same octets again, from the same socket. */
START_TEST(what_the_disk_refused_is_tried_anew_when_it_comes_again)
{
	static const uint16_t rcodes[] = {DNS_RCODE_SERVFAIL, DNS_RCODE_NOERROR, DNS_RCODE_NOERROR};
	struct core_world world;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	store_ram_fail_appends(CORE_DISK, ERR_FULL, 1);
	for (unsigned i = 0; i < COUNT_OF(rcodes); i++) {
		struct tester tester;

		tester_init(&tester, &world, 1);
		tester.fingerprint = 7;
		ck_assert_int_eq(tester_submit(&tester, &tester_ops, 1), OK);
		call_wait(&tester.call);
		ck_assert_uint_eq(tester.rcode[0], rcodes[i]);
		call_deinit(&tester.call);
	}
	/* The third was a retransmission: answered as the second, and not logged. */
	ck_assert_uint_eq(core_counted(&world).commands, 2);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

/* ---- other threads ------------------------------------------------------------------------- */

static int edit(struct root_writer *writer, void *context)
{
	static const uint8_t ring_key[SIPHASH_KEY_SIZE];
	uint8_t apex[DNS_NAME_MAX];

	world_name(apex, "static.example.");
	world_must(zone_open(writer, apex, NULL, ring_key));
	return *(int *)context;
}

START_TEST(an_edit_is_published_or_leaves_no_trace)
{
	struct core_world world;
	uint8_t apex[DNS_NAME_MAX];
	int status = OK;

	core_world_init(&world);
	world_name(apex, "static.example.");
	ck_assert_int_eq(core_world_open(&world), OK);
	ck_assert_int_eq(core_edit(world.core, edit, &status), OK);
	ck_assert_int_eq(core_start(world.core), OK);
	core_begin(&world);
	ck_assert_uint_eq(root_zone_count(atomic_load(&core_view(world.core)->root)), 2);
	core_world_close(&world);
	/* It was for this node alone. */
	core_world_start(&world);
	core_begin(&world);
	ck_assert_uint_eq(root_zone_count(atomic_load(&core_view(world.core)->root)), 1);
	status = ERR_CONF;
	ck_assert_int_eq(core_edit(world.core, edit, &status), ERR_CONF);
	ck_assert_uint_eq(root_zone_count(atomic_load(&core_view(world.core)->root)), 1);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

/* It is applied while the disk has it; what was made of it then is of the version before the edit. */
START_TEST(an_edit_comes_before_a_batch_that_is_in_flight)
{
	struct core_world world;
	struct tester tester;
	int status = OK;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	const uint64_t commands = core_counted(&world).commands;
	tester_init(&tester, &world, 1);
	store_ram_hold(CORE_DISK, true);
	ck_assert_int_eq(tester_submit(&tester, &tester_ops, 1), OK);
	core_release(world.core, core_hold(world.core));
	ck_assert_int_eq(core_edit(world.core, edit, &status), OK);
	ck_assert(!core_has(&world, "host-1"));
	ck_assert_uint_eq(core_counted(&world).commands, commands);
	store_ram_hold(CORE_DISK, false);
	call_wait(&tester.call);
	ck_assert_uint_eq(tester.rcode[0], DNS_RCODE_NOERROR);
	ck_assert(core_has(&world, "host-1"));
	ck_assert_uint_eq(root_zone_count(atomic_load(&core_view(world.core)->root)), 2);
	ck_assert_uint_eq(core_counted(&world).commands, commands + 1);
	call_deinit(&tester.call);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

START_TEST(a_held_root_stays_as_it_was)
{
	struct core_world world;
	const struct root *root;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	ck_assert_uint_eq(core_wait(&world, core_host(&world, 0, 0)), DNS_RCODE_NOERROR);
	root = core_hold(world.core);
	for (unsigned i = 1; i < 200; i++) {
		ck_assert_uint_eq(core_wait(&world, core_host(&world, 0, i)), DNS_RCODE_NOERROR);
	}
	ck_assert(root_has(&world, root, "host-0"));
	ck_assert(!root_has(&world, root, "host-1"));
	core_release(world.core, root);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

struct borrower {
	struct core_loan loan;
	bool wants;
	_Atomic(unsigned) lent;
	_Atomic(unsigned) returned;
};

static bool note_lent(struct core_loan *loan)
{
	struct borrower *borrower = list_entry(loan, struct borrower, loan);

	/* Who lends must not touch it any more where it is wanted, so that comes last. */
	const bool wants = borrower->wants;
	borrower->lent++;
	return wants;
}

static void note_returned(struct core_loan *loan)
{
	list_entry(loan, struct borrower, loan)->returned++;
}

static struct borrower borrower_of(bool wants)
{
	return (struct borrower){.loan = {.lent = note_lent, .returned = note_returned},
				 .wants = wants};
}

START_TEST(a_borrowed_root_stays_as_it_was_until_it_is_returned)
{
	struct core_world world;
	struct borrower borrower = borrower_of(true);

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	ck_assert_uint_eq(core_wait(&world, core_host(&world, 0, 0)), DNS_RCODE_NOERROR);
	core_borrow(world.core, &borrower.loan);
	WAIT_FOR(borrower.lent == 1);
	ck_assert_uint_eq(borrower.loan.garbage, core_garbage(world.core));
	for (unsigned i = 1; i < 200; i++) {
		ck_assert_uint_eq(core_wait(&world, core_host(&world, 0, i)), DNS_RCODE_NOERROR);
	}
	/* Each commit leaves at least a root, a zone and a way to the name behind. */
	ck_assert_uint_gt(core_garbage(world.core), borrower.loan.garbage + 199 * 500);
	ck_assert(root_has(&world, borrower.loan.root, "host-0"));
	ck_assert(!root_has(&world, borrower.loan.root, "host-1"));
	ck_assert_uint_eq(borrower.returned, 0);
	core_return(world.core, &borrower.loan);
	WAIT_FOR(borrower.returned == 1);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

START_TEST(a_root_that_nobody_wants_any_more_is_returned_at_once)
{
	struct core_world world;
	struct borrower borrower = borrower_of(false);

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	core_borrow(world.core, &borrower.loan);
	WAIT_FOR(borrower.returned == 1);
	ck_assert_uint_eq(borrower.lent, 1);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

START_TEST(a_root_is_lent_and_returned_also_where_no_thread_runs)
{
	struct core_world world;
	struct borrower borrower = borrower_of(true);

	core_world_init(&world);
	ck_assert_int_eq(core_world_open(&world), OK);
	core_borrow(world.core, &borrower.loan);
	ck_assert_uint_eq(borrower.lent, 1);
	core_return(world.core, &borrower.loan);
	ck_assert_uint_eq(borrower.returned, 1);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

struct reader {
	struct core_world *world;
	atomic_bool is_over;
	unsigned seen;
};

/* As a UDP worker does: load, look, be offline for a moment; now and then for longer. */
static void read_on(void *context)
{
	struct reader *reader = context;
	struct core_view *view = core_view(reader->world->core);
	struct record records[8];

	reader_register();
	while (!reader->is_over) {
		const struct root *root = atomic_load_explicit(&view->root, memory_order_acquire);
		const struct zone *zone = root_zone(root, reader->world->apex);
		uint8_t name[DNS_NAME_MAX];
		const struct node *node;

		world_name(name, "host-1.svc.example.");
		node = zone_node(zone, name);
		if (node != NULL) {
			struct content content;

			node_content(node, &content, records, COUNT_OF(records));
			reader->seen += content.count > 0;
			if (node_lease(node) != NULL) {
				uint64_t seen = node_lease(node)->renewed_ms;

				atomic_compare_exchange_strong(&node_lease(node)->renewed_ms, &seen,
							       seen);
			}
		}
		reader_offline();
		if (reader->seen % 64 == 0) {
			usleep(10);
		}
		reader_online();
	}
	reader_unregister();
}

START_TEST(readers_see_whole_versions_while_others_come_and_go)
{
	struct core_world world;
	struct reader readers[2];
	struct thread *threads[2];

	core_world_init(&world);
	world.log_options.budget = 10000;
	core_world_start(&world);
	core_begin(&world);
	for (size_t i = 0; i < COUNT_OF(readers); i++) {
		readers[i] = (struct reader){.world = &world};
		ck_assert_int_eq(thread_start(&threads[i], "reader", read_on, &readers[i]), OK);
	}
	for (unsigned i = 0; i < 600; i++) {
		ck_assert_uint_eq(core_wait(&world, core_host(&world, i % 3 * 50, i % 20)),
				  DNS_RCODE_NOERROR);
	}
	for (size_t i = 0; i < COUNT_OF(readers); i++) {
		readers[i].is_over = true;
		thread_join(threads[i]);
		ck_assert_uint_gt(readers[i].seen, 0);
	}
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_result_means_durable_and_published,
		nothing_is_seen_before_it_is_published,
		what_comes_while_a_batch_is_in_flight_is_the_next,
		each_kind_of_job_comes_back_in_one_call_and_in_order,
		a_refusal_is_a_result_and_changes_nothing,
		a_full_queue_refuses_and_counts,
		octets_that_wait_are_bounded_too,
		a_full_disk_is_servfail_with_its_reason_and_passes,
		a_stop_finishes_the_batch_in_flight_and_refuses_what_waits,
		a_sender_may_wait_no_longer_than_he_likes,
		what_cannot_be_applied_stops_the_process,
		any_failed_allocation_at_the_start_is_reported,
		a_restart_finds_what_was_acknowledged,
		a_snapshot_is_taken_at_the_budget_and_a_restart_begins_with_it,
		a_snapshot_that_fails_is_survived,
		a_damaged_log_is_refused,
		a_batch_that_the_disk_refuses_is_servfail_for_each_of_it,
		what_the_disk_refused_is_tried_anew_when_it_comes_again,
		an_edit_is_published_or_leaves_no_trace,
		an_edit_comes_before_a_batch_that_is_in_flight,
		a_held_root_stays_as_it_was,
		a_borrowed_root_stays_as_it_was_until_it_is_returned,
		a_root_that_nobody_wants_any_more_is_returned_at_once,
		a_root_is_lent_and_returned_also_where_no_thread_runs,
		readers_see_whole_versions_while_others_come_and_go,
	};

	log_set_level(LOG_LEVEL_ERROR);
	return run_tests("core", tests, COUNT_OF(tests));
}
