/*
 * TSIG of requests and replies (RFC 8945). A request is checked in the order of section 5.2:
 *
 *   1. the record can be read and claims no error of its own (4.2)    else FORMERR, no TSIG
 *   2. its key is ours and has this algorithm (5.2.1)                 else BADKEY, unsigned
 *   3. the MAC has a size that may occur (5.2.2.1)                    else FORMERR, no TSIG
 *   4. the MAC is right (5.2.2)                                       else BADSIG, unsigned
 *   5. the time is within the fudge (5.2.3)                           else BADTIME, signed
 *   6. the MAC is whole (5.2.4; our policy takes no truncated one)    else BADTRUNC, signed
 *
 * No reply is signed before step 4 has passed (section 10.1; CVE-2017-3142).
 */
#include "access/access.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

#define FUDGE_S 300 /* of our replies, and at most of requests; section 10 */
#define MAC_LEAST 10 /* octets, section 5.2.2.1 */
#define ARCOUNT_AT 10 /* offset in the header */

/*
 * The header as it was signed: with the original ID, and without the TSIG where `tsig_count` is 1
 * (section 4.3.2).
 */
static void signed_header(uint8_t out[DNS_HEADER_SIZE], const uint8_t *wire, uint16_t original_id,
			  unsigned tsig_count)
{
	const unsigned count = (unsigned)(wire[ARCOUNT_AT] << 8 | wire[ARCOUNT_AT + 1]);

	memcpy(out, wire, DNS_HEADER_SIZE);
	out[0] = (uint8_t)(original_id >> 8);
	out[1] = (uint8_t)original_id;
	out[ARCOUNT_AT] = (uint8_t)((count - tsig_count) >> 8);
	out[ARCOUNT_AT + 1] = (uint8_t)(count - tsig_count);
}

static int request_mac(const struct conf_key *key, const struct dns_message *request,
		       const struct dns_tsig *tsig, uint8_t mac[HMAC_MAX_SIZE])
{
	uint8_t header[DNS_HEADER_SIZE];
	uint8_t variables[DNS_TSIG_VARIABLES_MAX];

	signed_header(header, request->wire, tsig->original_id, 1);
	const struct hmac_piece pieces[] = {
		{header, sizeof(header)},
		{request->wire + DNS_HEADER_SIZE, request->tsig_at - DNS_HEADER_SIZE},
		{variables, dns_tsig_variables(variables, tsig)},
	};
	return hmac_compute(key->secret, pieces, sizeof(pieces) / sizeof(pieces[0]), mac);
}

static bool is_legal_mac_size(size_t size, size_t whole)
{
	const size_t half = whole / 2;

	return size <= whole && size >= (half > MAC_LEAST ? half : MAC_LEAST);
}

static bool is_in_time(const struct dns_tsig *tsig, uint64_t now_s)
{
	const uint64_t apart = now_s > tsig->time_s ? now_s - tsig->time_s : tsig->time_s - now_s;

	/* A replay must not outlast what is remembered of a withdrawn name. */
	return apart <= (tsig->fudge_s < FUDGE_S ? tsig->fudge_s : FUDGE_S);
}

/* NOTAUTH with a TSIG that has no MAC. */
static int refuse_unsigned(struct access_signer *signer, enum dns_tsig_error error)
{
	signer->reply_tsig = true;
	signer->tsig.error = (uint16_t)error;
	signer->tsig.mac_size = 0;
	signer->tsig.other_size = 0;
	return DNS_RCODE_NOTAUTH;
}

/* The reply is signed by `key`, whose MAC of the request was right. */
static void sign_with(struct access_signer *signer, const struct conf_key *key)
{
	struct dns_tsig *tsig = &signer->tsig;

	signer->key = key;
	signer->reply_tsig = true;
	signer->asked_fudge_s = tsig->fudge_s;
	signer->prior_mac_size = tsig->mac_size;
	memcpy(signer->prior_mac, tsig->mac, tsig->mac_size);
	tsig->mac_size = (uint16_t)hmac_size(key->algorithm);
	tsig->other_size = 0;
}

int access_verify(const struct conf *conf, const struct dns_message *request, uint64_t now_s,
		  struct access_identity *identity, struct access_signer *signer)
{
	struct dns_tsig *tsig = &signer->tsig;
	uint8_t mac[HMAC_MAX_SIZE];

	identity->key = NULL;
	signer->key = NULL;
	signer->reply_tsig = false;
	signer->is_chained = false;
	signer->prior_mac_size = 0;
	if (request->tsig_at == 0) {
		return OK;
	}
	if (dns_tsig_read(tsig, request) != OK || tsig->error != 0) {
		return DNS_RCODE_FORMERR;
	}
	const struct conf_key *key = conf_key_find(conf, tsig->key_name);
	if (key == NULL || !dns_name_equal(key->algorithm_name, tsig->algorithm)) {
		return refuse_unsigned(signer, DNS_TSIG_BADKEY);
	}
	const uint16_t whole = (uint16_t)hmac_size(key->algorithm);
	if (!is_legal_mac_size(tsig->mac_size, whole)) {
		return DNS_RCODE_FORMERR;
	}
	if (request_mac(key, request, tsig, mac) != OK) {
		return ERR_NOMEM;
	}
	if (!hmac_equal(mac, tsig->mac, tsig->mac_size)) {
		return refuse_unsigned(signer, DNS_TSIG_BADSIG);
	}
	const bool is_whole = tsig->mac_size == whole;
	sign_with(signer, key);
	if (!is_in_time(tsig, now_s)) {
		access_stale(signer, now_s);
		return DNS_RCODE_NOTAUTH;
	}
	tsig->fudge_s = FUDGE_S;
	if (!is_whole) {
		tsig->error = DNS_TSIG_BADTRUNC;
		return DNS_RCODE_NOTAUTH;
	}
	identity->key = key;
	return OK;
}

void access_stale(struct access_signer *signer, uint64_t now_s)
{
	struct dns_tsig *tsig = &signer->tsig;

	tsig->error = DNS_TSIG_BADTIME;
	tsig->fudge_s = signer->asked_fudge_s;
	tsig->other_size = 6;
	tsig->other = now_s;
}

size_t access_sign_size(const struct access_signer *signer)
{
	return signer->reply_tsig ? dns_tsig_size(&signer->tsig) : 0;
}

/* Section 5.3: request MAC, reply, variables; 5.3.1: the last MAC, the next message, timers. */
static int reply_mac(const struct access_signer *signer, struct dns_tsig *tsig, const uint8_t *wire,
		     size_t size)
{
	const uint8_t mac_size[] = {(uint8_t)(signer->prior_mac_size >> 8),
				    (uint8_t)signer->prior_mac_size};
	uint8_t header[DNS_HEADER_SIZE];
	uint8_t variables[DNS_TSIG_VARIABLES_MAX];
	uint8_t mac[HMAC_MAX_SIZE];

	signed_header(header, wire, tsig->original_id, 0);
	const struct hmac_piece pieces[] = {
		{mac_size, sizeof(mac_size)},
		{signer->prior_mac, signer->prior_mac_size},
		{header, sizeof(header)},
		{wire + DNS_HEADER_SIZE, size - DNS_HEADER_SIZE},
		{variables, signer->is_chained ? dns_tsig_timers(variables, tsig)
					       : dns_tsig_variables(variables, tsig)},
	};
	const int ret =
		hmac_compute(signer->key->secret, pieces, sizeof(pieces) / sizeof(pieces[0]), mac);
	if (ret == OK) {
		memcpy(tsig->mac, mac, tsig->mac_size);
	}
	return ret;
}

/* Appends *tsig, whose time and MAC are set here. */
static int sign(const struct access_signer *signer, struct dns_tsig *tsig, uint8_t *wire,
		size_t size, size_t room, uint64_t now_s)
{
	assert(size >= DNS_HEADER_SIZE && size <= room);
	*tsig = signer->tsig;
	/* With BADTIME the client is told its own time, or it could not verify (5.2.3). */
	if (tsig->error != DNS_TSIG_BADTIME) {
		tsig->time_s = now_s;
	}
	const size_t whole = size + dns_tsig_size(tsig);
	if (whole > room || whole > DNS_MESSAGE_MAX) {
		return ERR_SPACE;
	}
	if (signer->key != NULL && reply_mac(signer, tsig, wire, size) != OK) {
		return ERR_NOMEM;
	}
	struct buf_writer record = buf_writer(wire + size, room - size);
	dns_tsig_write(&record, tsig);
	assert(!record.failed && size + buf_written(&record) == whole);
	struct buf_writer count = buf_writer(wire + ARCOUNT_AT, 2);
	buf_write_u16(&count, (uint16_t)((wire[ARCOUNT_AT] << 8 | wire[ARCOUNT_AT + 1]) + 1));
	return (int)whole;
}

int access_sign(struct access_signer *signer, uint8_t *wire, size_t size, size_t room,
		uint64_t now_s)
{
	struct dns_tsig tsig;

	if (!signer->reply_tsig) {
		return (int)size;
	}
	const int whole = sign(signer, &tsig, wire, size, room, now_s);
	if (whole > 0) {
		signer->is_chained = true;
		signer->prior_mac_size = tsig.mac_size;
		memcpy(signer->prior_mac, tsig.mac, tsig.mac_size);
	}
	return whole;
}
