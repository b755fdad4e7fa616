/*
 * volumes: directories and files of the host, and file systems in memory, in
 * the container.
 *
 * taught in: step 07, lessons/07-overlay.md
 */
#ifndef NSCTL_KERNEL_VOLUMES_H
#define NSCTL_KERNEL_VOLUMES_H

#include "common/kernel/volume_options.h"

/* While the host's paths are there: takes each source as a mount of its own,
 * without devices and set-user-id programs. For root this is the parent before
 * the child is made, for a user the child. Returns 0, or -1, reported. */
int volumes_open(struct volumes *volumes);

/* In the child, its root changed and furnished: attaches each at its place,
 * which is made where it is missing. No link leads out of the root meanwhile, or
 * to what this process has open. Returns 0, or -1, reported. openat2(2),
 * move_mount(2). */
int volumes_attach(struct volumes *volumes);

/* The same of a place alone: that directory is there then, below the root. Returns 0, or -1
 * with errno, not reported. */
int volumes_make_place(const char *target);

#endif
