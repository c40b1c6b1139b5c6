#include "registry/recent.h"

#include <stdlib.h>

#include "base/err.h"

struct recent_entry {
	struct list link;
	uint64_t fingerprint;
	uint64_t seen_ms;
	bool is_done;
	struct command_result result;
};

void recent_init(struct recent *recent, size_t limit, uint64_t seed)
{
	map_init(&recent->entries, seed);
	list_init(&recent->order);
	recent->limit = limit;
}

static void drop(struct recent *recent, struct recent_entry *entry)
{
	map_remove(&recent->entries, &entry->fingerprint, sizeof(entry->fingerprint));
	list_remove(&entry->link);
	free(entry);
}

static struct recent_entry *oldest(const struct recent *recent)
{
	return list_is_empty(&recent->order)
		       ? NULL
		       : list_entry(recent->order.next, struct recent_entry, link);
}

void recent_deinit(struct recent *recent)
{
	for (struct recent_entry *entry; (entry = oldest(recent)) != NULL;) {
		drop(recent, entry);
	}
	map_deinit(&recent->entries);
}

static void forget_old(struct recent *recent, uint64_t now_ms)
{
	for (struct recent_entry *entry; (entry = oldest(recent)) != NULL;) {
		if (recent->entries.count < recent->limit && now_ms - entry->seen_ms < RECENT_MS) {
			return;
		}
		drop(recent, entry);
	}
}

static struct recent_entry *find(const struct recent *recent, uint64_t fingerprint)
{
	return map_get(&recent->entries, &fingerprint, sizeof(fingerprint));
}

enum recent_state recent_see(struct recent *recent, uint64_t fingerprint, uint64_t now_ms,
			     struct command_result *result)
{
	forget_old(recent, now_ms);
	struct recent_entry *entry = find(recent, fingerprint);
	if (entry != NULL) {
		if (!entry->is_done) {
			return RECENT_UNDERWAY;
		}
		*result = entry->result;
		return RECENT_DONE;
	}
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL) {
		return RECENT_NEW;
	}
	entry->fingerprint = fingerprint;
	entry->seen_ms = now_ms;
	if (map_put(&recent->entries, &entry->fingerprint, sizeof(entry->fingerprint), entry) !=
	    OK) {
		free(entry);
		return RECENT_NEW;
	}
	list_append(&recent->order, &entry->link);
	return RECENT_NEW;
}

void recent_done(struct recent *recent, uint64_t fingerprint, const struct command_result *result)
{
	struct recent_entry *entry = find(recent, fingerprint);

	if (entry != NULL) {
		entry->is_done = true;
		entry->result = *result;
	}
}

void recent_forget(struct recent *recent, uint64_t fingerprint)
{
	struct recent_entry *entry = find(recent, fingerprint);

	if (entry != NULL) {
		drop(recent, entry);
	}
}
