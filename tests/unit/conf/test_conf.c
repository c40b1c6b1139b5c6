#include "conf/conf.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "tests/unit/conf/parsed.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run.h"

/* A directory of its own, removed by remove_directory(). */
static char *make_directory(char path[64])
{
	snprintf(path, 64, "/tmp/waggle-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(path));
	return path;
}

static void make_file(const char *directory, const char *name, const char *text, mode_t mode)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static void remove_directory(const char *directory)
{
	DIR *entries = opendir(directory);

	ck_assert_ptr_nonnull(entries);
	for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
		if (entry->d_name[0] != '.') {
			ck_assert_int_eq(unlinkat(dirfd(entries), entry->d_name, 0), 0);
		}
	}
	closedir(entries);
	ck_assert_int_eq(rmdir(directory), 0);
}

/* A file of the source tree as text; free it. */
static char *source_text(const char *name)
{
	const char *srcdir = getenv("srcdir");
	char path[512];
	char *text = calloc(1, 65536);

	snprintf(path, sizeof(path), "%s/%s", srcdir == NULL ? "." : srcdir, name);
	FILE *file = fopen(path, "r");
	ck_assert_msg(file != NULL && text != NULL, "%s", path);
	ck_assert_uint_lt(fread(text, 1, 65535, file), 65535);
	fclose(file);
	return text;
}

/* Everything that can be written, each value other than its default. */
static const char whole_file[] =
	"server:\n"
	"  listen: [\"127.0.0.1@5300\", \"::1@5301\", \"[2001:db8::1]@5302\", 192.0.2.1, \"::\"]\n"
	"  threads: 3\n"
	"  stream-threads: 5\n"
	"  data: state\n"
	"  name: NS1.example\n"
	"  change-max: 7\n"
	"  update-queue: 8\n"
	"  tcp-max: 9\n"
	"  tcp-idle: 1m\n"
	"  udp-pause: 250us\n"
	"  log-max: 8GiB\n"
	"zone:\n"
	"  - {name: Static.Example, file: /etc/static.zone}\n"
	"  - name: svc.example.\n"
	"    registry:\n"
	"      base: zones/base.zone\n"
	"      rules:\n"
	"        - {allow: {net: 127.0.0.0/8}}\n"
	"        - {allow: {key: OPS, type: \"_HTTP._tcp\", instance: \"web-*\"}, name: web}\n"
	"        - {allow: {key: ops., net: \"2001:db8::/32\"}, takeover: true}\n"
	"        - {hold: {environment: prod}}\n"
	"        - {deny: {}}\n"
	"      environment: env\n"
	"      lease: {min: 60, max: 1d, default: 3h, key-max: 2w}\n"
	"      ttl: {derived: 20s, max: 2d}\n"
	"      answer-max: 50\n"
	"      pool-label: Addresses\n"
	"    transfer: [{allow: {net: 192.0.2.53, key: second}}, {deny: }]\n"
	"key:\n"
	"  - {name: Ops, algorithm: hmac-sha512, secret: AAECAwQFBgcICQoLDA0ODw==}\n"
	"  - {name: second, secret: \"AAEC AwQF\"}\n";

START_TEST(the_server_is_as_written)
{
	static const char *const listen[] = {"127.0.0.1@5300", "::1@5301", "2001:db8::1@5302",
					     "192.0.2.1@53", "::@53"};
	struct conf *conf = parsed(whole_file);
	struct sockaddr_in v4;

	ck_assert_str_eq(conf->path, "w.conf");
	ck_assert_uint_eq(conf->listen_count, COUNT_OF(listen));
	for (size_t i = 0; i < COUNT_OF(listen); i++) {
		ck_assert_str_eq(conf->listen[i].text, listen[i]);
	}
	ck_assert_uint_eq(conf->listen[0].size, sizeof(v4));
	memcpy(&v4, &conf->listen[0].address, sizeof(v4));
	ck_assert_int_eq(v4.sin_family, AF_INET);
	ck_assert_uint_eq(ntohs(v4.sin_port), 5300);
	ck_assert_uint_eq(ntohl(v4.sin_addr.s_addr), INADDR_LOOPBACK);
	ck_assert_int_eq(conf->listen[1].address.ss_family, AF_INET6);
	ck_assert_uint_eq(conf->threads, 3);
	ck_assert_uint_eq(conf->stream_threads, 5);
	ck_assert_str_eq(conf->data, "dir/state");
	ck_assert_str_eq(conf->control, "dir/state/control");
	ck_assert(conf->has_name);
	ck_assert_mem_eq(conf->name, "\3NS1\7example", 13);
	ck_assert_uint_eq(conf->change_max, 7);
	ck_assert_uint_eq(conf->update_queue, 8);
	ck_assert_uint_eq(conf->tcp_max, 9);
	ck_assert_uint_eq(conf->tcp_idle_s, 60);
	ck_assert_uint_eq(conf->udp_pause_us, 250);
	ck_assert_uint_eq(conf->log_max, 8ull << 30);
	conf_unref(conf);
}
END_TEST

START_TEST(limits_of_transfers_are_as_written)
{
	struct conf *conf =
		parsed(SERVER("transfer-max: 3, transfer-time: 2m, transfer-memory: 5MiB"));

	ck_assert_uint_eq(conf->transfer_max, 3);
	ck_assert_uint_eq(conf->transfer_time_s, 120);
	ck_assert_uint_eq(conf->transfer_memory, 5 << 20);
	conf_unref(conf);
}
END_TEST

START_TEST(the_zones_are_as_written)
{
	struct conf *conf = parsed(whole_file);
	const struct conf_zone *fixed = &conf->zones[0];
	const struct conf_zone *registry = &conf->zones[1];

	ck_assert_uint_eq(conf->zone_count, 2);
	ck_assert_str_eq(fixed->text, "static.example.");
	ck_assert(!fixed->is_registry);
	ck_assert_str_eq(fixed->file, "/etc/static.zone");
	ck_assert_int_eq(fixed->line, 14);
	ck_assert_int_eq(fixed->file_line, 14);
	ck_assert(!fixed->transfer.is_written);
	ck_assert_str_eq(registry->text, "svc.example.");
	ck_assert(registry->is_registry);
	ck_assert_ptr_null(registry->file);
	ck_assert_str_eq(registry->base, "dir/zones/base.zone");
	ck_assert_int_eq(registry->file_line, 17);
	ck_assert_uint_eq(registry->lease_min_s, 60);
	ck_assert_uint_eq(registry->lease_max_s, 86400);
	ck_assert_uint_eq(registry->key_lease_max_s, 1209600);
	ck_assert_int_eq(registry->lease_default, CONF_LEASE_DURATION);
	ck_assert_uint_eq(registry->lease_default_s, 10800);
	ck_assert_uint_eq(registry->ttl_derived_s, 20);
	ck_assert_uint_eq(registry->ttl_max_s, 172800);
	ck_assert_uint_eq(registry->answer_max, 50);
	ck_assert_mem_eq(registry->pool_label, "\11addresses", 10);
	ck_assert(registry->transfer.is_written);
	ck_assert_uint_eq(registry->transfer.count, 2);
	ck_assert_ptr_eq(registry->transfer.rules[0].key, &conf->keys[1]);
	ck_assert_uint_eq(registry->transfer.rules[0].net.prefix, 32);
	ck_assert_int_eq(registry->transfer.rules[1].verdict, CONF_DENY);
	conf_unref(conf);
}
END_TEST

START_TEST(the_rules_are_as_written)
{
	struct conf *conf = parsed(whole_file);
	const struct conf_rules *rules = &conf->zones[1].update;

	ck_assert(rules->is_written);
	ck_assert_uint_eq(rules->count, 5);
	ck_assert_int_eq(rules->rules[0].verdict, CONF_ALLOW);
	ck_assert(rules->rules[0].has_net);
	ck_assert_int_eq(rules->rules[0].net.family, AF_INET);
	ck_assert_uint_eq(rules->rules[0].net.prefix, 8);
	ck_assert_mem_eq(rules->rules[0].net.octets, "\177\0\0\0", 4);
	ck_assert_ptr_null(rules->rules[0].name);
	ck_assert_int_eq(rules->rules[0].line, 19);
	ck_assert_ptr_eq(rules->rules[1].key, &conf->keys[0]);
	ck_assert_mem_eq(rules->rules[1].type, "\5_http\4_tcp", 12);
	ck_assert_str_eq(rules->rules[1].instance, "web-*");
	ck_assert_str_eq(rules->rules[1].name, "web");
	ck_assert(!rules->rules[1].has_net);
	ck_assert(!rules->rules[1].takeover);
	ck_assert(rules->rules[2].takeover);
	ck_assert_int_eq(rules->rules[2].net.family, AF_INET6);
	ck_assert_uint_eq(rules->rules[2].net.prefix, 32);
	ck_assert_str_eq(rules->environment, "env");
	ck_assert_int_eq(rules->rules[3].verdict, CONF_HOLD);
	ck_assert_str_eq(rules->rules[3].environment, "prod");
	ck_assert_int_eq(rules->rules[4].verdict, CONF_DENY);
	ck_assert(!rules->rules[4].has_net);
	ck_assert_ptr_null(rules->rules[4].key);
	ck_assert_ptr_null(rules->rules[4].environment);
	conf_unref(conf);
}
END_TEST

START_TEST(the_keys_are_as_written)
{
	static const uint8_t secret[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	const struct hmac_piece piece = {"text", 4};
	struct conf *conf = parsed(whole_file);
	struct hmac_key *same;
	uint8_t one[HMAC_MAX_SIZE];
	uint8_t other[HMAC_MAX_SIZE];

	ck_assert_uint_eq(conf->key_count, 2);
	ck_assert_mem_eq(conf->keys[0].name, "\3ops", 5);
	ck_assert_int_eq(conf->keys[0].algorithm, HMAC_SHA512);
	ck_assert_mem_eq(conf->keys[0].algorithm_name, "\13hmac-sha512", 13);
	ck_assert_int_eq(conf->keys[1].algorithm, HMAC_SHA256);
	ck_assert_mem_eq(conf->keys[1].algorithm_name, "\13hmac-sha256", 13);
	ck_assert_int_eq(hmac_key_new(&same, HMAC_SHA512, secret, sizeof(secret)), OK);
	ck_assert_int_eq(hmac_compute(same, &piece, 1, one), OK);
	ck_assert_int_eq(hmac_compute(conf->keys[0].secret, &piece, 1, other), OK);
	ck_assert_mem_eq(one, other, hmac_size(HMAC_SHA512));
	hmac_key_free(same);
	conf_unref(conf);
}
END_TEST

START_TEST(paths_start_at_the_directory_of_the_file)
{
	static const struct {
		const char *directory;
		const char *written;
		const char *resolved;
	} cases[] = {
		{"/etc/waggle", "x.zone", "/etc/waggle/x.zone"},
		{"/etc/waggle", "./x.zone", "/etc/waggle/x.zone"},
		{"/etc/waggle", "../x.zone", "/etc/waggle/../x.zone"},
		{"/etc/waggle", "/x.zone", "/x.zone"},
		{".", "./waggle-dev", "./waggle-dev"},
		{".", ".hidden", "./.hidden"},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf *conf = NULL;
		struct conf_error error;
		char text[256];

		snprintf(text, sizeof(text), BARE "zone: [{name: a, file: \"%s\"}]\n",
			 cases[i].written);
		ck_assert_int_eq(
			conf_parse(&conf, text, strlen(text), "w.conf", cases[i].directory, &error),
			OK);
		ck_assert_str_eq(conf->zones[0].file, cases[i].resolved);
		conf_unref(conf);
	}
}
END_TEST

START_TEST(zones_and_keys_are_found_without_case)
{
	static const char *const missing[] = {"\3abc", "", "\1b\7example", "\4aaaa"};
	struct conf *conf =
		parsed(BARE "key: [{name: b, secret: AAAA}, {name: a.b, secret: AAAA}]\n"
			    "zone: [{name: svc.example, file: f}, {name: example, file: f},\n"
			    "  {name: a, file: f}]\n");

	ck_assert_ptr_eq(conf_zone_find(conf, (const uint8_t *)"\3SVC\7Example"), &conf->zones[0]);
	ck_assert_ptr_eq(conf_zone_find(conf, (const uint8_t *)"\7example"), &conf->zones[1]);
	ck_assert_ptr_eq(conf_zone_find(conf, (const uint8_t *)"\1a"), &conf->zones[2]);
	ck_assert_ptr_eq(conf_key_find(conf, (const uint8_t *)"\1B"), &conf->keys[0]);
	ck_assert_ptr_eq(conf_key_find(conf, (const uint8_t *)"\1a\1b"), &conf->keys[1]);
	for (size_t i = 0; i < COUNT_OF(missing); i++) {
		const uint8_t *name = (const uint8_t *)missing[i];

		ck_assert_ptr_null(conf_zone_find(conf, name));
		ck_assert_ptr_null(conf_key_find(conf, name));
	}
	conf_unref(conf);
}
END_TEST

START_TEST(a_reference_keeps_the_configuration)
{
	struct conf *conf = parsed(BARE);
	struct conf *other = conf_ref(conf);

	ck_assert_ptr_eq(other, conf);
	conf_unref(conf);
	ck_assert_str_eq(other->listen[0].text, "127.0.0.1@53");
	conf_unref(other);
	conf_unref(NULL);
}
END_TEST

/*
 * Loads a file with a key (and `more` of it) beside its `secret`; what the load wrote to standard
 * error is in `log`.
 */
static int load_key(const char *more, const char *secret, mode_t mode, struct conf_error *error,
		    char *log, size_t log_size)
{
	char text[200];
	char directory[64];
	char path[128];
	struct conf *conf = NULL;
	FILE *capture = tmpfile();
	const int saved = dup(STDERR_FILENO);

	snprintf(text, sizeof(text), BARE "key:\n  - {name: k, secret-file: k.key%s}\n", more);
	make_directory(directory);
	make_file(directory, "w.conf", text, 0644);
	make_file(directory, "k.key", secret, mode);
	snprintf(path, sizeof(path), "%s/w.conf", directory);
	ck_assert_ptr_nonnull(capture);
	ck_assert_int_ge(dup2(fileno(capture), STDERR_FILENO), 0);
	const int ret = conf_load(&conf, path, error);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(capture);
	log[fread(log, 1, log_size - 1, capture)] = 0;
	fclose(capture);
	remove_directory(directory);
	conf_unref(conf);
	return ret;
}

static int load_with_secret(const char *secret, mode_t mode, struct conf_error *error, char *log,
			    size_t log_size)
{
	return load_key("", secret, mode, error, log, log_size);
}

/* 48 octets. */
#define LONG_SECRET "AAECAAECAAECAAECAAECAAECAAECAAECAAECAAECAAECAAECAAECAAECAAECAAEC"

START_TEST(a_secret_file_holds_base64)
{
	static const struct {
		const char *text;
		const char *error; /* the end of it, or NULL */
	} cases[] = {
		{LONG_SECRET, NULL},
		{"  " LONG_SECRET "\r\n\n", NULL},
		{LONG_SECRET "\nAAEC\n", NULL},
		{LONG_SECRET "AQ==", NULL},
		{"", "is empty; write what \"openssl rand -base64 32\" prints"},
		{"\n", "is empty; write what \"openssl rand -base64 32\" prints"},
		{"key \"ops\" {\n\talgorithm hmac-sha256;\n};\n",
		 "is not BASE64; write what \"openssl rand -base64 32\" prints, or the text "
		 "between the quotes of tsig-keygen's \"secret\""},
	};
	char log[512];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct conf_error error;
		const int ret = load_with_secret(cases[i].text, 0600, &error, log, sizeof(log));

		ck_assert_int_eq(ret, cases[i].error == NULL ? OK : ERR_CONF);
		ck_assert_str_eq(log, "");
		if (cases[i].error != NULL) {
			const size_t size = strlen(error.text);
			const size_t end = strlen(cases[i].error);

			ck_assert_ptr_nonnull(strstr(error.text, "w.conf:3: key.secret-file: "));
			ck_assert_uint_gt(size, end);
			ck_assert_str_eq(error.text + size - end, cases[i].error);
		}
	}
}
END_TEST

START_TEST(a_secret_file_is_bounded)
{
	struct conf_error error;
	char log[512];
	char text[4098];

	memset(text, 'A', sizeof(text));
	text[4096] = 0;
	ck_assert_int_eq(load_with_secret(text, 0600, &error, log, sizeof(log)), OK);
	text[4096] = 'A';
	text[4097] = 0;
	ck_assert_int_eq(load_with_secret(text, 0600, &error, log, sizeof(log)), ERR_CONF);
	ck_assert_ptr_nonnull(strstr(error.text, "cannot be read (File too large)"));
}
END_TEST

START_TEST(a_secret_that_everybody_can_read_is_taken_with_a_warning)
{
	struct conf_error error;
	char log[512];

	ck_assert_int_eq(load_with_secret(LONG_SECRET, 0640, &error, log, sizeof(log)), OK);
	ck_assert_str_eq(log, "");
	ck_assert_int_eq(load_with_secret(LONG_SECRET, 0644, &error, log, sizeof(log)), OK);
	ck_assert_ptr_nonnull(strstr(log, "k.key"));
	ck_assert_ptr_nonnull(strstr(log, "mode=0644"));
	ck_assert_ptr_null(strstr(log, "AAEC"));
}
END_TEST

/* RFC 8945 8. */
START_TEST(a_secret_shorter_than_its_mac_is_taken_with_a_warning)
{
	static const struct {
		const char *more;
		int characters; /* of BASE64, four for three octets */
		const char *said; /* NULL: nothing */
	} cases[] = {
		{"", 44, NULL},
		{"", 40, "key=k. octets=30 wanted=32 hint=\"openssl rand -base64 32\""},
		{"", 4, "key=k. octets=3 wanted=32 "},
		{", algorithm: hmac-sha384", 64, NULL},
		{", algorithm: hmac-sha384", 60, "key=k. octets=45 wanted=48 "},
		{", algorithm: hmac-sha512", 64, "key=k. octets=48 wanted=64 "},
	};
	struct conf_error error;
	char log[512];

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char secret[] = LONG_SECRET;

		secret[cases[i].characters] = '\0';
		ck_assert_int_eq(load_key(cases[i].more, secret, 0600, &error, log, sizeof(log)),
				 OK);
		ck_assert_ptr_null(strstr(log, "AAEC"));
		if (cases[i].said == NULL) {
			ck_assert_str_eq(log, "");
			continue;
		}
		ck_assert_ptr_nonnull(
			strstr(log, "level=warning msg=\"secret of a key is short\" "));
		ck_assert_ptr_nonnull(strstr(log, "/w.conf line=3 "));
		ck_assert_ptr_nonnull(strstr(log, cases[i].said));
	}
}
END_TEST

START_TEST(a_file_that_is_not_there_is_named)
{
	struct conf *conf = NULL;
	struct conf_error error;

	ck_assert_int_eq(conf_load(&conf, "/nowhere/w.conf", &error), ERR_CONF);
	ck_assert_str_eq(error.text, "/nowhere/w.conf: cannot be read (No such file or "
				     "directory); see to its path and its permissions");
	ck_assert_int_eq(conf_load(&conf, "/", &error), ERR_CONF);
	ck_assert_str_eq(error.text, "/: cannot be read (Is a directory); see to its path and "
				     "its permissions");
}
END_TEST

START_TEST(each_failed_allocation_fails_the_load_alone)
{
	char directory[64];
	char path[128];
	struct conf_error error;
	unsigned n = 0;

	make_directory(directory);
	make_file(directory, "w.conf", whole_file, 0644);
	snprintf(path, sizeof(path), "%s/w.conf", directory);
	for (;; n++) {
		struct conf *conf = NULL;

		fail_alloc_after(n);
		const int ret = conf_load(&conf, path, &error);
		fail_alloc_off();
		if (!fail_alloc_hit()) {
			ck_assert_int_eq(ret, OK);
			conf_unref(conf);
			break;
		}
		ck_assert_int_eq(ret, ERR_NOMEM);
		ck_assert_ptr_null(conf);
	}
	ck_assert_uint_gt(n, 8);
	remove_directory(directory);
}
END_TEST

START_TEST(every_sample_is_right)
{
	static const char key[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
	const char *srcdir = getenv("srcdir");
	char directory[64];
	char zones[256];
	int count = 0;

	make_directory(directory);
	make_file(directory, "ops.key", key, 0600);
	snprintf(zones, sizeof(zones), "%s/zones", srcdir == NULL ? "." : srcdir);
	DIR *entries = opendir(zones);
	ck_assert_msg(entries != NULL, "%s", zones);
	for (struct dirent *entry = readdir(entries); entry != NULL; entry = readdir(entries)) {
		const char *end = strrchr(entry->d_name, '.');
		struct conf *conf = NULL;
		struct conf_error error;
		char name[300];

		if (end == NULL || strcmp(end, ".yaml") != 0) {
			continue;
		}
		snprintf(name, sizeof(name), "zones/%s", entry->d_name);
		char *text = source_text(name);
		const int ret = conf_parse(&conf, text, strlen(text), name, directory, &error);
		ck_assert_msg(ret == OK, "%s", error.text);
		/* The zone files that it names are beside it. */
		for (size_t i = 0; i < conf->zone_count; i++) {
			const struct conf_zone *zone = &conf->zones[i];
			const char *file = zone->is_registry ? zone->base : zone->file;

			if (file != NULL) {
				ck_assert_int_eq(
					faccessat(dirfd(entries), strrchr(file, '/') + 1, R_OK, 0),
					0);
			}
		}
		conf_unref(conf);
		free(text);
		count++;
	}
	closedir(entries);
	remove_directory(directory);
	ck_assert_int_ge(count, 2);
}
END_TEST

START_TEST(dev_is_the_quickstart)
{
	char *text = source_text("zones/quickstart.yaml");
	struct conf *dev = NULL;
	struct conf *file = NULL;
	struct conf_error error;

	ck_assert_int_eq(
		conf_parse(&dev, conf_dev_text, strlen(conf_dev_text), "(built in)", ".", &error),
		OK);
	ck_assert_int_eq(conf_parse(&file, text, strlen(text), "quickstart.yaml", ".", &error), OK);
	ck_assert_uint_eq(dev->listen_count, file->listen_count);
	for (size_t i = 0; i < dev->listen_count; i++) {
		ck_assert_str_eq(dev->listen[i].text, file->listen[i].text);
	}
	ck_assert_uint_eq(dev->threads, file->threads);
	ck_assert_uint_eq(dev->stream_threads, file->stream_threads);
	ck_assert_str_eq(dev->data, "./waggle-dev");
	ck_assert_str_eq(dev->data, file->data);
	ck_assert_str_eq(dev->control, file->control);
	ck_assert(dev->has_name && file->has_name && dns_name_equal(dev->name, file->name));
	ck_assert_uint_eq(dev->change_max, file->change_max);
	ck_assert_uint_eq(dev->update_queue, file->update_queue);
	ck_assert_uint_eq(dev->tcp_max, file->tcp_max);
	ck_assert_uint_eq(dev->tcp_idle_s, file->tcp_idle_s);
	ck_assert_uint_eq(dev->transfer_max, file->transfer_max);
	ck_assert_uint_eq(dev->transfer_time_s, file->transfer_time_s);
	ck_assert_uint_eq(dev->transfer_memory, file->transfer_memory);
	ck_assert_uint_eq(dev->log_max, file->log_max);
	ck_assert_uint_eq(dev->key_count, 0);
	ck_assert_uint_eq(file->key_count, 0);
	ck_assert_uint_eq(dev->zone_count, 1);
	ck_assert_uint_eq(file->zone_count, 1);
	/* All but where it stands in the file; neither holds a path or a rule. */
	ck_assert_str_eq(dev->zones[0].text, "svc.example.");
	dev->zones[0].line = file->zones[0].line;
	ck_assert_mem_eq(&dev->zones[0], &file->zones[0], sizeof(dev->zones[0]));
	ck_assert_uint_eq(dev->zones[0].lease_min_s, 5);
	ck_assert_uint_eq(dev->zones[0].ttl_derived_s, 5);
	conf_unref(dev);
	conf_unref(file);
	free(text);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_server_is_as_written,
		limits_of_transfers_are_as_written,
		the_zones_are_as_written,
		the_rules_are_as_written,
		the_keys_are_as_written,
		paths_start_at_the_directory_of_the_file,
		zones_and_keys_are_found_without_case,
		a_reference_keeps_the_configuration,
		a_secret_file_holds_base64,
		a_secret_file_is_bounded,
		a_secret_that_everybody_can_read_is_taken_with_a_warning,
		a_secret_shorter_than_its_mac_is_taken_with_a_warning,
		a_file_that_is_not_there_is_named,
		each_failed_allocation_fails_the_load_alone,
		every_sample_is_right,
		dev_is_the_quickstart,
	};

	return run_tests("conf", tests, COUNT_OF(tests));
}
