/*
 * The answer to an upload that is whole, made on a thread of its own: a large import is read for
 * seconds, in which the control socket has others to answer. Thread: background.
 */
#pragma once

#include "ctl/command.h"
#include "loop/loop.h"
#include "loop/mailbox.h"

struct taking {
	struct mail mail; /* posted when `text` is there */
	struct ctl_options options; /* with a reference to the configuration */
	struct upload *upload;
	struct mailbox *mailbox;
	struct thread *thread;
	char *text; /* the answer; NULL: no memory for one */
};

/* Begins; takes `upload`. Posts to `mailbox` once. *out: returns owned. ERR_NOMEM, ERR_SYSTEM. */
int taking_start(struct taking **out, const struct ctl_options *options, struct upload *upload,
		 struct mailbox *mailbox);

/* Nobody wants the answer: what is only read yet is given up, and nothing changes. */
void taking_abandon(struct taking *taking);

/* Waits until it has posted: within some lines of text after taking_abandon(), or a commit. */
void taking_join(struct taking *taking);

/* What has posted. Takes NULL. */
void taking_free(struct taking *taking);
