#include "tests/sim/compare.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/rrtype.h"
#include "tests/sim/wire.h"
#include "tests/unit/run.h"
#include "tests/unit/zone/walk_leases.h"
#include "zone/rdata.h"
#include "zone/text.h"

#define mismatch(these, ...) ((these)->tell((these)->context), ck_abort_msg(__VA_ARGS__))

/* Not ck_assert(), which has a system call for what holds, too. */
#define expect(claim) ((claim) ? (void)0 : ck_abort_msg("not " #claim))

void compare_pages(const struct compared *these, struct page *is, struct page *wanted,
		   const char *what)
{
	page_sort(is);
	page_sort(wanted);
	if (!page_equal(is, wanted)) {
		page_print_difference(stderr, is, wanted);
		mismatch(these, "%s differs", what);
	}
}

/*
 * The text of an RDATA, until the next one. Few are drawn and each is seen many thousand times, so that
 * what they were is kept, each in the one place where it may be.
 */
static const char *text_of(const struct delta_rr *rr)
{
	static struct known {
		char *text;
		uint16_t type, size;
		uint8_t rdata[256];
	} all[1024];
	uint32_t hash = rr->type;
	struct known *known;

	for (size_t i = 0; i < rr->size; i++) {
		hash = (hash ^ rr->rdata[i]) * 16777619;
	}
	known = &all[hash >> 22];
	if (known->text == NULL || known->type != rr->type || known->size != rr->size ||
	    memcmp(known->rdata, rr->rdata, rr->size) != 0) {
		free(known->text);
		expect(rr->size <= sizeof(known->rdata));
		expect(text_rdata(&known->text, rr->type, rr->rdata, rr->size) == OK);
		known->type = rr->type;
		known->size = rr->size;
		memcpy(known->rdata, rr->rdata, rr->size);
	}
	return known->text;
}

int compare_add_delta(void *page, const struct delta_rr *rr)
{
	char owner[DNS_NAME_TEXT_MAX];
	char type[16];

	page_add(page, "%s %u IN %s %s", dns_name_to_text(owner, rr->name), rr->ttl,
		 rdata_type_text(type, rr->type), text_of(rr));
	return OK;
}

void compare_add(struct page *page, const struct model_rr *rr)
{
	char type[16];

	page_add(page, "%s %u IN %s %s", rr->name, rr->ttl, rdata_type_text(type, rr->type),
		 rr->rdata);
}

/* Every set that the zone has at one of our names, by looking it up. */
static void add_sets(const struct compared *these, struct page *page)
{
	for (size_t i = 0; i < model_name_count; i++) {
		struct zone_find find = {.name = wire_names[i]};
		uint8_t scratch[SET_SCRATCH];
		struct set set;
		uint64_t at = 0;

		zone_find(these->root, &find, 1);
		while (find.node != NULL && node_next_set(these->zone, find.node, &at, &set)) {
			struct delta_rr rr = {
				.name = wire_names[i], .type = set.type, .ttl = set.ttl};
			struct set same;

			expect(node_set(these->zone, find.node, set.type, &same));
			expect(same.count == set.count);
			for (uint32_t k = 0; k < set.count; k++) {
				rr.rdata = set_member(&same, k, scratch, &rr.size);
				expect(set_has(&set, rr.rdata, rr.size));
				compare_add_delta(page, &rr);
			}
		}
	}
}

void compare_content(const struct compared *these)
{
	static struct page is;
	static struct page wanted;

	page_clear(&wanted);
	for (size_t i = 0; i < these->view->count; i++) {
		compare_add(&wanted, &these->view->rrs[i]);
	}
	page_clear(&is);
	expect(zone_walk_rrs(these->zone, compare_add_delta, &is) == OK);
	compare_pages(these, &is, &wanted, "the zone, record by record,");
	page_clear(&is);
	add_sets(these, &is);
	compare_pages(these, &is, &wanted, "what is found by name");
}

static uint64_t subtypes_of(int name, const struct content *content)
{
	uint64_t bits = 0;

	for (size_t at = 0; at < content->subtypes_size; at += content->subtypes[at] + 1u) {
		const uint8_t *label = content->subtypes + at;

		for (size_t i = 0; i < model_name_count; i++) {
			if (model_names[i].place == PLACE_SUBTYPE &&
			    strcmp(model_names[i].type, model_names[name].type) == 0 &&
			    dns_octets_equal(wire_names[i], label, label[0] + 1u)) {
				bits |= UINT64_C(1) << i;
			}
		}
	}
	return bits;
}

/* Owner, lease, flags, publication: what the zone knows of a name beside its records. */
static void compare_entry(const struct compared *these, int name)
{
	const struct model_entry *wanted = &these->model->entries[name];
	const struct node *node = zone_entry(these->zone, wire_names[name]);
	const struct owner owner = wire_owner(wanted->owner);
	const char *text = model_names[name].text;
	struct content is = {0};

	if ((node != NULL) != model_has_entry(these->model, name)) {
		mismatch(these, "%s: %s", text, node != NULL ? "has an entry" : "has no entry");
	}
	if (node == NULL) {
		return;
	}
	node_content(node, &is, NULL, 0);
	if (!owner_equal(&is.owner, &owner)) {
		mismatch(these, "%s: another owner", text);
	}
	if (these->model->time_s > 0 && wanted->owner >= MODEL_KEY_A &&
	    wanted->owner <= MODEL_KEY_B && is.signed_s != wanted->signed_s) {
		mismatch(these, "%s: mark %llu, not %llu", text, (unsigned long long)is.signed_s,
			 (unsigned long long)wanted->signed_s);
	}
	if (is.lease_s != wanted->lease_s || is.key_lease_s != wanted->key_lease_s ||
	    (node_lease(node) != NULL) != (wanted->lease_s > 0)) {
		mismatch(these, "%s: lease %u/%u, not %u/%u", text, is.lease_s, is.key_lease_s,
			 wanted->lease_s, wanted->key_lease_s);
	}
	if (wanted->lease_s > 0 &&
	    (is.version != wanted->version || node_lease(node)->lease_s != wanted->lease_s)) {
		mismatch(these, "%s: the registration's version differs", text);
	}
	if (((is.flags & NAME_PTR) != 0) != wanted->has_ptr ||
	    ((is.flags & NAME_OVERDUE) != 0) != wanted->is_overdue ||
	    ((is.flags & NAME_HELD) != 0) != wanted->is_held ||
	    subtypes_of(name, &is) != wanted->subtypes) {
		mismatch(these, "%s: flags or subtypes differ", text);
	}
	if (node_is_published(these->zone, node) != model_is_published(these->model, name)) {
		mismatch(these, "%s: published or not", text);
	}
}

static void count_lease(void *context, struct lease *lease, bool is_new)
{
	(void)lease;
	(void)is_new;
	++*(size_t *)context;
}

void compare_state(const struct compared *these)
{
	size_t instances = 0;
	size_t leases = 0;
	size_t seen = 0;

	for (int i = 0; i < (int)model_name_count; i++) {
		compare_entry(these, i);
		leases += these->model->entries[i].lease_s > 0;
		instances += model_place(these->model, i) == PLACE_INSTANCE &&
			     model_has_entry(these->model, i);
	}
	root_walk_leases(these->root, count_lease, &seen);
	expect(seen == leases);
	expect(zone_lease_count(these->zone) == leases);
	expect(zone_instance_count(these->zone) == instances);
	expect(zone_is_served(these->zone) == these->model->is_served);
}
