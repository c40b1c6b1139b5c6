/*
 * CRC-32C: by the instruction for it where the processor has one, eight octets a step; else by four
 * tables, four octets a step, about 1 GB/s.
 */
#include "base/crc.h"

#include <stdbool.h>
#include <string.h>

#include "base/crc_table.h"

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *at,
								 size_t size)
{
	uint64_t wide = crc;

	for (; size >= 8; size -= 8, at += 8) {
		uint64_t word;

		memcpy(&word, at, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	for (; size > 0; size--, at++) {
		crc = __builtin_ia32_crc32qi(crc, *at);
	}
	return crc;
}

static bool has_instruction(void)
{
	return __builtin_cpu_supports("sse4.2") != 0;
}
#else
static uint32_t by_instruction(uint32_t crc, const uint8_t *at, size_t size)
{
	(void)at;
	(void)size;
	return crc;
}

static bool has_instruction(void)
{
	return false;
}
#endif

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
{
	return has_instruction() ? ~by_instruction(~crc, data, size)
				 : crc32c_by_tables(crc, data, size);
}

uint32_t crc32c_by_tables(uint32_t crc, const void *data, size_t size)
{
	const uint8_t *at = data;

	crc = ~crc;
	for (; size >= 4; size -= 4, at += 4) {
		crc ^= (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
		       (uint32_t)at[3] << 24;
		crc = crc_table[3][crc & 0xff] ^ crc_table[2][crc >> 8 & 0xff] ^
		      crc_table[1][crc >> 16 & 0xff] ^ crc_table[0][crc >> 24];
	}
	for (; size > 0; size--, at++) {
		crc = crc >> 8 ^ crc_table[0][(crc ^ *at) & 0xff];
	}
	return ~crc;
}
