/*
 * Refusals stand in one function, request_refuse(), each under its reason. What concerns names and
 * types is answer's; what concerns the content of an UPDATE is update's.
 */
#include "net/request.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "access/cookie.h"
#include "base/clock.h"
#include "base/err.h"
#include "crypto/random.h"
#include "dns/tsig.h"
#include "net/identity.h"
#include "net/rate.h"
#include "xfr/xfr.h"

enum {
	REQUEST_ARENA = 64 * 1024,
	REQUEST_KEEPALIVE_UNIT_MS = 100, /* RFC 7828 section 3.1 */
	REQUEST_LINES = 10, /* log lines a second and thread */
	REQUEST_OVER_LINES = 1, /* of those, for networks over their limit */
	REQUEST_UNSAID_LINES = 1, /* likewise, for refusals over theirs */
	REQUEST_PREFIX_V6 = 7, /* octets of the client's network: /56; of IPv4 it is a /24 */
};

void request_desk_init(struct request_desk *desk, struct tally *tally)
{
	*desk = (struct request_desk){.tally = tally};
	arena_init(&desk->arena, REQUEST_ARENA);
	rand_init(&desk->rand, random_u64());
}

void request_desk_deinit(struct request_desk *desk)
{
	arena_deinit(&desk->arena);
}

void request_round(struct request_desk *desk, const struct root *root, struct conf *conf)
{
	desk->root = root;
	desk->conf = conf;
	desk->wall_s = 0;
	desk->mono_ms = 0;
	desk->seen = (struct update_seen){0};
	arena_reset(&desk->arena);
}

uint64_t request_wall_s(struct request_desk *desk)
{
	if (desk->wall_s == 0) {
		desk->wall_s = clock_wall_s();
	}
	return desk->wall_s;
}

static uint64_t request_mono_ms(struct request_desk *desk)
{
	if (desk->mono_ms == 0) {
		desk->mono_ms = clock_mono_ms();
	}
	return desk->mono_ms;
}

/* All bits of a network over all bits of the ring (Vigna's splitmix64): near ones far apart. */
static uint64_t request_spread(uint64_t network)
{
	network = (network ^ network >> 30) * 0xbf58476d1ce4e5b9u;
	network = (network ^ network >> 27) * 0x94d049bb133111ebu;
	return network ^ network >> 31;
}

uint64_t request_client(const struct sockaddr_storage *peer)
{
	/* No secret: it has to be the same on every node. */
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)peer;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)peer;
	const uint8_t *at = v6->sin6_addr.s6_addr;

	if (peer->ss_family == AF_INET) {
		return request_spread(1u << 24 | ntohl(v4->sin_addr.s_addr) >> 8);
	}
	if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
		return request_spread(1u << 24 | (uint32_t)at[12] << 16 | (uint32_t)at[13] << 8 |
				      at[14]);
	}
	uint64_t network = 1;

	for (size_t i = 0; i < REQUEST_PREFIX_V6; i++) {
		network = network << 8 | at[i];
	}
	return request_spread(network);
}

static void request_reply(struct request *request, unsigned rcode)
{
	request->state = REQUEST_REPLY;
	request->outcome.rcode = rcode;
}

void request_reply_ede(struct request *request, unsigned rcode, enum dns_ede ede, const char *text)
{
	request_reply(request, rcode);
	request->outcome.has_ede = true;
	request->outcome.ede = (uint16_t)ede;
	request->outcome.ede_text = text;
}

const char *request_name_text(char *out, size_t size, const uint8_t *name)
{
	char text[DNS_NAME_TEXT_MAX];

	return name == NULL ? "-" : log_quote(out, size, dns_name_to_text(text, name));
}

/* One line for a signature refused: a provider with a wrong key or clock shows up here. */
static void request_log_signature(struct request_desk *desk, const struct request *request)
{
	uint32_t left_out;
	char peer[64];
	char key[DNS_NAME_TEXT_MAX];

	if (!log_may(&desk->lines, request_mono_ms(desk), REQUEST_LINES, &left_out)) {
		return;
	}
	access_address_text(peer, request->peer);
	request_name_text(key, sizeof(key), request->signer.tsig.key_name);
	log_line(LOG_LEVEL_WARNING, "signature refused", "peer=%s key=%s tsig_error=%u left_out=%u",
		 peer, key, request->signer.tsig.error, left_out);
}

static const struct conf_cookie *request_secrets(struct request_desk *desk)
{
	const uint64_t now_s = request_wall_s(desk);

	if (desk->conf->cookie.count > 0) {
		return &desk->conf->cookie;
	}
	if (desk->drawn.count == 0 || now_s / COOKIE_ROTATE_S != desk->drawn_s / COOKIE_ROTATE_S) {
		cookie_secrets_draw(&desk->drawn, &desk->cookie_base, now_s);
		desk->drawn_s = now_s;
	}
	return &desk->drawn;
}

/*
 * RFC 7873 section 5.2: whatever is answered carries the client's cookie and a fresh one of ours;
 * one that is not ours, or no more, counts as none (5.2.4).
 */
static void request_cookie(struct request_desk *desk, struct request *request)
{
	const struct dns_edns *edns = &request->message.edns;
	const struct conf_cookie *secrets = request_secrets(desk);
	const uint64_t now_s = request_wall_s(desk);

	request->has_cookie =
		cookie_is_valid(secrets, edns->cookie, edns->cookie_size, request->peer, now_s);
	request->extra.has_cookie = true;
	cookie_make(request->extra.cookie, secrets, edns->cookie, request->peer, now_s);
	if (request->has_cookie) {
		tally_add(&desk->tally->cookies, 1);
	} else if (edns->cookie_size > COOKIE_CLIENT_SIZE) {
		tally_add(&desk->tally->cookies_wrong, 1);
	}
}

/*
 * A query without a question that asks for a cookie (RFC 7873 section 5.4). true: that is it, and
 * it is answered.
 */
static bool request_is_cookie_query(struct request_desk *desk, struct request *request)
{
	const struct dns_message *message = &request->message;

	if (message->count[DNS_QUESTION] > 0 || message->edns.cookie_size == 0 ||
	    dns_message_opcode(message) != DNS_OPCODE_QUERY) {
		return false;
	}
	request_cookie(desk, request);
	request_reply(request,
		      request->has_cookie || message->edns.cookie_size == COOKIE_CLIENT_SIZE
			      ? DNS_RCODE_NOERROR
			      : DNS_RCODE_BADCOOKIE);
	return true;
}

/* RFC 7828: how long it may be idle, to who asks by TCP. false: the answer is known. */
static bool request_keepalive(const struct request_desk *desk, struct request *request)
{
	const uint64_t units = desk->idle_ms / REQUEST_KEEPALIVE_UNIT_MS;

	if (request->message.edns.is_keepalive_odd) {
		request_reply_ede(request, DNS_RCODE_FORMERR, DNS_EDE_OTHER,
				  "edns-tcp-keepalive has 0 or 2 octets");
		return false;
	}
	request->extra.has_keepalive = true;
	request->extra.keepalive = (uint16_t)(units < UINT16_MAX ? units : UINT16_MAX);
	return true;
}

/* Options of the request that are answered by options. false: the answer is known. */
static bool request_options(struct request_desk *desk, struct request *request)
{
	const struct dns_edns *edns = &request->message.edns;

	if (edns->cookie_size > 0) {
		request_cookie(desk, request);
	}
	return !edns->has_keepalive || !request->is_stream || request_keepalive(desk, request);
}

/* The error of RFC 8945 5.2 in words. */
static const char *request_signature_fault(unsigned error)
{
	switch (error) {
	case DNS_TSIG_BADKEY:
		return "TSIG: no key of ours has this name and algorithm";
	case DNS_TSIG_BADTIME:
		return "TSIG: your clock and ours differ by more than the signature allows";
	case DNS_TSIG_BADTRUNC:
		return "TSIG: the signature is cut short";
	default:
		return "TSIG: the signature is wrong; another secret may have made it";
	}
}

/* Who asks? false: the answer is known. */
static bool request_verify(struct request_desk *desk, struct request *request)
{
	int ret;

	request->identity = (struct access_identity){
		.peer = request->peer,
		.transport = request->is_stream ? ACCESS_TCP : ACCESS_UDP,
		.has_cookie = request->has_cookie,
	};
	request->signer.reply_tsig = false;
	if (request->message.tsig_at == 0) {
		return true;
	}
	ret = access_verify(desk->conf, &request->message, request_wall_s(desk), &request->identity,
			    &request->signer);
	if (ret < 0) {
		request->signer.reply_tsig = false;
		request_reply_ede(request, DNS_RCODE_SERVFAIL, DNS_EDE_OTHER, err_text(ret));
	} else if (ret == (int)DNS_RCODE_FORMERR) {
		request_reply_ede(request, DNS_RCODE_FORMERR, DNS_EDE_OTHER, "TSIG is malformed");
	} else if (ret > 0) {
		request_reply_ede(request, (unsigned)ret, DNS_EDE_PROHIBITED,
				  request_signature_fault(request->signer.tsig.error));
		if (request->signer.reply_tsig &&
		    dns_message_opcode(&request->message) == DNS_OPCODE_UPDATE) {
			request_log_signature(desk, request);
		}
	}
	return ret == OK;
}

static bool request_is_meta(uint16_t type)
{
	return type == DNS_TYPE_OPT || type == DNS_TYPE_TSIG || type == DNS_TYPE_TKEY ||
	       type == DNS_TYPE_NXNAME;
}

/*
 * Each refusal in order, under its reason; the parser has named those of form (FORMERR), of opcode
 * (NOTIMP, RFC 1035 4.1.1) and of the EDNS version (BADVERS, RFC 6891 6.1.3). true: refused.
 */
static bool request_refuse(const struct request_desk *desk, struct request *request)
{
	const struct dns_message *message = &request->message;
	const unsigned opcode = dns_message_opcode(message);

	/* RFC 1996 3.10: we are nobody's secondary, and know no master. */
	if (opcode == DNS_OPCODE_NOTIFY) {
		request_reply_ede(request, DNS_RCODE_NOTAUTH, DNS_EDE_NOT_AUTHORITATIVE, NULL);
		return true;
	}
	/* Until restored nothing is known, and nothing must look empty. */
	if (desk->root == NULL) {
		request_reply_ede(request, DNS_RCODE_SERVFAIL, DNS_EDE_NOT_READY,
				  "the registry is being restored");
		return true;
	}
	if (opcode == DNS_OPCODE_UPDATE) {
		return false;
	}
	/* RFC 6891 6.1.1, 8945 5.1: records that belong to a message, never to a name. */
	if (request_is_meta(message->qtype)) {
		request_reply_ede(request, DNS_RCODE_FORMERR, DNS_EDE_NOT_SUPPORTED,
				  "no type to ask for");
		return true;
	}
	if (message->qclass == DNS_CLASS_CH) {
		request->said = identity_text(desk->conf, message);
	}
	if (request->said != NULL) {
		request_reply(request, DNS_RCODE_NOERROR);
		return true;
	}
	/* RFC 1035 3.2.5: IN is the one class of our zones; ANY is none either. */
	if (message->qclass != DNS_CLASS_IN) {
		request_reply_ede(request, DNS_RCODE_REFUSED, DNS_EDE_NOT_SUPPORTED,
				  "class is not IN");
		return true;
	}
	return false;
}

/* One line for an UPDATE that a rule refused. */
static void request_log_denied(struct request_desk *desk, const struct request *request,
			       const struct update_answer *answer)
{
	const struct conf_key *key = request->identity.key;
	uint32_t left_out;
	char peer[64];
	char zone[DNS_NAME_TEXT_MAX];
	char name[DNS_NAME_TEXT_MAX];
	char key_name[DNS_NAME_TEXT_MAX];
	char rule[256];

	if (!log_may(&desk->lines, request_mono_ms(desk), REQUEST_LINES, &left_out)) {
		return;
	}
	access_address_text(peer, request->peer);
	log_line(LOG_LEVEL_WARNING, "update refused",
		 "zone=%s name=%s peer=%s key=%s rule=%s left_out=%u",
		 log_quote(zone, sizeof(zone), answer->zone),
		 log_quote(name, sizeof(name), answer->name), peer,
		 request_name_text(key_name, sizeof(key_name), key == NULL ? NULL : key->name),
		 log_quote(rule, sizeof(rule), answer->reason), left_out);
}

/* ---- refusals of strangers ----------------------------------------------------------------- */

/* Are there as many in this second as are said? By TCP nobody floods with an address not his own. */
static bool request_is_unsaid(struct request_desk *desk, const struct request *request)
{
	const uint64_t second = request_mono_ms(desk) / 1000;

	if (desk->refusing_s != second) {
		desk->refusing_s = second;
		desk->refused = 0;
	}
	return !request->is_stream && desk->refused >= desk->conf->refusal_rate;
}

/* Is it an UPDATE that is refused, and no key of ours vouches for who sent it? */
static bool request_is_refusal(const struct request *request)
{
	if (request->state != REQUEST_REPLY ||
	    dns_message_opcode(&request->message) != DNS_OPCODE_UPDATE ||
	    request->identity.key != NULL ||
	    (request->signer.reply_tsig && request->signer.key != NULL)) {
		return false;
	}
	switch (request->outcome.rcode) {
	case DNS_RCODE_FORMERR:
	case DNS_RCODE_REFUSED:
	case DNS_RCODE_NOTAUTH:
	case DNS_RCODE_NOTZONE:
	case DNS_RCODE_BADCOOKIE:
		return true;
	default:
		return false;
	}
}

/* One line a second says how many were not answered. */
static void request_log_unsaid(struct request_desk *desk)
{
	uint32_t left_out;

	if (log_may(&desk->unsaid_lines, request_mono_ms(desk), REQUEST_UNSAID_LINES, &left_out)) {
		log_line(LOG_LEVEL_WARNING, "refusals not answered",
			 "refusal_rate=%" PRIu32 " left_out=%" PRIu32, desk->conf->refusal_rate,
			 left_out);
	}
}

/* A flood of UPDATEs that are refused costs no replies. */
static void request_bound_refusals(struct request_desk *desk, struct request *request)
{
	if (!request_is_unsaid(desk, request)) {
		desk->refused++;
		return;
	}
	tally_add(&desk->tally->refusals_unsaid, 1);
	request->state = REQUEST_DROP;
	request_log_unsaid(desk);
}

/* When the request was signed, or has come. */
static uint64_t request_signed_s(struct request_desk *desk, const struct request *request)
{
	struct dns_tsig tsig;

	if (request->identity.key != NULL && dns_tsig_read(&tsig, &request->message) == OK) {
		return tsig.time_s;
	}
	return request_wall_s(desk);
}

static void request_update(struct request_desk *desk, struct request *request)
{
	const struct update_request update = {
		.seen = &desk->seen,
		.root = desk->root,
		.conf = desk->conf,
		.message = &request->message,
		.identity = &request->identity,
		.signed_s = request_signed_s(desk, request),
		.now_s = request_wall_s(desk),
		.now_ms = request_mono_ms(desk),
		.may_beat = request->may_beat,
		.is_terse = request->identity.key == NULL && request_is_unsaid(desk, request),
	};
	struct update_answer answer;

	if (update_receive(&update, &desk->arena, &answer) == UPDATE_SUBMIT) {
		request->state = REQUEST_SUBMIT;
		request->command = answer.command;
		request->command_size = answer.command_size;
		return;
	}
	request->result = answer.result;
	outcome_from_result(&request->outcome, &request->result);
	request->state = REQUEST_REPLY;
	if (answer.result.is_stale) {
		access_stale(&request->signer, request_wall_s(desk));
		request_log_signature(desk, request);
	}
	tally_add(&desk->tally->beats, answer.is_beat ? 1 : 0);
	if (answer.is_unproven && request->extra.has_cookie) {
		/* RFC 7873 5.2.4: it comes again with the cookie that it gets now. */
		tally_add(&desk->tally->badcookie, 1);
		request_reply(request, DNS_RCODE_BADCOOKIE);
		return;
	}
	if (answer.is_denied) {
		tally_add(&desk->tally->denied, 1);
		tally_add(&desk->tally->denied_unproven, answer.is_unproven ? 1 : 0);
		tally_add(&desk->tally->denied_address, answer.is_senseless ? 1 : 0);
		if (!update.is_terse) {
			request_log_denied(desk, request, &answer);
		}
	}
}

/* One line when a network meets its limit. */
static void request_log_over(struct request_desk *desk, const struct request *request)
{
	uint32_t left_out;
	char peer[64];

	if (log_may(&desk->over_lines, request_mono_ms(desk), REQUEST_OVER_LINES, &left_out)) {
		log_line(LOG_LEVEL_WARNING, "replies limited",
			 "peer=%s responses=%" PRIu32 " left_out=%" PRIu32,
			 access_address_text(peer, request->peer), desk->conf->rate.responses,
			 left_out);
	}
}

/*
 * A reply over the rate of its network: dropped, or said shortly now and then, so that a client
 * that exists comes by TCP, or with the cookie that it gets now.
 */
static void request_limit(struct request_desk *desk, struct request *request)
{
	const uint32_t slip = desk->conf->rate.slip;
	bool is_first;

	if (request->has_cookie || request->identity.key != NULL ||
	    access_is_loopback(request->peer) ||
	    rate_take(desk->rate, &desk->conf->rate, request->peer, request_mono_ms(desk),
		      &is_first)) {
		return;
	}
	if (is_first) {
		request_log_over(desk, request);
	}
	if (slip == 0 || desk->over++ % slip != 0) {
		tally_add(&desk->tally->limited, 1);
		request->state = REQUEST_DROP;
		return;
	}
	tally_add(&desk->tally->slipped, 1);
	request_reply(request, request->extra.has_cookie ? DNS_RCODE_BADCOOKIE : DNS_RCODE_NOERROR);
	request->outcome.has_ede = false;
	request->is_slip = !request->extra.has_cookie;
}

/* One line for a transfer that a rule refused: a secondary with a wrong key shows up here. */
static void request_log_untransferred(struct request_desk *desk, const struct request *request,
				      const char *rule)
{
	const struct conf_key *key = request->identity.key;
	uint32_t left_out;
	char peer[64];
	char zone[DNS_NAME_TEXT_MAX];
	char key_name[DNS_NAME_TEXT_MAX];
	char reason[256];

	if (!log_may(&desk->lines, request_mono_ms(desk), REQUEST_LINES, &left_out)) {
		return;
	}
	log_line(LOG_LEVEL_WARNING, "zone transfer refused",
		 "zone=%s peer=%s key=%s rule=%s left_out=%u",
		 request_name_text(zone, sizeof(zone), request->message.qname),
		 access_address_text(peer, request->peer),
		 request_name_text(key_name, sizeof(key_name), key == NULL ? NULL : key->name),
		 log_quote(reason, sizeof(reason), rule), left_out);
}

static void request_transfer(struct request_desk *desk, struct request *request)
{
	const struct xfr_request asked = {
		.root = desk->root,
		.conf = desk->conf,
		.message = &request->message,
		.identity = &request->identity,
	};
	struct xfr_verdict verdict;

	xfr_judge(&asked, &verdict);
	if (verdict.form != XFR_REFUSED) {
		request->state = verdict.form == XFR_SOA ? REQUEST_SOA : REQUEST_TRANSFER;
		request->zone = verdict.zone;
		request->command = NULL;
		return;
	}
	snprintf(request->result.ede_text, sizeof(request->result.ede_text), "%s",
		 verdict.ede_text);
	request_reply_ede(request, verdict.rcode, verdict.ede, request->result.ede_text);
	if (verdict.is_denied) {
		tally_add(&desk->tally->transfers_denied, 1);
		request_log_untransferred(desk, request, verdict.ede_text);
	}
}

static bool request_is_transfer(const struct request *request)
{
	return request->message.qtype == DNS_TYPE_AXFR || request->message.qtype == DNS_TYPE_IXFR;
}

/* What the parser found wrong, and in words, for those who sent an OPT. */
static void request_malformed(struct request *request, int ret)
{
	if (ret == (int)DNS_RCODE_NOTIMP) {
		request_reply_ede(request, DNS_RCODE_NOTIMP, DNS_EDE_NOT_SUPPORTED, "opcode");
	} else if (ret == OK) {
		request_reply_ede(request, DNS_RCODE_FORMERR, DNS_EDE_OTHER,
				  "the message is longer than it may be");
	} else {
		request_reply_ede(request, (unsigned)ret, DNS_EDE_OTHER, request->message.fault);
	}
}

/* Up to the outcome, or to what only root and core can say. */
static void request_decide(struct request_desk *desk, struct request *request)
{
	const int ret = dns_message_parse_keep(&request->message, request->wire, request->size,
					       desk->records, REQUEST_RECORDS);

	if (ret == ERR_CLOSED) {
		tally_add(&desk->tally->dropped, 1);
		request->state = REQUEST_DROP;
		return;
	}
	request->state = REQUEST_FIND;
	request->outcome = (struct outcome){0};
	request->extra.has_cookie = false;
	request->extra.has_keepalive = false;
	request->has_cookie = false;
	request->is_slip = false;
	request->is_common = false;
	request->identity.key = NULL;
	request->said = NULL;
	request->signer.reply_tsig = false;
	const unsigned opcode = dns_message_opcode(&request->message);

	if (opcode == DNS_OPCODE_UPDATE) {
		tally_add(&desk->tally->updates, 1);
	} else if (opcode == DNS_OPCODE_QUERY) {
		tally_add(&desk->tally->queries, 1);
	}
	if (ret == DNS_RCODE_FORMERR && request_is_cookie_query(desk, request)) {
		return;
	}
	if (ret != OK || request->is_cut) {
		request_malformed(request, ret);
		return;
	}
	if (!request_options(desk, request) || !request_verify(desk, request) ||
	    request_refuse(desk, request)) {
		return;
	}
	if (opcode == DNS_OPCODE_UPDATE) {
		request_update(desk, request);
	} else if (request_is_transfer(request)) {
		request_transfer(desk, request);
	}
}

bool request_is_shared(const struct request_desk *desk)
{
	return desk->root != NULL && !desk->conf->has_query_rules &&
	       desk->conf->rate.responses == 0;
}

void request_count_again(struct request_desk *desk, const uint8_t *wire)
{
	tally_add(&desk->tally->queries, 1);
	reply_count(desk->tally, wire[DNS_WRITER_FLAGS + 1] & 0xf, wire);
}

void request_begin(struct request_desk *desk, struct request *request)
{
	request_decide(desk, request);
	if (!request->is_stream && request_is_refusal(request)) {
		request_bound_refusals(desk, request);
	}
	if (desk->conf->rate.responses > 0 && !request->is_stream &&
	    (request->state == REQUEST_FIND || request->state == REQUEST_REPLY ||
	     request->state == REQUEST_SOA)) {
		request_limit(desk, request);
	}
}

/* Do these rules let who asks? */
static bool request_is_allowed(const struct request *request, const struct conf_rules *rules)
{
	static const struct access_subject whole = {.type = NULL};
	/* An answer goes to the address that asks: forging it gains nobody anything. */
	const struct access_identity proven = {
		.peer = request->peer,
		.transport = ACCESS_TCP,
		.key = request->identity.key,
	};

	return access_judge(rules, &proven, &whole).verdict == CONF_ALLOW;
}

/* The zone's rules for queries. Who may transfer it may have its SOA (RFC 1034 4.3.5). */
static void request_judge(struct request_desk *desk, struct request *request)
{
	const struct zone *found = request->query->find.zone;
	const struct conf_zone *zone =
		found == NULL ? NULL : conf_zone_find(desk->conf, zone_apex(found));

	if (zone == NULL || !zone->query.is_written || request_is_allowed(request, &zone->query)) {
		return;
	}
	if (zone->transfer.is_written && request->message.qtype == DNS_TYPE_SOA &&
	    dns_name_equal(request->message.qname, zone->name) &&
	    request_is_allowed(request, &zone->transfer)) {
		return;
	}
	tally_add(&desk->tally->denied_queries, 1);
	request_reply_ede(request, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED,
			  "the zone's query rules do not allow this");
}

void request_find(struct request_desk *desk, struct request *requests, size_t count,
		  struct answer_query *queries)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		struct request *request = &requests[i];

		if (request->state != REQUEST_FIND) {
			continue;
		}
		request->query = &queries[found++];
		request->query->message = &request->message;
		request->query->is_stream = request->is_stream;
		request->query->is_confined = desk->conf->has_query_rules;
		request->query->client = request_client(request->peer);
	}
	if (found > 0) {
		answer_find(desk->root, queries, found);
	}
	for (size_t i = 0; desk->conf->has_query_rules && i < count; i++) {
		if (requests[i].state == REQUEST_FIND) {
			request_judge(desk, &requests[i]);
		}
	}
}

static void request_answer(struct request_desk *desk, struct request *request, struct reply *reply)
{
	struct answer_result result;

	answer_write(request->query, &desk->rand, &reply->writer, &result);
	reply->outcome.rcode = result.rcode;
	reply->outcome.has_ede = result.has_ede;
	reply->outcome.ede = result.ede;
	reply->outcome.ede_text = result.ede_text;
	tally_add(&desk->tally->sampled, result.is_sampled ? 1 : 0);
	tally_add(&desk->tally->cut, result.is_short ? 1 : 0);
	request->is_common =
		result.is_common && !request->extra.has_cookie && request->message.tsig_at == 0;
}

/* RFC 1995 section 2: what the client needs to know. */
static void request_write_soa(const struct request *request, struct reply *reply)
{
	dns_writer_flags(&reply->writer, DNS_FLAG_AA, 0);
	if (xfr_write_soa(request->zone, &reply->writer) != OK) {
		dns_writer_flags(&reply->writer, request->is_stream ? 0 : DNS_FLAG_TC, 0);
	}
}

size_t request_finish(struct request_desk *desk, struct request *request, uint8_t *wire)
{
	struct reply reply;

	reply.request = &request->message;
	reply.signer = &request->signer;
	reply.extra = &request->extra;
	reply.is_stream = request->is_stream;
	reply.nsid = desk->conf->identity;
	reply.is_more = false;
	reply.wire = wire;
	reply.room = reply_room(&request->message, request->is_stream);
	reply.outcome = request->outcome;
	reply_begin(&reply);
	if (request->state == REQUEST_FIND) {
		request_answer(desk, request, &reply);
	} else if (request->is_slip) {
		dns_writer_flags(&reply.writer, DNS_FLAG_TC, 0);
	} else if (request->said != NULL) {
		identity_write(&reply.writer, &request->message, request->said);
	} else if (request->state == REQUEST_SOA) {
		request_write_soa(request, &reply);
	}
	return reply_end(&reply, request->signer.reply_tsig ? request_wall_s(desk) : 0,
			 desk->tally);
}
