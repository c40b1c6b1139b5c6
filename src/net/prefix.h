/* Networks of clients, as keys of tables with fixed room. Thread: any. */
#pragma once

#include <stdint.h>
#include <sys/socket.h>

#include "crypto/siphash.h"

/*
 * The keyed hash of the network that the address is in: its first `v4` or `v6` bits. A v4 address
 * mapped into v6 counts as v4.
 */
uint64_t prefix_hash(const struct siphash_key *key, const struct sockaddr_storage *address,
		     unsigned v4, unsigned v6);
