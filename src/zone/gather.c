/*
 * Errors are what leaves no one meaning (a second SOA, a CNAME beside other records, records below
 * a DNAME); warnings what has one, but not what its author had in mind (another TTL in a set, a
 * name server without an address, records that a delegation hides).
 */
#include "zone/gather.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "crypto/random.h"
#include "dns/name.h"
#include "dns/rrtype.h"

#define ARENA_BLOCK 65536
#define KEY_MAX (2 + DNS_NAME_MAX)

/* What is at one name: the first record there of each kind. */
struct owned {
	const struct entry *cname;
	const struct entry *other;
	const struct entry *ns;
	const struct entry *dname;
	bool has_address;
};

void gather_init(struct gather *gather, const uint8_t *apex, gather_warn_fn warn, void *context)
{
	*gather = (struct gather){.apex = apex, .warn = warn, .context = context};
	gather->last = &gather->first;
	arena_init(&gather->arena, ARENA_BLOCK);
	map_init(&gather->sets, random_u64());
	map_init(&gather->rrs, random_u64());
	map_init(&gather->names, random_u64());
}

void gather_deinit(struct gather *gather)
{
	map_deinit(&gather->names);
	map_deinit(&gather->rrs);
	map_deinit(&gather->sets);
	arena_deinit(&gather->arena);
}

/* ---- sentences --------------------------------------------------------------------------- */

static int fail(char why[GATHER_WHY_MAX], const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int fail(char why[GATHER_WHY_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, GATHER_WHY_MAX, format, args);
	va_end(args);
	return ERR_CONF;
}

static void warn(const struct gather *gather, struct place place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void warn(const struct gather *gather, struct place place, const char *format, ...)
{
	char text[GATHER_WHY_MAX];
	va_list args;

	if (gather->warn == NULL) {
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	gather->warn(gather->context, place, text);
}

#define THERE_MAX 100

/* Another place, as seen from here: "line 3", or with its file. */
static const char *there(char out[THERE_MAX], struct place here, const struct entry *entry)
{
	if (strcmp(here.path, entry->place.path) == 0) {
		snprintf(out, THERE_MAX, "line %d", entry->place.line);
	} else {
		snprintf(out, THERE_MAX, "%.80s:%d", entry->place.path, entry->place.line);
	}
	return out;
}

/* ---- one record -------------------------------------------------------------------------- */

static bool is_wildcard(const uint8_t *name)
{
	return name[0] == 1 && name[1] == '*';
}

int gather_check_place(const struct gather *gather, struct place place, const uint8_t *owner,
		       uint16_t type, char why[GATHER_WHY_MAX])
{
	const bool is_apex = dns_name_equal(owner, gather->apex);
	char one[DNS_NAME_TEXT_MAX];
	char other[DNS_NAME_TEXT_MAX];

	if (!dns_name_is_in(owner, gather->apex)) {
		return fail(why, "%.100s is not in the zone %.100s", dns_name_to_text(one, owner),
			    dns_name_to_text(other, gather->apex));
	}
	if (type == DNS_TYPE_SOA && !is_apex) {
		return fail(why, "a SOA below the apex, at %.200s", dns_name_to_text(one, owner));
	}
	if (type == DNS_TYPE_SOA && gather->soa != NULL) {
		return fail(why, "a second SOA; the first is in %s",
			    there(one, place, gather->soa));
	}
	/* RFC 4592 4.2, 4.4: undefined or discouraged. */
	if ((type == DNS_TYPE_NS || type == DNS_TYPE_DNAME) && is_wildcard(owner)) {
		return fail(why, "%s at a wildcard", type == DNS_TYPE_NS ? "NS" : "DNAME");
	}
	return OK;
}

/* What is at the name; NULL: no memory. `folded` lives as long as the gathering. */
static struct owned *owned_at(struct gather *gather, const uint8_t *folded, size_t size)
{
	struct owned *owned = map_get(&gather->names, folded, size);

	if (owned == NULL) {
		owned = arena_calloc(&gather->arena, 1, sizeof(*owned));
		if (owned != NULL && map_put(&gather->names, folded, size, owned) != OK) {
			return NULL;
		}
	}
	return owned;
}

/* RFC 1034 3.6.2; KEY may stay, RFC 2181 10.1. */
static int check_cname(const struct owned *owned, const struct entry *entry,
		       char why[GATHER_WHY_MAX])
{
	const struct entry *beside = entry->type == DNS_TYPE_CNAME ? owned->other : owned->cname;
	char text[DNS_NAME_TEXT_MAX];
	char line[THERE_MAX];

	if (beside == NULL || entry->type == DNS_TYPE_KEY) {
		return OK;
	}
	return fail(why, "a CNAME beside other records at %.100s, see %s",
		    dns_name_to_text(text, entry->name), there(line, entry->place, beside));
}

/* Notes the record at its name. */
static void own(struct gather *gather, struct owned *owned, const struct entry *entry)
{
	const bool is_apex = dns_name_equal(entry->name, gather->apex);

	switch (entry->type) {
	case DNS_TYPE_CNAME:
		owned->cname = entry;
		return;
	case DNS_TYPE_KEY:
		return;
	case DNS_TYPE_NS:
		gather->has_ns |= is_apex;
		gather->has_delegation |= !is_apex;
		owned->ns = owned->ns != NULL ? owned->ns : entry;
		break;
	case DNS_TYPE_DNAME:
		gather->has_dname = true;
		owned->dname = entry;
		break;
	case DNS_TYPE_A:
	case DNS_TYPE_AAAA:
		owned->has_address = true;
		break;
	case DNS_TYPE_SOA:
		gather->soa = entry;
		break;
	default:
		break;
	}
	owned->other = owned->other != NULL ? owned->other : entry;
}

static struct entry *entry_new(struct gather *gather, const uint8_t *owner, uint16_t type,
			       const struct rdata *rdata)
{
	const size_t name_size = dns_name_size(owner);
	struct entry *entry = arena_alloc(&gather->arena, sizeof(*entry) + name_size);

	if (entry == NULL) {
		return NULL;
	}
	entry->rdata = arena_dup(&gather->arena, rdata->data, rdata->size);
	if (entry->rdata == NULL) {
		return NULL;
	}
	entry->next = NULL;
	entry->alike = 1;
	entry->type = type;
	entry->size = (uint16_t)rdata->size;
	memcpy(entry->name, owner, name_size);
	return entry;
}

static bool is_single(uint16_t type)
{
	return type == DNS_TYPE_CNAME || type == DNS_TYPE_DNAME;
}

/* What the record's set says of it. */
static int check_set(const struct gather *gather, struct entry *set, struct entry *entry,
		     char why[GATHER_WHY_MAX])
{
	char line[THERE_MAX];
	char text[DNS_NAME_TEXT_MAX];
	char type[16];

	if (is_single(entry->type)) {
		return fail(why, "a second %s at this name; the first is in %s",
			    entry->type == DNS_TYPE_CNAME ? "CNAME" : "DNAME",
			    there(line, entry->place, set));
	}
	if (set->alike == GATHER_SET_MAX) {
		return fail(why, "more than %d records of type %s at %.100s", GATHER_SET_MAX,
			    dns_rrtype_to_text(type, entry->type),
			    dns_name_to_text(text, entry->name));
	}
	set->alike++;
	if (entry->ttl != set->ttl) {
		warn(gather, entry->place,
		     "TTL %u is not that of its set, %u in %s, which holds (RFC 2181 5.2)",
		     entry->ttl, set->ttl, there(line, entry->place, set));
		entry->ttl = set->ttl;
	}
	return OK;
}

int gather_add(struct gather *gather, struct place place, const uint8_t *owner, uint16_t type,
	       uint32_t ttl, const struct rdata *rdata, char why[GATHER_WHY_MAX])
{
	const size_t name_size = dns_name_size(owner);
	const size_t set_size = 2 + name_size;
	uint8_t *key = arena_alloc(&gather->arena, set_size + rdata->size);
	struct entry *set;
	struct entry *entry;
	struct owned *owned;
	int ret;

	if (key == NULL) {
		return ERR_NOMEM;
	}
	key[0] = (uint8_t)(type >> 8);
	key[1] = (uint8_t)type;
	dns_name_fold(key + 2, owner);
	dns_rdata_fold(key + set_size, type, rdata->data, (uint16_t)rdata->size);
	if (map_get(&gather->rrs, key, set_size + rdata->size) != NULL) {
		return OK;
	}
	owned = owned_at(gather, key + 2, name_size);
	entry = entry_new(gather, owner, type, rdata);
	if (owned == NULL || entry == NULL) {
		return ERR_NOMEM;
	}
	entry->place = place;
	entry->ttl = ttl;
	set = map_get(&gather->sets, key, set_size);
	ret = check_cname(owned, entry, why);
	if (ret == OK && set != NULL) {
		ret = check_set(gather, set, entry, why);
	}
	if (ret != OK) {
		return ret;
	}
	if (map_put(&gather->rrs, key, set_size + rdata->size, entry) != OK ||
	    (set == NULL && map_put(&gather->sets, key, set_size, entry) != OK)) {
		return ERR_NOMEM;
	}
	own(gather, owned, entry);
	*gather->last = entry;
	gather->last = &entry->next;
	return OK;
}

/* ---- all of them ------------------------------------------------------------------------- */

static const struct owned *find(const struct gather *gather, const uint8_t *name)
{
	uint8_t folded[DNS_NAME_MAX];
	const size_t size = dns_name_fold(folded, name);

	return map_get(&gather->names, folded, size);
}

/* Is the name below a cut, and hidden by it? Glue is not (RFC 1034 4.2.1). */
static bool is_below_cut(const struct gather *gather, const uint8_t *name)
{
	for (; dns_name_is_in(name, gather->apex) && !dns_name_equal(name, gather->apex);
	     name = dns_name_parent(name)) {
		const struct owned *owned = find(gather, name);

		if (owned != NULL && owned->ns != NULL) {
			return true;
		}
	}
	return false;
}

/* The DNAME above the record; NULL: none, as RFC 6672 2.4 wants it. */
static const struct entry *dname_above(const struct gather *gather, const uint8_t *name)
{
	while (!dns_name_equal(name, gather->apex)) {
		const struct owned *owned;

		name = dns_name_parent(name);
		owned = find(gather, name);
		if (owned != NULL && owned->dname != NULL) {
			return owned->dname;
		}
	}
	return NULL;
}

static void check_hidden(const struct gather *gather, const struct entry *entry)
{
	const bool is_glue = entry->type == DNS_TYPE_A || entry->type == DNS_TYPE_AAAA;
	char one[DNS_NAME_TEXT_MAX];

	if (!is_glue && !dns_name_equal(entry->name, gather->apex) &&
	    is_below_cut(gather, dns_name_parent(entry->name))) {
		warn(gather, entry->place, "%.150s is below a delegation and not served",
		     dns_name_to_text(one, entry->name));
	}
}

/* The name that the record sends clients on to, if its type has one. */
static const uint8_t *target_of(const struct entry *entry)
{
	switch (entry->type) {
	case DNS_TYPE_NS:
		return entry->rdata;
	case DNS_TYPE_MX:
		return entry->rdata + 2;
	case DNS_TYPE_SRV:
		return entry->rdata + 6;
	default:
		return NULL;
	}
}

/* RFC 2181 10.3; RFC 1034 4.2.1 */
static void check_target(const struct gather *gather, const struct entry *entry)
{
	const uint8_t *target = target_of(entry);
	const struct owned *owned;
	char text[DNS_NAME_TEXT_MAX];
	char type[16];

	if (target == NULL || !dns_name_is_in(target, gather->apex)) {
		return;
	}
	owned = find(gather, target);
	if (owned != NULL && owned->cname != NULL) {
		warn(gather, entry->place, "the %s target %.100s is a CNAME (RFC 2181 10.3)",
		     dns_rrtype_to_text(type, entry->type), dns_name_to_text(text, target));
	} else if (entry->type == DNS_TYPE_NS && (owned == NULL || !owned->has_address) &&
		   (dns_name_is_in(target, entry->name) || !is_below_cut(gather, target))) {
		warn(gather, entry->place, "the NS target %.100s has no address in the zone",
		     dns_name_to_text(text, target));
	}
}

int gather_check(const struct gather *gather, struct place *place, char why[GATHER_WHY_MAX])
{
	char name[DNS_NAME_TEXT_MAX];
	char line[THERE_MAX];

	if (!gather->has_dname) {
		return OK;
	}
	for (const struct entry *entry = gather->first; entry != NULL; entry = entry->next) {
		const struct entry *dname = dname_above(gather, entry->name);

		if (dname != NULL) {
			*place = entry->place;
			return fail(why, "%.80s is below the DNAME in %s",
				    dns_name_to_text(name, entry->name),
				    there(line, entry->place, dname));
		}
	}
	return OK;
}

/* RFC 8976 */
static void check_digest(const struct gather *gather, const struct entry *entry)
{
	if (entry->type == DNS_TYPE_ZONEMD && dns_name_equal(entry->name, gather->apex)) {
		warn(gather, entry->place,
		     "ZONEMD is the digest of this file; what is registered changes it");
	}
}

void gather_review(const struct gather *gather, bool is_base)
{
	if (gather->warn == NULL) {
		return;
	}
	for (const struct entry *entry = gather->first; entry != NULL; entry = entry->next) {
		if (gather->has_delegation) {
			check_hidden(gather, entry);
		}
		check_target(gather, entry);
		if (is_base) {
			check_digest(gather, entry);
		}
	}
}
