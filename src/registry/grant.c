/*
 * Leases: what is granted to a command, and what a name that it adds to gets (RFC 9664, design 7).
 */
#include "base/err.h"
#include "dns/update.h"
#include "registry/inside.h"

static uint32_t clamp(uint32_t value, uint32_t low, uint32_t high)
{
	return value < low ? low : value > high ? high : value;
}

static bool has_adds(const struct evaluation *evaluation)
{
	for (size_t i = 0; i < evaluation->update.update_count; i++) {
		if (evaluation->changes[i].form == DNS_UPDATE_ADD) {
			return true;
		}
	}
	return false;
}

void grant_lease(const struct zone_shape *shape, const struct dns_lease *asked,
		 struct dns_lease *granted)
{
	*granted = *asked;
	if (asked->lease_s == 0) {
		return;
	}
	granted->lease_s = clamp(asked->lease_s, shape->lease_min_s, shape->lease_max_s);
	granted->key_lease_s = asked->has_key ? clamp(asked->key_lease_s, granted->lease_s,
						      shape->key_lease_max_s > granted->lease_s
							      ? shape->key_lease_max_s
							      : granted->lease_s)
					      : granted->lease_s;
}

int grant(struct evaluation *evaluation)
{
	const struct zone_shape *shape = zone_shape(evaluation->plan->zone);
	const struct dns_lease *asked = &evaluation->update.lease;

	if (!asked->present) {
		if (shape->lease_default == ZONE_LEASE_REFUSE && has_adds(evaluation)) {
			return result_refuse(
				&evaluation->plan->result, DNS_RCODE_REFUSED, DNS_EDE_PROHIBITED,
				"this zone takes registrations with a lease only (RFC 9664)");
		}
		return OK;
	}
	evaluation->is_removal = asked->lease_s == 0;
	grant_lease(shape, asked, &evaluation->plan->result.lease);
	return OK;
}

uint32_t lease_for(const struct evaluation *evaluation, const struct draft *draft)
{
	const struct zone_shape *shape = zone_shape(evaluation->plan->zone);

	if (evaluation->update.lease.present) {
		return evaluation->plan->result.lease.lease_s;
	}
	/* The lease of a shared name is for what was added with it alone. */
	if (draft->content.lease_s > 0 &&
	    owner_equal(&draft->content.owner, &evaluation->update.owner)) {
		return draft->content.lease_s;
	}
	return shape->lease_default == ZONE_LEASE_DURATION ? shape->lease_default_s : 0;
}
