/* c-ares before 1.28: messages as octets. */
#include <stdlib.h>

#include "libclient/cares.h"

struct sent {
	wgl_ares_fn done;
	void *context;
};

static void on_reply(void *argument, int status, int timeouts, unsigned char *wire, int size)
{
	const struct sent sent = *(struct sent *)argument;

	(void)timeouts;
	free(argument);
	sent.done(sent.context, status, wire, size < 0 ? 0 : (size_t)size);
}

void wgl_ares_send(ares_channel channel, const uint8_t *wire, size_t size, wgl_ares_fn done,
		   void *context)
{
	struct sent *sent = malloc(sizeof(*sent));

	if (sent == NULL) {
		done(context, ARES_ENOMEM, NULL, 0);
		return;
	}
	*sent = (struct sent){.done = done, .context = context};
	ares_send(channel, wire, (int)size, on_reply, sent);
}

void wgl_ares_tune(struct ares_options *options, int *mask)
{
	(void)options;
	(void)mask;
}
