/*
 * When a registration is sent again: a pure machine. Time and results come in, the next time and
 * the state go out. RFC 9664 sections 4.2 and 5.2. Thread: any.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/rand.h"
#include "libclient/waggle.h"

struct wgl_beat {
	enum waggle_state state;
	struct rand rand;
	uint32_t asked_s; /* lease */
	uint32_t granted_s; /* 0: none yet */
	bool is_leased; /* the server said a lease */
	uint64_t lease_end_ms;
	uint64_t next_ms; /* when to send */
	unsigned failures; /* in a row */
	uint64_t beats; /* messages that were answered with success */
};

/* A registration that asks for `lease_s`, whose first message goes within `spread_ms`. */
void wgl_beat_init(struct wgl_beat *beat, uint32_t lease_s, uint32_t spread_ms, uint64_t seed,
		   uint64_t now_ms);

/*
 * The server took it. `has_lease`: it said which lease it grants; else the one asked for counts.
 * `sent_ms`: when the message was sent; the lease counts from there, to be safe.
 */
void wgl_beat_success(struct wgl_beat *beat, bool has_lease, uint32_t granted_s, uint64_t sent_ms,
		      uint64_t now_ms);

/* No answer, or one that may be another the next time. */
void wgl_beat_failure(struct wgl_beat *beat, uint64_t now_ms);

/* The server refused: what would change that takes longer. */
void wgl_beat_refusal(struct wgl_beat *beat, uint64_t now_ms);

/* The lease may have run out meanwhile. True: the state changed. */
bool wgl_beat_tick(struct wgl_beat *beat, uint64_t now_ms);
