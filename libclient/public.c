/* Public functions that need no loop: texts, addresses, choosing. */
#include <arpa/inet.h>
#include <stdio.h>

#include "libclient/client.h"
#include "libclient/pick.h"

const char *waggle_version(void)
{
	return PACKAGE_VERSION;
}

static const char *text_of(const char *const *texts, size_t count, size_t index)
{
	return index < count ? texts[index] : "unknown";
}

const char *waggle_mark_text(enum waggle_mark mark)
{
	static const char *const texts[] = {
		[WAGGLE_FRESH] = "fresh",
		[WAGGLE_STALE] = "stale",
		[WAGGLE_SNAPSHOT] = "snapshot",
	};

	return text_of(texts, sizeof(texts) / sizeof(texts[0]), (size_t)mark);
}

const char *waggle_state_text(enum waggle_state state)
{
	static const char *const texts[] = {
		[WAGGLE_PENDING] = "pending",	  [WAGGLE_REGISTERED] = "registered",
		[WAGGLE_LATE] = "late",		  [WAGGLE_LAPSED] = "lapsed",
		[WAGGLE_DENIED] = "denied",	  [WAGGLE_PLANNED] = "planned",
		[WAGGLE_WITHDRAWN] = "withdrawn",
	};

	return text_of(texts, sizeof(texts) / sizeof(texts[0]), (size_t)state);
}

socklen_t waggle_address_size(const union waggle_address *address)
{
	return address->any.sa_family == AF_INET6 ? sizeof(address->v6) : sizeof(address->v4);
}

char *waggle_address_text(char out[WAGGLE_ADDRESS_TEXT], const union waggle_address *address)
{
	char text[INET6_ADDRSTRLEN] = "?";
	uint16_t port = 0;

	if (address->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address->v4.sin_addr, text, sizeof(text));
		port = ntohs(address->v4.sin_port);
	} else if (address->any.sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &address->v6.sin6_addr, text, sizeof(text));
		port = ntohs(address->v6.sin6_port);
	}
	snprintf(out, WAGGLE_ADDRESS_TEXT, "%s@%u", text, port);
	return out;
}

/* splitmix64 (public domain algorithm) over a counter that all threads share. */
static uint64_t next_random(void *context)
{
	struct waggle *client = context;
	uint64_t word = atomic_fetch_add_explicit(&client->random, 0x9e3779b97f4a7c15u,
						  memory_order_relaxed);

	word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9u;
	word = (word ^ word >> 27) * 0x94d049bb133111ebu;
	return word ^ word >> 31;
}

const struct waggle_endpoint *waggle_pick(struct waggle *client, const struct waggle_answer *answer)
{
	return wgl_pick(answer->endpoints, answer->count, next_random, client);
}

size_t waggle_order(struct waggle *client, const struct waggle_answer *answer, size_t *order)
{
	return wgl_order(answer->endpoints, answer->count, order, next_random, client);
}
