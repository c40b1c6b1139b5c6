/* What the table of commands says of itself, and of this program. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "conf/value.h"
#include "libclient/waggle.h"
#include "waggle/client.h"
#include "waggle/command.h"
#include "waggle/json.h"

#define OPTION_WIDTH 30

static void print_option(const struct option_row *row)
{
	char text[64];
	const char letter[] = {'-', row->letter, ',', ' ', '\0'};

	snprintf(text, sizeof(text), "%s--%s%s%s", row->letter == 0 ? "    " : letter, row->name,
		 row->value == NULL ? "" : " ", row->value == NULL ? "" : row->value);
	printf("  %-*s  %s\n", OPTION_WIDTH, text, row->help);
}

static void print_options(const char *head, const struct option_row *row)
{
	if (row == NULL || row->name == NULL) {
		return;
	}
	printf("\n%s\n", head);
	for (; row->name != NULL; row++) {
		print_option(row);
	}
}

static void print_all(void)
{
	puts("usage: waggle [OPTION ...] COMMAND [ARGUMENT ...]\n\nCommands:");
	for (const struct command *command = commands; command->name != NULL; command++) {
		printf("  %-10s %s\n", command->name, command->help);
	}
	print_options("Options of all commands:", global_options);
	puts("\nWhat no option says is taken from WAGGLE_SERVER, WAGGLE_ZONE, WAGGLE_KEY and\n"
	     "WAGGLE_CONTROL, then from /etc/resolv.conf. `waggle help COMMAND` has more, "
	     "waggle(1) "
	     "all.");
}

static void print_one(const struct command *command)
{
	printf("usage: waggle %s [OPTION ...] %s\n", command->name, command->synopsis);
	if (strcmp(command->name, "register") == 0) {
		puts("       waggle register [OPTION ...] -f FILE [-- COMMAND ...]");
	}
	printf("\n%c%s.\n", command->help[0] - 'a' + 'A', command->help + 1);
	print_options("Options:", command->options);
	print_options("Options of all commands:", global_options);
}

int help_run(const struct options *options)
{
	const char *name = options->argument_count > 0 ? options->arguments[0] : NULL;
	const struct command *command = name == NULL ? NULL : command_find(name);

	if (name != NULL && command == NULL) {
		char quoted[VALUE_QUOTE_MAX];
		char text[VALUE_QUOTE_MAX + 64];

		snprintf(text, sizeof(text), "there is no command %s; `waggle help` lists them",
			 value_quote(quoted, name));
		return (int)client_refuse(options, "usage", text, END_USAGE);
	}
	if (options->is_json) {
		return json_help(stdout) == OK ? END_OK : (int)client_fail_memory(options);
	}
	if (command == NULL) {
		print_all();
	} else {
		print_one(command);
	}
	return END_OK;
}

int version_run(const struct options *options)
{
	if (options->is_json) {
		return json_version(stdout) == OK ? END_OK : (int)client_fail_memory(options);
	}
	puts("waggle " PACKAGE_VERSION);
	return END_OK;
}
