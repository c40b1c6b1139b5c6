/*
 * Requests of the control socket: a line, and behind it the octets of an upload. A core that runs
 * has a registry zone, set anew behind what changed it; every answer has to be lines of JSON objects, of
 * which the last one says "ok".
 */
#undef NDEBUG
#include <assert.h>
#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"
#include "ctl/command.h"
#include "registry/core.h"
#include "store/ram.h"
#include "store/store.h"
#include "tests/unit/answer/world.h"

#define LINE_MAX_SIZE 65536 /* as the socket takes it */
#define PIECES_MAX 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ctl_options options;

static const char conf_text[] =
	"server: {listen: [127.0.0.1@0], threads: 1, name: ns.example, data: .}\n"
	"key: [{name: dev, secret: ZGV2LWRldi1kZXYtZGV2LWRldi1kZXYtZGV2LWRldi0=}]\n"
	"zone: [{name: z, registry: {environment: env, rules: [\n"
	"  {hold: {key: dev}}, {deny: {net: 10.0.0.0/8}}, {deny: {environment: prod}},\n"
	"  {allow: {type: _http._tcp, instance: \"w*\"}}]}}]\n";

static const char base_text[] = "@ 300 SOA ns admin 1 3600 600 86400 5\n@ 300 NS ns\n"
				"ns 300 A 192.0.2.1\n";

static const char state[] = "{\"command\":\"import\",\"replace\":true,\"size\":9999}\n"
			    ";: waggle-export 1\n"
			    ";: zone z. serial=1 ring=73746167652072696e67206b65790000\n"
			    ";: name web._http._tcp.z. owner=key:dev. lease=60\n"
			    "_http._tcp.z. 10 IN PTR web._http._tcp.z.\n"
			    "_red._sub._http._tcp.z. 10 IN PTR web._http._tcp.z.\n"
			    "web._http._tcp.z. 60 IN SRV 0 0 80 h.z.\n"
			    ";: name held._http._tcp.z. owner=net lease=60 held\n"
			    "_http._tcp.z. 10 IN PTR held._http._tcp.z.\n"
			    "held._http._tcp.z. 60 IN SRV 0 0 80 h.z.\n"
			    ";: name h.z. owner=net\n"
			    "h.z. 60 IN A 192.0.2.9\n"
			    ";: end names=3\n";

/* ---- answers ----------------------------------------------------------------------------- */

/* Lines, each an object; takes `text`. Whether the last one has "ok". */
static bool check_lines(char *text)
{
	bool is_last = false;

	assert(text[0] != '\0' && text[strlen(text) - 1] == '\n');
	for (char *line = text; *line != '\0';) {
		char *end = strchr(line, '\n');

		assert(!is_last);
		*end = '\0';
		json_t *object = json_loads(line, 0, NULL);
		assert(json_is_object(object));
		const json_t *ok = json_object_get(object, "ok");
		is_last = ok != NULL;
		assert(ok == NULL || json_is_boolean(ok));
		assert(!json_is_false(ok) || json_is_string(json_object_get(object, "error")));
		json_decref(object);
		line = end + 1;
	}
	free(text);
	return is_last;
}

static void check_more(struct answer *more)
{
	bool is_last = false;

	for (unsigned piece = 0;; piece++) {
		char *text = NULL;

		world_must(more->next(more, &text));
		if (text == NULL) {
			break;
		}
		assert(!is_last && piece < PIECES_MAX);
		is_last = check_lines(text);
	}
	assert(is_last);
	answer_free(more);
}

/* It gets what octets there are: who sends less is told nothing before he ends. */
static void check_upload(struct upload *upload, const char *octets, size_t size)
{
	char *text = NULL;

	upload->size = size < upload->size ? size : upload->size;
	memcpy(upload->octets, octets, upload->size);
	world_must(command_take(&options, upload, &text));
	assert(check_lines(text));
	upload_free(upload);
}

static void ask(const char *octets, size_t size)
{
	const char *newline = memchr(octets, '\n', size);
	const size_t line = newline == NULL ? size : (size_t)(newline - octets);
	struct outcome outcome;

	if (line >= LINE_MAX_SIZE) {
		return;
	}
	world_must(command_answer(&options, octets, line, &outcome));
	if (outcome.upload != NULL) {
		check_upload(outcome.upload, octets + line + (newline != NULL),
			     size - line - (newline != NULL));
	} else if (outcome.more != NULL) {
		check_more(outcome.more);
	} else {
		assert(check_lines(outcome.text));
	}
}

/* ---- the house --------------------------------------------------------------------------- */

static struct core *start_core(void)
{
	const struct log_options log_options = {.directory = "fuzz", .budget = 1 << 20};
	struct core_options core_options = {.log_ops = &store_ram, .queue = 100};
	struct log_error error;
	struct core *core;

	world_must(store_ram.open(&core_options.log, &log_options, &error));
	world_must(core_new(&core, &core_options));
	world_must(core_restore(core, &error));
	world_must(core_start(core));
	return core;
}

static void make_zone(struct core *core)
{
	uint8_t *octets = malloc(WORLD_COMMAND);
	struct buf_writer out = buf_writer(octets, octets == NULL ? 0 : WORLD_COMMAND);
	struct command_result result;
	uint8_t apex[DNS_NAME_MAX];
	struct world_text text;

	world_name(apex, "z.");
	world_read(&text, apex, base_text, true);
	const struct command_base base = {.zone = apex,
					  .shape = world_shape(),
					  .ring_key = "waggle ring key",
					  .soa = &text.soa,
					  .count = (uint32_t)text.count};
	command_write_base(&out, &base);
	world_write_adds(&out, &text);
	world_forget(&text);
	world_must(core_submit_wait(core, octets, buf_written(&out), &result));
	assert(result.rcode == 0);
	world_must(core_publish(core));
}

static void start(void)
{
	struct conf_error conf_error;
	struct net_error net_error;

	log_set_level(LOG_LEVEL_ERROR);
	options = (struct ctl_options){.version = "1", .path = "fuzz", .start_ms = clock_mono_ms()};
	world_must(
		conf_parse(&options.conf, conf_text, strlen(conf_text), "fuzz", "/", &conf_error));
	world_must(net_open(&options.net, options.conf, &net_error));
	options.core = start_core();
	make_zone(options.core);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t version; /* of the root that has the state */

	if (options.core == NULL) {
		start();
	}
	if (core_view(options.core)->version != version) {
		ask(state, strlen(state));
		version = core_view(options.core)->version;
	}
	ask((const char *)data, size);
	return 0;
}
