/*
 * A second reader and writer of messages, ldns, has to agree with ours: on generated messages, in
 * both directions, and on recorded packets of other programs (tests/vectors).
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include <ldns/ldns.h>

#include "base/err.h"
#include "base/rand.h"
#include "dns/message.h"
#include "dns/rrtype.h"
#include "dns/writer.h"
#include "tests/unit/hex.h"
#include "tests/unit/random_rdata.h"
#include "tests/unit/run.h"

#define MESSAGES 4000
#define POOL 8 /* names that a message uses again and again */

/* Types of the table that stand in messages as data, filled by collect_types(). */
static uint16_t types[128];
static size_t type_count;

static void collect_types(void)
{
	for (uint16_t type = 1; type < 300; type++) {
		/* ldns takes the name of NSAP-PTR (RFC 1706) for a string. */
		if (dns_rrtype(type)->name[0] != '\0' && !dns_rrtype_is_meta(type) &&
		    type != DNS_TYPE_NSAP_PTR) {
			types[type_count++] = type;
		}
	}
	types[type_count++] = 65280;
	types[type_count++] = 4711;
}

static void add_label(struct rand *rand, uint8_t *name, size_t *at)
{
	static const char letters[] = "abcxyzABCXYZ0123-_";
	const uint32_t kind = rand_below(rand, 20);
	const uint32_t size = kind == 0 ? DNS_LABEL_MAX : 1 + rand_below(rand, 12);

	if (*at + size + 2 > DNS_NAME_MAX) {
		return;
	}
	name[(*at)++] = (uint8_t)size;
	for (uint32_t i = 0; i < size; i++) {
		name[(*at)++] = kind <= 2 ? (uint8_t)rand_next(rand)
					  : (uint8_t)letters[rand_below(rand, sizeof(letters) - 1)];
	}
}

/* A name of some new labels, often over one that is in the pool, which it then joins. */
static const uint8_t *random_name(struct rand *rand, uint8_t pool[POOL][DNS_NAME_MAX])
{
	uint8_t name[DNS_NAME_MAX];
	uint8_t joined[DNS_NAME_MAX];
	uint8_t *slot = pool[rand_below(rand, POOL)];
	size_t at = 0;

	for (uint32_t left = rand_below(rand, 4); left > 0; left--) {
		add_label(rand, name, &at);
	}
	name[at] = 0;
	if (dns_name_join(joined, name, pool[rand_below(rand, POOL)]) < 0 ||
	    rand_below(rand, 30) == 0) {
		memcpy(joined, name, at + 1);
	}
	memcpy(slot, joined, dns_name_size(joined));
	return slot;
}

static const uint8_t *name_of_pool(void *context, struct rand *rand)
{
	return random_name(rand, context);
}

/* What was put into a generated message. */
struct record {
	enum dns_section section;
	struct dns_rr rr;
	uint8_t rdata[4096];
};

static struct record records[64];
static size_t record_count;

static void random_record(struct rand *rand, struct dns_writer *writer, enum dns_section section,
			  uint8_t pool[POOL][DNS_NAME_MAX])
{
	struct record *record = &records[record_count];
	struct dns_rr *rr = &record->rr;

	record->section = section;
	rr->type = types[rand_below(rand, (uint32_t)type_count)];
	rr->class = rand_below(rand, 9) == 0 ? DNS_CLASS_ANY : DNS_CLASS_IN;
	rr->ttl = (uint32_t)rand_next(rand);
	rr->rdata_size = (uint16_t)random_rdata(rand, rr->type, record->rdata,
						sizeof(record->rdata), name_of_pool, pool);
	memcpy(rr->owner, random_name(rand, pool), DNS_NAME_MAX);
	if (dns_writer_rr(writer, section, rr->owner, rr->type, rr->class, rr->ttl, record->rdata,
			  rr->rdata_size) == OK) {
		record_count++;
	}
}

/* A whole message by our writer. */
static size_t random_message(struct rand *rand, uint8_t *wire, size_t room)
{
	static const uint8_t opt[] = {0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0};
	uint8_t pool[POOL][DNS_NAME_MAX] = {{0}};
	struct dns_writer writer;

	record_count = 0;
	dns_writer_init(&writer, wire, room);
	dns_writer_question(&writer, random_name(rand, pool), types[rand_below(rand, 5)], 1);
	for (enum dns_section section = DNS_ANSWER; section < DNS_SECTIONS; section++) {
		for (uint32_t left = rand_below(rand, 12); left > 0; left--) {
			random_record(rand, &writer, section, pool);
		}
	}
	if (rand_below(rand, 3) == 0) {
		dns_writer_raw(&writer, opt, sizeof(opt));
	}
	return dns_writer_finish(&writer);
}

/* The message says what was put into it. */
static void check_generated(const uint8_t *wire, size_t size)
{
	struct dns_message message;
	struct dns_walk walk = {0};
	uint8_t rdata[4096];

	ck_assert_int_eq(dns_message_parse(&message, wire, size), OK);
	for (size_t i = 0; i < record_count; i++) {
		const struct record *record = &records[i];
		struct buf_writer out = buf_writer(rdata, sizeof(rdata));
		struct dns_rr rr;

		if (i == 0 || record->section != records[i - 1].section) {
			walk = dns_walk(&message, record->section);
		}
		ck_assert_int_eq(dns_walk_next(&walk, &rr), 1);
		ck_assert(dns_name_equal(rr.owner, record->rr.owner));
		ck_assert_uint_eq(rr.type, record->rr.type);
		ck_assert_uint_eq(rr.class, record->rr.class);
		ck_assert_uint_eq(rr.ttl, record->rr.ttl);
		ck_assert_int_eq(dns_rr_rdata(&message, &rr, &out), record->rr.rdata_size);
		ck_assert(dns_rdata_equal(rr.type, rdata, record->rr.rdata_size, record->rdata,
					  record->rr.rdata_size));
	}
}

static const ldns_rr_list *ldns_section(const ldns_pkt *packet, enum dns_section section)
{
	switch (section) {
	case DNS_ANSWER:
		return ldns_pkt_answer(packet);
	case DNS_AUTHORITY:
		return ldns_pkt_authority(packet);
	default:
		return ldns_pkt_additional(packet);
	}
}

/* A name that was compressed takes over the spelling of where it points: then case is lost. */
static bool is_same(const uint8_t *one, const uint8_t *other, size_t size, bool with_case)
{
	return with_case ? memcmp(one, other, size) == 0 : dns_octets_equal(one, other, size);
}

/* One record of ours against one of ldns, in uncompressed wire form. */
static void check_record(const struct dns_message *message, const struct dns_rr *rr,
			 const ldns_rr *other, bool with_case)
{
	uint8_t record[8192];
	struct buf_writer out = buf_writer(record, sizeof(record));
	uint8_t *length;
	uint8_t *wire;
	size_t size;
	int ret = 0;

	buf_write(&out, rr->owner, dns_name_size(rr->owner));
	buf_write_u16(&out, rr->type);
	buf_write_u16(&out, rr->class);
	buf_write_u32(&out, rr->ttl);
	length = buf_reserve(&out, 2);
	/* Empty RDATA stands in updates, where the type's layout does not hold. */
	if (rr->rdata_size > 0) {
		ret = dns_rr_rdata(message, rr, &out);
	}
	ck_assert_msg(ret >= 0, "type %u", rr->type);
	length[0] = (uint8_t)(ret >> 8);
	length[1] = (uint8_t)ret;
	ck_assert_int_eq(ldns_rr2wire(&wire, other, LDNS_SECTION_ANSWER, &size), LDNS_STATUS_OK);
	ck_assert_msg(size == buf_written(&out) && is_same(wire, record, size, with_case),
		      "type %u: %zu and %zu octets", rr->type, size, buf_written(&out));
	free(wire);
}

/* ldns keeps OPT and TSIG beside the records. */
static bool is_kept_apart(const struct dns_rr *rr)
{
	return rr->type == DNS_TYPE_OPT || rr->type == DNS_TYPE_TSIG;
}

static void check_section(const struct dns_message *message, const ldns_pkt *packet,
			  enum dns_section section, bool with_case)
{
	const ldns_rr_list *others = ldns_section(packet, section);
	struct dns_walk walk = dns_walk(message, section);
	struct dns_rr rr;
	size_t count = 0;

	while (dns_walk_next(&walk, &rr) == 1) {
		if (!is_kept_apart(&rr)) {
			ck_assert_uint_lt(count, ldns_rr_list_rr_count(others));
			check_record(message, &rr, ldns_rr_list_rr(others, count++), with_case);
		}
	}
	ck_assert_uint_eq(count, ldns_rr_list_rr_count(others));
}

static void check_packet(const struct dns_message *message, const ldns_pkt *packet, bool with_case)
{
	const ldns_rr *question = ldns_rr_list_rr(ldns_pkt_question(packet), 0);

	ck_assert_uint_eq(message->id, ldns_pkt_id(packet));
	ck_assert_uint_eq(dns_message_opcode(message), (unsigned)ldns_pkt_get_opcode(packet));
	ck_assert_uint_eq(ldns_rr_list_rr_count(ldns_pkt_question(packet)), 1);
	ck_assert_uint_eq(message->qname_size, ldns_rdf_size(ldns_rr_owner(question)));
	ck_assert(is_same(message->qname, ldns_rdf_data(ldns_rr_owner(question)),
			  message->qname_size, with_case));
	ck_assert_uint_eq(message->qtype, (unsigned)ldns_rr_get_type(question));
	ck_assert_uint_eq(message->qclass, (unsigned)ldns_rr_get_class(question));
	ck_assert(message->edns.present == ldns_pkt_edns(packet));
	for (enum dns_section section = DNS_ANSWER; section < DNS_SECTIONS; section++) {
		check_section(message, packet, section, with_case);
	}
}

/* Both read the message alike. */
static ldns_pkt *read_alike(struct dns_message *message, const uint8_t *wire, size_t size)
{
	ldns_pkt *packet;

	ck_assert_int_eq(dns_message_parse(message, wire, size), OK);
	ck_assert_int_eq(ldns_wire2pkt(&packet, wire, size), LDNS_STATUS_OK);
	check_packet(message, packet, true);
	return packet;
}

/* Both read `wire`, and then both read what ldns writes of it, which is the same again. */
static void check_both_ways(const uint8_t *wire, size_t size)
{
	struct dns_message message;
	ldns_pkt *packet = read_alike(&message, wire, size);
	ldns_pkt *packet_again;
	uint8_t *again;
	size_t again_size;

	ck_assert_int_eq(ldns_pkt2wire(&again, packet, &again_size), LDNS_STATUS_OK);
	packet_again = read_alike(&message, again, again_size);
	check_packet(&message, packet, false);
	free(again);
	ldns_pkt_free(packet_again);
	ldns_pkt_free(packet);
}

START_TEST(generated_messages_are_read_alike)
{
	static uint8_t wire[65535];
	struct rand rand;

	rand_init(&rand, 20);
	for (int i = 0; i < MESSAGES; i++) {
		const size_t size = random_message(&rand, wire, sizeof(wire));

		check_generated(wire, size);
		check_both_ways(wire, size);
	}
}
END_TEST

/* A packet of the files: ours drops responses, so it reads them with QR cleared. */
static void check_recorded(uint8_t *wire, size_t size)
{
	struct dns_message message;

	if ((wire[2] & 0x80) != 0) {
		ck_assert_int_eq(dns_message_parse(&message, wire, size), ERR_CLOSED);
		wire[2] &= 0x7f;
	}
	if ((wire[2] >> 3) == DNS_OPCODE_DSO) {
		ck_assert_int_eq(dns_message_parse(&message, wire, size), DNS_RCODE_NOTIMP);
		return;
	}
	/* Responses to UPDATE may come without their zone. */
	if (wire[5] == 0) {
		ck_assert_int_eq(dns_message_parse(&message, wire, size), DNS_RCODE_FORMERR);
		return;
	}
	check_both_ways(wire, size);
}

static size_t check_file(const char *path)
{
	static char line[140000];
	static uint8_t wire[65535];
	FILE *file = fopen(path, "r");
	size_t count = 0;

	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		const char *packet = strpbrk(line, "CS#");
		size_t size;

		if (packet == NULL || *packet == '#') {
			continue;
		}
		size = hex_read(wire, sizeof(wire), packet + 1);
		if (size >= DNS_HEADER_SIZE) {
			check_recorded(wire, size);
			count++;
		}
	}
	fclose(file);
	return count;
}

START_TEST(recorded_packets_are_read_alike)
{
	const char *source = getenv("srcdir");
	char directory[1024];
	DIR *entries;
	const struct dirent *entry;
	size_t files = 0;
	size_t packets = 0;

	snprintf(directory, sizeof(directory), "%s/tests/vectors", source == NULL ? "." : source);
	entries = opendir(directory);
	ck_assert_ptr_nonnull(entries);
	while ((entry = readdir(entries)) != NULL) {
		const char *dot = strrchr(entry->d_name, '.');
		char path[2048];
		size_t count;

		if (dot == NULL || strcmp(dot, ".txt") != 0) {
			continue;
		}
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		count = check_file(path);
		ck_assert_msg(count > 0, "no packets in %s", path);
		packets += count;
		files++;
	}
	closedir(entries);
	ck_assert_uint_ge(files, 10);
	ck_assert_uint_ge(packets, 80);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		generated_messages_are_read_alike,
		recorded_packets_are_read_alike,
	};

	collect_types();
	return run_tests("referee", tests, COUNT_OF(tests));
}
