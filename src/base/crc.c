/* CRC-32C by four tables: four octets a step, about 1 GB/s. */
#include "base/crc.h"

#include "base/crc_table.h"

uint32_t crc32c(uint32_t crc, const void *data, size_t size)
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
