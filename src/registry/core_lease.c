/*
 * The core's side of the leases: the tick, the command that ends them, and what becomes of those
 * that it could not end.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "registry/core_inside.h"

#define TICK_MS 1000 /* at least so often, so that a stall is noticed */
#define LATE_MS 1000 /* a tick so late means that nobody could be heard */

/* ---- the tick ------------------------------------------------------------------------------ */

void core_set_tick(struct core *core)
{
	const uint64_t now_ms = clock_mono_ms();
	/* With an expiry on its way, its end is what is waited for. */
	const uint64_t wait_ms =
		core->is_expiring ? TICK_MS : leases_wait(&core->leases, now_ms, TICK_MS);

	if (!core->is_published || core->is_stopping) {
		return;
	}
	core->tick_ms = now_ms + wait_ms;
	loop_timer_set(core->tick, wait_ms);
}

/* The registration that a lease stands for. */
static struct command_expiry expiry_of(const struct core *core, const struct lease *lease)
{
	const struct zone *zone;
	const struct node *node = root_lease_node(reclaim_root(core->reclaim), lease, &zone);
	struct content content;

	assert(node != NULL);
	node_content(node, &content, NULL, 0);
	return (struct command_expiry){
		.zone = zone_apex(zone), .name = content.name, .version = content.version};
}

static void write_expiry(struct core *core, struct buf_writer *out, size_t count)
{
	command_write_expire(out, (uint16_t)count);
	for (size_t i = 0; i < count; i++) {
		const struct command_expiry expiry = expiry_of(core, core->due[i]);

		command_write_expiry(out, &expiry);
	}
}

static size_t expiry_size(const struct core *core, size_t count)
{
	size_t size = COMMAND_EXPIRE_HEAD;

	for (size_t i = 0; i < count; i++) {
		const struct command_expiry expiry = expiry_of(core, core->due[i]);

		size += command_expiry_size(&expiry);
	}
	return size;
}

/* The result comes by core_settle_expiry(). */
static void expiry_done(struct list *jobs)
{
	list_init(jobs);
}

static const struct core_job_ops expiry_ops = {.done = expiry_done};

static void expire(struct core *core, uint64_t now_ms)
{
	const size_t count = core_guard(
		core, leases_expire(&core->leases, now_ms, core->due, EXPIRE_MAX), now_ms);
	const size_t size = expiry_size(core, count);
	struct buf_writer out;

	if (count == 0) {
		return;
	}
	core->expiry = (struct core_job){
		.command = malloc(size),
		.command_size = size,
		.ops = &expiry_ops,
	};
	if (core->expiry.command == NULL) {
		for (size_t i = 0; i < count; i++) {
			leases_renew(&core->leases, core->due[i], now_ms);
		}
		return;
	}
	out = buf_writer(core->expiry.command, size);
	write_expiry(core, &out, count);
	assert(!out.failed && buf_written(&out) == size);
	core->is_expiring = true;
	core->expiring_due = core->due[0]->due.key;
	core_enqueue(core, &core->expiry);
}

/* Before the tick is set anew: whoever comes first after a stall has to notice it. */
static void notice_stall(struct core *core, uint64_t now_ms)
{
	const uint64_t stalled_ms = now_ms > core->tick_ms ? now_ms - core->tick_ms : 0;
	uint32_t left_out;

	if (stalled_ms <= LATE_MS) {
		return;
	}
	leases_stall(&core->leases, stalled_ms, now_ms);
	counter_add(&core->counters.stalls, 1);
	counter_add(&core->counters.stalled_ms, stalled_ms);
	if (log_may(&core->stall_limit, now_ms, 1, &left_out)) {
		log_line(LOG_LEVEL_WARNING,
			 "the process stood still, all leases last as much longer",
			 "ms=%" PRIu64 " left_out=%" PRIu32, stalled_ms, left_out);
	}
}

/* Those that are being ended are over, too, for as long as the log has not taken it. */
static void show_overdue(struct core *core, uint64_t now_ms)
{
	const uint64_t first_ms = leases_overdue_ms(&core->leases, now_ms);
	const uint64_t ending_ms =
		core->is_expiring ? leases_late_ms(&core->leases, core->expiring_due, now_ms) : 0;

	counter_set(&core->counters.overdue_ms, first_ms > ending_ms ? first_ms : ending_ms);
}

void core_tick(void *context)
{
	struct core *core = context;
	const uint64_t begin_us = clock_mono_us();
	const uint64_t now_ms = clock_mono_ms();

	notice_stall(core, now_ms);
	show_overdue(core, now_ms);
	if (!core->is_expiring) {
		expire(core, now_ms);
	}
	core_guard_sweep(core, now_ms);
	core_save(core);
	core_set_tick(core);
	core_note_turn(core, begin_us);
}

/* ---- what commands did to leases ----------------------------------------------------------- */

static uint8_t *touched_reserve(struct touched *touched, size_t size)
{
	if (touched->room - touched->used < size) {
		const size_t room = (touched->room + size) * 2;
		uint8_t *octets = realloc(touched->octets, room);

		if (octets == NULL) {
			touched->failed = true;
			return NULL;
		}
		touched->octets = octets;
		touched->room = room;
	}
	touched->used += size;
	return touched->octets + touched->used - size;
}

void core_touch(struct core *core, const struct plan *plan)
{
	for (size_t i = 0; i < plan->count; i++) {
		const struct node *old = plan->names[i].old;
		const uint8_t *name = plan->names[i].content.name;
		uint16_t apex_at;
		size_t size;
		uint8_t *at;

		/* A lease that begins has its term from the commit. */
		if (!plan->names[i].is_renewed || old == NULL || node_lease(old) == NULL) {
			continue;
		}
		size = dns_name_size(name);
		apex_at = (uint16_t)(size - dns_name_size(zone_apex(plan->zone)));
		at = touched_reserve(&core->touched, sizeof(apex_at) + size);
		if (at == NULL) {
			return;
		}
		memcpy(at, &apex_at, sizeof(apex_at));
		memcpy(at + sizeof(apex_at), name, size);
	}
}

static const struct node *find_entry(const struct core *core, const uint8_t *apex,
				     const uint8_t *name)
{
	const struct zone *zone = root_zone(reclaim_root(core->reclaim), apex);

	return zone == NULL ? NULL : zone_entry(zone, name);
}

void core_renew_touched(struct core *core)
{
	struct touched *touched = &core->touched;
	const uint64_t now_ms = clock_mono_ms();
	const struct zone *zone = NULL;

	for (size_t at = 0; at < touched->used;) {
		const uint8_t *name = touched->octets + at + sizeof(uint16_t);
		const struct node *node;
		struct lease *lease;
		uint16_t apex_at;

		memcpy(&apex_at, touched->octets + at, sizeof(apex_at));
		if (zone == NULL || !dns_name_equal(zone_apex(zone), name + apex_at)) {
			zone = root_zone(reclaim_root(core->reclaim), name + apex_at);
		}
		node = zone == NULL ? NULL : zone_entry(zone, name);
		lease = node == NULL ? NULL : node_lease(node);
		if (lease != NULL) {
			leases_renew(&core->leases, lease, now_ms);
		}
		at += sizeof(apex_at) + dns_name_size(name);
	}
	touched->used = 0;
	if (touched->room > BATCH_MAX) {
		free(touched->octets);
		*touched = (struct touched){0};
	}
}

/*
 * A lease that is still marked was not ended: the append failed, or the registration had moved.
 * Only a host that an instance keeps over its time stays out of the timer, until it is renewed or
 * goes with that instance.
 */
static void settle_one(struct core *core, const struct command_expiry *expiry, uint64_t now_ms)
{
	const struct node *node = find_entry(core, expiry->zone, expiry->name);
	struct lease *lease = node == NULL ? NULL : node_lease(node);
	struct content content;

	if (lease == NULL) {
		counter_add(&core->counters.expired, 1);
		return;
	}
	if (atomic_load_explicit(&lease->renewed_ms, memory_order_relaxed) != LEASE_EXPIRING) {
		return;
	}
	node_content(node, &content, NULL, 0);
	if ((content.flags & NAME_OVERDUE) == 0) {
		leases_renew(&core->leases, lease, now_ms);
	}
}

void core_settle_expiry(struct core *core)
{
	const uint64_t now_ms = clock_mono_ms();
	struct buf_reader reader;
	struct command_expiry expiry;
	uint16_t count = 0;

	core->is_expiring = false;
	notice_stall(core, now_ms);
	command_read_expire(&reader, &count, core->expiry.command, core->expiry.command_size);
	for (; count > 0; count--) {
		command_read_expiry(&reader, &expiry);
		settle_one(core, &expiry, now_ms);
	}
	core_set_tick(core);
}
