#include "base/list.h"
#include "tests/unit/run.h"

struct item {
	int number;
	struct list link;
};

/* The numbers in the list, both ways, against `expected`. */
static void check_numbers(const struct list *head, const int *expected, size_t count)
{
	const struct list *link = head;

	for (size_t i = 0; i < count; i++) {
		link = link->next;
		ck_assert_int_eq(list_entry(link, struct item, link)->number, expected[i]);
		ck_assert_ptr_eq(link->prev->next, link);
	}
	ck_assert_ptr_eq(link->next, head);
	ck_assert_ptr_eq(head->prev, link);
}

START_TEST(items_keep_their_order)
{
	struct item items[] = {{.number = 1}, {.number = 2}, {.number = 3}};
	struct list head;

	list_init(&head);
	ck_assert(list_is_empty(&head));
	for (size_t i = 0; i < COUNT_OF(items); i++) {
		list_append(&head, &items[i].link);
	}
	ck_assert(!list_is_empty(&head));
	check_numbers(&head, (const int[]){1, 2, 3}, 3);
	list_remove(&items[1].link);
	list_remove(&items[1].link);
	check_numbers(&head, (const int[]){1, 3}, 2);
	list_remove(&items[0].link);
	list_remove(&items[2].link);
	ck_assert(list_is_empty(&head));
}
END_TEST

START_TEST(splice_moves_all_and_empties_the_source)
{
	struct item items[] = {{.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
	struct list to;
	struct list from;

	list_init(&to);
	list_init(&from);
	list_splice(&to, &from);
	ck_assert(list_is_empty(&to));
	list_append(&to, &items[0].link);
	list_append(&to, &items[1].link);
	list_append(&from, &items[2].link);
	list_append(&from, &items[3].link);
	list_splice(&to, &from);
	ck_assert(list_is_empty(&from));
	check_numbers(&to, (const int[]){1, 2, 3, 4}, 4);
	list_splice(&from, &to);
	check_numbers(&from, (const int[]){1, 2, 3, 4}, 4);
	ck_assert(list_is_empty(&to));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		items_keep_their_order,
		splice_moves_all_and_empties_the_source,
	};

	return run_tests("list", tests, COUNT_OF(tests));
}
