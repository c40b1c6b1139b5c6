/* Random octets for keys, from the system. Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Fills `size` octets; ends the process when the system has none, which Linux never does. */
void random_fill(void *out, size_t size);
uint64_t random_u64(void);
