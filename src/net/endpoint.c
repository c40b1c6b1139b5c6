/*
 * Opening: TCP first, since the kernel's choice of a port 0 is then held while UDP is tried on the
 * same number. That number may be taken for UDP; then the next one is tried.
 */
#include "net/endpoint.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access/access.h"
#include "base/err.h"

enum {
	ENDPOINT_TRIES = 32, /* ports tried where the kernel chooses */
	ENDPOINT_BACKLOG = 1024, /* connections not yet accepted */
	ENDPOINT_UNSENT = 128 * 1024, /* octets that the kernel takes while they cannot be sent */
	ENDPOINT_RECEIVE = 1024 * 1024, /* octets asked of the kernel for a burst of requests */
};

static int endpoint_fail(const struct endpoint *endpoint, const char *transport, int number,
			 struct net_error *error)
{
	const char *hint = "";
	int ret = ERR_SYSTEM;

	if (number == EADDRINUSE) {
		ret = ERR_BUSY;
		hint = "; is another server running?";
	} else if (number == EACCES || number == EPERM) {
		ret = ERR_DENIED;
		hint = "; ports below 1024 need CAP_NET_BIND_SERVICE";
	} else if (number == EADDRNOTAVAIL) {
		hint = "; no interface has it";
	}
	snprintf(error->text, sizeof(error->text), "cannot listen on %s by %s: %s%s",
		 endpoint->text, transport, strerror(number), hint);
	return ret;
}

static bool endpoint_has_any(const struct sockaddr_storage *address)
{
	if (address->ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;

		return v4->sin_addr.s_addr == htonl(INADDR_ANY);
	}
	return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

uint16_t endpoint_port(const struct endpoint *endpoint)
{
	if (endpoint->address.ss_family == AF_INET) {
		return ntohs(((const struct sockaddr_in *)&endpoint->address)->sin_port);
	}
	return ntohs(((const struct sockaddr_in6 *)&endpoint->address)->sin6_port);
}

/* A bound socket, or -1 with errno. `option` (SO_REUSEADDR, SO_REUSEPORT) may be 0. */
static int endpoint_bind(const struct endpoint *endpoint, int type, int option)
{
	const int family = endpoint->address.ss_family;
	const int one = 1;
	const int fd = socket(family, type | SOCK_CLOEXEC, 0);
	int number;

	if (fd < 0) {
		return -1;
	}
	if ((option == 0 || setsockopt(fd, SOL_SOCKET, option, &one, sizeof(one)) == 0) &&
	    (family != AF_INET6 ||
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) == 0) &&
	    bind(fd, (const struct sockaddr *)&endpoint->address, endpoint->size) == 0) {
		return fd;
	}
	number = errno;
	close(fd);
	errno = number;
	return -1;
}

/* Binds and listens; the address is then the one bound. 0 or -1 with errno. */
static int endpoint_open_tcp(struct endpoint *endpoint)
{
	const int unsent = ENDPOINT_UNSENT;

	endpoint->tcp = endpoint_bind(endpoint, SOCK_STREAM | SOCK_NONBLOCK, SO_REUSEADDR);
	if (endpoint->tcp < 0) {
		return -1;
	}
	/* Its connections have it from here: who does not read costs the kernel no megabytes. */
	(void)setsockopt(endpoint->tcp, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof(unsent));
	if (listen(endpoint->tcp, ENDPOINT_BACKLOG) < 0) {
		return -1;
	}
	return getsockname(endpoint->tcp, (struct sockaddr *)&endpoint->address, &endpoint->size);
}

/* What each UDP socket is set to; only the destination's address is indispensable. */
static int endpoint_set_udp(const struct endpoint *endpoint, int fd)
{
	const bool is_v4 = endpoint->address.ss_family == AF_INET;
	const int level = is_v4 ? IPPROTO_IP : IPPROTO_IPV6;
	const int receive = ENDPOINT_RECEIVE;
	const int omit = is_v4 ? IP_PMTUDISC_OMIT : IPV6_PMTUDISC_OMIT;
	const int one = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive, sizeof(receive));
	/* Forged ICMP must not shrink our packets to fragments. */
	(void)setsockopt(fd, level, is_v4 ? IP_MTU_DISCOVER : IPV6_MTU_DISCOVER, &omit,
			 sizeof(omit));
	if (!endpoint->is_wildcard) {
		return 0;
	}
	return setsockopt(fd, level, is_v4 ? IP_PKTINFO : IPV6_RECVPKTINFO, &one, sizeof(one));
}

/* 0 or -1 with errno; what is open by then, endpoint_close() closes. */
static int endpoint_open_udp(struct endpoint *endpoint, unsigned count)
{
	const int probe = endpoint_bind(endpoint, SOCK_DGRAM, 0);

	if (probe < 0) {
		return -1;
	}
	close(probe);
	while (endpoint->udp_count < count) {
		const int fd = endpoint_bind(endpoint, SOCK_DGRAM, SO_REUSEPORT);

		if (fd < 0) {
			return -1;
		}
		endpoint->udp[endpoint->udp_count++] = fd;
		if (endpoint_set_udp(endpoint, fd) < 0) {
			return -1;
		}
	}
	return 0;
}

void endpoint_close_tcp(struct endpoint *endpoint)
{
	if (endpoint->tcp >= 0) {
		close(endpoint->tcp);
		endpoint->tcp = -1;
	}
}

static void endpoint_close_sockets(struct endpoint *endpoint)
{
	while (endpoint->udp_count > 0) {
		close(endpoint->udp[--endpoint->udp_count]);
	}
	endpoint_close_tcp(endpoint);
}

int endpoint_open(struct endpoint *endpoint, const struct conf_listen *conf, unsigned udp_count,
		  struct net_error *error)
{
	const char *transport = "TCP";
	unsigned tries = ENDPOINT_TRIES;
	int number = 0;

	*endpoint = (struct endpoint){.tcp = -1};
	endpoint->udp = calloc(udp_count, sizeof(*endpoint->udp));
	if (endpoint->udp == NULL) {
		snprintf(error->text, sizeof(error->text), "%s", err_text(ERR_NOMEM));
		return ERR_NOMEM;
	}
	snprintf(endpoint->text, sizeof(endpoint->text), "%s", conf->text);
	endpoint->is_wildcard = endpoint_has_any(&conf->address);
	for (;;) {
		endpoint->address = conf->address;
		endpoint->size = conf->size;
		const bool is_chosen = endpoint_port(endpoint) == 0;

		transport = "TCP";
		if (endpoint_open_tcp(endpoint) == 0) {
			transport = "UDP";
			if (endpoint_open_udp(endpoint, udp_count) == 0) {
				access_address_text(endpoint->text, &endpoint->address);
				return OK;
			}
		}
		number = errno;
		endpoint_close_sockets(endpoint);
		if (!is_chosen || number != EADDRINUSE || --tries == 0) {
			break;
		}
	}
	endpoint_close(endpoint);
	return endpoint_fail(endpoint, transport, number, error);
}

void endpoint_close(struct endpoint *endpoint)
{
	endpoint_close_sockets(endpoint);
	free(endpoint->udp);
	endpoint->udp = NULL;
}
