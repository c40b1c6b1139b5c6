/* A configuration of any octets: refused with an error that can be shown, or taken whole. */
#undef NDEBUG
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct conf *conf)
{
	assert(conf->listen_count > 0 && conf->threads > 0 && conf->stream_threads > 0);
	for (size_t i = 0; i < conf->key_count; i++) {
		assert(conf->keys[i].secret != NULL);
		assert(conf_key_find(conf, conf->keys[i].name) == &conf->keys[i]);
	}
	for (size_t i = 0; i < conf->zone_count; i++) {
		const struct conf_zone *zone = &conf->zones[i];

		assert(conf_zone_find(conf, zone->name) == zone);
		assert(zone->is_registry == (zone->file == NULL));
		assert(!zone->is_registry || conf->control != NULL);
		assert(!zone->is_registry || zone->base != NULL || conf->has_name);
		assert(zone->lease_min_s <= zone->lease_max_s);
		assert(zone->ttl_derived_s <= zone->lease_min_s);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_error error;
	struct conf *conf = NULL;
	const int ret = conf_parse(&conf, (const char *)data, size, "fuzz", "/nowhere", &error);

	if (ret == OK) {
		check(conf);
		conf_unref(conf);
		return 0;
	}
	assert(ret == ERR_CONF && conf == NULL);
	assert(strncmp(error.text, "fuzz:", 5) == 0);
	for (const char *at = error.text; *at != 0; at++) {
		assert((unsigned char)*at >= ' ' && *at != 0x7f);
	}
	return 0;
}
