/*
 * UPDATE: from the message as received to a command, or to an answer at once (RFC 2136 3).
 *
 * The order: zone, signature (net has done it), rules, form of every record, then the evaluation
 * against the root of the moment. A plan without change is a heartbeat and ends here; a plan that
 * refuses goes through the log only where its answer could be another by then. Thread: any reader
 * of the root.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "access/access.h"
#include "base/arena.h"
#include "registry/command.h"

/* How an UPDATE leaves its receiving thread. */
enum update_outcome {
	UPDATE_REPLY, /* answer `result` now */
	UPDATE_SUBMIT, /* hand `command` to the core */
};

/* The zone of the UPDATE before, of the same root and configuration; all zero: none. */
struct update_seen {
	const struct conf_zone *conf;
	const struct zone *zone;
};

struct update_request {
	struct update_seen *seen; /* the caller's, for a batch; NULL: each zone is looked up */
	const struct root *root;
	const struct conf *conf;
	const struct dns_message *message; /* parsed without fault */
	const struct access_identity *identity;
	uint64_t signed_s; /* of the TSIG, else now */
	uint64_t now_s;
	uint64_t now_ms;
	bool may_beat; /* false behind an unanswered logged one of the same connection */
	bool is_terse; /* nobody reads what a refusal by a rule says: no text is made */
};

struct update_answer {
	struct command_result result; /* with UPDATE_REPLY */
	uint8_t *command; /* with UPDATE_SUBMIT: malloc'd, the caller's */
	size_t command_size;
	bool is_beat; /* answered by renewing leases alone */
	bool is_denied; /* refused by a rule: one log line is due */
	bool is_unproven; /* with is_denied: a proven address would be allowed */
	bool is_senseless; /* with is_denied: for an address that it registers */
	char reason[160]; /* the rule, with is_denied; empty, as the next two, when is_terse */
	char zone[DNS_NAME_TEXT_MAX];
	char name[DNS_NAME_TEXT_MAX]; /* the name refused, with is_denied */
};

enum update_outcome update_receive(const struct update_request *request, struct arena *arena,
				   struct update_answer *answer);
