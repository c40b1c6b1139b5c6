/* What the commands share: for the files of this module only. */
#pragma once

#include <jansson.h>

#include "ctl/ctl.h"

/* What the server is and has: fills `reply`. ERR_NOMEM. */
int status_run(const struct ctl_options *options, const json_t *request, json_t *reply);
