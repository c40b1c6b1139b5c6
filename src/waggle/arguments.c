/*
 * Words from left to right: options by the table, the first other word is the command, the rest are
 * its arguments. Global options stand anywhere, those of a command behind it.
 */
#include "waggle/arguments.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "conf/value.h"

/* The words that are left to read. */
struct words {
	char **argv;
	int argc;
	int at;
};

__attribute__((format(printf, 2, 3))) static int refuse(char problem[PROBLEM_SIZE],
							const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(problem, PROBLEM_SIZE, format, arguments);
	va_end(arguments);
	return ERR_CONF;
}

/* ---- options ----------------------------------------------------------------------------- */

static const struct option_row *find_long(const struct option_row *rows, const char *name,
					  size_t size)
{
	for (; rows != NULL && rows->name != NULL; rows++) {
		if (strlen(rows->name) == size && strncmp(rows->name, name, size) == 0) {
			return rows;
		}
	}
	return NULL;
}

static const struct option_row *find_letter(const struct option_row *rows, char letter)
{
	for (; rows != NULL && rows->name != NULL; rows++) {
		if (rows->letter == letter) {
			return rows;
		}
	}
	return NULL;
}

static int take(const struct option_row *row, struct options *options, const char *value,
		char problem[PROBLEM_SIZE])
{
	char why[PROBLEM_SIZE] = "";
	const int ret = row->take(row, options, value, why);

	return ret == ERR_CONF ? refuse(problem, "--%s: %s", row->name, why) : ret;
}

static int no_option(const struct command *command, const char *word, char *problem)
{
	char quoted[VALUE_QUOTE_MAX];

	value_quote(quoted, word);
	if (command == NULL) {
		return refuse(problem,
			      "%s is no option of every command; `waggle help` lists them, "
			      "those of a command stand behind it",
			      quoted);
	}
	return refuse(problem, "%s is no option of waggle %s; `waggle help %s` lists them", quoted,
		      command->name, command->name);
}

/* "--name", "--name=value", "--name value". */
static int take_long(struct words *words, struct options *options, const struct command *command,
		     char *problem)
{
	const char *word = words->argv[words->at++];
	const char *name = word + 2;
	const size_t size = strcspn(name, "=");
	const char *value = name[size] == '=' ? name + size + 1 : NULL;
	const struct option_row *row = find_long(global_options, name, size);

	if (row == NULL && command != NULL) {
		row = find_long(command->options, name, size);
	}
	if (row == NULL) {
		return no_option(command, word, problem);
	}
	if (row->value == NULL && value != NULL) {
		return refuse(problem, "--%s takes no value", row->name);
	}
	if (row->value != NULL && value == NULL) {
		if (words->at >= words->argc) {
			return refuse(problem, "--%s lacks its value: --%s %s", row->name,
				      row->name, row->value);
		}
		value = words->argv[words->at++];
	}
	return take(row, options, value, problem);
}

/* "-sVALUE", "-s VALUE", "-hV". */
static int take_letters(struct words *words, struct options *options, const struct command *command,
			char *problem)
{
	const char *word = words->argv[words->at++];

	for (const char *at = word + 1; *at != '\0'; at++) {
		const struct option_row *row = find_letter(global_options, *at);
		const char *value = NULL;

		if (row == NULL && command != NULL) {
			row = find_letter(command->options, *at);
		}
		if (row == NULL) {
			return no_option(command, word, problem);
		}
		if (row->value != NULL) {
			if (at[1] == '\0' && words->at >= words->argc) {
				return refuse(problem, "-%c lacks its value: -%c %s", row->letter,
					      row->letter, row->value);
			}
			value = at[1] != '\0' ? at + 1 : words->argv[words->at++];
		}
		const int ret = take(row, options, value, problem);
		if (ret != OK || row->value != NULL) {
			return ret;
		}
	}
	return OK;
}

/* ---- words ------------------------------------------------------------------------------- */

static int take_command(const struct command **command, const char *word, char *problem)
{
	char quoted[VALUE_QUOTE_MAX];

	*command = command_find(word);
	if (*command != NULL) {
		return OK;
	}
	const struct command *guess = command_guess(word);
	if (guess != NULL) {
		return refuse(problem, "there is no command %s; is it %s? `waggle help` lists them",
			      value_quote(quoted, word), guess->name);
	}
	return refuse(problem, "there is no command %s; `waggle help` lists them",
		      value_quote(quoted, word));
}

/* What stands behind "--": a command to run, or arguments that may begin with a dash. */
static int take_rest(struct words *words, struct options *options, const struct command *command,
		     char *problem)
{
	if (command != NULL && command->has_command) {
		options->command = words->argv + words->at;
		if (words->at >= words->argc) {
			return refuse(problem, "there is no command behind --");
		}
		return OK;
	}
	while (words->at < words->argc) {
		options->arguments[options->argument_count++] = words->argv[words->at++];
	}
	return OK;
}

static int check_count(const struct options *options, const struct command *command, char *problem)
{
	if (options->is_help || options->is_version) {
		return OK;
	}
	if (options->argument_count > command->most) {
		char quoted[VALUE_QUOTE_MAX];

		return refuse(problem, "%s is one word too many: waggle %s%s%s",
			      value_quote(quoted, options->arguments[command->most]), command->name,
			      command->synopsis[0] == '\0' ? "" : " ", command->synopsis);
	}
	if (options->argument_count < command->least) {
		return refuse(problem, "something is missing: waggle %s %s", command->name,
			      command->synopsis);
	}
	return OK;
}

int arguments_read(struct options *options, const struct command **command, int argc, char **argv,
		   char problem[PROBLEM_SIZE])
{
	struct words words = {.argv = argv, .argc = argc, .at = 1};
	int ret = OK;

	*command = NULL;
	/* Arguments are collected at the beginning, which has been read by then. */
	options->arguments = argv;
	while (words.at < argc && ret == OK) {
		const char *word = argv[words.at];

		if (strcmp(word, "--") == 0) {
			words.at++;
			ret = take_rest(&words, options, *command, problem);
			break;
		}
		if (strncmp(word, "--", 2) == 0) {
			ret = take_long(&words, options, *command, problem);
		} else if (word[0] == '-' && word[1] != '\0') {
			ret = take_letters(&words, options, *command, problem);
		} else if (*command == NULL) {
			words.at++;
			ret = take_command(command, word, problem);
		} else {
			options->arguments[options->argument_count++] = argv[words.at++];
		}
	}
	return ret == OK && *command != NULL ? check_count(options, *command, problem) : ret;
}
