/*
 * pause: all of a container's processes stand still, and do not know it.
 *
 * Version 2 of the cgroups has cgroup.freeze, version 1 a hierarchy of its own,
 * freezer. A signal would do for one process, and be seen by its parent.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_PAUSE_H
#define NSCTL_RUNTIME_PAUSE_H

#include "common/runtime/record.h"

/* Asks the kernel. */
bool pause_is_paused(const struct record *record);

/* Pauses or wakes, and waits until it is done. Returns 0, or -1, reported: there may be
 * no cgroup that can be frozen. cgroups(7). */
int pause_set(const struct record *record, bool paused);

/* Whether all of a cgroup stands still, or goes on, after its cgroup.freeze (`unified`) or
 * freezer.state, at `path`, was written. */
bool pause_is_done(const char *path, bool unified, bool paused);

#endif
