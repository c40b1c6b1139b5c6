/*
 * Protection against mass expiry: who may not end now, because too many of a type would.
 *
 * When of a type of GUARD_LEAST instances or more over half came due unrenewed within one term (a
 * sliding one, the longest of their leases), it is more likely that nobody can be heard than that
 * all have died: the type is held, its leases stay. That ends when 80 % of those still registered
 * have beaten again (those that were not due count once a term has passed), or after 3 terms, 10
 * minutes at most, or when an operator says so; what is over then goes, and the type is not held again
 * before a whole term without such a crowd.
 *
 * A type costs something only while leases of it come due unrenewed; a heartbeat and a withdrawal
 * know nothing of this. What is not protected is the registry's decision, not apply's: pure, time
 * comes in. Thread: core.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/map.h"

#define GUARD_LEAST 20 /* instances; a smaller type is not held */
#define GUARD_SLOTS 16 /* of the sliding term */
#define GUARD_MAX_MS (10u * 60 * 1000)

enum guard_state { GUARD_CALM, GUARD_HOLDING, GUARD_SPENT };

struct guard_type {
	enum guard_state state;
	bool is_given_up; /* spent, since an operator said so */
	uint64_t since_ms; /* when this state began */
	uint32_t term_s;
	uint32_t size; /* instances at the last look */
	uint32_t held; /* leases that are over and stay */
	uint32_t back; /* of those held since it began: beat again */
	uint64_t slot; /* the newest: its beginning in terms of slot_ms */
	uint32_t due[GUARD_SLOTS]; /* came due unrenewed, by slot modulo GUARD_SLOTS */
	uint32_t gone[GUARD_SLOTS]; /* of these, let go */
	struct guard_type *next; /* inside */
	uint8_t name_size;
	uint8_t name[]; /* folded */
};

struct guard {
	struct map types; /* folded name -> struct guard_type */
	size_t holding; /* types held now */
	size_t held; /* leases */
	uint64_t begun; /* how often a type began to be held */
};

/* A type began to be held, or does not any more. */
typedef void (*guard_fn)(void *context, const struct guard_type *type);

void guard_init(struct guard *guard, uint64_t seed);
void guard_deinit(struct guard *guard);

/*
 * A lease of the type `name`, which has `size` instances now, came due unrenewed. `fn` is called if
 * the type is held from now on. NULL: out of memory, the type is not held.
 */
struct guard_type *guard_due(struct guard *guard, const uint8_t *name, uint32_t size,
			     uint32_t lease_s, uint64_t now_ms, guard_fn fn, void *context);

struct guard_type *guard_find(const struct guard *guard, const uint8_t *name);

/* The same, if the type is held now. */
struct guard_type *guard_held(const struct guard *guard, const uint8_t *name);

/* A lease that came due goes, or stays over its time. */
void guard_let_go(struct guard_type *type);
void guard_keep(struct guard *guard, struct guard_type *type);

/* One that was kept has beaten; or it is withdrawn, or goes after all. Takes NULL. */
void guard_back(struct guard *guard, struct guard_type *type, bool has_beaten);

/* After which time to look at a kept lease again. */
uint64_t guard_again_ms(const struct guard_type *type);

/*
 * An operator knows that they have died: a type that is held is so no longer (`fn`), and what is over
 * goes.
 */
void guard_give_up(struct guard *guard, struct guard_type *type, uint64_t now_ms, guard_fn fn,
		   void *context);

/*
 * Once a second: ends what is to end (`fn`), forgets types of which nothing comes due. `size_of`
 * says how many instances a type has.
 */
void guard_sweep(struct guard *guard, uint64_t now_ms,
		 uint32_t (*size_of)(void *context, const uint8_t *name), guard_fn fn,
		 void *context);
