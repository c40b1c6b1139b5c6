/*
 * What the root costs, in process: memory for each instance, time to build it in one writing (as a
 * restart does), registrations one commit each, and look-ups of random names in batches.
 *
 *	root [-i INSTANCES] [-m MEMBERS] [-c COMMITS] [-f BATCHES] [-g MIB]
 *
 * An instance is PTR, SRV, TXT and A with leases, with a host of its own, named as tests/bench/load
 * names them. All are of one type, or each MEMBERS have one. After the build COMMITS new instances
 * register, each in a commit of its own (count instructions with valgrind --tool=callgrind
 * --toggle-collect=bench_registrations); BATCHES batches of 64 look-ups are timed, with MIB of
 * memory read in between every 64 of them so that the caches are cold. One JSON object is printed.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "dns/name.h"
#include "dns/types.h"
#include "zone/zone.h"

enum { BATCH = 64, LEASE_S = 7200, TTL_S = 120 };

struct options {
	uint32_t instances;
	uint32_t members; /* of a type; 0: all have one type */
	uint32_t commits;
	uint32_t batches;
	uint32_t cold_mib;
};

static const uint8_t apex[] = "\3svc\7example";

void bench_registrations(struct root **root, const struct options *options);

static void must(int ret)
{
	if (ret != OK) {
		fprintf(stderr, "root: %s\n", err_text(ret));
		exit(EXIT_FAILURE);
	}
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Of this process: a busy machine makes it longer too, but less. */
static double cpu_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static size_t resident(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	size_t total;
	size_t pages = 0;

	if (file == NULL || fscanf(file, "%zu %zu", &total, &pages) != 2) {
		exit(EXIT_FAILURE);
	}
	fclose(file);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void name_of(uint8_t out[DNS_NAME_MAX], const char *text)
{
	if (dns_name_from_text(out, text, apex) < 0) {
		exit(EXIT_FAILURE);
	}
}

static void instance_name(uint8_t out[DNS_NAME_MAX], uint32_t number, const struct options *options)
{
	char text[64];

	if (options->members == 0) {
		snprintf(text, sizeof(text), "web-%06u._http._tcp", number);
	} else {
		snprintf(text, sizeof(text), "web-%06u._t%u._tcp", number,
			 number / options->members);
	}
	name_of(out, text);
}

typedef int (*put_fn)(struct root_writer *writer, const uint8_t *apex,
		      const struct content *content);

static void put_instance(struct root_writer *writer, put_fn put, uint32_t number,
			 const struct options *options)
{
	char text[64];
	uint8_t host[DNS_NAME_MAX];
	uint8_t instance[DNS_NAME_MAX];
	uint8_t srv[6 + DNS_NAME_MAX] = {0, 0, 0, 0, 8080 >> 8, 8080 & 0xff};
	const uint8_t address[4] = {10, (uint8_t)(number >> 16), (uint8_t)(number >> 8),
				    (uint8_t)number};

	snprintf(text, sizeof(text), "host-%06u", number);
	name_of(host, text);
	instance_name(instance, number, options);
	memcpy(srv + 6, host, dns_name_size(host));
	const struct record of_host = {
		.type = DNS_TYPE_A, .ttl = TTL_S, .rdata = address, .size = 4};
	const struct record of_instance[] = {
		{.type = DNS_TYPE_SRV,
		 .ttl = TTL_S,
		 .rdata = srv,
		 .size = (uint16_t)(6 + dns_name_size(host))},
		{.type = DNS_TYPE_TXT,
		 .ttl = TTL_S,
		 .rdata = (const uint8_t *)"\x06path=/",
		 .size = 7},
	};
	struct content content = {.name = host,
				  .records = &of_host,
				  .count = 1,
				  .owner = {.kind = OWNER_NET},
				  .lease_s = LEASE_S,
				  .key_lease_s = LEASE_S,
				  .version = number + 1,
				  .changed_s = 1760000000};
	must(put(writer, apex, &content));
	content.name = instance;
	content.records = of_instance;
	content.count = 2;
	content.flags = NAME_PTR;
	must(put(writer, apex, &content));
}

static void open_zone(struct root_writer *writer)
{
	static const uint8_t ring_key[SIPHASH_KEY_SIZE] = "bench ring key.";
	static const struct zone_shape shape = {.ttl_derived_s = 10,
						.ttl_max_s = 86400,
						.lease_min_s = 30,
						.lease_max_s = 7200,
						.key_lease_max_s = 604800,
						.answer_max = 100,
						.change_max = 200000,
						.pool_label = "\4pool"};
	static const struct zone_soa soa = {
		.ttl = 5, .mname = "\2ns", .rname = "\5admin", .serial = 1, .minimum = 5};

	must(zone_open(writer, apex, &shape, ring_key));
	must(zone_set_soa(writer, apex, &soa));
	must(zone_set_served(writer, apex, true));
}

static void commit(struct root_writer *writer, uint64_t index, struct root **root)
{
	struct garbage *garbage;

	must(root_commit(writer, index, root, &garbage));
	garbage_free(garbage);
}

static void build(struct root **root, const struct options *options)
{
	struct root_writer *writer;

	must(root_begin(&writer, *root));
	root_silence(writer);
	open_zone(writer);
	for (uint32_t i = 0; i < options->instances; i++) {
		put_instance(writer, zone_load, i, options);
	}
	must(zone_load_end(writer));
	commit(writer, 1, root);
}

/* Not static and not inlined: callgrind counts what is inside. */
__attribute__((noinline)) void bench_registrations(struct root **root,
						   const struct options *options)
{
	for (uint32_t i = 0; i < options->commits; i++) {
		struct root_writer *writer;

		must(root_begin(&writer, *root));
		put_instance(writer, zone_put, options->instances + i, options);
		commit(writer, 2 + i, root);
	}
}

static uint32_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return (uint32_t)(*state >> 32);
}

/* Reads memory so that what was in the caches is not. */
static uint64_t chill(const uint64_t *memory, size_t count)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i += 8) {
		sum += memory[i];
	}
	return sum;
}

/* Nanoseconds for one look-up, the best of all batches and the mean. */
static void look_up(const struct root *root, const struct options *options, double *best,
		    double *mean)
{
	static uint8_t names[BATCH][DNS_NAME_MAX];
	struct zone_find finds[BATCH];
	uint64_t random = 88172645463325252u;
	const size_t words = (size_t)options->cold_mib * (1u << 20) / sizeof(uint64_t);
	uint64_t *memory = calloc(words + 1, sizeof(uint64_t));
	uint64_t total = 0;
	uint64_t least = UINT64_MAX;
	uint64_t sum = 0;

	for (uint32_t batch = 0; batch < options->batches; batch++) {
		for (size_t i = 0; i < BATCH; i++) {
			instance_name(names[i], next_random(&random) % options->instances, options);
			finds[i].name = names[i];
		}
		sum += chill(memory, words);
		const uint64_t start = now_ns();
		zone_find(root, finds, BATCH);
		for (size_t i = 0; i < BATCH; i++) {
			struct set set;
			sum += node_set(finds[i].zone, finds[i].node, DNS_TYPE_SRV, &set) ? set.ttl
											  : 0;
		}
		const uint64_t took = now_ns() - start;
		total += took;
		least = took < least ? took : least;
	}
	free(memory);
	const double all = options->batches == 0 ? 1 : options->batches;
	*best = (double)least / BATCH;
	*mean = (double)total / BATCH / all + (sum == 1 ? 1 : 0);
}

int main(int argc, char **argv)
{
	struct options options = {.instances = 100000, .commits = 1000, .batches = 200};
	struct root *root;
	double best = 0;
	double mean = 0;

	for (int option; (option = getopt(argc, argv, "i:m:c:f:g:")) != -1;) {
		const uint32_t value = optarg == NULL ? 0 : (uint32_t)strtoul(optarg, NULL, 10);
		switch (option) {
		case 'i':
			options.instances = value;
			break;
		case 'm':
			options.members = value;
			break;
		case 'c':
			options.commits = value;
			break;
		case 'f':
			options.batches = value;
			break;
		case 'g':
			options.cold_mib = value;
			break;
		default:
			return EXIT_FAILURE;
		}
	}
	must(root_new(&root));
	const size_t before = resident();
	const double cpu_before = cpu_s();
	const uint64_t start = now_ns();
	build(&root, &options);
	const double build_s = (double)(now_ns() - start) / 1e9;
	const double build_cpu_s = cpu_s() - cpu_before;
	const size_t after = resident();
	const uint64_t then = now_ns();
	bench_registrations(&root, &options);
	const double commit_us = (double)(now_ns() - then) / 1e3;
	look_up(root, &options, &best, &mean);
	printf("{\"instances\": %u, \"octets\": %.0f, \"build_s\": %.2f, "
	       "\"build_cpu_s\": %.2f, \"commit_us\": %.2f, "
	       "\"find_ns\": %.1f, \"find_mean_ns\": %.1f}\n",
	       options.instances, (double)(after - before) / options.instances, build_s,
	       build_cpu_s, options.commits == 0 ? 0 : commit_us / options.commits, best, mean);
	root_free(root);
	return EXIT_SUCCESS;
}
