/*
 * The answer to a query, from a root (RFC 1034 4.3.2 as revised by RFC 4592 and 6672).
 *
 * Two calls: `find` for a whole batch, of names asked and of the hosts that they lead to, so that the
 * cache misses of many look-ups overlap; then `write` for each. No allocation, no lock, no log line, no clock. Thread: any reader of the root.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rand.h"
#include "dns/message.h"
#include "dns/writer.h"
#include "zone/zone.h"

struct answer_query {
	const struct dns_message *message; /* parsed without fault, opcode QUERY, class IN */
	bool is_stream; /* TCP: never TC */
	bool is_confined; /* what is in other zones than the question's is not for this client */
	uint64_t client; /* hash of the client's prefix: its place on the ring */
	/* filled by answer_find() */
	const struct root *root;
	struct zone_find find;
	const struct node *node; /* where the set asked for was looked for; NULL: nowhere */
	bool has_set; /* and it has it: */
	struct set set;
	struct zone_find target; /* of the host that its one RR names; `name` NULL: it has none */
};

/* What was seen while writing, for counters and the OPT record. */
struct answer_result {
	unsigned rcode;
	bool has_ede;
	uint16_t ede; /* enum dns_ede */
	const char *ede_text; /* static, or NULL */
	bool is_truncated; /* TC is set */
	bool is_sampled; /* a derived set was over answer-max */
	uint32_t pool; /* with is_sampled: how many it has */
	bool is_short; /* by TCP: the answer's set ends where the message does */
	bool is_common; /* neither chance nor the client's place had a part in it */
};

void answer_find(const struct root *root, struct answer_query *queries, size_t count);

/*
 * Writes the reply's sections behind the question; `writer` was started with dns_writer_reply()
 * and has reserved what OPT and TSIG need. Sets AA, TC and the rcode. Never fails: what does not
 * fit sets TC or is left out, as RFC 2181 section 9 says.
 */
void answer_write(const struct answer_query *query, struct rand *rand, struct dns_writer *writer,
		  struct answer_result *result);
