#include "ctl/taking.h"

#include <stdlib.h>

#include "base/err.h"

static void run(void *context)
{
	struct taking *taking = context;

	if (command_take(&taking->options, taking->upload, &taking->text) != OK) {
		taking->text = NULL;
	}
	(void)mailbox_post_always(taking->mailbox, &taking->mail);
}

int taking_start(struct taking **out, const struct ctl_options *options, struct upload *upload,
		 struct mailbox *mailbox)
{
	struct taking *taking = calloc(1, sizeof(*taking));

	if (taking == NULL) {
		upload_free(upload);
		return ERR_NOMEM;
	}
	taking->options = *options;
	conf_ref(taking->options.conf);
	taking->upload = upload;
	taking->mailbox = mailbox;
	const int ret = thread_start(&taking->thread, "import", run, taking);
	if (ret != OK) {
		taking_free(taking);
		return ret;
	}
	*out = taking;
	return OK;
}

void taking_abandon(struct taking *taking)
{
	atomic_store_explicit(&taking->upload->is_unwanted, true, memory_order_relaxed);
}

void taking_join(struct taking *taking)
{
	thread_join(taking->thread);
	taking->thread = NULL;
}

void taking_free(struct taking *taking)
{
	if (taking == NULL) {
		return;
	}
	taking_join(taking);
	upload_free(taking->upload);
	conf_unref(taking->options.conf);
	free(taking->text);
	free(taking);
}
