#include <string.h>

#include "base/err.h"
#include "crypto/hmac.h"
#include "dns/tsig.h"
#include "dns/writer.h"
#include "tests/unit/hex.h"
#include "tests/unit/run.h"

#define KEY_NAME "046b657931 076578616d706c65 00"
#define SHA256_NAME "0b686d61632d736861323536 00"
#define REQUEST                                                                                    \
	"123428000001000000010000 0474657374 00 0006 0001  0161 0474657374 00 0001 0001 0000003c " \
	"0004 c0000201"
#define RESPONSE "1234a8000000000000000000"
#define REQUEST_MAC "1b131af5813ed5f1a658d0714154653ae5cef684f497c4e7dea09268359e0bc3"
#define RESPONSE_MAC "b5b5b349e84304285c0042672dff12b01663916a7b7fbb363117ce3289601bc8"
#define BADTIME_MAC "9337e69a735510357cabbfb958b3b409fc556cabb24fd5893588e353f5074f84"
#define SECOND_MAC "53866fb3bc1b970a8ea4b5a46c975ac55e0d88e59b449fce4329b2b1fab1ff7b"

static struct dns_tsig sample(void)
{
	struct dns_tsig tsig = {
		.time_s = 0x6a000000, .fudge_s = 300, .mac_size = 32, .original_id = 0x1234};

	hex_read(tsig.key_name, sizeof(tsig.key_name), KEY_NAME);
	hex_read(tsig.algorithm, sizeof(tsig.algorithm), SHA256_NAME);
	hex_read(tsig.mac, sizeof(tsig.mac), REQUEST_MAC);
	return tsig;
}

/* The MAC over `prior` (with its length before it, unless NULL), a message and the end. */
static void check_mac(const char *prior, const char *message, const uint8_t *end, size_t end_size,
		      const char *expected)
{
	uint8_t secret[32];
	uint8_t octets[3][128];
	uint8_t mac[HMAC_MAX_SIZE];
	uint8_t right[32];
	struct hmac_piece pieces[3] = {{0}};
	struct hmac_key *key;

	for (uint8_t i = 0; i < sizeof(secret); i++) {
		secret[i] = i;
	}
	if (prior != NULL) {
		octets[0][0] = 0;
		octets[0][1] = 32;
		pieces[0] = (struct hmac_piece){octets[0], 2 + hex_read(octets[0] + 2, 32, prior)};
	}
	pieces[1] = (struct hmac_piece){octets[1], hex_read(octets[1], 128, message)};
	pieces[2] = (struct hmac_piece){end, end_size};
	ck_assert_int_eq(hmac_key_new(&key, HMAC_SHA256, secret, sizeof(secret)), OK);
	ck_assert_int_eq(hmac_compute(key, pieces, COUNT_OF(pieces), mac), OK);
	hmac_key_free(key);
	ck_assert_uint_eq(hex_read(right, sizeof(right), expected), 32);
	ck_assert_mem_eq(mac, right, 32);
}

START_TEST(variables_give_the_macs_of_the_vectors)
{
	struct dns_tsig tsig = sample();
	uint8_t variables[DNS_TSIG_VARIABLES_MAX];
	uint8_t expected[64];
	uint8_t timers[8];
	struct buf_writer out = buf_writer(timers, sizeof(timers));
	size_t size = dns_tsig_variables(variables, &tsig);

	ck_assert_uint_eq(size, hex_read(expected, sizeof(expected),
					 KEY_NAME "00ff 00000000" SHA256_NAME
						  "00006a000000 012c 0000 0000"));
	ck_assert_mem_eq(variables, expected, size);
	check_mac(NULL, REQUEST, variables, size, REQUEST_MAC);
	check_mac(REQUEST_MAC, RESPONSE, variables, size, RESPONSE_MAC);

	buf_write_u48(&out, tsig.time_s);
	buf_write_u16(&out, tsig.fudge_s);
	check_mac(RESPONSE_MAC, RESPONSE, timers, sizeof(timers), SECOND_MAC);

	tsig.error = DNS_TSIG_BADTIME;
	tsig.other_size = 6;
	tsig.other = 0x6a001000;
	size = dns_tsig_variables(variables, &tsig);
	check_mac(REQUEST_MAC, "1234a8090000000000000000", variables, size, BADTIME_MAC);
}
END_TEST

/* A message whose only record is the TSIG, given as hex. */
static size_t wrap(uint8_t *wire, size_t room, const char *record)
{
	memset(wire, 0, room);
	wire[2] = 0x28;
	wire[5] = 1;
	wire[11] = 1;
	hex_read(wire + 12, 10, "0474657374 00 0006 0001");
	return 22 + hex_read(wire + 22, room - 22, record);
}

START_TEST(what_is_written_is_read_again)
{
	static const struct {
		uint16_t mac_size;
		uint16_t error;
		uint16_t other_size;
		uint64_t time_s;
	} cases[] = {
		{32, 0, 0, 0x6a000000},         {0, DNS_TSIG_BADKEY, 0, 0},
		{64, 0, 0, 0xffffffffffff},     {32, DNS_TSIG_BADTIME, 6, 1},
		{16, 0xffff, 0, 0x10000000000},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct dns_tsig tsig = sample();
		struct dns_tsig back;
		struct dns_message message;
		uint8_t wire[512];
		uint8_t record[256];
		struct buf_writer out = buf_writer(record, sizeof(record));
		struct dns_writer writer;
		size_t size;

		tsig.mac_size = cases[i].mac_size;
		tsig.error = cases[i].error;
		tsig.other_size = cases[i].other_size;
		tsig.other = cases[i].other_size == 6 ? 0x123456789abc : 0;
		tsig.time_s = cases[i].time_s;
		dns_tsig_write(&out, &tsig);
		ck_assert_uint_eq(buf_written(&out), dns_tsig_size(&tsig));
		dns_writer_init(&writer, wire, sizeof(wire));
		ck_assert_int_eq(dns_writer_question(&writer, (const uint8_t *)"\1a", 1, 1), OK);
		ck_assert_int_eq(dns_writer_raw(&writer, record, buf_written(&out)), OK);
		size = dns_writer_finish(&writer);
		ck_assert_int_eq(dns_message_parse(&message, wire, size), OK);
		ck_assert_uint_eq(message.tsig_at, 12 + 3 + 4);
		ck_assert_int_eq(dns_tsig_read(&back, &message), OK);
		ck_assert(dns_name_equal(back.key_name, tsig.key_name));
		ck_assert(dns_name_equal(back.algorithm, tsig.algorithm));
		ck_assert_uint_eq(back.time_s, tsig.time_s);
		ck_assert_uint_eq(back.fudge_s, tsig.fudge_s);
		ck_assert_uint_eq(back.mac_size, tsig.mac_size);
		ck_assert_mem_eq(back.mac, tsig.mac, tsig.mac_size);
		ck_assert_uint_eq(back.original_id, tsig.original_id);
		ck_assert_uint_eq(back.error, tsig.error);
		ck_assert_uint_eq(back.other_size, tsig.other_size);
		ck_assert_uint_eq(back.other, tsig.other);
	}
}
END_TEST

START_TEST(names_are_expanded_and_folded)
{
	struct dns_message message;
	struct dns_tsig tsig;
	uint8_t wire[256];
	const size_t size = wrap(wire, sizeof(wire),
				 "024b31 c00c 00fa 00ff 00000000 001d 0b484d41632d736861323536 00"
				 "00006a000000 012c 0000 1234 0000 0000");

	ck_assert_int_eq(dns_message_parse(&message, wire, size), OK);
	ck_assert_int_eq(dns_tsig_read(&tsig, &message), OK);
	ck_assert_mem_eq(tsig.key_name, "\2k1\4test", 9);
	ck_assert_mem_eq(tsig.algorithm, "\xbhmac-sha256", 13);
}
END_TEST

START_TEST(malformed_records_are_refused)
{
	static const struct {
		const char *record;
		int result;
	} cases[] = {
		{"00 00fa 00ff 00000000 0011 00 00006a000000 012c 0000 1234 0000 0000", OK},
		/* class, TTL */
		{"00 00fa 0001 00000000 0011 00 00006a000000 012c 0000 1234 0000 0000", ERR_FORMAT},
		{"00 00fa 00ff 00000001 0011 00 00006a000000 012c 0000 1234 0000 0000", ERR_FORMAT},
		/* algorithm by a pointer */
		{"00 00fa 00ff 00000000 0012 c00c 00006a000000 012c 0000 1234 0000 0000",
		 ERR_FORMAT},
		/* RDATA cut, or longer than its fields */
		{"00 00fa 00ff 00000000 0010 00 00006a000000 012c 0000 1234 0000 00", ERR_FORMAT},
		{"00 00fa 00ff 00000000 0000", ERR_FORMAT},
		{"00 00fa 00ff 00000000 0012 00 00006a000000 012c 0000 1234 0000 0000 00",
		 ERR_FORMAT},
		/* MAC over the end; over 64 octets */
		{"00 00fa 00ff 00000000 0011 00 00006a000000 012c 0010 1234 0000 0000", ERR_FORMAT},
		{"00 00fa 00ff 00000000 0011 00 00006a000000 012c ffff 1234 0000 0000", ERR_FORMAT},
		{"00 00fa 00ff 00000000 0052 00 00006a000000 012c 0041"
		 "00000000000000000000000000000000 00000000000000000000000000000000"
		 "00000000000000000000000000000000 00000000000000000000000000000000 00"
		 "1234 0000 0000",
		 ERR_FORMAT},
		/* other data: cut, of five octets, of seven */
		{"00 00fa 00ff 00000000 0011 00 00006a000000 012c 0000 1234 0000 0006", ERR_FORMAT},
		{"00 00fa 00ff 00000000 0016 00 00006a000000 012c 0000 1234 0000 0005 0000000000",
		 ERR_FORMAT},
		{"00 00fa 00ff 00000000 0018 00 00006a000000 012c 0000 1234 0000 0007 "
		 "00000000000000",
		 ERR_FORMAT},
		{"00 00fa 00ff 00000000 0017 00 00006a000000 012c 0000 1234 0012 0006 "
		 "000000000000",
		 OK},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct dns_message message;
		struct dns_tsig tsig;
		uint8_t wire[256];
		const size_t size = wrap(wire, sizeof(wire), cases[i].record);
		uint8_t *exact = hex_exact(wire, size);

		ck_assert_int_eq(dns_message_parse(&message, exact, size), OK);
		ck_assert_int_eq(dns_tsig_read(&tsig, &message), cases[i].result);
		free(exact);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		variables_give_the_macs_of_the_vectors,
		what_is_written_is_read_again,
		names_are_expanded_and_folded,
		malformed_records_are_refused,
	};

	return run_tests("tsig", tests, COUNT_OF(tests));
}
