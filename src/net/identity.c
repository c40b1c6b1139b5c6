/* A question is a row; TTL 0, as who answers at this address may change with the next packet. */
#include "net/identity.h"

#include <assert.h>
#include <string.h>

#include "base/err.h"

const char *identity_text(const struct conf *conf, const struct dns_message *message)
{
	const struct {
		const char *name; /* wire form */
		const char *text;
	} rows[] = {
		{"\7version\4bind", conf->version},
		{"\7version\6server", conf->version},
		{"\2id\6server", conf->identity},
		{"\10hostname\4bind", conf->identity},
	};

	if (message->qtype != DNS_TYPE_TXT && message->qtype != DNS_TYPE_ANY) {
		return NULL;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (dns_name_equal(message->qname, (const uint8_t *)rows[i].name)) {
			return rows[i].text;
		}
	}
	return NULL;
}

void identity_write(struct dns_writer *writer, const struct dns_message *message, const char *text)
{
	const size_t size = strlen(text);
	uint8_t rdata[1 + CONF_SAID_MAX];

	assert(size <= CONF_SAID_MAX);
	rdata[0] = (uint8_t)size;
	memcpy(rdata + 1, text, size);
	dns_writer_flags(writer, DNS_FLAG_AA, 0);
	if (dns_writer_rr(writer, DNS_ANSWER, message->qname, DNS_TYPE_TXT, DNS_CLASS_CH, 0, rdata,
			  (uint16_t)(1 + size)) != OK) {
		dns_writer_flags(writer, DNS_FLAG_TC, 0);
	}
}
