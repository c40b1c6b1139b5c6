#include "net/clients.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "crypto/random.h"
#include "net/prefix.h"

enum {
	CLIENTS_ROWS = 2,
	CLIENTS_CELLS = 32768, /* of a row */
	CLIENTS_V4 = 32, /* bits of an address that tell clients apart */
	CLIENTS_V6 = 64,
};

struct clients {
	struct siphash_key key;
	_Atomic(uint32_t) cells[CLIENTS_ROWS][CLIENTS_CELLS];
};

int clients_new(struct clients **out)
{
	struct clients *clients = calloc(1, sizeof(*clients));
	uint8_t key[SIPHASH_KEY_SIZE];

	if (clients == NULL) {
		return ERR_NOMEM;
	}
	random_fill(key, sizeof(key));
	clients->key = siphash_key(key);
	*out = clients;
	return OK;
}

void clients_free(struct clients *clients)
{
	free(clients);
}

static _Atomic(uint32_t) *clients_cell(struct clients *clients, uint64_t hash, size_t row)
{
	return &clients->cells[row][(hash >> 32 * row) % CLIENTS_CELLS];
}

static void clients_leave_hash(struct clients *clients, uint64_t hash)
{
	for (size_t row = 0; row < CLIENTS_ROWS; row++) {
		atomic_fetch_sub_explicit(clients_cell(clients, hash, row), 1,
					  memory_order_relaxed);
	}
}

bool clients_enter(struct clients *clients, const struct sockaddr_storage *peer, unsigned most)
{
	const uint64_t hash = prefix_hash(&clients->key, peer, CLIENTS_V4, CLIENTS_V6);
	bool is_over = true;

	for (size_t row = 0; row < CLIENTS_ROWS; row++) {
		const uint32_t before = atomic_fetch_add_explicit(clients_cell(clients, hash, row),
								  1, memory_order_relaxed);

		is_over = is_over && before >= most;
	}
	if (is_over) {
		clients_leave_hash(clients, hash);
	}
	return !is_over;
}

void clients_leave(struct clients *clients, const struct sockaddr_storage *peer)
{
	clients_leave_hash(clients, prefix_hash(&clients->key, peer, CLIENTS_V4, CLIENTS_V6));
}
