/*
 * Rules as a reader of the manual would understand them: a few sets, each with what it says of a
 * message. Shares no code with src/.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tests/sim/model.h"

/* How a set is written in a configuration: the registry's keys. */
extern const char *const judge_rules[];
extern const size_t judge_count; /* the last one holds instances back */

/* Does set `rules` let this message in? *update: may it take names over, is it held. */
bool judge_allows(size_t rules, const struct model *model, struct model_update *update);
