/*
 * What commands mean: evaluate, apply, renew.
 *
 * registry_evaluate() is pure: a root and a command in, a plan out (what each touched name would
 * become, the rcode, the lease granted). A heartbeat is a command whose plan changes nothing: the
 * receiving thread renews the cells and replies. Everything else goes through the log, and
 * registry_apply() evaluates it again against the root of its turn and writes the plan: prerequisites
 * and ownership are decided there, so two commands in one batch cannot both win. Deterministic:
 * no clock, no random number, no configuration (design section 3, law 1).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "registry/command.h"
#include "zone/zone.h"

/* What one name becomes. */
struct plan_name {
	struct content content; /* count 0 and no NAME_PTR: it goes */
	const struct node *old; /* what is there; NULL: nothing */
	bool is_change; /* differs from what is there in anything but time */
	bool is_renewed; /* the command renews its lease */
	bool is_takeover; /* changes what another owner has, by a right to take over */
};

struct plan {
	const struct zone *zone;
	struct command_result result;
	struct plan_name *names;
	size_t count;
	struct owner owner; /* who commands; a view into the command */
	uint64_t signed_s; /* mark of its names: what is older is a replay */
	bool has_soa; /* the apex's SOA is replaced */
	struct zone_soa soa;
};

/*
 * Evaluates an encoded UPDATE against a root. Memory from the arena; views into root and command.
 * OK with plan->result.rcode set (anything but NOERROR: names are not to be written);
 * ERR_DAMAGED: it does not decode; ERR_NOMEM.
 */
int registry_evaluate(const struct root *root, const uint8_t *command, size_t size,
		      uint64_t version, uint64_t time_s, struct arena *arena, struct plan *plan);

/* An UPDATE that is no octets yet: sound as command_read_update() would have it. */
struct registry_update {
	const struct command_update *head; /* but for its walks */
	const struct command_prereq *prereqs; /* head->prereq_count */
	const struct command_change *changes; /* head->update_count */
	const enum name_role *roles; /* of their names */
};

/*
 * The same for an UPDATE of this zone (NULL: there is none) that is at hand in parts. What apply
 * makes of the command is what counts; no octets are written for a heartbeat.
 */
int registry_evaluate_parts(const struct zone *zone, const struct registry_update *parts,
			    uint64_t version, uint64_t time_s, struct arena *arena,
			    struct plan *plan);

/*
 * If the plan changes nothing, renews the leases it is about and says true; false: take the logged
 * path. Cells renewed before a false stay renewed. Thread: any reader of the plan's root.
 */
bool registry_beat(const struct plan *plan, uint64_t now_ms);

/* Bounds of what is plain. */
#define REGISTRY_BEAT_CHANGES 16
#define REGISTRY_BEAT_NAMES 8

/* What a plain heartbeat renews. */
struct registry_beat {
	struct dns_lease lease; /* granted */
	struct lease *leases[REGISTRY_BEAT_NAMES];
	size_t count;
};

/*
 * Does this UPDATE of a zone plainly say what is there, to be seen without an evaluation? Then all
 * of it is sound: RDATA need not be, but that of a PTR, and compressed names are strange ones.
 * false: evaluate it.
 */
bool registry_beat_find(const struct zone *zone, const struct command_update *update,
			const struct command_change *changes, struct registry_beat *beat);

/* As registry_beat(). In the same root. */
bool registry_beat_renew(const struct registry_beat *beat, uint64_t now_ms);

/*
 * Is it plain that this UPDATE changes the zone or is refused, and is no replay? Then it belongs into
 * the log, and need not be evaluated before. false: evaluate.
 */
bool registry_is_plain_change(const struct zone *zone, const struct registry_update *parts,
			      uint64_t now_s);

/*
 * Applies one command of any kind. `version` is the number that this command's registrations get
 * (unique and rising: the log index and the command's place). ERR_NOMEM, ERR_DAMAGED: abort the
 * writer, the node stops. A refusal is OK with result->rcode set.
 */
int registry_apply(struct root_writer *writer, const uint8_t *command, size_t size,
		   uint64_t version, uint64_t time_s, struct arena *arena,
		   struct command_result *result, struct plan *plan);

/* Applies a whole batch as the log has it; `each` (may be NULL) gets the result of each command. */
typedef void (*registry_result_fn)(void *context, size_t number,
				   const struct command_result *result, const struct plan *plan);
int registry_apply_batch(struct root_writer *writer, uint64_t index, const uint8_t *entry,
			 size_t size, struct arena *arena, registry_result_fn each, void *context);

/* What zone_base_hash() will be once this COMMAND_BASE is applied. 0: it does not decode. */
uint64_t registry_base_hash(const uint8_t *command, size_t size);

/* The state as a snapshot: written from a root, read into a writer. Format: FORMAT.md. */
int registry_save(const struct root *root, int (*put)(void *sink, const void *data, size_t size),
		  void *sink);

struct registry_loader; /* takes the pieces of a snapshot as they come */
int registry_loader_new(struct registry_loader **out, struct root_writer *writer);
int registry_loader_put(struct registry_loader *loader, const void *data, size_t size);

/*
 * The end, before the commit. ERR_DAMAGED when the snapshot is not whole. *index: the log index it
 * stands for.
 */
int registry_loader_end(struct registry_loader *loader, uint64_t *index);
void registry_loader_free(struct registry_loader *loader);
