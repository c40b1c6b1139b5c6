/* c-ares from 1.28 on: messages as records, which are made from octets and written to octets. */
#include <stdlib.h>

#include "libclient/cares.h"

struct sent {
	wgl_ares_fn done;
	void *context;
};

static void on_reply(void *argument, ares_status_t status, size_t timeouts,
		     const ares_dns_record_t *record)
{
	const struct sent sent = *(struct sent *)argument;
	unsigned char *wire = NULL;
	size_t size = 0;

	(void)timeouts;
	free(argument);
	if (status == ARES_SUCCESS) {
		status = record == NULL ? ARES_EBADRESP : ares_dns_write(record, &wire, &size);
	}
	sent.done(sent.context, (int)status, wire, size);
	ares_free_string(wire);
}

void wgl_ares_send(ares_channel channel, const uint8_t *wire, size_t size, wgl_ares_fn done,
		   void *context)
{
	ares_dns_record_t *record = NULL;
	ares_status_t status = ares_dns_parse(wire, size, 0, &record);
	struct sent *sent = malloc(sizeof(*sent));

	if (sent == NULL) {
		status = ARES_ENOMEM;
	}
	if (status != ARES_SUCCESS) {
		ares_dns_record_destroy(record);
		free(sent);
		done(context, (int)status, NULL, 0);
		return;
	}
	*sent = (struct sent){.done = done, .context = context};
	/* The callback comes in any case, so the status tells nothing more. */
	(void)ares_send_dnsrec(channel, record, on_reply, sent, NULL);
	ares_dns_record_destroy(record);
}

void wgl_ares_tune(struct ares_options *options, int *mask)
{
	options->qcache_max_ttl = 0;
	*mask |= ARES_OPT_QUERY_CACHE;
}
