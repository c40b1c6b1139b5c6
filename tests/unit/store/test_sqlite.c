#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/hex.h"
#include "tests/unit/store/harness.h"

#define PATH_SIZE 256
#define WAIT_MS 20000

/* ---- a directory for one test -------------------------------------------------------------- */

struct place {
	char base[64]; /* made by the test */
	char data[80]; /* made by the log */
	char database[100]; /* in it */
};

static void place_init(struct place *place)
{
	const char *base = getenv("TMPDIR");

	snprintf(place->base, sizeof(place->base), "%.30s/waggle-XXXXXX",
		 base == NULL ? "/tmp" : base);
	ck_assert_ptr_nonnull(mkdtemp(place->base));
	ck_assert_int_eq(chmod(place->base, 0755), 0);
	snprintf(place->data, sizeof(place->data), "%s/data", place->base);
	snprintf(place->database, sizeof(place->database), "%s/registry.db", place->data);
}

static void place_deinit(const struct place *place)
{
	char command[PATH_SIZE];

	snprintf(command, sizeof(command), "rm -rf '%s'", place->base);
	ck_assert_int_eq(system(command), 0);
}

static void place_path(const struct place *place, char path[PATH_SIZE], const char *name)
{
	snprintf(path, PATH_SIZE, "%s/%s", place->data, name);
}

static bool place_has(const struct place *place, const char *name)
{
	char path[PATH_SIZE];

	place_path(place, path, name);
	return access(path, F_OK) == 0;
}

static void place_write(const struct place *place, const char *name, const void *data, size_t size)
{
	char path[PATH_SIZE];
	FILE *file;

	place_path(place, path, name);
	file = fopen(path, "wb");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(data, 1, size, file), size);
	fclose(file);
}

static size_t place_read(const struct place *place, const char *name, uint8_t *data, size_t room)
{
	char path[PATH_SIZE];
	FILE *file;
	size_t size;

	place_path(place, path, name);
	file = fopen(path, "rb");
	ck_assert_ptr_nonnull(file);
	size = fread(data, 1, room, file);
	fclose(file);
	return size;
}

/* What an operator does with the sqlite3 program while waggled is stopped. */
static void place_sql(const struct place *place, const char *sql)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(place->database, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int64_t place_count(const struct place *place, const char *sql)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	int64_t count;

	ck_assert_int_eq(sqlite3_open(place->database, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(statement), SQLITE_ROW);
	count = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return count;
}

/* A log with `count` entries of 100 octets, closed. */
static void fill(struct harness *harness, const struct place *place, size_t count)
{
	harness_init(harness, &store_sqlite, place->data);
	ck_assert_int_eq(harness_open(harness), OK);
	harness_append_many(harness, count, 100);
	harness_close(harness);
}

/* Waits for what another thread does, looking often. */
#define WAIT_FOR(condition)                                                                        \
	for (const uint64_t begin_ms = clock_mono_ms(); !(condition); usleep(1000)) {              \
		ck_assert_uint_lt(clock_mono_ms() - begin_ms, WAIT_MS);                            \
	}

/* ---- entries ------------------------------------------------------------------------------- */

START_TEST(entries_come_back_in_order)
{
	static const size_t sizes[] = {1, 0, 100, 5000, 70000, 3000000};
	struct place place;
	struct harness harness;

	place_init(&place);
	harness_init(&harness, &store_sqlite, place.data);
	for (unsigned round = 0; round < 3; round++) {
		ck_assert_int_eq(harness_open(&harness), OK);
		harness_holds(&harness, 0, round * COUNT_OF(sizes));
		for (size_t i = 0; i < COUNT_OF(sizes); i++) {
			ck_assert_int_eq(harness_append_next(&harness, sizes[i]), OK);
		}
		harness_close(&harness);
		ck_assert(!place_has(&place, "registry.db-wal"));
		ck_assert(!place_has(&place, "registry.db-shm"));
	}
	place_deinit(&place);
}
END_TEST

START_TEST(only_the_last_component_is_made)
{
	struct place place;
	struct harness harness;
	struct stat status;
	char path[PATH_SIZE];

	place_init(&place);
	umask(022);
	fill(&harness, &place, 1);
	ck_assert_int_eq(stat(place.data, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0750);
	ck_assert_int_eq(stat(place.database, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0640);
	snprintf(path, sizeof(path), "%s/no/data", place.base);
	harness_init(&harness, &store_sqlite, path);
	harness_refuses(&harness, ERR_IO, "no/data: the directory above it is missing");
	harness_init(&harness, &store_sqlite, place.database);
	harness_refuses(&harness, ERR_IO, "registry.db: Not a directory");
	place_deinit(&place);
}
END_TEST

START_TEST(a_second_waggled_is_refused_and_told_who_is_there)
{
	struct place place;
	struct harness one;
	struct harness other;
	char words[64];

	place_init(&place);
	harness_init(&one, &store_sqlite, place.data);
	harness_init(&other, &store_sqlite, place.data);
	ck_assert_int_eq(harness_open(&one), OK);
	snprintf(words, sizeof(words), "data is in use by process %d", (int)getpid());
	harness_refuses(&other, ERR_BUSY, words);
	harness_append_many(&one, 1, 10);
	harness_close(&one);
	ck_assert_int_eq(harness_open(&other), OK);
	harness_holds(&other, 0, 1);
	harness_close(&other);
	place_deinit(&place);
}
END_TEST

START_TEST(a_database_open_elsewhere_is_refused)
{
	struct place place;
	struct harness harness;
	sqlite3 *db;

	place_init(&place);
	fill(&harness, &place, 3);
	ck_assert_int_eq(sqlite3_open(place.database, &db), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(db, "BEGIN; SELECT count(*) FROM log", NULL, NULL, NULL),
			 SQLITE_OK);
	harness_refuses(&harness, ERR_BUSY, "registry.db is open in another program");
	sqlite3_close(db);
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_close(&harness);
	place_deinit(&place);
}
END_TEST

/* ---- damage -------------------------------------------------------------------------------- */

START_TEST(damage_is_refused_by_name)
{
	static const struct {
		const char *sql;
		const char *words;
	} cases[] = {
		{"DELETE FROM log WHERE id = 4", "entry 4 is missing, entry 5 comes next"},
		{"DELETE FROM log WHERE id = 1", "entry 1 is missing, entry 2 comes next"},
		{"UPDATE log SET crc = crc + 1 WHERE id = 3", "entry 3 does not match"},
		{"UPDATE log SET entry = zeroblob(100) WHERE id = 6", "entry 6 does not match"},
		{"UPDATE log SET size = 99 WHERE id = 2", "entry 2 has not the length"},
		{"UPDATE log SET entry = x'00' WHERE id = 2", "entry 2 has not the length"},
		{"UPDATE log SET id = 8 WHERE id = 7; UPDATE log SET id = 7 WHERE id = 6;"
		 "UPDATE log SET id = 6 WHERE id = 8",
		 "entry 6 does not match"},
		{"DELETE FROM meta WHERE key = 'snapshot'", "is damaged"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct place place;
		struct harness harness;

		place_init(&place);
		fill(&harness, &place, 7);
		place_sql(&place, cases[i].sql);
		harness_refuses(&harness, ERR_DAMAGED, cases[i].words);
		ck_assert_ptr_nonnull(strstr(harness.error.text, place.database));
		place_deinit(&place);
	}
}
END_TEST

START_TEST(a_bit_flipped_in_the_file_is_found)
{
	static uint8_t file[1 << 20];
	struct place place;
	struct harness harness;
	uint8_t entry[100];
	size_t size;
	uint8_t *at;

	place_init(&place);
	fill(&harness, &place, 7);
	size = place_read(&place, "registry.db", file, sizeof(file));
	harness_fill(entry, 5, sizeof(entry));
	at = memmem(file, size, entry, sizeof(entry));
	ck_assert_ptr_nonnull(at);
	at[50] ^= 4;
	place_write(&place, "registry.db", file, size);
	harness_refuses(&harness, ERR_DAMAGED, "registry.db is damaged: entry 5 does not match");
	place_deinit(&place);
}
END_TEST

START_TEST(what_is_not_ours_is_refused_and_left_alone)
{
	static uint8_t before[65536];
	static uint8_t after[65536];
	struct place place;
	struct harness harness;
	size_t size;

	place_init(&place);
	fill(&harness, &place, 2);
	place_sql(&place, "UPDATE meta SET value = 2 WHERE key = 'format'");
	harness_refuses(&harness, ERR_FOREIGN,
			"registry.db has format 2, and this waggled knows format 1 only");
	ck_assert_int_eq(unlink(place.database), 0);
	place_sql(&place, "CREATE TABLE addresses (name, street)");
	size = place_read(&place, "registry.db", before, sizeof(before));
	harness_refuses(&harness, ERR_FOREIGN, "not a registry");
	ck_assert_uint_eq(place_read(&place, "registry.db", after, sizeof(after)), size);
	ck_assert_int_eq(memcmp(before, after, size), 0);
	memset(before, 'x', sizeof(before));
	place_write(&place, "registry.db", before, sizeof(before));
	harness_refuses(&harness, ERR_DAMAGED, "registry.db is damaged");
	place_deinit(&place);
}
END_TEST

START_TEST(an_entry_that_is_refused_ends_the_start)
{
	struct place place;
	struct harness harness;

	place_init(&place);
	fill(&harness, &place, 2);
	harness.refusal = ERR_FOREIGN;
	harness_refuses(&harness, ERR_FOREIGN, "registry.db: entry 1 was refused");
	place_deinit(&place);
}
END_TEST

/* ---- snapshots ----------------------------------------------------------------------------- */

START_TEST(a_snapshot_stands_for_the_entries_before_it)
{
	static const struct {
		size_t size;
		size_t piece;
	} cases[] = {{0, 1}, {1, 1}, {65536, 65536}, {65537, 1000}, {5000000, 300000}};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct harness_state state = {.size = cases[i].size, .piece = cases[i].piece};
		struct place place;
		struct harness harness;

		place_init(&place);
		harness_init(&harness, &store_sqlite, place.data);
		ck_assert_int_eq(harness_open(&harness), OK);
		harness_append_many(&harness, 10, 100);
		ck_assert_int_eq(harness_snapshot(&harness, 8, &state), OK);
		ck_assert_uint_eq(harness.ops->size(harness.log), 200);
		harness_append_many(&harness, 2, 100);
		harness_close(&harness);
		ck_assert(place_has(&place, "snapshot-8"));
		ck_assert_int_eq(harness_open(&harness), OK);
		harness_has_snapshot(&harness, cases[i].size);
		harness_holds(&harness, 8, 12);
		harness_close(&harness);
		place_deinit(&place);
	}
}
END_TEST

static int produce_example(void *context, log_sink_fn put, void *sink)
{
	(void)context;
	return put(sink, "state", 5);
}

START_TEST(the_formats_are_as_written_down)
{
	static const char expected[] = "776167676c650d0a 00000001 0000000000000003 9deff195"
				       "00000005 c5892a27 7374617465"
				       "00000000 0000000000000005 66db68df 5c355d7f";
	struct harness_call done;
	struct place place;
	struct harness harness;
	uint8_t octets[100];
	uint8_t file[100];
	size_t size;

	place_init(&place);
	harness_init(&harness, &store_sqlite, place.data);
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_append_many(&harness, 3, 10);
	ck_assert_int_eq(harness_append(&harness, "entry", 5), OK);
	call_init(&done.call);
	ck_assert_int_eq(
		harness.ops->snapshot(harness.log, 3, produce_example, NULL, harness_done, &done),
		OK);
	ck_assert_int_eq(call_wait(&done.call), OK);
	harness_close(&harness);
	size = hex_read(octets, sizeof(octets), expected);
	ck_assert_uint_eq(size, 57);
	ck_assert_uint_eq(place_read(&place, "snapshot-3", file, sizeof(file)), size);
	ck_assert_int_eq(memcmp(file, octets, size), 0);
	ck_assert_int_eq(place_count(&place, "SELECT crc FROM log WHERE id = 4"), 0x252ae2fe);
	ck_assert_int_eq(place_count(&place, "SELECT value FROM meta WHERE key = 'snapshot'"), 3);
	ck_assert_int_eq(place_count(&place, "PRAGMA application_id"), 0x57414747);
	place_deinit(&place);
}
END_TEST

START_TEST(rows_go_in_steps_and_older_files_last)
{
	struct harness_state state = {.size = 100, .piece = 100};
	struct place place;
	struct harness harness;

	place_init(&place);
	harness_init(&harness, &store_sqlite, place.data);
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_append_many(&harness, 10, 300000);
	ck_assert_int_eq(harness_snapshot(&harness, 5, &state), OK);
	harness_append_many(&harness, 5, 300000);
	ck_assert_int_eq(harness_snapshot(&harness, 15, &state), OK);
	WAIT_FOR(!place_has(&place, "snapshot-5"));
	harness_append_many(&harness, 1, 10);
	harness_close(&harness);
	ck_assert_int_eq(place_count(&place, "SELECT count(*) FROM log"), 1);
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_holds(&harness, 15, 16);
	harness_close(&harness);
	place_deinit(&place);
}
END_TEST

START_TEST(a_start_goes_on_where_a_snapshot_was_broken_off)
{
	struct harness_state state = {.size = 100, .piece = 100};
	struct place place;
	struct harness harness;

	place_init(&place);
	harness_init(&harness, &store_sqlite, place.data);
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_append_many(&harness, 5, 100);
	ck_assert_int_eq(harness_snapshot(&harness, 5, &state), OK);
	harness_append_many(&harness, 5, 100);
	harness_close(&harness);
	/* One unfinished, one whole but not named, and rows that are spoken for. */
	place_write(&place, "snapshot-9.tmp", "half", 4);
	place_write(&place, "snapshot-8", "whole", 5);
	place_write(&place, "snapshot-note", "mine", 4);
	place_sql(&place, "INSERT INTO log VALUES (2, 1, 1, x'00'), (4, 1, 1, x'00')");
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_holds(&harness, 5, 10);
	ck_assert(!place_has(&place, "snapshot-9.tmp"));
	ck_assert(!place_has(&place, "snapshot-8"));
	ck_assert(place_has(&place, "snapshot-5"));
	ck_assert(place_has(&place, "snapshot-note"));
	harness_close(&harness);
	place_deinit(&place);
}
END_TEST

static int produce_two_chunks(void *context, log_sink_fn put, void *sink)
{
	static uint8_t data[2 * 65536] = {1};

	(void)context;
	return put(sink, data, sizeof(data));
}

/* Each is whole by itself; the sum over all says that they are not where they were. */
START_TEST(chunks_of_a_snapshot_that_changed_places_are_damage)
{
	enum { HEAD = 24, CHUNK = 8 + 65536 };
	static uint8_t file[HEAD + 2 * CHUNK + 100];
	static uint8_t first[CHUNK];
	struct place place;
	struct harness harness;

	place_init(&place);
	harness_init(&harness, &store_sqlite, place.data);
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_append_many(&harness, 3, 10);
	struct harness_call done;
	call_init(&done.call);
	ck_assert_int_eq(harness.ops->snapshot(harness.log, 3, produce_two_chunks, NULL,
					       harness_done, &done),
			 OK);
	ck_assert_int_eq(call_wait(&done.call), OK);
	call_deinit(&done.call);
	harness_close(&harness);
	const size_t size = place_read(&place, "snapshot-3", file, sizeof(file));
	ck_assert_uint_eq(size, HEAD + 2 * CHUNK + 20);
	memcpy(first, file + HEAD, CHUNK);
	ck_assert_int_ne(memcmp(first, file + HEAD + CHUNK, CHUNK), 0);
	memmove(file + HEAD, file + HEAD + CHUNK, CHUNK);
	memcpy(file + HEAD + CHUNK, first, CHUNK);
	place_write(&place, "snapshot-3", file, size);
	harness_refuses(&harness, ERR_DAMAGED, "its end does not match what is before it");
	place_deinit(&place);
}
END_TEST

START_TEST(every_octet_of_a_snapshot_is_checked)
{
	struct harness_state state = {.size = 300, .piece = 300};
	struct place place;
	struct harness harness;
	uint8_t file[1024];
	size_t size;

	place_init(&place);
	harness_init(&harness, &store_sqlite, place.data);
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_append_many(&harness, 3, 10);
	ck_assert_int_eq(harness_snapshot(&harness, 3, &state), OK);
	harness_close(&harness);
	size = place_read(&place, "snapshot-3", file, sizeof(file));
	ck_assert_uint_eq(size, 24 + 8 + 300 + 20);
	for (size_t i = 0; i < size; i += i < 40 || i > size - 30 ? 1 : 17) {
		/* Octets 8 to 11 are the format's number. */
		const bool is_format = i >= 8 && i < 12;

		file[i] ^= 0x20;
		place_write(&place, "snapshot-3", file, size);
		harness_refuses(&harness, is_format ? ERR_FOREIGN : ERR_DAMAGED, "snapshot-3");
		file[i] ^= 0x20;
	}
	for (size_t i = 0; i < size; i += 23) {
		place_write(&place, "snapshot-3", file, i);
		harness_refuses(&harness, ERR_DAMAGED, "snapshot-3 is damaged: it breaks off");
	}
	place_write(&place, "snapshot-3", file, size + 1);
	harness_refuses(&harness, ERR_DAMAGED, "snapshot-3 is damaged: something stands behind");
	place_write(&place, "snapshot-3", file, size);
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_close(&harness);
	place_deinit(&place);
}
END_TEST

START_TEST(lost_files_are_missed)
{
	struct harness_state state = {.size = 300, .piece = 300};
	struct place place;
	struct harness harness;
	char path[PATH_SIZE];

	place_init(&place);
	harness_init(&harness, &store_sqlite, place.data);
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_append_many(&harness, 3, 10);
	ck_assert_int_eq(harness_snapshot(&harness, 3, &state), OK);
	harness_close(&harness);
	ck_assert_int_eq(unlink(place.database), 0);
	harness_refuses(&harness, ERR_DAMAGED, "registry.db is empty, but there is a snapshot");
	place_sql(&place, "UPDATE meta SET value = 3 WHERE key = 'snapshot'");
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_close(&harness);
	place_path(&place, path, "snapshot-3");
	ck_assert_int_eq(unlink(path), 0);
	harness_refuses(&harness, ERR_DAMAGED, "snapshot-3 is missing");
	place_deinit(&place);
}
END_TEST

START_TEST(a_snapshot_that_fails_keeps_all_and_is_not_wanted_at_once)
{
	struct harness_state state = {.size = 200000, .piece = 1000, .status = ERR_NOMEM};
	struct place place;
	struct harness harness;

	place_init(&place);
	harness_init(&harness, &store_sqlite, place.data);
	harness.options.budget = 1000;
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_append_many(&harness, 9, 100);
	ck_assert(!harness.ops->wants_snapshot(harness.log));
	harness_append_many(&harness, 1, 100);
	ck_assert(harness.ops->wants_snapshot(harness.log));
	ck_assert_int_eq(harness_snapshot(&harness, 10, &state), ERR_NOMEM);
	ck_assert(!harness.ops->wants_snapshot(harness.log));
	ck_assert(!place_has(&place, "snapshot-10.tmp") && !place_has(&place, "snapshot-10"));
	harness_close(&harness);
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_holds(&harness, 0, 10);
	ck_assert(harness.ops->wants_snapshot(harness.log));
	state.status = OK;
	ck_assert_int_eq(harness_snapshot(&harness, 10, &state), OK);
	/* From now on a tenth of 200,000 is more than 1,000. */
	harness_append_many(&harness, 19, 1000);
	ck_assert(!harness.ops->wants_snapshot(harness.log));
	harness_append_many(&harness, 2, 1000);
	ck_assert(harness.ops->wants_snapshot(harness.log));
	harness_close(&harness);
	place_deinit(&place);
}
END_TEST

struct slow_state {
	struct call begun;
	struct call go_on;
};

static int produce_slowly(void *context, log_sink_fn put, void *sink)
{
	struct slow_state *state = context;

	call_end(&state->begun, OK);
	call_wait(&state->go_on);
	return put(sink, "state", 5);
}

START_TEST(appends_do_not_wait_for_a_snapshot)
{
	struct slow_state state;
	struct harness_call done;
	struct place place;
	struct harness harness;

	place_init(&place);
	harness_init(&harness, &store_sqlite, place.data);
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_append_many(&harness, 3, 100);
	call_init(&state.begun);
	call_init(&state.go_on);
	call_init(&done.call);
	ck_assert_int_eq(
		harness.ops->snapshot(harness.log, 3, produce_slowly, &state, harness_done, &done),
		OK);
	call_wait(&state.begun);
	ck_assert_int_eq(
		harness.ops->snapshot(harness.log, 3, produce_slowly, &state, harness_done, &done),
		ERR_BUSY);
	harness_append_many(&harness, 4, 100);
	call_end(&state.go_on, OK);
	ck_assert_int_eq(call_wait(&done.call), OK);
	ck_assert_uint_eq(harness.ops->size(harness.log), 400);
	harness_close(&harness);
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_holds(&harness, 3, 7);
	harness_close(&harness);
	place_deinit(&place);
}
END_TEST

static void let_go(void *context, int status, uint64_t index)
{
	(void)index;
	*(int *)context = status;
}

START_TEST(closing_waits_for_the_snapshot_under_way)
{
	struct harness_state state = {.size = 3000000, .piece = 1000};
	struct place place;
	struct harness harness;
	int status = ERR_IO;

	place_init(&place);
	harness_init(&harness, &store_sqlite, place.data);
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_append_many(&harness, 3, 100);
	ck_assert_int_eq(
		harness.ops->snapshot(harness.log, 3, harness_produce, &state, let_go, &status),
		OK);
	harness_close(&harness);
	ck_assert_int_eq(status, OK);
	ck_assert(place_has(&place, "snapshot-3"));
	place_deinit(&place);
}
END_TEST

START_TEST(the_wal_stays_small)
{
	struct place place;
	struct harness harness;
	struct stat status;
	char path[PATH_SIZE];

	place_init(&place);
	harness_init(&harness, &store_sqlite, place.data);
	ck_assert_int_eq(harness_open(&harness), OK);
	place_path(&place, path, "registry.db-wal");
	for (unsigned i = 0; i < 40; i++) {
		harness_append_many(&harness, 1, 1 << 20);
		ck_assert_int_eq(stat(path, &status), 0);
		ck_assert_int_le(status.st_size, 6 << 20);
	}
	harness_close(&harness);
	place_deinit(&place);
}
END_TEST

/* ---- when the disk or the directory fails -------------------------------------------------- */

START_TEST(an_append_that_fails_keeps_nothing_and_the_next_may_succeed)
{
	const struct rlimit small = {.rlim_cur = 200000, .rlim_max = RLIM_INFINITY};
	const struct rlimit none = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
	struct place place;
	struct harness harness;
	uint64_t last;
	int ret = OK;

	place_init(&place);
	signal(SIGXFSZ, SIG_IGN);
	harness_init(&harness, &store_sqlite, place.data);
	ck_assert_int_eq(harness_open(&harness), OK);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (unsigned i = 0; i < 100 && ret == OK; i++) {
		ret = harness_append_next(&harness, 10000);
	}
	ck_assert_int_eq(ret, ERR_IO);
	ck_assert_int_ne(harness_append_next(&harness, 10000), OK);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	harness_append_many(&harness, 3, 10000);
	last = harness.ops->last(harness.log);
	harness_close(&harness);
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_holds(&harness, 0, last);
	harness_close(&harness);
	place_deinit(&place);
}
END_TEST

START_TEST(a_full_disk_is_called_full_and_recovers)
{
	struct harness_state state = {.size = 4 << 20, .piece = 65536};
	struct place place;
	struct harness harness;
	static const uint8_t ballast[1 << 20];
	char path[PATH_SIZE];
	int ret = OK;

	place_init(&place);
	if (mount("tmpfs", place.base, "tmpfs", 0, "size=2m") != 0) {
		printf("skipped: a_full_disk_is_called_full_and_recovers (no mount)\n");
		ck_assert_msg(getenv("CI") == NULL, "a skip under CI");
		place_deinit(&place);
		return;
	}
	harness_init(&harness, &store_sqlite, place.data);
	ck_assert_int_eq(harness_open(&harness), OK);
	place_path(&place, path, "ballast");
	place_write(&place, "ballast", ballast, sizeof(ballast));
	for (unsigned i = 0; i < 300 && ret == OK; i++) {
		ret = harness_append_next(&harness, 10000);
	}
	ck_assert_int_eq(ret, ERR_FULL);
	ck_assert_int_eq(harness_append_next(&harness, 10000), ERR_FULL);
	ck_assert_int_eq(harness_snapshot(&harness, 5, &state), ERR_FULL);
	ck_assert(!place_has(&place, "snapshot-5.tmp"));
	ck_assert_int_eq(unlink(path), 0);
	harness_append_many(&harness, 3, 10000);
	harness_close(&harness);
	ck_assert_int_eq(umount(place.base), 0);
	place_deinit(&place);
}
END_TEST

START_TEST(a_directory_that_vanished_takes_no_appends)
{
	struct place place;
	struct harness harness;
	char command[2 * PATH_SIZE];

	place_init(&place);
	harness_init(&harness, &store_sqlite, place.data);
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_append_many(&harness, 1, 100);
	snprintf(command, sizeof(command), "rm -rf '%s'", place.data);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(harness_append_next(&harness, 100), ERR_IO);
	harness_close(&harness);
	/* Nor does one whose file was replaced by a copy. */
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_append_many(&harness, 1, 100);
	snprintf(command, sizeof(command), "cp '%s' '%s/copy' && mv '%s/copy' '%s'", place.database,
		 place.data, place.data, place.database);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(harness_append_next(&harness, 100), ERR_IO);
	harness_close(&harness);
	place_deinit(&place);
}
END_TEST

START_TEST(a_directory_without_permission_is_refused)
{
	struct place place;
	struct harness harness;

	place_init(&place);
	ck_assert_int_eq(mkdir(place.data, 0555), 0);
	/* Root may write everywhere: be somebody else for the rest of this process. */
	if (geteuid() == 0) {
		ck_assert_int_eq(seteuid(65534), 0);
	}
	harness_init(&harness, &store_sqlite, place.data);
	harness_refuses(&harness, ERR_DENIED, "cannot write in the data directory");
	snprintf(place.data, sizeof(place.data), "%s/new", place.base);
	ck_assert_int_eq(seteuid(getuid()), 0);
	ck_assert_int_eq(chmod(place.base, 0555), 0);
	ck_assert_int_eq(seteuid(getuid() == 0 ? 65534 : getuid()), 0);
	harness_refuses(&harness, ERR_DENIED, "cannot make the data directory");
	ck_assert_int_eq(seteuid(getuid()), 0);
	ck_assert_int_eq(chmod(place.base, 0755), 0);
	place_deinit(&place);
}
END_TEST

/* Appends until it is killed; after each it says so. */
static void append_for_ever(const struct place *place, int fd)
{
	struct harness harness;

	harness_init(&harness, &store_sqlite, place->data);
	harness.options.budget = 20000;
	if (harness_open(&harness) != OK) {
		_exit(1);
	}
	for (;;) {
		struct harness_state state = {.size = 5000, .piece = 5000};
		uint64_t last;

		if (harness_append_next(&harness, 700) != OK) {
			_exit(1);
		}
		last = harness.ops->last(harness.log);
		if (write(fd, &last, sizeof(last)) != sizeof(last)) {
			_exit(1);
		}
		if (harness.ops->wants_snapshot(harness.log)) {
			harness_snapshot(&harness, last, &state);
		}
	}
}

START_TEST(killed_at_any_moment_it_has_what_it_acknowledged)
{
	struct place place;
	struct harness harness;
	uint64_t last = 0;

	place_init(&place);
	harness_init(&harness, &store_sqlite, place.data);
	for (unsigned round = 0; round < 8; round++) {
		const uint64_t enough = last + 20 + round * 17;
		int ends[2];
		pid_t child;

		ck_assert_int_eq(pipe(ends), 0);
		child = fork();
		ck_assert_int_ge(child, 0);
		if (child == 0) {
			append_for_ever(&place, ends[1]);
		}
		close(ends[1]);
		while (last < enough) {
			ck_assert_int_eq(read(ends[0], &last, sizeof(last)), sizeof(last));
		}
		ck_assert_int_eq(kill(child, SIGKILL), 0);
		ck_assert_int_eq(waitpid(child, NULL, 0), child);
		while (read(ends[0], &last, sizeof(last)) == sizeof(last)) {
		}
		close(ends[0]);
		ck_assert_int_eq(harness_open(&harness), OK);
		ck_assert_uint_ge(harness.ops->last(harness.log), last);
		last = harness.ops->last(harness.log);
		harness_holds(&harness, last - harness.count, last);
		if (harness.count < last) {
			harness_has_snapshot(&harness, 5000);
		}
		harness_close(&harness);
	}
	place_deinit(&place);
}
END_TEST

/* ---- memory -------------------------------------------------------------------------------- */

START_TEST(any_failed_allocation_is_reported)
{
	struct harness_state state = {.size = 100, .piece = 100};
	struct place place;
	struct harness harness;
	int ret;

	place_init(&place);
	fill(&harness, &place, 3);
	ck_assert_int_eq(harness_open(&harness), OK);
	ck_assert_int_eq(harness_snapshot(&harness, 2, &state), OK);
	harness_close(&harness);
	for (unsigned n = 0;; n++) {
		fail_alloc_after(n);
		ret = store_sqlite.open(&harness.log, &harness.options, &harness.error);
		fail_alloc_off();
		if (!fail_alloc_hit()) {
			break;
		}
		ck_assert_int_eq(ret, ERR_NOMEM);
	}
	ck_assert_int_eq(ret, OK);
	store_sqlite.close(harness.log);
	harness.log = NULL;
	ck_assert_int_eq(harness_open(&harness), OK);
	harness_holds(&harness, 2, 3);
	harness_close(&harness);
	place_deinit(&place);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		entries_come_back_in_order,
		only_the_last_component_is_made,
		a_second_waggled_is_refused_and_told_who_is_there,
		a_database_open_elsewhere_is_refused,
		damage_is_refused_by_name,
		a_bit_flipped_in_the_file_is_found,
		what_is_not_ours_is_refused_and_left_alone,
		an_entry_that_is_refused_ends_the_start,
		a_snapshot_stands_for_the_entries_before_it,
		the_formats_are_as_written_down,
		rows_go_in_steps_and_older_files_last,
		a_start_goes_on_where_a_snapshot_was_broken_off,
		every_octet_of_a_snapshot_is_checked,
		chunks_of_a_snapshot_that_changed_places_are_damage,
		lost_files_are_missed,
		a_snapshot_that_fails_keeps_all_and_is_not_wanted_at_once,
		appends_do_not_wait_for_a_snapshot,
		closing_waits_for_the_snapshot_under_way,
		the_wal_stays_small,
		an_append_that_fails_keeps_nothing_and_the_next_may_succeed,
		a_full_disk_is_called_full_and_recovers,
		a_directory_that_vanished_takes_no_appends,
		a_directory_without_permission_is_refused,
		killed_at_any_moment_it_has_what_it_acknowledged,
		any_failed_allocation_is_reported,
	};

	return run_tests("sqlite", tests, COUNT_OF(tests));
}
