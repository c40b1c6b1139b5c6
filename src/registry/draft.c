/*
 * Drafts: a copy of each name that a command touches, loaded once and changed in place, and whom
 * the name belongs to.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "registry/inside.h"

#define DRAFTS_FEW 16
#define CLOCK_STEP_S 60 /* that our clock may go back by, and marks still hold */

int refuse_name(struct evaluation *evaluation, const uint8_t *name, const char *why)
{
	char text[DNS_NAME_TEXT_MAX];

	return result_refuse(&evaluation->plan->result, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED,
			     "%.100s %s", dns_name_to_text(text, name), why);
}

static const uint8_t no_labels[1]; /* an address that NULL has not */

/* Fills the draft of a name with what is there now. */
static int draft_load(struct evaluation *evaluation, struct draft *draft)
{
	const struct zone *zone = evaluation->plan->zone;

	draft->old = zone_entry_at(zone, draft->name, draft->hash);
	draft->content =
		(struct content){.name = draft->name, .hash = draft->hash, .subtypes = no_labels};
	draft->subtypes = no_labels;
	if (draft->old == NULL) {
		return OK;
	}
	const size_t count = node_record_count(draft->old);
	evaluation->loaded += count;
	if (evaluation->loaded > zone_shape(zone)->change_max) {
		return result_refuse(&evaluation->plan->result, DNS_RCODE_REFUSED,
				     DNS_EDE_PROHIBITED,
				     "touches names with more than %u records (change-max)",
				     zone_shape(zone)->change_max);
	}
	draft->room = count + 8;
	draft->records = arena_calloc(evaluation->arena, draft->room, sizeof(struct record));
	if (draft->records == NULL) {
		return ERR_NOMEM;
	}
	draft->count = node_content(draft->old, &draft->content, draft->records, draft->room);
	draft->kept = draft->count;
	if (draft->content.subtypes == NULL) {
		draft->content.subtypes = no_labels;
	}
	draft->subtypes = draft->content.subtypes;
	draft->subtypes_size = draft->content.subtypes_size;
	draft->flags = draft->content.flags;
	return OK;
}

/* A message of 64 KiB may touch thousands of names: from some on they are looked up by hash. */
static int index_grow(struct evaluation *evaluation)
{
	const size_t size =
		evaluation->index_size == 0 ? 8 * DRAFTS_FEW : 8 * evaluation->index_size;
	struct draft **index = arena_calloc(evaluation->arena, size, sizeof(*index));

	if (index == NULL) {
		return ERR_NOMEM;
	}
	for (struct draft *draft = evaluation->drafts; draft != NULL; draft = draft->next) {
		struct draft **head = &index[draft->hash & (size - 1)];
		draft->next_alike = *head;
		*head = draft;
	}
	evaluation->index = index;
	evaluation->index_size = size;
	return OK;
}

static int draft_add(struct evaluation *evaluation, struct draft *draft)
{
	*evaluation->drafts_end = draft;
	evaluation->drafts_end = &draft->next;
	evaluation->draft_count++;
	if (evaluation->draft_count >
	    (evaluation->index == NULL ? DRAFTS_FEW : evaluation->index_size)) {
		return index_grow(evaluation);
	}
	if (evaluation->index != NULL) {
		struct draft **head =
			&evaluation->index[draft->hash & (evaluation->index_size - 1)];
		draft->next_alike = *head;
		*head = draft;
	}
	return OK;
}

static bool draft_is(const struct draft *draft, const uint8_t *name, size_t size)
{
	return draft->name_size == size && dns_octets_equal(draft->name, name, size);
}

/* While they are few, no hash is needed. */
static struct draft *draft_find_few(const struct evaluation *evaluation, const uint8_t *name,
				    size_t size)
{
	struct draft *draft = evaluation->drafts;

	while (draft != NULL && !draft_is(draft, name, size)) {
		draft = draft->next;
	}
	return draft;
}

static struct draft *draft_find(const struct evaluation *evaluation, const uint8_t *name,
				size_t size, uint64_t hash)
{
	struct draft *draft = evaluation->index[hash & (evaluation->index_size - 1)];

	while (draft != NULL && (draft->hash != hash || !draft_is(draft, name, size))) {
		draft = draft->next_alike;
	}
	return draft;
}

int draft_of(struct evaluation *evaluation, const uint8_t *name, enum name_role role,
	     struct draft **out)
{
	const size_t size = dns_name_size(name);
	uint64_t hash;

	if (evaluation->index == NULL) {
		*out = draft_find_few(evaluation, name, size);
		hash = *out != NULL ? 0 : zone_name_hash(evaluation->plan->zone, name);
	} else {
		hash = zone_name_hash(evaluation->plan->zone, name);
		*out = draft_find(evaluation, name, size, hash);
	}
	if (*out != NULL) {
		return OK;
	}
	struct draft *draft = arena_calloc(evaluation->arena, 1, sizeof(*draft));
	if (draft == NULL) {
		return ERR_NOMEM;
	}
	draft->name = name;
	draft->name_size = size;
	draft->hash = hash;
	draft->role = role;
	const int ret = draft_load(evaluation, draft);
	if (ret != OK) {
		return ret;
	}
	*out = draft;
	return draft_add(evaluation, draft);
}

/* Nobody has it; but a key whose lease of the name itself goes on may come back to it. */
static int check_kept(struct evaluation *evaluation, const struct draft *draft)
{
	const struct command_update *update = &evaluation->update;
	char why[96];

	if (update->takeover || zone_role_is_shared(draft->role)) {
		return OK;
	}
	const uint64_t until_s =
		zone_kept(evaluation->plan->zone, draft->name, &update->owner, evaluation->time_s);
	if (until_s == 0) {
		return OK;
	}
	evaluation->plan->result.is_owned = true;
	snprintf(why, sizeof(why), "is kept for the key that had it, for %" PRIu64 " s",
		 until_s - evaluation->time_s);
	return refuse_name(evaluation, draft->name, why);
}

/* Whose is it? Base names and other owners' names are refused. */
static int check_owner(struct evaluation *evaluation, const struct draft *draft)
{
	const struct owner *owner = &draft->content.owner;
	char text[DNS_NAME_TEXT_MAX + 8];
	char why[DNS_NAME_TEXT_MAX + 32];

	if (draft->old == NULL || owner->kind == OWNER_NONE) {
		return check_kept(evaluation, draft);
	}
	if (owner_equal(owner, &evaluation->update.owner)) {
		return OK;
	}
	if (owner->kind == OWNER_BASE) {
		evaluation->plan->result.is_owned = true;
		return refuse_name(evaluation, draft->name, "belongs to the zone's base file");
	}
	if (evaluation->update.takeover) {
		return OK;
	}
	evaluation->plan->result.is_owned = true;
	snprintf(why, sizeof(why), "is registered by %s", owner_text(text, owner));
	return refuse_name(evaluation, draft->name, why);
}

/*
 * RFC 8945 5.2.3, for each name alone: was this signed before the last that its key did to it, or
 * before it was withdrawn? Of the same second it passes, as a script may send two.
 */
static int check_signed(struct evaluation *evaluation, const struct draft *draft)
{
	const struct command_update *update = &evaluation->update;
	const bool is_own =
		draft->old != NULL && owner_equal(&draft->content.owner, &update->owner);
	char text[DNS_NAME_TEXT_MAX];

	if (update->owner.kind != OWNER_KEY || zone_role_is_shared(draft->role)) {
		return OK;
	}
	const uint64_t mark_s = is_own ? draft->content.signed_s
				       : zone_mark(evaluation->plan->zone, draft->name,
						   &update->owner, evaluation->time_s);
	/* A mark of a time to come is of a clock that was wrong. */
	if (update->signed_s >= mark_s || mark_s > evaluation->time_s + CLOCK_STEP_S) {
		return OK;
	}
	evaluation->plan->result.is_stale = true;
	return result_refuse(&evaluation->plan->result, DNS_RCODE_NOTAUTH, DNS_EDE_OTHER,
			     "%.100s: signed before its last change; sign it anew",
			     dns_name_to_text(text, draft->name));
}

int draft_touch(struct evaluation *evaluation, const uint8_t *name, enum name_role role,
		struct draft **out)
{
	int ret = draft_of(evaluation, name, role, out);

	if (ret == OK) {
		ret = check_owner(evaluation, *out);
	}
	if (ret == OK) {
		ret = check_signed(evaluation, *out);
	}
	return ret;
}
