#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "net/endpoint.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"

static struct conf_listen listen_v4(const char *address, uint16_t port)
{
	struct conf_listen conf = {.size = sizeof(struct sockaddr_in)};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&conf.address;

	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	ck_assert_int_eq(inet_pton(AF_INET, address, &v4->sin_addr), 1);
	snprintf(conf.text, sizeof(conf.text), "%s@%u", address, port);
	return conf;
}

static struct conf_listen listen_v6(const char *address, uint16_t port)
{
	struct conf_listen conf = {.size = sizeof(struct sockaddr_in6)};
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&conf.address;

	v6->sin6_family = AF_INET6;
	v6->sin6_port = htons(port);
	ck_assert_int_eq(inet_pton(AF_INET6, address, &v6->sin6_addr), 1);
	snprintf(conf.text, sizeof(conf.text), "%s@%u", address, port);
	return conf;
}

static uint16_t port_of(int fd)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

START_TEST(port_0_is_the_same_port_for_udp_and_tcp)
{
	const struct conf_listen conf = listen_v4("127.0.0.1", 0);
	struct net_error error;
	struct endpoint endpoint;
	char text[64];

	ck_assert_int_eq(endpoint_open(&endpoint, &conf, 3, &error), OK);
	ck_assert_uint_ne(endpoint_port(&endpoint), 0);
	ck_assert_uint_eq(port_of(endpoint.tcp), endpoint_port(&endpoint));
	ck_assert_uint_eq(endpoint.udp_count, 3);
	for (unsigned i = 0; i < endpoint.udp_count; i++) {
		ck_assert_uint_eq(port_of(endpoint.udp[i]), endpoint_port(&endpoint));
	}
	snprintf(text, sizeof(text), "127.0.0.1@%u", endpoint_port(&endpoint));
	ck_assert_str_eq(endpoint.text, text);
	endpoint_close(&endpoint);
}
END_TEST

START_TEST(a_second_server_is_refused_by_name)
{
	struct conf_listen conf = listen_v4("127.0.0.1", 0);
	struct net_error error;
	struct endpoint first;
	struct endpoint second;
	char text[64];

	ck_assert_int_eq(endpoint_open(&first, &conf, 2, &error), OK);
	conf = listen_v4("127.0.0.1", endpoint_port(&first));
	ck_assert_int_eq(endpoint_open(&second, &conf, 2, &error), ERR_BUSY);
	snprintf(text, sizeof(text), "127.0.0.1@%u by TCP", endpoint_port(&first));
	ck_assert_ptr_nonnull(strstr(error.text, text));
	endpoint_close(&first);
	ck_assert_int_eq(endpoint_open(&second, &conf, 2, &error), OK);
	endpoint_close(&second);
}
END_TEST

START_TEST(who_has_udp_alone_is_seen_though_it_would_share)
{
	struct conf_listen conf = listen_v4("127.0.0.1", 0);
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);
	const int one = 1;
	struct net_error error;
	struct endpoint endpoint;

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&conf.address, conf.size), 0);
	conf = listen_v4("127.0.0.1", port_of(fd));
	ck_assert_int_eq(endpoint_open(&endpoint, &conf, 2, &error), ERR_BUSY);
	ck_assert_ptr_nonnull(strstr(error.text, "by UDP"));
	close(fd);
}
END_TEST

START_TEST(both_wildcards_take_one_port)
{
	struct conf_listen conf = listen_v4("0.0.0.0", 0);
	struct net_error error;
	struct endpoint v4;
	struct endpoint v6;

	ck_assert_int_eq(endpoint_open(&v4, &conf, 1, &error), OK);
	ck_assert(v4.is_wildcard);
	conf = listen_v6("::", endpoint_port(&v4));
	ck_assert_int_eq(endpoint_open(&v6, &conf, 1, &error), OK);
	ck_assert(v6.is_wildcard);
	endpoint_close(&v4);
	endpoint_close(&v6);
	conf = listen_v6("::1", 0);
	ck_assert_int_eq(endpoint_open(&v6, &conf, 1, &error), OK);
	ck_assert(!v6.is_wildcard);
	endpoint_close(&v6);
}
END_TEST

START_TEST(an_address_that_is_not_ours_is_named)
{
	const struct conf_listen conf = listen_v4("192.0.2.1", 0);
	struct net_error error;
	struct endpoint endpoint;

	ck_assert_int_eq(endpoint_open(&endpoint, &conf, 1, &error), ERR_SYSTEM);
	ck_assert_ptr_nonnull(strstr(error.text, "192.0.2.1@0"));
	ck_assert_ptr_nonnull(strstr(error.text, "no interface has it"));
}
END_TEST

START_TEST(no_memory_is_an_error)
{
	const struct conf_listen conf = listen_v4("127.0.0.1", 0);
	struct net_error error;
	struct endpoint endpoint;
	int ret;

	fail_alloc_after(0);
	ret = endpoint_open(&endpoint, &conf, 1, &error);
	fail_alloc_off();
	ck_assert_int_eq(ret, ERR_NOMEM);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		port_0_is_the_same_port_for_udp_and_tcp,
		a_second_server_is_refused_by_name,
		who_has_udp_alone_is_seen_though_it_would_share,
		both_wildcards_take_one_port,
		an_address_that_is_not_ours_is_named,
		no_memory_is_an_error,
	};

	return run_tests("endpoint", tests, COUNT_OF(tests));
}
