/*
 * Servers that fail at random, by a seed: every resolve ends in time, with the right mark or a
 * clear error. WAGGLE_FAULT_SEED=N runs that seed alone; a failure says which it was.
 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rand.h"
#include "libclient/waggle.h"
#include "tests/unit/libclient/responder.h"
#include "tests/unit/run.h"

#define SEEDS 6
#define ROUNDS 8
#define AT_ONCE 12 /* resolves */
#define TIMEOUT_MS 500
#define SLACK_MS 3000
#define INSTANCES 12

static uint64_t seed;

/* What one resolve was told. */
struct outcome {
	uint64_t begin_ms;
	atomic_uint *left;
};

static struct responder *responders[2];
static char path[64]; /* of the snapshot */

/* Marks and errors seen, for the line that is printed. */
static atomic_uint seen[WAGGLE_SNAPSHOT + 1];
static atomic_uint errors;

static void check_answer(const struct waggle_answer *answer)
{
	ck_assert_msg(answer->count <= INSTANCES, "seed %llu", (unsigned long long)seed);
	for (size_t i = 0; i < answer->count; i++) {
		ck_assert_msg(responder_knows(answer->endpoints[i]) >= 0, "seed %llu: %s",
			      (unsigned long long)seed, answer->endpoints[i]->host);
	}
	ck_assert_uint_ge(answer->ttl_s, 1);
	if (answer->mark != WAGGLE_FRESH || !answer->is_complete) {
		ck_assert_ptr_nonnull(answer->reason);
	}
	atomic_fetch_add(&seen[answer->mark], 1);
}

static void check_error(const struct waggle_error *error)
{
	ck_assert_msg(error->code == WAGGLE_ERR_TIMEOUT || error->code == WAGGLE_ERR_SERVER ||
			      error->code == WAGGLE_ERR_REFUSED ||
			      error->code == WAGGLE_ERR_UNREACHABLE,
		      "seed %llu: %d %s", (unsigned long long)seed, error->code, error->text);
	ck_assert_ptr_nonnull(strstr(error->text, "127.0.0.1@"));
	ck_assert_int_eq(error->rcode != WAGGLE_NO_CODE,
			 strstr(error->text, "SERVFAIL") != NULL ||
				 strstr(error->text, "REFUSED") != NULL ||
				 strstr(error->text, "FORMERR") != NULL);
	atomic_fetch_add(&errors, 1);
}

static void on_answer(struct waggle *client, struct waggle_answer *answer,
		      const struct waggle_error *error, void *context)
{
	struct outcome *outcome = context;

	(void)client;
	ck_assert_msg(clock_mono_ms() - outcome->begin_ms <= TIMEOUT_MS + SLACK_MS, "seed %llu",
		      (unsigned long long)seed);
	ck_assert_int_eq(answer != NULL, error->code == WAGGLE_OK);
	if (answer != NULL) {
		check_answer(answer);
	} else {
		check_error(error);
	}
	waggle_answer_free(answer);
	atomic_fetch_sub(outcome->left, 1);
}

/* Many at once, of several names and kinds. */
static void round_of(struct waggle *client, struct rand *rand)
{
	static const char *const names[] = {"_http._tcp", "i1._http._tcp", "i7._http._tcp",
					    "_none._tcp", "_http._tcp.svc.example."};
	struct outcome outcomes[AT_ONCE];
	atomic_uint left = AT_ONCE;
	uint64_t end_ms = clock_mono_ms() + 30000;

	for (size_t i = 0; i < AT_ONCE; i++) {
		const unsigned flags = rand_below(rand, 3) == 0   ? WAGGLE_REFRESH
				       : rand_below(rand, 3) == 0 ? WAGGLE_BARE
								  : 0;

		outcomes[i] = (struct outcome){.begin_ms = clock_mono_ms(), .left = &left};
		ck_assert_int_eq(waggle_resolve_start(client,
						      names[rand_below(rand, COUNT_OF(names))],
						      flags, on_answer, &outcomes[i], NULL, NULL),
				 WAGGLE_OK);
	}
	while (atomic_load(&left) > 0 && clock_mono_ms() < end_ms) {
		usleep(500);
	}
	ck_assert_uint_eq(atomic_load(&left), 0);
}

static struct waggle *client_of(struct rand *rand)
{
	struct waggle_options options = WAGGLE_OPTIONS_INIT;
	char servers[2 * WAGGLE_ADDRESS_TEXT];
	struct waggle *client;

	snprintf(servers, sizeof(servers), "%s,%s", responder_server(responders[0]),
		 responder_server(responders[1]));
	options.flags = WAGGLE_NO_ENVIRONMENT;
	options.server = rand_below(rand, 2) == 0 ? servers : responder_server(responders[0]);
	options.zone = "svc.example";
	options.snapshot = path;
	options.timeout_ms = TIMEOUT_MS;
	options.stale_after_ms = 150;
	options.retry_after_ms = 100;
	ck_assert_int_eq(waggle_open(&client, &options, NULL), WAGGLE_OK);
	return client;
}

static void fail_both(enum fault fault)
{
	responder_fail(responders[0], fault);
	responder_fail(responders[1], fault);
}

/* Servers that are sound, so that all is known. */
static void learn(struct waggle *client)
{
	struct waggle_answer *answer;
	uint64_t end_ms = clock_mono_ms() + 30000;
	bool is_fresh = false;

	fail_both(FAULT_NONE);
	while (!is_fresh && clock_mono_ms() < end_ms) {
		if (waggle_resolve(client, "_http._tcp", WAGGLE_REFRESH, &answer, NULL) ==
		    WAGGLE_OK) {
			is_fresh = answer->mark == WAGGLE_FRESH && answer->count == INSTANCES;
			waggle_answer_free(answer);
		}
	}
	ck_assert_msg(is_fresh, "seed %llu", (unsigned long long)seed);
}

/* A new client that no server ever tells anything. */
static void start_without_servers(struct rand *rand)
{
	static const enum fault faults[] = {FAULT_DROP,     FAULT_WRONG_ID, FAULT_WRONG_QUESTION,
					    FAULT_SERVFAIL, FAULT_REFUSED,  FAULT_LAME,
					    FAULT_GARBAGE,  FAULT_CUT};
	struct waggle_answer *answer;
	struct waggle_error error;
	struct waggle *client;

	fail_both(faults[rand_below(rand, COUNT_OF(faults))]);
	client = client_of(rand);
	for (int i = 0; i < 3; i++) {
		ck_assert_msg(waggle_resolve(client, "_http._tcp", 0, &answer, &error) == WAGGLE_OK,
			      "seed %llu: %s", (unsigned long long)seed, error.text);
		ck_assert_msg(answer->mark == WAGGLE_SNAPSHOT, "seed %llu: %s",
			      (unsigned long long)seed, waggle_mark_text(answer->mark));
		ck_assert_uint_eq(answer->count, INSTANCES);
		check_answer(answer);
		waggle_answer_free(answer);
	}
	learn(client);
	waggle_close(client);
}

static void run_seed(void)
{
	struct waggle *client;
	struct rand rand;

	rand_init(&rand, seed);
	for (size_t i = 0; i < 2; i++) {
		responders[i] = responder_start(seed + 1000 * i);
		responder_instances(responders[i], INSTANCES);
		responder_ttl(responders[i], rand_below(&rand, 2));
		responder_delay(responders[i], 20 + rand_below(&rand, 800));
		responder_additional(responders[i], rand_below(&rand, 2) == 0);
	}
	client = client_of(&rand);
	for (int i = 0; i < ROUNDS; i++) {
		/* The first round is a sound one in half of the cases, so that there is stale data. */
		fail_both(i == 0 && seed % 4 < 2 ? FAULT_NONE : FAULT_ANY);
		round_of(client, &rand);
	}
	learn(client);
	waggle_close(client);
	start_without_servers(&rand);
	responder_stop(responders[0]);
	responder_stop(responders[1]);
	unlink(path);
}

START_TEST(every_resolve_ends_in_time_with_the_right_mark_or_a_clear_error)
{
	const char *one = getenv("WAGGLE_FAULT_SEED");

	snprintf(path, sizeof(path), "/tmp/waggle-fault-%d", (int)getpid());
	if (one != NULL) {
		seed = strtoull(one, NULL, 10);
		run_seed();
	} else {
		for (seed = 0; seed < SEEDS; seed++) {
			run_seed();
		}
	}
	printf("fresh %u, stale %u, snapshot %u, errors %u\n", atomic_load(&seen[WAGGLE_FRESH]),
	       atomic_load(&seen[WAGGLE_STALE]), atomic_load(&seen[WAGGLE_SNAPSHOT]),
	       atomic_load(&errors));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_resolve_ends_in_time_with_the_right_mark_or_a_clear_error,
	};

	return run_tests("fault", tests, COUNT_OF(tests));
}
