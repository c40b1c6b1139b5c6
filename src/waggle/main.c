/*
 * waggle: the command-line tool. It reads the command line by the table of commands, runs the row,
 * and sees to it that what was printed has arrived.
 */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "waggle/arguments.h"
#include "waggle/client.h"
#include "waggle/command.h"
#include "waggle/say.h"

static int refuse(const struct options *options, int ret, const char *problem)
{
	if (ret == ERR_NOMEM) {
		return (int)client_fail_memory(options);
	}
	return (int)client_refuse(options, "usage", problem, END_USAGE);
}

static int run(const struct options *options, const struct command *command)
{
	if (options->is_version) {
		return version_run(options);
	}
	if (options->is_help) {
		/* "waggle register --help" is "waggle help register". */
		char name[32] = "";
		char *arguments[] = {name};
		struct options help = *options;

		help.arguments = arguments;
		help.argument_count = command == NULL ? 0 : 1;
		snprintf(name, sizeof(name), "%s", command == NULL ? "" : command->name);
		return help_run(&help);
	}
	if (command == NULL) {
		return refuse(options, ERR_CONF, "which command? `waggle help` lists them");
	}
	return command->run(options);
}

/* The exit code; a full disk must not look like success. */
static int flush(int code)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0) {
		return code;
	}
	if (errno != EPIPE) {
		say("standard output: %s", strerror(errno));
	}
	return code == END_OK ? END_FAILED : code;
}

int main(int argc, char **argv)
{
	struct services services;
	struct options options = {.services = &services};
	const struct command *command;
	char problem[PROBLEM_SIZE];

	setlocale(LC_CTYPE, "");
	/* Of connections that break; who reads no more of our output shows at the end. */
	signal(SIGPIPE, SIG_IGN);
	services_init(&services);
	service_init(&options.service);
	const int ret = arguments_read(&options, &command, argc, argv, problem);
	const int code = flush(ret == OK ? run(&options, command) : refuse(&options, ret, problem));
	services_deinit(&services);
	return code;
}
