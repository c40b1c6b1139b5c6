/* Those who send UPDATEs and the operator, and those who read. */
#include "tests/sim/sim.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/err.h"
#include "dns/types.h"
#include "tests/sim/draw.h"
#include "tests/sim/judge.h"
#include "tests/sim/wire.h"
#include "tests/sim/world.h"
#include "update/update.h"

#define FUDGE_S 250 /* the clients' clocks are fast: who waits long in line is no replay */

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
	sim_must(core_submit(sim.core, &client->job));
	sim.sent[sim.sent_count++] = client;
	sim_note_command("submitted", &client->command);
}

/* What the operator and the base file say goes to the core without more. */
void sim_command(struct client *client)
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
	after.now_s = clock_wall_s();
	if (model_apply(&after, command, version, &is_change) != DNS_RCODE_NOERROR || is_change) {
		sim_note_command("this one:", command);
		mismatch("what would change something passed for a heartbeat");
	}
	for (int i = 0; i < (int)model_name_count; i++) {
		if (after.entries[i].lease_s == 0 || after.entries[i].version != version) {
			continue;
		}
		if (after.entries[i].renewed == version) {
			sim_promise(i, time_ms);
		}
		sim.terms[i].latest_ms = sim_lease_time();
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
			sim_note_command("this one:", command);
			mismatch("an UPDATE was answered with rcode %u by its thread: %s",
				 answer->result.rcode, answer->result.ede_text);
		}
		model_copy(&after, model);
		after.now_s = clock_wall_s();
		rcode = model_apply(&after, command, 1, &is_change);
	}
	if (answer->result.rcode != rcode) {
		sim_note_command("this one:", command);
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

		sim.terms[instance == NONE ? change->name : instance].latest_ms = sim_lease_time();
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

	sim_must(dns_message_parse(&message, octets, size));
	if (update_receive(&request, &sim.arena, &answer) == UPDATE_SUBMIT) {
		if (!model->is_served || !is_allowed) {
			sim_note_command("this one:", &client->command);
			mismatch("it should have been refused");
		}
		submit(client, answer.command, answer.command_size);
		note_cells(model, update);
	} else {
		sim_note_command("answered at once", &client->command);
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

void sim_send(void)
{
	struct client *client = idle_client();

	if (client == NULL) {
		return;
	}
	sim.commands++;
	draw(&client->command);
	if (client->command.kind != MODEL_UPDATE ||
	    client->command.update.owner == MODEL_OPERATOR) {
		sim_command(client);
	} else if (sim.slow.is_reading && rand_below(&sim.rand, 2) == 0) {
		receive(client, sim.slow.root, &sim.slow.model, sim.slow.began_ms);
	} else {
		receive(client, sim_published(), &sim.model, sim_lease_time());
	}
	arena_reset(&sim.arena);
}

/* ---- readers ----------------------------------------------------------------------------- */

void sim_begin_slow(void)
{
	/* The model is of the root only where nothing is applied and not yet followed. */
	sim.slow.is_reading = true;
	sim.slow.root = sim_published();
	model_copy(&sim.slow.model, &sim.model);
	sim.slow.began_ms = sim_lease_time();
	world_read(true);
}

void sim_end_slow(void)
{
	sim.slow.is_reading = false;
	world_read(false);
}

static void add_octets(uint64_t *sum, const void *octets, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		*sum = (*sum ^ ((const uint8_t *)octets)[i]) * UINT64_C(1099511628211);
	}
}

static int add_record(void *sum, const struct delta_rr *rr)
{
	const uint32_t numbers[] = {rr->type, rr->ttl, rr->size};

	add_octets(sum, rr->name, dns_name_size(rr->name));
	add_octets(sum, numbers, sizeof(numbers));
	add_octets(sum, rr->rdata, rr->size);
	return OK;
}

/* Of all records as they lie there, spelling and all. */
static uint64_t sum_of(const struct root *root)
{
	const struct zone *zone = root_zone(root, wire_apex);
	uint64_t sum = 0;

	if (zone != NULL) {
		sim_must(zone_walk_rrs(zone, add_record, &sum));
	}
	return sum;
}

static bool lent(struct core_loan *loan)
{
	struct holder *holder = list_entry(loan, struct holder, loan);

	holder->state = HOLDER_HOLDS;
	holder->sum = sum_of(loan->root);
	return true;
}

static void returned(struct core_loan *loan)
{
	list_entry(loan, struct holder, loan)->state = HOLDER_IDLE;
}

void sim_hold(void)
{
	sim.holder.state = HOLDER_ASKS;
	sim.holder.loan.lent = lent;
	sim.holder.loan.returned = returned;
	core_borrow(sim.core, &sim.holder.loan);
}

void sim_let_go(void)
{
	if (sum_of(sim.holder.loan.root) != sim.holder.sum) {
		mismatch("a version that was held has changed");
	}
	sim.holder.state = HOLDER_RETURNS;
	core_return(sim.core, &sim.holder.loan);
}

void sim_end_readers(void)
{
	if (sim.slow.is_reading) {
		sim_end_slow();
	}
	while (sim.holder.state == HOLDER_ASKS) {
		sim_turn();
	}
	if (sim.holder.state == HOLDER_HOLDS) {
		sim_let_go();
	}
	while (sim.holder.state != HOLDER_IDLE) {
		sim_turn();
	}
}
