/* Every lease that a root's names have, for tests. */
#pragma once

#include "zone/inside.h"

struct lease_walk {
	lease_fn fn;
	void *context;
};

static inline int walk_lease(void *context, void *value)
{
	const struct lease_walk *walk = context;
	struct lease *lease = node_lease(value);

	if (lease != NULL) {
		walk->fn(walk->context, lease, true);
	}
	return 0;
}

static inline int walk_zone_leases(void *context, void *value)
{
	const struct zone *zone = value;
	const int ret = pmap_walk(&zone->names, walk_lease, context);

	return ret != 0 ? ret : pmap_walk(&zone->pending, walk_lease, context);
}

static inline void root_walk_leases(const struct root *root, lease_fn fn, void *context)
{
	struct lease_walk walk = {.fn = fn, .context = context};

	pmap_walk(&root->zones, walk_zone_leases, &walk);
}
