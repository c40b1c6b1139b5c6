#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"
#include "waggle/service.h"

static int parse(struct services *services, const char *text, char problem[PROBLEM_SIZE])
{
	services_init(services);
	problem[0] = '\0';
	return services_parse(services, text, strlen(text), "/etc/waggle/services.yaml", problem);
}

static const char whole[] = "server: 192.0.2.53@5300\n"
			    "zone: svc.example\n"
			    "key: ops.key\n"
			    "service:\n"
			    "  - name: web 1\n"
			    "    type: _http._tcp\n"
			    "    port: 8080\n"
			    "    host: h1\n"
			    "    address: [192.0.2.7, \"2001:db8::7\"]\n"
			    "    priority: 1\n"
			    "    weight: 2\n"
			    "    subtype: _printer\n"
			    "    lease: 2m\n"
			    "    ttl: 30s\n"
			    "    txt: {path: /, secure: , empty: \"\", equation: a=b}\n"
			    "  - {type: _ipp._tcp, port: 631}\n";

START_TEST(a_file_says_all_that_options_say)
{
	struct services services;
	char problem[PROBLEM_SIZE];

	ck_assert_msg(parse(&services, whole, problem) == OK, "%s", problem);
	ck_assert_str_eq(services.server, "192.0.2.53@5300");
	ck_assert_str_eq(services.zone, "svc.example");
	ck_assert_str_eq(services.key, "/etc/waggle/ops.key");
	ck_assert_uint_eq(services.count, 2);

	const struct waggle_service *web = &services.items[0].wanted;
	ck_assert_uint_eq(web->size, sizeof(*web));
	ck_assert_str_eq(web->instance, "web 1");
	ck_assert_str_eq(web->type, "_http._tcp");
	ck_assert_uint_eq(web->port, 8080);
	ck_assert_str_eq(web->host, "h1");
	ck_assert_uint_eq(web->address_count, 2);
	ck_assert_str_eq(web->addresses[1], "2001:db8::7");
	ck_assert_uint_eq(web->priority, 1);
	ck_assert_uint_eq(web->weight, 2);
	ck_assert_uint_eq(web->subtype_count, 1);
	ck_assert_str_eq(web->subtypes[0], "_printer");
	ck_assert_uint_eq(web->lease_s, 120);
	ck_assert_uint_eq(web->ttl_s, 30);
	services_deinit(&services);
}
END_TEST

START_TEST(txt_pairs_have_no_value_an_empty_one_or_one)
{
	struct services services;
	char problem[PROBLEM_SIZE];

	ck_assert_int_eq(parse(&services, whole, problem), OK);
	const struct waggle_service *web = &services.items[0].wanted;
	ck_assert_uint_eq(web->txt_count, 4);
	ck_assert_str_eq(web->txt[0].key, "path");
	ck_assert_str_eq(web->txt[0].value, "/");
	ck_assert_uint_eq(web->txt[0].value_size, 1);
	ck_assert_str_eq(web->txt[1].key, "secure");
	ck_assert_ptr_null(web->txt[1].value);
	ck_assert_ptr_nonnull(web->txt[2].value);
	ck_assert_uint_eq(web->txt[2].value_size, 0);
	ck_assert_str_eq(web->txt[3].value, "a=b");
	services_deinit(&services);
}
END_TEST

START_TEST(a_service_without_name_has_the_machines)
{
	struct services services;
	char problem[PROBLEM_SIZE];
	char machine[256] = "";

	ck_assert_int_eq(gethostname(machine, sizeof(machine) - 1), 0);
	machine[strcspn(machine, ".")] = '\0';
	ck_assert_int_eq(parse(&services, whole, problem), OK);
	ck_assert_str_eq(services.items[1].wanted.instance, machine);
	ck_assert_int_eq(services.items[1].line, 16);
	services_deinit(&services);
}
END_TEST

START_TEST(one_service_needs_no_list)
{
	struct services services;
	char problem[PROBLEM_SIZE];

	ck_assert_int_eq(parse(&services, "service: {name: a, type: _b._tcp, port: 1}", problem),
			 OK);
	ck_assert_uint_eq(services.count, 1);
	ck_assert_str_eq(services.items[0].wanted.type, "_b._tcp");
	ck_assert_ptr_null(services.server);
	services_deinit(&services);
}
END_TEST

START_TEST(mistakes_in_a_file_are_named_with_their_line)
{
	static const struct {
		const char *text;
		const char *expected;
	} cases[] = {
		{"", "1: no service; write service: [{type: _http._tcp, port: 8080}]"},
		{"zone: a\n", "1: no service;"},
		{"service: []\n", "1: no service;"},
		{"- a\n", "1: no service;"},
		{"service: [\n", "2: not YAML:"},
		{"\nservise: []\n", "2: \"servise\" is no key here;"},
		{"server: [a]\n", "1: \"server\" is no key here;"},
		{"service: web\n", "1: a service is a mapping"},
		{"service:\n  - {port: 1}\n", "2: the service has no type"},
		{"service:\n  - {type: _a._tcp}\n", "2: the service has no port"},
		{"service:\n  - type: _a._tcp\n    prot: 1\n",
		 "3: \"prot\" is no key of a service; waggle(1) lists them"},
		{"service:\n  - type: _a._tcp\n    port: 0\n", "3: \"0\" is no port; 1 to 65535"},
		{"service:\n  - type: _a._tcp\n    port: http\n", "3: \"http\" is no port;"},
		{"service:\n  - type: _a._tcp\n    port: [1]\n", "3: port takes a plain value"},
		{"service:\n  - type: _a._tcp\n    port: \n", "3: port takes a plain value"},
		{"service:\n  - type: _a._tcp\n    port: 1\n    lease: 1y\n",
		 "4: \"1y\" is no lease; 1s to 1w"},
		{"service:\n  - type: _a._tcp\n    host: \"\"\n", "3: host is empty"},
		{"service:\n  - type: _a._tcp\n    txt: a=b\n", "3: txt takes a mapping"},
		{"service:\n  - type: _a._tcp\n    txt: {a: [b]}\n",
		 "3: a takes a plain value, or nothing"},
		{"service:\n  - type: _a._tcp\n    address: [[a]]\n",
		 "3: address takes a plain value"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char expected[256];
		char problem[PROBLEM_SIZE];
		struct services services;

		snprintf(expected, sizeof(expected), "/etc/waggle/services.yaml:%s",
			 cases[i].expected);
		ck_assert_msg(parse(&services, cases[i].text, problem) == ERR_CONF, "%s",
			      cases[i].text);
		ck_assert_msg(strstr(problem, expected) == problem, "%s: %s", cases[i].text,
			      problem);
		services_deinit(&services);
	}
}
END_TEST

START_TEST(a_word_without_equals_sign_is_no_pair)
{
	static const char *const words[] = {"./server", "=value", ""};
	struct services services;
	struct service service;
	char problem[PROBLEM_SIZE];

	services_init(&services);
	service_init(&service);
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		ck_assert_int_eq(service_add_pair(&services, &service, words[i], problem),
				 ERR_CONF);
		ck_assert_ptr_nonnull(strstr(problem, "a command to run stands behind --"));
	}
	ck_assert_int_eq(service_add_pair(&services, &service, "k=v=w", problem), OK);
	ck_assert_str_eq(service.txt[0].key, "k");
	ck_assert_str_eq(service.txt[0].value, "v=w");
	services_deinit(&services);
}
END_TEST

START_TEST(lists_are_bounded)
{
	struct services services;
	struct service service;
	char problem[PROBLEM_SIZE];
	int ret = OK;
	size_t count = 0;

	services_init(&services);
	service_init(&service);
	for (; ret == OK; count++) {
		ret = service_set(&services, &service, "address", "192.0.2.1", problem);
	}
	ck_assert_int_eq(ret, ERR_CONF);
	ck_assert_uint_eq(count, 257);
	ck_assert_str_eq(problem, "more than 256 times address");
	for (size_t i = 0; i < service.wanted.address_count; i++) {
		ck_assert_str_eq(service.addresses[i], "192.0.2.1");
	}
	services_deinit(&services);
}
END_TEST

START_TEST(nth_allocation_fails_cleanly)
{
	bool was_hit = true;

	for (unsigned n = 0; was_hit; n++) {
		struct services services;
		char problem[PROBLEM_SIZE];

		fail_alloc_after(n);
		const int ret = parse(&services, whole, problem);
		fail_alloc_off();
		was_hit = fail_alloc_hit();
		services_deinit(&services);
		ck_assert_int_eq(ret, was_hit ? ERR_NOMEM : OK);
		ck_assert_uint_lt(n, 1000);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_file_says_all_that_options_say,
		txt_pairs_have_no_value_an_empty_one_or_one,
		a_service_without_name_has_the_machines,
		one_service_needs_no_list,
		mistakes_in_a_file_are_named_with_their_line,
		a_word_without_equals_sign_is_no_pair,
		lists_are_bounded,
		nth_allocation_fails_cleanly,
	};

	return run_tests("waggle service", tests, COUNT_OF(tests));
}
