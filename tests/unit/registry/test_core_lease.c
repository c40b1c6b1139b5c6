/*
 * Leases in the core: what ends, what is held, what the disk does not let end.
 */
#include "base/log.h"
#include "tests/unit/registry/core_world.h"

static uint64_t longer(uint64_t one_ms, uint64_t other_ms)
{
	return one_ms > other_ms ? one_ms : other_ms;
}

/* false: this thread stood still for a term, in which the lease that it renews may end. */
static bool try_to_outlast(void)
{
	struct core_world world;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	ck_assert_uint_eq(core_wait(&world, core_host(&world, 1, 1)), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(core_wait(&world, core_host(&world, 1, 2)), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(core_wait(&world, core_host(&world, 0, 3)), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(core_counted(&world).leases, 2);
	/* By the logged path: a renewal is as good as a heartbeat. */
	const uint64_t first_ms = clock_mono_ms();
	uint64_t asked_ms = first_ms;
	uint64_t longest_ms = 0; /* that host-1 may have gone without */
	while (core_has(&world, "host-2")) {
		const uint64_t before_ms = asked_ms;
		asked_ms = clock_mono_ms();
		ck_assert_uint_lt(asked_ms - first_ms, CORE_WAIT_MS);
		ck_assert_uint_eq(core_wait(&world, core_host(&world, 1, 1)), DNS_RCODE_NOERROR);
		longest_ms = longer(longest_ms, clock_mono_ms() - before_ms);
	}
	const bool is_there = core_has(&world, "host-1");
	const uint64_t expired = core_counted(&world).expired;
	longest_ms = longer(longest_ms, clock_mono_ms() - asked_ms);
	if (longest_ms < 1000) {
		ck_assert(is_there);
		ck_assert_uint_eq(expired, 1);
	}
	WAIT_FOR(!core_has(&world, "host-1"));
	ck_assert(core_has(&world, "host-3"));
	ck_assert_uint_eq(core_counted(&world).leases, 0);
	core_world_close(&world);
	store_ram_forget();
	return longest_ms < 1000;
}

START_TEST(a_lease_that_is_not_renewed_ends_and_one_that_is_stays)
{
	bool is_shown = false;

	for (int i = 0; i < 5 && !is_shown; i++) {
		is_shown = try_to_outlast();
	}
	ck_assert(is_shown);
}
END_TEST

START_TEST(an_expiry_that_the_disk_refuses_is_tried_again_after_a_term)
{
	struct core_world world;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	ck_assert_uint_eq(core_wait(&world, core_host(&world, 1, 1)), DNS_RCODE_NOERROR);
	store_ram_fail_appends(CORE_DISK, ERR_FULL, 1);
	WAIT_FOR(core_counted(&world).failed == 1);
	ck_assert(core_has(&world, "host-1"));
	WAIT_FOR(!core_has(&world, "host-1"));
	ck_assert_uint_eq(core_counted(&world).expired, 1);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

START_TEST(a_host_outlives_its_lease_for_an_instance_and_goes_with_it)
{
	struct core_world world;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	ck_assert_uint_eq(core_wait(&world, core_host(&world, 1, 1)), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(core_wait(&world, core_update(&world, 3,
							"_http._tcp 60 PTR web._http._tcp\n"
							"web._http._tcp 60 SRV 0 0 80 host-1\n"
							"web._http._tcp 60 TXT a\n")),
			  DNS_RCODE_NOERROR);
	ck_assert_uint_eq(core_counted(&world).leases, 2);
	WAIT_FOR(core_counted(&world).batches == 4);
	ck_assert(core_has(&world, "host-1"));
	WAIT_FOR(!core_has(&world, "web._http._tcp"));
	ck_assert(!core_has(&world, "host-1"));
	ck_assert_uint_eq(core_counted(&world).batches, 5);
	ck_assert_uint_eq(core_counted(&world).leases, 0);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

START_TEST(a_lease_that_the_disk_does_not_let_end_is_overdue)
{
	struct core_world world;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	ck_assert_uint_eq(core_wait(&world, core_host(&world, 1, 1)), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(core_counted(&world).overdue_ms, 0);
	store_ram_hold(CORE_DISK, true);
	WAIT_FOR(core_counted(&world).overdue_ms >= 500);
	ck_assert(core_has(&world, "host-1"));
	store_ram_hold(CORE_DISK, false);
	WAIT_FOR(!core_has(&world, "host-1"));
	WAIT_FOR(core_counted(&world).overdue_ms == 0);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

START_TEST(more_than_a_command_takes_expire_one_after_another)
{
	struct core_world world;
	uint64_t commands;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	commands = core_counted(&world).commands;
	for (unsigned i = 0; i < 60; i++) {
		struct buf_writer out = core_command();
		char master[4000];
		size_t at = 0;

		for (unsigned k = 0; k < 40; k++) {
			at += (size_t)snprintf(master + at, sizeof(master) - at,
					       "m-%u-%u 60 A 192.0.2.1\n", i, k);
		}
		free(out.start);
		ck_assert_uint_eq(core_wait(&world, core_update(&world, 1, master)),
				  DNS_RCODE_NOERROR);
	}
	/* Most are due before the log takes any more of them. */
	store_ram_hold(CORE_DISK, true);
	WAIT_FOR(core_counted(&world).overdue_ms >= 1500);
	store_ram_hold(CORE_DISK, false);
	WAIT_FOR(core_counted(&world).expired == 2400);
	ck_assert_uint_ge(core_counted(&world).commands - commands, 60 + 5);
	ck_assert_uint_eq(core_counted(&world).leases, 0);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

/* `count` instances of a type, of which each has its host: all at one moment, so that none ends early. */
static void register_crowd(struct core_world *world, uint32_t lease_s, unsigned count)
{
	char master[8000];
	size_t at = 0;

	for (unsigned i = 0; i < count; i++) {
		at += (size_t)snprintf(master + at, sizeof(master) - at,
				       "_http._tcp 60 PTR w-%u._http._tcp\n"
				       "w-%u._http._tcp 60 SRV 0 0 80 host-%u\n"
				       "w-%u._http._tcp 60 TXT a\n"
				       "host-%u 60 A 198.51.100.%u\n",
				       i, i, i, i, i, i % 250 + 1);
	}
	ck_assert_uint_lt(at, sizeof(master));
	ck_assert_uint_eq(core_wait(world, core_update(world, lease_s, master)), DNS_RCODE_NOERROR);
}

static unsigned count_crowd(struct core_world *world, unsigned count)
{
	unsigned there = 0;

	for (unsigned i = 0; i < count; i++) {
		char label[32];

		snprintf(label, sizeof(label), "w-%u._http._tcp", i);
		there += core_has(world, label);
	}
	return there;
}

START_TEST(a_type_whose_leases_all_come_due_is_held_until_they_beat_again)
{
	struct core_world world;
	struct core_guarded guarded[2];

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	register_crowd(&world, 1, 40);
	WAIT_FOR(core_counted(&world).guards == 1);
	/* Those that had gone before it began were no more than half. */
	const unsigned there = count_crowd(&world, 40);
	ck_assert_uint_ge(there, 19);
	ck_assert_uint_eq(core_guarded(world.core, guarded, 2), 1);
	ck_assert_uint_eq(guarded[0].instances, there);
	WAIT_FOR(core_counted(&world).guarded_leases == there);
	ck_assert_uint_eq(core_counted(&world).guarded_types, 1);
	/* It goes on for terms; all come back. */
	register_crowd(&world, 100, 40);
	ck_assert_uint_eq(core_counted(&world).guarded_leases, 0);
	WAIT_FOR(core_counted(&world).guarded_types == 0);
	ck_assert_uint_eq(count_crowd(&world, 40), 40);
	ck_assert_uint_eq(core_guarded(world.core, guarded, 2), 0);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

START_TEST(a_held_type_ends_behind_three_terms)
{
	struct core_world world;
	const uint64_t start_ms = clock_mono_ms();

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	register_crowd(&world, 1, 40);
	WAIT_FOR(core_counted(&world).guards == 1);
	WAIT_FOR(core_counted(&world).leases == 0);
	ck_assert_uint_ge(clock_mono_ms() - start_ms, 4000);
	ck_assert_uint_eq(core_counted(&world).guarded_leases, 0);
	ck_assert_uint_eq(core_counted(&world).guards, 1);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

START_TEST(what_is_withdrawn_while_its_type_is_held_goes)
{
	struct core_world world;

	core_world_init(&world);
	core_world_start(&world);
	core_begin(&world);
	register_crowd(&world, 1, 40);
	WAIT_FOR(core_counted(&world).guards == 1);
	const unsigned there = count_crowd(&world, 40);
	WAIT_FOR(core_counted(&world).guarded_leases == there);
	for (unsigned i = 0; i < 40; i++) {
		struct buf_writer out = core_command();
		const struct command_update update = {
			.zone = world.apex, .owner = {.kind = OWNER_NET}, .update_count = 1};
		uint8_t name[DNS_NAME_MAX];
		char text[64];

		snprintf(text, sizeof(text), "w-%u._http._tcp.svc.example.", i);
		world_name(name, text);
		command_write_update(&out, &update);
		const struct command_change change = {
			.form = DNS_UPDATE_DELETE_NAME, .type = DNS_TYPE_ANY, .name = name};
		command_write_change(&out, &change);
		ck_assert_uint_eq(core_wait(&world, out), DNS_RCODE_NOERROR);
	}
	ck_assert_uint_eq(count_crowd(&world, 40), 0);
	/* Their PTRs at the type are over and nobody's any more. */
	WAIT_FOR(core_counted(&world).guarded_leases == 0);
	WAIT_FOR(core_counted(&world).leases == 0);
	core_world_close(&world);
	store_ram_forget();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_lease_that_is_not_renewed_ends_and_one_that_is_stays,
		an_expiry_that_the_disk_refuses_is_tried_again_after_a_term,
		a_host_outlives_its_lease_for_an_instance_and_goes_with_it,
		a_lease_that_the_disk_does_not_let_end_is_overdue,
		more_than_a_command_takes_expire_one_after_another,
		a_type_whose_leases_all_come_due_is_held_until_they_beat_again,
		a_held_type_ends_behind_three_terms,
		what_is_withdrawn_while_its_type_is_held_goes,
	};

	log_set_level(LOG_LEVEL_ERROR);
	return run_tests("core lease", tests, COUNT_OF(tests));
}
