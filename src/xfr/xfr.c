/*
 * The records of a zone, one after another, in as many messages as they need.
 *
 * The SOA comes first and last (RFC 5936 2.2), and between them every other record once, in no
 * order that means anything. A set larger than a message is cut between two records; a record
 * never is. Names are compressed where they are spelled alike, so that the receiver has each as it
 * stands here (RFC 5936 3.4).
 *
 * Differences (RFC 1995) are to be one more step between opening and closing: they stand in the
 * zone's history (zone_delta()).
 */
#include "xfr/xfr.h"

#include <assert.h>

#include "base/err.h"

void xfr_begin(struct xfr *xfr, const struct zone *zone)
{
	*xfr = (struct xfr){.zone = zone, .step = XFR_OPENS};
}

int xfr_write_soa(const struct zone *zone, struct dns_writer *writer)
{
	const struct node *apex = zone_node(zone, zone_apex(zone));
	uint8_t scratch[SET_SCRATCH];
	struct set set;
	uint16_t size;

	if (apex == NULL || !node_set(zone, apex, DNS_TYPE_SOA, &set)) {
		return ERR_DAMAGED; /* it is not served then */
	}
	const uint8_t *rdata = set_member(&set, 0, scratch, &size);
	return dns_writer_rr(writer, DNS_ANSWER, zone_apex(zone), DNS_TYPE_SOA, DNS_CLASS_IN,
			     set.ttl, rdata, size);
}

/* Goes on to the next set that has a member left; false: there is none. */
static bool next_set(struct xfr *xfr)
{
	while (xfr->member == xfr->set.count || xfr->set.type == DNS_TYPE_SOA) {
		xfr->member = 0;
		while (xfr->node == NULL ||
		       !node_next_set(xfr->zone, xfr->node, &xfr->set_at, &xfr->set)) {
			xfr->node = zone_next_node(xfr->zone, &xfr->at);
			if (xfr->node == NULL) {
				xfr->set.count = 0;
				return false;
			}
			xfr->set_at = 0;
		}
	}
	return true;
}

static int write_member(struct xfr *xfr, struct dns_writer *writer)
{
	uint8_t scratch[SET_SCRATCH];
	uint16_t size;

	const uint8_t *rdata = set_member(&xfr->set, xfr->member, scratch, &size);
	const int ret = dns_writer_rr(writer, DNS_ANSWER, node_name(xfr->node), xfr->set.type,
				      DNS_CLASS_IN, xfr->set.ttl, rdata, size);
	xfr->member += ret == OK ? 1 : 0;
	return ret;
}

/* One record, or none where one step gives way to the next. */
static int write_next(struct xfr *xfr, struct dns_writer *writer)
{
	int ret;

	switch (xfr->step) {
	case XFR_GOES_ON:
		if (!next_set(xfr)) {
			xfr->step = XFR_CLOSES;
			return OK;
		}
		ret = write_member(xfr, writer);
		break;
	case XFR_OPENS:
	case XFR_CLOSES:
		ret = xfr_write_soa(xfr->zone, writer);
		xfr->step += ret == OK ? 1 : 0;
		break;
	default:
		assert(false);
		return OK;
	}
	xfr->records += ret == OK ? 1 : 0;
	return ret;
}

int xfr_fill(struct xfr *xfr, struct dns_writer *writer)
{
	const uint64_t before = xfr->records;
	int ret = OK;

	writer->keeps_case = true;
	while (ret == OK && xfr->step != XFR_IS_OVER && writer->at < XFR_MESSAGE) {
		ret = write_next(xfr, writer);
	}
	if (ret == ERR_SPACE && xfr->records > before) {
		ret = OK; /* it opens the next message */
	}
	if (ret != OK) {
		return ret;
	}
	return xfr->step == XFR_IS_OVER ? OK : 1;
}
