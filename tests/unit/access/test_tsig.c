#include <string.h>

#include "access/access.h"
#include "base/err.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"

/*
 * An UPDATE that adds a.test. A 192.0.2.1, without TSIG; key1.example. has the octets 00..1f. The
 * MACs were made by another implementation.
 */
#define UPDATE_HEX                                                                                 \
	"123428000001000000010000 0474657374000006 0001 0161 0474657374 00 0001 0001 "             \
	"0000003c 0004 c0000201"
#define UPDATE_MAC "1b131af5813ed5f1a658d0714154653ae5cef684f497c4e7dea09268359e0bc3"
#define UPDATE_SIZE 44
#define SIGNED_S 0x6a000000u
#define FUDGE_S 300u

static const char conf_text[] =
	"server: {listen: [127.0.0.1]}\n"
	"key:\n"
	"  - {name: Key1.Example, secret: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=}\n"
	"  - {name: test, secret: AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=}\n"
	"  - {name: long, algorithm: hmac-sha512, secret: AAEC}\n"
	"  - {name: other, secret: AAEC}\n";

static struct conf *conf; /* of conf_text, read by all tests */

/* A message and what becomes of it. */
struct exchange {
	uint8_t wire[1024];
	size_t size;
	struct dns_message message;
	struct access_identity identity;
	struct access_signer signer;
};

/* The TSIG that fits UPDATE_HEX. */
static struct dns_tsig good_tsig(void)
{
	struct dns_tsig tsig = {
		.key_name = "\4key1\7example",
		.algorithm = "\13hmac-sha256",
		.time_s = SIGNED_S,
		.fudge_s = FUDGE_S,
		.mac_size = 32,
		.original_id = 0x1234,
	};

	hex_read(tsig.mac, sizeof(tsig.mac), UPDATE_MAC);
	return tsig;
}

/* UPDATE_HEX and this TSIG behind it, counted. */
static void put_request(struct exchange *exchange, const struct dns_tsig *tsig)
{
	exchange->size = hex_read(exchange->wire, sizeof(exchange->wire), UPDATE_HEX);
	struct buf_writer out = buf_writer(exchange->wire + exchange->size,
					   sizeof(exchange->wire) - exchange->size);
	dns_tsig_write(&out, tsig);
	exchange->size += buf_written(&out);
	exchange->wire[11]++;
}

/* The MAC as it should be for this TSIG on UPDATE_HEX. */
static void put_mac(struct dns_tsig *tsig, const struct conf_key *key)
{
	uint8_t message[128];
	uint8_t variables[DNS_TSIG_VARIABLES_MAX];
	uint8_t mac[HMAC_MAX_SIZE];
	const struct hmac_piece pieces[] = {
		{message, hex_read(message, sizeof(message), UPDATE_HEX)},
		{variables, dns_tsig_variables(variables, tsig)},
	};

	ck_assert_ptr_nonnull(key);
	ck_assert_int_eq(hmac_compute(key->secret, pieces, COUNT_OF(pieces), mac), OK);
	memcpy(tsig->mac, mac, tsig->mac_size);
}

/* What a server does with the octets: parse, then verify. The rcode, or OK. */
static int verify(struct exchange *exchange, uint64_t now_s)
{
	uint8_t *exact = hex_exact(exchange->wire, exchange->size);

	exchange->identity.key = &conf->keys[0];
	memset(&exchange->signer, 0xee, sizeof(exchange->signer));
	int ret = dns_message_parse(&exchange->message, exact, exchange->size);
	if (ret == OK) {
		ret = access_verify(conf, &exchange->message, now_s, &exchange->identity,
				    &exchange->signer);
	} else {
		exchange->identity.key = NULL;
		exchange->signer.reply_tsig = false;
	}
	free(exact);
	return ret;
}

/* The TSIG behind the first `size` octets of a reply of `whole`. */
static struct dns_tsig tsig_of(uint8_t *wire, size_t size, int whole,
			       const struct access_signer *signer)
{
	struct dns_message message;
	struct dns_tsig tsig;

	ck_assert_int_eq(whole, (int)(size + access_sign_size(signer)));
	wire[2] &= 0x7f; /* the parser takes no responses */
	ck_assert_int_eq(wire[11], 1);
	message = (struct dns_message){
		.wire = wire, .size = (size_t)whole, .end = (size_t)whole, .tsig_at = size};
	ck_assert_int_eq(dns_tsig_read(&tsig, &message), OK);
	return tsig;
}

/* Signs a reply of these octets; its TSIG as read back. */
static struct dns_tsig signed_reply(struct exchange *exchange, const char *hex, uint64_t now_s)
{
	uint8_t wire[512];
	const size_t size = hex_read(wire, sizeof(wire), hex);
	const int whole = access_sign(&exchange->signer, wire, size, sizeof(wire), now_s);

	return tsig_of(wire, size, whole, &exchange->signer);
}

static void check_mac(const struct dns_tsig *tsig, const char *hex)
{
	uint8_t mac[DNS_TSIG_MAC_MAX];

	ck_assert_uint_eq(tsig->mac_size, hex_read(mac, sizeof(mac), hex));
	ck_assert_mem_eq(tsig->mac, mac, tsig->mac_size);
}

START_TEST(a_good_request_has_an_identity_and_a_signed_reply)
{
	const struct dns_tsig request = good_tsig();
	struct exchange exchange;

	put_request(&exchange, &request);
	ck_assert_int_eq(verify(&exchange, SIGNED_S), OK);
	ck_assert_ptr_eq(exchange.identity.key, &conf->keys[0]);
	const struct dns_tsig reply = signed_reply(&exchange, "1234a8000000000000000000", SIGNED_S);
	ck_assert(dns_name_equal(reply.key_name, request.key_name));
	ck_assert(dns_name_equal(reply.algorithm, request.algorithm));
	ck_assert_uint_eq(reply.time_s, SIGNED_S);
	ck_assert_uint_eq(reply.fudge_s, FUDGE_S);
	ck_assert_uint_eq(reply.original_id, 0x1234);
	ck_assert_uint_eq(reply.error, 0);
	ck_assert_uint_eq(reply.other_size, 0);
	check_mac(&reply, "b5b5b349e84304285c0042672dff12b01663916a7b7fbb363117ce3289601bc8");
}
END_TEST

START_TEST(a_reply_carries_the_time_of_its_signing)
{
	const struct dns_tsig request = good_tsig();
	struct exchange exchange;

	put_request(&exchange, &request);
	ck_assert_int_eq(verify(&exchange, SIGNED_S), OK);
	const struct dns_tsig reply =
		signed_reply(&exchange, "1234a8000000000000000000", SIGNED_S + 7);
	ck_assert_uint_eq(reply.time_s, SIGNED_S + 7);
}
END_TEST

START_TEST(an_unsigned_request_has_neither)
{
	struct exchange exchange;
	uint8_t wire[12];

	exchange.size = hex_read(exchange.wire, sizeof(exchange.wire), UPDATE_HEX);
	ck_assert_int_eq(verify(&exchange, SIGNED_S), OK);
	ck_assert_ptr_null(exchange.identity.key);
	ck_assert(!exchange.signer.reply_tsig);
	ck_assert_uint_eq(access_sign_size(&exchange.signer), 0);
	memset(wire, 0, sizeof(wire));
	ck_assert_int_eq(access_sign(&exchange.signer, wire, 12, 12, SIGNED_S), 12);
	ck_assert_uint_eq(wire[11], 0);
}
END_TEST

/* RFC 8945 5.2: each row changes one thing in a good request. */
enum reply_kind { REPLY_PLAIN, REPLY_UNSIGNED, REPLY_SIGNED };

struct check {
	const char *what;
	const char *key_name;
	const char *algorithm;
	int mac_size; /* -1: as it is */
	bool is_mac_wrong;
	uint16_t error;
	uint64_t now_s;
	int rcode;
	enum reply_kind reply;
	uint16_t reply_error;
};

static const struct check checks[] = {
	{"error set", NULL, NULL, -1, false, 16, SIGNED_S, DNS_RCODE_FORMERR, REPLY_PLAIN, 0},
	{"error set, key unknown", "\4nope", NULL, -1, false, 17, SIGNED_S, DNS_RCODE_FORMERR,
	 REPLY_PLAIN, 0},
	{"key unknown", "\4key2\7example", NULL, -1, false, 0, SIGNED_S, DNS_RCODE_NOTAUTH,
	 REPLY_UNSIGNED, DNS_TSIG_BADKEY},
	{"root as key", "", NULL, -1, false, 0, SIGNED_S, DNS_RCODE_NOTAUTH, REPLY_UNSIGNED,
	 DNS_TSIG_BADKEY},
	{"algorithm unknown", NULL, "\13hmac-sha999", -1, false, 0, SIGNED_S, DNS_RCODE_NOTAUTH,
	 REPLY_UNSIGNED, DNS_TSIG_BADKEY},
	{"algorithm that must not be used", NULL, "\10hmac-md5\7sig-alg\3reg\3int", -1, false, 0,
	 SIGNED_S, DNS_RCODE_NOTAUTH, REPLY_UNSIGNED, DNS_TSIG_BADKEY},
	{"algorithm of another key", NULL, "\13hmac-sha512", -1, false, 0, SIGNED_S,
	 DNS_RCODE_NOTAUTH, REPLY_UNSIGNED, DNS_TSIG_BADKEY},
	{"key unknown and MAC too short", "\4nope", NULL, 0, false, 0, SIGNED_S, DNS_RCODE_NOTAUTH,
	 REPLY_UNSIGNED, DNS_TSIG_BADKEY},
	{"MAC one octet too long", NULL, NULL, 33, false, 0, SIGNED_S, DNS_RCODE_FORMERR,
	 REPLY_PLAIN, 0},
	{"no MAC", NULL, NULL, 0, false, 0, SIGNED_S, DNS_RCODE_FORMERR, REPLY_PLAIN, 0},
	{"MAC of 10", NULL, NULL, 10, false, 0, SIGNED_S, DNS_RCODE_FORMERR, REPLY_PLAIN, 0},
	{"MAC just under half", NULL, NULL, 15, false, 0, SIGNED_S, DNS_RCODE_FORMERR, REPLY_PLAIN,
	 0},
	{"MAC of half", NULL, NULL, 16, false, 0, SIGNED_S, DNS_RCODE_NOTAUTH, REPLY_SIGNED,
	 DNS_TSIG_BADTRUNC},
	{"MAC one octet short", NULL, NULL, 31, false, 0, SIGNED_S, DNS_RCODE_NOTAUTH, REPLY_SIGNED,
	 DNS_TSIG_BADTRUNC},
	{"MAC of half, wrong", NULL, NULL, 16, true, 0, SIGNED_S, DNS_RCODE_NOTAUTH, REPLY_UNSIGNED,
	 DNS_TSIG_BADSIG},
	{"MAC wrong", NULL, NULL, -1, true, 0, SIGNED_S, DNS_RCODE_NOTAUTH, REPLY_UNSIGNED,
	 DNS_TSIG_BADSIG},
	{"MAC of another secret", "\5other", NULL, -1, false, 0, SIGNED_S, DNS_RCODE_NOTAUTH,
	 REPLY_UNSIGNED, DNS_TSIG_BADSIG},
	{"MAC and time wrong", NULL, NULL, -1, true, 0, SIGNED_S + 4096, DNS_RCODE_NOTAUTH,
	 REPLY_UNSIGNED, DNS_TSIG_BADSIG},
	{"last second", NULL, NULL, -1, false, 0, SIGNED_S + FUDGE_S, OK, REPLY_SIGNED, 0},
	{"first second", NULL, NULL, -1, false, 0, SIGNED_S - FUDGE_S, OK, REPLY_SIGNED, 0},
	{"too late", NULL, NULL, -1, false, 0, SIGNED_S + FUDGE_S + 1, DNS_RCODE_NOTAUTH,
	 REPLY_SIGNED, DNS_TSIG_BADTIME},
	{"too early", NULL, NULL, -1, false, 0, SIGNED_S - FUDGE_S - 1, DNS_RCODE_NOTAUTH,
	 REPLY_SIGNED, DNS_TSIG_BADTIME},
	{"clock at 0", NULL, NULL, -1, false, 0, 0, DNS_RCODE_NOTAUTH, REPLY_SIGNED,
	 DNS_TSIG_BADTIME},
	{"time wrong and MAC short", NULL, NULL, 16, false, 0, SIGNED_S + 4096, DNS_RCODE_NOTAUTH,
	 REPLY_SIGNED, DNS_TSIG_BADTIME},
};

static void check_reply(struct exchange *exchange, const struct check *check)
{
	ck_assert_msg(exchange->signer.reply_tsig == (check->reply != REPLY_PLAIN), "%s",
		      check->what);
	ck_assert_msg((exchange->identity.key != NULL) == (check->rcode == OK), "%s", check->what);
	if (check->reply == REPLY_PLAIN) {
		ck_assert_ptr_null(exchange->signer.key);
		return;
	}
	ck_assert_msg((exchange->signer.key != NULL) == (check->reply == REPLY_SIGNED), "%s",
		      check->what);
	const struct dns_tsig reply =
		signed_reply(exchange, "1234a8090000000000000000", check->now_s);
	ck_assert_uint_eq(reply.error, check->reply_error);
	ck_assert_uint_eq(reply.mac_size, check->reply == REPLY_SIGNED ? 32 : 0);
	ck_assert_uint_eq(reply.other_size, check->reply_error == DNS_TSIG_BADTIME ? 6 : 0);
}

START_TEST(the_checks_of_a_server_stand_in_their_order)
{
	for (size_t i = 0; i < COUNT_OF(checks); i++) {
		const struct check *check = &checks[i];
		struct dns_tsig tsig = good_tsig();
		struct exchange exchange;

		if (check->key_name != NULL) {
			memcpy(tsig.key_name, check->key_name, strlen(check->key_name) + 1);
		}
		if (check->algorithm != NULL) {
			memcpy(tsig.algorithm, check->algorithm, strlen(check->algorithm) + 1);
		}
		tsig.mac_size = check->mac_size < 0 ? 32 : (uint16_t)check->mac_size;
		tsig.mac[tsig.mac_size == 0 ? 0 : tsig.mac_size - 1] ^= check->is_mac_wrong;
		tsig.error = check->error;
		put_request(&exchange, &tsig);
		const int ret = verify(&exchange, check->now_s);
		ck_assert_msg(ret == check->rcode, "%s: %d", check->what, ret);
		check_reply(&exchange, check);
	}
}
END_TEST

START_TEST(a_record_that_is_no_tsig_is_malformed)
{
	static const struct {
		size_t at; /* behind the start of the TSIG */
		uint8_t octet;
	} cases[] = {
		{14 + 3, 1}, /* class IN */
		{14 + 7, 1}, /* TTL 1 */
		{14 + 9, 60}, /* RDLENGTH one less */
		{14 + 10, 0xc0}, /* algorithm compressed */
		{14 + 10 + 13 + 9, 31}, /* MAC size that does not fit */
		{14 + 10 + 13 + 10 + 32 + 5, 1}, /* other data that is not there */
	};
	const struct dns_tsig tsig = good_tsig();

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct exchange exchange;

		put_request(&exchange, &tsig);
		ck_assert_uint_eq(exchange.size, UPDATE_SIZE + 14 + 10 + 13 + 16 + 32);
		ck_assert_uint_ne(exchange.wire[UPDATE_SIZE + cases[i].at], cases[i].octet);
		exchange.wire[UPDATE_SIZE + cases[i].at] = cases[i].octet;
		ck_assert_msg(verify(&exchange, SIGNED_S) == DNS_RCODE_FORMERR, "%zu", cases[i].at);
		ck_assert(!exchange.signer.reply_tsig);
		ck_assert_ptr_null(exchange.identity.key);
	}
}
END_TEST

START_TEST(every_octet_of_the_message_is_signed)
{
	const struct dns_tsig tsig = good_tsig();
	struct exchange exchange;
	size_t count = 0;

	put_request(&exchange, &tsig);
	const size_t size = exchange.size;
	for (size_t at = 0; at < size; at++) {
		put_request(&exchange, &tsig);
		exchange.wire[at] ^= 1;
		const int ret = verify(&exchange, SIGNED_S);
		/* Of another type than TSIG, the record is none, and the message unsigned. */
		const bool is_type = at == UPDATE_SIZE + 14 || at == UPDATE_SIZE + 15;
		/* The ID on the wire may change: the original one takes its place. */
		ck_assert_msg((ret == OK) == (at < 2 || is_type), "octet %zu", at);
		count += exchange.identity.key != NULL;
	}
	ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(a_forwarded_request_is_verified_by_its_original_id)
{
	const struct dns_tsig tsig = good_tsig();
	struct exchange exchange;

	put_request(&exchange, &tsig);
	exchange.wire[0] = 0xab;
	ck_assert_int_eq(verify(&exchange, SIGNED_S), OK);
	/* The forwarder puts the ID back; what the client then sees is what was signed. */
	const struct dns_tsig reply = signed_reply(&exchange, "ab34a8000000000000000000", SIGNED_S);
	ck_assert_uint_eq(reply.original_id, 0x1234);
	check_mac(&reply, "b5b5b349e84304285c0042672dff12b01663916a7b7fbb363117ce3289601bc8");
}
END_TEST

START_TEST(key_names_count_without_case_and_uncompressed)
{
	struct dns_tsig tsig = good_tsig();
	struct exchange exchange;

	memcpy(tsig.key_name, "\4KEY1\7eXAMPLE", 14);
	memcpy(tsig.algorithm, "\13HMAC-SHA256", 13);
	put_request(&exchange, &tsig);
	ck_assert_int_eq(verify(&exchange, SIGNED_S), OK);
	ck_assert_ptr_eq(exchange.identity.key, &conf->keys[0]);
	/* Key "test." as a pointer to the zone's name. */
	tsig = good_tsig();
	memcpy(tsig.key_name, "\4test", 6);
	put_mac(&tsig, &conf->keys[1]);
	put_request(&exchange, &tsig);
	memmove(exchange.wire + UPDATE_SIZE + 2, exchange.wire + UPDATE_SIZE + 6,
		exchange.size - UPDATE_SIZE - 6);
	memcpy(exchange.wire + UPDATE_SIZE, "\xc0\x0c", 2);
	exchange.size -= 4;
	ck_assert_int_eq(verify(&exchange, SIGNED_S), OK);
	ck_assert_ptr_eq(exchange.identity.key, &conf->keys[1]);
}
END_TEST

START_TEST(times_are_compared_in_48_bits_without_wrapping)
{
	static const struct {
		uint64_t time_s;
		uint16_t fudge_s;
		uint64_t now_s;
		int rcode;
	} cases[] = {
		{0, 300, 300, OK},
		{0, 300, 301, DNS_RCODE_NOTAUTH},
		{0, 0, 0, OK},
		{100, 300, 0, OK},
		{100, 0, 100, OK},
		{100, 0, 101, DNS_RCODE_NOTAUTH},
		{100, 0, 99, DNS_RCODE_NOTAUTH},
		/* No longer than what was withdrawn is remembered (section 10). */
		{0, 65535, 300, OK},
		{0, 65535, 301, DNS_RCODE_NOTAUTH},
		{301, 65535, 0, DNS_RCODE_NOTAUTH},
		{0xffffffffffff, 65535, 0xffffffffffff, OK},
		{0xffffffffffff, 65535, SIGNED_S, DNS_RCODE_NOTAUTH},
		{0x100000000, 300, 0, DNS_RCODE_NOTAUTH},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct dns_tsig tsig = good_tsig();
		struct exchange exchange;

		tsig.time_s = cases[i].time_s;
		tsig.fudge_s = cases[i].fudge_s;
		put_mac(&tsig, &conf->keys[0]);
		put_request(&exchange, &tsig);
		ck_assert_msg(verify(&exchange, cases[i].now_s) == cases[i].rcode, "%zu", i);
	}
}
END_TEST

START_TEST(a_wrong_time_is_answered_with_ours_and_signed_with_theirs)
{
	const struct dns_tsig request = good_tsig();
	struct exchange exchange;

	put_request(&exchange, &request);
	ck_assert_int_eq(verify(&exchange, SIGNED_S + 0x1000), DNS_RCODE_NOTAUTH);
	const struct dns_tsig reply =
		signed_reply(&exchange, "1234a8090000000000000000", SIGNED_S + 0x1000);
	ck_assert_uint_eq(reply.error, DNS_TSIG_BADTIME);
	ck_assert_uint_eq(reply.time_s, SIGNED_S);
	ck_assert_uint_eq(reply.fudge_s, FUDGE_S);
	ck_assert_uint_eq(reply.other_size, 6);
	ck_assert_uint_eq(reply.other, SIGNED_S + 0x1000);
	check_mac(&reply, "9337e69a735510357cabbfb958b3b409fc556cabb24fd5893588e353f5074f84");
}
END_TEST

START_TEST(a_truncated_mac_is_part_of_the_reply_as_it_was_received)
{
	struct dns_tsig request = good_tsig();
	struct exchange exchange;

	request.mac_size = 16;
	put_request(&exchange, &request);
	ck_assert_int_eq(verify(&exchange, SIGNED_S), DNS_RCODE_NOTAUTH);
	const struct dns_tsig reply = signed_reply(&exchange, "1234a8090000000000000000", SIGNED_S);
	ck_assert_uint_eq(reply.error, DNS_TSIG_BADTRUNC);
	check_mac(&reply, "a63b5598e10dea681a655388ddaf8de3a133f568d1c2dd39ac246478bf35d62c");
}
END_TEST

START_TEST(half_is_counted_by_the_hash_of_the_key)
{
	static const struct {
		uint16_t size;
		int rcode;
	} cases[] = {{64, OK}, {32, DNS_RCODE_NOTAUTH}, {31, DNS_RCODE_FORMERR}};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct dns_tsig tsig = good_tsig();
		struct exchange exchange;

		memcpy(tsig.key_name, "\4long", 6);
		memcpy(tsig.algorithm, "\13hmac-sha512", 13);
		tsig.mac_size = cases[i].size;
		put_mac(&tsig, &conf->keys[2]);
		put_request(&exchange, &tsig);
		ck_assert_int_eq(verify(&exchange, SIGNED_S), cases[i].rcode);
		ck_assert(cases[i].rcode != OK || exchange.identity.key == &conf->keys[2]);
	}
}
END_TEST

START_TEST(a_record_that_does_not_fit_changes_nothing)
{
	const struct dns_tsig request = good_tsig();
	struct exchange exchange;
	uint8_t wire[256];
	uint8_t before[256];

	put_request(&exchange, &request);
	ck_assert_int_eq(verify(&exchange, SIGNED_S), OK);
	memset(wire, 0xaa, sizeof(wire));
	hex_read(wire, 12, "1234a8000000000000000000");
	memcpy(before, wire, sizeof(wire));
	const size_t whole = 12 + access_sign_size(&exchange.signer);
	ck_assert_int_eq(access_sign(&exchange.signer, wire, 12, whole - 1, SIGNED_S), ERR_SPACE);
	ck_assert_mem_eq(wire, before, sizeof(wire));
	ck_assert_int_eq(access_sign(&exchange.signer, wire, 12, whole, SIGNED_S), (int)whole);
	ck_assert_mem_eq(wire + whole, before + whole, sizeof(wire) - whole);
}
END_TEST

START_TEST(a_signer_can_be_copied_and_kept)
{
	const struct dns_tsig request = good_tsig();
	struct exchange exchange;
	struct exchange copy;

	put_request(&exchange, &request);
	ck_assert_int_eq(verify(&exchange, SIGNED_S), OK);
	memcpy(&copy.signer, &exchange.signer, sizeof(copy.signer));
	memset(&exchange, 0, sizeof(exchange));
	const struct dns_tsig reply = signed_reply(&copy, "1234a8000000000000000000", SIGNED_S);
	check_mac(&reply, "b5b5b349e84304285c0042672dff12b01663916a7b7fbb363117ce3289601bc8");
}
END_TEST

START_TEST(messages_of_one_reply_are_signed_in_a_chain)
{
	/* RFC 8945 5.3.1: the last MAC, the message, the timers. MACs of another implementation. */
	static const char *const macs[] = {
		"b5b5b349e84304285c0042672dff12b01663916a7b7fbb363117ce3289601bc8",
		"c67a877b13ff7580873d5162c91c4b429e7e18cfb18f297f31257162345c0daf",
		"138da692a62531a9a15af90294d4c8a7fab8aa47f8fd5a42ee7698defe5fc395",
	};
	const struct dns_tsig request = good_tsig();
	struct exchange exchange;
	uint8_t wire[512];

	put_request(&exchange, &request);
	ck_assert_int_eq(verify(&exchange, SIGNED_S), OK);
	struct access_signer *signer = &exchange.signer;
	for (size_t i = 0; i < COUNT_OF(macs); i++) {
		const size_t size = hex_read(wire, sizeof(wire), "1234a8000000000000000000");

		/* One that does not fit leaves the chain as it was. */
		ck_assert_int_eq(access_sign(signer, wire, size, size, SIGNED_S), ERR_SPACE);
		const int whole = access_sign(signer, wire, size, sizeof(wire), SIGNED_S + i);
		const struct dns_tsig reply = tsig_of(wire, size, whole, signer);

		check_mac(&reply, macs[i]);
		ck_assert_uint_eq(reply.time_s, SIGNED_S + i);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_good_request_has_an_identity_and_a_signed_reply,
		a_reply_carries_the_time_of_its_signing,
		an_unsigned_request_has_neither,
		the_checks_of_a_server_stand_in_their_order,
		a_record_that_is_no_tsig_is_malformed,
		every_octet_of_the_message_is_signed,
		a_forwarded_request_is_verified_by_its_original_id,
		key_names_count_without_case_and_uncompressed,
		times_are_compared_in_48_bits_without_wrapping,
		a_wrong_time_is_answered_with_ours_and_signed_with_theirs,
		a_truncated_mac_is_part_of_the_reply_as_it_was_received,
		half_is_counted_by_the_hash_of_the_key,
		a_record_that_does_not_fit_changes_nothing,
		a_signer_can_be_copied_and_kept,
		messages_of_one_reply_are_signed_in_a_chain,
	};

	struct conf_error error;

	if (conf_parse(&conf, conf_text, strlen(conf_text), "w.conf", ".", &error) != OK) {
		return EXIT_FAILURE;
	}
	const int ret = run_tests("tsig", tests, COUNT_OF(tests));
	conf_unref(conf);
	return ret;
}
