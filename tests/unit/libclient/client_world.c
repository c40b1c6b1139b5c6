#include "tests/unit/libclient/client_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/run.h"

struct responder *responder;
struct waggle *client;
struct waggle_error error;
char snapshot[128];

struct waggle_options options_of(const char *server)
{
	struct waggle_options options = WAGGLE_OPTIONS_INIT;

	options.flags = WAGGLE_NO_ENVIRONMENT;
	options.server = server;
	options.zone = "svc.example";
	options.timeout_ms = TIMEOUT_MS;
	options.stale_after_ms = STALE_MS;
	options.retry_after_ms = RETRY_MS;
	return options;
}

void open_client(const struct waggle_options *options)
{
	ck_assert_msg(waggle_open(&client, options, &error) == WAGGLE_OK, "%s", error.text);
}

void begin(void)
{
	struct waggle_options options;

	responder = responder_start(1);
	options = options_of(responder_server(responder));
	open_client(&options);
}

void end(void)
{
	waggle_close(client);
	responder_stop(responder);
}

int resolve(const char *name, unsigned flags, struct waggle_answer **out)
{
	const uint64_t begin_ms = clock_mono_ms();
	const int ret = waggle_resolve(client, name, flags, out, &error);

	ck_assert_uint_le(clock_mono_ms() - begin_ms, TIMEOUT_MS + SLACK_MS);
	if (ret == WAGGLE_OK) {
		for (size_t i = 0; i < (*out)->count; i++) {
			ck_assert_int_ge(responder_knows((*out)->endpoints[i]), 0);
		}
	} else {
		ck_assert_int_eq(error.code, ret);
		ck_assert_str_ne(error.text, "");
	}
	return ret;
}

void check(enum waggle_mark mark, size_t count)
{
	struct waggle_answer *answer;

	ck_assert_msg(resolve("_http._tcp", 0, &answer) == WAGGLE_OK, "%s", error.text);
	ck_assert_msg(answer->mark == mark, "%s, not %s: %s", waggle_mark_text(answer->mark),
		      waggle_mark_text(mark), answer->reason);
	ck_assert_uint_eq(answer->count, count);
	ck_assert_int_eq(answer->reason == NULL, mark == WAGGLE_FRESH);
	waggle_answer_free(answer);
}

void wait_for(atomic_uint *count, unsigned wanted)
{
	const uint64_t end_ms = clock_mono_ms() + 20000;

	while (atomic_load(count) < wanted && clock_mono_ms() < end_ms) {
		usleep(1000);
	}
	ck_assert_uint_eq(atomic_load(count), wanted);
}

int run_client_tests(const char *name, const TTest *const *tests, size_t count)
{
	char directory[] = "/tmp/waggle-client-XXXXXX";
	char command[128];
	int ret;

	if (mkdtemp(directory) == NULL) {
		return EXIT_FAILURE;
	}
	snprintf(snapshot, sizeof(snapshot), "%s/snapshot", directory);
	ret = run_tests(name, tests, count);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command) == 0 ? ret : EXIT_FAILURE;
}
