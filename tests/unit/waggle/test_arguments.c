#include <string.h>

#include "base/err.h"
#include "tests/unit/run.h"
#include "waggle/arguments.h"

#define WORDS_MAX 24

/* A command line, as it was read. */
struct reading {
	struct services services;
	struct options options;
	const struct command *command;
	char line[512];
	char *argv[WORDS_MAX];
	char problem[PROBLEM_SIZE];
	int ret;
};

/* Words are separated by single spaces. */
static struct reading *read_line(const char *line)
{
	struct reading *reading = calloc(1, sizeof(*reading));
	char *rest;
	int argc = 0;

	ck_assert_ptr_nonnull(reading);
	ck_assert_uint_lt(strlen(line), sizeof(reading->line));
	strcpy(reading->line, line);
	for (char *word = strtok_r(reading->line, " ", &rest); word != NULL;
	     word = strtok_r(NULL, " ", &rest)) {
		ck_assert_int_lt(argc, WORDS_MAX - 1);
		reading->argv[argc++] = word;
	}
	services_init(&reading->services);
	reading->options.services = &reading->services;
	service_init(&reading->options.service);
	reading->ret = arguments_read(&reading->options, &reading->command, argc, reading->argv,
				      reading->problem);
	return reading;
}

static void reading_free(struct reading *reading)
{
	services_deinit(&reading->services);
	free(reading);
}

START_TEST(global_options_stand_before_and_behind_the_command)
{
	static const char *const lines[] = {
		"waggle -s 192.0.2.1@53 -z svc.example --json resolve web._http._tcp",
		"waggle resolve web._http._tcp -s 192.0.2.1@53 --zone svc.example --json",
		"waggle --server=192.0.2.1@53 resolve --json -zsvc.example web._http._tcp",
	};

	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		struct reading *reading = read_line(lines[i]);

		ck_assert_msg(reading->ret == OK, "%s: %s", lines[i], reading->problem);
		ck_assert_str_eq(reading->command->name, "resolve");
		ck_assert_str_eq(reading->options.server, "192.0.2.1@53");
		ck_assert_str_eq(reading->options.zone, "svc.example");
		ck_assert(reading->options.is_json);
		ck_assert_uint_eq(reading->options.argument_count, 1);
		ck_assert_str_eq(reading->options.arguments[0], "web._http._tcp");
		ck_assert_ptr_null(reading->options.key);
		reading_free(reading);
	}
}
END_TEST

START_TEST(what_stands_behind_two_dashes_is_the_command_to_run)
{
	struct reading *reading =
		read_line("waggle register web _http._tcp 80 a=b -- ./run -s --json -- x");

	ck_assert_int_eq(reading->ret, OK);
	ck_assert_uint_eq(reading->options.argument_count, 4);
	ck_assert_str_eq(reading->options.arguments[3], "a=b");
	ck_assert_ptr_nonnull(reading->options.command);
	ck_assert_str_eq(reading->options.command[0], "./run");
	ck_assert_str_eq(reading->options.command[4], "x");
	ck_assert_ptr_null(reading->options.command[5]);
	ck_assert_ptr_null(reading->options.server);
	ck_assert(!reading->options.is_json);
	reading_free(reading);
}
END_TEST

START_TEST(behind_two_dashes_an_argument_may_begin_with_a_dash)
{
	struct reading *reading = read_line("waggle resolve -- -odd._http._tcp");

	ck_assert_int_eq(reading->ret, OK);
	ck_assert_ptr_null(reading->options.command);
	ck_assert_str_eq(reading->options.arguments[0], "-odd._http._tcp");
	reading_free(reading);
}
END_TEST

START_TEST(options_of_register_fill_the_service)
{
	struct reading *reading = read_line(
		"waggle register --host h1 --address 192.0.2.1 --address 2001:db8::1 --weight 5 "
		"--priority=10 --subtype _a --lease 2m --ttl 30 web _http._tcp 80");
	const struct service *service = &reading->options.service;

	ck_assert_msg(reading->ret == OK, "%s", reading->problem);
	ck_assert_str_eq(service->wanted.host, "h1");
	ck_assert_uint_eq(service->wanted.address_count, 2);
	ck_assert_str_eq(service->addresses[1], "2001:db8::1");
	ck_assert_uint_eq(service->wanted.weight, 5);
	ck_assert_uint_eq(service->wanted.priority, 10);
	ck_assert_uint_eq(service->wanted.subtype_count, 1);
	ck_assert_uint_eq(service->wanted.lease_s, 120);
	ck_assert_uint_eq(service->wanted.ttl_s, 30);
	reading_free(reading);
}
END_TEST

START_TEST(time_outs_have_units)
{
	static const struct {
		const char *line;
		uint32_t expected;
	} cases[] = {
		{"waggle --timeout 2 browse", 2000},
		{"waggle --timeout 250ms browse", 250},
		{"waggle --timeout 3s browse", 3000},
		{"waggle --timeout 1m browse", 60000},
		{"waggle browse", 0},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct reading *reading = read_line(cases[i].line);

		ck_assert_int_eq(reading->ret, OK);
		ck_assert_uint_eq(reading->options.timeout_ms, cases[i].expected);
		reading_free(reading);
	}
}
END_TEST

START_TEST(mistakes_are_named_with_what_to_do)
{
	static const struct {
		const char *line;
		const char *expected;
	} cases[] = {
		{"waggle reslove x", "there is no command \"reslove\"; is it resolve?"},
		{"waggle frobnicate", "there is no command \"frobnicate\"; `waggle help`"},
		{"waggle resolve", "something is missing: waggle resolve NAME|TYPE"},
		{"waggle resolve a b", "\"b\" is one word too many: waggle resolve NAME|TYPE"},
		{"waggle status x", "\"x\" is one word too many: waggle status"},
		{"waggle browse --host h", "\"--host\" is no option of waggle browse"},
		{"waggle --host h register", "\"--host\" is no option of every command"},
		{"waggle browse -q", "\"-q\" is no option of waggle browse"},
		{"waggle browse --json=yes", "--json takes no value"},
		{"waggle browse -s", "-s lacks its value: -s ADDRESS@PORT"},
		{"waggle browse --zone", "--zone lacks its value: --zone ZONE"},
		{"waggle browse --zone=", "--zone: it is empty; say ZONE"},
		{"waggle browse --timeout 10ms",
		 "--timeout: \"10ms\" is no time-out; 100ms to 10m"},
		{"waggle browse --timeout x", "--timeout: \"x\" is no time-out"},
		{"waggle register --weight 65536", "--weight: \"65536\" is no weight; 0 to 65535"},
		{"waggle register --lease 0", "--lease: \"0\" is no lease; 1s to 1w"},
		{"waggle register --host a --host b", "--host: host is given twice; keep one"},
		{"waggle register a _b._tcp 1 --", "there is no command behind --"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct reading *reading = read_line(cases[i].line);

		ck_assert_msg(reading->ret == ERR_CONF, "%s", cases[i].line);
		ck_assert_msg(strstr(reading->problem, cases[i].expected) == reading->problem,
			      "%s: %s", cases[i].line, reading->problem);
		reading_free(reading);
	}
}
END_TEST

START_TEST(help_and_version_need_no_arguments)
{
	struct reading *reading = read_line("waggle resolve --help");

	ck_assert_int_eq(reading->ret, OK);
	ck_assert(reading->options.is_help);
	ck_assert_str_eq(reading->command->name, "resolve");
	reading_free(reading);
	reading = read_line("waggle -V");
	ck_assert_int_eq(reading->ret, OK);
	ck_assert(reading->options.is_version);
	ck_assert_ptr_null(reading->command);
	reading_free(reading);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		global_options_stand_before_and_behind_the_command,
		what_stands_behind_two_dashes_is_the_command_to_run,
		behind_two_dashes_an_argument_may_begin_with_a_dash,
		options_of_register_fill_the_service,
		time_outs_have_units,
		mistakes_are_named_with_what_to_do,
		help_and_version_need_no_arguments,
	};

	return run_tests("waggle arguments", tests, COUNT_OF(tests));
}
