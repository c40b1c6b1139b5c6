/*
 * Learning from a reply, in this order:
 *
 *   1. the rcode: NOERROR and NXDOMAIN are answers, all else is a failure of the server
 *   2. all records once, decoded, sorted by section, type and owner: RRsets then stand together
 *   3. aliases from the question's name on (RFC 1034 3.6.2), as far as the answer has them
 *   4. the RRset asked for; without one its absence, with the SOA's TTL (RFC 2308)
 *   5. what the answer leads to
 *
 * An alias is not kept as such: what is at its end is kept under the name that was asked for, with
 * the smallest TTL on the way.
 */
#include "libclient/learn.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dns/rrtype.h"
#include "libclient/error.h"
#include "libclient/target.h"

#define ALIASES_MAX 8
#define RDATA_GROWTH (2 * DNS_NAME_MAX) /* of decompression: no type here has more than two names */
#define ARENA_BLOCK 8192
#define SOA_MINIMUM_SIZE 4 /* its last field */

struct record {
	enum dns_section section;
	uint16_t type;
	uint16_t size;
	uint32_t ttl_s;
	const uint8_t *owner;
	const uint8_t *rdata;
};

struct lesson {
	struct wgl_cache *cache;
	const struct wgl_reply *reply;
	const uint8_t *name; /* of the question */
	const uint8_t *domain; /* whose names are believed beyond the answer */
	uint16_t type;
	bool is_whole;
	uint64_t now_ms;
	struct arena arena;
	struct record *records; /* sorted */
	size_t count;
};

/* A run of records of one section, type and owner. */
struct run {
	const struct record *records;
	size_t count; /* 0: none */
};

/* ---- decoding ---------------------------------------------------------------------------- */

static bool is_wanted(uint16_t type)
{
	return type == DNS_TYPE_PTR || type == DNS_TYPE_SRV || type == DNS_TYPE_TXT ||
	       type == DNS_TYPE_A || type == DNS_TYPE_AAAA || type == DNS_TYPE_CNAME ||
	       type == DNS_TYPE_SOA || type == DNS_TYPE_NS;
}

/* One record, if it is of any use. Malformed RDATA spoils the whole reply. */
static int decode(struct lesson *lesson, const struct dns_rr *rr, enum dns_section section)
{
	const size_t room = rr->rdata_size + (size_t)RDATA_GROWTH;
	struct record *record = &lesson->records[lesson->count];
	struct buf_writer writer;
	int size;

	if (rr->class != DNS_CLASS_IN || !is_wanted(rr->type)) {
		return WAGGLE_OK;
	}
	/* RDLENGTH 0 of a TXT counts as an empty one (RFC 6763 section 6.1). */
	if (rr->type == DNS_TYPE_TXT && rr->rdata_size == 0) {
		return WAGGLE_OK;
	}
	record->owner = arena_dup(&lesson->arena, rr->owner, dns_name_size(rr->owner));
	uint8_t *rdata = arena_alloc(&lesson->arena, room);
	if (record->owner == NULL || rdata == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	writer = buf_writer(rdata, room);
	size = dns_rr_rdata(&lesson->reply->message, rr, &writer);
	if (size < 0 || size > UINT16_MAX) {
		return WAGGLE_ERR_SERVER;
	}
	record->section = section;
	record->type = rr->type;
	record->size = (uint16_t)size;
	/* RFC 2181 section 8: the top bit makes it 0. */
	record->ttl_s = rr->ttl > DNS_TTL_MAX ? 0 : rr->ttl;
	record->rdata = rdata;
	lesson->count++;
	return WAGGLE_OK;
}

static int compare(const void *one, const void *other)
{
	const struct record *a = one;
	const struct record *b = other;

	if (a->section != b->section) {
		return a->section < b->section ? -1 : 1;
	}
	if (a->type != b->type) {
		return a->type < b->type ? -1 : 1;
	}
	return dns_name_compare(a->owner, b->owner);
}

static int decode_all(struct lesson *lesson)
{
	const struct dns_message *message = &lesson->reply->message;
	const size_t count = (size_t)message->count[DNS_ANSWER] + message->count[DNS_AUTHORITY] +
			     message->count[DNS_ADDITIONAL];

	lesson->records = arena_calloc(&lesson->arena, count + 1, sizeof(struct record));
	if (lesson->records == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	for (enum dns_section section = DNS_ANSWER; section < DNS_SECTIONS; section++) {
		struct dns_walk walk = dns_walk(message, section);
		struct dns_rr rr;

		while (dns_walk_next(&walk, &rr) == 1) {
			const int ret = decode(lesson, &rr, section);

			if (ret != WAGGLE_OK) {
				return ret;
			}
		}
	}
	qsort(lesson->records, lesson->count, sizeof(struct record), compare);
	return WAGGLE_OK;
}

/* ---- finding ----------------------------------------------------------------------------- */

static struct run find(const struct lesson *lesson, enum dns_section section, uint16_t type,
		       const uint8_t *owner)
{
	const struct record wanted = {.section = section, .type = type, .owner = owner};
	size_t low = 0;
	size_t high = lesson->count;
	struct run run = {0};

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if (compare(&lesson->records[middle], &wanted) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	run.records = lesson->records + low;
	while (low + run.count < lesson->count &&
	       compare(&lesson->records[low + run.count], &wanted) == 0) {
		run.count++;
	}
	return run;
}

/* The SOA of the authority section whose zone the name is in. */
static const struct record *find_soa(const struct lesson *lesson, const uint8_t *name)
{
	for (size_t i = 0; i < lesson->count; i++) {
		const struct record *record = &lesson->records[i];

		if (record->section == DNS_AUTHORITY && record->type == DNS_TYPE_SOA &&
		    dns_name_is_in(name, record->owner)) {
			return record;
		}
	}
	return NULL;
}

static bool has_ns(const struct lesson *lesson)
{
	for (size_t i = 0; i < lesson->count; i++) {
		if (lesson->records[i].section == DNS_AUTHORITY &&
		    lesson->records[i].type == DNS_TYPE_NS) {
			return true;
		}
	}
	return false;
}

/* ---- keeping ----------------------------------------------------------------------------- */

static uint32_t smallest_ttl(const struct run *run)
{
	uint32_t ttl_s = UINT32_MAX;

	for (size_t i = 0; i < run->count; i++) {
		ttl_s = run->records[i].ttl_s < ttl_s ? run->records[i].ttl_s : ttl_s;
	}
	return ttl_s;
}

static struct wgl_news begin_news(const struct lesson *lesson, const uint8_t *name, uint16_t type)
{
	return (struct wgl_news){
		.name = name,
		.type = type,
		.known = WGL_RECORDS,
		.is_stale = lesson->reply->is_stale,
		.is_whole = lesson->is_whole,
		.is_direct = (lesson->reply->message.flags & DNS_FLAG_AA) != 0,
	};
}

/* Keeps a run under `name`, with a TTL of at most `limit_s`. */
static int keep(struct lesson *lesson, const struct run *run, const uint8_t *name, uint32_t limit_s)
{
	struct wgl_news news = begin_news(lesson, name, run->records[0].type);
	struct buf_writer writer;
	size_t size = 0;

	for (size_t i = 0; i < run->count; i++) {
		size += 2u + run->records[i].size;
	}
	uint8_t *records = arena_alloc(&lesson->arena, size);
	if (records == NULL) {
		return WAGGLE_ERR_NOMEM;
	}
	writer = buf_writer(records, size);
	for (size_t i = 0; i < run->count; i++) {
		buf_write_u16(&writer, run->records[i].size);
		buf_write(&writer, run->records[i].rdata, run->records[i].size);
	}
	news.ttl_s = smallest_ttl(run);
	news.ttl_s = news.ttl_s < limit_s ? news.ttl_s : limit_s;
	news.count = (uint16_t)run->count;
	news.records = records;
	news.size = size;
	return wgl_cache_put(lesson->cache, &news, lesson->now_ms, lesson->now_ms);
}

/* RFC 2308 section 5: for the SOA's TTL or MINIMUM, whichever is less; without SOA, for now only. */
static int keep_absence(struct lesson *lesson, const uint8_t *end)
{
	struct wgl_news news = begin_news(lesson, lesson->name, lesson->type);
	const struct record *soa = find_soa(lesson, end);

	news.known = lesson->reply->rcode == DNS_RCODE_NXDOMAIN ? WGL_NXDOMAIN : WGL_NODATA;
	if (soa != NULL) {
		const struct run run = {.records = soa, .count = 1};
		struct buf_reader minimum = buf_reader(
			soa->rdata + soa->size - SOA_MINIMUM_SIZE, SOA_MINIMUM_SIZE);
		const uint32_t least_s = buf_read_u32(&minimum);

		news.ttl_s = soa->ttl_s < least_s ? soa->ttl_s : least_s;
		const int ret = keep(lesson, &run, soa->owner, UINT32_MAX);
		if (ret != WAGGLE_OK) {
			return ret;
		}
	}
	return wgl_cache_put(lesson->cache, &news, lesson->now_ms, lesson->now_ms);
}

/* One RRset that the answer leads to, from the answer or the additional section. */
static int keep_extra(struct lesson *lesson, uint16_t type, const uint8_t *owner)
{
	struct run run;

	if (!dns_name_is_in(owner, lesson->domain)) {
		return WAGGLE_OK;
	}
	run = find(lesson, DNS_ADDITIONAL, type, owner);
	return run.count == 0 ? WAGGLE_OK : keep(lesson, &run, run.records[0].owner, UINT32_MAX);
}

static int keep_addresses(struct lesson *lesson, const struct run *services)
{
	for (size_t i = 0; i < services->count; i++) {
		const uint8_t *host = dns_srv_view(services->records[i].rdata).target;
		int ret = keep_extra(lesson, DNS_TYPE_A, host);

		if (ret == WAGGLE_OK) {
			ret = keep_extra(lesson, DNS_TYPE_AAAA, host);
		}
		if (ret != WAGGLE_OK) {
			return ret;
		}
	}
	return WAGGLE_OK;
}

static int keep_instances(struct lesson *lesson, const struct run *pointers)
{
	for (size_t i = 0; i < pointers->count; i++) {
		const uint8_t *instance = pointers->records[i].rdata;
		const struct run services =
			find(lesson, DNS_ADDITIONAL, DNS_TYPE_SRV, instance);
		int ret = keep_extra(lesson, DNS_TYPE_SRV, instance);

		if (ret == WAGGLE_OK) {
			ret = keep_extra(lesson, DNS_TYPE_TXT, instance);
		}
		if (ret == WAGGLE_OK && dns_name_is_in(instance, lesson->domain)) {
			ret = keep_addresses(lesson, &services);
		}
		if (ret != WAGGLE_OK) {
			return ret;
		}
	}
	return WAGGLE_OK;
}

/* ---- the whole --------------------------------------------------------------------------- */

/* Follows aliases from the question's name; *limit_s: their smallest TTL. */
static const uint8_t *follow(const struct lesson *lesson, uint32_t *limit_s)
{
	const uint8_t *name = lesson->name;

	*limit_s = UINT32_MAX;
	for (int i = 0; i < ALIASES_MAX && lesson->type != DNS_TYPE_CNAME; i++) {
		const struct run run = find(lesson, DNS_ANSWER, DNS_TYPE_CNAME, name);

		if (run.count == 0) {
			break;
		}
		*limit_s = run.records[0].ttl_s < *limit_s ? run.records[0].ttl_s : *limit_s;
		name = run.records[0].rdata;
	}
	return name;
}

static int learn(struct lesson *lesson, const char **why)
{
	int ret = decode_all(lesson);
	uint32_t limit_s;

	if (ret != WAGGLE_OK) {
		*why = "a malformed record";
		return ret;
	}
	const uint8_t *end = follow(lesson, &limit_s);
	const struct run run = find(lesson, DNS_ANSWER, lesson->type, end);
	if (run.count == 0) {
		/* No authority and a hint at others: it does not know the zone (RFC 2308 2.2). */
		if (lesson->reply->rcode == DNS_RCODE_NOERROR && find_soa(lesson, end) == NULL &&
		    has_ns(lesson)) {
			*why = "a referral, it does not have the zone";
			return WAGGLE_ERR_SERVER;
		}
		return keep_absence(lesson, end);
	}
	ret = keep(lesson, &run, lesson->name, limit_s);
	if (ret == WAGGLE_OK && lesson->type == DNS_TYPE_PTR) {
		ret = keep_instances(lesson, &run);
	}
	if (ret == WAGGLE_OK && lesson->type == DNS_TYPE_SRV) {
		ret = keep_addresses(lesson, &run);
	}
	return ret;
}

int wgl_learn(struct wgl_cache *cache, const struct wgl_reply *reply, const uint8_t *name,
	      uint16_t type, bool is_whole, const union waggle_address *server, uint64_t now_ms,
	      struct waggle_error *error)
{
	struct lesson lesson = {
		.cache = cache,
		.reply = reply,
		.name = name,
		.domain = wgl_domain_of(name),
		.type = type,
		.is_whole = is_whole,
		.now_ms = now_ms,
	};
	const char *why = "";
	char address[WAGGLE_ADDRESS_TEXT];
	int ret;

	if (reply->rcode != DNS_RCODE_NOERROR && reply->rcode != DNS_RCODE_NXDOMAIN) {
		return wgl_reply_error(error, reply, server);
	}
	arena_init(&lesson.arena, ARENA_BLOCK);
	ret = learn(&lesson, &why);
	arena_deinit(&lesson.arena);
	if (ret == WAGGLE_ERR_SERVER) {
		return wgl_error_set(error, ret, "%s answered with %s",
				     waggle_address_text(address, server), why);
	}
	return ret == WAGGLE_OK ? ret : wgl_error_code(error, ret);
}
