/*
 * The command that `waggle register` runs, and the signals that come meanwhile: by a descriptor, so
 * that they are waited for beside other things. Thread: main.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/*
 * Blocks the signals that end or steer a program, for this thread and those it starts from then on,
 * and opens the descriptor they are read from. A SIGHUP that is ignored (nohup) stays so. *before:
 * the mask there was. ERR_SYSTEM.
 */
int signals_open(int *descriptor, sigset_t *before);

struct signal_news {
	int number;
	bool is_shared; /* from the terminal, or by the child itself: the child has it already */
};

/* The next signal, without waiting; false: there is none. */
bool signals_next(int descriptor, pid_t child, struct signal_news *out);

/*
 * Starts the command with the mask `before`. 0, or the reason as errno; then there is no child.
 */
int child_start(pid_t *child, char *const *command, const sigset_t *before);

/* Has it ended? Then *code is what a shell would say: its own, or 128 and the signal. */
bool child_ended(pid_t child, int *code);
