/*
 * Cursors over octets, in network byte order. The only way to read or write foreign octets.
 *
 * An error sticks: after the first octet too many every read gives zero and every write does
 * nothing, so a decoder checks `failed` once, at its end. Thread: any.
 */
#pragma once

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf_reader {
	const uint8_t *start;
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

struct buf_writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool failed;
};

/* Reads from `size` octets at `data`; keeps the pointer as long as it is used. */
static inline struct buf_reader buf_reader(const void *data, size_t size)
{
	const uint8_t *start = data;

	return (struct buf_reader){.start = start, .at = start, .end = start + size};
}

/* Octets not yet read. */
static inline size_t buf_left(const struct buf_reader *reader)
{
	return (size_t)(reader->end - reader->at);
}

/* Octets read so far. */
static inline size_t buf_offset(const struct buf_reader *reader)
{
	return (size_t)(reader->at - reader->start);
}

/* `size` octets in place, or NULL (and failed) when fewer are left. */
static inline const uint8_t *buf_read(struct buf_reader *reader, size_t size)
{
	const uint8_t *at = reader->at;

	if (reader->failed || buf_left(reader) < size) {
		reader->failed = true;
		return NULL;
	}
	reader->at += size;
	return at;
}

static inline uint8_t buf_read_u8(struct buf_reader *reader)
{
	const uint8_t *at = buf_read(reader, 1);

	return at == NULL ? 0 : at[0];
}

static inline uint16_t buf_read_u16(struct buf_reader *reader)
{
	const uint8_t *at = buf_read(reader, 2);

	if (at == NULL) {
		return 0;
	}
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t buf_read_u32(struct buf_reader *reader)
{
	const uint8_t *at = buf_read(reader, 4);

	if (at == NULL) {
		return 0;
	}
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline uint64_t buf_read_u48(struct buf_reader *reader)
{
	const uint64_t high = buf_read_u16(reader);

	return high << 32 | buf_read_u32(reader);
}

static inline uint64_t buf_read_u64(struct buf_reader *reader)
{
	const uint64_t high = buf_read_u32(reader);

	return high << 32 | buf_read_u32(reader);
}

/* Writes into `size` octets at `data`; the storage stays the caller's. */
static inline struct buf_writer buf_writer(void *data, size_t size)
{
	uint8_t *start = data;

	return (struct buf_writer){.start = start, .at = start, .end = start + size};
}

/* Octets written so far. */
static inline size_t buf_written(const struct buf_writer *writer)
{
	return (size_t)(writer->at - writer->start);
}

/* Room for `size` octets that the caller fills, or NULL (and failed) when there is not so much. */
static inline uint8_t *buf_reserve(struct buf_writer *writer, size_t size)
{
	uint8_t *at = writer->at;

	if (writer->failed || (size_t)(writer->end - at) < size) {
		writer->failed = true;
		return NULL;
	}
	writer->at += size;
	return at;
}

static inline void buf_write(struct buf_writer *writer, const void *data, size_t size)
{
	uint8_t *at = buf_reserve(writer, size);

	if (at != NULL && size > 0) {
		memcpy(at, data, size);
	}
}

static inline void buf_write_u8(struct buf_writer *writer, uint8_t value)
{
	buf_write(writer, &value, 1);
}

/* Into octets that are there. */
static inline void buf_store_u16(uint8_t *at, uint16_t value)
{
	const uint16_t octets = htobe16(value);

	memcpy(at, &octets, sizeof(octets));
}

static inline void buf_store_u32(uint8_t *at, uint32_t value)
{
	const uint32_t octets = htobe32(value);

	memcpy(at, &octets, sizeof(octets));
}

static inline void buf_write_u16(struct buf_writer *writer, uint16_t value)
{
	const uint16_t octets = htobe16(value);

	buf_write(writer, &octets, sizeof(octets));
}

static inline void buf_write_u32(struct buf_writer *writer, uint32_t value)
{
	buf_write_u16(writer, (uint16_t)(value >> 16));
	buf_write_u16(writer, (uint16_t)value);
}

static inline void buf_write_u48(struct buf_writer *writer, uint64_t value)
{
	buf_write_u16(writer, (uint16_t)(value >> 32));
	buf_write_u32(writer, (uint32_t)value);
}

static inline void buf_write_u64(struct buf_writer *writer, uint64_t value)
{
	buf_write_u32(writer, (uint32_t)(value >> 32));
	buf_write_u32(writer, (uint32_t)value);
}
