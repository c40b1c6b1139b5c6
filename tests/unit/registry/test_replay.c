/*
 * Replays inside the fudge (RFC 8945 5.2.3, 10; design section 7): what a key signed before its
 * last command about a name does nothing, and what was withdrawn stays away.
 */
#include "tests/unit/registry/script.h"

#define WEB_MOVED "del h A\nadd h 60 A 192.0.2.2\n"
#define WEB_GONE "del _http._tcp PTR web._http._tcp\ndel web._http._tcp\ndel h\n"

/* An UPDATE that must be taken for a replay, with nothing changed. */
static void stale(struct play *play, const char *who, const char *lines)
{
	static struct sorted before;
	static struct sorted after;
	const uint32_t serial = serial_of(play);

	sorted_zone(&before, stage_zone(&play->stage));
	ck_assert_uint_eq(evaluate(play, who, lines), DNS_RCODE_NOTAUTH);
	ck_assert(play->result.is_stale);
	ck_assert_uint_eq(update(play, who, lines), DNS_RCODE_NOTAUTH);
	ck_assert(play->result.is_stale);
	ck_assert(play->result.has_ede);
	ck_assert_ptr_nonnull(strstr(play->result.ede_text, "signed before"));
	ck_assert(!play->result.lease.present);
	sorted_zone(&after, stage_zone(&play->stage));
	expect_sorted(&after, &before, "the zone after a replay");
	ck_assert_uint_eq(serial_of(play), serial);
}

/* Batches of 1050, whatever was signed before. */
static struct play *play_at_1050(void)
{
	struct play *play = play_new();

	play->time_s = 1050;
	return play;
}

START_TEST(nothing_that_changed_goes_back)
{
	struct play *play = play_at_1050();

	updated(play, "a signed:1000 lease:60", REGISTER_WEB);
	updated(play, "a signed:1010 lease:60", WEB_MOVED);
	stale(play, "a signed:1009 lease:60", "add h 60 A 192.0.2.1\n");
	stale(play, "a signed:1009", "del h\n");
	/* By the host that the whole message touches too. */
	stale(play, "a signed:1000 lease:60", REGISTER_WEB);
	/* A second ago is no replay of the instance, which nothing has touched since. */
	updated(play, "a signed:1000 lease:60", "add web._http._tcp 60 TXT \"x\"\n");
	play_free(play);
}
END_TEST

START_TEST(one_of_the_same_second_passes)
{
	struct play *play = play_new();

	updated(play, "a signed:1000", REGISTER_WEB);
	updated(play, "a signed:1000", WEB_GONE);
	updated(play, "a signed:1000", REGISTER_WEB);
	play_free(play);
}
END_TEST

START_TEST(a_clock_ahead_shuts_nobody_out)
{
	struct play *play = play_new();

	play->time_s = 1000;
	updated(play, "a signed:1290", REGISTER_WEB);
	/* Another machine with the same key and the right time. */
	play->time_s = 1001;
	updated(play, "a signed:1001", WEB_MOVED);
	ck_assert_uint_eq(content_of(play, "h").signed_s, 1001);
	play_free(play);
}
END_TEST

START_TEST(a_clock_behind_is_kept_as_it_is)
{
	struct play *play = play_new();

	play->time_s = 5000;
	updated(play, "a signed:4710", REGISTER_WEB);
	ck_assert_uint_eq(content_of(play, "h").signed_s, 4710);
	updated(play, "a signed:4711", WEB_MOVED);
	stale(play, "a signed:4710", WEB_MOVED);
	play_free(play);
}
END_TEST

/* Ours was an hour ahead for a while, in which leases ran out. */
START_TEST(a_clock_that_was_wrong_shuts_nobody_out)
{
	struct play *play = play_new();

	updated(play, "a signed:1000 lease:60", REGISTER_WEB);
	play->time_s = 4600;
	expire(play, "web._http._tcp h");
	play->time_s = 1001;
	updated(play, "a signed:1001 lease:60", REGISTER_WEB);
	/* A second back is not an hour. */
	play->time_s = 1100;
	updated(play, "a signed:1100 lease:60", WEB_MOVED);
	play->time_s = 1099;
	stale(play, "a signed:1099 lease:60", WEB_MOVED);
	play_free(play);
}
END_TEST

START_TEST(nothing_withdrawn_comes_back_for_600_s)
{
	static const char *const ways[] = {
		WEB_GONE,
		"del web._http._tcp\ndel h\n",
		"del web._http._tcp SRV\ndel h A 192.0.2.1\n",
	};

	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		struct play *play = play_new();

		updated(play, "a signed:1000",
			"add web._http._tcp 60 SRV 0 0 80 h\nadd h 60 A 192.0.2.1\n");
		play->time_s = 1010;
		updated(play, "a signed:1010", ways[i]);
		ck_assert(!is_there(play, "h"));
		stale(play, "a signed:1009", "add web._http._tcp 60 SRV 0 0 80 h\n");
		stale(play, "a signed:1009", "add h 60 A 192.0.2.1\n");
		play->time_s = 1609;
		stale(play, "a signed:1009", REGISTER_WEB);
		play->time_s = 1610;
		updated(play, "a signed:1009", REGISTER_WEB);
		play_free(play);
	}
}
END_TEST

START_TEST(a_lease_of_0_withdraws_too)
{
	struct play *play = play_at_1050();

	updated(play, "a signed:1000 lease:60", REGISTER_WEB);
	updated(play, "a signed:1005 lease:0", REGISTER_WEB);
	ck_assert(!is_there(play, "web._http._tcp"));
	stale(play, "a signed:1000 lease:60", REGISTER_WEB);
	updated(play, "a signed:1005 lease:60", REGISTER_WEB);
	play_free(play);
}
END_TEST

START_TEST(a_key_lease_keeps_the_mark_as_long)
{
	struct play *play = play_new();

	updated(play, "a signed:1000 lease:60 key-lease:7200", REGISTER_WEB);
	play->time_s = 1010;
	updated(play, "a signed:1010", WEB_GONE);
	play->time_s = 1010 + 7199;
	stale(play, "a signed:1009", REGISTER_WEB);
	play->time_s = 1010 + 7200;
	updated(play, "a signed:1009", REGISTER_WEB);
	play_free(play);
}
END_TEST

START_TEST(a_key_lease_keeps_the_name_for_its_key)
{
	struct play *play = play_new();

	updated(play, "a signed:1000 lease:60 key-lease:7200", REGISTER_WEB);
	play->time_s = 1200;
	expire(play, "web._http._tcp h");
	ck_assert(!is_there(play, "web._http._tcp"));
	refused(play, "b signed:1200 lease:60", REGISTER_WEB,
		"is kept for the key that had it, for 7200 s");
	refused(play, "net lease:60", "add h 60 A 192.0.2.1\n", "is kept for the key that had it");
	refused(play, "b signed:1200", "del h\n", "is kept");
	play->time_s = 1200 + 7199;
	refused(play, "b signed:8399 lease:60", REGISTER_WEB, "for 1 s");
	updated(play, "a signed:8399 lease:60 key-lease:7200", REGISTER_WEB);
	/* A withdrawal that says nothing of leases gives no name up. */
	updated(play, "a signed:8400", WEB_GONE);
	refused(play, "b signed:8400 lease:60", REGISTER_WEB, "is kept");
	play->time_s = 8399 + 7200;
	updated(play, "b signed:15599 lease:60", REGISTER_WEB);
	play_free(play);
}
END_TEST

START_TEST(names_that_are_given_up_are_free)
{
	static const struct {
		const char *who; /* the last to say something of them */
		bool is_kept;
	} cases[] = {
		{"a signed:1010 lease:0 key-lease:0", false},
		{"a signed:1010 lease:0", false},
		{"a signed:1010 lease:0 key-lease:7200", true},
		{"operator signed:1010 takeover", true},
		{"b signed:1010 takeover", false},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct play *play = play_at_1050();
		const bool is_other = cases[i].who[0] == 'b';

		updated(play, "a signed:1000 lease:60 key-lease:7200", REGISTER_WEB);
		updated(play, cases[i].who, is_other ? REGISTER_WEB : WEB_GONE);
		if (is_other) {
			updated(play, "b signed:1011", WEB_GONE);
		}
		if (cases[i].is_kept) {
			refused(play, "b signed:1040 lease:60", REGISTER_WEB, "is kept");
			updated(play, "b signed:1040 lease:60 takeover", REGISTER_WEB);
		} else {
			updated(play, "b signed:1040 lease:60", REGISTER_WEB);
		}
		play_free(play);
	}
}
END_TEST

START_TEST(what_an_operator_removes_or_no_key_lease_keeps_is_free)
{
	struct play *play = play_at_1050();

	updated(play, "a signed:1000 lease:60 key-lease:7200", REGISTER_WEB);
	updated(play, "a signed:1010", WEB_GONE);
	refused(play, "b signed:1040 lease:60", REGISTER_WEB, "is kept");
	/* The key is lost. */
	ck_assert_uint_eq(say_of(play, OPERATOR_REMOVE, "web._http._tcp"), DNS_RCODE_NOERROR);
	ck_assert(play->result.is_change);
	ck_assert_uint_eq(say_of(play, OPERATOR_REMOVE, "h"), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(say_of(play, OPERATOR_REMOVE, "h"), DNS_RCODE_NXDOMAIN);
	updated(play, "b signed:1040 lease:60", REGISTER_WEB);
	updated(play, "b signed:1041 lease:0", REGISTER_WEB);
	stale(play, "a signed:1009 lease:60", REGISTER_WEB);
	play_free(play);
	play = play_at_1050();

	updated(play, "a signed:1000 lease:60 key-lease:7200", REGISTER_WEB);
	ck_assert_uint_eq(say_of(play, OPERATOR_REMOVE, "web._http._tcp"), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(say_of(play, OPERATOR_REMOVE, "h"), DNS_RCODE_NOERROR);
	updated(play, "b signed:1040 lease:60", REGISTER_WEB);
	play->time_s = 1200;
	expire(play, "web._http._tcp h");
	updated(play, "a signed:1200 lease:60", REGISTER_WEB);
	play_free(play);
}
END_TEST

/* Heartbeats are not in the log, so the end of a lease stands for the last of them. */
START_TEST(what_a_dead_provider_sent_does_not_raise_it)
{
	struct play *play = play_new();

	updated(play, "a signed:1000 lease:60", REGISTER_WEB);
	play->time_s = 1200;
	expire(play, "web._http._tcp h");
	ck_assert(!is_there(play, "h"));
	stale(play, "a signed:1140 lease:60", REGISTER_WEB); /* the last one that was heard */
	/* The provider itself, whose clock is 25 s behind. */
	updated(play, "a signed:1175 lease:60", REGISTER_WEB);
	play_free(play);
}
END_TEST

START_TEST(a_host_that_goes_with_its_instance_stays_away)
{
	struct play *play = play_new();

	updated(play, "a signed:1000 lease:60", REGISTER_WEB);
	expire(play, "h"); /* kept: an instance points to it */
	ck_assert(is_there(play, "h"));
	play->time_s = 1100;
	updated(play, "a signed:1100", "del web._http._tcp\n");
	ck_assert(!is_there(play, "h"));
	stale(play, "a signed:1099 lease:60", "add h 60 A 192.0.2.1\n");
	play_free(play);
}
END_TEST

START_TEST(a_mark_is_for_its_key_alone)
{
	struct play *play = play_at_1050();

	updated(play, "a signed:1000", REGISTER_WEB);
	updated(play, "a signed:1010", WEB_GONE);
	/* Of b nothing is known, and what is not signed by a key has no signing time. */
	updated(play, "b signed:900", REGISTER_WEB);
	refused(play, "a signed:1000", REGISTER_WEB, "key b.");
	updated(play, "b signed:1020", WEB_GONE);
	stale(play, "a signed:1009", REGISTER_WEB);
	stale(play, "b signed:1019", REGISTER_WEB);
	updated(play, "net signed:900", REGISTER_WEB);
	updated(play, "net signed:800", WEB_MOVED);
	updated(play, "net signed:700", WEB_GONE);
	stale(play, "a signed:1009", REGISTER_WEB);
	play_free(play);
}
END_TEST

START_TEST(what_was_taken_over_is_not_taken_back_by_a_replay)
{
	struct play *play = play_at_1050();

	updated(play, "a signed:1000 takeover", REGISTER_WEB);
	updated(play, "b signed:1010 takeover", "add h 60 A 192.0.2.2\n");
	stale(play, "a signed:1000 takeover", "add h 60 A 192.0.2.1\n");
	updated(play, "a signed:1011 takeover", "add h 60 A 192.0.2.1\n");
	stale(play, "b signed:1010 takeover", "add h 60 A 192.0.2.2\n");
	play_free(play);
}
END_TEST

START_TEST(an_operators_command_counts_against_the_owners_key)
{
	struct play *play = play_new();

	updated(play, "a signed:1000", REGISTER_WEB);
	play->time_s = 1010;
	updated(play, "operator signed:1010 takeover", WEB_GONE);
	stale(play, "a signed:1009", REGISTER_WEB);
	updated(play, "a signed:1010", REGISTER_WEB);
	play_free(play);
}
END_TEST

START_TEST(what_an_operator_removed_stays_away)
{
	struct play *play = play_new();

	updated(play, "a signed:1000 lease:60", REGISTER_WEB);
	expire(play, "h"); /* kept by its instance */
	play->time_s = 1010;
	ck_assert_uint_eq(say_of(play, OPERATOR_REMOVE, "web._http._tcp"), DNS_RCODE_NOERROR);
	ck_assert(!is_there(play, "h"));
	stale(play, "a signed:1009", "add web._http._tcp 60 SRV 0 0 80 h\n");
	stale(play, "a signed:1009", "add h 60 A 192.0.2.1\n");
	updated(play, "a signed:1010 lease:60", REGISTER_WEB);
	play_free(play);
}
END_TEST

START_TEST(shared_names_have_no_mark)
{
	struct play *play = play_new();

	updated(play, "a signed:1000", "add _http._tcp 60 TXT \"x\"\nadd @ 60 TXT \"x\"\n");
	updated(play, "a signed:900", "add _http._tcp 60 TXT \"y\"\nadd @ 60 TXT \"y\"\n");
	updated(play, "a signed:800", "del _http._tcp TXT\ndel @ TXT\n");
	updated(play, "a signed:700", "add _http._tcp 60 TXT \"y\"\nadd @ 60 TXT \"y\"\n");
	play_free(play);
}
END_TEST

START_TEST(prerequisites_alone_have_no_time)
{
	struct play *play = play_new();

	updated(play, "a signed:1000", REGISTER_WEB);
	ck_assert_uint_eq(evaluate(play, "a signed:900", "used h\n"), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(evaluate(play, "a signed:900", "unused h\ndel h\n"), DNS_RCODE_YXDOMAIN);
	play_free(play);
}
END_TEST

/* The root of before has the marks of before; an abort has left none. */
START_TEST(marks_are_part_of_a_version)
{
	struct play *play = play_new();

	updated(play, "a signed:1000", REGISTER_WEB);
	stage_begin(&play->stage);
	write_update(play, "a signed:1010", WEB_GONE);
	ck_assert_uint_eq(apply(play), DNS_RCODE_NOERROR);
	const struct owner a = owner_named("a");
	const struct zone *draft = root_zone(root_draft(play->stage.writer), stage_apex);
	/* The batch came at 1000, which is earlier. */
	ck_assert_uint_eq(zone_mark(draft, wire("h"), &a, 1000), 1000);
	ck_assert_uint_eq(zone_mark(draft, wire("H"), &a, 1599), 1000);
	ck_assert_uint_eq(zone_mark(draft, wire("h"), &a, 1600), 0);
	ck_assert_uint_eq(zone_mark(root_zone(play->stage.root, stage_apex), wire("h"), &a, 1000),
			  0);
	root_abort(play->stage.writer);
	play->stage.writer = NULL;
	arena_reset(&play->arena);
	ck_assert_uint_eq(zone_mark(stage_zone(&play->stage), wire("h"), &a, 1000), 0);
	play_free(play);
}
END_TEST

static int count_mark(void *context, const struct zone_mark *mark)
{
	size_t *counts = context;

	counts[0]++;
	counts[1] += mark->until_s <= 1100;
	return OK;
}

/* 65,536 places of 16 marks: more than that of one place push out the oldest; time empties them. */
START_TEST(marks_are_bounded)
{
	struct play *play = play_new();
	size_t counts[2] = {0};

	stage_begin(&play->stage);
	for (uint64_t i = 0; i < 100; i++) {
		const struct zone_mark mark = {
			.hash = i, .signed_s = 1000, .until_s = 1001 + i * 37 % 100};
		must(zone_load_mark(play->stage.writer, stage_apex, &mark));
	}
	stage_commit(&play->stage);
	must(zone_walk_marks(stage_zone(&play->stage), count_mark, counts));
	ck_assert_uint_eq(counts[0], 16);
	/* Those that stay longest: 1085 to 1100, but for the last that came. */
	ck_assert_uint_eq(counts[1], 16);
	play_free(play);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		nothing_that_changed_goes_back,
		one_of_the_same_second_passes,
		a_clock_ahead_shuts_nobody_out,
		a_clock_behind_is_kept_as_it_is,
		a_clock_that_was_wrong_shuts_nobody_out,
		nothing_withdrawn_comes_back_for_600_s,
		a_lease_of_0_withdraws_too,
		a_key_lease_keeps_the_mark_as_long,
		a_key_lease_keeps_the_name_for_its_key,
		names_that_are_given_up_are_free,
		what_an_operator_removes_or_no_key_lease_keeps_is_free,
		what_a_dead_provider_sent_does_not_raise_it,
		a_host_that_goes_with_its_instance_stays_away,
		a_mark_is_for_its_key_alone,
		what_was_taken_over_is_not_taken_back_by_a_replay,
		an_operators_command_counts_against_the_owners_key,
		what_an_operator_removed_stays_away,
		shared_names_have_no_mark,
		prerequisites_alone_have_no_time,
		marks_are_part_of_a_version,
		marks_are_bounded,
	};

	return run_tests("registry/replay", tests, COUNT_OF(tests));
}
