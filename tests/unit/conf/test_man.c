#include <stdio.h>
#include <string.h>

#include "conf/conf.h"
#include "tests/unit/run.h"

/* The manual page; free it. */
static char *page_text(void)
{
	const char *srcdir = getenv("srcdir");
	char path[512];
	char *text = calloc(1, 65536);

	snprintf(path, sizeof(path), "%s/src/man/waggled.conf.5", srcdir == NULL ? "." : srcdir);
	FILE *file = fopen(path, "r");
	ck_assert_msg(file != NULL && text != NULL, "%s", path);
	ck_assert_uint_lt(fread(text, 1, 65535, file), 65535);
	fclose(file);
	return text;
}

/*
 * What the page says of one key, into `out` as one line: all up to the next entry. False: nothing.
 */
static bool find_entry(char *out, size_t size, const char *page, const char *path)
{
	char head[128];

	snprintf(head, sizeof(head), "\n.It Cm %s\n", path);
	const char *entry = strstr(page, head);
	if (entry == NULL) {
		return false;
	}
	entry += strlen(head);
	const char *next = strstr(entry, "\n.It ");
	const char *list = strstr(entry, "\n.El");
	const char *end = next != NULL && next < list ? next : list;
	ck_assert_ptr_nonnull(end);
	ck_assert_uint_lt((size_t)(end - entry), size);
	for (; entry < end; entry++) {
		*out++ = *entry == '\n' ? ' ' : *entry;
	}
	*out = 0;
	return true;
}

START_TEST(every_key_stands_in_the_manual_with_its_range_and_default)
{
	char *page = page_text();
	struct conf_setting setting;
	size_t count = 0;

	for (; conf_setting(count, &setting); count++) {
		char entry[2048];
		char standard[64] = "";

		ck_assert_msg(find_entry(entry, sizeof(entry), page, setting.path), "%s is missing",
			      setting.path);
		ck_assert_msg(strstr(entry, setting.range) != NULL, "%s: not %s", setting.path,
			      setting.range);
		if (strcmp(setting.standard, "required") == 0) {
			strcpy(standard, "Required.");
		} else if (strcmp(setting.standard, "none") != 0) {
			snprintf(standard, sizeof(standard), "Default: %s.", setting.standard);
		}
		ck_assert_msg(strstr(entry, standard) != NULL, "%s: not %s", setting.path,
			      standard);
		ck_assert_str_ne(setting.help, "");
	}
	ck_assert_uint_gt(count, 30);
	free(page);
}
END_TEST

START_TEST(the_manual_has_no_other_keys)
{
	char *page = page_text();
	static const char head[] = "\n.It Cm ";

	for (const char *at = strstr(page, head); at != NULL; at = strstr(at, head)) {
		struct conf_setting setting;
		bool is_known = false;

		at += strlen(head);
		const size_t size = strcspn(at, "\n");
		for (size_t i = 0; conf_setting(i, &setting); i++) {
			is_known = is_known || (strlen(setting.path) == size &&
						strncmp(setting.path, at, size) == 0);
		}
		ck_assert_msg(is_known, "%.*s", (int)size, at);
	}
	free(page);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_key_stands_in_the_manual_with_its_range_and_default,
		the_manual_has_no_other_keys,
	};

	return run_tests("man", tests, COUNT_OF(tests));
}
