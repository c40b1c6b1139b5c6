/*
 * What an operator says about a name: `waggle release`, `waggle remove`. It wins over every owner
 * but the base file, which is an operator's word as well, and a longer-lived one.
 *
 * A release leaves the registration as it is, lease and version included. A removal takes all that
 * was registered at the name, and the lease; what was derived from it goes in the same delta, and
 * so does a host that waited for this instance. Of a name that is kept for a key it takes that. What stands there is judged when the command's turn
 * comes, as with an UPDATE.
 */
#include "base/err.h"
#include "dns/types.h"
#include "registry/inside.h"

/* A name that an operator speaks about. */
struct subject {
	const struct command_operator *word;
	const struct zone *zone;
	const struct node *node; /* NULL: nothing was put there */
	struct content content;
	struct record *records;
	struct command_result *result;
	uint64_t time_s;
};

/* `why` follows the name in a sentence. */
static int refuse(const struct subject *subject, uint16_t rcode, const char *why)
{
	char text[DNS_NAME_TEXT_MAX];

	(void)result_refuse(subject->result, rcode, DNS_EDE_PROHIBITED, "%.100s %s",
			    dns_name_to_text(text, subject->word->name), why);
	return OK;
}

static int release(struct root_writer *writer, const struct subject *subject)
{
	struct content content = subject->content;

	if (subject->node == NULL ||
	    zone_role(subject->zone, subject->word->name) != ROLE_INSTANCE) {
		return refuse(subject, DNS_RCODE_NXDOMAIN, "is no registered instance");
	}
	if ((content.flags & NAME_HELD) == 0) {
		return OK;
	}
	content.flags &= (uint8_t)~NAME_HELD;
	subject->result->is_change = true;
	return zone_put(writer, zone_apex(subject->zone), &content);
}

/* Nothing of a provider's is there: why not? */
static int refuse_nothing(const struct subject *subject)
{
	const struct node *node = zone_node(subject->zone, subject->word->name);

	if (subject->content.count > 0 || subject->content.owner.kind == OWNER_BASE) {
		return refuse(subject, DNS_RCODE_REFUSED, "belongs to the zone's base file");
	}
	if (node != NULL && node_has_records(node)) {
		return refuse(subject, DNS_RCODE_REFUSED,
			      "has only records that follow from instances");
	}
	return refuse(subject, DNS_RCODE_NXDOMAIN, "is not registered");
}

/* Nothing is there, but a key may come back to it. */
static bool is_kept(const struct subject *subject)
{
	const struct owner nobody = {.kind = OWNER_NONE};

	return zone_kept(subject->zone, subject->word->name, &nobody, subject->time_s) > 0;
}

static int remove_name(struct root_writer *writer, struct subject *subject, struct arena *arena)
{
	const enum name_role role = zone_role(subject->zone, subject->word->name);
	const size_t kept =
		records_keep(subject->records, subject->content.count, RECORD_BASE, true);
	const struct content gone = {.name = subject->content.name};
	struct targets targets = {0};

	if (role == ROLE_APEX) {
		return refuse(subject, DNS_RCODE_REFUSED, "is the zone itself");
	}
	if (subject->node == NULL && is_kept(subject)) {
		subject->result->is_change = true;
		return zone_unkeep(writer, subject->word->zone, subject->word->name);
	}
	if (subject->node == NULL || subject->content.owner.kind == OWNER_BASE ||
	    (kept == subject->content.count && zone_role_is_shared(role))) {
		return refuse_nothing(subject);
	}
	const uint8_t *apex = subject->word->zone;
	const struct parting parting = {subject->time_s, subject->time_s, true};
	int ret = remember_withdrawn(writer, apex, subject->node, &parting);
	if (ret == OK) {
		ret = targets_note(&targets, subject->node, arena);
	}
	if (ret == OK && kept > 0) {
		subject->content.count = kept;
		subject->content.lease_s = 0;
		subject->content.key_lease_s = 0;
		ret = zone_put(writer, apex, &subject->content);
	} else if (ret == OK) {
		ret = zone_put(writer, apex, &gone);
	}
	subject->result->is_change = true;
	return ret != OK ? ret : targets_release(&targets, writer, apex, &parting);
}

int apply_operator(struct root_writer *writer, const uint8_t *command, size_t size, uint64_t time_s,
		   struct arena *arena, struct command_result *result)
{
	struct command_operator word;
	struct subject subject = {.word = &word, .result = result, .time_s = time_s};
	const int ret = command_read_operator(&word, command, size);

	if (ret != OK) {
		return ret;
	}
	subject.zone = root_zone(root_draft(writer), word.zone);
	if (subject.zone == NULL || !zone_is_registry(subject.zone)) {
		return refuse(&subject, DNS_RCODE_NOTAUTH, "is in no registry zone here");
	}
	subject.content.name = word.name;
	subject.node = zone_entry(subject.zone, word.name);
	if (subject.node != NULL) {
		const size_t room = node_record_count(subject.node);

		subject.records = arena_calloc(arena, room + 1, sizeof(struct record));
		if (subject.records == NULL) {
			return ERR_NOMEM;
		}
		node_content(subject.node, &subject.content, subject.records, room);
	}
	return word.action == OPERATOR_RELEASE ? release(writer, &subject)
					       : remove_name(writer, &subject, arena);
}
