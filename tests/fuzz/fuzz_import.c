/*
 * Texts for `waggle import`: any octets, into a zone that has a base and into one in which names are
 * registered. What is read becomes a command that can be applied; the zone is then exported, and
 * that text gives the same text again.
 */
#undef NDEBUG
#include <assert.h>
#include <stdio.h>

#include "registry/text.h"
#include "tests/unit/answer/world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t apex[] = "\1z";

static const char base_text[] = "$ORIGIN z.\n$TTL 300\n@ SOA ns admin 1 3600 600 86400 5\n@ NS ns\n"
				"ns A 192.0.2.1\n_http._tcp 10 PTR fixed._http._tcp\n"
				"fixed._http._tcp SRV 0 0 80 ns\n";

static const char first_text[] = "$ORIGIN z.\n$TTL 60\n_http._tcp PTR web._http._tcp\n"
				 "web._http._tcp SRV 0 0 80 h\nh A 192.0.2.9\n";

static char *exported(const struct world *world)
{
	struct export *export;
	char *text = NULL;
	size_t size = 0;
	bool is_over = false;
	FILE *stream = open_memstream(&text, &size);

	assert(stream != NULL);
	world_must(export_new(&export, root_zone(world->root, apex)));
	while (!is_over) {
		world_must(export_piece(export, stream, (size_t)ftell(stream) + 1000, &is_over));
	}
	export_free(export);
	fclose(stream);
	return text;
}

/* false: the text was not taken. */
static bool import_text(struct world *world, const char *text, size_t size)
{
	const struct import_options options = {
		.root = world->root, .path = "fuzz", .is_replace = true};
	struct command_result result;
	struct import_result read;
	uint8_t *command = NULL;
	size_t command_size = 0;

	if (import_read(&command, &command_size, &options, text, size, &read) != OK) {
		assert(command == NULL && read.error[0] != '\0');
		return false;
	}
	world_apply(world, command, command_size, &result);
	assert(result.rcode == DNS_RCODE_NOERROR);
	free(command);
	return true;
}

/* The text from its first name on: before it, the serial is another each time. */
static const char *names_of(const char *text)
{
	const char *at = strstr(text, "\n;: name");

	return at == NULL ? "" : at;
}

static void check_again(struct world *world)
{
	char *text = exported(world);

	assert(import_text(world, text, strlen(text)));
	char *again = exported(world);
	assert(strcmp(names_of(text), names_of(again)) == 0);
	free(text);
	free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct zone_shape shape = world_shape();
	const struct owner owner = {.kind = OWNER_NET};
	struct command_result result;

	for (int with_names = 0; with_names < 2; with_names++) {
		struct world world;

		world_init(&world);
		world_registry(&world, "z.", &shape, base_text);
		if (with_names) {
			world_update(&world, "z.", &owner, 60, first_text, &result);
		}
		if (import_text(&world, (const char *)data, size)) {
			check_again(&world);
		}
		world_deinit(&world);
	}
	return 0;
}
