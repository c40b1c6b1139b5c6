#include "zone/source.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"
#include "zone/text.h"

static const uint8_t apex[] = "\6static\7example";

#define HEAD "$TTL 5\n@ SOA ns1 host 7 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.53\n" /* four lines */

/* ---- a directory with files -------------------------------------------------------------- */

static char directory[] = "/tmp/waggle-source-XXXXXX";

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	ck_assert_int_eq(mkdir(path_of("sub"), 0700), 0);
}

static void teardown(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", directory);
	ck_assert_int_eq(system(command), 0);
	memcpy(directory + sizeof(directory) - 7, "XXXXXX", 6);
}

/* ---- what is read ------------------------------------------------------------------------ */

struct seen {
	char text[4096]; /* "NAME TTL;" of each record behind those of HEAD */
	char warnings[4096]; /* without the directory, a line each */
	int count;
};

static int see(void *context, const uint8_t *name, uint16_t type, uint32_t ttl,
	       const uint8_t *rdata, uint16_t size)
{
	struct seen *seen = context;
	const size_t at = strlen(seen->text);
	char owner[DNS_NAME_TEXT_MAX];

	(void)type;
	(void)rdata;
	(void)size;
	if (seen->count++ >= 3) {
		snprintf(seen->text + at, sizeof(seen->text) - at, "%s %u;",
			 dns_name_to_text(owner, name), ttl);
	}
	return OK;
}

static void hear(void *context, const char *text)
{
	struct seen *seen = context;
	const size_t at = strlen(seen->warnings);
	const char *slash = strstr(text, directory);

	text = slash == NULL ? text : slash + strlen(directory) + 1;
	snprintf(seen->warnings + at, sizeof(seen->warnings) - at, "%s\n", text);
}

static int load_as(int is_base, struct seen *seen, struct text_error *error)
{
	const struct text_sink sink = {.record = see, .warning = hear, .context = seen};

	*seen = (struct seen){.count = 0};
	return text_load(path_of("zone"), apex, is_base, &sink, error);
}

static int load(struct seen *seen, struct text_error *error)
{
	return load_as(0, seen, error);
}

static void expect(const char *records)
{
	struct text_error error;
	struct seen seen;

	ck_assert_msg(load(&seen, &error) == OK, "%s", error.text);
	ck_assert_str_eq(seen.text, records);
}

/* `what` of FILE:LINE: WHAT; a path in it stands as DIR. */
static void expect_error(const char *what)
{
	char expected[600];
	struct text_error error;
	struct seen seen;

	snprintf(expected, sizeof(expected), "%s/%s", directory, what);
	ck_assert_int_eq(load(&seen, &error), ERR_CONF);
	ck_assert_msg(strncmp(error.text, expected, strlen(expected)) == 0, "%s", error.text);
	ck_assert_int_eq(seen.count, 0);
}

START_TEST(an_included_file_has_its_own_origin_and_owner)
{
	put("zone", HEAD "a A 192.0.2.1\n$INCLUDE sub/one b\n A 192.0.2.2\nc A 192.0.2.3\n"
			 "$INCLUDE sub/two\nd A 192.0.2.4\n");
	put("sub/one",
	    "x A 192.0.2.1\n$ORIGIN deep\n@ A 192.0.2.1\n$INCLUDE two e.static.example.");
	put("sub/two", "t A 192.0.2.9\n");
	expect("a.static.example. 5;x.b.static.example. 5;deep.b.static.example. 5;"
	       "t.e.static.example. 5;a.static.example. 5;c.static.example. 5;"
	       "t.static.example. 5;d.static.example. 5;");
}
END_TEST

START_TEST(a_ttl_holds_for_all_that_comes_after_it)
{
	put("zone", HEAD "$INCLUDE one\na A 192.0.2.1\n"); /* RFC 2308 4 */
	put("one", "$TTL 1h\nb A 192.0.2.1\n");
	expect("b.static.example. 3600;a.static.example. 3600;");
}
END_TEST

START_TEST(a_name_of_a_file_may_be_quoted_and_absolute)
{
	char text[512];

	put("with blank", "b A 192.0.2.1\n");
	snprintf(text, sizeof(text), HEAD "$include \"with blank\" ; a comment\n$INCLUDE %s/one\n",
		 directory);
	put("zone", text);
	put("one", "a A 192.0.2.1\n");
	expect("b.static.example. 5;a.static.example. 5;");
}
END_TEST

START_TEST(errors_name_the_file_and_line_where_they_are)
{
	put("zone", HEAD "$INCLUDE sub/one\na A 192.0.2.1\n");
	put("sub/one", "\nb A 192.0.2\n");
	expect_error("sub/one:2: this is no A record");
	put("sub/one", " A 192.0.2.1\n");
	expect_error("sub/one:1: the first record begins with a blank, so it has no name");
	put("sub/one", "a CNAME b\n");
	expect_error("zone:6: a CNAME beside other records at a.static.example., see ");
	put("sub/one", "\n@ SOA a b 1 2 3 4 5\n");
	expect_error("sub/one:2: a second SOA; the first is in ");
	put("sub/one", "$INCLUDE missing\n");
	expect_error("sub/one:1: $INCLUDE ");
	put("zone", "a 5 A 192.0.2.1\n$INCLUDE sub/one\n");
	put("sub/one", "b A 192.0.2.1\n\n\n");
	expect_error("zone:3: the file ends without a SOA");
}
END_TEST

START_TEST(what_cannot_be_included_is_said)
{
	static const struct {
		const char *line;
		const char *error;
	} cases[] = {
		{"$INCLUDE", "zone:5: $INCLUDE wants the name of a file, and perhaps an origin"},
		{"$INCLUDE \"\"", "zone:5: $INCLUDE wants the name of a file"},
		{"$INCLUDE a\\000b", "zone:5: $INCLUDE wants the name of a file"},
		{"$INCLUDE a b c", "zone:5: $INCLUDE wants the name of a file"},
		{"$INCLUDE one b..c", "zone:5: \"b..c\" is not a name"},
	};
	struct text_error error;
	struct seen seen;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char text[256];

		snprintf(text, sizeof(text), HEAD "%s\n", cases[i].line);
		put("zone", text);
		expect_error(cases[i].error);
	}
	put("zone", HEAD "$INCLUDE nowhere\n");
	ck_assert_int_eq(load(&seen, &error), ERR_CONF);
	ck_assert_ptr_nonnull(strstr(error.text, "/nowhere: No such file or directory"));
	put("zone", HEAD "$INCLUDE sub\n");
	ck_assert_int_eq(load(&seen, &error), ERR_CONF);
	ck_assert_ptr_nonnull(strstr(error.text, "/sub: Is a directory"));
	ck_assert_int_eq(mkfifo(path_of("pipe"), 0600), 0);
	put("zone", HEAD "$INCLUDE pipe\n");
	ck_assert_int_eq(load(&seen, &error), ERR_CONF);
	ck_assert_ptr_nonnull(strstr(error.text, "/pipe: not a regular file"));
}
END_TEST

START_TEST(a_cycle_ends_at_once)
{
	struct text_error error;
	struct seen seen;

	put("zone", HEAD "$INCLUDE sub/one\n");
	put("sub/one", "$INCLUDE ../sub/../zone\n");
	ck_assert_int_eq(load(&seen, &error), ERR_CONF);
	ck_assert_ptr_nonnull(strstr(error.text, "sub/one:1: $INCLUDE "));
	ck_assert_ptr_nonnull(strstr(error.text, ": it includes itself"));
	ck_assert_int_eq(symlink(path_of("zone"), "/dev/null/x"), -1);
	/* The same file twice is no cycle. */
	put("zone", HEAD "$INCLUDE sub/one a\n$INCLUDE sub/one b\n");
	put("sub/one", "x A 192.0.2.1\n");
	expect("x.a.static.example. 5;x.b.static.example. 5;");
}
END_TEST

START_TEST(depth_and_number_of_files_are_bounded)
{
	char name[16];
	char text[256];

	for (int i = 1; i < 30; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		snprintf(text, sizeof(text), "$INCLUDE f%d\n", i + 1);
		put(name, text);
	}
	put("zone", HEAD "$INCLUDE f1\n");
	expect_error("f15:1: $INCLUDE: over 16 files within each other");
	put("f15", "a A 192.0.2.1\n");
	expect("a.static.example. 5;");
	/* Each includes the next twice: 2^15 files, were they all read. */
	for (int i = 1; i < 15; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		snprintf(text, sizeof(text), "$INCLUDE f%d\n$INCLUDE f%d\n", i + 1, i + 1);
		put(name, text);
	}
	put("f15", "");
	{
		struct text_error error;
		struct seen seen;

		ck_assert_int_eq(load(&seen, &error), ERR_CONF);
		ck_assert_ptr_nonnull(
			strstr(error.text, ": over 10000 times $INCLUDE in one zone"));
	}
}
END_TEST

START_TEST(what_is_odd_but_loads_is_a_warning)
{
	static const struct {
		const char *text;
		const char *warning; /* "": none */
	} cases[] = {
		{"a A 192.0.2.1\na 6 A 192.0.2.2\n",
		 "zone:6: TTL 6 is not that of its set, 5 in line 5, which holds (RFC 2181 5.2)\n"},
		{"a A 192.0.2.1\na 6 A 192.0.2.1\n", ""},
		{"@ NS ns2\n",
		 "zone:5: the NS target ns2.static.example. has no address in the zone\n"},
		{"@ NS ns.other.example.\n", ""},
		{"sub NS ns.sub\nns.sub A 192.0.2.1\n", ""},
		{"sub NS ns.sub\n",
		 "zone:5: the NS target ns.sub.static.example. has no address in the zone\n"},
		{"sub NS ns.oth\noth NS ns.oth\nns.oth AAAA 2001:db8::1\n", ""},
		{"sub NS ns1\nx.y.sub TXT hidden\n",
		 "zone:6: x.y.sub.static.example. is below a delegation and not served\n"},
		{"@ MX 5 a\na CNAME b\nb A 192.0.2.1\n",
		 "zone:5: the MX target a.static.example. is a CNAME (RFC 2181 10.3)\n"},
		{"_x._tcp SRV 0 0 1 a\na CNAME b\nb A 192.0.2.1\n",
		 "zone:5: the SRV target a.static.example. is a CNAME (RFC 2181 10.3)\n"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct text_error error;
		struct seen seen;
		char text[512];

		snprintf(text, sizeof(text), HEAD "%s", cases[i].text);
		put("zone", text);
		ck_assert_msg(load(&seen, &error) == OK, "%s", error.text);
		ck_assert_str_eq(seen.warnings, cases[i].warning);
	}
}
END_TEST

/* RFC 8976: a digest of the whole zone holds where nobody registers. */
START_TEST(a_digest_in_a_base_is_a_warning)
{
	struct text_error error;
	struct seen seen;

	put("zone", HEAD "@ ZONEMD 7 1 241 00112233445566778899AABB\n");
	ck_assert_int_eq(load_as(1, &seen, &error), OK);
	ck_assert_str_eq(seen.warnings, "zone:5: ZONEMD is the digest of this file; what is "
					"registered changes it\n");
	ck_assert_int_eq(load_as(0, &seen, &error), OK);
	ck_assert_str_eq(seen.warnings, "");
}
END_TEST

START_TEST(any_failed_allocation_is_reported)
{
	put("zone", HEAD "$INCLUDE sub/one\nd DNAME e\nsub NS ns.sub\nns.sub A 192.0.2.1\n");
	put("sub/one", "a A 192.0.2.1\n");
	for (unsigned n = 0;; n++) {
		struct text_error error;
		struct seen seen;
		int ret;

		fail_alloc_after(n);
		ret = load(&seen, &error);
		fail_alloc_off();
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(ret, OK);
			break;
		}
		ck_assert_int_eq(ret, ERR_NOMEM);
		ck_assert_int_eq(seen.count, 0);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		an_included_file_has_its_own_origin_and_owner,
		a_ttl_holds_for_all_that_comes_after_it,
		a_name_of_a_file_may_be_quoted_and_absolute,
		errors_name_the_file_and_line_where_they_are,
		what_cannot_be_included_is_said,
		a_cycle_ends_at_once,
		depth_and_number_of_files_are_bounded,
		what_is_odd_but_loads_is_a_warning,
		a_digest_in_a_base_is_a_warning,
		any_failed_allocation_is_reported,
	};

	return run_tests_with("source", tests, COUNT_OF(tests), setup, teardown);
}
