#include "tests/unit/zone/stage.h"
#include "xfr/xfr.h"

#define WIRE_MAX 65535

/* What came of a transfer. */
struct taken {
	struct sorted lines; /* without SOAs; as text_zone() has them */
	size_t messages;
	size_t records;
	size_t largest; /* message */
	size_t smallest; /* but the last */
	size_t soas;
	bool is_soa_first;
	bool is_soa_last;
};

static struct taken taken;

static void take_record(const struct dns_message *message, const struct dns_rr *rr)
{
	static uint8_t rdata[WIRE_MAX];
	struct buf_writer out = buf_writer(rdata, sizeof(rdata));
	char owner[DNS_NAME_TEXT_MAX];
	char type[16];
	char *text;

	ck_assert_uint_eq(rr->class, DNS_CLASS_IN);
	taken.records++;
	taken.is_soa_last = rr->type == DNS_TYPE_SOA;
	if (rr->type == DNS_TYPE_SOA) {
		taken.is_soa_first |= taken.records == 1;
		taken.soas++;
		return;
	}
	ck_assert_int_ge(dns_rr_rdata(message, rr, &out), 0);
	must(text_rdata(&text, rr->type, rdata, (uint16_t)buf_written(&out)));
	const size_t room = strlen(text) + sizeof(owner) + 64;
	char *line = malloc(room);
	snprintf(line, room, "%s %u IN %s %s", dns_name_to_text(owner, rr->owner), rr->ttl,
		 rdata_type_text(type, rr->type), text);
	free(text);
	sorted_add(&taken.lines, line);
}

/* Reads the message with our parser, which takes requests only. */
static void take_message(uint8_t *wire, size_t size)
{
	struct dns_message message;
	struct dns_rr rr;

	wire[2] &= 0x7f;
	ck_assert_int_eq(dns_message_parse(&message, wire, size), OK);
	ck_assert_uint_eq(message.count[DNS_AUTHORITY], 0);
	struct dns_walk walk = dns_walk(&message, DNS_ANSWER);
	while (dns_walk_next(&walk, &rr) == 1) {
		take_record(&message, &rr);
	}
	taken.messages++;
	taken.largest = size > taken.largest ? size : taken.largest;
}

/* Takes the zone by messages of at most `room` octets; the result of the last xfr_fill(). */
static int take(const struct zone *zone, size_t room)
{
	static const struct dns_message request = {.id = 7,
						   .has_question = true,
						   .qname = "\1Z",
						   .qname_size = 3,
						   .qtype = DNS_TYPE_AXFR,
						   .qclass = DNS_CLASS_IN};
	static uint8_t wire[WIRE_MAX];
	struct dns_writer writer;
	struct xfr xfr;
	int ret;

	sorted_free(&taken.lines);
	taken = (struct taken){.smallest = WIRE_MAX};
	xfr_begin(&xfr, zone);
	do {
		dns_writer_reply(&writer, wire, room, &request);
		ret = xfr_fill(&xfr, &writer);
		const size_t size = dns_writer_finish(&writer);

		if (ret == 1) {
			ck_assert_uint_gt(writer.count[DNS_ANSWER], 0);
			taken.smallest = size < taken.smallest ? size : taken.smallest;
		}
		take_message(wire, size);
	} while (ret == 1);
	ck_assert_uint_eq(xfr.records, taken.records);
	return ret;
}

/* What was taken is the zone, each record once, between two SOAs. */
static void expect_whole(const struct zone *zone)
{
	static struct sorted wanted;
	char *text;

	ck_assert(taken.is_soa_first && taken.is_soa_last);
	ck_assert_uint_eq(taken.soas, 2);
	must(text_zone(&text, zone));
	for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
		if (strstr(line, " IN SOA ") == NULL ||
		    strstr(line, " IN SOA ") > line + strcspn(line, "\n")) {
			sorted_add(&wanted, strndup(line, strcspn(line, "\n")));
		}
	}
	free(text);
	ck_assert_uint_eq(taken.records, wanted.count + 2);
	expect_sorted(&taken.lines, &wanted, "the zone as transferred");
}

/* `count` instances of one type, on `hosts` hosts. */
static void put_instances(struct stage *stage, unsigned count, unsigned hosts)
{
	char name[64];
	char lines[128];

	stage_begin(stage);
	for (unsigned i = 0; i < hosts; i++) {
		snprintf(name, sizeof(name), "host-%u", i);
		snprintf(lines, sizeof(lines), "60 A 10.0.%u.%u\n", i >> 8, i & 255);
		stage_put(stage, name, "a", lines);
	}
	for (unsigned i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "instance-%u._http._tcp", i);
		snprintf(lines, sizeof(lines), "60 SRV 0 0 %u host-%u\n60 TXT n=%u\n", i, i % hosts,
			 i);
		stage_put(stage, name, "ptr a", lines);
	}
	stage_commit(stage);
}

START_TEST(an_empty_zone_is_its_soa_twice_in_one_message)
{
	struct stage stage;

	stage_init(&stage);
	ck_assert_int_eq(take(stage_zone(&stage), WIRE_MAX), OK);
	ck_assert_uint_eq(taken.messages, 1);
	ck_assert_uint_eq(taken.records, 2);
	expect_whole(stage_zone(&stage));
	stage_deinit(&stage);
}
END_TEST

START_TEST(explicit_and_derived_records_come_once_each)
{
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "@", "-", "10 NS ns\n10 TXT apex\n");
	stage_put(&stage, "web._http._tcp", "ptr a sub:_printer", "60 SRV 0 0 80 h\n60 TXT web\n");
	stage_put(&stage, "lone._http._tcp", "ptr a", "60 TXT none\n");
	stage_put(&stage, "h", "a", "60 A 192.0.2.1\n60 A 192.0.2.2\n60 AAAA 2001:db8::1\n");
	stage_put(&stage, "deep.below.nothing", "a", "60 TYPE65280 \\# 3 010203\n");
	ck_assert_int_eq(take(stage_zone(&stage), WIRE_MAX), OK);
	ck_assert_uint_eq(taken.messages, 1);
	expect_whole(stage_zone(&stage));
	stage_deinit(&stage);
}
END_TEST

START_TEST(what_stands_below_a_cut_is_transferred)
{
	/* RFC 5936 3.2, 3.5: glue and occluded names. */
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "sub", "a", "60 NS ns.sub\n");
	stage_put(&stage, "ns.sub", "a", "60 A 192.0.2.1\n");
	stage_put(&stage, "hidden.sub", "a", "60 TXT occluded\n");
	ck_assert_int_eq(take(stage_zone(&stage), WIRE_MAX), OK);
	ck_assert_uint_eq(taken.records, 5);
	expect_whole(stage_zone(&stage));
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_set_larger_than_a_message_goes_on_in_the_next)
{
	struct stage stage;

	stage_init(&stage);
	put_instances(&stage, 1500, 100);
	ck_assert_int_eq(take(stage_zone(&stage), 4096), OK);
	expect_whole(stage_zone(&stage));
	stage_deinit(&stage);
}
END_TEST

START_TEST(messages_are_filled_as_far_as_pointers_reach)
{
	struct stage stage;

	stage_init(&stage);
	put_instances(&stage, 1000, 1000);
	ck_assert_int_eq(take(stage_zone(&stage), WIRE_MAX), OK);
	ck_assert_uint_ge(taken.smallest, XFR_MESSAGE);
	ck_assert_uint_le(taken.largest, XFR_MESSAGE + 512);
	/* Compressed: 6,000 records of about 50 octets uncompressed. */
	ck_assert_uint_le(taken.messages, 12);
	expect_whole(stage_zone(&stage));
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_record_that_ends_at_the_last_octet_is_taken_at_every_size)
{
	/* Each size moves the cut by one octet; the SOA, too, opens and closes messages of its own. */
	struct stage stage;

	stage_init(&stage);
	put_instances(&stage, 6, 3);
	for (size_t room = 120; room < 420; room++) {
		ck_assert_int_eq(take(stage_zone(&stage), room), OK);
		ck_assert_uint_le(taken.largest, room);
		expect_whole(stage_zone(&stage));
	}
	stage_deinit(&stage);
}
END_TEST

START_TEST(room_kept_for_a_signature_stays_free)
{
	static uint8_t wire[WIRE_MAX];
	struct dns_writer writer;
	struct stage stage;
	struct xfr xfr;

	stage_init(&stage);
	put_instances(&stage, 20, 3);
	dns_writer_init(&writer, wire, 600);
	ck_assert(dns_writer_reserve(&writer, 100));
	xfr_begin(&xfr, stage_zone(&stage));
	ck_assert_int_eq(xfr_fill(&xfr, &writer), 1);
	ck_assert_uint_le(dns_writer_finish(&writer), 500);
	stage_deinit(&stage);
}
END_TEST

START_TEST(a_record_larger_than_a_message_ends_it_with_an_error)
{
	struct stage stage;
	char line[600] = "60 TXT";

	stage_init(&stage);
	for (unsigned i = 0; i < 2; i++) {
		snprintf(line + strlen(line), sizeof(line) - strlen(line), " %0200u", i);
	}
	stage_put(&stage, "large", "a", strcat(line, "\n"));
	ck_assert_int_eq(take(stage_zone(&stage), 300), ERR_SPACE);
	ck_assert_uint_eq(taken.soas, 1);
	ck_assert_int_eq(take(stage_zone(&stage), 500), OK);
	stage_deinit(&stage);
}
END_TEST

START_TEST(one_record_may_be_larger_than_messages_are)
{
	struct stage stage;
	struct made *made = made_new("large", "a", "");
	static uint8_t rdata[60000];

	stage_init(&stage);
	made->records[0] =
		(struct record){.type = 65280, .ttl = 60, .rdata = rdata, .size = sizeof(rdata)};
	made->content.count = 1;
	stage_begin(&stage);
	must(zone_put(stage.writer, stage_apex, &made->content));
	stage_commit(&stage);
	ck_assert_int_eq(take(stage_zone(&stage), WIRE_MAX), OK);
	ck_assert_uint_ge(taken.largest, sizeof(rdata));
	expect_whole(stage_zone(&stage));
	made->content.count = 0;
	made_free(made);
	stage_deinit(&stage);
}
END_TEST

START_TEST(names_arrive_as_they_are_spelled)
{
	/* RFC 5936 3.4. The question's "Z" is not the zone's "z". */
	struct stage stage;

	stage_init(&stage);
	stage_put(&stage, "one.BRANCH", "a", "60 NS x.BRANCH\n60 NS x.branch\n");
	stage_put(&stage, "two.branch", "a", "60 NS x.Branch\n");
	ck_assert_int_eq(take(stage_zone(&stage), WIRE_MAX), OK);
	expect_whole(stage_zone(&stage));
	stage_deinit(&stage);
}
END_TEST

START_TEST(the_soa_alone_is_one_record)
{
	static uint8_t wire[512];
	struct dns_writer writer;
	struct stage stage;

	stage_init(&stage);
	dns_writer_init(&writer, wire, sizeof(wire));
	ck_assert_int_eq(xfr_write_soa(stage_zone(&stage), &writer), OK);
	ck_assert_uint_eq(writer.count[DNS_ANSWER], 1);
	dns_writer_init(&writer, wire, 20);
	ck_assert_int_eq(xfr_write_soa(stage_zone(&stage), &writer), ERR_SPACE);
	stage_deinit(&stage);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		an_empty_zone_is_its_soa_twice_in_one_message,
		explicit_and_derived_records_come_once_each,
		what_stands_below_a_cut_is_transferred,
		a_set_larger_than_a_message_goes_on_in_the_next,
		messages_are_filled_as_far_as_pointers_reach,
		a_record_that_ends_at_the_last_octet_is_taken_at_every_size,
		room_kept_for_a_signature_stays_free,
		a_record_larger_than_a_message_ends_it_with_an_error,
		one_record_may_be_larger_than_messages_are,
		names_arrive_as_they_are_spelled,
		the_soa_alone_is_one_record,
	};

	return run_tests("xfr", tests, COUNT_OF(tests));
}
