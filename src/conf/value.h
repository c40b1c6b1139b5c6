/*
 * Scalars of the configuration: text to value and back. Pure. Thread: any.
 *
 * All return 0, ERR_FORMAT, or ERR_RANGE where a number leaves its type.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"

/* A suffix and how many of the smallest unit it stands for; ordered, "" first, ended by NULL. */
struct value_unit {
	const char *suffix;
	uint64_t scale;
};

extern const struct value_unit value_plain[]; /* no suffix */
extern const struct value_unit value_duration[]; /* seconds: s m h d w */
extern const struct value_unit value_micros[]; /* us */
extern const struct value_unit value_octets[]; /* KiB MiB GiB */

#define VALUE_TEXT_MAX 32

/* Decimal digits and one suffix of `units`. */
int value_number(uint64_t *out, const char *text, const struct value_unit *units);

/* The other way, with the largest unit that divides it. Returns `out`. */
char *value_number_text(char out[VALUE_TEXT_MAX], uint64_t number, const struct value_unit *units);

/* "127.0.0.1@5300", "::1@5300", "[::1]@5300"; 53 without a port. Fills *out whole. */
int value_listen(struct conf_listen *out, const char *text);

/*
 * "127.0.0.0/8", "fd00::/8", or one address. ERR_RANGE: octets behind the prefix are not 0; then
 * *out holds the network without them.
 */
int value_net(struct conf_net *out, const char *text);

#define VALUE_NET_TEXT_MAX 50

/* "127.0.0.0/8". Returns `out`. */
char *value_net_text(char out[VALUE_NET_TEXT_MAX], const struct conf_net *net);

#define VALUE_QUOTE_MAX 64

/* Foreign text for an error: in quotes, cut, control characters replaced. Returns `out`. */
char *value_quote(char out[VALUE_QUOTE_MAX], const char *text);

/* "_http._tcp", folded, as a name in wire form with root. */
int value_type(uint8_t out[DNS_NAME_MAX], const char *text);
