/* Random octets from getrandom(2), which blocks only before the system's first seed. */
#include "crypto/random.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

void random_fill(void *out, size_t size)
{
	uint8_t *at = out;

	while (size > 0) {
		const ssize_t got = getrandom(at, size, 0);

		if (got < 0 && errno != EINTR) {
			abort();
		}
		if (got > 0) {
			at += got;
			size -= (size_t)got;
		}
	}
}

uint64_t random_u64(void)
{
	uint64_t value;

	random_fill(&value, sizeof(value));
	return value;
}
