#include <arpa/inet.h>
#include <jansson.h>
#include <string.h>

#include "base/err.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"
#include "waggle/json.h"

/* What a function of json.h wrote; free it. */
struct sink {
	FILE *stream;
	char *text;
	size_t size;
};

static void sink_open(struct sink *sink)
{
	*sink = (struct sink){.stream = open_memstream(&sink->text, &sink->size)};
	ck_assert_ptr_nonnull(sink->stream);
}

static void expect(struct sink *sink, const char *expected)
{
	fclose(sink->stream);
	ck_assert_str_eq(sink->text, expected);
	free(sink->text);
}

static const union waggle_address addresses[] = {
	{.v4 = {.sin_family = AF_INET, .sin_addr = {.s_addr = 0x010200c0}}},
};

/* An answer with one endpoint of all kinds of text. */
static int print_answer(FILE *stream)
{
	const struct waggle_txt txt[] = {{"path", "/", 1},
					 {"flag", NULL, 0},
					 {"empty", "", 0},
					 {"nul", "a\0b", 3},
					 {"raw", "\xff\x00\x01", 3}};
	const struct waggle_endpoint endpoint = {.instance = "web\xff",
						 .name = "web._http._tcp.svc.example.",
						 .host = "h1.svc.example.",
						 .port = 8080,
						 .priority = 1,
						 .weight = 2,
						 .address_count = 1,
						 .addresses = addresses,
						 .txt_count = COUNT_OF(txt),
						 .txt = txt};
	const struct waggle_endpoint *const endpoints[] = {&endpoint};
	const struct waggle_answer answer = {.mark = WAGGLE_SNAPSHOT,
					     .ttl_s = 30,
					     .age_s = 42,
					     .is_complete = true,
					     .reason = "no answer in time",
					     .name = "_http._tcp.svc.example.",
					     .count = 1,
					     .endpoints = endpoints};

	return json_answer(stream, &answer);
}

START_TEST(an_answer_is_one_line)
{
	struct sink sink;

	sink_open(&sink);
	ck_assert_int_eq(print_answer(sink.stream), OK);
	expect(&sink,
	       "{\"name\":\"_http._tcp.svc.example.\",\"mark\":\"snapshot\",\"age_s\":42,"
	       "\"ttl_s\":30,\"complete\":true,\"reason\":\"no answer in time\",\"endpoints\":["
	       "{\"instance\":\"web\\\\255\",\"name\":\"web._http._tcp.svc.example.\","
	       "\"host\":\"h1.svc.example.\",\"port\":8080,\"priority\":1,\"weight\":2,"
	       "\"addresses\":[\"192.0.2.1\"],\"txt\":{\"path\":\"/\",\"flag\":null,"
	       "\"empty\":\"\",\"nul\":\"a\\u0000b\",\"raw\":{\"base64\":\"/wAB\"}}}]}\n");
}
END_TEST

START_TEST(an_empty_list_is_one_line)
{
	const struct waggle_list list = {.mark = WAGGLE_FRESH,
					 .ttl_s = 5,
					 .is_complete = true,
					 .name = "_http._tcp.svc.example."};
	struct sink sink;

	sink_open(&sink);
	ck_assert_int_eq(json_list(sink.stream, &list), OK);
	expect(&sink, "{\"name\":\"_http._tcp.svc.example.\",\"mark\":\"fresh\",\"age_s\":0,"
		      "\"ttl_s\":5,\"complete\":true,\"reason\":null,\"entries\":[]}\n");
}
END_TEST

START_TEST(an_error_has_what_the_server_said)
{
	const struct waggle_error error = {WAGGLE_ERR_REFUSED, 5, 18, WAGGLE_NO_CODE, "rule 2"};
	struct sink sink;

	sink_open(&sink);
	ck_assert_int_eq(json_error(sink.stream, &error), OK);
	fclose(sink.stream);
	ck_assert_ptr_nonnull(strstr(
		sink.text, "{\"error\":{\"code\":\"refused\",\"text\":\"rule 2\",\"advice\":"));
	ck_assert_ptr_nonnull(
		strstr(sink.text, "\"rcode\":5,\"info\":18,\"tsig\":null,\"exit\":4}}\n"));
	free(sink.text);
	sink_open(&sink);
	ck_assert_int_eq(json_failure(sink.stream, "usage", "which command?", 2), OK);
	expect(&sink, "{\"error\":{\"code\":\"usage\",\"text\":\"which command?\",\"advice\":null,"
		      "\"rcode\":null,\"info\":null,\"tsig\":null,\"exit\":2}}\n");
}
END_TEST

START_TEST(a_report_is_one_line)
{
	const struct waggle_error error = {WAGGLE_OK, WAGGLE_NO_CODE, WAGGLE_NO_CODE,
					   WAGGLE_NO_CODE, "success"};
	const struct waggle_report report = {.state = WAGGLE_REGISTERED,
					     .name = "web._http._tcp.svc.example.",
					     .host = "h1.svc.example.",
					     .server = "127.0.0.1@5300",
					     .address_count = 1,
					     .addresses = addresses,
					     .lease_s = 60,
					     .left_s = 59,
					     .next_ms = 48000,
					     .beats = 3,
					     .is_leased = true,
					     .error = &error};
	struct sink sink;

	sink_open(&sink);
	ck_assert_int_eq(json_report(sink.stream, &report, NULL), OK);
	expect(&sink,
	       "{\"state\":\"registered\",\"name\":\"web._http._tcp.svc.example.\","
	       "\"host\":\"h1.svc.example.\",\"server\":\"127.0.0.1@5300\","
	       "\"addresses\":[\"192.0.2.1\"],\"lease_s\":60,\"left_s\":59,\"next_ms\":48000,"
	       "\"beats\":3,\"forgotten\":false,\"leased\":true,\"error\":null}\n");
	sink_open(&sink);
	ck_assert_int_eq(json_report(sink.stream, &report, "route"), OK);
	fclose(sink.stream);
	ck_assert_ptr_nonnull(strstr(sink.text, "\"address_source\":\"route\"}\n"));
	free(sink.text);
}
END_TEST

START_TEST(the_table_of_commands_is_json_too)
{
	struct sink sink;

	sink_open(&sink);
	ck_assert_int_eq(json_help(sink.stream), OK);
	fclose(sink.stream);
	ck_assert_ptr_nonnull(strstr(sink.text, "{\"commands\":[{\"name\":\"browse\","));
	ck_assert_ptr_nonnull(strstr(sink.text, "{\"name\":\"server\",\"letter\":\"s\","
						"\"value\":\"ADDRESS@PORT\","));
	free(sink.text);
}
END_TEST

/* Jansson's allocations too, where they go through the malloc of this program. */
static void *take(size_t size)
{
	return malloc(size);
}

START_TEST(nth_allocation_fails_cleanly)
{
	bool was_hit = true;

	json_set_alloc_funcs(take, free);
	for (unsigned n = 0; was_hit; n++) {
		char out[2048] = "";
		FILE *stream = fmemopen(out, sizeof(out), "w");

		ck_assert_ptr_nonnull(stream);
		fail_alloc_after(n);
		const int ret = print_answer(stream);
		fail_alloc_off();
		was_hit = fail_alloc_hit();
		fclose(stream);
		ck_assert_int_eq(ret, was_hit ? ERR_NOMEM : OK);
		ck_assert_int_eq(out[0] == '\0', was_hit);
		ck_assert_uint_lt(n, 2000);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		an_answer_is_one_line,
		an_empty_list_is_one_line,
		an_error_has_what_the_server_said,
		a_report_is_one_line,
		the_table_of_commands_is_json_too,
		nth_allocation_fails_cleanly,
	};

	return run_tests("waggle json", tests, COUNT_OF(tests));
}
