/* The control socket of a real core and net, asked over the socket itself. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "ctl/command.h"
#include "ctl/inside.h"
#include "tests/unit/ctl/house.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/waggle/table.h"

/* ---- status ------------------------------------------------------------------------------ */

START_TEST(status_tells_of_server_zones_and_instances)
{
	struct house house;
	json_t *answer;
	json_t *zone;
	json_t *instance;

	house_open(&house);
	house_start(&house);
	make_zone(&house);
	registered(&house, 600,
		   "_http._tcp 60 PTR web\\.1._http._tcp\n"
		   "web\\.1._http._tcp 60 SRV 0 0 80 host\n"
		   "host 60 A 192.0.2.1\n");
	answer = status(&house);
	ck_assert_str_eq(text_of(answer, "version"), "1.2.3");
	ck_assert_int_ge(number_of(answer, "uptime_s"), 0);
	ck_assert_int_eq(number_of(answer, "log_index"), 2);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(answer, "listen"), 0)),
			 net_address(house.net, 0));
	ck_assert_int_eq(number_of(json_object_get(answer, "core"), "batches"), 2);
	ck_assert_int_eq(number_of(json_object_get(answer, "net"), "queries"), 0);
	ck_assert_uint_eq(json_array_size(json_object_get(answer, "zones")), 1);
	zone = json_array_get(json_object_get(answer, "zones"), 0);
	ck_assert_str_eq(text_of(zone, "name"), "svc.example.");
	ck_assert_str_eq(text_of(zone, "kind"), "registry");
	ck_assert(json_is_true(json_object_get(zone, "served")));
	ck_assert_int_eq(number_of(zone, "published"), 1);
	ck_assert_int_eq(number_of(zone, "hosts"), 2); /* and ns1 */
	ck_assert_int_eq(number_of(zone, "leases"), 2);
	ck_assert_int_eq(number_of(zone, "left_out"), 0);
	ck_assert_uint_eq(json_array_size(json_object_get(zone, "instances")), 1);
	instance = json_array_get(json_object_get(zone, "instances"), 0);
	ck_assert_str_eq(text_of(instance, "name"), "web\\.1._http._tcp.svc.example.");
	ck_assert_str_eq(text_of(instance, "owner"), "net");
	ck_assert_int_eq(number_of(instance, "lease_s"), 600);
	ck_assert_int_ge(number_of(instance, "lease_left_s"), 590);
	ck_assert_int_le(number_of(instance, "lease_left_s"), 600);
	ck_assert(json_is_true(json_object_get(instance, "published")));
	ck_assert_str_eq(text_of(instance, "why"), "published");
	ck_assert_uint_eq(strlen(text_of(instance, "registered")), strlen("2026-01-01T00:00:00Z"));
	json_decref(answer);
	house_close(&house);
}
END_TEST

START_TEST(status_says_why_an_instance_is_not_published)
{
	static const char *const expected[][2] = {
		/* in the order of their names */
		{"all._http._tcp.svc.example.", "published"},
		{"bare._http._tcp.svc.example.", "registered without the PTR at its type"},
		{"late._http._tcp.svc.example.", "no SRV"},
	};
	struct house house;
	json_t *answer;
	const json_t *list;

	house_open(&house);
	house_start(&house);
	make_zone(&house);
	registered(&house, 0, "_http._tcp 60 PTR late._http._tcp\n");
	registered(&house, 0, "bare._http._tcp 60 SRV 0 0 80 host\n");
	registered(&house, 0,
		   "_http._tcp 60 PTR all._http._tcp\nall._http._tcp 60 SRV 0 0 80 host\n");
	answer = status(&house);
	list = json_object_get(json_array_get(json_object_get(answer, "zones"), 0), "instances");
	ck_assert_uint_eq(json_array_size(list), COUNT_OF(expected));
	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		const json_t *instance = json_array_get(list, i);

		ck_assert_str_eq(text_of(instance, "name"), expected[i][0]);
		ck_assert_str_eq(text_of(instance, "why"), expected[i][1]);
		ck_assert_int_eq(json_is_true(json_object_get(instance, "published")), i == 0);
		ck_assert(json_is_null(json_object_get(instance, "lease_s")));
		ck_assert(json_is_null(json_object_get(instance, "lease_left_s")));
	}
	json_decref(answer);
	house_close(&house);
}
END_TEST

START_TEST(the_list_of_instances_is_bounded)
{
	enum { COUNT = 10030, EACH = 30 };
	struct house house;
	json_t *answer;
	const json_t *zone;

	house_open(&house);
	house_start(&house);
	make_zone(&house);
	for (unsigned first = 0; first < COUNT; first += EACH) {
		char master[EACH * 80];
		size_t at = 0;

		for (unsigned i = first; i < first + EACH && i < COUNT; i++) {
			at += (size_t)snprintf(master + at, sizeof(master) - at,
					       "i%u._a._tcp 60 SRV 0 0 80 host\n", i);
		}
		registered(&house, 0, master);
	}
	answer = status(&house);
	zone = json_array_get(json_object_get(answer, "zones"), 0);
	ck_assert_uint_eq(json_array_size(json_object_get(zone, "instances")), 10000);
	ck_assert_int_eq(number_of(zone, "left_out"), COUNT - 10000);
	json_decref(answer);
	house_close(&house);
}
END_TEST

/* ---- requests ---------------------------------------------------------------------------- */

START_TEST(whatever_is_sent_gets_an_object_with_a_reason)
{
	static const struct {
		const char *request;
		const char *error;
	} cases[] = {
		{"", "a request is one JSON object on one line"},
		{"garbage", "a request is one JSON object on one line"},
		{"[]", "a request is one JSON object on one line"},
		{"\"status\"", "a request is one JSON object on one line"},
		{"{\"command\":\"status\"", "a request is one JSON object on one line"},
		{"{\"command\":\"status\"} more", "a request is one JSON object on one line"},
		{"{\"a\":1,\"a\":2}", "a request is one JSON object on one line"},
		{"{\"command\":\"a\\u0000b\"}", "a request is one JSON object on one line"},
		{"\xff\xfe", "a request is one JSON object on one line"},
		{"{}", "the request has no \"command\""},
		{"{\"command\":5}", "the request has no \"command\""},
		{"{\"command\":null}", "the request has no \"command\""},
		{"{\"command\":\"nothing\"}", "unknown command: nothing"},
		{"{\"command\":\"STATUS\"}", "unknown command: STATUS"},
		{"{\"command\":\"%s%n\\\"\"}", "unknown command: %s%n\""},
		{"{\"command\":\"0123456789012345678901234567890123456789012345678901234567890123"
		 "4\"}",
		 "unknown command"},
	};
	struct house house;

	house_open(&house);
	house_start(&house);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		json_t *answer = ask(&house, cases[i].request, strlen(cases[i].request));

		ck_assert(json_is_false(json_object_get(answer, "ok")));
		ck_assert_str_eq(text_of(answer, "error"), cases[i].error);
		json_decref(answer);
	}
	house_close(&house);
}
END_TEST

START_TEST(deep_nesting_is_an_error)
{
	static char request[60000];
	struct house house;
	json_t *answer;

	house_open(&house);
	house_start(&house);
	memset(request, '[', sizeof(request));
	answer = ask(&house, request, sizeof(request));
	ck_assert(json_is_false(json_object_get(answer, "ok")));
	json_decref(answer);
	house_close(&house);
}
END_TEST

/* Sends as much as is taken; the other end may close meanwhile. */
static void send_all(int fd, const char *data, size_t size)
{
	size_t at = 0;

	while (at < size) {
		const ssize_t sent = send(fd, data + at, size - at, MSG_NOSIGNAL);

		if (sent <= 0) {
			break;
		}
		at += (size_t)sent;
	}
}

START_TEST(a_line_that_is_too_long_ends_the_connection)
{
	static char request[65536];
	struct house house;
	char *line;
	int fd;

	house_open(&house);
	house_start(&house);
	memset(request, 'x', sizeof(request));
	/* The longest, newline included, is answered like any other. */
	request[65535] = '\n';
	fd = client_open(&house);
	send_all(fd, request, sizeof(request));
	line = client_line(fd);
	ck_assert_ptr_nonnull(strstr(line, "one JSON object"));
	free(line);
	request[65535] = 'x';
	send_all(fd, request, sizeof(request));
	line = client_line(fd);
	ck_assert_str_eq(line, "{\"ok\":false,\"error\":\"a request is at most 65536 octets "
			       "long\"}\n");
	free(line);
	line = client_line(fd);
	ck_assert_str_eq(line, "");
	free(line);
	close(fd);
	house_close(&house);
}
END_TEST

START_TEST(many_requests_at_once_are_answered_in_order_to_a_client_that_reads_late)
{
	enum { REQUESTS = 3000 };
	static const char request[] = "{\"command\":\"status\"}\n{\"command\":\"no\"}\n";
	struct house house;
	int fd;

	house_open(&house);
	house_start(&house);
	make_zone(&house);
	fd = client_open(&house);
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	/* It writes until nobody takes more, then it begins to read. */
	for (size_t sent = 0, answered = 0; answered < 2 * REQUESTS;) {
		const size_t size = strlen(request);
		struct pollfd wait = {.fd = fd, .events = POLLIN | POLLOUT};

		ck_assert_int_gt(poll(&wait, 1, CORE_WAIT_MS), 0);
		if (sent < REQUESTS * size) {
			const size_t at = sent % size;
			const ssize_t now = send(fd, request + at, size - at, MSG_NOSIGNAL);

			if (now > 0) {
				sent += (size_t)now;
				continue;
			}
			ck_assert_int_eq(errno, EAGAIN);
		}
		char *line = client_line(fd);
		ck_assert_ptr_nonnull(
			strstr(line, answered % 2 == 0 ? "\"ok\":true" : "\"ok\":false"));
		free(line);
		answered++;
	}
	close(fd);
	house_close(&house);
}
END_TEST

START_TEST(a_half_closed_client_gets_its_answers)
{
	static const char request[] = "{\"command\":\"no\"}\n{\"command\":\"no\"}\n{\"cut";
	struct house house;
	char *line;
	int fd;

	house_open(&house);
	house_start(&house);
	fd = client_open(&house);
	send_all(fd, request, strlen(request));
	shutdown(fd, SHUT_WR);
	for (int i = 0; i < 3; i++) {
		line = client_line(fd);
		ck_assert_str_eq(line,
				 i < 2 ? "{\"ok\":false,\"error\":\"unknown command: no\"}\n" : "");
		free(line);
	}
	close(fd);
	house_close(&house);
}
END_TEST

START_TEST(the_seventeenth_client_is_refused)
{
	int clients[16];
	struct house house;
	char *line;
	int fd;

	house_open(&house);
	house_start(&house);
	for (size_t i = 0; i < COUNT_OF(clients); i++) {
		clients[i] = client_open(&house);
		send_all(clients[i], "{}\n", 3);
		free(client_line(clients[i]));
	}
	fd = client_open(&house);
	line = client_line(fd);
	ck_assert_str_eq(line, "{\"ok\":false,\"error\":\"too many clients: 16 are the limit\"}\n");
	free(line);
	close(fd);
	close(clients[0]);
	for (const uint64_t begin_ms = clock_mono_ms();;) {
		bool is_served;

		fd = client_open(&house);
		send_all(fd, "{}\n", 3);
		line = client_line(fd);
		is_served = strstr(line, "no \\\"command\\\"") != NULL;
		free(line);
		close(fd);
		if (is_served) {
			break;
		}
		ck_assert_uint_lt(clock_mono_ms() - begin_ms, CORE_WAIT_MS);
	}
	for (size_t i = 1; i < COUNT_OF(clients); i++) {
		close(clients[i]);
	}
	house_close(&house);
}
END_TEST

/* ---- the socket -------------------------------------------------------------------------- */

START_TEST(the_socket_is_for_owner_and_group_and_goes_at_the_stop)
{
	struct house house;
	struct stat status;

	house_open(&house);
	umask(0);
	house_start(&house);
	ck_assert_int_eq(lstat(house.path, &status), 0);
	ck_assert(S_ISSOCK(status.st_mode));
	ck_assert_uint_eq(status.st_mode & 07777, 0660);
	ctl_stop(house.ctl);
	ck_assert_int_eq(lstat(house.path, &status), -1);
	umask(0777);
	house_start(&house);
	umask(022);
	ck_assert_int_eq(lstat(house.path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 07777, 0660);
	house_close(&house);
}
END_TEST

START_TEST(a_stale_socket_is_replaced_and_a_live_one_is_not)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct ctl *second = NULL;
	struct house house;
	char error[256];
	char expected[256];
	int stale;

	house_open(&house);
	memcpy(address.sun_path, house.path, strlen(house.path));
	stale = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(stale, (struct sockaddr *)&address, sizeof(address)), 0);
	close(stale);
	house_start(&house);
	snprintf(expected, sizeof(expected), "%s: another waggled listens there", house.path);
	ck_assert_int_eq(ctl_start(&second, &house.options, error, sizeof(error)), ERR_BUSY);
	ck_assert_str_eq(error, expected);
	json_decref(status(&house));
	house_close(&house);
}
END_TEST

START_TEST(what_is_no_socket_is_left_alone)
{
	struct house house;
	struct stat status;
	char error[256];
	char expected[256];

	house_open(&house);
	close(open(house.path, O_CREAT | O_WRONLY, 0600));
	snprintf(expected, sizeof(expected), "%s: is there already, and no socket", house.path);
	ck_assert_int_eq(ctl_start(&house.ctl, &house.options, error, sizeof(error)), ERR_BUSY);
	ck_assert_str_eq(error, expected);
	unlink(house.path);
	/* A link that leads nowhere is no place either. */
	ck_assert_int_eq(symlink("/nowhere/else", house.path), 0);
	ck_assert_int_eq(ctl_start(&house.ctl, &house.options, error, sizeof(error)), ERR_BUSY);
	unlink(house.path);
	/* Neither is it removed at the stop when another took the place. */
	house_start(&house);
	unlink(house.path);
	close(open(house.path, O_CREAT | O_WRONLY, 0600));
	ctl_stop(house.ctl);
	house.ctl = NULL;
	ck_assert_int_eq(lstat(house.path, &status), 0);
	house_close(&house);
}
END_TEST

START_TEST(places_that_cannot_be_are_named)
{
	struct house house;
	char path[200];
	char error[512];
	char expected[512];

	house_open(&house);
	memset(path, 'p', sizeof(path));
	path[108] = '\0';
	house.options.path = path;
	ck_assert_int_eq(ctl_start(&house.ctl, &house.options, error, sizeof(error)), ERR_RANGE);
	snprintf(expected, sizeof(expected),
		 "the path of the control socket has 108 octets, 107 are the limit: %s", path);
	ck_assert_str_eq(error, expected);
	house.options.path = "/nowhere/control";
	ck_assert_int_eq(ctl_start(&house.ctl, &house.options, error, sizeof(error)), ERR_SYSTEM);
	ck_assert_str_eq(error, "/nowhere/control: No such file or directory");
	house_close(&house);
}
END_TEST

START_TEST(any_failed_allocation_at_the_start_is_reported)
{
	struct house house;
	char error[256];

	house_open(&house);
	for (unsigned n = 0;; n++) {
		struct stat status;
		int ret;

		fail_alloc_after(n);
		ret = ctl_start(&house.ctl, &house.options, error, sizeof(error));
		fail_alloc_off();
		if (ret == OK) {
			ck_assert_uint_ge(n, 5);
			break;
		}
		ck_assert_ptr_null(house.ctl);
		ck_assert_int_eq(lstat(house.path, &status), -1);
	}
	json_decref(status(&house));
	house_close(&house);
}
END_TEST

/* One request to its last line, with the n-th allocation failing; false: none was left to fail. */
static bool answer_without(const struct house *house, const char *request, unsigned n)
{
	struct outcome out;
	char *answer;
	int ret;

	fail_alloc_after(n);
	ret = command_answer(&house->options, request, strlen(request), &out);
	answer = out.text;
	while (ret == OK && out.more != NULL) {
		free(answer);
		ret = out.more->next(out.more, &answer);
		if (answer == NULL) {
			break;
		}
	}
	answer_free(out.more);
	fail_alloc_off();
	if (!fail_alloc_hit()) {
		ck_assert_int_eq(ret, OK);
		ck_assert(answer == NULL || strstr(answer, "\"ok\":true") != NULL);
	} else {
		/* An error object, or no memory even for that. */
		ck_assert(ret == ERR_NOMEM || answer == NULL ||
			  strstr(answer, "out of memory") != NULL);
	}
	free(answer);
	return fail_alloc_hit();
}

START_TEST(any_failed_allocation_of_an_answer_is_reported)
{
	static const char *const requests[] = {
		"{\"command\":\"status\"}",
		"{\"command\":\"list\",\"match\":\"_a._a._tcp\"}",
		"{\"command\":\"show\",\"name\":\"a._a._tcp\"}",
		"{\"command\":\"why\",\"name\":\"a._a._tcp\"}",
		"{\"command\":\"metrics\"}",
		"{\"command\":\"export\"}",
	};
	struct house house;

	house_open(&house);
	make_zone(&house);
	registered(&house, 60, "a._a._tcp 60 SRV 0 0 80 host\n");
	for (size_t i = 0; i < COUNT_OF(requests); i++) {
		for (unsigned n = 0; answer_without(&house, requests[i], n); n++) {
		}
	}
	house_close(&house);
}
END_TEST

START_TEST(every_metric_stands_in_the_manual)
{
	char *page = file_text("src/man/waggled.8");
	struct metrics_row row;

	for (size_t i = 0; metrics_row(i, &row); i++) {
		const bool is_net = row.key != NULL && strcmp(row.group, "net") == 0;
		char line[128];

		snprintf(line, sizeof(line), "\n.It Cm %s%s%s%s", is_net ? "" : "waggled_",
			 row.name, row.unit == NULL ? "" : "_", row.unit == NULL ? "" : row.unit);
		ck_assert_msg(strstr(page, line) != NULL, "%s", line);
	}
	free(page);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		status_tells_of_server_zones_and_instances,
		status_says_why_an_instance_is_not_published,
		the_list_of_instances_is_bounded,
		whatever_is_sent_gets_an_object_with_a_reason,
		deep_nesting_is_an_error,
		a_line_that_is_too_long_ends_the_connection,
		many_requests_at_once_are_answered_in_order_to_a_client_that_reads_late,
		a_half_closed_client_gets_its_answers,
		the_seventeenth_client_is_refused,
		the_socket_is_for_owner_and_group_and_goes_at_the_stop,
		a_stale_socket_is_replaced_and_a_live_one_is_not,
		what_is_no_socket_is_left_alone,
		places_that_cannot_be_are_named,
		any_failed_allocation_at_the_start_is_reported,
		any_failed_allocation_of_an_answer_is_reported,
		every_metric_stands_in_the_manual,
	};

	return run_tests("ctl", tests, COUNT_OF(tests));
}
