#include <string.h>

#include "base/err.h"
#include "base/rand.h"
#include "dns/name.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"

#define L10 "abcdefghij"
#define L63 L10 L10 L10 L10 L10 L10 "abc"
#define NAME255 L63 "." L63 "." L63 "." L10 L10 L10 L10 L10 L10 "a."

static const uint8_t *name(const char *text)
{
	static uint8_t names[8][DNS_NAME_MAX];
	static size_t next;
	uint8_t *out = names[next++ % COUNT_OF(names)];

	ck_assert_int_gt(dns_name_from_text(out, text, NULL), 0);
	return out;
}

/* Labels of few letters, so that equal ones occur; odd octets among them. */
static void random_name(struct rand *rand, uint8_t out[DNS_NAME_MAX])
{
	static const uint8_t octets[] = {'a', 'A', 'b', 'Z', 0, 1, 2, '.', '\\', '[', 0xc0, 0xff};
	size_t at = 0;

	for (uint32_t left = rand_below(rand, 5); left > 0; left--) {
		const uint32_t size = 1 + rand_below(rand, rand_below(rand, 20) == 0 ? 60 : 3);

		out[at++] = (uint8_t)size;
		for (uint32_t i = 0; i < size; i++) {
			out[at++] = octets[rand_below(rand, COUNT_OF(octets))];
		}
	}
	out[at] = 0;
}

START_TEST(text_becomes_wire_and_back)
{
	static const struct {
		const char *text;
		const char *wire;
		const char *back; /* NULL: as `text` */
	} cases[] = {
		{".", "00", NULL},
		{"a.", "0161 00", NULL},
		{"a", "0161 00", "a."},
		{"_http._tcp.Example.", "055f68747470 045f746370 074578616d706c65 00", NULL},
		{"a\\.b.c.", "03612e62 0163 00", NULL},
		{"a\\\\.", "02615c 00", NULL},
		{"\\065\\000\\255.", "034100ff 00", "A\\000\\255."},
		{"My Printer.", "0a4d79205072696e746572 00", "My\\032Printer."},
		{"\\a\\;\\\"\\(\\)\\@\\$.", "07613b222829 4024 00", "a\\;\\\"\\(\\)\\@\\$."},
		{"caf\xc3\xa9.", "05636166c3a9 00", "caf\\195\\169."},
		{"*.a.", "012a 0161 00", NULL},
		{"\\@", "0140 00", "\\@."},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t wire[DNS_NAME_MAX];
		uint8_t expected[DNS_NAME_MAX];
		char text[DNS_NAME_TEXT_MAX];
		const size_t size = hex_read(expected, sizeof(expected), cases[i].wire);

		ck_assert_int_eq(dns_name_from_text(wire, cases[i].text, NULL), (int)size);
		ck_assert_mem_eq(wire, expected, size);
		ck_assert_str_eq(dns_name_to_text(text, wire),
				 cases[i].back == NULL ? cases[i].text : cases[i].back);
	}
}
END_TEST

START_TEST(bad_text_is_refused)
{
	static const struct {
		const char *text;
		int error;
	} cases[] = {
		{"", ERR_FORMAT},
		{"..", ERR_FORMAT},
		{".a", ERR_FORMAT},
		{"a..", ERR_FORMAT},
		{"a..b", ERR_FORMAT},
		{"\\", ERR_FORMAT},
		{"a\\", ERR_FORMAT},
		{"\\25", ERR_FORMAT},
		{"\\2a0", ERR_FORMAT},
		{"\\256", ERR_FORMAT},
		{"\\999.", ERR_FORMAT},
		{L63 "d", ERR_RANGE},
		{L63 "." L63 "." L63 "." L63, ERR_RANGE},
		{"b" NAME255, ERR_RANGE},
		{"a.b" NAME255, ERR_RANGE},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t wire[DNS_NAME_MAX];

		ck_assert_int_eq(dns_name_from_text(wire, cases[i].text, NULL), cases[i].error);
	}
}
END_TEST

START_TEST(the_longest_names_are_taken)
{
	uint8_t wire[DNS_NAME_MAX];
	char text[4 * 127 + 1] = "";
	char out[DNS_NAME_TEXT_MAX];

	ck_assert_int_eq(dns_name_from_text(wire, NAME255, NULL), 255);
	ck_assert_int_eq(dns_name_check(wire, 255), OK);
	ck_assert_str_eq(dns_name_to_text(out, wire), NAME255);
	for (int i = 0; i < 127; i++) {
		strcat(text, "a.");
	}
	ck_assert_int_eq(dns_name_from_text(wire, text, NULL), 255);
	ck_assert_uint_eq(dns_name_labels(wire), DNS_LABELS_MAX);
	strcat(text, "a.");
	ck_assert_int_eq(dns_name_from_text(wire, text, NULL), ERR_RANGE);
	/* Four characters for each octet. */
	memset(wire, 0xff, sizeof(wire));
	wire[0] = wire[64] = wire[128] = 63;
	wire[192] = 61;
	wire[254] = 0;
	ck_assert_int_eq(dns_name_check(wire, 255), OK);
	ck_assert_uint_eq(strlen(dns_name_to_text(out, wire)), 250 * 4 + 4);
}
END_TEST

START_TEST(relative_text_is_completed)
{
	static const struct {
		const char *text;
		const char *origin;
		const char *full;
	} cases[] = {
		{"www", "test.", "www.test."}, {"www.", "test.", "www."},
		{"a.b", "c.d.", "a.b.c.d."},   {"@", "test.", "test."},
		{".", "test.", "."},           {"a", ".", "a."},
	};
	uint8_t wire[DNS_NAME_MAX];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		ck_assert_int_gt(dns_name_from_text(wire, cases[i].text, name(cases[i].origin)), 0);
		ck_assert(dns_name_equal(wire, name(cases[i].full)));
	}
	ck_assert_int_eq(dns_name_from_text(wire, "@", NULL), 1);
	ck_assert_int_eq(dns_name_from_text(wire, "a", name(NAME255)), ERR_RANGE);
	ck_assert_int_eq(dns_name_from_text(wire, "a." NAME255, NULL), ERR_RANGE);
}
END_TEST

START_TEST(only_exactly_one_name_passes_the_check)
{
	static const struct {
		const char *wire;
		int result;
	} cases[] = {
		{"00", OK},
		{"0161 00", OK},
		{"", ERR_FORMAT},
		{"01", ERR_FORMAT},
		{"0161", ERR_FORMAT},
		{"0161 00 00", ERR_FORMAT},
		{"0261 00", ERR_FORMAT},
		{"c00c", ERR_FORMAT},
		{"40 00", ERR_FORMAT},
		{"80 00", ERR_FORMAT},
	};
	uint8_t zeros[300] = {0};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t wire[16];
		const size_t size = hex_read(wire, sizeof(wire), cases[i].wire);
		uint8_t *exact = hex_exact(wire, size);

		ck_assert_int_eq(dns_name_check(exact, size), cases[i].result);
		free(exact);
	}
	zeros[0] = zeros[64] = zeros[128] = 63;
	zeros[192] = 62;
	ck_assert_int_eq(dns_name_check(zeros, 256), ERR_FORMAT);
}
END_TEST

/* A message of 12 octets of header and what follows; the name starts at `at`. */
static const struct {
	const char *rest;
	size_t at;
	int size;
	size_t behind;
	const char *text;
} reads[] = {
	{"0161 00", 12, 3, 15, "a."},
	{"00", 12, 1, 13, "."},
	{"0161 00 0162 c00c ff", 15, 5, 19, "b.a."},
	{"0161 0162 00 c00e", 17, 3, 19, "b."},
	{"0161 00 c00c c00f", 17, 3, 19, "a."}, /* pointer to a pointer */
	{"0161 00 0162 c00c 0163 c00f", 19, 7, 23, "c.b.a."}, /* name that ends in a pointer */
	{"00 c00c", 13, 1, 15, "."},
	{"c00c", 12, ERR_FORMAT, 0, NULL}, /* itself */
	{"c00e 00", 12, ERR_FORMAT, 0, NULL}, /* forwards */
	{"0161 c00c", 12, ERR_FORMAT, 0, NULL}, /* its own start */
	{"00 c000", 13, ERR_FORMAT, 0, NULL}, /* into the header */
	{"00 c00b", 13, ERR_FORMAT, 0, NULL},
	{"0161 c00f c00c", 16, ERR_FORMAT, 0, NULL}, /* backwards, then forwards */
	{"c00e c00c", 14, ERR_FORMAT, 0, NULL}, /* a loop of two */
	{"0161", 12, ERR_FORMAT, 0, NULL}, /* cut */
	{"01", 12, ERR_FORMAT, 0, NULL},
	{"0561", 12, ERR_FORMAT, 0, NULL},
	{"c0", 12, ERR_FORMAT, 0, NULL},
	{"00 c0", 13, ERR_FORMAT, 0, NULL},
	{"00", 13, ERR_FORMAT, 0, NULL},
	{"4161 00", 12, ERR_FORMAT, 0, NULL}, /* label types 01 and 10 */
	{"8161 00", 12, ERR_FORMAT, 0, NULL},
	{"0161 0162 bf00", 12, ERR_FORMAT, 0, NULL},
};

START_TEST(names_are_read_with_their_pointers)
{
	for (size_t i = 0; i < COUNT_OF(reads); i++) {
		uint8_t wire[64] = {0};
		const size_t size = 12 + hex_read(wire + 12, sizeof(wire) - 12, reads[i].rest);
		uint8_t *exact = hex_exact(wire, size);
		struct buf_reader reader = buf_reader(exact, size);
		uint8_t out[DNS_NAME_MAX];

		buf_read(&reader, reads[i].at);
		ck_assert_int_eq(dns_name_read(&reader, out), reads[i].size);
		ck_assert(reader.failed == (reads[i].size < 0));
		if (!reader.failed) {
			ck_assert_uint_eq(buf_offset(&reader), reads[i].behind);
			ck_assert_mem_eq(out, name(reads[i].text), (size_t)reads[i].size);
		}
		ck_assert(reads[i].size < 0 || dns_name_check(out, (size_t)reads[i].size) == OK);
		free(exact);
	}
}
END_TEST

START_TEST(plain_names_have_no_pointers)
{
	uint8_t out[DNS_NAME_MAX];
	uint8_t wire[20] = {[12] = 1, [13] = 'a', [15] = 1, [16] = 'b', [17] = 0xc0, [18] = 12};
	struct buf_reader reader = buf_reader(wire, 19);

	buf_read(&reader, 12);
	ck_assert_int_eq(dns_name_read_plain(&reader, out), 3);
	ck_assert_int_eq(dns_name_read_plain(&reader, out), ERR_FORMAT);
	ck_assert(reader.failed);
	ck_assert_int_eq(dns_name_read(&reader, out), ERR_FORMAT);
}
END_TEST

START_TEST(lengths_are_counted_over_pointers)
{
	uint8_t wire[1024] = {0};
	uint8_t out[DNS_NAME_MAX];

	/* 254 octets of labels, the root; then a name of `size` octets of label and a pointer. */
	ck_assert_int_eq(dns_name_from_text(wire + 12, NAME255, NULL), 255);
	for (unsigned extra = 0; extra <= 2; extra++) {
		struct buf_reader reader = buf_reader(wire, sizeof(wire));

		/* Skips the first label of 64 octets and writes one of 64 or more instead. */
		wire[300] = (uint8_t)(62 + extra);
		wire[300 + 63 + extra] = 0xc0;
		wire[300 + 64 + extra] = 12 + 64;
		buf_read(&reader, 300);
		ck_assert_int_eq(dns_name_read(&reader, out),
				 extra < 2 ? 254 + (int)extra : ERR_FORMAT);
	}
	/* A long run of labels is left as soon as it is too long. */
	for (size_t i = 12; i + 1 < sizeof(wire); i += 2) {
		wire[i] = 1;
	}
	for (size_t start = 12; start < 700; start += 2) {
		struct buf_reader reader = buf_reader(wire, sizeof(wire));

		buf_read(&reader, start);
		ck_assert_int_eq(dns_name_read(&reader, out), ERR_FORMAT);
	}
}
END_TEST

START_TEST(chains_of_pointers_are_bounded)
{
	uint8_t wire[2000] = {0};

	for (size_t at = 14; at < sizeof(wire); at += 2) {
		wire[at] = (uint8_t)(0xc0 | (at - 2) >> 8);
		wire[at + 1] = (uint8_t)(at - 2);
	}
	wire[12] = 0;
	/* 14 leads to 12, and so on: as many hops as pairs. */
	for (size_t hops = 1; hops < 900; hops++) {
		struct buf_reader reader = buf_reader(wire, sizeof(wire));
		uint8_t out[DNS_NAME_MAX];

		buf_read(&reader, 12 + 2 * hops);
		ck_assert_int_eq(dns_name_read(&reader, out), hops <= 128 ? 1 : ERR_FORMAT);
	}
}
END_TEST

START_TEST(folding_touches_capital_letters_only)
{
	uint8_t all[256];
	uint8_t folded[256];

	for (size_t i = 0; i < sizeof(all); i++) {
		const uint8_t expected = (uint8_t)(i >= 'A' && i <= 'Z' ? i + 32 : i);

		all[i] = (uint8_t)i;
		ck_assert_uint_eq(dns_fold((uint8_t)i), expected);
	}
	/* At every place in a word, and in the rest behind the words. */
	for (size_t from = 0; from < 16; from++) {
		dns_octets_fold(folded, all + from, sizeof(all) - from);
		for (size_t i = from; i < sizeof(all); i++) {
			ck_assert_uint_eq(folded[i - from], dns_fold((uint8_t)i));
		}
	}
	for (size_t one = 0; one < 256; one++) {
		for (size_t other = 0; other < 256; other++) {
			uint8_t pair[2][9] = {"abcdefgh", "ABCDEFGH"};

			pair[0][one % 9] = (uint8_t)one;
			pair[1][one % 9] = (uint8_t)other;
			ck_assert(dns_octets_equal(pair[0], pair[1], 9) ==
				  (dns_fold((uint8_t)one) == dns_fold((uint8_t)other)));
		}
	}
}
END_TEST

START_TEST(names_compare_without_case)
{
	uint8_t folded[DNS_NAME_MAX];

	ck_assert(dns_name_equal(name("wWw.Example."), name("WwW.eXAMPLE.")));
	ck_assert(!dns_name_equal(name("www.example."), name("www.exampl.")));
	ck_assert(!dns_name_equal(name("ab.c."), name("a.bc.")));
	ck_assert(!dns_name_equal(name("caf\xc3\xa9."), name("caf\xc3\x89.")));
	ck_assert(!dns_name_equal(name("a[."), name("a{.")));
	ck_assert_uint_eq(dns_name_fold(folded, name("WwW.Example.")), 13);
	ck_assert_mem_eq(folded, name("www.example."), 13);
}
END_TEST

START_TEST(names_are_in_themselves_and_in_their_parents)
{
	static const struct {
		const char *name;
		const char *parent;
		bool is_in;
	} cases[] = {
		{"a.b.c.", "C.", true},
		{"a.b.c.", "B.c.", true},
		{"a.b.c.", "a.b.c.", true},
		{"a.b.c.", ".", true},
		{".", ".", true},
		{"c.", "b.c.", false},
		{".", "c.", false},
		{"ab.c.", "b.c.", false},
		{"a.x.c.", "b.c.", false},
		/* What looks like a label but is in one. */
		{"a\\001b.", "b.", false},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		ck_assert(dns_name_is_in(name(cases[i].name), name(cases[i].parent)) ==
			  cases[i].is_in);
	}
}
END_TEST

/* RFC 4034 6.1's example, and more, in order. */
static const char *const ordered[] = {
	".",
	"\\000.",
	"\\000\\000.",
	"\\000\\001.",
	"\\001.",
	"\\001\\000.",
	"\\002.",
	"example.",
	"\\000.example.",
	"\\000.\\000.example.",
	"\\000a.example.",
	"\\001.example.",
	"*.example.",
	"a.example.",
	"yljkjljk.a.example.",
	"Z.a.example.",
	"zABC.a.EXAMPLE.",
	"z.example.",
	"\\001.z.example.",
	"*.z.example.",
	"\\200.z.example.",
	"za.example.",
	"\\200.example.",
	"example\\000.",
	"example\\001.",
	"example\\001\\000.",
	"example\\002.",
	"examplea.",
};

static int sign(int number)
{
	return (number > 0) - (number < 0);
}

/*
 * The canonical order by another way: folded labels from the right, an octet 0 or 1 escaped by 1 and
 * each label ended by 0, so that memcmp() tells it and a parent's key begins those below it.
 */
static size_t order_key(uint8_t out[DNS_NAME_MAX * 2], const uint8_t *name)
{
	uint8_t *at = out;

	for (size_t left = dns_name_labels(name); left > 0; left--) {
		const uint8_t *label = dns_name_strip(name, left - 1);

		for (size_t i = 1; i <= *label; i++) {
			const uint8_t octet = dns_fold(label[i]);

			if (octet <= 1) {
				*at++ = 1;
				*at++ = (uint8_t)(octet + 1);
			} else {
				*at++ = octet;
			}
		}
		*at++ = 0;
	}
	return (size_t)(at - out);
}

static int compare_keys(const uint8_t *one, const uint8_t *other)
{
	uint8_t keys[2][DNS_NAME_MAX * 2];
	const size_t one_size = order_key(keys[0], one);
	const size_t other_size = order_key(keys[1], other);
	const size_t shorter = one_size < other_size ? one_size : other_size;
	const int difference = memcmp(keys[0], keys[1], shorter);

	ck_assert_uint_le(one_size, sizeof(keys[0]));
	return difference != 0 ? sign(difference) : (one_size > shorter) - (other_size > shorter);
}

START_TEST(order_is_canonical)
{
	for (size_t i = 0; i < COUNT_OF(ordered); i++) {
		for (size_t j = 0; j < COUNT_OF(ordered); j++) {
			const uint8_t *one = name(ordered[i]);
			const uint8_t *other = name(ordered[j]);
			const int expected = (i > j) - (i < j);

			ck_assert_int_eq(sign(dns_name_compare(one, other)), expected);
			ck_assert_int_eq(compare_keys(one, other), expected);
		}
	}
}
END_TEST

START_TEST(any_two_names_have_their_order)
{
	struct rand rand;

	rand_init(&rand, 11);
	for (int i = 0; i < 50000; i++) {
		uint8_t names[2][DNS_NAME_MAX];
		int expected;

		random_name(&rand, names[0]);
		random_name(&rand, names[1]);
		expected = sign(dns_name_compare(names[0], names[1]));
		ck_assert_int_eq(compare_keys(names[0], names[1]), expected);
		ck_assert_int_eq(sign(dns_name_compare(names[1], names[0])), -expected);
		ck_assert(dns_name_equal(names[0], names[1]) == (expected == 0));
	}
}
END_TEST

START_TEST(below_a_name_is_what_its_key_begins)
{
	struct rand rand;

	rand_init(&rand, 12);
	for (int i = 0; i < 50000; i++) {
		uint8_t names[2][DNS_NAME_MAX];
		uint8_t keys[2][DNS_NAME_MAX * 2];
		size_t sizes[2];
		bool begins;

		for (size_t j = 0; j < 2; j++) {
			random_name(&rand, names[j]);
			sizes[j] = order_key(keys[j], names[j]);
		}
		begins = sizes[0] <= sizes[1] && memcmp(keys[0], keys[1], sizes[0]) == 0;
		ck_assert(begins == dns_name_is_in(names[1], names[0]));
	}
}
END_TEST

START_TEST(labels_are_stripped_and_joined)
{
	uint8_t out[DNS_NAME_MAX];

	ck_assert_uint_eq(dns_name_labels(name("a.b.c.")), 3);
	ck_assert_uint_eq(dns_name_labels(name(".")), 0);
	ck_assert(dns_name_equal(dns_name_strip(name("a.b.c."), 2), name("c.")));
	ck_assert(dns_name_equal(dns_name_strip(name("a.b.c."), 0), name("a.b.c.")));
	ck_assert(dns_name_equal(dns_name_parent(name("a.b.")), name("b.")));
	ck_assert(dns_name_equal(dns_name_parent(name(".")), name(".")));
	ck_assert(dns_label_is(name("_Http._tcp."), "_hTTP"));
	ck_assert(!dns_label_is(name("_http._tcp."), "_htt"));
	ck_assert(!dns_label_is(name("."), "a"));
	ck_assert(dns_label_is(name("."), ""));

	ck_assert_int_eq(dns_name_join(out, name("a."), name("b.c.")), 7);
	ck_assert(dns_name_equal(out, name("a.b.c.")));
	ck_assert_int_eq(dns_name_join(out, name("."), name("b.")), 3);
	ck_assert_int_eq(dns_name_join(out, name("b."), name(".")), 3);
	ck_assert_int_eq(dns_name_join(out, name(NAME255), name(".")), 255);
	ck_assert_int_eq(dns_name_join(out, name(NAME255), name("a.")), ERR_RANGE);
}
END_TEST

START_TEST(any_name_survives_text)
{
	struct rand rand;

	rand_init(&rand, 13);
	for (int i = 0; i < 20000; i++) {
		uint8_t wire[DNS_NAME_MAX];
		uint8_t back[DNS_NAME_MAX];
		char text[DNS_NAME_TEXT_MAX];
		size_t size;

		random_name(&rand, wire);
		size = dns_name_size(wire);
		ck_assert_int_eq(dns_name_check(wire, size), OK);
		dns_name_to_text(text, wire);
		ck_assert_int_eq(dns_name_from_text(back, text, name("origin.")), (int)size);
		ck_assert_mem_eq(back, wire, size);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		text_becomes_wire_and_back,
		bad_text_is_refused,
		the_longest_names_are_taken,
		relative_text_is_completed,
		only_exactly_one_name_passes_the_check,
		names_are_read_with_their_pointers,
		plain_names_have_no_pointers,
		lengths_are_counted_over_pointers,
		chains_of_pointers_are_bounded,
		folding_touches_capital_letters_only,
		names_compare_without_case,
		names_are_in_themselves_and_in_their_parents,
		order_is_canonical,
		any_two_names_have_their_order,
		below_a_name_is_what_its_key_begins,
		labels_are_stripped_and_joined,
		any_name_survives_text,
	};

	return run_tests("name", tests, COUNT_OF(tests));
}
