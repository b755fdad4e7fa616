/*
 * written: where what a container writes is kept.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_WRITTEN_H
#define NSCTL_RUNTIME_WRITTEN_H

#include "common/runtime/record.h"

/* The directory that has `upper` and `work` in it: --upper, or the record's own. */
const char *written_place(const struct record *record);

/* Whether it is there, and not in memory, which is the container's alone and goes with it.
 * `upper` (PATH_MAX bytes) is overlay's upper directory. Returns 0, or -1, reported. */
int written_find(const struct record *record, char *upper);

#endif
