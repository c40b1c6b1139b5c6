/*
 * Reading is complete before the root is touched, so that an error in one file changes nothing. A
 * registry zone without a base gets SOA and NS from server.name, and every registry zone gets the
 * records that tell where to browse and register (RFC 6763 11), unless its base says them itself.
 */
#include "waggled/zones.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/map.h"
#include "crypto/random.h"
#include "dns/rrtype.h"
#include "dns/update.h"
#include "zone/text.h"

/* A zone as read. */
struct loaded {
	const struct conf_zone *conf;
	struct arena arena;
	struct record *records; /* rdata in the arena */
	const uint8_t **names; /* of each record */
	size_t count;
	size_t room;
	bool has_soa;
	struct zone_soa soa;
	size_t warnings; /* those beyond WARNINGS_MAX are counted only */
	struct text_error *error;
};

struct zones {
	const struct conf *conf; /* borrowed */
	struct loaded *zones;
	size_t count;
};

static int add_record(struct loaded *zone, const uint8_t *name, uint16_t type, uint32_t ttl,
		      const uint8_t *rdata, uint16_t size)
{
	if (zone->count == zone->room) {
		const size_t room = zone->room * 2 + 16;
		struct record *records = realloc(zone->records, room * sizeof(*records));
		if (records == NULL) {
			return ERR_NOMEM;
		}
		zone->records = records;
		const uint8_t **names = realloc(zone->names, room * sizeof(*names));
		if (names == NULL) {
			return ERR_NOMEM;
		}
		zone->names = names;
		zone->room = room;
	}
	const uint8_t *name_copy = arena_dup(&zone->arena, name, dns_name_size(name));
	const uint8_t *rdata_copy = arena_dup(&zone->arena, rdata, size);
	if (name_copy == NULL || rdata_copy == NULL) {
		return ERR_NOMEM;
	}
	zone->names[zone->count] = name_copy;
	zone->records[zone->count++] =
		(struct record){.type = type, .size = size, .ttl = ttl, .rdata = rdata_copy};
	return OK;
}

static void read_soa(struct zone_soa *soa, uint32_t ttl, const uint8_t *rdata, uint16_t size)
{
	struct buf_reader reader = buf_reader(rdata, size);

	soa->ttl = ttl;
	dns_name_read_plain(&reader, soa->mname);
	dns_name_read_plain(&reader, soa->rname);
	soa->serial = buf_read_u32(&reader);
	soa->refresh = buf_read_u32(&reader);
	soa->retry = buf_read_u32(&reader);
	soa->expire = buf_read_u32(&reader);
	soa->minimum = buf_read_u32(&reader);
}

/* One record of a file; a base may not stand where derived records do. */
static int take_record(void *context, const uint8_t *name, uint16_t type, uint32_t ttl,
		       const uint8_t *rdata, uint16_t size)
{
	struct loaded *zone = context;
	const struct conf_zone *conf = zone->conf;

	if (conf->is_registry) {
		const char *why = zone_place_refusal(conf->name, conf->pool_label, name, type);
		if (why != NULL) {
			char text[DNS_NAME_TEXT_MAX];
			snprintf(zone->error->text, sizeof(zone->error->text), "%.200s %s",
				 dns_name_to_text(text, name), why);
			return ERR_CONF;
		}
	}
	if (type == DNS_TYPE_SOA) {
		read_soa(&zone->soa, ttl, rdata, size);
		zone->has_soa = true;
		return OK;
	}
	return add_record(zone, name, type, ttl, rdata, size);
}

/* Enough to see what is wrong with a file; a whole file may be wrong in one way. */
#define WARNINGS_MAX 20

static void take_warning(void *context, const char *text)
{
	struct loaded *zone = context;
	char quoted[600];

	if (zone->warnings++ < WARNINGS_MAX) {
		log_line(LOG_LEVEL_WARNING, "zone file", "zone=%s why=%s", zone->conf->text,
			 log_quote(quoted, sizeof(quoted), text));
	}
}

static bool has_name(const struct loaded *zone, const uint8_t *name)
{
	for (size_t i = 0; i < zone->count; i++) {
		if (dns_name_equal(zone->names[i], name)) {
			return true;
		}
	}
	return false;
}

/* A registry zone without SOA or NS in a base: from server.name (design: MINIMUM 5 s). */
static int add_apex(struct loaded *zone, const struct conf *conf)
{
	static const uint8_t hostmaster[] = "\x0ahostmaster";
	bool has_ns = false;

	if (!zone->has_soa) {
		zone->soa = (struct zone_soa){.ttl = 5,
					      .serial = 1,
					      .refresh = 60,
					      .retry = 10,
					      .expire = 86400,
					      .minimum = 5};
		memcpy(zone->soa.mname, conf->name, dns_name_size(conf->name));
		if (dns_name_join(zone->soa.rname, hostmaster, conf->name) < 0) {
			memcpy(zone->soa.rname, conf->name, dns_name_size(conf->name));
		}
	}
	for (size_t i = 0; i < zone->count; i++) {
		has_ns = has_ns || (zone->records[i].type == DNS_TYPE_NS &&
				    dns_name_equal(zone->names[i], zone->conf->name));
	}
	if (has_ns) {
		return OK;
	}
	return add_record(zone, zone->conf->name, DNS_TYPE_NS, 3600, conf->name,
			  (uint16_t)dns_name_size(conf->name));
}

/* Where to browse and register (RFC 6763 11), and where updates go. */
static int add_guides(struct loaded *zone, const struct conf *conf, uint16_t port)
{
	static const char *const domains[] = {"b._dns-sd._udp", "lb._dns-sd._udp", "r._dns-sd._udp",
					      "dr._dns-sd._udp"};
	static const char *const updates[] = {"_dns-update._udp", "_dns-update._tcp"};
	const uint8_t *apex = zone->conf->name;
	const uint32_t ttl = zone->conf->ttl_derived_s;
	uint8_t name[DNS_NAME_MAX];
	uint8_t rdata[6 + DNS_NAME_MAX] = {0};
	int ret = OK;

	for (size_t i = 0; ret == OK && i < 4; i++) {
		if (dns_name_from_text(name, domains[i], apex) >= 0 && !has_name(zone, name)) {
			ret = add_record(zone, name, DNS_TYPE_PTR, ttl, apex,
					 (uint16_t)dns_name_size(apex));
		}
	}
	if (!conf->has_name) {
		return ret;
	}
	rdata[4] = (uint8_t)(port >> 8);
	rdata[5] = (uint8_t)port;
	memcpy(rdata + 6, conf->name, dns_name_size(conf->name));
	for (size_t i = 0; ret == OK && i < 2; i++) {
		if (dns_name_from_text(name, updates[i], apex) >= 0 && !has_name(zone, name)) {
			ret = add_record(zone, name, DNS_TYPE_SRV, ttl, rdata,
					 (uint16_t)(6 + dns_name_size(conf->name)));
		}
	}
	return ret;
}

static int load_one(struct loaded *zone, const struct conf *conf, uint16_t port,
		    struct zones_error *error)
{
	const char *path = zone->conf->is_registry ? zone->conf->base : zone->conf->file;
	struct text_error why = {{0}};
	int ret = OK;

	zone->error = &why;
	if (path != NULL) {
		const struct text_sink sink = {
			.record = take_record,
			.warning = port == 0 ? NULL : take_warning,
			.context = zone,
		};

		ret = text_load(path, zone->conf->name, zone->conf->is_registry, &sink, &why);
	}
	if (zone->warnings > WARNINGS_MAX) {
		log_line(LOG_LEVEL_WARNING, "zone file", "zone=%s left_out=%zu", zone->conf->text,
			 zone->warnings - WARNINGS_MAX);
	}
	if (ret == ERR_NOTFOUND || ret == ERR_DENIED || ret == ERR_IO) {
		snprintf(error->text, sizeof(error->text), "%.150s:%d: %s: %.290s", conf->path,
			 zone->conf->file_line,
			 zone->conf->is_registry ? "zone.registry.base" : "zone.file", why.text);
		return ERR_CONF;
	}
	if (ret != OK) {
		snprintf(error->text, sizeof(error->text), "%s",
			 why.text[0] != '\0' ? why.text : err_text(ret));
		return ret;
	}
	if (zone->conf->is_registry) {
		ret = add_apex(zone, conf);
		ret = ret == OK ? add_guides(zone, conf, port) : ret;
	}
	return ret;
}

int zones_load(struct zones **out, const struct conf *conf, uint16_t port,
	       struct zones_error *error)
{
	struct zones *zones = calloc(1, sizeof(*zones));
	int ret = OK;

	snprintf(error->text, sizeof(error->text), "%s", err_text(ERR_NOMEM));
	if (zones == NULL) {
		return ERR_NOMEM;
	}
	zones->conf = conf;
	zones->zones = calloc(conf->zone_count + 1, sizeof(struct loaded));
	if (zones->zones == NULL) {
		ret = ERR_NOMEM;
	}
	for (size_t i = 0; ret == OK && i < conf->zone_count; i++) {
		struct loaded *zone = &zones->zones[zones->count++];
		zone->conf = &conf->zones[i];
		arena_init(&zone->arena, 65536);
		ret = load_one(zone, conf, port, error);
	}
	if (ret != OK) {
		zones_free(zones);
		return ret;
	}
	*out = zones;
	return OK;
}

void zones_free(struct zones *zones)
{
	if (zones == NULL) {
		return;
	}
	for (size_t i = 0; i < zones->count; i++) {
		arena_deinit(&zones->zones[i].arena);
		free(zones->zones[i].records);
		free(zones->zones[i].names);
	}
	free(zones->zones);
	free(zones);
}

/* ---- static zones ------------------------------------------------------------------------ */

/* Puts the records name by name; records of one name need not stand together in the file. */
static int put_static(struct root_writer *writer, struct loaded *zone)
{
	const uint8_t *apex = zone->conf->name;
	struct record *of_name = calloc(zone->count + 1, sizeof(*of_name));
	struct map heads; /* folded name -> index + 1 of its last record seen */
	size_t *previous = calloc(zone->count + 1, sizeof(*previous));
	int ret = of_name == NULL || previous == NULL ? ERR_NOMEM : OK;

	map_init(&heads, random_u64());
	for (size_t i = 0; ret == OK && i < zone->count; i++) {
		const size_t size = dns_name_size(zone->names[i]);
		uint8_t *key = arena_alloc(&zone->arena, size);
		if (key == NULL) {
			ret = ERR_NOMEM;
			break;
		}
		dns_name_fold(key, zone->names[i]);
		previous[i] = (size_t)(uintptr_t)map_get(&heads, key, size);
		ret = map_put(&heads, key, size, (void *)(uintptr_t)(i + 1));
	}
	size_t at = 0;
	for (void *head = map_next(&heads, &at); ret == OK && head != NULL;
	     head = map_next(&heads, &at)) {
		size_t count = 0;
		size_t last = (size_t)(uintptr_t)head;
		struct content content = {.name = zone->names[last - 1], .records = of_name};
		for (; last != 0; last = previous[last - 1]) {
			of_name[count++] = zone->records[last - 1];
			content.name = zone->names[last - 1];
		}
		/* As the file has them: the chain runs backwards. */
		for (size_t i = 0; i < count / 2; i++) {
			const struct record record = of_name[i];
			of_name[i] = of_name[count - 1 - i];
			of_name[count - 1 - i] = record;
		}
		content.count = count;
		ret = zone_put(writer, apex, &content);
	}
	map_deinit(&heads);
	free(previous);
	free(of_name);
	return ret;
}

static int install_static(struct root_writer *writer, struct loaded *zone)
{
	const uint8_t *apex = zone->conf->name;
	int ret = zone_open(writer, apex, NULL, NULL);

	if (ret == OK) {
		ret = zone_set_soa(writer, apex, &zone->soa);
	}
	if (ret == OK) {
		ret = put_static(writer, zone);
	}
	return ret == OK ? zone_set_served(writer, apex, true) : ret;
}

/* Drops all static zones of the root and puts those of the configuration. */
static int edit_static(struct root_writer *writer, void *context)
{
	struct zones *zones = context;
	uint8_t apex[DNS_NAME_MAX];
	bool is_dropped;
	int ret = OK;

	do {
		const struct zone *zone;
		size_t at = 0;
		is_dropped = false;
		while (ret == OK && (zone = root_next_zone(root_draft(writer), &at)) != NULL) {
			if (!zone_is_registry(zone)) {
				memcpy(apex, zone_apex(zone), dns_name_size(zone_apex(zone)));
				ret = zone_drop(writer, apex);
				is_dropped = true;
				break;
			}
		}
	} while (ret == OK && is_dropped);
	for (size_t i = 0; ret == OK && i < zones->count; i++) {
		if (!zones->zones[i].conf->is_registry) {
			ret = install_static(writer, &zones->zones[i]);
		}
	}
	return ret;
}

/* ---- registry zones ---------------------------------------------------------------------- */

static struct zone_shape shape_of(const struct conf *conf, const struct conf_zone *zone)
{
	struct zone_shape shape = {
		.ttl_derived_s = zone->ttl_derived_s,
		.ttl_max_s = zone->ttl_max_s,
		.lease_min_s = zone->lease_min_s,
		.lease_max_s = zone->lease_max_s,
		.key_lease_max_s = zone->key_lease_max_s,
		.lease_default = (uint8_t)zone->lease_default,
		.lease_default_s = zone->lease_default_s,
		.answer_max = zone->answer_max,
		.change_max = conf->change_max,
	};

	memcpy(shape.pool_label, zone->pool_label, zone->pool_label[0] + 1u);
	return shape;
}

/* The command that makes a registry zone what the configuration says. malloc'd; NULL: no memory. */
static uint8_t *base_command(const struct conf *conf, const struct loaded *zone, size_t *size)
{
	struct command_base base = {.zone = zone->conf->name,
				    .shape = shape_of(conf, zone->conf),
				    .soa = &zone->soa,
				    .count = (uint32_t)zone->count};

	random_fill(base.ring_key, sizeof(base.ring_key));
	*size = command_base_size(&base);
	for (size_t i = 0; i < zone->count; i++) {
		const struct command_change change = {.name = zone->names[i],
						      .rdata_size = zone->records[i].size};
		*size += command_change_size(&change);
	}
	uint8_t *command = malloc(*size);
	if (command == NULL) {
		return NULL;
	}
	struct buf_writer out = buf_writer(command, *size);
	command_write_base(&out, &base);
	for (size_t i = 0; i < zone->count; i++) {
		const struct record *record = &zone->records[i];
		const struct command_change change = {.form = DNS_UPDATE_ADD,
						      .name = zone->names[i],
						      .type = record->type,
						      .ttl = record->ttl,
						      .rdata = record->rdata,
						      .rdata_size = record->size};
		command_write_change(&out, &change);
	}
	return command;
}

static uint64_t hash_in_root(struct core *core, const uint8_t *apex)
{
	const struct root *root = core_hold(core);
	const struct zone *zone = root_zone(root, apex);
	const uint64_t hash = zone == NULL || !zone_is_registry(zone) ? 0 : zone_base_hash(zone);

	core_release(core, root);
	return hash;
}

static int submit(struct core *core, uint8_t *command, size_t size, const char *zone,
		  struct zones_error *error)
{
	struct command_result result = {0};
	const int ret = core_submit_wait(core, command, size, &result);

	if (ret != OK || result.rcode != DNS_RCODE_NOERROR) {
		snprintf(error->text, sizeof(error->text), "zone %.200s: its base was refused: %s",
			 zone, ret != OK ? err_text(ret) : result.ede_text);
		return ret != OK ? ret : ERR_CONF;
	}
	return OK;
}

static int install_registry(const struct conf *conf, const struct loaded *zone, struct core *core,
			    struct zones_error *error)
{
	size_t size;
	uint8_t *command = base_command(conf, zone, &size);

	if (command == NULL) {
		return ERR_NOMEM;
	}
	if (hash_in_root(core, zone->conf->name) == registry_base_hash(command, size)) {
		free(command);
		return OK;
	}
	const int ret = submit(core, command, size, zone->conf->text, error);
	if (ret == OK) {
		log_line(LOG_LEVEL_INFO, "zone base installed", "zone=%s records=%zu",
			 zone->conf->text, zone->count);
	}
	return ret;
}

/* Registry zones that the configuration no longer names: at most one each call; NULL at the end. */
static bool next_retired(const struct conf *conf, struct core *core, uint8_t apex[DNS_NAME_MAX])
{
	const struct root *root = core_hold(core);
	const struct zone *zone;
	size_t at = 0;
	bool is_found = false;

	while (!is_found && (zone = root_next_zone(root, &at)) != NULL) {
		const struct conf_zone *wanted = conf_zone_find(conf, zone_apex(zone));
		if (zone_is_registry(zone) && zone_is_served(zone) &&
		    (wanted == NULL || !wanted->is_registry)) {
			memcpy(apex, zone_apex(zone), dns_name_size(zone_apex(zone)));
			is_found = true;
		}
	}
	core_release(core, root);
	return is_found;
}

static int retire(const struct conf *conf, struct core *core, struct zones_error *error)
{
	uint8_t apex[DNS_NAME_MAX];
	char text[DNS_NAME_TEXT_MAX];
	int ret = OK;

	while (ret == OK && next_retired(conf, core, apex)) {
		const size_t size = 1 + dns_name_size(apex);
		uint8_t *command = malloc(size);
		if (command == NULL) {
			return ERR_NOMEM;
		}
		struct buf_writer out = buf_writer(command, size);
		command_write_retire(&out, apex);
		dns_name_to_text(text, apex);
		ret = submit(core, command, size, text, error);
		log_line(LOG_LEVEL_WARNING, "registry zone is in no configuration any more",
			 "zone=%s registrations=kept", text);
	}
	return ret;
}

static int check_kinds(const struct conf *conf, struct core *core, struct zones_error *error)
{
	const struct root *root = core_hold(core);
	int ret = OK;

	for (size_t i = 0; ret == OK && i < conf->zone_count; i++) {
		const struct conf_zone *wanted = &conf->zones[i];
		const struct zone *zone = root_zone(root, wanted->name);
		if (zone != NULL && zone_is_registry(zone) && !wanted->is_registry) {
			snprintf(error->text, sizeof(error->text),
				 "%.200s:%d: zone %.200s holds registrations in this data "
				 "directory, "
				 "it cannot become a static zone",
				 conf->path, wanted->line, wanted->text);
			ret = ERR_CONF;
		}
	}
	core_release(core, root);
	return ret;
}

int zones_install(struct zones *zones, struct core *core, struct zones_error *error)
{
	snprintf(error->text, sizeof(error->text), "%s", err_text(ERR_NOMEM));
	int ret = check_kinds(zones->conf, core, error);
	if (ret == OK) {
		ret = core_edit(core, edit_static, zones);
	}
	for (size_t i = 0; ret == OK && i < zones->count; i++) {
		if (zones->zones[i].conf->is_registry) {
			ret = install_registry(zones->conf, &zones->zones[i], core, error);
		}
	}
	return ret == OK ? retire(zones->conf, core, error) : ret;
}
