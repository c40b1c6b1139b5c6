/*
 * Reports of registrations on their way from the library's thread to the main one, which waits for
 * them beside signals: copies, handed over by a pipe that carries their addresses.
 */
#pragma once

#include <stddef.h>

#include "libclient/waggle.h"

/* A report that stays. One allocation. */
struct news {
	size_t index; /* of the service */
	struct waggle_report report;
	struct waggle_error error; /* what report.error points to */
	_Alignas(max_align_t) char data[]; /* addresses, then texts */
};

/* A copy: returns owned, free(); NULL: out of memory. Thread: any. */
struct news *news_new(size_t index, const struct waggle_report *report);

/* Opens a pipe for news; both ends are closed by exec. ERR_SYSTEM. */
int news_open(int pipe[2]);

/* Takes `news`; NULL stands for memory that was out. Thread: any. */
void news_send(int descriptor, struct news *news);

/*
 * The next one, without waiting. OK: *news is set, the caller's to free. ERR_NOTFOUND: there is
 * none. ERR_NOMEM: one was lost. Thread: main.
 */
int news_receive(int descriptor, struct news **news);
