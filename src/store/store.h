/*
 * Logs that the registry can be given (registry/log.h): one machine's, and one for tests.
 */
#pragma once

struct log_ops;

/*
 * SQLite in DIRECTORY/registry.db (WAL, synchronous=FULL, exclusive), snapshots in files of their
 * own. The formats are written down in src/store/FORMAT.md.
 */
extern const struct log_ops store_sqlite;

/* In memory, for tests; the directory is a name, and what was appended under it is found again. */
extern const struct log_ops store_ram;
