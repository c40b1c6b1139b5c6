/* Replies as servers make them, for tests: a question, and records given as text. */
#pragma once

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/rrtype.h"
#include "dns/writer.h"
#include "libclient/reply.h"

struct packet {
	size_t size;
	uint8_t wire[DNS_MESSAGE_MAX];
	struct dns_writer writer;
};

static inline const uint8_t *packet_name(const char *text)
{
	static _Thread_local uint8_t names[16][DNS_NAME_MAX];
	static _Thread_local unsigned next;
	uint8_t *name = names[next++ % 16];

	if (dns_name_from_text(name, text, NULL) < 0) {
		abort();
	}
	return name;
}

/* A reply with AA to (name, type). */
static inline void packet_begin(struct packet *packet, const char *name, uint16_t type)
{
	dns_writer_init(&packet->writer, packet->wire, sizeof(packet->wire));
	dns_writer_flags(&packet->writer, DNS_FLAG_QR | DNS_FLAG_AA, 0);
	if (dns_writer_question(&packet->writer, packet_name(name), type, DNS_CLASS_IN) != OK) {
		abort();
	}
	packet->size = dns_writer_finish(&packet->writer);
}

static inline void packet_flags(struct packet *packet, uint16_t set, uint16_t clear, unsigned rcode)
{
	dns_writer_flags(&packet->writer, set, clear);
	dns_writer_rcode(&packet->writer, rcode);
}

static inline void packet_raw(struct packet *packet, enum dns_section section, const char *owner,
			      uint16_t type, uint32_t ttl, const void *rdata, size_t size)
{
	if (dns_writer_rr(&packet->writer, section, packet_name(owner), type, DNS_CLASS_IN, ttl,
			  rdata, (uint16_t)size) != OK) {
		abort();
	}
	packet->size = dns_writer_finish(&packet->writer);
}

/*
 * One record. RDATA as text: a name (PTR, NS, CNAME), "priority weight port target" (SRV), an
 * address (A, AAAA), strings with semicolons between (TXT), "mname minimum" (SOA).
 */
static inline void packet_rr(struct packet *packet, enum dns_section section, const char *owner,
			     uint16_t type, uint32_t ttl, const char *text)
{
	uint8_t rdata[2048];
	struct buf_writer out = buf_writer(rdata, sizeof(rdata));
	char word[512];
	unsigned numbers[3];

	switch (type) {
	case DNS_TYPE_A:
		inet_pton(AF_INET, text, buf_reserve(&out, 4));
		break;
	case DNS_TYPE_AAAA:
		inet_pton(AF_INET6, text, buf_reserve(&out, 16));
		break;
	case DNS_TYPE_SRV:
		sscanf(text, "%u %u %u %511s", &numbers[0], &numbers[1], &numbers[2], word);
		for (int i = 0; i < 3; i++) {
			buf_write_u16(&out, (uint16_t)numbers[i]);
		}
		buf_write(&out, packet_name(word), dns_name_size(packet_name(word)));
		break;
	case DNS_TYPE_TXT:
		for (;;) {
			const size_t size = strcspn(text, ";");

			buf_write_u8(&out, (uint8_t)size);
			buf_write(&out, text, size);
			if (text[size] == '\0') {
				break;
			}
			text += size + 1;
		}
		break;
	case DNS_TYPE_SOA:
		sscanf(text, "%511s %u", word, &numbers[0]);
		buf_write(&out, packet_name(word), dns_name_size(packet_name(word)));
		buf_write_u8(&out, 0);
		for (int i = 0; i < 4; i++) {
			buf_write_u32(&out, 1);
		}
		buf_write_u32(&out, numbers[0]);
		break;
	default:
		buf_write(&out, packet_name(text), dns_name_size(packet_name(text)));
		break;
	}
	packet_raw(packet, section, owner, type, ttl, rdata, buf_written(&out));
}

/* An OPT record with an extended error; `ede` below 0: without. */
static inline void packet_opt(struct packet *packet, int ede, const char *text, unsigned rcode)
{
	const struct dns_edns_reply edns = {.udp_size = DNS_UDP_SAFE,
					    .has_ede = ede >= 0,
					    .ede = (uint16_t)ede,
					    .ede_text = text};
	uint8_t opt[512];
	struct buf_writer out = buf_writer(opt, sizeof(opt));

	dns_edns_write(&out, &edns, rcode);
	if (dns_writer_raw(&packet->writer, opt, buf_written(&out)) != OK) {
		abort();
	}
	packet->size = dns_writer_finish(&packet->writer);
}
