#include "base/crc.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc_table.h"
#include "tests/unit/run.h"

START_TEST(known_values_are_met)
{
	/* RFC 3720 B.4, and the usual check value. */
	static const struct {
		const char *name;
		uint32_t crc;
		uint8_t first;
		uint8_t step;
	} cases[] = {
		{"zeroes", 0x8a9136aa, 0, 0},
		{"ones", 0x62a8ab43, 0xff, 0},
		{"rising", 0x46dd794e, 0, 1},
		{"falling", 0x113fdb5c, 31, 255},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t data[32];

		for (size_t k = 0; k < sizeof(data); k++) {
			data[k] = (uint8_t)(cases[i].first + k * cases[i].step);
		}
		ck_assert_msg(crc32c(0, data, sizeof(data)) == cases[i].crc, "%s", cases[i].name);
	}
	ck_assert_uint_eq(crc32c(0, "123456789", 9), 0xe3069283);
	ck_assert_uint_eq(crc32c(0, NULL, 0), 0);
}
END_TEST

/* Octet by octet and bit by bit, from the polynomial. */
static uint32_t plain_crc(uint32_t crc, const uint8_t *data, size_t size)
{
	crc = ~crc;
	for (size_t i = 0; i < size; i++) {
		crc ^= data[i];
		for (unsigned bit = 0; bit < 8; bit++) {
			crc = crc >> 1 ^ (0x82f63b78 & (0 - (crc & 1)));
		}
	}
	return ~crc;
}

START_TEST(every_length_and_division_gives_the_same)
{
	uint8_t data[67];

	for (size_t i = 0; i < sizeof(data); i++) {
		data[i] = (uint8_t)(i * 37 + 11);
	}
	for (size_t size = 0; size <= sizeof(data); size++) {
		const uint32_t whole = plain_crc(0, data, size);

		for (size_t at = 0; at <= size; at++) {
			ck_assert_uint_eq(crc32c(crc32c(0, data, at), data + at, size - at), whole);
			ck_assert_uint_eq(crc32c_by_tables(crc32c_by_tables(0, data, at), data + at,
							   size - at),
					  whole);
		}
	}
}
END_TEST

START_TEST(the_tables_are_what_they_say)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (unsigned row = 0; row < 4; row++) {
			for (unsigned bit = 0; bit < 8; bit++) {
				crc = crc >> 1 ^ (0x82f63b78 & (0 - (crc & 1)));
			}
			ck_assert_uint_eq(crc_table[row][i], crc);
		}
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		known_values_are_met,
		every_length_and_division_gives_the_same,
		the_tables_are_what_they_say,
	};

	return run_tests("crc", tests, COUNT_OF(tests));
}
