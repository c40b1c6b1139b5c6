/* CRC-32C (Castagnoli), for what is stored: it finds damage, not malice. Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The CRC of what `crc` was the CRC of, followed by `size` octets; of these alone with crc 0. */
uint32_t crc32c(uint32_t crc, const void *data, size_t size);

/* The same on any processor: for where there is no instruction, and for tests. */
uint32_t crc32c_by_tables(uint32_t crc, const void *data, size_t size);
