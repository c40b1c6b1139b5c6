/*
 * Looking for the registrar of each domain in turn:
 *
 *   1. a server that was named is taken as it is; the domain counts as the zone
 *   2. SRV at _dns-update._udp.DOMAIN, its targets in order of priority
 *   3. the SOA of the zone that DOMAIN is in, its MNAME, port 53 (RFC 2136 section 4.3); the
 *      negative answer to 2 has brought it, where the server knows the zone
 */
#include "libclient/locate.h"

#include <arpa/inet.h>
#include <string.h>

#include "dns/rrtype.h"
#include "libclient/error.h"
#include "libclient/plan.h"

#define DNS_PORT 53

enum outcome { FOUND, MISSING, WAITING, FAILED };

struct search {
	struct wgl_registrar *out;
	struct wgl_sight *sight;
};

static void add_addresses(struct wgl_registrar *out, const struct wgl_rrset *set, uint16_t port)
{
	const uint8_t *rdata;
	uint16_t size;
	size_t at = 0;

	if (set == NULL || set->known != WGL_RECORDS) {
		return;
	}
	while (out->server_count < WGL_REGISTRARS_MAX &&
	       (rdata = wgl_rrset_next(set, &at, &size)) != NULL) {
		union waggle_address *address = &out->servers[out->server_count++];

		memset(address, 0, sizeof(*address));
		if (size == 4) {
			address->v4.sin_family = AF_INET;
			address->v4.sin_port = htons(port);
			memcpy(&address->v4.sin_addr, rdata, 4);
		} else {
			address->v6.sin6_family = AF_INET6;
			address->v6.sin6_port = htons(port);
			memcpy(&address->v6.sin6_addr, rdata, 16);
		}
	}
}

/* Both families are asked for: which of them has a route is not known here. */
static void add_host(struct search *search, const uint8_t *host, uint16_t port)
{
	const struct wgl_rrset *a = wgl_look(search->sight, host, DNS_TYPE_A);
	const struct wgl_rrset *aaaa = wgl_look(search->sight, host, DNS_TYPE_AAAA);

	add_addresses(search->out, a, port);
	add_addresses(search->out, aaaa, port);
}

static enum outcome outcome(const struct search *search)
{
	if (search->sight->need_count > 0) {
		return WAITING;
	}
	if (search->out->server_count > 0) {
		return FOUND;
	}
	return search->sight->has_failed ? FAILED : MISSING;
}

/* The lowest priority at or above `least`, or -1. */
static int next_priority(const struct wgl_rrset *set, int least)
{
	const uint8_t *rdata;
	uint16_t size;
	size_t at = 0;
	int found = -1;

	while ((rdata = wgl_rrset_next(set, &at, &size)) != NULL) {
		const int priority = dns_srv_view(rdata).priority;

		if (priority >= least && (found < 0 || priority < found)) {
			found = priority;
		}
	}
	return found;
}

static enum outcome by_srv(struct search *search, const struct wgl_rrset *set)
{
	int priority = next_priority(set, 0);

	for (; priority >= 0; priority = next_priority(set, priority + 1)) {
		const uint8_t *rdata;
		uint16_t size;
		size_t at = 0;

		while ((rdata = wgl_rrset_next(set, &at, &size)) != NULL) {
			const struct dns_srv srv = dns_srv_view(rdata);

			/* "." says that there is no such service (RFC 2782). */
			if (srv.priority == priority && srv.target[0] != 0) {
				add_host(search, srv.target, srv.port);
			}
		}
	}
	return outcome(search);
}

/* The SOA of the domain or of what is above it, as far as it is known. */
static const struct wgl_rrset *known_soa(const struct search *search, const uint8_t *domain)
{
	for (; domain[0] != 0; domain = dns_name_parent(domain)) {
		const struct wgl_rrset *set = wgl_glance(search->sight, domain, DNS_TYPE_SOA);

		if (set != NULL && set->known == WGL_RECORDS) {
			return set;
		}
	}
	return NULL;
}

static enum outcome by_soa(struct search *search, const uint8_t *domain)
{
	const struct wgl_rrset *set = known_soa(search, domain);
	const uint8_t *rdata;
	uint16_t size;
	size_t at = 0;

	if (set == NULL) {
		/* Its absence brings the SOA of the zone above, which is then known. */
		set = wgl_look(search->sight, domain, DNS_TYPE_SOA);
		if (set == NULL || set->known != WGL_RECORDS) {
			return outcome(search);
		}
	}
	rdata = wgl_rrset_next(set, &at, &size);
	memcpy(search->out->zone, wgl_rrset_name(set), set->name_size);
	add_host(search, rdata, DNS_PORT);
	return outcome(search);
}

static enum outcome by_domain(struct search *search, const uint8_t *domain)
{
	static const uint8_t prefix[] = "\13_dns-update\4_udp";
	struct wgl_registrar *out = search->out;
	uint8_t name[DNS_NAME_MAX];
	const struct wgl_rrset *set;

	out->server_count = 0;
	memcpy(out->domain, domain, dns_name_size(domain));
	memcpy(out->zone, domain, dns_name_size(domain));
	if (dns_name_join(name, prefix, domain) < 0) {
		return MISSING;
	}
	set = wgl_look(search->sight, name, DNS_TYPE_SRV);
	if (set == NULL) {
		return outcome(search);
	}
	return set->known == WGL_RECORDS ? by_srv(search, set) : by_soa(search, domain);
}

static void take_named(struct wgl_registrar *out, const uint8_t *domain,
		       const struct wgl_settings *settings)
{
	memcpy(out->domain, domain, dns_name_size(domain));
	memcpy(out->zone, domain, dns_name_size(domain));
	if (settings->has_registrar) {
		out->servers[0] = settings->registrar;
		out->server_count = 1;
		return;
	}
	memcpy(out->servers, settings->servers, sizeof(settings->servers));
	out->server_count = settings->server_count;
}

int wgl_locate(struct wgl_registrar *out, const uint8_t *domain,
	       const struct wgl_settings *settings, struct wgl_sight *sight,
	       struct waggle_error *error)
{
	const size_t count = domain != NULL ? 1 : settings->zone_count;
	struct search search = {.out = out, .sight = sight};
	bool has_failed = false;

	if (count == 0) {
		return wgl_error_set(error, WAGGLE_ERR_CONFIG,
				     "no zone is known: give one, set WAGGLE_ZONE, or write the "
				     "type in full");
	}
	wgl_sight_begin(sight);
	if (settings->has_registrar || settings->has_server) {
		take_named(out, domain != NULL ? domain : settings->zones[0], settings);
		return WAGGLE_OK;
	}
	for (size_t i = 0; i < count; i++) {
		switch (by_domain(&search, domain != NULL ? domain : settings->zones[i])) {
		case FOUND:
			return WAGGLE_OK;
		case WAITING:
			return WGL_WAIT;
		case FAILED:
			has_failed = true;
			break;
		case MISSING:
			break;
		}
	}
	if (has_failed && sight->failure.code != WAGGLE_OK) {
		if (error != NULL) {
			*error = sight->failure;
		}
		return sight->failure.code;
	}
	return wgl_error_set(error, WAGGLE_ERR_NO_REGISTRAR,
			     "neither _dns-update._udp nor an SOA record leads to a server for %s",
			     settings->zone_text == NULL ? "the zone" : settings->zone_text);
}
