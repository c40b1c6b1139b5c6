/*
 * Two places hold octets: the buffer, with what earlier calls left, and the data given last. As
 * long as the buffer is empty, messages are taken from the data as they stand. Otherwise the one
 * that began in the buffer is completed there, with no more octets than it needs.
 */
#include "net/framing.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

enum { FRAMING_ROOM = 512 };

void framing_init(struct framing *framing)
{
	*framing = (struct framing){0};
}

void framing_deinit(struct framing *framing)
{
	free(framing->kept);
	framing_init(framing);
}

void framing_give(struct framing *framing, const uint8_t *data, size_t size)
{
	assert(framing->left == 0);
	framing->data = data;
	framing->left = size;
}

/* Octets of the frame that begins here, its head included; 0: not even its head is there. */
static size_t framing_size(const uint8_t *octets, size_t size)
{
	return size < FRAMING_HEAD ? 0 : FRAMING_HEAD + (size_t)(octets[0] << 8 | octets[1]);
}

/* Grows by what is really there, not by what a head promises. */
static int framing_reserve(struct framing *framing, size_t size)
{
	const size_t used = framing->end - framing->at;
	size_t room = framing->room > 0 ? framing->room : FRAMING_ROOM;

	if (framing->at > 0) {
		memmove(framing->kept, framing->kept + framing->at, used);
		framing->at = 0;
		framing->end = used;
	}
	while (room < used + size) {
		room *= 2;
	}
	if (room > framing->room) {
		uint8_t *kept = realloc(framing->kept, room);

		if (kept == NULL) {
			return ERR_NOMEM;
		}
		framing->kept = kept;
		framing->room = room;
	}
	return OK;
}

/* Moves up to `size` octets of the data behind those kept. */
static int framing_append(struct framing *framing, size_t size)
{
	const size_t count = size < framing->left ? size : framing->left;
	int ret;

	if (count == 0) {
		return OK;
	}
	ret = framing_reserve(framing, count);
	if (ret == OK) {
		memcpy(framing->kept + framing->end, framing->data, count);
		framing->end += count;
		framing->data += count;
		framing->left -= count;
	}
	return ret;
}

static int framing_next_kept(struct framing *framing, const uint8_t **message, size_t *size)
{
	size_t used = framing->end - framing->at;
	size_t whole;
	int ret = OK;

	if (used < FRAMING_HEAD) {
		ret = framing_append(framing, FRAMING_HEAD - used);
		used = framing->end - framing->at;
	}
	whole = framing_size(framing->kept + framing->at, used);
	if (ret != OK || whole == 0) {
		return ret;
	}
	if (used < whole) {
		ret = framing_append(framing, whole - used);
		used = framing->end - framing->at;
	}
	if (ret != OK || used < whole) {
		return ret;
	}
	*message = framing->kept + framing->at + FRAMING_HEAD;
	*size = whole - FRAMING_HEAD;
	framing->at += whole;
	return 1;
}

int framing_next(struct framing *framing, const uint8_t **message, size_t *size)
{
	size_t whole;

	if (framing->at < framing->end) {
		return framing_next_kept(framing, message, size);
	}
	whole = framing_size(framing->data, framing->left);
	if (whole == 0 || whole > framing->left) {
		return 0;
	}
	*message = framing->data + FRAMING_HEAD;
	*size = whole - FRAMING_HEAD;
	framing->data += whole;
	framing->left -= whole;
	return 1;
}

int framing_keep(struct framing *framing)
{
	const int ret = framing_append(framing, framing->left);

	framing->data = NULL;
	framing->left = 0;
	if (framing->at == framing->end) {
		framing_deinit(framing);
	}
	return ret;
}

bool framing_has_whole(const struct framing *framing)
{
	const size_t used = framing->end - framing->at;
	const size_t whole = used > 0 ? framing_size(framing->kept + framing->at, used) : 0;

	return whole > 0 && whole <= used;
}

bool framing_has_part(const struct framing *framing)
{
	return framing->end > framing->at && !framing_has_whole(framing);
}
