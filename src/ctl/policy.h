/*
 * `policy`: what the rules of a configuration say of a registration that nobody has sent. waggled is
 * asked it over the control socket; waggle asks it of a file that need not run yet.
 *
 * Pure. Thread: any.
 */
#pragma once

#include <jansson.h>

#include "conf/conf.h"

/*
 * Fills `reply`, an object with "ok" true, or makes it a refusal: "ok" false and "error". `request`
 * is what the control socket takes, see waggled(8). OK, ERR_NOMEM.
 */
int policy_judge(const struct conf *conf, const json_t *request, json_t *reply);
