/*
 * The sliding term is cut into slots; a count falls out of it a sixteenth of the term after it is a
 * term old. Of how many they are: the instances there now and those that were let go meanwhile.
 */
#include "registry/guard.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/name.h"

void guard_init(struct guard *guard, uint64_t seed)
{
	*guard = (struct guard){0};
	map_init(&guard->types, seed);
}

void guard_deinit(struct guard *guard)
{
	struct guard_type *type;
	size_t at = 0;

	while ((type = map_next(&guard->types, &at)) != NULL) {
		free(type);
	}
	map_deinit(&guard->types);
}

struct guard_type *guard_find(const struct guard *guard, const uint8_t *name)
{
	uint8_t folded[DNS_NAME_MAX];

	return map_get(&guard->types, folded, dns_name_fold(folded, name));
}

struct guard_type *guard_held(const struct guard *guard, const uint8_t *name)
{
	struct guard_type *type = guard_find(guard, name);

	return type != NULL && type->state == GUARD_HOLDING ? type : NULL;
}

static struct guard_type *type_new(struct guard *guard, const uint8_t *name)
{
	const size_t size = dns_name_size(name);
	struct guard_type *type = calloc(1, sizeof(*type) + size);

	if (type == NULL) {
		return NULL;
	}
	type->name_size = (uint8_t)dns_name_fold(type->name, name);
	if (map_put(&guard->types, type->name, size, type) != OK) {
		free(type);
		return NULL;
	}
	return type;
}

/* ---- the sliding term ---------------------------------------------------------------------- */

static uint64_t slot_ms(const struct guard_type *type)
{
	const uint64_t ms = (uint64_t)type->term_s * 1000 / GUARD_SLOTS;

	return ms == 0 ? 1 : ms;
}

/* Forgets what is older than a term. */
static void slide(struct guard_type *type, uint64_t now_ms)
{
	const uint64_t slot = now_ms / slot_ms(type);

	for (uint64_t i = 0; type->slot < slot && i < GUARD_SLOTS; i++) {
		const uint64_t next = ++type->slot % GUARD_SLOTS;
		type->due[next] = 0;
		type->gone[next] = 0;
	}
	type->slot = slot;
}

static uint32_t sum(const uint32_t counts[GUARD_SLOTS])
{
	uint32_t all = 0;

	for (unsigned i = 0; i < GUARD_SLOTS; i++) {
		all += counts[i];
	}
	return all;
}

/* A longer term begins: what was counted counts as of now. */
static void lengthen(struct guard_type *type, uint32_t term_s, uint64_t now_ms)
{
	const uint32_t due = sum(type->due);
	const uint32_t gone = sum(type->gone);

	memset(type->due, 0, sizeof(type->due));
	memset(type->gone, 0, sizeof(type->gone));
	type->term_s = term_s;
	type->slot = now_ms / slot_ms(type);
	type->due[type->slot % GUARD_SLOTS] = due;
	type->gone[type->slot % GUARD_SLOTS] = gone;
}

static bool is_crowd(const struct guard_type *type)
{
	const uint64_t all = (uint64_t)type->size + sum(type->gone);

	return all >= GUARD_LEAST && (uint64_t)sum(type->due) * 2 > all;
}

/* ---- leases that come due ------------------------------------------------------------------ */

static void become(struct guard *guard, struct guard_type *type, enum guard_state state,
		   uint64_t now_ms)
{
	guard->holding -= type->state == GUARD_HOLDING;
	guard->holding += state == GUARD_HOLDING;
	guard->begun += state == GUARD_HOLDING;
	type->back = 0;
	type->is_given_up = false;
	type->state = state;
	type->since_ms = now_ms;
}

struct guard_type *guard_due(struct guard *guard, const uint8_t *name, uint32_t size,
			     uint32_t lease_s, uint64_t now_ms, guard_fn fn, void *context)
{
	struct guard_type *type = guard_find(guard, name);

	if (type == NULL) {
		type = type_new(guard, name);
	}
	if (type == NULL) {
		return NULL;
	}
	if (lease_s > type->term_s) {
		lengthen(type, lease_s, now_ms);
	}
	slide(type, now_ms);
	type->due[type->slot % GUARD_SLOTS]++;
	type->size = size;
	if (type->state == GUARD_CALM && is_crowd(type)) {
		become(guard, type, GUARD_HOLDING, now_ms);
		fn(context, type);
	}
	return type;
}

void guard_let_go(struct guard_type *type)
{
	type->gone[type->slot % GUARD_SLOTS]++;
}

void guard_keep(struct guard *guard, struct guard_type *type)
{
	type->held++;
	guard->held++;
}

void guard_back(struct guard *guard, struct guard_type *type, bool has_beaten)
{
	if (type != NULL) {
		assert(type->held > 0 && guard->held > 0);
		type->held--;
		type->back += has_beaten;
		guard->held--;
	}
}

uint64_t guard_again_ms(const struct guard_type *type)
{
	const uint64_t ms = (uint64_t)type->term_s * 1000 / 8;

	return ms < 500 ? 500 : ms < 10000 ? ms : 10000;
}

/* ---- the end ------------------------------------------------------------------------------- */

static uint64_t longest_ms(const struct guard_type *type)
{
	const uint64_t terms_ms = (uint64_t)type->term_s * 3000;

	return terms_ms < GUARD_MAX_MS ? terms_ms : GUARD_MAX_MS;
}

/*
 * A lease that has not come due since the type is held may have been renewed before that; behind a
 * term there is none any more.
 */
static bool is_back(const struct guard_type *type, uint64_t now_ms)
{
	const uint64_t size = type->size;

	return (uint64_t)type->held * 5 <= size &&
	       ((uint64_t)type->back * 5 >= size * 4 ||
		now_ms - type->since_ms >= (uint64_t)type->term_s * 1000);
}

void guard_give_up(struct guard *guard, struct guard_type *type, uint64_t now_ms, guard_fn fn,
		   void *context)
{
	assert(type->state == GUARD_HOLDING);
	become(guard, type, GUARD_SPENT, now_ms);
	type->is_given_up = true;
	fn(context, type);
}

/* Is there nothing of it to be remembered any more? */
static bool is_over(struct guard *guard, struct guard_type *type, uint64_t now_ms, guard_fn fn,
		    void *context)
{
	slide(type, now_ms);
	if (type->state == GUARD_HOLDING) {
		if (is_back(type, now_ms)) {
			become(guard, type, GUARD_CALM, now_ms);
			memset(type->due, 0, sizeof(type->due));
			memset(type->gone, 0, sizeof(type->gone));
			fn(context, type);
		} else if (now_ms - type->since_ms >= longest_ms(type)) {
			become(guard, type, GUARD_SPENT, now_ms);
			fn(context, type);
		}
	} else if (type->state == GUARD_SPENT && !is_crowd(type) &&
		   now_ms - type->since_ms >= (uint64_t)type->term_s * 1000) {
		become(guard, type, GUARD_CALM, now_ms);
	}
	return type->state == GUARD_CALM && type->held == 0 && sum(type->due) == 0;
}

void guard_sweep(struct guard *guard, uint64_t now_ms,
		 uint32_t (*size_of)(void *context, const uint8_t *name), guard_fn fn,
		 void *context)
{
	struct guard_type *over = NULL;
	struct guard_type *type;
	size_t at = 0;

	while ((type = map_next(&guard->types, &at)) != NULL) {
		type->size = size_of(context, type->name);
		if (is_over(guard, type, now_ms, fn, context)) {
			type->next = over;
			over = type;
		}
	}
	while ((type = over) != NULL) {
		over = type->next;
		map_remove(&guard->types, type->name, type->name_size);
		free(type);
	}
}
