/*
 * Intrusive doubly linked list. The head is a link of its own; an empty list points to itself.
 * All operations are O(1). Thread: its owner's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next;
	struct list *prev;
};

/* The structure of type `type` whose field `field` is the link `link`. */
#define list_entry(link, type, field) ((type *)((char *)(link)-offsetof(type, field)))

static inline void list_init(struct list *head)
{
	head->next = head;
	head->prev = head;
}

static inline bool list_is_empty(const struct list *head)
{
	return head->next == head;
}

/* Appends `link`, which must be in no list. */
static inline void list_append(struct list *head, struct list *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

/* The same as the first. */
static inline void list_prepend(struct list *head, struct list *link)
{
	list_append(head->next, link);
}

/* Takes `link` out of its list; it then points to itself, so a second removal does no harm. */
static inline void list_remove(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

/* Moves all of `from` to the end of `to`. */
static inline void list_splice(struct list *to, struct list *from)
{
	if (list_is_empty(from)) {
		return;
	}
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}
