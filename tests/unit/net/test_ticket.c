/*
 * UPDATEs on their way from a socket to the core and back: order, limits, who left meanwhile.
 */
#include "net/ticket.h"

#include <sys/socket.h>

#include "tests/unit/net/server.h"

START_TEST(who_has_his_answer_finds_his_change_on_every_socket)
{
	struct server server = server_start_published();
	uint8_t reply[DNS_UDP_SAFE];
	char text[256];

	for (unsigned number = 1; number < 250; number++) {
		const int one = dial_udp(&server);
		const int other = dial_udp(&server);

		send_hex(one, add_text(text, number, number));
		const size_t size = receive(one, reply);

		ck_assert_uint_eq(id_of(reply), number);
		ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
		/* The lease as granted. */
		ck_assert_mem_eq(reply + size - 8, "\0\2\0\4\0\0\0\x3c", 8);
		send_hex(other, ask_text(text, number, number));
		receive(other, reply);
		ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
		ck_assert_uint_eq(reply[7], 1);
		close(one);
		close(other);
	}
	server_stop(&server);
}
END_TEST

START_TEST(the_same_again_is_a_heartbeat)
{
	struct server server = server_start_published();
	const int udp = dial_udp(&server);
	const int tcp = dial_tcp(&server);
	uint8_t reply[DNS_UDP_SAFE];
	struct core_counters counters;
	char text[256];

	add_text(text, 1, 10);
	send_hex(udp, text);
	receive(udp, reply);
	send_hex(udp, text);
	receive(udp, reply);
	ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
	send_framed(tcp, text);
	receive_framed(tcp, reply);
	ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
	ck_assert_uint_eq(server_count(&server).beats, 2);
	core_count(server.core, &counters);
	/* The base, and the first. */
	ck_assert_uint_eq(counters.commands, 2);
	close(udp);
	close(tcp);
	server_stop(&server);
}
END_TEST

START_TEST(no_heartbeat_overtakes_a_logged_update)
{
	struct server server = server_start_published();
	const int fd = dial_tcp(&server);
	uint8_t reply[DNS_UDP_SAFE];
	struct hold hold;
	char text[256];

	send_framed(fd, add_text(text, 1, 10));
	receive_framed(fd, reply);
	hold_core(&hold, &server);
	send_framed(fd, add_text(text, 2, 11));
	send_framed(fd, add_text(text, 3, 10));
	wait_for_updates(&server, 3);
	release_core(&hold);
	for (unsigned id = 2; id < 4; id++) {
		receive_framed(fd, reply);
		ck_assert_uint_eq(id_of(reply), id);
		ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
	}
	ck_assert_uint_eq(server_count(&server).beats, 0);
	close(fd);
	server_stop(&server);
}
END_TEST

START_TEST(a_query_overtakes_an_update_that_waits)
{
	struct server server = server_start_published();
	const int fd = dial_tcp(&server);
	uint8_t reply[DNS_UDP_SAFE];
	struct hold hold;
	char text[256];

	hold_core(&hold, &server);
	send_framed(fd, add_text(text, 1, 10));
	send_framed(fd, ask_text(text, 2, 10));
	receive_framed(fd, reply);
	ck_assert_uint_eq(id_of(reply), 2);
	ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NXDOMAIN);
	release_core(&hold);
	receive_framed(fd, reply);
	ck_assert_uint_eq(id_of(reply), 1);
	ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
	close(fd);
	server_stop(&server);
}
END_TEST

START_TEST(a_connection_may_end_before_its_updates)
{
	static const struct linger at_once = {.l_onoff = 1};
	struct server server = server_start_published();
	uint8_t reply[DNS_UDP_SAFE];
	struct hold hold;
	char text[256];

	for (unsigned round = 0; round < 20; round++) {
		const int fd = dial_tcp(&server);

		hold_core(&hold, &server);
		for (unsigned number = 1; number < 6; number++) {
			send_framed(fd, add_text(text, number, round * 5 + number));
		}
		wait_for_updates(&server, (round + 1) * 5);
		if (round % 2 == 0) {
			setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		}
		close(fd);
		release_core(&hold);
	}
	/* All were applied, and the threads live. */
	for (unsigned number = 1; number < 101; number++) {
		const int fd = dial_tcp(&server);

		send_framed(fd, ask_text(text, 7, number));
		receive_framed(fd, reply);
		ck_assert_uint_eq(reply[7], 1);
		close(fd);
	}
	server_stop(&server);
}
END_TEST

START_TEST(who_sends_no_more_gets_the_answers_to_his_updates)
{
	struct server server = server_start_published();
	const int fd = dial_tcp(&server);
	uint8_t reply[DNS_UDP_SAFE];
	struct hold hold;
	char text[256];

	hold_core(&hold, &server);
	send_framed(fd, add_text(text, 1, 10));
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	wait_for_updates(&server, 1);
	release_core(&hold);
	receive_framed(fd, reply);
	ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
	ck_assert(is_closed(fd));
	close(fd);
	server_stop(&server);
}
END_TEST

/* What comes behind the 256th stays unread, and is answered in its time. */
START_TEST(so_many_updates_of_a_connection_wait_and_the_others_are_not_read)
{
	struct server server = server_start_queued("\"127.0.0.1@0\"", "", 1000);
	const int fd = dial_tcp(&server);
	uint8_t reply[DNS_UDP_SAFE];
	struct hold hold;
	char text[256];

	server_publish(&server);
	hold_core(&hold, &server);
	for (unsigned id = 0; id < 300; id++) {
		send_framed(fd, add_text(text, id, id % 256));
	}
	wait_for_updates(&server, 256);
	/* Each question is a turn of the connection's thread. */
	for (unsigned i = 0; i < 20; i++) {
		const int other = dial_tcp(&server);

		send_framed(other, ask_text(text, 1, 1));
		receive_framed(other, reply);
		close(other);
	}
	ck_assert_uint_eq(server_count(&server).updates, 256);
	release_core(&hold);
	for (unsigned left = 300; left > 0; left--) {
		receive_framed(fd, reply);
		ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
	}
	close(fd);
	server_stop(&server);
}
END_TEST

START_TEST(a_stop_answers_what_is_under_way)
{
	struct server server = server_start_published();
	const int udp = dial_udp(&server);
	const int tcp = dial_tcp(&server);
	uint8_t reply[DNS_UDP_SAFE];
	char text[256];
	unsigned done = 0;
	unsigned late = 0;
	unsigned late_tcp = 0;

	for (unsigned number = 1; number < 40; number++) {
		send_hex(udp, add_text(text, number, number));
		send_framed(tcp, add_text(text, number, 100 + number));
	}
	wait_for_updates(&server, 78);
	server_stop(&server);
	for (unsigned number = 1; number < 40; number++) {
		receive(udp, reply);
		late += rcode_of(reply) == DNS_RCODE_SERVFAIL;
		done += rcode_of(reply) == DNS_RCODE_NOERROR;
		receive_framed(tcp, reply);
		late_tcp += rcode_of(reply) == DNS_RCODE_SERVFAIL;
		done += rcode_of(reply) == DNS_RCODE_NOERROR;
	}
	/* A connection waits for its own. Counted and not handed over yet is one at most. */
	ck_assert_uint_le(late_tcp, 1);
	/* Of datagrams, what is not with the log yet is refused; all are answered. */
	ck_assert_uint_eq(done + late + late_tcp, 78);
	ck_assert(is_closed(tcp));
	close(udp);
	close(tcp);
}
END_TEST

START_TEST(a_full_queue_is_said_at_once)
{
	struct server server = server_start_published();
	const int fd = dial_udp(&server);
	uint8_t reply[DNS_UDP_SAFE];
	struct hold hold;
	char text[256];
	unsigned refused = 0;

	hold_core(&hold, &server);
	/* The queue of the server, and more. */
	for (unsigned id = 0; id < QUEUE + 20; id++) {
		send_hex(fd, add_text(text, id, id % 256));
		if (id % 64 == 0) {
			wait_for_updates(&server, id);
		}
	}
	wait_for_updates(&server, QUEUE + 20);
	/* What is counted is on its way, if not yet here. */
	while (refused < 20 || refused < server_count(&server).queue_full) {
		receive(fd, reply);
		ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_SERVFAIL);
		refused++;
	}
	ck_assert_uint_eq(server_count(&server).queue_full, refused);
	release_core(&hold);
	for (unsigned left = QUEUE + 20 - refused; left > 0; left--) {
		receive(fd, reply);
		ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_NOERROR);
	}
	close(fd);
	server_stop(&server);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		who_has_his_answer_finds_his_change_on_every_socket,
		the_same_again_is_a_heartbeat,
		no_heartbeat_overtakes_a_logged_update,
		a_query_overtakes_an_update_that_waits,
		a_connection_may_end_before_its_updates,
		who_sends_no_more_gets_the_answers_to_his_updates,
		so_many_updates_of_a_connection_wait_and_the_others_are_not_read,
		a_stop_answers_what_is_under_way,
		a_full_queue_is_said_at_once,
	};

	return run_tests("ticket", tests, COUNT_OF(tests));
}
