/*
 * The forms of prerequisites and updates (RFC 2136 2.4, 2.5) as one enum each, with the checks of
 * 3.2 and 3.4.1 that need no zone data. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dns/message.h"

enum dns_prereq_form {
	DNS_PREREQ_NAME_USED, /* ANY ANY: NXDOMAIN when it fails */
	DNS_PREREQ_RRSET_EXISTS, /* ANY type: NXRRSET */
	DNS_PREREQ_NAME_UNUSED, /* NONE ANY: YXDOMAIN */
	DNS_PREREQ_RRSET_MISSING, /* NONE type: YXRRSET */
	DNS_PREREQ_RRSET_EQUALS, /* IN type, rdata: NXRRSET */
};

enum dns_update_form {
	DNS_UPDATE_ADD, /* IN type ttl rdata */
	DNS_UPDATE_DELETE_RRSET, /* ANY type */
	DNS_UPDATE_DELETE_NAME, /* ANY ANY */
	DNS_UPDATE_DELETE_RR, /* NONE type rdata */
};

/*
 * The form of a record of the prerequisite section. FORMERR or NOTZONE (positive rcode) when it is
 * none, in the order of section 3.2.5; is its owner in the zone? RDATA is checked when read.
 */
int dns_prereq_form(enum dns_prereq_form *form, const struct dns_rr *rr, bool is_in_zone);

/* The same for the update section (3.4.1.3); meta types and TYPE 0: FORMERR. */
int dns_update_form(enum dns_update_form *form, const struct dns_rr *rr, bool is_in_zone);
