/* What the core gives to the log, and the model that follows what it publishes. */
#include "tests/sim/sim.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "dns/types.h"
#include "store/store.h"
#include "tests/sim/compare.h"
#include "tests/sim/draw.h"
#include "tests/sim/judge.h"
#include "tests/sim/wire.h"
#include "tests/sim/world.h"
#include "zone/zone.h"

#define COMPARE_EVERY 64 /* batches */
#define LATE_MS 4000 /* behind its end, when nothing holds it up, a lease is gone */

struct sim sim;

/* ---- failing ----------------------------------------------------------------------------- */

void sim_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

void sim_note(const char *format, ...)
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

void sim_tell(const void *context)
{
	(void)context;
	fprintf(stderr, "WAGGLE_SEED=%llu, command %zu, rules %s:\n", (unsigned long long)sim.seed,
		sim.commands, judge_rules[sim.rules]);
	for (size_t i = sim.trace_count < TRACE ? 0 : sim.trace_count - TRACE; i < sim.trace_count;
	     i++) {
		fprintf(stderr, "  %s\n", sim.trace[i % TRACE]);
	}
}

void sim_must(int ret)
{
	if (ret != OK) {
		mismatch("unexpected: %s", err_text(ret));
	}
}

/* Only where one seed is looked at: it takes longer than the command itself. */
void sim_note_command(const char *what, const struct model_command *command)
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
	sim_note("%s %s", what, text);
}

/* ---- lease time -------------------------------------------------------------------------- */

/* The clock less the times when nobody could be heard. */
uint64_t sim_lease_time(void)
{
	return world_now_ms() - sim.stopped_ms;
}

void sim_excuse(void)
{
	sim.excuse_ms = sim_lease_time() > sim.excuse_ms ? sim_lease_time() : sim.excuse_ms;
}

/* The registry said yes to whoever renewed this name at this time. */
void sim_promise(int name, uint64_t time_ms)
{
	struct term *term = &sim.terms[name];

	if (sim.is_looked_at) {
		sim_note("%s is renewed", model_names[name].text);
	}
	term->promised_ms = time_ms > term->promised_ms ? time_ms : term->promised_ms;
	term->latest_ms = sim_lease_time();
}

void sim_begin_terms(void)
{
	for (size_t i = 0; i < NAMES_MAX; i++) {
		sim.terms[i] = (struct term){sim_lease_time(), sim_lease_time()};
	}
	sim_excuse();
}

/* An expiry is proposed: has the term of each name that it means run out? */
static void check_expiry(const struct model_expire *expire)
{
	for (size_t i = 0; i < expire->count; i++) {
		const int name = expire->leases[i].name;
		const struct model_entry *entry = &sim.model.entries[name];
		const uint64_t since_ms = sim_lease_time() - sim.terms[name].promised_ms;

		if (entry->lease_s > 0 && entry->version == expire->leases[i].version &&
		    since_ms < entry->lease_s * UINT64_C(1000)) {
			mismatch("the lease of %s, %u s, ends %llu ms after it was renewed",
				 model_names[name].text, entry->lease_s,
				 (unsigned long long)since_ms);
		}
	}
}

/* ---- the log ----------------------------------------------------------------------------- */

struct flight *sim_newest_flight(void)
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
	sim_must(command_read_expire(&reader, &count, octets, size));
	expect(count <= EXPIRIES_MAX);
	for (uint16_t i = 0; i < count; i++) {
		int name = 0;

		sim_must(command_read_expiry(&reader, &expiry));
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
	sim_must(command_read_batch(&batch, entry, size));
	flight->time_s = batch.time_s;
	for (uint32_t i = 0; i < batch.count; i++) {
		sim_must(command_read_next(&batch.commands, &octets, &size));
		expect(flight->count < BATCH_COMMANDS);
		flight->commands[flight->count].client = NULL;
		if (command_kind(octets, size) == COMMAND_EXPIRE) {
			struct model_command *expiry = &flight->commands[flight->count].expiry;

			read_expiry(expiry, octets, size);
			sim_note_command("proposed", expiry);
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
	(void)context;
	if (sim.is_off) {
		sim.done(sim.done_context, status, index);
		return;
	}
	struct flight *flight = sim_newest_flight();

	sim_note("batch %llu: %s", (unsigned long long)index, err_text(status));
	flight->is_ended = true;
	flight->status = status;
	flight->index = index;
	sim.done(sim.done_context, status, index);
}

int sim_append(struct log *log, const void *entry, size_t size, log_done_fn done, void *context)
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

/* An UPDATE was applied: what it renewed has a term from now, and what it only changed may have. */
static void take_terms(uint64_t version)
{
	for (int i = 0; i < (int)model_name_count; i++) {
		const struct model_entry *entry = &sim.model.entries[i];

		if (entry->lease_s == 0 || entry->version != version) {
			continue;
		}
		if (entry->renewed == version) {
			sim_promise(i, sim_lease_time());
		}
		sim.terms[i].latest_ms = sim_lease_time();
	}
}

/* What it meant and did not end, having moved meanwhile, has a fresh term. */
static void take_expiry(const struct model_expire *expire)
{
	for (size_t i = 0; i < expire->count; i++) {
		sim.terms[expire->leases[i].name].latest_ms = sim_lease_time();
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

	sim.model.now_s = flight->time_s;
	const unsigned rcode = model_apply(&sim.model, command, version, &is_change);

	sim_note_command("applied", command);

	if (command->kind == MODEL_UPDATE && rcode == DNS_RCODE_NOERROR) {
		take_terms(version);
	}
	if (command->kind == MODEL_EXPIRE) {
		take_expiry(&command->expire);
	} else if (command->kind == MODEL_SET_BASE &&
		   memcmp(&shape, &command->base.shape, sizeof(shape)) != 0) {
		sim_excuse(); /* a zone of another shape is written anew, and its leases begin again */
	}
	if (client == NULL || sim.is_off) {
		return;
	}
	if (!client->is_answered) {
		mismatch("a command was applied and not answered");
	}
	if (client->job.result.rcode != rcode ||
	    (command->kind == MODEL_UPDATE && client->job.result.is_change != is_change)) {
		sim_note_command("this one:", command);
		mismatch("rcode %u and %s, not %u and %s (%s)", client->job.result.rcode,
			 client->job.result.is_change ? "a change" : "no change", rcode,
			 is_change ? "a change" : "no change", client->job.result.ede_text);
	}
	client->is_waiting = false;
}

const struct root *sim_published(void)
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
				 .tell = sim_tell};
}

void sim_compare_all(const struct root *root)
{
	const struct compared these = compared(root);

	expect(these.zone != NULL);
	compare_content(&these);
	compare_state(&these);
}

void sim_apply_batch(const struct flight *flight)
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
	sim_excuse();
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

void sim_shift_flights(void)
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
	return flight->status != OK || root_index(sim_published()) >= flight->index;
}

/* The model follows what the core has published. */
void sim_follow(void)
{
	while (sim.flight_count > 0 && sim.flights[0].is_ended && is_over(&sim.flights[0])) {
		if (sim.flights[0].status == OK) {
			/* Reply after publish. */
			expect(root_index(sim_published()) >= sim.flights[0].index);
			sim_apply_batch(&sim.flights[0]);
		} else {
			drop_batch(&sim.flights[0]);
		}
		sim_shift_flights();
		if (root_index(sim_published()) != sim.index) {
			continue;
		}
		const struct zone *zone = root_zone(sim_published(), wire_apex);
		if (zone != NULL && zone_serial(zone) != sim.model.serial) {
			mismatch("the serial is %u, not %u", zone_serial(zone), sim.model.serial);
		}
		if (zone != NULL && sim.batches % COMPARE_EVERY == 0) {
			sim_compare_all(sim_published());
		}
	}
}

bool sim_turn(void)
{
	const bool is_any = world_turn();

	sim_follow();
	return is_any;
}

void sim_settle(void)
{
	while (sim_turn()) {
	}
}

/* Time passes, and what is due is done. */
void sim_pass(uint64_t ms)
{
	world_pass(ms, sim_follow);
}

/* With time in which nothing goes wrong, no lease is over and still there. */
void sim_check_overdue(void)
{
	sim_settle();
	sim_pass(LATE_MS / 2);
	sim_settle();
	for (size_t i = 0; i < model_name_count; i++) {
		const struct model_entry *entry = &sim.model.entries[i];
		const uint64_t latest_ms = sim.terms[i].latest_ms > sim.excuse_ms
						   ? sim.terms[i].latest_ms
						   : sim.excuse_ms;

		if (entry->lease_s > 0 && !entry->is_overdue &&
		    sim_lease_time() > latest_ms + entry->lease_s * UINT64_C(1000) + LATE_MS) {
			mismatch("the lease of %s, %u s, was renewed %llu ms ago and lives",
				 model_names[i].text, entry->lease_s,
				 (unsigned long long)(sim_lease_time() - latest_ms));
		}
	}
}
