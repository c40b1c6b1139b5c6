/*
 * Messages out of a byte stream: two octets of length, then the message (RFC 7766 section 8),
 * split and joined anywhere.
 *
 * What comes is looked at in place; only what is left over when its octets go away is kept. So a
 * connection between two requests keeps nothing. Pure. Thread: its owner's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAMING_HEAD 2 /* octets of the length */

struct framing {
	uint8_t *kept; /* of earlier octets those from `at` to `end` are left; or NULL */
	size_t at;
	size_t end;
	size_t room;
	const uint8_t *data; /* given last, and not yet looked at */
	size_t left;
};

void framing_init(struct framing *framing);
void framing_deinit(struct framing *framing);

/* Gives `size` more octets; keeps `data` until framing_keep(). */
void framing_give(struct framing *framing, const uint8_t *data, size_t size);

/*
 * 1 and the next whole message, valid until the next call; 0 when there is none; ERR_NOMEM.
 */
int framing_next(struct framing *framing, const uint8_t **message, size_t *size);

/* Keeps what is left of the octets given. ERR_NOMEM. */
int framing_keep(struct framing *framing);

/* After framing_keep(): is a whole message there? Is a part of one? */
bool framing_has_whole(const struct framing *framing);
bool framing_has_part(const struct framing *framing);
