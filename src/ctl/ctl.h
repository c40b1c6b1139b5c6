/*
 * Administration: the control socket (one JSON object a line, request and reply) and the table of
 * its commands. Runs on the background thread; nothing here is on a hot path.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "net/net.h"
#include "registry/core.h"

struct ctl;

struct ctl_options {
	struct core *core;
	struct net *net;
	struct conf *conf; /* it takes a reference of its own */
	const char *path; /* of the socket; made with mode 0660, removed at stop */
	const char *version; /* as `waggled -V` says it */
	uint64_t start_ms; /* clock_mono_ms() when the process began */
};

/*
 * Binds the socket and starts the thread. A socket file that nobody listens on is replaced, one
 * that is alive is ERR_BUSY; ERR_DENIED, ERR_SYSTEM. *out: returns owned.
 */
int ctl_start(struct ctl **out, const struct ctl_options *options, char *error, size_t size);

/* Commands that come from now on see this configuration; waits for the one under way. Takes NULL. */
void ctl_set_conf(struct ctl *ctl, struct conf *conf);

/* Stops the thread, removes the socket. Takes NULL. */
void ctl_stop(struct ctl *ctl);
