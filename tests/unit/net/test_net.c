/*
 * Net as a whole: what it says before there is a root, its addresses, its threads' start and end.
 */
#include "net/net.h"

#include <limits.h>
#include <stdatomic.h>

#include "tests/unit/fail_alloc.h"
#include "tests/unit/net/server.h"

#define RESPONSE(id) id " 8100 0001 0000 0000 0000 03737663 00 0006 0001"
#define NOT_READY_SIZE (12 + 5 + 4 + 11) /* and the extended error */

START_TEST(every_counter_stands_in_the_manual)
{
#define COUNTER_NAME(name, text) #name,
	static const char *const names[] = {NET_COUNTERS(COUNTER_NAME)};
	const char *srcdir = getenv("srcdir");
	static char page[65536];
	char path[512];

	snprintf(path, sizeof(path), "%s/src/man/waggled.8", srcdir == NULL ? "." : srcdir);
	FILE *file = fopen(path, "r");

	ck_assert_msg(file != NULL, "%s", path);
	ck_assert_uint_lt(fread(page, 1, sizeof(page) - 1, file), sizeof(page) - 1);
	fclose(file);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char entry[64];

		snprintf(entry, sizeof(entry), "\n.It Cm %s\n", names[i]);
		ck_assert_msg(strstr(page, entry) != NULL, "%s is missing", names[i]);
	}
}
END_TEST

static void check_not_ready(const uint8_t *reply, size_t size, unsigned id)
{
	ck_assert_uint_eq(id_of(reply), id);
	ck_assert_uint_eq(reply[2] & 0x80, 0x80);
	ck_assert_uint_eq(rcode_of(reply), DNS_RCODE_SERVFAIL);
	ck_assert_uint_gt(size, NOT_READY_SIZE + 6);
	ck_assert_mem_eq(reply + NOT_READY_SIZE, "\0\x0f", 2);
	ck_assert_mem_eq(reply + NOT_READY_SIZE + 4, "\0\x0e", 2);
}

/* ---- not restored ------------------------------------------------------------------------- */

START_TEST(until_restored_all_is_servfail_with_the_reason)
{
	static const char *const texts[] = {QUERY_OPT("0001"), UPDATE_OPT("0002")};
	struct server server = server_start();
	const int udp = dial_udp(&server);
	const int tcp = dial_tcp(&server);
	uint8_t stream[512];
	uint8_t reply[DNS_UDP_SAFE];

	for (unsigned i = 0; i < COUNT_OF(texts); i++) {
		send_hex(udp, texts[i]);
		check_not_ready(reply, receive(udp, reply), i + 1);
	}
	const size_t size = frame(stream, sizeof(stream), texts, COUNT_OF(texts));

	ck_assert_int_eq(send(tcp, stream, size, 0), (ssize_t)size);
	for (unsigned i = 0; i < COUNT_OF(texts); i++) {
		check_not_ready(reply, receive_framed(tcp, reply), i + 1);
	}
	const struct net_counters counters = server_count(&server);

	ck_assert_uint_eq(counters.udp_received, 2);
	ck_assert_uint_eq(counters.tcp_received, 2);
	ck_assert_uint_eq(counters.servfail, 4);
	ck_assert_uint_eq(counters.queries, 2);
	ck_assert_uint_eq(counters.updates, 2);
	close(udp);
	close(tcp);
	server_stop(&server);
}
END_TEST

START_TEST(responses_are_not_answered)
{
	struct server server = server_start();
	const int fd = dial_udp(&server);
	uint8_t reply[DNS_UDP_SAFE];

	const int tcp = dial_tcp(&server);

	send_hex(fd, RESPONSE("0001"));
	send_hex(fd, "0002 81");
	/* Whatever the opcode, and however the rest looks. */
	for (unsigned flags = 0x80; flags < 0x100; flags++) {
		char text[64];

		snprintf(text, sizeof(text), "0001 %02x00 0001 0000 0000 0000 00 0006 0001", flags);
		send_hex(fd, text);
		send_framed(tcp, text);
	}
	send_hex(fd, QUERY("0003"));
	send_framed(tcp, QUERY("0003"));
	receive(fd, reply);
	ck_assert_uint_eq(id_of(reply), 3);
	ck_assert_int_eq(recv(fd, reply, sizeof(reply), MSG_DONTWAIT), -1);
	receive_framed(tcp, reply);
	ck_assert_uint_eq(id_of(reply), 3);
	ck_assert_int_eq(recv(tcp, reply, sizeof(reply), MSG_DONTWAIT), -1);
	close(tcp);
	close(fd);
	server_stop(&server);
}
END_TEST

START_TEST(malformed_messages_get_their_rcode)
{
	static const struct {
		const char *request;
		unsigned rcode;
		size_t size;
	} cases[] = {
		{"0001 0100 0001 0000 0000 0000", DNS_RCODE_FORMERR, 12},
		{"0001 0100 0001 0000 0000 0000 c00c 0001 0001", DNS_RCODE_FORMERR, 12},
		{"0001 1000 0001 0000 0000 0000 00 0001 0001", DNS_RCODE_NOTIMP, 17},
		{"0001 2400 0001 0000 0000 0000 00 0006 0001", DNS_RCODE_NOTAUTH, 17},
	};
	struct server server = server_start();
	const int fd = dial_udp(&server);
	uint8_t reply[DNS_UDP_SAFE];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		send_hex(fd, cases[i].request);
		ck_assert_uint_eq(receive(fd, reply), cases[i].size);
		ck_assert_uint_eq(rcode_of(reply), cases[i].rcode);
	}
	close(fd);
	server_stop(&server);
}
END_TEST

/* ---- addresses ---------------------------------------------------------------------------- */

START_TEST(a_second_server_on_the_address_is_refused)
{
	struct server server = server_start();
	struct net_error error;
	struct net *second = NULL;
	char listen[64];

	snprintf(listen, sizeof(listen), "\"%s\"", net_address(server.net, 0));
	struct conf *conf = make_conf(listen, "");

	ck_assert_int_eq(net_open(&second, conf, &error), ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(error.text, net_address(server.net, 0)));
	conf_unref(conf);
	server_stop(&server);
}
END_TEST

START_TEST(all_addresses_are_served_and_named)
{
	struct server server = server_start_with("\"127.0.0.1@0\", \"127.0.0.2@0\"", "");
	uint8_t reply[DNS_UDP_SAFE];

	ck_assert_ptr_null(net_address(server.net, 2));
	for (size_t i = 0; i < 2; i++) {
		char address[64];

		snprintf(address, sizeof(address), "%s", net_address(server.net, i));
		*strchr(address, '@') = '\0';
		const char *port = strchr(net_address(server.net, i), '@') + 1;
		const int fd = dial(address, (uint16_t)atoi(port), SOCK_DGRAM);

		send_hex(fd, QUERY("0001"));
		receive(fd, reply);
		close(fd);
	}
	server_stop(&server);
}
END_TEST

START_TEST(a_wildcard_answers_from_the_address_that_was_asked)
{
	struct server server = server_start_with("\"0.0.0.0@0\"", "");
	uint8_t reply[DNS_UDP_SAFE];

	/* A connected socket takes nothing from elsewhere. */
	for (unsigned i = 1; i < 5; i++) {
		char address[32];

		snprintf(address, sizeof(address), "127.0.0.%u", i);
		const int fd = dial(address, net_port(server.net), SOCK_DGRAM);

		send_hex(fd, QUERY("0001"));
		receive(fd, reply);
		close(fd);
	}
	server_stop(&server);
}
END_TEST

/* ---- the threads -------------------------------------------------------------------------- */

START_TEST(queries_allocate_nothing)
{
	/* A name that is there, one that is not; with EDNS and without. */
	static const char *const texts[] = {
		"0001 0100 0001 0000 0000 0000 026162 03737663 00 0001 0001",
		"0002 0100 0001 0000 0000 0000 027878 03737663 00 0001 0001",
		QUERY_OPT("0003"),
	};
	struct server server = server_start_published();
	const int fd = dial_udp(&server);
	uint8_t queries[COUNT_OF(texts)][64];
	size_t sizes[COUNT_OF(texts)];
	uint8_t reply[DNS_UDP_SAFE];
	char text[256];
	unsigned answered = 0;

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		sizes[i] = hex_read(queries[i], sizeof(queries[i]), texts[i]);
	}
	send_hex(fd, add_text(text, 1, 1));
	receive(fd, reply);
	fail_alloc_after(UINT_MAX);
	for (unsigned round = 0; round < 300; round++) {
		const size_t i = round % COUNT_OF(texts);

		if (send(fd, queries[i], sizes[i], 0) > 0 &&
		    recv(fd, reply, sizeof(reply), 0) > 0) {
			answered++;
		}
	}
	fail_alloc_off();
	ck_assert_uint_eq(answered, 300);
	ck_assert_uint_eq(fail_alloc_count(), 0);
	close(fd);
	server_stop(&server);
}
END_TEST

START_TEST(stopping_takes_no_time)
{
	struct server server = server_start_with("\"127.0.0.1@0\", \"127.0.0.2@0\"", "");
	int fds[8];

	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		fds[i] = dial_tcp(&server);
	}
	const uint64_t start_ms = clock_mono_ms();

	net_stop(server.net);
	ck_assert_uint_lt(clock_mono_ms() - start_ms, 5000); /* tcp-idle is 10 s */
	for (size_t i = 0; i < COUNT_OF(fds); i++) {
		ck_assert(is_closed(fds[i]));
		close(fds[i]);
	}
	server_stop(&server);
}
END_TEST

static atomic_bool is_over;

/* Asks by UDP until told to stop, once at least; how often. */
static void *ask(void *context)
{
	const int fd = dial_udp(context);
	uint8_t reply[DNS_UDP_SAFE];
	uintptr_t asked = 0;

	do {
		send_hex(fd, QUERY("0001"));
		receive(fd, reply);
		asked++;
	} while (!is_over);
	close(fd);
	return (void *)asked;
}

START_TEST(the_configuration_changes_under_load)
{
	struct server server = server_start();
	pthread_t clients[2];
	void *asked;

	for (size_t i = 0; i < COUNT_OF(clients); i++) {
		ck_assert_int_eq(pthread_create(&clients[i], NULL, ask, &server), 0);
	}
	for (unsigned i = 0; i < 200; i++) {
		struct conf *conf = make_conf("\"127.0.0.1@0\"", "");

		net_set_conf(server.net, conf);
		conf_unref(conf);
	}
	is_over = true;
	for (size_t i = 0; i < COUNT_OF(clients); i++) {
		ck_assert_int_eq(pthread_join(clients[i], &asked), 0);
		ck_assert_ptr_nonnull(asked);
	}
	server_stop(&server);
}
END_TEST

START_TEST(opened_and_never_started_is_freed)
{
	struct conf *conf = make_conf("\"127.0.0.1@0\"", "");
	struct net_error error;
	struct net *net;

	ck_assert_int_eq(net_open(&net, conf, &error), OK);
	ck_assert_uint_ne(net_port(net), 0);
	net_free(net);
	net_free(NULL);
	conf_unref(conf);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_counter_stands_in_the_manual,
		until_restored_all_is_servfail_with_the_reason,
		responses_are_not_answered,
		malformed_messages_get_their_rcode,
		a_second_server_on_the_address_is_refused,
		all_addresses_are_served_and_named,
		a_wildcard_answers_from_the_address_that_was_asked,
		queries_allocate_nothing,
		stopping_takes_no_time,
		the_configuration_changes_under_load,
		opened_and_never_started_is_freed,
	};

	return run_tests("net", tests, COUNT_OF(tests));
}
