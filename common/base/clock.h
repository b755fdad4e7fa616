/*
 * clock: what time it is, as one number.
 *
 * taught in: step 00, lessons/00-before-you-start.md
 */
#ifndef NSCTL_BASE_CLOCK_H
#define NSCTL_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds since 1970 (CLOCK_REALTIME), or since the boot (CLOCK_MONOTONIC), which
 * nobody can set: for what lasts. clock_gettime(2). */
int64_t clock_now_ns(clockid_t clock);

/* CLOCK_MONOTONIC in milliseconds, as poll(2) counts. */
int64_t clock_now_ms(void);

#endif
