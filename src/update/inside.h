/*
 * The inside of update: for update.c (the steps) and judge.c (the rules).
 */
#pragma once

#include "dns/rrtype.h"
#include "registry/registry.h"
#include "update/update.h"

/* A record of the message, read once. */
struct entry {
	struct dns_rr *rr; /* the message's, or the arena's */
	const uint8_t *rdata; /* uncompressed */
	uint16_t rdata_size;
	uint8_t form; /* enum dns_prereq_form or dns_update_form, after check_forms() */
	bool is_in_zone; /* updates: after update_judge() */
	enum name_role role; /* likewise, where it is */
};

struct section {
	struct entry *entries;
	size_t count;
};

struct receipt {
	const struct update_request *request;
	struct update_answer *answer;
	struct arena *arena;
	const struct zone *zone;
	const uint8_t *apex;
	const struct conf_zone *conf;
	struct owner owner;
	struct section prereqs;
	struct section updates;
	bool is_takeover; /* every rule that allowed says so */
	bool is_held; /* a rule holds an instance */
	struct access_verdict general; /* for names that are no instance */
	bool may_some; /* there is an instance that this identity may register */
	const uint8_t **targets; /* of the SRVs that are added at instances, sorted; or NULL */
	size_t target_count;
	const struct entry **texts; /* TXT records that are added, by name; or NULL */
	struct access_text *rdatas; /* theirs */
	size_t text_count;
	struct record *records; /* of a name in the registry */
	struct access_text *known; /* TXT records among them */
	size_t room; /* for those two */
};

/* SERVFAIL, with an extended error. Returns the rcode. */
int update_no_memory(struct update_answer *answer);

/* Refused, "NAME HOW REASON": an extended error for the client, and what the log line needs. */
int update_deny(struct receipt *receipt, const uint8_t *name, const char *how, const char *reason);

/* The message, as the command begins; in it only what is known of the rules by now. */
struct command_update update_head(const struct receipt *receipt);

/*
 * beat.c: does it plainly say what stands there already, of the same owner? What it may be answered
 * with by update_renew(), if the rules allow it. false of that: a lease is about to end.
 */
bool update_find_beat(const struct receipt *receipt, struct registry_beat *beat);
bool update_renew(struct receipt *receipt, const struct registry_beat *beat);

/* judge.c: do the rules allow this identity all names alike? If not, they are asked for each. */
bool update_allows_all(const struct receipt *receipt);

/* judge.c: may this identity touch the names of the updates (RFC 2136 3.3)? The rcode. */
int update_judge(struct receipt *receipt);

/*
 * address.c: why an A or AAAA record with this RDATA makes no sense when it comes from another
 * machine; NULL: it does, or the type is another.
 */
const char *update_address_fault(uint16_t type, const uint8_t *rdata);
