/* The forms of RFC 2136, judged in the order of its pseudocode. Only class IN has zones here. */
#include "dns/update.h"

#include "base/err.h"
#include "dns/rrtype.h"

/* A type that an RRset can have. */
static bool is_data(uint16_t type)
{
	return !dns_rrtype_is_meta(type);
}

static bool is_data_or_any(uint16_t type)
{
	return type == DNS_TYPE_ANY || is_data(type);
}

/* Section 3.2.5. It forbids no type: of those that no set can have, there is none. */
int dns_prereq_form(enum dns_prereq_form *form, const struct dns_rr *rr, bool is_in_zone)
{
	const bool is_any = rr->type == DNS_TYPE_ANY;

	if (rr->ttl != 0) {
		return DNS_RCODE_FORMERR;
	}
	if (!is_in_zone) {
		return DNS_RCODE_NOTZONE;
	}
	switch (rr->class) {
	case DNS_CLASS_ANY:
		*form = is_any ? DNS_PREREQ_NAME_USED : DNS_PREREQ_RRSET_EXISTS;
		return rr->rdata_size == 0 ? OK : DNS_RCODE_FORMERR;
	case DNS_CLASS_NONE:
		*form = is_any ? DNS_PREREQ_NAME_UNUSED : DNS_PREREQ_RRSET_MISSING;
		return rr->rdata_size == 0 ? OK : DNS_RCODE_FORMERR;
	case DNS_CLASS_IN:
		*form = DNS_PREREQ_RRSET_EQUALS;
		return OK;
	default:
		return DNS_RCODE_FORMERR;
	}
}

/* Section 3.4.1.3. */
int dns_update_form(enum dns_update_form *form, const struct dns_rr *rr, bool is_in_zone)
{
	if (!is_in_zone) {
		return DNS_RCODE_NOTZONE;
	}
	if (rr->class != DNS_CLASS_IN && rr->ttl != 0) {
		return DNS_RCODE_FORMERR;
	}
	switch (rr->class) {
	case DNS_CLASS_IN:
		*form = DNS_UPDATE_ADD;
		return is_data(rr->type) ? OK : DNS_RCODE_FORMERR;
	case DNS_CLASS_ANY:
		*form = rr->type == DNS_TYPE_ANY ? DNS_UPDATE_DELETE_NAME : DNS_UPDATE_DELETE_RRSET;
		return rr->rdata_size == 0 && is_data_or_any(rr->type) ? OK : DNS_RCODE_FORMERR;
	case DNS_CLASS_NONE:
		*form = DNS_UPDATE_DELETE_RR;
		return is_data(rr->type) ? OK : DNS_RCODE_FORMERR;
	default:
		return DNS_RCODE_FORMERR;
	}
}
