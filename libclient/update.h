/*
 * UPDATE messages (RFC 2136) that register an instance and take it back, with Update Lease (RFC
 * 9664). Pure. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/types.h"
#include "libclient/key.h"
#include "libclient/waggle.h"

#define WGL_HOST_ADDRESSES_MAX 16

/*
 * A service as the caller gave it, checked, copied, and in wire form where that does not depend on
 * the zone. One allocation.
 */
struct wgl_offer {
	unsigned flags;
	uint16_t port;
	uint16_t priority;
	uint16_t weight;
	uint16_t spread_ms;
	uint32_t lease_s;
	uint32_t key_lease_s; /* 0: the short form of the option */
	uint32_t ttl_s;
	uint8_t label[DNS_LABEL_MAX + 1]; /* of the instance */
	uint8_t type[DNS_NAME_MAX]; /* relative: "_http._tcp" and the root */
	uint8_t domain[DNS_NAME_MAX]; /* said behind the type */
	bool has_domain;
	uint8_t host[DNS_NAME_MAX]; /* as said */
	bool has_host;
	bool is_host_relative; /* to the zone */
	union waggle_address addresses[WGL_HOST_ADDRESSES_MAX]; /* without ports */
	size_t address_count;
	size_t txt_size;
	const uint8_t *txt; /* RDATA */
	size_t subtypes_size;
	const uint8_t *subtypes; /* labels, one behind the other */
	uint8_t data[]; /* where these stand */
};

/* *out: returns owned, free(). WAGGLE_ERR_ARGUMENT, _NAME, _NOMEM. */
int wgl_offer_new(struct wgl_offer **out, const struct waggle_service *service,
		  struct waggle_error *error);

/* What is registered, all names in full. */
struct wgl_record {
	uint8_t zone[DNS_NAME_MAX];
	uint8_t type[DNS_NAME_MAX];
	uint8_t instance[DNS_NAME_MAX];
	uint8_t host[DNS_NAME_MAX];
	bool is_host_ours; /* alone: its addresses are replaced, and removed at the end */
	bool has_addresses; /* the host's are registered with it */
	union waggle_address addresses[WGL_HOST_ADDRESSES_MAX];
	size_t address_count;
};

/*
 * Names and addresses for a zone. `key_name` may be NULL; `source`: the address by which the
 * server is reached, for an offer without any. WAGGLE_ERR_NAME (too long), _ADDRESS.
 */
int wgl_record_make(struct wgl_record *out, const struct wgl_offer *offer, const uint8_t *zone,
		    const uint8_t *domain, const char *machine, const uint8_t *key_name,
		    const union waggle_address *source, struct waggle_error *error);

/* A message to send. */
struct wgl_message {
	uint16_t id;
	size_t size;
	uint8_t *wire; /* owned */
	struct wgl_signature signature; /* where there is a key */
};

/*
 * Registers; also the heartbeat. `key` may be NULL. WAGGLE_ERR_NOMEM; _ARGUMENT: over 65535
 * octets.
 */
int wgl_message_register(struct wgl_message *out, const struct wgl_offer *offer,
			 const struct wgl_record *record, const struct wgl_key *key,
			 uint64_t now_s);

/* Removes exactly what the other registers. With `all`, the addresses of a shared host too. */
int wgl_message_withdraw(struct wgl_message *out, const struct wgl_offer *offer,
			 const struct wgl_record *record, bool all, const struct wgl_key *key,
			 uint64_t now_s);

/* Asks a server with authority for the instance's SRV. */
int wgl_message_probe(struct wgl_message *out, const struct wgl_record *record);
void wgl_message_deinit(struct wgl_message *message);
