/*
 * May this identity touch the names of an UPDATE? The first name refused refuses the message.
 *
 * An instance is judged by its type, its label and what its TXT record says of its environment
 * (the message's, else the registry's), a PTR at a type or subtype as its target. A host needs no
 * rule of its own when an instance of this message points to it, for that instance is judged
 * anyway, or when one of the same owner in the registry does and the identity may still register
 * some instance: whoever may, could name any host of its owner as the target of it. What a rule
 * holds is taken: a new instance is not published; a name of its own is had by that name alone; at
 * a name that all share there is nothing to hold, so that is refused.
 */
#include "update/inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/update.h"
#include "registry/registry.h"

#define RELATIVE_MAX (2 * (DNS_LABEL_MAX + 1) + 1)

/* "_http._tcp" of the type's full name. */
static const uint8_t *relative_type(uint8_t out[RELATIVE_MAX], const uint8_t *type)
{
	const size_t size = type[0] + 1u + dns_name_parent(type)[0] + 1u;

	memcpy(out, type, size);
	out[size] = 0;
	return out;
}

static struct access_verdict ask(const struct receipt *receipt,
				 const struct access_subject *subject)
{
	return access_judge(&receipt->conf->update, receipt->request->identity, subject);
}

static int refuse_by(struct receipt *receipt, const uint8_t *name,
		     const struct access_verdict *verdict, const char *more)
{
	char reason[sizeof(receipt->answer->reason)];
	size_t used;

	receipt->answer->is_unproven = verdict->is_unproven;
	if (receipt->request->is_terse) {
		return update_deny(receipt, name, "", "");
	}
	access_explain(reason, sizeof(reason), &receipt->conf->update, verdict);
	used = strlen(reason);
	snprintf(reason + used, sizeof(reason) - used, "%s", more);
	const bool is_default = !receipt->conf->update.is_written;
	return update_deny(receipt, name,
			   verdict->rule != NULL || is_default ? "refused by" : "refused:", reason);
}

/* Takes note of a rule that lets in, or refuses. */
static int settle(struct receipt *receipt, const uint8_t *name, enum name_role role,
		  const struct access_verdict *verdict)
{
	switch (verdict->verdict) {
	case CONF_ALLOW:
		receipt->is_takeover &= verdict->rule != NULL && verdict->rule->takeover;
		return DNS_RCODE_NOERROR;
	case CONF_HOLD:
		receipt->is_takeover = false;
		receipt->is_held |= role == ROLE_INSTANCE;
		return role == ROLE_INSTANCE || role == ROLE_PLAIN
			       ? DNS_RCODE_NOERROR
			       : refuse_by(receipt, name, verdict, ", which holds instances only");
	case CONF_DENY:
		break;
	}
	return refuse_by(receipt, name, verdict, "");
}

/* ---- environments ------------------------------------------------------------------------ */

static int compare_owners(const void *one, const void *other)
{
	return dns_name_compare((*(const struct entry *const *)one)->rr->owner,
				(*(const struct entry *const *)other)->rr->owner);
}

/* The TXT records that the message adds, by name, for a message of any size. */
static int gather_texts(struct receipt *receipt)
{
	const struct section *updates = &receipt->updates;
	const size_t room = updates->count;

	if (receipt->conf->update.environment == NULL || receipt->texts != NULL) {
		return DNS_RCODE_NOERROR;
	}
	receipt->texts = arena_alloc(receipt->arena, room * sizeof(receipt->texts[0]));
	receipt->rdatas = arena_alloc(receipt->arena, room * sizeof(receipt->rdatas[0]));
	if (receipt->texts == NULL || receipt->rdatas == NULL) {
		return update_no_memory(receipt->answer);
	}
	for (size_t i = 0; i < room; i++) {
		const struct entry *entry = &updates->entries[i];

		if (entry->rr->type == DNS_TYPE_TXT && entry->rr->class == DNS_CLASS_IN) {
			receipt->texts[receipt->text_count++] = entry;
		}
	}
	qsort(receipt->texts, receipt->text_count, sizeof(receipt->texts[0]), compare_owners);
	for (size_t i = 0; i < receipt->text_count; i++) {
		receipt->rdatas[i] = (struct access_text){receipt->texts[i]->rdata,
							  receipt->texts[i]->rdata_size};
	}
	return DNS_RCODE_NOERROR;
}

/* Those of the message at `name`; none: false. */
static bool find_texts(const struct receipt *receipt, const uint8_t *name,
		       struct access_subject *subject)
{
	size_t low = 0;
	size_t end;

	for (size_t high = receipt->text_count; low < high;) {
		const size_t middle = low + (high - low) / 2;

		if (dns_name_compare(receipt->texts[middle]->rr->owner, name) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	for (end = low;
	     end < receipt->text_count && dns_name_equal(receipt->texts[end]->rr->owner, name);
	     end++) {
	}
	subject->texts = receipt->rdatas + low;
	subject->text_count = end - low;
	return end > low;
}

/* Room for the records of a name in the registry; the same for one name after the other. */
static int reserve(struct receipt *receipt, size_t count)
{
	if (receipt->room >= count) {
		return DNS_RCODE_NOERROR;
	}
	receipt->room = 2 * count;
	receipt->records = arena_calloc(receipt->arena, receipt->room, sizeof(struct record));
	receipt->known = arena_calloc(receipt->arena, receipt->room, sizeof(struct access_text));
	if (receipt->records == NULL || receipt->known == NULL) {
		return update_no_memory(receipt->answer);
	}
	return DNS_RCODE_NOERROR;
}

/* Those that the registry has at `name`. */
static int load_texts(struct receipt *receipt, const uint8_t *name, struct access_subject *subject)
{
	const struct node *node = zone_entry(receipt->zone, name);
	const size_t room = node == NULL ? 0 : node_record_count(node);
	const int rcode = reserve(receipt, room);
	struct content content;

	if (rcode != DNS_RCODE_NOERROR || room == 0) {
		return rcode;
	}
	(void)node_content(node, &content, receipt->records, room);
	for (size_t i = 0; i < room; i++) {
		const struct record *record = &receipt->records[i];

		if (record->type == DNS_TYPE_TXT) {
			receipt->known[subject->text_count++] =
				(struct access_text){record->rdata, record->size};
		}
	}
	subject->texts = receipt->known;
	return DNS_RCODE_NOERROR;
}

static int judge_instance(struct receipt *receipt, const uint8_t *name)
{
	uint8_t relative[RELATIVE_MAX];
	struct access_subject subject = {
		.type = relative_type(relative, zone_type_of(ROLE_INSTANCE, name)),
		.instance = name,
	};
	int rcode = gather_texts(receipt);

	if (rcode == DNS_RCODE_NOERROR && receipt->texts != NULL &&
	    !find_texts(receipt, name, &subject)) {
		rcode = load_texts(receipt, name, &subject);
	}
	if (rcode != DNS_RCODE_NOERROR) {
		return rcode;
	}
	const struct access_verdict verdict = ask(receipt, &subject);
	return settle(receipt, name, ROLE_INSTANCE, &verdict);
}

/* ---- hosts ------------------------------------------------------------------------------- */

static int compare_targets(const void *one, const void *other)
{
	return dns_name_compare(*(const uint8_t *const *)one, *(const uint8_t *const *)other);
}

/* Does this record add an SRV at an instance? */
static bool adds_srv(const struct entry *entry)
{
	return entry->rr->type == DNS_TYPE_SRV && entry->rr->class == DNS_CLASS_IN &&
	       entry->is_in_zone && entry->role == ROLE_INSTANCE;
}

/* The hosts to which instances of this message point, sorted, for a message of any size. */
static int gather_targets(struct receipt *receipt)
{
	const struct section *updates = &receipt->updates;

	receipt->targets = arena_alloc(receipt->arena, updates->count * sizeof(uint8_t *));
	if (receipt->targets == NULL) {
		return update_no_memory(receipt->answer);
	}
	for (size_t i = 0; i < updates->count; i++) {
		if (adds_srv(&updates->entries[i])) {
			receipt->targets[receipt->target_count++] =
				dns_srv_view(updates->entries[i].rdata).target;
		}
	}
	qsort(receipt->targets, receipt->target_count, sizeof(uint8_t *), compare_targets);
	return DNS_RCODE_NOERROR;
}

static bool is_target(const struct receipt *receipt, const uint8_t *host)
{
	return bsearch(&host, receipt->targets, receipt->target_count, sizeof(uint8_t *),
		       compare_targets) != NULL;
}

/* A label that a rule's glob matches; without a glob any will do. */
static void sample_label(uint8_t out[DNS_LABEL_MAX + 1], const char *glob)
{
	out[0] = 0;
	for (; glob != NULL && *glob != '\0' && out[0] < DNS_LABEL_MAX; glob++) {
		if (*glob != '*') {
			out[++out[0]] = (uint8_t)(*glob == '?' ? 'x' : *glob);
		}
	}
	if (out[0] == 0) {
		out[++out[0]] = 'x';
	}
}

/* A TXT record that says the rule's environment. */
static struct access_text sample_text(uint8_t out[256], const struct conf_rules *rules,
				      const struct conf_rule *rule)
{
	const int size =
		snprintf((char *)out + 1, 255, "%s=%s", rules->environment, rule->environment);

	out[0] = (uint8_t)size;
	return (struct access_text){out, (size_t)size + 1};
}

/* Is there an instance that this identity may register by this rule, to be held or not? */
static bool may_by(const struct receipt *receipt, const struct conf_rule *rule)
{
	static const uint8_t any_type[] = "\2_x\4_tcp";
	uint8_t label[DNS_LABEL_MAX + 1];
	uint8_t pair[256];
	struct access_text text;
	struct access_subject subject = {
		.type = rule->type == NULL ? any_type : rule->type,
		.instance = label,
		.texts = &text,
	};

	sample_label(label, rule->instance);
	if (rule->environment != NULL) {
		text = sample_text(pair, &receipt->conf->update, rule);
		subject.text_count = 1;
	}
	return rule->verdict != CONF_DENY && ask(receipt, &subject).verdict != CONF_DENY;
}

static bool may_register_some(const struct receipt *receipt)
{
	const struct conf_rules *rules = &receipt->conf->update;

	for (size_t i = 0; i < rules->count; i++) {
		if (may_by(receipt, &rules->rules[i])) {
			return true;
		}
	}
	return false;
}

/* What hosts need, once for a message: they may be thousands. */
static int prepare_hosts(struct receipt *receipt)
{
	if (receipt->targets != NULL) {
		return DNS_RCODE_NOERROR;
	}
	receipt->may_some = may_register_some(receipt);
	return gather_targets(receipt);
}

/* A name that is no instance: by a general rule, or as the host of an instance. */
static int judge_other(struct receipt *receipt, const uint8_t *name, enum name_role role)
{
	int rcode;

	if (receipt->general.verdict == CONF_ALLOW || role != ROLE_PLAIN) {
		return settle(receipt, name, role, &receipt->general);
	}
	rcode = prepare_hosts(receipt);
	if (rcode != DNS_RCODE_NOERROR || is_target(receipt, name)) {
		return rcode;
	}
	if (receipt->may_some && zone_pointers(receipt->zone, name, &receipt->owner) > 0) {
		receipt->is_takeover = false;
		return DNS_RCODE_NOERROR;
	}
	return settle(receipt, name, role, &receipt->general);
}

/* ---- names ------------------------------------------------------------------------------- */

/* The instance that a PTR at its own type, or at a subtype of that, is about; or NULL. */
static const uint8_t *ptr_instance(const struct entry *entry)
{
	if ((entry->role != ROLE_TYPE && entry->role != ROLE_SUBTYPE) ||
	    entry->rr->type != DNS_TYPE_PTR || entry->rdata == NULL ||
	    !zone_is_instance_of(entry->rdata, zone_type_of(entry->role, entry->rr->owner))) {
		return NULL;
	}
	return entry->rdata;
}

static int judge_entry(struct receipt *receipt, const struct entry *entry, const uint8_t **last)
{
	const uint8_t *instance =
		entry->role == ROLE_INSTANCE ? entry->rr->owner : ptr_instance(entry);

	if (instance == NULL) {
		return judge_other(receipt, entry->rr->owner, entry->role);
	}
	if (*last != NULL && dns_name_equal(instance, *last)) {
		return DNS_RCODE_NOERROR;
	}
	*last = instance;
	return judge_instance(receipt, instance);
}

/* Several records of a name mostly stand together. */
static void place_entries(struct receipt *receipt)
{
	for (size_t i = 0; i < receipt->updates.count; i++) {
		struct entry *entry = &receipt->updates.entries[i];
		const struct entry *last = i == 0 ? NULL : entry - 1;

		entry->role = ROLE_PLAIN;
		if (last != NULL && dns_name_equal(entry->rr->owner, last->rr->owner)) {
			entry->role = last->role;
			entry->is_in_zone = last->is_in_zone;
		} else {
			entry->is_in_zone =
				zone_place(receipt->zone, entry->rr->owner, &entry->role);
		}
	}
}

static const struct access_subject no_instance = {.type = NULL};

bool update_allows_all(const struct receipt *receipt)
{
	return !receipt->conf->update.is_by_name &&
	       ask(receipt, &no_instance).verdict == CONF_ALLOW;
}

/* Every name that the message touches, in order; the first refused refuses the message. */
int update_judge(struct receipt *receipt)
{
	const uint8_t *last = NULL; /* the instance judged last: it has several records */

	place_entries(receipt);
	receipt->is_takeover = receipt->updates.count > 0;
	receipt->general = ask(receipt, &no_instance);
	for (size_t i = 0; i < receipt->updates.count; i++) {
		const struct entry *entry = &receipt->updates.entries[i];
		int rcode;

		/* The prescan says NOTZONE of those. */
		if (!entry->is_in_zone) {
			continue;
		}
		rcode = judge_entry(receipt, entry, &last);
		if (rcode != DNS_RCODE_NOERROR) {
			return rcode;
		}
	}
	return DNS_RCODE_NOERROR;
}
