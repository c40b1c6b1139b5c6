/*
 * Loading the settings, source by source: what an option says is not asked of the environment,
 * and what either says is not asked of resolv.conf.
 */
#include "libclient/settings.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dns/name.h"
#include "libclient/error.h"
#include "libclient/target.h"

#define DNS_PORT 53
#define RESOLV_CONF "/etc/resolv.conf"
#define RESOLV_MAX 65536 /* octets of it that are read */
#define CACHE_LEAST (256u << 10)

/* ---- addresses --------------------------------------------------------------------------- */

static int parse_port(uint16_t *out, const char *text)
{
	char *end;
	unsigned long port;

	if (*text < '0' || *text > '9') {
		return WAGGLE_ERR_ARGUMENT;
	}
	port = strtoul(text, &end, 10);
	if (*end != '\0' || port == 0 || port > UINT16_MAX) {
		return WAGGLE_ERR_ARGUMENT;
	}
	*out = (uint16_t)port;
	return WAGGLE_OK;
}

int wgl_address_parse(union waggle_address *out, const char *text, size_t size, uint16_t port)
{
	char copy[WAGGLE_ADDRESS_TEXT];
	char *address = copy;
	char *at;

	if (size >= sizeof(copy)) {
		return WAGGLE_ERR_ARGUMENT;
	}
	memcpy(copy, text, size);
	copy[size] = '\0';
	at = strchr(copy, '@');
	if (at != NULL) {
		*at = '\0';
		if (parse_port(&port, at + 1) != WAGGLE_OK) {
			return WAGGLE_ERR_ARGUMENT;
		}
	}
	size = strlen(copy);
	if (copy[0] == '[' && copy[size - 1] == ']') {
		copy[size - 1] = '\0';
		address++;
	}
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, address, &out->v4.sin_addr) == 1 && address == copy) {
		out->v4.sin_family = AF_INET;
		out->v4.sin_port = htons(port);
		return WAGGLE_OK;
	}
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET6, address, &out->v6.sin6_addr) == 1) {
		out->v6.sin6_family = AF_INET6;
		out->v6.sin6_port = htons(port);
		return WAGGLE_OK;
	}
	return WAGGLE_ERR_ARGUMENT;
}

bool wgl_address_equal(const union waggle_address *one, const union waggle_address *other)
{
	if (one->any.sa_family != other->any.sa_family) {
		return false;
	}
	if (one->any.sa_family == AF_INET) {
		return one->v4.sin_port == other->v4.sin_port &&
		       one->v4.sin_addr.s_addr == other->v4.sin_addr.s_addr;
	}
	return one->v6.sin6_port == other->v6.sin6_port &&
	       one->v6.sin6_scope_id == other->v6.sin6_scope_id &&
	       memcmp(&one->v6.sin6_addr, &other->v6.sin6_addr, sizeof(one->v6.sin6_addr)) == 0;
}

bool wgl_address_is_loopback(const union waggle_address *address)
{
	const struct in6_addr *v6 = &address->v6.sin6_addr;

	if (address->any.sa_family == AF_INET) {
		return ntohl(address->v4.sin_addr.s_addr) >> 24 == 127;
	}
	return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
}

/* ---- resolv.conf ------------------------------------------------------------------------- */

/* Octets up to the next space, after those that were skipped. */
static size_t word(const char **at, const char *end)
{
	const char *start;

	while (*at < end && (**at == ' ' || **at == '\t' || **at == '\r')) {
		(*at)++;
	}
	start = *at;
	while (*at < end && **at != ' ' && **at != '\t' && **at != '\r') {
		(*at)++;
	}
	return (size_t)(*at - start);
}

static bool is_word(const char *text, size_t size, const char *expected)
{
	return size == strlen(expected) && memcmp(text, expected, size) == 0;
}

/* Appends a zone; false when there is no room or it is no name. */
static bool add_zone(struct wgl_settings *out, const char *text, size_t size)
{
	char copy[DNS_NAME_TEXT_MAX];

	if (out->zone_count == WGL_ZONES_MAX || size == 0 || size >= sizeof(copy)) {
		return false;
	}
	memcpy(copy, text, size);
	copy[size] = '\0';
	if (wgl_domain_from_text(out->zones[out->zone_count], copy) != WAGGLE_OK ||
	    out->zones[out->zone_count][0] == 0) {
		return false;
	}
	out->zone_count++;
	return true;
}

static void resolv_line(struct wgl_settings *out, const char *line, const char *end)
{
	const char *at = line;
	size_t size = word(&at, end);
	const char *key = at - size;

	if (is_word(key, size, "nameserver")) {
		size = word(&at, end);
		if (out->server_count < WGL_SERVERS_MAX &&
		    wgl_address_parse(&out->servers[out->server_count], at - size, size,
				      DNS_PORT) == WAGGLE_OK) {
			out->server_count++;
		}
	} else if (is_word(key, size, "search") || is_word(key, size, "domain")) {
		out->zone_count = 0;
		while ((size = word(&at, end)) > 0) {
			(void)add_zone(out, at - size, size);
		}
	}
}

void wgl_resolv_parse(struct wgl_settings *out, const char *text, size_t size)
{
	const char *end = text + size;

	while (text < end) {
		const char *line_end = memchr(text, '\n', (size_t)(end - text));

		line_end = line_end == NULL ? end : line_end;
		if (*text != '#' && *text != ';') {
			resolv_line(out, text, line_end);
		}
		text = line_end < end ? line_end + 1 : end;
	}
}

/* Fills what is still missing. A file that cannot be read says nothing. */
static int load_resolv(struct wgl_settings *out, const char *path, struct waggle_error *error)
{
	struct wgl_settings found = {0};
	FILE *file = fopen(path, "re");
	char *text = malloc(RESOLV_MAX);

	if (text == NULL) {
		if (file != NULL) {
			fclose(file);
		}
		return wgl_error_code(error, WAGGLE_ERR_NOMEM);
	}
	if (file != NULL) {
		wgl_resolv_parse(&found, text, fread(text, 1, RESOLV_MAX, file));
		fclose(file);
	}
	free(text);
	if (out->server_count == 0) {
		memcpy(out->servers, found.servers, sizeof(out->servers));
		out->server_count = found.server_count;
	}
	if (out->zone_count == 0) {
		memcpy(out->zones, found.zones, sizeof(out->zones));
		out->zone_count = found.zone_count;
	}
	if (out->server_count == 0) {
		/* As every resolver: without a nameserver line, this machine's. */
		(void)wgl_address_parse(&out->servers[0], "127.0.0.1", strlen("127.0.0.1"),
					DNS_PORT);
		out->server_count = 1;
	}
	return WAGGLE_OK;
}

/* ---- options and environment ------------------------------------------------------------- */

/* The option, else the variable where the environment may be looked at, else NULL. */
static const char *source(const struct waggle_options *options, const char *option,
			  const char *variable)
{
	const char *value = option;

	if (value == NULL && (options->flags & WAGGLE_NO_ENVIRONMENT) == 0) {
		value = secure_getenv(variable);
	}
	return value != NULL && *value != '\0' ? value : NULL;
}

static int load_servers(struct wgl_settings *out, const char *text, struct waggle_error *error)
{
	while (text != NULL) {
		const char *comma = strchr(text, ',');
		const size_t size = comma == NULL ? strlen(text) : (size_t)(comma - text);

		if (out->server_count == WGL_SERVERS_MAX) {
			return wgl_error_set(error, WAGGLE_ERR_CONFIG, "more than %d servers",
					     WGL_SERVERS_MAX);
		}
		if (wgl_address_parse(&out->servers[out->server_count], text, size, DNS_PORT) !=
		    WAGGLE_OK) {
			return wgl_error_set(error, WAGGLE_ERR_CONFIG,
					     "server \"%.*s\" is not ADDRESS or ADDRESS@PORT",
					     (int)size, text);
		}
		out->server_count++;
		out->has_server = true;
		text = comma == NULL ? NULL : comma + 1;
	}
	return WAGGLE_OK;
}

static int load_names(struct wgl_settings *out, const struct waggle_options *options,
		      struct waggle_error *error)
{
	const char *zone = source(options, options->zone, "WAGGLE_ZONE");
	int ret = load_servers(out, source(options, options->server, "WAGGLE_SERVER"), error);

	if (ret != WAGGLE_OK) {
		return ret;
	}
	if (zone != NULL && !add_zone(out, zone, strlen(zone))) {
		return wgl_error_set(error, WAGGLE_ERR_CONFIG, "zone \"%s\" is no domain name",
				     zone);
	}
	out->has_zone = zone != NULL;
	if (options->registrar != NULL) {
		if (wgl_address_parse(&out->registrar, options->registrar,
				      strlen(options->registrar), DNS_PORT) != WAGGLE_OK) {
			return wgl_error_set(error, WAGGLE_ERR_CONFIG,
					     "registrar \"%s\" is not ADDRESS or ADDRESS@PORT",
					     options->registrar);
		}
		out->has_registrar = true;
	}
	if (out->server_count > 0 && out->zone_count > 0) {
		return WAGGLE_OK;
	}
	return load_resolv(out, options->resolv_conf == NULL ? RESOLV_CONF : options->resolv_conf,
			   error);
}

static int copy_text(char **out, const char *text, struct waggle_error *error)
{
	*out = text == NULL ? NULL : strdup(text);
	return text == NULL || *out != NULL ? WAGGLE_OK : wgl_error_code(error, WAGGLE_ERR_NOMEM);
}

static int load_paths(struct wgl_settings *out, const struct waggle_options *options,
		      struct waggle_error *error)
{
	const char *key = source(options, options->key, "WAGGLE_KEY");
	char name[DNS_NAME_TEXT_MAX];
	int ret = copy_text(&out->control, source(options, options->control, "WAGGLE_CONTROL"),
			    error);

	if (ret == WAGGLE_OK) {
		ret = copy_text(&out->snapshot, options->snapshot, error);
	}
	if (ret != WAGGLE_OK || key == NULL) {
		return ret;
	}
	ret = wgl_key_load(&out->key, key, error);
	if (ret != WAGGLE_OK) {
		return ret;
	}
	return copy_text(&out->key_text, dns_name_to_text(name, wgl_key_name(out->key)), error);
}

/* The settings as text, for waggle_setting(). */
static int load_texts(struct wgl_settings *out, struct waggle_error *error)
{
	char servers[WGL_SERVERS_MAX * WAGGLE_ADDRESS_TEXT] = "";
	char zones[WGL_ZONES_MAX * DNS_NAME_TEXT_MAX] = "";
	size_t at = 0;
	int ret;

	for (size_t i = 0; i < out->server_count; i++) {
		char text[WAGGLE_ADDRESS_TEXT];

		at += (size_t)snprintf(servers + at, sizeof(servers) - at, "%s%s",
				       i == 0 ? "" : ",",
				       waggle_address_text(text, &out->servers[i]));
	}
	at = 0;
	for (size_t i = 0; i < out->zone_count; i++) {
		char text[DNS_NAME_TEXT_MAX];

		at += (size_t)snprintf(zones + at, sizeof(zones) - at, "%s%s", i == 0 ? "" : ",",
				       dns_name_to_text(text, out->zones[i]));
	}
	ret = copy_text(&out->server_text, servers, error);
	if (ret == WAGGLE_OK && out->zone_count > 0) {
		ret = copy_text(&out->zone_text, zones, error);
	}
	return ret;
}

/* A number of the options: its default for 0, else within its bounds. */
struct number {
	const char *name;
	uint64_t value;
	uint64_t standard;
	uint64_t least;
	uint64_t most;
};

static int take_number(uint64_t *out, const struct number *number, struct waggle_error *error)
{
	*out = number->value == 0 ? number->standard : number->value;
	if (*out < number->least || *out > number->most) {
		return wgl_error_set(error, WAGGLE_ERR_ARGUMENT, "%s is not in %llu .. %llu",
				     number->name, (unsigned long long)number->least,
				     (unsigned long long)number->most);
	}
	return WAGGLE_OK;
}

static int load_numbers(struct wgl_settings *out, const struct waggle_options *options,
			struct waggle_error *error)
{
	const struct number numbers[] = {
		{"timeout_ms", options->timeout_ms, 5000, 100, 600000},
		{"stale_after_ms", options->stale_after_ms, 1800, 1, 600000},
		{"retry_after_ms", options->retry_after_ms, 30000, 1, 3600000},
		{"max_stale_s", options->max_stale_s, 86400, 1, UINT32_MAX},
		{"max_ttl_s", options->max_ttl_s, 86400, 1, 604800},
		{"snapshot_every_s", options->snapshot_every_s, 30, 1, 86400},
		{"cache_max", options->cache_max, 8u << 20, CACHE_LEAST, SIZE_MAX / 2},
		{"requests_max", options->requests_max, 10000, 1, 1000000},
	};
	uint64_t values[sizeof(numbers) / sizeof(numbers[0])];

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		const int ret = take_number(&values[i], &numbers[i], error);

		if (ret != WAGGLE_OK) {
			return ret;
		}
	}
	out->timeout_ms = (uint32_t)values[0];
	out->stale_after_ms =
		(uint32_t)(values[1] < out->timeout_ms ? values[1] : out->timeout_ms);
	out->retry_after_ms = (uint32_t)values[2];
	out->max_stale_s = values[3] == UINT32_MAX ? 0 : (uint32_t)values[3];
	out->max_ttl_s = (uint32_t)values[4];
	out->snapshot_every_s = (uint32_t)values[5];
	out->cache_max = (size_t)values[6];
	out->requests_max = (size_t)values[7];
	return WAGGLE_OK;
}

/* The caller's options, however old its header: what it does not have is 0. */
static int take_options(struct waggle_options *out, const struct waggle_options *options,
			struct waggle_error *error)
{
	*out = (struct waggle_options)WAGGLE_OPTIONS_INIT;
	if (options == NULL) {
		return WAGGLE_OK;
	}
	if (options->size < offsetof(struct waggle_options, loop)) {
		return wgl_error_set(error, WAGGLE_ERR_ARGUMENT,
				     "options.size is too small: begin with WAGGLE_OPTIONS_INIT");
	}
	for (size_t at = sizeof(*out); at < options->size; at++) {
		if (((const uint8_t *)options)[at] != 0) {
			return wgl_error_set(error, WAGGLE_ERR_ARGUMENT,
					     "an option that this version does not know");
		}
	}
	memcpy(out, options, options->size < sizeof(*out) ? options->size : sizeof(*out));
	return WAGGLE_OK;
}

int wgl_settings_load(struct wgl_settings *out, const struct waggle_options *options,
		      struct waggle_error *error)
{
	struct waggle_options taken;
	int ret = take_options(&taken, options, error);

	*out = (struct wgl_settings){0};
	if (ret == WAGGLE_OK) {
		ret = load_numbers(out, &taken, error);
	}
	if (ret == WAGGLE_OK) {
		ret = load_names(out, &taken, error);
	}
	if (ret == WAGGLE_OK) {
		ret = load_paths(out, &taken, error);
	}
	if (ret == WAGGLE_OK) {
		ret = load_texts(out, error);
	}
	if (ret != WAGGLE_OK) {
		wgl_settings_deinit(out);
	}
	return ret;
}

void wgl_settings_deinit(struct wgl_settings *settings)
{
	wgl_key_free(settings->key);
	free(settings->server_text);
	free(settings->zone_text);
	free(settings->key_text);
	free(settings->control);
	free(settings->snapshot);
	*settings = (struct wgl_settings){0};
}
