/*
 * What libwaggle costs a consumer: a resolve that the cache answers, in nanoseconds and allocations,
 * and one that asks the server, beside a bare c-ares query for the same records. Registers the
 * instances that it asks for, and withdraws them.
 *
 *	client ADDRESS@PORT ZONE
 */
/* The calls of c-ares 1.18, Debian 12, some of them deprecated since. */
#define CARES_NO_DEPRECATED
#include <ares.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <time.h>

#include "libclient/waggle.h"

#define TYPE "_bench-client._tcp"
#define INSTANCES 3
#define CACHED 1000000
#define COLD 2000
#define ROUNDS 5

/* ---- counting allocations: glibc's own, with a count before them ----------------------------- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);

static atomic_uint_fast64_t allocations;

void *malloc(size_t size)
{
	atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
	return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
	return __libc_realloc(old, size);
}

/* ---- time ------------------------------------------------------------------------------------ */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct cost {
	double wall_us;
	double cpu_us; /* of all threads of this process */
	double allocations;
};

static struct cost began(void)
{
	return (struct cost){.wall_us = (double)clock_ns(CLOCK_MONOTONIC) / 1000,
			     .cpu_us = (double)clock_ns(CLOCK_PROCESS_CPUTIME_ID) / 1000,
			     .allocations = (double)atomic_load(&allocations)};
}

static struct cost cost_of(struct cost begin, unsigned count)
{
	const struct cost end = began();

	return (struct cost){.wall_us = (end.wall_us - begin.wall_us) / count,
			     .cpu_us = (end.cpu_us - begin.cpu_us) / count,
			     .allocations = (end.allocations - begin.allocations) / count};
}

static int by_wall(const void *one, const void *other)
{
	const double a = ((const struct cost *)one)->wall_us;
	const double b = ((const struct cost *)other)->wall_us;

	return a < b ? -1 : a > b;
}

/* The round in the middle. */
static struct cost median(struct cost costs[ROUNDS])
{
	qsort(costs, ROUNDS, sizeof(*costs), by_wall);
	return costs[ROUNDS / 2];
}

static void must(bool is_good, const char *what)
{
	if (!is_good) {
		fprintf(stderr, "client: %s\n", what);
		exit(1);
	}
}

/* ---- libwaggle ------------------------------------------------------------------------------- */

static void resolve(struct waggle *client, unsigned flags)
{
	struct waggle_answer *answer;
	struct waggle_error error;

	must(waggle_resolve(client, TYPE, flags, &answer, &error) == WAGGLE_OK, error.text);
	must(answer->mark == WAGGLE_FRESH && answer->count == INSTANCES, "not what is there");
	waggle_answer_free(answer);
}

static struct cost run_waggle(struct waggle *client, unsigned flags, unsigned count)
{
	const struct cost begin = began();

	for (unsigned i = 0; i < count; i++) {
		resolve(client, flags);
	}
	return cost_of(begin, count);
}

/* ---- bare c-ares ----------------------------------------------------------------------------- */

struct asked {
	bool is_done;
	int status;
	int size;
};

static void on_reply(void *context, int status, int timeouts, unsigned char *reply, int size)
{
	(void)timeouts;
	(void)reply;
	*(struct asked *)context = (struct asked){.is_done = true, .status = status, .size = size};
}

static void query(ares_channel channel, const char *name)
{
	struct asked asked = {.is_done = false};

	ares_query(channel, name, 1, 12, on_reply, &asked);
	while (!asked.is_done) {
		struct timeval left;
		fd_set readable;
		fd_set writable;

		FD_ZERO(&readable);
		FD_ZERO(&writable);
		const int count = ares_fds(channel, &readable, &writable);
		select(count, &readable, &writable, NULL, ares_timeout(channel, NULL, &left));
		ares_process(channel, &readable, &writable);
	}
	must(asked.status == ARES_SUCCESS && asked.size > 100, "c-ares got no answer");
}

static ares_channel open_cares(const char *server)
{
	struct ares_options options = {.flags = ARES_FLAG_STAYOPEN | ARES_FLAG_EDNS |
						ARES_FLAG_NOCHECKRESP,
				       .ednspsz = 1232};
	char csv[64];
	ares_channel channel;

	must(strlen(server) < sizeof(csv), "the server's address is too long");
	strcpy(csv, server);
	*strchr(csv, '@') = ':';
	must(ares_init_options(&channel, &options, ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ) ==
			     ARES_SUCCESS &&
		     ares_set_servers_ports_csv(channel, csv) == ARES_SUCCESS,
	     "c-ares does not start");
	return channel;
}

static struct cost run_cares(ares_channel channel, const char *name, unsigned count)
{
	const struct cost begin = began();

	for (unsigned i = 0; i < count; i++) {
		query(channel, name);
	}
	return cost_of(begin, count);
}

/* ---- both ------------------------------------------------------------------------------------ */

static void print_row(const char *what, const struct cost *cost, const struct cost *beside)
{
	printf("%-24s %10.3f %10.3f %8.1f", what, cost->wall_us, cost->cpu_us, cost->allocations);
	if (beside != NULL) {
		printf(" %9.2f %9.2f", cost->wall_us / beside->wall_us,
		       cost->cpu_us / beside->cpu_us);
	}
	printf("\n");
}

static void measure(struct waggle *client, const char *server, const char *zone)
{
	ares_channel channel = open_cares(server);
	struct cost cached[ROUNDS];
	struct cost cold[ROUNDS];
	struct cost bare[ROUNDS];
	char name[300];

	snprintf(name, sizeof(name), TYPE ".%s", zone);
	for (size_t i = 0; i < ROUNDS; i++) {
		bare[i] = run_cares(channel, name, COLD);
		cold[i] = run_waggle(client, WAGGLE_REFRESH, COLD);
		cached[i] = run_waggle(client, 0, CACHED / ROUNDS);
	}
	ares_destroy(channel);
	const struct cost bare_cost = median(bare);
	const struct cost cold_cost = median(cold);
	const struct cost cached_cost = median(cached);
	printf("%-24s %10s %10s %8s %9s %9s\n", "client, each", "wall us", "CPU us", "allocs",
	       "x c-ares", "x its CPU");
	print_row("c-ares query", &bare_cost, NULL);
	print_row("resolve, asking", &cold_cost, &bare_cost);
	print_row("resolve, cached", &cached_cost, &bare_cost);
	printf("a cached resolve: %.0f ns, %.1f allocations\n", cached_cost.wall_us * 1000,
	       cached_cost.allocations);
}

static struct waggle_registration *start(struct waggle *client, const char *label)
{
	struct waggle_service service = WAGGLE_SERVICE_INIT;
	struct waggle_registration *registration;
	struct waggle_error error;
	const char *const address = "192.0.2.1";

	service.instance = label;
	service.type = TYPE;
	service.port = 8080;
	service.host = label;
	service.addresses = &address;
	service.address_count = 1;
	must(waggle_register(client, &service, NULL, NULL, &registration, &error) == WAGGLE_OK,
	     error.text);
	return registration;
}

int main(int count, char **words)
{
	static const char *const labels[INSTANCES] = {"bench-1", "bench-2", "bench-3"};
	struct waggle_options options = WAGGLE_OPTIONS_INIT;
	struct waggle_registration *registrations[INSTANCES];
	struct waggle_error error;
	struct waggle *client;

	if (count != 3 || strchr(words[1], '@') == NULL) {
		fprintf(stderr, "usage: client ADDRESS@PORT ZONE\n");
		return 2;
	}
	options.flags = WAGGLE_NO_ENVIRONMENT;
	options.server = words[1];
	options.zone = words[2];
	must(waggle_open(&client, &options, &error) == WAGGLE_OK, error.text);
	for (size_t i = 0; i < INSTANCES; i++) {
		registrations[i] = start(client, labels[i]);
	}
	measure(client, words[1], words[2]);
	for (size_t i = 0; i < INSTANCES; i++) {
		(void)waggle_withdraw(registrations[i], NULL);
	}
	waggle_close(client);
	return 0;
}
