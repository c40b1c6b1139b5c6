/*
 * The inside of the registry's evaluation: for the files of this module only.
 */
#pragma once

#include <stdarg.h>

#include "registry/registry.h"

/* Internal: plan->result says why; no error. */
#define REFUSAL 1

/* The label of a subtype that the message says of an instance. */
struct said {
	struct said *next;
	const uint8_t *label;
};

#define NAME_RECORDS_MAX 1000 /* explicit records at one name; those of the base may be more */
#define SUBTYPES_MAX (UINT16_MAX / 4) /* octets of their labels, of one instance */
#define WITHDRAWN_S 600 /* at least as long as a fudge of 300 s lets a replay in */

/* A name under evaluation. */
struct draft {
	struct draft *next;
	struct draft *next_alike; /* in the index */
	const uint8_t *name; /* as the message spells it */
	size_t name_size;
	uint64_t hash; /* of the name, zone_name_hash() */
	enum name_role role;
	const struct node *old;
	struct content content; /* as it is now; its records are moved to the next fields */
	struct record *records;
	size_t kept; /* the first of them that are there now, in their order */
	size_t count;
	size_t room;
	const uint8_t *subtypes;
	uint16_t subtypes_size;
	struct said *said; /* after note_subtypes() */
	uint8_t flags;
	uint32_t lease_s; /* of what is added */
	bool is_added_to; /* something was added, or added again: its lease is renewed */
	bool is_rewritten; /* the records may not be those that are there now */
};

struct evaluation {
	struct command_update update;
	const struct command_prereq *prereqs; /* update.prereq_count */
	const struct command_change *changes; /* update.update_count */
	const enum name_role *roles; /* of their names */
	struct plan *plan;
	struct arena *arena;
	uint64_t version;
	uint64_t time_s;
	bool is_removal; /* a lease of 0: what it adds is taken away (RFC 9664) */
	struct draft *drafts;
	struct draft **drafts_end;
	size_t draft_count;
	struct draft **index; /* by hash; NULL while they are few */
	size_t index_size; /* a power of two */
	size_t loaded; /* records of all drafts, as they are now */
	bool has_said; /* the drafts have what is said of subtypes */
};

/* Fills the result and returns REFUSAL. */
int result_refuse(struct command_result *result, uint16_t rcode, uint16_t ede, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));

/* Hosts that instances pointed to before a change: some may be free to go after it. */
struct target {
	struct target *next;
	const uint8_t *name;
};

struct targets {
	struct target *first;
};

/* apply.c: notes the targets of a name that will be put; `old` is what stands there, or NULL. */
int targets_note(struct targets *targets, const struct node *old, struct arena *arena);

/* How names go. */
struct parting {
	uint64_t signed_s; /* what their key signed before is a replay */
	uint64_t time_s;
	bool frees; /* others may have them at once, whatever their key lease */
};

/*
 * apply.c: overdue hosts go that no instance of their owner points to any more; their marks as in
 * remember_withdrawn(). ERR_NOMEM.
 */
int targets_release(const struct targets *targets, struct root_writer *writer, const uint8_t *apex,
		    const struct parting *parting);

/* Refuses, naming the name: `why` follows it in a sentence. Returns REFUSAL. */
int refuse_name(struct evaluation *evaluation, const uint8_t *name, const char *why);

/* draft.c: the draft of a name, loaded where it is not there yet. OK, REFUSAL, ERR_NOMEM. */
int draft_of(struct evaluation *evaluation, const uint8_t *name, enum name_role role,
	     struct draft **out);

/*
 * draft.c: the draft of a name that the command touches, loaded where it is not there yet; `name`
 * is kept. OK, ERR_NOMEM, or REFUSAL: it is the base's or another owner's, or this is a replay.
 */
int draft_touch(struct evaluation *evaluation, const uint8_t *name, enum name_role role,
		struct draft **out);

/* The steps of an evaluation, each with a file of its own: OK, REFUSAL, ERR_NOMEM, ERR_DAMAGED. */

/* prereq.c: RFC 2136 3.2. */
int check_prereqs(struct evaluation *evaluation);

/* grant.c: more or less than asked may be granted, and 0 is a removal (RFC 9664 4.2). */
int grant(struct evaluation *evaluation);

/* grant.c: what of an asked lease is granted. */
void grant_lease(const struct zone_shape *shape, const struct dns_lease *asked,
		 struct dns_lease *granted);

/* The TTL of a record that is asked for, within the lease (0: none) and the zone's limit. */
static inline uint32_t ttl_within(const struct zone_shape *shape, uint32_t lease_s, uint32_t ttl)
{
	const uint32_t limit_s =
		lease_s > 0 && lease_s < shape->ttl_max_s ? lease_s : shape->ttl_max_s;

	return ttl < limit_s ? ttl : limit_s;
}

/* beat.c: the cell gets this time; false: its end is on its way. */
bool lease_renew(struct lease *lease, uint64_t now_ms);

/* grant.c: the lease that records added to this name will have; 0: they are permanent. */
uint32_t lease_for(const struct evaluation *evaluation, const struct draft *draft);

/* change.c: all changes, in order, upon drafts (RFC 2136 3.4.2). */
int apply_changes(struct evaluation *evaluation);

/* change.c: a label in a row of labels, or NULL; and a subtype's in the draft. */
const uint8_t *labels_find(const uint8_t *labels, size_t size, const uint8_t *label);
const uint8_t *find_subtype(const struct draft *draft, const uint8_t *label);

/* finish.c: the plan's names, from the drafts. */
int finish(struct evaluation *evaluation);

/*
 * apply.c: remembers that the key which has `old` (NULL: nothing there) has it no more, so that
 * what it signed before does not bring it back; and keeps the name for it if its key lease is
 * longer than its lease.
 */
int remember_withdrawn(struct root_writer *writer, const uint8_t *apex, const struct node *old,
		       const struct parting *parting);

/*
 * apply.c: of some records those stay, first and in their order, that have this flag, or those that
 * have it not; how many.
 */
size_t records_keep(struct record *records, size_t count, uint8_t flag, bool has_it);

/*
 * base.c: a zone's shape and hand-written records; *plan: the names taken from who registered them.
 * ERR_NOMEM, ERR_DAMAGED.
 */
int apply_base(struct root_writer *writer, const uint8_t *command, size_t size, uint64_t version,
	       uint64_t time_s, struct arena *arena, struct command_result *result,
	       struct plan *plan);

/* operator.c: a person's word about a name. ERR_NOMEM, ERR_DAMAGED. */
int apply_operator(struct root_writer *writer, const uint8_t *command, size_t size, uint64_t time_s,
		   struct arena *arena, struct command_result *result);

/* ---- save.c: the content of a name, as snapshots and imports have it (FORMAT.md, NAME) ---- */

size_t content_size(const struct content *content);
void content_write(struct buf_writer *out, const struct content *content);

/* Where what is read stands until the next one. Zeroed at first. */
struct content_room {
	uint8_t name[DNS_NAME_MAX];
	struct record *records;
	size_t count;
};
void content_room_free(struct content_room *room);

/* *out: views into the reader's octets and the room. ERR_DAMAGED, ERR_NOMEM. */
int content_read(struct buf_reader *in, const uint8_t *apex, struct content_room *room,
		 struct content *out);

/* A mark of a withdrawn name, the same way. */
#define MARK_SIZE 24
void mark_write(struct buf_writer *out, const struct zone_mark *mark);
void mark_read(struct buf_reader *in, struct zone_mark *mark); /* the reader may fail */

/* ---- install.c: what was exported is put into a zone ---- */

int apply_import(struct root_writer *writer, const uint8_t *command, size_t size, uint64_t version,
		 uint64_t time_s, struct arena *arena, struct command_result *result);

/* Is anything registered there, beside what the base file says? */
bool zone_has_registrations(const struct zone *zone);
