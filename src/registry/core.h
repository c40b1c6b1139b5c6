/*
 * The core: gathers commands, proposes them as one batch, applies it while the log writes it, publishes
 * the new root once it is durable, and hands out the results.
 *
 * One batch is in flight; what arrives meanwhile is the next. A result is given only after the
 * root that holds it is published, so who has his answer finds his change in every query that is
 * sent afterwards (design: reply after publish). It also owns the leases' timer and the memory of
 * old versions. Thread: its own ("core"); functions marked "any" may be called from others.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "loop/mailbox.h"
#include "registry/command.h"
#include "registry/leases.h"
#include "registry/log.h"

struct core;
struct root;

/* What is posted to the core beside jobs; the inside of the structures that have it. */
struct turn {
	struct mail mail;
	void (*run)(struct core *core, struct turn *turn);
};

/*
 * What readers see. Workers load it after each receive, with acquire; NULL while the registry is
 * being restored: answer SERVFAIL.
 */
struct core_view {
	_Atomic(const struct root *) root;
	_Atomic(uint64_t) version; /* of it, and moves before it: unmoved, no root was missed */
};

/* A command on its way. The sender's structure has this in it. */
struct core_job {
	struct mail mail;
	uint8_t *command; /* encoded (registry/command.h), malloc'd; the core takes it */
	size_t command_size;
	struct command_result result; /* filled before `done` */
	const struct core_job_ops *ops;
	uint64_t fingerprint; /* of a message that may be sent again (registry/recent.h), or 0 */
	bool is_silent; /* set for `done`: a retransmission, the first one has the answer */
};

struct core_job_ops {
	/* Jobs whose results are ready, in order, all with the same ops. The callee's to free. */
	void (*done)(struct list *jobs);
};

struct core_options {
	const struct log_ops *log_ops;
	struct log *log; /* opened, not yet restored; the core closes it */
	size_t queue; /* jobs that may wait */
};

/* *out: returns owned. Makes the loop and the mailbox, starts nothing. ERR_NOMEM, ERR_SYSTEM. */
int core_new(struct core **out, const struct core_options *options);

/* Restores from the log into a root that is not yet published. Before core_start(). */
int core_restore(struct core *core, struct log_error *error);

/* Starts the thread. Nothing is published before core_publish(). */
int core_start(struct core *core);

/* Finishes the batch in flight, refuses what waits (SERVFAIL), ends the thread. */
void core_stop(struct core *core);
void core_free(struct core *core);

struct core_view *core_view(struct core *core);

/* Posts a job. ERR_FULL: answer SERVFAIL, the job stays the caller's. Thread: any. */
int core_submit(struct core *core, struct core_job *job);

/* Submits an encoded command (takes it) and waits for its result. Thread: any but the core. */
int core_submit_wait(struct core *core, uint8_t *command, size_t size,
		     struct command_result *result);

/*
 * The same for no longer than `wait_ms`: ERR_BUSY when the log has not answered by then, as on a
 * disk that hangs; the command is on its way and may still be applied. ERR_NOMEM as well.
 */
int core_submit_within(struct core *core, uint8_t *command, size_t size, uint64_t wait_ms,
		       struct command_result *result);

/*
 * Writes to the root without the log, for what this node alone knows: static zones. Runs `edit` in
 * the core's thread between batches, commits, publishes, and waits for that; an error of `edit`
 * aborts it and is returned. Thread: any but the core.
 */
int core_edit(struct core *core, int (*edit)(struct root_writer *writer, void *context),
	      void *context);

/* From now on readers see the root: every zone of the configuration is in. Thread: not the core. */
int core_publish(struct core *core);

/*
 * A counted reference to the present root, for long readers, published or not; and its end.
 * Thread: any but the core; each waits for the core's turn.
 */
const struct root *core_hold(struct core *core);
void core_release(struct core *core, const struct root *root);

/* A moment of lease time, for lease_left_ms(). Thread: any but the core; waits for its turn. */
struct core_moment {
	uint64_t now_ms;
	struct lease_clock clock;
};
void core_moment(struct core *core, struct core_moment *moment);

/*
 * The same for threads that must not wait for the core. The borrower's structure has this in it,
 * and it stays until `returned`.
 */
struct core_loan {
	struct turn turn;
	const struct root *root;
	uint64_t garbage; /* core_garbage() when it was made */
	/* In the core's thread: here is `root`. false: nobody wants it any more. */
	bool (*lent)(struct core_loan *loan);
	/* In the core's thread: `root` is given back, and the structure free. */
	void (*returned)(struct core_loan *loan);
};

/* Asks for a counted reference to the present root; ends it, any time after `lent`. Thread: any. */
void core_borrow(struct core *core, struct core_loan *loan);
void core_return(struct core *core, struct core_loan *loan);

/*
 * Octets of old versions that all commits so far have left behind; a loan keeps those that have
 * come since it was made. Thread: any.
 */
uint64_t core_garbage(const struct core *core);

/* What the core has counted, for `status`. Thread: any. */
struct core_counters {
	uint64_t batches; /* log entries made */
	uint64_t commands; /* applied */
	uint64_t refused; /* commands with an rcode other than NOERROR */
	uint64_t
		prohibited; /* of those, REFUSED: by an owner, the base file, a limit and the like */
	uint64_t owned; /* of those, as a name is another owner's or the base file's */
	uint64_t failed; /* appends that failed: disk full, I/O error */
	uint64_t expired; /* names whose lease ran out */
	uint64_t snapshots;
	uint64_t full; /* jobs refused, the queue being full */
	uint64_t leases; /* running now */
	uint64_t overdue_ms; /* the most overdue lease at the last look */
	uint64_t
		stalls; /* times that nobody could be heard, the process or its core standing still */
	uint64_t stalled_ms; /* these together */
	uint64_t takeovers; /* names that another owner than theirs changed */
	uint64_t outgrown; /* types that grew over answer-max, or over what BIND takes */
	uint64_t longest_turn_us; /* for how long the core did one thing, since core_publish() */
	uint64_t guarded_types; /* protected against mass expiry now */
	uint64_t guarded_leases; /* over, and kept by that */
	uint64_t guards; /* how often it began */
	uint64_t queued; /* commands that wait for the log now */
	uint64_t queued_octets; /* of these */
	uint64_t log_octets; /* of the log since the last snapshot */
	uint64_t garbage; /* as core_garbage() */
	uint64_t snapshot_s; /* wall clock of the last snapshot; 0: none since the start */
};
void core_count(struct core *core, struct core_counters *counters);

/* A type that is protected against mass expiry (registry/guard.h). */
struct core_guarded {
	uint8_t type[DNS_NAME_MAX]; /* folded */
	uint32_t instances;
	uint32_t kept; /* their leases are over */
	uint64_t since_ms;
};

/* The types that are protected now, at most `room`; how many. Thread: any but the core, waits. */
size_t core_guarded(struct core *core, struct core_guarded *out, size_t room);

/*
 * Ends the protection of a type, if `is_confirmed`: those that are over go within ten seconds. *kept:
 * how many these are. false: it is not protected. Thread: any but the core, waits.
 */
bool core_unguard(struct core *core, const uint8_t *type, bool is_confirmed, uint32_t *kept);
