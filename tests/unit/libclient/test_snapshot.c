#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crc.h"
#include "libclient/snapshot.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/hex.h"
#include "tests/unit/libclient/packet.h"
#include "tests/unit/run.h"

#define WALL 1700000000u
#define FILE_MAX (1u << 20)

static const struct wgl_now now = {.mono_ms = 1ull << 41, .wall_s = WALL};
static char directory[] = "/tmp/waggle-snapshot-XXXXXX";
static char path[128];

static void begin(struct wgl_cache *cache)
{
	wgl_cache_init(cache, 4 << 20, 86400, 1000, 1);
	snprintf(path, sizeof(path), "%s/snapshot", directory);
	unlink(path);
}

/* One record, said `age_s` ago. */
static void put(struct wgl_cache *cache, const char *name, uint16_t type, uint32_t ttl_s,
		uint32_t age_s, const void *rdata, uint16_t size)
{
	uint8_t records[512];
	struct buf_writer out = buf_writer(records, sizeof(records));
	struct wgl_news news = {.name = packet_name(name),
				.type = type,
				.known = WGL_RECORDS,
				.ttl_s = ttl_s,
				.count = 1,
				.records = records};

	buf_write_u16(&out, size);
	buf_write(&out, rdata, size);
	news.size = buf_written(&out);
	ck_assert_int_eq(wgl_cache_put(cache, &news, now.mono_ms - age_s * 1000ull, now.mono_ms),
			 0);
}

static void put_some(struct wgl_cache *cache)
{
	put(cache, "h1.svc.example.", DNS_TYPE_A, 60, 0, "\xc0\0\2\1", 4);
	put(cache, "_http._tcp.svc.example.", DNS_TYPE_PTR, 10, 5,
	    "\2i1\5_http\4_tcp\3svc\7example", 27);
	put(cache, "i1._http._tcp.svc.example.", DNS_TYPE_SRV, 60, 5, "\0\0\0\0\37\220\2h1\0", 10);
	put(cache, "i1._http._tcp.svc.example.", DNS_TYPE_TXT, 60, 5, "\3a=b", 4);
}

static uint8_t *encode(struct wgl_cache *cache, size_t *size)
{
	uint8_t *data;

	ck_assert_int_eq(wgl_snapshot_encode(cache, &now, &data, size), WAGGLE_OK);
	return data;
}

/* Decodes an exact copy, so that a read too far is seen. */
static int decode(struct wgl_cache *cache, const uint8_t *data, size_t size,
		  struct waggle_error *error)
{
	uint8_t *copy = hex_exact(data, size);
	const int ret = wgl_snapshot_decode(cache, &now, copy, size, error);

	free(copy);
	return ret;
}

/* The checksum of what was changed on purpose. */
static void mend(uint8_t *data, size_t size)
{
	struct buf_writer out = buf_writer(data + 36, 4);

	buf_write_u32(&out, crc32c(crc32c(0, data, 36), data + 40, size - 40));
}

START_TEST(the_example_in_the_description_is_what_is_written)
{
	uint8_t expected[256];
	const size_t expected_size =
		hex_read(expected, sizeof(expected),
			 "57474c534e415000 00000001 00000001 0000000000000027 000000006553f100 "
			 "00000000 f1bae1a2 10 02 6831 03 737663 07 6578616d706c65 00 0001 "
			 "0000003c 000000006553f100 0001 0004 c0000201");
	struct wgl_cache cache;
	uint8_t *data;
	size_t size;

	begin(&cache);
	put(&cache, "h1.svc.example.", DNS_TYPE_A, 60, 0, "\xc0\0\2\1", 4);
	data = encode(&cache, &size);
	ck_assert_uint_eq(size, expected_size);
	ck_assert_int_eq(memcmp(data, expected, size), 0);
	free(data);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(what_was_written_is_read_and_marked)
{
	const struct wgl_rrset *set;
	struct wgl_cache cache;
	struct wgl_cache other;
	struct wgl_found found;
	uint8_t *data;
	uint8_t *again;
	size_t size;
	size_t again_size;

	begin(&cache);
	begin(&other);
	put_some(&cache);
	data = encode(&cache, &size);
	ck_assert_int_eq(decode(&other, data, size, NULL), WAGGLE_OK);
	again = encode(&other, &again_size);
	ck_assert_uint_eq(again_size, size);
	ck_assert_int_eq(memcmp(again, data, size), 0);
	found = wgl_cache_find(&other, packet_name("_HTTP._tcp.svc.example."), DNS_TYPE_PTR,
			       now.mono_ms);
	set = found.set;
	ck_assert_ptr_nonnull(set);
	ck_assert(set->is_from_snapshot);
	ck_assert_uint_le(set->fresh_ms, now.mono_ms);
	ck_assert_uint_eq(set->said_ms, now.mono_ms - 5000);
	ck_assert_uint_eq(set->keep_ms, now.mono_ms + 5000 + 1000000);
	ck_assert(!found.is_held);
	free(data);
	free(again);
	wgl_cache_deinit(&cache);
	wgl_cache_deinit(&other);
}
END_TEST

START_TEST(absence_and_what_is_of_no_use_any_more_are_not_written)
{
	struct waggle_error error = {.code = WAGGLE_ERR_TIMEOUT};
	const struct wgl_news nothing = {
		.name = packet_name("a.x."), .type = DNS_TYPE_A, .known = WGL_NODATA, .ttl_s = 60};
	struct wgl_cache cache;
	uint8_t *data;
	size_t size;

	begin(&cache);
	wgl_cache_put(&cache, &nothing, now.mono_ms, now.mono_ms);
	wgl_cache_fail(&cache, packet_name("b.x."), DNS_TYPE_A, now.mono_ms + 1000, &error);
	put(&cache, "c.x.", DNS_TYPE_A, 60, 1060, "\1\2\3\4", 4);
	data = encode(&cache, &size);
	ck_assert_uint_eq(size, 40);
	free(data);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(old_entries_are_passed_over_and_future_ones_count_as_said_now)
{
	struct wgl_now later = now;
	struct wgl_cache cache;
	struct wgl_cache other;
	struct wgl_found found;
	uint8_t *data;
	size_t size;

	begin(&cache);
	begin(&other);
	put(&cache, "h1.svc.example.", DNS_TYPE_A, 60, 0, "\xc0\0\2\1", 4);
	data = encode(&cache, &size);
	later.wall_s = WALL + 1060;
	ck_assert_int_eq(wgl_snapshot_decode(&other, &later, data, size, NULL), WAGGLE_OK);
	ck_assert_uint_eq(other.sets.count, 0);
	later.wall_s = WALL - 5000;
	ck_assert_int_eq(wgl_snapshot_decode(&other, &later, data, size, NULL), WAGGLE_OK);
	found = wgl_cache_find(&other, packet_name("h1.svc.example."), DNS_TYPE_A, now.mono_ms);
	ck_assert_uint_eq(found.set->said_ms, now.mono_ms);
	free(data);
	wgl_cache_deinit(&cache);
	wgl_cache_deinit(&other);
}
END_TEST

START_TEST(torn_at_any_byte_it_is_refused_with_a_reason)
{
	struct wgl_cache cache;
	struct wgl_cache other;
	uint8_t *data;
	size_t size;

	begin(&cache);
	begin(&other);
	put_some(&cache);
	data = encode(&cache, &size);
	for (size_t cut = 0; cut < size; cut++) {
		struct waggle_error error;

		ck_assert_int_eq(decode(&other, data, cut, &error), WAGGLE_ERR_SNAPSHOT);
		ck_assert_str_ne(error.text, "");
		ck_assert_uint_eq(other.sets.count, 0);
	}
	/* One more octet, and any one that was changed. */
	uint8_t *longer = malloc(size + 1);
	memcpy(longer, data, size);
	longer[size] = 0;
	ck_assert_int_eq(decode(&other, longer, size + 1, NULL), WAGGLE_ERR_SNAPSHOT);
	for (size_t at = 0; at < size; at++) {
		longer[at] ^= 0x40;
		ck_assert_int_eq(decode(&other, longer, size, NULL), WAGGLE_ERR_SNAPSHOT);
		longer[at] ^= 0x40;
	}
	ck_assert_uint_eq(other.sets.count, 0);
	free(longer);
	free(data);
	wgl_cache_deinit(&cache);
	wgl_cache_deinit(&other);
}
END_TEST

START_TEST(torn_at_any_byte_with_a_right_checksum_it_is_refused_too)
{
	struct wgl_cache cache;
	struct wgl_cache other;
	uint8_t *data;
	size_t size;

	begin(&cache);
	begin(&other);
	put_some(&cache);
	data = encode(&cache, &size);
	for (size_t cut = 40; cut < size; cut++) {
		struct buf_writer out = buf_writer(data + 16, 8);

		buf_write_u64(&out, cut - 40);
		mend(data, cut);
		ck_assert_int_eq(decode(&other, data, cut, NULL), WAGGLE_ERR_SNAPSHOT);
		ck_assert_uint_eq(other.sets.count, 0);
	}
	free(data);
	wgl_cache_deinit(&cache);
	wgl_cache_deinit(&other);
}
END_TEST

/* Everything right but one field. */
START_TEST(foreign_older_and_hostile_files_are_refused_with_a_reason)
{
	static const struct {
		size_t at;
		const char *octets;
		size_t size;
		const char *reason;
	} cases[] = {
		{0, "SQLite f", 8, "not a snapshot"},
		{8, "\0\0\0\0", 4, "older format"},
		{8, "\0\0\0\2", 4, "newer format"},
		{12, "\0\0\0\2", 4, "cut"}, /* one entry more than there is */
		{12, "\0\0\0\0", 4, "behind"},
		{12, "\xff\xff\xff\xff", 4, "cut"},
		{16, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, "long"},
		{40, "\0", 1, "name"},
		{40, "\xff", 1, "cut"},
		{41, "\xc0", 1, "name"}, /* a pointer */
		{41, "\5", 1, "name"},
		{57, "\0\372", 2, "type"}, /* TSIG */
		{57, "\0\34", 2, "malformed"}, /* AAAA of four octets */
		{71, "\0\0", 2, "no records"},
		{71, "\xff\xff", 2, "malformed"},
		{73, "\0\5", 2, "malformed"},
		{73, "\0\0", 2, "malformed"},
	};
	struct wgl_cache cache;
	struct wgl_cache other;
	uint8_t *data;
	size_t size;

	begin(&cache);
	begin(&other);
	put(&cache, "h1.svc.example.", DNS_TYPE_A, 60, 0, "\xc0\0\2\1", 4);
	data = encode(&cache, &size);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		uint8_t *forged = hex_exact(data, size);
		struct waggle_error error;

		memcpy(forged + cases[i].at, cases[i].octets, cases[i].size);
		mend(forged, size);
		ck_assert_msg(decode(&other, forged, size, &error) == WAGGLE_ERR_SNAPSHOT,
			      "case %zu", i);
		ck_assert_msg(strstr(error.text, cases[i].reason) != NULL, "case %zu: %s", i,
			      error.text);
		free(forged);
	}
	/* Times are data: any of them is taken without harm. */
	for (size_t at = 59; at < 71; at++) {
		uint8_t *forged = hex_exact(data, size);

		forged[at] = 0xff;
		mend(forged, size);
		ck_assert_int_eq(decode(&other, forged, size, NULL), WAGGLE_OK);
		free(forged);
	}
	free(data);
	wgl_cache_deinit(&cache);
	wgl_cache_deinit(&other);
}
END_TEST

START_TEST(a_smaller_cache_keeps_what_was_used_last)
{
	struct wgl_cache cache;
	struct wgl_cache small;
	char name[32];
	uint8_t *data;
	size_t size;

	begin(&cache);
	wgl_cache_init(&small, 10000, 86400, 1000, 1);
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "h%d.x.", i);
		put(&cache, name, DNS_TYPE_A, 60, 0, "\1\2\3\4", 4);
	}
	data = encode(&cache, &size);
	ck_assert_int_eq(decode(&small, data, size, NULL), WAGGLE_OK);
	ck_assert_ptr_nonnull(
		wgl_cache_find(&small, packet_name("h499.x."), DNS_TYPE_A, now.mono_ms).set);
	ck_assert_ptr_null(
		wgl_cache_find(&small, packet_name("h0.x."), DNS_TYPE_A, now.mono_ms).set);
	free(data);
	wgl_cache_deinit(&cache);
	wgl_cache_deinit(&small);
}
END_TEST

/* ---- files ------------------------------------------------------------------------------- */

static int read_back(struct waggle_error *error, size_t *size)
{
	uint8_t *data;
	const int ret = wgl_snapshot_read(path, FILE_MAX, &data, size, error);

	free(data);
	return ret;
}

static void write_text(const char *text)
{
	FILE *file = fopen(path, "w");

	fputs(text, file);
	fclose(file);
}

START_TEST(a_file_is_replaced_as_a_whole)
{
	struct wgl_cache cache;
	struct stat status;
	char beside[160];
	uint8_t *data;
	size_t size;

	begin(&cache);
	ck_assert_int_eq(read_back(NULL, &size), WAGGLE_OK);
	ck_assert_uint_eq(size, 0);
	ck_assert_int_eq(wgl_snapshot_write(path, (const uint8_t *)"abc", 3, NULL), WAGGLE_OK);
	ck_assert_int_eq(wgl_snapshot_write(path, (const uint8_t *)"de", 2, NULL), WAGGLE_OK);
	ck_assert_int_eq(wgl_snapshot_read(path, FILE_MAX, &data, &size, NULL), WAGGLE_OK);
	ck_assert_uint_eq(size, 2);
	ck_assert_int_eq(memcmp(data, "de", 2), 0);
	free(data);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0600);
	/* What a process that was killed left behind is used and goes. */
	snprintf(beside, sizeof(beside), "%s.tmp", path);
	ck_assert_int_lt(stat(beside, &status), 0);
	close(open(beside, O_CREAT | O_WRONLY, 0600));
	ck_assert_int_eq(wgl_snapshot_write(path, (const uint8_t *)"f", 1, NULL), WAGGLE_OK);
	ck_assert_int_lt(stat(beside, &status), 0);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(files_that_are_not_ours_are_refused_with_a_reason)
{
	struct waggle_error error;
	struct wgl_cache cache;
	char other[160];
	size_t size;

	begin(&cache);
	write_text("x");
	chmod(path, 0666);
	ck_assert_int_eq(read_back(&error, &size), WAGGLE_ERR_SNAPSHOT);
	ck_assert_ptr_nonnull(strstr(error.text, "others may write it"));
	ck_assert_ptr_nonnull(strstr(error.text, path));
	chmod(path, 0644);
	ck_assert_int_eq(read_back(&error, &size), WAGGLE_OK);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(path, 12345, 12345), 0);
		ck_assert_int_eq(read_back(&error, &size), WAGGLE_ERR_SNAPSHOT);
		ck_assert_ptr_nonnull(strstr(error.text, "another user"));
		ck_assert_int_eq(wgl_snapshot_write(path, (const uint8_t *)"x", 1, &error),
				 WAGGLE_ERR_SYSTEM);
	}
	unlink(path);
	snprintf(other, sizeof(other), "%s.other", path);
	ck_assert_int_eq(symlink(other, path), 0);
	ck_assert_int_eq(read_back(&error, &size), WAGGLE_ERR_SNAPSHOT);
	unlink(path);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(read_back(&error, &size), WAGGLE_ERR_SNAPSHOT);
	ck_assert_ptr_nonnull(strstr(error.text, "plain file"));
	unlink(path);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(read_back(&error, &size), WAGGLE_ERR_SNAPSHOT);
	ck_assert_int_eq(wgl_snapshot_write(path, (const uint8_t *)"x", 1, &error),
			 WAGGLE_ERR_SYSTEM);
	rmdir(path);
	ck_assert_int_eq(wgl_snapshot_write("/nowhere/x", (const uint8_t *)"x", 1, &error),
			 WAGGLE_ERR_SYSTEM);
	ck_assert_ptr_nonnull(strstr(error.text, "/nowhere/x"));
	/* A link in place of the file beside leads nowhere. */
	snprintf(other, sizeof(other), "%s.tmp", path);
	ck_assert_int_eq(symlink("/tmp/waggle-must-not-appear", other), 0);
	ck_assert_int_eq(wgl_snapshot_write(path, (const uint8_t *)"x", 1, &error),
			 WAGGLE_ERR_SYSTEM);
	unlink(other);
	write_text("too long for the limit");
	uint8_t *data;
	ck_assert_int_eq(wgl_snapshot_read(path, 5, &data, &size, &error), WAGGLE_ERR_SNAPSHOT);
	ck_assert_ptr_nonnull(strstr(error.text, "too large"));
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(who_finds_the_lock_taken_leaves_it_to_the_other)
{
	struct wgl_cache cache;
	char beside[160];
	size_t size;
	int file;

	begin(&cache);
	ck_assert_int_eq(wgl_snapshot_write(path, (const uint8_t *)"abc", 3, NULL), WAGGLE_OK);
	snprintf(beside, sizeof(beside), "%s.tmp", path);
	file = open(beside, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_eq(flock(file, LOCK_EX), 0);
	ck_assert_int_eq(wgl_snapshot_write(path, (const uint8_t *)"de", 2, NULL), WAGGLE_OK);
	ck_assert_int_eq(read_back(NULL, &size), WAGGLE_OK);
	ck_assert_uint_eq(size, 3);
	close(file);
	ck_assert_int_eq(wgl_snapshot_write(path, (const uint8_t *)"de", 2, NULL), WAGGLE_OK);
	ck_assert_int_eq(read_back(NULL, &size), WAGGLE_OK);
	ck_assert_uint_eq(size, 2);
	wgl_cache_deinit(&cache);
}
END_TEST

/* Writes snapshots of its own size, over and over; killed in the middle of it. */
static pid_t start_writer(unsigned entries)
{
	const pid_t pid = fork();
	struct wgl_cache cache;
	char name[32];
	uint8_t *data;
	size_t size;

	if (pid != 0) {
		return pid;
	}
	wgl_cache_init(&cache, 4 << 20, 86400, 1000, 1);
	for (unsigned i = 0; i < entries; i++) {
		snprintf(name, sizeof(name), "h%u.x.", i);
		put(&cache, name, DNS_TYPE_A, 60, 0, "\1\2\3\4", 4);
	}
	data = encode(&cache, &size);
	for (;;) {
		(void)wgl_snapshot_write(path, data, size, NULL);
	}
}

START_TEST(two_processes_with_one_file_do_not_damage_it)
{
	struct wgl_cache cache;
	pid_t writers[2];
	unsigned seen = 0;

	begin(&cache);
	writers[0] = start_writer(10);
	writers[1] = start_writer(500);
	for (unsigned i = 0; seen < 300 && i < 1000000; i++) {
		struct waggle_error error;
		uint8_t *data;
		size_t size;

		ck_assert_int_eq(wgl_snapshot_read(path, FILE_MAX, &data, &size, &error),
				 WAGGLE_OK);
		if (data != NULL) {
			ck_assert_msg(decode(&cache, data, size, &error) == WAGGLE_OK, "%s",
				      error.text);
			seen++;
			free(data);
		}
	}
	for (int i = 0; i < 2; i++) {
		kill(writers[i], SIGKILL);
		waitpid(writers[i], NULL, 0);
	}
	ck_assert_uint_eq(seen, 300);
	wgl_cache_deinit(&cache);
}
END_TEST

START_TEST(any_failed_allocation_is_an_error)
{
	struct wgl_cache cache;
	size_t size;
	uint8_t *data;

	begin(&cache);
	put_some(&cache);
	data = encode(&cache, &size);
	ck_assert_int_eq(wgl_snapshot_write(path, data, size, NULL), WAGGLE_OK);
	for (unsigned n = 0;; n++) {
		struct wgl_cache other;
		uint8_t *out = NULL;
		uint8_t *in = NULL;
		size_t out_size;
		size_t in_size;
		int results[3];

		wgl_cache_init(&other, 4 << 20, 86400, 1000, 1);
		fail_alloc_after(n);
		results[0] = wgl_snapshot_encode(&cache, &now, &out, &out_size);
		results[1] = wgl_snapshot_read(path, FILE_MAX, &in, &in_size, NULL);
		results[2] = wgl_snapshot_decode(&other, &now, data, size, NULL);
		fail_alloc_off();
		for (int i = 0; i < 3; i++) {
			ck_assert(results[i] == WAGGLE_OK || results[i] == WAGGLE_ERR_NOMEM);
		}
		free(out);
		free(in);
		wgl_cache_deinit(&other);
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(results[0] | results[1] | results[2], WAGGLE_OK);
			break;
		}
		ck_assert_int_ne(results[0] | results[1] | results[2], WAGGLE_OK);
	}
	free(data);
	wgl_cache_deinit(&cache);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_example_in_the_description_is_what_is_written,
		what_was_written_is_read_and_marked,
		absence_and_what_is_of_no_use_any_more_are_not_written,
		old_entries_are_passed_over_and_future_ones_count_as_said_now,
		torn_at_any_byte_it_is_refused_with_a_reason,
		torn_at_any_byte_with_a_right_checksum_it_is_refused_too,
		foreign_older_and_hostile_files_are_refused_with_a_reason,
		a_smaller_cache_keeps_what_was_used_last,
		a_file_is_replaced_as_a_whole,
		files_that_are_not_ours_are_refused_with_a_reason,
		who_finds_the_lock_taken_leaves_it_to_the_other,
		two_processes_with_one_file_do_not_damage_it,
		any_failed_allocation_is_an_error,
	};
	char command[128];
	int ret;

	if (mkdtemp(directory) == NULL) {
		return EXIT_FAILURE;
	}
	ret = run_tests("snapshot", tests, COUNT_OF(tests));
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command) == 0 ? ret : EXIT_FAILURE;
}
