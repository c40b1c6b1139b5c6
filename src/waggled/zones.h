/*
 * Zones of the configuration into the root: static ones as they are, registry zones' bases as
 * commands. Thread: main.
 */
#pragma once

#include <stdint.h>

#include "conf/conf.h"
#include "registry/core.h"
#include "registry/registry.h"

/* All zone files of a configuration, read and checked, not yet in the root. */
struct zones;

struct zones_error {
	char text[512];
};

/*
 * Reads every file; `port` is where this server answers, for the records that say so; 0 to see
 * whether they load, without a word of what is merely odd in them. *out: returns owned. ERR_CONF with *error (file and line), ERR_NOMEM.
 */
int zones_load(struct zones **out, const struct conf *conf, uint16_t port,
	       struct zones_error *error);
void zones_free(struct zones *zones);

/*
 * Puts them into the root: static zones anew, bases that changed by command, and what is in no
 * configuration any more is dropped (static) or retired (registry: kept, not served). On error the
 * zones that were put stay; *error says which one was refused.
 */
int zones_install(struct zones *zones, struct core *core, struct zones_error *error);
