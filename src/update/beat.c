/*
 * Heartbeats are most of what comes, so they are looked for first, before RDATA is read, the names
 * are placed and the rules asked name by name: what stands there already was found sound when it
 * came, and a record of the message is the same if it has the same octets.
 */
#include "dns/update.h"
#include "update/inside.h"

/* The records of the message, without what is theirs. */
struct sketch {
	struct command_change changes[REGISTRY_BEAT_CHANGES];
	uint8_t instances[REGISTRY_BEAT_CHANGES][DNS_NAME_MAX]; /* that PTRs name */
};

/* An address that makes no sense from where it comes? It may stand there all the same. */
static bool is_senseless(const struct dns_rr *rr, const uint8_t *rdata)
{
	if (rr->type != DNS_TYPE_A && rr->type != DNS_TYPE_AAAA) {
		return false;
	}
	return rr->rdata_size != (rr->type == DNS_TYPE_A ? 4 : 16) ||
	       update_address_fault(rr->type, rdata) != NULL;
}

/* false: it is not plain. */
static bool sketch_record(struct sketch *sketch, size_t at, const struct dns_message *message,
			  bool is_afar)
{
	struct command_change *change = &sketch->changes[at];
	const struct dns_rr *rr = &message->records[at];

	if (rr->class != DNS_CLASS_IN || rr->ttl > DNS_TTL_MAX) {
		return false;
	}
	*change = (struct command_change){
		.form = DNS_UPDATE_ADD,
		.name = rr->owner,
		.type = rr->type,
		.ttl = rr->ttl,
		.rdata_size = rr->rdata_size,
		.rdata = message->wire + rr->rdata_at,
	};
	if (rr->type == DNS_TYPE_PTR) {
		const int size = dns_rr_name(message, rr, sketch->instances[at]);

		change->rdata = sketch->instances[at];
		change->rdata_size = (uint16_t)size;
		return size > 0;
	}
	return !is_afar || !is_senseless(rr, change->rdata);
}

bool update_find_beat(const struct receipt *receipt, struct registry_beat *beat)
{
	const struct dns_message *message = receipt->request->message;
	const bool is_afar = !access_is_loopback(receipt->request->identity->peer);
	const struct command_update head = update_head(receipt);
	struct sketch sketch; /* large: only what is read is set */

	if (!receipt->request->may_beat || head.prereq_count > 0 || message->records == NULL ||
	    head.update_count > REGISTRY_BEAT_CHANGES) {
		return false;
	}
	for (size_t i = 0; i < head.update_count; i++) {
		if (!sketch_record(&sketch, i, message, is_afar)) {
			return false;
		}
	}
	return registry_beat_find(receipt->zone, &head, sketch.changes, beat);
}

bool update_renew(struct receipt *receipt, const struct registry_beat *beat)
{
	struct update_answer *answer = receipt->answer;

	answer->is_beat = registry_beat_renew(beat, receipt->request->now_ms);
	if (answer->is_beat) {
		answer->result.lease = beat->lease;
	}
	return answer->is_beat;
}
