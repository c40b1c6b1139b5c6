/*
 * The command shares our process group, so that a terminal's keys reach it without us; what only we
 * got is passed on. As the first process of a container waggle also inherits orphans: they are
 * buried beside.
 */
#include "waggle/child.h"

#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "waggle/say.h"

extern char **environ;

int signals_open(int *descriptor, sigset_t *before)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCHLD};
	struct sigaction action;
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		if (numbers[i] != SIGHUP || sigaction(SIGHUP, NULL, &action) != 0 ||
		    action.sa_handler != SIG_IGN) {
			sigaddset(&set, numbers[i]);
		}
	}
	/* Where the parent ignores it, children would vanish without a word. */
	signal(SIGCHLD, SIG_DFL);
	if (sigprocmask(SIG_BLOCK, &set, before) != 0) {
		return ERR_SYSTEM;
	}
	*descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return *descriptor < 0 ? ERR_SYSTEM : OK;
}

bool signals_next(int descriptor, pid_t child, struct signal_news *out)
{
	struct signalfd_siginfo info;

	if (read(descriptor, &info, sizeof(info)) != (ssize_t)sizeof(info)) {
		return false;
	}
	out->number = (int)info.ssi_signo;
	out->is_shared = info.ssi_code == SI_KERNEL || (child > 0 && (pid_t)info.ssi_pid == child);
	return true;
}

int child_start(pid_t *child, char *const *command, const sigset_t *before)
{
	posix_spawnattr_t attributes;
	sigset_t standard;
	int error = posix_spawnattr_init(&attributes);

	if (error != 0) {
		return error;
	}
	sigemptyset(&standard);
	sigaddset(&standard, SIGPIPE); /* which we ignore */
	error = posix_spawnattr_setflags(&attributes,
					 POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (error == 0) {
		error = posix_spawnattr_setsigmask(&attributes, before);
	}
	if (error == 0) {
		error = posix_spawnattr_setsigdefault(&attributes, &standard);
	}
	if (error == 0) {
		error = posix_spawnp(child, command[0], NULL, &attributes, command, environ);
	}
	posix_spawnattr_destroy(&attributes);
	return error;
}

bool child_ended(pid_t child, int *code)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == child) {
			*code = WIFSIGNALED(status) ? END_SIGNAL + WTERMSIG(status)
						    : WEXITSTATUS(status);
			return true;
		}
	}
	return false;
}
