/*
 * Registry, leases, rules and store in one process, in a world whose time, turns, disk faults and
 * crashes a seed draws: clients send what draw.h draws, the core batches, applies, expires, takes
 * snapshots and is killed, and the naive model of model.h says what has to come of it.
 *
 * What is compared: the rcode of each answer; whether a heartbeat was one; serials after each batch;
 * all records, owners and leases after each start and every so often. And the promises of design.md
 * section 7: no lease ends before its term, counted from the last renewal that was acknowledged;
 * none stays long behind it; what was acknowledged is there after a crash, and nothing that was not
 * sent; an old version that is held does not change.
 *
 * WAGGLE_SEED=n runs one seed, WAGGLE_SEEDS=n so many, WAGGLE_SIM_S=n ends after so many seconds;
 * the count is printed. A failure prints its seed and what was done last.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "conf/conf.h"
#include "registry/core_inside.h"
#include "store/ram.h"
#include "store/store.h"
#include "tests/sim/compare.h"
#include "tests/sim/draw.h"
#include "tests/sim/judge.h"
#include "tests/sim/wire.h"
#include "tests/sim/world.h"
#include "tests/unit/run.h"
#include "update/update.h"
#include "zone/text.h"

#define SEEDS 1000
#define COMMANDS 5000
#define LIMIT_S 20
#define CLIENTS 24
#define FLIGHTS 4
#define BATCH_COMMANDS (CLIENTS + 8)
#define POOL 24 /* commands that are sent again */
#define TRACE 40
#define OCTETS_MAX 65536
#define COMPARE_EVERY 64 /* batches */
#define LATE_MS 4000 /* behind its end, when nothing holds it up, a lease is gone */
#define FUDGE_S 250 /* the clients' clocks are fast: who waits long in line is no replay */
#define DISK "disk"

/* Bugs there were, each with a seed that finds it when it is put back. */
static const struct {
	const char *what;
	uint64_t seed;
} found[] = {
	{"a time when the process stood still was forgotten, an expiry being in flight", 104},
	{"a second standstill made the first one too old to count", 59},
	{"a lease that the replayed log made shorter ran for its old length", 25},
};

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
	char *text; /* the zone when it came */
};

static struct sim {
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

static struct {
	size_t seeds, commands, beats, batches, expired, crashes, stops, failures, snapshots;
} total;

/* ---- failing ----------------------------------------------------------------------------- */

static void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void note(const char *format, ...)
{
	char *line = sim.trace[sim.trace_count++ % TRACE];
	const int size =
		snprintf(line, sizeof(sim.trace[0]), "%llu: ", (unsigned long long)world_now_ms());
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line + size, sizeof(sim.trace[0]) - (size_t)size, format, arguments);
	va_end(arguments);
	if (sim.is_verbose) {
		fprintf(stderr, "%s\n", line);
	}
}

static void tell(const void *context)
{
	(void)context;
	fprintf(stderr, "WAGGLE_SEED=%llu, command %zu, rules %s:\n", (unsigned long long)sim.seed,
		sim.commands, judge_rules[sim.rules]);
	for (size_t i = sim.trace_count < TRACE ? 0 : sim.trace_count - TRACE; i < sim.trace_count;
	     i++) {
		fprintf(stderr, "  %s\n", sim.trace[i % TRACE]);
	}
}

#define mismatch(...) (tell(NULL), fprintf(stderr, __VA_ARGS__), ck_abort_msg(__VA_ARGS__))

/* Not ck_assert(), which has a system call for what holds, too. */
#define expect(claim) ((claim) ? (void)0 : (void)mismatch("%s", "not " #claim))

static void must(int ret)
{
	if (ret != OK) {
		mismatch("unexpected: %s", err_text(ret));
	}
}

/* Only where one seed is looked at: it takes longer than the command itself. */
static void note_command(const char *what, const struct model_command *command)
{
	static char text[4000];
	FILE *out;

	if (!sim.is_looked_at) {
		return;
	}
	out = fmemopen(text, sizeof(text), "w");
	draw_print(out, command);
	fclose(out);
	for (char *at = text; *at != '\0'; at++) {
		*at = (char)(*at == '\n' ? ';' : *at);
	}
	note("%s %s", what, text);
}

/* ---- lease time -------------------------------------------------------------------------- */

/* The clock less the times when nobody could be heard. */
static uint64_t lease_time(void)
{
	return world_now_ms() - sim.stopped_ms;
}

static void excuse(void)
{
	sim.excuse_ms = lease_time() > sim.excuse_ms ? lease_time() : sim.excuse_ms;
}

/* The registry said yes to whoever renewed this name at this time. */
static void promise(int name, uint64_t time_ms)
{
	struct term *term = &sim.terms[name];

	if (sim.is_looked_at) {
		note("%s is renewed", model_names[name].text);
	}
	term->promised_ms = time_ms > term->promised_ms ? time_ms : term->promised_ms;
	term->latest_ms = lease_time();
}

static void begin_terms(void)
{
	for (size_t i = 0; i < NAMES_MAX; i++) {
		sim.terms[i] = (struct term){lease_time(), lease_time()};
	}
	excuse();
}

/* An expiry is proposed: has the term of each name that it means run out? */
static void check_expiry(const struct model_expire *expire)
{
	for (size_t i = 0; i < expire->count; i++) {
		const int name = expire->leases[i].name;
		const struct model_entry *entry = &sim.model.entries[name];
		const uint64_t since_ms = lease_time() - sim.terms[name].promised_ms;

		if (entry->lease_s > 0 && entry->version == expire->leases[i].version &&
		    since_ms < entry->lease_s * UINT64_C(1000)) {
			mismatch("the lease of %s, %u s, ends %llu ms after it was renewed",
				 model_names[name].text, entry->lease_s,
				 (unsigned long long)since_ms);
		}
	}
}

/* ---- the log ----------------------------------------------------------------------------- */

static struct flight *newest_flight(void)
{
	return &sim.flights[sim.flight_count - 1];
}

static void read_expiry(struct model_command *command, const uint8_t *octets, size_t size)
{
	struct buf_reader reader;
	struct command_expiry expiry;
	uint16_t count;

	memset(command, 0, sizeof(*command));
	command->kind = MODEL_EXPIRE;
	must(command_read_expire(&reader, &count, octets, size));
	expect(count <= EXPIRIES_MAX);
	for (uint16_t i = 0; i < count; i++) {
		int name = 0;

		must(command_read_expiry(&reader, &expiry));
		while (!dns_name_equal(wire_names[name], expiry.name)) {
			name++;
		}
		command->expire.leases[command->expire.count].name = name;
		command->expire.leases[command->expire.count++].version = expiry.version;
	}
}

/* Which commands are in this batch: those that were sent first, and the core's own. */
static void read_batch(const uint8_t *entry, size_t size)
{
	struct command_batch batch;
	struct flight *flight;
	const uint8_t *octets;
	size_t taken = 0;

	expect(sim.flight_count < FLIGHTS);
	flight = &sim.flights[sim.flight_count++];
	flight->is_ended = false;
	flight->count = 0;
	must(command_read_batch(&batch, entry, size));
	for (uint32_t i = 0; i < batch.count; i++) {
		must(command_read_next(&batch.commands, &octets, &size));
		expect(flight->count < BATCH_COMMANDS);
		flight->commands[flight->count].client = NULL;
		if (command_kind(octets, size) == COMMAND_EXPIRE) {
			struct model_command *expiry = &flight->commands[flight->count].expiry;

			read_expiry(expiry, octets, size);
			note_command("proposed", expiry);
			check_expiry(&expiry->expire);
		} else {
			struct client *client = sim.sent[taken++];

			expect(taken <= sim.sent_count);
			expect(client->job.command_size == size);
			expect(memcmp(client->job.command, octets, size) == 0);
			flight->commands[flight->count].client = client;
		}
		flight->count++;
	}
	sim.sent_count -= taken;
	memmove(sim.sent, sim.sent + taken, sim.sent_count * sizeof(sim.sent[0]));
}

/* (store) */
static void appended(void *context, int status, uint64_t index)
{
	struct flight *flight = newest_flight();

	(void)context;
	if (sim.is_off) {
		sim.done(sim.done_context, status, index);
		return;
	}
	note("batch %llu: %s", (unsigned long long)index, err_text(status));
	flight->is_ended = true;
	flight->status = status;
	flight->index = index;
	sim.done(sim.done_context, status, index);
}

static int append(struct log *log, const void *entry, size_t size, log_done_fn done, void *context)
{
	if (!sim.is_off) {
		read_batch(entry, size);
		sim.done = done;
		sim.done_context = context;
		return store_ram.append(log, entry, size, appended, &sim);
	}
	return store_ram.append(log, entry, size, done, context);
}

/* ---- what came of a batch ---------------------------------------------------------------- */

/* Does it add something at this name, or a PTR that counts for it? Its lease is that name's. */
static bool renews(const struct model *model, const struct model_update *update, int name)
{
	const bool is_asked = update->has_lease && update->lease_s > 0;

	for (size_t i = 0; is_asked && i < update->change_count; i++) {
		const struct model_change *change = &update->changes[i];
		const int instance = model_instance_of_ptr(model, change->name, change->rdata);

		if (change->form == ADD && (instance == NONE ? change->name : instance) == name) {
			return true;
		}
	}
	return false;
}

/* An UPDATE was applied: what it renewed has a term from now. */
static void take_terms(const struct model_update *update, uint64_t version)
{
	for (int i = 0; i < (int)model_name_count; i++) {
		const struct model_entry *entry = &sim.model.entries[i];

		if (entry->lease_s == 0 || entry->version != version) {
			continue;
		}
		if (renews(&sim.model, update, i)) {
			promise(i, lease_time());
		}
		sim.terms[i].latest_ms = lease_time();
	}
}

/* What it meant and did not end, having moved meanwhile, has a fresh term. */
static void take_expiry(const struct model_expire *expire)
{
	for (size_t i = 0; i < expire->count; i++) {
		sim.terms[expire->leases[i].name].latest_ms = lease_time();
	}
	sim.counts.expired += expire->count;
}

static void apply_one(const struct flight *flight, size_t number)
{
	struct client *client = flight->commands[number].client;
	const struct model_command *command =
		client != NULL ? &client->command : &flight->commands[number].expiry;
	const uint64_t version = flight->index << 20 | number;
	const struct model_shape shape = sim.model.shape;
	bool is_change;
	const unsigned rcode = model_apply(&sim.model, command, version, &is_change);

	note_command("applied", command);

	if (command->kind == MODEL_UPDATE && rcode == DNS_RCODE_NOERROR) {
		take_terms(&command->update, version);
	}
	if (command->kind == MODEL_EXPIRE) {
		take_expiry(&command->expire);
	} else if (command->kind == MODEL_SET_BASE &&
		   memcmp(&shape, &command->base.shape, sizeof(shape)) != 0) {
		excuse(); /* a zone of another shape is written anew, and its leases begin again */
	}
	if (client == NULL || sim.is_off) {
		return;
	}
	if (!client->is_answered) {
		mismatch("a command was applied and not answered");
	}
	if (client->job.result.rcode != rcode ||
	    (command->kind == MODEL_UPDATE && client->job.result.is_change != is_change)) {
		note_command("this one:", command);
		mismatch("rcode %u and %s, not %u and %s (%s)", client->job.result.rcode,
			 client->job.result.is_change ? "a change" : "no change", rcode,
			 is_change ? "a change" : "no change", client->job.result.ede_text);
	}
	client->is_waiting = false;
}

static const struct root *published(void)
{
	return atomic_load_explicit(&core_view(sim.core)->root, memory_order_acquire);
}

static struct compared compared(const struct root *root)
{
	model_look(&sim.model, &sim.view);
	return (struct compared){.root = root,
				 .zone = root_zone(root, wire_apex),
				 .model = &sim.model,
				 .view = &sim.view,
				 .tell = tell};
}

static void compare_all(const struct root *root)
{
	const struct compared these = compared(root);

	expect(these.zone != NULL);
	compare_content(&these);
	compare_state(&these);
}

static void apply_batch(const struct flight *flight)
{
	static struct model before;

	model_copy(&before, &sim.model);
	sim.model.is_serial_set = false;
	for (size_t i = 0; i < flight->count; i++) {
		apply_one(flight, i);
	}
	model_end_batch(&sim.model, &before);
	sim.index = flight->index;
	sim.batches++;
}

/* The batch was not kept: everybody in it is told so. */
static void drop_batch(const struct flight *flight)
{
	excuse();
	for (size_t i = 0; i < flight->count; i++) {
		struct client *client = flight->commands[i].client;

		if (client == NULL) {
			continue;
		}
		if (!client->is_answered || client->job.result.rcode != DNS_RCODE_SERVFAIL) {
			mismatch("a batch that failed was answered with rcode %u",
				 client->job.result.rcode);
		}
		client->is_waiting = false;
	}
}

static void shift_flights(void)
{
	sim.flight_count--;
	memmove(&sim.flights[0], &sim.flights[1], sim.flight_count * sizeof(sim.flights[0]));
}

/* Has the core ended with the oldest batch? */
static bool is_over(const struct flight *flight)
{
	for (size_t i = 0; i < flight->count; i++) {
		if (flight->commands[i].client != NULL) {
			return flight->commands[i].client->is_answered;
		}
	}
	return flight->status != OK || root_index(published()) >= flight->index;
}

/* The model follows what the core has published. */
static void follow(void)
{
	while (sim.flight_count > 0 && sim.flights[0].is_ended && is_over(&sim.flights[0])) {
		if (sim.flights[0].status == OK) {
			/* Reply after publish. */
			expect(root_index(published()) >= sim.flights[0].index);
			apply_batch(&sim.flights[0]);
		} else {
			drop_batch(&sim.flights[0]);
		}
		shift_flights();
		if (root_index(published()) != sim.index) {
			continue;
		}
		const struct zone *zone = root_zone(published(), wire_apex);
		if (zone != NULL && zone_serial(zone) != sim.model.serial) {
			mismatch("the serial is %u, not %u", zone_serial(zone), sim.model.serial);
		}
		if (zone != NULL && sim.batches % COMPARE_EVERY == 0) {
			compare_all(published());
		}
	}
}

static bool turn(void)
{
	const bool is_any = world_turn();

	follow();
	return is_any;
}

static void settle(void)
{
	while (turn()) {
	}
}

/* Time passes, and what is due is done. */
static void pass(uint64_t ms)
{
	world_pass(ms, follow);
}

/* With time in which nothing goes wrong, no lease is over and still there. */
static void check_overdue(void)
{
	settle();
	pass(LATE_MS / 2);
	settle();
	for (size_t i = 0; i < model_name_count; i++) {
		const struct model_entry *entry = &sim.model.entries[i];
		const uint64_t latest_ms = sim.terms[i].latest_ms > sim.excuse_ms
						   ? sim.terms[i].latest_ms
						   : sim.excuse_ms;

		if (entry->lease_s > 0 && !entry->is_overdue &&
		    lease_time() > latest_ms + entry->lease_s * UINT64_C(1000) + LATE_MS) {
			mismatch("the lease of %s, %u s, was renewed %llu ms ago and lives",
				 model_names[i].text, entry->lease_s,
				 (unsigned long long)(lease_time() - latest_ms));
		}
	}
}

/* ---- clients ----------------------------------------------------------------------------- */

static void answered(struct list *jobs)
{
	while (!list_is_empty(jobs)) {
		struct core_job *job = list_entry(jobs->next, struct core_job, mail.link);

		list_remove(&job->mail.link);
		list_entry(job, struct client, job)->is_answered = true;
	}
}

static const struct core_job_ops client_ops = {.done = answered};

static struct client *idle_client(void)
{
	struct client *client = &sim.clients[rand_below(&sim.rand, CLIENTS)];

	return client->is_waiting ? NULL : client;
}

static void submit(struct client *client, uint8_t *command, size_t size)
{
	client->job =
		(struct core_job){.command = command, .command_size = size, .ops = &client_ops};
	client->is_waiting = true;
	client->is_answered = false;
	must(core_submit(sim.core, &client->job));
	sim.sent[sim.sent_count++] = client;
	note_command("submitted", &client->command);
}

/* What the operator and the base file say goes to the core without more. */
static void command(struct client *client)
{
	static uint8_t octets[OCTETS_MAX];
	const size_t size =
		wire_one(&sim.rand, &sim.arena, octets, sizeof(octets), &client->command);
	uint8_t *copy = malloc(size);

	memcpy(copy, octets, size);
	submit(client, copy, size);
}

static struct access_identity identity_of(enum model_owner owner, const struct conf *conf)
{
	static const struct sockaddr_in peer = {.sin_family = AF_INET, .sin_addr = {0x0100007f}};
	static struct sockaddr_storage storage;
	struct access_identity identity = {.peer = &storage};

	memcpy(&storage, &peer, sizeof(peer));
	if (owner == MODEL_KEY_A || owner == MODEL_KEY_B) {
		identity.key = conf_key_find(
			conf, (const uint8_t *)(owner == MODEL_KEY_A ? "\1a" : "\1b"));
	}
	return identity;
}

/* A heartbeat was acknowledged: the model must see none but time in it. */
static void take_beat(const struct model *model, const struct model_command *command,
		      uint64_t time_ms)
{
	static struct model after;
	const uint64_t version = UINT64_MAX;
	bool is_change;

	model_copy(&after, model);
	if (model_apply(&after, command, version, &is_change) != DNS_RCODE_NOERROR || is_change) {
		note_command("this one:", command);
		mismatch("what would change something passed for a heartbeat");
	}
	for (int i = 0; i < (int)model_name_count; i++) {
		if (after.entries[i].lease_s == 0 || after.entries[i].version != version) {
			continue;
		}
		if (renews(&after, &command->update, i)) {
			promise(i, time_ms);
		}
		sim.terms[i].latest_ms = lease_time();
	}
	sim.counts.beats++;
}

/* It was answered by its thread: was that right, by the root that it looked at? */
static void check_answer(const struct model *model, const struct model_command *command,
			 bool is_allowed, const struct update_answer *answer, uint64_t time_ms)
{
	static struct model after;
	unsigned rcode = DNS_RCODE_REFUSED;
	bool is_change;

	if (answer->is_beat) {
		take_beat(model, command, time_ms);
		return;
	}
	if (!model->is_served) {
		rcode = DNS_RCODE_SERVFAIL;
	} else if (is_allowed) {
		if (command->update.change_count > 0) {
			note_command("this one:", command);
			mismatch("an UPDATE was answered with rcode %u by its thread: %s",
				 answer->result.rcode, answer->result.ede_text);
		}
		model_copy(&after, model);
		rcode = model_apply(&after, command, 1, &is_change);
	}
	if (answer->result.rcode != rcode) {
		note_command("this one:", command);
		mismatch("rcode %u, not %u (%s)", answer->result.rcode, rcode,
			 answer->result.ede_text);
	}
}

/* It may have been found to be no heartbeat when some cells were renewed. */
static void note_cells(const struct model *model, const struct model_update *update)
{
	for (size_t i = 0; i < update->change_count; i++) {
		const struct model_change *change = &update->changes[i];
		const int instance = model_instance_of_ptr(model, change->name, change->rdata);

		sim.terms[instance == NONE ? change->name : instance].latest_ms = lease_time();
	}
}

/* A message comes in: what the receiving thread does with it. */
static void receive(struct client *client, const struct root *root, const struct model *model,
		    uint64_t time_ms)
{
	static uint8_t octets[OCTETS_MAX];
	struct model_update *update = &client->command.update;
	const struct conf *conf = sim.confs[sim.rules];
	const struct access_identity identity = identity_of(update->owner, conf);
	const bool is_allowed = judge_allows(sim.rules, model, update);
	struct dns_message message;
	struct update_answer answer;
	const size_t size = wire_message(&sim.rand, &sim.arena, octets, sizeof(octets), update);
	const struct update_request request = {
		.root = root,
		.conf = conf,
		.message = &message,
		.identity = &identity,
		.signed_s = clock_wall_s() + FUDGE_S,
		.now_s = clock_wall_s(),
		.now_ms = world_now_ms(),
		.may_beat = rand_below(&sim.rand, 20) > 0,
	};

	must(dns_message_parse(&message, octets, size));
	if (update_receive(&request, &sim.arena, &answer) == UPDATE_SUBMIT) {
		if (!model->is_served || !is_allowed) {
			note_command("this one:", &client->command);
			mismatch("it should have been refused");
		}
		submit(client, answer.command, answer.command_size);
		note_cells(model, update);
	} else {
		note_command("answered at once", &client->command);
		check_answer(model, &client->command, is_allowed, &answer, time_ms);
	}
}

static void draw(struct model_command *command)
{
	if (sim.has_words && rand_below(&sim.rand, 100) < 6) {
		draw_word(&sim.rand, &sim.model, command);
		return;
	}
	if (sim.pool_count > 0 && rand_below(&sim.rand, 100) < 45) {
		*command = sim.pool[rand_below(&sim.rand, (uint32_t)sim.pool_count)];
		return;
	}
	do {
		draw_command(&sim.rand, &sim.model, command);
	} while (command->kind == MODEL_EXPIRE);
	if (command->kind == MODEL_UPDATE) {
		const size_t at =
			sim.pool_count < POOL ? sim.pool_count++ : rand_below(&sim.rand, POOL);
		sim.pool[at] = *command;
	}
}

static void send_one(void)
{
	struct client *client = idle_client();

	if (client == NULL) {
		return;
	}
	sim.commands++;
	draw(&client->command);
	if (client->command.kind != MODEL_UPDATE ||
	    client->command.update.owner == MODEL_OPERATOR) {
		command(client);
	} else if (sim.slow.is_reading && rand_below(&sim.rand, 2) == 0) {
		receive(client, sim.slow.root, &sim.slow.model, sim.slow.began_ms);
	} else {
		receive(client, published(), &sim.model, lease_time());
	}
	arena_reset(&sim.arena);
}

/* ---- readers ----------------------------------------------------------------------------- */

static void begin_slow(void)
{
	/* The model is of the root only where nothing is applied and not yet followed. */
	sim.slow.is_reading = true;
	sim.slow.root = published();
	model_copy(&sim.slow.model, &sim.model);
	sim.slow.began_ms = lease_time();
	world_read(true);
}

static void end_slow(void)
{
	sim.slow.is_reading = false;
	world_read(false);
}

static char *text_of(const struct root *root)
{
	const struct zone *zone = root_zone(root, wire_apex);
	char *text = NULL;

	if (zone != NULL) {
		must(text_zone(&text, zone));
	}
	return text;
}

static bool lent(struct core_loan *loan)
{
	struct holder *holder = list_entry(loan, struct holder, loan);

	holder->state = HOLDER_HOLDS;
	holder->text = text_of(loan->root);
	return true;
}

static void returned(struct core_loan *loan)
{
	list_entry(loan, struct holder, loan)->state = HOLDER_IDLE;
}

static void hold(void)
{
	sim.holder.state = HOLDER_ASKS;
	sim.holder.loan.lent = lent;
	sim.holder.loan.returned = returned;
	core_borrow(sim.core, &sim.holder.loan);
}

static void let_go(void)
{
	char *text = text_of(sim.holder.loan.root);

	if ((text == NULL) != (sim.holder.text == NULL) ||
	    (text != NULL && strcmp(text, sim.holder.text) != 0)) {
		mismatch("a version that was held has changed");
	}
	free(text);
	free(sim.holder.text);
	sim.holder.state = HOLDER_RETURNS;
	core_return(sim.core, &sim.holder.loan);
}

static void end_readers(void)
{
	if (sim.slow.is_reading) {
		end_slow();
	}
	while (sim.holder.state == HOLDER_ASKS) {
		turn();
	}
	if (sim.holder.state == HOLDER_HOLDS) {
		let_go();
	}
	while (sim.holder.state != HOLDER_IDLE) {
		turn();
	}
}

/* ---- life -------------------------------------------------------------------------------- */

static void start(void)
{
	static struct log_ops ops;
	struct core_options options = {.log_ops = &ops, .queue = CLIENTS + 8};
	const struct log_options log_options = {.directory = DISK, .budget = 20000};
	struct log_error error;

	ops = store_ram;
	ops.append = append;
	must(store_ram.open(&options.log, &log_options, &error));
	must(core_new(&sim.core, &options));
	must(core_restore(sim.core, &error));
	must(core_start(sim.core));
	reclaim_start(sim.core->reclaim);
	must(core_publish(sim.core));
	begin_terms();
	if (root_index(published()) != sim.index) {
		mismatch("it came back with batch %llu, not %llu",
			 (unsigned long long)root_index(published()),
			 (unsigned long long)sim.index);
	}
	if (sim.index > 0) {
		compare_all(published());
	}
}

static void end(void)
{
	core_stop(sim.core);
	reclaim_stop(sim.core->reclaim);
	if (!sim.is_off) {
		follow();
	}
	sim.counts.snapshots += sim.core->counters.snapshots;
	core_free(sim.core);
	expect(world_is_empty());
	for (size_t i = 0; i < CLIENTS; i++) {
		sim.clients[i].is_waiting = false;
	}
	sim.sent_count = 0;
}

static void stop(void)
{
	note("stop");
	end_readers();
	end();
	sim.counts.stops++;
	if (sim.flight_count != 0) {
		mismatch("a batch was left at the end");
	}
	start();
}

/* The batch in flight is on the disk or not; what was durable before is, answered or not. */
static void crash(void)
{
	const uint32_t dice = rand_below(&sim.rand, 3);
	bool is_written = true;

	end_readers();
	while (dice == 0 && sim.flight_count > 0 && !newest_flight()->is_ended) {
		turn();
	}
	if (sim.flight_count > 0) {
		is_written = newest_flight()->is_ended;
	}
	note("crash, %s", is_written ? "nothing being written" : dice == 1 ? "torn" : "lost");
	sim.is_off = true;
	store_ram_crash(DISK, dice == 1 && !is_written);
	while (sim.flight_count > 0) {
		if (sim.flights[0].is_ended && sim.flights[0].status == OK) {
			apply_batch(&sim.flights[0]);
		}
		shift_flights();
	}
	end();
	sim.is_off = false;
	sim.counts.crashes++;
	start();
}

/* ---- a seed ------------------------------------------------------------------------------ */

static void fail_disk(void)
{
	static const int statuses[] = {ERR_FULL, ERR_IO, ERR_NOMEM};
	const int status = statuses[rand_below(&sim.rand, 3)];

	sim.counts.failures++;
	if (rand_below(&sim.rand, 4) == 0) {
		note("the next snapshot fails");
		store_ram_fail_snapshot(DISK, status);
	} else {
		note("appends fail");
		store_ram_fail_appends(DISK, status, 1 + rand_below(&sim.rand, 3));
	}
}

/* The process stood still: nobody could be heard. Who is heard before the tick notices it gains by it. */
static void stand_still(void)
{
	const uint64_t due_ms = sim.core->tick_ms;
	const uint64_t ms = 1000 + rand_below(&sim.rand, 100000);
	uint64_t late_ms;

	note("stood still for %llu ms", (unsigned long long)ms);
	world_jump(ms);
	late_ms = world_now_ms() > due_ms ? world_now_ms() - due_ms : 0;
	sim.stopped_ms += late_ms > 1000 ? late_ms : 0;
	sim.excuse_ms = lease_time() + late_ms;
	for (uint32_t left = rand_below(&sim.rand, 4); left > 0; left--) {
		send_one();
	}
	while (sim.core->tick_ms == due_ms) {
		turn();
	}
}

static void step(void)
{
	const uint32_t dice = rand_below(&sim.rand, 10000);

	if (dice < 4000) {
		send_one();
	} else if (dice < 8600) {
		turn();
	} else if (dice < 9700) {
		pass(rand_below(&sim.rand, 400));
	} else if (dice < 9740) {
		pass(rand_below(&sim.rand, 40000));
	} else if (dice < 9780) {
		fail_disk();
	} else if (dice < 9850) {
		if (sim.slow.is_reading) {
			end_slow();
		} else {
			begin_slow();
		}
	} else if (dice < 9900) {
		if (sim.holder.state == HOLDER_IDLE) {
			hold();
		} else if (sim.holder.state == HOLDER_HOLDS) {
			let_go();
		}
	} else if (dice < 9930) {
		sim.rules = rand_below(&sim.rand,
				       (uint32_t)(sim.has_words ? judge_count : judge_count - 1));
	} else if (dice < 9950) {
		check_overdue();
	} else if (dice < 9965) {
		crash();
	} else if (dice < 9972) {
		stop();
	} else if (dice < 9980) {
		stand_still();
	}
}

static void add_up(void)
{
	total.seeds++;
	total.commands += sim.commands;
	total.beats += sim.counts.beats;
	total.batches += sim.batches;
	total.expired += sim.counts.expired;
	total.crashes += sim.counts.crashes;
	total.stops += sim.counts.stops;
	total.failures += sim.counts.failures;
	total.snapshots += sim.counts.snapshots;
}

static void read_confs(void)
{
	expect(judge_count <= sizeof(sim.confs) / sizeof(sim.confs[0]));
	for (size_t i = 0; i < judge_count; i++) {
		struct conf_error error;
		char text[1000];

		snprintf(text, sizeof(text),
			 "server: {listen: [127.0.0.1], name: n, data: d}\n"
			 "key: [{name: a, secret: d2FnZ2xlIHdhZ2dsZSB3YWdnbGUgd2FnZ2xlIQ==}, "
			 "{name: b, secret: b3BzLW9wcy1vcHMtb3BzLW9wcy1vcHMtb3BzLW9wcy0=}]\n"
			 "zone: [{name: svc.example, registry: %s}]\n",
			 judge_rules[i]);
		if (conf_parse(&sim.confs[i], text, strlen(text), "w.conf", "dir", &error) != OK) {
			ck_abort_msg("%s", error.text);
		}
	}
}

static void run_seed(uint64_t seed)
{
	memset(&sim, 0, sizeof(sim));
	sim.seed = seed;
	sim.has_words = seed % 4 == 2; /* not in all: the seeds of bugs mean what they did */
	sim.is_verbose = getenv("WAGGLE_VERBOSE") != NULL;
	sim.is_looked_at = sim.is_verbose || getenv("WAGGLE_SEED") != NULL;
	rand_init(&sim.rand, seed);
	arena_init(&sim.arena, OCTETS_MAX);
	model_init(&sim.model);
	read_confs();
	world_begin(seed);
	start();
	draw_base(&sim.rand, &sim.model, &sim.clients[0].command);
	command(&sim.clients[0]);
	settle();
	while (sim.commands < COMMANDS) {
		step();
	}
	end_readers();
	settle();
	compare_all(published());
	end();
	add_up();
	for (size_t i = 0; i < judge_count; i++) {
		conf_unref(sim.confs[i]);
	}
	arena_deinit(&sim.arena);
	store_ram_forget();
}

static uint64_t number_of(const char *variable, uint64_t otherwise)
{
	const char *text = getenv(variable);

	return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

static uint64_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec;
}

START_TEST(bugs_found_before_stay_away)
{
	wire_prepare();
	for (size_t i = 0; i < COUNT_OF(found); i++) {
		run_seed(found[i].seed);
	}
}
END_TEST

START_TEST(whatever_happens_the_registry_is_what_the_model_says)
{
	const bool is_one = getenv("WAGGLE_SEED") != NULL;
	const uint64_t first = number_of("WAGGLE_SEED", 1);
	const uint64_t count = is_one ? 1 : number_of("WAGGLE_SEEDS", SEEDS);
	const uint64_t end_s = seconds() + number_of("WAGGLE_SIM_S", LIMIT_S);

	wire_prepare();
	for (uint64_t i = 0; i < count && seconds() < end_s; i++) {
		run_seed(first + i);
	}
	printf("%zu seeds, %zu commands, %zu heartbeats, %zu batches, %zu leases ended, %zu "
	       "crashes, "
	       "%zu stops, %zu disk faults, %zu snapshots\n",
	       total.seeds, total.commands, total.beats, total.batches, total.expired,
	       total.crashes, total.stops, total.failures, total.snapshots);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {bugs_found_before_stay_away,
				      whatever_happens_the_registry_is_what_the_model_says};

	setenv("CK_TIMEOUT_MULTIPLIER", "20", 0);
	return run_tests("sim/world", tests, COUNT_OF(tests));
}
