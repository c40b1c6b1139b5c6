/* The command line, read by the table of commands. Thread: main. */
#pragma once

#include "waggle/command.h"

/*
 * Reads argv. *command: the row that was named; NULL where only global options stand. Global
 * options may stand anywhere, a command's own behind it; behind "--" nothing is one. ERR_CONF with `problem` filled:
 * a sentence, or two, for standard error; ERR_NOMEM. The arguments array is argv, reordered.
 */
int arguments_read(struct options *options, const struct command **command, int argc, char **argv,
		   char problem[PROBLEM_SIZE]);
