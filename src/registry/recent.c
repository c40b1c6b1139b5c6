/*
 * The entries are a ring in the order of time; a chain for each hash, by index + 1, newest first.
 * Both are taken whole at the start, so what they need does not grow by what is registered.
 */
#include "registry/recent.h"

#include <stdlib.h>

#include "base/err.h"

/* All of a result that commonly is not nothing, and the whole only of one that says why not. */
struct recent_entry {
	uint64_t fingerprint;
	uint64_t seen_ms;
	struct command_result *refused; /* owned; NULL: `lease` and is_change are all */
	struct dns_lease lease;
	uint32_t next; /* in its chain; 0: none */
	bool is_done;
	bool is_change;
	bool is_forgotten; /* in no chain */
};

int recent_init(struct recent *recent, uint32_t limit, uint64_t seed)
{
	*recent = (struct recent){.limit = limit, .seed = seed};
	recent->entries = calloc(limit, sizeof(recent->entries[0]));
	recent->heads = calloc(limit, sizeof(recent->heads[0]));
	if (recent->entries == NULL || recent->heads == NULL) {
		recent_deinit(recent);
		return ERR_NOMEM;
	}
	return OK;
}

static uint32_t *head_of(const struct recent *recent, uint64_t fingerprint)
{
	return &recent->heads[(fingerprint ^ recent->seed) % recent->limit];
}

static void unchain(struct recent *recent, uint32_t index)
{
	uint32_t *at = head_of(recent, recent->entries[index].fingerprint);

	while (*at != index + 1) {
		at = &recent->entries[*at - 1].next;
	}
	*at = recent->entries[index].next;
}

static void forget(struct recent *recent, uint32_t index)
{
	struct recent_entry *entry = &recent->entries[index];

	if (!entry->is_forgotten) {
		unchain(recent, index);
		free(entry->refused);
		entry->refused = NULL;
		entry->is_forgotten = true;
	}
}

static void drop_oldest(struct recent *recent)
{
	forget(recent, recent->oldest);
	recent->oldest = (recent->oldest + 1) % recent->limit;
	recent->count--;
}

void recent_deinit(struct recent *recent)
{
	while (recent->count > 0) {
		drop_oldest(recent);
	}
	free(recent->entries);
	free(recent->heads);
	*recent = (struct recent){0};
}

static void forget_old(struct recent *recent, uint64_t now_ms)
{
	while (recent->count > 0 && now_ms - recent->entries[recent->oldest].seen_ms >= RECENT_MS) {
		drop_oldest(recent);
	}
}

/* The index of the entry, or `limit`. */
static uint32_t find(const struct recent *recent, uint64_t fingerprint)
{
	uint32_t next = *head_of(recent, fingerprint);

	while (next != 0 && recent->entries[next - 1].fingerprint != fingerprint) {
		next = recent->entries[next - 1].next;
	}
	return next == 0 ? recent->limit : next - 1;
}

static void recall(const struct recent_entry *entry, struct command_result *result)
{
	if (entry->refused != NULL) {
		*result = *entry->refused;
	} else {
		*result = (struct command_result){.lease = entry->lease,
						  .is_change = entry->is_change};
	}
}

enum recent_state recent_see(struct recent *recent, uint64_t fingerprint, uint64_t now_ms,
			     struct command_result *result)
{
	forget_old(recent, now_ms);
	const uint32_t there = find(recent, fingerprint);
	if (there < recent->limit) {
		if (!recent->entries[there].is_done) {
			return RECENT_UNDERWAY;
		}
		recall(&recent->entries[there], result);
		return RECENT_DONE;
	}
	if (recent->count == recent->limit) {
		drop_oldest(recent);
	}
	const uint32_t index = (recent->oldest + recent->count++) % recent->limit;
	uint32_t *head = head_of(recent, fingerprint);
	recent->entries[index] =
		(struct recent_entry){.fingerprint = fingerprint, .seen_ms = now_ms, .next = *head};
	*head = index + 1;
	return RECENT_NEW;
}

void recent_done(struct recent *recent, uint64_t fingerprint, const struct command_result *result)
{
	const uint32_t index = find(recent, fingerprint);

	if (index == recent->limit || recent->entries[index].is_done) {
		return;
	}
	struct recent_entry *entry = &recent->entries[index];
	if (result->rcode != DNS_RCODE_NOERROR || result->has_ede) {
		entry->refused = malloc(sizeof(*entry->refused));
		if (entry->refused == NULL) {
			forget(recent, index); /* it is tried anew */
			return;
		}
		*entry->refused = *result;
	}
	entry->lease = result->lease;
	entry->is_change = result->is_change;
	entry->is_done = true;
}

void recent_forget(struct recent *recent, uint64_t fingerprint)
{
	const uint32_t index = find(recent, fingerprint);

	if (index < recent->limit) {
		forget(recent, index);
	}
}
