/* Names and instances as JSON, as several commands tell of them. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <arpa/inet.h>

#include "base/err.h"
#include "ctl/inside.h"
#include "dns/rrtype.h"
#include "dns/types.h"
#include "zone/text.h"

#define ADDRESSES_MAX 16 /* told of one host */

/* ---- values ------------------------------------------------------------------------------ */

json_t *describe_time(uint64_t time_s)
{
	const time_t time = (time_t)time_s;
	char text[40];
	struct tm parts;

	if (time_s == 0 || gmtime_r(&time, &parts) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts) == 0) {
		return json_null();
	}
	return json_string(text);
}

json_t *describe_name(const uint8_t *name)
{
	char text[DNS_NAME_TEXT_MAX];

	return json_string(dns_name_to_text(text, name));
}

static uint64_t lease_renewed_ms(const struct node *node)
{
	const struct lease *lease = node_lease(node);

	return lease == NULL ? 0 : atomic_load_explicit(&lease->renewed_ms, memory_order_relaxed);
}

/* Seconds until the lease ends if nothing comes; null for a permanent name. */
static json_t *lease_left(const struct node *node, uint32_t lease_s, const struct core_moment *now)
{
	const uint64_t renewed_ms = lease_renewed_ms(node);

	if (lease_s == 0) {
		return json_null();
	}
	if (renewed_ms == LEASE_EXPIRING || renewed_ms == LEASE_KEPT) {
		return json_integer(0);
	}
	return json_integer(
		(json_int_t)(lease_left_ms(&now->clock, renewed_ms, lease_s, now->now_ms) / 1000));
}

json_t *describe_record(uint16_t type, uint32_t ttl, const uint8_t *rdata, uint16_t size)
{
	char name[16];
	char *text = NULL;

	if (text_rdata(&text, type, rdata, size) != OK) {
		return NULL;
	}
	json_t *out = json_pack("{s:s, s:I, s:s}", "type", dns_rrtype_to_text(name, type), "ttl",
				(json_int_t)ttl, "data", text);
	free(text);
	return out;
}

/* ---- instances --------------------------------------------------------------------------- */

/* In one sentence, why it is in its type's pool or not. */
static const char *describe_state(const struct zone *zone, const struct node *node)
{
	struct content content = {.name = NULL};

	if (node_is_published(zone, node)) {
		return "published";
	}
	(void)node_content(node, &content, NULL, 0);
	if ((content.flags & NAME_HELD) != 0) {
		return "held";
	}
	if (lease_renewed_ms(node) == LEASE_EXPIRING) {
		return "lease over";
	}
	if (!node_has_type(zone, node, DNS_TYPE_SRV)) {
		return "no SRV";
	}
	return "registered without the PTR at its type";
}

json_t *describe_holding(const struct node *node, const struct core_moment *now)
{
	struct content content = {.name = NULL};
	char name[DNS_NAME_TEXT_MAX];
	char owner[DNS_NAME_TEXT_MAX + 8];

	(void)node_content(node, &content, NULL, 0);
	dns_name_to_text(name, node_name(node));
	owner_text(owner, &content.owner);
	return json_pack("{s:s, s:s, s:o, s:o}", "name", name, "owner", owner, "lease_s",
			 content.lease_s == 0 ? json_null() : json_integer(content.lease_s),
			 "lease_left_s", lease_left(node, content.lease_s, now));
}

json_t *describe_instance(const struct zone *zone, const struct node *node,
			  const struct core_moment *now)
{
	struct content content = {.name = NULL};
	json_t *out = describe_holding(node, now);

	(void)node_content(node, &content, NULL, 0);
	if (out == NULL ||
	    json_object_set_new(out, "published", json_boolean(node_is_published(zone, node))) !=
		    0 ||
	    json_object_set_new(out, "why", json_string(describe_state(zone, node))) != 0 ||
	    json_object_set_new(out, "registered", describe_time(content.changed_s)) != 0) {
		json_decref(out);
		return NULL;
	}
	return out;
}

/* Adds to `list` the addresses of one family. */
static int add_addresses(json_t *list, const struct zone *zone, const struct node *host,
			 uint16_t type)
{
	uint8_t scratch[SET_SCRATCH];
	struct set set;

	if (host == NULL || !node_set(zone, host, type, &set)) {
		return OK;
	}
	for (uint32_t i = 0; i < set.count && json_array_size(list) < ADDRESSES_MAX; i++) {
		char text[INET6_ADDRSTRLEN];
		uint16_t size;
		const uint8_t *rdata = set_member(&set, i, scratch, &size);

		inet_ntop(type == DNS_TYPE_A ? AF_INET : AF_INET6, rdata, text, sizeof(text));
		if (json_array_append_new(list, json_string(text)) != 0) {
			return ERR_NOMEM;
		}
	}
	return OK;
}

static json_t *list_addresses(const struct root *root, const uint8_t *host)
{
	const struct zone *zone = root_zone_for(root, host);
	const struct node *node = zone == NULL ? NULL : zone_node(zone, host);
	json_t *list = json_array();

	if (list != NULL && (add_addresses(list, zone, node, DNS_TYPE_A) != OK ||
			     add_addresses(list, zone, node, DNS_TYPE_AAAA) != OK)) {
		json_decref(list);
		return NULL;
	}
	return list;
}

int describe_endpoint(json_t *out, const struct root *root, const struct zone *zone,
		      const struct node *node)
{
	uint8_t scratch[SET_SCRATCH];
	uint16_t size;
	struct set set;
	json_t *more;

	if (node_set(zone, node, DNS_TYPE_SRV, &set)) {
		const struct dns_srv srv = dns_srv_view(set_member(&set, 0, scratch, &size));

		more = json_pack("{s:o, s:i, s:i, s:i, s:o}", "host", describe_name(srv.target),
				 "port", (int)srv.port, "priority", (int)srv.priority, "weight",
				 (int)srv.weight, "addresses", list_addresses(root, srv.target));
	} else {
		more = json_pack("{s:n, s:n, s:n, s:n, s:[]}", "host", "port", "priority", "weight",
				 "addresses");
	}
	const int ret = more != NULL && json_object_update(out, more) == 0 ? OK : ERR_NOMEM;
	json_decref(more);
	return ret;
}
