/*
 * Commands: the only way to change the registry, as octets that go through the log.
 *
 * A batch (one log entry) is: format u16, commands u32, time u64 (wall clock of the proposer,
 * seconds), then each command as size u32 and octets. A command starts with its kind u8. All
 * numbers in network order, names in wire form. src/registry/FORMAT.md has it octet by octet.
 * Reading is bounds-checked; a command from the log that does not decode is ERR_DAMAGED.
 * Thread: any.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "dns/edns.h"
#include "zone/zone.h"

#define COMMAND_FORMAT 1

enum command_kind {
	COMMAND_UPDATE = 1, /* RFC 2136, also what SRP and sessions become */
	COMMAND_BASE = 2, /* a zone's shape and hand-written records */
	COMMAND_EXPIRE = 3, /* leases that ran out, each with the version meant */
	COMMAND_RETIRE = 4, /* the zone is in no configuration any more; kept, not served */
	COMMAND_OPERATOR = 5, /* a person's word about a name: it wins over every owner */
	COMMAND_IMPORT = 6, /* what was exported: all that is registered in a zone */
};

/* A batch as read: the head, and where its commands stand. */
struct command_batch {
	uint64_t time_s; /* wall clock of the proposer */
	uint32_t count;
	struct buf_reader commands; /* walk with command_read_next() */
};

#define COMMAND_BATCH_HEAD 14 /* octets before the first command */
#define COMMAND_NEXT_HEAD 4 /* octets before each */

/* Writing a batch: the head, then as many commands as it says. */
void command_write_batch(struct buf_writer *out, uint32_t count, uint64_t time_s);
void command_write_next(struct buf_writer *out, const uint8_t *command, size_t size);

/*
 * ERR_FOREIGN: a format that is not known; ERR_DAMAGED: the sizes do not add up. The commands
 * themselves are not looked into.
 */
int command_read_batch(struct command_batch *batch, const uint8_t *entry, size_t size);
int command_read_next(struct buf_reader *reader, const uint8_t **command, size_t *size);

/* The kind of a command, or ERR_DAMAGED. What follows is not looked at. */
int command_kind(const uint8_t *command, size_t size);

/* What a command came to. */
struct command_result {
	uint16_t rcode;
	bool has_ede;
	uint16_t ede;
	char ede_text[160];
	struct dns_lease lease; /* granted, when the request had one */
	bool is_change; /* content changed (else: applied, and nothing moved) */
	bool is_owned; /* REFUSED, as a name is another owner's or the base file's */
	bool is_stale; /* NOTAUTH, as it was signed too early: BADTIME (RFC 8945 5.2.3) */
};

/* Refuses, with an extended error. */
void command_refuse(struct command_result *result, uint16_t rcode, uint16_t ede, const char *format,
		    va_list arguments) __attribute__((format(printf, 4, 0)));

/* An UPDATE as decoded: views into the command's octets. */
struct command_update {
	const uint8_t *zone;
	struct owner owner;
	bool takeover;
	bool hold; /* instances that it makes are not published until released */
	uint64_t signed_s; /* when it was signed by the owner's key, else arrived */
	struct dns_lease lease;
	uint16_t prereq_count;
	uint16_t update_count;
	struct buf_reader prereqs; /* walk with command_read_prereq() */
	struct buf_reader updates; /* walk with command_read_change() */
};

struct command_prereq {
	uint8_t form; /* enum dns_prereq_form */
	const uint8_t *name;
	uint16_t type;
	uint16_t rdata_size;
	const uint8_t *rdata;
};

struct command_change {
	uint8_t form; /* enum dns_update_form */
	const uint8_t *name;
	uint16_t type;
	uint32_t ttl;
	uint16_t rdata_size;
	const uint8_t *rdata;
};

/* Octets that the writers below will make. */
size_t command_update_size(const struct command_update *update);
size_t command_prereq_size(const struct command_prereq *prereq);
size_t command_change_size(const struct command_change *change);

/* Writing an UPDATE: the head, then as many prerequisites and changes as it says. */
void command_write_update(struct buf_writer *out, const struct command_update *update);
void command_write_prereq(struct buf_writer *out, const struct command_prereq *prereq);
void command_write_change(struct buf_writer *out, const struct command_change *change);

/*
 * ERR_DAMAGED when it is no UPDATE, or not a sound one: with OK every form is known, every name
 * and all RDATA are valid, every name is in the zone, and nothing is left over. The walks then
 * give what the counts say; behind that ERR_DAMAGED.
 */
int command_read_update(struct command_update *update, const uint8_t *command, size_t size);

/* The same in two steps: the counts, then the records into arrays of these sizes (NULL: nowhere). */
int command_read_update_head(struct command_update *update, const uint8_t *command, size_t size);
int command_read_update_records(struct command_update *update, struct command_prereq *prereqs,
				struct command_change *changes);
int command_read_prereq(struct buf_reader *reader, struct command_prereq *prereq);
int command_read_change(struct buf_reader *reader, struct command_change *change);

/* A zone's base: shape, SOA, and records. */
struct command_base {
	const uint8_t *zone;
	struct zone_shape shape;
	uint8_t ring_key[SIPHASH_KEY_SIZE]; /* used when the zone is new */
	const struct zone_soa *soa;
	uint32_t count; /* records */
	struct buf_reader records; /* walk with command_read_change(), form ADD */
};
size_t command_base_size(const struct command_base *base); /* without the records */
void command_write_base(struct buf_writer *out, const struct command_base *base);

/* Fills *soa and points base->soa to it. ERR_DAMAGED as for an UPDATE, each record included. */
int command_read_base(struct command_base *base, struct zone_soa *soa, const uint8_t *command,
		      size_t size);

/* One lease that ran out. */
struct command_expiry {
	const uint8_t *zone;
	const uint8_t *name;
	uint64_t version;
};
#define COMMAND_EXPIRE_HEAD 3 /* octets before the first expiry */
size_t command_expiry_size(const struct command_expiry *expiry);
void command_write_expire(struct buf_writer *out, uint16_t count);
void command_write_expiry(struct buf_writer *out, const struct command_expiry *expiry);
int command_read_expire(struct buf_reader *reader, uint16_t *count, const uint8_t *command,
			size_t size);
int command_read_expiry(struct buf_reader *reader, struct command_expiry *expiry);

void command_write_retire(struct buf_writer *out, const uint8_t *zone);
int command_read_retire(const uint8_t **zone, const uint8_t *command, size_t size);

enum operator_action {
	OPERATOR_RELEASE = 1, /* an instance that is held is published */
	OPERATOR_REMOVE = 2, /* what was registered at the name goes, with its lease */
};

struct command_operator {
	uint8_t action; /* enum operator_action */
	const uint8_t *zone;
	const uint8_t *name;
	const char *reason; /* for who reads the log; no NUL at its end */
	uint8_t reason_size;
};
size_t command_operator_size(const struct command_operator *word);
void command_write_operator(struct buf_writer *out, const struct command_operator *word);
int command_read_operator(struct command_operator *word, const uint8_t *command, size_t size);

/* All that is registered in a zone, from an export (registry/text.h). */
struct command_import {
	bool is_replace; /* what is registered there goes; else that is a refusal */
	const uint8_t *zone;
	uint32_t serial; /* that the exported zone had */
	uint8_t ring_key[SIPHASH_KEY_SIZE];
	uint32_t count; /* names */
	uint32_t mark_count; /* of withdrawn names */
	struct buf_reader names; /* each as a NAME of the snapshot, then each mark as a MARK */
};
size_t command_import_size(const struct command_import *import); /* without names and marks */
void command_write_import(struct buf_writer *out, const struct command_import *import);

/* ERR_DAMAGED; the names are not looked into. */
int command_read_import(struct command_import *import, const uint8_t *command, size_t size);
