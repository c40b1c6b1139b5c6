#include <string.h>

#include "base/err.h"
#include "base/rand.h"
#include "net/framing.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"

#define MESSAGES 7

static const size_t sizes[MESSAGES] = {12, 0, 1, 300, 2, 70, 65};

/* Octet `at` of message `number`: all different from their neighbours. */
static uint8_t octet(size_t number, size_t at)
{
	return (uint8_t)(number * 37 + at);
}

/* All messages, framed. */
static size_t write_stream(uint8_t *out)
{
	size_t size = 0;

	for (size_t number = 0; number < MESSAGES; number++) {
		out[size++] = (uint8_t)(sizes[number] >> 8);
		out[size++] = (uint8_t)sizes[number];
		for (size_t at = 0; at < sizes[number]; at++) {
			out[size++] = octet(number, at);
		}
	}
	return size;
}

static void check_message(size_t number, const uint8_t *message, size_t size)
{
	bool is_equal = true;

	ck_assert_uint_lt(number, MESSAGES);
	ck_assert_uint_eq(size, sizes[number]);
	for (size_t at = 0; at < size; at++) {
		is_equal = is_equal && message[at] == octet(number, at);
	}
	ck_assert(is_equal);
}

/* Gives one segment and takes up to `most` messages; the number of the next. */
static size_t take(struct framing *framing, const uint8_t *data, size_t size, size_t next,
		   size_t most)
{
	/* A copy that ends where the segment ends, and is gone afterwards. */
	uint8_t *copy = malloc(size + 1);
	const uint8_t *message;
	size_t message_size;

	memcpy(copy, data, size);
	framing_give(framing, copy, size);
	for (; most > 0 && framing_next(framing, &message, &message_size) == 1; most--) {
		check_message(next++, message, message_size);
	}
	ck_assert_int_eq(framing_keep(framing), OK);
	ck_assert(!framing_has_whole(framing) || most == 0);
	ck_assert(framing_has_whole(framing) || framing_has_part(framing) || framing->kept == NULL);
	memset(copy, 0xee, size);
	free(copy);
	return next;
}

START_TEST(any_two_splits_give_the_same_messages)
{
	uint8_t stream[1024];
	const size_t size = write_stream(stream);

	for (size_t one = 0; one <= size; one++) {
		for (size_t two = one; two <= size; two += 7) {
			struct framing framing;
			size_t next = 0;

			framing_init(&framing);
			next = take(&framing, stream, one, next, MESSAGES);
			next = take(&framing, stream + one, two - one, next, MESSAGES);
			next = take(&framing, stream + two, size - two, next, MESSAGES);
			ck_assert_uint_eq(next, MESSAGES);
			ck_assert_ptr_null(framing.kept);
		}
	}
}
END_TEST

START_TEST(segments_of_one_size_give_the_same_messages)
{
	uint8_t stream[1024];
	const size_t size = write_stream(stream);

	for (size_t step = 1; step <= size; step++) {
		struct framing framing;
		size_t next = 0;

		framing_init(&framing);
		for (size_t at = 0; at < size; at += step) {
			const size_t left = size - at;

			next = take(&framing, stream + at, left < step ? left : step, next,
				    MESSAGES);
		}
		ck_assert_uint_eq(next, MESSAGES);
		ck_assert_ptr_null(framing.kept);
	}
}
END_TEST

START_TEST(what_is_not_taken_yet_is_kept)
{
	uint8_t stream[1024];
	const size_t size = write_stream(stream);
	struct rand rand;

	rand_init(&rand, 5);
	for (int round = 0; round < 2000; round++) {
		struct framing framing;
		size_t next = 0;
		size_t at = 0;

		framing_init(&framing);
		while (next < MESSAGES) {
			size_t step = rand_below(&rand, 200);

			step = step < size - at ? step : size - at;
			next = take(&framing, stream + at, step, next, rand_below(&rand, 3));
			at += step;
		}
		framing_deinit(&framing);
	}
}
END_TEST

START_TEST(what_is_kept_is_known_as_whole_or_part)
{
	static const uint8_t stream[] = {0, 2, 1, 2, 0, 0, 0, 3, 1, 2, 3};
	const bool is_whole[] = {false, false, false, false, true, true,
				 true,  true,  true,  true,  true, true};

	for (size_t size = 0; size <= sizeof(stream); size++) {
		struct framing framing;

		framing_init(&framing);
		framing_give(&framing, stream, size);
		ck_assert_int_eq(framing_keep(&framing), OK);
		ck_assert_int_eq(framing_has_whole(&framing), is_whole[size]);
		ck_assert_int_eq(framing_has_part(&framing), size > 0 && !is_whole[size]);
		framing_deinit(&framing);
	}
}
END_TEST

START_TEST(a_length_alone_costs_no_memory)
{
	static const uint8_t head[] = {0xff, 0xff, 1};
	struct framing framing;
	const uint8_t *message;
	size_t size;

	framing_init(&framing);
	framing_give(&framing, head, sizeof(head));
	ck_assert_int_eq(framing_next(&framing, &message, &size), 0);
	ck_assert_int_eq(framing_keep(&framing), OK);
	ck_assert_uint_le(framing.room, 1024);
	framing_deinit(&framing);
}
END_TEST

START_TEST(the_largest_message_fits)
{
	static uint8_t stream[2 * (2 + 65535)];
	struct framing framing;
	const uint8_t *message;
	size_t size;
	size_t count = 0;

	memset(stream, 7, sizeof(stream));
	memset(stream, 0xff, 2);
	memset(stream + 2 + 65535, 0xff, 2);
	framing_init(&framing);
	for (size_t at = 0; at < sizeof(stream); at += 1000) {
		const size_t left = sizeof(stream) - at;

		framing_give(&framing, stream + at, left < 1000 ? left : 1000);
		while (framing_next(&framing, &message, &size) == 1) {
			ck_assert_uint_eq(size, 65535);
			ck_assert_uint_eq(message[0], 7);
			ck_assert_uint_eq(message[65534], 7);
			count++;
		}
		ck_assert_int_eq(framing_keep(&framing), OK);
	}
	ck_assert_uint_eq(count, 2);
	ck_assert_ptr_null(framing.kept);
}
END_TEST

START_TEST(nth_allocation_fails_cleanly)
{
	uint8_t stream[1024];
	const size_t size = write_stream(stream);

	for (unsigned n = 0;; n++) {
		struct framing framing;
		const uint8_t *message;
		size_t message_size;
		int ret = OK;

		framing_init(&framing);
		fail_alloc_after(n);
		for (size_t at = 0; at < size && ret >= 0; at++) {
			framing_give(&framing, stream + at, 1);
			do {
				ret = framing_next(&framing, &message, &message_size);
			} while (ret == 1);
			ret = ret < 0 ? ret : framing_keep(&framing);
		}
		fail_alloc_off();
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(ret, OK);
			framing_deinit(&framing);
			break;
		}
		ck_assert_int_eq(ret, ERR_NOMEM);
		framing_deinit(&framing);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		any_two_splits_give_the_same_messages, segments_of_one_size_give_the_same_messages,
		what_is_not_taken_yet_is_kept,         what_is_kept_is_known_as_whole_or_part,
		a_length_alone_costs_no_memory,        the_largest_message_fits,
		nth_allocation_fails_cleanly,
	};

	return run_tests("framing", tests, COUNT_OF(tests));
}
