#include "zone/object.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define BAG_MAX 510 /* with its head, a page */
#define BAG_FIRST 30

void txn_begin(struct txn *txn, struct slabs *slabs, const struct siphash_key *hash)
{
	*txn = (struct txn){.slabs = slabs, .hash = *hash};
}

static size_t bag_room(const struct bag *bag)
{
	return bag->next == NULL ? BAG_FIRST : BAG_MAX;
}

void txn_bulk(struct txn *txn)
{
	txn->is_bulk = true;
	slabs_grow(txn->slabs, true);
}

static bool bag_put(struct bag **bag, struct object *object)
{
	if (*bag == NULL || (*bag)->count == bag_room(*bag)) {
		const size_t room = *bag == NULL ? BAG_FIRST : BAG_MAX;
		struct bag *fresh = malloc(sizeof(*fresh) + room * sizeof(object));
		if (fresh == NULL) {
			return false;
		}
		fresh->next = *bag;
		fresh->count = 0;
		*bag = fresh;
	}
	(*bag)->objects[(*bag)->count++] = object;
	return true;
}

void object_free(struct slabs *slabs, void *object)
{
	const struct object *old = object;

	if (old != NULL) {
		slabs_release(slabs, object, old->class_of);
	}
}

struct scrap {
	struct object object;
	struct object *next;
};

/* Of the scrap, cleared; it is in the bag of the made already. NULL: none. */
static void *reuse(struct txn *txn, size_t size)
{
	const uint8_t class_of = slab_class(size);
	struct object *object = txn->scrap[class_of];

	if (object == NULL) {
		return NULL;
	}
	txn->scrap[class_of] = ((struct scrap *)object)->next;
	memset(object, 0, size);
	*object = (struct object){.state = OBJECT_MADE, .class_of = class_of};
	return object;
}

void txn_scrap(struct txn *txn, void *object)
{
	struct object *old = object;
	const bool was_made = txn_made(old);

	txn_drop(txn, old);
	if (was_made && old->class_of != 0) {
		struct scrap *scrap = object;
		scrap->next = txn->scrap[old->class_of];
		txn->scrap[old->class_of] = old;
	}
}

void *txn_new(struct txn *txn, size_t size)
{
	uint8_t class_of;
	void *again = reuse(txn, size);

	if (again != NULL) {
		return again;
	}
	struct object *object = slabs_alloc(txn->slabs, size, &class_of);

	if (object == NULL) {
		txn->failed = true;
		return NULL;
	}
	object->class_of = class_of;
	object->state = OBJECT_MADE;
	if ((!txn->is_bulk || class_of == 0) && !bag_put(&txn->made, object)) {
		object_free(txn->slabs, object);
		txn->failed = true;
		return NULL;
	}
	return object;
}

void *txn_own(struct txn *txn, void *object, size_t size)
{
	if (txn_made(object)) {
		return object;
	}
	struct object *copy = txn_new(txn, size);
	if (copy == NULL) {
		return NULL;
	}
	memcpy((char *)copy + sizeof(*copy), (char *)object + sizeof(*copy), size - sizeof(*copy));
	txn_drop(txn, object);
	return copy;
}

void txn_drop(struct txn *txn, void *object)
{
	struct object *old = object;

	if (old == NULL) {
		return;
	}
	if (txn_made(old)) {
		old->state = OBJECT_UNMADE;
	} else if (!bag_put(&txn->dropped, old)) {
		txn->failed = true;
	}
}

static void bags_free(struct bag *bag)
{
	while (bag != NULL) {
		struct bag *next = bag->next;
		free(bag);
		bag = next;
	}
}

/* In a slab: what is released has another state than these (slab.h). */
static void keep_object(void *context, struct slabs *slabs, void *place)
{
	struct object *object = place;

	(void)context;
	if (object->state == OBJECT_MADE) {
		object->state = OBJECT_KEPT;
	} else if (object->state == OBJECT_UNMADE) {
		object_free(slabs, object);
	}
}

static void free_made(void *context, struct slabs *slabs, void *place)
{
	const struct object *object = place;

	(void)context;
	if (object->state == OBJECT_MADE || object->state == OBJECT_UNMADE) {
		object_free(slabs, place);
	}
}

struct bag *txn_commit(struct txn *txn)
{
	struct bag *dropped = txn->dropped;

	for (struct bag *bag = txn->made; bag != NULL; bag = bag->next) {
		for (size_t i = 0; i < bag->count; i++) {
			struct object *object = bag->objects[i];
			if (object->state == OBJECT_UNMADE) {
				object_free(txn->slabs, object);
			} else {
				object->state = OBJECT_KEPT;
			}
		}
	}
	/* Behind the bags, as it tells what was released by its state. */
	if (txn->is_bulk) {
		slabs_grow(txn->slabs, false);
		slabs_each(txn->slabs, keep_object, NULL);
	}
	bags_free(txn->made);
	txn->made = NULL;
	txn->dropped = NULL;
	return dropped;
}

void txn_abort(struct txn *txn)
{
	bag_free(txn->slabs, txn->made);
	if (txn->is_bulk) {
		slabs_grow(txn->slabs, false);
		slabs_each(txn->slabs, free_made, NULL);
	}
	bags_free(txn->dropped);
	txn->made = NULL;
	txn->dropped = NULL;
}

size_t bag_size(const struct bag *bag)
{
	size_t size = 0;

	for (; bag != NULL; bag = bag->next) {
		for (size_t i = 0; i < bag->count; i++) {
			struct object *object = bag->objects[i];

			size += object->class_of == 0 ? malloc_usable_size(object)
						      : slab_size(object->class_of);
		}
	}
	return size;
}

struct bag *bag_free_some(struct slabs *slabs, struct bag *bag, size_t *left)
{
	while (bag != NULL && *left > 0) {
		struct bag *next = bag->next;
		for (; bag->count > 0 && *left > 0; --*left) {
			object_free(slabs, bag->objects[--bag->count]);
		}
		if (bag->count > 0) {
			break;
		}
		free(bag);
		bag = next;
	}
	return bag;
}

struct bag *bag_free_young(struct slabs *slabs, struct bag *bag, size_t *left)
{
	struct bag *to = bag;
	size_t at = 0;

	for (struct bag *from = bag; from != NULL; from = from->next) {
		const size_t count = from->count;
		for (size_t i = 0; i < count; i++) {
			struct object *object = from->objects[i];
			*left -= *left > 0;
			if (slabs_is_young(slabs, object, object->class_of)) {
				object_free(slabs, object);
				continue;
			}
			if (at == bag_room(to)) {
				to->count = at;
				to = to->next;
				at = 0;
			}
			to->objects[at++] = object;
		}
	}
	if (to == NULL) {
		return NULL;
	}
	bags_free(to->next);
	to->next = NULL;
	to->count = at;
	return bag;
}

void bag_free(struct slabs *slabs, struct bag *bag)
{
	size_t all = SIZE_MAX;

	bag_free_some(slabs, bag, &all);
}
