/*
 * What differs between the versions of c-ares: sending a message that we made. ares_send() is
 * deprecated since 1.28, where records take its place; configure decides which file is compiled.
 * Thread: loop.
 */
#pragma once

#include <ares.h>
#include <stddef.h>
#include <stdint.h>

/* `status` is ARES_SUCCESS with a reply, valid in the call, or why there is none. */
typedef void (*wgl_ares_fn)(void *context, int status, const uint8_t *wire, size_t size);

/*
 * Sends; `done` comes exactly once, maybe at once. The message has an ID of its own, which a
 * version with records may replace by another.
 */
void wgl_ares_send(ares_channel channel, const uint8_t *wire, size_t size, wgl_ares_fn done,
		   void *context);

/* Options that this version needs: no cache of its own, for ours knows what is stale. */
void wgl_ares_tune(struct ares_options *options, int *mask);
