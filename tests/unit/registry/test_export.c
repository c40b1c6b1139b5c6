/* A zone as text and back; what an import does to a zone; texts and commands that are broken. */
#include "registry/text.h"

#include <string.h>

#include "registry/inside.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/registry/script.h"

#define BASE "@ 300 NS ns\n_http._tcp 10 PTR fixed._http._tcp\nfixed._http._tcp 60 SRV 0 0 80 ns\n"

/* The text of the zone, the serial apart; free it. */
static char *exported(const struct play *play)
{
	struct export *export;
	char *text = NULL;
	size_t size = 0;
	bool is_over = false;
	FILE *stream = open_memstream(&text, &size);

	must(export_new(&export, stage_zone(&play->stage)));
	while (!is_over) {
		must(export_piece(export, stream, (size_t)ftell(stream) + 100, &is_over));
	}
	export_free(export);
	fclose(stream);
	return text;
}

static char *without_serial(char *text)
{
	char *at = strstr(text, "serial=") + 7;

	memset(at, 'N', strspn(at, "0123456789"));
	at = strstr(text, " SOA ");
	for (int i = 0; i < 4; i++) {
		at = strchr(at + 1, ' ');
	}
	memset(at + 1, 'N', strspn(at + 1, "0123456789"));
	return text;
}

static void expect_export(const struct play *play, const char *text)
{
	char *wanted = without_serial(strdup(text));
	char *got = without_serial(exported(play));

	/* The serials may differ in length. */
	ck_assert_str_eq(strstr(got, "\n;: name"), strstr(wanted, "\n;: name"));
	free(wanted);
	free(got);
}

static int read_text(struct play *play, const char *text, bool is_replace,
		     struct import_result *result)
{
	const struct import_options options = {
		.root = play->stage.root, .path = "f", .is_replace = is_replace};
	uint8_t *command = NULL;
	const int ret = import_read(&command, &play->size, &options, text, strlen(text), result);

	if (ret == OK) {
		ck_assert_uint_le(play->size, sizeof(play->command));
		memcpy(play->command, command, play->size);
		free(command);
	}
	return ret;
}

static struct play *some_play(void)
{
	const struct zone_shape shape = stage_shape();
	struct play *play = play_new_with(&shape, BASE);

	updated(play, "a lease:60 key-lease:90",
		"add _http._tcp 60 PTR Web._http._tcp\n"
		"add Web._http._tcp 60 SRV 0 0 80 h\n"
		"add Web._http._tcp 60 TXT \"a\\\"b\" \"\\000\"\n"
		"add _red._sub._http._tcp 60 PTR web._http._tcp\n"
		"add h 60 A 192.0.2.1\n");
	updated(play, "b hold",
		"add _http._tcp 60 PTR db._http._tcp\n"
		"add db._http._tcp 60 SRV 0 0 81 h2\n");
	updated(play, "net lease:60", "add @ 60 TXT leased\nadd _x._tcp 60 PTR early._x._tcp\n");
	updated(play, "net", "add @ 60 TXT stays\nadd alone._http._tcp 60 SRV 0 0 82 h\n");
	expire(play, "h");
	updated(play, "a", "add gone 60 A 192.0.2.3\n");
	updated(play, "a", "del gone\n");
	return play;
}

START_TEST(what_is_exported_is_imported_as_it_was)
{
	const struct zone_shape shape = stage_shape();
	struct play *play = some_play();
	struct play *other = play_new_with(&shape, BASE);
	char *text = exported(play);
	struct import_result result;
	static struct sorted one;
	static struct sorted two;

	ck_assert_msg(read_text(other, text, false, &result) == OK, "%s", result.error);
	ck_assert_str_eq(result.zone, "z.");
	const uint32_t serial = serial_of(other);
	ck_assert_uint_eq(apply(other), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(serial_of(other),
			  (serial > serial_of(play) ? serial : serial_of(play)) + (1u << 24));
	expect_export(other, text);
	sorted_zone(&one, stage_zone(&play->stage));
	sorted_zone(&two, stage_zone(&other->stage));
	expect_sorted(&two, &one, "what is answered");
	ck_assert_uint_eq(version_of(other, "web._http._tcp"), other->version);
	ck_assert_ptr_nonnull(node_lease(zone_entry(stage_zone(&other->stage), wire("h"))));
	/* Once more, in place of itself and of what came since. */
	updated(other, "net", "add new 60 A 192.0.2.9\n");
	ck_assert_int_eq(read_text(other, text, false, &result), ERR_CONF);
	ck_assert_ptr_nonnull(strstr(result.error, "--replace"));
	ck_assert_int_eq(read_text(other, text, true, &result), OK);
	ck_assert_uint_eq(apply(other), DNS_RCODE_NOERROR);
	expect_export(other, text);
	ck_assert(!is_there(other, "new"));
	/* Nothing that went comes back by a message from before. */
	const struct owner a = owner_named("a");
	updated(other, "a", "add new 60 A 192.0.2.9\n");
	ck_assert_int_eq(read_text(other, text, true, &result), OK);
	ck_assert_uint_eq(apply(other), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(zone_mark(stage_zone(&other->stage), wire("gone"), &a, 1001), 1000);
	ck_assert_uint_eq(zone_mark(stage_zone(&other->stage), wire("new"), &a, 1001), 1000);
	free(text);
	play_free(other);
	play_free(play);
}
END_TEST

START_TEST(a_zone_that_changed_meanwhile_is_judged_when_the_turn_comes)
{
	const struct zone_shape shape = stage_shape();
	struct play *play = some_play();
	struct play *other = play_new_with(&shape, BASE);
	char *text = exported(play);
	struct import_result result;
	static uint8_t command[SCRIPT_MAX];

	ck_assert_int_eq(read_text(other, text, false, &result), OK);
	const size_t size = other->size;
	memcpy(command, other->command, size);
	updated(other, "a", "add new 60 A 192.0.2.9\n");
	memcpy(other->command, command, size);
	other->size = size;
	ck_assert_uint_eq(apply(other), DNS_RCODE_REFUSED);
	ck_assert_ptr_nonnull(strstr(other->result.ede_text, "are to stay"));
	ck_assert(is_there(other, "new") && !is_there(other, "web._http._tcp"));
	based(other, &shape, 1, BASE "h 60 A 192.0.2.7\n");
	command[1] = 1; /* replace */
	memcpy(other->command, command, size);
	other->size = size;
	ck_assert_uint_eq(apply(other), DNS_RCODE_REFUSED);
	ck_assert_ptr_nonnull(strstr(other->result.ede_text, "h.z. is the base file's"));
	struct zone_shape reserved = shape;
	memcpy(reserved.pool_label, "\1h", 2);
	based(other, &reserved, 1, BASE);
	memcpy(other->command, command, size);
	other->size = size;
	ck_assert_uint_eq(apply(other), DNS_RCODE_REFUSED);
	ck_assert_ptr_nonnull(strstr(other->result.ede_text, "h.z. is reserved"));
	ck_assert(is_there(other, "new"));
	free(text);
	play_free(other);
	play_free(play);
}
END_TEST

/* The same log gives the same zone: memory has no say in it. */
START_TEST(whether_there_are_registrations_needs_no_memory)
{
	const struct zone_shape shape = stage_shape();
	struct play *play = play_new_with(&shape, BASE "_http._tcp 10 TXT base\n@ 60 TXT base\n");

	fail_alloc_after(0);
	const bool had = zone_has_registrations(stage_zone(&play->stage));
	fail_alloc_off();
	updated(play, "net", "add @ 60 TXT more\n");
	fail_alloc_after(0);
	const bool has = zone_has_registrations(stage_zone(&play->stage));
	fail_alloc_off();
	ck_assert(!had);
	ck_assert(has);
	play_free(play);
}
END_TEST

START_TEST(a_damaged_command_is_found_wherever_it_ends)
{
	const struct zone_shape shape = stage_shape();
	struct play *play = some_play();
	struct play *other = play_new_with(&shape, BASE);
	char *text = exported(play);
	struct import_result result;

	ck_assert_int_eq(read_text(other, text, false, &result), OK);
	const size_t size = other->size;
	for (size_t cut = 0; cut < size; cut++) {
		batch_begin(other);
		ck_assert_int_eq(registry_apply(other->stage.writer, other->command, cut, 9, 1000,
						&other->arena, &other->result, &other->plan),
				 ERR_DAMAGED);
		root_abort(other->stage.writer);
		other->stage.writer = NULL;
		arena_reset(&other->arena);
	}
	free(text);
	play_free(other);
	play_free(play);
}
END_TEST

START_TEST(a_text_that_is_cut_or_changed_anywhere_does_no_harm)
{
	const struct zone_shape shape = stage_shape();
	struct play *play = some_play();
	struct play *other = play_new_with(&shape, BASE);
	char *text = exported(play);
	struct import_result result;

	for (size_t cut = strlen(text) - 1; cut > 0; cut--) {
		const char kept = text[cut];

		text[cut] = ';';
		const int ret = read_text(other, text, false, &result);
		ck_assert(ret == OK || (ret == ERR_CONF && strncmp(result.error, "f:", 2) == 0));
		text[cut] = '\0';
		/* The last newline may be missing. */
		ck_assert(read_text(other, text, false, &result) == ERR_CONF ||
			  text[cut - 1] != '\n');
		text[cut] = kept;
	}
	free(text);
	play_free(other);
	play_free(play);
}
END_TEST

START_TEST(a_text_without_a_zone_is_refused)
{
	static const char *const texts[] = {
		"",
		";: end names=0\n",
		";: waggle-export 1\n;: end names=0\n",
		"h.z. 60 IN A 1.2.3.4\n",
		";: mark 0123456789abcdef signed=2026-11-24T00:55:17Z until=2026-11-24T00:55:17Z\n",
		";: name h.z. owner=net\n",
		";: leased\n",
		";:\n",
	};
	struct play *play = play_new();
	struct import_result result;

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		ck_assert_int_eq(read_text(play, texts[i], false, &result), ERR_CONF);
		ck_assert_str_ne(result.error, "");
	}
	play_free(play);
}
END_TEST

START_TEST(an_instance_of_an_import_has_a_subtype_once)
{
	struct play *play = play_new();
	struct import_result result;

	ck_assert_int_eq(
		read_text(play,
			  ";: waggle-export 1\n"
			  ";: zone z. serial=17 ring=73746167652072696e67206b65790000\n"
			  ";: name web._http._tcp.z. owner=net registered=2026-11-24T00:55:17Z\n"
			  "_red._sub._http._tcp.z. 10 IN PTR web._http._tcp.z.\n"
			  "_blue._sub._http._tcp.z. 10 IN PTR web._http._tcp.z.\n"
			  "_RED._sub._http._tcp.z. 10 IN PTR web._http._tcp.z.\n"
			  "web._http._tcp.z. 60 IN SRV 0 0 80 h.z.\n"
			  ";: end names=1\n",
			  false, &result),
		ERR_CONF);
	ck_assert_str_eq(result.error, "f:6: this record was there before");
	play_free(play);
}
END_TEST

START_TEST(a_name_of_an_import_has_as_many_records_as_an_update_may_give_it)
{
	struct play *play = play_new();
	struct import_result result;
	char *text = NULL;
	size_t size = 0;
	FILE *stream = open_memstream(&text, &size);

	fputs(";: waggle-export 1\n"
	      ";: zone z. serial=17 ring=73746167652072696e67206b65790000\n"
	      ";: name h.z. owner=net registered=2026-11-24T00:55:17Z\n",
	      stream);
	for (unsigned i = 0; i <= 1000; i++) {
		fprintf(stream, "h.z. 60 IN TXT \"%u\"\n", i);
	}
	fputs(";: end names=1\n", stream);
	fclose(stream);
	ck_assert_int_eq(read_text(play, text, false, &result), ERR_CONF);
	ck_assert_str_eq(result.error, "f:1004: more records than a name may have, 1000");
	/* The last one as a comment: it is one too many. */
	strstr(text, "h.z. 60 IN TXT \"1000\"")[0] = ';';
	ck_assert_int_eq(read_text(play, text, false, &result), OK);
	ck_assert_uint_eq(apply(play), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(set_count(&play->stage, "h", DNS_TYPE_TXT), 1000);
	free(text);
	play_free(play);
}
END_TEST

/* Lines of hexadecimal are longer than others and are not read as those are; no others may be. */
START_TEST(a_long_line_is_a_zone_files_unless_it_is_hexadecimal)
{
	static char text[100000];
	const struct zone_shape shape = stage_shape();
	struct play *play = some_play();
	struct play *other = play_new_with(&shape, BASE);
	char *whole = exported(play);
	const size_t head = (size_t)(strstr(whole, ";: end") - whole);
	struct import_result result;

	memcpy(text, whole, head);
	char *at = stpcpy(text + head, "h.z. 60 IN TXT ");
	memset(at, 'a', 40000);
	stpcpy(at + 40000, " \\# a\\\n");
	ck_assert_int_eq(read_text(other, text, false, &result), ERR_CONF);
	ck_assert_ptr_nonnull(strstr(result.error, "a backslash at the end of the line"));
	free(whole);
	play_free(other);
	play_free(play);
}
END_TEST

START_TEST(any_failed_allocation_is_reported)
{
	const struct zone_shape shape = stage_shape();
	struct play *play = some_play();
	struct play *other = play_new_with(&shape, BASE);
	char *text = exported(play);
	struct import_result result;
	bool has_hit = true;

	for (unsigned n = 0; has_hit; n++) {
		const struct import_options options = {.root = other->stage.root, .path = "f"};
		uint8_t *command = NULL;
		size_t size = 0;

		fail_alloc_after(n);
		const int ret = import_read(&command, &size, &options, text, strlen(text), &result);
		fail_alloc_off();
		has_hit = fail_alloc_hit();
		/* A reader of text may say that it cannot read this. */
		ck_assert(has_hit ? ret == ERR_NOMEM || ret == ERR_CONF : ret == OK);
		free(command);
	}
	free(text);
	play_free(other);
	play_free(play);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_is_exported_is_imported_as_it_was,
		a_zone_that_changed_meanwhile_is_judged_when_the_turn_comes,
		whether_there_are_registrations_needs_no_memory,
		a_damaged_command_is_found_wherever_it_ends,
		a_text_that_is_cut_or_changed_anywhere_does_no_harm,
		a_text_without_a_zone_is_refused,
		an_instance_of_an_import_has_a_subtype_once,
		a_name_of_an_import_has_as_many_records_as_an_update_may_give_it,
		a_long_line_is_a_zone_files_unless_it_is_hexadecimal,
		any_failed_allocation_is_reported,
	};

	return run_tests("export", tests, COUNT_OF(tests));
}
