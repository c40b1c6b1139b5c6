/*
 * The database of the log, by SQLite in WAL mode.
 *
 * SQLite cares for torn writes, locking and full disks; it has no checksum on pages and ends a WAL
 * silently at the first bad frame, so each row carries its own index, length and CRC and a start
 * looks at them all. One statement is one transaction. A step that fails left nothing behind, and
 * the next may succeed (disk full, then not).
 */
#include "store/database.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/crc.h"
#include "base/err.h"
#include "store/say.h"

#define DATABASE_FORMAT 1

enum statement {
	STATEMENT_APPEND,
	STATEMENT_SET_SNAPSHOT,
	STATEMENT_SCAN,
	STATEMENT_SIZE,
	STATEMENT_OLDEST,
	STATEMENT_DELETE,
	STATEMENT_COUNT,
};

static const char *const statements[STATEMENT_COUNT] = {
	[STATEMENT_APPEND] = "INSERT INTO log (id, size, crc, entry) VALUES (?1, ?2, ?3, ?4)",
	[STATEMENT_SET_SNAPSHOT] = "UPDATE meta SET value = ?1 WHERE key = 'snapshot'",
	[STATEMENT_SCAN] = "SELECT id, size, crc, entry FROM log WHERE id > ?1 ORDER BY id",
	[STATEMENT_SIZE] = "SELECT total(size) FROM log WHERE id > ?1",
	[STATEMENT_OLDEST] = "SELECT id, size FROM log WHERE id <= ?1 ORDER BY id",
	[STATEMENT_DELETE] = "DELETE FROM log WHERE id <= ?1",
};

/* A checkpoint comes when the WAL has 4 MiB: 1024 pages of 4 KiB. */
static const char set_up[] = "PRAGMA journal_mode = WAL;"
			     "PRAGMA synchronous = FULL;"
			     "PRAGMA wal_autocheckpoint = 1024;"
			     "PRAGMA journal_size_limit = 4194304;"
			     "PRAGMA temp_store = MEMORY;"
			     "BEGIN EXCLUSIVE;"
			     "COMMIT;";

static const char create[] =
	"BEGIN EXCLUSIVE;"
	"PRAGMA application_id = 1463895879;" /* "WAGG" */
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE log (id INTEGER PRIMARY KEY, size INTEGER NOT NULL, crc INTEGER NOT NULL,"
	" entry BLOB NOT NULL);"
	"INSERT INTO meta (key, value) VALUES ('format', 1), ('snapshot', 0);"
	"COMMIT;";

struct database {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENT_COUNT];
	uint64_t snapshot;
	char path[];
};

/* ---- errors -------------------------------------------------------------------------------- */

static int translate(int status)
{
	switch (status & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
	case SQLITE_ROW:
		return OK;
	case SQLITE_NOMEM:
		return ERR_NOMEM;
	case SQLITE_FULL:
	case SQLITE_TOOBIG:
		return ERR_FULL;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_BUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_DAMAGED;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
	case SQLITE_AUTH:
		return ERR_DENIED;
	default:
		return ERR_IO;
	}
}

/* The sentence for what SQLite said last. */
static int say_status(const struct database *database, int status, struct log_error *error)
{
	const int ret = translate(status);

	if (ret == ERR_BUSY) {
		return say(error, ret,
			   "%s is open in another program: close that, or stop the other waggled",
			   database->path);
	}
	if (ret == ERR_DAMAGED) {
		return say(error, ret, "%s is damaged: %s", database->path,
			   sqlite3_errmsg(database->db));
	}
	return say(error, ret, "cannot use %s: %s", database->path, sqlite3_errmsg(database->db));
}

/* ---- opening ------------------------------------------------------------------------------- */

static int run(struct database *database, const char *sql)
{
	const int status = sqlite3_exec(database->db, sql, NULL, NULL, NULL);

	if (status != SQLITE_OK && !sqlite3_get_autocommit(database->db)) {
		sqlite3_exec(database->db, "ROLLBACK", NULL, NULL, NULL);
	}
	return status;
}

/* The one number that `sql` selects; SQLITE_DONE when it selects none. */
static int ask(const struct database *database, const char *sql, int64_t *value)
{
	sqlite3_stmt *statement;
	int status = sqlite3_prepare_v2(database->db, sql, -1, &statement, NULL);

	if (status != SQLITE_OK) {
		return status;
	}
	status = sqlite3_step(statement);
	if (status == SQLITE_ROW) {
		*value = sqlite3_column_int64(statement, 0);
	}
	sqlite3_finalize(statement);
	return status;
}

/* Whose file is it? Reads only. */
static int look(struct database *database, bool *is_new, struct log_error *error)
{
	int64_t tables = 0;
	int64_t format = 0;
	int status = ask(database, "SELECT count(*) FROM sqlite_master", &tables);

	if (status != SQLITE_ROW) {
		return say_status(database, status, error);
	}
	*is_new = tables == 0;
	if (*is_new) {
		return OK;
	}
	status = ask(database, "SELECT value FROM meta WHERE key = 'format'", &format);
	if (status == SQLITE_ERROR || status == SQLITE_DONE) {
		return say(error, ERR_FOREIGN, "%s is a database, but not a registry of waggled",
			   database->path);
	}
	if (status != SQLITE_ROW) {
		return say_status(database, status, error);
	}
	if (format != DATABASE_FORMAT) {
		return say(error, ERR_FOREIGN,
			   "%s has format %" PRId64 ", and this waggled knows format %d only",
			   database->path, format, DATABASE_FORMAT);
	}
	return OK;
}

static int prepare(struct database *database)
{
	for (size_t i = 0; i < STATEMENT_COUNT; i++) {
		const int status = sqlite3_prepare_v3(database->db, statements[i], -1,
						      SQLITE_PREPARE_PERSISTENT,
						      &database->statements[i], NULL);

		if (status != SQLITE_OK) {
			return status;
		}
	}
	return SQLITE_OK;
}

static int read_meta(struct database *database)
{
	int64_t snapshot = 0;
	const int status =
		ask(database, "SELECT value FROM meta WHERE key = 'snapshot'", &snapshot);

	if (status == SQLITE_DONE || snapshot < 0) {
		return SQLITE_CORRUPT;
	}
	database->snapshot = (uint64_t)snapshot;
	return status == SQLITE_ROW ? SQLITE_OK : status;
}

static int open_file(struct database *database, struct log_error *error)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
	bool is_new = false;
	int status = sqlite3_open_v2(database->path, &database->db, flags, NULL);
	int ret;

	if (database->db == NULL) {
		return say(error, ERR_NOMEM, "out of memory");
	}
	sqlite3_extended_result_codes(database->db, 1);
	if (status == SQLITE_OK) {
		/* Before the first look, so that no shared memory file is made. */
		status = run(database, "PRAGMA locking_mode = EXCLUSIVE");
	}
	if (status != SQLITE_OK) {
		return say_status(database, status, error);
	}
	ret = look(database, &is_new, error);
	if (ret != OK) {
		return ret;
	}
	status = run(database, set_up);
	if (status == SQLITE_OK && is_new) {
		status = run(database, create);
	}
	if (status == SQLITE_OK) {
		status = prepare(database);
	}
	if (status == SQLITE_OK) {
		status = read_meta(database);
	}
	return status == SQLITE_OK ? OK : say_status(database, status, error);
}

int database_open(struct database **out, const char *path, struct log_error *error)
{
	const size_t size = strlen(path) + 1;
	struct database *database = calloc(1, sizeof(*database) + size);
	int ret;

	if (database == NULL) {
		return say(error, ERR_NOMEM, "out of memory");
	}
	memcpy(database->path, path, size);
	ret = open_file(database, error);
	if (ret != OK) {
		database_close(database);
		return ret;
	}
	*out = database;
	return OK;
}

void database_close(struct database *database)
{
	if (database == NULL) {
		return;
	}
	for (size_t i = 0; i < STATEMENT_COUNT; i++) {
		sqlite3_finalize(database->statements[i]);
	}
	/* The last connection's end is a checkpoint too, and removes the WAL. */
	sqlite3_close(database->db);
	free(database);
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Runs a statement that returns no rows, and makes it ready for the next time. */
static int finish(sqlite3_stmt *statement)
{
	const int status = sqlite3_step(statement);

	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
	return status == SQLITE_DONE ? OK : translate(status);
}

/* The checksum of a row is over its index, its size and the entry. */
static uint32_t row_crc(uint64_t index, const void *entry, size_t size)
{
	uint8_t head[16];
	struct buf_writer out = buf_writer(head, sizeof(head));

	buf_write_u64(&out, index);
	buf_write_u64(&out, size);
	return crc32c(crc32c(0, head, sizeof(head)), entry, size);
}

int database_append(struct database *database, uint64_t index, const void *entry, size_t size)
{
	sqlite3_stmt *statement = database->statements[STATEMENT_APPEND];
	int status;

	sqlite3_bind_int64(statement, 1, (sqlite3_int64)index);
	sqlite3_bind_int64(statement, 2, (sqlite3_int64)size);
	sqlite3_bind_int64(statement, 3, row_crc(index, entry, size));
	status = sqlite3_bind_blob64(statement, 4, entry, size, SQLITE_STATIC);
	if (status != SQLITE_OK) {
		sqlite3_clear_bindings(statement);
		return translate(status);
	}
	return finish(statement);
}

int database_set_snapshot(struct database *database, uint64_t index)
{
	sqlite3_stmt *statement = database->statements[STATEMENT_SET_SNAPSHOT];
	int ret;

	sqlite3_bind_int64(statement, 1, (sqlite3_int64)index);
	ret = finish(statement);
	if (ret == OK) {
		database->snapshot = index;
	}
	return ret;
}

/* The index up to which the oldest rows make about DATABASE_TRIM_MAX octets; 0: there are none. */
static int find_trim(struct database *database, uint64_t *index)
{
	sqlite3_stmt *statement = database->statements[STATEMENT_OLDEST];
	uint64_t octets = 0;
	int status;

	*index = 0;
	sqlite3_bind_int64(statement, 1, (sqlite3_int64)database->snapshot);
	while ((status = sqlite3_step(statement)) == SQLITE_ROW && octets < DATABASE_TRIM_MAX) {
		*index = (uint64_t)sqlite3_column_int64(statement, 0);
		octets += (uint64_t)sqlite3_column_int64(statement, 1);
	}
	sqlite3_reset(statement);
	return translate(status);
}

int database_trim(struct database *database, bool *is_done)
{
	sqlite3_stmt *statement = database->statements[STATEMENT_DELETE];
	uint64_t index;
	int ret = find_trim(database, &index);

	*is_done = ret == OK && index == 0;
	if (ret != OK || index == 0) {
		return ret;
	}
	sqlite3_bind_int64(statement, 1, (sqlite3_int64)index);
	return finish(statement);
}

/* ---- reading ------------------------------------------------------------------------------- */

uint64_t database_snapshot(const struct database *database)
{
	return database->snapshot;
}

int database_size(struct database *database, uint64_t *octets)
{
	sqlite3_stmt *statement = database->statements[STATEMENT_SIZE];
	int status;

	sqlite3_bind_int64(statement, 1, (sqlite3_int64)database->snapshot);
	status = sqlite3_step(statement);
	if (status == SQLITE_ROW) {
		*octets = (uint64_t)sqlite3_column_int64(statement, 0);
	}
	sqlite3_reset(statement);
	return translate(status);
}

/* The row at which the scan stands: is it the next one, and as it was written? */
static int check_row(const struct database *database, sqlite3_stmt *row, uint64_t before,
		     struct log_error *error)
{
	const uint64_t index = (uint64_t)sqlite3_column_int64(row, 0);
	const int64_t size = sqlite3_column_int64(row, 1);
	const int64_t crc = sqlite3_column_int64(row, 2);
	const void *entry = sqlite3_column_blob(row, 3);
	const int entry_size = sqlite3_column_bytes(row, 3);

	if (index != before + 1) {
		return say(error, ERR_DAMAGED,
			   "%s is damaged: entry %" PRIu64 " is missing, entry %" PRIu64
			   " comes next",
			   database->path, before + 1, index);
	}
	if (size != entry_size || (entry == NULL && size > 0)) {
		return say(error, ERR_DAMAGED,
			   "%s is damaged: entry %" PRIu64
			   " has not the length it was written with",
			   database->path, index);
	}
	if (crc != row_crc(index, entry, (size_t)entry_size)) {
		return say(error, ERR_DAMAGED,
			   "%s is damaged: entry %" PRIu64 " does not match its checksum",
			   database->path, index);
	}
	return OK;
}

static int scan_rows(const struct database *database, sqlite3_stmt *row, log_entry_fn fn,
		     void *context, uint64_t *last, struct log_error *error)
{
	int status;
	int ret;

	while ((status = sqlite3_step(row)) == SQLITE_ROW) {
		ret = check_row(database, row, *last, error);
		if (ret != OK) {
			return ret;
		}
		ret = fn(context, *last + 1, sqlite3_column_blob(row, 3),
			 (size_t)sqlite3_column_bytes(row, 3));
		if (ret != OK) {
			return say(error, ret, "%s: entry %" PRIu64 " was refused: %s",
				   database->path, *last + 1, err_text(ret));
		}
		++*last;
	}
	return status == SQLITE_DONE ? OK : say_status(database, status, error);
}

int database_scan(struct database *database, log_entry_fn fn, void *context, uint64_t *last,
		  struct log_error *error)
{
	sqlite3_stmt *statement = database->statements[STATEMENT_SCAN];
	int ret;

	*last = database->snapshot;
	sqlite3_bind_int64(statement, 1, (sqlite3_int64)database->snapshot);
	ret = scan_rows(database, statement, fn, context, last, error);
	sqlite3_reset(statement);
	return ret;
}
