/*
 * An UPDATE from the message to a command, in the order of RFC 2136 section 3 with permission
 * before the prescan (shared decision: prerequisites would be an oracle otherwise):
 *
 *   1. zone          3.1    zone_fault()    whose zone, is it served, may it be updated at all
 *   2. look                 beat.c          a heartbeat that is plain to see ends here
 *   3. collect              collect()       each record once, RDATA checked and uncompressed
 *   4. rules         3.3    update_judge()  may this identity touch these names
 *   5. prescan       3.2.5, 3.4.1  check_forms()  forms, types, addresses from afar
 *   6. evaluate             decide()        a heartbeat or prerequisites alone end here
 *   7. encode               submit()        the command
 *
 * What depends on the registry's state (prerequisites, owners, base records) is decided in apply,
 * so all else is submitted. Memory is the arena's; only a command that is submitted is malloc'd.
 */
#include "update/update.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/update.h"
#include "registry/registry.h"
#include "update/inside.h"

#define NAME_SHOWN 90 /* octets of a name in an extended error, so that the reason fits behind */
#define NAME_LEAST 24 /* octets of it that stand beside the longest reason */

/* ---- refusing ---------------------------------------------------------------------------- */

/* Sets what is answered, with an extended error. Returns the rcode. */
__attribute__((format(printf, 4, 5))) static int
refuse(struct update_answer *answer, uint16_t rcode, uint16_t ede, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	command_refuse(&answer->result, rcode, ede, format, arguments);
	va_end(arguments);
	return rcode;
}

int update_no_memory(struct update_answer *answer)
{
	return refuse(answer, DNS_RCODE_SERVFAIL, DNS_EDE_OTHER, "out of memory");
}

/* A name of at most `most` octets for an extended error: a long one is cut. */
static const char *cut(char out[DNS_NAME_TEXT_MAX], const uint8_t *name, size_t most)
{
	dns_name_to_text(out, name);
	if (strlen(out) > most) {
		memcpy(out + most - 3, "...", sizeof("..."));
	}
	return out;
}

static const char *shown(char out[DNS_NAME_TEXT_MAX], const uint8_t *name)
{
	return cut(out, name, NAME_SHOWN);
}

int update_deny(struct receipt *receipt, const uint8_t *name, const char *how, const char *reason)
{
	struct update_answer *answer = receipt->answer;
	const size_t said = strlen(reason) + strlen(how) + sizeof("  ");
	size_t room = sizeof(answer->result.ede_text) - NAME_LEAST;
	char text[DNS_NAME_TEXT_MAX];

	answer->is_denied = true;
	if (receipt->request->is_terse) {
		answer->result.rcode = DNS_RCODE_REFUSED;
		return DNS_RCODE_REFUSED;
	}
	/* The reason is what the sender does not know. */
	room = said < room ? sizeof(answer->result.ede_text) - said : NAME_LEAST;
	snprintf(answer->reason, sizeof(answer->reason), "%s", reason);
	dns_name_to_text(answer->zone, receipt->apex);
	dns_name_to_text(answer->name, name);
	return refuse(answer, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED, "%s %s %s",
		      cut(text, name, room < NAME_SHOWN ? room : NAME_SHOWN), how, reason);
}

/* ---- the zone section (RFC 2136 3.1) ----------------------------------------------------- */

/* FORMERR for what is no zone section: it names one zone by its SOA, in a class that has data. */
static bool is_zone_section(const struct dns_message *message)
{
	return message->has_question && message->qtype == DNS_TYPE_SOA &&
	       message->qclass != DNS_CLASS_ANY && message->qclass != DNS_CLASS_NONE;
}

/* Is it for the zone that the one before was for? Then that is the receipt's. */
static bool is_seen(struct receipt *receipt)
{
	const struct update_seen *seen = receipt->request->seen;
	const struct dns_message *message = receipt->request->message;

	if (seen == NULL || seen->zone == NULL) {
		return false;
	}
	const uint8_t *apex = zone_apex(seen->zone);
	if (message->qname[0] != apex[0] || !dns_name_equal(message->qname, apex)) {
		return false;
	}
	receipt->conf = seen->conf;
	receipt->zone = seen->zone;
	receipt->apex = apex;
	return true;
}

static int find_zone(struct receipt *receipt)
{
	const struct update_request *request = receipt->request;
	const struct dns_message *message = request->message;
	struct update_answer *answer = receipt->answer;

	if (!is_zone_section(message)) {
		return refuse(answer, DNS_RCODE_FORMERR, DNS_EDE_OTHER,
			      "the zone section is not one zone, type SOA, class IN");
	}
	if (message->qclass == DNS_CLASS_IN && is_seen(receipt)) {
		return DNS_RCODE_NOERROR;
	}
	if (message->qclass == DNS_CLASS_IN) {
		receipt->conf = conf_zone_find(request->conf, message->qname);
	}
	if (receipt->conf == NULL) {
		return refuse(answer, DNS_RCODE_NOTAUTH, DNS_EDE_NOT_AUTHORITATIVE,
			      "no zone of this name here");
	}
	if (!receipt->conf->is_registry) {
		return refuse(answer, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED,
			      "a static zone: it changes with its file");
	}
	/* Not there, or still what it was before a reload: its base is not in yet. */
	receipt->zone = root_zone(request->root, message->qname);
	if (receipt->zone == NULL || !zone_is_registry(receipt->zone) ||
	    !zone_is_served(receipt->zone)) {
		return refuse(answer, DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY,
			      "the zone is not ready");
	}
	receipt->apex = zone_apex(receipt->zone);
	if (request->seen != NULL) {
		*request->seen = (struct update_seen){receipt->conf, receipt->zone};
	}
	return DNS_RCODE_NOERROR;
}

/* ---- collecting -------------------------------------------------------------------------- */

/* Does the form that this record may have come with RDATA? Where it does not, there is none. */
static bool has_rdata(const struct dns_rr *rr, enum dns_section section)
{
	return rr->class == DNS_CLASS_IN || (rr->class == DNS_CLASS_NONE && section == DNS_UPDATE);
}

/* Octets that RDATA may have when its names are uncompressed. */
static size_t rdata_room(const struct dns_rr *rr)
{
	size_t room = rr->rdata_size;

	for (const char *letter = dns_rrtype(rr->type)->layout; *letter != '\0'; letter++) {
		room += *letter == 'n' || *letter == 'd' ? DNS_NAME_MAX : 0;
	}
	return room;
}

/* The records of a section as the message was parsed; NULL: it kept none. */
static struct dns_rr *kept_records(const struct dns_message *message, enum dns_section number)
{
	const size_t before = number == DNS_PREREQUISITE ? 0 : message->count[DNS_PREREQUISITE];

	return message->records == NULL ? NULL : message->records + before;
}

/* The same, read again. NULL: no memory. */
static struct dns_rr *walk_records(struct receipt *receipt, enum dns_section number)
{
	const size_t count = receipt->request->message->count[number];
	struct dns_walk walk = dns_walk(receipt->request->message, number);
	struct dns_rr *records = arena_alloc(receipt->arena, count * sizeof(*records));

	for (size_t i = 0; records != NULL && i < count; i++) {
		const int got = dns_walk_next(&walk, &records[i]);

		assert(got == 1);
		(void)got;
	}
	return records;
}

/* All records of a section; *room: for their RDATA. */
static int walk_section(struct receipt *receipt, struct section *section, enum dns_section number,
			size_t *room)
{
	const struct dns_message *message = receipt->request->message;
	const size_t count = message->count[number];
	struct dns_rr *records = kept_records(message, number);

	section->entries = arena_alloc(receipt->arena, count * sizeof(struct entry));
	if (records == NULL) {
		records = walk_records(receipt, number);
	}
	if (section->entries == NULL || records == NULL) {
		return update_no_memory(receipt->answer);
	}
	for (section->count = 0; section->count < count; section->count++) {
		struct entry *entry = &section->entries[section->count];

		entry->rr = &records[section->count];
		entry->rdata = NULL;
		entry->rdata_size = 0;
		*room += has_rdata(entry->rr, number) ? rdata_room(entry->rr) : 0;
	}
	return DNS_RCODE_NOERROR;
}

static int read_rdata(struct receipt *receipt, struct section *section, enum dns_section number,
		      struct buf_writer *pool)
{
	for (size_t i = 0; i < section->count; i++) {
		struct entry *entry = &section->entries[i];
		char text[DNS_NAME_TEXT_MAX];
		int size;

		if (!has_rdata(entry->rr, number)) {
			continue;
		}
		entry->rdata = pool->at;
		size = dns_rr_rdata(receipt->request->message, entry->rr, pool);
		if (size < 0 || size > UINT16_MAX) {
			return refuse(receipt->answer, DNS_RCODE_FORMERR, DNS_EDE_INVALID_DATA,
				      "%s: malformed RDATA of type %u",
				      shown(text, entry->rr->owner), entry->rr->type);
		}
		entry->rdata_size = (uint16_t)size;
	}
	return DNS_RCODE_NOERROR;
}

static int collect(struct receipt *receipt)
{
	struct buf_writer pool;
	size_t room = 0;
	void *octets;
	int rcode;

	rcode = walk_section(receipt, &receipt->prereqs, DNS_PREREQUISITE, &room);
	if (rcode == DNS_RCODE_NOERROR) {
		rcode = walk_section(receipt, &receipt->updates, DNS_UPDATE, &room);
	}
	if (rcode != DNS_RCODE_NOERROR) {
		return rcode;
	}
	octets = arena_alloc(receipt->arena, room);
	if (octets == NULL) {
		return update_no_memory(receipt->answer);
	}
	pool = buf_writer(octets, room);
	rcode = read_rdata(receipt, &receipt->prereqs, DNS_PREREQUISITE, &pool);
	if (rcode == DNS_RCODE_NOERROR) {
		rcode = read_rdata(receipt, &receipt->updates, DNS_UPDATE, &pool);
	}
	return rcode;
}

/* ---- prescan (RFC 2136 3.2.5, 3.4.1) ----------------------------------------------------- */

/* Records of a signature, which only a signer makes (and some corrupted other servers). */
static bool is_signers(uint16_t type)
{
	return type == DNS_TYPE_SIG || type == DNS_TYPE_NXT || type == DNS_TYPE_RRSIG ||
	       type == DNS_TYPE_NSEC || type == DNS_TYPE_NSEC3 || type == DNS_TYPE_DNSKEY ||
	       type == DNS_TYPE_NSEC3PARAM;
}

static int form_fault(struct receipt *receipt, int rcode, const struct entry *entry,
		      const char *section)
{
	const struct dns_rr *rr = entry->rr;
	char text[DNS_NAME_TEXT_MAX];
	char type[16];

	if (rcode == DNS_RCODE_NOTZONE) {
		return refuse(receipt->answer, (uint16_t)rcode, DNS_EDE_OTHER,
			      "%s (%s) is not in the zone", shown(text, rr->owner), section);
	}
	return refuse(receipt->answer, (uint16_t)rcode, DNS_EDE_OTHER,
		      "%s (%s): type %s, class %u, TTL %" PRIu32
		      ", %u octets: not a form of RFC 2136",
		      shown(text, rr->owner), section, dns_rrtype_to_text(type, rr->type),
		      rr->class, rr->ttl, rr->rdata_size);
}

static int check_update(struct receipt *receipt, struct entry *entry, bool is_afar)
{
	enum dns_update_form form;
	const int rcode = dns_update_form(&form, entry->rr, entry->is_in_zone);
	char text[DNS_NAME_TEXT_MAX];
	const char *fault;

	if (rcode != DNS_RCODE_NOERROR) {
		return form_fault(receipt, rcode, entry, "update");
	}
	entry->form = (uint8_t)form;
	/* RFC 2181 8: with the upper bit set it is 0. */
	entry->rr->ttl = entry->rr->ttl > DNS_TTL_MAX ? 0 : entry->rr->ttl;
	if (is_signers(entry->rr->type)) {
		char type[16];

		return refuse(receipt->answer, DNS_RCODE_REFUSED, DNS_EDE_NOT_SUPPORTED,
			      "%s: type %s is a signer's, not for UPDATE",
			      shown(text, entry->rr->owner),
			      dns_rrtype_to_text(type, entry->rr->type));
	}
	if (!is_afar || form != DNS_UPDATE_ADD) {
		return DNS_RCODE_NOERROR;
	}
	fault = update_address_fault(entry->rr->type, entry->rdata);
	if (fault == NULL) {
		return DNS_RCODE_NOERROR;
	}
	receipt->answer->is_senseless = true;
	return update_deny(receipt, entry->rr->owner, "refused by", fault);
}

static int check_forms(struct receipt *receipt)
{
	const bool is_afar = !access_is_loopback(receipt->request->identity->peer);
	int rcode = DNS_RCODE_NOERROR;

	for (size_t i = 0; i < receipt->updates.count && rcode == DNS_RCODE_NOERROR; i++) {
		rcode = check_update(receipt, &receipt->updates.entries[i], is_afar);
	}
	for (size_t i = 0; i < receipt->prereqs.count && rcode == DNS_RCODE_NOERROR; i++) {
		struct entry *entry = &receipt->prereqs.entries[i];
		enum dns_prereq_form form;

		rcode = dns_prereq_form(&form, entry->rr,
					dns_name_is_in(entry->rr->owner, receipt->apex));
		if (rcode != DNS_RCODE_NOERROR) {
			return form_fault(receipt, rcode, entry, "prerequisite");
		}
		entry->form = (uint8_t)form;
	}
	return rcode;
}

/* ---- the command ------------------------------------------------------------------------- */

static struct command_prereq prereq_of(const struct entry *entry)
{
	return (struct command_prereq){
		.form = entry->form,
		.name = entry->rr->owner,
		.type = entry->rr->type,
		.rdata_size = entry->rdata_size,
		.rdata = entry->rdata,
	};
}

static struct command_change change_of(const struct entry *entry)
{
	return (struct command_change){
		.form = entry->form,
		.name = entry->rr->owner,
		.type = entry->rr->type,
		.ttl = entry->rr->ttl,
		.rdata_size = entry->rdata_size,
		.rdata = entry->rdata,
	};
}

struct command_update update_head(const struct receipt *receipt)
{
	const struct dns_message *message = receipt->request->message;

	return (struct command_update){
		.zone = receipt->apex,
		.owner = receipt->owner,
		.takeover = receipt->is_takeover,
		.hold = receipt->is_held,
		.signed_s = receipt->request->signed_s,
		.lease = message->edns.lease,
		.prereq_count = message->count[DNS_PREREQUISITE],
		.update_count = message->count[DNS_UPDATE],
	};
}

/* The records as a command has them, from the arena. false: no memory. */
static bool take_apart(struct receipt *receipt, const struct command_update *head,
		       struct registry_update *parts)
{
	struct command_prereq *prereqs =
		arena_alloc(receipt->arena, receipt->prereqs.count * sizeof(*prereqs));
	struct command_change *changes =
		arena_alloc(receipt->arena, receipt->updates.count * sizeof(*changes));
	enum name_role *roles =
		arena_alloc(receipt->arena, receipt->updates.count * sizeof(*roles));

	if (prereqs == NULL || changes == NULL || roles == NULL) {
		return false;
	}
	for (size_t i = 0; i < receipt->prereqs.count; i++) {
		prereqs[i] = prereq_of(&receipt->prereqs.entries[i]);
	}
	for (size_t i = 0; i < receipt->updates.count; i++) {
		changes[i] = change_of(&receipt->updates.entries[i]);
		roles[i] = receipt->updates.entries[i].role;
	}
	*parts = (struct registry_update){head, prereqs, changes, roles};
	return true;
}

static size_t encoded_size(const struct registry_update *parts)
{
	size_t size = command_update_size(parts->head);

	for (size_t i = 0; i < parts->head->prereq_count; i++) {
		size += command_prereq_size(&parts->prereqs[i]);
	}
	for (size_t i = 0; i < parts->head->update_count; i++) {
		size += command_change_size(&parts->changes[i]);
	}
	return size;
}

static void encode(const struct registry_update *parts, void *octets, size_t size)
{
	struct buf_writer out = buf_writer(octets, size);

	command_write_update(&out, parts->head);
	for (size_t i = 0; i < parts->head->prereq_count; i++) {
		command_write_prereq(&out, &parts->prereqs[i]);
	}
	for (size_t i = 0; i < parts->head->update_count; i++) {
		command_write_change(&out, &parts->changes[i]);
	}
	assert(!out.failed && buf_written(&out) == size);
}

/* ---- deciding ---------------------------------------------------------------------------- */

/* Can this plan be answered here? Behind an unanswered one of the same connection nothing can. */
static bool is_answered(struct receipt *receipt, const struct plan *plan)
{
	const struct update_request *request = receipt->request;

	if (!request->may_beat) {
		return false;
	}
	/* Prerequisites alone: the answer is known. A replay: who has it has no key. Nothing to log. */
	if (receipt->updates.count == 0 || plan->result.is_stale) {
		return true;
	}
	receipt->answer->is_beat = registry_beat(plan, request->now_ms);
	return receipt->answer->is_beat;
}

/* The command outlives the request. */
static enum update_outcome submit(struct update_answer *answer, const struct registry_update *parts)
{
	const size_t size = encoded_size(parts);

	answer->command = malloc(size);
	if (answer->command == NULL) {
		update_no_memory(answer);
		return UPDATE_REPLY;
	}
	encode(parts, answer->command, size);
	answer->command_size = size;
	return UPDATE_SUBMIT;
}

static enum update_outcome decide(struct receipt *receipt)
{
	const struct update_request *request = receipt->request;
	const struct command_update head = update_head(receipt);
	struct registry_update parts;
	struct plan plan;

	if (!take_apart(receipt, &head, &parts)) {
		update_no_memory(receipt->answer);
		return UPDATE_REPLY;
	}
	if (registry_is_plain_change(receipt->zone, &parts, request->now_s)) {
		return submit(receipt->answer, &parts);
	}
	/* Apply gives the true version; nothing is written from this plan. */
	if (registry_evaluate_parts(receipt->zone, &parts, root_version(request->root) + 1,
				    request->now_s, receipt->arena, &plan) != OK) {
		update_no_memory(receipt->answer);
		return UPDATE_REPLY;
	}
	if (is_answered(receipt, &plan)) {
		receipt->answer->result = plan.result;
		return UPDATE_REPLY;
	}
	return submit(receipt->answer, &parts);
}

static void clear(struct update_answer *answer)
{
	answer->result = (struct command_result){0};
	answer->command = NULL;
	answer->command_size = 0;
	answer->is_beat = false;
	answer->is_denied = false;
	answer->is_unproven = false;
	answer->is_senseless = false;
	answer->reason[0] = '\0';
	answer->zone[0] = '\0';
	answer->name[0] = '\0';
}

static struct owner owner_of(const struct access_identity *identity)
{
	if (identity->key == NULL) {
		return (struct owner){.kind = OWNER_NET};
	}
	return (struct owner){
		.kind = OWNER_KEY,
		.id = identity->key->name,
		.id_size = (uint8_t)dns_name_size(identity->key->name),
	};
}

enum update_outcome update_receive(const struct update_request *request, struct arena *arena,
				   struct update_answer *answer)
{
	static int (*const steps[])(struct receipt *) = {collect, update_judge, check_forms};
	struct receipt receipt = {
		.request = request,
		.answer = answer,
		.arena = arena,
		.owner = owner_of(request->identity),
	};
	struct registry_beat beat;

	clear(answer);
	if (find_zone(&receipt) != DNS_RCODE_NOERROR) {
		return UPDATE_REPLY;
	}
	const bool is_beat = update_find_beat(&receipt, &beat);
	if (is_beat && update_allows_all(&receipt) && update_renew(&receipt, &beat)) {
		return UPDATE_REPLY;
	}
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (steps[i](&receipt) != DNS_RCODE_NOERROR) {
			return UPDATE_REPLY;
		}
	}
	return is_beat && update_renew(&receipt, &beat) ? UPDATE_REPLY : decide(&receipt);
}
