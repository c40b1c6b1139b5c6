/* A message is parsed, written anew by our writer, and parsed again: both say the same. */
#undef NDEBUG
#include <assert.h>
#include <stdint.h>

#include "dns/message.h"
#include "dns/rrtype.h"
#include "dns/tsig.h"
#include "dns/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t rdata[2][4 * DNS_MESSAGE_MAX];

/* The next record whose RDATA is sound, expanded into `out`; its size, or -1 at the end. */
static int next(struct dns_walk *walk, struct dns_rr *rr, uint8_t *out)
{
	while (dns_walk_next(walk, rr) == 1) {
		struct buf_writer writer = buf_writer(out, sizeof(rdata[0]));
		const int size = dns_rr_rdata(walk->message, rr, &writer);

		if (size >= 0 && size <= UINT16_MAX) {
			assert(dns_rdata_check(rr->type, out, (uint16_t)size) == 0);
			return size;
		}
	}
	return -1;
}

static int rewrite(struct dns_writer *writer, const struct dns_message *message)
{
	for (enum dns_section section = DNS_ANSWER; section < DNS_SECTIONS; section++) {
		struct dns_walk walk = dns_walk(message, section);
		struct dns_rr rr;
		int size;

		while ((size = next(&walk, &rr, rdata[0])) >= 0) {
			if (dns_writer_rr(writer, section, rr.owner, rr.type, rr.class, rr.ttl,
					  rdata[0], (uint16_t)size) != 0) {
				return -1;
			}
		}
	}
	return 0;
}

static void compare(const struct dns_message *one, const struct dns_message *other)
{
	for (enum dns_section section = DNS_ANSWER; section < DNS_SECTIONS; section++) {
		struct dns_walk walks[] = {dns_walk(one, section), dns_walk(other, section)};
		struct dns_rr rr[2];
		int size;

		while ((size = next(&walks[0], &rr[0], rdata[0])) >= 0) {
			assert(next(&walks[1], &rr[1], rdata[1]) == size);
			assert(dns_name_equal(rr[0].owner, rr[1].owner));
			assert(rr[0].type == rr[1].type && rr[0].class == rr[1].class);
			assert(rr[0].ttl == rr[1].ttl);
			assert(dns_rdata_equal(rr[0].type, rdata[0], (uint16_t)size, rdata[1],
					       (uint16_t)size));
		}
		assert(next(&walks[1], &rr[1], rdata[1]) < 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t wire[DNS_MESSAGE_MAX];
	struct dns_message message;
	struct dns_message again;
	struct dns_writer writer;
	struct dns_tsig tsig;
	const int ret = dns_message_parse(&message, data, size);

	if (ret != 0 && ret != DNS_RCODE_BADVERS) {
		return 0;
	}
	if (message.tsig_at != 0) {
		dns_tsig_read(&tsig, &message);
	}
	dns_writer_reply(&writer, wire, sizeof(wire), &message);
	dns_writer_flags(&writer, 0, DNS_FLAG_QR);
	if (rewrite(&writer, &message) == 0) {
		assert(dns_message_parse(&again, wire, dns_writer_finish(&writer)) == ret);
		assert(dns_name_equal(message.qname, again.qname));
		compare(&message, &again);
	}
	return 0;
}
