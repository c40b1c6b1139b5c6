/*
 * Bodies: everything stands in one arena, which goes with the last reference. While a body grows
 * its items are chained; at the end they become the array that callers see.
 */
#include "libclient/body.h"

#include <arpa/inet.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "dns/rrtype.h"
#include "libclient/error.h"
#include "libclient/target.h"

#define BLOCK_SIZE 2048
#define STALE_TTL_S 30 /* RFC 8767 section 4 */

struct item {
	struct item *next;
	union {
		const struct waggle_endpoint *endpoint;
		const struct waggle_entry *entry;
	} is;
};

struct wgl_body {
	atomic_uint refs;
	struct arena arena;
	struct wgl_quality quality;
	const char *name;
	const char *reason;
	struct item *first;
	struct item **end;
	size_t count;
	bool is_list; /* of entries */
	const struct waggle_endpoint **endpoints; /* once it is finished, one of these */
	const struct waggle_entry **entries;
};

struct answer_box {
	struct waggle_answer answer; /* first */
	struct wgl_body *body;
};

struct list_box {
	struct waggle_list list; /* first */
	struct wgl_body *body;
};

int wgl_body_new(struct wgl_body **out)
{
	struct wgl_body *body = calloc(1, sizeof(*body));

	*out = body;
	if (body == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	atomic_init(&body->refs, 1);
	arena_init(&body->arena, BLOCK_SIZE);
	body->end = &body->first;
	return WAGGLE_OK;
}

struct wgl_body *wgl_body_ref(struct wgl_body *body)
{
	atomic_fetch_add_explicit(&body->refs, 1, memory_order_relaxed);
	return body;
}

void wgl_body_unref(struct wgl_body *body)
{
	if (body == NULL ||
	    atomic_fetch_sub_explicit(&body->refs, 1, memory_order_acq_rel) > 1) {
		return;
	}
	arena_deinit(&body->arena);
	free(body);
}

/* ---- texts ------------------------------------------------------------------------------- */

static const char *text_copy(struct wgl_body *body, const char *text)
{
	return arena_dup(&body->arena, text, strlen(text) + 1);
}

static const char *name_text(struct wgl_body *body, const uint8_t *name)
{
	char text[DNS_NAME_TEXT_MAX];

	return text_copy(body, dns_name_to_text(text, name));
}

/* The label as it is where it is clean text, else with escapes. */
static const char *label_text(struct wgl_body *body, const uint8_t *label)
{
	char clean[DNS_LABEL_MAX + 1];
	char text[DNS_NAME_TEXT_MAX];
	uint8_t name[DNS_LABEL_MAX + 2];

	wgl_text_clean(clean, sizeof(clean), label + 1, label[0]);
	if (strlen(clean) == label[0] && memcmp(clean, label + 1, label[0]) == 0) {
		return text_copy(body, clean);
	}
	memcpy(name, label, label[0] + 1u);
	name[label[0] + 1u] = 0;
	dns_name_to_text(text, name);
	text[strlen(text) - 1] = '\0';
	return text_copy(body, text);
}

/* "_http._tcp" of the name of a type; else the first label. */
static const char *entry_label(struct wgl_body *body, const uint8_t *name)
{
	char text[DNS_NAME_TEXT_MAX];
	uint8_t type[DNS_NAME_MAX];
	size_t behind = 0;

	if (wgl_type_at(name, &behind) != 0) {
		return name[0] == 0 ? text_copy(body, ".") : label_text(body, name);
	}
	memcpy(type, name, behind);
	type[behind] = 0;
	dns_name_to_text(text, type);
	text[strlen(text) - 1] = '\0';
	return text_copy(body, text);
}

/* ---- TXT (RFC 6763 section 6) ------------------------------------------------------------ */

/* One string of a TXT record. */
struct piece {
	const uint8_t *data;
	uint8_t size;
	uint8_t key_size;
};

/* Sections 6.4: a key is printable ASCII without "=", and not empty; else the string is ignored. */
static bool is_pair(struct piece *piece)
{
	uint8_t size = 0;

	while (size < piece->size && piece->data[size] != '=') {
		if (piece->data[size] < ' ' || piece->data[size] > '~') {
			return false;
		}
		size++;
	}
	piece->key_size = size;
	return size > 0;
}

static bool is_known_key(const struct waggle_txt *pairs, size_t count, const struct piece *piece)
{
	for (size_t i = 0; i < count; i++) {
		if (strlen(pairs[i].key) == piece->key_size &&
		    dns_octets_equal((const uint8_t *)pairs[i].key, piece->data,
				     piece->key_size)) {
			return true;
		}
	}
	return false;
}

static int add_pair(struct wgl_body *body, struct waggle_txt *pair, const struct piece *piece)
{
	char *text = arena_alloc(&body->arena, piece->size + 2u);

	if (text == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	memcpy(text, piece->data, piece->size);
	text[piece->size] = '\0';
	text[piece->key_size] = '\0';
	pair->key = text;
	pair->value = NULL;
	pair->value_size = 0;
	if (piece->key_size < piece->size) {
		pair->value = text + piece->key_size + 1;
		pair->value_size = piece->size - piece->key_size - 1u;
	}
	return WAGGLE_OK;
}

/* The strings of all records of the set, one after the other. */
static bool next_piece(const struct wgl_rrset *set, size_t *at, const uint8_t **rdata,
		       uint16_t *left, struct piece *piece)
{
	while (*left == 0) {
		*rdata = wgl_rrset_next(set, at, left);
		if (*rdata == NULL) {
			return false;
		}
	}
	piece->size = (*rdata)[0];
	piece->data = *rdata + 1;
	*rdata += piece->size + 1u;
	*left = (uint16_t)(*left - piece->size - 1u);
	return true;
}

static int add_txt(struct wgl_body *body, struct waggle_endpoint *endpoint,
		   const struct wgl_rrset *set)
{
	const uint8_t *rdata = NULL;
	struct waggle_txt *pairs;
	struct piece piece;
	uint16_t left = 0;
	size_t room = 0;
	size_t at = 0;

	if (set == NULL || set->known != WGL_RECORDS) {
		return WAGGLE_OK;
	}
	while (next_piece(set, &at, &rdata, &left, &piece)) {
		room++;
	}
	pairs = arena_calloc(&body->arena, room, sizeof(*pairs));
	if (pairs == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	at = 0;
	while (next_piece(set, &at, &rdata, &left, &piece)) {
		if (!is_pair(&piece) || is_known_key(pairs, endpoint->txt_count, &piece)) {
			continue;
		}
		if (add_pair(body, &pairs[endpoint->txt_count], &piece) != WAGGLE_OK) {
			return WAGGLE_ERR_NOMEM;
		}
		endpoint->txt_count++;
	}
	endpoint->txt = pairs;
	return WAGGLE_OK;
}

/* ---- addresses --------------------------------------------------------------------------- */

static size_t address_count(const struct wgl_rrset *set)
{
	return set == NULL || set->known != WGL_RECORDS ? 0 : set->count;
}

static union waggle_address make_address(const uint8_t *rdata, uint16_t size, uint16_t port)
{
	union waggle_address address;

	memset(&address, 0, sizeof(address));
	if (size == sizeof(address.v4.sin_addr)) {
		address.v4.sin_family = AF_INET;
		address.v4.sin_port = htons(port);
		memcpy(&address.v4.sin_addr, rdata, sizeof(address.v4.sin_addr));
	} else {
		address.v6.sin6_family = AF_INET6;
		address.v6.sin6_port = htons(port);
		memcpy(&address.v6.sin6_addr, rdata, sizeof(address.v6.sin6_addr));
	}
	return address;
}

static int add_addresses(struct wgl_body *body, struct waggle_endpoint *endpoint,
			 const struct wgl_parts *parts)
{
	const struct wgl_rrset *sets[] = {parts->aaaa, parts->a};
	const size_t room = address_count(parts->a) + address_count(parts->aaaa);
	union waggle_address *addresses =
		arena_calloc(&body->arena, room, sizeof(union waggle_address));

	if (addresses == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	for (size_t i = 0; i < 2; i++) {
		const uint8_t *rdata;
		uint16_t size;
		size_t at = 0;

		if (address_count(sets[i]) == 0) {
			continue;
		}
		while ((rdata = wgl_rrset_next(sets[i], &at, &size)) != NULL) {
			addresses[endpoint->address_count++] =
				make_address(rdata, size, endpoint->port);
		}
	}
	endpoint->addresses = addresses;
	return WAGGLE_OK;
}

/* ---- items ------------------------------------------------------------------------------- */

static struct item *chain(struct wgl_body *body)
{
	struct item *item = arena_calloc(&body->arena, 1, sizeof(*item));

	if (item != NULL) {
		*body->end = item;
		body->end = &item->next;
		body->count++;
	}
	return item;
}

int wgl_body_add_endpoint(struct wgl_body *body, const struct wgl_parts *parts)
{
	const struct dns_srv srv = dns_srv_view(parts->srv);
	struct waggle_endpoint *endpoint = arena_calloc(&body->arena, 1, sizeof(*endpoint));
	struct item *item;
	int ret;

	if (endpoint == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	endpoint->port = srv.port;
	endpoint->priority = srv.priority;
	endpoint->weight = srv.weight;
	endpoint->host = name_text(body, srv.target);
	if (parts->instance != NULL) {
		endpoint->instance = label_text(body, parts->instance);
		endpoint->name = name_text(body, parts->instance);
	}
	if (endpoint->host == NULL || (parts->instance != NULL && endpoint->instance == NULL) ||
	    (parts->instance != NULL && endpoint->name == NULL)) {
		return WAGGLE_ERR_NOMEM;
	}
	ret = add_txt(body, endpoint, parts->txt);
	if (ret == WAGGLE_OK) {
		ret = add_addresses(body, endpoint, parts);
	}
	item = ret == WAGGLE_OK ? chain(body) : NULL;
	if (item == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	item->is.endpoint = endpoint;
	return WAGGLE_OK;
}

int wgl_body_add_entry(struct wgl_body *body, const uint8_t *target)
{
	struct waggle_entry *entry = arena_calloc(&body->arena, 1, sizeof(*entry));
	struct item *item;

	if (entry == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	entry->label = entry_label(body, target);
	entry->name = name_text(body, target);
	item = entry->label == NULL || entry->name == NULL ? NULL : chain(body);
	if (item == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	item->is.entry = entry;
	body->is_list = true;
	return WAGGLE_OK;
}

/* The array of what is chained. */
static int make_array(struct wgl_body *body)
{
	size_t at = 0;

	if (body->is_list) {
		body->entries = arena_calloc(&body->arena, body->count, sizeof(*body->entries));
	} else {
		body->endpoints = arena_calloc(&body->arena, body->count, sizeof(*body->endpoints));
	}
	if (body->entries == NULL && body->endpoints == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	for (const struct item *item = body->first; item != NULL; item = item->next, at++) {
		if (body->is_list) {
			body->entries[at] = item->is.entry;
		} else {
			body->endpoints[at] = item->is.endpoint;
		}
	}
	return WAGGLE_OK;
}

int wgl_body_finish(struct wgl_body *body, const uint8_t *name, const struct wgl_quality *quality,
		    const char *reason)
{
	body->quality = *quality;
	body->name = name_text(body, name);
	body->reason = reason == NULL ? NULL : text_copy(body, reason);
	if (body->name == NULL || (reason != NULL && body->reason == NULL)) {
		return WAGGLE_ERR_NOMEM;
	}
	return make_array(body);
}

size_t wgl_body_count(const struct wgl_body *body)
{
	return body->count;
}

const struct wgl_quality *wgl_body_quality(const struct wgl_body *body)
{
	return &body->quality;
}

/* ---- what callers get -------------------------------------------------------------------- */

static uint32_t ttl_left(const struct wgl_quality *quality, uint64_t now_ms)
{
	if (quality->mark != WAGGLE_FRESH) {
		return STALE_TTL_S;
	}
	if (quality->until_ms <= now_ms + 1000) {
		return 1;
	}
	return (uint32_t)((quality->until_ms - now_ms + 500) / 1000);
}

static uint32_t age(const struct wgl_quality *quality, uint64_t now_ms)
{
	return now_ms <= quality->said_ms ? 0 : (uint32_t)((now_ms - quality->said_ms) / 1000);
}

int wgl_answer_new(struct waggle_answer **out, struct wgl_body *body, uint64_t now_ms)
{
	struct answer_box *box = malloc(sizeof(*box));

	*out = NULL;
	if (box == NULL) {
		wgl_body_unref(body);
		return WAGGLE_ERR_NOMEM;
	}
	box->body = body;
	box->answer = (struct waggle_answer){
		.mark = body->quality.mark,
		.ttl_s = ttl_left(&body->quality, now_ms),
		.age_s = age(&body->quality, now_ms),
		.is_complete = body->quality.is_complete,
		.reason = body->reason,
		.name = body->name,
		.count = body->count,
		.endpoints = body->endpoints,
	};
	*out = &box->answer;
	return WAGGLE_OK;
}

int wgl_list_new(struct waggle_list **out, struct wgl_body *body, uint64_t now_ms)
{
	struct list_box *box = malloc(sizeof(*box));

	*out = NULL;
	if (box == NULL) {
		wgl_body_unref(body);
		return WAGGLE_ERR_NOMEM;
	}
	box->body = body;
	box->list = (struct waggle_list){
		.mark = body->quality.mark,
		.ttl_s = ttl_left(&body->quality, now_ms),
		.age_s = age(&body->quality, now_ms),
		.is_complete = body->quality.is_complete,
		.reason = body->reason,
		.name = body->name,
		.count = body->count,
		.entries = body->entries,
	};
	*out = &box->list;
	return WAGGLE_OK;
}

void waggle_answer_free(struct waggle_answer *answer)
{
	struct answer_box *box = (struct answer_box *)answer;

	if (box != NULL) {
		wgl_body_unref(box->body);
		free(box);
	}
}

void waggle_list_free(struct waggle_list *list)
{
	struct list_box *box = (struct list_box *)list;

	if (box != NULL) {
		wgl_body_unref(box->body);
		free(box);
	}
}

const struct waggle_txt *waggle_txt_find(const struct waggle_endpoint *endpoint, const char *key)
{
	for (size_t i = 0; i < endpoint->txt_count; i++) {
		const char *known = endpoint->txt[i].key;
		const size_t size = strlen(known);

		if (strlen(key) == size &&
		    dns_octets_equal((const uint8_t *)known, (const uint8_t *)key, size)) {
			return &endpoint->txt[i];
		}
	}
	return NULL;
}
