/*
 * Many consumers in one process: a client each, with a cache of its own, that resolves the same
 * type again and again until standard input ends. Prints one line of JSON: how many resolves there
 * were, how they were marked, and how many failed or found less than there is.
 *
 *	consumers SERVER ZONE TYPE CLIENTS ENDPOINTS
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libclient/waggle.h"

#define STACK_SIZE (128u << 10)
#define PAUSE_US 20000

struct herd {
	const char *server;
	const char *zone;
	const char *type;
	size_t endpoints;
	atomic_bool is_over;
	pthread_mutex_t lock;
	/* Under the lock: */
	size_t ready; /* consumers that have found all */
	size_t resolves;
	size_t marks[3];
	size_t failures;
	size_t last_fresh; /* consumers whose last answer was fresh */
	char first_failure[320];
};

static void note_failure(struct herd *herd, const char *text)
{
	herd->failures++;
	if (herd->failures == 1) {
		snprintf(herd->first_failure, sizeof(herd->first_failure), "%s", text);
	}
}

/* One resolve. Its mark, or -1. */
static int resolve(struct herd *herd, struct waggle *client)
{
	struct waggle_answer *answer = NULL;
	struct waggle_error error;
	const int ret = waggle_resolve(client, herd->type, 0, &answer, &error);
	int mark = -1;

	pthread_mutex_lock(&herd->lock);
	herd->resolves++;
	if (ret != WAGGLE_OK) {
		note_failure(herd, error.text);
	} else if (answer->count < herd->endpoints) {
		note_failure(herd, "fewer endpoints than there are");
	} else {
		mark = (int)answer->mark;
		herd->marks[mark]++;
	}
	pthread_mutex_unlock(&herd->lock);
	waggle_answer_free(answer);
	return mark;
}

static void *consume(void *context)
{
	struct herd *herd = context;
	struct waggle_options options = WAGGLE_OPTIONS_INIT;
	struct waggle *client = NULL;
	struct waggle_error error;
	bool is_ready = false;
	int mark = -1;

	options.flags = WAGGLE_NO_ENVIRONMENT;
	options.server = herd->server;
	options.zone = herd->zone;
	options.retry_after_ms = 500;
	if (waggle_open(&client, &options, &error) != WAGGLE_OK) {
		pthread_mutex_lock(&herd->lock);
		note_failure(herd, error.text);
		pthread_mutex_unlock(&herd->lock);
		return NULL;
	}
	while (!atomic_load(&herd->is_over)) {
		mark = resolve(herd, client);
		if (mark >= 0 && !is_ready) {
			is_ready = true;
			pthread_mutex_lock(&herd->lock);
			herd->ready++;
			pthread_mutex_unlock(&herd->lock);
		}
		usleep(PAUSE_US);
	}
	waggle_close(client);
	pthread_mutex_lock(&herd->lock);
	herd->last_fresh += mark == WAGGLE_FRESH;
	pthread_mutex_unlock(&herd->lock);
	return NULL;
}

/* "ready" when each has found all once; then until there is no more input. */
static void wait_for_the_end(struct herd *herd, size_t count)
{
	struct pollfd wait = {.fd = STDIN_FILENO, .events = POLLIN};
	bool is_ready = false;
	char octet;

	while (poll(&wait, 1, 20) == 0 || read(STDIN_FILENO, &octet, 1) > 0) {
		pthread_mutex_lock(&herd->lock);
		const bool is_all = herd->ready == count;
		pthread_mutex_unlock(&herd->lock);
		if (is_all && !is_ready) {
			is_ready = true;
			puts("ready");
			fflush(stdout);
		}
	}
}

int main(int argc, char **argv)
{
	struct herd herd = {.lock = PTHREAD_MUTEX_INITIALIZER};
	pthread_attr_t attributes;

	if (argc != 6) {
		fputs("usage: consumers SERVER ZONE TYPE CLIENTS ENDPOINTS\n", stderr);
		return 2;
	}
	herd.server = argv[1];
	herd.zone = argv[2];
	herd.type = argv[3];
	const size_t count = strtoul(argv[4], NULL, 10);
	herd.endpoints = strtoul(argv[5], NULL, 10);
	pthread_t *threads = calloc(count, sizeof(*threads));
	if (threads == NULL || pthread_attr_init(&attributes) != 0 ||
	    pthread_attr_setstacksize(&attributes, STACK_SIZE) != 0) {
		return 1;
	}
	for (size_t i = 0; i < count; i++) {
		if (pthread_create(&threads[i], &attributes, consume, &herd) != 0) {
			fputs("no more threads\n", stderr);
			return 1;
		}
	}
	wait_for_the_end(&herd, count);
	atomic_store(&herd.is_over, true);
	for (size_t i = 0; i < count; i++) {
		pthread_join(threads[i], NULL);
	}
	printf("{\"resolves\":%zu,\"fresh\":%zu,\"stale\":%zu,\"snapshot\":%zu,\"failures\":%zu,"
	       "\"last_fresh\":%zu,\"first_failure\":\"%s\"}\n",
	       herd.resolves, herd.marks[WAGGLE_FRESH], herd.marks[WAGGLE_STALE],
	       herd.marks[WAGGLE_SNAPSHOT], herd.failures, herd.last_fresh, herd.first_failure);
	pthread_attr_destroy(&attributes);
	free(threads);
	return 0;
}
