/*
 * The inside of the model, for model.c and model_update.c.
 */
#pragma once

#include "tests/sim/model.h"

static inline const char *model_text_of(int name)
{
	return model_names[name].text;
}

static inline uint16_t model_type_of(const struct model_record *record)
{
	return model_rdatas[record->rdata].type;
}

static inline uint64_t model_later(uint64_t one, uint64_t other)
{
	return one > other ? one : other;
}

/* Names that nobody owns. */
bool model_is_shared(const struct model *model, int name);

bool model_has_records(const struct model *model, int name);

void model_drop_record(struct model *model, size_t index);

void model_add_record(struct model *model, const struct model_record *record);

/* The name with all that is known of it goes. */
void model_drop_name(struct model *model, int name);

bool model_is_key(enum model_owner owner);

/* A key has the name no more: what it signed before `signed_s` is a replay for 600 s. */
void model_remember(struct model *model, int name, const struct model_entry *had, uint64_t signed_s,
		    bool frees);

/* Hosts whose lease is over go with the last instance of their owner that points to them. */
void model_release_hosts(struct model *model, uint64_t signed_s, bool frees);

/* A shared name without leased records has no lease; a name without any, nothing at all. */
void model_tidy(struct model *model, int name);

/* ---- model_update.c ------------------------------------------------------------------------ */

size_t model_set_size(const struct model_view *view, int name, uint16_t type);

/* One TTL for a set (RFC 2181 5.2): the base's where it has a part in it. */
void model_set_ttl(struct model *model, int name, uint16_t type, uint32_t ttl);

/* A SOA from the base or an UPDATE: its serial counts when it is greater (RFC 1982). */
void model_take_soa(struct model *model, const struct model_soa *soa);

/* What an UPDATE does. The rcode. */
unsigned model_apply_update(struct model *model, const struct model_update *update,
			    uint64_t version, bool *is_change);
