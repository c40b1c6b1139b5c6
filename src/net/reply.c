/*
 * The order: room for TSIG, then for OPT without its extended error (RFC 8945 5.3, RFC 6891 6.1.1:
 * both must be there), the sections, OPT with the extended error where it fits, and TSIG over all.
 */
#include "net/reply.h"

#include <assert.h>

#include "base/err.h"
#include "dns/edns.h"
#include "dns/types.h"

void outcome_from_result(struct outcome *outcome, const struct command_result *result)
{
	*outcome = (struct outcome){
		.rcode = result->rcode,
		.has_ede = result->has_ede,
		.ede = result->ede,
		.ede_text = result->ede_text,
		.lease = result->lease,
	};
}

size_t reply_room(const struct dns_message *request, bool is_stream)
{
	if (is_stream) {
		return DNS_MESSAGE_MAX;
	}
	if (!request->edns.present || request->edns.udp_size < DNS_UDP_PLAIN) {
		return DNS_UDP_PLAIN;
	}
	return request->edns.udp_size < DNS_UDP_SAFE ? request->edns.udp_size : DNS_UDP_SAFE;
}

/* The OPT record, but for the extended error. */
static void reply_begin_opt(struct reply *reply)
{
	reply->opt_size = 0;
	if (reply->request->edns.present) {
		reply->opt.udp_size = DNS_UDP_SAFE;
		reply->opt.dnssec_ok = reply->request->edns.dnssec_ok;
		reply->opt.lease = reply->outcome.lease;
		reply->opt.has_keepalive = reply->extra != NULL && reply->extra->has_keepalive;
		reply->opt.keepalive = reply->opt.has_keepalive ? reply->extra->keepalive : 0;
		reply->opt.cookie = reply->extra != NULL && reply->extra->has_cookie
					    ? reply->extra->cookie
					    : NULL;
		reply->opt.nsid = reply->request->edns.has_nsid ? reply->nsid : NULL;
		reply->opt.has_ede = false;
		reply->opt_size = dns_edns_size(&reply->opt);
	}
}

static bool reply_try(struct reply *reply)
{
	const struct access_signer *signer = reply->signer;
	const size_t tsig_size = signer->reply_tsig ? access_sign_size(signer) : 0;

	dns_writer_reply(&reply->writer, reply->wire, reply->room, reply->request);
	return dns_writer_reserve(&reply->writer, tsig_size) &&
	       dns_writer_reserve(&reply->writer, reply->opt_size);
}

void reply_begin(struct reply *reply)
{
	bool fits;

	reply_begin_opt(reply);
	fits = reply_try(reply);
	if (!fits) {
		reply->request->has_question = false;
		fits = reply_try(reply);
	}
	if (!fits) {
		reply->signer->reply_tsig = false;
		fits = reply_try(reply);
	}
	assert(fits);
}

static void reply_write_opt(struct reply *reply)
{
	struct dns_writer *writer = &reply->writer;
	struct dns_edns_reply *opt = &reply->opt;
	struct buf_writer out;

	dns_writer_release(writer, reply->opt_size);
	opt->has_ede = reply->outcome.has_ede;
	opt->ede = reply->outcome.ede;
	opt->ede_text = reply->outcome.ede_text;
	if (opt->has_ede && dns_edns_size(opt) > writer->limit - writer->at) {
		/* RFC 8914 section 3: the extended error goes first, and TC says so. */
		opt->has_ede = false;
		dns_writer_flags(writer, reply->is_stream ? 0 : DNS_FLAG_TC, 0);
	}
	out = dns_writer_raw_begin(writer);
	dns_edns_write(&out, opt, reply->outcome.rcode);
	dns_writer_raw_end(writer, &out);
}

static _Atomic(uint64_t) *reply_counter(struct tally *tally, unsigned rcode)
{
	switch (rcode) {
	case DNS_RCODE_NOERROR:
		return &tally->noerror;
	case DNS_RCODE_FORMERR:
		return &tally->formerr;
	case DNS_RCODE_SERVFAIL:
		return &tally->servfail;
	case DNS_RCODE_NXDOMAIN:
		return &tally->nxdomain;
	case DNS_RCODE_REFUSED:
		return &tally->refused;
	default:
		return &tally->other;
	}
}

void reply_count(struct tally *tally, unsigned rcode, const uint8_t *wire)
{
	tally_add(reply_counter(tally, rcode), 1);
	if ((wire[2] & DNS_FLAG_TC >> 8) != 0) {
		tally_add(&tally->truncated, 1);
	}
}

size_t reply_end(struct reply *reply, uint64_t now_s, struct tally *tally)
{
	int size;

	dns_writer_rcode(&reply->writer, reply->outcome.rcode);
	if (reply->request->edns.present) {
		reply_write_opt(reply);
	}
	size = (int)dns_writer_finish(&reply->writer);
	if (reply->signer->reply_tsig) {
		size = access_sign(reply->signer, reply->wire, (size_t)size, reply->room, now_s);
	}
	if (size < 0) {
		tally_add(&tally->send_failed, 1);
		return 0;
	}
	if (!reply->is_more) {
		reply_count(tally, reply->outcome.rcode, reply->wire);
	}
	return (size_t)size;
}
