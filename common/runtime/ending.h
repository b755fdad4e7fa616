/*
 * ending: how a container that lives comes to its end, and what is left of one whose
 * monitor was killed.
 *
 * Signals go to the container's first process, through a descriptor that stands for it
 * and for no other. When that process ends the kernel kills all that is in its PID
 * namespace. What may be outside of that, or is not known because the record can not be
 * read, is in the container's cgroup: its name is the container's id.
 *
 * taught in: step 09, lessons/09-lifecycle.md
 */
#ifndef NSCTL_RUNTIME_ENDING_H
#define NSCTL_RUNTIME_ENDING_H

#include "common/runtime/store.h"

#include <stdint.h>

/* Sends a signal to the first process; one that stands still is woken for it. Returns 0;
 * -1, reported, where it could not be sent; 1 where there is no such process any more.
 * pidfd_send_signal(2). */
int ending_signal(const struct record *record, int signal);

/* Kills whatever there is of it: by cgroup.kill (version 2, Linux 5.14), else in version 1
 * frozen first, and through its first process. */
void ending_kill(const struct record *record);

/* Waits until one that is being set up runs, or has ended, or been removed, which counts as
 * ended; `record` is what it is then. Returns 0, or -1, reported: after 10 s. */
int ending_wait_for_start(struct record *record);

/* Waits until its first process has ended; ending_wait(): until its monitor has written
 * down how, and cleared up. At most `milliseconds`, -1: for ever. Returns
 * whether it is so. */
bool ending_wait_for_init(const struct record *record, int64_t milliseconds);
bool ending_wait(const struct record *record, int64_t milliseconds);

/* Ends it by force, whatever state it is in: first its processes, so that its monitor sees
 * them end; if that does not help, its monitor. Returns 0, or -1, reported. */
int ending_force(struct record *record);

/* Takes away what a monitor that was killed has left on the host: cgroups with whoever
 * is in them, the container's part of the network. For one that is not alive. Returns 0,
 * or -1, reported. */
int ending_clean(const struct record *record);

#endif
