#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libclient/settings.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/libclient/packet.h"
#include "tests/unit/run.h"

static char directory[] = "/tmp/waggle-settings-XXXXXX";

/* A file of the test's directory. */
static const char *file(const char *name, const char *text)
{
	static char path[160];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	out = fopen(path, "w");
	fputs(text, out);
	fclose(out);
	return path;
}

static void begin(void)
{
	unsetenv("WAGGLE_SERVER");
	unsetenv("WAGGLE_ZONE");
	unsetenv("WAGGLE_KEY");
	unsetenv("WAGGLE_CONTROL");
}

static void check(const struct wgl_settings *settings, const char *server, const char *zone)
{
	ck_assert_str_eq(settings->server_text, server);
	if (zone == NULL) {
		ck_assert_ptr_null(settings->zone_text);
	} else {
		ck_assert_str_eq(settings->zone_text, zone);
	}
}

START_TEST(options_come_before_the_environment_and_that_before_resolv_conf)
{
	struct waggle_options options = WAGGLE_OPTIONS_INIT;
	struct wgl_settings settings;
	struct waggle_error error;
	char path[160];

	begin();
	snprintf(path, sizeof(path), "%s",
		 file("resolv", "search a.example b.example\nnameserver 192.0.2.1\n"));
	options.resolv_conf = path;
	ck_assert_int_eq(wgl_settings_load(&settings, &options, &error), WAGGLE_OK);
	check(&settings, "192.0.2.1@53", "a.example.,b.example.");
	ck_assert(!settings.has_server && !settings.has_zone);
	wgl_settings_deinit(&settings);

	setenv("WAGGLE_SERVER", "192.0.2.2@5300,[2001:db8::2]@54,2001:db8::3", 1);
	ck_assert_int_eq(wgl_settings_load(&settings, &options, &error), WAGGLE_OK);
	check(&settings, "192.0.2.2@5300,2001:db8::2@54,2001:db8::3@53", "a.example.,b.example.");
	ck_assert(settings.has_server && !settings.has_zone);
	wgl_settings_deinit(&settings);

	setenv("WAGGLE_ZONE", "env.example", 1);
	setenv("WAGGLE_CONTROL", "/run/env", 1);
	options.server = "127.0.0.1";
	ck_assert_int_eq(wgl_settings_load(&settings, &options, &error), WAGGLE_OK);
	check(&settings, "127.0.0.1@53", "env.example.");
	ck_assert_str_eq(settings.control, "/run/env");
	wgl_settings_deinit(&settings);

	options.zone = "svc.example.";
	options.control = "/run/option";
	ck_assert_int_eq(wgl_settings_load(&settings, &options, &error), WAGGLE_OK);
	check(&settings, "127.0.0.1@53", "svc.example.");
	ck_assert_str_eq(settings.control, "/run/option");
	wgl_settings_deinit(&settings);

	options = (struct waggle_options)WAGGLE_OPTIONS_INIT;
	options.flags = WAGGLE_NO_ENVIRONMENT;
	options.resolv_conf = path;
	ck_assert_int_eq(wgl_settings_load(&settings, &options, &error), WAGGLE_OK);
	check(&settings, "192.0.2.1@53", "a.example.,b.example.");
	wgl_settings_deinit(&settings);
}
END_TEST

START_TEST(defaults_are_those_that_the_header_says)
{
	struct waggle_options options = WAGGLE_OPTIONS_INIT;
	struct wgl_settings settings;

	begin();
	options.resolv_conf = "/nowhere";
	ck_assert_int_eq(wgl_settings_load(&settings, &options, NULL), WAGGLE_OK);
	check(&settings, "127.0.0.1@53", NULL);
	ck_assert_uint_eq(settings.timeout_ms, 5000);
	ck_assert_uint_eq(settings.stale_after_ms, 1800);
	ck_assert_uint_eq(settings.retry_after_ms, 30000);
	ck_assert_uint_eq(settings.max_stale_s, 86400);
	ck_assert_uint_eq(settings.max_ttl_s, 86400);
	ck_assert_uint_eq(settings.snapshot_every_s, 30);
	ck_assert_uint_eq(settings.cache_max, 8 << 20);
	ck_assert_uint_eq(settings.requests_max, 10000);
	wgl_settings_deinit(&settings);
	ck_assert_int_eq(wgl_settings_load(&settings, NULL, NULL), WAGGLE_OK);
	ck_assert_uint_ge(settings.server_count, 1);
	wgl_settings_deinit(&settings);

	options.timeout_ms = 200;
	options.max_stale_s = UINT32_MAX;
	ck_assert_int_eq(wgl_settings_load(&settings, &options, NULL), WAGGLE_OK);
	ck_assert_uint_eq(settings.stale_after_ms, 200);
	ck_assert_uint_eq(settings.max_stale_s, 0);
	wgl_settings_deinit(&settings);
}
END_TEST

START_TEST(resolv_conf_is_read_as_resolvers_read_it)
{
	static const struct {
		const char *text;
		size_t servers;
		const char *last; /* server */
		size_t zones;
	} cases[] = {
		{"", 0, NULL, 0},
		{"nameserver 192.0.2.1", 1, "192.0.2.1@53", 0},
		{"#nameserver 192.0.2.1\n;x\nnameserver\t2001:db8::1  # why\n", 1, "2001:db8::1@53",
		 0},
		{"nameserver fe80::1%eth0\nnameserver nonsense\nnameserver 192.0.2.9\n", 1,
		 "192.0.2.9@53", 0},
		{"domain a.example\nsearch b.example c.example\r\n", 0, NULL, 2},
		{"search b.example c.example\ndomain a.example\n", 0, NULL, 1},
		{"search a b c d e f g h\n", 0, NULL, 6},
		{"search . a..b ok.example\n", 0, NULL, 1},
		{"nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n"
		 "nameserver 192.0.2.4\nnameserver 192.0.2.5\n",
		 4, "192.0.2.4@53", 0},
		{"options rotate\nsortlist 1.2.3.4\nnameserverx 1.2.3.4\n", 0, NULL, 0},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct wgl_settings settings = {0};
		char text[WAGGLE_ADDRESS_TEXT];

		wgl_resolv_parse(&settings, cases[i].text, strlen(cases[i].text));
		ck_assert_msg(settings.server_count == cases[i].servers, "case %zu", i);
		ck_assert_msg(settings.zone_count == cases[i].zones, "case %zu", i);
		if (cases[i].last != NULL) {
			const union waggle_address *last =
				&settings.servers[settings.server_count - 1];

			ck_assert_str_eq(waggle_address_text(text, last), cases[i].last);
		}
	}
}
END_TEST

START_TEST(addresses_have_one_form)
{
	static const struct {
		const char *text;
		const char *read; /* NULL: refused */
	} cases[] = {
		{"192.0.2.1", "192.0.2.1@53"},
		{"192.0.2.1@1", "192.0.2.1@1"},
		{"2001:db8::1@65535", "2001:db8::1@65535"},
		{"[2001:db8::1]@53", "2001:db8::1@53"},
		{"192.0.2.1@0", NULL},
		{"192.0.2.1@65536", NULL},
		{"192.0.2.1@ 5", NULL},
		{"192.0.2.1@", NULL},
		{"[192.0.2.1]", NULL},
		{"192.0.2", NULL},
		{"fe80::1%lo", NULL},
		{"", NULL},
		{"[", NULL},
		{"localhost", NULL},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee@1", NULL},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		union waggle_address address;
		char text[WAGGLE_ADDRESS_TEXT];
		const int ret =
			wgl_address_parse(&address, cases[i].text, strlen(cases[i].text), 53);

		ck_assert_msg((ret == WAGGLE_OK) == (cases[i].read != NULL), "%s", cases[i].text);
		if (ret == WAGGLE_OK) {
			ck_assert_str_eq(waggle_address_text(text, &address), cases[i].read);
			ck_assert_uint_eq(waggle_address_size(&address),
					  strchr(text, ':') != NULL ? sizeof(address.v6)
								    : sizeof(address.v4));
		}
	}
}
END_TEST

START_TEST(what_cannot_be_used_is_named)
{
	const struct {
		struct waggle_options options;
		int code;
		const char *text;
	} cases[] = {
		{{.size = 4}, WAGGLE_ERR_ARGUMENT, "size"},
		{{.size = sizeof(struct waggle_options), .server = "nowhere"},
		 WAGGLE_ERR_CONFIG,
		 "nowhere"},
		{{.size = sizeof(struct waggle_options), .server = "1.1.1.1,,2.2.2.2"},
		 WAGGLE_ERR_CONFIG,
		 "server"},
		{{.size = sizeof(struct waggle_options),
		  .server = "1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,"
			    "1.1.1.5"},
		 WAGGLE_ERR_CONFIG,
		 "more than"},
		{{.size = sizeof(struct waggle_options), .zone = "a..b"},
		 WAGGLE_ERR_CONFIG,
		 "a..b"},
		{{.size = sizeof(struct waggle_options), .zone = "."}, WAGGLE_ERR_CONFIG, "zone"},
		{{.size = sizeof(struct waggle_options), .registrar = "x"},
		 WAGGLE_ERR_CONFIG,
		 "registrar"},
		{{.size = sizeof(struct waggle_options), .key = "/nowhere"},
		 WAGGLE_ERR_KEY,
		 "/nowhere"},
		{{.size = sizeof(struct waggle_options), .timeout_ms = 99},
		 WAGGLE_ERR_ARGUMENT,
		 "timeout_ms"},
		{{.size = sizeof(struct waggle_options), .cache_max = 1000},
		 WAGGLE_ERR_ARGUMENT,
		 "cache_max"},
	};

	begin();
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct wgl_settings settings;
		struct waggle_error error;

		ck_assert_int_eq(wgl_settings_load(&settings, &cases[i].options, &error),
				 cases[i].code);
		ck_assert_int_eq(error.code, cases[i].code);
		ck_assert_msg(strstr(error.text, cases[i].text) != NULL, "%s", error.text);
	}
}
END_TEST

START_TEST(a_structure_of_another_version_is_taken_as_far_as_it_is_known)
{
	struct {
		struct waggle_options known;
		uint64_t unknown;
	} newer = {.known = {.size = sizeof(newer), .zone = "svc.example"}};
	struct waggle_options older = {.size = offsetof(struct waggle_options, zone),
				       .zone = (const char *)1};
	struct wgl_settings settings;

	begin();
	ck_assert_int_eq(wgl_settings_load(&settings, &newer.known, NULL), WAGGLE_OK);
	ck_assert_str_eq(settings.zone_text, "svc.example.");
	wgl_settings_deinit(&settings);
	newer.unknown = 1;
	ck_assert_int_eq(wgl_settings_load(&settings, &newer.known, NULL), WAGGLE_ERR_ARGUMENT);
	older.resolv_conf = NULL;
	ck_assert_int_eq(wgl_settings_load(&settings, &older, NULL), WAGGLE_OK);
	ck_assert(!settings.has_zone);
	wgl_settings_deinit(&settings);
}
END_TEST

START_TEST(any_failed_allocation_is_an_error)
{
	struct waggle_options options = WAGGLE_OPTIONS_INIT;
	char resolv[160];
	char key[160];

	begin();
	snprintf(resolv, sizeof(resolv), "%s",
		 file("resolv", "nameserver 192.0.2.1\nsearch a.b\n"));
	snprintf(key, sizeof(key), "%s", file("key", "hmac-sha256:a:YWFh"));
	options.resolv_conf = resolv;
	options.key = key;
	options.control = "/c";
	options.snapshot = "/s";
	for (unsigned n = 0;; n++) {
		struct wgl_settings settings;
		int ret;

		fail_alloc_after(n);
		ret = wgl_settings_load(&settings, &options, NULL);
		fail_alloc_off();
		ck_assert_int_eq(ret, fail_alloc_hit() ? WAGGLE_ERR_NOMEM : WAGGLE_OK);
		wgl_settings_deinit(&settings);
		if (!fail_alloc_hit()) {
			break;
		}
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		options_come_before_the_environment_and_that_before_resolv_conf,
		defaults_are_those_that_the_header_says,
		resolv_conf_is_read_as_resolvers_read_it,
		addresses_have_one_form,
		what_cannot_be_used_is_named,
		a_structure_of_another_version_is_taken_as_far_as_it_is_known,
		any_failed_allocation_is_an_error,
	};
	char command[128];
	int ret;

	if (mkdtemp(directory) == NULL) {
		return EXIT_FAILURE;
	}
	ret = run_tests("settings", tests, COUNT_OF(tests));
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command) == 0 ? ret : EXIT_FAILURE;
}
