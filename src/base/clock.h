/*
 * Clocks. Deciding code takes the time as a parameter; only thin skins call these. Thread: any.
 */
#pragma once

#include <stdint.h>

/* Milliseconds that never jump (CLOCK_BOOTTIME is not used: a stopped machine expires nothing). */
uint64_t clock_mono_ms(void);

/* The same in microseconds. */
uint64_t clock_mono_us(void);

/* Seconds since 1970, as TSIG wants them; may jump. */
uint64_t clock_wall_s(void);
