/*
 * By fopencookie(3): the buffer of the stream goes before ours, and a write that fails is an error
 * of the stream, which stays.
 */
#include "base/memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define FIRST_ROOM 512

static int make_room(struct memory_stream *stream, size_t size)
{
	size_t room = stream->room == 0 ? FIRST_ROOM : stream->room;
	char *text;

	while (room - stream->size <= size) { /* one octet for the NUL */
		room *= 2;
	}
	if (room == stream->room) {
		return OK;
	}
	text = realloc(stream->text, room);
	if (text == NULL) {
		return ERR_NOMEM;
	}
	stream->text = text;
	stream->room = room;
	return OK;
}

static ssize_t write_octets(void *cookie, const char *octets, size_t size)
{
	struct memory_stream *stream = cookie;

	if (make_room(stream, size) != OK) {
		errno = ENOMEM;
		return 0;
	}
	memcpy(stream->text + stream->size, octets, size);
	stream->size += size;
	return (ssize_t)size;
}

/* Where it stands: it is never moved. */
static int tell(void *cookie, off64_t *offset, int whence)
{
	const struct memory_stream *stream = cookie;

	if (*offset != 0 || whence == SEEK_SET) {
		errno = EINVAL;
		return -1;
	}
	*offset = (off64_t)stream->size;
	return 0;
}

int memory_open(struct memory_stream *stream)
{
	*stream = (struct memory_stream){.size = 0};
	stream->file = fopencookie(stream, "w",
				   (cookie_io_functions_t){.write = write_octets, .seek = tell});
	return stream->file == NULL ? ERR_NOMEM : OK;
}

int memory_close(struct memory_stream *stream, char **text, size_t *size)
{
	const bool was_lost = ferror(stream->file) != 0;

	*text = NULL;
	if (fclose(stream->file) != 0 || was_lost || make_room(stream, 0) != OK) {
		free(stream->text);
		return ERR_NOMEM;
	}
	stream->text[stream->size] = '\0';
	*text = stream->text;
	if (size != NULL) {
		*size = stream->size;
	}
	return OK;
}
