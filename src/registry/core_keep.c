/*
 * What outlives the process: the root restored from the log at start, and snapshots of it.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/err.h"
#include "dns/types.h"
#include "registry/core_inside.h"

/* ---- restoring ----------------------------------------------------------------------------- */

struct restorer {
	struct core *core;
	struct root_writer *writer; /* that the snapshot goes into; NULL: none has begun */
	struct registry_loader *loader;
	uint64_t entries;
};

static int begin_snapshot(struct restorer *restorer)
{
	const int ret = root_begin(&restorer->writer, reclaim_root(restorer->core->reclaim));

	return ret == OK ? registry_loader_new(&restorer->loader, restorer->writer) : ret;
}

static int restore_piece(void *context, const void *data, size_t size)
{
	struct restorer *restorer = context;
	int ret = OK;

	if (restorer->loader == NULL) {
		ret = begin_snapshot(restorer);
	}
	return ret == OK ? registry_loader_put(restorer->loader, data, size) : ret;
}

/* Before the first entry, or at the end. */
static int end_snapshot(struct restorer *restorer)
{
	uint64_t index;
	int ret;

	if (restorer->loader == NULL) {
		return OK;
	}
	ret = registry_loader_end(restorer->loader, &index);
	registry_loader_free(restorer->loader);
	restorer->loader = NULL;
	if (ret == OK) {
		ret = core_commit(restorer->core, restorer->writer, index);
	}
	if (ret == OK) {
		restorer->writer = NULL;
		reclaim_collect(restorer->core->reclaim);
	}
	return ret;
}

/* A lease that this entry makes shorter has to be looked at sooner. */
static void note_renewed(void *context, size_t number, const struct command_result *result,
			 const struct plan *plan)
{
	(void)number;
	if (result->rcode == DNS_RCODE_NOERROR) {
		core_touch(context, plan);
	}
}

static int restore_entry(void *context, uint64_t index, const void *entry, size_t size)
{
	struct restorer *restorer = context;
	struct core *core = restorer->core;
	int ret = end_snapshot(restorer);

	if (ret == OK && index != root_index(reclaim_root(core->reclaim)) + 1) {
		ret = ERR_DAMAGED;
	}
	if (ret == OK) {
		ret = root_begin(&restorer->writer, reclaim_root(core->reclaim));
	}
	if (ret == OK) {
		ret = registry_apply_batch(restorer->writer, index, entry, size, &core->arena,
					   note_renewed, core);
	}
	if (ret == OK && core->touched.failed) {
		ret = ERR_NOMEM;
	}
	if (ret == OK) {
		ret = core_commit(core, restorer->writer, index);
	}
	if (ret == OK) {
		core_renew_touched(core);
		restorer->writer = NULL;
		restorer->entries++;
		reclaim_collect(core->reclaim);
	}
	return ret;
}

int core_restore(struct core *core, struct log_error *error)
{
	struct restorer restorer = {.core = core};
	const uint64_t begin_ms = clock_mono_ms();
	const struct root *root;
	int ret = core->log_ops->restore(core->log, restore_piece, restore_entry, &restorer, error);

	if (ret == OK) {
		ret = end_snapshot(&restorer);
		if (ret != OK) {
			snprintf(error->text, sizeof(error->text),
				 "the registry's snapshot cannot be used: %s", err_text(ret));
		}
	}
	if (ret != OK) {
		registry_loader_free(restorer.loader);
		root_abort(restorer.writer);
		return ret;
	}
	root = reclaim_root(core->reclaim);
	/* Each got a term as it came in; core_publish() makes it a full one from then on. */
	core->leases_ms = begin_ms;
	log_line(LOG_LEVEL_INFO, "registry restored",
		 "index=%" PRIu64 " entries=%" PRIu64 " zones=%zu leases=%zu ms=%" PRIu64,
		 root_index(root), restorer.entries, root_zone_count(root), core->leases.count,
		 clock_mono_ms() - begin_ms);
	return OK;
}

/* ---- snapshots ----------------------------------------------------------------------------- */

struct counting_sink {
	struct core *core;
	log_sink_fn put;
	void *sink;
};

static int put_counting(void *context, const void *data, size_t size)
{
	const struct counting_sink *sink = context;

	sink->core->saved_octets += size;
	return sink->put(sink->sink, data, size);
}

/* On the snapshot thread; the root is held. */
static int produce(void *context, log_sink_fn put, void *sink)
{
	struct core *core = context;
	struct counting_sink counting = {.core = core, .put = put, .sink = sink};

	return registry_save(core->saved_root, put_counting, &counting);
}

/* On the store thread. */
static void saved(void *context, int status, uint64_t index)
{
	struct core *core = context;

	core->saved.status = status;
	core->saved.index = index;
	mailbox_post_always(core->turns, &core->saved.turn.mail);
}

static void run_saved(struct core *core, struct turn *turn)
{
	const uint64_t ms = clock_mono_ms() - core->saving_ms;

	(void)turn;
	core->is_saving = false;
	core_collect_on(core, reclaim_release(core->reclaim, core->saved_root));
	core->saved_root = NULL;
	if (core->saved.status == OK) {
		counter_add(&core->counters.snapshots, 1);
		counter_set(&core->counters.snapshot_s, clock_wall_s());
		log_line(LOG_LEVEL_INFO, "snapshot written",
			 "index=%" PRIu64 " octets=%" PRIu64 " ms=%" PRIu64, core->saved.index,
			 core->saved_octets, ms);
	} else {
		log_line(LOG_LEVEL_ERROR, "snapshot failed, the log is kept",
			 "index=%" PRIu64 " error=\"%s\" ms=%" PRIu64, core->saved.index,
			 core_reason(core->saved.status), ms);
	}
	core_end_when_idle(core);
}

void core_save(struct core *core)
{
	int ret;

	counter_set(&core->counters.log_octets, core->log_ops->size(core->log));
	if (core->is_saving || core->is_stopping || !core->log_ops->wants_snapshot(core->log) ||
	    root_index(reclaim_root(core->reclaim)) == 0) {
		return;
	}
	core->is_saving = true;
	core->saving_ms = clock_mono_ms();
	core->saved_octets = 0;
	core->saved.turn.run = run_saved;
	core->saved_root = reclaim_hold(core->reclaim);
	log_line(LOG_LEVEL_INFO, "snapshot begun", "index=%" PRIu64 " log_octets=%" PRIu64,
		 root_index(core->saved_root), core->log_ops->size(core->log));
	ret = core->log_ops->snapshot(core->log, root_index(core->saved_root), produce, core, saved,
				      core);
	if (ret != OK) {
		core->saved.status = ret;
		core->saved.index = root_index(core->saved_root);
		run_saved(core, &core->saved.turn);
	}
}
