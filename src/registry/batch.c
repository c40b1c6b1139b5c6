/* Gathering jobs into a log entry. */
#include "registry/batch.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "registry/core.h"

#define COMMANDS_MAX ((1u << 20) - 1) /* a command's number has 20 bits in its version */

static_assert(BATCH_MAX / COMMAND_NEXT_HEAD <= COMMANDS_MAX, "numbers of commands fit");

void batch_init(struct batch *batch)
{
	*batch = (struct batch){0};
	list_init(&batch->jobs);
}

void batch_deinit(struct batch *batch)
{
	assert(list_is_empty(&batch->jobs));
	free(batch->entry);
}

void batch_clear(struct batch *batch)
{
	uint8_t *entry = batch->entry;
	const size_t room = batch->room;

	assert(list_is_empty(&batch->jobs));
	batch_init(batch);
	if (room > BATCH_MAX) {
		free(entry);
		return;
	}
	batch->entry = entry;
	batch->room = room;
}

static struct core_job *job_at(struct list *link)
{
	return list_entry(link, struct core_job, mail.link);
}

static void take_jobs(struct batch *batch, struct list *waiting)
{
	batch->size = COMMAND_BATCH_HEAD;
	while (!list_is_empty(waiting)) {
		struct core_job *job = job_at(waiting->next);
		const size_t size = COMMAND_NEXT_HEAD + job->command_size;

		if (batch->count > 0 && batch->size + size > BATCH_MAX) {
			return;
		}
		list_remove(&job->mail.link);
		list_append(&batch->jobs, &job->mail.link);
		batch->count++;
		batch->octets += job->command_size;
		batch->size += size;
	}
}

static int make_room(struct batch *batch)
{
	const size_t room = batch->size > BATCH_MAX / 16 ? batch->size : BATCH_MAX / 16;

	if (batch->room >= batch->size) {
		return OK;
	}
	free(batch->entry);
	batch->entry = malloc(room);
	batch->room = batch->entry == NULL ? 0 : room;
	return batch->entry == NULL ? ERR_NOMEM : OK;
}

int batch_gather(struct batch *batch, struct list *waiting, uint64_t time_s)
{
	struct buf_writer out;

	assert(batch->count == 0 && !list_is_empty(waiting));
	take_jobs(batch, waiting);
	if (make_room(batch) != OK) {
		return ERR_NOMEM;
	}
	out = buf_writer(batch->entry, batch->size);
	command_write_batch(&out, (uint32_t)batch->count, time_s);
	for (struct list *link = batch->jobs.next; link != &batch->jobs; link = link->next) {
		const struct core_job *job = job_at(link);

		command_write_next(&out, job->command, job->command_size);
	}
	assert(!out.failed && buf_written(&out) == batch->size);
	return OK;
}
