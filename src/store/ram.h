/*
 * Hooks of store_ram, for tests: what a disk does at bad moments. A disk is known by the directory
 * name that it was opened with; it lives until store_ram_forget(). Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The next `count` appends fail with `status`. */
void store_ram_fail_appends(const char *directory, int status, unsigned count);

/* The next snapshot fails with `status`. */
void store_ram_fail_snapshot(const char *directory, int status);

/* While held, appends wait; released, the one that waits goes on. */
void store_ram_hold(const char *directory, bool is_held);

/*
 * The machine loses its power: until the disk is opened again nothing reaches it. If it `tears`, the
 * next append still leaves a part of its entry, which the next opening drops; it fails, too.
 */
void store_ram_crash(const char *directory, bool tears);

/* Octet `at` of the entry at `index` gets another value: the disk lost it. */
void store_ram_damage(const char *directory, uint64_t index, size_t at);

/* Entries that the disk has now, those that a snapshot stands for not counted. */
size_t store_ram_entries(const char *directory);

/* Index of the disk's snapshot; 0: none. */
uint64_t store_ram_snapshot(const char *directory);

/* Frees all disks. None may be open. */
void store_ram_forget(void);
