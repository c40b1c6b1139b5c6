/* Names are compared as octets: no folded name is the beginning of another, so any order does. */
#include "conf/index.h"

#include <stdlib.h>
#include <string.h>

#include "dns/name.h"

static int compare(const uint8_t *one, const uint8_t *other)
{
	const size_t one_size = dns_name_size(one);
	const size_t other_size = dns_name_size(other);

	return memcmp(one, other, one_size < other_size ? one_size : other_size);
}

/* Equal names stay in the order of the array. */
static int compare_items(const void *one, const void *other)
{
	const uint8_t *one_name = *(const uint8_t *const *)one;
	const uint8_t *other_name = *(const uint8_t *const *)other;
	const int order = compare(one_name, other_name);

	return order != 0 ? order : one_name < other_name ? -1 : 1;
}

const uint8_t **index_new(struct arena *arena, const void *items, size_t count, size_t size)
{
	const uint8_t **names = arena_calloc(arena, count, sizeof(names[0]));

	if (names == NULL) {
		return NULL;
	}
	for (size_t i = 0; i < count; i++) {
		names[i] = (const uint8_t *)items + i * size;
	}
	qsort(names, count, sizeof(names[0]), compare_items);
	return names;
}

const uint8_t *index_twice(const uint8_t **names, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		if (compare(names[i - 1], names[i]) == 0) {
			return names[i];
		}
	}
	return NULL;
}

const uint8_t *index_find(const uint8_t **names, size_t count, const uint8_t *name)
{
	uint8_t folded[DNS_NAME_MAX];
	size_t first = 0;

	dns_name_fold(folded, name);
	while (first < count) {
		const size_t middle = first + (count - first) / 2;
		const int order = compare(folded, names[middle]);

		if (order == 0) {
			return names[middle];
		}
		if (order < 0) {
			count = middle;
		} else {
			first = middle + 1;
		}
	}
	return NULL;
}
