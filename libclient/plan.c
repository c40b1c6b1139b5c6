/*
 * The plans. Each zone that the name may be in is tried in turn, until one has something:
 *
 *   type, subtype   PTR; then for each instance SRV, TXT and its host's addresses
 *                   no PTR there, or WAGGLE_BARE: SRV at the type, and the hosts' addresses
 *   instance        SRV, TXT and the host's addresses
 *   browse          PTR
 *
 * The PTR answer of a server with authority brings all details that fit. When more than two
 * instances lack some, it is asked for again, now by TCP, where 64 KiB fit: one question instead
 * of several. When more than 32 still do, the pool is larger than any consumer needs at once: what
 * is complete is used, where that is enough; else the SRV set at the type, of which the registry
 * gives each client a part.
 */
#include "libclient/plan.h"

#include <stdio.h>
#include <string.h>

#include "dns/rrtype.h"
#include "libclient/error.h"

#define FEW_LACKING 2 /* so many are asked for one by one */
#define MANY_LACKING 32 /* more are not */
#define ENOUGH 64 /* complete instances that make a good answer */

enum outcome {
	FOUND, /* the body has something */
	EMPTY, /* known to be empty */
	WAITING, /* for the needs */
	FAILED, /* nothing known, nothing to be had */
	BROKEN, /* out of memory */
};

struct plan {
	const struct wgl_goal *goal;
	struct wgl_sight *sight;
	struct wgl_body *body;
	bool is_incomplete;
	const char *note; /* about an answer that is not complete, or empty */
};

static const uint8_t services_name[] = "\11_services\7_dns-sd\4_udp";

int wgl_goal_parse(struct wgl_goal *out, enum wgl_verb verb, const char *name, unsigned flags,
		   struct waggle_error *error)
{
	struct wgl_target *target = &out->target;

	if ((flags & ~(WAGGLE_BARE | WAGGLE_OFFLINE | WAGGLE_REFRESH)) != 0) {
		return wgl_error_set(error, WAGGLE_ERR_ARGUMENT, "flags that are not known");
	}
	out->verb = verb;
	out->is_bare = (flags & WAGGLE_BARE) != 0;
	if (verb == WGL_BROWSE && name == NULL) {
		*target = (struct wgl_target){.kind = WGL_DOMAIN, .is_relative = true};
		memcpy(target->name, services_name, sizeof(services_name));
		return WAGGLE_OK;
	}
	if (name == NULL) {
		return wgl_error_set(error, WAGGLE_ERR_ARGUMENT, "no name");
	}
	if (wgl_target_parse(target, name) != WAGGLE_OK ||
	    target->kind == (verb == WGL_RESOLVE ? WGL_DOMAIN : WGL_INSTANCE)) {
		return wgl_error_set(error, WAGGLE_ERR_NAME, "\"%s\" is no service type%s", name,
				     verb == WGL_RESOLVE ? " or instance" : "");
	}
	if (target->kind == WGL_DOMAIN) {
		uint8_t full[DNS_NAME_MAX];

		if (dns_name_join(full, services_name, target->name) < 0) {
			return wgl_error_set(error, WAGGLE_ERR_NAME, "\"%s\" is too long", name);
		}
		memcpy(target->name, full, sizeof(full));
	}
	return WAGGLE_OK;
}

/* ---- parts ------------------------------------------------------------------------------- */

/*
 * Of which families is a host known to have addresses? One is enough: a server says both at once,
 * where both are there. When neither is known, both are asked for.
 */
static void host_families(const struct wgl_sight *sight, const uint8_t *host, bool *a, bool *aaaa)
{
	const struct wgl_rrset *set = wgl_glance(sight, host, DNS_TYPE_A);

	*a = set != NULL && set->known == WGL_RECORDS;
	set = wgl_glance(sight, host, DNS_TYPE_AAAA);
	*aaaa = set != NULL && set->known == WGL_RECORDS;
	if (!*a && !*aaaa) {
		*a = true;
		*aaaa = true;
	}
}

static void look_host(struct plan *plan, const uint8_t *host, struct wgl_parts *parts)
{
	struct wgl_sight *sight = plan->sight;
	bool has_failed;
	bool a;
	bool aaaa;

	host_families(sight, host, &a, &aaaa);
	if (a) {
		parts->a = wgl_look(sight, host, DNS_TYPE_A);
	}
	if (aaaa) {
		parts->aaaa = wgl_look(sight, host, DNS_TYPE_AAAA);
	}
	has_failed = (a && parts->a == NULL) || (aaaa && parts->aaaa == NULL);
	if (sight->need_count == 0 && has_failed) {
		plan->is_incomplete = true;
		plan->note = "some addresses could not be asked for";
	}
}

static bool lacks_host(const struct wgl_sight *sight, const uint8_t *host)
{
	bool a;
	bool aaaa;

	host_families(sight, host, &a, &aaaa);
	return (a && wgl_would_ask(sight, host, DNS_TYPE_A)) ||
	       (aaaa && wgl_would_ask(sight, host, DNS_TYPE_AAAA));
}

/* Does an instance lack something that could be asked for? */
static bool lacks(const struct wgl_sight *sight, const uint8_t *instance)
{
	const struct wgl_rrset *set = wgl_glance(sight, instance, DNS_TYPE_SRV);
	const uint8_t *rdata;
	uint16_t size;
	size_t at = 0;

	if (wgl_would_ask(sight, instance, DNS_TYPE_SRV) ||
	    wgl_would_ask(sight, instance, DNS_TYPE_TXT)) {
		return true;
	}
	while (set != NULL && set->known == WGL_RECORDS &&
	       (rdata = wgl_rrset_next(set, &at, &size)) != NULL) {
		if (lacks_host(sight, dns_srv_view(rdata).target)) {
			return true;
		}
	}
	return false;
}

/* The endpoints of one set of SRV records; `instance` and `txt` may be NULL. */
static enum outcome add_services(struct plan *plan, const struct wgl_rrset *set,
				 const uint8_t *instance, const struct wgl_rrset *txt)
{
	const uint8_t *rdata;
	uint16_t size;
	size_t at = 0;

	while ((rdata = wgl_rrset_next(set, &at, &size)) != NULL) {
		struct wgl_parts parts = {.instance = instance, .srv = rdata, .txt = txt};
		const uint8_t *host = dns_srv_view(rdata).target;

		/* RFC 2782: "." is decidedly no service here. */
		if (host[0] == 0) {
			continue;
		}
		look_host(plan, host, &parts);
		if (plan->sight->need_count == 0 &&
		    wgl_body_add_endpoint(plan->body, &parts) != WAGGLE_OK) {
			return BROKEN;
		}
	}
	if (plan->sight->need_count > 0) {
		return WAITING;
	}
	return wgl_body_count(plan->body) > 0 ? FOUND : EMPTY;
}

/* One instance; what it lacks becomes needs. */
static enum outcome add_instance(struct plan *plan, const uint8_t *instance)
{
	struct wgl_sight *sight = plan->sight;
	const struct wgl_rrset *txt = NULL;
	const struct wgl_rrset *srv = wgl_look(sight, instance, DNS_TYPE_SRV);

	if (!plan->goal->is_bare) {
		txt = wgl_look(sight, instance, DNS_TYPE_TXT);
		if (txt == NULL && sight->need_count == 0) {
			plan->is_incomplete = true;
			plan->note = "some TXT records could not be asked for";
		}
	}
	if (srv == NULL) {
		return sight->need_count > 0 ? WAITING : FAILED;
	}
	if (srv->known != WGL_RECORDS) {
		return sight->need_count > 0 ? WAITING : EMPTY;
	}
	return add_services(plan, srv, instance, txt);
}

/* ---- plans ------------------------------------------------------------------------------- */

static enum outcome plan_srv(struct plan *plan, const uint8_t *name)
{
	const struct wgl_rrset *set = wgl_look(plan->sight, name, DNS_TYPE_SRV);

	if (set == NULL) {
		return plan->sight->need_count > 0 ? WAITING : FAILED;
	}
	return set->known == WGL_RECORDS ? add_services(plan, set, NULL, NULL) : EMPTY;
}

/* How many instances of the set lack something. */
static size_t count_lacking(const struct plan *plan, const struct wgl_rrset *set)
{
	size_t count = 0;
	const uint8_t *instance;
	uint16_t size;
	size_t at = 0;

	while ((instance = wgl_rrset_next(set, &at, &size)) != NULL) {
		count += lacks(plan->sight, instance) ? 1 : 0;
	}
	return count;
}

/* All instances, or those that lack nothing. */
static enum outcome add_instances(struct plan *plan, const struct wgl_rrset *set, bool all)
{
	bool has_failed = false;
	const uint8_t *instance;
	uint16_t size;
	size_t at = 0;

	while ((instance = wgl_rrset_next(set, &at, &size)) != NULL) {
		enum outcome outcome;

		if (!all && lacks(plan->sight, instance)) {
			continue;
		}
		outcome = add_instance(plan, instance);
		if (outcome == BROKEN) {
			return BROKEN;
		}
		has_failed = has_failed || outcome == FAILED;
	}
	if (plan->sight->need_count > 0) {
		return WAITING;
	}
	if (has_failed || !all) {
		plan->is_incomplete = true;
		plan->note = has_failed ? "some instances could not be asked for"
					: "a part of a large pool";
	}
	if (wgl_body_count(plan->body) > 0) {
		return FOUND;
	}
	return has_failed ? FAILED : EMPTY;
}

static enum outcome plan_pointers(struct plan *plan, const uint8_t *name,
				  const struct wgl_rrset *set)
{
	size_t lacking;

	/* No server could say who is there: who they are will not be said either. */
	plan->sight->is_resigned = plan->sight->mark != WAGGLE_FRESH;
	lacking = count_lacking(plan, set);
	if (lacking > FEW_LACKING && set->is_direct && !set->is_whole &&
	    wgl_may_ask(plan->sight, name, DNS_TYPE_PTR)) {
		/* What is older than this request may do with one small answer. */
		wgl_need(plan->sight, name, DNS_TYPE_PTR, wgl_is_new(plan->sight, set));
		return WAITING;
	}
	if (lacking <= MANY_LACKING) {
		return add_instances(plan, set, true);
	}
	if (set->count - lacking >= ENOUGH) {
		return add_instances(plan, set, false);
	}
	const enum outcome outcome = plan_srv(plan, name);
	if (outcome == FOUND) {
		plan->is_incomplete = true;
		plan->note = "a large pool: without instance names and TXT";
	}
	return outcome == FAILED || outcome == EMPTY ? add_instances(plan, set, false) : outcome;
}

static enum outcome plan_type(struct plan *plan, const uint8_t *name)
{
	const struct wgl_rrset *set;

	if (plan->goal->is_bare) {
		return plan_srv(plan, name);
	}
	set = wgl_look(plan->sight, name, DNS_TYPE_PTR);
	if (set == NULL) {
		return plan->sight->need_count > 0 ? WAITING : FAILED;
	}
	switch (set->known) {
	case WGL_RECORDS:
		return plan_pointers(plan, name, set);
	case WGL_NODATA:
		return plan_srv(plan, name);
	default:
		return EMPTY;
	}
}

static enum outcome plan_browse(struct plan *plan, const uint8_t *name)
{
	const struct wgl_rrset *set = wgl_look(plan->sight, name, DNS_TYPE_PTR);
	const uint8_t *target;
	uint16_t size;
	size_t at = 0;

	if (set == NULL) {
		return plan->sight->need_count > 0 ? WAITING : FAILED;
	}
	if (set->known != WGL_RECORDS) {
		return EMPTY;
	}
	while ((target = wgl_rrset_next(set, &at, &size)) != NULL) {
		if (wgl_body_add_entry(plan->body, target) != WAGGLE_OK) {
			return BROKEN;
		}
	}
	return FOUND;
}

static enum outcome plan_name(struct plan *plan, const uint8_t *name)
{
	if (plan->goal->verb == WGL_BROWSE) {
		return plan_browse(plan, name);
	}
	return plan->goal->target.kind == WGL_INSTANCE ? add_instance(plan, name)
						       : plan_type(plan, name);
}

/* ---- the whole --------------------------------------------------------------------------- */

static int finish(struct plan *plan, const uint8_t *name)
{
	const struct wgl_sight *sight = plan->sight;
	struct wgl_quality quality = {
		.mark = sight->mark,
		.said_ms = sight->said_ms,
		.until_ms = sight->mark == WAGGLE_FRESH ? sight->fresh_ms : sight->hold_ms,
		.is_complete = !plan->is_incomplete,
	};
	char reason[sizeof(sight->failure.text) + 64];
	const bool has_failure = sight->failure.code != WAGGLE_OK;
	const bool is_good = quality.mark == WAGGLE_FRESH && quality.is_complete;

	/* What could not be had may be there the next time. */
	if (quality.until_ms == UINT64_MAX || (plan->is_incomplete && has_failure)) {
		quality.until_ms = 0;
	}
	snprintf(reason, sizeof(reason), "%s%s%s", plan->note == NULL ? "" : plan->note,
		 plan->note != NULL && has_failure ? ": " : "",
		 has_failure ? sight->failure.text : "");
	if (reason[0] == '\0') {
		snprintf(reason, sizeof(reason), "%s",
			 sight->is_final ? sight->excuse_text : "the server has it stale itself");
	}
	return wgl_body_finish(plan->body, name, &quality, is_good ? NULL : reason);
}

/* One zone's try, with a fresh body. */
static enum outcome try_name(struct plan *plan, const uint8_t *name)
{
	wgl_body_unref(plan->body);
	plan->sight->is_resigned = false;
	plan->is_incomplete = false;
	plan->note = NULL;
	return wgl_body_new(&plan->body) == WAGGLE_OK ? plan_name(plan, name) : BROKEN;
}

static int failure(const struct wgl_sight *sight, struct waggle_error *error)
{
	if (sight->failure.code == WAGGLE_OK) {
		return wgl_error_set(error, sight->excuse, "nothing is known, and %s",
				     sight->excuse_text);
	}
	if (error != NULL) {
		*error = sight->failure;
	}
	return sight->failure.code;
}

/* The names to try, in order. */
struct tries {
	uint8_t names[WGL_ZONES_MAX][DNS_NAME_MAX];
	size_t count;
};

static int make_tries(struct tries *tries, const struct wgl_goal *goal,
		      const struct wgl_settings *settings, struct waggle_error *error)
{
	static const uint8_t root[] = {0};

	tries->count = 0;
	if (!goal->target.is_relative) {
		tries->count = 1;
		(void)wgl_target_full(tries->names[0], &goal->target, root);
		return WAGGLE_OK;
	}
	if (settings->zone_count == 0) {
		return wgl_error_set(error, WAGGLE_ERR_CONFIG,
				     "no zone is known: give one, set WAGGLE_ZONE, or write the "
				     "name in full");
	}
	for (size_t i = 0; i < settings->zone_count; i++) {
		if (wgl_target_full(tries->names[tries->count], &goal->target,
				    settings->zones[i]) == WAGGLE_OK) {
			tries->count++;
		}
	}
	if (tries->count == 0) {
		return wgl_error_set(error, WAGGLE_ERR_NAME, "the name is too long for the zone");
	}
	return WAGGLE_OK;
}

int wgl_plan(struct wgl_body **out, const struct wgl_goal *goal,
	     const struct wgl_settings *settings, struct wgl_sight *sight,
	     struct waggle_error *error)
{
	struct plan plan = {.goal = goal, .sight = sight};
	enum outcome outcome = EMPTY;
	bool has_failed = false;
	struct tries tries;
	size_t at = 0;
	int ret;

	*out = NULL;
	ret = make_tries(&tries, goal, settings, error);
	if (ret != WAGGLE_OK) {
		return ret;
	}
	wgl_sight_begin(sight);
	for (; at < tries.count; at++) {
		outcome = try_name(&plan, tries.names[at]);
		if (outcome != EMPTY && outcome != FAILED) {
			break;
		}
		has_failed = has_failed || outcome == FAILED;
	}
	if (outcome == WAITING) {
		ret = WGL_WAIT;
	} else if (outcome == BROKEN) {
		ret = wgl_error_code(error, WAGGLE_ERR_NOMEM);
	} else if (outcome != FOUND && has_failed) {
		ret = failure(sight, error);
	} else if (finish(&plan, tries.names[at == tries.count ? 0 : at]) != WAGGLE_OK) {
		ret = wgl_error_code(error, WAGGLE_ERR_NOMEM);
	} else {
		*out = plan.body;
		return WAGGLE_OK;
	}
	wgl_body_unref(plan.body);
	return ret;
}
