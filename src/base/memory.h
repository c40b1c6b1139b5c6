/*
 * A stream into memory, as open_memstream(3), but one that tells when memory is out: glibc's drops
 * what it has no room for, and neither ferror() nor fclose() say so. Thread: any, one at a time.
 */
#pragma once

#include <stddef.h>
#include <stdio.h>

struct memory_stream {
	FILE *file; /* to be written to; ftell() works */
	char *text;
	size_t size;
	size_t room;
};

/* Opens it; `stream` stays where it is until the end. ERR_NOMEM: there is nothing to close. */
int memory_open(struct memory_stream *stream);

/*
 * Closes it. *text: what was written, ended by a NUL, malloc'd, the caller's; *size, which may be
 * NULL, without the NUL. ERR_NOMEM, *text NULL: something of it is lost.
 */
int memory_close(struct memory_stream *stream, char **text, size_t *size);
