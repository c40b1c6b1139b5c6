/*
 * Choosing among endpoints (RFC 2782, "Usage rules"): the lowest priority first; inside one,
 * entries of weight 0 stand before the others, r is uniform in 0 .. sum of the weights, both ends
 * included, and the first entry whose running sum reaches r is next.
 *
 * "In any order" is made even: entries that r = 0 would leave to their place in the list are drawn
 * evenly, or all clients would choose the same one of a pool without weights.
 */
#include "libclient/pick.h"

#include <stdbool.h>

/* One endpoint of a list, by its place in `order`; all when `order` is NULL. */
struct field {
	const struct waggle_endpoint *const *endpoints;
	const size_t *order; /* NULL: as they stand */
	size_t begin;
	size_t end;
};

/* The candidates of a field: those of one priority that have an address. */
struct group {
	uint16_t priority;
	size_t count;
	size_t weightless;
	uint64_t sum;
};

static const struct waggle_endpoint *at(const struct field *field, size_t place)
{
	return field->endpoints[field->order == NULL ? place : field->order[place]];
}

/* Uniform in 0 .. limit - 1. */
static uint64_t below(uint64_t limit, wgl_random_fn random, void *context)
{
	const uint64_t rest = (0 - limit) % limit; /* 2^64 mod limit */
	uint64_t number;

	do {
		number = random(context);
	} while (number < rest);
	return number % limit;
}

static struct group lowest(const struct field *field)
{
	struct group group = {0};

	for (size_t i = field->begin; i < field->end; i++) {
		const struct waggle_endpoint *endpoint = at(field, i);

		if (endpoint->address_count == 0 ||
		    (group.count > 0 && endpoint->priority > group.priority)) {
			continue;
		}
		if (group.count > 0 && endpoint->priority < group.priority) {
			group = (struct group){0};
		}
		group.priority = endpoint->priority;
		group.count++;
		group.weightless += endpoint->weight == 0 ? 1 : 0;
		group.sum += endpoint->weight;
	}
	return group;
}

static bool is_in(const struct group *group, const struct waggle_endpoint *endpoint)
{
	return endpoint->address_count > 0 && endpoint->priority == group->priority;
}

/* The place of one candidate drawn evenly: of weight 0 where there is one, else of all. */
static size_t draw_even(const struct field *field, const struct group *group, uint64_t left)
{
	for (size_t i = field->begin; i < field->end; i++) {
		const struct waggle_endpoint *endpoint = at(field, i);

		if (is_in(group, endpoint) && (group->weightless == 0 || endpoint->weight == 0) &&
		    left-- == 0) {
			return i;
		}
	}
	return field->end;
}

static size_t draw(const struct field *field, const struct group *group, wgl_random_fn random,
		   void *context)
{
	const uint64_t r = below(group->sum + 1, random, context);
	const uint64_t even = group->weightless > 0 ? group->weightless : group->count;
	uint64_t sum = 0;

	if (r == 0) {
		return draw_even(field, group, below(even, random, context));
	}
	for (size_t i = field->begin; i < field->end; i++) {
		const struct waggle_endpoint *endpoint = at(field, i);

		if (is_in(group, endpoint)) {
			sum += endpoint->weight;
			if (sum >= r) {
				return i;
			}
		}
	}
	return field->end;
}

const struct waggle_endpoint *wgl_pick(const struct waggle_endpoint *const *endpoints, size_t count,
				       wgl_random_fn random, void *context)
{
	const struct field field = {.endpoints = endpoints, .end = count};
	const struct group group = lowest(&field);

	return group.count == 0 ? NULL : endpoints[draw(&field, &group, random, context)];
}

size_t wgl_order(const struct waggle_endpoint *const *endpoints, size_t count, size_t *order,
		 wgl_random_fn random, void *context)
{
	struct field field = {.endpoints = endpoints, .order = order, .end = count};

	for (size_t i = 0; i < count; i++) {
		order[i] = i;
	}
	for (; field.begin < count; field.begin++) {
		const struct group group = lowest(&field);
		size_t chosen;
		size_t place;

		if (group.count == 0) {
			break;
		}
		place = draw(&field, &group, random, context);
		chosen = order[place];
		order[place] = order[field.begin];
		order[field.begin] = chosen;
	}
	return field.begin;
}
