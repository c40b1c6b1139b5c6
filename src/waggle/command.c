/* The table. Whoever adds a row adds it to waggle(1) and the completion too; tests compare them. */
#include "waggle/command.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "conf/value.h"

/* ---- options ----------------------------------------------------------------------------- */

#define TIMEOUT_LEAST_MS 100
#define TIMEOUT_MOST_MS 600000

static int take_text(const struct option_row *row, struct options *options, const char *value,
		     char problem[PROBLEM_SIZE])
{
	if (*value == '\0') {
		snprintf(problem, PROBLEM_SIZE, "it is empty; say %s", row->value);
		return ERR_CONF;
	}
	memcpy((char *)options + row->offset, &value, sizeof(value));
	return OK;
}

static int take_flag(const struct option_row *row, struct options *options, const char *value,
		     char problem[PROBLEM_SIZE])
{
	const bool yes = true;

	(void)value;
	(void)problem;
	memcpy((char *)options + row->offset, &yes, sizeof(yes));
	return OK;
}

static int take_timeout(const struct option_row *row, struct options *options, const char *value,
			char problem[PROBLEM_SIZE])
{
	static const struct value_unit units[] = {
		{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {NULL, 0}};
	uint64_t number;

	(void)row;
	if (value_number(&number, value, units) != OK || number < TIMEOUT_LEAST_MS ||
	    number > TIMEOUT_MOST_MS) {
		char quoted[VALUE_QUOTE_MAX];

		snprintf(problem, PROBLEM_SIZE, "%s is no time-out; 100ms to 10m are possible",
			 value_quote(quoted, value));
		return ERR_CONF;
	}
	options->timeout_ms = (uint32_t)number;
	return OK;
}

static int take_setting(const struct option_row *row, struct options *options, const char *value,
			char problem[PROBLEM_SIZE])
{
	return service_set(options->services, &options->service, row->name, value, problem);
}

#define TEXT(member) take_text, offsetof(struct options, member)
#define FLAG(member) take_flag, offsetof(struct options, member)
#define SETTING take_setting, 0

/* clang-format off */
const struct option_row global_options[] = {
{'s', "server", "ADDRESS@PORT", "DNS server to ask, and to register at; several with commas",
	TEXT(server)},
{'z', "zone", "ZONE", "zone of names that are not complete", TEXT(zone)},
{'k', "key", "FILE", "TSIG key to sign registrations with", TEXT(key)},
{'c', "control", "PATH", "control socket of waggled, for what asks there", TEXT(control)},
{0, "json", NULL, "print JSON, one object on a line", FLAG(is_json)},
{0, "timeout", "DURATION", "give up after this time; default 5s", take_timeout, 0},
{0, "no-snapshot", NULL, "neither read nor write the snapshot of earlier answers",
	FLAG(is_without_snapshot)},
{'h', "help", NULL, "print this and exit", FLAG(is_help)},
{'V', "version", NULL, "print the version and exit", FLAG(is_version)},
{0, NULL, NULL, NULL, NULL, 0},
};

static const struct option_row register_options[] = {
{'f', "file", "FILE", "register the services of a YAML file", TEXT(file)},
{0, "host", "NAME", "name of the host; else made of this machine's name", SETTING},
{0, "address", "ADDRESS", "of the host, may be repeated; else the one that reaches the registry",
	SETTING},
{0, "priority", "NUMBER", "consumers take the lowest first; default 0", SETTING},
{0, "weight", "NUMBER", "share among those of one priority; default 1", SETTING},
{0, "subtype", "LABEL", "to be found by as well, _printer; may be repeated", SETTING},
{0, "lease", "DURATION", "to ask for: how long it stays without heartbeat; default 60s", SETTING},
{0, "ttl", "DURATION", "how long answers may be kept; default 60s, at most the lease", SETTING},
{0, "dry-run", NULL, "print what would be registered, and why this address", FLAG(is_dry_run)},
{0, "quiet", NULL, "say what goes wrong, and nothing else", FLAG(is_quiet)},
{0, NULL, NULL, NULL, NULL, 0},
};

static const struct option_row operator_options[] = {
{0, "reason", "TEXT", "why, for who reads the log", TEXT(reason)},
{0, NULL, NULL, NULL, NULL, 0},
};

static const struct option_row expire_options[] = {
{0, "confirm", NULL, "do it; else say how many would go", FLAG(is_confirmed)},
{0, NULL, NULL, NULL, NULL, 0},
};

static const struct option_row policy_options[] = {
{0, "config", "FILE", "ask the rules of this file, not of the waggled that runs", TEXT(config)},
{0, "from", "ADDRESS", "that the registration would come from; default 127.0.0.1", TEXT(from)},
{0, "signer", "KEY", "name of the TSIG key that would sign it", TEXT(signer)},
{0, "tcp", NULL, "it would come by TCP, not by UDP", FLAG(is_tcp)},
{0, "cookie", NULL, "it would have a cookie of the server's", FLAG(is_cookie)},
{0, NULL, NULL, NULL, NULL, 0},
};

static const struct option_row import_options[] = {
{0, "replace", NULL, "what is registered in the zone goes", FLAG(is_replace)},
{0, NULL, NULL, NULL, NULL, 0},
};

const struct command commands[] = {
{"browse", "[TYPE]", "list the service types, or the instances of one",
	NULL, 0, 1, false, browse_run},
{"resolve", "NAME|TYPE", "find addresses and ports of an instance, or of all of a type",
	NULL, 1, 1, false, resolve_run},
{"register", "NAME TYPE PORT [KEY=VALUE ...] [-- COMMAND ...]",
	"register a service, and keep it registered",
	register_options, 0, SIZE_MAX, true, register_run},
{"list", "[TYPE|GLOB]", "list the instances that a waggled on this machine has",
	NULL, 0, 1, false, list_run},
{"show", "NAME", "show all that it has at a name",
	NULL, 1, 1, false, show_run},
{"why", "NAME", "show why a name is found or not, and what a client is answered",
	NULL, 1, 1, false, why_run},
{"status", "", "show what a waggled on this machine has registered",
	NULL, 0, 0, false, status_run},
{"metrics", "", "print all that it counts, as OpenMetrics text",
	NULL, 0, 0, false, metrics_run},
{"policy", "test NAME TYPE [KEY=VALUE ...]",
	"show what a registration would get, and by which rule",
	policy_options, 3, SIZE_MAX, false, policy_run},
{"export", "[ZONE]", "print all that is registered in a zone, as text",
	NULL, 0, 1, false, export_run},
{"import", "FILE", "register all of such a text, or nothing",
	import_options, 1, 1, false, import_run},
{"release", "NAME ...", "publish instances that a rule holds back",
	operator_options, 1, SIZE_MAX, false, release_run},
{"remove", "NAME ...", "take away what is registered at a name, whoever did",
	operator_options, 1, SIZE_MAX, false, remove_run},
{"expire", "TYPE ...", "end what protects a type against mass expiry: they are gone",
	expire_options, 1, SIZE_MAX, false, expire_run},
{"help", "[COMMAND]", "show the commands, or the options of one",
	NULL, 0, 1, false, help_run},
{"version", "", "print the version",
	NULL, 0, 0, false, version_run},
{NULL, NULL, NULL, NULL, 0, 0, false, NULL},
};
/* clang-format on */

/* ---- looking up -------------------------------------------------------------------------- */

const struct command *command_find(const char *name)
{
	for (const struct command *command = commands; command->name != NULL; command++) {
		if (strcmp(command->name, name) == 0) {
			return command;
		}
	}
	return NULL;
}

#define WORD_MAX 16

static size_t least_of(size_t one, size_t two, size_t three)
{
	const size_t least = one < two ? one : two;

	return least < three ? least : three;
}

/* Letters to change, add or drop between two short words (Levenshtein). */
static size_t word_distance(const char *one, const char *other)
{
	const size_t size = strlen(other);
	size_t row[WORD_MAX + 1];

	for (size_t i = 0; i <= size; i++) {
		row[i] = i;
	}
	for (size_t k = 0; one[k] != '\0'; k++) {
		size_t diagonal = row[0];

		row[0] = k + 1;
		for (size_t i = 0; i < size; i++) {
			const size_t above = row[i + 1];

			row[i + 1] =
				least_of(above + 1, row[i] + 1, diagonal + (one[k] != other[i]));
			diagonal = above;
		}
	}
	return row[size];
}

const struct command *command_guess(const char *name)
{
	const struct command *best = NULL;
	size_t least = 3;

	if (strlen(name) > WORD_MAX) {
		return NULL;
	}
	for (const struct command *command = commands; command->name != NULL; command++) {
		const size_t distance = word_distance(name, command->name);

		if (distance < least) {
			least = distance;
			best = command;
		}
	}
	return best;
}
