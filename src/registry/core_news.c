/*
 * One log line for each change of an instance's state, as a batch made it: registered, changed,
 * withdrawn, expired, held, published, withheld. What an operator does has its line where it came
 * in, with the reason (ctl/operator.c); a heartbeat has none.
 *
 * Names are noted while the batch is applied, and compared with the version before once it is
 * committed. Both are bounded: NEWS_LINES a second, of which the next line tells what was left out;
 * what the second has no line for is not looked at.
 */
#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "dns/rrtype.h"
#include "dns/types.h"
#include "registry/core_inside.h"

/* ---- noting ------------------------------------------------------------------------------ */

void core_open_news(struct core *core)
{
	core->news.room = log_room(&core->news.limit, clock_mono_ms(), NEWS_LINES);
	core->news.count = 0;
	core->news.left_out = 0;
}

static void note(struct core *core, const struct zone *zone, const uint8_t *name, bool is_expired)
{
	struct news *news = &core->news;

	if (zone_role(zone, name) != ROLE_INSTANCE) {
		return;
	}
	if (news->count == news->room) {
		news->left_out++;
		return;
	}
	struct news_item *item = &news->items[news->count++];
	memcpy(item->name, name, dns_name_size(name));
	item->apex_at = (uint8_t)(dns_name_size(name) - dns_name_size(zone_apex(zone)));
	item->is_expired = is_expired;
}

static void note_expiries(struct core *core, const struct core_job *job)
{
	const struct root *before = reclaim_root(core->reclaim);
	struct buf_reader reader;
	uint16_t count;
	int ret = command_read_expire(&reader, &count, job->command, job->command_size);

	for (; ret == OK && count > 0; count--) {
		struct command_expiry expiry;
		const struct zone *zone;

		ret = command_read_expiry(&reader, &expiry);
		zone = ret == OK ? root_zone(before, expiry.zone) : NULL;
		if (zone != NULL) {
			note(core, zone, expiry.name, true);
		}
	}
}

void core_note_news(struct core *core, const struct core_job *job, const struct plan *plan)
{
	if (command_kind(job->command, job->command_size) == COMMAND_EXPIRE) {
		note_expiries(core, job);
		return;
	}
	for (size_t i = 0; i < plan->count; i++) {
		if (plan->names[i].is_change) {
			note(core, plan->zone, plan->names[i].content.name, false);
		}
	}
}

/* ---- saying ------------------------------------------------------------------------------ */

/* An instance at one moment. */
struct moment {
	const struct zone *zone;
	const struct node *node; /* NULL: nothing is registered */
	struct content content;
	bool is_published;
};

static struct moment moment_of(const struct root *root, const struct news_item *item)
{
	struct moment moment = {.zone = root_zone(root, item->name + item->apex_at)};

	if (moment.zone != NULL) {
		moment.node = zone_entry(moment.zone, item->name);
	}
	if (moment.node != NULL) {
		(void)node_content(moment.node, &moment.content, NULL, 0);
		moment.is_published = node_is_published(moment.zone, moment.node);
	}
	return moment;
}

static const char *event_of(const struct news_item *item, const struct moment *before,
			    const struct moment *after)
{
	const bool is_held = (after->content.flags & NAME_HELD) != 0;
	const bool was_held = (before->content.flags & NAME_HELD) != 0;

	if (after->node == NULL) {
		return item->is_expired ? "instance expired" : "instance withdrawn";
	}
	if (is_held && !was_held) {
		return "instance held";
	}
	if (before->node == NULL) {
		return "instance registered";
	}
	if (before->is_published == after->is_published) {
		return "instance changed";
	}
	return after->is_published ? "instance published" : "instance withheld";
}

static const char *state_of(const struct moment *moment)
{
	if (moment->node == NULL) {
		return "gone";
	}
	if (moment->is_published) {
		return "published";
	}
	if ((moment->content.flags & NAME_HELD) != 0) {
		return "held";
	}
	return node_has_type(moment->zone, moment->node, DNS_TYPE_SRV) ? "withheld" : "no-SRV";
}

static void say(const struct news_item *item, const struct moment *before,
		const struct moment *after, uint32_t left_out)
{
	const struct moment *known = after->node != NULL ? after : before;
	char name[DNS_NAME_TEXT_MAX];
	char host[DNS_NAME_TEXT_MAX];
	char owner[DNS_NAME_TEXT_MAX + 8];
	char quoted[3][DNS_NAME_TEXT_MAX + 16];
	uint8_t scratch[SET_SCRATCH];
	unsigned port = 0;
	struct set set;
	uint16_t size;

	strcpy(host, "-");
	if (node_set(known->zone, known->node, DNS_TYPE_SRV, &set)) {
		const struct dns_srv srv = dns_srv_view(set_member(&set, 0, scratch, &size));

		dns_name_to_text(host, srv.target);
		port = srv.port;
	}
	dns_name_to_text(name, item->name);
	owner_text(owner, &known->content.owner);
	log_line(LOG_LEVEL_INFO, event_of(item, before, after),
		 "name=%s owner=%s host=%s port=%u lease=%" PRIu32 " state=%s left_out=%" PRIu32,
		 log_quote(quoted[0], sizeof(quoted[0]), name),
		 log_quote(quoted[1], sizeof(quoted[1]), owner),
		 log_quote(quoted[2], sizeof(quoted[2]), host), port, known->content.lease_s,
		 state_of(after), left_out);
}

void core_say_news(struct core *core, const struct root *before)
{
	const struct root *after = reclaim_root(core->reclaim);
	const uint64_t now_ms = clock_mono_ms();
	struct news *news = &core->news;

	news->limit.left_out += news->left_out;
	for (size_t i = 0; i < news->count; i++) {
		const struct news_item *item = &news->items[i];
		const struct moment one = moment_of(before, item);
		const struct moment other = moment_of(after, item);
		uint32_t left_out;

		/* Two commands of one batch may have undone each other; an expiry may have come late. */
		if ((one.node == NULL && other.node == NULL) ||
		    (item->is_expired && other.node != NULL)) {
			continue;
		}
		if (log_may(&news->limit, now_ms, NEWS_LINES, &left_out)) {
			say(item, &one, &other, left_out);
		}
	}
}
