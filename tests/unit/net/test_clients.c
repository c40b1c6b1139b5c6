#include <arpa/inet.h>
#include <stdio.h>

#include "base/err.h"
#include "net/clients.h"
#include "net/connection.h"
#include "net/prefix.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"

static struct sockaddr_storage address_of(const char *text)
{
	struct sockaddr_storage address = {0};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		address.ss_family = AF_INET;
	} else {
		ck_assert_int_eq(inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
		address.ss_family = AF_INET6;
	}
	return address;
}

START_TEST(a_prefix_is_its_first_bits_and_nothing_behind_them)
{
	static const struct {
		const char *one;
		const char *other;
		unsigned v4;
		unsigned v6;
		bool is_same;
	} cases[] = {
		{"192.0.2.1", "192.0.2.254", 24, 56, true},
		{"192.0.2.1", "192.0.3.1", 24, 56, false},
		{"192.0.2.1", "192.0.3.1", 23, 56, true},
		{"192.0.2.1", "192.0.4.1", 23, 56, false},
		{"192.0.2.1", "192.0.2.2", 32, 56, false},
		{"192.0.2.1", "10.0.0.1", 0, 56, true},
		{"192.0.2.1", "::ffff:192.0.2.9", 24, 56, true},
		{"192.0.2.1", "::ffff:192.0.2.9", 32, 56, false},
		{"2001:db8::1", "2001:db8:0:ff::1", 24, 56, true},
		{"2001:db8::1", "2001:db8:0:100::1", 24, 56, false},
		{"2001:db8::1", "2001:db8::2", 24, 128, false},
		{"2001:db8::1", "2001:db8::ffff", 24, 64, true},
		{"0.0.0.0", "::", 32, 128, false},
	};
	const struct siphash_key key = {.k0 = 1, .k1 = 2};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct sockaddr_storage one = address_of(cases[i].one);
		const struct sockaddr_storage other = address_of(cases[i].other);
		const bool is_same = prefix_hash(&key, &one, cases[i].v4, cases[i].v6) ==
				     prefix_hash(&key, &other, cases[i].v4, cases[i].v6);

		ck_assert_msg(is_same == cases[i].is_same, "case %zu", i);
	}
}
END_TEST

START_TEST(a_client_has_at_most_so_many_and_others_have_theirs)
{
	const struct sockaddr_storage one = address_of("192.0.2.1");
	const struct sockaddr_storage other = address_of("192.0.2.2");
	const struct sockaddr_storage network = address_of("2001:db8::1");
	const struct sockaddr_storage same_network = address_of("2001:db8::ffff:1");
	struct clients *clients;

	ck_assert_int_eq(clients_new(&clients), OK);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(clients_enter(clients, &one, 3));
	}
	ck_assert(!clients_enter(clients, &one, 3));
	ck_assert(!clients_enter(clients, &one, 3));
	ck_assert(clients_enter(clients, &other, 1));
	clients_leave(clients, &one);
	ck_assert(clients_enter(clients, &one, 3));
	ck_assert(!clients_enter(clients, &one, 3));
	ck_assert(clients_enter(clients, &network, 1));
	ck_assert(!clients_enter(clients, &same_network, 1));
	clients_free(clients);
	clients_free(NULL);
}
END_TEST

/* With 10,000 others there, one that shares both his counters has to be looked for. */
START_TEST(a_crowd_refuses_nobody_who_has_nothing)
{
	struct clients *clients;
	unsigned refused = 0;

	ck_assert_int_eq(clients_new(&clients), OK);
	for (unsigned i = 0; i < 10000; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.%u.%u.1", i / 256, i % 256);
		const struct sockaddr_storage client = address_of(text);

		refused += clients_enter(clients, &client, 4) ? 0 : 1;
	}
	ck_assert_uint_eq(refused, 0);
	clients_free(clients);
}
END_TEST

START_TEST(without_memory_there_are_no_counters)
{
	struct clients *clients;
	int ret;

	fail_alloc_after(0);
	ret = clients_new(&clients);
	fail_alloc_off();
	ck_assert_int_eq(ret, ERR_NOMEM);
}
END_TEST

START_TEST(the_idle_time_shrinks_when_more_than_half_are_taken)
{
	static const struct {
		uint64_t idle_ms;
		uint64_t used;
		uint64_t most;
		uint64_t wanted_ms;
	} cases[] = {
		{10000, 0, 1000, 10000},  {10000, 500, 1000, 10000}, {10000, 750, 1000, 5000},
		{10000, 900, 1000, 2000}, {10000, 999, 1000, 1000},   {10000, 1000, 1000, 1000},
		{10000, 2000, 1000, 1000}, {10000, 1, 1, 1000},        {200, 1000, 1000, 200},
		{10000, 0, 1, 10000},     {3600000, 1, 2, 3600000},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		ck_assert_uint_eq(stream_idle_ms(cases[i].idle_ms, cases[i].used, cases[i].most),
				  cases[i].wanted_ms);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_prefix_is_its_first_bits_and_nothing_behind_them,
		a_client_has_at_most_so_many_and_others_have_theirs,
		a_crowd_refuses_nobody_who_has_nothing,
		without_memory_there_are_no_counters,
		the_idle_time_shrinks_when_more_than_half_are_taken,
	};

	return run_tests("clients", tests, COUNT_OF(tests));
}
