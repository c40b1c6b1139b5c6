/*
 * The universe, what follows from what was put (design section 6, RFC 6763 4.1, 7.1, 9; RFC 2782),
 * and how a query is answered from it (RFC 1034 4.3.2, 4592, 6672).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/types.h"
#include "tests/sim/model.h"

#define HTTP "_http._tcp." APEX
#define IPP "_ipp._udp." APEX

/* clang-format off */
const struct model_name model_names[] = {
	{.text = APEX, .place = PLACE_APEX},

	{.text = HTTP, .place = PLACE_TYPE, .is_above = true},
	{.text = IPP, .place = PLACE_TYPE, .is_above = true},
	{.text = "_red._sub." HTTP, .place = PLACE_SUBTYPE, .type = HTTP, .is_above = true},
	{.text = "_blue._sub." HTTP, .place = PLACE_SUBTYPE, .type = HTTP, .is_above = true},
	{.text = "_red._sub." IPP, .place = PLACE_SUBTYPE, .type = IPP, .is_above = true},
	{.text = "_services._dns-sd._udp." APEX, .place = PLACE_SERVICES, .is_above = true},

	{.text = "a." HTTP, .place = PLACE_INSTANCE, .type = HTTP},
	{.text = "b\\.c\\032d." HTTP, .place = PLACE_INSTANCE, .type = HTTP},
	{.text = "c." HTTP, .place = PLACE_INSTANCE, .type = HTTP},
	{.text = "_sub." IPP, .is_above = true},
	{.text = "x." IPP, .place = PLACE_INSTANCE, .type = IPP},
	{.text = "y." IPP, .place = PLACE_INSTANCE, .type = IPP},

	{.text = "_tcp." APEX, .is_above = true},
	{.text = "_udp." APEX, .is_above = true},
	{.text = "_dns-sd._udp." APEX, .is_above = true},
	{.text = "_sub." HTTP, .is_above = true},
	{.text = "b._dns-sd._udp." APEX},
	{.text = "below.a." HTTP},
	{.text = "below._red._sub." HTTP},
	{.text = "w._http._tcp.office." APEX},
	{.text = "_http._tcp.office." APEX},

	{.text = "h1." APEX},
	{.text = "h2." APEX},
	{.text = "deep.h1." APEX},
	{.text = "x.y.z." APEX},
	{.text = "z." APEX},
	{.text = "*.w." APEX},
	{.text = "q.w." APEX},
	{.text = "sub.*.w." APEX},

	{.text = "*." APEX, .is_closed = true},
	{.text = "*._tcp." APEX, .is_closed = true},
	{.text = "*." HTTP, .place = PLACE_INSTANCE, .type = HTTP, .is_closed = true},
	{.text = "*.a." HTTP, .is_closed = true},

	{.text = "pool." APEX, .pool = "pool"},
	{.text = "http.pool." APEX, .pool = "pool"},
	{.text = "ipp.udp.pool." APEX, .pool = "pool"},
	{.text = "vip." APEX, .pool = "vip"},
	{.text = "http.vip." APEX, .pool = "vip"},
	{.text = "ipp.udp.vip." APEX, .pool = "vip"},
};

const struct model_rdata model_rdatas[] = {
	{DNS_TYPE_A, "192.0.2.1"},
	{DNS_TYPE_A, "192.0.2.2"},
	{DNS_TYPE_A, "192.0.2.3"},
	{DNS_TYPE_AAAA, "2001:db8::1"},
	{DNS_TYPE_TXT, "\"one\""},
	{DNS_TYPE_TXT, "\"two\" \"three\""},
	{DNS_TYPE_SRV, "0 0 80 h1." APEX},
	{DNS_TYPE_SRV, "0 0 81 h1." APEX},
	{DNS_TYPE_SRV, "0 5 80 h2." APEX},
	{DNS_TYPE_SRV, "1 0 80 h2." APEX},
	{DNS_TYPE_SRV, "1 0 80 deep.h1." APEX},
	{DNS_TYPE_SRV, "2 0 80 h1." APEX},
	{DNS_TYPE_SRV, "0 0 80 a." HTTP},
	{DNS_TYPE_SRV, "0 0 80 host.example."},
	{DNS_TYPE_SRV, "0 0 0 ."},
	{DNS_TYPE_PTR, "a." HTTP},
	{DNS_TYPE_PTR, "b\\.c\\032d." HTTP},
	{DNS_TYPE_PTR, "c." HTTP},
	{DNS_TYPE_PTR, "x." IPP},
	{DNS_TYPE_PTR, "y." IPP},
	{DNS_TYPE_PTR, "*." HTTP},
	{DNS_TYPE_PTR, HTTP},
	{DNS_TYPE_PTR, IPP},
	{DNS_TYPE_PTR, "h1." APEX},
	{DNS_TYPE_PTR, "other.example."},
	{DNS_TYPE_CNAME, "h1." APEX},
	{DNS_TYPE_CNAME, "q.w." APEX},
	{DNS_TYPE_CNAME, "deep.h1." APEX},
	{DNS_TYPE_CNAME, "other.example."},
	{DNS_TYPE_CNAME, "http.pool." APEX},
	{DNS_TYPE_DNAME, "h2." APEX},
	{DNS_TYPE_DNAME, "y.z." APEX},
	{DNS_TYPE_NS, "ns." APEX},
	{DNS_TYPE_NS, "h1." APEX},
	{DNS_TYPE_NS, "ns.example."},
	{DNS_TYPE_KEY, "512 3 15 AwEAAQ=="},
};
/* clang-format on */

const size_t model_name_count = sizeof(model_names) / sizeof(model_names[0]);
const size_t model_rdata_count = sizeof(model_rdatas) / sizeof(model_rdatas[0]);

int model_name_of(const char *text)
{
	for (size_t i = 0; i < model_name_count; i++) {
		if (strcmp(model_names[i].text, text) == 0) {
			return (int)i;
		}
	}
	return NONE;
}

/* ---- names as text ----------------------------------------------------------------------- */

/* The name without its first label. */
static const char *parent(const char *name)
{
	for (; *name != '.'; name++) {
		if (*name == '\\') {
			name++;
		}
	}
	return name + 1;
}

static bool is_in(const char *name, const char *ancestor)
{
	for (; *name != '\0'; name = parent(name)) {
		if (strcmp(name, ancestor) == 0) {
			return true;
		}
	}
	return false;
}

static size_t labels(const char *name)
{
	size_t count = 0;

	for (; *name != '\0'; name = parent(name)) {
		count++;
	}
	return count;
}

/* ---- what follows from what was put ------------------------------------------------------ */

/* Texts are rows of the tables, most often the same row. */
static bool is_same(const char *one, const char *other)
{
	return one == other || strcmp(one, other) == 0;
}

static void add_rr(struct model_view *view, const char *name, uint16_t type, uint32_t ttl,
		   const char *rdata)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct model_rr *rr = &view->rrs[i];

		if (rr->type == type && is_same(rr->name, name) && is_same(rr->rdata, rdata)) {
			return;
		}
	}
	if (view->count == VIEW_MAX) {
		abort();
	}
	view->rrs[view->count++] =
		(struct model_rr){.name = name, .type = type, .ttl = ttl, .rdata = rdata};
}

bool model_is_published(const struct model *model, int name)
{
	if (!model->entries[name].has_ptr || model->entries[name].is_held ||
	    model_place(model, name) != PLACE_INSTANCE) {
		return false;
	}
	for (size_t i = 0; i < model->count; i++) {
		const struct model_record *record = &model->records[i];

		if (record->name == name && model_rdatas[record->rdata].type == DNS_TYPE_SRV) {
			return true;
		}
	}
	return false;
}

static const char *pool_name(const struct model *model, const char *type)
{
	for (size_t i = 0; i < model_name_count; i++) {
		const char *pool = model_names[i].pool;
		const char *start = strcmp(type, HTTP) == 0 ? "http." : "ipp.udp.";

		if (pool != NULL && strcmp(pool, model->shape.pool_label) == 0 &&
		    strncmp(model_names[i].text, start, strlen(start)) == 0) {
			return model_names[i].text;
		}
	}
	abort();
}

/* PTRs and SRVs of the published instances. */
static void add_pools(const struct model *model, struct model_view *view)
{
	const uint32_t ttl = model->shape.ttl_derived_s;

	for (int i = 0; i < (int)model_name_count; i++) {
		const char *type = model_names[i].type;

		if (!model_is_published(model, i)) {
			continue;
		}
		add_rr(view, type, DNS_TYPE_PTR, ttl, model_names[i].text);
		add_rr(view, "_services._dns-sd._udp." APEX, DNS_TYPE_PTR, ttl, type);
		for (int k = 0; k < (int)model_name_count; k++) {
			if ((model->entries[i].subtypes >> k & 1) != 0) {
				add_rr(view, model_names[k].text, DNS_TYPE_PTR, ttl,
				       model_names[i].text);
			}
		}
		for (size_t k = 0; k < model->count; k++) {
			const struct model_rdata *rdata = &model_rdatas[model->records[k].rdata];

			if (model->records[k].name == i && rdata->type == DNS_TYPE_SRV) {
				add_rr(view, type, DNS_TYPE_SRV, ttl, rdata->text);
			}
		}
	}
}

/* Addresses of the hosts of a type at one priority. Says whether there are any. */
static bool add_level(const struct model *model, struct model_view *view, const char *type,
		      long priority)
{
	bool is_any = false;

	for (size_t i = 0; i < model->count; i++) {
		const struct model_record *srv = &model->records[i];
		const struct model_rdata *rdata = &model_rdatas[srv->rdata];

		if (rdata->type != DNS_TYPE_SRV || !model_is_published(model, srv->name) ||
		    strcmp(model_names[srv->name].type, type) != 0 ||
		    strtol(rdata->text, NULL, 10) != priority) {
			continue;
		}
		const int host = model_name_of(strrchr(rdata->text, ' ') + 1);
		for (size_t k = 0; k < model->count; k++) {
			const struct model_rdata *address = &model_rdatas[model->records[k].rdata];

			if (model->records[k].name == host &&
			    (address->type == DNS_TYPE_A || address->type == DNS_TYPE_AAAA)) {
				add_rr(view, pool_name(model, type), address->type,
				       model->shape.ttl_derived_s, address->text);
				is_any = true;
			}
		}
	}
	return is_any;
}

/* The lowest priority that has an address. */
static void add_addresses(const struct model *model, struct model_view *view, const char *type)
{
	for (long priority = 0; priority < 3; priority++) {
		if (add_level(model, view, type, priority)) {
			return;
		}
	}
}

void model_look(const struct model *model, struct model_view *view)
{
	view->count = 0;
	for (size_t i = 0; i < model->count; i++) {
		const struct model_record *record = &model->records[i];

		add_rr(view, model_names[record->name].text, model_rdatas[record->rdata].type,
		       record->ttl, model_rdatas[record->rdata].text);
	}
	add_pools(model, view);
	add_addresses(model, view, HTTP);
	add_addresses(model, view, IPP);
	snprintf(view->soa, sizeof(view->soa), "ns.%s admin.%s %u 3600 600 86400 %u", APEX, APEX,
		 model->serial, model->soa.minimum);
	add_rr(view, APEX, DNS_TYPE_SOA, model->soa.ttl, view->soa);
}

/* ---- answering --------------------------------------------------------------------------- */

bool model_exists(const struct model_view *view, const char *name)
{
	for (size_t i = 0; i < view->count; i++) {
		if (is_in(view->rrs[i].name, name)) {
			return true;
		}
	}
	return false;
}

static const struct model_rr *find(const struct model_view *view, const char *name, uint16_t type)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct model_rr *rr = &view->rrs[i];

		if (strcmp(rr->name, name) == 0 && rr->type == type) {
			return rr;
		}
	}
	return NULL;
}

static void give(struct model_answer *answer, const char *owner, const struct model_rr *rr)
{
	struct model_rr given = *rr;

	given.name = owner;
	for (size_t i = 0; i < answer->count; i++) {
		const struct model_rr *old = &answer->rrs[i];

		if (old->type == given.type && strcmp(old->name, owner) == 0 &&
		    strcmp(old->rdata, given.rdata) == 0) {
			return;
		}
	}
	answer->rrs[answer->count++] = given;
}

/* Ancestor-or-self at which another zone begins, or NULL. */
static const struct model_rr *cut_above(const struct model_view *view, const char *name)
{
	const struct model_rr *cut = NULL;

	for (; strcmp(name, APEX) != 0; name = parent(name)) {
		const struct model_rr *ns = find(view, name, DNS_TYPE_NS);

		cut = ns != NULL ? ns : cut;
	}
	return cut;
}

/* The highest ancestor that has a DNAME, or NULL. */
static const struct model_rr *dname_above(const struct model_view *view, const char *name)
{
	const struct model_rr *dname = NULL;

	while (strcmp(name, APEX) != 0) {
		name = parent(name);
		const struct model_rr *found = find(view, name, DNS_TYPE_DNAME);
		dname = found != NULL ? found : dname;
	}
	return dname;
}

/* DNAME and the CNAME that follows from it; the next name. */
static const char *redirect(struct model_answer *answer, const char *name,
			    const struct model_rr *dname)
{
	char *made = answer->made[answer->made_count++];
	const size_t kept = strlen(name) - strlen(dname->name);

	snprintf(made, sizeof(answer->made[0]), "%.*s%s", (int)kept, name, dname->rdata);
	const struct model_rr cname = {.type = DNS_TYPE_CNAME, .ttl = dname->ttl, .rdata = made};
	give(answer, dname->name, dname);
	give(answer, name, &cname);
	return made;
}

/* Gives what `source` has of the type to `name`; the next name of a chain, or NULL. */
static const char *give_node(const struct model_view *view, struct model_answer *answer,
			     const char *name, const char *source, uint16_t type)
{
	const struct model_rr *cname = find(view, source, DNS_TYPE_CNAME);

	for (size_t i = 0; i < view->count; i++) {
		const struct model_rr *rr = &view->rrs[i];

		if (strcmp(rr->name, source) == 0 && (rr->type == type || type == DNS_TYPE_ANY)) {
			give(answer, name, rr);
		}
	}
	if (cname == NULL || type == DNS_TYPE_ANY || find(view, source, type) != NULL) {
		return NULL;
	}
	give(answer, name, cname);
	return cname->rdata;
}

/* One name; the next of a chain, or NULL at its end. */
static const char *step(const struct model_view *view, struct model_answer *answer,
			const char *name, uint16_t type)
{
	const struct model_rr *cut = cut_above(view, name);
	const struct model_rr *dname = dname_above(view, name);
	char wildcard[600];

	if (cut != NULL && (dname == NULL || labels(cut->name) <= labels(dname->name))) {
		return NULL; /* a referral: nothing in the answer section */
	}
	if (dname != NULL) {
		const char *next = redirect(answer, name, dname);
		return type == DNS_TYPE_CNAME ? NULL : next; /* RFC 6672 3.2 */
	}
	if (model_exists(view, name)) {
		return give_node(view, answer, name, name, type);
	}
	const char *encloser = parent(name);
	while (!model_exists(view, encloser)) {
		encloser = parent(encloser);
	}
	snprintf(wildcard, sizeof(wildcard), "*.%s", encloser);
	if (model_exists(view, wildcard)) {
		return give_node(view, answer, name, wildcard, type);
	}
	answer->rcode = DNS_RCODE_NXDOMAIN;
	return NULL;
}

#define HOPS_MAX 16

void model_ask(const struct model_view *view, const char *name, uint16_t type,
	       struct model_answer *answer)
{
	const char *seen[HOPS_MAX];
	size_t hops = 0;

	answer->rcode = DNS_RCODE_NOERROR;
	answer->count = 0;
	answer->made_count = 0;
	while (name != NULL && is_in(name, APEX)) {
		for (size_t i = 0; i < hops; i++) {
			if (strcmp(seen[i], name) == 0) {
				return; /* a loop: the records, NOERROR */
			}
		}
		if (hops == HOPS_MAX) {
			return;
		}
		seen[hops++] = name;
		name = step(view, answer, name, type);
	}
}
