/*
 * `release` and `remove`: an operator's word about one name goes through the log as any other
 * command, and is answered when it is durable and published. The thread waits for that, one append
 * of the log; other clients of the socket wait as long, which is not for ever: on a disk that hangs
 * the answer is that it is not known yet. `expire` is about the core's protection of a type alone.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "ctl/inside.h"
#include "dns/types.h"

#define WAIT_MS 3000 /* below the time-out of `waggle` */
#define REASON_MAX 255 /* octets; the command counts them in one */

/* A name spoken about, as it stands before the command. */
struct subject {
	uint8_t name[DNS_NAME_MAX];
	uint8_t apex[DNS_NAME_MAX];
	char owner[DNS_NAME_TEXT_MAX + 8];
	const char *reason;
};

/* OK, ERR_FORMAT (the reply refuses), ERR_NOMEM. */
static int find_subject(const struct ctl_options *options, const json_t *request, json_t *reply,
			struct subject *subject)
{
	const struct root *root = core_hold(options->core);
	struct content content = {.name = NULL};
	const struct zone *zone;
	const struct node *node;
	int ret;

	if (root == NULL) {
		return ERR_NOMEM;
	}
	ret = ctl_find_name(root, request, reply, subject->name, &zone);
	if (ret == OK) {
		memcpy(subject->apex, zone_apex(zone), dns_name_size(zone_apex(zone)));
		node = zone_entry(zone, subject->name);
		if (node != NULL) {
			(void)node_content(node, &content, NULL, 0);
		}
		owner_text(subject->owner, &content.owner);
	}
	core_release(options->core, root);
	return ret;
}

static int read_reason(const json_t *request, json_t *reply, struct subject *subject)
{
	const char *reason = json_string_value(json_object_get(request, "reason"));

	subject->reason = reason == NULL ? "" : reason;
	if (strlen(subject->reason) <= REASON_MAX) {
		return OK;
	}
	const int ret = ctl_refuse(reply, NULL, "the reason is longer than %d octets", REASON_MAX);
	return ret == OK ? ERR_FORMAT : ret;
}

/* The command through the log. ERR_NOMEM, ERR_FULL, ERR_CLOSED, ERR_BUSY: not done in time. */
static int submit(const struct ctl_options *options, const struct subject *subject,
		  enum operator_action action, struct command_result *result)
{
	const struct command_operator word = {
		.action = (uint8_t)action,
		.zone = subject->apex,
		.name = subject->name,
		.reason = subject->reason,
		.reason_size = (uint8_t)strlen(subject->reason),
	};
	const size_t size = command_operator_size(&word);
	uint8_t *octets = malloc(size);
	struct buf_writer out = buf_writer(octets, octets == NULL ? 0 : size);

	if (octets == NULL) {
		return ERR_NOMEM;
	}
	command_write_operator(&out, &word);
	return core_submit_within(options->core, octets, size, WAIT_MS, result);
}

static void log_word(const char *done, const struct subject *subject)
{
	char name[DNS_NAME_TEXT_MAX];
	char owner[sizeof(subject->owner) + 2];
	char reason[REASON_MAX * 4 + 3];

	log_line(LOG_LEVEL_INFO, done, "name=%s owner=%s reason=%s",
		 dns_name_to_text(name, subject->name),
		 log_quote(owner, sizeof(owner), subject->owner),
		 log_quote(reason, sizeof(reason), subject->reason));
}

static int run(const struct ctl_options *options, const json_t *request, json_t *reply,
	       enum operator_action action)
{
	const bool is_release = action == OPERATOR_RELEASE;
	struct command_result result = {0};
	char name[DNS_NAME_TEXT_MAX];
	struct subject subject;
	int ret = find_subject(options, request, reply, &subject);

	ret = ret == OK ? read_reason(request, reply, &subject) : ret;
	ret = ret == OK ? submit(options, &subject, action, &result) : ret;
	if (ret == ERR_FORMAT) {
		return OK;
	}
	if (ret == ERR_BUSY) {
		return ctl_refuse(reply, "late",
				  "the disk has not taken it within %d s; it may still come",
				  WAIT_MS / 1000);
	}
	if (ret != OK) {
		return ret;
	}
	if (result.rcode != DNS_RCODE_NOERROR) {
		return ctl_refuse(reply, result.rcode == DNS_RCODE_NXDOMAIN ? CTL_NOT_FOUND : NULL,
				  "%s", result.ede_text);
	}
	if (result.is_change) {
		log_word(is_release ? "released by the operator" : "removed by the operator",
			 &subject);
	}
	if (json_object_set_new(reply, "name", json_string(dns_name_to_text(name, subject.name))) !=
		    0 ||
	    json_object_set_new(reply, "owner", json_string(subject.owner)) != 0 ||
	    json_object_set_new(reply, is_release ? "released" : "removed",
				json_boolean(result.is_change)) != 0) {
		return ERR_NOMEM;
	}
	return OK;
}

int release_run(const struct ctl_options *options, const json_t *request, json_t *reply)
{
	return run(options, request, reply, OPERATOR_RELEASE);
}

int remove_run(const struct ctl_options *options, const json_t *request, json_t *reply)
{
	return run(options, request, reply, OPERATOR_REMOVE);
}

/* "confirm" false or not there: only says how many would go. */
int expire_run(const struct ctl_options *options, const json_t *request, json_t *reply)
{
	const bool is_confirmed = json_is_true(json_object_get(request, "confirm"));
	const struct root *root = core_hold(options->core);
	char text[DNS_NAME_TEXT_MAX];
	uint8_t type[DNS_NAME_MAX];
	const struct zone *zone;
	uint32_t kept;

	if (root == NULL) {
		return ERR_NOMEM;
	}
	const int ret = ctl_find_name(root, request, reply, type, &zone);
	core_release(options->core, root);
	if (ret != OK) {
		return ret == ERR_FORMAT ? OK : ret;
	}
	dns_name_to_text(text, type);
	if (!core_unguard(options->core, type, is_confirmed, &kept)) {
		return ctl_refuse(reply, CTL_NOT_FOUND, "%s is not protected against mass expiry",
				  text);
	}
	if (json_object_set_new(reply, "name", json_string(text)) != 0 ||
	    json_object_set_new(reply, "kept", json_integer(kept)) != 0 ||
	    json_object_set_new(reply, "ended", json_boolean(is_confirmed)) != 0) {
		return ERR_NOMEM;
	}
	return OK;
}
