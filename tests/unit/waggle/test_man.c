#include <ctype.h>
#include <string.h>

#include "tests/unit/run.h"
#include "tests/unit/waggle/table.h"
#include "waggle/command.h"
#include "waggle/say.h"
#include "waggle/service.h"

static const char *const pages[] = {"src/man/waggle.1"};

/* Is there a line of the page that begins so, and goes on with an end or a space? */
static bool has_line(const char *page, const char *begin)
{
	const size_t size = strlen(begin);

	for (const char *at = page; at != NULL; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, begin, size) == 0 && strchr("\n ", at[size]) != NULL) {
			return true;
		}
	}
	return false;
}

/* "ADDRESS@PORT" as mdoc has it: "address@port". */
static void value_text(char *out, size_t size, const char *value)
{
	size_t i = 0;

	for (; value[i] != '\0' && i + 1 < size; i++) {
		out[i] = (char)tolower((unsigned char)value[i]);
	}
	out[i] = '\0';
}

static void option_line(char *out, size_t size, const struct option_row *row)
{
	char value[64] = "";
	char argument[80] = "";

	if (row->value != NULL) {
		value_text(value, sizeof(value), row->value);
		snprintf(argument, sizeof(argument), " Ar %s", value);
	}
	if (row->letter == 0) {
		snprintf(out, size, ".It Fl -%s%s", row->name, argument);
	} else {
		snprintf(out, size, ".It Fl %c%s , Fl -%s%s", row->letter, argument, row->name,
			 argument);
	}
}

static void check_options(const char *page, const struct option_row *row)
{
	for (; row != NULL && row->name != NULL; row++) {
		char line[256];

		option_line(line, sizeof(line), row);
		ck_assert_msg(has_line(page, line), "%s", line);
	}
}

START_TEST(every_command_and_option_stands_in_the_manual)
{
	char *page = file_text(pages[0]);

	check_options(page, global_options);
	for (const struct command *command = commands; command->name != NULL; command++) {
		char line[128];

		snprintf(line, sizeof(line), ".It Cm %s", command->name);
		ck_assert_msg(has_line(page, line), "%s", line);
		check_options(page, command->options);
	}
	free(page);
}
END_TEST

static bool is_option(const char *text, size_t size)
{
	for (const struct command *command = commands; command->name != NULL; command++) {
		for (const struct option_row *row = command->options;
		     row != NULL && row->name != NULL; row++) {
			if (strlen(row->name) == size && strncmp(row->name, text, size) == 0) {
				return true;
			}
		}
	}
	for (const struct option_row *row = global_options; row->name != NULL; row++) {
		if (strlen(row->name) == size && strncmp(row->name, text, size) == 0) {
			return true;
		}
	}
	return false;
}

START_TEST(the_manual_has_no_other_options)
{
	char *page = file_text(pages[0]);

	for (const char *at = strstr(page, "Fl -"); at != NULL; at = strstr(at, "Fl -")) {
		at += strlen("Fl -");
		const size_t size = strspn(at, "abcdefghijklmnopqrstuvwxyz-");
		ck_assert_msg(size == 0 || is_option(at, size), "--%.*s", (int)size, at);
	}
	free(page);
}
END_TEST

START_TEST(every_key_of_a_file_stands_in_the_manual)
{
	char *page = file_text(pages[0]);
	const char *files = strstr(page, ".Sh FILES");

	ck_assert_ptr_nonnull(files);
	for (size_t i = 0; service_key(i) != NULL; i++) {
		char line[64];

		snprintf(line, sizeof(line), ".It Cm %s", service_key(i));
		ck_assert_msg(has_line(files, line), "%s", line);
	}
	free(page);
}
END_TEST

START_TEST(every_setting_but_name_type_and_port_is_an_option)
{
	for (size_t i = 3; service_key(i) != NULL; i++) {
		ck_assert_msg(is_option(service_key(i), strlen(service_key(i))), "%s",
			      service_key(i));
	}
}
END_TEST

START_TEST(every_exit_code_stands_in_the_manual)
{
	static const int codes[] = {END_OK,      END_NOTHING, END_USAGE,      END_NO_ANSWER,
				    END_REFUSED, END_FAILED,  END_CANNOT_RUN, END_NO_COMMAND};
	char *page = file_text(pages[0]);
	const char *status = strstr(page, ".Sh EXIT STATUS");

	ck_assert_ptr_nonnull(status);
	for (size_t i = 0; i < COUNT_OF(codes); i++) {
		char line[32];

		snprintf(line, sizeof(line), ".It %d", codes[i]);
		ck_assert_msg(has_line(status, line), "%s", line);
	}
	free(page);
}
END_TEST

/* ---- completion -------------------------------------------------------------------------- */

/* Is `word` one of the words of the shell variable NAME='...'? */
static bool variable_has(const char *script, const char *name, const char *word)
{
	char head[64];
	const size_t size = strlen(word);

	snprintf(head, sizeof(head), "\n%s='", name);
	const char *at = strstr(script, head);
	ck_assert_msg(at != NULL, "%s", name);
	at += strlen(head);
	while (*at != '\'') {
		const size_t length = strcspn(at, " \t\n'");

		if (length == size && strncmp(at, word, size) == 0) {
			return true;
		}
		at += length + (at[length] != '\'');
	}
	return false;
}

static void check_completion(const char *script, const char *variable, const struct option_row *row)
{
	for (; row != NULL && row->name != NULL; row++) {
		char words[2][64];

		snprintf(words[0], sizeof(words[0]), "--%s", row->name);
		snprintf(words[1], sizeof(words[1]), "-%c", row->letter);
		for (size_t i = 0; i < 2 && (i == 0 || row->letter != 0); i++) {
			ck_assert_msg(variable_has(script, variable, words[i]), "%s", words[i]);
			ck_assert_msg(variable_has(script, "_waggle_values", words[i]) ==
					      (row->value != NULL),
				      "%s takes a value, or not", words[i]);
		}
	}
}

START_TEST(the_completion_knows_every_command_and_option)
{
	char *script = file_text("contrib/completions/waggle");

	check_completion(script, "_waggle_options", global_options);
	for (const struct command *command = commands; command->name != NULL; command++) {
		char variable[64];

		snprintf(variable, sizeof(variable), "_waggle_%s_options", command->name);
		ck_assert_msg(variable_has(script, "_waggle_commands", command->name), "%s",
			      command->name);
		check_completion(script, variable, command->options);
	}
	free(script);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_command_and_option_stands_in_the_manual,
		the_manual_has_no_other_options,
		every_key_of_a_file_stands_in_the_manual,
		every_setting_but_name_type_and_port_is_an_option,
		every_exit_code_stands_in_the_manual,
		the_completion_knows_every_command_and_option,
	};

	return run_tests("waggle man", tests, COUNT_OF(tests));
}
