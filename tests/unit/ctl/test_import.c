/* An import is read beside what others ask, and by nobody who is gone. */
#include <unistd.h>

#include "tests/unit/ctl/house.h"

#define NAMES 20000
#define NAME_ROOM 120

/* Names for the zone of make_zone(), and no end: it is refused when all is read. Free it. */
static char *long_text(size_t *size)
{
	char *text = malloc(200 + (size_t)NAMES * NAME_ROOM);
	char *at = text;

	ck_assert_ptr_nonnull(text);
	at += sprintf(at, ";: waggle-export 1\n"
			  ";: zone svc.example. serial=1 ring=73746167652072696e67206b65790000\n");
	for (unsigned i = 0; i < NAMES; i++) {
		at += sprintf(at,
			      ";: name h-%u.svc.example. owner=net lease=60\n"
			      "h-%u.svc.example. 60 IN A 192.0.2.1\n",
			      i, i);
	}
	*size = (size_t)(at - text);
	return text;
}

static void send_all(int fd, const char *octets, size_t size)
{
	while (size > 0) {
		const ssize_t sent = send(fd, octets, size, MSG_NOSIGNAL);

		ck_assert_int_gt(sent, 0);
		octets += sent;
		size -= (size_t)sent;
	}
}

/* A client whose whole text has left. */
static int begin_import(const struct house *house)
{
	const int fd = client_open(house);
	char request[100];
	size_t size;
	char *text = long_text(&size);

	snprintf(request, sizeof(request), "{\"command\":\"import\",\"size\":%zu}\n", size);
	send_all(fd, request, strlen(request));
	send_all(fd, text, size);
	free(text);
	return fd;
}

static void expect_error(int fd, const char *part)
{
	char *line = client_line(fd);
	json_t *answer = json_loads(line, 0, NULL);

	ck_assert_msg(strstr(text_of(answer, "error"), part) != NULL, "%s", line);
	json_decref(answer);
	free(line);
	close(fd);
}

static bool is_readable(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	return poll(&wait, 1, 0) == 1;
}

START_TEST(others_are_answered_while_it_is_read)
{
	struct house house;
	unsigned answers = 0;

	house_open(&house);
	house_start(&house);
	make_zone(&house);
	/* Once more, if it was this test that was asleep meanwhile. */
	for (unsigned i = 0; i < 5 && answers < 2; i++) {
		const int fd = begin_import(&house);

		answers = 0;
		shutdown(fd, SHUT_WR); /* it still reads */
		while (!is_readable(fd)) {
			json_decref(status(&house));
			answers++;
		}
		expect_error(fd, "not whole; nothing has changed");
	}
	ck_assert_uint_gt(answers, 1);
	house_close(&house);
}
END_TEST

START_TEST(another_one_is_refused_from_the_first_octet_on)
{
	static const char request[] = "{\"command\":\"import\",\"size\":1}\n";
	struct house house;

	house_open(&house);
	house_start(&house);
	make_zone(&house);
	const int first = client_open(&house);
	send_all(first, request, strlen(request));
	/* The requests of two clients may be read in any order: one of them is refused. */
	const int second = client_open(&house);
	send_all(second, request, strlen(request));
	struct pollfd both[] = {{.fd = first, .events = POLLIN}, {.fd = second, .events = POLLIN}};
	ck_assert_int_eq(poll(both, 2, CORE_WAIT_MS), 1);
	const bool is_second = both[1].revents != 0;
	expect_error(is_second ? second : first, "another import is under way");
	send_all(is_second ? first : second, "x", 1);
	expect_error(is_second ? first : second, "nothing has changed");
	house_close(&house);
}
END_TEST

START_TEST(who_goes_away_makes_room_for_the_next)
{
	struct house house;
	bool is_busy = true;

	house_open(&house);
	house_start(&house);
	make_zone(&house);
	close(begin_import(&house));
	while (is_busy) {
		static const char request[] = "{\"command\":\"import\",\"size\":0}";
		json_t *answer = ask(&house, request, strlen(request));

		is_busy = strcmp(text_of(answer, "error"), "another import is under way") == 0;
		json_decref(answer);
	}
	house_close(&house);
}
END_TEST

START_TEST(a_stop_waits_for_no_more_than_a_line)
{
	struct house house;

	house_open(&house);
	house_start(&house);
	make_zone(&house);
	const int fd = begin_import(&house);
	house_close(&house);
	char *line = client_line(fd);
	ck_assert_str_eq(line, "");
	free(line);
	close(fd);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		others_are_answered_while_it_is_read,
		another_one_is_refused_from_the_first_octet_on,
		who_goes_away_makes_room_for_the_next,
		a_stop_waits_for_no_more_than_a_line,
	};

	return run_tests("ctl/import", tests, COUNT_OF(tests));
}
