#include "base/buf.h"
#include "tests/unit/run.h"

START_TEST(numbers_are_read_as_they_were_written)
{
	static const uint8_t expected[] = {1,    2,    3,    4,    5,    6,    7,
					   8,    9,    10,   11,   12,   13,   0xff,
					   0xfe, 0xfd, 0xfc, 0xfb, 0xfa, 0xf9, 0xf8};
	uint8_t octets[21];
	struct buf_writer writer = buf_writer(octets, sizeof(octets));
	struct buf_reader reader = buf_reader(octets, sizeof(octets));

	buf_write_u8(&writer, 1);
	buf_write_u16(&writer, 0x0203);
	buf_write_u32(&writer, 0x04050607);
	buf_write_u48(&writer, 0x08090a0b0c0d);
	buf_write_u64(&writer, 0xfffefdfcfbfaf9f8);
	ck_assert(!writer.failed);
	ck_assert_uint_eq(buf_written(&writer), sizeof(octets));
	ck_assert_mem_eq(octets, expected, sizeof(octets));

	ck_assert_uint_eq(buf_read_u8(&reader), 1);
	ck_assert_uint_eq(buf_read_u16(&reader), 0x0203);
	ck_assert_uint_eq(buf_read_u32(&reader), 0x04050607);
	ck_assert_uint_eq(buf_read_u48(&reader), 0x08090a0b0c0d);
	ck_assert_uint_eq(buf_offset(&reader), 13);
	ck_assert_uint_eq(buf_read_u64(&reader), 0xfffefdfcfbfaf9f8);
	ck_assert_uint_eq(buf_left(&reader), 0);
	ck_assert(!reader.failed);
}
END_TEST

START_TEST(a_read_too_far_sticks)
{
	static const uint8_t octets[] = {1, 2, 3};
	struct buf_reader reader = buf_reader(octets, sizeof(octets));

	ck_assert_uint_eq(buf_read_u16(&reader), 0x0102);
	ck_assert_uint_eq(buf_read_u16(&reader), 0);
	ck_assert(reader.failed);
	ck_assert_uint_eq(buf_read_u8(&reader), 0);
	ck_assert_ptr_null(buf_read(&reader, 0));
	ck_assert_uint_eq(buf_offset(&reader), 2);
}
END_TEST

START_TEST(hostile_lengths_do_not_wrap)
{
	static const uint8_t octets[] = {1, 2, 3};
	uint8_t room[4];
	struct buf_reader reader = buf_reader(octets, sizeof(octets));
	struct buf_writer writer = buf_writer(room, sizeof(room));

	ck_assert_ptr_null(buf_read(&reader, SIZE_MAX));
	ck_assert_ptr_null(buf_reserve(&writer, SIZE_MAX));
	ck_assert(reader.failed && writer.failed);
}
END_TEST

START_TEST(a_write_that_does_not_fit_writes_nothing_and_sticks)
{
	uint8_t octets[4] = {9, 9, 9, 9};
	struct buf_writer writer = buf_writer(octets, 3);

	buf_write_u16(&writer, 0x0102);
	buf_write(&writer, "ab", 2);
	ck_assert(writer.failed);
	buf_write_u8(&writer, 7);
	ck_assert_uint_eq(buf_written(&writer), 2);
	ck_assert_mem_eq(octets, ((const uint8_t[]){1, 2, 9, 9}), 4);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		numbers_are_read_as_they_were_written,
		a_read_too_far_sticks,
		hostile_lengths_do_not_wrap,
		a_write_that_does_not_fit_writes_nothing_and_sticks,
	};

	return run_tests("buf", tests, COUNT_OF(tests));
}
