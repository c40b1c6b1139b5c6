/*
 * The library's thread must not wait for the main one, so the pipe does not block. It takes some 8,000
 * addresses, and its reader does nothing else: more than that is a reader that has stopped.
 */
#include "waggle/news.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

static size_t text_size(const char *text)
{
	return text == NULL ? 0 : strlen(text) + 1;
}

static const char *keep(char **at, const char *text)
{
	char *copy = *at;

	if (text == NULL) {
		return NULL;
	}
	strcpy(copy, text);
	*at += strlen(text) + 1;
	return copy;
}

struct news *news_new(size_t index, const struct waggle_report *report)
{
	const size_t address_size = report->address_count * sizeof(report->addresses[0]);
	const size_t size = address_size + text_size(report->name) + text_size(report->host) +
			    text_size(report->server);
	struct news *news = calloc(1, sizeof(*news) + size);

	if (news == NULL) {
		return NULL;
	}
	char *at = news->data + address_size;
	news->index = index;
	news->report = *report;
	if (address_size > 0) {
		memcpy(news->data, report->addresses, address_size);
	}
	news->report.addresses = (const union waggle_address *)(void *)news->data;
	news->report.name = keep(&at, report->name);
	news->report.host = keep(&at, report->host);
	news->report.server = keep(&at, report->server);
	if (report->error != NULL) {
		news->error = *report->error;
	}
	news->report.error = &news->error;
	return news;
}

int news_open(int pipe[2])
{
	return pipe2(pipe, O_CLOEXEC | O_NONBLOCK) == 0 ? OK : ERR_SYSTEM;
}

void news_send(int descriptor, struct news *news)
{
	ssize_t sent;

	do {
		sent = write(descriptor, &news, sizeof(news));
	} while (sent < 0 && errno == EINTR);
	if (sent < 0) {
		free(news);
	}
}

int news_receive(int descriptor, struct news **news)
{
	if (read(descriptor, news, sizeof(*news)) != (ssize_t)sizeof(*news)) {
		return ERR_NOTFOUND;
	}
	return *news == NULL ? ERR_NOMEM : OK;
}
