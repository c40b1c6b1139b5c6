/*
 * One function for each form of scalar. Numbers with units share one: a table of units says
 * whether it is a count, a duration or a size.
 */
#include "conf/value.h"

#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

const struct value_unit value_plain[] = {{"", 1}, {NULL, 0}};

const struct value_unit value_duration[] = {
	{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}, {"w", 604800}, {NULL, 0},
};

const struct value_unit value_micros[] = {{"us", 1}, {NULL, 0}};

const struct value_unit value_octets[] = {
	{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0},
};

#define DEFAULT_PORT 53

int value_number(uint64_t *out, const char *text, const struct value_unit *units)
{
	uint64_t number = 0;
	const char *at = text;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number)) {
			return ERR_RANGE;
		}
	}
	if (at == text) {
		return ERR_FORMAT;
	}
	while (units->suffix != NULL && strcmp(units->suffix, at) != 0) {
		units++;
	}
	if (units->suffix == NULL) {
		return ERR_FORMAT;
	}
	return __builtin_mul_overflow(number, units->scale, out) ? ERR_RANGE : OK;
}

char *value_number_text(char out[VALUE_TEXT_MAX], uint64_t number, const struct value_unit *units)
{
	const struct value_unit *best = units;

	for (; units->suffix != NULL; units++) {
		if (number > 0 && number % units->scale == 0) {
			best = units;
		}
	}
	snprintf(out, VALUE_TEXT_MAX, "%" PRIu64 "%s", number / best->scale, best->suffix);
	return out;
}

/* The port of "ADDRESS@PORT"; cuts `text` before the @. */
static int cut_port(char *text, uint16_t *port)
{
	char *at = strchr(text, '@');
	uint64_t number = DEFAULT_PORT;

	if (at != NULL) {
		*at = 0;
		if (value_number(&number, at + 1, value_plain) != OK || number > UINT16_MAX) {
			return ERR_FORMAT;
		}
	}
	*port = (uint16_t)number;
	return OK;
}

/* Strips the brackets of "[::1]"; was it one? */
static bool strip_brackets(char **address)
{
	const size_t size = strlen(*address);

	if (size < 2 || (*address)[0] != '[' || (*address)[size - 1] != ']') {
		return false;
	}
	(*address)[size - 1] = 0;
	(*address)++;
	return true;
}

int value_listen(struct conf_listen *out, const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	char copy[CONF_ADDRESS_TEXT_MAX];
	char *address = copy;
	uint16_t port;

	*out = (struct conf_listen){.size = 0};
	if (strlen(text) >= sizeof(copy)) {
		return ERR_FORMAT;
	}
	strcpy(copy, text);
	if (cut_port(copy, &port) != OK) {
		return ERR_FORMAT;
	}
	const bool is_v6 = strip_brackets(&address);
	if (!is_v6 && inet_pton(AF_INET, address, &v4.sin_addr) == 1) {
		v4.sin_port = htons(port);
		memcpy(&out->address, &v4, sizeof(v4));
		out->size = sizeof(v4);
	} else if (inet_pton(AF_INET6, address, &v6.sin6_addr) == 1 &&
		   !IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
		v6.sin6_port = htons(port);
		memcpy(&out->address, &v6, sizeof(v6));
		out->size = sizeof(v6);
	} else {
		return ERR_FORMAT;
	}
	conf_address_text(out->text, &out->address);
	return OK;
}

struct conf_net conf_net_of(const struct sockaddr_storage *address)
{
	struct conf_net net = {.family = address->ss_family};
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address->ss_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		memcpy(net.octets, &v4.sin_addr, 4);
		net.prefix = 32;
	} else if (address->ss_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
			net.family = AF_INET;
			memcpy(net.octets, &v6.sin6_addr.s6_addr[12], 4);
			net.prefix = 32;
		} else {
			memcpy(net.octets, &v6.sin6_addr, 16);
			net.prefix = 128;
		}
	}
	return net;
}

bool conf_net_has(const struct conf_net *net, const struct conf_net *other)
{
	const size_t whole = net->prefix / 8;
	const uint8_t mask = (uint8_t)(0xff00 >> net->prefix % 8);

	if (net->family != other->family || net->prefix > other->prefix ||
	    memcmp(net->octets, other->octets, whole) != 0) {
		return false;
	}
	return mask == 0 || ((net->octets[whole] ^ other->octets[whole]) & mask) == 0;
}

char *conf_address_text(char out[CONF_ADDRESS_TEXT_MAX], const struct sockaddr_storage *address)
{
	const struct conf_net net = conf_net_of(address);
	char host[INET6_ADDRSTRLEN];
	in_port_t port;

	/* The port stands at the same place in both kinds of address. */
	static_assert(offsetof(struct sockaddr_in, sin_port) ==
			      offsetof(struct sockaddr_in6, sin6_port),
		      "ports at different places");
	memcpy(&port, (const char *)address + offsetof(struct sockaddr_in, sin_port), sizeof(port));
	if (inet_ntop(net.family, net.octets, host, sizeof(host)) == NULL) {
		snprintf(out, CONF_ADDRESS_TEXT_MAX, "unknown");
	} else {
		snprintf(out, CONF_ADDRESS_TEXT_MAX, "%s@%u", host, ntohs(port));
	}
	return out;
}

/* Clears the bits behind the prefix; were any set? */
static bool clear_host_bits(struct conf_net *net)
{
	const size_t size = net->family == AF_INET ? 4 : 16;
	bool was_set = false;

	for (size_t i = 0; i < size; i++) {
		const int kept = net->prefix - (int)(i * 8);
		const int shift = kept >= 8 ? 8 : kept <= 0 ? 0 : kept;
		const uint8_t mask = (uint8_t)(0xff00 >> shift);

		was_set = was_set || (net->octets[i] & ~mask) != 0;
		net->octets[i] &= mask;
	}
	return was_set;
}

int value_net(struct conf_net *out, const char *text)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	const size_t size = slash == NULL ? strlen(text) : (size_t)(slash - text);
	uint64_t prefix;

	*out = (struct conf_net){.family = AF_INET};
	if (size >= sizeof(address)) {
		return ERR_FORMAT;
	}
	memcpy(address, text, size);
	address[size] = 0;
	if (inet_pton(AF_INET, address, out->octets) == 1) {
		prefix = 32;
	} else if (inet_pton(AF_INET6, address, out->octets) == 1) {
		out->family = AF_INET6;
		prefix = 128;
	} else {
		return ERR_FORMAT;
	}
	const uint64_t most = prefix;
	if (slash != NULL &&
	    (value_number(&prefix, slash + 1, value_plain) != OK || prefix > most)) {
		return ERR_FORMAT;
	}
	out->prefix = (uint8_t)prefix;
	return clear_host_bits(out) ? ERR_RANGE : OK;
}

char *value_net_text(char out[VALUE_NET_TEXT_MAX], const struct conf_net *net)
{
	char host[INET6_ADDRSTRLEN];

	inet_ntop(net->family, net->octets, host, sizeof(host));
	snprintf(out, VALUE_NET_TEXT_MAX, "%s/%u", host, net->prefix);
	return out;
}

int value_type(uint8_t out[DNS_NAME_MAX], const char *text)
{
	uint8_t name[DNS_NAME_MAX];

	if (dns_name_from_text(name, text, NULL) < 0 || dns_name_labels(name) != 2) {
		return ERR_FORMAT;
	}
	const uint8_t *protocol = dns_name_parent(name);
	if (name[0] < 2 || name[1] != '_' ||
	    (!dns_label_is(protocol, "_tcp") && !dns_label_is(protocol, "_udp"))) {
		return ERR_FORMAT;
	}
	dns_name_fold(out, name);
	return OK;
}

char *value_quote(char out[VALUE_QUOTE_MAX], const char *text)
{
	const size_t most = VALUE_QUOTE_MAX - 6; /* quotes, dots, NUL */
	size_t size = 0;

	out[size++] = '"';
	for (; *text != 0 && size < most; text++) {
		const unsigned char octet = (unsigned char)*text;

		out[size++] = octet < ' ' || octet == 0x7f ? '?' : *text;
	}
	if (*text != 0) {
		/* No half character: what follows may be the rest of one. */
		while (size > 1 && ((unsigned char)out[size - 1] & 0x80) != 0) {
			size--;
		}
		memcpy(out + size, "...", 3);
		size += 3;
	}
	out[size++] = '"';
	out[size] = 0;
	return out;
}
