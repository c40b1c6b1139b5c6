/*
 * After a success the next message goes at 80 % of the lease, and up to 5 % later at random. After
 * failures in a row it goes after 1 s, 2 s, 4 s and so on up to a minute or a tenth of the lease,
 * whichever is longer, each between half and the whole of that at random, so that the providers of
 * a registry that was away do not all come at once. After a refusal it goes after half a minute,
 * then up to five.
 */
#include "libclient/beat.h"

#define RETRY_FIRST_MS 1000u
#define RETRY_MAX_MS 60000u
#define REFUSED_FIRST_MS 30000u
#define REFUSED_MAX_MS 300000u
#define DOUBLINGS_MAX 16

void wgl_beat_init(struct wgl_beat *beat, uint32_t lease_s, uint32_t spread_ms, uint64_t seed,
		   uint64_t now_ms)
{
	*beat = (struct wgl_beat){.state = WAGGLE_PENDING, .asked_s = lease_s};
	rand_init(&beat->rand, seed);
	beat->next_ms = now_ms + (spread_ms == 0 ? 0 : rand_below(&beat->rand, spread_ms));
}

static bool is_running(const struct wgl_beat *beat, uint64_t now_ms)
{
	return beat->granted_s > 0 && now_ms < beat->lease_end_ms;
}

void wgl_beat_success(struct wgl_beat *beat, bool has_lease, uint32_t granted_s, uint64_t sent_ms,
		      uint64_t now_ms)
{
	const uint32_t lease_s = has_lease && granted_s > 0 ? granted_s : beat->asked_s;
	const uint64_t lease_ms = lease_s * 1000ull;
	const uint64_t spread_ms = lease_ms / 20;
	const uint64_t wait_ms =
		lease_ms / 5 * 4 +
		(spread_ms == 0 ? 0
				: rand_below(&beat->rand, spread_ms > UINT32_MAX
								  ? UINT32_MAX
								  : (uint32_t)spread_ms));

	beat->state = WAGGLE_REGISTERED;
	beat->granted_s = lease_s;
	beat->is_leased = has_lease;
	beat->lease_end_ms = sent_ms + lease_ms;
	beat->next_ms = sent_ms + wait_ms > now_ms ? sent_ms + wait_ms : now_ms;
	beat->failures = 0;
	beat->beats++;
}

/* Between half and the whole of a pause that doubles. */
static uint64_t pause(struct wgl_beat *beat, uint64_t first_ms, uint64_t max_ms)
{
	const unsigned doublings = beat->failures < DOUBLINGS_MAX ? beat->failures : DOUBLINGS_MAX;
	uint64_t pause_ms = first_ms << doublings;

	pause_ms = pause_ms < max_ms ? pause_ms : max_ms;
	return pause_ms / 2 + rand_below(&beat->rand, (uint32_t)(pause_ms / 2 + 1));
}

bool wgl_beat_tick(struct wgl_beat *beat, uint64_t now_ms)
{
	if ((beat->state != WAGGLE_REGISTERED && beat->state != WAGGLE_LATE) ||
	    is_running(beat, now_ms)) {
		return false;
	}
	beat->state = WAGGLE_LAPSED;
	return true;
}

void wgl_beat_failure(struct wgl_beat *beat, uint64_t now_ms)
{
	const uint64_t tenth_ms = beat->granted_s * 100ull;

	if (beat->state == WAGGLE_REGISTERED) {
		beat->state = WAGGLE_LATE;
	} else if (beat->state == WAGGLE_DENIED) {
		beat->state = WAGGLE_PENDING;
	}
	(void)wgl_beat_tick(beat, now_ms);
	beat->next_ms = now_ms + pause(beat, RETRY_FIRST_MS,
				       tenth_ms > RETRY_MAX_MS ? tenth_ms : RETRY_MAX_MS);
	beat->failures++;
}

void wgl_beat_refusal(struct wgl_beat *beat, uint64_t now_ms)
{
	if (beat->state != WAGGLE_DENIED) {
		beat->failures = 0;
	}
	beat->state = WAGGLE_DENIED;
	beat->next_ms = now_ms + pause(beat, REFUSED_FIRST_MS, REFUSED_MAX_MS);
	beat->failures++;
}
