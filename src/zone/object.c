#include "zone/object.h"

#include <stdlib.h>
#include <string.h>

void txn_begin(struct txn *txn, uint64_t version, const struct siphash_key *hash)
{
	*txn = (struct txn){.version = version, .hash = *hash};
}

void *txn_new(struct txn *txn, size_t size)
{
	struct object *object = calloc(1, size);

	if (object == NULL) {
		txn->failed = true;
		return NULL;
	}
	object->version = txn->version;
	object->next = txn->made;
	txn->made = object;
	return object;
}

void *txn_own(struct txn *txn, void *object, size_t size)
{
	if (txn_made(txn, object)) {
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
	if (txn_made(txn, old)) {
		old->version = 0;
		return;
	}
	old->next = txn->dropped;
	txn->dropped = old;
}

struct object *txn_commit(struct txn *txn)
{
	struct object *next;

	for (struct object *object = txn->made; object != NULL; object = next) {
		next = object->next;
		if (object->version == 0) {
			free(object);
		}
	}
	txn->made = NULL;
	struct object *dropped = txn->dropped;
	txn->dropped = NULL;
	return dropped;
}

void txn_abort(struct txn *txn)
{
	struct object *next;

	for (struct object *object = txn->made; object != NULL; object = next) {
		next = object->next;
		free(object);
	}
	txn->made = NULL;
	txn->dropped = NULL;
}
