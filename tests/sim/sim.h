/*
 * One run of a seed in a drawn world (world.h): what is known of it, and its steps. sim_follow.c has
 * the log's side and the model that follows, sim_clients.c those who send and read, test_world.c life
 * and the seeds.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/rand.h"
#include "conf/conf.h"
#include "registry/core_inside.h"
#include "tests/sim/model.h"
#include "tests/unit/run.h"

#define CLIENTS 24
#define FLIGHTS 4
#define BATCH_COMMANDS (CLIENTS + 8)
#define POOL 24 /* commands that are sent again */
#define TRACE 40
#define OCTETS_MAX 65536
#define DISK "disk"

/* Who sends an UPDATE, or the operator's command, and waits for the answer. */
struct client {
	struct core_job job;
	bool is_waiting;
	bool is_answered;
	struct model_command command;
};

/* A batch that was given to the log. */
struct flight {
	uint64_t index; /* once it is durable */
	uint64_t time_s; /* of the batch */
	int status;
	bool is_ended; /* the log has said its status */
	size_t count;
	struct {
		struct client *client; /* NULL: an expiry of the core's */
		struct model_command expiry;
	} commands[BATCH_COMMANDS];
};

/* What a provider may rely on, and what the registry may not exceed. */
struct term {
	uint64_t promised_ms; /* renewed then at least, in lease time */
	uint64_t latest_ms; /* renewed then at most */
};

/* A worker that was slow between taking up the root and looking at its message. */
struct slow {
	bool is_reading;
	const struct root *root;
	uint64_t began_ms; /* in lease time */
	struct model model; /* of the root */
};

/* Somebody who holds a version for long. */
struct holder {
	struct core_loan loan;
	enum { HOLDER_IDLE, HOLDER_ASKS, HOLDER_HOLDS, HOLDER_RETURNS } state;
	uint64_t sum; /* of the zone's records when it came */
};

extern struct sim {
	uint64_t seed;
	struct rand rand;
	struct arena arena;
	struct conf *confs[8];
	size_t rules; /* which is in force */
	bool has_words; /* rules hold instances, and the operator releases and removes */
	struct core *core;
	struct model model; /* what is published */
	uint64_t index; /* of its last batch */
	struct model_view view;
	struct term terms[NAMES_MAX];
	struct client clients[CLIENTS];
	struct client *sent[CLIENTS]; /* submitted and in no batch, in order */
	size_t sent_count;
	struct flight flights[FLIGHTS]; /* oldest first */
	size_t flight_count;
	struct model_command pool[POOL];
	size_t pool_count;
	struct slow slow;
	struct holder holder;
	log_done_fn done; /* of the core */
	void *done_context;
	bool is_off; /* the machine is dead: nobody hears what is said */
	uint64_t stopped_ms; /* of all times when the process stood still */
	uint64_t excuse_ms; /* when leases were last kept longer for a reason */
	size_t commands;
	size_t batches;
	struct {
		size_t beats, expired, crashes, stops, failures, snapshots;
	} counts;
	char trace[TRACE][600];
	size_t trace_count;
	bool is_looked_at;
	bool is_verbose;
} sim;

/* ---- sim_follow.c: failing, lease time, the log, the model -------------------------------- */

#define mismatch(...) (sim_tell(NULL), fprintf(stderr, __VA_ARGS__), ck_abort_msg(__VA_ARGS__))

/* Not ck_assert(), which has a system call for what holds, too. */
#define expect(claim) ((claim) ? (void)0 : (void)mismatch("%s", "not " #claim))

/* A line of what was done, shown when something is wrong; commands only where one seed is looked at. */
void sim_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void sim_tell(const void *context);
void sim_must(int ret);
void sim_note_command(const char *what, const struct model_command *command);

/* The clock less the times when nobody could be heard; when leases were last kept longer for a reason. */
uint64_t sim_lease_time(void);
void sim_excuse(void);

/* The registry said yes to whoever renewed this name then; all leases begin anew. */
void sim_promise(int name, uint64_t time_ms);
void sim_begin_terms(void);

/* Of the batches given to the log: the newest; what one means for the model; the oldest is over. */
struct flight *sim_newest_flight(void);
void sim_apply_batch(const struct flight *flight);
void sim_shift_flights(void);

/* log_ops.append: reads what is in a batch before store_ram gets it. */
int sim_append(struct log *log, const void *entry, size_t size, log_done_fn done, void *context);

/* What readers see, and all of it beside the model. */
const struct root *sim_published(void);
void sim_compare_all(const struct root *root);

/* The model takes up what the core has published; turns of somebody with that. */
void sim_follow(void);
bool sim_turn(void);
void sim_pass(uint64_t ms);
void sim_settle(void);
void sim_check_overdue(void);

/* ---- sim_clients.c: who sends, who reads -------------------------------------------------- */

/* What the operator and the base say goes to the core without more; somebody sends what is drawn. */
void sim_command(struct client *client);
void sim_send(void);

/* A worker that is slow with its root; somebody who holds a version. */
void sim_begin_slow(void);
void sim_end_slow(void);
void sim_hold(void);
void sim_let_go(void);
void sim_end_readers(void);
