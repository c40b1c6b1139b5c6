/*
 * The table of metrics: one row for each number that the server counts or has. `status` shows those
 * that have a key, `metrics` all of them, in OpenMetrics text
 * (https://github.com/OpenObservability/OpenMetrics), by the same readers. A counter that has no
 * row does not compile.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/memory.h"
#include "ctl/inside.h"

enum kind { COUNTER, GAUGE };

/* All numbers at one moment. */
struct sample {
	struct net_counters net;
	struct core_counters core;
	uint64_t uptime_ms;
	uint64_t snapshot_age_s; /* ABSENT: none was written since the start */
};

#define ABSENT UINT64_MAX

struct row {
	const char *key; /* in `status`; NULL: it has it elsewhere */
	const char *group; /* the object there */
	const char *name; /* without what follows from unit and kind */
	enum kind kind;
	const char *unit; /* ends the name; NULL: none */
	unsigned per_unit; /* so many of what is counted are one unit */
	const char *help;
	size_t offset; /* in struct sample */
};

#define NET_ROW(counter, text)                                                                     \
	{#counter, "net", #counter, COUNTER, NULL, 1, text, offsetof(struct sample, net.counter)},
#define CORE(counter, name, kind, text) CORE_IN(counter, #counter, name, kind, NULL, 1, text)
#define CORE_IN(counter, key, name, kind, unit, per_unit, text)                                    \
	{                                                                                          \
		key, "core", name, kind, unit, per_unit, text,                                     \
			offsetof(struct sample, core.counter)                                      \
	}

/* clang-format off */
static const struct row rows[] = {
	NET_COUNTERS(NET_ROW)
	CORE(batches, "log_entries", COUNTER, "entries made in the log"),
	CORE(commands, "commands", COUNTER, "commands applied"),
	CORE(refused, "commands_refused", COUNTER, "commands answered with another rcode than NOERROR"),
	CORE(prohibited, "commands_prohibited", COUNTER, "of those, refused by an owner, the base file, a limit and the like"),
	CORE(owned, "commands_owned", COUNTER, "of those, as a name is another owner's or the base file's"),
	CORE(failed, "log_failures", COUNTER, "entries that the log did not take: disk full, I/O error"),
	CORE(expired, "expired", COUNTER, "names whose lease ran out"),
	CORE(snapshots, "snapshots", COUNTER, "snapshots written"),
	CORE(full, "commands_full", COUNTER, "commands not taken, the queue being full"),
	CORE(leases, "leases", GAUGE, "leases that run"),
	CORE_IN(overdue_ms, "overdue_ms", "lease_overdue", GAUGE, "seconds", 1000, "how overdue the most overdue lease is"),
	CORE(stalls, "stalls", COUNTER, "times that the process stood still and all leases were made longer"),
	CORE_IN(stalled_ms, "stalled_ms", "stalled", COUNTER, "seconds", 1000, "for how long it stood still, in all"),
	CORE(takeovers, "takeovers", COUNTER, "names that another owner than theirs changed"),
	CORE(outgrown, "types_outgrown", COUNTER, "times that a type grew over answer-max, or over what BIND takes"),
	CORE_IN(longest_turn_us, "longest_turn_us", "longest_turn", GAUGE, "seconds", 1000000, "for how long the core did one thing at most"),
	CORE_IN(guarded_types, "protected_types", "protected_types", GAUGE, NULL, 1, "types protected against mass expiry now"),
	CORE_IN(guarded_leases, "protected_leases", "protected_leases", GAUGE, NULL, 1, "leases that are over and kept by that"),
	CORE_IN(guards, "protections", "protections", COUNTER, NULL, 1, "times that a type came to be protected"),
	CORE(queued, "queue_commands", GAUGE, "commands that wait for the log"),
	CORE_IN(queued_octets, "queued_octets", "queue", GAUGE, "bytes", 1, "octets of the commands that wait"),
	CORE_IN(log_octets, "log_octets", "log", GAUGE, "bytes", 1, "octets of the log since the last snapshot"),
	CORE_IN(garbage, "garbage", "garbage", COUNTER, "bytes", 1, "octets of old versions left behind by all changes"),
	{NULL, NULL, "snapshot_age", GAUGE, "seconds", 1, "since the last snapshot; absent: none since the start",
		offsetof(struct sample, snapshot_age_s)},
	{NULL, NULL, "uptime", GAUGE, "seconds", 1000, "since the start",
		offsetof(struct sample, uptime_ms)},
};
/* clang-format on */

#define ROWS (sizeof(rows) / sizeof(rows[0]))
#define OWN_ROWS 1 /* that neither net nor core counts */

_Static_assert((ROWS - OWN_ROWS) * sizeof(uint64_t) ==
		       sizeof(struct net_counters) + sizeof(struct core_counters),
	       "every counter of net and core has a row here, and a paragraph in waggled(8)");

static void take_sample(const struct ctl_options *options, struct sample *sample)
{
	const uint64_t now_s = clock_wall_s();

	memset(sample, 0, sizeof(*sample));
	net_count(options->net, &sample->net);
	core_count(options->core, &sample->core);
	sample->uptime_ms = clock_mono_ms() - options->start_ms;
	sample->snapshot_age_s = ABSENT;
	if (sample->core.snapshot_s != 0) {
		sample->snapshot_age_s =
			now_s > sample->core.snapshot_s ? now_s - sample->core.snapshot_s : 0;
	}
}

static uint64_t value_of(const struct row *row, const struct sample *sample)
{
	uint64_t value;

	memcpy(&value, (const uint8_t *)sample + row->offset, sizeof(value));
	return value;
}

json_t *metrics_group(const struct ctl_options *options, const char *group)
{
	struct sample sample;
	json_t *out = json_object();

	take_sample(options, &sample);
	for (size_t i = 0; out != NULL && i < ROWS; i++) {
		const struct row *row = &rows[i];

		if (row->key == NULL || strcmp(row->group, group) != 0) {
			continue;
		}
		if (json_object_set_new(out, row->key,
					json_integer((json_int_t)value_of(row, &sample))) != 0) {
			json_decref(out);
			out = NULL;
		}
	}
	return out;
}

bool metrics_row(size_t index, struct metrics_row *out)
{
	if (index >= ROWS) {
		return false;
	}
	*out = (struct metrics_row){.key = rows[index].key,
				    .group = rows[index].group,
				    .name = rows[index].name,
				    .unit = rows[index].unit,
				    .help = rows[index].help};
	return true;
}

/* ---- text -------------------------------------------------------------------------------- */

#define NAME_SIZE 96

static const char *full_name(char out[NAME_SIZE], const char *name, const char *unit)
{
	snprintf(out, NAME_SIZE, "waggled_%s%s%s", name, unit == NULL ? "" : "_",
		 unit == NULL ? "" : unit);
	return out;
}

static void put_head(FILE *stream, const char *name, enum kind kind, const char *unit,
		     const char *help)
{
	char full[NAME_SIZE];

	full_name(full, name, unit);
	fprintf(stream, "# TYPE %s %s\n", full, kind == COUNTER ? "counter" : "gauge");
	if (unit != NULL) {
		fprintf(stream, "# UNIT %s %s\n", full, unit);
	}
	fprintf(stream, "# HELP %s %s\n", full, help);
}

static void put_row(FILE *stream, const struct row *row, const struct sample *sample)
{
	const uint64_t value = value_of(row, sample);
	char full[NAME_SIZE];

	put_head(stream, row->name, row->kind, row->unit, row->help);
	if (value == ABSENT) {
		return;
	}
	fprintf(stream, "%s%s ", full_name(full, row->name, row->unit),
		row->kind == COUNTER ? "_total" : "");
	if (row->per_unit > 1) {
		fprintf(stream, "%.6f\n", (double)value / row->per_unit);
	} else {
		fprintf(stream, "%" PRIu64 "\n", value);
	}
}

/* The text between quotes: \ and " escaped; names have no newlines, they are \010 there. */
static void put_label(FILE *stream, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\' || *text == '"') {
			fputc('\\', stream);
		}
		fputc(*text, stream);
	}
}

struct zone_row {
	const char *name;
	const char *help;
	uint64_t (*read)(const struct zone *zone);
};

static uint64_t read_instances(const struct zone *zone)
{
	return zone_instance_count(zone);
}

static uint64_t read_leases(const struct zone *zone)
{
	return zone_lease_count(zone);
}

static uint64_t read_serial(const struct zone *zone)
{
	return zone_serial(zone);
}

static uint64_t read_served(const struct zone *zone)
{
	return zone_is_served(zone);
}

static const struct zone_row zone_rows[] = {
	{"zone_instances", "instances of a zone, published or not", read_instances},
	{"zone_leases", "leases that run in a zone", read_leases},
	{"zone_serial", "the serial of a zone's SOA", read_serial},
	{"zone_served", "1 where a zone is answered for, 0 where it is SERVFAIL", read_served},
};

static void put_zones(FILE *stream, const struct root *root)
{
	for (size_t i = 0; i < sizeof(zone_rows) / sizeof(zone_rows[0]); i++) {
		const struct zone_row *row = &zone_rows[i];
		const struct zone *zone;
		size_t at = 0;

		put_head(stream, row->name, GAUGE, NULL, row->help);
		while ((zone = root_next_zone(root, &at)) != NULL) {
			char name[DNS_NAME_TEXT_MAX];

			fprintf(stream, "waggled_%s{zone=\"", row->name);
			put_label(stream, dns_name_to_text(name, zone_apex(zone)));
			fprintf(stream, "\"} %" PRIu64 "\n", row->read(zone));
		}
	}
}

static void put_all(FILE *stream, const struct ctl_options *options, const struct root *root)
{
	struct sample sample;

	take_sample(options, &sample);
	for (size_t i = 0; i < ROWS; i++) {
		put_row(stream, &rows[i], &sample);
	}
	put_zones(stream, root);
	fputs("# TYPE waggled_build info\n# HELP waggled_build what runs\n"
	      "waggled_build_info{version=\"",
	      stream);
	put_label(stream, options->version);
	fputs("\"} 1\n# EOF\n", stream);
}

int metrics_run(const struct ctl_options *options, const json_t *request, json_t *reply)
{
	const struct root *root = core_hold(options->core);
	struct memory_stream stream;
	char *text = NULL;
	int ret = root == NULL ? ERR_NOMEM : memory_open(&stream);

	(void)request;
	if (ret == OK) {
		put_all(stream.file, options, root);
		ret = memory_close(&stream, &text, NULL);
	}
	if (ret == OK && json_object_set_new(reply, "text", json_string(text)) != 0) {
		ret = ERR_NOMEM;
	}
	free(text);
	if (root != NULL) {
		core_release(options->core, root);
	}
	return ret;
}
