/*
 * waggled: options, wiring, signals. The only place that knows all modules.
 *
 * The start, in order: configuration, zone files, addresses (which a second waggled cannot have),
 * data directory (likewise), threads that answer SERVFAIL, the log restored, zones put, the root
 * published, the control socket, "ready". The stop runs backwards.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "access/access.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "conf/conf.h"
#include "ctl/ctl.h"
#include "loop/loop.h"
#include "net/net.h"
#include "registry/core.h"
#include "store/store.h"
#include "waggled/zones.h"

#define EXIT_USAGE 2

struct server {
	struct conf *conf;
	struct net *net;
	struct core *core;
	struct ctl *ctl;
	struct loop *loop;
	const char *path; /* of the configuration; NULL: --dev */
	uint64_t start_ms;
	bool is_net_started;
	bool is_core_started;
};

/* ---- options ----------------------------------------------------------------------------- */

static const char usage[] =
	"usage: waggled -c FILE [-t]\n"
	"       waggled --dev\n"
	"       waggled -V\n"
	"\n"
	"  -c FILE   run with this configuration, in the foreground\n"
	"  -t        check the configuration and the zone files, then exit\n"
	"  --dev     run without a file: zone svc.example on 127.0.0.1 and ::1, port 5300,\n"
	"            data in ./waggle-dev\n"
	"  -V        print the version and exit\n"
	"  -h        print this and exit\n"
	"\n"
	"SIGHUP reloads the configuration, SIGTERM stops. See waggled(8), waggled.conf(5).\n";

struct options {
	const char *path;
	bool is_dev;
	bool is_test;
};

/* -1: go on; else the exit code. */
static int read_options(struct options *options, int argc, char **argv)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'}, {"test", no_argument, NULL, 't'},
		{"dev", no_argument, NULL, 'd'},          {"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
	int letter;

	while ((letter = getopt_long(argc, argv, "c:tVh", longs, NULL)) != -1) {
		switch (letter) {
		case 'c':
			options->path = optarg;
			break;
		case 't':
			options->is_test = true;
			break;
		case 'd':
			options->is_dev = true;
			break;
		case 'V':
			puts("waggled " PACKAGE_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc || (options->path == NULL) == !options->is_dev) {
		fputs(usage, stderr);
		return EXIT_USAGE;
	}
	return -1;
}

/* ---- configuration ----------------------------------------------------------------------- */

static int load_conf(struct conf **out, const char *path)
{
	struct conf_error error = {{0}};
	const int ret = path != NULL ? conf_load(out, path, &error)
				     : conf_parse(out, conf_dev_text, strlen(conf_dev_text),
						  "(built in)", ".", &error);

	if (ret != OK) {
		fprintf(stderr, "waggled: %s\n",
			error.text[0] != '\0' ? error.text : err_text(ret));
	}
	return ret;
}

/* Does this rule let in whoever asks, from beyond this machine? */
static bool lets_strangers_in(const struct conf_rule *rule)
{
	if (rule->verdict != CONF_ALLOW || rule->key != NULL) {
		return false;
	}
	if (!rule->has_net) {
		return true;
	}
	const struct conf_net *net = &rule->net;
	if (net->family == AF_INET) {
		return net->octets[0] != 127 || net->prefix < 8;
	}
	static const uint8_t loopback[16] = {[15] = 1};
	return net->prefix < 128 || memcmp(net->octets, loopback, sizeof(loopback)) != 0;
}

static void warn_of_open_rules(const struct conf *conf)
{
	for (size_t i = 0; i < conf->zone_count; i++) {
		const struct conf_zone *zone = &conf->zones[i];
		for (size_t k = 0; k < zone->update.count; k++) {
			const struct conf_rule *rule = &zone->update.rules[k];
			if (rule->verdict != CONF_ALLOW && !rule->has_net && rule->key == NULL &&
			    rule->type == NULL && rule->instance == NULL &&
			    rule->environment == NULL) {
				break; /* nothing behind it is ever reached */
			}
			if (lets_strangers_in(rule)) {
				log_line(LOG_LEVEL_WARNING,
					 "rule lets in registrations without a key",
					 "zone=%s file=%s line=%d", zone->text, conf->path,
					 rule->line);
			}
		}
	}
}

static int test_conf(const struct options *options)
{
	struct zones_error error = {{0}};
	struct zones *zones = NULL;
	struct conf *conf = NULL;

	if (load_conf(&conf, options->path) != OK) {
		return EXIT_FAILURE;
	}
	const int ret = zones_load(&zones, conf, 53, &error);
	if (ret != OK) {
		fprintf(stderr, "waggled: %s\n", error.text);
	} else {
		warn_of_open_rules(conf);
		printf("%s: good, %zu zone%s\n", conf->path, conf->zone_count,
		       conf->zone_count == 1 ? "" : "s");
	}
	zones_free(zones);
	conf_unref(conf);
	return ret == OK ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- start ------------------------------------------------------------------------------- */

static int fail(const char *what)
{
	char quoted[600];

	log_line(LOG_LEVEL_ERROR, "cannot start", "reason=%s",
		 log_quote(quoted, sizeof(quoted), what));
	return ERR_SYSTEM;
}

static bool has_registry(const struct conf *conf)
{
	for (size_t i = 0; i < conf->zone_count; i++) {
		if (conf->zones[i].is_registry) {
			return true;
		}
	}
	return false;
}

static int open_core(struct server *server)
{
	const struct conf *conf = server->conf;
	const bool is_kept = has_registry(conf) || conf->data != NULL;
	const struct log_options log_options = {
		.directory = is_kept ? conf->data : "none", /* store_ram wants a name */
		.budget = conf->log_max,
	};
	struct core_options options = {
		/* Static zones alone need no data directory. */
		.log_ops = is_kept ? &store_sqlite : &store_ram,
		.queue = conf->update_queue,
	};
	struct log_error error = {{0}};
	int ret = options.log_ops->open(&options.log, &log_options, &error);

	if (ret != OK) {
		return fail(error.text[0] != '\0' ? error.text : err_text(ret));
	}
	ret = core_new(&server->core, &options);
	return ret == OK ? OK : fail(err_text(ret));
}

static int start_net(struct server *server)
{
	struct net_error error = {{0}};
	int ret = net_open(&server->net, server->conf, &error);

	if (ret != OK) {
		return fail(error.text);
	}
	ret = open_core(server);
	if (ret != OK) {
		return ret;
	}
	ret = net_start(server->net, server->core);
	server->is_net_started = ret == OK;
	return ret == OK ? OK : fail(err_text(ret));
}

static int start_core(struct server *server, struct zones *zones)
{
	struct log_error log_error = {{0}};
	struct zones_error error = {{0}};

	int ret = core_restore(server->core, &log_error);
	if (ret != OK) {
		return fail(log_error.text[0] != '\0' ? log_error.text : err_text(ret));
	}
	ret = core_start(server->core);
	server->is_core_started = ret == OK;
	if (ret != OK) {
		return fail(err_text(ret));
	}
	ret = zones_install(zones, server->core, &error);
	if (ret != OK) {
		return fail(error.text);
	}
	ret = core_publish(server->core);
	return ret == OK ? OK : fail(err_text(ret));
}

static int start_ctl(struct server *server)
{
	const struct ctl_options options = {.core = server->core,
					    .net = server->net,
					    .conf = server->conf,
					    .path = server->conf->control,
					    .version = PACKAGE_VERSION,
					    .start_ms = server->start_ms};
	char error[256] = "";

	if (server->conf->control == NULL) {
		return OK;
	}
	return ctl_start(&server->ctl, &options, error, sizeof(error)) == OK ? OK : fail(error);
}

static void say_ready(const struct server *server)
{
	char text[1024] = "";
	const char *address;

	for (size_t i = 0; (address = net_address(server->net, i)) != NULL; i++) {
		const size_t used = strlen(text);
		snprintf(text + used, sizeof(text) - used, "%s%s", i == 0 ? "" : ",", address);
	}
	log_line(LOG_LEVEL_INFO, "ready", "listen=%s zones=%zu version=%s pid=%d", text,
		 server->conf->zone_count, PACKAGE_VERSION, (int)getpid());
	sd_notify(0, "READY=1");
}

static int start(struct server *server)
{
	struct zones_error error = {{0}};
	struct zones *zones = NULL;

	int ret = load_conf(&server->conf, server->path);
	if (ret != OK) {
		return ret;
	}
	warn_of_open_rules(server->conf);
	/* Files are read twice where the port is not known yet: errors first, whatever else. */
	ret = zones_load(&zones, server->conf, 0, &error);
	zones_free(zones);
	zones = NULL;
	if (ret != OK) {
		return fail(error.text);
	}
	ret = start_net(server);
	if (ret == OK) {
		ret = zones_load(&zones, server->conf, net_port(server->net), &error);
		ret = ret == OK ? start_core(server, zones) : fail(error.text);
	}
	zones_free(zones);
	return ret == OK ? start_ctl(server) : ret;
}

static void stop(struct server *server)
{
	ctl_stop(server->ctl);
	if (server->is_net_started) {
		net_stop(server->net);
	}
	if (server->is_core_started) {
		core_stop(server->core);
	}
	net_free(server->net);
	core_free(server->core);
	conf_unref(server->conf);
	loop_free(server->loop);
}

/* ---- signals ----------------------------------------------------------------------------- */

static void on_stop(void *context)
{
	struct server *server = context;

	sd_notify(0, "STOPPING=1");
	loop_stop(server->loop);
}

static bool listens_elsewhere(const struct conf *old, const struct conf *new)
{
	bool is_other = old->listen_count != new->listen_count;

	for (size_t i = 0; !is_other && i < old->listen_count; i++) {
		is_other = strcmp(old->listen[i].text, new->listen[i].text) != 0;
	}
	return is_other;
}

/* One line with the keys whose new values are not taken up. */
static void warn_of_restart(const struct conf *old, const struct conf *new)
{
	const bool is_data = (old->data == NULL) != (new->data == NULL) ||
			     (old->data != NULL && strcmp(old->data, new->data) != 0);
	const struct {
		bool is_other;
		const char *key;
	} settings[] = {
		{listens_elsewhere(old, new), "server.listen"},
		{old->threads != new->threads, "server.threads"},
		{old->stream_threads != new->stream_threads, "server.stream-threads"},
		{is_data, "server.data"},
	};
	char keys[128] = "";

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (settings[i].is_other) {
			const size_t used = strlen(keys);

			snprintf(keys + used, sizeof(keys) - used, "%s%s", used == 0 ? "" : ",",
				 settings[i].key);
		}
	}
	if (keys[0] != '\0') {
		log_line(LOG_LEVEL_WARNING, "some settings wait for a restart", "keys=%s", keys);
	}
}

static void refuse_reload(const char *why)
{
	char quoted[600];

	log_line(LOG_LEVEL_ERROR, "reload refused, the old configuration stays", "reason=%s",
		 log_quote(quoted, sizeof(quoted), why));
}

/* New configuration first into memory, zones included; only then anything changes. */
static void reload(struct server *server)
{
	struct conf_error conf_error = {{0}};
	struct zones_error error = {{0}};
	struct zones *zones = NULL;
	struct conf *conf = NULL;

	if (conf_load(&conf, server->path, &conf_error) != OK) {
		refuse_reload(conf_error.text);
		return;
	}
	if (zones_load(&zones, conf, net_port(server->net), &error) != OK ||
	    zones_install(zones, server->core, &error) != OK) {
		refuse_reload(error.text);
		zones_free(zones);
		conf_unref(conf);
		return;
	}
	warn_of_restart(server->conf, conf);
	warn_of_open_rules(conf);
	net_set_conf(server->net, conf);
	ctl_set_conf(server->ctl, conf);
	zones_free(zones);
	conf_unref(server->conf);
	server->conf = conf;
	log_line(LOG_LEVEL_INFO, "configuration reloaded", "file=%s zones=%zu", conf->path,
		 conf->zone_count);
}

static void on_reload(void *context)
{
	struct server *server = context;

	if (server->path == NULL) {
		log_line(LOG_LEVEL_INFO, "nothing to reload", "reason=\"started with --dev\"");
		return;
	}
	sd_notify(0, "RELOADING=1");
	reload(server);
	sd_notify(0, "READY=1");
}

/* As many files as the system lets us: the connections have a limit of their own (tcp-max). */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int run(struct server *server)
{
	if (loop_new(&server->loop) != OK ||
	    loop_signal(server->loop, SIGTERM, on_stop, server) != OK ||
	    loop_signal(server->loop, SIGINT, on_stop, server) != OK ||
	    loop_signal(server->loop, SIGHUP, on_reload, server) != OK) {
		return fail("no event loop");
	}
	const int ret = start(server);
	if (ret == OK) {
		say_ready(server);
		loop_run(server->loop);
		log_line(LOG_LEVEL_INFO, "stopping", "pid=%d", (int)getpid());
	}
	return ret;
}

int main(int argc, char **argv)
{
	struct options options = {0};
	const int code = read_options(&options, argc, argv);

	if (code >= 0) {
		return code;
	}
	signal(SIGPIPE, SIG_IGN);
	umask(027);
	raise_file_limit();
	if (options.is_test) {
		return test_conf(&options);
	}
	struct server server = {.path = options.path, .start_ms = clock_mono_ms()};
	const int ret = run(&server);
	stop(&server);
	return ret == OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
