/*
 * Making UPDATE messages. A registration is one message, the same each time, so that one which
 * the registry has already is a heartbeat and one that it forgot is a registration:
 *
 *   host      all A and AAAA deleted where the host is ours alone; its addresses added
 *   instance  all that was there deleted; SRV and TXT added
 *   type      PTR added; at each subtype too
 *
 * A withdrawal deletes the very same records, each by its value, so that it is right whether or
 * not the registration ever arrived, and takes nothing of anybody else.
 */
#include "libclient/update.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "crypto/random.h"
#include "crypto/siphash.h"
#include "dns/edns.h"
#include "dns/writer.h"
#include "libclient/error.h"
#include "libclient/settings.h"
#include "libclient/target.h"

#define LEASE_STANDARD_S 60
#define LEASE_MAX_S 604800
#define TTL_STANDARD_S 60
#define TXT_MAX 60000 /* octets of all pairs */
#define STRING_MAX 255 /* octets of a character-string */
#define SUBTYPES_MAX 100
#define HOST_LABEL_MAX 48 /* of the machine's name, before the digits */
#define SRV_FIXED 6
#define OPT_MAX 32
#define MESSAGE_ROOM 4096 /* a first guess, doubled as needed */

/* ---- checking what the caller gave ------------------------------------------------------- */

static bool is_key(const char *key)
{
	if (key == NULL || *key == '\0') {
		return false;
	}
	for (; *key != '\0'; key++) {
		if (*key < ' ' || *key > '~' || *key == '=') {
			return false;
		}
	}
	return true;
}

static size_t pair_size(const struct waggle_txt *pair)
{
	return strlen(pair->key) + (pair->value == NULL ? 0 : 1 + pair->value_size);
}

/* Octets of the TXT RDATA; 0: something is wrong with a pair. */
static size_t check_txt(const struct waggle_service *service, struct waggle_error *error)
{
	size_t size = 0;

	for (size_t i = 0; i < service->txt_count; i++) {
		const struct waggle_txt *pair = &service->txt[i];

		if (!is_key(pair->key)) {
			wgl_error_set(error, WAGGLE_ERR_ARGUMENT,
				      "a TXT key is empty, or not printable ASCII without \"=\"");
			return 0;
		}
		if (pair_size(pair) > STRING_MAX) {
			wgl_error_set(error, WAGGLE_ERR_ARGUMENT,
				      "TXT pair \"%s\" is over %d octets", pair->key, STRING_MAX);
			return 0;
		}
		size += 1 + pair_size(pair);
	}
	if (size > TXT_MAX) {
		wgl_error_set(error, WAGGLE_ERR_ARGUMENT, "the TXT pairs are over %d octets",
			      TXT_MAX);
		return 0;
	}
	return size == 0 ? 1 : size;
}

/* RFC 6763 section 6.1: without pairs one zero octet, never nothing. */
static void write_txt(struct buf_writer *out, const struct waggle_service *service)
{
	for (size_t i = 0; i < service->txt_count; i++) {
		const struct waggle_txt *pair = &service->txt[i];

		buf_write_u8(out, (uint8_t)pair_size(pair));
		buf_write(out, pair->key, strlen(pair->key));
		if (pair->value != NULL) {
			buf_write_u8(out, '=');
			buf_write(out, pair->value, pair->value_size);
		}
	}
	if (service->txt_count == 0) {
		buf_write_u8(out, 0);
	}
}

static int write_subtypes(struct buf_writer *out, const struct waggle_service *service,
			  struct waggle_error *error)
{
	for (size_t i = 0; i < service->subtype_count; i++) {
		uint8_t label[DNS_LABEL_MAX + 1];

		if (wgl_label_from_text(label, service->subtypes[i]) != WAGGLE_OK) {
			return wgl_error_set(error, WAGGLE_ERR_NAME, "subtype \"%s\" is no label",
					     service->subtypes[i]);
		}
		buf_write(out, label, label[0] + 1u);
	}
	return WAGGLE_OK;
}

static int take_type(struct wgl_offer *offer, const char *text, struct waggle_error *error)
{
	struct wgl_target target;
	size_t behind = 0;

	if (text == NULL || wgl_target_parse(&target, text) != WAGGLE_OK ||
	    target.kind != WGL_TYPE) {
		return wgl_error_set(error, WAGGLE_ERR_NAME, "\"%s\" is no service type",
				     text == NULL ? "" : text);
	}
	(void)wgl_type_at(target.name, &behind);
	memcpy(offer->type, target.name, behind);
	offer->type[behind] = 0;
	offer->has_domain = !target.is_relative;
	memcpy(offer->domain, target.name + behind, dns_name_size(target.name + behind));
	return WAGGLE_OK;
}

/* "h1" is relative, what has a dot in it is not. */
static int take_host(struct wgl_offer *offer, const char *text, struct waggle_error *error)
{
	if (text == NULL) {
		return WAGGLE_OK;
	}
	if (wgl_domain_from_text(offer->host, text) != WAGGLE_OK || offer->host[0] == 0) {
		return wgl_error_set(error, WAGGLE_ERR_NAME, "host \"%s\" is no name", text);
	}
	offer->has_host = true;
	offer->is_host_relative =
		dns_name_labels(offer->host) == 1 && text[strlen(text) - 1] != '.';
	return WAGGLE_OK;
}

/* Is it an address by which nobody could be reached? */
static const char *judge_address(const union waggle_address *address)
{
	const struct in6_addr *v6 = &address->v6.sin6_addr;
	const uint32_t v4 = ntohl(address->v4.sin_addr.s_addr);

	if (address->any.sa_family == AF_INET) {
		return v4 >> 24 == 0	     ? "is unspecified"
		       : v4 >> 28 == 0xe     ? "is multicast"
		       : v4 >> 16 == 0xa9fe  ? "is link-local"
		       : v4 == 0xffffffffu   ? "is broadcast"
					     : NULL;
	}
	return IN6_IS_ADDR_UNSPECIFIED(v6) ? "is unspecified"
	       : IN6_IS_ADDR_MULTICAST(v6) ? "is multicast"
	       : IN6_IS_ADDR_LINKLOCAL(v6) ? "is link-local"
					   : NULL;
}

static int take_addresses(struct wgl_offer *offer, const struct waggle_service *service,
			  struct waggle_error *error)
{
	for (size_t i = 0; i < service->address_count; i++) {
		const char *text = service->addresses[i];
		union waggle_address *address = &offer->addresses[offer->address_count];
		const char *why;

		if (offer->address_count == WGL_HOST_ADDRESSES_MAX) {
			return wgl_error_set(error, WAGGLE_ERR_ARGUMENT, "more than %d addresses",
					     WGL_HOST_ADDRESSES_MAX);
		}
		if (strchr(text, '@') != NULL ||
		    wgl_address_parse(address, text, strlen(text), 0) != WAGGLE_OK) {
			return wgl_error_set(error, WAGGLE_ERR_ADDRESS,
					     "\"%s\" is no IPv4 or IPv6 address", text);
		}
		why = judge_address(address);
		if (why != NULL) {
			return wgl_error_set(error, WAGGLE_ERR_ADDRESS, "address %s %s", text, why);
		}
		offer->address_count++;
	}
	return WAGGLE_OK;
}

static int take_numbers(struct wgl_offer *offer, const struct waggle_service *service,
			struct waggle_error *error)
{
	offer->flags = service->flags;
	offer->port = service->port;
	offer->priority = service->priority;
	offer->weight = service->weight;
	offer->spread_ms = service->spread_ms;
	offer->lease_s = service->lease_s == 0 ? LEASE_STANDARD_S : service->lease_s;
	offer->key_lease_s = service->key_lease_s;
	offer->ttl_s = service->ttl_s == 0 ? TTL_STANDARD_S : service->ttl_s;
	if (offer->ttl_s > offer->lease_s) {
		offer->ttl_s = offer->lease_s;
	}
	if ((offer->flags & ~(WAGGLE_NO_ADDRESS | WAGGLE_DRY_RUN)) != 0) {
		return wgl_error_set(error, WAGGLE_ERR_ARGUMENT, "flags that are not known");
	}
	if (offer->port == 0) {
		return wgl_error_set(error, WAGGLE_ERR_ARGUMENT, "port 0 cannot be registered");
	}
	if (offer->lease_s > LEASE_MAX_S ||
	    (offer->key_lease_s != 0 && offer->key_lease_s < offer->lease_s)) {
		return wgl_error_set(error, WAGGLE_ERR_ARGUMENT,
				     "the lease is over %d s, or the key lease is shorter",
				     LEASE_MAX_S);
	}
	if ((offer->flags & WAGGLE_NO_ADDRESS) != 0 && service->host == NULL) {
		return wgl_error_set(error, WAGGLE_ERR_ARGUMENT,
				     "without addresses a host has to be named");
	}
	return WAGGLE_OK;
}

static int take_all(struct wgl_offer *offer, const struct waggle_service *service,
		    struct waggle_error *error)
{
	int ret = take_numbers(offer, service, error);

	if (ret == WAGGLE_OK) {
		ret = take_type(offer, service->type, error);
	}
	if (ret == WAGGLE_OK && (service->instance == NULL ||
				 wgl_label_from_text(offer->label, service->instance) !=
					 WAGGLE_OK)) {
		ret = wgl_error_set(error, WAGGLE_ERR_NAME,
				    "\"%s\" is no instance label: 1 to 63 octets of UTF-8",
				    service->instance == NULL ? "" : service->instance);
	}
	if (ret == WAGGLE_OK) {
		ret = take_host(offer, service->host, error);
	}
	return ret == WAGGLE_OK ? take_addresses(offer, service, error) : ret;
}

/* The caller's service, however old its header. */
static int take_service(struct waggle_service *out, const struct waggle_service *service,
			struct waggle_error *error)
{
	*out = (struct waggle_service)WAGGLE_SERVICE_INIT;
	if (service->size < offsetof(struct waggle_service, spread_ms)) {
		return wgl_error_set(error, WAGGLE_ERR_ARGUMENT,
				     "service.size is too small: begin with WAGGLE_SERVICE_INIT");
	}
	for (size_t at = sizeof(*out); at < service->size; at++) {
		if (((const uint8_t *)service)[at] != 0) {
			return wgl_error_set(error, WAGGLE_ERR_ARGUMENT,
					     "a member that this version does not know");
		}
	}
	memcpy(out, service, service->size < sizeof(*out) ? service->size : sizeof(*out));
	if (out->subtype_count > SUBTYPES_MAX) {
		return wgl_error_set(error, WAGGLE_ERR_ARGUMENT, "more than %d subtypes",
				     SUBTYPES_MAX);
	}
	return WAGGLE_OK;
}

int wgl_offer_new(struct wgl_offer **out, const struct waggle_service *service,
		  struct waggle_error *error)
{
	struct waggle_service taken;
	struct buf_writer writer;
	struct wgl_offer *offer;
	size_t txt_size;
	size_t room;
	int ret = take_service(&taken, service, error);

	*out = NULL;
	if (ret != WAGGLE_OK) {
		return ret;
	}
	txt_size = check_txt(&taken, error);
	if (txt_size == 0) {
		return WAGGLE_ERR_ARGUMENT;
	}
	room = txt_size + taken.subtype_count * (DNS_LABEL_MAX + 1u);
	offer = calloc(1, sizeof(*offer) + room);
	if (offer == NULL) {
		return wgl_error_code(error, WAGGLE_ERR_NOMEM);
	}
	writer = buf_writer(offer->data, room);
	write_txt(&writer, &taken);
	offer->txt = offer->data;
	offer->txt_size = txt_size;
	offer->subtypes = writer.at;
	ret = write_subtypes(&writer, &taken, error);
	offer->subtypes_size = (size_t)(writer.at - offer->subtypes);
	if (ret == WAGGLE_OK) {
		ret = take_all(offer, &taken, error);
	}
	if (ret != WAGGLE_OK) {
		free(offer);
		return ret;
	}
	*out = offer;
	return WAGGLE_OK;
}

/* ---- names and addresses for a zone ------------------------------------------------------ */

static size_t address_octets(const union waggle_address *address, const uint8_t **octets)
{
	if (address->any.sa_family == AF_INET) {
		*octets = (const uint8_t *)&address->v4.sin_addr;
		return sizeof(address->v4.sin_addr);
	}
	*octets = address->v6.sin6_addr.s6_addr;
	return sizeof(address->v6.sin6_addr);
}

static int compare_addresses(const void *one, const void *other)
{
	const uint8_t *octets[2];
	const size_t size = address_octets(one, &octets[0]);
	const size_t other_size = address_octets(other, &octets[1]);

	if (size != other_size) {
		return size < other_size ? -1 : 1;
	}
	return memcmp(octets[0], octets[1], size);
}

/* In order, each once: the same set is the same octets. */
static void sort_addresses(struct wgl_record *record)
{
	size_t count = 0;

	qsort(record->addresses, record->address_count, sizeof(record->addresses[0]),
	      compare_addresses);
	for (size_t i = 0; i < record->address_count; i++) {
		if (count == 0 || compare_addresses(&record->addresses[count - 1],
						    &record->addresses[i]) != 0) {
			record->addresses[count++] = record->addresses[i];
		}
	}
	record->address_count = count;
}

/* 24 bits that stand for the addresses and the key. The same on every run: no secret in it. */
static unsigned fingerprint(const struct wgl_record *record, const uint8_t *key_name)
{
	static const uint8_t no_secret[SIPHASH_KEY_SIZE];
	const struct siphash_key key = siphash_key(no_secret);
	uint8_t octets[WGL_HOST_ADDRESSES_MAX * 16 + DNS_NAME_MAX];
	size_t size = 0;

	for (size_t i = 0; i < record->address_count; i++) {
		const uint8_t *address;
		const size_t address_size = address_octets(&record->addresses[i], &address);

		memcpy(octets + size, address, address_size);
		size += address_size;
	}
	if (key_name != NULL) {
		size += dns_name_fold(octets + size, key_name);
	}
	return (unsigned)(siphash(&key, octets, size) & 0xffffff);
}

/* "h1-3fa9c2": letters, digits and hyphens of the machine's name up to its first dot. */
static void host_label(uint8_t out[DNS_LABEL_MAX + 1], const char *machine, unsigned digits)
{
	char text[DNS_LABEL_MAX + 1];
	size_t size = 0;

	for (; *machine != '\0' && *machine != '.' && size < HOST_LABEL_MAX; machine++) {
		const uint8_t letter = dns_fold((uint8_t)*machine);
		const bool is_plain = (letter >= 'a' && letter <= 'z') ||
				      (letter >= '0' && letter <= '9') ||
				      (letter == '-' && size > 0);

		if (is_plain) {
			text[size++] = (char)letter;
		}
	}
	if (size == 0) {
		memcpy(text, "host", 4);
		size = 4;
	}
	size += (size_t)snprintf(text + size, sizeof(text) - size, "-%06x", digits);
	out[0] = (uint8_t)size;
	memcpy(out + 1, text, size);
}

/* label.suffix */
static int join_label(uint8_t out[DNS_NAME_MAX], const uint8_t *label, const uint8_t *suffix)
{
	uint8_t name[DNS_LABEL_MAX + 2];

	memcpy(name, label, label[0] + 1u);
	name[label[0] + 1u] = 0;
	return dns_name_join(out, name, suffix) < 0 ? WAGGLE_ERR_NAME : WAGGLE_OK;
}

static int make_addresses(struct wgl_record *out, const struct wgl_offer *offer,
			  const union waggle_address *source, struct waggle_error *error)
{
	char text[WAGGLE_ADDRESS_TEXT];
	const char *why;

	if ((offer->flags & WAGGLE_NO_ADDRESS) != 0 || !dns_name_is_in(out->host, out->zone)) {
		return WAGGLE_OK;
	}
	out->has_addresses = true;
	memcpy(out->addresses, offer->addresses, sizeof(out->addresses));
	out->address_count = offer->address_count;
	if (out->address_count == 0) {
		why = judge_address(source);
		if (why != NULL) {
			return wgl_error_set(error, WAGGLE_ERR_ADDRESS,
					     "the registry is reached by %s, which %s: name an "
					     "address",
					     waggle_address_text(text, source), why);
		}
		out->addresses[0] = *source;
		out->address_count = 1;
	}
	sort_addresses(out);
	return WAGGLE_OK;
}

static int make_names(struct wgl_record *out, const struct wgl_offer *offer, const uint8_t *zone,
		      const uint8_t *domain)
{
	static const uint8_t root[] = {0};
	int ret = WAGGLE_OK;

	memcpy(out->zone, zone, dns_name_size(zone));
	if (dns_name_join(out->type, offer->type, domain) < 0) {
		return WAGGLE_ERR_NAME;
	}
	ret = join_label(out->instance, offer->label, out->type);
	for (const uint8_t *label = offer->subtypes;
	     ret == WAGGLE_OK && label < offer->subtypes + offer->subtypes_size;
	     label += label[0] + 1) {
		uint8_t name[DNS_NAME_MAX];

		/* What is derived of it has to fit as well: label._sub.type. */
		ret = dns_name_size(out->type) + label[0] + 6u > DNS_NAME_MAX
			      ? WAGGLE_ERR_NAME
			      : join_label(name, label, out->type);
	}
	if (ret == WAGGLE_OK && offer->has_host &&
	    dns_name_join(out->host, offer->host, offer->is_host_relative ? domain : root) < 0) {
		ret = WAGGLE_ERR_NAME;
	}
	return ret;
}

int wgl_record_make(struct wgl_record *out, const struct wgl_offer *offer, const uint8_t *zone,
		    const uint8_t *domain, const char *machine, const uint8_t *key_name,
		    const union waggle_address *source, struct waggle_error *error)
{
	uint8_t label[DNS_LABEL_MAX + 1];
	int ret;

	memset(out, 0, sizeof(*out));
	ret = make_names(out, offer, zone, domain);
	if (ret == WAGGLE_OK && !offer->has_host) {
		/* Its place is settled first, so that the addresses are known for the digits. */
		memcpy(out->host, domain, dns_name_size(domain));
	}
	if (ret != WAGGLE_OK) {
		return wgl_error_set(error, ret, "a name is too long in the zone");
	}
	ret = make_addresses(out, offer, source, error);
	if (ret != WAGGLE_OK) {
		return ret;
	}
	out->is_host_ours = offer->has_host;
	if (!offer->has_host) {
		host_label(label, machine, fingerprint(out, key_name));
		ret = join_label(out->host, label, domain);
	}
	return ret == WAGGLE_OK ? ret : wgl_error_set(error, ret, "the host's name is too long");
}

/* ---- messages ---------------------------------------------------------------------------- */

/* What all records of one message have in common. */
struct draft {
	struct dns_writer *writer;
	uint16_t class; /* IN: added; NONE: deleted by value */
	uint32_t ttl_s;
	bool is_full;
};

static void put(struct draft *draft, const uint8_t *owner, uint16_t type, const uint8_t *rdata,
		size_t size)
{
	if (dns_writer_rr(draft->writer, DNS_UPDATE, owner, type, draft->class, draft->ttl_s, rdata,
			  (uint16_t)size) != OK) {
		draft->is_full = true;
	}
}

/* RFC 2136 section 2.5.2 and 2.5.3: a set, or all sets with type ANY. */
static void put_clear(struct draft *draft, const uint8_t *owner, uint16_t type)
{
	if (dns_writer_rr(draft->writer, DNS_UPDATE, owner, type, DNS_CLASS_ANY, 0, NULL, 0) !=
	    OK) {
		draft->is_full = true;
	}
}

static void put_addresses(struct draft *draft, const struct wgl_record *record)
{
	for (size_t i = 0; i < record->address_count; i++) {
		const uint8_t *octets;
		const size_t size = address_octets(&record->addresses[i], &octets);

		put(draft, record->host, size == 4 ? DNS_TYPE_A : DNS_TYPE_AAAA, octets, size);
	}
}

static void put_instance(struct draft *draft, const struct wgl_offer *offer,
			 const struct wgl_record *record)
{
	uint8_t srv[SRV_FIXED + DNS_NAME_MAX];
	struct buf_writer out = buf_writer(srv, sizeof(srv));

	buf_write_u16(&out, offer->priority);
	buf_write_u16(&out, offer->weight);
	buf_write_u16(&out, offer->port);
	buf_write(&out, record->host, dns_name_size(record->host));
	put(draft, record->instance, DNS_TYPE_SRV, srv, buf_written(&out));
	put(draft, record->instance, DNS_TYPE_TXT, offer->txt, offer->txt_size);
}

static void put_pointers(struct draft *draft, const struct wgl_offer *offer,
			 const struct wgl_record *record)
{
	static const uint8_t sub[] = "\4_sub";
	const size_t size = dns_name_size(record->instance);

	put(draft, record->type, DNS_TYPE_PTR, record->instance, size);
	for (const uint8_t *label = offer->subtypes;
	     label < offer->subtypes + offer->subtypes_size; label += label[0] + 1) {
		uint8_t below[DNS_NAME_MAX];
		uint8_t owner[DNS_NAME_MAX];

		/* That it fits was seen when the names were made. */
		(void)dns_name_join(below, sub, record->type);
		(void)join_label(owner, label, below);
		put(draft, owner, DNS_TYPE_PTR, record->instance, size);
	}
}

static void begin_update(struct dns_writer *writer, struct wgl_message *message, size_t room,
			 const struct wgl_record *record)
{
	dns_writer_init(writer, message->wire, room);
	message->wire[0] = (uint8_t)(message->id >> 8);
	message->wire[1] = (uint8_t)message->id;
	dns_writer_flags(writer, DNS_OPCODE_UPDATE << 11, 0);
	(void)dns_writer_question(writer, record->zone, DNS_TYPE_SOA, DNS_CLASS_IN);
}

/* OPT with the lease, then the signature. */
static int end_update(struct dns_writer *writer, struct wgl_message *message, size_t room,
		      const struct dns_lease *lease, const struct wgl_key *key, uint64_t now_s)
{
	const struct dns_edns_reply edns = {.udp_size = DNS_UDP_SAFE, .lease = *lease};
	uint8_t opt[OPT_MAX];
	struct buf_writer out = buf_writer(opt, sizeof(opt));
	int size;

	dns_edns_write(&out, &edns, 0);
	if (dns_writer_raw(writer, opt, buf_written(&out)) != OK) {
		return WAGGLE_ERR_ARGUMENT;
	}
	size = (int)dns_writer_finish(writer);
	if (key != NULL) {
		size = wgl_sign(key, message->wire, (size_t)size, room, now_s,
				&message->signature);
	}
	if (size < 0) {
		return size;
	}
	message->size = (size_t)size;
	return WAGGLE_OK;
}

enum purpose { REGISTER, WITHDRAW, WITHDRAW_ALL };

static int write_update(struct wgl_message *message, size_t room, enum purpose purpose,
			const struct wgl_offer *offer, const struct wgl_record *record,
			const struct wgl_key *key, uint64_t now_s)
{
	const bool is_removal = purpose != REGISTER;
	const struct dns_lease lease = {
		.present = true,
		.has_key = offer->key_lease_s != 0,
		.lease_s = is_removal ? 0 : offer->lease_s,
		.key_lease_s = is_removal ? 0 : offer->key_lease_s,
	};
	struct dns_writer writer;
	struct draft draft = {
		.writer = &writer,
		.class = is_removal ? DNS_CLASS_NONE : DNS_CLASS_IN,
		.ttl_s = is_removal ? 0 : offer->ttl_s,
	};

	begin_update(&writer, message, room, record);
	if (is_removal) {
		put_pointers(&draft, offer, record);
	} else {
		put_clear(&draft, record->instance, DNS_TYPE_ANY);
	}
	if (!is_removal && record->has_addresses && record->is_host_ours) {
		put_clear(&draft, record->host, DNS_TYPE_A);
		put_clear(&draft, record->host, DNS_TYPE_AAAA);
	}
	if (!is_removal || record->is_host_ours || purpose == WITHDRAW_ALL) {
		put_addresses(&draft, record);
	}
	put_instance(&draft, offer, record);
	if (!is_removal) {
		put_pointers(&draft, offer, record);
	}
	return draft.is_full ? WAGGLE_ERR_ARGUMENT
			     : end_update(&writer, message, room, &lease, key, now_s);
}

/* With as much room as it takes. */
static int make_update(struct wgl_message *message, enum purpose purpose,
		       const struct wgl_offer *offer, const struct wgl_record *record,
		       const struct wgl_key *key, uint64_t now_s)
{
	int ret = WAGGLE_ERR_ARGUMENT;

	memset(message, 0, sizeof(*message));
	random_fill(&message->id, sizeof(message->id));
	for (size_t room = MESSAGE_ROOM; ret == WAGGLE_ERR_ARGUMENT && room <= DNS_MESSAGE_MAX + 1u;
	     room *= 2) {
		wgl_message_deinit(message);
		message->wire = malloc(room);
		if (message->wire == NULL) {
			return WAGGLE_ERR_NOMEM;
		}
		ret = write_update(message, room > DNS_MESSAGE_MAX ? DNS_MESSAGE_MAX : room,
				   purpose, offer, record, key, now_s);
	}
	if (ret != WAGGLE_OK) {
		wgl_message_deinit(message);
	}
	return ret;
}

int wgl_message_register(struct wgl_message *out, const struct wgl_offer *offer,
			 const struct wgl_record *record, const struct wgl_key *key, uint64_t now_s)
{
	return make_update(out, REGISTER, offer, record, key, now_s);
}

int wgl_message_withdraw(struct wgl_message *out, const struct wgl_offer *offer,
			 const struct wgl_record *record, bool all, const struct wgl_key *key,
			 uint64_t now_s)
{
	return make_update(out, all ? WITHDRAW_ALL : WITHDRAW, offer, record, key, now_s);
}

int wgl_message_probe(struct wgl_message *out, const struct wgl_record *record)
{
	const size_t room = DNS_HEADER_SIZE + DNS_NAME_MAX + 4;
	struct dns_writer writer;

	memset(out, 0, sizeof(*out));
	out->wire = malloc(room);
	if (out->wire == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	random_fill(&out->id, sizeof(out->id));
	dns_writer_init(&writer, out->wire, room);
	out->wire[0] = (uint8_t)(out->id >> 8);
	out->wire[1] = (uint8_t)out->id;
	(void)dns_writer_question(&writer, record->instance, DNS_TYPE_SRV, DNS_CLASS_IN);
	out->size = dns_writer_finish(&writer);
	return WAGGLE_OK;
}

void wgl_message_deinit(struct wgl_message *message)
{
	free(message->wire);
	message->wire = NULL;
}
