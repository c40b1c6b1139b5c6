/*
 * Whose a name is (design section 7): each kind of owner against each, with and without the right
 * to take over. A refusal names the kind of the owner there, and its key.
 */
#include "tests/unit/registry/script.h"

struct side {
	const char *who;
	const char *named; /* in a refusal */
};

static const struct side owners[] = {
	{"base", "base file"},
	{"a", "is registered by key a."},
	{"b", "is registered by key b."},
	{"net", "is registered by net"},
	{"operator", "is registered by operator"},
};

/* Of an instance, its PTR and its host: what each says of them, and what changes then. */
static const struct {
	const char *lines;
	bool is_addition; /* by which a name changes hands */
} ways[] = {
	{"add web._http._tcp 60 TXT \"mine\"\n", true},
	{"add _red._sub._http._tcp 60 PTR web._http._tcp\n", true},
	{"del web._http._tcp SRV 0 0 80 h\nadd web._http._tcp 60 SRV 0 0 81 h\n", true},
	{"del web._http._tcp TXT\n", false},
	{"del web._http._tcp\n", false},
	{"del _http._tcp PTR web._http._tcp\n", false},
	{"add h 60 A 192.0.2.2\n", true},
	{"del h A 192.0.2.1\n", false},
	{"del h\n", false},
};

/* A zone in which `owner` has an instance and its host. */
static struct play *play_with(const struct side *owner)
{
	const struct zone_shape shape = stage_shape();

	if (strcmp(owner->who, "base") == 0) {
		return play_new_with(&shape, "_http._tcp 60 PTR web._http._tcp\n"
					     "web._http._tcp 60 SRV 0 0 80 h\n"
					     "web._http._tcp 60 TXT \"x\"\n"
					     "h 60 A 192.0.2.1\n");
	}
	struct play *play = play_new();
	updated(play, owner->who,
		"add _http._tcp 60 PTR web._http._tcp\nadd web._http._tcp 60 SRV 0 0 80 h\n"
		"add web._http._tcp 60 TXT \"x\"\nadd h 60 A 192.0.2.1\n");
	return play;
}

/* How many names of the plan were taken over. */
static size_t taken(const struct play *play, const struct side *from)
{
	size_t count = 0;

	for (size_t i = 0; i < play->plan.count; i++) {
		const struct plan_name *name = &play->plan.names[i];
		struct content before;
		char text[DNS_NAME_TEXT_MAX + 8];

		if (name->is_takeover) {
			node_content(name->old, &before, NULL, 0);
			ck_assert_ptr_nonnull(strstr(from->named, owner_text(text, &before.owner)));
			count++;
		}
	}
	return count;
}

/* `by` does what it likes with a name of `from`. */
static void check_pair(const struct side *from, const struct side *by, bool has_right)
{
	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		struct play *play = play_with(from);
		const bool is_own = strcmp(from->who, by->who) == 0;
		const bool is_base = strcmp(from->who, "base") == 0;
		const bool is_host = strstr(ways[i].lines, " h") == ways[i].lines + 3;
		char who[40];

		snprintf(who, sizeof(who), "%s%s", by->who, has_right ? " takeover" : "");
		if (is_base || (!is_own && !has_right)) {
			refused(play, who, ways[i].lines, from->named);
			ck_assert_uint_eq(play->result.ede, DNS_EDE_PROHIBITED);
			play_free(play);
			continue;
		}
		ck_assert_uint_eq(evaluate(play, who, ways[i].lines), DNS_RCODE_NOERROR);
		ck_assert_uint_eq(taken(play, from), is_own ? 0 : 1);
		updated(play, who, ways[i].lines);
		/* What was added to is theirs now; what was taken from stays the owner's. */
		const char *name = is_host ? "h" : "web._http._tcp";
		if (is_there(play, name)) {
			const struct owner is = content_of(play, name).owner;
			const struct owner wanted =
				owner_named(ways[i].is_addition ? by->who : from->who);
			ck_assert_msg(owner_equal(&is, &wanted), "%s of %s by %s", ways[i].lines,
				      from->who, who);
		}
		play_free(play);
	}
}

START_TEST(each_kind_of_owner_against_each)
{
	for (size_t from = 0; from < COUNT_OF(owners); from++) {
		for (size_t by = 1; by < COUNT_OF(owners); by++) {
			check_pair(&owners[from], &owners[by], false);
			check_pair(&owners[from], &owners[by], true);
		}
	}
}
END_TEST

/* A name is free once its last record has gone, and a waiting PTR is a hold on it. */
START_TEST(a_name_belongs_to_its_owner_from_first_to_last)
{
	struct play *play = play_new();

	updated(play, "a", "add _http._tcp 60 PTR web._http._tcp\n");
	refused(play, "b", "add web._http._tcp 60 SRV 0 0 80 h\n", "key a.");
	updated(play, "a", "add web._http._tcp 60 SRV 0 0 80 h\n");
	updated(play, "a", "del web._http._tcp\n");
	refused(play, "b", "add web._http._tcp 60 SRV 0 0 80 h\n", "key a.");
	updated(play, "a", "del _http._tcp PTR web._http._tcp\n");
	updated(play, "b", "add web._http._tcp 60 SRV 0 0 80 h\n");
	play_free(play);
}
END_TEST

/* One name of another owner refuses the whole message, whatever else is in it. */
START_TEST(a_message_is_taken_whole)
{
	struct play *play = play_new();

	updated(play, "a", "add h 60 A 192.0.2.1\n");
	refused(play, "b", "add i 60 A 192.0.2.1\nadd h 60 A 192.0.2.2\n", "key a.");
	ck_assert(!is_there(play, "i"));
	play_free(play);
}
END_TEST

/* An operator's registration is as anybody's to UPDATE; its commands win (test_operator.c). */
START_TEST(what_is_taken_over_has_the_lease_of_who_took_it)
{
	struct play *play = play_new();

	updated(play, "a lease:60", "add h 60 A 192.0.2.1\n");
	updated(play, "b takeover lease:90", "add h 60 A 192.0.2.2\n");
	ck_assert_uint_eq(content_of(play, "h").lease_s, 90);
	updated(play, "net takeover", "add h 60 A 192.0.2.3\n");
	ck_assert_uint_eq(content_of(play, "h").lease_s, 0);
	/* Nor is the name kept any longer than its new owner asked for. */
	updated(play, "a lease:60 key-lease:7200", "add i 60 A 192.0.2.1\n");
	updated(play, "b takeover", "add i 60 A 192.0.2.2\n");
	ck_assert_uint_eq(content_of(play, "i").key_lease_s, 0);
	updated(play, "b", "del i\n");
	updated(play, "net", "add i 60 A 192.0.2.3\n");
	play_free(play);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		each_kind_of_owner_against_each,
		a_name_belongs_to_its_owner_from_first_to_last,
		a_message_is_taken_whole,
		what_is_taken_over_has_the_lease_of_who_took_it,
	};

	return run_tests("registry/owner", tests, COUNT_OF(tests));
}
