/*
 * Response rate limiting: how many replies by UDP a network gets, so that a server asked with
 * forged addresses floods nobody.
 *
 * Each network (a /24, a /56) may have so many a second, and as many at once when it was quiet.
 * The table is shared by all UDP workers, since the kernel spreads one network's packets over all
 * of them: shards would give it so many times the rate. A network's cell is one word of 64 bits,
 * changed by compare-and-swap and tried again when another worker was faster. Nothing else is
 * published through it, so relaxed order is enough; and while a network is over its limit its
 * word is only read, so a flood makes the workers fight for nothing. No lock, and fixed room: two
 * networks that fall on one cell share it, of which a key drawn at the start gives nobody the
 * choice. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "conf/conf.h"

struct rate; /* 512 KiB, of which what is used is real */

/* *out: returns owned. ERR_NOMEM. */
int rate_new(struct rate **out);

/* Takes NULL. */
void rate_free(struct rate *rate);

/*
 * May `peer` have one more reply? On no, *is_first says whether its network was under its limit
 * until now. `now_ms` is of a clock that never jumps; limit->responses is not 0.
 */
bool rate_take(struct rate *rate, const struct conf_rate *limit,
	       const struct sockaddr_storage *peer, uint64_t now_ms, bool *is_first);
