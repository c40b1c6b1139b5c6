/*
 * What a request for a transfer comes to, in this order:
 *
 *   1. AXFR by UDP is not defined (RFC 5936 4.2)                        FORMERR
 *   2. IXFR names the client's version: one SOA of the zone
 *      in its authority section (RFC 1995 section 3)                    else FORMERR
 *   3. the zone is one of ours (RFC 5936 2.2.1)                         else NOTAUTH
 *   4. the zone's rules allow it; without rules nobody may (5)          else REFUSED
 *   5. the zone is ready                                                else SERVFAIL
 *   6. IXFR by UDP, or of who has this version or a newer one:
 *      our SOA alone (RFC 1995 sections 2 and 4)
 *   7. the zone
 */
#include <stdio.h>

#include "base/err.h"
#include "xfr/xfr.h"

static void refuse(struct xfr_verdict *verdict, enum dns_rcode rcode, enum dns_ede ede,
		   const char *text)
{
	verdict->form = XFR_REFUSED;
	verdict->zone = NULL;
	verdict->rcode = rcode;
	verdict->ede = (uint16_t)ede;
	snprintf(verdict->ede_text, sizeof(verdict->ede_text), "%s", text);
}

/* The serial in the one SOA of the authority section; ERR_FORMAT: there is no such SOA. */
static int read_serial(const struct dns_message *message, uint32_t *serial)
{
	struct dns_walk walk = dns_walk(message, DNS_AUTHORITY);
	uint8_t rdata[2 * DNS_NAME_MAX + 5 * sizeof(uint32_t)];
	uint8_t name[DNS_NAME_MAX];
	struct dns_rr rr;

	if (message->count[DNS_AUTHORITY] != 1 || dns_walk_next(&walk, &rr) != 1 ||
	    rr.type != DNS_TYPE_SOA || rr.class != DNS_CLASS_IN ||
	    !dns_name_equal(rr.owner, message->qname)) {
		return ERR_FORMAT;
	}
	struct buf_writer out = buf_writer(rdata, sizeof(rdata));
	if (dns_rr_rdata(message, &rr, &out) < 0) {
		return ERR_FORMAT;
	}
	struct buf_reader reader = buf_reader(rdata, buf_written(&out));
	(void)dns_name_read_plain(&reader, name);
	(void)dns_name_read_plain(&reader, name);
	*serial = buf_read_u32(&reader);
	return reader.failed ? ERR_FORMAT : OK;
}

/* RFC 1982 3.2; of two serials that are half the circle apart neither is newer. */
static bool is_same_or_newer(uint32_t serial, uint32_t than)
{
	return serial - than < 1u << 31;
}

/* May who asks have the zone? false: refused. */
static bool may_transfer(const struct conf_rules *rules, const struct access_identity *identity,
			 struct xfr_verdict *verdict)
{
	static const struct access_subject whole = {.type = NULL};
	/* By UDP there is but the SOA, which a forged address may have as well by a query. */
	const struct access_identity proven = {
		.peer = identity->peer, .transport = ACCESS_TCP, .key = identity->key};
	char reason[128];

	if (!rules->is_written) {
		refuse(verdict, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED,
		       "the zone has no transfer rules");
		verdict->is_denied = true;
		return false;
	}
	const struct access_verdict judged = access_judge(rules, &proven, &whole);
	if (judged.verdict != CONF_ALLOW) {
		refuse(verdict, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED,
		       access_explain(reason, sizeof(reason), rules, &judged));
		verdict->is_denied = true;
		return false;
	}
	return true;
}

void xfr_judge(const struct xfr_request *request, struct xfr_verdict *verdict)
{
	const struct dns_message *message = request->message;
	const bool is_ixfr = message->qtype == DNS_TYPE_IXFR;
	const bool is_stream = request->identity->transport == ACCESS_TCP;
	uint32_t serial = 0;

	*verdict = (struct xfr_verdict){.form = XFR_ZONE};
	if (!is_ixfr && !is_stream) {
		refuse(verdict, DNS_RCODE_FORMERR, DNS_EDE_NOT_SUPPORTED,
		       "AXFR is by TCP (RFC 5936 4.2)");
		return;
	}
	if (is_ixfr && read_serial(message, &serial) != OK) {
		refuse(verdict, DNS_RCODE_FORMERR, DNS_EDE_OTHER,
		       "IXFR wants the zone's SOA as you have it (RFC 1995 3)");
		return;
	}
	const struct conf_zone *conf = conf_zone_find(request->conf, message->qname);
	if (conf == NULL) {
		refuse(verdict, DNS_RCODE_NOTAUTH, DNS_EDE_NOT_AUTHORITATIVE, "no zone of ours");
		return;
	}
	if (!may_transfer(&conf->transfer, request->identity, verdict)) {
		return;
	}
	verdict->zone = root_zone(request->root, message->qname);
	if (verdict->zone == NULL || !zone_is_served(verdict->zone)) {
		refuse(verdict, DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY, "the zone is not ready");
		return;
	}
	if (is_ixfr && (!is_stream || is_same_or_newer(serial, zone_serial(verdict->zone)))) {
		verdict->form = XFR_SOA;
	}
}
