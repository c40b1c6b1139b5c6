#include "base/err.h"
#include "dns/update.h"
#include "tests/unit/run.h"

#define IN DNS_CLASS_IN
#define NONE DNS_CLASS_NONE
#define ANY DNS_CLASS_ANY
#define FORMERR DNS_RCODE_FORMERR
#define NOTZONE DNS_RCODE_NOTZONE

struct form_case {
	const char *owner;
	uint16_t class;
	uint16_t type;
	uint32_t ttl;
	uint16_t rdata_size;
	int result;
	int form;
};

static struct dns_rr record(const struct form_case *c)
{
	struct dns_rr rr = {
		.type = c->type, .class = c->class, .ttl = c->ttl, .rdata_size = c->rdata_size};

	ck_assert_int_gt(dns_name_from_text(rr.owner, c->owner, NULL), 0);
	return rr;
}

START_TEST(prerequisites_have_five_forms)
{
	static const struct form_case cases[] = {
		{"a.test.", ANY, DNS_TYPE_ANY, 0, 0, OK, DNS_PREREQ_NAME_USED},
		{"a.test.", ANY, DNS_TYPE_A, 0, 0, OK, DNS_PREREQ_RRSET_EXISTS},
		{"A.TEST.", NONE, DNS_TYPE_ANY, 0, 0, OK, DNS_PREREQ_NAME_UNUSED},
		{"test.", NONE, 65280, 0, 0, OK, DNS_PREREQ_RRSET_MISSING},
		{"a.test.", IN, DNS_TYPE_A, 0, 4, OK, DNS_PREREQ_RRSET_EQUALS},
		{"a.test.", IN, DNS_TYPE_NULL, 0, 0, OK, DNS_PREREQ_RRSET_EQUALS},
		{"a.test.", ANY, DNS_TYPE_A, 1, 0, FORMERR, 0},
		{"a.test.", IN, DNS_TYPE_A, 1, 4, FORMERR, 0},
		{"a.other.", ANY, DNS_TYPE_A, 0, 0, NOTZONE, 0},
		{"a.other.", ANY, DNS_TYPE_A, 1, 0, FORMERR, 0}, /* the TTL comes first */
		{"a.other.", ANY, DNS_TYPE_A, 0, 4, NOTZONE, 0}, /* the zone before the rest */
		{"a.other.", DNS_CLASS_CH, DNS_TYPE_A, 0, 0, NOTZONE, 0},
		{"a.test.", ANY, DNS_TYPE_A, 0, 4, FORMERR, 0},
		{"a.test.", NONE, DNS_TYPE_A, 0, 4, FORMERR, 0},
		{"a.test.", NONE, DNS_TYPE_ANY, 0, 4, FORMERR, 0},
		{"a.test.", DNS_CLASS_CH, DNS_TYPE_A, 0, 0, FORMERR, 0},
		{"a.test.", 0, DNS_TYPE_A, 0, 0, FORMERR, 0},
		/* No type is forbidden; there is no such set. */
		{"a.test.", IN, DNS_TYPE_ANY, 0, 0, OK, DNS_PREREQ_RRSET_EQUALS},
		{"a.test.", ANY, DNS_TYPE_AXFR, 0, 0, OK, DNS_PREREQ_RRSET_EXISTS},
		{"a.test.", NONE, 0, 0, 0, OK, DNS_PREREQ_RRSET_MISSING},
	};
	const uint8_t zone[] = {4, 't', 'e', 's', 't', 0};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct dns_rr rr = record(&cases[i]);
		enum dns_prereq_form form;

		ck_assert_int_eq(dns_prereq_form(&form, &rr, dns_name_is_in(rr.owner, zone)),
				 cases[i].result);
		ck_assert(cases[i].result != OK || (int)form == cases[i].form);
	}
}
END_TEST

START_TEST(updates_have_four_forms)
{
	static const struct form_case cases[] = {
		{"a.test.", IN, DNS_TYPE_A, 60, 4, OK, DNS_UPDATE_ADD},
		{"test.", IN, 65280, 0, 0, OK, DNS_UPDATE_ADD},
		{"a.test.", IN, DNS_TYPE_A, DNS_TTL_MAX, 4, OK, DNS_UPDATE_ADD},
		{"a.test.", ANY, DNS_TYPE_A, 0, 0, OK, DNS_UPDATE_DELETE_RRSET},
		{"a.tEst.", ANY, DNS_TYPE_ANY, 0, 0, OK, DNS_UPDATE_DELETE_NAME},
		{"a.test.", NONE, DNS_TYPE_A, 0, 4, OK, DNS_UPDATE_DELETE_RR},
		{"a.test.", NONE, DNS_TYPE_NULL, 0, 0, OK, DNS_UPDATE_DELETE_RR},
		{"a.other.", IN, DNS_TYPE_A, 60, 4, NOTZONE, 0},
		{"a.other.", ANY, DNS_TYPE_A, 1, 4, NOTZONE, 0}, /* the zone comes first */
		{"atest.", IN, DNS_TYPE_A, 60, 4, NOTZONE, 0},
		{"a.test.", IN, DNS_TYPE_A, DNS_TTL_MAX + 1, 4, OK, DNS_UPDATE_ADD},
		{"a.test.", IN, 0, 60, 4, FORMERR, 0},
		{"a.test.", IN, DNS_TYPE_OPT, 60, 4, FORMERR, 0},
		{"a.test.", IN, DNS_TYPE_ANY, 60, 4, FORMERR, 0},
		{"a.test.", IN, DNS_TYPE_MAILA, 60, 4, FORMERR, 0},
		{"a.test.", IN, DNS_TYPE_MAILB, 60, 4, FORMERR, 0},
		{"a.test.", IN, DNS_TYPE_AXFR, 60, 4, FORMERR, 0},
		{"a.test.", IN, DNS_TYPE_NXNAME, 60, 4, FORMERR, 0},
		{"a.test.", ANY, DNS_TYPE_A, 1, 0, FORMERR, 0},
		{"a.test.", ANY, DNS_TYPE_A, 0, 4, FORMERR, 0},
		{"a.test.", ANY, DNS_TYPE_MAILB, 0, 0, FORMERR, 0},
		{"a.test.", ANY, 0, 0, 0, FORMERR, 0},
		{"a.test.", NONE, DNS_TYPE_A, 1, 4, FORMERR, 0},
		{"a.test.", NONE, DNS_TYPE_ANY, 0, 0, FORMERR, 0},
		{"a.test.", NONE, DNS_TYPE_MAILA, 0, 0, FORMERR, 0},
		{"a.test.", DNS_CLASS_CH, DNS_TYPE_A, 0, 4, FORMERR, 0},
	};
	const uint8_t zone[] = {4, 'T', 'e', 's', 't', 0};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const struct dns_rr rr = record(&cases[i]);
		enum dns_update_form form;

		ck_assert_int_eq(dns_update_form(&form, &rr, dns_name_is_in(rr.owner, zone)),
				 cases[i].result);
		ck_assert(cases[i].result != OK || (int)form == cases[i].form);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		prerequisites_have_five_forms,
		updates_have_four_forms,
	};

	return run_tests("update", tests, COUNT_OF(tests));
}
