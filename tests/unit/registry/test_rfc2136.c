/*
 * RFC 2136 as a table: what is there, what comes, the rcode, what is there then. The serial moves
 * when the content does, and only then (3.6; RFC 9664 5.3). That a refusal leaves no trace, whatever
 * stands before it in its message, is 3.7.
 */
#include <stdarg.h>

#include "tests/unit/registry/script.h"

#define H1 "h 60 A 192.0.2.1\n"
#define H12 H1 "h 60 A 192.0.2.2\n"
#define ADD(record) "add " record

struct row {
	const char *section;
	const char *before; /* records, as "NAME TTL TYPE RDATA" */
	const char *message;
	unsigned rcode;
	const char *after; /* NULL: as before, and the serial too */
};

enum { NOERROR, NXDOMAIN = 3, YXDOMAIN = 6, YXRRSET = 7, NXRRSET = 8 };

static const struct row rows[] = {
	/* ---- comparison ---------------------------------------------------------------------- */
	{"1.1.1 the TTL is no part of equality", H1, "equals h A 192.0.2.1\n", NOERROR, NULL},
	{"1.1.2 names without letter case", H1, "exists H A\ndel H A\n", NOERROR, ""},
	{"1.1.2 names in RDATA too", "m 60 MX 5 mail\n", "del m MX 5 MAIL\n", NOERROR, ""},
	{"3597 6 not in types that are younger", "s 60 SVCB 1 host\n", "del s SVCB 1 HOST\n",
	 NOERROR, NULL},
	{"1.1.3 a wildcard matches itself", "*.w 60 A 192.0.2.1\n", "used *.w\ndel *.w\n", NOERROR,
	 ""},
	{"1.1.3 and nothing else", "*.w 60 A 192.0.2.1\n", "used x.w\n", NXDOMAIN, NULL},
	{"1.1.4 a CNAME is not followed", "c 60 CNAME h\n" H1, "exists c A\n", NXRRSET, NULL},
	{"1.1.4 nor by what is deleted", "c 60 CNAME h\n" H1, "del c A\n", NOERROR, NULL},
	{"1.1.5 one CNAME", "c 60 CNAME h\n", "add c 60 CNAME i\n", NOERROR, "c 60 CNAME i\n"},
	{"1.1.5 one WKS for address and protocol", "w 60 TYPE11 \\# 6 c00002010601\n",
	 "add w 60 TYPE11 \\# 6 c000020106ff\nadd w 60 TYPE11 \\# 6 c00002011102\n", NOERROR,
	 "w 60 WKS 192.0.2.1 tcp 0 tcpmux 2 3 4 5 6 echo\nw 60 WKS 192.0.2.1 udp 6\n"},
	{"6672 2.4 one DNAME", "d 60 DNAME h\n", "add d 60 DNAME i\n", NOERROR, "d 60 DNAME i\n"},

	/* ---- prerequisites ------------------------------------------------------------------- */
	{"2.4.1 RRset exists", H1, "exists h A\n", NOERROR, NULL},
	{"3.2.1", H1, "exists h TXT\n", NXRRSET, NULL},
	{"3.2.1", H1, "exists nothing A\n", NXRRSET, NULL},
	{"2.4.2 with these values", H12, "equals h A 192.0.2.2\nequals h A 192.0.2.1\n", NOERROR,
	 NULL},
	{"3.2.3 no less", H12, "equals h A 192.0.2.1\n", NXRRSET, NULL},
	{"3.2.3 no more", H1, "equals h A 192.0.2.1\nequals h A 192.0.2.2\n", NXRRSET, NULL},
	{"3.2.3 a set has no duplicates", H1, "equals h A 192.0.2.1\nequals h A 192.0.2.1\n",
	 NOERROR, NULL},
	{"3.2.3 two sets of one name", H1 "h 60 TXT \"x\"\n",
	 "equals h A 192.0.2.1\nequals h TXT \"x\"\n", NOERROR, NULL},
	{"3.2.3 of nothing", "", "equals h A 192.0.2.1\n", NXRRSET, NULL},
	{"2.4.3 RRset does not exist", H1, "missing h TXT\n", NOERROR, NULL},
	{"3.2.2", H1, "missing h A\n", YXRRSET, NULL},
	{"2.4.4 name is in use", H1, "used h\n", NOERROR, NULL},
	{"3.2.1", H1, "used nothing\n", NXDOMAIN, NULL},
	{"2.4.4 not by an empty non-terminal", "x.y 60 A 192.0.2.1\n", "used y\n", NXDOMAIN, NULL},
	{"2.4.5 name is not in use", "", "unused h\n", NOERROR, NULL},
	{"3.2.2", H1, "unused h\n", YXDOMAIN, NULL},
	{"2.4.5 nor as an empty non-terminal", "x.y 60 A 192.0.2.1\n", "unused y\n", NOERROR, NULL},
	{"3.2.5 the first that fails answers", H1, "missing h A\nused nothing\n", YXRRSET, NULL},
	{"3.2.5", H1, "used nothing\nmissing h A\n", NXDOMAIN, NULL},
	{"3.2.5 values after all others", H1, "equals h A 192.0.2.9\nunused h\n", YXDOMAIN, NULL},
	{"3.2 before any change", H1, "unused h\ndel h\n", YXDOMAIN, NULL},
	{"3.2 they see what is there, not what comes", "", "used h\nadd h 60 A 192.0.2.1\n",
	 NXDOMAIN, NULL},

	/* ---- adding -------------------------------------------------------------------------- */
	{"2.5.1 add", "", ADD(H1), NOERROR, H1},
	{"3.4.2.2 to a set", H1, "add h 60 A 192.0.2.2\n", NOERROR, H12},
	{"2.5.1 a duplicate is ignored", H1, ADD(H1), NOERROR, NULL},
	{"3.4.2.2 but for its TTL", H1, "add h 90 A 192.0.2.1\n", NOERROR, "h 90 A 192.0.2.1\n"},
	{"7.12 which is that of the set", H12, "add h 90 A 192.0.2.1\n", NOERROR,
	 "h 90 A 192.0.2.1\nh 90 A 192.0.2.2\n"},
	{"3.4.2.2 CNAME beside others", H1, "add h 60 CNAME i\n", NOERROR, NULL},
	{"3.4.2.2 others beside a CNAME", "c 60 CNAME h\n", "add c 60 A 192.0.2.1\n", NOERROR,
	 NULL},
	{"3.4.2.2 as of that moment", "c 60 CNAME h\n", "del c CNAME\nadd c 60 A 192.0.2.1\n",
	 NOERROR, "c 60 A 192.0.2.1\n"},
	{"2181 10.1 KEY beside a CNAME", "c 60 CNAME h\n", "add c 60 KEY 512 3 15 AwEAAQ==\n",
	 NOERROR, "c 60 CNAME h\nc 60 KEY 512 3 15 AwEAAQ==\n"},
	{"6672 5.2 DNAME beside a CNAME", "c 60 CNAME h\n", "add c 60 DNAME i\n", NOERROR, NULL},
	{"6672 5.2 CNAME beside a DNAME", "d 60 DNAME h\n", "add d 60 CNAME i\n", NOERROR, NULL},
	{"7.14 targets are not looked for", "", "add m 60 MX 5 nowhere\nadd c 60 CNAME nowhere\n",
	 NOERROR, "m 60 MX 5 nowhere\nc 60 CNAME nowhere\n"},
	{"3597 a type that is not known", "", "add h 60 TYPE65280 \\# 2 0102\n", NOERROR,
	 "h 60 TYPE65280 \\# 2 0102\n"},
	{"3597 4 with empty RDATA", "", "add h 60 TYPE65280 \\# 0\n", NOERROR,
	 "h 60 TYPE65280 \\# 0\n"},
	{"7.18 below a cut", "", "add s 60 NS ns.s\nadd ns.s 60 A 192.0.2.1\n", NOERROR,
	 "s 60 NS ns.s\nns.s 60 A 192.0.2.1\n"},

	/* ---- SOA ----------------------------------------------------------------------------- */
	{"3.4.2.2 SOA at a name without", "", "add h 60 SOA ns admin 9 1 2 3 4\n", NOERROR, NULL},
	{"3.4.2.2 SOA that is lower", "", "add @ 60 SOA ns9 admin 4294967290 1 2 3 4\n", NOERROR,
	 NULL},
	{"3.4.2.4 SOA is not deleted", "", "del @ SOA\ndel @ SOA ns admin 1 3600 600 86400 5\n",
	 NOERROR, NULL},

	/* ---- deleting ------------------------------------------------------------------------ */
	{"2.5.2 an RRset", H12 "h 60 TXT \"x\"\n", "del h A\n", NOERROR, "h 60 TXT \"x\"\n"},
	{"2.5.2 that is not there", H1, "del h TXT\ndel nothing A\n", NOERROR, NULL},
	{"2.5.3 all RRsets", H12 "h 60 TXT \"x\"\nx.h 60 TXT \"y\"\n", "del h\n", NOERROR,
	 "x.h 60 TXT \"y\"\n"},
	{"2.5.3 where none are", H1, "del nothing\n", NOERROR, NULL},
	{"2.5.4 an RR", H12, "del h A 192.0.2.2\n", NOERROR, H1},
	{"2.5.4 that is not there", H1, "del h A 192.0.2.2\ndel nothing A 192.0.2.1\n", NOERROR,
	 NULL},
	{"3.4.2.3 a CNAME with the rest", "c 60 CNAME h\n", "del c\n", NOERROR, ""},
	{"3.4.2.3 NS below the apex", "s 60 NS a\ns 60 NS b\n", "del s NS\n", NOERROR, ""},
	{"3.4.2.4 the last NS below it", "s 60 NS a\n", "del s NS a\n", NOERROR, ""},
	{"3.4.2.3 at the apex NS stay", "@ 60 NS a\n@ 60 TXT \"x\"\n", "del @\ndel @ NS\n", NOERROR,
	 "@ 60 NS a\n"},
	{"3.4.2.4 and the last of them", "@ 60 NS a\n@ 60 NS b\n", "del @ NS a\ndel @ NS b\n",
	 NOERROR, "@ 60 NS b\n"},

	/* ---- order, and the whole ------------------------------------------------------------ */
	{"3.4.2 in order", "", ADD(H1) "del h A\nadd h 60 A 192.0.2.2\n", NOERROR,
	 "h 60 A 192.0.2.2\n"},
	{"3.4.2 to nothing", "", ADD(H1) "del h\n", NOERROR, NULL},
	{"3.6 all anew is no change", H12, "del h\n" ADD(H1) "add h 60 A 192.0.2.2\n", NOERROR,
	 NULL},
	{"3.6 nor in another order", H12, "del h\nadd h 60 A 192.0.2.2\n" ADD(H1), NOERROR, NULL},
	{"3.7 whole or not at all", H1, "add i 60 A 192.0.2.1\nadd x.pool 60 A 192.0.2.1\n",
	 DNS_RCODE_REFUSED, NULL},
};

static void add_all(struct play *play, const char *records)
{
	char lines[2000];
	size_t size = 0;

	for (const char *at = records; *at != '\0'; at += strcspn(at, "\n") + 1) {
		size += (size_t)snprintf(lines + size, sizeof(lines) - size, "add %.*s\n",
					 (int)strcspn(at, "\n"), at);
	}
	lines[size] = '\0';
	if (size > 0) {
		updated(play, "a", lines);
	}
}

static void check_row(const struct row *row)
{
	static struct sorted before;
	static struct sorted now;
	struct play *play = play_new();

	before.count = 0;
	now.count = 0;
	add_all(play, row->before);
	const uint32_t serial = serial_of(play);
	if (row->after == NULL) {
		sorted_zone(&before, stage_zone(&play->stage));
	}
	const unsigned rcode = update(play, "a", row->message);
	ck_assert_msg(rcode == row->rcode, "%s: rcode %u", row->section, rcode);
	if (row->after == NULL) {
		sorted_zone(&now, stage_zone(&play->stage));
		expect_sorted(&now, &before, row->section);
		ck_assert_msg(serial_of(play) == serial, "%s: the serial moved", row->section);
		ck_assert_msg(!play->result.is_change, "%s: said to change", row->section);
	} else {
		expect_zone(&play->stage, row->after);
		ck_assert_msg(serial_of(play) == serial + 1, "%s: serial", row->section);
	}
	play_free(play);
}

START_TEST(each_row_of_rfc_2136)
{
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		check_row(&rows[i]);
	}
}
END_TEST

START_TEST(of_several_soas_the_highest_holds)
{
	struct play *play = play_new();

	/* 3.4.2: in order; the second is lower than what is there by then. */
	updated(play, "a", "add @ 60 SOA ns a 200 1 2 3 4\nadd @ 60 SOA ns b 150 9 2 3 4\n");
	ck_assert_uint_eq(serial_of(play), 200);
	ck_assert_uint_eq(zone_soa(stage_zone(&play->stage))->refresh, 1);
	updated(play, "a", "add @ 60 SOA ns a 210 1 2 3 4\nadd @ 60 SOA ns b 220 9 2 3 4\n");
	ck_assert_uint_eq(serial_of(play), 220);
	ck_assert_uint_eq(zone_soa(stage_zone(&play->stage))->refresh, 9);
	play_free(play);
}
END_TEST

START_TEST(an_soa_of_the_requester_counts_as_the_step)
{
	struct play *play = play_new();

	/* 3.6, 5.7: the old SOA as a prerequisite, and a new one in its place. */
	updated(play, "a",
		"exists @ SOA\ndel @ SOA\nadd @ 60 SOA ns a 100 1 2 3 4\n"
		"add h 60 A 192.0.2.1\n");
	ck_assert_uint_eq(serial_of(play), 100);
	updated(play, "a", "add h 60 A 192.0.2.2\n");
	ck_assert_uint_eq(serial_of(play), 101);
	/* 7.11: never 0. */
	updated(play, "a", "add @ 60 SOA ns a 2147483747 1 2 3 4\n");
	updated(play, "a", "add @ 60 SOA ns a 4294967295 1 2 3 4\n");
	ck_assert_uint_eq(serial_of(play), 4294967295u);
	updated(play, "a", "del h A 192.0.2.2\n");
	ck_assert_uint_eq(serial_of(play), 1);
	play_free(play);
}
END_TEST

START_TEST(several_changes_of_a_batch_share_a_step)
{
	struct play *play = play_new();
	const uint32_t serial = serial_of(play);

	batch_begin(play);
	updated(play, "a", "add h 60 A 192.0.2.1\n");
	updated(play, "b", "add i 60 A 192.0.2.1\n");
	/* 3.7: each sees what the one before it did. */
	ck_assert_uint_eq(update(play, "a", "unused h\nadd j 60 A 192.0.2.1\n"), YXDOMAIN);
	batch_commit(play);
	ck_assert_uint_eq(serial_of(play), serial + 1);
	batch_begin(play);
	updated(play, "a", "del h\n");
	updated(play, "a", "add h 60 A 192.0.2.1\n");
	batch_commit(play);
	ck_assert_uint_eq(serial_of(play), serial + 1);
	play_free(play);
}
END_TEST

/* ---- as much as a message holds ---------------------------------------------------------- */

static char many[SCRIPT_MAX];

__attribute__((format(printf, 2, 3))) static void say(size_t *size, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	*size += (size_t)vsnprintf(many + *size, sizeof(many) - *size, format, arguments);
	va_end(arguments);
	ck_assert_uint_lt(*size, sizeof(many));
}

START_TEST(thousands_of_names_in_one_message)
{
	struct play *play = play_new();
	size_t size = 0;

	for (int i = 0; i < 4500; i++) {
		say(&size, "add n%d 60 A 192.0.2.1\n", i);
	}
	updated(play, "a", many);
	ck_assert_uint_eq(play->plan.count, 4500);
	size = 0;
	for (int i = 0; i < 4500; i++) {
		say(&size, "del N%d\nadd n%d 60 A 192.0.2.1\n", i, i);
	}
	updated(play, "a", many);
	ck_assert_uint_eq(play->plan.count, 4500);
	ck_assert(!play->result.is_change);
	play_free(play);
}
END_TEST

START_TEST(thousands_of_subtypes_in_one_message)
{
	struct play *play = play_new();
	size_t size = 0;

	for (int i = 0; i < 1000; i++) {
		say(&size, "add _red._sub._http._tcp 60 PTR i%d._http._tcp\n", i);
		say(&size, "add _blue._sub._http._tcp 60 PTR i%d._http._tcp\n", i);
		say(&size, "add i%d._http._tcp 60 SRV 0 0 80 h\n", i);
		say(&size, "add _http._tcp 60 PTR i%d._http._tcp\n", i);
	}
	updated(play, "a", many);
	size = 0;
	for (int i = 0; i < 1000; i++) {
		say(&size, "del i%d._http._tcp\n", i);
		say(&size, "add i%d._http._tcp 60 SRV 0 0 80 h\n", i);
		say(&size, "add _red._sub._http._tcp 60 PTR i%d._http._tcp\n", i);
	}
	updated(play, "a", many);
	ck_assert_uint_eq(set_count(&play->stage, "_red._sub._http._tcp", DNS_TYPE_PTR), 1000);
	ck_assert_uint_eq(set_count(&play->stage, "_blue._sub._http._tcp", DNS_TYPE_PTR), 0);
	updated(play, "a", many);
	ck_assert(!play->result.is_change);
	play_free(play);
}
END_TEST

/* Names with a thousand records each cannot be touched by the hundred at once. */
START_TEST(what_is_touched_is_bounded_by_change_max)
{
	struct zone_shape shape = stage_shape();
	struct play *play;
	size_t size = 0;

	shape.change_max = 3000;
	play = play_new_with(&shape, "");
	for (char name = 'h'; name < 'l'; name++) {
		size = 0;
		for (int i = 0; i < 999; i++) {
			say(&size, "add %c 60 TXT \"%d\"\n", name, i);
		}
		updated(play, "a", many);
	}
	refused(play, "a",
		"add h 60 TXT \"x\"\nadd i 60 TXT \"x\"\nadd j 60 TXT \"x\"\nadd k 60 TXT \"x\"\n",
		"change-max");
	updated(play, "a", "add h 60 TXT \"x\"\n");
	updated(play, "a", "del h TXT \"0\"\nadd h 60 TXT \"y\"\n");
	play_free(play);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		each_row_of_rfc_2136,
		of_several_soas_the_highest_holds,
		an_soa_of_the_requester_counts_as_the_step,
		several_changes_of_a_batch_share_a_step,
		thousands_of_names_in_one_message,
		thousands_of_subtypes_in_one_message,
		what_is_touched_is_bounded_by_change_max,
	};

	return run_tests("registry/rfc2136", tests, COUNT_OF(tests));
}
