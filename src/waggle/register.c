/*
 * `register`: keeps services registered until a signal or the command's end, in these steps:
 *
 *  1. The services, from the command line or a file. Signals are blocked, so that none is lost.
 *  2. All are registered at once; the library beats, and reports from its own thread.
 *  3. A refusal before the first success ends it: that is a mistake in a file or in a rule. A
 *     registry that cannot be reached is no reason to end, unless --timeout is given.
 *  4. The command starts when each service is registered, or a first message was in vain: a
 *     registry that is down does not keep services down.
 *  5. Signals go on to the command. SIGTERM also withdraws at once: no consumer should begin with
 *     what is about to end. Without a command signals end it.
 *  6. At the end all is withdrawn; what cannot be runs out with its lease.
 *
 * What can fail is said where it happens, by service; the exit code is that of the first failure.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "waggle/child.h"
#include "waggle/client.h"
#include "waggle/command.h"
#include "waggle/json.h"
#include "waggle/news.h"
#include "waggle/plan.h"
#include "waggle/say.h"

#define COMMAND_WAITS_MS 3000 /* for the first registration, at most */
#define HURRY_MS 1500 /* after which a person is told why it takes so long */
#define AGAIN_MS 500 /* a second signal that comes earlier is the same wish: timeout(1) sends two */

struct keeper;

struct entry {
	const struct keeper *keeper;
	size_t index;
	const struct service *service;
	struct waggle_registration *registration; /* NULL: none (any more) */
	enum waggle_state state; /* as reported last */
	int code; /* of the last error that was said */
	bool was_registered;
	bool was_tried; /* a message was answered or given up */
	bool is_withdrawing;
};

struct keeper {
	const struct options *options;
	struct services *services;
	struct waggle *client;
	struct entry *entries;
	size_t started; /* how many entries have begun */
	int pipe[2]; /* of news */
	int signals;
	sigset_t before; /* mask for the command */
	pid_t child; /* 0: none */
	uint64_t begin_ms;
	bool is_stopping;
	uint64_t stop_ms; /* when that began */
	bool was_hurried;
	int code; /* to exit with */
};

/* ---- what is said ------------------------------------------------------------------------ */

/* News for people: on standard output, unless that belongs to the command. */
__attribute__((format(printf, 2, 3))) static void tell(const struct keeper *keeper,
						       const char *format, ...)
{
	char text[2048];
	va_list arguments;

	if (keeper->options->is_quiet || keeper->options->is_json) {
		return;
	}
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	if (keeper->options->command != NULL) {
		say("%s", text);
	} else {
		printf("%s\n", text);
		fflush(stdout);
	}
}

static const char *name_of(const struct entry *entry, const struct waggle_report *report)
{
	return report != NULL && report->name != NULL ? report->name
						      : entry->service->wanted.instance;
}

static void tell_registered(const struct entry *entry, const struct waggle_report *report)
{
	char addresses[1024] = "";
	char lease[DURATION_TEXT];
	size_t used = 0;

	for (size_t i = 0; i < report->address_count && used < sizeof(addresses); i++) {
		char text[WAGGLE_ADDRESS_TEXT];

		waggle_address_text(text, &report->addresses[i]);
		text[strcspn(text, "@")] = '\0';
		used += (size_t)snprintf(addresses + used, sizeof(addresses) - used, "%s%s",
					 i == 0 ? "" : ", ", text);
	}
	tell(entry->keeper, "%s is registered at %s: %s port %u, %s%s", name_of(entry, report),
	     report->server, report->address_count == 0 ? report->host : addresses,
	     entry->service->wanted.port,
	     report->is_leased ? "lease " : "without a lease, so it stays until it is withdrawn",
	     report->is_leased ? duration_text(lease, report->lease_s) : "");
}

/* A failure that is not the end, once for each kind. */
static void say_trouble(struct entry *entry, const struct waggle_report *report, const char *what)
{
	const struct waggle_error *error = report->error;
	const char *next = advice(error->code);
	char pause[DURATION_TEXT];

	if (error->code == WAGGLE_OK || error->code == entry->code) {
		return;
	}
	entry->code = error->code;
	say("%s: %s%s; trying again in %s", name_of(entry, report), what, error->text,
	    duration_text(pause, (report->next_ms + 999) / 1000));
	if (next != NULL && !entry->was_registered) {
		say("%s", next);
	}
}

/* ---- the end ----------------------------------------------------------------------------- */

static void withdraw(struct entry *entry)
{
	if (entry->registration == NULL || entry->is_withdrawing) {
		return;
	}
	/* Nothing to withdraw where nothing can have arrived. */
	if (!entry->was_registered &&
	    (entry->state == WAGGLE_DENIED || entry->code == WAGGLE_ERR_UNREACHABLE)) {
		waggle_abandon(entry->registration);
		entry->registration = NULL;
		return;
	}
	entry->is_withdrawing = true;
	waggle_withdraw_start(entry->registration);
}

static void withdraw_all(struct keeper *keeper)
{
	for (size_t i = 0; i < keeper->started; i++) {
		withdraw(&keeper->entries[i]);
	}
}

static void stop(struct keeper *keeper, int code)
{
	if (!keeper->is_stopping) {
		keeper->is_stopping = true;
		keeper->stop_ms = clock_mono_ms();
		keeper->code = code;
		withdraw_all(keeper);
	}
}

static bool is_over(const struct keeper *keeper)
{
	for (size_t i = 0; i < keeper->started; i++) {
		if (keeper->entries[i].registration != NULL) {
			return false;
		}
	}
	return keeper->is_stopping && keeper->child == 0;
}

/* ---- reports ----------------------------------------------------------------------------- */

/* On the library's thread. */
static void report_came(struct waggle_registration *registration,
			const struct waggle_report *report, void *context)
{
	const struct entry *entry = context;

	(void)registration;
	news_send(entry->keeper->pipe[1], news_new(entry->index, report));
}

static void registered(struct entry *entry, const struct waggle_report *report)
{
	const enum waggle_state old = entry->state;

	if (!entry->was_registered) {
		tell_registered(entry, report);
	} else if (report->was_forgotten) {
		tell(entry->keeper, "%s was forgotten by %s, and is registered again",
		     name_of(entry, report), report->server);
	} else if (old != WAGGLE_REGISTERED) {
		tell(entry->keeper, "%s is registered again at %s", name_of(entry, report),
		     report->server);
	}
	entry->was_registered = true;
	entry->code = WAGGLE_OK;
}

static void late(struct entry *entry, const struct waggle_report *report)
{
	char what[128];
	char left[DURATION_TEXT];

	snprintf(what, sizeof(what), "a heartbeat failed, the lease runs for %s: ",
		 duration_text(left, report->left_s));
	say_trouble(entry, report, what);
}

static void denied(struct keeper *keeper, struct entry *entry, const struct waggle_report *report)
{
	if (entry->was_registered || keeper->child != 0) {
		say_trouble(entry, report, "");
		return;
	}
	stop(keeper, (int)say_error(name_of(entry, report), report->error));
}

/* Nothing was accepted yet. A wrong key or a wrong setting does not mend itself. */
static void pending(struct keeper *keeper, struct entry *entry, const struct waggle_report *report)
{
	const enum ending ending = ending_of(report->error->code);

	if (ending == END_REFUSED || ending == END_USAGE) {
		denied(keeper, entry, report);
	} else {
		say_trouble(entry, report, "");
	}
}

static void withdrawn(struct keeper *keeper, struct entry *entry,
		      const struct waggle_report *report)
{
	/* The library frees it behind its last report. */
	entry->registration = NULL;
	if (report->error->code == WAGGLE_OK) {
		tell(keeper, "%s is withdrawn", name_of(entry, report));
		return;
	}
	say("%s could not be withdrawn, and goes when its lease is over: %s",
	    name_of(entry, report), report->error->text);
	if (keeper->code == END_OK && keeper->options->command == NULL) {
		keeper->code = (int)ending_of(report->error->code);
	}
}

static void take_report(struct keeper *keeper, struct entry *entry,
			const struct waggle_report *report)
{
	if (keeper->options->is_json) {
		(void)json_report(keeper->options->command == NULL ? stdout : stderr, report, NULL);
	}
	entry->was_tried = entry->was_tried || report->state != WAGGLE_PENDING ||
			   report->error->code != WAGGLE_OK;
	switch (report->state) {
	case WAGGLE_REGISTERED:
		registered(entry, report);
		break;
	case WAGGLE_PENDING:
		pending(keeper, entry, report);
		break;
	case WAGGLE_LATE:
		late(entry, report);
		break;
	case WAGGLE_LAPSED:
		if (entry->state != WAGGLE_LAPSED) {
			entry->code = WAGGLE_OK; /* the same error means more now */
		}
		say_trouble(entry, report, "its lease is over: ");
		break;
	case WAGGLE_DENIED:
		entry->state = report->state;
		denied(keeper, entry, report);
		break;
	case WAGGLE_WITHDRAWN:
		withdrawn(keeper, entry, report);
		break;
	case WAGGLE_PLANNED:
		break;
	}
	entry->state = report->state;
}

static void take_news(struct keeper *keeper)
{
	struct news *news = NULL;
	int ret;

	while ((ret = news_receive(keeper->pipe[0], &news)) == OK) {
		take_report(keeper, &keeper->entries[news->index], &news->report);
		free(news);
	}
	if (ret == ERR_NOMEM) {
		/* Of what was lost nothing is known: all begun is left to its lease. */
		exit((int)client_fail_memory(keeper->options));
	}
}

/* ---- the command ------------------------------------------------------------------------- */

static bool all_tried(const struct keeper *keeper)
{
	for (size_t i = 0; i < keeper->started; i++) {
		if (!keeper->entries[i].was_tried) {
			return false;
		}
	}
	return true;
}

static bool all_registered(const struct keeper *keeper)
{
	for (size_t i = 0; i < keeper->started; i++) {
		if (!keeper->entries[i].was_registered) {
			return false;
		}
	}
	return true;
}

static void start_command(struct keeper *keeper)
{
	char *const *command = keeper->options->command;
	const int error = child_start(&keeper->child, command, &keeper->before);

	if (error != 0) {
		keeper->child = 0;
		say("%s: cannot be run: %s", command[0], strerror(error));
		stop(keeper, error == ENOENT ? END_NO_COMMAND : END_CANNOT_RUN);
	}
}

static void take_signal(struct keeper *keeper, const struct signal_news *news)
{
	int code;

	if (news->number == SIGCHLD) {
		if (keeper->child != 0 && child_ended(keeper->child, &code)) {
			keeper->child = 0;
			stop(keeper, code);
			keeper->code = code;
		}
		return;
	}
	if (keeper->child != 0) {
		if (!news->is_shared) {
			kill(keeper->child, news->number);
		}
		if (news->number == SIGTERM) {
			withdraw_all(keeper);
		}
		return;
	}
	if (keeper->is_stopping && clock_mono_ms() < keeper->stop_ms + AGAIN_MS) {
		return;
	}
	if (keeper->is_stopping) {
		say("leaving at once; what is not withdrawn goes when its lease is over");
		exit(END_SIGNAL + news->number);
	}
	if (keeper->options->command != NULL) {
		stop(keeper, END_SIGNAL + news->number); /* which never ran */
	} else {
		/* Asked to end, and it does: that is success, if there was one before. */
		stop(keeper, all_registered(keeper) ? END_OK : END_NO_ANSWER);
	}
}

/* ---- waiting ----------------------------------------------------------------------------- */

/* What is due by time alone. */
static void take_time(struct keeper *keeper)
{
	const uint64_t now_ms = clock_mono_ms();
	const uint32_t timeout_ms = keeper->options->timeout_ms;
	const bool is_waiting = !keeper->is_stopping && keeper->child == 0;

	if (is_waiting && timeout_ms > 0 && !all_registered(keeper)) {
		if (now_ms >= keeper->begin_ms + timeout_ms) {
			say("not registered within the time of --timeout");
			stop(keeper, END_NO_ANSWER);
		}
		return;
	}
	if (is_waiting && keeper->options->command != NULL &&
	    (all_tried(keeper) || now_ms >= keeper->begin_ms + COMMAND_WAITS_MS)) {
		start_command(keeper);
	}
	if (keeper->is_stopping && !keeper->was_hurried && now_ms >= keeper->stop_ms + HURRY_MS &&
	    isatty(STDERR_FILENO) == 1) {
		keeper->was_hurried = true;
		say("withdrawing; one more Ctrl-C leaves at once");
	}
}

/* Time alone makes something due only before the command starts and while withdrawing. */
static int wait_ms(const struct keeper *keeper)
{
	const bool is_waiting = keeper->options->command != NULL || keeper->options->timeout_ms > 0;

	if (keeper->is_stopping) {
		return keeper->was_hurried ? -1 : HURRY_MS;
	}
	if (keeper->child != 0 || !is_waiting) {
		return -1;
	}
	return keeper->options->command == NULL && all_registered(keeper) ? -1 : 50;
}

static void keep(struct keeper *keeper)
{
	struct pollfd wait[] = {{.fd = keeper->signals, .events = POLLIN},
				{.fd = keeper->pipe[0], .events = POLLIN}};

	while (!is_over(keeper)) {
		struct signal_news news;

		(void)poll(wait, 2, wait_ms(keeper));
		take_news(keeper);
		while (signals_next(keeper->signals, keeper->child, &news)) {
			take_signal(keeper, &news);
		}
		take_time(keeper);
	}
}

static enum ending start_all(struct keeper *keeper)
{
	struct services *services = keeper->services;
	struct waggle_error error;

	keeper->begin_ms = clock_mono_ms();
	for (size_t i = 0; i < services->count; i++) {
		struct entry *entry = &keeper->entries[i];

		*entry = (struct entry){
			.keeper = keeper, .index = i, .service = &services->items[i]};
		if (waggle_register_start(keeper->client, &entry->service->wanted, report_came,
					  entry, &entry->registration, &error) != WAGGLE_OK) {
			return client_fail(keeper->options, entry->service->wanted.instance,
					   &error);
		}
		keeper->started++;
	}
	return END_OK;
}

static int run(struct keeper *keeper)
{
	keeper->entries = calloc(keeper->services->count, sizeof(keeper->entries[0]));
	if (keeper->entries == NULL) {
		return (int)client_fail_memory(keeper->options);
	}
	if (news_open(keeper->pipe) != OK ||
	    signals_open(&keeper->signals, &keeper->before) != OK) {
		say("the system gives no descriptors: %m");
		return END_FAILED;
	}
	enum ending ending = client_open(&keeper->client, keeper->options, keeper->services, false);
	if (ending == END_OK) {
		ending = start_all(keeper);
		if (ending != END_OK) {
			stop(keeper, (int)ending);
		}
		keep(keeper);
	}
	return ending == END_OK ? keeper->code : (int)ending;
}

static int keep_all(const struct options *options, struct services *services)
{
	struct keeper keeper = {
		.options = options, .services = services, .pipe = {-1, -1}, .signals = -1};
	const int code = run(&keeper);

	waggle_close(keeper.client);
	/* Its callbacks are over: nobody writes any more. */
	for (size_t i = 0; i < 2; i++) {
		if (keeper.pipe[i] >= 0) {
			close(keeper.pipe[i]);
		}
	}
	if (keeper.signals >= 0) {
		close(keeper.signals);
	}
	free(keeper.entries);
	return code;
}

/* ---- --dry-run --------------------------------------------------------------------------- */

/* On the library's thread, while the main one waits for it. */
static void plan_came(struct waggle_registration *registration, const struct waggle_report *report,
		      void *context)
{
	struct news **plan = context;

	(void)registration;
	if (report->state == WAGGLE_PLANNED) {
		free(*plan);
		*plan = news_new(0, report);
	}
}

static enum ending plan_one(const struct options *options, struct waggle *client,
			    const struct service *service)
{
	struct waggle_service wanted = service->wanted;
	struct waggle_registration *registration = NULL;
	struct waggle_error error;
	struct news *plan = NULL;
	enum ending ending = END_OK;

	wanted.flags |= WAGGLE_DRY_RUN;
	if (waggle_register(client, &wanted, plan_came, &plan, &registration, &error) !=
	    WAGGLE_OK) {
		ending = client_fail(options, wanted.instance, &error);
	} else if (plan == NULL) {
		ending = client_fail_memory(options);
	} else if (options->is_json) {
		(void)json_report(stdout, &plan->report, plan_address_source(service));
	} else {
		plan_print(stdout, service, &plan->report,
			   waggle_setting(client, WAGGLE_SETTING_KEY));
	}
	if (registration != NULL) {
		waggle_abandon(registration);
	}
	free(plan);
	return ending;
}

static int plan_all(const struct options *options, const struct services *services)
{
	struct waggle *client = NULL;
	enum ending ending = client_open(&client, options, services, false);

	for (size_t i = 0; i < services->count && ending == END_OK; i++) {
		if (i > 0 && !options->is_json) {
			putchar('\n');
		}
		ending = plan_one(options, client, &services->items[i]);
	}
	waggle_close(client);
	return (int)ending;
}

/* ---- the command line -------------------------------------------------------------------- */

/* NAME TYPE PORT [KEY=VALUE ...] into the service that the options began. */
static int read_arguments(const struct options *options, struct service *service, char *problem)
{
	static const char *const keys[] = {"name", "type", "port"};
	int ret = OK;

	for (size_t i = 0; i < options->argument_count && ret == OK; i++) {
		char *argument = options->arguments[i];

		ret = i < 3 ? service_set(options->services, service, keys[i], argument, problem)
			    : service_add_pair(options->services, service, argument, problem);
	}
	return ret == OK ? service_finish(options->services, service, problem) : ret;
}

static int read_services(const struct options *options, struct service *service, char *problem)
{
	struct services *services = options->services;

	if (options->file != NULL) {
		if (options->argument_count > 0 || service->given != 0) {
			snprintf(problem, PROBLEM_SIZE,
				 "what is registered stands either in the file of -f or on the "
				 "command line");
			return ERR_CONF;
		}
		return services_read(services, options->file, problem);
	}
	if (options->argument_count < 3) {
		snprintf(problem, PROBLEM_SIZE,
			 "something is missing: waggle register NAME TYPE PORT, or -f FILE");
		return ERR_CONF;
	}
	services->items = service;
	services->count = 1;
	return read_arguments(options, service, problem);
}

int register_run(const struct options *options)
{
	struct service service = options->service;
	char problem[PROBLEM_SIZE] = "";
	const int ret = read_services(options, &service, problem);

	if (ret == ERR_CONF) {
		return (int)client_refuse(options, "usage", problem, END_USAGE);
	}
	if (ret != OK) {
		return (int)client_fail_memory(options);
	}
	return options->is_dry_run ? plan_all(options, options->services)
				   : keep_all(options, options->services);
}
