/*
 * What a UDP worker answered last: a request that comes again octet for octet, but for its ID, gets
 * the same reply again, without being parsed or looked up.
 *
 * That is exact, not nearly so: what is kept is a function of the request's octets, the root and the
 * configuration alone (request.h says of a reply whether it is), and ends with either of them, so
 * a reply is never older than the root loaded after receiving. Bounded: MEMO_REPLIES of them, short
 * ones, the memory of which is touched when it is first used. Thread: its owner's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MEMO_REPLIES 16384
#define MEMO_OCTETS 316 /* of a request without its ID, and its reply, together */

struct memo; /* 5.2 MiB when it is full */
struct memo_entry;

/* *out: returns owned. ERR_NOMEM. */
int memo_new(struct memo **out);
void memo_free(struct memo *memo); /* Takes NULL. */

/*
 * What is in force now; what was kept under another root or configuration is not given any more.
 * Versions and editions never come again.
 */
void memo_round(struct memo *memo, uint64_t root_version, uint64_t conf_edition);

/* Is that what is in force? If not, memo_find() is not to be asked. */
bool memo_is_of(const struct memo *memo, uint64_t root_version, uint64_t conf_edition);

struct memo_look {
	const uint8_t *wire; /* in: the request, kept until memo_keep() */
	size_t size;
	uint32_t hash; /* inside */
	const struct memo_entry *entry; /* out: NULL: nothing is kept for it */
};

/* Looks for the replies of a batch, so that the cache misses of all pass at once. */
void memo_find(const struct memo *memo, struct memo_look *looks, size_t count);

/* Writes the reply that was found; `out` has room for MEMO_OCTETS. Before memo_keep(). The size. */
size_t memo_take(const struct memo_look *look, uint8_t *out);

/*
 * Keeps a reply, if it is short enough and its request has come before: what is asked once seldom
 * takes another's place. Ends what memo_find() found.
 */
void memo_keep(struct memo *memo, const struct memo_look *look, const uint8_t *reply, size_t size);
